//! How numbers are written: with their unit and no more digits than the method supports.

use std::fmt;

/// A number ready to be printed, and its unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantity {
    /// The digits, with a true minus sign; "not measured" for what is no number.
    pub value: String,
    /// The unit's symbol; empty for a count or a text.
    pub unit: String,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit.as_str() {
            "" => f.write_str(&self.value),
            "°" => write!(f, "{}°", self.value),
            // A narrow line must not part them.
            unit => write!(f, "{}\u{a0}{unit}", self.value),
        }
    }
}

impl Quantity {
    /// A text or a count without a unit.
    pub fn plain(value: impl fmt::Display) -> Self {
        Self { value: value.to_string(), unit: String::new() }
    }
}

/// What stands in place of a number that is none.
pub const NOT_MEASURED: &str = "not measured";

/// The number with this many decimals and a true minus sign.
fn digits(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NOT_MEASURED.to_owned();
    }
    let text = format!("{:.*}", decimals, value.abs());
    let nothing = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    let sign = if value < 0.0 && !nothing { "−" } else { "" };
    format!("{sign}{text}")
}

fn quantity(value: f64, decimals: usize, unit: &str) -> Quantity {
    let unit = if value.is_finite() { unit } else { "" };
    Quantity { value: digits(value, decimals), unit: unit.to_owned() }
}

/// A distance in mm, to 0.1 mm.
pub fn distance(mm: f64) -> Quantity {
    quantity(mm, 1, "mm")
}

/// An angle in degrees, to 0.1°.
pub fn angle(degrees: f64) -> Quantity {
    quantity(degrees, 1, "°")
}

/// A radiodensity in Hounsfield units, whole.
pub fn radiodensity(hu: f64) -> Quantity {
    quantity(hu, 0, "HU")
}

/// A share in percent, to 0.1 %.
pub fn percent(percent: f64) -> Quantity {
    quantity(percent, 1, "%")
}

/// A volume given in mm³: in cm³ to 0.1 from one cm³ on, below in whole mm³.
pub fn volume(mm3: f64) -> Quantity {
    if mm3.abs() >= 1000.0 { quantity(mm3 / 1000.0, 1, "cm³") } else { quantity(mm3, 0, "mm³") }
}

/// An area given in mm²: in cm² to 0.1 from ten cm² on, below in whole mm².
pub fn area(mm2: f64) -> Quantity {
    if mm2.abs() >= 1000.0 { quantity(mm2 / 100.0, 1, "cm²") } else { quantity(mm2, 0, "mm²") }
}

/// The size of a file, in decimal units.
pub fn bytes(count: u64) -> Quantity {
    match count {
        0..1_000 => quantity(count as f64, 0, "bytes"),
        1_000..1_000_000 => quantity(count as f64 / 1e3, 1, "kB"),
        1_000_000..1_000_000_000 => quantity(count as f64 / 1e6, 1, "MB"),
        _ => quantity(count as f64 / 1e9, 1, "GB"),
    }
}

/// A measured value and the limit it is held against, with as many decimals (up to four) as it takes to
/// show the limit as it was set and to tell the two apart.
pub fn against(value: f64, limit: f64, unit: &str) -> [Quantity; 2] {
    let usual = match unit {
        "mm" | "°" | "%" => 1,
        _ => 0,
    };
    let enough = |decimals: &usize| {
        let rounded = digits(limit, *decimals).replace('−', "-").parse::<f64>();
        let kept = rounded.is_ok_and(|r| (r - limit).abs() <= 1e-9 * limit.abs());
        kept && (value == limit || digits(value, *decimals) != digits(limit, *decimals))
    };
    let decimals = (usual..4).find(enough).unwrap_or(4);
    let decimals = if limit.is_finite() { decimals } else { usual };
    [quantity(value, decimals, unit), quantity(limit, decimals, unit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_their_unit_and_few_digits() {
        let shown = |q: Quantity| q.to_string().replace('\u{a0}', " ");
        assert_eq!(shown(distance(12.345)), "12.3 mm");
        assert_eq!(shown(distance(-0.04)), "0.0 mm");
        assert_eq!(shown(angle(-7.26)), "−7.3°");
        assert_eq!(shown(radiodensity(-1023.6)), "−1024 HU");
        assert_eq!(shown(percent(99.96)), "100.0 %");
        assert_eq!(shown(volume(999.4)), "999 mm³");
        assert_eq!(shown(volume(12_345.0)), "12.3 cm³");
        assert_eq!(shown(area(2_512.0)), "25.1 cm²");
        assert_eq!(shown(bytes(999)), "999 bytes");
        assert_eq!(shown(bytes(75_000_084)), "75.0 MB");
        assert_eq!(shown(distance(f64::NAN)), "not measured");
        assert_eq!(shown(Quantity::plain(3)), "3");
    }

    #[test]
    fn a_limit_keeps_its_digits_and_a_value_never_looks_equal_to_it() {
        let shown = |v, l, u| against(v, l, u).map(|q| q.value).join(" / ");
        assert_eq!(shown(1.84, 1.0, "mm"), "1.8 / 1.0");
        assert_eq!(shown(0.24, 0.25, "mm"), "0.24 / 0.25");
        assert_eq!(shown(0.99, 1.0, "mm"), "0.99 / 1.00");
        assert_eq!(shown(1.0, 1.0, "mm"), "1.0 / 1.0");
        assert_eq!(shown(-3.0, 300.0, "HU"), "−3 / 300");
        assert_eq!(shown(f64::NAN, 0.5, "mm"), "not measured / 0.5");
        assert_eq!(shown(2.0, f64::INFINITY, "mm"), "2.0 / not measured");
    }
}
