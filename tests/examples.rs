//! The examples, run as they lie there; only their ports are moved out of the way.

use std::fs;
use std::path::Path;

use e2e::house::House;
use e2e::http::{free_port, get};
use e2e::proc;
use e2e::program::{Make, root};
use e2e::wait::{until, until_some};
use rustix::process::Signal;

/// A house that is a copy of `examples/<name>`, with each text of `changes` replaced in its configuration.
fn example(name: &str, changes: &[(&str, &str)]) -> House {
    let house = House::empty(Make::under_test());
    copy(&root().join("examples").join(name), house.folder());
    change(&house, "supervisord.conf", changes);
    house
}

fn change(house: &House, file: &str, changes: &[(&str, &str)]) {
    let mut text = house.text(file);
    for (old, new) in changes {
        assert!(text.contains(old), "no `{old}` in {file}");
        text = text.replace(old, new);
    }
    fs::write(house.path(file), text).expect("cannot write a changed file");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("cannot make a folder");
    for entry in fs::read_dir(from).expect("the example is there") {
        let path = entry.expect("the example can be listed").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("cannot copy a file of the example");
        }
    }
}

fn start(house: &mut House) {
    house.start_with(&["-n", "-c", "supervisord.conf"]);
}

/// The state of a process as `supervisorctl status` tells it: the examples have sockets of their own.
fn state(house: &House, process: &str) -> String {
    let said = house.ctl(&["status", process]);
    said.out.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

fn pid(house: &House, process: &str) -> i32 {
    house.ctl(&["pid", process]).out.trim().parse().unwrap_or_default()
}

fn until_running(house: &House, process: &str) {
    until(&format!("{process} runs"), || state(house, process) == "RUNNING");
}

fn killed_and_back(house: &House, process: &str) {
    let old = pid(house, process);
    proc::send(old, Signal::KILL);
    until(&format!("{process} is back"), || {
        let new = pid(house, process);
        new != 0 && new != old && state(house, process) == "RUNNING"
    });
}

#[test]
fn two_web_applications_answer_and_come_back() {
    let [python, node, web] = [free_port(), free_port(), free_port()].map(|it| it.to_string());
    let mut house = example("two-web-apps", &[("8001", &python), ("8002", &node), ("9001", &web)]);
    start(&mut house);
    for (port, name) in [(&python, "python"), (&node, "node")] {
        let port = port.parse().expect("a port");
        let greeting = || until_some("it answers", || get(port, "/", None).ok().map(|answer| answer.text()));
        let before = greeting();
        assert!(before.starts_with(&format!("hello from {name}")), "{before}");
        killed_and_back(&house, &format!("{name}-app"));
        let after = greeting();
        assert_ne!(before, after, "the pid is in the greeting, and it is a new one");
    }
    house.until_text("logs/python-app.out.log", "python app listens");
    house.until_text("logs/python-app.err.log", "GET / HTTP/1.");
    house.until_text("logs/node-app.out.log", "node app listens");
    house.until_text("logs/node-app.err.log", "GET /");

    let web = web.parse().expect("a port");
    assert_eq!(get(web, "/", None).expect("the page answers").status, 401);
    // base64("admin:change-me")
    let page = get(web, "/", Some("YWRtaW46Y2hhbmdlLW1l")).expect("the page answers");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("python-app"), "{}", page.text());

    assert_eq!(house.ctl(&["stop", "all"]).expect_code(0).out.lines().count(), 2);
    assert!(get(python.parse().expect("a port"), "/", None).is_err(), "it answers after it was stopped");
    assert!(house.stopped().success());
}

#[test]
fn an_included_file_brings_four_workers_of_another_user() {
    let mut house = example("include", &[]);
    let root = rustix::process::getuid().is_root();
    if !root {
        change(&house, "conf.d/queue.ini", &[("user=nobody\n", "")]);
    }
    start(&mut house);
    for number in 0..4 {
        until_running(&house, &format!("queue:queue_{number:02}"));
    }
    for number in 0..4 {
        house.until_text("logs/queue.log", &format!("worker {number} started as "));
        house.until_text("logs/queue.log", &format!("worker {number} complains here"));
    }
    if root {
        assert!(house.text("logs/queue.log").contains("started as nobody"));
    }
    killed_and_back(&house, "queue:queue_02");
    let stopped = house.ctl(&["stop", "queue:*"]).expect_code(0).out;
    assert_eq!(stopped.lines().filter(|line| line.ends_with(": stopped")).count(), 4, "{stopped}");
    house.until_text("logs/queue.log", "worker stopped");
    assert!(house.stopped().success());
}

#[test]
fn oddly_spelled_options_are_understood() {
    let mut house = example("loop", &[]);
    start(&mut house);
    house.until_text("logs/loop.log", "round 2 in ");
    assert!(house.text("logs/loop.log").contains(&format!("in {}", house.here())));
    until("the loop starts", || state(&house, "loop") == "STARTING" || state(&house, "loop") == "RUNNING");
    // startsecs=5: younger than that it does not count as running.
    until_running(&house, "loop");
    killed_and_back(&house, "loop");
    assert!(house.text("logs/supervisord.log").contains("(startsecs)"));
    assert_eq!(house.ctl(&["stop", "loop"]).expect_code(0).out, "loop: stopped\n");
    assert!(house.stopped().success());
}
