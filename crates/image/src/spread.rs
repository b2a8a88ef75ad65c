//! How wide this scan spreads an edge, and how noisy it is: measured on its own bone.
//!
//! Nothing in a file says how far a scanner blurs: the kernel has a name, not a width. But every long edge of
//! dense bone in the scan shows it. [`spread`] fits the model of [`slab`] to the grey values about many places of
//! a mask's boundary and takes what most of them agree on. Only samples of one slice are used for a place, so
//! nothing is interpolated: a surface that lies aslant in the slice is crossed by samples at all distances from
//! it, and its apparent width there shows the blur through the slices too.
//!
//! 1. [`response`] – the course of one blurred edge
//! 2. [`slab`] – a wall with two such edges, and its fit
//! 3. [`spread`] – blur and noise of a scan

mod noise;
mod places;
pub mod response;
pub mod slab;
#[cfg(test)]
mod tests;

use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Grid, Mask, Volume};
use response::Blur;

/// What a scan does to an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard deviation in mm of the blur in the plane of the slices.
    pub in_plane: f64,
    /// Standard deviation in mm of the blur through the slices; √12 times that is the slices' thickness.
    pub through: f64,
    /// Standard deviation in HU of the noise.
    pub noise: f64,
    /// Edges on which the blur in the plane was measured; 0 where it is assumed.
    pub edges: usize,
    /// Edges on which the blur through the slices was measured; 0 where it is assumed.
    pub oblique_edges: usize,
}

/// Blur in the plane in mm that is assumed where it cannot be measured.
///
/// Chosen: 1.0 mm wide at half height, in the middle between sharp (0.8 mm) and soft (1.2 mm) kernels.
pub const ASSUMED: f64 = 0.425;

/// With fewer edges than this the blur is assumed. Chosen: their median is then good to a twentieth.
pub const LEAST_EDGES: usize = 40;

impl Spread {
    /// What is assumed of a scan of which nothing is known: slices as thick as they are apart.
    pub fn assumed(grid: &Grid, noise: f64) -> Self {
        let through = slice_distance(grid) / 12.0_f64.sqrt();
        Self { in_plane: ASSUMED, through, noise, edges: 0, oblique_edges: 0 }
    }

    /// The blur of an edge whose normal has this cosine with the normal of the slices.
    pub fn across(&self, cosine: f64) -> Blur {
        let along = (cosine * cosine).min(1.0);
        let (plane, slice) = (self.in_plane * self.in_plane, self.through * self.through);
        let (plane, slice) = (plane * (1.0 - along), slice * along);
        let variance = (plane + slice).max(1e-6);
        Blur { sigma: variance.sqrt(), boxed: slice / variance }
    }

    /// The variance in mm² of the blur along a unit direction with this cosine with the normal of the slices.
    pub fn variance(&self, cosine: f64) -> f64 {
        let along = (cosine * cosine).min(1.0);
        self.in_plane * self.in_plane * (1.0 - along) + self.through * self.through * along
    }

    /// True when the blur in the plane was measured on this scan.
    pub const fn is_measured(&self) -> bool {
        self.edges > 0
    }

    /// A line for people: what was found, on how many edges, or that it is assumed.
    pub fn line(&self) -> String {
        // 2.355 times its standard deviation a Gaussian is wide at half height.
        let width = 2.355 * self.in_plane;
        let plane = match self.edges {
            0 => format!("{width:.2} mm in the plane (assumed: too few long edges)"),
            n => format!("{width:.2} mm in the plane (from {n} edges)"),
        };
        let thick = 12.0_f64.sqrt() * self.through;
        let through = match self.oblique_edges {
            0 => format!("slices {thick:.2} mm thick (assumed: as far as they are apart)"),
            n => format!("slices {thick:.2} mm thick (from {n} oblique edges)"),
        };
        format!("edges are {plane} wide, {through}; noise {:.0} HU", self.noise)
    }
}

/// The unit normal of the slices.
pub fn slice_normal(grid: &Grid) -> DVec3 {
    let linear = &grid.to_patient().linear;
    linear.x_axis.cross(linear.y_axis).try_normalize().unwrap_or(DVec3::Z)
}

/// From slice to slice in mm, across them.
pub fn slice_distance(grid: &Grid) -> f64 {
    grid.to_patient().linear.z_axis.dot(slice_normal(grid)).abs()
}

/// Measures the blur and the noise of a scan on the boundary of a mask of its bone.
///
/// Blur that cannot be measured on at least [`LEAST_EDGES`] places is assumed, and counts 0 edges.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn spread(volume: &Volume<i16>, mask: &Mask, ctx: &Ctx) -> Result<Spread, Cancelled> {
    assert_eq!(volume.grid().dims(), mask.grid().dims(), "volume and mask are of different grids");
    let noise = noise::noise(volume, ctx)?;
    ctx.done(0.3)?;
    let assumed = Spread::assumed(volume.grid(), noise);
    let found = places::widths(volume, mask, &assumed, ctx)?;
    ctx.done(1.0)?;
    let upright: Vec<f64> =
        found.iter().filter(|w| w.cosine.abs() < UPRIGHT).map(|w| w.in_plane(&assumed)).collect();
    let mut spread = assumed;
    if let Some(in_plane) = agreed(upright) {
        (spread.in_plane, spread.edges) = in_plane;
    }
    let through = |w: &places::Width| {
        let flat = spread.in_plane * spread.in_plane * (1.0 - w.cosine * w.cosine);
        (w.sigma * w.sigma - flat) / (w.cosine * w.cosine)
    };
    let oblique: Vec<f64> =
        found.iter().filter(|w| spread.is_measured() && w.is_oblique(&assumed)).map(through).collect();
    if let Some((variance, edges)) = agreed(oblique) {
        (spread.through, spread.oblique_edges) = (variance.max(0.01).sqrt(), edges);
    }
    Ok(spread)
}

/// Cosine with the slices' normal up to which an edge shows the blur in the plane: the slice adds a tenth at most.
const UPRIGHT: f64 = 0.35;

/// What most of the values agree on, and how many there are: the middle of the shortest half.
///
/// Other edges close by widen single values, never all of them, and noise widens as many as it narrows: the
/// densest part is where the undisturbed edges are.
fn agreed(mut values: Vec<f64>) -> Option<(f64, usize)> {
    let count = values.len();
    if count < LEAST_EDGES {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let half = count / 2;
    let start = (0..count - half)
        .min_by(|&a, &b| (values[a + half] - values[a]).total_cmp(&(values[b + half] - values[b])))?;
    Some((values[start + half / 2], count))
}
