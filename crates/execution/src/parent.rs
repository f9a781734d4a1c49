//! One planned order on its way: permit, children, what is left.
//!
//! In: a permit, quotes, executions, now. Out: at most one command at a time and the next deadline.
//! Invariant: one live child; a new one only after the last is certainly over and from what
//! executions left; nothing works past the permit.

mod hear;
mod spread;
mod work;

pub use spread::{spread_left, step_spread};

use crate::order::{Order, OrderState};
use crate::policy::{Style, Urgency};
use domain::{ContractId, Exact, Grid, OrderRef, OrderType, Price, Quantity, Side};
use jiff::{SignedDuration, Timestamp};
use market::Quote;
use risk::{Collar, Permit, Purpose};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

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
    /// The prices a limit of the contract may have.
    pub grid: Grid<'a>,
    /// How much it may pay to be done soon.
    pub urgency: Urgency,
    /// How it is worked.
    pub style: Style,
    /// What its share of the volume observed so far still leaves, in whole lots; `None` where no volume is told.
    pub volume_left: Option<Quantity>,
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

/// Seconds an order must be listed nowhere before it counts as never having arrived.
const ABSENCE_PATIENCE_S: i64 = 30;

/// Seconds after which the broker is asked what became of an order for a closing auction; it waits in silence until then.
const AUCTION_PATIENCE_S: i64 = 900;

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
    value: Exact,
    state: ParentState,
}

impl Parent {
    /// Nothing has happened yet.
    pub fn new(planned: PlannedOrder) -> Self {
        Parent::new_in(planned, Vec::new())
    }

    /// The same with room for its children that another order left.
    #[inline]
    pub fn new_in(planned: PlannedOrder, mut children: Vec<Order>) -> Self {
        children.clear();
        Parent {
            planned,
            permit: None,
            before_permit: 0,
            collar: None,
            half_spread: None,
            children,
            filled: Quantity::ZERO,
            value: Exact::ZERO,
            state: ParentState::Waiting,
        }
    }

    /// Gives its child orders up, oldest first.
    pub fn take_children(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.children)
    }

    /// The line of the plan.
    #[inline]
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
        self.value.to_decimal()
    }

    /// Volume-weighted average fill price.
    pub fn average_price(&self) -> Option<Decimal> {
        (self.filled > Quantity::ZERO).then(|| self.filled_value() / self.filled.to_decimal())
    }

    /// Cost against the arrival mid in basis points, positive when we paid.
    pub fn slippage_bps(&self) -> Option<f64> {
        use rust_decimal::prelude::ToPrimitive;
        let arrival = self.arrival()?.to_decimal();
        let paid = (self.average_price()? - arrival) / arrival * Decimal::from(self.side().sign());
        paid.to_f64().map(|fraction| fraction * 10_000.0)
    }

    /// Which way.
    #[inline]
    pub fn side(&self) -> Side {
        Side::of(self.planned.quantity).expect("a planned order has a quantity")
    }

    /// What executions have left to do.
    #[inline]
    pub fn remaining(&self) -> Quantity {
        self.planned.quantity.abs() - self.filled
    }

    /// True while a child may still be executed.
    #[inline]
    pub fn has_live_child(&self) -> bool {
        self.live().is_some()
    }

    /// What may still be executed of its live child.
    #[inline]
    pub fn working(&self) -> Quantity {
        self.live().map_or(Quantity::ZERO, |child| child.quantity - child.filled)
    }

    /// What may still be executed of it without the gate being asked again.
    #[inline]
    pub fn executable(&self) -> Quantity {
        match &self.permit {
            Some(_) if self.state == ParentState::Working => self.remaining().max(self.working()),
            _ => self.working(),
        }
    }

    /// True when its live child is for more than is left: an execution of an earlier child was told after that one had ended.
    #[inline]
    pub fn exceeds(&self) -> bool {
        self.live().is_some_and(|child| child.quantity - child.filled > self.remaining())
    }

    /// True when the gate has let it out today.
    #[inline]
    pub fn was_let_out(&self) -> bool {
        self.collar.is_some()
    }

    /// True when nothing more will happen to it.
    #[inline]
    pub fn is_over(&self) -> bool {
        match self.state {
            ParentState::Waiting | ParentState::Working => false,
            ParentState::Unknown => true,
            ParentState::Filled | ParentState::CarriedOver | ParentState::Rejected => !self.has_live_child(),
        }
    }

    /// True when nothing can ever happen to it again: it is over, and no child of it lives that nobody has told of.
    #[inline]
    pub fn is_finished(&self) -> bool {
        self.is_over() && !self.has_live_child()
    }

    /// True when the broker has to be asked what became of the live child: its cancel was never
    /// confirmed, or it was listed nowhere some time ago.
    #[inline]
    pub fn is_unanswered(&self, now: Timestamp) -> bool {
        self.live().and_then(ask_at).is_some_and(|at| now >= at)
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

    #[inline]
    fn live(&self) -> Option<&Order> {
        self.children.last().filter(|child| child.state.is_live())
    }

    /// True when the gate has to be asked before anything can be sent.
    #[inline]
    pub fn wants_permit(&self) -> bool {
        self.state == ParentState::Waiting && !self.has_live_child()
    }

    /// Takes the gate's permission, with half the spread of the quote it was given on. Collar and spread are the first
    /// one's, also after a restart.
    ///
    /// # Panics
    /// When the permit is for something else than what is left of this parent.
    #[inline]
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

    /// Children made under the present permit.
    fn made(&self) -> usize {
        self.children.len() - self.before_permit
    }

    /// Gives back a permit that nothing more can be made under: its time is up, or its number of orders is.
    #[inline]
    pub fn lapse(&mut self, now: Timestamp) {
        let made = self.made();
        let over = self.permit.as_ref().is_some_and(|p| now >= p.expires() || made >= p.orders_max() as usize);
        if over && self.state == ParentState::Working && !self.has_live_child() {
            self.permit = None;
            self.state = ParentState::Waiting;
        }
    }

    /// Gives up waiting: the window is over.
    #[inline]
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
}

/// When the broker is to be asked about an order nobody has answered for.
fn ask_at(child: &Order) -> Option<Timestamp> {
    match child.state {
        OrderState::Cancelling => Some(child.look_at),
        OrderState::Sent | OrderState::Working if child.order_type == OrderType::Loc => Some(child.look_at),
        OrderState::Unknown => child.missing_since.map(|since| since + SignedDuration::from_secs(ABSENCE_PATIENCE_S)),
        _ => None,
    }
}
