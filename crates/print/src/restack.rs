//! The printed surface rebuilt from its layers, as it will be seen.
//!
//! A print is a stack of plates. Looking along a direction, the first plate that is met is the surface one will see:
//! on sides the outline of a layer, on tops and bottoms the steps between layers. What is rebuilt is a depth map, so
//! that marks are read from it as they are read from a solid. Nothing of the solid goes in: the picture shows what the
//! printer was told to lay down.

use crate::footprint::{CELL, Footprint};
use crate::gcode::Summary;
use crate::outline::Stroke;
use glam::{DMat3, DVec2, DVec3};
use osteon_core::frame::Bed;
use osteon_core::{Affine, Cancelled, Ctx, Patient};
use osteon_mesh::depth_map::{DepthMap, Window};

/// Layers that tell where their matter is.
pub trait Layers {
    /// Bottom and top of each layer above the bed, mm, from the bed upwards.
    fn heights(&self) -> Vec<[f64; 2]>;

    /// Fills the matter of a layer into its footprint.
    fn fill(&self, layer: usize, footprint: &mut Footprint);

    /// Lower and upper corner of all matter on the bed, mm; `None` if there is none.
    fn bounds(&self) -> Option<[DVec2; 2]>;
}

/// Layers as closed outlines of a width: the outer lines of a nozzle, or sections of a solid with no width.
#[derive(Clone, Debug, PartialEq)]
pub struct Walls {
    layers: Vec<Wall>,
    half: f64,
}

/// The outlines of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Wall {
    /// Bottom and top above the bed, mm.
    pub heights: [f64; 2],
    /// Outlines: strokes that follow each other are one line.
    pub outlines: Vec<Stroke>,
    /// Lines with which an outline that is not closed may go on.
    pub others: Vec<Stroke>,
}

impl Walls {
    /// Layers from the bed upwards whose outlines are lines of `width` mm.
    pub fn new(layers: Vec<Wall>, width: f64) -> Self {
        Self { layers, half: width / 2.0 }
    }

    /// What G-code lays down with outer lines of `width` mm.
    ///
    /// Matter within the outer lines is taken for solid: what is seen of a print from outside is closed.
    pub fn of_gcode(summary: &Summary, width: f64) -> Self {
        let wall = |layer: &crate::gcode::Layer| Wall {
            heights: [layer.z - layer.height, layer.z],
            outlines: layer.outer.clone(),
            others: layer.overhang.clone(),
        };
        Self::new(summary.model_layers().map(wall).collect(), width)
    }
}

impl Layers for Walls {
    fn heights(&self) -> Vec<[f64; 2]> {
        self.layers.iter().map(|layer| layer.heights).collect()
    }

    fn fill(&self, layer: usize, footprint: &mut Footprint) {
        let Wall { outlines, others, .. } = &self.layers[layer];
        footprint.fill_outlines(outlines, others, self.half);
    }

    fn bounds(&self) -> Option<[DVec2; 2]> {
        let points = || self.layers.iter().flat_map(|layer| &layer.outlines).flatten();
        points().next()?;
        let low = points().fold(DVec2::INFINITY, |low, &p| low.min(p));
        let high = points().fold(DVec2::NEG_INFINITY, |high, &p| high.max(p));
        Some([low - self.half, high + self.half])
    }
}

/// How often the place where a ray meets matter is halved: to an eighth of a cell.
const HALVINGS: usize = 3;

/// What will be seen of a print through a window of the patient frame.
///
/// `depths` are the nearest and the farthest depth looked at, in the window's flat coordinates: the surface should lie
/// between them and nothing of the print before them. Depths are exact to one cell of 0.05 mm. Nothing is known of the
/// far side: `back` of the map is infinite.
///
/// # Errors
/// [`Cancelled`].
pub fn restack(
    layers: &impl Layers,
    to_bed: &Affine<Patient, Bed>,
    window: &Window,
    depths: [f64; 2],
    ctx: &Ctx,
) -> Result<DepthMap, Cancelled> {
    let rays = Rays::new(to_bed, window);
    let [low, high] = rays.bounds(window, depths);
    let heights = layers.heights();
    let within = |[bottom, top]: &[f64; 2]| *top > low.z && *bottom < high.z;
    let first = heights.iter().position(within).unwrap_or(0);
    let count = heights[first..].iter().take_while(|height| within(height)).count();
    let mut plates = Vec::with_capacity(count);
    for (layer, &heights) in heights.iter().enumerate().skip(first).take(count) {
        ctx.done((layer - first) as f64 / count as f64 / 2.0)?;
        let mut footprint = Footprint::new(low.truncate() - CELL, high.truncate() + CELL);
        layers.fill(layer, &mut footprint);
        plates.push((heights, footprint));
    }
    let is_matter = |at: DVec3| {
        let above = plates.partition_point(|(heights, _)| heights[1] <= at.z);
        plates.get(above).is_some_and(|(heights, plate)| heights[0] <= at.z && plate.is_matter(at.truncate()))
    };
    let [width, height] = window.size;
    let mut front = Vec::with_capacity(width * height);
    for y in 0..height {
        ctx.done(0.5 + 0.5 * y as f64 / height as f64)?;
        for x in 0..width {
            let start = rays.start(window, [x as f64 + 0.5, y as f64 + 0.5]);
            front.push(first_matter(|depth| is_matter(start + rays.along * depth), depths));
        }
    }
    ctx.done(1.0)?;
    let count = front.len();
    Ok(DepthMap { window: *window, front, back: vec![f32::INFINITY; count], triangle: vec![u32::MAX; count] })
}

/// The depth of the first matter on a ray, infinite where there is none.
fn first_matter(is_matter: impl Fn(f64) -> bool, [nearest, farthest]: [f64; 2]) -> f32 {
    let steps = ((farthest - nearest) / CELL).ceil() as usize;
    let hit = (0..=steps).find(|step| is_matter(nearest + *step as f64 * CELL));
    hit.map_or(f32::INFINITY, |step| {
        let mut inside = nearest + step as f64 * CELL;
        let mut outside = inside - if step > 0 { CELL } else { 0.0 };
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inside, outside);
            if is_matter(middle) { inside = middle } else { outside = middle }
        }
        f64::midpoint(inside, outside) as f32
    })
}

/// Straight lines of sight through the pixels of a window, on the bed.
struct Rays<'a> {
    to_bed: &'a Affine<Patient, Bed>,
    /// Away from the viewer; as long as the map makes a millimetre.
    along: DVec3,
}

impl<'a> Rays<'a> {
    fn new(to_bed: &'a Affine<Patient, Bed>, window: &Window) -> Self {
        Self { to_bed, along: to_bed.linear * -window.view.toward.vec() }
    }

    /// Where the ray through a place of the window, in pixels, has depth zero.
    fn start(&self, window: &Window, pixel: [f64; 2]) -> DVec3 {
        let flat = DVec2::from(pixel) * window.pixel;
        self.to_bed.point(window.view.place(flat.extend(0.0))).vec()
    }

    /// The corners of the box around all rays between two depths.
    fn bounds(&self, window: &Window, depths: [f64; 2]) -> [DVec3; 2] {
        let [width, height] = window.size.map(|n| n as f64);
        let corners = [[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]];
        let starts = corners.map(|corner| self.start(window, corner));
        let all = || starts.iter().flat_map(|start| depths.map(|depth| *start + self.along * depth));
        [all().fold(DVec3::INFINITY, DVec3::min), all().fold(DVec3::NEG_INFINITY, DVec3::max)]
    }
}

/// The map to the bed as it would be if the print had been mirrored there, its left and right exchanged.
///
/// `meant` and `printed` are the middles, on the bed, of what was to be printed and of what is.
pub fn mirrored(to_bed: &Affine<Patient, Bed>, meant: DVec2, printed: DVec2) -> Affine<Patient, Bed> {
    let mirror = DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0));
    let offset = mirror * (to_bed.offset - meant.extend(0.0)) + printed.extend(0.0);
    Affine::new(mirror * to_bed.linear, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::sections;
    use crate::test_shapes::{bracket, engine, print};
    use osteon_core::{Direction, Point, Solid};
    use osteon_mesh::depth_map::{View, depth_map};

    /// Divides the heights of the bracket, which are multiples of 2.5 mm.
    const LAYER: f64 = 0.25;

    /// Layers cut from a solid that stands on z = 0 and is not moved: what a perfect printer lays down.
    fn sliced(solid: &Solid) -> Walls {
        let count = (solid.mesh().bounds().max.vec().z / LAYER).round() as usize;
        let middles: Vec<f64> = (0..count).map(|n| (n as f64 + 0.5) * LAYER).collect();
        let outlines = sections(solid.mesh(), &middles, &Ctx::default()).unwrap();
        let wall = |(middle, outlines): (&f64, Vec<Stroke>)| Wall {
            heights: [middle - LAYER / 2.0, middle + LAYER / 2.0],
            outlines,
            others: Vec::new(),
        };
        Walls::new(middles.iter().zip(outlines).map(wall).collect(), 0.0)
    }

    fn window(solid: &Solid, toward: DVec3, up: DVec3) -> Window {
        let [toward, up] = [toward, up].map(|v| Direction::new(v).unwrap());
        let view = View::new(Point::new(0.0, 0.0, 0.0), toward, up).unwrap();
        Window::around(solid.mesh(), &view, 0.37)
    }

    /// How far nine tenths of two maps are at most apart, where both see something; and how many see something.
    fn apart(a: &DepthMap, b: &DepthMap) -> (f64, usize) {
        let both = a.front.iter().zip(&b.front).filter(|(a, b)| a.is_finite() && b.is_finite());
        let mut off: Vec<f64> = both.map(|(a, b)| f64::from((a - b).abs())).collect();
        off.sort_by(f64::total_cmp);
        (off.get(off.len() * 9 / 10).copied().unwrap_or(f64::INFINITY), off.len())
    }

    #[test]
    fn sides_tops_and_slanted_views_of_a_stack_are_those_of_the_solid() {
        let solid = bracket(DVec3::ZERO);
        let (layers, here) = (sliced(&solid), Affine::new(DMat3::IDENTITY, DVec3::ZERO));
        for toward in [-DVec3::Y, DVec3::X, DVec3::Z, DVec3::new(0.4, -1.0, 0.7), DVec3::new(-0.2, 0.1, -1.0)]
        {
            let window = window(&solid, toward, DVec3::new(0.1, 0.3, 1.0));
            let truth = depth_map(solid.mesh(), &window, &Ctx::default()).unwrap();
            let seen = restack(&layers, &here, &window, [-1.0, 60.0], &Ctx::default()).unwrap();
            // All layers are whole, so that nothing but cells is lost; a face seen at a slant doubles what they lose.
            let (off, count) = apart(&seen, &truth);
            assert!(off <= 2.0 * CELL, "{toward} {off}");
            let visible = truth.front.iter().filter(|z| z.is_finite()).count();
            assert!(count * 100 > visible * 98, "{toward} {count} of {visible}");
        }
    }

    #[test]
    fn a_mirrored_print_is_seen_right_through_the_mirrored_map() {
        let solid = bracket(DVec3::ZERO);
        let mut walls = sliced(&solid);
        for wall in &mut walls.layers {
            wall.outlines.iter_mut().flatten().for_each(|p| p.x = -p.x);
        }
        let here = Affine::new(DMat3::IDENTITY, DVec3::ZERO);
        let middle = |[low, high]: [DVec2; 2]| (low + high) / 2.0;
        let meant = middle(sliced(&solid).bounds().unwrap());
        let map = mirrored(&here, meant, middle(walls.bounds().unwrap()));
        let window = window(&solid, -DVec3::Y, DVec3::Z);
        let truth = depth_map(solid.mesh(), &window, &Ctx::default()).unwrap();
        let [right, wrong] = [&map, &here]
            .map(|map| apart(&restack(&walls, map, &window, [-1.0, 60.0], &Ctx::default()).unwrap(), &truth));
        assert!(right.0 <= CELL && right.1 > 2000, "{right:?}");
        assert!(wrong.1 == 0, "{wrong:?}");
    }

    #[test]
    fn what_a_slicing_program_wrote_is_rebuilt_to_its_own_tolerance() {
        let Some(engine) = engine() else { return };
        let printed = print(&engine, bracket(DVec3::new(40.0, -100.0, 900.0)));
        let summary = crate::gcode::read(&printed.sliced.gcode, &Ctx::default()).unwrap();
        let walls = Walls::of_gcode(&summary, printed.printer.line());
        for toward in [-DVec3::Y, DVec3::Z] {
            let window = window(&printed.solid, toward, DVec3::new(0.0, 0.3, 0.2));
            let truth = depth_map(printed.solid.mesh(), &window, &Ctx::default()).unwrap();
            let to_bed = &printed.placement.to_bed;
            let seen = restack(&walls, to_bed, &window, [-1.0, 60.0], &Ctx::default()).unwrap();
            let (off, count) = apart(&seen, &truth);
            // A cell, and 0.05 mm of the program's own rounding and simplification.
            assert!(off <= 2.0 * CELL && count > 2000, "{toward} {off} {count}");
        }
    }
}
