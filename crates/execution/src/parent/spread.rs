//! The two orders of a roll, worked as one calendar spread as long as that fills.
//!
//! In: both parents with their permits, quotes of both contracts, now. Out: at most one command at a time. Invariant: the
//! spread is the same child of both parents, so what it executes is counted once in each; its limit never allows more
//! than both collars together; when one of them ends short the parents go on alone.

use super::{Moment, Parent, ParentState};
use crate::order::{Order, OrderState};
use crate::policy::{ExecutionPolicy, Pricing};
use domain::{AccountTag, OrderRef, OrderType, Price, Quantity};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use risk::{Permit, Sendable};
use rust_decimal::Decimal;

/// What is left to be traded as a spread of a quantity that both orders have in common.
pub fn spread_left(near: &Parent, far: &Parent, quantity: Quantity) -> Quantity {
    let spreads = near.children.iter().filter(|child| child.spread.is_some());
    let done = spreads.fold(Quantity::ZERO, |sum, child| sum + child.filled);
    (quantity - done).min(near.remaining()).min(far.remaining())
}

impl Parent {
    /// True when a spread of it is at the broker, or may be.
    pub fn works_a_spread(&self) -> bool {
        self.live().is_some_and(|child| child.spread.is_some())
    }

    /// True when a spread of it was refused, taken back or lost before all of it was executed.
    pub fn has_short_spread(&self) -> bool {
        let short = |child: &Order| child.spread.is_some() && !child.state.is_live() && child.filled < child.quantity;
        self.children.iter().any(short)
    }

    /// True when the gate has let it out and an order may be made.
    pub fn may_launch(&self, now: Timestamp) -> bool {
        self.state == ParentState::Working && self.may_make(now)
    }

    fn may_make(&self, now: Timestamp) -> bool {
        let made = self.made();
        self.permit.as_ref().is_some_and(|permit| now < permit.expires() && made < permit.orders_max() as usize)
    }

    /// The limit the contract would have alone, inside its collar.
    fn leg_limit(&self, moment: &Moment<'_>, waited_s: i64, policy: &ExecutionPolicy) -> Option<(Price, &Permit)> {
        let permit = self.permit.as_ref()?;
        let &Moment { quote, grid, urgency, style, .. } = moment;
        let pricing = Pricing { quote: quote?, collar: permit.collar(), grid, side: permit.side(), urgency, waited_s };
        Some((policy.limit(style, &pricing)?, permit))
    }

    /// What other orders have executed under the present permit.
    fn committed(&self, permit: &Permit, child: Quantity) -> Quantity {
        self.filled - child - (self.planned.quantity.abs() - permit.quantity_max())
    }

    /// Rebuilds its part of a spread from the journal.
    pub fn replay_spread(
        &mut self,
        order_ref: OrderRef,
        quantity: Quantity,
        limit: Decimal,
        at: Timestamp,
        again: i64,
    ) {
        match self.child_mut(order_ref) {
            Some(child) => {
                child.spread = Some(limit);
                child.replaces += 1;
            }
            None => {
                let look_at = at + SignedDuration::from_secs(again);
                let own = self.collar.expect("a spread is sent after both its orders were let out").worst;
                self.children.push(Order {
                    spread: Some(limit),
                    ..Order::sent(order_ref, (OrderType::Lmt, quantity, own), at, look_at)
                });
            }
        }
    }
}

/// What to tell the broker of a spread now, if anything: a new one up to `quantity`, another limit, or its end.
pub fn step_spread(
    [near, far]: [&mut Parent; 2],
    quantity: Quantity,
    moments: [&Moment<'_>; 2],
    identity: (AccountTag, Date),
    policy: &ExecutionPolicy,
) -> Option<Sendable> {
    match near.live().or(far.live()) {
        Some(_) => tend([near, far], moments, policy),
        None => launch([near, far], quantity, moments, identity, policy),
    }
}

fn limit(
    [near, far]: [&Parent; 2],
    moments: [&Moment<'_>; 2],
    waited_s: i64,
    policy: &ExecutionPolicy,
) -> Option<Decimal> {
    let (near, _) = near.leg_limit(moments[0], waited_s, policy)?;
    let (far, _) = far.leg_limit(moments[1], waited_s, policy)?;
    Some((far.to_decimal() - near.to_decimal()).normalize())
}

fn tend([near, far]: [&mut Parent; 2], moments: [&Moment<'_>; 2], policy: &ExecutionPolicy) -> Option<Sendable> {
    let now = moments[0].now;
    let child = near.live().or(far.live())?.clone();
    if !matches!(child.state, OrderState::Sent | OrderState::Working) {
        return None;
    }
    let too_old = now >= child.sent_at + SignedDuration::from_secs(policy.ttl_s);
    let expired = |parent: &Parent| parent.permit.as_ref().is_none_or(|permit| now >= permit.expires());
    if too_old || expired(near) || expired(far) || near.exceeds() || far.exceeds() {
        let told = [near.withdraw(now), far.withdraw(now)];
        return told.into_iter().flatten().next();
    }
    // Of two executions the second may be on its way.
    let whole = near.has_live_child() && far.has_live_child();
    let due = now >= child.look_at && child.replaces < policy.replaces_max;
    if child.state != OrderState::Working || !due || !whole {
        return None;
    }
    let look_at = now + SignedDuration::from_secs(policy.replace_interval_s);
    for parent in [&mut *near, &mut *far] {
        parent.child_mut(child.order_ref)?.look_at = look_at;
    }
    let waited_s = now.duration_since(child.sent_at).as_secs();
    let limit = limit([near, far], moments, waited_s, policy).filter(|limit| Some(*limit) != child.spread)?;
    for parent in [&mut *near, &mut *far] {
        let child = parent.child_mut(child.order_ref)?;
        (child.spread, child.replaces) = (Some(limit), child.replaces + 1);
    }
    let (near_permit, far_permit) = (near.permit.as_ref()?, far.permit.as_ref()?);
    let legs = [
        (near_permit, near.committed(near_permit, child.filled)),
        (far_permit, far.committed(far_permit, child.filled)),
    ];
    Some(Sendable::ReplaceSpread(Permit::release_spread(legs, child.order_ref, child.quantity, limit, now)))
}

fn launch(
    [near, far]: [&mut Parent; 2],
    quantity: Quantity,
    moments: [&Moment<'_>; 2],
    (account, date): (AccountTag, Date),
    policy: &ExecutionPolicy,
) -> Option<Sendable> {
    let now = moments[0].now;
    if !near.may_launch(now) || !far.may_launch(now) || far.has_live_child() {
        return None;
    }
    let limit = limit([near, far], moments, 0, policy)?;
    let (near_permit, far_permit) = (near.permit.as_ref()?, far.permit.as_ref()?);
    let quantity = quantity.min(near_permit.order_quantity_max()).min(far_permit.order_quantity_max());
    let quantity = moments.iter().filter_map(|moment| moment.volume_left).fold(quantity, Quantity::min);
    if quantity <= Quantity::ZERO {
        return None; // too little has traded today
    }
    let attempt = near.children.len() as u16 + 1;
    let order_ref = OrderRef { account, date, intent: near.planned.number, attempt };
    let legs = [
        (near_permit, near.committed(near_permit, Quantity::ZERO)),
        (far_permit, far.committed(far_permit, Quantity::ZERO)),
    ];
    let order = Permit::release_spread(legs, order_ref, quantity, limit, now);
    let look_at = now + SignedDuration::from_secs(policy.replace_interval_s);
    for parent in [near, far] {
        let own = parent.permit.as_ref().expect("it was just used").collar().worst;
        parent.children.push(Order {
            spread: Some(limit),
            ..Order::sent(order_ref, (OrderType::Lmt, quantity, own), now, look_at)
        });
    }
    Some(Sendable::PlaceSpread(order))
}
