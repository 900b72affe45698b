//! A house in which nothing happens costs nothing.

use std::time::{Duration, Instant};

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::{DEADLINE, watch_for};

/// How long nothing must happen. Longer than the shortest tick event (5 s), which nobody here listens to.
const WINDOW: Duration = Duration::from_secs(7);

/// How long it must be quiet before the window opens: what was begun by the start must have ended.
const QUIET: Duration = Duration::from_secs(2);

#[test]
fn an_idle_pair_is_not_woken_once() {
    if Make::is_original() {
        return; // It wakes every second.
    }
    let house = House::new(
        "[program:sleepers]\ncommand=sleep 100000\nnumprocs=10\nprocess_name=s%(process_num)d\n\
         [program:stopped]\ncommand=cat\nautostart=false\n\
         [eventlistener:patient]\ncommand=/bin/sh -c 'echo READY; exec cat'\nevents=PROCESS_STATE_FATAL\n",
    )
    .started();
    for number in 0..10 {
        house.until_state(&format!("sleepers:s{number}"), "RUNNING");
    }
    house.until_state("patient", "RUNNING");
    let (keeper, daemon) = (house.pid(), house.daemon_pid());
    let count = || (proc::wake_ups(keeper), proc::wake_ups(daemon));

    // That nothing happens can only be seen by watching: here time itself is what the test is about.
    let began = Instant::now();
    let mut before = count();
    loop {
        watch_for(QUIET);
        let now = count();
        if now == before {
            break;
        }
        assert!(
            began.elapsed() < DEADLINE,
            "it never came to rest: {before:?} then {now:?} (keeper, daemon)"
        );
        before = now;
    }
    watch_for(WINDOW);
    assert_eq!(count(), before, "(keeper, daemon) were woken within {WINDOW:?}");
    assert_eq!(house.state("sleepers:s0"), "RUNNING", "and it still answers");
}
