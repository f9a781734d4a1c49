//! What a parent tells the broker: new children, better limits, cancels.
//!
//! In: a permit, a quote, now. Out: at most one command, and the next deadline. Invariant: inside the permit; one live child,
//! taken back when it is more than what is left; but for that a closing order is left alone until its auction is over.

use super::{AUCTION_PATIENCE_S, Moment, Parent, ParentState, ask_at};
use crate::order::{Order, OrderSignal, OrderState};
use crate::policy::{ExecutionPolicy, Pricing, Urgency};
use domain::{AccountTag, OrderRef, OrderType, Price, Quantity};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use risk::{Permit, Sendable};

/// Seconds the broker may take to confirm a cancel before it is asked what became of the order.
const CANCEL_PATIENCE_S: i64 = 60;

impl Parent {
    /// Takes the live child back, whatever its age.
    pub fn withdraw(&mut self, now: Timestamp) -> Option<Sendable> {
        let child = self.children.last_mut()?;
        matches!(child.state, OrderState::Sent | OrderState::Working).then(|| cancel(child, now))
    }

    /// What to tell the broker now, if anything.
    #[inline]
    pub fn step(
        &mut self,
        moment: &Moment<'_>,
        identity: (AccountTag, Date),
        policy: &ExecutionPolicy,
    ) -> Option<Sendable> {
        match self.live() {
            Some(_) => self.tend(moment, policy),
            None => self.launch(moment, identity, policy),
        }
    }

    fn tend(&mut self, moment: &Moment<'_>, policy: &ExecutionPolicy) -> Option<Sendable> {
        let &Moment { now, quote, grid, urgency, style, .. } = moment;
        let (side, planned, filled) = (self.side(), self.planned.quantity.abs(), self.filled);
        let (end, exceeds) = (self.end(policy), self.exceeds());
        let permit = self.permit.as_ref();
        let child = self.children.last_mut().expect("a live child");
        if !matches!(child.state, OrderState::Sent | OrderState::Working) {
            return None;
        }
        if exceeds {
            return Some(cancel(child, now));
        }
        if child.order_type == OrderType::Loc {
            return None; // it waits for its auction, past every time limit of ours
        }
        // Without a permit (after a restart) an order that still works is taken back first.
        if permit.is_none() || end.is_some_and(|end| now >= end) {
            return Some(cancel(child, now));
        }
        // An order that has become urgent is repriced at once, once.
        let hurried = urgency == Urgency::High && permit.is_some_and(|permit| child.limit != permit.collar().worst);
        let due = now >= child.look_at && child.replaces < policy.replaces_max;
        if child.state != OrderState::Working || !(due || hurried) {
            return None;
        }
        child.look_at = now + SignedDuration::from_secs(policy.replace_interval_s);
        let waited_s = now.duration_since(child.sent_at).as_secs();
        let (quote, permit) = quote.zip(permit)?;
        let pricing = Pricing { quote, collar: permit.collar(), grid, side, urgency, waited_s };
        let limit = policy.limit(style, &pricing).filter(|&limit| limit != child.limit)?;
        child.limit = limit;
        child.replaces += 1;
        let filled_before_permit = planned - permit.quantity_max();
        let others = filled - child.filled - filled_before_permit;
        let order = permit.release(child.order_ref, others, child.quantity, limit, now);
        Some(Sendable::Replace(order))
    }

    fn launch(
        &mut self,
        moment: &Moment<'_>,
        (account, date): (AccountTag, Date),
        policy: &ExecutionPolicy,
    ) -> Option<Sendable> {
        let now = moment.now;
        let permit = self.permit.as_ref().filter(|_| self.may_launch(now))?;
        let limit = first_limit(permit, moment, policy)?;
        // Where a child has been before, another would only stand at the collar's edge: it waits for the market to come back.
        if !self.children.is_empty() && has_left(permit, moment) {
            return None;
        }
        let slice = self.remaining().min(permit.order_quantity_max());
        let quantity = moment.volume_left.map_or(slice, |left| slice.min(left));
        // Too little has traded so far: a day has only so many orders, so half a slice is waited for.
        if quantity.units() * 2 < slice.units() {
            return None;
        }
        let filled_before_permit = self.planned.quantity.abs() - permit.quantity_max();
        let attempt = self.children.len() as u16 + 1;
        let order_ref = OrderRef { account, date, intent: self.planned.number, attempt };
        let order_type = permit.order_type();
        let committed = self.filled - filled_before_permit;
        let order = permit.release(order_ref, committed, quantity, limit, now);
        self.children.push(sent(order_ref, (order_type, quantity, limit), now, policy));
        Some(Sendable::Place(order))
    }

    /// When [`Parent::step`] may have something to say without any event.
    #[inline]
    pub fn next_deadline(&self, policy: &ExecutionPolicy) -> Option<Timestamp> {
        let Some(child) = self.live() else {
            let permit = self.permit.as_ref().filter(|_| self.state == ParentState::Working);
            return permit.map(Permit::expires);
        };
        if child.order_type == OrderType::Loc || !matches!(child.state, OrderState::Sent | OrderState::Working) {
            return ask_at(child);
        }
        let end = self.end(policy)?;
        let looks = child.state == OrderState::Working && child.replaces < policy.replaces_max;
        Some(if looks { child.look_at.min(end) } else { end })
    }

    /// When the last child has had its time. A market that fills slowly takes a day's orders one time to live after the other,
    /// so the second half of them is spread over what is left of the window.
    fn end(&self, policy: &ExecutionPolicy) -> Option<Timestamp> {
        let sent_at = self.children.last()?.sent_at;
        let end = sent_at + SignedDuration::from_secs(policy.ttl_s);
        let Some(permit) = &self.permit else { return Some(end) };
        let (made, allowed, expires) = (self.made(), permit.orders_max() as usize, permit.expires());
        let lives = 1 + allowed.saturating_sub(made) as i64; // with the last child's own
        let share = if made * 2 > allowed { expires.duration_since(sent_at).as_secs() / lives } else { 0 };
        Some(end.max(sent_at + SignedDuration::from_secs(share)).min(expires))
    }
}

/// The limit of a new child: by its policy in continuous trading; an auction finds the price, so there the collar is enough.
fn first_limit(permit: &Permit, moment: &Moment<'_>, policy: &ExecutionPolicy) -> Option<Price> {
    let &Moment { quote, grid, urgency, style, .. } = moment;
    let (collar, side) = (permit.collar(), permit.side());
    match permit.order_type() {
        OrderType::Loc => Some(collar.worst),
        OrderType::Lmt => policy.limit(style, &Pricing { quote: quote?, collar, grid, side, urgency, waited_s: 0 }),
    }
}

/// No price inside the collar meets the market.
fn has_left(permit: &Permit, moment: &Moment<'_>) -> bool {
    let far = moment.quote.and_then(|quote| quote.far_touch(permit.side()));
    permit.order_type() == OrderType::Lmt && far.is_some_and(|far| !permit.collar().holds(far, permit.side()))
}

/// A child that is handed over, with the time at which it is looked at again.
pub(super) fn sent(
    order_ref: OrderRef,
    (order_type, quantity, limit): (OrderType, Quantity, Price),
    at: Timestamp,
    policy: &ExecutionPolicy,
) -> Order {
    let patience_s = match order_type {
        OrderType::Lmt => policy.replace_interval_s,
        OrderType::Loc => AUCTION_PATIENCE_S,
    };
    Order::sent(order_ref, (order_type, quantity, limit), at, at + SignedDuration::from_secs(patience_s))
}

fn cancel(child: &mut Order, now: Timestamp) -> Sendable {
    child.signal(OrderSignal::CancelSent);
    child.look_at = now + SignedDuration::from_secs(CANCEL_PATIENCE_S);
    Sendable::Cancel { order_ref: child.order_ref }
}
