//! Step 10, second half: the currency hedge of the book as it will be after today's orders.
//!
//! In: cash and positions per risk currency, scheduled changes, hedge contracts held. Out: hedge
//! decisions and their futures in the plan. Invariant: proceeds of a short and the debt of a funded
//! long count as cash; a future counts only its unsettled profit.

use super::chains;
use super::wants::outside;
use crate::setup::Chain;
use crate::{DayInputs, DayPlan, Setup};
use domain::{ContractId, Currency, Ledger, PerCurrency, Price, Quantity};
use risk::gate::{Refusal, Withheld};
use risk::{Check, Permission, Purpose};
use rust_decimal::prelude::ToPrimitive;
use strategy::ScreenList;
use strategy::fx_hedge::hedge as hedge_of;
use strategy::sizing::Change;
use strategy::{HedgeDecision, HedgeRule};

/// Currencies nothing hedges whose exposure is above the limit take no new risk.
pub(super) fn withhold(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    for currency in too_much(inputs, setup, plan) {
        let contracts = setup.universe.contracts().filter(|&contract| carries(contract, currency, setup));
        let check = Check::UnhedgedCurrency;
        plan.facts.no_increase.extend(contracts.map(|contract| Withheld { contract, check }));
    }
}

/// Takes back increases that would carry an unhedged currency above its limit, with the other legs of their pairs.
fn take_back_unhedged(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    for currency in too_much(inputs, setup, plan) {
        let raises = |contract: ContractId| {
            let held = inputs.ledger.quantity(contract);
            !Change::between(held, held + plan.table.scheduled[contract]).increase.is_zero()
        };
        let own: Vec<ContractId> =
            setup.universe.contracts().filter(|&c| carries(c, currency, setup) && raises(c)).collect();
        let pairs = setup.policy.sleeves.iter().filter(|sleeve| sleeve.is_pair());
        let pairs = pairs.map(|sleeve| sleeve.contracts(&ScreenList::default()));
        let legs = pairs.filter(|legs| legs.iter().any(|leg| own.contains(leg))).flatten();
        let others: Vec<ContractId> = legs.filter(|leg| !own.contains(leg) && raises(*leg)).collect();
        let stopped = own.iter().map(|&c| (c, Check::UnhedgedCurrency));
        for (contract, check) in stopped.chain(others.iter().map(|&c| (c, Check::PairLeg))) {
            let held = inputs.ledger.quantity(contract);
            plan.table.verdict[contract].fail(check);
            plan.table.scheduled[contract] = Change::between(held, held + plan.table.scheduled[contract]).reduce;
        }
    }
}

pub(crate) fn carries(contract: ContractId, currency: Currency, setup: &Setup) -> bool {
    let terms = setup.universe.terms(contract);
    terms.currency == currency || terms.risk_currency == currency
}

/// Unhedged currencies whose exposure after the scheduled orders is above the limit, or not known.
fn too_much(inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Vec<Currency> {
    if setup.unhedged.is_empty() || plan.facts.nav <= 0.0 {
        return Vec::new();
    }
    let exposure = exposure_after_orders(inputs, setup, plan);
    let limit = setup.policy.fx_hedge.unhedged_of_nav_max * plan.facts.nav;
    let above = |currency: &Currency| {
        let own = exposure.as_ref().zip(plan.facts.rates[*currency]);
        own.is_none_or(|(exposure, rate)| (exposure[*currency] * rate).abs() > limit)
    };
    setup.unhedged.iter().copied().filter(above).collect()
}

pub(super) fn hedge(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    take_back_unhedged(inputs, setup, plan);
    if setup.policy.fx_hedge.rules.is_empty() {
        return;
    }
    let Some(exposure) = exposure_after_orders(inputs, setup, plan) else {
        let refusal = Refusal { check: Check::FxRate, contract: None, limit: 0.0, value: 0.0 };
        return plan.refusals.push(refusal);
    };
    for rule in &setup.policy.fx_hedge.rules {
        let Some(rate) = plan.facts.rates[rule.currency] else { continue };
        let Some(chain) = setup.chains.iter().find(|chain| chain.instrument == rule.future) else { continue };
        let sum = |of: &dyn Fn(ContractId) -> Quantity| {
            chain.contracts.iter().fold(Quantity::ZERO, |sum, &contract| sum + of(contract)).to_f64() as i64
        };
        // Contracts somebody else holds are part of the exposure: we hedge what they leave.
        let foreign = sum(&|contract| outside(inputs, contract));
        let held = sum(&|contract| inputs.ledger.quantity(contract)) - foreign;
        let exposure = exposure[rule.currency] + foreign as f64 * f64::from(rule.size);
        let policy = &setup.policy.fx_hedge;
        let mut decision = hedge_of(rule, exposure, held, rate, plan.facts.nav, policy);
        decision.outside = foreign;
        decision.known = knows_exposure(rule, setup, plan) && !inputs.doubts.forbid_risk_in(rule.currency);
        if !decision.known {
            // What to hedge is not known; what is held still rolls, and is gone by its deadline.
            decision.wanted = decision.held;
        }
        if plan.flatten {
            decision.wanted = 0;
        }
        decision.contract = place(chain, decision, inputs, setup, plan);
        plan.hedges.push(decision);
    }
}

/// False while a contract that carries the currency is frozen: its exposure is not what our books say.
fn knows_exposure(rule: &HedgeRule, setup: &Setup, plan: &DayPlan) -> bool {
    plan.facts.frozen.iter().all(|&contract| {
        let terms = setup.universe.terms(contract);
        terms.currency != rule.currency && terms.risk_currency != rule.currency
    })
}

/// Puts the wanted hedge into its chain; without a contract that can be traded it keeps its size.
fn place(
    chain: &Chain,
    decision: HedgeDecision,
    inputs: &DayInputs<'_>,
    setup: &Setup,
    plan: &mut DayPlan,
) -> Option<ContractId> {
    let tradable =
        |contract: &ContractId| plan.table.unit_price[*contract] > 0.0 && inputs.windows[*contract].is_some();
    let active = inputs.active[chain.instrument].filter(tradable);
    if active.is_none() && decision.wanted != decision.held {
        let value = decision.residual.abs();
        plan.refusals.push(Refusal { check: Check::NoHedge, contract: None, limit: decision.band, value });
    }
    let total = if active.is_some() { decision.wanted } else { decision.held };
    chains::place(chain, Quantity::whole(total), inputs, setup, plan);
    for &contract in &chain.contracts {
        plan.table.netted[contract] = plan.table.wanted[contract];
        let purpose = if Some(contract) == active { Purpose::FxHedge } else { Purpose::CloseOut };
        schedule(contract, purpose, inputs, plan);
    }
    active
}

fn schedule(contract: ContractId, purpose: Purpose, inputs: &DayInputs<'_>, plan: &mut DayPlan) {
    let change = plan.table.wanted[contract] - inputs.ledger.quantity(contract);
    if change.is_zero() {
        return;
    }
    let raises = plan.table.wanted[contract].abs() > inputs.ledger.quantity(contract).abs();
    let stopped = match () {
        () if plan.mode.permission(purpose) == Permission::No => Some(Check::Mode),
        () if plan.facts.frozen.contains(&contract) => Some(Check::Reconciliation),
        () if plan.table.unit_price[contract] == 0.0 && raises => Some(Check::NoMark),
        () => plan.facts.no_increase(contract).filter(|_| raises),
    };
    match stopped {
        Some(check) => plan.table.verdict[contract].fail(check),
        None => plan.table.scheduled[contract] = change,
    }
}

/// E_c after the scheduled orders; `None` when a value cannot be taken into its risk currency.
fn exposure_after_orders(inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Option<PerCurrency<f64>> {
    let book = |contract| (inputs.ledger.quantity(contract), plan.table.scheduled[contract]);
    let mark = |contract: ContractId| inputs.marks[contract].map(Price::to_f64);
    currency_exposure(inputs.ledger, book, mark, &plan.facts.rates, setup)
}

/// E_c = cash + market value by risk currency + unsettled variation. `book` says what is held of a contract and what is
/// still to be bought, whose money is in the cash yet. `None` when a value cannot be taken into its risk currency.
pub(crate) fn currency_exposure(
    ledger: &Ledger,
    book: impl Fn(ContractId) -> (Quantity, Quantity),
    mark: impl Fn(ContractId) -> Option<f64>,
    rates: &PerCurrency<Option<f64>>,
    setup: &Setup,
) -> Option<PerCurrency<f64>> {
    let mut exposure = PerCurrency::from_fn(|currency: Currency| ledger.cash(currency).to_f64().unwrap_or(0.0));
    for contract in setup.universe.contracts() {
        let ((held, change), terms) = (book(contract), setup.universe.terms(contract));
        // A future that is closed still has the profit that settlement has not paid.
        let settled = ledger.settled_value(contract);
        if held.is_zero() && change.is_zero() && settled.is_zero() {
            continue;
        }
        let unit = mark(contract).map(|mark| mark * f64::from(terms.multiplier));
        let Some(unit) = unit.or(held.is_zero().then_some(0.0)) else { continue };
        if terms.settles_daily {
            exposure[terms.currency] += held.to_f64() * unit - settled.to_f64().unwrap_or(0.0);
            continue;
        }
        exposure[terms.currency] -= change.to_f64() * unit;
        let value = (held + change).to_f64() * unit;
        exposure[terms.risk_currency] += match terms.risk_currency == terms.currency {
            true => value,
            false => value * rates[terms.currency]? / rates[terms.risk_currency]?,
        };
    }
    Some(exposure)
}
