//! A series of images to be spoiled, and the folder it becomes.

use crate::generate::{Body, Head, Layout, Set, Tag, ds, head, list, syntax};
use crate::pack;
use crate::scene::{Detail, Plane, SIZE, Shape, V, length, times};
use std::sync::OnceLock;

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const MR: &str = "1.2.840.10008.5.1.4.1.1.4";
pub const CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";
pub const SPACING: Tag = 0x0028_0030;
pub const POSITION: Tag = 0x0020_0032;
pub const ORIENTATION: Tag = 0x0020_0037;
pub const FRAME: Tag = 0x0020_0052;
pub const SERIES: Tag = 0x0020_000e;
pub const STUDY: Tag = 0x0020_000d;
pub const INSTANCE: Tag = 0x0020_0013;
pub const SLOPE: Tag = 0x0028_1053;
pub const INTERCEPT: Tag = 0x0028_1052;
pub const PIXELS: Tag = 0x7fe0_0010;
/// The patient's name: it must not turn up in anything the program says.
pub const NAME: &str = "Secretname^Hilda";

/// Ends a chain of changes in a closure that gives nothing back.
pub fn done<T>(_: T) {}

/// How stored values stand for HU.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub allocated: u16,
    pub stored: u16,
    pub high: u16,
    pub signed: bool,
    pub slope: f64,
    pub intercept: f64,
    /// Bits set above (and below) the stored ones.
    pub dirt: u16,
}

pub const USUAL: Format =
    Format { allocated: 16, stored: 12, high: 11, signed: false, slope: 1.0, intercept: -1024.0, dirt: 0 };

impl Format {
    /// Stored values, and the HU that they stand for.
    pub fn store(&self, plane: &Plane) -> (Vec<i64>, Vec<f64>) {
        let top = 1_i64 << (self.stored - u16::from(self.signed));
        let low = if self.signed { -top } else { 0 };
        let code = |hu: &f64| (((hu - self.intercept) / self.slope).round() as i64).clamp(low, top - 1);
        let stored: Vec<i64> = plane.hu.iter().map(code).collect();
        let hu = stored.iter().map(|&s| s as f64 * self.slope + self.intercept).collect();
        (stored, hu)
    }

    /// The words as they are written.
    fn word(&self, stored: i64) -> u32 {
        let mask = if self.stored == 32 { u32::MAX } else { (1 << self.stored) - 1 };
        let shift = self.high + 1 - self.stored;
        let sign = if self.signed && stored < 0 && self.dirt == 0 { !mask } else { 0 };
        (((stored as u32 & mask) | sign) << shift) | u32::from(self.dirt)
    }
}

/// One image: attributes, pixels, and the truth about both.
#[derive(Clone, Debug)]
pub struct Image {
    pub name: String,
    pub set: Set,
    pub plane: Plane,
    pub head: Head,
    pub syntax: String,
    pub layout: Layout,
    /// Bytes after the data set.
    pub tail: Vec<u8>,
}

impl Image {
    pub fn text(&mut self, tag: Tag, text: &str) -> &mut Self {
        let vr = match tag {
            SPACING | POSITION | ORIENTATION | SLOPE | INTERCEPT => "DS",
            0x0018_0050 | 0x0018_0088 | 0x0018_1120 | 0x0020_1041 => "DS",
            FRAME | SERIES | STUDY | 0x0008_0018 | 0x0008_0016 => "UI",
            INSTANCE | 0x0020_0011 | 0x0020_0012 | 0x0028_0008 | 0x0020_0100 | 0x0018_0086 => "IS",
            0x0010_0010 => "PN",
            0x0010_0020 | 0x0008_1030 | 0x0008_103e | 0x0008_0070 | 0x0028_1054 => "LO",
            0x0008_0050 | 0x0018_1210 => "SH",
            0x0008_0022 | 0x0008_0020 => "DA",
            0x0008_0032 | 0x0008_0030 => "TM",
            _ => "CS",
        };
        self.set.text(tag, vr, text);
        self
    }

    pub fn drop(&mut self, tag: Tag) -> &mut Self {
        self.set.remove(tag);
        self
    }

    pub fn short(&mut self, tag: Tag, value: u16) -> &mut Self {
        self.set.short(tag, value);
        self
    }

    pub fn raw(&mut self, tag: Tag, vr: &'static str, bytes: &[u8]) -> &mut Self {
        self.set.put(tag, vr, Body::Bytes(bytes.to_vec()));
        self
    }

    /// Writes pixels, their attributes and the rescale; the truth becomes what the stored values can say.
    pub fn store(&mut self, format: &Format) -> &mut Self {
        let (stored, hu) = format.store(&self.plane);
        self.plane.hu = hu;
        let words = stored.iter().map(|&s| format.word(s));
        let body = match format.allocated {
            8 => {
                let mut bytes: Vec<u8> = words.map(|w| w as u8).collect();
                if bytes.len() % 2 == 1 {
                    bytes.push(0);
                }
                Body::Bytes(bytes)
            }
            16 => Body::Words(words.map(|w| w as u16).collect()),
            _ => Body::Longs(words.collect()),
        };
        self.set.put(PIXELS, if format.allocated == 8 { "OB" } else { "OW" }, body);
        self.short(0x0028_0100, format.allocated).short(0x0028_0101, format.stored);
        self.short(0x0028_0102, format.high).short(0x0028_0103, u16::from(format.signed));
        self.text(SLOPE, &ds(format.slope)).text(INTERCEPT, &ds(format.intercept))
    }

    /// Stored values without sign, of a usual image.
    pub fn words(&self) -> Vec<u16> {
        USUAL.store(&self.plane).0.iter().map(|&s| s as u16).collect()
    }

    /// Encapsulates one compressed frame, with an empty offset table.
    pub fn compressed(&mut self, uid: &str, stream: Vec<u8>) -> &mut Self {
        self.fragments(uid, vec![vec![], pack::even(stream)])
    }

    /// Encapsulates: offset table and fragments.
    pub fn fragments(&mut self, uid: &str, fragments: Vec<Vec<u8>>) -> &mut Self {
        self.syntax = uid.to_owned();
        self.set.put(PIXELS, "OB", Body::Fragments(fragments));
        self
    }

    /// The whole file.
    pub fn bytes(&self) -> Vec<u8> {
        let sop = [0x0008_0016, 0x0008_0018].map(|tag| match self.set.get(tag).map(|e| &e.body) {
            Some(Body::Bytes(bytes)) => String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned(),
            _ => CT.to_owned(),
        });
        let mut out = head(self.head, &self.syntax, [&sop[0], &sop[1]]);
        let mut set = self.set.bytes(self.layout);
        set.extend(&self.tail);
        out.extend(if self.syntax == syntax::DEFLATED { pack::deflate(&set) } else { set });
        out
    }
}

/// What the program must bring out of a folder: the planes of one volume.
#[derive(Clone, Debug)]
pub struct Truth {
    pub planes: Vec<Plane>,
    /// Whether every plane must be a plane of the volume.
    pub kept: Kept,
    /// HU may differ by this much: 0 for integers, more where a format rounds.
    pub tolerance: f64,
    pub unit: Option<&'static str>,
    /// Whether the blobs are where they belong.
    pub marked: bool,
}

/// How planes must come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Every plane is a plane of the volume, and there are no others.
    Exactly,
    /// Every plane is a plane of the volume; others are marked as not measured.
    WithGaps,
    /// Every plane is a plane of the volume; planes between them are made up because it was asked for.
    Filled,
    /// On a grid of its own.
    Resampled,
}

/// A series of images.
#[derive(Clone, Debug)]
pub struct Series {
    pub images: Vec<Image>,
    pub kept: Kept,
    pub tolerance: f64,
    pub unit: Option<&'static str>,
    pub marked: bool,
}

/// A series of CT images of a shape.
pub fn ct(shape: &Shape) -> Series {
    let images = shape.planes().into_iter().enumerate().map(|(k, plane)| image(k, plane, shape)).collect();
    let marked =
        shape.detail == Detail::Full && shape.size == [SIZE[0], SIZE[1]] && shape.centres.len() == SIZE[2];
    Series { images, kept: Kept::Exactly, tolerance: 0.0, unit: Some("HU"), marked }
}

/// The usual axial series.
pub fn plain() -> Series {
    static ONCE: OnceLock<Series> = OnceLock::new();
    ONCE.get_or_init(|| ct(&Shape::axial())).clone()
}

/// The usual series as MR, stored values without rescale.
pub fn mr() -> Series {
    let mut series = plain().each(|_, i| {
        i.text(0x0008_0016, MR).text(0x0008_0060, "MR").drop(SLOPE).drop(INTERCEPT).drop(0x0028_1054);
        i.drop(0x0018_0060).drop(0x0018_1210).drop(0x0018_1120);
        i.set.text(0x0018_0081, "DS", "80").text(0x0018_0080, "DS", "2000");
        i.plane.hu.iter_mut().for_each(|hu| *hu += 1024.0);
    });
    series.unit = None;
    series.unmarked()
}

fn image(k: usize, plane: Plane, shape: &Shape) -> Image {
    let mut set = Set::default();
    let uid = |tail: &str| format!("1.2.826.0.1.3680043.8.498.{tail}");
    set.text(0x0008_0005, "CS", "ISO_IR 100").text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
    set.text(0x0008_0016, "UI", CT).text(0x0008_0018, "UI", &uid(&format!("{}.9.{}", shape.seed, k + 1)));
    set.text(0x0008_0020, "DA", "20240229").text(0x0008_0022, "DA", "20240229");
    set.text(0x0008_0030, "TM", "101500").text(0x0008_0032, "TM", "101700");
    set.text(0x0008_0050, "SH", "A7").text(0x0008_0060, "CS", "CT").text(0x0008_0070, "LO", "Suite");
    set.text(0x0010_0010, "PN", NAME).text(0x0010_0020, "LO", "P-4711");
    set.text(0x0010_0030, "DA", "19470812").text(0x0010_0040, "CS", "F");
    set.text(0x0018_0015, "CS", "SPINE").text(0x0018_0050, "DS", "1.5").text(0x0018_0060, "DS", "120");
    set.text(0x0018_1120, "DS", "0").text(0x0018_1210, "SH", "B60s").text(0x0018_5100, "CS", "HFS");
    set.text(STUDY, "UI", &uid("1")).text(SERIES, "UI", &uid(&format!("2.{}", shape.seed)));
    set.text(0x0020_0010, "SH", "1").text(0x0020_0011, "IS", &(shape.seed + 1).to_string());
    set.text(0x0020_0012, "IS", "1").text(INSTANCE, "IS", &(k + 1).to_string());
    set.text(POSITION, "DS", &list(&plane.origin)).text(ORIENTATION, "DS", &cosines(&plane));
    set.text(FRAME, "UI", &uid("3"));
    set.short(0x0028_0002, 1).text(0x0028_0004, "CS", "MONOCHROME2");
    set.short(0x0028_0010, plane.rows as u16).short(0x0028_0011, plane.columns as u16);
    set.text(SPACING, "DS", &list(&[shape.steps[1], shape.steps[0]]));
    set.text(0x0028_1054, "LO", "HU");
    let mut image = Image {
        name: format!("IM{:04}", k + 1),
        set,
        plane,
        head: Head::Whole,
        syntax: syntax::EXPLICIT.to_owned(),
        layout: Layout::Explicit,
        tail: vec![],
    };
    image.store(&USUAL);
    image
}

/// Direction cosines as a header says them.
pub fn cosines(plane: &Plane) -> String {
    let unit = |v: V| times(v, 1.0 / length(v));
    let ([a, b, c], [d, e, f]) = (unit(plane.x), unit(plane.y));
    list(&[a, b, c, d, e, f])
}

impl Series {
    /// Does something to every image.
    pub fn each(mut self, mut change: impl FnMut(usize, &mut Image)) -> Self {
        self.images.iter_mut().enumerate().for_each(|(k, image)| change(k, image));
        self
    }

    /// Sets a text in every image.
    pub fn text(self, tag: Tag, text: &str) -> Self {
        self.each(|_, image| done(image.text(tag, text)))
    }

    /// Takes an attribute out of every image.
    pub fn without(self, tag: Tag) -> Self {
        self.each(|_, image| done(image.drop(tag)))
    }

    /// Does something to one image.
    pub fn one(mut self, k: usize, change: impl FnOnce(&mut Image)) -> Self {
        change(&mut self.images[k]);
        self
    }

    /// Writes every image in another layout.
    pub fn layout(self, layout: Layout, uid: &str) -> Self {
        self.each(|_, image| {
            image.layout = layout;
            image.syntax = uid.to_owned();
        })
    }

    /// Stores every image in another format.
    pub fn store(self, format: Format) -> Self {
        self.each(|_, image| done(image.store(&format)))
    }

    /// One image that belongs to no stack with the others: they come out with a gap where it was, or nothing does.
    pub fn stray(self, k: usize, change: impl FnOnce(&mut Image)) -> Folder {
        let mut image = self.images[k].clone();
        change(&mut image);
        self.lost(k..k + 1).folder().file(&image.name, image.bytes())
    }

    /// The truths of the images before and from `at`.
    pub fn halves(&self, at: usize) -> Vec<Truth> {
        let [mut first, mut second] = [self.clone().unmarked(), self.clone().unmarked()];
        second.images = first.images.split_off(at);
        vec![first.truth(), second.truth()]
    }

    /// Leaves images out.
    pub fn lost(mut self, which: std::ops::Range<usize>) -> Self {
        self.images.drain(which);
        self.kept = Kept::WithGaps;
        self
    }

    /// Puts every file under a folder.
    pub fn under(self, folder: &str) -> Self {
        self.each(|_, image| image.name = format!("{folder}/{}", image.name))
    }

    pub fn kept(mut self, kept: Kept) -> Self {
        self.kept = kept;
        self
    }

    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    pub fn unmarked(mut self) -> Self {
        self.marked = false;
        self
    }

    pub fn unit(mut self, unit: Option<&'static str>) -> Self {
        self.unit = unit;
        self
    }

    pub fn truth(&self) -> Truth {
        let planes = self.images.iter().map(|image| image.plane.clone()).collect();
        Truth { planes, kept: self.kept, tolerance: self.tolerance, unit: self.unit, marked: self.marked }
    }

    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.images.iter().map(|image| (image.name.clone(), image.bytes())).collect()
    }

    pub fn folder(&self) -> Folder {
        Folder { files: self.files(), truth: vec![self.truth()], ..Folder::default() }
    }
}

/// Everything the program is given, and what must come of it.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    pub files: Vec<(String, Vec<u8>)>,
    /// Symbolic links: name and target.
    pub links: Vec<(String, String)>,
    /// Named pipes.
    pub pipes: Vec<String>,
    /// What is given to the program, below the folder; the folder itself if empty.
    pub input: String,
    /// Further words of the command line.
    pub words: Vec<String>,
    /// The volumes that must come out, if any come out.
    pub truth: Vec<Truth>,
    /// Other volumes that would be as right as `truth`, if there are any.
    pub or: Vec<Truth>,
    /// The volumes that must come out in any case.
    pub beside: Vec<Truth>,
    /// Words that must not come out on stderr as they are.
    pub hostile: Vec<String>,
}

impl From<Series> for Folder {
    fn from(series: Series) -> Self {
        series.folder()
    }
}

impl Folder {
    pub fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), bytes.into()));
        self
    }

    /// Another series that must come out as well.
    pub fn and(mut self, series: &Series) -> Self {
        self.files.extend(series.files());
        self.truth.push(series.truth());
        self
    }

    /// Files that are no part of any volume.
    pub fn with(mut self, series: &Series) -> Self {
        self.files.extend(series.files());
        self
    }

    /// The volumes that would be as right as those said so far.
    pub fn or(mut self, truth: Vec<Truth>) -> Self {
        self.or = truth;
        self
    }

    /// Another series that must come out whatever happens to the first.
    pub fn beside(mut self, series: &Series) -> Self {
        self.files.extend(series.files());
        self.beside.push(series.truth());
        self
    }

    pub fn say(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|&w| w.to_owned()));
        self
    }

    pub fn input(mut self, name: &str) -> Self {
        name.clone_into(&mut self.input);
        self
    }

    /// Changes the bytes of one file.
    pub fn spoil(mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let (_, bytes) = self.files.iter_mut().find(|(n, _)| n == name).unwrap();
        change(bytes);
        self
    }

    /// Changes the bytes of every file.
    pub fn spoil_all(mut self, change: impl Fn(&mut Vec<u8>)) -> Self {
        self.files.iter_mut().for_each(|(_, bytes)| change(bytes));
        self
    }

    /// The files packed into one ZIP, which is given to the program.
    pub fn zipped(mut self) -> Self {
        let files: Vec<_> = std::mem::take(&mut self.files);
        self.files = vec![("scan.zip".to_owned(), pack::zip(&files))];
        self.input("scan.zip")
    }
}
