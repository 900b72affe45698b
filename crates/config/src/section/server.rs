//! `[unix_http_server]` and `[inet_http_server]`: where clients connect.

use std::path::PathBuf;

use crate::diagnostic::{Report, Reported, Wrong};
use crate::ini::Section;
use crate::option::{inet_server, server, unix_server};
use crate::python;
use crate::section::{Context, Reader};
use crate::settings::{Credentials, ServerSpec};
use crate::value;

/// Reads an `[inet_http_server]`.
pub(crate) fn read_inet(
    context: Context<'_>,
    section: &Section,
    report: &mut Report,
) -> Result<ServerSpec, Reported> {
    let mut reader = Reader::new(context, section, context.bare_scope(), report);
    let auth = read_credentials(&mut reader);
    let web_compat = reader.value(&server::WEB_COMPAT, value::boolean);
    let address = reader.optional(&inet_server::PORT, value::inet_address)?;
    let Some((host, port)) = address else {
        let original = format!("section [{}] has no port value", section.name);
        return Err(reader.missing(&inet_server::PORT, original));
    };
    Ok(ServerSpec::Inet { section: section.name.clone(), host, port, auth: auth?, web_compat: web_compat? })
}

/// Reads a `[unix_http_server]`.
pub(crate) fn read_unix(
    context: Context<'_>,
    section: &Section,
    report: &mut Report,
) -> Result<ServerSpec, Reported> {
    let machine = context.machine;
    let mut reader = Reader::new(context, section, context.scope(), report);
    let file = read_file(&mut reader);
    let mut reader = reader.again(context.bare_scope(), String::new());
    let auth = read_credentials(&mut reader);
    let web_compat = reader.value(&server::WEB_COMPAT, value::boolean);
    let chown = reader.optional(&unix_server::CHOWN, |text| {
        let owner = machine.owner(text).map_err(Wrong::from);
        owner.map_err(|wrong| wrong.originally(format!("Invalid sockchown value {text}")))
    });
    let chmod = reader.value(&unix_server::CHMOD, |text| {
        let mode = value::octal(text).map_err(Wrong::from);
        mode.map_err(|wrong| wrong.originally(format!("Invalid chmod value {text}")))
    });
    let chown = match chown? {
        Some((uid, gid)) => (Some(uid), gid),
        None => (None, None),
    };
    Ok(ServerSpec::Unix {
        section: section.name.clone(),
        file: file?,
        chmod: chmod?,
        chown,
        auth: auth?,
        web_compat: web_compat?,
    })
}

fn read_file(reader: &mut Reader<'_, '_>) -> Result<PathBuf, Reported> {
    let Some(path) = reader.text(&unix_server::FILE)? else {
        let original = format!("section [{}] has no file value", reader.section.name);
        return Err(reader.missing(&unix_server::FILE, original));
    };
    Ok(reader.context.machine.full_path(python::strip(&path)).into())
}

fn read_credentials(reader: &mut Reader<'_, '_>) -> Result<Option<Credentials>, Reported> {
    let username = reader.text(&server::USERNAME);
    let password = reader.text(&server::PASSWORD);
    match (username?, password?) {
        (None, None) => Ok(None),
        (Some(username), Some(_)) if username.is_empty() => {
            let place = reader.place(&server::USERNAME);
            let message = format!("[{}] username: an empty name lets everyone in", reader.section.name);
            reader.report.warning(Some(place), message, None);
            Ok(None)
        }
        (Some(username), Some(password)) => {
            Ok(Some(Credentials { username: username.into_owned(), password: password.into_owned() }))
        }
        (username, _) => {
            let original = format!(
                "Section [{}] contains incomplete authentication: If a username or a password is specified, \
                 both the username and password must be specified",
                reader.section.name
            );
            let (given, other) = match username {
                Some(_) => (&server::USERNAME, &server::PASSWORD),
                None => (&server::PASSWORD, &server::USERNAME),
            };
            let wrong = Wrong::new(format!("there is no {} beside it", other.name), original);
            Err(reader.wrong(given, wrong.or_else_write(format!("write `{} = …` as well", other.name))))
        }
    }
}
