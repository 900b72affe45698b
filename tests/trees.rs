//! Stop means stop: what `stopastree` ends, and what is said when that cannot be done.

use std::path::{Path, PathBuf};

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::until;
use rustix::process::Signal;

/// A family whose members do all that can be done to get away: one ignores the signal, one has a session of its own, one
/// has lost its parents and left group and session, and one has children all the time. Each says its pid.
const FAMILY: &str = "\
#!/bin/sh
say() { echo $$ >>{here}/family; }
case $1 in
    stubborn) trap '' TERM; say; while :; do sleep 1000; done ;;
    session) say; sleep 1000 & echo $! >>{here}/family; wait ;;
    orphan) say; trap '' TERM; while :; do sleep 1000; done ;;
    parent) trap '' TERM; say; while :; do sleep 0.05 & wait; done ;;
esac
say
$0 stubborn &
setsid $0 session &
(setsid sh -c \"$0 orphan & exit\") &
$0 parent &
while [ $(wc -l <{here}/family) -lt 6 ]; do sleep 0.02; done
echo ready
wait
while :; do sleep 1000; done
";

const PROGRAM: &str = "\
[program:family]
command={here}/family.sh
stopastree=true
stopwaitsecs=1
stdout_logfile={here}/family.log
";

fn house(sections: &str, daemon: &str) -> House {
    let house = House::of(Make::Menshen, sections);
    house.configure_daemon(&format!("runtime_directory={{here}}/run\n{daemon}"));
    let script = house.write("family.sh", FAMILY);
    let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(script, runnable).expect("cannot make the script runnable");
    house
}

/// The pids of all who have said theirs.
fn family(house: &House) -> Vec<i32> {
    house.text("family").lines().filter_map(|it| it.parse().ok()).collect()
}

/// Everybody who lives and was started in this house, but for the two guards.
fn left(house: &House) -> Vec<i32> {
    let is_guard = |pid: i32| proc::called(pid).is_some_and(|it| it.starts_with("menshen-"));
    proc::marked(&house.here()).into_iter().filter(|it| proc::is_alive(*it) && !is_guard(*it)).collect()
}

/// The control group of version 2 that a process is in.
fn cgroup(pid: i32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    text.lines().find_map(|it| it.strip_prefix("0::")).unwrap_or_default().to_owned()
}

/// Where the groups of version 2 are, if this user can make one beside its own.
fn writable_cgroups() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let mount = mounts.lines().find(|it| it.contains(" cgroup2 "))?.split(' ').nth(1)?.to_owned();
    let own = cgroup(i32::try_from(std::process::id()).ok()?);
    let probe =
        Path::new(&mount).join(own.trim_start_matches('/')).join(format!("e2e-{}", std::process::id()));
    std::fs::create_dir(&probe).ok()?;
    std::fs::remove_dir(&probe).ok()?;
    Some(PathBuf::from(mount))
}

fn assert_stops_whole(house: &House) {
    let members = family(house);
    assert!(members.len() >= 6 && members.iter().all(|it| proc::is_alive(*it)), "{members:?}");
    assert_eq!(house.ctl(&["stop", "family"]).out, "family: stopped\n");
    let alive: Vec<_> = members.into_iter().filter(|it| proc::is_alive(*it)).collect();
    assert_eq!(alive, [0; 0], "when the answer is there, nobody is left; {}", house.log());
    assert_eq!(left(house), [0; 0]);
}

#[test]
fn nobody_of_a_tree_is_left_wherever_he_went() {
    for cgroups in ["auto", "off"] {
        let house = house(PROGRAM, &format!("cgroups={cgroups}\n")).started();
        house.until_text("family.log", "ready");
        house.until_state("family", "RUNNING");
        let (pid, mount) = (house.pid_of("family"), writable_cgroups());
        let (group, daemon) = (cgroup(pid), cgroup(house.daemon_pid()));
        match &mount {
            Some(_) if cgroups == "auto" => assert!(group.contains("/menshen-"), "{group}"),
            Some(_) | None => assert_eq!(group, daemon),
        }
        if mount.is_none() {
            eprintln!("NOT TESTED: control groups; none can be made here");
        }
        assert_stops_whole(&house);
        if let Some(mount) = mount.filter(|_| group != daemon) {
            let place = mount.join(group.trim_start_matches('/'));
            until("its control group is gone, too", || !place.exists());
        }
    }
}

#[test]
fn a_tree_is_stopped_whole_by_whoever_takes_over() {
    for cgroups in ["auto", "off"] {
        let house = house(PROGRAM, &format!("cgroups={cgroups}\n")).started();
        house.until_text("family.log", "ready");
        house.until_state("family", "RUNNING");
        let (keeper, pid) = (house.pid(), house.pid_of("family"));
        house.signal(Signal::KILL);
        until("the pidfile names another keeper", || {
            house.pid_in_file().is_some_and(|it| it != keeper && proc::is_alive(it))
        });
        until("it answers", || house.pid_of("family") == pid);
        assert_stops_whole(&house);
    }
}

#[test]
fn a_program_that_asks_for_nothing_is_as_it_always_was() {
    let house = house("[program:plain]\ncommand=cat\n", "").started();
    house.until_state("plain", "RUNNING");
    assert_eq!(cgroup(house.pid_of("plain")), cgroup(house.daemon_pid()));
    assert!(!house.log().contains("control group"), "{}", house.log());
}

#[test]
fn who_survives_a_stop_is_named_in_the_answer() {
    // What is frozen by the old freezer cannot even die.
    let freezer = PathBuf::from(format!("/sys/fs/cgroup/freezer/menshen-e2e-{}", std::process::id()));
    if std::fs::create_dir(&freezer).is_err() {
        eprintln!("NOT TESTED: nobody can be frozen here");
        return;
    }
    let house = house(PROGRAM, "").started();
    house.until_text("family.log", "ready");
    house.until_state("family", "RUNNING");
    let frozen = family(&house).into_iter().find(|it| *it != house.pid_of("family")).expect("it has one");
    std::fs::write(freezer.join("cgroup.procs"), frozen.to_string()).expect("cannot move it");
    std::fs::write(freezer.join("freezer.state"), "FROZEN").expect("cannot freeze it");
    until("it is frozen", || proc::state(frozen) == Some('D'));
    let said = house.ctl(&["stop", "family"]);
    let expected = format!("family has ended, but not even SIGKILL ends these of its processes: {frozen}");
    assert!(said.all().contains(&expected), "{said:?}");
    assert_ne!(said.code, 0);
    assert!(house.log().contains(&expected), "{}", house.log());
    assert_eq!(house.state("family"), "STOPPED");
    std::fs::write(freezer.join("freezer.state"), "THAWED").expect("cannot thaw it");
    until("it is gone", || !proc::is_alive(frozen));
    until("the freezer is empty", || std::fs::remove_dir(&freezer).is_ok());
}

#[test]
fn whoever_insists_on_control_groups_is_refused_where_there_are_none() {
    let house = house(PROGRAM, "cgroups=require\n");
    let read_only = "mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" \"$@\"";
    let outer = ["unshare", "-m", "sh", "-c", read_only];
    let Ok(probe) = std::process::Command::new("unshare").args(["-m", "true"]).status() else { return };
    if !probe.success() {
        eprintln!("NOT TESTED: this user cannot hide control groups");
        return;
    }
    let mut command = house.command_through(&outer, "supervisord");
    let said = command.args(["-n", "-c", "supervisord.conf"]).output();
    let said = e2e::said::Said::from(said.expect("cannot run it"));
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("cgroups=require: no control group can be made"), "{said:?}");
    assert!(said.err.contains("`menshen doctor`"), "it says what to do: {said:?}");
}

#[test]
fn what_is_no_wish_is_told_with_its_place() {
    let house = house(PROGRAM, "cgroups=perhaps\n");
    let said = house.command("menshen").args(["-c", "supervisord.conf", "check"]).output();
    e2e::said::Said::from(said.expect("cannot run menshen")).expect_code(2).expect_complaint(&[
        "supervisord.conf:6:9",
        "`perhaps`",
        "write `auto`, `off` or `require`",
    ]);
}
