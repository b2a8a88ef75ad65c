//! Where a volume comes from: enough to find it again and to judge it, nothing that names the patient.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A stretch of the volume that nobody measured: the values there are those of air, not of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slab {
    /// Middle of the first slice that was not measured, mm in the patient's frame (LPS).
    pub from: [f64; 3],
    /// Middle of the last slice that was not measured, mm in the patient's frame (LPS).
    pub to: [f64; 3],
    /// First and last slice of the grid that were not measured.
    pub slices: [usize; 2],
}

/// One file a volume was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path below the scanned folder, with `/`.
    pub name: String,
    /// SHA-256 of the whole file, in hexadecimal.
    pub sha256: String,
}

/// Where a volume comes from and how it was taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Series Instance UID.
    pub series: Option<String>,
    /// Frame of Reference UID: images that share it share the patient's coordinates. `None` where it is
    /// missing or every file has one of its own.
    pub frame_of_reference: Option<String>,
    /// `CT` or `MR`.
    pub modality: String,
    /// Unit of the samples: `HU`, `stored` for values without one, or the scanner's own word.
    pub unit: String,
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// Steps between columns, rows and slices in mm; the last along the stack, which may be tilted.
    pub spacing: [f64; 3],
    /// Slice Thickness, mm.
    pub slice_thickness: Option<f64>,
    /// Angle between the stacking direction and the slices' normal, degrees; 0 for an upright stack.
    pub tilt: f64,
    /// Convolution kernel.
    pub kernel: Option<String>,
    /// Tube voltage, kV.
    pub kvp: Option<f64>,
    /// How the patient lay, such as `HFS`.
    pub patient_position: Option<String>,
    /// Laterality as stated in the files, `L` or `R`.
    pub laterality: Option<String>,
    /// Body part as stated in the files.
    pub body_part: Option<String>,
    /// Transfer syntax UIDs of the files, sorted.
    pub transfer_syntaxes: Vec<String>,
    /// True when the pixels have at some time been compressed with loss.
    pub lossy: bool,
    /// The files, sorted by name.
    pub files: Vec<SourceFile>,
    /// Stretches of the grid that were not measured, from the first slice to the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_measured: Vec<Slab>,
    /// What was taken on the user's word because the files do not say it: key and value, as given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assumed: BTreeMap<String, String>,
}
