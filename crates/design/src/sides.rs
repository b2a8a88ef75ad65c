//! A model's sides with the room on each, and the places they offer for texts of one size.

use crate::axes::Face;
use crate::error::DesignError;
use crate::lettering::Lettering;
use crate::model::Site;
use crate::place::{Ground, Room, Spot};
use crate::style::MarkStyle;
use osteon_core::{Ctx, Direction, Solid};
use osteon_mesh::depth_map::View;
use rayon::prelude::*;

/// Letter heights are tried in steps of this many mm.
const STEP: f64 = 0.5;

/// By how many ranks of flatness (of 20) each further way of dividing the text counts as worse.
const LAYOUT: u32 = 2;

/// By how many ranks text that runs up the side counts as worse than level text. Chosen: more than the ways of dividing
/// it differ, less than a place at the limits of flatness.
const TURNED: u32 = 8;

/// Letter heights in mm, from the preferred one down.
pub(crate) fn heights(style: &MarkStyle) -> Vec<f64> {
    let steps = ((style.letter_height - style.min_letter_height) / STEP).ceil() as usize;
    (0..=steps).map(|s| (style.letter_height - s as f64 * STEP).max(style.min_letter_height)).collect()
}

/// One side of a model.
pub(crate) struct Side {
    pub(crate) face: Face,
    /// How it is read.
    pub(crate) view: View,
    /// Ranks by which it counts as worse.
    worse: u32,
    pub(crate) ground: Ground,
}

impl Side {
    /// The sides of a model, each upright and with lines that run up.
    pub(crate) fn all(
        solid: &Solid,
        site: Site<'_>,
        faces: &[Face],
        style: &MarkStyle,
        ctx: &Ctx,
    ) -> Result<Vec<Self>, DesignError> {
        let upright = faces.iter().filter_map(|&face| Some((face, site.axes.view(face)?, 0)));
        let turned = upright.clone().filter_map(|(face, view, _)| {
            let up = Direction::new(-view.right.vec())?;
            Some((face, View::new(view.origin, view.toward, up)?, TURNED))
        });
        let views: Vec<(Face, View, u32)> = upright.chain(turned).collect();
        let sides = views.into_par_iter().map(|(face, view, worse)| {
            let mut ground = Ground::new(solid, &view, style, ctx)?;
            if !site.protected.0.is_empty() {
                ground.block(|place| site.protected.contains(place));
            }
            Ok(Self { face, view, worse, ground })
        });
        let sides = sides.collect::<Result<_, DesignError>>()?;
        ctx.done(1.0)?;
        Ok(sides)
    }
}

/// A place for a text.
pub(crate) struct Candidate {
    /// Which side.
    pub(crate) side: usize,
    /// Which way of dividing the text.
    pub(crate) layout: usize,
    pub(crate) spot: Spot,
    rank: u32,
}

/// The places for letters of one size, best first, and the largest usable share of a place that is none.
///
/// `texts` are, for each side, the ways to divide the text there.
pub(crate) fn candidates(
    sides: &[Side],
    texts: &[Vec<Vec<String>>],
    lettering: &Lettering,
    style: &MarkStyle,
) -> (Vec<Candidate>, f64) {
    let all: Vec<(usize, usize)> =
        texts.iter().enumerate().flat_map(|(s, layouts)| (0..layouts.len()).map(move |l| (s, l))).collect();
    let room = |&(side, layout): &(usize, usize)| {
        sides[side].ground.best(lettering.size(&texts[side][layout], None, style.border))
    };
    let rooms: Vec<Room> = all.par_iter().map(room).collect();
    let mut candidates = Vec::new();
    let mut best_share = 0.0_f64;
    for ((side, layout), room) in all.into_iter().zip(rooms) {
        match room {
            Room::Free(spot) => {
                let rank = spot.rank + LAYOUT * layout as u32 + sides[side].worse;
                candidates.push(Candidate { side, layout, spot, rank });
            }
            Room::Share(share) => best_share = best_share.max(share),
        }
    }
    candidates.sort_by_key(|c| (c.rank, sides[c.side].face, c.side));
    (candidates, best_share)
}
