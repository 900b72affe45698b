//! `menshen doctor` tells the truth about machines that refuse things, and the house lives there as well as it can.

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::refused;
use e2e::said::Said;
use e2e::wait::until;
use rustix::process::Signal;

/// One verdict of the JSON of `doctor`: that of the object that is called `name`.
fn verdict(said: &Said, name: &str) -> String {
    let objects = said.out.split('{').filter(|it| it.contains(&format!("\"name\": \"{name}\"")));
    let mut verdicts = objects.filter_map(|it| it.split("\"verdict\": \"").nth(1)?.split('"').next());
    verdicts.next_back().unwrap_or_default().to_owned()
}

fn doctor(house: &House, refused: &[&str]) -> Said {
    let mut command = refused::command(house, refused, "menshen");
    command.args(["-c", "supervisord.conf", "doctor", "--json"]).output().expect("cannot run menshen").into()
}

#[test]
fn what_a_machine_refuses_is_found_and_weighed() {
    let house = House::of(Make::Menshen, "[program:cat]\ncommand=cat\n");
    let subreaper = "prctl@0:36";
    let exit_status = "ioctl@1:0xC040FF0B";
    let cases = [
        ("clone", "clone", "no", "works", "no"),
        ("pidfd_open", "pidfd_open", "no", "outlives-keeper", "no"),
        ("pidfd_send_signal", "pidfd_send_signal", "no", "outlives-both", "no"),
        (exit_status, "pidfd_exit_status", "no", "exit-codes", "no"),
        ("close_range", "close_range", "degraded", "many", "degraded"),
        (subreaper, "subreaper", "degraded", "stop-means-stop", "degraded"),
        ("memfd_create", "memfd", "no", "outlives-daemon", "no"),
        ("splice", "splice", "degraded", "works", "yes"),
        ("flock", "flock", "no", "outlives-both", "no"),
    ];
    for (call, name, expected, promise, stands) in cases {
        for errno in ["ENOSYS", "EPERM"] {
            let said = doctor(&house, &[&format!("{call}={errno}")]);
            assert_eq!(verdict(&said, name), expected, "{call}={errno}: {said:?}");
            assert_eq!(verdict(&said, promise), stands, "{call}={errno}: {said:?}");
            assert!(said.out.contains(errno), "{call}={errno} is not named: {said:?}");
            let failed = said.out.contains("\"verdict\": \"no\"");
            assert_eq!(said.code, i32::from(failed), "{said:?}");
        }
    }
}

#[test]
fn a_person_is_told_what_it_means_and_what_to_do() {
    let house = House::of(Make::Menshen, "[program:cat]\ncommand=cat\n");
    let mut command = refused::command(&house, &["pidfd_open=EPERM"], "menshen");
    let said =
        Said::from(command.args(["-c", "supervisord.conf", "doctor"]).output().expect("cannot run menshen"));
    let said = said.expect_code(1);
    for words in [
        "no       pidfd_open",
        "so: when the keeper dies, the programs run on but nobody can watch them safely",
        "do: allow pidfd_open in the seccomp profile",
        "no       when the keeper dies, the daemon takes over and the programs run on (pidfd_open, pidfd_send_signal)",
    ] {
        assert!(said.out.contains(words), "no `{words}` in: {}", said.out);
    }
    house.write("broken.conf", "[supervisord]\nnodaemon=perhaps\n");
    let broken = house.command("menshen").args(["-c", "broken.conf", "doctor"]).output();
    Said::from(broken.expect("cannot run menshen"))
        .expect_code(2)
        .expect_complaint(&["broken.conf", "nodaemon"]);
}

#[test]
fn programs_run_where_newer_calls_are_refused() {
    for refusals in [
        &["close_range=ENOSYS", "clone3=ENOSYS", "pidfd_open=ENOSYS", "pidfd_send_signal=ENOSYS"][..],
        &["close_range=EPERM", "clone3=EPERM", "pidfd_open=EPERM", "pidfd_send_signal=EPERM"],
        &["prctl@0:36=EPERM", "splice=ENOSYS", "tee=ENOSYS"],
    ] {
        let mut house = House::of(
            Make::Menshen,
            "[program:talker]\ncommand=/bin/sh -c 'echo hello; exec cat'\nstdout_logfile={here}/talker.log\n",
        );
        let mut command = refused::command(&house, refusals, "supervisord");
        house.start_command(command.args(["-n", "-c", "supervisord.conf"]));
        house.until_answering();
        house.until_state("talker", "RUNNING");
        house.until_text("talker.log", "hello\n");
        house.ctl(&["restart", "talker"]).expect_code(0);
        // The death of the daemon is no worse than elsewhere.
        let (daemon, child) = (house.daemon_pid(), house.pid_of("talker"));
        proc::send(daemon, Signal::KILL);
        until("another daemon has it", || house.pid_of("talker") == child && house.daemon_pid() != daemon);
        assert!(house.stopped().success(), "{refusals:?}");
    }
}
