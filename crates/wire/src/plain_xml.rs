//! The XML that programs write to each other: tags without attributes, text, three references. It is read several times
//! faster than XML in general, by who gives up at the first thing it does not know.

/// A piece of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Open(&'a str),
    Text(&'a str),
    Close,
    End,
}

/// The value of a [usual member](Plain::usual_member).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usual<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// A document being read.
#[derive(Debug)]
pub(crate) struct Plain<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
}

/// A text up to the tag that ends it, where there is nothing else in it.
fn plain_text(rest: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr3(b'<', b'&', b'\r', rest.as_bytes())?;
    rest.split_at_checked(end).filter(|(_, after)| after.starts_with('<'))
}

/// Whether the name of a tag may hold this byte.
const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.'
}

/// The references our own writer makes, and most others.
const REFERENCES: [(&str, &str); 3] = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")];

impl<'a> Plain<'a> {
    /// The document, less its declaration.
    pub(crate) fn new(document: &'a str) -> Self {
        let declared = document.strip_prefix("<?xml ").and_then(|it| it.split_once("?>"));
        Self { rest: declared.map_or(document, |(_, rest)| rest), open: Vec::new() }
    }

    /// The next piece; `None` when it is something for who knows all of XML.
    pub(crate) fn next(&mut self) -> Option<Token<'a>> {
        match self.rest.as_bytes() {
            [] => Some(Token::End),
            [b'<', b'/', ..] => self.close(),
            [b'<', ..] => self.open(),
            [b'&', ..] => self.reference(),
            [_, ..] => self.text(),
        }
    }

    /// A member of a struct whose value is a text or a number, written as Python writes it and we do: its name, and the
    /// value. They are most of what is ever read, and are read here without being cut into pieces. `None`, and
    /// nothing is read, where it is written in any other way.
    pub(crate) fn usual_member(&mut self) -> Option<(&'a str, Usual<'a>)> {
        let rest = self.rest.strip_prefix('\n').unwrap_or(self.rest).strip_prefix("<member>\n<name>")?;
        let (name, rest) = plain_text(rest)?;
        let rest = rest.strip_prefix("</name>\n<value><")?;
        let (value, rest) = if let Some(rest) = rest.strip_prefix("string>") {
            let (text, rest) = plain_text(rest)?;
            (Usual::Text(text), rest.strip_prefix("</string>")?)
        } else {
            let (text, rest) = plain_text(rest.strip_prefix("int>")?)?;
            (Usual::Number(text), rest.strip_prefix("</int>")?)
        };
        self.rest = rest.strip_prefix("</value>\n</member>")?;
        Some((name, value))
    }

    fn close(&mut self) -> Option<Token<'a>> {
        let name = self.open.pop()?;
        let end = 2 + name.len();
        let is_it = self.rest.as_bytes().get(2..end) == Some(name.as_bytes());
        self.rest = self.rest.get(end..).filter(|_| is_it)?.strip_prefix('>')?;
        Some(Token::Close)
    }

    fn open(&mut self) -> Option<Token<'a>> {
        let bytes = self.rest.as_bytes();
        if !bytes.get(1)?.is_ascii_alphabetic() {
            return None;
        }
        let mut end = 2;
        while is_of_name(*bytes.get(end)?) {
            end += 1;
        }
        let name = self.rest.get(1..end)?;
        self.rest = self.rest.get(end..)?.strip_prefix('>')?;
        self.open.push(name);
        Some(Token::Open(name))
    }

    fn reference(&mut self) -> Option<Token<'a>> {
        let known = REFERENCES.iter().find_map(|(name, text)| Some((self.rest.strip_prefix(name)?, *text)));
        let (rest, text) = known?;
        self.rest = rest;
        Some(Token::Text(text))
    }

    /// Text up to a tag or a reference. Where lines end in `\r` there is a rule about them (XML 1.0, 2.11).
    fn text(&mut self) -> Option<Token<'a>> {
        let end = memchr::memchr3(b'<', b'&', b'\r', self.rest.as_bytes());
        let (text, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        if rest.starts_with('\r') {
            return None;
        }
        self.rest = rest;
        Some(Token::Text(text))
    }
}
