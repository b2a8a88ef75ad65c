//! Images for tests: headers of a phantom's slices, changed at will; their pixels are never looked at.

use super::options::Options;
use super::series::{Image, scan};
use super::write::{Encoding, SeriesMeta, write_series};
use crate::budget::Budget;
use glam::{DMat3, DVec3};
use osteon_core::{Affine, Ctx, Grid, Volume};
use std::sync::OnceLock;

/// Where the first voxel of the lowest slice is.
pub(super) const ORIGIN: DVec3 = DVec3::new(-100.0, -80.0, 40.0);

/// One image of 64 × 80 pixels of 0.7 × 0.8 mm, 1.5 mm thick, axial.
fn template() -> &'static Image {
    static TEMPLATE: OnceLock<Image> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let map = Affine::new(DMat3::from_diagonal(DVec3::new(0.7, 0.8, 1.5)), ORIGIN);
        let grid = Grid::new([64, 80, 2], map).unwrap();
        let samples = (0..grid.count()).map(|n| n as i16 % 100).collect();
        let volume = Volume::new(grid, samples).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for file in write_series(&volume, &SeriesMeta::new("made"), Encoding::ExplicitLittle).unwrap().iter()
        {
            let file = file.unwrap();
            // A file that is made to be read.
            #[allow(clippy::disallowed_methods)]
            std::fs::write(folder.path().join(file.name), file.bytes).unwrap();
        }
        let files = crate::files::list(folder.path(), &Budget::default(), &Ctx::default()).unwrap();
        let scan = scan(files, &Options::default(), &Ctx::default()).unwrap();
        scan.series[0].images[0].clone()
    })
}

/// A slice whose first voxel is at `origin`; the file is called by the number, which is its Instance Number too.
pub(super) fn slice(number: usize, origin: DVec3) -> Image {
    let mut image = template().clone();
    image.file = format!("IM{number:04}");
    image.header.position = Some(origin);
    image.header.instance_number = Some(number as i64);
    image.header.slice_distance = None;
    image.header.instance = Some(format!("1.2.3.{number}"));
    image
}

/// Axial slices at the given heights above [`ORIGIN`], numbered from 1.
pub(super) fn column(heights: impl IntoIterator<Item = f64>) -> Vec<Image> {
    let heights = heights.into_iter().enumerate();
    heights.map(|(n, height)| slice(n + 1, ORIGIN + DVec3::Z * height)).collect()
}

/// `count` axial slices, `step` mm apart.
pub(super) fn even(count: usize, step: f64) -> Vec<Image> {
    column((0..count).map(|n| n as f64 * step))
}
