//! Records in words: for the tape of the dashboard, and for the log.
//!
//! In: a record's kind and body. Out: a sentence; a line of the log. Invariant: the log says what the journal holds, once it
//! holds it, so that neither knows more than the other.

use console::report::Step;
use domain::Money;
use ports::Record;
use risk::gate::Check;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use tracing::{Level, debug, enabled, info, warn};

/// What is told to the broker.
#[derive(Deserialize)]
pub struct Command {
    pub command: String,
    pub limit: Option<String>,
    pub contract: Option<String>,
    pub side: Option<String>,
    pub quantity: Option<String>,
}

/// An execution.
#[derive(Deserialize)]
pub struct Fill {
    pub contract: String,
    pub price: String,
    pub quantity: Decimal,
    pub side: String,
}

/// What the broker says of an order.
#[derive(Deserialize)]
pub struct Status {
    pub status: String,
}

#[derive(Deserialize)]
struct Plan {
    orders: Vec<IgnoredAny>,
    refusals: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Refused {
    number: u16,
    refusals: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    check: Check,
}

#[derive(Deserialize)]
struct Acknowledged {
    perm_id: i64,
}

#[derive(Deserialize)]
struct Commission {
    execution: String,
    amount: Money,
}

#[derive(Deserialize)]
struct Resynced {
    open_orders: usize,
    executions: usize,
}

#[derive(Deserialize)]
struct Link {
    connection: String,
}

/// A record in a sentence; `None` for what only the engine needs.
pub fn of(kind: &str, reference: Option<&str>, body: &str) -> Option<String> {
    let reference = reference.unwrap_or_default();
    Some(match kind {
        "plan" => {
            let Plan { orders, refusals } = read(body)?;
            format!("{} orders planned, {} refusals", orders.len(), refusals.len())
        }
        "command" => {
            let Command { command, limit, contract, side, quantity } = read(body)?;
            let what = [Some(command), side, quantity, contract].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let limit = limit.map_or_else(String::new, |limit| format!(" at {limit}"));
            format!("{what}{limit} · {reference}")
        }
        "refused" => {
            let Refused { number, refusals } = read(body)?;
            let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.check.code()).collect();
            format!("order {number} is not let out: {}", codes.join(", "))
        }
        "acknowledged" => format!("{reference} is known to the broker as {}", read::<Acknowledged>(body)?.perm_id),
        "order_status" => format!("{reference} {}", read::<Status>(body)?.status),
        "execution" => {
            let Fill { contract, price, quantity, side } = read(body)?;
            format!("{side} {quantity} {contract} at {price} · {reference}")
        }
        "commission" => {
            let Commission { execution, amount } = read(body)?;
            format!("{execution} cost {amount}")
        }
        "connection" => format!("the link to the broker: {}", read::<Link>(body)?.connection.replace('_', " ")),
        "resynced" => {
            let Resynced { open_orders, executions } = read(body)?;
            format!("the account was read again: {open_orders} open orders, {executions} executions")
        }
        "alert" | "notice" | "mode" | "watchdog" | "operator" => said(body)?,
        _ => return None,
    })
}

/// Logs a record that is in the journal: what a person should look at as a warning, what happened as information, and what only
/// the engine needs, by its kind, for whoever looks for a fault.
pub fn log(seq: i64, record: &Record) {
    if !enabled!(Level::WARN) {
        return;
    }
    let reference = record.order_ref.map(|reference| reference.to_string());
    let (kind, at, order_ref) = (record.kind, record.at.to_string(), reference.as_deref());
    match (kind, of(kind, order_ref, &record.body)) {
        ("alert" | "watchdog" | "mode" | "latched", what) => {
            warn!(seq, kind, at, order_ref, "{}", what.unwrap_or_default());
        }
        (_, Some(what)) => info!(seq, kind, at, order_ref, "{what}"),
        (_, None) => debug!(seq, kind, at, order_ref, "recorded"),
    }
}

/// Logs how the steps of a day went.
pub fn log_steps(steps: &[Step]) {
    for Step { number, name, outcome, detail } in steps {
        info!(step = number, name, outcome, "{detail}");
    }
}

fn read<T: DeserializeOwned>(body: &str) -> Option<T> {
    serde_json::from_str(body).ok()
}

/// The words in a record that is made of words.
fn said(body: &str) -> Option<String> {
    let value: Value = read(body)?;
    let words = ["sentence", "text", "reason"].into_iter().find_map(|key| value.get(key)?.as_str().map(str::to_owned));
    words.or_else(|| value.get("mode")?.as_str().map(str::to_owned))
}
