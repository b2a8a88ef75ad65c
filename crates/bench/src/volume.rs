//! A NumPy file of int16 as a volume.

use glam::DVec3;
use osteon_core::{Grid, Point, Volume};

/// Reads a C-ordered little-endian int16 array (z, y, x) and places it upright with this spacing in mm.
pub fn load(path: &str, [x, y, z]: [f64; 3]) -> Result<Volume<i16>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    let odd = || format!("{path}: not a C-ordered NumPy array of little-endian int16 with 3 axes");
    if !bytes.starts_with(b"\x93NUMPY\x01") || bytes.len() < 10 {
        return Err(odd());
    }
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(bytes.get(10..end).ok_or_else(odd)?).into_owned();
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).ok_or_else(odd)?.0;
    let dims: Vec<usize> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    let (&[nz, ny, nx], true, true) =
        (&dims[..], header.contains("'<i2'"), header.contains("'fortran_order': False"))
    else {
        return Err(odd());
    };
    let samples = bytes[end..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    let grid = Grid::upright([nx, ny, nz], Point::new(0.0, 0.0, 0.0), DVec3::new(x, y, z));
    Volume::new(grid.map_err(|e| e.to_string())?, samples).map_err(|e| e.to_string())
}
