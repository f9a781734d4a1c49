//! Who has to approve a plan, and whether one that was approved may still be executed.
//!
//! In: a plan, the owner's rules, what people said, the world when it is to be executed. Out: reasons with stable codes, or
//! none. Invariant: nothing is approved that has another content; what changed since is found before the first order.

use crate::plan::DayPlan;
use domain::{ContractId, Quantity, Universe};
use risk::{Purpose, Regime};
use serde::{Deserialize, Serialize};

/// What a plan may be to approve itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRules {
    /// False: every plan with orders waits for a person.
    pub automatic: bool,
    /// Most it may add, as a fraction of NAV.
    pub increases_max: f64,
    /// Most orders.
    pub orders_max: usize,
    /// Regimes in which it may.
    pub regimes: Vec<Regime>,
}

/// Why a plan is not executed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Objection {
    /// The settings leave every plan to a person.
    Manual,
    /// It adds more than may be added by rule.
    Increases {
        /// Share of NAV.
        value: f64,
        /// Most by rule.
        limit: f64,
    },
    /// It has more orders than may go by rule.
    Orders {
        /// Orders.
        value: usize,
        /// Most by rule.
        limit: usize,
    },
    /// The rules approve nothing in this regime.
    Regime(Regime),
    /// A person said no.
    Rejected(String),
    /// Its last window is over.
    Expired,
    /// It was made under other settings.
    Settings,
    /// The account holds something else than it was made on.
    Positions(Vec<String>),
}

impl Objection {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Objection::Manual => "APPROVAL_MANUAL",
            Objection::Increases { .. } => "APPROVAL_INCREASES",
            Objection::Orders { .. } => "APPROVAL_ORDERS",
            Objection::Regime(_) => "APPROVAL_REGIME",
            Objection::Rejected(_) => "PLAN_REJECTED",
            Objection::Expired => "PLAN_EXPIRED",
            Objection::Settings => "PLAN_SETTINGS",
            Objection::Positions(_) => "PLAN_POSITIONS",
        }
    }

    /// What happened and what it means.
    pub fn sentence(&self) -> String {
        match self {
            Objection::Manual => "approval.mode is manual: every plan waits for a person".to_owned(),
            Objection::Increases { value, limit } => format!(
                "it adds {:.1} % of NAV, and the rules approve up to {:.1} % (approval.auto_increases_max_pct_nav)",
                value * 100.0,
                limit * 100.0
            ),
            Objection::Orders { value, limit } => {
                format!("it has {value} orders, and the rules approve up to {limit} (approval.auto_orders_max)")
            }
            Objection::Regime(regime) => {
                format!("the regime is {}, in which the rules approve nothing (approval.auto_regimes)", regime.name())
            }
            Objection::Rejected(who) => format!("rejected by {who}; nothing of it is sent"),
            Objection::Expired => "its last window is over; nothing of it is sent".to_owned(),
            Objection::Settings => "the settings are others than it was made under".to_owned(),
            Objection::Positions(names) => {
                format!("the account does not hold what it was made on: {}", names.join(", "))
            }
        }
    }
}

/// What keeps the rules from approving a plan; nothing, and they do.
pub fn by_rule(plan: &DayPlan, rules: &ApprovalRules) -> Vec<Objection> {
    let mut objections = Vec::new();
    if plan.orders.is_empty() {
        return objections; // there is nothing to approve
    }
    if !rules.automatic {
        objections.push(Objection::Manual);
        return objections;
    }
    let increases = increases_of_nav(plan);
    if increases > rules.increases_max * (1.0 + 1e-9) {
        objections.push(Objection::Increases { value: increases, limit: rules.increases_max });
    }
    if plan.orders.len() > rules.orders_max {
        objections.push(Objection::Orders { value: plan.orders.len(), limit: rules.orders_max });
    }
    if !rules.regimes.contains(&plan.risk.regime) {
        objections.push(Objection::Regime(plan.risk.regime));
    }
    objections
}

/// What the plan's orders for new positions come to, as a fraction of NAV.
pub fn increases_of_nav(plan: &DayPlan) -> f64 {
    let added = plan.orders.iter().filter(|order| order.purpose == Purpose::Increase);
    let value: f64 = added.map(|order| order.quantity.to_f64().abs() * plan.table.unit_price[order.contract]).sum();
    if value == 0.0 { 0.0 } else { value / plan.facts.nav }
}

/// Contracts of which the account holds something else than our books did when the plan was made.
pub fn moved(
    planned_on: impl Fn(ContractId) -> Quantity,
    held: &[(ContractId, Quantity)],
    universe: &Universe,
) -> Vec<String> {
    let differs = |contract: &ContractId| {
        let now = held.iter().filter(|(of, _)| of == contract).map(|(_, quantity)| *quantity);
        now.fold(Quantity::ZERO, |sum, quantity| sum + quantity) != planned_on(*contract)
    };
    universe.contracts().filter(differs).map(|contract| universe.contract(contract).name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide;
    use crate::fixture::World;

    #[test]
    fn a_plan_approves_itself_inside_every_rule_and_says_each_it_breaks() {
        let world = World::first_day();
        let plan = decide(&world.inputs(), &world.setup);
        assert!(!plan.orders.is_empty());
        let all = vec![Regime::Normal, Regime::Recovery, Regime::Elevated, Regime::Crisis];
        let rules = ApprovalRules { automatic: true, increases_max: 0.5, orders_max: 100, regimes: all };
        assert_eq!(by_rule(&plan, &rules), []);
        let tight = ApprovalRules { increases_max: 0.1, orders_max: 0, regimes: vec![Regime::Crisis], ..rules.clone() };
        let codes: Vec<&str> = by_rule(&plan, &tight).iter().map(Objection::code).collect();
        assert_eq!(codes, ["APPROVAL_INCREASES", "APPROVAL_ORDERS", "APPROVAL_REGIME"]);
        let manual = ApprovalRules { automatic: false, ..rules };
        assert_eq!(by_rule(&plan, &manual), [Objection::Manual]);
        let nothing = DayPlan { orders: Vec::new(), ..plan };
        assert_eq!(by_rule(&nothing, &manual), [], "nothing to approve");
    }
}
