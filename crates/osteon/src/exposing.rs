//! A solid on a resin printer: held, drawn layer by layer, written, read back and proven.

use crate::failure::Failure;
use osteon_case::{CaseError, CasePath, Folder};
use osteon_core::{Ctx, ErrorKind, Finding, Solid};
use osteon_mesh::region::Regions;
use osteon_print::resin::file::{self, Picture, Previews};
use osteon_print::resin::verify::{self, Proof};
use osteon_print::resin::{
    Estimate, Format, Reading, ResinError, ResinPrinter, Stack, Standing, Supports, estimate, resin_printer,
    stand, supports,
};
use osteon_print::{Hand, Turn};
use osteon_view::{Camera, Model, Paint, Part, View, shaded};
use std::path::Path;

/// How a solid is exposed.
pub(crate) struct Exposing<'a> {
    /// The printer.
    pub printer: &'a ResinPrinter,
    /// Layer height, mm.
    pub layer: f64,
    /// Levels of brightness.
    pub levels: u32,
    /// Which side is up.
    pub turn: Turn,
    /// Where supports must not touch; none for no supports.
    pub held: Option<&'a Regions>,
}

/// What was exposed.
pub(crate) struct Exposed {
    /// Where it stands.
    pub standing: Standing,
    /// Time and resin.
    pub estimate: Estimate,
    /// What the file was found to be.
    pub proof: Proof,
    /// How many pillars hold it.
    pub pillars: usize,
    /// What a person should look at.
    pub findings: Vec<Finding>,
}

/// Largest file that is read back, bytes. Chosen: ten times the largest a printer was seen to take.
const LARGEST: u64 = 8 << 30;

/// Exposes a part into a file of a folder, and proves the file.
pub(crate) fn expose(
    part: &Solid,
    how: &Exposing<'_>,
    title: &str,
    (folder, name, format): (&Folder, &str, Format),
    ctx: &Ctx,
) -> Result<Exposed, Failure> {
    let Exposing { printer, layer, levels, turn, held } = how;
    let free = if held.is_some() { [printer.supports.lift, printer.supports.margin] } else { [0.0, 0.0] };
    let standing = stand(&[part], printer, turn, free)?;
    let holding = match held {
        Some(regions) => {
            Some(supports(part, &standing, printer, *layer, regions, &ctx.part("supports", 0.0, 0.25))?)
        }
        None => None,
    };
    let mut solids = vec![part];
    solids.extend(holding.as_ref().and_then(|held| held.solid.as_ref()));
    let stack = Stack::new(&solids, &standing, &printer.screen, (*layer, *levels), ctx)?;
    let taken = estimate(&solids, &standing, printer, *layer, &ctx.part("estimate", 0.25, 0.3))?;
    let previews = previews(&solids, format, ctx)?;
    let job = file::Job { stack: &stack, printer, estimate: &taken, title, previews: &previews };
    let path = CasePath::new(name)?;
    folder
        .stream(&path, |out| {
            file::write(&job, format, out, &ctx.part("drawing layers", 0.3, 0.7)).map_err(Fault::Resin)
        })
        .map_err(Failure::from)?;
    let bytes = folder.get(&path)?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("{name} has {} bytes", bytes.len());
        return Err(Failure::new(ErrorKind::Unsupported, "too-large", message, "use thicker layers"));
    }
    let proven = verify::Job { stack: &stack, standing: &standing, printer, estimate: &taken };
    let proof = verify::verify(&Reading::new(&bytes)?, &proven, &ctx.part("reading back", 0.7, 1.0))?;
    let (pillars, told) = holding.map_or((0, Vec::new()), |h: Supports| (h.touches.len(), h.findings));
    let findings = told.into_iter().chain(proof.findings.iter().cloned()).collect();
    Ok(Exposed { standing, estimate: taken, proof, pillars, findings })
}

/// Why a file could not be written: the folder's fault, or the pictures'.
enum Fault {
    Case(CaseError),
    Resin(ResinError),
}

impl From<CaseError> for Fault {
    fn from(error: CaseError) -> Self {
        Self::Case(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Case(error) => error.into(),
            Fault::Resin(error) => error.into(),
        }
    }
}

/// Pictures of the part with its supports, in the sizes the printer shows.
fn previews(solids: &[&Solid], format: Format, ctx: &Ctx) -> Result<Previews, Failure> {
    let sizes: &[[u32; 2]] = match format {
        Format::Goo => &[[116, 116], [290, 290]],
        Format::Sl1 => &[[400, 400], [800, 480]],
        Format::Png => &[],
    };
    if sizes.is_empty() {
        return Ok(Previews::default());
    }
    let colours = [[232, 214, 178], [128, 174, 128]].into_iter().cycle().map(Paint::Plain);
    let parts: Vec<Part<'_>> =
        solids.iter().zip(colours).map(|(solid, paint)| Part { mesh: solid.mesh(), paint }).collect();
    let model = Model::new(&parts)?;
    let mut pictures = Vec::new();
    for &size in sizes {
        let camera: Camera = model.camera(View::Oblique, size.map(|edge| edge as usize))?;
        let picture = shaded(&model, &camera, ctx)?;
        pictures.push(Picture { size, rgb: picture.rgb().to_vec() });
    }
    Ok(Previews(pictures))
}

/// The profile: a built-in one by name, or a file of the user's.
pub(crate) fn resin_profile(name: &str) -> Result<ResinPrinter, Failure> {
    if !name.ends_with(".toml") {
        return Ok(resin_printer(name)?);
    }
    let bytes = osteon_io::file::read(Path::new(name), 1 << 20)?;
    Ok(ResinPrinter::parse(&String::from_utf8_lossy(&bytes))?)
}

impl Exposed {
    /// What was done, for a person.
    pub fn lines(&self, how: &Exposing<'_>) -> Vec<String> {
        let Self { estimate, proof, .. } = self;
        let supports = estimate.millilitres - estimate.part_millilitres;
        let hand = match proof.hand {
            Hand::Kept => "not mirrored",
            Hand::Mirrored => "mirrored",
            Hand::Undecided => "its own mirror image where compared",
            Hand::Unknown => "not the part's outlines",
        };
        vec![
            format!(
                "{}: {} layers of {} mm, {:.1} mm high, {} pillars",
                how.printer.title,
                proof.layers,
                how.layer,
                self.standing.top(),
                self.pillars
            ),
            format!(
                "{:.1} ml of resin ({:.1} ml supports), {:.0} g, cost {:.2}; {:.1} h by the profile's times",
                estimate.millilitres,
                supports,
                estimate.grams,
                estimate.cost,
                estimate.seconds / 3600.0
            ),
            format!(
                "read back: {:.1} ml cured, light within {:.2} % of the section in every layer, outlines {:.1} % in \
                 common at {} heights, {hand}, {} islands",
                proof.millilitres,
                proof.area_error,
                100.0 * proof.overlap,
                proof.heights,
                proof.islands
            ),
        ]
    }
}
