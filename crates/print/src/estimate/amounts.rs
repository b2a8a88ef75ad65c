//! How much of everything a print is made of: areas and volumes, swept from the top to the bed.
//!
//! Nothing is known here of speeds. The solid is cut into slabs about as thick as its closed skins; in each slab the
//! lines along the outline, closed and open infill are areas of cells, and supports are what hangs over from above.

use crate::estimate::Setup;
use crate::estimate::columns::Columns;
use crate::estimate::raster::Pattern;
use glam::DVec2;
use osteon_core::{Cancelled, Ctx};

/// Amounts over the whole print.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Amounts {
    /// Volume of the solid, mm³.
    pub model: f64,
    /// Area of its walls: the length of the outline summed over the height, mm².
    pub walls: f64,
    /// Volume within reach of the lines along the outline, mm³.
    pub perimeters: f64,
    /// Volume of closed infill, mm³.
    pub closed: f64,
    /// Volume that is openly filled, mm³.
    pub open: f64,
    /// Area of lower faces over air so flat that they are laid as bridges, mm².
    pub bridges: f64,
    /// Area of lower faces whose outlines lie over air, mm².
    pub overhanging: f64,
    /// Parts of the sections summed over the height, mm.
    pub islands: f64,
    /// Parts of closed infill summed over the height, mm.
    pub closed_parts: f64,
    /// Parts of open infill summed over the height, mm.
    pub open_parts: f64,
    /// Volume of the columns of supports, mm³.
    pub supports: f64,
    /// Area of the walls of supports, mm².
    pub support_walls: f64,
    /// Parts of supports summed over the height, mm.
    pub support_parts: f64,
    /// Area of the solid that rests on supports, mm².
    pub held: f64,
    /// Area of the solid that supports stand on, mm².
    pub stood_on: f64,
    /// Marked area that supports would touch: what they hold and what they stand on, mm².
    pub marked: f64,
    /// How far the centre of mass is within what stands on the bed, mm; negative outside.
    pub steady: f64,
    /// Area that touches the bed: of the solid and of supports, mm².
    pub footprint: [f64; 2],
    /// Length of the outline on the bed, mm.
    pub bed_outline: f64,
    /// Length of one loop around everything, mm.
    pub skirt: f64,
}

/// One slab's cells of the solid.
struct Slab {
    part: Pattern,
    /// Cells behind the lines along the outline.
    inner: Vec<bool>,
    /// Area within reach of the lines, mm².
    band: f64,
}

/// What the sweep needs to know, in mm.
struct Sizes {
    slab: f64,
    /// Slabs from one section to the next that decides about its skin.
    skip: usize,
    top: f64,
    bottom: f64,
    /// From the outline to the inner edge of the lines along it.
    inset: f64,
    /// Cosine beyond which a lower face is held up.
    steep: f64,
}

/// Thickest slab, mm. Chosen: half of the thickness of the thinnest processes of vertebrae.
const SLAB: f64 = 1.0;

/// How far a support reaches beyond what it holds, mm.
///
/// Fitted: half of a cell of PrusaSlicer's grid of supports less what it trims, on the first half of the bones.
const SUPPORT_GROWTH: f64 = 1.0;

/// Distance of supports from the solid to the side, mm.
///
/// 60 % of the width of a line, as `prusa` writes, and the half of a cell that a pattern cannot resolve.
const SUPPORT_ASIDE: f64 = 0.6;

impl Sizes {
    fn new(setup: &Setup<'_>) -> Self {
        let process = setup.process;
        let [top, bottom] = [process.top_layers, process.bottom_layers].map(|n| f64::from(n) * process.layer);
        let skin = if top + bottom > 0.0 { (top + bottom) / 2.0 } else { SLAB };
        let skip = (skin / SLAB).ceil().max(1.0);
        let (line, spacing) = (setup.printer.line(), setup.spacing());
        Self {
            slab: skin / skip,
            skip: skip as usize,
            top,
            bottom,
            inset: line / 2.0 + (f64::from(process.perimeters) - 0.5) * spacing,
            steep: setup.steep(),
        }
    }
}

/// Sweeps the columns of a solid.
pub(crate) fn amounts(columns: &Columns, setup: &Setup<'_>, ctx: &Ctx) -> Result<Amounts, Cancelled> {
    let sizes = Sizes::new(setup);
    let count = (columns.height / sizes.slab).ceil().max(1.0) as usize;
    let mut total = Amounts {
        model: columns.volume(),
        walls: columns.walls,
        skirt: skirt(columns),
        ..Amounts::default()
    };
    let slabs: Vec<Slab> = (0..count)
        .map(|n| {
            ctx.check()?;
            Ok(Slab::new(columns, (n as f64 + 0.5) * sizes.slab, sizes.inset))
        })
        .collect::<Result<_, Cancelled>>()?;
    inside(columns, &slabs, &sizes, &mut total);
    faces(columns, setup, &sizes, &mut total);
    let mut stands = Slab::new(columns, setup.process.first_layer / 2.0, sizes.inset).part;
    total.footprint[0] = stands.count() as f64 * columns.cell_area();
    total.bed_outline = stands.edges() as f64 * columns.pitch * DIAGONAL;
    if setup.process.supports {
        let standing = supports(columns, &slabs, &sizes, &mut total);
        stands.cells.iter_mut().zip(standing.cells).for_each(|(cell, other)| *cell |= other);
    }
    total.steady = steadiness(columns, &stands);
    // A sweep of slabs is a midpoint rule: its volume is put right by that of the columns.
    let swept = total.perimeters + total.closed + total.open;
    if swept > 0.0 {
        let share = total.model / swept;
        for volume in [&mut total.perimeters, &mut total.closed, &mut total.open] {
            *volume *= share;
        }
    }
    ctx.done(1.0)?;
    Ok(total)
}

/// Length of a loop around the box of a solid, mm: an ellipse in it, nearly.
fn skirt(columns: &Columns) -> f64 {
    2.0 * columns.extent().iter().sum::<f64>() * std::f64::consts::FRAC_PI_4
}

/// Length of a smooth outline as a share of the edges of its cells.
///
/// A direction θ counts |cos θ| + |sin θ|, 4/π on average.
const DIAGONAL: f64 = std::f64::consts::FRAC_PI_4;

impl Slab {
    fn new(columns: &Columns, z: f64, inset: f64) -> Self {
        let z = z as f32;
        let mut part = Pattern::empty(columns.size);
        for (cell, filled) in part.cells.iter_mut().enumerate() {
            *filled = columns.of(cell).iter().any(|span| span.low <= z && z < span.high);
        }
        let pitch = columns.pitch;
        let reach = (inset / pitch + 1.0).ceil() as usize;
        let depth = part.depth_squared(reach);
        let mut inner = vec![false; part.cells.len()];
        let mut band = 0.0;
        for (cell, &squared) in depth.iter().enumerate() {
            if squared == 0 {
                continue;
            }
            // The edge lies half a cell before the first cell outside.
            let beyond = (f64::from(squared).sqrt() - 0.5) - inset / pitch;
            inner[cell] = beyond > 0.0;
            band += 1.0 - (beyond + 0.5).clamp(0.0, 1.0);
        }
        Self { part, inner, band: band * columns.cell_area() }
    }
}

/// Perimeters, closed and open infill, islands.
fn inside(columns: &Columns, slabs: &[Slab], sizes: &Sizes, total: &mut Amounts) {
    let (area, height) = (columns.cell_area(), sizes.slab);
    for (n, slab) in slabs.iter().enumerate() {
        let z = (n as f64 + 0.5) * height;
        let [below, above] =
            [n.checked_sub(sizes.skip), Some(n + sizes.skip)].map(|other| other.and_then(|o| slabs.get(o)));
        let open = |cell: usize| {
            let span = columns.of(cell).iter().find(|s| f64::from(s.low) <= z && z < f64::from(s.high));
            span.is_some_and(|s| f64::from(s.high) - z >= sizes.top && z - f64::from(s.low) >= sizes.bottom)
                && (sizes.top == 0.0 || above.is_some_and(|other| other.inner[cell]))
                && (sizes.bottom == 0.0 || below.is_some_and(|other| other.inner[cell]))
        };
        let mut opened = Pattern::empty(columns.size);
        let mut closed = Pattern::empty(columns.size);
        for cell in 0..columns.cells() {
            if slab.inner[cell] {
                opened.cells[cell] = open(cell);
                closed.cells[cell] = !opened.cells[cell];
            }
        }
        total.perimeters += slab.band * height;
        let inner = slab.part.count() as f64 * area - slab.band;
        let share = opened.count() as f64 / (opened.count() + closed.count()).max(1) as f64;
        total.open += inner.max(0.0) * share * height;
        total.closed += inner.max(0.0) * (1.0 - share) * height;
        total.islands += slab.part.parts() as f64 * height;
        total.open_parts += opened.parts() as f64 * height;
        total.closed_parts += closed.parts() as f64 * height;
    }
}

/// What lies over air: bridges and outlines.
fn faces(columns: &Columns, setup: &Setup<'_>, sizes: &Sizes, total: &mut Amounts) {
    let area = columns.cell_area();
    let layer = setup.process.layer;
    let bed = (setup.process.first_layer / 2.0) as f32;
    // A face of slope θ steps back by h / tan θ from layer to layer.
    let step = |flat: f64| layer * flat / (1.0 - flat * flat).max(1e-12).sqrt();
    for cell in 0..columns.cells() {
        for span in columns.of(cell) {
            let back = step(f64::from(span.low_flat));
            if span.low <= bed {
                continue;
            }
            if back > sizes.inset {
                total.bridges += area;
            } else if back > setup.printer.line() / 2.0 {
                total.overhanging += area;
            }
        }
    }
}

/// Columns of supports, from what hangs over down to the solid or the bed.
///
/// Returns where they stand on the bed.
fn supports(columns: &Columns, slabs: &[Slab], sizes: &Sizes, total: &mut Amounts) -> Pattern {
    let (area, pitch, height) = (columns.cell_area(), columns.pitch, sizes.slab);
    let begins = overhangs(columns, slabs.len(), sizes, total);
    let mut carried = Pattern::empty(columns.size);
    for (n, slab) in slabs.iter().enumerate().rev() {
        let near = slab.part.grown(SUPPORT_ASIDE / pitch);
        let mut stood = 0;
        for cell in 0..columns.cells() {
            if carried.cells[cell] && slab.part.cells[cell] {
                stood += 1;
                let top = columns.of(cell).iter().find(|span| f64::from(span.high) > n as f64 * height);
                if top.is_some_and(|span| span.high_marked) {
                    total.marked += area;
                }
                carried.cells[cell] = false;
            }
        }
        total.stood_on += stood as f64 * area;
        let drawn = carried.cells.iter().zip(&near.cells).map(|(up, near)| *up && !near).collect();
        let drawn = Pattern { size: columns.size, cells: drawn };
        total.supports += drawn.count() as f64 * area * height;
        total.support_walls += drawn.edges() as f64 * pitch * DIAGONAL * height;
        total.support_parts += drawn.parts() as f64 * height;
        if n == 0 {
            total.footprint[1] = drawn.count() as f64 * area;
        }
        if !begins[n].is_empty() {
            let mut held = Pattern::empty(columns.size);
            for &cell in &begins[n] {
                held.cells[cell as usize] = true;
            }
            let grown = held.grown(SUPPORT_GROWTH / pitch);
            for cell in 0..columns.cells() {
                carried.cells[cell] |= grown.cells[cell] && !slab.part.cells[cell] || held.cells[cell];
            }
        }
    }
    carried
}

/// How far the centre of mass is within the hull of what stands on the bed, mm; negative outside.
fn steadiness(columns: &Columns, stands: &Pattern) -> f64 {
    let (mut mass, mut moment) = (0.0, DVec2::ZERO);
    for cell in 0..columns.cells() {
        let matter: f64 = columns.of(cell).iter().map(|span| f64::from(span.high - span.low)).sum();
        mass += matter;
        moment += columns.middle(cell).truncate() * matter;
    }
    let middle = moment / mass.max(f64::MIN_POSITIVE);
    // Directions every 5°: between two of them a hull is underestimated by less than 0.1 %.
    let within = (0..72).map(|n| {
        let angle = f64::from(n) * std::f64::consts::PI / 36.0;
        let direction = DVec2::new(libm::cos(angle), libm::sin(angle));
        let cells = (0..columns.cells()).filter(|cell| stands.cells[*cell]);
        let reach = cells.map(|cell| (columns.middle(cell).truncate() - middle).dot(direction));
        reach.fold(f64::NEG_INFINITY, f64::max)
    });
    within.fold(f64::INFINITY, f64::min)
}

/// For each slab the cells whose lower face in it is held up.
fn overhangs(columns: &Columns, slabs: usize, sizes: &Sizes, total: &mut Amounts) -> Vec<Vec<u32>> {
    let mut begins = vec![Vec::new(); slabs];
    for cell in 0..columns.cells() {
        for span in columns.of(cell) {
            let low = f64::from(span.low);
            if low <= sizes.slab / 2.0 || f64::from(span.low_flat) <= sizes.steep {
                continue;
            }
            total.held += columns.cell_area();
            if span.low_marked {
                total.marked += columns.cell_area();
            }
            let slab = ((low / sizes.slab) as usize).min(slabs - 1);
            begins[slab].push(cell as u32);
        }
    }
    begins
}
