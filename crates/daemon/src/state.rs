//! What the daemon has: the machine, and everything that makes it see and act.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

use config::settings::Settings;
use http::feed::Feed;
use logs::main_log::MainLog;
use logs::pump::Report as PumpReport;
use model::child::ChildId;
use model::fault::Fault;
use model::level::Level;
use model::listener::Letter;
use model::name::FullName;
use model::state::SupervisorState;
use model::time::Mono;
use os::clock::LocalZone;
use os::poll::{Interest, Poller, Ready};
use supervisor::effect::{Answer, Effects};
use supervisor::input::{Departure, Input, RequestId};
use supervisor::supervisor::Supervisor;
use wire::listener::Ear;

use crate::birth::Inheritance;
use crate::cgroups::Cgroups;
use crate::exits::Ends;
use crate::figures::Figures;
use crate::handover::Handover;
use crate::keeper_link::KeeperLink;
use crate::keepsakes::Keepsakes;
use crate::mailbag::Mailbag;
use crate::outputs;
use crate::past::Past;
use crate::pending::{Call, Calls};
use crate::remember::Diary;
use crate::sampling::Sampling;
use crate::sockets::Sockets;
use crate::stdin::Inputs;
use crate::streams::Streams;
use crate::substitute::Who;
use crate::tapes::Tapes;

/// How many bytes of output one turn of the loop moves before clients get theirs.
const PUMP_BUDGET_BYTES: usize = 4 * 1024 * 1024;

/// How much of what the keeper says waits for the rest of it.
const NEWS_AT_ONCE: usize = 32;

/// How many effects of what programs, clients and the keeper say are performed at once: not more letters than the mailbag holds.
const EFFECTS_AT_ONCE: usize = 48;

/// The names descriptors are watched under: the link, the pump, the log, the standard inputs.
const LINK: u64 = 0;
const PUMP: u64 = 1;
const LOG: u64 = 2;
const INPUTS: u64 = 3;

/// What the daemon remembers of a child.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: FullName,
    /// Whether its standard error goes where its standard output goes.
    pub(crate) joined: bool,
    /// Whether its descriptor 0 was passed to it: the socket of its group, or an input it shares. It has no standard
    /// input of ours then.
    pub(crate) has_passed_input: bool,
    /// What understands its standard output, if it is a listener.
    pub(crate) ear: Option<Ear>,
    /// Those who were to be ended with it and are still there, for when its end is told.
    pub(crate) survivors: Vec<u32>,
}

/// Why the daemon leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything is stopped, as the machine was asked to.
    Departed(Departure),
    /// Another daemon takes everything over.
    Succeeded,
    /// There is no keeper any more, or no way to reach it.
    Orphaned,
}

/// The daemon.
pub(crate) struct Daemon {
    pub(crate) supervisor: Supervisor,
    pub(crate) effects: Effects,
    /// What happened and the machine has not been told yet.
    pub(crate) inbox: VecDeque<Input>,
    /// The ends of children that are among it, or were.
    pub(crate) ends: Ends,
    /// What the machine answered and no client has been told yet.
    pub(crate) answers: VecDeque<(RequestId, Result<Answer, Fault>)>,
    pub(crate) link: KeeperLink,
    /// What the link is watched for.
    pub(crate) link_interest: Interest,
    pub(crate) streams: Streams,
    pub(crate) inputs: Inputs,
    pub(crate) mailbag: Mailbag,
    /// Letters that are to be sent when all else is performed.
    pub(crate) letters: Vec<(ChildId, Letter)>,
    /// Set while it is not yet written down that letters were sent.
    pub(crate) owes_letters: bool,
    pub(crate) cgroups: Cgroups,
    pub(crate) sockets: Sockets,
    pub(crate) children: BTreeMap<ChildId, Child>,
    pub(crate) calls: Calls,
    /// Shared with the server, whose clients read it.
    pub(crate) feed: Rc<Feed>,
    /// What everything uses.
    pub(crate) figures: Figures,
    pub(crate) sampling: Sampling,
    /// What is kept of what was.
    pub(crate) past: Past,
    /// Who changed what.
    pub(crate) audit_book: api::audit::Book,
    /// Whether people with names of their own come in somewhere.
    pub(crate) has_users: bool,
    /// Shared with the server, which writes to it between turns.
    pub(crate) log: Rc<RefCell<MainLog>>,
    pub(crate) settings: Settings,
    pub(crate) inheritance: Inheritance,
    pub(crate) identity: api::call::Identity,
    /// What the launcher said: above all, where the configuration is.
    pub(crate) handover: Handover,
    /// What the keeper keeps for the next daemon.
    pub(crate) keepsakes: Keepsakes,
    /// The sockets of servers, to be removed at the end.
    pub(crate) server_sockets: Vec<PathBuf>,
    /// Whether the pidfile is ours to remove.
    pub(crate) wrote_pidfile: bool,
    /// Set when it is time to go.
    pub(crate) end: Option<End>,
    /// Set until the start is over.
    pub(crate) start: Option<os::memory::Start>,
    /// What the next daemon must know.
    pub(crate) diary: Diary,
    pub(crate) tapes: Tapes,
    /// The pipes of children that were there before this daemon, until it is known whose they are.
    pub(crate) found: BTreeMap<ChildId, [Option<OwnedFd>; 3]>,
    /// Processes whose child may live without the keeper's knowing it, and its pid.
    pub(crate) lurkers: BTreeMap<FullName, u32>,
    /// Whoever waits for the keeper to become another program.
    pub(crate) upgrading: Option<Call>,
    /// The claim on the runtime directory and the keeper's journal, for when the keeper dies.
    pub(crate) lock: Option<OwnedFd>,
    pub(crate) journal: Option<OwnedFd>,
    pub(crate) boot_id: [u8; 16],
    /// Who started the keeper.
    pub(crate) starter: Option<Who>,
}

impl Daemon {
    /// Tells the machine what happened, and does all that follows.
    pub(crate) fn feed(&mut self, input: Input) {
        self.inbox.push_back(input);
        self.settle();
    }

    /// The same once the keeper has nothing more to say for now, or has said a good deal.
    pub(crate) fn feed_soon(&mut self, input: Input) {
        self.inbox.push_back(input);
        if self.inbox.len() >= NEWS_AT_ONCE {
            self.settle();
        }
    }

    /// Feeds, performs and answers until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some(input) = self.inbox.pop_front() {
                self.tell(input);
            } else if let Some((id, answer)) = self.answers.pop_front() {
                self.answered(id, answer);
            } else if self.ends.untold.is_empty() {
                return self.close_unused_sockets();
            } else {
                for ended in std::mem::take(&mut self.ends.untold) {
                    self.remember_exit(ended);
                }
            }
        }
    }

    /// Tells the machine one thing, and does what it asks for. What follows from that waits in the
    /// inbox and among the answers.
    ///
    /// What programs, clients and the keeper say comes in floods. As much of it as waits is told in a row and written down in
    /// one piece.
    pub(crate) fn tell(&mut self, input: Input) {
        let mut effects = std::mem::take(&mut self.effects);
        if matches!(input, Input::Due) {
            // A letter that was rejected may be due again.
            self.remember_owed();
            self.mailbag.wipe();
        }
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let is_news = input.is_news();
            self.step(input, &mut effects);
            if is_news && effects.as_slice().len() < EFFECTS_AT_ONCE {
                next = self.inbox.pop_front_if(|it| it.is_news());
            }
        }
        // Whatever follows from these steps, the next daemon knows of them.
        self.remember();
        for effect in effects.drain() {
            self.perform(effect);
        }
        self.send_orders();
        self.post();
        // Which letters were sent is known even to the next daemon, so that only that has time.
        self.owes_letters = self.supervisor.performed() && !self.mailbag.is_half_full();
        if !self.owes_letters {
            self.remember();
        }
        effects.tidy();
        self.effects = effects;
    }

    fn step(&mut self, input: Input, effects: &mut Effects) {
        let heard = if let Input::Heard { child, .. } = &input { Some(*child) } else { None };
        self.supervisor.step(os::clock::now(), input, effects);
        if let Some(child) = heard {
            self.heard_words(child);
        }
    }

    /// Adds a line to the log. It is written before anybody hears of what it tells, except the keeper.
    pub(crate) fn note(&mut self, level: Level, message: &str) {
        self.log.borrow_mut().add(level, os::clock::wall(), &LocalZone, message);
    }

    /// Writes the lines that were added to the log.
    pub(crate) fn flush_log(&mut self) {
        self.log.borrow_mut().flush(&LocalZone);
    }

    /// When to look again although nothing has happened.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let machine = self.supervisor.deadline().map(|(at, _)| at);
        let others = [
            self.streams.pump.deadline(),
            self.log.borrow().deadline(),
            self.sampling.deadline(),
            self.start.map(|it| Mono(it.deadline())),
        ];
        [machine].into_iter().chain(others).flatten().min()
    }

    /// Whether everything is being stopped.
    pub(crate) fn is_leaving(&self) -> bool {
        self.supervisor.state() != SupervisorState::Running
    }

    /// There is no going on without the keeper.
    pub(crate) fn lose(&mut self, reason: &str) {
        if self.end.is_none() {
            self.note(Level::Critical, reason);
            self.end = Some(End::Orphaned);
        }
    }

    /// Watches the link and the pump with `poller`.
    pub(crate) fn watch_with(&self, poller: &Poller) -> io::Result<()> {
        poller.add(&self.link, LINK, Interest::Read)?;
        poller.add(&self.streams.pump, PUMP, Interest::Read)?;
        poller.add(&*self.log.borrow(), LOG, Interest::Read)?;
        poller.add(&self.inputs, INPUTS, Interest::Read)
    }

    /// Does what is due: reports of the keeper first, so that a child that has ended is known to
    /// have before its time to be promoted comes; then deadlines; then output.
    pub(crate) fn tend(&mut self, poller: &Poller, ready: &mut Vec<Ready>) {
        let is_ready = |token| ready.iter().any(|it| it.token == token);
        let now = os::clock::mono();
        let is_due = self.supervisor.deadline().is_some_and(|(at, _)| at <= now);
        if is_due || is_ready(LINK) || self.link.is_backed_up() {
            self.hear_keeper(poller);
        }
        if is_due {
            self.feed(Input::Due);
        }
        if self.streams.pump.deadline().is_some_and(|at| at <= now) {
            self.streams.pump.retry(now);
        }
        self.look_if_due(now);
        self.start = self.start.and_then(|it| it.turn(now.0));
        if is_ready(LOG) || self.log.borrow().deadline().is_some_and(|at| at <= now) {
            self.log.borrow_mut().resume();
        }
        if is_ready(INPUTS) {
            self.inputs.turn();
        }
        if is_ready(PUMP) {
            // Where both go to one place, a program is said to have begun before it says anything.
            self.flush_log();
            self.streams.pump.turn(PUMP_BUDGET_BYTES);
        }
        ready.clear();
        self.hear_pump();
        self.watch_backlog(poller);
    }

    fn hear_keeper(&mut self, poller: &Poller) {
        let flushed = self.link.flush();
        if let Err(error) = flushed {
            self.lose(&error.to_string());
        }
        while self.end.is_none() {
            match self.link.receive() {
                Ok(Some(received)) => self.hear(received),
                Ok(None) => return self.settle(),
                Err(error) => self.lose(&error.to_string()),
            }
        }
        // What it has said to the last, the next daemon must know.
        self.settle();
        let _ = poller.remove(&self.link);
    }

    /// Says in the log what the pump has to say, and tells the machine what it needs to know of it.
    pub(crate) fn hear_pump(&mut self) {
        self.take_pump();
        self.settle();
    }

    /// The same, without telling it yet.
    pub(crate) fn take_pump(&mut self) {
        loop {
            let reports = self.streams.pump.reports();
            if reports.is_empty() {
                return;
            }
            self.write_down(&reports);
            for report in reports {
                self.take_report(report);
            }
        }
    }

    /// Writes what is left of the output of programs: their own children may hold a pipe open, with half a line in it that
    /// nobody will complete any more.
    pub(crate) fn close_outputs(&mut self) {
        self.streams.pump.close_all();
        self.take_pump();
    }

    fn take_report(&mut self, report: PumpReport) {
        match report {
            PumpReport::Said { stream, child, bytes } => self.understand(&stream, child, bytes),
            PumpReport::Chunk { stream, child, bytes } => self.wrote(&stream, child, bytes),
            PumpReport::Captured { stream, child, bytes } => {
                self.inbox.push_back(Input::Captured { child, channel: stream.channel, bytes });
            }
            // What is being said was written down with what others are saying.
            PumpReport::Saying { .. } | PumpReport::Ended { .. } => {}
            PumpReport::Stalled { .. }
            | PumpReport::Recovered { .. }
            | PumpReport::Dropping { .. }
            | PumpReport::Dropped { .. }
            | PumpReport::Trouble { .. } => {
                let (level, text) = outputs::line(&report);
                self.note(level, &text);
            }
        }
    }

    /// Watches the link for room while orders wait for it.
    fn watch_backlog(&mut self, poller: &Poller) {
        let wanted = if self.link.is_backed_up() { Interest::Both } else { Interest::Read };
        if wanted != self.link_interest && poller.modify(&self.link, LINK, wanted).is_ok() {
            self.link_interest = wanted;
        }
    }
}
