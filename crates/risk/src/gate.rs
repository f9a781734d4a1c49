//! The gate: the one place that may let an order out.
//!
//! In: the day's basket with the facts of the day; later each order with its quote. Out: verdicts
//! with every reason, and permits. Invariant: a [`Permit`] comes from [`Gate::admit`] and nowhere
//! else, bounds quantity, price and time, and does not survive a restart.

mod basket;
mod check;
mod permit;

pub use basket::{Basket, DayFacts, Fit, PriceMax, Withheld};
pub use check::{Check, Refusal, Verdict};
pub use permit::Permit;

use crate::{Collar, CollarPolicy, Mode};
use domain::{AssetClass, ContractId, Price, Quantity, Side, Universe};
use jiff::Timestamp;
use market::Quote;
use market::calendar::Window;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an order is for; decides which modes and limits apply to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Mandatory: an expiring or deliverable contract must go.
    CloseOut,
    /// The new contract of a roll: replaces, quantity for quantity, one that is closed.
    Roll,
    /// Takes back what was put on for a while: one leg of a broken pair, a temporary hedge.
    Unwind,
    /// Lowers risk: the quantity falls and keeps its sign.
    Reduce,
    /// Currency hedge of the book.
    FxHedge,
    /// Stands in for the leg of a pair that does not fill, for a while.
    PairHedge,
    /// Everything else.
    Increase,
}

impl Purpose {
    /// True for an order that opens something which is taken back when what it answers does not come.
    pub fn opens(self) -> bool {
        matches!(self, Purpose::Increase | Purpose::Roll)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Purpose::CloseOut => "close-out",
            Purpose::Roll => "roll",
            Purpose::Unwind => "unwind",
            Purpose::Reduce => "reduce",
            Purpose::FxHedge => "fx hedge",
            Purpose::PairHedge => "pair hedge",
            Purpose::Increase => "increase",
        })
    }
}

/// Limits of the gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// Largest single order as a fraction of NAV; larger parents are sliced.
    pub order_value_max: f64,
    /// Largest traded notional of a trade date as a fraction of NAV, closings, rolls and hedges apart.
    pub turnover_max: f64,
    /// Gross cap on the worst-case book, as a multiple of NAV.
    pub gross_max: f64,
    /// Net cap on the worst-case book, as a multiple of NAV.
    pub net_max: f64,
    /// Oldest quote that may price an order, in seconds.
    pub quote_age_max_s: i64,
    /// Collars by asset class.
    pub collars: Vec<(AssetClass, CollarPolicy)>,
}

impl GatePolicy {
    /// The collar of an asset class; `None` when trading it was never configured.
    pub fn collar(&self, class: AssetClass) -> Option<CollarPolicy> {
        self.collars.iter().find(|(c, _)| *c == class).map(|(_, collar)| *collar)
    }
}

/// One order asking to leave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// What.
    pub contract: ContractId,
    /// Signed change of the position.
    pub quantity: Quantity,
    /// What for.
    pub purpose: Purpose,
    /// The collar it was first let out with; drawn anew without one.
    pub collar: Option<Collar>,
}

/// The market at the moment an order wants to leave.
#[derive(Clone, Copy, Debug)]
pub struct MarketFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// The contract's quote, if any arrived.
    pub quote: Option<&'a Quote>,
    /// The contract's execution window of the day, if its venue has one.
    pub window: Option<Window>,
}

/// The gate over one policy.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    policy: &'a GatePolicy,
    universe: &'a Universe,
}

impl<'a> Gate<'a> {
    /// A gate for a universe.
    pub fn new(policy: &'a GatePolicy, universe: &'a Universe) -> Self {
        Gate { policy, universe }
    }

    /// Lets one order out inside an envelope, or says every reason why not.
    ///
    /// # Errors
    /// All refusals that apply.
    pub fn admit(
        &self,
        proposal: Proposal,
        day: &DayFacts,
        mode: Mode,
        market: MarketFacts<'_>,
    ) -> Result<Permit, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut refuse = |check: Check, limit: f64, value: f64| {
            refusals.push(Refusal { check, contract: Some(proposal.contract), limit, value });
        };
        self.check_day(proposal, day, mode, &mut refuse);
        let window = market.window.filter(|w| w.contains(market.now));
        if window.is_none() {
            refuse(Check::Window, 0.0, 0.0);
        }
        let mid = self.check_quote(market, &mut refuse);
        let class = self.universe.instrument_of(proposal.contract).asset_class;
        let collar_policy = self.policy.collar(class);
        if collar_policy.is_none() {
            refuse(Check::Collar, 0.0, 0.0);
        }
        let side = Side::of(proposal.quantity);
        if side.is_none() {
            refuse(Check::Quantity, 0.0, 0.0);
        }
        match (mid, collar_policy, side, window) {
            (Some(mid), Some(collar), Some(side), Some(window)) if refusals.is_empty() => {
                let tick = self.universe.terms(proposal.contract).tick;
                let drawn = proposal.collar.unwrap_or_else(|| Collar::around(mid, side, tick, collar));
                let price_max = day.price_max(proposal.contract).filter(|_| side == Side::Buy);
                Ok(Permit::new(permit::Envelope {
                    contract: proposal.contract,
                    side,
                    quantity_max: proposal.quantity.abs(),
                    order_quantity_max: self.order_quantity_max(proposal.contract, mid, day),
                    collar: price_max.map_or(drawn, |max| drawn.capped(max)),
                    expires: window.closes,
                    purpose: proposal.purpose,
                }))
            }
            _ => Err(refusals),
        }
    }

    fn check_day(&self, proposal: Proposal, day: &DayFacts, mode: Mode, refuse: &mut impl FnMut(Check, f64, f64)) {
        if !mode.permits(proposal.purpose) {
            refuse(Check::Mode, 0.0, f64::from(mode as u8));
        }
        if day.frozen.contains(&proposal.contract) {
            refuse(Check::Reconciliation, 0.0, 0.0);
        }
        if let Some(check) = day.no_increase(proposal.contract).filter(|_| proposal.purpose == Purpose::Increase) {
            refuse(check, 0.0, 0.0);
        }
        if !self.universe.instrument_of(proposal.contract).tradable {
            refuse(Check::NotTradable, 0.0, 0.0);
        }
    }

    /// A quote that may price an order now: young, live, two-sided.
    pub fn may_price(&self, quote: &Quote, now: Timestamp) -> bool {
        let age = now.as_second() - quote.at.as_second();
        age <= self.policy.quote_age_max_s && quote.data_type == market::DataType::Live && quote.mid().is_some()
    }

    fn check_quote(&self, market: MarketFacts<'_>, refuse: &mut impl FnMut(Check, f64, f64)) -> Option<Price> {
        let Some(quote) = market.quote else {
            refuse(Check::QuoteMissing, 0.0, 0.0);
            return None;
        };
        let age = market.now.as_second() - quote.at.as_second();
        if age > self.policy.quote_age_max_s {
            refuse(Check::QuoteStale, self.policy.quote_age_max_s as f64, age as f64);
        }
        if quote.data_type != market::DataType::Live {
            refuse(Check::QuoteNotLive, 0.0, 0.0);
        }
        let mid = quote.mid();
        if mid.is_none() {
            refuse(Check::QuoteOneSided, 0.0, 0.0);
        }
        mid
    }

    /// Whole lots whose value stays inside the single-order limit, at least one lot.
    fn order_quantity_max(&self, contract: ContractId, mid: Price, day: &DayFacts) -> Quantity {
        let terms = self.universe.terms(contract);
        let lot_value =
            mid.to_f64() * f64::from(terms.multiplier) * terms.lot.to_f64() * day.rate_to_base(terms.currency);
        let lots = (day.nav * self.policy.order_value_max / lot_value).clamp(1.0, 1e12);
        Quantity::from_units(lots as i64 * terms.lot.units())
    }
}

#[cfg(test)]
mod tests;
