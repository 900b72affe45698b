//! What a line looks like in the log, where it is not what the program wrote.

use std::borrow::Cow;
use std::fmt::Write as _;

use model::keeping::LogFormat;
use model::time::{Civil, Wall, Zone};

use crate::pump::StreamId;

/// A line that does not end is an object of its own at each so many bytes: no program can make us hold
/// more of it.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Makes the lines of one pipe. Of a line that has come in part, `prefix` remembers that it has begun, the others
/// what has come of it.
#[derive(Debug)]
pub(crate) enum Formatter {
    Prefix {
        is_within_line: bool,
    },
    Json {
        begun: Vec<u8>,
    },
    /// Bytes as they are, or with a prefix, for a target that others write to as well: only whole lines,
    /// so that none goes on in another's.
    Whole {
        lines: WholeLines,
        is_prefixed: bool,
        is_within_line: bool,
    },
}

/// Lets only whole lines through.
#[derive(Debug, Default)]
pub(crate) struct WholeLines {
    begun: Vec<u8>,
}

impl WholeLines {
    /// What is whole now; a line that is too long comes in pieces.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.begun.extend_from_slice(bytes);
        let ends = self.begun.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let rest = self.begun.split_off(ends);
        if rest.len() > LINE_BYTES_MAX {
            self.begun.extend(rest);
            return self.finish();
        }
        std::mem::replace(&mut self.begun, rest)
    }

    /// What has come of the last line.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.begun)
    }
}

/// Adds lines with something in front of each that begins here.
fn prefixed(bytes: &[u8], prefix: &str, is_within_line: &mut bool, log: &mut Vec<u8>) {
    for line in bytes.split_inclusive(|it| *it == b'\n') {
        if !*is_within_line {
            log.extend_from_slice(prefix.as_bytes());
        }
        log.extend_from_slice(line);
        *is_within_line = !line.ends_with(b"\n");
    }
}

/// What is said about a line: when it came, and from where.
pub(crate) struct Origin<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) wall: Wall,
    pub(crate) zone: &'a dyn Zone,
}

impl Formatter {
    /// None for what stays as it is. `by_lines`: others write to the same target.
    pub(crate) fn of(format: LogFormat, by_lines: bool) -> Option<Self> {
        let whole = |is_prefixed| {
            Some(Self::Whole { lines: WholeLines::default(), is_prefixed, is_within_line: false })
        };
        match format {
            LogFormat::Raw if by_lines => whole(false),
            LogFormat::Raw => None,
            LogFormat::Prefix if by_lines => whole(true),
            LogFormat::Prefix => Some(Self::Prefix { is_within_line: false }),
            LogFormat::Json => Some(Self::Json { begun: Vec::new() }),
        }
    }

    /// Adds to `log` what `bytes` make.
    pub(crate) fn feed(&mut self, bytes: &[u8], origin: &Origin<'_>, log: &mut Vec<u8>) {
        match self {
            Self::Prefix { is_within_line } => prefixed(bytes, &prefix(origin), is_within_line, log),
            Self::Whole { lines, is_prefixed, is_within_line } => {
                let whole = lines.feed(bytes);
                let prefix = if *is_prefixed { prefix(origin) } else { String::new() };
                prefixed(&whole, &prefix, is_within_line, log);
            }
            Self::Json { begun } => {
                let head = head(origin);
                let lines = bytes.split_inclusive(|it| *it == b'\n');
                for line in lines {
                    begun.extend_from_slice(line);
                    let mut left = begun.as_slice();
                    while let Some(most) =
                        left.get(..LINE_BYTES_MAX).filter(|_| left.len() > LINE_BYTES_MAX + 1)
                    {
                        let (part, rest) = left.split_at(LINE_BYTES_MAX - cut_character(most));
                        object(&head, part, true, log);
                        left = rest;
                    }
                    *begun = match left.strip_suffix(b"\n") {
                        Some(line) => {
                            object(&head, line, false, log);
                            Vec::new()
                        }
                        None => left.to_owned(),
                    };
                }
            }
        }
    }

    /// Adds to `log` what the end of the pipe makes.
    pub(crate) fn finish(&mut self, origin: &Origin<'_>, log: &mut Vec<u8>) {
        match self {
            // Another child's first line must not go on in this one's last.
            Self::Prefix { is_within_line } => {
                if std::mem::take(is_within_line) {
                    log.push(b'\n');
                }
            }
            Self::Whole { lines, is_prefixed, is_within_line } => {
                let prefix = if *is_prefixed { prefix(origin) } else { String::new() };
                prefixed(&lines.finish(), &prefix, is_within_line, log);
                if std::mem::take(is_within_line) && *is_prefixed {
                    log.push(b'\n');
                }
            }
            Self::Json { begun } => {
                if !begun.is_empty() {
                    object(&head(origin), &std::mem::take(begun), false, log);
                }
            }
        }
    }

    /// What it remembers; nothing between two lines.
    pub(crate) fn state(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Prefix { is_within_line: true } => Cow::Borrowed(b"1"),
            Self::Prefix { is_within_line: false } => Cow::Borrowed(b""),
            Self::Whole { lines, is_within_line: false, .. } if lines.begun.is_empty() => Cow::Borrowed(b""),
            Self::Whole { lines, is_within_line, .. } => {
                Cow::Owned([&[u8::from(*is_within_line)], lines.begun.as_slice()].concat())
            }
            Self::Json { begun } => Cow::Borrowed(begun),
        }
    }

    /// Goes on from there.
    pub(crate) fn restore(&mut self, state: &[u8]) {
        match self {
            Self::Prefix { is_within_line } => *is_within_line = !state.is_empty(),
            Self::Whole { lines, is_within_line, .. } => {
                let (within, begun) =
                    state.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
                *is_within_line = within == 1;
                begun.clone_into(&mut lines.begun);
            }
            Self::Json { begun } => state.clone_into(begun),
        }
    }
}

/// How many bytes at the end are the beginning of a character.
fn cut_character(bytes: &[u8]) -> usize {
    for (byte, count) in bytes.iter().rev().take(3).zip(1..) {
        let needed = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            0x00..=0x7f => 1,
        };
        return if needed > count { count } else { 0 };
    }
    0
}

/// `2026-11-20 23:40:27,123 web:web_0 stdout: `
fn prefix(origin: &Origin<'_>) -> String {
    let it = origin.zone.civil(origin.wall);
    let Civil { year, month, day, hour, minute, second, millis } = it;
    let StreamId { name, channel } = origin.stream;
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{millis:03} {name} {channel}: ")
}

/// The object without its line: the time is universal, for machines.
fn head(origin: &Origin<'_>) -> String {
    let it = model::time::Utc.civil(origin.wall);
    let Civil { year, month, day, hour, minute, second, .. } = it;
    let micros = origin.wall.micros.rem_euclid(1_000_000);
    let StreamId { name, channel } = origin.stream;
    let mut text = format!(
        "{{\"time\":\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z\",\"process\":"
    );
    quote(&name.to_string(), &mut text);
    let _ = write!(text, ",\"stream\":\"{channel}\",\"line\":");
    text
}

fn object(head: &str, line: &[u8], is_part: bool, log: &mut Vec<u8>) {
    let mut text = String::with_capacity(head.len() + line.len() + 16);
    text.push_str(head);
    quote(&String::from_utf8_lossy(line), &mut text);
    text.push_str(if is_part { ",\"partial\":true}\n" } else { "}\n" });
    log.extend_from_slice(text.as_bytes());
}

/// A string of JSON (RFC 8259, section 7).
fn quote(text: &str, into: &mut String) {
    into.push('"');
    for it in text.chars() {
        match it {
            '"' | '\\' => into.extend(['\\', it]),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            // Also what a terminal obeys, so that the log can be looked at.
            it if it.is_control() => {
                let _ = write!(into, "\\u{:04x}", u32::from(it));
            }
            it => into.push(it),
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests {
    use model::child::Channel;
    use model::name::{FullName, GroupName, ProcessName};
    use model::time::Utc;

    use super::*;

    fn made(format: LogFormat, by_lines: bool, chunks: &[&[u8]]) -> String {
        let name = FullName { group: GroupName::parse("g").unwrap(), process: ProcessName::expanded("web") };
        let stream = StreamId { name, channel: Channel::Stdout };
        let origin = Origin { stream: &stream, wall: Wall { micros: 951_782_399_123_456 }, zone: &Utc };
        let mut formatter = Formatter::of(format, by_lines).unwrap();
        let mut log = Vec::new();
        for bytes in chunks {
            formatter.feed(bytes, &origin, &mut log);
            let state = formatter.state().into_owned();
            formatter = Formatter::of(format, by_lines).unwrap();
            formatter.restore(&state);
        }
        formatter.finish(&origin, &mut log);
        String::from_utf8(log).unwrap()
    }

    #[test]
    fn lines_are_the_same_wherever_they_are_cut() {
        let whole = "one\n\nt\u{e9}\"\\\x1b[1mwo\nthree".as_bytes();
        let prefix = "2000-02-28 23:59:59,123 g:web stdout: ";
        let head =
            "{\"time\":\"2000-02-28T23:59:59.123456Z\",\"process\":\"g:web\",\"stream\":\"stdout\",\"line\":";
        let prefixed = format!("{prefix}one\n{prefix}\n{prefix}t\u{e9}\"\\\x1b[1mwo\n{prefix}three\n");
        let objects = ["\"one\"", "\"\"", "\"t\u{e9}\\\"\\\\\\u001b[1mwo\"", "\"three\""];
        let objects: String = objects.iter().flat_map(|it| [head, *it, "}\n"]).collect();
        for at in 0..=whole.len() {
            let (one, other) = whole.split_at(at);
            for by_lines in [false, true] {
                assert_eq!(made(LogFormat::Prefix, by_lines, &[one, other]), prefixed, "cut at {at}");
                assert_eq!(made(LogFormat::Json, by_lines, &[one, other]), objects, "cut at {at}");
            }
            assert_eq!(made(LogFormat::Raw, true, &[one, other]).as_bytes(), whole, "cut at {at}");
        }
    }

    #[test]
    fn a_line_without_end_comes_in_parts_that_are_whole_characters() {
        let line = "\u{e9}".repeat(LINE_BYTES_MAX);
        let odd = format!("x{line}\n");
        let text = made(LogFormat::Json, false, &[odd.as_bytes()]);
        assert_eq!(text.lines().count(), 3);
        assert!(!text.contains('\u{fffd}'));
        assert_eq!(text.lines().filter(|it| it.ends_with(",\"partial\":true}")).count(), 2);
        assert_eq!(text.matches('\u{e9}').count(), LINE_BYTES_MAX);
    }

    #[test]
    fn only_whole_lines_come_through_until_one_is_too_long() {
        let mut lines = WholeLines::default();
        assert_eq!(lines.feed(b"ha"), b"");
        assert_eq!(lines.feed(b"lf\none\ntw"), b"half\none\n");
        assert_eq!(lines.feed(b"o\n"), b"two\n");
        let long = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines.feed(&long), b"");
        assert_eq!(lines.feed(b"y"), [long.as_slice(), b"y"].concat());
        assert_eq!(lines.feed(b"end"), b"");
        assert_eq!(lines.finish(), b"end");
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        assert!(made(LogFormat::Json, false, &[b"a\xffb\n"]).contains("\"a\u{fffd}b\""));
    }
}
