//! Files from hospitals and other programs, where the data set is at hand.

use osteon_core::{Ctx, Solid};
use osteon_io::mesh_file::{self, Space};
use osteon_io::{file, nrrd, stl};
use std::path::PathBuf;

/// A folder of the data set, or `None` with a line that says so.
fn folder(name: &str) -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "tests may ask where the data are")]
    let root = std::env::var("OSTEON_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").to_owned());
    let folder = PathBuf::from(root).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    #[allow(clippy::print_stdout, reason = "says why the test has nothing to do")]
    {
        println!("skipped: no data at {}", folder.display());
    }
    None
}

#[test]
fn a_fracture_segmented_in_slicer_is_read_and_written_unchanged() {
    let Some(folder) = folder("sutuk_pelvic_fracture") else {
        return;
    };
    let bytes = file::read(&folder.join("Case4/right_3.stl"), 64 << 20).unwrap();
    let read = mesh_file::read(&bytes, &Ctx::default()).unwrap();
    assert_eq!((read.declared.space, read.declared.unit), (Some(Space::Lps), None));
    let solid = Solid::new(read.meshes[0].mesh.clone()).unwrap();
    let mut again = Vec::new();
    stl::write(&solid, "", &mut again, &Ctx::default()).unwrap();
    // Header and normals are ours; the corners must be the same bytes.
    for (a, b) in bytes[84..].as_chunks::<50>().0.iter().zip(again[84..].as_chunks::<50>().0) {
        assert_eq!(a[12..48], b[12..48]);
    }
    assert_eq!(bytes.len(), again.len());
}

#[test]
fn a_label_volume_of_another_program_is_read_where_it_lies() {
    let Some(folder) = folder("pymskt_knee/labels") else {
        return;
    };
    let name = "SAG_3D_DESS_RIGHT_bones_cart_men_fib-label.nrrd";
    let bytes = file::read(&folder.join(name), 64 << 20).unwrap();
    let volume = nrrd::read_volume(&bytes, &Ctx::default()).unwrap();
    assert_eq!(volume.grid().dims(), [384, 384, 160]);
    // The sum of all labels as pynrrd reads them, and the origin and a direction as the header has them.
    assert_eq!(volume.samples().iter().map(|&label| i64::from(label)).sum::<i64>(), 16_834_798);
    assert_eq!(volume.grid().place(0, 0, 0).to_array(), [-6.6536341, -77.413532, 70.0]);
    assert_eq!(volume.grid().to_patient().linear.y_axis.z, -0.36458333);
    let mut written = Vec::new();
    nrrd::write_volume(&volume, &[], nrrd::Encoding::Gzip, &mut written, &Ctx::default()).unwrap();
    assert_eq!(nrrd::read_volume(&written, &Ctx::default()).unwrap(), volume);
}
