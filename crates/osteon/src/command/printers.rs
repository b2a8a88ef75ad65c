//! `printers`: which printers there are to print for.

use crate::failure::Failure;
use crate::job::Job;
use crate::printing::folders;
use crate::registry::{Command, Effect, Outcome};
use osteon_print::resin::resin_printers;
use osteon_print::{PrintError, vendor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// List the printers there are to print for
///
/// The built-in ones for filament and resin, and those of the makers' profiles that are installed with PrusaSlicer and Cura, as `print` and
/// `slice` take them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Printers {
    /// Only printers whose name holds this
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-position" = 1))]
    pub find: Option<String>,
    /// Folder of the makers' profiles or Cura's definitions, if they are not where they usually are
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<String>,
}

impl Command for Printers {
    const NAME: &'static str = "printers";
    const EFFECT: Effect = Effect::Composes;

    fn run(&self, _job: &mut Job<'_>) -> Result<Outcome, Failure> {
        let folders = folders(self.resources.as_deref());
        let mut named: Vec<(String, String)> =
            osteon_print::printers().into_iter().map(|p| (p.name, p.title)).collect();
        named.extend(resin_printers().into_iter().map(|p| (p.name, p.title)));
        let mut messages = Vec::new();
        // What is not installed is no failure: the rest can still be printed for.
        let installed = |list: Result<Vec<(String, String)>, PrintError>, messages: &mut Vec<String>| {
            list.unwrap_or_else(|error| {
                messages.push(error.to_string());
                Vec::new()
            })
        };
        let prusa = installed(vendor::prusa::list(&folders), &mut messages);
        named.extend(prusa.into_iter().map(|(maker, name)| (format!("prusa:{name}"), maker)));
        let cura = installed(vendor::cura::list(&folders), &mut messages);
        named.extend(cura.into_iter().map(|(file, name)| (format!("cura:{file}"), name)));
        if let Some(find) = &self.find {
            let find = find.to_lowercase();
            named.retain(|(name, title)| format!("{name} {title}").to_lowercase().contains(&find));
        }
        let summary = named.iter().map(|(name, title)| format!("{name}  ({title})")).collect();
        let data = json!(named.iter().map(|(n, t)| json!({ "name": n, "title": t })).collect::<Vec<_>>());
        Ok(Outcome { summary, messages, data, ..Outcome::default() })
    }
}
