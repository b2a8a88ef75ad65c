//! A polygon pulled along a direction, cut by a line.

use super::Line;
use super::body::{Body, SURFACE, between, common, voxels_around};
use glam::{DVec2, DVec3};
use osteon_core::Grid;

/// A polygon pulled along a direction; even-odd where the outline crosses itself.
pub struct Prism {
    /// Sides of the polygon in the plane across the direction.
    sides: Vec<Side>,
    /// The first corner in the patient.
    first: DVec3,
    /// Two directions across, and the direction of pulling; all of length one and at right angles.
    axes: [DVec3; 3],
    /// Beginning and end along the direction, from the first corner.
    ends: [f64; 2],
}

/// From one corner to the next.
struct Side {
    from: DVec2,
    to: DVec2,
    span: DVec2,
    length: f64,
}

/// Parts of a row shorter than this many voxels are left to asking for single voxels.
const SHORT: f64 = 0.02;

impl Prism {
    /// `None` when there are fewer than three different corners across the direction.
    pub fn new(outline: &[DVec3], along: DVec3, ends: [f64; 2]) -> Option<Self> {
        let across = along.any_orthonormal_vector();
        let axes = [across, along.cross(across), along];
        let first = *outline.first()?;
        let project = |&p: &DVec3| DVec2::new((p - first).dot(axes[0]), (p - first).dot(axes[1]));
        let mut corners: Vec<DVec2> = outline.iter().map(project).collect();
        corners.dedup();
        if corners.last() == corners.first() {
            corners.pop();
        }
        let next = corners.iter().cycle().skip(1);
        let side =
            |(&from, &to): (&DVec2, &DVec2)| Side { from, to, span: to - from, length: from.distance(to) };
        let sides: Vec<Side> = corners.iter().zip(next).map(side).collect();
        (sides.len() >= 3).then_some(Self { sides, first, axes, ends })
    }

    /// True when a place across the direction is surrounded an odd number of times or lies on the outline.
    fn surrounds(&self, p: DVec2) -> bool {
        let mut inside = false;
        for side in &self.sides {
            let away = p - side.from;
            let height = side.span.perp_dot(away);
            if height.abs() <= SURFACE * side.length {
                let along = away.dot(side.span) / side.length;
                if along >= -SURFACE && along <= side.length + SURFACE {
                    return true;
                }
            }
            let crosses = (side.from.y > p.y) != (side.to.y > p.y);
            inside ^= crosses && (height > 0.0) == (side.span.y > 0.0);
        }
        inside
    }

    fn across(&self, v: DVec3) -> DVec2 {
        DVec2::new(v.dot(self.axes[0]), v.dot(self.axes[1]))
    }

    /// Where a line in the plane may enter or leave: where it crosses a side, comes as close to it as belongs to
    /// it, or passes one of its ends.
    fn events(&self, start: DVec2, step: DVec2, range: [f64; 2]) -> Vec<f64> {
        let mut events = range.to_vec();
        let close = 2.0 * SURFACE * step.length();
        for side in &self.sides {
            let beside = step.perp_dot(side.from - start);
            let other = step.perp_dot(side.to - start);
            if beside.min(other) > close || beside.max(other) < -close {
                continue;
            }
            let (height, slope) = (side.span.perp_dot(start - side.from), side.span.perp_dot(step));
            let crossings = [-SURFACE, 0.0, SURFACE].map(|away| (away * side.length - height) / slope);
            let on_side = |t: &f64| {
                let along = (start + step * *t - side.from).dot(side.span) / side.length;
                along >= -2.0 * SURFACE && along <= side.length + 2.0 * SURFACE
            };
            events.extend(crossings.into_iter().filter(on_side));
            if beside.abs() <= close {
                events.push((side.from - start).dot(step) / step.length_squared());
            }
        }
        events.retain(|&t| t >= range[0] && t <= range[1]);
        events.sort_by(f64::total_cmp);
        events
    }
}

impl Body for Prism {
    fn holds(&self, place: DVec3) -> bool {
        let away = place - self.first;
        let height = away.dot(self.axes[2]);
        height >= self.ends[0] - SURFACE
            && height <= self.ends[1] + SURFACE
            && self.surrounds(self.across(away))
    }

    fn cut(&self, line: &Line, cuts: &mut Vec<[f64; 2]>) {
        let start = line.start - self.first;
        let (height, climb) = (start.dot(self.axes[2]), line.step.dot(self.axes[2]));
        let ends = between(height, climb, self.ends[0] - SURFACE, self.ends[1] + SURFACE);
        let Some(range) = ends.and_then(|ends| common(ends, line.range)) else { return };
        let (start, step) = (self.across(start), self.across(line.step));
        let events = self.events(start, step, range);
        for part in events.windows(2) {
            let long = part[1] - part[0] > SHORT;
            if long && self.surrounds(start + step * (0.5 * (part[0] + part[1]))) {
                cuts.push([part[0], part[1]]);
            }
        }
        // Short parts, and where the line only touches the outline.
        cuts.extend(events.into_iter().map(|t| [t, t]));
    }

    fn doubt(&self) -> f64 {
        SHORT
    }

    fn voxels(&self, grid: &Grid) -> Option<([usize; 3], [usize; 3])> {
        // A prism without an end reaches as far as the image does.
        let bounds = grid.bounds();
        let [low, high] = [bounds.min.vec(), bounds.max.vec()];
        let corner = |c: usize| {
            DVec3::select(glam::BVec3::new(c & 1 == 0, c & 2 == 0, c & 4 == 0), low, high) - self.first
        };
        let heights: [f64; 8] = std::array::from_fn(|c| corner(c).dot(self.axes[2]));
        let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ends = [self.ends[0].max(lowest - 1.0), self.ends[1].min(highest + 1.0)];
        let places: Vec<DVec3> = self
            .sides
            .iter()
            .flat_map(|side| {
                ends.map(|end| {
                    self.first + self.axes[0] * side.from.x + self.axes[1] * side.from.y + self.axes[2] * end
                })
            })
            .collect();
        voxels_around(grid, &places, 2.0 * SURFACE)
    }
}
