//! Sleeves in `settings.yaml`: the kinds a sub-strategy can be.
//!
//! In: YAML. Out: plain values. Invariant: after validation the shares of a sleeve add up to 1, half by half where it
//! has two, and name only what a sleeve can hold.

use super::hedges::TailHedge;
use super::instruments::Instruments;
use super::rules::{adds_up, differs_from, finite, holdable, holdable_basket, holdable_members, plain_name};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One sub-strategy and its share of the risk budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[garde(context(Instruments))]
pub enum Sleeve {
    /// Half long one instrument, half short another.
    Pair {
        /// Share of the risk budget.
        #[garde(range(min = 0.0, max = 1.0), custom(finite))]
        weight: f64,
        /// The instrument held long.
        #[garde(custom(holdable))]
        long: String,
        /// The instrument held short.
        #[garde(custom(holdable), custom(differs_from(long)))]
        short: String,
    },
    /// Half long one basket, half short another.
    LongShortBaskets {
        /// Share of the risk budget.
        #[garde(range(min = 0.0, max = 1.0), custom(finite))]
        weight: f64,
        /// Held long: a list for equal shares, or instruments with their shares of this half.
        #[garde(custom(holdable_basket))]
        long: Basket,
        /// Held short, likewise.
        #[garde(custom(holdable_basket))]
        short: Basket,
    },
    /// Half long the best stocks of one universe, half short the worst of another.
    FactorScreen(#[garde(dive)] Box<FactorScreen>),
    /// Long a fixed list.
    WeightedBasket {
        /// Share of the risk budget.
        #[garde(range(min = 0.0, max = 1.0), custom(finite))]
        weight: f64,
        /// Instruments with their shares of the sleeve, adding up to 1.
        #[garde(custom(holdable_members))]
        members: BTreeMap<String, f64>,
    },
    /// Options against a fall, bought from a budget of premium.
    TailHedge(#[garde(dive)] Box<TailHedge>),
    /// Free cash that is never invested.
    Cash {
        /// Share of the risk budget.
        #[garde(range(min = 0.0, max = 1.0), custom(finite))]
        weight: f64,
    },
    /// A named share of the budget that holds nothing.
    NotConfigured {
        /// Share of the risk budget.
        #[garde(range(min = 0.0, max = 1.0), custom(finite))]
        weight: f64,
    },
}

impl Sleeve {
    /// Share of the risk budget.
    pub fn weight(&self) -> f64 {
        match self {
            Sleeve::FactorScreen(screen) => screen.weight,
            Sleeve::TailHedge(hedge) => hedge.weight,
            Sleeve::Pair { weight, .. }
            | Sleeve::LongShortBaskets { weight, .. }
            | Sleeve::WeightedBasket { weight, .. }
            | Sleeve::Cash { weight }
            | Sleeve::NotConfigured { weight } => *weight,
        }
    }

    /// Its hedges, if it buys any.
    pub fn tail_hedge(&self) -> Option<&TailHedge> {
        if let Sleeve::TailHedge(hedge) = self { Some(hedge) } else { None }
    }

    /// Its screen, if it has one.
    pub fn screen(&self) -> Option<&FactorScreen> {
        if let Sleeve::FactorScreen(screen) = self { Some(screen) } else { None }
    }
}

/// One half of a sleeve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Basket {
    /// Equal shares.
    Equal(Vec<String>),
    /// Shares that add up to 1.
    Weighted(BTreeMap<String, f64>),
}

impl Basket {
    /// Members with their shares.
    pub fn shares(&self) -> Vec<(&str, f64)> {
        match self {
            Basket::Equal(names) => names.iter().map(|name| (name.as_str(), 1.0 / names.len() as f64)).collect(),
            Basket::Weighted(members) => members.iter().map(|(name, share)| (name.as_str(), *share)).collect(),
        }
    }
}

/// How a `factor_screen` chooses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct FactorScreen {
    /// Share of the risk budget.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub weight: f64,
    /// Stocks that may be bought.
    #[garde(dive)]
    pub long: ScreenSide<LongFactor>,
    /// Stocks that may be sold short.
    #[garde(dive)]
    pub short: ScreenSide<ShortFactor>,
    /// Most names a side holds; never more than a third of the eligible.
    #[garde(range(min = 1, max = 100))]
    pub top_n: u32,
    /// Values beyond this quantile, at either end, count as the quantile.
    #[garde(range(min = 0.0, max = 0.25), custom(finite))]
    pub winsor_tail: f64,
    /// Fewest stocks of a side that must be comparable.
    #[garde(range(min = 3, max = 1000))]
    pub min_universe: u32,
    /// Smallest total weight of the factors a stock must have.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub min_factor_weight: f64,
    /// Sectors of the `sector` factor, as the universe files spell them.
    #[garde(skip)]
    pub sectors: Vec<String>,
    /// How often the list is made anew.
    #[garde(skip)]
    pub rescreen: Rescreen,
    /// Where the figures come from: `simulated`, or the folder of a catalogue.
    #[garde(length(min = 1))]
    pub fundamentals: String,
    /// Business days the last good list is used when a screen fails.
    #[garde(range(max = 60))]
    pub last_good_days: u32,
    /// Whether `fallback` may be held after that; otherwise nothing is added.
    #[garde(skip)]
    pub allow_fallback: bool,
    /// What is held then.
    #[garde(dive)]
    pub fallback: Option<Fallback>,
}

/// One side of a screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct ScreenSide<F: Ord> {
    /// File of candidates: `universe/NAME.csv` beside the settings, else the one built in.
    #[garde(custom(plain_name))]
    pub universe: String,
    /// Weights of the factors, adding up to 1.
    #[garde(custom(adds_up))]
    pub factors: BTreeMap<F, f64>,
}

/// What speaks for buying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LongFactor {
    /// Profitable, little debt, stable.
    Quality,
    /// Rose over the last year.
    Momentum,
    /// Large.
    Size,
}

/// What speaks for selling short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShortFactor {
    /// Lives on borrowed money.
    Zombie,
    /// Fell over the last year and is below its mean.
    Weakness,
    /// In a listed sector.
    Sector,
}

/// What is held when no screen succeeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Fallback {
    /// Held long.
    #[garde(custom(holdable_basket))]
    pub long: Basket,
    /// Held short.
    #[garde(custom(holdable_basket))]
    pub short: Basket,
}

/// How often a list is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rescreen {
    /// On the first trade date of a month.
    Monthly,
    /// On the first trade date of a week.
    Weekly,
    /// On every trade date.
    Daily,
}

#[cfg(test)]
mod tests;
