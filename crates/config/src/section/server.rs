//! `[unix_http_server]` and `[inet_http_server]`: where clients connect.

use std::path::PathBuf;

use gate::password::Password;
use gate::user::{User, Users};
use model::role::Role;

use crate::diagnostic::{Report, Reported, Wrong};
use crate::ini::Section;
use crate::option::{inet_server, server, unix_server};
use crate::python;
use crate::section::{Context, Reader, Suffix, user};
use crate::settings::{Credentials, ServerSpec};
use crate::{suggest, value};

/// The users of the file.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Those that can be used.
    pub(crate) users: Vec<User>,
    /// The sections of those that cannot, which has been said.
    pub(crate) broken: Vec<String>,
}

/// Reads an `[inet_http_server]`.
pub(crate) fn read_inet(
    context: Context<'_>,
    section: &Section,
    known: &Known,
    report: &mut Report,
) -> Result<ServerSpec, Reported> {
    let mut reader = Reader::new(context, section, context.bare_scope(), report);
    let auth = read_credentials(&mut reader);
    // A port can be reached by more than those who ought to: whoever names users means them to be asked.
    let users = read_users(&mut reader, &auth, known, "*");
    let web_compat = reader.value(&server::WEB_COMPAT, value::boolean);
    let tls = read_tls(&mut reader);
    let address = reader.optional(&inet_server::PORT, value::inet_address)?;
    let Some((host, port)) = address else {
        let original = format!("section [{}] has no port value", section.name);
        return Err(reader.missing(&inet_server::PORT, original));
    };
    Ok(ServerSpec::Inet {
        section: section.name.clone(),
        host,
        port,
        auth: auth?,
        users: users?,
        tls: tls?,
        web_compat: web_compat?,
    })
}

/// Reads a `[unix_http_server]`.
pub(crate) fn read_unix(
    context: Context<'_>,
    section: &Section,
    known: &Known,
    report: &mut Report,
) -> Result<ServerSpec, Reported> {
    let machine = context.machine;
    let mut reader = Reader::new(context, section, context.scope(), report);
    let file = read_file(&mut reader);
    let mut reader = reader.again(context.bare_scope(), Suffix::Nothing);
    let auth = read_credentials(&mut reader);
    // Here the permission bits say who may come.
    let users = read_users(&mut reader, &auth, known, "");
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
        users: users?,
        web_compat: web_compat?,
    })
}

/// The files of a certificate. What is in them is looked at by who opens the server.
fn read_tls(reader: &mut Reader<'_, '_>) -> Result<Option<(PathBuf, PathBuf)>, Reported> {
    let machine = reader.context.machine;
    let mut file = |option| -> Result<Option<PathBuf>, Reported> {
        let text = reader.text(option)?;
        Ok(text.map(|it| machine.full_path(python::strip(&it)).into()))
    };
    let (certificate, key) = (file(&inet_server::CERTFILE)?, file(&inet_server::KEYFILE)?);
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), None) => Ok(Some((certificate.clone(), certificate))),
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, Some(_)) => {
            let message = "there is no certfile beside it".to_owned();
            let wrong = Wrong::new(message.clone(), message).or_else_write("write `certfile = …` as well");
            Err(reader.wrong(&inet_server::KEYFILE, wrong))
        }
    }
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

/// Who is let in: the one of the server itself, and those of `users`, or of `default` unless that is given.
fn read_users(
    reader: &mut Reader<'_, '_>,
    auth: &Result<Option<Credentials>, Reported>,
    known: &Known,
    default: &'static str,
) -> Result<Users, Reported> {
    let text = reader.text(&server::USERS)?;
    let mut users = Vec::new();
    if let Ok(Some(auth)) = auth {
        let password = if auth.password.is_empty() {
            // The original lets in who gives none.
            Password::Plain(String::new())
        } else {
            user::password(&auth.password).map_err(|wrong| reader.wrong(&server::PASSWORD, wrong))?
        };
        let name = auth.username.as_str().into();
        users.push(User { name, role: Role::Admin, password: Some(password), tokens: Vec::new() });
    }
    for name in value::list(text.as_deref().unwrap_or(default)) {
        match known.users.iter().find(|it| &*it.name == name) {
            Some(user) => users.push(user.clone()),
            None if name == "*" => users.extend(known.users.iter().cloned()),
            None if known.broken.iter().any(|it| it.strip_prefix("user:") == Some(name)) => {}
            None => {
                let names = known.users.iter().map(|it| &*it.name);
                let remedy = match suggest::nearest(name, names) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("add a section `[user:{name}]`"),
                };
                let message = format!("there is no user `{name}`");
                let wrong = Wrong::new(message.clone(), message).or_else_write(remedy);
                return Err(reader.wrong(&server::USERS, wrong));
            }
        }
    }
    check_once(reader, users)
}

/// Nobody may have two passwords by one door.
fn check_once(reader: &mut Reader<'_, '_>, mut users: Vec<User>) -> Result<Users, Reported> {
    let mut once: Vec<User> = Vec::new();
    for user in users.drain(..) {
        match once.iter().find(|it| it.name == user.name) {
            None => once.push(user),
            Some(same) if *same == user => {}
            Some(_) => {
                let message = format!("`{}` is also [user:{}], with another password", user.name, user.name);
                let wrong = Wrong::new(message.clone(), message);
                let wrong = wrong.or_else_write("give one of them another name, or leave this one out");
                return Err(reader.wrong(&server::USERNAME, wrong));
            }
        }
    }
    Ok(Users::new(once))
}
