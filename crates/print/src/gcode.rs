//! What G-code lays down, layer by layer: read back from the bytes the printer will get.
//!
//! Understood is the plain Marlin dialect slicing programs write: straight moves (`G0`, `G1`) in millimetres,
//! absolute or relative positions (`G90`, `G91`) and filament (`M82`, `M83`), `G92`, homing (`G28`). What would
//! move the nozzle in a way that is not followed here (arcs, inches, offsets, a second nozzle) is refused,
//! because the proof would be worth nothing. Comments `;TYPE:` and `;HEIGHT:` of PrusaSlicer, and `;TYPE:` of
//! CuraEngine, tell what a line is for and how high it is.

use crate::error::PrintError;
use crate::outline::Stroke;
use glam::{DVec2, DVec3};
use osteon_core::frame::Bed;
use osteon_core::{Aabb, Ctx, Point};

/// What a line of plastic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The line that becomes the surface.
    Outer,
    /// A perimeter over air; may be an outer one or one behind it.
    Overhang,
    /// Any other part of the model: inner perimeters, infill; also what is not marked.
    Inner,
    /// Supports and rafts.
    Support,
    /// Skirt and brim.
    Skirt,
    /// From the printer's own start or end text.
    Custom,
}

impl Role {
    /// The role a `;TYPE:` comment of PrusaSlicer or, in capitals, of CuraEngine names.
    fn named(name: &[u8]) -> Self {
        match name {
            b"External perimeter" | b"WALL-OUTER" => Role::Outer,
            b"Overhang perimeter" => Role::Overhang,
            b"Support material" | b"Support material interface" | b"SUPPORT" | b"SUPPORT-INTERFACE" => {
                Role::Support
            }
            b"Skirt/Brim" | b"Skirt" | b"Brim" | b"SKIRT" => Role::Skirt,
            b"Custom" | b"Wipe tower" | b"PRIME-TOWER" => Role::Custom,
            _ => Role::Inner,
        }
    }

    /// True for lines that are part of the model.
    pub const fn is_model(self) -> bool {
        matches!(self, Role::Outer | Role::Overhang | Role::Inner)
    }
}

/// Everything laid down with the nozzle at one height.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Height of the nozzle above the bed: the top of the layer, mm.
    pub z: f64,
    /// Thickness of the layer, mm.
    pub height: f64,
    /// Length of all lines, mm.
    pub length: f64,
    /// Filament used, mm.
    pub filament: f64,
    /// Filament used for the model itself, mm.
    pub model_filament: f64,
    /// Filament used for the lines that become the surface, mm.
    pub outer_filament: f64,
    /// The box around the middles of all lines.
    pub bounds: Aabb<Bed>,
    /// Middles of the lines that become the surface, x and y on the bed.
    pub outer: Vec<Stroke>,
    /// Middles of the perimeters over air.
    pub overhang: Vec<Stroke>,
    /// The same lines in the order they are laid, each as long as it goes on without a break.
    pub paths: Vec<Path>,
}

/// A line of perimeters, laid without a break.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Its corners, x and y on the bed.
    pub corners: Vec<DVec2>,
    /// How sure it is that it becomes the surface: a perimeter over air may be one behind it.
    pub role: Role,
}

/// The line that is being laid: it may yet turn out not to be a perimeter.
#[derive(Default)]
struct Laying {
    corners: Vec<DVec2>,
    outer: bool,
    overhang: bool,
    inner: bool,
}

impl Laying {
    /// The path, if it is of outer perimeters, or only of perimeters over air.
    fn path(self) -> Option<Path> {
        let role = match (self.outer, self.overhang && !self.inner) {
            (true, _) => Role::Outer,
            (false, true) => Role::Overhang,
            (false, false) => return None,
        };
        Some(Path { corners: self.corners, role })
    }
}

/// What a G-code program lays down.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Layers from the bed upward; none without a line.
    pub layers: Vec<Layer>,
    /// The box around the middles of all lines.
    pub bounds: Aabb<Bed>,
    /// The box around everywhere the nozzle goes, as far as its position is known.
    pub reach: Aabb<Bed>,
    /// The box around what the printer's own start and end texts lay and where they go; not in the other two.
    pub own: Aabb<Bed>,
    /// The lowest and highest share (`M221`, 1 is all) by which the printer is told to change the flow.
    pub flow: [f64; 2],
    /// Filament used for everything, mm.
    pub filament: f64,
    /// Filament used for the model itself, without skirt, brim and supports, mm.
    pub model_filament: f64,
    /// Number of lines of text.
    pub lines: usize,
    /// Name and version of the program that wrote it.
    pub program: Option<String>,
    /// Duration the program estimates, s.
    pub seconds: Option<f64>,
    /// Filament the program says it uses, mm.
    pub told_filament: Option<f64>,
}

impl Summary {
    /// The layers that hold a part of the model, from the bed upward.
    pub fn model_layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.model_filament > 0.0)
    }

    /// Height of the highest line, mm.
    pub fn top(&self) -> f64 {
        self.layers.last().map_or(0.0, |layer| layer.z)
    }
}

/// Heights closer than this are one layer, mm.
///
/// Programs write three digits; the thinnest layer a profile allows is 0.01 mm.
const SAME: f64 = 0.002;

/// How many lines are read between two questions whether to stop.
const BATCH: usize = 1 << 16;

/// Reads a G-code program.
///
/// # Errors
/// The line and what is wrong with it, for anything that cannot be followed; and when nothing is extruded.
pub fn read(gcode: &[u8], ctx: &Ctx) -> Result<Summary, PrintError> {
    if gcode.starts_with(b"GCDE") {
        let what = "this is binary G-code".to_owned();
        return Err(PrintError::Gcode { line: 1, what });
    }
    let mut reader = Reader::new();
    let mut read = 0;
    for line in gcode.split(|&b| b == b'\n') {
        reader.line += 1;
        reader.take(line)?;
        read += line.len() + 1;
        if reader.line.is_multiple_of(BATCH) {
            ctx.done(read as f64 / gcode.len() as f64)?;
        }
    }
    ctx.done(1.0)?;
    reader.finish()
}

/// Whether positions are given from the origin or from the last one.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Absolute,
    Relative,
}

struct Reader {
    line: usize,
    moves: Mode,
    feed: Mode,
    /// Position of the nozzle; not a number while unknown.
    at: DVec3,
    /// Position of the filament, mm.
    e: f64,
    role: Role,
    height: Option<f64>,
    /// The layer being laid, in `summary.layers`.
    layer: Option<usize>,
    /// The line being laid, in that layer.
    laying: Laying,
    summary: Summary,
}

impl Reader {
    fn new() -> Self {
        Self {
            line: 0,
            moves: Mode::Absolute,
            feed: Mode::Absolute,
            at: DVec3::NAN,
            e: 0.0,
            role: Role::Inner,
            height: None,
            layer: None,
            laying: Laying::default(),
            summary: Summary {
                layers: Vec::new(),
                bounds: Aabb::EMPTY,
                reach: Aabb::EMPTY,
                own: Aabb::EMPTY,
                flow: [1.0; 2],
                filament: 0.0,
                model_filament: 0.0,
                lines: 0,
                program: None,
                seconds: None,
                told_filament: None,
            },
        }
    }

    /// Follows one line.
    fn take(&mut self, line: &[u8]) -> Result<(), PrintError> {
        let line = line.trim_ascii();
        match line.first() {
            None => Ok(()),
            Some(b';') => {
                self.comment(&line[1..]);
                Ok(())
            }
            Some(b'N') => {
                // A line number, as hosts add them before sending.
                let digits = line[1..].iter().take_while(|b| b.is_ascii_digit()).count();
                self.command(line[1 + digits..].trim_ascii_start())
            }
            Some(_) => self.command(line),
        }
    }

    fn command(&mut self, line: &[u8]) -> Result<(), PrintError> {
        let Some((&letter, rest)) = line.split_first() else {
            return Ok(());
        };
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let number = rest[..digits]
            .iter()
            .fold(0_u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d - b'0')));
        let words = &rest[digits..];
        if digits == 0 && matches!(letter, b'G' | b'M' | b'T') {
            return self.refuse("a command has no number".to_owned());
        }
        match (letter, number) {
            (b'G', 0 | 1) => return self.step(words),
            (b'G', 28) => return self.home(words),
            (b'G', 90) => (self.moves, self.feed) = (Mode::Absolute, Mode::Absolute),
            (b'G', 91) => (self.moves, self.feed) = (Mode::Relative, Mode::Relative),
            (b'G', 92) => return self.rename(words),
            (b'M', 221) => return self.flow(words),
            (b'M', 82) => self.feed = Mode::Absolute,
            (b'M', 83) => self.feed = Mode::Relative,
            (b'G', 2 | 3 | 5 | 6) => return self.refuse(format!("G{number} moves along a curve")),
            (b'G', 20) => return self.refuse("G20 switches to inches".to_owned()),
            (b'G', 53..=59) => return self.refuse(format!("G{number} moves the origin")),
            (b'M', 92 | 206 | 218 | 428) => {
                return self.refuse(format!("M{number} changes where the nozzle is"));
            }
            (b'T', 1..) => return self.refuse(format!("T{number} chooses a second nozzle")),
            // What does not move the nozzle: heaters, fans, waiting, retraction by the firmware, messages.
            (b'G' | b'M' | b'T', _) => {}
            _ => return self.refuse(format!("\"{}\" is not a command", shown(line))),
        }
        Ok(())
    }

    /// A straight move.
    fn step(&mut self, words: &[u8]) -> Result<(), PrintError> {
        let [x, y, z, e] = self.axes(words)?;
        let mut to = self.at;
        for (axis, word) in [x, y, z].into_iter().enumerate() {
            if let Some(value) = word {
                to[axis] = match self.moves {
                    Mode::Absolute => value,
                    Mode::Relative => to[axis] + value,
                };
            }
        }
        let fed = match (e, self.feed) {
            (None, _) => 0.0,
            (Some(e), Mode::Absolute) => e - self.e,
            (Some(e), Mode::Relative) => e,
        };
        self.e += fed;
        let from = std::mem::replace(&mut self.at, to);
        if to.is_finite() {
            let reach =
                if self.role == Role::Custom { &mut self.summary.own } else { &mut self.summary.reach };
            *reach = reach.with(Point::from_vec(to));
        }
        // Filament pushed on the spot makes up for what was drawn back; pulled back on the way, nothing is laid.
        if fed > 0.0 && (x.is_some() || y.is_some()) && from.truncate() != to.truncate() {
            return self.lay(from, to, fed);
        }
        Ok(())
    }

    /// A line of plastic.
    fn lay(&mut self, from: DVec3, to: DVec3, fed: f64) -> Result<(), PrintError> {
        if !to.is_finite() || !from.is_finite() {
            // Makers prime the nozzle from wherever homing left it; the text is theirs, and no part of the model.
            if self.role == Role::Custom {
                self.summary.filament += fed;
                return Ok(());
            }
            return self.refuse("a line is extruded from or to a place that was not given before".to_owned());
        }
        let (role, stroke) = (self.role, [from.truncate(), to.truncate()]);
        self.follow(role, stroke, to.z);
        let layer = self.layer_at(to.z);
        let length = (to - from).length();
        layer.length += length;
        layer.filament += fed;
        if role != Role::Custom {
            layer.bounds = layer.bounds.with(Point::from_vec(from)).with(Point::from_vec(to));
        }
        if role.is_model() {
            layer.model_filament += fed;
        }
        match role {
            Role::Outer => {
                layer.outer.push(stroke);
                layer.outer_filament += fed;
            }
            Role::Overhang => layer.overhang.push(stroke),
            _ => {}
        }
        Ok(())
    }

    /// Goes on with the line being laid, or begins another one.
    fn follow(&mut self, role: Role, [from, to]: Stroke, z: f64) {
        let same = self.layer.is_some_and(|at| (self.summary.layers[at].z - z).abs() < SAME);
        if !role.is_model() || !same || self.laying.corners.last() != Some(&from) {
            self.finish_path();
        }
        if !role.is_model() {
            return;
        }
        if self.laying.corners.is_empty() {
            self.laying.corners.push(from);
        }
        self.laying.corners.push(to);
        match role {
            Role::Outer => self.laying.outer = true,
            Role::Overhang => self.laying.overhang = true,
            _ => self.laying.inner = true,
        }
    }

    /// Keeps the line that was laid, if it is of perimeters.
    fn finish_path(&mut self) {
        if let (Some(at), Some(path)) = (self.layer, std::mem::take(&mut self.laying).path()) {
            self.summary.layers[at].paths.push(path);
        }
    }

    /// The layer at a height; a new one if there is none yet.
    fn layer_at(&mut self, z: f64) -> &mut Layer {
        let layers = &mut self.summary.layers;
        let same = |layer: &Layer| (layer.z - z).abs() < SAME;
        let known = self.layer.filter(|&at| same(&layers[at]));
        let at = known.unwrap_or_else(|| {
            let at = layers.partition_point(|layer| layer.z <= z - SAME);
            if !layers.get(at).is_some_and(same) {
                let below = at.checked_sub(1).map_or(0.0, |below| layers[below].z);
                let layer = Layer {
                    z,
                    height: self.height.unwrap_or(z - below),
                    length: 0.0,
                    filament: 0.0,
                    model_filament: 0.0,
                    outer_filament: 0.0,
                    bounds: Aabb::EMPTY,
                    outer: Vec::new(),
                    overhang: Vec::new(),
                    paths: Vec::new(),
                };
                layers.insert(at, layer);
            }
            at
        });
        self.layer = Some(at);
        &mut layers[at]
    }

    /// Homing: the position is unknown until it is given again.
    fn home(&mut self, words: &[u8]) -> Result<(), PrintError> {
        let named = [b'X', b'Y', b'Z'].map(|axis| command_part(words).contains(&axis));
        let all = !named.contains(&true);
        for (axis, named) in named.into_iter().enumerate() {
            if all || named {
                self.at[axis] = f64::NAN;
            }
        }
        Ok(())
    }

    /// `G92`: a position gets a new name. Only filament may; a renamed axis would shift the print.
    fn rename(&mut self, words: &[u8]) -> Result<(), PrintError> {
        let [x, y, z, e] = self.axes(words)?;
        if x.is_some() || y.is_some() || z.is_some() || e.is_none() {
            return self.refuse("G92 moves the origin".to_owned());
        }
        self.e = e.unwrap_or(self.e);
        Ok(())
    }

    /// The numbers of x, y, z and e among the words of a command.
    fn axes(&self, words: &[u8]) -> Result<[Option<f64>; 4], PrintError> {
        let mut axes = [None; 4];
        let mut rest = words;
        while let Some((&letter, after)) = rest.split_first() {
            let slot = match letter {
                b' ' | b'\t' => {
                    rest = after;
                    continue;
                }
                // From here on a comment or a checksum.
                b';' | b'*' => break,
                b'X' => Some(0),
                b'Y' => Some(1),
                b'Z' => Some(2),
                b'E' => Some(3),
                b'F' | b'S' | b'P' => None,
                _ => return self.refuse(format!("\"{}\" is not a word of a move", shown(rest))),
            };
            let Some((value, used)) = number(after) else {
                return self.refuse(format!("\"{}\" is not a number", shown(rest)));
            };
            if let Some(slot) = slot {
                axes[slot] = Some(value);
            }
            rest = &after[used..];
        }
        Ok(axes)
    }

    /// `M221`: the flow is changed by a share in percent.
    fn flow(&mut self, words: &[u8]) -> Result<(), PrintError> {
        let Some(at) = command_part(words).iter().position(|&b| b == b'S') else {
            return Ok(());
        };
        let Some((percent, _)) = number(&words[at + 1..]) else {
            return self.refuse("the share of M221 is not a number".to_owned());
        };
        let [low, high] = self.summary.flow;
        self.summary.flow = [low.min(percent / 100.0), high.max(percent / 100.0)];
        Ok(())
    }

    /// A comment that tells something.
    fn comment(&mut self, text: &[u8]) {
        if let Some(name) = text.strip_prefix(b"TYPE:") {
            self.role = Role::named(name);
        } else if let Some(height) = text.strip_prefix(b"HEIGHT:") {
            self.height = number(height).map(|(value, _)| value).filter(|&value| value > 0.0);
        } else if let Some(name) = text.strip_prefix(b" generated by ") {
            let name = String::from_utf8_lossy(name);
            self.summary.program = Some(name.split(" on ").next().unwrap_or(&name).to_owned());
        } else if let Some(name) = text.strip_prefix(b"Generated with Cura_SteamEngine ") {
            self.summary.program = Some(format!("CuraEngine {}", String::from_utf8_lossy(name)));
            // What comes before the first mark is the printer's start text.
            self.role = Role::Custom;
        } else if let Some(time) = text.strip_prefix(b" estimated printing time (normal mode) = ") {
            self.summary.seconds = seconds(time);
        } else if let Some(length) = text.strip_prefix(b" filament used [mm] = ") {
            self.summary.told_filament = number(length).map(|(value, _)| value);
        }
    }

    fn refuse<T>(&self, what: String) -> Result<T, PrintError> {
        Err(PrintError::Gcode { line: self.line, what })
    }

    fn finish(mut self) -> Result<Summary, PrintError> {
        self.finish_path();
        let mut summary = self.summary;
        summary.lines = self.line;
        if summary.layers.is_empty() {
            return Err(PrintError::NothingPrinted { lines: self.line });
        }
        for layer in &summary.layers {
            summary.filament += layer.filament;
            summary.model_filament += layer.model_filament;
            summary.bounds = summary.bounds.with(layer.bounds.min).with(layer.bounds.max);
        }
        Ok(summary)
    }
}

/// What comes before a comment.
fn command_part(words: &[u8]) -> &[u8] {
    words.split(|&b| b == b';').next().unwrap_or(words)
}

/// The start of a line, to be shown in a message.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(24)]).into_owned()
}

/// Powers of ten that are exact as `f64`.
const TEN: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The decimal number at the start of a text, and how many bytes it takes.
///
/// No exponent: in `X1E5` the E begins the next word. Up to 15 digits, which makes the quotient of two exact
/// numbers the nearest `f64`; more are not a number a printer is sent.
fn number(text: &[u8]) -> Option<(f64, usize)> {
    let signed = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let (mut digits, mut value, mut point) = (0, 0_u64, None);
    let mut end = signed;
    for &byte in &text[signed..] {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if point.is_none() => point = Some(digits),
            _ => break,
        }
        if digits > 15 {
            return None;
        }
        end += 1;
    }
    if digits == 0 {
        return None;
    }
    let value = value as f64 / TEN[digits - point.unwrap_or(digits)];
    Some((if text[0] == b'-' { -value } else { value }, end))
}

/// A duration like `1d 6h 14m 30s`.
fn seconds(text: &[u8]) -> Option<f64> {
    let mut total = 0.0;
    for word in text.split(|&b| b == b' ').filter(|w| !w.is_empty()) {
        let (value, used) = number(word)?;
        total += value
            * match word.get(used..)? {
                b"d" => 86_400.0,
                b"h" => 3_600.0,
                b"m" => 60.0,
                b"s" => 1.0,
                _ => return None,
            };
    }
    Some(total)
}

#[cfg(test)]
mod tests;
