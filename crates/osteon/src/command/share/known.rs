//! What is known about the patient, and the key that replaces it: the private side of sharing.

use crate::artefacts;
use crate::failure::Failure;
use crate::job::Job;
use osteon_case::Case;
use osteon_core::{Ctx, ErrorKind};
use osteon_io::dicom::deidentify::{self, Identifiers, Key};
use osteon_io::file;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What must not leave, and what takes its place.
pub(super) struct Known {
    pub(super) identifiers: Identifiers,
    pub(super) key: Key,
    /// The files of the import that are still there: hash and content by path.
    pub(super) originals: BTreeMap<PathBuf, (String, Vec<u8>)>,
    /// How many files the import had.
    pub(super) wanted: usize,
}

impl Known {
    /// Collects everything the case and the originals tell.
    pub(super) fn of(job: &mut Job<'_>, key_file: Option<&str>, ctx: &Ctx) -> Result<Self, Failure> {
        let dir = job.session().case.clone();
        let table = read(job.case()?)?;
        let key = key(&dir, key_file, &table)?;
        let mut identifiers = Identifiers::default();
        let folders = told_by_identity(&table, &mut identifiers);
        let description = job.case()?.description();
        identifiers.add_date("date", &description.created.replace('-', ""));
        identifiers.add_uid(description.frame_of_reference.as_deref().unwrap_or_default());
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        identifiers.add_text("path or file name", &dir.to_string_lossy());
        let source = job.read(artefacts::SOURCE)?;
        let source: serde_json::Value = serde_json::from_slice(&source).unwrap_or_default();
        for uid in ["series", "study", "frame_of_reference"] {
            identifiers.add_uid(source[uid].as_str().unwrap_or_default());
        }
        let files = source["files"].as_array().into_iter().flatten();
        let mut hashes: Vec<&str> = files.filter_map(|file| file["sha256"].as_str()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let mut originals = BTreeMap::new();
        for folder in &folders {
            originals.extend(deidentify::originals(folder, &hashes, ctx)?);
        }
        for (path, (_, bytes)) in &originals {
            let below = folders.iter().find_map(|folder| path.strip_prefix(folder).ok());
            identifiers.add_path(below.unwrap_or(path));
            // What is no DICOM file has told all it knows by its name.
            identifiers.merge(deidentify::identifiers_of(bytes).unwrap_or_default());
        }
        Ok(Self { identifiers, key, originals, wanted: hashes.len() })
    }
}

/// Takes in what `identity.toml` says; the folders of the originals.
fn told_by_identity(table: &toml::Table, identifiers: &mut Identifiers) -> Vec<PathBuf> {
    let texts = |section: &str| -> Vec<(String, String)> {
        let entries = table.get(section).and_then(toml::Value::as_table).into_iter().flatten();
        entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    };
    for (key, text) in texts("patient") {
        match key.as_str() {
            "name" => identifiers.add_name("name", &text),
            "birth_date" => identifiers.add_date("birth date", &text),
            "study_date" => identifiers.add_date("study date", &text),
            "id" => identifiers.add_text("patient number", &text),
            "accession" => identifiers.add_text("accession number", &text),
            _ => identifiers.add_text("note about the patient", &text),
        }
    }
    let mut folders = Vec::new();
    for (token, folder) in texts("sources") {
        identifiers.add_text("token of the journal", &token);
        identifiers.add_text("path or file name", &folder);
        identifiers.add_path(Path::new(&folder));
        folders.push(PathBuf::from(folder));
    }
    folders
}

/// Longest key file in bytes: 64 digits and white space.
const KEY_FILE: u64 = 1024;

/// The project's key: from a file, from the case, or a new one, which the case keeps in `identity.toml`.
fn key(dir: &Path, key_file: Option<&str>, table: &toml::Table) -> Result<Key, Failure> {
    if let Some(path) = key_file {
        let bytes = file::read(Path::new(path), KEY_FILE)?;
        return std::str::from_utf8(&bytes).ok().and_then(Key::from_hex).ok_or_else(|| bad_key(path));
    }
    if let Some(key) = kept(table)? {
        return Ok(key);
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("the system gives no random numbers: {error}");
        Failure::new(ErrorKind::Io, "no-random", message, "give a key with --key")
    })?;
    let mut case = Case::open_for_writing(dir)?;
    // Somebody else may have made one before we held the lock.
    let mut table = read(&case)?;
    if let Some(key) = kept(&table)? {
        return Ok(key);
    }
    let key = Key::new(bytes);
    table
        .insert("share".to_owned(), toml::Table::from_iter([("key".to_owned(), key.to_hex().into())]).into());
    case.set_identity(&table.to_string())?;
    Ok(key)
}

/// The key the case has.
fn kept(table: &toml::Table) -> Result<Option<Key>, Failure> {
    let text = table.get("share").and_then(|share| share.get("key"));
    text.map(|text| text.as_str().and_then(Key::from_hex).ok_or_else(|| bad_key("identity.toml"))).transpose()
}

fn bad_key(place: &str) -> Failure {
    let message = format!("{place} holds no key: 64 hexadecimal digits");
    Failure::new(ErrorKind::Input, "bad-key", message, "make one of 32 random bytes, or leave --key away")
}

/// What `identity.toml` holds; a text that is no table would hide what must be searched for, and is refused.
fn read(case: &Case) -> Result<toml::Table, Failure> {
    let text = case.identity()?.unwrap_or_default();
    text.parse().map_err(|_| {
        let help = "put it right or restore it from a backup, so that it is known what must not be shared";
        Failure::new(ErrorKind::Input, "identity-unreadable", "identity.toml of the case is not TOML", help)
    })
}
