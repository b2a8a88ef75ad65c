//! The files of a package, made anew from the case: nothing is copied that might bring something along.

use super::hash;
use crate::artefacts;
use crate::command::convert::VolumeFormat;
use crate::command::export::Format;
use crate::failure::Failure;
use crate::job::Job;
use osteon_core::{ErrorKind, Finding, Severity, Solid};
use osteon_image::deface::{self, Face};
use osteon_io::dicom::deidentify::{self, Actions, Key};
use osteon_io::mesh_file::{About, Object, Placed};
use osteon_io::samples::Samples;
use osteon_io::{gltf, nifti, nrrd, obj, ply, stl, threemf, usd};
use osteon_plan::StructureId;
use osteon_plan::plan::Marks;
use serde_json::{Value, json};
use std::borrow::Cow;

/// A package being put together.
pub(super) struct Contents {
    name: String,
    files: Vec<(String, Vec<u8>)>,
    /// What was done to the slices.
    pub(super) actions: Actions,
    done: Vec<String>,
    /// Names of structures, which are words of the terminology and identify nobody.
    pub(super) terms: String,
    /// Structures that are left out because they show a face.
    left_out: Vec<StructureId>,
}

/// Facts about the scan that tell nothing about the patient; texts among them are listed words of DICOM.
const FACTS: [&str; 10] = [
    "modality",
    "unit",
    "size",
    "spacing",
    "slice_thickness",
    "tilt",
    "kvp",
    "patient_position",
    "lossy",
    "not_measured",
];

/// Colour of bone in the files, sRGB.
const BONE: [u8; 3] = [241, 214, 145];

const README: &str = "\
Package of a case, made by Osteon.

Research and planning use, not a medical device.

All coordinates are millimetres in the patient's DICOM frame: +x left, +y back, +z head. Values of the image are
Hounsfield units. GLB files are for viewers: metres, +Y up.

  image.nrrd         the scan (or image.nii.gz)
  labels.seg.nrrd    the structures, as a label map with a table
  plan.json          the plan
  models/            the models of the plan
  dicom/             the slices of the scan, de-identified, if they were asked for
  about.json         how the scan was taken, as far as it is no identifier
  actions.json       what was removed, replaced or kept
  manifest.json      SHA-256 of every file

Names, numbers, dates, paths, file names and original identifiers are left out; the package was searched for those
known of before it was released. Where the skin of a face was replaced by air, actions.json says so.

The shape of a skull or of an old injury can itself identify a person to somebody who has other pictures. Do not try
to find out who the patient is.
";

/// Words that the writers of the files use, besides those of the README and of the keep-list.
const WRITERS: &str = "schemas microsoft com openxmlformats org package content types relationships rels core model \
    dmanufacturing metadata resources basematerials base object mesh vertices vertex triangles triangle components \
    component build item displaycolor millimeter application title description target default extension override part \
    printticket accessors bufferviews buffers bytelength byteoffset componenttype count materials meshes nodes scenes \
    scene asset version generator extras pbrmetallicroughness basecolorfactor metallicfactor roughnessfactor primitives \
    attributes position normal indices material name mode matrix double sided element format binary little endian comment \
    property float uchar list vertex_indices end_header ply nrrd type dimension space directions origin kinds domain \
    encoding gzip raw sizes left posterior superior segmentation segment color colour extent label value layer master \
    representation contained names tags reference image offset closed surface solid units unit frame procedure bone \
    items kind marks pressed side structure structures threshold settings null true false right axial sagittal coronal \
    anatomic osteon lps hounsfield stored";

/// All text that every package holds anyway.
pub(super) fn vocabulary() -> String {
    [README, WRITERS, crate::NOTICE, &deidentify::vocabulary()].join("\n")
}

impl Contents {
    pub(super) fn new(name: &str) -> Self {
        let (files, actions, done, terms, left_out) = Default::default();
        Self { name: name.to_owned(), files, actions, done, terms, left_out }
    }

    pub(super) fn add(&mut self, file: String, bytes: Vec<u8>) {
        self.files.push((file, bytes));
    }

    /// The image, without the face if there is one to be removed.
    pub(super) fn image(
        &mut self,
        job: &mut Job<'_>,
        face: Option<&Face>,
        format: VolumeFormat,
    ) -> Result<(), Failure> {
        let mut volume = job.volume()?.as_ref().clone();
        if let Some(face) = face {
            deface::blank(&mut volume, &face.mask);
            let cubic = face.tissue.volume() / 1000.0;
            self.done.push(format!("{cubic:.1} cm³ of soft tissue below the skin of a face replaced by air"));
        }
        let ctx = job.ctx().part("writing the image", 0.5, 0.6);
        let mut bytes = Vec::new();
        if format == VolumeFormat::NiftiGz {
            nifti::write_volume(&Samples::I16(volume), &mut bytes, &ctx)?;
            self.add("image.nii.gz".to_owned(), bytes);
        } else {
            nrrd::write_volume(&volume, &["LPS mm, HU"], nrrd::Encoding::Gzip, &mut bytes, &ctx)?;
            self.add("image.nrrd".to_owned(), bytes);
        }
        let source = job.read(artefacts::SOURCE)?;
        let source: Value = serde_json::from_slice(&source).unwrap_or_default();
        let mut facts: Value = FACTS.iter().map(|&key| (key.to_owned(), source[key].clone())).collect();
        // What was assumed is told by its name only: the value is a person's text.
        let assumed = source["assumed"].as_object().into_iter().flatten();
        facts["assumed"] = assumed.map(|(key, _)| Value::from(key.clone())).collect();
        self.record("about.json", &json!({ "case": self.name, "notice": crate::NOTICE, "scan": facts }))
    }

    /// The label map, without structures that show a face.
    pub(super) fn structures(
        &mut self,
        job: &mut Job<'_>,
        face: Option<&Face>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        if !job.has(artefacts::LABELS) {
            return Ok(());
        }
        let structures = job.structures()?;
        let mut segments = Vec::new();
        for (n, (id, mask)) in structures.iter().enumerate() {
            self.terms += &format!("{id} {} ", id.english());
            if face.is_some_and(|face| deface::shows_face(mask, face)) {
                let what = format!(
                    "the structure {id} has the skin of a face in it and is left out, with its models"
                );
                let finding = Finding::new("face-in-mesh", Severity::Danger, what);
                findings.push(finding.remedy("segment bone only, or share it with --face keep"));
                self.done.push(format!("structure {id} left out: it shows a face"));
                self.left_out.push(id.clone());
                continue;
            }
            let colour = if n == 0 { BONE } else { [144, 238, 144] };
            let mask = Cow::Borrowed(mask);
            segments.push(nrrd::Segment { id: id.to_string(), name: id.to_string(), colour, mask });
        }
        let Some(grid) = segments.first().map(|segment| segment.mask.grid().clone()) else { return Ok(()) };
        let mut bytes = Vec::new();
        nrrd::write_segments(
            &grid,
            &segments,
            &mut bytes,
            &job.ctx().part("writing the structures", 0.6, 0.65),
        )?;
        self.add("labels.seg.nrrd".to_owned(), bytes);
        Ok(())
    }

    /// The plan, in a frame of reference under its new name.
    pub(super) fn plan(&mut self, job: &mut Job<'_>, key: &Key) -> Result<(), Failure> {
        if !job.has(artefacts::PLAN) {
            return Ok(());
        }
        let mut plan = job.plan()?;
        plan.frame = plan.frame.map(|frame| key.uid(&frame));
        let bytes = plan.to_text()?.into_bytes();
        self.add("plan.json".to_owned(), bytes);
        Ok(())
    }

    /// The models of the plan that have been made.
    pub(super) fn models(
        &mut self,
        job: &mut Job<'_>,
        formats: &[Format],
        findings: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        if !job.has(artefacts::PLAN) {
            return Ok(());
        }
        let plan = job.plan()?;
        for model in plan.models() {
            if !job.has(&artefacts::product(&model.id, "ply")) || self.left_out.contains(&model.of) {
                continue;
            }
            let solid = job.solid(&model.id)?;
            for &format in formats {
                let (end, bytes) = self.model(job, format, &model.id, &solid)?;
                self.add(format!("models/{}.{end}", model.id), bytes);
            }
            if model.marks == Marks::Pressed {
                let what = format!(
                    "the case's own id is pressed into the model {} and can be read off it",
                    model.id
                );
                findings.push(Finding::new("marks-shared", Severity::Note, what));
            }
        }
        Ok(())
    }

    fn model(
        &self,
        job: &Job<'_>,
        format: Format,
        item: &str,
        solid: &Solid,
    ) -> Result<(&'static str, Vec<u8>), Failure> {
        let ctx = job.ctx().part("writing the models", 0.65, 0.8);
        let title = format!("{} {item}", self.name);
        let notes = [("Description", crate::NOTICE)];
        let application = concat!("osteon ", env!("CARGO_PKG_VERSION"));
        let about = About { title: &title, application, notes: &notes, placed: Placed::InPatient };
        let object = Object { name: item, colour: BONE, solid };
        let mut bytes = Vec::new();
        let end = match format {
            Format::Stl => stl::write(solid, &self.name, &mut bytes, &ctx).map(|()| "stl")?,
            Format::ThreeMf => threemf::write(&[object], &about, None, &mut bytes, &ctx).map(|()| "3mf")?,
            Format::Ply => ply::write(solid.mesh(), &mut bytes, &ctx).map(|()| "ply")?,
            Format::Glb => gltf::write(&[object], &about, &mut bytes, &ctx).map(|()| "glb")?,
            Format::Obj => obj::write(&[object], &about, &mut bytes, &ctx).map(|()| "obj")?,
            Format::Usdz => usd::write(&[object], &about, &mut bytes, &ctx).map(|()| "usdz")?,
        };
        Ok((end, bytes))
    }

    /// All files, with the records of what was done and what they are.
    pub(super) fn finish(mut self, asked: &Value) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        self.add("README.txt".to_owned(), README.as_bytes().to_vec());
        let removed = [
            "the journal and its tokens",
            "identity of the patient",
            "dates and times",
            "paths and file names",
            "original unique identifiers",
            "the case's own id",
        ];
        let actions = json!({
            "case": self.name,
            "version": crate::VERSION,
            "standard": format!("PS3.15 Annex E, keep-list held against table E.1-1 of {}", deidentify::edition()),
            "asked": asked,
            "left_out": removed,
            "done": self.done,
            "slices": self.actions,
        });
        self.record("actions.json", &actions)?;
        self.files.sort();
        let list: Vec<Value> =
            self.files.iter().map(|(file, bytes)| json!({ "file": file, "sha256": hash(bytes) })).collect();
        let manifest = json!({ "case": self.name, "notice": crate::NOTICE, "files": list });
        self.record("manifest.json", &manifest)?;
        Ok(self.files)
    }

    fn record(&mut self, file: &str, value: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|e| {
            Failure::new(ErrorKind::Numeric, "internal", format!("{file}: {e}"), "please report this")
        })?;
        self.add(file.to_owned(), (text + "\n").into_bytes());
        Ok(())
    }
}
