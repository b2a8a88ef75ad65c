//! What a person should know about how headers are written.

use super::syntax;
use dicom_core::Tag;
use osteon_core::{Finding, Severity};

/// Something about one header that a person should know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Remark {
    /// A key of [`crate::dicom::Assume`] was needed.
    Assumed(&'static str),
    /// The transfer syntax is not stated; this one was found by trying.
    SyntaxFound(String),
    /// An element stands behind one with a higher tag.
    OutOfOrder(Tag),
    /// A number that neither place nor unit rests on breaks the grammar and was left out.
    Malformed(String),
}

/// One finding for each kind of remark about the files, with its number of files and the first of them.
///
/// Assumptions are not among them: whoever uses the images tells what was assumed.
pub(crate) fn told<'a>(headers: impl Iterator<Item = (&'a str, &'a [Remark])>) -> Vec<Finding> {
    let mut found: [Option<(String, Finding)>; 3] = [const { None }; 3];
    let mut counts = [0_usize; 3];
    for (file, remarks) in headers {
        let mut seen = [false; 3];
        for remark in remarks {
            let Some((kind, code, severity, text)) = words(remark) else {
                continue;
            };
            if !seen[kind] {
                counts[kind] += 1;
                seen[kind] = true;
            }
            found[kind].get_or_insert_with(|| (file.to_owned(), Finding::new(code, severity, text)));
        }
    }
    let tell = |(found, count): (Option<(String, Finding)>, usize)| {
        let (file, mut finding) = found?;
        finding.message = match count {
            1 => format!("{file}: {}", finding.message),
            _ => format!("{count} files, {file} first: {}", finding.message),
        };
        Some(finding)
    };
    found.into_iter().zip(counts).filter_map(tell).collect()
}

fn words(remark: &Remark) -> Option<(usize, &'static str, Severity, String)> {
    Some(match remark {
        Remark::Assumed(_) => return None,
        Remark::SyntaxFound(uid) => (
            0,
            "transfer-syntax-found",
            Severity::Caution,
            format!(
                "no Transfer Syntax UID (0002,0010) is stated; all elements and the length of the pixels fit {} ({uid})",
                syntax::name(uid)
            ),
        ),
        Remark::OutOfOrder(tag) => (
            1,
            "elements-out-of-order",
            Severity::Note,
            format!("{tag} stands behind an element with a higher tag; each was read where it stands"),
        ),
        Remark::Malformed(text) => {
            (2, "attribute-malformed", Severity::Caution, format!("{text}; it was left out"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_of_many_files_become_one_finding_for_each_kind() {
        let odd = [Remark::OutOfOrder(Tag(8, 5)), Remark::Assumed("spacing")];
        let other =
            [Remark::Malformed("KVP (0018,0060) is \"x\", not one finite number".to_owned()), odd[0].clone()];
        let headers = [("1", &odd[..]), ("2", &[]), ("3", &other[..])];
        let findings = told(headers.into_iter());
        let told: Vec<(&str, &str)> =
            findings.iter().map(|f| (f.code.as_str(), f.message.as_str())).collect();
        assert_eq!(told[0].0, "elements-out-of-order");
        assert!(told[0].1.starts_with("2 files, 1 first: (0008,0005) stands"), "{}", told[0].1);
        assert_eq!(
            told[1],
            ("attribute-malformed", "3: KVP (0018,0060) is \"x\", not one finite number; it was left out")
        );
    }
}
