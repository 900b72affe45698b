//! The sample configuration, made from the table of options.

use crate::help::title;
use crate::option::{self, OptionInfo, SectionKind};

const HEAD: &str = "\
; Sample supervisor config file.
;
; A semicolon at the start of a line, or after a blank, starts a comment. Options below that are
; commented out show their defaults, or an example where there is none.
;
; %(here)s is the directory of this file, %(ENV_X)s the variable X of the environment. A percent sign
; is written %%.
";

/// What the sample says beyond defaults: the section's name and the lines that are in force.
struct Shown {
    kind: SectionKind,
    /// Whether the whole section is commented out.
    asleep: bool,
    /// What goes between the name's colon and the bracket.
    name: &'static str,
    set: &'static [(&'static str, &'static str)],
}

const SHOWN: [Shown; 12] = [
    Shown {
        kind: SectionKind::UnixHttpServer,
        asleep: false,
        name: "",
        set: &[("file", "/tmp/supervisor.sock")],
    },
    Shown { kind: SectionKind::InetHttpServer, asleep: true, name: "", set: &[("port", "127.0.0.1:9001")] },
    Shown {
        kind: SectionKind::User,
        asleep: true,
        name: "somebody",
        set: &[("password", "secret"), ("role", "operator")],
    },
    Shown {
        kind: SectionKind::Supervisord,
        asleep: false,
        name: "",
        set: &[("logfile", "/tmp/supervisord.log"), ("pidfile", "/tmp/supervisord.pid")],
    },
    Shown {
        kind: SectionKind::RpcInterface,
        asleep: false,
        name: "supervisor",
        set: &[("supervisor.rpcinterface_factory", "supervisor.rpcinterface:make_main_rpcinterface")],
    },
    Shown {
        kind: SectionKind::Supervisorctl,
        asleep: false,
        name: "",
        set: &[("serverurl", "unix:///tmp/supervisor.sock")],
    },
    Shown {
        kind: SectionKind::Program,
        asleep: true,
        name: "theprogramname",
        set: &[("command", "/bin/cat")],
    },
    Shown {
        kind: SectionKind::EventListener,
        asleep: true,
        name: "theeventlistenername",
        set: &[("command", "/bin/eventlistener"), ("events", "PROCESS_STATE")],
    },
    Shown {
        kind: SectionKind::FcgiProgram,
        asleep: true,
        name: "thefcgiprogramname",
        set: &[("command", "/usr/bin/php-cgi"), ("socket", "tcp://localhost:9000")],
    },
    Shown {
        kind: SectionKind::Group,
        asleep: true,
        name: "thegroupname",
        set: &[("programs", "theprogramname")],
    },
    Shown { kind: SectionKind::Include, asleep: true, name: "", set: &[("files", "conf.d/*.conf")] },
    Shown {
        kind: SectionKind::CtlPlugin,
        asleep: true,
        name: "mine",
        set: &[("supervisor.ctl_factory", "my.package:make_plugin")],
    },
];

/// What stands for the value of an option that has no default.
const EXAMPLES: [(&str, &str); 19] = [
    ("certfile", "/etc/ssl/certs/box.pem"),
    ("keyfile", "/etc/ssl/private/box.key"),
    ("users", "*"),
    ("token", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("childlogdir", "/tmp"),
    ("runtime_directory", "/tmp/menshen-site"),
    ("user", "nobody"),
    ("directory", "/tmp"),
    ("username", "user"),
    ("password", "123"),
    ("chown", "nobody:nogroup"),
    ("history_file", "~/.sc_history"),
    ("umask", "022"),
    ("environment", "KEY=\"value\",OTHER=\"1\""),
    ("killasgroup", "false"),
    ("serverurl", "AUTO"),
    ("socket_owner", "nobody"),
    ("socket_mode", "0700"),
    ("socket_backlog", "128"),
];

/// The same for a name that another kind of section has, too.
const OWN_EXAMPLES: [(SectionKind, &str, &str); 1] =
    [(SectionKind::Supervisord, "history_file", "/tmp/menshen-history.db")];

/// A configuration to start from: minimal, with every option there is in comments.
pub fn sample() -> String {
    let mut text = String::from(HEAD);
    for shown in &SHOWN {
        let name = title(shown.kind).replace(":x]", &format!(":{}]", shown.name));
        let mark = if shown.asleep { ";" } else { "" };
        text.extend(["\n; ", shown.kind.doc(), "\n", mark, name.as_str(), "\n"]);
        for row in option::of(shown.kind) {
            text.push_str(&line(shown, row));
        }
    }
    text
}

fn line(shown: &Shown, row: &OptionInfo) -> String {
    let set = shown.set.iter().find(|(name, _)| *name == row.name);
    // A name can mean one thing here and another there.
    let own = OWN_EXAMPLES.iter().find(|(kind, name, _)| *kind == shown.kind && *name == row.name);
    let example = own.map(|it| it.2).or(EXAMPLES.iter().find(|it| it.0 == row.name).map(|it| it.1));
    let default = row.default.filter(|it| !it.is_empty());
    let value = set.map(|it| it.1).or(default).or(example).unwrap_or_default();
    let mark = if shown.asleep || set.is_none() { ";" } else { "" };
    format!("{:<50} ; {}\n", format!("{mark}{}={value}", row.name), row.doc)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::pretend::Pretend;
    use crate::resolve::load;
    use crate::settings::Overrides;

    #[test]
    fn the_sample_loads_without_a_complaint() {
        let text = sample();
        assert!(text.contains("Sample supervisor config file"));
        let outside = Pretend::new(&[("/etc/supervisord.conf", &text)]);
        let loaded = load(Path::new("/etc/supervisord.conf"), &Overrides::default(), &outside);
        assert_eq!(loaded.diagnostics, []);
        let config = loaded.config.unwrap();
        assert_eq!(config.servers.len(), 1);
        assert!(config.rpc_interfaces[0].is_hosted());
    }

    #[test]
    fn every_section_and_option_is_in_the_sample() {
        let text = sample();
        for kind in SectionKind::ALL {
            assert!(text.contains(kind.prefix()), "{kind:?}");
        }
        for row in option::all() {
            let is_there = |line: &str| line.trim_start_matches(';').starts_with(&format!("{}=", row.name));
            assert!(text.lines().any(is_there), "{}", row.name);
        }
    }

    #[test]
    fn every_line_of_the_sample_can_be_put_in_force() {
        let awake = |line: &str| match line.strip_prefix(';') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        // Names of people, and contradictions, are not for a pretended machine.
        let left_out = ["user=", "chown=", "socket_owner=", "socket_mode=", "killasgroup=", "serverurl=AUTO"];
        let text: Vec<String> = sample()
            .lines()
            .map(awake)
            .filter(|line| !left_out.iter().any(|it| line.starts_with(it)))
            .collect();
        let outside = Pretend::new(&[("/etc/supervisord.conf", &text.join("\n"))]);
        let loaded = load(Path::new("/etc/supervisord.conf"), &Overrides::default(), &outside);
        assert_eq!(loaded.first_error(), None, "{:#?}", loaded.diagnostics);
        assert_eq!(loaded.config.unwrap().groups.len(), 3);
    }
}
