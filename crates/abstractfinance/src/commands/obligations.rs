//! `calendar obligations`: what comes due whatever the market does.
//!
//! In: a configuration, the positions of a state folder if there is one, a span of days. Out: rolls, notices and ends of
//! contracts and options, holidays, early closes, hours in which broker or gateway are away, the end of the calendars, by
//! date. Invariant: the dates are those the engine trades by.

use super::records::Records;
use super::show;
use crate::cli::{Global, ObligationsArgs};
use crate::failure::Failure;
use crate::policy;
use crate::settings::Maintenance;
use crate::world::Ground;
use console::DayReport;
use console::obligations::{Obligation, obligations_page};
use cycle::Setup;
use domain::{ContractId, Mic};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use market::calendar::Calendars;
use std::collections::{BTreeMap, BTreeSet};
use strategy::rolls::active_contract;

pub async fn obligations(global: &Global, args: &ObligationsArgs) -> Result<(), Failure> {
    let day = match &global.state_dir {
        Some(_) => Records::open(global).await?.last_day().await?.map(|(_, day)| day),
        None => None,
    };
    let Due { from, to, rows } = due(global, day.as_ref(), args.from, args.days)?;
    if global.json {
        return show(format!("{}\n", serde_json::json!({ "from": from, "to": to, "obligations": rows })));
    }
    show(obligations_page(&from.to_string(), &to.to_string(), &rows))
}

/// What comes due in a span of dates.
pub struct Due {
    from: Date,
    to: Date,
    /// By date.
    pub rows: Vec<Obligation>,
}

/// What comes due in so many days from a date, or from the day after the last finished one.
pub fn due(global: &Global, day: Option<&DayReport>, from: Option<Date>, days: u32) -> Result<Due, Failure> {
    let from = from.map_or_else(|| the_day_after(day), Ok)?;
    let to = from.saturating_add(i64::from(days).days());
    let ground = Ground::new(global, Some(from), days)?;
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let setup = policy::dated_setup(&ground.loaded, (*ground.universe).clone(), &ground.calendars);
    let setup = setup.map_err(|error| usage(&error))?;
    let setup = day.iter().fold(setup, |setup, day| with_options(setup, day));
    let held = day.map_or_else(|| Ok(BTreeMap::new()), |day| holdings(day, &setup))?;
    let broker = &ground.loaded.settings.broker;
    let mut rows = ends(&setup, &held, from, to);
    rows.extend(option_ends(&setup, &held, from, to));
    rows.extend(closures(&setup, &ground.calendars, from, to).map_err(|error| usage(&error))?);
    rows.extend(absences(&broker.maintenance, broker.maintenance_guard_minutes, from, to));
    rows.sort();
    Ok(Due { from, to, rows })
}

/// The date after the last finished one; without a state folder, today.
fn the_day_after(day: Option<&DayReport>) -> Result<Date, Failure> {
    match day {
        None => Ok(jiff::Zoned::now().date()),
        Some(day) => {
            let date: Date = day.date.parse().map_err(|error| Failure::Journal(format!("{}: {error}", day.date)))?;
            Ok(date.saturating_add(1.day()))
        }
    }
}

/// The setup with the options that are held.
fn with_options(setup: Setup, day: &DayReport) -> Setup {
    let mut universe = setup.universe.clone();
    universe.list_named(day.positions.iter().map(|position| position.instrument.as_str()));
    setup.over(universe)
}

fn holdings(day: &DayReport, setup: &Setup) -> Result<BTreeMap<ContractId, String>, Failure> {
    let held = |position: &console::report::Position| {
        let contract = setup.universe.find_contract(&position.instrument);
        let contract = contract.ok_or_else(|| {
            let name = &position.instrument;
            Failure::Usage(format!("{name} is held and not in the instrument table; name its folder with --config"))
        })?;
        Ok((contract, position.ours.clone()))
    };
    day.positions.iter().map(held).collect()
}

/// Rolls, notices and ends of every contract that is held or would be.
fn ends(setup: &Setup, held: &BTreeMap<ContractId, String>, from: Date, to: Date) -> Vec<Obligation> {
    let universe = &setup.universe;
    let mut rows = Vec::new();
    for (contract, dates) in setup.rolls.iter() {
        let Some(dates) = dates else { continue };
        let instrument = universe.contract(contract).instrument;
        let held = held.get(&contract);
        // Of what is not held, only the contract that targets go to, or would have gone to until its roll.
        let used = setup.trades(instrument)
            && active_contract(universe, &setup.rolls, instrument, dates.starts.saturating_sub(1.day()))
                == Some(contract);
        if held.is_none() && !used {
            continue;
        }
        let next = active_contract(universe, &setup.rolls, instrument, dates.starts);
        let next = next.map_or_else(|| "nothing".to_owned(), |next| universe.contract(next).name.clone());
        let name = &universe.contract(contract).name;
        let mut add = |date: Date, kind: &str, what: String| {
            if (from..=to).contains(&date) {
                let (date, kind, subject) = (date.to_string(), kind.to_owned(), name.clone());
                rows.push(Obligation { date, kind, subject, what, held: held.cloned() });
            }
        };
        add(dates.starts, "roll starts", format!("targets go to {next}"));
        add(dates.deadline, "roll deadline", "nothing of it is held after this day".to_owned());
        if let Some(notice) = dates.first_notice {
            add(notice, "first notice", "a long holder can be told to take delivery".to_owned());
        }
        add(dates.last_trade, "last trade", "trading ends".to_owned());
    }
    rows
}

/// What is due for every option that is held.
fn option_ends(setup: &Setup, held: &BTreeMap<ContractId, String>, from: Date, to: Date) -> Vec<Obligation> {
    let Some((_, policy)) = setup.tail_hedge() else { return Vec::new() };
    let mut rows = Vec::new();
    for (&contract, quantity) in held {
        let Some(row) = setup.option(contract) else { continue };
        let (expiry, physical) = (row.key.expiry, row.root.physical);
        let gone = policy.roll.close_out_date(expiry, physical);
        let end = if physical { "the right ends; what is in the money is exercised" } else { "it is settled in cash" };
        let due = [
            (expiry.saturating_sub(policy.roll.days.days()), "option roll", "sold, and replaced out of the budget"),
            (gone, "option close-out", "sold whatever it brings: it would be exercised or delivered"),
            (expiry, "option expiry", end),
        ];
        let due = due
            .into_iter()
            .filter(|(date, kind, _)| (from..=to).contains(date) && (physical || *kind != "option close-out"));
        let subject = &setup.universe.contract(contract).name;
        rows.extend(due.map(|(date, kind, what)| Obligation {
            date: date.to_string(),
            kind: kind.to_owned(),
            subject: subject.clone(),
            what: what.to_owned(),
            held: Some(quantity.clone()),
        }));
    }
    rows
}

/// When broker or gateway are away and nothing is sent: a row for every spell in which the hours in UTC stay the same, so
/// that a reset shows when it first comes and when the clocks move it. The dates are those of UTC.
fn absences(maintenance: &[Maintenance], guard_minutes: u16, from: Date, to: Date) -> Vec<Obligation> {
    let utc = |at: Timestamp| at.to_zoned(TimeZone::UTC);
    let hour = |at: Timestamp| utc(at).strftime("%H:%M").to_string();
    let mut rows = Vec::new();
    for each in maintenance {
        let rule = each.rule();
        let days = from.saturating_sub(1.day()).series(1.day()).take_while(|day| *day <= to);
        let mut spells: Vec<(Date, Date, String)> = Vec::new();
        for window in days.filter_map(|day| rule.on(day)) {
            let (day, hours) = (utc(window.opens).date(), format!("{} to {}", hour(window.opens), hour(window.closes)));
            match spells.last_mut().filter(|(.., same)| *same == hours) {
                _ if !(from..=to).contains(&day) => {}
                Some((_, last, _)) => *last = day,
                None => spells.push((day, day, hours)),
            }
        }
        let often = if rule.days.len() == 1 { "weekly" } else { "daily" };
        rows.extend(spells.into_iter().map(|(first, last, hours)| Obligation {
            date: first.to_string(),
            kind: "broker away".to_owned(),
            subject: each.name.clone(),
            what: match first == last {
                true => format!("{hours} UTC, and nothing is sent {guard_minutes} min before and after"),
                false => format!(
                    "{hours} UTC, {often} until {last}, and nothing is sent {guard_minutes} min before and after"
                ),
            },
            held: None,
        }));
    }
    rows
}

/// Weekdays on which a venue that is traded is shut, or closes early, and the day after which its calendar is not known.
fn closures(
    setup: &Setup,
    calendars: &Calendars,
    from: Date,
    to: Date,
) -> Result<Vec<Obligation>, market::chain::ChainError> {
    let traded = setup.universe.instruments().filter(|&instrument| setup.trades(instrument));
    let venues: BTreeSet<Mic> = traded.map(|instrument| setup.universe.instrument(instrument).venue).collect();
    let mut rows = Vec::new();
    for venue in venues {
        let calendar = calendars.get(venue)?;
        let (_, last) = calendar.coverage();
        if (from..=to).contains(&last) {
            let what = "the calendar ends: from the day after the engine trades nothing there".to_owned();
            let (date, kind, subject) = (last.to_string(), "calendar ends".to_owned(), venue.to_string());
            rows.push(Obligation { date, kind, subject, what, held: None });
        }
        let to = to.min(last);
        let weekday = |date: &Date| date.weekday().to_monday_one_offset() <= 5;
        for date in from.series(1.day()).take_while(|date| *date <= to).filter(weekday) {
            let (kind, what) = match calendar.session(date)? {
                None => ("holiday", "no session".to_owned()),
                Some(session) if session.early_close => {
                    ("early close", format!("closes at {}", session.close.strftime("%H:%M UTC")))
                }
                Some(_) => continue,
            };
            let (date, kind, subject) = (date.to_string(), kind.to_owned(), venue.to_string());
            rows.push(Obligation { date, kind, subject, what, held: None });
        }
    }
    Ok(rows)
}
