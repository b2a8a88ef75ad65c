//! An index of a medium (DICOMDIR): which of the files it names are there.
//!
//! Its paths are only compared with the names that were found, never followed.

use super::element::{self, Fault, Raw};
use super::meta;
use super::syntax;
use super::value::Values;
use crate::budget::Budget;
use crate::files::{Entry, Files};
use dicom_dictionary_std::tags;
use osteon_core::{Finding, Severity};
use std::collections::BTreeSet;

/// A finding if files named by an index are not among those found; an index that is unreadable tells nothing.
pub(crate) fn incomplete(index: &Entry, files: &Files, budget: &Budget) -> Option<Finding> {
    let bytes = index.read(budget).ok()?;
    let named = references(&bytes).ok()??;
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_uppercase();
    let there: BTreeSet<String> = files
        .entries
        .iter()
        .map(Entry::name)
        .chain(files.skipped.iter().map(|skipped| skipped.file.as_str()))
        .map(plain)
        .collect();
    let folder = index.name().rfind('/').map_or("", |end| &index.name()[..=end]);
    let missing: Vec<&String> =
        named.iter().filter(|name| !there.contains(&plain(&format!("{folder}{name}")))).collect();
    let first = missing.first()?;
    let (index, count, all) = (index.name(), missing.len(), named.len());
    let text = format!("{count} of {all} files named by {index} are not there, {first} first");
    Some(
        Finding::new("dicomdir-incomplete", Severity::Caution, text)
            .remedy("copy the medium again, with all its folders"),
    )
}

/// The files an index names, with `/`; `None` when it is no DICOM file.
fn references(bytes: &[u8]) -> Result<Option<Vec<String>>, Fault> {
    let Some(start) = meta::start(bytes, bytes.len())? else {
        return Ok(None);
    };
    let (layout, _) = syntax::of(start.stated.as_deref().unwrap_or_default());
    let data = &bytes[start.offset..];
    let walk = element::walk(data, data.len(), layout, &[tags::DIRECTORY_RECORD_SEQUENCE])?;
    let records = walk.values.first().map(element::items).transpose()?.unwrap_or_default();
    let mut named = Vec::new();
    for record in records {
        let found: Vec<Raw> = element::elements(&record, &[tags::REFERENCED_FILE_ID])?;
        let parts = Values::new(&found).texts(tags::REFERENCED_FILE_ID);
        if !parts.is_empty() {
            named.push(parts.join("/"));
        }
    }
    Ok(Some(named))
}
