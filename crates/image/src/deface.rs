//! The face in a head scan: where its skin is, and a mask of the soft tissue to be replaced by air.
//!
//! Skin drawn from a CT can be matched with photographs [mazura-2012, schwarz-2021]. Replaced are, in the front
//! and lower part of the head, the soft tissue within 12 mm of the skin and the air before it, which holds the
//! skin's faint outline. Bone and the 2 mm around it stay bit by bit, so that surfaces of bone do not move. Everything
//! is decided in patient coordinates (LPS, mm), on any grid. What is not done: ears, hair and the back of the
//! head stay, and the skull's own shape can identify as well.

mod head;
#[cfg(test)]
mod tests;

use crate::components::{Neighbours, components};
use crate::islands::{keep_at_least, keep_largest};
use crate::morphology::{close, dilate};
use crate::threshold::threshold;
use head::Region;
use osteon_core::{Cancelled, Ctx, Finding, Hu, Mask, Severity, Volume};
use rayon::prelude::*;

/// What the scan's description says about the body part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyPart {
    /// It says a part of the head.
    Head,
    /// It says another part.
    Elsewhere,
    /// It says nothing.
    #[default]
    Unknown,
}

impl BodyPart {
    /// From Body Part Examined (0018,0015) or the name of a structure.
    pub fn named(name: &str) -> Self {
        const HEAD: [&str; 22] = [
            "HEAD", "SKULL", "FACE", "JAW", "MANDIBLE", "MAXILLA", "ORBIT", "SINUS", "NOSE", "BRAIN", "TMJ",
            "ZYGOMA", "EAR", "EYE", "NECK", "CSPINE", "IAC", "DENTAL", "TEETH", "TOOTH", "CRANIUM", "CERVIX",
        ];
        let name = name.trim().to_uppercase();
        let words = || name.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        match () {
            () if words().next().is_none() => Self::Unknown,
            // A cervical spine or a neck may have the chin in it.
            () if words()
                .any(|word| HEAD.contains(&word) || word.starts_with("HEAD") || word.starts_with("NECK")) =>
            {
                Self::Head
            }
            () => Self::Elsewhere,
        }
    }
}

/// Whether there is a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A skull and below its brow the skin of a face.
    Face,
    /// It cannot be told; the mask covers where a face could be.
    Unsure,
    /// No face.
    None,
}

/// A face found.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Whether there is one.
    pub verdict: Verdict,
    /// The voxels to be replaced by air; empty if there is none.
    pub mask: Mask,
    /// The tissue among them, without the air before it.
    pub tissue: Mask,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// Air, in place of the face.
pub const AIR: i16 = -1000;

/// Tissue begins here: fat is about −100 HU, the skin's edge half-way to air; as for the patient's body.
const SKIN: Hu = Hu(-300.0);

/// Bone begins here, the usual lower bound of bone presets in CT, as for segmentation; voxels above stay as they are.
const BONE: Hu = Hu(226.0);

/// Pieces of bone of at least this many mm³ are guarded; smaller ones are noise and specks of calcium in the skin.
const PIECE: f64 = 500.0;

/// Millimetres around bone that stay: its edge is measured half-way up to the tissue beside it, which must be there.
const GUARD: f64 = 2.0;

/// Millimetres of tissue below the skin that go. Soft tissue of the face is 5 to 12 mm thick over bone at most
/// landmarks, so little of the skin's relief is left.
const DEPTH: f64 = 12.0;

/// Creases and nostrils narrower than twice this many mm count as inside the skin, so that air in them does not lead
/// the removal into the throat.
const CREASE: f64 = 4.0;

/// Air that reaches the border of the scan and is less than one part in this many of the air around the head is a
/// throat cut by the scan's end, not the outside.
const THROAT: usize = 30;

/// Finds the face of a head in a CT volume in HU. What is on the head's front is told from the air before it: a face
/// that is cut off by the field of view has no skin in the image there, and stays.
///
/// # Errors
/// Stops when `ctx` was asked to.
pub fn face(volume: &Volume<i16>, part: BodyPart, ctx: &Ctx) -> Result<Face, Cancelled> {
    let found = head::find(volume, part, &ctx.part("looking for a face", 0.0, 0.2))?;
    let none = || Mask::empty(volume.grid());
    let Some((region, verdict)) = found else {
        return Ok(Face { verdict: Verdict::None, mask: none(), tissue: none(), findings: Vec::new() });
    };
    let mask = mask(volume, &region, &ctx.part("removing the face", 0.2, 1.0))?;
    let mut tissue = threshold(volume, SKIN, None, ctx)?;
    tissue.and(&mask);
    if tissue.is_empty() {
        return Ok(Face { verdict: Verdict::None, mask: none(), tissue: none(), findings: Vec::new() });
    }
    let findings = findings(verdict, &tissue);
    Ok(Face { verdict, mask, tissue, findings })
}

/// Replaces the voxels of a mask by air.
pub fn blank(volume: &mut Volume<i16>, mask: &Mask) {
    let [nx, ny, _] = mask.grid().dims();
    volume.samples_mut().par_chunks_exact_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        for (y, row) in slice.chunks_exact_mut(nx).enumerate() {
            let bits = mask.row(y, z);
            for (x, sample) in row.iter_mut().enumerate() {
                if bits[x / 64] >> (x % 64) & 1 == 1 {
                    *sample = AIR;
                }
            }
        }
    });
}

/// Share of the removed tissue above which a structure shows the face. Bone has none of it; a shell of skin of 1 mm has
/// a twelfth.
const SHOWS: f64 = 0.05;

/// True when a structure is made of the face's skin, so that its surface would show the face.
pub fn shows_face(structure: &Mask, face: &Face) -> bool {
    let mut shared = face.tissue.clone();
    shared.and(structure);
    !shared.is_empty() && shared.count() as f64 >= SHOWS * face.tissue.count() as f64
}

fn findings(verdict: Verdict, tissue: &Mask) -> Vec<Finding> {
    let volume = tissue.volume() / 1000.0;
    let removed =
        format!("the skin of the face was replaced by air in the image: {volume:.0} cm³ of soft tissue");
    let mut findings = vec![match verdict {
        Verdict::Unsure => Finding::new(
            "face-unsure",
            Severity::Caution,
            format!(
                "it cannot be told from the image whether it shows a face; soft tissue below the skin was replaced by \
                 air where a face could be: {volume:.0} cm³"
            ),
        )
        .remedy("look at the image; if there is no face in it, keep everything (--face keep)"),
        _ => Finding::new("face-removed", Severity::Note, removed),
    }];
    let shape =
        "the shape of the skull stays and can itself identify a person to somebody who has other pictures";
    findings.push(
        Finding::new("skull-shape", Severity::Note, shape).remedy("share only the part that is needed"),
    );
    findings
}

/// The voxels of the region that go.
fn mask(volume: &Volume<i16>, region: &Region, ctx: &Ctx) -> Result<Mask, Cancelled> {
    let grid = volume.grid();
    let tissue = threshold(volume, SKIN, None, &ctx.part("skin", 0.0, 0.05))?;
    let patient =
        keep_largest(&components(&tissue, Neighbours::Faces, &ctx.part("skin", 0.05, 0.1))?, 1).mask;
    let mut outside = close(&patient, CREASE, &ctx.part("skin", 0.1, 0.4))?;
    outside.invert();
    let dims = grid.dims();
    let pieces = components(&outside, Neighbours::Faces, &ctx.part("skin", 0.4, 0.45))?;
    let most = pieces.list().first().map_or(0, |piece| piece.voxels);
    let outside = pieces.keep(|piece| piece.reaches_border(dims) && piece.voxels * THROAT >= most);
    let mut shell = dilate(&outside, DEPTH, &ctx.part("below the skin", 0.45, 0.8))?;
    let bone = threshold(volume, BONE, None, &ctx.part("bone", 0.8, 0.82))?;
    let pieces = components(&bone, Neighbours::Corners, &ctx.part("bone", 0.82, 0.85))?;
    let guard = dilate(&keep_at_least(&pieces, PIECE).mask, GUARD, &ctx.part("bone", 0.85, 0.95))?;
    // What lies behind bone, such as the brain behind a thin brow, is not skin.
    shell.subtract(&guard);
    shell.subtract(&bone);
    let map = grid.to_patient();
    let inside = |x: usize, y: usize, z: usize| {
        let place = map.linear * glam::DVec3::new(x as f64, y as f64, z as f64) + map.offset;
        region.contains(place)
    };
    shell.and(&Mask::where_true(grid, inside));
    let pieces = components(&shell, Neighbours::Faces, &ctx.part("face", 0.95, 1.0))?;
    let touching = pieces.voxels_within(&outside);
    let touching: Vec<bool> = touching.into_iter().map(|voxels| voxels > 0).collect();
    Ok(pieces.paint(&touching))
}
