//! HTTPS, as real clients meet it: curl and openssl.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Stdio};

use e2e::certificate;
use e2e::house::House;
use e2e::http;
use e2e::said::Said;
use e2e::wait::until;

fn sections(port: u16, more: &str) -> String {
    format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\ncertfile={{here}}/box.pem\nkeyfile={{here}}/box.key\n\
         {more}\n[program:cat]\ncommand=cat\nstartsecs=0\n"
    )
}

/// A house with a certificate, not started.
fn house(more: &str) -> (House, u16) {
    let port = http::free_port();
    let house = House::new(&sections(port, more));
    certificate::make(house.folder(), "box", &["-days", "30"]);
    (house, port)
}

fn curl(house: &House, words: &[&str]) -> Said {
    Command::new("curl")
        .args(["-sS", "--max-time", "20"])
        .args(words)
        .current_dir(house.folder())
        .output()
        .unwrap()
        .into()
}

/// Whether a client that trusts this certificate alone is served.
fn trusts(house: &House, port: u16, name: &str) -> bool {
    let url = format!("https://localhost:{port}/ok.html");
    curl(house, &["--cacert", name, &url]).out == "OK"
}

#[test]
fn clients_are_served_so_that_nobody_can_read_along() {
    let (house, port) = house("");
    let house = house.started();
    house.until_state("cat", "RUNNING");
    let at = |path: &str| format!("https://localhost:{port}{path}");
    let trusted = |words: &[&str]| curl(&house, &[&["--cacert", "box.pem"], words].concat());
    let state = trusted(&[&at("/api/v1/processes/cat")]);
    assert!(state.out.contains("\"state\":\"RUNNING\""), "{state:?}");
    let stopped = trusted(&["-X", "POST", &at("/api/v1/processes/cat/stop")]);
    assert_eq!(stopped.out, "true", "{stopped:?}");
    // Several requests on one connection, and an answer of many records.
    let many = trusted(&[&at("/ok.html"), &at("/api/v1/openapi.json"), &at("/ok.html")]);
    assert!(many.out.starts_with("OK{") && many.out.ends_with("}\nOK") && many.out.len() > 20_000);
    for version in ["1.2", "1.3"] {
        let said = trusted(&[&format!("--tlsv{version}"), "--tls-max", version, &at("/ok.html")]);
        assert_eq!(said.out, "OK", "{version}: {said:?}");
    }
    // A log goes on for as long as its reader stays.
    std::fs::write(house.path("main.log"), "x".repeat(100)).unwrap();
    let followed = trusted(&["--max-time", "2", &at("/mainlogtail")]);
    assert!(followed.out.ends_with("xxx"), "{followed:?}");
    // Who does not trust it, or speaks in the clear, gets nothing.
    assert_eq!(curl(&house, &[&at("/ok.html")]).code, 60);
    let clear = curl(&house, &[&format!("http://localhost:{port}/ok.html")]);
    assert!(clear.code != 0 && clear.out.is_empty(), "{clear:?}");
    let old = trusted(&["--tls-max", "1.1", &at("/ok.html")]);
    assert!(old.code != 0, "{old:?}");
    let shown = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &format!("localhost:{port}"),
            "-CAfile",
            "box.pem",
            "-verify_return_error",
        ])
        .current_dir(house.folder())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let shown = Said::from(shown);
    assert!(shown.out.contains("Verify return code: 0 (ok)"), "{shown:?}");
    assert!(shown.out.contains("TLSv1.3"), "{shown:?}");
}

#[test]
fn a_session_is_kept_from_those_who_read_along() {
    let (house, port) = house("username=me\npassword=p");
    let house = house.started();
    let form = ["--data", "username=me&password=p", "-D", "-", "--cacert", "box.pem"];
    let said = curl(&house, &[&form[..], &[&format!("https://localhost:{port}/login")]].concat());
    let set = said.out.lines().find(|it| it.to_lowercase().starts_with("set-cookie: ")).unwrap_or_default();
    assert!(set.contains(&format!("__Host-menshen_session_{port}=")), "{said:?}");
    assert!(set.ends_with("Path=/; HttpOnly; SameSite=Strict; Secure"), "{said:?}");
}

#[test]
fn a_certificate_that_is_renewed_is_shown_without_being_told() {
    let (house, port) = house("");
    let house = house.started();
    assert!(trusts(&house, port, "box.pem"));
    certificate::make(house.folder(), "new", &["-days", "30"]);
    // Half of it: the old one goes on.
    std::fs::copy(house.path("new.key"), house.path("box.key")).unwrap();
    std::fs::copy(house.path("box.pem"), house.path("old.pem")).unwrap();
    until("the mistake is told", || {
        trusts(&house, port, "old.pem") && house.log().contains("the certificate of before is used")
    });
    std::fs::copy(house.path("new.pem"), house.path("box.pem")).unwrap();
    until("the new one is shown", || trusts(&house, port, "new.pem"));
    assert!(!trusts(&house, port, "old.pem"));
    house.until_logged("INFO [inet_http_server] ");
    house.until_logged("box.pem has been read anew");
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_at_the_start() {
    let without = |house: &House| std::fs::remove_file(house.path("box.pem")).unwrap();
    let with_nothing = |house: &House| drop(house.write("box.pem", "hello"));
    let with_no_key = |house: &House| drop(std::fs::copy(house.path("box.pem"), house.path("box.key")));
    let with_another = |house: &House| {
        certificate::make(house.folder(), "other", &[]);
        std::fs::copy(house.path("other.key"), house.path("box.key")).unwrap();
    };
    refused(without, "box.pem: No such file or directory");
    refused(with_nothing, "there is no certificate in ");
    refused(with_no_key, "there is no private key in ");
    refused(with_another, "cannot be used with the certificate in ");
}

/// That a house that has been spoiled like this does not start, and says why.
#[track_caller]
fn refused(spoil: impl FnOnce(&House), wanted: &str) {
    let (house, _) = house("");
    spoil(&house);
    let said = house.supervisord(&["-n", "-c", "supervisord.conf"]);
    assert!(said.code != 0 && said.all().contains("[inet_http_server] "), "{said:?}");
    assert!(said.all().contains(wanted), "{said:?}");
}

#[test]
fn a_reload_with_a_wrong_certificate_is_refused_and_everything_runs_on() {
    let (house, port) = house("");
    let house = house.started();
    house.until_state("cat", "RUNNING");
    let pid = house.pid_of("cat");
    house.write("box.pem", "nothing");
    let said = house.ctl(&["reload"]);
    assert!(said.all().contains("CANT_REREAD") || said.all().contains("there is no certificate"), "{said:?}");
    assert_eq!(house.pid_of("cat"), pid);
    let url = format!("https://localhost:{port}/ok.html");
    assert_eq!(curl(&house, &["-k", &url]).out, "OK");
}

#[test]
fn our_own_clients_speak_in_secret_with_whom_they_trust() {
    let (house, port) = house("username=me\npassword=p");
    let house = house.started();
    let client = |program: &str, ca: &str, words: &[&str]| -> Said {
        let mut command = house.command(program);
        command.args(["-s", &format!("https://127.0.0.1:{port}"), "-u", "me", "-p", "p"]).args(words);
        command.env("SSL_CERT_FILE", ca).output().unwrap().into()
    };
    certificate::make(house.folder(), "other", &[]);
    for (words, wanted) in [
        (&["stop", "cat"][..], "cat: stopped\n"),
        (&["start", "cat"], "cat: started\n"),
        (&["pid"], &format!("{}\n", house.pid())),
    ] {
        assert_eq!(client("supervisorctl", "box.pem", words).out, wanted, "{words:?}");
    }
    let status = client("menshen", "box.pem", &["status"]);
    assert!(status.code == 0 && status.out.contains("RUNNING"), "{status:?}");
    let refused = client("menshen", "other.pem", &["status"]);
    assert!(
        refused.code == 3 && refused.err.contains("cannot be spoken to in secret: invalid peer certificate")
    );
    assert!(refused.err.contains("SSL_CERT_FILE=FILE"), "{refused:?}");
    let refused = client("supervisorctl", "other.pem", &["status"]);
    assert!(refused.code != 0 && refused.out.contains("invalid peer certificate"), "{refused:?}");
}
