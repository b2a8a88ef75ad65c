//! A mesh that is proven to bound a volume, and the list of defects when it does not.
//!
//! The proof ([`proof`]) looks at each vertex and triangle by itself, then at the fans of triangles around the
//! vertices ([`fans`]), then at the connected shells ([`shells`]).

mod fans;
mod proof;
mod shells;
#[cfg(test)]
mod tests;

use crate::ctx::{Cancelled, Ctx};
use crate::frame::{Affine, Patient, Point};
use crate::geometry::Aabb;
use crate::mesh::Mesh;
use std::convert::Infallible;

/// A mesh that bounds a volume.
///
/// Every directed edge occurs once and its reverse once; every vertex has one fan; no triangle repeats a
/// vertex; every vertex is used; coordinates are finite; every shell has volume, and a shell that faces
/// inward lies within one that faces outward. Self-intersection is *not* excluded by this type.
///
/// Only a `Solid` can be exported for printing:
///
/// ```compile_fail
/// fn print(_: &osteon_core::Solid) {}
/// print(&osteon_core::Mesh::default());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Solid {
    mesh: Mesh,
    shells: Vec<Shell>,
}

/// One connected piece of a solid's surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shell {
    /// Enclosed volume in mm³; negative for the wall of a cavity.
    pub volume: f64,
    /// Number of triangles.
    pub triangles: usize,
    /// The box around the shell.
    pub bounds: Aabb<Patient>,
}

/// One reason why a mesh does not bound a volume, with a count and the first place in the patient.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// There are no triangles.
    #[error("the mesh has no triangles")]
    Empty,
    /// A triangle names a vertex that does not exist.
    #[error("{count} triangles name a vertex that does not exist")]
    DanglingIndex {
        /// How many.
        count: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("{count} vertices have coordinates that are not finite")]
    NotFinite {
        /// How many.
        count: usize,
    },
    /// A triangle uses the same vertex twice.
    #[error("{count} triangles use a vertex twice, first near {near:?}")]
    Degenerate {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// An edge has a triangle on one side only.
    #[error("{count} edges are open, first near {near:?}")]
    OpenEdge {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// More than two triangles share an edge, or two neighbours face opposite ways.
    #[error(
        "{count} edges are shared by more than two triangles or by triangles facing opposite ways, first near {near:?}"
    )]
    NonManifoldEdge {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// Two fans of triangles touch in a single vertex.
    #[error("{count} vertices join separate fans of triangles, first near {near:?}")]
    NonManifoldVertex {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// A vertex belongs to no triangle.
    #[error("{count} vertices belong to no triangle, first near {near:?}")]
    LooseVertex {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
    /// A shell faces inward without lying inside another, or encloses nothing.
    #[error("{count} shells are inside out or enclose nothing, first near {near:?}")]
    InsideOut {
        /// How many.
        count: usize,
        /// The first one.
        near: Point<Patient>,
    },
}

/// A mesh that does not bound a volume, and why.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the surface does not bound a volume: {}", .defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct NotSolid {
    /// The mesh, handed back.
    pub mesh: Mesh,
    /// What is wrong with it; never empty.
    pub defects: Vec<Defect>,
}

impl Solid {
    /// Proves that a mesh bounds a volume.
    pub fn new(mesh: Mesh) -> Result<Self, NotSolid> {
        let Ok(proven) = Self::watched(mesh, &|| Ok::<(), Infallible>(()));
        proven
    }

    /// As [`Solid::new`] for a mesh that may be large: stops when asked to.
    pub fn proven(mesh: Mesh, ctx: &Ctx) -> Result<Result<Self, NotSolid>, Cancelled> {
        Self::watched(mesh, &|| ctx.check())
    }

    /// The solid with its vertices put elsewhere, in their order.
    ///
    /// What was proven of its triangles holds wherever their corners are, so only coordinates and the volumes
    /// of shells are looked at again, with the same result as [`Solid::proven`] in less time.
    ///
    /// # Errors
    /// A coordinate is not finite, a shell has lost its volume or was turned inside out, or there are more or
    /// fewer vertices than before.
    pub fn displaced(
        &self,
        vertices: Vec<Point<Patient>>,
        ctx: &Ctx,
    ) -> Result<Result<Self, NotSolid>, Cancelled> {
        let mesh = Mesh { vertices, triangles: self.mesh.triangles.clone() };
        if mesh.vertices.len() != self.mesh.vertices.len() {
            return Self::proven(mesh, ctx);
        }
        Ok(match proof::prove_places(&mesh, self.shells.len(), &|| ctx.check())? {
            Ok(shells) => Ok(Self { mesh, shells }),
            Err(defects) => Err(NotSolid { mesh, defects }),
        })
    }

    fn watched<E: Send>(
        mesh: Mesh,
        check: &(impl Fn() -> Result<(), E> + Sync),
    ) -> Result<Result<Self, NotSolid>, E> {
        Ok(match proof::prove(&mesh, check)? {
            Ok(shells) => Ok(Self { mesh, shells }),
            Err(defects) => Err(NotSolid { mesh, defects }),
        })
    }

    /// The proven mesh.
    pub const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The mesh, given up as a mere mesh.
    pub fn into_mesh(self) -> Mesh {
        self.mesh
    }

    /// The connected pieces of the surface, largest volume first.
    pub fn shells(&self) -> &[Shell] {
        &self.shells
    }

    /// Enclosed volume in mm³.
    pub fn volume(&self) -> f64 {
        self.shells.iter().map(|shell| shell.volume).sum()
    }

    /// Handles minus cavities, summed over shells: Σ (1 − χ/2), with χ = V − E + F and E = 3F/2.
    pub fn genus(&self) -> i64 {
        let vertices = self.mesh.vertices.len() as i64;
        let faces = self.mesh.triangles.len() as i64;
        self.shells.len() as i64 - (vertices - faces / 2) / 2
    }

    /// The solid moved by an affine map; stays a solid because the map is invertible.
    pub fn moved(&self, map: &Affine<Patient, Patient>) -> Result<Self, NotSolid> {
        Self::new(self.mesh.moved(map))
    }
}
