//! Step 9: legs that cannot be had.
//!
//! In: targets, what can be borrowed, lots, proxies. Out: weights moved to the future that stands in, or taken back
//! together with the other side. Invariant: no sleeve keeps one side larger because the other cannot be sold or is
//! smaller than one lot; what is held short already stays.

use crate::{DayInputs, DayPlan, PlanTable, Setup};
use domain::ContractId;
use risk::Check;
use risk::gate::Refusal;
use serde::{Deserialize, Serialize};
use strategy::ScreenList;

/// A part of a sleeve's weight that goes elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// Position of the sleeve in the policy.
    pub sleeve: usize,
    /// The contract that does without it.
    pub contract: ContractId,
    /// The contract that gets it; `None` when nothing does.
    pub successor: Option<ContractId>,
    /// What moves, signed, as a share of NAV before scaling.
    pub weight: f64,
}

impl Shift {
    /// What it puts on a contract, signed.
    pub fn onto(&self, contract: ContractId) -> f64 {
        let (from, to) = (self.contract == contract, self.successor == Some(contract));
        f64::from(u8::from(to)) * self.weight - f64::from(u8::from(from)) * self.weight
    }
}

/// Moves what cannot be had, and says so.
pub(super) fn shift(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let factor = plan.risk.scale * plan.facts.nav;
    if plan.flatten || factor <= 0.0 {
        return;
    }
    for supply in inputs.borrowable {
        let contract = supply.contract;
        let (target, unit_price) = (plan.table.target_value[contract], plan.table.unit_price[contract]);
        let held = inputs.ledger.quantity(contract).to_f64().min(0.0);
        let wanted = if unit_price > 0.0 { -(target / unit_price).min(0.0) } else { 0.0 };
        let available = supply.shares.to_f64() - held;
        if wanted <= available {
            continue;
        }
        let refusal = Refusal { check: Check::NoBorrow, contract: Some(contract), limit: available, value: wanted };
        plan.refusals.push(refusal);
        borrow_elsewhere(contract, 1.0 - available / wanted, factor, inputs, setup, plan);
    }
    for sleeve in 0..setup.policy.sleeves.len() {
        balance(sleeve, factor, inputs, setup, plan);
    }
}

/// Takes back of a sleeve with two sides what one of them cannot get today: a member that takes no new risk, has no price or
/// no open venue keeps what is held, and the other side grows no further than that leaves it even. A pair, and a sleeve a
/// whole side of which stands still, waits instead.
pub(super) fn match_sides(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let factor = plan.risk.scale * plan.facts.nav;
    if plan.flatten || factor <= 0.0 || no_obstacles(inputs, plan) {
        return;
    }
    for (position, sleeve) in setup.policy.sleeves.iter().enumerate() {
        if sleeve.is_pair() || plan.held_back.contains(&position) {
            continue;
        }
        let (mut stuck, mut sides) = (Vec::new(), [false; 2]);
        each(position, inputs, setup, plan, |contract, weight| {
            sides[usize::from(weight < 0.0)] = true;
            // A chain of futures keeps its size by itself.
            let grows = raises(&plan.table, contract) && !setup.universe.terms(contract).settles_daily;
            let check = if grows { obstacle(contract, inputs, setup, plan) } else { None };
            stuck.extend(check.map(|check| (contract, weight, check)));
        });
        for &(contract, weight, check) in stuck.iter().filter(|_| sides == [true; 2]) {
            let (held, target) = (plan.table.held_value[contract], plan.table.target_value[contract]);
            let kept = (held / target).max(0.0);
            apply(Shift { sleeve: position, contract, successor: None, weight: weight * (1.0 - kept) }, factor, plan);
            plan.table.verdict[contract].fail(check);
        }
        if !stuck.is_empty() && sides == [true; 2] {
            balance(position, factor, inputs, setup, plan);
        }
    }
}

/// True on a day on which [`obstacle`] finds none for any contract: most days, so it is asked first.
fn no_obstacles(inputs: &DayInputs<'_>, plan: &DayPlan) -> bool {
    let all_priced = || plan.table.unit_price.as_slice().iter().fold(true, |all, &price| all & (price != 0.0));
    let all_open = || inputs.windows.as_slice().iter().fold(true, |all, window| all & window.is_some());
    plan.facts.frozen.is_empty() && plan.facts.no_increase.is_empty() && all_priced() && all_open()
}

/// Why a contract cannot grow today, if it cannot.
pub(super) fn obstacle(contract: ContractId, inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Option<Check> {
    match () {
        () if plan.table.unit_price[contract] == 0.0 => {
            let rate = plan.facts.rates[setup.universe.terms(contract).currency];
            Some(if rate.is_none() { Check::FxRate } else { Check::NoMark })
        }
        () if inputs.windows[contract].is_none() => Some(Check::Window),
        () if plan.facts.frozen.contains(&contract) => Some(Check::Reconciliation),
        () => plan.facts.no_increase(contract),
    }
}

/// True when a contract's target is further from zero than what is held, or on the other side of it.
pub(super) fn raises(table: &PlanTable, contract: ContractId) -> bool {
    let (held, target) = (table.held_value[contract], table.target_value[contract]);
    target.abs() > held.abs() || target * held < 0.0
}

/// Moves a share of every short weight on a contract to its proxy, or away.
fn borrow_elsewhere(
    contract: ContractId,
    missing: f64,
    factor: f64,
    inputs: &DayInputs<'_>,
    setup: &Setup,
    plan: &mut DayPlan,
) {
    let proxy = stand_in(contract, inputs, setup, plan);
    for sleeve in 0..setup.policy.sleeves.len() {
        let mut weight = 0.0;
        each(sleeve, inputs, setup, plan, |of, share| weight += if of == contract { share } else { 0.0 });
        if weight < 0.0 {
            let weight = weight * missing;
            // Half a lot and more rounds to one; less would vanish.
            let successor = proxy.filter(|&proxy| -weight * factor >= lot_value(proxy, setup, plan) / 2.0);
            apply(Shift { sleeve, contract, successor, weight }, factor, plan);
        }
    }
}

/// The contract of the configured proxy, when it can be traded today.
fn stand_in(contract: ContractId, inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Option<ContractId> {
    let instrument = setup.universe.contract(contract).instrument;
    let (_, proxy) = setup.policy.short_proxies.iter().find(|(of, _)| *of == instrument)?;
    inputs.active[*proxy].filter(|&proxy| {
        plan.table.unit_price[proxy] > 0.0
            && inputs.windows[proxy].is_some()
            && !plan.facts.frozen.contains(&proxy)
            && plan.facts.no_increase(proxy).is_none()
    })
}

/// Reduces the larger side of a sleeve as far as shifts and lots reduced the other.
fn balance(sleeve: usize, factor: f64, inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let (mut wanted, mut had, mut whole) = ([0.0; 2], [0.0; 2], [false; 2]);
    let lost_any = plan.shifts.iter().any(|shift| shift.sleeve == sleeve && shift.successor.is_none());
    until(sleeve, inputs, setup, plan, |contract, weight| {
        let side = usize::from(weight < 0.0);
        wanted[side] += weight.abs();
        whole[side] = whole[side] || weight.abs() * factor >= lot_value(contract, setup, plan) / 2.0;
        whole == [true; 2] && !lost_any
    });
    if wanted.contains(&0.0) || (whole == [true; 2] && !lost_any) {
        return; // it has one side by design, or nothing is missing on either
    }
    let lost = |side: usize| -> f64 {
        let shifts = plan.shifts.iter().filter(|shift| shift.sleeve == sleeve && shift.successor.is_none());
        shifts.filter(|shift| usize::from(shift.weight < 0.0) == side).map(|shift| shift.weight.abs()).sum()
    };
    for side in 0..2 {
        had[side] = if whole[side] { (1.0 - lost(side) / wanted[side]).max(0.0) } else { 0.0 };
    }
    let keep = had[0].min(had[1]);
    if keep >= 1.0 - 1e-12 {
        return;
    }
    if !(whole[0] && whole[1]) {
        let refusal = Refusal { check: Check::LegTooSmall, contract: None, limit: 0.0, value: factor };
        plan.refusals.push(refusal);
    }
    let mut legs: Vec<(ContractId, f64)> = Vec::new();
    each(sleeve, inputs, setup, plan, |contract, weight| legs.push((contract, weight)));
    for (contract, weight) in legs {
        let side = usize::from(weight < 0.0);
        let weight = weight * (had[side] - keep);
        if weight != 0.0 {
            apply(Shift { sleeve, contract, successor: None, weight }, factor, plan);
        }
    }
}

/// Weights of a sleeve on the contracts that carry them.
fn each(sleeve: usize, inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan, mut each: impl FnMut(ContractId, f64)) {
    until(sleeve, inputs, setup, plan, |contract, weight| {
        each(contract, weight);
        false
    });
}

/// The same until `each` says that it has seen enough.
fn until(
    sleeve: usize,
    inputs: &DayInputs<'_>,
    setup: &Setup,
    plan: &DayPlan,
    mut each: impl FnMut(ContractId, f64) -> bool,
) {
    let (sleeve, list): (_, &ScreenList) = (&setup.policy.sleeves[sleeve], &plan.memory.lists[sleeve]);
    let momentum = if sleeve.follows_momentum { plan.risk.momentum_factor } else { 1.0 };
    sleeve.until(list, momentum, |contract, weight| {
        setup.carrier(contract, inputs.active).is_some_and(|carrier| each(carrier, weight))
    });
}

/// Base currency of one lot.
fn lot_value(contract: ContractId, setup: &Setup, plan: &DayPlan) -> f64 {
    plan.table.unit_price[contract] * setup.universe.terms(contract).lot.to_f64()
}

fn apply(shift: Shift, factor: f64, plan: &mut DayPlan) {
    let table = &mut plan.table;
    for (contract, weight) in [(Some(shift.contract), -shift.weight), (shift.successor, shift.weight)] {
        if let Some(contract) = contract {
            table.weight[contract] += weight;
            table.target_value[contract] += weight * factor;
        }
    }
    plan.shifts.push(shift);
}
