//! One quad for every crossed edge, cut into triangles.
//!
//! A crossed edge lies between four cells, and its quad joins their vertices. Where four edges of a face are
//! crossed, the quads of both pairs would share one and the same mesh edge if the pairs meet again in both
//! cells; each pair then gets a vertex of its own amid that mesh edge, and its quads become pentagons.

use super::scan::{Padded, Slice};
use osteon_core::{Cancelled, Ctx, Patient, Point};
use rayon::prelude::*;

/// Triangles between labels.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    /// Two triangles for each crossed edge; counter-clockwise seen from above.
    pub pairs: Vec<[[u32; 3]; 2]>,
    /// The codes below and above each pair; empty if there is only one label, which is then below all.
    pub sides: Vec<[u16; 2]>,
    /// Further triangles, each with its codes below and above.
    pub extras: Vec<Extra>,
}

/// A triangle that does not fit in the two of its quad, with the codes below and above it.
pub(super) type Extra = ([u32; 3], [u16; 2]);

/// Marks the place of a knot in a row of vertex numbers.
const KNOT: u32 = 1 << 31;

/// What turns crossed edges into triangles.
pub(super) struct Joiner<'a> {
    pub padded: &'a Padded<'a>,
    pub slices: &'a [Slice],
    /// Number of the first vertex of each slice; all are less than `KNOT`.
    pub firsts: &'a [u32],
    pub vertices: &'a [Point<Patient>],
    /// True if the grid mirrors the patient.
    pub mirrored: bool,
    /// True if there is only one label.
    pub single: bool,
}

/// The cells around an edge along each axis, counter-clockwise seen from its end: steps back along the axes.
const AROUND: [[[usize; 3]; 4]; 3] = [
    [[0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 1, 0]],
    [[1, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 1]],
    [[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]],
];

/// Vertex numbers of four rows of cells, by steps back along z and y; knots are marked and give their place.
type Rows = [[Vec<u32>; 2]; 2];

impl Joiner<'_> {
    /// All triangles, slice by slice.
    pub(super) fn join(&self, ctx: &Ctx) -> Result<Sheets, Cancelled> {
        let quads: usize = self.slices.iter().map(|slice| slice.edges as usize).sum();
        let mut pairs = vec![[[0_u32; 3]; 2]; quads];
        let mut sides = vec![[0_u16; 2]; if self.single { 0 } else { quads }];
        let (mut rest, mut rest_sides) = (&mut pairs[..], &mut sides[..]);
        let mut parts = Vec::with_capacity(self.slices.len());
        for (z, slice) in self.slices.iter().enumerate() {
            let quads = slice.edges as usize;
            let (own, other) = rest.split_at_mut(quads);
            let (own_sides, other_sides) = rest_sides.split_at_mut(if self.single { 0 } else { quads });
            parts.push((z, own, own_sides));
            (rest, rest_sides) = (other, other_sides);
        }
        let extras = parts.into_par_iter().map(|(z, pairs, sides)| {
            ctx.check()?;
            Ok(self.slice(z, pairs, sides))
        });
        let extras: Vec<Vec<Extra>> = extras.collect::<Result<_, Cancelled>>()?;
        Ok(Sheets { pairs, sides, extras: extras.concat() })
    }

    fn slice(&self, z: usize, pairs: &mut [[[u32; 3]; 2]], sides: &mut [[u16; 2]]) -> Vec<Extra> {
        let (mut pairs, mut sides) = (pairs.iter_mut(), sides.iter_mut());
        let (mut extras, mut ends) = (Vec::new(), Vec::new());
        let row = || vec![0; self.padded.cells()[0]];
        let mut rows: Rows = [[row(), row()], [row(), row()]];
        for y in 0..self.padded.cells()[1] {
            for (back, [here, before]) in rows.iter_mut().enumerate().filter(|(back, _)| *back <= z) {
                std::mem::swap(here, before);
                number(&self.slices[z - back], self.firsts[z - back], y, here);
            }
            for word in self.slices[z].row(y) {
                self.padded.ends(y, z, word.at as usize, &mut ends);
                for axis in 0..3 {
                    let mut left = ends.iter().fold(0, |any, ends| any | ends[0] ^ ends[axis + 1]);
                    while left != 0 {
                        let bit = left.trailing_zeros();
                        left &= left - 1;
                        let x = word.at as usize * 64 + bit as usize;
                        let codes = [code(&ends, 0, bit), code(&ends, axis + 1, bit)];
                        let turn = self.mirrored != (self.single && codes[0] == 0);
                        let numbers = AROUND[axis].map(|[dx, dy, dz]| rows[dz][dy][x - dx]);
                        let pair = if numbers.iter().fold(0, |any, n| any | n) & KNOT == 0 {
                            self.halves(numbers, turn)
                        } else {
                            let (pair, rest) = self.triangles(&self.ring(numbers, [x, y, z], axis), turn);
                            extras.extend(rest.into_iter().map(|triangle| (triangle, codes)));
                            pair
                        };
                        if let Some(to) = pairs.next() {
                            *to = pair;
                        }
                        if let Some(to) = sides.next() {
                            *to = codes;
                        }
                    }
                }
            }
        }
        extras
    }

    /// A quad, cut along its shorter diagonal, turned if asked to; without a branch, since neither is
    /// foreseeable.
    #[inline]
    fn halves(&self, [a, b, c, d]: [u32; 4], turn: bool) -> [[u32; 3]; 2] {
        let [p, q, r, s] = [a, b, c, d].map(|v| self.vertices[v as usize].vec());
        let ring = [a, if turn { d } else { b }, c, if turn { b } else { d }, a];
        let from = usize::from((p - r).length_squared() > (q - s).length_squared());
        [[ring[from], ring[from + 1], ring[from + 2]], [ring[from], ring[from + 2], ring[from + 3]]]
    }

    /// Two triangles of a polygon and the others, turned if asked to.
    ///
    /// No line joins the vertices of two neighbouring cells across a face that has vertices of its own, and
    /// all other lines belong to this polygon alone.
    fn triangles(&self, ring: &Ring, turn: bool) -> ([[u32; 3]; 2], Vec<[u32; 3]>) {
        let Some(start) = ring.between.iter().position(Option::is_some) else {
            return (self.halves(ring.cells, turn), Vec::new());
        };
        // From the vertex after the one on a face around to the one before it.
        let mut corners = Vec::with_capacity(8);
        for i in (1..=4).map(|i| (start + i) % 4) {
            corners.push(ring.cells[i]);
            corners.extend(ring.between[i].filter(|_| i != start));
        }
        let tip = ring.between[start].unwrap_or(corners[0]);
        let mut fan: Vec<[u32; 3]> =
            corners.windows(2).map(|pair| turned([tip, pair[0], pair[1]], turn)).collect();
        let rest = fan.split_off(2);
        ([fan[0], fan[1]], rest)
    }

    /// The polygon around an edge of which at least one cell is a knot.
    fn ring(&self, numbers: [u32; 4], cell: [usize; 3], axis: usize) -> Ring {
        let knot = |i: usize| {
            let z = cell[2] - AROUND[axis][i][2];
            let place = (numbers[i] & KNOT != 0).then_some((numbers[i] ^ KNOT) as usize);
            place.map(|place| (&self.slices[z].knots[place], self.firsts[z]))
        };
        let edge = |i: usize| {
            let back = AROUND[axis][i];
            let (u, v) = ((axis == 0) as usize, if axis == 2 { 1 } else { 2 });
            (4 * axis + back[u] + 2 * back[v]) as u8
        };
        let mut ring = Ring { cells: numbers, between: [None; 4] };
        for (i, next) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
            if let Some((knot, first)) = knot(i) {
                ring.cells[i] = first + knot.first + u32::from(knot.cell.sheets[usize::from(edge(i))]);
            }
            // The face between two cells belongs to the one that needs no step back along its axis.
            let (a, b) = (AROUND[axis][i], AROUND[axis][next]);
            let across = (0..3).find(|&t| a[t] != b[t]).unwrap_or(0);
            let owner = if a[across] == 0 { i } else { next };
            if let Some((knot, first)) = knot(owner) {
                ring.between[i] = knot.on_face(across, edge(owner)).map(|id| first + id);
            }
        }
        ring
    }
}

/// The polygon around a crossed edge: a vertex in each of four cells, and some on the faces after them.
struct Ring {
    cells: [u32; 4],
    between: [Option<u32>; 4],
}

/// The code of a cell's corner from its bits in all planes.
#[inline]
fn code(ends: &[[u64; 4]], which: usize, bit: u32) -> u16 {
    ends.iter().enumerate().fold(0, |code, (p, words)| code | ((words[which] >> bit & 1) as u16) << p)
}

const fn turned([a, b, c]: [u32; 3], turn: bool) -> [u32; 3] {
    if turn { [a, c, b] } else { [a, b, c] }
}

/// Writes the vertex numbers of the crossed cells of a row; other places keep what they had.
fn number(slice: &Slice, first: u32, y: usize, to: &mut [u32]) {
    for word in slice.row(y) {
        let (mut next, mut knot) = (first + word.rank, word.knots);
        let start = word.at as usize * 64;
        let mut left = word.crossed;
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            if word.knotted >> bit & 1 == 1 {
                to[start + bit as usize] = KNOT | knot;
                next += slice.knots[knot as usize].vertices();
                knot += 1;
            } else {
                to[start + bit as usize] = next;
                next += 1;
            }
        }
    }
}
