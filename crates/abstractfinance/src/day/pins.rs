//! The broker's ids of our contracts, remembered from the day they were first seen.
//!
//! In: what the broker described. Out: a record of the ids, and what the next session holds its answers against. Invariant:
//! an id is never replaced by an answer of the broker alone: a contract that answers to the same facts under another id is
//! disputed until a person writes `con_id` into the instrument table.

use super::{Run, World};
use crate::failure::Failure;
use jiff::civil::Date;
use ports::{Clock, ContractDetails, Journal, Record};
use std::collections::BTreeMap;

/// The journal kind; its newest record has every id.
const CON_IDS: &str = "con_ids";

/// Ids by the engine's name of the contract.
pub(crate) type Pins = BTreeMap<String, i64>;

/// What was seen in all sessions before this one.
pub(crate) async fn known(journal: &mut impl Journal) -> Result<Pins, Failure> {
    let Some(record) = journal.latest(CON_IDS).await? else { return Ok(Pins::new()) };
    serde_json::from_str(&record.body)
        .map_err(|error| Failure::Journal(format!("record {} ({CON_IDS}) cannot be read: {error}", record.seq)))
}

/// Remembers what is new.
pub(super) async fn remember<B, J: Journal, C: Clock>(
    date: Date,
    details: &[ContractDetails],
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    if !world.journal.keeps(CON_IDS) {
        return Ok(());
    }
    let before = known(&mut world.journal).await?;
    let mut pins = before.clone();
    pins.extend(details.iter().map(|row| (run.setup.universe.contract(row.contract).name.clone(), row.con_id)));
    if pins == before {
        return Ok(());
    }
    let body = serde_json::to_string(&pins).expect("plain data");
    let record = Record { kind: CON_IDS, version: 1, order_ref: None, at: world.clock.now(), body };
    world.journal.append(date, &[record]).await?;
    Ok(())
}
