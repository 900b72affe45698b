//! A person at a terminal. What is said here of `supervisorctl` (a prompt, questions, keys) is true of the original, too.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use e2e::house::House;
use e2e::program::Make;
use e2e::terminal::talk;

const PROGRAMS: &str = "\
[program:cat]
command=cat
startsecs=0
stdout_logfile={here}/cat.log
[program:ticker]
command=/bin/sh -c 'while :; do echo tick; sleep 0.05; done'
startsecs=0
stdout_logfile={here}/tick.log
";

/// Ctrl-C.
const INTERRUPT: &str = "\u{3}";

/// The end of input.
const END: &str = "\u{4}";

fn house() -> House {
    let house = House::new(PROGRAMS).started();
    house.until_state("cat", "RUNNING");
    house.until_state("ticker", "RUNNING");
    house
}

fn ctl(house: &House, terminal: &str, words: &[&str]) -> Command {
    let mut command = house.command("supervisorctl");
    command.args(["-c", "supervisord.conf"]).args(words).env("TERM", terminal);
    command
}

#[test]
fn interrupts_and_ends_leave_the_prompt() {
    let house = house();
    for terminal in ["xterm", "dumb"] {
        for key in [INTERRUPT, END] {
            let said = talk(&ctl(&house, terminal, &[]), &[("", "supervisor> "), (key, "")]);
            assert_eq!(said.code, 0, "{terminal} {key:?}: {said:?}");
            assert!(said.out.ends_with('\n'), "{said:?}");
        }
    }
}

#[test]
fn what_cannot_be_undone_is_asked_first() {
    let house = house();
    let steps = [
        ("", "supervisor> "),
        ("shutdown\n", "Really shut the remote supervisord process down y/N? "),
        ("n\n", "supervisor> "),
        ("reload\n", "Really restart the remote supervisord process y/N? "),
        ("\n", "supervisor> "),
        ("quit\n", ""),
    ];
    assert_eq!(talk(&ctl(&house, "xterm", &[]), &steps).code, 0);
    let pid = house.pid_of("cat");
    assert_eq!(house.state("cat"), "RUNNING");
    let steps = [("", "supervisor> "), ("shutdown\n", "y/N? "), ("y\n", "Shut down"), ("quit\n", "")];
    assert_eq!(talk(&ctl(&house, "xterm", &[]), &steps).code, 0);
    e2e::wait::until("all is stopped", || !e2e::proc::is_alive(pid));
}

#[test]
fn followers_end_at_an_interrupt_and_the_shell_goes_on() {
    let house = house();
    let once =
        talk(&ctl(&house, "xterm", &["tail", "-f", "ticker"]), &[("", "tick\r\ntick"), (INTERRUPT, "")]);
    assert_eq!(once.code, 0, "{once:?}");
    assert!(once.out.starts_with("==> Press Ctrl-C to exit <==\n"), "{once:?}");
    let steps = [
        ("", "supervisor> "),
        ("tail -f ticker\n", "tick\r\ntick"),
        (INTERRUPT, "supervisor> "),
        ("maintail -f\n", "success: ticker"),
        (INTERRUPT, "supervisor> "),
        ("pid cat\n", "supervisor> "),
        ("quit\n", ""),
    ];
    let said = talk(&ctl(&house, "xterm", &[]), &steps);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains(&format!("\n{}\n", house.pid_of("cat"))), "{said:?}");
}

#[test]
fn a_program_in_the_foreground_hears_and_is_left_by_an_interrupt() {
    let house = house();
    let steps = [
        ("", "==> Press Ctrl-C to exit <=="),
        ("hello\n", "hello\r\nhello"),
        (INTERRUPT, "Exiting foreground"),
    ];
    if !Make::is_original() {
        // The original's second thread keeps it for half a minute.
        let said = talk(&ctl(&house, "xterm", &["fg", "cat"]), &steps);
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(house.state("cat"), "RUNNING", "the interrupt was not for the program");
}

#[test]
fn who_is_asked_for_a_password_may_give_it() {
    let house = House::of(Make::under_test(), PROGRAMS);
    let text = house.text("supervisord.conf").replacen("s.sock\n", "s.sock\nusername=u\npassword=p\n", 1);
    house.write("supervisord.conf", &text);
    let mut house = house;
    house.start_with(&["-n", "-c", "supervisord.conf"]);
    house.until_logged("success: cat");
    let steps = [
        ("", "Username:"),
        ("u\n", "Password:"),
        ("p\n", "supervisor> "),
        ("pid nobody\n", "No such process nobody"),
        ("quit\n", ""),
    ];
    let said = talk(&ctl(&house, "xterm", &[]), &steps);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("Server requires authentication\nUsername:"), "{said:?}");
    assert!(!said.out.contains("Password:p"), "the password was shown: {said:?}");
}

#[test]
fn the_tab_key_completes_words_and_names() {
    let house = house();
    let steps =
        [("", "supervisor> "), ("stat\tca\t\n", "cat                              RUNNING"), ("quit\n", "")];
    assert_eq!(talk(&ctl(&house, "xterm", &[]), &steps).code, 0);
}

#[test]
fn a_follower_ends_with_the_pipe_it_writes_to() {
    if Make::is_original() {
        return; // It notices only sometimes.
    }
    let house = house();
    for words in [&["tail", "-f", "ticker"][..], &["maintail", "-f"]] {
        let mut child =
            ctl(&house, "dumb", words).stdout(Stdio::piped()).spawn().expect("cannot run supervisorctl");
        let mut reader = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        reader.read_line(&mut line).expect("it says something");
        assert_eq!(line, "==> Press Ctrl-C to exit <==\n");
        drop(reader);
        e2e::wait::until("it ends", || child.try_wait().expect("it is our child").is_some());
    }
}

/// What a stranger may have had a program write: colors, and then what would clear the screen, name the window, fill the
/// clipboard, ask the terminal to type its position, go to another screen and character set, and write over a line.
const BOMB: &[u8] = b"\x1b[31mred\x1b[0m \x1b[2J\x1b[1;1H\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x1b\\\x1b[6n\x1b[?1049h\x1b(0\x0e\
    harmless\rattack\x08\x9b2J\xc2\x9b2J\x00 gr\xc3\xbc\xc3\x9fe\r\nthe end\n";

/// How a person is to see it.
const DEFUSED: &str = "\x1b[31mred\x1b[0m \\x1b[2J\\x1b[1;1H\\x1b]0;owned\\x07\\x1b]52;c;ZXZpbA==\\x1b\\\\x1b[6n\\x1b[?1049h\\x1b(0\
    \\x0eharmless\\x0dattack\\x08";

fn bombed() -> House {
    let house = House::new(
        "[program:bomb]\ncommand=/bin/sh -c 'cat bomb; exec cat'\ndirectory={here}\nstdout_logfile={here}/bomb.log\n",
    );
    std::fs::write(house.path("bomb"), BOMB).expect("cannot write the bomb");
    let house = house.started();
    house.until_text("bomb.log", "the end");
    house
}

/// What a terminal gets when a command runs on it that is interrupted once it has shown `end`, or ends by itself.
fn terminal_gets(house: &House, program: &str, words: &[&str], end: &str) -> String {
    let command = house.command(program);
    let line = format!("{} -c supervisord.conf {}", command.get_program().display(), words.join(" "));
    house.write("typed", "");
    let mut script = Command::new("script");
    script
        .args(["-qfec", &line, "typed"])
        .current_dir(house.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut script = script.spawn().expect("cannot run script");
    let own = i32::try_from(script.id()).expect("a pid fits");
    e2e::wait::until(&format!("{end} is shown"), || {
        house.text("typed").contains(end) || script.try_wait().expect("it is our child").is_some()
    });
    for pid in e2e::proc::descendants(own) {
        e2e::proc::send(pid, rustix::process::Signal::INT);
    }
    e2e::wait::until("it ends", || script.try_wait().expect("it is our child").is_some());
    house.text("typed").replace("\r\n", "\n")
}

#[test]
fn what_a_program_writes_does_not_steer_the_terminal_of_who_looks() {
    if Make::is_original() {
        return; // It has no menshen.
    }
    let house = bombed();
    for words in [&["tail", "bomb"][..], &["tail", "-f", "bomb"], &["logs", "bomb"], &["logs", "-f", "bomb"]]
    {
        let shown = terminal_gets(&house, "menshen", words, "the end");
        for sequence in ["\x1b[2J", "\x1b]", "\x1b[?", "\x1b[6n", "\x1b(", "\x0e", "\x08", "\x07", "\0"] {
            assert!(!shown.contains(sequence), "{words:?}: {sequence:?} in {shown:?}");
        }
        assert!(shown.contains("gr\u{fc}\u{df}e"), "{words:?}: {shown:?}");
        // An answer of XML-RPC cannot hold such characters; there they are replaced before they come here.
        assert_eq!(shown.contains(DEFUSED), words.contains(&"-f"), "{words:?}: {shown:?}");
    }
    // The old client shows what it always showed.
    let shown = terminal_gets(&house, "supervisorctl", &["tail", "-f", "bomb"], "the end");
    assert!(shown.contains("\x1b]0;owned\x07"), "{shown:?}");
    // And whoever reads a pipe gets the bytes.
    let mut follower = house.command("menshen");
    follower.args(["-c", "supervisord.conf", "tail", "-f", "bomb"]).stdout(Stdio::piped());
    let mut follower = follower.spawn().expect("cannot run menshen");
    let mut got = vec![0; BOMB.len()];
    follower.stdout.take().expect("it is piped").read_exact(&mut got).expect("it shows the log");
    assert_eq!(got.escape_ascii().to_string(), BOMB.escape_ascii().to_string());
    e2e::proc::send(follower.id().try_into().expect("a pid fits"), rustix::process::Signal::INT);
    follower.wait().expect("it is our child");
}
