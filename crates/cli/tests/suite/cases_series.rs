//! What lies together in one folder or under one series UID and is not one volume.

use crate::case;
use crate::scene::{Shape, V};
use crate::series::{CAPTURE, FRAME, Folder, Kept, MR, POSITION, SERIES, STUDY, Series, ct, done, mr, plain};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "mixture";
const ONE: &str = "1.2.826.0.1.3680043.8.498.2.1";
const UP: V = [0.0, 0.0, 1.0];

fn legal(name: &str, make: impl Fn() -> Folder + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Legal(&[]), make)
}

fn refuse(name: &str, make: impl Fn() -> Folder + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Refuse, make)
}

fn honest(
    name: &str,
    codes: &'static [&'static str],
    make: impl Fn() -> Folder + Send + Sync + 'static,
) -> Case {
    case(CLASS, name, Verdict::WarnOrRefuse(codes), make)
}

/// Another series of the same shape with other noise, under names of its own.
fn second(seed: u64) -> Series {
    ct(&Shape::axial().seeded(seed)).under(&format!("S{seed}"))
}

/// The same under the first one's series UID.
fn same_uid(seed: u64) -> Series {
    second(seed).text(SERIES, ONE).text(0x0020_0011, "2")
}

fn coronal() -> Series {
    ct(&Shape::along([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0]], [0.0, 1.0, 0.0]).seeded(3)).under("coronal")
}

/// A localiser: one or a few images of other size and direction.
fn localiser() -> Series {
    let shape =
        Shape::along([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0]], [0.0, 1.0, 0.0]).at([0.0, 1.0, 0.0], &[0.0]);
    ct(&shape.sized(128, 160).seeded(9)).under("scout").text(0x0008_0008, "ORIGINAL\\PRIMARY\\LOCALIZER")
}

pub fn cases() -> Vec<Case> {
    let mut cases = beside();
    cases.extend(under_one_uid());
    cases.extend(people());
    cases.extend(alone());
    cases
}

fn beside() -> Vec<Case> {
    let capture = || {
        let mut one = second(8);
        one.images.truncate(1);
        one.text(0x0008_0016, CAPTURE).without(POSITION).without(0x0020_0037).text(0x0008_0064, "WSD")
    };
    vec![
        legal("two-series", || plain().folder().and(&second(2))),
        legal("three-series-of-three-directions", || plain().folder().and(&coronal()).and(&second(4))),
        legal("two-series-in-one-flat-folder", || {
            let other = second(2).each(|k, i| i.name = format!("IM{:04}b", k + 1));
            plain().folder().and(&other)
        }),
        legal("localiser-of-its-own-series", || plain().folder().with(&localiser())),
        legal("localiser-under-the-same-uid", || plain().folder().with(&localiser().text(SERIES, ONE))),
        legal("localiser-not-said-to-be-one", || {
            plain()
                .folder()
                .with(&localiser().text(SERIES, ONE).text(0x0008_0008, "ORIGINAL\\PRIMARY\\AXIAL"))
        }),
        legal("two-localisers-at-right-angles", || {
            let side = Shape::along([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0]], [1.0, 0.0, 0.0])
                .at([1.0, 0.0, 0.0], &[0.0]);
            let side = ct(&side.sized(128, 160).seeded(10))
                .under("side")
                .text(0x0008_0008, "ORIGINAL\\PRIMARY\\LOCALIZER");
            let both = localiser().text(SERIES, ONE);
            plain().folder().with(&both).with(&side.text(SERIES, ONE))
        }),
        legal("capture-beside", move || plain().folder().with(&capture())),
        legal("dose-report-and-letters-beside", || {
            let folder = plain().folder();
            folder
                .file("report.pdf", b"%PDF-1.4 nothing".to_vec())
                .file("README.TXT", b"Viewer: start.exe\r\n".to_vec())
                .file("autorun.inf", b"[autorun]".to_vec())
                .file("thumbs.db", vec![0xd0; 512])
                .file("empty", vec![])
        }),
        legal("mip-beside", || {
            let mip = second(5).text(0x0008_0008, "DERIVED\\SECONDARY\\PROJECTION IMAGE\\MIP");
            plain().folder().with(&mip)
        }),
        legal("structured-report-beside", || {
            let mut report = second(6);
            report.images.truncate(1);
            let report = report.text(0x0008_0016, "1.2.840.10008.5.1.4.1.1.88.67").text(0x0008_0060, "SR");
            plain().folder().with(&report.without(0x7fe0_0010).without(0x0028_0010))
        }),
        legal("presentation-state-and-structure-set-beside", || {
            let of = |seed, class, modality| {
                let mut one = second(seed);
                one.images.truncate(1);
                let one = one.text(0x0008_0016, class).text(0x0008_0060, modality);
                one.without(0x7fe0_0010).without(0x0028_0010).without(POSITION)
            };
            plain().folder().with(&of(6, "1.2.840.10008.5.1.4.1.1.11.1", "PR")).with(&of(
                7,
                "1.2.840.10008.5.1.4.1.1.481.3",
                "RTSTRUCT",
            ))
        }),
        legal("ct-and-mr", || {
            plain().folder().and(&mr().under("mr").text(SERIES, "1.2.826.0.1.3680043.8.498.2.9"))
        }),
        case(CLASS, "one-good-one-bad-series", Verdict::Refuse, || {
            Folder { truth: vec![], ..second(2).without(0x0028_0030).folder() }.beside(&plain())
        }),
        case(CLASS, "series-chosen-by-number", Verdict::WarnOrRefuse(&[]), || {
            plain().folder().with(&second(2)).say(&["--series", "1"])
        }),
        case(CLASS, "series-chosen-by-uid", Verdict::Legal(&[]), || {
            plain().folder().with(&second(2)).say(&["--series", ONE])
        }),
        case(CLASS, "series-chosen-that-is-not-there", Verdict::Usage, || {
            let folder = plain().folder().say(&["--series", "7"]);
            Folder { truth: vec![], ..folder }.with(&second(2))
        }),
    ]
}

fn under_one_uid() -> Vec<Case> {
    let echoes = |tag: u32, vr: &'static str, values: [&'static str; 2]| {
        move || {
            let set = |s: Series, value: &'static str| s.each(|_, i| done(i.set.text(tag, vr, value)));
            set(mr(), values[0]).folder().and(&set(as_mr(same_uid(2)), values[1]))
        }
    };
    let differing = |tag: u32, values: [&'static str; 2]| {
        move || plain().text(tag, values[0]).folder().and(&same_uid(2).text(tag, values[1]))
    };
    let shifted = |distance: f64| {
        let middle: Vec<f64> = (0..20).map(|k| 1.5 * f64::from(k) - 14.25 + distance).collect();
        ct(&Shape::axial().at(UP, &middle).seeded(2)).under("S2").text(SERIES, ONE).unmarked()
    };
    vec![
        legal("two-stacks-of-two-directions", || plain().folder().and(&coronal().text(SERIES, ONE))),
        case(CLASS, "stacks-that-cross-like-discs", Verdict::Legal(&["space-between-slices"]), || {
            let disc = |seed: u64, degrees: f64| {
                let a: f64 = degrees.to_radians();
                let six = |x: f64| (x * 1e6).round() / 1e6;
                let (c, s) = (six(a.cos()), six(a.sin()));
                let normal = [0.0, -s, c];
                let shape = Shape::along([[1.0, 0.0, 0.0], [0.0, c, s]], normal);
                let places: Vec<f64> = (0..6).map(|k| 3.0 * f64::from(k) - 7.5).collect();
                as_mr(
                    ct(&shape.at(normal, &places).seeded(seed))
                        .under(&format!("disc{seed}"))
                        .text(SERIES, ONE),
                )
            };
            disc(1, 0.0).folder().and(&disc(2, 12.0)).and(&disc(3, 25.0))
        }),
        legal("two-echoes", echoes(0x0018_0086, "IS", ["1", "2"])),
        legal("two-echo-times", echoes(0x0018_0081, "DS", ["30", "90"])),
        legal("two-time-points", echoes(0x0020_0100, "IS", ["1", "2"])),
        legal("two-trigger-times", echoes(0x0018_1060, "DS", ["0", "400"])),
        legal("two-image-types", echoes(0x0008_0008, "CS", ["ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P"])),
        legal("two-acquisitions", differing(0x0020_0012, ["1", "2"])),
        legal("two-kernels", differing(0x0018_1210, ["B60s", "B70s"])),
        legal("two-acquisition-times", differing(0x0008_0032, ["101700", "102300"])),
        case(CLASS, "two-tube-voltages", Verdict::Legal(&[]), || {
            plain().folder().and(&same_uid(2).each(|_, i| done(i.set.text(0x0018_0060, "DS", "80"))))
        }),
        legal("two-phases-by-acquisition-interleaved-names", || {
            let other = same_uid(2).text(0x0020_0012, "2").each(|k, i| i.name = format!("IM{:04}x", k + 1));
            plain().folder().and(&other)
        }),
        refuse("two-phases-that-nothing-tells-apart", || plain().folder().with(&same_uid(2))),
        honest("two-phases-by-instance-number-only", &[], || {
            plain().folder().and(&same_uid(2).each(|k, i| done(i.text(0x0020_0013, &(k + 21).to_string()))))
        }),
        refuse("duplicate-with-one-other-voxel", || {
            let mut other = plain().images.remove(9);
            other.name = "again".to_owned();
            other.plane.hu[2000] += 1.0;
            other.store(&crate::series::USUAL);
            plain().folder().file("again", other.bytes())
        }),
        refuse("duplicate-with-other-rescale", || {
            let mut other = plain().images.remove(9);
            other.text(0x0028_1052, "-1000");
            plain().folder().file("again", other.bytes())
        }),
        refuse("duplicate-with-other-position", || {
            let mut other = plain().images.remove(9);
            other.text(POSITION, &crate::generate::list(&plain().images[12].plane.origin));
            plain().folder().file("again", other.bytes())
        }),
        honest("two-fields-of-view", &[], || {
            let mut shape = Shape::axial().seeded(2);
            shape.steps = [0.35, 0.4];
            plain().folder().and(&ct(&shape).under("fine").text(SERIES, ONE).unmarked())
        }),
        honest("two-sizes", &[], || {
            let small =
                ct(&Shape::axial().sized(40, 48).seeded(2)).under("small").text(SERIES, ONE).unmarked();
            plain().folder().and(&small)
        }),
        // The second part goes on where the first ends, one step further: one scan or two, both are honest.
        honest("parts-that-abut", &["parts-abut"], move || {
            let second = shifted(30.0).text(0x0020_0012, "2");
            let mut one = plain().unmarked();
            one.images.extend(second.images.clone());
            plain().folder().and(&second).or(vec![one.truth()])
        }),
        honest("parts-that-overlap", &["parts-overlap", "parts-abut"], move || {
            plain().folder().and(&shifted(15.0).text(0x0020_0012, "2"))
        }),
        honest("parts-50-mm-apart", &["parts-apart", "slab-not-measured", "parts-abut"], move || {
            let second = shifted(81.0).text(0x0020_0012, "2");
            let mut one = plain().unmarked().kept(Kept::WithGaps);
            one.images.extend(second.images.clone());
            plain().folder().and(&second).or(vec![one.truth()])
        }),
        honest("series-uid-missing", &[], || plain().without(SERIES).folder()),
        honest("series-uid-missing-in-two-series", &[], || {
            plain().without(SERIES).folder().and(&coronal().without(SERIES))
        }),
        honest("series-uid-of-its-own-in-every-file", &[], || {
            plain().each(|k, i| done(i.text(SERIES, &format!("1.2.3.{k}")))).folder()
        }),
        honest("instance-uids-all-the-same", &[], || plain().text(0x0008_0018, "1.2.3.4").folder()),
        honest("series-uid-missing-in-one-slice", &[], || {
            plain().folder().or(vec![plain().lost(8..9).truth()]).spoil("IM0009", |bytes| {
                let mut image = plain().images.remove(8);
                image.drop(SERIES);
                *bytes = image.bytes();
            })
        }),
    ]
}

/// The same images as MR.
fn as_mr(series: Series) -> Series {
    let mut series = series.each(|_, i| {
        i.text(0x0008_0016, MR).text(0x0008_0060, "MR");
        i.drop(0x0028_1053).drop(0x0028_1052).drop(0x0028_1054);
        i.drop(0x0018_0060).drop(0x0018_1210).drop(0x0018_1120);
        i.set.text(0x0018_0081, "DS", "80").text(0x0018_0080, "DS", "2000");
        i.plane.hu.iter_mut().for_each(|hu| *hu += 1024.0);
    });
    series.unit = None;
    series.unmarked()
}

fn people() -> Vec<Case> {
    let half = |tag: u32, text: &'static str| {
        move || {
            let series = plain().each(|k, i| {
                if k > 9 {
                    i.text(tag, text);
                }
            });
            series.folder()
        }
    };
    vec![
        refuse("two-patients-by-id", half(0x0010_0020, "P-4712")),
        refuse("two-patients-in-one-slice", || {
            plain().one(7, |i| done(i.text(0x0010_0020, "P-1").text(0x0010_0010, "Other^Person"))).folder()
        }),
        refuse("two-patients-by-id-and-name", || {
            plain()
                .each(|k, i| {
                    if k % 2 == 1 {
                        i.text(0x0010_0020, "P-1").text(0x0010_0010, "Other^Person");
                    }
                })
                .folder()
        }),
        refuse("two-birth-dates", || {
            plain()
                .each(|k, i| {
                    if k > 9 {
                        i.set.text(0x0010_0030, "DA", "20010101");
                    }
                })
                .folder()
        }),
        honest(
            "name-typed-differently",
            &["identity-differs", "name-differs", "patient-name-differs"],
            half(0x0010_0010, "Secretname^Hilda^^Dr"),
        ),
        honest("name-in-capitals", &[], half(0x0010_0010, "OTHER^SPELLING")),
        honest("two-sexes", &[], half(0x0010_0040, "M")),
        refuse("two-frames-of-reference", half(FRAME, "1.2.826.0.1.3680043.8.498.33")),
        honest("frame-of-reference-missing-in-half", &[], || {
            let series = plain().each(|k, i| {
                if k > 9 {
                    i.drop(FRAME);
                }
            });
            series.folder().or(series.halves(10))
        }),
        honest("frame-of-reference-of-its-own-in-every-file", &[], || {
            plain().each(|k, i| done(i.text(FRAME, &format!("1.2.3.{k}")))).folder()
        }),
        honest("frame-of-reference-empty-in-one", &[], || {
            plain().folder().or(vec![plain().lost(3..4).truth()]).spoil("IM0004", |bytes| {
                let mut image = plain().images.remove(3);
                image.text(FRAME, "");
                *bytes = image.bytes();
            })
        }),
        honest(
            "two-patients-in-two-series",
            &["patients-differ", "several-patients", "mixed-patients", "identity-differs"],
            || {
                let other = second(2).text(0x0010_0020, "P-9").text(0x0010_0010, "Other^Person");
                plain().folder().and(&other.text(STUDY, "1.2.826.0.1.3680043.8.498.99"))
            },
        ),
        honest("patient-missing", &[], || plain().without(0x0010_0010).without(0x0010_0020).folder()),
        honest("patient-anonymous-in-half", &[], half(0x0010_0010, "ANONYMOUS")),
    ]
}

fn alone() -> Vec<Case> {
    let only =
        |name: &str, make: fn() -> Series| refuse(name, move || Folder { truth: vec![], ..make().folder() });
    vec![
        only("only-a-localiser", localiser),
        only("only-three-parallel-localisers", || {
            plain().lost(3..20).text(0x0008_0008, "ORIGINAL\\PRIMARY\\LOCALIZER")
        }),
        only("only-captures", || {
            plain().text(0x0008_0016, CAPTURE).without(POSITION).without(0x0020_0037).without(0x0028_0030)
        }),
        only("only-a-mip", || plain().text(0x0008_0008, "DERIVED\\SECONDARY\\PROJECTION IMAGE\\MIP")),
        only("only-positron-emission", || {
            plain().text(0x0008_0016, "1.2.840.10008.5.1.4.1.1.128").text(0x0008_0060, "PT")
        }),
        only("only-ultrasound", || {
            plain().text(0x0008_0016, "1.2.840.10008.5.1.4.1.1.6.1").text(0x0008_0060, "US")
        }),
        only("only-plain-films", || {
            plain().text(0x0008_0016, "1.2.840.10008.5.1.4.1.1.1.1").text(0x0008_0060, "DX").without(POSITION)
        }),
        only("modality-missing", || plain().without(0x0008_0060)),
        only("class-says-mr-modality-says-ct", || plain().text(0x0008_0016, MR).without(0x0028_1053)),
        only("a-structure-set", || {
            plain()
                .text(0x0008_0016, "1.2.840.10008.5.1.4.1.1.481.3")
                .text(0x0008_0060, "RTSTRUCT")
                .without(0x7fe0_0010)
        }),
        honest("modality-in-small-letters", &[], || plain().text(0x0008_0060, "ct").folder()),
        only("a-mosaic-of-slices", || as_mr(plain()).text(0x0008_0008, "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC")),
        honest("patient-position-differs-in-half", &[], || {
            plain()
                .each(|k, i| {
                    if k > 9 {
                        i.text(0x0018_5100, "FFP");
                    }
                })
                .folder()
        }),
        honest("class-missing", &[], || plain().without(0x0008_0016).folder()),
        honest("class-unknown", &[], || plain().text(0x0008_0016, "1.2.3.4.5.6").folder()),
        refuse("a-few-slices-of-a-dynamic-scan", || {
            let mut all = plain();
            for time in 2..5 {
                let later = ct(&Shape::axial().seeded(time)).under(&format!("t{time}")).text(SERIES, ONE);
                all.images.extend(later.images);
            }
            Folder { truth: vec![], ..all.kept(Kept::Exactly).folder() }
        }),
    ]
}
