//! `config check|schema|show`.
//!
//! In: the configuration folder. Out: a verdict, a schema, or the values in force. Invariant: reads
//! exactly what a run would read.

use super::show;
use crate::cli::Global;
use crate::failure::Failure;
use crate::settings;

pub fn check(global: &Global) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    show(format!("settings: {}, instruments: {}: good\n", loaded.sources.settings, loaded.sources.instruments))
}

pub fn schema() -> Result<(), Failure> {
    print(&settings::schema())
}

pub fn in_force(global: &Global) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    let value: serde_json::Value = serde_json::from_str(&loaded.canonical_json()).expect("just written");
    print(&value)
}

fn print(value: &impl serde::Serialize) -> Result<(), Failure> {
    show(serde_json::to_string_pretty(value).expect("plain data") + "\n")
}
