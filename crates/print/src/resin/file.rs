//! Files for resin printers of whichever format: written from a stack of sections, and read back.

use super::archive::{Archive, Facts, Pictures, grey, name};
use super::error::ResinError;
use super::estimate::Estimate;
use super::goo::{self, Goo, Header};
use super::printer::{Format, ResinPrinter};
use super::raster::Run;
use super::section::Stack;
use osteon_core::Ctx;
use std::io::Write;

/// A picture of the part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width and height, pixels.
    pub size: [u32; 2],
    /// Red, green and blue of each pixel, row after row.
    pub rgb: Vec<u8>,
}

/// Pictures of the part, for the printer's own screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Previews(pub Vec<Picture>);

impl Previews {
    /// The square picture of this edge length as red, green and blue of 5, 6 and 5 bits; black where there is none.
    pub(crate) fn rgb565(&self, edge: u32) -> Vec<u16> {
        let count = (edge * edge) as usize;
        let fits = |picture: &&Picture| picture.size == [edge, edge] && picture.rgb.len() == 3 * count;
        let Some(picture) = self.0.iter().find(fits) else {
            return vec![0; count];
        };
        let word = |p: &[u8]| u16::from(p[0] >> 3) << 11 | u16::from(p[1] >> 2) << 5 | u16::from(p[2] >> 3);
        picture.rgb.chunks_exact(3).map(word).collect()
    }
}

impl Format {
    /// The end of a file's name.
    pub const fn end(self) -> &'static str {
        match self {
            Format::Goo => "goo",
            Format::Sl1 => "sl1",
            Format::Png => "zip",
        }
    }

    /// The format of a file by the end of its name.
    pub fn of(end: &str) -> Option<Self> {
        match end.to_ascii_lowercase().as_str() {
            "goo" => Some(Format::Goo),
            "sl1" | "sl1s" => Some(Format::Sl1),
            "zip" => Some(Format::Png),
            _ => None,
        }
    }
}

/// What is written, and for which printer.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The sections.
    pub stack: &'a Stack,
    /// The printer.
    pub printer: &'a ResinPrinter,
    /// Layers, time and resin, as the file is to say.
    pub estimate: &'a Estimate,
    /// Name of the job.
    pub title: &'a str,
    /// Pictures of the part.
    pub previews: &'a Previews,
}

/// Draws every layer and writes the file; memory holds a few layers at a time.
///
/// # Errors
/// `wrong-format` where the printer does not take it, when it cannot be written, or when stopped.
pub fn write(job: &Job<'_>, format: Format, out: &mut dyn Write, ctx: &Ctx) -> Result<(), ResinError> {
    let Job { stack, printer, estimate, previews, .. } = job;
    if format != Format::Png && !printer.takes.contains(&format) {
        let takes: Vec<String> = printer.takes.iter().map(|f| format!(".{}", f.end())).collect();
        return Err(ResinError::WrongFormat {
            printer: printer.name.clone(),
            format: format.end(),
            takes: takes.join(" or "),
        });
    }
    let (frame, layer) = (stack.frame(), stack.height());
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let title: String = job.title.chars().filter(plain).take(60).collect();
    let title = if title.is_empty() { "part".to_owned() } else { title };
    let facts = Facts { title: &title, printer, layer, frame, estimate };
    if format == Format::Goo {
        goo::write_header(&Header { printer, layer, frame, estimate, previews }, out)?;
        stack.each(
            |number, edges| goo::layer(number, layer, printer, &stack.draw(edges)),
            |_, bytes| Ok(out.write_all(&bytes)?),
            ctx,
        )?;
        return goo::write_end(out);
    }
    let (mut archive, start) = match format {
        Format::Sl1 => (Archive::sl1(out, &facts, previews)?, title.as_str()),
        _ => (Archive::stack(out, &facts)?, "layer-"),
    };
    stack.each(
        |_, edges| grey(&stack.draw(edges), frame),
        |number, picture| archive.put(&name(start, number), &picture?),
        ctx,
    )?;
    archive.end()
}

/// A file read back.
#[derive(Clone, Debug)]
pub enum Reading<'a> {
    /// A `.goo` file.
    Goo(Goo<'a>),
    /// An archive of pictures.
    Pictures(Pictures<'a>),
}

impl<'a> Reading<'a> {
    /// Reads a file by its content.
    ///
    /// # Errors
    /// `resin-unreadable` with what is wrong.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ResinError> {
        if bytes.starts_with(b"PK") {
            return Pictures::read(bytes).map(Reading::Pictures);
        }
        Goo::read(bytes).map(Reading::Goo)
    }

    /// How many layers there are.
    pub fn layers(&self) -> usize {
        match self {
            Reading::Goo(goo) => goo.heights.len(),
            Reading::Pictures(pictures) => pictures.layers(),
        }
    }

    /// Pixels in a row, and rows.
    pub fn pixels(&self) -> [u32; 2] {
        match self {
            Reading::Goo(goo) => goo.pixels,
            Reading::Pictures(pictures) => pictures.pixels,
        }
    }

    /// Layer height, mm.
    pub fn height(&self) -> f64 {
        match self {
            Reading::Goo(goo) => goo.layer,
            Reading::Pictures(pictures) => pictures.layer,
        }
    }

    /// The runs of a layer.
    ///
    /// # Errors
    /// `resin-unreadable` with what is wrong.
    pub fn runs(&self, layer: usize) -> Result<Vec<Run>, ResinError> {
        match self {
            Reading::Goo(goo) => goo.runs(layer),
            Reading::Pictures(pictures) => pictures.runs(layer),
        }
    }
}
