//! Runs a command: settings checked, case opened and locked, journal written, panics caught.

use crate::artefacts;
use crate::command::import;
use crate::failure::Failure;
use crate::registry::{Effect, Entry, Outcome, Registry};
use crate::schema;
use crate::session::{Kept, Session, Structures, kept};
use osteon_case::{Case, CasePath, Inputs, Sha256, Transaction, Work, Writer};
use osteon_core::{Ctx, ErrorKind, Explain, Mesh, Solid, Volume};
use osteon_io::dicom::Identity;
use osteon_plan::{Plan, Scene, Structure};
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// A command to be run, as a face puts it together.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Name of the command.
    pub command: String,
    /// Its settings.
    pub settings: Map<String, Value>,
    /// The case directory.
    pub case: PathBuf,
    /// Number of threads, if not all the machine has.
    pub threads: Option<usize>,
}

/// Runs a command to its end. Results do not depend on the number of threads.
pub fn run(registry: &Registry, request: &Request, ctx: &Ctx) -> Result<Outcome, Failure> {
    let threads = request.threads.unwrap_or_else(rayon::current_num_threads);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|trouble| {
        Failure::new(ErrorKind::Io, "no-threads", trouble.to_string(), "ask for fewer threads with --threads")
    })?;
    let mut session = Session::new(request.case.clone(), "operator".to_owned(), threads);
    pool.install(|| step(registry, &mut session, &request.command, &request.settings, ctx))
}

/// Runs one command of a session.
pub(crate) fn step(
    registry: &Registry,
    session: &mut Session,
    name: &str,
    settings: &Map<String, Value>,
    ctx: &Ctx,
) -> Result<Outcome, Failure> {
    let entry = registry.command(name)?;
    schema::check(settings, &entry.schema)?;
    let settings = &entry.complete(settings)?;
    let effect = entry.effect_with(settings)?;
    let guarded = catch_unwind(AssertUnwindSafe(|| match effect {
        Effect::Changes | Effect::Starts => change(registry, session, entry, settings, ctx),
        Effect::Reads => {
            let case = Case::open(&session.case)?;
            entry.run(settings, &mut Job::new(registry, session, Hold::Case(&case), ctx))
        }
        Effect::Tends | Effect::Composes => {
            entry.run(settings, &mut Job::new(registry, session, Hold::Nothing, ctx))
        }
    }));
    guarded.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("{name} stopped on a fault of its own: {}", text.unwrap_or("no further word"));
        let help = "the case is as it was before; please report this with the command and its settings";
        Err(Failure::new(ErrorKind::Numeric, "internal", message, help))
    })
}

fn change(
    registry: &Registry,
    session: &mut Session,
    entry: &Entry,
    settings: &Map<String, Value>,
    ctx: &Ctx,
) -> Result<Outcome, Failure> {
    let began = began();
    let prepared = entry.prepare(settings, session, ctx)?;
    let mut writer = open(session, entry.effect, prepared)?;
    let found_on_opening = writer.findings().to_vec();
    let mut command = Map::from_iter([("command".to_owned(), Value::from(entry.name))]);
    command.extend(settings.clone());
    let change = writer.transaction(Value::Object(command), Inputs::new())?;
    let mut job = Job::new(registry, session, Hold::Change(change), ctx);
    let mut outcome = entry.run(settings, &mut job)?;
    let Job { hold, inputs, noted, session, .. } = job;
    let Hold::Change(mut change) = hold else {
        return Ok(outcome);
    };
    ctx.check()?;
    change.set_inputs(inputs)?;
    for (setting, value) in noted {
        change.set_setting(&setting, value);
    }
    outcome.findings.extend(found_on_opening);
    let work = Work { findings: outcome.findings.clone(), took: began.elapsed(), threads: session.threads };
    change.commit(&session.stamp(), work)?;
    Ok(outcome)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the journal says how long a command took; no result depends on it"
)]
fn began() -> Instant {
    Instant::now()
}

/// Opens the case for writing; a command that starts a case makes one where there is none.
fn open(session: &Session, effect: Effect, draft: Option<osteon_case::Draft>) -> Result<Writer, Failure> {
    let dir = &session.case;
    match (effect, draft) {
        (Effect::Starts, Some(draft)) if !Case::exists(dir) => {
            Ok(Case::create(dir, &draft, &session.stamp())?)
        }
        _ => Ok(Case::open_for_writing(dir)?),
    }
}

/// What a running command holds of the case.
enum Hold<'a> {
    Nothing,
    Case(&'a Case),
    Change(Transaction<'a>),
}

/// A running command's view of the world: the case, what is in memory, progress.
pub struct Job<'a> {
    registry: &'a Registry,
    session: &'a mut Session,
    hold: Hold<'a>,
    inputs: Inputs,
    noted: Vec<(String, Value)>,
    ctx: Ctx,
}

impl<'a> Job<'a> {
    fn new(registry: &'a Registry, session: &'a mut Session, hold: Hold<'a>, ctx: &Ctx) -> Self {
        Self { registry, session, hold, inputs: Inputs::new(), noted: Vec::new(), ctx: ctx.clone() }
    }

    /// Progress, cancellation and seed.
    pub const fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// All commands and procedures.
    pub const fn registry(&self) -> &'a Registry {
        self.registry
    }

    /// What is kept in memory.
    pub const fn session(&mut self) -> &mut Session {
        self.session
    }

    /// Runs another command of the same session, as a part of this one.
    pub fn then(&mut self, name: &str, settings: Value, ctx: &Ctx) -> Result<Outcome, Failure> {
        let settings = match settings {
            Value::Object(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            _ => Map::new(),
        };
        step(self.registry, self.session, name, &settings, ctx)
    }

    /// The case as it was before this command.
    pub fn case(&self) -> Result<&Case, Failure> {
        match &self.hold {
            Hold::Case(case) => Ok(case),
            Hold::Change(change) => Ok(change.case()),
            Hold::Nothing => Err(Failure::new(
                ErrorKind::Missing,
                "no-case",
                "this command has no case",
                "name one with --case",
            )),
        }
    }

    /// Notes that the result depends on this content, under this name.
    pub fn depends_on(&mut self, name: &str, hash: Sha256) {
        self.inputs.insert(name.to_owned(), hash);
    }

    /// Writes a setting into the journal in this form, instead of as it was given.
    pub fn journal_as(&mut self, setting: &str, value: impl Into<Value>) {
        self.noted.push((setting.to_owned(), value.into()));
    }

    /// Says in which frame of reference everything of the case lies.
    pub fn set_frame_of_reference(&mut self, uid: &str) -> Result<(), Failure> {
        if let Hold::Change(change) = &mut self.hold {
            change.set_frame_of_reference(uid)?;
        }
        Ok(())
    }

    /// Writes whose images they are, and where they lie, into `identity.toml`: the only place for both.
    pub fn remember_source(
        &mut self,
        identity: &Identity,
        token: &str,
        folder: &Path,
    ) -> Result<(), Failure> {
        let Hold::Change(change) = &mut self.hold else {
            return Ok(());
        };
        let before = change.case().identity()?.unwrap_or_default();
        let mut table: toml::Table = before.parse().unwrap_or_default();
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let sources = table.entry("sources").or_insert_with(|| toml::Table::new().into());
        if let Some(sources) = sources.as_table_mut() {
            sources.insert(
                token.trim_start_matches('@').to_owned(),
                folder.to_string_lossy().into_owned().into(),
            );
        }
        if let Ok(patient) = toml::Table::try_from(identity) {
            table.insert("patient".to_owned(), patient.into());
        }
        Ok(change.set_identity(&table.to_string())?)
    }

    /// True when the case has this artefact.
    pub fn has(&self, path: &str) -> bool {
        CasePath::new(path).is_ok_and(|path| self.case().is_ok_and(|case| case.hash(&path).is_some()))
    }

    /// The hash of an artefact this command depends on; a missing one names the command that makes it.
    pub fn needs(&mut self, path: &str) -> Result<Sha256, Failure> {
        let name = CasePath::new(path)?;
        let Some(hash) = self.case()?.hash(&name) else {
            let help = match path {
                artefacts::IMAGE | artefacts::SOURCE => "import a scan first: osteon import <folder>",
                artefacts::LABELS => "segment the image first: osteon segment",
                artefacts::PLAN => "propose a plan first: osteon propose bone-model",
                _ => "make the products first: osteon make",
            };
            return Err(Failure::new(
                ErrorKind::Missing,
                "no-artefact",
                format!("the case has no {path} yet"),
                help,
            ));
        };
        self.depends_on(path, hash);
        Ok(hash)
    }

    /// The content of an artefact this command depends on.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>, Failure> {
        self.needs(path)?;
        Ok(self.case()?.read_watched(&CasePath::new(path)?, &self.ctx)?)
    }

    /// Writes an artefact; it takes effect with the command's journal line.
    pub fn write(
        &mut self,
        path: &str,
        content: impl FnOnce(&mut dyn Write, &Ctx) -> Result<(), Failure>,
    ) -> Result<Sha256, Failure> {
        let Hold::Change(change) = &mut self.hold else {
            let help = "please report this: a reading command tried to write";
            return Err(Failure::new(
                ErrorKind::Io,
                "internal",
                format!("{path} cannot be written here"),
                help,
            ));
        };
        let mut out = Watched { out: change.write(&CasePath::new(path)?)?, trouble: None };
        let written = content(&mut out, &self.ctx);
        match out.trouble {
            Some(trouble) => Err(trouble),
            None => written.and_then(|()| Ok(out.out.finish()?)),
        }
    }

    /// Writes an artefact at once.
    pub fn write_bytes(&mut self, path: &str, bytes: &[u8]) -> Result<Sha256, Failure> {
        self.write(path, |out, _| {
            // What the case said is told by `Watched`, with the file; this is for what it did not say.
            let help = "check the disk and run the command again";
            out.write_all(bytes).map_err(|e| Failure::new(ErrorKind::Io, "case-io", e.to_string(), help))
        })
    }

    /// Writes a record as readable JSON.
    pub fn write_record(&mut self, path: &str, record: &impl Serialize) -> Result<Sha256, Failure> {
        let text = serde_json::to_string_pretty(record).map_err(|e| {
            let message = format!("{path} cannot be written down: {e}");
            Failure::new(ErrorKind::Numeric, "internal", message, "please report this")
        })?;
        self.write_bytes(path, (text + "\n").as_bytes())
    }

    /// The image of the case.
    pub fn volume(&mut self) -> Result<Arc<Volume<i16>>, Failure> {
        let hash = self.needs(artefacts::IMAGE)?;
        self.keep(
            |s| &mut s.volume,
            hash,
            artefacts::IMAGE,
            |bytes, ctx| Ok(osteon_io::nrrd::read_volume(bytes, ctx)?),
        )
    }

    /// The structures of the case.
    pub fn structures(&mut self) -> Result<Arc<Structures>, Failure> {
        let hash = self.needs(artefacts::LABELS)?;
        self.keep(
            |s| &mut s.structures,
            hash,
            artefacts::LABELS,
            |bytes, ctx| {
                let (_, segments) = osteon_io::nrrd::read_segments(bytes, ctx)?;
                let named = segments.into_iter().map(|s| Ok((s.name.parse()?, s.mask.into_owned())));
                named.collect::<Result<Structures, osteon_plan::UnknownStructure>>().map_err(Failure::from)
            },
        )
    }

    /// The solid of a model of the plan.
    pub fn solid(&mut self, item: &str) -> Result<Arc<Solid>, Failure> {
        let path = artefacts::product(item, "ply");
        let hash = self.needs(&path)?;
        self.keep(
            |s| s.solids.entry(item.to_owned()).or_default(),
            hash,
            &path,
            |bytes, ctx| {
                let mesh = first_mesh(osteon_io::ply::read(bytes, ctx)?);
                Solid::proven(mesh, ctx)?.map_err(|not| {
                    let help = "run osteon verify, and osteon make to make it again";
                    Failure::new(ErrorKind::Numeric, "not-solid", not.to_string(), help)
                })
            },
        )
    }

    /// The plan of the case, with every reference resolved.
    pub fn plan(&mut self) -> Result<Plan, Failure> {
        let bytes = self.read(artefacts::PLAN)?;
        let plan = Plan::parse(&String::from_utf8_lossy(&bytes))?;
        plan.resolve(&self.scene()?)?;
        Ok(plan)
    }

    /// What is known about the patient.
    pub fn scene(&mut self) -> Result<Scene, Failure> {
        let structures = self.structures()?;
        let source = import::source(&self.read(artefacts::SOURCE)?)?;
        let slabs = import::unmeasured(&source);
        let facts = structures.iter().filter_map(|(id, mask)| Structure::of(id.clone(), mask, &slabs));
        let side = import::side(&source);
        let frame = self.case()?.description().frame_of_reference.clone();
        Ok(Scene { structures: facts.collect(), side, frame })
    }

    fn keep<T>(
        &mut self,
        slot: impl Fn(&mut Session) -> &mut Kept<T>,
        hash: Sha256,
        path: &str,
        read: impl FnOnce(&[u8], &Ctx) -> Result<T, Failure>,
    ) -> Result<Arc<T>, Failure> {
        if let Some(thing) = kept(slot(self.session), hash) {
            return Ok(thing);
        }
        let bytes = self.case()?.read_watched(&CasePath::new(path)?, &self.ctx)?;
        let thing = Arc::new(read(&bytes, &self.ctx)?);
        *slot(self.session) = Some((hash, Arc::clone(&thing)));
        Ok(thing)
    }
}

/// The only mesh of a file of ours.
fn first_mesh(file: osteon_io::mesh_file::MeshFile) -> Mesh {
    file.meshes.into_iter().next().map(|named| named.mesh).unwrap_or_default()
}

/// A writer that remembers what the case said was wrong, which a format's own error would forget.
struct Watched<W> {
    out: W,
    trouble: Option<Failure>,
}

impl<W: Write> Watched<W> {
    fn watch<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| match error.downcast::<osteon_case::CaseError>() {
            Ok(trouble) => {
                let said = io::Error::other(trouble.to_string());
                self.trouble.get_or_insert(Failure::new(
                    trouble.kind(),
                    trouble.code(),
                    trouble.to_string(),
                    trouble.help(),
                ));
                said
            }
            Err(error) => error,
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.watch(result)
    }
    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.watch(result)
    }
}
