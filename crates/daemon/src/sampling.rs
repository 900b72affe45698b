//! When to look at what everything uses, and where: only while somebody wants to know, and on a thread of its own,
//! since a file of `/proc` may make its reader wait for the process it is about.

use std::collections::BTreeMap;
use std::time::Duration;

use api::facts;
use http::ask::Slot;
use model::level::Level;
use model::name::FullName;
use model::time::Mono;
use model::usage::{MachineUsage, ProcessUsage};
use monitor::sampler::{Sampler, Wanted};
use tokio::sync::mpsc;
use wire::value::{Members, MethodCall, Value};

use crate::state::Daemon;

/// How soon to look for the second time: the first look cannot tell how busy anybody is.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// How long somebody who asked once counts as somebody who wants to know; longer where it is looked seldom.
const INTEREST: Duration = Duration::from_secs(30);

/// How long it takes until everybody was looked at closely, where that is kept: as long as the coarsest figures stand for.
/// For 1,000 processes it adds 3 ms to each look of every five seconds.
const CLOSE_ROUND: Duration = Duration::from_mins(10);

/// The stack of the thread that looks; it keeps what it reads on the heap.
const STACK_BYTES: usize = 128 << 10;

/// When to look, and what comes of it.
pub(crate) struct Sampling {
    /// How often to look while somebody wants to know; `None`: never.
    interval: Option<Duration>,
    /// Whether somebody always wants to know, since it is kept.
    is_kept: bool,
    /// `None` before the first look, and while a thread has it.
    sampler: Option<Sampler>,
    /// Whether a thread is looking.
    away: bool,
    due: Option<Mono>,
    last: Option<Mono>,
    wanted_until: Mono,
    /// Who is to be looked at closely, and until when.
    closely: BTreeMap<FullName, Mono>,
    /// How many looks there were: whose turn it is to be looked at closely follows from it.
    turn: u64,
    /// Who waits for figures.
    pub(crate) collectors: Vec<Slot<String>>,
    results: mpsc::UnboundedReceiver<Looked>,
    sender: mpsc::UnboundedSender<Looked>,
}

/// What came of a look.
pub(crate) struct Looked {
    sampler: Option<Sampler>,
    /// For each process that was there, its root and what its tree uses.
    processes: Vec<(u32, ProcessUsage)>,
    /// Whose root each was.
    names: BTreeMap<u32, FullName>,
    machine: Option<MachineUsage>,
    trouble: Option<String>,
}

impl Sampling {
    /// Looks every so many seconds while somebody wants to know; for 0, never.
    pub(crate) fn new(interval_secs: u32) -> Self {
        let (sender, results) = mpsc::unbounded_channel();
        let interval = Some(Duration::from_secs(interval_secs.into())).filter(|it| !it.is_zero());
        Self {
            interval,
            is_kept: false,
            sampler: None,
            away: false,
            due: None,
            last: None,
            wanted_until: Mono::default(),
            closely: BTreeMap::new(),
            turn: 0,
            collectors: Vec::new(),
            results,
            sender,
        }
    }

    /// When to look next.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.due.filter(|_| !self.away)
    }

    /// What came of the next look. Cancel-safe.
    pub(crate) async fn looked(&mut self) -> Option<Looked> {
        self.results.recv().await
    }

    /// What came of a look, if one is over.
    fn try_looked(&mut self) -> Option<Looked> {
        self.results.try_recv().ok()
    }

    /// Somebody wants to know now.
    fn want(&mut self, now: Mono) {
        self.due = self.due.or(self.interval.map(|_| now));
    }

    /// Whether it is the turn of the process with this number to be looked at closely: each has one in every round.
    fn is_turn_of(&self, number: u64) -> bool {
        let interval = self.interval.map_or(1, |it| it.as_secs());
        let looks = (CLOSE_ROUND.as_secs() / interval.max(1)).max(1);
        self.is_kept && self.turn % looks == number % looks
    }

    /// Somebody wants to know for as long as the daemon lives.
    pub(crate) fn keep_looking(&mut self) {
        self.is_kept = true;
        self.want(os::clock::mono());
    }
}

impl Daemon {
    /// Takes note of who asks what is to be known only by looking.
    pub(crate) fn note_interest(&mut self, call: &MethodCall) {
        if !matches!(call.name.as_str(), "menshen.getProcess" | "menshen.getProcesses" | "menshen.getMachine")
        {
            return;
        }
        let now = os::clock::mono();
        let until = now + INTEREST.max(self.sampling.interval.unwrap_or_default() * 2);
        self.sampling.wanted_until = until;
        if let ("menshen.getProcess", Some(Value::String(named))) = (call.name.as_str(), call.params.first())
            && let Some(name) = api::followed::process(&self.context(), named)
        {
            self.sampling.closely.retain(|_, until| *until > now);
            self.sampling.closely.insert(name, until);
        }
        self.sampling.want(now);
    }

    /// Somebody begins to watch.
    pub(crate) fn watched(&mut self) {
        if self.feed.wants_samples() {
            self.sampling.want(os::clock::mono());
        }
    }

    /// Looks at once, unless a thread is looking.
    pub(crate) fn look_now(&mut self) {
        if self.sampling.interval.is_none() {
            return self.tell_collectors();
        }
        let now = os::clock::mono();
        self.sampling.wanted_until = self.sampling.wanted_until.max(now + INTEREST);
        if !self.sampling.away {
            self.sampling.due = Some(now);
            self.look_if_due(now);
        }
    }

    /// Looks, if it is time and somebody still wants to know.
    pub(crate) fn look_if_due(&mut self, now: Mono) {
        if self.sampling.deadline().is_none_or(|it| it > now) {
            return;
        }
        let Some(interval) = self.sampling.interval else { return };
        let is_wanted =
            self.sampling.is_kept || self.feed.wants_samples() || self.sampling.wanted_until > now;
        if !is_wanted {
            // What is known grows old, and nobody is there to see it.
            self.sampling.due = None;
            self.sampling.sampler = None;
            self.figures.forget();
            return;
        }
        let is_first = self.sampling.last.is_none_or(|it| now - it > interval * 2);
        self.sampling.last = Some(now);
        self.sampling.due = Some(now + if is_first { SECOND_LOOK } else { interval });
        self.look(now);
    }

    fn look(&mut self, now: Mono) {
        let mut names = BTreeMap::new();
        let mut wanted = Vec::new();
        for (info, number) in self.supervisor.all_info(os::clock::now()).into_iter().zip(0..) {
            if let Some(pid) = info.pid {
                let is_watched = self.sampling.closely.get(&info.name).is_some_and(|until| *until > now);
                let closely = is_watched || self.sampling.is_turn_of(number);
                wanted.push(Wanted { pid, closely });
                names.insert(pid, info.name);
            }
        }
        self.sampling.turn += 1;
        let sender = self.sampling.sender.clone();
        let sampler = self.sampling.sampler.take();
        let thread = std::thread::Builder::new().name("menshen-look".to_owned()).stack_size(STACK_BYTES);
        // The receiver is gone only when the daemon is.
        let started = thread.spawn(move || drop(sender.send(Looked::with(sampler, &wanted, names))));
        match started {
            Ok(_) => self.sampling.away = true,
            Err(error) => {
                self.note(Level::Warn, &format!("cannot look at what processes use: {error}"));
                self.tell_collectors();
            }
        }
    }

    /// Takes one thing that each of the threads beside the loop has found out, if there is any.
    pub(crate) fn hear_threads(&mut self) {
        if let Some(looked) = self.sampling.try_looked() {
            self.looked(looked);
        }
        if let Some(heard) = self.past.try_heard() {
            self.hear_past(heard);
        }
    }

    /// Takes what came of a look, and tells those who watch.
    pub(crate) fn looked(&mut self, looked: Looked) {
        self.sampling.away = false;
        self.sampling.sampler = looked.sampler;
        if let Some(trouble) = looked.trouble {
            self.note(Level::Warn, &format!("cannot look at what processes use: {trouble}"));
        }
        self.figures.machine = looked.machine;
        let before = std::mem::take(&mut self.figures.processes);
        let mut found = BTreeMap::new();
        for (pid, mut usage) in looked.processes {
            let name = looked.names.get(&pid);
            // Who ended meanwhile uses nothing.
            let alive = name.filter(|it| self.supervisor.child_of(it).is_some_and(|it| it.1 == Some(pid)));
            if let Some(name) = alive {
                // The sampler knows how busy it was only if it is the child it was.
                if usage.proportional_bytes.is_none() && self.sampling.is_kept && usage.cpu_permille.is_some()
                {
                    usage.proportional_bytes = before.get(name).and_then(|it| it.proportional_bytes);
                }
                found.insert(name.clone(), usage);
            }
        }
        self.figures.take(found);
        self.past.measured(&before, &self.figures.processes, self.figures.machine.as_ref());
        if self.feed.wants_samples() {
            let listeners = facts::listeners(&self.context());
            self.feed.publish_samples(&self.figures.text(listeners));
        }
        self.tell_collectors();
    }
}

impl Looked {
    /// Looks. Called where waiting harms nobody.
    fn with(sampler: Option<Sampler>, wanted: &[Wanted], names: BTreeMap<u32, FullName>) -> Self {
        let nothing =
            |names, trouble| Self { sampler: None, processes: vec![], names, machine: None, trouble };
        let mut sampler = match sampler.map_or_else(Sampler::open, Ok) {
            Ok(sampler) => sampler,
            Err(error) => return nothing(names, Some(error.to_string())),
        };
        let now = os::clock::now();
        match sampler.processes(now, wanted) {
            Ok(processes) => {
                let machine = Some(sampler.machine(now));
                Self { sampler: Some(sampler), processes, names, machine, trouble: None }
            }
            Err(error) => nothing(names, Some(error.to_string())),
        }
    }
}

impl crate::figures::Figures {
    /// All of it as JSON, and how the listeners are.
    fn text(&self, listeners: Value) -> String {
        let processes =
            self.processes.iter().map(|(name, it)| (name.to_string(), facts::usage(it))).collect();
        let mut members = Members::from([("listeners", listeners), ("processes", Value::Struct(processes))]);
        members.extend(self.machine.as_ref().map(|it| ("machine", facts::machine_usage(it))));
        api::json::text(&Value::Struct(members))
    }
}
