//! `config check|schema|show`.
//!
//! In: the configuration folder. Out: a verdict, a schema, or the values in force. Invariant: reads
//! exactly what a run would read, the catalogues of fundamentals among it.

use super::show;
use crate::cli::Global;
use crate::failure::Failure;
use crate::fundamentals;
use crate::settings::{self, ConfigError, Loaded, Refusal};
use serde_json::{Value, json};

pub fn check(global: &Global) -> Result<(), Failure> {
    let outcome = settings::load(global.config.as_deref());
    let read = outcome.as_ref().map_or(Ok(()), fundamentals::readable);
    if global.json {
        show(format!("{}\n", verdict(&outcome, &read)))?;
    }
    let sources = outcome?.sources;
    read?;
    match global.json {
        true => Ok(()),
        false => show(format!("settings: {}, instruments: {}: good\n", sources.settings, sources.instruments)),
    }
}

fn verdict(outcome: &Result<Loaded, ConfigError>, read: &Result<(), Failure>) -> Value {
    let told = |refusal: &Refusal| {
        let Refusal { file, line, column, problem, remedy, .. } = refusal;
        json!({ "file": file, "line": line, "column": column, "problem": problem, "remedy": remedy })
    };
    // What has no place in a file has the same keys all the same: whoever reads them need not ask first.
    let placeless =
        |problem: String| json!({ "file": null, "line": 0, "column": 0, "problem": problem, "remedy": null });
    match (outcome, read) {
        (Ok(Loaded { sources, .. }), Ok(())) => json!({
            "good": true,
            "settings": sources.settings.to_string(),
            "instruments": sources.instruments.to_string(),
        }),
        (Err(ConfigError::Refused(refusals)), _) => {
            json!({ "good": false, "refusals": refusals.iter().map(told).collect::<Vec<_>>() })
        }
        (Err(other), _) => json!({ "good": false, "refusals": [placeless(other.to_string())] }),
        (_, Err(unread)) => json!({ "good": false, "refusals": [placeless(unread.to_string())] }),
    }
}

pub fn schema() -> Result<(), Failure> {
    print(&settings::schema())
}

pub fn in_force(global: &Global) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    let value: Value = serde_json::from_str(&loaded.canonical_json()).expect("just written");
    print(&value)
}

fn print(value: &impl serde::Serialize) -> Result<(), Failure> {
    show(serde_json::to_string_pretty(value).expect("plain data") + "\n")
}
