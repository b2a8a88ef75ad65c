//! Where the vertices of label surfaces lie: amid the places at which the edges of their sheet are crossed.

use super::Image;
use super::cell::{EDGES, LOW};
use super::scan::{Knot, Padded, Slice};
use glam::{DMat3, DVec3};
use osteon_core::{Cancelled, Ctx, Grid, Patient, Point, Volume};
use osteon_image::SliceLevels;
use rayon::prelude::*;

/// How near a crossing may come to the voxels at the ends of its edge, as a share of the edge.
///
/// As in [`crate::isosurface`]. The vertices of two sheets of a cell then stay 0.013 of an edge apart (a
/// single corner has its vertex within 0.327 of it, a half of the cell within 0.34 to 0.66): 0.006 mm on a
/// grid of
/// 0.45 mm, two hundred times the rounding of binary STL.
const LEAST_SHARE: f64 = 0.02;

/// Places every vertex, in the order of the scan.
pub(super) fn place(
    padded: &Padded<'_>,
    grid: &Grid,
    image: Option<Image<'_>>,
    slices: &[Slice],
    ctx: &Ctx,
) -> Result<Vec<Point<Patient>>, Cancelled> {
    let total: usize = slices.iter().map(|slice| slice.vertices as usize).sum();
    // Nulls that the system hands out are not written before vertices are.
    let mut vertices = vec![[0.0_f64; 3]; total];
    let mut rest = &mut vertices[..];
    let mut parts = Vec::with_capacity(slices.len());
    for (z, slice) in slices.iter().enumerate() {
        let (own, other) = rest.split_at_mut(slice.vertices as usize);
        parts.push((z, slice, own));
        rest = other;
    }
    let placer = Placer::new(padded, grid, image);
    parts.into_par_iter().try_for_each(|(z, slice, own)| {
        ctx.check()?;
        placer.slice(z, slice, own);
        Ok(())
    })?;
    Ok(vertices.into_iter().map(|[x, y, z]| Point::new(x, y, z)).collect())
}

/// Grey values and levels beside one slice of cells.
struct Near<'a> {
    volume: &'a Volume<i16>,
    /// The level where none was measured.
    fallback: f64,
    /// The levels of the voxels at low and at high corners.
    levels: [SliceLevels<'a>; 2],
}

struct Placer<'a> {
    padded: &'a Padded<'a>,
    image: Option<Image<'a>>,
    dims: [usize; 3],
    /// From the lowest corner of a cell, in voxels, to the patient.
    linear: DMat3,
    origin: DVec3,
    /// For each set of corners that differ from the others, the middle of the crossed edges in mm from the
    /// lowest corner.
    middles: Vec<DVec3>,
    /// For each such set the crossed edges.
    edges: Vec<Vec<u8>>,
}

impl<'a> Placer<'a> {
    fn new(padded: &'a Padded<'a>, grid: &Grid, image: Option<Image<'a>>) -> Self {
        let map = grid.to_patient();
        let linear = map.linear;
        let origin = map.point(Point::new(-1.0, -1.0, -1.0)).vec();
        let middles =
            (0..=u8::MAX).map(|case| linear * mean(crossed(case), |edge| along(edge, 0.5))).collect();
        let edges = (0..=u8::MAX).map(|case| crossed(case).collect()).collect();
        Self { padded, image, dims: grid.dims(), linear, origin, middles, edges }
    }

    /// What lies beside slice `z` of cells.
    fn near(&self, z: usize) -> Option<Near<'a>> {
        let last = self.dims[2] - 1;
        self.image.map(|(volume, levels)| Near {
            volume,
            fallback: levels.fallback().value(),
            levels: [z.max(1) - 1, z.min(last)].map(|z| levels.on_slice(z)),
        })
    }

    fn slice(&self, z: usize, slice: &Slice, to: &mut [[f64; 3]]) {
        let near = self.near(z);
        let near = near.as_ref();
        let mut to = to.iter_mut();
        let mut cases = slice.cases.iter();
        let mut put = |place: DVec3| {
            if let Some(to) = to.next() {
                *to = place.to_array();
            }
        };
        for y in 0..slice.rows.len() - 1 {
            let row = self.origin + self.linear.y_axis * y as f64 + self.linear.z_axis * z as f64;
            for word in slice.row(y) {
                let mut knots = slice.knots[word.knots as usize..].iter();
                let mut left = word.crossed;
                while left != 0 {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    let x = word.at as usize * 64 + bit as usize;
                    let base = row + self.linear.x_axis * x as f64;
                    if word.knotted >> bit & 1 == 1 {
                        if let Some(knot) = knots.next() {
                            self.knot(near, (base, [x, y, z]), knot, &mut put);
                        }
                    } else if let Some(&case) = cases.next() {
                        put(base + self.simple(near, [x, y, z], case));
                    }
                }
            }
        }
    }

    /// The vertex of a cell with one sheet, in mm from its lowest corner.
    fn simple(&self, near: Option<&Near<'_>>, cell: [usize; 3], case: u8) -> DVec3 {
        let middle = self.middles[usize::from(case)];
        let Some(near) = near else {
            return middle;
        };
        // All corners have the label of the lowest or that of the first that differs from it.
        let codes = [0, case.trailing_zeros() as u8].map(|corner| self.code(cell, corner));
        if codes[0] != 0 && codes[1] != 0 {
            return middle;
        }
        let mut excess = [None; 8];
        for (corner, excess) in (0..).zip(&mut excess) {
            *excess = self.excess(near, cell, corner, codes[usize::from(case >> corner & 1)]);
        }
        let edges = &self.edges[usize::from(case)];
        let crossing = |edge: u8| {
            let low = LOW[usize::from(edge)];
            let ends = [low, low + (1 << (edge / 4))].map(|corner| excess[usize::from(corner)]);
            along(edge, share(ends))
        };
        self.linear * mean(edges.iter().copied(), crossing)
    }

    /// The vertices of a knot, in the order in which it owns them.
    fn knot(
        &self,
        near: Option<&Near<'_>>,
        (base, cell): (DVec3, [usize; 3]),
        knot: &Knot,
        put: &mut impl FnMut(DVec3),
    ) {
        let crossing = |edge: u8| along(edge, near.map_or(0.5, |near| self.share_of(near, cell, edge)));
        let mut put = |edges: &mut dyn Iterator<Item = u8>| put(base + self.linear * mean(edges, crossing));
        for sheet in 0..knot.cell.count {
            put(&mut (0..12).filter(|&edge| knot.cell.sheets[usize::from(edge)] == sheet));
        }
        for (axis, &split) in knot.split.iter().enumerate().filter(|(_, split)| **split != 0) {
            for second in [0, 1] {
                let pair = (0..4).filter(|i| split >> i & 1 == second);
                put(&mut pair.map(|i| EDGES[2 * axis][i]));
            }
        }
    }

    /// Where an edge of a cell is crossed, as a share of it.
    ///
    /// Between a label and the background the grey values of the two voxels, each less its level, cross zero
    /// there; a voxel whose grey value contradicts its label counts as being at its level. Between two labels
    /// grey values say nothing, and beyond the grid there are none: half-way.
    fn share_of(&self, near: &Near<'_>, cell: [usize; 3], edge: u8) -> f64 {
        let low = LOW[usize::from(edge)];
        let ends = [low, low + (1 << (edge / 4))].map(|corner| (corner, self.code(cell, corner)));
        if ends[0].1 != 0 && ends[1].1 != 0 {
            return 0.5;
        }
        share(ends.map(|(corner, code)| self.excess(near, cell, corner, code)))
    }

    /// The code of a corner of a cell.
    fn code(&self, [x, y, z]: [usize; 3], corner: u8) -> u16 {
        let corner = usize::from(corner);
        self.padded.code(x + (corner & 1), y + (corner >> 1 & 1), z + (corner >> 2))
    }

    /// How far the grey value at a corner of a cell lies on its label's side of its level, at least 0.
    #[inline]
    fn excess(&self, near: &Near<'_>, cell: [usize; 3], corner: u8, code: u16) -> Option<f64> {
        let corner = usize::from(corner);
        let high = [corner & 1, corner >> 1 & 1, corner >> 2];
        let [x, y, z] = std::array::from_fn(|a| (cell[a] + high[a]).wrapping_sub(1));
        if x >= self.dims[0] || y >= self.dims[1] || z >= self.dims[2] {
            return None;
        }
        let level = near.levels[high[2]].measured(x, y).unwrap_or(near.fallback);
        let above = f64::from(near.volume.at(x, y, z)) - level;
        Some(if code == 0 { -above } else { above }.max(0.0))
    }
}

/// Where an edge is crossed by how far its ends lie on their sides of their levels; half-way if that is not
/// known of both.
fn share(excess: [Option<f64>; 2]) -> f64 {
    match excess {
        [Some(low), Some(high)] if low + high > 0.0 => {
            (low / (low + high)).clamp(LEAST_SHARE, 1.0 - LEAST_SHARE)
        }
        _ => 0.5,
    }
}

/// The edges that are crossed when the labels of some corners differ from that of all others.
fn crossed(case: u8) -> impl Iterator<Item = u8> {
    (0..12_u8).filter(move |&edge| {
        let low = LOW[usize::from(edge)];
        (case >> low ^ case >> (low + (1 << (edge / 4)))) & 1 == 1
    })
}

/// The place on an edge, in voxels from the lowest corner of the cell.
fn along(edge: u8, share: f64) -> DVec3 {
    let low = LOW[usize::from(edge)];
    let mut place = [f64::from(low & 1), f64::from(low >> 1 & 1), f64::from(low >> 2)];
    place[usize::from(edge / 4)] = share;
    DVec3::from_array(place)
}

/// The mean of what `place` says of each edge.
fn mean(edges: impl Iterator<Item = u8>, place: impl Fn(u8) -> DVec3) -> DVec3 {
    let (sum, count) = edges.fold((DVec3::ZERO, 0), |(sum, count), edge| (sum + place(edge), count + 1));
    sum / f64::from(count.max(1))
}
