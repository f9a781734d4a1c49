//! What the screens that are due see.
//!
//! In: the lists in force, bars, rates, fundamentals. Out: candidates with their raw metrics. Invariant: nothing that
//! was published or closed on the trade date or after it; what is missing stays missing.

use super::Run;
use super::observe::Bars;
use crate::settings::{Member, Universes};
use domain::{ContractId, FxRates};
use jiff::civil::Date;
use market::Fundamentals;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;
use strategy::{Candidate, Evidence, Observed, ScreenList, ScreenPolicy, Sleeve};

/// Sessions of history a candidate is measured by: a year for momentum, and room for blanks.
pub(super) const SCREEN_SESSIONS: u32 = 280;
/// A close older than this many days is none.
const CLOSE_AGE_DAYS_MAX: i32 = 7;

/// What screens stand on, apart from prices.
#[derive(Debug, Default)]
pub struct ScreenData {
    /// Candidates.
    pub universes: Universes,
    /// Figures, by sleeve.
    pub fundamentals: BTreeMap<String, Fundamentals>,
}

/// Positions of the sleeves whose screen should run on a date; without a list, it should.
pub(super) fn due(date: Date, lists: &[ScreenList], run: &Run) -> Vec<usize> {
    let is_due = |(position, sleeve): (usize, &Sleeve)| {
        let policy = sleeve.screen()?;
        lists.get(position).is_none_or(|list| list.is_due(date, policy.rescreen)).then_some(position)
    };
    run.setup.policy.sleeves.iter().enumerate().filter_map(is_due).collect()
}

/// What the lists of the sleeves at these positions may name, in order.
pub(super) fn candidates(positions: &[usize], run: &Run) -> Vec<ContractId> {
    let screens = positions.iter().filter_map(|&position| run.setup.policy.sleeves[position].screen());
    let mut contracts: Vec<ContractId> = screens.flat_map(ScreenPolicy::contracts).collect();
    contracts.sort_unstable();
    contracts
}

/// What each screen that is due sees.
pub(super) fn observed(date: Date, due: &[usize], bars: &Bars, fx: &FxRates, run: &Run) -> Vec<Observed> {
    let observe = |&position: &usize| {
        let sleeve = &run.setup.policy.sleeves[position].name;
        let screen = run.settings.sleeves[sleeve].screen().expect("only screens are due");
        let fundamentals = &run.screens.fundamentals[sleeve];
        let side = |universe: &str| -> Vec<Candidate> {
            let members = run.screens.universes[universe].iter();
            members.map(|member| candidate(member, date, fundamentals, &screen.sectors, bars, fx, run)).collect()
        };
        Observed {
            sleeve: sleeve.clone(),
            source: fundamentals.source().to_owned(),
            long: side(&screen.long.universe),
            short: side(&screen.short.universe),
        }
    };
    due.iter().map(observe).collect()
}

fn candidate(
    member: &Member,
    date: Date,
    fundamentals: &Fundamentals,
    sectors: &[String],
    bars: &Bars,
    fx: &FxRates,
    run: &Run,
) -> Candidate {
    let universe = &run.setup.universe;
    let contract = universe.find_contract(&member.instrument).expect("universes are part of the instruments");
    let bars = bars[contract].as_deref().unwrap_or_default();
    let past = &bars[..bars.partition_point(|bar| bar.date < date)];
    let currency = universe.terms(contract).currency;
    let rate = fx.known().find(|(known, _)| *known == currency).and_then(|(_, rate)| rate.to_f64());
    let fresh = past.last().is_some_and(|last| (date - last.date).get_days() <= CLOSE_AGE_DAYS_MAX);
    let evidence = Evidence {
        statements: &fundamentals.known(&member.id, date),
        bars: past,
        rate,
        listed_sector: sectors.contains(&member.sector),
        date,
    };
    Candidate {
        contract,
        name: member.instrument.clone(),
        sector: member.sector.clone(),
        close: past.last().filter(|_| fresh).zip(rate).map(|(last, rate)| last.close.to_f64() * rate),
        metrics: evidence.metrics(),
    }
}
