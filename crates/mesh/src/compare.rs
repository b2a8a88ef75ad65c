//! How far one surface is from another: mean, 95th percentile, maximum both ways, with places and a certificate.
//!
//! Every triangle is divided into parts no longer than a stated spacing, and the distance of each part's middle to
//! the other surface is taken; means and percentiles weigh parts by area. The maximum is also certified: no place
//! of the surface is farther than `bound`. For a part that is the lesser of two: its middle's distance and the way
//! from there to its farthest corner; and the largest distance of its corners from any one triangle of the
//! other surface, for the distance from a convex set is convex. Parts that leave the bound above the largest
//! distance found are divided further.

use crate::bvh::{Bvh, Nearest, triangle};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh, Patient, Point};
use rayon::prelude::*;

/// Triangles between two questions whether to stop.
const CHUNK: usize = 256;

/// A triangle is divided into at most this many rows of parts.
const MOST_ROWS: usize = 64;

/// Parts are divided until the bound is this near to the largest distance (mm). Chosen: a hundredth of the
/// deviation that matters (0.1 mm).
const TOLERANCE: f64 = 1e-3;

/// The same as a share of the largest distance. Chosen: a bound need not be known more exactly than this, and
/// surfaces that are everywhere equally far apart take long.
const RELATIVE: f64 = 0.01;

/// Parts smaller than this share of the spacing are not divided: the bound is then no farther off than they are large.
const FINEST: f64 = 1.0 / 64.0;

/// How far a surface is from another. Distances in mm; signed ones are positive outside of the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deviation {
    /// Mean distance over the area.
    pub mean: f64,
    /// Mean signed distance over the area: the one surface is larger than the other if it is positive.
    pub bias: f64,
    /// The distance that 95 % of the area keep.
    pub p95: f64,
    /// The largest distance found.
    pub max: f64,
    /// Where it is on this surface, and the nearest place of the other.
    pub worst: [Point<Patient>; 2],
    /// The largest distance found outside of the other surface.
    pub outside: f64,
    /// The largest distance found inside of the other surface, as a number that is not negative.
    pub inside: f64,
    /// No place of this surface is farther from the other than this: a certificate. It exceeds `max` by at most
    /// 1 µm, 1 % or a 64th of the spacing, whichever is most.
    pub bound: f64,
    /// How many places were looked at for the means.
    pub samples: usize,
}

/// How far two surfaces are from each other, both ways.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// From the first to the second; positive where the first lies outside of the second.
    pub forth: Deviation,
    /// From the second to the first; positive where the second lies outside of the first.
    pub back: Deviation,
    /// The parts looked at are no longer than this (mm).
    pub spacing: f64,
}

impl Comparison {
    /// The largest distance found, either way: the Hausdorff distance from below.
    pub const fn max(&self) -> f64 {
        self.forth.max.max(self.back.max)
    }

    /// No place of either surface is farther from the other than this: the Hausdorff distance from above.
    pub const fn bound(&self) -> f64 {
        self.forth.bound.max(self.back.bound)
    }
}

/// Why two surfaces were not compared.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// One of them has no triangles with area.
    #[error("a surface without area cannot be compared with another")]
    Empty,
    /// The spacing is not a length.
    #[error("a spacing of {0} mm is not a length")]
    Spacing(f64),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl osteon_core::Explain for CompareError {
    fn kind(&self) -> osteon_core::ErrorKind {
        match self {
            CompareError::Empty | CompareError::Spacing(_) => osteon_core::ErrorKind::Input,
            CompareError::Cancelled(stop) => stop.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            CompareError::Empty => "nothing-to-compare",
            CompareError::Spacing(_) => "bad-spacing",
            CompareError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            CompareError::Empty => "check that both files hold a surface".to_owned(),
            CompareError::Spacing(_) => "give a spacing above 0 mm, such as 0.5 mm".to_owned(),
            CompareError::Cancelled(stop) => stop.help(),
        }
    }
}

/// Compares two surfaces by places no more than `spacing` mm apart, 64 to a side of a triangle at most.
///
/// Signs are those of the side the other surface faces at the nearest place; for a surface that is not closed too.
///
/// # Errors
/// A surface has no area, the spacing is not a length above 0, or `ctx` was asked to stop.
pub fn compare(
    a: (&Mesh, &Bvh),
    b: (&Mesh, &Bvh),
    spacing: f64,
    ctx: &Ctx,
) -> Result<Comparison, CompareError> {
    if !(spacing.is_finite() && spacing > 0.0) {
        return Err(CompareError::Spacing(spacing));
    }
    let forth = deviation(a.0, b, spacing, &ctx.part("forth", 0.0, 0.5))?;
    let back = deviation(b.0, a, spacing, &ctx.part("back", 0.5, 1.0))?;
    Ok(Comparison { forth, back, spacing })
}

/// How far the surface of a mesh is from another.
fn deviation(mesh: &Mesh, other: (&Mesh, &Bvh), spacing: f64, ctx: &Ctx) -> Result<Deviation, CompareError> {
    let to = Other { mesh: other.0, bvh: other.1, spacing };
    let chunks = mesh.triangles.par_chunks(CHUNK).map(|triangles| {
        ctx.check()?;
        let mut tally = Tally::default();
        for &triangle in triangles {
            to.sample(mesh.corners(triangle), &mut tally);
        }
        Ok(tally)
    });
    let mut tallies: Vec<Tally> = chunks.collect::<Result<_, Cancelled>>()?;
    ctx.done(0.7)?;
    // One after the other, so that sums do not depend on threads.
    let mut all = Tally::default();
    for tally in &mut tallies {
        all.samples.append(&mut tally.samples);
        all.bias += tally.bias;
        all.area += tally.area;
        all.outside = all.outside.max(tally.outside);
        all.inside = all.inside.max(tally.inside);
        all.worst = farther(all.worst, tally.worst);
    }
    let Some((_, worst)) = all.worst else { return Err(CompareError::Empty) };
    if all.area <= 0.0 {
        return Err(CompareError::Empty);
    }
    let found = worst.0.distance;
    let bounds = mesh.triangles.par_chunks(CHUNK).zip(&tallies).map(|(triangles, tally)| {
        ctx.check()?;
        let (mut bound, mut far) = (found, None);
        for (&triangle, &(rough, hint)) in triangles.iter().zip(&tally.rough) {
            if rough > enough(found) {
                bound = bound.max(to.certify(mesh.corners(triangle), hint, found, &mut far));
            } else {
                bound = bound.max(rough);
            }
        }
        Ok((bound, far))
    });
    let bounds: Vec<(f64, Option<Far>)> = bounds.collect::<Result<_, Cancelled>>()?;
    let bound = bounds.iter().fold(found, |most, b| most.max(b.0));
    let (_, (near, place)) = bounds.iter().fold(all.worst, |a, b| farther(a, b.1)).unwrap_or((found, worst));
    all.samples.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let sum: f64 = all.samples.iter().map(|&(distance, area)| distance * area).sum();
    ctx.done(1.0)?;
    Ok(Deviation {
        mean: sum / all.area,
        bias: all.bias / all.area,
        p95: percentile(&all.samples, 0.95 * all.area),
        max: near.distance,
        worst: [Point::from_vec(place), near.place],
        outside: all.outside,
        inside: all.inside,
        bound: bound.max(near.distance),
        samples: all.samples.len(),
    })
}

/// How near a bound must be to the largest distance.
fn enough(distance: f64) -> f64 {
    distance + TOLERANCE.max(RELATIVE * distance)
}

/// The distance of the farthest corner of a part from its middle.
fn around(part: [DVec3; 3], middle: DVec3) -> f64 {
    part.iter().map(|corner| corner.distance(middle)).fold(0.0, f64::max)
}

/// The distance that this much of the area keeps, of places in order of their distance.
fn percentile(samples: &[(f64, f64)], area: f64) -> f64 {
    let mut sum = 0.0;
    for &(distance, share) in samples {
        sum += share;
        if sum >= area {
            return distance;
        }
    }
    samples.last().map_or(0.0, |sample| sample.0)
}

/// A distance, and the places it is between.
type Far = (f64, (Nearest, DVec3));

/// The farther of two, the first of equals.
fn farther(a: Option<Far>, b: Option<Far>) -> Option<Far> {
    match (a, b) {
        (Some(first), Some(second)) if second.0 > first.0 => b,
        (None, _) => b,
        _ => a,
    }
}

/// What was found on some triangles.
#[derive(Default)]
struct Tally {
    /// Distance and area of each part.
    samples: Vec<(f64, f64)>,
    /// A bound for each triangle and a triangle near to it.
    rough: Vec<(f64, u32)>,
    bias: f64,
    area: f64,
    outside: f64,
    inside: f64,
    worst: Option<Far>,
}

/// The surface to which distances are taken.
struct Other<'a> {
    mesh: &'a Mesh,
    bvh: &'a Bvh,
    spacing: f64,
}

impl Other<'_> {
    fn nearest(&self, place: DVec3, hint: u32) -> Option<Nearest> {
        self.bvh.nearest_from(self.mesh, Point::from_vec(place), hint)
    }

    /// Takes the distances of a triangle's parts and corners.
    fn sample(&self, corners: [DVec3; 3], tally: &mut Tally) {
        let [a, b, c] = corners;
        let longest = a.distance(b).max(b.distance(c)).max(c.distance(a));
        let rows = ((longest / self.spacing).ceil() as usize).clamp(1, MOST_ROWS);
        let (u, v) = ((b - a) / rows as f64, (c - a) / rows as f64);
        let area = 0.5 * u.cross(v).length();
        let mut hint = tally.rough.last().map_or(u32::MAX, |last| last.1);
        let mut bound = 0.0_f64;
        let mut part = |part: [DVec3; 3], tally: &mut Tally| {
            let middle = (part[0] + part[1] + part[2]) / 3.0;
            let Some(near) = self.nearest(middle, hint) else { return };
            hint = near.triangle;
            let ahead = (middle - near.place.vec()).dot(self.bvh.pseudonormal(self.mesh, &near)) >= 0.0;
            let signed = if ahead { near.distance } else { -near.distance };
            tally.samples.push((near.distance, area));
            tally.area += area;
            tally.bias += signed * area;
            tally.outside = tally.outside.max(signed);
            tally.inside = tally.inside.max(-signed);
            tally.worst = farther(tally.worst, Some((near.distance, (near, middle))));
            bound = bound.max(self.bound(part, middle, &near));
        };
        for i in 0..rows {
            for j in 0..rows - i {
                let at = a + u * i as f64 + v * j as f64;
                part([at, at + u, at + v], tally);
                if i + j + 1 < rows {
                    part([at + u, at + u + v, at + v], tally);
                }
            }
        }
        for corner in corners {
            if let Some(near) = self.nearest(corner, hint) {
                tally.worst = farther(tally.worst, Some((near.distance, (near, corner))));
            }
        }
        tally.rough.push((bound, hint));
    }

    /// No place of a part is farther than this; `near` is what is nearest to its middle.
    fn bound(&self, part: [DVec3; 3], middle: DVec3, near: &Nearest) -> f64 {
        let one = self.mesh.corners(self.mesh.triangles[near.triangle as usize]);
        let flat = part.iter().map(|&corner| triangle::nearest_on(corner, one).1).fold(0.0, f64::max).sqrt();
        flat.min(near.distance + around(part, middle))
    }

    /// Divides a part until no place of it is farther than it is known to be, or than `floor`, by the tolerance;
    /// tells the bound and keeps the farthest place found.
    fn certify(&self, part: [DVec3; 3], hint: u32, floor: f64, far: &mut Option<Far>) -> f64 {
        let [a, b, c] = part;
        let middle = (a + b + c) / 3.0;
        let Some(near) = self.nearest(middle, hint) else { return floor };
        *far = farther(*far, Some((near.distance, (near, middle))));
        let bound = self.bound(part, middle, &near);
        let known = far.map_or(floor, |far| far.0.max(floor));
        if bound <= enough(known) || around(part, middle) <= FINEST * self.spacing {
            return bound;
        }
        let (p, q, r) = ((a + b) * 0.5, (b + c) * 0.5, (c + a) * 0.5);
        let parts = [[a, p, r], [p, b, q], [r, q, c], [p, q, r]];
        parts.into_iter().fold(0.0, |most: f64, part| most.max(self.certify(part, near.triangle, floor, far)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Affine;
    use osteon_phantom::mesh::{ball, cuboid};

    fn of(a: &Mesh, b: &Mesh, spacing: f64) -> Comparison {
        let ctx = Ctx::default();
        let [of_a, of_b] = [a, b].map(|mesh| Bvh::new(mesh, &ctx).unwrap());
        compare((a, &of_a), (b, &of_b), spacing, &ctx).unwrap()
    }

    fn moved(mesh: &Mesh, by: DVec3) -> Mesh {
        mesh.moved(&Affine::new(glam::DMat3::IDENTITY, by))
    }

    #[test]
    fn a_surface_is_nowhere_from_itself() {
        let mesh = ball(DVec3::ZERO, 10.0, 16);
        let found = of(&mesh, &mesh, 1.0);
        // Foot points are computed to within a few roundings of 10 mm; the bound to within its tolerance.
        assert!(found.forth.mean < 1e-13 && found.max() < 1e-12 && found.bound() < TOLERANCE);
        assert_eq!(found.forth, found.back);
    }

    #[test]
    fn a_cube_in_a_cube_is_as_far_as_its_faces_and_the_corners_are_worst() {
        let inner = cuboid(DVec3::splat(-5.0), DVec3::splat(10.0));
        let outer = cuboid(DVec3::splat(-6.0), DVec3::splat(12.0));
        let found = of(&inner, &outer, 0.5);
        for value in
            [found.forth.mean, found.forth.p95, found.forth.max, -found.forth.bias, found.forth.inside]
        {
            assert!((value - 1.0).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(found.forth.outside, 0.0);
        assert!(found.forth.bound < enough(1.0) + 1e-12);
        // From outside the corners are √3 away, and the mean is known: over a face of 12 mm, 100/144 are 1 mm away,
        // 4 · 10/144 on average ∫√(1 + t²) = 1.1478, 4/144 on average ∫∫√(1 + s² + t²) = 1.2808 mm.
        let mean = (100.0 + 40.0 * 1.147_793 + 4.0 * 1.280_789) / 144.0;
        // Middles of parts of 0.5 mm miss the mean of a curved function by less than h²/24 · its curvature (1).
        assert!((found.back.mean - mean).abs() < 0.01, "{} {mean}", found.back.mean);
        assert!((found.back.max - 3.0_f64.sqrt()).abs() < 1e-12);
        assert!(found.back.worst[0].vec().abs().abs_diff_eq(DVec3::splat(6.0), 1e-9));
        assert!(found.back.worst[1].vec().abs().abs_diff_eq(DVec3::splat(5.0), 1e-9));
        assert!(found.bound() >= found.max() && found.bound() < enough(found.max()) + 1e-12);
        assert!(found.back.bias > 1.0 && found.back.inside == 0.0);
    }

    #[test]
    fn a_peak_between_the_places_looked_at_is_within_the_bound() {
        // A flat roof over one large triangle whose middle is near to it but whose inside is not.
        let sheet = Mesh {
            vertices: vec![Point::new(0.0, 0.0, 0.0), Point::new(30.0, 0.0, 0.0), Point::new(0.0, 30.0, 0.0)],
            triangles: vec![[0, 1, 2]],
        };
        let mut holed = sheet.clone();
        // The same sheet divided around a hole that no middle of 10 mm parts lies in.
        holed.vertices.extend([
            Point::new(14.0, 9.0, 0.0),
            Point::new(16.0, 9.0, 0.0),
            Point::new(14.0, 11.0, 0.0),
        ]);
        holed.triangles = vec![[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4], [2, 0, 3], [2, 3, 5]];
        let found = of(&sheet, &holed, 10.0).forth;
        // The middle of the largest circle in the hole: legs of 2 mm, radius 2 − √2.
        let truth = 2.0 - 2.0_f64.sqrt();
        assert!(found.bound >= truth && found.bound - found.max <= 10.0 * FINEST, "{found:?}");
        assert!(found.max <= truth + 1e-12, "{found:?}");
        // Without dividing further, nothing of the hole would have been seen.
        assert!(found.p95 < 1e-12 && found.outside < 1e-12);
    }

    #[test]
    fn balls_differ_by_their_radii_and_the_larger_is_outside() {
        let (small, large) = (ball(DVec3::ZERO, 10.0, 40), ball(DVec3::ZERO, 10.3, 40));
        let found = of(&large, &small, 1.0);
        // Faces lie within R δ²/4 = 0.016 mm of their spheres.
        assert!((found.forth.bias - 0.3).abs() < 0.02 && (found.back.bias + 0.3).abs() < 0.02);
        assert!((found.forth.p95 - 0.3).abs() < 0.02 && (found.max() - 0.3).abs() < 0.02);
        assert!(found.bound() <= enough(found.max()) && found.bound() >= found.max());
    }

    #[test]
    fn moved_surfaces_differ_as_before_at_any_number_of_threads() {
        let (a, b) = (ball(DVec3::ZERO, 5.0, 12), cuboid(DVec3::splat(-3.5), DVec3::splat(7.5)));
        let here = of(&a, &b, 0.7);
        let by = DVec3::new(64.0, -32.0, 16.0);
        let there = of(&moved(&a, by), &moved(&b, by), 0.7);
        // Moving rounds by up to 2⁻⁴⁶ mm.
        assert!(
            (here.forth.mean - there.forth.mean).abs() < 1e-12 && (here.max() - there.max()).abs() < 1e-12
        );
        let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(single.install(|| of(&a, &b, 0.7)), here);
    }

    #[test]
    fn nothing_cannot_be_compared() {
        use osteon_core::Explain;
        let ctx = Ctx::default();
        let (some, none) = (cuboid(DVec3::ZERO, DVec3::ONE), Mesh::default());
        let [of_some, of_none] = [&some, &none].map(|mesh| Bvh::new(mesh, &ctx).unwrap());
        for (a, b) in [((&some, &of_some), (&none, &of_none)), ((&none, &of_none), (&some, &of_some))] {
            assert_eq!(compare(a, b, 1.0, &ctx), Err(CompareError::Empty));
        }
        let wrong = compare((&some, &of_some), (&some, &of_some), 0.0, &ctx).unwrap_err();
        assert_eq!((wrong.code(), wrong), ("bad-spacing", CompareError::Spacing(0.0)));
    }
}
