//! The QA card of a model: what a print lab must know of a mesh before it trusts it, in figures with places.
//!
//! 1. [`Card`] – the card as data; `osteon check <file>`, `surface`, `shape` and `export` write it as JSON
//! 2. `solidity` – what the triangles alone tell; `mending` – what mends them; `file` – what the objects of a file
//!    tell together; 3. `page` – the same for people

mod file;
mod mending;
mod page;
mod solidity;

pub(crate) use file::together;
pub(crate) use page::page;
use solidity::LEAST_SHARED;
pub(crate) use solidity::{examine, inspect, pairs};

use osteon_core::Finding;
use serde::{Deserialize, Serialize};

/// Everything there is to say about the solids of one file or product.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Card {
    pub osteon: &'static str,
    pub notice: &'static str,
    pub file: Option<FileFacts>,
    /// The worst of the findings, or `ok`.
    pub verdict: String,
    pub objects: Vec<ObjectCard>,
    pub pairs: Vec<PairCard>,
    pub findings: Vec<Finding>,
}

/// The file the card is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FileFacts {
    pub name: String,
    pub format: String,
    pub bytes: usize,
    pub sha256: String,
    /// The unit its coordinates are in, as it says itself.
    pub unit: String,
    /// The patient frame its coordinates are in, as it says itself.
    pub frame: String,
}

/// One object of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct ObjectCard {
    pub name: String,
    pub triangles: usize,
    pub vertices: usize,
    /// Corners of the box around it, LPS mm.
    pub bounds: [[f64; 3]; 2],
    pub area_mm2: f64,
    /// True when it is proven to bound a volume.
    pub solid: bool,
    pub open_edges: usize,
    pub non_manifold_edges: usize,
    pub non_manifold_vertices: usize,
    pub degenerate_triangles: usize,
    /// Pairs of triangles that meet where they should not.
    pub self_intersections: usize,
    /// Pairs of triangles that touch in a point only.
    pub touching: usize,
    /// What follows is told of solids only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matter: Option<Matter>,
    /// What follows is told only where the image is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<AgainstImage>,
}

/// Facts of a closed surface.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Matter {
    pub volume_mm3: f64,
    pub shells: usize,
    pub bodies: usize,
    pub cavities: usize,
    /// Shells that are inside out.
    pub inverted: usize,
    /// Shells within material, counted twice.
    pub nested: usize,
    /// Handles minus cavities.
    pub genus: i64,
    /// Volume of voids without a way out, mm³.
    pub trapped_mm3: f64,
    /// The thinnest wall, where there is any within a few millimetres.
    pub min_wall: Option<Place>,
    /// The narrowest gap, where there is any within a few millimetres.
    pub min_gap: Option<Place>,
}

/// A length and where it was measured, LPS mm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Place {
    pub mm: f64,
    pub at: [f64; 3],
}

/// How a solid compares with the image it was made from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct AgainstImage {
    /// Volume against that of the voxels it was made from, percent.
    pub volume_against_voxels: Option<f64>,
    /// Distance from the sub-voxel surface the image shows, mm: what editing did (digital editing error).
    pub editing_error: EditingError,
    /// The stated uncertainty of the surface.
    pub uncertainty: Option<Uncertainty>,
}

/// Distance between the exported surface and the sub-voxel surface of the image, mm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EditingError {
    pub mean: f64,
    pub p95: f64,
    pub max: f64,
    /// The bound that is proven, where one is.
    pub certified: Option<f64>,
}

/// How well the surface is known, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uncertainty {
    /// Mean of the 95 % uncertainty over the vertices, mm.
    pub mean_u95: f64,
    /// Mean distance of the surface outside the edges in the image, mm.
    pub mean_bias: f64,
    /// 95 % of the surface lie within this of the truth, mm.
    pub within: f64,
    /// Share of the surface on walls too thin for the scan, percent.
    pub unresolved: f64,
    /// One line for people.
    pub line: String,
}

/// How two objects lie to each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PairCard {
    pub objects: [String; 2],
    pub overlap_mm3: f64,
    pub gap_mm: f64,
    pub at: [f64; 3],
}

impl Card {
    /// A card with its findings in order of weight and the verdict they give.
    pub fn new(
        file: Option<FileFacts>,
        objects: Vec<ObjectCard>,
        pairs: Vec<PairCard>,
        mut findings: Vec<Finding>,
    ) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let worst = findings.first().map_or("ok".to_owned(), |finding| finding.severity.to_string());
        let (osteon, notice) = (crate::VERSION, crate::NOTICE);
        Self { osteon, notice, file, verdict: worst, objects, pairs, findings }
    }

    /// The card in short lines for a person.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.objects.iter().map(ObjectCard::line).collect();
        for pair in self.pairs.iter().filter(|pair| pair.overlap_mm3 > LEAST_SHARED) {
            let [a, b] = &pair.objects;
            lines.push(format!("{a} and {b} overlap by {:.2} mm³", pair.overlap_mm3));
        }
        lines
    }
}

impl ObjectCard {
    fn line(&self) -> String {
        let [low, high] = self.bounds;
        let size = [0, 1, 2].map(|a| format!("{:.1}", high[a] - low[a])).join(" × ");
        let start = format!("{}: {} triangles, {size} mm", self.name, self.triangles);
        match &self.matter {
            Some(matter) => format!(
                "{start}, {:.2} cm³, {} bodies, {} cavities, {} self-intersections",
                matter.volume_mm3 / 1000.0,
                matter.bodies,
                matter.cavities,
                self.self_intersections
            ),
            None => format!(
                "{start}, not closed: {} open edges, {} non-manifold edges, {} non-manifold vertices",
                self.open_edges, self.non_manifold_edges, self.non_manifold_vertices
            ),
        }
    }
}
