//! The text before the data of an NRRD file.

use super::{Encoding, NrrdError};
use crate::deflate::read_most;
use crate::volume_file::layout::{Layout, Number, Order};
use crate::volume_file::unpack::Stream;
use crate::volume_file::{Problem, Request};
use flate2::bufread::GzDecoder;
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
            let rest = &window[at..];
            // A header that keeps its data elsewhere may end with the file.
            let ends = window.len() == bytes.len() && header.either(["data file", "datafile"]).is_some();
            let length = match rest.iter().position(|&b| b == b'\n') {
                Some(length) => length,
                None if ends && rest.is_empty() => break,
                None if ends => rest.len(),
                None => {
                    let what = "no blank line ends the header";
                    return Err(NrrdError::Syntax { line, what });
                }
            };
            let text = String::from_utf8_lossy(&rest[..length]);
            at = (at + length + 1).min(window.len());
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
            "left-anterior-superior" | "las" => Ok(DVec3::new(1.0, -1.0, 1.0)),
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

    /// True when the header says that lengths are in millimetres.
    pub(super) fn has_unit(&self) -> bool {
        self.fields.contains_key("space units")
    }

    /// The type of the samples.
    pub(super) fn layout(&self) -> Result<Layout, NrrdError> {
        let number = match self.field("type")? {
            "signed char" | "int8" | "int8_t" => Number::I8,
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => Number::U8,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Number::I16,
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Number::U16,
            "int" | "signed int" | "int32" | "int32_t" => Number::I32,
            "uint" | "unsigned int" | "uint32" | "uint32_t" => Number::U32,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => Number::I64,
            "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => {
                Number::U64
            }
            "float" => Number::F32,
            "double" => Number::F64,
            other => return Err(NrrdError::Unsupported(format!("samples of type \"{other}\""))),
        };
        let order = match self.fields.get("endian").map(String::as_str) {
            Some("little") => Order::Little,
            Some("big") => Order::Big,
            None if matches!(number, Number::I8 | Number::U8) => Order::Little,
            None => return Err(NrrdError::Missing("endian")),
            Some(_) => return Err(self.wrong("endian")),
        };
        Ok(Layout { number, order })
    }

    /// The value of the first of a field's two spellings that is there and is not zero.
    fn either(&self, names: [&str; 2]) -> Option<&str> {
        names.iter().filter_map(|&name| self.fields.get(name)).map(String::as_str).find(|&value| value != "0")
    }

    /// The bytes of `count` samples behind the header, unpacked.
    pub(super) fn data(&self, count: usize, layout: Layout, ctx: &Ctx) -> Result<Cow<'a, [u8]>, NrrdError> {
        for names in [["data file", "datafile"], ["line skip", "lineskip"], ["byte skip", "byteskip"]] {
            if self.either(names).is_some() {
                return Err(NrrdError::Unsupported(format!("a \"{}\"", names[0])));
            }
        }
        let expected = count as u64 * layout.size() as u64;
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

    /// `expected` bytes of samples, from behind the header or from the file that it names.
    pub(super) fn data_anywhere(
        &self,
        expected: u64,
        request: &Request<'_>,
    ) -> Result<Cow<'a, [u8]>, Problem> {
        if self.either(["line skip", "lineskip"]).is_some() {
            return Err(NrrdError::Unsupported("a \"line skip\"".to_owned()).into());
        }
        let name = self.either(["data file", "datafile"]);
        let mut bytes = match name {
            None => Cow::Borrowed(self.rest),
            Some(name) if name.starts_with("LIST") || name.contains('%') => {
                let what = "a list or a pattern of files";
                return Err(NrrdError::Unsupported(what.to_owned()).into());
            }
            Some(name) => Cow::Owned(request.fetch(name)?),
        };
        if let Some(skip) = self.either(["byte skip", "byteskip"]) {
            let from = match skip.parse::<usize>() {
                _ if self.field("encoding")? != "raw" => {
                    return Err(
                        NrrdError::Unsupported("a \"byte skip\" in compressed data".to_owned()).into()
                    );
                }
                // Minus one: the data end where the file ends.
                Err(_) if skip == "-1" => bytes.len().saturating_sub(expected as usize),
                Ok(from) => from.min(bytes.len()),
                Err(_) => return Err(self.wrong("byte skip").into()),
            };
            bytes = match bytes {
                Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[from..]),
                Cow::Owned(mut bytes) => Cow::Owned(bytes.split_off(from)),
            };
        }
        Ok(bytes)
    }

    /// Bytes of samples as they were before they were encoded.
    pub(super) fn stream<'b>(&self, bytes: &'b [u8]) -> Result<Stream<'b>, NrrdError> {
        match self.field("encoding")? {
            "raw" => Ok(Stream::Plain(bytes)),
            "gzip" | "gz" => Ok(Stream::Gzip(GzDecoder::new(bytes))),
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
