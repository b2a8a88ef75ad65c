//! The fans of triangles around the vertices.
//!
//! At every vertex each triangle has a *spoke*: the next and the previous vertex of the triangle. In a closed
//! 2-manifold the `next`s at a vertex are the `previous`es, each once, and following previous → next walks once
//! around all of them.

use super::Defect;
use super::proof::{CHUNK, Span, Tally};
use crate::mesh::Mesh;
use multiversion::multiversion;
use rayon::prelude::*;

/// What looking at all fans found.
pub(super) struct Examined {
    /// What is wrong.
    pub defects: Vec<Defect>,
    /// For every vertex the least one among itself and its neighbours.
    pub least: Vec<u32>,
}

/// Vertices whose fans are collected at once: their spokes (0.5 MB) stay in a core's own cache.
const BLOCK: usize = 1 << 13;

/// How often the triangles may be gone through at most, all blocks together. Triangles of scanned surfaces lie near
/// their vertices, so each is met by one block or two; blocks are made larger where that is not so.
const PASSES: usize = 4;

/// Looks at the fan of every vertex.
pub(super) fn examine<E: Send>(
    mesh: &Mesh,
    spans: &[Span],
    check: &(impl Fn() -> Result<(), E> + Sync),
) -> Result<Examined, E> {
    let size = block_size(mesh.vertices.len(), spans);
    let mut least = vec![0_u32; mesh.vertices.len()];
    let blocks = least.par_chunks_mut(size).enumerate().map_init(Block::default, |block, (n, least)| {
        block.collect(mesh, spans, n * size, least.len(), check)?;
        check()?;
        Ok(block.found(mesh, least))
    });
    let found = blocks.collect::<Result<Vec<Found>, E>>()?.into_iter().fold(Found::default(), Found::then);
    let defects = [
        found.open.found().map(|(count, near)| Defect::OpenEdge { count, near }),
        found.tangled.found().map(|(count, near)| Defect::NonManifoldEdge { count, near }),
        found.pinched.found().map(|(count, near)| Defect::NonManifoldVertex { count, near }),
        found.loose.found().map(|(count, near)| Defect::LooseVertex { count, near }),
    ];
    Ok(Examined { defects: defects.into_iter().flatten().collect(), least })
}

/// The least number of vertices in a block for which the triangles are not gone through too often.
fn block_size(vertices: usize, spans: &[Span]) -> usize {
    let mut size = BLOCK;
    while size < vertices {
        let met = |span: &Span| span.most as usize / size - span.least as usize / size + 1;
        if spans.iter().map(met).sum::<usize>() <= PASSES * spans.len() {
            break;
        }
        size *= 2;
    }
    size
}

/// Most fans of a surface have no more spokes than this.
const SMALL: usize = 8;

/// The largest fan whose ring is looked for by searching spoke by spoke.
const LARGE: usize = 16;

/// Vertices looked at together, one a lane of the loops below: a whole number of vectors.
const LANES: usize = 64;

/// The first spokes of the fans of some vertices: slot by slot the spokes of all of them.
#[derive(Clone, Copy)]
struct Fans {
    nexts: [[u32; LANES]; SMALL],
    previouses: [[u32; LANES]; SMALL],
}

impl Fans {
    const NONE: Self = Self { nexts: [[0; LANES]; SMALL], previouses: [[0; LANES]; SMALL] };
}

/// The fans of a range of vertices.
#[derive(Default)]
struct Block {
    first: usize,
    fans: Vec<Fans>,
    /// Spokes of each fan; a whole number of lanes.
    sizes: Vec<u32>,
    /// Spokes that did not fit into the fans: vertex, next and previous.
    rest: Vec<[u32; 3]>,
    /// All spokes of one fan.
    spokes: Vec<(u32, u32)>,
}

/// Places where something is wrong, in the order of the vertices.
#[derive(Clone, Copy, Default)]
struct Found {
    open: Tally,
    tangled: Tally,
    pinched: Tally,
    loose: Tally,
}

impl Found {
    fn then(self, later: Self) -> Self {
        Self {
            open: self.open.then(later.open),
            tangled: self.tangled.then(later.tangled),
            pinched: self.pinched.then(later.pinched),
            loose: self.loose.then(later.loose),
        }
    }
}

impl Block {
    /// Collects the spokes of `count` vertices.
    fn collect<E>(
        &mut self,
        mesh: &Mesh,
        spans: &[Span],
        first: usize,
        count: usize,
        check: &impl Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        self.first = first;
        // Spokes of other vertices may stay behind those that are collected now: sizes tell.
        self.fans.resize(count.div_ceil(LANES), Fans::NONE);
        self.sizes.clear();
        self.sizes.resize(self.fans.len() * LANES, 0);
        self.rest.clear();
        let (low, high) = (first as u32, (first + count - 1) as u32);
        for (span, triangles) in spans.iter().zip(mesh.triangles.chunks(CHUNK)) {
            if span.least > high || span.most < low {
                continue;
            }
            check()?;
            for &[a, b, c] in triangles {
                self.add(a, b, c);
                self.add(b, c, a);
                self.add(c, a, b);
            }
        }
        // The vertex comes first, so the spokes of one lie together.
        self.rest.sort_unstable();
        Ok(())
    }

    #[inline(always)]
    fn add(&mut self, vertex: u32, next: u32, previous: u32) {
        let at = vertex.wrapping_sub(self.first as u32) as usize;
        let Some(size) = self.sizes.get_mut(at) else { return };
        let (fans, lane, slot) = (&mut self.fans[at / LANES], at % LANES, *size as usize);
        *size += 1;
        if slot < SMALL {
            (fans.nexts[slot][lane], fans.previouses[slot][lane]) = (next, previous);
        } else {
            self.rest.push([vertex, next, previous]);
        }
    }

    /// Looks at every fan, and writes down the least neighbour.
    fn found(&mut self, mesh: &Mesh, least: &mut [u32]) -> Found {
        let mut found = Found::default();
        let mut seen = Seen { ring: [0; LANES], least: [0; LANES] };
        for (group, least) in least.chunks_mut(LANES).enumerate() {
            let start = group * LANES;
            let sizes = &self.sizes.as_chunks().0[group];
            look(&self.fans[group], sizes, (self.first + start) as u32, &mut seen);
            least.copy_from_slice(&seen.least[..least.len()]);
            for (lane, least) in least.iter_mut().enumerate().filter(|(lane, _)| seen.ring[*lane] == 0) {
                self.look_closely(mesh, start + lane, least, &mut found);
            }
        }
        found
    }

    /// Looks at a fan that is large or not one ring.
    fn look_closely(&mut self, mesh: &Mesh, at: usize, least: &mut u32, found: &mut Found) {
        self.gather(at);
        let neighbours = self.spokes.iter().map(|spoke| spoke.0);
        *least = neighbours.fold(*least, u32::min);
        let large = self.spokes.len() > SMALL && self.spokes.len() <= LARGE;
        if !(large && is_one_ring(&self.spokes)) {
            judge(mesh, (self.first + at) as u32, &mut self.spokes, found);
        }
    }

    /// The spokes of a vertex that did not fit.
    fn rest_of(&self, vertex: u32) -> &[[u32; 3]] {
        let start = self.rest.partition_point(|rest| rest[0] < vertex);
        let count = self.rest[start..].partition_point(|rest| rest[0] == vertex);
        &self.rest[start..start + count]
    }

    /// Puts all spokes of a vertex into `spokes`.
    fn gather(&mut self, at: usize) {
        let (size, lane, fans) = (self.sizes[at] as usize, at % LANES, &self.fans[at / LANES]);
        let mut spokes = std::mem::take(&mut self.spokes);
        spokes.clear();
        let pairs =
            fans.nexts.iter().zip(&fans.previouses).map(|(next, previous)| (next[lane], previous[lane]));
        spokes.extend(pairs.take(size));
        if size > SMALL {
            let rest = self.rest_of((self.first + at) as u32);
            spokes.extend(rest.iter().map(|&[_, next, previous]| (next, previous)));
        }
        self.spokes = spokes;
    }
}

/// What a look at some fans shows.
struct Seen {
    /// 1 only for a small fan without a defect.
    ring: [u32; LANES],
    /// The least of the vertex and the neighbours in its small fan.
    least: [u32; LANES],
}

/// Walks around all of some small fans at once: one walk around a vertex visits every spoke once.
///
/// A walk that is back at its start after as many steps as there are spokes has met as many different
/// `next`s, so each spoke is visited once, and the `previous`es are the `next`s in another order. Almost every
/// vertex of a surface is like that, and needs no sorting.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn look(fans: &Fans, sizes: &[u32; LANES], first: u32, seen: &mut Seen) {
    let mut number = [0; LANES];
    for (number, vertex) in number.iter_mut().zip(first..) {
        *number = vertex;
    }
    // A slot that is not used holds the vertex itself, which no walk comes to.
    let mut nexts = fans.nexts;
    seen.least = number;
    for (slot, nexts) in nexts.iter_mut().enumerate() {
        for lane in 0..LANES {
            nexts[lane] = if (slot as u32) < sizes[lane] { nexts[lane] } else { number[lane] };
            seen.least[lane] = seen.least[lane].min(nexts[lane]);
        }
    }
    let mut at = fans.previouses[0];
    for (ring, size) in seen.ring.iter_mut().zip(sizes) {
        *ring = u32::from(size.wrapping_sub(1) < SMALL as u32);
    }
    for step in 1..SMALL as u32 {
        for lane in 0..LANES {
            let mut to = number[lane];
            for (nexts, previouses) in nexts.iter().zip(&fans.previouses) {
                to = if nexts[lane] == at[lane] { previouses[lane] } else { to };
            }
            let walking = step < sizes[lane];
            // Back too soon, or nowhere.
            let lost = (at[lane] == nexts[0][lane]) | (to == number[lane]);
            seen.ring[lane] = if walking & lost { 0 } else { seen.ring[lane] };
            at[lane] = if walking { to } else { at[lane] };
        }
    }
    for lane in 0..LANES {
        seen.ring[lane] = if at[lane] == nexts[0][lane] { seen.ring[lane] } else { 0 };
    }
}

/// As `look` for a fan of any size, spoke by spoke.
fn is_one_ring(spokes: &[(u32, u32)]) -> bool {
    let start = spokes[0].0;
    let mut at = spokes[0].1;
    for _ in 1..spokes.len() {
        match spokes.iter().find(|spoke| spoke.0 == at) {
            Some(&(_, previous)) if at != start => at = previous,
            _ => return false,
        }
    }
    at == start
}

/// Looks for defects of any fan, and sorts its spokes.
fn judge(mesh: &Mesh, vertex: u32, spokes: &mut [(u32, u32)], found: &mut Found) {
    let place = mesh.vertices[vertex as usize].vec();
    if spokes.is_empty() {
        found.loose.add(place);
        return;
    }
    spokes.sort_unstable();
    let mut previouses: Vec<u32> = spokes.iter().map(|spoke| spoke.1).collect();
    previouses.sort_unstable();
    let middle = |w: u32| (place + mesh.vertices[w as usize].vec()) * 0.5;
    let mut sound = true;
    for pair in spokes.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        found.tangled.add(middle(pair[0].0));
        sound = false;
    }
    if !spokes.iter().map(|spoke| &spoke.0).eq(&previouses) {
        // An edge is open when only one of its two directions occurs; report it once.
        for &(next, _) in spokes.iter().filter(|spoke| previouses.binary_search(&spoke.0).is_err()) {
            found.open.add(middle(next));
        }
        sound = false;
    }
    if sound && !walks_once_around(spokes) {
        found.pinched.add(place);
    }
}

/// True when a walk around the vertex visits all of its spokes, which are sorted, matched and different.
fn walks_once_around(spokes: &[(u32, u32)]) -> bool {
    let mut at = 0;
    for turn in 1..=spokes.len() {
        let Ok(next) = spokes.binary_search_by_key(&spokes[at].1, |spoke| spoke.0) else {
            return false;
        };
        if next == 0 {
            return turn == spokes.len();
        }
        at = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `look` sees one fan, wherever its lane.
    fn is_small_ring(spokes: &[(u32, u32)]) -> bool {
        let (mut fans, mut sizes) = (Fans::NONE, [0; LANES]);
        let lane = spokes.len() % LANES;
        sizes[lane] = spokes.len() as u32;
        for (n, &(next, previous)) in spokes.iter().enumerate() {
            (fans.nexts[n][lane], fans.previouses[n][lane]) = (next, previous);
        }
        let mut seen = Seen { ring: [0; LANES], least: [0; LANES] };
        look(&fans, &sizes, 100, &mut seen);
        assert_eq!(seen.least[lane], spokes.iter().map(|s| s.0).min().unwrap_or(100 + lane as u32));
        seen.ring[lane] == 1
    }

    /// The definition: matched, different, and walked at once.
    fn is_sound(spokes: &[(u32, u32)]) -> bool {
        let mut spokes = spokes.to_vec();
        spokes.sort_unstable();
        let mut previouses: Vec<u32> = spokes.iter().map(|s| s.1).collect();
        previouses.sort_unstable();
        spokes.iter().map(|s| &s.0).eq(&previouses)
            && spokes.windows(2).all(|w| w[0].0 != w[1].0)
            && walks_once_around(&spokes)
    }

    #[test]
    fn a_small_fan_is_a_ring_exactly_if_its_spokes_are_matched_and_walked_at_once() {
        let mut rings = 0;
        // All fans of four spokes between four neighbours.
        for code in 0..1_u32 << 16 {
            let fan: Vec<(u32, u32)> =
                (0..4).map(|n| (code >> (4 * n) & 3, code >> (4 * n + 2) & 3)).collect();
            assert_eq!(is_small_ring(&fan), is_sound(&fan), "{fan:?}");
            assert_eq!(is_one_ring(&fan), is_sound(&fan), "{fan:?}");
            rings += usize::from(is_sound(&fan));
        }
        // Six rings of four neighbours, their spokes in any of 24 orders.
        assert_eq!(rings, 6 * 24);
        let around = |n: u32| -> Vec<(u32, u32)> { (0..n).map(|v| (v, (v + 1) % n)).collect() };
        assert!((2..=8).all(|n| is_small_ring(&around(n))) && !is_small_ring(&[]));
        assert!(is_one_ring(&around(16)) && is_sound(&around(1000)));
        let two_rings: Vec<_> =
            around(5).into_iter().chain(around(4).iter().map(|s| (s.0 + 5, s.1 + 5))).collect();
        assert!(!is_sound(&two_rings) && !is_one_ring(&two_rings));
    }

    #[test]
    fn blocks_grow_where_triangles_lie_far_from_their_vertices() {
        let near = |n: u32| Span { least: n * 2000, most: n * 2000 + 4000 };
        let local: Vec<Span> = (0..100).map(near).collect();
        assert_eq!(block_size(204_001, &local), BLOCK);
        let spread = vec![Span { least: 0, most: 204_000 }; 100];
        let size = block_size(204_001, &spread);
        assert!(204_001_usize.div_ceil(size) <= PASSES && size > BLOCK);
    }
}
