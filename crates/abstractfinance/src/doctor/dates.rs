//! The days ahead: how far the calendars reach, and whether the day's hours meet the broker's absences.
//!
//! In: settings and a date. Out: findings. Invariant: pure, and no clock of its own; a year is walked day by day, so that
//! both seasons are seen.

use super::Finding;
use crate::calendars;
use crate::settings::{Loaded, Mode, Settings};
use domain::Mic;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZoneDatabase;
use jiff::{Timestamp, ToSpan};
use market::calendar::{Window, next_guard};
use std::collections::BTreeMap;

/// Days of calendar left below which a person should bring newer ones.
const DAYS_LEFT_MIN: i32 = 90;
/// How far ahead the schedule is tried.
const DAYS_AHEAD: usize = 366;

pub(super) fn calendars(loaded: &Loaded, today: Date) -> Finding {
    let check = "calendars";
    let tradable = loaded.instruments.iter().filter(|(_, row)| row.tradable);
    let venues: Vec<Mic> = tradable.flat_map(|(_, row)| row.venues()).chain([Mic::Fx]).collect();
    let tables = calendars::built_in(|mic| venues.contains(&mic));
    let spans: Vec<(Mic, Date, Date)> =
        tables.iter().map(|table| (table.mic(), table.coverage().0, table.coverage().1)).collect();
    let outside: Vec<String> = spans
        .iter()
        .filter(|(_, first, last)| !(first..=last).contains(&&today))
        .map(|(mic, first, last)| format!("{mic} {first} to {last}"))
        .collect();
    let remedy =
        "take a newer version, or make tables with `cargo run -p xtask -- calendars`: outside them no venue is traded";
    if !outside.is_empty() {
        return Finding::failure(check, format!("{today} is outside {}", outside.join(", ")), remedy);
    }
    let ends = spans.iter().map(|(_, _, last)| *last).min().unwrap_or(today);
    let found = format!("{} venues, all of them until {ends}", spans.len());
    match (ends - today).get_days() {
        left if left < DAYS_LEFT_MIN => Finding::warning(check, found, remedy),
        _ => Finding::ok(check, found),
    }
}

/// What a year's mornings and windows meet.
pub(super) fn schedule(settings: &Settings, today: Date) -> Finding {
    let check = "schedule";
    if settings.mode == Mode::Simulated {
        return Finding::ok(check, "the simulated gateway is never away");
    }
    let days = || {
        today
            .series(1.day())
            .take(DAYS_AHEAD)
            .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
    };
    let mut delays: BTreeMap<String, u32> = BTreeMap::new();
    let mut skipped = Vec::new();
    for day in days() {
        let guards = settings.broker.guards(day);
        let instant = |time| settings.schedule.zone().to_timestamp(day.to_datetime(time));
        let (Ok(run_at), Ok(latest)) = (instant(settings.schedule.run_at), instant(settings.schedule.catch_up_until))
        else {
            skipped.push(day);
            continue;
        };
        match away(&guards, run_at) {
            Some(back) if back > latest => skipped.push(day),
            Some(back) => *delays.entry(back.strftime("%H:%M").to_string()).or_default() += 1,
            None => {}
        }
    }
    let remedy = "move schedule.run_at or catch_up_until, or correct broker.maintenance, which says when broker and \
                  gateway restart";
    if let Some(first) = skipped.first() {
        let found = format!("{} of the next {DAYS_AHEAD} days would be skipped, the first {first}", skipped.len());
        return Finding::failure(check, found, remedy);
    }
    let cut = days().find_map(|day| cut_window(settings, day));
    if let Some(cut) = cut {
        return Finding::warning(check, cut, "nothing is sent then: move the window, or the gateway's restart");
    }
    let waits: Vec<String> = delays.iter().map(|(until, days)| format!("on {days} until {until} UTC")).collect();
    let found = format!("runs at {} {}", settings.schedule.run_at.strftime("%H:%M"), settings.schedule.timezone);
    match waits.is_empty() {
        true => Finding::ok(check, format!("{found}; broker and gateway are there on every day of the next year")),
        false => {
            Finding::ok(check, format!("{found}; of the next year's days it waits for the broker {}", waits.join(", ")))
        }
    }
}

fn away(guards: &[Window], at: Timestamp) -> Option<Timestamp> {
    next_guard(guards, at).filter(|guard| guard.contains(at)).map(|guard| guard.closes)
}

/// An execution window in which the broker is away for a part.
fn cut_window(settings: &Settings, day: Date) -> Option<String> {
    let guards = settings.broker.guards(day);
    settings.execution.windows.iter().find_map(|row| {
        let zone = TimeZoneDatabase::bundled().get(&row.zone).ok()?;
        let instant = |time| zone.to_timestamp(day.to_datetime(time)).ok();
        let window = Window { opens: instant(row.from)?, closes: instant(row.to)? };
        let met = guards.iter().find(|guard| guard.opens < window.closes && window.opens < guard.closes)?;
        let venues: Vec<String> = row.venues.iter().map(|mic| mic.to_string()).collect();
        Some(format!(
            "on {day} broker or gateway are away from {} to {}, inside the window of {}",
            met.opens,
            met.closes,
            venues.join(", ")
        ))
    })
}
