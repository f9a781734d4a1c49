//! A recorded plan against the one its inputs give today.
//!
//! In: the stored plan, the plan decided again. Out: nothing, or the first step whose result is another. Invariant: every
//! value of a plan belongs to a step, and steps are looked at in the order in which they are taken.

use crate::plan::DayPlan;
use crate::store;
use domain::{ContractId, Universe};
use ports::StoredRecord;
use serde::Serialize;
use serde_json::Value;

/// The steps with what each leaves in the plan, as paths into its body. A step that comes later may change a column of an
/// earlier one; it stands where it is written first.
const STEPS: [(&str, &[&str]); 14] = [
    ("value", &["/date", "/decided_at", "/nav", "/facts/nav", "/facts/rates", "/table/unit_price", "/table/exposure"]),
    ("value", &["/table/held_value"]),
    ("reconcile", &["/reconciliation", "/facts/frozen"]),
    ("risk", &["/memory/volatility", "/memory/momentum", "/memory/performance", "/memory/regime", "/risk", "/mode"]),
    ("risk", &["/flatten", "/memory/lists", "/table/weight"]),
    ("targets", &["/shifts", "/table/target_value", "/held_back"]),
    ("size", &["/table/netted", "/table/rolled"]),
    ("tail hedges", &["/tail_hedges", "/memory/hedges"]),
    ("limits of one contract", &["/table/wanted"]),
    ("schedule", &["/table/scheduled", "/table/verdict", "/facts"]),
    ("fx hedge", &["/hedges"]),
    ("orders", &["/orders", "/refusals"]),
    ("netting", &["/wants", "/pairs", "/spreads"]),
    ("memory", &["/memory"]),
];

/// Where two plans part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The step of the decision.
    pub step: &'static str,
    /// The value, as a path into the plan.
    pub value: String,
    /// The contract it is about, if it is about one.
    pub contract: Option<String>,
    /// As it was recorded.
    pub recorded: Value,
    /// As it is decided now.
    pub now: Value,
}

/// Compares a stored plan with one decided again from its inputs; `None` when they are the same to the last bit. What the
/// version that recorded it did not write down is not compared.
///
/// # Errors
/// A record that is no plan.
pub fn difference(
    recorded: &StoredRecord,
    plan: &DayPlan,
    universe: &Universe,
) -> Result<Option<Difference>, serde_json::Error> {
    let now = store::body(plan, universe);
    if recorded.body == now {
        return Ok(None);
    }
    let (before, now): (Value, Value) = (serde_json::from_str(&recorded.body)?, serde_json::from_str(&now)?);
    let mut parts = STEPS.iter().flat_map(|(step, paths)| paths.iter().map(move |path| (*step, *path)));
    Ok(parts.find_map(|(step, path)| {
        let (before, now) = (before.pointer(path)?, now.pointer(path).unwrap_or(&Value::Null));
        let (path, before, now) = deepest(path.to_owned(), before, now)?;
        let contract = path.strip_prefix("/table/").and_then(|rest| rest.split('/').nth(1)?.parse().ok());
        let contract = contract.map(|row| universe.contract(ContractId(row)).name.clone());
        let value = path.trim_start_matches('/').replace('/', ".");
        Some(Difference { step, value, contract, recorded: before, now })
    }))
}

/// The first place in which two values differ, and what is there; a field that is new today is passed over.
fn deepest(path: String, before: &Value, now: &Value) -> Option<(String, Value, Value)> {
    match (before, now) {
        (Value::Object(fields), Value::Object(others)) => {
            let mut parts = fields.iter();
            parts.find_map(|(key, field)| {
                deepest(format!("{path}/{key}"), field, others.get(key).unwrap_or(&Value::Null))
            })
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            let mut parts = items.iter().zip(others).enumerate();
            parts.find_map(|(row, (item, other))| deepest(format!("{path}/{row}"), item, other))
        }
        _ if before == now => None,
        _ => Some((path, before.clone(), now.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide;
    use crate::fixture::World;
    use domain::Quantity;

    fn stored(plan: &DayPlan, world: &World) -> StoredRecord {
        let body = store::body(plan, &world.setup.universe);
        StoredRecord { seq: 1, trade_date: plan.date, kind: "plan".into(), version: 1, at: plan.decided_at, body }
    }

    #[test]
    fn every_value_of_a_plan_belongs_to_a_step() {
        let world = World::first_day();
        let body = store::body(&decide(&world.inputs(), &world.setup), &world.setup.universe);
        let plan: Value = serde_json::from_str(&body).unwrap();
        let paths: Vec<&str> = STEPS.iter().flat_map(|(_, paths)| paths.iter().copied()).collect();
        let mut leaves: Vec<String> = plan.as_object().unwrap().keys().map(|key| format!("/{key}")).collect();
        leaves.retain(|key| key != "/table");
        leaves.extend(plan["table"].as_object().unwrap().keys().map(|column| format!("/table/{column}")));
        for leaf in leaves {
            assert!(paths.contains(&leaf.as_str()), "{leaf} is compared in no step");
        }
        assert!(paths.iter().all(|path| plan.pointer(path).is_some()), "a step names what no plan has");
    }

    #[test]
    fn the_first_step_that_differs_is_named_with_its_contract_and_both_values() {
        let world = World::first_day();
        let plan = decide(&world.inputs(), &world.setup);
        let recorded = stored(&plan, &world);
        let universe = &world.setup.universe;
        let found = |change: &dyn Fn(&mut DayPlan)| {
            let mut other = plan.clone();
            change(&mut other);
            difference(&recorded, &other, universe).unwrap()
        };
        assert_eq!(found(&|_| {}), None);
        let contract = plan.orders[0].contract;
        let name = universe.contract(contract).name.clone();
        type Change<'a> = &'a dyn Fn(&mut DayPlan);
        let changes: [(&str, &str, Change<'_>); 9] = [
            ("value", "table.unit_price", &|plan| {
                plan.table.unit_price[contract] = f64::from_bits(plan.table.unit_price[contract].to_bits() + 1)
            }),
            ("value", "facts.nav", &|plan| plan.facts.nav += 1.0),
            ("reconcile", "facts.frozen", &|plan| plan.facts.frozen.push(contract)),
            ("risk", "risk.scale", &|plan| plan.risk.scale *= 0.99),
            ("targets", "table.target_value", &|plan| plan.table.target_value[contract] += 0.01),
            ("size", "table.netted", &|plan| plan.table.netted[contract] += Quantity::whole(1)),
            ("limits of one contract", "table.wanted", &|plan| plan.table.wanted[contract] += Quantity::whole(1)),
            ("schedule", "table.scheduled", &|plan| plan.table.scheduled[contract] += Quantity::whole(1)),
            ("orders", "orders", &|plan| plan.orders[0].quantity += Quantity::whole(1)),
        ];
        for (step, value, change) in changes {
            // A later step differs too, as it would: the first is named all the same.
            let found = found(&|plan| {
                change(plan);
                plan.orders[0].quantity += Quantity::whole(7);
            });
            let found = found.expect(value);
            assert_eq!((found.step, found.value.starts_with(value)), (step, true), "{found:?}");
            assert!(found.contract.is_none_or(|of| of == name));
            assert_ne!(found.recorded, found.now);
        }
    }
}
