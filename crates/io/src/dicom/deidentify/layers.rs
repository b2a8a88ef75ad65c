//! Every layer of a file that is handed out: headers, compressed parts, entries of archives and their names.

use super::search::{Layer, Search};
use flate2::read::MultiGzDecoder;
use std::io::{Cursor, Read};

/// An identifier that was found where none may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The file, and the entry of an archive; without the identifier itself.
    pub place: String,
    /// What kind of identifier it is.
    pub kind: &'static str,
}

/// How deep archives may lie in archives.
const DEEPEST: usize = 4;

/// Longest content that is unpacked, in bytes; no volume is longer, and what is longer counts as a leak.
const LONGEST: u64 = 1 << 36;

impl Search {
    /// The first identifier in a file's name or in any layer of its content: as it lies on the disk, unpacked,
    /// and entry by entry. What cannot be unpacked counts as a leak, because nobody can say what it holds.
    pub fn leak(&self, name: &str, bytes: &[u8]) -> Option<Leak> {
        self.leak_at(name, bytes, 0)
    }

    fn leak_at(&self, name: &str, bytes: &[u8], depth: usize) -> Option<Leak> {
        let leak = |kind| Leak { place: name.to_owned(), kind };
        let in_name = self.find(name.as_bytes(), Layer::Text).map(|kind| {
            // The name is what must not be told.
            Leak { place: "the name of a file or of an entry".to_owned(), kind }
        });
        if in_name.is_some() {
            return in_name;
        }
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return self.in_archive(name, bytes, depth);
        }
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return self.in_gzip(name, bytes, depth);
        }
        if bytes.starts_with(b"NRRD") {
            return self.in_nrrd(name, bytes);
        }
        parts(name, bytes).into_iter().find_map(|(part, layer)| self.find(part, layer)).map(leak).or_else(
            || {
                if !name.ends_with(".json") {
                    return None;
                }
                match json_texts(bytes) {
                    Some(texts) => self.find(texts.as_bytes(), Layer::Text),
                    None => self.find(bytes, Layer::Text),
                }
                .map(leak)
            },
        )
    }

    fn in_gzip(&self, name: &str, bytes: &[u8], depth: usize) -> Option<Leak> {
        let closed = Leak { place: name.to_owned(), kind: "content that cannot be unpacked" };
        // The header of a gzip member may name a file.
        if let Some(kind) = self.find(&bytes[..bytes.len().min(512)], Layer::Figures) {
            return Some(Leak { place: name.to_owned(), kind });
        }
        match (depth < DEEPEST).then(|| unpacked(MultiGzDecoder::new(bytes))).flatten() {
            Some(inside) => self.leak_at(name.trim_end_matches(".gz"), &inside, depth + 1),
            None => Some(closed),
        }
    }

    fn in_nrrd(&self, name: &str, bytes: &[u8]) -> Option<Leak> {
        let leak = |kind| Leak { place: name.to_owned(), kind };
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").map_or(bytes.len(), |at| at + 2);
        let (header, samples) = bytes.split_at(end);
        if let Some(kind) = self.find(header, Layer::Figures).or_else(|| self.find(samples, Layer::Binary)) {
            return Some(leak(kind));
        }
        if !samples.starts_with(&[0x1f, 0x8b]) {
            return None;
        }
        let inside = unpacked(MultiGzDecoder::new(samples));
        let Some(inside) = inside else { return Some(leak("content that cannot be unpacked")) };
        self.find(&inside, Layer::Binary).map(leak)
    }

    fn in_archive(&self, name: &str, bytes: &[u8], depth: usize) -> Option<Leak> {
        let leak = |kind| Leak { place: name.to_owned(), kind };
        let closed = leak("content that cannot be unpacked");
        let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Some(closed) };
        if let Some(kind) = self.find(archive.comment(), Layer::Text) {
            return Some(leak(kind));
        }
        if depth >= DEEPEST {
            return Some(closed);
        }
        for n in 0..archive.len() {
            let Ok(mut entry) = archive.by_index(n) else { return Some(closed) };
            let extra = entry.extra_data().unwrap_or_default().to_vec();
            let about = [entry.comment().as_bytes(), &extra].concat();
            if let Some(kind) = self.find(&about, Layer::Text) {
                return Some(leak(kind));
            }
            let Ok(inner) = entry.name().map(std::borrow::Cow::into_owned) else { return Some(closed) };
            let Some(inside) = unpacked(&mut entry) else { return Some(closed) };
            let found = self.leak_at(&inner, &inside, depth + 1);
            if let Some(found) = found {
                return Some(Leak { place: format!("{name}: {}", found.place), kind: found.kind });
            }
        }
        // What lies between the entries.
        self.find(bytes, Layer::Binary).map(leak)
    }
}

fn unpacked(reader: impl Read) -> Option<Vec<u8>> {
    let mut inside = Vec::new();
    let read = reader.take(LONGEST + 1).read_to_end(&mut inside);
    read.ok().filter(|_| inside.len() as u64 <= LONGEST).map(|_| inside)
}

/// The parts of a file that is not compressed, by what its name says it is; what is unknown is text.
fn parts<'a>(name: &str, bytes: &'a [u8]) -> Vec<(&'a [u8], Layer)> {
    let split = |at: usize, first: Layer| {
        let (header, rest) = bytes.split_at(at.min(bytes.len()));
        vec![(header, first), (rest, Layer::Binary)]
    };
    let end = name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    match end.as_str() {
        "stl" => split(84, Layer::Text),
        "nii" => split(352, Layer::Text),
        "ply" => {
            let mark = b"end_header\n";
            let at = bytes.windows(mark.len()).position(|here| here == mark);
            split(at.map_or(bytes.len(), |at| at + mark.len()), Layer::Figures)
        }
        "glb" => {
            // The length of the first chunk, which is JSON, stands at byte 12 (glTF 2.0, binary container).
            let length = bytes.get(12..16).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            split((length as usize).saturating_add(20), Layer::Figures)
        }
        "model" | "json" => vec![(bytes, Layer::Figures)],
        "dcm" => super::clean::parts(bytes),
        _ => vec![(bytes, Layer::Text)],
    }
}

/// All texts and keys of a JSON document, a line each, so that numbers among them are not taken for texts.
fn json_texts(bytes: &[u8]) -> Option<String> {
    let mut lines = String::new();
    let mut rest: Vec<serde_json::Value> = vec![serde_json::from_slice(bytes).ok()?];
    while let Some(value) = rest.pop() {
        match value {
            serde_json::Value::String(text) => lines = lines + &text + "\n",
            serde_json::Value::Array(items) => rest.extend(items),
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    lines = lines + &key + "\n";
                    rest.push(value);
                }
            }
            _ => {}
        }
    }
    Some(lines)
}
