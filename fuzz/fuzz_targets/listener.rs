//! What a listener says does not depend on how the kernel cuts it, and no answer is longer than it may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::listener::Said;
use wire::listener::{ANSWER_BYTES_MAX, EXCERPT_BYTES, Ear};

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = Ear::default().hear(bytes);
    let mut ear = Ear::default();
    let pieces: Vec<Said> =
        bytes.chunks(usize::from(*cut).max(1)).flat_map(|piece| ear.hear(piece)).collect();
    assert_eq!(without_excerpts(&whole), without_excerpts(&pieces));
    for (at, said) in whole.iter().enumerate() {
        let is_last = at + 1 == whole.len();
        match said {
            Said::Ready => {}
            Said::Begun(excerpt) => assert!(!excerpt.is_empty() && excerpt.len() <= EXCERPT_BYTES),
            Said::Answer(answer) => assert!(answer.len() <= ANSWER_BYTES_MAX.min(bytes.len())),
            Said::BadResult(excerpt) | Said::Nonsense(excerpt) => {
                assert!(is_last && excerpt.len() <= EXCERPT_BYTES, "nothing is heard after it");
            }
        }
    }
    an_answer_is_heard_as_it_was_given(bytes, usize::from(*cut).max(1));
});

fn an_answer_is_heard_as_it_was_given(answer: &[u8], cut: usize) {
    let answer = &answer[..answer.len().min(ANSWER_BYTES_MAX)];
    let text = [format!("READY\nRESULT {}\n", answer.len()).as_bytes(), answer, b"READY\n"].concat();
    let mut ear = Ear::default();
    let said: Vec<Said> = text.chunks(cut).flat_map(|piece| ear.hear(piece)).collect();
    assert!(
        matches!(said.as_slice(), [Said::Ready, Said::Begun(_), Said::Answer(it), Said::Ready] if it == answer)
    );
}

/// How much of a beginning or of nonsense is told depends on how much came at once.
fn without_excerpts(said: &[Said]) -> Vec<Said> {
    let bare = |it: &Said| match it {
        Said::Begun(_) => Said::Begun(Vec::new()),
        Said::Nonsense(_) => Said::Nonsense(Vec::new()),
        Said::Ready | Said::Answer(_) | Said::BadResult(_) => it.clone(),
    };
    said.iter().map(bare).collect()
}
