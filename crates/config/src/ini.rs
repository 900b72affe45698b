//! Lines to sections and fields: the dialect of Python's `RawConfigParser` as the original sets it
//! up (`options.py`, `UnhosedConfigParser`), with the place of everything.
//!
//! Every surprise in here is Python's and is kept on purpose: files in the wild depend on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::python;
use crate::span::{Point, Span};

/// The section whose fields stand in for those that other sections lack.
const DEFAULT_SECTION: &str = "DEFAULT";

/// Up to how many fields of a section are looked through without an index. Comparing lengths tells nearly all apart.
const UNINDEXED_MAX: usize = 16;

/// One `name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// In lower case.
    pub(crate) name: String,
    /// With the lines of a longer value joined by line feeds.
    pub(crate) value: String,
    /// The file it was last set in.
    pub(crate) file: Arc<str>,
    /// Where the name is.
    pub(crate) name_at: Point,
    /// Where the first line of the value starts.
    pub(crate) value_at: Point,
    /// Where each further line of it starts; most values have none.
    pub(crate) more_at: Vec<Point>,
}

impl Field {
    /// Where the value starts: its first line with something on it.
    pub(crate) fn place(&self) -> Span {
        let filled = self.value.lines().position(|line| !line.is_empty()).unwrap_or(0);
        let line = match filled.checked_sub(1) {
            None => &self.value_at,
            Some(further) => self.more_at.get(further).unwrap_or(&self.name_at),
        };
        line.within(&self.file)
    }

    /// Where the name is.
    pub(crate) fn name_place(&self) -> Span {
        self.name_at.within(&self.file)
    }
}

/// One `[header]` with all fields that were ever put under it.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) name: String,
    /// In the order in which they first appeared.
    pub(crate) fields: Vec<Field>,
    /// Where each is, once there are more than are found as fast by looking at them all.
    index: BTreeMap<String, usize>,
    /// Where its header first appeared.
    pub(crate) place: Span,
    /// Whether that was in an included file.
    pub(crate) included: bool,
    /// Where its header appeared again in another file.
    pub(crate) again: Vec<Span>,
}

impl Section {
    fn new(name: &str, place: Span, included: bool) -> Self {
        Self {
            name: name.to_owned(),
            fields: Vec::new(),
            index: BTreeMap::new(),
            place,
            included,
            again: Vec::new(),
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|at| &self.fields[at])
    }

    fn position(&self, name: &str) -> Option<usize> {
        if self.fields.len() <= UNINDEXED_MAX {
            return self.fields.iter().position(|it| it.name == name);
        }
        self.index.get(name).copied()
    }

    /// Sets a field and returns its position and what it replaced.
    fn set(&mut self, field: Field) -> (usize, Option<Field>) {
        if let Some(at) = self.position(&field.name) {
            return (at, Some(std::mem::replace(&mut self.fields[at], field)));
        }
        self.fields.push(field);
        if self.fields.len() > UNINDEXED_MAX {
            let unindexed = self.fields.iter().enumerate().skip(self.index.len());
            self.index.extend(unindexed.map(|(at, it)| (it.name.clone(), at)));
        }
        (self.fields.len() - 1, None)
    }
}

/// A field that the same file sets twice in one section; the second stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repetition {
    pub(crate) section: String,
    pub(crate) option: String,
    pub(crate) first: Span,
    pub(crate) second: Span,
}

/// All files read so far, merged.
#[derive(Debug)]
pub(crate) struct Document {
    /// In the order in which they first appeared.
    pub(crate) sections: Vec<Section>,
    index: BTreeMap<String, usize>,
    /// The fields of `[DEFAULT]`.
    pub(crate) defaults: Section,
    pub(crate) repetitions: Vec<Repetition>,
    /// The sections that have been written to since `replace_here` went over them.
    touched: BTreeSet<usize>,
    /// Which sections are kept, by their names. Of all others nothing is but their mistakes.
    keeps: fn(&str) -> bool,
}

/// Why a file is no configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyntaxError {
    /// A line comes before the first section.
    NoHeader {
        at: Point,
        /// With its line feed.
        line: String,
    },
    /// Lines that are neither a header nor a field nor part of a value, with their line feeds.
    BadLines(Vec<(Point, String)>),
}

impl SyntaxError {
    /// The words of `configparser` for it.
    pub(crate) fn original(&self, file: &str) -> String {
        match self {
            Self::NoHeader { at, line } => format!(
                "File contains no section headers.\nfile: {}, line: {}\n{}",
                python::repr(file),
                at.line,
                python::repr(line)
            ),
            Self::BadLines(lines) => {
                let mut text = format!("Source contains parsing errors: {}", python::repr(file));
                for (at, line) in lines {
                    write!(text, "\n\t[line {:>2}]: {}", at.line, python::repr(line))
                        .expect("writing to a string cannot fail");
                }
                text
            }
        }
    }
}

impl Document {
    pub(crate) fn new() -> Self {
        Self::of(|_| true)
    }

    /// One that keeps only the sections of such names, and `[DEFAULT]`: with thousands of programs in a file it is
    /// much less work to find the one section that is wanted.
    pub(crate) fn of(keeps: fn(&str) -> bool) -> Self {
        let nowhere = Span { file: "".into(), line: 0, column: 0 };
        Self {
            sections: Vec::new(),
            index: BTreeMap::new(),
            defaults: Section::new(DEFAULT_SECTION, nowhere, false),
            repetitions: Vec::new(),
            touched: BTreeSet::new(),
            keeps,
        }
    }

    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.index.get(name).map(|at| &self.sections[*at])
    }

    /// A field of a section, or of `[DEFAULT]` when the section has none of that name.
    pub(crate) fn field<'a>(&'a self, section: &'a Section, name: &str) -> Option<&'a Field> {
        section.field(name).or_else(|| self.defaults.field(name))
    }

    /// Adds what `text` says.
    pub(crate) fn read(&mut self, file: &Arc<str>, text: &str, included: bool) -> Result<(), SyntaxError> {
        let mut reader = LineReader {
            document: self,
            file,
            included,
            target: None,
            field: None,
            indent: 0,
            bad: Vec::new(),
        };
        for (number, line) in (1..).zip(lines(text)) {
            reader.line(number, line)?;
        }
        reader.close_field();
        let bad = reader.bad;
        if bad.is_empty() { Ok(()) } else { Err(SyntaxError::BadLines(bad)) }
    }

    /// Replaces the text `%(here)s` in all values so far (`UnhosedConfigParser.expand_here`).
    ///
    /// A default that holds it becomes a field of each section there is now, so that a section of
    /// a later file can get another directory for it. Only sections that the last file wrote to can
    /// hold it; going over all of them would make many small files slow.
    pub(crate) fn replace_here(&mut self, here: &str) {
        const HERE: &str = "%(here)s";
        // Looking for the one character first is much cheaper, and hardly any value has it.
        let holds = |it: &str| it.contains('%') && it.contains(HERE);
        let concerned = |it: &&Field| holds(&it.value);
        let defaults: Vec<Field> = self.defaults.fields.iter().filter(concerned).cloned().collect();
        for at in std::mem::take(&mut self.touched) {
            let section = &mut self.sections[at];
            for default in &defaults {
                if section.field(&default.name).is_none() {
                    section.set(default.clone());
                }
            }
            for field in section.fields.iter_mut().filter(|it| holds(&it.value)) {
                field.value = field.value.replace(HERE, here);
            }
        }
    }

    /// Finds a section or makes it.
    fn open(&mut self, name: &str, place: Span, included: bool) -> Target {
        if let Some(at) = self.index.get(name) {
            self.touched.insert(*at);
            let section = &mut self.sections[*at];
            if section.place.file != place.file {
                section.again.push(place);
            }
            return Target::Section(*at);
        }
        if name == DEFAULT_SECTION {
            // A new default concerns every section.
            self.touched.extend(0..self.sections.len());
            return Target::Defaults;
        }
        if !(self.keeps)(name) {
            return Target::Left;
        }
        self.touched.insert(self.sections.len());
        self.index.insert(name.to_owned(), self.sections.len());
        self.sections.push(Section::new(name, place, included));
        Target::Section(self.sections.len() - 1)
    }
}

/// Which section a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Defaults,
    Section(usize),
    /// One that is not kept.
    Left,
}

struct LineReader<'a> {
    document: &'a mut Document,
    file: &'a Arc<str>,
    included: bool,
    target: Option<Target>,
    /// The field that a deeper line continues; which one does not matter where nothing is kept.
    field: Option<usize>,
    /// How deep the last header or field was.
    indent: usize,
    bad: Vec<(Point, String)>,
}

impl LineReader<'_> {
    fn line(&mut self, number: u32, line: &str) -> Result<(), SyntaxError> {
        if self.target == Some(Target::Left) && is_plain_field(line) {
            // Nearly all lines of a file with many programs, of which a client wants none.
            (self.field, self.indent) = (Some(0), 0);
            return Ok(());
        }
        let comment = comment_start(line);
        let value = python::strip(&line[..comment.unwrap_or(line.len())]);
        let lead = line.len() - line.trim_start_matches(python::is_space).len();
        let indent = line[..lead].chars().count();
        let at = Point { line: number, column: to_u32(indent + 1) };
        if value.is_empty() {
            // An empty line is part of the value it stands in; a comment is not even that.
            if comment.is_none() {
                self.continue_field("", at);
            }
            return Ok(());
        }
        if self.field.is_some() && indent > self.indent {
            self.continue_field(value, at);
            return Ok(());
        }
        self.indent = indent;
        if let Some(header) = header(value) {
            self.close_field();
            let place = at.within(self.file);
            self.target = Some(self.document.open(header, place, self.included));
            return Ok(());
        }
        let Some(target) = self.target else {
            return Err(SyntaxError::NoHeader { at, line: line.to_owned() });
        };
        match split_field(value) {
            Some((name, offset)) if !name.is_empty() => self.open_field(target, name, value, offset, at),
            Some(_) => {
                self.close_field();
                self.bad.push((at, line.to_owned()));
            }
            // The field before it goes on: a deeper line that follows is still part of it.
            None => self.bad.push((at, line.to_owned())),
        }
        Ok(())
    }

    fn section(&mut self, target: Target) -> Option<&mut Section> {
        match target {
            Target::Defaults => Some(&mut self.document.defaults),
            Target::Section(at) => Some(&mut self.document.sections[at]),
            Target::Left => None,
        }
    }

    /// The field that a deeper line continues.
    fn field(&mut self) -> Option<&mut Field> {
        let (target, position) = (self.target?, self.field?);
        Some(&mut self.section(target)?.fields[position])
    }

    fn open_field(&mut self, target: Target, name: &str, line: &str, offset: usize, at: Point) {
        self.close_field();
        let file = Arc::clone(self.file);
        let Some(section) = self.section(target) else {
            self.field = Some(0);
            return;
        };
        let column = at.column.saturating_add(to_u32(line[..offset].chars().count()));
        let field = Field {
            name: lowercase(name),
            value: line[offset..].to_owned(),
            file,
            name_at: at,
            value_at: Point { line: at.line, column },
            more_at: Vec::new(),
        };
        let second = field.name_place();
        let (position, replaced) = section.set(field);
        let repetition = replaced.filter(|it| it.file == second.file).map(|it| {
            let (section, first) = (section.name.clone(), it.name_place());
            Repetition { section, option: it.name, first, second }
        });
        self.field = Some(position);
        self.document.repetitions.extend(repetition);
    }

    fn continue_field(&mut self, value: &str, at: Point) {
        let Some(field) = self.field() else { return };
        field.value.push('\n');
        field.value.push_str(value);
        field.more_at.push(at);
    }

    /// A value loses the empty lines at its end.
    fn close_field(&mut self) {
        if let Some(field) = self.field() {
            let kept = python::strip_end(&field.value).len();
            field.value.truncate(kept);
        }
        self.field = None;
    }
}

/// The name in lower case, which it is as good as always.
fn lowercase(name: &str) -> String {
    let is_so = name.bytes().all(|it| it.is_ascii() && !it.is_ascii_uppercase());
    if is_so { name.to_owned() } else { name.to_lowercase() }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The lines of a text, each ending in one line feed however the file ended it.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    // `source` has already turned every kind of line end into a line feed.
    text.split_inclusive('\n')
}

/// Where the comment of a line starts, if it has one.
///
/// `configparser` looks at the first `;` and the first `#`, then at the second of each, and so on,
/// and stops at the first round in which one of them follows a blank or starts the line. So
/// `a;b ;c #d` has the comment `#d` and not ` ;c #d`.
fn comment_start(line: &str) -> Option<usize> {
    if !line.bytes().any(|it| matches!(it, b';' | b'#')) {
        return None;
    }
    if line.trim_start_matches(python::is_space).starts_with(['#', ';']) {
        return Some(0);
    }
    let mut semicolons = line.match_indices(';');
    let mut hashes = line.match_indices('#');
    loop {
        let round = [semicolons.next(), hashes.next()];
        if round.iter().all(Option::is_none) {
            return None;
        }
        let starts = |at: &usize| line[..*at].chars().next_back().is_none_or(python::is_space);
        let found = round.into_iter().flatten().map(|(at, _)| at).filter(starts).min();
        if found.is_some() {
            return found;
        }
    }
}

/// The name in a header: everything up to the last `]`, at least one character.
fn header(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?;
    let name = &inner[..inner.rfind(']')?];
    (!name.is_empty()).then_some(name)
}

/// Whether it is certain at a glance that a line begins a field.
fn is_plain_field(line: &str) -> bool {
    let length = line.bytes().take_while(|it| it.is_ascii_alphanumeric() || *it == b'_').count();
    length > 0 && matches!(line.as_bytes().get(length), Some(b'=' | b':'))
}

/// The name of a field and where its value starts.
fn split_field(line: &str) -> Option<(&str, usize)> {
    let delimiter = line.find(['=', ':'])?;
    let rest = &line[delimiter + 1..];
    let blanks = rest.len() - rest.trim_start_matches(python::is_space).len();
    Some((python::strip_end(&line[..delimiter]), delimiter + 1 + blanks))
}

#[cfg(test)]
#[path = "ini_tests.rs"]
mod tests;
