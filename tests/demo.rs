//! What a newcomer sees who types the name of the program and nothing else.

use std::process::Command;

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::said::Said;
use e2e::wait::{until, until_some};
use rustix::process::Signal;

/// `menshen` in an empty folder that is also its runtime directory, so that nothing of this machine is found or
/// touched.
fn menshen(house: &House) -> Command {
    let mut command = house.command_of(Make::Menshen, "menshen");
    command.env("XDG_RUNTIME_DIR", house.folder());
    command
}

#[test]
fn without_a_configuration_there_is_a_demonstration() {
    let mut house = House::empty(Make::Menshen);
    let mut command = menshen(&house);
    house.start_command(&mut command);
    house.until_text("out", "menshen status");

    let status = || Said::from(menshen(&house).arg("status").output().expect("cannot run menshen"));
    until("the demonstration runs", || {
        let said = status();
        ["clock", "worker:worker_1", "worker:worker_3"].iter().all(|it| runs(&said.out, it))
    });
    let descendants = proc::descendants(house.pid());
    assert!(descendants.len() >= 5, "a daemon and four programs at least, not {descendants:?}");

    house.signal(Signal::INT);
    let status = house.until_ended();
    assert_eq!(status.code(), Some(0), "after Ctrl-C");
    until("nothing is left", || !descendants.iter().any(|it| proc::is_alive(*it)));
    assert!(!house.text("err").contains("panicked"), "{}", house.text("err"));
}

fn runs(status: &str, process: &str) -> bool {
    status.lines().any(|line| line.starts_with(process) && line.contains("RUNNING"))
}

#[test]
fn a_terminal_that_sends_ctrl_c_to_all_ends_all_in_order() {
    let mut house = House::empty(Make::Menshen);
    let mut command = menshen(&house);
    // A group of its own, as a shell makes one for a job; a terminal signals the whole group.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    house.start_command(&mut command);
    house.until_text("out", "menshen status");
    let descendants = until_some("the programs run", || {
        let found = proc::descendants(house.pid());
        (found.len() >= 5).then_some(found)
    });
    for pid in std::iter::once(house.pid()).chain(descendants.iter().copied()) {
        if proc::group(pid) == Some(house.pid()) {
            proc::send(pid, Signal::INT);
        }
    }
    assert_eq!(house.until_ended().code(), Some(0));
    until("nothing is left", || !descendants.iter().any(|it| proc::is_alive(*it)));
}

#[test]
fn its_own_words_for_its_own_documents() {
    let house = House::empty(Make::Menshen);
    let said = |words: &[&str]| {
        let output = menshen(&house).args(words).output().expect("cannot run menshen");
        Said::from(output).expect_code(0).out
    };
    assert!(said(&["--help"]).contains("status"));
    assert!(said(&["--version"]).starts_with("menshen "));
    let sample =
        Said::from(house.command_of(Make::Menshen, "echo_supervisord_conf").output().expect("cannot run it"));
    assert!(sample.out.contains("Sample supervisor config file"), "{}", sample.out);
    // The sample is a configuration that works as it is.
    house.write("supervisord.conf", &sample.out.replace("/tmp/", "{here}/"));
    let mut house = house;
    house.start_with(&["-n", "-c", "supervisord.conf"]);
    until("it answers", || house.ctl(&["version"]).code == 0);
    assert!(house.stopped().success());
}
