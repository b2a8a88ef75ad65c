//! Encapsulated pixels (PS3.5 A.4): which bytes belong to which frame.

use std::borrow::Cow;
use std::ops::Range;

/// The fragments of one frame: bytes of the data set.
pub(in crate::dicom) type Frame = Vec<Range<usize>>;

/// Finds the fragments of every frame in the bytes from `start` on.
///
/// The offset table decides; without one, there is a fragment for each frame or all are of the only frame.
/// What could be read in more than one way is refused.
pub(in crate::dicom) fn frames(bytes: &[u8], start: usize, frames: usize) -> Result<Vec<Frame>, String> {
    let mut items = items(bytes, start)?;
    let table = items.remove(0);
    if items.is_empty() {
        return Err("its compressed pixels are empty".to_owned());
    }
    let offsets: Vec<usize> =
        bytes[table].chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    if offsets.len() > 1 || (frames > 1 && !offsets.is_empty()) {
        return by_offset(items, &offsets, frames);
    }
    if frames == 1 {
        return Ok(vec![items]);
    }
    if items.len() == frames {
        return Ok(items.into_iter().map(|item| vec![item]).collect());
    }
    Err(format!(
        "its {frames} frames are in {} fragments without an offset table: which belong together is not stated",
        items.len()
    ))
}

/// The items up to the end of the sequence: first the offset table, then the fragments.
fn items(bytes: &[u8], start: usize) -> Result<Vec<Range<usize>>, String> {
    let mut items = Vec::new();
    let mut at = start;
    loop {
        let Some(&[a, b, c, d, l0, l1, l2, l3]) = bytes.get(at..at + 8) else {
            return Err(format!("its compressed pixels end at byte {at} without an end mark"));
        };
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        at += 8;
        match [a, b, c, d] {
            [0xfe, 0xff, 0xdd, 0xe0] if !items.is_empty() => return Ok(items),
            [0xfe, 0xff, 0x00, 0xe0] => {
                let left = bytes.len() - at;
                if length as usize > left {
                    return Err(format!(
                        "a fragment of its pixels at byte {at} should be {length} bytes long, and {left} are there"
                    ));
                }
                items.push(at..at + length as usize);
                at += length as usize;
            }
            [a, b, c, d] => {
                return Err(format!("({b:02X}{a:02X},{d:02X}{c:02X}) is out of place among the pixels"));
            }
        }
    }
}

/// Puts fragments together by where each frame begins, counted from the first fragment's item.
fn by_offset(items: Vec<Range<usize>>, offsets: &[usize], frames: usize) -> Result<Vec<Frame>, String> {
    if offsets.len() != frames {
        return Err(format!(
            "its offset table has {} entries, Number of Frames (0028,0008) is {frames}",
            offsets.len()
        ));
    }
    // An item begins with eight bytes of tag and length.
    let first = items[0].start;
    let mut grouped: Vec<Frame> = Vec::new();
    for item in items {
        if offsets.get(grouped.len()) == Some(&(item.start - first)) {
            grouped.push(vec![item]);
        } else if let Some(frame) = grouped.last_mut() {
            frame.push(item);
        } else {
            break;
        }
    }
    match grouped.len() == frames {
        true => Ok(grouped),
        false => Err(format!(
            "its offset table puts frame {} at byte {}, where no fragment begins",
            grouped.len() + 1,
            offsets[grouped.len()]
        )),
    }
}

/// The bytes of one frame, put together if they are in several fragments.
pub(in crate::dicom) fn stream<'a>(bytes: &'a [u8], frame: &Frame) -> Cow<'a, [u8]> {
    match frame.as_slice() {
        [one] => Cow::Borrowed(&bytes[one.clone()]),
        several => Cow::Owned(several.iter().flat_map(|part| &bytes[part.clone()]).copied().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: &[u8]) -> Vec<u8> {
        [&[0xfe, 0xff, 0x00, 0xe0][..], &(bytes.len() as u32).to_le_bytes(), bytes].concat()
    }

    /// A sequence with an offset table and fragments.
    fn sequence(table: &[u32], fragments: &[&[u8]]) -> Vec<u8> {
        let table: Vec<u8> = table.iter().flat_map(|n| n.to_le_bytes()).collect();
        let mut bytes = item(&table);
        fragments.iter().for_each(|fragment| bytes.extend(item(fragment)));
        bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        bytes
    }

    fn texts(bytes: &[u8], n: usize) -> Result<Vec<String>, String> {
        let text = |frame: &Frame| String::from_utf8(stream(bytes, frame).into_owned()).unwrap();
        frames(bytes, 0, n).map(|frames| frames.iter().map(text).collect())
    }

    #[test]
    fn fragments_find_their_frames_by_table_or_by_number() {
        assert_eq!(texts(&sequence(&[], &[b"ab", b"cd"]), 1).unwrap(), ["abcd"]);
        assert_eq!(texts(&sequence(&[0], &[b"ab", b"cd"]), 1).unwrap(), ["abcd"]);
        assert_eq!(texts(&sequence(&[], &[b"ab", b"cd"]), 2).unwrap(), ["ab", "cd"]);
        let three: &[&[u8]] = &[b"ab", b"cd", b"ef"];
        assert_eq!(texts(&sequence(&[0, 20], three), 2).unwrap(), ["abcd", "ef"]);
        assert_eq!(texts(&sequence(&[0, 10], three), 2).unwrap(), ["ab", "cdef"]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let three: &[&[u8]] = &[b"ab", b"cd", b"ef"];
        for (bytes, n, says) in [
            (sequence(&[], three), 2, "2 frames are in 3 fragments"),
            (sequence(&[0, 10], three), 1, "2 entries"),
            (sequence(&[0], three), 3, "1 entries"),
            (sequence(&[0, 11], three), 2, "frame 2 at byte 11"),
            (sequence(&[4, 10], three), 2, "frame 1 at byte 4"),
            (sequence(&[0, 0, 10], three), 3, "frame 2 at byte 0"),
            (sequence(&[], &[]), 1, "empty"),
        ] {
            let what = texts(&bytes, n).unwrap_err();
            assert!(what.contains(says), "{what}");
        }
    }

    #[test]
    fn a_sequence_cut_anywhere_is_refused() {
        let whole = sequence(&[0, 10], &[b"ab", b"cd"]);
        assert!(texts(&whole, 2).is_ok());
        for end in 0..whole.len() {
            assert!(texts(&whole[..end], 2).is_err(), "cut at {end}");
        }
        let mut long = whole;
        long[4] = 0xff;
        assert!(texts(&long, 2).unwrap_err().contains("should be 255 bytes"));
    }
}
