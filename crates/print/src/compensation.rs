//! What a printer does to every part, measured on a calibration print, and a solid changed so that it comes out right.
//!
//! A printer is taken to scale along the axes of its bed and to let every outline grow outward by the same length:
//! `printed = scale · planned + growth`. [`Compensation::fit`] finds both from readings with their 95 % intervals,
//! [`compensate`] applies the inverse. In a profile file it is the table `[compensation]`, see [`Compensation::toml`].

use crate::turn::Turn;
use glam::{DVec2, DVec3};
use osteon_core::{Cancelled, Ctx, ErrorKind, Explain, Patient, Point, Solid};
use osteon_mesh::bvh::Bvh;
use osteon_mesh::self_intersection;
use serde::{Deserialize, Serialize};

/// What a printer does to every part, as measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compensation {
    /// Printed length for planned length along the bed's x, y and z, without growth.
    pub scale: [f64; 3],
    /// How far outlines come out too large, on every side, in the plane of the bed, mm; negative if too small.
    pub growth: f64,
}

/// Range of a scale. Chosen: plastics shrink by up to 3 %, and no working printer is off by more than 5 %.
const SCALES: [f64; 2] = [0.92, 1.08];

/// Range of the growth, mm. Chosen: half of a wide line, above which the flow is to be mended and not the part.
const GROWTHS: [f64; 2] = [-0.5, 0.5];

/// 95 % of readings lie within this of the truth, mm. Chosen: a digital calliper on printed steps, read by hand.
pub const READING: f64 = 0.05;

/// A vertex moves at most so many times the growth. Chosen: corners sharper than 40° are blunted by print anyway.
const FARTHEST: f64 = 3.0;

/// Directions in which a vertex's faces say less than this share of the most are left alone.
const WEAK: f64 = 0.02;

/// Why a compensation cannot be found or applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompensationError {
    /// The work was stopped.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A number is out of its range.
    #[error("compensation.{key} is {value}; it must be {low} to {high}")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// Least.
        low: f64,
        /// Most.
        high: f64,
    },
    /// The table of a profile cannot be read.
    #[error("the table [compensation] cannot be read: {0}")]
    Table(String),
    /// The readings do not tell scale and growth apart.
    #[error("the readings do not tell {0} apart from the rest")]
    Undetermined(&'static str),
    /// The change makes the surface cross itself or turns it inside out.
    #[error("taking {growth} mm off every side breaks a part that thin, near {near:?}")]
    Breaks {
        /// The growth that is taken off.
        growth: f64,
        /// Where.
        near: [f64; 3],
    },
}

impl Explain for CompensationError {
    fn kind(&self) -> ErrorKind {
        match self {
            CompensationError::Cancelled(_) => ErrorKind::Cancelled,
            CompensationError::Breaks { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Input,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            CompensationError::Cancelled(_) => "cancelled",
            CompensationError::Range { .. } => "compensation-range",
            CompensationError::Table(_) => "bad-compensation",
            CompensationError::Undetermined(_) => "readings-undetermined",
            CompensationError::Breaks { .. } => "compensation-breaks",
        }
    }

    fn help(&self) -> String {
        match self {
            CompensationError::Cancelled(stopped) => stopped.help(),
            CompensationError::Range { .. } => {
                "measure again; a printer that is off by so much is to be mended first".to_owned()
            }
            CompensationError::Table(_) => "write it again with osteon gauge".to_owned(),
            CompensationError::Undetermined(_) => {
                "measure a long length along x and along y, and a peg, a hole or a slot beside".to_owned()
            }
            CompensationError::Breaks { .. } => {
                "thicken the part there, or set growth to 0 in the profile".to_owned()
            }
        }
    }
}

/// One reading: `measured = planned · Σ along · scale + sides · growth + feet · foot`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Share of the length along each of the bed's axes; they add up to 1.
    pub along: [f64; 3],
    /// Sides that grow: 2 between two outer faces, −2 between two inner ones, 0 along z.
    pub sides: f64,
    /// 1 for a height above the bed, whose first layer may be pressed flat; else 0.
    pub feet: f64,
    /// As planned, mm.
    pub planned: f64,
    /// As measured, mm.
    pub measured: f64,
}

/// A compensation with how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// The compensation; a scale that no reading tells is 1.
    pub compensation: Compensation,
    /// Half of the 95 % interval of each scale; `None` where no reading tells it.
    pub scale: [Option<f64>; 3],
    /// Half of the 95 % interval of the growth, mm.
    pub growth: f64,
    /// How much too high the first layer is, and half of its interval, mm; only with two heights.
    pub foot: Option<(f64, f64)>,
    /// Root mean square of what the readings differ by, mm.
    pub left: f64,
}

impl Compensation {
    /// Of a printer that prints as planned.
    pub const NONE: Self = Self { scale: [1.0; 3], growth: 0.0 };

    /// Sees that every number is in its range.
    ///
    /// # Errors
    /// [`CompensationError::Range`].
    pub fn check(&self) -> Result<(), CompensationError> {
        let [low, high] = SCALES;
        for value in self.scale {
            if !(low..=high).contains(&value) {
                return Err(CompensationError::Range { key: "scale", value, low, high });
            }
        }
        let [low, high] = GROWTHS;
        if !(low..=high).contains(&self.growth) {
            return Err(CompensationError::Range { key: "growth", value: self.growth, low, high });
        }
        Ok(())
    }

    /// The table of a profile's text, or `None` where there is none; everything else in the text is left unread.
    ///
    /// # Errors
    /// The text is not TOML, a key is unknown or missing, or a number out of its range.
    pub fn of_profile(text: &str) -> Result<Option<Self>, CompensationError> {
        let wrong = |e: toml::de::Error| CompensationError::Table(e.to_string());
        let all: toml::Table = toml::from_str(text).map_err(wrong)?;
        let Some(table) = all.get("compensation") else { return Ok(None) };
        let found: Self = table.clone().try_into().map_err(wrong)?;
        found.check()?;
        Ok(Some(found))
    }

    /// The table as it stands in a profile.
    pub fn toml(&self) -> String {
        let [x, y, z] = self.scale;
        format!(
            "[compensation]                           # what this printer does to every part, measured with osteon gauge\n\
             scale = [{x:.5}, {y:.5}, {z:.5}]      # printed for planned length along the bed's x, y, z [{} to {}]\n\
             growth = {:.4}                          # outlines come out larger by this on every side, mm [{} to {}]\n",
            SCALES[0], SCALES[1], self.growth, GROWTHS[0], GROWTHS[1]
        )
    }

    /// A profile's text with this table, in place of the one it may have.
    ///
    /// # Errors
    /// The text is not TOML.
    pub fn into_profile(&self, text: &str) -> Result<String, CompensationError> {
        let mut kept = String::new();
        let mut inside = false;
        for line in text.lines() {
            let start = line.trim_start();
            if start.starts_with('[') {
                inside = start.starts_with("[compensation]");
            }
            if !inside {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        let whole = format!("{}\n\n{}", kept.trim_end(), self.toml());
        Self::of_profile(&whole)?;
        Ok(whole)
    }

    /// Finds scale and growth by least squares over readings.
    ///
    /// The interval is that of [`READING`], or of what the readings differ by, whichever is more.
    ///
    /// # Errors
    /// Readings that do not tell scale and growth apart, or numbers out of range.
    pub fn fit(readings: &[Reading]) -> Result<Fitted, CompensationError> {
        let heights = readings.iter().filter(|r| r.feet > 0.0);
        let spread = heights.clone().map(|r| r.planned).fold(f64::NEG_INFINITY, f64::max)
            - heights.map(|r| r.planned).fold(f64::INFINITY, f64::min);
        // Scale is fitted as its difference from 1; lengths in units of 100 mm keep the equations even.
        let row = |r: &Reading| {
            let [x, y, z] = r.along.map(|share| share * r.planned / 100.0);
            [x, y, z, r.sides, if spread > 1.0 { r.feet } else { 0.0 }]
        };
        let mut normal = [[0.0; 5]; 5];
        let mut right = [0.0; 5];
        for reading in readings {
            let row = row(reading);
            for (i, a) in row.iter().enumerate() {
                right[i] += a * (reading.measured - reading.planned);
                for (j, b) in row.iter().enumerate() {
                    normal[i][j] += a * b;
                }
            }
        }
        let told: Vec<usize> = (0..5).filter(|&k| normal[k][k] > 0.0).collect();
        let inverse = inverse(&normal, &told)?;
        let mut solved = [0.0; 5];
        for (i, &a) in told.iter().enumerate() {
            solved[a] = told.iter().enumerate().map(|(j, &b)| inverse[i][j] * right[b]).sum();
        }
        let squares: f64 = readings
            .iter()
            .map(|r| {
                let expected: f64 = row(r).iter().zip(solved).map(|(a, x)| a * x).sum();
                (r.measured - r.planned - expected).powi(2)
            })
            .sum();
        let freedom = readings.len().saturating_sub(told.len()) as f64;
        let seen = if freedom > 0.0 { squares / freedom } else { 0.0 };
        let sigma = seen.sqrt().max(READING / 1.96);
        let half = |k: usize| {
            let at = told.iter().position(|&t| t == k)?;
            Some(1.96 * sigma * inverse[at][at].max(0.0).sqrt())
        };
        let scale = [0, 1, 2].map(|k| 1.0 + solved[k] / 100.0);
        let Some(growth) = half(3) else { return Err(CompensationError::Undetermined("growth")) };
        let compensation = Self { scale, growth: solved[3] };
        compensation.check()?;
        Ok(Fitted {
            compensation,
            scale: [0, 1, 2].map(|k| half(k).map(|h| h / 100.0)),
            growth,
            foot: half(4).map(|h| (solved[4], h)),
            left: (squares / readings.len().max(1) as f64).sqrt(),
        })
    }
}

/// The inverse of the rows and columns that are told, by elimination with the largest pivots.
fn inverse(normal: &[[f64; 5]; 5], told: &[usize]) -> Result<Vec<Vec<f64>>, CompensationError> {
    let n = told.len();
    let mut a: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let own = (0..n).map(|j| normal[told[i]][told[j]]);
            own.chain((0..n).map(|j| if i == j { 1.0 } else { 0.0 })).collect()
        })
        .collect();
    for k in 0..n {
        let best = (k..n).max_by(|&p, &q| a[p][k].abs().total_cmp(&a[q][k].abs())).unwrap_or(k);
        a.swap(k, best);
        let pivot = a[k][k];
        // What is left of a column after the others are taken out: below a thousandth they are the same readings.
        if pivot.abs() < 1e-3 * normal[told[k]][told[k]] {
            let names = ["scale along x", "scale along y", "scale along z", "growth", "the first layer"];
            return Err(CompensationError::Undetermined(names[told[k]]));
        }
        for value in &mut a[k] {
            *value /= pivot;
        }
        let own = a[k].clone();
        for (i, row) in a.iter_mut().enumerate() {
            let factor = row[k];
            if i != k && factor != 0.0 {
                for (value, k) in row.iter_mut().zip(&own) {
                    *value -= factor * k;
                }
            }
        }
    }
    Ok(a.into_iter().map(|row| row[n..].to_vec()).collect())
}

/// The solid that this printer makes the given one of: growth taken off every side in the plane of the bed, then
/// scaled by the inverse about the part's middle.
///
/// Triangles stay as they are and only vertices move, so places keep their numbers. A proof of the sliced job
/// compares with the solid this returns.
///
/// # Errors
/// Numbers out of range, or a part too thin for what is taken off.
pub fn compensate(
    solid: &Solid,
    by: &Compensation,
    turn: &Turn,
    ctx: &Ctx,
) -> Result<Solid, CompensationError> {
    by.check()?;
    let mesh = solid.mesh();
    let bed = turn.rotation();
    let places: Vec<DVec3> = mesh.vertices.iter().map(|p| bed * p.vec()).collect();
    let moved = shrunk(&places, &mesh.triangles, by.growth);
    let (low, high) = places
        .iter()
        .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), p| (low.min(*p), high.max(*p)));
    let middle = (low + high) * 0.5;
    let scale = DVec3::from_array(by.scale);
    let back = bed.transpose();
    let vertices: Vec<Point<Patient>> =
        moved.iter().map(|&p| Point::from_vec(back * (middle + (p - middle) / scale))).collect();
    let broken = |near: [f64; 3]| CompensationError::Breaks { growth: by.growth, near };
    let changed = solid
        .displaced(vertices, &ctx.part("compensation", 0.0, 0.3))?
        .map_err(|_| broken(solid.mesh().bounds().middle().to_array()))?;
    let crossing = |solid: &Solid, part: &Ctx| {
        let bvh = Bvh::new(solid.mesh(), part)?;
        let mut found = self_intersection::find(solid.mesh(), &bvh, part)?;
        found.retain(|crossing| crossing.kind.is_serious());
        Ok::<_, Cancelled>(found)
    };
    let after = crossing(&changed, &ctx.part("compensation", 0.3, 0.7))?;
    if let Some(first) = after.first() {
        // What crossed itself before is not the compensation's doing.
        let before = crossing(solid, &ctx.part("compensation", 0.7, 1.0))?;
        if after.len() > before.len() {
            let [a, b, c] = mesh.corners(mesh.triangles[first.triangles[0] as usize]);
            return Err(broken(((a + b + c) / 3.0).to_array()));
        }
    }
    Ok(changed)
}

/// Every face moved inward in the plane of the bed: each vertex to where the lines of its faces meet, by least squares.
fn shrunk(places: &[DVec3], triangles: &[[u32; 3]], growth: f64) -> Vec<DVec3> {
    if growth == 0.0 {
        return places.to_vec();
    }
    // For each vertex: xx, xy, yy, and the right-hand side.
    let mut sums = vec![([0.0_f64; 3], DVec2::ZERO); places.len()];
    for triangle in triangles {
        let corners = triangle.map(|v| places[v as usize]);
        let normal = (corners[1] - corners[0]).cross(corners[2] - corners[0]).normalize_or_zero();
        let flat = normal.truncate();
        for (n, v) in triangle.iter().enumerate() {
            let (p, q) = (corners[(n + 1) % 3] - corners[n], corners[(n + 2) % 3] - corners[n]);
            let angle = libm::atan2(p.cross(q).length(), p.dot(q));
            let (matrix, right) = &mut sums[*v as usize];
            matrix[0] += angle * flat.x * flat.x;
            matrix[1] += angle * flat.x * flat.y;
            matrix[2] += angle * flat.y * flat.y;
            *right -= flat * (angle * growth * flat.length());
        }
    }
    let step = |(place, (matrix, right)): (&DVec3, &([f64; 3], DVec2))| {
        let by = solve(*matrix, *right).clamp_length_max(FARTHEST * growth.abs());
        *place + by.extend(0.0)
    };
    places.iter().zip(&sums).map(step).collect()
}

/// The least solution of two equations; a direction that says nothing stays.
fn solve([xx, xy, yy]: [f64; 3], right: DVec2) -> DVec2 {
    let (half, mean) = ((xx - yy) * 0.5, (xx + yy) * 0.5);
    let root = (half * half + xy * xy).sqrt();
    let (most, least) = (mean + root, mean - root);
    if most <= 1e-12 {
        return DVec2::ZERO;
    }
    // The vector of the larger eigenvalue, from whichever row has more digits.
    let along = if half >= 0.0 { DVec2::new(half + root, xy) } else { DVec2::new(xy, root - half) };
    let along = along.try_normalize().unwrap_or(DVec2::X);
    let across = along.perp();
    let mut sum = along * (along.dot(right) / most);
    if least > WEAK * most {
        sum += across * (across.dot(right) / least);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use osteon_core::{Direction, Mesh};
    use osteon_phantom::mesh::{ball, cuboid};

    fn block(size: DVec3) -> Solid {
        Solid::new(cuboid(DVec3::new(5.0, -3.0, 100.0), size)).unwrap()
    }

    #[test]
    fn a_compensated_block_is_printed_as_planned() {
        let size = DVec3::new(40.0, 30.0, 20.0);
        let by = Compensation { scale: [1.01, 0.99, 1.002], growth: 0.1 };
        let changed = compensate(&block(size), &by, &Turn::standing(), &Ctx::default()).unwrap();
        let got = changed.mesh().bounds().size();
        let printed = got * DVec3::from_array(by.scale) + DVec3::new(0.2, 0.2, 0.0);
        assert!(printed.abs_diff_eq(size, 1e-9), "{printed}");
        let middle = |s: &Solid| s.mesh().bounds().middle().vec();
        assert!(middle(&changed).abs_diff_eq(middle(&block(size)), 1e-9));
    }

    #[test]
    fn the_axes_are_those_of_the_bed() {
        let size = DVec3::new(40.0, 30.0, 20.0);
        let by = Compensation { scale: [1.0, 1.0, 1.01], growth: 0.0 };
        let turn = Turn::with_up(Direction::new(DVec3::X).unwrap());
        let got = compensate(&block(size), &by, &turn, &Ctx::default()).unwrap().mesh().bounds().size();
        assert!(got.abs_diff_eq(DVec3::new(40.0 / 1.01, 30.0, 20.0), 1e-9), "{got}");
    }

    #[test]
    fn a_ball_gets_thinner_by_the_growth_around_and_keeps_its_height() {
        let solid = Solid::new(ball(DVec3::ZERO, 10.0, 40)).unwrap();
        let by = Compensation { scale: [1.0; 3], growth: 0.2 };
        let changed = compensate(&solid, &by, &Turn::standing(), &Ctx::default()).unwrap();
        for (old, new) in solid.mesh().vertices.iter().zip(&changed.mesh().vertices) {
            let (old, new) = (old.vec(), new.vec());
            assert_eq!(old.z, new.z);
            let flat = old.truncate().length();
            if flat > 1.0 {
                // The faces around a vertex differ by 4.5° from its normal: the cosine is within 0.4 %.
                assert!((flat - new.truncate().length() - 0.2).abs() < 0.2 * 0.05, "{old} {new}");
            }
        }
    }

    #[test]
    fn a_wall_thinner_than_what_is_taken_off_is_refused() {
        let wall = block(DVec3::new(0.3, 20.0, 20.0));
        let by = Compensation { scale: [1.0; 3], growth: 0.2 };
        let refused = compensate(&wall, &by, &Turn::standing(), &Ctx::default()).unwrap_err();
        assert_eq!(refused.code(), "compensation-breaks");
        assert!(matches!(
            compensate(
                &wall,
                &Compensation { scale: [1.2, 1.0, 1.0], growth: 0.0 },
                &Turn::standing(),
                &Ctx::default()
            ),
            Err(CompensationError::Range { key: "scale", .. })
        ));
    }

    fn readings(truth: &Compensation, foot: f64) -> Vec<Reading> {
        let xy = [0.5, 0.5, 0.0];
        [
            ([1.0, 0.0, 0.0], 2.0, 0.0, 100.0),
            ([0.0, 1.0, 0.0], 2.0, 0.0, 100.0),
            ([0.0, 0.0, 1.0], 0.0, 1.0, 50.0),
            ([0.0, 0.0, 1.0], 0.0, 1.0, 15.0),
            (xy, 2.0, 0.0, 8.0),
            (xy, -2.0, 0.0, 6.0),
        ]
        .into_iter()
        .map(|(along, sides, feet, planned)| {
            let scale: f64 = along.iter().zip(truth.scale).map(|(a, s)| a * s).sum();
            let measured = planned * scale + sides * truth.growth + feet * foot;
            Reading { along, sides, feet, planned, measured }
        })
        .collect()
    }

    #[test]
    fn readings_without_error_give_scale_growth_and_first_layer_back() {
        let truth = Compensation { scale: [1.003, 0.998, 1.001], growth: 0.07 };
        let found = Compensation::fit(&readings(&truth, -0.1)).unwrap();
        for axis in 0..3 {
            assert!((found.compensation.scale[axis] - truth.scale[axis]).abs() < 1e-9);
        }
        // Growth is known from a peg and a hole; twice of it is in a length of 100 mm, beside that reading's own error.
        for axis in 0..2 {
            let wanted = libm::hypot(READING, 2.0 * found.growth) / 100.0;
            assert!((found.scale[axis].unwrap() / wanted - 1.0).abs() < 0.1);
        }
        // Two heights 35 mm apart, both with their error, tell the scale along z from the first layer.
        let wanted = READING * 2.0_f64.sqrt() / 35.0;
        assert!((found.scale[2].unwrap() - wanted).abs() < 1e-9);
        assert!((found.compensation.growth - 0.07).abs() < 1e-9 && found.growth < 0.05);
        assert!((found.foot.unwrap().0 + 0.1).abs() < 1e-9 && found.left < 1e-9);
    }

    #[test]
    fn one_length_does_not_tell_scale_from_growth() {
        let all = readings(&Compensation::NONE, 0.0);
        let refused = Compensation::fit(&all[..2]).unwrap_err();
        assert!(matches!(refused, CompensationError::Undetermined(_)), "{refused}");
        let odd = Compensation::fit(&[all[0], all[1], all[4], Reading { measured: 9.9, ..all[5] }]);
        assert!(matches!(odd, Err(CompensationError::Range { .. } | CompensationError::Undetermined(_))));
    }

    #[test]
    fn a_profile_keeps_everything_but_its_old_compensation() {
        let text =
            "name = \"a\"\n\n[compensation]\nscale = [1.0, 1.0, 1.0]\ngrowth = 0.0\n\n[bed]\nheight = 5.0\n";
        let new = Compensation { scale: [1.001, 0.999, 1.0], growth: -0.05 };
        let whole = new.into_profile(text).unwrap();
        assert_eq!(Compensation::of_profile(&whole).unwrap(), Some(new));
        assert!(whole.contains("[bed]\nheight = 5.0") && whole.matches("[compensation]").count() == 1);
        assert_eq!(Compensation::of_profile("a = 1").unwrap(), None);
        assert!(Compensation::of_profile("[compensation]\nscale = [2.0, 1.0, 1.0]\ngrowth = 0.0").is_err());
        assert!(Compensation::of_profile("[compensation]\nscale = [1.0, 1.0, 1.0]").is_err());
    }

    #[test]
    fn nothing_is_changed_where_nothing_is_to_be_compensated() {
        let mesh: Mesh = ball(DVec3::ZERO, 10.0, 12);
        let solid = Solid::new(mesh).unwrap();
        let same = compensate(&solid, &Compensation::NONE, &Turn::standing(), &Ctx::default()).unwrap();
        for (a, b) in solid.mesh().vertices.iter().zip(&same.mesh().vertices) {
            assert!(a.distance(*b) < 1e-12);
        }
    }
}
