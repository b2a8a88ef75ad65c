//! JPEG 2000 in real DICOM files: the same samples as other decoders read, or a refusal that names its reason.

// Helpers outside test functions, and files that are made to be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods)]

use dicom_dictionary_std::tags;
use dicom_object::DefaultDicomObject;
use osteon_io::jpeg2000::{Image, Jpeg2000Error, decode_into, header};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// A file or folder of the data, or `None` and a line where there is none.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no data at {}", path.display());
    None
}

fn object(path: &Path) -> DefaultDicomObject {
    dicom_object::open_file(path).unwrap()
}

/// The codestream of a file with one frame.
fn stream(path: &Path) -> Vec<u8> {
    object(path).element(tags::PIXEL_DATA).unwrap().fragments().unwrap().concat()
}

fn decode(bytes: &[u8]) -> Result<(Image, Vec<i32>), Jpeg2000Error> {
    let image = header(bytes)?;
    let mut samples = vec![0; image.width * image.height];
    decode_into(bytes, &mut samples)?;
    Ok((image, samples))
}

fn update(hasher: &mut Sha256, samples: &[i32]) {
    hasher.update(samples.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn twenty_slices_of_a_ct_are_what_openjpeg_reads() {
    let Some(folder) = data("totalseg_examples/example_ct_dicom") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hasher = Sha256::new();
    for file in &files {
        let (image, samples) = decode(&stream(file)).unwrap();
        assert_eq!((image.width, image.height, image.bits, image.signed), (512, 512, 12, false));
        update(&mut hasher, &samples);
    }
    assert_eq!(files.len(), 20);
    assert_eq!(hex(hasher), "c1c249f466766d452546cb30f89b4dfb4ba4b948ab56b956f0697af782af378a");
}

#[test]
fn a_lossless_copy_holds_the_pixels_of_its_original() {
    let Some(original) = data("pydicom_test_files/MR_small.dcm") else { return };
    let Some(copy) = data("pydicom_test_files/MR_small_jp2klossless.dcm") else { return };
    let bytes = object(&original).element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().into_owned();
    let expected: Vec<i32> =
        bytes.chunks(2).map(|two| i32::from(i16::from_le_bytes([two[0], two[1]]))).collect();
    let (image, samples) = decode(&stream(&copy)).unwrap();
    assert!(image.signed);
    assert_eq!(samples, expected);
}

#[test]
fn test_files_of_others_are_what_openjpeg_reads() {
    // Name, bits, signed, reversible, SHA-256 of the samples as 32-bit numbers.
    let files = [
        ("693_J2KI", 16, true, true, "ef7e87ffc722f7f9171381a2efb8597252625654444658c57981eaba1a5eb3e9"),
        (
            "J2K_pixelrep_mismatch",
            13,
            false,
            true,
            "83cdf1d41339117d017db08ef2f0c5dae827ea5d39a8786a7463bfe8b2c15088",
        ),
        ("JPEG2000", 16, true, false, "aaa27310e46c0603620ad0122bc8f89405147c0cbd29de36a1d294a23b25bcba"),
        (
            "MR_small_jp2klossless",
            16,
            true,
            true,
            "b8d9a6cee6ff2ea9edbe8b476e54b80cfab8c6a15aff4d431b6c38840a20f7df",
        ),
    ];
    for (name, bits, signed, reversible, hash) in files {
        let Some(path) = data(&format!("pydicom_test_files/{name}.dcm")) else { return };
        let (image, samples) = decode(&stream(&path)).unwrap();
        assert_eq!((image.bits, image.signed, image.reversible), (bits, signed, reversible), "{name}");
        let mut hasher = Sha256::new();
        update(&mut hasher, &samples);
        assert_eq!(hex(hasher), hash, "{name}");
    }
}

#[test]
fn colour_and_nonsense_are_refused() {
    for (name, reason) in [
        ("GDCMJ2K_TextGBR", "3 components of a pixel"),
        ("examples_jpeg2k", "3 components of a pixel"),
        ("JPEG2000-embedded-sequence-delimiter", "tiles are too many"),
    ] {
        let Some(path) = data(&format!("pydicom_test_files/{name}.dcm")) else { return };
        let error = decode(&stream(&path)).unwrap_err().to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
}
