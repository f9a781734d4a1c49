//! What the screens that are due see.
//!
//! In: the lists in force, bars, rates, fundamentals. Out: candidates with their raw metrics. Invariant: nothing that
//! was published or closed on the trade date or after it; what is missing stays missing.

use super::Run;
use super::observe::Bars;
use crate::book::Book;
use crate::settings::{Member, Universes};
use domain::{ContractId, FxRates};
use jiff::civil::Date;
use market::Fundamentals;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;
use strategy::{Candidate, Evidence, Observed};

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

/// Positions of the sleeves whose screen should run on a date.
pub(super) fn due(date: Date, book: &Book, run: &Run) -> Vec<usize> {
    let sleeves = run.setup.policy.sleeves.iter().zip(&book.memory.lists).enumerate();
    let due =
        sleeves.filter(|(_, (sleeve, list))| sleeve.screen().is_some_and(|policy| list.is_due(date, policy.rescreen)));
    due.map(|(position, _)| position).collect()
}

/// Candidates of the sleeves at these positions.
pub(super) fn candidates(positions: &[usize], run: &Run) -> Vec<ContractId> {
    let screens = positions.iter().filter_map(|&position| run.setup.policy.sleeves[position].screen());
    let mut contracts: Vec<ContractId> =
        screens.flat_map(|screen| screen.long.candidates.iter().chain(&screen.short.candidates).copied()).collect();
    contracts.sort_unstable();
    contracts
}

/// Candidates that neither the books, nor a list, nor a fixed leg needs today.
pub(super) fn idle(book: &Book, due: &[usize], run: &Run) -> Vec<ContractId> {
    let all: Vec<usize> = (0..run.setup.policy.sleeves.len()).collect();
    let due = candidates(due, run);
    let listed: Vec<ContractId> =
        book.memory.lists.iter().flat_map(|list| &list.names).map(|name| name.contract).collect();
    let instrument = |contract: ContractId| run.setup.universe.contract(contract).instrument;
    let mut idle = candidates(&all, run);
    idle.retain(|contract| {
        let is_leg = run.setup.unit_legs.iter().any(|leg| leg.instrument == instrument(*contract));
        due.binary_search(contract).is_err()
            && !listed.contains(contract)
            && !is_leg
            && book.ledger.quantity(*contract).is_zero()
    });
    idle
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
    let past = bars.get(&contract).into_iter().flatten().filter(|bar| bar.date < date);
    let (dates, closes): (Vec<Date>, Vec<f64>) = past.map(|bar| (bar.date, bar.close.to_f64())).unzip();
    let currency = universe.terms(contract).currency;
    let rate = fx.known().find(|(known, _)| *known == currency).and_then(|(_, rate)| rate.to_f64());
    let fresh = dates.last().is_some_and(|&last| (date - last).get_days() <= CLOSE_AGE_DAYS_MAX);
    let evidence = Evidence {
        statements: &fundamentals.known(&member.id, date),
        closes: &closes,
        rate,
        listed_sector: sectors.contains(&member.sector),
        date,
    };
    Candidate {
        contract,
        name: member.instrument.clone(),
        sector: member.sector.clone(),
        close: closes.last().copied().filter(|_| fresh).zip(rate).map(|(close, rate)| close * rate),
        metrics: evidence.metrics(),
    }
}
