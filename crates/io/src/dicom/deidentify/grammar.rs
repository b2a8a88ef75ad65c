//! What a kept value may look like, for each value representation.

use super::profile::Rule;

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays as it is.
    Stays,
    /// It stays with these bytes instead.
    Becomes(Vec<u8>),
    /// It goes.
    Goes,
}

/// Longest decimal and whole number in characters. PS3.5 6.2 allows 16 and 12; scanners write positions with more
/// digits, and geometry must not be lost over them.
const NUMBER: [usize; 2] = [32, 12];

/// Most letters, and most digits, in a row in a maker's short name. Chosen: names of kernels have at most three,
/// names of people hardly ever less than four.
const SHORT_RUN: usize = 3;

/// Holds a value that may stay against its grammar.
pub(super) fn judge(rule: &Rule, vr: [u8; 2], value: &[u8]) -> Verdict {
    let whole = |size: usize| if value.len().is_multiple_of(size) { Verdict::Stays } else { Verdict::Goes };
    match &vr {
        b"US" | b"SS" | b"OW" => whole(2),
        b"UL" | b"AT" => whole(4),
        b"FD" => whole(8),
        b"DS" | b"IS" => numbers(value, NUMBER[usize::from(&vr == b"IS")]),
        b"UI" => standard_uid(value),
        b"CS" | b"SH" | b"LO" => words(rule, value),
        _ => Verdict::Goes,
    }
}

fn numbers(value: &[u8], longest: usize) -> Verdict {
    let Ok(text) = std::str::from_utf8(value) else { return Verdict::Goes };
    let number = |part: &str| {
        let part = part.trim_matches([' ', '\0']);
        let plain = part.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'E' | b'e'));
        part.is_empty() || part.len() <= longest && plain && part.parse::<f64>().is_ok_and(f64::is_finite)
    };
    if text.split('\\').all(number) { Verdict::Stays } else { Verdict::Goes }
}

/// Classes and other identifiers that DICOM itself gives (PS3.6 annex A).
fn standard_uid(value: &[u8]) -> Verdict {
    let text = std::str::from_utf8(value).unwrap_or_default().trim_end_matches('\0');
    let legal = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if legal && is_standard(text) { Verdict::Stays } else { Verdict::Goes }
}

/// True for an identifier that DICOM itself gives.
pub(super) fn is_standard(uid: &str) -> bool {
    uid.starts_with("1.2.840.10008.")
}

fn words(rule: &Rule, value: &[u8]) -> Verdict {
    let (Ok(text), Some(words)) = (std::str::from_utf8(value), &rule.words) else { return Verdict::Goes };
    let parts: Vec<&str> = text.split('\\').map(|part| part.trim_matches([' ', '\0'])).collect();
    let fine = |part: &str| part.is_empty() || words.iter().any(|word| word == part);
    if rule.short {
        let fine = parts.iter().all(|part| fine(part) || is_short(part));
        return if fine { Verdict::Stays } else { Verdict::Goes };
    }
    if parts.iter().all(|part| fine(part)) {
        return Verdict::Stays;
    }
    if parts.len() == 1 {
        return Verdict::Goes;
    }
    let parts: Vec<&str> = parts.into_iter().map(|part| if fine(part) { part } else { "OTHER" }).collect();
    Verdict::Becomes(parts.join("\\").into_bytes())
}

/// At most three letters and three digits in a row, of at most sixteen characters.
fn is_short(part: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+-./_ ".contains(&b);
    let short = |is: fn(&u8) -> bool| part.as_bytes().split(|b| !is(b)).all(|run| run.len() <= SHORT_RUN);
    part.len() <= 16 && part.bytes().all(legal) && short(u8::is_ascii_alphabetic) && short(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::super::profile::PROFILE;
    use super::*;
    use dicom_core::Tag;

    fn judged(tag: Tag, vr: &[u8; 2], value: &str) -> Verdict {
        judge(PROFILE.rule(tag).unwrap(), *vr, value.as_bytes())
    }

    #[test]
    fn numbers_stay_and_anything_hidden_among_them_goes() {
        let position = Tag(0x0020, 0x0032);
        for good in ["1.5\\-2\\3E-4", " 12 ", "", "-120.000000000001"] {
            assert_eq!(judged(position, b"DS", good), Verdict::Stays, "{good}");
        }
        for bad in ["1.5\\SMITH", "1,5", "0x10", "inf", "nan", "123456789012345678901234567890123", "1 2"] {
            assert_eq!(judged(position, b"DS", bad), Verdict::Goes, "{bad}");
        }
    }

    #[test]
    fn a_kernel_stays_and_a_name_in_its_place_goes() {
        let kernel = Tag(0x0018, 0x1210);
        for good in ["B60f", "Br40d\\3", "FC08-H", "BONE ", "YA", "I70f\\2"] {
            assert_eq!(judged(kernel, b"SH", good), Verdict::Stays, "{good}");
        }
        for bad in ["Smith", "4711", "J.SMITH", "M\u{fc}ller", "Br40d\\Smith"] {
            assert_eq!(judged(kernel, b"SH", bad), Verdict::Goes, "{bad}");
        }
    }

    #[test]
    fn a_word_that_is_not_listed_goes_and_in_a_list_its_place_stays() {
        assert_eq!(judged(Tag(0x0018, 0x0015), b"CS", "SMITH"), Verdict::Goes);
        assert_eq!(judged(Tag(0x0018, 0x0015), b"CS", "HEAD"), Verdict::Stays);
        let changed = judged(Tag(0x0008, 0x0008), b"CS", "ORIGINAL\\PRIMARY\\SMITH ");
        assert_eq!(changed, Verdict::Becomes(b"ORIGINAL\\PRIMARY\\OTHER".to_vec()));
    }
}
