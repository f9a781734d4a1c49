//! The tail hedges as they stand: worth, Greeks, what they would pay.
//!
//! In: books, marks, rates, a date. Out: a row per option held, totals, a payoff per scenario. Invariant: every number
//! comes from one mark and one model; what cannot be priced is worth its mark and pays nothing.

use crate::Setup;
use crate::setup::OptionRow;
use domain::{BaseMoney, ContractId, FxRates, Ledger, PerContract, Price, Quantity, SleeveBooks, SleeveId};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;
use strategy::TailHedgePolicy;
use strategy::tail_hedge::stress::Payoff;
use strategy::tail_hedge::{
    Dv01s, HedgeType, HeldOption, OptionView, PricedFuture, Scenario, StressedOption, underlying,
};

/// Books, marks and rates of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Trade date.
    pub date: Date,
    /// What is held.
    pub ledger: &'a Ledger,
    /// By whom; `None` where nobody else holds anything.
    pub sleeves: Option<&'a SleeveBooks>,
    /// Marks.
    pub marks: &'a PerContract<Option<Price>>,
    /// Rates to base.
    pub fx: &'a FxRates,
}

/// An option of ours at a moment. Money is in base currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgePosition {
    /// Which option, and how many.
    pub held: HeldOption,
    /// Its mark.
    pub mark: Option<Price>,
    /// Price of what it is written on.
    pub underlying: Option<f64>,
    /// Market value.
    pub value: BaseMoney,
    /// Base currency per unit of its currency.
    pub rate: f64,
    /// The model's view; `None` when a price is missing.
    pub view: Option<OptionView>,
}

impl HedgePosition {
    fn units(&self) -> f64 {
        self.held.contracts as f64 * f64::from(self.held.multiplier)
    }

    /// Delta × the value of what it is written on: how much of the market it carries, negative for puts. At its market
    /// value while it cannot be priced.
    pub fn exposure(&self) -> f64 {
        let of = |(view, price): (OptionView, f64)| view.value.delta * price * self.units() * self.rate;
        self.view.zip(self.underlying).map_or(self.value.to_f64(), of)
    }

    /// What a volatility point more brings.
    pub fn vega(&self) -> Option<f64> {
        self.view.map(|view| view.value.vega / 100.0 * self.units() * self.rate)
    }

    /// What a day that passes costs, negative.
    pub fn theta(&self) -> Option<f64> {
        self.view.map(|view| view.value.theta / 365.0 * self.units() * self.rate)
    }

    /// Whether exercise would pay now; unknown without a price.
    pub fn in_the_money(&self) -> Option<bool> {
        self.underlying.map(|price| self.held.in_the_money(price))
    }
}

/// What is held of the options of the tail hedges, in the order of the universe. What is outside is not ours.
pub fn hedge_positions(moment: &Moment<'_>, setup: &Setup) -> Vec<HedgePosition> {
    let Some((_, policy)) = setup.tail_hedge() else { return Vec::new() };
    setup.options.iter().filter_map(|row| position(row, moment, policy, setup)).collect()
}

fn position(row: &OptionRow, moment: &Moment<'_>, policy: &TailHedgePolicy, setup: &Setup) -> Option<HedgePosition> {
    let contracts = ours(row.contract, moment);
    if contracts <= 0 {
        return None;
    }
    let terms = setup.universe.terms(row.contract);
    let held = HeldOption {
        contract: row.contract,
        hedge: row.root.hedge,
        key: row.key,
        multiplier: terms.multiplier,
        physical: row.root.physical,
        contracts,
    };
    let (mark, price) = (moment.marks[row.contract], moment.marks[row.root.underlying]);
    let rate = moment.fx.rate(terms.currency, moment.fx.base()).unwrap_or_default();
    let value = mark.map_or(Decimal::ZERO, |mark| Quantity::whole(contracts).value_at(mark, terms.multiplier) * rate);
    let view = mark.zip(price).and_then(|(mark, price)| {
        let underlying = underlying(row.root.hedge, price, policy.interest_rate);
        OptionView::at(&row.key, mark, underlying, moment.date)
    });
    let (value, rate) = (BaseMoney::new(value), rate.to_f64().unwrap_or_default());
    Some(HedgePosition { held, mark, underlying: price.map(Price::to_f64), value, rate, view })
}

/// Whole contracts of ours.
fn ours(contract: ContractId, moment: &Moment<'_>) -> i64 {
    let outside = moment.sleeves.map_or(Quantity::ZERO, |sleeves| sleeves.quantity(SleeveId::EXTERNAL, contract));
    (moment.ledger.quantity(contract) - outside).to_decimal().trunc().to_i64().unwrap_or(0)
}

/// What is held of the bond spread, over all contracts of each leg, both positive.
pub fn spread_held(moment: &Moment<'_>, setup: &Setup) -> Option<(i64, i64)> {
    let pair = setup.tail_hedge()?.1.spread?;
    let sum = |future| setup.universe.contracts_of(future).map(|contract| ours(contract, moment)).sum::<i64>();
    Some((sum(pair.long), -sum(pair.short)))
}

/// A future of the spread at its mark; `None` without a mark or an end.
pub fn priced_future(contract: ContractId, mark: Option<Price>, setup: &Setup) -> Option<PricedFuture> {
    let last_trading_day = setup.universe.contract(contract).expiry?;
    let multiplier = setup.universe.terms(contract).multiplier;
    Some(PricedFuture { price: mark?.to_f64(), last_trading_day, multiplier })
}

/// What a basis point is worth to a contract of each leg of the spread, by the contract held, else the first with a mark.
pub fn spread_dv01s(moment: &Moment<'_>, setup: &Setup) -> Option<Dv01s> {
    let policy = setup.tail_hedge()?.1;
    let pair = policy.spread?;
    let leg = |future| {
        let priced = |contract| priced_future(contract, moment.marks[contract], setup);
        let contracts = || setup.universe.contracts_of(future);
        let held = contracts().find(|&contract| ours(contract, moment) != 0).and_then(priced);
        held.or_else(|| contracts().find_map(priced))
    };
    policy.bond_spread.dv01s(&leg(pair.long)?, &leg(pair.short)?).ok()
}

/// What the hedges pay in each scenario, at once.
pub fn hedge_payoffs(positions: &[HedgePosition], moment: &Moment<'_>, setup: &Setup) -> Vec<(Scenario, Payoff)> {
    let Some((_, policy)) = setup.tail_hedge() else { return Vec::new() };
    let priced = positions.iter().filter_map(|position| {
        let view = position.view?;
        let volatility = view.volatility?;
        Some(StressedOption { held: position.held, underlying: view.underlying, volatility, rate: position.rate })
    });
    let options: Vec<StressedOption> = priced.collect();
    let spread_bp = spread_held(moment, setup).and_then(|(_, short)| {
        let currency = setup.universe.instrument(policy.spread?.long).currency;
        let rate = moment.fx.rate(currency, moment.fx.base()).ok()?;
        (Decimal::from(short) * spread_dv01s(moment, setup)?.short * rate).to_f64()
    });
    let payoff = |scenario| (scenario, policy.stress.payoff(&options, spread_bp, scenario, moment.date));
    Scenario::ALL.into_iter().map(payoff).collect()
}

/// Market value by type.
pub fn value_by_type(positions: &[HedgePosition]) -> BTreeMap<HedgeType, BaseMoney> {
    let mut values: BTreeMap<HedgeType, BaseMoney> = BTreeMap::new();
    positions.iter().for_each(|position| *values.entry(position.held.hedge).or_default() += position.value);
    values
}
