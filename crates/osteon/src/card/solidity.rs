//! What the triangles of a mesh tell by themselves: is it a solid, does it meet itself, how thick is it.

use super::mending::mending;
use super::{Matter, ObjectCard, PairCard, Place};
use crate::failure::Failure;
use osteon_core::{Ctx, Defect, Finding, Mesh, Patient, Point, Severity, Solid};
use osteon_mesh::boolean::shared_volume;
use osteon_mesh::bvh::Bvh;
use osteon_mesh::overlap::{Relation, overlap};
use osteon_mesh::self_intersection::Crossing;
use osteon_mesh::shells::{Nesting, Role, nesting};
use osteon_mesh::thickness::Survey;
use osteon_mesh::{self_intersection, thickness};

/// Thinnest wall that common services print, mm.
///
/// Chosen: what printing services ask for as the least wall in resin and powder.
const LEAST_WALL: f64 = 1.0;

/// Narrowest gap that stays open in a print, mm.
///
/// Chosen: the least clearance that services give for parts that must not fuse.
const LEAST_GAP: f64 = 0.2;

/// Walls and gaps are looked for up to this, mm.
///
/// Chosen: a little more than the limits.
const REACH: f64 = 1.2;

/// The longest side below which walls and gaps are looked for up to a tenth of it only, mm. Chosen: bones and their
/// fragments are longer; below, the unit is asked for anyway.
const SMALLEST: f64 = 5.0;

/// Most places at which walls and gaps are measured: every vertex of a usual model, and enough of a huge one to
/// find any thin part larger than a few square millimetres.
const PLACES: usize = 40_000;

/// Share of the surface below which thin places are only dents and edges, not walls.
///
/// Chosen: a thousandth; next to a sharp edge or a crease any solid is thin.
const SPECK: f64 = 0.001;

/// Objects further apart than this are not compared, mm.
///
/// Chosen: fragments of one bone lie nearer, and so do bones that share a joint.
const APART: f64 = 3.0;

/// What mends shells that are inside out.
const REPAIR: &str = "osteon shape <file> --out mended.3mf --step repair";

/// What mends a surface that meets itself.
const RESOLVE: &str = "osteon shape <file> --out mended.3mf --step repair --step resolve";

/// A piece of matter below this volume is a speck, mm³. Chosen: a ball of 4 mm, less than any fragment that is fixed.
const SPECK_MM3: f64 = 30.0;

/// And below this share of the largest piece: a small thing printed alone is no speck. Chosen: a hundredth.
const SPECK_SHARE: f64 = 0.01;

/// Looks at one object; its findings are added to `findings`. The solid comes back if it is one.
pub(crate) fn inspect(
    name: &str,
    mesh: Mesh,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<(ObjectCard, Option<Solid>), Failure> {
    let mesh = match Solid::proven(mesh, &ctx.part("closed and manifold", 0.0, 0.1))? {
        Ok(solid) => {
            let bvh = Bvh::new(solid.mesh(), &ctx.part("hierarchy", 0.1, 0.2))?;
            let crossings =
                self_intersection::find(solid.mesh(), &bvh, &ctx.part("self-intersections", 0.2, 0.5))?;
            let card = examine(name, (&solid, &bvh), &crossings, findings, &ctx.part("matter", 0.5, 1.0))?;
            return Ok((card, Some(solid)));
        }
        Err(not) => not,
    };
    let (mesh, defects) = (mesh.mesh, mesh.defects);
    let mut card = ObjectCard::of(name, &mesh);
    defects.iter().for_each(|defect| card.count(defect));
    let remedy = mending(&mesh, &ctx.part("mending", 0.1, 0.5))?;
    findings.extend(defects.iter().map(|defect| told(name, defect, &mesh, &remedy)));
    let sound = mesh.triangles.iter().flatten().all(|&v| (v as usize) < mesh.vertices.len());
    if sound && !mesh.triangles.is_empty() && mesh.vertices.iter().all(|p| p.vec().is_finite()) {
        let bvh = Bvh::new(&mesh, &ctx.part("hierarchy", 0.5, 0.6))?;
        let crossings = self_intersection::find(&mesh, &bvh, &ctx.part("self-intersections", 0.6, 1.0))?;
        card.meetings(&crossings, &remedy, findings);
    }
    Ok((card, None))
}

/// The card of a solid of which it is known where it meets itself.
pub(crate) fn examine(
    name: &str,
    (solid, bvh): (&Solid, &Bvh),
    crossings: &[Crossing],
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<ObjectCard, Failure> {
    let mut card = ObjectCard { solid: true, ..ObjectCard::of(name, solid.mesh()) };
    card.meetings(crossings, RESOLVE, findings);
    let nested = nesting(solid.mesh(), bvh, &ctx.part("shells", 0.0, 0.2))?;
    card.matter = Some(matter(name, (solid, bvh), &nested, findings, &ctx.part("walls", 0.2, 1.0))?);
    Ok(card)
}

impl ObjectCard {
    fn of(name: &str, mesh: &Mesh) -> Self {
        let bounds = mesh.bounds();
        Self {
            name: name.to_owned(),
            triangles: mesh.triangles.len(),
            vertices: mesh.vertices.len(),
            bounds: [bounds.min.to_array(), bounds.max.to_array()],
            area_mm2: mesh.area(),
            ..Self::default()
        }
    }

    /// Notes where the surface meets itself.
    fn meetings(&mut self, found: &[Crossing], remedy: &str, findings: &mut Vec<Finding>) {
        let serious = found.iter().filter(|crossing| crossing.kind.is_serious());
        self.self_intersections = serious.clone().count();
        self.touching = found.len() - self.self_intersections;
        if let Some(first) = serious.clone().next() {
            let message =
                format!("{}: {} pairs of triangles meet each other", self.name, self.self_intersections);
            findings.push(
                Finding::new("self-intersections", Severity::Caution, message)
                    .measured(self.self_intersections as f64, 0.0, "pairs", "exact predicates")
                    .at(first.place.to_array())
                    .remedy(remedy),
            );
        }
    }

    fn count(&mut self, defect: &Defect) {
        match defect {
            Defect::OpenEdge { count, .. } => self.open_edges = *count,
            Defect::NonManifoldEdge { count, .. } => self.non_manifold_edges = *count,
            Defect::NonManifoldVertex { count, .. } => self.non_manifold_vertices = *count,
            Defect::Degenerate { count, .. } => self.degenerate_triangles = *count,
            _ => {}
        }
    }
}

/// A defect as a finding with its place and what mends it.
fn told(name: &str, defect: &Defect, mesh: &Mesh, remedy: &str) -> Finding {
    let (code, near) = match defect {
        Defect::OpenEdge { near, .. } => ("open-edges", Some(near)),
        Defect::NonManifoldEdge { near, .. } => ("non-manifold-edges", Some(near)),
        Defect::NonManifoldVertex { near, .. } => ("non-manifold-vertices", Some(near)),
        Defect::Degenerate { near, .. } => ("degenerate-triangles", Some(near)),
        Defect::LooseVertex { near, .. } => ("loose-vertices", Some(near)),
        Defect::InsideOut { near, .. } => ("inside-out", Some(near)),
        _ => ("not-a-solid", None),
    };
    let finding = Finding::new(code, Severity::Danger, format!("{name}: {defect}")).remedy(remedy);
    // What has no place of its own is told of the whole.
    let whole = || mesh.bounds().middle();
    finding.at(near.copied().unwrap_or_else(whole).to_array())
}

/// What is told of a solid only.
fn matter(
    name: &str,
    (solid, bvh): (&Solid, &Bvh),
    nested: &Nesting,
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Matter, Failure> {
    let count = |role| nested.with(role).count();
    // In something so small that its unit is in doubt every wall is within reach of every other.
    let longest = solid.mesh().bounds().size().max_element();
    let reach = if longest < SMALLEST { 0.1 * longest } else { REACH };
    let survey = Survey { reach, most: PLACES };
    let walls = thickness::walls(solid, bvh, &survey, &ctx.part("walls", 0.0, 0.5))?;
    let gaps = thickness::gaps(solid, bvh, &survey, &ctx.part("gaps", 0.5, 1.0))?;
    let place = |t: &thickness::Thickness| t.place.map(|at| Place { mm: t.least, at: at.to_array() });
    let matter = Matter {
        volume_mm3: solid.volume(),
        shells: nested.shells.len(),
        bodies: count(Role::Body),
        cavities: count(Role::Cavity),
        inverted: count(Role::Inverted),
        nested: count(Role::Nested),
        genus: solid.genus(),
        trapped_mm3: nested.trapped(),
        min_wall: place(&walls),
        min_gap: place(&gaps),
    };
    let shells = [
        ("inside-out", Role::Inverted, Severity::Danger, "are inside out", REPAIR),
        ("nested-bodies", Role::Nested, Severity::Caution, "lie within material and count twice", RESOLVE),
    ];
    for (code, role, severity, what, remedy) in shells {
        if let Some(first) = nested.with(role).next() {
            let message = format!("{name}: {} shells {what}", count(role));
            findings.push(Finding::new(code, severity, message).at(first.place.to_array()).remedy(remedy));
        }
    }
    findings.extend(specks(name, nested));
    if let Some(first) = nested.with(Role::Cavity).next() {
        let message = format!(
            "{name}: {} cavities of together {:.2} cm³ have no way out; resin or powder stays in them",
            matter.cavities,
            matter.trapped_mm3 / 1000.0
        );
        let remedy = "fill them before the surface is made (segment --cavities fill), or drill a drain hole";
        findings.push(
            Finding::new("trapped-volume", Severity::Note, message).at(first.place.to_array()).remedy(remedy),
        );
    }
    findings.extend(thin(name, "thin-walls", matter.min_wall, walls.share_below(LEAST_WALL), LEAST_WALL));
    findings.extend(thin(name, "narrow-gaps", matter.min_gap, gaps.share_below(LEAST_GAP), LEAST_GAP));
    Ok(matter)
}

/// What is told of pieces that are dust beside the largest.
fn specks(name: &str, nested: &Nesting) -> Option<Finding> {
    let pieces = || nested.with(Role::Body).map(|shell| (shell.volume, shell.place));
    let largest = pieces().map(|(volume, _)| volume).fold(0.0, f64::max);
    let limit = SPECK_MM3.min(SPECK_SHARE * largest);
    let small: Vec<_> = pieces().filter(|(volume, _)| *volume < limit).collect();
    let (_, first) = small.first()?;
    let message = format!(
        "{name}: {} of {} pieces of matter are below {limit:.1} mm³, dust that prints in the air or falls off",
        small.len(),
        pieces().count()
    );
    Some(
        Finding::new("specks", Severity::Caution, message)
            .measured(
                small.len() as f64,
                0.0,
                "pieces",
                "chosen: a ball of 4 mm, and a hundredth of the largest",
            )
            .at(first.to_array())
            .remedy(format!("osteon shape <file> --out mended.3mf --step \"at-least {limit:.1}\"")),
    )
}

/// What is told of walls or gaps below their limit.
fn thin(name: &str, code: &str, least: Option<Place>, share: f64, limit: f64) -> Option<Finding> {
    let least = least.filter(|least| least.mm < limit && share >= SPECK)?;
    let (what, remedy) = match code {
        "thin-walls" => {
            // Both sides of the wall move, by steps of 0.05 mm, and a little beyond the limit.
            let by = (((limit - least.mm) / 2.0 * 20.0).floor() + 1.0) / 20.0;
            let grow = format!(
                "osteon shape <file> --out mended.3mf --step \"offset {by:.2} voxel={:.2}\"",
                by / 2.0
            );
            let thicken = format!("osteon prepare <file> --out thicker.3mf --step \"thicken {limit}\"");
            (
                "wall",
                format!(
                    "choose a process that prints it; or thicken it there: {thicken}; or everywhere: {grow}"
                ),
            )
        }
        _ => ("gap", "widen it, or accept that it fuses in the print".to_owned()),
    };
    let message = format!(
        "{name}: the least {what} found is {:.2} mm; {:.1} % of the surface is below {limit} mm",
        least.mm,
        100.0 * share
    );
    let source = "chosen: the least common printing services accept";
    Some(
        Finding::new(code, Severity::Note, message)
            .measured(least.mm, limit, "mm", source)
            .at(least.at)
            .remedy(remedy),
    )
}

/// What two objects share above this is told, mm³. Chosen: faces of 50 cm² that lean on each other share as much when
/// a file rounds their corners to 0.00001 mm.
pub(super) const LEAST_SHARED: f64 = 0.05;

/// Most pairs of objects that are compared: with fifty fragments all pairs are.
const MOST_PAIRS: usize = 1300;

/// How the solids of a file lie to each other: overlap and gap of every pair whose boxes come near.
pub(crate) fn pairs(
    solids: &[(&str, &Solid)],
    findings: &mut Vec<Finding>,
    ctx: &Ctx,
) -> Result<Vec<PairCard>, Failure> {
    let trees = solids.iter().map(|(_, solid)| Bvh::new(solid.mesh(), ctx)).collect::<Result<Vec<_>, _>>()?;
    let boxes: Vec<_> = solids.iter().map(|(_, solid)| solid.mesh().bounds()).collect();
    let near = |a: usize, b: usize| {
        let apart = boxes[a].min.vec().max(boxes[b].min.vec()) - boxes[a].max.vec().min(boxes[b].max.vec());
        apart.max_element() <= APART
    };
    let all = (0..solids.len()).flat_map(|a| (a + 1..solids.len()).map(move |b| (a, b)));
    let mut close: Vec<(usize, usize)> = all.filter(|&(a, b)| near(a, b)).collect();
    if close.len() > MOST_PAIRS {
        let message =
            format!("{MOST_PAIRS} of {} pairs of objects that lie close were compared", close.len());
        findings.push(
            Finding::new("pairs-left-out", Severity::Caution, message)
                .remedy("check fewer objects at a time"),
        );
        close.truncate(MOST_PAIRS);
    }
    let mut cards = Vec::new();
    for (n, &(a, b)) in close.iter().enumerate() {
        ctx.done(n as f64 / close.len() as f64)?;
        let found = overlap((solids[a].1, &trees[a]), (solids[b].1, &trees[b]), ctx)?;
        let shared = match found.relation {
            // Boxes side by side can share matter though their faces only lean on each other.
            Relation::Overlapping | Relation::Touching => shared_volume(solids[a].1, solids[b].1, ctx)?,
            Relation::Apart => 0.0,
        };
        let names = [solids[a].0.to_owned(), solids[b].0.to_owned()];
        if shared > LEAST_SHARED {
            findings.push(overlapping(&names, shared, found.places[0]));
        }
        let at = found.places[0].to_array();
        cards.push(PairCard { objects: names, overlap_mm3: shared, gap_mm: found.gap, at });
    }
    Ok(cards)
}

fn overlapping([a, b]: &[String; 2], shared: f64, place: Point<Patient>) -> Finding {
    let message = format!("{a} and {b} overlap by {shared:.2} mm³");
    Finding::new("objects-overlap", Severity::Caution, message)
        .measured(shared, 0.0, "mm³", "volume of the intersection")
        .at(place.to_array())
        .remedy(
            "osteon shape <file> --out mended.3mf --step apart (what they share stays with the first), or --step join",
        )
}
