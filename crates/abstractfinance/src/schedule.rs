//! When days run: the trade dates around an instant, and the instants at which their plans are made.
//!
//! In: a configuration, an instant. Out: the run that was due last, the one that comes next. Invariant: a trade date is a
//! weekday on which a configured venue has a session; in simulated time nothing is due.

use crate::calendars;
use crate::cli::Global;
use crate::failure::Failure;
use crate::settings::{self, Loaded, Mode, Schedule};
use console::metrics;
use domain::Mic;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

/// A longer row of days without any session does not exist.
const LONGEST_PAUSE_DAYS: i64 = 14;

/// The instant at which a date's plan is made.
///
/// # Errors
/// The local time does not exist, or lies outside the calendar.
pub fn run_at(schedule: &Schedule, date: Date) -> Result<Timestamp, Failure> {
    let at = schedule.zone().to_timestamp(date.to_datetime(schedule.run_at));
    at.map_err(|error| Failure::Usage(format!("schedule.run_at on {date}: {error}")))
}

/// The run that was due last at an instant and the next one; `None` in simulated time.
///
/// # Errors
/// The configuration cannot be read, or the instant lies outside the calendars.
pub fn around(global: &Global, now: Timestamp) -> Result<Option<metrics::Schedule>, Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    if loaded.settings.mode == Mode::Simulated {
        return Ok(None);
    }
    let schedule = &loaded.settings.schedule;
    let today = now.to_zoned(schedule.zone()).date();
    let from = today.saturating_sub(LONGEST_PAUSE_DAYS.days());
    let dates = trade_dates(&loaded, from, today.saturating_add(LONGEST_PAUSE_DAYS.days()))?;
    let instants: Result<Vec<_>, Failure> = dates.into_iter().map(|date| Ok((date, run_at(schedule, date)?))).collect();
    let (past, coming): (Vec<_>, Vec<_>) = instants?.into_iter().partition(|(_, at)| *at <= now);
    let both = past.last().zip(coming.first());
    Ok(both.map(|(&(date, due), &(_, next))| metrics::Schedule { date, due, next }))
}

/// When the plan of the first trade date after a date is made.
///
/// # Errors
/// The calendars end before it.
pub fn next_after(loaded: &Loaded, date: Date) -> Result<Timestamp, Failure> {
    let from = date.saturating_add(1.day());
    let dates = trade_dates(loaded, from, from.saturating_add(LONGEST_PAUSE_DAYS.days()))?;
    let next = dates.first().ok_or_else(|| Failure::Usage(format!("there is no trade date soon after {date}")))?;
    run_at(&loaded.settings.schedule, *next)
}

/// The trade dates of a configuration in a span.
///
/// # Errors
/// The span lies outside the calendars.
pub fn trade_dates(loaded: &Loaded, from: Date, to: Date) -> Result<Vec<Date>, Failure> {
    let tradable = loaded.instruments.iter().filter(|(_, row)| row.tradable);
    let venues: Vec<Mic> = tradable.map(|(_, row)| row.mic).collect();
    let calendars = calendars::built_in(|mic| venues.contains(&mic));
    let mut dates = Vec::new();
    for date in from.series(1.day()).take_while(|date| *date <= to) {
        let open = calendars.is_trade_date(date, &venues).map_err(|error| Failure::Usage(error.to_string()))?;
        dates.extend(open.then_some(date));
    }
    Ok(dates)
}
