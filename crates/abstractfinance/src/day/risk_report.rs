//! What risk found beside volatility and regime.
//!
//! In: the plan, the book at the end of the day. Out: the report's section on risk. Invariant: measured at the scale the
//! plan was made with; exposures with and without what counts outside the caps.

use super::Run;
use super::end::End;
use console::report::{RiskReport, SleeveRisk};
use cycle::DayPlan;
use domain::Ledger;
use risk::scaling::Bound;
use rust_decimal::prelude::ToPrimitive;

pub(super) fn risk_report(plan: &DayPlan, ledger: &Ledger, end: &End, run: &Run) -> RiskReport {
    let (measures, sleeves) = (&plan.risk.measures, &run.setup.policy.sleeves);
    let momentum = |follows: bool| if follows { plan.risk.momentum_factor } else { 1.0 };
    let factors: Vec<f64> = sleeves.iter().map(|sleeve| plan.risk.scale * momentum(sleeve.follows_momentum)).collect();
    let contributions = &plan.memory.contributions;
    let dispersion = contributions.dispersion(&factors);
    let row = |(name, (volatility, fit)): (&str, &(Option<f64>, Option<risk::PairFit>))| SleeveRisk {
        sleeve: name.to_owned(),
        volatility: *volatility,
        beta: fit.map(|fit| fit.beta),
        correlation: fit.map(|fit| fit.correlation),
        volatility_mismatch: fit.map(|fit| fit.volatility_mismatch),
    };
    let (gross, net) = capped(ledger, end, run);
    RiskReport {
        emergency_derisk: measures.emergency_derisk,
        reduce_core_exposure: measures.reduce_core_exposure,
        reduce_factor: measures.reduce_factor,
        increase_hedges: measures.increase_hedges,
        caps_bound: measures.caps_bound.iter().map(|cap| cap_name(cap.bound).to_owned()).collect(),
        warnings: warnings(plan),
        value_at_risk: dispersion.tail.map(|tail| tail.value_at_risk),
        expected_shortfall: dispersion.tail.map(|tail| tail.expected_shortfall),
        days: contributions.days(),
        gross_capped_of_nav: gross,
        net_capped_of_nav: net,
        sleeves: sleeves.iter().map(|sleeve| sleeve.name.as_str()).zip(&dispersion.sleeves).map(row).collect(),
    }
}

/// What a person should know of the day's risk, as sentences.
pub(super) fn warnings(plan: &DayPlan) -> Vec<String> {
    plan.risk.measures.warnings.iter().map(ToString::to_string).collect()
}

fn cap_name(bound: Bound) -> &'static str {
    match bound {
        Bound::Net => "net",
        Bound::Gross | Bound::Target => "gross",
    }
}

/// Gross and net over NAV of what the caps limit.
fn capped(ledger: &Ledger, end: &End, run: &Run) -> (f64, f64) {
    let (universe, nav) = (&run.setup.universe, end.nav.map_or(0.0, |nav| nav.to_f64()));
    if nav <= 0.0 {
        return (0.0, 0.0);
    }
    let inside = universe.contracts().filter(|&contract| !run.setup.outside_caps[contract]);
    let values = inside.filter_map(|contract| {
        let terms = universe.terms(contract);
        let rate = end.fx.rate(terms.currency, end.fx.base()).ok()?;
        let value = ledger.quantity(contract).value_at(end.marks[contract]?, terms.multiplier) * rate;
        value.to_f64()
    });
    values.fold((0.0, 0.0), |(gross, net), value| (gross + value.abs() / nav, net + value / nav))
}
