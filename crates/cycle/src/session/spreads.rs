//! Rolls that are tried as one calendar spread before their two orders go alone.
//!
//! In: the plan's spreads, the orders of their legs, quotes. Out: one command for both legs, and whose an order or an
//! execution is. Invariant: a spread is sent under the reference of its earlier contract's order and is a child of both
//! orders, so that whatever is heard of it is heard by both, and an execution is counted in the order of its contract.

use super::Session;
use crate::plan::SpreadPlan;
use domain::{ContractId, Fill, OrderRef};
use execution::pair::Pace;
use execution::{Moment, Urgency, spread_left, step_spread};
use jiff::{SignedDuration, Timestamp};
use market::Quote;
use risk::Permission;
use risk::gate::Conditions;

impl Session<'_> {
    /// The number of today's order that an execution is of.
    pub fn order_of(&self, fill: &Fill) -> Option<u16> {
        let order_ref = fill.order.filter(|order| order.account == self.account && order.date == self.plan.date)?;
        let is_far = |far: &u16| self.slots[usize::from(*far) - 1].parent.planned().contract == fill.contract;
        Some(self.other_leg(order_ref).filter(is_far).unwrap_or(order_ref.intent))
    }

    /// The number of the order that trades the later contract of spreads sent under a reference.
    pub(super) fn other_leg(&self, order_ref: OrderRef) -> Option<u16> {
        self.plan.spreads.iter().find(|spread| spread.near == order_ref.intent).map(|spread| spread.far)
    }

    /// Places of the orders that sent a reference of this account and day: two for a spread, none for what is foreign.
    pub(super) fn senders(&self, order_ref: OrderRef) -> impl Iterator<Item = usize> + use<> {
        let ours = order_ref.account == self.account && order_ref.date == self.plan.date;
        let sent = |number: u16| {
            let place = usize::from(number).checked_sub(1)?;
            self.slots.get(place).filter(|slot| ours && slot.parent.knows(order_ref)).map(|_| place)
        };
        sent(order_ref.intent).into_iter().chain(self.other_leg(order_ref).and_then(sent))
    }

    /// The spread that an order is worked as now. It is left for good when one ends short, and when none can be sent for as
    /// long as an order lives.
    pub(super) fn spread_of(&self, index: usize, now: Timestamp) -> Option<SpreadPlan> {
        if self.plan.spreads.is_empty() {
            return None;
        }
        let number = index as u16 + 1;
        let spread = self.plan.spreads.iter().find(|spread| [spread.near, spread.far].contains(&number))?;
        let slots = self.legs(spread).map(|leg| &self.slots[leg]);
        let [near, far] = slots.map(|slot| &slot.parent);
        if near.works_a_spread() || far.works_a_spread() {
            return Some(*spread);
        }
        let idle = [near, far].iter().all(|parent| !parent.is_over() && !parent.has_live_child());
        let in_time = self.spread_until(spread).is_none_or(|until| now < until);
        let left = spread_left(near, far, spread.quantity);
        (idle && in_time && !left.is_zero() && !near.has_short_spread()).then_some(*spread)
    }

    /// Until when the next spread has to be sent: as long as an order lives, from the last one or from the first question.
    fn spread_until(&self, spread: &SpreadPlan) -> Option<Timestamp> {
        let slots = self.legs(spread).map(|leg| &self.slots[leg]);
        let last = slots[0].parent.children().last().map(|child| child.sent_at);
        let since = last.max(slots[0].asked).max(slots[1].asked);
        since.map(|since| since + SignedDuration::from_secs(self.setup.policy.execution.ttl_s))
    }

    /// When an order that waits for its spread goes alone.
    pub(super) fn spread_deadline(&self, index: usize, now: Timestamp) -> Option<Timestamp> {
        let spread = self.spread_of(index, now)?;
        self.spread_until(&spread).filter(|_| !self.slots[index].parent.has_live_child())
    }

    fn legs(&self, spread: &SpreadPlan) -> [usize; 2] {
        [spread.near, spread.far].map(|number| usize::from(number) - 1)
    }

    /// Asks the gate for one leg, and works the spread when it is the turn of the second.
    pub(super) fn work_spread(&mut self, spread: &SpreadPlan, index: usize, now: Timestamp) {
        self.slots[index].parent.lapse(now);
        if self.slots[index].parent.wants_permit() {
            self.ask_gate(index, now);
        }
        let legs = self.legs(spread);
        let works = |leg: usize| self.permission(leg) == Permission::Yes && matches!(self.pace(leg), Pace::Work(_));
        if Some(&index) != legs.iter().max() || !legs.into_iter().all(works) {
            return;
        }
        let left = spread_left(&self.slots[legs[0]].parent, &self.slots[legs[1]].parent, spread.quantity);
        let quotes = legs.map(|leg| self.quote_to_price(self.slots[leg].parent.planned().contract, now));
        let moment = |leg: usize| self.moment(legs[leg], quotes[leg].as_ref(), Urgency::Normal, now);
        let moments = [moment(0), moment(1)];
        let identity = (self.account, self.plan.date);
        let slots = self.slots.get_disjoint_mut(legs).expect("the legs are two orders of the day");
        let parents = slots.map(|slot| &mut slot.parent);
        let moments = moments.each_ref();
        let sendable = step_spread(parents, left, moments, identity, &self.setup.policy.execution);
        self.stage(sendable);
    }

    /// Whether the quote of a contract may price an order; where it may not the broker is asked again.
    pub(super) fn may_price(&mut self, contract: ContractId, now: Timestamp) -> bool {
        if self.board.quote(contract).is_some_and(|quote| self.gate().may_price(quote, now)) {
            return true;
        }
        self.renew(contract, now);
        if now >= self.watch_again {
            // A broker that ended a subscription, or said a word and then nothing, says no more unless it is asked.
            self.watching = false;
        }
        false
    }

    /// A quote that may price an order, if there is one.
    fn quote_to_price(&mut self, contract: ContractId, now: Timestamp) -> Option<Quote> {
        if self.may_price(contract, now) { self.quote(contract) } else { None }
    }
}

impl<'a> Session<'a> {
    /// What an order is looked at with.
    pub(super) fn moment<'q>(
        &self,
        index: usize,
        quote: Option<&'q Quote>,
        urgency: Urgency,
        now: Timestamp,
    ) -> Moment<'q>
    where
        'a: 'q,
    {
        let contract = self.slots[index].parent.planned().contract;
        let conditions: &'a Conditions = self.conditions;
        let grid = conditions.grid(contract, self.setup.universe.terms(contract).tick);
        let style = self.setup.policy.execution.style_of(self.setup.universe.terms(contract).asset_class);
        let launches = quote.filter(|_| !self.slots[index].parent.has_live_child());
        let volume_left = launches.and_then(|quote| self.volume_left(contract, quote));
        Moment { now, quote, grid, urgency, style, volume_left }
    }
}
