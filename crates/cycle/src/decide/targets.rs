//! Step 9: from weights to wanted quantities.
//!
//! In: weights, scale, NAV, unit prices. Out: target values and whole-lot quantities.
//! Invariant: what cannot be priced or converted stays as it is; a pair moves with both legs.

use super::rows::rows_with;
use super::wants::outside;
use super::{chains, legs};
use crate::{DayInputs, DayPlan, Setup};
use domain::{ContractId, SleeveId};
use risk::gate::Refusal;
use risk::{Check, Quality};
use strategy::sizing::Change;

pub(super) fn targets(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let factor = if plan.flatten { 0.0 } else { plan.risk.scale * plan.facts.nav };
    let table = &mut plan.table;
    for (target, weight) in table.target_value.as_mut_slice().iter_mut().zip(table.weight.as_slice()) {
        *target = weight * factor;
    }
    legs::shift(inputs, setup, plan);
    let (table, facts) = (&plan.table, &plan.facts);
    for (position, (sleeve, list)) in setup.policy.sleeves.iter().zip(&plan.memory.lists).enumerate() {
        let can_trade = |contract| {
            setup.carrier(contract, inputs.active).is_some_and(|contract| {
                table.unit_price[contract] > 0.0
                    && inputs.windows[contract].is_some()
                    && !facts.frozen.contains(&contract)
                    && (facts.no_increase(contract).is_none() || !legs::raises(table, contract))
            })
        };
        if sleeve.must_wait(list, can_trade) {
            plan.held_back.push(position);
        }
    }
    legs::match_sides(inputs, setup, plan);
}

pub(super) fn size(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let rebalance = &setup.policy.rebalance;
    if plan.risk.quality == Quality::Invalid && !plan.flatten {
        // Without an estimate there is no target: what is held stays, and futures roll.
        let refusal = Refusal { check: Check::Volatility, contract: None, limit: 0.0, value: 0.0 };
        plan.refusals.push(refusal);
        plan.table.wanted.as_mut_slice().copy_from_slice(inputs.ledger.quantities().as_slice());
        chains::keep(inputs, setup, plan);
        return;
    }
    let nav = plan.facts.nav;
    let waits = contracts_held_back(inputs, setup, plan);
    let without_list = contracts_without_list(setup, plan);
    plan.table.wanted.as_mut_slice().copy_from_slice(inputs.ledger.quantities().as_slice());
    for contract in off_target(inputs, setup, plan) {
        let (held, terms) = (inputs.ledger.quantity(contract), setup.universe.terms(contract));
        let outside = outside(inputs, contract);
        let (target, unit_price) = (plan.table.target_value[contract], plan.table.unit_price[contract]);
        if target == 0.0 && held == outside {
            continue;
        }
        if unit_price == 0.0 {
            let rate = plan.facts.rates[terms.currency];
            plan.table.verdict[contract].fail(if rate.is_none() { Check::FxRate } else { Check::NoMark });
            continue;
        }
        let value = plan.table.held_value[contract] - outside.to_f64() * unit_price;
        if held == outside || target == 0.0 || rebalance.drifted(target, value, nav) {
            let wanted = outside + rebalance.wanted(target, unit_price, terms.lot);
            if let Some(check) = untouched(contract, &waits, inputs, plan).filter(|_| wanted != held) {
                plan.table.verdict[contract].fail(check);
                continue;
            }
            let change = Change::between(held, wanted);
            let may_grow = change.increase.is_zero() || !without_list.contains(&contract);
            plan.table.wanted[contract] = if may_grow { wanted } else { held + change.reduce };
            if !may_grow {
                plan.table.verdict[contract].fail(Check::NoList);
            }
        }
    }
    chains::size(&waits, inputs, setup, plan);
}

/// The contracts that are not where their targets want them: all but futures, and but those with a position near enough to
/// its target. Where others hold positions too, all but futures.
fn off_target(inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Vec<ContractId> {
    let (table, rebalance, nav) = (&plan.table, &setup.policy.rebalance, plan.facts.nav);
    let any_outside = inputs.sleeves.is_some_and(|sleeves| !sleeves.holdings(SleeveId::EXTERNAL).is_empty());
    let quantities = inputs.ledger.quantities().as_slice();
    let count = quantities.len();
    let (targets, held) = (&table.target_value.as_slice()[..count], &table.held_value.as_slice()[..count]);
    // A value that is not zero is a position at a price.
    let is_off = |target: f64, held: f64| rebalance.drifted(target, held, nav) | (target == 0.0) | (held == 0.0);
    let mut off_target = Vec::with_capacity(count);
    if any_outside {
        off_target.extend((0..count).map(|row| ContractId(row as u32)));
    } else {
        let bits = |target: &f64, held: &f64| u64::from(is_off(*target, *held));
        rows_with(targets, held, bits, |row| {
            if targets[row] != 0.0 || !quantities[row].is_zero() {
                off_target.push(ContractId(row as u32));
            }
        });
    }
    off_target.retain(|&contract| !setup.universe.terms(contract).settles_daily);
    off_target
}

/// Why a contract keeps its size today whatever its target, if it does: its venue is shut, or its sleeve waits.
pub(super) fn untouched(
    contract: ContractId,
    waits: &[ContractId],
    inputs: &DayInputs<'_>,
    plan: &DayPlan,
) -> Option<Check> {
    let no_window = inputs.windows[contract].is_none();
    (no_window || waits.contains(&contract)).then(|| match plan.facts.no_increase(contract) {
        _ if plan.facts.frozen.contains(&contract) => Check::Reconciliation,
        Some(Check::VenueHours) => Check::VenueHours,
        _ if no_window => Check::Window,
        Some(check) => check,
        None => Check::PairLeg,
    })
}

fn contracts_held_back(inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Vec<ContractId> {
    let contracts = |&sleeve: &usize| setup.policy.sleeves[sleeve].contracts(&plan.memory.lists[sleeve]);
    plan.held_back.iter().flat_map(contracts).filter_map(|contract| setup.carrier(contract, inputs.active)).collect()
}

/// What follows a list that is too old to add to.
fn contracts_without_list(setup: &Setup, plan: &DayPlan) -> Vec<ContractId> {
    let lists = setup.policy.sleeves.iter().zip(&plan.memory.lists);
    lists.filter(|(_, list)| list.is_held()).flat_map(|(sleeve, list)| sleeve.contracts(list)).collect()
}
