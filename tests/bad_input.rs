//! Mistakes of people and surprises of machines: each is named, none takes a neighbor down, none is a crash.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;

use e2e::disk::SmallDisk;
use e2e::house::House;
use e2e::http;
use e2e::program::Make;
use e2e::said::Said;
use e2e::wait::until;

/// The program beside the broken one, which must not notice anything.
const NEIGHBOR: &str = "[program:neighbor]\ncommand=cat\n";

fn configured(text: &str) -> (House, Said) {
    let house = House::empty(Make::under_test());
    house.write("supervisord.conf", text);
    let said = house.supervisord(&["-n", "-c", "supervisord.conf"]);
    (house, said)
}

#[test]
fn a_missing_file_is_named() {
    let house = House::empty(Make::under_test());
    let said = house.supervisord(&["-n", "-c", "no-such.conf"]).expect_code(2);
    said.expect_complaint(&["no-such.conf"]);
}

#[test]
fn an_unreadable_file_is_named() {
    if Make::is_original() {
        return; // Its interpreter may lie where the other user of this test cannot go.
    }
    let house = House::new(NEIGHBOR);
    let shut = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(house.path("supervisord.conf"), shut).expect("cannot shut the file");
    let mut command = house.command("supervisord");
    command.args(["-n", "-c", "supervisord.conf"]);
    if rustix::process::getuid().is_root() {
        command.uid(65534).gid(65534); // Nothing is unreadable to root.
    }
    let said = Said::from(command.output().expect("cannot run supervisord"));
    said.expect_complaint(&["supervisord.conf"]);
}

#[test]
fn a_directory_in_place_of_the_file_is_named() {
    let house = House::empty(Make::under_test());
    std::fs::create_dir(house.path("folder.conf")).expect("cannot make the folder");
    let said = house.supervisord(&["-n", "-c", "folder.conf"]);
    said.expect_complaint(&["folder.conf"]);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    if Make::is_original() {
        return; // It shows where in itself it failed.
    }
    let house = House::empty(Make::under_test());
    let garbage: Vec<u8> =
        (0_u32..100_000).map(|it| (it.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    std::fs::write(house.path("garbage.conf"), garbage).expect("cannot write the garbage");
    // Under the original's name it says the original's words, which name no file; under its own, more.
    let said = house.supervisord(&["-n", "-c", "garbage.conf"]).expect_code(2);
    said.expect_complaint(&["'utf-8' codec can't decode byte"]);
    let own = house.command("menshen").args(["-c", "garbage.conf"]).output().expect("cannot run menshen");
    Said::from(own).expect_code(2).expect_complaint(&["garbage.conf is not text"]);
    assert!(said.all().len() < 20_000, "the whole garbage was thrown back: {} bytes", said.all().len());
}

#[test]
fn a_file_without_its_main_section_is_refused() {
    let (_house, said) = configured("[program:cat]\ncommand=cat\n");
    said.expect_code(2).expect_complaint(&["supervisord"]);
}

#[test]
fn a_long_file_is_only_long() {
    let house = House::new(NEIGHBOR);
    let long = "; a comment that fills the file, for as long as ten million bytes take\n".repeat(150_000);
    let text = house.text("supervisord.conf") + &long;
    house.write("supervisord.conf", &text);
    let house = house.started();
    house.until_state("neighbor", "RUNNING");
}

#[test]
fn files_that_include_each_other_end_somewhere() {
    let house = House::new("[include]\nfiles=a.ini supervisord.conf\n");
    house.write("a.ini", "[include]\nfiles=b.ini\n[program:a]\ncommand=cat\n");
    house.write("b.ini", "[include]\nfiles=a.ini\n[program:b]\ncommand=cat\n");
    // An include in an included file is not followed: Supervisor's rule.
    let house = house.started();
    house.until_state("a", "RUNNING");
    assert_eq!(house.state("b"), "");
}

#[test]
fn each_wrong_value_is_named_with_its_section() {
    let cases = [
        ("startsecs=soon", "soon"),
        ("autorestart=perhaps", "perhaps"),
        ("stopsignal=HUPS", "HUPS"),
        ("user=nobody-of-that-name", "nobody-of-that-name"),
        ("stdout_logfile=/no/such/folder/x.log", "/no/such/folder"),
        ("stdout_logfile_maxbytes=many", "many"),
        ("environment=A", "'A'"),
        ("command=%(unknown)s", "unknown"),
        ("exitcodes=0,x", "x"),
    ];
    for (option, word) in cases {
        let command = if option.starts_with("command") { "" } else { "command=cat\n" };
        let (_house, said) = configured(&format!("[supervisord]\n[program:wrong]\n{command}{option}\n"));
        said.expect_code(2).expect_complaint(&["wrong", word]);
    }
}

#[test]
fn a_mistake_is_told_in_the_words_of_the_original() {
    let wrong = [
        "startsecs=soon",
        "user=nobody-of-that-name",
        "environment=A=b,,C=d",
        "umask=8",
        "process_name=a b",
        "numprocs=2",
        "nothing=1\n[program:y]",
        "[include]\nfiles={here}/more.conf",
    ];
    for line in wrong {
        let words = |make: Make| {
            let house = House::empty(make);
            house.write("more.conf", "[program:included]\n");
            house.write("wrong.conf", &format!("[supervisord]\n[program:x]\ncommand=cat\n{line}\n"));
            let said = house.supervisord(&["-n", "-c", "wrong.conf"]).expect_code(2);
            let first = said.err.lines().next().unwrap_or_default();
            first.replace(&house.here(), "HERE")
        };
        assert_eq!(words(Make::under_test()), words(Make::Original), "{line}");
    }
}

#[test]
fn wrong_words_on_the_command_line_are_named() {
    let house = House::new(NEIGHBOR);
    let cases: &[(&[&str], &str)] = &[
        (&["--bogus"], "--bogus"),
        (&["-n", "left", "over"], "left"),
        (&["-e", "shouting"], "shouting"),
        (&["-y", "many"], "many"),
        (&["-c"], "-c"),
    ];
    for (words, named) in cases {
        house.supervisord(words).expect_code(2).expect_complaint(&[named]);
    }
}

#[test]
fn a_program_that_cannot_be_started_says_why_and_hurts_nobody() {
    let cases = [
        ("command=/no/such/program", "can't find command '/no/such/program'"),
        ("command={here}/plain", "command at '{here}/plain' is not executable"),
        ("command={here}", "command at '{here}' is a directory"),
        ("command=/bin/sh -c 'never closed", "can't parse command"),
    ];
    for (command, reason) in cases {
        let house = House::new(&format!("[program:broken]\n{command}\nstartretries=0\n{NEIGHBOR}"));
        house.write("plain", "no program\n");
        let house = house.started();
        house.until_state("broken", "FATAL");
        house.until_state("neighbor", "RUNNING");
        let reason = reason.replace("{here}", &house.here());
        let spawnerr = house.info("broken", "spawnerr").unwrap_or_default().replace("&apos;", "'");
        assert!(spawnerr.contains(&reason), "{spawnerr}");
        let status = house.ctl(&["status"]).expect_code(3).out;
        assert!(status.contains(&reason), "{status}");
        house.until_logged(&reason);
    }
}

#[test]
fn a_directory_that_is_gone_is_named() {
    let house = House::new(&format!(
        "[program:lost]\ncommand=cat\ndirectory={{here}}/gone\nstartretries=0\nstderr_logfile={{here}}/lost.err\n{NEIGHBOR}"
    ))
    .started();
    house.until_state("lost", "FATAL");
    house.until_state("neighbor", "RUNNING");
    let told =
        [house.text("lost.err"), house.log(), house.info("lost", "spawnerr").unwrap_or_default()].concat();
    assert!(told.contains(&format!("{}/gone", house.here())), "{told}");
}

#[test]
fn a_script_without_an_interpreter_is_no_mystery() {
    let house = House::new(&format!(
        "[program:script]\ncommand={{here}}/script\nstartretries=0\nstderr_logfile={{here}}/script.err\n{NEIGHBOR}"
    ));
    let script = house.write("script", "#!/no/such/interpreter\n");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755))
        .expect("cannot make it executable");
    let house = house.started();
    house.until_state("script", "FATAL");
    house.until_state("neighbor", "RUNNING");
    let told = [house.text("script.err"), house.log(), house.info("script", "spawnerr").unwrap_or_default()]
        .concat();
    assert!(told.contains("couldn't exec"), "{told}");
}

#[test]
fn a_port_that_is_taken_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("cannot bind any port");
    let port = taken.local_addr().expect("a bound socket has an address").port();
    let (_house, said) = configured(&format!("[supervisord]\n[inet_http_server]\nport=127.0.0.1:{port}\n"));
    said.expect_code(2).expect_complaint(&["already listening"]);
}

#[test]
fn a_socket_path_that_is_too_long_is_refused() {
    if Make::is_original() {
        return; // It shows where in itself it failed.
    }
    let name = "long".repeat(40);
    let (_house, said) =
        configured(&format!("[supervisord]\n[unix_http_server]\nfile={{here}}/{name}.sock\n"));
    said.expect_code(2).expect_complaint(&[&name]);
}

#[test]
fn a_main_log_that_cannot_be_written_is_named() {
    if Make::is_original() {
        return; // It shows where in itself it failed.
    }
    let (house, said) =
        configured("[unix_http_server]\nfile={here}/s.sock\n[supervisord]\nlogfile=/proc/no-such.log\n");
    said.expect_complaint(&["/proc/no-such.log"]);
    assert!(!house.path("s.sock").exists(), "a start that fails leaves nothing behind");
}

#[test]
fn a_program_log_that_cannot_be_written_is_named_and_hurts_nobody() {
    if Make::is_original() {
        return; // It dies of it.
    }
    let house =
        House::new(&format!("[program:mute]\ncommand=cat\nstdout_logfile=/proc/no-such.log\n{NEIGHBOR}"))
            .started();
    house.until_state("neighbor", "RUNNING");
    house.until_logged("/proc/no-such.log");
}

#[test]
fn a_pidfile_that_cannot_be_written_is_told_and_borne() {
    let house = House::new(NEIGHBOR);
    let text = house.text("supervisord.conf");
    let lines =
        text.lines().map(|line| if line.starts_with("pidfile") { "pidfile=/proc/no-such.pid" } else { line });
    house.write("supervisord.conf", &lines.collect::<Vec<_>>().join("\n"));
    let house = house.started();
    house.until_state("neighbor", "RUNNING");
    house.until_logged("could not write pidfile");
}

#[test]
fn a_full_disk_stalls_one_log_and_nothing_else() {
    let mut house = House::new(&format!(
        "[program:flood]\ncommand=/bin/sh -c 'seq -f %%019.0f 1 20000; echo through > {{here}}/through; exec cat'\n\
         stdout_logfile={{here}}/disk/flood.log\n\
         [program:ticker]\ncommand=/bin/sh -c 'while :; do echo tick; sleep 0.05; done'\n\
         stdout_logfile={{here}}/tick.log\n{NEIGHBOR}"
    ));
    let Some(_disk) = SmallDisk::mounted(house.path("disk")) else {
        eprintln!("NOT TESTED: only root may mount the small disk of this test");
        return;
    };
    house.start();
    until("the disk is full", || {
        std::fs::metadata(house.path("disk/flood.log")).is_ok_and(|it| it.len() >= 60_000)
    });
    house.until_state("neighbor", "RUNNING");
    let before = house.bytes("tick.log").len();
    until("the other log grows", || house.bytes("tick.log").len() > before + 20);
    assert_eq!(
        house.ctl(&["restart", "neighbor"]).expect_code(0).out,
        "neighbor: stopped\nneighbor: started\n"
    );
    assert!(!house.log().contains("panic"), "{}", house.log());
    assert!(house.stopped().success());
}

#[test]
fn nonsense_on_the_socket_is_answered_or_dropped_and_forgotten() {
    let house = House::new(NEIGHBOR).started();
    house.until_state("neighbor", "RUNNING");
    let socket = house.path("s.sock");
    let bodies =
        ["", "<", "<methodCall>", "<?xml version='1.0'?><methodCall></methodCall>", "{\"json\": true}"];
    for body in bodies.iter().skip(1) {
        let answer = http::post(&socket, "/RPC2", body).expect("an answer");
        assert_eq!(answer.status, 400, "{body}");
    }
    let deep = format!(
        "<methodCall><methodName>x</methodName><params>{}",
        "<param><value><array><data>".repeat(20_000)
    );
    if !Make::is_original() {
        assert_eq!(http::post(&socket, "/RPC2", &deep).expect("an answer").status, 400);
    }
    for nonsense in
        [&b"\0\xff\r\n\r\n"[..], b"GET\r\n\r\n", b"POST /RPC2 HTTP/1.1\r\nContent-Length: -1\r\n\r\n"]
    {
        let mut stream = UnixStream::connect(&socket).expect("it listens");
        stream.write_all(nonsense).expect("it reads");
    }
    assert_eq!(house.state("neighbor"), "RUNNING");
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    if Make::is_original() {
        return; // It looks after such connections every half hour.
    }
    let house = House::new("[program:slow]\ncommand=cat\nstartsecs=2\nautostart=false\n").started();
    // Once before counting: a program that has run keeps its log open.
    house.ctl(&["start", "slow"]).expect_code(0);
    house.ctl(&["stop", "slow"]).expect_code(0);
    let daemon = house.daemon_pid();
    let before = e2e::proc::open_descriptors(daemon);
    let body = "<?xml version='1.0'?><methodCall><methodName>supervisor.startProcess</methodName><params><param><value>\
                <string>slow</string></value></param></params></methodCall>";
    let request = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for _ in 0..20 {
        let mut stream = UnixStream::connect(house.path("s.sock")).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
    }
    house.until_state("slow", "RUNNING");
    house.ctl(&["stop", "slow"]).expect_code(0);
    until("the connections are closed", || e2e::proc::open_descriptors(daemon) <= before);
}

#[test]
fn a_call_of_thousands_is_only_long() {
    if Make::is_original() {
        return; // It takes its time.
    }
    let house = House::new(NEIGHBOR).started();
    house.until_state("neighbor", "RUNNING");
    let call = "<value><struct><member><name>methodName</name><value><string>supervisor.startProcess</string></value>\
                </member><member><name>params</name><value><array><data><value><string>neighbor</string></value>\
                <value><boolean>0</boolean></value></data></array></value></member></struct></value>";
    let body = format!(
        "<?xml version='1.0'?><methodCall><methodName>system.multicall</methodName><params><param><value><array>\
         <data>{}</data></array></value></param></params></methodCall>",
        call.repeat(4000)
    );
    let mut stream = UnixStream::connect(house.path("s.sock")).expect("it listens");
    let head = format!("POST /RPC2 HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(body.as_bytes()).expect("it reads");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("it answers");
    assert_eq!(
        answer.matches("ALREADY_STARTED: neighbor").count(),
        4000,
        "{}",
        &answer[..answer.len().min(500)]
    );
    assert_eq!(house.state("neighbor"), "RUNNING");
}

#[test]
fn a_plugin_in_python_is_named_and_left_out() {
    if Make::is_original() {
        return; // It is Python itself.
    }
    let plugin =
        "[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory=supervisor_twiddler.rpcinterface:make\n";
    let house = House::new(&format!("{plugin}{NEIGHBOR}")).started();
    house.until_state("neighbor", "RUNNING");
    house.until_logged(
        "[rpcinterface:twiddler] supervisor.rpcinterface_factory: `supervisor_twiddler.rpcinterface:make`",
    );
}
