//! Steps of a recipe as people write them: `close 3mm`, `cut 0,0,10 0,0,1 keep=front`.
//!
//! A step is a verb, values in their order, and named values. The same text is given on the command line, sent by a
//! face and kept in the journal, so it is read here and nowhere else. What is missing, unknown or left over is
//! refused with the step and the verb's own usage.

use crate::failure::Failure;
use osteon_core::{ErrorKind, Mm, Patient, Plane, Point};

/// One step, taken apart.
pub(crate) struct Step<'a> {
    text: &'a str,
    usage: &'static str,
    /// What is to be done.
    pub verb: &'a str,
    values: std::collections::VecDeque<&'a str>,
    named: Vec<(&'a str, &'a str)>,
}

/// A verb and how it is used: the verb, its values in order, named ones in brackets.
pub(crate) type Usage = (&'static str, &'static str);

impl<'a> Step<'a> {
    /// Takes a step apart; its verb must be one of these.
    pub fn new(text: &'a str, verbs: &[Usage]) -> Result<Self, Failure> {
        let mut words = text.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let Some(&(_, usage)) = verbs.iter().find(|(known, _)| *known == verb) else {
            let known: Vec<&str> = verbs.iter().map(|(known, _)| *known).collect();
            let message = format!("there is no step \"{verb}\" (in \"{text}\")");
            let help = format!("steps are: {}", known.join(", "));
            return Err(Failure::new(ErrorKind::Input, "unknown-step", message, help));
        };
        let (named, values): (Vec<_>, Vec<_>) = words.partition(|word| word.contains('='));
        let named = named.into_iter().filter_map(|word| word.split_once('=')).collect();
        Ok(Self { text, usage, verb, values: values.into(), named })
    }

    /// A failure that says what is wrong with the step, and how it is written.
    pub fn wrong(&self, what: &str) -> Failure {
        let message = format!("\"{}\": {what}", self.text);
        Failure::new(ErrorKind::Input, "bad-step", message, format!("it is written: {}", self.usage))
    }

    /// The next value, if there is one.
    pub fn word(&mut self) -> Option<&'a str> {
        self.values.pop_front()
    }

    /// The value of this name, if it is given.
    pub fn named(&mut self, name: &str) -> Option<&'a str> {
        let at = self.named.iter().position(|(given, _)| *given == name)?;
        Some(self.named.remove(at).1)
    }

    /// The next value, which must be there.
    pub fn needed(&mut self, what: &str) -> Result<&'a str, Failure> {
        self.word().ok_or_else(|| self.wrong(&format!("{what} is missing")))
    }

    /// The next value as a number.
    pub fn number(&mut self, what: &str) -> Result<f64, Failure> {
        let word = self.needed(what)?;
        self.parse(word, what)
    }

    /// The next value as a number, if there is one.
    pub fn optional_number(&mut self, what: &str) -> Result<Option<f64>, Failure> {
        self.word().map(|word| self.parse(word, what)).transpose()
    }

    /// The next value as a length in mm above zero.
    pub fn length(&mut self, what: &str) -> Result<f64, Failure> {
        let word = self.needed(what)?;
        self.parse_length(word, what)
    }

    /// The named value as a length in mm above zero, or the usual one.
    pub fn length_or(&mut self, name: &str, usual: f64) -> Result<f64, Failure> {
        self.named(name).map_or(Ok(usual), |word| self.parse_length(word, name))
    }

    /// The named value as a number, or the usual one.
    pub fn number_or(&mut self, name: &str, usual: f64) -> Result<f64, Failure> {
        self.named(name).map_or(Ok(usual), |word| self.parse(word, name))
    }

    /// The next value as a place in the patient, `x,y,z` in mm (LPS).
    pub fn place(&mut self, what: &str) -> Result<Point<Patient>, Failure> {
        let word = self.needed(what)?;
        let [x, y, z] = self.triple(word, what)?;
        Ok(Point::new(x, y, z))
    }

    /// All values that are left, as places in the patient; at least one.
    pub fn places(&mut self, what: &str) -> Result<Vec<Point<Patient>>, Failure> {
        let mut places = vec![self.place(what)?];
        while !self.values.is_empty() {
            places.push(self.place(what)?);
        }
        Ok(places)
    }

    /// The next two values as a plane: a place on it and its normal.
    pub fn plane(&mut self) -> Result<Plane<Patient>, Failure> {
        let point = self.place("a place on the plane")?;
        let normal = self.place("the plane's normal")?;
        let normal =
            osteon_core::Direction::new(normal.vec()).ok_or_else(|| self.wrong("the normal is zero"))?;
        Ok(Plane { point, normal })
    }

    /// All values that are left as one text: a file name may hold blanks.
    pub fn words(&mut self, what: &str) -> Result<String, Failure> {
        let words: Vec<&str> = self.values.drain(..).collect();
        if words.is_empty() { Err(self.wrong(&format!("{what} is missing"))) } else { Ok(words.join(" ")) }
    }

    /// All of the step after its verb, as it is written: a file name may hold blanks.
    pub fn rest(&mut self, what: &str) -> Result<&'a str, Failure> {
        let rest = self.text.trim_start().strip_prefix(self.verb).unwrap_or_default().trim();
        self.values.clear();
        self.named.clear();
        if rest.is_empty() { Err(self.wrong(&format!("{what} is missing"))) } else { Ok(rest) }
    }

    /// Refuses what no part of the step has asked for.
    pub fn end(&self) -> Result<(), Failure> {
        if let Some(word) = self.values.front() {
            return Err(self.wrong(&format!("\"{word}\" is too much")));
        }
        match self.named.first() {
            Some((name, _)) => Err(self.wrong(&format!("there is no setting \"{name}\""))),
            None => Ok(()),
        }
    }

    /// One of these words.
    pub fn one_of<T: Copy>(&self, word: &str, what: &str, choices: &[(&str, T)]) -> Result<T, Failure> {
        let found = choices.iter().find(|(name, _)| *name == word);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let known: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.wrong(&format!("{what} is one of {}, not \"{word}\"", known.join(", ")))
        })
    }

    fn parse(&self, word: &str, what: &str) -> Result<f64, Failure> {
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| self.wrong(&format!("{what} \"{word}\" is not a number")))
    }

    fn parse_length(&self, word: &str, what: &str) -> Result<f64, Failure> {
        let length = word.parse::<Mm>().ok().map(|mm| mm.value()).filter(|mm| mm.is_finite() && *mm > 0.0);
        length.ok_or_else(|| self.wrong(&format!("{what} \"{word}\" is not a length in mm above zero")))
    }

    fn triple(&self, word: &str, what: &str) -> Result<[f64; 3], Failure> {
        let numbers: Vec<f64> = word.split(',').map(|n| self.parse(n, what)).collect::<Result<_, _>>()?;
        numbers.try_into().map_err(|_| self.wrong(&format!("{what} \"{word}\" is not x,y,z")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: &[Usage] = &[("close", "close <radius>"), ("cut", "cut <x,y,z> <normal> [keep=front|back]")];

    #[test]
    fn values_come_in_order_and_named_ones_in_any() {
        let mut step = Step::new("cut keep=back 0,0,10  0,0,-2", VERBS).unwrap();
        let plane = step.plane().unwrap();
        assert_eq!(plane.point, Point::new(0.0, 0.0, 10.0));
        assert_eq!(plane.normal.vec().z, -1.0);
        assert_eq!(step.named("keep"), Some("back"));
        step.end().unwrap();
        assert_eq!(Step::new("close 3mm", VERBS).unwrap().length("radius").unwrap(), 3.0);
    }

    #[test]
    fn what_is_missing_unknown_or_left_over_is_refused_with_the_usage() {
        let refused = |text: &str| {
            let mut step = Step::new(text, VERBS)?;
            step.length("the radius")?;
            step.end()
        };
        for wrong in ["close", "close 3 4", "close -1", "close 3 by=2", "close x", "close 3in", "close nan"] {
            let failure = refused(wrong).unwrap_err();
            assert_eq!(
                (failure.code.as_str(), failure.help.contains("close <radius>")),
                ("bad-step", true),
                "{wrong}"
            );
        }
        assert_eq!(refused("clos 3").unwrap_err().code, "unknown-step");
        assert_eq!(refused("").unwrap_err().code, "unknown-step");
        assert!(Step::new("cut 0,0 1,2,3", VERBS).unwrap().plane().is_err());
        assert!(Step::new("cut 0,0,0 0,0,0", VERBS).unwrap().plane().is_err());
    }
}
