//! From laid-out pages to the bytes of a PDF, tagged so that it can be read aloud (PDF/UA-1).

use crate::ReportError;
use crate::compose;
use crate::face::Face;
use crate::facts::Report;
use crate::flow::{Flow, MARGIN, Mark, PAGE, Page, Rgb, Role, Style};
use crate::language::Texts;
use krilla::color::rgb;
use krilla::configure::{Accessibility, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::metadata::Metadata;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind,
    TagTree,
};
use krilla::{Document, SerializeSettings};

fn failed(why: impl std::fmt::Debug) -> ReportError {
    ReportError::Document(format!("{why:?}"))
}

/// The document of a laid-out report.
///
/// There is no time and no random number in it: the file's identifier is a hash of its content.
pub fn write(report: &Report, flow: Flow) -> Result<Vec<u8>, ReportError> {
    let texts = Texts::of(report.language);
    let configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(failed)?;
    let mut document =
        Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut spoken: Vec<Vec<Identifier>> = flow.nodes.iter().map(|_| Vec::new()).collect();
    let settings = PageSettings::from_wh(PAGE[0], PAGE[1]).ok_or_else(|| failed("page size"))?;
    let count = flow.pages.len();
    for (number, marks) in flow.pages.iter().enumerate() {
        let mut page = document.start_page_with(settings.clone());
        let mut surface = page.surface();
        draw_page(&mut surface, &flow.faces, marks, &mut spoken);
        footer(&mut surface, &flow.faces, report, [number + 1, count]);
        surface.finish();
        page.finish();
    }
    let mut outline = Outline::new();
    for (title, page, top) in &flow.sections {
        let place = XyzDestination::new(*page, Point::from_xy(MARGIN, *top));
        outline.push_child(OutlineNode::new(title.clone(), place));
    }
    document.set_outline(outline);
    document.set_tag_tree(structure(&flow, spoken));
    document.set_metadata(
        Metadata::new()
            .title(compose::title(report))
            .description(texts.say("notice"))
            .creator(report.software.clone())
            .language(texts.tag().to_owned()),
    );
    document.finish().map_err(failed)
}

fn draw_page(surface: &mut Surface<'_>, faces: &[Face; 2], marks: &Page, spoken: &mut [Vec<Identifier>]) {
    for (mark, node) in marks {
        let tag = match (node, mark) {
            (None, _) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
            (_, Mark::Text(..)) => ContentTag::Span(SpanTag::empty()),
            _ => ContentTag::Other,
        };
        let identifier = surface.start_tagged(tag);
        draw(surface, faces, mark);
        surface.end_tagged();
        if let Some(node) = node {
            spoken[*node].push(identifier);
        }
    }
}

fn draw(surface: &mut Surface<'_>, faces: &[Face; 2], mark: &Mark) {
    match mark {
        Mark::Text([x, y], style, text) => {
            surface.set_fill(Some(fill(style.colour)));
            let mut left = *x;
            for run in faces[style.face].runs(text) {
                let width = run.glyphs.iter().map(|glyph| glyph.x_advance).sum::<f32>() * style.size;
                surface.set_stroke(run.embolden.then(|| stroke(style)));
                let at = Point::from_xy(left, *y);
                surface.draw_glyphs(at, &run.glyphs, run.font, run.text, style.size, false);
                left += width;
            }
            surface.set_stroke(None);
        }
        Mark::Box([x, y, width, height], colour) => {
            surface.set_fill(Some(fill(*colour)));
            let mut path = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                path.push_rect(rect);
            }
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
        Mark::Picture([x, y, width, height], image) => {
            if let Some(size) = Size::from_wh(*width, *height) {
                surface.push_transform(&Transform::from_translate(*x, *y));
                surface.draw_image(image.clone(), size);
                surface.pop();
            }
        }
    }
}

fn fill([red, green, blue]: Rgb) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}

/// A line around letters that makes them look bold.
///
/// Chosen: a thirtieth of the size is as much thicker as the bold Latin letters beside are.
fn stroke(style: &Style) -> Stroke {
    Stroke { paint: fill(style.colour).paint, width: style.size / 30.0, ..Stroke::default() }
}

/// Notice, case and page number at the foot of every page.
fn footer(surface: &mut Surface<'_>, faces: &[Face; 2], report: &Report, [number, count]: [usize; 2]) {
    let baseline = PAGE[1] - 34.0;
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)));
    let strong = Style { face: 1, ..Style::ASIDE };
    let texts = Texts::of(report.language);
    let (notice, _) = faces[1].printable(&texts.say("notice"));
    let room = PAGE[0] - 2.0 * MARGIN - faces[1].width(&notice, strong.size) - 16.0;
    draw(surface, faces, &Mark::Text([MARGIN, baseline], strong, notice));
    let pages = [("n", number.to_string()), ("count", count.to_string())];
    let pages = texts.say_with("page-of", &pages.each_ref().map(|(name, value)| (*name, value.as_str())));
    let (pages, _) = faces[0].printable(&pages);
    let (mut text, _) = faces[0].printable(&format!("{} · {pages}", report.case_id));
    let width = |text: &str| faces[0].width(text, Style::ASIDE.size);
    if width(&text) > room {
        // The case's whole name stands on the first page.
        text = pages;
    }
    let left = PAGE[0] - MARGIN - width(&text);
    draw(surface, faces, &Mark::Text([left, baseline], Style::ASIDE, text));
    surface.end_tagged();
}

/// The structure as a tree; a part that has nothing on any page is left out.
fn structure(flow: &Flow, mut spoken: Vec<Vec<Identifier>>) -> TagTree {
    let mut tree = TagTree::new();
    let mut groups: Vec<Option<TagGroup>> =
        flow.nodes.iter().map(|n| Some(TagGroup::new(tag(&n.role)))).collect();
    for (group, identifiers) in groups.iter_mut().zip(&mut spoken) {
        for identifier in identifiers.drain(..) {
            if let Some(group) = group {
                group.push(identifier);
            }
        }
    }
    // A part stands before those that belong to it: from the back, each is whole when it is handed over.
    let mut children: Vec<Vec<TagGroup>> = flow.nodes.iter().map(|_| Vec::new()).collect();
    let mut roots = Vec::new();
    for i in (0..groups.len()).rev() {
        let Some(mut group) = groups[i].take() else {
            continue;
        };
        for child in children[i].drain(..).rev() {
            group.push(child);
        }
        match flow.nodes[i].parent {
            Some(parent) => children[parent].push(group),
            None => roots.push(group),
        }
    }
    roots.into_iter().rev().for_each(|root| tree.push(root));
    tree
}

fn tag(role: &Role) -> TagKind {
    match role {
        Role::Heading(level, title) => Tag::Hn(*level, Some(title.clone())).into(),
        Role::Paragraph => Tag::P.into(),
        Role::Figure(alt) => Tag::Figure(Some(alt.clone())).into(),
        Role::Caption => Tag::Caption.into(),
        Role::Table => Tag::Table.into(),
        Role::Row => Tag::TR.into(),
        Role::Column => Tag::TH(TableHeaderScope::Column).into(),
        Role::Cell => Tag::TD.into(),
    }
}
