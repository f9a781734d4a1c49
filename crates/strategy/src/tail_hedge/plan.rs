//! One day of the hedge book: what to sell, what to buy, and why nothing else.
//!
//! In: held hedges, chains, premium, the crisis playbook. Out: actions and refusals, and the state of tomorrow.
//! Invariant: the crisis comes first, then what is due, then purchases out of free premium; each reason is kept.

use super::Dv01s;
use super::selection::{contracts_for, premium_per_contract};
use super::{
    BondSpreadPolicy, BudgetLedger, CrisisEpisode, CrisisSignals, Due, HedgeRoot, HedgeType, HeldOption, OptionListing,
    PricedFuture, SpreadRefusal, SpreadRoom, TailHedgePolicy,
};
use crate::sizing::RebalancePolicy;
use domain::{BaseMoney, ContractId, FxRates, InstrumentId, OrderKey, PerContract, Price, Side, Universe, rounding};
use risk::Regime;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What the hedge book remembers, durable from day to day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HedgeState {
    /// Premium.
    pub budget: BudgetLedger,
    /// The crisis under way.
    pub episode: CrisisEpisode,
    /// Types with premium that has not been offered to a chain yet, or came back.
    pub looking: BTreeSet<HedgeType>,
}

impl HedgeState {
    /// True when a type would buy on this date if a chain has something: premium is new, or came back unspent.
    pub fn looks_for(&self, hedge: HedgeType, date: jiff::civil::Date) -> bool {
        self.budget.is_new_month(date) || self.looking.contains(&hedge)
    }

    /// Books premium that was paid for a type.
    pub fn pay(&mut self, order: OrderKey, hedge: HedgeType, premium: BaseMoney) {
        self.budget.pay(order, hedge, premium);
    }

    /// Takes back premium that turned out not to be paid for a type.
    pub fn refund(&mut self, hedge: HedgeType, premium: BaseMoney) {
        self.budget.refund(hedge, premium);
    }

    /// Ends an order: what it did not spend is free again, and looks for a chain again.
    pub fn release(&mut self, order: OrderKey) {
        let reserved = self.budget.reservations().iter().find(|reservation| reservation.order == order);
        self.looking.extend(reserved.filter(|r| r.amount > BaseMoney::ZERO).map(|r| r.hedge));
        self.budget.release(order);
    }

    /// The same state over other keys; an option that is gone is no longer waited for.
    pub fn rekeyed(mut self, key: impl Fn(ContractId) -> Option<ContractId>) -> HedgeState {
        let kept = self.episode.keep.into_iter();
        self.episode.keep = kept
            .filter_map(|kept| key(kept.contract).map(|contract| super::episode::Kept { contract, ..kept }))
            .collect();
        self
    }
}

/// Quotes of the options of one root that might be bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listings {
    /// The root.
    pub root: InstrumentId,
    /// Those of its options that were quoted.
    pub options: Vec<OptionListing>,
}

/// A leg of the bond spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadLeg {
    /// The contract to trade.
    pub contract: ContractId,
    /// Its price and terms.
    pub future: PricedFuture,
    /// What is held of the leg in all its contracts, positive.
    pub held: i64,
}

/// Both legs of the bond spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadLegs {
    /// Bought.
    pub long: SpreadLeg,
    /// Sold.
    pub short: SpreadLeg,
}

/// Everything the day's hedging reads.
#[derive(Clone, Copy, Debug)]
pub struct HedgeInputs<'a> {
    /// Date, regime, VIX, return of the day.
    pub signals: CrisisSignals,
    /// Our NAV; that of the month's first trade date is the month's budget.
    pub nav: BaseMoney,
    /// Options held, each with the price it is written on.
    pub held: &'a [(HeldOption, Option<f64>)],
    /// What they are worth, in base currency.
    pub market_value: BaseMoney,
    /// Most they may be worth with what is bought.
    pub market_value_max: BaseMoney,
    /// Chains of today; none for roots nobody asked about.
    pub chains: &'a [Listings],
    /// The bond spread; `None` when it is not configured or has no contract to trade.
    pub spread: Option<SpreadLegs>,
    /// What one contract carries of the market, in base currency: options at their delta.
    pub exposure: &'a PerContract<f64>,
    /// Which trades are too small to be made.
    pub rebalance: &'a RebalancePolicy,
    /// Names, multipliers, currencies.
    pub universe: &'a Universe,
    /// Rates to base.
    pub fx: &'a FxRates,
}

impl HedgeInputs<'_> {
    fn rate(&self, root: InstrumentId) -> Option<Decimal> {
        self.fx.rate(self.universe.instrument(root).currency, self.fx.base()).ok()
    }
}

/// Why an action is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HedgePurpose {
    /// Turned into money in a crisis.
    Monetise,
    /// Sold before it is exercised.
    CloseOut,
    /// Sold because little time is left.
    Roll,
    /// Brought back under the cap of the spread, both legs together.
    Cap,
    /// What one leg of the spread has beyond the other: it would be a bet on the level of yields.
    Level,
    /// Bought out of the budget.
    Buy,
}

/// One change of the hedge book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HedgeAction {
    /// Which hedge.
    pub hedge: HedgeType,
    /// The option, or the future of a leg of the spread.
    pub contract: ContractId,
    /// Signed contracts: positive buys.
    pub contracts: i64,
    /// Why.
    pub purpose: HedgePurpose,
    /// Most one contract may cost, in base currency: what is reserved before its order is sent.
    pub premium: BaseMoney,
    /// Highest price an option may be bought at, so that it costs no more.
    pub price_max: Option<Price>,
}

/// Why a type buys nothing today.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the sentence it prints")]
pub enum NoPurchase {
    NoPremium,
    MonetisedToday,
    CappedToday,
    Waiting,
    NoChain,
    CapReached { value: BaseMoney, cap: BaseMoney },
    NoContract { future: String },
    NoRate { underlying: String },
    NothingFits { underlying: String, options: usize, reasons: Vec<(String, usize)> },
    OneIsTooDear { option: String, premium: BaseMoney, free: BaseMoney },
    TooSmall { option: String, contracts: i64, value: BaseMoney, min: BaseMoney },
    Spread { refusal: SpreadRefusal },
}

impl fmt::Display for NoPurchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPurchase::NoPremium => write!(f, "its premium is spent; more accrues next month"),
            NoPurchase::MonetisedToday => write!(f, "monetised today; nothing is bought back on the same date"),
            NoPurchase::CappedToday => write!(f, "brought back under its cap; nothing is added on the same date"),
            NoPurchase::Waiting => write!(f, "what is free buys no contract; it is offered again when more accrues"),
            NoPurchase::CapReached { value, cap } => {
                write!(f, "the hedges are worth {value} and may be worth {cap}; nothing is added above that")
            }
            NoPurchase::NoContract { future } => write!(f, "{future}: no contract that can be traded today"),
            NoPurchase::NoChain => write!(f, "no chain of options; ask the broker for one of its underlyings"),
            NoPurchase::NoRate { underlying } => write!(f, "{underlying}: no valid exchange rate for its premium"),
            NoPurchase::NothingFits { underlying, options, reasons } => {
                let reasons: Vec<String> = reasons.iter().map(|(code, count)| format!("{code} {count}")).collect();
                write!(f, "{underlying}: none of {options} options fits: {}", reasons.join(", "))
            }
            NoPurchase::OneIsTooDear { option, premium, free } => {
                write!(f, "one {option} costs {premium} and {free} is free; the rest accrues")
            }
            NoPurchase::TooSmall { option, contracts, value, min } => {
                write!(
                    f,
                    "{contracts} {option} would carry {value} of the market and no trade below {min} is made; the rest accrues"
                )
            }
            NoPurchase::Spread { refusal } => refusal.fmt(f),
        }
    }
}

/// The day's hedging.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HedgePlan {
    /// Changes, most urgent first.
    pub actions: Vec<HedgeAction>,
    /// Types that buy nothing, with the reason per underlying.
    pub refusals: Vec<(HedgeType, NoPurchase)>,
}

impl HedgePlan {
    /// Forgets everything, to be filled again.
    pub fn clear(&mut self) {
        self.actions.clear();
        self.refusals.clear();
    }

    /// True for an option that is sold because it would be exercised.
    pub fn closes_out(&self, contract: ContractId) -> bool {
        self.actions.iter().any(|action| action.contract == contract && action.purpose == HedgePurpose::CloseOut)
    }
}

/// Decides the day and moves the state to it. Purchases are not reserved here: the plan does when their orders are known.
pub fn plan(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, state: &mut HedgeState) -> HedgePlan {
    let stressed = matches!(inputs.signals.regime, Regime::Elevated | Regime::Crisis);
    if state.budget.advance(inputs.signals.date, inputs.nav, stressed, &policy.budget) {
        state.looking.extend(policy.budget.shares.keys());
    }
    let mut plan = HedgePlan::default();
    monetise(inputs, policy, state, &mut plan);
    sell_what_is_due(inputs, policy, &mut plan);
    cap_spread(inputs, policy, &mut plan);
    plan.actions.sort_by_key(|action| action.purpose != HedgePurpose::CloseOut);
    let mut room = (inputs.market_value_max - inputs.market_value).max(BaseMoney::ZERO);
    for &hedge in policy.budget.shares.keys() {
        match buy(hedge, room, inputs, policy, state, &mut plan) {
            Err(refusal) => plan.refusals.push((hedge, refusal)),
            Ok(spent) => room = (room - spent).max(BaseMoney::ZERO),
        }
    }
    level_spread(inputs, policy, &mut plan);
    plan
}

/// What a type buys, and what of the room under the market-value cap it takes.
fn buy(
    hedge: HedgeType,
    room: BaseMoney,
    inputs: &HedgeInputs<'_>,
    policy: &TailHedgePolicy,
    state: &mut HedgeState,
    plan: &mut HedgePlan,
) -> Result<BaseMoney, NoPurchase> {
    let sold = |action: &HedgeAction| action.hedge == hedge && action.purpose == HedgePurpose::Monetise;
    let free = state.budget.free(hedge);
    if !state.episode.may_buy(hedge, inputs.signals.date) || plan.actions.iter().any(sold) {
        return Err(NoPurchase::MonetisedToday);
    }
    if free == BaseMoney::ZERO {
        state.looking.remove(&hedge);
        return Err(NoPurchase::NoPremium);
    }
    if !state.looking.contains(&hedge) {
        return Err(NoPurchase::Waiting);
    }
    // The sale already leaves the spread neutral: a purchase would correct the same leg again.
    if hedge == HedgeType::SovereignSpread && plan.actions.iter().any(|action| action.hedge == hedge) {
        return Err(NoPurchase::CappedToday);
    }
    let bought = if hedge == HedgeType::SovereignSpread {
        buy_spread(inputs, policy, free, plan).map(|()| BaseMoney::ZERO)
    } else if room == BaseMoney::ZERO {
        Err(NoPurchase::CapReached { value: inputs.market_value, cap: inputs.market_value_max })
    } else {
        buy_option(hedge, inputs, policy, free.min(room), plan)
    };
    // Too little premium today waits for more: prices alone do not make the chain worth asking for again.
    use NoPurchase::{OneIsTooDear, Spread, TooSmall};
    if let Err(OneIsTooDear { .. } | TooSmall { .. } | Spread { refusal: SpreadRefusal::BudgetTooSmall { .. } }) =
        bought
    {
        state.looking.remove(&hedge);
    }
    bought
}

fn monetise(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, state: &mut HedgeState, plan: &mut HedgePlan) {
    let held: Vec<HeldOption> = inputs.held.iter().map(|(option, _)| *option).collect();
    let price = |option: &HeldOption| {
        let held = inputs.held.iter().find(|(held, _)| held.contract == option.contract);
        held.and_then(|(_, price)| *price)
    };
    let sales = state.episode.advance(&inputs.signals, &held, price, &policy.crisis);
    plan.actions.extend(sales.iter().map(|s| sale(s.hedge, s.contract, s.contracts, HedgePurpose::Monetise)));
}

fn sale(hedge: HedgeType, contract: ContractId, contracts: i64, purpose: HedgePurpose) -> HedgeAction {
    HedgeAction { hedge, contract, contracts: -contracts, purpose, premium: BaseMoney::ZERO, price_max: None }
}

fn sell_what_is_due(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, plan: &mut HedgePlan) {
    for (option, _) in inputs.held {
        let purpose = match option.due(inputs.signals.date, &policy.roll) {
            Due::Hold => continue,
            Due::Roll => HedgePurpose::Roll,
            Due::CloseOut => HedgePurpose::CloseOut,
        };
        // What the crisis sells of it already goes out with the rest, in one order.
        plan.actions.retain(|action| action.contract != option.contract);
        plan.actions.push(sale(option.hedge, option.contract, option.contracts, purpose));
    }
    plan.actions.retain(|action| action.contracts != 0);
}

/// Buys from the first chain that has a fit option the premium pays for; the reason of the last one when none has.
fn buy_option(
    hedge: HedgeType,
    inputs: &HedgeInputs<'_>,
    policy: &TailHedgePolicy,
    free: BaseMoney,
    plan: &mut HedgePlan,
) -> Result<BaseMoney, NoPurchase> {
    let mut refused = NoPurchase::NoChain;
    for root in policy.roots.iter().filter(|root| root.hedge == hedge) {
        match choose(root, inputs, policy, free) {
            Ok(action) => {
                plan.actions.push(action);
                return Ok(BaseMoney::new(action.premium.amount() * Decimal::from(action.contracts)));
            }
            Err(NoPurchase::NoChain) => {}
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

/// The purchase of one root.
fn choose(
    root: &HedgeRoot,
    inputs: &HedgeInputs<'_>,
    policy: &TailHedgePolicy,
    free: BaseMoney,
) -> Result<HedgeAction, NoPurchase> {
    let instrument = inputs.universe.instrument(root.root);
    let chain = inputs.chains.iter().find(|chain| chain.root == root.root).ok_or(NoPurchase::NoChain)?;
    let selection = policy.selection.get(&root.hedge).ok_or(NoPurchase::NoChain)?;
    let underlying = || instrument.name.clone();
    let rate = inputs.rate(root.root).ok_or_else(|| NoPurchase::NoRate { underlying: underlying() })?;
    let selected = selection.select(&chain.options, inputs.signals.date);
    let option = selected.chosen.map(|index| &chain.options[index]);
    let contract = option.and_then(|option| inputs.universe.find_option(root.root, &option.key));
    let Some((option, contract)) = option.zip(contract) else {
        let reasons = selected.tally().into_iter().map(|(code, count)| (code.to_owned(), count)).collect();
        return Err(NoPurchase::NothingFits { underlying: underlying(), options: chain.options.len(), reasons });
    };
    let price_max = highest(option.ask.expect("a fit option is offered"), policy.price_tolerance, instrument.tick);
    let each = premium_per_contract(price_max, instrument.multiplier, rate);
    // Rounded up, so that what is reserved covers what is paid.
    let premium = BaseMoney::new(each.round_dp_with_strategy(8, RoundingStrategy::AwayFromZero));
    let contracts = contracts_for(free, premium.amount());
    if contracts == 0 {
        let option = inputs.universe.contract(contract).name.clone();
        return Err(NoPurchase::OneIsTooDear { option, premium, free });
    }
    let exposure = inputs.exposure[contract] * contracts as f64;
    if inputs.rebalance.too_small(exposure) {
        let option = inputs.universe.contract(contract).name.clone();
        let [value, min] = [exposure.abs(), inputs.rebalance.trade_min]
            .map(|value| BaseMoney::new(Decimal::try_from(value).unwrap_or_default().round_dp(2)));
        return Err(NoPurchase::TooSmall { option, contracts, value, min });
    }
    let (hedge, purpose) = (root.hedge, HedgePurpose::Buy);
    Ok(HedgeAction { hedge, contract, contracts, purpose, premium, price_max: Some(price_max) })
}

/// The highest price on the grid that is no further above the offer than tolerated, at least the offer.
fn highest(ask: Price, tolerance: f64, tick: Price) -> Price {
    let above = Price::from_f64(ask.to_f64() * (1.0 + tolerance)).unwrap_or(ask);
    rounding::limit_to_tick(above, tick, Side::Buy).max(ask)
}

/// Both legs, the room under their cap and the rate of their currency to base.
fn spread_at(
    inputs: &HedgeInputs<'_>,
    policy: &TailHedgePolicy,
) -> Result<(SpreadLegs, SpreadRoom, Decimal), NoPurchase> {
    let futures = policy.spread.ok_or(NoPurchase::NoChain)?;
    let future = || inputs.universe.instrument(futures.long).name.clone();
    let legs = inputs.spread.ok_or_else(|| NoPurchase::NoContract { future: future() })?;
    let rate = inputs.rate(futures.long).ok_or_else(|| NoPurchase::NoRate { underlying: future() })?;
    let (long, short) = (&legs.long.future, &legs.short.future);
    let to_base = rate.to_f64().unwrap_or(0.0);
    let most = policy.bond_spread.gross_max * inputs.nav.to_f64();
    let room = SpreadRoom { long: long.notional() * to_base, short: short.notional() * to_base, most };
    Ok((legs, room, rate))
}

/// Sells what the spread has outgrown its cap by, when NAV fell or its contracts rose.
fn cap_spread(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, plan: &mut HedgePlan) {
    trim_spread(HedgePurpose::Cap, inputs, policy, plan, |held, _, room| !room.holds(held.0, held.1));
}

/// Closes what one leg has without the other, when a purchase or a roll was executed in part: unless today's purchase
/// completes it.
fn level_spread(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, plan: &mut HedgePlan) {
    if plan.actions.iter().all(|action| action.hedge != HedgeType::SovereignSpread) {
        trim_spread(HedgePurpose::Level, inputs, policy, plan, |held, dv01s, _| !dv01s.are_level(held));
    }
}

/// Brings the spread to its largest neutral part inside the cap, when it has to.
fn trim_spread(
    purpose: HedgePurpose,
    inputs: &HedgeInputs<'_>,
    policy: &TailHedgePolicy,
    plan: &mut HedgePlan,
    has_to: impl Fn((i64, i64), &Dv01s, &SpreadRoom) -> bool,
) {
    let Ok((SpreadLegs { long, short }, room, _)) = spread_at(inputs, policy) else { return };
    let held = (long.held, short.held);
    if held == (0, 0) {
        return;
    }
    let Ok(dv01s) = policy.bond_spread.dv01s(&long.future, &short.future) else { return };
    if !has_to(held, &dv01s, &room) {
        return;
    }
    let within = BondSpreadPolicy::within(held, &dv01s, &room);
    let sales = [(long.contract, long.held - within.0), (short.contract, within.1 - short.held)];
    let sales = sales.into_iter().filter(|(_, contracts)| *contracts != 0);
    plan.actions
        .extend(sales.map(|(contract, contracts)| sale(HedgeType::SovereignSpread, contract, contracts, purpose)));
}

fn buy_spread(
    inputs: &HedgeInputs<'_>,
    policy: &TailHedgePolicy,
    free: BaseMoney,
    plan: &mut HedgePlan,
) -> Result<(), NoPurchase> {
    let (SpreadLegs { long, short }, room, rate) = spread_at(inputs, policy)?;
    let (hedge, spread) = (HedgeType::SovereignSpread, &policy.bond_spread);
    let target = spread
        .dv01s(&long.future, &short.future)
        .and_then(|dv01s| spread.target((long.held, short.held), &dv01s, (free, rate), &room))
        .map_err(|refusal| NoPurchase::Spread { refusal })?;
    let legs = [(long.contract, target.long - long.held), (short.contract, short.held - target.short)];
    // The first leg that is traded carries the premium of both.
    let mut premium = target.premium.amount();
    for (contract, contracts) in legs.into_iter().filter(|(_, contracts)| *contracts != 0) {
        let each = std::mem::take(&mut premium) / Decimal::from(contracts.abs());
        let each = BaseMoney::new(each.round_dp_with_strategy(8, RoundingStrategy::ToZero));
        let purpose = HedgePurpose::Buy;
        plan.actions.push(HedgeAction { hedge, contract, contracts, purpose, premium: each, price_max: None });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
