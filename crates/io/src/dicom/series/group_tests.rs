//! Which images become one stack, whatever their order and their files' names.

use super::*;
use crate::dicom::made::{ORIGIN, column, even, slice};
use proptest::prelude::*;

fn sorted(images: Vec<Image>) -> Sorted {
    sort_out(images, &Options::default())
}

fn codes(series: &Series) -> Vec<&str> {
    series.all_findings().map(|f| f.code.as_str()).collect()
}

/// Images of every series, and what tells it apart.
fn parts(sorted: &Sorted) -> Vec<(usize, &str)> {
    sorted.series.iter().map(|s| (s.images.len(), s.part.as_deref().unwrap_or_default())).collect()
}

/// Two sets of slices in one series; the second is numbered from 101 and changed.
fn two(first: Vec<Image>, second: Vec<Image>, change: impl Fn(&mut Header)) -> Vec<Image> {
    let mut images = first;
    for (n, mut image) in second.into_iter().enumerate() {
        change(&mut image.header);
        let number = 101 + n;
        image.file = format!("IM{number:04}");
        image.header.instance_number = Some(number as i64);
        image.header.instance = Some(format!("1.2.3.{number}"));
        images.push(image);
    }
    images
}

#[test]
fn acquisitions_along_one_stack_do_not_split_it() {
    // Two slices a turn of the tube; the last half is of another thickness and Image Type.
    let mut images = even(20, 1.5);
    for (n, image) in images.iter_mut().enumerate() {
        image.header.moment.acquisition = Some(1 + n as i64 / 2);
        image.header.moment.acquired = Some(format!("20200101120{n:03}"));
        if n >= 10 {
            image.header.thickness = Some(2.0);
            image.header.image_type.push("ADD".to_owned());
        }
    }
    let sorted = sorted(images);
    assert_eq!(parts(&sorted), [(20, "")]);
    assert_eq!(codes(&sorted.series[0]), ["thickness-varies"]);
}

#[test]
fn what_repeats_the_same_places_is_several_stacks() {
    type Change = fn(&mut Header);
    let changes: [(&str, Change); 8] = [
        ("Convolution Kernel", |h| h.kernel = Some("SOFT".to_owned())),
        ("Image Type", |h| h.image_type.push("WATER".to_owned())),
        ("Echo Time", |h| h.moment.echo_time = Some(80.0)),
        ("Stack ID", |h| h.moment.stack = Some("2".to_owned())),
        ("Temporal Position", |h| h.moment.temporal = Some(2)),
        ("Acquisition Number", |h| h.moment.acquisition = Some(700)),
        ("KVP", |h| h.kvp = Some(80.0)),
        ("1 of 2 by Acquisition Time", |h| h.moment.acquired = Some("20991231".to_owned())),
    ];
    for (name, change) in changes {
        let sorted = sorted(two(even(6, 1.5), even(6, 1.5), change));
        let found = parts(&sorted);
        assert_eq!(found.iter().map(|p| p.0).collect::<Vec<_>>(), [6, 6], "{name}");
        assert!(found.iter().any(|p| p.1.contains(name)), "{name}: {found:?}");
        assert!(
            sorted
                .series
                .iter()
                .all(|s| s.refusal().is_none() && s.label().contains(s.part.as_deref().unwrap()))
        );
    }
}

#[test]
fn what_lies_between_the_slices_of_another_reconstruction_is_another_stack() {
    // Every 1.5 mm, once more from half a slice higher.
    let shifted = column((0..6).map(|n| 0.75 + 1.5 * f64::from(n)));
    let sorted = sorted(two(even(6, 1.5), shifted, |h| h.moment.acquisition = Some(9)));
    assert_eq!(parts(&sorted).iter().map(|p| p.0).collect::<Vec<_>>(), [6, 6]);
    assert_eq!(sorted.series[0].gaps, Some([1.5, 1.5]));
}

#[test]
fn odd_and_even_slices_taken_by_turns_are_one_stack() {
    let mut images = even(12, 1.6);
    for (n, image) in images.iter_mut().enumerate() {
        image.header.moment.acquisition = Some(1 + n as i64 % 2);
        image.header.moment.acquired = Some(format!("1200{}{n:03}", n % 2));
    }
    assert_eq!(parts(&sorted(images)), [(12, "")]);
}

#[test]
fn phases_are_told_apart_by_their_times_even_if_every_slice_has_its_own() {
    let mut images = Vec::new();
    for phase in 0..3 {
        for mut image in even(4, 1.5) {
            let number = images.len() + 1;
            image.header.moment.trigger = Some(f64::from(phase) * 40.0 + number as f64 * 0.3);
            image.header.moment.acquisition = None;
            image.file = format!("IM{number:04}");
            image.header.instance_number = Some(number as i64);
            images.push(image);
        }
    }
    assert_eq!(parts(&sorted(images)).iter().map(|p| p.0).collect::<Vec<_>>(), [4, 4, 4]);
}

#[test]
fn the_same_places_twice_without_a_reason_stay_together_and_are_duplicates() {
    let sorted = sorted(two(even(6, 1.5), even(6, 1.5), |_| ()));
    assert_eq!(parts(&sorted), [(12, "")]);
    // Whether they are the same images or conflict shows in the pixels.
    assert_eq!(sorted.series[0].stack.as_ref().unwrap().duplicates.len(), 6);
}

#[test]
fn one_slice_taken_again_does_not_split_a_stack() {
    let again = slice(101, ORIGIN + DVec3::Z * 3.0);
    let sorted = sorted(two(even(6, 1.5), vec![again], |h| h.moment.acquisition = Some(9)));
    assert_eq!(parts(&sorted), [(7, "")]);
}

#[test]
fn fields_of_view_side_by_side_are_two_stacks() {
    let mut beside = even(6, 1.5);
    beside.iter_mut().for_each(|i| i.header.position = i.header.position.map(|p| p + DVec3::X * 60.0));
    let sorted = sorted(two(even(6, 1.5), beside, |_| ()));
    assert_eq!(parts(&sorted), [(6, "field 1 of 2"), (6, "field 2 of 2")]);
}

#[test]
fn a_tilted_stack_with_a_hole_stays_one() {
    // 0.09 mm aside for each slice: the step across the hole is twice that.
    let mut images = even(12, 1.0);
    for (n, image) in images.iter_mut().enumerate() {
        image.header.position = image.header.position.map(|p| p + DVec3::Y * 0.09 * n as f64);
    }
    images.remove(6);
    let sorted = sorted(images);
    assert_eq!(parts(&sorted), [(11, "")]);
    assert!(codes(&sorted.series[0]).contains(&"gantry-tilt"));
}

#[test]
fn a_slice_that_differs_is_set_aside_and_the_stack_says_so() {
    let mut images = even(6, 1.5);
    images[5].header.pixel_spacing = Some([0.9, 0.9]);
    let sorted = sorted(images);
    assert_eq!(parts(&sorted), [(5, "")]);
    let finding = sorted.series[0].all_findings().find(|f| f.code == "slice-set-aside").unwrap();
    assert!(
        finding.message.contains("IM0006") && finding.message.contains("(0028,0030)"),
        "{}",
        finding.message
    );
    assert_eq!(sorted.aside[0].files, ["IM0006"]);
}

#[test]
fn a_slice_without_a_place_is_not_lost_but_refused() {
    let spoils: [fn(&mut Header); 6] = [
        |h| h.position = None,
        |h| h.orientation = None,
        |h| h.pixel_spacing = None,
        |h| h.pixel_spacing = Some([0.0, 0.7]),
        |h| h.orientation = Some([DVec3::ZERO, DVec3::ZERO]),
        |h| h.orientation = Some([DVec3::X * 2.0, DVec3::Y]),
    ];
    for spoil in spoils {
        let mut images = even(6, 1.5);
        spoil(&mut images[0].header);
        let sorted = sorted(images);
        assert_eq!(parts(&sorted), [(6, "")]);
        assert!(sorted.series[0].refusal().unwrap().to_string().contains("IM0001"));
        assert!(sorted.series[0].label().contains("will be refused"));
    }
}

#[test]
fn localisers_projections_captures_and_other_modalities_are_set_aside_by_name() {
    type Change = fn(&mut Header);
    let changes: [(&str, Change); 8] = [
        ("a localiser", |h| h.image_type[2] = "LOCALIZER".to_owned()),
        ("projection", |h| h.image_type[2] = "MIP".to_owned()),
        ("picture of a screen", |h| h.image_type[2] = "SCREEN SAVE".to_owned()),
        ("secondary capture", |h| h.sop_class = "1.2.840.10008.5.1.4.1.1.7".to_owned()),
        ("colour", |h| h.samples = 3),
        ("emission", |h| h.modality = "PT".to_owned()),
        ("segmentation", |h| h.modality = "SEG".to_owned()),
        ("--assume modality=CT", |h| h.modality = String::new()),
    ];
    for (word, change) in changes {
        let sorted = sorted(two(even(4, 1.5), even(4, 3.0), change));
        assert_eq!(parts(&sorted), [(4, "")], "{word}");
        assert!(sorted.aside[0].reason.contains(word), "{}", sorted.aside[0].reason);
        assert_eq!(sorted.aside[0].files.len(), 4);
    }
}

#[test]
fn a_slice_across_the_others_is_called_a_localiser() {
    let mut across = slice(99, ORIGIN);
    across.header.orientation = Some([DVec3::Y, DVec3::NEG_Z]);
    let mut images = even(5, 1.5);
    images.insert(0, across);
    let sorted = sorted(images);
    assert!(sorted.aside[0].reason.contains("localiser"));
    assert_eq!((parts(&sorted), codes(&sorted.series[0])), (vec![(5, "")], vec![]));
}

#[test]
fn computed_images_are_kept_apart_from_originals_and_say_what_they_are() {
    let sorted = sorted(two(even(4, 1.5), even(4, 1.5), |h| h.image_type[0] = "DERIVED".to_owned()));
    assert_eq!(sorted.series.len(), 2);
    let told: Vec<bool> = sorted.series.iter().map(|s| codes(s).contains(&"derived-image")).collect();
    assert_eq!(told.iter().filter(|t| **t).count(), 1);
}

#[test]
fn two_parts_of_one_scan_tell_that_they_abut() {
    let above = |from: f64| column((0..6).map(move |n| from + 1.5 * f64::from(n)));
    let other_spacing = |h: &mut Header| h.pixel_spacing = Some([0.6, 0.6]);
    for (from, words) in [(9.0, "1.500 mm lie between"), (6.0, "overlap by 1.500 mm")] {
        let sorted = sorted(two(even(6, 1.5), above(from), other_spacing));
        assert_eq!(sorted.series.len(), 2);
        for series in &sorted.series {
            let finding = series.all_findings().find(|f| f.code == "parts-abut").unwrap();
            assert!(finding.message.contains(words), "{}", finding.message);
        }
    }
    // The same region twice, or regions far apart, are no parts of one scan.
    for from in [0.0, 30.0] {
        let sorted = sorted(two(even(6, 1.5), above(from), other_spacing));
        assert!(sorted.series.iter().all(|s| codes(s).is_empty()));
    }
}

#[test]
fn acquisitions_that_meet_inside_a_stack_are_told_with_their_seam() {
    let mut images = even(10, 1.5);
    images.iter_mut().enumerate().for_each(|(n, i)| i.header.moment.acquisition = Some(1 + i64::from(n > 5)));
    let whole = sorted(images);
    let finding = whole.series[0].all_findings().find(|f| f.code == "parts-abut").unwrap();
    assert!(finding.message.contains("2 acquisitions, which meet between IM0006 and IM0007"), "{finding:?}");
    assert_eq!((whole.series.len(), finding.place.map(|p| p[2])), (1, Some(40.0 + 5.5 * 1.5)));
}

#[test]
fn halves_of_one_stack_in_two_frames_are_refused_and_in_two_studies_a_danger() {
    let frame = |h: &mut Header, n: usize| h.frame_of_reference = Some(format!("1.2.{n}"));
    let study = |h: &mut Header, n: usize| h.study = Some(format!("1.2.{n}"));
    type Change<'a> = &'a dyn Fn(&mut Header, usize);
    let divided = |change: Change, upper: &dyn Fn(usize) -> bool, again: f64| {
        let mut images = even(8, 1.5);
        for (n, image) in images.iter_mut().enumerate() {
            change(&mut image.header, usize::from(upper(n)));
            if upper(n) {
                image.header.position = image.header.position.map(|p| p + DVec3::Z * again);
            }
        }
        sorted(images)
    };
    // The upper half, and every other slice.
    for upper in [&(|n: usize| n > 3) as &dyn Fn(usize) -> bool, &|n| n % 2 == 1] {
        for series in divided(&frame, upper, 0.0).series {
            let refusal = series.refusal().unwrap();
            let text = refusal.to_string();
            assert!(
                text.contains("(0020,0052)") && text.contains("1.2.0") && text.contains("1.2.1"),
                "{text}"
            );
            assert!(refusal.help().contains("--assume frame=same"));
        }
        let halves = divided(&study, upper, 0.0);
        assert!(halves.series.iter().all(|s| s.refusal().is_none() && codes(s).contains(&"studies-differ")));
    }
    // The same region again, or one far away, is a scan of its own.
    for again in [-6.0, 40.0] {
        let apart = divided(&frame, &|n| n > 3, again);
        assert!(apart.series.len() == 2 && apart.series.iter().all(|s| s.refusal().is_none()));
    }
}

#[test]
fn patients_studies_and_frames_that_differ_are_told() {
    let named = |h: &mut Header| h.identity.name = "OTHER".to_owned();
    let mixed = sorted(two(even(3, 1.5), even(3, 1.5), named));
    assert_eq!(mixed.findings[0].code, "patients-differ");
    let refused = |images, options: &Options| {
        sort_out(images, options).series[0].refusal().map(osteon_core::Explain::code)
    };
    let mut images = even(4, 1.5);
    named(&mut images[2].header);
    assert_eq!(refused(images.clone(), &Options::default()), Some("mixed-patients"));
    let assume = crate::dicom::Assume::parse(["patient=same"]).unwrap();
    let stated = Options { assume, ..Options::default() };
    assert_eq!(refused(images, &stated), None);

    let apart = |h: &mut Header| {
        h.study = Some("9.9".to_owned());
        h.series = Some("9.9.9".to_owned());
        h.frame_of_reference = Some("9.9.9.9".to_owned());
    };
    let sorted = sorted(two(even(3, 1.5), even(3, 1.5), apart));
    let codes: Vec<&str> = sorted.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!((codes, sorted.series.len()), (vec!["studies-differ", "frames-differ"], 2));
}

#[test]
fn words_that_contradict_the_directions_are_told_and_right_ones_are_not() {
    let with = |words: [&str; 2]| {
        let mut images = even(3, 1.5);
        images.iter_mut().for_each(|i| i.header.orientation_words = words.map(str::to_owned).to_vec());
        codes(&sorted(images).series[0]).join(" ")
    };
    assert_eq!((with(["L", "P"]), with(["LF", "PH"]), with(["", "?"])), Default::default());
    assert_eq!(with(["R", "P"]), "orientation-words-differ");
    assert_eq!(with(["L", "F"]), "orientation-words-differ");
    let mut images = even(3, 1.5);
    images[1].header.patient_position = Some("FFP".to_owned());
    images[1].header.image_laterality = Some("L".to_owned());
    images[1].header.laterality = Some("R".to_owned());
    images[2].header.body_part = Some("SKULL".to_owned());
    images[0].header.body_part = Some("KNEE".to_owned());
    images[0].header.patient_position = Some("HFS".to_owned());
    let sorted = sorted(images);
    assert_eq!(
        codes(&sorted.series[0]),
        ["body-part-differs", "orientation-words-differ", "laterality-differs"]
    );
}

#[test]
fn numbers_left_out_of_an_even_stack_are_a_note() {
    let mut images = even(6, 1.5);
    images.iter_mut().for_each(|i| i.header.instance_number = i.header.instance_number.map(|n| 2 * n));
    assert_eq!(codes(&sorted(images).series[0]), ["instance-numbers-skip"]);
}

#[test]
fn what_info_tells_is_known_without_pixels() {
    let sorted = sorted(even(6, 1.5));
    let series = &sorted.series[0];
    assert_eq!(
        (series.plane, series.slices, series.tilt, series.gaps),
        ("axial", Some(6), Some(0.0), Some([1.5, 1.5]))
    );
    let [first, last] = series.ends.unwrap().map(DVec3::from_array);
    assert!((last - first).distance(DVec3::Z * 7.5) < 1e-9);
}

/// A folder with much in it.
fn crowd() -> Vec<Image> {
    let mut images = two(even(6, 1.5), column((0..6).map(|n| 0.75 + 1.5 * f64::from(n))), |h| {
        h.kernel = Some("SOFT".to_owned());
        h.moment.acquisition = Some(4);
    });
    let mut gap = even(9, 1.5);
    gap.drain(3..5);
    for image in &mut gap {
        image.header.series = Some("4.5.6".to_owned());
        image.header.series_number = Some(3);
        image.file = format!("B/{}", image.file);
    }
    let mut across = slice(50, ORIGIN);
    across.header.orientation = Some([DVec3::Y, DVec3::NEG_Z]);
    images.extend(gap);
    images.push(across);
    images
}

/// All that is decided, without the files' names.
fn decided(sorted: &Sorted) -> Vec<String> {
    let series = sorted.series.iter().map(|s| {
        let stack = s.stack.as_ref().map(|stack| (&stack.grid, &stack.not_measured, stack.order.clone()));
        let instances: Vec<_> = s.images.iter().map(|i| i.header.instance.clone()).collect();
        format!("{} {stack:?} {instances:?} {:?}", s.label(), codes(s))
    });
    series.chain([format!("{:?}", sorted.aside.len())]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn neither_the_order_nor_the_names_of_files_matter(shuffled in Just(crowd()).prop_shuffle()) {
        let expected = decided(&sorted(crowd()));
        let mut renamed = shuffled;
        for (n, image) in renamed.iter_mut().enumerate() {
            image.file = format!("{n:04}");
        }
        prop_assert_eq!(decided(&sorted(renamed)), expected);
    }
}
