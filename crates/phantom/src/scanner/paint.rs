//! One sheet of cells: which materials are in each.

use crate::phantom::{Phantom, hu};
use crate::shape::{Shape, share};
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Point};

/// A sheet of cells in the patient.
pub(super) struct Sheet {
    /// The middle of cell (0, 0).
    pub(super) corner: DVec3,
    /// From a cell to its neighbours in the row and in the column.
    pub(super) steps: [DVec3; 2],
    /// Through the sheet, as long as it is thick.
    pub(super) across: DVec3,
    /// Cells in a row, and rows.
    pub(super) size: [usize; 2],
}

/// Blocks begin with this many cells on an edge: a power of two.
const BLOCK: usize = 64;

/// Adds the HU of every cell of a sheet to `cells`.
///
/// A block of cells that a surface cannot reach is filled at once; others are quartered, and carry on only
/// with the materials whose surfaces can reach them. In a single cell, each material covers what is under it
/// with the share of the cell that lies behind its surface.
pub(super) fn paint(phantom: &Phantom, sheet: &Sheet, cells: &mut [f64], ctx: &Ctx) -> Result<(), Cancelled> {
    let volume = sheet.steps[0].cross(sheet.steps[1]).dot(sheet.across).abs();
    let mut brush = Brush { phantom, sheet, cells, edge: libm::cbrt(volume), near: Vec::new() };
    for row in (0..sheet.size[1]).step_by(BLOCK) {
        ctx.check()?;
        for column in (0..sheet.size[0]).step_by(BLOCK) {
            brush.near.clear();
            brush.near.extend((0..phantom.materials.len()).map(|m| (m, 0.0)));
            brush.block([column, row], BLOCK, hu::AIR, 0);
        }
    }
    Ok(())
}

struct Brush<'a> {
    phantom: &'a Phantom,
    sheet: &'a Sheet,
    cells: &'a mut [f64],
    /// Edge of the cube as large as a cell: the length over which a surface turns a cell from empty to full.
    edge: f64,
    /// A stack of materials with surfaces near, and their distances: each block adds its own on top.
    near: Vec<(usize, f64)>,
}

impl Brush<'_> {
    /// Paints a block with its first cell at `at`. The materials on the stack from `from` are those that may
    /// matter; `under` is the HU of what lies below them.
    fn block(&mut self, at: [usize; 2], cells: usize, mut under: f64, from: usize) {
        let Sheet { corner, steps, across, size } = *self.sheet;
        let half = (cells - 1) as f64 / 2.0;
        let middle = corner + steps[0] * (at[0] as f64 + half) + steps[1] * (at[1] as f64 + half);
        let middle = Point::from_vec(middle);
        // From the block's middle to its farthest corner.
        let wide = cells as f64;
        let reach = 0.5
            * ((steps[0] * wide).length_squared()
                + (steps[1] * wide).length_squared()
                + across.length_squared())
            .sqrt();
        let top = self.near.len();
        for i in from..top {
            let material = self.near[i].0;
            let distance = self.phantom.materials[material].shape.distance(middle);
            if distance <= -reach {
                under = self.phantom.materials[material].hu;
                self.near.truncate(top);
            } else if distance < reach {
                self.near.push((material, distance));
            }
        }
        if self.near.len() == top {
            self.fill(at, cells, under);
        } else if cells == 1 {
            let mixed = self.near[top..].iter().fold(under, |under, &(material, distance)| {
                under + share(distance, self.edge) * (self.phantom.materials[material].hu - under)
            });
            self.cells[at[1] * size[0] + at[0]] += mixed;
        } else {
            let next = cells / 2;
            for [column, row] in [[0, 0], [next, 0], [0, next], [next, next]] {
                let at = [at[0] + column, at[1] + row];
                if at[0] < size[0] && at[1] < size[1] {
                    self.block(at, next, under, top);
                }
            }
        }
        self.near.truncate(top);
    }

    fn fill(&mut self, at: [usize; 2], cells: usize, hu: f64) {
        let size = self.sheet.size;
        let to = [(at[0] + cells).min(size[0]), (at[1] + cells).min(size[1])];
        for row in at[1]..to[1] {
            self.cells[row * size[0] + at[0]..row * size[0] + to[0]].iter_mut().for_each(|cell| *cell += hu);
        }
    }
}
