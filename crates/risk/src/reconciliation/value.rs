//! Both sides in one place, with what the layers and the rules compute from them.
//!
//! In: our side, the broker's, tolerances. Out: values in base currency and figures as people write them. Invariant:
//! what has no mark or no rate has no value; it is never taken at zero or one.

use super::{BrokerFacts, Ours, ReconciliationPolicy};
use domain::money::grouped;
use domain::{BaseMoney, ContractId, Currency, PerContract, PerCurrency, Price, Quantity};
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::{Decimal, RoundingStrategy};

/// Both sides of one comparison.
pub(super) struct Sides<'a> {
    pub(super) ours: &'a Ours<'a>,
    pub(super) broker: &'a BrokerFacts,
    pub(super) policy: &'a ReconciliationPolicy,
    /// The broker's marks, ours where it has none.
    pub(super) marks: PerContract<Option<Price>>,
    /// Profit of our futures on those marks that no settlement has paid.
    pub(super) unsettled: PerCurrency<Decimal>,
    /// Our NAV on those marks, or why there is none.
    pub(super) nav: Result<BaseMoney, String>,
    /// The broker's NLV when it is a positive number of the expected currency.
    pub(super) nlv: Option<BaseMoney>,
}

impl<'a> Sides<'a> {
    pub(super) fn new(ours: &'a Ours<'a>, broker: &'a BrokerFacts, policy: &'a ReconciliationPolicy) -> Sides<'a> {
        let mut marks = ours.marks.clone();
        for (contract, mark) in broker.marks.iter().filter(|(_, mark)| mark.is_some()) {
            marks[contract] = *mark;
        }
        let nlv = broker.net_liquidation.filter(|&nlv| nlv > Decimal::ZERO && broker.base == ours.fx.base());
        let unsettled = ours.ledger.unsettled(&marks, ours.universe);
        let nav = ours.ledger.nav(&marks, ours.fx, ours.universe).map_err(|error| error.to_string());
        Sides { ours, broker, policy, marks, unsettled, nav, nlv: nlv.map(BaseMoney::new) }.without_unit_errors()
    }

    /// A price in the wrong unit that the broker's own NLV does not carry is left out of the comparison.
    fn without_unit_errors(mut self) -> Self {
        let wrong: Vec<ContractId> = self.ours.ledger.held().filter(|&held| self.unit_factor(held).is_some()).collect();
        let (Some(nlv), false) = (self.nlv, wrong.is_empty()) else { return self };
        let mut believed = self.marks.clone();
        wrong.iter().for_each(|&contract| believed[contract] = self.ours.marks[contract]);
        let nav = self.ours.ledger.nav(&believed, self.ours.fx, self.ours.universe).map_err(|error| error.to_string());
        let apart = |nav: &Result<BaseMoney, String>| nav.as_ref().ok().map(|&nav| (nav - nlv).abs());
        if apart(&nav).is_some_and(|believed| apart(&self.nav).is_none_or(|raw| believed < raw)) {
            self.unsettled = self.ours.ledger.unsettled(&believed, self.ours.universe);
            self.marks = believed;
            self.nav = nav;
        }
        self
    }

    /// The factor by which the broker's mark of a contract is in another unit than ours.
    pub(super) fn unit_factor(&self, contract: ContractId) -> Option<Decimal> {
        let (ours, theirs) = (self.ours.marks[contract]?, self.broker.marks[contract]?);
        let multiplier = self.ours.universe.terms(contract).multiplier;
        market::marks::unit_factor(ours, theirs, multiplier)
    }

    pub(super) fn difference_bp(&self) -> Option<f64> {
        let (nav, nlv) = (*self.nav.as_ref().ok()?, self.nlv?);
        Some((nav - nlv).to_f64() / nlv.to_f64() * 10_000.0)
    }

    /// What an amount is worth in base currency at our rates.
    pub(super) fn in_base(&self, amount: Decimal, currency: Currency) -> Option<Decimal> {
        self.ours.fx.rate(currency, self.ours.fx.base()).ok().map(|rate| amount * rate)
    }

    /// Signed value of a quantity at the common mark, in the contract's currency.
    pub(super) fn value(&self, contract: ContractId, quantity: Quantity) -> Option<Decimal> {
        self.marks[contract].map(|mark| quantity.value_at(mark, self.ours.universe.terms(contract).multiplier))
    }

    /// The same in base currency.
    pub(super) fn base_value(&self, contract: ContractId, quantity: Quantity) -> Option<Decimal> {
        self.in_base(self.value(contract, quantity)?, self.ours.universe.terms(contract).currency)
    }

    /// Our cash of a currency with the futures profit no settlement has paid.
    pub(super) fn our_cash(&self, currency: Currency) -> Decimal {
        self.ours.ledger.cash(currency) + self.unsettled[currency]
    }

    /// The broker's, likewise; a currency it has no row for is zero there.
    pub(super) fn their_cash(&self, currency: Currency) -> Decimal {
        self.broker.cash_row(currency).map_or(Decimal::ZERO, |row| row.with_unsettled)
    }

    /// Accepted cash difference in base currency.
    pub(super) fn cash_tolerance(&self) -> Decimal {
        let of_nav = self.nlv.map_or(Decimal::ZERO, |nlv| nlv.amount() * fraction(self.policy.cash_fraction));
        self.policy.cash_absolute.max(of_nav)
    }

    pub(super) fn name(&self, contract: ContractId) -> &str {
        &self.ours.universe.contract(contract).name
    }
}

/// A fraction of the settings as an exact number.
pub(super) fn fraction(value: f64) -> Decimal {
    Decimal::from_f64(value).unwrap_or_default()
}

/// A tolerance in base currency as one of another; `None` without a rate.
pub(super) fn in_currency(base: Decimal, rate: Option<Decimal>) -> Option<Decimal> {
    rate.map(|rate| base / rate)
}

/// An amount of money: two digits, grouped, a minus sign that is one.
pub(super) fn money(amount: Decimal) -> String {
    signed(amount, 2)
}

/// A number with the digits it has, at most eight.
pub(super) fn figure(number: Decimal) -> String {
    let short = number.round_dp_with_strategy(8, RoundingStrategy::MidpointAwayFromZero).normalize();
    signed(short, short.scale())
}

fn signed(number: Decimal, digits: u32) -> String {
    let text = grouped(number, digits);
    text.strip_prefix('-').map_or(text.clone(), |size| format!("−{size}"))
}

/// How far two prices are apart in basis points of the second.
pub(super) fn apart_bp(ours: Price, theirs: Price) -> f64 {
    (ours.to_f64() / theirs.to_f64() - 1.0).abs() * 10_000.0
}

/// A ratio for people.
pub(super) fn ratio(over: Decimal, under: Decimal) -> String {
    (over / under).to_f64().map_or_else(String::new, |ratio| {
        let digits = if ratio.abs() < 1.0 { 4 } else { 2 };
        format!("{ratio:.digits$}")
    })
}
