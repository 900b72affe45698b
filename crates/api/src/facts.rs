//! What clients that ask for more than Supervisor tells are told: of processes, groups, listeners, the machine.
//!
//! Each struct has a table of its members, from which its documentation is made; a test holds the two together.
//! What is not known is left out, so that no number stands for something it is not. Times are seconds since the
//! epoch, with fractions.

use std::collections::BTreeMap;

use model::exit::{Ended, ExitStatus};
use model::fault::{Fault, FaultCode};
use model::info::ProcessInfo;
use model::name::{FullName, ProcessName};
use model::spec::{GroupKind, GroupSpec};
use model::state::ProcessState;
use model::time::{Mono, Wall};
use model::usage::{MachineUsage, ProcessUsage};
use supervisor::deadline::Reason;
use wire::value::{Members, Value};

use crate::call::{Context, Refusal};
use crate::method::Kind::{self, Array, Boolean, Double, Int, String as Text, Struct};
use crate::process_info;

/// A member of a struct: its name, its type, and what it says.
pub type Member = (&'static str, Kind, &'static str);

/// What `menshen.getProcesses` tells of each.
#[rustfmt::skip]
pub const PROCESS: &[Member] = &[
    ("name", Text, "Its name: `group:process`, or `process` where both are equal. It stands for it in all calls."),
    ("group", Text, "Its group."),
    ("process", Text, "Its name within its group."),
    ("program", Text, "The section it comes from."),
    ("state", Text, "STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL or UNKNOWN."),
    ("description", Text, "A sentence that sums it up, as `supervisorctl status` shows it."),
    ("pid", Int, "Its child, when there is one."),
    ("started", Double, "When it was last started."),
    ("stopped", Double, "When it last ended."),
    ("uptime", Int, "Seconds it has been running; absent unless it is."),
    ("starts", Int, "How often it was started since its group became active."),
    ("restarts", Int, "How many of these starts nobody asked for: it had ended or failed, and was to be up."),
    ("ended", Struct, "How its last child ended; a start does not forget it."),
    ("spawn_error", Text, "Why it last failed to start."),
    ("next", Text, "What it does next by itself: `run` (it will count as running), `retry`, `restart` or `kill`."),
    ("next_at", Double, "When."),
    ("listener", Boolean, "Whether it listens to events: its standard output is no log."),
    ("stdout_logfile", Text, "The file its standard output goes to."),
    ("stderr_logfile", Text, "The file its standard error goes to."),
    ("usage", Struct, "What it uses, once that has been looked at."),
];

/// The `ended` of a process.
#[rustfmt::skip]
pub const ENDED: &[Member] = &[
    ("at", Double, "When."),
    ("cause", Text, "expected, unexpected, too early (before it was up), stopped, or killed since it did not stop."),
    ("description", Text, "In words: `exit status 1`, `terminated by SIGKILL`."),
    ("code", Int, "The code it left with, unless a signal ended it."),
    ("signal", Text, "The signal that ended it."),
    ("core", Boolean, "Whether it left a core file; absent without a signal."),
];

/// What `menshen.getExits` tells of each end.
#[rustfmt::skip]
pub const EXIT: &[Member] = &[
    ("at", Double, "When."),
    ("cause", Text, "As in the `ended` of a process."),
    ("description", Text, "In words."),
    ("code", Int, "The code it left with, unless a signal ended it."),
    ("signal", Text, "The signal that ended it."),
    ("core", Boolean, "Whether it left a core file; absent without a signal."),
    ("cpu_seconds", Double, "Time it was on processors, with that of children it had reaped."),
    ("peak_bytes", Double, "The most memory it ever had in RAM."),
    ("out_of_memory", Boolean, "Whether the kernel killed it because memory had run out."),
    ("last_lines", Array, "The last lines of its standard error."),
];

/// The `usage` of a process: its child and all its descendants together.
#[rustfmt::skip]
pub const USAGE: &[Member] = &[
    ("at", Double, "When this was looked at."),
    ("cpu_percent", Double, "Time on processors since the look before, in hundredths of one processor."),
    ("cpu_seconds", Double, "Time on processors so far: of those that are there, and of children they have reaped."),
    ("memory_bytes", Double, "Memory in RAM; what they share counts for each."),
    ("proportional_bytes", Double, "Memory in RAM, with what is shared divided among all who share it. Known of those who were looked at one by one, and where a history is kept of all, at \
        most ten minutes old."),
    ("processes", Int, "How many processes there are."),
    ("threads", Int, "How many threads they have."),
    ("descriptors", Int, "How many descriptors they have open."),
    ("read_bytes", Double, "Bytes read from disks so far."),
    ("written_bytes", Double, "Bytes written to disks so far."),
];

/// What `menshen.getGroups` tells of each.
pub const GROUP: &[Member] = &[
    ("name", Text, "Its name; `name:*` stands for it where processes are named."),
    ("kind", Text, "plain, fastcgi or listener."),
    ("priority", Int, "Lower starts earlier and stops later."),
    ("socket", Text, "What its FastCGI programs listen on."),
    ("processes", Array, "The names of its processes, in the order in which they are started."),
    ("running", Int, "How many of them are RUNNING."),
];

/// What `menshen.getListeners` tells of each pool.
pub const LISTENER: &[Member] = &[
    ("name", Text, "The group of the pool."),
    ("events", Array, "The types of events it wants."),
    ("waiting", Int, "How many events wait for it."),
    ("size", Int, "How many may wait."),
    ("dropped", Int, "How many it had no room for."),
    ("processes", Array, "The names of its processes."),
    ("running", Int, "How many of them are RUNNING."),
    (
        "talks",
        Struct,
        "Where the talk with each that has said something stands: READY, BUSY, ACKNOWLEDGED, UNKNOWN.",
    ),
];

/// What `menshen.getMachine` tells.
#[rustfmt::skip]
pub const MACHINE: &[Member] = &[
    ("at", Double, "When this was looked at; nothing else is there before the first look."),
    ("uptime", Int, "Seconds since it was started."),
    ("processors", Int, "How many processors it has."),
    ("cpu_percent", Double, "How busy they were since the look before, in hundredths of all of them."),
    ("load", Array, "How many threads wanted a processor or a disk, over one, five and fifteen minutes."),
    ("memory_bytes", Double, "Bytes of RAM."),
    ("available_bytes", Double, "Bytes of RAM that programs could still have."),
    ("swap_bytes", Double, "Bytes of swap space."),
    ("swapped_bytes", Double, "Bytes of swap space in use."),
    ("disks", Array, "Its disks: `name`, `read_bytes`, `written_bytes`, `busy_ms`, all since it was started."),
    ("networks", Array, "Its network interfaces: `name`, `received_bytes`, `sent_bytes`, since it was started."),
];

/// What `menshen.getSupervisor` tells.
pub const SUPERVISOR: &[Member] = &[
    ("identifier", Text, "The `identifier` of the configuration."),
    ("version", Text, "The version of the program."),
    ("pid", Int, "The process id of the supervisor."),
    ("state", Text, "RUNNING, RESTARTING, SHUTDOWN or FATAL."),
    ("now", Double, "The time."),
    ("states", Struct, "How many processes there are in each state."),
    (
        "history",
        Boolean,
        "Whether what was is kept, so that menshen.getHistory and menshen.getFigures answer.",
    ),
];

/// The supervisor itself.
pub(crate) fn overview(context: &Context<'_>) -> Value {
    let mut states: BTreeMap<&'static str, u64> = BTreeMap::new();
    for info in context.supervisor.all_info(context.now) {
        *states.entry(info.state.as_str()).or_default() += 1;
    }
    let states = states.into_iter().map(|(state, number)| (state, count(number))).collect();
    structure(vec![
        ("identifier", Some(text(&context.identity.identifier))),
        ("version", Some(text(&context.identity.version))),
        ("pid", Some(count(context.identity.pid))),
        ("state", Some(text(context.supervisor.state().as_str()))),
        ("now", Some(moment(context.now.wall))),
        ("states", Some(Value::Struct(states))),
        ("history", Some(Value::Bool(context.usages.has_history()))),
    ])
}

/// Every process, in the order of group and name.
pub(crate) fn processes(context: &Context<'_>) -> Value {
    let all = context.supervisor.all_info(context.now);
    Value::Array(all.iter().map(|it| one(it, context)).collect())
}

/// One process.
///
/// # Errors
/// `BAD_NAME` when it is gone.
pub fn process(name: &FullName, context: &Context<'_>) -> Result<Value, Refusal> {
    let info = context.supervisor.info(name, context.now);
    let info = info.ok_or_else(|| Fault::about(FaultCode::BadName, name.to_string()))?;
    Ok(one(&info, context))
}

fn one(info: &ProcessInfo, context: &Context<'_>) -> Value {
    let name = &info.name;
    let log = |channel| {
        let path = context.files.path(name, channel)?;
        Some(Value::String(process_info::shown(&path)))
    };
    let program = context.supervisor.spec(name).map(|it| text(it.program.as_str()));
    let next = context.supervisor.next_of(name).and_then(|(at, reason)| Some((at, next(&reason)?)));
    let is_up = info.state == ProcessState::Running;
    structure(vec![
        ("name", Some(Value::String(name.to_string()))),
        ("group", Some(text(name.group.as_str()))),
        ("process", Some(text(name.process.as_str()))),
        ("program", program),
        ("state", Some(text(info.state.as_str()))),
        ("description", Some(Value::String(process_info::description(info, context.zone)))),
        ("pid", info.pid.map(count)),
        ("started", info.started.map(moment)),
        ("stopped", info.stopped.map(moment)),
        ("uptime", is_up.then(|| count(info.uptime_secs))),
        ("starts", Some(count(info.starts))),
        ("restarts", Some(count(info.restarts))),
        ("ended", info.ended.as_ref().map(|it| ended(it, moment(it.at)))),
        ("spawn_error", info.spawn_error.as_deref().map(text)),
        ("next", next.map(|(_, word)| text(word))),
        ("next_at", next.map(|(at, _)| moment(wall_of(at, context)))),
        ("listener", Some(Value::Bool(context.supervisor.is_listener(name)))),
        ("stdout_logfile", log(model::child::Channel::Stdout)),
        ("stderr_logfile", log(model::child::Channel::Stderr)),
        ("usage", context.usages.process(name).as_ref().map(usage)),
    ])
}

/// What a process does next by itself.
const fn next(reason: &Reason) -> Option<&'static str> {
    match reason {
        Reason::Promote(_) => Some("run"),
        Reason::Retry(_) => Some("retry"),
        Reason::Restart(_) => Some("restart"),
        Reason::Kill(_) => Some("kill"),
        Reason::StopReport(_)
        | Reason::ShutdownReport
        | Reason::Tick(_)
        | Reason::Redeliver(_)
        | Reason::LastWords
        | Reason::Silence(_) => None,
    }
}

/// A moment to come, on the clock people read.
fn wall_of(at: Mono, context: &Context<'_>) -> Wall {
    let away = i64::try_from((at - context.now.mono).as_micros()).unwrap_or(i64::MAX);
    Wall { micros: context.now.wall.micros.saturating_add(away) }
}

/// The end of a child, at a time in the form its readers want.
pub(crate) fn ended(ended: &Ended, at: Value) -> Value {
    let mut members = vec![
        ("at", Some(at)),
        ("cause", Some(text(ended.cause.as_str()))),
        ("description", Some(Value::String(ended.status.to_string()))),
    ];
    match ended.status {
        ExitStatus::Exited(code) => members.push(("code", Some(count(code)))),
        ExitStatus::Signaled { signal, core } => {
            members.push(("signal", Some(Value::String(signal.to_string()))));
            members.push(("core", Some(Value::Bool(core))));
        }
        ExitStatus::Other(_) | ExitStatus::Unknown => {}
    }
    structure(members)
}

/// What a process uses.
pub fn usage(usage: &ProcessUsage) -> Value {
    structure(vec![
        ("at", Some(moment(usage.at))),
        ("cpu_percent", usage.cpu_permille.map(percent)),
        ("cpu_seconds", Some(seconds(usage.cpu_ms))),
        ("memory_bytes", Some(bytes(usage.resident_bytes))),
        ("proportional_bytes", usage.proportional_bytes.map(bytes)),
        ("processes", Some(count(usage.processes))),
        ("threads", Some(count(usage.threads))),
        ("descriptors", usage.descriptors.map(count)),
        ("read_bytes", usage.read_bytes.map(bytes)),
        ("written_bytes", usage.written_bytes.map(bytes)),
    ])
}

/// The active groups, by priority.
pub(crate) fn groups(context: &Context<'_>) -> Value {
    let one = |group: &GroupSpec| {
        let (kind, socket) = match &group.kind {
            GroupKind::Plain => ("plain", None),
            GroupKind::FastCgi(socket) => ("fastcgi", Some(Value::String(socket.url()))),
            GroupKind::Listener(_) => ("listener", None),
        };
        let (names, running) = members(group, context);
        structure(vec![
            ("name", Some(text(group.name.as_str()))),
            ("kind", Some(text(kind))),
            ("priority", Some(Value::Int(group.priority))),
            ("socket", socket),
            ("processes", Some(names)),
            ("running", Some(running)),
        ])
    };
    Value::Array(context.supervisor.groups().map(|it| one(it)).collect())
}

/// The processes of a group, and how many of them are up.
fn members(group: &GroupSpec, context: &Context<'_>) -> (Value, Value) {
    let full =
        |it: &model::spec::ProcessSpec| FullName { group: group.name.clone(), process: it.name.clone() };
    let names: Vec<_> = group.processes.iter().map(|it| full(it)).collect();
    let infos = names.iter().filter_map(|it| context.supervisor.info(it, context.now));
    let running = infos.filter(|it| it.state == ProcessState::Running).count();
    (Value::Array(names.iter().map(|it| Value::String(it.to_string())).collect()), count(running))
}

/// The pools of event listeners, by name.
pub fn listeners(context: &Context<'_>) -> Value {
    let pools = context.supervisor.pools().into_iter().filter_map(|pool| {
        let group = context.supervisor.groups().find(|it| it.name == pool.name)?;
        let events = match &group.kind {
            GroupKind::Listener(spec) => spec.events.iter().map(|it| text(it.as_str())).collect(),
            GroupKind::Plain | GroupKind::FastCgi(_) => Vec::new(),
        };
        let (names, running) = members(group, context);
        let talk = |(name, state): (&ProcessName, &&str)| {
            let name = FullName { group: pool.name.clone(), process: name.clone() };
            (name.to_string(), text(state))
        };
        let talks = Value::Struct(pool.talks.iter().map(talk).collect());
        Some(structure(vec![
            ("name", Some(text(pool.name.as_str()))),
            ("events", Some(Value::Array(events))),
            ("waiting", Some(count(pool.waiting))),
            ("size", Some(count(pool.size))),
            ("dropped", Some(count(pool.dropped))),
            ("processes", Some(names)),
            ("running", Some(running)),
            ("talks", Some(talks)),
        ]))
    });
    Value::Array(pools.collect())
}

/// The machine; nothing before somebody has looked at it.
pub(crate) fn machine(context: &Context<'_>) -> Value {
    context.usages.machine().map_or_else(|| Value::Struct(Members::new()), machine_usage)
}

/// What the machine uses.
pub fn machine_usage(usage: &MachineUsage) -> Value {
    let disks = usage.disks.iter().map(|it| {
        structure(vec![
            ("name", Some(text(&it.name))),
            ("read_bytes", Some(bytes(it.read_bytes))),
            ("written_bytes", Some(bytes(it.written_bytes))),
            ("busy_ms", Some(count(it.busy_ms))),
        ])
    });
    let networks = usage.networks.iter().map(|it| {
        structure(vec![
            ("name", Some(text(&it.name))),
            ("received_bytes", Some(bytes(it.received_bytes))),
            ("sent_bytes", Some(bytes(it.sent_bytes))),
        ])
    });
    structure(vec![
        ("at", Some(moment(usage.at))),
        ("uptime", Some(count(usage.uptime_secs))),
        ("processors", Some(count(usage.processors))),
        ("cpu_percent", usage.cpu_permille.map(percent)),
        ("load", Some(Value::Array(usage.load.iter().map(|it| Value::Double(*it)).collect()))),
        ("memory_bytes", Some(bytes(usage.memory_bytes))),
        ("available_bytes", Some(bytes(usage.available_bytes))),
        ("swap_bytes", Some(bytes(usage.swap_bytes))),
        ("swapped_bytes", Some(bytes(usage.swapped_bytes))),
        ("disks", Some(Value::Array(disks.collect()))),
        ("networks", Some(Value::Array(networks.collect()))),
    ])
}

/// A struct of the members that are there.
pub(crate) fn structure(members: Vec<(&'static str, Option<Value>)>) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Value::Struct(there.collect())
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(crate) fn count(number: impl TryInto<i64>) -> Value {
    Value::Int(number.try_into().unwrap_or(i64::MAX))
}

/// A moment, as seconds since the epoch.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "exact until the year 287396")]
pub fn moment(at: Wall) -> Value {
    Value::Double(at.micros.div_euclid(1000) as f64 / 1000.0)
}

/// A number of bytes. The integers of XML-RPC end at two gigabytes, and these are exact up to eight petabytes.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "nothing here has more than petabytes"
)]
pub fn bytes(count: u64) -> Value {
    Value::Double(count as f64)
}

/// A length of time.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "exact for 285,000 years of milliseconds"
)]
pub fn seconds(millis: u64) -> Value {
    Value::Double(millis as f64 / 1000.0)
}

fn percent(permille: u32) -> Value {
    Value::Double(f64::from(permille) / 10.0)
}
