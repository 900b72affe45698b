//! The module of Ansible for `supervisorctl`, from the collection `community.general`: every state it knows, twice
//! where the second time must change nothing.

use std::fmt::Write as _;
use std::process::Command;

use e2e::house::House;
use e2e::http;
use e2e::program::{Make, ansible};
use e2e::said::Said;

const PROGRAMS: &str = "\
[program:cat]
command=cat
startsecs=0
[program:manual]
command=cat
startsecs=0
autostart=false
[program:worker]
command=cat
startsecs=0
process_name=%(program_name)s_%(process_num)02d
numprocs=2
";

/// What is asked of the module, and what it must say: whether it changed something, or why it failed.
const STEPS: &[(&str, &str)] = &[
    ("name: cat, state: started", "not r.changed"),
    ("name: cat, state: stopped", "r.changed and r.affected == ['cat']"),
    ("name: cat, state: stopped", "not r.changed"),
    ("name: cat, state: started", "r.changed and r.affected == ['cat']"),
    ("name: cat, state: restarted", "r.changed and r.affected == ['cat']"),
    ("name: cat, state: signalled, signal: CONT", "r.changed and r.affected == ['cat']"),
    ("name: cat, state: signalled, signal: BANG", "r.failed and 'bad signal name' in r.stdout"),
    ("name: manual, state: signalled, signal: CONT", "not r.changed"),
    ("name: manual, state: restarted", "r.changed"),
    (
        "'name': 'worker:', state: stopped",
        "r.changed and r.affected == ['worker:worker_00', 'worker:worker_01']",
    ),
    ("'name': 'worker:', state: stopped", "not r.changed"),
    ("'name': 'worker:', state: started", "r.changed and r.affected | length == 2"),
    ("'name': 'worker:worker_01', state: restarted", "r.changed and r.affected == ['worker:worker_01']"),
    ("name: all, state: restarted", "r.changed and r.affected | length == 4"),
    ("name: nobody, state: started", "r.failed and r.msg == 'ERROR (no such process)'"),
    ("name: nobody, state: present", "r.failed and 'ERROR: no such process/group: nobody' in r.msg"),
    ("name: nobody, state: absent", "not r.changed"),
    ("name: cat, state: absent", "r.failed and 'ERROR: process/group still running: cat' in r.msg"),
    ("name: cat, state: absent, stop_before_removing: true", "r.changed"),
    ("name: cat, state: absent", "not r.changed"),
    ("name: cat, state: present", "r.changed"),
    ("name: cat, state: present", "not r.changed"),
];

/// The same over the network, with and without the password.
const REMOTE_STEPS: &[(&str, &str)] = &[
    ("name: cat, state: restarted, username: u, password: secret", "r.changed"),
    ("name: cat, state: stopped, username: u, password: secret", "r.changed"),
    ("name: cat, state: stopped, username: u, password: wrong", "r.failed"),
    ("name: cat, state: started, username: u, password: secret", "r.changed"),
];

/// A play that takes each step and checks what came of it.
fn play(house: &House, steps: &[(&str, &str)], server: &str) -> String {
    let ctl = house.command("supervisorctl").get_program().to_string_lossy().into_owned();
    let mut text = "- hosts: localhost\n  gather_facts: false\n  tasks:\n".to_owned();
    for (at, (step, expected)) in steps.iter().enumerate() {
        let task = format!("{{{step}, {server}, supervisorctl_path: {ctl}}}");
        write!(
            text,
            "    - name: step {at}\n      community.general.supervisorctl: {task}\n      register: r\n      \
             ignore_errors: true\n    - assert: {{that: \"{expected}\", quiet: true, fail_msg: \"step {at}: {{{{ r }}}}\"}}\n"
        )
        .expect("a string takes it");
    }
    // What a dry run says, and that it does nothing.
    write!(
        text,
        "    - community.general.supervisorctl: {{name: cat, state: stopped, {server}, username: u, password: secret, \
         supervisorctl_path: {ctl}}}\n      check_mode: true\n      register: r\n    - assert: {{that: r.changed}}\n"
    )
    .expect("a string takes it");
    text
}

fn run(house: &House, play: &str) -> Said {
    house.write("play.yml", play);
    let ansible = ansible();
    let mut command = Command::new(ansible.join("venv/bin/ansible-playbook"));
    command.arg("play.yml").current_dir(house.folder()).env(e2e::proc::MARK, house.here());
    command.env("ANSIBLE_COLLECTIONS_PATH", &ansible).env("ANSIBLE_HOME", house.path("ansible"));
    command.env("HOME", house.folder()).env("LC_ALL", "C.UTF-8").env("ANSIBLE_LOCALHOST_WARNING", "false");
    command.output().expect("cannot run ansible-playbook").into()
}

#[test]
fn every_state_of_the_module_is_reached_and_kept() {
    let house = House::new(PROGRAMS).started();
    house.until_state("cat", "RUNNING");
    let said = run(&house, &play(&house, STEPS, "config: {here}/supervisord.conf"));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(house.state("cat"), "RUNNING", "a dry run did something");
}

#[test]
fn it_works_over_the_network_with_a_password() {
    let port = http::free_port();
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=secret\n{PROGRAMS}"
    ))
    .started();
    house.until_state("cat", "RUNNING");
    let said = run(&house, &play(&house, REMOTE_STEPS, &format!("server_url: 'http://127.0.0.1:{port}'")));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(house.state("cat"), "RUNNING", "a dry run did something");
}

#[test]
fn the_two_makes_are_one_to_it() {
    if Make::is_original() {
        return; // The others have shown it.
    }
    let house = House::of(Make::Original, PROGRAMS).started();
    house.until_state("cat", "RUNNING");
    let said = run(&house, &play(&house, STEPS, "config: {here}/supervisord.conf"));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}
