//! The kernels, each with what it needs made before the clock starts.

#![allow(clippy::disallowed_methods, reason = "what writing a file costs is one of the things timed")]

use crate::clock::{Timed, time};
use osteon_core::{Ctx, Hu, LabelMap, Mask, Solid, Volume};
use osteon_image::distance::{self, Border};
use osteon_image::{
    Levels, Neighbours, body, components, denoise, edge, fill, keep_largest, morphology, otsu, threshold,
};
use osteon_io::stl;
use osteon_mesh::bvh::Bvh;
use osteon_mesh::decimate::{Decimation, decimate};
use osteon_mesh::isosurface::isosurface;
use osteon_mesh::smooth::{Smoothing, smooth};
use osteon_mesh::{labels, self_intersection};
use serde_json::{Value, json};

/// Threshold of every bone mask here, as in the peers' script.
const BONE: Hu = Hu(226.0);

/// The kernels there are.
pub const NAMES: &[&str] = &[
    "threshold",
    "otsu",
    "components-26",
    "components-6",
    "largest-26",
    "closing-3",
    "closing-3mm",
    "fill",
    "median",
    "gaussian",
    "flow",
    "distance-inside",
    "distance-outside",
    "body",
    "edge-levels",
    "surface",
    "surface-half-height",
    "label-surface",
    "smooth",
    "decimate",
    "hierarchy",
    "self-intersections",
    "stl-write",
    "stl-read",
];

/// Runs a kernel of this name on a volume.
pub fn run(op: &str, volume: Volume<i16>, seconds: f64) -> Result<Timed, String> {
    let ctx = Ctx::default();
    if let Some(timed) = on_values(op, &volume, seconds, &ctx) {
        return timed;
    }
    let mask = bone(&volume)?;
    if let Some(timed) = on_mask(op, &mask, seconds, &ctx) {
        return timed;
    }
    on_surface(op, &volume, &mask, seconds, &ctx)
        .unwrap_or_else(|| Err(format!("there is no kernel {op}; osteon-bench list names them")))
}

type Tried = Option<Result<Timed, String>>;

/// Grey values to grey values or bits.
fn on_values(op: &str, volume: &Volume<i16>, seconds: f64, ctx: &Ctx) -> Tried {
    let sum = |v: &Volume<i16>| json!(v.samples().iter().map(|&s| i64::from(s)).sum::<i64>());
    Some(match op {
        "threshold" => time(seconds, || Ok(json!(threshold(volume, BONE, None, ctx).map_err(text)?.count()))),
        "otsu" => time(seconds, || {
            let found = otsu(volume, Hu(f64::from(i16::MIN)), Hu(f64::from(i16::MAX)), ctx).map_err(text)?;
            Ok(json!(found.map(Hu::value)))
        }),
        "median" => time(seconds, || Ok(sum(&denoise::median(volume, ctx).map_err(text)?))),
        "gaussian" => {
            let sigma = volume.grid().spacing().x;
            time(seconds, || Ok(sum(&denoise::gaussian(volume, sigma, ctx).map_err(text)?)))
        }
        "flow" => {
            let how = denoise::Flow::default();
            time(seconds, || Ok(sum(&denoise::flow(volume, &how, ctx).map_err(text)?)))
        }
        "body" => time(seconds, || Ok(json!(body(volume, ctx).map_err(text)?.count()))),
        _ => return None,
    })
}

/// Bits to bits, pieces or distances.
fn on_mask(op: &str, mask: &Mask, seconds: f64, ctx: &Ctx) -> Tried {
    let count = |near| time(seconds, || Ok(json!(components(mask, near, ctx).map_err(text)?.list().len())));
    let close =
        |mask: Mask| time(seconds, || Ok(json!(morphology::close(&mask, 3.0, ctx).map_err(text)?.count())));
    let far = |v: Volume<f32>| json!(v.samples().iter().map(|&d| f64::from(d)).sum::<f64>());
    Some(match op {
        "components-26" => count(Neighbours::Corners),
        "components-6" => count(Neighbours::Faces),
        "largest-26" => time(seconds, || Ok(json!(largest(mask)?.count()))),
        // Radius in voxels, as the peers have it: their grids are taken for cubes of 1 mm.
        "closing-3" => largest(mask).and_then(|mask| on_unit_grid(&mask)).and_then(close),
        "closing-3mm" => largest(mask).and_then(close),
        "fill" => largest(mask)
            .and_then(|mask| time(seconds, || Ok(json!(fill(&mask, ctx).map_err(text)?.mask.count())))),
        "distance-inside" => largest(mask).and_then(|mask| {
            time(seconds, || Ok(far(distance::inside(&mask, Border::Inside, ctx).map_err(text)?)))
        }),
        "distance-outside" => largest(mask)
            .and_then(|mask| time(seconds, || Ok(far(distance::outside(&mask, ctx).map_err(text)?)))),
        _ => return None,
    })
}

/// Surfaces: from the image, of a label, and what is done with them.
fn on_surface(op: &str, volume: &Volume<i16>, mask: &Mask, seconds: f64, ctx: &Ctx) -> Tried {
    let level = Levels::constant(Hu(BONE.value() - 0.5));
    Some(match op {
        "surface" => time(seconds, || Ok(found(&isosurface(volume, &level, mask, ctx).map_err(text)?))),
        "surface-half-height" => time(seconds, || {
            let levels = edge::measure(volume, mask, ctx).map_err(text)?;
            Ok(found(&isosurface(volume, &levels, mask, ctx).map_err(text)?))
        }),
        "edge-levels" => largest(mask).and_then(|mask| {
            time(seconds, || Ok(json!(edge::measure(volume, &mask, ctx).map_err(text)?.fallback().value())))
        }),
        "label-surface" => largest(mask).and_then(|mask| {
            let map = LabelMap::from_masks(&[mask]).map_err(text)?;
            time(seconds, || {
                let surfaces = labels::surfaces(&map, None, ctx).map_err(text)?;
                Ok(surfaces.first().map_or(Value::Null, |surface| found(&surface.solid)))
            })
        }),
        _ => {
            return on_solid(
                op,
                || isosurface(volume, &level, &largest(mask)?, ctx).map_err(text),
                seconds,
                ctx,
            );
        }
    })
}

/// Solids to solids, facts or files: all on the surface of the largest piece of bone.
fn on_solid(op: &str, make: impl Fn() -> Result<Solid, String>, seconds: f64, ctx: &Ctx) -> Tried {
    let known = ["smooth", "decimate", "hierarchy", "self-intersections", "stl-write", "stl-read"];
    if !known.contains(&op) {
        return None;
    }
    Some(make().and_then(|solid| match op {
        "smooth" => {
            let how = Smoothing { passes: 20, bound_mm: 0.2 };
            time(seconds, || Ok(found(&smooth(&solid, &how, ctx).map_err(text)?.solid)))
        }
        "decimate" => {
            let how = Decimation { share: 0.1, deviation: 0.1, keep: None };
            time(seconds, || {
                let fewer = decimate(&solid, &how, ctx).map_err(text)?;
                Ok(json!({ "left": fewer.after, "of": fewer.before, "proven_mm": fewer.deviation }))
            })
        }
        "hierarchy" => time(seconds, || {
            Bvh::new(solid.mesh(), ctx).map_err(text)?;
            Ok(found(&solid))
        }),
        "self-intersections" => {
            let bvh = Bvh::new(solid.mesh(), ctx).map_err(text)?;
            time(seconds, || Ok(json!(self_intersection::find(solid.mesh(), &bvh, ctx).map_err(text)?.len())))
        }
        "stl-write" => {
            let place = std::env::temp_dir().join(format!("osteon-bench-{}.stl", std::process::id()));
            let timed = time(seconds, || {
                let mut file = std::fs::File::create(&place).map_err(text)?;
                stl::write(&solid, "bench", &mut file, ctx).map_err(text)?;
                Ok(found(&solid))
            });
            std::fs::remove_file(&place).map_err(text)?;
            timed
        }
        _ => {
            let mut bytes = Vec::new();
            stl::write(&solid, "bench", &mut bytes, ctx).map_err(text)?;
            time(seconds, || Ok(json!(stl::read(&bytes, ctx).map_err(text)?.meshes[0].mesh.vertices.len())))
        }
    }))
}

fn text(problem: impl std::fmt::Display) -> String {
    problem.to_string()
}

fn bone(volume: &Volume<i16>) -> Result<Mask, String> {
    threshold(volume, BONE, None, &Ctx::default()).map_err(text)
}

fn largest(mask: &Mask) -> Result<Mask, String> {
    let all = components(mask, Neighbours::Corners, &Ctx::default()).map_err(text)?;
    Ok(keep_largest(&all, 1).mask)
}

fn on_unit_grid(mask: &Mask) -> Result<Mask, String> {
    let origin = osteon_core::Point::new(0.0, 0.0, 0.0);
    let grid = osteon_core::Grid::upright(mask.grid().dims(), origin, glam::DVec3::ONE).map_err(text)?;
    let mut cubes = Mask::empty(&grid);
    cubes.bits_mut().copy_from_slice(mask.bits());
    Ok(cubes)
}

fn found(solid: &Solid) -> Value {
    json!({ "triangles": solid.mesh().triangles.len(), "volume_mm3": solid.volume() })
}
