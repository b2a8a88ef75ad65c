//! Which printers a maker's profile is for: `printer_notes=~/.*MK3.*/ and nozzle_diameter[0]==0.4`.
//!
//! Understood are `and`, `or`, `!`, `not`, parentheses, comparisons of a setting with a number or a text, a setting on
//! its own, and `=~` with the patterns bundles use: `.*`, `.`, `(a|b)`, `\.` and plain characters.

use std::collections::BTreeMap;

/// Whether the condition holds for a printer's settings; an empty one does. `None` if it is not understood.
pub(super) fn holds(condition: &str, settings: &BTreeMap<String, String>) -> Option<bool> {
    if condition.trim().is_empty() {
        return Some(true);
    }
    let mut reader = Reader { rest: condition, settings, depth: 0 };
    let value = reader.either()?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    settings: &'a BTreeMap<String, String>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, sign: &str) -> bool {
        let trimmed = self.rest.trim_start();
        let Some(after) = trimmed.strip_prefix(sign) else { return false };
        // "or" must not be taken from the beginning of a name.
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if sign.ends_with(word) && after.starts_with(word) {
            return false;
        }
        self.rest = after;
        true
    }

    fn either(&mut self) -> Option<bool> {
        let mut value = self.both()?;
        while self.take("or") || self.take("||") {
            value |= self.both()?;
        }
        Some(value)
    }

    fn both(&mut self) -> Option<bool> {
        let mut value = self.single()?;
        while self.take("and") || self.take("&&") {
            value &= self.single()?;
        }
        Some(value)
    }

    fn single(&mut self) -> Option<bool> {
        self.depth += 1;
        if self.depth > super::DEEPEST {
            return None;
        }
        let value = self.inner();
        self.depth -= 1;
        value
    }

    fn inner(&mut self) -> Option<bool> {
        if self.take("!") || self.take("not") {
            return self.single().map(|value| !value);
        }
        if self.take("(") {
            let value = self.either()?;
            return self.take(")").then_some(value);
        }
        let left = self.setting()?;
        if self.take("=~") {
            let pattern = self.pattern()?;
            return Some(matches(pattern, &left));
        }
        if self.take("!~") {
            let pattern = self.pattern()?;
            return Some(!matches(pattern, &left));
        }
        for sign in ["==", "!=", ">=", "<=", ">", "<"] {
            if self.take(sign) {
                let right = self.value()?;
                return compare(&left, sign, &right);
            }
        }
        Some(left == "1")
    }

    /// A setting of the printer, or one of a list: `nozzle_diameter[0]`.
    fn setting(&mut self) -> Option<String> {
        let trimmed = self.rest.trim_start();
        let end = trimmed.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(trimmed.len());
        let (name, mut rest) = trimmed.split_at(end);
        if name.is_empty() {
            return None;
        }
        let mut index = None;
        if let Some(inside) = rest.strip_prefix('[') {
            let (number, after) = inside.split_once(']')?;
            index = Some(number.trim().parse::<usize>().ok()?);
            rest = after;
        }
        self.rest = rest;
        // A setting that is not set has the program's default, which for those asked here is off or empty.
        let value = self.settings.get(name).map_or("0", String::as_str);
        match index {
            Some(index) => value.split([',', ';']).nth(index).map(|value| value.trim().to_owned()),
            None => Some(value.to_owned()),
        }
    }

    /// A number or a text in quotation marks.
    fn value(&mut self) -> Option<String> {
        let trimmed = self.rest.trim_start();
        if let Some(inside) = trimmed.strip_prefix('"') {
            let (text, rest) = inside.split_once('"')?;
            self.rest = rest;
            return Some(text.to_owned());
        }
        let end =
            trimmed.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(trimmed.len());
        let (number, rest) = trimmed.split_at(end);
        self.rest = rest;
        (!number.is_empty()).then(|| number.to_owned())
    }

    /// A pattern between slashes.
    fn pattern(&mut self) -> Option<&'a str> {
        let inside = self.rest.trim_start().strip_prefix('/')?;
        let (pattern, rest) = inside.split_once('/')?;
        self.rest = rest;
        // What is not understood must not be taken for plain characters.
        let odd = |c: char| "[]{}^$?+".contains(c);
        (!pattern.contains(odd)).then_some(pattern)
    }
}

fn compare(left: &str, sign: &str, right: &str) -> Option<bool> {
    if let (Ok(a), Ok(b)) = (left.parse::<f64>(), right.parse::<f64>()) {
        return Some(match sign {
            "==" => a == b,
            "!=" => a != b,
            ">=" => a >= b,
            "<=" => a <= b,
            ">" => a > b,
            _ => a < b,
        });
    }
    let (left, right) = (left.trim_matches('"'), right.trim_matches('"'));
    match sign {
        "==" => Some(left == right),
        "!=" => Some(left != right),
        _ => None,
    }
}

/// Whether all of a text is of a pattern.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    alternatives(&pattern).iter().any(|pattern| whole(pattern, &text))
}

/// The pattern with every choice of `(a|b)` made. Chosen: at most 256 of them are followed.
fn alternatives(pattern: &[char]) -> Vec<Vec<char>> {
    let Some(open) = pattern.iter().position(|&c| c == '(') else {
        return vec![pattern.to_vec()];
    };
    let Some(close) = pattern[open..].iter().position(|&c| c == ')').map(|at| open + at) else {
        return Vec::new();
    };
    let rest = alternatives(&pattern[close + 1..]);
    let mut all = Vec::new();
    for choice in pattern[open + 1..close].split(|&c| c == '|') {
        for after in &rest {
            all.push([&pattern[..open], choice, after].concat());
        }
    }
    all.truncate(256);
    all
}

/// Whether all of a text is of a pattern without choices: which of its first signs may be used up, sign by sign.
fn whole(pattern: &[char], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let (sign, next) = match pattern[at] {
            '\\' if at + 1 < pattern.len() => (Some(pattern[at + 1]), at + 2),
            '.' => (None, at + 1),
            plain => (Some(plain), at + 1),
        };
        let fits = |c: char| sign.is_none_or(|sign| sign == c);
        if pattern.get(next) == Some(&'*') {
            for k in 0..text.len() {
                reached[k + 1] |= reached[k] && fits(text[k]);
            }
            at = next + 1;
        } else {
            for k in (0..text.len()).rev() {
                reached[k + 1] = reached[k] && fits(text[k]);
            }
            reached[0] = false;
            at = next;
        }
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(condition: &str) -> Option<bool> {
        let settings = [
            ("printer_notes", "Don't remove.\\nPRINTER_VENDOR_PRUSA3D\\nPRINTER_MODEL_MK3\\n"),
            ("nozzle_diameter", "0.4"),
            ("printer_model", "MK3S"),
        ];
        holds(condition, &settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn conditions_of_real_bundles_are_understood() {
        let mk3 = "printer_notes=~/.*PRINTER_VENDOR_PRUSA3D.*/ and printer_notes=~/.*PRINTER_MODEL_MK3.*/";
        assert_eq!(asked(&format!("{mk3} and nozzle_diameter[0]==0.4")), Some(true));
        assert_eq!(asked(&format!("{mk3} and nozzle_diameter[0]!=0.4")), Some(false));
        assert_eq!(asked(&format!("! ({mk3} and single_extruder_multi_material)")), Some(true));
        assert_eq!(asked("printer_notes=~/.*PRINTER_MODEL_MK(2.5|3).*/"), Some(true));
        assert_eq!(asked("printer_notes=~/.*PRINTER_MODEL_MK(2.5|4).*/"), Some(false));
        assert_eq!(asked("printer_model==\"SL1\" or printer_model==\"MK3S\""), Some(true));
        assert_eq!(asked("nozzle_diameter[0]>=0.6"), Some(false));
        assert_eq!(asked(""), Some(true));
    }

    #[test]
    fn what_is_not_understood_is_not_taken_for_true() {
        for odd in
            ["printer_notes=~/[A-Z]+/", "(nozzle_diameter[0]==0.4", "nozzle_diameter[7]==0.4", "==3", "a b"]
        {
            assert_eq!(asked(odd), None, "{odd}");
        }
        assert_eq!(asked(&"(".repeat(500)), None);
    }
}
