//! What the gate is told of our own doing: exposure at its worst, orders and messages sent.
//!
//! In: books, orders with what may still be executed of them, times of messages. Out: an [`Activity`] per asking order.
//! Invariant: an order counts in full until nothing of it can be executed any more, UNKNOWN ones too.

use super::{Entry, Session, Slot};
use crate::operator::Latch;
use domain::{AssetClass, ContractId, Quantity, Side};
use jiff::{SignedDuration, Timestamp};
use market::Quote;
use risk::Sendable;
use risk::gate::{self, Activity, Exposure, Holding};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// What all orders of the day come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// The book with every order at its worst, without currency hedges.
    exposure: Exposure,
    /// Increases the gate has let out, in base currency.
    increases: f64,
}

impl Session<'_> {
    /// What the gate has to know before it lets this order out; `excess_after` as far as the broker was asked.
    pub(super) fn activity(&mut self, index: usize, excess_after: Option<f64>) -> Activity {
        let Totals { exposure, increases } = self.totals();
        let slot = &self.slots[index];
        let (contract, side) = (slot.parent.planned().contract, slot.parent.side());
        let own = if slot.parent.was_let_out() { slot.increase } else { 0.0 };
        let rolls = self.rolls(slot);
        let (mut holding, mut orders_sent) = (self.holding(contract), 0);
        for slot in self.orders_of(contract) {
            holding = with(holding, slot);
            orders_sent += if slot.parent.side() == side { slot.parent.children().len() as u32 } else { 0 };
        }
        Activity {
            unit_value: self.plan.table.unit_price[contract],
            holding,
            rolls,
            exposure: (!self.setup.outside_caps[contract]).then_some(exposure),
            turnover: increases - own,
            increase: slot.increase,
            orders_sent,
            latched: self.is_latched(contract, side),
            messages: u32::try_from(self.messages.len()).unwrap_or(u32::MAX),
            excess_after,
        }
    }

    /// Counts an order that was just let out.
    pub(super) fn let_out(&mut self, activity: &Activity, order: Quantity) {
        let Some(totals) = &mut self.totals else { return };
        totals.increases = activity.turnover + activity.increase;
        if let Some(exposure) = activity.exposure {
            totals.exposure = exposure.with(activity.holding, order - activity.rolls, activity.unit_value);
        }
    }

    /// What the day's share of the volume observed so far still leaves of a contract, in whole lots.
    pub(super) fn volume_left(&self, contract: ContractId, quote: &Quote) -> Option<Quantity> {
        let volume = quote.volume?;
        if self.setup.universe.terms(contract).asset_class == AssetClass::Option {
            return None; // market makers quote what nobody trades
        }
        let lot = self.setup.universe.terms(contract).lot.units();
        let share = (volume.to_f64() * self.setup.policy.execution.participation_max) as i64;
        let orders = self.orders_of(contract).map(|slot| &slot.parent);
        let used = orders.fold(Quantity::ZERO, |sum, parent| sum + parent.filled() + parent.working());
        let left = Quantity::whole(share) - used;
        Some(Quantity::from_units(left.units().max(0) / lot * lot))
    }

    /// Stops a contract and side of which too many orders were sent, until a person resumes.
    pub(super) fn latch(&mut self, contract: ContractId, side: Side) {
        if !self.is_latched(contract, side) {
            self.rests.wake_all();
            self.standing.latched.push(Latch::named(&gate::Latch { contract, side }, &self.setup.universe));
            self.entries.push(Entry::Latched { contract, side });
            let (name, most) =
                (&self.setup.universe.contract(contract).name, self.setup.policy.gate.orders_per_side_max);
            let sentence = format!(
                "{name} had {most} {side} orders today, as many as are allowed: none leaves from here on, on later days either, \
                 until a person looks why they were not filled and says `resume`"
            );
            self.entries.push(Entry::Alert { sentence });
        }
    }

    fn is_latched(&self, contract: ContractId, side: Side) -> bool {
        let name = || &self.setup.universe.contract(contract).name;
        self.standing.latched.iter().any(|latch| latch.side == side && latch.contract == *name())
    }

    fn holding(&self, contract: ContractId) -> Holding {
        Holding { held: self.books.ledger().quantity(contract), ..Holding::default() }
    }

    /// The book alone, added up anew after an execution.
    fn held_exposure(&mut self) -> Exposure {
        if let Some(held) = self.held {
            return held;
        }
        let (quantities, unit_prices) = (self.books.ledger().quantities(), &self.plan.table.unit_price);
        let apart = self.setup.outside_caps.as_slice();
        let exposure = Exposure::held(quantities.as_slice(), unit_prices.as_slice(), apart);
        self.held = Some(exposure);
        exposure
    }

    fn totals(&mut self) -> Totals {
        if let Some(totals) = self.totals {
            return totals;
        }
        let mut totals = Totals { exposure: self.held_exposure(), increases: 0.0 };
        for slot in &self.slots {
            if slot.parent.was_let_out() {
                totals.increases += slot.increase;
            }
            let (contract, open) = (slot.parent.planned().contract, slot.parent.executable());
            if open.is_zero() || self.setup.outside_caps[contract] {
                continue;
            }
            let holding = self.orders_before(slot).fold(self.holding(contract), with);
            let order = beyond(signed(open, slot.parent.side()), self.rolls(slot));
            totals.exposure = totals.exposure.with(holding, order, self.plan.table.unit_price[contract]);
        }
        self.totals = Some(totals);
        totals
    }

    /// The signed part of what an order has left that takes another contract's place. It is filled first, and counts against no
    /// cap.
    pub(super) fn rolls(&self, slot: &Slot) -> Quantity {
        let planned = slot.parent.planned();
        let rolled = if planned.purpose.opens() { self.plan.table.rolled[planned.contract] } else { Quantity::ZERO };
        signed((rolled.abs() - slot.parent.filled()).max(Quantity::ZERO), slot.parent.side())
    }

    /// The next message that may leave: the oldest, or in a crowded second the oldest cancel.
    #[inline]
    pub(super) fn next_ready(&mut self, now: Timestamp) -> Option<Sendable> {
        self.forget_messages(now);
        let next = match self.messages.len() < self.setup.policy.gate.messages_per_second_max as usize {
            true => 0,
            false => {
                let mut recorded = self.ready.iter().take(self.released);
                recorded.position(|sendable| matches!(sendable, Sendable::Cancel { .. }))?
            }
        };
        self.released = self.released.checked_sub(1)?;
        if next == 0 { self.ready.pop_front() } else { self.ready.remove(next) }
    }

    /// When a message that waits for a less crowded second may leave.
    pub(super) fn next_second(&self) -> Option<Timestamp> {
        self.messages.front().filter(|_| self.released > 0).map(|&oldest| oldest + SECOND)
    }

    pub(super) fn forget_messages(&mut self, now: Timestamp) {
        while self.messages.front().is_some_and(|&sent| sent != now && sent + SECOND <= now) {
            self.messages.pop_front();
        }
    }
}

/// A holding with what may still be executed of an order of its contract.
fn with(holding: Holding, slot: &Slot) -> Holding {
    holding.with(signed(slot.parent.executable(), slot.parent.side()))
}

/// What an order has beyond a part of it.
fn beyond(order: Quantity, part: Quantity) -> Quantity {
    if part.abs() < order.abs() { order - part } else { Quantity::ZERO }
}

fn signed(quantity: Quantity, side: Side) -> Quantity {
    Quantity::from_units(quantity.units() * side.sign())
}
