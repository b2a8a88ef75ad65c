//! Reading pressed-in marks back from a surface, without knowing what they should be.

use crate::depth_map::DepthMap;

/// How deep in mm each pixel lies below the surface around it, as far as that surface can be told from
/// the map itself: a black top-hat, after the inclination of the surface is taken out.
///
/// Grooves narrower than `width` mm keep their depth; what is broader is taken for the surface. Pixels
/// where nothing is seen count as no groove.
pub fn grooves(map: &DepthMap, width: f64) -> Vec<f32> {
    let size = map.window.size;
    let half = (width / map.window.pixel / 2.0).ceil() as usize;
    // On an incline a groove's floor hides below its lower rim; wide enough a mean hardly sees grooves.
    let level = mean(&map.front, size, 4 * half);
    let levelled: Vec<f32> = map.front.iter().zip(level).map(|(d, mean)| d - mean).collect();
    // The highest surface nearby, then the lowest of those: what is left after bridging narrow grooves.
    let highest = filter(&filter(&levelled, size, half, f32::min), size, half, f32::max);
    let below = levelled.iter().zip(highest);
    below.map(|(&depth, surface)| if depth.is_finite() { depth - surface } else { 0.0 }).collect()
}

/// Mean of what is seen in a square of `2·half + 1` pixels around each pixel; zero where nothing is.
fn mean(map: &[f32], [width, height]: [usize; 2], half: usize) -> Vec<f32> {
    // Sums of all pixels to the left and below: value and count.
    let stride = width + 1;
    let mut sums = vec![(0.0_f64, 0.0_f64); stride * (height + 1)];
    for y in 0..height {
        let mut row = (0.0, 0.0);
        for x in 0..width {
            let depth = map[y * width + x];
            if depth.is_finite() {
                row = (row.0 + f64::from(depth), row.1 + 1.0);
            }
            let below = sums[y * stride + x + 1];
            sums[(y + 1) * stride + x + 1] = (below.0 + row.0, below.1 + row.1);
        }
    }
    let around = |at: usize| {
        let (x, y) = (at % width, at / width);
        // As far to the one side as to the other, also near the border: else an incline would not cancel.
        let (dx, dy) = (half.min(x).min(width - 1 - x), half.min(y).min(height - 1 - y));
        let sum = |x: usize, y: usize| sums[y * stride + x];
        let [a, b] = [sum(x - dx, y - dy), sum(x + dx + 1, y - dy)];
        let [c, d] = [sum(x - dx, y + dy + 1), sum(x + dx + 1, y + dy + 1)];
        ((d.0 - b.0 - c.0 + a.0) / (d.1 - b.1 - c.1 + a.1).max(1.0)) as f32
    };
    (0..map.len()).map(around).collect()
}

/// The extreme in a square of `2·half + 1` pixels, rows first, then columns.
fn filter(map: &[f32], [width, height]: [usize; 2], half: usize, pick: fn(f32, f32) -> f32) -> Vec<f32> {
    let extreme = |from: usize, count: usize, stride: usize, at: usize, values: &[f32]| {
        let range = at.saturating_sub(half)..(at + half + 1).min(count);
        range.map(|i| values[from + i * stride]).reduce(pick).unwrap_or(f32::INFINITY)
    };
    let rows: Vec<f32> =
        (0..map.len()).map(|at| extreme(at / width * width, width, 1, at % width, map)).collect();
    (0..map.len()).map(|at| extreme(at % width, height, width, at / width, &rows)).collect()
}
