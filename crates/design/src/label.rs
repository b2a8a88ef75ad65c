//! What is written on a model, which words come first, and how they are divided into lines.

use crate::axes::Axes;
use crate::stroke_font::glyph;
use osteon_core::{Direction, Side};
use osteon_mesh::depth_map::View;

/// What the marks should tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The case's identifier: letters, digits and `- _ . /`; never the patient's name.
    pub case_id: String,
    /// The patient's side the structure belongs to, if it belongs to one.
    pub side: Option<Side>,
    /// What the part is, in a few capitals, such as `L4` or `FEMUR`.
    pub level: Option<String>,
    /// What else must be known by whoever holds the model, in a few capitals, such as `ASSUMED SPACING`.
    pub note: Option<String>,
    /// A short code of what the part was made from, such as `V-3F9A1C`.
    pub version: Option<String>,
    /// Whether a bar of known length is pressed in where there is room.
    pub scale_bar: ScaleBar,
}

/// Whether a part bears a bar of known length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScaleBar {
    /// None.
    #[default]
    None,
    /// The longest of the style's lengths for which there is room.
    Fitting,
}

/// One thing the marks tell; the order is that of importance: when there is no room for all, the last goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// `LEFT` or `RIGHT`: the wrong side is the worst that can happen.
    Side,
    /// The case id: the wrong patient is the next.
    CaseId,
    /// The note: what is doubtful about the part.
    Note,
    /// An arrow and letters of the patient's directions.
    Directions,
    /// What the part is.
    Level,
    /// The version code.
    Version,
}

impl Word {
    const ALL: [Self; 6] =
        [Word::Side, Word::CaseId, Word::Note, Word::Directions, Word::Level, Word::Version];

    /// The word in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Word::Side => "the side",
            Word::CaseId => "the case id",
            Word::Note => "the note",
            Word::Directions => "the directions",
            Word::Level => "the structure",
            Word::Version => "the version",
        }
    }
}

impl Marks {
    /// The first character that cannot be written and the word it is in, if there is one.
    pub fn unwritable(&self) -> Option<(Word, char)> {
        Word::ALL.into_iter().find_map(|word| Some((word, self.unwritable_in(word)?)))
    }

    /// The first character of a word that cannot be written, if there is one.
    pub fn unwritable_in(&self, word: Word) -> Option<char> {
        let text = match word {
            Word::CaseId => Some(self.case_id.as_str()),
            Word::Note => self.note.as_deref(),
            Word::Level => self.level.as_deref(),
            Word::Version => self.version.as_deref(),
            Word::Side | Word::Directions => None,
        };
        text.and_then(|text| text.chars().find(|&c| glyph(c).is_none()))
    }

    /// The words there are, most important first.
    pub fn words(&self) -> Vec<Word> {
        let there = |word: &Word| match word {
            Word::Side => self.side.is_some(),
            Word::CaseId => !self.case_id.is_empty(),
            Word::Note => self.note.is_some(),
            Word::Directions => true,
            Word::Level => self.level.is_some(),
            Word::Version => self.version.is_some(),
        };
        Word::ALL.into_iter().filter(there).collect()
    }

    /// The text of some words as seen in a view, as it may be divided into lines: preferred first, all with the same
    /// content.
    ///
    /// Line by line: the case id, the structure and its side in words, the note, the version, and the directions: an
    /// arrow with the letter of the patient's direction it points to, between the letters of the directions
    /// at the left and right end of the line, as in `R ^H L` on the front of a model. In a single line these letters
    /// stand at its ends. Mirrored, none of these lines reads the same: each has a letter that is not its own image.
    pub fn layouts(&self, words: &[Word], axes: &Axes, view: &View) -> Vec<Vec<String>> {
        let text = |word: Word| words.contains(&word).then(|| self.text(word, axes, view)).flatten();
        let id = text(Word::CaseId);
        let part = joined([text(Word::Level), text(Word::Side)]);
        let [note, version, directions] = [Word::Note, Word::Version, Word::Directions].map(text);
        let id_halves =
            id.as_deref().and_then(broken).map(|(first, second)| [first, second].map(str::to_owned));
        let rest = || [part.clone(), note.clone(), version.clone(), directions.clone()].into_iter().flatten();
        let mut layouts: Vec<Vec<String>> = Vec::new();
        let mut add = |lines: Vec<String>| {
            if !lines.is_empty() && !layouts.contains(&lines) {
                layouts.push(lines);
            }
        };
        add(id.iter().cloned().chain(rest()).collect());
        let long = joined([id.clone(), part.clone(), note.clone()]);
        let short = joined([version.clone(), directions.clone()]);
        add([long.clone(), short].into_iter().flatten().collect());
        // Narrow: every word has a line of its own.
        let level_and_side = [text(Word::Level), text(Word::Side)].into_iter().flatten();
        let note_words = note.iter().flat_map(|note| note.split(' ').map(str::to_owned));
        let id_lines = id_halves.map_or_else(|| id.iter().cloned().collect(), |halves| halves.to_vec());
        let narrow = id_lines.into_iter().chain(level_and_side).chain(note_words);
        add(narrow.chain([version.clone(), directions.clone()].into_iter().flatten()).collect());
        let single = joined([long, version]);
        add(match (single, directions.is_some()) {
            (Some(line), true) => {
                let [left, right] = ends(axes, view);
                vec![format!("{left} {line} ^{} {right}", axes.letter(view.up))]
            }
            (single, _) => single.or(directions).into_iter().collect(),
        });
        layouts
    }

    /// One word as it is written.
    fn text(&self, word: Word, axes: &Axes, view: &View) -> Option<String> {
        let text = match word {
            Word::Side => self.side.map(|side| side.to_string()),
            Word::CaseId => Some(self.case_id.clone()),
            Word::Note => self.note.clone(),
            Word::Level => self.level.clone(),
            Word::Version => self.version.clone(),
            Word::Directions => {
                let [left, right] = ends(axes, view);
                Some(format!("{left} ^{} {right}", axes.letter(view.up)))
            }
        };
        text.map(|text| text.to_ascii_uppercase()).filter(|text| !text.is_empty())
    }
}

/// The texts there are, with blanks between them.
fn joined<const N: usize>(texts: [Option<String>; N]) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().flatten().collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// The letters at the left and right end of a line.
fn ends(axes: &Axes, view: &View) -> [char; 2] {
    let left = Direction::new(-view.right.vec()).map_or(' ', |d| axes.letter(d));
    [left, axes.letter(view.right)]
}

/// The id in two parts, broken after the separator nearest its middle, if it has one.
fn broken(id: &str) -> Option<(&str, &str)> {
    let breaks = id.char_indices().filter(|&(at, c)| "-_./ ".contains(c) && at > 0 && at + 1 < id.len());
    let nearest = breaks.min_by_key(|&(at, _)| (2 * at + 1).abs_diff(id.len()))?;
    let (first, second) = id.split_at(nearest.0 + 1);
    Some((first.trim_end(), second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axes::Face;

    fn marks(id: &str, side: Option<Side>) -> Marks {
        Marks { case_id: id.to_owned(), side, ..Marks::default() }
    }

    fn all(marks: &Marks, face: Face) -> Vec<Vec<String>> {
        marks.layouts(&marks.words(), &Axes::PATIENT, &Axes::PATIENT.view(face).unwrap())
    }

    #[test]
    fn the_front_reads_from_right_to_left_and_the_back_the_other_way() {
        let marks = marks("ost-2024-17", Some(Side::Left));
        assert_eq!(
            all(&marks, Face::Front),
            [
                vec!["OST-2024-17", "LEFT", "R ^H L"],
                vec!["OST-2024-17 LEFT", "R ^H L"],
                vec!["OST-", "2024-17", "LEFT", "R ^H L"],
                vec!["R OST-2024-17 LEFT ^H L"],
            ]
        );
        assert_eq!(all(&marks, Face::Back)[0][2], "L ^H R");
        assert_eq!(all(&marks, Face::Feet)[0][2], "R ^A L");
    }

    #[test]
    fn structure_and_version_have_their_places_and_the_note_is_on_every_layout() {
        let full = Marks {
            level: Some("L4".to_owned()),
            version: Some("V-3F9A1C".to_owned()),
            note: Some("ASSUMED SPACING".to_owned()),
            ..marks("A17", Some(Side::Right))
        };
        let layouts = all(&full, Face::Front);
        assert_eq!(layouts[0], ["A17", "L4 RIGHT", "ASSUMED SPACING", "V-3F9A1C", "R ^H L"]);
        assert_eq!(layouts[2], ["A17", "L4", "RIGHT", "ASSUMED", "SPACING", "V-3F9A1C", "R ^H L"]);
        let content = |lines: &Vec<String>| {
            let mut all: Vec<char> = lines.concat().chars().filter(|c| *c != ' ').collect();
            all.sort_unstable();
            all
        };
        assert!(layouts.iter().all(|lines| content(lines) == content(&layouts[0])));
        assert_eq!(
            Marks { note: Some("ß".to_owned()), ..full.clone() }.unwritable(),
            Some((Word::Note, 'ß'))
        );
        assert_eq!(Marks { level: Some("腰椎".to_owned()), ..full }.unwritable(), Some((Word::Level, '腰')));
    }

    #[test]
    fn the_side_comes_first_and_the_version_last_among_words() {
        let full = Marks { version: Some("V-1".to_owned()), ..marks("A17", Some(Side::Right)) };
        let words = full.words();
        assert_eq!(words, [Word::Side, Word::CaseId, Word::Directions, Word::Version]);
        let front = Axes::PATIENT.view(Face::Front).unwrap();
        assert_eq!(full.layouts(&words[..1], &Axes::PATIENT, &front), [vec!["RIGHT"]]);
        assert_eq!(full.layouts(&words[2..3], &Axes::PATIENT, &front), [vec!["R ^H L"]]);
        assert_eq!(full.layouts(&words[..2], &Axes::PATIENT, &front)[0], ["A17", "RIGHT"]);
    }

    #[test]
    fn without_a_side_or_a_separator_there_is_less_to_divide() {
        assert_eq!(all(&marks("A17", None), Face::Right), [vec!["A17", "P ^H A"], vec!["P A17 ^H A"]]);
    }

    #[test]
    fn no_directions_read_the_same_in_a_mirror() {
        // Letters that are their own mirror image, and what a mirror makes of a line.
        let same = |c: char| "AHIMOTUVWXY ^".contains(c);
        for face in Face::SIDES.into_iter().chain(Face::ENDS) {
            let marks = marks("", None);
            for line in all(&marks, face).concat() {
                assert!(!line.chars().all(same), "{line}");
            }
        }
    }

    #[test]
    fn what_has_no_glyph_is_named() {
        assert_eq!(marks("Müller", None).unwritable(), Some((Word::CaseId, 'ü')));
        assert_eq!(marks("case-7.b/2", None).unwritable(), None);
    }
}
