//! Where the edge lies at one vertex: a step, or a wall thinner than the blur can show.

use super::patch::{Look, Patches};
use super::ring::{Bend, Rings, bend};
use super::{SUREST, Scope};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh, Volume};
use osteon_image::Levels;
use osteon_image::spread::response::{Blur, Course};
use osteon_image::spread::slab::{ENDLESS, Fit, Known, Sample, Slab, fit, unknown};
use osteon_image::spread::{Spread, slice_distance, slice_normal};
use rayon::prelude::*;

/// What the grey values say about the surface at a vertex.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edge {
    /// How far out along the normal the edge lies, mm.
    pub offset: f64,
    /// Standard deviation of that from noise and from what the model leaves, mm.
    pub deviation: f64,
    /// Thickness of the wall, mm; infinite where it is thick.
    pub wall: f64,
    /// The wall's radiodensity in HU, and its standard deviation.
    pub height: [f64; 2],
    /// Standard deviation of the blur across the edge, mm.
    pub sigma: f64,
}

/// What the vertices are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Question {
    /// The radiodensity of walls: each for itself, from a tube wide enough for little noise.
    Height,
    /// Their edges, with the radiodensity of thin walls where the scan's cortex showed it, HU.
    Edge(Option<f64>),
}

/// Relative standard deviation of the radiodensity of thin walls about that of the thicker ones. Chosen: a tenth.
const HEIGHT_SPREAD: f64 = 0.1;

/// Steps lower than this in HU are no edge, as in [`osteon_image::measure`].
const LEAST_CONTRAST: f64 = 80.0;

/// Share of its rise by which a profile must fall again behind its peak to count as a thin wall.
const FALL: f64 = 0.25;

/// Walls thicker than this many standard deviations of the blur reach their height, and half of it is their edge.
const THIN: f64 = 5.0;

/// What the model leaves of the grey values beside the noise, as a share of the step: curvature, other tissue.
const MODEL: f64 = 0.006;

/// A fit that leaves more than this share of the step, beside three times the noise, is of something else.
const WORST_FIT: f64 = 0.12;

impl Edge {
    fn of(fit: &Fit, sigma: f64) -> Self {
        Self {
            offset: fit.slab.outer,
            deviation: fit.variance[unknown::OUTER].sqrt(),
            wall: fit.slab.thickness,
            height: [fit.slab.height, fit.variance[unknown::HEIGHT].sqrt()],
            sigma,
        }
    }
}

/// How far aside of a vertex samples count, in voxels. Chosen: a vertex between two slices still sees both.
const ASIDE: f64 = 1.25;

/// The same where only the radiodensity of a wall is asked for, which changes slowly along it.
const WIDE: f64 = 2.5;

/// Asks the grey values about the vertices of a mesh.
pub(crate) struct Measure<'a> {
    volume: &'a Volume<i16>,
    levels: &'a Levels,
    spread: &'a Spread,
    pub(crate) mesh: &'a Mesh,
    scope: Scope,
    pub(crate) rings: Rings,
    pub(crate) normals: Vec<DVec3>,
    slices: DVec3,
    slice_distance: f64,
}

impl<'a> Measure<'a> {
    pub(crate) fn new(
        mesh: &'a Mesh,
        volume: &'a Volume<i16>,
        levels: &'a Levels,
        spread: &'a Spread,
        scope: Scope,
    ) -> Self {
        let rings = Rings::new(mesh);
        let normals = super::ring::normals(mesh, &rings);
        Self {
            volume,
            levels,
            spread,
            mesh,
            scope,
            rings,
            normals,
            slices: slice_normal(volume.grid()),
            slice_distance: slice_distance(volume.grid()),
        }
    }

    /// Every `every`th vertex, in order.
    pub(crate) fn edges(
        &self,
        every: usize,
        question: Question,
        ctx: &Ctx,
    ) -> Result<Vec<Option<Edge>>, Cancelled> {
        const RUN: usize = 512;
        let patches = Patches::new(self.volume);
        let vertices: Vec<usize> = (0..self.mesh.vertices.len()).step_by(every).collect();
        let runs: Vec<Vec<Option<Edge>>> = vertices
            .par_chunks(RUN)
            .map(|run| {
                ctx.check()?;
                let mut samples = Vec::with_capacity(128);
                Ok(run.iter().map(|&v| self.edge(v, question, &patches, &mut samples)).collect())
            })
            .collect::<Result<_, Cancelled>>()?;
        Ok(runs.into_iter().flatten().collect())
    }

    /// The cosine between the normal of a vertex and that of the slices.
    pub(crate) fn cosine(&self, vertex: usize) -> f64 {
        self.normals[vertex].dot(self.slices)
    }

    /// The size of a voxel across the surface at a vertex, mm.
    pub(crate) fn voxel(&self, vertex: usize) -> f64 {
        (self.volume.grid().to_voxel().linear * self.normals[vertex]).length().recip()
    }

    /// How far apart the slices are across the surface at a vertex, mm.
    pub(crate) fn slice(&self, vertex: usize) -> f64 {
        self.slice_distance * self.cosine(vertex).abs()
    }

    /// Standard deviation of the blur across the surface at a vertex, mm.
    pub(crate) fn blur(&self, vertex: usize) -> f64 {
        self.spread.across(self.cosine(vertex)).sigma
    }

    fn edge(
        &self,
        v: usize,
        question: Question,
        patches: &Patches<'_>,
        samples: &mut Vec<Sample>,
    ) -> Option<Edge> {
        let normal = self.normals[v];
        let cosine = self.cosine(v).abs();
        let blur = self.spread.across(cosine);
        let sigma = blur.sigma;
        let voxel = self.volume.grid().to_voxel().point(self.mesh.vertices[v]).vec();
        // Between slices a trilinear value is the mean of both, which blurs a profile by a further h²/6.
        let slice = self.slice(v);
        let wide = (sigma * sigma + slice * slice / 6.0).sqrt();
        let profile = Profile::of(patches, [voxel, normal], wide)?;
        let (limit, aside) =
            if question == Question::Height { (f64::INFINITY, WIDE) } else { (THIN * wide, ASIDE) };
        let thin = profile.depth < limit && profile.falls > FALL * profile.rise + self.spread.noise;
        if !thin && self.scope == Scope::Needed && slice <= super::THICK_SLICE && question != Question::Height
        {
            let (wall, height) = (f64::INFINITY, [profile.outside + profile.rise, self.spread.noise]);
            return Some(Edge { offset: 0.0, deviation: SUREST, wall, height, sigma });
        }
        let noise =
            (self.spread.noise * self.spread.noise + (MODEL * profile.rise) * (MODEL * profile.rise)).sqrt();
        let worst = WORST_FIT * profile.rise + 3.0 * self.spread.noise;
        let bend = bend(self.mesh, &self.rings, &self.normals, v);
        let outward = (NEAR * sigma).max(1.3 * sigma + 0.2 + slice);
        let mut look =
            |reach: [f64; 2]| patches.samples(&Look { voxel, normal, bend, reach, aside }, samples);
        let edge = if thin {
            look([profile.depth + 2.5 * sigma + 0.3 + 0.5 * slice, outward]);
            let fit = wall(samples, blur, &profile, question, noise).filter(|f| f.residual < worst)?;
            Edge::of(&fit, sigma)
        } else if slice > super::THICK_SLICE {
            look([outward; 2]);
            let fit = free_step(samples, blur, &profile, noise).filter(|f| f.residual < worst)?;
            Edge { wall: f64::INFINITY, ..Edge::of(&fit, sigma) }
        } else {
            look([(NEAR * sigma).max(0.7 * slice); 2]);
            let half = 0.5 * profile.rise;
            let step =
                step(samples, blur, [self.level(voxel), half], noise).filter(|s| s.residual < worst)?;
            Edge {
                offset: step.outer,
                deviation: step.deviation,
                wall: f64::INFINITY,
                height: [step.height, noise],
                sigma,
            }
        };
        Some(Edge { offset: edge.offset + self.inward(bend), ..edge })
    }

    /// The level of the nearest voxel.
    fn level(&self, voxel: DVec3) -> f64 {
        let dims = self.volume.grid().dims();
        let [x, y, z] = [0, 1, 2].map(|a| (voxel[a] + 0.5).clamp(0.0, (dims[a] - 1) as f64) as usize);
        self.levels.at(x, y, z)
    }

    /// How far blur moves the half height of a bent surface inward, mm: half the trace of the blur's variance times
    /// the curvature, the second order of the blurred step.
    fn inward(&self, bend: Bend) -> f64 {
        let [a, b] = bend.axes.map(|axis| self.spread.variance(axis.dot(self.slices)));
        0.5 * (a * bend.curvature[0] + b * bend.curvature[1])
    }
}

/// The course of the grey values in a few numbers.
struct Profile {
    /// HU outside.
    outside: f64,
    /// From there to the peak.
    rise: f64,
    /// From the peak to the least value behind it.
    falls: f64,
    /// How deep the profile is half-way down behind the peak, mm.
    depth: f64,
}

/// Samples of a profile inward.
const DEPTHS: usize = 14;

impl Profile {
    /// The profile at a voxel along the outward normal, blurred by `sigma` mm as trilinear values show it.
    fn of(patches: &Patches<'_>, [voxel, normal]: [DVec3; 2], sigma: f64) -> Option<Self> {
        let outside =
            patches.along(voxel, normal, [1.5, 2.0].into_iter().map(|by| by * sigma)).sum::<f64>() / 2.0;
        let reach = (4.0 * sigma + 1.5).min(6.0);
        let step = reach / (DEPTHS - 1) as f64;
        let mut values = [0.0; DEPTHS];
        let depths = (0..DEPTHS).map(|i| i as f64 * step);
        for (value, grey) in values.iter_mut().zip(patches.along(voxel, -normal, depths)) {
            *value = grey;
        }
        let near = ((3.0 * sigma / step) as usize).min(DEPTHS - 1);
        let (peak_at, peak) =
            (0..=near).map(|i| (i, values[i])).fold((0, f64::MIN), |a, b| if b.1 > a.1 { b } else { a });
        let rise = peak - outside;
        if rise < LEAST_CONTRAST {
            return None;
        }
        let (mut least, mut depth) = (peak, reach);
        for (i, &value) in values.iter().enumerate().skip(peak_at + 1) {
            if value < least {
                least = value;
            } else if value > least + FALL * rise {
                break;
            }
            if value < peak - 0.5 * rise && depth == reach {
                depth = i as f64 * step;
            }
        }
        Some(Self { outside, rise, falls: peak - least, depth })
    }
}

/// Fits a thin wall.
fn wall(samples: &[Sample], blur: Blur, profile: &Profile, question: Question, noise: f64) -> Option<Fit> {
    let peak = profile.outside + profile.rise;
    let free = f64::INFINITY;
    let (top, spread) = match question {
        Question::Edge(Some(hu)) => (hu.max(peak), HEIGHT_SPREAD * (hu - profile.outside).abs()),
        _ => (peak, free),
    };
    let slab = Slab {
        outside: profile.outside,
        height: top,
        inside: peak - profile.falls,
        outer: 0.0,
        thickness: (profile.depth * profile.rise / (top - profile.outside)).clamp(0.3, 4.0),
        sigma: blur.sigma,
    };
    fit(samples, blur, &Known { slab, spread: [free, spread, free, free, free, 0.0], noise })
}

/// Relative standard deviations of the two sides of a step about those of the profile, where slices are thick.
const SIDES: [f64; 2] = [0.1, 0.15];

/// Fits a step of which no level is known.
fn free_step(samples: &[Sample], blur: Blur, profile: &Profile, noise: f64) -> Option<Fit> {
    let slab = Slab {
        outside: profile.outside,
        height: profile.outside + profile.rise,
        inside: 0.0,
        outer: 0.0,
        thickness: ENDLESS,
        sigma: blur.sigma,
    };
    let [outside, height] = SIDES.map(|share| share * profile.rise);
    fit(samples, blur, &Known { slab, spread: [outside, height, 0.0, f64::INFINITY, 0.0, 0.0], noise })
}

/// A fitted step.
struct Step {
    outer: f64,
    deviation: f64,
    height: f64,
    residual: f64,
}

/// Standard deviations about the edge within which a step is fitted: beyond, other tissue begins.
const NEAR: f64 = 2.2;

/// Relative standard deviation of a step's height about that of the profile. Chosen: the profile is taken where a
/// twentieth of the step is missing on either side, and is noisy.
const STEP_SPREAD: f64 = 0.15;

/// Fits a step about a known level: half its height, of which about how much it is is known, and its place.
fn step(samples: &[Sample], blur: Blur, [level, likely]: [f64; 2], noise: f64) -> Option<Step> {
    let course = Course::new(blur.boxed);
    let per = 1.0 / blur.sigma;
    let known = (noise / (STEP_SPREAD * likely)) * (noise / (STEP_SPREAD * likely));
    let (mut outer, mut half) = (0.0, likely);
    let mut last = None;
    for _ in 0..3 {
        let (mut aa, mut ad, mut dd) = (known, 0.0, 0.0);
        let (mut ra, mut rd, mut rr, mut weights) = (known * (likely - half), 0.0, 0.0, 0.0);
        for s in samples {
            let [value, slope] = course.at((outer - s.at) * per);
            let (by_half, by_place) = (2.0 * value - 1.0, 2.0 * half * slope * per);
            let off = s.grey - level - half * by_half;
            let (half_weight, place_weight) = (s.weight * by_half, s.weight * by_place);
            aa += half_weight * by_half;
            ad += half_weight * by_place;
            dd += place_weight * by_place;
            ra += half_weight * off;
            rd += place_weight * off;
            rr += s.weight * off * off;
            weights += s.weight;
        }
        let determinant = aa * dd - ad * ad;
        if half <= 0.0 || determinant <= 1e-9 * aa * dd || weights <= 0.0 {
            return None;
        }
        half += (dd * ra - ad * rd) / determinant;
        outer += ((aa * rd - ad * ra) / determinant).clamp(-blur.sigma, blur.sigma);
        let deviation = noise * (aa / determinant).sqrt();
        last = Some(Step { outer, deviation, height: level + half, residual: (rr / weights).sqrt() });
    }
    last
}
