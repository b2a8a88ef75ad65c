//! Looks for many identifiers at once in the bytes of a file.

use super::identifiers::{Form, Identifier, spellings};
use std::collections::{BTreeMap, BTreeSet};

/// What bytes are, which decides what can be told from chance in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// Text: everything is looked for.
    Text,
    /// Text full of numbers, such as the coordinates of a surface: short numbers are not looked for.
    Figures,
    /// Samples, coordinates, compressed bytes: only what is long enough not to occur by chance.
    Binary,
}

/// Shortest needle looked for in [`Layer::Binary`], in bytes: eight bytes meet once in 2⁶⁴ places by chance, and as
/// letters or digits they are no grey values of a CT (above 12 000) and no coordinates (below 10⁻⁸).
const IN_BINARY: usize = 8;

/// Shortest needle in UTF-16 looked for in [`Layer::Binary`], in bytes: letters in UTF-16 are soft tissue as 16-bit
/// samples, and twelve given values in a row do not occur by chance.
const WIDE_IN_BINARY: usize = 24;

/// Digits a number needs to be an identifier wherever it stands; shorter ones are held against what stands
/// around them.
const LONG_NUMBER: usize = 8;

/// Fewest characters looked for; a shorter name is looked for only together with another part of it.
const SHORTEST: usize = 4;

/// What must not stand beside a needle for it to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Anything,
    /// No letter: the needle is a part of a word that is there anyway.
    NoLetter,
    /// No digit.
    NoDigit,
    /// No digit, no letter, no decimal point, no sign: a short number.
    NoNumber,
    /// No digit and no dot: a longer unique identifier is another one.
    NoUid,
}

struct Needle {
    /// In small letters as far as ASCII goes.
    bytes: Vec<u8>,
    kind: &'static str,
    beside: Beside,
    wide: bool,
}

/// A search for identifiers.
pub struct Search {
    needles: Vec<Needle>,
    /// Needles by their last four bytes: unique identifiers begin alike and end differently.
    tails: BTreeMap<u32, Vec<usize>>,
    /// One bit for every hash of a tail.
    marks: Vec<u64>,
    words: usize,
}

impl Search {
    pub(super) fn new<'a>(identifiers: impl Iterator<Item = &'a Identifier>, vocabulary: &str) -> Self {
        let vocabulary = vocabulary.to_lowercase();
        let known: BTreeSet<&str> = vocabulary.split(|c: char| !c.is_alphanumeric()).collect();
        let mut seen = BTreeSet::new();
        let mut common = BTreeSet::new();
        let mut search = Self { needles: Vec::new(), tails: BTreeMap::new(), marks: vec![0; 1024], words: 0 };
        for identifier in identifiers {
            for text in spellings(identifier) {
                let Some(beside) = beside(&text, identifier.form, &vocabulary, &known) else {
                    common.extend(long_enough(&text).then(|| text.to_lowercase()));
                    continue;
                };
                for (bytes, wide) in encodings(&text) {
                    let bytes = bytes.to_ascii_lowercase();
                    if bytes.len() >= SHORTEST && seen.insert(bytes.clone()) {
                        search.needles.push(Needle { bytes, kind: identifier.kind, beside, wide });
                    }
                }
            }
        }
        search.words = common.len();
        for (n, needle) in search.needles.iter().enumerate() {
            let tail = needle.bytes.iter().fold(0, |tail, &byte| tail << 8 | u32::from(byte));
            search.tails.entry(tail).or_default().push(n);
            let (word, bit) = mark(tail);
            search.marks[word] |= bit;
        }
        search
    }

    /// How many spellings are not looked for by themselves, because everything handed out holds the same word.
    pub const fn common_words(&self) -> usize {
        self.words
    }

    /// The kind of the first identifier in the bytes.
    pub(super) fn find(&self, bytes: &[u8], layer: Layer) -> Option<&'static str> {
        let mut tail = 0_u32;
        for (at, byte) in bytes.iter().enumerate() {
            tail = tail << 8 | u32::from(byte.to_ascii_lowercase());
            let (word, bit) = mark(tail);
            if self.marks[word] & bit == 0 {
                continue;
            }
            let here = self.tails.get(&tail).into_iter().flatten().map(|&n| &self.needles[n]);
            if let Some(needle) = here.into_iter().find(|needle| needle.ends_at(bytes, at + 1, layer)) {
                return Some(needle.kind);
            }
        }
        None
    }
}

impl Needle {
    fn ends_at(&self, bytes: &[u8], end: usize, layer: Layer) -> bool {
        let Some(at) = end.checked_sub(self.bytes.len()) else { return false };
        let here = bytes.get(at..end).is_some_and(|here| here.eq_ignore_ascii_case(&self.bytes));
        let long = self.bytes.len() >= if self.wide { WIDE_IN_BINARY } else { IN_BINARY };
        let looked_for = match layer {
            Layer::Text => true,
            Layer::Figures => self.beside != Beside::NoNumber,
            Layer::Binary => long,
        };
        if !here || !looked_for {
            return false;
        }
        let step = if self.wide { 2 } else { 1 };
        let byte = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
        let (before, after) = (byte(at.checked_sub(step)), byte(Some(end)));
        let none = |is: fn(u8) -> bool| !is(before) && !is(after);
        match self.beside {
            Beside::Anything => true,
            Beside::NoLetter => none(|b| b.is_ascii_alphabetic()),
            Beside::NoDigit => none(|b| b.is_ascii_digit()),
            Beside::NoUid => none(|b| b.is_ascii_digit() || b == b'.'),
            Beside::NoNumber => {
                let joined = before == b'-' && byte(at.checked_sub(2 * step)).is_ascii_alphanumeric();
                none(|b| b.is_ascii_alphanumeric() || b == b'.') && (before != b'-' || joined)
            }
        }
    }
}

/// Word and bit of the hash of four bytes.
const fn mark(tail: u32) -> (usize, u64) {
    // A multiplicative hash: the upper half of the product with an odd number near 2³² over the golden ratio.
    let hash = tail.wrapping_mul(0x9e37_79b1) >> 16;
    (hash as usize / 64, 1 << (hash % 64))
}

/// What must not stand beside a text; `None` for one that is not looked for.
fn beside(text: &str, form: Form, vocabulary: &str, known: &BTreeSet<&str>) -> Option<Beside> {
    if !long_enough(text) {
        return None;
    }
    if form == Form::Uid {
        return Some(Beside::NoUid);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(if text.len() >= LONG_NUMBER { Beside::NoDigit } else { Beside::NoNumber });
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE ".contains(&b)) {
        // A description that is a measure; an identifier written with separators is a date or a long number.
        return (form != Form::Description).then_some(Beside::NoNumber);
    }
    let small = text.to_lowercase();
    let word = known.contains(small.as_str()) || small.contains(' ') && vocabulary.contains(&small);
    match (word, vocabulary.contains(&small)) {
        (true, _) => None,
        (false, true) => Some(Beside::NoLetter),
        (false, false) => Some(Beside::Anything),
    }
}

/// Four characters, or two of a script that needs more bytes.
fn long_enough(text: &str) -> bool {
    text.chars().count() >= SHORTEST || !text.is_ascii() && text.len() >= 6
}

/// The bytes of a text in UTF-8, UTF-16 of both orders, GB18030 and ISO 8859-1, in both cases.
fn encodings(text: &str) -> Vec<(Vec<u8>, bool)> {
    let mut found = Vec::new();
    let mut texts = vec![text.to_owned()];
    if !text.is_ascii() {
        texts.extend([text.to_lowercase(), text.to_uppercase()]);
    }
    for text in texts {
        let wide: Vec<u16> = text.encode_utf16().collect();
        found.push((wide.iter().flat_map(|unit| unit.to_le_bytes()).collect(), true));
        found.push((wide.iter().flat_map(|unit| unit.to_be_bytes()).collect(), true));
        if text.chars().all(|c| u32::from(c) < 256) {
            found.push((text.chars().map(|c| c as u8).collect(), false));
        }
        found.push((encoding_rs::GB18030.encode(&text).0.into_owned(), false));
        found.push((text.into_bytes(), false));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::identifiers::Identifiers;
    use super::*;

    fn search() -> Search {
        let mut identifiers = Identifiers::default();
        identifiers.add_name("name", "Grant^Mülleresk");
        identifiers.add_name("name", "Mate^Lisa");
        identifiers.add_text("number", "4711");
        identifiers.add_text("number", "12345678");
        identifiers.add_uid("1.2.3.4");
        identifiers.search("materials and a grant")
    }

    fn found(text: &[u8], layer: Layer) -> bool {
        search().find(text, layer).is_some()
    }

    #[test]
    fn every_spelling_and_encoding_is_found_in_text() {
        for text in ["MÜLLERESK", "xxmülleresky", "grant mülleresk", "Lisa Mate", "a mate b", "P12345678x"]
        {
            assert!(found(text.as_bytes(), Layer::Text), "{text}");
        }
        let wide: Vec<u8> = "mülleresk".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(found(&wide, Layer::Text));
        assert!(found(&encoding_rs::GB18030.encode("Mülleresk").0, Layer::Text));
        assert!(found(b"M\xfclleresk", Layer::Text));
        assert!(found(b"a 1.2.3.4 b", Layer::Text));
    }

    #[test]
    fn what_is_there_by_chance_or_anyway_is_not_found() {
        for text in
            ["a grant for materials", "-4711", "0.4711", "147110", "1.2.3.45", "91.2.3.4", "1123456789"]
        {
            assert!(!found(text.as_bytes(), Layer::Text), "{text}");
        }
        assert!(!found(b"Lisa", Layer::Binary) && found(b"Lisa", Layer::Text));
        assert!(!found(b"v1=\"4711\"", Layer::Figures) && found(b"v1=\"4711\"", Layer::Text));
        assert_eq!(search().common_words(), 1);
    }
}
