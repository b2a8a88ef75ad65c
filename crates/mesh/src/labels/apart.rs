//! Pulls vertices apart at which the surface of one label would touch itself.
//!
//! Where three or more labels meet, two parts of one label can come to the same vertex from different sides.
//! One of them then gets a vertex of its own, a little back in its own part. What it leaves goes to its
//! neighbours there: each keeps the triangles it shares with that part, and where two neighbours border on
//! each other a triangle between the old and the new vertex goes on with their border. So there is still no
//! gap and no overlap.

use super::join::{Extra, Sheets};
use glam::DVec3;
use osteon_core::{Patient, Point};
use std::collections::BTreeMap;

/// How far a vertex is pulled back, as a share of the distance to the vertices around it.
///
/// Chosen: on a grid of 0.45 mm this is about 0.03 mm, far more than the rounding of binary STL (0.00003
/// mm), and far less than the half of a voxel that the part has for itself.
const BACK: f64 = 0.1;

/// Pulls apart what meets at the given vertices.
pub(super) fn pull(sheets: &mut Sheets, vertices: &mut Vec<Point<Patient>>, pinched: &[u32]) {
    let mut around: BTreeMap<u32, Vec<usize>> = pinched.iter().map(|&v| (v, Vec::new())).collect();
    let mut flags = vec![0_u64; vertices.len().div_ceil(64)];
    for &v in pinched {
        flags[v as usize / 64] |= 1 << (v % 64);
    }
    let all = sheets.pairs.as_flattened().iter().chain(sheets.extras.iter().map(|(t, _)| t));
    for (n, triangle) in all.enumerate() {
        for v in triangle.iter().filter(|&&v| flags[v as usize / 64] >> (v % 64) & 1 == 1) {
            around.entry(*v).or_default().push(n);
        }
    }
    part_edges(sheets, vertices, &mut around);
    for &v in pinched {
        let places = around.remove(&v).unwrap_or_default();
        let star = Star { triangles: places.iter().map(|&n| sided(sheets, n)).collect(), rims: Vec::new() };
        let Some(untied) = untie(&star, v, vertices.len() as u32) else {
            continue;
        };
        for (n, &triangle) in untied.triangles.iter().enumerate() {
            match places.get(n) {
                Some(&n) => replace(sheets, n, triangle.0),
                None => {
                    let n = sheets.pairs.as_flattened().len() + sheets.extras.len();
                    sheets.extras.push(triangle);
                    for corner in triangle.0 {
                        if let Some(list) = around.get_mut(&corner) {
                            list.push(n);
                        }
                    }
                }
            }
        }
        for rim in &untied.rims {
            vertices.push(pulled_back(vertices, v, rim));
        }
    }
}

/// Puts a vertex amid every mesh edge between two of the vertices at which four labels meet or more.
///
/// What is pulled apart at one end can bring two of those labels together that the other end must keep
/// apart; so each end gets its own.
fn part_edges(
    sheets: &mut Sheets,
    vertices: &mut Vec<Point<Patient>>,
    around: &mut BTreeMap<u32, Vec<usize>>,
) {
    let ends: Vec<u32> = around.keys().copied().collect();
    for v in ends {
        let at_v = around.get(&v).map_or(&[][..], Vec::as_slice);
        let mut others: Vec<u32> = at_v.iter().flat_map(|&n| sided(sheets, n).0).filter(|&u| u > v).collect();
        others.sort_unstable();
        let most = others.chunk_by(|a, b| a == b).filter(|group| group.len() > 3).map(|group| group[0]);
        for u in most.filter(|u| around.contains_key(u)).collect::<Vec<_>>() {
            let middle = vertices.len() as u32;
            let [p, q] = [u, v].map(|v| vertices[v as usize].vec());
            vertices.push(Point::from_vec((p + q) * 0.5));
            let shared = around.get(&v).into_iter().flatten().copied();
            for n in shared.filter(|&n| sided(sheets, n).0.contains(&u)).collect::<Vec<_>>() {
                let (corners, sides) = sided(sheets, n);
                let with = |old: u32| corners.map(|c| if c == old { middle } else { c });
                let other = sheets.pairs.as_flattened().len() + sheets.extras.len();
                replace(sheets, n, with(v));
                sheets.extras.push((with(u), sides));
                for corner in corners {
                    let Some(list) = around.get_mut(&corner) else {
                        continue;
                    };
                    if corner == v {
                        list.retain(|&m| m != n);
                    }
                    if corner != u {
                        list.push(other);
                    }
                }
            }
        }
    }
}

fn sided(sheets: &Sheets, n: usize) -> Extra {
    let pairs = sheets.pairs.as_flattened();
    match n.checked_sub(pairs.len()) {
        None => (pairs[n], sheets.sides[n / 2]),
        Some(extra) => sheets.extras[extra],
    }
}

fn replace(sheets: &mut Sheets, n: usize, corners: [u32; 3]) {
    let pairs = sheets.pairs.as_flattened_mut();
    match n.checked_sub(pairs.len()) {
        None => pairs[n] = corners,
        Some(extra) => sheets.extras[extra].0 = corners,
    }
}

/// The triangles at a vertex, and the rims of the fans that were pulled off it.
#[derive(Clone)]
struct Star {
    triangles: Vec<Extra>,
    rims: Vec<Vec<u32>>,
}

/// The star in which every label has one fan at the vertex; new vertices are numbered from `next`.
///
/// Pulling off one fan can bring the neighbours of another together, so all orders are tried until one ends
/// well.
fn untie(star: &Star, v: u32, next: u32) -> Option<Star> {
    let mut labels: Vec<u16> = star.triangles.iter().flat_map(|t| t.1).filter(|&code| code != 0).collect();
    labels.sort_unstable();
    labels.dedup();
    let several = labels.into_iter().map(|label| fans(star, v, label)).filter(|fans| fans.len() > 1);
    let several: Vec<Fan> = several.flatten().collect();
    if several.is_empty() {
        return Some(star.clone());
    }
    several.iter().filter(|fan| fan.is_plain()).find_map(|fan| untie(&split(star, v, fan, next), v, next + 1))
}

/// Triangles around a vertex, each with the vertex before and after it as seen from the label they belong to.
struct Fan {
    /// The triangles in order around the vertex.
    triangles: Vec<usize>,
    /// The vertex that comes before each triangle.
    rim: Vec<u32>,
    /// The code on the other side of each triangle.
    beyond: Vec<u16>,
}

impl Fan {
    /// Places where the label beyond changes.
    fn borders(&self) -> impl Iterator<Item = usize> {
        (0..self.beyond.len())
            .filter(|&i| self.beyond[i] != self.beyond[(i + self.beyond.len() - 1) % self.beyond.len()])
    }

    /// True if every label beyond it, other than the background, is met in one stretch.
    fn is_plain(&self) -> bool {
        let mut starts: Vec<u16> = self.borders().map(|i| self.beyond[i]).filter(|&code| code != 0).collect();
        starts.sort_unstable();
        starts.windows(2).all(|pair| pair[0] != pair[1])
    }
}

/// The fans of a label at a vertex.
fn fans(star: &Star, v: u32, label: u16) -> Vec<Fan> {
    // (before, after, triangle, code beyond), counter-clockwise seen from outside the label.
    let mut spokes: Vec<(u32, u32, usize, u16)> = Vec::new();
    let at_vertex = star.triangles.iter().enumerate().filter(|(_, (triangle, _))| triangle.contains(&v));
    for (n, &([a, b, c], [below, above])) in at_vertex {
        let (next, last) = if a == v {
            (b, c)
        } else if b == v {
            (c, a)
        } else {
            (a, b)
        };
        if below == label {
            spokes.push((next, last, n, above));
        } else if above == label {
            spokes.push((last, next, n, below));
        }
    }
    let mut fans = Vec::new();
    while let Some(&(start, ..)) = spokes.first() {
        let mut fan = Fan { triangles: Vec::new(), rim: Vec::new(), beyond: Vec::new() };
        let mut at = start;
        while let Some(place) = spokes.iter().position(|spoke| spoke.0 == at) {
            let (before, after, triangle, code) = spokes.remove(place);
            fan.triangles.push(triangle);
            fan.rim.push(before);
            fan.beyond.push(code);
            at = after;
        }
        fans.push(fan);
    }
    fans
}

/// Gives a fan a vertex of its own.
fn split(star: &Star, v: u32, fan: &Fan, new: u32) -> Star {
    let mut star = star.clone();
    for &n in &fan.triangles {
        star.triangles[n].0.iter_mut().filter(|corner| **corner == v).for_each(|corner| *corner = new);
    }
    for i in fan.borders() {
        // Between the label beyond the last triangle and the one beyond this one.
        let last = fan.beyond[(i + fan.beyond.len() - 1) % fan.beyond.len()];
        star.triangles.push(([fan.rim[i], new, v], [last, fan.beyond[i]]));
    }
    star.rims.push(fan.rim.clone());
    star
}

/// A place for a vertex a little back from its fan.
fn pulled_back(vertices: &[Point<Patient>], v: u32, rim: &[u32]) -> Point<Patient> {
    let place = vertices[v as usize].vec();
    let rim: Vec<DVec3> = rim.iter().map(|&r| vertices[r as usize].vec() - place).collect();
    let count = rim.len() as f64;
    let reach = rim.iter().map(|r| r.length()).sum::<f64>() / count;
    let outward: DVec3 = (0..rim.len()).map(|i| rim[i].cross(rim[(i + 1) % rim.len()])).sum();
    let middle = rim.iter().sum::<DVec3>() / count;
    // A fan that lies flat in no direction at all is drawn together.
    let back = (-outward).try_normalize().or_else(|| middle.try_normalize()).unwrap_or(DVec3::X);
    Point::from_vec(place + back * (BACK * reach))
}
