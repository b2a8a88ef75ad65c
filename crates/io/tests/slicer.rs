//! What a slicer says of our files; passes with a line of explanation where PrusaSlicer is not installed.

mod common;

use glam::DVec3;
use osteon_core::{Ctx, Solid};
use osteon_io::mesh_file::{About, Object, Placed};
use osteon_io::{stl, threemf};
use std::io::Write;
use std::process::Command;

/// What `prusa-slicer --info` prints about a file, or `None` where the program is absent.
fn info(bytes: &[u8], ending: &str) -> Option<String> {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().ok()?;
    file.write_all(bytes).ok()?;
    let run = Command::new("prusa-slicer")
        .args(["--info".as_ref(), file.path().as_os_str()])
        .env("LC_ALL", "C.UTF-8")
        .output();
    match run {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            #[allow(clippy::print_stdout, reason = "says why the test has nothing to do")]
            {
                println!("skipped: no prusa-slicer on this machine");
            }
            None
        }
    }
}

/// The values that were printed under a name, one for each object.
fn values<'a>(info: &'a str, name: &str) -> Vec<&'a str> {
    let line = |line: &'a str| line.split_once('=').filter(|(key, _)| key.trim() == name);
    info.lines().filter_map(line).map(|(_, value)| value.trim()).collect()
}

fn sphere() -> Solid {
    common::ball(DVec3::new(-120.0, 33.0, 701.0), 30.0, 40)
}

#[test]
fn an_stl_is_manifold_and_of_the_right_size_to_a_slicer() {
    let solid = sphere();
    let mut bytes = Vec::new();
    stl::write(&solid, "sphere", &mut bytes, &Ctx::default()).unwrap();
    let Some(info) = info(&bytes, ".stl") else { return };
    assert_eq!(values(&info, "manifold"), ["yes"]);
    assert_eq!(values(&info, "min_x"), ["-150.000000"]);
    assert_eq!(values(&info, "size_z"), ["60.000000"]);
    let volume: f64 = values(&info, "volume")[0].parse().unwrap();
    // The slicer sums in 32 bits.
    assert!((volume / solid.volume() - 1.0).abs() < 1e-5, "{volume} {}", solid.volume());
}

#[test]
fn a_3mf_is_manifold_and_of_the_right_size_to_a_slicer() {
    let (a, b) = (sphere(), common::cuboid(DVec3::new(10.0, 20.0, 30.0), DVec3::new(40.0, 50.0, 60.0)));
    let object = |name, solid| Object { name, colour: [230, 210, 160], solid };
    let about = About {
        title: "two & more",
        application: "osteon",
        notes: &[("plan-sha256", "9b1c")],
        placed: Placed::InPatient,
    };
    let mut bytes = Vec::new();
    threemf::write(&[object("左 <1>", &a), object("box", &b)], &about, None, &mut bytes, &Ctx::default())
        .unwrap();
    let Some(info) = info(&bytes, ".3mf") else { return };
    assert_eq!(values(&info, "manifold"), ["yes", "yes"]);
    assert_eq!(values(&info, "number_of_facets"), [&a.mesh().triangles.len().to_string()[..], "12"]);
    assert_eq!(values(&info, "min_z"), ["671.000000", "30.000000"]);
    assert_eq!(values(&info, "size_x"), ["60.000000", "40.000000"]);
}
