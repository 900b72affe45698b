//! The rows of the published table: what is measured, in which unit, and what it must be.

/// One number of the table.
pub(crate) struct Row {
    /// Its name on the command line.
    pub(crate) key: &'static str,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// The unit of its samples.
    pub(crate) unit: &'static str,
    /// What ours must be.
    pub(crate) goals: &'static [Goal],
}

/// What a number must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// The median is at most this.
    AtMost(f64),
    /// The 99th percentile is at most this.
    P99AtMost(f64),
    /// The median is at least this.
    AtLeast(f64),
    /// The median is at most so many times that of another contender in the same row.
    TimesOf(f64, &'static str),
    /// The median is at least so many times that of another contender in the same row.
    AtLeastTimesOf(f64, &'static str),
    /// The median is at most so many times our own in another row.
    TimesRow(f64, &'static str),
}

use Goal::{AtLeast, AtLeastTimesOf, AtMost, P99AtMost, TimesOf, TimesRow};

const fn row(key: &'static str, what: &'static str, unit: &'static str, goals: &'static [Goal]) -> Row {
    Row { key, what, unit, goals }
}

/// All rows, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    row("start-1", "start 1 program, to its first instruction", "ms", &[AtMost(15.0)]),
    row("start-100", "start 100 programs, to the first instruction of the last", "ms", &[AtMost(80.0)]),
    row("start-1000", "start 1,000 programs", "ms", &[TimesOf(1.0, "dinit"), TimesOf(1.3, "limit")]),
    row("start-1000-cpu", "processor time for that, with the children's", "ms", &[TimesOf(1.0, "dinit")]),
    row("start-10000", "start 10,000 programs", "ms", &[TimesRow(12.0, "start-1000")]),
    row(
        "descriptors-10000",
        "descriptors at 10,000 programs, the fuller of the pair",
        "",
        &[AtMost(20_000.0)],
    ),
    row("respawn", "kill -9 to the first instruction of the next", "ms", &[AtMost(1.2), P99AtMost(4.0)]),
    row("stop-1000", "stop 1,000 programs and leave", "ms", &[TimesOf(1.2, "dinit")]),
    row("memory-0", "resident memory without programs", "MB", &[AtMost(8.0)]),
    row("memory-1000", "resident memory with 1,000 programs", "MB", &[AtMost(12.0)]),
    row("keeper-1000", "of that the keeper", "MB", &[AtMost(3.0)]),
    row("idle-wakes", "wake-ups in 60 s, 1,000 programs", "", &[AtMost(0.0)]),
    row("idle-cpu", "processor time in 60 s, 1,000 programs", "ms", &[AtMost(0.0)]),
    row("status-100", "status of 100 programs, the whole command", "ms", &[AtMost(5.0)]),
    row("status-1000", "status of 1,000 programs, the whole command", "ms", &[AtMost(9.0)]),
    row("stop-start", "stop and start one of 100, two commands", "ms", &[AtMost(10.0)]),
    row("rpc-state", "getState, 1,000 programs, one connection", "/s", &[AtLeast(25_000.0)]),
    row("rpc-state-one", "the same, client and server on one processor", "/s", &[AtLeast(25_000.0)]),
    row("rpc-all", "getAllProcessInfo, 1,000 programs, one connection", "/s", &[AtLeast(300.0)]),
    row("flood-4000", "one child's log, 4,000-byte writes", "MB/s", &[AtLeastTimesOf(1.3, "supervisor")]),
    row("flood-4000-cpu", "processor time for that", "s/GB", &[TimesOf(0.6, "supervisor")]),
    row("flood-100", "one child's log, 100-byte writes", "MB/s", &[AtLeastTimesOf(1.3, "supervisor")]),
    row("flood-100-cpu", "processor time for that", "s/GB", &[TimesOf(0.6, "supervisor")]),
    row("fan-in-cpu", "100 children, 1,000 lines/s each, 10 s: processor time", "s", &[AtMost(0.6)]),
    row("event-exit", "a child's exit to the listener that is told", "ms", &[AtMost(2.0)]),
    row("event-rate", "events to one pool of four listeners", "/s", &[AtLeast(50_000.0)]),
    row("update", "one program added to 1,000: reread and update", "ms", &[AtMost(40.0)]),
    row("config-10000", "10,000 programs parsed and resolved", "ms", &[AtMost(250.0)]),
    row("daemon-killed-1000", "daemon killed to answering again, 1,000 programs", "ms", &[AtMost(100.0)]),
    row("daemon-killed-10000", "daemon killed to answering again, 10,000 programs", "ms", &[AtMost(500.0)]),
    row("program-size", "the release program", "MB", &[AtMost(10.0)]),
];

/// The names of all rows.
pub(crate) fn keys() -> Vec<&'static str> {
    ROWS.iter().map(|it| it.key).collect()
}
