//! Numbers as text, fast: a model has millions.

/// Steps in a millimetre: coordinates are kept to 0.00001 mm.
pub(crate) const STEPS: f64 = 1e5;

/// The nearest whole number of steps to a coordinate in mm, which must be within ±10 km.
pub(crate) fn steps(mm: f64) -> i64 {
    // Casting cuts towards zero, so half a step is added away from it.
    let scaled = mm * STEPS;
    (scaled + 0.5_f64.copysign(scaled)) as i64
}

/// Appends a number of steps as millimetres, without zeros at the end: `-12.5`.
pub(crate) fn push_mm(text: &mut Vec<u8>, steps: i64) {
    let magnitude = steps.unsigned_abs();
    let mut part = (magnitude % STEPS as u64) as u32;
    let mut whole = (magnitude / STEPS as u64) as u32;
    let mut digits = [0_u8; 24];
    let mut at = digits.len();
    let mut put = |byte: u8| {
        at -= 1;
        digits[at] = byte;
    };
    if part != 0 {
        let mut places = 5;
        while part.is_multiple_of(10) {
            part /= 10;
            places -= 1;
        }
        for _ in 0..places {
            put(b'0' + (part % 10) as u8);
            part /= 10;
        }
        put(b'.');
    }
    loop {
        put(b'0' + (whole % 10) as u8);
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    if steps < 0 {
        put(b'-');
    }
    text.extend_from_slice(&digits[at..]);
}

/// Appends an index.
pub(crate) fn push_index(text: &mut Vec<u8>, mut index: u32) {
    let mut digits = [0_u8; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (index % 10) as u8;
        index /= 10;
        if index == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mm(value: f64) -> String {
        let mut text = Vec::new();
        push_mm(&mut text, steps(value));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_coordinate_has_no_more_digits_than_it_needs() {
        assert_eq!(
            [0.0, -0.0, 1.0, -12.5, 0.00001, -0.000004].map(mm),
            ["0", "0", "1", "-12.5", "0.00001", "0"]
        );
        assert_eq!(mm(-9_999_999.999_99), "-9999999.99999");
    }

    proptest! {
        #[test]
        fn a_coordinate_reads_back_within_half_a_step(value in -1e7_f64..1e7) {
            let back: f64 = mm(value).parse().unwrap();
            // Half a step, and what 64 bits cannot tell at 10 km (2e-9 mm).
            prop_assert!((back - value).abs() <= 0.5e-5 + 4e-9);
        }

        #[test]
        fn an_index_is_printed_as_usual(index: u32) {
            let mut text = Vec::new();
            push_index(&mut text, index);
            prop_assert_eq!(String::from_utf8(text).unwrap(), index.to_string());
        }
    }
}
