//! What happens to the bytes that programs write.

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::{until, until_some};
use rustix::process::Signal;

/// A program that writes numbered lines of 20 bytes, `lines` of them, and then stays.
fn flood(lines: usize) -> String {
    format!("/bin/sh -c 'seq -f %%019.0f 1 {lines}; echo done >&2; exec cat'")
}

/// What `flood` writes.
fn flooded(lines: usize) -> Vec<u8> {
    (1..=lines).flat_map(|line| format!("{line:019}\n").into_bytes()).collect()
}

#[test]
fn rotation_under_a_flood_neither_loses_nor_doubles_a_byte() {
    let lines = 200_000;
    let house = House::new(&format!(
        "[program:flood]\ncommand={}\nstdout_logfile={{here}}/flood.log\nstdout_logfile_maxbytes=1MB\n\
         stdout_logfile_backups=9\nstderr_logfile={{here}}/flood.err\n",
        flood(lines)
    ))
    .started();
    house.until_text("flood.err", "done");
    let total = lines * 20;
    until("all bytes are in the files", || parts(&house).iter().map(Vec::len).sum::<usize>() >= total);
    let parts = parts(&house);
    assert!(parts.len() >= 4, "4 MB in files of 1 MB are at least four files, not {}", parts.len());
    assert!(parts.concat() == flooded(lines), "the files together are not what was written");
    // A gulp is never split, so a file may be over its limit, by one gulp at most.
    let longest = parts.iter().map(Vec::len).max().unwrap_or_default();
    assert!(longest <= 1_048_576 + 131_072, "a file has {longest} bytes");
}

/// The log and its backups, the oldest first.
fn parts(house: &House) -> Vec<Vec<u8>> {
    let backups = (1..=9).rev().map(|number| house.bytes(&format!("flood.log.{number}")));
    backups.chain([house.bytes("flood.log")]).filter(|part| !part.is_empty()).collect()
}

#[test]
fn no_more_backups_are_kept_than_were_asked_for() {
    let house = House::new(&format!(
        "[program:flood]\ncommand={}\nstdout_logfile={{here}}/flood.log\nstdout_logfile_maxbytes=100KB\n\
         stdout_logfile_backups=2\nstderr_logfile={{here}}/flood.err\n",
        flood(50_000)
    ))
    .started();
    house.until_text("flood.err", "done");
    let end = format!("{:019}\n", 50_000).into_bytes();
    let is_written = |name: &str| house.bytes(name).ends_with(&end);
    until("the last line is written", || is_written("flood.log") || is_written("flood.log.1"));
    assert!(house.path("flood.log.2").exists());
    assert!(!house.path("flood.log.3").exists());
}

#[test]
fn any_byte_reaches_the_file_as_it_was_written() {
    let bytes: Vec<u8> = (0..=255).cycle().take(256 * 40).collect();
    let house =
        House::new("[program:raw]\ncommand=/bin/sh -c 'cat raw; exec cat'\nstdout_logfile={here}/raw.log\n");
    std::fs::write(house.path("raw"), &bytes).expect("cannot write the bytes");
    let house = house.started();
    until("all bytes are there", || house.bytes("raw.log").len() >= bytes.len());
    assert!(house.bytes("raw.log") == bytes, "the file is not what was written");
}

#[test]
fn both_streams_in_one_file_keep_their_order() {
    let house = House::new(
        "[program:both]\ncommand=/bin/sh -c 'echo one; echo two >&2; echo three; exec cat'\nredirect_stderr=true\n\
         stdout_logfile={here}/both.log\n",
    )
    .started();
    house.until_text("both.log", "three");
    assert_eq!(house.text("both.log"), "one\ntwo\nthree\n");
}

#[test]
fn without_a_name_each_stream_gets_a_file_in_the_child_log_directory() {
    let house =
        House::new("[program:auto]\ncommand=/bin/sh -c 'echo out; echo err >&2; exec cat'\n").started();
    house.until_state("auto", "RUNNING");
    let name = |field: &str| house.info("auto", field).expect("the process is known");
    let (out, err) = (name("stdout_logfile"), name("stderr_logfile"));
    let prefix = |stream: &str| format!("{}/auto-{stream}---supervisor-", house.here());
    assert!(out.starts_with(&prefix("stdout")), "{out}");
    assert!(err.starts_with(&prefix("stderr")), "{err}");
    until("both are written", || {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        text(&out) == "out\n" && text(&err) == "err\n"
    });
    assert_eq!(house.ctl(&["tail", "auto"]).expect_code(0).out, "out\n\n");
    assert_eq!(house.ctl(&["tail", "auto", "stderr"]).expect_code(0).out, "err\n\n");
}

#[test]
fn a_stream_without_a_log_is_read_all_the_same() {
    // 4 MB, many times what a pipe holds: the program ends only if somebody reads.
    let house = House::new(
        "[program:loud]\ncommand=/bin/sh -c 'seq 1 600000; echo done > {here}/through; exec cat'\n\
         stdout_logfile=NONE\nstderr_logfile=NONE\n",
    )
    .started();
    house.until_text("through", "done");
    assert_eq!(house.info("loud", "stdout_logfile").as_deref(), Some(""));
    assert_eq!(house.ctl(&["tail", "loud"]).expect_code(1).out, "loud: ERROR (no log file)\n");
}

#[test]
fn a_log_on_standard_output_needs_no_special_limit() {
    // The original wants `stdout_logfile_maxbytes=0` here, and else loses all but the first gulp.
    let limit = if Make::is_original() { "stdout_logfile_maxbytes=0\n" } else { "" };
    let house = House::new(&format!(
        "[program:talker]\ncommand=/bin/sh -c 'echo first; sleep 0.3; echo second; exec cat'\n\
         stdout_logfile=/dev/stdout\n{limit}"
    ))
    .started();
    until("both lines are on the supervisor's standard output", || {
        let out = house.text("out");
        out.contains("first\n") && out.contains("second\n")
    });
    house.until_state("talker", "RUNNING");
}

#[test]
fn a_program_is_said_to_have_begun_before_it_says_anything_and_to_have_ended_after() {
    let programs = 20;
    let limit = if Make::is_original() { "stdout_logfile_maxbytes=0\n" } else { "" };
    let house = House::new(&format!(
        "[program:brief]\ncommand=/bin/echo words of %(process_num)02d\nnumprocs={programs}\nstartsecs=0\nautorestart=false\n\
         process_name=%(process_num)02d\nstdout_logfile=/dev/stdout\n{limit}"
    ))
    .started();
    until("all have ended", || house.text("out").matches("INFO exited: ").count() == programs);
    let out = house.text("out");
    for number in 0..programs {
        let place = |text: &str| out.find(text).unwrap_or_else(|| panic!("no {text:?} in {out}"));
        let words = place(&format!("words of {number:02}\n"));
        assert!(place(&format!("INFO spawned: '{number:02}' with pid ")) < words, "{out}");
        assert!(place(&format!("INFO exited: {number:02} (exit status 0; expected)")) > words, "{out}");
    }
}

#[test]
fn a_log_that_was_moved_away_is_begun_anew_after_usr2() {
    let house = House::new(
        "[program:ticker]\ncommand=/bin/sh -c 'while :; do echo tick; sleep 0.05; done'\n\
         stdout_logfile={here}/tick.log\n",
    )
    .started();
    house.until_text("tick.log", "tick");
    let rename =
        |from: &str, to: &str| std::fs::rename(house.path(from), house.path(to)).expect("cannot rename");
    rename("tick.log", "tick.old");
    rename("main.log", "main.old");
    house.signal(Signal::USR2);
    house.until_text("tick.log", "tick");
    until("the reopening is logged", || {
        [house.text("main.old"), house.log()].concat().contains("supervisord logreopen")
    });
    until("the main log is begun anew", || house.path("main.log").exists());
    let old = house.bytes("tick.old").len();
    let new = house.bytes("tick.log").len();
    until("the new file grows", || house.bytes("tick.log").len() > new);
    assert_eq!(house.bytes("tick.old").len(), old, "the old file still grows");
}

#[test]
fn colors_are_taken_out_on_request() {
    let house = House::new("[program:red]\ncommand=/bin/sh red.sh\nstdout_logfile={here}/red.log\n");
    house.write("red.sh", "printf '\\033[31mred\\033[0m plain \\033[1;32mgreen\\033[m\\n'\nexec cat\n");
    let text = house.text("supervisord.conf").replace("[supervisord]\n", "[supervisord]\nstrip_ansi=true\n");
    house.write("supervisord.conf", &text);
    let house = house.started();
    house.until_text("red.log", "\n");
    assert_eq!(house.text("red.log"), "red plain green\n");
}

#[test]
fn clear_empties_a_log_and_the_program_writes_on() {
    let house = House::new(
        "[program:ticker]\ncommand=/bin/sh -c 'echo start; while :; do echo tick; sleep 0.05; done'\n\
         stdout_logfile={here}/tick.log\n",
    )
    .started();
    house.until_text("tick.log", "start\ntick");
    assert_eq!(house.ctl(&["clear", "ticker"]).expect_code(0).out, "ticker: cleared\n");
    house.until_text("tick.log", "tick");
    assert!(!house.text("tick.log").contains("start"));
}

#[test]
fn the_last_words_of_a_program_are_kept() {
    // A pipe's worth, written at once before the end. The original reads twice as much at most and no more.
    let house = House::new(
        "[program:last]\ncommand=/bin/sh -c 'seq -f %%019.0f 1 3000'\nautorestart=false\nstartsecs=0\n\
         stdout_logfile={here}/last.log\n",
    )
    .started();
    house.until_state("last", "EXITED");
    until("all is written", || house.bytes("last.log").len() >= 60_000);
    assert!(house.bytes("last.log") == flooded(3000), "the file is not what was written");
}

#[test]
fn clear_reaches_the_log_of_a_stopped_program_too() {
    if Make::is_original() {
        return; // It says that it did.
    }
    let house = House::new(
        "[program:once]\ncommand=echo once\nautorestart=false\nstartsecs=0\nstdout_logfile={here}/once.log\n",
    )
    .started();
    house.until_state("once", "EXITED");
    house.until_text("once.log", "once");
    assert_eq!(house.ctl(&["clear", "once"]).expect_code(0).out, "once: cleared\n");
    assert_eq!(house.text("once.log"), "");
}

#[test]
fn a_stream_that_is_searched_for_captures_is_not_held_back() {
    if Make::is_original() {
        return; // It keeps the last 24 bytes to itself.
    }
    let house = House::new(
        "[program:short]\ncommand=/bin/sh -c 'echo short; exec cat'\nstdout_capture_maxbytes=1MB\n\
         stdout_logfile={here}/short.log\n",
    )
    .started();
    house.until_text("short.log", "short\n");
}

#[test]
fn captured_text_stays_out_of_the_log() {
    let house = House::new(
        "[program:tagged]\ncommand=/bin/sh tagged.sh\ndirectory={here}\nstdout_capture_maxbytes=1MB\n\
         stdout_logfile={here}/tagged.log\n",
    );
    let script = "echo a long enough line before it\n\
                  printf '<!--XSUPERVISOR:BEGIN-->secret<!--XSUPERVISOR:END-->'\n\
                  echo a long enough line after it\necho and one more to push it through\nexec cat\n";
    house.write("tagged.sh", script);
    let house = house.started();
    house.until_text("tagged.log", "a long enough line after it\n");
    let text = house.text("tagged.log");
    assert!(text.starts_with("a long enough line before it\na long enough line after it\n"), "{text}");
}

#[test]
fn a_log_that_is_no_text_can_be_looked_at() {
    if Make::is_original() {
        return; // It answers with an error of its own.
    }
    let house = House::new(
        "[program:raw]\ncommand=/bin/sh raw.sh\ndirectory={here}\nstdout_logfile={here}/raw.log\n",
    );
    house.write("raw.sh", "printf 'a\\377b'\nexec cat\n");
    let house = house.started();
    until("it is written", || house.bytes("raw.log") == b"a\xffb");
    assert_eq!(house.ctl(&["tail", "raw"]).expect_code(0).out, "a\u{fffd}b\n");
}

#[test]
fn the_main_log_rotates_too() {
    let house = House::new(
        "[program:flap]\ncommand=/bin/sh -c 'exit 0'\nstartsecs=0\nautorestart=true\nnumprocs=20\n\
         process_name=flap_%(process_num)d\n",
    );
    let limits = "[supervisord]\nlogfile_maxbytes=2KB\nlogfile_backups=2\n";
    let text = house.text("supervisord.conf").replace("[supervisord]\n", limits);
    house.write("supervisord.conf", &text);
    let house = house.started();
    until("there are two backups", || house.path("main.log.2").exists());
    until("and no third", || house.path("main.log.1").exists() && !house.path("main.log.3").exists());
    let backup = until_some("a backup is there", || {
        let text = house.text("main.log.2");
        (!text.is_empty()).then_some(text)
    });
    assert!(backup.ends_with('\n'), "a line was torn: {backup:?}");
    assert!(backup.lines().all(|line| line.starts_with("20")), "a line was torn: {backup}");
    proc::send(house.pid(), Signal::TERM);
}

#[test]
fn tail_follows_what_a_program_writes() {
    let house = House::new(
        "[program:ticker]\ncommand=/bin/sh -c 'echo one; read x < {here}/go; echo two; exec cat'\n",
    );
    let made = std::process::Command::new("mkfifo").arg(house.path("go")).status();
    assert!(made.is_ok_and(|status| status.success()), "cannot make a fifo");
    let house = house.started();
    let out = std::fs::File::create(house.path("tail.out")).expect("cannot make a file");
    let mut tail = house
        .command("supervisorctl")
        .args(["-c", "supervisord.conf", "tail", "-f", "ticker"])
        .stdout(out)
        .spawn()
        .expect("cannot run supervisorctl");
    house.until_text("tail.out", "==> Press Ctrl-C to exit <==");
    house.until_text("tail.out", "one\n");
    house.write("go", "now\n");
    house.until_text("tail.out", "two\n");
    proc::send(tail.id().try_into().expect("a pid fits"), Signal::INT);
    let status = until_some("tail has ended", || tail.try_wait().expect("it is our child"));
    assert_eq!(status.code(), Some(0));
}

/// Writes lines in halves, as Python does that does not buffer: `$1` is who, `$2` how many.
const HALVES: &str = "i=0; while [ $i -lt $2 ]; do printf \"of $1 $i \"; sleep 0.002; echo \"of $1 $i\"; i=$((i+1)); done\n\
                      echo >through.$1; exec cat\n";

#[test]
fn many_programs_write_whole_lines_to_one_pipe() {
    if Make::is_original() {
        return; // It mixes them.
    }
    let (programs, lines) = (10, 60);
    let house = House::new(&format!(
        "[program:half]\ncommand=/bin/sh halves.sh %(process_num)d {lines}\ndirectory={{here}}\nnumprocs={programs}\n\
         process_name=%(process_num)d\nstdout_logfile=/dev/stdout\n\
         [program:also]\ncommand=/bin/sh halves.sh also {lines}\ndirectory={{here}}\nstdout_logfile={{here}}/also.log\n\
         stdout_logfile_also=/dev/stdout\n"
    ));
    house.write("halves.sh", HALVES);
    // A container's log driver, played by cat.
    let line =
        format!("exec {} -n -c supervisord.conf -s > >(cat >piped)", house.path("bin/supervisord").display());
    let mut command = house.command_through(&["/bin/bash", "-c", &line], "supervisord");
    let mut house = house;
    house.start_command(&mut command);
    house.until_answering();
    let who = (0..programs).map(|it| it.to_string()).chain(["also".to_owned()]).collect::<Vec<_>>();
    until("all have written all", || who.iter().all(|it| house.path(&format!("through.{it}")).exists()));
    let wanted = (programs + 1) * lines;
    until("all lines are there", || house.text("piped").matches('\n').count() >= wanted);
    for it in &who {
        let mine: Vec<String> = (0..lines).map(|line| format!("of {it} {line} of {it} {line}")).collect();
        let piped = house.text("piped");
        let found: Vec<_> = piped.lines().filter(|line| line.starts_with(&format!("of {it} "))).collect();
        assert_eq!(found, mine, "the lines of {it}, whole and in order");
    }
    assert!(house.stopped().success());
}
