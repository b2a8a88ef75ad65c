//! Where planes cut a mesh: outlines to draw on slices.
//!
//! A vertex exactly on a plane counts as above it, so that every crossing is one of an edge with one
//! end above and one below: no special cases, and no gaps where a plane passes through vertices.

use osteon_core::{Cancelled, Ctx, Direction, Mesh, Patient, Plane, Point};
use rayon::prelude::*;

/// Triangles looked at by one task.
const CHUNK: usize = 1 << 15;

/// Cuts a mesh by planes: for each plane its outlines, in the order of `planes`.
///
/// A closed outline repeats its first point at the end; one that ends at an open edge of the mesh does
/// not. Seen with the plane's normal pointing at the viewer, an outline runs counter-clockwise around
/// material. Planes with the same normal are cut together, in one pass over the mesh.
pub fn sections(
    mesh: &Mesh,
    planes: &[Plane<Patient>],
    ctx: &Ctx,
) -> Result<Vec<Vec<Vec<Point<Patient>>>>, Cancelled> {
    let mut outlines = vec![Vec::new(); planes.len()];
    let mut left: Vec<usize> = (0..planes.len()).collect();
    while let Some(&first) = left.first() {
        let normal = planes[first].normal;
        let (family, others) = left
            .iter()
            .copied()
            .partition::<Vec<usize>, _>(|&p| planes[p].normal == normal);
        left = others;
        let mut family: Vec<(f64, usize)> = family
            .into_iter()
            .map(|p| (planes[p].point.vec().dot(normal.vec()), p))
            .collect();
        family.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let heights: Vec<f64> = family.iter().map(|f| f.0).collect();
        let found = parallel_sections(mesh, normal, &heights, ctx)?;
        for ((_, plane), outline) in family.into_iter().zip(found) {
            outlines[plane] = outline;
        }
        ctx.done(1.0 - left.len() as f64 / planes.len() as f64)?;
    }
    Ok(outlines)
}

/// Outlines at ascending heights along `normal`.
fn parallel_sections(
    mesh: &Mesh,
    normal: Direction<Patient>,
    heights: &[f64],
    ctx: &Ctx,
) -> Result<Vec<Vec<Vec<Point<Patient>>>>, Cancelled> {
    let n = normal.vec();
    let along: Vec<f64> = mesh.vertices.par_iter().map(|p| p.vec().dot(n)).collect();
    let crossings: Vec<Vec<(u32, u32)>> = mesh
        .triangles
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(chunk, triangles)| {
            ctx.check()?;
            let mut found = Vec::new();
            for (t, triangle) in triangles.iter().enumerate() {
                let h = triangle.map(|v| along[v as usize]);
                let (low, high) = (h[0].min(h[1]).min(h[2]), h[0].max(h[1]).max(h[2]));
                // Above means ≥: the plane cuts when low < height ≤ high.
                let from = heights.partition_point(|&height| height <= low);
                for plane in (from..heights.len()).take_while(|&p| heights[p] <= high) {
                    found.push((plane as u32, (chunk * CHUNK + t) as u32));
                }
            }
            Ok(found)
        })
        .collect::<Result<_, Cancelled>>()?;
    let mut cut = vec![Vec::new(); heights.len()];
    for (plane, triangle) in crossings.into_iter().flatten() {
        cut[plane as usize].push(triangle);
    }
    cut.par_iter()
        .zip(heights)
        .map(|(triangles, &height)| {
            ctx.check()?;
            Ok(outlines(mesh, &along, height, triangles))
        })
        .collect()
}

/// Links the segments of the cut triangles to polylines.
fn outlines(mesh: &Mesh, along: &[f64], height: f64, triangles: &[u32]) -> Vec<Vec<Point<Patient>>> {
    let above = |v: u32| along[v as usize] >= height;
    let key = |a: u32, b: u32| u64::from(a.min(b)) << 32 | u64::from(a.max(b));
    // Each triangle gives one segment, from the edge where it goes down to the edge where it comes up:
    // with outward triangles this keeps material on the left.
    let segments: Vec<(u64, u64)> = triangles
        .iter()
        .map(|&t| {
            let [a, b, c] = mesh.triangles[t as usize];
            let edges = [(a, b), (b, c), (c, a)];
            let edge = |from_above: bool| {
                let found = edges
                    .into_iter()
                    .find(|&(p, q)| above(p) == from_above && above(q) != from_above);
                found.map_or(0, |(p, q)| key(p, q))
            };
            (edge(true), edge(false))
        })
        .collect();
    let mut starts: Vec<(u64, u32)> = segments.iter().map(|s| s.0).zip(0..).collect();
    starts.sort_unstable();
    let mut ends: Vec<u64> = segments.iter().map(|s| s.1).collect();
    ends.sort_unstable();
    let mut used = vec![false; segments.len()];
    let next = |key: u64, used: &[bool]| {
        let from = starts.partition_point(|s| s.0 < key);
        starts[from..]
            .iter()
            .take_while(|s| s.0 == key)
            .map(|s| s.1 as usize)
            .find(|&s| !used[s])
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
        let mut line: Vec<Point<Patient>> = keys.iter().map(|&k| crossing(mesh, along, height, k)).collect();
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
    use crate::shapes::{ball, block, moved};
    use glam::DVec3;
    use proptest::prelude::*;

    fn plane(point: DVec3, normal: DVec3) -> Plane<Patient> {
        Plane {
            point: Point::from_vec(point),
            normal: Direction::new(normal).unwrap(),
        }
    }

    /// Area within a closed outline, positive if it runs counter-clockwise about `normal`.
    fn area(line: &[Point<Patient>], normal: DVec3) -> f64 {
        let origin = line[0].vec();
        let sum: DVec3 = line
            .windows(2)
            .map(|w| (w[0].vec() - origin).cross(w[1].vec() - origin))
            .sum();
        sum.dot(normal) / 2.0
    }

    #[test]
    fn planes_through_rows_of_vertices_cut_a_box_into_closed_rectangles() {
        let mesh = block(DVec3::new(4.0, 6.0, 8.0), 1.0).into_mesh();
        // -4 is the bottom: its vertices count as above, so nothing is cut; +4 is the top rim.
        let planes: Vec<_> = (-5..=5)
            .map(|z| plane(DVec3::Z * f64::from(z), DVec3::Z))
            .collect();
        let found = sections(&mesh, &planes, &Ctx::default()).unwrap();
        let areas: Vec<f64> = found
            .iter()
            .map(|lines| lines.iter().map(|l| area(l, DVec3::Z)).sum())
            .collect();
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
            .map(|i| {
                plane(
                    DVec3::new(30.0, -7.0, 2.0) + normal * (f64::from(i) * step - 11.0),
                    normal,
                )
            })
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
        mesh.triangles
            .retain(|&t| all.contains(&t) && mesh.vertices[t[0] as usize].vec().x < 1.9);
        let found = sections(&mesh, &[plane(DVec3::Z * 0.25, DVec3::Z)], &Ctx::default()).unwrap();
        assert!(found[0].len() == 1 && found[0][0].first() != found[0][0].last());
    }

    #[test]
    fn planes_of_different_families_keep_their_order() {
        let mesh = block(DVec3::new(4.0, 6.0, 8.0), 1.0).into_mesh();
        let [x, y] = [plane(DVec3::ZERO, DVec3::X), plane(DVec3::ZERO, DVec3::Y)];
        let found = sections(&mesh, &[x, y, x], &Ctx::default()).unwrap();
        let areas: Vec<f64> = found
            .iter()
            .zip([DVec3::X, DVec3::Y, DVec3::X])
            .map(|(l, n)| area(&l[0], n))
            .collect();
        assert!((areas[0] - 48.0).abs() < 1e-9 && (areas[1] - 32.0).abs() < 1e-9);
        assert_eq!(found[0], found[2]);
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
