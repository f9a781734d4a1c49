//! Steps 10 and 11: the basket against turnover and caps, then the numbered orders.
//!
//! In: wanted quantities. Out: what goes today, what waits and why. Invariant: reductions are never
//! cut; increases are cut together by one share, so no pair loses a leg.

use crate::{DayInputs, DayPlan, Setup};
use domain::{ContractId, Quantity};
use execution::PlannedOrder;
use risk::gate::{Basket, Refusal};
use risk::{Check, Permission, Purpose, Quality};
use strategy::sizing::Change;

pub(super) fn schedule(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let (policy, nav) = (&setup.policy, plan.facts.nav);
    let basket = basket(inputs, setup, plan);
    let (share, cut) = basket.turnover_share(nav, &policy.gate);
    plan.refusals.extend(cut);
    let capped = plan.refusals.len();
    plan.refusals.extend(basket.cap_refusals(nav, &policy.gate));
    let blocked = plan.refusals[capped..].first().map(|refusal| refusal.check);
    for (row, &held) in inputs.ledger.quantities().as_slice().iter().enumerate() {
        let contract = ContractId(row as u16);
        let wanted = plan.table.wanted[contract];
        if wanted != held {
            let terms = setup.universe.terms(contract);
            let change = Change::between(held, wanted);
            plan.table.scheduled[contract] = admit(
                contract,
                change,
                share,
                blocked,
                (terms.lot, terms.settles_daily),
                plan,
                policy.rebalance.trade_min,
            );
        }
    }
}

/// Sums the basket; futures are the hedge's and come later.
pub(super) fn basket(inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Basket {
    let mut basket = Basket::default();
    let quantities = inputs.ledger.quantities().as_slice().iter().zip(plan.table.wanted.as_slice());
    let values = plan.table.held_value.as_slice().iter().zip(plan.table.unit_price.as_slice());
    for (((held, wanted), (held_value, price)), terms) in quantities.zip(values).zip(setup.universe.all_terms()) {
        if terms.settles_daily || (held.is_zero() && wanted.is_zero()) {
            continue;
        }
        if held == wanted {
            basket.add(*held_value, *held_value);
            continue;
        }
        basket.add(*held_value, wanted.to_f64() * price);
        basket.add_increase(Change::between(*held, *wanted).increase.to_f64() * price);
    }
    basket
}

fn admit(
    contract: ContractId,
    change: Change,
    share: f64,
    blocked: Option<Check>,
    (lot, daily): (Quantity, bool),
    plan: &mut DayPlan,
    trade_min: f64,
) -> Quantity {
    let verdict = &mut plan.table.verdict[contract];
    if plan.facts.frozen.contains(&contract) {
        verdict.fail(Check::Reconciliation);
        return Quantity::ZERO;
    }
    let mut allowed = change.with_share(share, lot);
    if share < 1.0 && !change.increase.is_zero() {
        verdict.fail(Check::Turnover);
    }
    let no_increase = match plan.risk.quality {
        Quality::Invalid => Some(Check::Volatility),
        _ if !plan.mode.permits(Purpose::Increase) => Some(Check::Mode),
        _ => plan.facts.no_increase(contract).or(blocked),
    };
    if let Some(check) = no_increase.filter(|_| !change.increase.is_zero()) {
        verdict.fail(check);
        allowed = change.reduce;
    }
    // A future outside of the hedges is only ever closed out, and a person may confirm that.
    let reduction = if daily { Purpose::CloseOut } else { Purpose::Reduce };
    if !change.reduce.is_zero() && plan.mode.permission(reduction) == Permission::No {
        verdict.fail(Check::Mode);
        return Quantity::ZERO;
    }
    let value = allowed.to_f64().abs() * plan.table.unit_price[contract];
    let full_exit = plan.table.wanted[contract].is_zero();
    if value < trade_min && !full_exit && !allowed.is_zero() {
        verdict.fail(Check::MinimumTrade);
        return Quantity::ZERO;
    }
    allowed
}

/// Turns scheduled changes into numbered orders: close-outs, reductions, hedges, then increases by
/// size; and rows that were stopped into refusals.
pub(super) fn number(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let (table, orders) = (&plan.table, &mut plan.orders);
    for (row, quantity) in table.scheduled.as_slice().iter().enumerate().filter(|(_, quantity)| !quantity.is_zero()) {
        let contract = ContractId(row as u16);
        let purpose = purpose(contract, inputs.ledger.quantity(contract), *quantity, inputs, setup);
        orders.push(PlannedOrder { number: 0, contract, quantity: *quantity, purpose });
    }
    let value = |order: &PlannedOrder| order.quantity.to_f64().abs() * table.unit_price[order.contract];
    orders.sort_by(|a, b| (a.purpose, value(b)).partial_cmp(&(b.purpose, value(a))).expect("finite values"));
    for (position, order) in orders.iter_mut().enumerate() {
        order.number = position as u16 + 1;
    }
    for (row, verdict) in table.verdict.as_slice().iter().enumerate().filter(|(_, verdict)| !verdict.passes()) {
        let contract = ContractId(row as u16);
        for check in verdict.failed().filter(|&check| check != Check::Turnover) {
            let limit = match check {
                Check::MinimumTrade => setup.policy.rebalance.trade_min,
                Check::UnhedgedCurrency => setup.policy.fx_hedge.unhedged_of_nav_max,
                _ => 0.0,
            };
            let value =
                (table.wanted[contract] - inputs.ledger.quantity(contract)).to_f64() * table.unit_price[contract];
            plan.refusals.push(Refusal { check, contract: Some(contract), limit, value: value.abs() });
        }
    }
}

fn purpose(contract: ContractId, held: Quantity, change: Quantity, inputs: &DayInputs<'_>, setup: &Setup) -> Purpose {
    let instrument = setup.universe.contract(contract).instrument;
    let is_hedge = setup.policy.fx_hedge.rules.iter().any(|rule| rule.future == instrument);
    match (is_hedge, inputs.active[instrument]) {
        _ if setup.universe.terms(contract).settles_daily && !is_hedge => Purpose::CloseOut,
        (true, active) if active != Some(contract) => Purpose::CloseOut,
        (true, _) => Purpose::FxHedge,
        _ if Change::between(held, held + change).increase.is_zero() => Purpose::Reduce,
        _ => Purpose::Increase,
    }
}
