//! Real files: JPEG as DICOM carries it gives the samples that GDCM reads, or is refused by name.

// Helpers outside test functions, and files that are made to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use dicom_dictionary_std::tags;
use osteon_io::jpeg::{Grey, Image, JpegError, Process, decode_into, encode_lossless, header};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// A folder of the data, or `None` and a line where there are none.
fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no data at {}", path.display());
    None
}

/// The only frame of a compressed file.
fn stream(path: &Path) -> Vec<u8> {
    let object = dicom_object::open_file(path).unwrap();
    object.element(tags::PIXEL_DATA).unwrap().fragments().unwrap().concat()
}

#[test]
fn extended_files_of_12_bits_have_the_samples_that_gdcm_reads() {
    let Some(folder) = data("pydicom_test_files") else { return };
    // The second states the range of coefficients wrongly, as some scanners did; the samples are the same.
    for name in ["JPGExtended.dcm", "JPEG-lossy.dcm"] {
        let coded = stream(&folder.join(name));
        let process = Process::Extended;
        assert_eq!(header(&coded), Ok(Image { width: 256, height: 1024, components: 1, bits: 12, process }));
        let mut samples = vec![0; 256 * 1024];
        decode_into(&coded, &mut samples).unwrap();
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "d30242775a414c01d616447854ebe3f2b20259822894bcd6891f879bcdcbf313", "{name}");
    }
}

#[test]
fn files_in_colour_are_refused_by_name() {
    let Some(folder) = data("pydicom_test_files") else { return };
    for (name, process) in [
        ("SC_rgb_jpeg_gdcm.dcm", Process::Lossless),
        ("SC_rgb_jpeg_dcmtk.dcm", Process::Baseline),
        ("SC_rgb_dcmtk_+eb+cy+s4.dcm", Process::Baseline),
    ] {
        let coded = stream(&folder.join(name));
        let image = header(&coded).unwrap();
        assert_eq!((image.process, image.components), (process, 3), "{name}");
        let refused = decode_into(&coded, &mut vec![0; image.samples()]);
        assert_eq!(refused, Err(JpegError::Unsupported("3 components in colour".to_owned())), "{name}");
    }
}

#[test]
fn every_slice_of_a_head_survives_compression() {
    let Some(folder) = data("dcm_qa_ct_ge/GE") else { return };
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "dcm"));
    let (mut before, mut after) = (0, 0);
    for path in &files {
        let object = dicom_object::open_file(path).unwrap();
        let side = |tag| object.element(tag).unwrap().to_int::<usize>().unwrap();
        let [width, height] = [side(tags::COLUMNS), side(tags::ROWS)];
        let raw = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
        // Signed samples go through as the unsigned ones with the same bits.
        let samples: Vec<u16> = raw.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
        let coded = encode_lossless(&Grey { width, height, bits: 16, samples: &samples }).unwrap();
        let mut decoded = vec![0; samples.len()];
        decode_into(&coded, &mut decoded).unwrap();
        assert_eq!(decoded, samples, "{}", path.display());
        before += raw.len();
        after += coded.len();
    }
    assert!(files.len() > 20 && after < before / 2, "{} files: {before} bytes to {after}", files.len());
}
