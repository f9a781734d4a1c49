//! `calendar obligations`: what comes due whatever the market does.
//!
//! In: a configuration, the positions of a state folder if there is one, a span of days. Out: ends of contracts, rolls,
//! holidays and early closes, by date. Invariant: the dates are those the engine trades by.

use super::records::Records;
use super::show;
use crate::cli::{Global, ObligationsArgs};
use crate::failure::Failure;
use crate::policy;
use crate::world::Ground;
use console::DayReport;
use console::obligations::{Obligation, obligations_page};
use cycle::Setup;
use domain::{ContractId, Mic};
use jiff::ToSpan;
use jiff::civil::Date;
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
    let held = day.map_or_else(|| Ok(BTreeMap::new()), |day| holdings(day, &setup))?;
    let mut rows = ends(&setup, &held, from, to);
    rows.extend(closures(&setup, &ground.calendars, from, to).map_err(|error| usage(&error))?);
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

/// Weekdays on which a venue that is traded is shut, or closes early.
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
