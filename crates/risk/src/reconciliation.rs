//! Our books against the broker's facts, layer by layer.
//!
//! In: ledger, the broker's positions, cash and net liquidation value. Out: named breaks and a status.
//! Invariant: a missing, absurd or foreign answer is an emergency, never agreement; nothing here
//! changes the books to make them agree.

use crate::Mode;
use domain::{BaseMoney, ContractId, Currency, FxRates, Ledger, PerContract, PerCurrency, Quantity};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Tolerances of the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconciliationPolicy {
    /// NAV against NLV: worth a warning, as a fraction.
    pub warn: f64,
    /// NAV against NLV: HALT above this fraction.
    pub halt: f64,
    /// NAV against NLV: EMERGENCY above this fraction.
    pub emergency: f64,
    /// Cash per currency: absolute tolerance in base currency.
    pub cash_absolute: Decimal,
    /// Cash per currency: or this fraction of NAV, whichever is larger.
    pub cash_fraction: f64,
}

/// Cash of one currency at the broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerCash {
    /// The currency.
    pub currency: Currency,
    /// Cash with the futures profit that is not settled yet: whether a settlement has happened meanwhile
    /// makes no difference to it.
    pub with_unsettled: Decimal,
}

/// What the broker says the account holds and is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerFacts {
    /// Base currency of the account.
    pub base: Currency,
    /// Net liquidation value, in base currency.
    pub net_liquidation: Decimal,
    /// Cash rows.
    pub cash: Vec<BrokerCash>,
    /// Quantities of our contracts.
    pub quantities: PerContract<Quantity>,
    /// Names of positions outside our universe.
    pub foreign: Vec<String>,
}

/// One difference, with both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Break {
    /// A contract's quantity differs: it is frozen.
    Quantity {
        /// Which.
        contract: ContractId,
        /// Our ledger.
        ours: Quantity,
        /// The broker.
        theirs: Quantity,
    },
    /// A position we know nothing of.
    Foreign {
        /// The broker's name for it.
        symbol: String,
    },
    /// Cash of a currency differs beyond tolerance.
    Cash {
        /// Which.
        currency: Currency,
        /// Our ledger.
        ours: Decimal,
        /// The broker.
        theirs: Decimal,
    },
    /// NAV on the broker's marks differs from NLV beyond the warning line.
    NetLiquidation {
        /// Our NAV.
        nav: BaseMoney,
        /// The broker's NLV.
        nlv: BaseMoney,
    },
    /// NLV is missing, zero, negative or in another currency.
    Unusable {
        /// What came instead.
        found: String,
    },
}

/// How far the books may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Everything within tolerance.
    Pass,
    /// NAV differs a little, or single contracts are frozen.
    Warn,
    /// No new orders until a person has looked.
    Halt,
    /// The account is not what we think it is.
    Emergency,
}

/// The result of one reconciliation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The worst layer.
    pub status: Status,
    /// NAV − NLV in basis points of NLV; `None` when NLV is unusable.
    pub difference_bp: Option<f64>,
    /// Every difference found.
    pub breaks: Vec<Break>,
}

impl Reconciliation {
    /// The mode this result asks for.
    pub fn mode(&self) -> Mode {
        match self.status {
            Status::Pass | Status::Warn => Mode::Normal,
            Status::Halt => Mode::CancelOnly,
            Status::Emergency => Mode::Frozen,
        }
    }

    /// Contracts that must not be traded.
    pub fn frozen(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.breaks.iter().filter_map(|b| match b {
            Break::Quantity { contract, .. } => Some(*contract),
            _ => None,
        })
    }
}

/// Compares the books with the broker.
///
/// `nav` is our ledger on the broker's marks and rates, `None` when it could not be valued; `unsettled`
/// the profit of its futures that is not in cash yet.
pub fn reconcile(
    ledger: &Ledger,
    nav: Option<BaseMoney>,
    broker: &BrokerFacts,
    unsettled: &PerCurrency<Decimal>,
    fx: &FxRates,
    policy: &ReconciliationPolicy,
) -> Reconciliation {
    let mut breaks = quantity_breaks(ledger, broker);
    let mut status = if breaks.is_empty() { Status::Pass } else { Status::Warn };
    if broker.base != fx.base() || broker.net_liquidation <= Decimal::ZERO {
        breaks.push(Break::Unusable { found: format!("{} {}", broker.net_liquidation, broker.base) });
        return Reconciliation { status: Status::Emergency, difference_bp: None, breaks };
    }
    let nlv = BaseMoney::new(broker.net_liquidation);
    let Some(nav) = nav else {
        breaks.push(Break::Unusable { found: "our own NAV could not be computed".into() });
        return Reconciliation { status: Status::Halt, difference_bp: None, breaks };
    };
    let cash = cash_breaks(ledger, broker, unsettled, fx, nlv, policy);
    if !cash.is_empty() {
        status = status.max(Status::Halt);
        breaks.extend(cash);
    }
    let difference = (nav - nlv).to_f64() / nlv.to_f64();
    let of_nav = match difference.abs() {
        d if d > policy.emergency => Status::Emergency,
        d if d > policy.halt => Status::Halt,
        d if d > policy.warn => Status::Warn,
        _ => Status::Pass,
    };
    if of_nav > Status::Pass {
        breaks.push(Break::NetLiquidation { nav, nlv });
    }
    Reconciliation { status: status.max(of_nav), difference_bp: Some(difference * 10_000.0), breaks }
}

fn quantity_breaks(ledger: &Ledger, broker: &BrokerFacts) -> Vec<Break> {
    let ours = ledger.quantities().iter();
    let quantities = ours.filter_map(|(contract, &ours)| {
        let theirs = broker.quantities[contract];
        (ours != theirs).then_some(Break::Quantity { contract, ours, theirs })
    });
    let foreign = broker.foreign.iter().map(|symbol| Break::Foreign { symbol: symbol.clone() });
    quantities.chain(foreign).collect()
}

fn cash_breaks(
    ledger: &Ledger,
    broker: &BrokerFacts,
    unsettled: &PerCurrency<Decimal>,
    fx: &FxRates,
    nlv: BaseMoney,
    policy: &ReconciliationPolicy,
) -> Vec<Break> {
    let of_nav = Decimal::from_f64_retain(nlv.to_f64().abs() * policy.cash_fraction).unwrap_or_default();
    let tolerance = policy.cash_absolute.max(of_nav);
    let theirs =
        |currency| broker.cash.iter().find(|c| c.currency == currency).map_or(Decimal::ZERO, |c| c.with_unsettled);
    let ours = |currency| ledger.cash(currency) + unsettled[currency];
    let differs = |currency: &Currency| {
        let difference = (ours(*currency) - theirs(*currency)).abs();
        // Without a rate the size of the difference is unknown, and an unknown difference is a break.
        let within = fx.rate(*currency, fx.base()).is_ok_and(|rate| difference * rate <= tolerance);
        !difference.is_zero() && !within
    };
    let pairs = Currency::ALL.into_iter().filter(differs);
    pairs.map(|currency| Break::Cash { currency, ours: ours(currency), theirs: theirs(currency) }).collect()
}
