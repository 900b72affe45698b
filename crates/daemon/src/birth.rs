//! From what a configuration says of a program to the order the keeper can carry out blindly: every
//! name looked up, every default filled in.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use model::child::ChildId;
use model::name::FullName;
use model::spawn::SpawnFailure;
use model::spec::{ProcessSpec, ServerUrl};
use wire::keeper::{Identity, Scope, SpawnOrder, Stdio, Will};

use crate::digest::Digest;

/// What every child of this daemon gets unless its program says otherwise.
#[derive(Debug)]
pub(crate) struct Inheritance {
    /// The environment the daemon was started with.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The address children find their supervisor at.
    pub(crate) server_url: Option<String>,
    /// The directory they start in; `None`: the keeper's.
    pub(crate) directory: Option<PathBuf>,
    /// Their umask.
    pub(crate) umask: u32,
    /// Their limits on open descriptors: those the daemon found, before it raised its own.
    pub(crate) nofile: os::limits::Pair,
}

/// The file and the words of a command.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) file: PathBuf,
    pub(crate) words: &'a [String],
}

/// Finds the program of `spec` (`process.py`, `get_execv_args`): what `startProcess` checks before
/// all else, and every start.
pub(crate) fn program<'a>(
    spec: &'a ProcessSpec,
    inheritance: &Inheritance,
) -> Result<Program<'a>, SpawnFailure> {
    let words = spec.command.words.as_ref().map_err(|reason| SpawnFailure::Unparsable {
        command: spec.command.text.clone(),
        reason: reason.clone(),
    })?;
    let first = words.first().ok_or(SpawnFailure::Empty)?;
    let own = spec.environment.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_str());
    let inherited = || {
        let found = inheritance.environment.iter().find(|(key, _)| key == "PATH");
        found.and_then(|(_, value)| value.to_str()).unwrap_or(os::program::DEFAULT_PATH)
    };
    let file = os::program::find(first, own.unwrap_or_else(inherited))?;
    Ok(Program { file, words })
}

/// The order to make a child of `spec` that runs `program`.
pub(crate) fn order(
    child: ChildId,
    name: &FullName,
    spec: &ProcessSpec,
    program: &Program<'_>,
    inheritance: &Inheritance,
) -> Result<SpawnOrder, SpawnFailure> {
    let directory = spec.directory.as_deref().map(Path::new).or(inheritance.directory.as_deref());
    Ok(SpawnOrder {
        child: child.0,
        slot: format!("{}:{}", name.group, name.process).into_bytes(),
        memo: memo(spec),
        path: program.file.as_os_str().as_bytes().to_vec(),
        argv: program.words.iter().map(|it| it.clone().into_bytes()).collect(),
        env: environment(name, spec, inheritance),
        directory: directory.map(|it| it.as_os_str().as_bytes().to_vec()),
        umask: Some(spec.umask.unwrap_or(inheritance.umask)),
        identity: identity(name, spec)?,
        nofile: Some(inheritance.nofile),
        stdin: Stdio::Pipe,
        stdout: Stdio::Pipe,
        stderr: if spec.redirect_stderr { Stdio::SameAsStdout } else { Stdio::Pipe },
        will: will(spec),
        cgroup: None,
    })
}

/// What a child was made from, as far as it could tell the difference: by this a later supervisor that finds it sees
/// whether it is still what is wanted.
pub(crate) fn memo(spec: &ProcessSpec) -> Vec<u8> {
    let text = |it: Option<&Path>| it.map_or(&b""[..], |it| it.as_os_str().as_bytes()).to_vec();
    let user = spec.user.as_ref().map_or(String::new(), |it| it.uid.to_string());
    let umask = spec.umask.map_or(String::new(), |it| it.to_string());
    let mut digest = Digest::new()
        .word(spec.command.text.as_bytes())
        .word(&text(spec.directory.as_deref().map(Path::new)))
        .word(user.as_bytes())
        .word(umask.as_bytes())
        .word(&[u8::from(spec.redirect_stderr)]);
    for (key, value) in &spec.environment {
        digest = digest.word(key.as_bytes()).word(value.as_bytes());
    }
    digest.number().to_le_bytes().to_vec()
}

/// The user and groups to become; `None` when the child stays who we are.
fn identity(name: &FullName, spec: &ProcessSpec) -> Result<Option<Identity>, SpawnFailure> {
    let Some(user) = &spec.user else {
        return Ok(None);
    };
    if user.uid == os::user::own_uid() {
        return Ok(None);
    }
    // It was there when the configuration was read, and may have been removed since.
    let user = os::user::numbered(user.uid).ok_or_else(|| SpawnFailure::Preparing {
        process: name.process.as_str().to_owned(),
        reason: format!("user {} does not exist any more", user.text),
    })?;
    Ok(Some(Identity { uid: user.uid, gid: user.gid, groups: os::user::groups_of(&user) }))
}

/// Whom a signal reaches, in the keeper's words.
pub(crate) const fn reach(scope: supervisor::effect::Scope) -> Scope {
    match scope {
        supervisor::effect::Scope::Process => Scope::Process,
        supervisor::effect::Scope::Group => Scope::Group,
        supervisor::effect::Scope::Tree => Scope::Tree,
    }
}

/// How the keeper stops the child when nobody is left to say so.
pub(crate) fn will(spec: &ProcessSpec) -> Will {
    Will {
        signal: spec.stopsignal.number(),
        wait_ms: u64::try_from(spec.stop_time().as_millis()).unwrap_or(u64::MAX),
        stop_scope: reach(supervisor::effect::Scope::of_stop(spec)),
        kill_scope: reach(supervisor::effect::Scope::of_kill(spec)),
        priority: spec.priority,
    }
}

/// The environment of the child as `KEY=value`: what the daemon was given, then the `SUPERVISOR_*`
/// variables, then the configuration's, each layer winning over the one before. As in the original
/// (`process.py`, `_spawn_as_child`) one that is set again stays in its place, and new ones come last.
fn environment(name: &FullName, spec: &ProcessSpec, inheritance: &Inheritance) -> Vec<Vec<u8>> {
    let url = match &spec.serverurl {
        ServerUrl::Auto => inheritance.server_url.as_deref(),
        ServerUrl::Text(text) => Some(text.as_str()).filter(|it| !it.is_empty()),
    };
    let mut own = vec![("SUPERVISOR_ENABLED", "1")];
    own.extend(url.map(|it| ("SUPERVISOR_SERVER_URL", it)));
    own.push(("SUPERVISOR_PROCESS_NAME", name.process.as_str()));
    own.push(("SUPERVISOR_GROUP_NAME", name.group.as_str()));
    for (key, value) in &spec.environment {
        match own.iter_mut().find(|(known, _)| known == key) {
            Some(known) => known.1 = value,
            None => own.push((key, value)),
        }
    }
    layered(&inheritance.environment, own)
}

/// What was given, and `own` over it.
fn layered(given: &[(OsString, OsString)], mut own: Vec<(&str, &str)>) -> Vec<Vec<u8>> {
    let mut entries = Vec::with_capacity(given.len() + own.len());
    for (key, value) in given {
        let again = own.iter().position(|(known, _)| OsStr::new(known) == key).map(|at| own.remove(at));
        let value = again.map_or(value.as_bytes(), |(_, value)| value.as_bytes());
        entries.push(entry(key.as_bytes(), value));
    }
    entries.extend(own.into_iter().map(|(key, value)| entry(key.as_bytes(), value.as_bytes())));
    entries
}

fn entry(key: &[u8], value: &[u8]) -> Vec<u8> {
    [key, b"=", value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_again_stays_in_its_place_and_what_is_new_comes_last() {
        let given = [("PATH", "/bin"), ("SUPERVISOR_ENABLED", "of another"), ("A", "given"), ("EMPTY", "")];
        let given = given.map(|(key, value)| (key.into(), value.into()));
        let own = vec![("SUPERVISOR_ENABLED", "1"), ("NEW", "x"), ("A", "set=again"), ("LAST", "")];
        let entries = layered(&given, own);
        let text: Vec<_> = entries.iter().map(|it| String::from_utf8_lossy(it)).collect();
        assert_eq!(text, ["PATH=/bin", "SUPERVISOR_ENABLED=1", "A=set=again", "EMPTY=", "NEW=x", "LAST="]);
    }
}
