//! `screen`: why these stocks.
//!
//! In: a state folder, a date. Out: ranks and scores of the last screen up to that date. Invariant: computed anew from
//! the recorded candidates by the function that chose, so what is shown is what the journal proves.

use super::records::Records;
use super::show;
use crate::cli::{Global, ScreenArgs, SideArg};
use crate::failure::Failure;
use crate::policy;
use crate::world::Ground;
use console::screen::{ScreenReport, ScreenRow, ScreenSide, screen_page};
use cycle::{Setup, store};
use jiff::civil::Date;
use ports::StoredRecord;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strategy::factor_screen::{Eligibility, Observed, Scored, rank};
use strategy::screen_list::Standing;
use strategy::{Candidate, Factor, ScreenList};

pub async fn screen(global: &Global, args: &ScreenArgs) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let Some(found) = last_screen(&records, args.date).await? else {
        let until = args.date.map_or_else(String::new, |date| format!(" up to {date}"));
        return Err(Failure::Usage(format!(
            "no screen was recorded{until} in {}; run a trading day with a `factor_screen` sleeve, or name another \
             folder with --state-dir",
            records.journal.place()
        )));
    };
    let ground = Ground::new(global, Some(found.screened), 1)?;
    let setup = policy::setup(&ground.loaded, (*ground.universe).clone());
    let reports = found.reports(&setup, args.side)?;
    if global.json {
        return show(format!("{}\n", serde_json::json!({ "screens": reports })));
    }
    show(reports.iter().map(screen_page).collect::<Vec<_>>().join("\n"))
}

/// The last screen of a journal, and the lists in force on the date asked for.
struct Found {
    screened: Date,
    screens: StoredRecord,
    date: Date,
    lists: StoredRecord,
}

/// Walks back from the last day to one on which a screen was due.
async fn last_screen(records: &Records, until: Option<Date>) -> Result<Option<Found>, Failure> {
    let Records { journal, account, .. } = records;
    let mut lists: Option<(Date, StoredRecord)> = None;
    for day in journal.days(account).await?.iter().rev() {
        let day: Date = day.parse().map_err(|_| Failure::Journal(format!("`{day}` is no trade date")))?;
        if until.is_some_and(|until| day > until) {
            continue;
        }
        let events = journal.events(account, day).await?;
        let part = |kind: &str, pointer: &str| -> Option<StoredRecord> {
            let event = events.iter().find(|event| event.kind == kind)?;
            let body: Value = serde_json::from_str(&event.body).ok()?;
            let body = body.pointer(pointer)?.to_string();
            let at = jiff::Timestamp::from_microsecond(event.at_us).ok()?;
            let (seq, kind, version) = (event.seq, event.kind.clone(), event.version);
            Some(StoredRecord { seq, trade_date: day, at, kind, version, body })
        };
        lists = lists.or_else(|| Some((day, part("plan", "/memory/lists")?)));
        let screens = part("inputs", "/screens").filter(|record| record.body != "[]");
        if let (Some(screens), Some((date, lists))) = (screens, lists.clone()) {
            return Ok(Some(Found { screened: day, screens, date, lists }));
        }
    }
    Ok(None)
}

impl Found {
    fn reports(&self, setup: &Setup, side: Option<SideArg>) -> Result<Vec<ScreenReport>, Failure> {
        let observed: Vec<Observed> = read(&self.screens, setup)?;
        let lists: Vec<ScreenList> = read(&self.lists, setup)?;
        let mut reports = Vec::new();
        for (sleeve, list) in setup.policy.sleeves.iter().zip(&lists) {
            let seen = observed.iter().find(|observed| observed.sleeve == sleeve.name);
            let (Some(policy), Some(seen)) = (sleeve.screen(), seen) else { continue };
            let sides = [
                (SideArg::Long, &seen.long, &policy.long.factors),
                (SideArg::Short, &seen.short, &policy.short.factors),
            ];
            let wanted = sides.into_iter().filter(|(this, ..)| side.is_none_or(|side| side == *this));
            let table =
                |(side, candidates, factors): Side<'_>| table(side, &rank(candidates, factors, policy), factors);
            reports.push(ScreenReport {
                sleeve: sleeve.name.clone(),
                screened: self.screened.to_string(),
                date: self.date.to_string(),
                list: list.told(),
                fundamentals: seen.source.clone(),
                held: (list.standing != Standing::Good).then(|| held(list, setup)),
                sides: wanted.map(table).collect(),
            });
        }
        Ok(reports)
    }
}

/// A side with its candidates and the weights of its factors.
type Side<'a> = (SideArg, &'a Vec<Candidate>, &'a Vec<(Factor, f64)>);

fn read<T: DeserializeOwned>(record: &StoredRecord, setup: &Setup) -> Result<T, Failure> {
    store::value(record, &setup.universe).map_err(|error| {
        Failure::Usage(format!(
            "the screen of {} names stocks that this configuration does not have ({error}); give the one it was made \
             with by --config",
            record.trade_date
        ))
    })
}

/// Names of a list, long and short.
fn held(list: &ScreenList, setup: &Setup) -> [Vec<String>; 2] {
    [1.0, -1.0].map(|sign| {
        let names = list.names.iter().filter(|name| name.share * sign > 0.0);
        names.map(|name| setup.universe.contract(name.contract).name.clone()).collect()
    })
}

fn table(side: SideArg, rows: &[Scored], factors: &[(Factor, f64)]) -> ScreenSide {
    let row = |row: &Scored| ScreenRow {
        rank: row.rank,
        name: row.name.clone(),
        sector: row.sector.clone(),
        scores: row.factors.iter().map(|(_, score)| *score).collect(),
        score: row.score,
        eligibility: eligibility(row.eligibility).into(),
        chosen: row.chosen,
    };
    ScreenSide {
        side: match side {
            SideArg::Long => "long".into(),
            SideArg::Short => "short".into(),
        },
        factors: factors.iter().map(|(factor, _)| factor.name().into()).collect(),
        weights: factors.iter().map(|(_, weight)| *weight).collect(),
        candidates: rows.iter().map(row).collect(),
    }
}

fn eligibility(eligibility: Eligibility) -> &'static str {
    match eligibility {
        Eligibility::Eligible => "eligible",
        Eligibility::NoPrice => "no recent price",
        Eligibility::TooFewFactors => "too few factors",
    }
}
