//! True prints pass, and mirrored, scaled or incomplete ones are found out.

#![allow(clippy::disallowed_methods, reason = "reads a bone from a file if there is one")]

use super::*;
use crate::gcode::read;
use crate::test_shapes::{Printed, ball, bracket, cura, engine, from_stl, print, print_turned, print_with};
use crate::{Profile, Quality, Source, Turn};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Direction};
use std::sync::LazyLock;

fn codes(check: &Check) -> Vec<&str> {
    check.findings.iter().map(|f| f.code.as_str()).collect()
}

fn checked(summary: &Summary, job: &Job) -> Check {
    verify(summary, job, &Ctx::default()).unwrap()
}

fn printed(solid: Solid) -> Option<(Printed, Summary)> {
    let printed = print(&engine()?, solid);
    let summary = read(&printed.sliced.gcode, &Ctx::default()).unwrap();
    Some((printed, summary))
}

/// Far from the origin, as bones are; sliced once for all tests.
fn far_bracket() -> Option<&'static (Printed, Summary)> {
    static ONCE: LazyLock<Option<(Printed, Summary)>> =
        LazyLock::new(|| printed(bracket(DVec3::new(-118.3, -214.7, 1003.1))));
    ONCE.as_ref()
}

/// The G-code with one coordinate of every move changed.
fn changed(gcode: &[u8], axis: char, change: impl Fn(f64) -> f64) -> Vec<u8> {
    let text = String::from_utf8(gcode.to_vec()).unwrap();
    let lines = text.lines().map(|line| {
        if !line.starts_with("G1 ") {
            return line.to_owned();
        }
        let words = line.split(' ').map(|word| match word.strip_prefix(axis) {
            Some(number) => format!("{axis}{:.3}", change(number.parse().unwrap())),
            None => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// The solid changed by a linear map about its middle.
fn about_its_middle(solid: &Solid, diagonal: DVec3) -> Solid {
    let middle = solid.mesh().bounds().middle().vec();
    let linear = DMat3::from_diagonal(diagonal);
    solid.moved(&Affine::new(linear, middle - linear * middle)).unwrap()
}

#[test]
fn a_bracket_is_printed_one_to_one_and_not_mirrored() {
    let Some((printed, summary)) = far_bracket() else {
        return;
    };
    let check = checked(summary, &printed.job());
    assert_eq!(codes(&check), Vec::<&str>::new(), "{:#?}", check.findings);
    assert_eq!((check.hand, check.heights), (Hand::Kept, HEIGHTS));
    // Paths are written to 0.001 mm and simplified by 0.0125 mm.
    let [width, depth] = check.printed_size.unwrap();
    assert!((width - 22.5).abs() < 0.03 && (depth - 30.0).abs() < 0.03, "{width} × {depth}");
    assert!(check.deviation.unwrap() < 0.03, "{:?}", check.deviation);
    assert_eq!(summary.model_layers().count(), 100);
    // What the program says it uses is what was read: to its two digits, and the filament it draws back last.
    let told = summary.told_filament.unwrap();
    assert!((summary.filament - told).abs() < 1.0 + 1e-3 * told, "{} against {told}", summary.filament);
    assert!(summary.seconds.is_some_and(|s| s > 60.0));
    // Brim and skirt stay within the margin.
    let on_bed = summary.bounds.size() - printed.solid.mesh().bounds().size();
    assert!(on_bed.x.max(on_bed.y) < 2.0 * printed.placement.margin, "{on_bed}");
}

#[test]
fn gcode_mirrored_on_the_bed_is_told_from_the_solid() {
    let Some((printed, _)) = far_bracket() else {
        return;
    };
    let [x, y] = printed.placement.middle;
    for (axis, middle) in [('X', x), ('Y', y)] {
        let mirrored = changed(&printed.sliced.gcode, axis, |value| 2.0 * middle - value);
        let check = checked(&read(&mirrored, &Ctx::default()).unwrap(), &printed.job());
        assert_eq!((codes(&check), check.hand), (vec!["print-mirrored"], Hand::Mirrored));
        assert_eq!(check.findings[0].severity, Severity::Danger);
    }
}

#[test]
fn gcode_of_another_solid_is_told_from_the_solid() {
    let Some((printed, summary)) = far_bracket() else {
        return;
    };
    let against = |diagonal: DVec3| {
        let solid = about_its_middle(&printed.solid, diagonal);
        checked(summary, &Job { solid: &solid, ..printed.job() })
    };
    // Upside down is a mirror image too; turned by half a turn is not.
    assert_eq!(against(DVec3::new(1.0, 1.0, -1.0)).hand, Hand::Mirrored);
    assert_eq!(codes(&against(DVec3::new(-1.0, -1.0, 1.0))), ["print-outline"]);
    // 3 % of 30 mm is 0.9 mm: more than a nozzle and the accuracy of a path.
    assert!(codes(&against(DVec3::splat(1.03))).contains(&"print-size"));
    assert!(codes(&against(DVec3::new(1.0, 1.0, 1.1))).contains(&"print-incomplete"));
    let inches = against(DVec3::splat(25.4));
    for code in ["print-size", "print-incomplete", "print-volume"] {
        assert!(codes(&inches).contains(&code), "{code}");
    }
}

#[test]
fn a_ball_is_its_own_mirror_image() {
    let Some((printed, summary)) = printed(ball(DVec3::new(80.0, -12.0, -640.0), 15.0)) else {
        return;
    };
    let check = checked(&summary, &printed.job());
    assert_eq!((codes(&check), check.hand), (vec!["print-hand-undecided"], Hand::Undecided));
    let [width, depth] = check.printed_size.unwrap();
    assert!((width - 30.0).abs() < 0.1 && (depth - 30.0).abs() < 0.1, "{width} × {depth}");
    assert!(check.model.volume < printed.solid.volume());
    assert!(check.material.mass > check.model.mass && check.material.cost > 0.0);
}

#[test]
fn other_settings_print_the_same_solid() {
    let Some(engine) = engine() else { return };
    let mut delta = crate::printer("generic-180").unwrap();
    delta.bed.origin = [-90.0, -90.0];
    delta.nozzle.diameter = 0.6;
    let fine = delta.fine.clone();
    let bare = Process { infill: 100.0, supports: false, brim: 0.0, skirt: 0, ..delta.standard.clone() };
    for process in [fine, bare] {
        let solid = bracket(DVec3::new(55.0, 31.0, -700.0));
        let printed = print_with(&engine, solid, delta.clone(), process);
        let summary = read(&printed.sliced.gcode, &Ctx::default()).unwrap();
        let check = checked(&summary, &printed.job());
        assert_eq!(codes(&check), Vec::<&str>::new(), "{:#?}", check.findings);
        assert_eq!(check.hand, Hand::Kept);
        assert!(printed.sliced.findings.is_empty(), "{:?}", printed.sliced.findings);
        if printed.process.infill == 100.0 {
            // Lines are laid as ribbons with rounded sides, in closed layers: within 3 % of the solid.
            let filled = check.model.volume / printed.solid.volume();
            assert!((filled - 1.0).abs() < 0.03, "{filled}");
            assert_eq!(check.material, check.model);
        }
    }
}

#[test]
fn lines_beyond_the_bed_and_above_the_height_are_dangerous() {
    let Some((printed, _)) = far_bracket() else {
        return;
    };
    let moved = changed(&printed.sliced.gcode, 'X', |x| x + 130.0);
    let check = checked(&read(&moved, &Ctx::default()).unwrap(), &printed.job());
    let outside: Vec<_> = check.findings.iter().filter(|f| f.code == "print-outside-bed").collect();
    assert_eq!(outside.first().map(|f| f.severity), Some(Severity::Danger));
    // The skirt is 130 + 125 + 11.25 + brim 3 + gap 2 + line 0.45 mm from the left; the bed ends at 250 mm.
    assert!((outside[0].value.unwrap() - 21.7).abs() < 0.3, "{:?}", outside[0].value);
    let lifted = changed(&printed.sliced.gcode, 'Z', |z| z + 200.0);
    let check = checked(&read(&lifted, &Ctx::default()).unwrap(), &printed.job());
    assert!(codes(&check).contains(&"print-too-high") && codes(&check).contains(&"print-incomplete"));
}

#[test]
fn a_few_lines_by_hand_outside_the_bed_are_found_without_any_program() {
    let printer = crate::printer("generic-180").unwrap();
    let solid = bracket(DVec3::ZERO);
    let placement = crate::fit(solid.mesh(), &Turn::standing(), &printer, &printer.standard).unwrap();
    let job = Job { solid: &solid, placement: &placement, printer: &printer, process: &printer.standard };
    let text = b"M83\nG1 X170 Y50 Z.2\nG1 X185 E1\nG1 Z200\n";
    let check = checked(&read(text, &Ctx::default()).unwrap(), &job);
    let found = codes(&check);
    for code in ["print-outside-bed", "print-too-high", "print-incomplete", "print-volume", "print-unproven"]
    {
        assert!(found.contains(&code), "{code} not in {found:?}");
    }
    assert_eq!(check.hand, Hand::Unknown);
}

#[test]
fn a_missing_layer_is_found() {
    let Some((printed, summary)) = far_bracket() else {
        return;
    };
    let mut summary = summary.clone();
    summary.layers.remove(40);
    let check = checked(&summary, &printed.job());
    assert_eq!(codes(&check), ["print-layer-gap"]);
    assert!((check.findings[0].value.unwrap() - 0.4).abs() < 1e-9);
}

#[test]
fn a_fractured_tibia_is_printed_as_it_is() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/tibia_pcl_fracture/STL/131906.stl");
    let Ok(bytes) = std::fs::read(data) else {
        eprintln!("skipped: no data at {data}");
        return;
    };
    let Some(solid) = from_stl(&bytes) else {
        eprintln!("skipped: {data} is not closed");
        return;
    };
    let Some((printed, summary)) = printed(solid) else {
        return;
    };
    let check = checked(&summary, &printed.job());
    assert_eq!(codes(&check), Vec::<&str>::new(), "{:#?}", check.findings);
    assert_eq!(check.hand, Hand::Kept);
    assert!(check.deviation.unwrap() < EDGE, "{:?}", check.deviation);
}

#[test]
fn a_turned_bracket_is_proven_in_the_frame_of_the_bed() {
    let Some(engine) = engine() else { return };
    let turn = Turn::with_up(Direction::new(DVec3::new(1.0, 0.3, 0.2)).unwrap());
    let profile = Profile::own(crate::printer("generic-250").unwrap(), Quality::Standard);
    let solid = bracket(DVec3::new(-118.3, -214.7, 1003.1));
    let printed = print_turned(&engine, solid, &turn, profile);
    let summary = read(&printed.sliced.gcode, &Ctx::default()).unwrap();
    let check = checked(&summary, &printed.job());
    assert_eq!((codes(&check), check.hand), (Vec::<&str>::new(), Hand::Kept), "{:#?}", check.findings);
    // The same G-code is not the bracket as it stands in the patient.
    let standing =
        crate::fit(printed.solid.mesh(), &Turn::standing(), &printed.printer, &printed.process).unwrap();
    let check = checked(&summary, &Job { placement: &standing, ..printed.job() });
    assert!(codes(&check).contains(&"print-incomplete"), "{:?}", codes(&check));
    assert_ne!(check.hand, Hand::Kept);
    // And mirrored on the bed it is found out.
    let middle = printed.placement.middle[0];
    let mirrored = changed(&printed.sliced.gcode, 'X', |x| 2.0 * middle - x);
    let check = checked(&read(&mirrored, &Ctx::default()).unwrap(), &printed.job());
    assert_eq!(check.hand, Hand::Mirrored);
}

#[test]
fn curas_engine_prints_the_same_solid_with_our_settings() {
    let Some(engine) = cura() else { return };
    let printer = crate::printer("generic-250").unwrap();
    let process = printer.standard.clone();
    let printed = print_with(&engine, bracket(DVec3::new(-118.3, -214.7, 1003.1)), printer, process);
    let summary = read(&printed.sliced.gcode, &Ctx::default()).unwrap();
    let check = checked(&summary, &printed.job());
    assert_eq!((codes(&check), check.hand), (Vec::<&str>::new(), Hand::Kept), "{:#?}", check.findings);
    assert!(printed.sliced.seconds.is_some_and(|s| s > 60.0));
    assert!(summary.program.as_deref().is_some_and(|name| name.starts_with("CuraEngine 4")));
    let coverage = check.coverage.unwrap();
    assert!(coverage.share > 0.99, "{coverage:?}");
}

#[test]
fn a_maker_s_profile_is_flattened_and_its_print_is_proven() {
    let Some(engine) = engine() else { return };
    let Ok(profile) = crate::vendor::prusa::profile("Original Prusa i3 MK3S & MK3S+", &[]) else {
        eprintln!("skipped: no profiles of PrusaSlicer");
        return;
    };
    assert!(matches!(profile.source, Source::Prusa(_)));
    assert_eq!((profile.printer.bed.size, profile.printer.bed.height), ([250.0, 210.0], 210.0));
    let solid = bracket(DVec3::new(-118.3, -214.7, 1003.1));
    let printed = print_turned(&engine, solid, &Turn::standing(), profile);
    let summary = read(&printed.sliced.gcode, &Ctx::default()).unwrap();
    let check = checked(&summary, &printed.job());
    // The maker primes 3 mm before the bed and lays 95 % of the plastic.
    let notes = ["print-start-outside-bed", "print-flow-changed"];
    assert_eq!((codes(&check), check.hand), (notes.to_vec(), Hand::Kept), "{:#?}", check.findings);
    assert!(check.findings.iter().all(|finding| finding.severity == Severity::Note));
}

#[test]
fn a_wall_thinner_than_a_line_is_told_to_be_printed_thicker() {
    let Some(engine) = engine() else { return };
    let plate = about_its_middle(&bracket(DVec3::new(10.0, 20.0, 30.0)), DVec3::new(0.025, 1.0, 1.0));
    let printed = print(&engine, plate);
    let summary = read(&printed.sliced.gcode, &Ctx::default()).unwrap();
    let check = checked(&summary, &printed.job());
    // 0.25 mm of wall where the post is, in lines of 0.45 mm.
    assert!(codes(&check).contains(&"print-thickened"), "{:#?}", check);
}
