//! Where a NIfTI header says that its voxels are, in LPS millimetres.

use super::header::Header;
use crate::volume_file::{Assume, Placement, Problem, converted};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Finding, Grid, Patient, Severity, Voxel};

/// How far a corner may lie apart in the two placements, in mm. Chosen: a tenth of the finest voxel that CT
/// gives, far above what 32-bit numbers lose over a body's length (0.0001 mm).
const TOGETHER: f64 = 0.1;

/// By how much the voxel size may differ from the matrix. Chosen: 1 %, which is 3 mm over a spine.
const SAME_SIZE: f64 = 0.01;

/// By how much the parts of a rotation may exceed a sum of squares of one. Chosen: seven digits are stored.
const UNIT: f64 = 1e-4;

/// A placement in LPS millimetres.
type Map = Affine<Voxel, Patient>;

/// The grid of a header; findings say what was unusual about it.
pub(super) fn grid(header: &Header, assume: &Assume, findings: &mut Vec<Finding>) -> Result<Grid, Problem> {
    let dims = header.dims()?;
    let unit = unit(header, findings)?;
    let has = (header.sform_code > 0, header.qform_code > 0);
    let (placement, map) = match (has, assume.orientation) {
        ((false, _), Some(Placement::Sform)) => return Err(no_such(header, "sform_code", header.sform_code)),
        ((_, false), Some(Placement::Qform)) => return Err(no_such(header, "qform_code", header.qform_code)),
        ((false, false), None) => {
            return Err(Problem::NoPlace { sform: header.sform_code, qform: header.qform_code });
        }
        ((true, false), _) => (Placement::Sform, sform(header)?),
        ((false, true), _) => (Placement::Qform, qform(header)?),
        ((true, true), None) => (Placement::Sform, agreed(header, dims, unit)?),
        ((true, true), Some(placement)) => {
            let map = if placement == Placement::Sform { sform(header)? } else { qform(header)? };
            if agreed(header, dims, unit).is_err() {
                findings.push(assumed(header, placement));
            }
            (placement, map)
        }
    };
    if placement == Placement::Sform {
        findings.extend(other_size(header, &map));
    }
    let turn = DMat3::from_diagonal(DVec3::new(-1.0, -1.0, 1.0) * unit);
    Ok(Grid::new(dims, Affine::new(turn * map.linear, turn * map.offset))?)
}

/// Millimetres in the header's unit of length.
fn unit(header: &Header, findings: &mut Vec<Finding>) -> Result<f64, Problem> {
    // The lowest three bits are the unit of length, the next three that of time.
    match header.units & 7 {
        0 => {
            let message = "the header does not say its unit of length (xyzt_units 0); taken as millimetres";
            let remedy = "check a known distance in the volume, such as the width of a vertebra";
            findings.push(Finding::new("volume-unit-unsaid", Severity::Caution, message).remedy(remedy));
            Ok(1.0)
        }
        1 => {
            findings.push(converted("metres"));
            Ok(1000.0)
        }
        2 => Ok(1.0),
        3 => {
            findings.push(converted("micrometres"));
            Ok(0.001)
        }
        other => Err(header.wrong("xyzt_units", other, "lengths are in metres, millimetres or micrometres")),
    }
}

/// The refusal of an assumed placement that is not there.
fn no_such(header: &Header, field: &str, code: i64) -> Problem {
    header.wrong(field, code, "this placement was asked for, and the header does not have it")
}

fn assumed(header: &Header, placement: Placement) -> Finding {
    let name = if placement == Placement::Sform { "sform" } else { "qform" };
    let message = format!(
        "the header places the volume in two ways that disagree (sform_code {}, qform_code {}); taken by its {name} as told",
        header.sform_code, header.qform_code
    );
    Finding::new("nifti-orientation-assumed", Severity::Caution, message)
        .remedy("compare left and right with the original images")
}

/// The matrix, when the rotation puts every corner at the same place.
fn agreed(header: &Header, dims: [usize; 3], unit: f64) -> Result<Map, Problem> {
    let (matrix, rotation) = (sform(header)?, qform(header)?);
    let (distance, voxel) = apart(&matrix, &rotation, dims);
    let distance = distance * unit;
    let limit = TOGETHER + unit * rounding(header) * matrix.linear.mul_vec3(diagonal(dims)).length();
    if distance <= limit {
        return Ok(matrix);
    }
    let (sform, qform) = (header.sform_code, header.qform_code);
    Err(Problem::TwoPlaces { distance, voxel, sform, qform, limit })
}

/// Steps from the first voxel to the last.
fn diagonal(dims: [usize; 3]) -> DVec3 {
    let [x, y, z] = dims.map(|n| (n - 1) as f64);
    DVec3::new(x, y, z)
}

/// The angle in radians that a stored rotation can be off by rounding alone.
///
/// The first part of the quaternion, w = √(1 − b² − c² − d²), is not stored. Three parts rounded to 24 bits
/// leave w² uncertain by 1e-7, so w by 1e-7 / 2w, and never by more than √1e-7; the angle is twice that. It
/// matters near half turns only, where it reaches 0.3 mm over half a metre.
fn rounding(header: &Header) -> f64 {
    let [b, c, d] = header.quatern;
    let first = (1.0 - b * b - c * c - d * d).max(1e-7).sqrt();
    1e-7 / first.min(1.0)
}

/// How far apart two maps put a corner of the grid at most, and which.
pub(super) fn apart(a: &Map, b: &Map, dims: [usize; 3]) -> (f64, [usize; 3]) {
    let mut worst = (0.0, [0; 3]);
    for corner in 0..8_usize {
        let voxel = [0, 1, 2].map(|axis| (dims[axis] - 1) * (corner >> axis & 1));
        let [x, y, z] = voxel.map(|n| n as f64);
        let at = DVec3::new(x, y, z);
        let distance = ((a.linear * at + a.offset) - (b.linear * at + b.offset)).length();
        // What is too far to count is as far as can be.
        let distance = if distance.is_nan() { f64::INFINITY } else { distance };
        if distance > worst.0 {
            worst = (distance, voxel);
        }
    }
    worst
}

/// The matrix as it is: RAS, in the header's unit.
fn sform(header: &Header) -> Result<Map, Problem> {
    for (name, row) in ["srow_x", "srow_y", "srow_z"].iter().zip(&header.rows) {
        if row.iter().any(|number| !number.is_finite()) {
            return Err(header.wrong(name, format!("{row:?}"), "four finite numbers are needed"));
        }
    }
    let [x, y, z] = header.rows;
    let column = |n: usize| DVec3::new(x[n], y[n], z[n]);
    Ok(Affine::new(DMat3::from_cols(column(0), column(1), column(2)), column(3)))
}

/// The rotation with its voxel sizes: RAS, in the header's unit.
fn qform(header: &Header) -> Result<Map, Problem> {
    for (n, &size) in header.pixdim.iter().enumerate().take(4).skip(1) {
        if !(size.is_finite() && size > 0.0) {
            return Err(header.wrong(&format!("pixdim[{n}]"), size, "the size of a voxel is above zero"));
        }
    }
    let side = match header.pixdim[0] {
        -1.0 => -1.0,
        // The standard has 0 mean 1.
        0.0 | 1.0 => 1.0,
        other => return Err(header.wrong("pixdim[0]", other, "the direction of slices is −1 or 1")),
    };
    let [b, c, d] = header.quatern;
    let offset = DVec3::from(header.offset);
    let squares = b * b + c * c + d * d;
    if squares.is_nan() || squares > 1.0 + UNIT {
        let value = format!("{:?}", header.quatern);
        return Err(header.wrong("quatern_b, c, d", value, "the sum of the squares is at most 1"));
    }
    if !offset.is_finite() {
        return Err(header.wrong(
            "qoffset",
            format!("{:?}", header.offset),
            "three finite numbers are needed",
        ));
    }
    let turn = rotation([b, c, d]);
    let sizes = DVec3::new(header.pixdim[1], header.pixdim[2], header.pixdim[3] * side);
    Ok(Affine::new(turn * DMat3::from_diagonal(sizes), offset))
}

/// The rotation of a unit quaternion whose first part is not stored.
pub(super) fn rotation([b, c, d]: [f64; 3]) -> DMat3 {
    let squares = b * b + c * c + d * d;
    let rest = 1.0 - squares;
    // As the standard's own code has it: a half turn may exceed one by rounding and is made a unit again.
    let (a, [b, c, d]) = if rest < 1e-7 {
        let length = squares.sqrt();
        (0.0, [b / length, c / length, d / length])
    } else {
        (rest.sqrt(), [b, c, d])
    };
    DMat3::from_cols(
        DVec3::new(a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)),
        DVec3::new(2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)),
        DVec3::new(2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - b * b - c * c),
    )
}

/// A caution when the voxel sizes are not those of the matrix.
fn other_size(header: &Header, map: &Map) -> Option<Finding> {
    let steps = [map.linear.x_axis, map.linear.y_axis, map.linear.z_axis].map(DVec3::length);
    let off = |n: usize| (header.pixdim[n + 1] / steps[n] - 1.0).abs();
    // A size that is not a number is different too.
    let axis = (0..3).find(|&n| off(n).is_nan() || off(n) > SAME_SIZE)?;
    let (said, step) = (header.pixdim[axis + 1], steps[axis]);
    let name = ["x", "y", "z"][axis];
    let message = format!(
        "the header says voxels are {said:.4} long along {name}, its matrix places them {step:.4} apart; the matrix was taken"
    );
    Some(
        Finding::new("nifti-voxel-size", Severity::Caution, message)
            .measured(100.0 * off(axis), 100.0 * SAME_SIZE, "%", "chosen")
            .remedy("measure a known distance in the volume before using it"),
    )
}
