//! An update that touches no process more than it needs.

use e2e::house::House;
use e2e::program::Make;
use e2e::said::Said;
use e2e::{proc, wait};

/// Runs `menshen` with `words`.
fn menshen(house: &House, words: &[&str]) -> Said {
    let mut command = house.command("menshen");
    command.args(["-c", "supervisord.conf"]).args(words).output().expect("cannot run menshen").into()
}

/// Three programs in one group, each with options of its own.
fn group(programs: &[(&str, &str)]) -> String {
    let names: Vec<_> = programs.iter().map(|(name, _)| *name).collect();
    let sections = programs.iter().map(|(name, options)| format!("[program:{name}]\n{options}\n"));
    format!("[group:g]\nprograms={}\n{}", names.join(","), sections.collect::<String>())
}

const CAT: &str = "command=cat";

/// A house in which `a`, `b` and `c` of group `g` run, and their pids.
fn house_of_three() -> (House, [i32; 3]) {
    let house = House::new(&group(&[("a", CAT), ("b", CAT), ("c", CAT)])).started();
    let names = ["g:a", "g:b", "g:c"];
    for name in names {
        house.until_state(name, "RUNNING");
    }
    let pids = names.map(|it| house.pid_of(it));
    (house, pids)
}

#[test]
fn only_the_changed_member_of_a_group_is_restarted() {
    if Make::is_original() {
        return; // It knows no plan.
    }
    let (house, [a, b, c]) = house_of_three();
    house.configure(&group(&[("a", CAT), ("b", "command=cat -u\nenvironment=A=b"), ("c", CAT)]));
    let plan = menshen(&house, &["plan"]).expect_code(0);
    assert_eq!(plan.out, "~ g:b              restarted: command, environment\n");
    assert_eq!(menshen(&house, &["update", "--dry-run"]).expect_code(0), plan);
    assert_eq!(
        [house.pid_of("g:a"), house.pid_of("g:b"), house.pid_of("g:c")],
        [a, b, c],
        "a plan is a look"
    );

    let update = menshen(&house, &["update"]).expect_code(0);
    assert_eq!(update.out, "~ g:b              restarted: command, environment\n1 restarted\n");
    assert_eq!(house.state("g:b"), "RUNNING", "the answer comes when it is up");
    assert_eq!([house.pid_of("g:a"), house.pid_of("g:c")], [a, c]);
    assert_ne!(house.pid_of("g:b"), b);
    assert!(!proc::is_alive(b));
    assert_eq!(menshen(&house, &["update"]).expect_code(0).out, "nothing to do\n");
    assert_eq!(house.ctl(&["reread"]).expect_code(0).out, "No config updates to processes\n");
}

#[test]
fn an_option_the_child_cannot_notice_is_changed_in_place() {
    if Make::is_original() {
        return;
    }
    let stubborn = "command=sh -c \"trap '' TERM; while :; do sleep 1 & wait; done\"";
    let one = |wait: u32| {
        format!("[program:p]\n{stubborn}\nstopasgroup=true\nkillasgroup=true\nstopwaitsecs={wait}\n")
    };
    let house = House::new(&one(3600)).started();
    house.until_state("p", "RUNNING");
    let pid = house.pid_of("p");
    house.configure(&one(1));
    let update = menshen(&house, &["update"]).expect_code(0);
    assert_eq!(update.out, "= p                in place: stopwaitsecs\n1 changed in place\n");
    assert_eq!(house.pid_of("p"), pid, "it was restarted for an option it cannot notice");
    // With the old value this would take an hour.
    menshen(&house, &["stop", "p"]).expect_code(0);
    assert_eq!(house.state("p"), "STOPPED");
}

#[test]
fn a_log_moves_and_gets_other_limits_while_its_program_writes() {
    if Make::is_original() {
        return;
    }
    let one = |options: &str| format!("[program:p]\ncommand=cat\n{options}\n");
    let house = House::new(&one("stdout_logfile={here}/old.log")).started();
    house.until_state("p", "RUNNING");
    let pid = house.pid_of("p");
    let say = |text: &str| house.call("supervisor.sendProcessStdin", &["p", text]);
    say("before\n");
    house.until_text("old.log", "before");
    house.configure(&one(
        "stdout_logfile={here}/new.log\nstdout_logfile_maxbytes=20\nstdout_logfile_backups=1",
    ));
    let update = menshen(&house, &["update"]).expect_code(0);
    assert_eq!(
        update.out,
        "= p                in place: stdout_logfile, stdout_logfile_backups, stdout_logfile_maxbytes\n\
         1 changed in place\n"
    );
    say("a line of 20 letters\n");
    // Before more is said: what is read in one go is written in one go.
    wait::until("it was rotated", || house.text("new.log.1").contains("a line of 20"));
    say("after\n");
    house.until_text("new.log", "after");
    assert_eq!(house.text("old.log"), "before\n");
    assert_eq!(house.pid_of("p"), pid);
    assert_eq!(house.info("p", "stdout_logfile").unwrap(), house.path("new.log").to_str().unwrap());
}

#[test]
fn members_come_and_go_without_the_others() {
    if Make::is_original() {
        return;
    }
    let (house, [a, b, c]) = house_of_three();
    house.configure(&group(&[("a", CAT), ("c", CAT), ("d", CAT)]));
    let update = menshen(&house, &["update"]).expect_code(0);
    assert_eq!(update.out, "- g:b              removed\n+ g:d              added\n1 added, 1 removed\n");
    assert_eq!([house.pid_of("g:a"), house.pid_of("g:c")], [a, c]);
    assert!(!proc::is_alive(b));
    assert_eq!(house.state("g:b"), "");
    assert_eq!(house.state("g:d"), "RUNNING");
    let log = house.info("g:d", "stdout_logfile").expect("it is there");
    assert!(std::path::Path::new(&log).is_file(), "{log} was not made for the new member");
}

#[test]
fn groups_come_and_go() {
    if Make::is_original() {
        return;
    }
    let house = House::new("[program:old]\ncommand=cat\n[program:kept]\ncommand=cat\n").started();
    house.until_state("old", "RUNNING");
    house.until_state("kept", "RUNNING");
    let kept = house.pid_of("kept");
    house.configure("[program:kept]\ncommand=cat\n[program:new]\ncommand=/nonexistent\nstartretries=0\n");
    let update = menshen(&house, &["update"]).expect_code(1);
    assert!(update.out.starts_with("- old              removed\n+ new              added\n"), "{update:?}");
    assert!(
        update.out.contains("new: failed: can't find command '/nonexistent'\n1 removed, 1 failed\n"),
        "{update:?}"
    );
    assert_eq!(house.pid_of("kept"), kept);
    assert_eq!(house.state("old"), "");

    let json = menshen(&house, &["plan", "--json"]).expect_code(0).out;
    assert_eq!(json.trim(), "[]");
    let unknown = menshen(&house, &["update", "nope"]).expect_code(4);
    assert!(unknown.err.contains("there is no group \"nope\""), "{unknown:?}");
}

#[test]
fn a_broken_file_of_somebody_else_is_told_with_its_place_and_changes_nothing() {
    if Make::is_original() {
        return;
    }
    let include = "[include]\nfiles={here}/conf.d/*.conf\n";
    let mut house = House::empty(Make::under_test());
    std::fs::create_dir(house.path("conf.d")).expect("cannot make a folder");
    house.configure(&format!("{include}[program:mine]\ncommand=cat\n"));
    house.start();
    house.until_state("mine", "RUNNING");
    let mine = house.pid_of("mine");
    house.write("conf.d/other.conf", "[program:other]\ncommand=cat\nstartsecs=soon\n");
    house.configure(&format!("{include}[program:mine]\ncommand=cat -u\n"));
    for verb in ["plan", "update"] {
        let said = menshen(&house, &[verb]).expect_code(2);
        said.expect_complaint(&["conf.d/other.conf:3", "startsecs"]);
    }
    assert_eq!(house.pid_of("mine"), mine);

    house.write("conf.d/other.conf", "[program:other]\ncommand=cat\nstartsecs=0\n");
    let update = menshen(&house, &["update", "mine"]).expect_code(0);
    assert_eq!(update.out, "~ mine             restarted: command\n1 restarted\n");
    assert_eq!(house.state("other"), "", "it was not named");
}

#[test]
fn the_old_way_to_update_still_replaces_whole_groups() {
    let (house, [a, ..]) = house_of_three();
    house.configure(&group(&[("a", CAT), ("b", "command=cat -u"), ("c", CAT)]));
    assert_eq!(house.ctl(&["update"]).expect_code(0).out, "g: stopped\ng: updated process group\n");
    house.until_reborn("g:a", a);
}

#[test]
fn an_original_server_is_updated_by_the_group_and_says_so() {
    if Make::is_original() {
        return; // There is no `menshen` among its programs.
    }
    let mut house = House::of(Make::Original, "[program:a]\ncommand=cat\n");
    house.start();
    house.until_state("a", "RUNNING");
    house.configure("[program:a]\ncommand=cat\n[program:b]\ncommand=cat\n");
    let run = |words: &[&str]| -> Said {
        let mut command = house.command_of(Make::Menshen, "menshen");
        command.args(["-c", "supervisord.conf"]).args(words).output().expect("cannot run menshen").into()
    };
    let plan = run(&["plan"]).expect_code(0);
    assert_eq!(plan.out, "+ b:*              added\n");
    assert!(plan.err.contains("only replace whole groups"), "{plan:?}");
    let update = run(&["update"]).expect_code(0);
    assert_eq!(update.out, "b: added process group\n");
}

#[test]
fn a_program_that_was_written_down_but_not_loaded_is_told_so() {
    if Make::is_original() {
        return;
    }
    let house = House::new("[program:a]\ncommand=cat\n").started();
    house.configure("[program:a]\ncommand=cat\n[program:b]\ncommand=cat\n");
    let said = menshen(&house, &["start", "b"]).expect_code(4);
    assert!(said.err.contains("\"b\" is in the configuration but not loaded"), "{said:?}");
    menshen(&house, &["update", "b"]).expect_code(0);
    assert_eq!(house.state("b"), "RUNNING");
}

#[test]
fn a_wait_lasts_until_it_is_so() {
    if Make::is_original() {
        return;
    }
    let slow = "[program:slow]\ncommand=cat\nstartsecs=2\nautostart=false\n";
    let once = "[program:once]\ncommand=sleep 2\nautorestart=false\n";
    let never = "[program:never]\ncommand=cat\nstartsecs=1000\n";
    let house = House::new(&format!("{slow}{once}{never}")).started();
    let soon = menshen(&house, &["start", "slow", "--no-wait"]).expect_code(0);
    assert_eq!(soon.out, "slow: starting\n");
    assert_eq!(menshen(&house, &["wait", "slow"]).expect_code(0).out, "slow: running\n");
    assert_eq!(house.state("slow"), "RUNNING");
    let late = menshen(&house, &["restart", "never", "--timeout", "2"]).expect_code(1);
    assert_eq!(late.out, "never: stopped\nnever: failed: the time is up and it is STARTING\n");
    let ended = menshen(&house, &["wait", "once", "--until", "exited"]).expect_code(0);
    assert_eq!(ended.out, "once: exited\n");
}

#[test]
fn the_lines_of_several_programs_carry_their_names() {
    if Make::is_original() {
        return;
    }
    let talk = |name: &str, word: &str| {
        format!(
            "[program:{name}]\ncommand=sh -c \"echo {word}; echo no {word} >&2; exec cat\"\n\
             stdout_logfile={{here}}/{name}.out\nstderr_logfile={{here}}/{name}.err\n"
        )
    };
    let house = House::new(&(talk("a", "one") + &talk("long", "two"))).started();
    for (file, text) in [("a.out", "one\n"), ("a.err", "one\n"), ("long.out", "two\n"), ("long.err", "two\n")]
    {
        house.until_text(file, text);
    }
    let all = menshen(&house, &["logs"]).expect_code(0);
    assert_eq!(all.out, "a    | one\na    ! no one\nlong | two\nlong ! no two\n");
    let file = std::fs::File::create(house.path("followed")).expect("cannot make a file");
    let mut command = house.command("menshen");
    let mut follower = command
        .args(["-c", "supervisord.conf", "logs", "-f", "a", "long"])
        .stdout(file)
        .spawn()
        .expect("it runs");
    house.until_text("followed", "long | two\n");
    house.call("supervisor.sendProcessStdin", &["a", "three\n"]);
    house.until_text("followed", "a    | three\n");
    follower.kill().expect("it is ours");
    follower.wait().expect("it is ours");
}
