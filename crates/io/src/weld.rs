//! Loose corners become shared vertices.

use osteon_core::{Cancelled, Ctx};

/// A corner's coordinates as sortable bits, and its number.
pub(crate) trait Corner: Ord + Send {
    /// True when both are the same point.
    fn meets(&self, other: &Self) -> bool;
    /// The number of the corner in the file.
    fn number(&self) -> u32;
}

/// A corner with 32-bit coordinates: x and y, z and the number, packed so that sorting is quick.
impl Corner for (u64, u64) {
    fn meets(&self, other: &Self) -> bool {
        self.0 == other.0 && self.1 >> 32 == other.1 >> 32
    }
    fn number(&self) -> u32 {
        self.1 as u32
    }
}

/// A corner with 64-bit coordinates.
impl Corner for ([u64; 3], u32) {
    fn meets(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    fn number(&self) -> u32 {
        self.1
    }
}

/// For each corner the vertex it becomes, and for each vertex the first corner in it.
///
/// Corners are one vertex when they are equal bit for bit. Vertices are numbered as they first occur, so the
/// result depends on the corners only.
pub(crate) fn weld<C: Corner>(mut corners: Vec<C>, ctx: &Ctx) -> Result<(Vec<u32>, Vec<u32>), Cancelled> {
    // Equal points lie side by side after sorting, the first to occur in front. Sorting, unlike hashing,
    // takes as long for a file made to be slow as for any other.
    sort(&mut corners, ctx)?;
    ctx.done(0.8)?;
    let mut vertex = vec![0_u32; corners.len()];
    for same in corners.chunk_by(|a, b| a.meets(b)) {
        let first = same[0].number();
        for corner in same {
            vertex[corner.number() as usize] = first;
        }
    }
    drop(corners);
    ctx.done(0.9)?;
    let mut firsts = Vec::new();
    for corner in 0..vertex.len() {
        let first = vertex[corner];
        vertex[corner] = if first as usize == corner {
            firsts.push(first);
            firsts.len() as u32 - 1
        } else {
            // The first corner of the vertex came before and holds the vertex's number by now.
            vertex[first as usize]
        };
    }
    Ok((vertex, firsts))
}

/// Corners sorted between two questions whether to stop.
const CHUNK: usize = 1 << 17;

/// Sorts by halves, on all threads.
fn sort<C: Corner>(corners: &mut [C], ctx: &Ctx) -> Result<(), Cancelled> {
    ctx.check()?;
    if corners.len() <= CHUNK {
        corners.sort_unstable();
        return Ok(());
    }
    let (low, _, high) = corners.select_nth_unstable(corners.len() / 2);
    let (low, high) = rayon::join(|| sort(low, ctx), || sort(high, ctx));
    low.and(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_corners_become_one_vertex_numbered_as_they_first_occur() {
        let points = [7_u64, 3, 7, 9, 3, 3, 1];
        let corners = points.iter().zip(0..).map(|(&p, n)| ([p, 0, 5], n)).collect();
        let (vertex, firsts) = weld::<([u64; 3], u32)>(corners, &Ctx::default()).unwrap();
        assert_eq!(vertex, [0, 1, 0, 2, 1, 1, 3]);
        assert_eq!(firsts, [0, 1, 3, 6]);
        let corners = points.iter().zip(0..).map(|(&p, n)| (5, p << 32 | n)).collect();
        assert_eq!(weld::<(u64, u64)>(corners, &Ctx::default()).unwrap().0, vertex);
    }
}
