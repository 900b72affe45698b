//! Somebody of each kind, and how they come in.

use std::time::Duration;

use gate::digest::Digest;
use gate::password::Password;
use gate::user::{User, Users};
use model::role::Role;

use super::{World, header, status};

/// Of `password`, and cheap to try.
pub(crate) const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

pub(crate) fn users() -> Users {
    let user = |name: &str, role, password: Option<&str>, token: Option<&str>| User {
        name: name.into(),
        role,
        password: password.map(|it| Password::parse(it).unwrap()),
        tokens: token.map(Digest::of_token).into_iter().collect(),
    };
    Users::new(vec![
        user("ann", Role::Admin, Some(HASH), None),
        user("bob", Role::Operator, Some("plain"), None),
        user("prom", Role::Viewer, None, Some("menshen_t")),
    ])
}

/// One request by TCP: its head and its body.
pub(crate) async fn ask(world: &World, request: &str) -> (String, String) {
    let mut client = world.tcp().await;
    client.send(request).await;
    client.answer().await
}

pub(crate) async fn get(world: &World, path: &str, headers: &str) -> (String, String) {
    ask(world, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await
}

pub(crate) async fn post(world: &World, path: &str, headers: &str, body: &str) -> (String, String) {
    let length = body.len();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{form}{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    ask(world, &request).await
}

pub(crate) const OURS: &str = "Origin: http://localhost\r\n";

pub(crate) async fn log_in(world: &World, form: &str) -> (String, String) {
    post(world, "/login", OURS, form).await
}

/// The header that proves a new session.
pub(crate) async fn session(world: &World) -> String {
    let (head, _) = log_in(world, "username=ann&password=password&back=%2Fevents").await;
    assert_eq!(status(&head), "303", "{head}");
    cookie(&head)
}

pub(crate) fn cookie(head: &str) -> String {
    let set = header(head, "Set-Cookie").unwrap();
    format!("Cookie: x=1; {}\r\n", set.split(';').next().unwrap())
}

/// Lets time go by.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
