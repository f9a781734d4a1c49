//! What the broker says, applied.
//!
//! In: broker events and snapshots. Out: signals to orders, bookings, entries. Invariant: an execution is
//! booked once; one that cannot be ours, or is corrected, tightens the mode; order of arrival is all one.

use super::{Entry, Session, Slot};
use domain::{ExecutionId, Fill, Listed, Money, OrderRef, OrderStatus};
use execution::OrderSignal;
use ports::{AccountSnapshot, BrokerEvent, Connection};
use risk::Mode;
use std::collections::BTreeSet;

/// Codes that end an order: price off grid, no contract, rejected, duplicate id.
const REJECTION_CODES: [i32; 5] = [103, 110, 200, 201, 203];

impl Session<'_> {
    pub(super) fn broker(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Quote { contract, quote } => {
                for slot in self.slots.iter_mut().filter(|slot| slot.parent.planned().contract == contract) {
                    slot.quote = Some(quote);
                }
            }
            BrokerEvent::Acknowledged { order_ref, perm_id } => {
                self.signal(order_ref, OrderSignal::Acknowledged);
                self.entries.push(Entry::Acknowledged { order_ref, perm_id });
            }
            BrokerEvent::Status { order_ref, status, filled } => {
                match status {
                    OrderStatus::Submitted | OrderStatus::PreSubmitted => {
                        self.signal(order_ref, OrderSignal::Acknowledged)
                    }
                    OrderStatus::Cancelled => self.signal(order_ref, OrderSignal::CancelConfirmed),
                    OrderStatus::PendingSubmit
                    | OrderStatus::PendingCancel
                    | OrderStatus::Filled
                    | OrderStatus::Inactive => {}
                }
                self.entries.push(Entry::Status { order_ref, status, filled });
            }
            BrokerEvent::Execution(fill) => self.execution(fill),
            BrokerEvent::Commission { execution, amount } => self.commission(execution, amount),
            BrokerEvent::Notice { order_ref, code, text } => {
                if let Some(order_ref) = order_ref.filter(|_| REJECTION_CODES.contains(&code)) {
                    self.signal(order_ref, OrderSignal::Refused);
                }
                self.entries.push(Entry::Notice { order_ref, code, text });
            }
            BrokerEvent::Connection(connection) => {
                self.link_down = connection == Connection::Lost;
                self.needs_resync = true;
                self.watching &= connection != Connection::RestoredDataLost;
                self.entries.push(Entry::Connection { connection });
            }
        }
    }

    pub(super) fn execution(&mut self, fill: Fill) {
        match self.booked.execution(&fill.execution, self.plan.date) {
            Listed::Again => return,
            Listed::Corrected => {
                self.entries.push(Entry::Notice { order_ref: fill.order, code: 0, text: format!("{fill:?}") });
                return self.tighten(Mode::CancelOnly, "the broker corrected an execution that is booked");
            }
            Listed::New => {}
        }
        // An execution without our reference is somebody else's: the next reconciliation finds it.
        let Some(order_ref) = fill.order.filter(|order_ref| order_ref.account == self.account) else {
            self.entries.push(Entry::Execution(fill));
            return;
        };
        if order_ref.date == self.plan.date {
            let sent = self.slot_mut(order_ref).map(|slot| slot.parent.execute(order_ref, fill.quantity, fill.price));
            if sent != Some(Ok(())) {
                self.tighten(Mode::Frozen, "an execution that no order of ours can have had");
            }
        }
        self.ledger.fill(fill.contract, fill.side, fill.quantity, fill.price, &self.setup.universe);
        self.entries.push(Entry::Execution(fill));
    }

    pub(super) fn commission(&mut self, execution: ExecutionId, amount: Money) {
        if self.booked.charge(&execution, self.plan.date) {
            self.ledger.charge(amount);
            self.entries.push(Entry::Commission { execution, amount });
        }
    }

    pub(super) fn resynced(&mut self, snapshot: &AccountSnapshot) {
        for execution in &snapshot.executions {
            self.execution(execution.fill.clone());
            if let Some(amount) = execution.commission {
                self.commission(execution.fill.execution.clone(), amount);
            }
        }
        let open: BTreeSet<OrderRef> = snapshot.open_orders.iter().filter_map(|order| order.order_ref).collect();
        for slot in &mut self.slots {
            let live: Vec<OrderRef> =
                slot.parent.children().iter().filter(|c| c.state.is_live()).map(|c| c.order_ref).collect();
            for order_ref in live {
                let found = if open.contains(&order_ref) { OrderSignal::FoundOpen } else { OrderSignal::FoundEnded };
                slot.parent.signal(order_ref, found);
            }
        }
        self.needs_resync = false;
        self.entries.push(Entry::Resynced { open_orders: open.len(), executions: snapshot.executions.len() });
    }

    pub(super) fn signal(&mut self, order_ref: OrderRef, signal: OrderSignal) {
        if let Some(slot) = self.slot_mut(order_ref) {
            slot.parent.signal(order_ref, signal);
        }
    }

    /// The slot of an order of this account and day that this plan sent; anything else is foreign.
    pub(super) fn slot_mut(&mut self, order_ref: OrderRef) -> Option<&mut Slot> {
        if order_ref.account != self.account || order_ref.date != self.plan.date {
            return None;
        }
        let slot = self.slots.get_mut(usize::from(order_ref.intent).checked_sub(1)?)?;
        slot.parent.knows(order_ref).then_some(slot)
    }

    pub(super) fn tighten(&mut self, mode: Mode, reason: &str) {
        let tightened = self.mode.tightened_to(mode);
        if tightened != self.mode {
            self.mode = tightened;
            self.entries.push(Entry::Mode { mode, reason: reason.to_owned() });
        }
    }
}
