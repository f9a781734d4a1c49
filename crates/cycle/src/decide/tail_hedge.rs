//! Step 9: tail hedges as target changes, and the premium their orders may cost.
//!
//! In: options held and quoted, NAV, regime, budget. Out: wanted contracts, reservations under the orders' numbers.
//! Invariant: an order buys out of the budget only what was reserved for it, and at no higher price than that covers.

use super::chains;
use crate::hedges::{Moment, hedge_positions, priced_future, spread_held};
use crate::{DayInputs, DayPlan, PlanTable, Setup};
use domain::{BaseMoney, ContractId, InstrumentId, OrderKey, Quantity};
use risk::Check;
use risk::gate::{PriceMax, Verdict};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use strategy::tail_hedge::{
    CrisisSignals, HedgeInputs, HedgePurpose, OptionView, SpreadLeg, SpreadLegs, plan as plan_hedges, underlying,
};

/// What one contract of each option carries of the market: delta × the value of what it is written on. An option that
/// cannot be priced counts at its premium.
pub(super) fn expose(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let Some((_, policy)) = setup.tail_hedge() else { return };
    for row in &setup.options {
        let terms = setup.universe.terms(row.contract);
        let marks = inputs.marks[row.contract].zip(inputs.marks[row.root.underlying]);
        let Some(((mark, price), rate)) = marks.zip(plan.facts.rates[terms.currency]) else { continue };
        let underlying = underlying(row.root.hedge, price, policy.interest_rate);
        if let Some(view) = OptionView::at(&row.key, mark, underlying, inputs.date) {
            plan.table.exposure[row.contract] = view.value.delta * price.to_f64() * f64::from(terms.multiplier) * rate;
        }
    }
}

/// Moves the hedges: monetised in a crisis, sold before their end, bought out of the budget. A book that is flattened or
/// cannot be valued buys none.
pub(super) fn targets(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let Some((sleeve, policy)) = setup.tail_hedge() else { return };
    let Some(nav) = plan.nav.filter(|_| !plan.flatten) else { return };
    let DayInputs { date, ledger, sleeves, marks, fx, .. } = *inputs;
    let positions = hedge_positions(&Moment { date, ledger, sleeves, marks, fx }, setup);
    let held: Vec<_> = positions.iter().map(|position| (position.held, position.underlying)).collect();
    let memory = &mut plan.memory;
    let cap = nav.amount() * Decimal::try_from(setup.policy.sleeves[sleeve].budget).unwrap_or_default();
    let book = HedgeInputs {
        signals: CrisisSignals {
            date: inputs.date,
            regime: memory.regime.regime,
            vix: plan.risk.vix,
            daily_return: memory.performance.daily_return,
        },
        nav,
        held: &held,
        market_value: positions.iter().map(|position| position.value).sum(),
        market_value_max: BaseMoney::new(cap),
        chains: inputs.listings,
        spread: spread_legs(inputs, setup, &plan.table),
        exposure: &plan.table.exposure,
        rebalance: &setup.policy.rebalance,
        universe: &setup.universe,
        fx: inputs.fx,
    };
    plan.tail_hedges = plan_hedges(&book, policy, &mut memory.hedges);
    for row in &setup.options {
        // Sized like anything without a weight, an option would be sold: here it is kept unless something is due.
        plan.table.wanted[row.contract] = inputs.ledger.quantity(row.contract);
        plan.table.verdict[row.contract] = Verdict::default();
    }
    hold_spread(inputs, setup, plan);
    for action in plan.tail_hedges.actions.iter().filter(|action| setup.option(action.contract).is_some()) {
        match inputs.windows[action.contract] {
            Some(_) => plan.table.wanted[action.contract] += Quantity::whole(action.contracts),
            None => plan.table.verdict[action.contract].fail(Check::Window),
        }
    }
}

/// The legs of the bond spread when both can be traded today.
fn spread_legs(inputs: &DayInputs<'_>, setup: &Setup, table: &PlanTable) -> Option<SpreadLegs> {
    let pair = setup.spread()?;
    let tradable = |&contract: &ContractId| table.unit_price[contract] > 0.0 && inputs.windows[contract].is_some();
    let leg = |future: InstrumentId| inputs.active[future].filter(tradable);
    let DayInputs { date, ledger, sleeves, marks, fx, .. } = *inputs;
    let (long, short) = spread_held(&Moment { date, ledger, sleeves, marks, fx }, setup)?;
    let of = |future, held| {
        let contract = leg(future)?;
        Some(SpreadLeg { contract, future: priced_future(contract, inputs.marks[contract], setup)?, held })
    };
    Some(SpreadLegs { long: of(pair.long, long)?, short: of(pair.short, short)? })
}

/// Keeps the spread at its size, more when it was bought, in the contracts to hold today.
fn hold_spread(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let Some(pair) = setup.spread() else { return };
    for chain in setup.chains.iter().filter(|chain| [pair.long, pair.short].contains(&chain.instrument)) {
        let (held, _) = chains::held(chain, inputs, plan);
        let bought = plan.tail_hedges.actions.iter().filter(|action| chain.contracts.contains(&action.contract));
        let more: i64 = bought.map(|action| action.contracts).sum();
        for &contract in &chain.contracts {
            plan.table.rolled[contract] = Quantity::ZERO;
        }
        chains::place(chain, held + Quantity::whole(more), inputs, setup, plan);
    }
}

fn whole(quantity: Quantity) -> i64 {
    quantity.to_decimal().trunc().to_i64().unwrap_or(0)
}

/// Sets aside what the day's numbered orders may cost, and bounds their prices by it.
pub(super) fn commit(plan: &mut DayPlan) {
    let buys = plan
        .tail_hedges
        .actions
        .iter()
        .filter(|action| action.purpose == HedgePurpose::Buy && action.premium > BaseMoney::ZERO);
    for action in buys {
        let Some(order) = plan.orders.iter().find(|order| order.contract == action.contract) else { continue };
        let contracts = whole(order.quantity.abs()).min(action.contracts.abs());
        let amount = BaseMoney::new(action.premium.amount() * Decimal::from(contracts));
        let key = OrderKey { date: plan.date, intent: order.number };
        let budget = &mut plan.memory.hedges.budget;
        budget.reserve(key, action.hedge, amount).expect("no more is bought than is free");
        let max = action.price_max.map(|price| PriceMax { contract: action.contract, price });
        plan.facts.price_max.extend(max);
    }
}

/// Settles the premium of a date's orders by what was executed of them: `filled` gives the contracts and the premium in
/// base currency, at the day's own rate. What they did not spend is free again.
pub fn settle(plan: &DayPlan, memory: &mut crate::Memory, filled: impl Fn(ContractId, u16) -> (Quantity, Decimal)) {
    let of_date = memory.hedges.budget.reservations().iter().filter(|reserved| reserved.order.date == plan.date);
    let reserved: Vec<_> = of_date.copied().collect();
    for reservation in reserved {
        let order = plan.orders.iter().find(|order| order.number == reservation.order.intent);
        if let Some(order) = order {
            let (contracts, paid) = filled(order.contract, order.number);
            let action = plan.tail_hedges.actions.iter().find(|action| action.contract == order.contract);
            // A future has no premium: what it may lose in the stress is spent contract by contract.
            let stress = action.filter(|action| action.price_max.is_none());
            let spent = stress.map_or(BaseMoney::new(paid), |action| {
                let all = BaseMoney::new(action.premium.amount() * contracts.to_decimal());
                if all < reservation.amount { all } else { reservation.amount }
            });
            memory.hedges.pay(reservation.order, reservation.hedge, spent);
        }
        memory.hedges.release(reservation.order);
    }
}

#[cfg(test)]
pub(crate) mod tests;
