//! `replay`: recorded days decided again.
//!
//! In: a journal, a date or all of them. Out: a line a day: the same, or the first step that differs. Invariant: reads the
//! journal alone, sends and writes nothing; a difference is an exit code.

use super::recorded::RecordedDay;
use super::records::Records;
use super::show;
use crate::cli::{Global, ReplayDaysArgs};
use crate::failure::Failure;
use crate::settings;
use cycle::replay::{Difference, difference};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use serde::Serialize;
use std::time::Instant;

/// One day, replayed.
#[derive(Serialize)]
struct Row {
    date: Date,
    plan_hash: String,
    orders: usize,
    same: bool,
    /// Where the two plans part first.
    first_difference: Option<Difference>,
}

pub async fn replay(global: &Global, args: &ReplayDaysArgs) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let under = args.under.as_deref().map(|dir| settings::load(Some(dir))).transpose()?;
    let dates = match args.date {
        Some(date) => vec![date],
        None => records.dates().await?,
    };
    let started = Instant::now();
    let bar = progress(dates.len() as u64);
    let mut rows = Vec::with_capacity(dates.len());
    for date in dates {
        bar.set_message(date.to_string());
        let day = records.day(Some(date)).await?;
        rows.push(match &under {
            None => row(&day)?,
            Some(loaded) => row(&day.under(loaded).map_err(|problem| Failure::Usage(format!("{date}: {problem}")))?)?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let differ: Vec<&Row> = rows.iter().filter(|row| !row.same).collect();
    show(if global.json {
        format!("{}\n", serde_json::json!({ "replayed": rows.len(), "differ": differ.len(), "days": rows }))
    } else {
        page(&rows, under.is_some())
    })?;
    match (differ.first(), &under) {
        (Some(first), None) => Err(Failure::Halted(format!(
            "{} of {} plans are decided otherwise now, the first on {}: the program or its calendars have changed since; \
             compare with the version that recorded them",
            differ.len(),
            rows.len(),
            first.date
        ))),
        _ => {
            tracing::info!(days = rows.len(), seconds = started.elapsed().as_secs_f64(), "replayed");
            Ok(())
        }
    }
}

fn row(day: &RecordedDay) -> Result<Row, Failure> {
    let now = day.decided_again();
    let first_difference = difference(&day.stored, &now, &day.setup.universe)
        .map_err(|error| Failure::Journal(format!("record {}: {error}", day.stored.seq)))?;
    Ok(Row {
        date: day.date,
        plan_hash: day.hash(),
        orders: day.plan.orders.len(),
        same: first_difference.is_none(),
        first_difference,
    })
}

fn page(rows: &[Row], other: bool) -> String {
    let mut page = String::new();
    for row in rows.iter().filter(|row| rows.len() == 1 || !row.same) {
        let told = row.first_difference.as_ref().map_or_else(|| "the same to the last bit".to_owned(), sentence);
        let orders = if row.orders == 1 { "1 order".to_owned() } else { format!("{} orders", row.orders) };
        page += &format!("{}  plan {}, {orders}: {told}\n", row.date, &row.plan_hash[..12]);
    }
    let differ = rows.iter().filter(|row| !row.same).count();
    if rows.len() > 1 {
        let (first, last) = (rows[0].date, rows[rows.len() - 1].date);
        let what = if other { "another configuration changes" } else { "decided otherwise now:" };
        page += &match differ {
            0 => format!(
                "{} days from {first} to {last} decided again: every plan is the same to the last bit\n",
                rows.len()
            ),
            _ => format!("{} days from {first} to {last} decided again; {what} {differ}\n", rows.len()),
        };
    }
    page
}

fn sentence(difference: &Difference) -> String {
    let of = difference.contract.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let Difference { step, value, recorded, now, .. } = difference;
    format!("differs first at step `{step}`: {value}{of} was {recorded} and is {now}")
}

fn progress(days: u64) -> ProgressBar {
    if days < 50 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} days  {per_sec}  {eta} left  {msg}");
    ProgressBar::new(days).with_style(style.expect("a constant template"))
}
