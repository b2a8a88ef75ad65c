//! Moves DICOM dates by whole days.

/// A date or date and time moved back by `days`, times as they were; `None` if it is none.
pub(super) fn moved(vr: [u8; 2], value: &[u8], days: i64) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() {
        return Some(String::new());
    }
    match &vr {
        b"TM" => (text.len() <= 16 && is_time(text)).then(|| text.to_owned()),
        b"DA" => (text.len() == 8).then(|| date(text, days))?,
        b"DT" => {
            let (day, time) = (text.get(..8)?, text.get(8..)?);
            (text.len() <= 26 && is_time(time)).then(|| date(day, days)).flatten().map(|day| day + time)
        }
        _ => None,
    }
}

fn is_time(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-'))
}

fn date(text: &str, days: i64) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let good = (1..=12).contains(&month) && (1..=31).contains(&day) && year > 1000;
    let (year, month, day) = good.then(|| from_days(to_days(year, month, day) - days))?;
    Some(format!("{year:04}{month:02}{day:02}"))
}

// Days since 1 March of the year 0 in the Gregorian calendar; years begin in March, so that the day that is
// sometimes there is the last of its year.

/// Days of four centuries.
const ERA: i64 = 146_097;

fn to_days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year
}

fn from_days(days: i64) -> (i64, i64, i64) {
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let of_era = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let month = (march + 2) % 12 + 1;
    (era * 400 + of_era + i64::from(month <= 2), month, of_year - (153 * march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_through_leap_years_and_centuries() {
        let cases = [("20000301", 1, "20000229"), ("19000301", 1, "19000228"), ("20260101", 366, "20241231")];
        for (from, days, to) in cases {
            assert_eq!(moved(*b"DA", from.as_bytes(), days).as_deref(), Some(to));
        }
        for days in 0..200_000 {
            assert_eq!(to_days(from_days(days).0, from_days(days).1, from_days(days).2), days);
        }
    }

    #[test]
    fn times_stay_and_what_is_no_date_goes() {
        assert_eq!(moved(*b"DT", b"20260302101530.5 ", 1).as_deref(), Some("20260301101530.5"));
        assert_eq!(moved(*b"TM", b"101530", 40).as_deref(), Some("101530"));
        for bad in ["SMITH", "2026-01-01", "20261301", "2026"] {
            assert_eq!(moved(*b"DA", bad.as_bytes(), 1), None, "{bad}");
        }
    }
}
