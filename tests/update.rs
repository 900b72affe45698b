//! Changing the configuration of a supervisor that runs.

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;

const KEPT: &str = "[program:kept]\ncommand=cat\n";

#[test]
fn update_touches_only_what_changed() {
    let house =
        House::new(&format!("{KEPT}[program:changed]\ncommand=cat\n[program:gone]\ncommand=cat\n")).started();
    for name in ["kept", "changed", "gone"] {
        house.until_state(name, "RUNNING");
    }
    let (kept, changed, gone) = (house.pid_of("kept"), house.pid_of("changed"), house.pid_of("gone"));

    house.configure(&format!("{KEPT}[program:changed]\ncommand=cat -u\n[program:fresh]\ncommand=cat\n"));
    let reread = house.ctl(&["reread"]).expect_code(0).out;
    assert_eq!(reread, "changed: changed\nfresh: available\ngone: disappeared\n");
    assert_eq!(house.pid_of("changed"), changed, "reread looks and does nothing");

    let update = house.ctl(&["update"]).expect_code(0).out;
    assert_eq!(
        update,
        "gone: stopped\ngone: removed process group\nchanged: stopped\nchanged: updated process group\n\
         fresh: added process group\n"
    );
    house.until_state("changed", "RUNNING");
    house.until_state("fresh", "RUNNING");
    assert_eq!(house.pid_of("kept"), kept, "an unchanged program was restarted");
    assert_ne!(house.pid_of("changed"), changed);
    assert!(!proc::is_alive(gone));
    assert_eq!(house.state("gone"), "", "a removed program is still known");
    assert_eq!(house.ctl(&["update"]).expect_code(0).out, "", "nothing is left to update");
}

#[test]
fn reread_of_an_unchanged_file_says_so() {
    let house = House::new(KEPT).started();
    assert_eq!(house.ctl(&["reread"]).expect_code(0).out, "No config updates to processes\n");
}

#[test]
fn update_of_one_group_leaves_the_others() {
    let house = House::new("[program:a]\ncommand=cat\n[program:b]\ncommand=cat\n").started();
    house.until_state("a", "RUNNING");
    house.until_state("b", "RUNNING");
    let (a, b) = (house.pid_of("a"), house.pid_of("b"));
    house.configure("[program:a]\ncommand=cat -u\n[program:b]\ncommand=cat -u\n");
    house.ctl(&["update", "a"]).expect_code(0);
    house.until_state("a", "RUNNING");
    assert_ne!(house.pid_of("a"), a);
    assert_eq!(house.pid_of("b"), b);
}

#[test]
fn add_and_remove_take_one_group_at_a_time() {
    let house = House::new(KEPT).started();
    house.configure(&format!("{KEPT}[program:extra]\ncommand=cat\n"));
    house.ctl(&["reread"]).expect_code(0);
    assert_eq!(house.ctl(&["add", "extra"]).expect_code(0).out, "extra: added process group\n");
    house.until_state("extra", "RUNNING");
    assert_eq!(
        house.ctl(&["remove", "extra"]).expect_code(1).out,
        "ERROR: process/group still running: extra\n"
    );
    house.ctl(&["stop", "extra"]).expect_code(0);
    assert_eq!(house.ctl(&["remove", "extra"]).expect_code(0).out, "extra: removed process group\n");
    assert_eq!(house.state("extra"), "");
}

#[test]
fn a_file_with_an_error_changes_nothing() {
    let house = House::new(KEPT).started();
    house.until_state("kept", "RUNNING");
    let kept = house.pid_of("kept");
    house.configure("[program:kept]\ncommand=cat\nstartsecs=soon\n");
    let said = house.ctl(&["reread"]).expect_code(1);
    assert!(said.out.starts_with("ERROR: CANT_REREAD: "), "{said:?}");
    assert!(said.out.contains("kept") || said.out.contains("soon"), "{said:?}");
    house.ctl(&["update"]).expect_code(1);
    assert_eq!(house.pid_of("kept"), kept);
}

#[test]
fn a_hangup_with_a_broken_file_does_not_take_the_programs_down() {
    if Make::is_original() {
        return; // It stops everything first and then dies of the file.
    }
    let house = House::new(KEPT).started();
    house.until_state("kept", "RUNNING");
    house.configure("[program:kept]\ncommand=cat\nstartsecs=soon\n");
    house.signal(rustix::process::Signal::HUP);
    house.until_logged("soon");
    e2e::wait::until("the programs run, on the old file", || house.state("kept") == "RUNNING");
}

#[test]
fn a_worker_more_is_one_start_more() {
    let workers = |count: u32| {
        format!(
            "[program:w]\ncommand=cat\nnumprocs={count}\nprocess_name=%(program_name)s_%(process_num)02d\n"
        )
    };
    let house = House::new(&workers(2)).started();
    house.until_state("w:w_00", "RUNNING");
    house.until_state("w:w_01", "RUNNING");
    house.configure(&workers(3));
    assert_eq!(house.ctl(&["update"]).expect_code(0).out, "w: stopped\nw: updated process group\n");
    house.until_state("w:w_02", "RUNNING");
}
