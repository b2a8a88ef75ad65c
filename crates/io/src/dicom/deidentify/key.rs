//! The project's secret key, and what is derived from it: new identifiers, day shifts, the package's name.

use sha2::{Digest, Sha256};
use std::fmt;

/// A secret of 32 bytes. The same key gives the same identifiers, so that files shared at different times fit
/// together; without it nobody can tell from which identifiers they were made. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(withheld)")
    }
}

/// Bytes SHA-256 works on at a time (FIPS 180-4), the length HMAC pads a key to.
const BLOCK: usize = 64;

/// Days a date is moved back by at least. Chosen: a month, so that no date stays in its month.
const LEAST_DAYS: u64 = 31;

/// How many different shifts there are, in days. Chosen: ten years hide the year as well.
const SHIFTS: u64 = 3650;

impl Key {
    /// A key of these bytes, which must come from a source of randomness.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key written as 64 hexadecimal digits; white space around them is no part of it.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(bytes))
    }

    /// The key as 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// HMAC-SHA256 (RFC 2104) of the parts, each led by its length.
    fn derive(&self, parts: &[&[u8]]) -> [u8; 32] {
        let message: Vec<u8> =
            parts.iter().flat_map(|part| [&(part.len() as u64).to_le_bytes()[..], part].concat()).collect();
        hmac(&self.0, &message)
    }

    /// The identifier that stands for an old one: `2.25.` and a 128-bit number, a UUID of version 8, in decimal
    /// (PS3.5 B.2); at most 44 characters.
    pub fn uid(&self, old: &str) -> String {
        let digest = self.derive(&[b"uid", old.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = 0x80 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        format!("2.25.{}", u128::from_be_bytes(bytes))
    }

    /// The name a case has outside: `case-` and twelve hexadecimal digits.
    pub fn case_name(&self, case: &str) -> String {
        format!("case-{}", &hex(&self.derive(&[b"case", case.as_bytes()]))[..12])
    }

    /// By how many days the dates of a patient are moved back: 31 to 3680.
    pub(super) fn days(&self, patient: &str) -> i64 {
        let digest = self.derive(&[b"days", patient.as_bytes()]);
        let number = digest[..8].iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        (LEAST_DAYS + number % SHIFTS) as i64
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HMAC-SHA256 with a key that is no longer than a block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(to, from)| *to ^= from);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_hmac_sha256_as_rfc_4231_has_it() {
        let given = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac(b"Jefe", b"what do ya want for nothing?")), given);
    }

    #[test]
    fn derived_names_depend_on_key_and_old_name_and_are_legal() {
        let (a, b) = (Key::new([1; 32]), Key::new([2; 32]));
        assert_eq!(a.uid("1.2.3"), a.uid("1.2.3"));
        assert_ne!(a.uid("1.2.3"), b.uid("1.2.3"));
        assert_ne!(a.uid("1.2.3"), a.uid("1.2.4"));
        let uid = a.uid("1.2.3");
        assert!(uid.len() <= 64 && uid.split('.').all(|part| part == "0" || !part.starts_with('0')), "{uid}");
        assert_eq!(a.case_name("X").len(), 17);
        assert!((31..=3680).contains(&a.days("4711")));
        assert_eq!(Key::from_hex(&a.to_hex()), Some(a.clone()));
        assert_eq!(Key::from_hex("00"), None);
        assert_eq!(format!("{a:?}"), "Key(withheld)");
    }
}
