//! Triangles of a mesh that meet where they should not: every pair, found by exact arithmetic.
//!
//! Two triangles may meet in the corner or side they share, and nowhere else. Corners at the same place count as
//! shared, whatever their numbers, so it does not matter how the file stored them. A triangle without area, its
//! corners exactly on one line, is left out: in a closed surface whatever meets it also meets the neighbour at
//! its longest side.

mod meeting;
#[cfg(test)]
mod tests;

use crate::bvh::Bvh;
use osteon_core::{Cancelled, Ctx, Mesh, Patient, Point};

/// How two triangles meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meeting {
    /// They pass through each other along a line.
    Crossing,
    /// They lie in one plane, share no corner and have area in common.
    Overlap,
    /// They share a corner or side, lie in one plane and have area in common: one is folded onto the other.
    Fold,
    /// A side of one lies in the plane of the other and runs along it: the surface leans on itself there, or
    /// passes through itself exactly at a side.
    Side,
    /// They meet in a single point.
    Touch,
}

impl Meeting {
    /// True where material is counted twice, or may be: everything but a touch in a point.
    pub const fn is_serious(self) -> bool {
        !matches!(self, Meeting::Touch)
    }
}

/// Two triangles that meet other than in a corner or side they share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// Their numbers, the smaller first.
    pub triangles: [u32; 2],
    /// A place where they meet, to within rounding.
    pub place: Point<Patient>,
    /// How they meet.
    pub kind: Meeting,
}

/// All pairs of triangles that meet other than in a corner or side they share, in order of their numbers.
///
/// # Errors
/// `ctx` was asked to stop.
pub fn find(mesh: &Mesh, bvh: &Bvh, ctx: &Ctx) -> Result<Vec<Crossing>, Cancelled> {
    let mut found = bvh.own_pairs(ctx, |a, b| crossing((mesh, a), (mesh, b)))?;
    for crossing in &mut found {
        crossing.triangles.sort_unstable();
    }
    found.sort_unstable_by_key(|crossing| crossing.triangles);
    Ok(found)
}

/// All pairs of a triangle of `a` and one of `b` that meet, in order of their numbers: that of `a` comes first.
/// Here too, corners and sides that the two meshes share do not count.
///
/// # Errors
/// `ctx` was asked to stop.
pub fn between(a: (&Mesh, &Bvh), b: (&Mesh, &Bvh), ctx: &Ctx) -> Result<Vec<Crossing>, Cancelled> {
    let mut found = a.1.pairs(b.1, ctx, |m, n| crossing((a.0, m), (b.0, n)))?;
    found.sort_unstable_by_key(|crossing| crossing.triangles);
    Ok(found)
}

fn crossing((mesh, a): (&Mesh, u32), (other, b): (&Mesh, u32)) -> Option<Crossing> {
    let first = mesh.corners(mesh.triangles[a as usize]);
    let second = other.corners(other.triangles[b as usize]);
    let kind = meeting::meeting(&first, &second)?;
    let place = Point::from_vec(meeting::place(&first, &second, kind));
    Some(Crossing { triangles: [a, b], place, kind })
}
