//! The triangles of one block of a surface, with what lies across each edge.

use super::quadric::Quadric;
use glam::DVec3;

/// No vertex, half-edge or triangle.
pub(super) const NONE: u32 = u32::MAX;

/// What may happen to a vertex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freedom {
    /// It may move and vanish.
    Free,
    /// It stays where it is; others may be drawn into it.
    Kept,
    /// Some of its triangles are in another block: nothing at it changes now.
    Shared,
}

/// Where a vertex is, and how far that is from the given surface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) place: DVec3,
    /// Bound of the way from here to the given surface, mm; between the corners of a triangle it is linear.
    pub(super) drift: f64,
}

/// What a vertex is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// Number of the given vertex that has not moved, or `NONE`.
    pub(super) source: u32,
    pub(super) freedom: Freedom,
    /// True when collapses at it have been tried in vain since its surroundings were last made.
    pub(super) settled: bool,
}

/// Vertices, in three lists because they are needed at different times.
#[derive(Clone, Debug, Default)]
pub(super) struct Vertices {
    pub(super) spots: Vec<Spot>,
    pub(super) tags: Vec<Tag>,
    /// One for each vertex, or none at all before the first round.
    pub(super) quadrics: Vec<Quadric>,
}

/// Triangles and the half-edges along their sides: half-edge `3t + i` runs from corner `i` of triangle `t` to
/// the next corner. Dead triangles have the corner `NONE`.
#[derive(Debug, Default)]
pub(super) struct Patch {
    pub(super) vertices: Vertices,
    pub(super) corner: Vec<u32>,
    pub(super) twin: Vec<u32>,
    /// A half-edge that starts at the vertex, `NONE` for a vertex that is gone.
    pub(super) first: Vec<u32>,
    /// Triangles alive.
    pub(super) live: usize,
}

/// The next half-edge of the same triangle.
pub(super) const fn next(h: u32) -> u32 {
    if h % 3 == 2 { h - 2 } else { h + 1 }
}

/// The half-edge before, of the same triangle.
pub(super) const fn before(h: u32) -> u32 {
    if h.is_multiple_of(3) { h + 2 } else { h - 1 }
}

impl Patch {
    /// Connects triangles that are a closed 2-manifold around every vertex that is not `Shared`.
    pub(super) fn new(vertices: Vertices, triangles: &[[u32; 3]]) -> Self {
        let corner = triangles.as_flattened().to_vec();
        let mut starts = vec![0_u32; vertices.spots.len() + 1];
        corner.iter().for_each(|&v| starts[v as usize + 1] += 1);
        for v in 0..vertices.spots.len() {
            starts[v + 1] += starts[v];
        }
        // Half-edges by the vertex they start at, each with the vertex it ends at.
        let mut fans = vec![(0_u32, 0_u32); corner.len()];
        let mut fill = starts.clone();
        for (h, &v) in corner.iter().enumerate() {
            let slot = &mut fill[v as usize];
            fans[*slot as usize] = (corner[next(h as u32) as usize], h as u32);
            *slot += 1;
        }
        let mut twin = vec![NONE; corner.len()];
        for h in 0..corner.len() {
            if twin[h] == NONE {
                let (from, to) = (corner[h], corner[next(h as u32) as usize]);
                let fan = &fans[starts[to as usize] as usize..starts[to as usize + 1] as usize];
                if let Some(&(_, back)) = fan.iter().find(|spoke| spoke.0 == from) {
                    (twin[h], twin[back as usize]) = (back, h as u32);
                }
            }
        }
        let first = (0..vertices.spots.len()).map(|v| {
            let start = starts[v];
            if start < starts[v + 1] { fans[start as usize].1 } else { NONE }
        });
        let first = first.collect();
        let mut patch = Self { vertices, corner, twin, first, live: triangles.len() };
        patch.weigh();
        patch
    }

    /// Gives vertices that have no planes yet those of their triangles; `Shared` ones lack some, and wait.
    fn weigh(&mut self) {
        let Vertices { spots, tags, quadrics } = &mut self.vertices;
        quadrics.resize(spots.len(), Quadric::default());
        let lacks = |(q, t): (&Quadric, &Tag)| q.weight == 0.0 && t.freedom != Freedom::Shared;
        let lacking: Vec<bool> = quadrics.iter().zip(tags.iter()).map(lacks).collect();
        if !lacking.contains(&true) {
            return;
        }
        for t in self.corner.chunks_exact(3) {
            if t.iter().any(|&v| lacking[v as usize]) {
                let quadric = Quadric::of([t[0], t[1], t[2]].map(|v| spots[v as usize].place));
                for &v in t.iter().filter(|&&v| lacking[v as usize]) {
                    quadrics[v as usize] = quadrics[v as usize].plus(&quadric);
                }
            }
        }
    }

    /// The vertex at which a half-edge starts.
    pub(super) fn start(&self, h: u32) -> u32 {
        self.corner[h as usize]
    }

    /// The vertex at which a half-edge ends.
    pub(super) fn end(&self, h: u32) -> u32 {
        self.corner[next(h) as usize]
    }

    /// The next half-edge from the same start, counter-clockwise seen from outside.
    pub(super) fn around(&self, h: u32) -> u32 {
        self.twin[before(h) as usize]
    }

    pub(super) fn place(&self, v: u32) -> DVec3 {
        self.vertices.spots[v as usize].place
    }

    /// Draws the two ends of half-edge `h` together into its end: two triangles fewer.
    pub(super) fn merge(&mut self, h: u32) {
        let g = self.twin[h as usize];
        let (gone, into) = (self.start(h), self.end(h));
        let mut spoke = h;
        loop {
            self.corner[spoke as usize] = into;
            spoke = self.around(spoke);
            if spoke == h {
                break;
            }
        }
        for dead in [h, g] {
            let (one, other) = (self.twin[next(dead) as usize], self.twin[before(dead) as usize]);
            (self.twin[one as usize], self.twin[other as usize]) = (other, one);
            // `one` comes from the apex, and of the two one starts at the vertex that stays.
            let apex = self.start(one);
            self.first[apex as usize] = one;
            self.first[into as usize] = other;
            let triangle = dead as usize / 3 * 3;
            self.corner[triangle..triangle + 3].fill(NONE);
        }
        self.first[gone as usize] = NONE;
        self.live -= 2;
    }

    /// Forgets dead triangles.
    pub(super) fn compact(&mut self, costs: &mut Vec<f32>) {
        let mut number = vec![NONE; self.corner.len() / 3];
        let mut count = 0_usize;
        for t in 0..number.len() {
            if self.corner[3 * t] != NONE {
                number[t] = count as u32;
                for side in 0..3 {
                    self.corner[3 * count + side] = self.corner[3 * t + side];
                    self.twin[3 * count + side] = self.twin[3 * t + side];
                    costs[3 * count + side] = costs[3 * t + side];
                }
                count += 1;
            }
        }
        let renamed = |h: u32| if h == NONE { NONE } else { 3 * number[h as usize / 3] + h % 3 };
        self.corner.truncate(3 * count);
        self.twin.truncate(3 * count);
        costs.truncate(3 * count);
        self.twin.iter_mut().for_each(|h| *h = renamed(*h));
        self.first.iter_mut().for_each(|h| *h = renamed(*h));
    }
}
