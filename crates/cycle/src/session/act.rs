//! What the session does when time has passed or something was heard.
//!
//! In: now, quotes, permits. Out: commands with their entries, requests for a resync. Invariant: nothing
//! moves while the link is down or an order's fate is being asked; a stopped session only takes back.

use super::{Entry, GIVE_UP_AFTER, Session, Slot};
use domain::Quantity;
use jiff::{SignedDuration, Timestamp};
use risk::gate::{MarketFacts, Proposal};
use risk::{Gate, Mode};

impl Session<'_> {
    /// Moves every order as far as time, quotes and permits allow.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if self.needs_resync || self.link_down {
            return;
        }
        let stopped = self.mode >= Mode::CancelOnly;
        for index in 0..self.slots.len() {
            self.expire(index, now);
            self.chase(index, now);
            if stopped {
                self.withdraw(index, now);
                continue;
            }
            if self.slots[index].parent.wants_permit() {
                self.ask_gate(index, now);
            }
            let slot = &mut self.slots[index];
            let tick = self.setup.universe.terms(slot.parent.planned().contract).tick;
            let identity = (self.account, self.plan.date);
            let quote = slot.quote.as_ref();
            if let Some(command) = slot.parent.step(now, quote, tick, identity, &self.setup.policy.execution) {
                self.entries.push(Entry::Command(command));
                self.staged.push(command);
            }
        }
    }

    pub(super) fn expire(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        if slot.window.is_none_or(|window| now >= window.closes) {
            slot.parent.expire();
        }
    }

    /// Takes back what works when the mode allows nothing else.
    pub(super) fn withdraw(&mut self, index: usize, now: Timestamp) {
        let parent = &mut self.slots[index].parent;
        parent.expire();
        if let Some(command) = parent.withdraw(now) {
            self.entries.push(Entry::Command(command));
            self.staged.push(command);
        }
    }

    /// Asks what became of an order whose cancel nobody confirms, and in the end goes on without it.
    pub(super) fn chase(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        if !slot.parent.is_unanswered(now) {
            return;
        }
        let late = slot.window.is_none_or(|window| now >= window.closes + GIVE_UP_AFTER);
        slot.parent.lose_sight();
        if late {
            slot.parent.give_up();
            self.tighten(Mode::CancelOnly, "an order whose fate the broker does not tell");
        } else {
            self.needs_resync = true;
        }
    }

    pub(super) fn ask_gate(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        let due = slot.window.is_some_and(|window| now >= window.opens) && now >= slot.ask_again;
        if !due || !self.watching || slot.quote.is_none() && slot.ask_again == Timestamp::MIN {
            return;
        }
        let planned = slot.parent.planned();
        let side = slot.parent.side();
        let remaining = slot.parent.remaining();
        let signed = Quantity::from_units(remaining.units() * side.sign());
        let proposal = Proposal { contract: planned.contract, quantity: signed, purpose: planned.purpose };
        let market = MarketFacts { now, quote: slot.quote.as_ref(), window: slot.window };
        let gate = Gate::new(&self.setup.policy.gate, &self.setup.universe);
        match gate.admit(proposal, &self.plan.facts, self.mode, market) {
            Ok(permit) => {
                let collar = permit.collar();
                let (number, arrival, worst) = (planned.number, collar.reference, collar.worst);
                slot.parent.admit(permit);
                slot.refusals.clear();
                self.entries.push(Entry::Admitted { number, arrival, worst });
            }
            Err(refusals) => {
                slot.ask_again = now + SignedDuration::from_secs(self.setup.policy.execution.replace_interval_s);
                if slot.refusals != refusals {
                    self.entries.push(Entry::Refused { number: planned.number, refusals: refusals.clone() });
                    slot.refusals = refusals;
                }
            }
        }
    }

    pub(super) fn any_window_open(&self, now: Timestamp) -> bool {
        self.slots.iter().any(|slot| !slot.parent.is_over() && slot.window.is_some_and(|window| window.contains(now)))
    }

    pub(super) fn next_deadline(&self, now: Timestamp) -> Timestamp {
        let policy = &self.setup.policy.execution;
        let of_slot = |slot: &Slot| {
            let window = slot.window.filter(|_| !slot.parent.is_over());
            let opens = window.map(|w| w.opens).filter(|&opens| opens > now);
            let closes = window.map(|w| w.closes).filter(|&closes| closes > now);
            let asks = Some(slot.ask_again).filter(|&ask| slot.parent.wants_permit() && ask > now);
            [opens, closes, asks, slot.parent.next_deadline(policy)].into_iter().flatten().min()
        };
        // An order whose window is over waits for the broker's word on its cancel; look again soon.
        let soon = now + SignedDuration::from_secs(policy.replace_interval_s);
        self.slots.iter().filter_map(of_slot).min().map_or(soon, |deadline| deadline.max(now))
    }
}
