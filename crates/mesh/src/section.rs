//! Where planes cut a mesh: outlines to draw on slices, to compare with a print, and the box around them.
//!
//! A vertex exactly on a plane counts as above it, so that every crossing is one of an edge with one
//! end above and one below: no special cases, and no gaps where a plane passes through vertices.

use osteon_core::{Aabb, Cancelled, Ctx, Direction, Mesh, Patient, Plane, Point};
use rayon::prelude::*;
use std::ops::Range;

/// Triangles looked at by one task.
const CHUNK: usize = 1 << 15;

/// Cuts a mesh by planes: for each plane its outlines, in the order of `planes`.
///
/// A closed outline repeats its first point at the end; one that ends at an open edge of the mesh does
/// not. Seen with the plane's normal pointing at the viewer, an outline runs counter-clockwise around
/// material. Planes with the same normal are cut together, in one pass over the mesh.
pub fn sections(mesh: &Mesh, planes: &[Plane<Patient>], ctx: &Ctx) -> Result<Vec<Vec<Outline>>, Cancelled> {
    let mut outlines = vec![Vec::new(); planes.len()];
    let families = families(planes);
    for (done, (normal, family)) in families.iter().enumerate() {
        let (heights, numbers): (Vec<f64>, Vec<usize>) = family.iter().copied().unzip();
        let stack = Stack::new(mesh, *normal, &heights);
        for (plane, found) in numbers.into_iter().zip(stack.outlines(ctx)?) {
            outlines[plane] = found;
        }
        ctx.done((done + 1) as f64 / families.len() as f64)?;
    }
    Ok(outlines)
}

/// The box around the outlines of all planes together, empty where none meets the mesh.
///
/// Nothing is linked, so that a thousand planes through a large mesh need little memory.
pub fn extent(mesh: &Mesh, planes: &[Plane<Patient>], ctx: &Ctx) -> Result<Aabb<Patient>, Cancelled> {
    let mut boxes = Vec::new();
    let families = families(planes);
    for (done, (normal, family)) in families.iter().enumerate() {
        let heights: Vec<f64> = family.iter().map(|f| f.0).collect();
        boxes.push(Stack::new(mesh, *normal, &heights).extent(ctx)?);
        ctx.done((done + 1) as f64 / families.len() as f64)?;
    }
    Ok(around_all(&boxes))
}

/// The box around boxes, some of which may be empty.
fn around_all(boxes: &[Aabb<Patient>]) -> Aabb<Patient> {
    let full = boxes.iter().filter(|b| !b.is_empty());
    Aabb::around(full.flat_map(|b| [b.min, b.max]))
}

/// Points of the patient along an outline.
pub type Outline = Vec<Point<Patient>>;

/// Planes of one normal: height along it and place among all planes, from low to high.
type Family = (Direction<Patient>, Vec<(f64, usize)>);

/// Planes grouped by their normals.
fn families(planes: &[Plane<Patient>]) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for (number, plane) in planes.iter().enumerate() {
        let member = (plane.point.vec().dot(plane.normal.vec()), number);
        match families.iter_mut().find(|(normal, _)| *normal == plane.normal) {
            Some((_, family)) => family.push(member),
            None => families.push((plane.normal, vec![member])),
        }
    }
    for (_, family) in &mut families {
        family.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    families
}

/// A mesh and ascending heights along a normal at which it is cut.
struct Stack<'a> {
    mesh: &'a Mesh,
    /// The height of each vertex.
    along: Vec<f64>,
    heights: &'a [f64],
}

impl<'a> Stack<'a> {
    fn new(mesh: &'a Mesh, normal: Direction<Patient>, heights: &'a [f64]) -> Self {
        let n = normal.vec();
        let along = mesh.vertices.par_iter().map(|p| p.vec().dot(n)).collect();
        Self { mesh, along, heights }
    }

    /// Which of the heights cut a triangle.
    fn cuts(&self, triangle: [u32; 3]) -> Range<usize> {
        let h = triangle.map(|v| self.along[v as usize]);
        let (low, high) = (h[0].min(h[1]).min(h[2]), h[0].max(h[1]).max(h[2]));
        // Above means ≥: the plane cuts when low < height ≤ high.
        let from = self.heights.partition_point(|&height| height <= low);
        let cut = self.heights[from..].iter().take_while(|&&height| height <= high);
        from..from + cut.count()
    }

    fn outlines(&self, ctx: &Ctx) -> Result<Vec<Vec<Outline>>, Cancelled> {
        let crossings: Vec<Vec<(u32, u32)>> = self
            .mesh
            .triangles
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, triangles)| {
                ctx.check()?;
                let numbered = triangles.iter().zip(chunk * CHUNK..);
                let cuts =
                    numbered.flat_map(|(&t, n)| self.cuts(t).map(move |plane| (plane as u32, n as u32)));
                Ok(cuts.collect())
            })
            .collect::<Result<_, Cancelled>>()?;
        let mut cut = vec![Vec::new(); self.heights.len()];
        for (plane, triangle) in crossings.into_iter().flatten() {
            cut[plane as usize].push(triangle);
        }
        cut.par_iter()
            .zip(self.heights)
            .map(|(triangles, &height)| {
                ctx.check()?;
                Ok(outlines(self.mesh, &self.along, height, triangles))
            })
            .collect()
    }

    fn extent(&self, ctx: &Ctx) -> Result<Aabb<Patient>, Cancelled> {
        let boxes: Vec<Aabb<Patient>> = self
            .mesh
            .triangles
            .par_chunks(CHUNK)
            .map(|triangles| {
                ctx.check()?;
                let mut around = Aabb::EMPTY;
                for &triangle in triangles {
                    for height in &self.heights[self.cuts(triangle)] {
                        let (down, up) = segment(&self.along, *height, triangle);
                        for end in [down, up] {
                            around = around.with(crossing(self.mesh, &self.along, *height, end));
                        }
                    }
                }
                Ok(around)
            })
            .collect::<Result<_, Cancelled>>()?;
        Ok(around_all(&boxes))
    }
}

/// The edges, named by their ends, where a triangle goes down through a height and comes up again.
///
/// From the first to the second, seen from above, an outward triangle keeps material on the left.
fn segment(along: &[f64], height: f64, [a, b, c]: [u32; 3]) -> (u64, u64) {
    let above = |v: u32| along[v as usize] >= height;
    let key = |a: u32, b: u32| u64::from(a.min(b)) << 32 | u64::from(a.max(b));
    let edges = [(a, b), (b, c), (c, a)];
    let edge = |from_above: bool| {
        let found = edges.into_iter().find(|&(p, q)| above(p) == from_above && above(q) != from_above);
        found.map_or(0, |(p, q)| key(p, q))
    };
    (edge(true), edge(false))
}

/// Links the segments of the cut triangles to polylines.
fn outlines(mesh: &Mesh, along: &[f64], height: f64, triangles: &[u32]) -> Vec<Outline> {
    let segments: Vec<(u64, u64)> =
        triangles.iter().map(|&t| segment(along, height, mesh.triangles[t as usize])).collect();
    let mut starts: Vec<(u64, u32)> = segments.iter().map(|s| s.0).zip(0..).collect();
    starts.sort_unstable();
    let mut ends: Vec<u64> = segments.iter().map(|s| s.1).collect();
    ends.sort_unstable();
    let mut used = vec![false; segments.len()];
    let next = |key: u64, used: &[bool]| {
        let from = starts.partition_point(|s| s.0 < key);
        starts[from..].iter().take_while(|s| s.0 == key).map(|s| s.1 as usize).find(|&s| !used[s])
    };
    // Segments that nothing leads to begin open outlines and go first.
    let open = (0..segments.len()).filter(|&s| ends.binary_search(&segments[s].0).is_err());
    let order: Vec<usize> = open.chain(0..segments.len()).collect();
    let mut outlines = Vec::new();
    for start in order {
        let mut at = (!used[start]).then_some(start);
        let mut keys = Vec::new();
        while let Some(segment) = at {
            used[segment] = true;
            if keys.is_empty() {
                keys.push(segments[segment].0);
            }
            keys.push(segments[segment].1);
            at = next(segments[segment].1, &used);
        }
        let mut line: Outline = keys.iter().map(|&k| crossing(mesh, along, height, k)).collect();
        line.dedup();
        // Where a plane only touches a vertex the outline shrinks to that vertex.
        if line.len() > 1 {
            outlines.push(line);
        }
    }
    outlines
}

/// Where an edge crosses the height; the same bits from both of its triangles.
fn crossing(mesh: &Mesh, along: &[f64], height: f64, key: u64) -> Point<Patient> {
    let (a, b) = ((key >> 32) as usize, (key & 0xffff_ffff) as usize);
    let share = ((height - along[a]) / (along[b] - along[a])).clamp(0.0, 1.0);
    let (p, q) = (mesh.vertices[a].vec(), mesh.vertices[b].vec());
    Point::from_vec(if share == 1.0 { q } else { p + (q - p) * share })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_shapes::{ball, block, moved};
    use glam::DVec3;
    use proptest::prelude::*;

    fn plane(point: DVec3, normal: DVec3) -> Plane<Patient> {
        Plane { point: Point::from_vec(point), normal: Direction::new(normal).unwrap() }
    }

    /// Area within a closed outline, positive if it runs counter-clockwise about `normal`.
    fn area(line: &[Point<Patient>], normal: DVec3) -> f64 {
        let origin = line[0].vec();
        let sum: DVec3 = line.windows(2).map(|w| (w[0].vec() - origin).cross(w[1].vec() - origin)).sum();
        sum.dot(normal) / 2.0
    }

    #[test]
    fn planes_through_rows_of_vertices_cut_a_box_into_closed_rectangles() {
        let mesh = block(DVec3::new(4.0, 6.0, 8.0), 1.0).into_mesh();
        // -4 is the bottom: its vertices count as above, so nothing is cut; +4 is the top rim.
        let planes: Vec<_> = (-5..=5).map(|z| plane(DVec3::Z * f64::from(z), DVec3::Z)).collect();
        let found = sections(&mesh, &planes, &Ctx::default()).unwrap();
        let areas: Vec<f64> =
            found.iter().map(|lines| lines.iter().map(|l| area(l, DVec3::Z)).sum()).collect();
        for (z, found) in (-5..=5).zip(areas) {
            let truth = if (-3..=4).contains(&z) { 24.0 } else { 0.0 };
            assert!((found - truth).abs() < 1e-9, "at {z}: {found}");
        }
        assert!(found.iter().flatten().all(|line| line.first() == line.last()));
    }

    #[test]
    fn the_areas_of_a_balls_sections_add_up_to_its_volume() {
        let radius = 10.0;
        let solid = moved(ball(radius, 0.5), DVec3::new(30.0, -7.0, 2.0));
        let normal = DVec3::new(1.0, 2.0, -0.5).normalize_or_zero();
        let step = 0.1;
        let planes: Vec<_> = (0..220)
            .map(|i| plane(DVec3::new(30.0, -7.0, 2.0) + normal * (f64::from(i) * step - 11.0), normal))
            .collect();
        let found = sections(solid.mesh(), &planes, &Ctx::default()).unwrap();
        let sum: f64 = found.iter().flatten().map(|l| area(l, normal)).sum::<f64>() * step;
        // The trapezium rule on π(r² − h²) errs by about step²·f''/12·2r = 0.1²·2π/12·20 = 0.1 mm³.
        assert!((sum - solid.volume()).abs() < 0.5, "{sum} {}", solid.volume());
    }

    #[test]
    fn an_open_mesh_gives_an_open_outline() {
        let mut mesh = block(DVec3::splat(4.0), 1.0).into_mesh();
        let all = mesh.triangles.clone();
        mesh.triangles.retain(|&t| all.contains(&t) && mesh.vertices[t[0] as usize].vec().x < 1.9);
        let found = sections(&mesh, &[plane(DVec3::Z * 0.25, DVec3::Z)], &Ctx::default()).unwrap();
        assert!(found[0].len() == 1 && found[0][0].first() != found[0][0].last());
    }

    #[test]
    fn planes_of_different_families_keep_their_order() {
        let mesh = block(DVec3::new(4.0, 6.0, 8.0), 1.0).into_mesh();
        let [x, y] = [plane(DVec3::ZERO, DVec3::X), plane(DVec3::ZERO, DVec3::Y)];
        let found = sections(&mesh, &[x, y, x], &Ctx::default()).unwrap();
        let areas: Vec<f64> =
            found.iter().zip([DVec3::X, DVec3::Y, DVec3::X]).map(|(l, n)| area(&l[0], n)).collect();
        assert!((areas[0] - 48.0).abs() < 1e-9 && (areas[1] - 32.0).abs() < 1e-9);
        assert_eq!(found[0], found[2]);
    }

    #[test]
    fn the_extent_of_many_planes_is_the_box_around_their_outlines() {
        let mesh = ball(10.0, 1.0).into_mesh();
        let tilted = DVec3::new(1.0, 2.0, 2.0) / 3.0;
        let planes: Vec<_> = (-30..=4)
            .map(|k| plane(DVec3::Z * f64::from(k) * 0.5, if k % 3 == 0 { tilted } else { DVec3::Z }))
            .collect();
        let found = sections(&mesh, &planes, &Ctx::default()).unwrap();
        let around = Aabb::around(found.into_iter().flatten().flatten());
        assert_eq!(extent(&mesh, &planes, &Ctx::default()).unwrap(), around);
        let above = [plane(DVec3::Z * 11.0, DVec3::Z)];
        assert!(extent(&mesh, &above, &Ctx::default()).unwrap().is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_plane_cuts_a_ball_into_closed_outlines(
            x in -1.0..1.0_f64, y in -1.0..1.0_f64, z in 0.1..1.0_f64, at in -9.0..9.0_f64
        ) {
            let normal = DVec3::new(x, y, z).normalize_or_zero();
            let mesh = ball(10.0, 1.0).into_mesh();
            let found = sections(&mesh, &[plane(normal * at, normal)], &Ctx::default()).unwrap();
            prop_assert_eq!(found[0].len(), 1);
            prop_assert_eq!(found[0][0].first(), found[0][0].last());
            prop_assert!(area(&found[0][0], normal) > 0.0);
            prop_assert!(found[0][0].iter().all(|p| (p.vec().dot(normal) - at).abs() < 1e-9));
        }
    }
}
