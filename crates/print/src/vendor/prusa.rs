//! Bundles of PrusaSlicer: one ini file for each maker, with sections that inherit each other.
//!
//! A section is `[printer:Name]`, `[print:Name]` or `[filament:Name]`; `inherits = A; B` takes everything of A, then
//! of B, then its own; names in asterisks are only there to be inherited. A profile of a print is a printer, a print
//! and a filament together.

use super::{DEEPEST, files, near, plain, read};
use crate::error::PrintError;
use crate::printer::{
    Acceleration, Bed, Custom, Filament, Flavour, Nozzle, Printer, Process, Retraction, Speed,
};
use crate::profile::{Profile, Source};
use crate::prusa::OURS;
use crate::vendor::condition;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where packages and bundles put the profiles.
const USUAL: [&str; 4] = [
    "/usr/share/PrusaSlicer/profiles",
    "/usr/local/share/PrusaSlicer/profiles",
    "/Applications/PrusaSlicer.app/Contents/Resources/profiles",
    "C:\\Program Files\\Prusa3D\\PrusaSlicer\\resources\\profiles",
];

/// Settings of a section, or of all of them together.
pub type Settings = BTreeMap<String, String>;

/// The sections of one bundle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    sections: BTreeMap<(String, String), Settings>,
}

impl Bundle {
    /// Reads a bundle; what is not a section or a setting is passed over, as the program does.
    pub fn parse(text: &str) -> Self {
        let mut bundle = Self::default();
        let mut at: Option<(String, String)> = None;
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(head) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                at = head.split_once(':').map(|(kind, name)| (kind.to_owned(), name.trim().to_owned()));
                if let Some(key) = &at {
                    bundle.sections.entry(key.clone()).or_default();
                }
            } else if let (Some(key), Some((name, value))) = (&at, line.split_once('='))
                && let Some(section) = bundle.sections.get_mut(key)
            {
                section.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        bundle
    }

    /// The names of one kind (`printer`, `print`, `filament`) that can be chosen.
    pub fn names<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let of_kind = self.sections.keys().filter(move |(k, _)| k == kind);
        of_kind.map(|(_, name)| name.as_str()).filter(|name| !name.starts_with('*'))
    }

    /// All settings of a section with those it inherits.
    ///
    /// # Errors
    /// `unknown-profile` for a name that is not there; `printer-profile` if a chain of heirs does not end.
    pub fn flat(&self, kind: &'static str, name: &str) -> Result<Settings, PrintError> {
        self.flat_at(kind, name, 0)
    }

    fn flat_at(&self, kind: &'static str, name: &str, depth: usize) -> Result<Settings, PrintError> {
        if depth > DEEPEST {
            return Err(PrintError::Profile { what: format!("the heirs of {kind} \"{name}\" do not end") });
        }
        let Some(section) = self.sections.get(&(kind.to_owned(), name.to_owned())) else {
            let near = near(name, self.names(kind));
            return Err(PrintError::UnknownProfile { kind, name: name.to_owned(), near });
        };
        let mut all = Settings::new();
        let parents = section.get("inherits").map_or("", String::as_str);
        for parent in parents.split(';').map(str::trim).filter(|parent| !parent.is_empty()) {
            all.extend(self.flat_at(kind, parent, depth + 1)?);
        }
        // What is said of a section itself is not inherited by name.
        all.retain(|key, _| !["inherits", "renamed_from", "alias"].contains(&key.as_str()));
        all.extend(section.clone());
        Ok(all)
    }
}

/// The folders that are searched: the given ones, or else the usual ones.
fn folders(given: &[PathBuf]) -> Vec<PathBuf> {
    let given = given.iter().flat_map(|folder| [folder.clone(), folder.join("profiles")]);
    given.chain(USUAL.map(PathBuf::from)).collect()
}

fn bundles(given: &[PathBuf]) -> Result<Vec<PathBuf>, PrintError> {
    let folders = folders(given);
    let found = folders.iter().map(|folder| files(folder, ".ini")).find(|found| !found.is_empty());
    found.ok_or_else(|| PrintError::ProfilesMissing {
        tried: folders.iter().map(|folder| folder.display().to_string()).collect(),
    })
}

/// Every filament printer that is installed: name of its bundle and its own.
///
/// # Errors
/// `profiles-missing`; a bundle that cannot be read.
pub fn list(given: &[PathBuf]) -> Result<Vec<(String, String)>, PrintError> {
    let mut all = Vec::new();
    for path in bundles(given)? {
        let bundle = Bundle::parse(&read(&path)?);
        let maker = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for name in bundle.names("printer") {
            let technology = bundle.flat("printer", name)?.remove("printer_technology");
            if technology.is_none_or(|technology| technology == "FFF") {
                all.push((maker.clone(), name.to_owned()));
            }
        }
    }
    Ok(all)
}

/// The profile of this name: `printer`, `printer/print` or `printer/print/filament`.
///
/// What is not named is what the maker proposes for the printer.
///
/// # Errors
/// `profiles-missing`, `unknown-profile`, and `printer-profile` with the setting that is missing or cannot be used.
pub fn profile(name: &str, given: &[PathBuf]) -> Result<Profile, PrintError> {
    let mut words = name.splitn(3, '/').map(str::trim);
    let printer = words.next().unwrap_or_default();
    let mut all = Vec::new();
    for path in bundles(given)? {
        let bundle = Bundle::parse(&read(&path)?);
        if bundle.names("printer").any(|known| known == printer) {
            return chosen(&bundle, printer, words.next(), words.next());
        }
        all.extend(bundle.names("printer").map(str::to_owned).collect::<Vec<_>>());
    }
    let near = near(printer, all.iter().map(String::as_str));
    Err(PrintError::UnknownProfile { kind: "printer", name: printer.to_owned(), near })
}

fn chosen(
    bundle: &Bundle,
    printer: &str,
    print: Option<&str>,
    filament: Option<&str>,
) -> Result<Profile, PrintError> {
    let machine = bundle.flat("printer", printer)?;
    let proposed = |key: &str, kind: &str| {
        let name = machine.get(key).map(|name| name.trim_matches('"').to_owned());
        let what = format!(
            "the maker of {printer} proposes no {kind}; name one: prusa:<printer>/<print>/<filament>"
        );
        name.filter(|name| !name.is_empty()).ok_or(PrintError::Profile { what })
    };
    let print =
        print.map_or_else(|| proposed("default_print_profile", "print"), |name| Ok(name.to_owned()))?;
    let filament = filament
        .map_or_else(|| proposed("default_filament_profile", "filament"), |name| Ok(name.to_owned()))?;
    let mut settings = machine.clone();
    for (kind, name) in [("print", &print), ("filament", &filament)] {
        let part = bundle.flat(kind, name)?;
        compatible(kind, name, &part, printer, &machine)?;
        settings.extend(part);
    }
    settings.retain(|key, _| !ABOUT.contains(&key.as_str()));
    settings.extend(OURS.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let title = format!("{printer} / {print} / {filament}");
    let (printer, process) = Taken { title: &title, settings: &settings }.printer(printer)?;
    Ok(Profile { printer, process, source: Source::Prusa(settings) })
}

/// Settings about the profile, not of the print.
const ABOUT: [&str; 13] = [
    "inherits",
    "renamed_from",
    "alias",
    "compatible_printers",
    "compatible_printers_condition",
    "compatible_prints",
    "compatible_prints_condition",
    "default_print_profile",
    "default_filament_profile",
    "printer_variant",
    "filament_settings_id",
    "print_settings_id",
    "printer_settings_id",
];

/// The maker says a print or filament is for this printer.
fn compatible(
    kind: &'static str,
    name: &str,
    part: &Settings,
    printer: &str,
    machine: &Settings,
) -> Result<(), PrintError> {
    let listed = part.get("compatible_printers").map_or("", String::as_str);
    let mut listed =
        listed.split(';').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
    let condition = part.get("compatible_printers_condition").map_or("", String::as_str).trim();
    let no = |why: String| {
        Err(PrintError::Profile { what: format!("{kind} \"{name}\" is not for {printer}: {why}") })
    };
    if listed.clone().next().is_some() && !listed.any(|name| name == printer) {
        return no("the maker lists other printers".to_owned());
    }
    match condition::holds(condition, machine) {
        Some(true) => Ok(()),
        Some(false) => no(format!("the maker asks for {condition}")),
        None => no(format!("the maker's condition is not understood: {condition}")),
    }
}

/// What our checks need, taken out of flattened settings.
struct Taken<'a> {
    title: &'a str,
    settings: &'a Settings,
}

impl Taken<'_> {
    fn lacks<T>(&self, key: &str, why: &str) -> Result<T, PrintError> {
        Err(PrintError::Profile { what: format!("{}: {key} {why}", self.title) })
    }

    /// The first of a list, as one nozzle has one of each.
    fn word(&self, key: &str) -> Result<&str, PrintError> {
        match self.settings.get(key) {
            Some(value) if !value.is_empty() => Ok(value.split([',', ';']).next().unwrap_or(value).trim()),
            _ => self.lacks(key, "is missing"),
        }
    }

    fn number(&self, key: &str) -> Result<f64, PrintError> {
        let word = self.word(key)?;
        match word.trim_end_matches('%').trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => self.lacks(key, &format!("= {word} is not a number")),
        }
    }

    /// A number, or a share of another one where it is given in percent.
    fn part(&self, key: &str, whole: f64) -> Result<f64, PrintError> {
        let number = self.number(key)?;
        Ok(if self.word(key)?.ends_with('%') { number / 100.0 * whole } else { number })
    }

    /// The same where zero or nothing means that the program decides.
    fn part_or(&self, key: &str, whole: f64, usual: f64) -> f64 {
        self.part(key, whole).ok().filter(|value| *value > 0.0).unwrap_or(usual)
    }

    fn count(&self, key: &str) -> Result<u32, PrintError> {
        let number = self.number(key)?;
        if (0.0..=1000.0).contains(&number) { Ok(number as u32) } else { self.lacks(key, "is out of range") }
    }

    fn printer(&self, name: &str) -> Result<(Printer, Process), PrintError> {
        if self.settings.get("printer_technology").is_some_and(|technology| technology != "FFF") {
            return self.lacks("printer_technology", "is not FFF: this is not a filament printer");
        }
        if self.settings.get("nozzle_diameter").is_some_and(|list| list.contains(',')) {
            return self.lacks("nozzle_diameter", "lists several nozzles; one is needed");
        }
        let flavour = match self.word("gcode_flavor")? {
            "marlin2" => Flavour::Marlin2,
            "marlin" | "reprap" | "reprapfirmware" | "repetier" | "klipper" | "teacup" | "smoothie" => {
                Flavour::Marlin
            }
            other => return self.lacks("gcode_flavor", &format!("= {other} cannot be read back")),
        };
        let nozzle = self.nozzle()?;
        let process = self.process(&nozzle)?;
        let thinnest = nozzle.layers[0].min(process.layer).min(process.first_layer);
        let thickest = nozzle.layers[1].max(process.layer).max(process.first_layer);
        let printer = Printer {
            name: plain(name),
            title: self.title.chars().take(200).collect(),
            flavour,
            bed: self.bed()?,
            nozzle: Nozzle { layers: [thinnest, thickest], ..nozzle },
            filament: self.filament()?,
            speed: self.speed()?,
            acceleration: self.acceleration(),
            retraction: Retraction {
                length: self.number("retract_length")?,
                speed: self.number("retract_speed")?,
                lift: self.number("retract_lift")?,
            },
            standard: process.clone(),
            fine: process.clone(),
            // The texts are in the flattened settings, and expanded by the program.
            compensation: None,
            gcode: Custom { start: String::new(), end: String::new() },
        };
        printer.check()?;
        Ok((printer, process))
    }

    /// The bed, which must be a rectangle: another shape would let a corner stand beside it.
    fn bed(&self) -> Result<Bed, PrintError> {
        let Some(shape) = self.settings.get("bed_shape") else {
            return self.lacks("bed_shape", "is missing");
        };
        let corner = |text: &str| -> Option<[f64; 2]> {
            let (x, y) = text.trim().split_once('x')?;
            Some([x.parse().ok()?, y.parse().ok()?])
        };
        let corners: Option<Vec<[f64; 2]>> = shape.split(',').map(corner).collect();
        let Some(corners) = corners.filter(|corners| !corners.is_empty()) else {
            return self.lacks("bed_shape", "is not a list of corners");
        };
        let least = |a: usize| corners.iter().fold(f64::INFINITY, |low, corner| low.min(corner[a]));
        let most = |a: usize| corners.iter().fold(f64::NEG_INFINITY, |high, corner| high.max(corner[a]));
        let (low, high) = ([least(0), least(1)], [most(0), most(1)]);
        // The area of the polygon against that of the box around it.
        let turned = corners.iter().zip(corners.iter().cycle().skip(1));
        let area = turned.map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>().abs() / 2.0;
        let whole = (high[0] - low[0]) * (high[1] - low[1]);
        if area < 0.999 * whole {
            return self.lacks("bed_shape", "is not a rectangle");
        }
        let height = self.number("max_print_height")?;
        Ok(Bed { size: [high[0] - low[0], high[1] - low[1]], origin: low, height })
    }

    fn nozzle(&self) -> Result<Nozzle, PrintError> {
        let diameter = self.number("nozzle_diameter")?;
        let layer = self.number("layer_height")?;
        // The program's own rule for what is left to it: 9/8 of the nozzle.
        let usual = self.part_or("extrusion_width", layer, 1.125 * diameter);
        let line = Some(self.part_or("external_perimeter_extrusion_width", layer, usual));
        // Likewise its own: 0.07 mm and three quarters of the nozzle.
        let layers = [
            self.part_or("min_layer_height", layer, 0.07),
            self.part_or("max_layer_height", layer, 0.75 * diameter),
        ];
        Ok(Nozzle { diameter, layers, line })
    }

    fn filament(&self) -> Result<Filament, PrintError> {
        Ok(Filament {
            material: self.word("filament_type")?.trim_matches('"').to_owned(),
            diameter: self.number("filament_diameter")?,
            density: self.number("filament_density")?,
            cost: self.number("filament_cost")?,
            nozzle_temperature: self.number("temperature")?,
            first_nozzle_temperature: self.number("first_layer_temperature")?,
            bed_temperature: self.number("bed_temperature")?,
            fan: [self.number("min_fan_speed")?, self.number("max_fan_speed")?],
        })
    }

    fn speed(&self) -> Result<Speed, PrintError> {
        let perimeter = self.number("perimeter_speed")?;
        let infill = self.number("infill_speed")?;
        let solid = self.part_or("solid_infill_speed", infill, infill);
        Ok(Speed {
            perimeter,
            infill,
            solid_infill: solid,
            outer_perimeter: self.part_or("external_perimeter_speed", perimeter, perimeter),
            top_infill: self.part_or("top_solid_infill_speed", solid, solid),
            support: self.part_or("support_material_speed", perimeter, perimeter),
            bridge: self.part_or("bridge_speed", perimeter, perimeter),
            first_layer: self.part_or("first_layer_speed", perimeter, perimeter),
            travel: self.number("travel_speed")?,
        })
    }

    /// Zero leaves it to the printer.
    fn acceleration(&self) -> Acceleration {
        let default = self.part_or("default_acceleration", 1.0, 1000.0);
        Acceleration {
            perimeter: self.part_or("perimeter_acceleration", 1.0, default),
            infill: self.part_or("infill_acceleration", 1.0, default),
            first_layer: self.part_or("first_layer_acceleration", 1.0, default),
            default,
            jerk: self.part_or("machine_max_jerk_x", 1.0, 10.0),
        }
    }

    fn process(&self, nozzle: &Nozzle) -> Result<Process, PrintError> {
        let layer = self.number("layer_height")?;
        let brim = if self.word("brim_type").is_ok_and(|kind| kind == "no_brim") {
            0.0
        } else {
            self.number("brim_width")?
        };
        Ok(Process {
            layer,
            first_layer: self.part("first_layer_height", layer)?,
            perimeters: self.count("perimeters")?,
            top_layers: self.count("top_solid_layers")?,
            bottom_layers: self.count("bottom_solid_layers")?,
            infill: self.part("fill_density", 100.0)?,
            supports: true,
            // Zero is found by the program from line width and layer height.
            overhang: self.part_or("support_material_threshold", 90.0, 45.0),
            support_gap: self.part_or("support_material_contact_distance", nozzle.diameter, 0.0),
            brim,
            skirt: self.count("skirts")?,
        })
    }
}
