//! Lines and the time they take: a nozzle speeds up, keeps its speed, and slows down before every corner.
//!
//! The numbers marked *fitted* were fitted on 2026-11-20 to PrusaSlicer 2.5 on 18 bones (vertebrae, pelvic and tibial
//! fragments, knee), each with three profiles and some in three turns; the other 17 are what `benches/estimate.py`
//! measures against.

use crate::estimate::{Amounts, Setup};
use std::f64::consts::FRAC_PI_4;

/// What a print comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Laid {
    /// Time, s.
    pub seconds: f64,
    /// Plastic in the solid, mm³.
    pub model: f64,
    /// Plastic in supports, mm³.
    pub support: f64,
    /// Plastic around it on the bed, mm³.
    pub brim: f64,
}

// Shares of what the columns show that are laid as lines, fitted. They differ from one because lines along outlines
// overlap with infill, infill is anchored in them, and both leave corners free.

/// Lines along the outline, against what the columns show of them. Fitted.
const PERIMETERS: f64 = 1.06;
/// Length of the outermost line against the outline: it runs half a line within.
const OUTER: f64 = 0.97;
/// Closed infill, against the closed area that the columns show. Fitted.
const CLOSED: f64 = 1.01;
/// Open infill, against the share of the inside that is asked for. Fitted.
const OPEN: f64 = 0.93;
/// Plastic over each mm² of a flat lower face, mm: a round thread as thick as the nozzle.
const BRIDGE: f64 = 0.745;
/// Plastic over each mm² of a lower face whose outline lies over air, mm.
const OVERHANG: f64 = 0.09;
/// Inner lines of supports, against the area of their columns. Fitted.
const SUPPORT: f64 = 1.12;
/// Outermost line of supports, for one line there.
const SHEATH: f64 = 1.0;
/// The same without a sheath: inner lines are joined along the edge.
const JOINED: f64 = 0.75;
/// Area of the closed layers under what is held against the area held: they fill the cells of the support grid.
const HELD: f64 = 2.49;
/// Plastic on each mm² of the solid that supports stand on, mm, with closed layers and without.
const STOOD: [f64; 2] = [0.36, 1.21];
/// Height of a layer of supports as a share of the thickest layer of the nozzle: they are laid thicker than the solid.
const SUPPORT_LAYER: f64 = 0.7;
/// Closed layers between supports and the solid: what `prusa` writes.
const INTERFACE_LAYERS: f64 = 2.0;
/// Free space between lines of those layers, mm: what `prusa` writes.
const INTERFACE_GAP: f64 = 0.2;
/// Their speed against that of supports: what `prusa` writes.
const INTERFACE_SPEED: f64 = 0.8;

// Way between two corners sharp enough to slow down for, mm, fitted.

/// Along outlines, whose facets turn by little. Fitted, in mm.
const OUTLINE_RUN: f64 = 18.3;
/// In closed infill and bridges, of short lines side by side. Fitted, in mm.
const CLOSED_RUN: f64 = 1.66;
/// In gyroid infill at 15 %, which waves all the way. Fitted, in mm.
const OPEN_RUN: f64 = 8.25;
/// In supports, of parallel lines joined at their ends. Fitted, in mm.
const SUPPORT_RUN: f64 = 8.8;
/// In the closed layers under what is held.
const INTERFACE_RUN: f64 = 2.37;

// Ways without plastic, fitted.

/// For each part of a section, layer by layer.
const PER_ISLAND: f64 = 5.7;
/// For each part of closed infill in a layer, as a count. Fitted.
const PER_CLOSED: f64 = 0.065;
/// For each part of open infill in a layer, as a count. Fitted.
const PER_OPEN: f64 = 3.87;
/// For each part of supports in a layer, as a count. Fitted.
const PER_SUPPORT: f64 = 0.82;
/// Length of such a way without plastic, mm, in the mean. Fitted.
const WAY: f64 = 10.5;
/// Share of those on which filament is drawn back.
const DRAWN: f64 = 0.65;
/// Time for stopping and starting each time, s.
const SETTLE: f64 = 0.21;
/// Time for lifting and lowering each time, s for each mm: axes that lift are slow.
const LIFT: f64 = 1.0;
/// Homing and the way to the first line, s. Chosen: the program counts moves only, not heating.
const START: f64 = 20.0;

/// Time for `length` mm at a speed, with a corner every `run` mm taken at the speed of the jerk, s.
fn time(length: f64, run: f64, speed: f64, [acceleration, jerk]: [f64; 2]) -> f64 {
    let corner = jerk.min(speed);
    let peak = libm::sqrt(corner * corner + acceleration * run);
    let each = if peak >= speed {
        run / speed + (speed - corner) * (speed - corner) / (speed * acceleration)
    } else {
        2.0 * (peak - corner) / acceleration
    };
    length / run * each
}

/// What the amounts come to on a printer.
pub(crate) fn laid(amounts: &Amounts, setup: &Setup<'_>) -> Laid {
    let Setup { printer, process, habits } = *setup;
    let (speed, along, filling) = (
        &printer.speed,
        [printer.acceleration.perimeter, printer.acceleration.jerk],
        [printer.acceleration.infill, printer.acceleration.jerk],
    );
    let line = setup.spacing() * process.layer;
    let thread = FRAC_PI_4 * printer.nozzle.diameter * printer.nozzle.diameter;
    // The solid.
    let perimeters = PERIMETERS * amounts.perimeters;
    let outer = OUTER * amounts.walls / process.layer;
    let inner = (perimeters / line - outer).max(0.0);
    let closed = CLOSED * amounts.closed;
    let open = OPEN * amounts.open * process.infill / 100.0;
    let bridges = BRIDGE * amounts.bridges + OVERHANG * amounts.overhanging;
    // A gyroid's waves are as long as its lines are apart.
    let open_run = OPEN_RUN * 15.0 / process.infill.clamp(1.0, 100.0);
    let mut seconds = START
        + time(outer, OUTLINE_RUN, speed.outer_perimeter, along)
        + time(inner, OUTLINE_RUN, speed.perimeter, along)
        + time(closed / line, CLOSED_RUN, speed.solid_infill, filling)
        + time(open / line, open_run, speed.infill, filling)
        + time(bridges / thread, CLOSED_RUN, speed.bridge, along);
    // Supports.
    let spacing = habits.support_line - process.layer * (1.0 - FRAC_PI_4);
    let layer = (SUPPORT_LAYER * printer.nozzle.layers[1]).max(process.layer);
    let edge = if habits.sheath { SHEATH } else { JOINED };
    let columns = SUPPORT * spacing / (habits.support_gap + spacing) * amounts.supports
        + edge * spacing * amounts.support_walls;
    let dense = spacing / (INTERFACE_GAP + spacing);
    let faces = dense * INTERFACE_LAYERS * process.layer * HELD * amounts.held
        + STOOD[usize::from(habits.lower_interface)] * amounts.stood_on;
    let plain = [printer.acceleration.default, printer.acceleration.jerk];
    seconds += time(columns / (layer * spacing), SUPPORT_RUN, speed.support, plain)
        + time(faces / (process.layer * spacing), INTERFACE_RUN, INTERFACE_SPEED * speed.support, plain);
    // Brim and skirt.
    let first = setup.printer.line() * process.first_layer;
    let around = amounts.bed_outline
        * (process.brim / setup.printer.line())
        * f64::from(u8::from(amounts.bed_outline > 0.0))
        + amounts.skirt * f64::from(process.skirt);
    seconds += time(around, OUTLINE_RUN, speed.first_layer, along);
    // Ways without plastic.
    let ways =
        (PER_ISLAND * amounts.islands + PER_CLOSED * amounts.closed_parts + PER_OPEN * amounts.open_parts)
            / process.layer
            + PER_SUPPORT * amounts.support_parts / layer;
    let drawn =
        2.0 * printer.retraction.length / printer.retraction.speed + SETTLE + LIFT * printer.retraction.lift;
    seconds += time(ways * WAY, WAY, speed.travel, plain) + DRAWN * ways * drawn;
    Laid {
        seconds,
        model: perimeters + closed + open + bridges,
        support: columns + faces,
        brim: around * first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_way_takes_its_length_by_its_speed_and_a_short_one_never_gets_there() {
        // From 10 to 60 mm/s and back at 1000 mm/s²: 2 × 0.05 s over 2 × 1.75 mm; the other 996.5 mm at 60 mm/s.
        let long = time(1000.0, 1000.0, 60.0, [1000.0, 10.0]);
        assert!((long - (0.1 + 996.5 / 60.0)).abs() < 1e-9, "{long}");
        // 0.3 mm: √(10² + 1000 · 0.3) = 20 mm/s at its middle, 2 × 10 ms.
        assert!((time(0.3, 0.3, 60.0, [1000.0, 10.0]) - 0.02).abs() < 1e-12);
        // A speed below the jerk is kept around every corner.
        assert!((time(50.0, 1.0, 5.0, [1000.0, 8.0]) - 10.0).abs() < 1e-12);
    }
}
