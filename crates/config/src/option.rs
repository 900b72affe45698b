//! THE TABLE: every option of every section, declared once.
//!
//! The resolver can read an option only through its row here, so what is accepted, what `menshen
//! help options` says, the sample configuration and the documentation cannot drift apart. To add an
//! option, add a row and read it in its section's file.

/// A kind of section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionKind {
    /// `[supervisord]`
    Supervisord,
    /// `[include]`
    Include,
    /// `[unix_http_server]`
    UnixHttpServer,
    /// `[inet_http_server]`
    InetHttpServer,
    /// `[rpcinterface:x]`
    RpcInterface,
    /// `[supervisorctl]`
    Supervisorctl,
    /// `[ctlplugin:x]`
    CtlPlugin,
    /// `[program:x]`
    Program,
    /// `[fcgi-program:x]`
    FcgiProgram,
    /// `[eventlistener:x]`
    EventListener,
    /// `[group:x]`
    Group,
    /// `[user:x]`
    User,
}

impl SectionKind {
    /// Every kind, in the order in which documentation shows them.
    pub const ALL: [Self; 12] = [
        Self::Supervisord,
        Self::UnixHttpServer,
        Self::InetHttpServer,
        Self::User,
        Self::RpcInterface,
        Self::Supervisorctl,
        Self::CtlPlugin,
        Self::Program,
        Self::FcgiProgram,
        Self::EventListener,
        Self::Group,
        Self::Include,
    ];

    /// What the name of such a section starts with; all of it unless it ends in a colon.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Supervisord => "supervisord",
            Self::Include => "include",
            Self::UnixHttpServer => "unix_http_server",
            Self::InetHttpServer => "inet_http_server",
            Self::RpcInterface => "rpcinterface:",
            Self::Supervisorctl => "supervisorctl",
            Self::CtlPlugin => "ctlplugin:",
            Self::Program => "program:",
            Self::FcgiProgram => "fcgi-program:",
            Self::EventListener => "eventlistener:",
            Self::Group => "group:",
            Self::User => "user:",
        }
    }

    /// The kind of the section with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| match kind {
            Self::Supervisord | Self::Include | Self::Supervisorctl => name == kind.prefix(),
            Self::UnixHttpServer
            | Self::InetHttpServer
            | Self::RpcInterface
            | Self::CtlPlugin
            | Self::Program
            | Self::FcgiProgram
            | Self::EventListener
            | Self::Group
            | Self::User => name.starts_with(kind.prefix()),
        })
    }

    /// Whether it accepts options of any name, which it hands to its plug-in.
    pub const fn takes_any_option(self) -> bool {
        matches!(self, Self::RpcInterface | Self::CtlPlugin)
    }

    /// What such a section is for.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Supervisord => "The daemon itself.",
            Self::Include => "Further files to read.",
            Self::UnixHttpServer => {
                "A server for supervisorctl and other clients on a unix socket. `[unix_http_server:x]` adds more."
            }
            Self::InetHttpServer => {
                "A server for browsers and remote clients on a TCP port. `[inet_http_server:x]` adds more."
            }
            Self::RpcInterface => "A set of methods that clients may call. `supervisor` is the usual one.",
            Self::Supervisorctl => "The command line client.",
            Self::CtlPlugin => "Further commands of the client.",
            Self::Program => "A program to keep running.",
            Self::FcgiProgram => "A FastCGI program, whose processes share one listening socket.",
            Self::EventListener => "A program that is told what happens.",
            Self::Group => "Programs to start, stop and show together.",
            Self::User => "Somebody who may come in by a server, and what they may do there.",
        }
    }
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionType {
    /// Anything.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A number of bytes, or of `KB`, `MB`, `GB`.
    Bytes,
    /// Permission bits in octal.
    Octal,
    /// A word from `critical` to `blather`.
    Level,
    /// The name or number of a signal.
    Signal,
    /// Numbers from 0 to 255 with commas between them.
    ExitCodes,
    /// `true`, `false` or `unexpected`.
    AutoRestart,
    /// `adopt` or `kill`.
    Orphans,
    /// `auto`, `off` or `require`.
    Cgroups,
    /// `viewer`, `operator` or `admin`.
    Role,
    /// A directory that exists.
    Directory,
    /// A path.
    Path,
    /// A path, or a word with a meaning of its own.
    LogFile,
    /// The name or number of a user.
    User,
    /// `user` or `user:group`.
    Owner,
    /// `host:port` or `port`.
    Address,
    /// `tcp://host:port` or `unix:///path`.
    Socket,
    /// `KEY="value",KEY2="value2"`.
    Environment,
    /// A command line.
    Command,
    /// Words with commas between them.
    List,
    /// File name patterns with blanks between them.
    Patterns,
    /// `package.module:function`.
    Plugin,
    /// `http://host:port` or `unix:///path`.
    Url,
    /// `never`, `hourly`, `daily` or a number of seconds.
    RotateWhen,
    /// `none`, `gzip` or `zstd`.
    Compression,
    /// `raw`, `prefix` or `json`.
    LogFormat,
    /// `block` or `drop`.
    OnFull,
}

impl OptionType {
    /// How documentation calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "number",
            Self::Boolean => "true or false",
            Self::Bytes => "bytes, KB, MB or GB",
            Self::Octal => "octal",
            Self::Level => "log level",
            Self::Signal => "signal",
            Self::ExitCodes => "exit codes",
            Self::AutoRestart => "true, false or unexpected",
            Self::Orphans => "adopt or kill",
            Self::Cgroups => "auto, off or require",
            Self::Role => "viewer, operator or admin",
            Self::Directory => "directory",
            Self::Path => "path",
            Self::LogFile => "path or word",
            Self::User => "user",
            Self::Owner => "user or user:group",
            Self::Address => "host:port or port",
            Self::Socket => "tcp:// or unix://",
            Self::Environment => "KEY=\"value\",…",
            Self::Command => "command line",
            Self::List => "list",
            Self::Patterns => "patterns",
            Self::Plugin => "module:function",
            Self::Url => "URL",
            Self::RotateWhen => "never, hourly, daily or seconds",
            Self::Compression => "none, gzip or zstd",
            Self::LogFormat => "raw, prefix or json",
            Self::OnFull => "block or drop",
        }
    }
}

/// Who knows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The original and this program.
    Supervisor,
    /// This program, from this version on; the original ignores it.
    Menshen(&'static str),
}

/// A row of the table.
#[derive(Debug)]
pub struct OptionInfo {
    /// The sections it belongs to.
    pub sections: &'static [SectionKind],
    /// Its name.
    pub name: &'static str,
    /// What its value must look like.
    pub kind: OptionType,
    /// What stands in for it, as it would be written; `None` when it may be absent or must be given.
    pub default: Option<&'static str>,
    /// Whether a section without it is an error.
    pub required: bool,
    /// Who knows it.
    pub since: Since,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

macro_rules! table {
    ($($module:ident, $doc:literal, $sections:expr => {
        $($row:ident $name:literal $kind:ident $(= $default:literal)? $(is $required:ident)?
            $(since $version:literal)?: $text:literal;)*
    })*) => {
        $(
            #[doc = $doc]
            pub(crate) mod $module {
                use super::{OptionInfo, OptionType, SectionKind, Since};
                const SECTIONS: &[SectionKind] = &$sections;
                $(
                    pub(crate) static $row: OptionInfo = OptionInfo {
                        sections: SECTIONS,
                        name: $name,
                        kind: OptionType::$kind,
                        default: table!(@default $($default)?),
                        required: table!(@required $($required)?),
                        since: table!(@since $($version)?),
                        doc: $text,
                    };
                )*
                pub(super) const ROWS: &[&OptionInfo] = &[$(&$row),*];
            }
        )*
        const BLOCKS: &[&[&OptionInfo]] = &[$($module::ROWS),*];
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    (@required) => { false };
    (@required required) => { true };
    (@since) => { Since::Supervisor };
    (@since $version:literal) => { Since::Menshen($version) };
}

table! {
    supervisord, "Options of `[supervisord]`.", [SectionKind::Supervisord] => {
        LOGFILE "logfile" LogFile = "supervisord.log":
            "The daemon's own log; `syslog` sends it to the system log.";
        LOGFILE_MAXBYTES "logfile_maxbytes" Bytes = "50MB":
            "The size at which that log is rotated; 0 never does, which devices such as /dev/stdout need.";
        LOGFILE_BACKUPS "logfile_backups" Integer = "10": "How many rotated files of it to keep.";
        LOGLEVEL "loglevel" Level = "info":
            "How much goes into it: critical, error, warn, info, debug, trace or blather.";
        PIDFILE "pidfile" Path = "supervisord.pid": "The file that holds the daemon's process id.";
        UMASK "umask" Octal = "022": "The umask of the daemon once it is in the background.";
        NODAEMON "nodaemon" Boolean = "false": "Whether it stays in the foreground.";
        SILENT "silent" Boolean = "false":
            "Whether it keeps its log off standard output while in the foreground.";
        MINFDS "minfds" Integer = "1024": "How many file descriptors it must be able to open.";
        MINPROCS "minprocs" Integer = "200": "How many processes its user must be able to have.";
        NOCLEANUP "nocleanup" Boolean = "false": "Whether automatic child logs of an earlier run are kept.";
        CHILDLOGDIR "childlogdir" Directory:
            "Where automatic child logs go; the directory for temporary files unless given.";
        USER "user" User: "The user to become before anything is started.";
        DIRECTORY "directory" Directory: "The directory to go to once it is in the background.";
        STRIP_ANSI "strip_ansi" Boolean = "false": "Whether colour codes are taken out of child logs.";
        ENVIRONMENT "environment" Environment = "":
            "Variables for every process, which can also be used as %(ENV_x)s in other options.";
        IDENTIFIER "identifier" Text = "supervisor":
            "The name of this instance in events and in the names of automatic logs.";
        ORPHANS "orphans" Orphans = "adopt" since "0.1.0":
            "What becomes of programs when the daemon or the keeper dies: they run on and are taken over, or they are stopped.";
        CGROUPS "cgroups" Cgroups = "auto" since "0.1.0":
            "When a program with stopastree gets a control group, which nobody leaves: where that works, never or always.";
        RUNTIME_DIRECTORY "runtime_directory" Path since "0.1.0":
            "Where it keeps what outlives its death; a place under /run, /tmp or the like unless given.";
        HISTORY_FILE "history_file" Path since "0.1.0":
            "The SQLite database that remembers what happened and how much was used; nothing is remembered unless given.";
        HISTORY_MAXBYTES "history_maxbytes" Bytes = "100MB" since "0.1.0":
            "How large that may become before the oldest in it is dropped; 1MB at least.";
        SAMPLE_INTERVAL "sample_interval" Integer = "5" since "0.1.0":
            "How many seconds lie between two looks at what programs use, while somebody watches or it is remembered; 0: never.";
    }
    include, "Options of `[include]`.", [SectionKind::Include] => {
        FILES "files" Patterns is required:
            "Files to read after this one, relative to it; * ? and [] match names.";
    }
    server, "Options that both kinds of servers have.",
        [SectionKind::UnixHttpServer, SectionKind::InetHttpServer] => {
        USERNAME "username" Text: "The name a client must give; without it nobody is asked.";
        PASSWORD "password" Text:
            "The password that belongs to it, in clear text, as {SHA} and the hexadecimal SHA-1, or as menshen passwd prints it.";
        USERS "users" List since "0.1.0":
            "Which [user:x] may come in, * for all; unless given all by a port, none by a unix socket.";
        WEB_COMPAT "web_compat" Boolean = "false" since "0.1":
            "Whether /index.html?processname=x&action=y changes things as in Supervisor, whoever made a browser look.";
    }
    unix_server, "Options of `[unix_http_server]`.", [SectionKind::UnixHttpServer] => {
        FILE "file" Path is required: "The path of the socket.";
        CHMOD "chmod" Octal = "0700": "Who may connect: the permission bits of the socket.";
        CHOWN "chown" Owner: "Whom the socket belongs to.";
    }
    inet_server, "Options of `[inet_http_server]`.", [SectionKind::InetHttpServer] => {
        PORT "port" Address is required:
            "The address to listen on; a port alone or *:port means all interfaces.";
        CERTFILE "certfile" Path since "0.1.0":
            "A certificate in PEM with those that vouch for it: clients come by https:// then.";
        KEYFILE "keyfile" Path since "0.1.0": "Its private key in PEM; in the file of the certificate unless given.";
    }
    user, "Options of `[user:x]`.", [SectionKind::User] => {
        PASSWORD "password" Text since "0.1.0":
            "Their password, as menshen passwd prints it; {SHA} and clear text are understood, too.";
        ROLE "role" Role = "viewer" since "0.1.0":
            "What they may do: a viewer looks, an operator starts and stops, an admin does everything.";
        TOKEN "token" List since "0.1.0":
            "Tokens for programs that come as this user, as menshen token prints them.";
    }
    rpc_interface, "Options of `[rpcinterface:x]`.", [SectionKind::RpcInterface] => {
        FACTORY "supervisor.rpcinterface_factory" Plugin is required:
            "The function that makes it; only supervisor.rpcinterface:make_main_rpcinterface is hosted.";
    }
    client, "Options of `[supervisorctl]`.", [SectionKind::Supervisorctl] => {
        SERVERURL "serverurl" Url = "http://localhost:9001": "The server to talk to.";
        USERNAME "username" Text: "The name to give it.";
        PASSWORD "password" Text: "The password to give it.";
        PROMPT "prompt" Text = "supervisor": "What the interactive prompt shows.";
        HISTORY_FILE "history_file" Path: "Where commands typed at the prompt are remembered.";
    }
    ctl_plugin, "Options of `[ctlplugin:x]`.", [SectionKind::CtlPlugin] => {
        FACTORY "supervisor.ctl_factory" Plugin is required: "The Python function that makes its commands.";
    }
    process, "Options of every section that describes a program.",
        [SectionKind::Program, SectionKind::FcgiProgram, SectionKind::EventListener] => {
        COMMAND "command" Command is required: "What to run, split into words as a shell would.";
        PROCESS_NAME "process_name" Text = "%(program_name)s":
            "The name of each process; with several it must hold %(process_num).";
        NUMPROCS "numprocs" Integer = "1": "How many processes to run.";
        NUMPROCS_START "numprocs_start" Integer = "0": "The %(process_num) of the first of them.";
        PRIORITY "priority" Integer = "999": "Lower starts earlier and stops later.";
        AUTOSTART "autostart" Boolean = "true": "Whether it starts together with the daemon.";
        STARTSECS "startsecs" Integer = "1": "How many seconds it must stay up to count as started.";
        STARTRETRIES "startretries" Integer = "3":
            "How many failed starts in a row are tried again before it is given up.";
        AUTORESTART "autorestart" AutoRestart = "unexpected":
            "Whether it is started again when it ends; unexpected asks exitcodes.";
        EXITCODES "exitcodes" ExitCodes = "0": "The exit codes that are expected.";
        STOPSIGNAL "stopsignal" Signal = "TERM": "The signal that asks it to stop.";
        STOPWAITSECS "stopwaitsecs" Integer = "10":
            "How many seconds it may take to stop before it is killed.";
        STOPASGROUP "stopasgroup" Boolean = "false":
            "Whether the stop signal goes to its whole process group; implies killasgroup.";
        KILLASGROUP "killasgroup" Boolean:
            "Whether the kill goes to its whole process group; the same as stopasgroup unless given.";
        STOPASTREE "stopastree" Boolean = "false" since "0.1.0":
            "Whether both go to everything that descends from it, whatever group or session that is in by now.";
        USER "user" User: "The user to run it as.";
        DIRECTORY "directory" Path: "The directory to run it in.";
        UMASK "umask" Octal: "Its umask; the daemon's unless given.";
        ENVIRONMENT "environment" Environment = "": "Further variables for it.";
        SERVERURL "serverurl" Url:
            "What it finds in SUPERVISOR_SERVER_URL; AUTO, as if absent, is the address of a server of ours.";
        REDIRECT_STDERR "redirect_stderr" Boolean = "false":
            "Whether standard error goes where standard output goes.";
        STDOUT_LOGFILE "stdout_logfile" LogFile = "AUTO":
            "The log of standard output; AUTO makes a temporary file, NONE drops it.";
        STDOUT_LOGFILE_MAXBYTES "stdout_logfile_maxbytes" Bytes = "50MB":
            "The size at which that log is rotated; 0 never does.";
        STDOUT_LOGFILE_BACKUPS "stdout_logfile_backups" Integer = "10": "How many rotated files to keep.";
        STDOUT_LOGFILE_ROTATE "stdout_logfile_rotate" RotateWhen = "never" since "0.1.0":
            "When that log is rotated although it is not full: never, hourly, daily or every so many seconds.";
        STDOUT_LOGFILE_COMPRESS "stdout_logfile_compress" Compression = "none" since "0.1.0":
            "How its rotated files are made smaller: none, gzip or zstd.";
        STDOUT_LOGFILE_TOTAL_MAXBYTES "stdout_logfile_total_maxbytes" Bytes = "0" since "0.1.0":
            "How much it and its rotated files may have in all before the oldest goes; 0 is any amount.";
        STDOUT_LOGFILE_FORMAT "stdout_logfile_format" LogFormat = "raw" since "0.1.0":
            "What a line looks like there: raw, prefix (time and names before it) or json.";
        STDOUT_LOGFILE_ON_FULL "stdout_logfile_on_full" OnFull = "block" since "0.1.0":
            "What becomes of output that the log does not take: block makes it wait, drop counts it.";
        STDOUT_LOGFILE_ALSO "stdout_logfile_also" List = "" since "0.1.0":
            "Further files and devices that get a copy, such as /dev/stdout.";
        STDOUT_CAPTURE_MAXBYTES "stdout_capture_maxbytes" Bytes = "0":
            "How much to keep of what it writes between capture tokens; 0 looks for none.";
        STDOUT_EVENTS_ENABLED "stdout_events_enabled" Boolean = "false":
            "Whether what it writes is published as PROCESS_LOG events.";
        STDOUT_SYSLOG "stdout_syslog" Boolean = "false": "Whether what it writes also goes to the system log.";
        STDERR_LOGFILE "stderr_logfile" LogFile = "AUTO":
            "The log of standard error; AUTO makes a temporary file, NONE drops it.";
        STDERR_LOGFILE_MAXBYTES "stderr_logfile_maxbytes" Bytes = "50MB":
            "The size at which that log is rotated; 0 never does.";
        STDERR_LOGFILE_BACKUPS "stderr_logfile_backups" Integer = "10": "How many rotated files to keep.";
        STDERR_LOGFILE_ROTATE "stderr_logfile_rotate" RotateWhen = "never" since "0.1.0":
            "When that log is rotated although it is not full: never, hourly, daily or every so many seconds.";
        STDERR_LOGFILE_COMPRESS "stderr_logfile_compress" Compression = "none" since "0.1.0":
            "How its rotated files are made smaller: none, gzip or zstd.";
        STDERR_LOGFILE_TOTAL_MAXBYTES "stderr_logfile_total_maxbytes" Bytes = "0" since "0.1.0":
            "How much it and its rotated files may have in all before the oldest goes; 0 is any amount.";
        STDERR_LOGFILE_FORMAT "stderr_logfile_format" LogFormat = "raw" since "0.1.0":
            "What a line looks like there: raw, prefix (time and names before it) or json.";
        STDERR_LOGFILE_ON_FULL "stderr_logfile_on_full" OnFull = "block" since "0.1.0":
            "What becomes of output that the log does not take: block makes it wait, drop counts it.";
        STDERR_LOGFILE_ALSO "stderr_logfile_also" List = "" since "0.1.0":
            "Further files and devices that get a copy, such as /dev/stdout.";
        STDERR_CAPTURE_MAXBYTES "stderr_capture_maxbytes" Bytes = "0":
            "How much to keep of what it writes there between capture tokens; 0 looks for none.";
        STDERR_EVENTS_ENABLED "stderr_events_enabled" Boolean = "false":
            "Whether what it writes there is published as PROCESS_LOG events.";
        STDERR_SYSLOG "stderr_syslog" Boolean = "false":
            "Whether what it writes there also goes to the system log.";
    }
    fcgi, "Further options of `[fcgi-program:x]`.", [SectionKind::FcgiProgram] => {
        SOCKET "socket" Socket is required: "The socket its processes accept connections on.";
        SOCKET_OWNER "socket_owner" Owner: "Whom a unix socket belongs to; the user of the program unless given.";
        SOCKET_MODE "socket_mode" Octal: "The permission bits of a unix socket; 0700 unless given.";
        SOCKET_BACKLOG "socket_backlog" Integer:
            "How many connections may wait to be accepted; as many as the kernel allows unless given.";
    }
    listener, "Further options of `[eventlistener:x]`.", [SectionKind::EventListener] => {
        EVENTS "events" List is required: "The types of events it wants.";
        BUFFER_SIZE "buffer_size" Integer = "10": "How many events may wait for it.";
        RESULT_HANDLER "result_handler" Plugin = "supervisor.dispatchers:default_handler":
            "The function that judges its results; of others, all results but FAIL count as OK.";
        POOL_PRIORITY "priority" Integer = "-1":
            "The priority of the pool; lower starts earlier and stops later.";
    }
    group, "Options of `[group:x]`.", [SectionKind::Group] => {
        PROGRAMS "programs" List = "": "The programs that belong to it.";
        PRIORITY "priority" Integer = "999": "Lower starts earlier and stops later.";
    }
}

/// Every row, grouped by section kind.
pub fn all() -> impl Iterator<Item = &'static OptionInfo> {
    BLOCKS.iter().flat_map(|rows| rows.iter().copied())
}

/// The rows of one kind of section. A row of its own kind hides one of the same name that it
/// shares with others.
pub fn of(kind: SectionKind) -> impl Iterator<Item = &'static OptionInfo> {
    all().filter(move |row| row.sections.contains(&kind)).filter(move |row| {
        let own = |it: &&OptionInfo| it.name == row.name && it.sections.len() < row.sections.len();
        !all().filter(|it| it.sections.contains(&kind)).any(|it| own(&it))
    })
}

/// The row of an option of one kind of section.
pub fn find(kind: SectionKind, name: &str) -> Option<&'static OptionInfo> {
    of(kind).find(|row| row.name == name)
}

#[cfg(test)]
pub(crate) mod reads {
    //! Which rows have been read on this thread, so that a test can prove that all are.

    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::OptionInfo;

    thread_local! {
        static READ: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(crate) fn note(option: &'static OptionInfo) {
        READ.with_borrow_mut(|read| read.insert(std::ptr::from_ref(option).addr()));
    }

    pub(crate) fn has(option: &'static OptionInfo) -> bool {
        READ.with_borrow(|read| read.contains(&std::ptr::from_ref(option).addr()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_section_has_two_options_of_one_name_and_every_doc_is_one_sentence() {
        for kind in SectionKind::ALL {
            let mut names: Vec<_> = of(kind).map(|it| it.name).collect();
            assert!(!names.is_empty(), "{kind:?}");
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{kind:?}");
        }
        for row in all() {
            assert!(row.doc.ends_with('.') && row.doc.len() < 120, "{}: {}", row.name, row.doc);
            assert!(!(row.required && row.default.is_some()), "{}", row.name);
        }
    }

    #[test]
    fn a_section_is_known_by_how_it_starts() {
        assert_eq!(SectionKind::of("program:x"), Some(SectionKind::Program));
        assert_eq!(SectionKind::of("fcgi-program:x"), Some(SectionKind::FcgiProgram));
        assert_eq!(SectionKind::of("unix_http_server:two"), Some(SectionKind::UnixHttpServer));
        assert_eq!(SectionKind::of("supervisord2"), None);
        assert_eq!(SectionKind::of("program"), None);
        assert_eq!(SectionKind::of(" program:x"), None);
        assert_eq!(find(SectionKind::EventListener, "priority").unwrap().default, Some("-1"));
        assert_eq!(find(SectionKind::Program, "priority").unwrap().default, Some("999"));
    }
}
