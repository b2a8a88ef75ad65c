//! Loose corners become shared vertices.
//!
//! Corners are one vertex when they are equal bit for bit, and vertices are numbered as they first occur, so the
//! result depends on the corners only. Stretches of triangles are welded by themselves, in tables small enough for
//! a core's own cache, on all threads; then their vertices are welded in order.
//!
//! A file can be made whose corners all fall on one place of a table. Tables give up before that takes long, and
//! the corners are sorted instead, which takes as long for such a file as for any other.

use osteon_core::{Cancelled, Ctx};
use rayon::prelude::*;

/// A place as the bits of its coordinates.
pub(crate) trait Key: Copy + Ord + Send + Sync {
    /// A number that is rarely the same for two places, above all in its upper bits.
    fn hash(&self) -> u64;
}

/// Chosen: odd, and half of the bits set.
const MIX: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];

fn mixed(hash: u64, more: u64) -> u64 {
    (hash ^ hash >> 32 ^ more).wrapping_mul(MIX[1])
}

impl Key for [u32; 3] {
    #[inline(always)]
    fn hash(&self) -> u64 {
        let [x, y, z] = self.map(u64::from);
        mixed((x << 32 | y).wrapping_mul(MIX[0]), z)
    }
}

impl Key for [u64; 3] {
    #[inline(always)]
    fn hash(&self) -> u64 {
        let [x, y, z] = *self;
        mixed(mixed(x.wrapping_mul(MIX[0]), y), z)
    }
}

/// Triangles over shared vertices.
#[derive(Debug, PartialEq)]
pub(crate) struct Welded<K> {
    /// Vertices in the order in which they first occur.
    pub places: Vec<K>,
    /// Three indices into `places` each.
    pub triangles: Vec<[u32; 3]>,
}

/// Triangles welded by one thread at a time, and between two questions whether to stop.
const CHUNK: usize = 1 << 15;

/// Welds `count` triangles, at most a third of 4 billion; `corners` tells the three places of one.
pub(crate) fn weld<K: Key>(
    count: usize,
    corners: impl Fn(usize) -> [K; 3] + Sync,
    ctx: &Ctx,
) -> Result<Welded<K>, Cancelled> {
    match by_table(count, &corners, ctx)? {
        Some(welded) => Ok(welded),
        None => by_sorting(count, &corners, ctx),
    }
}

/// `None` when the corners do not suit a table.
fn by_table<K: Key>(
    count: usize,
    corners: &(impl Fn(usize) -> [K; 3] + Sync),
    ctx: &Ctx,
) -> Result<Option<Welded<K>>, Cancelled> {
    let mut triangles = vec![[0_u32; 3]; count];
    let parts = triangles.par_chunks_mut(CHUNK).enumerate().map_init(Table::new, |table, (n, triangles)| {
        ctx.check()?;
        for (i, triangle) in triangles.iter_mut().enumerate() {
            for (number, place) in triangle.iter_mut().zip(corners(n * CHUNK + i)) {
                let Some(found) = table.number(place) else { return Ok(None) };
                *number = found;
            }
        }
        Ok(Some(table.take()))
    });
    let Some(parts) = parts.collect::<Result<Option<Vec<Vec<K>>>, Cancelled>>()? else { return Ok(None) };
    ctx.done(0.6)?;
    let mut table = Table::new();
    let mut numbers = Vec::with_capacity(parts.len());
    for part in parts {
        ctx.check()?;
        let Some(part) = part.into_iter().map(|place| table.number(place)).collect::<Option<Vec<u32>>>()
        else {
            return Ok(None);
        };
        numbers.push(part);
    }
    ctx.done(0.8)?;
    triangles.par_chunks_mut(CHUNK).zip(numbers).for_each(|(triangles, numbers)| {
        for triangle in triangles {
            *triangle = triangle.map(|number| numbers[number as usize]);
        }
    });
    Ok(Some(Welded { places: table.take(), triangles }))
}

/// Numbers places as they first occur.
struct Table<K> {
    places: Vec<K>,
    /// Numbers of places, each at or soon after the place its hash tells; `FREE` elsewhere.
    slots: Vec<u32>,
    /// How far a hash is shifted down to tell a slot.
    shift: u32,
}

/// No number: there are fewer corners.
const FREE: u32 = u32::MAX;

/// Slots of a new table, as a power of two.
const FIRST: u32 = 15;

/// Slots looked at for one place. Of tables at most half full with ten million places that scatter, not one in
/// a million has a stretch as long as this: such lengths fall off as e^(-0.19 · length).
const PATIENCE: usize = 256;

impl<K: Key> Table<K> {
    fn new() -> Self {
        Self { places: Vec::new(), slots: vec![FREE; 1 << FIRST], shift: u64::BITS - FIRST }
    }

    /// The slot of a place, or a free one for it; `None` when there is none nearby.
    #[inline(always)]
    fn slot(&self, place: &K) -> Option<usize> {
        let (start, mask) = ((place.hash() >> self.shift) as usize, self.slots.len() - 1);
        (start..start + PATIENCE).map(|slot| slot & mask).find(|&slot| {
            let number = self.slots[slot];
            number == FREE || self.places[number as usize] == *place
        })
    }

    /// The number of a place, a new one if need be; `None` when too many places fall together.
    #[inline(always)]
    fn number(&mut self, place: K) -> Option<u32> {
        let slot = self.slot(&place)?;
        if self.slots[slot] != FREE {
            return Some(self.slots[slot]);
        }
        let number = self.places.len() as u32;
        self.slots[slot] = number;
        self.places.push(place);
        if self.places.len() * 2 > self.slots.len() {
            self.grow()?;
        }
        Some(number)
    }

    fn grow(&mut self) -> Option<()> {
        self.slots = vec![FREE; self.slots.len() * 4];
        self.shift -= 2;
        for number in 0..self.places.len() {
            let slot = self.slot(&self.places[number])?;
            self.slots[slot] = number as u32;
        }
        Some(())
    }

    /// The places in the order of their numbers; the table is empty afterwards.
    fn take(&mut self) -> Vec<K> {
        self.slots.fill(FREE);
        std::mem::take(&mut self.places)
    }
}

/// As `by_table`, in a time that does not depend on the places.
fn by_sorting<K: Key>(
    count: usize,
    corners: &(impl Fn(usize) -> [K; 3] + Sync),
    ctx: &Ctx,
) -> Result<Welded<K>, Cancelled> {
    let numbered = |i: usize| {
        let [a, b, c] = corners(i);
        [(a, 3 * i), (b, 3 * i + 1), (c, 3 * i + 2)].map(|(place, corner)| (place, corner as u32))
    };
    let mut all: Vec<(K, u32)> = (0..count).flat_map(numbered).collect();
    ctx.done(0.2)?;
    all.par_sort_unstable();
    ctx.done(0.8)?;
    // Equal places lie side by side now, the first to occur in front.
    let mut first = vec![0_u32; all.len()];
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        for (_, corner) in same {
            first[*corner as usize] = same[0].1;
        }
    }
    drop(all);
    let (mut places, mut triangles) = (Vec::new(), vec![[0_u32; 3]; count]);
    for (corner, number) in triangles.as_flattened_mut().iter_mut().enumerate() {
        if first[corner] as usize == corner {
            *number = places.len() as u32;
            places.push(corners(corner / 3)[corner % 3]);
            // From now on the number of the vertex: all other corners of it come later.
            first[corner] = *number;
        } else {
            *number = first[first[corner] as usize];
        }
    }
    Ok(Welded { places, triangles })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places that all fall on one slot.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Stubborn(u64);

    impl Key for Stubborn {
        fn hash(&self) -> u64 {
            7
        }
    }

    #[test]
    fn equal_corners_become_one_vertex_numbered_as_they_first_occur() {
        let points = [7_u64, 3, 7, 9, 3, 3, 1, 9, 0];
        let corners = |i: usize| [0, 1, 2].map(|c| [points[3 * i + c], 0, 5]);
        let welded = weld(3, corners, &Ctx::default()).unwrap();
        assert_eq!(welded.triangles, [[0, 1, 0], [2, 1, 1], [3, 2, 4]]);
        assert_eq!(welded.places, [7, 3, 9, 1, 0].map(|p| [p, 0, 5]));
        assert_eq!(by_sorting(3, &corners, &Ctx::default()).unwrap(), welded);
    }

    #[test]
    fn stretches_that_share_vertices_are_welded_as_one() {
        // A strip over three stretches whose vertices recur in its second half.
        let (count, period) = (2 * CHUNK + 77, CHUNK as u32 + 5);
        let corners = |i: usize| [0, 1, 2].map(|c| [(i as u32 + c) % period, 1, i as u32 % 2]);
        let welded = weld(count, corners, &Ctx::default()).unwrap();
        assert_eq!(by_sorting(count, &corners, &Ctx::default()).unwrap(), welded);
        assert!(welded.places.len() > CHUNK);
    }

    #[test]
    fn corners_made_to_collide_are_welded_all_the_same() {
        let corners = |i: usize| [0, 1, 2].map(|c| Stubborn((i * 5 + c) as u64 % 1000));
        assert_eq!(by_table(900, &corners, &Ctx::default()), Ok(None));
        let welded = weld(900, corners, &Ctx::default()).unwrap();
        assert_eq!(welded.places.len(), 1000 * 3 / 5);
        for (i, triangle) in welded.triangles.iter().enumerate() {
            assert_eq!(triangle.map(|v| welded.places[v as usize]), corners(i));
        }
    }
}
