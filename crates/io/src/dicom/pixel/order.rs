//! Are the two bytes of every word exchanged? Neighbours in a picture are alike. With their bytes exchanged the least
//! bits of a word, which are noise, become its greatest, so that a picture in the wrong order is far rougher than the
//! same picture turned back; one in the right order never is.

use super::convert::Cells;

/// Rows that are looked at: every one of small pictures, so many of large ones.
const ROWS: usize = 64;
/// Mean step of neighbours, in stored values, below which a picture is smooth: the least that exchanged bytes make
/// of a step of one.
const ROUGH: u64 = 256;
/// A picture that is so many times rougher than its turned self is in the wrong order. Chosen: CT in the wrong
/// order was found at 115 to 195, noise is at 1, scans in the right order are below a hundredth.
const TIMES: u64 = 8;
/// The lower bytes of at least one in so many neighbours differ; those of values that are multiples of 256 do not,
/// and either order could be meant.
const VARIED: u64 = 100;
/// Fewer neighbours say nothing.
const FEW: u64 = 1024;

/// Refuses words whose bytes are plainly exchanged, in rows of `width`.
pub(super) fn check(cells: &Cells, width: usize) -> Result<(), String> {
    let word = |high: u8, low: u8| u16::from(high) << 8 | u16::from(low);
    let steps = match *cells {
        Cells::Little16(b) => steps(b.len() / 2, width, |n| word(b[2 * n + 1], b[2 * n])),
        Cells::Big16(b) => steps(b.len() / 2, width, |n| word(b[2 * n], b[2 * n + 1])),
        Cells::Planes16(high, low) => steps(high.len(), width, |n| word(high[n], low[n])),
        _ => return Ok(()),
    };
    let Steps { given, turned, varied, count } = steps;
    let rough = given / count.max(1) >= ROUGH && given / TIMES >= turned;
    if count < FEW || !rough || varied < count / VARIED {
        return Ok(());
    }
    Err(format!(
        "the bytes of its pixels (7FE0,0010) seem to be exchanged: neighbours differ by {} on average, and by {} with \
         each pair of bytes turned round",
        given / count,
        turned / count
    ))
}

/// Sums over neighbours in a row.
struct Steps {
    /// Of differences as the words are.
    given: u64,
    /// Of differences with the bytes of every word exchanged.
    turned: u64,
    /// Neighbours whose lower bytes differ.
    varied: u64,
    count: u64,
}

fn steps(samples: usize, width: usize, word: impl Fn(usize) -> u16) -> Steps {
    let mut steps = Steps { given: 0, turned: 0, varied: 0, count: 0 };
    let rows = samples / width.max(1);
    for y in (0..rows).step_by((rows / ROWS).max(1)) {
        let mut before = word(y * width);
        for x in 1..width {
            let now = word(y * width + x);
            // Around the circle of all words: the same with and without a sign.
            let apart = |a: u16, b: u16| u64::from((a.wrapping_sub(b) as i16).unsigned_abs());
            steps.given += apart(now, before);
            steps.turned += apart(now.swap_bytes(), before.swap_bytes());
            steps.varied += u64::from((now ^ before) & 0xff != 0);
            before = now;
        }
        steps.count += width as u64 - 1;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 64;

    /// A body of 1064 with noise in air of 24, as scanners store it, each value changed.
    fn words(change: impl Fn(u16) -> u16) -> Vec<u8> {
        let mut random = osteon_core::ctx::Random::new(3);
        let value = |n: usize| {
            let (x, y) = ((n % WIDTH) as f64 - 31.5, (n / WIDTH) as f64 - 31.5);
            let tissue = if libm::hypot(x, y) < 22.0 { 1064.0 } else { 24.0 };
            (tissue + 12.0 * random.normal()).max(0.0) as u16
        };
        (0..WIDTH * WIDTH).map(value).flat_map(|w| change(w).to_le_bytes()).collect()
    }

    fn refused(bytes: &[u8]) -> bool {
        check(&Cells::Little16(bytes), WIDTH).is_err()
    }

    #[test]
    fn exchanged_bytes_are_told_in_either_order_and_with_a_sign() {
        let right = words(|w| w);
        let wrong = words(u16::swap_bytes);
        assert!(!refused(&right) && refused(&wrong));
        assert!(check(&Cells::Big16(&wrong), WIDTH).is_ok() && check(&Cells::Big16(&right), WIDTH).is_err());
        let signed = |w: u16| w.wrapping_sub(1024);
        assert!(!refused(&words(signed)) && refused(&words(|w| signed(w).swap_bytes())));
        assert!(!refused(&words(|w| w << 4)) && !refused(&words(|w| w | 0xa000)));
    }

    #[test]
    fn noise_blank_pictures_and_multiples_of_256_are_left_alone() {
        let mut random = osteon_core::ctx::Random::new(5);
        let noise: Vec<u8> = (0..2 * WIDTH * WIDTH).map(|_| random.bits() as u8).collect();
        assert!(!refused(&noise));
        assert!(!refused(&words(|_| 0x1234)));
        assert!(!refused(&words(|w| (w / 8) << 8)));
    }
}
