//! Volumes out as NIfTI-1, gzip.

use super::place::{apart, rotation};
use crate::deflate::{self, BLOCK, Deflated};
use crate::nrrd::write_gzip;
use crate::samples::Samples;
use crate::volume_file::{Kind, Problem};
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Ctx, Grid, Patient, Voxel};
use std::io::Write;

/// Bytes before the data: the header and four that say that no extension follows.
const HEAD: usize = 352;

/// How far a corner may lie off in what is written, in mm. Chosen: a tenth of what our own reader accepts
/// between matrix and rotation, and a hundred times what 32-bit numbers lose over two metres.
const SAME_PLACE: f64 = 0.01;

/// Writes a volume as one `.nii.gz`: little-endian, RAS millimetres, 16-bit or float samples as they are.
///
/// The matrix (sform) always says where the voxels are, in 32-bit floats, so places move by up to 0.0001 mm;
/// the rotation (qform) is written too unless the grid is sheared, which a rotation cannot say. The file holds
/// no names and no times. More than 32767 voxels along an axis and
/// places so far out that 32-bit numbers move them by 0.01 mm do not fit the format.
pub fn write_volume(volume: &Samples, out: &mut dyn Write, ctx: &Ctx) -> Result<(), Problem> {
    let head = match volume {
        Samples::I16(_) => header(volume.grid(), 4, 16)?,
        Samples::F32(_) => header(volume.grid(), 16, 32)?,
    };
    let packed = match volume {
        Samples::I16(volume) => pack(&head, volume.samples(), i16::to_le_bytes, ctx)?,
        Samples::F32(volume) => pack(&head, volume.samples(), f32::to_le_bytes, ctx)?,
    };
    write_gzip(&packed, out)?;
    Ok(ctx.done(1.0)?)
}

/// Header and samples, compressed.
fn pack<T: Copy + Sync, const N: usize>(
    head: &[u8],
    samples: &[T],
    encode: impl Fn(T) -> [u8; N] + Sync,
    ctx: &Ctx,
) -> Result<Deflated, Problem> {
    let size = BLOCK / N;
    // Block 0 is the header.
    let fill = |n: usize, bytes: &mut Vec<u8>| {
        if n == 0 {
            bytes.extend(head);
        } else {
            let from = (n - 1) * size;
            let part = &samples[from..samples.len().min(from + size)];
            bytes.resize(part.len() * N, 0);
            for (to, &sample) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(part) {
                *to = encode(sample);
            }
        }
        Ok::<_, Problem>(())
    };
    deflate::deflate(1 + samples.len().div_ceil(size), fill, ctx)
}

/// The header of a volume on this grid.
fn header(grid: &Grid, datatype: i16, bits: i16) -> Result<[u8; HEAD], Problem> {
    let mut bytes = [0; HEAD];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &348_i32.to_le_bytes());
    // A letter that the format's forerunner asked for and some readers still do.
    put(38, b"r");
    put(40, &3_i16.to_le_bytes());
    for axis in 0..7 {
        let size = grid.dims().get(axis).map_or(Ok(1), |&n| i16::try_from(n));
        let Ok(size) = size else {
            let what = format!("{} voxels along an axis", grid.dims()[axis]);
            return Err(Problem::Unsupported { kind: Kind::Nifti1, what });
        };
        put(42 + 2 * axis, &size.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &bits.to_le_bytes());
    put(108, &(HEAD as f32).to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    // Millimetres, no time.
    put(123, &[2]);
    // Scanner coordinates.
    put(254, &1_i16.to_le_bytes());
    let turn = DMat3::from_diagonal(DVec3::new(-1.0, -1.0, 1.0));
    let map = Affine::new(turn * grid.to_patient().linear, turn * grid.to_patient().offset);
    let moved = apart(&map, &stored(&map), grid.dims()).0;
    if moved > SAME_PLACE {
        let what = format!("a grid whose corner moves by {moved} mm in 32-bit numbers");
        return Err(Problem::Unsupported { kind: Kind::Nifti1, what });
    }
    for row in 0..3 {
        let numbers = map.linear.row(row).extend(map.offset[row]).to_array();
        for (column, number) in numbers.into_iter().enumerate() {
            put(280 + 16 * row + 4 * column, &(number as f32).to_le_bytes());
        }
    }
    if Grid::new(grid.dims(), stored(&map)).is_err() {
        let what = format!("voxels of {} mm, flat in 32-bit numbers", grid.spacing().min_element());
        return Err(Problem::Unsupported { kind: Kind::Nifti1, what });
    }
    let (side, parts) = quaternion(&map.linear);
    put(76, &(side as f32).to_le_bytes());
    for axis in 0..3 {
        put(80 + 4 * axis, &(grid.spacing()[axis] as f32).to_le_bytes());
    }
    if is_rotation(grid, &map, side, parts) {
        put(252, &1_i16.to_le_bytes());
        for (axis, part) in parts.iter().enumerate() {
            put(256 + 4 * axis, &part.to_le_bytes());
            put(268 + 4 * axis, &(map.offset[axis] as f32).to_le_bytes());
        }
    }
    put(344, b"n+1\0");
    Ok(bytes)
}

/// The map as 32-bit numbers hold it.
fn stored(map: &Affine<Voxel, Patient>) -> Affine<Voxel, Patient> {
    let columns = [map.linear.x_axis, map.linear.y_axis, map.linear.z_axis, map.offset];
    let [x, y, z, offset] = columns.map(|column| column.as_vec3().as_dvec3());
    Affine::new(DMat3::from_cols(x, y, z), offset)
}

/// True when the rotation puts every corner where the map does.
fn is_rotation(grid: &Grid, map: &Affine<Voxel, Patient>, side: f64, parts: [f32; 3]) -> bool {
    let steps = grid.spacing() * DVec3::new(1.0, 1.0, side);
    let linear = rotation(parts.map(f64::from)) * DMat3::from_diagonal(steps);
    apart(map, &Affine::new(linear, map.offset), grid.dims()).0 <= SAME_PLACE
}

/// The direction of slices (−1 for a left-handed grid) and the stored parts of the rotation's quaternion.
fn quaternion(linear: &DMat3) -> (f64, [f32; 3]) {
    let side = if linear.determinant() < 0.0 { -1.0 } else { 1.0 };
    // A grid is never flat, so every column has a length.
    let [x, y, z] = [linear.x_axis, linear.y_axis, linear.z_axis * side].map(DVec3::normalize_or_zero);
    let turn = glam::DQuat::from_mat3(&DMat3::from_cols(x, y, z)).normalize();
    // The first part is not stored and is never negative.
    let turn = if turn.w < 0.0 { -turn } else { turn };
    (side, [turn.x, turn.y, turn.z].map(|part| part as f32))
}
