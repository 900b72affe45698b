//! `[user:x]`: who may come in, and what they may do there.

use gate::digest::Digest;
use gate::password::{Password, WrongHash};
use gate::token;
use gate::user::{User, misfit};

use crate::diagnostic::{Report, Reported, Wrong};
use crate::ini::Section;
use crate::option::user as option;
use crate::section::program::bare_name;
use crate::section::{Context, Reader};
use crate::value;

/// Reads a `[user:x]`.
pub(crate) fn read(context: Context<'_>, section: &Section, report: &mut Report) -> Result<User, Reported> {
    let mut reader = Reader::new(context, section, context.bare_scope(), report);
    let name = check_name(&mut reader);
    let password = reader.optional(&option::PASSWORD, password);
    let role = reader.value(&option::ROLE, value::role);
    let tokens = reader.optional(&option::TOKEN, tokens).map(Option::unwrap_or_default);
    let user = User { name: name?.into(), role: role?, password: password?, tokens: tokens? };
    if user.password.is_none() && user.tokens.is_empty() {
        let wrong = plain("there is neither a password nor a token, so nobody can be this user");
        return Err(reader.wrong_section(wrong.or_else_write(format!(
            "write the line that `menshen passwd {}` or `menshen token` prints",
            user.name
        ))));
    }
    Ok(user)
}

fn check_name<'a>(reader: &mut Reader<'a, '_>) -> Result<&'a str, Reported> {
    let name = bare_name(reader.section);
    match misfit(name) {
        None if !name.is_empty() => Ok(name),
        None => Err(reader.wrong_section(plain("a user needs a name").or_else_write("write `[user:name]`"))),
        Some(bad) => {
            let wrong = plain(format!("a name of a user cannot have `{}` in it", bad.escape_default()));
            Err(reader.wrong_section(wrong.or_else_write("write `[user:name]`")))
        }
    }
}

/// A password as a configuration keeps it.
pub(crate) fn password(text: &str) -> Result<Password, Wrong> {
    if text.is_empty() {
        let wrong = plain("an empty password lets everyone in");
        return Err(wrong.or_else_write("write the line that `menshen passwd` prints"));
    }
    Password::parse(text).map_err(|wrong| match wrong {
        WrongHash::Form => {
            plain("it begins like a hash of Argon2id and is none, perhaps because a part is missing")
                .or_else_write("write the line that `menshen passwd` prints, all of it")
        }
        WrongHash::Dear => plain("to check it would take more than 256 MiB, 16 rounds or 16 lanes")
            .or_else_write("write the line that `menshen passwd` prints"),
    })
}

fn tokens(text: &str) -> Result<Vec<Digest>, Wrong> {
    let parse = |it: &str| {
        token::parse(it).ok_or_else(|| {
            // The text is not repeated: it may be a token in clear.
            plain("it is no `sha256:` and 64 hexadecimal digits; a token itself is not kept here")
                .or_else_write("write the line that `menshen token` prints")
        })
    };
    value::list(text).into_iter().map(parse).collect()
}

/// What the original does not know has no words of its own there.
fn plain(message: impl Into<String>) -> Wrong {
    let message = message.into();
    Wrong::new(message.clone(), message)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gate::user::Users;

    use crate::diagnostic::Severity;
    use crate::pretend::Pretend;
    use crate::resolve::{Loaded, load};
    use crate::settings::{Overrides, ServerSpec};

    const MAIN: &str = "/etc/supervisord.conf";

    fn loaded(text: &str) -> Loaded {
        let text = format!("[supervisord]\n{text}");
        load(Path::new(MAIN), &Overrides::default(), &Pretend::new(&[(MAIN, &text)]))
    }

    /// Who may come in by the servers, the port first.
    fn doors(text: &str) -> Vec<String> {
        let config = loaded(text);
        assert_eq!(config.first_error(), None);
        let shown = |users: &Users| {
            let names = ["root", "a", "b", "c"].into_iter().filter_map(|it| users.find(it));
            names.map(|it| format!("{} {}", it.name, it.role)).collect::<Vec<_>>().join(", ")
        };
        let servers = config.config.unwrap().servers;
        let users = servers.iter().map(|it| match it {
            ServerSpec::Unix { users, .. } | ServerSpec::Inet { users, .. } => shown(users),
        });
        users.collect()
    }

    const USERS: &str = "[user:a]\npassword=x\nrole=admin\n[user:b]\npassword=y\nrole=operator\n\
                         [user:c]\ntoken=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";

    #[test]
    fn a_port_asks_as_soon_as_there_are_users_and_a_socket_goes_by_its_permissions() {
        let plain = "[inet_http_server]\nport=1\n[unix_http_server]\nfile=/s\n";
        assert_eq!(doors(plain), ["", ""]);
        assert_eq!(doors(&format!("{plain}{USERS}")), ["a admin, b operator, c viewer", ""]);
        let named = "[inet_http_server]\nport=1\nusers=b\n[unix_http_server]\nfile=/s\nusers=*\n";
        assert_eq!(doors(&format!("{named}{USERS}")), ["b operator", "a admin, b operator, c viewer"]);
        let own = "[inet_http_server]\nport=1\nusername=root\npassword=p\nusers=\n\
                   [unix_http_server]\nfile=/s\nusername=root\npassword=p\n";
        assert_eq!(doors(&format!("{own}{USERS}")), ["root admin", "root admin"]);
        assert_eq!(
            doors(&format!("[inet_http_server]\nport=1\nusers=b,c,b\n{USERS}")),
            ["b operator, c viewer"]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write_instead() {
        let cases = [
            (
                "[user:a]\n",
                "2:1: error: [user:a]: there is neither a password nor a token, so nobody can be this user; write the line that `menshen passwd a` or `menshen token` prints",
            ),
            (
                "[user:a]\npassword=\n",
                "3:10: error: [user:a] password: an empty password lets everyone in; write the line that `menshen passwd` prints",
            ),
            (
                "[user:a]\npassword=x\nrole=root\n",
                "4:6: error: [user:a] role: `root` is not a role; write `viewer`, `operator` or `admin`",
            ),
            (
                "[user:a]\ntoken=secret\n",
                "3:7: error: [user:a] token: it is no `sha256:` and 64 hexadecimal digits; a token itself is not kept here; write the line that `menshen token` prints",
            ),
            (
                "[user:a]\npassword=$argon2id$v=19$m=19456\n",
                "3:10: error: [user:a] password: it begins like a hash of Argon2id and is none, perhaps because a part is missing; write the line that `menshen passwd` prints, all of it",
            ),
            ("[user:]\npassword=x\n", "2:1: error: [user:]: a user needs a name; write `[user:name]`"),
            (
                "[user:a:b]\npassword=x\n",
                "2:1: error: [user:a:b]: a name of a user cannot have `:` in it; write `[user:name]`",
            ),
            (
                "[inet_http_server]\nport=1\nusers=alise\n[user:alice]\npassword=x\n",
                "4:7: error: [inet_http_server] users: there is no user `alise`; did you mean `alice`?",
            ),
            (
                "[inet_http_server]\nport=1\nusername=a\npassword=y\n[user:a]\npassword=x\n",
                "4:10: error: [inet_http_server] username: `a` is also [user:a], with another password; give one of them another name, or leave this one out",
            ),
            (
                "[user:a]\npasword=x\n",
                "2:1: error: [user:a]: there is neither a password nor a token, so nobody can be this user; write the line that `menshen passwd a` or `menshen token` prints",
            ),
        ];
        for (text, wanted) in cases {
            // A user alone, without a server, is as wrong.
            let all = loaded(text);
            let first = all.diagnostics.iter().find(|it| it.severity == Severity::Error).unwrap();
            assert_eq!(first.to_string(), format!("{MAIN}:{wanted}"));
        }
    }

    #[test]
    fn a_wrong_user_is_told_once_and_no_secret_is_repeated() {
        let text = "[inet_http_server]\nport=1\nusers=a\n[user:a]\ntoken=menshen_secret\n";
        let all = loaded(text);
        assert_eq!(all.diagnostics.len(), 1, "{:?}", all.diagnostics);
        assert!(!all.diagnostics[0].to_string().contains("secret"));
        let shown = format!("{:?}", loaded("[inet_http_server]\nport=1\n[user:a]\npassword=hush\n"));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
