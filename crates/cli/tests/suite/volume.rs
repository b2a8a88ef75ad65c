//! The written volume, read back by a small parser of its own and held against the truth.

use crate::pack;
use crate::scene::{CENTRE, Detail, MARKERS, Plane, V, WIDTH, add, cross, dot, hu, length, sub, times};
use crate::series::{Kept, Truth};
use serde_json::Value;
use std::path::Path;

/// Furthest a sample may be from where it belongs, mm.
const OFF: f64 = 0.1;

/// A volume as it was written.
pub struct Volume {
    pub file: String,
    pub size: [usize; 3],
    pub steps: [V; 3],
    pub origin: V,
    pub kind: String,
    pub values: Vec<f64>,
    pub unit: Option<String>,
    /// First and last slice of each slab that was not measured.
    pub gaps: Vec<[usize; 2]>,
}

fn numbers(text: &str) -> Option<V> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let found: Vec<f64> = inner.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
    found.try_into().ok()
}

fn vector(value: &Value) -> Option<V> {
    let found: Vec<f64> = value.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
    found.try_into().ok()
}

impl Volume {
    /// Reads the file that an entry of findings.json names, and holds the two against each other.
    pub fn read(out: &Path, entry: &Value) -> Result<Self, String> {
        let file = entry["file"].as_str().ok_or("a volume without a file")?.to_owned();
        let bytes = std::fs::read(out.join(&file)).map_err(|e| format!("{file}: {e}"))?;
        let end = bytes.windows(2).position(|w| w == b"\n\n").ok_or("no end of the NRRD header")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let field = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
        };
        let need = |name: &str| field(name).ok_or(format!("{file} has no field {name}"));
        let sizes: Vec<usize> = need("sizes")?.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let size: [usize; 3] = sizes.try_into().map_err(|_| "sizes")?;
        let steps: Vec<V> = need("space directions")?.split_whitespace().filter_map(numbers).collect();
        let steps: [V; 3] = steps.try_into().map_err(|_| "space directions")?;
        let origin = numbers(&need("space origin")?).ok_or("space origin")?;
        if need("space")? != "left-posterior-superior" || need("encoding")? != "raw" {
            return Err(format!("{file} is not raw in LPS"));
        }
        let kind = need("type")?;
        let little = size_of_type(&kind) == 1 || need("endian")? == "little";
        let values = decode(&bytes[end + 2..], &kind).ok_or(format!("type {kind}"))?;
        if !little || values.len() != size.iter().product::<usize>() {
            return Err(format!("{file}: {} values for {size:?}, little endian {little}", values.len()));
        }
        let slices = |g: &Value| Some([g["slices"][0].as_u64()? as usize, g["slices"][1].as_u64()? as usize]);
        let gaps = entry["not_measured"].as_array().into_iter().flatten();
        let gaps = gaps.map(slices).collect::<Option<Vec<_>>>().ok_or("not_measured without slices")?;
        let unit = entry["unit"].as_str().map(str::to_owned);
        let volume = Self { file, size, steps, origin, kind, values, unit, gaps };
        volume.agrees(entry)?;
        volume.mask(out)?;
        Ok(volume)
    }

    fn agrees(&self, entry: &Value) -> Result<(), String> {
        let origin = vector(&entry["origin"]).ok_or("no origin in findings.json")?;
        if length(sub(origin, self.origin)) > 1e-3 {
            return Err(format!("origin {origin:?} in findings.json, {:?} in {}", self.origin, self.file));
        }
        for axis in 0..3 {
            let said = vector(&entry["directions"][axis]).ok_or("no directions in findings.json")?;
            if length(sub(said, self.steps[axis])) > 1e-5 {
                return Err(format!("direction {axis} is {said:?} in findings.json, {:?}", self.steps[axis]));
            }
            if entry["size"][axis].as_u64() != Some(self.size[axis] as u64) {
                return Err(format!("size {} in findings.json, {:?}", entry["size"], self.size));
            }
        }
        Ok(())
    }

    /// The mask beside the volume must say the same as findings.json.
    fn mask(&self, out: &Path) -> Result<(), String> {
        let name = self.file.replace(".nrrd", ".not-measured.nrrd");
        let Ok(bytes) = std::fs::read(out.join(&name)) else {
            return if self.gaps.is_empty() { Ok(()) } else { Err(format!("{name} is missing")) };
        };
        let end = bytes.windows(2).position(|w| w == b"\n\n").ok_or("no end of the mask's header")?;
        let zipped = bytes[..end].windows(14).any(|w| w == b"encoding: gzip");
        let mask = if zipped {
            // Ten bytes of a gzip header without options, eight at the end.
            pack::inflate(&bytes[end + 12..]).ok_or(format!("{name} does not inflate"))?
        } else {
            bytes[end + 2..].to_vec()
        };
        let area = self.size[0] * self.size[1];
        if mask.len() != area * self.size[2] {
            return Err(format!("{name} has {} values", mask.len()));
        }
        for k in 0..self.size[2] {
            let marked = mask[k * area..(k + 1) * area].iter().filter(|&&m| m == 1).count();
            let wanted = if self.is_gap(k) { area } else { 0 };
            if marked != wanted {
                return Err(format!("{name} marks {marked} voxels of slice {k}, findings.json {wanted}"));
            }
        }
        Ok(())
    }

    fn is_gap(&self, k: usize) -> bool {
        self.gaps.iter().any(|&[from, to]| (from..=to).contains(&k))
    }

    /// Index (fractional) of a place.
    fn index(&self, place: V) -> V {
        let [a, b, c] = self.steps;
        let d = sub(place, self.origin);
        let whole = dot(a, cross(b, c));
        [dot(d, cross(b, c)) / whole, dot(a, cross(d, c)) / whole, dot(a, cross(b, d)) / whole]
    }

    fn value(&self, at: [usize; 3]) -> f64 {
        self.values[(at[2] * self.size[1] + at[1]) * self.size[0] + at[0]]
    }

    /// The nearest voxel of a place and how far away it is; `None` outside.
    fn nearest(&self, place: V) -> Option<([usize; 3], f64)> {
        let index = self.index(place).map(f64::round);
        let inside = (0..3).all(|a| index[a] >= 0.0 && index[a] < self.size[a] as f64);
        let steps = (0..3).map(|a| times(self.steps[a], index[a]));
        let there = steps.fold(self.origin, add);
        inside.then(|| (index.map(|i| i as usize), length(sub(there, place))))
    }

    fn trilinear(&self, place: V) -> Option<f64> {
        let index = self.index(place);
        let mut sum = 0.0;
        let mut base = [0_usize; 3];
        let mut part = [0.0; 3];
        for a in 0..3 {
            let most = (self.size[a] - 1) as f64;
            if index[a] < -0.02 || index[a] > most + 0.02 {
                return None;
            }
            let inside = index[a].clamp(0.0, most);
            base[a] = (inside.floor() as usize).min(self.size[a].saturating_sub(2));
            part[a] = inside - base[a] as f64;
        }
        for corner in 0..8_usize {
            let bit = |a: usize| (corner >> a) & 1;
            let weight: f64 = (0..3).map(|a| if bit(a) == 1 { part[a] } else { 1.0 - part[a] }).product();
            if weight > 1e-12 {
                sum += weight * self.value(std::array::from_fn(|a| base[a] + bit(a)));
            }
        }
        Some(sum)
    }

    /// Holds the volume against the truth.
    pub fn check(&self, truth: &Truth) -> Result<(), String> {
        if let Some(unit) = truth.unit
            && self.unit.as_deref() != Some(unit)
        {
            return Err(format!("its unit is {:?}, not {unit}", self.unit));
        }
        if truth.kept == Kept::Resampled {
            return self.check_resampled(&truth.planes);
        }
        let whole = truth.planes.iter().all(|p| p.hu.iter().all(|h| h.fract() == 0.0 && h.abs() < 32768.0));
        if whole && truth.tolerance == 0.0 && !matches!(self.kind.as_str(), "short" | "int16" | "int16_t") {
            return Err(format!("whole numbers became {}", self.kind));
        }
        let mut hit = vec![false; self.size[2].max(self.size[0]).max(self.size[1])];
        for (number, plane) in truth.planes.iter().enumerate() {
            self.check_plane(plane, truth.tolerance, &mut hit).map_err(|e| format!("plane {number}: {e}"))?;
        }
        let voxels: usize = truth.planes.iter().map(|p| p.hu.len()).sum();
        let all: usize = self.size.iter().product();
        if truth.kept == Kept::Exactly && (all != voxels || !self.gaps.is_empty()) {
            return Err(format!("{all} voxels and {} gaps for {voxels} samples", self.gaps.len()));
        }
        if truth.kept == Kept::WithGaps {
            for (k, &hit) in hit.iter().enumerate().take(self.size[2]) {
                if hit == self.is_gap(k) {
                    return Err(format!("slice {k}: measured {hit}, marked as a gap {}", self.is_gap(k)));
                }
            }
        }
        self.check_markers(truth)
    }

    fn check_plane(&self, plane: &Plane, tolerance: f64, hit: &mut [bool]) -> Result<(), String> {
        for j in 0..plane.rows {
            for i in 0..plane.columns {
                let place = plane.at(i, j);
                let Some((at, off)) = self.nearest(place) else {
                    return Err(format!("{place:.3?} is outside: index {:.3?}", self.index(place)));
                };
                if off > OFF {
                    return Err(format!("{place:.3?} is {off:.3} mm from a voxel"));
                }
                let (is, wanted) = (self.value(at), plane.hu[j * plane.columns + i]);
                // A number that does not fit 32 bits exactly may be rounded to them.
                if (is - wanted).abs() > tolerance + wanted.abs() * 1e-7 {
                    return Err(format!("{is} instead of {wanted} at {place:.3?}"));
                }
                hit[at[2]] = true;
            }
        }
        Ok(())
    }

    /// Between planes anything may have been done; where the truth is a straight line, the result must be on it.
    fn check_resampled(&self, planes: &[Plane]) -> Result<(), String> {
        let mut sorted: Vec<&Plane> = planes.iter().collect();
        let normal = planes[0].normal();
        sorted.sort_by(|a, b| dot(a.origin, normal).total_cmp(&dot(b.origin, normal)));
        let mut compared = 0;
        for three in sorted.windows(3) {
            let [before, plane, after] = three else { continue };
            let [a, b, c] = [before, plane, after].map(|p| dot(p.origin, normal));
            let part = (b - a) / (c - a);
            for (n, &wanted) in plane.hu.iter().enumerate() {
                let line = before.hu[n] * (1.0 - part) + after.hu[n] * part;
                let inside = wanted > -500.0 && before.hu[n] > -500.0 && after.hu[n] > -500.0;
                if !inside || (line - wanted).abs() > 1.0 {
                    continue;
                }
                let place = plane.at(n % plane.columns, n / plane.columns);
                let k = self.index(place)[2].max(0.0) as usize;
                if self.is_gap(k) || self.is_gap(k + 1) {
                    continue;
                }
                let is = self.trilinear(place).ok_or_else(|| format!("{place:.3?} is outside"))?;
                // Half a unit of rounding on each side, and 0.1 mm of a slope of 12 HU/mm.
                if (is - wanted).abs() > 2.2 {
                    return Err(format!("{is:.2} instead of {wanted} at {place:.3?}"));
                }
                compared += 1;
            }
        }
        if compared < 1000 { Err(format!("only {compared} samples compared")) } else { Ok(()) }
    }

    /// The centroid of each blob must be where the blob is.
    fn check_markers(&self, truth: &Truth) -> Result<(), String> {
        // Blobs are looked for where the usual stack has sampled their whole surroundings.
        if !truth.marked || truth.unit != Some("HU") || truth.kept != Kept::Exactly {
            return Ok(());
        }
        for marker in &MARKERS {
            let place = add(CENTRE, marker.at);
            let mut mass = 0.0;
            let mut moment = [0.0; 3];
            for k in 0..self.size[2] {
                for j in 0..self.size[1] {
                    let row = [j, k].map(|n| n as f64);
                    let start =
                        add(self.origin, add(times(self.steps[1], row[0]), times(self.steps[2], row[1])));
                    for i in 0..self.size[0] {
                        let there = add(start, times(self.steps[0], i as f64));
                        let d = sub(there, place);
                        if dot(d, d) > 25.0 {
                            continue;
                        }
                        let others = hu(there, Detail::Even, 0)
                            + MARKERS
                                .iter()
                                .filter(|m| m.name != marker.name)
                                .map(|m| {
                                    let d = sub(sub(there, CENTRE), m.at);
                                    m.peak * (-dot(d, d) / (2.0 * WIDTH * WIDTH)).exp()
                                })
                                .sum::<f64>();
                        let above = self.value([i, j, k]) - others;
                        mass += above;
                        moment = add(moment, times(d, above));
                    }
                }
            }
            let off = length(times(moment, 1.0 / mass));
            if off.is_nan() || off > OFF {
                return Err(format!("marker {} is {off:.3} mm off", marker.name));
            }
        }
        Ok(())
    }
}

fn size_of_type(kind: &str) -> usize {
    match kind {
        "float" => 4,
        "double" => 8,
        "uchar" | "uint8" | "unsigned char" | "uint8_t" => 1,
        _ => 2,
    }
}

fn decode(bytes: &[u8], kind: &str) -> Option<Vec<f64>> {
    match kind {
        "short" | "int16" | "int16_t" => {
            Some(bytes.chunks_exact(2).map(|b| f64::from(i16::from_le_bytes([b[0], b[1]]))).collect())
        }
        "float" => Some(
            bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect(),
        ),
        _ => None,
    }
}
