//! From the handover to a daemon that is ready: configuration, sockets, log, limits, pidfile.
//!
//! The sockets come first: who holds them is the one supervisor of this configuration, and only
//! then may it touch logs and the pidfile. (The original takes them later, so that a second one
//! started by mistake clears the logs of the first.)

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use config::settings::{Credentials, MainLog as LogTarget, Overrides, ServerSpec, Settings, Unhosted};
use config::{Config, Invocation, supervisord_arguments};
use http::feed::Feed;
use http::server::{Endpoint, Listener};
use logs::main_log::{MainLog, MainLogOptions, Target};
use model::child::ChildId;
use model::level::Level;
use model::spec::GroupSpec;
use os::listen::{ListenError, UnixAttributes};
use os::outside::Machine;
use os::poll::Interest;
use supervisor::effect::Effects;
use supervisor::supervisor::Supervisor;
use wire::keeper::Order;

use crate::birth::Inheritance;
use crate::figures::Figures;
use crate::handover::Handover;
use crate::keeper_link::{KeeperLink, LinkError};
use crate::launch::VERSION;
use crate::pending::Calls;
use crate::sampling::Sampling;
use crate::sockets::Sockets;
use crate::state::Daemon;
use crate::stdin::Inputs;
use crate::streams::Streams;

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The configuration or the command line, in the original's words.
    #[error("{0}")]
    Config(String),
    /// A server.
    #[error("{0}")]
    Listen(String),
    /// The log.
    #[error("cannot open the log {}: {source}", path.display())]
    Log { path: PathBuf, source: io::Error },
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A poller.
    #[error("cannot make a poller: {0}")]
    Poller(io::Error),
}

impl StartError {
    /// The exit status the original would leave with.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Listen(_) => 2,
            Self::Log { .. } | Self::Link(_) | Self::Poller(_) => 1,
        }
    }
}

/// What a start yields: the daemon, its listening sockets, and the groups to begin with.
type Started = (Daemon, Vec<Endpoint>, Vec<Arc<GroupSpec>>);

/// Gets everything ready, down to the keeper's being told so.
pub(crate) fn start(handover: &Handover) -> Result<Started, StartError> {
    let link = KeeperLink::inherited().map_err(LinkError::from)?;
    let nofile = os::limits::nofile();
    // Ours alone: children get the limits above. More is better, less will do.
    let _ = os::limits::raise_nofile_to_hard();
    let overrides = overrides(handover)?;
    let Read { config, notices } = read(handover, &overrides)?;
    let (listeners, server_sockets) = listen(&config.servers)?;
    let log = open_log(&config.settings)?;
    let settings = config.settings;
    let inheritance = Inheritance {
        environment: environment(),
        server_url: config.server_url.clone(),
        directory: None,
        umask: os::process::own_umask(),
        nofile,
    };
    let identity = api::call::Identity {
        version: VERSION.to_owned(),
        identifier: settings.identifier.clone(),
        pid: os::process::parent_pid(),
        has_supervisor_namespace: config
            .rpc_interfaces
            .iter()
            .any(|it| it.name == "supervisor" && it.is_hosted()),
    };
    let mut daemon = Daemon {
        supervisor: Supervisor::new(ChildId(first_child())),
        effects: Effects::default(),
        inbox: VecDeque::new(),
        answers: VecDeque::new(),
        link,
        link_interest: Interest::Read,
        streams: Streams::new(&settings).map_err(StartError::Poller)?,
        inputs: Inputs::new().map_err(StartError::Poller)?,
        sockets: Sockets::default(),
        children: BTreeMap::new(),
        calls: Calls::default(),
        feed: Rc::new(Feed::new(first_child())),
        figures: Figures::default(),
        sampling: Sampling::new(),
        log: Rc::new(RefCell::new(log)),
        settings,
        inheritance,
        identity,
        config: handover.config.clone(),
        overrides,
        server_sockets,
        wrote_pidfile: false,
        end: None,
    };
    daemon.introduce(handover, notices, &config.unhosted);
    for server in &config.servers {
        daemon.introduce_server(server);
    }
    daemon.settle_in()?;
    Ok((daemon, listeners, config.groups))
}

/// The command line once more: the launcher has found it in order.
fn overrides(handover: &Handover) -> Result<Overrides, StartError> {
    match supervisord_arguments(&handover.arguments, &Machine) {
        Ok(Invocation::Run { overrides, .. }) => Ok(overrides),
        Ok(Invocation::Help | Invocation::Version) => Ok(Overrides::default()),
        Err(error) => Err(StartError::Config(error.to_string())),
    }
}

/// A configuration without errors, and what was said while reading it.
struct Read {
    config: Config,
    notices: Vec<(Level, String)>,
}

fn read(handover: &Handover, overrides: &Overrides) -> Result<Read, StartError> {
    let loaded = config::load(&handover.config, overrides, &Machine);
    if let Some(message) = loaded.first_error() {
        return Err(StartError::Config(message.to_owned()));
    }
    let missing = || StartError::Config(format!("could not read config file {}", handover.config.display()));
    Ok(Read { config: loaded.config.ok_or_else(missing)?, notices: loaded.notices })
}

/// What children inherit: all but what is meant for the keeper alone.
fn environment() -> Vec<(OsString, OsString)> {
    let is_ours = |name: &OsString| os::notify::VARIABLES.iter().any(|it| name == it);
    std::env::vars_os().filter(|(name, _)| !is_ours(name)).collect()
}

/// A first number for children that no earlier daemon on this machine has used: nanoseconds since
/// it was started, of which more pass than a daemon can start children.
fn first_child() -> u64 {
    u64::try_from(os::clock::mono().0.as_nanos()).unwrap_or(u64::MAX)
}

/// Opens all servers: inet first, then unix, as they come.
fn listen(servers: &[ServerSpec]) -> Result<(Vec<Endpoint>, Vec<PathBuf>), StartError> {
    let mut listeners = Vec::new();
    let mut sockets: Vec<PathBuf> = Vec::new();
    for server in servers {
        match listen_on(server) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                for path in &sockets {
                    let _ = std::fs::remove_file(path);
                }
                return Err(StartError::Listen(refusal(server, &error)));
            }
        }
        if let ServerSpec::Unix { file, .. } = server {
            sockets.push(file.clone());
        }
    }
    Ok((listeners, sockets))
}

fn listen_on(server: &ServerSpec) -> Result<Endpoint, ListenError> {
    let (section, auth, web_compat, listener) = match server {
        ServerSpec::Unix { section, file, chmod, chown, auth, web_compat } => {
            let (owner, group) = *chown;
            let attributes = UnixAttributes { mode: *chmod, owner, group };
            let mut say = |path: &Path| {
                let _ = writeln!(io::stderr(), "Unlinking stale socket {}", path.display());
            };
            let listener = Listener::Unix(os::listen::unix(file, attributes, &mut say)?);
            (section, auth, *web_compat, listener)
        }
        ServerSpec::Inet { section, host, port, auth, web_compat } => {
            (section, auth, *web_compat, Listener::Tcp(os::listen::tcp(host, *port)?))
        }
    };
    let credentials = credentials(auth.as_ref());
    Ok(Endpoint { section: section.clone(), listener, credentials, web_compat })
}

fn credentials(auth: Option<&Credentials>) -> Option<http::auth::Credentials> {
    auth.map(|it| http::auth::Credentials { username: it.username.clone(), password: it.password.clone() })
}

/// Why a server cannot be opened: the original's words where it has some, with the place it means.
fn refusal(server: &ServerSpec, error: &ListenError) -> String {
    let section = match server {
        ServerSpec::Unix { section, .. } | ServerSpec::Inet { section, .. } => section,
    };
    match error {
        ListenError::InUse(place) => format!(
            "Another program is already listening on a port that one of our HTTP servers is \
             configured to use.  Shut this program down first before starting supervisord. \
             ([{section}] {place})"
        ),
        ListenError::TooLong { .. }
        | ListenError::Host { .. }
        | ListenError::Owner { .. }
        | ListenError::Other { .. } => format!("Cannot open an HTTP server: [{section}] {error}"),
    }
}

fn open_log(settings: &Settings) -> Result<MainLog, StartError> {
    let (target, path) = match &settings.logfile {
        LogTarget::Syslog => (Target::Syslog, PathBuf::from("/dev/log")),
        LogTarget::File(path) => (Target::File(path.clone()), path.clone()),
    };
    let options = MainLogOptions {
        target,
        maxbytes: settings.logfile_maxbytes,
        backups: settings.logfile_backups,
        level: settings.loglevel,
        echo: settings.nodaemon && !settings.silent,
    };
    MainLog::open(options).map_err(|source| StartError::Log { path, source })
}

/// Whether a server on this host is reached from this machine only.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

/// Whether only the owner of its socket can reach a server: that needs no password, and no alarm.
const fn is_private(server: &ServerSpec) -> bool {
    match server {
        ServerSpec::Unix { chmod, .. } => *chmod & 0o022 == 0,
        ServerSpec::Inet { .. } => false,
    }
}

impl Daemon {
    /// The first lines of the log, in the original's order: what is critical, then warnings, then
    /// the rest (`options.py`, `make_logger`).
    fn introduce(&mut self, handover: &Handover, notices: Vec<(Level, String)>, unhosted: &[Unhosted]) {
        let mut lines = notices;
        match &self.settings.user {
            Some(user) => lines.push((Level::Info, format!("Set uid to user {} succeeded", user.user.uid))),
            None if os::user::own_uid() == 0 => lines.push((
                Level::Critical,
                "Supervisor is running as root.  Privileges were not dropped because no user is \
                 specified in the config file.  If you intend to run as root, you can set user=root \
                 in the config file to avoid this message."
                    .to_owned(),
            )),
            None => {}
        }
        // Plug-ins of the client are the client's to complain about.
        let unhosted = unhosted.iter().filter(|it| !it.section.starts_with("ctlplugin:"));
        lines.extend(unhosted.map(|it| {
            let Unhosted { section, option, plugin, .. } = it;
            let text =
                format!("[{section}] {option}: `{plugin}` is Python, which cannot be run here; left out");
            (Level::Warn, text)
        }));
        lines.extend(handover.raised.iter().map(|it| (Level::Info, it.clone())));
        lines.sort_by_key(|(level, _)| *level); // Stable: within a level the order stays.
        for (level, line) in lines {
            self.note(level, &line);
        }
        if !self.settings.nocleanup {
            let troubles = logs::auto::clean_up(&self.settings.childlogdir, &self.settings.identifier);
            for trouble in troubles {
                self.note(Level::Warn, &trouble);
            }
        }
    }

    fn introduce_server(&mut self, server: &ServerSpec) {
        self.note(Level::Info, "RPC interface 'supervisor' initialized");
        let (ServerSpec::Unix { section, auth, .. } | ServerSpec::Inet { section, auth, .. }) = server;
        if auth.is_none() && !is_private(server) {
            let text = format!("Server '{section}' running without any HTTP authentication checking");
            self.note(Level::Critical, &text);
            if let ServerSpec::Inet { host, port, .. } = server
                && !is_loopback(host)
            {
                let text = format!(
                    "Whoever can reach port {port} of this machine can start, stop and signal every \
                     program here. To close it, set username and password in [{section}], or write \
                     port=127.0.0.1:{port}."
                );
                self.note(Level::Critical, &text);
            }
        }
    }

    /// Takes its place: detached where that is wanted, with a pidfile, known to the keeper.
    fn settle_in(&mut self) -> Result<(), StartError> {
        let detach = !self.settings.nodaemon;
        if detach {
            self.detach();
        }
        self.inheritance.umask = os::process::own_umask();
        self.write_pidfile();
        let text = format!("supervisord started with pid {}", self.identity.pid);
        self.note(Level::Info, &text);
        let version = wire::keeper::VERSION;
        self.link.send(&Order::Hello { oldest: version, newest: version })?;
        self.link.send(&Order::Ready { detach })?;
        if detach {
            os::process::silence().map_err(LinkError::from)?;
        }
        Ok(())
    }

    /// The daemon's half of leaving the terminal; the launcher and the keeper do theirs.
    fn detach(&mut self) {
        self.note(Level::Info, "daemonizing the supervisord process");
        if let Some(directory) = self.settings.directory.clone() {
            match std::env::set_current_dir(&directory) {
                Ok(()) => {
                    self.note(Level::Info, &format!("set current directory: '{}'", directory.display()));
                    self.inheritance.directory = Some(directory);
                }
                Err(error) => {
                    let text = format!("can't chdir into '{}': {error}", directory.display());
                    self.note(Level::Critical, &text);
                }
            }
        }
        os::process::set_umask(self.settings.umask);
    }

    fn write_pidfile(&mut self) {
        let path = self.settings.pidfile.clone();
        match std::fs::write(&path, format!("{}\n", self.identity.pid)) {
            Ok(()) => self.wrote_pidfile = true,
            Err(error) => {
                let text = format!("could not write pidfile {}: {error}", path.display());
                self.note(Level::Critical, &text);
            }
        }
    }

    /// Removes what must not outlive the daemon.
    pub(crate) fn clean_up(&mut self) {
        if self.wrote_pidfile {
            let _ = std::fs::remove_file(&self.settings.pidfile);
        }
        for path in &self.server_sockets {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_address_keeps_strangers_out() {
        for host in ["127.0.0.1", "localhost", "127.9.9.9", "[::1]", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "0.0.0.0", "[::]", "192.168.1.1", "example.org", "localhost.example.org"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
