//! Finds the cells through which surfaces pass, 64 at a time, and numbers their vertices.
//!
//! Cell `(x, y, z)` has voxel `(x, y, z)` as its *highest* corner, so cells run from 0 to the number of
//! voxels along each axis and those at the border have corners outside the grid, which are background.
//! Almost every crossed cell has one vertex, so vertices are numbered by counting bits; the others are
//! *knots*, which are looked at one by one and listed.

use super::cell::{self, Cell};
use multiversion::multiversion;
use osteon_core::{Cancelled, Ctx, LabelMap};
use rayon::prelude::*;

/// 64 cells of a row, at least one of them crossed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// Which word of the row.
    pub at: u32,
    /// Number of the first vertex, counted from the first of the slice.
    pub rank: u32,
    /// Place of the first knot in the slice's list.
    pub knots: u32,
    /// Cells with more than one label.
    pub crossed: u64,
    /// Cells that are knots.
    pub knotted: u64,
}

/// A crossed cell that may have several vertices, or shares a face on which four edges are crossed.
///
/// It owns one vertex for each sheet and then, for each of its three low faces that needs them, two more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knot {
    /// Number of its first vertex, counted from the first of the slice.
    pub first: u32,
    /// How the surfaces pass through it.
    pub cell: Cell,
    /// For each low face with two vertices of its own: the edges of the second, as bits by their place around
    /// the face; 0 for other faces.
    pub split: [u8; 3],
}

impl Knot {
    /// How many vertices it owns.
    pub(super) fn vertices(&self) -> u32 {
        u32::from(self.cell.count) + 2 * self.split.iter().filter(|&&split| split != 0).count() as u32
    }

    /// Number of the vertex on low face `axis` for an edge of this cell, if that face has its own.
    pub(super) fn on_face(&self, axis: usize, edge: u8) -> Option<u32> {
        let split = self.split[axis];
        if split == 0 {
            return None;
        }
        let earlier = self.split[..axis].iter().filter(|&&split| split != 0).count() as u32;
        let place = cell::EDGES[2 * axis].iter().position(|&e| e == edge)?;
        Some(self.first + u32::from(self.cell.count) + 2 * earlier + u32::from(split >> place & 1))
    }
}

/// What was found between two slices of voxels.
#[derive(Debug, Default)]
pub(super) struct Slice {
    /// Where the words of each row of cells begin, and their number.
    pub rows: Vec<u32>,
    /// Words with crossed cells.
    pub words: Vec<Word>,
    /// Knots in order.
    pub knots: Vec<Knot>,
    /// For each crossed cell that is no knot: the corners whose label differs from the lowest corner's.
    pub cases: Vec<u8>,
    /// How many vertices its cells own.
    pub vertices: u32,
    /// How many edges start at lowest corners of its cells.
    pub edges: u32,
}

impl Slice {
    /// The words of a row of cells.
    pub(super) fn row(&self, y: usize) -> &[Word] {
        &self.words[self.rows[y] as usize..self.rows[y + 1] as usize]
    }
}

/// A label map with background around it: voxel `(x, y, z)` is `(x + 1, y + 1, z + 1)` here.
pub(super) struct Padded<'a> {
    map: &'a LabelMap,
    blank: Vec<u64>,
}

impl<'a> Padded<'a> {
    pub(super) fn new(map: &'a LabelMap) -> Self {
        Self { map, blank: vec![0; map.grid().dims()[0].div_ceil(64)] }
    }

    /// Numbers of cells along x, y and z.
    pub(super) fn cells(&self) -> [usize; 3] {
        self.map.grid().dims().map(|n| n + 1)
    }

    fn row(&self, plane: usize, y: usize, z: usize) -> &[u64] {
        let [_, ny, nz] = self.map.grid().dims();
        match (y.checked_sub(1), z.checked_sub(1)) {
            (Some(y), Some(z)) if y < ny && z < nz => self.map.row(plane, y, z),
            _ => &self.blank,
        }
    }

    /// The code at a padded place.
    pub(super) fn code(&self, x: usize, y: usize, z: usize) -> u16 {
        let bit = |row: &[u64]| match x.checked_sub(1) {
            Some(x) => (row.get(x / 64).copied().unwrap_or(0) >> (x % 64) & 1) as u16,
            None => 0,
        };
        (0..self.map.planes()).fold(0, |code, p| code | bit(self.row(p, y, z)) << p)
    }

    /// For each plane, word `w` of the lowest corners of a row of cells and of their neighbours along x, y
    /// and z.
    pub(super) fn ends(&self, y: usize, z: usize, w: usize, to: &mut Vec<[u64; 4]>) {
        to.clear();
        to.extend((0..self.map.planes()).map(|p| {
            let [low, high] = low_and_high(self.row(p, y, z), w);
            let other = |y: usize, z: usize| low_and_high(self.row(p, y, z), w)[0];
            [low, high, other(y + 1, z), other(y, z + 1)]
        }));
    }

    /// The codes of the corners of a cell.
    pub(super) fn corners(&self, [x, y, z]: [usize; 3]) -> [u16; 8] {
        std::array::from_fn(|c| self.code(x + (c & 1), y + (c >> 1 & 1), z + (c >> 2)))
    }
}

/// Finds and numbers everything, slice by slice.
pub(super) fn scan(padded: &Padded<'_>, ctx: &Ctx) -> Result<Vec<Slice>, Cancelled> {
    let table = cell::of_two_labels();
    let slices = (0..padded.cells()[2]).into_par_iter().map(|z| {
        ctx.check()?;
        Ok(slice(padded, &table, z))
    });
    slices.collect()
}

fn slice(padded: &Padded<'_>, table: &[Cell], z: usize) -> Slice {
    let [nx, ny, _] = padded.cells();
    let mut found = Slice::default();
    let mut crossed = vec![0; nx.div_ceil(64)];
    let mut planes = Vec::with_capacity(padded.map.planes());
    for y in 0..ny {
        found.rows.push(found.words.len() as u32);
        planes.clear();
        planes.extend((0..padded.map.planes()).map(|p| {
            [
                padded.row(p, y, z),
                padded.row(p, y + 1, z),
                padded.row(p, y, z + 1),
                padded.row(p, y + 1, z + 1),
            ]
        }));
        let start = found.words.len();
        row(&planes, &mut crossed, &mut found);
        knots(padded, table, [y, z], start, &mut found);
    }
    found.rows.push(found.words.len() as u32);
    found
}

/// Word `w` of a row of low corners and of high corners.
#[inline(always)]
fn low_and_high(row: &[u64], w: usize) -> [u64; 2] {
    let word = |w: usize| row.get(w).copied().unwrap_or(0);
    [word(w) << 1 | if w > 0 { word(w - 1) >> 63 } else { 0 }, word(w)]
}

/// Appends the words of a row in which cells are crossed, as if every crossed cell owned one vertex.
///
/// Written out in plain loops: what a closure of this function is passed to is not built for its
/// instructions, and would be called for each word.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512dq+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "aarch64+neon"
))]
fn row(planes: &[[&[u64]; 4]], crossed: &mut [u64], found: &mut Slice) {
    crossed.fill(0);
    for rows in planes {
        let n = rows[0].len();
        // Slices of one length, so that the loop needs no checks and takes many words at a time.
        let (a, b, c, d) = (&rows[0][..n], &rows[1][..n], &rows[2][..n], &rows[3][..n]);
        let (body, tail) = crossed.split_at_mut(n);
        body[0] |= mixed(rows, 0);
        for w in 1..n {
            let low = [a[w] << 1 | a[w - 1] >> 63, b[w] << 1 | b[w - 1] >> 63];
            let more = [c[w] << 1 | c[w - 1] >> 63, d[w] << 1 | d[w - 1] >> 63];
            let any = a[w] | b[w] | c[w] | d[w] | low[0] | low[1] | more[0] | more[1];
            let all = a[w] & b[w] & c[w] & d[w] & low[0] & low[1] & more[0] & more[1];
            body[w] |= any & !all;
        }
        if let Some(last) = tail.first_mut() {
            *last |= mixed(rows, n);
        }
    }
    for (w, &crossed) in crossed.iter().enumerate() {
        if crossed == 0 {
            continue;
        }
        let (differs, several) = differing(planes, w);
        let knotted = crossed & (several | needs_a_look(&differs));
        found.words.push(Word {
            at: w as u32,
            rank: found.vertices,
            knots: found.knots.len() as u32,
            crossed,
            knotted,
        });
        found.vertices += crossed.count_ones();
        // Along x, y and z from the lowest corner.
        found.edges += differs[1].count_ones() + differs[2].count_ones() + differs[4].count_ones();
        let mut simple = crossed & !knotted;
        while simple != 0 {
            let bit = simple.trailing_zeros();
            let mut case = 0;
            for (c, differs) in differs.iter().enumerate() {
                case |= ((differs >> bit & 1) as u8) << c;
            }
            found.cases.push(case);
            simple &= simple - 1;
        }
    }
}

/// Cells of word `w` whose eight corners are not all alike in one plane.
#[inline(always)]
fn mixed(rows: &[&[u64]; 4], w: usize) -> u64 {
    let pairs = rows.map(|row| low_and_high(row, w));
    let corners = pairs.as_flattened();
    let any = corners.iter().fold(0, |any, c| any | c);
    let all = corners.iter().fold(u64::MAX, |all, c| all & c);
    any & !all
}

/// For each corner the cells in which its label differs from the lowest corner's; and cells of several
/// labels.
#[inline(always)]
fn differing(planes: &[[&[u64]; 4]], w: usize) -> ([u64; 8], u64) {
    let in_plane = |rows: &[&[u64]; 4]| {
        let pairs = rows.map(|row| low_and_high(row, w));
        let mut corners = [0; 8];
        corners.copy_from_slice(pairs.as_flattened());
        corners.map(|c| c ^ corners[0])
    };
    let (mut differs, mut several) = ([0; 8], 0);
    for rows in planes {
        differs.iter_mut().zip(in_plane(rows)).for_each(|(sum, c)| *sum |= c);
    }
    // With two labels every plane in which they differ looks the same.
    for rows in planes.iter().filter(|_| planes.len() > 1) {
        let plane = in_plane(rows);
        let used = plane.iter().fold(0, |any, c| any | c);
        several |= used & plane.iter().zip(&differs).fold(0, |any, (c, d)| any | c ^ d);
    }
    (differs, several)
}

/// Cells of two labels with a face on which four edges are crossed, or with two sheets all the same: two
/// corners across from each other that differ from the other six.
#[inline(always)]
fn needs_a_look(d: &[u64; 8]) -> u64 {
    let across = |a: usize, b: usize, c: usize, e: usize| (d[a] ^ d[b]) & !(d[a] ^ d[c]) & !(d[b] ^ d[e]);
    let faces = across(0, 2, 6, 4)
        | across(1, 3, 7, 5)
        | across(0, 4, 5, 1)
        | across(2, 6, 7, 3)
        | across(0, 1, 3, 2)
        | across(4, 5, 7, 6);
    let (p, q, r) = ([d[1], d[6]], [d[2], d[5]], [d[3], d[4]]);
    let alone = |a: [u64; 2], b: [u64; 2], c: [u64; 2]| a[0] & a[1] & !(b[0] | b[1] | c[0] | c[1] | d[7]);
    let ends = p[0] & p[1] & q[0] & q[1] & r[0] & r[1] & !d[7];
    faces | alone(p, q, r) | alone(q, p, r) | alone(r, p, q) | ends
}

/// Looks at the knots of a row, whose words start at `start`, and numbers its vertices anew.
fn knots(padded: &Padded<'_>, table: &[Cell], [y, z]: [usize; 2], start: usize, found: &mut Slice) {
    let resolve = |place: [usize; 3]| {
        let codes = padded.corners(place);
        cell::case(&codes).map_or_else(|| Cell::of(&codes), |case| table[case])
    };
    let mut more = 0;
    for word in &mut found.words[start..] {
        word.rank += more;
        word.knots = found.knots.len() as u32;
        let mut left = word.knotted;
        let before = more;
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            let x = word.at as usize * 64 + bit as usize;
            let cell = resolve([x, y, z]);
            let mut split = [0; 3];
            for (axis, split) in split.iter_mut().enumerate().filter(|(axis, _)| cell.doubled[2 * axis] != 0)
            {
                let mut neighbour = [x, y, z];
                // Beyond the border all is background, which leaves no face with four crossed edges.
                neighbour[axis] = neighbour[axis].saturating_sub(1);
                if resolve(neighbour).doubled[2 * axis + 1] != 0 {
                    *split = cell.doubled[2 * axis];
                }
            }
            let earlier = (word.crossed & ((1 << bit) - 1)).count_ones();
            let first = word.rank + earlier + (more - before);
            let knot = Knot { first, cell, split };
            // One vertex of it is counted already.
            more += knot.vertices() - 1;
            found.knots.push(knot);
        }
    }
    found.vertices += more;
}
