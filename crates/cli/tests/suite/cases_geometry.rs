//! Where slices are: order, direction, tilt, distances, and headers that do not say it or say it wrongly.

use crate::case;
use crate::generate::list;
use crate::scene::{SIZE, STEPS, Shape, V, add, times};
use crate::series::{FRAME, Folder, INSTANCE, Kept, ORIENTATION, POSITION, SPACING, Series, ct, done, plain};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "geometry";

fn legal(name: &str, make: impl Fn() -> Series + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Legal(&[]), make)
}

fn refuse(name: &str, make: impl Fn() -> Series + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Refuse, make)
}

/// One slice that contradicts the others: nothing comes out, or the others with a gap where it was.
fn stray(name: &str, make: impl Fn() -> Folder + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::WarnOrRefuse(&["slab-not-measured"]), make)
}

fn honest(
    name: &str,
    codes: &'static [&'static str],
    make: impl Fn() -> Series + Send + Sync + 'static,
) -> Case {
    case(CLASS, name, Verdict::WarnOrRefuse(codes), make)
}

const UP: V = [0.0, 0.0, 1.0];
const AXIAL: [V; 2] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

pub fn cases() -> Vec<Case> {
    let mut cases = orders();
    cases.extend(directions());
    cases.extend(tilts());
    cases.extend(distances());
    cases.extend(malformed());
    cases.extend(contradictions());
    cases
}

fn orders() -> Vec<Case> {
    vec![
        legal("names-shuffled", || plain().each(|k, i| i.name = format!("IM{:04}", k * 7 % 20))),
        legal("names-without-meaning", || {
            plain().each(|k, i| i.name = format!("{:08x}", k * 2_654_435_761 % 9973))
        }),
        legal("from-the-head-down", || ct(&Shape::along(AXIAL, [0.0, 0.0, -1.0]))),
        legal("instance-numbers-reversed", || {
            plain().each(|k, i| done(i.text(INSTANCE, &(20 - k).to_string())))
        }),
        legal("instance-numbers-shuffled", || {
            plain().each(|k, i| done(i.text(INSTANCE, &(k * 3 % 20 + 1).to_string())))
        }),
        legal("instance-numbers-all-1", || plain().text(INSTANCE, "1")),
        legal("instance-numbers-missing", || plain().without(INSTANCE)),
        legal("slice-location-reversed", || {
            plain().each(|k, i| done(i.text(0x0020_1041, &format!("{}", -1.5 * k as f64))))
        }),
        legal("slice-location-rubbish", || plain().text(0x0020_1041, "somewhere")),
        legal("two-slices", || ct(&Shape::axial().at(UP, &[0.0, 1.5]))),
        refuse("one-slice", || ct(&Shape::axial().at(UP, &[0.0]))),
        legal("frame-of-reference-missing", || plain().without(FRAME)),
    ]
}

fn directions() -> Vec<Case> {
    let lying = |name: &str, axes: [V; 2], step: V| legal(name, move || ct(&Shape::along(axes, step)));
    let (r, p, f) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
    let minus = |v: V| times(v, -1.0);
    // A rotation about an axis off all planes; its columns to six decimals are what a header says.
    let c: [V; 3] =
        [[0.936293, -0.275096, 0.218351], [0.289629, 0.956425, -0.036957], [-0.198669, 0.097843, 0.975170]];
    let mut cases = vec![
        lying("feet-first", [minus(r), p], minus(f)),
        lying("feet-first-rows-as-usual", [r, p], minus(f)),
        lying("prone", [minus(r), minus(p)], f),
        lying("decubitus", [p, minus(r)], f),
        lying("coronal", [r, minus(f)], p),
        lying("coronal-from-behind", [minus(r), minus(f)], minus(p)),
        lying("sagittal", [p, minus(f)], r),
        lying("sagittal-from-the-left", [minus(p), minus(f)], minus(r)),
        lying("upside-down", [r, f], p),
        lying("oblique", [c[0], c[1]], c[2]),
        lying("oblique-left-handed-order", [c[0], c[1]], minus(c[2])),
        lying("oblique-sagittal", [c[1], minus(c[2])], c[0]),
    ];
    for class in ["FFS", "HFP", "FFP", "HFDL", "HFDR"] {
        let name = format!("patient-position-{class}");
        cases.push(legal(&name, move || plain().text(0x0018_5100, class)));
    }
    cases
}

/// Slices upright in the gantry, the table moving along the patient: slice normal and steps differ by `degrees`.
fn tilted(degrees: f64, step: V) -> Shape {
    let angle = degrees.to_radians();
    // Six decimals, as a header writes them.
    let six = |x: f64| (x * 1e6).round() / 1e6;
    Shape::along([[1.0, 0.0, 0.0], [0.0, six(angle.cos()), six(angle.sin())]], step)
}

fn tilts() -> Vec<Case> {
    let tilt = |name: &str, degrees: f64, tag: Option<&'static str>, step: V| {
        legal(name, move || match tag {
            Some(tag) => ct(&tilted(degrees, step)).text(0x0018_1120, tag),
            None => ct(&tilted(degrees, step)).without(0x0018_1120),
        })
    };
    let differs: &[&str] = &["gantry-tilt-differs"];
    vec![
        tilt("tilt-15", 15.0, Some("15"), UP),
        tilt("tilt-minus-20", -20.0, Some("-20"), UP),
        tilt("tilt-tag-of-other-sign", 15.0, Some("-15"), UP),
        tilt("tilt-downwards", 12.5, Some("12.5"), [0.0, 0.0, -1.0]),
        tilt("tilt-without-tag", 18.0, None, UP),
        tilt("tilt-30", 30.0, Some("30"), UP),
        legal("tilt-sideways", || {
            let (c, s) = (0.984808, 0.173648);
            ct(&Shape::along([[c, 0.0, s], [0.0, 1.0, 0.0]], UP)).without(0x0018_1120)
        }),
        honest("tilt-tag-0-but-tilted", differs, || ct(&tilted(15.0, UP)).text(0x0018_1120, "0")),
        honest("tilt-tag-10-but-upright", differs, || plain().text(0x0018_1120, "10")),
        honest("tilt-tag-20-but-15", differs, || ct(&tilted(15.0, UP)).text(0x0018_1120, "20")),
        legal("tilt-tag-rubbish-but-upright", || plain().text(0x0018_1120, "0.3")),
        case(CLASS, "tilt-with-uneven-steps", Verdict::Legal(UNEVEN), || {
            let shape = tilted(10.0, UP);
            thick(ct(&shape.at(UP, &uneven()).even()).text(0x0018_1120, "10").kept(Kept::Resampled))
        }),
        case(CLASS, "oblique-sheared", Verdict::WarnOrRefuse(&[]), || {
            ct(&Shape::along(AXIAL, [0.5, 0.0, 0.866025])).without(0x0018_1120)
        }),
    ]
}

const UNEVEN: &[&str] = &["uneven-spacing-resampled"];

/// Thin slices, then thicker ones, each touching the next: 1.08, 4 and 7 mm.
fn uneven() -> Vec<f64> {
    let steps = [[1.08; 8].as_slice(), &[2.54, 4.0, 4.0, 5.5, 7.0, 7.0]].concat();
    let mut at = -14.0;
    std::iter::once(at)
        .chain(steps.into_iter().map(|step| {
            at += step;
            at
        }))
        .map(|x: f64| (x * 100.0).round() / 100.0)
        .collect()
}

/// The thickness at which the slices of [`uneven`] touch.
fn thick(series: Series) -> Series {
    series.each(|k, i| {
        let thickness = [1.08, 4.0, 7.0][usize::from(k > 8) + usize::from(k > 11)];
        i.text(0x0018_0050, &thickness.to_string());
    })
}

fn distances() -> Vec<Case> {
    let jitter = |by: V| {
        move || {
            plain().each(|k, i| {
                let sign = [1.0, -0.7, 0.2, -1.0, 0.6][k % 5];
                i.plane.origin = add(i.plane.origin, times(by, sign));
                let text = list(&i.plane.origin);
                i.text(POSITION, &text);
            })
        }
    };
    let at = |steps: [f64; 3], count: usize| {
        let (mut z, mut all) = (-14.0, vec![-14.0]);
        for k in 0..count {
            z += steps[k * 3 / count];
            all.push((z * 1e4_f64).round() / 1e4);
        }
        all
    };
    vec![
        case(CLASS, "uneven-1-4-7", Verdict::Warn(UNEVEN), || {
            thick(ct(&Shape::axial().at(UP, &uneven()).even()).kept(Kept::Resampled))
        }),
        // All slices 1.5 mm thick: between those that are further apart nobody measured.
        case(CLASS, "uneven-1-4-7-of-thin-slices", Verdict::Warn(UNEVEN), || {
            ct(&Shape::axial().at(UP, &uneven()).even()).kept(Kept::Resampled)
        }),
        case(CLASS, "uneven-downwards", Verdict::Warn(UNEVEN), || {
            thick(ct(&Shape::axial().at([0.0, 0.0, -1.0], &uneven()).even()).kept(Kept::Resampled))
        }),
        case(CLASS, "uneven-three-steps", Verdict::Warn(UNEVEN), move || {
            ct(&Shape::axial().at(UP, &at([1.0, 1.7, 2.3], 18)).even()).kept(Kept::Resampled)
        }),
        case(CLASS, "one-step-a-tenth-longer", Verdict::WarnOrRefuse(UNEVEN), || {
            let places: Vec<f64> =
                (0..20).map(|k| 1.5 * k as f64 - 14.0 + if k > 9 { 0.15 } else { 0.0 }).collect();
            ct(&Shape::axial().at(UP, &places).even()).kept(Kept::Resampled)
        }),
        legal("jitter-of-a-hundredth", jitter([0.0, 0.0, 0.007])),
        legal("jitter-in-the-plane", jitter([0.01, -0.008, 0.0])),
        legal("steps-of-half-the-usual", || {
            let places: Vec<f64> =
                (0..20).map(|k| 0.75 * f64::from(k)).map(|z| (z * 100.0).round() / 100.0).collect();
            ct(&Shape::axial().at(UP, &places)).unmarked()
        }),
        honest("one-slice-2-mm-aside", &[], || {
            plain().one(8, |i| {
                i.plane.origin[0] += 2.0;
                let text = list(&i.plane.origin);
                i.text(POSITION, &text);
            })
        }),
        legal("far-from-the-origin", || {
            plain()
                .each(|_, i| {
                    i.plane.origin = add(i.plane.origin, [0.0, 0.0, -20_000.0]);
                    let text = list(&i.plane.origin);
                    i.text(POSITION, &text);
                })
                .kept(Kept::WithGaps)
        }),
        legal("thin-slices-with-space-between", || plain().text(0x0018_0050, "1.0")),
        legal("thick-slices-that-overlap", || plain().text(0x0018_0050, "2.0")),
        legal("thickness-missing", || plain().without(0x0018_0050)),
        legal("spacing-between-slices-negative", || plain().text(0x0018_0088, "-1.5")),
        case(CLASS, "spacing-between-slices-lies", Verdict::WarnOrRefuse(&[]), || {
            plain().text(0x0018_0088, "3.0")
        }),
        case(CLASS, "thickness-zero", Verdict::WarnOrRefuse(&[]), || plain().text(0x0018_0050, "0")),
        case(CLASS, "thickness-negative", Verdict::WarnOrRefuse(&[]), || plain().text(0x0018_0050, "-1.5")),
        legal("imager-pixel-spacing-differs", || {
            plain().each(|_, i| done(i.set.text(0x0018_1164, "DS", "0.5\\0.5")))
        }),
        legal("square-fine-pixels", || {
            let mut shape = Shape::axial();
            shape.steps = [0.35, 0.35];
            ct(&shape.sized(130, 90)).kept(Kept::WithGaps)
        }),
    ]
}

fn malformed() -> Vec<Case> {
    let mut cases = Vec::new();
    let bad_numbers = [
        "",
        "nan\\nan",
        "1e400\\1e400",
        "0\\0",
        "-0.8\\-0.7",
        "0,8\\0,7",
        "0.8",
        "0.8\\0.7\\1",
        "0.8\\",
        "0x1\\1",
        "inf\\inf",
        "1e-300\\1e-300",
        "0.8mm\\0.7mm",
        "0.8/0.7",
        "\u{ff10}.8\\0.7",
        "1e9\\1e9",
        "0.8\\0",
    ];
    for (n, text) in bad_numbers.into_iter().enumerate() {
        cases.push(refuse(&format!("spacing-malformed-{n}"), move || plain().text(SPACING, text)));
    }
    let positions = [
        "",
        "1\\2",
        "1\\2\\3\\4",
        "a\\b\\c",
        "1,5\\2\\3",
        "nan\\0\\0",
        "1e400\\0\\0",
        "\\\\",
        "1 2 3",
        "1\\2\\inf",
        "1..5\\2\\3",
        "1\\2\\--3",
    ];
    for (n, text) in positions.into_iter().enumerate() {
        cases.push(refuse(&format!("position-malformed-{n}"), move || {
            plain().one(6, |i| done(i.text(POSITION, text)))
        }));
    }
    let orientations = [
        "",
        "1\\0\\0\\0\\1",
        "0\\0\\0\\0\\0\\0",
        "2\\0\\0\\0\\2\\0",
        "1\\0\\0\\1\\0\\0",
        "1\\0\\0\\0.0872\\0.9962\\0",
        "1\\0\\0\\0\\nan\\0",
        "1\\0\\0\\0\\1\\0\\0",
        "L\\P",
        "1\\0\\0\\0\\0.9\\0",
        "1,0\\0\\0\\0\\1,0\\0",
        "1\\0\\0\\0\\1e400\\0",
    ];
    for (n, text) in orientations.into_iter().enumerate() {
        cases.push(refuse(&format!("orientation-malformed-{n}"), move || plain().text(ORIENTATION, text)));
    }
    cases.extend([
        refuse("spacing-missing", || plain().without(SPACING)),
        refuse("spacing-missing-in-one-slice", || plain().one(13, |i| done(i.drop(SPACING)))),
        refuse("position-missing", || plain().without(POSITION)),
        refuse("position-missing-in-one-slice", || plain().one(13, |i| done(i.drop(POSITION)))),
        refuse("orientation-missing", || plain().without(ORIENTATION)),
        refuse("orientation-missing-in-one-slice", || plain().one(13, |i| done(i.drop(ORIENTATION)))),
        stray("orientation-malformed-in-one-slice", || {
            plain().stray(13, |i| done(i.text(ORIENTATION, "1\\0\\0\\0\\0\\0")))
        }),
        refuse("only-imager-pixel-spacing", || {
            plain().without(SPACING).each(|_, i| done(i.set.text(0x0018_1164, "DS", "0.8\\0.7")))
        }),
        refuse("only-retired-position", || {
            plain().each(|_, i| {
                let text = list(&i.plane.origin);
                i.drop(POSITION).drop(ORIENTATION).set.text(0x0020_0030, "DS", &text);
            })
        }),
        refuse("only-a-pixel-aspect-ratio", || {
            plain().without(SPACING).each(|_, i| done(i.set.text(0x0028_0034, "IS", "8\\7")))
        }),
        refuse("only-slice-location", || {
            plain().without(POSITION).each(|k, i| done(i.text(0x0020_1041, &format!("{}", 1.5 * k as f64))))
        }),
    ]);
    cases
}

fn contradictions() -> Vec<Case> {
    vec![
        stray("one-slice-turned-by-10-degrees", || {
            plain().stray(9, |i| done(i.text(ORIENTATION, "0.984808\\0.173648\\0\\-0.173648\\0.984808\\0")))
        }),
        stray("one-slice-mirrored", || plain().stray(9, |i| done(i.text(ORIENTATION, "-1\\0\\0\\0\\1\\0")))),
        // By their headers these are two stacks that lie side by side.
        case(CLASS, "half-of-the-slices-mirrored", Verdict::WarnOrRefuse(&[]), || {
            let series = plain().each(|k, i| {
                if k % 2 == 0 {
                    i.plane.x = times(i.plane.x, -1.0);
                    i.text(ORIENTATION, "-1\\0\\0\\0\\1\\0");
                }
            });
            let mut halves = [series.clone().unmarked(), series.clone().unmarked()];
            for (n, half) in halves.iter_mut().enumerate() {
                half.images = series.images.iter().skip(n).step_by(2).cloned().collect();
            }
            Folder { truth: halves.iter().map(Series::truth).collect(), ..series.folder() }
        }),
        stray("spacing-differs-in-one-slice", || plain().stray(9, |i| done(i.text(SPACING, "0.9\\0.7")))),
        stray("spacing-exchanged-in-one-slice", || plain().stray(9, |i| done(i.text(SPACING, "0.7\\0.8")))),
        stray("rows-differ-in-one-slice", || {
            plain().stray(9, |i| {
                let words = i.words();
                i.short(0x0028_0010, 40);
                i.set.put(0x7fe0_0010, "OW", crate::generate::Body::Words(words[..64 * 40].to_vec()));
            })
        }),
        stray("rows-and-columns-exchanged-in-one-slice", || {
            plain().stray(9, |i| done(i.short(0x0028_0010, 64).short(0x0028_0011, 80)))
        }),
        refuse("all-at-one-position", || plain().text(POSITION, "1\\2\\3")),
        refuse("two-at-one-position", || {
            let there = list(&plain().images[8].plane.origin);
            plain().one(9, |i| done(i.text(POSITION, &there)))
        }),
        refuse("positions-along-the-plane", || {
            plain().each(|k, i| done(i.text(POSITION, &list(&[k as f64 * 1.5, 0.0, 0.0]))))
        }),
        refuse("slices-along-a-curve", || {
            plain().each(|k, i| {
                let x = (k as f64 - 10.0) / 10.0;
                let mut at = i.plane.origin;
                at[1] += 3.0 * x * x;
                i.text(POSITION, &list(&at));
            })
        }),
        refuse("slices-fanned-out", || {
            plain().each(|k, i| {
                let angle = (k as f64 - 10.0) * 0.02;
                i.text(ORIENTATION, &list(&[1.0, 0.0, 0.0, 0.0, angle.cos(), angle.sin()]));
            })
        }),
        refuse("spacing-grows-from-slice-to-slice", || {
            plain().each(|k, i| done(i.text(SPACING, &list(&[0.8 + 0.01 * k as f64, 0.7]))))
        }),
        // Every slice twice, a tenth of a step apart: neither duplicates nor neighbours, and honest about it.
        honest("positions-a-tenth-of-a-step-apart", UNEVEN, || {
            let places: Vec<f64> =
                (0..20).flat_map(|k| [1.5 * f64::from(k) - 14.0, 1.5 * f64::from(k) - 13.85]).collect();
            ct(&Shape::axial().at(UP, &places).even()).kept(Kept::Resampled)
        }),
        honest("one-column", &[], || ct(&Shape::axial().sized(1, 80)).kept(Kept::Filled)),
        honest("one-row", &[], || ct(&Shape::axial().sized(64, 1)).kept(Kept::Filled)),
        legal("many-slices", || {
            let places: Vec<f64> = (0..SIZE[2] * 10).map(|k| STEPS[2] * k as f64 - 150.0).collect();
            ct(&Shape::axial().at(UP, &places).sized(24, 20)).kept(Kept::WithGaps)
        }),
    ]
}
