//! ZIP archives of pictures: Prusa's SL1, and a plain stack of PNG for any other program.
//!
//! An SL1 holds `config.ini`, pictures of the part, and `<job>00000.png` and on, one 8-bit grey picture for each layer.
//! The plain stack holds `manifest.json` and `layer-00000.png` and on.

use super::error::ResinError;
use super::estimate::Estimate;
use super::file::{Picture, Previews};
use super::printer::ResinPrinter;
use super::raster::{Frame, Run, Runs};
use serde::{Deserialize, Serialize};
use std::io::{Cursor, Read, Write};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Most that is read of a text in an archive, bytes. Chosen: PrusaSlicer's settings are a tenth of it.
const MOST_TEXT: u64 = 1 << 20;

/// What the plain stack says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The program that wrote it.
    pub program: String,
    /// Name of the printer profile.
    pub printer: String,
    /// Pixels in a row, and rows.
    pub pixels: [u32; 2],
    /// Width and depth of a pixel along the columns and rows, mm.
    pub pixel_mm: [f64; 2],
    /// Layer height, mm.
    pub layer_mm: f64,
    /// True where the pictures are mirror images of the layers seen from above on the plate.
    pub mirrored: bool,
    /// Number of layers.
    pub layers: usize,
    /// Exposure of each layer, s.
    pub exposure_s: Vec<f64>,
    /// Names of the pictures, lowest layer first.
    pub files: Vec<String>,
}

/// What the texts of an archive say.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Name of the job: letters, digits and hyphens.
    pub title: &'a str,
    /// The printer.
    pub printer: &'a ResinPrinter,
    /// Layer height, mm.
    pub layer: f64,
    /// The pictures.
    pub frame: &'a Frame,
    /// Layers, time and resin.
    pub estimate: &'a Estimate,
}

/// An archive that is being written.
pub struct Archive<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
}

fn plain() -> SimpleFileOptions {
    // Pictures are compressed in themselves.
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

impl<W: Write> Archive<W> {
    /// Begins an SL1.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sl1(out: W, facts: &Facts<'_>, previews: &Previews) -> Result<Self, ResinError> {
        let mut archive = Self { zip: ZipWriter::new_stream(out) };
        archive.put("config.ini", config(facts).as_bytes())?;
        for picture in &previews.0 {
            let [width, height] = picture.size;
            archive.put(&format!("thumbnail/thumbnail{width}x{height}.png"), &coloured(picture)?)?;
        }
        Ok(archive)
    }

    /// Begins a plain stack.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn stack(out: W, facts: &Facts<'_>) -> Result<Self, ResinError> {
        let Facts { printer, frame, estimate, .. } = facts;
        let manifest = Manifest {
            program: concat!("osteon ", env!("CARGO_PKG_VERSION")).to_owned(),
            printer: printer.name.clone(),
            pixels: frame.pixels,
            pixel_mm: printer.screen.pixel(),
            layer_mm: facts.layer,
            mirrored: frame.mirrored,
            layers: estimate.layers,
            exposure_s: (0..estimate.layers).map(|layer| printer.seconds(layer)).collect(),
            files: (0..estimate.layers).map(|layer| name("layer-", layer)).collect(),
        };
        let text = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from)?;
        let mut archive = Self { zip: ZipWriter::new_stream(out) };
        archive.put("manifest.json", text.as_bytes())?;
        Ok(archive)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&mut self, name: &str, content: &[u8]) -> Result<(), ResinError> {
        self.zip.start_file(name, plain()).map_err(std::io::Error::from)?;
        Ok(self.zip.write_all(content)?)
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(self) -> Result<(), ResinError> {
        self.zip.finish().map_err(std::io::Error::from)?;
        Ok(())
    }
}

/// Name of a layer's picture.
pub fn name(start: &str, layer: usize) -> String {
    format!("{start}{layer:05}.png")
}

/// The settings an SL1 printer reads.
fn config(facts: &Facts<'_>) -> String {
    let Facts { printer, estimate, .. } = facts;
    let e = &printer.exposure;
    let pairs = [
        ("action", "print".to_owned()),
        ("expTime", e.seconds.to_string()),
        ("expTimeFirst", e.first_seconds.to_string()),
        ("expUserProfile", "0".to_owned()),
        ("hollow", "0".to_owned()),
        ("jobDir", facts.title.to_owned()),
        ("layerHeight", facts.layer.to_string()),
        ("materialName", printer.resin.material.clone()),
        ("numFade", e.fading_layers.to_string()),
        ("numFast", (estimate.layers - estimate.slow_layers).to_string()),
        ("numSlow", estimate.slow_layers.to_string()),
        ("printProfile", String::new()),
        ("printTime", format!("{:.6}", estimate.seconds)),
        ("printerModel", printer.name.to_uppercase()),
        ("printerProfile", printer.title.clone()),
        ("printerVariant", "default".to_owned()),
        ("usedMaterial", format!("{:.6}", estimate.millilitres)),
    ];
    pairs.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// A layer as an 8-bit grey PNG.
///
/// # Errors
/// When it cannot be encoded.
pub fn grey(runs: &[Run], frame: &Frame) -> Result<Vec<u8>, ResinError> {
    let [width, height] = frame.pixels;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Up);
    let failed = std::io::Error::from;
    let mut writer = encoder.write_header().map_err(failed)?;
    let mut stream = writer.stream_writer().map_err(failed)?;
    let mut row = Vec::with_capacity(width as usize);
    for run in runs {
        let mut rest = run.length as usize;
        while rest > 0 {
            let part = rest.min(width as usize - row.len());
            row.resize(row.len() + part, run.value);
            rest -= part;
            if row.len() == width as usize {
                stream.write_all(&row)?;
                row.clear();
            }
        }
    }
    stream.finish().map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// A preview as PNG.
fn coloured(picture: &Picture) -> Result<Vec<u8>, ResinError> {
    let [width, height] = picture.size;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(std::io::Error::from)?;
    writer.write_image_data(&picture.rgb).map_err(std::io::Error::from)?;
    writer.finish().map_err(std::io::Error::from)?;
    Ok(bytes)
}

/// An archive read back.
#[derive(Clone, Debug)]
pub struct Pictures<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Names of the pictures, lowest layer first.
    names: Vec<String>,
    /// Pixels in a row, and rows.
    pub pixels: [u32; 2],
    /// Layer height, mm.
    pub layer: f64,
}

impl<'a> Pictures<'a> {
    /// Reads which pictures there are; what they show is read by [`Pictures::runs`].
    ///
    /// # Errors
    /// `resin-unreadable` with what is wrong.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ResinError> {
        let bad = |e: zip::result::ZipError| ResinError::unreadable(e.to_string());
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
        let (names, layer) = if let Some(text) = text(&mut zip, "manifest.json")? {
            let manifest: Manifest = serde_json::from_str(&text)
                .map_err(|e| ResinError::Unreadable { what: format!("manifest.json: {e}") })?;
            (manifest.files, manifest.layer_mm)
        } else if let Some(text) = text(&mut zip, "config.ini")? {
            let value = |key: &str| {
                let lines = text.lines().filter_map(|line| line.split_once('='));
                lines.map(|(k, v)| (k.trim(), v.trim())).find(|(k, _)| *k == key).map(|(_, v)| v.to_owned())
            };
            let job = value("jobDir").ok_or_else(|| ResinError::unreadable("config.ini names no jobDir"))?;
            let layer = value("layerHeight").and_then(|v| v.parse().ok());
            let layer = layer.ok_or_else(|| ResinError::unreadable("config.ini names no layerHeight"))?;
            let ours = |n: &str| n.starts_with(&job) && n.ends_with(".png");
            let count = zip.file_names().filter(|n| n.as_ref().is_ok_and(|n| ours(n))).count();
            ((0..count).map(|n| name(&job, n)).collect(), layer)
        } else {
            return Err(ResinError::unreadable("the archive has neither manifest.json nor config.ini"));
        };
        let mut pictures = Self { zip, names, pixels: [0, 0], layer };
        if !pictures.names.is_empty() {
            let content = pictures.content(0)?;
            let reader = png::Decoder::new(Cursor::new(content)).read_info();
            let reader = reader.map_err(|e| ResinError::unreadable(e.to_string()))?;
            pictures.pixels = [reader.info().width, reader.info().height];
        }
        Ok(pictures)
    }

    /// How many layers there are.
    pub fn layers(&self) -> usize {
        self.names.len()
    }

    fn content(&self, layer: usize) -> Result<Vec<u8>, ResinError> {
        let name = self.names.get(layer).map_or("", String::as_str);
        let bad = |e: String| ResinError::Unreadable { what: format!("{name}: {e}") };
        let mut zip = self.zip.clone();
        let mut file = zip.by_name(name).map_err(|e| bad(e.to_string()))?;
        let mut content = Vec::new();
        // A grey picture is never larger than its pixels and a little more.
        let most = (1_u64 << 30).min(file.size().max(1));
        file.by_ref().take(most).read_to_end(&mut content).map_err(|e| bad(e.to_string()))?;
        Ok(content)
    }

    /// The runs of a layer.
    ///
    /// # Errors
    /// `resin-unreadable` where a picture is missing, not 8-bit grey, or of another size.
    pub fn runs(&self, layer: usize) -> Result<Vec<Run>, ResinError> {
        let bad = |e: String| ResinError::Unreadable { what: format!("picture of layer {layer}: {e}") };
        let content = self.content(layer)?;
        let mut reader =
            png::Decoder::new(Cursor::new(content)).read_info().map_err(|e| bad(e.to_string()))?;
        let info = reader.info();
        let grey = info.color_type == png::ColorType::Grayscale && info.bit_depth == png::BitDepth::Eight;
        if !grey || [info.width, info.height] != self.pixels || info.interlaced {
            return Err(bad("it is not an 8-bit grey picture of the size of the first".to_owned()));
        }
        let mut runs = Runs(Vec::new());
        while let Some(row) = reader.next_row().map_err(|e| bad(e.to_string()))? {
            for alike in row.data().chunk_by(|a, b| a == b) {
                runs.add(alike.len() as u64, alike[0]);
            }
        }
        Ok(runs.0)
    }
}

/// A text of an archive, where there is one.
fn text(zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<String>, ResinError> {
    let Ok(file) = zip.by_name(name) else {
        return Ok(None);
    };
    let mut text = String::new();
    let read = file.take(MOST_TEXT).read_to_string(&mut text);
    read.map_err(|e| ResinError::Unreadable { what: format!("{name}: {e}") })?;
    Ok(Some(text))
}
