//! The checks by stable code, and refusals as plain sentences.
//!
//! In: a check with its limit and the value that broke it. Out: text. Invariant: codes never change
//! their meaning; every refusal that applies is reported, not only the first.

use domain::{ContractId, Universe};
use serde::{Deserialize, Serialize};

/// One check of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Check {
    /// The mode does not permit this purpose.
    Mode,
    /// The contract is frozen by a quantity break.
    Reconciliation,
    /// The currency has no valid rate.
    FxRate,
    /// There is no volatility estimate.
    Volatility,
    /// A reference instrument is never traded.
    NotTradable,
    /// No mark to size the order with.
    NoMark,
    /// The venue has no session, or now is outside the execution window.
    Window,
    /// No quote arrived.
    QuoteMissing,
    /// The quote is too old.
    QuoteStale,
    /// The quote is frozen or delayed.
    QuoteNotLive,
    /// Bid or ask is missing, or they cross.
    QuoteOneSided,
    /// No collar is configured for the asset class.
    Collar,
    /// Nothing to trade.
    Quantity,
    /// The day's turnover is used up; the rest carries over.
    Turnover,
    /// Worst-case gross exposure would break the cap.
    Gross,
    /// Worst-case net exposure would break the cap.
    Net,
    /// Below the smallest trade worth its costs.
    MinimumTrade,
    /// The other leg of its pair cannot trade.
    PairLeg,
    /// The currency's hedge has no contract that could be traded.
    NoHedge,
    /// The price is not believed; the contract is valued at its last good mark.
    Quarantine,
    /// The currency has no hedge contract and its exposure is above the limit.
    UnhedgedCurrency,
    /// The screen of its sleeve has failed for too long to add to what it listed.
    NoList,
    /// The contract is past its deadline and cannot be closed today.
    RollDeadline,
    /// Less can be borrowed than is to be sold short.
    NoBorrow,
    /// One side of a sleeve is smaller than a lot.
    LegTooSmall,
    /// The account at the broker is not the one this mode trades.
    Account,
    /// A person forbids new risk in it.
    Restricted,
    /// The broker's trading hours contradict our calendar.
    VenueHours,
    /// Broker or gateway are away, or about to be.
    Maintenance,
    /// The closing auction takes no more orders, or there is none.
    AuctionCutoff,
    /// The smallest order there is exceeds the largest that may be.
    OrderValue,
    /// Too large a part of what trades on an average day.
    Adv,
    /// Worst-case position would be too large.
    Position,
    /// The broker's margin cushion would be too thin.
    Margin,
    /// Too many orders of one contract and side in a day.
    Throttle,
    /// Too many messages in a second.
    Messages,
    /// The price has left the plan's collar.
    PlanPrice,
    /// On a day that only reduces, it alone would raise the net exposure.
    NetRises,
}

impl Check {
    /// Every check, in the order of the verdict bits.
    pub const ALL: [Check; 38] = [
        Check::Mode,
        Check::Reconciliation,
        Check::FxRate,
        Check::Volatility,
        Check::NotTradable,
        Check::NoMark,
        Check::Window,
        Check::QuoteMissing,
        Check::QuoteStale,
        Check::QuoteNotLive,
        Check::QuoteOneSided,
        Check::Collar,
        Check::Quantity,
        Check::Turnover,
        Check::Gross,
        Check::Net,
        Check::MinimumTrade,
        Check::PairLeg,
        Check::NoHedge,
        Check::Quarantine,
        Check::UnhedgedCurrency,
        Check::NoList,
        Check::RollDeadline,
        Check::NoBorrow,
        Check::LegTooSmall,
        Check::Account,
        Check::Restricted,
        Check::VenueHours,
        Check::Maintenance,
        Check::AuctionCutoff,
        Check::OrderValue,
        Check::Adv,
        Check::Position,
        Check::Margin,
        Check::Throttle,
        Check::Messages,
        Check::PlanPrice,
        Check::NetRises,
    ];

    /// The stable code in plans, reports and alerts.
    pub fn code(self) -> &'static str {
        match self {
            Check::Mode => "MODE",
            Check::Reconciliation => "RECONCILIATION",
            Check::FxRate => "FX_RATE",
            Check::Volatility => "VOLATILITY",
            Check::NotTradable => "NOT_TRADABLE",
            Check::NoMark => "NO_MARK",
            Check::Window => "WINDOW",
            Check::QuoteMissing => "QUOTE_MISSING",
            Check::QuoteStale => "QUOTE_STALE",
            Check::QuoteNotLive => "QUOTE_NOT_LIVE",
            Check::QuoteOneSided => "QUOTE_ONE_SIDED",
            Check::Collar => "COLLAR",
            Check::Quantity => "QUANTITY",
            Check::Turnover => "TURNOVER",
            Check::Gross => "GROSS",
            Check::Net => "NET",
            Check::MinimumTrade => "MINIMUM_TRADE",
            Check::PairLeg => "PAIR_LEG",
            Check::NoHedge => "NO_HEDGE",
            Check::Quarantine => "QUARANTINE",
            Check::UnhedgedCurrency => "UNHEDGED_CURRENCY",
            Check::NoList => "NO_LIST",
            Check::RollDeadline => "ROLL_DEADLINE",
            Check::NoBorrow => "NO_BORROW",
            Check::LegTooSmall => "LEG_TOO_SMALL",
            Check::Account => "ACCOUNT",
            Check::Restricted => "RESTRICTED",
            Check::VenueHours => "VENUE_HOURS",
            Check::Maintenance => "MAINTENANCE",
            Check::AuctionCutoff => "AUCTION_CUTOFF",
            Check::OrderValue => "ORDER_VALUE",
            Check::Adv => "ADV",
            Check::Position => "POSITION",
            Check::Margin => "MARGIN",
            Check::Throttle => "THROTTLE",
            Check::Messages => "MESSAGES",
            Check::PlanPrice => "PLAN_PRICE",
            Check::NetRises => "NET_RISES",
        }
    }
}

/// The checks one row of the plan failed, as bits; no bit means it may go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Verdict(u64);

impl Verdict {
    /// Adds a failed check.
    #[inline]
    pub fn fail(&mut self, check: Check) {
        self.0 |= 1 << check as u64;
    }

    /// One for every check that failed.
    #[inline]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// True when no check failed.
    #[inline]
    pub fn passes(self) -> bool {
        self.0 == 0
    }

    /// The failed checks in order.
    pub fn failed(self) -> impl Iterator<Item = Check> {
        Check::ALL.into_iter().filter(move |&check| self.0 & (1 << check as u64) != 0)
    }
}

/// One reason why something may not go out, or not in full.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which check.
    pub check: Check,
    /// Which contract; `None` for the whole basket.
    pub contract: Option<ContractId>,
    /// The limit, in the check's unit.
    pub limit: f64,
    /// The value that met it.
    pub value: f64,
}

impl Refusal {
    /// What happened, what it means, what happens next.
    pub fn sentence(&self, universe: &Universe) -> String {
        let who = self.contract.map_or("the basket", |c| universe.contract(c).name.as_str());
        let (limit, value) = (self.limit, self.value);
        match self.check {
            Check::Mode => {
                format!("{who}: the operating mode does not permit this order; the step that stopped the day says why")
            }
            Check::Reconciliation => {
                format!(
                    "{who}: our quantity differs from the broker's, so it is frozen; compare both sides in the report"
                )
            }
            Check::FxRate => format!("{who}: its currency has no valid rate, so it takes no new risk"),
            Check::Volatility => format!("{who}: there is no volatility estimate, so no risk is added"),
            Check::NotTradable => format!("{who}: a reference instrument, quoted and never traded"),
            Check::NoMark => format!("{who}: no price to size the order with"),
            Check::Window => format!("{who}: its venue has no execution window now; it is tried again in the next one"),
            Check::QuoteMissing => format!("{who}: no quote arrived"),
            Check::QuoteStale => format!("{who}: the quote is {value:.0} s old, the limit is {limit:.0} s"),
            Check::QuoteNotLive => format!("{who}: the quote is frozen or delayed and may not price an order"),
            Check::QuoteOneSided => format!("{who}: bid or ask is missing, or they cross"),
            Check::Collar => format!("{who}: no price collar is configured for its asset class"),
            Check::Quantity => format!("{who}: nothing to trade"),
            Check::Turnover => format!(
                "{who}: increases of {:.1} % of NAV are wanted, {:.1} % fit under today's turnover limit; the rest carries over: \
                 {} days at this rate",
                value * 100.0,
                limit * 100.0,
                libm::ceil(value / limit)
            ),
            Check::Gross => {
                format!(
                    "{who}: worst-case gross {value:.3} × NAV would pass the cap of {limit:.3}; increases are cut to fit"
                )
            }
            Check::Net => {
                format!(
                    "{who}: worst-case net {value:.3} × NAV would pass the cap of {limit:.3}; increases are cut to fit"
                )
            }
            Check::NoHedge => format!(
                "{who}: {value:.0} of currency exposure in base currency should be hedged, but no contract can be traded; \
                 the hedge stays as it is"
            ),
            Check::Quarantine => format!(
                "{who}: its price is not believed, so it takes no new risk; it is valued at the last good mark until the price is \
                 confirmed"
            ),
            Check::UnhedgedCurrency => format!(
                "{who}: its currency has no hedge contract and an exposure above {:.2} % of NAV, so it takes no new risk; convert \
                 the currency at spot or name a future under `fx.hedges`",
                limit * 100.0
            ),
            Check::NoList => format!(
                "{who}: the screen of its sleeve has failed for too long, so nothing is added; `screen` shows what is missing"
            ),
            Check::RollDeadline => format!(
                "{who}: past its deadline, and it cannot be closed today; close it by hand before the broker does, or it is \
                 delivered or settled"
            ),
            Check::NoBorrow => format!(
                "{who}: {value:.0} shares are wanted short and {limit:.0} can be borrowed; the rest is sold as its proxy future, or \
                 the long side gives way too"
            ),
            Check::LegTooSmall => {
                "one side of a sleeve is smaller than a lot, so the sleeve holds neither: it needs more NAV".to_owned()
            }
            Check::Account => format!(
                "{who}: the account at the broker is not the one this mode trades; nothing is sent until `mode` and \
                 `broker.account` agree with it"
            ),
            Check::Restricted => {
                format!("{who}: it is on the restricted list of the settings, so it takes no new risk")
            }
            Check::VenueHours => format!(
                "{who}: the broker's trading hours contradict our calendar, so its venue counts as closed today; compare both in the report"
            ),
            Check::Maintenance => format!(
                "{who}: broker or gateway are away or about to be; it is tried again in {:.0} min",
                (value / 60.0).ceil()
            ),
            Check::AuctionCutoff => format!("{who}: its closing auction takes no more orders today"),
            Check::OrderValue => format!(
                "{who}: the smallest order of it is {:.2} % of NAV, the largest allowed is {:.2} %",
                value * 100.0,
                limit * 100.0
            ),
            Check::Adv if value == 0.0 => {
                format!("{who}: how much of it trades on an average day is not known, so it takes no new risk")
            }
            Check::Adv => format!(
                "{who}: the order is {:.2} % of what trades on an average day, the limit is {:.2} %; the rest waits",
                value * 100.0,
                limit * 100.0
            ),
            Check::Position => format!(
                "{who}: with everything that may still be executed the position would be {value:.3} × NAV, the limit is {limit:.3}; \
                 the increase waits"
            ),
            Check::Margin if (limit, value) == (0.0, 0.0) => {
                format!("{who}: the broker would refuse an order that adds to it, so nothing is added")
            }
            Check::Margin if value == 0.0 => {
                format!("{who}: the broker tells of no excess liquidity, so no risk is added")
            }
            Check::Margin => format!(
                "{who}: excess liquidity would be {:.1} % of NAV, the least allowed is {:.1} %; what does not fit waits",
                value * 100.0,
                limit * 100.0
            ),
            Check::Throttle => format!(
                "{who}: more orders of one side would leave in a day than are allowed; none go out until a person resumes"
            ),
            Check::Messages => {
                format!(
                    "{who}: {value:.0} messages were sent in the last second, {limit:.0} are allowed; it is tried again"
                )
            }
            Check::PlanPrice if limit == 0.0 => format!(
                "{who}: it is offered {:.2} % above the most that its premium was planned to pay; nothing is bought unless it \
                 comes back",
                value * 100.0
            ),
            Check::PlanPrice => format!(
                "{who}: its price is {:.2} % from the one it was planned and approved at, the limit is {:.2} %; no risk is added \
                 unless it comes back",
                value * 100.0,
                limit * 100.0
            ),
            Check::NetRises => format!(
                "{who}: today only what reduces the book goes, and with nothing to answer it this reduction would raise the net \
                 exposure, so all or part of it waits for the other side or for `resume`"
            ),
            Check::PairLeg => format!("{who}: the other leg of its pair cannot trade, so this one waits"),
            Check::MinimumTrade => {
                format!("{who}: what is left to trade today is below the smallest trade of {limit:.0} in base currency")
            }
        }
    }
}
