//! Which marks and rates the day stands on.
//!
//! In: the account, bars, rates from elsewhere, what was believed before. Out: marks, rates, doubts, and what to believe from now on.
//! Invariant: pure; an offer that is not believed leaves the last good one in place and says so.

use super::Run;
use super::observe::Bars;
use super::scope::holds;
use cycle::{Believed, Doubts};
use domain::{AssetClass, ContractId, Fill, FxRates, Ledger, Mic, PerContract, Price};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use market::Bar;
use market::fx::{FxBoard, FxPolicy, RateOffer, RateSource};
use market::marks::{Doubt, Flag, LastMark, MarkRule, MarkSource, Offer, accept, caught_up};
use ports::{AccountSnapshot, BrokerPosition};
use std::collections::BTreeMap;
use strategy::tail_hedge::{OptionView, modelled, underlying};

/// A venue that opened on none of this many days has no session to date a mark by.
const CLOSED_DAYS_MAX: i64 = 14;

/// How long the mark of a future that has ended is kept: longer than a broker tells of its executions.
const ENDED_DAYS: i64 = 30;

/// New shares for old ones of a contract.
type Split = (ContractId, (u32, u32));

/// What is believed at one moment.
pub(super) struct Belief {
    pub(super) marks: PerContract<Option<Price>>,
    pub(super) fx: FxRates,
    pub(super) doubts: Doubts,
    pub(super) believed: Believed,
}

/// Judges what the account and the bars say at `now` against what was believed before.
pub(super) fn believe(
    snapshot: &AccountSnapshot,
    (bars, elsewhere): (&Bars, &[RateOffer]),
    (before, splits): (Believed, &[Split]),
    ledger: &Ledger,
    now: Timestamp,
    run: &Run,
) -> Belief {
    let mut board = FxBoard::new(run.setup.base, before.rates);
    rate_offers(snapshot, bars, run).chain(elsewhere.iter().copied()).for_each(|offer| board.offer(offer));
    let table = board.settle(now, run.calendars.get(Mic::Fx).ok(), &fx_policy(run));
    let universe = &run.setup.universe;
    let mut marks = PerContract::filled(None, universe.contract_count());
    let mut believed = before.over(&run.setup.names);
    believed.rates = table.last;
    let mut doubts = Doubts { marks: Vec::new(), rates: table.findings };
    let forgotten = now.to_zoned(jiff::tz::TimeZone::UTC).date().saturating_sub(ENDED_DAYS.days());
    let told = Told::of(snapshot, now, run);
    for contract in universe.contracts() {
        let (last, held) = (believed.marks[contract], !ledger.quantity(contract).is_zero());
        let is_silent = told.is_silent_on(contract, bars);
        if is_silent && last.is_none() && !held {
            continue; // most of the table
        }
        let mut offers: Vec<Offer> =
            if is_silent { Vec::new() } else { mark_offers(contract, &told, bars, ledger).collect() };
        if told.counted_otherwise(contract, ledger) {
            // Price and quantity that change together are a split until a statement says so: no second source confirms it.
            offers.truncate(1);
        }
        let over = last.is_some() && universe.contract(contract).expiry.is_some_and(|expiry| expiry < forgotten);
        if over && !holds(ledger, contract) {
            believed.marks[contract] = None;
            continue;
        }
        let rule = rule(contract, splits, run);
        let last = match last {
            Some(last) if !held => Some(caught_up(last, unseen(last, bars[contract].as_deref()), rule)),
            last => last,
        };
        let judged = accept(last, &offers, rule);
        believed.marks[contract] = judged.mark;
        marks[contract] = judged.mark.map(|mark| mark.good.price);
        let doubt = judged.doubt.filter(|doubt| held || *doubt != Doubt::Missing);
        doubts.marks.extend(doubt.map(|doubt| flag(contract, doubt, judged.mark, held, now, run)));
    }
    options(&mut marks, &mut doubts, &mut believed, ledger, now, run);
    Belief { marks, fx: table.rates, doubts, believed }
}

/// Remembers the volatility held options trade at, and values by it what has no price. What is no longer held is forgotten.
fn options(
    marks: &mut PerContract<Option<Price>>,
    doubts: &mut Doubts,
    believed: &mut Believed,
    ledger: &Ledger,
    now: Timestamp,
    run: &Run,
) {
    let Some((_, policy)) = run.setup.tail_hedge() else { return };
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for row in &run.setup.options {
        if ledger.quantity(row.contract).is_zero() {
            (believed.marks[row.contract], believed.volatilities[row.contract]) = (None, None);
            continue;
        }
        let Some(price) = marks[row.root.underlying] else { continue };
        let underlying = underlying(row.root.hedge, price, policy.interest_rate);
        let flag = doubts.marks.iter_mut().find(|flag| flag.contract == row.contract);
        match (flag, marks[row.contract]) {
            (None, Some(mark)) => {
                let view = OptionView::at(&row.key, mark, underlying, today).and_then(|view| view.volatility);
                believed.volatilities[row.contract] = view.or(believed.volatilities[row.contract]);
            }
            (Some(flag), _) if flag.doubt == Doubt::Missing => {
                let tick = run.setup.universe.terms(row.contract).tick;
                let volatility = believed.volatilities[row.contract];
                let price = volatility.and_then(|own| modelled(&row.key, tick, &underlying, own, today));
                if let Some((price, volatility)) = price.zip(volatility) {
                    marks[row.contract] = Some(price);
                    flag.doubt = Doubt::Modelled { price, volatility };
                }
            }
            _ => {}
        }
    }
}

/// What the account tells of prices.
struct Told<'a> {
    positions: PerContract<Option<&'a BrokerPosition>>,
    /// Executions of orders that are not ours.
    others: Vec<&'a Fill>,
    /// The last session each venue has opened.
    opened: BTreeMap<Mic, Option<Date>>,
    run: &'a Run,
}

impl<'a> Told<'a> {
    fn of(snapshot: &'a AccountSnapshot, now: Timestamp, run: &'a Run) -> Told<'a> {
        let mut positions = PerContract::filled(None, run.setup.universe.contract_count());
        let mut opened = BTreeMap::new();
        for position in &snapshot.positions {
            positions[position.contract] = Some(position);
            let venue = run.setup.universe.instrument_of(position.contract).venue;
            opened.entry(venue).or_insert_with(|| last_session(position.contract, now, run));
        }
        let executions = snapshot.executions.iter().map(|execution| &execution.fill);
        Told { positions, others: executions.filter(|fill| fill.order.is_none()).collect(), opened, run }
    }

    /// Whether nobody offers a price of it: most of the table is neither held nor read.
    fn is_silent_on(&self, contract: ContractId, bars: &Bars) -> bool {
        self.positions[contract].is_none() && self.others.is_empty() && bars[contract].is_none()
    }

    /// The broker's mark of a position, in the last session its venue has opened.
    fn mark(&self, contract: ContractId) -> Option<Offer> {
        let price = self.positions[contract]?.mark?;
        let session = self.opened[&self.run.setup.universe.instrument_of(contract).venue]?;
        Some(Offer { price, session, source: MarkSource::Broker })
    }

    /// Whether the broker holds another quantity of what we hold than our books.
    fn counted_otherwise(&self, contract: ContractId, ledger: &Ledger) -> bool {
        let ours = ledger.quantity(contract);
        !ours.is_zero() && self.positions[contract].is_some_and(|position| position.quantity != ours)
    }
}

fn fx_policy(run: &Run) -> FxPolicy {
    let fx = &run.settings.fx;
    FxPolicy {
        warn_age_hours: fx.warn_age_hours,
        max_age_hours: fx.max_age_hours,
        triangular_gap_bps: fx.triangular_gap_bps,
        source_gap_bps: fx.source_gap_bps,
        jump_max: fx.max_jump,
    }
}

fn rule(contract: ContractId, splits: &[Split], run: &Run) -> MarkRule {
    let universe = &run.setup.universe;
    let class = universe.instrument_of(contract).asset_class;
    let jump_max = run.settings.data.jump_max(class);
    let split = splits.iter().find(|(of, _)| *of == contract).map(|(_, ratio)| *ratio);
    let decays = class == AssetClass::Option;
    MarkRule { jump_max, multiplier: universe.terms(contract).multiplier, split, decays }
}

/// The broker's own rate where the account has the currency, and the last close of its pair.
fn rate_offers<'a>(
    snapshot: &'a AccountSnapshot,
    bars: &'a Bars,
    run: &'a Run,
) -> impl Iterator<Item = RateOffer> + 'a {
    let base = run.setup.base;
    let account = snapshot.cash.iter().filter(move |row| row.currency != base).map(move |row| RateOffer {
        from: row.currency,
        to: base,
        rate: row.exchange_rate,
        source: RateSource::Account,
        at: snapshot.at,
    });
    let closes = run.setup.references.rates.iter().filter_map(move |(currency, pair)| {
        let contract = run.setup.universe.spot_contract((*pair)?)?;
        let bar = bars[contract].as_ref()?.last()?;
        let calendar = run.calendars.get(run.setup.universe.instrument_of(contract).venue).ok()?;
        let at = calendar.session(bar.date).ok()??.close;
        Some(RateOffer { from: currency, to: base, rate: bar.close.to_decimal(), source: RateSource::Mid, at })
    });
    account.chain(closes)
}

/// The broker's mark of what is held, or the price at which the broker saw it go, then the last close.
fn mark_offers<'a>(
    contract: ContractId,
    told: &'a Told<'_>,
    bars: &'a Bars,
    ledger: &Ledger,
) -> impl Iterator<Item = Offer> + 'a {
    // What our books alone still hold, and others' executions took whole, has no mark any more: NAV would keep yesterday's.
    let others = told.others.iter().filter(move |fill| fill.contract == contract);
    let taken: i64 = others.clone().map(|fill| fill.change().units()).sum();
    let gone = taken != 0 && taken == -ledger.quantity(contract).units();
    let last = others.filter(|_| gone).max_by_key(|fill| fill.at);
    let newest = bars[contract].as_ref().and_then(|bars| bars.last());
    let last = last.and_then(|fill| {
        let session = last_session(contract, fill.at, told.run)
            .filter(|session| newest.is_none_or(|bar| bar.date <= *session))?;
        Some(Offer { price: fill.price, session, source: MarkSource::Execution })
    });
    told.mark(contract).into_iter().chain(last).chain(newest.map(close))
}

/// The closes after the last mark's session and before the newest one. Most of what is not held is not looked at every day; what
/// is held waits for what a person sees too, because a split may be in between.
fn unseen(last: LastMark, bars: Option<&[Bar]>) -> impl Iterator<Item = Offer> + '_ {
    let seen = last.suspect.map_or(last.good.session, |suspect| suspect.session.max(last.good.session));
    let older = bars.and_then(|bars| bars.split_last()).map_or(&[][..], |(_, older)| older);
    let first = older.iter().rposition(|bar| bar.date <= seen).map_or(0, |at| at + 1);
    older[first..].iter().map(close)
}

fn close(bar: &Bar) -> Offer {
    Offer { price: bar.close, session: bar.date, source: MarkSource::Close }
}

/// What is not held may be old: only a held mark stops the day's increases.
fn flag(contract: ContractId, doubt: Doubt, mark: Option<LastMark>, held: bool, now: Timestamp, run: &Run) -> Flag {
    let kept = mark.map(|mark| mark.good);
    let sessions = kept.map_or(u32::MAX, |kept| sessions_since(contract, kept.session, now, run));
    Flag { contract, doubt, kept, sessions, stale: held && sessions > run.settings.data.stale_mark_sessions }
}

/// The last session of the contract's venue that has opened by `now`.
fn last_session(contract: ContractId, now: Timestamp, run: &Run) -> Option<Date> {
    let calendar = run.calendars.get(run.setup.universe.instrument_of(contract).venue).ok()?;
    let tomorrow = now.to_zoned(calendar.zone().clone()).date().tomorrow().ok()?;
    let opened = |back: i64| {
        let date = tomorrow.checked_sub(back.days()).ok()?;
        calendar.session(date).ok().flatten().filter(|session| session.open <= now).map(|session| session.date)
    };
    (0..=CLOSED_DAYS_MAX).find_map(opened)
}

/// Sessions that have opened after a mark's own; what the calendar does not know counts as very many.
fn sessions_since(contract: ContractId, session: Date, now: Timestamp, run: &Run) -> u32 {
    let count = || {
        let calendar = run.calendars.get(run.setup.universe.instrument_of(contract).venue).ok()?;
        let last = last_session(contract, now, run)?;
        let after = session.tomorrow().ok()?;
        if last < after { Some(0) } else { u32::try_from(calendar.sessions(after, last).ok()?.len()).ok() }
    };
    count().unwrap_or(u32::MAX)
}
