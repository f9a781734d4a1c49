//! One day of the hedge book: what to sell, what to buy, and why nothing else.
//!
//! In: held hedges, chains, premium, the crisis playbook. Out: actions and refusals, and the state of tomorrow.
//! Invariant: the crisis comes first, then what is due, then purchases out of free premium; each reason is kept.

use super::selection::{contracts_for, premium_per_contract};
use super::{
    BudgetLedger, CrisisEpisode, CrisisSignals, Due, HedgeType, HeldOption, OptionListing, SpreadRefusal,
    TailHedgePolicy,
};
use domain::BaseMoney;
use risk::Regime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the hedge book remembers, durable from day to day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HedgeState {
    /// Premium.
    pub budget: BudgetLedger,
    /// The crisis under way.
    pub episode: CrisisEpisode,
}

/// The options of one underlying.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Which hedge they are.
    pub hedge: HedgeType,
    /// Name of the underlying.
    pub underlying: String,
    /// Base currency per unit of the options' currency; `None` without a valid rate.
    pub rate: Option<Decimal>,
    /// The options.
    pub options: Vec<OptionListing>,
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
    /// Chains, preferred underlyings first.
    pub chains: &'a [Chain],
    /// Contracts of the bond spread held: long, short (both positive).
    pub spread_held: (i64, i64),
    /// Base currency per unit of the bond futures' currency.
    pub spread_rate: Option<Decimal>,
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
    /// Bought out of the budget.
    Buy,
}

/// One change of the hedge book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HedgeAction {
    /// Which hedge.
    pub hedge: HedgeType,
    /// The option, or the leg of the spread: `long` or `short`.
    pub name: String,
    /// Signed contracts: positive buys.
    pub contracts: i64,
    /// Why.
    pub purpose: HedgePurpose,
    /// Most it may cost, in base currency: what to reserve before the order is sent.
    pub premium: BaseMoney,
}

/// Why a type buys nothing today.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the sentence it prints")]
pub enum NoPurchase {
    NoPremium,
    MonetisedToday,
    NoChain,
    NoRate { underlying: String },
    NothingFits { underlying: String, options: usize, reasons: Vec<(String, usize)> },
    OneIsTooDear { option: String, premium: BaseMoney, free: BaseMoney },
    Spread { refusal: SpreadRefusal },
}

impl fmt::Display for NoPurchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPurchase::NoPremium => write!(f, "its premium is spent; more accrues next month"),
            NoPurchase::MonetisedToday => write!(f, "monetised today; nothing is bought back on the same date"),
            NoPurchase::NoChain => write!(f, "no chain of options; ask the broker for one of its underlyings"),
            NoPurchase::NoRate { underlying } => write!(f, "{underlying}: no valid exchange rate for its premium"),
            NoPurchase::NothingFits { underlying, options, reasons } => {
                let reasons: Vec<String> = reasons.iter().map(|(code, count)| format!("{code} {count}")).collect();
                write!(f, "{underlying}: none of {options} options fits: {}", reasons.join(", "))
            }
            NoPurchase::OneIsTooDear { option, premium, free } => {
                write!(f, "one {option} costs {premium} and {free} is free; the rest accrues")
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

/// Decides the day and moves the state to it. Purchases are not reserved here: the session reserves under the
/// order's reference before it is sent.
pub fn plan(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, state: &mut HedgeState) -> HedgePlan {
    let stressed = matches!(inputs.signals.regime, Regime::Elevated | Regime::Crisis);
    state.budget.advance(inputs.signals.date, inputs.nav, stressed, &policy.budget);
    let mut plan = HedgePlan::default();
    monetise(inputs, policy, state, &mut plan);
    sell_what_is_due(inputs, policy, &mut plan);
    plan.actions.sort_by_key(|action| action.purpose != HedgePurpose::CloseOut);
    for hedge in HedgeType::ALL {
        let free = state.budget.free(hedge);
        if !state.episode.may_buy(hedge, inputs.signals.date) {
            plan.refusals.push((hedge, NoPurchase::MonetisedToday));
        } else if free == BaseMoney::ZERO {
            plan.refusals.push((hedge, NoPurchase::NoPremium));
        } else if hedge == HedgeType::SovereignSpread {
            buy_spread(inputs, policy, free, &mut plan);
        } else {
            buy_option(hedge, inputs, policy, free, &mut plan);
        }
    }
    plan
}

fn monetise(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, state: &mut HedgeState, plan: &mut HedgePlan) {
    let held: Vec<HeldOption> = inputs.held.iter().map(|(option, _)| option.clone()).collect();
    let price = |option: &HeldOption| inputs.held.iter().find(|(h, _)| h.name == option.name).and_then(|(_, p)| *p);
    let sales = state.episode.advance(&inputs.signals, &held, price, &policy.crisis);
    plan.actions.extend(sales.into_iter().map(|sale| HedgeAction {
        hedge: sale.hedge,
        name: sale.name,
        contracts: -sale.contracts,
        purpose: HedgePurpose::Monetise,
        premium: BaseMoney::ZERO,
    }));
}

fn sell_what_is_due(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, plan: &mut HedgePlan) {
    for (option, _) in inputs.held {
        let purpose = match option.due(inputs.signals.date, &policy.roll) {
            Due::Hold => continue,
            Due::Roll => HedgePurpose::Roll,
            Due::CloseOut => HedgePurpose::CloseOut,
        };
        // What the crisis sells of it already goes out with the rest, in one order.
        plan.actions.retain(|action| action.name != option.name);
        plan.actions.push(HedgeAction {
            hedge: option.hedge,
            name: option.name.clone(),
            contracts: -option.contracts,
            purpose,
            premium: BaseMoney::ZERO,
        });
    }
    plan.actions.retain(|action| action.contracts != 0);
}

/// Buys from the first chain that has a fit option the premium pays for.
fn buy_option(
    hedge: HedgeType,
    inputs: &HedgeInputs<'_>,
    policy: &TailHedgePolicy,
    free: BaseMoney,
    plan: &mut HedgePlan,
) {
    let Some(selection) = policy.selection.get(&hedge) else {
        return plan.refusals.push((hedge, NoPurchase::NoChain));
    };
    let before = plan.refusals.len();
    for chain in inputs.chains.iter().filter(|chain| chain.hedge == hedge) {
        let underlying = chain.underlying.clone();
        let Some(rate) = chain.rate else {
            plan.refusals.push((hedge, NoPurchase::NoRate { underlying }));
            continue;
        };
        let selected = selection.select(&chain.options, inputs.signals.date);
        let Some(option) = selected.chosen.map(|index| &chain.options[index]) else {
            let reasons = selected.tally().into_iter().map(|(code, count)| (code.to_owned(), count)).collect();
            let options = chain.options.len();
            plan.refusals.push((hedge, NoPurchase::NothingFits { underlying, options, reasons }));
            continue;
        };
        let ask = option.ask.expect("a fit option is offered");
        let each = premium_per_contract(ask, option.multiplier, rate);
        let contracts = contracts_for(free, each);
        if contracts == 0 {
            let premium = BaseMoney::new(each);
            plan.refusals.push((hedge, NoPurchase::OneIsTooDear { option: option.name.clone(), premium, free }));
            continue;
        }
        let premium = BaseMoney::new(Decimal::from(contracts) * each).min(free);
        let (name, purpose) = (option.name.clone(), HedgePurpose::Buy);
        return plan.actions.push(HedgeAction { hedge, name, contracts, purpose, premium });
    }
    if plan.refusals.len() == before {
        plan.refusals.push((hedge, NoPurchase::NoChain));
    }
}

fn buy_spread(inputs: &HedgeInputs<'_>, policy: &TailHedgePolicy, free: BaseMoney, plan: &mut HedgePlan) {
    let hedge = HedgeType::SovereignSpread;
    let Some(rate) = inputs.spread_rate else {
        return plan.refusals.push((hedge, NoPurchase::NoRate { underlying: "OAT–Bund".to_owned() }));
    };
    match policy.bond_spread.target(inputs.spread_held, free, rate, inputs.signals.date) {
        Err(refusal) => plan.refusals.push((hedge, NoPurchase::Spread { refusal })),
        Ok(target) => {
            let legs = [
                ("long", target.long - inputs.spread_held.0, target.premium),
                ("short", inputs.spread_held.1 - target.short, BaseMoney::ZERO),
            ];
            plan.actions.extend(legs.into_iter().filter(|(_, contracts, _)| *contracts != 0).map(
                |(name, contracts, premium)| HedgeAction {
                    hedge,
                    name: name.to_owned(),
                    contracts,
                    purpose: HedgePurpose::Buy,
                    premium,
                },
            ));
        }
    }
}

#[cfg(test)]
mod tests;
