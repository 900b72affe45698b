//! XML-RPC in: calls for the server, responses for the client.
//!
//! What it accepts is what the original accepts (`xmlrpc.py`, `loads`): any text is a string, a tag
//! nobody knows stands for its text, only `1` is true, and of several values where one belongs the first
//! counts. It accepts more in one respect: characters XML 1.0 does not allow pass, because the original's
//! own answers hold them. It accepts less in four: a document type is refused, no entity but the five
//! predefined ones is known, a number has 64 bits, and everything has a limit.

use std::borrow::Cow;
use std::fmt;

use model::python;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use crate::base64;
use crate::moment;
use crate::plain_xml::{Plain, Token, Usual};
use crate::value::{Key, Members, MethodCall, RemoteFault, Value};

/// How deep values may stand in each other. Python's own clients never need more than five.
pub const DEPTH_MAX: usize = 64;

/// How many elements a usual member is, and how deep they stand in each other.
const USUAL_ELEMENTS: usize = 4;
const USUAL_DEPTH: usize = 3;

/// How much of one document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its length in bytes.
    pub bytes_max: usize,
    /// How many elements it may hold; each costs memory beyond its text.
    pub elements_max: usize,
}

impl Limits {
    /// For calls, which come from strangers.
    pub const CALL: Self = Self { bytes_max: 4 << 20, elements_max: 1 << 17 };
    /// For responses, which come from a server the user chose: 20,000 processes are 24 MB.
    pub const RESPONSE: Self = Self { bytes_max: 512 << 20, elements_max: 1 << 24 };
}

/// Why a document is no call or response. Completes "cannot read it: ".
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It has too many bytes.
    #[error("it has {bytes} bytes, over the limit of {limit}")]
    TooLong {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It has too many elements.
    #[error("it has more than {0} elements")]
    TooMany(usize),
    /// Its elements stand too deep in each other.
    #[error("its elements are nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// It is not UTF-8.
    #[error("it is not UTF-8 text")]
    Encoding(#[from] std::str::Utf8Error),
    /// It is not XML.
    #[error("it is not well-formed")]
    Xml(#[from] quick_xml::Error),
    /// It ends too early.
    #[error("it ends in the middle of an element")]
    Truncated,
    /// It has a document type, which no client needs and which could define entities.
    #[error("it has a document type")]
    DocumentType,
    /// An entity that is not one of the five XML predefines.
    #[error("the entity {0:?} is not defined")]
    Entity(String),
    /// The prefix of a tag that nothing says the meaning of.
    #[error("the prefix {0:?} is not declared")]
    Prefix(String),
    /// An element is missing where one is needed.
    #[error("<{0}> is missing, or does not hold what belongs there")]
    Structure(Tag),
    /// Something follows the end of the document's one element.
    #[error("something follows its end")]
    Trailing,
    /// A text is not what its tag says.
    #[error("{text:?} is no {tag}")]
    Text {
        /// The tag around it.
        tag: Tag,
        /// The text.
        text: String,
    },
    /// A call of nothing.
    #[error("it names no method")]
    NoMethodName,
}

/// Reads a document: in the quick way, or, where there is anything unusual in it, from its beginning in the thorough one.
fn read<'a, T>(
    document: &'a [u8],
    limits: Limits,
    what: impl Fn(&mut Source<'a>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let text = checked(document, limits)?;
    let mut source = Source::new(text, Tokens::Plain(Plain::new(text)), limits);
    let outcome = what(&mut source);
    if source.is_unusual { what(&mut thorough(text, limits)) } else { outcome }
}

/// The text of a document that is not too long.
fn checked(document: &[u8], limits: Limits) -> Result<&str, ReadError> {
    let (bytes, limit) = (document.len(), limits.bytes_max);
    if bytes > limit {
        return Err(ReadError::TooLong { bytes, limit });
    }
    let text = std::str::from_utf8(document)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn thorough(text: &str, limits: Limits) -> Source<'_> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    Source::new(text, Tokens::Any(reader), limits)
}

/// Reads a call.
///
/// # Errors
/// When it is none, or exceeds a limit.
pub fn call(document: &[u8], limits: Limits) -> Result<MethodCall, ReadError> {
    read(document, limits, read_call)
}

fn read_call(source: &mut Source<'_>) -> Result<MethodCall, ReadError> {
    source.root(None)?;
    let (mut name, mut params) = (String::new(), Vec::new());
    while let Some(tag) = source.child()? {
        if tag == Tag::MethodName {
            name = source.text()?;
        } else if tag == Tag::Params {
            params = source.params()?;
        } else {
            source.skip()?;
        }
    }
    source.end()?;
    if name.is_empty() { Err(ReadError::NoMethodName) } else { Ok(MethodCall { name, params }) }
}

/// Reads a response: the value, or the fault the server answered with.
///
/// # Errors
/// When it is none, or exceeds a limit.
pub fn response(document: &[u8], limits: Limits) -> Result<Result<Value, RemoteFault>, ReadError> {
    read(document, limits, read_response)
}

fn read_response(source: &mut Source<'_>) -> Result<Result<Value, RemoteFault>, ReadError> {
    source.root(Some(Tag::MethodResponse))?;
    let mut found = None;
    while let Some(tag) = source.child()? {
        if tag == Tag::Params {
            found = source.params()?.into_iter().next().map(Ok);
        } else if tag == Tag::Fault {
            found = Some(Err(fault(source.first_value(Tag::Fault)?)?));
        } else {
            source.skip()?;
        }
    }
    source.end()?;
    found.ok_or(ReadError::Structure(Tag::MethodResponse))
}

fn fault(value: Value) -> Result<RemoteFault, ReadError> {
    let Value::Struct(mut members) = value else {
        return Err(ReadError::Structure(Tag::Fault));
    };
    match (members.remove("faultCode"), members.remove("faultString")) {
        (Some(Value::Int(code)), Some(Value::String(text))) => Ok(RemoteFault { code, text }),
        _ => Err(ReadError::Structure(Tag::Fault)),
    }
}

/// The elements of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the tag of `as_str` in another case")]
pub enum Tag {
    MethodCall,
    MethodResponse,
    MethodName,
    Params,
    Param,
    Fault,
    Value,
    Int,
    Boolean,
    String,
    Double,
    DateTime,
    Base64,
    Array,
    Data,
    Struct,
    Member,
    Name,
    Unknown,
}

impl Tag {
    const NAMES: [(&'static str, Self); 19] = [
        ("methodCall", Self::MethodCall),
        ("methodResponse", Self::MethodResponse),
        ("methodName", Self::MethodName),
        ("params", Self::Params),
        ("param", Self::Param),
        ("fault", Self::Fault),
        ("value", Self::Value),
        ("int", Self::Int),
        ("i4", Self::Int),
        ("boolean", Self::Boolean),
        ("string", Self::String),
        ("double", Self::Double),
        ("dateTime.iso8601", Self::DateTime),
        ("base64", Self::Base64),
        ("array", Self::Array),
        ("data", Self::Data),
        ("struct", Self::Struct),
        ("member", Self::Member),
        ("name", Self::Name),
    ];

    /// The few that make up nearly all of a document first, and each by its length before its letters.
    fn parse(name: &str) -> Self {
        match name.as_bytes() {
            b"value" => Self::Value,
            b"name" => Self::Name,
            b"member" => Self::Member,
            b"string" => Self::String,
            b"int" => Self::Int,
            name => {
                let known = Self::NAMES.iter().find(|(it, _)| it.as_bytes() == name);
                known.map_or(Self::Unknown, |(_, tag)| *tag)
            }
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, it)| *it == self).map_or("?", |(name, _)| *name)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A piece of a document; what means nothing to us is left out.
enum Piece<'a> {
    Open(Tag),
    Text(Cow<'a, str>),
    Close,
    End,
}

/// Who cuts a document into pieces.
enum Tokens<'a> {
    /// Knows little and is quick.
    Plain(Plain<'a>),
    /// Knows all of XML.
    Any(Reader<&'a [u8]>),
}

/// A document being read. Each method that reads an element is called after its opening tag was
/// read, and returns after its closing tag.
struct Source<'a> {
    document: &'a str,
    tokens: Tokens<'a>,
    limits: Limits,
    depth: usize,
    elements: usize,
    /// Whether the quick one has met something it does not know. What was read until then counts for nothing.
    is_unusual: bool,
}

impl<'a> Source<'a> {
    const fn new(document: &'a str, tokens: Tokens<'a>, limits: Limits) -> Self {
        Self { document, tokens, limits, depth: 0, elements: 0, is_unusual: false }
    }

    fn next(&mut self) -> Result<Piece<'a>, ReadError> {
        let piece = match &mut self.tokens {
            Tokens::Plain(tokens) => match tokens.next() {
                Some(Token::Open(name)) => Piece::Open(self.enter(name)?),
                Some(Token::Text(text)) => Piece::Text(Cow::Borrowed(text)),
                Some(Token::Close) => Piece::Close,
                Some(Token::End) => Piece::End,
                None => {
                    self.is_unusual = true;
                    return Err(ReadError::Truncated); // Whatever: nobody will hear of it.
                }
            },
            Tokens::Any(_) => self.next_of_any()?,
        };
        match piece {
            Piece::Close => self.depth = self.depth.saturating_sub(1),
            Piece::End if self.depth > 0 => return Err(ReadError::Truncated),
            Piece::Open(_) | Piece::Text(_) | Piece::End => {}
        }
        Ok(piece)
    }

    fn next_of_any(&mut self) -> Result<Piece<'a>, ReadError> {
        loop {
            let Tokens::Any(reader) = &mut self.tokens else { return Ok(Piece::End) };
            return Ok(match reader.read_event()? {
                Event::Start(tag) | Event::Empty(tag) => {
                    let name = tag.name().into_inner();
                    self.check_prefix(name)?;
                    Piece::Open(self.enter(name)?)
                }
                Event::End(_) => Piece::Close,
                Event::Text(text) => Piece::Text(Cow::Owned(text.xml10_content().into_owned())),
                Event::CData(text) => Piece::Text(Cow::Owned(text.xml10_content().into_owned())),
                Event::GeneralRef(name) => Piece::Text(Cow::Owned(resolve(&name)?.to_string())),
                Event::DocType(_) => return Err(ReadError::DocumentType),
                Event::Eof => Piece::End,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            });
        }
    }

    /// A prefix means something where it is declared; nobody who writes one declares it elsewhere.
    fn check_prefix(&self, name: &str) -> Result<(), ReadError> {
        match name.split_once(':') {
            Some((prefix, _)) if !self.document.contains(&format!("xmlns:{prefix}=")) => {
                Err(ReadError::Prefix(prefix.to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn enter(&mut self, name: &str) -> Result<Tag, ReadError> {
        self.depth += 1;
        self.elements += 1;
        if self.depth > DEPTH_MAX {
            return Err(ReadError::TooDeep);
        }
        if self.elements > self.limits.elements_max {
            return Err(ReadError::TooMany(self.limits.elements_max));
        }
        Ok(Tag::parse(name))
    }

    /// The one element of the document; that of a call may have any name.
    fn root(&mut self, wanted: Option<Tag>) -> Result<(), ReadError> {
        loop {
            return match self.next()? {
                Piece::Text(text) if text.trim().is_empty() => continue,
                Piece::Open(tag) if wanted.is_none_or(|it| it == tag) => Ok(()),
                Piece::Open(_) | Piece::Text(_) | Piece::Close | Piece::End => {
                    Err(ReadError::Structure(wanted.unwrap_or(Tag::MethodCall)))
                }
            };
        }
    }

    /// Nothing more may follow.
    fn end(&mut self) -> Result<(), ReadError> {
        loop {
            return match self.next()? {
                Piece::End => Ok(()),
                Piece::Text(text) if text.trim().is_empty() => continue,
                Piece::Text(_) | Piece::Open(_) | Piece::Close => Err(ReadError::Trailing),
            };
        }
    }

    /// The next child of the element being read, or `None` at its end.
    fn child(&mut self) -> Result<Option<Tag>, ReadError> {
        loop {
            match self.next()? {
                Piece::Open(tag) => return Ok(Some(tag)),
                Piece::Text(_) => {}
                Piece::Close => return Ok(None),
                Piece::End => return Err(ReadError::Truncated),
            }
        }
    }

    /// The text of an element, up to the first element in it.
    fn text(&mut self) -> Result<String, ReadError> {
        let (mut text, mut is_over) = (String::new(), false);
        loop {
            match self.next()? {
                Piece::Open(_) => {
                    self.skip()?;
                    is_over = true;
                }
                Piece::Text(_) if is_over => {}
                Piece::Text(chunk) if text.is_empty() => text = chunk.into_owned(),
                Piece::Text(chunk) => text.push_str(&chunk),
                Piece::Close => return Ok(text),
                Piece::End => return Err(ReadError::Truncated),
            }
        }
    }

    /// Passes over an element and all in it.
    fn skip(&mut self) -> Result<(), ReadError> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    fn params(&mut self) -> Result<Vec<Value>, ReadError> {
        let mut params = Vec::new();
        while let Some(tag) = self.child()? {
            params.push(self.element(tag)?);
        }
        Ok(params)
    }

    /// The first of the values in `parent`, which must have one; others only have to be readable.
    fn first_value(&mut self, parent: Tag) -> Result<Value, ReadError> {
        let Some(tag) = self.child()? else { return Err(ReadError::Structure(parent)) };
        let value = self.element(tag)?;
        while let Some(tag) = self.child()? {
            self.element(tag)?;
        }
        Ok(value)
    }

    /// What stands between `<value>` and `</value>`: an element, or else a string.
    fn value(&mut self) -> Result<Value, ReadError> {
        let mut text = String::new();
        let mut found = None;
        loop {
            match self.next()? {
                Piece::Open(tag) => {
                    let value = self.element(tag)?;
                    found.get_or_insert(value);
                }
                Piece::Text(chunk) if text.is_empty() => text = chunk.into_owned(),
                Piece::Text(chunk) => text.push_str(&chunk),
                Piece::Close => return Ok(found.unwrap_or(Value::String(text))),
                Piece::End => return Err(ReadError::Truncated),
            }
        }
    }

    /// The value that any element stands for.
    fn element(&mut self, tag: Tag) -> Result<Value, ReadError> {
        match tag {
            Tag::Value => self.value(),
            Tag::Param | Tag::Array => self.first_value(tag),
            Tag::Data => self.params().map(Value::Array),
            Tag::Struct => self.members(),
            Tag::Int => self.parsed(tag, python::int).map(Value::Int),
            Tag::Double => self.parsed(tag, python::float).map(Value::Double),
            Tag::Boolean => Ok(Value::Bool(self.text()? == "1")),
            Tag::DateTime => self.parsed(tag, moment::checked).map(Value::DateTime),
            Tag::Base64 => self.parsed(tag, base64::text).map(Value::String),
            Tag::String => self.text().map(Value::String),
            // Python's `nil` and `i8`, among others: a tag that is no type stands for its text, or for nothing.
            Tag::Unknown
            | Tag::MethodCall
            | Tag::MethodResponse
            | Tag::MethodName
            | Tag::Params
            | Tag::Fault
            | Tag::Member
            | Tag::Name => {
                let text = self.text()?;
                Ok(if text.is_empty() { Value::Nil } else { Value::String(text) })
            }
        }
    }

    fn parsed<T>(&mut self, tag: Tag, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, ReadError> {
        let text = self.text()?;
        parse(&text).ok_or(ReadError::Text { tag, text })
    }

    /// The next member of a struct, if it is one of the kind that can be read at once.
    fn usual_member(&mut self) -> Result<Option<(Key, Value)>, ReadError> {
        if self.depth + USUAL_DEPTH > DEPTH_MAX || self.elements + USUAL_ELEMENTS > self.limits.elements_max {
            return Ok(None);
        }
        let Tokens::Plain(tokens) = &mut self.tokens else { return Ok(None) };
        let Some((name, value)) = tokens.usual_member() else { return Ok(None) };
        self.elements += USUAL_ELEMENTS;
        let value = match value {
            Usual::Text(text) => Value::String(text.to_owned()),
            Usual::Number(text) => {
                let number = python::int(text);
                Value::Int(number.ok_or_else(|| ReadError::Text { tag: Tag::Int, text: text.to_owned() })?)
            }
        };
        Ok(Some((Key::Owned(name.to_owned()), value)))
    }

    fn members(&mut self) -> Result<Value, ReadError> {
        let mut members = Vec::new();
        while let Some(member) = self.usual_member()? {
            members.push(member);
        }
        while self.child()?.is_some() {
            members.push(self.member()?);
        }
        Ok(Value::Struct(Members::as_sent(members)))
    }

    /// A name and a value, and no more, whatever their tags.
    fn member(&mut self) -> Result<(Key, Value), ReadError> {
        let mut next = || match self.child()? {
            Some(tag) => self.element(tag),
            None => Err(ReadError::Structure(Tag::Member)),
        };
        let (name, value) = (next()?, next()?);
        match name {
            Value::String(name) if self.child()?.is_none() => Ok((Key::Owned(name), value)),
            Value::Nil if self.child()?.is_none() => Ok((Key::Borrowed(""), value)),
            Value::String(_)
            | Value::Nil
            | Value::Int(_)
            | Value::Bool(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Array(_)
            | Value::Struct(_) => Err(ReadError::Structure(Tag::Struct)),
        }
    }
}

/// The character a reference stands for.
fn resolve(name: &BytesRef<'_>) -> Result<char, ReadError> {
    if let Some(character) = name.resolve_char_ref()? {
        return Ok(character);
    }
    match &**name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => Err(ReadError::Entity(other.to_owned())),
    }
}

#[cfg(test)]
#[path = "xmlrpc_read_tests.rs"]
mod tests;
