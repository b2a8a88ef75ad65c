//! What a resin printer is and what it is set to.
//!
//! Profiles are TOML files; `data/resin-printers/saturn-4-ultra.toml` explains every key with its unit and range.
//! Lengths are millimetres, speeds mm/min as on the printers' own screens, times seconds.

use super::error::ResinError;
use glam::DVec2;
use serde::{Deserialize, Serialize};

/// The profiles that are built in, the default first.
const BUILT_IN: [&str; 4] = [
    include_str!("../../../../data/resin-printers/saturn-4-ultra.toml"),
    include_str!("../../../../data/resin-printers/generic-8k.toml"),
    include_str!("../../../../data/resin-printers/generic-4k.toml"),
    include_str!("../../../../data/resin-printers/sl1s.toml"),
];

/// A resin printer with its resin and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResinPrinter {
    /// Short name: lower case, digits and hyphens.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// The files it takes; pictures of layers can always be written.
    pub takes: Vec<Format>,
    /// The screen and the height above it.
    pub screen: Screen,
    /// How layers are exposed.
    pub exposure: Exposure,
    /// How a layer is freed from the film.
    pub motion: Motion,
    /// The resin.
    pub resin: Resin,
    /// How parts are held.
    pub supports: Holding,
}

/// A file a printer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Elegoo's open format, version 3.0.
    Goo,
    /// Prusa's: a ZIP archive with pictures and settings.
    Sl1,
    /// A ZIP archive with one picture for each layer and a list of them.
    Png,
}

/// A way along the plate, seen from above with the part standing on it and the printer's front towards the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Towards +x.
    Right,
    /// Towards −x.
    Left,
    /// Towards +y.
    Back,
    /// Towards −y.
    Front,
}

/// A printer's screen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Screen {
    /// Pixels in a row and rows of a layer's picture.
    pub pixels: [u32; 2],
    /// Width (x) and depth (y) of the plate they cover, mm.
    pub size: [f64; 2],
    /// Greatest printable height, mm.
    pub height: f64,
    /// Where on the plate the next pixel of a row lies.
    pub columns: Way,
    /// Where on the plate the next row lies.
    pub rows: Way,
}

/// How layers are exposed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// Layer height, mm.
    pub layer: f64,
    /// Exposure of a layer, s.
    pub seconds: f64,
    /// Layers that are exposed longer, so that they stick to the plate.
    pub first_layers: u32,
    /// Their exposure, s.
    pub first_seconds: f64,
    /// Layers over which the exposure falls from the one to the other.
    pub fading_layers: u32,
    /// Brightness of the light, 255 is all of it.
    pub brightness: u8,
    /// Brightness while first layers are exposed.
    pub first_brightness: u8,
}

/// How a layer is freed from the film.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Motion {
    /// Lift in first layers: slow and fast part.
    pub first_lift: [Stroke; 2],
    /// Lift: slow and fast part.
    pub lift: [Stroke; 2],
    /// Way back in first layers: fast and slow part.
    pub first_retract: [Stroke; 2],
    /// Way back: fast and slow part.
    pub retract: [Stroke; 2],
    /// Rest before the exposure, s.
    pub rest_before_exposure: f64,
    /// Rest after the exposure, s.
    pub rest_after_exposure: f64,
    /// Rest at the top of the lift, s.
    pub rest_after_lift: f64,
    /// A vat that tilts takes the place of lift and retract in the time of a layer.
    #[serde(default)]
    pub tilt: Option<Tilt>,
}

/// A part of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stroke {
    /// How far, mm.
    pub distance: f64,
    /// How fast, mm/min.
    pub speed: f64,
}

/// A vat that tilts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tilt {
    /// Time of a quick tilt, s.
    pub quick: f64,
    /// Time of a slow tilt, s.
    pub slow: f64,
    /// Share of the screen above which a layer is tilted slowly, %.
    pub slow_above: f64,
}

/// A resin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resin {
    /// Name of the resin.
    pub material: String,
    /// Density when cured, g/cm³.
    pub density: f64,
    /// Price of a litre, in the lab's currency.
    pub cost: f64,
}

/// How parts are held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// How far the part is lifted off the plate, mm.
    pub lift: f64,
    /// Surfaces flatter than this above the plate are held, degrees.
    pub overhang: f64,
    /// Distance between the pillars under a flat overhang, mm.
    pub spacing: f64,
    /// Diameter of a pillar where it touches the part, mm.
    pub tip: f64,
    /// How far a tip reaches into the part, mm.
    pub depth: f64,
    /// Length of the cone between tip and pillar, mm.
    pub cone: f64,
    /// Diameter of a pillar, mm.
    pub pillar: f64,
    /// Thickness of the raft under all pillars, mm.
    pub raft: f64,
    /// How far the raft reaches beyond them, mm.
    pub margin: f64,
}

impl ResinPrinter {
    /// Reads a profile; unknown keys are refused and every number must be in its range.
    ///
    /// # Errors
    /// `printer-profile` with the key and its range.
    pub fn parse(text: &str) -> Result<Self, ResinError> {
        let printer: Self = toml::from_str(text).map_err(|e| ResinError::Profile { what: e.to_string() })?;
        printer.check()?;
        Ok(printer)
    }

    /// Sees that every number is in its range.
    ///
    /// # Errors
    /// `printer-profile` with the key and its range.
    pub fn check(&self) -> Result<(), ResinError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 31 || !self.name.chars().all(plain) {
            let what =
                format!("name {:?} is not made of 1 to 31 lower case letters, digits, hyphens", self.name);
            return refuse(what);
        }
        for (key, text) in [("title", &self.title), ("resin.material", &self.resin.material)] {
            if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
                return refuse(format!("{key} is empty, too long or has control characters"));
            }
        }
        if self.screen.across(Way::is_sideways).is_none() {
            let what = "of screen.columns and screen.rows one is left or right, the other front or back";
            return refuse(what.to_owned());
        }
        for (key, value, low, high) in self.ranges().into_iter().chain(self.strokes()) {
            if !(low..=high).contains(&value) {
                return refuse(format!("{key} = {value} is outside {low} to {high}"));
            }
        }
        Ok(())
    }

    /// Every number but the movements with its range.
    fn ranges(&self) -> Vec<(&'static str, f64, f64, f64)> {
        let (s, e, m, h) = (&self.screen, &self.exposure, &self.motion, &self.supports);
        let mut all = vec![
            ("screen.pixels", f64::from(s.pixels[0]), 64.0, 32_767.0),
            ("screen.pixels", f64::from(s.pixels[1]), 64.0, 32_767.0),
            ("screen.size", s.size[0], 20.0, 1000.0),
            ("screen.size", s.size[1], 20.0, 1000.0),
            ("screen.height", s.height, 20.0, 1000.0),
            ("exposure.layer", e.layer, 0.01, 0.3),
            ("exposure.seconds", e.seconds, 0.1, 120.0),
            ("exposure.first_layers", f64::from(e.first_layers), 0.0, 50.0),
            ("exposure.first_seconds", e.first_seconds, 0.1, 300.0),
            ("exposure.fading_layers", f64::from(e.fading_layers), 0.0, 50.0),
            ("exposure.brightness", f64::from(e.brightness), 1.0, 255.0),
            ("exposure.first_brightness", f64::from(e.first_brightness), 1.0, 255.0),
            ("motion.rest_before_exposure", m.rest_before_exposure, 0.0, 60.0),
            ("motion.rest_after_exposure", m.rest_after_exposure, 0.0, 60.0),
            ("motion.rest_after_lift", m.rest_after_lift, 0.0, 60.0),
            ("resin.density", self.resin.density, 0.5, 5.0),
            ("resin.cost", self.resin.cost, 0.0, 1e5),
            ("supports.lift", h.lift, 1.0, 50.0),
            ("supports.overhang", h.overhang, 0.0, 80.0),
            ("supports.spacing", h.spacing, 0.5, 20.0),
            ("supports.tip", h.tip, 0.1, 2.0),
            ("supports.depth", h.depth, 0.05, 1.0),
            ("supports.cone", h.cone, 0.5, 10.0),
            ("supports.pillar", h.pillar, 0.3, 5.0),
            ("supports.raft", h.raft, 0.1, 5.0),
            ("supports.margin", h.margin, 0.5, 20.0),
        ];
        if let Some(tilt) = &m.tilt {
            all.push(("motion.tilt.quick", tilt.quick, 0.0, 60.0));
            all.push(("motion.tilt.slow", tilt.slow, 0.0, 60.0));
            all.push(("motion.tilt.slow_above", tilt.slow_above, 0.0, 100.0));
        }
        all
    }

    /// Every movement with its range.
    fn strokes(&self) -> Vec<(&'static str, f64, f64, f64)> {
        let m = &self.motion;
        let named = [
            ("motion.first_lift", m.first_lift),
            ("motion.lift", m.lift),
            ("motion.first_retract", m.first_retract),
            ("motion.retract", m.retract),
        ];
        let ranges = |(key, strokes): (&'static str, [Stroke; 2])| {
            strokes.into_iter().flat_map(move |s| [(key, s.distance, 0.0, 50.0), (key, s.speed, 1.0, 2000.0)])
        };
        named.into_iter().flat_map(ranges).collect()
    }

    /// Exposure of a layer, s; the first is number 0.
    pub fn seconds(&self, layer: usize) -> f64 {
        let e = &self.exposure;
        let beyond = layer as f64 - f64::from(e.first_layers) + 1.0;
        if beyond <= 0.0 {
            return e.first_seconds;
        }
        let steps = f64::from(e.fading_layers) + 1.0;
        e.first_seconds + (e.seconds - e.first_seconds) * (beyond / steps).min(1.0)
    }

    /// What a layer of this area (mm²) takes from its exposure to the next one's, s.
    pub fn layer_seconds(&self, layer: usize, area: f64) -> f64 {
        let m = &self.motion;
        let first = layer < self.exposure.first_layers as usize;
        let rests = m.rest_before_exposure + m.rest_after_exposure + m.rest_after_lift;
        let moves = match &m.tilt {
            Some(tilt) => {
                let screen = self.screen.size[0] * self.screen.size[1];
                if area > screen * tilt.slow_above / 100.0 { tilt.slow } else { tilt.quick }
            }
            None => {
                let [up, down] = if first { [m.first_lift, m.first_retract] } else { [m.lift, m.retract] };
                up.iter().chain(&down).map(|s| 60.0 * s.distance / s.speed).sum()
            }
        };
        self.seconds(layer) + rests + moves
    }
}

impl Way {
    fn is_sideways(self) -> bool {
        matches!(self, Way::Left | Way::Right)
    }

    /// +1 where it follows the plate's axis, −1 where it goes against it.
    fn sign(self) -> f64 {
        if matches!(self, Way::Right | Way::Back) { 1.0 } else { -1.0 }
    }
}

impl Screen {
    /// Whether the columns run sideways, where rows do not run the same way.
    fn across(&self, sideways: fn(Way) -> bool) -> Option<bool> {
        let (columns, rows) = (sideways(self.columns), sideways(self.rows));
        (columns != rows).then_some(columns)
    }

    /// Width and depth of a pixel on the plate along the picture's columns and rows, mm.
    pub fn pixel(&self) -> [f64; 2] {
        let [x, y] = self.size;
        let [along, down] = if self.columns.is_sideways() { [x, y] } else { [y, x] };
        [along / f64::from(self.pixels[0]), down / f64::from(self.pixels[1])]
    }

    /// A place of the plate (mm from its front left corner) in the picture: columns and rows from its first corner.
    pub fn picture(&self, place: DVec2) -> DVec2 {
        let along = |way: Way| {
            let axis = usize::from(!way.is_sideways());
            let at = [place.x, place.y][axis];
            if way.sign() > 0.0 { at } else { self.size[axis] - at }
        };
        let [width, depth] = self.pixel();
        DVec2::new(along(self.columns) / width, along(self.rows) / depth)
    }

    /// The place of the plate at a place of the picture: the inverse of [`Screen::picture`].
    pub fn plate(&self, picture: DVec2) -> DVec2 {
        let [width, depth] = self.pixel();
        let mut place = [0.0; 2];
        for (way, at) in [(self.columns, picture.x * width), (self.rows, picture.y * depth)] {
            let axis = usize::from(!way.is_sideways());
            place[axis] = if way.sign() > 0.0 { at } else { self.size[axis] - at };
        }
        DVec2::from_array(place)
    }

    /// True where the picture, columns to the right and rows downward, is the mirror image of the layer as it is seen
    /// from above on the plate.
    pub fn mirrors(&self) -> bool {
        // The picture's own rows run downward: a picture as seen has columns right and rows to the front.
        let turned = if self.columns.is_sideways() { 1.0 } else { -1.0 };
        self.columns.sign() * -self.rows.sign() * turned < 0.0
    }
}

/// The built-in resin printers, the default first.
pub fn resin_printers() -> Vec<ResinPrinter> {
    // A test sees that none is left out.
    BUILT_IN.iter().filter_map(|text| ResinPrinter::parse(text).ok()).collect()
}

/// The built-in resin printer of this name.
///
/// # Errors
/// `unknown-printer` with the names there are.
pub fn resin_printer(name: &str) -> Result<ResinPrinter, ResinError> {
    let all = resin_printers();
    let known: Vec<String> = all.iter().map(|p| p.name.clone()).collect();
    all.into_iter()
        .find(|p| p.name == name)
        .ok_or_else(|| ResinError::UnknownPrinter { name: name.to_owned(), known: known.join(", ") })
}

fn refuse(what: String) -> Result<(), ResinError> {
    Err(ResinError::Profile { what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Explain;

    #[test]
    fn every_built_in_profile_is_whole_and_is_written_as_it_is_read() {
        let all = resin_printers();
        assert_eq!(all.len(), BUILT_IN.len());
        for printer in all {
            let again = ResinPrinter::parse(&toml::to_string(&printer).unwrap()).unwrap();
            assert_eq!(again, printer);
        }
    }

    #[test]
    fn unknown_keys_and_numbers_out_of_range_are_refused_by_name() {
        let text = BUILT_IN[0];
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            let error = ResinPrinter::parse(&text.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.code(), "printer-profile");
            error.to_string()
        };
        assert!(refused("density =", "densty =").contains("densty"));
        assert!(refused("density = 1.15", "density = 0.1").contains("resin.density"));
        assert!(refused("pixels = [11520, 5120]", "pixels = [11520, 51200]").contains("screen.pixels"));
        assert!(refused("rows = \"front\"", "rows = \"right\"").contains("screen.columns and screen.rows"));
        assert!(refused("density = 1.15", "density = nan").contains("resin.density"));
    }

    #[test]
    fn a_place_is_found_again_from_its_picture_and_the_hand_follows_the_ways() {
        let mut screen = resin_printer("saturn-4-ultra").unwrap().screen;
        let ways = [Way::Right, Way::Left, Way::Back, Way::Front];
        for columns in ways {
            for rows in ways.into_iter().filter(|rows| rows.is_sideways() != columns.is_sideways()) {
                (screen.columns, screen.rows) = (columns, rows);
                let [o, x, y] = [(50.0, 60.0), (51.0, 60.0), (50.0, 61.0)].map(|(x, y)| DVec2::new(x, y));
                assert!((screen.plate(screen.picture(o)) - o).length() < 1e-9);
                // Rows run downward: a picture as seen turns the hand of its numbers.
                let [o, x, y] = [o, x, y].map(|p| screen.picture(p));
                assert_eq!((x - o).perp_dot(y - o) > 0.0, screen.mirrors(), "{columns:?} {rows:?}");
            }
        }
    }

    #[test]
    fn exposure_falls_from_the_first_layers_to_the_rest_in_even_steps() {
        let mut printer = resin_printer("saturn-4-ultra").unwrap();
        let e = &mut printer.exposure;
        (e.first_layers, e.first_seconds, e.fading_layers, e.seconds) = (2, 10.0, 3, 2.0);
        let found: Vec<f64> = (0..7).map(|k| printer.seconds(k)).collect();
        assert_eq!(found, [10.0, 10.0, 8.0, 6.0, 4.0, 2.0, 2.0]);
    }
}
