//! `config check|schema|show`.
//!
//! In: the configuration folder. Out: a verdict, a schema, or the values in force. Invariant: reads
//! exactly what a run would read.

use crate::cli::Global;
use crate::failure::Failure;
use crate::settings;

pub fn check(global: &Global) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    println!("settings: {}, instruments: {}: good", loaded.sources.settings, loaded.sources.instruments);
    Ok(())
}

pub fn schema() -> Result<(), Failure> {
    println!("{}", pretty(&settings::schema()));
    Ok(())
}

pub fn show(global: &Global) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    let value: serde_json::Value = serde_json::from_str(&loaded.canonical_json()).expect("just written");
    println!("{}", pretty(&value));
    Ok(())
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain data")
}
