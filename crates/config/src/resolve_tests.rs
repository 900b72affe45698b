use super::*;
use crate::option;
use crate::pretend::Pretend;
use crate::settings::MainLog;
use crate::source::INCLUDED_FILES_MAX;

const MAIN: &str = "/etc/supervisord.conf";

fn load_text(text: &str) -> Loaded {
    load_files(&[(MAIN, text)])
}

fn load_files(files: &[(&str, &str)]) -> Loaded {
    load(Path::new(MAIN), &Overrides::default(), &Pretend::new(files))
}

fn config(text: &str) -> Config {
    let loaded = load_text(&format!("[supervisord]\n{text}"));
    assert_eq!(loaded.first_error(), None);
    loaded.config.unwrap()
}

fn first_error(text: &str) -> String {
    load_text(text).first_error().unwrap_or("no error").to_owned()
}

fn shown(loaded: &Loaded) -> String {
    loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn process_names(config: &Config) -> String {
    let group = |it: &Arc<GroupSpec>| {
        let names: Vec<_> = it.processes.iter().map(|it| it.name.as_str().to_owned()).collect();
        format!("{}@{}: {}", it.name, it.priority, names.join(" "))
    };
    config.groups.iter().map(group).collect::<Vec<_>>().join("; ")
}

#[test]
fn all_problems_are_told_at_once_and_the_first_is_the_original_one() {
    let loaded = load_text(
        "[supervisord]\nloglevel = warning\nminfds=10s\n\n\
         [program:web]\ncommand=/bin/web\nstopwaitsecs = 10s\nautostrat=true\nuser=wwwdata\n\n\
         [program:db]\nautostart=maybe\nenvironment=\n  A=\"1\",\n  B=don't\n\n\
         [group:all]\nprograms=web,dd\n\n[porgram:x]\ncommand=a\n\n\
         [unix_http_server]\nfile=/tmp/x\nusername=me\nchmod=0999\n",
    );
    assert!(loaded.config.is_none());
    assert_eq!(loaded.first_error(), Some("invalid literal for int() with base 10: '10s'"));
    insta::assert_snapshot!(shown(&loaded), @r"
    /etc/supervisord.conf:3:8: error: [supervisord] minfds: `10s` is not a whole number; write `10`
    /etc/supervisord.conf:2:12: error: [supervisord] loglevel: `warning` is not a log level; write `warn`
    /etc/supervisord.conf:7:16: error: [program:web] stopwaitsecs: `10s` is not a whole number; write `10`
    /etc/supervisord.conf:9:6: error: [program:web] user: there is no user `wwwdata`
    /etc/supervisord.conf:18:10: error: [group:all] programs: there is no [program:dd]; write `db`
    /etc/supervisord.conf:12:11: error: [program:db] autostart: `maybe` is neither true nor false; write `true` or `false`
    /etc/supervisord.conf:14:3: error: [program:db] environment: a quotation mark in it is never closed; put values with quotation marks in them between quotes
    /etc/supervisord.conf:11:1: error: [program:db] has no `command`; write `command = …`
    /etc/supervisord.conf:25:10: error: [unix_http_server] username: there is no password beside it; write `password = …` as well
    /etc/supervisord.conf:26:7: error: [unix_http_server] chmod: `0999` is not an octal number; write octal digits, for example `022`
    /etc/supervisord.conf:8:1: warning: [program:web] has no option `autostrat`; did you mean `autostart`?
    /etc/supervisord.conf:20:1: warning: [porgram:x] is no section that anything reads; did you mean `[program:x]`?
    ");
}

#[test]
fn errors_have_the_words_of_the_original() {
    let cases = [
        ("[program:a]\ncommand=x", ".ini file does not include supervisord section"),
        (
            "[supervisord]\n[program:a]\n",
            "program section program:a does not specify a command in section 'program:a' (file: '/etc/supervisord.conf')",
        ),
        (
            "[supervisord]\n[program:a]\ncommand=x\nnumprocs=2",
            "%(process_num) must be present within process_name when numprocs > 1 in section 'program:a' (file: '/etc/supervisord.conf')",
        ),
        (
            "[supervisord]\n[program:a]\ncommand=x\nstopasgroup=1\nkillasgroup=0",
            "Cannot set stopasgroup=true and killasgroup=false in section 'program:a' (file: '/etc/supervisord.conf')",
        ),
        ("[supervisord]\ncgroups=yes", "invalid 'cgroups' value 'yes'"),
        ("[supervisord]\n[program: a b]\ncommand=x", "Invalid name: ' a b' because of character: ' '"),
        (
            "[supervisord]\n[group:g]\nprograms=a,b\n[program:a]\ncommand=x",
            "[program:a] names unknown program or fcgi-program b",
        ),
        (
            "[supervisord]\n[group:g]\nprograms=a\n[program:a]\ncommand=x\n[fcgi-program:a]\ncommand=x\nsocket=tcp://a:1",
            "[group:g] name a is ambiguous (exists as program and fcgi-program)",
        ),
        ("[supervisord]\nuser=nobody", "Invalid user name nobody"),
        ("[supervisord]\nuser=77", "Invalid user id 77"),
        ("[supervisord]\nchildlogdir=/nope", "/nope is not an existing directory"),
        ("[supervisord]\npidfile=/nope/x", "The directory named as part of the path /nope/x does not exist"),
        ("[supervisord]\n[unix_http_server]", "section [unix_http_server] has no file value"),
        ("[supervisord]\n[inet_http_server:x]", "section [inet_http_server:x] has no port value"),
        ("[supervisord]\n[unix_http_server]\nfile=/x\nchown=nobody", "Invalid sockchown value nobody"),
        ("[supervisord]\n[unix_http_server]\nfile=/x\nchmod=9", "Invalid chmod value 9"),
        (
            "[supervisord]\n[fcgi-program:a]\ncommand=x\nsocket=unix://x",
            "('Unix socket path %s is not an absolute path', 'x') in [fcgi-program:a] socket",
        ),
        (
            "[supervisord]\n[fcgi-program:a]\ncommand=x\nsocket=tcp://a:1\nsocket_mode=0700",
            "socket_owner and socket_mode params should only be used with a Unix domain socket in [fcgi-program:a] socket",
        ),
        ("[supervisord]\n[fcgi-program:a]\ncommand=x", "[fcgi-program:a] section requires a \"socket\" line"),
        (
            "[supervisord]\n[eventlistener:a]\ncommand=x",
            "[eventlistener:a] section requires an \"events\" line",
        ),
        (
            "[supervisord]\n[eventlistener:a]\ncommand=x\nevents=TICK_5,tick_6",
            "Unknown event type TICK_6 in [eventlistener:a] events",
        ),
        (
            "[supervisord]\n[rpcinterface:x]\n",
            "section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory",
        ),
        (
            "[supervisord]\n[rpcinterface:x]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make",
            "supervisor.rpcinterface:make cannot be resolved within [rpcinterface:x]: module 'supervisor.rpcinterface' has no attribute 'make'",
        ),
        ("[supervisord]\n[include]\n", ".ini file has [include] section, but no files setting"),
        (
            "[supervisord]\n[include]\nfiles=%(nope)s",
            "Format string '%(nope)s' for 'include.files' contains names ('nope') which cannot be expanded. Available names: ENV_HOME, ENV_PATH, here, host_node_name",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(first_error(text), expected, "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_in_the_words_of_the_original() {
    let error = |path: &str, outside: &Pretend| {
        load(Path::new(path), &Overrides::default(), outside).first_error().unwrap().to_owned()
    };
    let outside = Pretend::new(&[])
        .with_bytes("/tmp/binary", b"[supervisord]\nx=\xff\xfe\n")
        .with_bytes("/tmp/huge", &vec![b'\n'; usize::try_from(source::FILE_BYTES_MAX).unwrap() + 1]);
    assert_eq!(error("/tmp/nope", &outside), "could not find config file /tmp/nope");
    assert_eq!(error("/tmp", &outside), "could not read config file /tmp");
    assert_eq!(
        error("/tmp/binary", &outside),
        "'utf-8' codec can't decode byte 0xff in position 16: invalid start byte"
    );
    assert_eq!(error("/tmp/huge", &outside), "could not read config file /tmp/huge");
    let loaded = load(Path::new("/tmp/huge"), &Overrides::default(), &outside);
    assert_eq!(shown(&loaded), "error: /tmp/huge cannot be read: has more than 16777216 bytes");
}

#[test]
fn groups_start_by_priority_and_name_and_processes_by_name() {
    let config = config(
        "[group:g]\nprograms=b,a\npriority=5\n[program:a]\ncommand=x\npriority=1\n[program:b]\ncommand=x\n\
         numprocs=12\nprocess_name=p%(process_num)d\n[program:z]\ncommand=x\npriority=-3\n[program:c]\ncommand=x\n\
         [eventlistener:e]\ncommand=x\nevents=EVENT\n[program:none]\ncommand=x\nnumprocs=0\npriority=1000",
    );
    assert_eq!(
        process_names(&config),
        "z@-3: z; e@-1: e; g@5: p0 p1 p10 p11 p2 p3 p4 p5 p6 p7 p8 p9 a; c@999: c; none@1000: "
    );
    assert_eq!(config.groups[1].processes[0].priority, 999);
}

#[test]
fn environments_are_merged_and_can_be_used_in_values() {
    let config = config(
        "environment=A=\"1\",B=\"100%%\"\n[program:p]\nenvironment=B=\"2\",C=\"%(ENV_A)s\"\n\
         command=%(ENV_C)s %(ENV_B)s %(program_name)s %(group_name)s %(host_node_name)s %(here)s\n",
    );
    let process = &config.groups[0].processes[0];
    assert_eq!(process.command.text, "1 2 p p node /etc");
    let environment: Vec<_> = process.environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(environment, ["A=1", "B=2", "C=1"]);
    assert_eq!(config.settings.environment, [("A", "1"), ("B", "100%")].map(|(k, v)| (k.into(), v.into())));
}

#[test]
fn the_command_line_goes_over_the_file() {
    let overrides = Overrides {
        nodaemon: true,
        logfile: Some("syslog".to_owned()),
        user: Some("web".to_owned()),
        minfds: Some(7),
        ..Overrides::default()
    };
    let text = "[supervisord]\nlogfile=x.log\nuser=db\nminfds=5\nminprocs=6\npidfile=~/p";
    let settings = load(Path::new(MAIN), &overrides, &Pretend::new(&[(MAIN, text)])).config.unwrap().settings;
    assert_eq!(settings.logfile, MainLog::Syslog);
    assert_eq!(settings.user.unwrap().user.uid, 7);
    assert_eq!((settings.minfds, settings.minprocs, settings.nodaemon), (7, 6, true));
    assert_eq!(settings.pidfile, Path::new("/home/me/p"));
    assert_eq!(settings.childlogdir, Path::new("/tmp"));
}

#[test]
fn a_user_on_the_command_line_that_is_not_there_has_no_place_in_the_file() {
    let overrides = Overrides { user: Some("nobody".to_owned()), ..Overrides::default() };
    let loaded = load(Path::new(MAIN), &overrides, &Pretend::new(&[(MAIN, "[supervisord]\nuser=web")]));
    assert_eq!(shown(&loaded), "error: there is no user `nobody`");
}

#[test]
fn included_files_are_merged_in_order_and_know_their_directory() {
    let loaded = load_files(&[
        (
            MAIN,
            "[supervisord]\nidentifier=one\n[include]\nfiles = conf.d/*.conf none/*.x\n[program:m]\ncommand=%(here)s/m\n",
        ),
        ("/etc/conf.d/b.conf", "[supervisord]\nidentifier=two\n[program:b]\ncommand=%(here)s/b\n"),
        ("/etc/conf.d/a.conf", "[program:a]\ncommand=%(here)s/a\n[include]\nfiles=/etc/conf.d/c.ini\n"),
        ("/etc/conf.d/c.ini", "[program:c]\ncommand=c\n"),
    ]);
    let config = loaded.config.as_ref().unwrap();
    assert_eq!(config.settings.identifier, "two");
    let commands: Vec<_> = config.groups.iter().map(|it| it.processes[0].command.text.as_str()).collect();
    assert_eq!(commands, ["/etc/conf.d/a", "/etc/conf.d/b", "/etc/m"]);
    assert_eq!(config.include_patterns, ["/etc/conf.d/*.conf", "/etc/none/*.x"]);
    assert_eq!(config.files.len(), 3);
    let notices: Vec<_> = loaded.notices.iter().map(|(level, text)| format!("{level:?} {text}")).collect();
    assert_eq!(
        notices,
        [
            "Warn No file matches via include \"/etc/none/*.x\"",
            "Info Included extra file \"/etc/conf.d/a.conf\" during parsing",
            "Info Included extra file \"/etc/conf.d/b.conf\" during parsing",
        ]
    );
}

#[test]
fn an_error_in_an_included_file_names_that_file() {
    let loaded = load_files(&[
        (MAIN, "[supervisord]\n[include]\nfiles=conf.d/*.conf\n"),
        ("/etc/conf.d/web.conf", "[program:web]\ncommand=x\nstopwaitsecs=10s\n"),
    ]);
    assert_eq!(
        loaded.first_error(),
        Some(
            "invalid literal for int() with base 10: '10s' in section 'program:web' (file: '/etc/conf.d/web.conf')"
        )
    );
    let expected = "/etc/conf.d/web.conf:3:14: error: [program:web] stopwaitsecs: `10s` is not a whole number; write `10`";
    assert_eq!(shown(&loaded), expected);
}

#[test]
fn a_file_that_includes_itself_is_read_twice_and_no_more() {
    let loaded =
        load_files(&[(MAIN, "[supervisord]\n[include]\nfiles=supervisord.conf\n[program:a]\ncommand=x\n")]);
    assert_eq!(loaded.config.unwrap().files.len(), 2);
}

#[test]
fn two_stars_in_a_pattern_are_one() {
    let main = "[supervisord]\n[include]\nfiles=conf.d/***.conf\n";
    let loaded = load_files(&[(MAIN, main), ("/etc/conf.d/a.conf", "[program:a]\ncommand=x\n")]);
    let config = loaded.config.unwrap();
    assert_eq!(
        (config.groups.len(), config.include_patterns.as_slice()),
        (1, &["/etc/conf.d/***.conf".to_owned()][..])
    );
}

#[test]
fn the_number_of_included_files_is_limited() {
    let main = format!("[supervisord]\n[include]\nfiles={}", "a.conf ".repeat(INCLUDED_FILES_MAX + 1));
    let loaded = load_files(&[(MAIN, &main), ("/etc/a.conf", "[program:a]\ncommand=%(here)s\n")]);
    assert_eq!(loaded.first_error(), Some("[include] brings in more than 10000 files"));
}

#[test]
fn a_matched_directory_is_left_out() {
    let loaded = load_files(&[(MAIN, "[supervisord]\n[include]\nfiles=/etc/conf.d\n")]);
    assert_eq!(loaded.config.as_ref().unwrap().files.len(), 1);
    assert_eq!(shown(&loaded), "warning: /etc/conf.d is left out: Is a directory");
}

#[test]
fn servers_come_inet_first_and_the_first_unix_one_is_the_url() {
    let config = config(
        "[unix_http_server]\nfile=/tmp/../tmp/a.sock\nchown=web:www\nusername=u\npassword=p%%\n\
         [inet_http_server]\nport=*:9001\n[unix_http_server:b]\nfile=%(here)s/b.sock\nusername=\npassword=\n",
    );
    let sections: Vec<_> = config
        .servers
        .iter()
        .map(|it| match it {
            ServerSpec::Unix { section, auth, .. } | ServerSpec::Inet { section, auth, .. } => {
                (section.as_str(), auth.is_some())
            }
        })
        .collect();
    assert_eq!(
        sections,
        [("inet_http_server", false), ("unix_http_server", true), ("unix_http_server:b", false)]
    );
    assert_eq!(config.server_url.as_deref(), Some("unix:///tmp/a.sock"));
    let ServerSpec::Unix { chown, chmod, auth, .. } = &config.servers[1] else { panic!("a unix server") };
    assert_eq!((*chown, *chmod), ((Some(7), Some(33)), 0o700));
    assert_eq!(auth.as_ref().unwrap().password, "p%");
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    let loaded = load_text(
        "[DEFAULT]\nnonsense=1\n[supervisord]\nsocket=tcp://a:1\nnodaemon=1\nnodaemon=true\n[program:a]\ncommand=x\nComand=y\n\
         process_name=a\nstderr_logfile=/tmp/x\nredirect_stderr=1\nstdout_logfile_maxbytes=0\n[program]\n[Program:b]\n\
         [eventlistener:a]\ncommand=x\nevents=EVENT\nresult_handler=mine:judge\nstdout_logfile=syslog\n\
         [rpcinterface:other]\nsupervisor.rpcinterface_factory=other:make\nanything=goes\n\
         [ctlplugin:c]\nsupervisor.ctl_factory=other:ctl\n[webserver]\n[unix_http_server]\nfile=/x\nusername=\npassword=\n",
    );
    assert_eq!(loaded.config.as_ref().unwrap().unhosted.len(), 3);
    insta::assert_snapshot!(shown(&loaded), @r"
    /etc/supervisord.conf:22:33: warning: [rpcinterface:other] supervisor.rpcinterface_factory: `other:make` is Python, which cannot be run here; only `supervisor.rpcinterface:make_main_rpcinterface` can be used
    /etc/supervisord.conf:13:25: warning: For [program:a], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally
    /etc/supervisord.conf:11:16: warning: For [program:a], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored
    /etc/supervisord.conf:19:16: warning: [eventlistener:a] result_handler: `mine:judge` is Python, which cannot be run here; only `supervisor.dispatchers:default_handler` can be used
    /etc/supervisord.conf:20:16: warning: For [eventlistener:a], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead.
    /etc/supervisord.conf:29:10: warning: [unix_http_server] username: an empty name lets everyone in
    /etc/supervisord.conf:25:24: warning: [ctlplugin:c]: `other:ctl` is Python, which cannot be run here; it is left out
    /etc/supervisord.conf:4:1: warning: [supervisord] has no option `socket`; it belongs to [fcgi-program:x]
    /etc/supervisord.conf:9:1: warning: [program:a] has no option `comand`; did you mean `command`?
    /etc/supervisord.conf:14:1: warning: [program] is no section that anything reads; it needs a name: `[program:x]`
    /etc/supervisord.conf:15:1: warning: [Program:b] is no section that anything reads; did you mean `[program:b]`?
    /etc/supervisord.conf:26:1: warning: [webserver] is no section that anything reads
    /etc/supervisord.conf:2:1: warning: [DEFAULT] nonsense: no section has such an option
    /etc/supervisord.conf:6:1: warning: [supervisord] nodaemon is set for the second time; this one stands, not that of line 5
    warning: there is more than one group `a`; only the first is started; give one of them another name
    ");
}

#[test]
fn too_many_processes_are_an_error_and_not_a_full_memory() {
    let loaded = load_text(
        "[supervisord]\n[program:a]\ncommand=x\nnumprocs=999999999999\nprocess_name=%(process_num)d\n",
    );
    assert_eq!(
        loaded.first_error().unwrap().split(" in section").next(),
        Some("there are more than 100000 processes in all")
    );
}

#[test]
fn the_environment_cannot_be_written_out_by_mistake() {
    let message = first_error("[supervisord]\n[program:a]\ncommand=echo %s\n");
    assert!(message.contains("badly formatted") && !message.contains("/home/me"), "{message}");
}

#[test]
fn every_option_of_the_table_is_read_by_something() {
    load_text(
        "[supervisord]\n[include]\nfiles=x\n[unix_http_server]\nfile=/x\n[inet_http_server]\nport=1\n\
         [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
         [ctlplugin:x]\nsupervisor.ctl_factory=a:b\n[program:a]\ncommand=x\n\
         [fcgi-program:b]\ncommand=x\nsocket=tcp://a:1\n[eventlistener:c]\ncommand=x\nevents=EVENT\n[group:g]\nprograms=a\n\
         [user:u]\npassword=p\n",
    );
    let client = Pretend::new(&[(MAIN, "[supervisorctl]\n")]);
    crate::client::load(Path::new(MAIN), &client).unwrap();
    let unread: Vec<_> = option::all().filter(|it| !option::reads::has(it)).map(|it| it.name).collect();
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn every_default_of_the_table_is_a_value_of_its_type() {
    let rows = option::of(SectionKind::Program).chain(option::of(SectionKind::Group));
    let lines: Vec<_> = rows.filter_map(|it| Some(format!("{}={}\n", it.name, it.default?))).collect();
    let defaults = lines.concat();
    let plain = config("[program:a]\ncommand=x\n[group:g]\nprograms=a");
    let spelled = config(&format!("[program:a]\ncommand=x\n{defaults}[group:g]\nprograms=a"));
    let (plain, spelled) = (&plain.groups[0].processes[0], &spelled.groups[0].processes[0]);
    assert_eq!(plain.differing_options(spelled), Vec::<&str>::new());
}

#[test]
fn the_client_reads_its_own_section_and_nothing_else() {
    let read = |text: &str| crate::client::load(Path::new(MAIN), &Pretend::new(&[(MAIN, text)]));
    let settings = read(
        "[include]\nfiles=%(nope)s\n[supervisorctl]\nserverurl=unix://%(here)s/s.sock\nhistory_file=~/h\nusername=%(ENV_HOME)s\npassword=p\nprompt=mine\n",
    )
    .unwrap();
    assert_eq!(settings.serverurl, "unix:///etc/s.sock");
    assert_eq!(settings.history_file.as_deref(), Some(Path::new("/home/me/h")));
    assert_eq!(settings.username.as_deref(), Some("/home/me"));
    assert_eq!((settings.password.as_deref(), settings.prompt.as_str()), (Some("p"), "mine"));
    assert_eq!(read("[supervisorctl]\n"), Ok(crate::client::ClientSettings::default()));
    let error = |text: &str| read(text).unwrap_err();
    assert_eq!(error("[supervisord]\n"), ".ini file does not include supervisorctl section");
    assert_eq!(
        error("[supervisorctl]\nprompt=%(here)s"),
        "Format string '%(here)s' for 'supervisorctl.prompt' contains names ('here') which cannot be expanded. Available names: ENV_HOME, ENV_PATH"
    );
    assert_eq!(
        error("[supervisorctl]\n[ctlplugin:x]\n"),
        "section [ctlplugin:x] does not specify a supervisor.ctl_factory"
    );
    let nothing = crate::client::load(Path::new("/tmp/nope"), &Pretend::new(&[]));
    assert_eq!(nothing, Err("could not find config file /tmp/nope".to_owned()));
    assert!(!format!("{settings:?}").contains("\"p\""));
}

#[test]
fn a_configuration_is_looked_for_beside_the_program_first() {
    use crate::discover::discover;
    let both = Pretend::new(&[("/opt/x/etc/supervisord.conf", ""), ("/etc/supervisord.conf", "")]);
    assert_eq!(discover("/opt/x/bin/supervisord", &both).unwrap(), Path::new("/opt/x/etc/supervisord.conf"));
    assert_eq!(discover("supervisord", &both).unwrap(), Path::new("/etc/supervisord.conf"));
    assert_eq!(
        discover("/opt/x/bin/supervisord", &Pretend::new(&[])).unwrap_err(),
        "No config file found at default paths (/opt/x/etc/supervisord.conf, /opt/x/supervisord.conf, \
         supervisord.conf, etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf); use \
         the -c option to specify a config file at a different path"
    );
}
