//! Marks pressed into a surface, without boolean operations.
//!
//! Where a surface is a height field seen along a direction, moving its vertices along that direction
//! keeps it one: the marked patch cannot fold over itself. So the visible patch below the strokes is
//! refined in place and its vertices are displaced into the material, never by more than what leaves
//! the wanted thickness below. What is not visible, folded or too thin is refused.

use crate::depth_map::{DepthMap, View, Window, depth_map};
use crate::refine::{Facet, Patch};
use crate::strokes::{Groove, Strokes};
use glam::{DVec2, DVec3};
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, NotSolid, Patient, Point, Solid};
use rayon::prelude::*;

/// Triangles looked at by one task.
const CHUNK: usize = 1 << 15;

/// Signed projected area in mm² down to which a triangle counts as seen edge-on and not as facing away:
/// the rounding of coordinates a metre from the origin.
const EDGE_ON: f64 = 1e-9;

/// How far in mm a vertex may be from the depth seen around it and still count as visible.
const VISIBLE: f64 = 0.05;

/// Why marks cannot be pressed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PressError {
    /// A length is zero, negative or not finite.
    #[error(
        "a groove of {width} mm × {depth} mm with walls of {wall} mm and edges of {edge} mm cannot be made"
    )]
    Groove {
        /// Width of the groove in mm.
        width: f64,
        /// Depth in mm.
        depth: f64,
        /// Breadth of its walls in mm.
        wall: f64,
        /// Edge length of the refined surface in mm.
        edge: f64,
    },
    /// There is no surface below a stroke.
    #[error("there is no surface below the stroke near {near:?}")]
    OffSurface {
        /// Where, on the plane of the strokes.
        near: Point<Patient>,
    },
    /// The surface is folded below a stroke: seen from the viewer it is not a height field.
    #[error("the surface is folded near {near:?}")]
    Folded {
        /// Where.
        near: Point<Patient>,
    },
    /// There is too little material below a stroke.
    #[error("{thickness:.2} mm of material near {near:?}, where the groove needs {needed:.2} mm")]
    TooThin {
        /// Thickness found, in mm.
        thickness: f64,
        /// Thickness needed: the groove's depth and what must remain below it.
        needed: f64,
        /// Where.
        near: Point<Patient>,
    },
    /// The pressed surface does not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// Stopped on request.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for PressError {
    fn kind(&self) -> ErrorKind {
        match self {
            PressError::Groove { .. } => ErrorKind::Input,
            PressError::NotSolid(_) => ErrorKind::Numeric,
            PressError::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Unsupported,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            PressError::Groove { .. } => "no-groove",
            PressError::OffSurface { .. } => "marks-off-surface",
            PressError::Folded { .. } => "surface-folded",
            PressError::TooThin { .. } => "too-thin-for-marks",
            PressError::NotSolid(_) => "pressed-not-solid",
            PressError::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            PressError::Groove { .. } => "give lengths above zero",
            PressError::TooThin { .. } => "make the groove shallower, or move the marks to thicker material",
            PressError::NotSolid(_) => {
                "report this with the mesh; move the marks to a smoother place meanwhile"
            }
            PressError::Cancelled(_) => return Cancelled.help(),
            _ => "make the marks smaller, or move them to a smoother place",
        }
        .to_owned()
    }
}

/// What is to be pressed in.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    /// The lines, on the plane through the view's origin: x to the right, y upwards. Their reach must be
    /// at least that of the groove.
    pub strokes: &'a Strokes,
    /// The groove along the lines.
    pub groove: Groove,
    /// Thickness in mm, along the view, that must remain below the groove.
    pub keep: f64,
    /// Edge length in mm to which the surface is refined near the strokes.
    pub edge: f64,
}

/// Presses marks into the surface a viewer sees.
///
/// Only triangles below the strokes and their neighbours change; everything else keeps its vertices and
/// their order. The depth is measured along the view.
pub fn press(solid: &Solid, view: &View, marks: &Marks<'_>, ctx: &Ctx) -> Result<Solid, PressError> {
    let Groove { width, depth, wall } = marks.groove;
    if ![width, depth, wall, marks.edge].iter().all(|l| l.is_finite() && *l > 0.0) {
        return Err(PressError::Groove { width, depth, wall, edge: marks.edge });
    }
    let site = Site { solid, view, marks };
    let near = site.near(ctx)?;
    ctx.done(0.2)?;
    let map = depth_map(solid.mesh(), &site.window(), ctx)?;
    ctx.done(0.4)?;
    let sheet = site.sheet(&near, &map)?;
    site.check(&near, &sheet, &map)?;
    let patch = site.refined(&sheet);
    ctx.done(0.6)?;
    let mut mesh = solid.mesh().clone();
    let is_sheet_vertex =
        Flags::of(mesh.vertices.len(), sheet.iter().flat_map(|&t| mesh.triangles[t as usize]));
    let sunk = |p: DVec3| {
        let by = site.depth_at(view.flat(Point::from_vec(p)));
        p - view.toward.vec() * by
    };
    for v in is_sheet_vertex.ones() {
        mesh.vertices[v] = Point::from_vec(sunk(mesh.vertices[v].vec()));
    }
    mesh.vertices.extend(patch.made.iter().map(|&p| Point::from_vec(sunk(p))));
    // The first child takes its parent's place, so that untouched triangles keep theirs.
    let mut last = u32::MAX;
    for facet in &patch.facets {
        if facet.parent == last {
            mesh.triangles.push(facet.corners);
        } else {
            mesh.triangles[facet.parent as usize] = facet.corners;
            last = facet.parent;
        }
    }
    ctx.done(0.7)?;
    Ok(Solid::proven(mesh, ctx)?.map_err(Box::new)?)
}

/// One place where marks are to be pressed in.
struct Site<'a> {
    solid: &'a Solid,
    view: &'a View,
    marks: &'a Marks<'a>,
}

impl Site<'_> {
    /// Depth of the groove at flat coordinates.
    fn depth_at(&self, flat: DVec3) -> f64 {
        self.marks.groove.depth_at(self.marks.strokes.distance(flat.truncate()))
    }

    fn corners(&self, triangle: u32) -> [DVec3; 3] {
        let mesh = self.solid.mesh();
        mesh.triangles[triangle as usize].map(|v| self.view.flat(mesh.vertices[v as usize]))
    }

    /// The rectangle that the grooves can touch.
    fn rectangle(&self) -> (DVec2, DVec2) {
        let (low, high) = self.marks.strokes.bounds();
        let margin = self.marks.groove.reach() + self.marks.edge;
        (low - margin, high + margin)
    }

    /// A window of fine pixels over the rectangle.
    fn window(&self) -> Window {
        let (low, high) = self.rectangle();
        // Two pixels an edge: what the refined surface can show, the map must be able to see.
        let pixel = self.marks.edge * 0.75;
        let size = ((high - low) / pixel).ceil().max(DVec2::ONE);
        Window {
            view: self.view.at(self.view.place(low.extend(0.0))),
            pixel,
            size: [size.x as usize, size.y as usize],
        }
    }

    /// Triangles, ascending, that the grooves can touch as seen by the viewer, on whatever side and depth.
    fn near(&self, ctx: &Ctx) -> Result<Vec<u32>, Cancelled> {
        let mesh = self.solid.mesh();
        let (low, high) = self.rectangle();
        // One bit for each side of the rectangle a vertex is beyond; triangles with a common bit miss it.
        let beyond: Vec<u8> = mesh
            .vertices
            .par_iter()
            .map(|&p| {
                let p = self.view.flat(p).truncate();
                let bits = [p.x < low.x, p.x > high.x, p.y < low.y, p.y > high.y];
                bits.iter().enumerate().map(|(i, &bit)| u8::from(bit) << i).sum()
            })
            .collect();
        let found: Vec<Vec<u32>> = mesh
            .triangles
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, triangles)| {
                ctx.check()?;
                let ids = (chunk * CHUNK) as u32..;
                let inside = triangles
                    .iter()
                    .zip(ids)
                    .filter(|(t, _)| t.iter().fold(u8::MAX, |bits, &v| bits & beyond[v as usize]) == 0)
                    .filter(|&(_, id)| self.touches(self.corners(id)));
                Ok(inside.map(|(_, id)| id).collect())
            })
            .collect::<Result<_, Cancelled>>()?;
        Ok(found.concat())
    }

    /// True when the grooves may touch a triangle, given by flat coordinates.
    fn touches(&self, corners: [DVec3; 3]) -> bool {
        let flat = corners.map(DVec3::truncate);
        let middle = (flat[0] + flat[1] + flat[2]) / 3.0;
        let radius = flat.iter().map(|p| p.distance(middle)).fold(0.0, f64::max);
        self.marks.strokes.pass_within(middle, radius + self.marks.groove.reach())
    }

    /// Of the near triangles those of the visible sheet: connected without turning away from the viewer
    /// to a triangle that is seen below a stroke.
    fn sheet(&self, near: &[u32], map: &DepthMap) -> Result<Vec<u32>, PressError> {
        let triangles = &self.solid.mesh().triangles;
        let facing: Vec<u32> = near.iter().copied().filter(|&t| area(self.corners(t)) >= -EDGE_ON).collect();
        let mut vertices: Vec<u32> = facing.iter().flat_map(|&t| triangles[t as usize]).collect();
        vertices.sort_unstable();
        vertices.dedup();
        // Every near vertex was just listed, so the search always finds it.
        let local = |v: u32| vertices.binary_search(&v).unwrap_or_default();
        let mut roots: Vec<usize> = (0..vertices.len()).collect();
        for &t in &facing {
            let [a, b, c] = triangles[t as usize].map(local);
            unite(&mut roots, a, b);
            unite(&mut roots, a, c);
        }
        let mut seen = vec![false; vertices.len()];
        for (at, flat) in self.pixels(map) {
            if map.triangle[at] == u32::MAX {
                return Err(PressError::OffSurface { near: self.view.place(flat) });
            }
            let corner = local(triangles[map.triangle[at] as usize][0]);
            seen[root(&mut roots, corner)] = true;
        }
        Ok(facing.into_iter().filter(|&t| seen[root(&mut roots, local(triangles[t as usize][0]))]).collect())
    }

    /// Positions in the map and flat coordinates (depth 0) of the pixels within a groove.
    fn pixels<'b>(&'b self, map: &'b DepthMap) -> impl Iterator<Item = (usize, DVec3)> + 'b {
        let (low, _) = self.rectangle();
        let [width, height] = map.window.size;
        (0..width * height).filter_map(move |at| {
            let middle = DVec2::new((at % width) as f64 + 0.5, (at / width) as f64 + 0.5);
            let flat = (low + middle * map.window.pixel).extend(0.0);
            (self.depth_at(flat) > 0.0).then_some((at, flat))
        })
    }

    /// Refuses hidden parts of the sheet, and too little material below a groove.
    fn check(&self, near: &[u32], sheet: &[u32], map: &DepthMap) -> Result<(), PressError> {
        for (at, flat) in self.pixels(map) {
            let needed = self.depth_at(flat) + self.marks.keep;
            if map.thickness(at) < needed {
                let near = self.view.place(flat.truncate().extend(f64::from(map.front[at])));
                return Err(PressError::TooThin { thickness: map.thickness(at), needed, near });
            }
        }
        // Between the pixels: every vertex, against the depths seen around it.
        for &t in near {
            let on_sheet = sheet.binary_search(&t).is_ok();
            for flat in self.corners(t) {
                let depth = self.depth_at(flat);
                let Some((nearest, deepest)) = self.seen_around(flat, map).filter(|_| depth > 0.0) else {
                    continue;
                };
                let near = self.view.place(flat);
                if on_sheet && !(nearest - VISIBLE..=deepest + VISIBLE).contains(&flat.z) {
                    return Err(PressError::Folded { near });
                }
                let needed = depth + self.marks.keep;
                if !on_sheet && flat.z - deepest < needed {
                    return Err(PressError::TooThin { thickness: flat.z - deepest, needed, near });
                }
            }
        }
        Ok(())
    }

    /// Smallest and largest depth seen in the pixel of a place and its neighbours.
    fn seen_around(&self, flat: DVec3, map: &DepthMap) -> Option<(f64, f64)> {
        let (low, _) = self.rectangle();
        let [x, y] = map.window.pixel_at(flat - low.extend(0.0))?;
        let mut range = (f64::INFINITY, f64::NEG_INFINITY);
        for y in y.saturating_sub(1)..(y + 2).min(map.window.size[1]) {
            for x in x.saturating_sub(1)..(x + 2).min(map.window.size[0]) {
                let depth = f64::from(map.front[map.index(x, y)]);
                range = (range.0.min(depth), range.1.max(depth));
            }
        }
        Some(range)
    }

    /// The sheet and its neighbours, refined near the strokes.
    fn refined(&self, sheet: &[u32]) -> Patch<'_> {
        let mesh = self.solid.mesh();
        let of_sheet = Flags::of(mesh.vertices.len(), sheet.iter().flat_map(|&t| mesh.triangles[t as usize]));
        let facets: Vec<Vec<Facet>> = mesh
            .triangles
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, triangles)| {
                let ids = (chunk * CHUNK) as u32..;
                triangles
                    .iter()
                    .zip(ids)
                    // Whoever shares an edge with the sheet shares two vertices with it.
                    .filter(|(t, _)| t.iter().filter(|&&v| of_sheet.get(v)).count() >= 2)
                    .map(|(&corners, parent)| Facet {
                        corners,
                        parent,
                        leads: sheet.binary_search(&parent).is_ok(),
                    })
                    .collect()
            })
            .collect();
        let mut patch = Patch { old: &mesh.vertices, facets: facets.concat(), made: Vec::new() };
        patch.refine(self.marks.edge, |corners| {
            self.touches(corners.map(|p| self.view.flat(Point::from_vec(p))))
        });
        patch
    }
}

/// Area in mm² of a triangle as seen by the viewer; negative if it faces away.
fn area([a, b, c]: [DVec3; 3]) -> f64 {
    (b - a).truncate().perp_dot((c - a).truncate()) / 2.0
}

/// A set of vertices.
struct Flags(Vec<u64>);

impl Flags {
    fn of(count: usize, members: impl Iterator<Item = u32>) -> Self {
        let mut words = vec![0_u64; count.div_ceil(64)];
        members.for_each(|v| words[v as usize / 64] |= 1 << (v % 64));
        Self(words)
    }

    fn get(&self, vertex: u32) -> bool {
        self.0[vertex as usize / 64] >> (vertex % 64) & 1 == 1
    }

    fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|v| self.0[v / 64] >> (v % 64) & 1 == 1)
    }
}

fn root(roots: &mut [usize], mut v: usize) -> usize {
    while roots[v] != v {
        roots[v] = roots[roots[v]];
        v = roots[v];
    }
    v
}

fn unite(roots: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(roots, a), root(roots, b));
    roots[a.max(b)] = a.min(b);
}

#[cfg(test)]
#[path = "press_tests.rs"]
mod tests;
