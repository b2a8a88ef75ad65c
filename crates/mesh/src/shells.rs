//! The shells of a mesh and which lies within which: bodies, cavities, trapped volumes, and what is inside out.

use crate::bvh::Bvh;
use glam::DVec3;
use osteon_core::{Aabb, Cancelled, Ctx, Mesh, Patient, Point};
use std::cmp::{Ordering, Reverse};

/// Triangles or vertices between two questions whether to stop.
const STRIDE: usize = 1 << 14;

/// What a closed shell is among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It faces outward, and around it there is no material.
    Body,
    /// It faces inward, and around it there is material: the wall of a void.
    Cavity,
    /// It faces outward within material, which is counted twice.
    Nested,
    /// It faces inward where there is no material: inside out.
    Inverted,
    /// It encloses no volume.
    Flat,
}

/// One connected piece of a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shell {
    /// What it is.
    pub role: Role,
    /// Enclosed volume in mm³, negative if it faces inward; meaningful if it is closed.
    pub volume: f64,
    /// How many triangles it has.
    pub triangles: usize,
    /// A place on it: the first corner of its first triangle.
    pub place: Point<Patient>,
    /// The box around it.
    pub bounds: Aabb<Patient>,
    /// The shell that encloses it most closely, by its number.
    pub parent: Option<usize>,
    /// How many shells enclose it.
    pub depth: usize,
}

/// The shells of a mesh, in the order of their first triangles.
#[derive(Clone, Debug, PartialEq)]
pub struct Nesting {
    /// The shells.
    pub shells: Vec<Shell>,
    /// The shell of every triangle.
    pub shell_of: Vec<u32>,
}

impl Nesting {
    /// Volume in mm³ of the voids that have no way out: the cavities less the bodies in them.
    pub fn trapped(&self) -> f64 {
        let within = |n: Option<usize>| n.is_some_and(|n| self.shells[n].role == Role::Cavity);
        let each = self.shells.iter().map(|shell| match shell.role {
            Role::Cavity => -shell.volume,
            Role::Body if within(shell.parent) => -shell.volume,
            _ => 0.0,
        });
        each.sum()
    }

    /// The shells with a role.
    pub fn with(&self, role: Role) -> impl Iterator<Item = &Shell> {
        self.shells.iter().filter(move |shell| shell.role == role)
    }
}

/// The shells of a closed mesh and which lies within which.
///
/// A shell lies within another if the other winds around its first corner; of shells that cross each other
/// that says where this one corner is, no more. Triangles that name a vertex which does not exist are in no shell
/// and have number `u32::MAX`.
///
/// # Errors
/// `ctx` was asked to stop.
pub fn nesting(mesh: &Mesh, bvh: &Bvh, ctx: &Ctx) -> Result<Nesting, Cancelled> {
    let (mut shells, shell_of) = pieces(mesh, ctx)?;
    let mut enclosing: Vec<Vec<(u32, i32)>> = Vec::with_capacity(shells.len());
    for (own, shell) in shells.iter().enumerate() {
        ctx.check()?;
        let mut turns: Vec<(u32, i32)> = Vec::new();
        bvh.each_crossing(mesh, shell.place.vec(), |triangle, turn| {
            turns.push((shell_of[triangle as usize], turn));
        });
        turns.sort_unstable();
        let mut sums: Vec<(u32, i32)> = Vec::new();
        for (shell, turn) in turns {
            match sums.last_mut() {
                Some(last) if last.0 == shell => last.1 += turn,
                _ => sums.push((shell, turn)),
            }
        }
        sums.retain(|&(shell, sum)| sum != 0 && shell as usize != own);
        enclosing.push(sums);
    }
    for (shell, around) in shells.iter_mut().zip(&enclosing) {
        shell.depth = around.len();
        // What encloses it most closely is enclosed by most others itself.
        let depth = |n: u32| enclosing[n as usize].len();
        shell.parent = around.iter().map(|a| a.0).max_by_key(|&n| (depth(n), Reverse(n))).map(|n| n as usize);
        let material: i32 = around.iter().map(|a| a.1).sum();
        shell.role = match (shell.volume.partial_cmp(&0.0), material > 0) {
            (Some(Ordering::Greater), true) => Role::Nested,
            (Some(Ordering::Greater), false) => Role::Body,
            (Some(Ordering::Less), true) => Role::Cavity,
            (Some(Ordering::Less), false) => Role::Inverted,
            _ => Role::Flat,
        };
    }
    Ok(Nesting { shells, shell_of })
}

/// Which pieces of matter are to stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kept {
    /// So many, the largest by volume.
    Largest(usize),
    /// Those of at least so many mm³.
    AtLeast(f64),
}

/// The mesh without the pieces of matter that are not to stay; their cavities go with them.
///
/// The volume of a piece is that within its outer wall. Of pieces of one volume the first in the mesh is the larger.
/// Vertices that no triangle is left for go too; all others keep their order and every bit.
pub fn keep(mesh: &Mesh, nesting: &Nesting, which: Kept) -> Mesh {
    let shells = &nesting.shells;
    let mut order: Vec<usize> = (0..shells.len()).filter(|&n| shells[n].role != Role::Cavity).collect();
    order.sort_by(|&a, &b| shells[b].volume.abs().total_cmp(&shells[a].volume.abs()).then(a.cmp(&b)));
    let mut stays = vec![false; shells.len()];
    for (rank, &n) in order.iter().enumerate() {
        stays[n] = match which {
            Kept::Largest(count) => rank < count,
            Kept::AtLeast(least) => shells[n].volume.abs() >= least,
        };
    }
    for (n, shell) in shells.iter().enumerate().filter(|(_, shell)| shell.role == Role::Cavity) {
        stays[n] = shell.parent.is_some_and(|parent| stays[parent]);
    }
    let mut number = vec![u32::MAX; mesh.vertices.len()];
    let mut left = Mesh::default();
    let of = mesh.triangles.iter().zip(&nesting.shell_of);
    for (triangle, _) in of.filter(|(_, shell)| stays.get(**shell as usize) == Some(&true)) {
        triangle.iter().for_each(|&v| number[v as usize] = 0);
        left.triangles.push(*triangle);
    }
    for (v, slot) in number.iter_mut().enumerate().filter(|(_, slot)| **slot == 0) {
        *slot = left.vertices.len() as u32;
        left.vertices.push(mesh.vertices[v]);
    }
    left.triangles.iter_mut().flatten().for_each(|v| *v = number[*v as usize]);
    left
}

/// The connected pieces without their nesting, and the piece of every triangle.
fn pieces(mesh: &Mesh, ctx: &Ctx) -> Result<(Vec<Shell>, Vec<u32>), Cancelled> {
    let usable = |t: &[u32; 3]| t.iter().all(|&v| (v as usize) < mesh.vertices.len());
    let mut parent: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    for (n, &[a, b, c]) in mesh.triangles.iter().enumerate() {
        if n % STRIDE == 0 {
            ctx.check()?;
        }
        if usable(&[a, b, c]) {
            unite(&mut parent, a, b);
            unite(&mut parent, a, c);
        }
    }
    let mut number = vec![u32::MAX; parent.len()];
    let mut shells: Vec<Shell> = Vec::new();
    let mut shell_of = vec![u32::MAX; mesh.triangles.len()];
    for (n, triangle) in mesh.triangles.iter().enumerate() {
        if n % STRIDE == 0 {
            ctx.check()?;
        }
        if !usable(triangle) {
            continue;
        }
        let root = root(&mut parent, triangle[0]) as usize;
        let corners = mesh.corners(*triangle);
        if number[root] == u32::MAX {
            number[root] = shells.len() as u32;
            shells.push(Shell {
                role: Role::Flat,
                volume: 0.0,
                triangles: 0,
                place: Point::from_vec(corners[0]),
                bounds: Aabb::EMPTY,
                parent: None,
                depth: 0,
            });
        }
        shell_of[n] = number[root];
        let shell = &mut shells[number[root] as usize];
        let [a, b, c] = corners.map(|p: DVec3| p - shell.place.vec());
        shell.volume += a.dot(b.cross(c)) / 6.0;
        shell.triangles += 1;
        shell.bounds = corners.into_iter().fold(shell.bounds, |all, p| all.with(Point::from_vec(p)));
    }
    Ok((shells, shell_of))
}

fn root(parent: &mut [u32], mut v: u32) -> u32 {
    while parent[v as usize] != v {
        parent[v as usize] = parent[parent[v as usize] as usize];
        v = parent[v as usize];
    }
    v
}

fn unite(parent: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parent, a), root(parent, b));
    // The smaller number wins, so that the roots do not depend on the order of the triangles.
    parent[a.max(b) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_phantom::mesh::{ball, cuboid};

    fn all(parts: &[(Mesh, bool)]) -> Mesh {
        let mut mesh = Mesh::default();
        for (part, turned) in parts {
            let shift = mesh.vertices.len() as u32;
            mesh.vertices.extend(&part.vertices);
            mesh.triangles.extend(part.triangles.iter().map(|&[a, b, c]| {
                let t = if *turned { [a, c, b] } else { [a, b, c] };
                t.map(|v| v + shift)
            }));
        }
        mesh
    }

    fn nested(mesh: &Mesh) -> Nesting {
        let ctx = Ctx::default();
        nesting(mesh, &Bvh::new(mesh, &ctx).unwrap(), &ctx).unwrap()
    }

    fn cube(low: f64, size: f64) -> Mesh {
        cuboid(DVec3::splat(low), DVec3::splat(size))
    }

    #[test]
    fn a_body_in_a_cavity_in_a_body_is_told_from_matter_counted_twice() {
        let mesh = all(&[(cube(0.0, 10.0), false), (cube(2.0, 6.0), true), (cube(4.0, 2.0), false)]);
        let found = nested(&mesh);
        let facts: Vec<_> = found.shells.iter().map(|s| (s.role, s.parent, s.depth, s.triangles)).collect();
        let want = [(Role::Body, None, 0, 12), (Role::Cavity, Some(0), 1, 12), (Role::Body, Some(1), 2, 12)];
        assert_eq!(facts, want);
        assert!((found.trapped() - (216.0 - 8.0)).abs() < 1e-9);
        assert_eq!(found.shell_of[12..24], [1; 12]);
        let twice = nested(&all(&[(cube(0.0, 10.0), false), (cube(2.0, 6.0), false)]));
        assert_eq!(twice.with(Role::Nested).map(|s| s.parent).collect::<Vec<_>>(), [Some(0)]);
        assert_eq!(twice.trapped(), 0.0);
    }

    #[test]
    fn a_shell_is_inverted_outside_of_others_and_a_cavity_inside() {
        // The box of the body holds the place of the second, which is beside the ball all the same.
        let round = ball(DVec3::splat(5.0), 5.0, 12);
        let beside = nested(&all(&[(round.clone(), false), (cube(0.2, 0.5), true)]));
        assert_eq!(beside.shells[1].role, Role::Inverted);
        let within = nested(&all(&[(round.clone(), false), (cube(4.2, 0.5), true)]));
        assert_eq!(within.shells[1].role, Role::Cavity);
        assert!((within.trapped() - 0.125).abs() < 1e-12);
        assert_eq!(nested(&all(&[(round, true)])).shells[0].role, Role::Inverted);
    }

    #[test]
    fn pieces_that_stay_keep_their_cavities_and_the_others_go_with_theirs() {
        let mesh = all(&[
            (cube(0.0, 1.0), false),
            (cube(20.0, 6.0), false),
            (cube(22.0, 2.0), true),
            (cube(40.0, 5.0), false),
            (cube(42.0, 2.0), true),
        ]);
        let found = nested(&mesh);
        // Cubes with edges of 6 and 2 mm: 216 − 8 mm³.
        let one = keep(&mesh, &found, Kept::Largest(1));
        assert_eq!((one.vertices.len(), one.triangles.len()), (16, 24));
        assert!((one.signed_volume() - 208.0).abs() < 1e-9);
        let two = keep(&mesh, &found, Kept::AtLeast(100.0));
        assert!((two.signed_volume() - (208.0 + 117.0)).abs() < 1e-9);
        assert_eq!(keep(&mesh, &found, Kept::Largest(9)), mesh);
        assert!(keep(&mesh, &found, Kept::AtLeast(1e9)).triangles.is_empty());
    }

    #[test]
    fn a_sheet_is_flat_and_dangling_triangles_are_in_no_shell() {
        let mut mesh = cube(0.0, 1.0);
        mesh.triangles.truncate(2);
        mesh.triangles.push([0, 1, 99]);
        let found = nested(&mesh);
        assert_eq!((found.shells.len(), found.shells[0].role), (1, Role::Flat));
        assert_eq!(found.shell_of, [0, 0, u32::MAX]);
    }

    #[test]
    fn bounds_and_places_are_those_of_the_shell() {
        let found = nested(&all(&[(cube(0.0, 1.0), false), (cube(7.0, 2.0), false)]));
        assert_eq!(
            found.shells[1].bounds,
            Aabb::around([Point::new(7.0, 7.0, 7.0), Point::new(9.0, 9.0, 9.0)])
        );
        assert!(found.shells[1].place.vec().cmpge(DVec3::splat(7.0)).all());
        assert!((found.shells[1].volume - 8.0).abs() < 1e-12 && found.with(Role::Body).count() == 2);
    }
}
