//! Cuts through a volume, in the patient's true proportions, with the outlines of meshes over them.

use crate::ViewError;
use crate::camera::Camera;
use crate::picture::{Colour, Picture};
use glam::DVec3;
use osteon_core::{Ctx, Direction, Hu, Mesh, Patient, Plane, Point, Volume};
use osteon_mesh::section::sections;
use rayon::prelude::*;

/// Which radiodensities are shown between black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Radiodensity of the middle grey.
    pub level: Hu,
    /// From black to white.
    pub width: Hu,
}

impl Window {
    /// The usual window for bone.
    pub const BONE: Self = Self { level: Hu(500.0), width: Hu(2000.0) };

    /// The grey of a radiodensity.
    pub fn grey(self, hu: f64) -> u8 {
        let share = (hu - self.level.value()) / self.width.value() + 0.5;
        // A width of 0 divides to an infinity, which clamps to black or white: a threshold.
        (share.clamp(0.0, 1.0) * 255.0).round() as u8
    }
}

/// A mesh whose section is drawn over a slice.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    /// The mesh that is cut.
    pub mesh: &'a Mesh,
    /// Colour of its outline.
    pub colour: Colour,
}

/// Colour of what lies outside the volume: darker than air in no window, and not a grey.
const OUTSIDE: Colour = [16, 20, 28];

/// Width of an outline in pixels.
const STROKE: f64 = 1.6;

/// The slice of `volume` in the plane that the camera is focused on ([`Camera::through`]), on square
/// pixels of the camera's scale, with the sections of meshes drawn over it.
///
/// Values between voxels are trilinear; where a pixel is larger than a voxel, several places of the
/// pixel are averaged. The grid may be turned, sheared or left-handed.
///
/// # Errors
/// [`ViewError::Size`] for an impossible size, [`ViewError::Mesh`] for an unusable mesh,
/// [`ViewError::Cancelled`] when stopped.
pub fn slice(
    volume: &Volume<i16>,
    camera: &Camera,
    window: Window,
    outlines: &[Outline<'_>],
    ctx: &Ctx,
) -> Result<Picture, ViewError> {
    let mut picture = Picture::new(camera.size(), OUTSIDE)?;
    let width = camera.size()[0];
    let fine = volume.grid().spacing().min_element().max(f64::MIN_POSITIVE);
    // Three places across are enough against flicker; more would only blur what is already coarse.
    let parts = (camera.mm_per_pixel() / fine).ceil().clamp(1.0, 3.0) as usize;
    picture.rgb_mut().par_chunks_mut(3 * width).enumerate().try_for_each(|(y, row)| {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            if let Some(hu) = mean_within(volume, camera, [x, y], parts) {
                pixel.fill(window.grey(hu));
            }
        }
        ctx.check()
    })?;
    for outline in outlines {
        let strokes = section(outline.mesh, camera, ctx)?;
        picture.strokes(&strokes, STROKE, outline.colour);
    }
    Ok(picture)
}

/// Mean radiodensity of the places of a pixel that lie within the volume.
fn mean_within(volume: &Volume<i16>, camera: &Camera, [x, y]: [usize; 2], parts: usize) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for part in 0..parts * parts {
        let within = |n: usize| (n as f64 + 0.5) / parts as f64;
        let at = [x as f64 + within(part % parts), y as f64 + within(part / parts)];
        if let Some(hu) = volume.sample(camera.place(at)) {
            sum += hu;
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}

/// The section of a mesh with the camera's focused plane, as strokes in pixels.
///
/// # Errors
/// [`ViewError::Mesh`] when the mesh refers to vertices it does not have; [`ViewError::Cancelled`].
pub fn section(mesh: &Mesh, camera: &Camera, ctx: &Ctx) -> Result<Vec<[[f64; 2]; 2]>, ViewError> {
    let dangling = |t: &&[u32; 3]| t.iter().any(|&v| v as usize >= mesh.vertices.len());
    match mesh.triangles.iter().filter(dangling).count() {
        0 => {}
        bad => return Err(ViewError::Mesh(bad)),
    }
    let [_, _, towards] = camera.axes();
    let plane = Plane { point: camera.middle(), normal: Direction::from_vec(towards) };
    let pixel = |place: Point<Patient>| {
        let [x, y, _] = camera.project(place);
        [x, y]
    };
    let outlines = sections(mesh, &[plane], ctx)?.into_iter().flatten();
    Ok(outlines
        .flat_map(|line| {
            let line: Vec<[f64; 2]> = line.into_iter().map(pixel).collect();
            line.windows(2).map(|ends| [ends[0], ends[1]]).collect::<Vec<_>>()
        })
        .collect())
}

/// Place of a slice for a caption: "axial, z = −123.4 mm" along an axis of the patient, else "oblique".
pub fn caption(camera: &Camera) -> String {
    let [_, _, towards] = camera.axes();
    let place = camera.middle();
    let names = [("sagittal", 'x', DVec3::X), ("coronal", 'y', DVec3::Y), ("axial", 'z', DVec3::Z)];
    // 1e-6 of the cosine is 0.08°, less than a pixel across a picture.
    let along = names.into_iter().find(|n| n.2.dot(towards).abs() > 1.0 - 1e-6);
    match along {
        Some((name, letter, axis)) => {
            let at = axis.dot(place.vec());
            let sign = if at < -0.05 { "−" } else { "" };
            format!("{name}, {letter} = {sign}{:.1} mm", at.abs())
        }
        None => "oblique".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::View;
    use glam::DMat3;
    use osteon_core::{Affine, Grid};
    use osteon_phantom::mesh::ball;
    use proptest::prelude::*;

    const RED: Colour = [255, 0, 0];
    const MIDDLE: DVec3 = DVec3::new(8.0, -6.0, 905.0);
    const RADIUS: f64 = 15.0;

    /// Threshold halfway between ground (0) and ball (1000) in a window that keeps all shades.
    const SHADES: Window = Window { level: Hu(500.0), width: Hu(1200.0) };

    /// A ball of 1000 HU in 0 HU, its edge blurred linearly over 4 mm, on the given grid.
    fn scan(linear: DMat3, dims: [usize; 3]) -> Volume<i16> {
        let half = linear * DVec3::from(dims.map(|n| (n - 1) as f64 / 2.0));
        // The ball does not sit in the middle, so that a mirrored picture differs.
        let origin = MIDDLE - half - DVec3::new(6.0, 4.0, -5.0);
        let grid = Grid::new(dims, Affine::new(linear, origin)).unwrap();
        let mut samples = Vec::with_capacity(grid.count());
        for z in 0..dims[2] {
            for y in 0..dims[1] {
                for x in 0..dims[0] {
                    let depth = RADIUS - grid.place(x, y, z).vec().distance(MIDDLE);
                    samples.push((500.0 + 250.0 * depth).clamp(0.0, 1000.0) as i16);
                }
            }
        }
        Volume::new(grid, samples).unwrap()
    }

    fn grids() -> [(DMat3, [usize; 3]); 3] {
        let tilted = DMat3::from_cols(
            DVec3::new(0.9, 0.0, 0.0),
            DVec3::new(0.0, -0.9, 0.0),
            DVec3::new(0.0, 0.45, 1.5),
        );
        let turn = DMat3::from_axis_angle(DVec3::new(1.0, 2.0, 3.0).normalize(), 0.6);
        [
            (DMat3::from_diagonal(DVec3::new(0.8, 0.8, 1.6)), [72, 72, 40]),
            (tilted, [64, 64, 40]),
            (turn * DMat3::from_diagonal(DVec3::new(0.8, 0.8, -1.2)), [72, 72, 52]),
        ]
    }

    fn camera(view: View) -> Camera {
        let around =
            osteon_core::Aabb::around([-22.0, 22.0].map(|d| Point::from_vec(MIDDLE + DVec3::splat(d))));
        let through = Point::from_vec(MIDDLE + DVec3::new(2.0, 3.0, -4.0));
        Camera::fit(view, &around, [200, 200]).unwrap().through(through)
    }

    /// Worst distance in pixels from the drawn section to the grey level halfway up the edge.
    fn worst_gap(volume: &Volume<i16>, camera: &Camera, mesh: &Mesh) -> f64 {
        let ctx = Ctx::default();
        let plain = slice(volume, camera, SHADES, &[], &ctx).unwrap();
        let halfway = i32::from(SHADES.grey(500.0));
        let drawn = section(mesh, camera, &ctx).unwrap();
        assert!(drawn.len() > 50);
        let is_edge = |x: i64, y: i64| {
            let grey = |x: i64, y: i64| i32::from(plain.at(x as usize, y as usize)[0]) - halfway;
            let here = grey(x, y);
            [(1, 0), (-1, 0), (0, 1), (0, -1)].iter().any(|(dx, dy)| here * grey(x + dx, y + dy) <= 0)
        };
        let gap = |end: [f64; 2]| {
            let mut least = 9.0_f64;
            for y in (end[1] as i64 - 8).max(1)..(end[1] as i64 + 9).min(199) {
                for x in (end[0] as i64 - 8).max(1)..(end[0] as i64 + 9).min(199) {
                    if is_edge(x, y) {
                        least = least.min(libm::hypot(x as f64 + 0.5 - end[0], y as f64 + 0.5 - end[1]));
                    }
                }
            }
            least
        };
        drawn.into_iter().map(|stroke| gap(stroke[0])).fold(0.0, f64::max)
    }

    #[test]
    fn an_outline_lies_on_the_edge_in_every_plane_of_every_grid_and_a_mirrored_one_does_not() {
        let mesh = ball(MIDDLE, RADIUS, 60);
        let mirror = Affine::new(
            DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)),
            DVec3::new(2.0 * MIDDLE.x + 6.0, 0.0, 0.0),
        );
        for (linear, dims) in grids() {
            let volume = scan(linear, dims);
            for view in [View::AXIAL, View::CORONAL, View::SAGITTAL, View::Oblique] {
                let gap = worst_gap(&volume, &camera(view), &mesh);
                assert!(gap <= 1.0, "{view:?} {gap}");
            }
            for view in [View::AXIAL, View::CORONAL] {
                let gap = worst_gap(&volume, &camera(view), &mesh.moved(&mirror));
                assert!(gap > 3.0, "mirrored {view:?} {gap}");
            }
        }
    }

    #[test]
    fn a_slice_is_drawn_in_true_proportion() {
        // Voxels of 0.8 × 0.8 × 1.6 mm: a ball must be as wide as high in the coronal picture.
        let (linear, dims) = grids()[0];
        let camera = camera(View::CORONAL).through(Point::from_vec(MIDDLE));
        let picture = slice(&scan(linear, dims), &camera, SHADES, &[], &Ctx::default()).unwrap();
        let [x, y, _] = camera.project(Point::from_vec(MIDDLE));
        let bright = |x: usize, y: usize| picture.at(x, y)[0] > SHADES.grey(500.0);
        let wide = (0..200).filter(|&c| bright(c, y as usize)).count() as f64;
        let high = (0..200).filter(|&r| bright(x as usize, r)).count() as f64;
        let truth = 2.0 * RADIUS / camera.mm_per_pixel();
        assert!((wide - truth).abs() <= 2.0 && (high - truth).abs() <= 2.0, "{wide} {high} {truth}");
    }

    #[test]
    fn an_outline_is_drawn_in_its_colour_and_outside_the_volume_there_is_no_grey() {
        let (linear, dims) = grids()[0];
        let mesh = ball(MIDDLE, RADIUS, 40);
        let outline = Outline { mesh: &mesh, colour: RED };
        let camera = camera(View::AXIAL);
        let picture = slice(&scan(linear, dims), &camera, Window::BONE, &[outline], &Ctx::default()).unwrap();
        let end = section(&mesh, &camera, &Ctx::default()).unwrap()[0][0];
        // The middle of the pixel is at most 0.71 away, where the stroke still covers more than half of it.
        let [red, green, _] = picture.at(end[0] as usize, end[1] as usize);
        assert!(red > green + 100, "{red} {green}");
        let far = camera.through(Point::new(0.0, 0.0, -500.0));
        let nothing = slice(&scan(linear, dims), &far, Window::BONE, &[outline], &Ctx::default()).unwrap();
        assert!(nothing.rgb().chunks(3).all(|p| p == OUTSIDE));
    }

    #[test]
    fn the_bone_window_runs_from_minus_500_to_1500() {
        let grey = |hu| Window::BONE.grey(hu);
        assert_eq!(
            (grey(-3000.0), grey(-500.0), grey(500.0), grey(1500.0), grey(3071.0)),
            (0, 0, 128, 255, 255)
        );
    }

    #[test]
    fn captions_name_plane_and_place() {
        assert_eq!(caption(&camera(View::AXIAL)), "axial, z = 901.0 mm");
        assert_eq!(caption(&camera(View::SAGITTAL)), "sagittal, x = 10.0 mm");
        assert_eq!(caption(&camera(View::CORONAL)), "coronal, y = −3.0 mm");
        assert_eq!(caption(&camera(View::Oblique)), "oblique");
    }

    #[test]
    fn a_slice_is_the_same_at_any_number_of_threads() {
        let (linear, dims) = grids()[2];
        let (volume, mesh) = (scan(linear, dims), ball(MIDDLE, RADIUS, 80));
        let picture = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let outline = Outline { mesh: &mesh, colour: RED };
            let camera = camera(View::Oblique);
            pool.install(|| slice(&volume, &camera, Window::BONE, &[outline], &Ctx::default()).unwrap())
        };
        let one = picture(1);
        assert!(one == picture(2) && one == picture(8));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_section_of_a_closed_mesh_is_closed(
            a in -1.0..1.0_f64, b in -1.0..1.0_f64, offset in -9.0..9.0_f64,
        ) {
            let mesh = ball(MIDDLE, 10.0, 12);
            let direction = DVec3::new(a, b, 0.5);
            let camera = Camera::new(direction, DVec3::new(0.3, 1.0, -0.2), mesh.vertices.iter().copied(), [100, 100]).unwrap();
            let camera = camera.through(Point::from_vec(MIDDLE + direction.normalize() * offset));
            let mut ends: Vec<[i64; 2]> = section(&mesh, &camera, &Ctx::default())
                .unwrap()
                .into_iter()
                .flatten()
                .map(|p| p.map(|c| (c * 1e6).round() as i64))
                .collect();
            prop_assert!(!ends.is_empty());
            // Each place where the outline passes an edge ends one stroke and begins another.
            ends.sort_unstable();
            let mut alone = 0;
            let mut i = 0;
            while i < ends.len() {
                let paired = ends.get(i + 1).is_some_and(|n| (0..2).all(|c| (n[c] - ends[i][c]).abs() <= 1));
                alone += usize::from(!paired);
                i += if paired { 2 } else { 1 };
            }
            prop_assert_eq!(alone, 0);
        }
    }
}
