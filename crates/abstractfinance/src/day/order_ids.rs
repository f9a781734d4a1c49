//! The numbers of orders, remembered before they are used.
//!
//! In: entries about to be written, the broker's highest number. Out: a record beside them, and what a new process starts
//! from. Invariant: a number is covered by a durable record before an order carries it, so a gateway that has rolled its
//! numbers back cannot make two orders of one.

use super::World;
use crate::failure::Failure;
use cycle::Entry;
use execution::Command;
use jiff::Timestamp;
use ports::{Broker, Journal, Record};
use serde::{Deserialize, Serialize};

/// The journal kind.
const ORDER_IDS: &str = "order_ids";

/// No order is given a number up to this one.
#[derive(Serialize, Deserialize)]
struct OrderIds {
    high_water: i32,
}

/// The highest number that any process before this one may have used; 0 before the first.
pub(crate) async fn high_water(journal: &mut impl Journal) -> Result<i32, Failure> {
    let Some(record) = journal.latest(ORDER_IDS).await? else { return Ok(0) };
    let read = serde_json::from_str::<OrderIds>(&record.body);
    let unreadable = |error| Failure::Journal(format!("record {} ({ORDER_IDS}) cannot be read: {error}", record.seq));
    read.map(|ids| ids.high_water).map_err(unreadable)
}

/// What is written together with entries that place orders.
pub(super) fn reserved<B: Broker, J, C>(entries: &[Entry], at: Timestamp, world: &World<B, J, C>) -> Option<Record> {
    let places = |entry: &&Entry| matches!(entry, Entry::Command(Command::Place { .. } | Command::PlaceSpread { .. }));
    let placed = entries.iter().filter(places).count();
    let used = world.broker.order_id_high_water();
    if placed == 0 || used == 0 {
        return None;
    }
    // What was written before and is not sent yet will be numbered too.
    let high_water = used.saturating_add(i32::try_from(placed).unwrap_or(i32::MAX)).saturating_add(WAITING);
    let body = serde_json::to_string(&OrderIds { high_water }).expect("plain data");
    Some(Record { kind: ORDER_IDS, version: 1, order_ref: None, at, body })
}

/// More orders than ever wait between being written and being sent; numbers are not scarce.
const WAITING: i32 = 1_000;
