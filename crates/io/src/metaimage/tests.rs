//! MetaImage headers that hold, and headers that contradict themselves.

use crate::budget::Budget;
use crate::files::FilesError;
use crate::samples::Samples;
use crate::volume_file::{self, Assume, Detached, Kind, Read, Request, VolumeFileError};
use osteon_core::{Ctx, Explain};
use proptest::prelude::*;
use std::io::Write as _;

const USUAL: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
    CompressedData = False\nTransformMatrix = 0 1 0 0 0 -1 1 0 0\nOffset = 5 6 7\nCenterOfRotation = 0 0 0\n\
    AnatomicalOrientation = ASR\nElementSpacing = 1 2 3\nDimSize = 2 1 2\nElementType = MET_SHORT\n\
    ElementDataFile = LOCAL\n";

const DATA: [u8; 8] = [1, 0, 2, 0, 3, 0, 255, 255];

/// The usual header with some lines changed; a line without a value is left out.
fn header(changes: &[&str]) -> String {
    let name = |line: &str| line.split('=').next().unwrap().trim().to_owned();
    let mut text = String::new();
    let usual = USUAL.lines().filter(|line| !changes.iter().any(|change| name(change) == name(line)));
    let (last, others): (Vec<&str>, Vec<&str>) = usual
        .chain(changes.iter().copied().filter(|change| change.contains('=')))
        .partition(|line| line.starts_with("ElementDataFile"));
    others.iter().chain(&last).for_each(|line| text += &format!("{line}\n"));
    text
}

fn read_with(
    bytes: &[u8],
    detached: Option<&Detached<'_>>,
    spacing: Option<[f64; 3]>,
) -> Result<Read, VolumeFileError> {
    let budget = Budget::default();
    let assume = Assume { spacing, orientation: None };
    let request = Request { assume, detached, ..Request::new("test.mha", &budget) };
    volume_file::read(bytes, &request, &Ctx::default())
}

fn read(changes: &[&str], data: &[u8]) -> Result<Read, VolumeFileError> {
    read_with(&[header(changes).as_bytes(), data].concat(), None, None)
}

fn samples(read: &Read) -> Vec<i16> {
    let Samples::I16(volume) = &read.volume else { panic!("not 16-bit") };
    volume.samples().to_vec()
}

fn codes(read: &Read) -> String {
    read.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>().join(" ")
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(plain).unwrap();
    packer.finish().unwrap()
}

#[test]
fn each_row_of_the_matrix_is_the_direction_of_an_axis_in_lps() {
    let read = read(&[], &DATA).unwrap();
    assert_eq!((read.kind, codes(&read).as_str()), (Kind::MetaImage, ""));
    assert_eq!(samples(&read), [1, 2, 3, -1]);
    let grid = read.volume.grid();
    assert_eq!(grid.place(0, 0, 0).to_array(), [5.0, 6.0, 7.0]);
    assert_eq!(grid.place(1, 0, 0).to_array(), [5.0, 7.0, 7.0]);
    assert_eq!(grid.place(0, 1, 0).to_array(), [5.0, 6.0, 5.0]);
    assert_eq!(grid.place(0, 0, 1).to_array(), [8.0, 6.0, 7.0]);
}

#[test]
fn types_orders_packing_and_other_spellings_are_read() {
    let data: Vec<u8> = DATA.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
    let big = ["BinaryDataByteOrderMSB", "ElementByteOrderMSB = True"];
    assert_eq!(samples(&read(&big, &data).unwrap()), [1, 2, 3, -1]);
    let packed = zlib(&DATA);
    let size = format!("CompressedDataSize = {}", packed.len());
    assert_eq!(samples(&read(&["CompressedData = True", &size], &packed).unwrap()), [1, 2, 3, -1]);
    assert_eq!(samples(&read(&["CompressedData = True"], &packed).unwrap()), [1, 2, 3, -1]);
    let bytes = ["ElementType = MET_UCHAR", "BinaryDataByteOrderMSB"];
    assert_eq!(samples(&read(&bytes, &[1, 2, 3, 255]).unwrap()), [1, 2, 3, 255]);
    let floats: Vec<u8> = [0.5_f64, 1.0, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(read(&["ElementType = MET_DOUBLE"], &floats).unwrap().volume.range(), (0.5, 3.0));
    let names = ["TransformMatrix", "Orientation = 0 1 0 0 0 -1 1 0 0", "Offset", "Position = 5 6 7"];
    assert_eq!(read(&names, &DATA).unwrap().volume, read(&[], &DATA).unwrap().volume);
}

#[test]
fn data_beside_the_header_are_read_by_their_plain_name_only() {
    let missing = |name: &str| FilesError::Io { file: name.to_owned(), reason: "not there".to_owned() };
    let skipped = [&[9; 5][..], &DATA].concat();
    let fetch = |name: &str| match name {
        "data.raw" => Ok(DATA.to_vec()),
        "late.raw" => Ok(skipped.clone()),
        _ => Err(missing(name)),
    };
    let detached = |changes: &[&str]| read_with(header(changes).as_bytes(), Some(&fetch), None);
    for change in [&["ElementDataFile = data.raw"][..], &["ElementDataFile = ./data.raw"]] {
        assert_eq!(samples(&detached(change).unwrap()), [1, 2, 3, -1]);
    }
    for skip in ["HeaderSize = 5", "HeaderSize = -1"] {
        assert_eq!(samples(&detached(&["ElementDataFile = late.raw", skip]).unwrap()), [1, 2, 3, -1]);
    }
    let refused = [
        ("ElementDataFile = ../data.raw", "volume-elsewhere"),
        ("ElementDataFile = /etc/passwd", "volume-elsewhere"),
        ("ElementDataFile = c:data.raw", "volume-elsewhere"),
        ("ElementDataFile = .", "volume-elsewhere"),
        ("ElementDataFile =", "volume-elsewhere"),
        ("ElementDataFile = LIST", "volume-unsupported"),
        ("ElementDataFile = slice%03d.raw 1 2 1", "volume-unsupported"),
        ("ElementDataFile = other.raw", "file-unreadable"),
    ];
    for (change, code) in refused {
        let refused = detached(&[change]).unwrap_err();
        assert_eq!(refused.code(), code, "{change}: {refused}");
    }
    let alone = read_with(header(&["ElementDataFile = data.raw"]).as_bytes(), None, None).unwrap_err();
    assert_eq!(alone.code(), "volume-elsewhere");
}

#[test]
fn a_missing_voxel_size_is_refused_unless_it_is_told() {
    let bytes = [header(&["ElementSpacing"]).as_bytes(), &DATA].concat();
    let refused = read_with(&bytes, None, None).unwrap_err();
    assert_eq!(refused.code(), "volume-field-missing");
    assert!(refused.help().contains("--assume spacing="));
    let told = read_with(&bytes, None, Some([0.5, 0.5, 1.0])).unwrap();
    assert_eq!((told.volume.grid().spacing().z, codes(&told).as_str()), (1.0, "volume-spacing-assumed"));
    let sized = read(&["ElementSpacing", "ElementSize = 1 2 3"], &DATA).unwrap();
    assert_eq!((sized.volume.grid().spacing().y, codes(&sized).as_str()), (2.0, "metaimage-voxel-size"));
}

#[test]
fn headers_that_contradict_themselves_are_refused_by_name() {
    let cases: [(&[&str], &str); 32] = [
        (&["TransformMatrix"], "volume-field-missing"),
        (&["Offset"], "volume-field-missing"),
        (&["DimSize"], "volume-field-missing"),
        (&["ElementType"], "volume-field-missing"),
        (&["BinaryDataByteOrderMSB"], "volume-field-missing"),
        (&["ElementDataFile"], "volume-syntax"),
        (&["AnatomicalOrientation = RAI"], "volume-field"),
        (&["AnatomicalOrientation = PSR"], "volume-field"),
        (&["AnatomicalOrientation = AS"], "volume-field"),
        (&["Orientation = 1 0 0 0 1 0 0 0 1"], "volume-field"),
        (&["Origin = 1 2 3"], "volume-field"),
        (&["CenterOfRotation = 1 0 0"], "volume-unsupported"),
        (&["TransformMatrix = 1 0 0 0 1 0 0 0 2"], "volume-field"),
        (&["TransformMatrix = 1 0 0 0 1 0 0 1"], "volume-field"),
        (&["AnatomicalOrientation = ???", "TransformMatrix = 1 0 0 0 1 0 0 1 0"], "volume-grid"),
        (&["NDims = 2"], "volume-unsupported"),
        (&["ObjectType = Tube"], "volume-unsupported"),
        (&["DimSize = 2 1"], "volume-field"),
        (&["DimSize = 2 1 2 1"], "volume-field"),
        (&["DimSize = 2 0 2"], "volume-field"),
        (&["DimSize = 2 1 -2"], "volume-field"),
        (&["DimSize = 4294967295 4294967295 4294967295"], "volume-grid"),
        (&["DimSize = 4294967295 4294967295 1"], "budget-exceeded"),
        (&["DimSize = 1000 1000 1000"], "volume-size"),
        (&["ElementSpacing = 1 0 3"], "volume-field"),
        (&["ElementSpacing = 1 nan 3"], "volume-field"),
        (&["ElementSpacing = 1 2 3mm"], "volume-field"),
        (&["ElementType = MET_STRING"], "volume-unsupported"),
        (&["ElementNumberOfChannels = 3"], "volume-several"),
        (&["BinaryData = False"], "volume-unsupported"),
        (&["CompressedData = True"], "volume-damaged"),
        (&["ElementToIntensityFunctionSlope = 2"], "volume-field"),
    ];
    for (changes, code) in cases {
        let refused = read(changes, &DATA).unwrap_err();
        assert_eq!(refused.code(), code, "{changes:?}: {refused}");
    }
    assert_eq!(read(&[], &DATA[..7]).unwrap_err().code(), "volume-size");
    assert_eq!(codes(&read(&[], &[&DATA[..], &[0]].concat()).unwrap()), "volume-more-bytes");
    assert_eq!(
        read(&["CompressedData = True", "CompressedDataSize = 99"], &zlib(&DATA)).unwrap_err().code(),
        "volume-size"
    );
    let twice = header(&[]).replace("NDims = 3\n", "NDims = 3\nNDims = 3\n");
    assert_eq!(read_with(twice.as_bytes(), None, None).unwrap_err().code(), "volume-syntax");
}

#[test]
fn other_units_of_length_are_converted() {
    let read = read(&["DistanceUnits = cm"], &DATA).unwrap();
    assert_eq!(read.volume.grid().place(0, 0, 1).to_array(), [80.0, 60.0, 70.0]);
    assert_eq!(codes(&read), "volume-unit-converted");
}

#[test]
fn a_packed_bomb_is_stopped_at_the_declared_size() {
    let read = read(&["CompressedData = True"], &zlib(&vec![0; 20 << 20])).unwrap();
    assert_eq!((samples(&read), codes(&read).as_str()), (vec![0; 4], "volume-more-bytes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_files_are_refused_or_read_but_never_panic(
        at in 0_usize..400, byte in 0_u8..255, cut in 0_usize..400
    ) {
        let good = [USUAL.as_bytes(), &DATA].concat();
        let mut bad = good.clone();
        bad[at % good.len()] = byte;
        let _ = read_with(&bad, None, None);
        let _ = read_with(&good[..cut % good.len()], None, None);
    }
}
