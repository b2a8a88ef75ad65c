//! How the surfaces of labels pass through one cell, decided face by face.
//!
//! A cell lies between eight voxels. An edge between two of them is *crossed* where their labels differ. On
//! each face of the cell the surface of a label links the crossed edges of that label: two are linked with
//! each other; four are linked in pairs. The pairs follow from the four labels of the face alone, so the two
//! cells that share the face agree. The links of all labels together make *sheets*: sets of crossed edges
//! that meet in one vertex.
//!
//! Corner `x + 2y + 4z` is the one at `(x, y, z)`. Edges `4a..4a + 4` run along axis `a`; faces `2a` and
//! `2a + 1` are those across axis `a`, the low one first.

/// Stands for "no sheet": an edge that is not crossed.
pub(super) const NONE: u8 = u8::MAX;

/// The lower corner of each edge; its axis is a quarter of its number.
pub(super) const LOW: [u8; 12] = [0, 2, 4, 6, 0, 1, 4, 5, 0, 1, 2, 3];

/// Corners around each face.
const CORNERS: [[u8; 4]; 6] =
    [[0, 2, 6, 4], [1, 3, 7, 5], [0, 4, 5, 1], [2, 6, 7, 3], [0, 1, 3, 2], [4, 5, 7, 6]];

/// Edges around each face: the `i`-th lies between corners `i` and `i + 1` of `CORNERS`.
pub(super) const EDGES: [[u8; 4]; 6] =
    [[4, 10, 6, 8], [5, 11, 7, 9], [8, 2, 9, 0], [10, 3, 11, 1], [0, 5, 1, 4], [2, 7, 3, 6]];

/// How the crossed edges of a face are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    /// All with each other.
    All,
    /// Those around the second corner with each other, and those around the fourth.
    Odd,
    /// Those around the first corner with each other, and those around the third.
    Even,
}

impl Face {
    /// By the codes around the face.
    ///
    /// A label at two opposite corners between two others is connected, whatever the others are. Where two
    /// labels are across from each other both ways, the lower one is connected, and any label rather than
    /// the background: so one label alone has the surface of [`crate::isosurface`].
    fn of([a, b, c, d]: [u16; 4]) -> Self {
        // The background counts as the highest.
        let rank = |code: u16| code.wrapping_sub(1);
        match (a == c && a != b && a != d, b == d && b != a && b != c) {
            (true, true) if rank(a) < rank(b) => Self::Odd,
            (true, false) => Self::Odd,
            (_, true) => Self::Even,
            (false, false) => Self::All,
        }
    }

    /// Which of the two pairs the `i`-th edge of the face belongs to.
    const fn pair(self, i: usize) -> usize {
        match self {
            Self::All => 0,
            Self::Odd => i / 2,
            Self::Even => i.div_ceil(2) % 2,
        }
    }
}

/// How the surfaces pass through a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// The sheet of each edge.
    pub sheets: [u8; 12],
    /// How many sheets there are.
    pub count: u8,
    /// Sheets, as bits, in which the surface of one label turns around the vertex more than once.
    pub pinched: u8,
    /// For each face the edges of its second pair, as bits by their place around the face, where both pairs
    /// are on one sheet; 0 elsewhere.
    pub doubled: [u8; 6],
}

impl Cell {
    /// By the codes of the eight corners.
    pub(super) fn of(codes: &[u16; 8]) -> Self {
        let crossed = std::array::from_fn(|e| {
            let low = usize::from(LOW[e]);
            codes[low] != codes[low + (1 << (e / 4))]
        });
        let faces = CORNERS.map(|face| Face::of(face.map(|c| codes[usize::from(c)])));
        let mut groups = Groups::new();
        for (face, edges) in faces.iter().zip(&EDGES) {
            for (i, j) in PAIRS {
                if crossed[usize::from(edges[i])]
                    && crossed[usize::from(edges[j])]
                    && face.pair(i) == face.pair(j)
                {
                    groups.unite(edges[i], edges[j]);
                }
            }
        }
        let (sheets, count) = groups.numbered(&crossed);
        let mut doubled = [0; 6];
        for (f, (face, edges)) in faces.iter().zip(&EDGES).enumerate() {
            let of_pair = |pair: usize| (0..4).filter(move |&i| face.pair(i) == pair);
            let first = of_pair(0).map(|i| sheets[usize::from(edges[i])]).next();
            let second = of_pair(1).map(|i| sheets[usize::from(edges[i])]).next();
            if *face != Face::All && first == second {
                doubled[f] = of_pair(1).fold(0, |bits, i| bits | 1 << i);
            }
        }
        let pinched = pinched(codes, &faces, &sheets);
        Self { sheets, count, pinched, doubled }
    }
}

/// All pairs of edges of a face.
const PAIRS: [(usize, usize); 6] = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];

/// Sheets in which a label other than the background has more than one ring of edges.
fn pinched(codes: &[u16; 8], faces: &[Face; 6], sheets: &[u8; 12]) -> u8 {
    let mut found = 0;
    for (n, &label) in codes.iter().enumerate() {
        if label == 0 || codes[..n].contains(&label) {
            continue;
        }
        let own = std::array::from_fn::<bool, 12, _>(|e| {
            let low = usize::from(LOW[e]);
            (codes[low] == label) != (codes[low + (1 << (e / 4))] == label)
        });
        let mut rings = Groups::new();
        for (face, edges) in faces.iter().zip(&EDGES) {
            let four = edges.iter().all(|&e| own[usize::from(e)]);
            for (i, j) in PAIRS {
                let both = own[usize::from(edges[i])] && own[usize::from(edges[j])];
                if both && (!four || face.pair(i) == face.pair(j)) {
                    rings.unite(edges[i], edges[j]);
                }
            }
        }
        let (rings, count) = rings.numbered(&own);
        let mut seen = 0_u8;
        for ring in 0..count {
            let sheet = rings.iter().position(|&r| r == ring).map_or(0, |e| sheets[e]);
            found |= seen & 1 << sheet;
            seen |= 1 << sheet;
        }
    }
    found
}

/// Sets of edges that are linked.
struct Groups([u8; 12]);

impl Groups {
    fn new() -> Self {
        Self(std::array::from_fn(|e| e as u8))
    }

    fn root(&self, mut edge: u8) -> u8 {
        while self.0[usize::from(edge)] != edge {
            edge = self.0[usize::from(edge)];
        }
        edge
    }

    fn unite(&mut self, a: u8, b: u8) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[usize::from(a.max(b))] = a.min(b);
    }

    /// The sets of the chosen edges, numbered in the order of their first edges, and how many there are.
    fn numbered(&self, chosen: &[bool; 12]) -> ([u8; 12], u8) {
        let (mut numbers, mut count) = ([NONE; 12], 0);
        for e in (0..12).filter(|&e| chosen[e]) {
            let root = usize::from(self.root(e as u8));
            if root == e {
                numbers[e] = count;
                count += 1;
            } else {
                numbers[e] = numbers[root];
            }
        }
        (numbers, count)
    }
}

/// All cells of two labels, by their corners that have the second one, then by whether that one is the lower.
pub(super) fn of_two_labels() -> Vec<Cell> {
    let cell = |first: u16, second: u16| {
        move |case: u32| Cell::of(&std::array::from_fn(|c| if case >> c & 1 == 1 { second } else { first }))
    };
    (0..256).map(cell(1, 2)).chain((0..256).map(cell(2, 1))).collect()
}

/// Place of a cell of two labels in `of_two_labels`, and `None` for more labels.
pub(super) fn case(codes: &[u16; 8]) -> Option<usize> {
    let first = codes[0];
    let mut second = first;
    let mut case = 0;
    for (c, &code) in codes.iter().enumerate() {
        if code != first {
            if second != first && code != second {
                return None;
            }
            second = code;
            case |= 1 << c;
        }
    }
    Some(case + if second.wrapping_sub(1) < first.wrapping_sub(1) { 256 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_and_edges_of_faces_fit_together() {
        for (corners, edges) in CORNERS.iter().zip(&EDGES) {
            for i in 0..4 {
                let (a, b) = (corners[i], corners[(i + 1) % 4]);
                let edge = usize::from(edges[i]);
                assert_eq!((LOW[edge], 1 << (edge / 4)), (a & b, a ^ b));
            }
        }
    }

    #[test]
    fn a_cell_of_two_labels_has_no_pinched_vertex_and_at_most_four_sheets() {
        for (n, cell) in of_two_labels().iter().enumerate() {
            assert_eq!((cell.pinched, cell.count > 0), (0, n % 256 != 0 && n % 256 != 255));
            assert!(cell.count <= 4);
        }
    }

    #[test]
    fn a_case_is_found_again_by_its_codes() {
        let table = of_two_labels();
        for case_number in 1..255_u32 {
            for [a, b] in [[3, 5], [5, 3], [0, 4], [4, 0]] {
                let codes = std::array::from_fn(|c| if case_number >> c & 1 == 1 { b } else { a });
                assert_eq!(table[case(&codes).unwrap()], Cell::of(&codes));
            }
        }
        assert_eq!(case(&[1, 1, 2, 2, 0, 1, 1, 1]), None);
    }
}
