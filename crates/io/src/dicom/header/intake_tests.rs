//! Data sets in every way they can be written, and many in which they must not be.

use super::*;
use crate::budget::Limits;
use crate::dicom::header::syntax::Layout;
use crate::files;
use dicom_core::Tag;
use osteon_core::{Ctx, Explain};
use std::io::Write;
use std::path::Path;

const IMPLICIT: &str = "1.2.840.10008.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const BIG: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

/// Writes elements one after the other, as they come.
#[derive(Clone)]
struct Raw(Layout, Vec<u8>);

impl Raw {
    fn new(layout: Layout) -> Self {
        Self(layout, Vec::new())
    }

    fn short(&mut self, n: u16) {
        let bytes = if self.0 == Layout::ExplicitBig { n.to_be_bytes() } else { n.to_le_bytes() };
        self.1.extend(bytes);
    }

    fn long(&mut self, n: u32) {
        let bytes = if self.0 == Layout::ExplicitBig { n.to_be_bytes() } else { n.to_le_bytes() };
        self.1.extend(bytes);
    }

    /// Tag, representation and length.
    fn head(mut self, tag: (u16, u16), vr: &str, length: u32) -> Self {
        self.short(tag.0);
        self.short(tag.1);
        if self.0 == Layout::ImplicitLittle || tag.0 == 0xfffe {
            self.long(length);
            return self;
        }
        self.1.extend(vr.as_bytes());
        if ["OB", "OW", "SQ", "UN", "UT"].contains(&vr) {
            self.short(0);
            self.long(length);
        } else {
            self.short(length as u16);
        }
        self
    }

    fn bytes(self, tag: (u16, u16), vr: &str, bytes: &[u8]) -> Self {
        let mut raw = self.head(tag, vr, bytes.len() as u32);
        raw.1.extend(bytes);
        raw
    }

    fn text(self, tag: (u16, u16), vr: &str, text: &str) -> Self {
        let even = if text.len() % 2 == 1 { format!("{text} ") } else { text.to_owned() };
        self.bytes(tag, vr, even.as_bytes())
    }

    fn number(self, tag: (u16, u16), n: u16) -> Self {
        let mut raw = self.head(tag, "US", 2);
        raw.short(n);
        raw
    }

    fn double(self, tag: (u16, u16), n: f64) -> Self {
        let bytes = if self.0 == Layout::ExplicitBig { n.to_be_bytes() } else { n.to_le_bytes() };
        self.bytes(tag, "FD", &bytes)
    }

    /// A sequence; its items are written by themselves.
    fn sequence(self, tag: (u16, u16), length: Written, items: Vec<Raw>) -> Self {
        let mut inside = Raw::new(self.0);
        for item in items {
            inside = match length {
                Written::Defined => inside.bytes((0xfffe, 0xe000), "", &item.1),
                Written::Undefined => {
                    let mut open = inside.head((0xfffe, 0xe000), "", u32::MAX);
                    open.1.extend(item.1);
                    open.head((0xfffe, 0xe00d), "", 0)
                }
            };
        }
        match length {
            Written::Defined => self.bytes(tag, "SQ", &inside.1),
            Written::Undefined => {
                let mut open = self.head(tag, "SQ", u32::MAX);
                open.1.extend(inside.1);
                open.head((0xfffe, 0xe0dd), "", 0)
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Written {
    Defined,
    Undefined,
}

/// A slice of 3 columns and 2 rows up to, and without, its pixels.
fn slice(layout: Layout) -> Raw {
    Raw::new(layout)
        .text((8, 0x16), "UI", "1.2.840.10008.5.1.4.1.1.2")
        .text((8, 0x60), "CS", "CT")
        .text((0x20, 0x32), "DS", "-1.5\\ 2\\3e1")
        .text((0x20, 0x37), "DS", "1\\0\\0\\0\\1\\0")
        .number((0x28, 2), 1)
        .number((0x28, 0x10), 2)
        .number((0x28, 0x11), 3)
        .text((0x28, 0x30), "DS", "0.5\\0.25")
        .number((0x28, 0x100), 16)
        .number((0x28, 0x101), 12)
        .number((0x28, 0x102), 11)
        .number((0x28, 0x103), 1)
        .text((0x28, 0x1052), "DS", "-1024")
        .text((0x28, 0x1053), "DS", "1")
}

const PIXEL_DATA: (u16, u16) = (0x7fe0, 0x10);

fn with_pixels(slice: Raw) -> Vec<u8> {
    slice.bytes(PIXEL_DATA, "OW", &[7; 12]).1
}

/// Free bytes, mark, file header and data set; a UID of "" is left out.
fn file(uid: &str, data_set: &[u8]) -> Vec<u8> {
    let meta = Raw::new(Layout::ExplicitLittle).bytes((2, 1), "OB", &[0, 1]);
    let meta = if uid.is_empty() { meta } else { meta.text((2, 0x10), "UI", uid) };
    [&[0; 128][..], b"DICM", &meta.1, data_set].concat()
}

fn headers_with(bytes: &[u8], assume: &[&str]) -> Result<Vec<Header>, Unread> {
    let folder = tempfile::tempdir().unwrap();
    let mut image = tempfile::NamedTempFile::new_in(&folder).unwrap();
    image.write_all(bytes).unwrap();
    let files = files::list(image.path(), &Budget::default(), &Ctx::default()).unwrap();
    let assume = Assume::parse(assume.iter().copied()).unwrap();
    read(&files.entries[0], &assume, &Budget::default())
}

fn header(bytes: &[u8]) -> Result<Header, Unread> {
    headers_with(bytes, &[]).map(|headers| headers[0].clone())
}

fn error(bytes: &[u8]) -> DicomError {
    match header(bytes) {
        Err(Unread::Refuse(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut press = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    press.write_all(bytes).unwrap();
    press.finish().unwrap()
}

const EVERY: [(&str, Layout); 3] =
    [(IMPLICIT, Layout::ImplicitLittle), (EXPLICIT, Layout::ExplicitLittle), (BIG, Layout::ExplicitBig)];

fn is_the_slice(header: &Header) {
    assert_eq!((header.rows, header.columns, header.samples), (2, 3, 1));
    assert_eq!((header.allocated, header.stored, header.high, header.signed), (16, 12, 11, 1));
    assert_eq!(header.position.unwrap().to_array(), [-1.5, 2.0, 30.0]);
    assert_eq!(header.pixel_spacing, Some([0.5, 0.25]));
    assert_eq!((header.slope, header.intercept), (Some(1.0), Some(-1024.0)));
    assert_eq!((header.modality.as_str(), header.pixels.unwrap().length), ("CT", Some(12)));
    assert_eq!(header.faults, [""; 0]);
}

#[test]
fn a_slice_is_read_in_every_way_it_is_written_with_and_without_a_file_header() {
    for (uid, layout) in EVERY {
        let data = with_pixels(slice(layout));
        let stated = header(&file(uid, &data)).unwrap();
        is_the_slice(&stated);
        assert_eq!((stated.syntax.as_str(), &stated.remarks[..]), (uid, &[][..]));
        for found in [header(&data).unwrap(), header(&file("", &data)).unwrap()] {
            is_the_slice(&found);
            assert_eq!(found.remarks, [Remark::SyntaxFound(uid.to_owned())]);
        }
        // The file header without the free bytes and the mark.
        is_the_slice(&header(&file(uid, &data)[132..]).unwrap());
    }
    let data = with_pixels(slice(Layout::ExplicitLittle));
    let bytes = file(DEFLATED, &deflated(&data));
    let stated = header(&bytes).unwrap();
    is_the_slice(&stated);
    assert_eq!(*data_set("1", &bytes, &stated, &Budget::default()).unwrap(), data);
}

#[test]
fn the_length_of_the_file_header_need_not_be_stated_nor_right() {
    for length in [0_u32, 7, 90, 1 << 30] {
        let wrong = Raw::new(Layout::ExplicitLittle).bytes((2, 0), "UL", &length.to_le_bytes());
        let mut bytes = file(BIG, &with_pixels(slice(Layout::ExplicitBig)));
        bytes.splice(132..132, wrong.1);
        is_the_slice(&header(&bytes).unwrap());
    }
}

#[test]
fn a_data_set_not_written_as_stated_is_refused_naming_both_and_read_if_so_assumed() {
    for (stated, _) in EVERY {
        for (written, layout) in EVERY.into_iter().filter(|(uid, _)| *uid != stated) {
            let bytes = file(stated, &with_pixels(slice(layout)));
            let refused = error(&bytes);
            let text = format!("{refused} {}", refused.help());
            assert_eq!(refused.code(), "transfer-syntax-differs", "{text}");
            assert!(text.contains(stated) && text.contains(&format!("--assume syntax={written}")), "{text}");
            let assumed = headers_with(&bytes, &[&format!("syntax={written}")]).unwrap();
            is_the_slice(&assumed[0]);
            assert_eq!(assumed[0].remarks, [Remark::Assumed("syntax")]);
        }
    }
    let right = file(EXPLICIT, &with_pixels(slice(Layout::ExplicitLittle)));
    let against = headers_with(&right, &[&format!("syntax={IMPLICIT}")]).unwrap_err();
    assert!(matches!(against, Unread::Refuse(e) if e.code() == "assumption-contradicts"));
}

#[test]
fn without_a_stated_syntax_compressed_or_short_pixels_are_refused_unless_one_is_assumed() {
    let start = slice(Layout::ExplicitLittle);
    let packed = start.clone().head(PIXEL_DATA, "OB", u32::MAX);
    let packed = packed.bytes((0xfffe, 0xe000), "", &[]).bytes((0xfffe, 0xe000), "", &[1; 8]);
    let packed = packed.head((0xfffe, 0xe0dd), "", 0).1;
    let short = start.bytes(PIXEL_DATA, "OW", &[7; 10]).1;
    for data in [packed.clone(), short] {
        assert_eq!(error(&data).code(), "transfer-syntax-missing");
    }
    let assumed = headers_with(&packed, &[&format!("syntax={JPEG_LS}")]).unwrap();
    assert_eq!((assumed[0].syntax.as_str(), assumed[0].pixels.unwrap().length), (JPEG_LS, None));
    // Native pixels under a compressed syntax, and the other way round, may be read as what they are.
    let lies = file(EXPLICIT, &packed);
    assert_eq!(headers_with(&lies, &[&format!("syntax={JPEG_LS}")]).unwrap()[0].syntax, JPEG_LS);
}

#[test]
fn what_is_no_dicom_file_is_skipped() {
    for bytes in [b"hello".as_slice(), &[0; 4000], b"\x08\0nonsense that goes on", b"\0\x08"] {
        assert!(matches!(header(bytes), Err(Unread::Skip(why)) if why.starts_with("not a DICOM file")));
    }
    let report = Raw::new(Layout::ExplicitLittle).text((8, 0x60), "CS", "SR");
    let why = header(&file(EXPLICIT, &report.1)).unwrap_err();
    assert_eq!(why, Unread::Skip("DICOM without an image (modality SR)".to_owned()));
}

#[test]
fn an_element_that_occurs_twice_is_refused_wherever_it_is() {
    for extra in [(0x20, 0x4000), (0x28, 0x1053)] {
        let twice = slice(Layout::ExplicitLittle).text(extra, "DS", "1").text(extra, "DS", "2");
        let refused = error(&file(EXPLICIT, &with_pixels(twice))).to_string();
        assert!(refused.contains(&format!("{} occurs twice", Tag(extra.0, extra.1))), "{refused}");
    }
}

#[test]
fn disorder_is_told_and_a_wanted_element_behind_the_pixels_refused() {
    let late = slice(Layout::ExplicitLittle).text((0x18, 0x50), "DS", "1.25");
    let read = header(&file(EXPLICIT, &with_pixels(late))).unwrap();
    assert_eq!((read.thickness, &read.remarks[..]), (Some(1.25), &[Remark::OutOfOrder(Tag(0x18, 0x50))][..]));
    let start = Raw(Layout::ExplicitLittle, with_pixels(slice(Layout::ExplicitLittle)));
    let padded = start.clone().bytes((0xfffc, 0xfffc), "OB", &[0; 100]).1;
    is_the_slice(&header(&file(EXPLICIT, &padded)).unwrap());
    is_the_slice(&header(&file(EXPLICIT, &[&start.1[..], &[0; 500]].concat())).unwrap());
    for behind in [(0x28, 0x30), (0x28, 0x1054), PIXEL_DATA] {
        let late = start.clone().bytes(behind, "OB", b"1\\1 ").1;
        let refused = error(&file(EXPLICIT, &late)).to_string();
        assert!(refused.contains("stands behind the pixels"), "{refused}");
    }
}

#[test]
fn sequences_of_any_length_are_stepped_over_and_deep_ones_refused() {
    let nested = |depth: usize| {
        let mut inner = Raw::new(Layout::ExplicitLittle).text((8, 0x60), "CS", "XX");
        for n in 0..depth {
            let item = Raw::new(Layout::ExplicitLittle);
            inner = item.sequence((8, 0x1140 + n as u16), Written::Undefined, vec![inner]);
        }
        let start = slice(Layout::ExplicitLittle);
        with_pixels(Raw(Layout::ExplicitLittle, [inner.1, start.1].concat()))
    };
    is_the_slice(&header(&file(EXPLICIT, &nested(31))).unwrap());
    for deep in [33, 5000] {
        let refused = error(&file(EXPLICIT, &nested(deep))).to_string();
        assert!(refused.contains("nested deeper than 32"), "{refused}");
    }
}

#[test]
fn an_unknown_representation_is_read_where_only_one_length_leads_on() {
    let start = |vr: &[u8; 2], rest: &[u8]| {
        let odd = [&[0x18, 0, 0x60, 0][..], vr, rest].concat();
        let after = Raw::new(Layout::ExplicitLittle).text((0x18, 0x61), "DS", "1");
        let image = slice(Layout::ExplicitLittle).1;
        let at = 8 + 26 + 8 + 2;
        let data = [&image[..at], &odd[..], &after.1, &image[at..]].concat();
        header(&file(EXPLICIT, &with_pixels(Raw(Layout::ExplicitLittle, data))))
    };
    // Two bytes, four bytes, and no representation at all.
    for (vr, rest) in [
        (b"ZZ", b"\x04\x00120 ".as_slice()),
        (b"ZZ", b"\0\0\x04\0\0\x00120 "),
        (b"\x04\0", b"\0\x00120 "),
        (b"UN", b"\0\0\x04\0\0\x00120 "),
    ] {
        let read = start(vr, rest).unwrap();
        is_the_slice(&read);
        assert_eq!(read.kvp, Some(120.0), "{rest:?}");
    }
    let refused = start(b"??", b"\x04\x00120 ").unwrap_err();
    assert!(matches!(refused, Unread::Refuse(e) if e.to_string().contains("\"??\"")));
}

#[test]
fn malformed_numbers_are_faults_where_place_rests_on_them_and_remarks_elsewhere() {
    let wrong =
        slice(Layout::ExplicitLittle).text((0x18, 0x50), "DS", "1,25").text((0x28, 8), "IS", "2147483648");
    let read = header(&file(EXPLICIT, &with_pixels(wrong))).unwrap();
    assert_eq!(read.faults, ["Number Of Frames (0028,0008) is \"2147483648\", not one whole number"]);
    let thickness = "Slice Thickness (0018,0050) is \"1,25\", not one finite number".to_owned();
    assert!(read.remarks.contains(&Remark::Malformed(thickness)));
}

#[test]
fn a_cut_file_is_damaged_and_names_its_tag_and_place() {
    let whole = file(EXPLICIT, &with_pixels(slice(Layout::ExplicitLittle)));
    for length in 170..whole.len() {
        let cut = match header(&whole[..length]) {
            Err(Unread::Refuse(error)) => error.to_string(),
            // Between two elements: nothing tells that there was more, but there is no image.
            Err(Unread::Skip(why)) => why,
            other => panic!("{length}: {other:?}"),
        };
        let told = cut.contains("byte") || cut.contains("without an image") || cut.contains("Columns");
        assert!(told, "{length}: {cut}");
    }
    let cut = error(&whole[..whole.len() - 1]).to_string();
    assert!(cut.ends_with("its pixels (7FE0,0010) should be 12 bytes long, and 11 are there"), "{cut}");
}

#[test]
fn statements_fill_what_is_missing_and_refuse_what_they_contradict() {
    let bare = Raw::new(Layout::ExplicitLittle)
        .text((8, 0x16), "UI", "1.2.840.10008.5.1.4.1.1.2")
        .number((0x28, 0x10), 2)
        .number((0x28, 0x11), 3)
        .text((0x28, 0x30), "DS", "0,5\\0,5");
    let said =
        ["spacing=0.5,0.25", "orientation=1,0,0,0,1,0", "rescale=1,-1024", "signed=yes", "modality=CT"];
    let bytes = file(EXPLICIT, &with_pixels(bare));
    assert_eq!(header(&bytes).unwrap().faults.len(), 1);
    let read = headers_with(&bytes, &said).unwrap().remove(0);
    assert_eq!(
        (read.pixel_spacing, read.slope, read.intercept),
        (Some([0.5, 0.25]), Some(1.0), Some(-1024.0))
    );
    assert_eq!((read.signed, read.modality.as_str(), read.faults.len()), (1, "CT", 0));
    assert_eq!(read.remarks.len(), 5);
    let full = file(EXPLICIT, &with_pixels(slice(Layout::ExplicitLittle)));
    let agreed = headers_with(&full, &said).unwrap().remove(0);
    assert_eq!((agreed.remarks.len(), agreed.refusal), (0, None));
    for against in ["spacing=0.25,0.5", "orientation=0,1,0,1,0,0", "rescale=1,0", "signed=no", "modality=MR"]
    {
        let refused = headers_with(&full, &[against]).unwrap().remove(0).refusal.unwrap();
        assert_eq!(refused.code(), "assumption-contradicts", "{against}");
        let key = against.split('=').next().unwrap();
        assert!(refused.to_string().starts_with(&format!("{key} is assumed to be")), "{refused}");
    }
}

#[test]
fn a_file_that_changed_its_header_is_noticed_when_its_pixels_are_wanted() {
    let bytes = file(EXPLICIT, &with_pixels(slice(Layout::ExplicitLittle)));
    let read = header(&bytes).unwrap();
    let budget = Budget::default();
    assert_eq!(*data_set("1", &bytes, &read, &budget).unwrap(), bytes[read.offset..]);
    let mut other = bytes.clone();
    other[read.offset + 70] ^= 1;
    let changed = DicomError::Changed { file: "1".to_owned() };
    assert_eq!(data_set("1", &other, &read, &budget), Err(changed));
    let short = data_set("1", &bytes[..bytes.len() - 2], &read, &budget).unwrap_err();
    assert!(short.to_string().contains("should be 12 bytes long, and 10 are there"));
}

#[test]
fn deflated_bombs_are_inflated_no_further_than_the_header_and_its_pixels() {
    // 64 MB of zeros behind the pixels, and 300 MB before them.
    let data = with_pixels(slice(Layout::ExplicitLittle));
    let tail = file(DEFLATED, &deflated(&[&data[..], &vec![0; 64 << 20]].concat()));
    let read = header(&tail).unwrap();
    assert_eq!(data_set("1", &tail, &read, &Budget::default()).unwrap().len(), data.len());
    let long = Raw::new(Layout::ExplicitLittle).head((8, 0x16), "UN", 300 << 20);
    let front = file(DEFLATED, &deflated(&[&long.1[..], &vec![0; 80 << 20]].concat()));
    assert_eq!(error(&front).code(), "budget-exceeded");
}

#[test]
fn pixels_behind_more_than_the_budget_allows_are_refused() {
    let long = Raw::new(Layout::ExplicitLittle).bytes((8, 0x16), "UN", &vec![0; 3 << 20]);
    let bytes = file(EXPLICIT, &with_pixels(long));
    let folder = tempfile::tempdir().unwrap();
    let mut image = tempfile::NamedTempFile::new_in(&folder).unwrap();
    image.write_all(&bytes).unwrap();
    let files = files::list(image.path(), &Budget::default(), &Ctx::default()).unwrap();
    let budget = Budget::new(Limits { header_bytes: 1 << 20, ..Limits::default() }, None);
    let Err(Unread::Refuse(refused)) = read(&files.entries[0], &Assume::default(), &budget) else { panic!() };
    assert_eq!(refused.code(), "budget-exceeded");
}

/// Every single byte of small files changed, and files cut anywhere: no panic, and nothing but a header, a
/// reason or a refusal. What is kept borrows from the file, so that nothing can grow.
#[test]
fn no_mutation_of_a_small_file_panics() {
    let mut random = osteon_core::ctx::Random::new(3);
    let mut seeds: Vec<Vec<u8>> =
        EVERY.iter().map(|&(uid, layout)| file(uid, &with_pixels(slice(layout)))).collect();
    seeds.push(file(DEFLATED, &deflated(&with_pixels(slice(Layout::ExplicitLittle)))));
    seeds.push(with_pixels(slice(Layout::ImplicitLittle)));
    seeds.extend(EVERY.map(|(uid, layout)| file(uid, &enhanced(layout, Written::Undefined, 3, 3))));
    let assume = Assume::default();
    let budget = Budget::default();
    for n in 0..20_000 {
        let mut bytes = seeds[n % seeds.len()].clone();
        for _ in 0..=random.bits() % 3 {
            let at = 128 + random.bits() as usize % (bytes.len() - 128);
            match random.bits() % 4 {
                0 => bytes[at] ^= 1 << (random.bits() % 8),
                1 => bytes[at] = random.bits() as u8,
                2 => bytes[at] = 0xff,
                _ => bytes.truncate(at.max(130)),
            }
        }
        let intake = Intake { file: "1", assume: &assume, budget: &budget };
        if let Ok(headers) = intake.headers(&bytes, bytes.len()) {
            assert!(headers.len() <= bytes.len() / 8);
            let _ = data_set("1", &bytes, &headers[0], &budget);
        }
    }
}

/// A CT of `frames` frames of 3 × 2 pixels, each 1.5 mm above the last, of which `described` are described.
fn enhanced(layout: Layout, length: Written, frames: usize, described: usize) -> Vec<u8> {
    let new = || Raw::new(layout);
    let shared = new()
        .sequence((0x18, 0x9314), length, vec![new().text((0x18, 0x1210), "SH", "B70")])
        .sequence(
            (0x18, 0x9329),
            length,
            vec![new().text((8, 0x9007), "CS", "ORIGINAL\\PRIMARY\\VOLUME\\NONE")],
        )
        .sequence((0x20, 0x9116), length, vec![new().text((0x20, 0x37), "DS", "1\\0\\0\\0\\1\\0")])
        .sequence(
            (0x28, 0x9110),
            length,
            vec![new().text((0x18, 0x50), "DS", "1.5").text((0x28, 0x30), "DS", "0.5\\0.25")],
        )
        .sequence(
            (0x28, 0x9145),
            length,
            vec![new().text((0x28, 0x1052), "DS", "-1000.0").text((0x28, 0x1054), "LO", "HU")],
        );
    let each = (0..described).map(|n| {
        let own = if n == 1 { "2" } else { "1" };
        let position = format!("1\\2\\{}", n as f64 * 1.5);
        new()
            .sequence((0x18, 0x9114), length, vec![new().double((0x18, 0x9082), 2.5)])
            .sequence(
                (0x20, 0x9111),
                length,
                vec![new().text((0x20, 0x9056), "SH", own).number((0x20, 0x9156), 4)],
            )
            .sequence((0x20, 0x9113), length, vec![new().text((0x20, 0x32), "DS", &position)])
            .sequence(
                (0x28, 0x9145),
                length,
                vec![new().text((0x28, 0x1052), "DS", "-1000").text((0x28, 0x1053), "DS", own)],
            )
    });
    let image = new()
        .text((8, 8), "CS", "ORIGINAL\\PRIMARY")
        .text((8, 0x16), "UI", "1.2.840.10008.5.1.4.1.1.2.1")
        .text((8, 0x60), "CS", "CT")
        .number((0x28, 2), 1)
        .text((0x28, 8), "IS", &frames.to_string())
        .number((0x28, 0x10), 2)
        .number((0x28, 0x11), 3)
        .number((0x28, 0x100), 16)
        .number((0x28, 0x101), 16)
        .number((0x28, 0x102), 15)
        .number((0x28, 0x103), 0)
        .sequence((0x5200, 0x9229), length, vec![shared])
        .sequence((0x5200, 0x9230), length, each.collect());
    image.bytes(PIXEL_DATA, "OW", &vec![1; 12 * described]).1
}

#[test]
fn every_frame_of_an_enhanced_image_has_its_own_header() {
    for (uid, layout) in EVERY {
        for length in [Written::Defined, Written::Undefined] {
            let frames = headers_with(&file(uid, &enhanced(layout, length, 3, 3)), &[]).unwrap();
            assert_eq!(frames.len(), 3);
            for (n, frame) in frames.iter().enumerate() {
                assert_eq!(frame.position.unwrap().to_array(), [1.0, 2.0, n as f64 * 1.5]);
                assert_eq!((frame.pixel_spacing, frame.thickness), (Some([0.5, 0.25]), Some(1.5)));
                // What is stated for all and for each as well must be the same number.
                let slope = if n == 1 { 2.0 } else { 1.0 };
                assert_eq!((frame.slope, frame.intercept), (Some(slope), Some(-1000.0)));
                assert_eq!(frame.rescale_type.as_deref(), Some("HU"));
                assert_eq!(frame.moment.stack.as_deref(), Some(if n == 1 { "2" } else { "1" }));
                assert_eq!((frame.moment.acquisition, frame.moment.echo_time), (Some(4), Some(2.5)));
                assert_eq!((frame.kernel.as_deref(), frame.image_type.len()), (Some("B70"), 4));
                assert_eq!((frame.frames, frame.instance_number), (3, Some(n as i64 + 1)));
                assert!(frame.of_frame && !frame.is_multi_frame());
            }
        }
    }
}

#[test]
fn frames_that_are_not_all_described_or_not_all_there_are_refused_with_both_numbers() {
    let described =
        error(&file(EXPLICIT, &enhanced(Layout::ExplicitLittle, Written::Defined, 2, 3))).to_string();
    assert!(described.contains("(0028,0008) is 2") && described.contains("describe 3 frames"), "{described}");
    let there = error(&file(EXPLICIT, &enhanced(Layout::ExplicitLittle, Written::Defined, 4, 3))).to_string();
    assert!(there.contains("is 4, which takes 48 bytes of pixels, and 36 are there"), "{there}");
    for many in [1_000_000_000, 2_147_483_647] {
        let bytes = enhanced(Layout::ExplicitLittle, Written::Undefined, many, 2);
        assert_eq!(error(&file(EXPLICIT, &bytes)).code(), "budget-exceeded");
    }
}

#[test]
fn the_files_an_index_names_are_missed_and_never_followed() {
    let record = |path: &str| Raw::new(Layout::ExplicitLittle).text((4, 0x1500), "CS", path);
    let records = vec![record("IM\\1"), record("IM\\2"), record("..\\..\\ETC\\PASSWD")];
    let index = Raw::new(Layout::ExplicitLittle).sequence((4, 0x1220), Written::Undefined, records);
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &Path, bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new_in(&folder).unwrap();
        file.write_all(bytes).unwrap();
        file.persist(path).unwrap();
    };
    std::fs::create_dir(folder.path().join("im")).unwrap();
    put(&folder.path().join("im/1"), b"x");
    put(&folder.path().join("DICOMDIR"), &file(EXPLICIT, &index.1));
    let files = files::list(folder.path(), &Budget::default(), &Ctx::default()).unwrap();
    let finding =
        crate::dicom::header::directory::incomplete(&files.entries[0], &files, &Budget::default()).unwrap();
    assert_eq!(finding.code, "dicomdir-incomplete");
    assert_eq!(finding.message, "2 of 3 files named by DICOMDIR are not there, IM/2 first");
}

/// The test images of pydicom: each gives headers, or a reason that is known.
#[test]
fn the_images_of_pydicom_are_read_or_refused_for_known_reasons() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/pydicom_test_files");
    if !Path::new(data).is_dir() {
        println!("skipped: no data at {data}");
        return;
    }
    let files = files::list(Path::new(data), &Budget::default(), &Ctx::default()).unwrap();
    let mut images = 0;
    let mut refused = Vec::new();
    for entry in &files.entries {
        match read(entry, &Assume::default(), &Budget::default()) {
            Ok(_) => images += 1,
            Err(Unread::Skip(_)) => {}
            Err(Unread::Refuse(error)) => refused.push((entry.name(), error.code())),
            Err(Unread::More) => panic!("{}", entry.name()),
        }
    }
    assert_eq!(images, 91);
    assert_eq!(
        refused,
        [
            ("MR_truncated.dcm", "damaged-file"),
            ("SC_rgb_jpeg.dcm", "transfer-syntax-differs"),
            ("meta_missing_tsyntax.dcm", "transfer-syntax-missing"),
            ("nested_priv_SQ.dcm", "damaged-file"),
            ("rtplan_truncated.dcm", "damaged-file"),
        ]
    );
}
