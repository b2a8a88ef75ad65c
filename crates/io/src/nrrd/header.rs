//! The text before the data of an NRRD file.

use super::{Encoding, NrrdError, Sample, Signed};
use crate::deflate::read_most;
use flate2::read::MultiGzDecoder;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Ctx, Grid};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Bytes a header may have: a table of a thousand segments takes about 400 kB.
const MOST_HEADER: usize = 4 << 20;

/// Bytes the data may unpack to: a whole-body CT at 0.5 mm takes 2 GB.
const MOST_DATA: u64 = 4 << 30;

/// How much deflate can shrink at best; more is a contradiction between header and data.
const MOST_RATIO: u64 = 1032;

/// Order of the bytes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// The header that every file starts with, open for more lines: a blank line ends it.
pub(super) fn start(grid: &Grid, kind: &str, encoding: Encoding) -> String {
    let [nx, ny, nz] = grid.dims();
    let map = grid.to_patient();
    // `{:?}` prints the shortest text that reads back as the same number.
    let vector = |v: DVec3| format!("({:?},{:?},{:?})", v.x, v.y, v.z);
    let columns = [map.linear.x_axis, map.linear.y_axis, map.linear.z_axis].map(vector);
    let encoding = match encoding {
        Encoding::Raw => "raw",
        Encoding::Gzip => "gzip",
    };
    let mut text = String::from("NRRD0004\n");
    let lines = [
        ("type", kind.to_owned()),
        ("dimension", "3".to_owned()),
        ("space", "left-posterior-superior".to_owned()),
        ("sizes", format!("{nx} {ny} {nz}")),
        ("space directions", columns.join(" ")),
        ("kinds", "domain domain domain".to_owned()),
        ("endian", "little".to_owned()),
        ("encoding", encoding.to_owned()),
        ("space units", r#""mm" "mm" "mm""#.to_owned()),
        ("space origin", vector(map.offset)),
    ];
    for (name, value) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text
}

/// Fields and key/value pairs of a header, and the bytes after it.
pub(super) struct Header<'a> {
    fields: BTreeMap<String, String>,
    keys: BTreeMap<String, String>,
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    /// Takes the header off the file's bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, NrrdError> {
        if !matches!(bytes, [b'N', b'R', b'R', b'D', b'0', b'0', b'0', b'1'..=b'5', b'\r' | b'\n', ..]) {
            return Err(NrrdError::NotNrrd);
        }
        let mut header = Self { fields: BTreeMap::new(), keys: BTreeMap::new(), rest: bytes };
        let window = &bytes[..bytes.len().min(MOST_HEADER)];
        let mut at = 0;
        for line in 1.. {
            let Some(length) = window[at..].iter().position(|&b| b == b'\n') else {
                let what = "no blank line ends the header";
                return Err(NrrdError::Syntax { line, what });
            };
            let text = String::from_utf8_lossy(&window[at..at + length]);
            at += length + 1;
            match text.strip_suffix('\r').unwrap_or(&text) {
                "" => break,
                text if line == 1 || text.starts_with('#') => {}
                text => header.take(text, line)?,
            }
        }
        header.rest = &bytes[at..];
        Ok(header)
    }

    fn take(&mut self, text: &str, line: usize) -> Result<(), NrrdError> {
        // A field has a colon and a space, a pair a colon and an equals sign; the first of them counts.
        let colon = text.find(": ").unwrap_or(text.len());
        let pair = text.find(":=").unwrap_or(text.len());
        let old = if pair < colon {
            self.keys.insert(text[..pair].to_owned(), unescaped(&text[pair + 2..]))
        } else if colon < text.len() {
            self.fields.insert(text[..colon].to_lowercase(), text[colon + 2..].trim().to_owned())
        } else {
            let what = "neither a field, nor a pair, nor a comment";
            return Err(NrrdError::Syntax { line, what });
        };
        match old {
            Some(_) => Err(NrrdError::Syntax { line, what: "it repeats an earlier line" }),
            None => Ok(()),
        }
    }

    /// The value of a key/value pair.
    pub(super) fn key(&self, name: &str) -> Option<&str> {
        self.keys.get(name).map(String::as_str)
    }

    fn field(&self, name: &'static str) -> Result<&str, NrrdError> {
        self.fields.get(name).map(String::as_str).ok_or(NrrdError::Missing(name))
    }

    fn wrong(&self, field: &'static str) -> NrrdError {
        NrrdError::Field {
            field: field.to_owned(),
            value: self.fields.get(field).cloned().unwrap_or_default(),
        }
    }

    /// Number of layers interleaved in each voxel, and where the voxels are.
    pub(super) fn grid(&self) -> Result<(usize, Grid), NrrdError> {
        let turn = self.turn()?;
        let wrong = || self.wrong("sizes");
        let sizes: Vec<usize> = self
            .field("sizes")?
            .split_whitespace()
            .map(|n| n.parse().map_err(|_| wrong()))
            .collect::<Result<_, _>>()?;
        if self.field("dimension")? != sizes.len().to_string() {
            return Err(wrong());
        }
        let directions = self.vectors("space directions")?;
        let (layers, dims, columns) = match (&sizes[..], &directions[..]) {
            (&[x, y, z], &[Some(i), Some(j), Some(k)]) => (1, [x, y, z], [i, j, k]),
            (&[layers, x, y, z], &[None, Some(i), Some(j), Some(k)]) => (layers, [x, y, z], [i, j, k]),
            ([_, _, _] | [_, _, _, _], _) => return Err(self.wrong("space directions")),
            _ => return Err(NrrdError::Unsupported(format!("{} dimensions", sizes.len()))),
        };
        let &[Some(origin)] = &self.vectors("space origin")?[..] else {
            return Err(self.wrong("space origin"));
        };
        let [i, j, k] = columns.map(|column| column * turn);
        let map = Affine::new(DMat3::from_cols(i, j, k), origin * turn);
        let count = dims.iter().try_fold(layers.max(1), |n, &size| n.checked_mul(size.max(1)));
        if layers == 0 || count.is_none_or(|n| n as u64 > MOST_DATA) {
            return Err(wrong());
        }
        Ok((layers, Grid::new(dims, map)?))
    }

    /// What turns the file's coordinates to LPS.
    fn turn(&self) -> Result<DVec3, NrrdError> {
        let units = self.fields.get("space units");
        if let Some(units) = units.filter(|units| units.split_whitespace().any(|unit| unit != "\"mm\"")) {
            return Err(NrrdError::Unsupported(format!("coordinates in {units}")));
        }
        match self.field("space")?.to_lowercase().as_str() {
            "left-posterior-superior" | "lps" => Ok(DVec3::ONE),
            "right-anterior-superior" | "ras" => Ok(DVec3::new(-1.0, -1.0, 1.0)),
            other => Err(NrrdError::Unsupported(format!("coordinates in space \"{other}\""))),
        }
    }

    /// The vectors of a field: `(x,y,z)` each, or `none`.
    fn vectors(&self, field: &'static str) -> Result<Vec<Option<DVec3>>, NrrdError> {
        let wrong = || self.wrong(field);
        let mut rest = self.field(field)?;
        let mut vectors = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("none") {
                vectors.push(None);
                rest = after.trim_start();
                continue;
            }
            let inner = rest.strip_prefix('(').ok_or_else(wrong)?;
            let (inner, after) = inner.split_once(')').ok_or_else(wrong)?;
            let numbers: Vec<f64> =
                inner.split(',').map(|n| n.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
            let &[x, y, z] = &numbers[..] else {
                return Err(wrong());
            };
            let vector = DVec3::new(x, y, z);
            if !vector.is_finite() {
                return Err(wrong());
            }
            vectors.push(Some(vector));
            rest = after.trim_start();
        }
        Ok(vectors)
    }

    /// The type of the samples.
    pub(super) fn sample(&self) -> Result<Sample, NrrdError> {
        let (size, signed) = match self.field("type")? {
            "signed char" | "int8" | "int8_t" => (1, Signed::Yes),
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => (1, Signed::No),
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                (2, Signed::Yes)
            }
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => (2, Signed::No),
            "int" | "signed int" | "int32" | "int32_t" => (4, Signed::Yes),
            "uint" | "unsigned int" | "uint32" | "uint32_t" => (4, Signed::No),
            other => return Err(NrrdError::Unsupported(format!("samples of type \"{other}\""))),
        };
        let order = match self.fields.get("endian").map(String::as_str) {
            Some("little") => Order::Little,
            Some("big") => Order::Big,
            None if size == 1 => Order::Little,
            None => return Err(NrrdError::Missing("endian")),
            Some(_) => return Err(self.wrong("endian")),
        };
        Ok(Sample { size, signed, order })
    }

    /// The bytes of `count` samples, unpacked.
    pub(super) fn data(&self, count: usize, sample: Sample, ctx: &Ctx) -> Result<Cow<'a, [u8]>, NrrdError> {
        for field in ["data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip"] {
            if self.fields.get(field).is_some_and(|value| value != "0") {
                return Err(NrrdError::Unsupported(format!("a \"{field}\"")));
            }
        }
        let expected = count as u64 * sample.size() as u64;
        if expected > MOST_DATA {
            return Err(self.wrong("sizes"));
        }
        let size = |actual: usize| NrrdError::Size { expected, actual: actual as u64 };
        match self.field("encoding")? {
            "raw" if self.rest.len() as u64 == expected => Ok(Cow::Borrowed(self.rest)),
            "raw" => Err(size(self.rest.len())),
            "gzip" | "gz" => {
                let most = self.rest.len() as u64 * MOST_RATIO;
                // The expected size may be a lie, the most that can come is not.
                let room = Vec::with_capacity(expected.min(most) as usize + 1);
                let packed = MultiGzDecoder::new(self.rest);
                let data = read_most(packed, room, expected, NrrdError::Damaged, ctx)?;
                if data.len() as u64 == expected { Ok(Cow::Owned(data)) } else { Err(size(data.len())) }
            }
            other => Err(NrrdError::Unsupported(format!("data encoded as \"{other}\""))),
        }
    }
}

/// The text of a pair's value as written in a header: a line break is `\n`, a backslash `\\`.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', " ")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            c => plain.push(c),
        }
    }
    plain
}
