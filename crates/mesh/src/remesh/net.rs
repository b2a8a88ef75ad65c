//! Triangles with what lies across each side, and the three things done to them: an edge is divided, drawn
//! together, or turned to join the other two corners.

use glam::DVec3;
use std::cmp::Ordering;

/// No half-edge, or no crease.
pub(super) const NONE: u32 = u32::MAX;

/// What holds a vertex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    /// Nothing but the surface.
    Surface,
    /// It lies on a crease and moves along it.
    Crease,
    /// Creases meet, end or turn sharply in it: it stays.
    Corner,
}

/// A vertex.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) place: DVec3,
    pub(super) hold: Hold,
    /// A triangle of the given surface it lies on or near.
    pub(super) hint: u32,
    /// A half-edge that starts here; `NONE` for a vertex that is gone.
    pub(super) first: u32,
}

/// Half-edge `3t + i` runs from corner `i` of triangle `t` to the next corner. Dead triangles have the corner
/// `NONE`.
#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) spots: Vec<Spot>,
    pub(super) corner: Vec<u32>,
    pub(super) twin: Vec<u32>,
    /// The number of the crease that a half-edge is part of, or `NONE`.
    pub(super) crease: Vec<u32>,
}

/// The next half-edge of the same triangle.
pub(super) const fn next(h: u32) -> u32 {
    if h % 3 == 2 { h - 2 } else { h + 1 }
}

/// The half-edge before, of the same triangle.
pub(super) const fn before(h: u32) -> u32 {
    if h.is_multiple_of(3) { h + 2 } else { h - 1 }
}

/// Twice the area of a triangle as a vector that stands on it.
pub(super) fn area([a, b, c]: [DVec3; 3]) -> DVec3 {
    (b - a).cross(c - a)
}

impl Net {
    /// Connects the triangles of a closed 2-manifold.
    pub(super) fn new(places: &[DVec3], triangles: &[[u32; 3]]) -> Self {
        let corner = triangles.as_flattened().to_vec();
        let spot = |&place: &DVec3| Spot { place, hold: Hold::Surface, hint: 0, first: NONE };
        let mut spots: Vec<Spot> = places.iter().map(spot).collect();
        let end = |h: u32| corner[next(h) as usize];
        // Half-edges by their lower end, then their upper one: the two of an edge are neighbours.
        let mut order: Vec<(u32, u32, u32)> = Vec::with_capacity(corner.len());
        for h in 0..corner.len() as u32 {
            let (from, to) = (corner[h as usize], end(h));
            spots[from as usize].first = h;
            spots[from as usize].hint = h / 3;
            order.push((from.min(to), from.max(to), h));
        }
        order.sort_unstable();
        let mut twin = vec![NONE; corner.len()];
        for pair in order.chunks_exact(2) {
            let (h, g) = (pair[0].2, pair[1].2);
            (twin[h as usize], twin[g as usize]) = (g, h);
        }
        let crease = vec![NONE; corner.len()];
        Self { spots, corner, twin, crease }
    }

    /// How many half-edges there are, dead ones included.
    pub(super) const fn count(&self) -> u32 {
        self.corner.len() as u32
    }

    pub(super) fn start(&self, h: u32) -> u32 {
        self.corner[h as usize]
    }

    pub(super) fn end(&self, h: u32) -> u32 {
        self.corner[next(h) as usize]
    }

    /// The corner opposite to a half-edge.
    pub(super) fn apex(&self, h: u32) -> u32 {
        self.corner[before(h) as usize]
    }

    pub(super) fn across(&self, h: u32) -> u32 {
        self.twin[h as usize]
    }

    /// The next half-edge from the same start, counter-clockwise seen from outside.
    pub(super) fn around(&self, h: u32) -> u32 {
        self.twin[before(h) as usize]
    }

    pub(super) fn is_dead(&self, h: u32) -> bool {
        self.corner[h as usize] == NONE
    }

    pub(super) fn is_crease(&self, h: u32) -> bool {
        self.crease[h as usize] != NONE
    }

    pub(super) fn place(&self, v: u32) -> DVec3 {
        self.spots[v as usize].place
    }

    pub(super) fn squared(&self, h: u32) -> f64 {
        self.place(self.start(h)).distance_squared(self.place(self.end(h)))
    }

    /// The half-edges that start at a vertex, in their order around it.
    pub(super) fn spokes(&self, v: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.spots[v as usize].first;
        let mut now = Some(first).filter(|&h| h != NONE);
        std::iter::from_fn(move || {
            let h = now?;
            now = Some(self.around(h)).filter(|&h| h != first);
            Some(h)
        })
    }

    /// How many neighbours a vertex has.
    pub(super) fn valence(&self, v: u32) -> usize {
        self.spokes(v).count()
    }

    /// The corners of a triangle.
    pub(super) fn corners(&self, t: u32) -> [DVec3; 3] {
        [0, 1, 2].map(|i| self.place(self.corner[(3 * t + i) as usize]))
    }

    /// True if there is an edge between two vertices.
    pub(super) fn joined(&self, a: u32, b: u32) -> bool {
        self.spokes(a).any(|h| self.end(h) == b)
    }

    fn marry(&mut self, h: u32, g: u32) {
        (self.twin[h as usize], self.twin[g as usize]) = (g, h);
    }

    /// Divides edge `h` at a new vertex in its middle: two triangles more.
    pub(super) fn divide(&mut self, h: u32) {
        let g = self.across(h);
        let (a, b, c, d) = (self.start(h), self.end(h), self.apex(h), self.apex(g));
        let (m, t) = (self.spots.len() as u32, self.count());
        let on = self.crease[h as usize];
        let (right, left) = (t, t + 3);
        let place = (self.place(a) + self.place(b)) * 0.5;
        let hold = if on == NONE { Hold::Surface } else { Hold::Crease };
        self.spots.push(Spot { place, hold, hint: self.spots[a as usize].hint, first: right });
        // Triangle a b c becomes a m c and m b c, triangle b a d becomes m a d and b m d.
        self.corner.extend([m, b, c, b, m, d]);
        let (forth, back) = (next(h), before(g));
        (self.corner[forth as usize], self.corner[g as usize]) = (m, m);
        let (outer, inner) = (self.across(forth), self.across(back));
        let (of_outer, of_inner) = (self.crease[forth as usize], self.crease[back as usize]);
        self.twin.extend([left, outer, forth, right, back, inner]);
        self.crease.extend([on, of_outer, NONE, on, NONE, of_inner]);
        (self.crease[forth as usize], self.crease[back as usize]) = (NONE, NONE);
        (self.twin[outer as usize], self.twin[inner as usize]) = (right + 1, left + 2);
        (self.twin[forth as usize], self.twin[back as usize]) = (right + 2, left + 1);
        self.spots[b as usize].first = right + 1;
    }

    /// True if the two ends of `h` may be drawn together into its end without pinching the surface, merging two
    /// creases or taking a vertex off what holds it.
    pub(super) fn may_merge(&self, h: u32) -> bool {
        let g = self.across(h);
        let (gone, into) = (self.start(h), self.end(h));
        let held = match self.spots[gone as usize].hold {
            Hold::Surface => false,
            Hold::Crease => !self.is_crease(h),
            Hold::Corner => true,
        };
        let both = |one: u32, other: u32| self.is_crease(one) && self.is_crease(other);
        if held || both(next(h), before(h)) || both(next(g), before(g)) {
            return false;
        }
        // The link condition: the only neighbours in common are the two apexes, and these keep three.
        let common = self.spokes(gone).filter(|&s| self.joined(into, self.end(s))).count();
        common == 2 && self.valence(self.apex(h)) > 3 && self.valence(self.apex(g)) > 3
    }

    /// Draws the two ends of half-edge `h` together into its end: two triangles fewer.
    pub(super) fn merge(&mut self, h: u32) {
        let g = self.across(h);
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
            let on = self.crease[next(dead) as usize].min(self.crease[before(dead) as usize]);
            let (one, other) = (self.across(next(dead)), self.across(before(dead)));
            self.marry(one, other);
            (self.crease[one as usize], self.crease[other as usize]) = (on, on);
            // `one` comes from the apex, and of the two one starts at the vertex that stays.
            let apex = self.start(one);
            self.spots[apex as usize].first = one;
            self.spots[into as usize].first = other;
            let triangle = dead as usize / 3 * 3;
            self.corner[triangle..triangle + 3].fill(NONE);
        }
        self.spots[gone as usize].first = NONE;
    }

    /// True if edge `h` may join the apexes of its triangles instead.
    pub(super) fn may_turn(&self, h: u32) -> bool {
        let (c, d) = (self.apex(h), self.apex(self.across(h)));
        let wide = |v: u32| self.spokes(v).take(4).count() > 3;
        !self.is_crease(h) && c != d && wide(self.start(h)) && wide(self.end(h)) && !self.joined(c, d)
    }

    /// Turns edge `h` from a to b, with apexes c and d: triangles a b c and b a d become d c a and c d b.
    pub(super) fn turn(&mut self, h: u32) {
        let g = self.across(h);
        let (a, b, c, d) = (self.start(h), self.end(h), self.apex(h), self.apex(g));
        let sides = [next(h), before(h), next(g), before(g)];
        let outer = sides.map(|s| (self.across(s), self.crease[s as usize]));
        let [bc, ca, ad, db] = outer;
        for (slot, v) in [h, next(h), before(h), g, next(g), before(g)].into_iter().zip([d, c, a, c, d, b]) {
            self.corner[slot as usize] = v;
        }
        for (slot, (over, on)) in [next(h), before(h), next(g), before(g)].into_iter().zip([ca, ad, db, bc]) {
            self.marry(slot, over);
            self.crease[slot as usize] = on;
        }
        for (v, first) in [(a, before(h)), (b, before(g)), (c, g), (d, h)] {
            self.spots[v as usize].first = first;
        }
    }

    /// Forgets dead triangles and vertices that are gone.
    pub(super) fn compact(&mut self) {
        let mut triangles = vec![NONE; self.corner.len() / 3];
        let mut kept = 0_usize;
        for (t, place) in triangles.iter_mut().enumerate() {
            if self.corner[3 * t] != NONE {
                *place = kept as u32;
                for side in 0..3 {
                    self.corner[3 * kept + side] = self.corner[3 * t + side];
                    self.twin[3 * kept + side] = self.twin[3 * t + side];
                    self.crease[3 * kept + side] = self.crease[3 * t + side];
                }
                kept += 1;
            }
        }
        self.corner.truncate(3 * kept);
        self.twin.truncate(3 * kept);
        self.crease.truncate(3 * kept);
        let renamed = |h: u32| 3 * triangles[h as usize / 3] + h % 3;
        self.twin.iter_mut().for_each(|h| *h = renamed(*h));
        let mut names = vec![NONE; self.spots.len()];
        let mut spots = 0_u32;
        for (name, spot) in names.iter_mut().zip(&mut self.spots) {
            if spot.first != NONE {
                *name = spots;
                spots += 1;
                spot.first = renamed(spot.first);
            }
        }
        self.corner.iter_mut().for_each(|v| *v = names[*v as usize]);
        self.spots.retain(|spot| spot.first != NONE);
    }

    /// The edges as one half-edge each whose squared length is on the given side of a limit, farthest from it
    /// first; equal ones by their number.
    pub(super) fn sorted(&self, limit: f64, side: Ordering) -> Vec<u32> {
        let one_of_two = |&h: &u32| !self.is_dead(h) && h < self.across(h);
        let mut edges: Vec<(f64, u32)> = (0..self.count())
            .filter(one_of_two)
            .map(|h| (self.squared(h), h))
            .filter(|&(squared, _)| squared.total_cmp(&limit) == side)
            .collect();
        edges.sort_unstable_by(|a, b| {
            let by_length = if side == Ordering::Greater { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) };
            by_length.then(a.1.cmp(&b.1))
        });
        edges.into_iter().map(|(_, h)| h).collect()
    }
}
