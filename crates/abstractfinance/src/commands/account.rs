//! `positions`, `hedges`, `nav`, `status`: the account as the journal knows it.
//!
//! In: a state folder. Out: tables, JSON, CSV. Invariant: shows what the engine booked and decided; asks
//! no broker.

use super::records::{Records, body};
use super::show;
use crate::cli::{Global, NavArgs, SpanArgs};
use crate::failure::Failure;
use console::DayReport;
use console::account::{self, Engine, NavRow, OpenDay, Status};
use console::report::SleeveResult;
use cycle::{Instruction, Standing};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

pub async fn positions(global: &Global) -> Result<(), Failure> {
    let day = Records::open(global).await?.finished().await?;
    if global.json {
        let positions = serde_json::json!({
            "date": day.date, "base": day.base, "nav": day.nav, "gross": day.gross, "net": day.net,
            "positions": day.positions,
        });
        return show(format!("{positions}\n"));
    }
    show(account::positions(&day))
}

pub async fn hedges(global: &Global) -> Result<(), Failure> {
    let day = Records::open(global).await?.finished().await?;
    let Some(book) = &day.tail_hedges else {
        return Err(Failure::Usage(format!(
            "the strategy of {} buys no hedges: it has no sleeve of kind tail_hedge; the built-in configuration has one",
            day.date
        )));
    };
    if global.json {
        return show(format!("{}\n", serde_json::json!({ "date": day.date, "base": day.base, "hedges": book })));
    }
    show(console::hedges::hedges(&day.date, &day.base, book))
}

/// A table for spreadsheets is no JSON document.
fn one_form(global: &Global, args: &NavArgs) -> Result<(), Failure> {
    match global.json && args.csv {
        true => Err(Failure::Usage("--csv and --json each say how to print it: leave one out".into())),
        false => Ok(()),
    }
}

/// The finished days of a span; none is a slip in its dates.
pub(super) async fn days_of(global: &Global, span: &SpanArgs) -> Result<Vec<DayReport>, Failure> {
    let all = Records::open(global).await?.days().await?;
    let finished = match (all.first(), all.last()) {
        (Some(first), Some(last)) => format!("{} to {}", first.date, last.date),
        _ => "none".into(),
    };
    let days: Vec<DayReport> = all.into_iter().filter(|day| span.holds(&day.date)).collect();
    let end = |date: Option<Date>| date.map_or_else(|| "…".into(), |date| date.to_string());
    match days.is_empty() {
        true => Err(Failure::Usage(format!(
            "no day is finished in the span {} to {}; finished are {finished}: choose --from and --to among them",
            end(span.from),
            end(span.to)
        ))),
        false => Ok(days),
    }
}

pub async fn nav(global: &Global, args: &NavArgs) -> Result<(), Failure> {
    one_form(global, args)?;
    let days = days_of(global, &args.span).await?;
    let rows: Vec<NavRow> = days.iter().map(NavRow::from).collect();
    match (args.csv, global.json) {
        (true, _) => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &rows {
                writer.serialize(row).map_err(|error| Failure::Usage(format!("csv: {error}")))?;
            }
            let bytes = writer.into_inner().map_err(|error| Failure::Usage(format!("csv: {error}")))?;
            show(String::from_utf8_lossy(&bytes))
        }
        (false, true) => show(format!("{}\n", serde_json::json!({ "nav": rows }))),
        (false, false) => show(account::nav(&rows)),
    }
}

pub async fn sleeves(global: &Global, args: &NavArgs) -> Result<(), Failure> {
    one_form(global, args)?;
    let days = days_of(global, &args.span).await?;
    if args.csv {
        let row = |day: &DayReport, row: &SleeveResult| {
            format!("{},{},{},{}\n", day.date, row.sleeve, row.today, row.cumulative)
        };
        let rows: String = days.iter().flat_map(|day| day.sleeves.iter().map(move |sleeve| row(day, sleeve))).collect();
        return show(format!("date,sleeve,today,cumulative\n{rows}"));
    }
    if global.json {
        let rows: Vec<_> =
            days.iter().map(|day| serde_json::json!({ "date": day.date, "sleeves": day.sleeves })).collect();
        return show(format!("{}\n", serde_json::json!({ "days": rows })));
    }
    show(account::sleeves(&days))
}

pub async fn status(global: &Global) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let status = read_status(&records).await?;
    show(match global.json {
        true => format!("{}\n", serde_json::to_string(&status).expect("plain data")),
        false => account::status(&status),
    })
}

/// The part of a `day_closed` body that stands.
#[derive(Deserialize)]
struct Closed {
    book: Book,
}

#[derive(Deserialize)]
struct Book {
    standing: Standing,
}

#[derive(Deserialize)]
struct Tightened {
    mode: risk::Mode,
}

pub async fn read_status(records: &Records) -> Result<Status, Failure> {
    let Records { journal, account, .. } = records;
    let closed = journal.last_of_kind(account, crate::book::DAY_CLOSED).await?;
    let mut standing =
        closed.as_ref().map(body::<Closed>).transpose()?.map_or_else(Standing::default, |c| c.book.standing);
    let closed = closed.map_or(0, |event| event.seq);
    for event in journal.events_of_kind(account, "operator").await?.iter().filter(|event| event.seq > closed) {
        standing.obey(&body::<Instruction>(event)?);
    }
    for event in journal.events_of_kind(account, "mode").await?.iter().filter(|event| event.seq > closed) {
        standing.tighten(body::<Tightened>(event)?.mode);
    }
    let said = |message: journal::Message| {
        let sentence = serde_json::from_str::<Instruction>(&message.body).map(|instruction| instruction.sentence());
        sentence.unwrap_or_else(|_| format!("message {} that cannot be read", message.id))
    };
    let holder = journal.holder(account).await?;
    let alive = holder.filter(|(_, until)| *until > Timestamp::now().as_microsecond());
    Ok(Status {
        account: account.clone(),
        engine: alive.map(|(run, until)| Engine {
            run,
            lease_until: Timestamp::from_microsecond(until).map_or_else(|_| "?".into(), |at| format!("{at:.0}")),
        }),
        mode: standing.mode.to_string(),
        flatten: standing.flatten,
        unanswered: journal.open_inbox(account).await?.into_iter().map(said).collect(),
        open_day: open_day(records, closed).await?,
        last_day: records.last_day().await?.map(|(_, day)| day),
    })
}

async fn open_day(records: &Records, closed: i64) -> Result<Option<OpenDay>, Failure> {
    let Records { journal, account, .. } = records;
    let Some(plan) = journal.last_of_kind(account, "plan").await?.filter(|plan| plan.seq > closed) else {
        return Ok(None);
    };
    let date = plan.trade_date.clone();
    let day = date.parse().map_err(|_| Failure::Journal(format!("record {}: no trade date", plan.seq)))?;
    let events = journal.events(account, day).await?;
    let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    Ok(Some(OpenDay { date, planned: true, commands: count("command"), executions: count("execution") }))
}
