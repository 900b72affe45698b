//! Clients and listeners.

use std::time::Duration;

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::said::Said;
use e2e::wait::{until, watch_for};

fn menshen(house: &House, words: &[&str]) -> Said {
    let mut command = house.command("menshen");
    command.args(["-c", "supervisord.conf"]).args(words).output().expect("cannot run menshen").into()
}

#[test]
fn never_11_restarts_the_innocent() {
    let group = |extra: &str| {
        format!(
            "[program:guilty]\ncommand=cat\n{extra}[program:innocent]\ncommand=cat\n[program:alone]\ncommand=cat\n\
             [group:g]\nprograms=guilty,innocent\n[include]\nfiles=other/*.ini\n"
        )
    };
    let house = House::new(&group(""));
    std::fs::create_dir(house.path("other")).expect("cannot make the folder");
    house.write("other/theirs.ini", "[program:theirs]\ncommand=cat\n");
    let house = house.started();
    let names = ["g:guilty", "g:innocent", "alone", "theirs"];
    for name in names {
        house.until_state(name, "RUNNING");
    }
    let pids = || names.map(|name| house.pid_of(name));
    let before = pids();
    if Make::is_original() {
        house.configure(&group("environment=A=\"1\"\n"));
        house.ctl(&["update"]).expect_code(0);
    } else {
        // Somebody else's mistake is theirs: it is named, with its place, and nobody is touched.
        house.write("other/theirs.ini", "[program:theirs]\ncommand=cat\nstartsecs=soon\n");
        let refused = menshen(&house, &["update"]);
        refused.expect_complaint(&["theirs.ini:3", "soon"]);
        assert_eq!(pids(), before);
        house.write("other/theirs.ini", "[program:theirs]\ncommand=cat\n");
        house.configure(&group("environment=A=\"1\"\n"));
        menshen(&house, &["update"]).expect_code(0);
    }
    house.until_reborn("g:guilty", before[0]);
    assert_eq!(pids()[1..], before[1..], "the innocent run on");
}

#[test]
fn never_12_says_success_when_it_failed_or_nothing_at_all() {
    if Make::is_original() {
        return; // It says 0 to some of these.
    }
    let house = House::new(
        "[program:cat]\ncommand=cat\nautostart=false\n[program:ghost]\ncommand=/no/such/program\nautostart=false\n\
         [program:brief]\ncommand=/bin/sh -c 'exit 1'\nautostart=false\nstartretries=0\n",
    );
    let failures: &[&[&str]] = &[
        &["start", "ghost"],
        &["start", "brief"],
        &["start", "nobody"],
        &["start", "nobody:*"],
        &["start", "cat", "ghost"],
        &["restart", "ghost"],
        &["stop", "nobody"],
        &["signal", "HUPS", "cat"],
        &["signal", "HUP", "cat"],
        &["tail", "nobody"],
        &["clear", "nobody"],
        &["pid", "nobody"],
        &["status", "nobody"],
        &["add", "nobody"],
        &["remove", "nobody"],
        &["frobnicate"],
        &["start"],
    ];
    let judged = |house: &House, words: &[&str]| {
        for said in [house.ctl(words), menshen(house, words)] {
            assert_ne!(said.code, 0, "{words:?}: {said:?}");
            assert!(!said.all().trim().is_empty(), "{words:?} said nothing");
        }
    };
    for words in [&["status"][..], &["start", "cat"], &["stop", "all"], &["shutdown"], &["update"]] {
        judged(&house, words); // There is no daemon.
    }
    let house = house.started();
    for words in failures {
        judged(&house, words);
        house.ctl(&["stop", "cat"]);
    }
    for words in
        [&["start", "cat"][..], &["restart", "cat"], &["status", "cat"], &["stop", "cat"], &["version"]]
    {
        let said = house.ctl(words);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        assert!(!said.out.trim().is_empty(), "{words:?} said nothing");
    }
}

#[test]
fn never_15_drops_events_in_silence_or_a_listener_for_ever() {
    if Make::is_original() {
        return; // A stray word makes it deaf for ever.
    }
    let house = House::new(
        // One never says that it is ready, one says something else first, once.
        "[eventlistener:deaf]\ncommand=/bin/sh -c 'exec sleep 100000'\nevents=PROCESS_STATE\nbuffer_size=2\n\
         [eventlistener:stray]\ncommand=/bin/bash {here}/stray.sh\nevents=PROCESS_STATE\n\
         [program:cat]\ncommand=cat\n",
    );
    house.write(
        "stray.sh",
        "[ -e once ] || { touch once; echo Starting up...; }\nwhile printf 'READY\\n' && read -r header; do\n  \
         read -r -N \"${header##*len:}\" payload\n  echo \"$payload\" >>heard\n  printf 'RESULT 2\\nOK'\ndone\n",
    );
    let house = house.started();
    house.until_state("cat", "RUNNING");
    house.ctl(&["restart", "cat"]).expect_code(0);
    house.until_logged("pool deaf event buffer overflowed, discarding event");
    // After it has come back, it hears again.
    house.ctl(&["stop", "cat"]).expect_code(0);
    until("the other listener hears again", || {
        house.text("heard").contains("processname:cat groupname:cat from_state:STOPPING")
    });
}

#[test]
fn never_18_is_in_its_own_way_at_a_restart() {
    let port = e2e::http::free_port();
    let mut house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n\
         [program:early]\ncommand=/bin/sh early.sh\ndirectory={{here}}\nstartsecs=0\nautorestart=false\npriority=1\n"
    ));
    // Whoever is started at once finds the socket, and somebody behind it.
    let ctl = house.command("supervisorctl").get_program().to_str().expect("a plain name").to_owned();
    house.write("early.sh", &format!("{ctl} -s \"$SUPERVISOR_SERVER_URL\" pid >>answers 2>&1\n"));
    for round in 1..=4 {
        house.start();
        until("the early one was answered", || house.text("answers").lines().count() == round);
        assert_eq!(house.text("answers").lines().last(), Some(house.pid().to_string().as_str()));
        // A client that is connected while it goes, so that the port is left in TIME_WAIT.
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        if round % 2 == 0 {
            assert!(house.stopped().success());
        } else {
            let family = [vec![house.pid()], proc::descendants(house.pid())].concat();
            for signal in [rustix::process::Signal::STOP, rustix::process::Signal::KILL] {
                for pid in &family {
                    proc::send(*pid, signal);
                }
            }
            house.until_ended();
        }
        drop(client);
    }
}

#[test]
fn never_20_cries_wolf() {
    let house = House::new(
        "[program:parent]\ncommand=/bin/sh -c 'while :; do (sleep 0.01 &); (setsid sleep 0.01 &); sleep 0.05; done'\n",
    );
    let text = house.text("supervisord.conf").replace("s.sock\n\n", "s.sock\nchmod=0700\n\n");
    house.write("supervisord.conf", &text);
    let house = house.started();
    house.until_state("parent", "RUNNING");
    // That nothing is said can only be seen by watching.
    watch_for(Duration::from_secs(2));
    let log = house.log();
    assert!(!log.contains("reaped unknown pid"), "{log}");
    assert!(Make::is_original() || !log.contains("running without any HTTP authentication"), "{log}");
    assert!(!log.contains("WARN"), "{log}");
}
