//! The day's basket as a whole: turnover and worst-case exposure before anything is sent.
//!
//! In: held and wanted values per contract. Out: how much of the increases fits today, and caps that
//! would break. Invariant: every order counts at its worst: only the ones that hurt are filled.

use super::{Check, GatePolicy, Refusal};
use domain::{ContractId, Currency, PerCurrency};
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
    pub fn no_increase(&self, contract: ContractId) -> Option<Check> {
        self.no_increase.iter().find(|withheld| withheld.contract == contract).map(|withheld| withheld.check)
    }

    /// The rate of a currency that has already been checked.
    pub(super) fn rate_to_base(&self, currency: Currency) -> f64 {
        self.rates[currency].expect("an order without a valid rate was refused when it was sized")
    }
}

/// Sums over the basket, in base currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Basket {
    increases: f64,
    worst_long: f64,
    worst_short: f64,
    worst_gross: f64,
}

impl Basket {
    /// Adds one contract: its signed notional now and after the order.
    #[inline]
    pub fn add(&mut self, held: f64, wanted: f64) {
        self.worst_gross += held.abs().max(wanted.abs());
        self.worst_long += held.max(wanted);
        self.worst_short += held.min(wanted);
    }

    /// Adds the part of an order that raises risk.
    #[inline]
    pub fn add_increase(&mut self, notional: f64) {
        self.increases += notional.abs();
    }

    /// The share of all increases that fits under the turnover limit, and the refusal of the rest.
    pub fn turnover_share(&self, nav: f64, policy: &GatePolicy) -> (f64, Option<Refusal>) {
        let (limit, wanted) = (policy.turnover_max * nav, self.increases);
        if nav <= 0.0 {
            return (0.0, None); // nothing is increased against a NAV nobody knows
        }
        if wanted <= limit {
            return (1.0, None);
        }
        let refusal =
            Refusal { check: Check::Turnover, contract: None, limit: policy.turnover_max, value: wanted / nav };
        (limit / wanted, Some(refusal))
    }

    /// What the caps leave for one more position, long for a positive sign, beside the worst case; never negative.
    pub fn room(&self, sign: i64, nav: f64, policy: &GatePolicy) -> f64 {
        let side = if sign < 0 { -self.worst_short } else { self.worst_long };
        (policy.gross_max * nav - self.worst_gross).min(policy.net_max * nav - side).max(0.0)
    }

    /// Caps that the worst case of the basket would break.
    pub fn cap_refusals(&self, nav: f64, policy: &GatePolicy) -> impl Iterator<Item = Refusal> {
        let known = nav > 0.0;
        let net = self.worst_long.abs().max(self.worst_short.abs()) / nav;
        let gross = self.worst_gross / nav;
        let cap =
            |check, limit, value| (known && value > limit).then_some(Refusal { check, contract: None, limit, value });
        cap(Check::Gross, policy.gross_max, gross).into_iter().chain(cap(Check::Net, policy.net_max, net))
    }
}
