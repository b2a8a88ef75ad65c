//! What a person states, laid over what a header says.
//!
//! A statement is used only where the header is silent or makes no sense; one that contradicts what the
//! header says refuses the image.

use super::Header;
use super::remark::Remark;
use super::value::Malformed;
use crate::dicom::assume::Assume;
use crate::dicom::error::DicomError;
use crate::dicom::stack::place;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use glam::DVec3;

/// Lays the statements about a single image over its header.
pub(crate) fn apply(header: &mut Header, malformed: &mut Vec<Malformed>, file: &str, assume: &Assume) {
    let mut over = Over { header, malformed, file, assume };
    over.spacing();
    over.orientation();
    over.rescale();
    over.signed();
    over.words();
}

struct Over<'a> {
    header: &'a mut Header,
    malformed: &'a mut Vec<Malformed>,
    file: &'a str,
    assume: &'a Assume,
}

/// Numbers that differ by less are the same number, written with fewer digits.
const SAME: f64 = 1e-6;

fn same(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME * a.abs().max(b.abs()).max(1.0))
}

impl Over<'_> {
    /// Notes that a statement was needed, in place of a malformed value if there was one.
    fn used(&mut self, key: &'static str, instead: &[Tag]) {
        self.header.remarks.push(Remark::Assumed(key));
        self.malformed.retain(|m| !instead.contains(&m.tag));
    }

    fn contradicted(&mut self, key: &'static str, attribute: &'static str, stated: String) {
        let assumed = self.assume.stated.get(key).cloned().unwrap_or_default();
        let error = DicomError::Contradicted { file: self.file.to_owned(), key, assumed, attribute, stated };
        self.header.refusal.get_or_insert(Box::new(error));
    }

    fn spacing(&mut self) {
        let Some(assumed) = self.assume.spacing else {
            return;
        };
        match self.header.pixel_spacing.filter(|&stated| place::is_spacing(stated)) {
            None => {
                self.header.pixel_spacing = Some(assumed);
                self.used("spacing", &[tags::PIXEL_SPACING]);
            }
            Some(stated) if same(&stated, &assumed) => {}
            Some([row, column]) => {
                self.contradicted("spacing", "Pixel Spacing (0028,0030)", format!("{row}\\{column}"));
            }
        }
    }

    fn orientation(&mut self) {
        let Some(n) = self.assume.orientation else {
            return;
        };
        // Direction cosines this far from being ones are no directions.
        const DIRECTION: f64 = 1e-2;
        let sensible = |[row, column]: &[DVec3; 2]| {
            (row.length() - 1.0).abs() < DIRECTION
                && (column.length() - 1.0).abs() < DIRECTION
                && row.dot(*column).abs() < DIRECTION
        };
        match self.header.orientation.filter(sensible) {
            None => {
                self.header.orientation = Some([DVec3::new(n[0], n[1], n[2]), DVec3::new(n[3], n[4], n[5])]);
                self.used("orientation", &[tags::IMAGE_ORIENTATION_PATIENT]);
            }
            Some([row, column]) => {
                let stated = [row.to_array(), column.to_array()].concat();
                if !same(&stated, &n) {
                    let text: Vec<String> = stated.iter().map(f64::to_string).collect();
                    let attribute = "Image Orientation (Patient) (0020,0037)";
                    self.contradicted("orientation", attribute, text.join("\\"));
                }
            }
        }
    }

    fn rescale(&mut self) {
        let Some([slope, intercept]) = self.assume.rescale else {
            return;
        };
        let stated = (self.header.slope.filter(|&slope| slope != 0.0), self.header.intercept);
        match stated {
            (Some(s), Some(i)) if same(&[s, i], &[slope, intercept]) => {}
            (None, None) => self.rescaled(slope, intercept),
            (Some(s), None) if same(&[s], &[slope]) => self.rescaled(slope, intercept),
            (None, Some(i)) if same(&[i], &[intercept]) => self.rescaled(slope, intercept),
            (s, i) => {
                let text = |n: Option<f64>| n.map_or("not stated".to_owned(), |n| n.to_string());
                let attribute = "Rescale Slope (0028,1053) and Intercept (0028,1052)";
                self.contradicted("rescale", attribute, format!("{} and {}", text(s), text(i)));
            }
        }
    }

    fn rescaled(&mut self, slope: f64, intercept: f64) {
        (self.header.slope, self.header.intercept) = (Some(slope), Some(intercept));
        self.used("rescale", &[tags::RESCALE_SLOPE, tags::RESCALE_INTERCEPT]);
    }

    fn signed(&mut self) {
        let Some(assumed) = self.assume.signed.map(i64::from) else {
            return;
        };
        match self.header.signed {
            stated @ (0 | 1) if stated != assumed => {
                self.contradicted("signed", "Pixel Representation (0028,0103)", stated.to_string());
            }
            0 | 1 => {}
            _ => {
                self.header.signed = assumed;
                // Its sign is that of the pixels.
                let short = self.header.allocated <= 16;
                let sign = |n: i64| if assumed == 1 && short { i64::from(n as u16 as i16) } else { n };
                self.header.padding = self.header.padding.map(sign);
                self.header.padding_limit = self.header.padding_limit.map(sign);
                self.used("signed", &[tags::PIXEL_REPRESENTATION]);
            }
        }
    }

    fn words(&mut self) {
        let assume = self.assume;
        if let Some(side) = &assume.laterality {
            let header = &self.header;
            match header.image_laterality.clone().or_else(|| header.laterality.clone()) {
                Some(stated) if stated != *side => {
                    self.contradicted("laterality", "Laterality (0020,0060) or (0020,0062)", stated);
                }
                Some(_) => {}
                None => {
                    self.header.laterality = Some(side.clone());
                    self.used("laterality", &[]);
                }
            }
        }
        if let Some(modality) = &assume.modality {
            match self.header.modality.clone() {
                empty if empty.is_empty() => {
                    self.header.modality.clone_from(modality);
                    self.used("modality", &[]);
                }
                stated if stated != *modality => {
                    self.contradicted("modality", "Modality (0008,0060)", stated)
                }
                _ => {}
            }
        }
    }
}
