//! What may be asked for of a log beyond writing and rotating it by its size.

use std::process::Command;

use e2e::house::House;
use e2e::said::Said;
use e2e::wait::until;

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
