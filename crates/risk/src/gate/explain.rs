//! The gate as a table: every check, whom it concerns, the limit in force and what it does.
//!
//! In: a policy. Out: rows for people. Invariant: a row per check, none left out; limits are read from the policy the gate
//! itself reads.

use super::{Check, GatePolicy};
use domain::{AssetClass, Universe};
use serde::Serialize;

/// Which orders a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concerns {
    /// Every order.
    Orders,
    /// Orders that add risk.
    Increases,
    /// Rows of the plan, before there is an order.
    Plan,
}

impl Concerns {
    /// As a person reads it.
    pub fn words(self) -> &'static str {
        match self {
            Concerns::Orders => "every order",
            Concerns::Increases => "new risk",
            Concerns::Plan => "the plan",
        }
    }
}

impl Check {
    /// Which orders it is about, and what it does to them.
    pub fn rule(self) -> (Concerns, &'static str) {
        use Concerns::{Increases, Orders, Plan};
        match self {
            Check::Mode => (Orders, "refuses what the mode does not permit"),
            Check::Account => (Orders, "refuses everything while mode and account disagree"),
            Check::Reconciliation => (Orders, "freezes a contract whose quantity differs from the broker's"),
            Check::FxRate => (Increases, "holds back what has no rate to rely on"),
            Check::Volatility => (Plan, "adds no risk without a volatility estimate"),
            Check::Quarantine => (Increases, "holds back what has a price nobody believes"),
            Check::UnhedgedCurrency => (Increases, "holds back a currency without a hedge above its limit"),
            Check::NoList => (Plan, "adds nothing to a sleeve whose screen has failed for too long"),
            Check::Restricted => (Increases, "holds back what is on the restricted list"),
            Check::NotTradable => (Orders, "refuses reference instruments"),
            Check::NoMark => (Plan, "leaves alone what cannot be sized"),
            Check::Window => (Orders, "keeps to the window, clear of the session's first and last minutes"),
            Check::VenueHours => (Orders, "counts a venue as closed that the broker calls closed"),
            Check::AuctionCutoff => (Orders, "lets auction orders out until the venue's cut-off"),
            Check::Maintenance => (Orders, "sends nothing while broker or gateway are away, and near it"),
            Check::QuoteMissing => (Orders, "waits for a quote; an auction for a last trade or close"),
            Check::QuoteStale => (Orders, "waits for a fresh quote"),
            Check::QuoteNotLive => (Orders, "prices nothing from frozen or delayed quotes"),
            Check::QuoteOneSided => (Orders, "waits for a bid and an ask that do not cross"),
            Check::Collar => (Orders, "bounds every limit around the mid at arrival"),
            Check::Quantity => (Orders, "refuses an order for nothing"),
            Check::OrderValue => (Increases, "slices larger orders of any kind; refuses what cannot be sliced"),
            Check::Adv => (Increases, "slices, and makes a larger order wait"),
            Check::Turnover => (Increases, "cuts all increases alike; the rest carries over"),
            Check::Position => (Increases, "makes the increase wait"),
            Check::Gross => (Increases, "cuts increases; working and UNKNOWN orders count in full"),
            Check::Net => (Increases, "cuts increases; working and UNKNOWN orders count in full"),
            Check::Margin => (Increases, "adds no risk below the cushion"),
            Check::Throttle => (Orders, "latches the contract and side until a person resumes"),
            Check::Messages => (Orders, "waits for the next second; cancels go first"),
            Check::PlanPrice => (Increases, "adds no risk at prices far from those the plan was approved at"),
            Check::MinimumTrade => (Plan, "leaves out trades not worth their costs, full exits apart"),
            Check::PairLeg => (Plan, "holds back the other leg of a pair"),
            Check::NetRises => (Plan, "in REDUCE_ONLY cuts reductions that would raise a sleeve's or the book's net"),
            Check::RollDeadline => (Plan, "reports a contract past its deadline that cannot be closed"),
            Check::NoBorrow => (Plan, "sells short no more than can be borrowed"),
            Check::LegTooSmall => (Plan, "holds neither side of a sleeve when one is smaller than a lot"),
            Check::NoHedge => (Plan, "reports exposure that no contract can hedge today"),
        }
    }

    /// The limit in force, as a person reads it; empty where the check is a yes or no.
    pub fn limit(self, policy: &GatePolicy, universe: &Universe) -> String {
        let percent = |share: f64, of: &str| format!("{} % of {of}", round(share * 100.0));
        match self {
            Check::QuoteStale => format!("{} s", policy.quote_age_max_s),
            Check::Collar => collars(policy),
            Check::OrderValue => percent(policy.order_value_max, "NAV"),
            Check::Adv => {
                let [most, slice] = [policy.adv_max, policy.adv_slice].map(|share| round(share * 100.0));
                format!("{most} % of ADV, slices of {slice} %")
            }
            Check::PlanPrice => percent(policy.plan_move_max, "the plan's price"),
            Check::Turnover => percent(policy.turnover_max, "NAV a day"),
            Check::Position => percent(policy.position_max, "NAV"),
            Check::Gross => percent(policy.gross_max, "NAV"),
            Check::Net => percent(policy.net_max, "NAV"),
            Check::Margin => format!("at least {}", percent(policy.excess_liquidity_min, "NAV")),
            Check::Throttle => format!("{} orders a day", policy.orders_per_side_max),
            Check::Messages => format!("{} a second", policy.messages_per_second_max),
            Check::Restricted if policy.restricted.is_empty() => "nothing".into(),
            Check::Restricted => {
                let names = policy.restricted.iter().map(|&id| universe.instrument(id).name.as_str());
                names.collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        }
    }
}

/// Without the noise of binary fractions.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Basis points by class, and the fewest ticks.
fn collars(policy: &GatePolicy) -> String {
    let name = |class: AssetClass| match class {
        AssetClass::EquityEtf => Some("ETF"),
        AssetClass::Stock => Some("STK"),
        AssetClass::EquityIndexFuture => Some("FUT"),
        AssetClass::FxFuture => Some("FX_FUT"),
        _ => None,
    };
    let widths =
        policy.collars.iter().filter_map(|(class, collar)| Some(format!("{} {}", name(*class)?, collar.width.0)));
    let ticks = policy.collars.iter().map(|(_, collar)| collar.ticks_min).min().unwrap_or(0);
    format!("{} bp, {ticks} ticks or more", widths.collect::<Vec<_>>().join(", "))
}
