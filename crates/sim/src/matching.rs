//! How an order meets the book.
//!
//! In: an order's side and limit, the book, and what this world's orders took or waited for before. Out: fills with
//! prices. Invariant: no fill is worse than the limit; what orders take together never exceeds what the book shows at
//! the levels they reach plus their share of the volume since.

use crate::board::{Book, whole_lots};
use domain::{ContractId, PerContract, Price, Quantity, Side};
use jiff::Timestamp;

/// Largest share of the volume an order can be.
pub(crate) const PARTICIPATION: f64 = 0.10;
/// Share of the volume that trades on one side of the book.
const ONE_SIDE: f64 = 0.5;
/// Levels of the book, the touch included, that a single order can reach.
const LEVELS: i64 = 10;

/// How much of the exchange an order meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fills {
    /// Displayed sizes, queues, partial fills: what does not fill at once works on, step by step.
    #[default]
    Book,
    /// An order that crosses the spread is executed whole at once, at the mean price of a walk up the book as it stands,
    /// never beyond its limit.
    Whole,
}

/// A quantity at a price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slice {
    pub(crate) price: Price,
    pub(crate) quantity: Quantity,
}

/// What orders have done to one side of one book, counted in levels so that it keeps its depth while displayed sizes
/// change.
///
/// A taker walks up the book, one displayed size per level. What was taken comes back at a tenth of the volume that
/// trades, best price first (market makers refill), so a second order finds no more than that before it has to walk on
/// from where the first one stopped: the impact is temporary, and no slicing or replacing avoids it. A waiting order
/// stands behind the size displayed when it came, moves up as half of the volume trades on its side, and is filled at
/// its own limit, also when the market crosses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dent {
    /// How far into the book orders have taken everything.
    depth: f64,
    /// How much of that the market has refilled since, from the touch on, and nobody has taken again.
    refilled: f64,
    at: Timestamp,
}

/// The dents of every book.
#[derive(Clone, Debug)]
pub(crate) struct Dents(PerContract<[Option<Dent>; 2]>);

impl Dents {
    pub(crate) fn new(contracts: usize) -> Dents {
        Dents(PerContract::filled([None; 2], contracts))
    }

    /// How many books there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// One more book, untouched.
    pub(crate) fn push(&mut self) {
        self.0.push([None; 2]);
    }

    /// Takes up to a wanted quantity at a limit or better: what was refilled at the touch, then level by level.
    pub(crate) fn take(&mut self, want: Want, book: &Book, lot: Quantity, now: Timestamp) -> Vec<Slice> {
        let (slices, dent) = self.look(want, book, lot, now);
        self.0[want.contract][usize::from(want.side == Side::Sell)] = Some(dent);
        slices
    }

    /// What could be taken, and what that would leave.
    pub(crate) fn look(&self, want: Want, book: &Book, lot: Quantity, now: Timestamp) -> (Vec<Slice>, Dent) {
        let Want { contract, side, limit, mut quantity } = want;
        let (touch, displayed) = book.opposite(side);
        let displayed = displayed.units() as f64;
        let dent = self.0[contract][usize::from(side == Side::Sell)];
        let Dent { mut depth, mut refilled, .. } = dent.map_or(Dent::none(now), |dent| dent.heal(book, displayed, now));
        let mut slices = Vec::new();
        let mut fill = |price: Price, levels: f64| {
            let filled = whole_lots(levels * displayed, lot).min(quantity);
            if filled > Quantity::ZERO {
                slices.push(Slice { price, quantity: filled });
                quantity -= filled;
            }
            filled.units() as f64 / displayed
        };
        refilled -= fill(touch, refilled);
        for level in 0..LEVELS {
            let price = touch.mantissa() + side.sign() * level * book.level_step;
            match Price::from_mantissa(price) {
                Ok(price) if crosses(side, limit, price) => depth += fill(price, (level + 1) as f64 - depth),
                _ => break,
            }
        }
        (slices, Dent { depth, refilled, at: now })
    }
}

impl Dent {
    fn none(now: Timestamp) -> Dent {
        Dent { depth: 0.0, refilled: 0.0, at: now }
    }

    /// The dent after the market had time to refill it.
    fn heal(self, book: &Book, displayed: f64, now: Timestamp) -> Dent {
        let seconds = now.duration_since(self.at).as_secs_f64();
        let refilled = self.refilled + PARTICIPATION * book.flow * seconds / displayed;
        if refilled >= self.depth { Dent::none(now) } else { Dent { refilled, at: now, ..self } }
    }
}

/// What a taker wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) contract: ContractId,
    pub(crate) side: Side,
    /// In the units of a price.
    pub(crate) limit: i64,
    pub(crate) quantity: Quantity,
}

/// Everything at once: one displayed size per level, at the mean of the levels it takes, or at the limit.
pub(crate) fn whole(want: Want, book: &Book) -> Slice {
    let Want { side, limit, quantity, .. } = want;
    let (touch, displayed) = book.opposite(side);
    let levels = quantity.units() as f64 / displayed.units() as f64;
    let beyond = ((levels - 1.0).max(0.0) / 2.0 * book.level_step as f64) as i64;
    let walked = touch.mantissa() + side.sign() * beyond;
    let worst = match side {
        Side::Buy => walked.min(limit),
        Side::Sell => walked.max(limit),
    };
    Slice { price: Price::from_mantissa(worst).expect("between two prices"), quantity }
}

/// An order's place among those waiting at its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Queue {
    /// Units that trade before it.
    ahead: f64,
    /// Units it may execute by now and has not.
    credit: f64,
    since: Timestamp,
}

impl Queue {
    /// Joins the book now: first in line inside the spread, else behind what is displayed.
    pub(crate) fn join(side: Side, limit: i64, book: &Book, now: Timestamp) -> Queue {
        let (touch, displayed) = book.own(side);
        let improves = (limit - touch.mantissa()) * side.sign() > 0;
        let ahead = if improves { 0.0 } else { displayed.units() as f64 };
        Queue { ahead, credit: 0.0, since: now }
    }

    /// Lets the volume since the last time pass by, at a limit the market has not crossed; returns what may execute.
    pub(crate) fn pass(&mut self, side: Side, limit: i64, book: &Book, lot: Quantity, now: Timestamp) -> Quantity {
        let seconds = now.duration_since(self.since).as_secs_f64();
        self.since = now;
        let (touch, _) = book.own(side);
        if (limit - touch.mantissa()) * side.sign() < 0 {
            return Quantity::ZERO;
        }
        let traded = ONE_SIDE * book.flow * seconds;
        let behind_us = (traded - self.ahead).max(0.0);
        self.ahead = (self.ahead - traded).max(0.0);
        self.credit += behind_us.min(PARTICIPATION * book.flow * seconds);
        whole_lots(self.credit, lot)
    }

    /// Counts an execution of what may execute.
    pub(crate) fn spend(&mut self, quantity: Quantity) {
        self.credit -= quantity.units() as f64;
    }
}

/// Whether a price can be executed at once at this limit.
pub(crate) fn crosses(side: Side, limit: i64, opposite: Price) -> bool {
    (limit - opposite.mantissa()) * side.sign() >= 0
}
