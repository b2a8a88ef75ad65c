//! Definitions of Cura: one JSON file for each machine, which inherits others up to `fdmprinter`.
//!
//! Only the machine is taken: bed, height, nozzle, filament and the texts before and after. How a print is made is
//! derived by Cura's window from hundreds of formulas, which the engine alone does not do; so layers, walls and speeds
//! are ours, those of the printer `generic-250`.

use super::{DEEPEST, files, near, plain, read};
use crate::cura::definitions;
use crate::error::PrintError;
use crate::printer::{Bed, Custom, Printer, Quality, printers};
use crate::profile::{Profile, Source};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a definition's file ends.
const END: &str = ".def.json";

/// What a definition and those it inherits say: of each setting the last word.
#[derive(Default)]
struct Said {
    settings: BTreeMap<String, Value>,
    extruder: Option<String>,
    name: String,
}

/// Every machine that is installed and may be chosen, by the name of its file.
///
/// # Errors
/// `cura-definitions-missing`; a definition that cannot be read.
pub fn list(given: &[PathBuf]) -> Result<Vec<(String, String)>, PrintError> {
    let folders = definitions(given)?;
    let mut all = Vec::new();
    for path in folders.first().map(|folder| files(folder, END)).unwrap_or_default() {
        let Ok(definition) = serde_json::from_str::<Value>(&read(&path)?) else { continue };
        if definition["metadata"]["visible"] == true
            && let Some(file) = path.file_name().map(|name| name.to_string_lossy().into_owned())
        {
            let name = definition["name"].as_str().unwrap_or_default().to_owned();
            all.push((file.trim_end_matches(END).to_owned(), name));
        }
    }
    Ok(all)
}

/// The machine of this name, set as ours is at a quality.
///
/// # Errors
/// `cura-definitions-missing`, `unknown-profile`, and `printer-profile` with the setting that is missing, or that only
/// Cura's window can work out.
pub fn profile(name: &str, quality: Quality, given: &[PathBuf]) -> Result<Profile, PrintError> {
    let folders = definitions(given)?;
    let mut said = Said::default();
    said.read(name, &folders, 0)?;
    if let Some(extruder) = said.extruder.clone() {
        said.read(&extruder, &folders, 0)?;
    }
    let printer = said.printer(name)?;
    let process = printer.process(quality).clone();
    Ok(Profile { printer, process, source: Source::Cura })
}

impl Said {
    /// Takes on a definition after what it inherits.
    fn read(&mut self, name: &str, folders: &[PathBuf], depth: usize) -> Result<(), PrintError> {
        if depth > DEEPEST {
            return Err(PrintError::Profile { what: format!("the heirs of {name} do not end") });
        }
        // A name is never a path.
        let plain = !name.contains(['/', '\\']) && !name.is_empty();
        let path = folders
            .iter()
            .map(|folder| folder.join(format!("{name}{END}")))
            .find(|path| plain && path.is_file());
        let Some(path) = path else {
            let known: Vec<(String, String)> = list(folders)?;
            let near = near(name, known.iter().map(|(file, _)| file.as_str()));
            return Err(PrintError::UnknownProfile { kind: "machine", name: name.to_owned(), near });
        };
        let definition: Value = serde_json::from_str(&read(&path)?).map_err(|e| PrintError::Profile {
            what: format!("{} is not a definition: {e}", path.display()),
        })?;
        if let Some(parent) = definition["inherits"].as_str() {
            self.read(parent, folders, depth + 1)?;
        }
        if let Some(name) = definition["name"].as_str() {
            name.clone_into(&mut self.name);
        }
        if let Some(extruder) = definition["metadata"]["machine_extruder_trains"]["0"].as_str() {
            self.extruder = Some(extruder.to_owned());
        }
        self.settings_of(&definition["settings"], 0);
        if let Some(overrides) = definition["overrides"].as_object() {
            for (key, setting) in overrides {
                self.take(key, setting);
            }
        }
        Ok(())
    }

    /// Settings are in categories and under each other.
    fn settings_of(&mut self, tree: &Value, depth: usize) {
        let Some(children) = tree.as_object().filter(|_| depth <= DEEPEST) else { return };
        for (key, setting) in children {
            self.take(key, setting);
            self.settings_of(&setting["children"], depth + 1);
        }
    }

    /// A value is a formula and stands above the default.
    fn take(&mut self, key: &str, setting: &Value) {
        for place in ["default_value", "value"] {
            if let Some(value) = setting.get(place) {
                self.settings.insert(key.to_owned(), value.clone());
            }
        }
    }

    fn lacks<T>(&self, key: &str, why: &str) -> Result<T, PrintError> {
        Err(PrintError::Profile { what: format!("{}: {key} {why}", self.name) })
    }

    fn number(&self, key: &str) -> Result<f64, PrintError> {
        let number = match self.settings.get(key) {
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse::<f64>().ok(),
            _ => return self.lacks(key, "is missing"),
        };
        match number.filter(|number| number.is_finite()) {
            Some(number) => Ok(number),
            None => self.lacks(key, "is a formula that only Cura's window can work out"),
        }
    }

    fn text(&self, key: &str) -> Result<String, PrintError> {
        match self.settings.get(key) {
            // A formula of Python that is one text.
            Some(Value::String(text)) => Ok(text.trim_matches('\'').to_owned()),
            _ => self.lacks(key, "is missing"),
        }
    }

    fn is(&self, key: &str) -> bool {
        match self.settings.get(key) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    fn printer(&self, name: &str) -> Result<Printer, PrintError> {
        let flavour = self.text("machine_gcode_flavor")?;
        if flavour != "RepRap (Marlin/Sprinter)" {
            let why = format!("= {flavour}: this machine reads a file that only Cura's window writes");
            return self.lacks("machine_gcode_flavor", &why);
        }
        let shape = self.text("machine_shape")?;
        if shape != "rectangular" {
            return self.lacks("machine_shape", &format!("= {shape} is not a rectangle"));
        }
        let Some(mut printer) = printers().into_iter().next() else {
            return self.lacks("generic-250", "is missing");
        };
        let size = [self.number("machine_width")?, self.number("machine_depth")?];
        let origin = if self.is("machine_center_is_zero") { size.map(|edge| -edge / 2.0) } else { [0.0; 2] };
        printer.bed = Bed { size, origin, height: self.number("machine_height")? };
        printer.name = plain(name);
        printer.title = format!("{} (machine of Cura, set as generic-250)", self.name);
        printer.nozzle.diameter = self.number("machine_nozzle_size")?;
        // What may be laid by a nozzle at most is three quarters of it, as PrusaSlicer takes it.
        printer.nozzle.layers = [0.07_f64.min(printer.standard.layer), 0.75 * printer.nozzle.diameter];
        printer.filament.diameter = self.number("material_diameter")?;
        if !self.is("machine_heated_bed") {
            printer.filament.bed_temperature = 0.0;
        }
        printer.gcode =
            Custom { start: self.text("machine_start_gcode")?, end: self.text("machine_end_gcode")? };
        printer.check()?;
        Ok(printer)
    }
}
