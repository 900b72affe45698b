//! The figures as OpenMetrics text, for those who collect them (the OpenMetrics specification, 1.0.0).

use std::fmt::Write;

use model::child::Channel;
use model::exit::ExitStatus;
use model::info::ProcessInfo;
use model::name::FullName;
use model::state::ProcessState;
use model::usage::ProcessUsage;

use crate::call::Context;

/// The type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One process, and what it uses.
struct Subject {
    info: ProcessInfo,
    usage: Option<ProcessUsage>,
    /// How many bytes its logs did not get.
    dropped: u64,
}

/// A family of figures about processes: its name, its type, its unit, what it says, and its value for one process.
struct Family {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Subject) -> Option<f64>,
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Subject) -> Option<f64>,
) -> Family {
    Family { name, kind: "gauge", unit, help, value }
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Subject) -> Option<f64>,
) -> Family {
    Family { name, kind: "counter", unit, help, value }
}

#[rustfmt::skip]
const FAMILIES: [Family; 18] = [
    gauge("menshen_process_up", "", "Whether the process is RUNNING.",
        |it| Some(f64::from(u8::from(it.info.state == ProcessState::Running)))),
    gauge("menshen_process_state", "",
        "Its state: 0 STOPPED, 10 STARTING, 20 RUNNING, 30 BACKOFF, 40 STOPPING, 100 EXITED, 200 FATAL, 1000 UNKNOWN.",
        |it| Some(f64::from(it.info.state.code()))),
    gauge("menshen_process_uptime_seconds", "seconds", "How long it has been running.",
        |it| (it.info.state == ProcessState::Running).then(|| number(it.info.uptime_secs))),
    gauge("menshen_process_start_time_seconds", "seconds", "When it was last started, since the epoch.",
        |it| it.info.started.map(|at| number(u64::try_from(at.micros / 1000).unwrap_or(0)) / 1000.0)),
    counter("menshen_process_starts", "", "How often it was started.", |it| Some(number(it.info.starts))),
    counter("menshen_process_restarts", "", "How many of these starts nobody asked for.",
        |it| Some(number(it.info.restarts))),
    gauge("menshen_process_last_exit_code", "", "The code its last child left with, unless a signal ended it.",
        |it| match it.info.ended?.status {
            ExitStatus::Exited(code) => Some(f64::from(code)),
            ExitStatus::Signaled { .. } | ExitStatus::Other(_) | ExitStatus::Unknown => None,
        }),
    gauge("menshen_process_last_exit_signal", "", "The number of the signal that ended its last child.",
        |it| match it.info.ended?.status {
            ExitStatus::Signaled { signal, .. } => Some(f64::from(signal.number())),
            ExitStatus::Exited(_) | ExitStatus::Other(_) | ExitStatus::Unknown => None,
        }),
    gauge("menshen_process_last_exit_time_seconds", "seconds", "When its last child ended, since the epoch.",
        |it| it.info.ended.map(|it| number(u64::try_from(it.at.micros / 1000).unwrap_or(0)) / 1000.0)),
    counter("menshen_process_cpu_seconds", "seconds", "Time on processors of its child and all descendants.",
        |it| it.usage.map(|it| number(it.cpu_ms) / 1000.0)),
    gauge("menshen_process_resident_memory_bytes", "bytes", "Memory in RAM of its child and all descendants.",
        |it| it.usage.map(|it| number(it.resident_bytes))),
    gauge("menshen_process_processes", "", "How many processes it consists of.",
        |it| it.usage.map(|it| it.processes.into())),
    gauge("menshen_process_threads", "", "How many threads they have.", |it| it.usage.map(|it| it.threads.into())),
    gauge("menshen_process_open_fds", "", "How many descriptors they have open.",
        |it| it.usage?.descriptors.map(f64::from)),
    counter("menshen_process_read_bytes", "bytes", "Bytes they have read from disks.",
        |it| it.usage?.read_bytes.map(number)),
    counter("menshen_process_written_bytes", "bytes", "Bytes they have written to disks.",
        |it| it.usage?.written_bytes.map(number)),
    counter("menshen_process_log_dropped_bytes", "bytes", "Bytes its logs did not take and were not waited for.",
        |it| Some(number(it.dropped))),
    gauge("menshen_process_log_bytes", "bytes", "The size of its logs.", |_| None),
];

/// Everything, as text. `log_bytes` tells how large the logs of a process are.
pub fn text(context: &Context<'_>, log_bytes: &dyn Fn(&FullName) -> Option<u64>) -> String {
    let subject = |info: ProcessInfo| {
        let dropped = |channel| context.files.dropped_bytes(&info.name, channel);
        let dropped = dropped(Channel::Stdout).saturating_add(dropped(Channel::Stderr));
        Subject { usage: context.usages.process(&info.name), dropped, info }
    };
    let subjects: Vec<_> = context.supervisor.all_info(context.now).into_iter().map(subject).collect();
    let mut out = String::with_capacity(2048 + subjects.len() * 2048);
    about_supervisor(&mut out, context);
    for family in &FAMILIES {
        head(&mut out, family.name, family.kind, family.unit, family.help);
        let total = if family.kind == "counter" { "_total" } else { "" };
        for it in &subjects {
            let value = match family.name {
                "menshen_process_log_bytes" => log_bytes(&it.info.name).map(number),
                _ => (family.value)(it),
            };
            if let Some(value) = value {
                let labels = labels(&it.info.name);
                // Writing to a string cannot fail.
                let _ = writeln!(out, "{}{total}{{{labels}}} {value}", family.name);
            }
        }
    }
    about_listeners(&mut out, context);
    about_machine(&mut out, context);
    out.push_str("# EOF\n");
    out
}

fn head(out: &mut String, name: &str, kind: &str, unit: &str, help: &str) {
    let _ = writeln!(out, "# TYPE {name} {kind}");
    if !unit.is_empty() {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
    let _ = writeln!(out, "# HELP {name} {help}");
}

fn about_supervisor(out: &mut String, context: &Context<'_>) {
    head(out, "menshen_build", "info", "", "The supervisor itself.");
    let (version, identifier) = (escaped(&context.identity.version), escaped(&context.identity.identifier));
    let _ = writeln!(out, "menshen_build_info{{version=\"{version}\",identifier=\"{identifier}\"}} 1");
}

fn about_listeners(out: &mut String, context: &Context<'_>) {
    let pools = context.supervisor.pools();
    head(
        out,
        "menshen_listener_events_waiting",
        "gauge",
        "",
        "How many events wait for a pool of listeners.",
    );
    for pool in &pools {
        let name = escaped(pool.name.as_str());
        let _ = writeln!(out, "menshen_listener_events_waiting{{pool=\"{name}\"}} {}", pool.waiting);
    }
    head(out, "menshen_listener_events_dropped", "counter", "", "How many events a pool had no room for.");
    for pool in &pools {
        let name = escaped(pool.name.as_str());
        let _ = writeln!(out, "menshen_listener_events_dropped_total{{pool=\"{name}\"}} {}", pool.dropped);
    }
}

fn about_machine(out: &mut String, context: &Context<'_>) {
    let Some(machine) = context.usages.machine() else { return };
    let mut add = |name: &str, unit: &str, help: &str, value: f64| {
        head(out, name, "gauge", unit, help);
        let _ = writeln!(out, "{name} {value}");
    };
    add("menshen_machine_load1", "", "The load over one minute.", machine.load[0]);
    add("menshen_machine_processors", "", "How many processors there are.", machine.processors.into());
    add("menshen_machine_memory_bytes", "bytes", "Bytes of RAM.", number(machine.memory_bytes));
    let available = number(machine.available_bytes);
    add(
        "menshen_machine_available_bytes",
        "bytes",
        "Bytes of RAM that programs could still have.",
        available,
    );
    add(
        "menshen_machine_swapped_bytes",
        "bytes",
        "Bytes of swap space in use.",
        number(machine.swapped_bytes),
    );
    if let Some(permille) = machine.cpu_permille {
        let share = f64::from(permille) / 1000.0;
        add("menshen_machine_cpu_ratio", "ratio", "How busy its processors are, all together.", share);
    }
}

fn labels(name: &FullName) -> String {
    format!("group=\"{}\",process=\"{}\"", escaped(name.group.as_str()), escaped(name.process.as_str()))
}

/// A text between the quotes of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, which nothing here reaches"
)]
fn number(count: u64) -> f64 {
    count as f64
}
