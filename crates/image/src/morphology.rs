//! Grow, shrink, close and open a mask by a ball in millimetres.
//!
//! The ball is the exact set of voxel steps no longer than the radius, measured through the grid's map, so
//! it is an ellipsoid of voxels on an anisotropic grid and a slanted one on a sheared grid. Whole rows of words
//! are joined ([`mod@ball`]) in a box around the mask.
//!
//! Border of the grid: growing sees nothing beyond it, and shrinking sees structure beyond it, so a bone cut
//! by the field of view is not eaten from the cut. Closing and opening work as if the grid went on, so the
//! border neither bridges gaps nor takes anything away.

mod ball;
mod block;

#[cfg(test)]
mod tests;

use ball::{Ball, ROWS};
use block::{Block, Span};
use osteon_core::{Cancelled, Ctx, Mask};

/// Every voxel no further than `radius` mm from a voxel of the mask.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn dilate(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let ball = Ball::new(mask.grid(), radius);
    let Some(extent) = Span::of(mask) else {
        ctx.done(1.0)?;
        return Ok(mask.clone());
    };
    let reached = extent.grown(ball.reach()).within(mask.grid());
    let bits = Block::of(mask, &reached.grown(ball.reach()), 0, ROWS as i64);
    let grown = ball.dilate(&bits, &reached, 0, ctx)?;
    ctx.done(1.0)?;
    Ok(grown.place(mask.grid()))
}

/// The voxels of the mask that are further than `radius` mm from every voxel outside it.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn erode(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let ball = Ball::new(mask.grid(), radius);
    let Some(extent) = Span::of(mask) else {
        ctx.done(1.0)?;
        return Ok(mask.clone());
    };
    let around = Block::of(mask, &extent.grown(ball.reach()), u64::MAX, ROWS as i64);
    let left = ball.dilate(&around, &extent, u64::MAX, ctx)?;
    ctx.done(1.0)?;
    Ok(left.place(mask.grid()))
}

/// Grows by a ball and shrinks back: closes gaps and holes narrower than twice `radius` mm.
///
/// Never takes a voxel away, nor adds one outside the box around the mask.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn close(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    there_and_back(mask, radius, 0, ctx)
}

/// Shrinks by a ball and grows back: takes away what is thinner than twice `radius` mm.
///
/// Never adds a voxel; the same as closing the background.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn open(mask: &Mask, radius: f64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    there_and_back(mask, radius, u64::MAX, ctx)
}

/// Grows by a ball and shrinks back within the box around the mask: the mask, or what is not of it when `flip` is
/// all ones.
fn there_and_back(mask: &Mask, radius: f64, flip: u64, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let ball = Ball::new(mask.grid(), radius);
    // A closed mask stays in the box around it: from any voxel beyond, some ball reaches only away from the box.
    let Some(extent) = Span::of(mask) else {
        ctx.done(1.0)?;
        return Ok(mask.clone());
    };
    let around = extent.grown(ball.reach());
    let bits = Block::of(mask, &around.grown(ball.reach()), flip, ROWS as i64);
    let there = ball.dilate(&bits, &around, u64::MAX, &ctx.part("there", 0.0, 0.5))?;
    drop(bits);
    let back = ball.dilate(&there, &extent, !flip, &ctx.part("and back", 0.5, 1.0))?;
    ctx.done(1.0)?;
    Ok(back.place(mask.grid()))
}
