//! Tags and attributes of XML, as much of it as 3MF uses.
//!
//! Document types are refused, and with them entities that unfold or that name other files.

use super::damaged;
use crate::mesh_error::MeshFileError;
use crate::mesh_file::MeshFormat;
use std::borrow::Cow;

/// How deep tags may lie in each other.
const DEPTH: usize = 64;

/// What comes next in the text.
pub(super) enum Event<'a> {
    /// A tag opens; one that closes itself is followed by its `Close`.
    Open(Tag<'a>),
    /// The last open tag closes.
    Close,
    /// Text between tags, entities not yet resolved.
    Text(&'a str),
    /// The last tag has closed.
    End,
}

/// A tag that opens.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    /// Its name, with its prefix.
    pub name: &'a str,
    attributes: &'a str,
}

/// Goes through a text tag by tag.
pub(super) struct Reader<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    closes: bool,
    begun: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            open: Vec::new(),
            closes: false,
            begun: false,
        }
    }

    /// Bytes not yet read.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn next(&mut self) -> Result<Event<'a>, MeshFileError> {
        if self.closes {
            self.closes = false;
            self.open.pop();
            return Ok(Event::Close);
        }
        loop {
            let start = self.rest.bytes().position(|b| b == b'<').unwrap_or(self.rest.len());
            if start > 0 {
                let (text, rest) = self.rest.split_at(start);
                self.rest = rest;
                match (self.open.is_empty(), text.trim_ascii().is_empty()) {
                    (false, _) => return Ok(Event::Text(text)),
                    (true, true) => continue,
                    (true, false) => return Err(damaged("it has text outside of all tags")),
                }
            }
            if self.rest.is_empty() {
                return match self.open.last() {
                    None if self.begun => Ok(Event::End),
                    _ => Err(self.cut()),
                };
            }
            if let Some(rest) = self.rest.strip_prefix("<!--") {
                self.rest = self.after(rest, "-->")?.1;
            } else if let Some(rest) = self.rest.strip_prefix("<?") {
                let (instruction, rest) = self.after(rest, "?>")?;
                check_encoding(instruction)?;
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
                // Raw text occurs in descriptions only, which are not used.
                self.rest = self.after(rest, "]]>")?.1;
            } else if self.rest.starts_with("<!") {
                return Err(super::unsupported("a document type or entities"));
            } else if let Some(rest) = self.rest.strip_prefix("</") {
                let (name, rest) = self.after(rest, ">")?;
                self.rest = rest;
                if self.open.pop() != Some(name.trim_ascii_end()) {
                    return Err(damaged(format!("the tag </{}> closes nothing", short(name))));
                }
                return Ok(Event::Close);
            } else {
                return self.tag();
            }
        }
    }

    fn tag(&mut self) -> Result<Event<'a>, MeshFileError> {
        let text = &self.rest[1..];
        let mut quote = None;
        let end = text.bytes().position(|b| match quote {
            Some(q) => {
                if b == q {
                    quote = None;
                }
                false
            }
            None => {
                if b == b'"' || b == b'\'' {
                    quote = Some(b);
                }
                b == b'>'
            }
        });
        let Some(end) = end else {
            return Err(self.cut());
        };
        self.rest = &text[end + 1..];
        let inner = &text[..end];
        let (inner, closes) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let length = inner.bytes().position(|b| b.is_ascii_whitespace()).unwrap_or(inner.len());
        let (name, attributes) = inner.split_at(length);
        if name.is_empty() || (self.begun && self.open.is_empty()) {
            return Err(damaged(format!("the tag <{}> stands where none may", short(inner))));
        }
        if self.open.len() >= DEPTH {
            return Err(super::too_large("levels of tags", DEPTH as u64));
        }
        self.begun = true;
        self.closes = closes;
        self.open.push(name);
        Ok(Event::Open(Tag { name, attributes }))
    }

    /// Splits at `end`, which is in neither part.
    fn after(&self, text: &'a str, end: &str) -> Result<(&'a str, &'a str), MeshFileError> {
        text.split_once(end).ok_or_else(|| self.cut())
    }

    fn cut(&self) -> MeshFileError {
        MeshFileError::Truncated {
            format: MeshFormat::ThreeMf,
            within: match self.open.last() {
                Some(name) => format!("<{}>", short(name)),
                None => "its model".to_owned(),
            },
        }
    }
}

fn check_encoding(instruction: &str) -> Result<(), MeshFileError> {
    let Some(text) = instruction.strip_prefix("xml ") else {
        return Ok(());
    };
    let declaration = Tag { name: "xml", attributes: text };
    match declaration.get("encoding")? {
        Some(name) if !name.eq_ignore_ascii_case("utf-8") => {
            Err(super::unsupported(format!("text encoded as \"{}\"", short(&name))))
        }
        _ => Ok(()),
    }
}

/// The beginning of a text, for messages.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

impl<'a> Tag<'a> {
    /// Names and values, entities not yet resolved.
    pub(super) fn attributes(&self) -> Attributes<'a> {
        Attributes(self.attributes)
    }

    /// The value of an attribute, entities resolved.
    pub(super) fn get(&self, name: &str) -> Result<Option<Cow<'a, str>>, MeshFileError> {
        for attribute in self.attributes() {
            let (found, value) = attribute?;
            if found == name {
                return resolved(value).map(Some);
            }
        }
        Ok(None)
    }
}

/// Goes through the attributes of a tag.
pub(super) struct Attributes<'a>(&'a str);

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, &'a str), MeshFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_ascii_start();
        if text.is_empty() {
            return None;
        }
        let found = split_attribute(text);
        self.0 = found.map_or("", |(_, _, rest)| rest);
        let broken = || damaged(format!("{:?} is no attribute", short(text)));
        Some(found.map(|(name, value, _)| (name, value)).ok_or_else(broken))
    }
}

/// Name, value and what follows.
fn split_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_at(text.bytes().position(|b| b == b'=')?);
    let rest = rest[1..].trim_ascii_start();
    let quote = *rest.as_bytes().first().filter(|b| matches!(b, b'"' | b'\''))?;
    let rest = &rest[1..];
    let (value, rest) = rest.split_at(rest.bytes().position(|b| b == quote)?);
    Some((name.trim_ascii_end(), value, &rest[1..]))
}

/// A text with its entities resolved: the five of XML, and characters by number.
pub(super) fn resolved(text: &str) -> Result<Cow<'_, str>, MeshFileError> {
    if !text.contains('&') {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let entity = part.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        let Some((character, rest)) = entity else {
            return Err(damaged(format!("\"&{}\" is no character", short(part))));
        };
        plain.push(character);
        plain.push_str(rest);
    }
    Ok(Cow::Owned(plain))
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
