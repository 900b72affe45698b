//! Every command of `supervisorctl` against a server that plays a part.

use std::io::Write as _;

use insta::assert_snapshot;
use model::fault::{Fault, FaultCode};
use ::wire::value::Value;

use crate::client::Target;
use crate::input::{Lines, Plain};
use crate::session::Session;
use crate::tests::fake::{Fake, house, text};
use crate::shell;

/// Runs each command in a session of its own; shows what it prints and its exit code.
fn transcript(url: &str, commands: &[&str]) -> String {
    let mut shown = String::new();
    for command in commands {
        let (out, err, code) = run(url, command);
        shown.push_str(&format!("$ {command}\n{out}{err}[{code}]\n"));
    }
    shown
}

fn run(url: &str, command: &str) -> (String, String, u8) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (reader, _) = std::io::pipe().unwrap();
    let mut input = Plain::new(Lines::new(reader.into()));
    let target = Target { url: url.to_owned(), credentials: None };
    let mut session = Session::new(target, &mut out, &mut err, &mut input, false);
    let (alarm, _bell) = std::io::pipe().unwrap();
    // A pipe that is never written to is an interrupt that never comes; its writer must live on.
    session.interrupt = Some(std::rc::Rc::new(alarm));
    session.run(command).unwrap();
    let code = session.exit;
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), code)
}

/// Runs the shell on a script.
fn typed(target: Target, script: &str) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(script.as_bytes()).unwrap();
    drop(writer);
    let mut input = Plain::new(Lines::new(reader.into()));
    let mut session = Session::new(target, &mut out, &mut err, &mut input, true);
    let (alarm, _bell) = std::io::pipe().unwrap();
    session.interrupt = Some(std::rc::Rc::new(alarm));
    shell::run(&mut session, "supervisor> ").unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn status_shows_what_was_asked_for_and_says_what_is_not_there() {
    let fake = Fake::playing(house);
    assert_snapshot!(transcript(&fake.url(), &["status", "status cat", "status g:* cat:cat", "status nope no:* g"]), @"");
}

#[test]
fn start_tells_each_result_and_the_last_failure_wins() {
    let fake = Fake::playing(house);
    let commands = ["start", "start cat", "start g:many_01", "start bad cat", "start nope no:*", "start g:* cat", "start cat all"];
    assert_snapshot!(transcript(&fake.url(), &commands), @"");
    assert_eq!(fake.calls().last().unwrap(), "startAllProcesses()");
}

#[test]
fn stop_signal_and_restart_tell_each_result() {
    let fake = Fake::playing(house);
    let commands = [
        "stop", "stop cat", "stop bad", "stop nope", "stop no:*", "stop g:", "stop all",
        "restart", "restart g:many_01", "restart cat",
        "signal", "signal HUP", "signal HUP cat", "signal FOO cat", "signal HUP bad nope", "signal HUP no:*", "signal HUP all",
    ];
    assert_snapshot!(transcript(&fake.url(), &commands), @"");
}

#[test]
fn clear_knows_no_groups() {
    let fake = Fake::playing(house);
    assert_snapshot!(transcript(&fake.url(), &["clear", "clear cat nope", "clear g:*", "clear all"]), @"");
}

#[test]
fn logs_are_shown_from_their_end() {
    let fake = Fake::playing(house);
    let commands = [
        "tail", "tail cat", "tail -5 cat stderr", "tail cat STDERR", "tail nope", "tail -x cat", "tail cat foo", "tail -f",
        "tail a b c d", "tail -5_0 cat", "tail --5 cat", "tail -99999999999 cat", "maintail", "maintail -7", "maintail x", "maintail -x", "maintail 1 2",
    ];
    assert_snapshot!(transcript(&fake.url(), &commands), @"");
    let asked: Vec<_> = fake.calls().into_iter().filter(|it| it.starts_with("read")).collect();
    assert_eq!(asked.join(" "), "");
}

#[test]
fn a_log_is_followed_and_a_missing_one_is_told_without_an_exit_code() {
    let fake = Fake::playing(house);
    let shown = transcript(&fake.url(), &["tail -f cat", "tail -f g:many_00 stderr", "maintail -f", "tail -f none"]);
    assert_snapshot!(shown.replace(&fake.url(), "URL"), @"");
}

#[test]
fn pids_come_one_per_line() {
    let fake = Fake::playing(house);
    assert_snapshot!(transcript(&fake.url(), &["pid", "pid all", "pid cat bad", "pid nope", "pid nope bad", "pid g:*"]), @"");
}

#[test]
fn groups_are_added_removed_and_brought_up_to_date() {
    let fake = Fake::playing(house);
    let commands = ["add", "add new cat nope", "remove bad g nope", "reread", "reread x", "avail", "avail x", "update", "update all", "update new nope", "update cat"];
    assert_snapshot!(transcript(&fake.url(), &commands), @"");
}

#[test]
fn the_server_itself_obeys() {
    let fake = Fake::playing(house);
    let commands = ["version", "version x", "shutdown", "shutdown x", "reload", "reload x", "open ftp://x", "open"];
    assert_snapshot!(transcript(&fake.url(), &commands), @"");
    assert_eq!(run("http://localhost:1", &format!("open {}", fake.url())).2, 0);
}

#[test]
fn what_is_no_command_is_shown_back() {
    let fake = Fake::playing(house);
    let commands = ["", "foo bar", "!ls", "-x", "help nope", "help help", "help fg", "?", "? pid", "quit", "EOF"];
    assert_snapshot!(transcript(&fake.url(), &commands), @"");
}

#[test]
fn foreground_needs_a_process_that_runs() {
    let fake = Fake::playing(house);
    let commands = ["fg", "fg a b", "fg nope", "fg bad", "fg cat"];
    assert_snapshot!(transcript(&fake.url(), &commands).replace(&fake.url(), "URL"), @"");
}

#[test]
fn lines_go_to_the_process_in_the_foreground() {
    let fake = Fake::playing(house);
    let target = Target { url: fake.url(), credentials: None };
    assert!(typed(target, "fg cat\nhello\nworld").ends_with("Exiting foreground\nsupervisor> \n"));
    let sent: Vec<_> = fake.calls().into_iter().filter(|it| it.starts_with("send")).collect();
    assert_eq!(sent, ["sendProcessStdin(cat, hello\n)", "sendProcessStdin(cat, world\n)"]);
}

#[test]
fn a_server_that_is_not_there_is_told_by_each_command_in_its_way() {
    let room = tempfile::tempdir().unwrap();
    let nowhere = format!("unix://{}/s.sock", room.path().display());
    let refused = format!("unix://{}", room.path().join("dead.sock").display());
    drop(std::os::unix::net::UnixListener::bind(room.path().join("dead.sock")).unwrap());
    let commands = ["status", "pid", "avail", "shutdown", "reload", "update"];
    let shown = transcript(&nowhere, &commands) + &transcript(&refused, &commands);
    assert_snapshot!(shown.replace(room.path().to_str().unwrap(), "ROOM"), @"");
    assert_snapshot!(transcript("ftp://x", &["status"]), @"");
}

#[test]
fn a_server_that_is_leaving_refuses_in_many_words() {
    let fake = Fake::playing(|_, _| Err(Fault::from(FaultCode::ShutdownState)));
    let commands = ["status", "avail", "reread", "update", "add x", "remove x", "shutdown", "reload"];
    assert_snapshot!(transcript(&fake.url(), &commands), @"");
    let late = Fake::playing(|method, parameters| match method {
        "getVersion" => house(method, parameters),
        _ => Err(Fault::from(FaultCode::ShutdownState)),
    });
    assert_snapshot!(transcript(&late.url(), &["start cat", "start g:*", "stop all", "clear cat", "tail cat"]), @"");
}

#[test]
fn a_server_of_another_kind_is_not_talked_to() {
    let newer = Fake::playing(|_, _| Ok(text("4.0")));
    assert_snapshot!(transcript(&newer.url(), &["version", "status"]), @"");
    let other = Fake::playing(|_, _| Err(Fault::from(FaultCode::UnknownMethod)));
    assert_snapshot!(transcript(&other.url(), &["version"]), @"");
    let odd = Fake::playing(|method, _| Ok(if method == "getVersion" { text("3.0") } else { Value::Int(1) }));
    assert_snapshot!(transcript(&odd.url(), &["status", "tail cat"]), @"");
}

#[test]
fn a_login_is_demanded_once_and_asked_for_where_someone_can_answer() {
    let fake = Fake::behind(house, Some("me:secret"));
    assert_snapshot!(transcript(&fake.url(), &["pid"]), @"");
    let target = Target { url: fake.url(), credentials: None };
    assert_snapshot!(typed(target, "me\nwrong\nme\nsecret\npid\n"), @"");
}

#[test]
fn the_shell_reads_a_pipe_and_prints_its_prompts() {
    let fake = Fake::playing(house);
    let target = || Target { url: fake.url(), credentials: None };
    assert_snapshot!(typed(target(), "pid\n\nfoo\nshutdown\nn\nshutdown\nyes\nreload\nquit\npid\n"), @"");
    fake.calls();
    assert_snapshot!(typed(target(), "shutdown\n"), @"");
    assert!(!fake.calls().contains(&"shutdown()".to_owned()));
}
