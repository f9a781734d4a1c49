//! Why an instrument was not traded, or not in full.
//!
//! In: a recorded day, a contract. Out: the rules in the way, first the one that stops it. Invariant: codes are the gate's
//! own; what no rule stopped is said to have gone out.

use super::Day;
use crate::Entry;
use crate::decide::outside;
use domain::ContractId;
use risk::Check;
use risk::gate::Refusal;
use serde::Serialize;
use strategy::SleeveKind;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable code: of a check of the gate, or one of `NO_CONTRACT`, `NO_SLEEVE`, `AT_TARGET`, `INSIDE_DRIFT`, `HEDGED`,
    /// `NOT_DUE`, `SENT`, `CARRIED_OVER`.
    pub code: String,
    /// What it means.
    pub sentence: String,
    /// True for a rule that stops the instrument altogether today.
    pub blocks: bool,
}

fn reason(code: &str, sentence: impl Into<String>, blocks: bool) -> Reason {
    Reason { code: code.to_owned(), sentence: sentence.into(), blocks }
}

/// The reasons on a day, most telling first.
pub fn why_not(day: &Day<'_>, contract: ContractId) -> Vec<Reason> {
    let (plan, universe) = (day.plan, &day.setup.universe);
    if !universe.instrument_of(contract).tradable {
        let refusal = Refusal { check: Check::NotTradable, contract: Some(contract), limit: 0.0, value: 0.0 };
        return vec![told(&refusal, day, true)];
    }
    let scheduled = plan.table.scheduled[contract];
    let mut reasons = refused(day, contract, scheduled.is_zero());
    if scheduled.is_zero() && reasons.is_empty() {
        return vec![nothing_to_do(day, contract)];
    }
    for order in day.orders().iter().filter(|order| order.contract == contract) {
        let (ordered, filled) = (order.quantity.abs(), day.filled(order.number));
        let what = format!("order {}: {filled} of {ordered} executed", order.number);
        reasons.push(match filled == ordered {
            true => reason("SENT", format!("{what}; nothing stopped it"), false),
            false => {
                reason("CARRIED_OVER", format!("{what}; the rest is drift that the next plan sees"), filled.is_zero())
            }
        });
        reasons.extend(at_the_gate(day, order.number));
    }
    reasons
}

/// What the plan refused of the contract, and what cut the whole basket.
fn refused(day: &Day<'_>, contract: ContractId, nothing_goes: bool) -> Vec<Reason> {
    let plan = day.plan;
    let verdict = plan.table.verdict[contract];
    let own = plan.refusals.iter().filter(|refusal| refusal.contract == Some(contract));
    let mut reasons: Vec<Reason> = own.map(|refusal| told(refusal, day, nothing_goes)).collect();
    for check in
        verdict.failed().filter(|check| reasons.iter().all(|reason| reason.code != check.code())).collect::<Vec<_>>()
    {
        let basket = plan.refusals.iter().find(|refusal| refusal.check == check && refusal.contract.is_none());
        let refusal = Refusal { check, contract: Some(contract), limit: 0.0, value: 0.0 };
        reasons.push(match basket {
            Some(basket) => told(basket, day, nothing_goes),
            None => told(&refusal, day, nothing_goes),
        });
    }
    let volatility =
        plan.refusals.iter().find(|refusal| refusal.check == Check::Volatility && refusal.contract.is_none());
    reasons.extend(volatility.map(|refusal| told(refusal, day, nothing_goes)));
    let held_back = plan.held_back.iter().map(|&position| (position, &day.setup.policy.sleeves[position]));
    for (position, sleeve) in held_back {
        let carried = sleeve.contracts(&plan.memory.lists[position]);
        let carries = carried.into_iter().any(|of| day.setup.carrier(of, day.inputs.active) == Some(contract));
        if carries && reasons.iter().all(|reason| reason.code != Check::PairLeg.code()) {
            let sentence = format!("{}: its sleeve {} holds what it has today", day.name(contract), sleeve.name);
            reasons.push(reason(Check::PairLeg.code(), sentence, nothing_goes));
        }
    }
    reasons
}

fn told(refusal: &Refusal, day: &Day<'_>, blocks: bool) -> Reason {
    reason(refusal.check.code(), refusal.sentence(&day.setup.universe), blocks)
}

/// What the gate answered when the order asked, each answer once.
fn at_the_gate(day: &Day<'_>, number: u16) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    let answers = day.entries.iter().filter_map(|(_, entry)| match entry {
        Entry::Refused { number: of, refusals } if *of == number => Some(refusals),
        _ => None,
    });
    for refusal in answers.flatten() {
        let told = told(refusal, day, false);
        if reasons.iter().all(|reason| reason.code != told.code) {
            reasons.push(told);
        }
    }
    reasons
}

/// Why no rule was needed.
fn nothing_to_do(day: &Day<'_>, contract: ContractId) -> Reason {
    let (plan, setup) = (day.plan, day.setup);
    let (table, name) = (&plan.table, day.name(contract));
    let held = day.inputs.ledger.quantity(contract);
    if setup.option(contract).is_some() || setup.is_spread(contract) {
        return reason(
            "NOT_DUE",
            format!("{name}: the tail hedges neither buy nor sell it today; `hedges` shows the budget"),
            true,
        );
    }
    if let Some(hedge) = setup.chains.iter().find(|chain| chain.hedges && chain.contracts.contains(&contract)) {
        let rule = setup.policy.fx_hedge.rules.iter().find(|rule| rule.future == hedge.instrument);
        let decision = rule.and_then(|rule| plan.hedges.iter().find(|decision| decision.currency == rule.currency));
        let sentence = decision.map_or_else(
            || format!("{name}: its currency has no rate today, so the hedge stays as it is"),
            |decision| {
                format!(
                    "{name}: {:.0} {} of exposure leave {:.0} of the base currency unhedged, inside the band of {:.0}",
                    decision.exposure, decision.currency, decision.residual, decision.band
                )
            },
        );
        return reason("HEDGED", sentence, true);
    }
    if held != outside(&day.inputs, contract) && table.target_value[contract] != 0.0 {
        let (target, value) = (table.target_value[contract], table.held_value[contract]);
        let rebalance = &setup.policy.rebalance;
        let least = (rebalance.drift_of_target * target.abs()).max(rebalance.drift_of_nav * plan.facts.nav);
        if table.wanted[contract] == held && (target - value).abs() <= least {
            let drift = (target - value).abs();
            let sentence =
                format!("{name}: {drift:.0} from its target, and it trades from {least:.0} of the base currency on");
            return reason("INSIDE_DRIFT", sentence, true);
        }
        return reason("AT_TARGET", format!("{name}: {held} held is what is wanted"), true);
    }
    let idle: Vec<&str> = setup
        .policy
        .sleeves
        .iter()
        .filter(|sleeve| matches!(sleeve.kind, SleeveKind::NotConfigured))
        .map(|sleeve| sleeve.name.as_str())
        .collect();
    let idle = if idle.is_empty() { String::new() } else { format!("; not configured: {}", idle.join(", ")) };
    if table.weight[contract] != 0.0 {
        return reason("AT_TARGET", format!("{name}: its target rounds to what is held, {held}"), true);
    }
    reason("NO_SLEEVE", format!("{name}: no sleeve wants it today{idle}"), true)
}
