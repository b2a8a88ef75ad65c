//! Orthographic depth maps: what of a mesh is seen from afar in one direction, and how thick it is there.

use glam::DVec3;
use osteon_core::{Cancelled, Ctx, Direction, Mesh, Patient, Point};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Triangles drawn by one task.
const CHUNK: usize = 1 << 15;

/// Where one looks from: far away on the side `toward`, with `up` upwards and `right` to the right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The place with flat coordinates (0, 0, 0).
    pub origin: Point<Patient>,
    /// To the viewer's right.
    pub right: Direction<Patient>,
    /// Upwards for the viewer.
    pub up: Direction<Patient>,
    /// Towards the viewer.
    pub toward: Direction<Patient>,
}

impl View {
    /// The view of a viewer on the side `toward`; `up` is made perpendicular to it. `None` if the two
    /// are parallel.
    pub fn new(origin: Point<Patient>, toward: Direction<Patient>, up: Direction<Patient>) -> Option<Self> {
        let right = Direction::new(up.vec().cross(toward.vec()))?;
        let up = Direction::new(toward.vec().cross(right.vec()))?;
        Some(Self { origin, right, up, toward })
    }

    /// Flat coordinates of a place in mm: rightwards, upwards, and depth away from the viewer.
    pub fn flat(&self, place: Point<Patient>) -> DVec3 {
        let p = (place - self.origin).vec();
        DVec3::new(p.dot(self.right.vec()), p.dot(self.up.vec()), -p.dot(self.toward.vec()))
    }

    /// The place with these flat coordinates.
    pub fn place(&self, flat: DVec3) -> Point<Patient> {
        let offset = self.right.vec() * flat.x + self.up.vec() * flat.y - self.toward.vec() * flat.z;
        Point::from_vec(self.origin.vec() + offset)
    }

    /// The same view with its origin elsewhere.
    pub const fn at(self, origin: Point<Patient>) -> Self {
        Self { origin, ..self }
    }

    /// Smallest and largest flat coordinates of all vertices.
    pub fn extent(&self, mesh: &Mesh) -> (DVec3, DVec3) {
        let parts: Vec<(DVec3, DVec3)> = mesh
            .vertices
            .par_chunks(CHUNK)
            .map(|chunk| {
                chunk
                    .iter()
                    .map(|&p| self.flat(p))
                    .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)))
            })
            .collect();
        parts.into_iter().fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(a, b), (c, d)| (a.min(c), b.max(d)))
    }
}

/// The pixels of a depth map: pixel (x, y) has its middle at flat coordinates ((x + ½), (y + ½)) · pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The view, with its origin at the lower left corner of pixel (0, 0), where depth is zero.
    pub view: View,
    /// Edge of a pixel in mm.
    pub pixel: f64,
    /// Numbers of pixels to the right and upwards.
    pub size: [usize; 2],
}

/// How far the lower left pixel lies outside the mesh, in pixels.
///
/// More than one, so that the border is always empty, and no simple fraction, so that edges of boxes do
/// not run exactly through the middles of pixels.
const BORDER: f64 = 1.371_238;

impl Window {
    /// The window around a whole mesh, depth zero at its nearest vertex.
    pub fn around(mesh: &Mesh, view: &View, pixel: f64) -> Self {
        let (low, high) = view.extent(mesh);
        let border = DVec3::new(BORDER * pixel, BORDER * pixel, 0.0);
        let count = |length: f64| (length / pixel + 2.0 * BORDER).ceil() as usize;
        let size = [count(high.x - low.x), count(high.y - low.y)];
        Self { view: view.at(view.place(low - border)), pixel, size }
    }

    /// The pixel of flat coordinates, if it is in the window.
    pub fn pixel_at(&self, flat: DVec3) -> Option<[usize; 2]> {
        let (x, y) = (flat.x / self.pixel, flat.y / self.pixel);
        let inside = x >= 0.0 && y >= 0.0 && x < self.size[0] as f64 && y < self.size[1] as f64;
        inside.then_some([x as usize, y as usize])
    }
}

/// What is seen of a mesh through a window; all lists row by row from the lower left.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthMap {
    /// Where the pixels are.
    pub window: Window,
    /// Depth in mm of the nearest surface that faces the viewer; infinite where there is none.
    pub front: Vec<f32>,
    /// Depth in mm of the nearest surface that faces away; infinite where there is none. For a solid,
    /// `back − front` is the thickness of the material below the visible surface.
    pub back: Vec<f32>,
    /// The triangle of the nearest surface that faces the viewer, or `u32::MAX`.
    pub triangle: Vec<u32>,
}

impl DepthMap {
    /// Position of pixel (x, y) in the lists.
    pub const fn index(&self, x: usize, y: usize) -> usize {
        y * self.window.size[0] + x
    }

    /// Thickness in mm of the material below the visible surface at a position of the lists; infinite
    /// where nothing is seen or nothing bounds it from below.
    pub fn thickness(&self, at: usize) -> f64 {
        if self.front[at].is_finite() { f64::from(self.back[at] - self.front[at]) } else { f64::INFINITY }
    }
}

/// Draws a mesh as seen through a window.
///
/// Of two surfaces at the same depth the triangle with the smaller index is kept, so that the order of
/// drawing does not matter.
pub fn depth_map(mesh: &Mesh, window: &Window, ctx: &Ctx) -> Result<DepthMap, Cancelled> {
    let count = window.size[0] * window.size[1];
    let front: Vec<AtomicU64> = (0..count).into_par_iter().map(|_| AtomicU64::new(u64::MAX)).collect();
    let back: Vec<AtomicU32> = (0..count).into_par_iter().map(|_| AtomicU32::new(u32::MAX)).collect();
    let scale = 1.0 / window.pixel;
    // In pixels, single precision: a shared vertex rounds the same way for all its triangles.
    let flat: Vec<[f32; 3]> = mesh
        .vertices
        .par_iter()
        .map(|&p| {
            let p = window.view.flat(p);
            [(p.x * scale) as f32, (p.y * scale) as f32, p.z as f32]
        })
        .collect();
    mesh.triangles.par_chunks(CHUNK).enumerate().try_for_each(|(chunk, triangles)| {
        ctx.check()?;
        for (t, triangle) in triangles.iter().enumerate() {
            let corners = triangle.map(|v| flat[v as usize]);
            draw(corners, window.size, |pixel, depth, facing| match facing {
                Facing::Viewer => {
                    let id = (chunk * CHUNK + t) as u64;
                    lower64(&front[pixel], u64::from(ordered(depth)) << 32 | id);
                }
                Facing::Away => lower32(&back[pixel], ordered(depth)),
            });
        }
        Ok(())
    })?;
    Ok(DepthMap {
        window: *window,
        front: front.par_iter().map(|f| depth_of((f.load(Ordering::Relaxed) >> 32) as u32)).collect(),
        back: back.par_iter().map(|b| depth_of(b.load(Ordering::Relaxed))).collect(),
        triangle: front.par_iter().map(|f| f.load(Ordering::Relaxed) as u32).collect(),
    })
}

enum Facing {
    Viewer,
    Away,
}

/// Calls `put(pixel, depth, facing)` for the pixels whose middles the triangle covers.
fn draw(corners: [[f32; 3]; 3], size: [usize; 2], mut put: impl FnMut(usize, f32, Facing)) {
    let [a, b, c] = corners;
    let span = |axis: usize, count: usize| {
        let low = a[axis].min(b[axis]).min(c[axis]);
        let high = a[axis].max(b[axis]).max(c[axis]);
        // Middles lie at ½; the cast of a negative number to an unsigned one saturates at zero.
        let from = (low - 0.5).ceil() as usize;
        let to = (high + 0.5).floor();
        (from, if to > 0.0 { (to as usize).min(count) } else { 0 })
    };
    let (x0, x1) = span(0, size[0]);
    let (y0, y1) = span(1, size[1]);
    if x0 >= x1 || y0 >= y1 {
        return;
    }
    let wide = |p: [f32; 3]| p.map(f64::from);
    let [a, b, c] = [wide(a), wide(b), wide(c)];
    let cross =
        |p: [f64; 3], q: [f64; 3], x: f64, y: f64| (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
    let twice = cross(a, b, c[0], c[1]);
    if twice == 0.0 {
        return;
    }
    let inverse = 1.0 / twice;
    for y in y0..y1 {
        for x in x0..x1 {
            let (px, py) = (x as f64 + 0.5, y as f64 + 0.5);
            // Shares of the corners; edges belong to both of their triangles.
            let wa = cross(b, c, px, py) * inverse;
            let wb = cross(c, a, px, py) * inverse;
            let wc = cross(a, b, px, py) * inverse;
            if wa >= 0.0 && wb >= 0.0 && wc >= 0.0 {
                let depth = (wa * a[2] + wb * b[2] + wc * c[2]) as f32;
                let facing = if twice > 0.0 { Facing::Viewer } else { Facing::Away };
                put(y * size[0] + x, depth, facing);
            }
        }
    }
}

/// A whole number that sorts like the depth.
fn ordered(depth: f32) -> u32 {
    let bits = depth.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The depth of `ordered`, infinite where nothing was drawn.
fn depth_of(ordered: u32) -> f32 {
    match ordered {
        u32::MAX => f32::INFINITY,
        up if up >> 31 == 1 => f32::from_bits(up & !(1 << 31)),
        down => f32::from_bits(!down),
    }
}

fn lower64(cell: &AtomicU64, value: u64) {
    // The load first: most draws are hidden and need no exclusive access.
    if value < cell.load(Ordering::Relaxed) {
        cell.fetch_min(value, Ordering::Relaxed);
    }
}

fn lower32(cell: &AtomicU32, value: u32) {
    if value < cell.load(Ordering::Relaxed) {
        cell.fetch_min(value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{ball, block, moved};
    use osteon_core::Affine;

    fn view(toward: DVec3, up: DVec3) -> View {
        View::new(Point::new(0.0, 0.0, 0.0), Direction::new(toward).unwrap(), Direction::new(up).unwrap())
            .unwrap()
    }

    #[test]
    fn flat_coordinates_and_places_are_inverse_and_right_handed() {
        let view = view(DVec3::new(0.3, -1.0, 0.2), DVec3::Z);
        let p = Point::new(3.0, -4.0, 5.0);
        assert!(view.place(view.flat(p)).distance(p) < 1e-12);
        let hand = view.right.vec().cross(view.up.vec()).dot(view.toward.vec());
        assert!((hand - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_ball_shows_its_cap_and_its_thickness() {
        let (radius, pixel) = (20.0, 0.5);
        let solid = moved(ball(radius, 0.5), DVec3::new(7.0, 8.0, 9.0));
        let view = view(DVec3::new(1.0, 2.0, 2.0), DVec3::Z);
        let window = Window::around(solid.mesh(), &view, pixel);
        let map = depth_map(solid.mesh(), &window, &Ctx::default()).unwrap();
        let middle = window.view.flat(Point::new(7.0, 8.0, 9.0));
        let mut seen = 0;
        for y in 0..window.size[1] {
            for x in 0..window.size[0] {
                let (u, v) = ((x as f64 + 0.5) * pixel - middle.x, (y as f64 + 0.5) * pixel - middle.y);
                let at = map.index(x, y);
                let off = u * u + v * v;
                if off < 18.0 * 18.0 {
                    let half = (radius * radius - off).sqrt();
                    // Chords of 1 mm sag by 1/(8·20) mm; seen at 25° or steeper that is doubled or more.
                    assert!((f64::from(map.front[at]) - (middle.z - half)).abs() < 0.03);
                    assert!((map.thickness(at) - 2.0 * half).abs() < 0.06);
                    seen += 1;
                } else if off > 20.5 * 20.5 {
                    assert!(map.front[at].is_infinite() && map.triangle[at] == u32::MAX);
                }
            }
        }
        assert!(seen > 4000);
    }

    #[test]
    fn a_map_does_not_change_with_the_number_of_threads_or_a_rotation() {
        let solid = block(DVec3::new(12.0, 17.0, 9.0), 0.7);
        let draw = |solid: &osteon_core::Solid, view: View| {
            depth_map(solid.mesh(), &Window::around(solid.mesh(), &view, 0.5), &Ctx::default()).unwrap()
        };
        let upright = draw(&solid, view(DVec3::Z, DVec3::Y));
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(|| draw(&solid, view(DVec3::Z, DVec3::Y))), upright);
        let turn = glam::DMat3::from_cols(DVec3::Y, DVec3::Z, DVec3::X);
        let turned = solid.moved(&Affine::new(turn, DVec3::splat(50.0))).unwrap();
        let turned = draw(&turned, view(turn * DVec3::Z, turn * DVec3::Y));
        assert_eq!(turned.window.size, upright.window.size);
        let error = turned.front.iter().zip(&upright.front).filter(|(a, b)| a.is_finite() || b.is_finite());
        assert!(error.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-5);
    }

    #[test]
    fn a_gap_bounds_the_thickness() {
        let lower = block(DVec3::new(10.0, 10.0, 4.0), 1.0).into_mesh();
        let mut mesh = moved(block(DVec3::new(10.0, 10.0, 2.0), 1.0), DVec3::Z * 6.0).into_mesh();
        let shift = mesh.vertices.len() as u32;
        mesh.vertices.extend(&lower.vertices);
        mesh.triangles.extend(lower.triangles.iter().map(|t| t.map(|v| v + shift)));
        let window = Window::around(&mesh, &view(DVec3::Z, DVec3::Y), 0.5);
        let map = depth_map(&mesh, &window, &Ctx::default()).unwrap();
        let middle = map.index(window.size[0] / 2, window.size[1] / 2);
        assert!((map.thickness(middle) - 2.0).abs() < 1e-6 && map.front[middle].abs() < 1e-6);
    }

    #[test]
    fn a_stopped_job_draws_nothing() {
        let ctx = Ctx::default();
        ctx.cancel().stop();
        let mesh = block(DVec3::ONE, 0.5).into_mesh();
        let window = Window::around(&mesh, &view(DVec3::Z, DVec3::Y), 0.5);
        assert_eq!(depth_map(&mesh, &window, &ctx), Err(Cancelled));
    }
}
