//! The protocol of event listeners: how an event is written to one, and what its answers mean.
//!
//! The format is that of Supervisor's `events.py` and `dispatchers.py`, down to its two oddities: the
//! header counts characters where bytes are sent, and the first seven bytes of an answer may be
//! anything. Who speaks when is not known here; that is the machine's to judge.

use std::fmt::Write;

use model::listener::{Letter, Said};

/// What a listener says when it wants an event.
const READY: &[u8] = b"READY\n";

/// How many bytes stand before the number in the line `RESULT n`. The original does not look at them.
const RESULT_START_BYTES: usize = 7;

/// The longest line `RESULT n` that is waited for. The number needs a few bytes; a listener that writes
/// this much without a line break does not speak the protocol.
pub const RESULT_LINE_BYTES_MAX: usize = 1024;

/// The longest answer. `OK` has two bytes, but some listeners say the event again, each line with a name in
/// front, and one of `PROCESS_LOG` may have 128 KiB. Who announces more would keep us listening for ever.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// How much is told of what cannot be understood.
pub const EXCERPT_BYTES: usize = 128;

/// Hardly any header is longer.
const HEADER_BYTES: usize = 160;

/// An event as a listener reads it: a line of header and the payload, without anything at its end.
///
/// `len` counts characters: Python listeners read text, and depend on it.
pub fn encode(server: &str, letter: &Letter) -> Vec<u8> {
    let Letter { serial, pool, pool_serial, event } = letter;
    let payload = event.payload();
    let (name, length) = (event.kind().as_str(), payload.chars().count());
    let mut text = String::with_capacity(HEADER_BYTES + payload.len());
    // Into memory: nothing can fail.
    let _ = writeln!(
        text,
        "ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{pool_serial} eventname:{name} \
         len:{length}"
    );
    text.push_str(&payload);
    text.into_bytes()
}

/// Cuts what one listener writes into what it says. It keeps at most one line or one answer.
#[derive(Debug, Default)]
pub struct Ear {
    expects: Expected,
    /// What has been read and means nothing yet.
    buffer: Vec<u8>,
    /// The line that says how long the answer is whose rest has yet to come.
    line: Vec<u8>,
}

/// What should come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expected {
    /// `READY`.
    #[default]
    Ready,
    /// The first byte of an answer.
    Answer,
    /// The rest of the line `RESULT n`.
    Line,
    /// This many bytes after it.
    Body(usize),
    /// Nothing: it has said what cannot be understood, and nobody listens any more.
    Nothing,
}

impl Ear {
    /// For a listener that has asked for an event before.
    pub fn for_an_answer() -> Self {
        Self { expects: Expected::Answer, ..Self::default() }
    }

    /// For a listener that has said what cannot be understood before.
    pub fn for_nothing() -> Self {
        Self { expects: Expected::Nothing, ..Self::default() }
    }

    /// What was heard and is not finished: with it, an ear for what comes next in this conversation knows all that
    /// this one does.
    pub fn unfinished(&self) -> Vec<u8> {
        [self.line.as_slice(), &self.buffer].concat()
    }

    /// Whether what comes can still mean something.
    pub fn listens(&self) -> bool {
        self.expects != Expected::Nothing
    }

    /// Takes what was read, and returns what that says.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut heard = Vec::new();
        if self.expects == Expected::Nothing {
            return heard;
        }
        self.buffer.extend_from_slice(bytes);
        let mut rest = std::mem::take(&mut self.buffer);
        let mut at = 0;
        while let Some((count, said)) = self.next(rest.get(at..).unwrap_or_default()) {
            at += count;
            heard.extend(said);
        }
        rest.drain(..at.min(rest.len()));
        self.buffer = rest;
        heard
    }

    /// Takes one step along `bytes`: how many of them are done with, and what they say. `None` when
    /// more must come first.
    fn next(&mut self, bytes: &[u8]) -> Option<(usize, Option<Said>)> {
        if bytes.is_empty() && self.expects != Expected::Body(0) {
            return None;
        }
        match self.expects {
            Expected::Ready if bytes.starts_with(READY) => {
                self.expects = Expected::Answer;
                Some((READY.len(), Some(Said::Ready)))
            }
            Expected::Ready if READY.starts_with(bytes) => None,
            Expected::Ready => Some(self.give_up(bytes, Said::Nonsense)),
            Expected::Answer => {
                self.expects = Expected::Line;
                Some((0, Some(Said::Begun(excerpt(bytes)))))
            }
            Expected::Line => self.line(bytes),
            Expected::Body(length) => {
                let answer = bytes.get(..length)?.to_vec();
                self.line.clear();
                self.expects = Expected::Ready;
                Some((length, Some(Said::Answer(answer))))
            }
            Expected::Nothing => None,
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Option<(usize, Option<Said>)> {
        let window = bytes.get(..RESULT_LINE_BYTES_MAX).unwrap_or(bytes);
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            let is_too_long = window.len() == RESULT_LINE_BYTES_MAX;
            return is_too_long.then(|| self.give_up(bytes, Said::BadResult));
        };
        let line = window.get(..end).unwrap_or_default();
        if let Some(length) = answer_length(line) {
            self.expects = Expected::Body(length);
            self.line = window.get(..=end).unwrap_or_default().to_vec();
            return Some((end + 1, None));
        }
        let (_, said) = self.give_up(line, Said::BadResult);
        Some((bytes.len(), said))
    }

    /// Listens no more; `bytes` are why.
    fn give_up(&mut self, bytes: &[u8], said: impl FnOnce(Vec<u8>) -> Said) -> (usize, Option<Said>) {
        self.expects = Expected::Nothing;
        (bytes.len(), Some(said(excerpt(bytes))))
    }
}

fn excerpt(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..EXCERPT_BYTES).unwrap_or(bytes).to_vec()
}

/// The number of a line `RESULT n`, which may look as Python's `int` takes it: with blanks around it,
/// a plus before it and single underscores within.
fn answer_length(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line.get(RESULT_START_BYTES..)?).ok()?.trim_ascii();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_well_formed = digits.split('_').all(|part| !part.is_empty());
    let length: usize = is_well_formed.then(|| digits.replace('_', ""))?.parse().ok()?;
    (!digits.contains('+') && length <= ANSWER_BYTES_MAX).then_some(length)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::event::{Event, StateDetail, TickPeriod};
    use model::name::{FullName, GroupName, ProcessName};
    use model::state::ProcessState;
    use proptest::prelude::*;

    use super::*;

    fn heard(chunks: &[&[u8]]) -> Vec<Said> {
        let mut ear = Ear::default();
        chunks.iter().flat_map(|it| ear.hear(it)).collect()
    }

    fn begun(bytes: &[u8]) -> Said {
        Said::Begun(bytes.to_vec())
    }

    fn answer(bytes: &[u8]) -> Said {
        Said::Answer(bytes.to_vec())
    }

    #[test]
    fn a_letter_is_a_header_and_a_payload_counted_in_characters() {
        let letter = |event| Letter {
            serial: 21,
            pool: GroupName::parse("listener").unwrap(),
            pool_serial: 10,
            event: Arc::new(event),
        };
        let tick = Event::Tick { period: TickPeriod::Five, when: 5 };
        assert_eq!(
            String::from_utf8(encode("here", &letter(tick))).unwrap(),
            "ver:3.0 server:here serial:21 pool:listener poolserial:10 eventname:TICK_5 len:6\nwhen:5"
        );
        let name =
            FullName { group: GroupName::parse("g").unwrap(), process: ProcessName::expanded("caf\u{e9}") };
        let (from, to, detail) = (ProcessState::Stopping, ProcessState::Fatal, StateDetail::None);
        let state = Event::ProcessState { name, from, to, detail };
        let text = String::from_utf8(encode("here", &letter(state))).unwrap();
        let (header, payload) = text.split_once('\n').unwrap();
        assert!(header.ends_with(&format!("len:{}", payload.len() - 1)), "{header}");
    }

    #[test]
    fn answers_are_cut_where_they_say() {
        let whole = [Said::Ready, begun(b"RESULT 2\nOKREADY\n"), answer(b"OK"), Said::Ready];
        assert_eq!(heard(&[b"READY\nRESULT 2\nOKREADY\n"]), whole);
        let in_pieces = [Said::Ready, begun(b"RES"), answer(b"OK"), Said::Ready];
        assert_eq!(heard(&[b"REA", b"DY\n", b"RES", b"ULT 2", b"\n", b"O", b"KRE", b"ADY\n"]), in_pieces);
        assert_eq!(heard(&[b"READY\n", b"RESULT 0\n"])[2], answer(b""));
    }

    #[test]
    fn what_is_unfinished_is_all_another_ear_needs() {
        let text = b"READY\nRESULT 4\nFAILREADY\nRESULT 2\nOK";
        for cut in 0..text.len() {
            let mut first = Ear::default();
            let before = first.hear(&text[..cut]);
            let readies = before.iter().filter(|it| **it == Said::Ready).count();
            let answers = before.iter().filter(|it| matches!(it, Said::Answer(_))).count();
            // Where the conversation stands is known without the ear.
            let mut second = if readies > answers { Ear::for_an_answer() } else { Ear::default() };
            second.hear(&first.unfinished());
            let rest = |ear: &mut Ear| {
                let all = ear.hear(&text[cut..]).into_iter();
                all.filter(|it| !matches!(it, Said::Begun(_))).collect::<Vec<_>>()
            };
            assert_eq!(rest(&mut second), rest(&mut first), "after {cut} bytes");
        }
    }

    #[test]
    fn a_result_line_is_as_sloppy_as_it_always_was() {
        let lines: [(&[u8], Option<usize>); 12] = [
            (b"RESULT 2", Some(2)),
            (b"1234567 +2 ", Some(2)),
            (b"RESULT  1_0\r", Some(10)),
            (b"RESULT 524288", Some(524_288)),
            (b"RESULT 524289", None),
            (b"RESULT 99999999999999999999", None),
            (b"RESULT -1", None),
            (b"RESULT ++1", None),
            (b"RESULT 1__0", None),
            (b"RESULT ", None),
            (b"2", None),
            (b"RESULT \xff", None),
        ];
        for (line, length) in lines {
            assert_eq!(answer_length(line), length, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_protocol_ends_the_listening() {
        let nonsense = |bytes: &[u8]| vec![Said::Nonsense(bytes.to_vec())];
        assert_eq!(heard(&[b"hello\n", b"READY\n"]), nonsense(b"hello\n"));
        assert_eq!(heard(&[b"REALLY"]), nonsense(b"REALLY"));
        let stray = heard(&[b"READY\n", b"RESULT 2\nOK\nREADY\n"]);
        assert_eq!(stray.last(), Some(&Said::Nonsense(b"\nREADY\n".to_vec())));
        let endless = heard(&[b"READY\n", &[b'x'; 2 * RESULT_LINE_BYTES_MAX], b"\n"]);
        assert_eq!(endless.last(), Some(&Said::BadResult(vec![b'x'; EXCERPT_BYTES])));
        let greedy = heard(&[b"READY\n", b"RESULT 99999999\n", b"x"]);
        assert_eq!(greedy.last(), Some(&Said::BadResult(b"RESULT 99999999".to_vec())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_heard_without_harm_and_without_hoarding(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4096), 0..40)
        ) {
            let mut ear = Ear::default();
            for chunk in &chunks {
                ear.hear(chunk);
                prop_assert!(ear.buffer.len() <= ANSWER_BYTES_MAX + RESULT_LINE_BYTES_MAX);
            }
        }

        #[test]
        fn it_does_not_matter_how_words_are_cut(text in "(READY\n|RESULT [0-9]\n|OK|x|\n){0,12}", cut in 0_usize..80) {
            let said = |chunks: &[&[u8]]| {
                let all = heard(chunks).into_iter();
                // The first bytes of an answer are as many as came at once.
                all.map(|it| match it {
                    Said::Begun(_) => Said::Begun(Vec::new()),
                    Said::Nonsense(_) => Said::Nonsense(Vec::new()),
                    it @ (Said::Ready | Said::Answer(_) | Said::BadResult(_)) => it,
                }).collect::<Vec<_>>()
            };
            let (first, rest) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(said(&[first, rest]), said(&[text.as_bytes()]));
        }
    }
}
