//! The day's inputs from what was read.
//!
//! In: snapshot, bars, books. Out: marks, rates, history rows, windows, active contracts. Invariant: pure;
//! what is missing stays missing and is never made up.

use super::Run;
use super::observe::Bars;
use crate::book::Book;
use crate::failure::Failure;
use cycle::RecordedInputs;
use domain::{BaseMoney, ContractId, FxRates, InstrumentKind, PerContract, PerInstrument, Price, Quantity};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use market::Bar;
use market::calendar::{Window, execution_window};
use ports::AccountSnapshot;
use risk::reconciliation::{BrokerCash, BrokerFacts};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use strategy::ScreenList;

/// Step 4: the broker's own rate where the account has the currency, else the pair's last close while
/// it is young enough.
pub(super) fn rates(snapshot: &AccountSnapshot, bars: &Bars, now: Timestamp, run: &Run) -> FxRates {
    let mut fx = FxRates::new(run.setup.base);
    for (currency, pair) in run.setup.references.rates.iter() {
        let contract = pair.and_then(|pair| run.setup.universe.spot_contract(pair));
        let last = contract.and_then(|contract| bars.get(&contract).and_then(|bars| bars.last()));
        let close = last.zip(contract).filter(|(bar, contract)| is_young(bar, *contract, now, run));
        let close = close.map(|(bar, _)| bar.close.to_decimal());
        let ledger = snapshot.cash.iter().find(|row| row.currency == currency).map(|row| row.exchange_rate);
        if let Some(rate) = ledger.or(close).filter(|_| currency != run.setup.base) {
            // A rate that is not positive is no rate: its currency then has none, which adds no risk.
            let _ = fx.set(currency, rate);
        }
    }
    fx
}

/// A rate ages only while its market is open; a calendar that does not reach makes it too old.
fn is_young(bar: &Bar, pair: ContractId, now: Timestamp, run: &Run) -> bool {
    let open_since = || {
        let calendar = run.calendars.get(run.setup.universe.instrument_of(pair).venue).ok()?;
        let closed = calendar.session(bar.date).ok()??.close;
        calendar.open_time(Window { opens: closed, closes: now.max(closed) }).ok()
    };
    open_since().is_some_and(|age| age <= SignedDuration::from_hours(i64::from(run.settings.fx.max_age_hours)))
}

pub(super) fn inputs(
    date: Date,
    decided_at: Timestamp,
    book: Book,
    snapshot: &AccountSnapshot,
    bars: &Bars,
    fx: FxRates,
    run: &Run,
) -> Result<RecordedInputs, Failure> {
    let universe = &run.setup.universe;
    let marks = marks(snapshot, bars, run);
    Ok(RecordedInputs {
        date,
        decided_at,
        contracts: book.contracts,
        rows: new_rows(book.memory.last_row, date, bars, run),
        ledger: book.ledger,
        memory: book.memory,
        marks,
        fx,
        broker: Some(broker_facts(snapshot, run)),
        mode: book.mode,
        windows: windows(date, run)?,
        active: PerInstrument::from_vec(
            universe.instruments().map(|id| active(id, date, run)).collect::<Result<_, _>>()?,
        ),
        // Deposits and withdrawals are not read from the broker yet: cash that comes or goes breaks the
        // reconciliation and halts.
        flows: BaseMoney::ZERO,
        booked: book.booked,
        screens: Vec::new(),
    })
}

/// The broker's mark for what is held, else the last close.
fn marks(snapshot: &AccountSnapshot, bars: &Bars, run: &Run) -> PerContract<Option<Price>> {
    let closes = run.setup.universe.contracts().map(|c| bars.get(&c).and_then(|bars| bars.last()).map(|bar| bar.close));
    let mut marks = PerContract::from_vec(closes.collect());
    for position in &snapshot.positions {
        marks[position.contract] = Some(position.mark);
    }
    marks
}

/// Closes of every date since the last row, one row a date, blank where a venue was shut.
fn new_rows(after: Option<Date>, before: Date, bars: &Bars, run: &Run) -> Vec<(Date, PerInstrument<Option<f64>>)> {
    let universe = &run.setup.universe;
    let blank = || PerInstrument::filled(None, universe.instrument_count());
    let mut rows: BTreeMap<Date, PerInstrument<Option<f64>>> = BTreeMap::new();
    for (&contract, bars) in bars.iter().filter(|(c, _)| universe.contract(**c).expiry.is_none()) {
        let instrument = universe.contract(contract).instrument;
        for bar in bars.iter().filter(|bar| bar.date < before && after.is_none_or(|after| bar.date > after)) {
            rows.entry(bar.date).or_insert_with(blank)[instrument] = Some(bar.close.to_f64());
        }
    }
    rows.into_iter().collect()
}

/// The broker's side of the reconciliation.
pub(super) fn broker_facts(snapshot: &AccountSnapshot, run: &Run) -> BrokerFacts {
    let mut quantities = PerContract::filled(Quantity::ZERO, run.setup.universe.contract_count());
    for position in &snapshot.positions {
        quantities[position.contract] = position.quantity;
    }
    BrokerFacts {
        base: snapshot.base,
        net_liquidation: snapshot.net_liquidation,
        cash: snapshot
            .cash
            .iter()
            .map(|row| BrokerCash { currency: row.currency, with_unsettled: row.cash + row.futures_pnl })
            .collect(),
        quantities,
        foreign: snapshot.foreign.iter().map(|position| position.symbol.clone()).collect(),
    }
}

/// Marks and rates of a later moment of the same day, for valuing what the day left.
pub(super) fn valuation(snapshot: &AccountSnapshot, inputs: &RecordedInputs) -> (PerContract<Option<Price>>, FxRates) {
    let (mut marks, mut fx) = (inputs.marks.clone(), inputs.fx.clone());
    for position in &snapshot.positions {
        marks[position.contract] = Some(position.mark);
    }
    let base = fx.base();
    for row in snapshot.cash.iter().filter(|row| row.currency != base && row.exchange_rate > Decimal::ZERO) {
        fx.set(row.currency, row.exchange_rate).expect("a positive rate of another currency");
    }
    (marks, fx)
}

/// Today's execution window of each contract; the legs of a pair share what both have.
fn windows(date: Date, run: &Run) -> Result<PerContract<Option<Window>>, Failure> {
    let universe = &run.setup.universe;
    let mut windows = PerContract::filled(None, universe.contract_count());
    for contract in universe.contracts() {
        let instrument = universe.instrument_of(contract);
        let expired = universe.contract(contract).expiry.is_some_and(|expiry| expiry < date);
        if !instrument.tradable || instrument.kind == InstrumentKind::Cash || expired {
            continue;
        }
        let calendar = run.calendars.get(instrument.venue).map_err(|error| Failure::Usage(error.to_string()))?;
        let session = calendar.session(date).map_err(|error| Failure::Usage(error.to_string()))?;
        let rule = run.settings.execution.window(instrument.venue);
        windows[contract] = session.and_then(|session| execution_window(&session, &rule));
    }
    for sleeve in run.setup.policy.sleeves.iter().filter(|sleeve| sleeve.is_pair()) {
        let legs = sleeve.contracts(&ScreenList::default());
        let shared =
            legs.iter().map(|&leg| windows[leg]).reduce(|a, b| a.zip(b).map(|(a, b)| a.intersect(b))).flatten();
        let shared = shared.filter(|window| !window.is_empty());
        legs.iter().for_each(|&leg| windows[leg] = shared);
    }
    Ok(windows)
}

pub(super) fn active(instrument: domain::InstrumentId, date: Date, run: &Run) -> Result<Option<ContractId>, Failure> {
    let universe = &run.setup.universe;
    let calendar = run.calendars.get(universe.instrument(instrument).venue);
    let calendar = calendar.map_err(|error| Failure::Usage(error.to_string()))?;
    strategy::rolls::active_contract(universe, instrument, calendar, date).map_err(|e| Failure::Usage(e.to_string()))
}
