//! The 256 ways a surface passes through a cell, worked out from one rule.
//!
//! On each face of a cell the surface separates the outside corners from the inside ones; where two outside
//! corners lie across from each other, each is cut off on its own. The rule looks at nothing but the four
//! corners of the face, so the two cells that share a face draw the same lines on it, and the lines close to
//! loops. It fits filling cavities: background that touches along an edge only is not connected.
//!
//! A loop is cut into triangles by diagonals that never join two edges of the same face, because the
//! neighbour could draw the same line there and four triangles would share it. A loop for which that is
//! impossible becomes a fan around a vertex of its own.

/// The most vertices a cell can use: its edges and the middles of its loops.
pub(super) const SLOTS: usize = 16;

/// How the surface passes through a cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    /// Corners by slot: 0 to 11 an edge, 12 on a middle; counter-clockwise seen from outside.
    pub triangles: Vec<[u8; 3]>,
    /// The edges around each middle.
    pub middles: Vec<Vec<u8>>,
}

/// All cases by their inside corners: bit `x + 2y + 4z` is the corner at `(x, y, z)`.
pub(super) fn cases() -> Vec<Case> {
    (0..=255).map(Case::new).collect()
}

/// The lower corner of an edge and its axis: edges `4a..4a + 4` run along axis `a`.
pub(super) const fn edge(slot: u8) -> ([usize; 3], usize) {
    let (u, v) = ((slot & 1) as usize, (slot >> 1 & 1) as usize);
    match slot / 4 {
        0 => ([0, u, v], 0),
        1 => ([u, 0, v], 1),
        _ => ([u, v, 0], 2),
    }
}

/// Corners of each face, counter-clockwise seen from outside the cell.
const FACES: [[u8; 4]; 6] =
    [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];

/// The edge between two corners of the cell that differ in one coordinate.
fn edge_between(a: u8, b: u8) -> u8 {
    let low = a & b;
    match a ^ b {
        1 => low >> 1,
        2 => 4 + (low & 1 | low >> 1 & 2),
        _ => 8 + (low & 3),
    }
}

/// True when two edges of the cell lie on a common face.
fn share_face(a: u8, b: u8) -> bool {
    let faces = |slot: u8| {
        let (low, axis) = edge(slot);
        [0, 1, 2].map(|a| (a != axis).then_some(low[a]))
    };
    let (a, b) = (faces(a), faces(b));
    (0..3).any(|axis| a[axis].is_some() && a[axis] == b[axis])
}

/// Twice the middle of an edge.
fn middle(slot: u8) -> [i32; 3] {
    let (low, axis) = edge(slot);
    [0, 1, 2].map(|a| if a == axis { 1 } else { 2 * low[a] as i32 })
}

/// The table as the loops over cells want it: flat, and turned for the handedness of the grid.
///
/// Vertices of a cell are numbered anew here: 0 to 3 its edges along x in the order of `edge`, 4 to 7 those of its
/// edges along y and z that lie at the low end of x, 8 to 11 the same at the high end, from 12 its middles.
pub(super) struct Table {
    /// What the cell adds to the numbers of vertices: its edges along x, then those along y and z at the low end.
    pub steps: Vec<[u32; 8]>,
    /// Number of triangles, and number of middles in the upper half.
    pub tallies: Vec<u32>,
    starts: Vec<u16>,
    triangles: Vec<[u8; 3]>,
}

/// The number of middles in a tally, to be shifted down by so many bits.
pub(super) const MIDDLES: u32 = 16;

impl Table {
    /// The table of `cases`; `mirrored` ones face the other way.
    pub(super) fn new(cases: &[Case], handedness: Handedness) -> Self {
        let mut table =
            Self { steps: Vec::new(), tallies: Vec::new(), starts: vec![0], triangles: Vec::new() };
        for (inside, case) in cases.iter().enumerate() {
            let crossed = |slot: u8| {
                let (low, axis) = edge(slot);
                let corner = low[0] + 2 * low[1] + 4 * low[2];
                (inside >> corner ^ inside >> (corner + (1 << axis))) as u32 & 1
            };
            table.steps.push([0, 1, 2, 3, 4, 6, 8, 10].map(crossed));
            table.tallies.push((case.triangles.len() | case.middles.len() << MIDDLES) as u32);
            table.triangles.extend(case.triangles.iter().map(|triangle| {
                let [a, b, c] = triangle.map(renumbered);
                match handedness {
                    Handedness::Right => [a, b, c],
                    Handedness::Left => [a, c, b],
                }
            }));
            table.starts.push(table.triangles.len() as u16);
        }
        table
    }

    /// The triangles of a case.
    #[inline]
    pub(super) fn triangles(&self, case: usize) -> &[[u8; 3]] {
        &self.triangles[usize::from(self.starts[case])..usize::from(self.starts[case + 1])]
    }
}

/// Whether a grid's axes turn as those of the patient do.
#[derive(Clone, Copy)]
pub(super) enum Handedness {
    Right,
    Left,
}

/// The number in a `Table` of a slot of a `Case`.
const fn renumbered(slot: u8) -> u8 {
    match slot {
        4..12 => 4 + (slot - 4) / 2 + 4 * (slot & 1),
        _ => slot,
    }
}

impl Case {
    fn new(inside: u8) -> Self {
        let mut case = Self::default();
        for ring in rings(inside) {
            match triangulate(&ring) {
                Some(triangles) => case.triangles.extend(triangles),
                None => {
                    let slot = 12 + case.middles.len() as u8;
                    let next = ring.iter().cycle().skip(1);
                    case.triangles.extend(ring.iter().zip(next).map(|(&a, &b)| [a, b, slot]));
                    case.middles.push(ring);
                }
            }
        }
        case
    }
}

/// The loops in which the surface meets the faces of the cell, as edges in order.
fn rings(inside: u8) -> Vec<Vec<u8>> {
    let is_inside = |corner: u8| inside >> corner & 1 == 1;
    let mut next = [None; 12];
    for face in FACES {
        for start in 0..4 {
            let corner = |i: usize| face[(start + i) % 4];
            if !is_inside(corner(0)) || is_inside(corner(1)) {
                continue;
            }
            // Walking around the face we leave the inside here; the line ends where we enter it again.
            if let Some(enter) = (1..4).find(|&i| is_inside(corner(i + 1))) {
                let (from, to) =
                    (edge_between(corner(0), corner(1)), edge_between(corner(enter), corner(enter + 1)));
                // Backwards, so that the loop turns counter-clockwise seen from outside the bone.
                next[to as usize] = Some(from);
            }
        }
    }
    let mut rings = Vec::new();
    for start in 0..12_u8 {
        let (mut ring, mut at) = (Vec::new(), start);
        while let Some(to) = next[at as usize].take() {
            ring.push(at);
            at = to;
        }
        if !ring.is_empty() {
            rings.push(ring);
        }
    }
    rings
}

/// The triangles of the shortest allowed diagonals, or `None` where no set of allowed ones exists.
fn triangulate(ring: &[u8]) -> Option<Vec<[u8; 3]>> {
    let mut triangles = Vec::new();
    split(ring, &mut triangles).map(|_| triangles)
}

/// Cuts a polygon, whose last side is already drawn, into triangles; the sum of squared diagonals.
fn split(ring: &[u8], triangles: &mut Vec<[u8; 3]>) -> Option<i32> {
    let last = ring.len() - 1;
    if last < 2 {
        return Some(0);
    }
    // The triangle at the last side has its third corner at `tip`.
    let mut best: Option<(i32, Vec<[u8; 3]>)> = None;
    for tip in 1..last {
        let mut found = vec![[ring[0], ring[tip], ring[last]]];
        let mut part = |part: &[u8]| Some(diagonal(part)? + split(part, &mut found)?);
        if let (Some(low), Some(high)) = (part(&ring[..=tip]), part(&ring[tip..]))
            && best.as_ref().is_none_or(|(least, _)| low + high < *least)
        {
            best = Some((low + high, found));
        }
    }
    let (sum, found) = best?;
    triangles.extend(found);
    Some(sum)
}

/// The squared length of the line that closes a part of a ring: nothing for a side that is there anyway.
fn diagonal(part: &[u8]) -> Option<i32> {
    let (a, b) = (part[0], part[part.len() - 1]);
    if part.len() == 2 {
        return Some(0);
    }
    let (p, q) = (middle(a), middle(b));
    (!share_face(a, b)).then(|| (0..3).map(|i| (p[i] - q[i]) * (p[i] - q[i])).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crossed_edge_is_a_corner_and_no_other() {
        for (inside, case) in cases().iter().enumerate() {
            for slot in 0..12 {
                let (low, axis) = edge(slot);
                let corner = low[0] + 2 * low[1] + 4 * low[2];
                let crossed = (inside >> corner ^ inside >> (corner + (1 << axis))) & 1 == 1;
                assert_eq!(case.triangles.as_flattened().contains(&slot), crossed, "{inside} {slot}");
            }
            assert!(case.middles.len() + 12 <= SLOTS);
        }
    }

    #[test]
    fn sides_on_a_face_occur_once_and_all_other_sides_both_ways() {
        for case in cases() {
            let mut sides: Vec<[u8; 2]> = Vec::new();
            for &[a, b, c] in &case.triangles {
                sides.extend([[a, b], [b, c], [c, a]]);
            }
            for &[a, b] in &sides {
                let count = |side| sides.iter().filter(|&&s| s == side).count();
                let on_face = a < 12 && b < 12 && share_face(a, b);
                assert_eq!((count([a, b]), count([b, a])), (1, usize::from(!on_face)));
            }
        }
    }

    #[test]
    fn the_flat_table_has_the_same_triangles_under_other_numbers() {
        let cases = cases();
        let (right, left) = (Table::new(&cases, Handedness::Right), Table::new(&cases, Handedness::Left));
        for (n, case) in cases.iter().enumerate() {
            assert_eq!(right.tallies[n] & 0xffff, right.triangles(n).len() as u32);
            assert_eq!(right.tallies[n] >> MIDDLES, case.middles.len() as u32);
            for ((&old, &new), &turned) in
                case.triangles.iter().zip(right.triangles(n)).zip(left.triangles(n))
            {
                // Back: the low end of x holds the even slots.
                let back = |slot: u8| match slot {
                    4..8 => 4 + 2 * (slot - 4),
                    8..12 => 5 + 2 * (slot - 8),
                    _ => slot,
                };
                assert_eq!(new.map(back), old);
                assert_eq!([turned[0], turned[2], turned[1]], new);
            }
        }
    }

    #[test]
    fn an_edge_is_found_by_its_corners() {
        for slot in 0..12 {
            let (low, axis) = edge(slot);
            let corner = (low[0] + 2 * low[1] + 4 * low[2]) as u8;
            assert_eq!(edge_between(corner, corner + (1 << axis)), slot);
        }
    }
}
