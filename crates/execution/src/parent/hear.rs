//! What a parent hears: answers, executions, complete pictures, its own records.
//!
//! In: signals, executions, snapshots, journal entries. Out: a changed state. Invariant: executions count once and in every
//! state; what nobody lists has ended only after a while.

use super::work::sent;
use super::{AUCTION_PATIENCE_S, OverExecuted, Parent, ParentState};
use crate::command::Command;
use crate::order::{Order, OrderSignal, OrderState};
use crate::policy::ExecutionPolicy;
use domain::{Exact, OrderRef, OrderType, Price, Quantity};
use jiff::{SignedDuration, Timestamp};
use risk::Collar;
use std::collections::{BTreeMap, BTreeSet};

impl Parent {
    /// Applies a complete picture of the broker's orders. A child that is listed nowhere has ended only
    /// when it still is some time later: what we wrote may be on its way.
    /// An order that ended with more filled than we have executions of is not over: what is left is known only when they
    /// are told, and it is asked about until then.
    pub fn resynced(&mut self, open: &BTreeSet<OrderRef>, ended: &BTreeMap<OrderRef, Quantity>, at: Timestamp) {
        let patience = SignedDuration::from_secs(super::ABSENCE_PATIENCE_S);
        let Some(child) = self.children.last_mut().filter(|child| child.state.is_live()) else { return };
        let missing_since = *child.missing_since.get_or_insert(at);
        let signal = match (open.contains(&child.order_ref), ended.get(&child.order_ref)) {
            (true, _) => OrderSignal::FoundOpen,
            (false, Some(&filled)) if filled > child.filled => {
                child.missing_since = Some(at);
                OrderSignal::LinkLost
            }
            (false, Some(_)) => OrderSignal::FoundEnded,
            (false, None) if at >= missing_since + patience => OrderSignal::FoundEnded,
            (false, None) => OrderSignal::LinkLost,
        };
        if signal != OrderSignal::LinkLost {
            child.missing_since = None;
        }
        if child.order_type == OrderType::Loc {
            child.look_at = child.look_at.max(at + SignedDuration::from_secs(AUCTION_PATIENCE_S));
        }
        let order_ref = child.order_ref;
        self.signal(order_ref, signal);
    }

    /// Stops waiting for an answer: the last order may or may not live.
    pub fn give_up(&mut self) {
        self.lose_sight();
        self.state = ParentState::Unknown;
    }

    /// Notes that nobody can say what became of the live child.
    pub fn lose_sight(&mut self) {
        if let Some(child) = self.children.last_mut() {
            child.signal(OrderSignal::LinkLost);
        }
    }

    /// Rebuilds a child from the journal: it was about to be sent when the record was written.
    pub fn replay_command(&mut self, command: Command, at: Timestamp, policy: &ExecutionPolicy) {
        match command {
            Command::Place { order_ref, quantity, order_type, limit, .. } => {
                self.children.push(sent(order_ref, (order_type, quantity, limit), at, policy));
            }
            Command::Replace { order_ref, limit, .. } => {
                if let Some(child) = self.child_mut(order_ref) {
                    child.limit = limit;
                    child.replaces += 1;
                }
            }
            Command::PlaceSpread { order_ref, quantity, limit, .. }
            | Command::ReplaceSpread { order_ref, quantity, limit, .. } => {
                self.replay_spread(order_ref, quantity, limit, at, policy.replace_interval_s);
            }
            Command::Cancel { order_ref } => self.signal(order_ref, OrderSignal::CancelSent),
        }
    }

    /// Restores the first collar and spread from the journal.
    pub fn replay_admission(&mut self, collar: Collar, half_spread: Option<Price>) {
        if self.collar.is_none() {
            (self.collar, self.half_spread) = (Some(collar), half_spread);
        }
    }

    pub(super) fn child_mut(&mut self, order_ref: OrderRef) -> Option<&mut Order> {
        self.children.iter_mut().find(|child| child.order_ref == order_ref)
    }

    /// Applies what the broker says of a child.
    pub fn signal(&mut self, order_ref: OrderRef, signal: OrderSignal) {
        let Some(child) = self.child_mut(order_ref) else { return };
        child.signal(signal);
        // Without the spread the order can still go alone.
        if child.state == OrderState::Rejected && child.spread.is_none() {
            self.state = ParentState::Rejected;
        }
    }

    /// True when the reference names an order this parent sent.
    #[inline]
    pub fn knows(&self, order_ref: OrderRef) -> bool {
        self.children.iter().any(|child| child.order_ref == order_ref)
    }

    /// Counts an execution of a child; the session has seen to it that it arrives once.
    ///
    /// # Errors
    /// [`OverExecuted`] when the child or the parent has more than its quantity; it is counted all the same.
    pub fn execute(&mut self, order_ref: OrderRef, quantity: Quantity, price: Price) -> Result<(), OverExecuted> {
        let planned = self.planned.quantity.abs();
        self.filled += quantity;
        self.value += Exact::value(quantity, price, 1);
        if self.filled >= planned {
            self.state = ParentState::Filled;
        }
        let Some(child) = self.child_mut(order_ref) else { return Err(OverExecuted) };
        child.execute(quantity);
        let too_much = child.filled > child.quantity;
        if too_much || self.filled > planned { Err(OverExecuted) } else { Ok(()) }
    }

    /// Replaces an execution of a child by the broker's correction of it (quantity and price each). What is left of a
    /// working order is asked of the gate again; what a finished one turns out to lack, the next plan sees as drift.
    ///
    /// # Errors
    /// [`OverExecuted`] as for [`Parent::execute`].
    pub fn correct(
        &mut self,
        order_ref: OrderRef,
        was: (Quantity, Price),
        is: (Quantity, Price),
    ) -> Result<(), OverExecuted> {
        self.filled -= was.0;
        self.value -= Exact::value(was.0, was.1, 1);
        if let Some(child) = self.child_mut(order_ref) {
            child.filled -= was.0;
        }
        self.permit = None;
        self.state = match self.state {
            ParentState::Working => ParentState::Waiting,
            ParentState::Filled => ParentState::CarriedOver,
            other => other,
        };
        self.execute(order_ref, is.0, is.1)
    }
}
