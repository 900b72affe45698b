//! From the handover to a daemon that is ready: configuration, sockets, log, limits, pidfile.
//!
//! The sockets come first: who holds them is the one supervisor of this configuration, and only
//! then may it touch logs and the pidfile. (The original takes them later, so that a second one
//! started by mistake clears the logs of the first.)

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use config::Config;
use config::settings::{MainLog as LogTarget, RpcInterface, ServerSpec, Settings, Unhosted};
use http::feed::Feed;
use http::server::Endpoint;
use logs::main_log::{MainLog, MainLogOptions, Target};
use model::level::Level;
use os::poll::Interest;
use supervisor::effect::Effects;
use supervisor::memory::Tape;
use wire::keeper::Order;

use crate::begin::{Beginning, Wanted, first_child, machine};
use crate::birth::Inheritance;
use crate::cgroups::{self, Cgroups};
use crate::early::Early;
use crate::exits::Ends;
use crate::exits::Exits;
use crate::figures::Figures;
use crate::handover::{CRITICAL, Handover};
use crate::inventory::Inventory;
use crate::keeper_link::{KeeperLink, LinkError};
use crate::keepsakes::Keepsakes;
use crate::lasting::{self, Shelf};
use crate::launch::VERSION;
use crate::mailbag::{self, Mailbag};
use crate::past::Past;
use crate::pending::Calls;
use crate::recall::{self, Head, Known, Origin, Pages, Recalled};
use crate::remember::Diary;
use crate::runtime;
use crate::sampling::Sampling;
use crate::servers::{self, Servers};
use crate::sockets::Sockets;
use crate::state::Daemon;
use crate::stdin::Inputs;
use crate::streams::{self, Streams};
use crate::substitute::Who;
use crate::tapes::{self, Kept, Reading, Tapes};

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
    /// Control groups, which the configuration insists on.
    #[error("cgroups=require: no control group can be made: {0}; `menshen doctor` says what to do")]
    Cgroups(io::Error),
    /// A poller.
    #[error("cannot make a poller: {0}")]
    Poller(io::Error),
}

impl StartError {
    /// The exit status the original would leave with.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Listen(_) | Self::Cgroups(_) => 2,
            Self::Log { .. } | Self::Link(_) | Self::Poller(_) => 1,
        }
    }
}

/// What a start yields: the daemon, its listening sockets, and how it begins.
type Started = (Daemon, Vec<Endpoint>, Beginning);

/// What is known before anything is opened.
struct Ground {
    link: KeeperLink,
    /// The limits on descriptors that children get.
    nofile: os::limits::Pair,
    inventory: Inventory,
    recalled: Recalled,
    /// The boot of the machine, as memories name it.
    boot: String,
    tapes: Tapes,
    config: Config,
    notices: Vec<(Level, String)>,
    /// Where the configuration is kept.
    tape: Tape,
    /// What went wrong and did not keep it from going on.
    troubles: Vec<String>,
}

/// Looks at what there is: what the keeper has, what is remembered, what is wanted.
fn look_around(handover: &Handover) -> Result<Ground, StartError> {
    let mut link = KeeperLink::inherited().map_err(LinkError::from)?;
    let pages = Pages::read(handover);
    // The longest of it, so that it is done while the keeper tells what it has.
    let early = pages.first_settings(&handover.launch).and_then(|it| Early::begin(handover, it));
    let nofile = os::limits::nofile();
    // Ours alone: children get the limits above. More is better, less will do.
    let _ = os::limits::raise_nofile_to_hard();
    let inventory = Inventory::ask(&mut link)?;
    if !wire::keeper::is_understood(inventory.version) {
        return Err(LinkError::Version(inventory.version).into());
    }
    let boot = recall::boot_name(inventory.boot_id);
    let known = Known {
        children: inventory.children.iter().map(|it| it.listed.child).collect(),
        has_living: inventory.children.iter().any(|it| !it.listed.ended),
    };
    let (recalled, trouble) = Recalled::from_pages(pages, handover, &boot, &known);
    let mut troubles: Vec<_> = trouble
        .map(|it| format!("cannot read what must be remembered, {}: {it}", memory_path(handover)))
        .into_iter()
        .collect();
    let mut tapes = Tapes::open(handover.runtime.clone());
    let (Reading { config, notices, tape }, kept) = read(handover, &recalled, early)?;
    // Whoever takes over what runs must not refuse to.
    let is_start = matches!(recalled.origin, Origin::Fresh | Origin::Finder);
    if is_start && config.settings.cgroups == config::settings::Cgroups::Require {
        cgroups::find().map_err(StartError::Cgroups)?;
    }
    let tape = if let Some((number, look)) = kept {
        tapes.know(number, look);
        number
    } else {
        tapes.keep(&tape).unwrap_or_else(|error| {
            troubles.push(format!("cannot keep the configuration for the next daemon: {error}"));
            tapes.unkept()
        })
    };
    Ok(Ground { link, nofile, inventory, recalled, boot, tapes, config, notices, tape, troubles })
}

/// The file of it, for people.
fn memory_path(handover: &Handover) -> String {
    handover.runtime.as_deref().map(|it| recall::path(it).display().to_string()).unwrap_or_default()
}

/// Gets everything ready, down to the keeper's being told so.
pub(crate) fn start(handover: &Handover) -> Result<Started, StartError> {
    let Ground {
        mut link,
        nofile,
        mut inventory,
        recalled,
        boot,
        tapes,
        config,
        notices,
        tape,
        mut troubles,
    } = look_around(handover)?;
    let mut keepsakes = Keepsakes::inherit(std::mem::take(&mut inventory.kept));
    let Servers { endpoints, paths } =
        servers::open(&config.servers, &mut keepsakes, &mut link, &mut inventory.later)?;
    let log = open_log(&config.settings, recalled.origin, &paths)?;
    let settings = config.settings;
    let inheritance = inheritance(config.server_url.clone(), nofile);
    let identity = identity(&settings, &config.rpc_interfaces);
    let Recalled { origin, memory, settings: _, files, lurkers, words } = recalled;
    let head = Head { boot, launch: handover.launch.clone() };
    let wanted = Wanted { groups: config.groups, tape };
    let (supervisor, begun) = machine(handover, &tapes, origin, memory, &wanted, &mut troubles);
    let mut daemon = Daemon {
        supervisor,
        effects: Effects::default(),
        inbox: VecDeque::new(),
        ends: Ends::default(),
        answers: VecDeque::new(),
        link,
        link_interest: Interest::Read,
        streams: streams(&settings, &keepsakes, Shelf::of(handover, inventory.boot_id), &mut troubles)?,
        cgroups: Cgroups::new(settings.cgroups),
        mailbag: Mailbag::new(keepsakes.copy(mailbag::KEY).map_err(StartError::Poller)?),
        letters: Vec::new(),
        owes_letters: false,
        inputs: Inputs::new(os::limits::nofile().0).map_err(StartError::Poller)?,
        sockets: Sockets::default(),
        children: BTreeMap::new(),
        calls: Calls::default(),
        feed: Rc::new(Feed::new(first_child())),
        figures: Figures { exits: Exits::new(), ..Figures::default() },
        sampling: Sampling::new(settings.sample_interval_secs),
        past: Past::new(),
        log: Rc::new(RefCell::new(log)),
        settings,
        inheritance,
        identity,
        handover: handover.clone(),
        keepsakes,
        server_sockets: paths,
        wrote_pidfile: false,
        end: None,
        start: Some(os::memory::Start::new(os::clock::mono().0)),
        diary: Diary::new(head, Some(tape), files),
        tapes,
        found: BTreeMap::new(),
        lurkers: BTreeMap::new(),
        upgrading: None,
        audit_book: api::audit::Book::default(),
        has_users: config.servers.iter().any(ServerSpec::has_users),
        lock: inventory.lock.take(),
        journal: inventory.journal.take(),
        boot_id: inventory.boot_id,
        starter: Who::parent_of(os::process::parent_pid()),
    };
    daemon.introduce(handover, origin, notices, &config.unhosted);
    daemon.tell_of_start(origin, &troubles, &config.servers);
    daemon.settle_in(origin)?;
    Ok((daemon, endpoints, Beginning { origin, begun, wanted, inventory, lurkers, words }))
}

fn inheritance(server_url: Option<String>, nofile: os::limits::Pair) -> Inheritance {
    let (environment, umask) = (environment(), os::process::own_umask());
    Inheritance { environment, server_url, directory: None, umask, nofile }
}

fn identity(settings: &Settings, interfaces: &[RpcInterface]) -> api::call::Identity {
    api::call::Identity {
        version: VERSION.to_owned(),
        identifier: settings.identifier.clone(),
        pid: os::process::parent_pid(),
        has_supervisor_namespace: interfaces.iter().any(|it| it.name == "supervisor" && it.is_hosted()),
    }
}

/// The configuration: as it was in force, for an heir, and else as the files have it; and the number and the look of its tape,
/// if it is kept as it is.
fn read(
    handover: &Handover,
    recalled: &Recalled,
    early: Option<Early>,
) -> Result<(Reading, Option<(Tape, u64)>), StartError> {
    let kept = recalled.settings.filter(|_| recalled.origin == Origin::Heir).and_then(|number| {
        match early.filter(|it| it.number() == number) {
            Some(early) => early.end(),
            None => Kept::read(handover, number),
        }
    });
    match kept {
        Some(Kept { number, look, reading }) => Ok((reading, look.map(|it| (number, it)))),
        None => Ok((tapes::read(handover).map_err(|it| StartError::Config(it.original))?, None)),
    }
}

/// What children inherit: all but what is meant for the keeper alone.
fn environment() -> Vec<(OsString, OsString)> {
    let is_ours = |name: &OsString| os::notify::VARIABLES.iter().any(|it| name == it);
    std::env::vars_os().filter(|(name, _)| !is_ours(name)).collect()
}

/// The pump, which goes on where the one before it ended.
fn streams(
    settings: &Settings,
    keepsakes: &Keepsakes,
    shelf: Option<Shelf>,
    troubles: &mut Vec<String>,
) -> Result<Streams, StartError> {
    let keepsake = keepsakes.copy(streams::KEY).map_err(StartError::Poller)?;
    let make = || shelf?.make(lasting::PUMP);
    let (streams, trouble) = Streams::new(settings, keepsake, make).map_err(StartError::Poller)?;
    troubles.extend(trouble.map(|it| format!("output may be missing or doubled: {it}")));
    Ok(streams)
}

/// The log; where it cannot be opened, the start fails and leaves no socket behind. Those of an earlier daemon are for
/// the next one.
fn open_log(settings: &Settings, origin: Origin, sockets: &[PathBuf]) -> Result<MainLog, StartError> {
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
    MainLog::open(options).map_err(|source| {
        if origin == Origin::Fresh {
            servers::remove(sockets);
        }
        StartError::Log { path, source }
    })
}

impl Daemon {
    /// The first lines of the log, in the original's order: what is critical, then warnings, then
    /// the rest (`options.py`, `make_logger`).
    fn introduce(
        &mut self,
        handover: &Handover,
        origin: Origin,
        notices: Vec<(Level, String)>,
        unhosted: &[Unhosted],
    ) {
        if origin == Origin::Heir {
            return self.note(Level::Warn, "the daemon was replaced; the programs run on");
        }
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
        lines.extend(handover.notices.iter().map(|it| match it.strip_prefix(CRITICAL) {
            Some(text) => (Level::Critical, text.to_owned()),
            None => (Level::Info, it.clone()),
        }));
        lines.sort_by_key(|(level, _)| *level); // Stable: within a level the order stays.
        for (level, line) in lines {
            self.note(level, &line);
        }
        // What an earlier daemon made may be in use.
        if !self.settings.nocleanup && origin == Origin::Fresh {
            let troubles = logs::auto::clean_up(&self.settings.childlogdir, &self.settings.identifier);
            for trouble in troubles {
                self.note(Level::Warn, &trouble);
            }
        }
    }

    /// What went wrong, and where clients find it.
    fn tell_of_start(&mut self, origin: Origin, troubles: &[String], servers: &[ServerSpec]) {
        for trouble in troubles {
            self.note(Level::Error, trouble);
        }
        for server in servers.iter().filter(|_| origin != Origin::Heir) {
            self.introduce_server(server);
        }
    }

    /// Takes its place: detached where that is wanted, with a pidfile, known to the keeper.
    fn settle_in(&mut self, origin: Origin) -> Result<(), StartError> {
        let detach = !self.settings.nodaemon;
        if detach {
            self.detach(origin);
        }
        self.inheritance.umask = os::process::own_umask();
        self.write_pidfile();
        if origin != Origin::Heir {
            let text = format!("supervisord started with pid {}", self.identity.pid);
            self.note(Level::Info, &text);
        }
        if let Some(keepsake) = self.streams.pump.keepsake() {
            self.keepsakes.keep(&mut self.link, streams::KEY, b"", keepsake)?;
        }
        self.link.send(&Order::Ready { detach })?;
        if detach {
            os::process::silence().map_err(LinkError::from)?;
        }
        Ok(())
    }

    /// The daemon's half of leaving the terminal; the launcher and the keeper do theirs.
    fn detach(&mut self, origin: Origin) {
        if origin != Origin::Heir {
            self.note(Level::Info, "daemonizing the supervisord process");
        }
        if let Some(directory) = self.settings.directory.clone() {
            match std::env::set_current_dir(&directory) {
                Ok(()) => {
                    if origin != Origin::Heir {
                        self.note(Level::Info, &format!("set current directory: '{}'", directory.display()));
                    }
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

    /// Removes what was only for the next daemon: there will be none.
    pub(crate) fn forget_all(&self) {
        if let Some(directory) = &self.handover.runtime {
            runtime::remove(directory);
        }
    }

    /// Removes what must not outlive the daemon.
    pub(crate) fn clean_up(&mut self) {
        if self.wrote_pidfile {
            let _ = std::fs::remove_file(&self.settings.pidfile);
        }
        self.close_servers();
    }
}
