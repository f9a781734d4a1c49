//! `run` without a date: every trade date at its time, or the one that is due.
//!
//! In: settings, calendars, the gateway's or the wall's clock. Out: days, one after the other, with metrics, messages and a
//! dashboard beside them. Invariant: decides nothing about a day; a day that was begun is finished first, one that cannot be
//! run in time is skipped and said, and no failure of a day ends the next.

use super::dashboard::{serve, until_told};
use super::records::Records;
use super::run::{one_day, stands_by, time_of};
use super::show;
use crate::cli::{Global, RunArgs};
use crate::courier::{Alarms, Courier};
use crate::failure::Failure;
use crate::schedule;
use crate::settings::{self, Loaded, Mode};
use console::account::Status;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use ports::Clock;
use std::time::Duration;
use tokio::time::Instant;

/// Days to look ahead for the next trade date.
const AHEAD_DAYS: i64 = 14;
/// Pauses after the first, second and further failures of a day; the last one goes on.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(30), Duration::from_secs(60), Duration::from_secs(120), Duration::from_secs(300)];
/// A gateway is connected so long before the plan is made.
const BEFORE: SignedDuration = SignedDuration::from_mins(2);
/// Who started it looks on for so long, and reads what is wrong with the settings.
const WATCHED: Duration = Duration::from_secs(60);
/// Longest sleep at once: a computer that slept, or a clock that was set, is noticed.
const SLICE: Duration = Duration::from_secs(30);

pub(super) async fn every_day(global: &Global, args: &RunArgs) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    stands_by(args, &loaded.settings)?;
    if let Some(listen) = loaded.settings.monitoring.metrics {
        let address = super::metrics::serve(global, listen).await?;
        eprintln!("metrics: http://{address}/metrics");
    }
    if args.serve {
        let address = serve(global, &args.listen, args.broker.gateway).await?;
        eprintln!("dashboard: http://{address}/");
    }
    if let Some(courier) = Courier::configured(global)? {
        courier.carry_aside()?;
    }
    tokio::select! {
        told = until_told() => told,
        ended = days(global, args, &loaded) => ended,
    }
}

/// Day after day, until there are as many as were asked for.
async fn days(global: &Global, args: &RunArgs, loaded: &Loaded) -> Result<(), Failure> {
    let started = Instant::now();
    let (mut done, mut failures, mut alarms) = (0, 0, Alarms::configured(global)?);
    while args.days.is_none_or(|days| done < days) {
        let Err(failure) = next_day(global, args, loaded).await else {
            (done, failures) = (done + 1, 0);
            alarms.over();
            continue;
        };
        let is_final = matches!(failure, Failure::Usage(_));
        if !is_final || started.elapsed() > WATCHED {
            alarms.raise(&failure).await;
        }
        if is_final {
            return Err(failure);
        }
        let pause = PAUSES[failures.min(PAUSES.len() - 1)];
        failures += 1;
        eprintln!("abstractfinance: {failure}; looked at again in {} seconds", pause.as_secs());
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

/// Waits for the next day and runs it to its end.
async fn next_day(global: &Global, args: &RunArgs, loaded: &Loaded) -> Result<(), Failure> {
    let date = next_date(global, args, loaded).await?;
    wait_for(date, loaded, global.json).await?;
    match one_day(global, args, date).await {
        // It ended, and its report says how; the mode stays until a person resumes.
        Err(Failure::Halted(why)) if is_finished(global, date).await? => {
            eprintln!("abstractfinance: {why}");
            Ok(())
        }
        outcome => outcome,
    }
}

/// True when the report of a date tells how it ended.
pub(super) async fn is_finished(global: &Global, date: Date) -> Result<bool, Failure> {
    let last = Records::open(global).await?.last_day().await?;
    Ok(last.is_some_and(|(_, day)| day.date == date.to_string()))
}

/// The date to run now or next: one that was begun, else the first that can still be planned in time.
async fn next_date(global: &Global, args: &RunArgs, loaded: &Loaded) -> Result<Date, Failure> {
    let now = time_of(args.broker.control, loaded.settings.mode).await?.now();
    // Before the first day there is no journal.
    let (open, last) = match Records::open(global).await {
        Ok(records) => {
            let Status { open_day, last_day, .. } = super::account::read_status(&records).await?;
            (open_day.map(|day| day.date), last_day.map(|day| day.date))
        }
        Err(_) => (None, None),
    };
    let date = |text: String| text.parse::<Date>().map_err(|error| Failure::Journal(format!("{text}: {error}")));
    if let Some(open) = open {
        return date(open);
    }
    upcoming(loaded, now, last.map(date).transpose()?)
}

/// The first trade date after the last finished one whose plan can still be made.
fn upcoming(loaded: &Loaded, now: Timestamp, last: Option<Date>) -> Result<Date, Failure> {
    let schedule = &loaded.settings.schedule;
    let today = now.to_zoned(schedule.zone()).date();
    let first = last.map_or(today, |last| today.max(last.saturating_add(1.day())));
    let dates = schedule::trade_dates(loaded, first, first.saturating_add(AHEAD_DAYS.days()))?;
    for date in dates {
        let latest = schedule.zone().to_timestamp(date.to_datetime(schedule.catch_up_until));
        if latest.map_err(|error| Failure::Usage(format!("schedule.catch_up_until on {date}: {error}")))? > now {
            return Ok(date);
        }
    }
    Err(Failure::Usage(format!("there is no trade date in the {AHEAD_DAYS} days from {first}")))
}

/// The date `run --once` is about when none is named: nobody who types it waits until tomorrow.
pub(super) async fn due_now(global: &Global, args: &RunArgs) -> Result<Date, Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    let date = next_date(global, args, &loaded).await?;
    let at = schedule::run_at(&loaded.settings.schedule, date)?;
    if loaded.settings.mode == Mode::Simulated || at - BEFORE <= Timestamp::now() {
        return Ok(date);
    }
    Err(Failure::Usage(format!(
        "no trade date is due now: the next is {date}, planned at {at}; wait for it with `run --days 1`, or name another \
         with --date"
    )))
}

/// Sleeps until shortly before a date's plan is made; simulated time waits in the day itself.
async fn wait_for(date: Date, loaded: &Loaded, json: bool) -> Result<(), Failure> {
    if loaded.settings.mode == Mode::Simulated {
        return Ok(());
    }
    let at = schedule::run_at(&loaded.settings.schedule, date)?;
    let mut told = false;
    loop {
        let left = (at - BEFORE).duration_since(Timestamp::now());
        if left <= SignedDuration::ZERO {
            return Ok(());
        }
        if !told {
            show(match json {
                true => format!("{}\n", serde_json::json!({"next_run": date, "planned_at": at})),
                false => format!("next run: {date}, planned at {at}\n"),
            })?;
            told = true;
        }
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default().min(SLICE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// A Friday that may be caught up with until noon, a weekend, and what was done already.
    #[test]
    fn the_next_date_is_the_first_that_can_still_be_planned() {
        let loaded = settings::load(None).unwrap();
        let next = |now: &str, last| upcoming(&loaded, now.parse().unwrap(), last).unwrap();
        let friday = date(2026, 11, 27);
        assert_eq!(next("2026-11-27T03:00:00Z", None), friday);
        assert_eq!(next("2026-11-27T11:59:00Z", None), friday);
        assert_eq!(next("2026-11-27T12:00:00Z", None), date(2026, 11, 30), "Monday");
        assert_eq!(next("2026-11-27T07:00:00Z", Some(friday)), date(2026, 11, 30));
        assert_eq!(next("2026-12-25T01:00:00Z", None), date(2026, 12, 28), "Christmas, when no venue has a session");
    }
}
