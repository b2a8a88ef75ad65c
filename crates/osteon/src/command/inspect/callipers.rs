//! Calliper readings between places of a plan: the way of a lab without a scanner.

use crate::failure::Failure;
use glam::{DMat3, DVec3};
use osteon_core::{ErrorKind, Finding, Mesh, Mm, Patient, Point, Severity};
use osteon_mesh::bvh::Bvh;
use osteon_print::Turn;
use serde_json::{Value, json};

/// A place may be so far from the plan's surface, mm. Chosen: places are picked by hand on a screen.
const OFF_SURFACE: f64 = 1.0;

/// A reading that differs by more than this share is no print error. Chosen: prints shrink by up to 5 %, an inch
/// instead of a millimetre or another landmark is much farther off.
const IMPOSSIBLE: f64 = 0.2;

/// Shortest distance that is taken, mm. Chosen: below it the jaws, not the part, are measured.
const SHORTEST: f64 = 2.0;

/// 95 % of readings of one distance lie within this of the truth, mm. Chosen: a digital calliper is good to 0.02 mm
/// on steel; on printed steps and by hand more.
pub(crate) const READING: f64 = 0.05;

/// A reading tells an axis by itself if this share of its length, squared, lies along it. Chosen: within 18° of it.
const ALONG: f64 = 0.9;

/// Determinant of the normalised equations above which three axes are told apart. Chosen: 30 times worse than axes
/// measured one by one.
const APART: f64 = 0.03;

/// What a person stated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    places: [Point<Patient>; 2],
    measured: f64,
}

/// What the readings tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// Planned and measured distance in mm, and the two places on the plan.
    pub rows: Vec<(f64, f64, [Point<Patient>; 2])>,
    /// Scale along the bed's axes with half of its 95 % interval, where readings tell it.
    pub scale: [Option<(f64, f64)>; 3],
    pub findings: Vec<Finding>,
}

/// Reads the readings.
pub(crate) fn read(texts: &[String]) -> Result<Vec<Reading>, Failure> {
    texts.iter().map(|text| parse(text)).collect()
}

fn wrong(text: &str, what: &str) -> Failure {
    let message = format!("--caliper \"{text}\": {what}");
    Failure::new(
        ErrorKind::Input,
        "bad-reading",
        message,
        "it is written: \"x,y,z x,y,z = 42.31\", all in mm",
    )
}

fn parse(text: &str) -> Result<Reading, Failure> {
    let (places, measured) = text.split_once('=').ok_or_else(|| wrong(text, "there is no \"=\""))?;
    let measured: Mm = measured.parse().map_err(|_| wrong(text, "the distance is not a number in mm"))?;
    let places: Vec<Point<Patient>> = places.split_whitespace().filter_map(place).collect();
    match *places.as_slice() {
        [a, b] if text.split('=').count() == 2 && measured.value() > 0.0 => {
            Ok(Reading { places: [a, b], measured: measured.value() })
        }
        [_, _] => Err(wrong(text, "the distance is not above zero")),
        _ => Err(wrong(text, "there are not two places")),
    }
}

fn place(word: &str) -> Option<Point<Patient>> {
    let numbers: Vec<f64> = word.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
    match *numbers.as_slice() {
        [x, y, z] if [x, y, z].iter().all(|n| n.is_finite()) => Some(Point::new(x, y, z)),
        _ => None,
    }
}

/// Holds the readings against the plan.
pub(crate) fn measure(
    readings: &[Reading],
    (plan, bvh): (&Mesh, &Bvh),
    turn: &Turn,
    tolerance: Option<Mm>,
) -> Result<Measured, Failure> {
    let mut told = Measured::default();
    for (n, reading) in readings.iter().enumerate() {
        let number = n + 1;
        let mut places = reading.places;
        for place in &mut places {
            let near = bvh.nearest(plan, *place).filter(|near| near.distance <= OFF_SURFACE);
            let near = near.ok_or_else(|| {
                let [x, y, z] = place.to_array();
                let message = format!(
                    "reading {number}: {x}, {y}, {z} is not on the plan's surface within {OFF_SURFACE} mm"
                );
                let help = "name places of the plan in its own coordinates (LPS mm)";
                Failure::new(ErrorKind::Input, "reading-off-surface", message, help)
            })?;
            *place = near.place;
        }
        let planned = places[0].distance(places[1]);
        let measured = reading.measured;
        if planned < SHORTEST || (measured / planned - 1.0).abs() > IMPOSSIBLE {
            let message =
                format!("reading {number}: {measured} mm was measured where {planned:.2} mm is planned");
            let inch = if (measured * 25.4 / planned - 1.0).abs() < IMPOSSIBLE {
                "it fits in inches: give millimetres; or "
            } else {
                ""
            };
            let help = format!(
                "{inch}see that the two places are those that were measured, at least {SHORTEST} mm apart"
            );
            return Err(Failure::new(ErrorKind::Input, "reading-impossible", message, help));
        }
        told.findings.extend(judged(number, (planned, measured), places, tolerance));
        told.rows.push((planned, measured, places));
    }
    told.scale = scale(&told.rows, turn);
    Ok(told)
}

fn judged(
    number: usize,
    (planned, measured): (f64, f64),
    places: [Point<Patient>; 2],
    tolerance: Option<Mm>,
) -> Option<Finding> {
    let (off, limit) = (measured - planned, tolerance?.value());
    (off.abs() > limit).then(|| {
        let message = format!("reading {number}: {measured:.2} mm measured, {planned:.2} mm planned");
        Finding::new("reading-beyond-tolerance", Severity::Danger, message)
            .measured(off.abs(), limit, "mm", "--tolerance")
            .at(places[0].to_array())
            .remedy("measure again; then do not use the part, and measure the printer with osteon gauge")
    })
}

/// The scale along each axis of the bed: `measured / planned − 1 = Σ sₐ uₐ²` for a direction `u`, by least squares.
fn scale(rows: &[(f64, f64, [Point<Patient>; 2])], turn: &Turn) -> [Option<(f64, f64)>; 3] {
    let lines: Vec<(DVec3, f64, f64)> = rows
        .iter()
        .map(|(planned, measured, [a, b])| {
            let u = turn.rotation() * (*b - *a).vec() / *planned;
            (u * u, measured / planned - 1.0, (planned / READING).powi(2))
        })
        .collect();
    let mut normal = DMat3::ZERO;
    let mut right = DVec3::ZERO;
    for &(u, off, weight) in &lines {
        normal += weight * DMat3::from_cols(u * u.x, u * u.y, u * u.z);
        right += weight * off * u;
    }
    let each = DVec3::new(normal.x_axis.x, normal.y_axis.y, normal.z_axis.z);
    let whole = each.x * each.y * each.z;
    if whole > 0.0 && normal.determinant() > APART * whole {
        let inverse = normal.inverse();
        let solved = inverse * right;
        let spread = [inverse.x_axis.x, inverse.y_axis.y, inverse.z_axis.z];
        return [0, 1, 2].map(|a| Some((1.0 + solved[a], spread[a].sqrt())));
    }
    [0, 1, 2].map(|a| {
        let own = || lines.iter().filter(|(u, ..)| u[a] > ALONG);
        let weight: f64 = own().map(|line| line.2).sum();
        let sum: f64 = own().map(|line| line.2 * line.1).sum();
        (weight > 0.0).then(|| (1.0 + sum / weight, weight.recip().sqrt()))
    })
}

impl Measured {
    pub(crate) fn data(&self) -> Value {
        let rows = self.rows.iter().map(|(planned, measured, [a, b])| {
            json!({ "planned": planned, "measured": measured, "deviation": measured - planned,
                    "places": [a.to_array(), b.to_array()] })
        });
        let scale = self.scale.map(|s| s.map(|(value, half)| json!({ "value": value, "half": half })));
        json!({ "readings": rows.collect::<Vec<_>>(), "scale": scale, "uncertainty_of_a_reading": READING })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Ctx;
    use osteon_phantom::mesh::cuboid;

    fn with(texts: &[&str]) -> Result<Measured, Failure> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let plan = cuboid(DVec3::ZERO, DVec3::new(60.0, 40.0, 20.0));
        let bvh = Bvh::new(&plan, &Ctx::default()).unwrap();
        measure(&read(&texts)?, (&plan, &bvh), &Turn::standing(), Some(Mm(0.3)))
    }

    #[test]
    fn readings_along_the_axes_give_their_scales_and_long_ones_are_known_better() {
        let told =
            with(&["0,20,10 60,20,10 = 60.12", "30,0,10 30,40,10 = 39.88 mm", "30,20,0 30,20,20=20.5"])
                .unwrap();
        let scale = told.scale.map(Option::unwrap);
        for (axis, wanted) in [60.12 / 60.0, 39.88 / 40.0, 20.5 / 20.0].into_iter().enumerate() {
            assert!((scale[axis].0 - wanted).abs() < 1e-12, "{scale:?}");
        }
        assert!((scale[0].1 - READING / 60.0).abs() < 1e-12 && scale[0].1 < scale[2].1);
        let codes: Vec<&str> = told.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, ["reading-beyond-tolerance"]);
    }

    #[test]
    fn an_axis_nobody_measured_is_not_told() {
        let told = with(&["0,20,10 60,20,10 = 60.1"]).unwrap();
        assert!(told.scale[0].is_some() && told.scale[1].is_none() && told.scale[2].is_none());
        assert_eq!(with(&["0,0,0 60,40,20 = 75.0"]).unwrap().scale, [None; 3]);
    }

    #[test]
    fn inches_other_landmarks_and_places_in_the_air_are_refused() {
        let inches = with(&["0,20,10 60,20,10 = 2.367"]).unwrap_err();
        assert!(inches.code == "reading-impossible" && inches.help.contains("inches"), "{inches:?}");
        assert_eq!(with(&["0,20,10 60,20,10 = 40"]).unwrap_err().code, "reading-impossible");
        assert_eq!(with(&["-2,20,10 60,20,10 = 62"]).unwrap_err().code, "reading-off-surface");
        for text in
            ["0,0,0 = 5", "0,0,0 1,1 = 5", "0,0,0 1,1,1 5", "0,0,0 60,0,0 = -60", "0,0,0 60,0,0 = nan"]
        {
            assert_eq!(with(&[text]).unwrap_err().code, "bad-reading", "{text}");
        }
    }
}
