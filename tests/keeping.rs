//! What may be asked for of a log beyond writing and rotating it by its size.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use e2e::disk::SmallDisk;
use e2e::house::House;
use e2e::said::Said;
use e2e::wait::{until, until_still};

/// A program that writes `line` once and then stays.
fn says(line: &str, options: &str) -> String {
    format!(
        "[program:web]\ncommand=/bin/sh -c 'printf \"{line}\"; exec cat'\nstdout_logfile={{here}}/web.log\n{options}\n"
    )
}

fn verb(house: &House, words: &[&str]) -> Said {
    let mut command = house.command("menshen");
    command.args(words).args(["-c", "supervisord.conf"]);
    command.output().expect("cannot run menshen").into()
}

#[test]
fn a_log_is_rotated_when_somebody_says_so_and_made_smaller() {
    let house = House::new(&says("one line\\n", "stdout_logfile_compress=gzip")).started();
    house.until_text("web.log", "one line");
    assert_eq!(verb(&house, &["rotate", "web"]).expect_code(0).out, "web: rotated\n");
    until("the rotated log is made smaller", || {
        house.path("web.log.1.gz").exists() && !house.path("web.log.1").exists()
    });
    let unpacked = Command::new("gzip").arg("-dc").arg(house.path("web.log.1.gz")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&unpacked.stdout), "one line\n");
    assert_eq!(house.text("web.log"), "");
    assert_eq!(
        verb(&house, &["rotate", "all"]).expect_code(0).out,
        "web: rotated\n",
        "an empty one is left alone"
    );
    assert!(!house.path("web.log.2.gz").exists());
    assert!(verb(&house, &["rotate", "nope"]).expect_code(4).err.contains("nope"));
}

#[test]
fn a_line_says_when_it_came_and_from_whom() {
    let house = House::new(&says("one\\ntwo\\n", "stdout_logfile_format=prefix")).started();
    house.until_text("web.log", "two");
    let text = house.text("web.log");
    let lines: Vec<_> = text.lines().map(|it| it.split_once(" web stdout: ").expect("no prefix")).collect();
    assert_eq!(lines.iter().map(|it| it.1).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(lines[0].0.len(), "2026-11-20 23:40:27,123".len());
}

#[test]
fn a_line_is_an_object_of_json() {
    let house = House::new(&says("say \\042hi\\042 \\377\\n", "stdout_logfile_format=json")).started();
    house.until_text("web.log", "\n");
    let object: serde_json::Value = serde_json::from_str(&house.text("web.log")).expect("it is no JSON");
    assert_eq!(object["line"], "say \"hi\" \u{fffd}");
    assert_eq!((&object["process"], &object["stream"]), (&"web".into(), &"stdout".into()));
}

#[test]
fn half_a_line_is_in_the_log_when_the_supervisor_ends_whoever_holds_its_pipe() {
    for verb in ["shutdown", "reload"] {
        let heir = "[program:web]\ncommand=/bin/sh -c 'cat fifo & printf \"whole\\nhalf\"; wait'\n\
                    stdout_logfile={here}/web.log\nstdout_logfile_format=prefix\nautorestart=false\nstartsecs=0\n";
        let house = House::new(heir);
        rustix::fs::mkfifoat(rustix::fs::CWD, house.path("fifo"), rustix::fs::Mode::RWXU).unwrap();
        let house = house.started();
        house.until_text("web.log", "whole\n");
        house.ctl(&[verb]).expect_code(0);
        house.until_text("web.log", " web stdout: half\n");
        // Nobody waits for the other end any longer.
        std::fs::OpenOptions::new().read(true).write(true).open(house.path("fifo")).unwrap();
    }
}

#[test]
fn a_log_has_copies() {
    let house = House::new(&says("both\\n", "stdout_logfile_also={here}/copy.log, /dev/null")).started();
    house.until_text("copy.log", "both\n");
    assert_eq!(house.text("web.log"), "both\n");
}

#[test]
fn what_a_full_device_does_not_take_is_counted_where_one_looks() {
    let sections = "[program:web]\ncommand=/bin/sh -c 'printf 12345; exec cat'\nstdout_logfile=/dev/full\n\
                    stdout_logfile_on_full=drop\n";
    let house = House::new(sections).started();
    house.until_logged("it is dropped until that works again");
    until("the bytes are counted", || verb(&house, &["status"]).out.contains("5 bytes of output dropped"));
    let status: serde_json::Value =
        serde_json::from_str(&verb(&house, &["status", "--json"]).out).expect("it is no JSON");
    let text = status.to_string();
    assert!(text.contains("\"output_bytes_dropped\":5"), "{text}");
}

#[test]
fn a_mistake_in_an_option_is_told_with_what_to_write() {
    let house = House::new(&says("x", "stdout_logfile_compress=gzpi"));
    let said = verb(&house, &["check"]);
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains("stdout_logfile_compress") && all.contains("write `gzip`"), "{all}");
}

/// A pipe with a name, for a program that waits until somebody writes to it.
fn gate(house: &House) {
    let made = Command::new("mkfifo").arg(house.path("go")).status();
    assert!(made.is_ok_and(|status| status.success()), "cannot make a fifo");
}

#[test]
fn a_log_whose_day_is_over_is_rotated_before_the_next_line() {
    let house = House::new(
        "[program:web]\ncommand=/bin/sh -c 'echo monday; read x <{here}/go; echo tuesday; exec cat'\n\
         stdout_logfile={here}/web.log\nstdout_logfile_rotate=daily\n",
    );
    gate(&house);
    let house = house.started();
    house.until_text("web.log", "monday");
    let aged = Command::new("touch").args(["-d", "yesterday"]).arg(house.path("web.log")).status();
    assert!(aged.is_ok_and(|status| status.success()), "cannot age the log");
    house.write("go", "on\n");
    house.until_text("web.log", "tuesday");
    assert_eq!(house.text("web.log"), "tuesday\n");
    assert_eq!(house.text("web.log.1"), "monday\n");
    assert!(!house.path("web.log.2").exists());
}

/// Numbered lines of 20 bytes.
const LINES: usize = 50_000;

fn lines() -> Vec<u8> {
    (1..=LINES).flat_map(|line| format!("{line:019}\n").into_bytes()).collect()
}

#[test]
fn a_log_and_its_past_have_no_more_than_they_may_in_all() {
    let most = 600_000;
    let house = House::new(&format!(
        "[program:web]\ncommand=/bin/sh -c 'seq -f %%019.0f 1 {LINES}; exec cat'\nstdout_logfile={{here}}/web.log\n\
         stdout_logfile_maxbytes=50KB\nstdout_logfile_backups=100\nstdout_logfile_total_maxbytes={most}\n"
    ))
    .started();
    let parts = || -> Vec<String> {
        let backups = (1..=100).rev().map(|number| house.text(&format!("web.log.{number}")));
        backups.chain([house.text("web.log")]).filter(|it| !it.is_empty()).collect()
    };
    until("the end is there", || parts().concat().ends_with(&format!("{LINES:019}\n")));
    let kept = until_still("the log", || parts().concat());
    // As ever, a file goes over its limit by one gulp at most; and the oldest goes as a whole, which may be as large.
    assert!(kept.len() <= most + 131_072, "{} bytes were kept", kept.len());
    assert!(kept.len() >= most / 2, "{} bytes were kept", kept.len());
    assert!(lines().ends_with(kept.as_bytes()), "what is kept is the end, without a gap");
}

/// A program that floods a log on a small disk that somebody else has filled, and what is kept of it after room was
/// made: the house, and the program's log.
#[expect(clippy::print_stderr, reason = "who runs the tests should know that this one saw nothing")]
fn on_a_full_disk(policy: &str) -> Option<(House, SmallDisk)> {
    let mut house = House::new(&format!(
        "[program:web]\ncommand=/bin/sh -c 'seq -f %%019.0f 1 {LINES}; read x <{{here}}/go; \
         for i in $(seq 40); do echo after; sleep 0.1; done; exec cat'\n\
         stdout_logfile={{here}}/disk/web.log\nstdout_logfile_maxbytes=0\nstdout_logfile_on_full={policy}\n\
         [program:other]\ncommand=cat\nstartsecs=0\n"
    ));
    let Some(disk) = SmallDisk::of(house.path("disk"), "4m") else {
        eprintln!("NOT TESTED: only root may mount the small disk of this test");
        return None;
    };
    std::fs::write(house.path("disk/filler"), vec![0; 3_600_000]).expect("there is room for it");
    gate(&house);
    house.start();
    let what = if policy == "block" { "it waits until" } else { "it is dropped until" };
    house.until_logged(&format!("No space left on device; {what} that works again"));
    // Nobody else is held up.
    house.ctl(&["restart", "other"]).expect_code(0);
    Some((house, disk))
}

#[test]
fn what_waited_for_a_full_disk_is_all_there_when_there_is_room() {
    let Some((house, _disk)) = on_a_full_disk("block") else { return };
    std::fs::remove_file(house.path("disk/filler")).expect("it is there");
    house.write("go", "on\n");
    let whole = [lines(), "after\n".repeat(40).into_bytes()].concat();
    until("all is there", || house.bytes("disk/web.log").len() >= whole.len());
    assert!(house.bytes("disk/web.log") == whole, "something is missing");
    house.until_logged("web.log again; nothing was lost");
}

#[test]
fn what_was_dropped_on_a_full_disk_is_counted_to_the_byte() {
    let Some((house, _disk)) = on_a_full_disk("drop") else { return };
    std::fs::remove_file(house.path("disk/filler")).expect("it is there");
    house.write("go", "on\n");
    house.until_logged("web.log again; ");
    house.until_logged(" bytes were dropped");
    let counted = || {
        let status: serde_json::Value =
            serde_json::from_str(&verb(&house, &["status", "web", "--json"]).out).expect("it is no JSON");
        status[0]["output_bytes_dropped"].as_u64().and_then(|it| usize::try_from(it).ok()).expect("a number")
    };
    assert!(counted() > 0);
    let (kept, written) = (|| house.bytes("disk/web.log").len(), LINES * 20 + 40 * 6);
    until("what is kept and what was dropped is all that was written", || kept() + counted() == written);
}

#[test]
fn a_log_that_is_moved_or_removed_is_begun_anew_before_the_next_byte() {
    let house = House::new(
        "[program:web]\ncommand=/bin/sh -c 'n=0; while :; do echo $n; n=$((n+1)); read x <{here}/go; done'\n\
         stdout_logfile={here}/web.log\n",
    );
    gate(&house);
    // Open all the while, in both directions: whoever opens a pipe again before its last writer has closed it would find
    // an end, and go on without a word.
    let go = File::options().read(true).write(true).open(house.path("go"));
    let mut go = go.expect("the pipe can be opened");
    let house = house.started();
    house.until_text("web.log", "0\n");
    std::fs::rename(house.path("web.log"), house.path("old.log")).expect("it is there");
    go.write_all(b"on\n").expect("the pipe takes it");
    house.until_text("web.log", "1\n");
    assert_eq!((house.text("old.log").as_str(), house.text("web.log").as_str()), ("0\n", "1\n"));
    std::fs::remove_file(house.path("web.log")).expect("it is there");
    go.write_all(b"on\n").expect("the pipe takes it");
    house.until_text("web.log", "2\n");
    assert_eq!(house.text("web.log"), "2\n");
}
