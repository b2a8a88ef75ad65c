//! What a layer covers, against what the solid covers at its height.
//!
//! The plastic of a layer is what its outer lines enclose, and the lines themselves with their width. Both it and the
//! section of the solid are cut by many parallel rays; along each ray the two are intervals, whose common and joint
//! lengths are exact. So areas err only across the rays, which are a small part of a line apart.

use crate::gcode::{Path, Role};
use crate::outline::{Stroke, one_way};
use glam::DVec2;

/// Distance of the rays, mm.
///
/// Chosen: a ninth of the usual line. The area of a disc of 1 mm then errs by less than 0.1 %.
const RAY: f64 = 0.05;

/// Farthest from its beginning that a line may end and still be closed, in line widths.
///
/// Programs end a closed line up to a nozzle before its beginning, so that the seam does not bulge.
const SEAM: f64 = 1.2;

/// How far a line over air may be from the section and still be the outer one, in line widths.
///
/// The outer one runs half a line inside, the next one and a half lines.
const BEHIND: f64 = 1.0;

/// Share of a line, and at how many places, that decides how far it is from the section.
const SHARE: f64 = 0.5;
const PLACES: usize = 50;

/// Areas of a layer, mm².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// Of the section of the solid.
    pub solid: f64,
    /// Of what is printed.
    pub printed: f64,
    /// Of what is in both.
    pub both: f64,
}

impl Overlap {
    /// What is in both as a share of what is in either (intersection over union); 1 where both are empty.
    pub fn share(&self) -> f64 {
        let either = self.solid + self.printed - self.both;
        if either > 0.0 { self.both / either } else { 1.0 }
    }

    /// Both areas together with those of another layer.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            solid: self.solid + other.solid,
            printed: self.printed + other.printed,
            both: self.both + other.both,
        }
    }
}

/// Compares the outer lines of a layer, each `width` mm wide, with the section of the solid at its height.
///
/// The section's strokes bound it, in any order; what lies within an odd number of outlines is solid.
pub fn overlap(paths: &[Path], section: &[Stroke], width: f64) -> Overlap {
    let closed: Vec<Stroke> =
        paths.iter().filter(|path| encloses(path, section, width)).flat_map(|p| ring(&p.corners)).collect();
    let lines: Vec<Stroke> = paths.iter().flat_map(|path| strokes(&path.corners)).collect();
    let half = width / 2.0;
    let heights = lines.iter().chain(section).flatten().map(|p| p.y);
    let (low, high) = heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), y| (l.min(y), h.max(y)));
    if low > high {
        return Overlap::default();
    }
    let first = low - half;
    let count = ((high - low + width) / RAY).ceil() as usize + 1;
    let rays = Rays { first, count };
    let solid = rays.inside(section);
    let mut printed = rays.inside(&closed);
    rays.along(&lines, half, &mut printed);
    let mut found = Overlap::default();
    for (a, b) in solid.into_iter().zip(printed) {
        let (a, b) = (joined(a), joined(b));
        found.solid += RAY * length(&a);
        found.printed += RAY * length(&b);
        found.both += RAY * common(&a, &b);
    }
    found
}

/// Whether a line goes around plastic: it comes back to its beginning, and is not one behind the outer one.
fn encloses(path: &Path, section: &[Stroke], width: f64) -> bool {
    let (Some(first), Some(last)) = (path.corners.first(), path.corners.last()) else {
        return false;
    };
    if path.corners.len() < 3 || first.distance(*last) > SEAM * width {
        return false;
    }
    let all: Vec<Stroke> = strokes(&path.corners).collect();
    path.role == Role::Outer || one_way(&all, section, SHARE, PLACES) < BEHIND * width
}

fn strokes(corners: &[DVec2]) -> impl Iterator<Item = Stroke> {
    corners.windows(2).map(|pair| [pair[0], pair[1]])
}

/// The strokes of a line and the one that closes it.
fn ring(corners: &[DVec2]) -> impl Iterator<Item = Stroke> {
    let closing = corners.first().zip(corners.last()).map(|(&first, &last)| [last, first]);
    strokes(corners).chain(closing)
}

/// From where to where along a ray.
type Interval = [f64; 2];

/// Rays along x, [`RAY`] apart.
struct Rays {
    first: f64,
    count: usize,
}

impl Rays {
    fn y(&self, ray: usize) -> f64 {
        self.first + (ray as f64 + 0.5) * RAY
    }

    /// The rays between two heights.
    fn between(&self, low: f64, high: f64) -> std::ops::Range<usize> {
        // Half a ray in, as `y` is; a negative number becomes the first one.
        let from = ((low - self.first) / RAY - 0.5).ceil().max(0.0) as usize;
        let to = ((high - self.first) / RAY - 0.5).ceil().max(0.0) as usize;
        from.min(self.count)..to.min(self.count)
    }

    /// Where the rays are inside an odd number of outlines.
    fn inside(&self, outlines: &[Stroke]) -> Vec<Vec<Interval>> {
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); self.count];
        for &[a, b] in outlines {
            let (low, high) = if a.y < b.y { (a, b) } else { (b, a) };
            // Half open, so that a ray through a corner crosses one of its two strokes.
            for ray in self.between(low.y, high.y) {
                let part = (self.y(ray) - low.y) / (high.y - low.y);
                crossings[ray].push(low.x + part * (high.x - low.x));
            }
        }
        let pairs = |mut xs: Vec<f64>| {
            xs.sort_unstable_by(f64::total_cmp);
            xs.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
        };
        crossings.into_iter().map(pairs).collect()
    }

    /// Adds where the rays are within `half` mm of a line.
    fn along(&self, lines: &[Stroke], half: f64, covered: &mut [Vec<Interval>]) {
        for line in lines {
            let [a, b] = line;
            for ray in self.between(a.y.min(b.y) - half, a.y.max(b.y) + half) {
                if let Some(interval) = across(line, half, self.y(ray)) {
                    covered[ray].push(interval);
                }
            }
        }
    }
}

/// Where a ray at height `y` is within `half` mm of a stroke: a band with round ends, which is convex.
fn across(&[a, b]: &Stroke, half: f64, y: f64) -> Option<Interval> {
    let mut found: Option<Interval> = None;
    let mut add = |low: f64, high: f64| {
        let [from, to] = found.unwrap_or([low, high]);
        found = Some([from.min(low), to.max(high)]);
    };
    for end in [a, b] {
        let off = half * half - (y - end.y) * (y - end.y);
        if off >= 0.0 {
            add(end.x - off.sqrt(), end.x + off.sqrt());
        }
    }
    let along = b - a;
    let length = along.length();
    if length > 0.0 {
        // Its two long sides, crossed where the ray passes between their ends.
        let aside = DVec2::new(-along.y, along.x) * (half / length);
        for side in [aside, -aside] {
            let (p, q) = (a + side, b + side);
            if (p.y <= y) != (q.y <= y) {
                let x = p.x + (y - p.y) / (q.y - p.y) * (q.x - p.x);
                add(x, x);
            }
        }
    }
    found
}

/// Intervals in their order, none touching another.
fn joined(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for [from, to] in intervals {
        match joined.last_mut() {
            Some(last) if from <= last[1] => last[1] = last[1].max(to),
            _ => joined.push([from, to]),
        }
    }
    joined
}

fn length(intervals: &[Interval]) -> f64 {
    intervals.iter().map(|[from, to]| to - from).sum()
}

/// Length that is in both.
fn common(a: &[Interval], b: &[Interval]) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while let (Some(p), Some(q)) = (a.get(i), b.get(j)) {
        sum += (p[1].min(q[1]) - p[0].max(q[0])).max(0.0);
        if p[1] < q[1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A polygon with so many corners around a middle.
    fn circle(middle: DVec2, radius: f64) -> Vec<DVec2> {
        let at = |k: i32| {
            let angle = f64::from(k) * std::f64::consts::TAU / 400.0;
            middle + radius * DVec2::new(libm::cos(angle), libm::sin(angle))
        };
        (0..400).map(at).collect()
    }

    fn path(corners: Vec<DVec2>, role: Role) -> Path {
        Path { corners, role }
    }

    const MIDDLE: DVec2 = DVec2::new(120.3, 99.1);

    /// The section of a tube, and the two lines a program would lay for it.
    fn tube(outer: f64, inner: f64, width: f64) -> (Vec<Stroke>, Vec<Path>) {
        let section = [outer, inner].into_iter().flat_map(|r| ring(&circle(MIDDLE, r)).collect::<Vec<_>>());
        let lines = [outer - width / 2.0, inner + width / 2.0];
        (section.collect(), lines.map(|r| path(circle(MIDDLE, r), Role::Outer)).to_vec())
    }

    #[test]
    fn a_tube_printed_as_it_is_covers_its_section() {
        let (section, lines) = tube(8.0, 3.0, 0.45);
        let found = overlap(&lines, &section, 0.45);
        // π (8² − 3²) = 172.79 mm²; 400 corners lose 4e-5 of it, the rays less than 1e-3.
        assert!((found.solid - 172.79).abs() < 0.2 && (found.printed - 172.79).abs() < 0.2, "{found:?}");
        assert!(found.share() > 0.998, "{found:?}");
    }

    #[test]
    fn a_filled_hole_a_missing_part_and_a_shift_are_seen() {
        let (section, lines) = tube(8.0, 3.0, 0.45);
        // Without the line around the hole the hole is full: 172.79 of 201.06 mm².
        let filled = overlap(&lines[..1], &section, 0.45).share();
        assert!((filled - 172.79 / 201.06).abs() < 2e-3, "{filled}");
        assert_eq!(overlap(&[], &section, 0.45).share(), 0.0);
        let moved: Vec<Path> = lines
            .iter()
            .map(|line| path(line.corners.iter().map(|c| c + DVec2::new(0.5, 0.0)).collect(), line.role))
            .collect();
        // Shifting by d loses and adds about 2 d R + 2 d r: 11 mm² of 172.79 each way.
        let share = overlap(&moved, &section, 0.45).share();
        assert!((share - (172.79 - 11.0) / (172.79 + 11.0)).abs() < 0.01, "{share}");
    }

    #[test]
    fn of_lines_over_air_only_the_outer_one_is_a_boundary() {
        let (section, mut lines) = tube(8.0, 3.0, 0.45);
        lines.push(path(circle(MIDDLE, 3.0 + 1.5 * 0.45), Role::Overhang));
        lines[1].role = Role::Overhang;
        assert!(overlap(&lines, &section, 0.45).share() > 0.998);
    }

    #[test]
    fn a_wall_thinner_than_a_line_is_printed_as_thick_as_one() {
        let corners =
            [(0.0, 0.0), (20.0, 0.0), (20.0, 0.25), (0.0, 0.25)].map(|(x, y)| DVec2::new(x, y) + MIDDLE);
        let section: Vec<Stroke> = ring(&corners).collect();
        let line =
            path([(0.0, 0.125), (20.0, 0.125)].map(|(x, y)| DVec2::new(x, y) + MIDDLE).to_vec(), Role::Outer);
        let found = overlap(&[line], &section, 0.45);
        // 20 × 0.25 mm² of wall; 20 × 0.45 mm² of line and its two round ends. A ray stands for 0.05 mm of width.
        assert!(
            (found.solid - 5.0).abs() < 20.0 * RAY && (found.printed - 9.16).abs() < 20.0 * RAY,
            "{found:?}"
        );
        assert!((found.both - found.solid).abs() < 1e-9);
    }
}
