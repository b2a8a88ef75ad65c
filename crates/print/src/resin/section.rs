//! Solids cut at every layer, a few layers at a time.
//!
//! A layer is cut in its middle. A vertex exactly there counts as above, so that every crossing is one of an edge with
//! one end above and one below, and outlines are closed.

use super::error::ResinError;
use super::place::Standing;
use super::printer::Screen;
use super::raster::{Edge, Frame, Run, draw};
use glam::DVec2;
use osteon_core::{Cancelled, Ctx, Mesh, Solid};
use rayon::prelude::*;

/// Layers that are cut and drawn by one task.
///
/// Chosen: a triangle of bone reaches over about as many, so that few are looked at twice.
const BLOCK: usize = 16;

/// Tasks whose results are kept in memory together.
///
/// Chosen: enough that cores do not wait for each other; fixed, so that nothing depends on their number.
const BATCH: usize = 8;

/// Solids in a picture's coordinates, ready to be cut.
pub struct Stack {
    parts: Vec<Part>,
    frame: Frame,
    height: f64,
    layers: usize,
}

/// One solid.
struct Part {
    /// Column and row of each vertex.
    places: Vec<DVec2>,
    /// Height of each vertex above the plate, mm.
    heights: Vec<f64>,
    triangles: Vec<[u32; 3]>,
    /// The shell of each triangle, numbered over all solids.
    shells: Vec<u32>,
    /// Triangles that reach into each block of layers.
    blocks: Vec<Vec<u32>>,
}

impl Stack {
    /// Prepares solids that stand on the plate to be cut in layers of a height in mm.
    ///
    /// `levels` are the brightnesses a pixel may have, 2 to 256.
    ///
    /// # Errors
    /// `resin-setting` for a layer or levels out of range, or when stopped.
    pub fn new(
        solids: &[&Solid],
        standing: &Standing,
        screen: &Screen,
        (height, levels): (f64, u32),
        ctx: &Ctx,
    ) -> Result<Self, ResinError> {
        if !(0.01..=0.3).contains(&height) || !(2..=256).contains(&levels) {
            let what = format!(
                "a layer of {height} mm with {levels} levels of brightness is outside 0.01 to 0.3 mm and 2 to 256"
            );
            return Err(ResinError::Setting { what });
        }
        let frame = Frame { pixels: screen.pixels, mirrored: screen.mirrors(), levels };
        let mut parts = Vec::with_capacity(solids.len());
        let mut shells = 0;
        for solid in solids {
            ctx.check()?;
            let part = Part::new(solid.mesh(), standing, screen, &mut shells);
            parts.push(part);
        }
        let top = parts.iter().flat_map(|part| &part.heights).fold(0.0_f64, |top, z| top.max(*z));
        // The last layer is the last whose middle lies below the top.
        let layers = (top / height - 0.5).ceil().max(0.0) as usize;
        for part in &mut parts {
            part.fill_blocks(height, layers);
        }
        Ok(Self { parts, frame, height, layers })
    }

    /// How many layers there are.
    pub const fn layers(&self) -> usize {
        self.layers
    }

    /// Layer height, mm.
    pub const fn height(&self) -> f64 {
        self.height
    }

    /// The picture.
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Height of a layer's middle above the plate, mm.
    pub fn middle(&self, layer: usize) -> f64 {
        (layer as f64 + 0.5) * self.height
    }

    /// Cuts and draws all layers; `work` makes of each what is wanted, `take` gets that in the order of layers.
    ///
    /// # Errors
    /// Those of `take`, or when stopped.
    pub fn each<T: Send>(
        &self,
        work: impl Fn(usize, &[Edge]) -> T + Sync,
        mut take: impl FnMut(usize, T) -> Result<(), ResinError>,
        ctx: &Ctx,
    ) -> Result<(), ResinError> {
        let blocks = self.layers.div_ceil(BLOCK);
        for batch in (0..blocks).step_by(BATCH) {
            ctx.done(batch as f64 / blocks.max(1) as f64)?;
            let made: Vec<Vec<T>> = (batch..(batch + BATCH).min(blocks))
                .into_par_iter()
                .map(|block| {
                    ctx.check()?;
                    let first = block * BLOCK;
                    let edges = self.edges(block).into_iter().enumerate();
                    Ok(edges.map(|(n, edges)| work(first + n, &edges)).collect())
                })
                .collect::<Result<_, Cancelled>>()?;
            for (n, made) in made.into_iter().flatten().enumerate() {
                take(batch * BLOCK + n, made)?;
            }
        }
        Ok(ctx.done(1.0)?)
    }

    /// One layer's picture.
    pub fn draw(&self, edges: &[Edge]) -> Vec<Run> {
        draw(edges, &self.frame)
    }

    /// The outlines of one layer, drawn by nobody yet.
    pub fn outline(&self, layer: usize) -> Vec<Edge> {
        if layer >= self.layers {
            return Vec::new();
        }
        std::mem::take(&mut self.edges(layer / BLOCK)[layer % BLOCK])
    }

    /// The outlines of a block of layers.
    fn edges(&self, block: usize) -> Vec<Vec<Edge>> {
        let first = block * BLOCK;
        let count = BLOCK.min(self.layers - first);
        let mut layers = vec![Vec::new(); count];
        for part in &self.parts {
            for &triangle in &part.blocks[block] {
                let [low, high] = part.reach(triangle);
                let (from, to) = self.cut(low, high);
                for layer in from.max(first)..to.min(first + count) {
                    layers[layer - first].push(part.edge(triangle, self.middle(layer)));
                }
            }
        }
        layers
    }

    /// The layers whose middles cut what reaches from one height to another: low < middle ≤ high.
    fn cut(&self, low: f64, high: f64) -> (usize, usize) {
        let mut from = ((low / self.height - 0.5).floor().max(-1.0) + 1.0) as usize;
        // Rounding may put a middle on the wrong side; the comparison decides.
        while from > 0 && self.middle(from - 1) > low {
            from -= 1;
        }
        while self.middle(from) <= low {
            from += 1;
        }
        let mut to = from;
        while self.middle(to) <= high {
            to += 1;
        }
        (from, to)
    }
}

impl Part {
    fn new(mesh: &Mesh, standing: &Standing, screen: &Screen, shells: &mut u32) -> Self {
        let bed: Vec<_> = mesh.vertices.par_iter().map(|&v| standing.to_bed.point(v).vec()).collect();
        let places = bed.par_iter().map(|p| screen.picture(p.truncate())).collect();
        let heights = bed.iter().map(|p| p.z).collect();
        let shells = numbered(mesh, shells);
        Self { places, heights, triangles: mesh.triangles.clone(), shells, blocks: Vec::new() }
    }

    fn reach(&self, triangle: u32) -> [f64; 2] {
        let h = self.triangles[triangle as usize].map(|v| self.heights[v as usize]);
        [h[0].min(h[1]).min(h[2]), h[0].max(h[1]).max(h[2])]
    }

    fn fill_blocks(&mut self, height: f64, layers: usize) {
        let count = layers.div_ceil(BLOCK);
        let mut blocks = vec![Vec::new(); count];
        for triangle in 0..self.triangles.len() as u32 {
            let [low, high] = self.reach(triangle);
            let block = |z: f64| (z / height / BLOCK as f64).floor().max(0.0) as usize;
            // One block to either side costs little and takes care of rounding.
            let (from, to) = (block(low - height), block(high + height));
            for list in blocks.iter_mut().take(to + 1).skip(from) {
                list.push(triangle);
            }
        }
        self.blocks = blocks;
    }

    /// Where a triangle is cut at a height: matter is on the left, seen from above.
    fn edge(&self, triangle: u32, height: f64) -> Edge {
        let [a, b, c] = self.triangles[triangle as usize];
        let above = |v: u32| self.heights[v as usize] >= height;
        let (mut from, mut to) = (DVec2::ZERO, DVec2::ZERO);
        for (p, q) in [(a, b), (b, c), (c, a)] {
            if above(p) && !above(q) {
                from = self.crossing(p, q, height);
            } else if !above(p) && above(q) {
                to = self.crossing(p, q, height);
            }
        }
        Edge { from, to, shell: self.shells[triangle as usize] }
    }

    /// Where an edge crosses a height; the same bits from both of its triangles.
    fn crossing(&self, p: u32, q: u32, height: f64) -> DVec2 {
        let (a, b) = (p.min(q) as usize, p.max(q) as usize);
        let share = (height - self.heights[a]) / (self.heights[b] - self.heights[a]);
        self.places[a] + (self.places[b] - self.places[a]) * share.clamp(0.0, 1.0)
    }
}

/// The number of each triangle's shell, counted on from `next`.
fn numbered(mesh: &Mesh, next: &mut u32) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    for [a, b, c] in &mesh.triangles {
        for other in [b, c] {
            let (x, y) = (root(&mut parent, *a), root(&mut parent, *other));
            parent[x.max(y) as usize] = x.min(y);
        }
    }
    let mut numbers = vec![u32::MAX; parent.len()];
    let number = |t: &[u32; 3]| {
        let slot = &mut numbers[root(&mut parent, t[0]) as usize];
        if *slot == u32::MAX {
            *slot = *next;
            *next += 1;
        }
        *slot
    };
    mesh.triangles.iter().map(number).collect()
}

/// The vertex that stands for all that hang together with this one.
fn root(parent: &mut [u32], mut at: u32) -> u32 {
    while parent[at as usize] != at {
        let up = parent[parent[at as usize] as usize];
        parent[at as usize] = up;
        at = up;
    }
    at
}

/// The area each layer cuts out of a solid, mm²: signed, so that cavities count against it.
///
/// Shells that overlap count twice. Nothing is linked or drawn, so a thousand layers of a large mesh take a moment.
///
/// # Errors
/// Only when stopped.
pub fn areas(solid: &Solid, standing: &Standing, height: f64, ctx: &Ctx) -> Result<Vec<f64>, Cancelled> {
    let mesh = solid.mesh();
    let places: Vec<_> = mesh.vertices.par_iter().map(|&v| standing.to_bed.point(v).vec()).collect();
    let top = places.iter().fold(0.0_f64, |top, p| top.max(p.z));
    let layers = (top / height - 0.5).ceil().max(0.0) as usize;
    let origin = places.first().map_or(DVec2::ZERO, |p| p.truncate());
    let parts: Vec<Vec<f64>> = mesh
        .triangles
        .par_chunks(CHUNK)
        .map(|triangles| {
            ctx.check()?;
            let mut sums = vec![0.0; layers];
            for triangle in triangles {
                let [a, b, c] = triangle.map(|v| places[v as usize]);
                let (low, high) = (a.z.min(b.z).min(c.z), a.z.max(b.z).max(c.z));
                let from = (low / height - 0.5).ceil().max(0.0) as usize;
                for (layer, sum) in sums.iter_mut().enumerate().skip(from) {
                    let z = (layer as f64 + 0.5) * height;
                    if z > high {
                        break;
                    }
                    let cross = |p: glam::DVec3, q: glam::DVec3| {
                        let share = (z - p.z) / (q.z - p.z);
                        p.truncate() + (q - p).truncate() * share - origin
                    };
                    let (mut from, mut to) = (DVec2::ZERO, DVec2::ZERO);
                    for (p, q) in [(a, b), (b, c), (c, a)] {
                        if p.z >= z && q.z < z {
                            from = cross(p, q);
                        } else if p.z < z && q.z >= z {
                            to = cross(p, q);
                        }
                    }
                    *sum += from.perp_dot(to) / 2.0;
                }
            }
            Ok(sums)
        })
        .collect::<Result<_, Cancelled>>()?;
    let mut sums = vec![0.0; layers];
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(sum, add)| *sum += add);
    }
    Ok(sums)
}

/// Triangles looked at by one task.
const CHUNK: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resin::{resin_printer, stand};
    use crate::test_shapes::{ball, bracket};
    use crate::turn::Turn;
    use glam::DVec3;
    use osteon_core::Direction;

    fn poses() -> [Turn; 3] {
        [DVec3::Z, DVec3::new(1.0, 1.0, 1.0), DVec3::new(-2.0, 0.3, -1.0)]
            .map(|up| Turn::with_up(Direction::new(up).unwrap()))
    }

    fn light(runs: &[Run]) -> f64 {
        runs.iter().map(|run| f64::from(run.length) * f64::from(run.value)).sum::<f64>() / 255.0
    }

    #[test]
    fn every_layer_is_lit_by_the_area_of_its_section_in_any_pose() {
        let printer = resin_printer("saturn-4-ultra").unwrap();
        let ctx = Ctx::default();
        for part in [ball(DVec3::new(3.0, 4.0, 5.0), 4.0), bracket(DVec3::ZERO)] {
            for turn in poses() {
                let standing = stand(&[&part], &printer, &turn, [0.0, 0.0]).unwrap();
                let stack = Stack::new(&[&part], &standing, &printer.screen, (0.1, 256), &ctx).unwrap();
                let truth = areas(&part, &standing, 0.1, &ctx).unwrap();
                let [w, h] = printer.screen.pixel();
                let mut found = Vec::new();
                stack
                    .each(
                        |_, edges| light(&stack.draw(edges)) * w * h,
                        |_, a| {
                            found.push(a);
                            Ok(())
                        },
                        &ctx,
                    )
                    .unwrap();
                assert_eq!(found.len(), truth.len());
                for (found, truth) in found.iter().zip(&truth) {
                    // The goal is 0.5 %; a thousandth of the first pixels is rounding.
                    assert!((found - truth).abs() <= 0.005 * truth + 1e-3 * w * h, "{found} {truth}");
                }
                let volume: f64 = truth.iter().sum::<f64>() * 0.1;
                // The middle rule over flat faces of a turned part errs by half a layer of them at most.
                assert!((volume - part.volume()).abs() < 0.02 * part.volume(), "{volume} {}", part.volume());
            }
        }
    }

    #[test]
    fn layers_are_the_same_at_any_number_of_threads_and_come_in_order() {
        let printer = resin_printer("generic-4k").unwrap();
        let part = ball(DVec3::ZERO, 6.0);
        let standing = stand(&[&part], &printer, &Turn::standing(), [0.0, 0.0]).unwrap();
        let ctx = Ctx::default();
        let stack = Stack::new(&[&part], &standing, &printer.screen, (0.05, 256), &ctx).unwrap();
        let drawn = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut all = Vec::new();
            pool.install(|| {
                stack.each(
                    |layer, edges| (layer, stack.draw(edges)),
                    |n, (layer, runs)| {
                        assert_eq!(n, layer);
                        all.push(runs);
                        Ok(())
                    },
                    &ctx,
                )
            })
            .unwrap();
            all
        };
        let one = drawn(1);
        assert_eq!(one.len(), 240);
        assert!(one == drawn(2) && one == drawn(8));
    }

    #[test]
    fn a_layer_or_levels_out_of_range_are_refused() {
        let printer = resin_printer("generic-4k").unwrap();
        let part = ball(DVec3::ZERO, 6.0);
        let standing = stand(&[&part], &printer, &Turn::standing(), [0.0, 0.0]).unwrap();
        for wrong in [(0.0, 256), (0.05, 1), (0.05, 257), (f64::NAN, 256)] {
            assert!(Stack::new(&[&part], &standing, &printer.screen, wrong, &Ctx::default()).is_err());
        }
    }
}
