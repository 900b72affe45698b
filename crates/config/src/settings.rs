//! What a configuration yields: the daemon's settings, its servers, and what to run.

use std::path::PathBuf;
use std::sync::Arc;

use gate::user::Users;
use model::level::Level;
use model::outside::User;
use model::spec::GroupSpec;

use crate::span::Span;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The daemon itself.
    pub settings: Settings,
    /// The servers, in the order in which they are opened.
    pub servers: Vec<ServerSpec>,
    /// What to run, in the order in which it is started: by priority, then name. Of several groups
    /// of one name only the first is ever active.
    pub groups: Vec<Arc<GroupSpec>>,
    /// The sets of methods clients may call, in the order of their sections.
    pub rpc_interfaces: Vec<RpcInterface>,
    /// Plug-ins in Python that cannot be hosted.
    pub unhosted: Vec<Unhosted>,
    /// The patterns of `[include]`, made absolute.
    pub include_patterns: Vec<String>,
    /// The files that were read, the main one first.
    pub files: Vec<PathBuf>,
    /// What `SUPERVISOR_SERVER_URL` says unless a program says otherwise: the first unix server,
    /// else the last inet server.
    pub server_url: Option<String>,
}

/// Where the daemon's own log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MainLog {
    /// To this file, an absolute path.
    File(PathBuf),
    /// To the system log.
    Syslog,
}

/// A user as a configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    /// As written: a name or a number.
    pub text: String,
    /// Who that is.
    pub user: User,
}

/// The daemon's settings, with the command line already laid over the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent option of the file")]
pub struct Settings {
    /// Where its own log goes.
    pub logfile: MainLog,
    /// Rotate it at this size; zero or less: never.
    pub logfile_maxbytes: i64,
    /// How many rotated files to keep.
    pub logfile_backups: i64,
    /// How much goes into it.
    pub loglevel: Level,
    /// The file for the process id, an absolute path.
    pub pidfile: PathBuf,
    /// The umask once in the background.
    pub umask: u32,
    /// Stay in the foreground.
    pub nodaemon: bool,
    /// Keep the log off standard output.
    pub silent: bool,
    /// How many descriptors must be available.
    pub minfds: i64,
    /// How many processes must be available.
    pub minprocs: i64,
    /// Keep automatic child logs of an earlier run.
    pub nocleanup: bool,
    /// Where automatic child logs go.
    pub childlogdir: PathBuf,
    /// Whom to become.
    pub user: Option<RunAs>,
    /// Where to go once in the background.
    pub directory: Option<PathBuf>,
    /// Take colour codes out of child logs.
    pub strip_ansi: bool,
    /// Variables for every process, in order of their keys.
    pub environment: Vec<(String, String)>,
    /// The name of this instance.
    pub identifier: String,
    /// The directory of the main file: `%(here)s`.
    pub here: PathBuf,
    /// Where to keep what must be remembered when the daemon is killed, an absolute path; `None`: a place is found.
    pub runtime_directory: Option<PathBuf>,
    /// What becomes of programs when their guards die.
    pub orphans: Orphans,
    /// Where to remember what happened and how much was used; `None`: nowhere.
    pub history: Option<History>,
    /// How many seconds lie between two looks at what programs use; 0: nobody ever looks.
    pub sample_interval_secs: u32,
    /// Whether programs whose whole tree is to be stopped get control groups.
    pub cgroups: Cgroups,
}

/// Where the past is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The database, an absolute path.
    pub file: PathBuf,
    /// How large it may become, in bytes.
    pub bytes_max: u64,
}

/// Whether a program whose whole tree is to be stopped gets a control group of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cgroups {
    /// Where that can be had. Elsewhere its tree is found by its family.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always; without it there is no start.
    Require,
}

/// What becomes of programs when the daemon or the keeper dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orphans {
    /// They run on, and are taken over.
    #[default]
    Adopt,
    /// None runs on: each is stopped, or killed where nobody is left to stop it.
    Kill,
}

/// What a client must know to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name, never empty.
    pub username: String,
    /// The password, or `{SHA}` and its SHA-1 digest in lower-case hexadecimal.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    /// Without the password: people paste logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A server for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerSpec {
    /// On a unix socket.
    Unix {
        /// Its section.
        section: String,
        /// The path of the socket, absolute.
        file: PathBuf,
        /// Its permission bits.
        chmod: u32,
        /// User and group to give it to; absent: leave as made.
        chown: (Option<u32>, Option<u32>),
        /// The one user of the server itself, who may do everything.
        auth: Option<Credentials>,
        /// All who are let in, that one among them; nobody: everyone.
        users: Users,
        /// Whether a mere look at an address of the original's page changes things.
        web_compat: bool,
    },
    /// On a TCP port.
    Inet {
        /// Its section.
        section: String,
        /// The interface in lower case, empty for all.
        host: String,
        /// The port.
        port: u16,
        /// The one user of the server itself, who may do everything.
        auth: Option<Credentials>,
        /// All who are let in, that one among them; nobody: everyone.
        users: Users,
        /// The files of its certificate and of the key for that; absent: whoever is on the way can read along.
        tls: Option<(PathBuf, PathBuf)>,
        /// Whether a mere look at an address of the original's page changes things.
        web_compat: bool,
    },
}

impl ServerSpec {
    /// Whether people with names of their own come in here, beside the one user that a server always could have.
    pub fn has_users(&self) -> bool {
        let (Self::Unix { auth, users, .. } | Self::Inet { auth, users, .. }) = self;
        users.len() > usize::from(auth.is_some())
    }
}

/// A set of methods clients may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcInterface {
    /// Its namespace, for example `supervisor`.
    pub name: String,
    /// The Python function that makes it in the original.
    pub factory: String,
    /// What that function is given.
    pub options: Vec<(String, String)>,
}

impl RpcInterface {
    /// The factory of the methods every client expects.
    pub const MAIN_FACTORY: &'static str = "supervisor.rpcinterface:make_main_rpcinterface";

    /// Whether its methods can be provided.
    pub fn is_hosted(&self) -> bool {
        self.factory == Self::MAIN_FACTORY
    }
}

/// A plug-in in Python, which this program cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhosted {
    /// Its section.
    pub section: String,
    /// The option that names it.
    pub option: &'static str,
    /// Its name: `package.module:function`.
    pub plugin: String,
    /// Where that is written.
    pub place: Option<Span>,
}

/// What the command line says over the file. Values are already checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent flag of the command line")]
pub struct Overrides {
    /// `-n`
    pub nodaemon: bool,
    /// `-s`
    pub silent: bool,
    /// `-k`
    pub nocleanup: bool,
    /// `-t`
    pub strip_ansi: bool,
    /// `-u`, a name or a number; looked up when the file is loaded.
    pub user: Option<String>,
    /// `-m`
    pub umask: Option<u32>,
    /// `-d`
    pub directory: Option<String>,
    /// `-l`, as written but for `~`.
    pub logfile: Option<String>,
    /// `-y`
    pub logfile_maxbytes: Option<i64>,
    /// `-z`
    pub logfile_backups: Option<i64>,
    /// `-e`
    pub loglevel: Option<Level>,
    /// `-j`, as written but for `~`.
    pub pidfile: Option<String>,
    /// `-i`
    pub identifier: Option<String>,
    /// `-q`
    pub childlogdir: Option<String>,
    /// `-a`
    pub minfds: Option<i64>,
    /// `--minprocs`
    pub minprocs: Option<i64>,
}
