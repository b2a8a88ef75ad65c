//! A turned solid as columns: for every cell of the bed, where matter begins and ends above it.
//!
//! What matters to time and material – sections, skins, what hangs over – is read from the columns without cutting
//! the mesh again. A column stands for its cell by the line through the cell's middle.

use crate::turn::Turn;
use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Mesh};

/// A stretch of matter above a cell, mm above the bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    /// Where it begins.
    pub low: f32,
    /// Where it ends.
    pub high: f32,
    /// How flat its lower face is: the cosine of its angle to the bed.
    pub low_flat: f32,
    /// Whether its lower face is marked.
    pub low_marked: bool,
    /// Whether its upper face is marked.
    pub high_marked: bool,
}

/// The columns of a solid.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// Edge of a cell, mm.
    pub pitch: f64,
    /// Cells along x and y; one free cell is kept on every side.
    pub size: [usize; 2],
    /// The height of the solid, mm.
    pub height: f64,
    /// The corner of the first cell on the bed, in the turned frame, mm.
    pub origin: DVec3,
    /// Area of the solid's walls: ∫ of the length of the outline over the height, mm².
    pub walls: f64,
    /// For each cell the first of its spans; one more at the end.
    first: Vec<u32>,
    spans: Vec<Span>,
}

/// Triangles between two questions whether to stop.
const BATCH: usize = 1 << 16;

/// Cells left free on every side, so that supports may reach beyond the solid. Chosen: 4 mm at the finest pitch.
pub(crate) const FREE: usize = 8;

impl Columns {
    /// The columns of a mesh with a turn, one for each cell of `pitch` mm.
    ///
    /// `marked` says which triangles are marked; where it is too short they are not.
    pub fn new(mesh: &Mesh, marked: &[bool], turn: &Turn, pitch: f64, ctx: &Ctx) -> Result<Self, Cancelled> {
        let rotation = turn.rotation();
        let places: Vec<DVec3> = mesh.vertices.iter().map(|vertex| rotation * vertex.vec()).collect();
        let low = places.iter().copied().fold(DVec3::INFINITY, DVec3::min);
        let high = places.iter().copied().fold(DVec3::NEG_INFINITY, DVec3::max);
        let extent = (high - low).max(DVec3::ZERO);
        let size = [extent.x, extent.y].map(|edge| (edge / pitch).ceil() as usize + 2 * FREE);
        let origin = low - DVec3::new(pitch, pitch, 0.0) * FREE as f64;
        let mut cutter = Cutter { origin, pitch, size, found: Vec::new() };
        let mut walls = 0.0;
        for (number, triangle) in mesh.triangles.iter().enumerate() {
            if number.is_multiple_of(BATCH) {
                ctx.check()?;
            }
            let [a, b, c] = triangle.map(|corner| places[corner as usize]);
            let normal = (b - a).cross(c - a);
            walls += normal.truncate().length() / 2.0;
            if normal.z != 0.0 {
                cutter.cut([a, b, c], normal, marked.get(number).is_some_and(|marked| *marked));
            }
        }
        let (first, spans) = spans(cutter.found, size[0] * size[1]);
        Ok(Self { pitch, size, height: extent.z, origin, walls, first, spans })
    }

    /// The spans above a cell, from below.
    pub fn of(&self, cell: usize) -> &[Span] {
        &self.spans[self.first[cell] as usize..self.first[cell + 1] as usize]
    }

    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Area of a cell, mm².
    pub fn cell_area(&self) -> f64 {
        self.pitch * self.pitch
    }

    /// Width and depth of the solid, mm.
    pub fn extent(&self) -> [f64; 2] {
        self.size.map(|cells| (cells - 2 * FREE) as f64 * self.pitch)
    }

    /// The middle of a cell on the bed, in the turned frame, mm.
    pub fn middle(&self, cell: usize) -> DVec3 {
        let [i, j] = [cell % self.size[0], cell / self.size[0]].map(|n| (n as f64 + 0.5) * self.pitch);
        self.origin + DVec3::new(i, j, 0.0)
    }

    /// Volume of all spans, mm³.
    pub fn volume(&self) -> f64 {
        self.spans.iter().map(|span| f64::from(span.high - span.low)).sum::<f64>() * self.cell_area()
    }
}

/// Where a column goes through the surface: height, and the normal's part along the column with its sign.
#[derive(Clone, Copy)]
struct Crossing {
    cell: u32,
    z: f32,
    flat: f32,
    marked: bool,
}

struct Cutter {
    origin: DVec3,
    pitch: f64,
    size: [usize; 2],
    found: Vec<Crossing>,
}

impl Cutter {
    /// Cuts the columns under a triangle.
    ///
    /// Row by row: of the three edges those that pass the row's line give its two ends. Both triangles at an edge
    /// compute the same end, so that no column slips between them.
    fn cut(&mut self, corners: [DVec3; 3], normal: DVec3, marked: bool) {
        let local = corners.map(|corner| corner - self.origin);
        let flat = (normal.z / normal.length()) as f32;
        let ys = local.map(|p| p.y);
        let row = |y: f64| ((y / self.pitch - 0.5).ceil().max(0.0) as usize).min(self.size[1]);
        let (from, to) = (row(ys[0].min(ys[1]).min(ys[2])), row(ys[0].max(ys[1]).max(ys[2])));
        for j in from..to {
            let y = (j as f64 + 0.5) * self.pitch;
            let mut ends = [f64::INFINITY, f64::NEG_INFINITY];
            for (a, b) in [(0, 1), (1, 2), (2, 0)] {
                if (local[a].y < y) == (local[b].y < y) {
                    continue;
                }
                let (p, q) =
                    if local[a].y < local[b].y { (local[a], local[b]) } else { (local[b], local[a]) };
                let x = p.x + (q.x - p.x) * ((y - p.y) / (q.y - p.y));
                ends = [ends[0].min(x), ends[1].max(x)];
            }
            let column = |x: f64| ((x / self.pitch - 0.5).ceil().max(0.0) as usize).min(self.size[0]);
            if ends[0] > ends[1] {
                continue;
            }
            for i in column(ends[0])..column(ends[1]) {
                let x = (i as f64 + 0.5) * self.pitch;
                let z = local[0].z - (normal.x * (x - local[0].x) + normal.y * (y - local[0].y)) / normal.z;
                let low = local[0].z.min(local[1].z).min(local[2].z);
                let high = local[0].z.max(local[1].z).max(local[2].z);
                self.found.push(Crossing {
                    cell: (j * self.size[0] + i) as u32,
                    z: z.clamp(low, high) as f32,
                    flat,
                    marked,
                });
            }
        }
    }
}

/// Sorts crossings into columns and pairs them up by how deep in matter a column is.
fn spans(crossings: Vec<Crossing>, cells: usize) -> (Vec<u32>, Vec<Span>) {
    let mut start = vec![0_u32; cells + 1];
    for crossing in &crossings {
        start[crossing.cell as usize + 1] += 1;
    }
    for cell in 0..cells {
        start[cell + 1] += start[cell];
    }
    let mut next = start.clone();
    let mut sorted = vec![Crossing { cell: 0, z: 0.0, flat: 0.0, marked: false }; crossings.len()];
    for crossing in crossings {
        let place = &mut next[crossing.cell as usize];
        sorted[*place as usize] = crossing;
        *place += 1;
    }
    let (mut first, mut spans) = (Vec::with_capacity(cells + 1), Vec::with_capacity(sorted.len() / 2));
    for cell in 0..cells {
        first.push(spans.len() as u32);
        let column = &mut sorted[start[cell] as usize..start[cell + 1] as usize];
        // At one height matter begins before it ends: a flat-folded span is no gap.
        column.sort_by(|a, b| a.z.total_cmp(&b.z).then(a.flat.total_cmp(&b.flat)));
        let (mut depth, mut open) = (0_i32, None);
        for crossing in column.iter() {
            if crossing.flat < 0.0 {
                open = open.or(Some(*crossing));
                depth += 1;
            } else {
                depth -= 1;
                if let (Some(begun), 0) = (open, depth) {
                    spans.push(Span {
                        low: begun.z,
                        high: crossing.z,
                        low_flat: -begun.flat,
                        low_marked: begun.marked,
                        high_marked: crossing.marked,
                    });
                    open = None;
                }
            }
        }
    }
    first.push(spans.len() as u32);
    (first, spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::ball;
    use osteon_core::{Ctx, Direction};

    #[test]
    fn the_columns_of_a_ball_hold_its_volume_and_its_walls_whatever_is_up() {
        let ball = ball(DVec3::new(40.0, -100.0, 900.0), 10.0);
        for up in [DVec3::Z, DVec3::X, DVec3::new(1.0, -2.0, 0.5)] {
            let turn = Turn::with_up(Direction::new(up).unwrap());
            let columns = Columns::new(ball.mesh(), &[], &turn, 0.5, &Ctx::default()).unwrap();
            // Midpoint rule over ~1257 cells: the error is below the rim's cells, 2π·20 cells of a small height.
            assert!((columns.volume() / ball.volume() - 1.0).abs() < 0.01, "{}", columns.volume());
            assert!((columns.height - 20.0).abs() < 0.05);
            // ∫ of 2π√(r² − z²) over z is π²·r²: 986.96 mm²; the facets take less than 1 % away.
            assert!((columns.walls / 986.96 - 1.0).abs() < 0.01, "{}", columns.walls);
        }
    }

    #[test]
    fn a_column_through_a_gap_has_two_spans_with_their_slopes() {
        let one = |cell, z, flat| Crossing { cell, z, flat, marked: z == 5.0 };
        let found = vec![one(1, 5.0, -1.0), one(1, 0.0, -0.5), one(1, 7.0, 0.25), one(1, 2.0, 1.0)];
        let (first, spans) = spans(found, 3);
        assert_eq!(first, [0, 0, 2, 2]);
        let span =
            |low, high, low_flat, low_marked| Span { low, high, low_flat, low_marked, high_marked: false };
        assert_eq!(spans, [span(0.0, 2.0, 0.5, false), span(5.0, 7.0, 1.0, true)]);
    }

    #[test]
    fn nested_shells_are_one_span_of_matter() {
        let one = |z, flat| Crossing { cell: 0, z, flat, marked: false };
        let (_, spans) = spans(vec![one(0.0, -1.0), one(1.0, -1.0), one(2.0, 1.0), one(3.0, 1.0)], 1);
        assert_eq!(spans.iter().map(|s| [s.low, s.high]).collect::<Vec<_>>(), [[0.0, 3.0]]);
    }
}
