//! Steps 6 and 7: what the book is worth, and whether the broker agrees.
//!
//! In: ledger, marks, rates, the broker's facts. Out: NAV, unit prices, reconciliation, mode.
//! Invariant: a book that cannot be valued trades nothing; the mode only tightens.

use crate::{DayInputs, DayPlan, Setup};
use domain::PerCurrency;
use risk::reconciliation;
use rust_decimal::prelude::ToPrimitive;

pub(super) fn value(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let universe = &setup.universe;
    plan.nav = inputs.ledger.nav(inputs.marks, inputs.fx, universe).ok();
    plan.facts.rates = PerCurrency::default();
    for (currency, rate) in inputs.fx.known() {
        plan.facts.rates[currency] = rate.to_f64();
    }
    plan.facts.nav = plan.nav.map_or(0.0, |nav| nav.to_f64());
    let rows = inputs.marks.as_slice().iter().zip(universe.all_terms()).zip(inputs.ledger.quantities().as_slice());
    let (units, held) = (plan.table.unit_price.as_mut_slice(), plan.table.held_value.as_mut_slice());
    for (((mark, terms), quantity), (unit_price, held_value)) in rows.zip(units.iter_mut().zip(held)) {
        if let (Some(mark), Some(rate)) = (mark, plan.facts.rates[terms.currency]) {
            *unit_price = mark.to_f64() * f64::from(terms.multiplier) * rate;
            *held_value = quantity.to_f64() * *unit_price;
        }
    }
}

pub(super) fn reconcile(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let policy = &setup.policy.reconciliation;
    let unsettled = || inputs.ledger.unsettled(inputs.marks, &setup.universe);
    plan.reconciliation = inputs
        .broker
        .map(|broker| reconciliation::reconcile(inputs.ledger, plan.nav, broker, &unsettled(), inputs.fx, policy));
    let asked = plan.reconciliation.as_ref().map_or(risk::Mode::Normal, |result| result.mode());
    let valued = if plan.nav.is_some() { risk::Mode::Normal } else { risk::Mode::CancelOnly };
    plan.mode = inputs.mode.tightened_to(asked).tightened_to(valued);
    if let Some(result) = &plan.reconciliation {
        plan.facts.frozen.extend(result.frozen());
    }
}
