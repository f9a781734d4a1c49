//! Steps 6 and 7: what the book is worth, and whether the broker agrees.
//!
//! In: ledger, marks, rates, the broker's facts. Out: NAV, unit prices, reconciliation, mode, what takes no new risk.
//! Invariant: a book that cannot be valued trades nothing; the mode only tightens, but for a HALT the settings let clear.

use crate::operator::Standing;
use crate::{DayInputs, DayPlan, PlanTable, Setup};
use domain::{ContractId, PerCurrency, Price, Stretch};
use risk::gate::{Refusal, Withheld};
use risk::reconciliation::{self, Ours};
use risk::{Check, Mode};
use rust_decimal::prelude::ToPrimitive;

pub(super) fn value(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let universe = &setup.universe;
    plan.nav = inputs.ledger.nav(inputs.marks, inputs.fx, universe).ok();
    plan.facts.rates = PerCurrency::default();
    for (currency, rate) in inputs.fx.known() {
        plan.facts.rates[currency] = rate.to_f64();
    }
    plan.facts.nav = plan.nav.map_or(0.0, |nav| nav.to_f64());
    let quantities = inputs.ledger.quantities().as_slice();
    let count = quantities.len();
    let marks = &inputs.marks.as_slice()[..count];
    let PlanTable { unit_price, exposure, held_value, .. } = &mut plan.table;
    let (unit_price, exposure) = (&mut unit_price.as_mut_slice()[..count], &mut exposure.as_mut_slice()[..count]);
    let held_value = &mut held_value.as_mut_slice()[..count];
    for Stretch { rows, currency, multiplier, .. } in universe.stretches(count) {
        let Some(rate) = plan.facts.rates[currency] else {
            for column in [&mut *unit_price, exposure, held_value] {
                column[rows.clone()].fill(0.0);
            }
            continue;
        };
        let multiplier = f64::from(multiplier);
        let (quantities, marks) = (&quantities[rows.clone()], &marks[rows.clone()]);
        let columns = (&mut unit_price[rows.clone()], &mut exposure[rows.clone()], &mut held_value[rows]);
        let columns = columns.0.iter_mut().zip(columns.1).zip(columns.2);
        // Without a mark all of it is zero.
        for (((unit_price, exposure), held_value), (quantity, mark)) in columns.zip(quantities.iter().zip(marks)) {
            let unit = Price::or_zero(*mark) * multiplier * rate;
            (*unit_price, *exposure) = (unit, unit);
            *held_value = quantity.to_f64() * unit;
        }
    }
}

pub(super) fn reconcile(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let universe = &setup.universe;
    let ours = Ours { date: inputs.date, ledger: inputs.ledger, marks: inputs.marks, fx: inputs.fx, universe };
    let policy = &setup.policy.reconciliation;
    plan.reconciliation = inputs.broker.map(|broker| reconciliation::reconcile(&ours, broker, policy));
    let mut standing = Standing { mode: inputs.mode, before_halt: inputs.before_halt, ..Standing::default() };
    if let Some(result) = &plan.reconciliation {
        standing.reconciled(result, setup.policy.reconciliation.auto_clear);
        plan.facts.frozen.extend(result.frozen());
    }
    if plan.nav.is_none() {
        standing.tighten(Mode::CancelOnly);
    }
    let stale = inputs.doubts.marks.iter().any(|flag| flag.stale && !inputs.ledger.quantity(flag.contract).is_zero());
    if stale {
        standing.tighten(Mode::ReduceOnly);
    }
    (plan.mode, plan.before_halt) = (standing.mode, standing.before_halt);
    withhold(inputs, setup, plan);
}

/// What takes no new risk: a price nobody believes, a currency without a rate to rely on.
fn withhold(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let flagged = inputs.doubts.marks.iter().filter(|flag| flag.quarantines()).map(|flag| flag.contract);
    let found = plan.reconciliation.iter().flat_map(|result| result.quarantined());
    let quarantined = flagged.chain(found).map(|contract| Withheld { contract, check: Check::Quarantine });
    plan.facts.no_increase.extend(quarantined);
    let restricted =
        |contract: &ContractId| setup.policy.gate.restricted.contains(&setup.universe.contract(*contract).instrument);
    if !setup.policy.gate.restricted.is_empty() {
        hold(plan, setup.universe.contracts().filter(restricted), Check::Restricted);
    }
    let cushion = inputs.conditions.excess_liquidity.unwrap_or(0.0);
    let limit = setup.policy.gate.excess_liquidity_min;
    if cushion < limit * plan.facts.nav {
        let value = cushion / plan.facts.nav;
        plan.refusals.push(Refusal { check: Check::Margin, contract: None, limit, value });
        hold(plan, setup.universe.contracts(), Check::Margin);
    }
    let refused = || inputs.margins.iter().filter(|margin| margin.per_unit.is_none()).map(|margin| margin.contract);
    let told =
        refused().map(|contract| Refusal { check: Check::Margin, contract: Some(contract), limit: 0.0, value: 0.0 });
    plan.refusals.extend(told);
    hold(plan, refused(), Check::Margin);
    hold(plan, inputs.conditions.contradicted.iter().copied(), Check::VenueHours);
    let latched = inputs.conditions.latched.iter().map(|latch| latch.contract);
    hold(plan, latched, Check::Throttle);
    if !inputs.doubts.rates.is_empty() {
        let doubted = |contract: &ContractId| {
            let terms = setup.universe.terms(*contract);
            inputs.doubts.forbid_risk_in(terms.currency) || inputs.doubts.forbid_risk_in(terms.risk_currency)
        };
        let contracts = setup.universe.contracts().filter(doubted);
        hold(plan, contracts, Check::FxRate);
    }
}

fn hold(plan: &mut DayPlan, contracts: impl Iterator<Item = ContractId>, check: Check) {
    plan.facts.no_increase.extend(contracts.map(|contract| Withheld { contract, check }));
}
