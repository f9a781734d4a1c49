//! Step 10, second half: the currency hedge of the book as it will be after today's orders.
//!
//! In: cash and positions per risk currency, scheduled changes, hedge contracts held. Out: hedge
//! decisions and their futures in the plan. Invariant: proceeds of a short and the debt of a funded
//! long count as cash; a future counts only its unsettled profit.

use crate::{DayInputs, DayPlan, Setup};
use domain::{ContractId, Currency, PerCurrency, Quantity};
use risk::{Check, Purpose};
use rust_decimal::prelude::ToPrimitive;
use strategy::fx_hedge::hedge as hedge_of;
use strategy::{HedgeDecision, HedgeRule};

pub(super) fn hedge(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    if setup.policy.fx_hedge.rules.is_empty() {
        return;
    }
    let exposure = exposure_after_orders(inputs, setup, plan);
    for rule in &setup.policy.fx_hedge.rules {
        let Some(rate) = plan.facts.rates[rule.currency] else { continue };
        let held: Quantity = setup
            .universe
            .contracts_of(rule.future)
            .fold(Quantity::ZERO, |sum, contract| sum + inputs.ledger.quantity(contract));
        let held = held.to_f64() as i64;
        let policy = &setup.policy.fx_hedge;
        let decision = hedge_of(rule, exposure[rule.currency], held, rate, plan.facts.nav, policy);
        plan.hedges.push(decision);
        place(rule, decision, inputs, setup, plan);
    }
}

/// Sends all of the wanted hedge to the active contract and closes the others.
fn place(rule: &HedgeRule, decision: HedgeDecision, inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let active = inputs.active[rule.future];
    let contracts: Vec<ContractId> = setup.universe.contracts_of(rule.future).collect();
    for contract in contracts {
        let held = inputs.ledger.quantity(contract);
        let wanted = if Some(contract) == active { Quantity::whole(decision.wanted) } else { Quantity::ZERO };
        plan.table.wanted[contract] = wanted;
        if wanted == held {
            continue;
        }
        let purpose = if Some(contract) == active { Purpose::FxHedge } else { Purpose::CloseOut };
        if !plan.mode.permits(purpose) {
            plan.table.verdict[contract].fail(Check::Mode);
        } else if plan.table.unit_price[contract] == 0.0 {
            plan.table.verdict[contract].fail(Check::NoMark);
        } else {
            plan.table.scheduled[contract] = wanted - held;
        }
    }
}

/// E_c = cash + market value by risk currency + unsettled variation, after the scheduled orders.
fn exposure_after_orders(inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> PerCurrency<f64> {
    let mut exposure = PerCurrency::from_fn(|currency: Currency| inputs.ledger.cash(currency).to_f64().unwrap_or(0.0));
    for (contract, &held) in inputs.ledger.quantities().iter() {
        let change = plan.table.scheduled[contract];
        let Some(mark) = inputs.marks[contract] else { continue };
        if held.is_zero() && change.is_zero() {
            continue;
        }
        let terms = setup.universe.terms(contract);
        let unit = mark.to_f64() * f64::from(terms.multiplier);
        if terms.settles_daily {
            let unsettled = inputs.ledger.nav_value(contract, mark, &setup.universe);
            exposure[terms.currency] += unsettled.to_f64().unwrap_or(0.0);
            continue;
        }
        exposure[terms.currency] -= change.to_f64() * unit;
        let conversion = plan.facts.rates[terms.currency].zip(plan.facts.rates[terms.risk_currency]);
        let value = (held + change).to_f64() * unit;
        exposure[terms.risk_currency] += conversion.map_or(value, |(from, to)| value * from / to);
    }
    exposure
}
