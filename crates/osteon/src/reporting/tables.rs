//! The tables of a report: measures, labels, approvals, error budget, and what a level asks for.

use crate::command::make::Made;
use crate::failure::Failure;
use crate::reporting::approvals::{Approval, State};
use crate::reporting::levels::{self, Level, Records, Standing};
use crate::reporting::words::{Facts, Item, structure};
use osteon_report::code::scannable;
use osteon_report::number::{Quantity, area, distance, volume};
use osteon_report::{Cell, Language, Listing, Measure, Table, Texts, Tone};

/// Median of the largest mean deviations that were published for printing alone, mm [schulze-2024].
const PUBLISHED_PRINT: f64 = 0.26;

fn row(name: String, value: Quantity, source: String) -> Measure {
    Measure { name, value, source }
}

fn mm(value: f64) -> Quantity {
    Quantity { value: format!("{value:.2}"), unit: "mm".to_owned() }
}

/// The measures a person takes again with callipers.
pub(crate) fn key_measures(item: &Item, texts: Texts) -> Table {
    let mut rows = sizes(&item.made, texts);
    rows.extend(known(item, texts));
    Table { title: titled("table.measures", item, texts), rows }
}

fn titled(key: &str, item: &Item, texts: Texts) -> String {
    texts.say_with(key, &[("item", &item.model.id)])
}

fn sizes(made: &Made, texts: Texts) -> Vec<Measure> {
    let [x, y, z] = made.size;
    let along = || texts.say("by.box");
    vec![
        row(texts.say("measure.width"), distance(x), along()),
        row(texts.say("measure.depth"), distance(y), along()),
        row(texts.say("measure.height"), distance(z), along()),
        row(texts.say("measure.volume"), volume(made.volume), texts.say("by.divergence")),
    ]
}

fn known(item: &Item, texts: Texts) -> Option<Measure> {
    let known = item.made.accuracy.as_ref()?;
    let line = Quantity::plain(texts.phrase(&known.uncertainty.line));
    Some(row(texts.say("measure.known"), line, texts.say("by.budget")))
}

/// All measures of a product.
pub(crate) fn measures(item: &Item, texts: Texts) -> Table {
    let made = &item.made;
    let mut rows = sizes(made, texts);
    rows.push(row(texts.say("measure.surface"), area(made.area), texts.say("by.triangles")));
    rows.push(row(texts.say("measure.triangles"), Quantity::plain(made.triangles), texts.say("by.count")));
    rows.push(row(texts.say("measure.pieces"), Quantity::plain(made.pieces), texts.say("by.count")));
    if let Some(known) = &made.accuracy {
        let meet = Quantity::plain(known.self_intersections);
        rows.push(row(texts.say("measure.meet"), meet, texts.say("by.predicates")));
    }
    rows.extend(known(item, texts));
    if let (Some(face), Some(height)) = (&made.marked_on, made.letter_height) {
        let faces: Vec<String> = face.split(", ").map(|face| texts.phrase(&format!("{face} side"))).collect();
        let face = faces.join(if texts.language() == Language::Chinese { "、" } else { ", " });
        let text = format!("{} ({face})", made.marks.join(" | "));
        rows.push(row(texts.say("measure.marks"), Quantity::plain(text), texts.say("by.reread")));
        rows.push(row(texts.say("measure.letters"), distance(height), "data/model-marks.toml".to_owned()));
    }
    Table { title: titled("table.measures", item, texts), rows }
}

/// What is known of a product's print.
pub(crate) fn printed(item: &Item, texts: Texts) -> Option<Table> {
    let printed = item.printed.as_ref()?;
    let read = || texts.say("by.gcode");
    let one = |value: f64, unit: &str| Quantity { value: format!("{value:.1}"), unit: unit.to_owned() };
    let mut rows = vec![
        row(texts.say("print.printer"), Quantity::plain(&printed.printer), texts.say("by.profile")),
        row(texts.say("print.layers"), Quantity::plain(printed.layers), read()),
        row(texts.say("print.layer"), mm(printed.layer.value()), texts.say("by.profile")),
        row(texts.say("print.material"), one(printed.grams, "g"), read()),
        row(texts.say("print.side"), Quantity::plain(texts.phrase(&printed.hand)), texts.say("by.outlines")),
    ];
    if let Some(deviation) = printed.deviation {
        rows.push(row(texts.say("print.outline"), mm(deviation), read()));
    }
    if let Some(seconds) = printed.seconds {
        rows.push(row(texts.say("print.time"), one(seconds / 3600.0, "h"), texts.say("by.slicer")));
    }
    Some(Table { title: titled("table.print", item, texts), rows })
}

/// Each product's code and marks, and a picture of the code to be scanned.
pub(crate) fn labels(facts: &Facts, texts: Texts) -> Listing {
    let mut rows = Vec::new();
    let mut figures = Vec::new();
    for item in &facts.items {
        let marks =
            if item.made.marks.is_empty() { texts.say("label.none") } else { item.made.marks.join(" | ") };
        rows.push(vec![
            Cell::new(Tone::Plain, &item.model.id),
            Cell::new(Tone::Strong, &item.code),
            Cell::new(Tone::Plain, marks),
            Cell::new(Tone::Fine, &item.hash),
        ]);
        let text = format!("osteon:{}/{}/{}/{}", facts.case_id, item.model.id, item.code, item.hash);
        let caption = format!("{} {}", item.model.id, item.code);
        // A text that is too long for a code is still in the table.
        figures.extend(scannable(&text, &caption));
    }
    Listing {
        title: texts.say("section.labels"),
        note: texts.say("label.note"),
        head: vec![
            texts.say("label.item"),
            texts.say("label.code"),
            texts.say("label.marks"),
            texts.say("label.hash"),
        ],
        shares: vec![2.0, 1.6, 3.4, 3.6],
        rows,
        figures,
    }
}

/// Who approved what, and whether it still is that.
pub(crate) fn approvals(all: &[Approval], texts: Texts) -> Listing {
    let row = |approval: &Approval| {
        let (tone, state) = match &approval.state {
            State::Holds => (Tone::Good, texts.say("approval.holds")),
            State::Stale(changed) => {
                let changed = changed.join(&texts.say("list.comma"));
                (Tone::Bad, texts.say_with("approval.stale", &[("changed", &changed)]))
            }
            State::Withdrawn(on) => (Tone::Look, texts.say_with("approval.withdrawn", &[("date", on)])),
        };
        let role = texts.say(&format!("role.{}", approval.role.name()));
        vec![
            Cell::new(Tone::Strong, &approval.by),
            Cell::new(Tone::Plain, role),
            Cell::new(Tone::Plain, approval.items.join(&texts.say("list.comma"))),
            Cell::new(Tone::Plain, &approval.on),
            Cell::new(tone, state),
            Cell::new(Tone::Aside, &approval.note),
        ]
    };
    let note = if all.is_empty() { texts.say("approval.none") } else { texts.say("approval.note") };
    Listing {
        title: texts.say("section.approvals"),
        note,
        head: vec![
            texts.say("approval.who"),
            texts.say("approval.role"),
            texts.say("approval.items"),
            texts.say("approval.date"),
            texts.say("approval.state"),
            texts.say("approval.remark"),
        ],
        shares: vec![2.2, 1.5, 1.8, 1.4, 2.4, 2.2],
        rows: all.iter().map(row).collect(),
        figures: Vec::new(),
    }
}

/// From scan to printed part: what each step adds to the error.
pub(crate) fn budget(item: &Item, texts: Texts) -> Listing {
    let line = |term: String, value: String, method: String, tone: Tone| {
        vec![Cell::new(Tone::Plain, term), Cell::new(tone, value), Cell::new(Tone::Aside, method)]
    };
    let open = || texts.say("budget.open");
    let mut rows = Vec::new();
    let known = item.made.accuracy.as_ref();
    if let Some(known) = known {
        let (u, e) = (&known.uncertainty, &known.editing_error);
        let numbers = [format!("{:+.2}", u.mean_bias), format!("{:.2}", u.mean_u95)];
        let surface = texts.say_with("budget.surface-value", &[("bias", &numbers[0]), ("u95", &numbers[1])]);
        let numbers = [format!("{:.3}", e.mean), format!("{:.3}", e.p95)];
        let edit = texts.say_with("budget.edit-value", &[("mean", &numbers[0]), ("p95", &numbers[1])]);
        let proven = match e.certified {
            Some(mm) => texts.say_with("budget.proven", &[("mm", &format!("{mm:.3}"))]),
            None => texts.say("budget.sampled"),
        };
        let unresolved = format!("{:.1}", u.unresolved);
        rows.push(line(
            texts.say("budget.scan"),
            texts.phrase(&known.scan),
            texts.say("by.edges"),
            Tone::Plain,
        ));
        rows.push(line(texts.say("budget.surface"), surface, texts.say("by.budget"), Tone::Strong));
        let thin = texts.say_with("budget.thin-value", &[("percent", &unresolved)]);
        rows.push(line(texts.say("budget.thin"), thin, texts.say("by.budget"), Tone::Plain));
        rows.push(line(texts.say("budget.edit"), edit, proven, Tone::Strong));
        let file = texts.say_with("budget.within", &[("mm", &format!("{:.2}", u.within))]);
        rows.push(line(texts.say("budget.file"), file, texts.say("budget.file-by"), Tone::Strong));
    }
    let deviation = item.printed.as_ref().and_then(|printed| printed.deviation);
    let sliced = deviation.map_or_else(open, |mm| format!("{mm:.2} mm"));
    let tone = if deviation.is_some() { Tone::Strong } else { Tone::Look };
    rows.push(line(texts.say("budget.sliced"), sliced, texts.say("by.gcode"), tone));
    let published = texts.say_with("budget.published", &[("mm", &format!("{PUBLISHED_PRINT:.2}"))]);
    rows.push(line(texts.say("budget.print"), open(), published, Tone::Look));
    if let (Some(known), Some(deviation)) = (known, deviation) {
        // Independent of each other: their squares add up. Chosen: the outline's deviation counts as a 95 % term.
        let total = (known.uncertainty.within.powi(2) + deviation.powi(2)).sqrt();
        let total = texts.say_with("budget.within", &[("mm", &format!("{total:.2}"))]);
        rows.push(line(texts.say("budget.total"), total, texts.say("budget.total-by"), Tone::Strong));
    }
    Listing {
        title: texts.say_with("section.budget", &[("name", &structure(&item.model, texts))]),
        note: texts.say("budget.note"),
        head: vec![texts.say("budget.term"), texts.say("column.value"), texts.say("column.source")],
        shares: vec![2.6, 3.4, 3.4],
        rows,
        figures: Vec::new(),
    }
}

/// What the product's level and purpose ask for, and what of it is done.
pub(crate) fn level(facts: &Facts, item: &Item, texts: Texts) -> Result<Listing, Failure> {
    let records = Records {
        made: &item.made,
        checks: item.checks.as_deref(),
        printed: item.printed.as_ref(),
        findings: &facts.findings,
        approvals: &facts.approvals,
    };
    // Every item of today's plans is a model.
    let wanted = levels::requirements(Level::Model)?;
    let rows = wanted.iter().map(|one| {
        let (tone, word) = match levels::standing(one, &records, facts.purpose) {
            Standing::Done => (Tone::Good, texts.say("level.done")),
            Standing::Open => (Tone::Bad, texts.say("level.open")),
            Standing::Person => (Tone::Look, texts.say("level.person")),
            Standing::NotAsked => (Tone::Aside, texts.say("level.not-asked")),
        };
        vec![
            Cell::new(Tone::Plain, texts.choose(&one.what)),
            Cell::new(tone, word),
            Cell::new(Tone::Aside, texts.choose(&one.source)),
        ]
    });
    let purpose = texts.say(&format!("purpose.{}", facts.purpose.name()));
    Ok(Listing {
        title: titled("section.level", item, texts),
        note: texts.say_with("level.note", &[("purpose", &purpose)]),
        head: vec![texts.say("level.what"), texts.say("level.standing"), texts.say("level.source")],
        shares: vec![4.2, 1.6, 3.4],
        rows: rows.collect(),
        figures: Vec::new(),
    })
}
