//! The transport against servers that misbehave.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::place::Place;
use crate::transport::{Credentials, Transport};

/// A server that answers the n-th connection with the n-th text, whatever it is asked, and closes.
/// Returns its address and the thread, which yields the requests.
fn scripted(answers: Vec<Vec<u8>>) -> (Place, std::thread::JoinHandle<Vec<String>>) {
    let (place, requests, _) = scripted_and_told(answers);
    (place, requests)
}

/// The same, with a word each time a connection has been closed.
fn scripted_and_told(
    answers: Vec<Vec<u8>>,
) -> (Place, std::thread::JoinHandle<Vec<String>>, std::sync::mpsc::Receiver<()>) {
    let (closed, closings) = std::sync::mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            // A request ends with the body of its one letter.
            while !request.ends_with(b"\r\n\r\nx") && stream.read(&mut byte).unwrap() == 1 {
                request.extend_from_slice(&byte);
            }
            requests.push(String::from_utf8(request).unwrap());
            for piece in answer.chunks(3) {
                // A client that has seen enough may be gone.
                let _ = stream.write_all(piece);
            }
            drop(stream);
            let _ = closed.send(()); // Most tests do not listen.
        }
        requests
    });
    (Place::Tcp { host: "127.0.0.1".to_owned(), port, is_secure: false }, requests, closings)
}

fn post(answer: &[u8]) -> Result<String, String> {
    let (place, requests) = scripted(vec![answer.to_vec()]);
    let result = Transport::new(place, None, None).post("/RPC2", b"x");
    requests.join().unwrap();
    result.map(|it| String::from_utf8(it).unwrap()).map_err(|it| it.to_string())
}

#[test]
fn an_answer_is_read_however_it_is_framed() {
    let good = Ok("hello".to_owned());
    assert_eq!(post(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), good);
    assert_eq!(post(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), good);
    assert_eq!(post(b"HTTP/1.0 200 OK\r\n\r\nhello"), good);
    assert_eq!(post(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), good);
}

#[test]
fn what_is_no_good_answer_has_its_own_words() {
    let cases: [(&[u8], &str); 8] = [
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "the server answered 401 Unauthorized"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "the server answered 404 Not Found"),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", "the server answered 500 Internal Server Error"),
        (b"", "the server closed the connection without an answer"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
            "the server closed the connection in the middle of its answer",
        ),
        (b"HTTP/1.1 200", "the server closed the connection in the middle of its answer"),
        (b"SSH-2.0-OpenSSH\r\n", "the server's answer does not begin like HTTP: \"SSH\""),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
            "the server's answer has a body of more than 268435456 bytes",
        ),
    ];
    for (answer, error) in cases {
        assert_eq!(post(answer).unwrap_err().split(": \"SSH").next(), error.split(": \"SSH").next());
    }
}

#[test]
fn a_connection_the_server_has_closed_is_opened_anew() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let (place, requests, closings) = scripted_and_told(vec![answer.clone(), answer]);
    let login = Credentials { username: "me".to_owned(), password: "pässword".to_owned() };
    let mut transport = Transport::new(place, Some(login), None);
    assert_eq!(transport.post("/RPC2", b"x").unwrap(), b"ok");
    // What is asked while the server is closing may be lost, and is never asked twice.
    closings.recv().unwrap();
    assert_eq!(transport.post("/RPC2", b"x").unwrap(), b"ok");
    let requests = requests.join().unwrap();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].starts_with("POST /RPC2 HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert!(requests[0].contains("\r\nAuthorization: Basic bWU6cMOkc3N3b3Jk\r\n"));
}

#[test]
fn the_end_of_a_server_is_the_end_of_its_connection() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let (place, requests) = scripted(vec![answer]);
    let mut transport = Transport::new(place, None, None);
    transport.wait_closed().unwrap();
    assert_eq!(transport.post("/RPC2", b"x").unwrap(), b"ok");
    transport.wait_closed().unwrap();
    requests.join().unwrap();
}

#[test]
fn a_socket_that_is_missing_dead_or_too_long_is_told_apart() {
    let room = tempfile::tempdir().unwrap();
    let dead = room.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let cases = [
        (room.path().join("none.sock"), "No such file or directory"),
        (dead, "Connection refused"),
        (room.path().join("x".repeat(200)), "File name too long"),
    ];
    for (path, words) in cases {
        let error = Transport::new(Place::Unix(path), None, None).post("/RPC2", b"x").unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
