//! The targets of `osteon-io`: what reads images and meshes that anyone may have made.
//!
//! Beyond "no panic", what was read must hold what it says, survive being written and read again and not depend on
//! names or threads; what was refused must have a code, a message and a help that a terminal can show. The kept
//! inputs also run as an ordinary test, `crates/io/tests/corpus.rs`.

use osteon_core::{Ctx, Explain, Finding};
use osteon_io::budget::{Budget, Limits};
use osteon_io::dicom::deidentify::{self, DeidentifyError, How, Key};
use osteon_io::dicom::{self, Assume, Options};
use osteon_io::jpeg_ls::Grey;
use osteon_io::samples::Samples;
use osteon_io::volume_file::{self, Request};
use osteon_io::{files, mesh_file, nifti, nrrd, ply};
use osteon_io::{jpeg, jpeg_ls, jpeg2000};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// What is called for every input.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const ALL: &[(&str, Target)] = &[
    ("jpeg", jpeg),
    ("jpeg_ls", jpeg_ls),
    ("jpeg2000", jpeg2000),
    ("volume_file", volume_file),
    ("segments", segments),
    ("mesh_file", mesh_file),
    ("zip", zip),
    ("dicom_file", dicom_file),
    ("dicom_series", dicom_series),
    ("deidentify", deidentify),
    ("assume", assume),
];

/// Pixels that a codec is given room for: 256 × 256, so that thousands of images are tried each second.
const MOST_PIXELS: usize = 1 << 16;

/// The limits of the suite, except for volumes of a size that would only take time.
fn budget() -> Budget {
    let limits =
        Limits { voxels: 1 << 20, inflation_from: 1 << 20, file_bytes: 1 << 24, ..Limits::default() };
    Budget::new(limits, None)
}

/// An error must be of use to the person who reads it.
fn explained(error: &impl Explain) {
    tellable(error.code(), &error.to_string());
    tellable(error.code(), &error.help());
}

/// A code is kebab-case; a text is not empty and cannot steer a terminal.
fn tellable(code: &str, text: &str) {
    let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    assert!(!code.is_empty() && code.bytes().all(kebab), "{code:?}: {text}");
    assert!(!text.trim().is_empty(), "{code} says nothing");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{code}: {text:?}");
}

fn told(findings: &[Finding]) {
    for finding in findings {
        tellable(&finding.code, &finding.message);
    }
}

/// A folder for the files of one input, in memory where the system has such a place.
fn folder() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let made = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    made.expect("a folder can be made")
}

/// What a folder is found to hold: each candidate's volume, or nothing for one that is refused.
fn import(folder: &Path, assume: &Assume) -> Vec<Option<Samples>> {
    let ctx = Ctx::default();
    let options = Options { assume: assume.clone(), budget: budget() };
    let found = match files::list(folder, &options.budget, &ctx) {
        Ok(found) => found,
        Err(error) => {
            explained(&error);
            return Vec::new();
        }
    };
    let scan = match dicom::scan(found, &options, &ctx) {
        Ok(scan) => scan,
        Err(error) => {
            explained(&error);
            return Vec::new();
        }
    };
    scan.skipped.iter().for_each(|skipped| tellable("skipped", &skipped.reason));
    scan.aside.iter().for_each(|aside| tellable("aside", &format!("{}: {}", aside.label, aside.reason)));
    scan.refused.iter().for_each(explained);
    told(&scan.findings);
    if let Err(error) = scan.choose(None) {
        explained(&error);
    }
    let load = |series| match dicom::load_unhashed(series, &options, &ctx) {
        Ok(loaded) => {
            told(&loaded.findings);
            let (low, high) = loaded.samples.range();
            assert!(low <= high && low.is_finite() && high.is_finite(), "{low} to {high}");
            Some(loaded.samples)
        }
        Err(error) => {
            explained(&error);
            None
        }
    };
    scan.series.iter().map(load).collect()
}

fn import_files(named: &[(&str, &[u8])], assume: &Assume) -> Vec<Option<Samples>> {
    let folder = folder();
    for (name, bytes) in named {
        fs::write(folder.path().join(name), bytes).expect("a file can be written");
    }
    import(folder.path(), assume)
}

/// One file.
fn dicom_file(data: &[u8]) {
    import_files(&[("1", data)], &Assume::default());
}

/// What a person may state, one statement for each bit of a byte.
const STATEMENTS: [&str; 8] = [
    "slice-spacing=2",
    "position=instance-number",
    "rescale=1,-1024",
    "spacing=0.5,0.5",
    "gaps=filled",
    "patient=same",
    "frame=same",
    "orientation=1,0,0,0,1,0",
];

/// Three files in one input: what is assumed in a byte, the lengths of the first two files as 16-bit numbers, then
/// the files. Other names and another number of threads must not change what comes out.
fn dicom_series(data: &[u8]) {
    let Some((&[stated, a, b, c, d], rest)) = data.split_first_chunk() else { return };
    let (first, rest) = rest.split_at(usize::from(u16::from_le_bytes([a, b])).min(rest.len()));
    let (second, third) = rest.split_at(usize::from(u16::from_le_bytes([c, d])).min(rest.len()));
    let statements = STATEMENTS.iter().enumerate().filter(|(bit, _)| stated >> bit & 1 == 1);
    let assume = Assume::parse(statements.map(|(_, text)| *text)).expect("each is allowed and given once");
    let volumes = import_files(&[("1", first), ("2", second), ("3", third)], &assume);
    if volumes.iter().any(Option::is_some) {
        let renamed = alone().install(|| import_files(&[("3", first), ("1", second), ("2", third)], &assume));
        assert!(volumes == renamed, "names or threads decide what is read");
    }
}

/// A pool of one thread.
fn alone() -> &'static rayon::ThreadPool {
    static POOL: OnceLock<rayon::ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| {
        rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be started")
    })
}

fn zip(data: &[u8]) {
    import_files(&[("1.zip", data)], &Assume::default());
}

/// A de-identified file stays one when de-identified again, and it shows what the original shows or is refused.
fn deidentify(data: &[u8]) {
    let key = Key::new([7; 32]);
    let clean = match deidentify::deidentify(data, "case-1", &key, How::default()) {
        Ok(clean) => clean.bytes,
        Err(error) => return explained(&error),
    };
    match deidentify::deidentify(&clean, "case-2", &key, How::default()) {
        // The fuzzer learns the new identifiers and writes them into the pixels, where they are found now.
        Ok(_) | Err(DeidentifyError::Left(_)) => {}
        Err(error) => panic!("what was de-identified is refused: {error}"),
    }
    let original = import_files(&[("1", data)], &Assume::default());
    if original.iter().any(Option::is_some) {
        let cleaned = import_files(&[("1", &clean)], &Assume::default());
        assert!(
            cleaned.iter().flatten().all(|volume| original.iter().flatten().any(|o| o == volume)),
            "it changed"
        );
    }
}

fn jpeg_ls(data: &[u8]) {
    let image = match jpeg_ls::header(data) {
        Ok(image) => image,
        Err(error) => return explained(&error),
    };
    let mut samples = vec![0; image.samples().min(MOST_PIXELS)];
    if let Err(error) = jpeg_ls::decode_into(data, &mut samples) {
        return explained(&error);
    }
    if image.components == 1 {
        let grey = Grey { width: image.width, height: image.height, bits: image.bits, samples: &samples };
        let again = jpeg_ls::encode(&grey).expect("samples of a decoded image fit its depth");
        let mut back = vec![0; samples.len()];
        jpeg_ls::decode_into(&again, &mut back).expect("what was encoded can be decoded");
        assert!(samples == back);
    }
}

fn jpeg(data: &[u8]) {
    let image = match jpeg::header(data) {
        Ok(image) => image,
        Err(error) => return explained(&error),
    };
    let mut samples = vec![0; image.samples().min(MOST_PIXELS)];
    if let Err(error) = jpeg::decode_into(data, &mut samples) {
        return explained(&error);
    }
    let grey = Grey { width: image.width, height: image.height, bits: image.bits, samples: &samples };
    let again = jpeg::encode_lossless(&grey).expect("samples of a decoded image fit its depth");
    let mut back = vec![0; samples.len()];
    jpeg::decode_into(&again, &mut back).expect("what was encoded can be decoded");
    assert!(samples == back);
}

fn jpeg2000(data: &[u8]) {
    let image = match jpeg2000::header(data) {
        Ok(image) => image,
        Err(error) => return explained(&error),
    };
    let mut samples = vec![0; image.samples().min(MOST_PIXELS)];
    if let Err(error) = jpeg2000::decode_into(data, &mut samples) {
        return explained(&error);
    }
    let (low, high) = match (image.signed, image.bits) {
        (true, bits) => (-(1_i64 << (bits - 1)), (1_i64 << (bits - 1)) - 1),
        (false, bits) => (0, (1_i64 << bits) - 1),
    };
    assert!(samples.iter().all(|&s| (low..=high).contains(&i64::from(s))), "samples beyond {low} to {high}");
}

/// A volume has the same values in the same places after it was written as NRRD, and as NIfTI as many in the same range.
fn volume_file(data: &[u8]) {
    let read = |bytes: &[u8]| volume_file::read(bytes, &Request::new("volume", &budget()), &Ctx::default());
    let volume = match read(data) {
        Ok(read) => {
            told(&read.findings);
            read.volume
        }
        Err(error) => return explained(&error),
    };
    let (low, high) = volume.range();
    assert!(low <= high && low.is_finite() && high.is_finite(), "{low} to {high}");
    let mut written = Vec::new();
    nrrd::write_samples(&volume, &[], nrrd::Encoding::Raw, &mut written, &Ctx::default())
        .expect("memory takes it");
    let back = read(&written).expect("what was written as NRRD can be read").volume;
    // Floats so close to whole numbers that they become some are kept as such the second time.
    assert!(back.grid() == volume.grid() && values(&back).eq(values(&volume)), "NRRD changed a volume");
    let mut written = Vec::new();
    match nifti::write_volume(&volume, &mut written, &Ctx::default()) {
        Ok(()) => {
            let back = read(&written).expect("what was written as NIfTI can be read").volume;
            assert_eq!((back.grid().dims(), back.range()), (volume.grid().dims(), (low, high)));
        }
        Err(error) => explained(&error),
    }
}

/// The values of a volume, whatever they are kept as.
fn values(samples: &Samples) -> Box<dyn Iterator<Item = f64> + '_> {
    match samples {
        Samples::I16(volume) => Box::new(volume.samples().iter().map(|&value| f64::from(value))),
        Samples::F32(volume) => Box::new(volume.samples().iter().map(|&value| f64::from(value))),
    }
}

/// Structures that were read are the same after they were written; line ends of old in names become spaces.
fn segments(data: &[u8]) {
    let (grid, segments) = match nrrd::read_segments(data, &Ctx::default()) {
        Ok(read) => read,
        Err(error) => return explained(&error),
    };
    let mut written = Vec::new();
    match nrrd::write_segments(&grid, &segments, &mut written, &Ctx::default()) {
        Ok(()) => {
            let (again, same) =
                nrrd::read_segments(&written, &Ctx::default()).expect("what was written is read");
            assert!(again == grid && same.len() == segments.len());
            let name = |name: &str| name.replace('\r', " ");
            assert!(same.iter().zip(&segments).all(|(a, b)| a.mask == b.mask && a.name == name(&b.name)));
        }
        Err(error) => explained(&error),
    }
}

/// Meshes that were read are the same after they were written as PLY.
fn mesh_file(data: &[u8]) {
    let file = match mesh_file::read(data, &Ctx::default()) {
        Ok(file) => file,
        Err(error) => return explained(&error),
    };
    told(&file.findings);
    for named in &file.meshes {
        let count = named.mesh.vertices.len();
        assert!(named.mesh.triangles.iter().flatten().all(|&v| (v as usize) < count));
        let mut written = Vec::new();
        ply::write(&named.mesh, &mut written, &Ctx::default()).expect("memory takes it");
        let back = ply::read(&written, &Ctx::default()).expect("what was written can be read");
        assert!(back.meshes[0].mesh == named.mesh, "PLY changed a mesh");
    }
}

fn assume(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Assume::parse(text.lines()) {
        explained(&error);
    }
}
