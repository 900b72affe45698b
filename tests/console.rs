//! The pages for people, as a browser without a script meets them: looking, acting, and who may not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::TcpStream;

use e2e::house::House;
use e2e::http::{self, Answer};
use e2e::wait::until;

/// A house with a server on a port of its own, and a program that runs and one that does not.
fn house(server: &str, more: &str) -> (House, u16) {
    let port = http::free_port();
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n{server}\n\
         [program:idle]\ncommand=sleep 600\nautostart=false\nstartsecs=0\n\
         [program:busy]\ncommand=sleep 600\nstartsecs=0\n{more}"
    ));
    let house = house.started();
    house.until_state("busy", "RUNNING");
    (house, port)
}

/// One request with these headers and this body.
fn ask(port: u16, request: &str, headers: &str, body: &str) -> Answer {
    let host = if headers.contains("Host:") { String::new() } else { format!("Host: 127.0.0.1:{port}\r\n") };
    let text = format!(
        "{request} HTTP/1.1\r\n{host}{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    http::exchange(TcpStream::connect(("127.0.0.1", port)).unwrap(), text.as_bytes()).unwrap()
}

fn page(port: u16, path: &str) -> Answer {
    ask(port, &format!("GET {path}"), "", "")
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn post(port: u16, headers: &str, body: &str) -> Answer {
    ask(port, "POST /act", &format!("{FORM}{headers}"), body)
}

/// What the forms of the pages bring back.
fn token(port: u16) -> String {
    let html = page(port, "/").text();
    let (_, after) = html.split_once("name=\"token\" value=\"").unwrap();
    after.split('"').next().unwrap().to_owned()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let lines = answer.head.lines().filter_map(|it| it.split_once(": "));
    lines.into_iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[test]
fn every_page_is_whole_and_forbids_what_is_not_ours() {
    let (_house, port) = house("", "");
    for path in ["/", "/index.html", "/process?name=busy", "/events", "/machine", "/listeners", "/plan"] {
        let answer = page(port, path);
        assert_eq!(answer.status, 200, "{path}");
        let policy = header(&answer, "Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        let html = answer.text();
        for word in ["http:", "https:", "<style", " style=", " onclick=", "<script>"] {
            assert!(!html.contains(word), "{path}: {word}");
        }
        let linked = html.split('"').filter(|it| it.starts_with("/assets/"));
        for path in linked.collect::<std::collections::BTreeSet<_>>() {
            let asset = page(port, path);
            assert_eq!(asset.status, 200, "{path}");
            assert!(header(&asset, "Cache-Control").unwrap().contains("immutable"));
        }
    }
    assert_eq!(page(port, "/process?name=nobody").status, 404);
    assert_eq!(page(port, "/assets/console.js").status, 404);
}

#[test]
fn the_pages_need_no_interface_of_xml_rpc() {
    let port = http::free_port();
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n[program:busy]\ncommand=sleep 600\nstartsecs=0\n"
    ));
    let with = house.text("supervisord.conf");
    let without = with.lines().filter(|it| !it.contains("rpcinterface")).collect::<Vec<_>>().join("\n");
    house.write("supervisord.conf", &without);
    let mut house = house;
    house.start_with(&["-n", "-c", "supervisord.conf"]);
    until("the page shows that it runs", || {
        let answer = http::get(port, "/", None).ok();
        answer.is_some_and(|it| it.status == 200 && it.text().contains("RUNNING"))
    });
    assert_eq!(page(port, "/process?name=busy").status, 200);
    assert_eq!(page(port, "/api/v1/processes").status, 200);
    let token = token(port);
    assert_eq!(post(port, "", &format!("token={token}&back=%2F&stop=busy")).status, 303);
    until("it is stopped", || page(port, "/").text().contains("STOPPED"));
    let answer = house.call("supervisor.getState", &[]).unwrap_or_default();
    assert!(answer.contains("UNKNOWN_METHOD"), "{answer}");
}

#[test]
fn a_form_of_ours_acts_and_says_what_came_of_it() {
    let (house, port) = house("", "");
    let token = token(port);
    let answer = post(port, "", &format!("token={token}&back=%2F%3Fsort%3Dstate&start=idle"));
    assert_eq!((answer.status, header(&answer, "Location")), (303, Some("/?sort=state")));
    house.until_state("idle", "RUNNING");
    let cookie = header(&answer, "Set-Cookie").unwrap().split(';').next().unwrap();
    let told = ask(port, "GET /", &format!("Cookie: {cookie}\r\n"), "").text();
    assert!(told.contains("<p class=\"good\">Started idle.</p>"));

    post(port, "", &format!("token={token}&selected=idle&selected=busy&bulk=stop"));
    house.until_state("idle", "STOPPED");
    house.until_state("busy", "STOPPED");
    let json = post(port, "Accept: application/json\r\n", &format!("token={token}&start=busy")).text();
    assert_eq!(json, "{\"ok\":true,\"message\":\"Started busy.\"}");
    // Nobody is led away from here.
    for away in ["https://example.org/", "//example.org/", "/\\example.org"] {
        let answer = post(port, "", &format!("token={token}&back={away}&start=busy"));
        assert_eq!(header(&answer, "Location"), Some("/"), "{away}");
    }
}

#[test]
fn what_does_not_come_from_a_page_of_ours_changes_nothing() {
    let (house, port) = house("", "");
    let good = format!("token={}&stop=busy", token(port));
    let forged = [
        ("", "stop=busy".to_owned()),
        ("", "token=0123456789012345678901234567890123456789&stop=busy".to_owned()),
        ("Origin: http://evil.example\r\n", good.clone()),
        ("Origin: null\r\n", good.clone()),
        ("Sec-Fetch-Site: cross-site\r\n", good.clone()),
        ("Host: evil.example:80\r\n", good.clone()),
    ];
    for (headers, body) in &forged {
        assert_eq!(post(port, headers, body).status, 403, "{headers}{body}");
    }
    let plain = ask(port, "POST /act", "Content-Type: text/plain\r\n", &good);
    assert_eq!(plain.status, 403);
    assert_eq!(page(port, "/act?stop=busy").status, 400);
    assert_eq!(page(port, "/index.html?processname=busy&action=stop").status, 200);
    assert_eq!(house.state("busy"), "RUNNING");
    let origin = format!("Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(post(port, &origin, &good).status, 303);
    house.until_state("busy", "STOPPED");
}

#[test]
fn the_addresses_of_the_original_work_where_they_are_asked_for() {
    let (house, port) = house("web_compat=true", "[program:says]\ncommand=sh -c 'echo hello; sleep 600'\n");
    let moved = |path: &str| {
        let answer = page(port, path);
        assert_eq!(answer.status, 301, "{path}");
        header(&answer, "Location").unwrap().to_owned()
    };
    let told = |message: &str| format!("http://127.0.0.1:{port}/?message={message}");
    assert_eq!(moved("/index.html?processname=busy&action=stop"), told("Process%20busy%20stopped"));
    house.until_state("busy", "STOPPED");
    let again = moved("/index.html?processname=busy&action=stop");
    assert_eq!(again, told("unexpected%20rpc%20fault%20%5B70%5D%20NOT_RUNNING%3A%20busy"));
    assert_eq!(moved("/?processname=busy&action=start"), told("Process%20busy%20started"));
    house.until_state("busy", "RUNNING");
    assert_eq!(moved("/?processname=nobody&action=start"), told("No%20such%20process%20named%20nobody"));
    assert_eq!(moved("/?processname=busy&action=restart"), told("Process%20busy%20restarted"));
    assert_eq!(moved("/?processname=busy&action=clearlog"), told("Log%20for%20busy%20cleared"));
    assert!(moved("/?action=refresh").starts_with(&told("Page%20refreshed%20at%20")));
    assert_eq!(page(port, "/?action=dance").status, 500);
    assert_eq!(page(port, "/?action=stop").status, 500);
    let posted = ask(port, "POST /index.html", FORM, "processname=busy&action=stop");
    assert_eq!(posted.status, 301);
    house.until_state("busy", "STOPPED");

    until("the program has spoken", || {
        let tail = page(port, "/tail.html?processname=says").text();
        assert!(tail.contains("<title>Supervisor tail of process says"));
        tail.contains("<pre>hello\n</pre>")
    });
    assert!(page(port, "/tail.html").text().contains("No process name found"));
    let (_plain, port) = self::house("", "");
    let answer = page(port, "/tail.html?processname=busy");
    assert_eq!((answer.status, header(&answer, "Location")), (303, Some("/process?name=busy")));
}

#[test]
fn what_programs_say_and_are_called_stays_text() {
    let odd = "<b>&\"'%%|;ü门@#$!(){}[]^`~+=,.?*";
    let sections = format!(
        "[program:odd]\ncommand=sleep 600\nprocess_name={odd}\nstartsecs=0\n\
         [program:evil]\nstartsecs=0\nredirect_stderr=true\n\
         command=sh -c 'cat {{here}}/said; sleep 600'\n"
    );
    let (house, port) = {
        let port = http::free_port();
        let house = House::new(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{sections}"));
        let mut said =
            b"</pre><script>alert(1)</script>\x1b[31mred\x1b[0m \xff\xfe\x00 \x1b]0;title\x07".to_vec();
        said.extend(std::iter::repeat_n(b"\x1b[1m", 2000).flatten());
        said.extend(b"the end\n");
        std::fs::write(house.path("said"), said).unwrap();
        (house.started(), port)
    };
    let shown = odd.replace("%%", "%");
    let html = page(port, "/").text();
    let escaped = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let escaped = escaped.replace('"', "&quot;").replace('\'', "&#39;");
    assert!(html.contains(&format!("data-name=\"odd:{escaped}\"")), "{html}");
    let (_, link) = html.split_once("href=\"/process?name=odd%3A").unwrap();
    let link = link.split('"').next().unwrap();
    assert_eq!(page(port, &format!("/process?name=odd%3A{link}")).status, 200);
    let stop = format!("token={}&stop=odd%3A{link}", token(port));
    assert_eq!(post(port, "", &stop).status, 303);
    house.until_state(&format!("odd:{shown}"), "STOPPED");

    until("the log is on the page", || {
        let html = page(port, "/process?name=evil").text();
        html.contains("the end") && {
            assert!(html.contains("&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;red"), "{html}");
            assert!(!html.contains("<script>") && !html.contains('\u{1b}') && !html.contains('\0'));
            true
        }
    });
}

#[test]
fn a_page_speaks_the_language_of_its_reader() {
    let (_house, port) = house("", "");
    let chinese = ask(port, "GET /", "Accept-Language: zh-CN,zh;q=0.9\r\n", "").text();
    assert!(chinese.contains("<html lang=\"zh-Hans\">") && chinese.contains("运行中"));
    let answer = page(port, "/look?language=zh-Hans&theme=dark&back=%2Fevents");
    assert_eq!((answer.status, header(&answer, "Location")), (303, Some("/events")));
    let cookies: Vec<_> = answer.head.lines().filter_map(|it| it.strip_prefix("Set-Cookie: ")).collect();
    let pairs: Vec<_> = cookies.iter().filter_map(|it| it.split(';').next()).collect();
    let html = ask(port, "GET /", &format!("Cookie: {}\r\n", pairs.join("; ")), "").text();
    assert!(html.contains("<html lang=\"zh-Hans\" data-theme=\"dark\">"));
}

#[test]
fn a_page_of_many_travels_light() {
    let many = "[program:many]\ncommand=sleep 600\nautostart=false\nprocess_name=%(program_name)s_%(process_num)04d\nnumprocs=1000\n";
    let (_house, port) = house("", many);
    let whole = page(port, "/").body.len();
    let packed = ask(port, "GET /", "Accept-Encoding: gzip, br\r\n", "");
    assert_eq!(header(&packed, "Content-Encoding"), Some("gzip"));
    // With 29 kB of script and style, and what the script asks for first, this is less than 100 kB.
    assert!(packed.body.len() < 52_000, "{} of {whole}", packed.body.len());
    let asked = ask(port, "GET /api/v1/processes", "Accept-Encoding: gzip\r\n", "");
    assert_eq!(
        (header(&asked, "Content-Encoding"), header(&asked, "Vary")),
        (Some("gzip"), Some("Accept-Encoding"))
    );
    assert!(asked.body.len() < 30_000, "{}", asked.body.len());
    let plain = ask(port, "GET /api/v1/processes", "Accept-Encoding: gzip;q=0\r\n", "");
    assert!(header(&plain, "Content-Encoding").is_none() && plain.text().starts_with('['));
}
