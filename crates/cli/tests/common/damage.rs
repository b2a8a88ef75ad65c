//! What happens to mesh files on their way to a printer, done to a sound one.

use crate::things::{Triangles, cuboid, obj, together, turned, write_stl};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is to become of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// The step that the finding names mends it: to this volume, within this share of it.
    Mended(f64, f64),
    /// It is told, and a person must do something.
    Told,
    /// It is not even read.
    Refused,
}

/// A damaged file: its name, the code of the finding or of the refusal, what becomes of it, and its bytes.
pub struct Damaged {
    /// Name of the file.
    pub name: &'static str,
    /// What must be told.
    pub code: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
pub enum Content {
    /// One surface, as binary STL.
    Stl(Triangles),
    /// Objects, as OBJ.
    Obj(Vec<(&'static str, Triangles)>),
    /// Anything.
    Bytes(Vec<u8>),
}

impl Content {
    /// Writes it.
    pub fn write(&self, path: &Path) {
        match self {
            Content::Stl(triangles) => write_stl(path, triangles),
            Content::Obj(objects) => std::fs::write(path, obj(objects)).unwrap(),
            Content::Bytes(bytes) => std::fs::write(path, bytes).unwrap(),
        }
    }
}

/// A binary STL as triangles.
pub fn read_stl(path: &Path) -> Triangles {
    let bytes = std::fs::read(path).unwrap();
    let number = |b: &[u8]| f64::from(f32::from_le_bytes(b.try_into().unwrap()));
    let corner = |b: &[u8]| [number(&b[..4]), number(&b[4..8]), number(&b[8..12])];
    bytes[84..]
        .chunks_exact(50)
        .map(|t| [corner(&t[12..24]), corner(&t[24..36]), corner(&t[36..48])])
        .collect()
}

/// Volume within a closed surface, mm³.
pub fn volume(triangles: &Triangles) -> f64 {
    let origin = triangles[0][0];
    let from = |p: [f64; 3]| [0, 1, 2].map(|n| p[n] - origin[n]);
    let six = triangles.iter().map(|t| {
        let [a, b, c] = t.map(from);
        a[0] * (b[1] * c[2] - b[2] * c[1])
            + a[1] * (b[2] * c[0] - b[0] * c[2])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    });
    six.sum::<f64>() / 6.0
}

/// The low and high corner of the box around it.
pub fn bounds(triangles: &Triangles) -> [[f64; 3]; 2] {
    let all = || triangles.iter().flatten();
    [0, 1].map(|side| {
        [0, 1, 2].map(|axis| {
            let values = all().map(|p| p[axis]);
            if side == 0 {
                values.fold(f64::INFINITY, f64::min)
            } else {
                values.fold(f64::NEG_INFINITY, f64::max)
            }
        })
    })
}

/// Every corner put elsewhere.
pub fn mapped(triangles: &Triangles, map: impl Fn([f64; 3]) -> [f64; 3]) -> Triangles {
    triangles.iter().map(|t| t.map(&map)).collect()
}

fn moved(triangles: &Triangles, by: [f64; 3]) -> Triangles {
    mapped(triangles, |p| [0, 1, 2].map(|n| p[n] + by[n]))
}

fn scaled(triangles: &Triangles, by: f64) -> Triangles {
    mapped(triangles, |p| p.map(|n| n * by))
}

/// Numbers that look like chance and are the same every time: a linear congruential generator.
pub struct Dice(u64);

impl Dice {
    /// Dice that begin here.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number from 0 to 1.
    pub fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Without so many triangles, no two of which share a corner.
fn missing(triangles: &Triangles, count: usize) -> Triangles {
    let bits = |p: [f64; 3]| p.map(f64::to_bits);
    let (mut dice, mut taken, mut gone) = (Dice::new(1), BTreeSet::new(), BTreeSet::new());
    for _ in 0..100_000 {
        if gone.len() == count {
            break;
        }
        let n = (dice.roll() * triangles.len() as f64) as usize;
        if triangles[n].iter().all(|p| !taken.contains(&bits(*p))) {
            taken.extend(triangles[n].map(bits));
            gone.insert(n);
        }
    }
    assert_eq!(gone.len(), count, "too few triangles");
    (0..triangles.len()).filter(|n| !gone.contains(n)).map(|n| triangles[n]).collect()
}

/// Vertices on edges cut in two on one side only.
fn junctions(triangles: &Triangles) -> Triangles {
    let mut all = Vec::new();
    for (n, &[a, b, c]) in triangles.iter().enumerate() {
        if n % 50 == 0 {
            let m = [0, 1, 2].map(|k| f64::midpoint(a[k], b[k]));
            all.extend([[a, m, c], [m, b, c]]);
        } else {
            all.push([a, b, c]);
        }
    }
    all
}

/// A ball of triangles: an octahedron divided three times.
pub fn ball(middle: [f64; 3], radius: f64) -> Triangles {
    let on = |p: [f64; 3]| {
        let far = p.iter().map(|n| n * n).sum::<f64>().sqrt();
        p.map(|n| n / far)
    };
    let (x, y, z) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
    let back = |p: [f64; 3]| p.map(|n: f64| -n);
    let mut all: Triangles = vec![[x, y, z], [y, back(x), z], [back(x), back(y), z], [back(y), x, z]];
    all.extend(all.clone().iter().map(|&[a, b, c]| [b, a, c].map(|p| [p[0], p[1], -p[2]])));
    for _ in 0..3 {
        let mid = |a: [f64; 3], b: [f64; 3]| on([0, 1, 2].map(|n| f64::midpoint(a[n], b[n])));
        all = all
            .iter()
            .flat_map(|&[a, b, c]| {
                let (d, e, f) = (mid(a, b), mid(b, c), mid(c, a));
                [[a, d, f], [d, b, e], [f, e, c], [d, e, f]]
            })
            .collect();
    }
    mapped(&all, |p| [0, 1, 2].map(|n| middle[n] + radius * p[n]))
}

/// Only what lies above a plane across, open there: the edge of the field of view.
fn cut_open(triangles: &Triangles) -> Triangles {
    let [low, high] = bounds(triangles);
    let level = f64::midpoint(low[2], high[2]);
    triangles.iter().filter(|t| t.iter().all(|p| p[2] > level)).copied().collect()
}

/// Part of the surface pushed in until it comes out behind.
fn folded(triangles: &Triangles) -> Triangles {
    let [low, high] = bounds(triangles);
    let top = triangles.iter().flatten().copied().reduce(|a, b| if b[2] > a[2] { b } else { a }).unwrap();
    let depth = (high[2] - low[2]) * 1.2;
    mapped(triangles, |p| {
        let far = (0..3).map(|n| (p[n] - top[n]).powi(2)).sum::<f64>().sqrt();
        [p[0], p[1], p[2] - depth * (1.0 - far / 4.0).max(0.0)]
    })
}

fn bytes_of(triangles: &Triangles) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.stl");
    write_stl(&path, triangles);
    std::fs::read(path).unwrap()
}

/// All damaged files, made of a sound bone of single precision in millimetres.
pub fn damaged(bone: &Triangles) -> Vec<Damaged> {
    [surfaces(bone), bodies(bone), places(bone), files(bone)].into_iter().flatten().collect()
}

fn stl(name: &'static str, code: &'static str, fate: Fate, triangles: Triangles) -> Damaged {
    Damaged { name, code, fate, content: Content::Stl(triangles) }
}

/// Surfaces with holes, cracks and turned, doubled or crossing triangles.
fn surfaces(bone: &Triangles) -> Vec<Damaged> {
    let mm3 = volume(bone);
    let mut dice = Dice::new(2);
    let flipped: Triangles =
        bone.iter().map(|&[a, b, c]| if dice.roll() < 0.05 { [a, c, b] } else { [a, b, c] }).collect();
    let mut shaken = bone.clone();
    let mut jitter = || (dice.roll() - 0.5) * 4e-4;
    shaken.iter_mut().flatten().flatten().for_each(|n| *n += jitter());
    let doubled = together(&[bone.clone(), bone.iter().step_by(9).copied().collect()]);
    let first = bone[bone.len() / 2];
    let out = [0, 1, 2].map(|n| first[0][n] + if n == 0 { 40.0 } else { 0.0 });
    let with_fin = together(&[bone.clone(), vec![[first[0], first[1], out]]]);
    let flat = mapped(bone, |p| [p[0], p[1], 0.0]);
    vec![
        stl("missing-1.stl", "open-edges", Fate::Mended(mm3, 2e-3), missing(bone, 1)),
        stl("missing-100.stl", "open-edges", Fate::Mended(mm3, 0.02), missing(bone, 100)),
        stl("flipped.stl", "non-manifold-edges", Fate::Mended(mm3, 1e-4), flipped),
        stl("inside-out.stl", "inside-out", Fate::Mended(mm3, 1e-6), turned(bone)),
        stl("doubled.stl", "non-manifold-edges", Fate::Mended(mm3, 1e-4), doubled),
        stl("cracked.stl", "open-edges", Fate::Mended(mm3, 1e-3), shaken),
        stl("junctions.stl", "open-edges", Fate::Mended(mm3, 1e-4), junctions(bone)),
        stl("fin.stl", "open-edges", Fate::Mended(mm3, 1e-4), with_fin),
        stl("folded.stl", "self-intersections", Fate::Mended(mm3, 0.1), folded(bone)),
        stl("open-cut.stl", "open-edges", Fate::Told, cut_open(bone)),
        stl("flat.stl", "non-manifold-edges", Fate::Told, flat),
    ]
}

/// Bodies that overlap, touch, lie within each other or are dust.
fn bodies(bone: &Triangles) -> Vec<Damaged> {
    let mm3 = volume(bone);
    let [low, high] = bounds(bone);
    let size = [0, 1, 2].map(|n| high[n] - low[n]);
    let beside = moved(bone, [0.3 * size[0], 0.1 * size[1], 0.2 * size[2]]);
    let mut dice = Dice::new(3);
    let dust = (0..200).map(|n| {
        let at =
            [low[0] + f64::from(n % 20) * 4.0, high[1] + 5.0 + f64::from(n / 20) * 4.0, low[2] + dice.roll()];
        ball(at, 0.4 + dice.roll())
    });
    let dusty = together(&[vec![bone.clone()], dust.collect()].concat());
    let block = cuboid([0.0; 3], [20.0; 3]);
    let void = ball([10.0; 3], 6.0);
    let at_edge = together(&[cuboid([0.0; 3], [10.0; 3]), cuboid([10.0, 10.0, 0.0], [10.0; 3])]);
    let at_corner = together(&[cuboid([0.0; 3], [10.0; 3]), cuboid([10.0; 3], [10.0; 3])]);
    let pieces = vec![("fragment-1", block.clone()), ("fragment-2", cuboid([18.0, 1.0, 1.0], [20.0; 3]))];
    let twins = vec![("L3", bone.clone()), ("L4", beside.clone())];
    vec![
        Damaged {
            name: "two-bones.obj",
            code: "objects-overlap",
            // What is left of both is their union; its volume is that of no simple formula.
            fate: Fate::Mended(f64::NAN, 0.0),
            content: Content::Obj(twins),
        },
        Damaged {
            name: "fragments.obj",
            code: "objects-overlap",
            fate: Fate::Mended(16_000.0 - 2.0 * 19.0 * 19.0, 1e-6),
            content: Content::Obj(pieces),
        },
        stl(
            "two-shells.stl",
            "self-intersections",
            Fate::Mended(f64::NAN, 0.0),
            together(&[bone.clone(), beside]),
        ),
        stl("void.stl", "nested-bodies", Fate::Mended(8000.0, 1e-6), together(&[block.clone(), void])),
        stl("dust.stl", "specks", Fate::Mended(mm3, 1e-6), dusty),
        stl("edge.stl", "non-manifold-edges", Fate::Mended(2000.0, 1e-9), at_edge),
        stl("corner.stl", "non-manifold-vertices", Fate::Mended(2000.0, 1e-9), at_corner),
        stl("twice.stl", "non-manifold-edges", Fate::Mended(8000.0, 1e-9), together(&[block.clone(), block])),
    ]
}

/// Sizes and places that cannot be, and walls that cannot be printed.
fn places(bone: &Triangles) -> Vec<Damaged> {
    let mm3 = volume(bone);
    let [low, high] = bounds(bone);
    let longest = (0..3).map(|n| high[n] - low[n]).fold(0.0, f64::max);
    let giant = scaled(bone, 450.0 / longest);
    vec![
        stl("metres.stl", "unit-guess", Fate::Mended(mm3, 1e-4), scaled(bone, 1e-3)),
        stl("inches.stl", "unit-guess", Fate::Mended(mm3, 1e-4), scaled(bone, 1.0 / 25.4)),
        stl("far.stl", "far-from-origin", Fate::Mended(mm3, 1e-3), moved(bone, [2000.0, 0.0, 0.0])),
        stl("wall.stl", "thin-walls", Fate::Told, cuboid([0.0; 3], [20.0, 15.0, 0.25])),
        stl("giant.stl", "larger-than-printer", Fate::Told, giant),
        // Mirrored, and its triangles not turned: it faces inward.
        stl("mirrored.stl", "inside-out", Fate::Told, mapped(bone, |p| [-p[0], p[1], p[2]])),
    ]
}

/// Files that are none.
fn files(bone: &Triangles) -> Vec<Damaged> {
    let whole = bytes_of(bone);
    let mut unreal = whole.clone();
    unreal[84 + 50 * 7 + 12..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let nothing: BTreeMap<&str, (&str, Vec<u8>)> = BTreeMap::from([
        ("empty.stl", ("mesh-file-unknown", Vec::new())),
        ("nan.stl", ("mesh-file-coordinate", unreal)),
        ("page.stl", ("mesh-file-unknown", b"<!DOCTYPE html><html>log in</html>".to_vec())),
        ("truncated.stl", ("mesh-file-count", whole[..whole.len() / 2].to_vec())),
    ]);
    let refused =
        |(name, (code, bytes))| Damaged { name, code, fate: Fate::Refused, content: Content::Bytes(bytes) };
    nothing.into_iter().map(refused).collect()
}

/// Files that look odd and are as they should be.
pub fn legitimate(bone: &Triangles) -> Vec<(&'static str, Content)> {
    let [low, high] = bounds(bone);
    let block = cuboid([0.0; 3], [20.0; 3]);
    let cavity = turned(&cuboid([4.0; 3], [12.0; 3]));
    // A box with a shaft from its cavity to the outside: eight walls of a drain hole of 3 mm.
    let mut fine = bone.clone();
    while fine.len() < 300_000 {
        fine = divided(&fine);
    }
    let above = [0.0, 0.0, high[2] - low[2] + 0.6];
    vec![
        ("sound.stl", Content::Stl(bone.clone())),
        ("drain.stl", Content::Stl(drained())),
        ("void-on-purpose.stl", Content::Stl(together(&[block.clone(), cavity.clone()]))),
        ("body-in-void.stl", Content::Stl(together(&[block, cavity, cuboid([7.0; 3], [6.0; 3])]))),
        ("thin.stl", Content::Stl(cuboid([0.0; 3], [40.0, 30.0, 1.2]))),
        ("fine.stl", Content::Stl(fine)),
        ("two-bones.obj", Content::Obj(vec![("L3", bone.clone()), ("L2", moved(bone, above))])),
        ("two-pieces.stl", Content::Stl(together(&[ball([0.0; 3], 12.0), ball([22.0, 0.0, 0.0], 9.0)]))),
        ("scanner.stl", Content::Stl(moved(bone, [20.0, -100.0, -1500.0 - low[2]]))),
    ]
}

/// Every triangle as four.
fn divided(triangles: &Triangles) -> Triangles {
    let mid = |a: [f64; 3], b: [f64; 3]| [0, 1, 2].map(|n| f64::midpoint(a[n], b[n]));
    let four = |&[a, b, c]: &[[f64; 3]; 3]| {
        let (d, e, f) = (mid(a, b), mid(b, c), mid(c, a));
        [[a, d, f], [d, b, e], [f, e, c], [d, e, f]]
    };
    triangles.iter().flat_map(four).collect()
}

/// A box of 20 mm with walls of 4 mm and a square drain of 4 mm through its floor.
fn drained() -> Triangles {
    let quad = |a: [f64; 3], b: [f64; 3], c: [f64; 3], d: [f64; 3]| [[a, b, c], [a, c, d]];
    let mut all = Vec::new();
    // Outside and inside without their floors, which are triangles 0 and 1 of a box.
    all.extend(cuboid([0.0; 3], [20.0; 3]).split_off(2));
    all.extend(turned(&cuboid([4.0; 3], [12.0; 3])).split_off(2));
    let ring = |low: f64, high: f64, z: f64| [[low, low, z], [high, low, z], [high, high, z], [low, high, z]];
    let (outside, below) = (ring(0.0, 20.0, 0.0), ring(8.0, 12.0, 0.0));
    let (inside, above) = (ring(4.0, 16.0, 4.0), ring(8.0, 12.0, 4.0));
    for n in 0..4 {
        let m = (n + 1) % 4;
        // The floor seen from below, the floor seen from within, and the shaft.
        all.extend(quad(outside[m], outside[n], below[n], below[m]));
        all.extend(quad(inside[n], inside[m], above[m], above[n]));
        all.extend(quad(below[m], below[n], above[n], above[m]));
    }
    all
}
