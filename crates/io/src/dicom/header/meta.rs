//! How a file begins: free bytes and a mark, the file header, the transfer syntax; or a bare data set.
//!
//! A data set without a stated transfer syntax is taken only if exactly one uncompressed way of writing fits
//! all its elements and the length of its pixels. One that is not written as it states is refused.

use super::element::{self, Fault, Raw, Walk};
use super::remark::Remark;
use super::syntax::{self, Layout, Packing};
use super::value::{Values, Written};
use crate::budget::Exceeded;
use crate::dicom::error::DicomError;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// Why a file gives no image.
#[derive(Debug, PartialEq)]
pub(crate) enum Unread {
    /// More of its bytes are needed.
    More,
    /// It is no DICOM image: why.
    Skip(String),
    /// It is one that cannot be read, so that a slice may be missing.
    Refuse(DicomError),
}

impl Unread {
    pub(crate) fn of(file: &str, fault: Fault) -> Self {
        let file = file.to_owned();
        match fault {
            Fault::NeedMore => Self::More,
            Fault::Damaged(what) => Self::Refuse(DicomError::Damaged { file, what }),
        }
    }

    pub(crate) fn exceeded(file: &str, source: Exceeded) -> Self {
        Self::Refuse(DicomError::Exceeded { file: file.to_owned(), source })
    }
}

/// Where the data set of a file starts, and how it is said to be written.
#[derive(Debug, PartialEq)]
pub(crate) struct Start {
    /// First byte of the data set.
    pub(crate) offset: usize,
    /// Transfer Syntax UID.
    pub(crate) stated: Option<String>,
    /// Media Storage SOP Class UID.
    pub(crate) class: Option<String>,
    /// False for a bare data set, which may be no DICOM at all.
    marked: bool,
}

/// Free bytes before the mark.
const FREE: usize = 128;

/// Finds the data set; `None` when the file does not begin like one of DICOM.
pub(crate) fn start(bytes: &[u8], whole: usize) -> Result<Option<Start>, Fault> {
    if bytes.len() < FREE + 4 && bytes.len() < whole {
        return Err(Fault::NeedMore);
    }
    let marked = bytes.get(FREE..FREE + 4) == Some(b"DICM".as_slice());
    let from = match bytes {
        _ if marked => FREE + 4,
        // The file header without free bytes and mark, and data sets in either byte order.
        [2 | 8, 0, ..] | [0, 8, ..] => 0,
        _ => return Ok(None),
    };
    let (group, length) = element::file_header(&bytes[from..], whole - from)?;
    let text = |tag: Tag| {
        let raw: &Raw = group.iter().find(|raw| raw.tag == tag)?;
        Values::new(&[*raw]).text(tag)
    };
    Ok(Some(Start {
        offset: from + length,
        stated: text(tags::TRANSFER_SYNTAX_UID),
        class: text(tags::MEDIA_STORAGE_SOP_CLASS_UID),
        marked: marked || !group.is_empty(),
    }))
}

/// A data set that could be walked in its transfer syntax.
pub(crate) struct Resolved<'a> {
    pub(crate) syntax: String,
    pub(crate) walk: Walk<'a>,
    pub(crate) remark: Option<Remark>,
}

/// A data set of `whole` bytes, of which `bytes` may be the beginning, and what is known about its syntax.
pub(crate) struct Unresolved<'a> {
    pub(crate) file: &'a str,
    pub(crate) start: &'a Start,
    pub(crate) bytes: &'a [u8],
    pub(crate) whole: usize,
    /// What is assumed where the file is silent or wrong.
    pub(crate) assumed: Option<&'a str>,
}

const LAYOUTS: [Layout; 3] = [Layout::ImplicitLittle, Layout::ExplicitLittle, Layout::ExplicitBig];

impl<'a> Unresolved<'a> {
    /// Walks the data set in the stated syntax, in the assumed one, or in the only one it can be written in.
    pub(crate) fn resolve(&self, wanted: &[Tag]) -> Result<Resolved<'a>, Unread> {
        match &self.start.stated {
            Some(stated) => self.stated(stated, wanted),
            None => self.silent(wanted),
        }
    }

    fn walk(&self, layout: Layout, wanted: &[Tag]) -> Result<Walk<'a>, Fault> {
        element::walk(self.bytes, self.whole, layout, wanted)
    }

    fn stated(&self, stated: &str, wanted: &[Tag]) -> Result<Resolved<'a>, Unread> {
        let (layout, _) = syntax::of(stated);
        let walked = self.walk(layout, wanted);
        let as_stated = match walked {
            Ok(walk) => {
                let taken = match self.assumed.filter(|&assumed| assumed != stated) {
                    None => stated,
                    Some(assumed) if wrong(stated, &walk) && agrees(assumed, &walk) => assumed,
                    Some(assumed) => return Err(self.contradicted(stated, assumed)),
                };
                let remark = (taken != stated).then_some(Remark::Assumed("syntax"));
                Ok(Resolved { syntax: taken.to_owned(), walk, remark })
            }
            Err(fault) => Err(Unread::of(self.file, fault)),
        };
        match &as_stated {
            Ok(resolved) if !resolved.walk.values.is_empty() => return as_stated,
            Err(Unread::More) => return as_stated,
            // Damaged, or not one attribute of an image: perhaps because it was misread.
            _ => {}
        }
        // Not written as stated: is it written as something else?
        for other in LAYOUTS.into_iter().filter(|&other| other != layout) {
            let Some(walk) = self.fits(other, wanted)? else {
                continue;
            };
            let found = other.native();
            return match self.assumed {
                Some(assumed) if syntax::of(assumed).0 == other => {
                    Ok(Resolved { syntax: assumed.to_owned(), walk, remark: Some(Remark::Assumed("syntax")) })
                }
                _ => Err(Unread::Refuse(DicomError::SyntaxDiffers {
                    file: self.file.to_owned(),
                    stated: stated.to_owned(),
                    found: found.to_owned(),
                })),
            };
        }
        as_stated
    }

    fn contradicted(&self, stated: &str, assumed: &str) -> Unread {
        Unread::Refuse(DicomError::Contradicted {
            file: self.file.to_owned(),
            key: "syntax",
            assumed: assumed.to_owned(),
            attribute: "Transfer Syntax UID (0002,0010)",
            stated: stated.to_owned(),
        })
    }

    fn silent(&self, wanted: &[Tag]) -> Result<Resolved<'a>, Unread> {
        let refuse = |what: &str| {
            Err(Unread::Refuse(DicomError::SyntaxMissing {
                file: self.file.to_owned(),
                what: what.to_owned(),
            }))
        };
        let mut fitting = Vec::new();
        for layout in LAYOUTS {
            if let Some(walk) = self.fits(layout, wanted)? {
                fitting.push((layout, walk));
            }
        }
        if let Some(assumed) = self.assumed {
            let fits = |&(layout, _): &(Layout, Walk)| layout == syntax::of(assumed).0;
            return match fitting.into_iter().find(fits) {
                Some((_, walk)) => {
                    let syntax = assumed.to_owned();
                    Ok(Resolved { syntax, walk, remark: Some(Remark::Assumed("syntax")) })
                }
                None => refuse("its bytes are not written as it is assumed"),
            };
        }
        match fitting.pop() {
            None if self.start.marked => refuse("its elements fit none that is known"),
            None => Err(Unread::Skip("not a DICOM file, or a damaged one without a file header".to_owned())),
            Some(_) if !fitting.is_empty() => refuse("its elements fit several"),
            Some((layout, walk)) if has_its_pixels(&walk) => {
                let syntax = layout.native().to_owned();
                Ok(Resolved { remark: Some(Remark::SyntaxFound(syntax.clone())), syntax, walk })
            }
            Some(_) => refuse("its pixels do not have the length of uncompressed ones"),
        }
    }

    /// The walk in a layout, if all elements up to the pixels fit it and are those of an image.
    fn fits(&self, layout: Layout, wanted: &[Tag]) -> Result<Option<Walk<'a>>, Unread> {
        match self.walk(layout, wanted) {
            Ok(walk) => {
                let class = Values::new(&walk.values).text(tags::SOP_CLASS_UID).unwrap_or_default();
                Ok(class.starts_with("1.2.840.10008.").then_some(walk))
            }
            Err(Fault::Damaged(_)) => Ok(None),
            Err(other) => Err(Unread::of(self.file, other)),
        }
    }
}

/// True when the pixels are not kept as the syntax says, or in a way that is not read.
fn wrong(syntax: &str, walk: &Walk) -> bool {
    syntax::of(syntax).1 == Packing::Other || !agrees(syntax, walk)
}

/// True when the pixels are kept as the syntax says: in one piece, or in fragments.
fn agrees(syntax: &str, walk: &Walk) -> bool {
    let native = syntax::of(syntax).1 == Packing::Native;
    walk.pixels.is_none_or(|pixels| pixels.length.is_some() == native)
}

/// True when there are no pixels, or just as many bytes of them as uncompressed ones take.
fn has_its_pixels(walk: &Walk) -> bool {
    let even = |length: usize| length + length % 2;
    walk.pixels.is_none_or(|pixels| pixels.length.is_some_and(|n| Some(even(n)) == expected(walk).map(even)))
}

/// Length of uncompressed pixels as the attributes have it.
fn expected(walk: &Walk) -> Option<usize> {
    let mut values = Values::new(&walk.values);
    let mut number = |tag, absent| match values.integer(tag, "", Written::Integer) {
        None => Some(absent),
        number => number,
    };
    let factors = [
        number(tags::ROWS, 0),
        number(tags::COLUMNS, 0),
        number(tags::SAMPLES_PER_PIXEL, 1),
        number(tags::BITS_ALLOCATED, 0),
        values.integer(tags::NUMBER_OF_FRAMES, "", Written::Text).or(Some(1)),
    ];
    let mut bits: usize = 1;
    for factor in factors {
        bits = bits.checked_mul(usize::try_from(factor?).ok()?)?;
    }
    Some(bits.div_ceil(8))
}
