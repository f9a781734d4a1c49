//! Steps 10 and 11: the basket against turnover and caps, then the numbered orders.
//!
//! In: wanted quantities. Out: what goes today, what waits and why. Invariant: reductions and rolls are never
//! cut here; increases are cut together by one share, so no pair loses a leg.

use super::caps::grows;
use super::rows::rows_with;
use super::wants::outside;
use crate::{DayInputs, DayPlan, Margin, PlanTable, Setup};
use domain::{ContractId, Quantity, Side};
use execution::PlannedOrder;
use risk::gate::{Basket, Fit, Refusal};
use risk::{Check, Permission, Purpose, Quality, Verdict};
use std::cmp::Reverse;
use strategy::sizing::Change;

/// What is wanted in another quantity than is held, and every future: what it rolls moves another contract.
pub(crate) fn moving(inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Vec<ContractId> {
    let held = inputs.ledger.quantities().as_slice();
    let wanted = &plan.table.wanted.as_slice()[..held.len()];
    let mut moving = Vec::with_capacity(held.len());
    let differs = |wanted: &Quantity, held: &Quantity| (wanted.units() ^ held.units()).cast_unsigned();
    rows_with(wanted, held, differs, |row| moving.push(ContractId(row as u32)));
    if !setup.chains.is_empty() {
        moving.extend(setup.chains.iter().flat_map(|chain| &chain.contracts));
        moving.sort(); // stable, because it is made for lists of which parts are in order
        moving.dedup();
    }
    moving
}

pub(super) fn schedule(moving: &[ContractId], inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let fit = basket(moving, inputs, setup, plan).fit(plan.facts.nav, &setup.policy.gate);
    plan.refusals.extend(&fit.refusals);
    for &contract in moving {
        let held = inputs.ledger.quantity(contract);
        if plan.table.wanted[contract] != held {
            plan.table.scheduled[contract] = admit(contract, (held, outside(inputs, contract)), &fit, setup, plan);
        }
    }
}

/// Sums the basket, of which at most `moving` have orders, without the currency hedge, which counts outside turnover and
/// caps, and of the bond spread, which has a cap of its own, only what it trades. A roll adds nothing: the contract it opens
/// counts as far as it grows beyond the one it closes.
pub(crate) fn basket(moving: &[ContractId], inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Basket {
    let (mut basket, table) = (Basket::default(), &plan.table);
    let quantities = inputs.ledger.quantities().as_slice();
    let count = quantities.len();
    let (exposure, outside) = (&table.exposure.as_slice()[..count], &setup.outside_caps.as_slice()[..count]);
    let (wanted, rolled) = (&table.wanted.as_slice()[..count], &table.rolled.as_slice()[..count]);
    let with_order = |mut basket: Basket, row: usize| {
        let (held, exposure) = (quantities[row], exposure[row]);
        let change = grows(held, wanted[row], rolled[row]);
        if held == wanted[row] && rolled[row].is_zero() && !outside[row] {
            basket.hold([held.to_f64() * exposure]);
        } else if !outside[row] {
            basket.add(
                held.to_f64() * exposure,
                change.reduce.to_f64() * exposure,
                change.increase.to_f64() * exposure,
            );
        } else if held != wanted[row] && setup.is_spread(ContractId(row as u32)) {
            basket.trade(change.increase.to_f64() * exposure);
        }
        basket
    };
    let mut from = 0;
    for row in moving.iter().map(|contract| contract.index()).chain([count]) {
        match setup.options.is_empty() {
            // All but an option is exposed with its whole value.
            true => basket.hold(table.held_value.as_slice()[from..row].iter().copied()),
            false => {
                let still = quantities[from..row].iter().zip(&exposure[from..row]);
                basket.hold(still.map(|(quantity, exposure)| quantity.to_f64() * exposure));
            }
        }
        if row < count {
            basket = with_order(basket, row);
        }
        from = row + 1;
    }
    if let Some(excess) = inputs.conditions.excess_liquidity {
        basket.margin(excess, margin_needed(inputs, plan));
    }
    basket
}

/// The maintenance margin that all increases together would take, in base currency, as far as the broker was asked.
pub fn margin_needed(inputs: &DayInputs<'_>, plan: &DayPlan) -> f64 {
    let needed = |margin: &Margin| {
        let contract = margin.contract;
        let change = grows(inputs.ledger.quantity(contract), plan.table.wanted[contract], plan.table.rolled[contract]);
        change.increase.to_f64().abs() * margin.per_unit.unwrap_or(0.0)
    };
    inputs.margins.iter().map(needed).sum()
}

fn admit(
    contract: ContractId,
    (held, outside): (Quantity, Quantity),
    fit: &Fit,
    setup: &Setup,
    plan: &mut DayPlan,
) -> Quantity {
    let (wanted, rolled) = (plan.table.wanted[contract], plan.table.rolled[contract]);
    let verdict = &mut plan.table.verdict[contract];
    if plan.facts.frozen.contains(&contract) {
        verdict.fail(Check::Reconciliation);
        return Quantity::ZERO;
    }
    let change = grows(held, wanted, rolled);
    let share = if setup.outside_caps[contract] { fit.apart } else { fit.share_of(Side::of(change.increase)) };
    let mut allowed = change.with_share(share, setup.universe.terms(contract).lot);
    if let Some(check) = fit.bound.filter(|_| share < 1.0 && !change.increase.is_zero()) {
        verdict.fail(check);
    }
    let no_increase = match plan.risk.quality {
        Quality::Invalid => Some(Check::Volatility),
        _ if !plan.mode.permits(Purpose::Increase) => Some(Check::Mode),
        _ => plan.facts.no_increase(contract),
    };
    if let Some(check) = no_increase.filter(|_| !change.increase.is_zero()) {
        verdict.fail(check);
        allowed = change.reduce;
    }
    // A future outside of the hedges is only ever closed out, and a person may confirm that.
    let reduction = if setup.universe.terms(contract).settles_daily { Purpose::CloseOut } else { Purpose::Reduce };
    if !(change.reduce + rolled).is_zero() && plan.mode.permission(reduction) == Permission::No {
        verdict.fail(Check::Mode);
        return Quantity::ZERO;
    }
    let value = allowed.to_f64() * plan.table.exposure[contract];
    if setup.policy.rebalance.too_small(value) && wanted != outside && !allowed.is_zero() {
        verdict.fail(Check::MinimumTrade);
        allowed = Quantity::ZERO;
    }
    allowed + rolled
}

/// Turns scheduled changes into numbered orders: close-outs, reductions, hedges, then increases by
/// size; and rows that were stopped into refusals.
pub(super) fn number(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let (table, orders) = (&plan.table, &mut plan.orders);
    let scheduled = table.scheduled.as_slice();
    let bits = |scheduled: &Quantity, _: &Quantity| scheduled.units().cast_unsigned();
    rows_with(scheduled, scheduled, bits, |row| {
        let (contract, quantity) = (ContractId(row as u32), scheduled[row]);
        let purpose = match plan.tail_hedges.closes_out(contract) {
            true => Purpose::CloseOut,
            false => purpose(contract, inputs.ledger.quantity(contract), quantity, table, inputs, setup),
        };
        orders.push(PlannedOrder { number: 0, contract, quantity, purpose });
    });
    let value = |order: &PlannedOrder| order.quantity.to_f64().abs() * table.unit_price[order.contract];
    // Values are finite and not negative: their bits are in their order.
    orders.sort_by_cached_key(|order| (order.purpose, Reverse(value(order).to_bits())));
    for (position, order) in orders.iter_mut().enumerate() {
        order.number = position as u16 + 1;
    }
    let verdicts = table.verdict.as_slice();
    let bits = |verdict: &Verdict, _: &Verdict| verdict.bits();
    rows_with(verdicts, verdicts, bits, |row| {
        let (contract, verdict) = (ContractId(row as u32), verdicts[row]);
        // What was told when it was found is not told again.
        const TOLD: [Check; 6] =
            [Check::Turnover, Check::Gross, Check::Net, Check::Adv, Check::Position, Check::Margin];
        for check in verdict.failed().filter(|check| !TOLD.contains(check)) {
            let limit = match check {
                Check::MinimumTrade => setup.policy.rebalance.trade_min,
                Check::UnhedgedCurrency => setup.policy.fx_hedge.unhedged_of_nav_max,
                _ => 0.0,
            };
            let value =
                (table.wanted[contract] - inputs.ledger.quantity(contract)).to_f64() * table.unit_price[contract];
            plan.refusals.push(Refusal { check, contract: Some(contract), limit, value: value.abs() });
        }
    });
}

#[inline]
pub(super) fn purpose(
    contract: ContractId,
    held: Quantity,
    change: Quantity,
    table: &PlanTable,
    inputs: &DayInputs<'_>,
    setup: &Setup,
) -> Purpose {
    let is_future = setup.universe.terms(contract).settles_daily;
    let is_active = || inputs.active[setup.universe.contract(contract).instrument] == Some(contract);
    let increase = Change::between(held, held + change).increase;
    match () {
        () if is_future && !is_active() => Purpose::CloseOut,
        () if setup.outside_caps[contract] && !setup.is_spread(contract) => Purpose::FxHedge,
        () if increase.is_zero() => Purpose::Reduce,
        () if increase == table.rolled[contract] => Purpose::Roll,
        () => Purpose::Increase,
    }
}
