//! The closed surface of a mask, placed by grey values.
//!
//! The mask alone decides how the surface connects; grey values only move its vertices along the grid edges
//! between an inside and an outside voxel. So the surface is closed and manifold for any mask, however noisy
//! (`table.rs` says why), and smooth where the image is. Vertices are shared, and numbered by counting bits of
//! the rows before them: no hash table, the same order at any number of threads.

#[cfg(test)]
mod accuracy_tests;
mod table;
#[cfg(test)]
mod tests;

use glam::DVec3;
use osteon_core::{
    Cancelled, Ctx, ErrorKind, Explain, Grid, Mask, Mesh, NotSolid, Patient, Point, Solid, Volume,
};
use osteon_image::Levels;
use rayon::prelude::*;
use table::{Case, SLOTS};

/// Why there is no surface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurfaceError {
    /// The mask has no voxel.
    #[error("the mask has no voxel, so it has no surface")]
    Empty,
    /// Volume and mask have different dimensions.
    #[error("the volume has {volume:?} voxels and the mask {mask:?}")]
    Grids {
        /// Dimensions of the volume.
        volume: [usize; 3],
        /// Dimensions of the mask.
        mask: [usize; 3],
    },
    /// More vertices than can be numbered.
    #[error("the surface would have {0} vertices or triangles, more than 4 billion")]
    TooLarge(u64),
    /// The triangles do not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for SurfaceError {
    fn kind(&self) -> ErrorKind {
        match self {
            SurfaceError::Empty | SurfaceError::Grids { .. } => ErrorKind::Input,
            SurfaceError::TooLarge(_) => ErrorKind::Unsupported,
            SurfaceError::NotSolid(_) => ErrorKind::Numeric,
            SurfaceError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            SurfaceError::Empty => "empty-mask",
            SurfaceError::Grids { .. } => "different-grids",
            SurfaceError::TooLarge(_) => "surface-too-large",
            SurfaceError::NotSolid(_) => "surface-not-solid",
            SurfaceError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            SurfaceError::Empty => "lower the threshold, or keep more pieces of the mask",
            SurfaceError::Grids { .. } => "make the mask from the same volume",
            SurfaceError::TooLarge(_) => "crop the volume, or drop small pieces of the mask",
            SurfaceError::NotSolid(_) => "the grid may be extremely flat; check its spacing",
            SurfaceError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// How near a vertex may come to the voxels at the ends of its edge, as a share of the edge.
///
/// Vertices of neighbouring edges then stay 0.01 mm apart on a grid of 0.5 mm, far more than the rounding of
/// binary STL (0.00003 mm at 400 mm).
const LEAST_SHARE: f64 = 0.02;

/// The surface of a mask in the patient, facing outward whatever the handedness of the grid.
///
/// A vertex lies where the grey values of the two voxels of its edge, each less its level, cross zero. A voxel
/// whose grey value contradicts the mask counts as being at its level. Bone that is cut by the border of the
/// grid is closed there, half a voxel beyond the outermost samples.
///
/// # Errors
/// The mask is empty or of another grid, the surface is too large, or `ctx` was asked to stop.
pub fn isosurface(
    volume: &Volume<i16>,
    levels: &Levels,
    mask: &Mask,
    ctx: &Ctx,
) -> Result<Solid, SurfaceError> {
    let (volume_dims, dims) = (volume.grid().dims(), mask.grid().dims());
    if volume_dims != dims {
        return Err(SurfaceError::Grids { volume: volume_dims, mask: dims });
    }
    if mask.is_empty() {
        return Err(SurfaceError::Empty);
    }
    let scene = Scene { bits: Bits::of(mask), cases: table::cases(), volume, levels };
    let plan = scene.plan(ctx)?;
    ctx.done(0.2)?;
    let mesh = scene.build(&plan, ctx)?;
    ctx.done(0.6)?;
    let solid = Solid::proven(mesh, ctx)?.map_err(Box::new)?;
    ctx.done(1.0)?;
    Ok(solid)
}

/// The mask with one empty voxel around it: voxel `x` is bit `x + 1`, and likewise along y and z.
struct Bits {
    words: usize,
    rows: usize,
    slices: usize,
    bits: Vec<u64>,
}

impl Bits {
    fn of(mask: &Mask) -> Self {
        let [nx, ny, nz] = mask.grid().dims();
        let (words, rows, slices) = ((nx + 2).div_ceil(64), ny + 2, nz + 2);
        let mut bits = vec![0; words * rows * slices];
        bits.par_chunks_mut(words * rows).enumerate().for_each(|(z, slice)| {
            for (y, to) in slice.chunks_exact_mut(words).enumerate() {
                if (1..=ny).contains(&y) && (1..=nz).contains(&z) {
                    let from = mask.row(y - 1, z - 1);
                    let word = |w: usize| from.get(w).copied().unwrap_or(0);
                    for (w, to) in to.iter_mut().enumerate() {
                        *to = word(w) << 1 | if w > 0 { word(w - 1) >> 63 } else { 0 };
                    }
                }
            }
        });
        Self { words, rows, slices, bits }
    }

    /// A row; empty beyond the last one.
    fn row(&self, y: usize, z: usize) -> &[u64] {
        static NOTHING: [u64; 0] = [];
        if y >= self.rows || z >= self.slices {
            return &NOTHING;
        }
        let start = (z * self.rows + y) * self.words;
        &self.bits[start..start + self.words]
    }
}

/// Word `w` of a row, and the same word of the row moved down by one voxel.
fn here_and_next(row: &[u64], w: usize) -> [u64; 2] {
    let word = |w: usize| row.get(w).copied().unwrap_or(0);
    [word(w), word(w) >> 1 | word(w + 1) << 63]
}

/// Where the vertices of a row of cells start, and how many triangles come before.
///
/// A row owns, in this order, the vertices on the edges along x, y and z that start at its voxels, and the
/// middles of its cells.
#[derive(Clone, Copy, Default)]
struct Row {
    edges: [u32; 3],
    middles: u32,
    triangles: u32,
}

/// All rows in order, and a last entry with the totals.
struct Plan(Vec<Row>);

/// The bits around 64 cells in a row.
struct Cells {
    /// Bits of the eight corners.
    corners: [u64; 8],
    /// Cells through which the surface passes.
    crossed: u64,
}

impl Cells {
    fn new(rows: &[&[u64]; 4], w: usize) -> Self {
        let mut corners = [0; 8];
        for (pair, row) in corners.chunks_exact_mut(2).zip(rows) {
            pair.copy_from_slice(&here_and_next(row, w));
        }
        let (any, all) = corners.iter().fold((0, u64::MAX), |(any, all), c| (any | c, all & c));
        Self { corners, crossed: any & !all }
    }

    fn case(&self, bit: u32) -> usize {
        (0..8).fold(0, |case, c| case | ((self.corners[c] >> bit & 1) as usize) << c)
    }

    /// Edges along an axis that are crossed, starting at corner `c`.
    fn edges(&self, c: usize, axis: usize) -> u64 {
        self.corners[c] ^ self.corners[c + (1 << axis)]
    }
}

struct Scene<'a> {
    bits: Bits,
    cases: Vec<Case>,
    volume: &'a Volume<i16>,
    levels: &'a Levels,
}

impl Scene<'_> {
    /// Counts what each row of cells owns and numbers it through.
    fn plan(&self, ctx: &Ctx) -> Result<Plan, SurfaceError> {
        let rows = self.bits.rows;
        let mut plan = vec![Row::default(); rows * self.bits.slices + 1];
        plan.par_chunks_mut(rows).take(self.bits.slices).enumerate().try_for_each(|(z, plan)| {
            ctx.check()?;
            for (y, row) in plan.iter_mut().enumerate() {
                *row = self.count(y, z);
            }
            Ok::<_, Cancelled>(())
        })?;
        let (mut vertices, mut triangles) = (0_u64, 0_u64);
        for row in &mut plan {
            let counted = *row;
            for (start, count) in row.edges.iter_mut().zip(counted.edges) {
                *start = vertices as u32;
                vertices += u64::from(count);
            }
            (row.middles, row.triangles) = (vertices as u32, triangles as u32);
            vertices += u64::from(counted.middles);
            triangles += u64::from(counted.triangles);
        }
        let most = vertices.max(triangles);
        if most > u64::from(u32::MAX) {
            return Err(SurfaceError::TooLarge(most));
        }
        Ok(Plan(plan))
    }

    fn count(&self, y: usize, z: usize) -> Row {
        let mut row = Row::default();
        for w in 0..self.bits.words {
            let cells = self.cells(y, z, w);
            for (axis, count) in row.edges.iter_mut().enumerate() {
                *count += cells.edges(0, axis).count_ones();
            }
            each_bit(cells.crossed, |bit| {
                let case = &self.cases[cells.case(bit)];
                row.middles += case.middles.len() as u32;
                row.triangles += case.triangles.len() as u32;
            });
        }
        row
    }

    fn cells(&self, y: usize, z: usize, w: usize) -> Cells {
        let rows = [(y, z), (y + 1, z), (y, z + 1), (y + 1, z + 1)].map(|(y, z)| self.bits.row(y, z));
        Cells::new(&rows, w)
    }

    /// Places the vertices and joins them; each slice fills its own stretch of both lists.
    fn build(&self, plan: &Plan, ctx: &Ctx) -> Result<Mesh, Cancelled> {
        let rows = self.bits.rows;
        let total = plan.0[plan.0.len() - 1];
        let mut vertices = vec![Point::new(0.0, 0.0, 0.0); total.edges[0] as usize];
        let mut triangles = vec![[0_u32; 3]; total.triangles as usize];
        let (mut rest_v, mut rest_t) = (&mut vertices[..], &mut triangles[..]);
        let mut slices = Vec::new();
        for z in 0..self.bits.slices {
            let (from, to) = (plan.0[z * rows], plan.0[(z + 1) * rows]);
            let (own_v, other_v) = rest_v.split_at_mut((to.edges[0] - from.edges[0]) as usize);
            let (own_t, other_t) = rest_t.split_at_mut((to.triangles - from.triangles) as usize);
            slices.push((z, own_v, own_t));
            (rest_v, rest_t) = (other_v, other_t);
        }
        slices.into_par_iter().try_for_each(|(z, vertices, triangles)| {
            let (mut vertices, mut triangles) = (vertices.iter_mut(), triangles.iter_mut());
            for y in 0..rows {
                ctx.check()?;
                self.place_row(y, z, &mut vertices);
                self.join_row(plan, [y, z], &mut triangles);
            }
            Ok(())
        })?;
        Ok(Mesh { vertices, triangles })
    }

    /// Places the vertices a row owns, in the order of the plan.
    fn place_row<'v>(&self, y: usize, z: usize, to: &mut impl Iterator<Item = &'v mut Point<Patient>>) {
        let map = self.volume.grid().to_patient();
        let mut place = |voxel: DVec3| {
            if let Some(vertex) = to.next() {
                *vertex = map.point(Point::from_vec(voxel));
            }
        };
        for axis in 0..3 {
            for w in 0..self.bits.words {
                each_bit(self.cells(y, z, w).edges(0, axis), |bit| {
                    place(self.crossing([w * 64 + bit as usize, y, z], axis));
                });
            }
        }
        for w in 0..self.bits.words {
            let cells = self.cells(y, z, w);
            each_bit(cells.crossed, |bit| {
                for ring in &self.cases[cells.case(bit)].middles {
                    let sum = ring.iter().fold(DVec3::ZERO, |sum, &slot| {
                        let (low, axis) = table::edge(slot);
                        sum + self.crossing([w * 64 + bit as usize + low[0], y + low[1], z + low[2]], axis)
                    });
                    place(sum / ring.len() as f64);
                }
            });
        }
    }

    /// Writes the triangles of a row of cells.
    fn join_row<'t>(&self, plan: &Plan, [y, z]: [usize; 2], to: &mut impl Iterator<Item = &'t mut [u32; 3]>) {
        let mirrored = self.volume.grid().to_patient().mirrors();
        let row = |dy: usize, dz: usize| {
            // Beyond the last row and slice nothing is crossed, so their number is never used.
            let index =
                (z + dz).min(self.bits.slices - 1) * self.bits.rows + (y + dy).min(self.bits.rows - 1);
            plan.0[index]
        };
        // The next vertex of each kind of edge: four rows along x, two along y, two along z.
        let mut next = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dy, dz)| row(dy, dz).edges[0]).to_vec();
        next.extend([row(0, 0).edges[1], row(0, 1).edges[1], row(0, 0).edges[2], row(1, 0).edges[2]]);
        let mut middle = row(0, 0).middles;
        // The corner at which each kind starts, and its axis.
        const KINDS: [(usize, usize); 8] = [(0, 0), (2, 0), (4, 0), (6, 0), (0, 1), (4, 1), (0, 2), (2, 2)];
        for w in 0..self.bits.words {
            let cells = self.cells(y, z, w);
            let edges = KINDS.map(|(corner, axis)| cells.edges(corner, axis));
            each_bit(cells.crossed, |bit| {
                let below = (1_u64 << bit) - 1;
                let mut ids = [0_u32; SLOTS];
                for kind in 0..8 {
                    let first = next[kind] + (edges[kind] & below).count_ones();
                    if kind < 4 {
                        ids[kind] = first;
                    } else {
                        ids[2 * kind - 4] = first;
                        ids[2 * kind - 3] = first + (edges[kind] >> bit & 1) as u32;
                    }
                }
                let case = &self.cases[cells.case(bit)];
                for id in ids[12..].iter_mut().take(case.middles.len()) {
                    *id = middle;
                    middle += 1;
                }
                for (corners, to) in case.triangles.iter().zip(to.by_ref()) {
                    let [a, b, c] = corners.map(|slot| ids[slot as usize]);
                    *to = if mirrored { [a, c, b] } else { [a, b, c] };
                }
            });
            for (next, edges) in next.iter_mut().zip(edges) {
                *next += edges.count_ones();
            }
        }
    }

    /// Where the surface crosses the edge along `axis` from a voxel of the padded bits, in voxel indices.
    fn crossing(&self, low: [usize; 3], axis: usize) -> DVec3 {
        let mut high = low;
        high[axis] += 1;
        let share = match (self.excess(low), self.excess(high)) {
            (Some(low), Some(high)) if low + high > 0.0 => low / (low + high),
            _ => 0.5,
        };
        let mut place = DVec3::from_array(low.map(|i| i as f64 - 1.0));
        place[axis] += share.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
        place
    }

    /// How far the grey value of a voxel lies on the mask's side of its level, at least 0; `None` beyond the grid.
    fn excess(&self, [x, y, z]: [usize; 3]) -> Option<f64> {
        let grid: &Grid = self.volume.grid();
        let index = [x.checked_sub(1)?, y.checked_sub(1)?, z.checked_sub(1)?];
        if (0..3).any(|a| index[a] >= grid.dims()[a]) {
            return None;
        }
        let [i, j, k] = index;
        let above = f64::from(self.volume.at(i, j, k)) - self.levels.at(i, j, k);
        let inside = self.bits.row(y, z)[x / 64] >> (x % 64) & 1 == 1;
        Some(if inside { above } else { -above }.max(0.0))
    }
}

/// Calls `visit` with the place of every bit that is set, lowest first.
fn each_bit(mut bits: u64, mut visit: impl FnMut(u32)) {
    while bits != 0 {
        visit(bits.trailing_zeros());
        bits &= bits - 1;
    }
}
