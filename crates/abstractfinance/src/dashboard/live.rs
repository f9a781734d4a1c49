//! The day in progress, folded from its records.
//!
//! In: the records of an open date. Out: the fourteen steps so far, orders with their fills, the tape. Invariant: an
//! order's executions are counted as the engine counts them, by reference and once.

use crate::commands::records::{Records, body};
use crate::day::STEPS;
use crate::failure::Failure;
use crate::words::{self, Command, Fill, Status};
use console::dashboard::{Happening, LiveDay, LiveOrder};
use console::report::Step;
use domain::OrderRef;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use journal::StoredEvent;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Lines of the tape.
const TAPE: usize = 40;

#[derive(Deserialize)]
struct Plan {
    orders: Vec<Planned>,
    #[serde(default)]
    refusals: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Planned {
    contract: String,
    number: u16,
    quantity: Decimal,
}

/// Reads and folds it.
pub async fn day(records: &Records, date: &str) -> Result<LiveDay, Failure> {
    let parsed = date.parse().map_err(|error| Failure::Journal(format!("{date}: {error}")))?;
    let events = records.journal.events(&records.account, parsed).await?;
    let mut orders: BTreeMap<u16, LiveOrder> = BTreeMap::new();
    let (mut sent, mut executions, mut planned, mut refused) = (0, 0, 0, 0);
    for event in &events {
        match event.kind.as_str() {
            "plan" => {
                let plan: Plan = body(event)?;
                (planned, refused) = (plan.orders.len(), plan.refusals.len());
                orders = plan.orders.into_iter().map(|order| (order.number, planned_order(order))).collect();
            }
            "command" => {
                sent += 1;
                let command: Command = body(event)?;
                if let Some(order) = order_of(event, &mut orders) {
                    order.order_ref = event.order_ref.clone().unwrap_or_default();
                    order.limit = command.limit.unwrap_or_else(|| order.limit.clone());
                    command.side.into_iter().for_each(|side| order.side = side);
                    if order.instrument.is_empty() {
                        order.instrument = command.contract.unwrap_or_default();
                        order.planned = command.quantity.unwrap_or_default();
                    }
                    order.status = if command.command == "cancel" { "cancelling".into() } else { "sent".into() };
                }
            }
            "execution" => {
                executions += 1;
                let fill: Fill = body(event)?;
                if let Some(order) = order_of(event, &mut orders) {
                    let filled: Decimal = order.filled.parse().unwrap_or_default();
                    order.filled = (filled + fill.quantity.abs()).normalize().to_string();
                }
            }
            "order_status" => {
                let said: Status = body(event)?;
                if let Some(order) = order_of(event, &mut orders) {
                    order.status = said.status;
                }
            }
            _ => {}
        }
    }
    let counts = [
        format!("{planned} orders admitted, {refused} refusals"),
        format!("{sent} commands sent, {executions} executions"),
    ];
    let tape = events.iter().rev().filter_map(told).take(TAPE).collect();
    Ok(LiveDay { date: date.to_owned(), steps: steps(counts), orders: orders.into_values().collect(), tape })
}

fn planned_order(order: Planned) -> LiveOrder {
    LiveOrder {
        instrument: order.contract,
        side: if order.quantity.is_sign_negative() { "SELL".into() } else { "BUY".into() },
        planned: order.quantity.abs().normalize().to_string(),
        filled: "0".into(),
        ..LiveOrder::default()
    }
}

/// The order a record is about; one that followed from others, such as a true-up, comes in with its first command.
fn order_of<'a>(event: &StoredEvent, orders: &'a mut BTreeMap<u16, LiveOrder>) -> Option<&'a mut LiveOrder> {
    let reference: OrderRef = event.order_ref.as_deref()?.parse().ok()?;
    let new = || LiveOrder { filled: "0".into(), ..LiveOrder::default() };
    Some(orders.entry(reference.intent).or_insert_with(new))
}

/// A plan is stored with its inputs, so a day that is seen here has done everything before step 13.
fn steps([gate, execute]: [String; 2]) -> Vec<Step> {
    let step = |(index, name): (usize, &&str)| {
        let number = index as u8 + 1;
        let (outcome, detail) = match number {
            11 => ("done", gate.clone()),
            13 => ("working", execute.clone()),
            14 => ("waits", "for the last window".to_owned()),
            _ => ("done", String::new()),
        };
        Step { number, name: (*name).into(), outcome: outcome.into(), detail }
    };
    STEPS.iter().enumerate().map(step).collect()
}

/// A record as a line of the tape; `None` for what only the engine needs.
fn told(event: &StoredEvent) -> Option<Happening> {
    let what = words::of(&event.kind, event.order_ref.as_deref(), &event.body)?;
    let at = Timestamp::from_microsecond(event.at_us).ok()?.to_zoned(TimeZone::UTC);
    Some(Happening { at: at.strftime("%H:%M:%S").to_string(), kind: event.kind.clone(), what })
}
