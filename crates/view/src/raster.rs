//! Shaded views of meshes, by a z-buffer in memory.
//!
//! Every sample keeps the smallest (depth, triangle) it has seen. A minimum does not depend on the order of
//! its terms, so threads may write in any order and the picture is the same to the last bit. Colours are
//! computed only for what is seen in the end.

use crate::camera::{Camera, View};
use crate::picture::{Colour, Picture};
use crate::{ViewError, shade};
use glam::Vec3;
use osteon_core::{Aabb, Ctx, Mesh, Patient, Point};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// The colours of a mesh.
#[derive(Clone, Copy, Debug)]
pub enum Paint<'a> {
    /// One colour.
    Plain(Colour),
    /// One colour for each vertex, mixed in between.
    Vertices(&'a [Colour]),
}

/// A mesh and its colours.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What is shown.
    pub mesh: &'a Mesh,
    /// In which colours.
    pub paint: Paint<'a>,
}

/// Meshes made ready to be looked at from several sides.
#[derive(Clone, Debug)]
pub struct Model {
    bounds: Aabb<Patient>,
    /// Corners about the middle of the bounds: near zero an `f32` keeps 0.1 µm.
    corners: Vec<Vec3>,
    normals: Vec<Vec3>,
    colours: Vec<Colour>,
    triangles: Vec<[u32; 3]>,
}

/// Samples on each side of a pixel.
pub(crate) const FINE: usize = 2;

/// Triangles drawn between two questions whether to stop; some milliseconds of work.
const CHUNK: usize = 1 << 15;

/// A sample that shows nothing.
const NOTHING: u64 = u64::MAX;

impl Model {
    /// Makes meshes ready: joins them, and finds the smooth normals of their vertices.
    ///
    /// # Errors
    /// [`ViewError::Mesh`] for indices or vertices that cannot be used, [`ViewError::Colours`] for a wrong
    /// number of colours, [`ViewError::Nothing`] when there is no triangle.
    pub fn new(parts: &[Part<'_>]) -> Result<Self, ViewError> {
        let mut bounds = Aabb::EMPTY;
        for part in parts {
            usable(part)?;
            let own = part.mesh.bounds();
            bounds = bounds.with(own.min).with(own.max);
        }
        let count: usize = parts.iter().map(|part| part.mesh.triangles.len()).sum();
        if count == 0 || count > u32::MAX as usize {
            return Err(ViewError::Nothing);
        }
        let middle = bounds.middle().vec();
        let mut model = Self {
            bounds,
            corners: Vec::new(),
            normals: Vec::new(),
            colours: Vec::new(),
            triangles: Vec::with_capacity(count),
        };
        for part in parts {
            let shift = model.corners.len() as u32;
            let mesh = part.mesh;
            let moved = mesh.vertices.par_iter().map(|v| (v.vec() - middle).as_vec3());
            model.corners.par_extend(moved);
            let shifted = mesh.triangles.par_iter().map(|t| t.map(|v| v + shift));
            model.triangles.par_extend(shifted);
            match part.paint {
                Paint::Plain(colour) => model.colours.resize(model.corners.len(), colour),
                Paint::Vertices(colours) => model.colours.extend(colours),
            }
        }
        model.normals = smooth_normals(&model.corners, &model.triangles);
        Ok(model)
    }

    /// The box around all meshes.
    pub const fn bounds(&self) -> &Aabb<Patient> {
        &self.bounds
    }

    /// The camera of a named view that shows the whole model as large as a picture of `size` allows.
    ///
    /// # Errors
    /// [`ViewError::Nothing`] when the picture has no pixels or the model is seen as a point.
    pub fn camera(&self, view: View, size: [usize; 2]) -> Result<Camera, ViewError> {
        let middle = self.bounds.middle().vec();
        let places = self.corners.iter().map(|p| Point::from_vec(middle + p.as_dvec3()));
        Camera::around(view, places, size)
    }

    /// The corners of triangle `t`.
    fn triangle(&self, t: usize) -> [Vec3; 3] {
        self.triangles[t].map(|v| self.corners[v as usize])
    }
}

fn usable(part: &Part<'_>) -> Result<(), ViewError> {
    let vertices = part.mesh.vertices.len();
    let dangling = |t: &&[u32; 3]| t.iter().any(|&v| v as usize >= vertices);
    let broken = part.mesh.vertices.par_iter().filter(|v| !v.vec().is_finite());
    match part.mesh.triangles.par_iter().filter(dangling).count() + broken.count() {
        0 => {}
        bad => return Err(ViewError::Mesh(bad)),
    }
    match part.paint {
        Paint::Vertices(colours) if colours.len() != vertices => {
            Err(ViewError::Colours { colours: colours.len(), vertices })
        }
        _ => Ok(()),
    }
}

/// Unit normals of vertices: the mean of the triangles around one, each weighted by the sine of its angle
/// there, so that neither large triangles nor a diagonal across a face pull it to their side.
///
/// Every thread goes through all triangles in order but adds only to vertices of its own range: a vertex'
/// sum has the same order however many ranges there are.
fn smooth_normals(corners: &[Vec3], triangles: &[[u32; 3]]) -> Vec<Vec3> {
    let mut normals = vec![Vec3::ZERO; corners.len()];
    let range = corners.len().div_ceil(rayon::current_num_threads()).max(1);
    normals.par_chunks_mut(range).enumerate().for_each(|(n, own)| {
        let from = n * range;
        for triangle in triangles {
            let slots = triangle.map(|v| (v as usize).wrapping_sub(from));
            if slots.iter().all(|&slot| slot >= own.len()) {
                continue;
            }
            let [a, b, c] = triangle.map(|v| corners[v as usize]);
            let edges = [b - a, c - b, a - c];
            let twice_area = edges[0].cross(-edges[2]);
            let lengths = edges.map(Vec3::length);
            for (i, &slot) in slots.iter().enumerate() {
                let legs = lengths[i] * lengths[(i + 2) % 3];
                if slot < own.len() && legs > 0.0 {
                    own[slot] += twice_area / legs;
                }
            }
        }
        own.iter_mut().for_each(|n| *n = n.normalize_or_zero());
    });
    normals
}

/// Corners as seen by a camera: x and y in samples, z in mm behind the nearest possible place.
fn seen(model: &Model, camera: &Camera) -> Vec<Vec3> {
    let middle = camera.project(model.bounds.middle());
    let reach = (model.bounds.size().length() / 2.0) as f32;
    let fine = (FINE as f64 / camera.mm_per_pixel()) as f32;
    let [right, up, towards] = camera.axes().map(|axis| axis.as_vec3());
    let origin = Vec3::new(FINE as f32 * middle[0] as f32, FINE as f32 * middle[1] as f32, reach);
    let project = |p: &Vec3| origin + Vec3::new(right.dot(*p) * fine, -up.dot(*p) * fine, towards.dot(*p));
    model.corners.par_iter().map(project).collect()
}

/// Draws one triangle into the buffer: `key` of a sample is its depth's bits, then the triangle's index.
fn draw([a, b, c]: [Vec3; 3], index: usize, buffer: &[AtomicU64], size: [usize; 2]) {
    let (low, high) = (a.min(b).min(c), a.max(b).max(c));
    // Samples sit in the middle of their squares: number i at i + 0.5.
    let first = |least: f32| (least + 0.5).max(0.0) as usize;
    let end = |most: f32, side: usize| ((most + 0.5).max(0.0) as usize).min(side);
    let (columns, rows) = (first(low.x)..end(high.x, size[0]), first(low.y)..end(high.y, size[1]));
    if columns.is_empty() || rows.is_empty() {
        return;
    }
    let [a, b, c] = [a, b, c].map(|p| p.as_dvec3());
    let double_area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if double_area == 0.0 {
        return;
    }
    // Products of differences of `f32`s are exact enough in `f64` that neighbours leave no gap.
    let side = |from: glam::DVec3, to: glam::DVec3, x: f64, y: f64| {
        ((to.x - from.x) * (y - from.y) - (to.y - from.y) * (x - from.x)) / double_area
    };
    for row in rows {
        let y = row as f64 + 0.5;
        for column in columns.clone() {
            let x = column as f64 + 0.5;
            let (u, v, w) = (side(b, c, x, y), side(c, a, x, y), side(a, b, x, y));
            if u >= 0.0 && v >= 0.0 && w >= 0.0 {
                let depth = ((u * a.z + v * b.z + w * c.z) as f32).max(0.0);
                let key = u64::from(depth.to_bits()) << 32 | index as u64;
                let sample = &buffer[row * size[0] + column];
                if key < sample.load(Ordering::Relaxed) {
                    sample.fetch_min(key, Ordering::Relaxed);
                }
            }
        }
    }
}

/// A shaded picture of the model on a light ground: matte, lit from beside the viewer, with places deeper
/// than their surroundings darkened. Inner sides of open meshes are shown in a dull violet.
///
/// # Errors
/// [`ViewError::Size`] for an impossible size; [`ViewError::Cancelled`] when stopped.
pub fn shaded(model: &Model, camera: &Camera, ctx: &Ctx) -> Result<Picture, ViewError> {
    let picture = Picture::new(camera.size(), shade::GROUND)?;
    let seen = seen(model, camera);
    let size = camera.size().map(|side| side * FINE);
    let buffer: Vec<AtomicU64> =
        (0..size[0] * size[1]).into_par_iter().map(|_| AtomicU64::new(NOTHING)).collect();
    model.triangles.par_chunks(CHUNK).enumerate().try_for_each(|(chunk, triangles)| {
        for (i, t) in triangles.iter().enumerate() {
            draw(t.map(|v| seen[v as usize]), chunk * CHUNK + i, &buffer, size);
        }
        ctx.check()
    })?;
    ctx.done(0.5)?;
    let [right, up, towards] = camera.axes().map(|axis| axis.as_vec3());
    let light = shade::Light::beside_the_viewer(right, up, towards);
    let at = |sample: usize| {
        let key = buffer[sample].load(Ordering::Relaxed);
        (key != NOTHING).then(|| {
            let point = [(sample % size[0]) as f32 + 0.5, (sample / size[0]) as f32 + 0.5];
            let t = (key & u64::from(u32::MAX)) as usize;
            let surface = surface(model, &seen, t, point, towards);
            (light.on(surface.0, surface.1), f32::from_bits((key >> 32) as u32))
        })
    };
    let pixels = shade::gather(camera.size(), at);
    ctx.done(0.9)?;
    let near_to_far = model.bounds.size().length() as f32;
    Ok(shade::compose(picture, &pixels, near_to_far))
}

/// Colour and unit normal (towards the viewer) of triangle `t` under the sample at `point`.
fn surface(model: &Model, seen: &[Vec3], t: usize, point: [f32; 2], towards: Vec3) -> (Vec3, Vec3) {
    let triangle = model.triangles[t];
    let [a, b, c] = triangle.map(|v| seen[v as usize]);
    let side = |p: Vec3, q: Vec3| (q.x - p.x) * (point[1] - p.y) - (q.y - p.y) * (point[0] - p.x);
    let weights = [side(b, c), side(c, a), side(a, b)];
    let sum: f32 = weights.iter().sum();
    let [p, q, r] = model.triangle(t);
    let flat = (q - p).cross(r - p).normalize_or_zero();
    let (mut colour, mut normal) = (Vec3::ZERO, Vec3::ZERO);
    for (vertex, weight) in triangle.into_iter().zip(weights) {
        let share = if sum == 0.0 { 1.0 / 3.0 } else { weight / sum };
        let smooth = model.normals[vertex as usize];
        // Across an edge the mean normal belongs to neither side.
        let edge = smooth.dot(flat) < CREASE;
        normal += share * if edge { flat } else { smooth };
        let [red, green, blue] = model.colours[vertex as usize].map(f32::from);
        colour += share * Vec3::new(red, green, blue);
    }
    if flat.dot(towards) <= 0.0 {
        (colour, normal.normalize_or_zero())
    } else {
        (shade::INSIDE, -normal.normalize_or_zero())
    }
}

/// Cosine of the angle between a triangle and its vertex' normal beyond which the edge is shown as one.
///
/// 40°: the mean normal of a right-angled edge is 45° off, that of a curved bone at 1 mm rarely 20°.
const CREASE: f32 = 0.766;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::png;
    use glam::DVec3;
    use osteon_core::Cancel;
    use osteon_phantom::mesh::{ball, cuboid};

    const BONE: Colour = [230, 218, 196];

    fn model(mesh: &Mesh) -> Model {
        Model::new(&[Part { mesh, paint: Paint::Plain(BONE) }]).unwrap()
    }

    fn view(mesh: &Mesh, view: View, size: [usize; 2]) -> (Picture, Camera) {
        let model = model(mesh);
        let camera = model.camera(view, size).unwrap();
        (shaded(&model, &camera, &Ctx::default()).unwrap(), camera)
    }

    fn shown(picture: &Picture) -> Vec<[usize; 2]> {
        let [width, height] = picture.size();
        let all = (0..width * height).map(|i| [i % width, i / width]);
        all.filter(|&[x, y]| picture.at(x, y) != shade::GROUND).collect()
    }

    fn brightness(picture: &Picture, [x, y]: [usize; 2]) -> f64 {
        picture.at(x, y).into_iter().map(f64::from).sum()
    }

    #[test]
    fn a_balls_silhouette_has_its_area_from_every_side() {
        let mesh = ball(DVec3::new(40.0, -30.0, 900.0), 50.0, 90);
        for from in View::SIX {
            let (picture, camera) = view(&mesh, from, [300, 300]);
            let scale = camera.mm_per_pixel();
            let area = shown(&picture).len() as f64 * scale * scale;
            let truth = std::f64::consts::PI * 2500.0;
            // Pixels that are touched count whole: half a pixel too much along the rim at most, and the
            // 180-cornered ball is 2 % of 1 % smaller than the round one.
            let rim = 2.0 * std::f64::consts::PI * 50.0 * scale;
            assert!(area > truth * 0.999 && area < truth + rim, "{from:?} {area} {truth}");
        }
    }

    #[test]
    fn what_faces_the_viewer_is_brighter_than_what_turns_away() {
        let mesh = ball(DVec3::ZERO, 50.0, 60);
        let (picture, camera) = view(&mesh, View::Anterior, [240, 240]);
        let radius = 50.0 / camera.mm_per_pixel();
        let ring = |share: f64| {
            let at = (0..36).map(|i| {
                let (sin, cos) = libm::sincos(f64::from(i) * std::f64::consts::PI / 18.0);
                let step = |c: f64| (120.0 + share * radius * c) as usize;
                brightness(&picture, [step(cos), step(sin)])
            });
            at.sum::<f64>() / 36.0
        };
        assert!(ring(0.1) > ring(0.6) + 30.0 && ring(0.6) > ring(0.9) + 60.0);
    }

    #[test]
    fn from_the_front_the_patients_right_is_on_the_viewers_left() {
        // A ball on the right of the body, a small one on the left, a bar between.
        let right = ball(DVec3::new(-60.0, 0.0, 0.0), 25.0, 30);
        let left = ball(DVec3::new(60.0, 0.0, 0.0), 10.0, 30);
        let both = |a: &Mesh, b: &Mesh| {
            let parts = [a, b].map(|mesh| Part { mesh, paint: Paint::Plain(BONE) });
            Model::new(&parts).unwrap()
        };
        let body = both(&right, &left);
        let halves = |model: &Model, from| {
            let camera = Camera::fit(from, model.bounds(), [300, 200]).unwrap();
            let picture = shaded(model, &camera, &Ctx::default()).unwrap();
            let shown = shown(&picture);
            let left = shown.iter().filter(|p| p[0] < 150).count();
            (left, shown.len() - left)
        };
        let (viewers_left, viewers_right) = halves(&body, View::Anterior);
        assert!(viewers_left > 4 * viewers_right, "{viewers_left} {viewers_right}");
        let (viewers_left, viewers_right) = halves(&body, View::Posterior);
        assert!(viewers_right > 4 * viewers_left);
        // And each ball is where the camera says.
        for from in View::SIX {
            let camera = Camera::fit(from, body.bounds(), [300, 200]).unwrap();
            let picture = shaded(&body, &camera, &Ctx::default()).unwrap();
            for place in [-60.0, 60.0].map(|x| Point::new(x, 0.0, 0.0)) {
                let [x, y, _] = camera.project(place).map(|c| c as usize);
                assert_ne!(picture.at(x, y), shade::GROUND, "{from:?}");
            }
        }
    }

    #[test]
    fn the_nearer_of_two_meshes_is_seen() {
        let front = cuboid(DVec3::new(-10.0, -50.0, -10.0), DVec3::new(20.0, 10.0, 20.0));
        let back = cuboid(DVec3::new(-40.0, 40.0, -40.0), DVec3::new(80.0, 10.0, 80.0));
        let parts = [(&back, [40, 160, 60]), (&front, [200, 40, 40])]
            .map(|(mesh, colour)| Part { mesh, paint: Paint::Plain(colour) });
        let model = Model::new(&parts).unwrap();
        let middle = |from| {
            let camera = Camera::fit(from, model.bounds(), [200, 200]).unwrap();
            shaded(&model, &camera, &Ctx::default()).unwrap().at(100, 100)
        };
        let [red, green, _] = middle(View::Anterior);
        assert!(red > 2 * green);
        let [red, green, _] = middle(View::Posterior);
        assert!(green > 2 * red);
    }

    #[test]
    fn a_flat_face_is_of_one_colour_up_to_its_edges() {
        let mesh = cuboid(DVec3::splat(-50.0), DVec3::splat(100.0));
        let (picture, _) = view(&mesh, View::Anterior, [200, 200]);
        let inner: Vec<_> =
            shown(&picture).into_iter().filter(|p| p.iter().all(|c| (32..168).contains(c))).collect();
        assert_eq!(inner.len(), 136 * 136);
        let first = picture.at(inner[0][0], inner[0][1]);
        for &[x, y] in &inner {
            let near = picture.at(x, y).iter().zip(first).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(near, "{:?} {first:?} at {x} {y}", picture.at(x, y));
        }
    }

    #[test]
    fn a_closed_mesh_has_no_gaps_and_never_shows_its_inside() {
        let inside_out = |mut mesh: Mesh| {
            mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
            mesh
        };
        let violet = |mesh: &Mesh| {
            let (picture, _) = view(mesh, View::Oblique, [400, 400]);
            let shown = shown(&picture);
            let middle = shown.iter().filter(|p| {
                let away = [p[0] as f64 - 199.5, p[1] as f64 - 199.5];
                libm::hypot(away[0], away[1]) < 155.0
            });
            let (mut blue, mut all) = (0, 0);
            for &[x, y] in middle {
                let [_, green, b] = picture.at(x, y);
                blue += usize::from(b > green);
                all += 1;
            }
            (blue, all)
        };
        let mesh = ball(DVec3::ZERO, 100.0, 200);
        let disc = std::f64::consts::PI * 155.0 * 155.0;
        let (blue, all) = violet(&mesh);
        assert_eq!(blue, 0, "of {all}");
        assert!((f64::from(all) - disc).abs() < 0.01 * disc, "{all} {disc}");
        let (blue, all) = violet(&inside_out(mesh));
        assert_eq!(blue, all as usize);
    }

    #[test]
    fn colours_of_vertices_are_mixed_between_them() {
        let mesh = cuboid(DVec3::new(-50.0, -5.0, -50.0), DVec3::new(100.0, 10.0, 100.0));
        let colours: Vec<Colour> =
            mesh.vertices.iter().map(|v| if v.vec().x > 0.0 { [240, 0, 0] } else { [0, 0, 240] }).collect();
        let part = |colours| Part { mesh: &mesh, paint: Paint::Vertices(colours) };
        let model = Model::new(&[part(&colours)]).unwrap();
        let camera = Camera::fit(View::Anterior, model.bounds(), [200, 200]).unwrap();
        let picture = shaded(&model, &camera, &Ctx::default()).unwrap();
        let red = |x| picture.at(x, 100)[0];
        assert!(red(40) < red(80) && red(80) < red(120) && red(120) < red(160));
        let refused = Model::new(&[part(&colours[1..])]).unwrap_err();
        assert_eq!(refused, ViewError::Colours { colours: 7, vertices: 8 });
    }

    #[test]
    fn a_view_is_the_same_to_the_last_bit_at_any_number_of_threads() {
        let mesh = ball(DVec3::new(3.0, 5.0, 7.0), 40.0, 150);
        let bytes = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| png::png(&view(&mesh, View::Oblique, [301, 207]).0).unwrap())
        };
        let one = bytes(1);
        assert!(one == bytes(2) && one == bytes(8));
    }

    #[test]
    fn unusable_meshes_are_refused_and_a_stop_is_heeded() {
        let good = cuboid(DVec3::ZERO, DVec3::ONE);
        let refused = |mesh: &Mesh| {
            let part = Part { mesh, paint: Paint::Plain(BONE) };
            Model::new(&[part]).unwrap_err()
        };
        let mut dangling = good.clone();
        dangling.triangles[3][1] = 8;
        assert_eq!(refused(&dangling), ViewError::Mesh(1));
        let mut broken = good.clone();
        broken.vertices[2] = Point::new(0.0, f64::NAN, 0.0);
        assert_eq!(refused(&broken), ViewError::Mesh(1));
        assert_eq!(refused(&Mesh::default()), ViewError::Nothing);
        let cancel = Cancel::default();
        cancel.stop();
        let stopped = Ctx::new(std::sync::Arc::new(Quiet), cancel, 0);
        let camera = Camera::fit(View::Head, &good.bounds(), [50, 50]).unwrap();
        let stopped = shaded(&model(&good), &camera, &stopped).unwrap_err();
        assert!(matches!(stopped, ViewError::Cancelled(_)));
    }

    struct Quiet;

    impl osteon_core::Progress for Quiet {
        fn report(&self, _: &str, _: f64) {}
    }
}
