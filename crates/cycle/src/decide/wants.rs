//! Step 10, last: what each sleeve wants of the day's orders, and what sleeves give each other.
//!
//! In: orders, sleeve weights, what each sleeve holds. Out: signed wants by order. Invariant: the wants of an order sum to
//! the way from held to wanted; without an order they sum to zero and cross at the mark; `external` wants nothing.

use crate::plan::{CROSSED, Want};
use crate::{DayInputs, DayPlan, Setup};
use domain::{ContractId, Quantity, SleeveBooks, SleeveId};

pub(super) fn wants(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let Some(sleeves) = inputs.sleeves else { return };
    let ids: Vec<Option<SleeveId>> = setup.policy.sleeves.iter().map(|sleeve| sleeves.id(&sleeve.name)).collect();
    let owners = Owners { sleeves, ids: &ids, inputs, setup };
    for order in &plan.orders {
        let total = plan.table.wanted[order.contract] - inputs.ledger.quantity(order.contract);
        let wants = owners.wants(order.contract, total, plan);
        plan.wants.extend(wants.into_iter().map(|(sleeve, quantity)| Want {
            order: order.number,
            contract: order.contract,
            sleeve,
            quantity,
        }));
    }
    for contract in setup.shared.iter().filter_map(|&contract| setup.carrier(contract, inputs.active)) {
        let ordered = plan.orders.iter().any(|order| order.contract == contract);
        let unit_price = plan.table.unit_price[contract];
        if ordered || unit_price == 0.0 || plan.table.wanted[contract] != inputs.ledger.quantity(contract) {
            continue;
        }
        let wants = owners.wants(contract, Quantity::ZERO, plan);
        let moved: f64 = wants.iter().map(|(_, want)| want.to_f64().abs() * unit_price).sum::<f64>() / 2.0;
        if moved > setup.policy.rebalance.drift_of_nav * plan.facts.nav {
            plan.wants.extend(wants.into_iter().map(|(sleeve, quantity)| Want {
                order: CROSSED,
                contract,
                sleeve,
                quantity,
            }));
        }
    }
}

struct Owners<'a> {
    sleeves: &'a SleeveBooks,
    ids: &'a [Option<SleeveId>],
    inputs: &'a DayInputs<'a>,
    setup: &'a Setup,
}

impl Owners<'_> {
    /// Wants that sum to `total`, by sleeve; what rounding leaves is the largest want's.
    fn wants(&self, contract: ContractId, total: Quantity, plan: &DayPlan) -> Vec<(SleeveId, Quantity)> {
        let mut wants = self.targets(contract, plan);
        for sleeve in self.sleeves.sleeves().filter(|&sleeve| sleeve != SleeveId::EXTERNAL) {
            let held = self.sleeves.quantity(sleeve, contract);
            if !held.is_zero() {
                add(&mut wants, sleeve, -held);
            }
        }
        let sum = wants.iter().fold(Quantity::ZERO, |sum, want| sum + want.1);
        let rest = total - sum;
        if !rest.is_zero() {
            let largest = wants.iter().max_by_key(|want| want.1.abs()).map(|want| want.0);
            add(&mut wants, largest.unwrap_or(SleeveId::FX_HEDGE), rest);
        }
        wants.retain(|want| !want.1.is_zero());
        wants
    }

    /// What each sleeve would hold of a contract; a hedge future is the hedge's alone.
    fn targets(&self, contract: ContractId, plan: &DayPlan) -> Vec<(SleeveId, Quantity)> {
        let mut targets = Vec::new();
        let unit_price = plan.table.unit_price[contract];
        if unit_price == 0.0 || plan.flatten {
            return targets;
        }
        let (rebalance, lot) = (&self.setup.policy.rebalance, self.setup.universe.terms(contract).lot);
        let factor = plan.risk.scale * plan.facts.nav;
        let sleeves = self.setup.policy.sleeves.iter().zip(&plan.memory.lists);
        for (position, ((sleeve, list), id)) in sleeves.zip(self.ids).enumerate() {
            let momentum = if sleeve.follows_momentum { plan.risk.momentum_factor } else { 1.0 };
            let mut weight = 0.0;
            sleeve.for_each_weight(list, momentum, |of, share| {
                let carries = self.setup.carrier(of, self.inputs.active) == Some(contract);
                weight += if carries { share } else { 0.0 };
            });
            for shift in plan.shifts.iter().filter(|shift| shift.sleeve == position) {
                weight -= if shift.contract == contract { shift.weight } else { 0.0 };
                weight += if shift.successor == Some(contract) { shift.weight } else { 0.0 };
            }
            if let Some(id) = id.filter(|_| weight != 0.0) {
                add(&mut targets, id, rebalance.wanted(weight * factor, unit_price, lot));
            }
        }
        if self.setup.option(contract).is_some() || self.setup.is_spread(contract) {
            let (position, _) = self.setup.tail_hedge().expect("only tail hedges hold options and the spread");
            let outside = self.sleeves.quantity(SleeveId::EXTERNAL, contract);
            self.ids[position].into_iter().for_each(|id| add(&mut targets, id, plan.table.wanted[contract] - outside));
        } else if self.setup.outside_caps[contract] {
            let outside = self.sleeves.quantity(SleeveId::EXTERNAL, contract);
            add(&mut targets, SleeveId::FX_HEDGE, plan.table.wanted[contract] - outside);
        }
        targets
    }
}

fn add(wants: &mut Vec<(SleeveId, Quantity)>, sleeve: SleeveId, quantity: Quantity) {
    match wants.iter_mut().find(|want| want.0 == sleeve) {
        Some(want) => want.1 += quantity,
        None => wants.push((sleeve, quantity)),
    }
}

/// What is held of a contract that no order may touch.
pub(crate) fn outside(inputs: &DayInputs<'_>, contract: ContractId) -> Quantity {
    inputs.sleeves.map_or(Quantity::ZERO, |sleeves| sleeves.quantity(SleeveId::EXTERNAL, contract))
}
