//! Does a surface lie where the image says, and not mirrored?

use glam::{DMat3, DVec3};
use osteon_core::{Affine, Cancelled, Ctx, Mask, Mesh, Patient, Point, Solid, Volume};
use rayon::prelude::*;

/// At most so many places of the surface are looked at: the share is then known to within 0.4 % (1 σ).
const SAMPLES: usize = 20_000;

/// Step to either side of the surface, in voxels: far enough to leave the blurred boundary, near enough
/// to stay within a thin cortex.
const STEP: f64 = 0.75;

/// Share of places, brighter inside than outside, from which on a pose agrees with the image.
///
/// A surface that has nothing to do with the image finds the inside brighter by chance, so about half of
/// the time; noise and touching bones cost a true one a tenth or so.
const AGREES: f64 = 0.75;

/// By how much one pose must be better than another to be called better: a tenth of the way from chance
/// to certainty, and over ten times the sampling error.
const BETTER: f64 = 0.05;

/// How well a surface fits an image, as it is placed and mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Share (0 to 1) of places of the surface where the image is brighter just inside than just outside.
    pub as_placed: f64,
    /// The largest such share of any mirror image of the surface.
    pub best_mirrored: f64,
    /// What follows from the two.
    pub verdict: Verdict,
}

/// What a comparison with the mirror images tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The surface fits as placed, and better than any mirror image.
    Agrees,
    /// A mirror image fits better: left and right are likely swapped.
    Mirrored,
    /// The surface fits, but a mirror image does so as well: the body is symmetric, or nearly.
    Undecided,
    /// Neither the surface nor a mirror image of it fits the image.
    Disagrees,
}

impl Verdict {
    /// A share from 0.75 on fits; two shares less than 0.05 apart are equally good.
    fn of(as_placed: f64, best_mirrored: f64) -> Self {
        if as_placed.max(best_mirrored) < AGREES {
            Verdict::Disagrees
        } else if best_mirrored >= as_placed + BETTER {
            Verdict::Mirrored
        } else if as_placed >= best_mirrored + BETTER {
            Verdict::Agrees
        } else {
            Verdict::Undecided
        }
    }
}

/// Compares a surface of something bright with the image it should have been made from.
///
/// Mirror images: along each of the patient's axes about the middle of the surface, and along each axis
/// of the grid about the middle of the image, as when a stack was read in the wrong order. Places on the
/// border of the image, where a surface was closed artificially, are left out.
pub fn agreement(mesh: &Mesh, volume: &Volume<i16>, ctx: &Ctx) -> Result<Agreement, Cancelled> {
    let stride = mesh.triangles.len().div_ceil(SAMPLES).max(1);
    let places: Vec<(DVec3, DVec3)> = mesh
        .triangles
        .iter()
        .step_by(stride)
        .filter_map(|&t| {
            let [a, b, c] = mesh.corners(t);
            let normal = (b - a).cross(c - a).try_normalize()?;
            Some(((a + b + c) / 3.0, normal))
        })
        .collect();
    let as_placed = share(&places, volume, &Affine::new(DMat3::IDENTITY, DVec3::ZERO));
    let mut best_mirrored = 0.0_f64;
    let mirrors = mirrors(mesh, volume);
    for (done, mirror) in mirrors.iter().enumerate() {
        ctx.done(done as f64 / mirrors.len() as f64)?;
        best_mirrored = best_mirrored.max(share(&places, volume, mirror));
    }
    Ok(Agreement {
        as_placed,
        best_mirrored,
        verdict: Verdict::of(as_placed, best_mirrored),
    })
}

/// The volume of a solid compared with that of the mask it was made from: (solid − mask) / mask, or
/// `None` for an empty mask.
pub fn volume_against_mask(solid: &Solid, mask: &Mask) -> Option<f64> {
    let truth = mask.volume();
    (truth > 0.0).then(|| (solid.volume() - truth) / truth)
}

/// The mirroring maps that are tried.
fn mirrors(mesh: &Mesh, volume: &Volume<i16>) -> Vec<Affine<Patient, Patient>> {
    let middle = mesh.bounds().middle().vec();
    let flips = [0, 1, 2].map(|axis| {
        let mut signs = DVec3::ONE;
        signs[axis] = -1.0;
        DMat3::from_diagonal(signs)
    });
    let about_mesh = flips.map(|flip| Affine::new(flip, middle - flip * middle));
    let grid = volume.grid();
    let last = DVec3::from(grid.dims().map(|n| (n - 1) as f64));
    let about_image = flips.map(|flip| {
        let turned = Affine::new(flip, (last - flip * last) * 0.5);
        grid.to_voxel().then(&turned).then(grid.to_patient())
    });
    about_mesh.into_iter().chain(about_image).collect()
}

/// Share of places, moved by `map`, where the image is brighter inside than outside.
fn share(places: &[(DVec3, DVec3)], volume: &Volume<i16>, map: &Affine<Patient, Patient>) -> f64 {
    let to_voxel = volume.grid().to_voxel().linear;
    // Normals go by the inverse transpose; for the mirrors of a sheared grid that is not the map itself.
    let normals = map.linear.inverse().transpose();
    let compared: Vec<Option<bool>> = places
        .par_iter()
        .map(|&(place, normal)| {
            let place = map.point(Point::from_vec(place)).vec();
            let Some(normal) = (normals * normal).try_normalize() else {
                return Some(false);
            };
            let step = normal * (STEP / (to_voxel * normal).length());
            let inside = volume.sample(Point::from_vec(place - step));
            let outside = volume.sample(Point::from_vec(place + step));
            match (inside, outside) {
                (Some(inside), Some(outside)) => Some(inside > outside),
                (Some(_), None) => None,
                (None, _) => Some(false),
            }
        })
        .collect();
    let counted = compared.iter().flatten().count();
    let bright = compared.iter().flatten().filter(|&&bright| bright).count();
    bright as f64 / counted.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{ball, block, shaped};
    use osteon_core::Grid;

    /// An image of a body: bright where `inside` holds, with noise.
    fn image(inside: impl Fn(DVec3) -> bool) -> Volume<i16> {
        let linear = DMat3::from_cols(
            DVec3::new(0.8, 0.0, 0.0),
            DVec3::new(0.0, -0.8, 0.0),
            DVec3::new(0.0, 0.2, 1.1),
        );
        let dims = [80, 80, 60];
        let middle = linear * DVec3::new(39.5, 39.5, 29.5);
        let grid = Grid::new(dims, Affine::new(linear, -middle)).unwrap();
        let mut random = Ctx::default().random("noise");
        let mut samples = Vec::new();
        for z in 0..dims[2] {
            for y in 0..dims[1] {
                samples.extend((0..dims[0]).map(|x| {
                    let bright = if inside(grid.place(x, y, z).vec()) {
                        600.0
                    } else {
                        0.0
                    };
                    (bright + 60.0 * random.normal()) as i16
                }));
            }
        }
        Volume::new(grid, samples).unwrap()
    }

    /// A block with one corner drawn out: no mirror image of it is like it.
    fn lopsided(p: DVec3) -> DVec3 {
        DVec3::new(p.x + 0.3 * p.y, p.y + 0.4 * p.z, p.z + 0.25 * p.x)
    }

    fn check(mesh: &Mesh, volume: &Volume<i16>) -> Agreement {
        agreement(mesh, volume, &Ctx::default()).unwrap()
    }

    #[test]
    fn a_lopsided_body_agrees_and_its_mirror_image_is_found_out() {
        let size = DVec3::new(20.0, 24.0, 28.0);
        let inverse = DMat3::from_cols(lopsided(DVec3::X), lopsided(DVec3::Y), lopsided(DVec3::Z)).inverse();
        let volume = image(|p| ((inverse * p).abs() * 2.0).cmple(size).all());
        let mesh = shaped(size, 1.0, lopsided).into_mesh();
        let found = check(&mesh, &volume);
        assert_eq!(found.verdict, Verdict::Agrees);
        assert!(found.as_placed > 0.97, "{found:?}");
        for axis in 0..3 {
            let mut signs = DVec3::ONE;
            signs[axis] = -1.0;
            let mirror = Affine::new(DMat3::from_diagonal(signs), DVec3::ZERO);
            let found = check(&mesh.moved(&mirror), &volume);
            assert_eq!(found.verdict, Verdict::Mirrored, "{found:?}");
        }
    }

    #[test]
    fn a_ball_cannot_tell_and_a_ball_elsewhere_disagrees() {
        let volume = image(|p| p.length() < 15.0);
        let mesh = ball(15.0, 1.0).into_mesh();
        assert_eq!(check(&mesh, &volume).verdict, Verdict::Undecided);
        let noise = image(|_| false);
        assert_eq!(check(&mesh, &noise).verdict, Verdict::Disagrees);
        let outside = mesh.moved(&Affine::new(DMat3::IDENTITY, DVec3::splat(500.0)));
        assert_eq!(check(&outside, &volume).verdict, Verdict::Disagrees);
    }

    #[test]
    fn a_stack_read_in_the_wrong_order_is_found_out_away_from_the_middle() {
        let size = DVec3::new(9.0, 14.0, 20.0);
        let at = DVec3::new(6.0, -5.0, 7.0);
        let mesh = shaped(size, 1.0, |p| p + at).into_mesh();
        // The body is symmetric, but the image has it on the other side.
        let volume = image(|p| {
            ((p - at * DVec3::new(-1.0, 1.0, 1.0)).abs() * 2.0)
                .cmple(size)
                .all()
        });
        assert_eq!(check(&mesh, &volume).verdict, Verdict::Mirrored);
    }

    #[test]
    fn a_solid_is_compared_with_its_mask() {
        let grid = Grid::upright([20, 20, 20], Point::new(0.0, 0.0, 0.0), DVec3::splat(0.5)).unwrap();
        let mask = Mask::where_true(&grid, |x, y, z| x < 10 && y < 10 && z < 10);
        let solid = block(DVec3::new(5.0, 5.0, 5.5), 1.0);
        let share = volume_against_mask(&solid, &mask).unwrap();
        assert!((share - 0.1).abs() < 1e-9);
        assert_eq!(volume_against_mask(&solid, &Mask::empty(&grid)), None);
    }
}
