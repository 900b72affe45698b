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

/// A document being read.
#[derive(Debug)]
pub(crate) struct Plain<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
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

    fn close(&mut self) -> Option<Token<'a>> {
        let name = self.open.pop()?;
        self.rest = self.rest.get(2..)?.strip_prefix(name)?.strip_prefix('>')?;
        Some(Token::Close)
    }

    fn open(&mut self) -> Option<Token<'a>> {
        let after = self.rest.get(1..)?;
        let length = after.bytes().position(|it| !(it.is_ascii_alphanumeric() || it == b'.'))?;
        let (name, rest) = after.split_at_checked(length)?;
        self.rest =
            rest.strip_prefix('>').filter(|_| name.starts_with(|it: char| it.is_ascii_alphabetic()))?;
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
        let end = self.rest.bytes().position(|it| matches!(it, b'<' | b'&' | b'\r'));
        let (text, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        if rest.starts_with('\r') {
            return None;
        }
        self.rest = rest;
        Some(Token::Text(text))
    }
}
