//! Lines drawn on a flat sheet, and the profile of a groove along them.

use glam::DVec2;

/// Polylines on a flat sheet (mm), with a grid of buckets that makes distances to them quick.
#[derive(Clone, Debug, PartialEq)]
pub struct Strokes {
    segments: Vec<[DVec2; 2]>,
    low: DVec2,
    high: DVec2,
    reach: f64,
    cells: [usize; 2],
    buckets: Vec<Vec<u32>>,
}

/// Edge of a bucket in mm: about a stroke's width.
const CELL: f64 = 1.0;

impl Strokes {
    /// The strokes of these polylines; distances up to `reach` mm are found quickly. A polyline of one
    /// point is a dot.
    pub fn new(polylines: &[Vec<DVec2>], reach: f64) -> Self {
        let mut segments = Vec::new();
        for line in polylines {
            if let [dot] = line[..] {
                segments.push([dot, dot]);
            }
            segments.extend(line.windows(2).map(|w| [w[0], w[1]]));
        }
        let points = || segments.iter().flatten();
        let low = points().fold(DVec2::INFINITY, |low, &p| low.min(p));
        let high = points().fold(DVec2::NEG_INFINITY, |high, &p| high.max(p));
        let mut strokes = Self { segments, low, high, reach, cells: [0, 0], buckets: Vec::new() };
        if !strokes.segments.is_empty() {
            let span = (high - low) + 2.0 * reach;
            strokes.cells = [span.x, span.y].map(|s| (s / CELL).ceil().max(1.0) as usize);
            strokes.fill();
        }
        strokes
    }

    /// The corners of the smallest rectangle around the lines; empty (low above high) without lines.
    pub const fn bounds(&self) -> (DVec2, DVec2) {
        (self.low, self.high)
    }

    /// True when a line passes within `radius` of `p`.
    pub fn pass_within(&self, p: DVec2, radius: f64) -> bool {
        if radius <= self.reach {
            self.distance(p) <= radius
        } else {
            self.segments.iter().any(|s| distance(s, p) <= radius)
        }
    }

    /// Distance in mm from `p` to the nearest line; infinite if it is further than the reach.
    pub fn distance(&self, p: DVec2) -> f64 {
        let at = (p - self.low + self.reach) / CELL;
        if !(at.x >= 0.0 && at.y >= 0.0) || at.x >= self.cells[0] as f64 || at.y >= self.cells[1] as f64 {
            return f64::INFINITY;
        }
        let bucket = &self.buckets[at.y as usize * self.cells[0] + at.x as usize];
        let nearest =
            bucket.iter().map(|&s| distance(&self.segments[s as usize], p)).fold(f64::INFINITY, f64::min);
        if nearest <= self.reach { nearest } else { f64::INFINITY }
    }

    fn fill(&mut self) {
        self.buckets = vec![Vec::new(); self.cells[0] * self.cells[1]];
        // A bucket lists what comes within reach of any of its points.
        let radius = self.reach + CELL * std::f64::consts::FRAC_1_SQRT_2;
        for y in 0..self.cells[1] {
            for x in 0..self.cells[0] {
                let middle = self.low - self.reach + (DVec2::new(x as f64, y as f64) + 0.5) * CELL;
                let near = (0..self.segments.len() as u32)
                    .filter(|&s| distance(&self.segments[s as usize], middle) <= radius);
                self.buckets[y * self.cells[0] + x] = near.collect();
            }
        }
    }
}

/// Distance from a point to a segment.
fn distance([a, b]: &[DVec2; 2], p: DVec2) -> f64 {
    let along = *b - *a;
    let length = along.length_squared();
    let share = if length > 0.0 { ((p - *a).dot(along) / length).clamp(0.0, 1.0) } else { 0.0 };
    (p - *a - along * share).length()
}

/// The profile of a groove, in mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Groove {
    /// Width at half its depth.
    pub width: f64,
    /// Depth of the floor below the surface, measured along the view.
    pub depth: f64,
    /// Breadth of each sloping wall.
    pub wall: f64,
}

impl Groove {
    /// Depth at a distance from the line in its middle.
    pub fn depth_at(&self, distance: f64) -> f64 {
        self.depth * ((self.reach() - distance) / self.wall).clamp(0.0, 1.0)
    }

    /// Half the width at the surface: further away nothing is displaced.
    pub fn reach(&self) -> f64 {
        (self.width + self.wall) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_groove_has_its_width_at_half_its_depth() {
        let groove = Groove { width: 0.8, depth: 0.6, wall: 0.2 };
        assert!((groove.depth_at(0.4) - 0.3).abs() < 1e-12);
        assert_eq!((groove.depth_at(0.0), groove.depth_at(0.51)), (0.6, 0.0));
        assert_eq!(groove.depth_at(f64::INFINITY), 0.0);
    }

    proptest! {
        #[test]
        fn buckets_find_the_same_distance_as_looking_at_every_segment(
            points in prop::collection::vec((-9.0..9.0_f64, -5.0..5.0_f64), 1..9),
            x in -12.0..12.0_f64, y in -8.0..8.0_f64, radius in 0.0..4.0_f64
        ) {
            let line: Vec<DVec2> = points.into_iter().map(|(x, y)| DVec2::new(x, y)).collect();
            let strokes = Strokes::new(std::slice::from_ref(&line), 1.5);
            let p = DVec2::new(x, y);
            let truth = if line.len() == 1 { line[0].distance(p) } else {
                line.windows(2).map(|w| distance(&[w[0], w[1]], p)).fold(f64::INFINITY, f64::min)
            };
            let expected = if truth <= 1.5 { truth } else { f64::INFINITY };
            prop_assert_eq!(strokes.distance(p), expected);
            prop_assert_eq!(strokes.pass_within(p, radius), truth <= radius);
        }
    }
}
