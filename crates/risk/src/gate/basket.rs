//! The day's basket as a whole: turnover and worst-case exposure before anything is sent.
//!
//! In: held values, reductions and increases per contract. Out: the share of the increases that fits today, and what
//! cut it. Invariant: every order counts at its worst, as if only the ones that hurt were filled; a reduction is never cut.

use super::{Check, GatePolicy, Refusal};
use domain::{ContractId, Currency, PerCurrency, Price, Side};
use serde::{Deserialize, Serialize};

/// Facts of the day that hold for every order of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayFacts {
    /// Net asset value in base currency.
    pub nav: f64,
    /// Units of base for one unit of each currency; `None` when invalid.
    pub rates: PerCurrency<Option<f64>>,
    /// Contracts frozen by a quantity break.
    pub frozen: Vec<ContractId>,
    /// Contracts that take no new risk, with the check that says so: price, rate or hedge cannot be relied on.
    pub no_increase: Vec<Withheld>,
    /// Highest prices that purchases out of a budget may be made at: more was not set aside.
    #[serde(default)]
    pub price_max: Vec<PriceMax>,
}

/// The highest price a contract may be bought at today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceMax {
    /// Which.
    pub contract: ContractId,
    /// At most this.
    pub price: Price,
}

/// A contract that takes no new risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// Which.
    pub contract: ContractId,
    /// Why.
    pub check: Check,
}

impl DayFacts {
    /// Why a contract takes no new risk today, if it takes none.
    #[inline]
    pub fn no_increase(&self, contract: ContractId) -> Option<Check> {
        self.no_increase.iter().find(|withheld| withheld.contract == contract).map(|withheld| withheld.check)
    }

    /// The highest price a contract may be bought at today, if there is one.
    #[inline]
    pub fn price_max(&self, contract: ContractId) -> Option<Price> {
        self.price_max.iter().find(|max| max.contract == contract).map(|max| max.price)
    }

    /// The rate of a currency that has already been checked.
    pub fn rate_to_base(&self, currency: Currency) -> f64 {
        self.rates[currency].expect("an order without a valid rate was refused when it was sized")
    }
}

/// Sums over the basket, in base currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Basket {
    increases: f64,
    /// What the account may lose before the broker liquidates, and what the increases would take of it.
    excess: f64,
    needed: f64,
    gross: f64,
    gross_more: f64,
    /// Net after the buys that reduce, and what increases buy on top.
    long: Worst,
    /// Net after the sales that reduce, and what increases sell on top; both turned positive.
    short: Worst,
}

/// Net exposure on one side: what is there whatever happens, and what increases add.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Worst {
    before: f64,
    more: f64,
}

/// A limit on the whole basket; values in base currency, the limit as a multiple of NAV.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Which.
    pub check: Check,
    /// Most of NAV.
    pub limit: f64,
    /// What there is without increases.
    pub before: f64,
    /// What they add.
    pub more: f64,
    /// The side it is about.
    pub side: Option<Side>,
}

/// How much of the increases fits, and every limit that cut them.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Share of every increase that buys, from 0 to 1.
    pub buys: f64,
    /// Share of every increase that sells, from 0 to 1.
    pub sells: f64,
    /// Share of every increase that no cap on exposure counts, from 0 to 1.
    pub apart: f64,
    /// The limit that cuts most.
    pub bound: Option<Check>,
    /// One refusal for each limit that is in the way.
    pub refusals: Vec<Refusal>,
}

impl Fit {
    /// The share of an increase on one side.
    pub fn share_of(&self, side: Option<Side>) -> f64 {
        if side == Some(Side::Sell) { self.sells } else { self.buys }
    }
}

impl Basket {
    /// Adds contracts without orders: their signed notionals.
    #[inline]
    pub fn hold(&mut self, held: impl IntoIterator<Item = f64>) {
        let (mut gross, mut net) = (0.0, 0.0);
        held.into_iter().for_each(|held| {
            gross += held.abs();
            net += held;
        });
        self.gross += gross;
        self.long.before += net;
        self.short.before -= net;
    }

    /// Adds one contract: its signed notional, and the reducing and the increasing part of its order.
    #[inline]
    pub fn add(&mut self, held: f64, reduce: f64, increase: f64) {
        self.increases += increase.abs();
        self.gross += held.abs();
        self.gross_more += ((held + reduce + increase).abs() - held.abs()).max(0.0);
        self.long.before += held + reduce.max(0.0);
        self.long.more += increase.max(0.0);
        self.short.before -= held + reduce.min(0.0);
        self.short.more -= increase.min(0.0);
    }

    /// Adds what is traded of a contract whose exposure is capped elsewhere: it counts as turnover.
    pub fn trade(&mut self, increase: f64) {
        self.increases += increase.abs();
    }

    /// Tells of the broker's margin: what is free of it, and what all increases together would take.
    pub fn margin(&mut self, excess: f64, needed: f64) {
        (self.excess, self.needed) = (excess, needed);
    }

    /// The limits of a day, with what the basket comes to before its increases and what they add.
    pub fn limits(&self, policy: &GatePolicy) -> [Limit; 4] {
        let limit = |check, limit, before, more, side| Limit { check, limit, before, more, side };
        let net = |side: Worst, of: Side| limit(Check::Net, policy.net_max, side.before, side.more, Some(of));
        [
            limit(Check::Turnover, policy.turnover_max, 0.0, self.increases, None),
            limit(Check::Gross, policy.gross_max, self.gross, self.gross_more, None),
            net(self.long, Side::Buy),
            net(self.short, Side::Sell),
        ]
    }

    /// The share of all increases under turnover and caps. Reductions take from none of them. Turnover, margin and the gross cap
    /// cut every increase alike, so a pair keeps its proportion; the net cap cuts the side it is about, and the other, which
    /// brings the net back, does not wait for it: else a book whose long and short sides are nearly equal would come to its
    /// target in ever smaller steps.
    pub fn fit(&self, nav: f64, policy: &GatePolicy) -> Fit {
        let mut fit = Fit { buys: 1.0, sells: 1.0, apart: 1.0, bound: None, refusals: Vec::new() };
        if nav <= 0.0 {
            (fit.buys, fit.sells, fit.apart) = (0.0, 0.0, 0.0); // nothing is increased against a NAV nobody knows
            return fit;
        }
        let free = policy.margin_for_increases(self.excess, nav);
        if self.needed > free {
            let share = free / self.needed;
            (fit.buys, fit.sells, fit.apart, fit.bound) = (share, share, share, Some(Check::Margin));
            let (limit, value) = (policy.excess_planned(), (self.excess - self.needed) / nav);
            fit.refusals.push(Refusal { check: Check::Margin, contract: None, limit, value });
        }
        for Limit { check, limit, before, more, side } in self.limits(policy) {
            if before + more > limit * nav && more > 0.0 {
                let share = ((limit * nav - before) / more).max(0.0);
                if share < fit.buys.min(fit.sells) {
                    fit.bound = Some(check);
                }
                if check == Check::Turnover {
                    fit.apart = fit.apart.min(share);
                }
                if side != Some(Side::Sell) {
                    fit.buys = fit.buys.min(share);
                }
                if side != Some(Side::Buy) {
                    fit.sells = fit.sells.min(share);
                }
                let refusal = Refusal { check, contract: None, limit, value: (before + more) / nav };
                match fit.refusals.last_mut().filter(|last| last.check == check) {
                    Some(other) => other.value = other.value.max(refusal.value),
                    None => fit.refusals.push(refusal),
                }
            }
        }
        fit
    }

    /// What the caps leave for one more position, long for a positive sign, beside the worst case; never negative.
    pub fn room(&self, sign: i64, nav: f64, policy: &GatePolicy) -> f64 {
        let side = if sign < 0 { self.short } else { self.long };
        let gross = policy.gross_max * nav - self.gross - self.gross_more;
        gross.min(policy.net_max * nav - side.before - side.more).max(0.0)
    }
}
