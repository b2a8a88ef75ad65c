//! Solids for this crate's tests, their STL and their G-code.

use crate::{
    Engine, Job, Placement, Printer, Process, Profile, Program, Sliced, Slicing, Source, Turn, fit, printer,
    slice,
};
use glam::DVec3;
use osteon_core::{Ctx, Mesh, Point, Solid};
use std::collections::BTreeMap;
use std::time::Duration;

/// A solid on the default printer, sliced by the installed program.
pub struct Printed {
    pub solid: Solid,
    pub printer: Printer,
    pub process: Process,
    pub placement: Placement,
    pub sliced: Sliced,
}

impl Printed {
    pub fn job(&self) -> Job<'_> {
        Job { solid: &self.solid, placement: &self.placement, printer: &self.printer, process: &self.process }
    }
}

/// The slicing program, or a line that says why the test is skipped.
pub fn engine() -> Option<Engine> {
    let found = Engine::find(Program::Prusa, None, &[]).ok();
    if found.is_none() {
        eprintln!("skipped: no prusa-slicer on the search path");
    }
    found
}

/// Cura's engine with its definitions, or a line that says why the test is skipped.
pub fn cura() -> Option<Engine> {
    // Where `cargo xtask test` unpacks the definitions.
    let unpacked = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/cura/usr/share/cura/resources");
    match Engine::find(Program::Cura, None, &[unpacked.into()]) {
        Ok(engine) => Some(engine),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Slices a solid with the default printer.
pub fn print(engine: &Engine, solid: Solid) -> Printed {
    let printer = printer("generic-250").unwrap();
    let process = printer.standard.clone();
    print_with(engine, solid, printer, process)
}

/// Slices a solid.
pub fn print_with(engine: &Engine, solid: Solid, printer: Printer, process: Process) -> Printed {
    print_turned(engine, solid, &Turn::standing(), Profile { printer, process, source: Source::Own })
}

/// Slices a solid that is turned.
pub fn print_turned(engine: &Engine, solid: Solid, turn: &Turn, profile: Profile) -> Printed {
    let placement = fit(solid.mesh(), turn, &profile.printer, &profile.process).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let slicing = Slicing {
        solid: &solid,
        folder: folder.path(),
        profile: &profile,
        placement: &placement,
        limit: Duration::from_secs(300),
    };
    let sliced = slice(engine, &slicing, &Ctx::default()).unwrap();
    Printed { solid, printer: profile.printer, process: profile.process, placement, sliced }
}

/// A ball of triangles with edges of about a tenth of the radius; vertices on the sphere.
pub fn ball(middle: DVec3, radius: f64) -> Solid {
    Solid::new(osteon_phantom::mesh::ball(middle, radius, 32)).unwrap()
}

/// An upright bracket that has no symmetry, 22.5 × 30 × 20 mm, its lowest corner at `corner`.
pub fn bracket(corner: DVec3) -> Solid {
    let inside = |[x, y, z]: [i32; 3]| {
        let post = (0..4).contains(&x) && (0..12).contains(&y) && (0..5).contains(&z);
        let arm = (4..9).contains(&x) && (2..5).contains(&y) && (0..5).contains(&z);
        let tower = (0..3).contains(&x) && (6..10).contains(&y) && (5..8).contains(&z);
        post || arm || tower
    };
    let mut numbers: BTreeMap<[i32; 3], u32> = BTreeMap::new();
    let mut mesh = Mesh::default();
    for cell in (0..12 * 12 * 12).map(|n| [n % 12, n / 12 % 12, n / 144]) {
        for (axis, step) in (0..3).flat_map(|axis| [(axis, -1), (axis, 1)]) {
            let mut beside = cell;
            beside[axis] += step;
            if !inside(cell) || inside(beside) {
                continue;
            }
            let mut quad = [[0, 0], [1, 0], [1, 1], [0, 1]].map(|[u, v]| {
                let mut place = cell;
                place[axis] += i32::from(step > 0);
                place[(axis + 1) % 3] += u;
                place[(axis + 2) % 3] += v;
                let next = numbers.len() as u32;
                *numbers.entry(place).or_insert_with(|| {
                    let at = DVec3::from_array(place.map(f64::from)) * 2.5;
                    mesh.vertices.push(Point::from_vec(corner + at));
                    next
                })
            });
            if step < 0 {
                quad.reverse();
            }
            mesh.triangles.extend([[quad[0], quad[1], quad[2]], [quad[0], quad[2], quad[3]]]);
        }
    }
    Solid::new(mesh).unwrap()
}

/// The solid of a binary STL whose corners that coincide are welded.
pub fn from_stl(bytes: &[u8]) -> Option<Solid> {
    let mut numbers: BTreeMap<[u32; 3], u32> = BTreeMap::new();
    let mut mesh = Mesh::default();
    for facet in bytes.get(84..)?.chunks_exact(50) {
        let mut corners = [0; 3];
        for (corner, words) in corners.iter_mut().zip(facet[12..48].chunks_exact(12)) {
            let bits = [0, 4, 8].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|b| words[at + b])));
            let next = numbers.len() as u32;
            *corner = *numbers.entry(bits).or_insert_with(|| {
                let [x, y, z] = bits.map(|b| f64::from(f32::from_bits(b)));
                mesh.vertices.push(Point::new(x, y, z));
                next
            });
        }
        if corners[0] != corners[1] && corners[1] != corners[2] && corners[2] != corners[0] {
            mesh.triangles.push(corners);
        }
    }
    Solid::new(mesh).ok()
}
