//! NIfTI headers that hold, and headers that contradict themselves.

use super::write_volume;
use crate::budget::{Budget, Limits};
use crate::files::FilesError;
use crate::nrrd::write_gzip;
use crate::samples::Samples;
use crate::volume_file::{self, Assume, Kind, Placement, Read, Request, VolumeFileError};
use crate::{deflate, volume_file::Problem};
use glam::{DMat3, DQuat, DVec3};
use osteon_core::{Affine, Ctx, Explain, Grid, Patient, Volume, Voxel};
use proptest::prelude::*;
use std::io;

/// The fields of a file as they are to be written; the rest is zero.
#[derive(Clone)]
struct File {
    version: Kind,
    big: bool,
    dim: [i64; 8],
    datatype: i16,
    bits: i16,
    pixdim: [f64; 4],
    slope: f64,
    intercept: f64,
    units: u8,
    intent: i32,
    qform_code: i32,
    sform_code: i32,
    quatern: [f64; 3],
    offset: [f64; 3],
    rows: [[f64; 4]; 3],
    vox_offset: f64,
    magic: &'static [u8],
    data: Vec<u8>,
}

impl File {
    /// 2 × 1 × 2 samples of 16 bits, placed by a matrix: voxels of 1 × 2 × 3 mm from RAS (10, 20, 30).
    fn new() -> Self {
        Self {
            version: Kind::Nifti1,
            big: false,
            dim: [3, 2, 1, 2, 1, 1, 1, 1],
            datatype: 4,
            bits: 16,
            pixdim: [1.0, 1.0, 2.0, 3.0],
            slope: 1.0,
            intercept: 0.0,
            units: 2,
            intent: 0,
            qform_code: 0,
            sform_code: 1,
            quatern: [0.0; 3],
            offset: [10.0, 20.0, 30.0],
            rows: [[1.0, 0.0, 0.0, 10.0], [0.0, 2.0, 0.0, 20.0], [0.0, 0.0, 3.0, 30.0]],
            vox_offset: 352.0,
            magic: b"n+1\0",
            data: vec![1, 0, 2, 0, 3, 0, 255, 255],
        }
    }

    fn with(change: impl Fn(&mut Self)) -> Self {
        let mut file = Self::new();
        change(&mut file);
        file
    }

    fn bytes(&self) -> Vec<u8> {
        let second = self.version == Kind::Nifti2;
        let mut bytes = vec![0; if second { 544 } else { 352 }];
        let turned = |mut value: Vec<u8>| {
            if self.big {
                value.reverse();
            }
            value
        };
        let mut put = |at: usize, value: Vec<u8>| bytes[at..at + value.len()].copy_from_slice(&value);
        let real = |value: f64| {
            turned(if second { value.to_le_bytes().to_vec() } else { (value as f32).to_le_bytes().to_vec() })
        };
        let size = |value: i64| {
            turned(if second { value.to_le_bytes().to_vec() } else { (value as i16).to_le_bytes().to_vec() })
        };
        let code = |value: i32| {
            turned(if second { value.to_le_bytes().to_vec() } else { (value as i16).to_le_bytes().to_vec() })
        };
        let short = |value: i16| turned(value.to_le_bytes().to_vec());
        let (whole, step) = if second { (540_i32, 8) } else { (348, 4) };
        put(0, turned(whole.to_le_bytes().to_vec()));
        put(if second { 4 } else { 344 }, self.magic.to_vec());
        for n in 0..8 {
            put(if second { 16 + 8 * n } else { 40 + 2 * n }, size(self.dim[n]));
        }
        put(if second { 12 } else { 70 }, short(self.datatype));
        put(if second { 14 } else { 72 }, short(self.bits));
        for n in 0..4 {
            put(if second { 104 } else { 76 } + step * n, real(self.pixdim[n]));
        }
        put(
            if second { 168 } else { 108 },
            if second { size(self.vox_offset as i64) } else { real(self.vox_offset) },
        );
        put(if second { 176 } else { 112 }, real(self.slope));
        put(if second { 184 } else { 116 }, real(self.intercept));
        put(
            if second { 500 } else { 123 },
            if second { code(i32::from(self.units)) } else { vec![self.units] },
        );
        put(if second { 504 } else { 68 }, code(self.intent));
        put(if second { 344 } else { 252 }, code(self.qform_code));
        put(if second { 348 } else { 254 }, code(self.sform_code));
        for n in 0..3 {
            put(if second { 352 } else { 256 } + step * n, real(self.quatern[n]));
            put(if second { 376 } else { 268 } + step * n, real(self.offset[n]));
            for m in 0..4 {
                put(if second { 400 } else { 280 } + step * (4 * n + m), real(self.rows[n][m]));
            }
        }
        bytes.extend(&self.data);
        bytes
    }

    fn read(&self) -> Result<Read, VolumeFileError> {
        read(&self.bytes())
    }
}

/// What makes a file unusual.
type Change = fn(&mut File);

fn read(bytes: &[u8]) -> Result<Read, VolumeFileError> {
    volume_file::read(bytes, &Request::new("test.nii", &Budget::default()), &Ctx::default())
}

fn assuming(bytes: &[u8], orientation: Placement) -> Result<Read, VolumeFileError> {
    let budget = Budget::default();
    let assume = Assume { orientation: Some(orientation), spacing: None };
    volume_file::read(bytes, &Request { assume, ..Request::new("test.nii", &budget) }, &Ctx::default())
}

fn codes(read: &Read) -> Vec<&str> {
    read.findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let fill = |_: usize, bytes: &mut Vec<u8>| {
        bytes.extend(plain);
        Ok::<_, Problem>(())
    };
    let mut bytes = Vec::new();
    write_gzip(&deflate::deflate(1, fill, &Ctx::default()).unwrap(), &mut bytes).unwrap();
    bytes
}

fn samples(read: &Read) -> Vec<i16> {
    let Samples::I16(volume) = &read.volume else { panic!("not 16-bit") };
    volume.samples().to_vec()
}

/// Largest distance of a corner in two maps.
fn apart(a: &Affine<Voxel, Patient>, b: &Affine<Voxel, Patient>, dims: [usize; 3]) -> f64 {
    super::place::apart(a, b, dims).0
}

#[test]
fn both_versions_in_both_byte_orders_say_the_same() {
    for (version, magic, vox_offset) in
        [(Kind::Nifti1, &b"n+1\0"[..], 352.0), (Kind::Nifti2, &b"n+2\0\r\n\x1a\n"[..], 544.0)]
    {
        for big in [false, true] {
            let mut file = File { version, magic, vox_offset, big, ..File::new() };
            if big {
                file.data.chunks_mut(2).for_each(<[u8]>::reverse);
            }
            for bytes in [file.bytes(), gzip(&file.bytes())] {
                let read = read(&bytes).unwrap();
                assert_eq!((read.kind, codes(&read)), (version, vec![]));
                assert_eq!(samples(&read), [1, 2, 3, -1]);
                // RAS (10 + x, 20 + 2y, 30 + 3z) is LPS with the first two turned round.
                assert_eq!(read.volume.grid().place(0, 0, 0).to_array(), [-10.0, -20.0, 30.0]);
                assert_eq!(read.volume.grid().place(1, 0, 1).to_array(), [-11.0, -20.0, 33.0]);
            }
        }
    }
}

#[test]
fn a_rotation_places_voxels_as_its_quaternion_says() {
    // A quarter turn about z: the first axis goes along y, the second along −x; slices go down.
    let half = 0.5_f64.sqrt();
    let file = File::with(|f| {
        (f.sform_code, f.qform_code, f.quatern, f.pixdim[0]) = (0, 1, [0.0, 0.0, half], -1.0);
    });
    let read = file.read().unwrap();
    let place = |x, y, z| read.volume.grid().place(x, y, z);
    let near = |a: [f64; 3], b: [f64; 3]| (DVec3::from(a) - DVec3::from(b)).length() < 1e-6;
    assert!(near(place(0, 0, 0).to_array(), [-10.0, -20.0, 30.0]));
    assert!(near(place(1, 0, 0).to_array(), [-10.0, -21.0, 30.0]));
    assert!(near(place(0, 1, 0).to_array(), [-8.0, -20.0, 30.0]));
    assert!(near(place(0, 0, 1).to_array(), [-10.0, -20.0, 27.0]));
}

#[test]
fn two_placements_must_agree_within_a_tenth_of_a_millimetre_or_one_is_named() {
    let both = |shift: f64| File::with(|f| (f.qform_code, f.offset[1]) = (1, 20.0 + shift));
    assert_eq!(codes(&both(0.09).read().unwrap()), [""; 0]);
    let refused = both(0.5).read().unwrap_err();
    let Problem::TwoPlaces { distance, .. } = refused.problem else { panic!("{refused}") };
    assert!((distance - 0.5).abs() < 1e-5);
    assert!(refused.help().contains("--assume orientation=sform"));
    let bytes = both(0.5).bytes();
    for (placement, y) in [(Placement::Sform, -20.0), (Placement::Qform, -20.5)] {
        let read = assuming(&bytes, placement).unwrap();
        assert_eq!(codes(&read), ["nifti-orientation-assumed"]);
        assert_eq!(read.volume.grid().place(0, 0, 0).to_array()[1], y);
    }
    // A mirrored rotation has the same first voxel; only a far corner tells.
    let mirrored = File::with(|f| (f.qform_code, f.pixdim[0]) = (1, -1.0)).read().unwrap_err();
    assert!(matches!(mirrored.problem, Problem::TwoPlaces { distance, .. } if distance == 6.0), "{mirrored}");
    assert_eq!(assuming(&File::new().bytes(), Placement::Qform).unwrap_err().code(), "volume-field");
}

#[test]
fn a_half_turn_may_be_off_by_what_its_storage_loses() {
    // Near a half turn the stored parts leave the angle uncertain by 6e-4; the matrix is exact.
    let angle = std::f64::consts::PI - 4e-4;
    let turn = DQuat::from_axis_angle(DVec3::new(0.6, 0.0, 0.8), angle);
    let linear = DMat3::from_quat(turn) * DMat3::from_diagonal(DVec3::new(1.0, 2.0, 3.0));
    let file = File::with(|f| {
        f.dim = [3, 200, 100, 60, 1, 1, 1, 1];
        (f.datatype, f.bits, f.data) = (2, 8, vec![0; 200 * 100 * 60]);
        f.qform_code = 1;
        f.quatern = [turn.x, turn.y, turn.z];
        f.rows = [0, 1, 2].map(|n| linear.row(n).extend(f.offset[n]).to_array());
    });
    assert_eq!(codes(&file.read().unwrap()), [""; 0]);
    // A tenth of a degree is no rounding.
    let turned = File { quatern: [turn.x + 1e-3, turn.y, turn.z - 7.5e-4], ..file };
    assert_eq!(turned.read().unwrap_err().code(), "nifti-two-places");
}

#[test]
fn units_are_converted_exactly_and_an_unsaid_one_is_a_caution() {
    let end = |units: u8| {
        let read = File::with(|f| f.units = units).read().unwrap();
        (read.volume.grid().place(1, 0, 1).to_array(), codes(&read).join(" "))
    };
    assert_eq!(end(2), ([-11.0, -20.0, 33.0], String::new()));
    assert_eq!(end(2 | 8), ([-11.0, -20.0, 33.0], String::new()));
    assert_eq!(end(1), ([-11_000.0, -20_000.0, 33_000.0], "volume-unit-converted".to_owned()));
    assert_eq!(end(3), ([-0.011, -0.02, 0.033], "volume-unit-converted".to_owned()));
    assert_eq!(end(0), ([-11.0, -20.0, 33.0], "volume-unit-unsaid".to_owned()));
}

#[test]
fn unusual_headers_are_read_with_a_finding() {
    let cases: [(Change, &str); 6] = [
        (|f| f.pixdim[2] = 2.03, "nifti-voxel-size"),
        (|f| f.pixdim[1] = f64::NAN, "nifti-voxel-size"),
        (|f| f.intent = 1002, "volume-labels"),
        (|f| f.intent = 5, "volume-statistic"),
        (|f| f.data.push(7), "volume-more-bytes"),
        (|f| (f.slope, f.intercept) = (0.1, 0.25), "volume-rounded"),
    ];
    for (change, code) in cases {
        assert_eq!(codes(&File::with(change).read().unwrap()), [code]);
    }
    assert_eq!(codes(&File::with(|f| f.pixdim[2] = 2.01).read().unwrap()), [""; 0]);
}

#[test]
fn slope_and_intercept_make_the_values_and_a_slope_of_zero_makes_none() {
    let scaled = |slope: f64, intercept: f64| {
        samples(&File::with(|f| (f.slope, f.intercept) = (slope, intercept)).read().unwrap())
    };
    assert_eq!(scaled(2.0, -1024.0), [-1022, -1020, -1018, -1026]);
    assert_eq!(scaled(0.0, 77.0), [1, 2, 3, -1]);
}

#[test]
fn what_cannot_be_read_with_certainty_is_refused_by_name() {
    let cases: [(Change, &str); 30] = [
        (|f| f.sform_code = 0, "nifti-no-place"),
        (|f| f.sform_code = -1, "nifti-no-place"),
        (|f| f.dim[0] = 2, "volume-unsupported"),
        (|f| f.dim[0] = 8, "volume-field"),
        (|f| f.dim[1] = 0, "volume-field"),
        (|f| f.dim[3] = -2, "volume-field"),
        (|f| (f.dim[0], f.dim[4]) = (4, 2), "volume-several"),
        (|f| (f.dim[0], f.dim[5]) = (5, 3), "volume-several"),
        (|f| (f.dim[0], f.dim[4]) = (4, 0), "volume-field"),
        (|f| f.dim[1] = 3, "volume-size"),
        (|f| f.dim = [3, 32767, 32767, 32767, 1, 1, 1, 1], "budget-exceeded"),
        (|f| f.dim = [3, 1290, 1290, 1290, 1, 1, 1, 1], "volume-size"),
        (|f| (f.datatype, f.bits) = (128, 24), "volume-unsupported"),
        (|f| (f.datatype, f.bits) = (32, 64), "volume-unsupported"),
        (|f| (f.datatype, f.bits) = (1, 1), "volume-unsupported"),
        (|f| (f.datatype, f.bits) = (1536, 128), "volume-unsupported"),
        (|f| f.datatype = 3, "volume-field"),
        (|f| f.bits = 8, "volume-field"),
        (|f| f.slope = f64::NAN, "volume-field"),
        (|f| f.intercept = f64::INFINITY, "volume-field"),
        (|f| f.units = 4, "volume-field"),
        (|f| f.vox_offset = 348.0, "volume-field"),
        (|f| f.vox_offset = 352.5, "volume-field"),
        (|f| f.vox_offset = f64::NAN, "volume-field"),
        (|f| f.rows[1][1] = f64::NAN, "volume-field"),
        (|f| f.rows[1][1] = 0.0, "volume-grid"),
        (|f| (f.sform_code, f.qform_code, f.pixdim[2]) = (0, 1, 0.0), "volume-field"),
        (|f| (f.sform_code, f.qform_code, f.pixdim[0]) = (0, 1, 0.5), "volume-field"),
        (|f| (f.sform_code, f.qform_code, f.quatern) = (0, 1, [0.8, 0.8, 0.0]), "volume-field"),
        (|f| f.magic = b"\0\0\0\0", "volume-analyze"),
    ];
    for (n, (change, code)) in cases.into_iter().enumerate() {
        let refused = File::with(change).read().unwrap_err();
        assert_eq!(refused.code(), code, "case {n}: {refused}");
        assert!(refused.to_string().starts_with("test.nii: ") && !refused.help().is_empty());
    }
    let text = File { version: Kind::Nifti2, magic: b"n+2\0\n\x1a\n\0", vox_offset: 544.0, ..File::new() };
    assert!(text.read().unwrap_err().to_string().contains("transferred as text"));
}

#[test]
fn a_value_that_is_no_number_is_refused_with_its_voxel() {
    let values = [0.5_f32, f32::NAN, f32::INFINITY, 1.0];
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let refused = File { datatype: 16, bits: 32, data, ..File::new() }.read().unwrap_err();
    assert_eq!(refused.code(), "samples-not-finite");
    assert!(refused.to_string().contains("2 of the values") && refused.to_string().contains("[1, 0, 0]"));
}

#[test]
fn compressed_files_end_where_the_header_says() {
    let plain = File::new().bytes();
    let packed = gzip(&plain);
    let cases: [(Vec<u8>, Result<&str, &str>); 6] = [
        (gzip(&plain[..plain.len() - 1]), Err("volume-size")),
        (gzip(&[plain.clone(), vec![0; 9 << 20]].concat()), Ok("volume-more-bytes")),
        ([packed.clone(), vec![0; 12]].concat(), Ok("volume-more-bytes")),
        // Two members, cut anywhere, are one stream.
        ([gzip(&plain[..300]), gzip(&plain[300..])].concat(), Ok("")),
        (packed[..packed.len() - 12].to_vec(), Err("volume-damaged")),
        (
            {
                let mut wrong = packed.clone();
                let sum = wrong.len() - 6;
                wrong[sum] ^= 1;
                wrong
            },
            Err("volume-damaged"),
        ),
    ];
    for (n, (bytes, expected)) in cases.into_iter().enumerate() {
        match (read(&bytes), expected) {
            (Ok(read), Ok(code)) => assert_eq!(codes(&read).join(" "), code, "case {n}"),
            (Err(refused), Err(code)) => assert_eq!(refused.code(), code, "case {n}: {refused}"),
            (other, _) => panic!("case {n}: {other:?}"),
        }
    }
}

#[test]
fn a_pair_is_read_by_its_header_and_only_under_its_own_name() {
    let header = File { magic: b"ni1\0", vox_offset: 0.0, data: Vec::new(), ..File::new() }.bytes();
    let image = File::new().data;
    let budget = Budget::default();
    let missing = |name: &str| FilesError::Io { file: name.to_owned(), reason: "not there".to_owned() };
    let fetch = |name: &str| if name == "scan.img" { Ok(image.clone()) } else { Err(missing(name)) };
    let read = |name, detached| {
        let request = Request { detached, ..Request::new(name, &budget) };
        volume_file::read(&header, &request, &Ctx::default())
    };
    assert_eq!(samples(&read("scan.hdr", Some(&fetch)).unwrap()), [1, 2, 3, -1]);
    assert_eq!(read("scan.hdr", None).unwrap_err().code(), "volume-elsewhere");
    assert_eq!(read("scan.txt", Some(&fetch)).unwrap_err().code(), "volume-elsewhere");
    assert_eq!(read("other.hdr", Some(&fetch)).unwrap_err().code(), "file-unreadable");
}

#[test]
fn a_budget_is_held_before_anything_is_allocated() {
    let limits = Limits { voxels: 3, ..Limits::default() };
    let budget = Budget::new(limits, None);
    let request = Request::new("test.nii", &budget);
    let refused = volume_file::read(&File::new().bytes(), &request, &Ctx::default()).unwrap_err();
    assert_eq!(refused.code(), "budget-exceeded");
}

fn written(volume: &Samples) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_volume(volume, &mut bytes, &Ctx::default()).unwrap();
    bytes
}

/// The code of the rotation in a file, gzip.
fn qform_code(file: &[u8]) -> u8 {
    let mut head = vec![0; 352];
    io::Read::read_exact(&mut flate2::read::GzDecoder::new(file), &mut head).unwrap();
    head[252]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_written_volume_returns_with_its_shear_and_every_sample(
        dims in prop::array::uniform3(1_usize..9),
        angles in prop::array::uniform3(-3.1_f64..3.1),
        steps in prop::array::uniform3(0.2_f64..5.0),
        offset in prop::array::uniform3(-900.0_f64..900.0),
        shear in prop::sample::select(vec![0.0, 0.3]),
        mirror in prop::sample::select(vec![1.0, -1.0]),
        seed in 0..u64::MAX,
    ) {
        let turn = DMat3::from_euler(glam::EulerRot::XYZ, angles[0], angles[1], angles[2]);
        let mut step = DMat3::from_diagonal(DVec3::from(steps));
        step.z_axis *= mirror;
        step.z_axis.y += shear;
        let grid = Grid::new(dims, Affine::new(turn * step, DVec3::from(offset))).unwrap();
        let mut random = osteon_core::ctx::Random::new(seed);
        let whole: Vec<i16> = (0..grid.count()).map(|_| random.bits() as i16).collect();
        let broken = whole.iter().map(|&n| f32::from(n) + 0.25).collect();
        for volume in [
            Samples::I16(Volume::new(grid.clone(), whole).unwrap()),
            Samples::F32(Volume::new(grid.clone(), broken).unwrap()),
        ] {
            let file = written(&volume);
            let read = read(&file).unwrap();
            prop_assert_eq!(codes(&read), [""; 0]);
            // Each of twelve numbers below 1024 is rounded to 24 bits: 3e-5 at most; four add up, in three axes.
            prop_assert!(apart(read.volume.grid().to_patient(), grid.to_patient(), dims) < 4.0 * 3e-5 * 1.8);
            match (&read.volume, &volume) {
                (Samples::I16(a), Samples::I16(b)) => prop_assert_eq!(a.samples(), b.samples()),
                (Samples::F32(a), Samples::F32(b)) => prop_assert_eq!(a.samples(), b.samples()),
                _ => prop_assert!(false, "another type returned"),
            }
            // A shear shows once there is more than one slice; a rotation cannot say it.
            if shear > 0.0 && dims[2] > 1 {
                prop_assert_eq!(qform_code(&file), 0);
            }
        }
    }

    #[test]
    fn damaged_files_are_refused_or_read_but_never_panic(
        at in 0_usize..400, byte in 0_u8..255, cut in 0_usize..400, packed in 0..2
    ) {
        let good = if packed == 1 { gzip(&File::new().bytes()) } else { File::new().bytes() };
        let mut bad = good.clone();
        bad[at % good.len()] = byte;
        let _ = read(&bad);
        let _ = read(&good[..cut % good.len()]);
        let mut inside = File::new().bytes();
        inside[at % 352] = byte;
        let _ = read(&gzip(&inside));
    }
}

#[test]
fn an_upright_volume_is_written_with_its_rotation_too() {
    let grid =
        Grid::upright([3, 4, 5], osteon_core::Point::new(1.0, 2.0, 3.0), DVec3::new(0.5, 0.6, 0.7)).unwrap();
    let volume = Samples::I16(Volume::new(grid, vec![7; 60]).unwrap());
    assert_eq!(qform_code(&written(&volume)), 1);
    let read = assuming(&written(&volume), Placement::Qform).unwrap();
    assert!(apart(read.volume.grid().to_patient(), volume.grid().to_patient(), [3, 4, 5]) < 1e-6);
}

#[test]
fn a_grid_that_the_format_cannot_hold_is_refused() {
    let refused = |dims, offset, step| {
        let place = osteon_core::Point::from_vec(offset);
        let grid = Grid::upright(dims, place, DVec3::new(1.0, step, 1.0)).unwrap();
        let volume = Samples::I16(Volume::new(grid.clone(), vec![0; grid.count()]).unwrap());
        write_volume(&volume, &mut Vec::new(), &Ctx::default()).map_err(|problem| problem.code())
    };
    assert_eq!(refused([32768, 1, 1], DVec3::ZERO, 1.0), Err("volume-unsupported"));
    assert_eq!(refused([2, 2, 2], DVec3::new(1e6 + 0.02, 0.0, 0.0), 1.0), Err("volume-unsupported"));
    assert_eq!(refused([2, 2, 2], DVec3::ZERO, 1e-50), Err("volume-unsupported"));
    assert_eq!(refused([2, 2, 2], DVec3::new(2000.1, 0.0, 0.0), 1.0), Ok(()));
}

#[test]
fn the_file_is_the_same_at_any_number_of_threads() {
    let grid = Grid::upright([200, 150, 60], osteon_core::Point::new(0.0, 0.0, 0.0), DVec3::ONE).unwrap();
    let samples = (0..grid.count()).map(|n| (n * 7919 % 4000) as f32 + 0.5).collect();
    let volume = Samples::F32(Volume::new(grid, samples).unwrap());
    let files = [1, 2, 7].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| written(&volume))
    });
    assert_eq!(files[0], files[1]);
    assert_eq!(files[0], files[2]);
}
