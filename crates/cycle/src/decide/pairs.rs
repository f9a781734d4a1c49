//! Step 11, last: what may be sent when the legs of a pair do not fill together.
//!
//! In: the numbered orders, the configured futures. Out: pairs with a bounded hedge for each leg, rolls that go as one
//! calendar spread, sides that start together. Invariant: a hedge is never worth more than its leg, and never more than the caps
//! leave beside the worst case of all orders; what an order rolls is no part of its sleeve's pair.

use super::basket::{basket, moving};
use crate::plan::{PairLeg, PairPlan, SpreadPlan, StandIn, StartPlan};
use crate::{DayInputs, DayPlan, Setup};
use domain::{ContractId, Quantity};
use execution::PlannedOrder;
use risk::Purpose;
use strategy::ScreenList;

pub(super) fn pairs(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    for sleeve in setup.policy.sleeves.iter().filter(|sleeve| sleeve.is_pair()) {
        let contracts = sleeve.contracts(&ScreenList::default());
        let contracts: Vec<ContractId> =
            contracts.into_iter().filter_map(|contract| setup.carrier(contract, inputs.active)).collect();
        let order = |contract: &ContractId| plan.orders.iter().find(|order| order.contract == *contract);
        let legs: Vec<&PlannedOrder> = contracts.iter().filter_map(order).collect();
        let [long, short] = legs[..] else { continue };
        if long.quantity.signum() == short.quantity.signum() {
            continue; // both up or both down: neither answers the other
        }
        let rolled = |order: &PlannedOrder| plan.table.rolled[order.contract].abs();
        if [long, short].into_iter().any(|order| rolled(order) == order.quantity.abs()) {
            continue; // it only rolls: nothing of the pair changes
        }
        let leg = |order: &PlannedOrder| PairLeg {
            order: order.number,
            unit_price: plan.table.unit_price[order.contract],
            part: Some([rolled(order), order.quantity.abs()]).filter(|[from, _]| !from.is_zero()),
            hedge: stand_in(order, inputs, setup, plan),
        };
        plan.pairs.push(PairPlan { sleeve: sleeve.name.clone(), legs: [leg(long), leg(short)] });
    }
    rolls(inputs, setup, plan);
    starts(inputs, setup, plan);
}

/// A sleeve of two sides opens both or none: while nothing of one is held, what opens the other waits until one of its orders
/// may leave.
fn starts(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let opens = plan.orders.iter().filter(|order| order.purpose == Purpose::Increase);
    let opens: Vec<(ContractId, u16)> = opens.map(|order| (order.contract, order.number)).collect();
    if opens.is_empty() {
        return;
    }
    for (sleeve, list) in setup.policy.sleeves.iter().zip(&plan.memory.lists).filter(|(sleeve, _)| !sleeve.is_pair()) {
        let (mut wants, mut holds) = ([false; 2], [false; 2]);
        sleeve.until(list, 1.0, |of, weight| {
            let (side, sign) = if weight < 0.0 { (1, -1) } else { (0, 1) };
            if let Some(contract) = setup.carrier(of, inputs.active) {
                wants[side] = true;
                holds[side] |= inputs.ledger.quantity(contract).signum() == sign;
            }
            holds == [true; 2]
        });
        if holds == [true; 2] {
            continue;
        }
        let mut orders = [Vec::new(), Vec::new()];
        sleeve.for_each_weight(list, 1.0, |of, weight| {
            let Some(contract) = setup.carrier(of, inputs.active) else { return };
            let own = opens.iter().filter(|(opened, _)| *opened == contract).map(|(_, number)| *number);
            orders[usize::from(weight < 0.0)].extend(own);
        });
        for side in (0..2).filter(|&side| wants == [true; 2] && !holds[1 - side] && !orders[side].is_empty()) {
            plan.starts.push(StartPlan { orders: orders[side].clone(), with: orders[1 - side].clone() });
        }
    }
}

/// The two orders of a roll are a pair: what is opened before the old contract is closed is taken back when the old one
/// does not follow. Nothing stands in for a leg. Where the venue trades calendar spreads they are tried as one first.
fn rolls(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    for chain in &setup.chains {
        let of_chain = |order: &&PlannedOrder| chain.contracts.contains(&order.contract);
        let (old, new): (Vec<&PlannedOrder>, Vec<&PlannedOrder>) =
            plan.orders.iter().filter(of_chain).partition(|order| order.purpose == Purpose::CloseOut);
        let ([old], [new]) = (&old[..], &new[..]) else { continue };
        let quantity = plan.table.rolled[new.contract].abs().min(old.quantity.abs());
        if quantity.is_zero() {
            continue;
        }
        let owner = plan.wants.iter().filter(|want| want.order == new.number).max_by_key(|want| want.quantity.abs());
        let leg = |order: &PlannedOrder| PairLeg {
            order: order.number,
            unit_price: plan.table.unit_price[order.contract],
            part: Some([Quantity::ZERO, quantity]).filter(|[_, to]| *to != order.quantity.abs()),
            hedge: None,
        };
        let legs = if old.quantity.signum() > 0 { [leg(old), leg(new)] } else { [leg(new), leg(old)] };
        let owner = inputs.sleeves.zip(owner).map(|(sleeves, want)| sleeves.name(want.sleeve));
        let sleeve = owner.unwrap_or("fx_hedge").to_owned();
        let (near, far) = (old.number, new.number);
        if setup.universe.instrument(chain.instrument).calendar_spread && old.contract < new.contract {
            plan.spreads.push(SpreadPlan { near, far, quantity });
        }
        plan.pairs.push(PairPlan { sleeve, legs });
    }
}

/// The future that would stand in for an order, as much of it as may be sent.
fn stand_in(order: &PlannedOrder, inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Option<StandIn> {
    let instrument = setup.universe.contract(order.contract).instrument;
    let (_, future) = setup.policy.execution.pairs.hedges.iter().find(|(leg, _)| *leg == instrument)?;
    let contract = inputs.active[*future]?;
    let unit_price = plan.table.unit_price[contract];
    let can_trade = unit_price > 0.0
        && inputs.windows[contract].is_some()
        && !plan.facts.frozen.contains(&contract)
        && plan.facts.no_increase(contract).is_none();
    let value = order.quantity.to_f64().abs() * plan.table.unit_price[order.contract];
    let contracts = value.min(room(order.quantity, inputs, setup, plan)) / unit_price;
    let quantity_max = if can_trade { Quantity::whole(contracts as i64) } else { Quantity::ZERO };
    (quantity_max > Quantity::ZERO).then_some(StandIn { contract, quantity_max, unit_price })
}

/// What the caps leave for one more position in the direction of an order, in base currency.
fn room(direction: Quantity, inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> f64 {
    let moving = moving(inputs, setup, plan);
    let basket = basket(&moving, inputs, setup, plan);
    basket.room(direction.signum(), plan.facts.nav, &setup.policy.gate)
}
