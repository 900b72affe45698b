//! `menshen top` as a person at a terminal has it.

use std::process::Command;

use e2e::house::House;
use e2e::terminal::talk;

fn top(house: &House) -> Command {
    let mut command = house.command("menshen");
    command.args(["-c", "supervisord.conf", "top"]).env("TERM", "xterm");
    command
}

#[test]
fn what_runs_is_watched_and_acted_on() {
    let house = House::new(
        "[program:busy]\ncommand=sh -c 'echo I am busy; sleep 600'\nstopasgroup=true\nstartsecs=0\n\
         [program:other]\ncommand=sleep 600\nstartsecs=0\nautostart=false\n",
    )
    .started();
    let said = talk(
        &top(&house),
        &[
            ("", "1 of 2 running"),
            ("l", "I am busy"),
            ("t", "busy: done"),
            ("s", "1 of 2 running"),
            ("/oth\r", "NAME ~ oth"),
            ("s", "2 of 2 running"),
            ("q", ""),
        ],
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!((house.state("busy"), house.state("other")), ("RUNNING".to_owned(), "RUNNING".to_owned()));
}

#[test]
fn a_terminal_is_given_back_and_what_is_none_is_refused() {
    let house = House::new("").started();
    assert_eq!(talk(&top(&house), &[("", "0 of 0 running"), ("\x03", "")]).code, 0);
    let said: e2e::said::Said = top(&house).output().expect("cannot run menshen").into();
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("top: this needs a terminal"), "{said:?}");
}
