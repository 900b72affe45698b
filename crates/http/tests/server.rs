//! The server over real sockets, with a daemon that only pretends: bytes in, bytes out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each file of tests uses a part of it")]
mod world;

use std::io::ErrorKind;
use std::time::Duration;

use gate::password::Password;
use gate::user::{User, Users};
use http::ask::Ask;
use http::limits::Limits;
use model::role::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use wire::value::Value;
use wire::xmlrpc_read;

use world::{Client, PATIENCE, World, document, header, limits, post, post_with, run, status};

#[test]
fn a_call_is_answered_with_the_headers_clients_know() {
    run(limits(), &Users::default(), async |world| {
        let (head, body) = world.unix().await.call("test.echo").await;
        let length = body.len();
        let wanted =
            format!("HTTP/1.1 200 OK\nServer: Medusa/1.12\nContent-Type: text/xml\nContent-Length: {length}");
        assert_eq!(sorted(&head), sorted(&wanted));
        let value = xmlrpc_read::response(body.as_bytes(), xmlrpc_read::Limits::RESPONSE).unwrap();
        assert_eq!(value, Ok(Value::String("test.echo".to_owned())));
    });
}

fn sorted(head: &str) -> Vec<&str> {
    let mut lines: Vec<_> = head.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_fault_is_an_answer_and_a_break_is_an_error() {
    run(limits(), &Users::default(), async |world| {
        let mut client = world.tcp().await;
        let (head, body) = client.call("test.fault").await;
        assert_eq!(status(&head), "200");
        assert!(body.contains("<int>10</int>") && body.contains("BAD_NAME: x&lt;y"), "{body}");
        let (head, body) = client.call("test.break").await;
        assert_eq!(status(&head), "500");
        assert!(body.contains("<p>Message: Internal Server Error.\r\n"));
        assert_eq!(world.notes.borrow().as_slice(), ["CRIT XML-RPC method test.break failed: it broke"]);
        // A question nobody answers, as after a panic, ends in an error too, and the connection lives on.
        assert_eq!(status(&client.call("test.drop").await.0), "500");
        assert_eq!(status(&client.call("test.echo").await.0), "200");
    });
}

#[test]
fn a_request_that_panics_ends_its_connection_and_nothing_else() {
    run(limits(), &Users::default(), async |world| {
        let (mut client, mut other) = (world.unix().await, world.unix().await);
        other.call("test.echo").await;
        client.send(post("test.panic")).await;
        assert_eq!(client.all().await, "");
        assert_eq!(status(&other.call("test.echo").await.0), "200");
        assert_eq!(status(&world.unix().await.call("test.echo").await.0), "200");
    });
}

#[test]
fn a_connection_is_kept_and_pipelined_requests_are_answered_in_order() {
    run(limits(), &Users::default(), async |world| {
        let mut client = world.unix().await;
        client.send([post("test.a"), post("test.b"), "\r\n".to_owned(), post("test.c")].concat()).await;
        for method in ["test.a", "test.b", "test.c"] {
            let (_, body) = client.answer().await;
            assert!(body.contains(method), "{body}");
        }
        client.send(post_with("test.d", "Connection: close\r\n")).await;
        assert!(client.answer().await.1.contains("test.d"));
        assert_eq!(client.all().await, "");
    });
}

#[test]
fn http_1_0_closes_unless_asked_not_to() {
    run(limits(), &Users::default(), async |world| {
        let body = document("test.echo");
        let request = |headers: &str| {
            format!("POST /RPC2 HTTP/1.0\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
        };
        let mut client = world.unix().await;
        for _ in 0..2 {
            client.send(request("Connection: keep-alive\r\n")).await;
            let (head, _) = client.answer().await;
            assert!(head.starts_with("HTTP/1.0 200 OK\n"), "{head}");
            assert_eq!(header(&head, "Connection"), Some("Keep-Alive"));
        }
        client.send(request("")).await;
        client.answer().await;
        assert_eq!(client.all().await, "");
    });
}

#[test]
fn a_host_may_be_empty_or_missing_and_an_empty_line_may_come_first() {
    run(limits(), &Users::default(), async |world| {
        let body = document("test.echo");
        for head in ["\r\n\r\nPOST /RPC2 HTTP/1.1\r\nHost: \r\n", "POST /RPC2xyz?q HTTP/1.1\r\n"] {
            let mut client = world.unix().await;
            client.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
            assert_eq!(status(&client.answer().await.0), "200", "{head}");
        }
    });
}

#[test]
fn what_is_no_call_is_refused_with_a_page() {
    let garbage = "POST /RPC2 HTTP/1.1\r\nContent-Length: 3\r\n\r\n<a>";
    let nameless = "POST /RPC2 HTTP/1.1\r\nContent-Length: 13\r\n\r\n<methodCall/>";
    let cases = [
        (garbage, "400"),
        (nameless, "400"),
        ("POST /RPC2 HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "400"),
        ("GET /RPC2 HTTP/1.1\r\n\r\n", "400"),
        ("POST /RPC2 HTTP/1.1\r\n\r\n", "411"),
        ("POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<a>\r\n0\r\n\r\n", "411"),
        ("POST /RPC2 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "413"),
        ("GET /nope HTTP/1.1\r\n\r\n", "404"),
        ("GET /../etc/passwd HTTP/1.1\r\n\r\n", "404"),
        ("DELETE / HTTP/1.1\r\n\r\n", "400"),
        ("POST /logtail/g:p HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "400"),
        ("GET /logtail HTTP/1.1\r\n\r\n", "404"),
        ("GET /logtail/nope HTTP/1.1\r\n\r\n", "404"),
        ("GET /logtail/g:p/stdin HTTP/1.1\r\n\r\n", "404"),
        ("GET /logtail/g:p HTTP/1.1\r\n\r\n", "404"), // It has no log yet.
    ];
    run(limits(), &Users::default(), async |world| {
        for (request, wanted) in cases {
            let mut client = world.unix().await;
            client.send(request).await;
            let (head, body) = client.answer().await;
            assert_eq!(status(&head), wanted, "{request}");
            assert!(body.contains(&format!("<p>Error code {wanted}.\r\n")), "{body}");
        }
        let notes = world.notes.borrow();
        assert_eq!(notes.first().unwrap(), "ERRO XML-RPC request data '<a>' is invalid: unmarshallable");
        assert_eq!(
            notes.get(1).unwrap(),
            "ERRO XML-RPC request data '<methodCall/>' is invalid: no method name"
        );
    });
}

#[test]
fn every_url_wants_the_password() {
    let password = Some(Password::Plain("p".to_owned()));
    let user = User { name: "u".into(), role: Role::Admin, password, tokens: vec![] };
    run(limits(), &Users::new(vec![user]), async |world| {
        let cases = [
            ("", "401"),
            ("Authorization: Basic dTpw\r\n", "200"),
            ("authorization: basic dTpw\r\n", "200"),
            ("Authorization: Basic dTpx\r\n", "401"),
            ("Authorization: Basic Og==\r\n", "401"),
            ("Authorization: Digest x\r\n", "401"),
            ("Authorization: Basic !\r\n", "400"),
        ];
        for (headers, wanted) in cases {
            let mut client = world.tcp().await;
            client.send(post_with("test.echo", headers)).await;
            let (head, _) = client.answer().await;
            assert_eq!(status(&head), wanted, "{headers}");
            if wanted == "401" {
                assert_eq!(header(&head, "Www-Authenticate"), Some("Basic realm=\"default\""));
                assert_eq!(header(&head, "Connection"), Some("close"));
                assert_eq!(client.all().await, "");
            }
        }
        for path in ["/", "/ok.html", "/logtail/g:p", "/mainlogtail", "/nope"] {
            let mut client = world.unix().await;
            client.send(format!("GET {path} HTTP/1.1\r\n\r\n")).await;
            assert_eq!(status(&client.answer().await.0), "401", "{path}");
        }
    });
}

#[test]
fn a_header_that_is_too_long_or_too_slow_is_refused() {
    let limits = Limits { header_time: Duration::from_millis(50), ..limits() };
    run(limits, &Users::default(), async |world| {
        let mut client = world.unix().await;
        client.send(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000))).await;
        assert_eq!(status(&client.all().await), "431");
        let mut client = world.tcp().await;
        client.send("GET / HTTP/1.1\r\nX: ").await;
        let answer = client.all().await;
        assert_eq!(status(&answer), "408");
        assert!(answer.ends_with("<p>Message: Request Time-out.\r\n</body>\r\n"), "{answer}");
        // Who says nothing at all, or only empty lines, is idle and may stay.
        let (mut silent, mut lines) = (world.unix().await, world.unix().await);
        lines.send("\r\n\r\n").await;
        assert_eq!(status(&client_that_times_out(world).await), "408");
        for client in [&mut silent, &mut lines] {
            assert_eq!(status(&client.call("test.echo").await.0), "200");
        }
    });
}

async fn client_that_times_out(world: &World) -> String {
    let mut client = world.unix().await;
    client.send("G").await;
    client.all().await
}

#[test]
fn a_body_that_is_too_slow_or_breaks_off_is_refused() {
    let limits = Limits { body_time: Duration::from_millis(50), ..limits() };
    run(limits, &Users::default(), async |world| {
        let mut client = world.unix().await;
        client.send("POST /RPC2 HTTP/1.1\r\nContent-Length: 100\r\n\r\n<methodCall>").await;
        assert_eq!(status(&client.all().await), "408");
        let mut client = world.unix().await;
        client.send("POST /RPC2 HTTP/1.1\r\nContent-Length: 100\r\n\r\n<methodCall>").await;
        client.stream.shutdown().await.unwrap();
        let answer = client.all().await;
        assert!(answer.is_empty() || status(&answer) == "400", "{answer}");
    });
}

#[test]
fn the_answer_to_a_huge_body_is_read_although_the_body_is_not() {
    run(limits(), &Users::default(), async |world| {
        let mut client = world.tcp().await;
        let length = 8 << 20;
        client.send(format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {length}\r\n\r\n")).await;
        client.send(vec![b'x'; length]).await;
        assert_eq!(status(&client.answer().await.0), "413");
    });
}

#[test]
fn a_full_queue_is_an_answer() {
    run(limits(), &Users::default(), async |world| {
        let mut first = world.unix().await;
        first.send(post("test.stop")).await;
        first.answer().await;
        // The daemon looks away now. Of three questions its queue takes two, whichever comes first.
        let mut clients = [world.unix().await, world.unix().await, world.unix().await];
        for client in &mut clients {
            client.send(post("test.echo")).await;
        }
        let mut refused = 0;
        while refused == 0 {
            for client in &mut clients {
                refused += usize::from(client.has_answer());
            }
            tokio::task::yield_now().await;
        }
        world.resume.notify_one();
        let mut statuses = Vec::new();
        for client in &mut clients {
            let (head, _) = client.answer().await;
            assert!(status(&head) == "200" || header(&head, "Retry-After") == Some("1"), "{head}");
            statuses.push(status(&head).to_owned());
        }
        statuses.sort();
        assert_eq!(statuses, ["200", "200", "503"]);
    });
}

#[test]
fn a_client_that_hangs_up_has_asked_all_the_same() {
    run(limits(), &Users::default(), async |world| {
        let mut client = world.unix().await;
        client.send(post("test.wait")).await;
        drop(client);
        let arrived = async {
            while world.waiting.borrow().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.expect("the question arrives");
        let Some(Ask::Call { slot, .. }) = world.waiting.borrow_mut().pop() else { panic!("no call") };
        // Whether anybody still listens shows only when the answer is written.
        slot.send(Ok(Value::Bool(true))).expect("the slot is open");
        assert_eq!(status(&world.unix().await.call("test.echo").await.0), "200", "others are served");
    });
}

#[test]
fn whoever_connects_while_the_daemon_leaves_is_left_to_the_next_one() {
    run(limits(), &Users::default(), async |world| {
        let mut known = world.unix().await;
        assert_eq!(status(&known.call("test.echo").await.0), "200");
        world.is_leaving.set(true);
        let mut late = world.unix().await;
        late.send(post("test.echo")).await;
        for _ in 0..5 {
            assert_eq!(status(&known.call("test.echo").await.0), "200", "it has been let in");
        }
        assert!(!late.has_answer(), "it was let in");
    });
}

#[test]
fn who_has_asked_is_answered_even_if_many_came_before_anybody_looked() {
    let limits = Limits { connections: 2, ..limits() };
    run(limits, &Users::default(), async |world| {
        // All of them are there before the server gets to run.
        let connect = || std::os::unix::net::UnixStream::connect(&world.socket).unwrap();
        let mut asks = connect();
        std::io::Write::write_all(&mut asks, post("test.echo").as_bytes()).unwrap();
        let _silent: Vec<_> = (0..10).map(|_| connect()).collect();
        asks.set_nonblocking(true).unwrap();
        let mut asks = UnixStream::from_std(asks).unwrap();
        let mut status = [0; 13];
        asks.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 ");
    });
}

#[test]
fn one_connection_too_many_pushes_out_the_one_idle_longest_or_is_turned_away() {
    let limits = Limits { connections: 2, ..limits() };
    run(limits, &Users::default(), async |world| {
        let (mut old, mut young) = (world.unix().await, world.unix().await);
        young.call("test.echo").await;
        old.call("test.echo").await;
        young.call("test.echo").await;
        let mut third = world.unix().await;
        assert_eq!(status(&third.call("test.echo").await.0), "200");
        assert_eq!(old.all().await, "");
        for client in [&mut young, &mut third] {
            client.send(post("test.wait")).await;
        }
        while world.waiting.borrow().len() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(status(&world.unix().await.all().await), "503");
        // The other socket has room of its own.
        assert_eq!(status(&world.tcp().await.call("test.echo").await.0), "200");
    });
}

#[test]
fn a_client_that_does_not_take_its_answer_is_cut_off() {
    let limits = Limits { write_time: Duration::from_millis(50), ..limits() };
    run(limits, &Users::default(), async |world| {
        let mut stuck = world.unix().await;
        stuck.send(post("test.big")).await;
        // Once it has been cut off, nothing can be sent to it any more.
        while !matches!(stuck.stream.try_write(b"\n"), Err(error) if error.kind() != ErrorKind::WouldBlock) {
            tokio::task::yield_now().await;
        }
        assert!(stuck.all_bytes().await < 4 << 20);
    });
}

#[test]
fn who_watches_and_does_not_read_is_cut_off() {
    let limits = Limits { write_time: Duration::from_millis(50), ..limits() };
    run(limits, &Users::default(), async |world| {
        let mut deaf = world.unix().await;
        deaf.send("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n").await;
        deaf.until("event: hello").await;
        let event = "x".repeat(60_000);
        // It takes as much as the kernel holds for it, and then no more.
        while !matches!(deaf.stream.try_write(b"\n"), Err(error) if error.kind() != ErrorKind::WouldBlock) {
            world.feed.publish("state", &event);
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn who_says_nothing_makes_room_for_who_asks() {
    let limits = Limits { connections: 3, ..limits() };
    run(limits, &Users::default(), async |world| {
        let mut known = world.unix().await;
        assert_eq!(status(&known.call("test.echo").await.0), "200");
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(world.unix().await);
            let mut honest = world.unix().await;
            assert_eq!(status(&honest.call("test.echo").await.0), "200");
        }
        assert_eq!(silent[0].all().await, "", "it was not sent away");
        assert_eq!(status(&known.call("test.echo").await.0), "200", "it had been here before");
    });
}

#[test]
fn who_does_not_come_to_the_point_makes_room_for_who_asks() {
    let limits = Limits { connections: 2, ..limits() };
    run(limits, &Users::default(), async |world| {
        let (mut head, mut body) = (world.unix().await, world.unix().await);
        head.send("POST /RPC2 HTTP/1.1\r\nHost:").await;
        body.send("POST /RPC2 HTTP/1.1\r\nContent-Length: 100\r\n\r\n<").await;
        let mut guests = [world.unix().await, world.unix().await];
        for guest in &mut guests {
            assert_eq!(status(&guest.call("test.echo").await.0), "200");
        }
        for mut client in [head, body] {
            assert_eq!(status(&client.all().await), "503");
        }
    });
}

#[test]
fn large_bodies_are_few_and_small_ones_many() {
    let limits = Limits { large_bodies: 1, ..limits() };
    run(limits, &Users::default(), async |world| {
        let large = "POST /RPC2 HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n";
        let mut slow = world.unix().await;
        slow.send(large).await;
        slow.send(vec![b' '; 500_000]).await;
        let mut second = world.unix().await;
        second.send(large).await;
        let answer = second.all().await;
        assert_eq!((status(&answer), header(&answer, "Retry-After")), ("503", Some("1")));
        assert_eq!(status(&world.unix().await.call("test.echo").await.0), "200");
        // Its seat is free when it has left.
        drop(slow);
        let mut third = world.unix().await;
        third.send(large).await;
        third.send(vec![b' '; 1_000_000]).await;
        assert_eq!(status(&third.answer().await.0), "400");
    });
}

#[test]
fn large_answers_wait_for_their_clients_within_bounds() {
    let limits = Limits { answer_bytes: 5 << 20, ..limits() };
    run(limits, &Users::default(), async |world| {
        let (mut slow, mut second) = (world.unix().await, world.unix().await);
        slow.send(post("test.big")).await;
        slow.until("\r\n\r\n").await;
        assert_eq!(status(&second.call("test.big").await.0), "503");
        assert_eq!(status(&second.call("test.echo").await.0), "200");
        slow.until("</methodResponse>\n").await;
        assert_eq!(status(&second.call("test.big").await.0), "200");
        assert_eq!(status(&slow.call("test.big").await.0), "200", "both have taken theirs");
    });
}

impl Client<UnixStream> {
    /// Whether something has come back.
    fn has_answer(&mut self) -> bool {
        let mut room = [0; 4096];
        let count = self.stream.try_read(&mut room).unwrap_or(0);
        self.buffer.extend_from_slice(&room[..count]);
        !self.buffer.is_empty()
    }

    /// How many bytes still come.
    async fn all_bytes(&mut self) -> usize {
        while self.more().await {}
        self.buffer.len()
    }
}

#[test]
fn pages_are_served() {
    run(limits(), &Users::default(), async |world| {
        let mut client = world.unix().await;
        for path in ["/", "/index.html?action=refresh", "//"] {
            client.send(format!("GET {path} HTTP/1.1\r\n\r\n")).await;
            let (head, body) = client.answer().await;
            assert_eq!(status(&head), "200", "{path}");
            assert_eq!(header(&head, "Content-Type"), Some("text/html;charset=utf-8"));
            assert_eq!(header(&head, "Cache-Control"), Some("no-cache"));
            assert!(body.contains("No programs to manage"));
        }
        client.send("GET /ok.html HTTP/1.1\r\n\r\n").await;
        assert_eq!(client.answer().await.1, "OK");
        client.send("HEAD / HTTP/1.1\r\n\r\nGET /ok.html HTTP/1.1\r\n\r\n").await;
        assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(client.answer().await.1, "OK");
    });
}

/// The request of the original's `tail -f`: an empty host, and an empty line too many.
const FOLLOW: &str = "GET /logtail/g%3Ap HTTP/1.1\r\nHost: \r\nAccept-Encoding: chunked\r\nAccept: */*\r\n\
                      User-agent: Supervisor HTTP Client\r\n\r\n\r\n";

#[test]
fn a_log_is_followed_from_its_last_kilobyte_on() {
    run(limits(), &Users::default(), async |world| {
        world.write_log(&[b'a'; 3000]);
        let mut client = world.unix().await;
        client.send(FOLLOW).await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(header(&head, "Transfer-Encoding"), Some("chunked"));
        assert_eq!(header(&head, "Content-Type"), Some("text/plain;charset=utf-8"));
        assert_eq!(header(&head, "X-Accel-Buffering"), Some("no"));
        assert!(header(&head, "Last-Modified").is_some());
        let history = client.until("\r\n").await + &client.until("\r\n").await;
        assert_eq!(history, format!("400\r\n{}\r\n", "a".repeat(1024)));
        world.write_log(b"more\n");
        assert_eq!(client.until("\n\r\n").await, "5\r\nmore\n\r\n");
        world.write_log(b"again\n");
        assert_eq!(client.until("\n\r\n").await, "6\r\nagain\n\r\n");
    });
}

#[test]
fn a_log_is_followed_through_rotation_and_truncation() {
    run(limits(), &Users::default(), async |world| {
        world.write_log(b"one\n");
        let mut client = world.tcp().await;
        client.send("GET /mainlogtail HTTP/1.1\r\n\r\n").await;
        client.until("one\n\r\n").await;
        world.write_log(b"two\n");
        std::fs::rename(world.log(), world.room.path().join("log.1")).unwrap();
        world.write_log(b"three\n");
        client.until("two\n\r\n").await;
        assert_eq!(client.until("three\n\r\n").await, "6\r\nthree\n\r\n");
        std::fs::write(world.log(), b"4\n").unwrap();
        client.until("==> File truncated <==\n\r\n").await;
        client.until("4\n\r\n").await;
        std::fs::remove_file(world.log()).unwrap();
        world.write_log(b"five\n");
        client.until("five\n\r\n").await;
    });
}

#[test]
fn a_follower_sees_whole_characters_only() {
    run(limits(), &Users::default(), async |world| {
        // 1024 bytes from the end is the middle of the first character.
        world.write_log("é".as_bytes());
        world.write_log(&[b'a'; 1022]);
        world.write_log(b"\xc3");
        let mut client = world.unix().await;
        client.send(FOLLOW).await;
        client.until("\r\n\r\n").await;
        let history = client.until("\r\n").await + &client.until("\r\n").await;
        assert_eq!(history, format!("3FE\r\n{}\r\n", "a".repeat(1022)));
        world.write_log(b"\xa9\n");
        assert_eq!(client.until("\n\r\n").await, "3\r\né\n\r\n");
        // What never becomes a character is shown as it is, once nothing more can follow.
        world.write_log(b"\xc3");
        std::fs::rename(world.log(), world.room.path().join("log.1")).unwrap();
        world.write_log(b"x\n");
        while !client.buffer.ends_with(b"x\n\r\n") {
            assert!(client.more().await);
        }
        assert_eq!(client.buffer, b"1\r\n\xc3\r\n2\r\nx\n\r\n");
    });
}

#[test]
fn http_1_0_gets_a_log_without_chunks() {
    run(limits(), &Users::default(), async |world| {
        world.write_log(b"one\n");
        let mut client = world.unix().await;
        client.send("GET /mainlogtail HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        let head = client.until("\r\n\r\n").await;
        assert_eq!(header(&head, "Transfer-Encoding"), None);
        world.write_log(b"two\n");
        assert_eq!(client.until("two\n").await, "one\ntwo\n");
    });
}

#[test]
fn a_follower_that_leaves_gives_its_seat_back_although_the_log_is_quiet() {
    let limits = Limits { followers: 1, ..limits() };
    run(limits, &Users::default(), async |world| {
        world.write_log(b"one\n");
        let mut first = world.unix().await;
        first.send(FOLLOW).await;
        first.until("one\n\r\n").await;
        let mut second = world.unix().await;
        second.send(FOLLOW).await;
        assert_eq!(status(&second.answer().await.0), "503");
        drop(first);
        loop {
            let mut next = world.unix().await;
            next.send(FOLLOW).await;
            let head = next.until("\r\n\r\n").await;
            if status(&head) == "200" {
                break;
            }
        }
    });
}

#[test]
fn a_log_that_is_no_plain_file_is_not_followed() {
    run(limits(), &Users::default(), async |world| {
        std::os::unix::fs::symlink("/dev/null", world.log()).unwrap();
        let mut client = world.unix().await;
        client.send(FOLLOW).await;
        assert_eq!(status(&client.answer().await.0), "404");
    });
}
