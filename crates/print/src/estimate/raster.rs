//! Flat patterns of cells: growing, distances to their edge, connected parts.

/// A pattern of cells, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    /// Cells along x and y.
    pub size: [usize; 2],
    /// Which cells belong to it.
    pub cells: Vec<bool>,
}

impl Pattern {
    /// The empty pattern.
    pub fn empty(size: [usize; 2]) -> Self {
        Self { size, cells: vec![false; size[0] * size[1]] }
    }

    /// The number of cells.
    pub fn count(&self) -> usize {
        self.cells.iter().filter(|cell| **cell).count()
    }

    /// The number of edges between a cell in it and one outside.
    pub fn edges(&self) -> usize {
        let [width, height] = self.size;
        let mut edges = 0;
        for j in 0..height {
            let row = &self.cells[j * width..(j + 1) * width];
            edges += row.windows(2).filter(|pair| pair[0] != pair[1]).count();
            if j + 1 < height {
                let above = &self.cells[(j + 1) * width..(j + 2) * width];
                edges += row.iter().zip(above).filter(|(a, b)| a != b).count();
            }
        }
        edges
    }

    /// For each cell in it the squared distance to the nearest cell outside, in cells, at most `reach + 1` squared.
    ///
    /// Exact within `reach`: first along the rows, then the least over the rows nearby.
    pub fn depth_squared(&self, reach: usize) -> Vec<u16> {
        let [width, height] = self.size;
        let far = reach + 1;
        let mut along = vec![0_u16; self.cells.len()];
        for j in 0..height {
            let row = j * width..(j + 1) * width;
            let mut run = far;
            for cell in row.clone() {
                run = if self.cells[cell] { (run + 1).min(far) } else { 0 };
                along[cell] = run as u16;
            }
            run = far;
            for cell in row.rev() {
                run = if self.cells[cell] { (run + 1).min(far) } else { 0 };
                along[cell] = along[cell].min(run as u16);
            }
        }
        let most = (far * far) as u16;
        // A row is even where every cell of it lies as deep as is looked for.
        let even: Vec<bool> =
            along.chunks(width).map(|row| row.iter().all(|&run| run == far as u16)).collect();
        let mut depth = vec![0_u16; self.cells.len()];
        for j in 0..height {
            let rows = j.saturating_sub(reach)..(j + reach + 1).min(height);
            let own = j * width..(j + 1) * width;
            if even[rows.clone()].iter().all(|even| *even) {
                depth[own].fill(most);
                continue;
            }
            depth[own.clone()].fill(most);
            for other in rows.filter(|other| !even[*other]) {
                let off = (other.abs_diff(j) * other.abs_diff(j)) as u16;
                let beside = &along[other * width..(other + 1) * width];
                for (least, &run) in depth[own.clone()].iter_mut().zip(beside) {
                    *least = (*least).min(run * run + off);
                }
            }
            for (least, &inside) in depth[own.clone()].iter_mut().zip(&self.cells[own]) {
                *least = if inside { *least } else { 0 };
            }
        }
        depth
    }

    /// The pattern with all cells within `reach` cells of it.
    pub fn grown(&self, reach: f64) -> Self {
        let steps = reach.ceil() as usize;
        let outside = Self { size: self.size, cells: self.cells.iter().map(|cell| !cell).collect() };
        let limit = reach * reach;
        let near = outside.depth_squared(steps);
        Self { size: self.size, cells: near.iter().map(|&d| f64::from(d) <= limit).collect() }
    }

    /// The number of connected parts, over edges of cells.
    pub fn parts(&self) -> usize {
        let width = self.size[0];
        let mut parent: Vec<u32> = vec![u32::MAX; self.cells.len()];
        let mut parts = 0;
        for cell in 0..self.cells.len() {
            if !self.cells[cell] {
                continue;
            }
            parent[cell] = cell as u32;
            parts += 1;
            let left = (cell % width > 0 && self.cells[cell - 1]).then(|| cell - 1);
            let below = (cell >= width && self.cells[cell - width]).then(|| cell - width);
            for other in [left, below].into_iter().flatten() {
                let (a, b) = (root(&mut parent, cell), root(&mut parent, other));
                if a != b {
                    parent[a.max(b)] = a.min(b) as u32;
                    parts -= 1;
                }
            }
        }
        parts
    }
}

fn root(parent: &mut [u32], mut cell: usize) -> usize {
    while parent[cell] as usize != cell {
        let above = parent[parent[cell] as usize];
        parent[cell] = above;
        cell = above as usize;
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(size: [usize; 2], bits: &[bool]) -> Pattern {
        Pattern { size, cells: bits.to_vec() }
    }

    proptest! {
        #[test]
        fn depths_are_the_distances_to_the_nearest_cell_outside(bits in prop::collection::vec(prop::bool::weighted(0.8), 63)) {
            let (size, reach) = ([9, 7], 3);
            let depth = pattern(size, &bits).depth_squared(reach);
            for (cell, found) in depth.into_iter().enumerate() {
                let [x, y] = [cell % 9, cell / 9];
                let all = (0..63).filter(|other| !bits[*other]);
                let least = all.map(|o| (o % 9).abs_diff(x).pow(2) + (o / 9).abs_diff(y).pow(2)).min();
                let expected = least.unwrap_or(99).min((reach + 1) * (reach + 1));
                prop_assert_eq!(usize::from(found), expected);
            }
        }
    }

    #[test]
    fn parts_edges_and_growth_are_counted() {
        let rows = ["..x....", ".xx..x.", "......."];
        let bits: Vec<bool> = rows.iter().flat_map(|row| row.chars().map(|c| c == 'x')).collect();
        let drawn = pattern([7, 3], &bits);
        assert_eq!((drawn.parts(), drawn.edges(), drawn.count()), (2, 8 - 1 + 4, 4));
        let grown = drawn.grown(1.0);
        let wide = [".xxx.x.", "xxxxxxx", ".xx..x."];
        let wide: Vec<bool> = wide.iter().flat_map(|row| row.chars().map(|c| c == 'x')).collect();
        assert_eq!(grown.cells, wide);
    }
}
