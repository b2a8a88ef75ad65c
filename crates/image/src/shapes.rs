//! Shapes and strokes of a brush, given in patient coordinates, painted into a mask.
//!
//! A voxel belongs to a shape when its middle does, the shape's own surface included: on every grid, however
//! turned, sheared or anisotropic. Only rows that the shape can reach are touched. In each of them the shape is
//! cut by the row's line; voxels well inside the cut are set as words, and those close to its ends are
//! asked for one by one, so that the result is that of asking for every voxel of the grid.

mod body;
mod prism;
#[cfg(test)]
mod tests;

use body::{Block, Body, Capsule, Cylinder, HalfSpace};
use glam::DVec3;
use osteon_core::frame::Part;
use osteon_core::{Cancelled, Ctx, Direction, ErrorKind, Explain, Grid, Mask, Patient, Plane, Point, Pose};
use prism::Prism;
use rayon::prelude::*;

/// A solid in the patient; all lengths in mm.
#[derive(Clone, Debug)]
pub enum Shape {
    /// All places no further than `radius` from `centre`.
    Ball {
        /// The middle.
        centre: Point<Patient>,
        /// The radius.
        radius: f64,
    },
    /// A box of edge lengths `size` around the origin of its own frame, which `pose` puts into the patient.
    Block {
        /// Where the middle and the edges are.
        pose: Pose<Part, Patient>,
        /// Edge lengths along x, y and z of its own frame.
        size: DVec3,
    },
    /// A round bar with flat ends.
    Cylinder {
        /// The middle of one end.
        from: Point<Patient>,
        /// The middle of the other end.
        to: Point<Patient>,
        /// The radius.
        radius: f64,
    },
    /// Everything on the side of a plane that its normal points to.
    HalfSpace(Plane<Patient>),
    /// A polygon pulled along a direction: what a lasso drawn in a view cuts out.
    Prism {
        /// Corners in order; only their places across `along` matter. Where the outline crosses itself, what is
        /// surrounded an even number of times is outside.
        outline: Vec<Point<Patient>>,
        /// The direction of pulling.
        along: Direction<Patient>,
        /// How far along that direction from the first corner the prism begins; may be −∞.
        from: f64,
        /// How far along that direction from the first corner it ends; may be ∞.
        to: f64,
    },
    /// All places no further than `radius` from a line through the places of `path`: a stroke of a round brush.
    Stroke {
        /// One place or more.
        path: Vec<Point<Patient>>,
        /// The radius of the brush.
        radius: f64,
    },
}

/// What painting does to the voxels of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// They become part of the mask.
    Add,
    /// They are taken out of the mask.
    Take,
}

/// Why numbers do not make a shape.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A length is negative or not finite.
    #[error("{0} mm is not the size of a shape")]
    Size(f64),
    /// A place is not finite.
    #[error("({}, {}, {}) is not a place in the patient", .0.vec().x, .0.vec().y, .0.vec().z)]
    Place(Point<Patient>),
    /// A stroke without a place, a polygon without area, or a cylinder without an axis.
    #[error("{given} different places do not make a {shape}, which needs {needed}")]
    Places {
        /// What should become of them.
        shape: &'static str,
        /// How many there are.
        given: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The prism ends before it begins.
    #[error("a prism from {from} to {to} mm ends before it begins")]
    Ends {
        /// Where it should begin, mm.
        from: f64,
        /// Where it should end, mm.
        to: f64,
    },
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Explain for ShapeError {
    fn kind(&self) -> ErrorKind {
        match self {
            ShapeError::Cancelled(_) => ErrorKind::Cancelled,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            ShapeError::Size(_) => "shape-size",
            ShapeError::Place(_) => "shape-place",
            ShapeError::Places { .. } => "shape-places",
            ShapeError::Ends { .. } => "shape-ends",
            ShapeError::Cancelled(_) => "cancelled",
        }
    }

    fn help(&self) -> String {
        match self {
            ShapeError::Size(_) => "give radii and edge lengths of zero or more millimetres".to_owned(),
            ShapeError::Place(_) => {
                "give finite coordinates in mm: x to the left, y to the back, z to the head".to_owned()
            }
            ShapeError::Places { needed, .. } => format!("give at least {needed} places that differ"),
            ShapeError::Ends { .. } => "exchange the two ends".to_owned(),
            ShapeError::Cancelled(cancelled) => cancelled.help(),
        }
    }
}

/// The voxels of a grid whose middles lie in the shape.
///
/// # Errors
/// A [`ShapeError`] for numbers that make no shape; stops when `ctx` was asked to.
pub fn rasterise(shape: &Shape, grid: &Grid, ctx: &Ctx) -> Result<Mask, ShapeError> {
    let mut mask = Mask::empty(grid);
    paint(&mut mask, shape, Paint::Add, ctx)?;
    Ok(mask)
}

/// Adds the voxels whose middles lie in the shape to a mask, or takes them away.
///
/// A shape beside the image changes nothing. When stopped, a stroke may be painted in part.
///
/// # Errors
/// A [`ShapeError`] for numbers that make no shape, before anything is changed; stops when `ctx` was asked to.
pub fn paint(mask: &mut Mask, shape: &Shape, how: Paint, ctx: &Ctx) -> Result<(), ShapeError> {
    for body in shape.bodies()? {
        ctx.check()?;
        paint_body(mask, body.as_ref(), how, ctx)?;
    }
    Ok(ctx.done(1.0)?)
}

impl Shape {
    /// True when a place lies in the shape or, to within a millionth of a millimetre, on its surface.
    ///
    /// # Errors
    /// A [`ShapeError`] for numbers that make no shape.
    pub fn holds(&self, place: Point<Patient>) -> Result<bool, ShapeError> {
        Ok(self.bodies()?.iter().any(|body| body.holds(place.vec())))
    }

    /// The parts the shape is the union of, ready to be cut by rows.
    fn bodies(&self) -> Result<Vec<Box<dyn Body>>, ShapeError> {
        Ok(match self {
            Shape::Ball { centre, radius } => {
                let centre = place(*centre)?;
                vec![Box::new(Capsule { from: centre, to: centre, radius: size(*radius)? })]
            }
            Shape::Block { pose, size: edges } => {
                for edge in edges.to_array() {
                    size(edge)?;
                }
                vec![Box::new(Block::new(pose, *edges))]
            }
            Shape::Cylinder { from, to, radius } => {
                let few = ShapeError::Places { shape: "cylinder", given: 1, needed: 2 };
                let cylinder = Cylinder::new(place(*from)?, place(*to)?, size(*radius)?).ok_or(few)?;
                vec![Box::new(cylinder)]
            }
            Shape::HalfSpace(plane) => {
                place(plane.point)?;
                vec![Box::new(HalfSpace(*plane))]
            }
            Shape::Prism { outline, along, from, to } => {
                let corners = outline.iter().map(|&p| place(p)).collect::<Result<Vec<_>, _>>()?;
                if from.is_nan() || to.is_nan() || from > to {
                    return Err(ShapeError::Ends { from: *from, to: *to });
                }
                let few = ShapeError::Places { shape: "polygon", given: outline.len(), needed: 3 };
                vec![Box::new(Prism::new(&corners, along.vec(), [*from, *to]).ok_or(few)?)]
            }
            Shape::Stroke { path, radius } => stroke(path, size(*radius)?)?,
        })
    }
}

fn stroke(path: &[Point<Patient>], radius: f64) -> Result<Vec<Box<dyn Body>>, ShapeError> {
    let path = path.iter().map(|&p| place(p)).collect::<Result<Vec<_>, _>>()?;
    let first = *path.first().ok_or(ShapeError::Places { shape: "stroke", given: 0, needed: 1 })?;
    let capsule = |from, to| Box::new(Capsule { from, to, radius }) as Box<dyn Body>;
    if path.len() == 1 {
        return Ok(vec![capsule(first, first)]);
    }
    Ok(path.windows(2).map(|pair| capsule(pair[0], pair[1])).collect())
}

fn place(place: Point<Patient>) -> Result<DVec3, ShapeError> {
    if place.vec().is_finite() { Ok(place.vec()) } else { Err(ShapeError::Place(place)) }
}

fn size(length: f64) -> Result<f64, ShapeError> {
    if length >= 0.0 && length.is_finite() { Ok(length) } else { Err(ShapeError::Size(length)) }
}

fn paint_body(mask: &mut Mask, body: &dyn Body, how: Paint, ctx: &Ctx) -> Result<(), Cancelled> {
    let grid = mask.grid().clone();
    let Some((from, to)) = body.voxels(&grid) else { return Ok(()) };
    let (words, per_slice) = (mask.words_per_row(), mask.words_per_slice());
    let slices = mask.bits_mut().par_chunks_mut(per_slice).enumerate().skip(from[2]).take(to[2] - from[2]);
    slices.try_for_each(|(z, slice)| {
        ctx.check()?;
        let mut cuts = Vec::new();
        for y in from[1]..to[1] {
            let row = &mut slice[y * words..(y + 1) * words];
            let line = Line {
                start: grid.place(0, y, z).vec(),
                step: grid.to_patient().linear.x_axis,
                range: [from[0] as f64 - 1.0, to[0] as f64],
            };
            cuts.clear();
            body.cut(&line, &mut cuts);
            for &cut in &cuts {
                let holds = |x: usize| body.holds(grid.place(x, y, z).vec());
                paint_cut(row, cut, body.doubt(), [from[0], to[0]], how, holds);
            }
        }
        Ok(())
    })
}

/// The line through the middles of the voxels of a row.
struct Line {
    /// The middle of the row's first voxel.
    start: DVec3,
    /// The step to the next.
    step: DVec3,
    /// Voxels that matter, from one before the first to one after the last.
    range: [f64; 2],
}

/// Paints the voxels between two places along a row; those within `doubt` of an end only where `holds` agrees.
fn paint_cut(
    row: &mut [u64],
    cut: [f64; 2],
    doubt: f64,
    limits: [usize; 2],
    how: Paint,
    holds: impl Fn(usize) -> bool,
) {
    let inside = |x: f64| x.max(limits[0] as f64).min(limits[1] as f64) as usize;
    let (first, last) = (inside((cut[0] - doubt).ceil()), inside((cut[1] + doubt).floor() + 1.0));
    let (sure, unsure) = (inside((cut[0] + doubt).ceil()), inside((cut[1] - doubt).floor() + 1.0));
    let (sure, unsure) = if sure < unsure { (sure, unsure) } else { (last, last) };
    fill(row, sure, unsure, how);
    (first..sure).chain(unsure..last).filter(|&x| holds(x)).for_each(|x| fill(row, x, x + 1, how));
}

/// Paints the voxels `from..to` of a row.
fn fill(row: &mut [u64], from: usize, to: usize, how: Paint) {
    for (i, word) in row.iter_mut().enumerate().take(to.div_ceil(64)).skip(from / 64) {
        let (low, high) = (from.saturating_sub(i * 64), (to - i * 64).min(64));
        let bits = u64::MAX << low & u64::MAX >> (64 - high);
        *word = match how {
            Paint::Add => *word | bits,
            Paint::Take => *word & !bits,
        };
    }
}
