//! Bits of a cell that do not belong to the value. They may repeat its sign or hold an overlay; any other one means
//! that Bits Stored or High Bit is wrong, and to cut it off would make up values.

use super::convert::Cells;
use crate::dicom::header::Header;

/// Refuses native pixels, in rows of Columns (0028,0011), with bits nobody accounts for.
pub(super) fn check(cells: &Cells, header: &Header) -> Result<(), String> {
    let two = |b: &[u8]| [b[0], b[1]];
    let four = |b: &[u8]| [b[0], b[1], b[2], b[3]];
    let search = Search::new(header);
    let found = match *cells {
        _ if search.stray == 0 => None,
        Cells::Bytes(b) => search.first(b.iter().map(|&b| u32::from(b))),
        Cells::Little16(b) => search.first(b.chunks_exact(2).map(|b| u16::from_le_bytes(two(b)).into())),
        Cells::Big16(b) => search.first(b.chunks_exact(2).map(|b| u16::from_be_bytes(two(b)).into())),
        Cells::Planes16(high, low) => {
            search.first(high.iter().zip(low).map(|(&high, &low)| u32::from(high) << 8 | u32::from(low)))
        }
        Cells::Little32(b) => search.first(b.chunks_exact(4).map(|b| u32::from_le_bytes(four(b)))),
        Cells::Big32(b) => search.first(b.chunks_exact(4).map(|b| u32::from_be_bytes(four(b)))),
        Cells::Planes32(planes) => {
            let area = planes.len() / 4;
            let cell = |n: usize| u32::from_be_bytes([0, 1, 2, 3].map(|p| planes[p * area + n]));
            search.first((0..area).map(cell))
        }
        // Those of codecs are looked at by `depth`; floating-point numbers have no such bits.
        Cells::Words16(_) | Cells::Words32(_) | Cells::Real32(..) | Cells::Real64(..) => None,
    };
    let Some((place, cell)) = found else {
        return Ok(());
    };
    let Header { allocated, stored, high, columns, .. } = *header;
    let width = usize::try_from(columns).unwrap_or(1).max(1);
    let side = if cell & search.stray & search.above != 0 { "above" } else { "below" };
    Err(format!(
        "Bits Stored (0028,0101) is {stored} and High Bit (0028,0102) {high}, and the {allocated} bits of the pixel in \
         column {}, row {} are {cell}: there are bits {side} the stored ones that neither repeat its sign nor belong to \
         an overlay (60xx,0102)",
        place % width,
        place / width
    ))
}

struct Search {
    /// Bits that are neither of the value nor of an overlay.
    stray: u32,
    /// All bits above the value.
    above: u32,
    /// The top bit of a value with a sign.
    sign: u32,
    /// Padding may be said as a whole cell, which `convert` turns to air.
    padding: Option<u32>,
}

impl Search {
    /// For a checked header.
    fn new(header: &Header) -> Self {
        let low = |bits: i64| ((1_u64 << bits.clamp(0, 32)) - 1) as u32;
        let (cell, upto) = (low(header.allocated), low(header.high + 1));
        let value = upto & !low(header.high + 1 - header.stored);
        let above = cell & !upto;
        // Not every writer says all of its overlays: those above the first one are taken for overlays too.
        let first = (header.overlays & above).trailing_zeros();
        let overlays = header.overlays | (above & u32::MAX.checked_shl(first).unwrap_or(0));
        Self {
            stray: cell & !value & !overlays,
            above,
            sign: if header.signed == 1 { value & !(value >> 1) } else { 0 },
            padding: header.padding.filter(|_| header.modality == "CT").map(|n| n as u32 & cell),
        }
    }

    /// Place and bits of the first cell with a stray bit.
    fn first(&self, mut cells: impl Iterator<Item = u32> + Clone) -> Option<(usize, u32)> {
        // What no cell has need not be looked for in each.
        if cells.clone().fold(0, |all, cell| all | cell) & self.stray == 0 {
            return None;
        }
        let mut place = 0;
        cells
            .find(|&cell| {
                place += 1;
                !self.fits(cell)
            })
            .map(|cell| (place - 1, cell))
    }

    fn fits(&self, cell: u32) -> bool {
        let stray = cell & self.stray;
        let extended = cell & self.sign != 0 && stray == self.stray & self.above;
        stray == 0 || extended || Some(cell) == self.padding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::made;

    fn header(stored: i64, high: i64, signed: i64) -> Header {
        let header = made::slice(1, made::ORIGIN).header;
        Header { allocated: 16, stored, high, signed, columns: 2, overlays: 0, padding: None, ..header }
    }

    fn told(header: &Header, words: &[u16]) -> Result<(), String> {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        check(&Cells::Little16(&bytes), header)
    }

    #[test]
    fn bits_above_the_value_are_refused_unless_they_are_its_sign_an_overlay_or_padding() {
        assert_eq!(told(&header(12, 11, 0), &[0, 4095]), Ok(()));
        let what = told(&header(12, 11, 0), &[7, 9, 1, 4097]).unwrap_err();
        assert!(what.contains("(0028,0101) is 12") && what.contains("column 1, row 1 are 4097"), "{what}");
        assert!(what.contains("above"), "{what}");
        // −1 with and without its sign; bits without the sign of the value are none of it.
        assert_eq!(told(&header(12, 11, 1), &[0xffff, 0x0fff, 0x07ff]), Ok(()));
        assert!(told(&header(12, 11, 1), &[0xf7ff]).is_err());
        assert!(told(&header(12, 11, 1), &[0x1fff]).is_err());
        let overlaid = Header { overlays: 1 | 1 << 13, ..header(12, 11, 0) };
        assert_eq!(told(&overlaid, &[0xafff, 0x2000, 0x8000]), Ok(()));
        assert!(told(&overlaid, &[0x1000]).is_err());
        // That of an overlay apart from the pixels, which stands at bit 0.
        assert!(told(&Header { overlays: 1, ..header(12, 11, 0) }, &[0x2000]).is_err());
        let padded = Header { padding: Some(-2000), ..header(12, 11, 0) };
        assert_eq!(told(&padded, &[63_536, 5]), Ok(()));
        assert!(told(&padded, &[63_535]).is_err());
        assert!(told(&Header { modality: "MR".to_owned(), ..padded }, &[63_536]).is_err());
    }

    #[test]
    fn bits_below_the_value_are_refused_and_full_cells_have_none_to_refuse() {
        assert_eq!(told(&header(12, 15, 0), &[0xfff0]), Ok(()));
        let what = told(&header(12, 15, 1), &[0xfff0, 0x0010, 0x0123]).unwrap_err();
        assert!(what.contains("below") && what.contains("column 0, row 1 are 291"), "{what}");
        assert_eq!(told(&header(16, 15, 0), &[0xffff]), Ok(()));
        assert_eq!(told(&header(16, 15, 1), &[0xffff]), Ok(()));
    }

    #[test]
    fn every_way_to_keep_cells_is_searched() {
        let narrow = header(12, 11, 0);
        let bits = |allocated| Header { allocated, stored: 7, high: 6, ..header(7, 6, 0) };
        for (header, cells, other) in [
            (&narrow, Cells::Big16(&[0x0f, 0xff]), Cells::Big16(&[0x10, 0])),
            (&narrow, Cells::Planes16(&[0x0f], &[0xff]), Cells::Planes16(&[0x80], &[0])),
            (&bits(8), Cells::Bytes(&[0x7f]), Cells::Bytes(&[0x80])),
            (&bits(32), Cells::Little32(&[0x7f, 0, 0, 0]), Cells::Little32(&[0, 0, 0, 1])),
            (&bits(32), Cells::Big32(&[0, 0, 0, 0x7f]), Cells::Big32(&[0, 1, 0, 0])),
            (&bits(32), Cells::Planes32(&[0, 0, 0, 0x7f]), Cells::Planes32(&[0, 0, 1, 0])),
        ] {
            assert_eq!(check(&cells, header), Ok(()));
            assert!(check(&other, header).is_err());
        }
    }
}
