//! The frames of an enhanced image: what all share, and what each has of its own.
//!
//! PS3.3 C.7.6.16: functional groups are sequences of one item each; those of a frame go before those that
//! are shared, and both before the attributes of the image.

use super::WANTED;
use super::element::{self, Fault, Raw};
use super::value;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// The functional groups that are looked at, sorted by tag.
const GROUPS: [Tag; 14] = [
    tags::MR_ECHO_SEQUENCE,
    tags::MR_DIFFUSION_SEQUENCE,
    tags::CARDIAC_SYNCHRONIZATION_SEQUENCE,
    tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::CT_ACQUISITION_DETAILS_SEQUENCE,
    tags::CT_RECONSTRUCTION_SEQUENCE,
    CT_X_RAY_DETAILS_SEQUENCE,
    tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::FRAME_ANATOMY_SEQUENCE,
    tags::FRAME_CONTENT_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
];

const CT_X_RAY_DETAILS_SEQUENCE: Tag = Tag(0x0018, 0x9325);

/// Groups that place and unit rest on: two items would be two answers.
const SINGLE: [Tag; 4] = [
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
];

/// Attributes of converted single-frame images that have no group of their own.
const UNASSIGNED: [Tag; 2] = [
    tags::UNASSIGNED_SHARED_CONVERTED_ATTRIBUTES_SEQUENCE,
    tags::UNASSIGNED_PER_FRAME_CONVERTED_ATTRIBUTES_SEQUENCE,
];

/// What may be among them, sorted; place and unit are not.
const CONVERTED: [Tag; 9] = [
    tags::CONTENT_TIME,
    tags::KVP,
    tags::ECHO_NUMBERS,
    tags::TRIGGER_TIME,
    tags::RECONSTRUCTION_DIAMETER,
    tags::GANTRY_DETECTOR_TILT,
    tags::CONVOLUTION_KERNEL,
    tags::ACQUISITION_NUMBER,
    tags::INSTANCE_NUMBER,
];

/// Most frames of a file. Chosen: whole-body CT has 5000, a beating heart 20 000.
const MOST: i64 = 1 << 16;

/// The values each frame has of its own or shares with the others, in order.
pub(crate) fn frames<'a>(
    shared: Option<&Raw<'a>>,
    each: &Raw<'a>,
    number: i64,
) -> Result<Vec<Vec<Raw<'a>>>, Fault> {
    if !(1..=MOST).contains(&number) {
        return Err(Fault::Damaged(format!("Number Of Frames (0028,0008) is {number}, not 1 to {MOST}")));
    }
    let items = element::items(each)?;
    if items.len() as i64 != number {
        return Err(Fault::Damaged(format!(
            "Number Of Frames (0028,0008) is {number}, and the Per-Frame Functional Groups {} describe {} frames",
            each.tag,
            items.len()
        )));
    }
    let mut common = Vec::new();
    if let Some(shared) = shared {
        match element::items(shared)?.as_slice() {
            [] => {}
            [item] => flatten(item, &mut common)?,
            several => {
                let (tag, count) = (shared.tag, several.len());
                return Err(Fault::Damaged(format!(
                    "the Shared Functional Groups {tag} have {count} items instead of one"
                )));
            }
        }
    }
    let own = |(frame, item): (usize, &Raw<'a>)| {
        let mut values = common.clone();
        flatten(item, &mut values)?;
        let (shared, own) = values.split_at(common.len());
        agree(shared, own).map_err(|what| {
            Fault::Damaged(format!("{what} in the Per-Frame Functional Groups of frame {}", frame + 1))
        })?;
        Ok(values)
    };
    items.iter().enumerate().map(own).collect()
}

/// Place and unit, which are stated for all frames or for each, never for both (PS3.3 C.7.6.16.1.1).
const ONCE: [(Tag, &str); 7] = [
    (tags::PIXEL_SPACING, "Pixel Spacing"),
    (tags::SLICE_THICKNESS, "Slice Thickness"),
    (tags::SPACING_BETWEEN_SLICES, "Spacing Between Slices"),
    (tags::IMAGE_POSITION_PATIENT, "Image Position (Patient)"),
    (tags::IMAGE_ORIENTATION_PATIENT, "Image Orientation (Patient)"),
    (tags::RESCALE_INTERCEPT, "Rescale Intercept"),
    (tags::RESCALE_SLOPE, "Rescale Slope"),
];

/// Says what is stated twice and differs; the same numbers twice are fine.
fn agree(shared: &[Raw], own: &[Raw]) -> Result<(), String> {
    for (tag, name) in ONCE {
        let value = |values: &[Raw]| values.iter().rev().find(|raw| raw.tag == tag).map(value::shown);
        if let (Some(all), Some(one)) = (value(shared), value(own))
            && !value::same(&all, &one)
        {
            return Err(format!("{name} {tag} is \"{all}\" in the Shared Functional Groups and \"{one}\""));
        }
    }
    Ok(())
}

/// Appends the values in the groups of an item; those that count more come later.
fn flatten<'a>(item: &Raw<'a>, values: &mut Vec<Raw<'a>>) -> Result<(), Fault> {
    for group in element::elements(item, &UNASSIGNED)? {
        if let Some(converted) = element::items(&group)?.first() {
            values.extend(element::elements(converted, &CONVERTED)?);
        }
    }
    for group in element::elements(item, &GROUPS)? {
        let items = element::items(&group)?;
        if items.len() > 1 && SINGLE.contains(&group.tag) {
            let (tag, count) = (group.tag, items.len());
            return Err(Fault::Damaged(format!(
                "the functional group {tag} has {count} items instead of one"
            )));
        }
        if let Some(inner) = items.first() {
            values.extend(element::elements(inner, &WANTED)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stated_for_all_and_for_each_frame_must_be_the_same_numbers() {
        let spacing = |bytes: &'static [u8]| {
            let vr = Some(*b"DS");
            [Raw {
                tag: tags::PIXEL_SPACING,
                vr,
                bytes,
                layout: crate::dicom::header::syntax::Layout::ExplicitLittle,
            }]
        };
        let shared = spacing(b"0.5\\0.25");
        assert_eq!(agree(&shared, &spacing(b"0.50\\2.5e-1 ")), Ok(()));
        assert_eq!(agree(&shared, &[]), Ok(()));
        let refused = agree(&shared, &spacing(b"0.5\\0.3")).unwrap_err();
        assert!(
            refused.contains("(0028,0030)") && refused.contains("0.5\\0.25") && refused.contains("0.5\\0.3")
        );
    }

    #[test]
    fn the_lists_are_sorted_for_searching() {
        assert!(GROUPS.is_sorted() && UNASSIGNED.is_sorted() && CONVERTED.is_sorted());
    }
}
