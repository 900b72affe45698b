//! The program itself: its appetite, its clock, its size, its needs.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::{DEADLINE, until, watch_for};
use e2e::wall_clock::WallClock;

/// Waits for a second in which the daemon uses next to no processor time: that something is *not* done can only be
/// seen by watching.
#[track_caller]
fn until_calm(house: &House) {
    let began = Instant::now();
    loop {
        let before = proc::cpu_ticks(house.daemon_pid());
        watch_for(Duration::from_secs(1));
        let used = proc::cpu_ticks(house.daemon_pid()) - before;
        if used <= 5 {
            return;
        }
        assert!(
            began.elapsed() < DEADLINE,
            "it used {used} hundredths of the last second, and never came to rest"
        );
    }
}

#[test]
fn never_01_spins_on_a_descriptor_that_is_closed_or_used_again() {
    let house = House::new(
        "[program:closer]\ncommand=/bin/sh -c 'echo up; exec sleep 100000 >&- 2>&- <&-'\n\
         [program:rotor]\ncommand=/bin/sh -c 'seq 1 30000; echo done >{here}/done; exec cat'\nstdout_logfile={here}/rotor.log\n\
         stdout_logfile_maxbytes=1KB\nstdout_logfile_backups=3\n\
         [program:gone]\ncommand=/bin/sh -c 'exit 0'\nstartsecs=0\nautorestart=false\n",
    )
    .started();
    house.until_state("closer", "RUNNING");
    house.until_text("done", "done");
    // Clients that leave in the middle of a log, of a request, and of nothing.
    for request in
        ["GET /logtail/rotor HTTP/1.1\r\nHost: x\r\n\r\n", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Le", ""]
    {
        for _ in 0..5 {
            let mut stream = UnixStream::connect(house.path("s.sock")).expect("it listens");
            std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it reads");
            if request.contains("logtail") {
                stream.read_exact(&mut [0; 12]).expect("it answers");
            }
        }
        house.ctl(&["restart", "rotor"]).expect_code(0);
        house.ctl(&["clear", "all"]);
    }
    until_calm(&house);
    assert_eq!(house.state("closer"), "RUNNING");
}

#[test]
fn never_02_minds_a_wall_clock_that_jumps() {
    let mut house = House::new(
        "[program:steady]\ncommand=cat\n\
         [program:stubborn]\ncommand=/bin/sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1000; done'\n\
         stopwaitsecs=2\nkillasgroup=true\nstdout_logfile={here}/stubborn.log\n\
         [program:brief]\ncommand=/bin/sh -c 'echo x >> {here}/tries; sleep 0.3; exit 1'\nstartretries=3\nstartsecs=2\n\
         autostart=false\n\
         [program:late]\ncommand=cat\nstartsecs=2\nautostart=false\n",
    );
    let clock = WallClock::new(&house);
    let mut command = house.command("supervisord");
    clock.wear(command.args(["-n", "-c", "supervisord.conf"]));
    house.start_command(&mut command);
    house.until_answering();
    house.until_text("stubborn.log", "ready");
    house.until_state("stubborn", "RUNNING");
    house.until_state("steady", "RUNNING");
    let steady = house.pid_of("steady");
    let year: i64 = 365 * 24 * 3600;
    for shift in [10 * year, -10 * year, 3600, -3600, 0] {
        house.order("supervisor.startProcess", "late");
        house.until_state("late", "STARTING");
        clock.set(shift);
        house.until_state("late", "RUNNING");
        house.ctl(&["stop", "late"]).expect_code(0);
        assert!(house.ctl(&["status", "steady"]).out.contains("RUNNING"));
    }
    // A wait that has begun lasts as long as it was to last: for a stop, and between retries.
    house.order("supervisor.stopProcess", "stubborn");
    house.until_state("stubborn", "STOPPING");
    clock.set(-year);
    house.until_state("stubborn", "STOPPED");
    house.order("supervisor.startProcess", "brief");
    house.until_state("brief", "BACKOFF");
    clock.set(year);
    house.until_state("brief", "FATAL");
    assert_eq!(
        house.text("tries"),
        "x\n".repeat(4),
        "startretries=3 means four starts, whatever the clock says"
    );
    assert_eq!(house.pid_of("steady"), steady, "whoever ran runs on");
    let log = house.log();
    let years: BTreeSet<_> = log.lines().filter_map(|line| line.get(..4)).collect();
    assert!(years.len() >= 3, "the clock was not moved at all: {years:?}");
    assert!(house.stopped().success());
}

#[test]
fn never_09_grows_with_what_it_has_done() {
    let house = House::new("[program:cat]\ncommand=cat\n").started();
    house.until_state("cat", "RUNNING");
    let more = "[program:cat]\ncommand=cat\n[program:guest]\ncommand=cat\nnumprocs=5\nprocess_name=g%(process_num)d\n\
                startsecs=0\n[program:idle]\ncommand=cat\nnumprocs=100\nprocess_name=i%(process_num)d\n\
                autostart=false\n[program:crash]\ncommand=/bin/sh -c 'exit 1'\nstartsecs=0\nautorestart=true\n";
    let less = "[program:cat]\ncommand=cat\n";
    let round = || {
        house.configure(more);
        house.ctl(&["update"]).expect_code(0);
        house.ctl(&["restart", "guest:*"]).expect_code(0);
        house.ctl(&["tail", "crash"]);
        house.configure(less);
        house.ctl(&["update"]).expect_code(0);
    };
    // What is taken once and kept is no growth.
    for _ in 0..8 {
        round();
    }
    let daemon = house.daemon_pid();
    let (memory, descriptors) = (proc::resident_kib(daemon), proc::open_descriptors(daemon));
    for _ in 0..25 {
        round();
    }
    assert_eq!(house.daemon_pid(), daemon);
    let grown = proc::resident_kib(daemon).saturating_sub(memory);
    assert!(grown < 1024, "25 updates cost {grown} KiB");
    until("the descriptors are as many as before", || proc::open_descriptors(daemon) <= descriptors);
}

#[test]
fn never_19_needs_more_than_the_c_library() {
    if Make::is_original() {
        return; // It needs an interpreter and its packages.
    }
    let mut house = House::new("[program:cat]\ncommand=/bin/cat\n");
    // Not even an environment.
    let mut command = house.command("supervisord");
    command.args(["-n", "-c", "supervisord.conf"]).env_clear().env(proc::MARK, house.here());
    house.start_command(&mut command);
    house.until_answering();
    house.until_state("cat", "RUNNING");
    for pid in [house.pid(), house.daemon_pid()] {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
        let files = maps.lines().filter_map(|line| line.split('/').next_back());
        for library in files.filter(|it| it.contains(".so")) {
            let known = ["libc.", "libm.", "libgcc_s.", "ld-linux", "ld-musl", "libnss_"];
            assert!(known.iter().any(|it| library.starts_with(it)), "it needs {library}");
        }
    }
}
