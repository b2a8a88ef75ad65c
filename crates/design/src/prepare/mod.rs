//! A solid made ready for a printer: split to its room, joined again by pegs, dowels or magnets, hollowed with drains,
//! thickened where it is too thin.
//!
//! 1. [`sizes`] – what joins pieces, and the gaps it needs; values in `data/connectors.toml`
//! 2. [`split`] – the fewest plane cuts after which every piece fits, placed where little is cut
//! 3. [`connect`] – where there is room for pegs on the cut faces, proven by distances; `bars` – their matter;
//!    `face` – the cut face as a raster
//! 4. [`drain`] – hollow, with a way out for what is liquid; [`flood`] – the proof that it leaves
//! 5. [`thicken`] – matter added where a wall is thinner than it must be
//!
//! All of it keeps off protected [regions](osteon_mesh::region). Frame: patient (LPS), millimetres.

mod bars;
pub mod connect;
pub mod drain;
mod face;
pub mod flood;
pub mod sizes;
pub mod split;
pub mod thicken;

use osteon_core::{Cancelled, ErrorKind, Explain, Mesh, NotSolid, Solid};
use osteon_mesh::boolean::BooleanError;
use osteon_mesh::field::FieldError;

/// Why a solid cannot be prepared as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// A length that cannot be worked with.
    #[error("{name} is {value}")]
    Value {
        /// Which one.
        name: &'static str,
        /// Its value, with its unit.
        value: String,
    },
    /// A file of sizes that cannot be read.
    #[error("the sizes of connectors cannot be read: {0}")]
    Sizes(String),
    /// Every plane that would make the piece small enough passes through what is protected.
    #[error(
        "a piece of {size} mm does not fit {room} mm, and all of the {tried} planes that would divide it pass through a \
         protected region or leave one side empty",
        size = sized(.size), room = sized(.room)
    )]
    NoPlane {
        /// The piece along the axes of the bed, mm.
        size: [f64; 3],
        /// The room, mm.
        room: [f64; 3],
        /// How many planes were looked at.
        tried: usize,
    },
    /// More pieces than anyone would glue.
    #[error("it would take more than {most} pieces of at most {room} mm", room = sized(.room))]
    TooMany {
        /// The most pieces that are made.
        most: usize,
        /// The room, mm.
        room: [f64; 3],
    },
    /// What was made does not have the volume it must have.
    #[error("a piece has {found:.3} mm³ where {expected:.3} mm³ were expected")]
    Unproven {
        /// Volume of what was made, mm³.
        found: f64,
        /// What it must be, mm³.
        expected: f64,
    },
    /// A boolean operation failed.
    #[error(transparent)]
    Boolean(#[from] BooleanError),
    /// A distance field failed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// What was made does not bound a volume.
    #[error(transparent)]
    NotSolid(#[from] Box<NotSolid>),
    /// The job was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Three lengths with one decimal.
fn sized(size: &[f64; 3]) -> String {
    size.map(|edge| format!("{edge:.1}")).join(" × ")
}

impl Explain for PrepareError {
    fn kind(&self) -> ErrorKind {
        match self {
            PrepareError::Value { .. } | PrepareError::Sizes(_) => ErrorKind::Input,
            PrepareError::NoPlane { .. } | PrepareError::TooMany { .. } => ErrorKind::Unsupported,
            PrepareError::Unproven { .. } | PrepareError::NotSolid(_) => ErrorKind::Numeric,
            PrepareError::Boolean(error) => error.kind(),
            PrepareError::Field(error) => error.kind(),
            PrepareError::Cancelled(_) => ErrorKind::Cancelled,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            PrepareError::Value { .. } => "prepare-value",
            PrepareError::Sizes(_) => "connectors-unreadable",
            PrepareError::NoPlane { .. } => "no-plane-to-split",
            PrepareError::TooMany { .. } => "too-many-pieces",
            PrepareError::Unproven { .. } => "piece-not-proven",
            PrepareError::Boolean(error) => error.code(),
            PrepareError::Field(error) => error.code(),
            PrepareError::NotSolid(_) => "piece-not-solid",
            PrepareError::Cancelled(stop) => stop.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            PrepareError::Value { .. } => "give a length in mm above zero that suits the solid",
            PrepareError::Sizes(_) => "compare the file with data/connectors.toml",
            PrepareError::NoPlane { .. } => {
                "protect less, turn the part with --up, use a larger printer, or cut it by hand: osteon shape --step cut"
            }
            PrepareError::TooMany { .. } => "use a larger printer, or give room=x,y,z in mm",
            PrepareError::Unproven { .. } | PrepareError::NotSolid(_) => {
                "repair the solid first (osteon shape --step resolve); please report the file"
            }
            PrepareError::Boolean(error) => return error.help(),
            PrepareError::Field(error) => return error.help(),
            PrepareError::Cancelled(stop) => return stop.help(),
        }
        .to_owned()
    }
}

/// The triangles of a mesh for which `keep` holds, with only the vertices they use.
fn part(mesh: &Mesh, keep: impl Fn(usize) -> bool) -> Mesh {
    let mut number = vec![u32::MAX; mesh.vertices.len()];
    let mut part = Mesh::default();
    for (n, triangle) in mesh.triangles.iter().enumerate().filter(|(n, _)| keep(*n)) {
        debug_assert!(n < mesh.triangles.len());
        let corners = triangle.map(|v| {
            let slot = &mut number[v as usize];
            if *slot == u32::MAX {
                *slot = part.vertices.len() as u32;
                part.vertices.push(mesh.vertices[v as usize]);
            }
            *slot
        });
        part.triangles.push(corners);
    }
    part
}

/// Bodies that do not touch, as the shells of one solid; `None` without any.
fn gathered(bodies: &[Mesh]) -> Result<Option<Solid>, PrepareError> {
    let mut all = Mesh::default();
    for body in bodies {
        let first = all.vertices.len() as u32;
        all.vertices.extend(&body.vertices);
        all.triangles.extend(body.triangles.iter().map(|t| t.map(|v| v + first)));
    }
    if all.triangles.is_empty() { Ok(None) } else { Ok(Some(Solid::new(all).map_err(Box::new)?)) }
}
