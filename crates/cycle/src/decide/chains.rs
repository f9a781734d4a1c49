//! Steps 9 and 10: futures, a chain at a time.
//!
//! In: what all contracts of a future together should hold. Out: that in the contract to hold, zero in the others.
//! Invariant: what is opened in place of what is closed is marked as rolled, so it uses up no limit; a contract past its
//! deadline is closed even when nothing can take its place.

use super::targets::untouched;
use super::wants::outside;
use crate::setup::Chain;
use crate::{DayInputs, DayPlan, Setup};
use domain::{ContractId, Quantity};
use risk::Check;
use strategy::sizing::Change;

/// Ours of a whole chain: contracts and their value in base currency. What is outside is not ours.
pub(crate) fn held(chain: &Chain, inputs: &DayInputs<'_>, plan: &DayPlan) -> (Quantity, f64) {
    chain.contracts.iter().fold((Quantity::ZERO, 0.0), |(quantity, value), &contract| {
        let ours = ours(contract, inputs);
        (quantity + ours, value + ours.to_f64() * plan.table.unit_price[contract])
    })
}

fn ours(contract: ContractId, inputs: &DayInputs<'_>) -> Quantity {
    inputs.ledger.quantity(contract) - outside(inputs, contract)
}

/// Sizes the futures of the sleeves; the hedge's come later.
pub(super) fn size(waits: &[ContractId], inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    for chain in setup.chains.iter().filter(|chain| !chain.hedges) {
        let active = inputs.active[chain.instrument];
        let target = active.map_or(0.0, |active| plan.table.target_value[active]);
        let (quantity, value) = held(chain, inputs, plan);
        let nothing_held = chain.contracts.iter().all(|&contract| ours(contract, inputs).is_zero());
        if target == 0.0 && nothing_held {
            continue;
        }
        let total = match active {
            Some(active) if target != 0.0 => sized(active, target, (quantity, value), waits, inputs, setup, plan),
            _ => Quantity::ZERO,
        };
        place(chain, total, inputs, setup, plan);
    }
}

/// Every chain of the sleeves keeps its size.
pub(super) fn keep(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    for chain in setup.chains.iter().filter(|chain| !chain.hedges) {
        let (quantity, _) = held(chain, inputs, plan);
        place(chain, quantity, inputs, setup, plan);
    }
}

/// How many contracts a target asks for; as many as there are when it cannot be followed today.
fn sized(
    active: ContractId,
    target: f64,
    (quantity, value): (Quantity, f64),
    waits: &[ContractId],
    inputs: &DayInputs<'_>,
    setup: &Setup,
    plan: &mut DayPlan,
) -> Quantity {
    let (rebalance, unit_price) = (&setup.policy.rebalance, plan.table.unit_price[active]);
    if unit_price == 0.0 {
        let rate = plan.facts.rates[setup.universe.terms(active).currency];
        plan.table.verdict[active].fail(if rate.is_none() { Check::FxRate } else { Check::NoMark });
        return quantity;
    }
    if !quantity.is_zero() && !rebalance.drifted(target, value, plan.facts.nav) {
        return quantity;
    }
    let wanted = rebalance.wanted(target, unit_price, setup.universe.terms(active).lot);
    match untouched(active, waits, inputs, plan).filter(|_| wanted != quantity) {
        Some(check) => {
            plan.table.verdict[active].fail(check);
            quantity
        }
        None => wanted,
    }
}

/// Wants `total` in the contract to hold and nothing in the others. Without a contract that can take it, what is held
/// stays where it is until its deadline.
pub(super) fn place(chain: &Chain, total: Quantity, inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let active = inputs.active[chain.instrument];
    let obstacle = active.and_then(|active| obstacle(active, inputs, plan));
    let can_roll = active.is_some() && obstacle.is_none();
    let (mut staying, mut leaving) = (Quantity::ZERO, Quantity::ZERO);
    for &contract in chain.contracts.iter().filter(|&&contract| Some(contract) != active) {
        let ours = ours(contract, inputs);
        let due = setup.rolls[contract].is_some_and(|dates| dates.deadline <= inputs.date);
        let goes = moves(contract, inputs, plan) && (can_roll || due || total.is_zero());
        if !ours.is_zero() && due && !goes {
            plan.table.verdict[contract].fail(Check::RollDeadline);
        }
        let (stays, leaves) = if goes { (Quantity::ZERO, ours) } else { (ours, Quantity::ZERO) };
        (staying, leaving) = (staying + stays, leaving + leaves);
        plan.table.wanted[contract] = outside(inputs, contract) + stays;
    }
    if let Some(active) = active {
        let before = ours(active, inputs);
        let wanted = if can_roll || total.is_zero() { total - staying } else { nearer(before, total - staying) };
        plan.table.wanted[active] = outside(inputs, active) + wanted;
        if let Some(check) = obstacle.filter(|_| !total.is_zero() && !leaving.is_zero()) {
            plan.table.verdict[active].fail(check);
        }
        let increase = Change::between(before, wanted).increase;
        if increase.signum() == leaving.signum() {
            plan.table.rolled[active] = if increase.abs() < leaving.abs() { increase } else { leaving };
        }
    }
}

/// Why nothing can be rolled into a contract today, if nothing can.
fn obstacle(contract: ContractId, inputs: &DayInputs<'_>, plan: &DayPlan) -> Option<Check> {
    match () {
        () if plan.table.unit_price[contract] == 0.0 => Some(Check::NoMark),
        () if inputs.windows[contract].is_none() => Some(Check::Window),
        () if plan.facts.frozen.contains(&contract) => Some(Check::Reconciliation),
        () => plan.facts.no_increase(contract),
    }
}

/// Whether an order on a contract can be worked today.
fn moves(contract: ContractId, inputs: &DayInputs<'_>, plan: &DayPlan) -> bool {
    inputs.windows[contract].is_some() && !plan.facts.frozen.contains(&contract)
}

/// As far from what is held to what is wanted as lowers it.
fn nearer(held: Quantity, wanted: Quantity) -> Quantity {
    held + Change::between(held, wanted).reduce
}
