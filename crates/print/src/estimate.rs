//! How long a print takes and what it uses up, without slicing it.
//!
//! A slicing program needs 3 to 200 s of a processor for a bone; here it is a fraction of one. The solid is turned into
//! columns over the bed ([`columns`]), swept in slabs ([`amounts`]), and what is found there is laid by a nozzle that
//! has to speed up and slow down ([`motion`]).
//!
//! 1. `columns` – where matter begins and ends above each cell of the bed; `raster` – patterns of cells
//! 2. `amounts` – lines along outlines, closed and open infill, bridges, supports
//!    `held` – where they touch the solid
//! 3. `motion` – lengths of lines and the time they take
//!
//! What is estimated is what *PrusaSlicer* would make with the settings of [`prusa`](crate::prusa). Numbers that were
//! fitted to it say so, and on what; `benches/estimate.py` measures how far off they are on bones they were not
//! fitted on.

mod amounts;
mod columns;
mod held;
mod motion;
mod raster;

pub(crate) use amounts::{Amounts, amounts};
pub(crate) use columns::Columns;
pub use held::{Held, held};

use crate::material::Material;
use crate::printer::{Printer, Process};
use crate::turn::Turn;
use osteon_core::{Cancelled, Ctx, Mesh, Solid};
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_PI_4, PI};

/// What a print is made on and with.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The printer.
    pub printer: &'a Printer,
    /// Its settings.
    pub process: &'a Process,
    /// How the slicing program builds supports.
    pub habits: Habits,
}

/// How a slicing program builds supports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// Width of a line, mm.
    pub support_line: f64,
    /// Free space between lines, mm.
    pub support_gap: f64,
    /// Whether a line runs around them.
    pub sheath: bool,
    /// Whether closed layers lie under them where they stand on the solid.
    pub lower_interface: bool,
}

impl<'a> Setup<'a> {
    /// A printer with its settings, and supports as [`prusa`](crate::prusa) asks for them.
    pub const fn new(printer: &'a Printer, process: &'a Process) -> Self {
        let habits =
            Habits { support_line: printer.line(), support_gap: 2.5, sheath: true, lower_interface: true };
        Self { printer, process, habits }
    }

    /// Distance of neighbouring lines, mm.
    ///
    /// A line is a rectangle with half circles at its sides, laid so that no more is left free than those take:
    /// w − h·(1 − π/4), as PrusaSlicer lays them.
    pub(crate) fn spacing(&self) -> f64 {
        self.printer.line() - self.process.layer * (1.0 - FRAC_PI_4)
    }

    /// Cosine of the angle to the bed below which a lower face is held up.
    ///
    /// One degree more than the profile says: what PrusaSlicer itself adds before it compares.
    pub(crate) fn steep(&self) -> f64 {
        libm::cos((self.process.overhang + 1.0).to_radians())
    }
}

/// What a print comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Time, s, without heating.
    pub seconds: f64,
    /// Plastic in the solid, mm³.
    pub model_mm3: f64,
    /// Plastic in supports, mm³.
    pub support_mm3: f64,
    /// Mass of all plastic, with brim and skirt, g.
    pub grams: f64,
    /// Length of all filament, m.
    pub metres: f64,
    /// Cost of the filament, in the currency of the profile.
    pub cost: f64,
    /// Number of layers.
    pub layers: usize,
    /// Height as printed, mm.
    pub height_mm: f64,
    /// Area of the solid that touches the bed, mm².
    pub footprint_mm2: f64,
    /// Area of supports that touches the bed, mm².
    pub support_footprint_mm2: f64,
    /// Area of the solid that rests on supports, mm².
    pub held_mm2: f64,
    /// Protected area that supports touch, mm².
    pub touched_mm2: f64,
    /// How far the centre of mass is within what stands on the bed, mm; negative where it tips over.
    pub steady_mm: f64,
}

/// Edge of a cell, mm.
///
/// Chosen: 1.5 lines of a usual nozzle; the lines along an outline are then two cells wide.
pub(crate) const PITCH: f64 = 0.6;

/// Most cells: of a larger solid the cells grow. Chosen: half a second of one processor.
pub(crate) const MOST_CELLS: f64 = 150_000.0;

/// How long a solid takes with this side up, and what it uses up.
///
/// # Errors
/// [`Cancelled`].
pub fn estimate(solid: &Solid, turn: &Turn, setup: &Setup<'_>, ctx: &Ctx) -> Result<Estimate, Cancelled> {
    let mesh = solid.mesh();
    let columns = Columns::new(mesh, &[], turn, pitch(mesh, PITCH), &ctx.part("columns", 0.0, 0.4))?;
    estimate_columns(&columns, setup, &ctx.part("layers", 0.4, 1.0))
}

/// Edge of the cells for a mesh, mm: the finest that is asked for, or more where there would be too many.
pub(crate) fn pitch(mesh: &Mesh, finest: f64) -> f64 {
    pitch_within(mesh, finest, MOST_CELLS)
}

/// The same for another number of cells.
pub(crate) fn pitch_within(mesh: &Mesh, finest: f64, most: f64) -> f64 {
    let size = mesh.bounds().size();
    // The largest shadow of a box is at most half its surface.
    let shadow = size.x * size.y + size.y * size.z + size.z * size.x;
    finest.max((shadow / most).sqrt())
}

/// The same for a solid that is columns already.
pub(crate) fn estimate_columns(
    columns: &Columns,
    setup: &Setup<'_>,
    ctx: &Ctx,
) -> Result<Estimate, Cancelled> {
    Ok(summed(&amounts(columns, setup, ctx)?, columns.height, setup))
}

/// Plastic and time of amounts.
pub(crate) fn summed(amounts: &Amounts, height: f64, setup: &Setup<'_>) -> Estimate {
    let laid = motion::laid(amounts, setup);
    let filament = &setup.printer.filament;
    let section = PI / 4.0 * filament.diameter * filament.diameter;
    let used = Material::of((laid.model + laid.support + laid.brim) / section, filament);
    let above = (height - setup.process.first_layer).max(0.0) / setup.process.layer;
    Estimate {
        seconds: laid.seconds,
        model_mm3: laid.model,
        support_mm3: laid.support,
        grams: used.mass,
        metres: used.length / 1000.0,
        cost: used.cost,
        layers: 1 + above.round() as usize,
        height_mm: height,
        footprint_mm2: amounts.footprint[0],
        support_footprint_mm2: amounts.footprint[1],
        held_mm2: amounts.held,
        touched_mm2: amounts.marked,
        steady_mm: amounts.steady,
    }
}
