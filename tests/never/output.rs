//! What programs write.

use std::process::Stdio;
use std::time::Duration;

use e2e::disk::SmallDisk;
use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::{until, until_some, watch_for};
use rustix::process::Signal;

#[test]
fn never_06_loses_what_is_written_to_standard_output() {
    // A pipe, as containers give it, which another user made: it cannot be opened by its name, nor be sought in, nor
    // be rotated.
    let user = if rustix::process::getuid().is_root() { "user=nobody\n" } else { "" };
    let house = House::new(
        "[program:talker]\ncommand=/bin/sh -c 'seq -f %%019.0f 1 5000; sleep 1; echo the end; exec cat'\n\
         stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=10KB\nstderr_logfile=/dev/stderr\n",
    );
    house.configure_daemon(user);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(house.folder(), open).expect("cannot open the folder");
    let into = std::fs::File::create(house.path("said")).expect("cannot make a file");
    let mut reader =
        std::process::Command::new("cat").stdin(Stdio::piped()).stdout(into).spawn().expect("cannot run cat");
    let pipe = reader.stdin.take().expect("it was asked for");
    let mut command = house.command("supervisord");
    command.args(["-n", "-c", "supervisord.conf"]).stdout(Stdio::from(pipe));
    command.stderr(std::fs::File::create(house.path("err")).expect("cannot make a file"));
    let mut running = command.spawn().expect("cannot start supervisord");
    drop(command);
    house.until_text("said", "the end\n");
    let said = house.text("said");
    let numbers: Vec<_> =
        said.lines().filter(|it| it.len() == 19 && it.bytes().all(|it| it.is_ascii_digit())).collect();
    assert_eq!(numbers.len(), 5000, "lines were lost");
    assert!(numbers.is_sorted(), "lines came in another order");
    house.until_state("talker", "RUNNING");
    proc::send(running.id().try_into().expect("a pid fits"), Signal::TERM);
    until("it has ended", || running.try_wait().expect("it is our child").is_some());
    until("its reader has ended", || reader.try_wait().expect("it is our child").is_some());
}

#[test]
fn never_07_chokes_on_bytes_that_are_no_text() {
    let house = House::new(
        "[program:raw]\ncommand=/bin/sh raw.sh\ndirectory={here}\nstdout_logfile={here}/raw.log\n\
         stdout_events_enabled=true\nstdout_capture_maxbytes=1KB\n\
         [eventlistener:ear]\ncommand=/bin/bash {here}/ear.sh\nevents=PROCESS_LOG,PROCESS_COMMUNICATION\n\
         stderr_logfile={here}/ear.err\n",
    );
    // Half a letter at the end of a write, a byte that begins none, a null, a terminal's orders.
    house.write(
        "raw.sh",
        "sleep 1\nprintf 'one \\303'\nsleep 0.1\nprintf '\\251 \\377\\376 \\000 \\033[2J end\\n'\n\
         printf '<!--XSUPERVISOR:BEGIN-->\\377<!--XSUPERVISOR:END-->'\necho a line of text, long enough to go through\n\
         echo and another one to push it along\nexec cat\n",
    );
    house.write(
        "ear.sh",
        "LC_ALL=C\nwhile printf 'READY\\n' && read -r header; do\n  echo \"$header\" >>heard\n  \
         head -c \"${header##*len:}\" >/dev/null\n  printf 'RESULT 2\\nOK'\ndone\n",
    );
    let house = house.started();
    house.until_text("raw.log", "a line of text, long enough to go through\n");
    assert!(
        house.bytes("raw.log").starts_with(b"one \xc3\xa9 \xff\xfe \0 \x1b[2J end\n"),
        "{:?}",
        house.text("raw.log")
    );
    if Make::is_original() {
        return; // From here on it answers with errors.
    }
    for method in ["supervisor.readProcessStdoutLog", "supervisor.tailProcessStdoutLog"] {
        let body = format!(
            "<methodCall><methodName>{method}</methodName><params><param><value>raw</value></param><param><value>\
             <int>0</int></value></param><param><value><int>1000</int></value></param></params></methodCall>"
        );
        let answer = e2e::http::post(&house.path("s.sock"), "/RPC2", &body).expect("an answer").text();
        assert!(answer.contains("end") && !answer.contains("<fault>"), "{method}: {answer}");
    }
    assert!(house.ctl(&["tail", "raw"]).expect_code(0).out.contains("end\n"));
    until("the listener hears both kinds", || {
        let heard = house.text("heard");
        heard.contains("PROCESS_COMMUNICATION_STDOUT") && heard.contains("PROCESS_LOG_STDOUT")
    });
    assert_eq!(house.state("ear"), "RUNNING");
}

#[test]
fn never_08_keeps_files_that_are_gone_and_loses_the_log() {
    let house = House::new(
        "[program:rotor]\ncommand=/bin/sh -c 'while :; do seq 1 2000; sleep 0.02; done'\nstdout_logfile={here}/rotor.log\n\
         stdout_logfile_maxbytes=10KB\nstdout_logfile_backups=2\n\
         [program:ticker]\ncommand=/bin/sh -c 'while :; do echo tick; sleep 0.05; done'\nstdout_logfile={here}/tick.log\n",
    )
    .started();
    until("it has rotated", || house.path("rotor.log.2").exists());
    house.until_text("tick.log", "tick");
    let daemon = house.daemon_pid();
    let gone = || {
        let all = proc::descriptor_targets(daemon);
        all.into_iter()
            .filter(|it| it.ends_with("(deleted)") && !it.starts_with("/memfd:"))
            .collect::<Vec<_>>()
    };
    for _ in 0..10 {
        for name in ["tick.log", "main.log"] {
            std::fs::remove_file(house.path(name)).expect("it is there");
        }
        house.signal(Signal::USR2);
        until("both are begun anew", || {
            house.text("tick.log").contains("tick") && house.path("main.log").exists()
        });
    }
    until("no file that is gone is held", || gone().is_empty());
    let held = || proc::descriptor_targets(daemon).iter().filter(|it| it.contains(".log")).count();
    assert!(held() <= 5, "{:?}", proc::descriptor_targets(daemon));
    let written = until_some("it rotates on", || std::fs::metadata(house.path("rotor.log")).ok());
    assert!(written.len() <= 10_240 + 131_072, "it grew to {}", written.len());
}

#[test]
fn never_10_dies_or_swells_when_the_disk_is_full() {
    let mut house = House::new(
        "[program:flood]\ncommand=/bin/sh -c 'yes 0123456789012345678 | head -c 60000000; echo through > {here}/through; \
         exec cat'\nstdout_logfile={here}/disk/flood.log\nstdout_logfile_maxbytes=0\n\
         [program:neighbor]\ncommand=cat\n",
    );
    let Some(_disk) = SmallDisk::mounted(house.path("disk")) else {
        eprintln!("NOT TESTED: only root may mount the small disk of this test");
        return;
    };
    house.start();
    let daemon = house.daemon_pid();
    until("the disk is full", || {
        std::fs::metadata(house.path("disk/flood.log")).is_ok_and(|it| it.len() >= 60_000)
    });
    let before = proc::resident_kib(daemon);
    // That nothing grows can only be seen by watching.
    watch_for(Duration::from_secs(2));
    let grown = proc::resident_kib(daemon).saturating_sub(before);
    assert!(grown < 4096, "it grew by {grown} KiB");
    house.until_state("neighbor", "RUNNING");
    house.ctl(&["restart", "neighbor"]).expect_code(0);
    house.ctl(&["stop", "flood"]).expect_code(0);
    assert_eq!(house.daemon_pid(), daemon, "it is another one");
    assert!(!house.log().contains("panic"), "{}", house.log());
}
