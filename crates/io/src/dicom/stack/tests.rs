//! Slices to grids: even, tilted, uneven, missing, repeated, moved.

use super::*;
use crate::dicom::made::{ORIGIN, column, even, slice};
use glam::DQuat;
use osteon_core::{Explain, Point};

fn options(statements: &[&str]) -> Options {
    Options { assume: Assume::parse(statements.iter().copied()).unwrap(), ..Options::default() }
}

fn stacked(images: &[Image]) -> Stack {
    stack(images, &Options::default()).unwrap()
}

fn codes(stack: &Stack) -> Vec<&str> {
    stack.findings.iter().map(|f| f.code.as_str()).collect()
}

/// Largest distance in mm between a corner by the slice's own header and by the grid.
fn worst_corner(images: &[Image], stack: &Stack) -> f64 {
    let mut worst = 0.0_f64;
    for (slot, held) in stack.slots.iter().enumerate() {
        let Slot::Measured(n) = *held else { continue };
        let header = &images[n].header;
        let ([row, column], [rows, columns]) = (header.orientation.unwrap(), header.pixel_spacing.unwrap());
        for (i, j) in [(0, 0), (63, 0), (0, 79), (63, 79)] {
            let own = header.position.unwrap() + row * columns * i as f64 + column * rows * j as f64;
            worst = worst.max(stack.grid.place(i, j, slot).vec().distance(own));
        }
    }
    worst
}

/// The GE head study: 4 mm slices, then 7 mm ones, 1.08 mm between; tilted by 18.5°.
fn head() -> Vec<Image> {
    let heights =
        (0..14).map(|n| 4.22 * n as f64).chain((0..14).map(|n| 4.22 * 13.0 + 1.14 + 7.38 * n as f64));
    let mut images = column(heights);
    for (n, image) in images.iter_mut().enumerate() {
        image.header.orientation = Some([DVec3::X, DVec3::new(0.0, 0.948_323_7, -0.317_304_7)]);
        image.header.thickness = Some(if n < 14 { 4.0 } else { 7.0 });
        image.header.tilt = Some(18.5);
    }
    images
}

#[test]
fn an_even_stack_is_a_grid_as_it_is() {
    let images = even(5, 1.5);
    let stack = stacked(&images);
    assert_eq!(stack.slots, (0..5).map(Slot::Measured).collect::<Vec<_>>());
    assert!(stack.grid.place(3, 2, 4).vec().distance(ORIGIN + DVec3::new(2.1, 1.6, 6.0)) < 1e-9);
    assert!(stack.findings.is_empty() && stack.not_measured.is_empty(), "{:?}", stack.findings);
}

#[test]
fn a_head_with_two_slice_distances_and_a_tilt_keeps_every_slice_in_its_place() {
    let images = head();
    let stack = stacked(&images);
    assert_eq!(codes(&stack), ["gantry-tilt", "uneven-spacing-resampled", "thickness-varies"]);
    assert!(stack.not_measured.is_empty());
    assert_eq!(stack.slots.iter().filter(|s| matches!(s, Slot::Measured(_))).count(), 28);
    // 144 mm of stack: a step of 1 mm is the coarsest that has all slices within 0.05 mm.
    assert_eq!(stack.slots.len(), 145);
    let worst = worst_corner(&images, &stack);
    assert!(worst < 0.06, "{worst}");
    assert!((stack.gaps[0] - 1.081).abs() < 1e-3 && (stack.gaps[1] - 6.999).abs() < 1e-3);
}

#[test]
fn a_missing_slice_is_not_measured_and_told_with_its_neighbours() {
    let mut images = even(6, 1.5);
    images.remove(2);
    let stack = stacked(&images);
    assert_eq!(stack.slots[2], Slot::NotMeasured);
    assert_eq!((stack.slots.len(), stack.not_measured.len()), (6, 1));
    let slab = stack.not_measured[0];
    let middle = ORIGIN + DVec3::new(31.5 * 0.7, 39.5 * 0.8, 3.0);
    assert_eq!(slab.slices, [2, 2]);
    assert!(DVec3::from_array(slab.from).distance(middle) < 1e-9 && slab.from == slab.to);
    let finding = &stack.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("slab-not-measured", Severity::Danger));
    assert!(finding.message.contains("IM0002") && finding.message.contains("IM0004"), "{}", finding.message);
    assert!(DVec3::from_array(finding.place.unwrap()).distance(middle) < 1e-9);
}

#[test]
fn a_gap_is_filled_only_on_request() {
    let mut images = even(9, 1.5);
    images.drain(3..5);
    let filled = stack(&images, &options(&["gaps=filled"])).unwrap();
    assert_eq!(filled.slots[3], Slot::Between { below: 2, above: 5, weight: 1.0 / 3.0 });
    assert!(filled.not_measured.is_empty());
    assert_eq!(filled.assumed, ["gaps"]);
    assert!(filled.findings.iter().all(|f| f.severity == Severity::Caution));
    assert!(codes(&filled).contains(&"slab-not-measured") && codes(&filled).contains(&"assumed"));
    // Not needed: not used.
    let whole = stack(&even(5, 1.5), &options(&["gaps=filled"])).unwrap();
    assert!(whole.assumed.is_empty() && whole.findings.is_empty());
}

#[test]
fn slices_that_cover_a_gap_leave_nothing_unmeasured() {
    let mut images = even(9, 1.5);
    images.iter_mut().for_each(|image| image.header.thickness = Some(3.0));
    images.remove(4);
    let stack = stacked(&images);
    assert_eq!(codes(&stack), ["uneven-spacing-resampled"]);
    assert!(matches!(stack.slots[4], Slot::Between { below: 3, above: 5, .. }));
    // Without a thickness the usual distance is all that is known.
    images.iter_mut().for_each(|image| image.header.thickness = None);
    assert_eq!(stacked(&images).not_measured.len(), 1);
}

#[test]
fn moving_the_patient_moves_the_grid_and_nothing_else() {
    let mut gap = even(9, 1.5);
    gap.drain(3..5);
    for images in [head(), gap, even(7, 0.6)] {
        let still = stacked(&images);
        let turn = DQuat::from_euler(glam::EulerRot::XYZ, 0.4, -0.9, 0.2);
        let shift = DVec3::new(31.0, -7.5, 912.25);
        let moved: Vec<Image> = images
            .iter()
            .cloned()
            .map(|mut image| {
                let header = &mut image.header;
                header.position = header.position.map(|p| turn * p + shift);
                header.orientation = header.orientation.map(|pair| pair.map(|v| turn * v));
                image
            })
            .collect();
        let moved = stacked(&moved);
        assert_eq!(
            (moved.order, codes(&still)),
            (still.order.clone(), moved.findings.iter().map(|f| f.code.as_str()).collect())
        );
        assert_eq!(moved.slots.len(), still.slots.len());
        for (x, y, z) in [(0, 0, 0), (63, 79, 0), (5, 7, still.slots.len() - 1)] {
            let expected = turn * still.grid.place(x, y, z).vec() + shift;
            // The search for a lattice starts from rounded positions: nanometres.
            assert!(moved.grid.place(x, y, z).vec().distance(expected) < 1e-5);
        }
    }
}

#[test]
fn a_mirrored_patient_is_a_mirrored_grid() {
    let images = head();
    let still = stacked(&images);
    let mirrored: Vec<Image> = images
        .iter()
        .cloned()
        .map(|mut image| {
            let flip = |v: DVec3| DVec3::new(-v.x, v.y, v.z);
            image.header.position = image.header.position.map(flip);
            image.header.orientation = image.header.orientation.map(|pair| pair.map(flip));
            image
        })
        .collect();
    let mirrored = stacked(&mirrored);
    // The normal turns over with the mirror, so the slices follow each other downwards.
    let last = still.slots.len() - 1;
    for z in [0, 40, last] {
        let p = still.grid.place(5, 9, z).vec();
        let expected = DVec3::new(-p.x, p.y, p.z);
        assert!(mirrored.grid.place(5, 9, last - z).vec().distance(expected) < 1e-6);
    }
}

#[test]
fn a_place_taken_twice_is_a_duplicate_of_its_slot() {
    let mut images = even(6, 1.5);
    images.remove(2);
    images.push(slice(99, images[4].header.position.unwrap()));
    let stack = stacked(&images);
    assert_eq!(stack.duplicates, [(5, 5)]);
    assert_eq!(stack.slots[5], Slot::Measured(4));
    // Rounded differently, it is still the same place.
    images[5].header.position = images[5].header.position.map(|p| p + DVec3::Z * 0.02);
    assert_eq!(stacked(&images).duplicates, [(5, 5)]);
    let all = vec![images[0].clone(), images[0].clone()];
    assert_eq!(super::stack(&all, &Options::default()).unwrap_err().code(), "single-slice");
}

#[test]
fn rounding_is_no_finding_and_jitter_is_one() {
    // Positions rounded to 0.01 mm.
    let rounded = column((0..40).map(|n| (f64::from(n) * 0.625 * 100.0).round() / 100.0));
    assert_eq!(stacked(&rounded).findings, []);
    let jitter = column((0..40).map(|n| f64::from(n) * 1.5 + [0.0, 0.03, -0.03, 0.02][n as usize % 4]));
    let stack = stacked(&jitter);
    assert_eq!((codes(&stack), stack.slots.len()), (vec!["uneven-spacing"], 40));
    assert!(worst_corner(&jitter, &stack) < 0.1);
}

#[test]
fn distances_that_drift_are_not_taken_for_even() {
    // Each gap differs from the next by less than 1 %, and the middle would be 0.7 mm off a straight line.
    let images =
        column((0..300).map(|n| f64::from(n) + if n > 150 { f64::from(n - 150) * 0.009 } else { 0.0 }));
    let refused = stack(&images, &Options::default());
    match refused {
        Ok(stack) => assert!(worst_corner(&images, &stack) < 0.1),
        Err(error) => assert_eq!(error.code(), "uneven-spacing"),
    }
}

#[test]
fn what_cannot_be_put_on_a_grid_is_refused_with_numbers() {
    let refused = |images: &[Image]| stack(images, &Options::default()).unwrap_err();
    // One slice beside the others.
    let mut images = even(5, 1.5);
    images[2].header.position = images[2].header.position.map(|p| p + DVec3::X * 0.4);
    let error = refused(&images);
    assert_eq!(error.code(), "not-a-stack");
    assert!(error.to_string().contains("IM0003"), "{error}");
    // 0.4 mm in slices of 0.03 mm would fit, 3 m would not.
    let error = refused(&column([0.0, 0.3, 0.73, 3000.0]));
    assert_eq!(error.code(), "uneven-spacing");
    assert!(error.to_string().contains("IM0003") && !error.help().is_empty(), "{error}");
    // Slices side by side.
    let aside =
        (0..4).map(|n| slice(n, ORIGIN + DVec3::new(10.0 * n as f64, 0.0, n as f64))).collect::<Vec<_>>();
    assert_eq!(refused(&aside).code(), "not-a-stack");
    let aside: Vec<Image> = (0..4).map(|n| slice(n, ORIGIN + DVec3::X * 10.0 * n as f64)).collect();
    let error = refused(&aside).to_string();
    assert!(error.contains("IM0001") && error.contains("(0020,0032)") && error.contains("-90.0"), "{error}");
    // Metres for millimetres, and pixels that no scanner makes.
    assert_eq!(refused(&even(4, 150.0)).code(), "not-a-stack");
    let error = refused(&even(4, 1e14));
    assert!(error.to_string().contains("(0020,0032) is -100.0\\-80.0\\100000000000040.0"), "{error}");
    for (wrong, words) in [([1e-300, 0.8], "1e-300"), ([0.8, 60.0], "60.0"), ([40.0, 0.7], "3200 mm wide")] {
        let mut images = even(5, 1.5);
        images.iter_mut().for_each(|image| image.header.pixel_spacing = Some(wrong));
        let error = refused(&images);
        assert!(error.to_string().contains(words) && error.to_string().contains("(0028,0030)"), "{error}");
        assert!(error.help().contains("--assume spacing="));
    }
    // Directions that are none.
    let mut images = even(5, 1.5);
    images[3].header.orientation = Some([DVec3::X, DVec3::new(0.0, 0.9, 0.0)]);
    let error = refused(&images);
    assert!(error.to_string().contains("(0020,0037)") && error.to_string().contains("IM0004"), "{error}");
}

#[test]
fn nearly_right_directions_are_made_right_and_told() {
    let mut images = even(5, 1.5);
    for image in &mut images {
        image.header.orientation = Some([DVec3::X * 1.0005, DVec3::new(0.0003, 1.0, 0.0)]);
    }
    let stack = stacked(&images);
    assert_eq!(codes(&stack), ["directions-straightened"]);
    assert!(worst_corner(&images, &stack) <= 0.05);
    let m = stack.grid.to_patient().linear;
    assert!(m.x_axis.dot(m.y_axis).abs() < 1e-12 && (m.x_axis.length() - 0.7).abs() < 1e-12);
}

#[test]
fn slices_without_a_position_are_refused_or_placed_as_stated() {
    let mut images = even(5, 1.5);
    images.iter_mut().for_each(|image| image.header.position = None);
    let refused = stack(&images, &Options::default()).unwrap_err();
    assert_eq!(refused.code(), "attribute-missing");
    assert!(refused.help().contains("--assume position=instance-number"), "{}", refused.help());
    let stated = options(&["position=instance-number", "slice-spacing=2.5"]);
    let placed = stack(&images, &stated).unwrap();
    assert_eq!(placed.order, [0, 1, 2, 3, 4]);
    assert!((placed.grid.spacing().z - 2.5).abs() < 1e-12);
    assert_eq!(placed.assumed, ["position", "slice-spacing"]);
    // One that says where it is holds the others; two that disagree with the statement do not.
    images[1].header.position = Some(ORIGIN);
    let placed = stack(&images, &stated).unwrap();
    assert!(placed.grid.place(0, 0, 0).distance(Point::from_vec(ORIGIN - DVec3::Z * 2.5)) < 1e-9);
    images[4].header.position = Some(ORIGIN + DVec3::Z * 9.0);
    let refused = stack(&images, &stated).unwrap_err();
    assert_eq!(refused.code(), "assumption-contradicts");
    assert!(
        refused.to_string().contains("IM0005") && refused.to_string().contains("(0020,0032)"),
        "{refused}"
    );
}

#[test]
fn an_assumed_distance_must_agree_with_the_positions() {
    let stated = |mm: &str| stack(&even(5, 1.5), &options(&[&format!("slice-spacing={mm}")]));
    assert_eq!(stated("2").unwrap_err().code(), "assumption-contradicts");
    assert!(stated("1.5").unwrap().assumed.is_empty());
}

#[test]
fn thickness_and_stated_distance_are_held_against_the_positions() {
    let with = |thickness: f64, distance: Option<f64>| {
        let mut images = even(6, 4.8);
        for image in &mut images {
            image.header.thickness = Some(thickness);
            image.header.slice_distance = distance;
        }
        let stack = stacked(&images);
        stack.findings.iter().map(|f| (f.code.clone(), f.severity)).collect::<Vec<_>>()
    };
    assert_eq!(with(4.0, Some(4.8)), []);
    // The space between slices instead of the distance of their middles.
    assert_eq!(with(4.0, Some(0.8)), []);
    assert_eq!(with(4.0, Some(2.4)), [("slice-distance-differs".to_owned(), Severity::Caution)]);
    assert_eq!(with(3.0, None), [("space-between-slices".to_owned(), Severity::Note)]);
    assert_eq!(with(1.0, None), [("space-between-slices".to_owned(), Severity::Caution)]);
}

#[test]
fn a_tilt_that_the_positions_contradict_is_told() {
    let mut images = head();
    images.iter_mut().for_each(|image| image.header.tilt = Some(0.0));
    assert!(codes(&stacked(&images)).contains(&"gantry-tilt-differs"));
}
