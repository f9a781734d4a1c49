//! One planned order on its way: permit, children, what is left.
//!
//! In: a permit, quotes, executions, now. Out: at most one command at a time and the next deadline.
//! Invariant: one live child; a new one only after the last is certainly over and from what
//! executions left; nothing works past the permit.

mod spread;

pub use spread::{spread_left, step_spread};

use crate::command::Command;
use crate::order::{Order, OrderSignal, OrderState};
use crate::policy::{ExecutionPolicy, Pricing, Style, Urgency};
use domain::{AccountTag, ContractId, OrderRef, Price, Quantity, Side};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use market::Quote;
use risk::{Collar, Permit, Purpose, Sendable};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One line of the plan's order list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedOrder {
    /// Its number in the plan, from 1.
    pub number: u16,
    /// What.
    pub contract: ContractId,
    /// Signed change of the position.
    pub quantity: Quantity,
    /// What for.
    pub purpose: Purpose,
}

/// The market and the hurry at the moment an order is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// A quote that may price an order, if there is one.
    pub quote: Option<&'a Quote>,
    /// The contract's price step.
    pub tick: Price,
    /// How much it may pay to be done soon.
    pub urgency: Urgency,
    /// How it is worked.
    pub style: Style,
}

/// How a parent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentState {
    /// Its window is not open yet, or the gate has not let it out.
    Waiting,
    /// A permit is held.
    Working,
    /// All of it is executed.
    Filled,
    /// Its window is over with a rest, which the next plan sees as drift.
    CarriedOver,
    /// The broker refused it; nothing is tried again today.
    Rejected,
    /// The broker never said what became of its last order; nothing is tried again today.
    Unknown,
}

/// Seconds the broker may take to confirm a cancel before it is asked what became of the order.
const CANCEL_PATIENCE_S: i64 = 60;

/// Seconds an order must be listed nowhere before it counts as never having arrived.
const ABSENCE_PATIENCE_S: i64 = 30;

/// More was executed than was ordered: the broker's books and ours have parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverExecuted;

/// A planned order with everything that happened to it.
#[derive(Debug)]
pub struct Parent {
    planned: PlannedOrder,
    permit: Option<Permit>,
    /// Children made before the permit.
    before_permit: usize,
    collar: Option<Collar>,
    half_spread: Option<Price>,
    children: Vec<Order>,
    filled: Quantity,
    value: Decimal,
    state: ParentState,
}

impl Parent {
    /// Nothing has happened yet.
    pub fn new(planned: PlannedOrder) -> Self {
        Parent {
            planned,
            permit: None,
            before_permit: 0,
            collar: None,
            half_spread: None,
            children: Vec::new(),
            filled: Quantity::ZERO,
            value: Decimal::ZERO,
            state: ParentState::Waiting,
        }
    }

    /// The line of the plan.
    pub fn planned(&self) -> &PlannedOrder {
        &self.planned
    }

    /// How it stands.
    pub fn state(&self) -> ParentState {
        self.state
    }

    /// Its child orders, oldest first.
    pub fn children(&self) -> &[Order] {
        &self.children
    }

    /// Executed so far, positive.
    pub fn filled(&self) -> Quantity {
        self.filled
    }

    /// The collar drawn when the gate first let it out.
    pub fn collar(&self) -> Option<Collar> {
        self.collar
    }

    /// Mid when the gate first let it out.
    pub fn arrival(&self) -> Option<Price> {
        self.collar.map(|collar| collar.reference)
    }

    /// Half the quoted spread at that moment, when there was one.
    pub fn half_spread(&self) -> Option<Price> {
        self.half_spread
    }

    /// Σ quantity × price of the executions.
    pub fn filled_value(&self) -> Decimal {
        self.value
    }

    /// Volume-weighted average fill price.
    pub fn average_price(&self) -> Option<Decimal> {
        (self.filled > Quantity::ZERO).then(|| self.value / self.filled.to_decimal())
    }

    /// Cost against the arrival mid in basis points, positive when we paid.
    pub fn slippage_bps(&self) -> Option<f64> {
        use rust_decimal::prelude::ToPrimitive;
        let arrival = self.arrival()?.to_decimal();
        let paid = (self.average_price()? - arrival) / arrival * Decimal::from(self.side().sign());
        paid.to_f64().map(|fraction| fraction * 10_000.0)
    }

    /// Which way.
    pub fn side(&self) -> Side {
        Side::of(self.planned.quantity).expect("a planned order has a quantity")
    }

    /// What executions have left to do.
    pub fn remaining(&self) -> Quantity {
        self.planned.quantity.abs() - self.filled
    }

    /// True while a child may still be executed.
    pub fn has_live_child(&self) -> bool {
        self.live().is_some()
    }

    /// What may still be executed of it without the gate being asked again.
    pub fn executable(&self) -> Quantity {
        match &self.permit {
            Some(_) if self.state == ParentState::Working => self.remaining(),
            _ => self.live().map_or(Quantity::ZERO, |child| child.quantity - child.filled),
        }
    }

    /// True when the gate has let it out today.
    pub fn was_let_out(&self) -> bool {
        self.collar.is_some()
    }

    /// True when nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        match self.state {
            ParentState::Waiting | ParentState::Working => false,
            ParentState::Unknown => true,
            ParentState::Filled | ParentState::CarriedOver | ParentState::Rejected => !self.has_live_child(),
        }
    }

    /// True when nothing can ever happen to it again: it is over, and no child of it lives that nobody has told of.
    pub fn is_finished(&self) -> bool {
        self.is_over() && !self.has_live_child()
    }

    /// True when the broker has to be asked what became of the live child: its cancel was never
    /// confirmed, or it was listed nowhere some time ago.
    pub fn is_unanswered(&self, now: Timestamp) -> bool {
        self.live().and_then(ask_at).is_some_and(|at| now >= at)
    }

    /// Applies a complete picture of the broker's orders. A child that is listed nowhere has ended only
    /// when it still is some time later: what we wrote may be on its way.
    /// An order that ended with more filled than we have executions of is not over: what is left is known only when they
    /// are told, and it is asked about until then.
    pub fn resynced(&mut self, open: &BTreeSet<OrderRef>, ended: &BTreeMap<OrderRef, Quantity>, at: Timestamp) {
        let patience = SignedDuration::from_secs(ABSENCE_PATIENCE_S);
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
        let order_ref = child.order_ref;
        self.signal(order_ref, signal);
    }

    /// True when nobody can say what became of this child.
    pub fn is_lost(&self, order_ref: OrderRef) -> bool {
        let lost = |child: &Order| child.order_ref == order_ref && child.state == OrderState::Unknown;
        self.children.iter().any(lost)
    }

    /// Executed so far of one child.
    pub fn executed(&self, order_ref: OrderRef) -> Quantity {
        let child = self.children.iter().find(|child| child.order_ref == order_ref);
        child.map_or(Quantity::ZERO, |child| child.filled)
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

    fn live(&self) -> Option<&Order> {
        self.children.last().filter(|child| child.state.is_live())
    }

    /// True when the gate has to be asked before anything can be sent.
    pub fn wants_permit(&self) -> bool {
        self.state == ParentState::Waiting && !self.has_live_child()
    }

    /// Takes the gate's permission, with half the spread of the quote it was given on. Collar and spread are the first
    /// one's, also after a restart.
    ///
    /// # Panics
    /// When the permit is for something else than what is left of this parent.
    pub fn admit(&mut self, permit: Permit, half_spread: Option<Price>) {
        assert_eq!((permit.contract(), permit.side()), (self.planned.contract, self.side()));
        assert!(permit.quantity_max() <= self.remaining());
        if self.collar.is_none() {
            (self.collar, self.half_spread) = (Some(permit.collar()), half_spread);
        }
        self.before_permit = self.children.len();
        self.permit = Some(permit);
        self.state = ParentState::Working;
    }

    /// Gives back a permit that nothing more can be made under: its time is up, or its number of orders is.
    pub fn lapse(&mut self, now: Timestamp) {
        let made = self.children.len() - self.before_permit;
        let over = self.permit.as_ref().is_some_and(|p| now >= p.expires() || made >= p.orders_max() as usize);
        if over && self.state == ParentState::Working && !self.has_live_child() {
            self.permit = None;
            self.state = ParentState::Waiting;
        }
    }

    /// Gives up waiting: the window is over.
    pub fn expire(&mut self) {
        if self.state == ParentState::Waiting || self.state == ParentState::Working {
            self.state = ParentState::CarriedOver;
        }
    }

    /// Drops the permit, keeping what happened: after a restart the gate is asked again.
    pub fn restart(&mut self) {
        self.permit = None;
        self.lose_sight();
    }

    /// Takes the live child back, whatever its age.
    pub fn withdraw(&mut self, now: Timestamp) -> Option<Sendable> {
        let child = self.children.last_mut()?;
        matches!(child.state, OrderState::Sent | OrderState::Working).then(|| cancel(child, now))
    }

    /// What to tell the broker now, if anything.
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
        let &Moment { now, quote, tick, urgency, style } = moment;
        let (side, planned, filled) = (self.side(), self.planned.quantity.abs(), self.filled);
        let permit = self.permit.as_ref();
        let child = self.children.last_mut().expect("a live child");
        if !matches!(child.state, OrderState::Sent | OrderState::Working) {
            return None;
        }
        // Without a permit (after a restart) an order that still works is taken back first.
        let too_old = now >= child.sent_at + SignedDuration::from_secs(policy.ttl_s);
        if too_old || permit.is_none_or(|permit| now >= permit.expires()) {
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
        let pricing = Pricing { quote, collar: permit.collar(), tick, side, urgency, waited_s };
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
        let &Moment { now, quote, tick, urgency, style } = moment;
        let permit = self.permit.as_ref().filter(|_| self.may_launch(now))?;
        let side = permit.side();
        let pricing = Pricing { quote: quote?, collar: permit.collar(), tick, side, urgency, waited_s: 0 };
        let limit = policy.limit(style, &pricing)?;
        let quantity = self.remaining().min(permit.order_quantity_max());
        let filled_before_permit = self.planned.quantity.abs() - permit.quantity_max();
        let attempt = self.children.len() as u16 + 1;
        let order_ref = OrderRef { account, date, intent: self.planned.number, attempt };
        let look_at = now + SignedDuration::from_secs(policy.replace_interval_s);
        let committed = self.filled - filled_before_permit;
        let order = permit.release(order_ref, committed, quantity, limit, now);
        self.children.push(Order::sent(order_ref, quantity, limit, now, look_at));
        Some(Sendable::Place(order))
    }

    /// Rebuilds a child from the journal: it was about to be sent when the record was written.
    pub fn replay_command(&mut self, command: Command, at: Timestamp, policy: &ExecutionPolicy) {
        match command {
            Command::Place { order_ref, quantity, limit, .. } => {
                let look_at = at + SignedDuration::from_secs(policy.replace_interval_s);
                self.children.push(Order::sent(order_ref, quantity, limit, at, look_at));
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

    fn child_mut(&mut self, order_ref: OrderRef) -> Option<&mut Order> {
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
        self.value += quantity.value_at(price, 1);
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
        self.value -= was.0.value_at(was.1, 1);
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

    /// When [`Parent::step`] may have something to say without any event.
    pub fn next_deadline(&self, policy: &ExecutionPolicy) -> Option<Timestamp> {
        let expires = self.permit.as_ref().map(Permit::expires);
        let Some(child) = self.live() else {
            return expires.filter(|_| self.state == ParentState::Working);
        };
        if !matches!(child.state, OrderState::Sent | OrderState::Working) {
            return ask_at(child);
        }
        let end = child.sent_at + SignedDuration::from_secs(policy.ttl_s);
        let end = expires.map_or(end, |expires| expires.min(end));
        let looks = child.state == OrderState::Working && child.replaces < policy.replaces_max;
        Some(if looks { child.look_at.min(end) } else { end })
    }
}

/// When the broker is to be asked about an order nobody has answered for.
fn ask_at(child: &Order) -> Option<Timestamp> {
    match child.state {
        OrderState::Cancelling => Some(child.look_at),
        OrderState::Unknown => child.missing_since.map(|since| since + SignedDuration::from_secs(ABSENCE_PATIENCE_S)),
        _ => None,
    }
}

fn cancel(child: &mut Order, now: Timestamp) -> Sendable {
    child.signal(OrderSignal::CancelSent);
    child.look_at = now + SignedDuration::from_secs(CANCEL_PATIENCE_S);
    Sendable::Cancel { order_ref: child.order_ref }
}
