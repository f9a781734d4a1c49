//! What the journal of a state folder says, for commands that only read.
//!
//! In: a state folder. Out: its one account, finished days, what was said. Invariant: takes no lease and no lock, so
//! that it works beside a running engine.

use crate::book::DAY_CLOSED;
use crate::cli::Global;
use crate::failure::Failure;
use crate::settings::{self, Loaded};
use console::DayReport;
use jiff::civil::Date;
use journal::{Journal, StoredEvent};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// A journal opened for reading, with the one account in it.
pub struct Records {
    pub journal: Journal,
    pub account: String,
    /// The configuration asked for on the command line.
    pub loaded: Loaded,
}

/// The part of a `day_closed` body that people read.
#[derive(Deserialize)]
struct Closed {
    report: DayReport,
}

impl Records {
    pub async fn open(global: &Global) -> Result<Records, Failure> {
        let dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
        let loaded = settings::load(global.config.as_deref())?;
        let place = loaded.settings.journal.place(&dir).map_err(Failure::Usage)?;
        let journal = Journal::open_to_ask(place).await?;
        let mut accounts = journal.accounts().await?;
        match (accounts.pop(), accounts.is_empty()) {
            (Some(account), true) => Ok(Records { journal, account, loaded }),
            (None, _) => Err(Failure::Usage(format!(
                "nothing was ever recorded in {}: run a day first, or name another folder with --state-dir",
                dir.display()
            ))),
            (Some(_), false) => Err(Failure::Usage(format!(
                "{} holds the journals of several accounts; one state folder belongs to one account",
                dir.display()
            ))),
        }
    }

    /// Every finished day, oldest first.
    pub async fn days(&self) -> Result<Vec<DayReport>, Failure> {
        let closed = self.journal.events_of_kind(&self.account, DAY_CLOSED).await?;
        closed.iter().map(|event| body::<Closed>(event).map(|closed| closed.report)).collect()
    }

    /// The days that finished after a date, oldest first; every one without it.
    pub async fn days_after(&self, date: Option<&str>) -> Result<Vec<DayReport>, Failure> {
        let Some(date) = date else { return self.days().await };
        let mut days = Vec::new();
        for later in self.journal.days(&self.account).await?.into_iter().filter(|later| later.as_str() > date) {
            let day = later.parse().map_err(|error| Failure::Journal(format!("{later}: {error}")))?;
            days.extend(self.day_closed(day).await?.map(|(_, report)| report));
        }
        Ok(days)
    }

    /// The report of a finished date, with its sequence number.
    pub async fn day_closed(&self, date: Date) -> Result<Option<(i64, DayReport)>, Failure> {
        let events = self.journal.events(&self.account, date).await?;
        let closed = events.iter().rfind(|event| event.kind == DAY_CLOSED);
        closed.map(|event| body::<Closed>(event).map(|closed| (event.seq, closed.report))).transpose()
    }

    /// The last finished day with its sequence number.
    pub async fn last_day(&self) -> Result<Option<(i64, DayReport)>, Failure> {
        let closed = self.journal.last_of_kind(&self.account, DAY_CLOSED).await?;
        closed.map(|event| body::<Closed>(&event).map(|closed| (event.seq, closed.report))).transpose()
    }

    /// The last finished day, or why there is none to show.
    pub async fn finished(&self) -> Result<DayReport, Failure> {
        self.last_day().await?.map(|(_, day)| day).ok_or_else(|| {
            Failure::Usage("no day is finished yet: `abstractfinance status` shows where the engine is".into())
        })
    }
}

/// The typed body of a record.
pub fn body<T: DeserializeOwned>(event: &StoredEvent) -> Result<T, Failure> {
    serde_json::from_str(&event.body).map_err(|error| {
        Failure::Journal(format!("record {} ({}@{}) cannot be read: {error}", event.seq, event.kind, event.version))
    })
}
