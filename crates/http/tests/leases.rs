//! What is shown bit by bit is shown for as long as its reader may see it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each file of tests uses a part of it")]
mod world;

use std::time::Duration;

use gate::session::{AGE_MAX, IDLE_MAX};
use tokio::net::TcpStream;

use world::guests::{OURS, get, pass, post, session, users};
use world::{Client, World, limits, run, status};

/// Every way to be shown something for as long as one likes, and what each begins with.
const STREAMS: [(&str, &str); 4] = [
    ("/api/v1/events", "event: hello"),
    ("/api/v1/processes/g:p/stdout/follow", "first"),
    ("/logtail/g:p", "first"),
    ("/mainlogtail", "first"),
];

/// Somebody who looks at a stream.
async fn looking(world: &World, path: &str, headers: &str, first: &str) -> Client<TcpStream> {
    let mut client = world.tcp().await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await;
    client.until(first).await;
    client
}

async fn all_looking(world: &World, headers: &str) -> Vec<Client<TcpStream>> {
    let mut clients = Vec::new();
    for (path, first) in STREAMS {
        clients.push(looking(world, path, headers, first).await);
    }
    clients
}

/// What comes until a stream ends as one that is whole.
async fn rest(client: &mut Client<TcpStream>) -> String {
    client.until("\r\n0\r\n\r\n").await
}

/// Whether a client is told of what happens now.
async fn is_told(world: &World, client: &mut Client<TcpStream>, what: &str) -> bool {
    world.feed.publish("state", &format!("\"{what}\""));
    let wanted = format!("data: \"{what}\"");
    loop {
        if String::from_utf8_lossy(&client.buffer).contains(&wanted) {
            return true;
        }
        if !client.more().await {
            return false;
        }
    }
}

async fn log_out(world: &World, proof: &str) {
    let (_, page) = get(world, "/events", proof).await;
    let token = page.split("data-token=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (head, _) = post(world, "/logout", &format!("{proof}{OURS}"), &format!("token={token}")).await;
    assert_eq!(status(&head), "303");
}

#[test]
fn whoever_logs_out_is_shown_nothing_more() {
    run(limits(), &users(), async |world| {
        world.write_log(b"first\n");
        let (proof, other) = (session(world).await, session(world).await);
        let mut mine = all_looking(world, &proof).await;
        let mut another = looking(world, "/api/v1/events", &other, "hello").await;
        let mut token =
            looking(world, "/api/v1/events", "Authorization: Bearer menshen_t\r\n", "hello").await;
        log_out(world, &proof).await;
        for client in &mut mine {
            assert!(!rest(client).await.contains("after"));
        }
        assert!(is_told(world, &mut another, "after").await);
        assert!(is_told(world, &mut token, "later").await);
    });
}

#[test]
fn a_stream_ends_with_the_session_although_nothing_happens() {
    run(limits(), &users(), async |world| {
        world.write_log(b"first\n");
        let proof = session(world).await;
        let mut clients = all_looking(world, &proof).await;
        pass(IDLE_MAX.saturating_sub(Duration::from_mins(1))).await;
        // Somebody of the session is seen: it lasts longer than it seemed when the streams began.
        assert_eq!(status(&get(world, "/ok.html", &proof).await.0), "200");
        pass(Duration::from_mins(2)).await;
        assert!(is_told(world, &mut clients[0], "still").await);
        pass(IDLE_MAX).await;
        for client in &mut clients {
            rest(client).await;
        }
        let proof = session(world).await;
        let mut client = looking(world, "/api/v1/events", &proof, "hello").await;
        let step = IDLE_MAX / 2;
        for _ in 0..AGE_MAX.as_secs() / step.as_secs() - 1 {
            pass(step).await;
            assert_eq!(status(&get(world, "/ok.html", &proof).await.0), "200");
        }
        assert!(is_told(world, &mut client, "old").await);
        pass(step).await;
        rest(&mut client).await;
    });
}

#[test]
fn a_stream_ends_when_another_session_takes_the_place_of_its_own() {
    run(limits(), &users(), async |world| {
        let proof = session(world).await;
        let mut client = looking(world, "/api/v1/events", &proof, "hello").await;
        for _ in 0..16 {
            session(world).await;
        }
        rest(&mut client).await;
        assert_eq!(status(&get(world, "/ok.html", &proof).await.0), "401");
    });
}

#[test]
fn a_stream_of_who_does_not_read_ends_all_the_same() {
    run(limits(), &users(), async |world| {
        world.write_log(&vec![b'x'; 4 << 20]);
        let proof = session(world).await;
        // The original's way to follow a log waits for its reader for ever.
        let mut client = looking(world, "/logtail/g:p", &proof, "xxx").await;
        for _ in 0..64 {
            world.write_log(&vec![b'y'; 1 << 20]);
        }
        log_out(world, &proof).await;
        // What was under way comes, and nothing after it.
        while !client.buffer.ends_with(b"\r\n0\r\n\r\n") && client.more().await {}
        assert!(client.buffer.len() < 64 << 20);
    });
}
