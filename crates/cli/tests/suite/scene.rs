//! The marked body: what is at every place of the patient, and the planes that sample it.
//!
//! A soft-tissue cylinder in air with a bone rod and five blobs L, R, A, P and H of different height, none of them
//! in a place that a mirror, a turn or an exchange of axes would leave alone. Columns, rows and slices are
//! 0.7, 0.8 and 1.5 mm apart, so that exchanged spacings show as well.

/// Millimetres, LPS.
pub type V = [f64; 3];

pub fn add(a: V, b: V) -> V {
    std::array::from_fn(|i| a[i] + b[i])
}

pub fn sub(a: V, b: V) -> V {
    std::array::from_fn(|i| a[i] - b[i])
}

pub fn times(a: V, s: f64) -> V {
    a.map(|x| x * s)
}

pub fn dot(a: V, b: V) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: V, b: V) -> V {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub fn length(a: V) -> f64 {
    dot(a, a).sqrt()
}

/// Where the body is: off the origin in every axis, so that exchanged signs show.
pub const CENTRE: V = [-31.0, -147.5, 412.25];

/// A blob: place relative to the centre, and height in HU above what is around it.
pub struct Marker {
    pub name: char,
    pub at: V,
    pub peak: f64,
}

pub const MARKERS: [Marker; 5] = [
    Marker { name: 'L', at: [8.5, 0.6, -1.5], peak: 450.0 },
    Marker { name: 'R', at: [-8.0, 1.7, 2.5], peak: 600.0 },
    Marker { name: 'A', at: [0.9, -8.5, 1.0], peak: 800.0 },
    Marker { name: 'P', at: [-2.5, 8.2, -3.0], peak: 1000.0 },
    Marker { name: 'H', at: [1.2, -0.9, 8.0], peak: 1300.0 },
];

/// Width (standard deviation) of a blob, mm: wide enough that 1.5 mm slices give its centroid exactly.
pub const WIDTH: f64 = 1.5;

/// How much is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Body, rod, blobs and a little noise.
    Full,
    /// Body and rod without noise: both change evenly from slice to slice, so that any resampling can be checked.
    Even,
}

/// HU at a place of the patient.
pub fn hu(place: V, detail: Detail, seed: u64) -> f64 {
    let [x, y, z] = sub(place, CENTRE);
    let noise = if detail == Detail::Full { (hash(place, seed) % 9) as f64 - 4.0 } else { 0.0 };
    if (x / 17.0).powi(2) + (y / 21.0).powi(2) > 1.0 {
        return -1000.0 + noise;
    }
    let soft = 40.0 + 1.0 * x + 0.6 * y + 1.2 * z + noise;
    if (x - 5.5).powi(2) + (y - 13.0).powi(2) < 3.6 * 3.6 {
        return 600.0 + 12.0 * z + noise;
    }
    if detail == Detail::Even {
        return soft;
    }
    let blob = |m: &Marker| {
        let d = sub([x, y, z], m.at);
        m.peak * (-dot(d, d) / (2.0 * WIDTH * WIDTH)).exp()
    };
    soft + MARKERS.iter().map(blob).sum::<f64>()
}

/// The same number for the same place and seed, evenly spread.
fn hash(place: V, seed: u64) -> u64 {
    let mut h = seed ^ 0x9e37_79b9_7f4a_7c15;
    for x in place {
        h ^= (x * 1000.0).round() as i64 as u64;
        h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
        h ^= h >> 33;
    }
    h
}

/// One plane of samples, where they truly are and what they truly are.
#[derive(Clone, Debug)]
pub struct Plane {
    /// First sample.
    pub origin: V,
    /// Step from column to column.
    pub x: V,
    /// Step from row to row.
    pub y: V,
    pub columns: usize,
    pub rows: usize,
    /// HU, row by row.
    pub hu: Vec<f64>,
}

impl Plane {
    pub fn sample(origin: V, steps: [V; 2], size: [usize; 2], detail: Detail, seed: u64) -> Self {
        let [x, y] = steps;
        let [columns, rows] = size;
        let mut values = Vec::with_capacity(columns * rows);
        for j in 0..rows {
            for i in 0..columns {
                let place = add(origin, add(times(x, i as f64), times(y, j as f64)));
                values.push(hu(place, detail, seed).round());
            }
        }
        Self { origin, x, y, columns, rows, hu: values }
    }

    pub fn at(&self, i: usize, j: usize) -> V {
        add(self.origin, add(times(self.x, i as f64), times(self.y, j as f64)))
    }

    pub fn normal(&self) -> V {
        let n = cross(self.x, self.y);
        times(n, 1.0 / length(n))
    }
}

/// How a stack of planes lies in the patient.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Directions of a row (along columns) and of a column (along rows).
    pub axes: [V; 2],
    /// Column, row step, mm.
    pub steps: [f64; 2],
    pub size: [usize; 2],
    /// Place of each slice's centre relative to the body's.
    pub centres: Vec<V>,
    pub detail: Detail,
    pub seed: u64,
}

/// Columns, rows and slices of the usual stack.
pub const SIZE: [usize; 3] = [64, 80, 20];
/// Their steps, mm.
pub const STEPS: [f64; 3] = [0.7, 0.8, 1.5];

impl Shape {
    /// An axial stack from the feet up.
    pub fn axial() -> Self {
        Self::along([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.0, 0.0, 1.0])
    }

    /// A stack with these axes whose slices follow each other along `step` (a direction).
    pub fn along(axes: [V; 2], step: V) -> Self {
        let middle = (SIZE[2] - 1) as f64 / 2.0;
        Self {
            axes,
            steps: [STEPS[0], STEPS[1]],
            size: [SIZE[0], SIZE[1]],
            centres: (0..SIZE[2]).map(|k| times(step, STEPS[2] * (k as f64 - middle))).collect(),
            detail: Detail::Full,
            seed: 1,
        }
    }

    /// Slices at these distances (mm) from the centre along `step`.
    pub fn at(mut self, step: V, distances: &[f64]) -> Self {
        self.centres = distances.iter().map(|&d| times(step, d)).collect();
        self
    }

    /// Without blobs and noise.
    pub fn even(mut self) -> Self {
        self.detail = Detail::Even;
        self
    }

    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fewer or more columns and rows.
    pub fn sized(mut self, columns: usize, rows: usize) -> Self {
        self.size = [columns, rows];
        self
    }

    pub fn planes(&self) -> Vec<Plane> {
        let steps = [times(self.axes[0], self.steps[0]), times(self.axes[1], self.steps[1])];
        let half = add(
            times(steps[0], (self.size[0] - 1) as f64 / 2.0),
            times(steps[1], (self.size[1] - 1) as f64 / 2.0),
        );
        let plane = |centre: &V| {
            // A header says where a slice is to 6 decimals; the truth is what a header can say.
            let origin = sub(add(CENTRE, *centre), half).map(|x| (x * 1e6).round() / 1e6);
            Plane::sample(origin, steps, self.size, self.detail, self.seed)
        };
        self.centres.iter().map(plane).collect()
    }
}
