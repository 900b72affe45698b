//! Who is let in, by which door, and what strangers are told.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each file of tests uses a part of it")]
mod world;

use std::time::Duration;

use gate::session::{AGE_MAX, IDLE_MAX};
use gate::throttle::{FREE, PAUSE_MAX, PAUSE_MIN};
use gate::user::Users;
use http::limits::Limits;
use http::tls::Files;
use model::audit::{Record, Who};
use model::role::Role;

use world::guests::{OURS, ask, cookie, get, log_in, pass, post, session, users};
use world::{World, document, header, limits, run, run_secret, status};

/// A call by XML-RPC.
async fn call(world: &World, headers: &str) -> String {
    let body = document("test.echo");
    let (head, _) = post(world, "/RPC2", headers, &body).await;
    status(&head).to_owned()
}

fn written(world: &World) -> Vec<String> {
    world.records.borrow().iter().map(Record::to_string).collect()
}

#[test]
fn each_comes_in_by_what_they_have() {
    run(limits(), &users(), async |world| {
        let cases = [
            ("Authorization: Basic YW5uOnBhc3N3b3Jk\r\n", "200", "ann", Role::Admin), // ann:password
            ("Authorization: Basic YW5uOnBhc3N3b3Jk\r\n", "200", "ann", Role::Admin), // known by now
            ("Authorization: Basic Ym9iOnBsYWlu\r\n", "200", "bob", Role::Operator),  // bob:plain
            ("Authorization: Bearer menshen_t\r\n", "200", "prom", Role::Viewer),
            ("Authorization: Bearer menshen_u\r\n", "401", "", Role::Viewer),
            ("Authorization: Bearer\r\n", "401", "", Role::Viewer),
            ("Authorization: Basic cHJvbTo=\r\n", "401", "", Role::Viewer), // prom:
            ("Authorization: Basic Ym9iOnBhc3N3b3Jk\r\n", "401", "", Role::Viewer), // bob:password
        ];
        for (headers, wanted, name, role) in cases {
            assert_eq!(call(world, headers).await, wanted, "{headers}");
            if wanted == "200" {
                let asker = world.askers.borrow().last().unwrap().clone();
                assert_eq!((&asker.who, asker.role), (&Who::User(name.into()), role));
            }
        }
        assert_eq!(world.askers.borrow().len(), 4);
    });
}

#[test]
fn where_nobody_is_asked_the_kernel_says_who_comes() {
    run(limits(), &Users::default(), async |world| {
        let mut client = world.unix().await;
        client.call("test.echo").await;
        assert_eq!(call(world, "").await, "200");
        let askers = world.askers.borrow();
        let uid = rustix::process::getuid().as_raw();
        assert_eq!(askers[0].who, Who::Uid(uid));
        assert_eq!(askers[0].door.to_string(), format!("unix://{} (uid={uid})", world.socket.display()));
        assert_eq!((&askers[1].who, askers[1].role), (&Who::Anybody, Role::Admin));
    });
}

#[test]
fn a_stranger_gets_the_page_to_log_in_and_what_belongs_to_it_and_nothing_else() {
    run(limits(), &users(), async |world| {
        let page = "Accept: text/html,*/*;q=0.8\r\n";
        for path in
            ["/", "/events", "/process?name=a", "/tail.html", "/api/v1/processes", "/logtail/g:p", "/nope"]
        {
            let (head, body) = get(world, path, page).await;
            assert_eq!((status(&head), body.contains("action=\"/login\"")), ("401", true), "{path}");
            // A browser that is asked so shows the page instead of asking its user.
            assert_eq!(header(&head, "Www-Authenticate"), Some("Bearer realm=\"menshen\""), "{path}");
            assert!(header(&head, "Content-Security-Policy").is_some());
        }
        for path in [
            "/",
            "/nope",
            "/metrics",
            "/healthz",
            "/readyz",
            "/api/v1/processes",
            "/ok.html",
            "/assets/nope.css",
        ] {
            let (head, _) = get(world, path, "Accept: */*\r\n").await;
            assert_eq!(status(&head), "401", "{path}");
            assert_eq!(header(&head, "Www-Authenticate"), Some("Basic realm=\"default\""), "{path}");
        }
        // What scripts of a page ask for must not make the browser ask its user.
        for headers in [
            "Accept: text/event-stream\r\n".to_owned(),
            "Sec-Fetch-Site: same-origin\r\n".to_owned(),
            format!("Cookie: menshen_session_{}=old\r\n", world.tcp.port()),
        ] {
            let (head, _) = get(world, "/api/v1/events", &headers).await;
            assert_eq!(header(&head, "Www-Authenticate"), Some("Bearer realm=\"menshen\""), "{headers}");
        }
        let (head, body) = get(world, "/login?back=%2Fevents", page).await;
        assert_eq!(status(&head), "200");
        assert!(body.contains("value=\"/events\""), "{body}");
        let style =
            body.split('"').find(|it| it.starts_with("/assets/console-") && it.contains(".css")).unwrap();
        assert_eq!(status(&get(world, style, "").await.0), "200");
        assert_eq!(status(&get(world, "/look?theme=dark&back=%2F", "").await.0), "303");
        assert!(world.askers.borrow().is_empty(), "nobody has been asked anything");
    });
}

#[test]
fn a_session_begins_with_a_password_and_ends_with_a_wish() {
    run(limits(), &users(), async |world| {
        let (head, _) = log_in(world, "username=ann&password=password&back=%2Fevents").await;
        assert_eq!((status(&head), header(&head, "Location")), ("303", Some("/events")));
        let set = header(&head, "Set-Cookie").unwrap();
        let (pair, how) = set.split_once("; ").unwrap();
        assert_eq!(how, "Path=/; HttpOnly; SameSite=Strict");
        let (name, proof) = pair.split_once('=').unwrap();
        assert_eq!((name, proof.len()), (&*format!("menshen_session_{}", world.tcp.port()), 43));
        let proof = cookie(&head);
        let (head, body) = get(world, "/events", &proof).await;
        assert_eq!(status(&head), "200");
        assert!(
            body.contains("<bdi class=\"user\">ann</bdi>") && body.contains("action=\"/logout\""),
            "{body}"
        );
        let token = body.split("data-token=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

        // Another's form does not end it, nor does one of another session.
        let other = session(world).await;
        for (headers, token) in [
            (format!("{proof}{OURS}"), "x".to_owned()),
            (format!("{proof}Origin: http://evil\r\n"), token.clone()),
            (format!("{other}{OURS}"), token.clone()),
        ] {
            let (head, _) = post(world, "/logout", &headers, &format!("token={token}")).await;
            assert_eq!(status(&head), "403", "{headers}");
        }
        assert_eq!(status(&get(world, "/events", &proof).await.0), "200");

        let (head, _) = post(world, "/logout", &format!("{proof}{OURS}"), &format!("token={token}")).await;
        assert_eq!(status(&head), "303");
        assert!(header(&head, "Set-Cookie").unwrap().ends_with("Max-Age=0"), "{head}");
        assert_eq!(status(&get(world, "/events", &proof).await.0), "401");
        assert_eq!(status(&get(world, "/events", &other).await.0), "200");
        let by = "audit: ann from";
        let words: Vec<_> = written(world);
        assert!(words[0].starts_with(by) && words[0].ends_with(": login: done"), "{words:?}");
        assert!(words.last().unwrap().ends_with(": logout: done"), "{words:?}");
    });
}

#[test]
fn a_session_ends_by_itself() {
    run(limits(), &users(), async |world| {
        let proof = session(world).await;
        pass(IDLE_MAX.saturating_sub(Duration::from_mins(1))).await;
        assert_eq!(call(world, &format!("{proof}{OURS}")).await, "200");
        pass(IDLE_MAX).await;
        assert_eq!(call(world, &format!("{proof}{OURS}")).await, "401");
        let proof = session(world).await;
        let step = IDLE_MAX / 2;
        for _ in 0..AGE_MAX.as_secs() / step.as_secs() - 1 {
            pass(step).await;
            assert_eq!(status(&get(world, "/ok.html", &proof).await.0), "200");
        }
        pass(step).await;
        assert_eq!(status(&get(world, "/ok.html", &proof).await.0), "401");
    });
}

#[test]
fn what_a_session_changes_must_come_from_a_page_of_ours() {
    run(limits(), &users(), async |world| {
        let proof = session(world).await;
        for (headers, wanted) in [
            (OURS, "200"),
            ("Sec-Fetch-Site: same-origin\r\n", "200"),
            ("", "403"),
            ("Origin: http://evil\r\n", "403"),
            ("Origin: http://localhost:81\r\n", "403"),
            ("Origin: null\r\n", "403"),
            ("Sec-Fetch-Site: cross-site\r\n", "403"),
            ("Sec-Fetch-Site: same-site\r\nOrigin: http://localhost\r\n", "403"),
        ] {
            assert_eq!(call(world, &format!("{proof}{headers}")).await, wanted, "{headers}");
            let form = "username=ann&password=password";
            let login = if wanted == "200" || headers.is_empty() { "303" } else { "403" };
            assert_eq!(status(&post(world, "/login", headers, form).await.0), login, "{headers}");
        }
    });
}

#[test]
fn a_page_with_a_name_of_its_own_for_our_address_changes_nothing() {
    run(limits(), &Users::default(), async |world| {
        let post = async |host: &str, more: &str| {
            let body = document("test.echo");
            let request = format!(
                "POST /RPC2 HTTP/1.1\r\nHost: {host}\r\n{more}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            status(&ask(world, &request).await.0).to_owned()
        };
        assert_eq!(post("rebound.example.org", "Origin: http://rebound.example.org\r\n").await, "403");
        assert_eq!(post("rebound.example.org", "").await, "200", "no browser");
        assert_eq!(post("localhost:1", "Origin: http://localhost:1\r\n").await, "200");
    });
}

#[test]
fn whoever_guesses_is_held_back_and_whoever_is_in_stays_in() {
    run(limits(), &users(), async |world| {
        let proof = session(world).await;
        // What was right is looked at again after a while.
        pass(Duration::from_mins(6)).await;
        let bob = "Authorization: Basic Ym9iOnBsYWlu\r\n";
        assert_eq!(call(world, bob).await, "200");
        for number in 0..FREE {
            let (head, body) = log_in(world, &format!("username=ann&password={number}&back=%2Fevents")).await;
            assert_eq!(status(&head), "401");
            assert!(
                body.contains("That is not the right user and password.") && body.contains("\"/events\"")
            );
        }
        let (head, body) = log_in(world, "username=ann&password=password").await;
        assert_eq!((status(&head), header(&head, "Retry-After")), ("429", Some("1")), "even the right one");
        assert!(body.contains("Too many tries."), "{body}");
        // By the other way in it is the same, and for all names.
        assert_eq!(call(world, "Authorization: Basic YW5uOng=\r\n").await, "429");
        assert_eq!(call(world, "Authorization: Basic bm9ib2R5Ong=\r\n").await, "429");
        // What was right a moment ago is no guess; nor are sessions and tokens.
        assert_eq!(call(world, bob).await, "200");
        assert_eq!(call(world, &format!("{proof}{OURS}")).await, "200");
        assert_eq!(call(world, "Authorization: Bearer menshen_t\r\n").await, "200");
        // Each further one doubles the pause, up to its end.
        let mut pause = PAUSE_MIN;
        for _ in 0..12 {
            pass(pause).await;
            assert_eq!(status(&log_in(world, "username=ann&password=x").await.0), "401", "{pause:?}");
            pause = (pause * 2).min(PAUSE_MAX);
            let (head, _) = log_in(world, "username=ann&password=x").await;
            assert_eq!(status(&head), "429");
            let told: u64 = header(&head, "Retry-After").unwrap().parse().unwrap();
            assert!(told <= pause.as_secs() && told + 2 >= pause.as_secs(), "{told} of {pause:?}");
        }
        // One who has waited may come in, and has a clean slate.
        pass(PAUSE_MAX).await;
        assert_eq!(status(&log_in(world, "username=ann&password=password").await.0), "303");
        assert_eq!(status(&log_in(world, "username=ann&password=x").await.0), "401");
        let failures = written(world).iter().filter(|it| it.contains(": login ann: denied")).count();
        assert_eq!(
            failures,
            usize::try_from(FREE).unwrap() + 12 + 1,
            "each that was looked at is written down"
        );
    });
}

#[test]
fn what_is_written_down_of_a_stranger_holds_no_word_of_theirs() {
    run(limits(), &users(), async |world| {
        log_in(world, "username=my-password&password=x").await;
        let words = written(world);
        assert!(words[0].contains("anybody from") && words[0].contains(": login (unknown user): denied"));
        assert!(!words[0].contains("my-password"));
    });
}

#[test]
fn a_form_that_is_none_is_refused_before_it_is_read() {
    run(limits(), &users(), async |world| {
        let form = format!("username=ann&password={}", "x".repeat(8 << 10));
        assert_eq!(status(&log_in(world, &form).await.0), "413");
        let body = r#"{"username":"ann","password":"password"}"#;
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(status(&ask(world, &request).await.0), "403");
        let (head, _) = log_in(world, "username=ann&password=password&back=%2F%2Fevil.org").await;
        assert_eq!(header(&head, "Location"), Some("/"), "no way leads elsewhere");
    });
}

#[test]
fn whoever_does_not_finish_greeting_is_cut_off() {
    let limits = Limits { greeting_time: Duration::from_millis(50), ..limits() };
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificate.pem");
    let files = Files { certificates: file.clone(), key: file };
    run_secret(limits, &users(), Some(&files), async |world| {
        // The beginning of a greeting, which never goes on.
        for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
            let mut client = world.tcp().await;
            client.send(said).await;
            assert!(!client.more().await, "it is over without a word");
        }
        // What is no greeting is answered by an alert, and the end.
        let mut client = world.tcp().await;
        client.send("GET / HTTP/1.1\r\n\r\n").await;
        while client.more().await {}
        assert_eq!(client.buffer.first(), Some(&0x15), "{:?}", client.buffer);
    });
}
