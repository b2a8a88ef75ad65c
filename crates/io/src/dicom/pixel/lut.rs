//! Modality LUT (PS3.3 C.11.1): a table in place of slope and intercept.

use crate::dicom::header::element::{self, Fault, Raw};
use crate::dicom::header::syntax::Layout;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// A table from stored values to the values of the scan.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dicom) struct Lut {
    /// Stored value of the first entry; what is below gets it too.
    first: i32,
    /// At least one entry; stored values beyond get the last.
    entries: Vec<u16>,
    /// What the entries are: `HU`, or the scanner's own word.
    pub(in crate::dicom) kind: String,
}

/// What is looked at in the sequence, sorted.
const WANTED: [Tag; 3] = [tags::LUT_DESCRIPTOR, tags::MODALITY_LUT_TYPE, tags::LUT_DATA];

impl Lut {
    /// The table in a data set whose pixels begin at byte `pixels`; stored values have a sign if `signed` is 1.
    pub(in crate::dicom) fn read(
        data_set: &[u8],
        pixels: usize,
        layout: Layout,
        signed: i64,
    ) -> Result<Self, String> {
        let before = &data_set[..pixels.min(data_set.len())];
        // The pixels' own element is cut in two and ends the walk.
        let walk = element::walk(before, data_set.len(), layout, &[tags::MODALITY_LUT_SEQUENCE]);
        let walk = walk.map_err(told)?;
        let sequence = walk.values.first().ok_or(
            "its Modality LUT (0028,3000) is inside a functional group, where the standard has none and none is read",
        )?;
        let items = element::items(sequence).map_err(told)?;
        let [item] = items.as_slice() else {
            return Err(format!("its Modality LUT (0028,3000) has {} items instead of one", items.len()));
        };
        let found = element::elements(item, &WANTED).map_err(told)?;
        let value = |tag| found.iter().find(|raw: &&Raw| raw.tag == tag);
        let words = |raw: &Raw| -> Vec<u16> {
            raw.bytes.chunks_exact(2).map(|b| item.layout.short([b[0], b[1]])).collect()
        };
        let descriptor = value(tags::LUT_DESCRIPTOR).map(words).unwrap_or_default();
        let &[count, first, bits] = descriptor.as_slice() else {
            return Err(format!("its LUT Descriptor (0028,3002) is {descriptor:?}, not three numbers"));
        };
        // No entry stands for 65536 of them, the one number that does not fit.
        let count = if count == 0 { 1 << 16 } else { usize::from(count) };
        let data = value(tags::LUT_DATA).ok_or("its LUT Data (0028,3006) is not there")?;
        let entries = match bits {
            // Entries of eight bits may lie two in a word, or one in each.
            8 if data.bytes.len() == count + count % 2 && count > 1 => {
                let pair = |word: u16| word.to_le_bytes();
                let mut entries: Vec<u16> = words(data).into_iter().flat_map(pair).map(u16::from).collect();
                entries.truncate(count);
                entries
            }
            8..=16 => words(data),
            _ => {
                return Err(format!(
                    "the entries of its Modality LUT (0028,3002) have {bits} bits, not 8 to 16"
                ));
            }
        };
        if entries.len() != count {
            return Err(format!(
                "its Modality LUT has {} entries, its LUT Descriptor (0028,3002) says {count}",
                entries.len()
            ));
        }
        let kind =
            value(tags::MODALITY_LUT_TYPE).map_or("", |raw| std::str::from_utf8(raw.bytes).unwrap_or(""));
        let kind = kind.trim_matches(['\0', ' ']).chars().filter(|c| !c.is_control()).take(16).collect();
        let first = if signed == 1 { i32::from(first as i16) } else { i32::from(first) };
        Ok(Self { first, entries, kind })
    }

    /// The entry of a stored value.
    pub(super) fn of(&self, value: f64) -> f64 {
        let last = self.entries.len().saturating_sub(1);
        // The cast saturates: below the table at its first entry.
        let n = (value - f64::from(self.first)) as usize;
        self.entries.get(n.min(last)).copied().map_or(0.0, f64::from)
    }
}

fn told(fault: Fault) -> String {
    match fault {
        Fault::Damaged(what) => what,
        _ => "it ends early".to_owned(),
    }
}
