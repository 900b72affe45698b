//! Event listeners: those people have, and those nobody should have.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use e2e::house::House;
use e2e::program::{Make, original_program, original_python};
use e2e::wait::{until, watch_for};

/// The section of a listener.
fn pool(name: &str, events: &str, command: &str) -> String {
    format!(
        "[eventlistener:{name}]\nevents={events}\ncommand={command}\nstderr_logfile={{here}}/{name}.err\n\
         stdout_logfile={{here}}/{name}.out\n"
    )
}

/// A program that stays.
const CAT: &str = "[program:cat]\ncommand=cat\n";

/// A listener on the original's own library: tells each event in a file.
const TELLER: &str = "\
import sys
from supervisor import childutils
out = open(sys.argv[1], 'a', encoding='utf-8')
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    assert len(payload) == int(headers['len'])
    out.write('%(serial)s %(pool)s %(poolserial)s %(eventname)s ' % headers + repr(payload) + '\\n')
    out.flush()
    childutils.listener.ok(sys.stdout)
";

/// A house with a `teller.py` and an executable `sendmail` that keeps what it gets in `mail`.
fn house(sections: &str) -> House {
    let house = House::new(sections);
    house.write("teller.py", TELLER);
    let sendmail = house.write("sendmail", "#!/bin/sh\ncat >>{here}/mail\n");
    let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sendmail, runnable).expect("cannot make the script runnable");
    house
}

fn teller(name: &str, events: &str) -> String {
    let python = original_python().display().to_string();
    pool(name, events, &format!("{python} {{here}}/teller.py {{here}}/{name}.told"))
}

#[test]
fn a_python_listener_hears_the_start_in_order() {
    let house = house(&format!("{}[program:cat]\ncommand=cat\n", teller("ear", "EVENT"))).started();
    house.until_text("ear.told", "PROCESS_STATE_RUNNING 'processname:cat");
    let told = house.text("ear.told");
    let lines: Vec<_> = told.lines().collect();
    let pid = house.pid_of("cat");
    assert_eq!(lines[0], r"0 ear 0 PROCESS_GROUP_ADDED 'groupname:ear\n'");
    assert_eq!(lines[1], r"1 ear 1 PROCESS_GROUP_ADDED 'groupname:cat\n'");
    assert_eq!(lines[2], "2 ear 2 SUPERVISOR_STATE_CHANGE_RUNNING ''");
    let starting = "PROCESS_STATE_STARTING 'processname:ear groupname:ear from_state:STOPPED tries:0'";
    assert_eq!(lines[3], format!("3 ear 3 {starting}"));
    let running =
        format!("PROCESS_STATE_RUNNING 'processname:cat groupname:cat from_state:STARTING pid:{pid}'");
    assert!(told.contains(&running), "{told}");
}

#[test]
fn what_programs_and_clients_say_is_told() {
    let talker = "[program:talker]\ncommand=/bin/sh -c 'sleep 2; cat words; exec cat'\n\
                  stdout_capture_maxbytes=1MB\nstdout_events_enabled=true\nstdout_logfile={here}/talker.log\n";
    let events = "PROCESS_LOG,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION";
    let house = house(&format!("{}{talker}", teller("ear", events)));
    house.write("words", "gr\u{fc}\u{df}e\n<!--XSUPERVISOR:BEGIN-->hello<!--XSUPERVISOR:END-->");
    let house = house.started();
    house.until_text("ear.told", "PROCESS_COMMUNICATION_STDOUT");
    let pid = house.pid_of("talker");
    let told = house.text("ear.told");
    assert!(
        told.contains(&format!(
            r"PROCESS_COMMUNICATION_STDOUT 'processname:talker groupname:talker pid:{pid}\nhello'"
        )),
        "{told}"
    );
    let log = format!(
        r"PROCESS_LOG_STDOUT 'processname:talker groupname:talker pid:{pid} channel:stdout\ngr{}e",
        "\u{fc}\u{df}"
    );
    assert!(told.contains(&log), "{told}");
    let answer = house.call("supervisor.sendRemoteCommEvent", &["kind", "some data"]).unwrap_or_default();
    assert!(answer.contains("<boolean>1</boolean>"), "{answer}");
    house.until_text("ear.told", r"REMOTE_COMMUNICATION 'type:kind\nsome data'");
}

#[test]
fn a_shell_script_can_listen() {
    let house = house(&format!("{}{CAT}", pool("ear", "PROCESS_STATE", "/bin/bash {here}/ear.sh")));
    house.write(
        "ear.sh",
        "while printf 'READY\\n' && read -r header; do\n  echo \"$header\" >>heard\n  \
         read -r -N \"${header##*len:}\" payload\n  echo \"$payload\" >>heard\n  printf 'RESULT 2\\nOK'\ndone\n",
    );
    let house = house.started();
    house.until_text("heard", "processname:cat groupname:cat from_state:STARTING pid:");
    assert!(
        house
            .text("heard")
            .starts_with("ver:3.0 server:supervisor serial:0 pool:ear poolserial:0 eventname:")
    );
    house.ctl(&["stop", "cat"]).expect_code(0);
    house.until_text("heard", "eventname:PROCESS_STATE_STOPPED");
}

#[test]
fn a_crash_is_mailed_and_an_expected_end_is_not() {
    let crashmail = original_program("crashmail").display().to_string();
    let command = format!("{crashmail} -p cat -p done -m me@example.com -s {{here}}/sendmail");
    let done = "[program:done]\ncommand=/bin/sh -c 'sleep 1.2'\nautorestart=unexpected\n";
    let house = house(&format!("{}{CAT}{done}", pool("crashmail", "PROCESS_STATE", &command))).started();
    house.until_state("crashmail", "RUNNING");
    house.until_state("cat", "RUNNING");
    house.until_state("done", "EXITED");
    let pid = house.pid_of("cat");
    e2e::proc::send(pid, rustix::process::Signal::KILL);
    house.until_text("mail", &format!("Process cat in group cat exited unexpectedly (pid {pid})"));
    let mail = house.text("mail");
    assert!(mail.starts_with("To: me@example.com\nSubject:  cat crashed at "), "{mail}");
    assert_eq!(mail.matches("Subject:").count(), 1, "{mail}");
    house.until_reborn("cat", pid);
}

/// Takes 60 MB and stays.
const FAT: &str = "import sys\nmemory = bytearray(60_000_000)\nsys.stdin.read()\n";

#[test]
fn the_program_that_is_too_fat_is_restarted_and_no_other() {
    let memmon = original_program("memmon").display().to_string();
    let command = format!("{memmon} -p fat=40MB -p cat=40MB -m me@example.com -s {{here}}/sendmail");
    let fat = "[program:fat]\ncommand=python3 {here}/fat.py\n";
    let house = house(&format!("{}{CAT}{fat}", pool("memmon", "TICK_5", &command)));
    house.write("fat.py", FAT);
    let house = house.started();
    house.until_state("cat", "RUNNING");
    house.until_state("fat", "RUNNING");
    let (lean, pid) = (house.pid_of("cat"), house.pid_of("fat"));
    house.until_reborn("fat", pid);
    house.until_text("mail", "memmon.py restarted the process named fat");
    let mail = house.text("mail");
    assert!(mail.starts_with("To: me@example.com\nSubject: memmon"), "{mail}");
    assert!(mail.contains(": process fat:fat restarted\n"), "{mail}");
    assert_eq!(house.pid_of("cat"), lean, "it is not fat");
    assert!(!mail.contains("named cat"), "{mail}");
}

/// A site that answers with what its file `status` says.
const SITE: &str = "\
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(open('status').read()))
        self.end_headers()
        open('asked', 'a').write('asked\\n')
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Page).serve_forever()
";

#[test]
fn a_site_that_answers_badly_has_its_program_restarted() {
    let httpok = original_program("httpok").display().to_string();
    let port = e2e::http::free_port();
    let command =
        format!("{httpok} -p site -t 5 -m me@example.com -s {{here}}/sendmail http://127.0.0.1:{port}/");
    let site = format!("[program:site]\ncommand=python3 site.py {port}\ndirectory={{here}}\n");
    let house = house(&format!("{}autostart=false\n{CAT}{site}", pool("httpok", "TICK_5", &command)));
    house.write("site.py", SITE);
    house.write("status", "200");
    let house = house.started();
    house.until_state("site", "RUNNING");
    house.until_state("cat", "RUNNING");
    // To be RUNNING is a matter of time; whoever asks before it listens finds it ill.
    until("the site listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    house.ctl(&["start", "httpok"]).expect_code(0);
    let (well, pid) = (house.pid_of("cat"), house.pid_of("site"));
    house.until_text("asked", "asked");
    assert_eq!((house.text("mail").as_str(), house.pid_of("site")), ("", pid), "all was well");
    house.write("status", "500");
    house.until_reborn("site", pid);
    house.until_text("mail", "status contacting");
    let mail = house.text("mail");
    let subject =
        format!("To: me@example.com\nSubject: httpok: http://127.0.0.1:{port}/: bad status returned\n");
    assert!(mail.starts_with(&subject), "{mail}");
    assert!(mail.contains(&format!("status contacting http://127.0.0.1:{port}/: 500")), "{mail}");
    assert!(mail.contains("site is in RUNNING state, restarting"), "{mail}");
    assert_eq!(house.pid_of("cat"), well);
}

#[test]
fn a_site_that_does_not_answer_has_its_program_restarted() {
    let httpok = original_program("httpok").display().to_string();
    let command = format!("{httpok} -p cat -t 1 -m me@example.com -s {{here}}/sendmail http://127.0.0.1:1/");
    let house = house(&format!("{}{CAT}", pool("httpok", "TICK_5", &command))).started();
    house.until_state("cat", "RUNNING");
    let pid = house.pid_of("cat");
    house.until_reborn("cat", pid);
    house.until_text("mail", "cat is in RUNNING state, restarting");
}

/// A mail server for as many mails as it gets; they are sent into the channel.
fn mail_server() -> (String, std::sync::mpsc::Receiver<String>) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("cannot listen");
    let address = socket.local_addr().expect("it is bound").to_string();
    let (mails, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for client in socket.incoming().flatten() {
            // Nobody wants it when the test has ended.
            let _ = mails.send(take_mail(client).unwrap_or_default());
        }
    });
    (address, received)
}

fn take_mail(client: TcpStream) -> std::io::Result<String> {
    let mut answers = client.try_clone()?;
    let (mut mail, mut in_mail) = (String::new(), false);
    answers.write_all(b"220 hello\r\n")?;
    for line in BufReader::new(client).lines() {
        let line = line?;
        let answer = match (in_mail, line.as_str()) {
            (true, ".") => {
                in_mail = false;
                "250 taken\r\n"
            }
            (true, text) => {
                mail.push_str(text);
                mail.push('\n');
                continue;
            }
            (false, "data" | "DATA") => {
                in_mail = true;
                "354 go on\r\n"
            }
            (false, "quit" | "QUIT") => {
                answers.write_all(b"221 bye\r\n")?;
                return Ok(mail);
            }
            (false, _) => "250 fine\r\n",
        };
        answers.write_all(answer.as_bytes())?;
    }
    Ok(mail)
}

#[test]
fn mails_come_in_batches() {
    let (server, mails) = mail_server();
    let batch = |name: &str| {
        let program = original_program(name).display().to_string();
        let words = "--toEmail=me@example.com --fromEmail=you@example.com --tickEvent=TICK_5 --interval=0.05";
        pool(name, "PROCESS_STATE,TICK_5", &format!("{program} {words} --smtpHost={server}"))
    };
    let bad = "[program:bad]\ncommand=false\nstartretries=0\n[program:cat]\ncommand=cat\n";
    let house = house(&format!("{}{}{bad}", batch("fatalmailbatch"), batch("crashmailbatch"))).started();
    house.until_state("cat", "RUNNING");
    e2e::proc::send(house.pid_of("cat"), rustix::process::Signal::KILL);
    let wait = Duration::from_secs(40);
    let both = [mails.recv_timeout(wait), mails.recv_timeout(wait)].map(Result::unwrap_or_default).concat();
    assert!(both.contains("bad failed to start too many times"), "{both}");
    assert!(both.contains("Process cat:cat (pid "), "{both}");
    for line in [
        "To: me@example.com",
        "From: you@example.com",
        "Subject: Fatal start alert from supervisord",
        "Subject: Crash alert from supervisord",
    ] {
        assert!(both.contains(line), "{line}: {both}");
    }
}

/// Answers what it has not read: once it runs, and as long as events wait for it.
const LIAR: &str = "\
import sys, time
time.sleep(2)
while True:
    for words in 'READY\\n', 'RESULT 2\\nOK':
        sys.stdout.write(words)
        sys.stdout.flush()
        time.sleep(0.05)
";

#[test]
fn a_listener_that_never_reads_holds_up_nobody() {
    if Make::is_original() {
        return; // It dies of this.
    }
    let python = original_python().display().to_string();
    let liar = pool("liar", "PROCESS_LOG", &format!("{python} {{here}}/liar.py"));
    let noise = "[program:noise]\ncommand=/bin/sh -c 'yes | head -c 8000000; exec cat'\n\
                 stdout_events_enabled=true\nstdout_logfile={here}/noise.log\n";
    let house = house(&format!("{liar}{}{noise}{CAT}", teller("ear", "PROCESS_STATE")));
    house.write("liar.py", LIAR);
    let conf = house.text("supervisord.conf").replace("loglevel=info", "loglevel=debug");
    house.write("supervisord.conf", &conf);
    let house = house.started();
    house.until_state("cat", "RUNNING");
    until("all noise is in the log", || house.bytes("noise.log").len() >= 8_000_000);
    house.until_logged("in the standard input of listener liar, which does not read; it is tried again");
    // It never reads, so whoever were held up by it would be so for ever.
    house.ctl(&["restart", "cat"]).expect_code(0);
    house.until_text("ear.told", "PROCESS_STATE_STOPPED 'processname:cat");
}

#[test]
fn a_banner_is_told_and_mended_and_then_left_alone() {
    if Make::is_original() {
        return; // It leaves such a listener alone at once, and does not tell what it said.
    }
    let banner = pool("banner", "EVENT", "/bin/sh -c 'echo Welcome to the listener; exec cat'");
    let house = house(&format!("{banner}{CAT}{}", teller("ear", "PROCESS_STATE"))).started();
    house.until_logged(
        "WARN banner: sent b'Welcome to the listener\\n', which is not part of the eventlistener protocol in \
         state ACKNOWLEDGED",
    );
    house.until_logged(
        "WARN banner: has entered the UNKNOWN state and will no longer receive events, this usually indicates the \
         process violated the eventlistener protocol",
    );
    house.until_logged("WARN banner: is left in the UNKNOWN state; it was restarted 3 times");
    house.until_state("banner", "RUNNING");
    house.until_text("ear.told", "PROCESS_STATE_EXITED 'processname:banner");
}

#[test]
fn an_answer_without_end_is_none() {
    let greedy = pool("greedy", "TICK_5", "/bin/bash {here}/greedy.sh");
    let house = house(&format!("{greedy}{CAT}{}", teller("ear", "TICK_5")));
    house.write("greedy.sh", "printf 'READY\\n'; read -r line; printf 'RESULT 99999999\\n'; exec cat\n");
    let house = house.started();
    if !Make::is_original() {
        house.until_logged("WARN greedy: bad result line: 'RESULT 99999999'");
        house.until_logged("WARN greedy: is killed so that it begins anew");
    }
    until("others hear the ticks", || house.text("ear.told").lines().count() >= 2);
}

#[test]
fn a_listener_that_always_fails_keeps_nobody_busy() {
    let sulky = pool("sulky", "EVENT", "/bin/bash {here}/sulky.sh");
    let house = house(&format!("{sulky}{CAT}{}", teller("ear", "PROCESS_STATE")));
    house.write(
        "sulky.sh",
        "while printf 'READY\\n' && read -r header; do\n  read -r -N \"${header##*len:}\" payload\n  \
         printf 'RESULT 4\\nFAIL'\ndone\n",
    );
    let house = house.started();
    house.until_logged("WARN sulky: event was rejected");
    house.until_text("ear.told", "RUNNING 'processname:cat");
    let rejections = || house.log().matches("sulky: event was rejected").count();
    let (before, began) = (rejections(), Instant::now());
    // The truth is that little happens, so there is nothing to wait for.
    watch_for(Duration::from_secs(3));
    if !Make::is_original() {
        // Two more than the seconds that have passed: one for each end of the window.
        let seconds = usize::try_from(began.elapsed().as_secs()).expect("a few");
        assert!(rejections() - before <= seconds + 2, "an event is tried again once a second");
    }
    // Whoever were held up by it would be so for ever.
    house.ctl(&["restart", "cat"]).expect_code(0);
    let times = || house.text("ear.told").matches("PROCESS_STATE_RUNNING 'processname:cat").count();
    until("the other pool hears of the restart", || times() >= 2);
    assert_eq!(times(), 2, "an event that one pool rejects is no business of another");
}

#[test]
fn a_listener_that_dies_with_an_event_gives_it_back() {
    let frail = pool("frail", "PROCESS_STATE_STOPPED", "/bin/bash {here}/frail.sh");
    let house = house(&format!("{frail}{CAT}"));
    house.write(
        "frail.sh",
        "printf 'READY\\n'; read -r header; echo \"$header\" >>heard\n[ -e once ] || { touch once; exit 1; }\n\
         read -r -N \"${header##*len:}\" payload; echo \"$payload\" >>heard; printf 'RESULT 2\\nOK'; exec cat\n",
    );
    let house = house.started();
    house.until_state("frail", "RUNNING");
    house.until_state("cat", "RUNNING");
    house.ctl(&["stop", "cat"]).expect_code(0);
    house.until_text("heard", "processname:cat groupname:cat from_state:STOPPING");
    let heard = house.text("heard");
    assert_eq!(heard.matches("serial:0 pool:frail poolserial:0 eventname:PROCESS_STATE_STOPPED").count(), 2);
}

#[test]
fn the_debug_log_shows_the_conversation() {
    let house = house(&format!("{}{CAT}", teller("ear", "PROCESS_STATE")));
    let conf = house.text("supervisord.conf").replace("loglevel=info", "loglevel=debug");
    house.write("supervisord.conf", &conf);
    let house = house.started();
    for line in [
        "DEBG 'ear' stdout output:\nb'READY\\n'",
        "DEBG ear: ACKNOWLEDGED -> READY",
        "DEBG event 0 sent to listener ear",
        "DEBG ear: event was processed",
        "DEBG ear: BUSY -> ACKNOWLEDGED",
    ] {
        house.until_logged(line);
    }
}
