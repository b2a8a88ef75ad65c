//! Values of elements: texts, and numbers in a strict grammar.

use super::element::Raw;
use super::syntax::Layout;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries;

/// Longest text kept; a longer one is cut, for it ends up in messages.
const TEXT: usize = 64;

/// Most values of a text attribute that are kept.
const MOST_TEXTS: usize = 16;

/// How numbers of an attribute are written where the file does not say it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// As text (DS, IS).
    Text,
    /// As integers of two bytes, or of four (US, UL).
    Integer,
    /// As floating-point numbers of eight bytes (FD).
    Double,
}

/// A number that breaks the grammar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Malformed {
    pub(crate) tag: Tag,
    /// Name, tag, value and what was expected.
    pub(crate) text: String,
}

/// The values of a data set; what `over` holds goes before what `base` holds.
pub(crate) struct Values<'a> {
    /// Sorted by tag.
    pub(crate) base: &'a [Raw<'a>],
    pub(crate) over: Vec<Raw<'a>>,
    /// Numbers that break the grammar.
    pub(crate) malformed: Vec<Malformed>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(base: &'a [Raw<'a>]) -> Self {
        Self { base, over: Vec::new(), malformed: Vec::new() }
    }

    pub(crate) fn get(&self, tag: Tag) -> Option<Raw<'a>> {
        let over = self.over.iter().rev().find(|raw| raw.tag == tag).copied();
        over.or_else(|| self.base.binary_search_by_key(&tag, |raw| raw.tag).ok().map(|n| self.base[n]))
    }

    /// The values of a text attribute, without control characters, trimmed and cut; none if all are empty.
    pub(crate) fn texts(&self, tag: Tag) -> Vec<String> {
        let Some(raw) = self.get(tag) else {
            return Vec::new();
        };
        let texts: Vec<String> = raw.bytes.split(|&b| b == b'\\').take(MOST_TEXTS).map(clean).collect();
        if texts.iter().all(String::is_empty) { Vec::new() } else { texts }
    }

    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        let raw = self.get(tag)?;
        let first = raw.bytes.split(|&b| b == b'\\').next()?;
        Some(clean(first)).filter(|text| !text.is_empty())
    }

    /// A text that may be in any character set: a name, a number of a patient.
    ///
    /// What is not valid in the stated set is kept byte for byte as one character each, so that equal
    /// bytes stay equal and different ones different.
    pub(crate) fn foreign(&self, tag: Tag) -> String {
        let Some(raw) = self.get(tag) else {
            return String::new();
        };
        if raw.bytes.is_ascii() && !raw.bytes.contains(&0x1b) {
            return clean(raw.bytes);
        }
        let decoded = self.get(tags::SPECIFIC_CHARACTER_SET).and_then(|set| decode(&set, &raw));
        decoded.map_or_else(|| clean(raw.bytes), |text| shorten(text.chars()))
    }

    pub(crate) fn number(&mut self, tag: Tag, name: &str, written: Written) -> Option<f64> {
        self.numbers::<1>(tag, name, written).map(|[number]| number)
    }

    /// Exactly `N` finite numbers, or none; everything else is noted as malformed.
    pub(crate) fn numbers<const N: usize>(
        &mut self,
        tag: Tag,
        name: &str,
        written: Written,
    ) -> Option<[f64; N]> {
        let raw = self.get(tag)?;
        if is_empty(&raw, written) {
            return None;
        }
        let numbers = numbers(&raw, written, N).and_then(|numbers| <[f64; N]>::try_from(numbers).ok());
        if numbers.is_none() {
            let expected =
                if N == 1 { "one finite number".to_owned() } else { format!("{N} finite numbers") };
            self.note(&raw, name, &expected);
        }
        numbers
    }

    /// An integer in the range of an Integer String; one that is malformed is noted.
    pub(crate) fn integer(&mut self, tag: Tag, name: &str, written: Written) -> Option<i64> {
        let raw = self.get(tag)?;
        if is_empty(&raw, written) {
            return None;
        }
        let integer = integer(&raw, written);
        if integer.is_none() {
            self.note(&raw, name, "one whole number");
        }
        integer
    }

    fn note(&mut self, raw: &Raw<'_>, name: &str, expected: &str) {
        let text = format!("{name} {} is \"{}\", not {expected}", raw.tag, shown(raw));
        self.malformed.push(Malformed { tag: raw.tag, text });
    }
}

fn shorten(text: impl Iterator<Item = char>) -> String {
    let kept: String = text.filter(|c| !c.is_control()).take(TEXT).collect();
    kept.trim().to_owned()
}

/// Text as it is if it is UTF-8, else with one character for each byte.
fn clean(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => shorten(text.chars()),
        Err(_) => shorten(bytes.iter().map(|&b| char::from(b))),
    }
}

/// Text in its stated character set, if it is valid in it.
fn decode(set: &Raw<'_>, raw: &Raw<'_>) -> Option<String> {
    let mut data = Vec::new();
    for (tag, vr, bytes) in
        [(tags::SPECIFIC_CHARACTER_SET, b"CS", set.bytes), (tags::PATIENT_NAME, b"PN", raw.bytes)]
    {
        data.extend_from_slice(&tag.group().to_le_bytes());
        data.extend_from_slice(&tag.element().to_le_bytes());
        data.extend_from_slice(vr);
        // Names have at most three times 64 characters; what is far longer is none.
        let length = u16::try_from(bytes.len()).ok().filter(|&n| n <= 1024)?;
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(bytes);
    }
    let object =
        InMemDicomObject::read_dataset_with_ts(&data[..], &entries::EXPLICIT_VR_LITTLE_ENDIAN.erased());
    let text = object.ok()?.get(tags::PATIENT_NAME)?.to_str().ok()?.into_owned();
    (!text.contains(char::REPLACEMENT_CHARACTER)).then_some(text)
}

/// How a value is written: as the file says, or as such an attribute is. Bytes and words say nothing.
fn representation(raw: &Raw<'_>, written: Written) -> [u8; 2] {
    match (raw.vr.filter(|vr| !matches!(vr, b"OB" | b"OW")), written) {
        (Some(vr), _) => vr,
        (None, Written::Text) => *b"DS",
        (None, Written::Integer) if raw.bytes.len() == 4 => *b"UL",
        (None, Written::Integer) => *b"US",
        (None, Written::Double) => *b"FD",
    }
}

/// True for a value of nothing but padding. Binary values have no padding: two spaces are a number.
fn is_empty(raw: &Raw<'_>, written: Written) -> bool {
    let binary = matches!(&representation(raw, written), b"US" | b"SS" | b"UL" | b"SL" | b"FL" | b"FD");
    raw.bytes.is_empty() || (!binary && raw.bytes.iter().all(|&b| b == b' '))
}

/// True for texts of the same numbers, however they are written, and for equal texts.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let numbers = |text: &str| text.split('\\').map(|n| decimal(n.trim())).collect::<Option<Vec<f64>>>();
    a == b || numbers(a).is_some_and(|a| numbers(b) == Some(a))
}

/// A value for a message.
pub(crate) fn shown(raw: &Raw<'_>) -> String {
    let text = raw.bytes.iter().all(|&b| b == 0 || (b' '..=b'~').contains(&b));
    if text && raw.bytes.iter().any(|&b| b != 0) {
        return shorten(raw.bytes.iter().map(|&b| char::from(b)));
    }
    let hex: Vec<String> = raw.bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    hex.join(" ")
}

/// Texts of a multi-valued text attribute, without the padding around each.
fn fields<'a>(raw: &Raw<'a>) -> Option<impl Iterator<Item = &'a str>> {
    let text = std::str::from_utf8(raw.bytes).ok()?;
    Some(text.trim_end_matches('\0').split('\\').map(|field| field.trim_matches(' ')))
}

/// The numbers of a value, at most one more than `most`.
fn numbers(raw: &Raw<'_>, written: Written, most: usize) -> Option<Vec<f64>> {
    let layout = raw.layout;
    match &representation(raw, written) {
        b"FD" => {
            let (chunks, []) = raw.bytes.as_chunks::<8>() else { return None };
            chunks.iter().take(most + 1).map(|b| finite(double(*b, layout))).collect()
        }
        b"FL" => {
            let (chunks, []) = raw.bytes.as_chunks::<4>() else { return None };
            chunks.iter().take(most + 1).map(|b| finite(f64::from(f32::from_bits(layout.long(*b))))).collect()
        }
        b"US" | b"SS" | b"UL" | b"SL" => Some(vec![integer(raw, written)? as f64]),
        _ => fields(raw)?.take(most + 1).map(decimal).collect(),
    }
}

fn double(mut bytes: [u8; 8], layout: Layout) -> f64 {
    if layout == Layout::ExplicitBig {
        bytes.reverse();
    }
    f64::from_le_bytes(bytes)
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// Exactly one integer.
fn integer(raw: &Raw<'_>, written: Written) -> Option<i64> {
    let short = |signed: bool| match *raw.bytes {
        [a, b] => {
            Some(raw.layout.short([a, b])).map(|n| if signed { i64::from(n as i16) } else { i64::from(n) })
        }
        _ => None,
    };
    let long = |signed: bool| match *raw.bytes {
        [a, b, c, d] => Some(raw.layout.long([a, b, c, d]))
            .map(|n| if signed { i64::from(n as i32) } else { i64::from(n) }),
        _ => None,
    };
    match &representation(raw, written) {
        b"US" => short(false),
        b"SS" => short(true),
        b"UL" => long(false),
        b"SL" => long(true),
        _ => {
            let mut fields = fields(raw)?;
            let field = fields.next()?;
            // An Integer String has 32 bits (PS3.5 6.2).
            let plain = field.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'));
            let number: i32 = field.parse().ok()?;
            (plain && fields.next().is_none()).then_some(i64::from(number))
        }
    }
}

/// A number in the grammar of Decimal String: digits, one point, one exponent, and a finite value.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: f64 = text.parse().ok()?;
    (plain && number.is_finite()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(vr: &[u8; 2], bytes: &'static [u8]) -> Raw<'static> {
        let vr = Some(*vr).filter(|vr| vr != b"UN");
        Raw { tag: tags::PIXEL_SPACING, vr, bytes, layout: Layout::ExplicitLittle }
    }

    #[test]
    fn only_plain_finite_numbers_are_decimal_strings() {
        for (text, number) in [("1", 1.0), ("-0.5", -0.5), ("+1.25E+02", 125.0), ("1.", 1.0), (".5", 0.5)] {
            assert_eq!(decimal(text), Some(number), "{text}");
        }
        for text in ["", "nan", "NaN", "inf", "1e400", "1,5", "1 2", "0x10", "--1", "1e", "infinity", "1.2.3"]
        {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_in_every_way_they_are_written() {
        let pair = |vr, bytes| {
            let base = [raw(vr, bytes)];
            let mut values = Values::new(&base);
            let numbers = values.numbers::<2>(tags::PIXEL_SPACING, "Pixel Spacing", Written::Text);
            (numbers, values.malformed.first().map(|m| m.text.clone()))
        };
        assert_eq!(pair(b"DS", b" 0.5 \\ 0.25"), (Some([0.5, 0.25]), None));
        assert_eq!(pair(b"UN", b"0.123456789012345678\\1\0").0, Some([0.123_456_789_012_345_68, 1.0]));
        assert_eq!(pair(b"FL", b"\0\0\0\x3f\0\0\x80\x3f").0, Some([0.5, 1.0]));
        assert_eq!(pair(b"DS", b"   "), (None, None));
        for (bytes, value) in [
            (b"0,5\\0,5".as_slice(), "0,5\\0,5"),
            (b"0.5", "0.5"),
            (b"1\\2\\3", "1\\2\\3"),
            (b"nan\\1", "nan\\1"),
            (b"\0\0", "00 00"),
        ] {
            let (none, fault) = pair(b"DS", bytes);
            let expected = format!("Pixel Spacing (0028,0030) is \"{value}\", not 2 finite numbers");
            assert_eq!((none, fault), (None, Some(expected)));
        }
    }

    #[test]
    fn integers_have_their_range_and_one_value() {
        let one = |vr, bytes, written| {
            let base = [raw(vr, bytes)];
            Values::new(&base).integer(tags::PIXEL_SPACING, "x", written)
        };
        assert_eq!(one(b"US", b"\xff\xff", Written::Integer), Some(65_535));
        assert_eq!(one(b"SS", b"\xff\xff", Written::Integer), Some(-1));
        assert_eq!(one(b"UN", b"\x01\0\0\0", Written::Integer), Some(1));
        assert_eq!(one(b"OW", b"\x01\0", Written::Integer), Some(1));
        assert_eq!(one(b"UN", b"  ", Written::Integer), Some(0x2020));
        assert_eq!(one(b"IS", b"  ", Written::Integer), None);
        assert_eq!(one(b"IS", b" +512 ", Written::Text), Some(512));
        assert_eq!(one(b"IS", b"512\0", Written::Integer), Some(512));
        for (vr, bytes) in
            [(b"US", b"\x01\0\x02\0".as_slice()), (b"IS", b"1\\2"), (b"IS", b"1.0"), (b"IS", b"2147483648")]
        {
            assert_eq!(one(vr, bytes, Written::Text), None, "{bytes:?}");
        }
    }

    #[test]
    fn names_in_any_character_set_stay_comparable() {
        let name = |set: &'static [u8], bytes: &'static [u8]| {
            let base = [
                Raw { tag: tags::SPECIFIC_CHARACTER_SET, ..raw(b"CS", set) },
                Raw { tag: tags::PATIENT_NAME, ..raw(b"PN", bytes) },
            ];
            Values::new(&base).foreign(tags::PATIENT_NAME)
        };
        assert_eq!(name(b"ISO_IR 144", b"\xbb\xee\xda"), "Люк");
        assert_eq!(name(b"ISO_IR 192", "Müller".as_bytes()), "Müller");
        assert_eq!(name(b"ISO_IR 100", b"M\xfcller "), "Müller");
        assert_ne!(name(b"ISO_IR 192", b"M\xfcller"), name(b"ISO_IR 192", b"M\xfdller"));
        assert_ne!(name(b"nonsense", b"\xff\xfe"), name(b"nonsense", b"\xff\xff"));
    }
}
