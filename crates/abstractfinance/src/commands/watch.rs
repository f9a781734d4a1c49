//! `status --watch`: the dashboard's essentials in a terminal.
//!
//! In: a state folder. Out: a page whenever the journal grew, until Ctrl-C; with `--json` a document a line. Invariant: the
//! same reading of the journal as the dashboard; nothing is cleared where the output is no terminal.

use super::dashboard::until_told;
use super::show;
use crate::cli::Global;
use crate::dashboard::JournalDesk;
use crate::failure::Failure;
use console::account::watched;
use console::dashboard::{Desk, Unanswered};
use std::io::{IsTerminal, stdout};
use std::time::Duration;

/// How often the journal is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// To the top left, and away with what was there.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub async fn watch(global: &Global) -> Result<(), Failure> {
    let desk = JournalDesk::new(global.clone(), None);
    tokio::select! {
        told = until_told() => told,
        ended = follow(global, &desk) => ended,
    }
}

async fn follow(global: &Global, desk: &JournalDesk) -> Result<(), Failure> {
    let mut shown = String::new();
    loop {
        let view = desk.view().await.map_err(|Unanswered(why)| Failure::Journal(why))?;
        let page = match global.json {
            true => format!("{}\n", serde_json::json!({ "status": view.status, "live": view.live })),
            false => watched(&view),
        };
        if page != shown {
            let clear = if stdout().is_terminal() && !global.json { CLEAR } else { "" };
            show(format!("{clear}{page}"))?;
            shown = page;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
