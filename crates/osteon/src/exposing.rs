//! A solid on a resin printer: held, drawn layer by layer, written, read back and proven.

use crate::failure::Failure;
use crate::printing::{Printed, hand, refuse_danger};
use osteon_case::{CaseError, CasePath, Folder};
use osteon_core::{Ctx, ErrorKind, Finding, Mm, Solid};
use osteon_mesh::region::Regions;
use osteon_print::resin::file::{self, Picture, Previews};
use osteon_print::resin::verify::{self, Proof};
use osteon_print::resin::{
    Estimate, Format, Reading, ResinError, ResinPrinter, Stack, Standing, Supports, estimate, resin_printer,
    stand, supports,
};
use osteon_print::{Hand, Turn};
use osteon_view::{Camera, Model, Paint, Part, View, shaded};
use serde_json::{Value, json};
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

/// Exposes a part and proves the file; one that would be dangerous to print is not handed out.
pub(crate) fn expose(
    part: &Solid,
    how: &Exposing<'_>,
    (title, format): (&str, Format),
    ctx: &Ctx,
) -> Result<(Vec<u8>, Exposed), Failure> {
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
    let scratch = tempfile::tempdir().map_err(|e| {
        let help = "make room in the system's temporary folder";
        Failure::new(ErrorKind::Io, "no-temporary-folder", e.to_string(), help)
    })?;
    let folder = Folder::create(&scratch.path().join("layers"))?;
    let path = CasePath::new("layers")?;
    folder
        .stream(&path, |out| {
            file::write(&job, format, out, &ctx.part("drawing layers", 0.3, 0.7)).map_err(Fault::Resin)
        })
        .map_err(Failure::from)?;
    let bytes = folder.get(&path)?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("the layers of {title} take {} bytes", bytes.len());
        return Err(Failure::new(ErrorKind::Unsupported, "too-large", message, "use thicker layers"));
    }
    let proven = verify::Job { stack: &stack, standing: &standing, printer, estimate: &taken };
    let proof = verify::verify(&Reading::new(&bytes)?, &proven, &ctx.part("reading back", 0.7, 1.0))?;
    let (pillars, told) = holding.map_or((0, Vec::new()), |h: Supports| (h.touches.len(), h.findings));
    let findings: Vec<Finding> = told.into_iter().chain(proof.findings.iter().cloned()).collect();
    refuse_danger(title, "layers", &findings)?;
    Ok((bytes, Exposed { standing, estimate: taken, proof, pillars, findings }))
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

/// Largest profile that is read, bytes. Chosen: a hundred times those that are built in.
const LARGEST_PROFILE: u64 = 1 << 20;

/// The resin printer of this name or in this profile file; `None` where it is none: a filament printer, or unknown.
pub(crate) fn resin_profile(name: &str) -> Result<Option<ResinPrinter>, Failure> {
    if !name.ends_with(".toml") {
        return Ok(resin_printer(name).ok());
    }
    let bytes = osteon_io::file::read(Path::new(name), LARGEST_PROFILE)?;
    let text = String::from_utf8_lossy(&bytes);
    // Only a resin printer has a screen.
    let screen = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("screen"));
    Ok(if screen { Some(ResinPrinter::parse(&text)?) } else { None })
}

impl Exposed {
    /// What is told of the print in a case.
    pub fn printed(&self, how: &Exposing<'_>) -> Printed {
        Printed {
            printer: how.printer.title.clone(),
            program: format!("Osteon {}", crate::VERSION),
            layer: Mm(how.layer),
            layers: self.proof.layers,
            seconds: Some(self.estimate.seconds),
            grams: self.estimate.grams,
            cost: self.estimate.cost,
            deviation: None,
            hand: hand(self.proof.hand).to_owned(),
            proof: None,
        }
    }

    /// The same and more for a program.
    pub fn data(&self, how: &Exposing<'_>) -> Value {
        let (taken, proof) = (&self.estimate, &self.proof);
        json!({
            "osteon": crate::VERSION,
            "printer": how.printer.name,
            "layers": proof.layers,
            "layer_mm": how.layer,
            "height_mm": self.standing.top(),
            "up": how.turn.up().to_array(),
            "seconds": taken.seconds,
            "resin_ml": taken.millilitres,
            "part_ml": taken.part_millilitres,
            "cured_ml": proof.millilitres,
            "mass_g": taken.grams,
            "cost": taken.cost,
            "pillars": self.pillars,
            "islands": proof.islands,
            "largest_area_error_percent": proof.area_error,
            "least_common_outline": proof.overlap,
        })
    }

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
