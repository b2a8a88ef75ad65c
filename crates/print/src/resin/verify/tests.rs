//! Files of layers, right and damaged, against the part.

use super::*;
use crate::resin::file::{self, Previews};
use crate::resin::printer::Way;
use crate::resin::{Format, estimate, resin_printer, stand};
use crate::test_shapes::bracket;
use crate::turn::Turn;
use glam::DVec3;
use osteon_core::Solid;

/// A part exposed and read back by a printer's own rules.
struct Exposed {
    printer: ResinPrinter,
    standing: Standing,
    stack: Stack,
    estimate: Estimate,
    bytes: Vec<u8>,
}

impl Exposed {
    fn new(part: &Solid, printer: ResinPrinter, format: Format, lift: f64) -> Self {
        let ctx = Ctx::default();
        let standing = stand(&[part], &printer, &Turn::standing(), [lift, 0.0]).unwrap();
        let stack = Stack::new(&[part], &standing, &printer.screen, (0.25, 256), &ctx).unwrap();
        let estimate = estimate(&[part], &standing, &printer, 0.25, &ctx).unwrap();
        let mut bytes = Vec::new();
        let previews = Previews::default();
        let job = file::Job {
            stack: &stack,
            printer: &printer,
            estimate: &estimate,
            title: "bracket",
            previews: &previews,
        };
        file::write(&job, format, &mut bytes, &ctx).unwrap();
        Self { printer, standing, stack, estimate, bytes }
    }

    /// The proof of other bytes as if they were this part's.
    fn proof(&self, bytes: &[u8]) -> Proof {
        let job = Job {
            stack: &self.stack,
            standing: &self.standing,
            printer: &self.printer,
            estimate: &self.estimate,
        };
        verify(&Reading::new(bytes).unwrap(), &job, &Ctx::default()).unwrap()
    }
}

fn codes(proof: &Proof) -> Vec<&str> {
    proof.findings.iter().map(|f| f.code.as_str()).collect()
}

#[test]
fn what_was_written_in_any_format_is_proven_to_be_the_part() {
    let part = bracket(DVec3::new(7.0, 8.0, 9.0));
    for format in [Format::Goo, Format::Sl1, Format::Png] {
        let exposed = Exposed::new(&part, resin_printer("generic-4k").unwrap(), format, 0.0);
        let proof = exposed.proof(&exposed.bytes);
        assert_eq!(codes(&proof), Vec::<&str>::new(), "{format:?} {:?}", proof.findings);
        assert_eq!((proof.hand, proof.layers, proof.heights), (Hand::Kept, 80, HEIGHTS));
        assert!((proof.millilitres * 1000.0 / part.volume() - 1.0).abs() < 0.001, "{}", proof.millilitres);
        assert!(proof.area_error < 0.1 && proof.overlap > 0.99);
    }
}

#[test]
fn a_file_for_a_screen_mirrored_another_way_is_found_out_by_its_pictures() {
    let part = bracket(DVec3::ZERO);
    let right = resin_printer("generic-4k").unwrap();
    let mut wrong = right.clone();
    wrong.screen.columns = Way::Right;
    let right = Exposed::new(&part, right, Format::Png, 0.0);
    let wrong = Exposed::new(&part, wrong, Format::Png, 0.0);
    let proof = right.proof(&wrong.bytes);
    assert_eq!((proof.hand, codes(&proof)), (Hand::Mirrored, vec!["print-mirrored"]));
    assert_eq!(wrong.proof(&wrong.bytes).hand, Hand::Kept);
}

#[test]
fn a_part_lifted_without_supports_is_not_held_and_its_pieces_float() {
    let part = bracket(DVec3::new(100.0, 0.0, 0.0));
    let exposed = Exposed::new(&part, resin_printer("generic-4k").unwrap(), Format::Goo, 5.0);
    let proof = exposed.proof(&exposed.bytes);
    assert_eq!(codes(&proof), ["resin-island", "resin-empty-layer"]);
    // The arm and the post begin together on the underside of the bracket, 5 mm above the plate.
    let place = proof.findings[0].place.unwrap();
    assert!((100.0..122.5).contains(&place[0]) && (0.0..0.2).contains(&place[2]), "{place:?}");
    assert!((proof.findings[0].value.unwrap() - exposed.estimate.areas[20]).abs() < 1.0);
}

#[test]
fn damaged_files_are_refused_and_other_layers_found_out() {
    let part = bracket(DVec3::ZERO);
    let exposed = Exposed::new(&part, resin_printer("generic-4k").unwrap(), Format::Goo, 0.0);
    let bytes = &exposed.bytes;
    for cut in [10, super::super::goo::HEADER, bytes.len() / 2, bytes.len() - 1] {
        assert!(Reading::new(&bytes[..cut]).is_err(), "{cut}");
    }
    let job = Job {
        stack: &exposed.stack,
        standing: &exposed.standing,
        printer: &exposed.printer,
        estimate: &exposed.estimate,
    };
    let mut damaged = bytes.clone();
    damaged[super::super::goo::HEADER + 90] ^= 0x40;
    let refused = Reading::new(&damaged).and_then(|file| verify(&file, &job, &Ctx::default()).map(|_| ()));
    assert!(refused.is_err());
    // Another part of as many layers.
    let other =
        Exposed::new(&crate::test_shapes::ball(DVec3::ZERO, 10.0), exposed.printer.clone(), Format::Goo, 0.0);
    assert_eq!(other.stack.layers(), exposed.stack.layers());
    let proof = exposed.proof(&other.bytes);
    assert!(codes(&proof).contains(&"resin-layer-area") && codes(&proof).contains(&"resin-silhouette"));
    assert_eq!(proof.hand, Hand::Unknown);
}

#[test]
fn a_file_for_another_screen_is_told_apart_before_it_is_decoded() {
    let part = bracket(DVec3::ZERO);
    let small = Exposed::new(&part, resin_printer("generic-4k").unwrap(), Format::Goo, 0.0);
    let large = Exposed::new(&part, resin_printer("generic-8k").unwrap(), Format::Goo, 0.0);
    assert_eq!(codes(&large.proof(&small.bytes)), ["resin-screen"]);
}
