//! What is ordered: starts, stops, signals, groups, waits.

use ::wire::value::Value;
use insta::assert_snapshot;
use model::fault::{Fault, FaultCode};

use super::transcript;
use crate::tests::fake::{Fake, fields, house, outcome, process, text};

#[test]
fn a_start_succeeds_when_the_process_runs() {
    let fake = Fake::playing(house);
    let lines =
        ["start cat", "start bad", "start g", "start g:many_01", "start all", "start nope cat", "start"];
    let shown = transcript(&fake.url(), &lines);
    assert_snapshot!(shown, @r#"
    $ start cat
    cat: already running
    [0]
    $ start bad
    bad: failed: its command does not exist
    [1]
    $ start g
    g:many_01: failed: it could not be started; see menshen tail g:many_01 stderr
    1 already running, 1 failed
    [1]
    $ start g:many_01
    g:many_01: started
    [0]
    $ start all
    g:many_01: failed: it could not be started; see menshen tail g:many_01 stderr
    3 already running, 1 failed
    [1]
    $ start nope cat
    ! menshen: there is no process or group "nope"
    !   nothing was done
    [4]
    $ start
    ! error: the following required arguments were not provided:
    !   <NAME>...
    ! 
    ! Usage: menshen start <NAME>...
    ! 
    ! For more information, try '--help'.
    [2]
    "#);
}

#[test]
fn a_stop_succeeds_when_the_process_does_not_run() {
    let fake = Fake::playing(house);
    let lines = [
        "stop bad",
        "stop cat",
        "stop all",
        "restart g:many_01",
        "restart bad",
        "restart g:*",
        "signal HUP cat",
        "signal FOO cat",
        "signal HUP bad",
        "clear cat",
        "clear all",
    ];
    assert_snapshot!(transcript(&fake.url(), &lines), @r"
    $ stop bad
    bad: not running
    [0]
    $ stop cat
    cat: stopped
    [0]
    $ stop all
    g:many_00: stopped
    1 stopped, 3 not running
    [0]
    $ restart g:many_01
    g:many_01: restarted
    [0]
    $ restart bad
    bad: failed: its command does not exist
    [1]
    $ restart g:*
    g:many_01: failed: it could not be started; see menshen tail g:many_01 stderr
    [1]
    $ signal HUP cat
    cat: signaled
    [0]
    $ signal FOO cat
    cat: failed: there is no such signal
    [1]
    $ signal HUP bad
    bad: failed: it does not run
    [1]
    $ clear cat
    cat: cleared
    [0]
    $ clear all
    cat: cleared
    bad: failed: the server could not do it: FAILED
    1 cleared, 1 failed
    [1]
    ");
}

#[test]
fn several_processes_are_waited_for_side_by_side() {
    // Each answer waits until both calls have come: one after the other would never end.
    let both = std::sync::Barrier::new(2);
    let fake = Fake::playing(move |method, parameters| {
        if method == "stopProcess" {
            both.wait();
            return Ok(Value::Bool(true));
        }
        house(method, parameters)
    });
    let shown = transcript(&fake.url(), &["stop cat g:many_00"]);
    assert!(shown.contains("cat: stopped\n") && shown.contains("g:many_00: stopped\n"), "{shown}");
    assert!(shown.ends_with("2 stopped\n[0]\n"), "{shown}");
}

#[test]
fn a_pattern_stands_for_several_processes_and_the_sum_is_told_last() {
    let fake = Fake::playing(house);
    let shown = transcript(&fake.url(), &["start g* cat"]);
    // Those asked for side by side are told in the order in which they are done.
    let (told, sum) = shown.trim_end().split_at(shown.find("1 started").unwrap());
    let mut told: Vec<_> = told.lines().skip(1).collect();
    told.sort_unstable();
    assert_eq!(told, ["cat: already running", "g:many_00: already running", "g:many_01: started"]);
    assert_eq!(sum, "1 started, 2 already running\n[0]");
}

#[test]
fn a_failed_start_says_why_and_where_to_look() {
    let fake = Fake::playing(|method, _| match method {
        "getAllProcessInfo" => Ok(Value::Array(vec![process("web", "web", (200, "FATAL"), 0, "")])),
        "getProcessInfo" => Ok(fields(&[
            ("group", text("web")),
            ("name", text("web")),
            ("state", Value::Int(200)),
            ("spawnerr", text("Exited too quickly (process log may have details)")),
        ])),
        "startAllProcesses" => Ok(Value::Array(vec![outcome("web", "web", FaultCode::AbnormalTermination)])),
        _ => Err(Fault::about(FaultCode::SpawnError, "web")),
    });
    assert_snapshot!(transcript(&fake.url(), &["start web", "start all"]), @r"
    $ start web
    web: failed: it could not be started: Exited too quickly (process log may have details); see menshen tail web stderr
    [1]
    $ start all
    web: failed: it ended before it was up: Exited too quickly (process log may have details); see menshen tail web stderr
    [1]
    ");
}

#[test]
fn groups_and_the_server_obey() {
    let fake = Fake::playing(house);
    let lines = [
        "add new cat nope",
        "remove bad g",
        "update new",
        "update nope",
        "update g",
        "reload",
        "shutdown --no-wait",
    ];
    assert_snapshot!(transcript(&fake.url(), &lines), @r#"
    $ add new cat nope
    new: added
    cat: already active
    nope: failed: there is no such group
    [4]
    $ remove bad g
    bad: removed
    g: failed: some of it still runs; stop it first
    [1]
    $ update new
    new: added process group
    ! menshen: this server can only replace whole groups
    [0]
    $ update nope
    ! menshen: this server can only replace whole groups
    ! menshen: there is no group "nope"
    [4]
    $ update g
    nothing to update
    ! menshen: this server can only replace whole groups
    [0]
    $ reload
    restarting
    [0]
    $ shutdown --no-wait
    shutting down
    [0]
    "#);
}

#[test]
fn a_wait_ends_when_it_is_so_or_never_will_be_or_the_time_is_up() {
    let fake = Fake::playing(house);
    let lines = [
        "wait cat",
        "wait bad cat",
        "wait bad g:many_01 --until stopped",
        "wait g --timeout 0",
        "wait nope",
        "start g:many_01 --no-wait",
        "stop cat bad --no-wait",
        "stop cat --timeout 0",
        "start cat --timeout 5",
    ];
    assert_snapshot!(transcript(&fake.url(), &lines), @r#"
    $ wait cat
    cat: running
    [0]
    $ wait bad cat
    bad: failed: it was given up: can't find command '/nonexistent'
    cat: running
    [1]
    $ wait bad g:many_01 --until stopped
    bad: stopped
    g:many_01: stopped
    [0]
    $ wait g --timeout 0
    g:many_00: running
    g:many_01: failed: the time is up and it is STOPPED
    [1]
    $ wait nope
    ! menshen: there is no process or group "nope"
    [4]
    $ start g:many_01 --no-wait
    g:many_01: starting
    [0]
    $ stop cat bad --no-wait
    cat: stopping
    bad: not running
    [0]
    $ stop cat --timeout 0
    cat: failed: the time is up and it is RUNNING
    [1]
    $ start cat --timeout 5
    cat: running
    [0]
    "#);
}
