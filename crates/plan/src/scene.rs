//! What is known about the patient: a read-only view that procedures and checks are given.

use crate::structure_id::StructureId;
use osteon_core::{ErrorKind, Explain, Mask, Side};
use serde::{Deserialize, Serialize};

/// The facts about one structure of the case that a proposal or a check needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Structure {
    /// Its name.
    pub id: StructureId,
    /// Volume of its voxels in mm³.
    pub volume: f64,
    /// Middle of the box around its voxels, patient LPS mm.
    pub middle: [f64; 3],
    /// Size of the box around its voxels along the patient's axes, mm.
    pub size: [f64; 3],
    /// True when the structure reaches the border of the scan, so that part of it was not seen.
    pub cut_off: bool,
    /// A place (patient LPS mm) where it reaches into or touches a slab of the scan that was not measured;
    /// `None` where all of it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmeasured: Option<[f64; 3]>,
}

/// Everything a procedure may know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// All structures of the case, in the order of the label map.
    pub structures: Vec<Structure>,
    /// The side the scan's own header names, if it does.
    pub side: Option<Side>,
    /// DICOM frame of reference the scene is in, if known.
    pub frame: Option<String>,
}

/// A structure that was asked for is not in the scene.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the case has no structure \"{wanted}\"; it has: {}", if .present.is_empty() { "none".to_owned() } else { .present.join(", ") })]
pub struct NoStructure {
    /// What was asked for.
    pub wanted: String,
    /// What there is.
    pub present: Vec<String>,
}

impl Explain for NoStructure {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Missing
    }
    fn code(&self) -> &'static str {
        "no-structure"
    }
    fn help(&self) -> String {
        "segment it first (osteon segment --structure …), or name one that is there".to_owned()
    }
}

impl Structure {
    /// The facts of a mask, or `None` for an empty one; `unmeasured` lists slabs that were not measured, by
    /// their first and last slice.
    pub fn of(id: StructureId, mask: &Mask, unmeasured: &[[usize; 2]]) -> Option<Self> {
        let (from, to) = mask.extent()?;
        let grid = mask.grid();
        let last = to.map(|n| n - 1);
        let corners = (0..8_usize).map(|c| {
            let pick = |a: usize| if c >> a & 1 == 0 { from[a] } else { last[a] };
            grid.place(pick(0), pick(1), pick(2))
        });
        let bounds = osteon_core::Aabb::around(corners);
        let cut_off = (0..3).any(|a| from[a] == 0 || to[a] == grid.dims()[a]);
        Some(Self {
            id,
            volume: mask.volume(),
            middle: bounds.middle().to_array(),
            size: bounds.size().to_array(),
            cut_off,
            unmeasured: unmeasured.iter().find_map(|&slab| meets(mask, slab)),
        })
    }
}

/// Where a mask has voxels in the slices of a slab or in those next to it.
fn meets(mask: &Mask, [first, last]: [usize; 2]) -> Option<[f64; 3]> {
    let grid = mask.grid();
    let [nx, ny, nz] = grid.dims();
    let slices = first.saturating_sub(1)..=(last + 1).min(nz - 1);
    let mut rows = slices.flat_map(|z| (0..ny).map(move |y| (y, z)));
    let (y, z) = rows.find(|&(y, z)| mask.row(y, z).iter().any(|&word| word != 0))?;
    let x = (0..nx).find(|&x| mask.get(x, y, z))?;
    Some(grid.place(x, y, z).to_array())
}

impl Scene {
    /// The structure of this name.
    pub fn structure(&self, id: &StructureId) -> Result<&Structure, NoStructure> {
        self.structures.iter().find(|s| s.id == *id).ok_or_else(|| NoStructure {
            wanted: id.to_string(),
            present: self.structures.iter().map(|s| s.id.to_string()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use osteon_core::{Grid, Point};

    #[test]
    fn a_structure_knows_its_box_and_whether_the_scan_cuts_it() {
        let grid =
            Grid::upright([20, 20, 10], Point::new(-10.0, 5.0, 100.0), DVec3::new(1.0, 1.0, 2.0)).unwrap();
        let inner = Mask::where_true(&grid, |x, y, z| {
            (5..=10).contains(&x) && (5..=8).contains(&y) && (2..=4).contains(&z)
        });
        let structure = Structure::of(StructureId::bone(), &inner, &[[6, 7]]).unwrap();
        assert_eq!(structure.size, [5.0, 3.0, 4.0]);
        assert_eq!(structure.middle, [-2.5, 11.5, 106.0]);
        assert!(!structure.cut_off);
        assert_eq!(structure.unmeasured, None, "slice 5 lies between");
        let touching = Structure::of(StructureId::bone(), &inner, &[[5, 7]]).unwrap();
        assert_eq!(touching.unmeasured, Some([-5.0, 10.0, 108.0]));
        let cut = Mask::where_true(&grid, |_, _, z| z == 9);
        assert!(Structure::of(StructureId::bone(), &cut, &[]).unwrap().cut_off);
        assert!(Structure::of(StructureId::bone(), &Mask::empty(&grid), &[]).is_none());
    }
}
