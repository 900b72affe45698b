//! Files in: the main one, then those that `[include]` names (`options.py`,
//! `ServerOptions.read_config`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Report, Reported, Wrong};
use crate::expand::{Scope, expand};
use crate::ini::{Document, Field, SyntaxError};
use crate::machine::Machine;
use crate::option::include;
use crate::python;
use crate::section::note_read;

/// The largest file that is read: no configuration written by people comes near it, and a device or
/// a database given by mistake must not fill the memory.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// How many files `[include]` may bring in.
pub const INCLUDED_FILES_MAX: usize = 10_000;

/// How much Python reads and decodes at a time; positions in its encoding errors count from the
/// start of such a chunk.
const DECODED_CHUNK_BYTES: usize = 8192;

/// All that was read.
pub(crate) struct Sources {
    pub(crate) document: Document,
    /// The directory of the main file.
    pub(crate) here: String,
    pub(crate) include_patterns: Vec<String>,
    pub(crate) files: Vec<PathBuf>,
}

/// The directory of a configuration file.
pub(crate) fn directory_of(machine: &Machine<'_>, path: &str) -> String {
    machine.absolute(python::dirname(path))
}

/// Reads the main file alone, into a document that keeps what it keeps.
pub(crate) fn read_main(
    machine: &Machine<'_>,
    path: &Path,
    mut document: Document,
    report: &mut Report,
) -> Result<Document, Reported> {
    let name = path.to_string_lossy();
    let file: Arc<str> = name.as_ref().into();
    if !machine.outside.exists(path) {
        let original = format!("could not find config file {name}");
        return Err(report.error(None, Wrong::new(format!("there is no file {name}"), original)));
    }
    let bytes = machine.outside.read(path, FILE_BYTES_MAX).map_err(|error| {
        let original = format!("could not read config file {name}");
        report.error(None, Wrong::new(format!("{name} cannot be read: {}", error.reason), original))
    })?;
    add(&mut document, &file, &bytes, false, report)?;
    Ok(document)
}

/// Reads the main file and what it includes.
pub(crate) fn read_all(machine: &Machine<'_>, path: &Path, report: &mut Report) -> Result<Sources, Reported> {
    let document = read_main(machine, path, Document::new(), report)?;
    let here = directory_of(machine, &path.to_string_lossy());
    let mut sources = Sources { document, here, include_patterns: Vec::new(), files: vec![path.to_owned()] };
    if sources.document.section("include").is_some() {
        read_included(machine, &mut sources, report)?;
    }
    Ok(sources)
}

fn read_included(machine: &Machine<'_>, sources: &mut Sources, report: &mut Report) -> Result<(), Reported> {
    sources.document.replace_here(&sources.here);
    let Some((patterns, field)) = patterns(machine, sources, report)? else { return Ok(()) };
    let base = sources.here.clone();
    for pattern in python::words(&patterns) {
        let pattern = python::join(&base, pattern);
        let found = machine.outside.glob(&without_recursion(&pattern));
        if found.is_empty() {
            report
                .original_warning(Some(field.place()), format!("No file matches via include \"{pattern}\""));
        }
        sources.include_patterns.push(pattern);
        for path in found {
            if sources.files.len() > INCLUDED_FILES_MAX {
                let message = format!("[include] brings in more than {INCLUDED_FILES_MAX} files");
                return Err(report.error(Some(field.place()), Wrong::new(message.clone(), message)));
            }
            read_one(machine, sources, &path, report)?;
        }
    }
    Ok(())
}

/// `**` means no more than `*` in the original; elsewhere it walks through directories.
fn without_recursion(pattern: &str) -> String {
    let mut plain = pattern.to_owned();
    while plain.contains("**") {
        plain = plain.replace("**", "*");
    }
    plain
}

/// The expanded value of `files`, with its field.
fn patterns(
    machine: &Machine<'_>,
    sources: &Sources,
    report: &mut Report,
) -> Result<Option<(String, Field)>, Reported> {
    note_read(&include::FILES);
    let Some(section) = sources.document.section("include") else { return Ok(None) };
    let Some(field) = sources.document.field(section, include::FILES.name) else {
        let wrong =
            Wrong::new("[include] has no `files`", ".ini file has [include] section, but no files setting");
        return Err(
            report.error(Some(section.place.clone()), wrong.or_else_write("write `files = conf.d/*.conf`"))
        );
    };
    let scope =
        Scope::new(&machine.variables).with("here", &sources.here).with("host_node_name", &machine.node_name);
    match expand(&field.value, &scope, "include.files") {
        Ok(patterns) => Ok(Some((patterns.into_owned(), field.clone()))),
        Err(error) => {
            let mut wrong = Wrong::from(error);
            wrong.message = format!("[include] files: {}", wrong.message);
            Err(report.error(Some(field.place()), wrong))
        }
    }
}

/// Reads an included file. One that cannot be read is left out, as in the original.
fn read_one(
    machine: &Machine<'_>,
    sources: &mut Sources,
    path: &Path,
    report: &mut Report,
) -> Result<(), Reported> {
    let name = path.to_string_lossy();
    report.info(format!("Included extra file \"{name}\" during parsing"));
    match machine.outside.read(path, FILE_BYTES_MAX) {
        Ok(bytes) => {
            add(&mut sources.document, &name.as_ref().into(), &bytes, true, report)?;
            sources.files.push(path.to_owned());
        }
        Err(error) => report.warning(None, format!("{name} is left out: {}", error.reason), None),
    }
    sources.document.replace_here(&directory_of(machine, &name));
    Ok(())
}

/// Adds the text of a file to the document.
fn add(
    document: &mut Document,
    file: &Arc<str>,
    bytes: &[u8],
    included: bool,
    report: &mut Report,
) -> Result<(), Reported> {
    let (text, undecodable) = decode(bytes);
    let result = document.read(file, &text, included);
    match (result, undecodable) {
        (Err(SyntaxError::NoHeader { at, line }), _) => {
            let error = SyntaxError::NoHeader { at, line: line.clone() };
            let wrong = Wrong::new("there is text before the first section", error.original(file));
            let remedy = if line.starts_with('\u{feff}') {
                "save the file without a byte order mark"
            } else {
                "start with a line such as `[supervisord]`"
            };
            Err(report.error(Some(at.within(file)), wrong.or_else_write(remedy)))
        }
        // What was understood of a file that cannot be decoded does not count.
        (_, Some(message)) => {
            Err(report.error(None, Wrong::new(format!("{file} is not text: {message}"), message)))
        }
        (Err(SyntaxError::BadLines(lines)), None) => Err(bad_lines(file, lines, report)),
        (Ok(()), None) => Ok(()),
    }
}

/// One diagnostic for each line; the original has one message for them all.
fn bad_lines(file: &Arc<str>, lines: Vec<(crate::span::Point, String)>, report: &mut Report) -> Reported {
    let said = |line: &str| format!("`{}` is neither a section nor an option", python::strip(line));
    let places: Vec<_> = lines.iter().map(|(at, line)| (at.within(file), said(line))).collect();
    let original = SyntaxError::BadLines(lines).original(file);
    for (number, (place, message)) in places.into_iter().enumerate() {
        if number == 0 {
            let wrong = Wrong::new(message, original.clone());
            let remedy = "write `name = value`, or `;` before a comment, or blanks before a continued value";
            report.error(Some(place), wrong.or_else_write(remedy));
        } else {
            report.error_part(Some(place), message);
        }
    }
    Reported
}

/// Text with line feeds for line ends, and why the bytes end earlier than they should.
///
/// Python decodes a file in chunks while it parses: a mistake in an earlier chunk is met before
/// bytes of a later one that are no UTF-8.
fn decode(bytes: &[u8]) -> (String, Option<String>) {
    let (valid, message) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (good, bad) = bytes.split_at(error.valid_up_to());
            let text = std::str::from_utf8(good).unwrap_or_default();
            // Only whole lines of whole chunks have been parsed by then.
            let chunk = text.floor_char_boundary(good.len() / DECODED_CHUNK_BYTES * DECODED_CHUNK_BYTES);
            let parsed = text[..chunk].rfind('\n').map_or(0, |at| at + 1);
            (&text[..parsed], Some(decode_error(good, bad, error.error_len())))
        }
    };
    let text =
        if valid.contains('\r') { valid.replace("\r\n", "\n").replace('\r', "\n") } else { valid.to_owned() };
    (text, message)
}

/// The words of Python's `UnicodeDecodeError`.
fn decode_error(good: &[u8], bad: &[u8], length: Option<usize>) -> String {
    // A sequence cut at the end of a chunk is decoded together with the next one.
    let mut start = good.len() / DECODED_CHUNK_BYTES * DECODED_CHUNK_BYTES;
    while start > 0 && good.get(start).is_some_and(|it| it & 0xc0 == 0x80) {
        start -= 1;
    }
    let first = bad.first().copied().unwrap_or(0);
    let (count, reason) = match length {
        None => (bad.len(), "unexpected end of data"),
        Some(1) if !(0xc2..=0xf4).contains(&first) => (1, "invalid start byte"),
        Some(count) => (count, "invalid continuation byte"),
    };
    // A sequence that goes wrong only in the next chunk, or never ends, is decoded by itself.
    let chunk_of = |at: usize| at / DECODED_CHUNK_BYTES;
    let cut = reason != "invalid start byte" && chunk_of(good.len() + count) > chunk_of(good.len());
    let position = if length.is_none() || cut { 0 } else { good.len() - start };
    match count {
        1 => format!("'utf-8' codec can't decode byte 0x{first:02x} in position {position}: {reason}"),
        _ => format!(
            "'utf-8' codec can't decode bytes in position {position}-{}: {reason}",
            position + count - 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_becomes_one() {
        assert_eq!(decode(b"a\r\nb\rc\nd").0, "a\nb\nc\nd");
    }

    #[test]
    fn bytes_that_are_no_text_are_told_in_the_words_of_python() {
        let said = |bytes: &[u8]| decode(bytes).1.unwrap();
        let cases: [(&[u8], &str); 6] = [
            (b"ab\xff", "'utf-8' codec can't decode byte 0xff in position 2: invalid start byte"),
            (b"a\xc3(", "'utf-8' codec can't decode byte 0xc3 in position 1: invalid continuation byte"),
            (b"a\xe2\x82(", "'utf-8' codec can't decode bytes in position 1-2: invalid continuation byte"),
            (
                b"a\xed\xa0\x80",
                "'utf-8' codec can't decode byte 0xed in position 1: invalid continuation byte",
            ),
            (b"a\xe2\x82", "'utf-8' codec can't decode bytes in position 0-1: unexpected end of data"),
            (b"a\xc3", "'utf-8' codec can't decode byte 0xc3 in position 0: unexpected end of data"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(said(bytes), expected);
        }
        let long = |filler: usize, end: &[u8]| said(&[&vec![b'x'; filler], end].concat());
        assert!(long(10_000, b"\xff").contains("in position 1808: invalid start"));
        assert!(long(8192, b"\xff").contains("in position 0: invalid start"));
        assert!(long(8191, b"\xff").contains("in position 8191: invalid start"));
        assert!(long(8191, b"\xc3\xa9xx\xff").contains("in position 4: invalid start"));
        assert!(long(8191, b"\xc3(").contains("in position 0: invalid continuation"));
        assert!(long(8190, b"\xe2\x82(").contains("in position 0-1: invalid continuation"));
        assert!(long(8189, b"\xe2\x82(").contains("in position 8189-8190: invalid continuation"));
    }
}
