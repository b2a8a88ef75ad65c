//! The grey values about a vertex: along its normal, and in a tube about it.

use super::ring::Bend;
use glam::{DMat3, DVec3};
use osteon_core::Volume;
use osteon_image::spread::slab::Sample;

/// Takes grey values about places of a surface out of a volume.
pub(super) struct Patches<'a> {
    volume: &'a Volume<i16>,
    linear: DMat3,
    inverse: DMat3,
    dims: [usize; 3],
    strides: [usize; 3],
    /// One over the squares of the spacings.
    per_square: DVec3,
}

/// Where to look, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The vertex, by voxel index.
    pub voxel: DVec3,
    /// The outward normal.
    pub normal: DVec3,
    /// How the surface bends.
    pub bend: Bend,
    /// How far to look inward and outward, mm.
    pub reach: [f64; 2],
    /// How far aside samples count, in voxels; their weight falls to 0 there.
    pub aside: f64,
}

impl<'a> Patches<'a> {
    pub(super) fn new(volume: &'a Volume<i16>) -> Self {
        let grid = volume.grid();
        let [nx, ny, _] = grid.dims();
        let spacing = grid.spacing();
        Self {
            volume,
            linear: grid.to_patient().linear,
            inverse: grid.to_voxel().linear,
            dims: grid.dims(),
            strides: [1, nx, nx * ny],
            per_square: (spacing * spacing).recip(),
        }
    }

    /// The trilinear grey value; beyond the grid that of the nearest place on it.
    fn grey(&self, voxel: DVec3) -> f64 {
        let samples = self.volume.samples();
        let (mut base, mut part, mut next) = (0, [0.0; 3], [0; 3]);
        for a in 0..3 {
            let last = self.dims[a] - 1;
            let at = voxel[a].clamp(0.0, last as f64);
            let low = (at as usize).min(last.saturating_sub(1));
            part[a] = at - low as f64;
            base += low * self.strides[a];
            next[a] = if last > 0 { self.strides[a] } else { 0 };
        }
        let at = |offset: usize| f64::from(samples[base + offset]);
        let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
        let x = |offset: usize| mix(at(offset), at(offset + next[0]), part[0]);
        let y = |offset: usize| mix(x(offset), x(offset + next[1]), part[1]);
        mix(y(0), y(next[2]), part[2])
    }

    /// Grey values along a direction of the patient from a voxel, at these distances in mm.
    pub(super) fn along(
        &self,
        voxel: DVec3,
        way: DVec3,
        distances: impl Iterator<Item = f64>,
    ) -> impl Iterator<Item = f64> {
        let way = self.inverse * way;
        distances.map(move |mm| self.grey(voxel + way * mm))
    }

    /// The samples in a tube about the normal, with their distance out of the bent surface.
    pub(super) fn samples(&self, look: &Look, samples: &mut Vec<Sample>) {
        samples.clear();
        let along = self.linear.transpose() * look.normal;
        let flat = DMat3::from_cols(
            look.normal * look.normal.x,
            look.normal * look.normal.y,
            look.normal * look.normal.z,
        );
        let aside = (DMat3::IDENTITY - flat) * self.linear;
        // Both as quadratic forms of the step in voxels: how far aside, by voxels, for each counts as one; and the sag.
        let voxels = DMat3::from_diagonal(self.per_square) * self.linear.transpose() * aside;
        let far = voxels.transpose() * voxels * (1.0 / (look.aside * look.aside));
        let [u, v] = look.bend.axes.map(|axis| self.linear.transpose() * axis);
        let [a, b, c] = look.bend.curvature;
        let outer = |p: DVec3, q: DVec3| DMat3::from_cols(p * q.x, p * q.y, p * q.z);
        let sag = outer(u, u * (0.5 * a)) + outer(v, v * (0.5 * b)) + (outer(u, v) + outer(v, u)) * (0.5 * c);
        let axis = self.inverse * look.normal;
        let range = |a: usize| {
            let (p, q) = (look.voxel[a] - axis[a] * look.reach[0], look.voxel[a] + axis[a] * look.reach[1]);
            let low = (p.min(q) - look.aside).ceil().max(0.0) as usize;
            let high = (p.max(q) + look.aside).floor().min((self.dims[a] - 1) as f64);
            low..(high + 1.0).max(0.0) as usize
        };
        for z in range(2) {
            for y in range(1) {
                let (dy, dz) = (y as f64 - look.voxel.y, z as f64 - look.voxel.z);
                let row = |form: &DMat3| {
                    let rest = form.y_axis * dy + form.z_axis * dz;
                    [form.x_axis.x, 2.0 * rest.x, rest.y * dy + rest.z * dz]
                };
                let ([f2, f1, f0], [s2, s1, s0]) = (row(&far), row(&sag));
                let base = along.y * dy + along.z * dz;
                let Some([low, high]) = self.span([f2, f1, f0 - 1.0], [along.x, base], look) else {
                    continue;
                };
                let line = self.volume.row(y, z);
                for (x, &grey) in (low..high).zip(&line[low..high]) {
                    let dx = x as f64 - look.voxel.x;
                    let at = base + along.x * dx + s0 + (s1 + s2 * dx) * dx;
                    let weight = 1.0 - (f0 + (f1 + f2 * dx) * dx);
                    if weight > 0.0 && at >= -look.reach[0] && at <= look.reach[1] {
                        samples.push(Sample { at, grey: f64::from(grey), weight });
                    }
                }
            }
        }
    }

    /// The samples of a row within the tube: where the form `[square, linear, constant]` of the step along x is
    /// negative; and not further along the normal than the reach and a little for the sag.
    fn span(
        &self,
        [square, linear, constant]: [f64; 3],
        [slope, base]: [f64; 2],
        look: &Look,
    ) -> Option<[usize; 2]> {
        /// How much further than the reach samples are looked for, mm. Chosen: what a bent surface sags in a tube.
        const SAG: f64 = 0.5;
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        if square > 1e-9 {
            let inner = linear * linear - 4.0 * square * constant;
            if inner <= 0.0 {
                return None;
            }
            let (middle, half) = (-linear / (2.0 * square), inner.sqrt() / (2.0 * square));
            (low, high) = (middle - half, middle + half);
        } else if constant >= 0.0 {
            return None;
        }
        if slope.abs() > 1e-6 {
            let ends = [(-look.reach[0] - SAG - base) / slope, (look.reach[1] + SAG - base) / slope];
            low = low.max(ends[0].min(ends[1]));
            high = high.min(ends[0].max(ends[1]));
        }
        let low = (low + look.voxel.x).ceil().max(0.0);
        let high = (high + look.voxel.x).floor().min((self.dims[0] - 1) as f64);
        (low <= high).then_some([low as usize, high as usize + 1])
    }
}
