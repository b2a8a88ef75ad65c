//! The contexts of bit-plane coding (annex D), as tables over the flags of a sample and its neighbours.

use super::geometry::Orientation;

/// Run-length coding of four samples.
pub(super) const RUN: u32 = 17;
/// Bits that are as likely 0 as 1.
pub(super) const UNIFORM: u32 = 18;
/// The first of three contexts for refinement: no significant neighbour, some, not the first refinement.
pub(super) const REFINE: u32 = 14;

/// Significance of a sample and its eight neighbours as nine bits, row by row from the upper left.
const NEIGHBOURS: usize = 512;

/// Context of a sample that is not significant yet, for each pattern of neighbours (table D.1).
pub(super) const fn significance(orientation: Orientation) -> &'static [u8; NEIGHBOURS] {
    static LOW: [u8; NEIGHBOURS] = significance_table(Orientation::LowLow);
    static HORIZONTAL: [u8; NEIGHBOURS] = significance_table(Orientation::HighLow);
    static DIAGONAL: [u8; NEIGHBOURS] = significance_table(Orientation::HighHigh);
    match orientation {
        Orientation::LowLow | Orientation::LowHigh => &LOW,
        Orientation::HighLow => &HORIZONTAL,
        Orientation::HighHigh => &DIAGONAL,
    }
}

const fn significance_table(orientation: Orientation) -> [u8; NEIGHBOURS] {
    let mut table = [0; NEIGHBOURS];
    let mut pattern = 0;
    while pattern < NEIGHBOURS {
        let sides = (pattern >> 3 & 1) + (pattern >> 5 & 1);
        let ends = (pattern >> 1 & 1) + (pattern >> 7 & 1);
        let corners = (pattern & 1) + (pattern >> 2 & 1) + (pattern >> 6 & 1) + (pattern >> 8 & 1);
        table[pattern] = match orientation {
            Orientation::LowLow | Orientation::LowHigh => straight(sides, ends, corners),
            Orientation::HighLow => straight(ends, sides, corners),
            Orientation::HighHigh => diagonal(sides + ends, corners),
        };
        pattern += 1;
    }
    table
}

const fn straight(along: usize, across: usize, corners: usize) -> u8 {
    match (along, across, corners) {
        (2, _, _) => 8,
        (1, 1.., _) => 7,
        (1, 0, 1..) => 6,
        (1, 0, 0) => 5,
        (_, 2, _) => 4,
        (_, 1, _) => 3,
        (_, _, 2..) => 2,
        (_, _, 1) => 1,
        _ => 0,
    }
}

const fn diagonal(straight: usize, corners: usize) -> u8 {
    match (corners, straight) {
        (3.., _) => 8,
        (2, 1..) => 7,
        (2, 0) => 6,
        (1, 2..) => 5,
        (1, 1) => 4,
        (1, 0) => 3,
        (_, 2..) => 2,
        (_, 1) => 1,
        _ => 0,
    }
}

/// Context of a sign, and in bit 7 the sign the neighbours suggest (tables D.2 and D.3).
///
/// The index has the significance of the neighbours above, left, right and below in bits 1, 3, 5 and 7, and
/// one bit lower whether they are negative.
pub(super) static SIGN: [u8; 256] = {
    let mut table = [0; 256];
    let mut pattern = 0;
    while pattern < 256 {
        let horizontal = sign(pattern >> 2) + sign(pattern >> 4);
        let vertical = sign(pattern) + sign(pattern >> 6);
        table[pattern] = match (horizontal.signum(), vertical.signum()) {
            (1, 1) => 13,
            (1, 0) => 12,
            (1, -1) => 11,
            (0, 1) => 10,
            (0, 0) => 9,
            (0, -1) => 10 | 0x80,
            (-1, 1) => 11 | 0x80,
            (-1, 0) => 12 | 0x80,
            _ => 13 | 0x80,
        };
        pattern += 1;
    }
    table
};

/// Contribution of one neighbour: bit 0 says negative, bit 1 significant.
const fn sign(pattern: usize) -> i32 {
    match pattern & 3 {
        2 => 1,
        3 => -1,
        _ => 0,
    }
}
