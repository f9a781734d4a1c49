//! What was booked, by identity: executions with their versions and charges, and other lines.
//!
//! In: identities as they are booked, the end of a period. Out: whether one was told before. Invariant: one entry for
//! all versions of an execution, in the order of their stems; a closed execution keeps what a correction reverses.

use crate::{ContractId, ExecutionId, Fill, Money};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) executions: Vec<Known>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The highest version that was told.
    pub(super) execution: ExecutionId,
    pub(super) told: Told,
    /// Of the highest version that has one.
    pub(super) charge: Option<Charge>,
    /// What of the charge the opening holds.
    charged_before: Option<Money>,
    /// The date it was closed on; `None` in the open period.
    on: Option<Date>,
}

/// What the books have of an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// Nothing yet: only its charge has come.
    Awaited,
    /// It is among the open postings, at this time.
    Open(Timestamp),
    /// It is in the opening.
    Closed(Box<Fill>),
    /// It is not to be booked.
    Disowned,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Charge {
    pub(super) version: u64,
    pub(super) amount: Money,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    id: String,
    on: Option<Date>,
}

impl Known {
    pub(super) fn new(execution: ExecutionId, told: Told, charge: Option<Charge>) -> Known {
        Known { execution, told, charge, charged_before: None, on: None }
    }

    /// This version is now in the open period.
    pub(super) fn open(&mut self, execution: ExecutionId, at: Timestamp) {
        (self.execution, self.told, self.on) = (execution, Told::Open(at), None);
    }
}

impl Memory {
    pub(super) fn clear(&mut self) {
        self.executions.clear();
        self.lines.clear();
    }

    /// Where an execution is, or where it would be. Brokers number upwards, so the end is looked at first.
    pub(super) fn place(&self, execution: &ExecutionId) -> Result<usize, usize> {
        let count = self.executions.len();
        if self.executions.last().is_some_and(|last| last.execution == *execution) {
            return Ok(count - 1);
        }
        let stem = execution.stem();
        match self.executions.last().map(|last| last.execution.stem().cmp(stem)) {
            None | Some(Ordering::Less) => Err(count),
            Some(Ordering::Equal) => Ok(count - 1),
            Some(Ordering::Greater) => self.executions.binary_search_by(|known| known.execution.stem().cmp(stem)),
        }
    }

    /// Where a line is, or where it would be.
    pub(super) fn line(&self, id: &str) -> Result<usize, usize> {
        self.lines.binary_search_by(|line| line.id.as_str().cmp(id))
    }

    pub(super) fn add_line(&mut self, place: usize, id: &str) {
        self.lines.insert(place, Line { id: id.to_owned(), on: None });
    }

    pub(super) fn disown(&mut self, execution: &ExecutionId, on: Date) -> bool {
        let disowned = Known { on: Some(on), ..Known::new(execution.clone(), Told::Disowned, None) };
        match self.place(execution) {
            Err(place) => self.executions.insert(place, disowned),
            Ok(place) if self.executions[place].told == Told::Awaited => self.executions[place] = disowned,
            Ok(_) => return false,
        }
        true
    }

    /// What the open period changed in charges.
    pub(super) fn charges(&self) -> impl Iterator<Item = (&ExecutionId, Money)> {
        self.executions.iter().filter(|known| known.told != Told::Awaited).flat_map(|known| {
            let now = known.charge.as_ref().map(|charge| charge.amount);
            let changes = if now == known.charged_before { [None; 2] } else { [known.charged_before.map(|m| -m), now] };
            changes.into_iter().flatten().map(|amount| (&known.execution, amount))
        })
    }

    /// The open period ends with these executions in it.
    pub(super) fn close(&mut self, fills: impl Iterator<Item = Fill>, on: Date) {
        for fill in fills {
            let place = self.place(&fill.execution).expect("an open execution is known");
            self.executions[place].told = Told::Closed(Box::new(fill));
        }
        self.executions.retain(|known| known.told != Told::Awaited);
        for known in &mut self.executions {
            let charge = known.charge.as_ref().map(|charge| charge.amount);
            if known.on.is_none() || charge != known.charged_before {
                (known.charged_before, known.on) = (charge, Some(on));
            }
        }
        self.lines.iter_mut().for_each(|line| line.on = line.on.or(Some(on)));
    }

    pub(super) fn forget_before(&mut self, date: Date) {
        self.executions.retain(|known| known.on.is_none_or(|on| on >= date));
        self.lines.retain(|line| line.on.is_none_or(|on| on >= date));
    }

    /// The same under other keys, without closed executions of contracts that are gone: they can come again, and then
    /// must not be booked.
    pub(super) fn rekeyed(mut self, key: impl Fn(ContractId) -> Option<ContractId>) -> Memory {
        for known in &mut self.executions {
            if let Told::Closed(fill) = &mut known.told {
                match key(fill.contract) {
                    Some(contract) => fill.contract = contract,
                    None => known.told = Told::Disowned,
                }
            }
        }
        self
    }
}
