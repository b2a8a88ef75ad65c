//! Do the values of a codec fit into the stored bits? Nothing but the value is in its samples, so that bits beyond
//! those of the header are no overlay: either stream or header is wrong, and to cut them off would make up values.

use crate::dicom::header::Header;

/// Refuses samples of JPEG and JPEG-LS, which know no sign, in streams of `bits` bits.
///
/// A signed value may fill the bits of the stream with its sign, or leave those above the stored ones zero.
pub(super) fn words(header: &Header, bits: u32, words: &[u16]) -> Result<(), String> {
    let stored = header.stored.clamp(1, 16) as u32;
    // What no word has need not be looked for in each.
    let all = words.iter().fold(0, |all, &word| all | word);
    if u32::from(all) >> stored == 0 {
        return Ok(());
    }
    let above = ((1_u32 << bits.clamp(1, 16)) - 1) >> (stored - 1);
    // Padding may be said as a whole cell.
    let padding = header.padding.map(|n| n as u16);
    let fits = |word: u16| {
        let beyond = u32::from(word) >> (stored - 1);
        beyond <= 1 || (header.signed == 1 && beyond == above) || Some(word) == padding
    };
    match words.iter().find(|&&word| !fits(word)) {
        None => Ok(()),
        Some(&word) => Err(told(header, i64::from(word))),
    }
}

/// Refuses samples of JPEG 2000, which come with the sign of their stream.
pub(super) fn wide(header: &Header, signed: bool, samples: &[i32]) -> Result<(), String> {
    let bits = header.stored.clamp(1, 32);
    let (low, high) = match header.signed == 1 && signed {
        true => (-(1_i64 << (bits - 1)), (1_i64 << (bits - 1)) - 1),
        // An unsigned stream under a signed header is read again with its sign.
        false => (0, (1_i64 << bits) - 1),
    };
    let ends = samples.iter().fold([i32::MAX, i32::MIN], |[a, b], &n| [a.min(n), b.max(n)]);
    match ends.map(i64::from).into_iter().find(|n| !samples.is_empty() && !(low..=high).contains(n)) {
        None => Ok(()),
        Some(value) if value < 0 && header.signed != 1 => Err(format!(
            "its JPEG 2000 stream holds the value {value}, its header says Pixel Representation (0028,0103) {}: \
             without a sign",
            header.signed
        )),
        Some(value) => Err(told(header, value)),
    }
}

fn told(header: &Header, value: i64) -> String {
    format!(
        "its compressed pixels hold the stored value {value}, which does not fit Bits Stored (0028,0101) {} in Pixel \
         Representation (0028,0103) {}",
        header.stored, header.signed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::made;

    fn header(stored: i64, signed: i64) -> Header {
        Header { stored, signed, padding: None, ..made::slice(1, made::ORIGIN).header }
    }

    #[test]
    fn words_beyond_the_stored_bits_are_refused_with_tag_and_value() {
        assert_eq!(words(&header(12, 0), 16, &[0, 4095]), Ok(()));
        let told = words(&header(12, 0), 16, &[7, 4096]).unwrap_err();
        assert!(told.contains("4096") && told.contains("(0028,0101) 12"), "{told}");
        // −1 with its sign in 16 bits, and with the four bits above left zero; 0x1fff is neither.
        assert_eq!(words(&header(12, 1), 16, &[0xffff, 0x0fff]), Ok(()));
        assert!(words(&header(12, 1), 16, &[0x1fff]).is_err());
        // The padding value is a cell of its own.
        let padded = Header { padding: Some(-2000), ..header(12, 0) };
        assert_eq!(words(&padded, 16, &[63_536]), Ok(()));
        assert!(words(&padded, 16, &[63_535]).is_err());
    }

    #[test]
    fn signed_samples_under_an_unsigned_header_are_refused_where_they_are_negative() {
        assert_eq!(wide(&header(12, 0), true, &[0, 2047]), Ok(()));
        let told = wide(&header(12, 0), true, &[0, -1]).unwrap_err();
        assert!(told.contains("-1") && told.contains("(0028,0103) 0"), "{told}");
        assert_eq!(wide(&header(12, 1), true, &[-2048, 2047]), Ok(()));
        assert!(wide(&header(12, 1), true, &[2048]).is_err());
        // An unsigned stream is read again with the sign of the header.
        assert_eq!(wide(&header(12, 1), false, &[0, 4095]), Ok(()));
        assert_eq!(wide(&header(12, 0), false, &[]), Ok(()));
    }
}
