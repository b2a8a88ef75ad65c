//! The settings and the command line of `CuraEngine`.
//!
//! `CuraEngine` takes its settings from a definition, a JSON file that inherits Cura's own `fdmprinter`. Cura's window
//! derives most settings from a few by formulas in the definitions; the engine alone does not, and would use
//! whatever number stands beside a formula. So every setting that matters is given its value here.

use crate::error::PrintError;
use crate::expand::expand;
use crate::printer::{Printer, Process};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Name of the definition that is written into the working folder.
pub(crate) const DEFINITION: &str = "osteon.def.json";

/// The definition ours inherits: every setting there is.
pub(crate) const ROOT: &str = "fdmprinter.def.json";

/// Warnings of every run: settings of Cura's window that the engine does not read, and the echo of all settings.
pub(crate) const USUAL: [&str; 2] = ["Unrecognized data type in JSON setting", "-s "];

/// Where packages and bundles put Cura's resources.
const USUAL_RESOURCES: [&str; 4] = [
    "/usr/share/cura/resources",
    "/usr/local/share/cura/resources",
    "/Applications/Ultimaker Cura.app/Contents/Resources/resources",
    "C:\\Program Files\\Ultimaker Cura 4.13.1\\resources",
];

/// The folders of definitions and of extruders among the given folders, or else where Cura is installed.
///
/// Each folder may be `resources` itself, or one of definitions.
///
/// # Errors
/// `cura-definitions-missing` if none of them has the one every other inherits.
pub(crate) fn definitions(folders: &[PathBuf]) -> Result<Vec<PathBuf>, PrintError> {
    let tried: Vec<PathBuf> = folders.iter().cloned().chain(USUAL_RESOURCES.map(PathBuf::from)).collect();
    for folder in &tried {
        for definitions in [folder.join("definitions"), folder.clone()] {
            if definitions.join(ROOT).is_file() {
                let extruders = definitions.parent().map(|resources| resources.join("extruders"));
                return Ok([Some(definitions), extruders].into_iter().flatten().collect());
            }
        }
    }
    Err(PrintError::DefinitionsMissing { tried: tried.iter().map(|f| f.display().to_string()).collect() })
}

/// Folders as the engine reads them from its environment.
pub(crate) fn search_path(folders: &[PathBuf]) -> OsString {
    let between = if cfg!(windows) { ";" } else { ":" };
    let mut path = OsString::new();
    for (n, folder) in folders.iter().enumerate() {
        if n > 0 {
            path.push(between);
        }
        path.push(folder);
    }
    path
}

/// The command line of `CuraEngine`, without the program itself.
///
/// The nozzle and the filament are said again for the first extruder: the definition of an extruder has defaults
/// of its own, which would win.
pub(crate) fn arguments(printer: &Printer, model: &Path, definition: &Path, output: &Path) -> Vec<OsString> {
    let mut line: Vec<OsString> = ["slice", "-v", "-p", "-j"].map(Into::into).into();
    line.push(definition.into());
    line.push("-e0".into());
    for (key, value) in
        [("machine_nozzle_size", printer.nozzle.diameter), ("material_diameter", printer.filament.diameter)]
    {
        line.extend(["-s".into(), format!("{key}={value}").into()]);
    }
    line.extend(["-o".into(), output.into(), "-l".into(), model.into()]);
    line
}

/// The definition for a printer and a process, as JSON.
///
/// `middle` is where the middle of the model goes, in G-code coordinates (mm); `height` is the model's (mm).
///
/// # Errors
/// `printer-profile` if the printer's start or end text holds what cannot be worked out.
pub(crate) fn definition(
    printer: &Printer,
    process: &Process,
    middle: [f64; 2],
    height: f64,
) -> Result<String, PrintError> {
    let mut all = machine(printer, middle);
    all.extend(plastic(printer));
    all.extend(motion(printer));
    all.extend(matter(printer, process));
    all.extend(supports(printer, process));
    let mut known: Vec<(String, f64)> =
        all.iter().filter_map(|(key, value)| Some(((*key).to_owned(), value.parse::<f64>().ok()?))).collect();
    known.extend(
        [
            ("layer_z", height),
            ("max_print_height", printer.bed.height),
            ("temperature", printer.filament.nozzle_temperature),
            ("first_layer_temperature", printer.filament.first_nozzle_temperature),
            ("bed_temperature", printer.filament.bed_temperature),
            ("first_layer_bed_temperature", printer.filament.bed_temperature),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    let start = expand(&printer.gcode.start, &known)?;
    let heats = |codes: [&str; 2]| codes.iter().any(|code| start.contains(code));
    all.push(("material_print_temp_prepend", (!heats(["M104", "M109"])).to_string()));
    all.push(("material_bed_temp_prepend", (!heats(["M140", "M190"])).to_string()));
    all.push(("machine_start_gcode", start));
    all.push(("machine_end_gcode", expand(&printer.gcode.end, &known)?));
    let overrides: Map<String, Value> =
        all.into_iter().map(|(key, value)| (key.to_owned(), json!({ "default_value": value }))).collect();
    let definition = json!({
        "version": 2,
        "name": printer.title,
        "inherits": "fdmprinter",
        "metadata": { "machine_extruder_trains": { "0": "fdmextruder" } },
        "overrides": overrides,
    });
    Ok(format!("{definition:#}\n"))
}

type Setting = (&'static str, String);

/// The same value for several settings.
fn alike(value: f64, keys: &[&'static str]) -> Vec<Setting> {
    keys.iter().map(|key| (*key, value.to_string())).collect()
}

fn words(pairs: &[(&'static str, &str)]) -> Vec<Setting> {
    pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

fn machine(printer: &Printer, middle: [f64; 2]) -> Vec<Setting> {
    let mut all = words(&[
        ("machine_shape", "rectangular"),
        ("machine_gcode_flavor", "RepRap (Marlin/Sprinter)"),
        ("machine_extruder_count", "1"),
        ("extruders_enabled_count", "1"),
        ("machine_firmware_retract", "false"),
        ("relative_extrusion", "false"),
        // Then model and G-code coordinates are the same but for the position below.
        ("machine_center_is_zero", "true"),
        ("center_object", "false"),
        ("mesh_position_z", "0"),
        ("print_sequence", "all_at_once"),
        ("prime_blob_enable", "false"),
        ("prime_tower_enable", "false"),
    ]);
    for (key, value) in [
        ("mesh_position_x", middle[0]),
        ("mesh_position_y", middle[1]),
        ("machine_width", printer.bed.size[0]),
        ("machine_depth", printer.bed.size[1]),
        ("machine_height", printer.bed.height),
        ("gantry_height", printer.bed.height),
        ("machine_nozzle_size", printer.nozzle.diameter),
        ("material_diameter", printer.filament.diameter),
    ] {
        all.push((key, value.to_string()));
    }
    all.push(("machine_heated_bed", (printer.filament.bed_temperature > 0.0).to_string()));
    all
}

fn plastic(printer: &Printer) -> Vec<Setting> {
    let filament = &printer.filament;
    let mut all = alike(
        filament.nozzle_temperature,
        &[
            "default_material_print_temperature",
            "material_print_temperature",
            "material_initial_print_temperature",
            "material_final_print_temperature",
        ],
    );
    all.extend(alike(filament.first_nozzle_temperature, &["material_print_temperature_layer_0"]));
    all.extend(alike(
        filament.bed_temperature,
        &["default_material_bed_temperature", "material_bed_temperature", "material_bed_temperature_layer_0"],
    ));
    all.extend(alike(filament.fan[0], &["cool_fan_speed", "cool_fan_speed_min"]));
    all.extend(alike(filament.fan[1], &["cool_fan_speed_max"]));
    all.extend(words(&[
        ("cool_fan_enabled", "true"),
        ("cool_fan_speed_0", "0"),
        ("cool_fan_full_layer", "2"),
        ("cool_min_layer_time", "10"),
        ("cool_min_layer_time_fan_speed_max", "12"),
        ("cool_min_speed", "10"),
        ("material_shrinkage_percentage", "100"),
    ]));
    all
}

fn motion(printer: &Printer) -> Vec<Setting> {
    let (s, a, r) = (&printer.speed, &printer.acceleration, &printer.retraction);
    let mut all = words(&[
        ("acceleration_enabled", "true"),
        ("jerk_enabled", "true"),
        ("speed_slowdown_layers", "1"),
        ("retraction_enable", "true"),
        ("retract_at_layer_change", "true"),
        ("retraction_min_travel", "1.5"),
        ("travel_avoid_other_parts", "true"),
    ]);
    all.push(("retraction_hop_enabled", (r.lift > 0.0).to_string()));
    let groups: [(f64, &[&'static str]); 18] = [
        (s.outer_perimeter, &["speed_wall_0"]),
        (s.perimeter, &["speed_wall", "speed_wall_x"]),
        (s.infill, &["speed_print", "speed_infill"]),
        (s.solid_infill, &["speed_topbottom"]),
        (s.top_infill, &["speed_roofing"]),
        (s.support, &["speed_support", "speed_support_infill"]),
        (0.8 * s.support, &["speed_support_interface", "speed_support_roof", "speed_support_bottom"]),
        (s.first_layer, &["speed_layer_0", "speed_print_layer_0", "skirt_brim_speed"]),
        (s.travel, &["speed_travel", "speed_travel_layer_0"]),
        (a.perimeter, &["acceleration_wall", "acceleration_wall_0", "acceleration_wall_x"]),
        (
            a.infill,
            &["acceleration_print", "acceleration_infill", "acceleration_topbottom", "acceleration_roofing"],
        ),
        (
            a.first_layer,
            &[
                "acceleration_layer_0",
                "acceleration_print_layer_0",
                "acceleration_travel_layer_0",
                "acceleration_skirt_brim",
            ],
        ),
        (
            a.default,
            &[
                "acceleration_support",
                "acceleration_support_infill",
                "acceleration_support_interface",
                "acceleration_support_roof",
                "acceleration_support_bottom",
                "acceleration_travel",
                "machine_acceleration",
            ],
        ),
        (a.jerk, JERKS),
        (r.length, &["retraction_amount", "retraction_extrusion_window"]),
        (r.speed, &["retraction_speed", "retraction_retract_speed", "retraction_prime_speed"]),
        (r.lift, &["retraction_hop"]),
        (1.25 * printer.nozzle.diameter, &["travel_avoid_distance"]),
    ];
    all.extend(groups.into_iter().flat_map(|(value, keys)| alike(value, keys)));
    all
}

const JERKS: &[&str] = &[
    "jerk_print",
    "jerk_infill",
    "jerk_wall",
    "jerk_wall_0",
    "jerk_wall_x",
    "jerk_topbottom",
    "jerk_roofing",
    "jerk_support",
    "jerk_support_infill",
    "jerk_support_interface",
    "jerk_support_roof",
    "jerk_support_bottom",
    "jerk_travel",
    "jerk_layer_0",
    "jerk_print_layer_0",
    "jerk_travel_layer_0",
    "jerk_skirt_brim",
    "machine_max_jerk_xy",
];

/// Widths that are one line each.
const LINES: &[&str] = &[
    "line_width",
    "wall_line_width",
    "wall_line_width_0",
    "wall_line_width_x",
    "skin_line_width",
    "roofing_line_width",
    "infill_line_width",
    "skirt_brim_line_width",
    "support_line_width",
    "support_interface_line_width",
    "support_roof_line_width",
    "support_bottom_line_width",
    "prime_tower_line_width",
    "sub_div_rad_add",
];

/// How far simplified paths may be from the section, mm, as with PrusaSlicer.
const DEVIATION: f64 = 0.0125;

fn matter(printer: &Printer, process: &Process) -> Vec<Setting> {
    let line = printer.line();
    let walls = line * f64::from(process.perimeters);
    let full = process.infill >= 100.0;
    let mut all = alike(line, LINES);
    all.extend(alike(process.layer, &["layer_height", "infill_sparse_thickness"]));
    all.extend(alike(process.first_layer, &["layer_height_0"]));
    all.extend(alike(
        walls,
        &[
            "wall_thickness",
            "skin_preshrink",
            "top_skin_preshrink",
            "bottom_skin_preshrink",
            "expand_skins_expand_distance",
            "top_skin_expand_distance",
            "bottom_skin_expand_distance",
        ],
    ));
    // Cura's own way to fill everything: every layer is a closed one.
    let closed = if full { 999_999 } else { process.bottom_layers };
    let distance = if process.infill > 0.0 { line * 100.0 / process.infill } else { 0.0 };
    all.extend([
        ("wall_line_count", process.perimeters.to_string()),
        ("top_layers", if full { 0 } else { process.top_layers }.to_string()),
        ("bottom_layers", closed.to_string()),
        ("initial_bottom_layers", closed.to_string()),
        ("infill_sparse_density", process.infill.to_string()),
        ("infill_line_distance", distance.to_string()),
        ("infill_pattern", if full { "lines" } else { "gyroid" }.to_owned()),
        ("infill_overlap_mm", (0.1 * line).to_string()),
        ("skin_overlap_mm", (0.05 * line).to_string()),
        ("meshfix_maximum_resolution", "0.1".to_owned()),
        ("meshfix_maximum_travel_resolution", (2.0 * line).to_string()),
        ("meshfix_maximum_deviation", DEVIATION.to_string()),
    ]);
    all.extend(words(&[
        ("connect_infill_polygons", "false"),
        ("zig_zaggify_infill", "false"),
        ("infill_before_walls", "false"),
        ("infill_wipe_dist", "0"),
        ("skin_edge_support_layers", "0"),
        ("skin_monotonic", "true"),
        ("skin_outline_count", "0"),
        ("top_bottom_pattern", "lines"),
        ("top_bottom_pattern_0", "lines"),
        ("roofing_layer_count", "0"),
        ("outer_inset_first", "false"),
        // An outer wall stays in one piece: where it touches itself in a narrow neck, Cura would leave a gap in it.
        ("travel_compensate_overlapping_walls_enabled", "false"),
        ("travel_compensate_overlapping_walls_0_enabled", "false"),
        ("travel_compensate_overlapping_walls_x_enabled", "false"),
        ("alternate_extra_perimeter", "false"),
        ("fill_outline_gaps", "true"),
        ("wall_0_wipe_dist", "0"),
        // One to one: nothing is shrunk, grown, bent or left out on purpose.
        ("wall_0_inset", "0"),
        ("xy_offset", "0"),
        ("xy_offset_layer_0", "0"),
        ("hole_xy_offset", "0"),
        ("initial_layer_line_width_factor", "100"),
        ("slicing_tolerance", "middle"),
        ("minimum_polygon_circumference", "0.1"),
        ("adaptive_layer_height_enabled", "false"),
        ("conical_overhang_enabled", "false"),
        ("magic_spiralize", "false"),
        ("magic_fuzzy_skin_enabled", "false"),
        ("magic_mesh_surface_mode", "normal"),
        ("coasting_enable", "false"),
        ("ironing_enabled", "false"),
        ("mold_enabled", "false"),
        ("carve_multiple_volumes", "false"),
        ("meshfix_union_all", "true"),
        ("meshfix_union_all_remove_holes", "false"),
        ("remove_empty_first_layers", "false"),
    ]));
    all
}

/// Distance of support lines, mm, as with PrusaSlicer.
const SUPPORT_LINES: f64 = 2.5;

fn supports(printer: &Printer, process: &Process) -> Vec<Setting> {
    let line = printer.line();
    let adhesion = match (process.brim > 0.0, process.skirt > 0) {
        (true, _) => "brim",
        (false, true) => "skirt",
        (false, false) => "none",
    };
    let mut all = vec![
        ("support_enable", process.supports.to_string()),
        ("support_angle", (90.0 - process.overhang).to_string()),
        ("support_infill_rate", (100.0 * line / SUPPORT_LINES).to_string()),
        ("adhesion_type", adhesion.to_owned()),
        ("brim_width", process.brim.to_string()),
        ("brim_line_count", format!("{:.0}", (process.brim / line).round())),
        ("skirt_line_count", process.skirt.to_string()),
        ("skirt_gap", printer.skirt_gap().to_string()),
    ];
    all.extend(alike(SUPPORT_LINES, &["support_line_distance", "support_initial_layer_line_distance"]));
    all.extend(alike(
        process.support_gap,
        &["support_z_distance", "support_top_distance", "support_bottom_distance"],
    ));
    // Chosen: a nozzle and a half beside the walls, so that supports come off; half a nozzle under overhangs.
    all.extend(alike(1.5 * printer.nozzle.diameter, &["support_xy_distance"]));
    all.extend(alike(0.5 * printer.nozzle.diameter, &["support_xy_distance_overhang"]));
    all.extend(alike(process.layer, &["support_infill_sparse_thickness"]));
    all.extend(alike(
        2.0 * process.layer,
        &["support_interface_height", "support_roof_height", "support_bottom_height"],
    ));
    all.extend(alike(line + 0.2, &["support_roof_line_distance", "support_bottom_line_distance"]));
    all.extend(words(&[
        ("support_structure", "normal"),
        ("support_type", "everywhere"),
        ("support_pattern", "lines"),
        ("support_wall_count", "1"),
        ("support_brim_enable", "false"),
        ("support_interface_enable", "true"),
        ("support_roof_enable", "true"),
        ("support_bottom_enable", "false"),
        ("support_interface_pattern", "lines"),
        ("support_roof_pattern", "lines"),
        ("support_use_towers", "false"),
        ("support_conical_enabled", "false"),
        ("brim_gap", "0"),
        ("brim_outside_only", "true"),
        ("brim_replaces_support", "true"),
        ("skirt_brim_minimal_length", "0"),
    ]));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::printer;
    use osteon_core::Explain;

    fn overrides(printer: &Printer, process: &Process) -> Map<String, Value> {
        let text = definition(printer, process, [125.0, 105.0], 40.0).unwrap();
        let definition: Value = serde_json::from_str(&text).unwrap();
        definition["overrides"].as_object().unwrap().clone()
    }

    #[test]
    fn every_setting_is_given_once() {
        let printer = printer("generic-250").unwrap();
        let count = machine(&printer, [0.0; 2]).len()
            + plastic(&printer).len()
            + motion(&printer).len()
            + matter(&printer, &printer.standard).len()
            + supports(&printer, &printer.standard).len();
        // And the four that are made of the printer's texts.
        assert_eq!(overrides(&printer, &printer.standard).len(), count + 4);
    }

    #[test]
    fn process_and_texts_reach_the_definition() {
        let printer = printer("generic-250").unwrap();
        let process = Process { infill: 100.0, supports: false, ..printer.fine.clone() };
        let all = overrides(&printer, &process);
        for (key, value) in [
            ("layer_height", "0.1"),
            ("wall_line_width_0", "0.45"),
            ("bottom_layers", "999999"),
            ("support_enable", "false"),
            ("support_angle", "45"),
            ("mesh_position_y", "105"),
            ("material_print_temp_prepend", "true"),
        ] {
            assert_eq!(all[key]["default_value"], value, "{key}");
        }
        let end = all["machine_end_gcode"]["default_value"].as_str().unwrap();
        assert!(end.contains("G1 Z50 F600"), "{end}");
    }

    #[test]
    fn a_start_text_that_cannot_be_worked_out_is_refused() {
        let mut printer = printer("generic-250").unwrap();
        printer.gcode.start = "G28\nM104 S{what_is_this}\n".to_owned();
        let error = definition(&printer, &printer.standard, [0.0; 2], 1.0).unwrap_err();
        assert_eq!(error.code(), "printer-profile");
        assert!(error.to_string().contains("what_is_this"), "{error}");
    }

    #[test]
    fn missing_definitions_are_told_with_the_folders() {
        let error = definitions(&["/nowhere".into()]);
        // Where Cura is installed they are found all the same.
        if let Err(error) = error {
            assert!(error.to_string().contains("/nowhere") && error.help().contains("dpkg-deb -x"));
        }
    }
}
