//! Where the server is, and who says so.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use config::client::ClientSettings;
use config::diagnostic::Severity;
use config::settings::{Config, Overrides, ServerSpec};
use model::outside::Outside;

use crate::args::Global;
use crate::client::Target;
use crate::transport::Credentials;

/// How the server is reached.
#[derive(Clone)]
pub(crate) struct Reach {
    /// Its address.
    pub target: Target,
    /// What the shell's prompt says.
    pub prompt: String,
    /// Where the shell's history is kept.
    pub history: Option<PathBuf>,
    /// Who says so.
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// The command line.
    Given,
    /// This configuration.
    File(PathBuf),
    /// The demonstration's socket is there.
    Demonstration,
    /// Nobody.
    Default,
}

impl Reach {
    /// What to do when nobody answers.
    pub(crate) fn advice(&self) -> String {
        match &self.source {
            Source::Given => "  That is the address given with --server.".to_owned(),
            Source::File(path) => {
                format!("  That is the address in {0}. To start it: menshen -c {0}", path.display())
            }
            Source::Demonstration => "  That was the demonstration. To start it again: menshen".to_owned(),
            Source::Default => {
                "  That is the default, since no configuration was found. Name one with -c FILE, \
                                or start the demonstration: menshen"
                    .to_owned()
            }
        }
    }

    /// What to do when the server does not let us in.
    pub(crate) fn login_advice(&self) -> String {
        match &self.source {
            Source::File(path) => format!(
                "  Give a user and a password with -u and -p, or in [supervisorctl] of {}",
                path.display()
            ),
            Source::Given | Source::Demonstration | Source::Default => {
                "  Give a user and a password with -u and -p".to_owned()
            }
        }
    }
}

/// The socket of the demonstration: in the user's runtime directory where there is one.
pub fn demo_socket() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|it| Path::new(it).is_dir()) {
        Some(runtime) => Path::new(&runtime).join("menshen-demo.sock"),
        None => PathBuf::from(format!("/tmp/menshen-demo-{}.sock", os::user::own_uid())),
    }
}

/// Finds the server: the address given, else that of the configuration given or found, else the
/// demonstration's when it is there, else the default.
///
/// # Errors
/// When the configuration cannot be used.
pub(crate) fn find(global: &Global, argv0: &str, outside: &dyn Outside) -> Result<Reach, String> {
    let login = Option::zip(global.username.clone(), global.password.clone())
        .map(|(username, password)| Credentials { username, password });
    let plain = |url: String, source| {
        let target = Target { url, credentials: login.clone() };
        let ClientSettings { prompt, history_file, .. } = ClientSettings::default();
        Reach { target, prompt, history: history_file, source }
    };
    if let Some(url) = &global.server {
        return Ok(plain(url.clone(), Source::Given));
    }
    if let Some(path) = global.config.clone().or_else(|| config::discover(argv0, outside).ok()) {
        let settings = load(&path, outside)?;
        let written = settings.username.zip(settings.password);
        let written = written.map(|(username, password)| Credentials { username, password });
        return Ok(Reach {
            target: Target { url: settings.serverurl, credentials: login.or(written) },
            prompt: settings.prompt,
            history: settings.history_file,
            source: Source::File(path),
        });
    }
    let demo = demo_socket();
    // In `/tmp` anyone may make a file of any name.
    if std::fs::symlink_metadata(&demo).is_ok_and(|it| it.uid() == outside.own_uid()) {
        return Ok(plain(format!("unix://{}", demo.display()), Source::Demonstration));
    }
    Ok(plain(ClientSettings::default().serverurl, Source::Default))
}

/// The client's part of a configuration. Where it has none, the server's part says where it listens,
/// which the original does not look at.
fn load(path: &Path, outside: &dyn Outside) -> Result<ClientSettings, String> {
    let error = match config::client::load(path, outside) {
        Ok(settings) => return Ok(settings),
        Err(error) => error,
    };
    let whole = config::load(path, &Overrides::default(), outside);
    if let Some(settings) = whole.config.as_ref().and_then(from_servers) {
        return Ok(settings);
    }
    // The whole knows the place of what is wrong; the part has the original's words only.
    match whole.diagnostics.iter().find(|it| it.severity == Severity::Error) {
        Some(diagnostic) => Err(diagnostic.to_string()),
        None => Err(format!("{}: {error}", path.display())),
    }
}

fn from_servers(config: &Config) -> Option<ClientSettings> {
    let serverurl = config.server_url.clone()?;
    // The same choice as the address: the first on a unix socket, else the last on a port.
    let is_unix = |it: &&ServerSpec| matches!(it, ServerSpec::Unix { .. });
    let auth = match config.servers.iter().find(is_unix).or(config.servers.last())? {
        ServerSpec::Unix { auth, .. } | ServerSpec::Inet { auth, .. } => auth.as_ref(),
    };
    // A hash lets nobody in.
    let is_hash = |it: &str| it.starts_with("{SHA}") || it.starts_with("$argon2id$");
    let auth = auth.filter(|it| !is_hash(&it.password));
    Some(ClientSettings {
        serverurl,
        username: auth.map(|it| it.username.clone()),
        password: auth.map(|it| it.password.clone()),
        ..ClientSettings::default()
    })
}
