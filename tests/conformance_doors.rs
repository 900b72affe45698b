//! What is said at a door that does not open: by the original and by ours, in every pairing of client and daemon.

use e2e::house::House;
use e2e::pair::agree;
use e2e::plain::plain;
use e2e::program::Make::{self, Menshen, Original};

/// Every word that asks a server for something.
const WORDS: &[&[&str]] = &[
    &["status"],
    &["status", "cat"],
    &["pid"],
    &["pid", "all"],
    &["pid", "cat"],
    &["start", "cat"],
    &["start"],
    &["stop", "cat"],
    &["restart", "cat"],
    &["signal", "HUP", "cat"],
    &["clear", "cat"],
    &["tail", "cat"],
    &["tail", "-f", "cat"],
    &["maintail"],
    &["maintail", "-f"],
    &["fg", "cat"],
    &["avail"],
    &["reread"],
    &["update"],
    &["add", "cat"],
    &["remove", "cat"],
    &["reload"],
];

const CAT: &str = "[program:cat]\ncommand=cat\nstartsecs=0\nstdout_logfile={here}/cat.log\n";

/// The words, each after these.
fn after(words: &'static [&'static str]) -> Vec<Vec<&'static str>> {
    WORDS.iter().map(|it| [words, it].concat()).collect()
}

#[track_caller]
fn all_agree(house: impl Fn(Make) -> House + Sync, steps: &[Vec<&'static str>]) {
    let steps: Vec<&[&str]> = steps.iter().map(Vec::as_slice).collect();
    agree(house, &steps);
}

#[test]
fn without_the_right_password_all_words_fail_alike() {
    let house = |make| {
        // The usual head has the socket in its first section, so the password comes there.
        let house = House::of(make, CAT);
        let text = house.text("supervisord.conf").replacen("s.sock\n", "s.sock\nusername=u\npassword=p\n", 1);
        house.write("supervisord.conf", &text);
        let mut house = house;
        house.start_with(&["-n", "-c", "supervisord.conf"]);
        e2e::wait::until("the program runs", || house.log().contains("success: cat"));
        house
    };
    let wrong: &[&str] = &["-u", "u", "-p", "wrong"];
    let half: &[&[&str]] = &[
        &["-u", "u", "status"],
        &["-p", "p", "status"],
        &["-u", "", "-p", "p", "status"],
        &["-u", "u", "-p", "p", "status"],
        &["-u", "u", "-p", "p", "pid", "nobody"],
        &["-u", "u", "-p", "p", "tail", "nobody"],
    ];
    let half = half.iter().map(|it| it.to_vec()).collect();
    let few = [&["status"][..], &["stop", "cat"], &["tail", "-f", "cat"], &["reread"]];
    let few = few.map(|it| [wrong, it].concat());
    all_agree(house, &[after(&[]), few.into(), half].concat());
}

#[test]
fn without_the_interface_all_words_fail_alike() {
    let house = |make| {
        let house = House::of(make, CAT);
        let text = house.text("supervisord.conf").replace("[rpcinterface:supervisor]", "[ignored]");
        house.write("supervisord.conf", &text);
        let mut house = house;
        house.start_with(&["-n", "-c", "supervisord.conf"]);
        e2e::wait::until("the program runs", || house.log().contains("success: cat"));
        house
    };
    all_agree(house, &[after(&[]), vec![vec!["shutdown"]]].concat());
}

#[test]
fn while_the_server_leaves_all_words_fail_alike() {
    let stubborn = "command=/bin/sh -c 'trap \"\" TERM; touch {here}/trapped; while :; do sleep 0.1; done'\n";
    let house = |make| {
        let programs = format!("{CAT}[program:stubborn]\n{stubborn}startsecs=0\nstopwaitsecs=3600\n");
        let house = House::of(make, &programs).started();
        e2e::wait::until("the stubborn one is stubborn", || house.path("trapped").exists());
        house.until_state("cat", "RUNNING");
        house
    };
    let begin = vec![vec!["shutdown"]];
    // The original refuses from its next turn on, ours at once; nobody could rely on that second.
    let told = vec![vec!["shutdown"]];
    let follow: &[&[&str]] = &[&["tail", "-f", "cat"], &["maintail", "-f"]];
    let words: Vec<_> = after(&[]).into_iter().filter(|it| !follow.contains(&it.as_slice())).collect();
    all_agree(house, &[begin, told, words].concat());
}

#[test]
fn without_a_server_all_words_fail_alike() {
    if Make::is_original() {
        return; // There is nothing to compare.
    }
    let house = House::of(Original, CAT);
    let socket = after(&["-s", "unix:///no/such.sock"]);
    let port = [&["status"][..], &["start", "cat"], &["reread"], &["tail", "-f", "cat"], &["fg", "cat"]]
        .map(|it| [&["-s", "http://127.0.0.1:1"], it].concat());
    let last = vec![vec!["open", "unix:///no/such.sock"], vec!["open", "http://127.0.0.1:1"]];
    for words in [socket, port.into(), last].concat() {
        let answers = [Original, Menshen].map(|make| {
            let said = house.ctl_of(make, &words);
            (plain(&said.out, &house.here()), plain(&said.err, &house.here()), said.code)
        });
        assert_eq!(answers[1], answers[0], "{words:?}");
    }
}
