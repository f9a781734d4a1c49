//! Entries as journal records and back, and the hash of a plan.
//!
//! In: entries and plans. Out: JSON bodies that name contracts by text, and a SHA-256 over canonical
//! bytes. Invariant: a body reads back to the value it was made from; a plan's hash knows no wall
//! time and no key that depends on the order of the instrument table.

use crate::entry::Entry;
use crate::plan::DayPlan;
use crate::versions;
use domain::{ContractId, Universe};
use jiff::Timestamp;
use ports::{Record, StoredRecord};
use risk::gate::Latch;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A stored record this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("record {seq} ({kind}@{version}) cannot be read: {reason}; use the version that wrote it, or restore a backup")]
pub struct Unreadable {
    seq: i64,
    kind: String,
    version: u16,
    reason: String,
}

/// The record of an entry.
pub fn record(entry: &Entry, at: Timestamp, universe: &Universe) -> Record {
    let body = body(entry, universe);
    let kind = entry.kind();
    Record { kind, version: versions::latest(kind), order_ref: entry.order_ref(), at, body }
}

/// A value as a JSON body with contracts by name.
pub fn body<T: Serialize>(value: &T, universe: &Universe) -> String {
    let mut json = serde_json::to_value(value).expect("the core's values are plain data");
    rename(&mut json, &|value| match value.as_u64() {
        Some(key) => Value::from(universe.contract(ContractId(key as u32)).name.clone()),
        None => value.clone(),
    });
    json.to_string()
}

/// The universe with the options that a record of inputs was decided over.
pub fn universe_of(inputs: &StoredRecord, universe: &Universe) -> Universe {
    #[derive(Deserialize)]
    struct Over {
        contracts: Vec<String>,
    }
    let mut universe = universe.clone();
    if let Ok(over) = serde_json::from_str::<Over>(&inputs.body) {
        universe.list_named(over.contracts.iter().map(String::as_str));
    }
    universe
}

/// The value of a stored body.
///
/// # Errors
/// [`Unreadable`] for another shape, a version of a newer program, or a contract that is not in the universe.
pub fn value<T: DeserializeOwned>(stored: &StoredRecord, universe: &Universe) -> Result<T, Unreadable> {
    let unreadable =
        |reason: String| Unreadable { seq: stored.seq, kind: stored.kind.clone(), version: stored.version, reason };
    let body: Value = serde_json::from_str(&stored.body).map_err(|e| unreadable(e.to_string()))?;
    let latest = versions::latest(&stored.kind);
    let mut json = versions::lift(&stored.kind, stored.version, latest, body, versions::UPCASTS).map_err(unreadable)?;
    rename(&mut json, &|value| match value.as_str().and_then(|name| universe.find_contract(name)) {
        Some(contract) => Value::from(contract.0),
        None => value.clone(),
    });
    serde_json::from_value(json).map_err(|e| unreadable(e.to_string()))
}

/// The entry of a stored record; `None` for kinds other parts of the house write.
///
/// # Errors
/// [`Unreadable`] as for [`value`].
pub fn entry(stored: &StoredRecord, universe: &Universe) -> Result<Option<Entry>, Unreadable> {
    Ok(Some(match stored.kind.as_str() {
        "inputs" => Entry::Inputs(value(stored, universe)?),
        "plan" => Entry::Plan(value(stored, universe)?),
        "booked" => Entry::Booked(value(stored, universe)?),
        "command" => Entry::Command(value(stored, universe)?),
        "consequence" => Entry::Consequence(value(stored, universe)?),
        "pair" => {
            let Protected { pair, protection } = value(stored, universe)?;
            Entry::Pair { pair, protection }
        }
        "operator" => Entry::Operator(value(stored, universe)?),
        "execution" => Entry::Execution(value(stored, universe)?),
        "commission" => {
            let Charge { execution, amount } = value(stored, universe)?;
            Entry::Commission { execution, amount }
        }
        "admitted" => {
            let Admission { number, arrival, worst, half_spread, reference } = value(stored, universe)?;
            Entry::Admitted { number, arrival, worst, half_spread, reference }
        }
        "refused" => {
            let Held { number, refusals } = value(stored, universe)?;
            Entry::Refused { number, refusals }
        }
        "acknowledged" => {
            let Known { order_ref, perm_id } = value(stored, universe)?;
            Entry::Acknowledged { order_ref, perm_id }
        }
        "order_status" => {
            let Said { order_ref, status, filled } = value(stored, universe)?;
            Entry::Status { order_ref, status, filled }
        }
        "notice" => {
            let Told { order_ref, code, text } = value(stored, universe)?;
            Entry::Notice { order_ref, code, text }
        }
        "mode" => {
            let Tightened { mode, reason } = value(stored, universe)?;
            Entry::Mode { mode, reason }
        }
        "latched" => {
            let Latch { contract, side } = value(stored, universe)?;
            Entry::Latched { contract, side }
        }
        "watchdog" => {
            let Watchdog { code, mode, regime, sentence } = value(stored, universe)?;
            Entry::Watchdog { code, mode, regime, sentence }
        }
        "alert" => {
            let Alert { sentence } = value(stored, universe)?;
            Entry::Alert { sentence }
        }
        _ => return Ok(None),
    }))
}

#[derive(Deserialize)]
struct Protected {
    pair: u16,
    protection: execution::Pair,
}

#[derive(Deserialize)]
struct Told {
    order_ref: Option<domain::OrderRef>,
    code: i32,
    text: String,
}

#[derive(Deserialize)]
struct Tightened {
    mode: risk::Mode,
    reason: String,
}

#[derive(Deserialize)]
struct Watchdog {
    code: String,
    mode: risk::Mode,
    regime: Option<risk::Regime>,
    sentence: String,
}

#[derive(Deserialize)]
struct Alert {
    sentence: String,
}

#[derive(Deserialize)]
struct Admission {
    number: u16,
    arrival: domain::Price,
    worst: domain::Price,
    half_spread: Option<domain::Price>,
    #[serde(default)]
    reference: Option<domain::Price>,
}

#[derive(Deserialize)]
struct Held {
    number: u16,
    refusals: Vec<risk::gate::Refusal>,
}

#[derive(Deserialize)]
struct Charge {
    execution: domain::ExecutionId,
    amount: domain::Money,
}

#[derive(Deserialize)]
struct Known {
    order_ref: domain::OrderRef,
    perm_id: i64,
}

#[derive(Deserialize)]
struct Said {
    order_ref: domain::OrderRef,
    status: domain::OrderStatus,
    filled: domain::Quantity,
}

/// Keys of a contract's key in a body.
const CONTRACT_KEYS: [&str; 4] = ["contract", "successor", "near_contract", "far_contract"];

/// Replaces the value under every key of a contract.
fn rename(value: &mut Value, rename_one: &impl Fn(&Value) -> Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                if CONTRACT_KEYS.contains(&key.as_str()) {
                    *field = rename_one(field);
                } else {
                    rename(field, rename_one);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, rename_one)),
        _ => {}
    }
}

/// SHA-256 of the plan's canonical bytes, in hexadecimal.
pub fn plan_hash(plan: &DayPlan, universe: &Universe) -> String {
    let rows: BTreeMap<&str, Value> = universe
        .contracts()
        .filter(|&c| {
            plan.table.wanted[c].units() != 0 || plan.table.held_value[c] != 0.0 || !plan.table.verdict[c].passes()
        })
        .map(|c| {
            let t = &plan.table;
            let row = json!([
                t.unit_price[c],
                t.weight[c],
                t.target_value[c],
                t.held_value[c],
                t.wanted[c],
                t.scheduled[c],
                t.verdict[c]
            ]);
            (universe.contract(c).name.as_str(), row)
        })
        .collect();
    let mut canonical = json!({
        "date": plan.date,
        "nav": plan.nav,
        "mode": plan.mode,
        "risk": plan.risk,
        "rows": rows,
        "hedges": serde_json::from_str::<Value>(&body(&plan.hedges, universe)).expect("just written"),
        "orders": serde_json::from_str::<Value>(&body(&plan.orders, universe)).expect("just written"),
        "pairs": serde_json::from_str::<Value>(&body(&plan.pairs, universe)).expect("just written"),
        "refusals": serde_json::from_str::<Value>(&body(&plan.refusals, universe)).expect("just written"),
    });
    if !plan.tail_hedges.actions.is_empty() {
        let actions = body(&plan.tail_hedges.actions, universe);
        canonical["tail_hedges"] = serde_json::from_str(&actions).expect("just written");
    }
    Sha256::digest(canonical.to_string().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
