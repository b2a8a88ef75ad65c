//! Assumptions: needed ones work and are written down, needless ones are noted, contradicting ones refused.

use crate::case;
use crate::generate::list;
use crate::scene::{Shape, V};
use crate::series::{
    FRAME, Folder, INTERCEPT, Kept, ORIENTATION, POSITION, SLOPE, SPACING, Series, ct, done, mr, plain,
};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "assumption";
const UP: V = [0.0, 0.0, 1.0];
/// An assumption that nothing asked for is a note.
const UNUSED: &[&str] = &["not-used", "assumption-not-used", "assumption-unused"];

/// A series that is refused as it is and comes out right with these assumptions; two rows.
fn pair(name: &str, words: &'static [&'static str], make: fn() -> Series) -> [Case; 2] {
    let with = format!("{name}-assumed");
    [
        case(CLASS, &format!("{name}-not-assumed"), Verdict::Refuse, make),
        case(CLASS, &with, Verdict::Legal(ASSUMED), move || assuming(make(), words)),
    ]
}

/// Findings that may tell what was assumed.
const ASSUMED: &[&str] = &[
    "assumed",
    "assumption-used",
    "slab-not-measured",
    "gaps-filled",
    "duplicate-slices",
    "assumption",
    "patients-differ",
];

fn assuming(series: Series, words: &[&str]) -> Folder {
    let mut folder = series.folder();
    for word in words {
        folder = folder.say(&["--assume", word]);
    }
    folder
}

/// Slices of which only the lower ten say where they are.
fn half_placed() -> Series {
    plain().each(|k, i| {
        if k > 9 {
            i.drop(POSITION);
        }
    })
}

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        pair("spacing", &["spacing=0.8,0.7"], || plain().without(SPACING)),
        pair("orientation", &["orientation=1,0,0,0,1,0"], || plain().without(ORIENTATION)),
        pair("rescale", &["rescale=1,-1024"], || plain().without(SLOPE).without(INTERCEPT)),
        pair("sign", &["signed=no"], || plain().without(0x0028_0103)),
        pair("frame", &["frame=same"], || {
            plain().each(|k, i| {
                if k > 9 {
                    i.text(FRAME, "1.2.3");
                } else {
                    i.text(FRAME, "1.2.4");
                }
            })
        }),
        pair("patient", &["patient=same"], || {
            plain().each(|k, i| {
                if k > 9 {
                    i.text(0x0010_0020, "P-4712");
                }
            })
        }),
        pair("modality", &["modality=CT"], || plain().without(0x0008_0060).without(0x0008_0016)),
        pair("position", &["position=instance-number", "slice-spacing=1.5"], || {
            // Nothing says where the scan is; the first slice then lies at the origin.
            plain().without(POSITION).each(|k, i| i.plane.origin = [0.0, 0.0, 1.5 * k as f64]).unmarked()
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    let contradicting = |name: &str, words: &'static [&'static str]| {
        case(CLASS, &format!("{name}-contradicts"), Verdict::Refuse, move || assuming(plain(), words))
    };
    cases.extend([
        contradicting("spacing", &["spacing=0.5,0.5"]),
        contradicting("orientation", &["orientation=0,1,0,0,0,-1"]),
        contradicting("rescale", &["rescale=1,0"]),
        contradicting("sign", &["signed=yes"]),
        contradicting("modality", &["modality=MR"]),
        contradicting("slice-spacing", &["slice-spacing=3"]),
    ]);
    let usage = |name: &str, words: &'static [&'static str]| {
        case(CLASS, &format!("usage-{name}"), Verdict::Usage, move || assuming(plain(), words))
    };
    cases.extend([
        usage("no-value", &["spacing"]),
        usage("unknown-key", &["colour=red"]),
        usage("zero-spacing", &["spacing=0,0"]),
        usage("negative-spacing", &["spacing=-1,1"]),
        usage("nan-spacing", &["spacing=nan,nan"]),
        usage("one-number", &["spacing=1"]),
        usage("mirror-pair", &["orientation=1,0,0,1,0,0"]),
        usage("slope-zero", &["rescale=0,0"]),
        usage("word", &["signed=maybe"]),
        usage("twice-and-different", &["spacing=0.8,0.7", "spacing=0.8,0.8"]),
    ]);
    cases.extend(needless_and_partial());
    cases
}

fn needless_and_partial() -> Vec<Case> {
    vec![
        case(CLASS, "needless-spacing", Verdict::Warn(UNUSED), || assuming(plain(), &["spacing=0.8,0.7"])),
        case(CLASS, "needless-patient", Verdict::Warn(UNUSED), || assuming(plain(), &["patient=same"])),
        case(CLASS, "needless-duplicates", Verdict::Warn(UNUSED), || {
            assuming(plain(), &["duplicates=first"])
        }),
        case(CLASS, "needless-gaps", Verdict::Warn(UNUSED), || assuming(plain(), &["gaps=filled"])),
        case(CLASS, "gaps-filled", Verdict::Warn(&["slab-not-measured", "gaps-filled"]), || {
            let even = ct(&Shape::axial().even());
            assuming(even.lost(9..11).kept(Kept::Filled), &["gaps=filled"])
        }),
        case(CLASS, "duplicates-first", Verdict::WarnOrRefuse(&[]), || {
            let mut other = plain().images.remove(9);
            other.name = "zz-again".to_owned();
            other.plane.hu[2000] += 500.0;
            other.store(&crate::series::USUAL);
            assuming(plain(), &["duplicates=first"]).file("zz-again", other.bytes())
        }),
        case(CLASS, "spacing-assumed-in-one-slice", Verdict::WarnOrRefuse(&[]), || {
            assuming(plain().one(4, |i| done(i.drop(SPACING))), &["spacing=0.8,0.7"])
        }),
        case(CLASS, "assumed-position-without-slice-spacing", Verdict::Refuse, || {
            assuming(plain().without(POSITION), &["position=instance-number"])
        }),
        case(CLASS, "assumed-position-with-doubled-instance-numbers", Verdict::Refuse, || {
            let series = plain().without(POSITION).one(5, |i| done(i.text(0x0020_0013, "5")));
            assuming(series, &["position=instance-number", "slice-spacing=1.5"])
        }),
        case(
            CLASS,
            "assumed-position-with-a-missing-instance-number",
            Verdict::WarnOrRefuse(&["slab-not-measured"]),
            || {
                let series =
                    plain().without(POSITION).each(|k, i| i.plane.origin = [0.0, 0.0, 1.5 * k as f64]);
                assuming(series.unmarked().lost(9..10), &["position=instance-number", "slice-spacing=1.5"])
            },
        ),
        // Where the stated positions agree, every slice is in its place; where they do not, nobody knows.
        case(CLASS, "assumed-position-where-some-is-stated", Verdict::Warn(&["assumed"]), || {
            assuming(half_placed(), &["position=instance-number", "slice-spacing=1.5"])
        }),
        case(CLASS, "assumed-position-against-those-stated", Verdict::Refuse, || {
            assuming(half_placed(), &["position=instance-number", "slice-spacing=1.6"])
        }),
        case(CLASS, "assumed-unit-of-mr", Verdict::WarnOrRefuse(&[]), || assuming(mr(), &["unit=HU"])),
        case(CLASS, "assumed-rescale-of-slope-0", Verdict::WarnOrRefuse(&[]), || {
            assuming(plain().text(SLOPE, "0"), &["rescale=1,-1024"])
        }),
        case(CLASS, "assumed-spacing-of-malformed", Verdict::WarnOrRefuse(&[]), || {
            assuming(plain().text(SPACING, "0,8\\0,7"), &["spacing=0.8,0.7"])
        }),
        case(CLASS, "assumed-syntax", Verdict::WarnOrRefuse(&[]), || {
            let wrong = plain().each(|_, i| i.syntax = "1.2.3.4".to_owned());
            assuming(wrong, &["syntax=1.2.840.10008.1.2.1"])
        }),
        case(CLASS, "assumed-orientation-mirrors-nothing", Verdict::Refuse, || {
            let series = plain().without(ORIENTATION).each(|k, i| {
                let [x, y, _] = i.plane.origin;
                i.text(POSITION, &list(&[x + 1.5 * k as f64, y, 0.0]));
            });
            assuming(series, &["orientation=1,0,0,0,1,0"])
        }),
        case(CLASS, "assumed-laterality", Verdict::Legal(ASSUMED), || assuming(plain(), &["laterality=L"])),
        case(CLASS, "even-places-kept", Verdict::Legal(&["space-between-slices"]), || {
            ct(&Shape::axial().at(UP, &[-3.0, 0.0, 3.0, 6.0]))
        }),
    ]
}
