//! The calibration print: a small part whose lengths, pegs, holes and steps tell what a printer does to every part.
//!
//! Two arms at a right angle lie on the bed: along x with steps, holes and a slot, along y with thin walls and pegs;
//! both are named in pressed letters that are read back. Outer and inner sizes together tell scale from growth.
//! Frame: the bed is the plane z = 0, and x, y, z are the bed's own axes; mm.

use crate::axes::Face;
use crate::error::DesignError;
use crate::lettering::Lettering;
use crate::model::Placement;
use crate::reread::reread;
use crate::style::MarkStyle;
use glam::{DVec2, DVec3};
use osteon_core::{Ctx, Direction, Mesh, Point, Solid};
use osteon_mesh::boolean::{BooleanError, Operation, combine, union};
use osteon_mesh::depth_map::View;
use osteon_mesh::press::{self, press};
use osteon_mesh::strokes::{Groove, Strokes};

/// Length of both arms, mm. Chosen: the longest that fits the beds of desk printers, resin ones included; a reading
/// good to 0.05 mm then tells the scale to 0.05 %.
const ARM: f64 = 100.0;

/// Width and height of the arms, mm. Chosen: stiff enough for the jaws of a calliper.
const SECTION: [f64; 2] = [12.0, 6.0];

/// Heights of the tower and its two steps, mm: two tell scale along z from a first layer that is pressed flat.
const HEIGHTS: [f64; 3] = [50.0, 30.0, 15.0];

/// Diameters of pegs and holes, mm. Chosen: those of pins and sleeves.
const ROUND: [f64; 3] = [4.0, 6.0, 8.0];

/// Where pegs and holes stand along their arms, mm.
const ROUND_AT: [f64; 3] = [43.0, 53.0, 65.0];

/// How far pegs stand above their arm, mm.
const PEG: f64 = 8.0;

/// The slot across the arm along x: where it begins, its width, and the floor below it, mm.
const SLOT: [f64; 3] = [72.0, 5.0, 2.0];

/// Thicknesses of the thin walls, mm: which of them stand is to be written down.
const WALLS: [f64; 5] = [0.4, 0.6, 0.8, 1.0, 1.2];

/// Where the first wall stands, and how far apart they are, mm.
const WALLS_AT: [f64; 2] = [16.0, 4.5];

/// Sides of the polygon of a round peg or hole: the flat of one errs by less than 0.005 mm at 8 mm.
const SIDES: u32 = 96;

/// How far parts of the gauge go into each other, mm: none only touch.
const INTO: f64 = 1.0;

/// Where the letters' middle is along an arm, mm, and the room for them.
const LETTERS: [f64; 2] = [88.5, 19.0];

/// Width of the wall of a letter's groove and edge of the refined surface, as on models, mm.
const FINE: f64 = 0.2;

/// How a feature's size depends on what the printer does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feature {
    /// Its name, as readings are given.
    pub name: &'static str,
    /// As planned, mm.
    pub planned: f64,
    /// Share of the size along x, y and z.
    pub along: [f64; 3],
    /// Sides that grow outward: 2 for an outer size, −2 for an inner one, 0 along z.
    pub sides: f64,
    /// 1 for a height above the bed.
    pub feet: f64,
    /// How it is measured.
    pub how: &'static str,
}

/// Everything that is measured on the gauge.
pub fn features() -> Vec<Feature> {
    let long = |name, along, how| Feature { name, planned: ARM, along, sides: 2.0, feet: 0.0, how };
    let high =
        |name, planned, how| Feature { name, planned, along: [0.0, 0.0, 1.0], sides: 0.0, feet: 1.0, how };
    let round =
        |name, planned, sides, how| Feature { name, planned, along: [0.5, 0.5, 0.0], sides, feet: 0.0, how };
    vec![
        long("x100", [1.0, 0.0, 0.0], "outer jaws over the whole arm marked X100"),
        long("y100", [0.0, 1.0, 0.0], "outer jaws over the whole arm marked Y100"),
        high("z50", HEIGHTS[0], "outer jaws from the bottom to the top of the tower"),
        high("z30", HEIGHTS[1], "outer jaws from the bottom to the top of the step next to the tower"),
        high("z15", HEIGHTS[2], "outer jaws from the bottom to the top of the low step"),
        round("peg4", ROUND[0], 2.0, "outer jaws around the thin peg, mean of two directions"),
        round("peg6", ROUND[1], 2.0, "outer jaws around the middle peg, mean of two directions"),
        round("peg8", ROUND[2], 2.0, "outer jaws around the thick peg, mean of two directions"),
        round("hole4", ROUND[0], -2.0, "inner jaws in the small hole, mean of two directions"),
        round("hole6", ROUND[1], -2.0, "inner jaws in the middle hole, mean of two directions"),
        round("hole8", ROUND[2], -2.0, "inner jaws in the large hole, mean of two directions"),
        Feature {
            name: "slot5",
            planned: SLOT[1],
            along: [1.0, 0.0, 0.0],
            sides: -2.0,
            feet: 0.0,
            how: "inner jaws across the slot of the arm marked X100",
        },
    ]
}

/// Thicknesses of the thin walls in their order from the tower, mm.
pub const fn walls() -> [f64; 5] {
    WALLS
}

/// The gauge, its letters pressed in and read back.
///
/// # Errors
/// Stopped, or a defect of this suite: the parts do not make a solid, or the letters cannot be read.
pub fn gauge(ctx: &Ctx) -> Result<Solid, DesignError> {
    let [wide, high] = SECTION;
    let mut parts = vec![
        block(DVec3::ZERO, DVec3::new(ARM, wide, high))?,
        block(DVec3::ZERO, DVec3::new(wide, ARM, high))?,
        block(DVec3::ZERO, DVec3::new(wide, wide, HEIGHTS[0]))?,
    ];
    for (n, height) in HEIGHTS.into_iter().enumerate().skip(1) {
        let x = wide * n as f64;
        parts.push(block(DVec3::new(x - INTO, 0.0, 0.0), DVec3::new(x + wide, wide, height))?);
    }
    for (n, wall) in WALLS.into_iter().enumerate() {
        let y = WALLS_AT[0] + WALLS_AT[1] * n as f64;
        parts.push(block(DVec3::new(2.0, y, high - INTO), DVec3::new(wide - 2.0, y + wall, 2.0 * high))?);
    }
    for (diameter, y) in ROUND.into_iter().zip(ROUND_AT) {
        parts.push(pillar([wide / 2.0, y], diameter, [high - INTO, high + PEG])?);
    }
    let mut cuts = vec![block(
        DVec3::new(SLOT[0], -INTO, SLOT[2]),
        DVec3::new(SLOT[0] + SLOT[1], wide + INTO, high + INTO),
    )?];
    for (diameter, x) in ROUND.into_iter().zip(ROUND_AT) {
        cuts.push(pillar([x, wide / 2.0], diameter, [-INTO, high + INTO])?);
    }
    let [body, tools] = [&parts, &cuts].map(|solids| {
        let all: Vec<&Solid> = solids.iter().collect();
        union(&all, ctx)
    });
    let empty = || DesignError::Gauge("nothing is left of it".to_owned());
    let (body, tools) = (body.map_err(failed)?.ok_or_else(empty)?, tools.map_err(failed)?.ok_or_else(empty)?);
    let whole = combine(&body, &tools, Operation::Difference, ctx).map_err(failed)?.ok_or_else(empty)?;
    let along_x = lettered(&whole, "X100", DVec3::new(LETTERS[0], wide / 2.0, high), DVec3::Y, ctx)?;
    lettered(&along_x, "Y100", DVec3::new(wide / 2.0, LETTERS[0], high), DVec3::NEG_X, ctx)
}

fn failed(error: BooleanError) -> DesignError {
    match error {
        BooleanError::Cancelled(cancelled) => DesignError::Cancelled(cancelled),
        other => DesignError::Gauge(other.to_string()),
    }
}

/// The largest letters, up to those of marks, that the room on an arm takes.
fn fitting(lines: &[String], style: &MarkStyle) -> Lettering {
    let mut lettering = Lettering::new(style.letter_height, style);
    while lettering.size(lines, None, style.border).x > LETTERS[1]
        && lettering.height > style.min_letter_height
    {
        lettering = Lettering::new((lettering.height - 0.25).max(style.min_letter_height), style);
    }
    lettering
}

/// Presses a word into the top of an arm and reads it back.
fn lettered(solid: &Solid, word: &str, at: DVec3, up: DVec3, ctx: &Ctx) -> Result<Solid, DesignError> {
    let style = MarkStyle::standard()?;
    let lines = vec![word.to_owned()];
    let lettering = fitting(&lines, &style);
    let (toward, up) = (Direction::from_vec(DVec3::Z), Direction::from_vec(up));
    let view = View::new(Point::from_vec(at), toward, up);
    let view = view.ok_or_else(|| DesignError::Gauge("its letters have no direction".to_owned()))?;
    let groove = Groove { width: lettering.stroke, depth: style.depth, wall: FINE };
    let strokes = Strokes::new(&lettering.polylines(&lines), groove.reach() + 1.0);
    let marks = press::Marks { strokes: &strokes, groove, keep: style.min_wall, edge: FINE };
    let pressed = press(solid, &view, &marks, ctx)?;
    let size = lettering.size(&lines, None, style.border).to_array();
    let placement = Placement {
        lines: lines.clone(),
        bar: None,
        face: Face::SIDES[0],
        view,
        tilt: DVec2::ZERO,
        lettering,
        size,
        depth: style.depth,
    };
    match reread(&pressed, &placement, ctx)?.lines {
        read if read == lines => Ok(pressed),
        read => Err(DesignError::Gauge(format!("its letters read {read:?} where {word} is meant"))),
    }
}

fn solid(mesh: Mesh) -> Result<Solid, DesignError> {
    Solid::new(mesh).map_err(|not| DesignError::Gauge(not.to_string()))
}

/// A box between two corners.
fn block(low: DVec3, high: DVec3) -> Result<Solid, DesignError> {
    let around = [[low.x, low.y], [high.x, low.y], [high.x, high.y], [low.x, high.y]];
    solid(prism(&around, [low.z, high.z]))
}

/// An upright polygon around a circle of this diameter, of the same area.
fn pillar(middle: [f64; 2], diameter: f64, [low, high]: [f64; 2]) -> Result<Solid, DesignError> {
    let step = 2.0 * std::f64::consts::PI / f64::from(SIDES);
    let radius = 0.5 * diameter * (step / libm::sin(step)).sqrt();
    let corner = |n: u32| {
        let (sin, cos) = libm::sincos((f64::from(n) + 0.5) * step);
        [middle[0] + radius * cos, middle[1] + radius * sin]
    };
    let around: Vec<[f64; 2]> = (0..SIDES).map(corner).collect();
    solid(prism(&around, [low, high]))
}

/// A convex polygon, counter-clockwise from above, between two heights.
fn prism(around: &[[f64; 2]], [low, high]: [f64; 2]) -> Mesh {
    let count = around.len() as u32;
    let place = |z: f64| around.iter().map(move |&[x, y]| Point::new(x, y, z));
    let mut mesh = Mesh { vertices: place(low).chain(place(high)).collect(), triangles: Vec::new() };
    for n in 0..count {
        let next = (n + 1) % count;
        mesh.triangles.extend([[n, next, count + next], [n, count + next, count + n]]);
        if n >= 2 {
            mesh.triangles.extend([[0, n, n - 1], [count, count + n - 1, count + n]]);
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gauge_has_its_sizes_and_the_volume_of_its_parts() {
        let gauge = gauge(&Ctx::default()).unwrap();
        let bounds = gauge.mesh().bounds();
        assert!(bounds.min.vec().abs_diff_eq(DVec3::ZERO, 1e-9));
        assert!(bounds.max.vec().abs_diff_eq(DVec3::new(100.0, 100.0, 50.0), 1e-9));
        let pi = std::f64::consts::PI;
        let arms = (100.0 + 88.0) * 12.0 * 6.0;
        let steps = 12.0 * 12.0 * (44.0 + 24.0 + 9.0);
        let walls = 8.0 * 6.0 * WALLS.iter().sum::<f64>();
        let round: f64 = ROUND.iter().map(|d| pi / 4.0 * d * d * (PEG - 6.0)).sum();
        let slot = 5.0 * 12.0 * 4.0;
        let volume = arms + steps + walls + round - slot;
        // A groove is as wide at half its depth as its stroke, and ends in a half circle: strokes that meet share at
        // most a square of the stroke's width at each of their ends.
        let style = MarkStyle::standard().unwrap();
        let [mut most, mut least] = [0.0; 2];
        for word in ["X100", "Y100"] {
            let lines = [word.to_owned()];
            let lettering = fitting(&lines, &style);
            for line in lettering.polylines(&lines) {
                let long: f64 = line.windows(2).map(|ends| ends[0].distance(ends[1])).sum();
                let square = lettering.stroke * lettering.stroke;
                most += style.depth * (long * lettering.stroke + square);
                least += style.depth * (long * lettering.stroke - square);
            }
        }
        let letters = volume - gauge.volume();
        assert!((least..most).contains(&letters), "{letters} of {least} to {most}");
        // Three holes go through.
        assert_eq!((gauge.genus(), gauge.shells().len()), (3, 1));
    }

    #[test]
    fn outer_and_inner_sizes_are_both_measured() {
        let all = features();
        assert!(all.iter().any(|f| f.sides > 0.0 && f.along[0] == 1.0));
        assert!(all.iter().any(|f| f.sides < 0.0));
        for feature in &all {
            assert!((feature.along.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{}", feature.name);
        }
    }
}
