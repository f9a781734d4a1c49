//! `state export`, `state import`: the account as one file.
//!
//! In: the last finished day, or a file. Out: the file, or books in an empty state folder. Invariant: a file that
//! contradicts itself or the configuration opens nothing, and every contradiction is told at once.

use super::records::{Records, body};
use super::show;
use crate::book::{BOOK_IMPORTED, Closed, DAY_CLOSED};
use crate::calendars;
use crate::cli::Global;
use crate::failure::Failure;
use crate::settings;
use crate::state_file::StateFile;
use crate::state_file::exchange::{exported, imported};
use crate::state_file::reasons::{Reality, Reason, reasons};
use crate::world::{Engaged, Ground, StateFolder};
use jiff::Timestamp;
use journal::Takeover;
use ports::{Journal, Record};
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub async fn import(global: &Global, path: &Path) -> Result<(), Failure> {
    let unreadable = |why: String| Failure::Usage(format!("{} is no portfolio_state.json: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let file: StateFile = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let loaded = settings::load(global.config.as_deref())?;
    let calendars = calendars::built_in(|_| true);
    let reasons = reasons(&file, Reality { instruments: &loaded.instruments, calendars: &calendars });
    if reasons.is_empty() {
        let opened = open_books(global, &file).await;
        opened.map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))?;
    }
    show(match global.json {
        true => format!("{}\n", serde_json::json!({ "accepted": reasons.is_empty(), "reasons": reasons })),
        false => listed(path, &reasons),
    })?;
    match reasons.len() {
        0 => Ok(()),
        count => {
            Err(Failure::Halted(format!("{} was refused for {count} reasons; nothing was opened", path.display())))
        }
    }
}

/// Writes the books into a state folder nobody has used.
async fn open_books(global: &Global, file: &StateFile) -> Result<(), Failure> {
    let unusable = |why: String| Failure::Usage(why);
    let date = file.date().ok_or_else(|| unusable("last_update is no date".into()))?;
    let ground = Ground::new(global, Some(date), 1)?;
    let book = imported(file, &ground.loaded, (*ground.universe).clone()).map_err(unusable)?;
    let dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    let folder = StateFolder::open(&dir, &ground.loaded.settings).await?;
    let Engaged { mut journal, .. } = folder.engage(ground.account(), Takeover::OfTheDead).await?;
    if journal.latest(DAY_CLOSED).await?.is_some() || journal.latest(BOOK_IMPORTED).await?.is_some() {
        return Err(unusable(format!("{} has books already; name an empty folder with --state-dir", dir.display())));
    }
    let body = serde_json::to_string(&book).expect("plain data");
    let record = Record { kind: BOOK_IMPORTED, version: 1, order_ref: None, at: Timestamp::now(), body };
    journal.append(date, &[record]).await?;
    journal.close().await?;
    Ok(())
}

fn listed(path: &Path, reasons: &[Reason]) -> String {
    let mut text = String::new();
    for (index, Reason { code, sentence }) in reasons.iter().enumerate() {
        writeln!(text, "{:>2}. {code}: {sentence}", index + 1).expect("writing to a string cannot fail");
    }
    if reasons.is_empty() {
        writeln!(text, "{} contradicts neither itself nor the configuration: books are opened from it", path.display())
            .expect("writing to a string cannot fail");
    }
    text
}

pub async fn export(global: &Global) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let Some(last) = records.journal.last_of_kind(&records.account, DAY_CLOSED).await? else {
        return Err(Failure::Usage("no day is finished yet: there is nothing to export".into()));
    };
    let days = records.days().await?;
    let first = days.first().and_then(|day| day.date.parse().ok());
    let ground = Ground::new(global, first, u32::try_from(days.len()).unwrap_or(u32::MAX))?;
    let closed: Closed = body(&last)?;
    // Options are listed day by day; those of the books are in no table.
    let mut universe = (*ground.universe).clone();
    universe.list_named(closed.book.contracts.iter().map(String::as_str));
    let book = closed.book.rekeyed(&universe).map_err(|error| Failure::Usage(error.to_string()))?;
    let closed = Closed { book, report: closed.report };
    let at = Timestamp::from_microsecond(last.at_us).unwrap_or_default();
    let file = exported(&closed, &days, at, &universe).map_err(Failure::Usage)?;
    show(format!("{}\n", serde_json::to_string_pretty(&file).expect("plain data")))
}
