//! The settings and the command line of PrusaSlicer.
//!
//! The settings are complete as far as they matter to what is printed, so that neither the user's own
//! presets nor a later default changes the result. Keys as in PrusaSlicer 2.5 and later.

use crate::printer::{Flavour, Printer, Process};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

/// The settings of PrusaSlicer for a printer and a process, as its flat ini file.
///
/// Outlines are made by the *classic* generator: the other one of version 2.5 writes different paths on
/// each run for the same input, which would make a print impossible to reproduce; classic lines have one
/// width, so the outline can be held against the solid.
pub fn config(printer: &Printer, process: &Process) -> String {
    let mut ini = format!("# {} for PrusaSlicer, written by Osteon\n", printer.name);
    for (key, value) in machine(printer)
        .into_iter()
        .chain(plastic(printer, process))
        .chain(motion(printer))
        .chain(matter(printer, process))
        .chain(around(printer, process))
    {
        // Writing to a string cannot fail.
        let _ = writeln!(ini, "{key} = {value}");
    }
    ini
}

/// Settings of a maker's profile, which we found flattened, as PrusaSlicer's flat ini file.
///
/// Ours come last: what the proof needs, and that bones are held up where they overhang.
pub fn flat(title: &str, settings: &BTreeMap<String, String>) -> String {
    let mut ini = format!("# {title} for PrusaSlicer, as its maker set it, written by Osteon\n");
    for (key, value) in settings {
        let _ = writeln!(ini, "{key} = {value}");
    }
    ini
}

/// What is set otherwise than the maker did, and why.
///
/// Classic perimeters: see [`config`]. No other program is run on the result, no pictures are put into it. Bones
/// overhang everywhere, so supports are on; makers leave that to the person.
pub const OURS: [(&str, &str); 9] = [
    ("perimeter_generator", "classic"),
    ("post_process", ""),
    ("thumbnails", ""),
    ("gcode_comments", "0"),
    ("gcode_label_objects", "0"),
    ("complete_objects", "0"),
    ("support_material", "1"),
    ("support_material_auto", "1"),
    ("raft_layers", "0"),
];

/// The command line of PrusaSlicer, without the program itself.
///
/// `middle` is where the middle of the model goes, in G-code coordinates (mm).
pub fn arguments(model: &Path, config: &Path, output: &Path, middle: [f64; 2]) -> Vec<OsString> {
    let mut line: Vec<OsString> = ["--export-gcode", "--loglevel", "2", "--load"].map(Into::into).into();
    line.push(config.into());
    line.push("--center".into());
    line.push(format!("{},{}", middle[0], middle[1]).into());
    line.push("--output".into());
    line.push(output.into());
    line.push(model.into());
    line
}

type Setting = (&'static str, String);

fn machine(printer: &Printer) -> Vec<Setting> {
    let [x, y] = printer.bed.origin;
    let (right, back) = (x + printer.bed.size[0], y + printer.bed.size[1]);
    let flavour = match printer.flavour {
        Flavour::Marlin => "marlin",
        Flavour::Marlin2 => "marlin2",
    };
    vec![
        ("printer_technology", "FFF".to_owned()),
        ("gcode_flavor", flavour.to_owned()),
        ("bed_shape", format!("{x}x{y},{right}x{y},{right}x{back},{x}x{back}")),
        ("max_print_height", printer.bed.height.to_string()),
        ("nozzle_diameter", printer.nozzle.diameter.to_string()),
        ("min_layer_height", printer.nozzle.layers[0].to_string()),
        ("max_layer_height", printer.nozzle.layers[1].to_string()),
        ("z_offset", "0".to_owned()),
        ("use_relative_e_distances", "1".to_owned()),
        ("use_firmware_retraction", "0".to_owned()),
        ("use_volumetric_e", "0".to_owned()),
        ("layer_gcode", "G92 E0".to_owned()),
        ("start_gcode", escaped(&printer.gcode.start)),
        ("end_gcode", escaped(&printer.gcode.end)),
        // Lists of texts: an empty list, unlike a list of one empty text, crashes version 2.5.
        ("start_filament_gcode", quoted("")),
        ("end_filament_gcode", quoted("")),
        ("post_process", String::new()),
        ("thumbnails", String::new()),
        ("gcode_comments", "0".to_owned()),
        ("gcode_label_objects", "0".to_owned()),
        ("gcode_resolution", "0.0125".to_owned()),
        ("remaining_times", "0".to_owned()),
        ("silent_mode", "0".to_owned()),
    ]
}

fn plastic(printer: &Printer, process: &Process) -> Vec<Setting> {
    let filament = &printer.filament;
    vec![
        ("filament_type", quoted(&filament.material)),
        ("filament_diameter", filament.diameter.to_string()),
        ("filament_density", filament.density.to_string()),
        ("filament_cost", filament.cost.to_string()),
        ("extrusion_multiplier", "1".to_owned()),
        ("temperature", whole(filament.nozzle_temperature)),
        ("first_layer_temperature", whole(filament.first_nozzle_temperature)),
        ("bed_temperature", whole(filament.bed_temperature)),
        ("first_layer_bed_temperature", whole(filament.bed_temperature)),
        ("cooling", "1".to_owned()),
        ("fan_always_on", "1".to_owned()),
        ("min_fan_speed", whole(filament.fan[0])),
        ("max_fan_speed", whole(filament.fan[1])),
        ("bridge_fan_speed", whole(filament.fan[1])),
        ("disable_fan_first_layers", "1".to_owned()),
        ("slowdown_below_layer_time", "10".to_owned()),
        ("min_print_speed", "10".to_owned()),
        ("layer_height", process.layer.to_string()),
        ("first_layer_height", process.first_layer.to_string()),
    ]
}

fn motion(printer: &Printer) -> Vec<Setting> {
    let (s, a, r) = (&printer.speed, &printer.acceleration, &printer.retraction);
    let fastest = [a.perimeter, a.infill, a.first_layer, a.default].into_iter().fold(0.0, f64::max);
    vec![
        ("perimeter_speed", s.perimeter.to_string()),
        ("external_perimeter_speed", s.outer_perimeter.to_string()),
        ("small_perimeter_speed", s.outer_perimeter.to_string()),
        ("infill_speed", s.infill.to_string()),
        ("solid_infill_speed", s.solid_infill.to_string()),
        ("top_solid_infill_speed", s.top_infill.to_string()),
        ("gap_fill_speed", s.outer_perimeter.to_string()),
        ("bridge_speed", s.bridge.to_string()),
        ("support_material_speed", s.support.to_string()),
        ("support_material_interface_speed", "80%".to_owned()),
        ("first_layer_speed", s.first_layer.to_string()),
        ("travel_speed", s.travel.to_string()),
        ("perimeter_acceleration", a.perimeter.to_string()),
        ("infill_acceleration", a.infill.to_string()),
        ("bridge_acceleration", a.perimeter.to_string()),
        ("first_layer_acceleration", a.first_layer.to_string()),
        ("default_acceleration", a.default.to_string()),
        // The printer's own limits hold; these only serve the estimate of time.
        ("machine_limits_usage", "time_estimate_only".to_owned()),
        ("machine_max_acceleration_extruding", fastest.to_string()),
        ("machine_max_acceleration_travel", fastest.to_string()),
        ("machine_max_acceleration_x", fastest.to_string()),
        ("machine_max_acceleration_y", fastest.to_string()),
        ("machine_max_jerk_x", a.jerk.to_string()),
        ("machine_max_jerk_y", a.jerk.to_string()),
        ("retract_length", r.length.to_string()),
        ("retract_speed", r.speed.to_string()),
        ("retract_lift", r.lift.to_string()),
        ("retract_before_travel", "1.5".to_owned()),
        ("retract_layer_change", "1".to_owned()),
        ("wipe", "0".to_owned()),
    ]
}

fn matter(printer: &Printer, process: &Process) -> Vec<Setting> {
    let line = printer.line().to_string();
    let mut settings = vec![
        ("perimeters", process.perimeters.to_string()),
        ("perimeter_generator", "classic".to_owned()),
        ("external_perimeters_first", "0".to_owned()),
        ("extra_perimeters", "1".to_owned()),
        ("ensure_vertical_shell_thickness", "1".to_owned()),
        ("thin_walls", "1".to_owned()),
        ("overhangs", "1".to_owned()),
        ("seam_position", "aligned".to_owned()),
        ("spiral_vase", "0".to_owned()),
        ("fuzzy_skin", "none".to_owned()),
        ("ironing", "0".to_owned()),
        ("top_solid_layers", process.top_layers.to_string()),
        ("bottom_solid_layers", process.bottom_layers.to_string()),
        ("fill_density", format!("{}%", process.infill)),
        // The others are open lines and refuse 100 %, or cross themselves.
        ("fill_pattern", if process.infill < 100.0 { "gyroid" } else { "rectilinear" }.to_owned()),
        ("top_fill_pattern", "monotonic".to_owned()),
        ("bottom_fill_pattern", "monotonic".to_owned()),
        // One to one: nothing is shrunk, grown or simplified on purpose.
        ("xy_size_compensation", "0".to_owned()),
        ("elefant_foot_compensation", "0".to_owned()),
        ("resolution", "0".to_owned()),
        ("slice_closing_radius", "0.049".to_owned()),
        ("slicing_mode", "regular".to_owned()),
    ];
    for width in [
        "extrusion_width",
        "first_layer_extrusion_width",
        "perimeter_extrusion_width",
        "external_perimeter_extrusion_width",
        "infill_extrusion_width",
        "solid_infill_extrusion_width",
        "top_infill_extrusion_width",
        "support_material_extrusion_width",
    ] {
        settings.push((width, line.clone()));
    }
    settings
}

fn around(printer: &Printer, process: &Process) -> Vec<Setting> {
    let supports = u8::from(process.supports);
    vec![
        ("support_material", supports.to_string()),
        ("support_material_auto", "1".to_owned()),
        ("support_material_threshold", whole(process.overhang)),
        ("support_material_contact_distance", process.support_gap.to_string()),
        ("support_material_style", "grid".to_owned()),
        ("support_material_pattern", "rectilinear".to_owned()),
        ("support_material_spacing", "2.5".to_owned()),
        ("support_material_interface_layers", "2".to_owned()),
        ("support_material_interface_spacing", "0.2".to_owned()),
        ("support_material_buildplate_only", "0".to_owned()),
        ("support_material_with_sheath", "1".to_owned()),
        ("support_material_xy_spacing", "60%".to_owned()),
        ("raft_layers", "0".to_owned()),
        ("raft_first_layer_expansion", "1".to_owned()),
        ("brim_type", "outer_only".to_owned()),
        ("brim_width", process.brim.to_string()),
        ("brim_separation", "0".to_owned()),
        ("skirts", process.skirt.to_string()),
        ("skirt_distance", printer.skirt_gap().to_string()),
        ("skirt_height", "1".to_owned()),
        ("draft_shield", "disabled".to_owned()),
        ("min_skirt_length", "0".to_owned()),
        ("complete_objects", "0".to_owned()),
    ]
}

/// The program takes whole degrees and percents only.
fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// Text of several lines on the single line of an ini file.
fn escaped(text: &str) -> String {
    let text = text.replace('\r', "").replace('\\', "\\\\");
    text.trim().replace('\n', "\\n")
}

/// The only text of a list of texts.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::printer;

    #[test]
    fn every_setting_is_written_once_on_one_line() {
        let mut printer = printer("generic-250").unwrap();
        printer.gcode.start = "G28\nM117 \"hello\"\\n\r\nlayer_height = 9\n".to_owned();
        let ini = config(&printer, &printer.standard);
        let mut keys: Vec<&str> = ini.lines().skip(1).map(|l| l.split_once(" = ").unwrap().0).collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert!(ini.contains("\nlayer_height = 0.2\n") && !ini.contains("\nlayer_height = 9"));
        assert!(ini.contains("start_gcode = G28\\nM117 \"hello\"\\\\n\\nlayer_height = 9\n"), "{ini}");
        assert!(ini.contains("filament_type = \"PLA\"\n"));
    }

    #[test]
    fn process_and_bed_reach_the_settings() {
        let mut printer = printer("generic-180").unwrap();
        printer.bed.origin = [-90.0, -90.0];
        let process = Process { infill: 100.0, supports: false, ..printer.fine.clone() };
        let ini = config(&printer, &process);
        for line in [
            "bed_shape = -90x-90,90x-90,90x90,-90x90",
            "layer_height = 0.1",
            "fill_density = 100%",
            "fill_pattern = rectilinear",
            "support_material = 0",
            "extrusion_width = 0.45",
        ] {
            assert!(ini.lines().any(|l| l == line), "{line}");
        }
    }
}
