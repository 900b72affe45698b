//! Messages are found wherever a stream is cut, nothing of it is lost, and next to nothing is held back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logs::capture::{BEGIN, Capture, END, Piece};

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let mut capture = Capture::default();
    let mut pieces = Vec::new();
    for chunk in bytes.chunks(usize::from(*cut).max(1)) {
        pieces.extend(capture.feed(chunk));
        let (within, held) = capture.state();
        let token = if within { END } else { BEGIN };
        assert!(held.len() < token.len() && token.starts_with(held), "more than the beginning of a token is held");
        // Another daemon may go on at any moment.
        capture = Capture::with(within, held);
    }
    pieces.extend(capture.finish());
    assert_eq!(joined(pieces), expected(bytes));
});

/// Neighbouring pieces of a kind as one, since cuts may fall anywhere.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (Some(Piece::Plain(before)), Piece::Plain(bytes))
            | (Some(Piece::Captured(before)), Piece::Captured(bytes)) => before.extend(bytes),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// The rule, as simply as it can be said.
fn expected(mut rest: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut within = false;
    loop {
        let token = if within { END } else { BEGIN };
        let found = rest.windows(token.len()).position(|it| it == token);
        let before = &rest[..found.unwrap_or(rest.len())];
        if !before.is_empty() {
            pieces.push(if within { Piece::Captured(before.to_vec()) } else { Piece::Plain(before.to_vec()) });
        }
        let Some(at) = found else { return pieces };
        if within {
            pieces.push(Piece::End);
        }
        within = !within;
        rest = &rest[at + token.len()..];
    }
}
