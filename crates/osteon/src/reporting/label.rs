//! The short code of a product: the same for the same data and settings, known before the product is made.

use crate::artefacts;
use crate::failure::Failure;
use crate::job::Job;
use osteon_case::{CasePath, Sha256};
use osteon_plan::Model;

/// Letters of a code: Crockford's base 32, which has no letter that looks like a digit.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Letters of a code. Chosen: 40 bits; of a million products, two share a code with a chance of a third.
const LENGTH: usize = 8;

/// The code of parts that together tell one version of one product from every other.
pub(crate) fn code(parts: &[&str]) -> String {
    // The length of each part keeps "ab" and "c" apart from "a" and "bc".
    let text: String = parts.iter().map(|part| format!("{}:{part}\n", part.len())).collect();
    let hash = Sha256::of(text.as_bytes()).to_string();
    let bits = u64::from_str_radix(&hash[..16], 16).unwrap_or_default();
    (0..LENGTH).map(|n| char::from(LETTERS[(bits >> (59 - 5 * n)) as usize & 31])).collect()
}

/// The code of a product of the case: of the case's id, the plan's item, image, structures, and how it was
/// made.
pub(crate) fn of_product(job: &Job<'_>, model: &Model) -> Result<String, Failure> {
    let case = job.case()?;
    let hash = |path: &str| -> Result<String, Failure> {
        Ok(case.hash(&CasePath::new(path)?).map(|hash| hash.to_string()).unwrap_or_default())
    };
    let item = serde_json::json!(model).to_string();
    let made = case.maker(&CasePath::new(&artefacts::product(&model.id, "ply"))?);
    let settings = made.map(|entry| {
        // Which items were asked for along with it does not change it.
        let mut command = entry.command.clone();
        command.as_object_mut().map(|settings| settings.shift_remove("items"));
        command.to_string()
    });
    let (image, labels) = (hash(artefacts::IMAGE)?, hash(artefacts::LABELS)?);
    Ok(code(&[&case.description().id, &item, &image, &labels, &settings.unwrap_or_default()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_eight_letters_that_cannot_be_mistaken_and_follows_every_part() {
        let one = code(&["DEMO-1", "bone", "aa"]);
        assert_eq!(one.len(), LENGTH);
        assert!(one.bytes().all(|letter| LETTERS.contains(&letter)));
        assert_eq!(one, code(&["DEMO-1", "bone", "aa"]));
        for other in [["DEMO-2", "bone", "aa"], ["DEMO-1", "bone", "ab"], ["DEMO-1", "bon", "eaa"]] {
            assert_ne!(one, code(&other));
        }
    }
}
