//! Every way pixels are stored: written byte by byte here, read, and compared with the numbers they stand for.

// Helpers outside test functions, and files that are made to be read.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

mod raw;

use osteon_core::{Ctx, Explain};
use osteon_io::budget::Budget;
use osteon_io::dicom::{Assume, DicomError, Loaded, Options, load, load_unhashed, scan};
use osteon_io::jpeg_ls::{self, Grey};
use osteon_io::samples::Samples;
use osteon_io::{files, jpeg};
use raw::Value::{Bytes, Fragments, Item, Items, Short, Shorts, Text, Words};
use raw::{BIG, COLUMNS, Data, EXPLICIT, IMPLICIT, ROWS, Value};
use std::fs;

const AREA: usize = COLUMNS * ROWS;
const SLICES: usize = 3;

const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

fn read_files(all: &[Vec<u8>], options: &Options) -> Result<Loaded, DicomError> {
    let folder = tempfile::tempdir().unwrap();
    for (n, bytes) in all.iter().enumerate() {
        fs::write(folder.path().join(format!("IM{n}")), bytes).unwrap();
    }
    let ctx = Ctx::default();
    let scan = scan(files::list(folder.path(), &Budget::default(), &ctx)?, options, &ctx)?;
    if let Some(refused) = scan.refused.first() {
        return Err(refused.clone());
    }
    load(scan.choose(None)?, options, &ctx)
}

/// Reads slices, each made by a change to a plain CT.
fn read(syntax: &'static str, change: impl Fn(&mut Data, usize)) -> Result<Loaded, DicomError> {
    let file = |slice| {
        let mut data = Data::ct(syntax, slice);
        change(&mut data, slice);
        data.bytes()
    };
    read_files(&(0..SLICES).map(file).collect::<Vec<_>>(), &Options::default())
}

fn values(loaded: &Loaded) -> Vec<f64> {
    match &loaded.samples {
        Samples::I16(volume) => volume.samples().iter().map(|&v| f64::from(v)).collect(),
        Samples::F32(volume) => volume.samples().iter().map(|&v| f64::from(v)).collect(),
    }
}

fn is_i16(loaded: &Loaded) -> bool {
    matches!(loaded.samples, Samples::I16(_))
}

fn has(loaded: &Loaded, code: &str) -> bool {
    loaded.findings.iter().any(|finding| finding.code == code)
}

/// Numbers without a pattern, from 0 to `most`; different in every slice.
fn numbers(slice: usize, most: u32) -> Vec<u32> {
    let mixed = |n: usize| ((n + 1) as u64 * 2_654_435_761 * (slice as u64 + 3)) as u32 ^ (n as u32 * 40_503);
    (0..AREA).map(|n| (u64::from(mixed(n)) % (u64::from(most) + 1)) as u32).collect()
}

fn words(slice: usize, most: u32) -> Vec<u16> {
    numbers(slice, most).iter().map(|&n| n as u16).collect()
}

/// What a series should hold: a function of the slice's numbers.
fn truth(most: u32, value: impl Fn(u32) -> f64) -> Vec<f64> {
    (0..SLICES).flat_map(|slice| numbers(slice, most)).map(value).collect()
}

#[test]
fn words_of_any_depth_sign_and_place_become_what_they_stand_for() {
    for syntax in [IMPLICIT, EXPLICIT, BIG] {
        for (stored, high, signed) in
            [(12, 11, 0), (16, 15, 1), (15, 14, 0), (12, 15, 0), (10, 12, 1), (8, 7, 1), (1, 0, 0)]
        {
            let most = (1_u32 << stored) - 1;
            let shift = high + 1 - stored;
            // Bits outside the value are those of overlays, and said to be.
            let noise = !(most << shift) as u16 & 0xa5a5;
            let loaded = read(syntax, |data, slice| {
                let cells = words(slice, most).iter().map(|&n| n << shift | noise).collect();
                data.bits(16, stored as u16, high as u16, signed).pixels(Words(cells));
                for (n, bit) in (0..16).filter(|bit| noise >> bit & 1 == 1).enumerate() {
                    data.put(0x6000_0102 + 0x2_0000 * n as u32, Short(bit));
                }
            })
            .unwrap();
            let value = |n: u32| match signed == 1 && n > most / 2 {
                true => f64::from(n) - f64::from(most) - 1.0,
                false => f64::from(n),
            };
            assert_eq!(values(&loaded), truth(most, |n| value(n) - 1024.0), "{stored} {high} {signed}");
            assert!(is_i16(&loaded) || (stored, signed) == (16, 1));
        }
    }
}

#[test]
fn values_beyond_16_bits_make_a_float_volume_that_is_exact_or_are_refused() {
    let loaded = read(EXPLICIT, |data, slice| {
        data.bits(16, 16, 15, 0).pixels(Words(words(slice, 0xffff)));
    })
    .unwrap();
    assert!(!is_i16(&loaded));
    assert_eq!(values(&loaded), truth(0xffff, |n| f64::from(n) - 1024.0));
    let wide = |most: u32| {
        read(EXPLICIT, move |data, slice| {
            let bytes = numbers(slice, most).iter().flat_map(|n| n.to_le_bytes()).collect();
            data.bits(32, 32, 31, 0).pixels(Bytes("OW", bytes));
        })
    };
    assert_eq!(values(&wide(1 << 23).unwrap()), truth(1 << 23, |n| f64::from(n) - 1024.0));
    assert_eq!(wide(u32::MAX).unwrap_err().code(), "values-out-of-range");
}

#[test]
fn bytes_and_long_words_are_read_in_either_byte_order() {
    for (syntax, vr) in [(EXPLICIT, "OB"), (EXPLICIT, "OW"), (IMPLICIT, "OW"), (BIG, "OB"), (BIG, "OW")] {
        let loaded = read(syntax, |data, slice| {
            let mut bytes: Vec<u8> = numbers(slice, 255).iter().map(|&n| n as u8).collect();
            // An odd number of pixels: a byte makes the length even.
            bytes.push(0);
            if (syntax, vr) == (BIG, "OW") {
                bytes.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
            }
            data.bits(8, 8, 7, 0).pixels(Bytes(vr, bytes));
        })
        .unwrap();
        assert_eq!(values(&loaded), truth(255, |n| f64::from(n) - 1024.0), "{syntax} {vr}");
    }
    for syntax in [EXPLICIT, BIG] {
        let loaded = read(syntax, |data, slice| {
            let order = |n: u32| if syntax == BIG { n.to_be_bytes() } else { n.to_le_bytes() };
            let bytes = numbers(slice, 30_000).iter().flat_map(|&n| order(n.wrapping_neg())).collect();
            data.bits(32, 32, 31, 1).pixels(Bytes("OW", bytes));
        })
        .unwrap();
        assert_eq!(values(&loaded), truth(30_000, |n| -f64::from(n) - 1024.0));
        assert!(is_i16(&loaded));
    }
}

#[test]
fn floating_point_pixels_are_read_and_must_be_numbers() {
    let real = |values: &'static (dyn Fn(u32) -> f64 + Sync)| {
        read(EXPLICIT, move |data, slice| {
            let bytes = numbers(slice, 4000).iter().flat_map(|&n| values(n).to_le_bytes()).collect();
            data.put(0x0028_0100, Short(64)).put(0x7fe0_0009, Bytes("OD", bytes));
            [0x0028_0101, 0x0028_0102, 0x0028_0103].iter().for_each(|&tag| {
                data.remove(tag);
            });
        })
    };
    assert!(is_i16(&real(&|n| f64::from(n)).unwrap()));
    let loaded = real(&|n| f64::from(n) / 3.0).unwrap();
    assert_eq!(values(&loaded), truth(4000, |n| f64::from((f64::from(n) / 3.0 - 1024.0) as f32)));
    assert!(has(&loaded, "values-rounded"));
    assert_eq!(real(&|n| if n > 2000 { f64::NAN } else { 1.0 }).unwrap_err().code(), "samples-not-finite");
    let loaded = read(EXPLICIT, |data, slice| {
        let bytes = numbers(slice, 4000).iter().flat_map(|&n| (n as f32 + 0.5).to_le_bytes()).collect();
        data.put(0x0028_0100, Short(32)).put(0x7fe0_0008, Bytes("OF", bytes));
    })
    .unwrap();
    assert_eq!(values(&loaded), truth(4000, |n| f64::from(n) + 0.5 - 1024.0));
}

#[test]
fn every_slice_is_rescaled_with_its_own_numbers() {
    let loaded = read(EXPLICIT, |data, slice| {
        data.text(0x0028_1053, ["1", "2", "3"][slice]).text(0x0028_1052, ["-1000", "-1024", "-10"][slice]);
        data.pixels(Words(words(slice, 4095)));
    })
    .unwrap();
    let expected: Vec<f64> = (0..SLICES)
        .flat_map(|slice| {
            let rescale = move |n: u32| f64::from(n) * [1.0, 2.0, 3.0][slice] - [1000.0, 1024.0, 10.0][slice];
            numbers(slice, 4095).into_iter().map(rescale)
        })
        .collect();
    assert_eq!(values(&loaded), expected);
    assert!(is_i16(&loaded) && has(&loaded, "rescale-varies"));
    let fractions = read(EXPLICIT, |data, slice| {
        data.text(0x0028_1053, "0.25").pixels(Words(words(slice, 4095)));
    })
    .unwrap();
    assert_eq!(values(&fractions), truth(4095, |n| f64::from(n) * 0.25 - 1024.0));
    assert!(!is_i16(&fractions) && !has(&fractions, "values-rounded"));
}

#[test]
fn a_rescale_that_is_missing_or_makes_no_sense_is_refused() {
    let refused = |change: &dyn Fn(&mut Data)| {
        let error = read(EXPLICIT, |data, slice| {
            change(data);
            data.pixels(Words(words(slice, 4095)));
        })
        .unwrap_err();
        assert!(error.to_string().contains("IM") && error.to_string().contains("(0028,"), "{error}");
        error.code()
    };
    assert_eq!(
        refused(&|d| {
            d.remove(0x0028_1052).remove(0x0028_1053);
        }),
        "rescale"
    );
    assert_eq!(
        refused(&|d| {
            d.remove(0x0028_1052);
        }),
        "rescale"
    );
    assert_eq!(
        refused(&|d| {
            d.remove(0x0028_1053);
        }),
        "rescale"
    );
    assert_eq!(
        refused(&|d| {
            d.text(0x0028_1053, "0");
        }),
        "rescale"
    );
    assert_eq!(
        refused(&|d| {
            d.text(0x0028_1053, "nan");
        }),
        "attribute-invalid"
    );
    let lut = |d: &mut Data| {
        d.put(0x0028_3000, table(&[1, 2], 0, "HU"));
    };
    assert_eq!(refused(&lut), "rescale");
    let loaded = read(EXPLICIT, |data, slice| {
        data.text(0x0008_0060, "MR").put(0x0008_0016, Text("UI", "1.2.840.10008.5.1.4.1.1.4".to_owned()));
        data.remove(0x0028_1052).remove(0x0028_1053).pixels(Words(words(slice, 4095)));
    })
    .unwrap();
    assert_eq!(values(&loaded), truth(4095, f64::from));
    assert_eq!(loaded.source.unit, "stored");
}

/// A Modality LUT.
fn table(entries: &[u16], first: u16, kind: &str) -> Value {
    Item(vec![
        (0x0028_3002, Shorts(vec![entries.len() as u16, first, 16])),
        (0x0028_3004, Text("LO", kind.to_owned())),
        (0x0028_3006, Words(entries.to_vec())),
    ])
}

#[test]
fn a_modality_lut_is_looked_up_and_ends_at_its_ends() {
    let entries: Vec<u16> = (0..100).map(|n| n * n).collect();
    for syntax in [IMPLICIT, EXPLICIT, BIG] {
        let lut = entries.clone();
        let loaded = read(syntax, |data, slice| {
            data.remove(0x0028_1052).remove(0x0028_1053).put(0x0028_3000, table(&lut, 20, "HU"));
            data.pixels(Words(words(slice, 150)));
        })
        .unwrap();
        let value = |n: u32| f64::from(entries[(n as usize).saturating_sub(20).min(99)]);
        assert_eq!(values(&loaded), truth(150, value));
        assert_eq!(loaded.source.unit, "HU");
    }
    let short = read(EXPLICIT, |data, slice| {
        let Item(mut elements) = table(&entries, 0, "HU") else { return };
        elements[0].1 = Shorts(vec![101, 0, 16]);
        data.remove(0x0028_1052).remove(0x0028_1053).put(0x0028_3000, Item(elements));
        data.pixels(Words(words(slice, 150)));
    });
    assert_eq!(short.unwrap_err().code(), "damaged-file");
}

#[test]
fn padding_never_becomes_tissue_or_bone() {
    // 63536 is −2000 without its sign; as twelve bits it is 2096, which is bone.
    for (stored, padding) in [(12, 63_536_u16), (16, 63_536), (12, 3000)] {
        let loaded = read(EXPLICIT, |data, slice| {
            let mut cells = words(slice, 2500);
            cells[..3].fill(padding);
            data.bits(16, stored, stored - 1, 0).put(0x0028_0120, Short(padding)).pixels(Words(cells));
        })
        .unwrap();
        let mut expected = truth(2500, |n| f64::from(n) - 1024.0);
        expected.chunks_exact_mut(AREA).for_each(|slice| slice[..3].fill(-1024.0));
        assert_eq!(values(&loaded), expected, "{stored} {padding}");
        assert!(has(&loaded, "padding-set-to-air"));
    }
    let kept = read(EXPLICIT, |data, slice| {
        let mut cells = words(slice, 2500);
        cells[0] = -2000_i16 as u16;
        data.bits(16, 16, 15, 1).put(0x0028_0120, Short(63_536)).pixels(Words(cells));
    })
    .unwrap();
    assert_eq!(values(&kept)[0], -3024.0);
    assert!(!has(&kept, "padding-set-to-air"));
}

#[test]
fn pixels_that_are_longer_or_shorter_than_the_image_are_refused_with_both_numbers() {
    for (more, refused) in [(0_i64, false), (1, true), (2, true), (-1, true), (-2, true)] {
        let result = read(EXPLICIT, |data, slice| {
            let mut bytes: Vec<u8> = words(slice, 4095).iter().flat_map(|n| n.to_le_bytes()).collect();
            bytes.resize((bytes.len() as i64 + more) as usize, 0);
            data.pixels(Bytes("OW", bytes));
        });
        match result {
            Ok(_) => assert!(!refused, "{more}"),
            Err(error) => {
                let text = error.to_string();
                assert!(refused && text.contains("70") && text.contains(&format!("{}", 70 + more)), "{text}");
            }
        }
    }
    let fragments = read(EXPLICIT, |data, slice| {
        let bytes = words(slice, 4095).iter().flat_map(|n| n.to_le_bytes()).collect();
        data.pixels(Fragments(vec![vec![], bytes]));
    });
    assert!(fragments.is_err());
    let in_one_piece = read(RLE, |data, slice| {
        data.pixels(Words(words(slice, 4095)));
    });
    assert!(in_one_piece.is_err());
}

/// Run lengths: every byte as a literal of its own, which is legal and slow.
fn run_lengths(cells: &[u32], width: usize) -> Vec<u8> {
    let mut table = vec![width as u32];
    let mut body = Vec::new();
    for plane in (0..width).rev() {
        table.push(64 + body.len() as u32);
        for (n, cell) in cells.iter().enumerate() {
            let byte = (cell >> (8 * plane)) as u8;
            // Runs of two where they are, to have both kinds.
            if n % 5 == 3 && (cells[n - 1] >> (8 * plane)) as u8 == byte {
                let at = body.len() - 2;
                body[at] = 255;
                continue;
            }
            body.extend([0, byte]);
        }
    }
    table.resize(16, 0);
    table.iter().flat_map(|n| n.to_le_bytes()).chain(body).collect()
}

#[test]
fn run_lengths_of_one_two_and_four_bytes_are_exact() {
    for (bits, most) in [(8, 255), (16, 4095), (32, 1 << 20)] {
        let loaded = read(RLE, |data, slice| {
            data.bits(bits, bits, bits - 1, 0);
            data.pixels(Fragments(vec![vec![], run_lengths(&numbers(slice, most), bits as usize / 8)]));
        })
        .unwrap();
        assert_eq!(values(&loaded), truth(most, |n| f64::from(n) - 1024.0));
    }
}

#[test]
fn jpeg_and_jpeg_ls_are_exact_and_their_size_and_depth_must_be_those_of_the_header() {
    let grey = |samples: &[u16], width, height, bits: u32| {
        let grey = Grey { width, height, bits, samples };
        (jpeg_ls::encode(&grey).unwrap(), jpeg::encode_lossless(&grey).unwrap())
    };
    for bits in [12_u32, 16] {
        let most = (1 << bits) - 1;
        let half = 1_u32 << (bits - 1);
        for syntax in [JPEG_LS, JPEG_LOSSLESS] {
            let stream = |samples: &[u16], width, height| {
                let (ls, lossless) = grey(samples, width, height, bits);
                if syntax == JPEG_LS { ls } else { lossless }
            };
            for signed in [0_u16, 1] {
                let loaded = read(syntax, |data, slice| {
                    data.bits(16, bits as u16, bits as u16 - 1, signed);
                    data.pixels(Fragments(vec![vec![], stream(&words(slice, most), COLUMNS, ROWS)]));
                })
                .unwrap();
                let sign = |n: u32| if signed == 1 && n >= half { f64::from(2 * half) } else { 0.0 };
                assert_eq!(values(&loaded), truth(most, |n| f64::from(n) - sign(n) - 1024.0));
            }
            let turned = read(syntax, |data, slice| {
                data.bits(16, bits as u16, bits as u16 - 1, 0);
                data.pixels(Fragments(vec![vec![], stream(&words(slice, most), ROWS, COLUMNS)]));
            });
            assert!(turned.unwrap_err().to_string().contains("5 × 7"));
            let cut = read(syntax, |data, slice| {
                let mut bytes = stream(&words(slice, most), COLUMNS, ROWS);
                bytes.truncate(bytes.len() * 2 / 3);
                data.bits(16, bits as u16, bits as u16 - 1, 0).pixels(Fragments(vec![vec![], bytes]));
            });
            assert!(cut.is_err());
        }
    }
    let fewer = read(JPEG_LS, |data, slice| {
        let (stream, _) = grey(&words(slice, 4095), COLUMNS, ROWS, 12);
        data.bits(16, 16, 15, 1).pixels(Fragments(vec![vec![], stream]));
    });
    assert!(fewer.unwrap_err().to_string().contains("12 bits a sample"));
}

#[test]
fn a_stream_in_several_fragments_is_put_together() {
    let loaded = read(JPEG_LS, |data, slice| {
        let samples = words(slice, 4095);
        let grey = Grey { width: COLUMNS, height: ROWS, bits: 12, samples: &samples };
        let mut stream = jpeg_ls::encode(&grey).unwrap();
        let rest = stream.split_off(20);
        data.pixels(Fragments(vec![vec![0; 4], stream, rest]));
    })
    .unwrap();
    assert_eq!(values(&loaded), truth(4095, |n| f64::from(n) - 1024.0));
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    for (syntax, name) in [
        ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.201"),
        ("1.2.840.10008.1.2.4.100", "MPEG2"),
        ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.110"),
        ("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2"),
    ] {
        let refused = read(syntax, |data, _| {
            data.pixels(Fragments(vec![vec![], vec![0; 8]]));
        });
        let error = refused.unwrap_err();
        assert!(error.code() == "transfer-syntax-unsupported" && error.to_string().contains(name), "{error}");
    }
    for ([allocated, stored, high, signed], code, says) in [
        ([16, 17, 16, 0], "attribute-invalid", "Bits Stored (0028,0101) is 17"),
        ([16, 0, 0, 0], "attribute-invalid", "Bits Stored (0028,0101) is 0"),
        ([16, 12, 10, 0], "attribute-invalid", "High Bit (0028,0102) is 10"),
        ([16, 12, 16, 0], "attribute-invalid", "High Bit (0028,0102) is 16"),
        ([16, 12, 11, 2], "attribute-invalid", "Pixel Representation (0028,0103) is 2"),
        ([0, 12, 11, 0], "attribute-invalid", "Bits Allocated (0028,0100) is 0"),
        ([12, 12, 11, 0], "pixel-format-unsupported", "pixels of 12 bits"),
        // The depth is one that is read, and the pixels are of another one.
        ([8, 8, 7, 0], "damaged-file", "bytes instead of"),
    ] {
        let refused = read(EXPLICIT, |data, slice| {
            data.bits(allocated, stored, high, signed).pixels(Words(words(slice, 4095)));
        });
        let error = refused.unwrap_err();
        assert!(error.code() == code && error.to_string().contains(says), "{} {error}", error.code());
    }
}

#[test]
fn far_more_rows_than_there_are_pixels_are_damage_and_no_matter_of_cost() {
    let error = read(EXPLICIT, |data, slice| {
        // Fine enough that the image is no larger than a scanner.
        data.text(0x0028_0030, "0.04\\0.04")
            .put(0x0028_0010, Short(65_535))
            .pixels(Words(words(slice, 4095)));
    })
    .unwrap_err();
    let counted = format!("{} bytes instead of", 2 * AREA);
    assert!(error.code() == "damaged-file" && error.to_string().contains(&counted), "{error}");
    assert!(error.to_string().contains("1 × 65535 ×"), "{error}");
}

#[test]
fn inverted_display_leaves_the_values_as_they_are() {
    let loaded = read(EXPLICIT, |data, slice| {
        data.text(0x0028_0004, "MONOCHROME1").pixels(Words(words(slice, 4095)));
    })
    .unwrap();
    assert_eq!(values(&loaded), truth(4095, |n| f64::from(n) - 1024.0));
    assert!(has(&loaded, "inverted-display"));
}

#[test]
fn blank_and_repeated_slices_are_told() {
    let loaded = read(EXPLICIT, |data, slice| {
        let cells = if slice == 1 { vec![24; AREA] } else { words(0, 4095) };
        data.pixels(Words(cells));
    })
    .unwrap();
    assert!(has(&loaded, "blank-slice") && has(&loaded, "repeated-slice"));
    let loaded = read(EXPLICIT, |data, slice| {
        data.pixels(Words(words(slice, 4095)));
    })
    .unwrap();
    assert!(!has(&loaded, "blank-slice") && !has(&loaded, "repeated-slice"));
}

#[test]
fn files_are_hashed_only_where_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    for slice in 0..SLICES {
        let mut data = Data::ct(EXPLICIT, slice);
        data.pixels(Words(words(slice, 4095)));
        fs::write(folder.path().join(format!("IM{slice}")), data.bytes()).unwrap();
    }
    let (ctx, options) = (Ctx::default(), Options::default());
    let scan = scan(files::list(folder.path(), &Budget::default(), &ctx).unwrap(), &options, &ctx).unwrap();
    let series = scan.choose(None).unwrap();
    let (hashed, plain) =
        (load(series, &options, &ctx).unwrap(), load_unhashed(series, &options, &ctx).unwrap());
    assert_eq!(hashed.samples, plain.samples);
    assert!(hashed.source.files.iter().all(|f| f.sha256.len() == 64));
    assert!(plain.source.files.iter().all(|f| f.sha256.is_empty()));
    // A file that changes between scan and load is noticed, whichever byte of its header it is.
    let path = folder.path().join("IM1");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|w| w == b"-1024").unwrap();
    bytes[at + 4] = b'3';
    fs::write(&path, bytes).unwrap();
    assert_eq!(load(series, &options, &ctx).unwrap_err().code(), "file-changed");
}

#[test]
fn a_rescale_can_be_stated_by_a_person_and_is_recorded() {
    let options = Options { assume: Assume::parse(["rescale=1,-1000"]).unwrap(), ..Options::default() };
    let file = |slice| {
        let mut data = Data::ct(EXPLICIT, slice);
        data.remove(0x0028_1052).remove(0x0028_1053).pixels(Words(words(slice, 4095)));
        data.bytes()
    };
    let loaded = read_files(&(0..SLICES).map(file).collect::<Vec<_>>(), &options).unwrap();
    assert_eq!(values(&loaded), truth(4095, |n| f64::from(n) - 1000.0));
    assert_eq!(loaded.source.assumed.get("rescale").map(String::as_str), Some("1,-1000"));
}

/// An enhanced CT: all frames in one file, each with its place and rescale; `order` says where each frame lies.
fn enhanced(syntax: &'static str, order: [usize; SLICES], pixels: Value) -> Vec<u8> {
    let text = |vr: &'static str, text: String| Text(vr, text);
    let mut data = Data::ct(syntax, 0);
    data.put(0x0008_0016, text("UI", "1.2.840.10008.5.1.4.1.1.2.1".to_owned()));
    for tag in [0x0018_0050, 0x0020_0013, 0x0020_0032, 0x0020_0037, 0x0028_0030, 0x0028_1052, 0x0028_1053] {
        data.remove(tag);
    }
    data.put(0x0028_0008, text("IS", SLICES.to_string()));
    let group = |tag: u32, elements: Vec<(u32, Value)>| (tag, Item(elements));
    let shared = vec![
        group(0x0020_9116, vec![(0x0020_0037, text("DS", "1\\0\\0\\0\\1\\0".to_owned()))]),
        group(
            0x0028_9110,
            vec![(0x0018_0050, text("DS", "1".to_owned())), (0x0028_0030, text("DS", "1\\1".to_owned()))],
        ),
    ];
    data.put(0x5200_9229, Item(shared));
    let frames = order.iter().map(|z| {
        vec![
            group(0x0020_9113, vec![(0x0020_0032, text("DS", format!("10\\20\\{z}")))]),
            group(
                0x0028_9145,
                vec![
                    (0x0028_1052, text("DS", "-1024".to_owned())),
                    (0x0028_1053, text("DS", "1".to_owned())),
                    (0x0028_1054, text("LO", "HU".to_owned())),
                ],
            ),
        ]
    });
    data.put(0x5200_9230, Items(frames.collect()));
    data.pixels(pixels);
    data.bytes()
}

#[test]
fn frames_of_one_file_find_their_places_whichever_way_they_are_stored() {
    let expected = truth(4095, |n| f64::from(n) - 1024.0);
    for order in [[0, 1, 2], [2, 0, 1]] {
        let of = |frame: usize| words(order[frame], 4095);
        let native: Vec<u16> = (0..SLICES).flat_map(of).collect();
        for syntax in [IMPLICIT, EXPLICIT, BIG] {
            let loaded = read_files(&[enhanced(syntax, order, Words(native.clone()))], &Options::default());
            assert_eq!(values(&loaded.unwrap()), expected);
        }
        let streams: Vec<Vec<u8>> =
            (0..SLICES).map(|frame| run_lengths(&numbers(order[frame], 4095), 2)).collect();
        let one_each = [vec![vec![]], streams.clone()].concat();
        let loaded = read_files(&[enhanced(RLE, order, Fragments(one_each))], &Options::default()).unwrap();
        assert_eq!(values(&loaded), expected);
        assert_eq!((loaded.source.files.len(), loaded.source.files[0].sha256.len()), (1, 64));
        // Each stream in two fragments: the offset table says which belong together.
        let mut parts = vec![Vec::new()];
        let mut offset = 0_u32;
        for stream in &streams {
            parts[0].extend(offset.to_le_bytes());
            let (a, b) = stream.split_at(100);
            offset += 16 + 100 + (b.len() + b.len() % 2) as u32;
            parts.extend([a.to_vec(), b.to_vec()]);
        }
        let loaded = read_files(&[enhanced(RLE, order, Fragments(parts.clone()))], &Options::default());
        assert_eq!(values(&loaded.unwrap()), expected);
        parts[0].clear();
        let refused = read_files(&[enhanced(RLE, order, Fragments(parts))], &Options::default());
        assert!(refused.unwrap_err().to_string().contains("3 frames are in 6 fragments"));
    }
    let short = words(0, 4095);
    assert!(read_files(&[enhanced(EXPLICIT, [0, 1, 2], Words(short))], &Options::default()).is_err());
}
