//! Run lengths (PS3.5 annex G): one segment for each byte of a sample, highest byte first.

/// Bytes of the table in front of the segments: their number, and where each of at most 15 begins.
const TABLE: usize = 64;

/// Undoes the run lengths of one image of `area` samples of `width` bytes; gives one plane of bytes after the
/// other, the highest first, in `planes`.
pub(super) fn unpack(stream: &[u8], area: usize, width: usize, planes: &mut Vec<u8>) -> Result<(), String> {
    let word = |n: usize| {
        stream.get(4 * n..4 * n + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
    };
    if stream.len() < TABLE {
        return Err(format!("its run lengths have {} bytes, less than their own table", stream.len()));
    }
    let segments = word(0).unwrap_or(0);
    if segments != width {
        return Err(format!("its run lengths have {segments} segments instead of {width}"));
    }
    planes.clear();
    planes.reserve_exact(area * width);
    let mut end_before = TABLE;
    for segment in 0..width {
        let start = word(1 + segment).unwrap_or(0);
        let end = if segment + 1 < width { word(2 + segment).unwrap_or(0) } else { stream.len() };
        if start < end_before || (segment == 0 && start != TABLE) {
            return Err(format!("segment {} of its run lengths begins at byte {start}", segment + 1));
        }
        let Some(bytes) = stream.get(start..end) else {
            return Err(format!(
                "segment {} of its run lengths would be at bytes {start} to {end}",
                segment + 1
            ));
        };
        plane(bytes, (segment + 1) * area, planes)
            .map_err(|what| format!("segment {} of its run lengths {what}", segment + 1))?;
        end_before = end;
    }
    Ok(())
}

/// One segment, until there are `full` bytes in `plane`.
fn plane(mut bytes: &[u8], full: usize, plane: &mut Vec<u8>) -> Result<(), String> {
    const EARLY: &str = "ends before the image does";
    while plane.len() < full {
        let Some((&control, rest)) = bytes.split_first() else {
            return Err(EARLY.to_owned());
        };
        let left = full - plane.len();
        let count = match control {
            0..=127 => usize::from(control) + 1,
            128 => 0,
            129..=255 => 257 - usize::from(control),
        };
        if count > left {
            return Err(format!("has a run of {count} where {left} pixels are left"));
        }
        if control < 128 {
            let Some((literal, rest)) = rest.split_at_checked(count) else {
                return Err(EARLY.to_owned());
            };
            plane.extend_from_slice(literal);
            bytes = rest;
        } else if control == 128 {
            bytes = rest;
        } else {
            let Some((&byte, rest)) = rest.split_first() else {
                return Err(EARLY.to_owned());
            };
            plane.resize(plane.len() + count, byte);
            bytes = rest;
        }
    }
    // A segment has an even length: one byte may be added, and some writers end with a run of nothing.
    match bytes {
        [] | [_] | [128, _] => Ok(()),
        _ => Err(format!("has {} bytes left after the image", bytes.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of segments with its table.
    fn stream(segments: &[&[u8]]) -> Vec<u8> {
        let mut table = vec![segments.len() as u32];
        let mut at = 64;
        for segment in segments {
            table.push(at);
            at += segment.len() as u32;
        }
        table.resize(16, 0);
        let mut bytes: Vec<u8> = table.iter().flat_map(|n| n.to_le_bytes()).collect();
        bytes.extend(segments.concat());
        bytes
    }

    fn unpacked(stream: &[u8], width: usize) -> Result<Vec<u8>, String> {
        let mut planes = Vec::new();
        unpack(stream, 6, width, &mut planes).map(|()| planes)
    }

    #[test]
    fn literals_and_runs_become_planes_with_the_high_byte_first() {
        let high: &[u8] = &[2, 1, 2, 3, 254, 9]; // three literals, one byte three times
        let low: &[u8] = &[128, 251, 7]; // nothing, one byte six times
        let planes = unpacked(&stream(&[high, low]), 2).unwrap();
        assert_eq!(planes, [1, 2, 3, 9, 9, 9, 7, 7, 7, 7, 7, 7]);
        assert_eq!(unpacked(&stream(&[&[251, 7, 0]]), 1).unwrap(), [7; 6]);
    }

    #[test]
    fn streams_that_contradict_themselves_are_refused_and_say_what_is_wrong() {
        let good = stream(&[&[251, 7]]);
        for (bytes, says) in [
            (stream(&[&[252, 7]]), "ends before"),
            (stream(&[&[250, 7]]), "7 where 6"),
            (stream(&[&[251, 7, 1, 1, 1]]), "left after"),
            (stream(&[&[5, 1, 2]]), "ends before"),
            (stream(&[&[251, 7], &[251, 7]]), "2 segments instead of 1"),
            (good[..63].to_vec(), "63 bytes"),
            ([&good[..4], &[65, 0, 0, 0], &good[8..]].concat(), "begins at byte 65"),
            ([&good[..4], &[255; 4], &good[8..]].concat(), "begins at byte"),
        ] {
            let what = unpacked(&bytes, 1).unwrap_err();
            assert!(what.contains(says), "{what}");
        }
        let backwards = [&stream(&[&[251, 7], &[251, 7]])[..8], &[64, 0, 0, 0], &[0; 52], &[251, 7, 251, 7]];
        assert!(unpacked(&backwards.concat(), 2).is_err());
    }
}
