//! The day's inputs from what was read.
//!
//! In: snapshot, bars, books, what is believed. Out: the broker's side, history rows, windows, active contracts. Invariant: pure;
//! what is missing stays missing and is never made up.

use super::Run;
use super::believe::Belief;
use super::observe::Bars;
use super::statement::LATE_DAYS;
use super::venues::Venues;
use crate::book::Book;
use crate::failure::Failure;
use cycle::{RecordedInputs, Standing};
use domain::{BaseMoney, Books, ContractId, Fill, InstrumentKind, Money, PerContract, PerInstrument, Quantity, Side};
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ports::{AccountSnapshot, Dispute, Execution};
use risk::gate::{Conditions, Latch};
use risk::reconciliation;
use risk::reconciliation::{
    BrokerCash, BrokerFacts, Evidence, ForeignHolding, ListedCharge, ListedExecution, Origin, ShortOrder,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;
use strategy::rolls::active_contract;

pub(super) fn inputs(
    date: Date,
    decided_at: Timestamp,
    book: Book,
    snapshot: Option<&AccountSnapshot>,
    (bars, flows): (&Bars, BaseMoney),
    (belief, venues): (Belief, &Venues),
    run: &Run,
) -> Result<RecordedInputs, Failure> {
    let universe = &run.setup.universe;
    let Belief { marks, fx, doubts, believed } = belief;
    let broker = snapshot.map(|snapshot| broker_facts(snapshot, &Known::of(&book), run));
    Ok(RecordedInputs {
        date,
        decided_at,
        configuration: run.configuration.clone(),
        rows: new_rows(&book, date, bars, run),
        contracts: book.contracts,
        books: book.books,
        sleeves: book.sleeves,
        memory: book.memory,
        marks,
        fx,
        doubts,
        believed,
        broker,
        mode: book.standing.mode,
        before_halt: book.standing.before_halt,
        flatten: book.standing.flatten,
        conditions: conditions(date, &book.standing, snapshot, bars, venues, run),
        confirmed: book.standing.confirmed,
        waiting: book.standing.adopt,
        windows: venues.windows.clone(),
        active: PerInstrument::from_vec(
            universe.instruments().map(|id| active_contract(universe, &run.setup.rolls, id, date)).collect(),
        ),
        borrowable: Vec::new(),
        flows,
        screens: Vec::new(),
        listings: Vec::new(),
        margins: Vec::new(),
        opened: book.opened,
        told: book.told,
        unvalued: book.unvalued,
    })
}

/// Sessions over which volume is averaged.
const ADV_SESSIONS: usize = 20;

/// What broker and venues say of the day.
fn conditions(
    date: Date,
    standing: &Standing,
    snapshot: Option<&AccountSnapshot>,
    bars: &Bars,
    venues: &Venues,
    run: &Run,
) -> Conditions {
    let universe = &run.setup.universe;
    let adv = universe.contracts().map(|contract| {
        let days = bars[contract].as_ref()?.iter().rev().filter(|bar| bar.date < date).take(ADV_SESSIONS);
        let (days, volume) = days.fold((0, 0.0), |(n, sum), bar| (n + 1, sum + bar.volume.to_f64()));
        (volume > 0.0).then(|| volume / f64::from(days))
    });
    let latch = |latch: &cycle::Latch| {
        universe.find_contract(&latch.contract).map(|contract| Latch { contract, side: latch.side })
    };
    Conditions {
        adv: PerContract::from_vec(adv.collect()),
        auction_until: venues.auction_until.clone(),
        banded: venues.banded.clone(),
        latched: standing.latched.iter().filter_map(latch).collect(),
        contradicted: venues.contradictions.iter().map(|contradiction| contradiction.contract).collect(),
        guards: run.settings.broker.guards(date),
        excess_liquidity: snapshot.and_then(|told| told.excess_liquidity?.to_f64()),
        foreign_account: venues.foreign_account,
        history_from: venues.history_from,
    }
}

/// Closes of every date since the last row, one row a date, blank where a venue was shut. The last row comes first once more,
/// with what the broker tells of it today: a return spans neither a split nor two contracts of a future.
fn new_rows(book: &Book, before: Date, bars: &Bars, run: &Run) -> Vec<(Date, PerInstrument<Option<f64>>)> {
    let (universe, rolls) = (&run.setup.universe, &run.setup.rolls);
    let after = book.memory.last_row;
    let blank = || PerInstrument::filled(None, universe.instrument_count());
    let mut rows: BTreeMap<Date, PerInstrument<Option<f64>>> = BTreeMap::new();
    for (contract, bars) in bars.iter().filter_map(|(contract, bars)| Some((contract, bars.as_ref()?))) {
        let instrument = universe.contract(contract).instrument;
        let is_history = universe.contract(contract).expiry.is_none() || measures(contract, run);
        if !is_history || active_contract(universe, rolls, instrument, before) != Some(contract) {
            continue;
        }
        let place = |date: Date| bars.partition_point(|bar| bar.date < date);
        let until = place(before);
        for bar in &bars[after.map_or(0, place).min(until)..until] {
            rows.entry(bar.date).or_insert_with(blank)[instrument] = Some(bar.close.to_f64());
        }
    }
    rows.into_iter().collect()
}

/// What is known of the account when the broker's word is read.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) books: &'a Books,
    /// What was executed before is in their first balance.
    pub(super) opened: Timestamp,
    /// The last date the statement has told of.
    pub(super) told: Option<Date>,
}

impl Known<'_> {
    pub(super) fn of(book: &Book) -> Known<'_> {
        Known { books: &book.books, opened: book.opened, told: book.told }
    }
}

/// Whether the volatility estimate is made of an instrument's returns.
pub(super) fn measures(contract: ContractId, run: &Run) -> bool {
    let instrument = run.setup.universe.contract(contract).instrument;
    run.setup.unit_legs.iter().any(|leg| leg.instrument == instrument)
}

/// The broker's side of the reconciliation.
pub(super) fn broker_facts(snapshot: &AccountSnapshot, known: &Known<'_>, run: &Run) -> BrokerFacts {
    let contracts = run.setup.universe.contract_count();
    let mut quantities = PerContract::filled(Quantity::ZERO, contracts);
    let mut marks = PerContract::filled(None, contracts);
    for position in &snapshot.positions {
        quantities[position.contract] = position.quantity;
        marks[position.contract] = position.mark;
    }
    let foreign = snapshot.foreign.iter();
    let cash = snapshot.cash.iter().map(|row| BrokerCash {
        currency: row.currency,
        with_unsettled: row.cash + row.futures_pnl,
        unsettled: row.futures_pnl,
        accrued: Some(row.accrued),
        rate: Some(row.exchange_rate),
    });
    BrokerFacts {
        base: snapshot.base,
        net_liquidation: snapshot.net_liquidation,
        cash: cash.collect(),
        quantities,
        marks,
        foreign: foreign.map(|p| ForeignHolding { symbol: p.symbol.clone(), quantity: p.quantity }).collect(),
        gross_position_value: snapshot.gross_position_value,
        evidence: evidence(snapshot, known, run),
    }
}

/// What the broker lists and the books do not hold.
fn evidence(snapshot: &AccountSnapshot, known: &Known<'_>, run: &Run) -> Evidence {
    let charges = snapshot.executions.iter().map(|listed| (listed, known.books.booked(&listed.fill.execution)));
    let (booked, unbooked): (Vec<_>, Vec<_>) = charges.partition(|(_, charge)| charge.is_some());
    let since = unbooked.iter().map(|(listed, _)| listed).filter(|listed| listed.fill.at > known.opened);
    let mut covered = PerContract::filled(Quantity::ZERO, run.setup.universe.contract_count());
    let executions = since.map(|Execution { fill, commission }| ListedExecution {
        id: fill.execution.clone(),
        contract: Some(fill.contract),
        symbol: run.setup.universe.contract(fill.contract).name.clone(),
        origin: match fill.order {
            Some(order) if order.account == run.account => Origin::OurOrder,
            Some(_) => Origin::UnknownReference,
            None if perhaps_buy_in(fill, &mut covered, snapshot.at, known, run) => Origin::PerhapsBuyIn,
            None => Origin::External,
        },
        quantity: fill.change(),
        price: fill.price,
        commission: *commission,
    });
    let executions = executions.collect();
    let swept = snapshot.cash.iter().filter(|row| !row.swept.is_zero());
    Evidence {
        executions,
        charges: booked.into_iter().filter_map(|(listed, charge)| unbooked_charge(listed, charge.flatten())).collect(),
        orders: short_orders(snapshot, (known.books, known.opened), run),
        statement: Vec::new(),
        disputes: snapshot
            .disputes
            .iter()
            .map(|Dispute { contract, what }| reconciliation::Dispute { contract: *contract, what: what.clone() })
            .collect(),
        sweeps: swept.map(|row| Money::new(row.swept, row.currency)).collect(),
    }
}

/// Whether an execution without a reference may be a buy-in: it buys back borrowed shares and no more than are short, and
/// the statement that would call it one has not told of its day. A label that does not come within a week never comes.
fn perhaps_buy_in(
    fill: &Fill,
    covered: &mut PerContract<Quantity>,
    now: Timestamp,
    known: &Known<'_>,
    run: &Run,
) -> bool {
    let contract = fill.contract;
    let borrowed = matches!(run.setup.universe.instrument_of(contract).kind, InstrumentKind::Stk | InstrumentKind::Etf);
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let untold = known.told.is_some_and(|told| told < day(fill.at));
    let recent = day(now).saturating_sub(LATE_DAYS.days()) <= day(fill.at);
    let bought = covered[contract] + fill.change();
    let of_our_short = fill.side == Side::Buy && (known.books.ledger().quantity(contract) + bought).signum() <= 0;
    if borrowed && untold && recent && of_our_short {
        covered[contract] = bought;
        return true;
    }
    false
}

/// What the broker charges for an execution above what is booked for it.
fn unbooked_charge(listed: &Execution, booked: Option<Money>) -> Option<ListedCharge> {
    let charged = listed.commission?;
    let booked = booked.filter(|booked| booked.currency == charged.currency);
    let open = charged.amount - booked.map_or(Decimal::ZERO, |booked| booked.amount);
    let amount = Money::new(open, charged.currency);
    (!open.is_zero()).then(|| ListedCharge { id: listed.fill.execution.clone(), amount })
}

/// Orders of ours that ended with more filled than the executions of theirs that are booked. A spread has two contracts,
/// each with executions for all of it.
fn short_orders(snapshot: &AccountSnapshot, (books, opened): (&Books, Timestamp), run: &Run) -> Vec<ShortOrder> {
    let mut short = Vec::new();
    for order in &snapshot.completed_orders {
        let Some(order_ref) = order.order_ref.filter(|order_ref| order_ref.account == run.account) else { continue };
        let own = snapshot.executions.iter().filter(|listed| listed.fill.order == Some(order_ref));
        let mut by_contract: BTreeMap<ContractId, Vec<&Fill>> = BTreeMap::new();
        own.for_each(|listed| by_contract.entry(listed.fill.contract).or_default().push(&listed.fill));
        for (contract, fills) in by_contract.into_iter().filter(|(_, fills)| fills[0].at > opened) {
            let held = fills.iter().filter(|fill| books.holds(&fill.execution));
            let held = held.fold(Quantity::ZERO, |sum, fill| sum + fill.quantity);
            let sign = |quantity: Quantity| Quantity::from_units(quantity.units() * fills[0].side.sign());
            if order.filled > held {
                let (filled, booked) = (sign(order.filled), sign(held));
                short.push(ShortOrder { order: order_ref.to_string(), contract, filled, booked });
            }
        }
    }
    short
}

/// An account that said nothing: what is read from it brings nothing into the books.
pub(super) fn nothing(at: Timestamp, run: &Run) -> AccountSnapshot {
    AccountSnapshot {
        at,
        base: run.setup.base,
        net_liquidation: None,
        gross_position_value: None,
        excess_liquidity: None,
        cash: Vec::new(),
        positions: Vec::new(),
        foreign: Vec::new(),
        open_orders: Vec::new(),
        completed_orders: Vec::new(),
        executions: Vec::new(),
        disputes: Vec::new(),
    }
}
