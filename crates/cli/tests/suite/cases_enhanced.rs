//! Many frames in one file: functional groups, order, missing pieces.

use crate::case;
use crate::generate::list;
use crate::generate::{Body, Set, syntax};
use crate::pack;
use crate::scene::{Plane, Shape, V};
use crate::series::{
    Folder, Image, Kept, ORIENTATION, POSITION, SPACING, Series, USUAL, cosines, ct, done, plain,
};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "multi-frame";
const ENHANCED_CT: &str = "1.2.840.10008.5.1.4.1.1.2.1";
const ENHANCED_MR: &str = "1.2.840.10008.5.1.4.1.1.4.1";
const LEGACY_CT: &str = "1.2.840.10008.5.1.4.1.1.2.2";
const GREY_WORDS: &str = "1.2.840.10008.5.1.4.1.1.7.3";
const SHARED: u32 = 0x5200_9229;
const PER_FRAME: u32 = 0x5200_9230;
const FRAMES: u32 = 0x0028_0008;
const UP: V = [0.0, 0.0, 1.0];

/// An enhanced file in the making.
struct Enhanced {
    image: Image,
    shared: Set,
    frames: Vec<Set>,
    words: Vec<Vec<u16>>,
    truth: Series,
}

fn one(set: Set) -> Vec<Set> {
    vec![set]
}

fn group(tag: u32, vr: &'static str, text: &str) -> Set {
    let mut set = Set::default();
    set.text(tag, vr, text);
    set
}

fn measures() -> Set {
    let mut set = group(SPACING, "DS", "0.8\\0.7");
    set.text(0x0018_0050, "DS", "1.5").text(0x0018_0088, "DS", "1.5");
    set
}

fn transformation(slope: &str, intercept: &str) -> Set {
    let mut set = group(0x0028_1052, "DS", intercept);
    set.text(0x0028_1053, "DS", slope).text(0x0028_1054, "LO", "HU");
    set
}

/// What changes from frame to frame: place, position in the stack.
fn frame(k: usize, plane: &Plane) -> Set {
    let mut content = group(0x0020_9056, "SH", "1");
    content.put(0x0020_9057, "UL", Body::Longs(vec![k as u32 + 1]));
    content.put(0x0020_9157, "UL", Body::Longs(vec![1, k as u32 + 1]));
    let mut set = Set::default();
    set.items(0x0020_9111, one(content));
    set.items(0x0020_9113, one(group(POSITION, "DS", &list(&plane.origin))));
    set
}

fn enhanced(series: Series, class: &'static str) -> Enhanced {
    let mut image = series.images[0].clone();
    image.name = "enhanced.dcm".to_owned();
    image.text(0x0008_0016, class).drop(POSITION).drop(ORIENTATION).drop(SPACING).drop(0x0018_0050);
    image.drop(0x0028_1052).drop(0x0028_1053).drop(0x0028_1054).drop(0x0018_1210).drop(0x0018_1120);
    let mut shared = Set::default();
    shared.items(0x0020_9116, one(group(ORIENTATION, "DS", &cosines(&series.images[0].plane))));
    shared.items(0x0028_9110, one(measures()));
    if class != ENHANCED_MR {
        shared.items(0x0028_9145, one(transformation("1", "-1024")));
    }
    let frames = series.images.iter().enumerate().map(|(k, i)| frame(k, &i.plane)).collect();
    let words = series.images.iter().map(Image::words).collect();
    Enhanced { image, shared, frames, words, truth: series }
}

impl Enhanced {
    fn finish(mut self) -> Folder {
        if self.image.set.get(FRAMES).is_none() {
            self.image.text(FRAMES, &self.words.len().to_string());
        }
        self.image.set.put(PER_FRAME, "SQ", Body::Items(self.frames.clone()));
        self.image.set.items(SHARED, one(self.shared.clone()));
        if self.image.syntax == syntax::EXPLICIT {
            self.image.set.put(0x7fe0_0010, "OW", Body::Words(self.words.concat()));
        }
        let truth = vec![self.truth.truth()];
        Folder { files: vec![(self.image.name.clone(), self.image.bytes())], truth, ..Folder::default() }
    }

    /// Puts the frames into another order.
    fn shuffle(mut self, step: usize) -> Self {
        let count = self.frames.len();
        let order: Vec<usize> = (0..count).map(|k| k * step % count).collect();
        self.frames = order.iter().map(|&k| self.frames[k].clone()).collect();
        self.words = order.iter().map(|&k| self.words[k].clone()).collect();
        self
    }

    fn image(mut self, change: impl FnOnce(&mut Image)) -> Self {
        change(&mut self.image);
        self
    }

    fn shared(mut self, change: impl FnOnce(&mut Set)) -> Self {
        change(&mut self.shared);
        self
    }

    fn each(mut self, mut change: impl FnMut(usize, &mut Set)) -> Self {
        self.frames.iter_mut().enumerate().for_each(|(k, set)| change(k, set));
        self
    }
}

fn ct_file() -> Enhanced {
    enhanced(plain(), ENHANCED_CT)
}

fn mr_file() -> Enhanced {
    let mut file = enhanced(crate::series::mr(), ENHANCED_MR);
    // The truth of mr() is moved already; stored values are the same as those of the CT.
    file.words = plain().images.iter().map(Image::words).collect();
    file
}

pub fn cases() -> Vec<Case> {
    let mut cases = legal();
    cases.extend(odd());
    cases.extend(wrong());
    cases
}

fn legal() -> Vec<Case> {
    let legal = |name: &str, make: fn() -> Folder| case(CLASS, name, Verdict::Legal(&[]), make);
    vec![
        legal("enhanced-ct", || ct_file().finish()),
        legal("enhanced-ct-frames-out-of-order", || ct_file().shuffle(7).finish()),
        legal("enhanced-ct-everything-per-frame", || {
            let file = ct_file();
            let shared = file.shared.clone();
            file.shared(|s| *s = Set::default())
                .each(|_, f| {
                    for element in &shared.0 {
                        f.put(element.tag, element.vr, element.body.clone());
                    }
                })
                .shuffle(3)
                .finish()
        }),
        legal("enhanced-ct-rescale-per-frame", || {
            let series = plain().each(|k, i| {
                i.store(&crate::series::Format { slope: 2.0, intercept: -1030.0 - 2.0 * k as f64, ..USUAL });
            });
            let words = series.images.iter().enumerate().map(|(k, i)| {
                i.plane.hu.iter().map(|hu| ((hu + 1030.0 + 2.0 * k as f64) / 2.0) as u16).collect()
            });
            let words = words.collect();
            let mut file = enhanced(series, ENHANCED_CT);
            file.words = words;
            file.shared(|s| done(s.remove(0x0028_9145)))
                .each(|k, f| {
                    done(f.items(0x0028_9145, one(transformation("2", &format!("{}", -1030 - 2 * k as i32)))))
                })
                .finish()
        }),
        legal("enhanced-ct-tilted", || {
            let (c, s) = (0.965926, 0.258819);
            enhanced(ct(&Shape::along([[1.0, 0.0, 0.0], [0.0, c, s]], UP)), ENHANCED_CT).shuffle(9).finish()
        }),
        legal("enhanced-ct-sagittal", || {
            let shape = Shape::along([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0]], [-1.0, 0.0, 0.0]);
            enhanced(ct(&shape), ENHANCED_CT).finish()
        }),
        legal("legacy-converted-ct", || enhanced(plain(), LEGACY_CT).finish()),
        legal("enhanced-mr", || mr_file().finish()),
        legal("enhanced-ct-implicit-open-lengths", || {
            ct_file()
                .image(|i| {
                    i.layout = crate::generate::Layout::Implicit;
                    i.syntax = syntax::IMPLICIT.to_owned();
                })
                .open_pixels()
                .finish()
        }),
        legal("enhanced-ct-rle", || rle_file(20, false).finish()),
        legal("enhanced-ct-rle-with-offset-table", || rle_file(20, true).finish()),
        legal("enhanced-ct-jpeg-two-fragments-a-frame", || {
            let file = ct_file();
            let mut fragments = vec![vec![]];
            let mut table = Vec::new();
            let mut at = 0_u32;
            for words in &file.words {
                let stream = pack::even(pack::jpeg_lossless(words, 64, 12, 1));
                table.extend(at.to_le_bytes());
                for part in stream.chunks(stream.len() / 2 / 2 * 2 + 2) {
                    at += part.len() as u32 + 8;
                    fragments.push(part.to_vec());
                }
            }
            fragments[0] = table;
            file.image(|i| done(i.fragments(syntax::JPEG_LOSSLESS_FIRST, fragments))).finish()
        }),
        legal("two-enhanced-files", || {
            let other =
                enhanced(ct(&Shape::axial().seeded(2)), ENHANCED_CT).image(|i| i.name = "second".to_owned());
            let other = other.finish();
            let mut both = ct_file().finish();
            both.files.extend(other.files);
            both.truth.extend(other.truth);
            both
        }),
    ]
}

/// Run-length frames, of which `count` are written.
fn rle_file(count: usize, table: bool) -> Enhanced {
    let file = ct_file();
    let streams: Vec<Vec<u8>> =
        file.words.iter().take(count).map(|w| pack::even(pack::rle(w, 2, 128))).collect();
    let mut offsets = Vec::new();
    let mut at = 0_u32;
    for stream in &streams {
        offsets.extend(at.to_le_bytes());
        at += stream.len() as u32 + 8;
    }
    let first = if table { offsets } else { vec![] };
    file.image(|i| done(i.fragments(syntax::RLE, std::iter::once(first).chain(streams).collect())))
}

impl Enhanced {
    /// Writes native pixels also when the layout is not the usual one.
    fn open_pixels(mut self) -> Self {
        self.image.set.put(0x7fe0_0010, "OW", Body::Words(self.words.concat()));
        self
    }
}

fn odd() -> Vec<Case> {
    let honest = |name: &str, codes: &'static [&'static str], make: fn() -> Folder| {
        case(CLASS, name, Verdict::WarnOrRefuse(codes), make)
    };
    vec![
        honest("enhanced-two-stacks", &[], || {
            let mut file = ct_file();
            let shape = Shape::along([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0]], [0.0, 1.0, 0.0]).seeded(2);
            let other = enhanced(ct(&shape), ENHANCED_CT);
            let directions = [cosines(&file.truth.images[0].plane), cosines(&other.truth.images[0].plane)];
            file.frames.extend(other.frames.clone());
            file.words.extend(other.words.clone());
            let file = file.shared(|s| done(s.remove(0x0020_9116))).each(|k, f| {
                f.items(0x0020_9116, one(group(ORIENTATION, "DS", &directions[k / 20])));
            });
            let mut folder = file.finish();
            folder.truth.push(other.truth.truth());
            folder
        }),
        honest("enhanced-one-frame-missing", &["slab-not-measured"], || {
            enhanced(plain().lost(8..9), ENHANCED_CT).finish()
        }),
        honest("enhanced-lossy", &["lossy-compression"], || {
            ct_file().image(|i| done(i.text(0x0028_2110, "01"))).finish()
        }),
        honest("enhanced-mr-two-echoes", &[], || {
            let mut file = mr_file();
            let other = ct(&Shape::axial().seeded(2));
            file.words.extend(other.images.iter().map(Image::words));
            file.frames.extend(file.frames.clone());
            let mut truth = crate::series::mr();
            for (image, other) in truth.images.iter_mut().zip(&other.images) {
                image.plane.hu = other.plane.hu.iter().map(|hu| hu + 1024.0).collect();
            }
            let file = file.each(|k, f| {
                let mut echo = Set::default();
                let time = if k < 20 { 30.0_f64 } else { 90.0 };
                echo.put(0x0018_9082, "FD", Body::Bytes(time.to_le_bytes().to_vec()));
                f.items(0x0018_9114, one(echo));
            });
            let mut folder = file.finish();
            folder.truth.push(truth.truth());
            folder
        }),
        honest("enhanced-mr-two-time-points", &[], || {
            let mut file = mr_file();
            file.words.extend(file.words.clone());
            file.frames.extend(file.frames.clone());
            let file = file.each(|k, f| {
                let mut content = group(0x0020_9056, "SH", "1");
                content.put(0x0020_9057, "UL", Body::Longs(vec![k as u32 % 20 + 1]));
                content.put(0x0020_9128, "UL", Body::Longs(vec![k as u32 / 20 + 1]));
                f.items(0x0020_9111, one(content));
            });
            let mut folder = file.finish();
            folder.truth.push(folder.truth[0].clone());
            folder
        }),
        honest("enhanced-exact-duplicate-frames", &["duplicate-slices"], || {
            let mut file = ct_file();
            file.words.push(file.words[6].clone());
            file.frames.push(file.frames[6].clone());
            file.truth.kept = Kept::WithGaps;
            file.finish()
        }),
        honest("enhanced-in-two-files", &[], || {
            let half = |range: std::ops::Range<usize>, name: &'static str| {
                let mut series = plain();
                series.images = series.images[range].to_vec();
                enhanced(series, ENHANCED_CT)
                    .image(|i| {
                        i.name = name.to_owned();
                        i.text(0x0008_0018, &format!("1.2.3.{}", name.len()));
                    })
                    .finish()
            };
            let mut folder = half(0..10, "first");
            folder.files.extend(half(10..20, "second").files);
            folder.truth = vec![plain().truth()];
            folder
        }),
        honest("capture-of-many-grey-frames", &[], || {
            ct_file().image(|i| done(i.text(0x0008_0016, GREY_WORDS))).finish()
        }),
        honest("frames-in-a-plain-ct", &[], || {
            let words: Vec<u16> = plain().images.iter().flat_map(Image::words).collect();
            let mut image = plain().images.remove(0);
            image.text(FRAMES, "20").set.put(0x7fe0_0010, "OW", Body::Words(words));
            Folder { truth: vec![plain().truth()], ..Folder::default() }.file("frames", image.bytes())
        }),
    ]
}

fn wrong() -> Vec<Case> {
    let refuse = |name: &str, make: fn() -> Folder| case(CLASS, name, Verdict::Refuse, make);
    let mut cases = vec![
        refuse("enhanced-without-position", || ct_file().each(|_, f| done(f.remove(0x0020_9113))).finish()),
        refuse("enhanced-one-frame-without-position", || {
            ct_file()
                .each(|k, f| {
                    if k == 5 {
                        f.remove(0x0020_9113);
                    }
                })
                .finish()
        }),
        refuse("enhanced-without-orientation", || ct_file().shared(|s| done(s.remove(0x0020_9116))).finish()),
        refuse("enhanced-without-spacing", || ct_file().shared(|s| done(s.remove(0x0028_9110))).finish()),
        refuse("enhanced-ct-without-rescale", || ct_file().shared(|s| done(s.remove(0x0028_9145))).finish()),
        refuse("enhanced-shared-and-per-frame-disagree", || {
            ct_file()
                .each(|_, f| {
                    f.items(0x0028_9110, one(group(SPACING, "DS", "0.4\\0.35")));
                })
                .finish()
        }),
        refuse("enhanced-19-groups-for-20-frames", || {
            let mut file = ct_file();
            file.frames.pop();
            file.finish()
        }),
        refuse("enhanced-21-groups-for-20-frames", || {
            let mut file = ct_file();
            file.frames.push(file.frames[0].clone());
            file.finish()
        }),
        refuse("enhanced-without-groups", || {
            let mut file = ct_file();
            file.frames.clear();
            file.shared = Set::default();
            file.finish()
        }),
        refuse("enhanced-pixels-short-of-a-frame", || {
            let mut file = ct_file();
            file.words.pop();
            file.image(|i| done(i.text(FRAMES, "20"))).finish()
        }),
        refuse("enhanced-conflicting-frames", || {
            let mut file = ct_file();
            file.words.push(file.words[7].clone());
            file.frames.push(file.frames[6].clone());
            file.finish()
        }),
        refuse("enhanced-all-frames-at-one-place", || {
            let first = ct_file().frames[0].clone();
            ct_file().each(|_, f| *f = first.clone()).finish()
        }),
        refuse("enhanced-rle-19-fragments", || rle_file(19, false).finish()),
        refuse("enhanced-rle-offset-table-lies", || {
            rle_file(20, true)
                .image(|i| {
                    let Some(Body::Fragments(mut parts)) = i.set.get(0x7fe0_0010).map(|e| e.body.clone())
                    else {
                        return;
                    };
                    parts[0][4..8].copy_from_slice(&0x00ff_fff0_u32.to_le_bytes());
                    i.fragments(syntax::RLE, parts);
                })
                .finish()
        }),
        refuse("enhanced-colour", || {
            ct_file().image(|i| done(i.text(0x0028_0004, "RGB").short(0x0028_0002, 3))).finish()
        }),
        refuse("enhanced-position-nan", || {
            ct_file()
                .each(|k, f| {
                    if k == 3 {
                        f.items(0x0020_9113, one(group(POSITION, "DS", "nan\\0\\0")));
                    }
                })
                .finish()
        }),
        refuse("enhanced-position-twice-in-a-frame", || {
            ct_file()
                .each(|k, f| {
                    if k == 3 {
                        let again = f.get(0x0020_9113).unwrap().clone();
                        f.0.push(again);
                    }
                })
                .finish()
        }),
    ];
    for (n, frames) in
        ["1000000000", "2147483648", "-1", "0", "twenty", "19", "20\\20", "99999999999999999999"]
            .into_iter()
            .enumerate()
    {
        let name = format!("enhanced-number-of-frames-{n}");
        cases.push(case(CLASS, &name, Verdict::Refuse, move || {
            ct_file().image(|i| done(i.text(FRAMES, frames))).finish()
        }));
    }
    cases
}
