//! What the broker says of the account, and what it said besides that explains a difference.
//!
//! In: values the adapters already checked. Out: plain data, stored with the day's inputs. Invariant: an answer that
//! did not come is `None`, never zero.

use domain::{AssetClass, BasisPoints, ContractId, Currency, ExecutionId, Money, PerContract, Price, Quantity};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Cause;

/// Tolerances of the layers (specification, section 5).
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
    /// Our mark against the broker's, by asset class; a class without a row has no tolerance.
    pub marks: Vec<(AssetClass, BasisPoints)>,
    /// Whether a HALT ends by itself with the next comparison that passes.
    pub auto_clear: bool,
}

impl ReconciliationPolicy {
    /// How far our mark may be from the broker's.
    pub fn mark_tolerance(&self, class: AssetClass) -> BasisPoints {
        self.marks.iter().find(|(c, _)| *c == class).map_or(BasisPoints(0), |(_, tolerance)| *tolerance)
    }
}

/// Cash of one currency at the broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerCash {
    /// The currency.
    pub currency: Currency,
    /// Cash with the futures profit that is not settled yet: whether a settlement has happened meanwhile
    /// makes no difference to it.
    pub with_unsettled: Decimal,
    /// The part of it that is profit of futures no settlement has paid yet.
    pub unsettled: Decimal,
    /// Interest, fees and dividends the broker counts as owed to us and not paid, negative when owed by us; `None` when
    /// it does not say.
    #[serde(default)]
    pub accrued: Option<Decimal>,
    /// Units of the account's base currency the broker counts for one unit; `None` when it says none.
    pub rate: Option<Decimal>,
}

/// A position in something that is not in our universe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignHolding {
    /// The broker's name for it.
    pub symbol: String,
    /// Signed quantity.
    pub quantity: Quantity,
}

/// What the broker says the account holds and is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerFacts {
    /// Base currency of the account.
    pub base: Currency,
    /// Net liquidation value in base currency; `None` when the answer had none.
    pub net_liquidation: Option<Decimal>,
    /// Cash rows.
    pub cash: Vec<BrokerCash>,
    /// Quantities of our contracts.
    pub quantities: PerContract<Quantity>,
    /// The prices it values them at.
    pub marks: PerContract<Option<Price>>,
    /// Positions outside our universe.
    pub foreign: Vec<ForeignHolding>,
    /// Σ |market value| of its securities in base currency, futures apart, when it states one.
    pub gross_position_value: Option<Decimal>,
    /// What else it said.
    pub evidence: Evidence,
}

impl BrokerFacts {
    /// The cash row of a currency.
    pub(super) fn cash_row(&self, currency: Currency) -> Option<&BrokerCash> {
        self.cash.iter().find(|row| row.currency == currency)
    }

    /// True when the answer lists no position at all.
    pub(super) fn lists_nothing(&self) -> bool {
        self.foreign.is_empty() && self.quantities.as_slice().iter().all(|quantity| quantity.is_zero())
    }
}

/// Facts that are not in our books and may be why the two sides differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Executions the broker lists that are not booked.
    pub executions: Vec<ListedExecution>,
    /// Charges of booked executions that are not booked.
    pub charges: Vec<ListedCharge>,
    /// Our orders that ended with more filled than the executions we booked for them.
    pub orders: Vec<ShortOrder>,
    /// Lines of the activity statement that are not booked.
    pub statement: Vec<StatementEntry>,
    /// Contracts whose unit or terms the two sides state differently, in words.
    #[serde(default)]
    pub disputes: Vec<Dispute>,
    /// Rows of cash the broker keeps beside the cash row: sweep accounts, money-market funds.
    pub sweeps: Vec<Money>,
}

/// A contract whose prices mean nothing until a person has looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Which.
    pub contract: ContractId,
    /// The field and both sides.
    pub what: String,
}

/// Whose an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An order of ours that the journal holds.
    OurOrder,
    /// No reference of ours: the owner, the broker, another program.
    External,
    /// No reference of ours; it buys back borrowed shares, and the statement of its day has not come.
    PerhapsBuyIn,
    /// Our reference on an order the journal does not hold: another engine may trade this account.
    UnknownReference,
}

impl Origin {
    /// Why the books and the broker differ by such an execution.
    pub(super) fn cause(self) -> Cause {
        match self {
            Origin::OurOrder => Cause::UnsettledFill,
            Origin::External => Cause::ExternalTrade,
            Origin::PerhapsBuyIn => Cause::BuyIn,
            Origin::UnknownReference => Cause::Unknown,
        }
    }
}

/// An execution the broker lists and the books do not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListedExecution {
    /// The broker's identity of it.
    pub id: ExecutionId,
    /// What was traded; `None` outside our universe.
    pub contract: Option<ContractId>,
    /// Its name.
    pub symbol: String,
    /// Whose it is.
    pub origin: Origin,
    /// Signed change of the position.
    pub quantity: Quantity,
    /// Major currency units.
    pub price: Price,
    /// What it cost, when reported.
    pub commission: Option<Money>,
}

/// A charge of a booked execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListedCharge {
    /// The execution.
    pub id: ExecutionId,
    /// What was paid, positive.
    pub amount: Money,
}

/// An order of ours whose fills are not all booked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShortOrder {
    /// Its reference.
    pub order: String,
    /// What it trades.
    pub contract: ContractId,
    /// Signed quantity the broker calls filled.
    pub filled: Quantity,
    /// Signed quantity of the executions we booked for it.
    pub booked: Quantity,
}

/// What one line of an activity statement did to the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementEntry {
    /// The broker's transaction id.
    pub id: String,
    /// The contract it concerns, when it is one of ours.
    pub contract: Option<ContractId>,
    /// Its name for people, empty when it concerns none.
    pub symbol: String,
    /// What it is.
    pub cause: Cause,
    /// Changes of cash, signed as received.
    pub cash: Vec<Money>,
    /// Change of what is owed and not paid, positive when more is owed to us.
    pub accrued: Option<Money>,
    /// Signed change of the position.
    pub quantity: Quantity,
    /// New shares for old ones.
    pub split: Option<(u32, u32)>,
}

impl StatementEntry {
    /// A line that moved cash and nothing else.
    pub fn cash(id: &str, cause: Cause, contract: Option<ContractId>, symbol: &str, amount: Money) -> StatementEntry {
        StatementEntry {
            id: id.to_owned(),
            contract,
            symbol: symbol.to_owned(),
            cause,
            cash: vec![amount],
            accrued: None,
            quantity: Quantity::ZERO,
            split: None,
        }
    }
}
