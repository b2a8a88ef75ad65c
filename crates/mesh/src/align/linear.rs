//! Small symmetric systems: least squares whose weak directions are left alone and named.

/// A symmetric matrix of a few dozen rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Symmetric {
    rows: usize,
    /// All elements, row by row.
    elements: Vec<f64>,
}

/// Eigenvalues and their vectors of length one, the smallest first.
pub(crate) type Eigen = Vec<(f64, Vec<f64>)>;

/// Sweeps of rotations at most; ten are enough for any matrix of a few dozen rows.
const SWEEPS: usize = 30;

impl Symmetric {
    pub(crate) fn zero(rows: usize) -> Self {
        Self { rows, elements: vec![0.0; rows * rows] }
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.elements[row * self.rows + column]
    }

    /// Adds `weight · v vᵀ`, the upper half only; see [`Symmetric::mirror`].
    pub(crate) fn add(&mut self, vector: &[f64], weight: f64) {
        for (row, a) in vector.iter().enumerate() {
            let from = row * self.rows;
            let scaled = weight * a;
            for (element, b) in self.elements[from + row..from + self.rows].iter_mut().zip(&vector[row..]) {
                *element += scaled * b;
            }
        }
    }

    /// Adds to an element of the diagonal.
    pub(crate) fn raise(&mut self, row: usize, by: f64) {
        self.elements[row * self.rows + row] += by;
    }

    pub(crate) fn plus(&mut self, other: &Self) {
        for (element, more) in self.elements.iter_mut().zip(&other.elements) {
            *element += more;
        }
    }

    /// Copies the upper half onto the lower one.
    pub(crate) fn mirror(&mut self) {
        for row in 0..self.rows {
            for column in 0..row {
                self.elements[row * self.rows + column] = self.elements[column * self.rows + row];
            }
        }
    }

    /// Eigenvalues and vectors by Jacobi's rotations (Golub and Van Loan, "Matrix computations", 8.5).
    pub(crate) fn eigen(&self) -> Eigen {
        let n = self.rows;
        let mut a = self.elements.clone();
        let mut v = Self::zero(n).elements;
        for k in 0..n {
            v[k * n + k] = 1.0;
        }
        for _ in 0..SWEEPS {
            let off: f64 = (0..n)
                .flat_map(|i| (0..i).map(move |j| (i, j)))
                .map(|(i, j)| a[i * n + j] * a[i * n + j])
                .sum();
            let on: f64 = (0..n).map(|i| a[i * n + i] * a[i * n + i]).sum();
            // Below the roundings of the diagonal nothing is left to rotate.
            if off <= on * 1e-30 {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    rotate(&mut a, &mut v, n, [p, q]);
                }
            }
        }
        let mut pairs: Eigen =
            (0..n).map(|k| (a[k * n + k], (0..n).map(|row| v[row * n + k]).collect())).collect();
        pairs.sort_by(|x, y| x.0.total_cmp(&y.0));
        pairs
    }
}

fn rotate(a: &mut [f64], v: &mut [f64], n: usize, [p, q]: [usize; 2]) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + libm::sqrt(theta * theta + 1.0));
    let c = 1.0 / libm::sqrt(t * t + 1.0);
    let s = t * c;
    for k in 0..n {
        let (akp, akq) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = c * akp - s * akq;
        a[k * n + q] = s * akp + c * akq;
    }
    for k in 0..n {
        let (apk, aqk) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = c * apk - s * aqk;
        a[q * n + k] = s * apk + c * aqk;
        let (vkp, vkq) = (v[k * n + p], v[k * n + q]);
        v[k * n + p] = c * vkp - s * vkq;
        v[k * n + q] = s * vkp + c * vkq;
    }
}

/// The least squares step `−H⁻¹ g` in the directions whose eigenvalue is above `floor`.
pub(crate) fn step(eigen: &Eigen, gradient: &[f64], floor: f64) -> Vec<f64> {
    let mut sum = vec![0.0; gradient.len()];
    for (value, vector) in eigen.iter().filter(|(value, _)| *value > floor) {
        let along: f64 = vector.iter().zip(gradient).map(|(a, b)| a * b).sum();
        for (element, v) in sum.iter_mut().zip(vector) {
            *element -= along / value * v;
        }
    }
    sum
}

/// `H⁻¹ v` in the directions whose eigenvalue is above `floor`.
pub(crate) fn apply_inverse(eigen: &Eigen, vector: &[f64], floor: f64) -> Vec<f64> {
    step(eigen, vector, floor).into_iter().map(|x| -x).collect()
}

/// The product of two vectors.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_put_together_again_from_its_eigenvectors() {
        let mut random = osteon_core::ctx::Random::new(7);
        let n = 12;
        let mut matrix = Symmetric::zero(n);
        for _ in 0..n + 3 {
            let vector: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            matrix.add(&vector, 1.0);
        }
        matrix.mirror();
        let eigen = matrix.eigen();
        for i in 0..n {
            for j in 0..n {
                let sum: f64 = eigen.iter().map(|(value, v)| value * v[i] * v[j]).sum();
                // Elements are sums of a few dozen products of size 1 to 50: 1e-11 is far above their rounding.
                assert!((sum - matrix.at(i, j)).abs() < 1e-11);
            }
        }
        let b: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let x = apply_inverse(&eigen, &b, 0.0);
        for (i, wanted) in b.iter().enumerate() {
            let product: f64 = (0..n).map(|j| matrix.at(i, j) * x[j]).sum();
            assert!((product - wanted).abs() < 1e-8, "{product} {wanted}");
        }
    }

    #[test]
    fn a_direction_without_information_is_left_alone() {
        let mut matrix = Symmetric::zero(2);
        matrix.add(&[1.0, 1.0], 3.0);
        matrix.mirror();
        let x = step(&matrix.eigen(), &[6.0, 6.0], 1e-9);
        assert!((x[0] + 1.0).abs() < 1e-12 && (x[1] + 1.0).abs() < 1e-12);
    }
}
