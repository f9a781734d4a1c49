//! Why an order is what it is: a chain in which every number reproduces the next.
//!
//! In: a recorded day. Out: named numbers, each either recorded, with where it comes from, or made of earlier ones by a
//! formula that a person can follow. Invariant: a formula names only links above it, and gives the recorded number.

mod hedge;
mod order;
mod target;
mod why_not;

pub use why_not::{Reason, why_not};

use crate::{DayInputs, DayPlan, Entry, Setup};
use domain::{ContractId, OrderRef, Quantity};
use execution::{Command, PlannedOrder};
use jiff::Timestamp;
use serde::Serialize;

/// A recorded day.
#[derive(Clone, Copy, Debug)]
pub struct Day<'a> {
    /// What it was decided on.
    pub inputs: DayInputs<'a>,
    /// What was decided.
    pub plan: &'a DayPlan,
    /// Universe and policy of the day.
    pub setup: &'a Setup,
    /// What happened afterwards, in order.
    pub entries: &'a [(Timestamp, Entry)],
}

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// The step of the day it belongs to.
    pub step: &'static str,
    /// Its name in formulas.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// In what.
    pub unit: &'static str,
    /// How it is made of links above: + − * /, and `min`, `max`, `abs`, `trunc` (toward zero), `nearest` (whole, ties away
    /// from zero), `toward_zero(held, wanted)` (the part of the way that lowers a position), `tick_down` and `tick_up`
    /// (onto the price grid). `None` for what was recorded.
    pub formula: Option<String>,
    /// Where it comes from, or what it means.
    pub note: String,
}

/// The chain of one contract or order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Chain {
    /// In the order in which they were found.
    pub links: Vec<Link>,
}

impl Chain {
    fn given(&mut self, step: &'static str, name: &str, value: f64, unit: &'static str, note: impl Into<String>) {
        self.link(step, name, value, unit, None, note.into());
    }

    fn made(&mut self, step: &'static str, name: &str, value: f64, unit: &'static str, formula: impl Into<String>) {
        self.link(step, name, value, unit, Some(formula.into()), String::new());
    }

    fn link(
        &mut self,
        step: &'static str,
        name: &str,
        value: f64,
        unit: &'static str,
        formula: Option<String>,
        note: String,
    ) {
        debug_assert!(self.links.iter().all(|link| link.name != name), "{name} is there already");
        self.links.push(Link { step, name: name.to_owned(), value, unit, formula, note });
    }

    /// The value of a link.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.links.iter().find(|link| link.name == name).map(|link| link.value)
    }
}

/// The chain of a contract on a day, up to what the plan orders of it.
pub fn contract(day: &Day<'_>, contract: ContractId) -> Chain {
    let mut chain = Chain::default();
    target::explain(&mut chain, day, contract);
    chain
}

/// The chain of an order, by its number, down to the limits of what was sent of it; of one attempt when it is named.
pub fn order(day: &Day<'_>, number: u16, attempt: Option<u16>) -> Option<Chain> {
    let planned = day.planned(number)?;
    let is_planned = usize::from(number) <= day.plan.orders.len();
    let mut chain = if is_planned { contract(day, planned.contract) } else { Chain::default() };
    let quantity = planned.quantity.to_f64();
    match chain.value("scheduled") {
        Some(_) => chain.made("plan", "ordered", quantity, "units", "scheduled"),
        None => chain.given("plan", "ordered", quantity, "units", day.reason(number).unwrap_or_default()),
    }
    order::explain(&mut chain, day, &planned, attempt);
    Some(chain)
}

impl Day<'_> {
    /// The order of a number: the plan's, or one that what happened called for.
    pub fn planned(&self, number: u16) -> Option<PlannedOrder> {
        let own = self.consequences().map(|own| own.order);
        self.plan.orders.iter().copied().chain(own).find(|order| order.number == number)
    }

    fn consequences(&self) -> impl Iterator<Item = &crate::session::Consequence> {
        self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Consequence(own) => Some(own),
            _ => None,
        })
    }

    /// Why an order was made that is not in the plan.
    pub fn reason(&self, number: u16) -> Option<&str> {
        self.consequences().find(|own| own.order.number == number).map(|own| own.reason.as_str())
    }

    /// Every order of the day, the plan's first.
    pub fn orders(&self) -> Vec<PlannedOrder> {
        self.plan.orders.iter().copied().chain(self.consequences().map(|own| own.order)).collect()
    }

    /// What was executed of a number.
    pub fn filled(&self, number: u16) -> Quantity {
        let fills = self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Execution(fill) if self.is_of(fill.order, number) => Some(fill.quantity),
            _ => None,
        });
        fills.fold(Quantity::ZERO, |sum, quantity| sum + quantity)
    }

    fn is_of(&self, order: Option<OrderRef>, number: u16) -> bool {
        order.is_some_and(|order| order.date == self.plan.date && order.intent == number)
    }

    fn name(&self, contract: ContractId) -> &str {
        &self.setup.universe.contract(contract).name
    }

    fn commands(&self) -> impl Iterator<Item = (usize, &Command)> {
        self.entries.iter().enumerate().filter_map(|(at, (_, entry))| match entry {
            Entry::Command(command) => Some((at, command)),
            _ => None,
        })
    }
}

/// A name as formulas write it.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}
