//! A cut face as a raster: which places of the plane lie in matter, between which pieces, how far from its edge.

use super::split::Pieces;
use glam::{DVec2, DVec3};
use osteon_core::{Cancelled, Ctx, Mesh, Patient, Plane, Point};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::region::Regions;
use osteon_mesh::section::Outline;
use rayon::prelude::*;

/// Edge of a cell, mm. Chosen: a third of the thinnest peg, so that a peg misses the best place by little.
pub(super) const CELL: f64 = 0.8;

/// One contact between two pieces: connected cells of a cut face.
pub(super) struct Contact {
    /// The pieces behind and in front.
    pub pieces: [usize; 2],
    /// Its places in matter, each with its distance from the surface, at most the reach, mm.
    pub cells: Vec<(Point<Patient>, f64)>,
}

impl Contact {
    /// Its area, mm².
    pub fn area(&self) -> f64 {
        self.cells.len() as f64 * CELL * CELL
    }

    /// The place farthest from the surface.
    pub fn middle(&self) -> Option<(Point<Patient>, f64)> {
        self.cells.iter().copied().reduce(|best, cell| if cell.1 > best.1 { cell } else { best })
    }
}

/// What the cells of a face are taken from.
pub(super) struct Face<'a> {
    /// The cut.
    pub cut: usize,
    /// Its outlines on the whole solid.
    pub outlines: &'a [Outline],
    /// The whole solid with its hierarchy.
    pub whole: (&'a Mesh, &'a Bvh),
    /// Where nothing may be joined.
    pub protected: &'a Regions,
    /// Distances beyond this are not told apart, mm.
    pub reach: f64,
}

impl Face<'_> {
    /// The contacts of the face, in the order of their first cells.
    pub fn contacts(&self, pieces: &Pieces, ctx: &Ctx) -> Result<Vec<Contact>, Cancelled> {
        let plane = pieces.cuts[self.cut].plane;
        let raster = Raster::new(self.outlines, &plane);
        let inside = raster.inside();
        ctx.check()?;
        let beside = |n: usize| {
            let place = raster.place(n);
            let open = inside[n] && !self.protected.contains(place);
            open.then(|| pieces.beside(self.cut, place)).flatten()
        };
        let pairs: Vec<Option<[usize; 2]>> = (0..inside.len()).into_par_iter().map(beside).collect();
        let mut contacts = Vec::new();
        for (pieces, cells) in connected(&pairs, raster.size) {
            ctx.check()?;
            let measured = cells.par_iter().map(|&n| {
                let place = raster.place(n);
                let near = self.whole.1.nearest_within(self.whole.0, place, self.reach);
                (place, near.map_or(self.reach, |near| near.place.distance(place)))
            });
            contacts.push(Contact { pieces, cells: measured.collect() });
        }
        Ok(contacts)
    }
}

/// Cells over the outlines of a plane.
struct Raster {
    origin: DVec3,
    across: DVec3,
    along: DVec3,
    size: [usize; 2],
    /// The outlines in cells.
    lines: Vec<Vec<DVec2>>,
}

impl Raster {
    fn new(outlines: &[Outline], plane: &Plane<Patient>) -> Self {
        let (across, along) = plane.normal.vec().any_orthonormal_pair();
        let flat = |p: &Point<Patient>| DVec2::new(p.vec().dot(across), p.vec().dot(along));
        let points = outlines.iter().flatten().map(flat);
        let (low, high) =
            points.fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)));
        let size = if low.x > high.x { DVec2::ZERO } else { ((high - low) / CELL).ceil() };
        let lines = outlines.iter().map(|line| line.iter().map(|p| (flat(p) - low) / CELL - 0.5).collect());
        let height = plane.point.vec().dot(plane.normal.vec());
        let origin =
            plane.normal.vec() * height + across * (low.x + 0.5 * CELL) + along * (low.y + 0.5 * CELL);
        Self { origin, across, along, size: [size.x as usize, size.y as usize], lines: lines.collect() }
    }

    /// The middle of a cell.
    fn place(&self, n: usize) -> Point<Patient> {
        let (x, y) = ((n % self.size[0]) as f64, (n / self.size[0]) as f64);
        Point::from_vec(self.origin + self.across * (x * CELL) + self.along * (y * CELL))
    }

    /// For each cell, whether its middle lies within an odd number of outlines.
    fn inside(&self) -> Vec<bool> {
        let [width, height] = self.size;
        let mut rows: Vec<Vec<f64>> = vec![Vec::new(); height];
        for line in &self.lines {
            for ends in line.windows(2) {
                let [a, b] = if ends[0].y <= ends[1].y { [ends[0], ends[1]] } else { [ends[1], ends[0]] };
                // A row at the lower end counts, one at the upper end does not.
                let from = a.y.ceil().max(0.0) as usize;
                for (y, row) in rows.iter_mut().enumerate().skip(from).take_while(|(y, _)| (*y as f64) < b.y)
                {
                    row.push(a.x + (b.x - a.x) * (y as f64 - a.y) / (b.y - a.y));
                }
            }
        }
        let mut inside = vec![false; width * height];
        for (y, row) in rows.iter_mut().enumerate() {
            row.sort_by(f64::total_cmp);
            for pair in row.chunks_exact(2) {
                let (from, to) =
                    (pair[0].ceil().max(0.0) as usize, (pair[1].ceil().max(0.0) as usize).min(width));
                if from < to {
                    inside[y * width + from..y * width + to].fill(true);
                }
            }
        }
        inside
    }
}

/// Cells with the same pieces that share a side, in the order of their first cells.
fn connected(pairs: &[Option<[usize; 2]>], [width, height]: [usize; 2]) -> Vec<([usize; 2], Vec<usize>)> {
    let mut seen = vec![false; pairs.len()];
    let mut found = Vec::new();
    for first in 0..pairs.len() {
        let Some(pair) = pairs[first].filter(|_| !seen[first]) else { continue };
        seen[first] = true;
        let mut cells = vec![first];
        let mut next = 0;
        while next < cells.len() {
            let n = cells[next];
            let (x, y) = (n % width, n / width);
            let beside = [
                (x > 0).then(|| n - 1),
                (x + 1 < width).then(|| n + 1),
                (y > 0).then(|| n - width),
                (y + 1 < height).then(|| n + width),
            ];
            for other in beside.into_iter().flatten() {
                if !seen[other] && pairs[other] == Some(pair) {
                    seen[other] = true;
                    cells.push(other);
                }
            }
            next += 1;
        }
        cells.sort_unstable();
        found.push((pair, cells));
    }
    found
}
