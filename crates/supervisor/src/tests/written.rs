//! What the machine remembers, as it is written down. What an earlier version wrote is read for ever: a row
//! here is never changed, only another one added when the format has grown.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::child::{Channel, ChildId};
use model::event::{Event, StateDetail, TickPeriod};
use model::exit::{EndCause, Ended, ExitStatus};
use model::listener::Letter;
use model::name::{GroupName, ProcessName};
use model::signal::Signal;
use model::state::ProcessState;
use model::time::{Mono, Stamp, Wall};

use super::bench::named;
use crate::effect::Scope;
use crate::input::Departure;
use crate::memory::{
    Change, Counters, FateMemory, GroupMemory, ListenerState, MoodMemory, Ordered, PoolState, ProcessMemory,
    SuccessorMemory, Talk,
};
use crate::phase::Phase;

fn at(secs: u64) -> Mono {
    Mono(Duration::from_secs(secs))
}

fn g() -> GroupName {
    GroupName::parse("g").unwrap()
}

fn process(phase: Phase) -> Change {
    let process = ProcessMemory { tape: 3, phase, ..ProcessMemory::default() };
    Change::Process { name: named("g", "p"), process: Box::new(process) }
}

fn letter(event: Event) -> Letter {
    Letter { serial: 7, pool: g(), pool_serial: 5, event: Arc::new(event) }
}

/// A process of which everything is remembered.
fn full() -> Change {
    let process = ProcessMemory {
        tape: 3,
        phase: Phase::Exited { expected: false, restart_at: Some(Mono(Duration::new(9, 1))) },
        fate: Some(FateMemory::Replace { tape: 4, start: true }),
        started: Some(Stamp { mono: at(8), wall: Wall { micros: -1 } }),
        stopped: Some(Wall { micros: 5 }),
        spawn_error: Some("can't find command 'x'".to_owned()),
        exit: Some(ExitStatus::Signaled { signal: Signal::TERM, core: true }),
        starts: 2,
        restarts: 1,
        ended: Some(Ended {
            status: ExitStatus::Exited(3),
            at: Wall { micros: 5 },
            cause: EndCause::Unexpected,
        }),
    };
    Change::Process { name: named("g", "p"), process: Box::new(process) }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<(Change, &'static str)> {
    let name = named("g", "p");
    let (child, pid) = (ChildId(9), 77);
    let listener = |talk| Change::Listener {
        child,
        listener: ListenerState { name: name.clone(), talk, to_mend: false },
    };
    vec![
        (Change::Configured { tape: 3 }, r#"{"change":"configured","tape":3}"#),
        (
            Change::Counters {
                counters: Counters { child: 10, event: 8, rank: 2, clocks: [(TickPeriod::Five, 60)].into() },
            },
            r#"{"change":"counters","counters":{"child":10,"event":8,"rank":2,"clocks":{"five":60}}}"#,
        ),
        (Change::Mood { mood: MoodMemory::Running }, r#"{"change":"mood","mood":"running"}"#),
        (
            Change::Mood { mood: MoodMemory::Leaving(Departure::Restart) },
            r#"{"change":"mood","mood":{"leaving":"restart"}}"#,
        ),
        (
            Change::Mood { mood: MoodMemory::Left(Departure::Shutdown) },
            r#"{"change":"mood","mood":{"left":"shutdown"}}"#,
        ),
        (
            Change::Group { name: g(), group: GroupMemory { tape: 3, rank: 1, successor: None } },
            r#"{"change":"group","name":"g","group":{"tape":3,"rank":1,"successor":null}}"#,
        ),
        (
            Change::Group {
                name: g(),
                group: GroupMemory { tape: 3, rank: 1, successor: Some(SuccessorMemory::Nothing) },
            },
            r#"{"change":"group","name":"g","group":{"tape":3,"rank":1,"successor":"nothing"}}"#,
        ),
        (
            Change::Group {
                name: g(),
                group: GroupMemory {
                    tape: 3,
                    rank: 1,
                    successor: Some(SuccessorMemory::Group {
                        tape: 4,
                        start: [ProcessName::expanded("p")].into(),
                    }),
                },
            },
            r#"{"change":"group","name":"g","group":{"tape":3,"rank":1,"successor":{"group":{"tape":4,"start":["p"]}}}}"#,
        ),
        (Change::GroupGone { name: g() }, r#"{"change":"group_gone","name":"g"}"#),
        (
            full(),
            r#"{"change":"process","name":"g:p","process":{"tape":3,"phase":{"is":"exited","expected":false,"restart_at":[9,1]},"fate":{"replace":{"tape":4,"start":true}},"started":{"mono":[8,0],"wall":-1},"stopped":5,"spawn_error":"can't find command 'x'","exit":{"signaled":{"signal":15,"core":true}},"starts":2,"restarts":1,"ended":{"status":{"exited":3},"at":5,"cause":"unexpected"}}}"#,
        ),
        (Change::ProcessGone { name: name.clone() }, r#"{"change":"process_gone","name":"g:p"}"#),
        (
            Change::Pool {
                name: g(),
                pool: PoolState {
                    serial: 5,
                    dropped: 1,
                    burst: 0,
                    rests_until: Some(at(4)),
                    mendings: [(ProcessName::expanded("p"), [at(3)].into())].into(),
                },
            },
            r#"{"change":"pool","name":"g","pool":{"serial":5,"dropped":1,"rests_until":[4,0],"mendings":{"p":[[3,0]]}}}"#,
        ),
        (
            Change::Pool { name: g(), pool: PoolState { dropped: 9, burst: 8, ..PoolState::default() } },
            r#"{"change":"pool","name":"g","pool":{"serial":0,"dropped":9,"burst":8,"rests_until":null,"mendings":{}}}"#,
        ),
        (Change::PoolGone { name: g() }, r#"{"change":"pool_gone","name":"g"}"#),
        (
            Change::LetterLast {
                letter: letter(Event::ProcessState {
                    name: name.clone(),
                    from: ProcessState::Running,
                    to: ProcessState::Exited,
                    detail: StateDetail::Ended { pid, expected: true },
                }),
            },
            r#"{"change":"letter_last","letter":{"serial":7,"pool":"g","pool_serial":5,"event":{"process_state":{"name":"g:p","from":"running","to":"exited","detail":{"ended":{"pid":77,"expected":true}}}}}}"#,
        ),
        (
            Change::LetterFirst {
                letter: letter(Event::ProcessLog {
                    name: name.clone(),
                    pid,
                    channel: Channel::Stderr,
                    data: b"\xe9\"\n".to_vec(),
                }),
            },
            r#"{"change":"letter_first","letter":{"serial":7,"pool":"g","pool_serial":5,"event":{"process_log":{"name":"g:p","pid":77,"channel":"stderr","data":"é\"\n"}}}}"#,
        ),
        (
            Change::LetterLast { letter: letter(Event::Tick { period: TickPeriod::Hour, when: 3600 }) },
            r#"{"change":"letter_last","letter":{"serial":7,"pool":"g","pool_serial":5,"event":{"tick":{"period":"hour","when":3600}}}}"#,
        ),
        (
            Change::LetterLast { letter: letter(Event::GroupAdded(g())) },
            r#"{"change":"letter_last","letter":{"serial":7,"pool":"g","pool_serial":5,"event":{"group_added":"g"}}}"#,
        ),
        (
            Change::LetterForAll {
                serial: 7,
                pools: vec![(g(), 5), (g(), 6)],
                event: Arc::new(Event::GroupAdded(g())),
            },
            r#"{"change":"letter_for_all","serial":7,"pools":[["g",5],["g",6]],"event":{"group_added":"g"}}"#,
        ),
        (Change::LetterDropped { pool: g() }, r#"{"change":"letter_dropped","pool":"g"}"#),
        (Change::LetterHeld { pool: g(), child }, r#"{"change":"letter_held","pool":"g","child":9}"#),
        (
            listener(Talk::Ready),
            r#"{"change":"listener","child":9,"listener":{"name":"g:p","talk":"ready","to_mend":false}}"#,
        ),
        (
            listener(Talk::Unknown),
            r#"{"change":"listener","child":9,"listener":{"name":"g:p","talk":"unknown","to_mend":false}}"#,
        ),
        (Change::ListenerGone { child }, r#"{"change":"listener_gone","child":9}"#),
        (
            Change::Ordered {
                ordered: vec![
                    Ordered::Signal { child, signal: Signal::KILL, scope: Scope::Group },
                    Ordered::Letter { child },
                    Ordered::Amend { child },
                ],
            },
            r#"{"change":"ordered","ordered":[{"signal":{"child":9,"signal":9,"scope":"group"}},{"letter":{"child":9}},{"amend":{"child":9}}]}"#,
        ),
    ]
}

/// Every phase, as part of what is written for a process.
fn phases() -> Vec<(Phase, &'static str)> {
    let (child, failures) = (ChildId(9), 1);
    let (pid, stopping, reason) = (Some(77), true, "why".to_owned());
    vec![
        (Phase::Stopped, r#"{"is":"stopped"}"#),
        (Phase::Spawning { child, failures }, r#"{"is":"spawning","child":9,"failures":1}"#),
        (
            Phase::Starting { child, pid: 77, up_at: at(2), failures },
            r#"{"is":"starting","child":9,"pid":77,"up_at":[2,0],"failures":1}"#,
        ),
        (Phase::Running { child, pid: 77 }, r#"{"is":"running","child":9,"pid":77}"#),
        (Phase::Backoff { retry_at: at(2), failures }, r#"{"is":"backoff","retry_at":[2,0],"failures":1}"#),
        (
            Phase::Stopping { child, pid: None, kill_at: at(2) },
            r#"{"is":"stopping","child":9,"pid":null,"kill_at":[2,0]}"#,
        ),
        (
            Phase::Exited { expected: true, restart_at: None },
            r#"{"is":"exited","expected":true,"restart_at":null}"#,
        ),
        (Phase::Fatal, r#"{"is":"fatal"}"#),
        (Phase::Unknown { child, pid, stopping }, r#"{"is":"unknown","child":9,"pid":77,"stopping":true}"#),
        (
            Phase::Doubt { child, pid, started: at(2), reason },
            r#"{"is":"doubt","child":9,"pid":77,"started":[2,0],"reason":"why"}"#,
        ),
    ]
}

#[test]
fn each_change_is_written_and_read_as_it_always_was() {
    for (change, text) in rows() {
        assert_eq!(serde_json::to_string(&change).unwrap(), text);
        assert_eq!(serde_json::from_str::<Change>(text).unwrap(), change, "{text}");
    }
    for (phase, text) in phases() {
        let text = format!(
            r#"{{"change":"process","name":"g:p","process":{{"tape":3,"phase":{text},"fate":null,"started":null,"stopped":null,"spawn_error":null,"exit":null,"starts":0,"restarts":0,"ended":null}}}}"#
        );
        let change = process(phase);
        assert_eq!(serde_json::to_string(&change).unwrap(), text);
        assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change, "{text}");
    }
}

#[test]
fn every_kind_has_a_row() {
    let kind = |text: &'static str| text.split('"').nth(3);
    let told: BTreeSet<_> = rows().iter().filter_map(|(_, text)| kind(text)).collect();
    // As many as there are variants, without the one that is never written.
    assert_eq!(told.len(), 17, "{told:?}");
}

#[test]
fn what_a_later_version_adds_is_ignored_and_what_an_earlier_one_lacked_is_missed_by_nobody() {
    let read = |text| serde_json::from_str::<Change>(text).unwrap();
    assert_eq!(read(r#"{"change":"weather","wind":"north"}"#), Change::Unknown);
    assert_eq!(read(r#"{"change":"configured","tape":3,"by":"hand"}"#), Change::Configured { tape: 3 });
    let bare =
        r#"{"change":"process","name":"g:p","process":{"tape":3,"phase":{"is":"fatal"},"mood":"sad"}}"#;
    assert_eq!(read(bare), process(Phase::Fatal));
    let counters = Change::Counters { counters: Counters { child: 4, ..Counters::default() } };
    assert_eq!(read(r#"{"change":"counters","counters":{"child":4}}"#), counters);
}
