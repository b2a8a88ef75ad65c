//! Marks are read from layers as from the solid, upright, lying and mirrored; what cannot be read is said.

use super::*;
use glam::{DMat3, DVec3};
use osteon_core::{Mesh, Side};
use osteon_design::{Axes, MarkStyle, Marked, Marks, ScaleBar, Site, mark};
use osteon_mesh::region::Regions;
use osteon_print::outline::sections;
use osteon_print::restack::{Wall, Walls};
use osteon_print::turn::Turn;

/// How far a bar may be off, mm. Chosen: as `data/model-marks.toml` says.
const TOLERANCE: f64 = 0.3;

/// A lump of 80 mm with a broad front and no symmetry, with all marks.
fn lump() -> Marked {
    let solid = Solid::new(osteon_phantom::mesh::ball(DVec3::new(30.0, -40.0, 800.0), 40.0, 64)).unwrap();
    // Flattened in front, so that there is room for 50 mm; and with no symmetry.
    let Mesh { mut vertices, triangles } = solid.into_mesh();
    for vertex in &mut vertices {
        let off = vertex.vec() - DVec3::new(30.0, -40.0, 800.0);
        let y = off.y.max(-20.0 - 0.1 * off.x);
        *vertex =
            Point::from_vec(DVec3::new(off.x, y, off.z * 0.8 + 0.1 * off.x) + DVec3::new(30.0, -40.0, 800.0));
    }
    let marks = Marks {
        case_id: "OST-17".to_owned(),
        side: Some(Side::Left),
        level: Some("CALCANEUS".to_owned()),
        version: Some("V-3F9A1C".to_owned()),
        scale_bar: ScaleBar::Fitting,
        ..Marks::default()
    };
    let site = Site { axes: &Axes::PATIENT, protected: &Regions::default() };
    let solid = Solid::new(Mesh { vertices, triangles }).unwrap();
    mark(solid, &marks, site, &MarkStyle::standard().unwrap(), &Ctx::default()).unwrap()
}

/// Layers of a height cut from a solid that is turned and put on the bed, and where it was put.
fn sliced(solid: &Solid, turn: &Turn, layer: f64) -> (Walls, Affine<Patient, Bed>) {
    let turned: Affine<Patient, Patient> = Affine::new(turn.rotation(), DVec3::ZERO);
    let low = solid.moved(&turned).unwrap().mesh().bounds().min.vec();
    let shift = DVec3::new(50.0, 60.0, 0.0) - low;
    let there = solid.moved(&Affine::new(turn.rotation(), shift)).unwrap();
    let count = (there.mesh().bounds().max.vec().z / layer).ceil() as usize;
    let middles: Vec<f64> = (0..count).map(|n| (n as f64 + 0.5) * layer).collect();
    let outlines = sections(there.mesh(), &middles, &Ctx::default()).unwrap();
    let wall = |(middle, outlines): (&f64, _)| Wall {
        heights: [middle - layer / 2.0, middle + layer / 2.0],
        outlines,
        others: Vec::new(),
    };
    (Walls::new(middles.iter().zip(outlines).map(wall).collect(), 0.0), Affine::new(turn.rotation(), shift))
}

fn proof(marked: &Marked, layers: &Walls, to_bed: &Affine<Patient, Bed>) -> (Vec<MarkRead>, Vec<Finding>) {
    marks_proof(&marked.solid, &marked.placements, layers, to_bed, TOLERANCE, &Ctx::default()).unwrap()
}

#[test]
fn marks_are_read_from_layers_standing_lying_and_oblique() {
    let marked = lump();
    assert!(marked.placements.len() >= 2 && marked.findings.is_empty(), "{:?}", marked.findings);
    for up in [DVec3::Z, -DVec3::Y, DVec3::Y, DVec3::new(0.5, -0.4, 0.8)] {
        let turn = Turn::with_up(Direction::new(up).unwrap());
        let (layers, to_bed) = sliced(&marked.solid, &turn, 0.1);
        let (read, findings) = proof(&marked, &layers, &to_bed);
        assert!(findings.is_empty(), "{up}: {read:?}");
        assert!(
            read.iter().all(|mark| mark.legible && !mark.mirrored && mark.read == mark.meant),
            "{up}: {read:?}"
        );
        let (length, measured) = read.iter().find_map(|mark| mark.bar).unwrap();
        let measured = measured.unwrap();
        // Half a pixel of 0.12 mm and one cell of 0.05 mm at each tick.
        assert!((measured - length).abs() < 0.22, "{up}: {measured}");
    }
}

#[test]
fn mirrored_layers_are_named_as_mirrored() {
    let marked = lump();
    let (layers, to_bed) = sliced(&marked.solid, &Turn::standing(), 0.1);
    let mirror: Affine<Patient, Patient> =
        Affine::new(DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)), DVec3::ZERO);
    let image = marked.solid.moved(&mirror).unwrap();
    let (mirrored, _) = sliced(&image, &Turn::standing(), 0.1);
    let (read, findings) = proof(&marked, &mirrored, &to_bed);
    let words = read.iter().position(|mark| mark.bar.is_none()).unwrap();
    assert!(read[words].mirrored && !read[words].legible, "{read:?}");
    assert!(findings.iter().any(|f| f.code == "print-marks-mirrored" && f.severity == Severity::Danger));
    assert!(!proof(&marked, &layers, &to_bed).0[words].mirrored);
}

#[test]
fn layers_as_high_as_the_grooves_are_deep_cannot_show_marks_that_lie_on_them() {
    let marked = lump();
    let turn = Turn::with_up(Direction::new(-DVec3::Y).unwrap());
    let (layers, to_bed) = sliced(&marked.solid, &turn, 1.2);
    let (read, findings) = proof(&marked, &layers, &to_bed);
    let finding = findings.iter().find(|f| f.code == "print-marks-illegible").unwrap();
    assert!(read.iter().any(|mark| !mark.legible && !mark.mirrored), "{read:?}");
    assert!(finding.place.is_some() && finding.remedy.contains("finer layers"), "{finding:?}");
}

#[test]
fn a_print_at_another_scale_is_found_by_its_bar_or_its_text() {
    let marked = lump();
    let (layers, to_bed) = sliced(&marked.solid, &Turn::standing(), 0.1);
    let bar = marked.placements.iter().position(|p| p.bar.is_some()).unwrap();
    // One percent larger, about the middle of the bar.
    let middle = marked.placements[bar].middle().vec();
    let grown: Affine<Patient, Patient> =
        Affine::new(DMat3::from_diagonal(DVec3::splat(1.01)), middle * -0.01);
    let (larger, _) = sliced(&marked.solid.moved(&grown).unwrap(), &Turn::standing(), 0.1);
    let low = marked.solid.mesh().bounds().min;
    let shifted = to_bed.point(low).vec() - to_bed.point(grown.point(low)).vec();
    let there = Affine::new(to_bed.linear, to_bed.offset + shifted);
    let (read, findings) = proof(&marked, &larger, &there);
    let length = marked.placements[bar].bar.unwrap().length;
    let measured = read[bar].bar.unwrap().1.unwrap();
    assert!((measured - 1.01 * length).abs() < 0.22, "{measured}");
    assert_eq!(findings.iter().any(|f| f.code == "print-scale-bar"), length > 45.0, "{findings:?}");
    assert!(proof(&marked, &layers, &to_bed).1.is_empty());
}

#[test]
fn a_record_gives_the_placement_back() {
    for placement in lump().placements {
        let text = serde_json::to_string(&MarkRecord::of(&placement)).unwrap();
        let back = serde_json::from_str::<MarkRecord>(&text).unwrap().placement().unwrap();
        assert_eq!((&back.lines, back.bar, back.face), (&placement.lines, placement.bar, placement.face));
        assert!(back.view.right.vec().distance(placement.view.right.vec()) < 1e-12);
    }
}

#[test]
fn structures_have_short_names_and_versions_six_digits() {
    let level = |id: &str| super::level(&id.parse::<StructureId>().unwrap());
    assert_eq!(level("vertebra-L4").as_deref(), Some("L4"));
    assert_eq!(level("femur-left").as_deref(), Some("FEMUR"));
    assert_eq!(level("calcaneus-right.fragment-3").as_deref(), Some("CALCANEUS F3"));
    assert_eq!(level("bone"), None);
    let [a, b] = [Sha256::of(b"a"), Sha256::of(b"b")];
    assert_eq!(version(&[a, b]), version(&[a, b]));
    assert!(version(&[a, b]) != version(&[b, a]) && version(&[a]).len() == 8);
}
