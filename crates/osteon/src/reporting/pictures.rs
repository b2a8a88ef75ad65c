//! The pictures of a report, made once for all its languages: views, slices with outlines, maps.

use crate::artefacts;
use crate::command::make::MAPS;
use crate::failure::Failure;
use crate::job::Job;
use osteon_core::{Aabb, Ctx, Patient, Point, Solid, Volume};
use osteon_plan::Model;
use osteon_view::{Camera, Outline, Paint, Part, View, Window, marks, png, shaded, slice};

/// Size of all pictures in pixels.
const SIZE: [usize; 2] = [560, 560];
/// Colour of bone in shaded views.
const BONE: [u8; 3] = [232, 214, 178];
/// Colour of outlines on slices.
const OUTLINE: [u8; 3] = [255, 170, 40];

/// A picture and what it shows, in English as the camera says it.
pub(crate) struct Shot {
    /// From where, or which slice.
    pub caption: String,
    /// The picture as a PNG file.
    pub png: Vec<u8>,
}

/// The pictures of a product.
pub(crate) struct Album {
    /// From all sides; the first are the front, behind and the patient's left.
    pub views: Vec<Shot>,
    /// Slices with the outline of the model.
    pub slices: Vec<Shot>,
    /// Coloured by the uncertainty.
    pub maps: Vec<Shot>,
}

/// All pictures of a product.
pub(crate) fn album(job: &mut Job<'_>, model: &Model, ctx: &Ctx) -> Result<Album, Failure> {
    let (solid, volume) = (job.solid(&model.id)?, job.volume()?);
    let slices = slices(&solid, &volume, &ctx.part("slices", 0.0, 0.5))?;
    let views = views(&solid, &ctx.part("views", 0.5, 1.0))?;
    Ok(Album { views, slices, maps: maps(job, model)? })
}

/// Slices through the model with its outline over them: the proof that it lies where the bone is.
fn slices(solid: &Solid, volume: &Volume<i16>, ctx: &Ctx) -> Result<Vec<Shot>, Failure> {
    let bounds = solid.mesh().bounds();
    let middle = Point::from_vec(busiest(solid, &bounds).into());
    let mut shots = Vec::new();
    for view in [View::AXIAL, View::CORONAL, View::SAGITTAL] {
        let camera = Camera::fit(view, &bounds, SIZE)?.through(middle);
        let outline = Outline { mesh: solid.mesh(), colour: OUTLINE };
        let mut picture = slice::slice(volume, &camera, Window::BONE, &[outline], ctx)?;
        marks::mark(&mut picture, &camera, marks::Ink::ON_DARK);
        shots.push(Shot { caption: slice::caption(&camera), png: png::png(&picture)? });
    }
    Ok(shots)
}

/// A place inside the model through which slices show much of it: the middle of the largest shell.
fn busiest(solid: &Solid, bounds: &Aabb<Patient>) -> [f64; 3] {
    let largest = solid.shells().first().map_or(*bounds, |shell| shell.bounds);
    largest.middle().to_array()
}

fn views(solid: &Solid, ctx: &Ctx) -> Result<Vec<Shot>, Failure> {
    let shown = osteon_view::Model::new(&[Part { mesh: solid.mesh(), paint: Paint::Plain(BONE) }])?;
    let mut shots = Vec::new();
    for view in View::SIX {
        let camera = shown.camera(view, SIZE)?;
        let mut picture = shaded(&shown, &camera, ctx)?;
        marks::mark(&mut picture, &camera, marks::Ink::ON_LIGHT);
        shots.push(Shot { caption: view.name().to_owned(), png: png::png(&picture)? });
    }
    Ok(shots)
}

/// The model in colours that tell how well its surface is known, as `make` painted it.
fn maps(job: &mut Job<'_>, model: &Model) -> Result<Vec<Shot>, Failure> {
    let mut shots = Vec::new();
    for (n, view) in View::SIX.into_iter().take(MAPS).enumerate() {
        let path = artefacts::product(&model.id, &format!("uncertainty-{}.png", n + 1));
        if job.has(&path) {
            shots.push(Shot { caption: view.name().to_owned(), png: job.read(&path)? });
        }
    }
    Ok(shots)
}
