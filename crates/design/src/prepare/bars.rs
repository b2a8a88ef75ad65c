//! Straight bars with a round or square section: pegs, dowels, holes, pockets and drains.

use glam::DVec3;
use osteon_core::{Direction, Mesh, Patient, Point};
use std::f64::consts::PI;

/// Sides of a round bar: its corners stand out by 0.2 % of its radius, less than 0.01 mm of the largest peg.
const ROUND: u32 = 48;

/// The section of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// A circle, as a polygon.
    Round,
    /// A square: it cannot turn in its hole.
    Square,
}

impl Section {
    /// Number of sides.
    pub(super) const fn sides(self) -> u32 {
        match self {
            Section::Round => ROUND,
            Section::Square => 4,
        }
    }

    /// How far the corners are from the axis where the sides are 1 from it.
    pub(super) fn corner(self) -> f64 {
        1.0 / libm::cos(PI / f64::from(self.sides()))
    }
}

/// A bar along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    /// Where the axis is at zero.
    pub place: Point<Patient>,
    /// Along the bar.
    pub axis: Direction<Patient>,
    /// Its section.
    pub section: Section,
    /// Distance of its sides from the axis, mm.
    pub apothem: f64,
    /// From where to where along the axis it goes, mm.
    pub span: [f64; 2],
    /// How much each end is narrowed over the same length, mm; zero for a sharp end.
    pub chamfer: [f64; 2],
}

impl Bar {
    /// The closed surface of the bar.
    pub fn mesh(&self) -> Mesh {
        let sides = self.section.sides();
        let axis = self.axis.vec();
        // Right-handed: across × along is the axis.
        let (across, along) = axis.any_orthonormal_pair();
        let [from, to] = self.span;
        let [first, last] = self.chamfer;
        let mut rings = vec![(from, self.apothem - first)];
        if first > 0.0 {
            rings.push((from + first, self.apothem));
        }
        if last > 0.0 {
            rings.push((to - last, self.apothem));
        }
        rings.push((to, self.apothem - last));
        let mut mesh = Mesh::default();
        let at = |height: f64, side: DVec3| Point::from_vec(self.place.vec() + axis * height + side);
        for &(height, apothem) in &rings {
            let radius = apothem * self.section.corner();
            for n in 0..sides {
                // Sides, not corners, face across and along.
                let turn = (2.0 * f64::from(n) + 1.0) * PI / f64::from(sides);
                let side = across * libm::cos(turn) + along * libm::sin(turn);
                mesh.vertices.push(at(height, side * radius));
            }
        }
        mesh.vertices.extend([at(from, DVec3::ZERO), at(to, DVec3::ZERO)]);
        let count = rings.len() as u32;
        let [start, end] = [count * sides, count * sides + 1];
        for n in 0..sides {
            let next = (n + 1) % sides;
            mesh.triangles.push([start, next, n]);
            for ring in 0..count - 1 {
                let (low, high) = (ring * sides, (ring + 1) * sides);
                mesh.triangles.extend([[low + n, low + next, high + next], [low + n, high + next, high + n]]);
            }
            let top = (count - 1) * sides;
            mesh.triangles.push([end, top + n, top + next]);
        }
        mesh
    }

    /// Least distance between the axes of two bars, mm, at most `error` too small.
    pub fn apart(&self, other: &Self) -> (f64, f64) {
        // Chosen: places every sixteenth; bars are at most a few centimetres long.
        const STEPS: u32 = 16;
        let place = |bar: &Self, n: u32| {
            let share = f64::from(n) / f64::from(STEPS);
            bar.place.vec() + bar.axis.vec() * (bar.span[0] + share * (bar.span[1] - bar.span[0]))
        };
        let step = |bar: &Self| (bar.span[1] - bar.span[0]).abs() / f64::from(STEPS);
        let pairs = (0..=STEPS).flat_map(|n| (0..=STEPS).map(move |m| (n, m)));
        let least =
            pairs.map(|(n, m)| place(self, n).distance(place(other, m))).fold(f64::INFINITY, f64::min);
        (least, 0.5 * (step(self) + step(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Solid;

    fn bar(section: Section, chamfer: [f64; 2]) -> Bar {
        let axis = Direction::new(DVec3::new(1.0, -2.0, 0.5)).unwrap();
        Bar { place: Point::new(3.0, 4.0, -5.0), axis, section, apothem: 2.0, span: [-1.0, 5.0], chamfer }
    }

    #[test]
    fn a_bar_is_a_solid_with_the_volume_of_its_section_times_its_length() {
        let square = Solid::new(bar(Section::Square, [0.0; 2]).mesh()).unwrap();
        assert!((square.volume() - 16.0 * 6.0).abs() < 1e-9);
        let round = Solid::new(bar(Section::Round, [0.0; 2]).mesh()).unwrap();
        // A polygon around a circle: n·tan(π/n)·r².
        let area = 48.0 * libm::tan(PI / 48.0) * 4.0;
        assert!((round.volume() - area * 6.0).abs() < 1e-9);
        let chamfered = Solid::new(bar(Section::Square, [0.0, 1.0]).mesh()).unwrap();
        // A frustum of a pyramid 1 mm high takes the place of the last millimetre.
        let frustum = (16.0 + 4.0 + 8.0) / 3.0;
        assert!((chamfered.volume() - (16.0 * 5.0 + frustum)).abs() < 1e-9);
    }

    #[test]
    fn the_distance_of_two_bars_is_known_to_its_error() {
        let one = bar(Section::Round, [0.0; 2]);
        let (across, _) = one.axis.vec().any_orthonormal_pair();
        let two = Bar { place: Point::from_vec(one.place.vec() + across * 7.0), ..one };
        let (least, error) = one.apart(&two);
        assert!((least - 7.0).abs() < 1e-12 && error < 0.5);
    }
}
