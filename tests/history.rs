//! What is remembered longer than the daemon lives.

use std::os::unix::net::UnixStream;

use e2e::disk::SmallDisk;
use e2e::house::House;
use e2e::http::exchange;
use e2e::proc;
use e2e::wait::until_some;
use rustix::process::Signal;
use serde_json::Value;

const SECTIONS: &str = "[program:mortal]
command=sh -c 'echo \"last words\" >&2; until [ -e {here}/end ]; do sleep 0.05; done; rm {here}/end; exit 3'
startsecs=0
";

/// A house that keeps a history.
fn house() -> House {
    let house = House::new(SECTIONS);
    house.configure_daemon("history_file={here}/history.db\nsample_interval=1\n");
    house
}

/// What is at a path of the JSON interface; its status when that is not 200.
fn ask(house: &House, path: &str) -> Result<Value, u16> {
    let stream = UnixStream::connect(house.path("s.sock")).expect("the server listens");
    let request = format!("GET /api/v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = exchange(stream, request.as_bytes()).expect("an answer");
    if answer.status == 200 {
        Ok(serde_json::from_slice(&answer.body).expect("an answer in JSON"))
    } else {
        Err(answer.status)
    }
}

/// The texts of what happened.
fn told(house: &House, path: &str) -> Vec<String> {
    let all = ask(house, path).expect("there is a history");
    all.as_array().expect("a list").iter().map(|it| it["text"].as_str().expect("words").to_owned()).collect()
}

/// Ends the program once, and waits until that is known.
fn die(house: &House) {
    let old = house.pid_of("mortal");
    house.write("end", "");
    house.until_reborn("mortal", old);
}

#[test]
fn a_history_outlives_the_daemon_and_the_supervisor() {
    let mut house = house();
    house.start();
    house.until_state("mortal", "RUNNING");
    die(&house);
    let exits = told(&house, "/processes/mortal/history?kinds=exit");
    assert_eq!(exits, ["exit status 3, which its exitcodes do not expect"]);

    let daemon = house.daemon_pid();
    proc::send(daemon, Signal::KILL);
    until_some("another daemon", || (house.daemon_pid() != daemon).then_some(()));
    house.until_answering();
    die(&house);
    assert_eq!(told(&house, "/processes/mortal/history?kinds=exit").len(), 2);
    let lives = told(&house, "/history?kinds=supervisor");
    assert!(lives.iter().any(|it| it.contains("replaced after its death")), "{lives:?}");

    assert_eq!(house.ctl(&["restart", "mortal"]).code, 0);
    let orders = told(&house, "/processes/mortal/history?kinds=action");
    let uid = format!("by uid={}", os_uid());
    assert!(orders.len() >= 2 && orders.iter().all(|it| it.contains(&uid)), "{orders:?}");

    assert!(house.stopped().success());
    house.start();
    house.until_state("mortal", "RUNNING");
    let why = until_some("the ends of earlier lives", || {
        let why = ask(&house, "/processes/mortal/why").ok()?;
        why["sentences"].to_string().contains("Its last child ended").then_some(why)
    });
    let exits = ask(&house, "/processes/mortal/exits").expect("a list");
    assert_eq!(exits.as_array().map(Vec::len), Some(4), "{exits}, {why}");
    assert_eq!(exits[0]["last_lines"][0], "last words");
    let lives = told(&house, "/history?kinds=supervisor");
    assert!(lives.contains(&"it has ended".to_owned()), "{lives:?}");
}

/// Who we are, as the kernel tells the server.
fn os_uid() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = status.lines().find_map(|it| it.strip_prefix("Uid:")).expect("a user");
    line.split_whitespace().next().expect("a number").to_owned()
}

#[test]
fn figures_are_kept_and_told_for_a_process_and_for_the_machine() {
    let house = house().started();
    house.until_state("mortal", "RUNNING");
    for (path, member) in [("/processes/mortal/figures", "memory_bytes"), ("/machine/figures", "load")] {
        until_some("figures of two looks", || {
            let points = ask(&house, path).expect("figures");
            let points = points.as_array().expect("a list");
            let is_whole = |it: &&Value| it["cpu_percent"].is_number() && it[member].is_number();
            (points.iter().filter(is_whole).count() > 0).then_some(())
        });
    }
    let month = ask(&house, "/processes/mortal/figures?since=-2592000").expect("figures");
    assert_eq!(month[0]["seconds"], 600, "what is unfinished is told, too");
    assert_eq!(ask(&house, "/history?kinds=nonsense"), Err(400));
    assert_eq!(ask(&house, "/history?since=yesterday"), Err(400));
}

#[test]
fn history_tells_it_in_lines_and_as_json() {
    let house = house().started();
    house.until_state("mortal", "RUNNING");
    die(&house);
    let menshen = |words: &[&str]| {
        let said = house.command("menshen").args(["-c", "supervisord.conf"]).args(words).output();
        let said = said.expect("it runs");
        let text =
            String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        (said.status.code(), text)
    };
    let (code, all) = menshen(&["history", "mortal"]);
    assert_eq!(code, Some(0), "{all}");
    let exit =
        all.lines().position(|it| it.contains("  mortal  exit       exit status 3, which")).expect("an exit");
    assert_eq!(all.lines().nth(exit + 1).map(str::trim), Some("last words"), "{all}");
    assert!(!all.contains("EXITED") && all.contains("state      RUNNING, pid"), "an end is told once: {all}");

    let (code, one) = menshen(&["history", "--kind", "exit,start", "-n", "1", "--since", "1h", "--json"]);
    let list: Value = serde_json::from_str(&one).unwrap_or_else(|_| panic!("{code:?}: {one}"));
    assert_eq!((list.as_array().map(Vec::len), &list[0]["kind"]), (Some(1), &Value::from("start")));

    let (code, nothing) = menshen(&["history", "nobody"]);
    assert_eq!(code, Some(4), "{nothing}");
    let (code, wrong) = menshen(&["history", "--since", "yesterday"]);
    assert!(code == Some(2) && wrong.contains("`30m`"), "{code:?}: {wrong}");
    let (code, wrong) = menshen(&["history", "--kind", "crash"]);
    assert!(code == Some(2) && wrong.contains("exit"), "{code:?}: {wrong}");
}

#[test]
fn without_a_history_all_else_works() {
    let house = House::new(SECTIONS).started();
    house.until_state("mortal", "RUNNING");
    assert_eq!(ask(&house, "/history"), Err(404));
    assert_eq!(ask(&house, "/machine/figures"), Err(404));
    assert_eq!(ask(&house, "/supervisor").expect("an answer")["history"], false);
    let said =
        house.command("menshen").args(["-c", "supervisord.conf", "history"]).output().expect("it runs");
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("`history_file` in [supervisord]"));
}

#[test]
fn a_file_that_is_no_history_is_set_aside_and_nothing_stops() {
    let house = house();
    house.write("history.db", "this is not a database, and it never was one\n");
    let house = house.started();
    house.until_state("mortal", "RUNNING");
    house.until_logged("is no history that can be read");
    die(&house);
    assert_eq!(told(&house, "/processes/mortal/history?kinds=exit").len(), 1);
}

#[test]
fn a_full_disk_is_remembered_for_and_written_when_there_is_room() {
    let house = House::new(SECTIONS);
    house.configure_daemon("history_file={here}/small/history.db\nsample_interval=1\n");
    let Some(_disk) = SmallDisk::of(house.path("small"), "1m") else { return };
    let mut house = house.started();
    house.until_state("mortal", "RUNNING");
    die(&house);
    // More than there is room for: it stops where the disk is full.
    drop(std::fs::write(house.path("small/filler"), vec![1; 2 << 20]));
    for _ in 0..3 {
        die(&house);
    }
    house.until_logged("it is kept in memory");
    assert_eq!(
        told(&house, "/processes/mortal/history?kinds=exit").len(),
        4,
        "from the disk and from memory"
    );
    std::fs::remove_file(house.path("small/filler")).expect("it is there");
    house.until_logged("history.db again");
    assert!(house.stopped().success());
    house.start();
    assert_eq!(
        told(&house, "/processes/mortal/history?kinds=exit").len(),
        5,
        "with the end of the last life"
    );
}

#[test]
fn a_wrong_option_is_told_with_its_place_and_a_remedy() {
    let house = House::new(SECTIONS);
    house.configure_daemon("history_file={here}/history.db\nhistory_maxbytes=10KB\nsample_interval=often\n");
    let said = house.command("menshen").args(["-c", "supervisord.conf", "check"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(text.contains("too small for a history") && text.contains("`1MB`"), "{text}");
    assert!(text.contains("no whole number of seconds") && text.contains("write `5`"), "{text}");
}
