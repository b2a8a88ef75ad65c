//! Several stacks in one bucket of images: told apart by an attribute only where places repeat or interleave.

use super::Image;
use crate::dicom::stack::SAME;
use crate::dicom::stack::place;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Images that may be one stack.
pub(crate) struct Part {
    /// In the order in which they came.
    pub(crate) images: Vec<Image>,
    /// What tells them apart from the rest of their series, in words.
    pub(crate) name: Option<String>,
}

/// How the values of an attribute divide images.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Every value is a stack.
    Category,
    /// Values ascend: a stack takes one after the other until a place repeats.
    Sequence,
    /// The same for dates and times, which are not told.
    Time,
}

/// The value of an attribute; one that is not stated comes first.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Nothing,
    Number(f64),
    Text(String),
}

// Numbers are finite, and compared by their bits' order.
impl Eq for Value {}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Value {
    fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }

    fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Nothing, Self::Number)
    }

    fn whole(value: Option<i64>) -> Self {
        Self::number(value.map(|n| n as f64))
    }

    fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Nothing, |text| Self::Text(text.to_owned()))
    }

    fn words(&self) -> String {
        match self {
            Self::Nothing => "not stated".to_owned(),
            Self::Number(n) => n.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

type Attribute = (&'static str, Kind, fn(&Image) -> Value);

/// What may tell stacks apart, the most telling first.
const ATTRIBUTES: [Attribute; 13] = [
    ("Image Type (0008,0008)", Kind::Category, |i| Value::text(Some(&i.header.image_type.join("\\")))),
    ("Convolution Kernel (0018,1210)", Kind::Category, |i| Value::text(i.header.kernel.as_deref())),
    ("Stack ID (0020,9056)", Kind::Category, |i| Value::text(i.header.moment.stack.as_deref())),
    ("Echo Number (0018,0086)", Kind::Category, |i| Value::whole(i.header.moment.echo_number)),
    ("Echo Time (0018,0081)", Kind::Category, |i| Value::number(i.header.moment.echo_time)),
    ("Diffusion b-value (0018,9087)", Kind::Category, |i| Value::number(i.header.moment.diffusion)),
    ("KVP (0018,0060)", Kind::Category, |i| Value::number(i.header.kvp)),
    ("Slice Thickness (0018,0050)", Kind::Category, |i| Value::number(i.header.thickness)),
    ("Temporal Position (0020,0100)", Kind::Sequence, |i| Value::whole(i.header.moment.temporal)),
    ("Trigger Time (0018,1060)", Kind::Sequence, |i| Value::number(i.header.moment.trigger)),
    ("Acquisition Number (0020,0012)", Kind::Sequence, |i| Value::whole(i.header.moment.acquisition)),
    ("Acquisition Time (0008,0032)", Kind::Time, |i| Value::text(i.header.moment.acquired.as_deref())),
    ("Content Time (0008,0033)", Kind::Time, |i| Value::text(i.header.moment.content_time.as_deref())),
];

/// Splits a bucket of parallel images of one size into stacks; one that is no mixture comes back whole.
pub(crate) fn split(bucket: Vec<Image>) -> Vec<Part> {
    let Some(heights) = heights(&bucket) else {
        return vec![Part { images: bucket, name: None }];
    };
    let mut done: Vec<(Vec<usize>, Vec<String>)> = Vec::new();
    // Groups of images, the attribute to try next, and the words found so far.
    let mut open: Vec<(Vec<usize>, usize, Vec<String>)> = by_footprint(&bucket, &heights)
        .into_iter()
        .flat_map(|field| by_stack(&bucket, &heights, field))
        .rev()
        .map(|(images, name)| (images, 0, name.into_iter().collect()))
        .collect();
    while let Some((images, next, words)) = open.pop() {
        let Some((name, kind, value)) = ATTRIBUTES.get(next) else {
            done.push((images, words));
            continue;
        };
        let mut pieces: BTreeMap<Value, Vec<usize>> = BTreeMap::new();
        for &n in &images {
            pieces.entry(value(&bucket[n])).or_default().push(n);
        }
        let heights_of = Heights { heights: &heights, bucket: &bucket };
        match heights_of.stacks(pieces, *kind) {
            None => open.push((images, next + 1, words)),
            Some(stacks) => {
                let count = stacks.len();
                for (n, (label, images)) in stacks.into_iter().enumerate().rev() {
                    let label = match kind {
                        Kind::Time => format!("{} of {count} by {name}", n + 1),
                        _ => format!("{name} {label}"),
                    };
                    open.push((images, next + 1, words.iter().cloned().chain([label]).collect()));
                }
            }
        }
    }
    let mut slots: Vec<Option<Image>> = bucket.into_iter().map(Some).collect();
    let parts = done.into_iter().map(|(mut images, words)| {
        images.sort_unstable();
        let images = images.into_iter().filter_map(|n| slots[n].take()).collect();
        Part { images, name: (!words.is_empty()).then(|| words.join(", ")) }
    });
    parts.collect()
}

/// Positions along the normal, mm; none unless every image has one.
fn heights(bucket: &[Image]) -> Option<Vec<f64>> {
    let normal = bucket.iter().find_map(|image| place::normal(&image.header))?;
    bucket.iter().map(|image| image.header.position.map(|p| p.dot(normal))).collect()
}

/// Origins in the plane of the slices that are nearer than this, mm, are one; a grid needs as much.
const BESIDE: f64 = 0.1;
/// Reconstructions side by side, such as of two knees, are few.
const MOST_BESIDE: usize = 8;

/// Splits images whose first voxels are over different places of the plane: fields of view side by side, or a
/// table that was moved. In a tilted stack they drift from slice to slice, and it stays whole.
fn by_footprint(bucket: &[Image], heights: &[f64]) -> Vec<(Vec<usize>, Option<String>)> {
    let whole = || vec![((0..bucket.len()).collect(), None)];
    let Some([row, column]) = bucket[0].header.orientation else {
        return whole();
    };
    if is_one_line(bucket, heights) {
        return whole();
    }
    let cluster = |axis: glam::DVec3| {
        let at: Vec<f64> = bucket.iter().map(|i| i.header.position.unwrap_or_default().dot(axis)).collect();
        let mut order: Vec<usize> = (0..at.len()).collect();
        order.sort_by(|&a, &b| at[a].total_cmp(&at[b]));
        let mut number = vec![0_usize; at.len()];
        for pair in order.windows(2) {
            number[pair[1]] = number[pair[0]] + usize::from(at[pair[1]] - at[pair[0]] > BESIDE);
        }
        number
    };
    let (across, down) = (cluster(row), cluster(column));
    let mut fields: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for n in 0..bucket.len() {
        fields.entry((across[n], down[n])).or_default().push(n);
    }
    let several = |images: &Vec<usize>| distinct(images, heights).len() >= 2;
    if fields.len() < 2 || fields.len() > MOST_BESIDE || !fields.values().all(several) {
        return whole();
    }
    let count = fields.len();
    let named = fields.into_values().enumerate();
    named.map(|(n, images)| (images, Some(format!("field {} of {count}", n + 1)))).collect()
}

/// Splits images by the stack that each of them says it belongs to, wherever the stacks lie.
fn by_stack(
    bucket: &[Image],
    heights: &[f64],
    (images, name): (Vec<usize>, Option<String>),
) -> Vec<(Vec<usize>, Option<String>)> {
    let mut stacks: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for &n in &images {
        stacks.entry(bucket[n].header.moment.stack.as_deref()).or_default().push(n);
    }
    let several = |images: &Vec<usize>| distinct(images, heights).len() >= 2;
    if stacks.len() < 2 || stacks.contains_key(&None) || !stacks.values().all(several) {
        return vec![(images, name)];
    }
    let named = |stack: Option<&str>| {
        let own = format!("Stack ID (0020,9056) {}", stack.unwrap_or_default());
        Some(name.iter().cloned().chain([own]).collect::<Vec<_>>().join(", "))
    };
    stacks.into_iter().map(|(stack, images)| (images, named(stack))).collect()
}

/// True when the first voxels of all images lie on one line, upright or tilted, with or without gaps.
fn is_one_line(bucket: &[Image], heights: &[f64]) -> bool {
    let at = |n: usize| bucket[n].header.position.unwrap_or_default();
    let by_height = |a: &usize, b: &usize| heights[*a].total_cmp(&heights[*b]);
    let (Some(low), Some(high)) = ((0..bucket.len()).min_by(by_height), (0..bucket.len()).max_by(by_height))
    else {
        return true;
    };
    let length = heights[high] - heights[low];
    length > SAME
        && (0..bucket.len()).all(|n| {
            let on_line = at(low).lerp(at(high), (heights[n] - heights[low]) / length);
            at(n).distance(on_line) <= BESIDE
        })
}

/// The different heights of images, in steps of [`SAME`].
fn distinct(images: &[usize], heights: &[f64]) -> BTreeSet<i64> {
    images.iter().map(|&n| step(heights[n])).collect()
}

fn step(height: f64) -> i64 {
    // Saturates for absurd positions, which then are refused as no stack.
    (height / SAME).round() as i64
}

/// Images that are being divided.
struct Heights<'a> {
    heights: &'a [f64],
    bucket: &'a [Image],
}

/// Some images, and the heights they take.
struct Run {
    label: String,
    images: Vec<usize>,
    taken: BTreeSet<i64>,
}

impl Run {
    fn span(&self) -> [i64; 2] {
        [self.taken.first(), self.taken.last()].map(|end| end.copied().unwrap_or_default())
    }

    /// True when both take one place.
    fn repeats(&self, other: &Self) -> bool {
        other
            .taken
            .iter()
            .any(|&at| self.taken.range(at.saturating_sub(1)..=at.saturating_add(1)).next().is_some())
    }

    /// True when each is a stack of its own and they lie within each other.
    fn interleaves(&self, other: &Self) -> bool {
        let ([a, b], [c, d]) = (self.span(), other.span());
        self.taken.len() >= 2 && other.taken.len() >= 2 && a < d && c < b
    }

    fn join(&mut self, other: Self) {
        self.label = match self.label.split_once(" to ") {
            Some((first, _)) => format!("{first} to {}", other.label),
            None => format!("{} to {}", self.label, other.label),
        };
        self.images.extend(other.images);
        self.taken.extend(other.taken);
    }
}

impl Heights<'_> {
    /// The stacks that an attribute tells apart; none if it merely changes along one stack.
    fn stacks(&self, pieces: BTreeMap<Value, Vec<usize>>, kind: Kind) -> Option<Vec<(String, Vec<usize>)>> {
        if pieces.len() < 2 {
            return None;
        }
        let all: Vec<usize> = pieces.values().flatten().copied().collect();
        let mut pieces = pieces.into_iter().map(|(value, images)| {
            let taken = distinct(&images, self.heights);
            Run { label: value.words(), images, taken }
        });
        let runs = if kind == Kind::Category {
            let runs: Vec<Run> = pieces.collect();
            let mut spans: Vec<[i64; 2]> = runs.iter().map(Run::span).collect();
            spans.sort_unstable();
            let apart = spans.windows(2).all(|w| w[0][1].saturating_add(1) < w[1][0]);
            if apart {
                return None;
            }
            runs
        } else {
            let one_by_turns = self.is_one_by_turns(&all);
            let mut runs = vec![pieces.next()?];
            for piece in pieces {
                let last = runs.len() - 1;
                let run = &mut runs[last];
                if run.repeats(&piece) || (!one_by_turns && run.interleaves(&piece)) {
                    runs.push(piece);
                } else {
                    run.join(piece);
                }
            }
            runs
        };
        let each_a_stack = runs.len() >= 2 && runs.iter().all(|run| run.taken.len() >= 2);
        each_a_stack.then(|| runs.into_iter().map(|run| (run.label, run.images)).collect())
    }

    /// True for slices that follow each other without overlap, each place once: taken by turns, odd ones first,
    /// to keep neighbours from disturbing each other, they are one stack.
    fn is_one_by_turns(&self, images: &[usize]) -> bool {
        let mut at: Vec<f64> = images.iter().map(|&n| self.heights[n]).collect();
        at.sort_by(f64::total_cmp);
        let thick = images.iter().filter_map(|&n| self.bucket[n].header.thickness).fold(0.0, f64::max);
        // Thickness and distance are rounded; overlapping reconstructions overlap by half a slice.
        const TOUCHES: f64 = 0.9;
        let least = at.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
        thick > 0.0 && least >= TOUCHES * thick
    }
}
