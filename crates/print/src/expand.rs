//! Placeholders in a printer's start and end texts: `{layer_z + 10}`, for a program that does not work them out.
//!
//! Numbers, names, `+ - * /`, parentheses, and `min(a, b)`, `max(a, b)`: what the built-in printers and Cura's
//! definitions use. Anything else is refused, because a wrong number in a start text breaks a printer.

use crate::error::PrintError;

/// The text with every `{…}` replaced by its value.
///
/// # Errors
/// `printer-profile` with the placeholder that is not understood.
pub(crate) fn expand(text: &str, known: &[(String, f64)]) -> Result<String, PrintError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else {
            return Err(not_understood(&rest[open..]));
        };
        let inside = &rest[open + 1..open + close];
        let value = value(inside, known).filter(|value| value.is_finite());
        let value = value.ok_or_else(|| not_understood(&rest[open..=open + close]))?;
        expanded.push_str(&rest[..open]);
        // Three digits are what printers resolve; no digit more than needed.
        let digits = format!("{value:.3}");
        expanded.push_str(digits.trim_end_matches('0').trim_end_matches('.'));
        rest = &rest[open + close + 1..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn not_understood(placeholder: &str) -> PrintError {
    let shown: String = placeholder.chars().take(80).collect();
    PrintError::Profile {
        what: format!("the placeholder {shown} in its start or end text is not understood"),
    }
}

/// The value of a whole expression.
fn value(text: &str, known: &[(String, f64)]) -> Option<f64> {
    let mut reader = Reader { rest: text, known, depth: 0 };
    let value = reader.sum()?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    known: &'a [(String, f64)],
    depth: usize,
}

/// Deepest nesting that is followed. Chosen: far beyond any printer's text.
const DEEPEST: usize = 32;

impl<'a> Reader<'a> {
    fn take(&mut self, sign: char) -> bool {
        let trimmed = self.rest.trim_start();
        let Some(after) = trimmed.strip_prefix(sign) else { return false };
        self.rest = after;
        true
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.single()?;
        loop {
            if self.take('*') {
                value *= self.single()?;
            } else if self.take('/') {
                value /= self.single()?;
            } else {
                return Some(value);
            }
        }
    }

    fn single(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let value = self.inner();
        self.depth -= 1;
        value
    }

    fn inner(&mut self) -> Option<f64> {
        if self.take('-') {
            return Some(-self.single()?);
        }
        if self.take('(') {
            let value = self.sum()?;
            return self.take(')').then_some(value);
        }
        let word = self.word();
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return word.parse().ok();
        }
        match word {
            "min" => self.pair().map(|[a, b]| a.min(b)),
            "max" => self.pair().map(|[a, b]| a.max(b)),
            _ => self.known.iter().find(|(name, _)| name == word).map(|(_, value)| *value),
        }
    }

    /// Two values in parentheses.
    fn pair(&mut self) -> Option<[f64; 2]> {
        let opened = self.take('(');
        let first = self.sum()?;
        let between = self.take(',');
        let second = self.sum()?;
        (opened && between && self.take(')')).then_some([first, second])
    }

    fn word(&mut self) -> &'a str {
        let trimmed = self.rest.trim_start();
        let end = trimmed.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        let (word, rest) = trimmed.split_at(end.unwrap_or(trimmed.len()));
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, PrintError> {
        let known = [("layer_z".to_owned(), 42.5), ("max_print_height".to_owned(), 210.0)];
        expand(text, &known)
    }

    #[test]
    fn what_the_built_in_printers_and_cura_write_is_worked_out() {
        assert_eq!(with("G1 Z{min(layer_z + 10, max_print_height)} F600").unwrap(), "G1 Z52.5 F600");
        assert_eq!(with("{max_print_height}{-2 * (layer_z - 40) / 4}").unwrap(), "210-1.25");
        assert_eq!(with("{max(1, 1/3)} nothing else").unwrap(), "1 nothing else");
        assert_eq!(with("G28").unwrap(), "G28");
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_text() {
        for wrong in
            ["{if x}1{endif}", "{unknown}", "{1 2}", "{1/0}", "{(1}", "{", "{}", "{min(1)}", "{1.2.3}"]
        {
            let error = with(wrong).unwrap_err().to_string();
            assert!(error.contains('{'), "{error}");
        }
        assert!(with(&format!("{{{}1{}}}", "(".repeat(500), ")".repeat(500))).is_err());
    }
}
