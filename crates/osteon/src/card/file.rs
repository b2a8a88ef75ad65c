//! What the objects of a file tell together: how large, how far away, how many triangles, and whether they fit a
//! printer.

use super::ObjectCard;
use osteon_core::{Finding, Severity};
use osteon_print::{Printer, printers};

/// Triangles that slicing programs take on one plate: above, OrcaSlicer refuses to export by default (its
/// `--mtcpp`).
const MOST_TRIANGLES: usize = 1_000_000;

/// How far from the origin a patient lies at most, mm, to the sides and to the front and back. Chosen: half the bore
/// of the widest scanners is 450 mm, with the table and the widest reconstruction added.
const ACROSS: f64 = 1000.0;

/// The same along the body, mm. Chosen: the longest tables move by 2 m.
const ALONG: f64 = 2000.0;

/// The printer that is meant when none is named.
const USUAL: usize = 0;

/// Findings about the objects of a file together. With a printer all is held against that one.
pub(crate) fn together(objects: &[ObjectCard], printer: Option<&Printer>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let triangles: usize = objects.iter().map(|object| object.triangles).sum();
    if let Some(first) = objects.first().filter(|_| triangles > MOST_TRIANGLES) {
        let message =
            format!("{triangles} triangles in all; slicing programs take {MOST_TRIANGLES} on one plate");
        let source = "OrcaSlicer's default for one plate";
        findings.push(
            Finding::new("many-triangles", Severity::Note, message)
                .measured(triangles as f64, MOST_TRIANGLES as f64, "triangles", source)
                .at(middle(first))
                .remedy("osteon shape <file> --out fewer.3mf --step \"decimate within=0.05\""),
        );
    }
    findings.extend(objects.iter().find_map(far));
    findings.extend(objects.iter().filter(|o| o.triangles > 0).filter_map(|object| large(object, printer)));
    findings
}

fn middle(object: &ObjectCard) -> [f64; 3] {
    let [low, high] = object.bounds;
    [0, 1, 2].map(|axis| f64::midpoint(low[axis], high[axis]))
}

fn size(object: &ObjectCard) -> [f64; 3] {
    let [low, high] = object.bounds;
    [0, 1, 2].map(|axis| high[axis] - low[axis])
}

/// Whether an object lies where no scanner puts a patient.
fn far(object: &ObjectCard) -> Option<Finding> {
    let [low, high] = object.bounds;
    let reach = |axis: usize| low[axis].abs().max(high[axis].abs());
    let beyond = |axis: &usize| reach(*axis) > if *axis == 2 { ALONG } else { ACROSS };
    let axis = [0, 1, 2].into_iter().find(beyond)?;
    let limit = if axis == 2 { ALONG } else { ACROSS };
    let message = format!(
        "{} reaches {:.0} mm from the origin along {}: no scanner places a patient there, single-precision files lose \
         detail, and some slicing programs stop",
        object.name,
        reach(axis),
        ["x", "y", "z"][axis]
    );
    let finding = Finding::new("far-from-origin", Severity::Caution, message);
    Some(finding.measured(reach(axis), limit, "mm", "chosen: reach of scanners").at(middle(object)).remedy(
        "ask where the file comes from; to print it: osteon shape <file> --out mended.3mf --step centre",
    ))
}

/// Usable width, depth and height of a printer, mm.
fn room(printer: &Printer) -> [f64; 3] {
    let margin = printer.margin(&printer.standard);
    let [width, depth] = printer.bed.size;
    [width - 2.0 * margin, depth - 2.0 * margin, printer.bed.height]
}

/// True if a box fits, turned by right angles.
fn takes(printer: &Printer, size: [f64; 3]) -> bool {
    let mut sides = [size, room(printer)];
    sides.iter_mut().for_each(|three| three.sort_by(f64::total_cmp));
    (0..3).all(|n| sides[0][n] <= sides[1][n])
}

/// Whether an object is too large for the printer, or for the usual or all built-in ones.
fn large(object: &ObjectCard, printer: Option<&Printer>) -> Option<Finding> {
    let size = size(object);
    let built_in = printers();
    let asked = printer.or(built_in.get(USUAL))?;
    if takes(asked, size) {
        return None;
    }
    let others: Vec<&str> =
        built_in.iter().filter(|other| takes(other, size)).map(|other| other.name.as_str()).collect();
    let severity = match (printer, others.is_empty()) {
        (Some(_), _) => Severity::Danger,
        (None, true) => Severity::Caution,
        (None, false) => Severity::Note,
    };
    let triple = |three: [f64; 3]| three.map(|mm| format!("{mm:.0}")).join(" × ");
    let message = format!(
        "{}: {} mm is more than printer {} has room for however it is turned by right angles, {} mm; it fits {}",
        object.name,
        triple(size),
        asked.name,
        triple(room(asked)),
        if others.is_empty() { "no built-in printer".to_owned() } else { others.join(", ") }
    );
    let axis = [0, 1, 2].into_iter().max_by(|&a, &b| size[a].total_cmp(&size[b]))?;
    let at = middle(object);
    let normal = ["1,0,0", "0,1,0", "0,0,1"][axis];
    let remedy = format!(
        "print it on a larger printer, or in two parts: osteon shape <file> --out part-1.3mf --step \"cut \
         {:.1},{:.1},{:.1} {normal} keep=front\", and keep=back for the other",
        at[0], at[1], at[2]
    );
    let room = room(asked).into_iter().fold(0.0, f64::max);
    let finding = Finding::new("larger-than-printer", severity, message);
    Some(finding.measured(size[axis], room, "mm", "printer profile").at(at).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(low: [f64; 3], size: [f64; 3]) -> ObjectCard {
        let high = [0, 1, 2].map(|n| low[n] + size[n]);
        ObjectCard { name: "part".to_owned(), triangles: 12, bounds: [low, high], ..ObjectCard::default() }
    }

    fn codes(object: ObjectCard, printer: Option<&Printer>) -> Vec<(String, Severity)> {
        together(&[object], printer).into_iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    #[test]
    fn what_lies_where_scanners_place_patients_and_fits_has_no_findings() {
        for low in [[0.0; 3], [-400.0, -300.0, -1800.0], [300.0, 200.0, 1850.0]] {
            assert_eq!(codes(object(low, [80.0, 70.0, 60.0]), None), []);
        }
        // Along the diagonal of room and height, 200 mm fit the usual printer in every direction.
        for size in [[200.0, 50.0, 50.0], [50.0, 200.0, 50.0], [50.0, 50.0, 200.0]] {
            assert_eq!(codes(object([0.0; 3], size), None), []);
        }
    }

    #[test]
    fn far_large_and_fine_models_are_told() {
        let far = |low| codes(object(low, [50.0; 3]), None);
        assert_eq!(far([2000.0, 0.0, 0.0]), [("far-from-origin".to_owned(), Severity::Caution)]);
        assert_eq!(far([0.0, -1010.0, 0.0]).len() + far([0.0, 0.0, -2001.0]).len(), 2);
        let spine = || object([0.0; 3], [106.0, 96.0, 269.0]);
        assert_eq!(codes(spine(), None), [("larger-than-printer".to_owned(), Severity::Note)]);
        let small = osteon_print::printer("generic-180").unwrap();
        assert_eq!(codes(spine(), Some(&small)), [("larger-than-printer".to_owned(), Severity::Danger)]);
        assert_eq!(
            codes(object([0.0; 3], [500.0; 3]), None),
            [("larger-than-printer".to_owned(), Severity::Caution)]
        );
        let found = together(&[spine()], None);
        assert_eq!(found[0].place, Some([53.0, 48.0, 134.5]));
        assert!(found[0].remedy.contains("cut 53.0,48.0,134.5 0,0,1"), "{}", found[0].remedy);
        let fine = ObjectCard { triangles: MOST_TRIANGLES + 1, ..object([0.0; 3], [50.0; 3]) };
        assert_eq!(codes(fine, None), [("many-triangles".to_owned(), Severity::Note)]);
    }
}
