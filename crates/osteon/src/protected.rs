//! Surfaces that a person protects: `ball 10,-20,300 8mm`, `box <corner> <corner>`, `near <mesh file> 2mm`.

use crate::command::shape::load_with_facts;
use crate::failure::Failure;
use crate::steps::{Step, Usage};
use osteon_core::{Aabb, Ctx, Mesh};
use osteon_mesh::region::{Region, Regions};

/// The regions and how they are written.
const REGIONS: &[Usage] = &[
    ("ball", "ball <x,y,z> <radius mm>"),
    ("box", "box <corner x,y,z> <opposite corner x,y,z>"),
    ("near", "near <distance mm> <mesh file>"),
];

/// Reads regions as people write them; a file that is named is read.
pub(crate) fn regions(texts: &[String], ctx: &Ctx) -> Result<Regions, Failure> {
    texts.iter().map(|text| region(text, ctx)).collect::<Result<_, _>>().map(Regions)
}

fn region(text: &str, ctx: &Ctx) -> Result<Region, Failure> {
    let mut step = Step::new(text, REGIONS)?;
    let region = match step.verb {
        "ball" => {
            let middle = step.place("the middle")?;
            Region::Ball { middle, radius: step.length("the radius")? }
        }
        "box" => {
            let [a, b] = [step.place("a corner")?, step.place("the opposite corner")?];
            let (min, max) = (a.vec().min(b.vec()), a.vec().max(b.vec()));
            Region::Box(Aabb {
                min: osteon_core::Point::from_vec(min),
                max: osteon_core::Point::from_vec(max),
            })
        }
        _ => {
            let within = step.length("the distance")?;
            let file = step.words("the mesh file")?;
            return near(&file, within, ctx);
        }
    };
    step.end()?;
    Ok(region)
}

/// All objects of a mesh file as one region.
fn near(file: &str, within: f64, ctx: &Ctx) -> Result<Region, Failure> {
    let mut all = Mesh::default();
    for named in load_with_facts(file, ctx)?.0.meshes {
        let first = all.vertices.len() as u32;
        all.vertices.extend(named.mesh.vertices);
        all.triangles.extend(named.mesh.triangles.into_iter().map(|t| t.map(|v| v + first)));
    }
    Ok(Region::near(all, within, ctx)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::Point;

    #[test]
    fn balls_and_boxes_are_read_and_what_is_wrong_is_refused() {
        let read = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            regions(&texts, &Ctx::default())
        };
        let both = read(&["ball 10,-20,300 8mm", "box 5,5,5 -5,0,0"]).unwrap();
        assert!(both.contains(Point::new(10.0, -12.0, 300.0)) && both.contains(Point::new(-4.0, 4.0, 1.0)));
        assert!(!both.contains(Point::new(10.0, -11.9, 300.0)));
        for wrong in ["ball 1,2 3", "ball 1,2,3", "ball 1,2,3 0", "box 1,2,3", "cone 1", "ball 1,2,3 4 5"] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
        assert!(read(&["near 2 no-such-file.stl"]).is_err());
    }
}
