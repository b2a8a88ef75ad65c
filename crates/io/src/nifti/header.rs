//! The fixed header of a NIfTI file, either version, either byte order.

use crate::volume_file::layout::{Layout, Number, Order, Scale};
use crate::volume_file::{Kind, Problem};

/// Bytes of a header without the four that announce extensions.
pub(super) const fn size(kind: Kind) -> usize {
    match kind {
        Kind::Nifti2 => 540,
        _ => 348,
    }
}

/// Where the fields of a version are, in bytes from the beginning.
struct Places {
    dim: usize,
    datatype: usize,
    bitpix: usize,
    pixdim: usize,
    vox_offset: usize,
    slope: usize,
    intercept: usize,
    units: usize,
    intent: usize,
    qform_code: usize,
    sform_code: usize,
    quatern: usize,
    offset: usize,
    rows: usize,
}

const FIRST: Places = Places {
    dim: 40,
    datatype: 70,
    bitpix: 72,
    pixdim: 76,
    vox_offset: 108,
    slope: 112,
    intercept: 116,
    units: 123,
    intent: 68,
    qform_code: 252,
    sform_code: 254,
    quatern: 256,
    offset: 268,
    rows: 280,
};

const SECOND: Places = Places {
    dim: 16,
    datatype: 12,
    bitpix: 14,
    pixdim: 104,
    vox_offset: 168,
    slope: 176,
    intercept: 184,
    units: 500,
    intent: 504,
    qform_code: 344,
    sform_code: 348,
    quatern: 352,
    offset: 376,
    rows: 400,
};

/// The fields of a header that matter, as they are in the file.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub kind: Kind,
    pub order: Order,
    pub together: Together,
    pub dim: [i64; 8],
    pub datatype: i64,
    pub bitpix: i64,
    pub pixdim: [f64; 8],
    pub vox_offset: f64,
    pub slope: f64,
    pub intercept: f64,
    pub units: u8,
    pub intent: i64,
    pub qform_code: i64,
    pub sform_code: i64,
    pub quatern: [f64; 3],
    pub offset: [f64; 3],
    pub rows: [[f64; 4]; 3],
}

/// Whether header and data share a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together {
    Yes,
    No,
}

/// Numbers of a header, read in its byte order; the caller makes sure that the bytes are there.
struct Fields<'a> {
    bytes: &'a [u8],
    order: Order,
    kind: Kind,
}

impl Fields<'_> {
    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[at..at + N]);
        if self.order == Order::Big {
            bytes.reverse();
        }
        bytes
    }

    fn short(&self, at: usize) -> i64 {
        i64::from(i16::from_le_bytes(self.take(at)))
    }

    /// A code: 16 bits in the first version, 32 in the second.
    fn code(&self, at: usize) -> i64 {
        match self.kind {
            Kind::Nifti2 => i64::from(i32::from_le_bytes(self.take(at))),
            _ => self.short(at),
        }
    }

    /// A real number: 32 bits in the first version, 64 in the second.
    fn real(&self, at: usize, n: usize) -> f64 {
        match self.kind {
            Kind::Nifti2 => f64::from_le_bytes(self.take(at + 8 * n)),
            _ => f64::from(f32::from_le_bytes(self.take(at + 4 * n))),
        }
    }

    fn dim(&self, at: usize, n: usize) -> i64 {
        match self.kind {
            Kind::Nifti2 => i64::from_le_bytes(self.take(at + 8 * n)),
            _ => self.short(at + 2 * n),
        }
    }

    fn offset(&self, at: usize) -> f64 {
        match self.kind {
            Kind::Nifti2 => i64::from_le_bytes(self.take(at)) as f64,
            _ => self.real(at, 0),
        }
    }
}

/// The kind of NIfTI or Analyze that these first bytes begin, and their byte order.
pub(super) fn recognise(head: &[u8]) -> Option<(Kind, Order)> {
    let first = head.first_chunk::<4>()?;
    let (length, order) = match (i32::from_le_bytes(*first), i32::from_be_bytes(*first)) {
        (n @ (348 | 540), _) => (n, Order::Little),
        (_, n @ (348 | 540)) => (n, Order::Big),
        _ => return None,
    };
    if length == 540 {
        let magic = head.get(4..7)?;
        return (magic == b"n+2" || magic == b"ni2").then_some((Kind::Nifti2, order));
    }
    let magic = head.get(344..348)?;
    if magic == b"n+1\0" || magic == b"ni1\0" {
        return Some((Kind::Nifti1, order));
    }
    // Analyze has no magic: its number of dimensions must make sense.
    let dims = Fields { bytes: head, order, kind: Kind::Nifti1 }.short(40);
    (1..=7).contains(&dims).then_some((Kind::Analyze, order))
}

impl Header {
    /// Reads the header at the beginning of the plain bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let (kind, order) = recognise(bytes).ok_or(Problem::Unknown)?;
        if kind == Kind::Analyze {
            return Err(Problem::Analyze);
        }
        if bytes.len() < size(kind) {
            return Err(Problem::Size { expected: size(kind) as u64, actual: bytes.len() as u64 });
        }
        // The end of the longer magic is what transfers as text destroy.
        if kind == Kind::Nifti2 && bytes[7..12] != *b"\0\r\n\x1a\n" {
            let value = format!("{:?}", &bytes[4..12]);
            let expected =
                "it ends with 0, 13, 10, 26, 10 unless the file was transferred as text".to_owned();
            return Err(Problem::Field { kind, field: "magic".to_owned(), value, expected });
        }
        let magic = if kind == Kind::Nifti2 { &bytes[4..7] } else { &bytes[344..347] };
        let together = if magic[1] == b'+' { Together::Yes } else { Together::No };
        let at = if kind == Kind::Nifti2 { &SECOND } else { &FIRST };
        let fields = Fields { bytes, order, kind };
        let triple = |from: usize| [0, 1, 2].map(|n| fields.real(from, n));
        Ok(Self {
            kind,
            order,
            together,
            dim: [0, 1, 2, 3, 4, 5, 6, 7].map(|n| fields.dim(at.dim, n)),
            datatype: fields.short(at.datatype),
            bitpix: fields.short(at.bitpix),
            pixdim: [0, 1, 2, 3, 4, 5, 6, 7].map(|n| fields.real(at.pixdim, n)),
            vox_offset: fields.offset(at.vox_offset),
            slope: fields.real(at.slope, 0),
            intercept: fields.real(at.intercept, 0),
            units: match kind {
                Kind::Nifti2 => fields.code(at.units) as u8,
                _ => bytes[at.units],
            },
            intent: fields.code(at.intent),
            qform_code: fields.code(at.qform_code),
            sform_code: fields.code(at.sform_code),
            quatern: triple(at.quatern),
            offset: triple(at.offset),
            rows: [0, 4, 8].map(|row| [0, 1, 2, 3].map(|n| fields.real(at.rows, row + n))),
        })
    }

    /// The refusal of a field's value.
    pub(super) fn wrong(&self, field: &str, value: impl ToString, expected: &str) -> Problem {
        let (kind, value) = (self.kind, value.to_string());
        Problem::Field { kind, field: field.to_owned(), value, expected: expected.to_owned() }
    }

    /// Numbers of voxels: three dimensions, all others 1.
    pub(super) fn dims(&self) -> Result<[usize; 3], Problem> {
        let kind = self.kind;
        let used = match self.dim[0] {
            0..=2 => {
                let what = format!("{} dimensions", self.dim[0]);
                return Err(Problem::Unsupported { kind, what });
            }
            n @ 3..=7 => n as usize,
            n => return Err(self.wrong("dim[0]", n, "there are 1 to 7 dimensions")),
        };
        for (n, &size) in self.dim.iter().enumerate().take(used + 1).skip(1) {
            if size < 1 {
                return Err(self.wrong(&format!("dim[{n}]"), size, "every dimension has at least one voxel"));
            }
        }
        let product = |sizes: &[i64]| sizes.iter().fold(1_u64, |all, &n| all.saturating_mul(n as u64));
        let several = |count, what| Err(Problem::Several { kind, count, what });
        // Dimension 4 is time, those beyond it are the parts of a voxel's value.
        match &self.dim[4..=used] {
            &[volumes, ..] if volumes > 1 => several(volumes as u64, "volumes"),
            [_, parts @ ..] if product(parts) > 1 => several(product(parts), "values in each voxel"),
            _ => Ok([1, 2, 3].map(|n| self.dim[n] as usize)),
        }
    }

    /// The type of the samples.
    pub(super) fn layout(&self) -> Result<Layout, Problem> {
        let number = match self.datatype {
            2 => Number::U8,
            4 => Number::I16,
            8 => Number::I32,
            16 => Number::F32,
            64 => Number::F64,
            256 => Number::I8,
            512 => Number::U16,
            768 => Number::U32,
            1024 => Number::I64,
            1280 => Number::U64,
            other => {
                let what = match other {
                    1 => "samples of one bit",
                    32 | 1792 | 2048 => "complex samples",
                    128 | 2304 => "colours instead of samples",
                    1536 => "samples of 128 bits",
                    _ => return Err(self.wrong("datatype", other, "this is the code of no type of number")),
                };
                return Err(Problem::Unsupported { kind: self.kind, what: what.to_owned() });
            }
        };
        let layout = Layout { number, order: self.order };
        let bits = 8 * layout.size() as i64;
        if self.bitpix != bits {
            let expected = format!("datatype {} has {bits} bits", self.datatype);
            return Err(self.wrong("bitpix", self.bitpix, &expected));
        }
        Ok(layout)
    }

    /// What turns stored to real values; a slope of 0 means that there is none.
    pub(super) fn scale(&self) -> Result<Scale, Problem> {
        if self.slope == 0.0 {
            return Ok(Scale::NONE);
        }
        for (field, value) in [("scl_slope", self.slope), ("scl_inter", self.intercept)] {
            if !value.is_finite() {
                return Err(self.wrong(
                    field,
                    value,
                    "values are multiplied by a finite slope, or by none at all",
                ));
            }
        }
        Ok(Scale { slope: self.slope, intercept: self.intercept })
    }

    /// How many bytes of the file of the data come before them.
    pub(super) fn skip(&self) -> Result<u64, Problem> {
        let least = match self.together {
            // Four bytes behind the header announce extensions.
            Together::Yes => size(self.kind) as f64 + 4.0,
            Together::No => 0.0,
        };
        let offset = self.vox_offset;
        // A float holds whole numbers to 2²⁴ and, beyond it, multiples of 16 to 2²⁸.
        if offset.fract() == 0.0 && offset >= least && offset <= EXTENSIONS {
            return Ok(offset as u64);
        }
        let expected = format!("the data begin on a whole byte from {least} on");
        Err(self.wrong("vox_offset", offset, &expected))
    }
}

/// Bytes that header and extensions may take together: a few kilobytes are usual.
const EXTENSIONS: f64 = (1 << 28) as f64;
