//! Ready-made phantoms by name.

use crate::bones::calcaneus::{CalcaneusSizes, calcaneus};
use crate::bones::femur::{FemurSizes, femur};
use crate::bones::segment::{SegmentSizes, segment};
use crate::bones::vertebra::{Vertebra, VertebraSizes, vertebra};
use crate::bones::{Bone, at, radians, toward};
use crate::fracture::{self, Crack, Fragment, Scatter};
use crate::motion::Motion;
use crate::phantom::{Phantom, hu, wider};
use crate::scanner::{Field, Noise, Protocol, Scan, ScanError, scan};
use crate::shape::{Ball, Cuboid, Drum, Form, HalfSpace, Shape, Wave};
use glam::{DVec2, DVec3};
use osteon_core::{Aabb, Ctx, Patient, Plane, Side};

/// A ready-made phantom.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name in kebab-case.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// Makes it.
    pub make: fn() -> Phantom,
}

/// All ready-made phantoms.
pub const CATALOGUE: &[Entry] = &[
    Entry { name: "sphere", summary: "a bone ball of radius 20 mm in soft tissue", make: sphere },
    Entry {
        name: "shells",
        summary: "bone shells of radius 12 mm, walls 1, 2 and 3 mm, in soft tissue",
        make: shells,
    },
    Entry { name: "plates", summary: "bone plates 0.5, 1, 2 and 3 mm thick in soft tissue", make: plates },
    Entry { name: "demo", summary: "a lumbar vertebra in a trunk on a table", make: demo },
    Entry { name: "vertebra", summary: "a lumbar vertebra in soft tissue", make: lumbar },
    Entry {
        name: "motion-segment",
        summary: "two lumbar vertebrae with their disc, lordosis 8°",
        make: motion_segment,
    },
    Entry { name: "femur-left", summary: "the upper half of a left femur", make: || thigh(Side::Left) },
    Entry { name: "femur-right", summary: "the upper half of a right femur", make: || thigh(Side::Right) },
    Entry { name: "calcaneus-left", summary: "a left calcaneus", make: || heel(Side::Left) },
    Entry { name: "calcaneus-right", summary: "a right calcaneus", make: || heel(Side::Right) },
    Entry {
        name: "broken-calcaneus",
        summary: "a right calcaneus in five fragments, thrown apart",
        make: broken_heel,
    },
];

/// The ready-made phantom with this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}

/// The vertebra of the demonstration, with its truth: in its standard place, lying on its back.
pub fn demo_vertebra() -> Vertebra {
    vertebra(&VertebraSizes::lumbar())
}

/// The phantom of the demonstration: [`demo_vertebra`] in the middle of a small trunk, on a table.
///
/// The trunk is an ellipse of 124 × 116 mm, small enough to be seen whole at a bone's spacing.
pub fn demo() -> Phantom {
    let vertebra = demo_vertebra();
    let middle = vertebra.bone.outer.bounds().middle();
    // Longer than the scan, as a trunk is.
    let trunk =
        Drum::straight(DVec2::new(62.0, 58.0), 150.0).moved(&Motion::shift(middle - at(0.0, 0.0, 0.0)));
    let view =
        Aabb { min: at(-66.0, middle.vec().y - 62.0, -32.0), max: at(66.0, middle.vec().y + 66.0, 32.0) };
    let back = middle.vec().y + 58.0;
    vertebra.bone.paint(Phantom::air(view).with("soft", trunk, hu::SOFT), "").on_table(back, 2.0)
}

/// The scan of the demonstration: 0.8 mm pixels, 0.8 mm slices, a sharp kernel, 20 HU of noise.
///
/// # Errors
/// When `ctx` asks to stop.
pub fn demo_scan(ctx: &Ctx) -> Result<Scan, ScanError> {
    let phantom = demo();
    let grid = Field::axial(0.8, 0.8, 0.0).grid(&phantom.view)?;
    let noise = Noise { sigma: 20.0, grain: 0.4, seed: 1 };
    scan(&phantom, &grid, &Protocol::sharp(0.8).with_noise(noise), ctx)
}

/// Soft tissue 8 mm around a box, in a view 4 mm wider still.
fn in_soft_tissue(around: &Aabb<Patient>) -> Phantom {
    let soft = wider(around, 8.0);
    let block = Cuboid { half: soft.size() / 2.0, rounding: 6.0 };
    let there = Motion::shift(soft.middle() - at(0.0, 0.0, 0.0));
    Phantom::air(wider(&soft, 4.0)).with("soft", block.moved(&there), hu::SOFT)
}

fn alone(bone: &Bone) -> Phantom {
    bone.paint(in_soft_tissue(&bone.outer.bounds()), "")
}

fn sphere() -> Phantom {
    let ball = Ball { middle: at(1.3, -2.2, 3.1), radius: 20.0 };
    in_soft_tissue(&ball.bounds()).with("ball", ball, hu::CORTEX)
}

fn shells() -> Phantom {
    let balls = [-30.0, 0.0, 30.0].map(|x| Ball { middle: at(x, 0.0, 0.0), radius: 12.0 });
    let all = Form::all(balls.map(Shape::form));
    let walls = balls.into_iter().zip([1.0, 2.0, 3.0]);
    walls.fold(in_soft_tissue(&all.bounds()), |phantom, (ball, wall)| {
        phantom.with(&format!("shell-{wall}"), ball.shell(wall), hu::CORTEX)
    })
}

fn plates() -> Phantom {
    let plates = [(-15.0, 0.5), (-5.0, 1.0), (5.0, 2.0), (15.0, 3.0)].map(|(x, thickness)| {
        let plate = Cuboid::sharp(DVec3::new(thickness / 2.0, 15.0, 15.0));
        (thickness, plate.moved(&Motion::shift(at(x, 0.0, 0.0) - at(0.0, 0.0, 0.0))))
    });
    let all = Form::all(plates.iter().map(|(_, plate)| plate.clone()));
    plates.into_iter().fold(in_soft_tissue(&all.bounds()), |phantom, (thickness, plate)| {
        phantom.with(&format!("plate-{thickness}"), plate, hu::CORTEX)
    })
}

fn lumbar() -> Phantom {
    alone(&demo_vertebra().bone)
}

fn motion_segment() -> Phantom {
    let segment = segment(&SegmentSizes::lumbar());
    let [upper, lower] = [&segment.upper.bone, &segment.lower.bone];
    let all = Form::all([upper.outer.clone(), lower.outer.clone()]);
    let phantom = in_soft_tissue(&all.bounds()).with("disc", segment.disc.clone(), hu::DISC);
    lower.paint(upper.paint(phantom, "-upper"), "-lower")
}

fn thigh(side: Side) -> Phantom {
    alone(&femur(side, &FemurSizes::adult()).bone)
}

fn heel(side: Side) -> Phantom {
    alone(&calcaneus(side, &CalcaneusSizes::adult()).bone)
}

/// The fragments of `broken-calcaneus`: a right calcaneus, its truth in each fragment.
pub fn broken_calcaneus() -> Vec<Fragment> {
    let bone = calcaneus(Side::Right, &CalcaneusSizes::adult()).bone;
    let origin = at(0.0, 0.0, 0.0);
    let half = |point, normal: DVec3| HalfSpace { plane: Plane { point, normal: toward(normal) } }.form();
    let wave = |amplitude, wavelength, turn: &Motion| Wave { amplitude, wavelength }.moved(turn);
    let upright = Motion::turn(origin, toward(DVec3::X), radians(90.0));
    let behind = upright.then(&Motion::shift(at(0.0, 14.0, 0.0) - origin));
    let slanted = Motion::turn(origin, toward(DVec3::X), radians(35.0));
    let ahead = at(0.0, -18.0, 0.0);
    let cracks = [
        // The tuber stays fragment 1; then the anterior process, the facet, and the sustentaculum break off.
        Crack { fragment: 1, keeps: wave(1.2, 16.0, &behind).form() },
        Crack { fragment: 2, keeps: half(ahead, DVec3::new(0.2, -1.0, 0.3)) },
        Crack { fragment: 2, keeps: wave(0.8, 11.0, &slanted) },
        Crack { fragment: 4, keeps: half(at(4.0, 0.0, 0.0), DVec3::new(1.0, 0.1, 0.2)) },
    ];
    // Every crack names a fragment that is there by then, and there is one motion for each.
    let fragments = fracture::split(&bone, &cracks).unwrap_or_default();
    let thrown = fracture::scatter(&fragments, &Scatter { apart: 6.0, turn: radians(10.0), seed: 7 });
    fracture::displace(&fragments, &thrown).unwrap_or_default()
}

fn broken_heel() -> Phantom {
    let fragments = broken_calcaneus();
    let all = Form::all(fragments.iter().map(|f| f.bone().outer));
    fracture::paint(&fragments, in_soft_tissue(&all.bounds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_makes_a_phantom_that_fits_its_view() {
        for entry in CATALOGUE {
            let phantom = (entry.make)();
            assert_eq!(find(entry.name).unwrap().summary, entry.summary);
            assert!(
                phantom.view.size().is_finite() && phantom.view.size().max_element() < 300.0,
                "{}",
                entry.name
            );
            let bones = phantom.materials.iter().filter(|m| m.hu == hu::CORTEX);
            assert!(bones.clone().count() > 0, "{}", entry.name);
            for bone in bones {
                assert!(phantom.view.contains(&bone.shape.bounds()), "{} {}", entry.name, bone.name);
            }
        }
        assert!(find("nothing").is_none());
    }

    #[test]
    fn the_broken_calcaneus_has_five_fragments_that_do_not_overlap() {
        let fragments = broken_calcaneus();
        assert_eq!(fragments.len(), 5);
        let bones: Vec<_> = fragments.iter().map(Fragment::bone).collect();
        for (i, a) in bones.iter().enumerate() {
            let own = crate::shape::volume(&a.outer, 0.5);
            assert!(own > 1000.0, "fragment {} has {own} mm³", i + 1);
            for (j, b) in bones.iter().enumerate().skip(i + 1) {
                let overlap = crate::shape::volume(&a.outer.clone().within(b.outer.clone()), 0.5);
                assert!(overlap < 20.0, "{overlap} mm³ between {} and {}", i + 1, j + 1);
            }
        }
    }
}
