//! What new risk would do to the margin, asked of the broker before an order of it leaves.
//!
//! In: an order every other check lets out, the broker's what-if. Out: a question, and the excess liquidity the gate judges.
//! Invariant: one answer serves one permit; what is not told is no excess; orders that may still be executed count beside it.

use super::{Session, Slot};
use domain::{OrderRef, Quantity, TimeInForce};
use jiff::Timestamp;
use ports::{BrokerCommand, MarginImpact, OrderRequest};
use risk::Permit;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The broker's word on the margin of what an order has left to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Margin {
    /// Nobody has asked.
    #[default]
    Unasked,
    /// To be asked, in these terms.
    Wanted(Box<OrderRequest>),
    /// What it would leave above the maintenance margin, in base currency; zero when the broker did not say.
    Told(f64),
}

/// Maintenance margin that an order which was let out still takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Takes {
    amount: f64,
    of: Quantity,
}

impl Takes {
    /// The part of it that what may still be executed takes.
    fn open(&self, executable: Quantity) -> f64 {
        if self.of.is_zero() { 0.0 } else { self.amount * executable.min(self.of).to_f64() / self.of.to_f64() }
    }
}

impl Session<'_> {
    /// Notes the question behind a permit that rests on the morning's margin.
    pub(super) fn want_margin(&mut self, index: usize, permit: &Permit) {
        let parent = &self.slots[index].parent;
        let attempt = parent.children().len() as u16 + 1;
        let order_ref =
            OrderRef { account: self.account, date: self.plan.date, intent: parent.planned().number, attempt };
        let request = OrderRequest {
            order_ref,
            contract: permit.contract(),
            side: permit.side(),
            // What is rolled takes the margin of what is closed.
            quantity: permit.quantity_max() - self.rolls(&self.slots[index]).abs(),
            order_type: permit.order_type(),
            limit: permit.collar().worst,
            time_in_force: TimeInForce::Day,
        };
        self.slots[index].margin = Margin::Wanted(Box::new(request));
    }

    /// The next question, with the order it is about.
    pub(super) fn next_question(&self, now: Timestamp) -> Option<(u16, BrokerCommand)> {
        if !self.setup.policy.gate.what_if {
            return None; // nobody ever wants an answer
        }
        let wanted = |slot: &Slot| match &slot.margin {
            Margin::Wanted(request) => Some((slot.parent.planned().number, BrokerCommand::Place((**request).clone()))),
            _ => None,
        };
        self.rests.awake(now).find_map(|place| wanted(&self.slots[place]))
    }

    /// The broker's answer, `None` when it gave none that can be used.
    pub(super) fn margin_told(&mut self, number: u16, impact: Option<&MarginImpact>) {
        let place = usize::from(number).wrapping_sub(1);
        let Some(slot) = self.slots.get_mut(place) else { return };
        let Margin::Wanted(request) = &slot.margin else { return };
        self.rests.wake(place);
        let amount = |amount: Option<Decimal>| amount.and_then(|amount| amount.to_f64());
        let after = impact.and_then(|told| Some(amount(told.equity_after)? - amount(told.maintenance_after)?));
        let more = impact.and_then(|told| amount(told.maintenance)).unwrap_or(0.0);
        slot.takes = Takes { amount: more.max(0.0), of: request.quantity };
        slot.margin = Margin::Told(after.unwrap_or(0.0));
    }

    /// What is left above the maintenance margin with this order and all others that may still be executed; `None` before
    /// the broker was asked. An answer is good for one permit.
    pub(super) fn excess_after(&mut self, index: usize) -> Option<f64> {
        let Margin::Told(after) = std::mem::take(&mut self.slots[index].margin) else { return None };
        let others = self.slots.iter().enumerate().filter(|(other, _)| *other != index);
        let taken: f64 = others.map(|(_, slot)| slot.takes.open(slot.parent.executable())).sum();
        Some(after - taken)
    }
}
