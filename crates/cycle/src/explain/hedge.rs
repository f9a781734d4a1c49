//! The currency hedge's part of a chain.
//!
//! In: a recorded day, a hedge future. Out: links from cash and positions to contracts wanted. Invariant: the parts sum to
//! the exposure the plan recorded.

use super::{Chain, Day, word};
use domain::{ContractId, Price};
use rust_decimal::prelude::ToPrimitive;

pub(super) fn explain(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let future = day.setup.universe.contract(contract).instrument;
    let policy = &day.setup.policy.fx_hedge;
    let Some(rule) = policy.rules.iter().find(|rule| rule.future == future) else { return };
    let Some(decision) = day.plan.hedges.iter().find(|hedge| hedge.currency == rule.currency) else { return };
    let Some(rate) = day.plan.facts.rates[rule.currency] else { return };
    let (step, size) = ("fx hedge", f64::from(rule.size));
    let parts = exposure(chain, day, rule.currency);
    chain.given(step, "hedge_size", size, "foreign", format!("{} in one contract", rule.currency));
    let outside = decision.outside as f64;
    chain.given(step, "hedge_outside", outside, "units", "contracts of nobody of ours: they count as exposure");
    let formula = format!("{} + hedge_outside * hedge_size", parts.join(" + "));
    chain.made(step, "exposure", decision.exposure, "foreign", formula);
    chain.given(step, "hedge_ratio", policy.ratio, "", "fx.hedge_ratio");
    chain.given(step, "hedge_rate", rate, "base", format!("base currency for one {}", rule.currency));
    chain.given(step, "hedge_held", decision.held as f64, "units", "hedge contracts held");
    let residual = "(hedge_ratio * exposure + hedge_held * hedge_size) * hedge_rate";
    chain.made(step, "residual", decision.residual, "base", residual);
    chain.given(step, "band_of_nav", policy.band_of_nav, "of NAV", "fx.band_nav_pct");
    chain.made(step, "band", decision.band, "base", "max(hedge_size * hedge_rate, band_of_nav * nav)");
    let wanted = decision.wanted as f64;
    match () {
        () if day.plan.flatten => {
            chain.given(step, "hedge_wanted", wanted, "units", "a person wants every position closed")
        }
        () if decision.residual.abs() > decision.band => {
            chain.made(step, "hedge_wanted", wanted, "units", "nearest(0 - hedge_ratio * exposure / hedge_size)");
        }
        () => chain.made(step, "hedge_wanted", wanted, "units", "hedge_held"),
    }
}

/// Cash, and what each position adds, in units of the currency; the names of the links.
fn exposure(chain: &mut Chain, day: &Day<'_>, currency: domain::Currency) -> Vec<String> {
    let (ledger, step, universe) = (day.inputs.ledger, "fx hedge", &day.setup.universe);
    let cash = ledger.cash(currency).to_f64().unwrap_or(0.0);
    chain.given(step, "cash", cash, "foreign", format!("{currency} at the plan"));
    let mut names = vec!["cash".to_owned()];
    for contract in universe.contracts() {
        let (held, terms) = (ledger.quantity(contract), universe.terms(contract));
        // The hedge is of the book as the day's other orders leave it.
        let outside = day.setup.chains.iter().any(|chain| chain.hedges && chain.contracts.contains(&contract));
        let change = if outside { domain::Quantity::ZERO } else { day.plan.table.scheduled[contract] };
        let settled = ledger.settled_value(contract);
        if held.is_zero() && change.is_zero() && settled.is_zero() {
            continue;
        }
        let unit = day.inputs.marks[contract].map(|mark: Price| mark.to_f64() * f64::from(terms.multiplier));
        let unit = unit.unwrap_or(0.0);
        let mut part = 0.0;
        if terms.settles_daily {
            part +=
                if terms.currency == currency { held.to_f64() * unit - settled.to_f64().unwrap_or(0.0) } else { 0.0 };
        } else {
            part -= if terms.currency == currency { change.to_f64() * unit } else { 0.0 };
            let rates = day.plan.facts.rates[terms.currency].zip(day.plan.facts.rates[terms.risk_currency]);
            let across = rates.map_or(1.0, |(own, risk)| own / risk);
            let value = (held + change).to_f64() * unit;
            let value = if terms.risk_currency == terms.currency { value } else { value * across };
            part += if terms.risk_currency == currency { value } else { 0.0 };
        }
        if part != 0.0 {
            let name = format!("part_{}", word(day.name(contract)));
            let note = if terms.settles_daily {
                "profit not yet paid into cash"
            } else {
                "market value after the day's orders, less what they pay"
            };
            chain.given(step, &name, part, "foreign", note);
            names.push(name);
        }
    }
    names
}
