//! Folders that can be converted rightly and that somebody should look at before trusting the result.

use crate::case;
use crate::scene::{Shape, V};
use crate::series::{Folder, Format, Kept, SERIES, STUDY, Series, USUAL, ct, done, plain};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "warning";
const UP: V = [0.0, 0.0, 1.0];
const GAP: &[&str] = &["slab-not-measured"];
const WORDS: &[&str] = &["orientation-words-differ"];
const SIDE: &[&str] = &["laterality-differs"];
const HU: &[&str] = &["rescale-doubtful", "no-air", "no-soft-tissue", "saturated"];
const DERIVED: &[&str] = &["derived-image"];

fn warn(
    name: &str,
    codes: &'static [&'static str],
    make: impl Fn() -> Series + Send + Sync + 'static,
) -> Case {
    case(CLASS, name, Verdict::Warn(codes), make)
}

fn honest(
    name: &str,
    codes: &'static [&'static str],
    make: impl Fn() -> Series + Send + Sync + 'static,
) -> Case {
    case(CLASS, name, Verdict::WarnOrRefuse(codes), make)
}

/// The same for values so changed that no blob is left where it was.
fn altered(
    name: &str,
    codes: &'static [&'static str],
    make: impl Fn() -> Series + Send + Sync + 'static,
) -> Case {
    honest(name, codes, move || make().unmarked())
}

pub fn cases() -> Vec<Case> {
    let mut cases = gaps();
    cases.extend(origins());
    cases.extend(sides());
    cases.extend(values());
    cases.extend(contents());
    cases.extend(quality());
    cases
}

fn gaps() -> Vec<Case> {
    vec![
        honest("gap-of-one", GAP, || plain().lost(9..10)),
        honest("gap-of-three", GAP, || plain().lost(9..12)),
        honest("gap-of-half", GAP, || plain().lost(5..15)),
        honest("gap-beside-the-end", GAP, || plain().lost(1..2)),
        honest("gaps-twice", GAP, || plain().lost(14..16).lost(5..6)),
        honest("every-second-slice-of-a-half", GAP, || {
            plain().lost(17..18).lost(15..16).lost(13..14).lost(11..12)
        }),
        honest("gap-of-one-tilted", GAP, || {
            let (c, s) = (0.965926, 0.258819);
            ct(&Shape::along([[1.0, 0.0, 0.0], [0.0, c, s]], UP)).text(0x0018_1120, "15").lost(9..10)
        }),
        honest("gap-from-the-head-down", GAP, || {
            ct(&Shape::along([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.0, 0.0, -1.0])).lost(9..11)
        }),
        // Without the middle part nothing says that the two halves are one scan.
        honest("gap-of-100-mm", &["slab-not-measured", "parts-apart", "parts-abut"], || {
            let places: Vec<f64> =
                (0..20).map(|k| 1.5 * f64::from(k) + if k > 9 { 105.0 } else { 0.0 }).collect();
            ct(&Shape::axial().at(UP, &places)).kept(Kept::WithGaps)
        }),
        honest("every-second-slice-lost", &[], || {
            let places: Vec<f64> = (0..12).map(|k| 3.0 * f64::from(k) - 15.0).collect();
            ct(&Shape::axial().at(UP, &places))
        }),
        case(CLASS, "gap-of-an-unreadable-slice", Verdict::WarnOrRefuse(GAP), || {
            let mut broken = plain().images.remove(9);
            broken.raw(0x7fe0_0010, "OW", &[1; 10]);
            plain().lost(9..10).folder().file("IM0010", broken.bytes())
        }),
        case(CLASS, "gap-of-an-empty-file", Verdict::WarnOrRefuse(GAP), || {
            let mut folder = plain().lost(9..10).folder();
            folder.files.push(("IM0010".to_owned(), vec![]));
            folder
        }),
    ]
}

fn origins() -> Vec<Case> {
    let image_type =
        |name: &str, text: &'static str| warn(name, DERIVED, move || plain().text(0x0008_0008, text));
    vec![
        warn("lossy-flag", &["lossy-compression"], || plain().text(0x0028_2110, "01")),
        warn("lossy-flag-in-one-slice", &["lossy-compression"], || {
            plain().one(7, |i| done(i.text(0x0028_2110, "01")))
        }),
        warn("lossy-ratio-without-flag", &["lossy-compression"], || {
            plain().each(|_, i| done(i.set.text(0x0028_2112, "DS", "12.5")))
        }),
        case(CLASS, "lossy-flag-00", Verdict::Legal(&[]), || plain().text(0x0028_2110, "00")),
        image_type("derived", "DERIVED\\PRIMARY\\AXIAL"),
        image_type("derived-secondary-reformatted", "DERIVED\\SECONDARY\\REFORMATTED"),
        image_type("mpr", "DERIVED\\SECONDARY\\MPR"),
        case(CLASS, "derived-in-one-slice", Verdict::Warn(&["derived-image", "slice-set-aside"]), || {
            plain().stray(4, |i| done(i.text(0x0008_0008, "DERIVED\\SECONDARY"))).or(vec![plain().truth()])
        }),
        honest("image-type-missing", &[], || plain().without(0x0008_0008)),
        honest("minimum-intensity-projection", &[], || {
            plain().text(0x0008_0008, "DERIVED\\SECONDARY\\PROJECTION IMAGE\\MINIP")
        }),
        warn("burned-in", &["burned-in-annotation"], || plain().text(0x0028_0301, "YES")),
        case(CLASS, "burned-in-no", Verdict::Legal(&[]), || plain().text(0x0028_0301, "NO")),
        case(CLASS, "studies-differ", Verdict::WarnOrRefuse(&["studies-differ"]), || {
            let series = plain().each(|k, i| {
                if k > 9 {
                    i.text(STUDY, "1.2.826.0.1.3680043.8.498.77");
                }
            });
            series.folder().or(series.halves(10))
        }),
        honest("accession-differs", &[], || {
            plain().each(|k, i| {
                if k > 9 {
                    i.text(0x0008_0050, "B8");
                }
            })
        }),
        honest("body-part-differs", &["body-part-differs"], || {
            plain().each(|k, i| {
                if k > 9 {
                    i.text(0x0018_0015, "HEAD");
                }
            })
        }),
        honest("scanner-differs", &[], || {
            plain().each(|k, i| {
                if k > 9 {
                    i.text(0x0008_0070, "Other");
                }
            })
        }),
        honest("thickness-differs", &[], || {
            plain().each(|k, i| {
                if k > 9 {
                    i.text(0x0018_0050, "3");
                }
            })
        }),
        case(CLASS, "study-date-differs", Verdict::WarnOrRefuse(&["studies-differ"]), || {
            let series = plain().each(|k, i| {
                if k > 9 {
                    i.text(0x0008_0020, "20250101").text(STUDY, "1.2.826.0.1.3680043.8.498.78");
                }
            });
            series.folder().or(series.halves(10))
        }),
        warn("exact-duplicates", &["duplicate-slices"], || {
            let mut twice = plain();
            let mut again: Vec<_> = twice.images[4..9].to_vec();
            again.iter_mut().for_each(|i| i.name = format!("copy-{}", i.name));
            twice.images.extend(again);
            twice.kept(Kept::WithGaps)
        }),
        warn("duplicates-under-other-uids", &["duplicate-slices"], || {
            let mut twice = plain();
            let mut again: Vec<_> = twice.images[4..9].to_vec();
            again.iter_mut().for_each(|i| {
                i.name = format!("copy-{}", i.name);
                i.text(0x0008_0018, &format!("1.2.826.0.1.3680043.8.498.66.{}", i.name.len()));
            });
            twice.images.extend(again);
            twice.kept(Kept::WithGaps)
        }),
        warn("every-file-twice", &["duplicate-slices"], || {
            let mut twice = plain();
            let mut again = twice.images.clone();
            again.iter_mut().for_each(|i| i.name = format!("copy/{}", i.name));
            twice.images.extend(again);
            twice.kept(Kept::WithGaps)
        }),
    ]
}

fn sides() -> Vec<Case> {
    vec![
        warn("patient-orientation-R-P", WORDS, || plain().text(0x0020_0020, "R\\P")),
        warn("patient-orientation-L-A", WORDS, || plain().text(0x0020_0020, "L\\A")),
        warn("patient-orientation-exchanged", WORDS, || plain().text(0x0020_0020, "P\\L")),
        warn("patient-orientation-of-a-coronal", WORDS, || plain().text(0x0020_0020, "L\\F")),
        case(CLASS, "patient-orientation-agrees", Verdict::Legal(&[]), || plain().text(0x0020_0020, "L\\P")),
        case(CLASS, "patient-orientation-empty", Verdict::Legal(&[]), || plain().text(0x0020_0020, "")),
        case(CLASS, "patient-orientation-oblique-agrees", Verdict::Legal(&[]), || {
            let (c, s) = (0.965926, 0.258819);
            ct(&Shape::along([[1.0, 0.0, 0.0], [0.0, c, s]], [0.0, -s, c])).text(0x0020_0020, "L\\PH")
        }),
        honest("patient-orientation-differs-in-one-slice", WORDS, || {
            plain().one(3, |i| done(i.text(0x0020_0020, "R\\P")))
        }),
        warn("laterality-against-image-laterality", SIDE, || {
            plain().text(0x0020_0060, "L").text(0x0020_0062, "R")
        }),
        honest("laterality-differs-between-slices", SIDE, || {
            plain().each(|k, i| done(i.text(0x0020_0060, if k > 9 { "L" } else { "R" })))
        }),
        honest("laterality-against-description", &[], || {
            plain().text(0x0020_0060, "L").text(0x0018_0015, "KNEE").text(0x0008_103e, "KNEE RIGHT BONE")
        }),
        case(CLASS, "laterality-once", Verdict::Legal(&[]), || {
            plain().text(0x0020_0060, "L").text(0x0018_0015, "KNEE")
        }),
    ]
}

fn values() -> Vec<Case> {
    let shifted =
        |by: f64| move || plain().store(Format { intercept: -1024.0 + by, stored: 16, high: 15, ..USUAL });
    let moved = |by: f64| {
        move || {
            let series = shifted(0.0)();
            series.each(|_, i| {
                i.text(0x0028_1052, &crate::generate::ds(-1024.0 + by));
                i.plane.hu.iter_mut().for_each(|hu| *hu += by);
            })
        }
    };
    vec![
        altered("rescaled-twice", HU, moved(-1024.0)),
        altered("rescale-forgotten", HU, moved(1024.0)),
        altered("rescale-off-by-200", HU, moved(200.0)),
        altered("slope-10-times-too-small", HU, || {
            plain()
                .each(|_, i| {
                    i.text(0x0028_1053, "0.1").text(0x0028_1052, "-102.4");
                    i.plane.hu.iter_mut().for_each(|hu| *hu *= 0.1);
                })
                .tolerance(1e-3)
        }),
        altered("no-air", HU, || {
            plain().each(|_, i| {
                i.plane.hu.iter_mut().for_each(|hu| *hu = hu.max(30.0 + (*hu).rem_euclid(9.0)));
                i.store(&USUAL);
            })
        }),
        altered("only-air", HU, || {
            plain().each(|_, i| {
                i.plane.hu.iter_mut().for_each(|hu| *hu = hu.min(-1000.0 + (*hu).rem_euclid(9.0)));
                i.store(&USUAL);
            })
        }),
        altered("saturated-at-3071", &["saturated", "metal"], || {
            plain().each(|_, i| {
                i.plane.hu.iter_mut().for_each(|hu| {
                    if *hu > 300.0 {
                        *hu = 9000.0
                    }
                });
                i.store(&USUAL);
            })
        }),
        altered("saturated-at-4095", &["saturated", "metal"], || {
            plain().each(|_, i| {
                i.plane.hu.iter_mut().for_each(|hu| {
                    if *hu > 300.0 {
                        *hu = 9000.0
                    }
                });
                i.store(&Format { intercept: 0.0, signed: false, ..USUAL }).text(0x0028_1052, "-1000");
                i.plane.hu.iter_mut().for_each(|hu| *hu -= 1000.0);
            })
        }),
        // The words are signed and the header says they are not: air becomes 64 512.
        altered("sign-said-wrongly", HU, || {
            let signed = Format { signed: true, intercept: 0.0, stored: 16, high: 15, ..USUAL };
            plain().store(signed).each(|_, i| {
                i.short(0x0028_0103, 0);
                i.plane.hu.iter_mut().for_each(|hu| {
                    if *hu < 0.0 {
                        *hu += 65536.0
                    }
                });
            })
        }),
        // Twelve bits at the top of sixteen, said to be at the bottom: every value 16 times too large.
        altered("high-bit-said-wrongly", HU, || {
            plain().store(Format { high: 15, ..USUAL }).each(|_, i| {
                i.short(0x0028_0101, 16);
                i.plane.hu.iter_mut().for_each(|hu| *hu = (*hu + 1024.0) * 16.0 - 1024.0);
            })
        }),
        altered("byte-order-said-wrongly", HU, || {
            plain().each(|_, i| {
                let Some(crate::generate::Body::Words(words)) =
                    i.set.get(0x7fe0_0010).map(|e| e.body.clone())
                else {
                    return;
                };
                let turned: Vec<u16> = words.iter().map(|w| w.swap_bytes()).collect();
                i.plane.hu = turned.iter().map(|w| f64::from(w & 0xfff) - 1024.0).collect();
                i.set.put(0x7fe0_0010, "OW", crate::generate::Body::Words(turned));
            })
        }),
    ]
}

/// Slices that are empty, or another's.
fn contents() -> Vec<Case> {
    vec![
        altered("blank-slice", &["blank-slice"], || {
            plain().one(9, |i| {
                i.plane.hu.fill(-1024.0);
                i.store(&USUAL);
            })
        }),
        altered("blank-slice-of-bone", &["blank-slice"], || {
            plain().one(9, |i| {
                i.plane.hu.fill(500.0);
                i.store(&USUAL);
            })
        }),
        altered("all-slices-blank", &["blank-slice", "no-soft-tissue", "no-air", "rescale-doubtful"], || {
            plain().each(|_, i| {
                i.plane.hu.fill(-1024.0);
                i.store(&USUAL);
            })
        }),
        altered("lower-half-of-a-slice-blank", &["slice-part-blank"], || {
            plain().one(9, |i| {
                i.plane.hu[64 * 40..].fill(-1024.0);
                i.store(&USUAL);
            })
        }),
        altered("slice-repeated", &["repeated-slice"], || {
            let before = plain().images[8].plane.hu.clone();
            plain().one(9, move |i| {
                i.plane.hu = before;
                i.store(&USUAL);
            })
        }),
        altered("slice-repeated-far-away", &["repeated-slice"], || {
            let before = plain().images[2].plane.hu.clone();
            plain().one(15, move |i| {
                i.plane.hu = before;
                i.store(&USUAL);
            })
        }),
        altered(
            "one-slice-a-thousand-higher",
            &["rescale-varies", "rescale-doubtful", "slice-differs"],
            || {
                plain().one(9, |i| {
                    i.text(0x0028_1052, "0");
                    i.plane.hu.iter_mut().for_each(|hu| *hu += 1024.0);
                })
            },
        ),
    ]
}

fn quality() -> Vec<Case> {
    vec![
        warn("thick-slices-5-mm", &["thick-slices"], || {
            let places: Vec<f64> = (0..12).map(|k| 5.0 * f64::from(k) - 27.5).collect();
            ct(&Shape::axial().at(UP, &places)).text(0x0018_0050, "5").kept(Kept::WithGaps)
        }),
        warn("thick-slices-that-overlap-5-mm", &["thick-slices"], || plain().text(0x0018_0050, "5")),
        warn("soft-kernel", &["soft-kernel"], || plain().text(0x0018_1210, "B20s")),
        warn("soft-kernel-of-ge", &["soft-kernel"], || plain().text(0x0018_1210, "STANDARD")),
        case(CLASS, "kernel-unknown", Verdict::Legal(&[]), || plain().text(0x0018_1210, "Qx(7)")),
        case(CLASS, "kernel-missing", Verdict::Legal(&[]), || plain().without(0x0018_1210)),
        warn("body-cut-at-the-sides", &["field-of-view-cut"], || {
            ct(&Shape::axial().sized(36, 40)).kept(Kept::WithGaps)
        }),
        case(CLASS, "two-recons-of-one-scan", Verdict::Legal(&["soft-kernel"]), || {
            let soft = ct(&Shape::axial().seeded(2)).under("soft").text(0x0018_1210, "B20s");
            Folder::from(plain()).and(&soft.text(SERIES, "1.2.826.0.1.3680043.8.498.2.2"))
        }),
    ]
}
