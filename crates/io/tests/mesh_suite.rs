//! Mesh files as they are met, broken and hostile ones among them: each read, read with a warning, or refused.
//!
//! Every file is written byte by byte by its case, so what should come out is known: the code of the refusal and what
//! its message names, or volume, findings and what [`Solid`] says of the mesh. A mesh that is read but bounds no volume
//! comes through as it is, for the repair of `osteon-mesh`, whose tests have the same shapes.

#![allow(clippy::unwrap_used, reason = "the cases make their own files")]

#[path = "mesh_suite/make.rs"]
mod make;
#[path = "mesh_suite/obj_ply.rs"]
mod obj_ply;
#[path = "mesh_suite/packages.rs"]
mod packages;
#[path = "mesh_suite/stl.rs"]
mod stl;

use glam::DVec3;
use osteon_core::{Ctx, Defect, Explain, NotSolid, Patient, Point, Solid};
use osteon_io::mesh_file::{MeshFormat, read};

/// One file and what must become of it.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    wanted: Wanted,
}

/// What must become of a file.
enum Wanted {
    /// Refused with this code; the message names each of these.
    Refused(&'static str, &'static [&'static str]),
    /// Read as a file of this format.
    Read(MeshFormat, Body, &'static [&'static str]),
}

/// What a read file holds; the findings beside it are named by their codes, in order.
enum Body {
    /// Solids with this volume in all, in mm³.
    Solid(f64),
    /// Something that is not a solid: the first defect, and the place it names.
    Broken(Flaw, [f64; 3]),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    OpenEdges(usize),
    Edges(usize),
    Vertices(usize),
    Degenerate(usize),
    InsideOut(usize),
}

fn flaw(defect: &Defect) -> (Flaw, Point<Patient>) {
    match *defect {
        Defect::OpenEdge { count, near } => (Flaw::OpenEdges(count), near),
        Defect::NonManifoldEdge { count, near } => (Flaw::Edges(count), near),
        Defect::NonManifoldVertex { count, near } => (Flaw::Vertices(count), near),
        Defect::Degenerate { count, near } => (Flaw::Degenerate(count), near),
        Defect::InsideOut { count, near } => (Flaw::InsideOut(count), near),
        ref other => unreachable!("{other}"),
    }
}

const fn case(name: &'static str, bytes: Vec<u8>, wanted: Wanted) -> Case {
    Case { name, bytes, wanted }
}

/// What became otherwise than wanted, if anything did.
fn fault(case: &Case) -> Option<String> {
    match (&case.wanted, read(&case.bytes, &Ctx::default())) {
        (Wanted::Refused(code, named), Err(refused)) => {
            let said = refused.to_string();
            let plain = !refused.help().is_empty() && !said.contains(char::is_control);
            let all = named.iter().all(|word| said.contains(word));
            (refused.code() != *code || !all || !plain).then(|| format!("{}: {said:?}", refused.code()))
        }
        (Wanted::Refused(..), Ok(file)) => Some(format!("not refused, {:?}", file.findings)),
        (Wanted::Read(..), Err(refused)) => Some(format!("{}: {refused}", refused.code())),
        (Wanted::Read(format, body, findings), Ok(file)) => {
            let codes: Vec<&str> = file.findings.iter().map(|f| f.code.as_str()).collect();
            let meshes = file.meshes.into_iter().map(|named| Solid::new(named.mesh)).collect();
            let alike = file.format == *format && codes == *findings;
            if alike { body_fault(body, meshes) } else { Some(format!("{} with {codes:?}", file.format)) }
        }
    }
}

fn body_fault(body: &Body, meshes: Vec<Result<Solid, NotSolid>>) -> Option<String> {
    let mut volume = 0.0;
    for mesh in meshes {
        match (body, mesh) {
            (Body::Solid(_), Ok(solid)) => volume += solid.volume(),
            (Body::Broken(wanted, place), Err(why)) => {
                let (found, near) = flaw(&why.defects[0]);
                let off = near.distance(Point::from_vec(DVec3::from_array(*place)));
                if found != *wanted || off > 1e-3 {
                    return Some(why.to_string());
                }
            }
            (_, Ok(solid)) => return Some(format!("a solid of {} mm³", solid.volume())),
            (_, Err(why)) => return Some(why.to_string()),
        }
    }
    match *body {
        // Coordinates of single precision near 100 mm err by 4e-6 mm, a share of 1e-6 of a volume at most.
        Body::Solid(wanted) if (volume / wanted - 1.0).abs() > 2e-6 => {
            Some(format!("{volume}, not {wanted} mm³"))
        }
        _ => None,
    }
}

#[test]
fn every_file_is_read_told_of_or_refused_as_it_must_be() {
    let cases: Vec<Case> = [stl::cases(), obj_ply::cases(), packages::three_mf(), packages::glb()]
        .into_iter()
        .flatten()
        .collect();
    // Two of the files would be one if a case were copied and not changed.
    let mut names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len());
    let faults: Vec<String> =
        cases.iter().filter_map(|case| Some(format!("{}: {}", case.name, fault(case)?))).collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}
