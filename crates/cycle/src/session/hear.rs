//! What the broker says, applied.
//!
//! In: broker events and snapshots. Out: signals to orders, bookings, entries. Invariant: an execution is
//! booked once, in its last version; one that cannot be ours tightens the mode; order of arrival is all one.

use super::{Effect, Entry, Session};
use domain::{ExecutionId, Fill, LedgerEvent, Money, OrderRef, OrderStatus, Posted, Quantity};
use execution::{OrderSignal, OverExecuted, Parent};
use jiff::{SignedDuration, Timestamp};
use ports::code::{self, OrderWord, Severity};
use ports::{AccountSnapshot, BrokerEvent, Connection};
use risk::Mode;
use std::collections::{BTreeMap, BTreeSet};

impl Session<'_> {
    #[inline]
    pub(super) fn broker(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Quote { contract, quote } => self.board.hear(contract, quote),
            BrokerEvent::Acknowledged { order_ref, perm_id } => {
                self.signal(order_ref, OrderSignal::Acknowledged);
                self.entries.push(Entry::Acknowledged { order_ref, perm_id });
            }
            BrokerEvent::Status { order_ref, status, filled } => {
                match status {
                    OrderStatus::Submitted | OrderStatus::PreSubmitted => {
                        self.signal(order_ref, OrderSignal::Acknowledged)
                    }
                    OrderStatus::Cancelled => self.cancelled(order_ref, filled),
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
                if let Some(order_ref) = order_ref {
                    match code::of_order(code) {
                        OrderWord::Lives => {}
                        OrderWord::Refused => self.question(order_ref, OrderSignal::Refused),
                        OrderWord::Unknown => self.question(order_ref, OrderSignal::Doubted),
                    }
                }
                self.tell_unknown(order_ref, code, &text);
                self.entries.push(Entry::Notice { order_ref, code, text });
            }
            BrokerEvent::Connection(connection) => {
                self.link_down = connection == Connection::Lost;
                self.needs_resync = true;
                self.rests.wake_all();
                self.watching &= connection != Connection::RestoredDataLost;
                self.entries.push(Entry::Connection { connection });
            }
        }
    }

    /// Hears a bad word about an order, and asks what became of it when the word does not say.
    fn question(&mut self, order_ref: OrderRef, signal: OrderSignal) {
        self.signal(order_ref, signal);
        self.needs_resync |= self.slots.iter().any(|slot| slot.parent.is_lost(order_ref));
    }

    /// A code that is in no table is for a person to look up, once a day.
    fn tell_unknown(&mut self, order_ref: Option<OrderRef>, code: i32, text: &str) {
        if code::severity(code) != Severity::Unknown || !self.unknown_codes.insert(code) {
            return;
        }
        let held = order_ref.map_or_else(String::new, |order_ref| {
            format!(
                " about {order_ref}, which is held: nothing is sent in its place until the broker's lists tell of it"
            )
        });
        let sentence = format!("the broker said code {code} (`{text}`), which no table knows{held}: look it up");
        self.entries.push(Entry::Alert { sentence });
    }

    /// A cancel that knows of more executions than we do waits for them: what is left is known only then.
    fn cancelled(&mut self, order_ref: OrderRef, filled: Quantity) {
        for place in self.senders(order_ref) {
            self.rests.wake(place);
            let parent = &mut self.slots[place].parent;
            let knows_all = parent.executed(order_ref) >= filled;
            parent.signal(order_ref, if knows_all { OrderSignal::CancelConfirmed } else { OrderSignal::LinkLost });
            self.needs_resync |= !knows_all;
        }
    }

    pub(super) fn execution(&mut self, fill: Fill) {
        // An execution without our reference is somebody else's, and so is its charge: the next reconciliation finds it.
        let Some(order_ref) = fill.order.filter(|order_ref| order_ref.account == self.account) else {
            if self.books.disown(&fill.execution, self.plan.date) {
                self.traded_by_others(&fill);
                self.entries.push(Entry::Execution(fill));
            }
            return;
        };
        (self.held, self.filled) = (None, None);
        let posted = self.books.post_fill(&fill, &self.setup.universe);
        match &posted {
            Ok(Posted::New | Posted::Charged(..)) => {
                self.executed(&fill, |parent| parent.execute(order_ref, fill.quantity, fill.price));
            }
            Ok(Posted::Replaced(before)) => self.corrected(order_ref, before, &fill),
            Ok(Posted::Again | Posted::Waiting) => return,
            Err(reason) => self.tighten(Mode::Frozen, &format!("an execution that cannot be booked: {reason}")),
        }
        self.entries.note(|| Entry::Execution(fill));
        if let Ok(Posted::Charged(execution, amount)) = posted {
            self.entries.push(Entry::Commission { execution, amount });
        }
    }

    /// The broker's second word on an execution holds; the order has what that says.
    fn corrected(&mut self, order_ref: OrderRef, before: &LedgerEvent, now: &Fill) {
        let LedgerEvent::Fill(before) = before else { unreachable!("an execution replaces an execution") };
        self.corrections += 1;
        let (was, is) = ((before.quantity, before.price), (now.quantity, now.price));
        self.executed(now, |parent| parent.correct(order_ref, was, is));
    }

    /// Tells today's order what was executed of it; what no order of ours can have had freezes the day.
    fn executed(&mut self, fill: &Fill, tell: impl FnOnce(&mut Parent) -> Result<(), OverExecuted>) {
        if fill.order.is_none_or(|order_ref| order_ref.date != self.plan.date) {
            return;
        }
        let place = self.order_of(fill).and_then(|number| usize::from(number).checked_sub(1));
        let parent = place.and_then(|place| Some((place, &mut self.slots.get_mut(place)?.parent)));
        let told = parent.filter(|(_, parent)| parent.planned().contract == fill.contract).map(|(place, parent)| {
            let told = tell(parent);
            // What is filled is over, and needs no look to find it out.
            if parent.is_finished() {
                self.rests.lay_down_for_good(place)
            } else {
                self.rests.wake(place)
            }
            told
        });
        if told != Some(Ok(())) {
            self.tighten(Mode::Frozen, "an execution that no order of ours can have had");
        }
    }

    pub(super) fn commission(&mut self, execution: ExecutionId, amount: Money) {
        self.filled = None;
        let posted = self.books.post_charge(&execution, amount);
        if matches!(posted, Posted::New | Posted::Replaced(_)) {
            self.entries.note(|| Entry::Commission { execution, amount });
        }
    }

    /// Asks for the account; one that could not be read is given a moment, and the day does not end later for it.
    pub(super) fn resync(&mut self, now: Timestamp) -> Effect {
        if std::mem::take(&mut self.unreadable) {
            self.resync_at = now + SignedDuration::from_secs(self.setup.policy.execution.replace_interval_s);
        }
        match () {
            () if now >= self.resync_at => Effect::Resync,
            () if self.is_worked_off() => Effect::Done,
            () => Effect::Wait(self.resync_at),
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
        let ended: BTreeMap<OrderRef, Quantity> = snapshot
            .completed_orders
            .iter()
            .filter_map(|order| order.order_ref.map(|order_ref| (order_ref, order.filled)))
            .collect();
        for slot in &mut self.slots {
            slot.parent.resynced(&open, &ended, snapshot.at);
        }
        self.compare(snapshot);
        self.look_for_twins(snapshot);
        self.needs_resync = false;
        self.answered_from.get_or_insert(snapshot.at);
        self.entries.push(Entry::Resynced { open_orders: open.len(), executions: snapshot.executions.len() });
    }

    /// Without an answer nobody knows what became of what was sent.
    pub(super) fn unread(&mut self, reason: &str) {
        (self.needs_resync, self.unreadable) = (true, true);
        self.tighten(Mode::CancelOnly, &format!("the account could not be read: {reason}"));
    }

    pub(super) fn signal(&mut self, order_ref: OrderRef, signal: OrderSignal) {
        for place in self.senders(order_ref) {
            self.rests.wake(place);
            self.slots[place].parent.signal(order_ref, signal);
        }
    }

    pub(super) fn tighten(&mut self, mode: Mode, reason: &str) {
        let before = self.standing.mode;
        self.standing.tighten(mode);
        if self.standing.mode != before {
            self.rests.wake_all();
            self.entries.push(Entry::Mode { mode, reason: reason.to_owned() });
        }
    }
}
