//! The gate: the one place that may let an order out.
//!
//! In: the day's basket with the facts of the day; later each order with its quote. Out: verdicts
//! with every reason, and permits. Invariant: a [`Permit`] comes from [`Gate::admit`] and nowhere
//! else, bounds quantity, price and time, and does not survive a restart.

mod basket;
mod check;
mod conditions;
mod explain;
mod permit;
mod sendable;

pub use basket::{Basket, DayFacts, Fit, Limit, PriceMax, Withheld};
pub use check::{Check, Refusal, Verdict};
pub use conditions::{Activity, Banded, Conditions, Exposure, Holding, Latch};
pub use explain::Concerns;
pub use permit::Permit;
pub use sendable::{Sendable, SendableOrder, SendableSpread};

use crate::{Collar, CollarPolicy, Mode};
use domain::{AssetClass, ContractId, InstrumentId, OrderType, Price, Quantity, Side, Terms, Universe};
use jiff::Timestamp;
use market::Quote;
use market::calendar::{Window, next_guard};
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
    /// Largest worst-case position of one contract, as a multiple of NAV.
    pub position_max: f64,
    /// Largest order as a share of the average daily volume.
    pub adv_max: f64,
    /// Largest child order as a share of the average daily volume; larger parents are sliced.
    pub adv_slice: f64,
    /// Least excess liquidity as a fraction of NAV.
    pub excess_liquidity_min: f64,
    /// Whether new risk has to be asked about with the broker's what-if before it leaves.
    pub what_if: bool,
    /// Most orders of one contract and side in a day; asking for one more latches.
    pub orders_per_side_max: u32,
    /// Most messages in a second.
    pub messages_per_second_max: u32,
    /// Instruments that take no new risk.
    pub restricted: Vec<InstrumentId>,
    /// Furthest a price may have moved since the plan for new risk to go out, as a fraction.
    pub plan_move_max: f64,
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

    /// The least excess liquidity a plan leaves, as a share of NAV: more than the gate asks for, because the broker is asked
    /// again when an order leaves, at the prices of then, and a plan at the edge would lose one leg of a pair there.
    pub fn excess_planned(&self) -> f64 {
        self.excess_liquidity_min + MARGIN_HEADROOM
    }

    /// Maintenance margin that a plan's increases may take, in base currency.
    pub fn margin_for_increases(&self, excess: f64, nav: f64) -> f64 {
        (excess - self.excess_planned() * nav).max(0.0)
    }
}

/// Share of NAV.
const MARGIN_HEADROOM: f64 = 0.01;

/// One order asking to leave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// What.
    pub contract: ContractId,
    /// Signed change of the position.
    pub quantity: Quantity,
    /// What for.
    pub purpose: Purpose,
    /// Limit in continuous trading, or limit on close.
    pub order_type: OrderType,
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

/// Everything the gate looks at when an order asks.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// NAV, rates, and what the plan withholds.
    pub day: &'a DayFacts,
    /// What broker and venues say of the day.
    pub conditions: &'a Conditions,
    /// Operating mode now.
    pub mode: Mode,
    /// The market now.
    pub market: MarketFacts<'a>,
    /// Our own orders now.
    pub activity: &'a Activity,
}

/// Sums are of doubles: what the plan admitted to the last cent is not refused for the last bit.
const ROUNDING: f64 = 1e-9;

/// Refusals while they are collected, for one proposal.
struct Ruling<'a> {
    proposal: &'a Proposal,
    terms: &'a Terms,
    /// It adds risk.
    increases: bool,
    refusals: Vec<Refusal>,
}

impl Ruling<'_> {
    /// Out of the way of orders that pass.
    #[cold]
    fn refuse(&mut self, check: Check, limit: f64, value: f64) {
        self.refusals.push(Refusal { check, contract: Some(self.proposal.contract), limit, value });
    }

    fn refuse_if(&mut self, refused: bool, check: Check) {
        if refused {
            self.refuse(check, 0.0, 0.0);
        }
    }

    /// Refuses a value above its limit.
    fn at_most(&mut self, check: Check, limit: f64, value: f64) {
        if value > limit * (1.0 + ROUNDING) {
            self.refuse(check, limit, value);
        }
    }
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
    pub fn admit(&self, proposal: Proposal, facts: &Facts<'_>) -> Result<Permit, Vec<Refusal>> {
        let increases = is_increase(&proposal, facts.activity);
        let terms = self.universe.terms(proposal.contract);
        let mut ruling = Ruling { proposal: &proposal, terms, increases, refusals: Vec::new() };
        self.check_day(facts, &mut ruling);
        let expires = check_time(facts, &mut ruling);
        let reference = match proposal.order_type {
            OrderType::Lmt => self.check_quote(facts.market, &mut ruling),
            OrderType::Loc => self.check_auction_price(facts.market, &mut ruling),
        };
        let collar_policy = self.policy.collar(terms.asset_class);
        ruling.refuse_if(collar_policy.is_none(), Check::Collar);
        let side = Side::of(proposal.quantity);
        ruling.refuse_if(side.is_none(), Check::Quantity);
        self.check_pace(facts, &mut ruling);
        if increases {
            self.check_increase(facts, reference, &mut ruling);
        }
        match (reference, collar_policy, side, expires) {
            (Some(reference), Some(collar), Some(side), Some(expires)) if ruling.refusals.is_empty() => {
                let grid = facts.conditions.grid(proposal.contract, terms.tick);
                let drawn = proposal.collar.unwrap_or_else(|| Collar::around(reference, side, grid, collar));
                let price_max = facts.day.price_max(proposal.contract).filter(|_| side == Side::Buy);
                Ok(Permit::new(permit::Envelope {
                    contract: proposal.contract,
                    side,
                    order_type: proposal.order_type,
                    quantity_max: proposal.quantity.abs(),
                    order_quantity_max: self.order_quantity_max(&ruling, reference, facts),
                    orders_max: self.policy.orders_per_side_max - facts.activity.orders_sent,
                    reference,
                    collar: price_max.map_or(drawn, |max| drawn.capped(max)),
                    expires,
                    purpose: proposal.purpose,
                }))
            }
            _ => Err(ruling.refusals),
        }
    }

    /// What holds for the contract all day.
    fn check_day(&self, facts: &Facts<'_>, ruling: &mut Ruling<'_>) {
        let Proposal { contract, purpose, .. } = *ruling.proposal;
        let increases = ruling.increases;
        let purpose = if increases { Purpose::Increase } else { purpose };
        ruling.refuse_if(facts.conditions.foreign_account, Check::Account);
        if !facts.mode.permits(purpose) {
            ruling.refuse(Check::Mode, 0.0, f64::from(facts.mode as u8));
        }
        ruling.refuse_if(facts.day.frozen.contains(&contract), Check::Reconciliation);
        let is_restricted = || self.policy.restricted.contains(&self.universe.contract(contract).instrument);
        ruling.refuse_if(increases && !self.policy.restricted.is_empty() && is_restricted(), Check::Restricted);
        if let Some(check) = facts.day.no_increase(contract).filter(|_| increases) {
            ruling.refuse(check, 0.0, 0.0);
        }
        ruling.refuse_if(!ruling.terms.tradable, Check::NotTradable);
        ruling.refuse_if(facts.conditions.contradicted.contains(&contract), Check::VenueHours);
    }

    /// How many orders and messages have gone out already.
    fn check_pace(&self, facts: &Facts<'_>, ruling: &mut Ruling<'_>) {
        let &Activity { orders_sent, latched, messages, .. } = facts.activity;
        let (orders_max, messages_max) = (self.policy.orders_per_side_max, self.policy.messages_per_second_max);
        if latched || orders_sent >= orders_max {
            ruling.refuse(Check::Throttle, f64::from(orders_max), f64::from(orders_sent));
        }
        if messages >= messages_max {
            ruling.refuse(Check::Messages, f64::from(messages_max), f64::from(messages));
        }
    }

    /// What only new risk has to pass.
    fn check_increase(&self, facts: &Facts<'_>, reference: Option<Price>, ruling: &mut Ruling<'_>) {
        let Proposal { contract, quantity, .. } = *ruling.proposal;
        let (nav, activity, policy, terms) = (facts.day.nav, facts.activity, self.policy, ruling.terms);
        let more = quantity - activity.rolls;
        let is_option = terms.asset_class == AssetClass::Option;
        if let Some(reference) = reference {
            let lot = lot_value(terms, reference, facts.day);
            ruling.at_most(Check::OrderValue, policy.order_value_max, lot / nav);
            if !is_option && activity.unit_value > 0.0 {
                let moved = lot / (terms.lot.to_f64() * activity.unit_value) - 1.0;
                ruling.at_most(Check::PlanPrice, policy.plan_move_max, moved.abs());
            }
        }
        let offer = facts.market.quote.and_then(Quote::two_sided).map(|(_, ask)| ask);
        if let Some((offer, max)) =
            offer.zip(facts.day.price_max(contract)).filter(|(offer, max)| quantity > Quantity::ZERO && offer > max)
        {
            ruling.refuse(Check::PlanPrice, 0.0, offer.to_f64() / max.to_f64() - 1.0);
        }
        match facts.conditions.adv[contract] {
            _ if is_option => {} // its size is bounded by premium; few trade it, and market makers quote it
            Some(adv) => ruling.at_most(Check::Adv, policy.adv_max, more.abs().to_f64() / adv),
            None => ruling.refuse(Check::Adv, policy.adv_max, 0.0),
        }
        ruling.at_most(Check::Turnover, policy.turnover_max, (activity.turnover + activity.increase) / nav);
        let worst = activity.holding.with(quantity).worst().to_f64() * activity.unit_value;
        ruling.at_most(Check::Position, policy.position_max, worst / nav);
        if let Some(exposure) = activity.exposure {
            let after = exposure.with(activity.holding, more, activity.unit_value);
            ruling.at_most(Check::Gross, policy.gross_max, after.gross / nav);
            ruling.at_most(Check::Net, policy.net_max, after.net() / nav);
        }
        let excess = activity.excess_after.or(facts.conditions.excess_liquidity).unwrap_or(0.0) / nav;
        if excess < policy.excess_liquidity_min {
            ruling.refuse(Check::Margin, policy.excess_liquidity_min, excess);
        }
    }

    /// Whether the broker has to be asked what an order would do to the margin before a permit of it is used.
    #[inline]
    pub fn asks_margin(&self, proposal: &Proposal, activity: &Activity) -> bool {
        self.policy.what_if && activity.excess_after.is_none() && is_increase(proposal, activity)
    }

    /// A quote that may price an order now: young, live, two-sided.
    #[inline]
    pub fn may_price(&self, quote: &Quote, now: Timestamp) -> bool {
        let age = now.as_second() - quote.at.as_second();
        age <= self.policy.quote_age_max_s && quote.data_type == market::DataType::Live && quote.mid().is_some()
    }

    fn check_quote(&self, market: MarketFacts<'_>, ruling: &mut Ruling<'_>) -> Option<Price> {
        let Some(quote) = market.quote else {
            ruling.refuse(Check::QuoteMissing, 0.0, 0.0);
            return None;
        };
        let age = market.now.as_second() - quote.at.as_second();
        if age > self.policy.quote_age_max_s {
            ruling.refuse(Check::QuoteStale, self.policy.quote_age_max_s as f64, age as f64);
        }
        ruling.refuse_if(quote.data_type != market::DataType::Live, Check::QuoteNotLive);
        let mid = quote.mid();
        ruling.refuse_if(mid.is_none(), Check::QuoteOneSided);
        mid
    }

    /// An auction finds its own price: without a fresh quote its collar is drawn around the last trade or the last close.
    fn check_auction_price(&self, market: MarketFacts<'_>, ruling: &mut Ruling<'_>) -> Option<Price> {
        let quote = market.quote;
        let mid = quote.filter(|quote| self.may_price(quote, market.now)).and_then(Quote::mid);
        let reference = mid.or_else(|| quote.and_then(|quote| quote.last.or(quote.close)));
        ruling.refuse_if(reference.is_none(), Check::QuoteMissing);
        reference
    }

    /// Whole lots that stay inside the single-order limit and the share of a day's volume, at least one lot. What lowers risk
    /// is cut into no more slices than half the orders that are left today: the throttle must not end it.
    fn order_quantity_max(&self, ruling: &Ruling<'_>, reference: Price, facts: &Facts<'_>) -> Quantity {
        let &Ruling { proposal, terms, increases, .. } = ruling;
        let lot = terms.lot;
        let by_value = facts.day.nav * self.policy.order_value_max / lot_value(terms, reference, facts.day);
        let slice = facts.conditions.adv[proposal.contract].map(|adv| adv * self.policy.adv_slice / lot.to_f64());
        let orders_left = self.policy.orders_per_side_max - facts.activity.orders_sent;
        let by_throttle = || {
            let lots = proposal.quantity.to_f64().abs() / lot.to_f64();
            libm::ceil(lots / f64::from((orders_left / 2).max(1)))
        };
        let by_volume = match slice {
            None => f64::INFINITY,
            Some(slice) if increases => slice,
            Some(slice) => slice.max(by_throttle()),
        };
        let lots = by_value.min(by_volume).clamp(1.0, 1e12);
        Quantity::from_units(lots as i64 * lot.units())
    }
}

/// What one lot is worth in base currency.
fn lot_value(terms: &Terms, price: Price, day: &DayFacts) -> f64 {
    price.to_f64() * f64::from(terms.multiplier) * terms.lot.to_f64() * day.rate_to_base(terms.currency)
}

/// True when an order adds risk, whatever it was planned for: a reduction of something that is no longer there is none.
#[inline]
fn is_increase(proposal: &Proposal, activity: &Activity) -> bool {
    match proposal.purpose {
        Purpose::Increase => true,
        Purpose::Reduce | Purpose::CloseOut => !activity.holding.lowers(proposal.quantity),
        Purpose::Roll | Purpose::Unwind | Purpose::FxHedge | Purpose::PairHedge => false,
    }
}

/// Whether now is a time to trade, and until when it is.
fn check_time(facts: &Facts<'_>, ruling: &mut Ruling<'_>) -> Option<Timestamp> {
    let MarketFacts { now, window, .. } = facts.market;
    let (open_until, check) = match ruling.proposal.order_type {
        OrderType::Lmt => (window.filter(|window| window.contains(now)).map(|window| window.closes), Check::Window),
        OrderType::Loc => (
            facts.conditions.auction_until[ruling.proposal.contract].filter(|&until| now < until),
            Check::AuctionCutoff,
        ),
    };
    ruling.refuse_if(open_until.is_none(), check);
    let guard = next_guard(&facts.conditions.guards, now);
    if let Some(guard) = guard.filter(|guard| guard.contains(now)) {
        ruling.refuse(Check::Maintenance, 0.0, guard.closes.duration_since(now).as_secs_f64());
    }
    open_until.map(|until| guard.map_or(until, |guard| until.min(guard.opens)))
}

#[cfg(test)]
mod tests;
