//! One difference with its causes.
//!
//! In: both sides of an item. Out: a finding that can be stored, adopted by its id and read. Invariant: the parts and
//! the rest add up to the difference; what no rule explains is called unknown.

use domain::{ContractId, Currency, ExecutionId, Universe};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is compared, in the order it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Whether net liquidation is a number of the expected currency at all.
    Account,
    /// Whether the list of positions is whole.
    Reply,
    /// Executions by id.
    Executions,
    /// Quantity per contract, over the union of both sides.
    Quantity,
    /// Cash per currency.
    Cash,
    /// NAV on the broker's marks against net liquidation.
    NetLiquidation,
    /// Our marks against the broker's.
    Marks,
}

impl Layer {
    /// Every layer in order.
    pub const ALL: [Layer; 7] = [
        Layer::Account,
        Layer::Reply,
        Layer::Executions,
        Layer::Quantity,
        Layer::Cash,
        Layer::NetLiquidation,
        Layer::Marks,
    ];

    /// The word ids begin with.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Account => "account",
            Layer::Reply => "reply",
            Layer::Executions => "execution",
            Layer::Quantity => "quantity",
            Layer::Cash => "cash",
            Layer::NetLiquidation => "nav",
            Layer::Marks => "mark",
        }
    }
}

/// What a difference is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum Item {
    /// The account as a whole.
    Account,
    /// The list of positions.
    Positions,
    /// One of our contracts.
    Contract { contract: ContractId },
    /// A position outside our universe.
    Holding { symbol: String },
    /// Cash of a currency.
    Cash { currency: Currency },
    /// An execution; its contract is `None` outside our universe.
    Execution { execution: ExecutionId, contract: Option<ContractId> },
}

impl Item {
    /// The contract it is about, if it is about one of ours.
    pub fn contract(&self) -> Option<ContractId> {
        match self {
            Item::Contract { contract } => Some(*contract),
            Item::Execution { contract, .. } => *contract,
            Item::Account | Item::Positions | Item::Holding { .. } | Item::Cash { .. } => None,
        }
    }

    /// Its name for people and ids.
    pub fn name(&self, universe: &Universe) -> String {
        match self {
            Item::Account => "account".into(),
            Item::Positions => "positions".into(),
            Item::Contract { contract } => universe.contract(*contract).name.clone(),
            Item::Holding { symbol } => symbol.clone(),
            Item::Cash { currency } => currency.to_string(),
            Item::Execution { execution, .. } => execution.to_string(),
        }
    }
}

/// Both sides of one item that are further apart than they may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Break {
    /// Where it was found.
    pub layer: Layer,
    /// What it is about.
    #[serde(flatten)]
    pub item: Item,
    /// Our figure in the layer's unit (shares, currency units, base currency, price); `None` when we have none.
    pub ours: Option<Decimal>,
    /// The broker's figure.
    pub theirs: Option<Decimal>,
    /// Distance that would have been accepted, in the same unit.
    pub tolerance: Decimal,
}

impl Break {
    /// The broker's figure minus ours, a missing one as zero.
    pub fn difference(&self) -> Decimal {
        self.theirs.unwrap_or_default() - self.ours.unwrap_or_default()
    }
}

/// Why two sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Our execution the books do not hold yet.
    UnsettledFill,
    /// An execution without our reference.
    ExternalTrade,
    /// The broker bought back what its lender called for.
    BuyIn,
    /// A commission or another fee of the broker.
    Fee,
    /// Withholding or transaction tax.
    Tax,
    /// A dividend, paid on shorts.
    Dividend,
    /// Interest on cash.
    Interest,
    /// Fee for borrowed stock.
    BorrowFee,
    /// Owed and not paid yet.
    Accrual,
    /// The two sides convert at different rates.
    FxSource,
    /// One side has taken a future's profit into cash and the other has not.
    FuturesSettlement,
    /// The broker keeps cash in a row of its own.
    SweepCash,
    /// A deposit or a withdrawal of the owner.
    ExternalFlow,
    /// A split or a new name.
    CorporateAction,
    /// The contract is past its last trading day.
    ExpiredContract,
    /// A number in another unit.
    UnitError,
    /// The right number under the wrong currency.
    CurrencyTag,
    /// A position that one side has and nothing accounts for.
    PhantomPosition,
    /// The answer lacks rows.
    IncompleteReply,
    /// Nothing we know of.
    Unknown,
}

impl Cause {
    /// Whether it accounts for a difference, so that booking it would close the break.
    pub fn accounts_for_it(self) -> bool {
        !matches!(self, Cause::Unknown | Cause::PhantomPosition | Cause::IncompleteReply)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cause::UnsettledFill => "unsettled fill",
            Cause::ExternalTrade => "external trade",
            Cause::BuyIn => "buy-in",
            Cause::Fee => "fee",
            Cause::Tax => "tax",
            Cause::Dividend => "dividend",
            Cause::Interest => "interest",
            Cause::BorrowFee => "borrow fee",
            Cause::Accrual => "accrual",
            Cause::FxSource => "FX source",
            Cause::FuturesSettlement => "futures settlement",
            Cause::SweepCash => "sweep cash",
            Cause::ExternalFlow => "deposit or withdrawal",
            Cause::CorporateAction => "corporate action",
            Cause::ExpiredContract => "expired contract",
            Cause::UnitError => "unit error",
            Cause::CurrencyTag => "currency tag",
            Cause::PhantomPosition => "phantom position",
            Cause::IncompleteReply => "incomplete reply",
            Cause::Unknown => "unknown",
        })
    }
}

/// One cause of a difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Which.
    pub cause: Cause,
    /// How much of the difference it makes, in the layer's unit.
    pub amount: Decimal,
    /// Its arithmetic.
    pub sentence: String,
}

/// A difference with its causes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name, such as `cash:USD` or `quantity:CSPX`; what a person adopts it by.
    pub id: String,
    /// Both sides.
    #[serde(rename = "break")]
    pub difference: Break,
    /// Causes, whose amounts add up to the difference within tolerance.
    pub explanations: Vec<Explanation>,
}

impl Finding {
    /// The cause that counts: the first that accounts for nothing, else the one that makes most of it.
    pub fn cause(&self) -> Cause {
        let open = self.explanations.iter().find(|part| !part.cause.accounts_for_it());
        let largest = || self.explanations.iter().rev().max_by_key(|part| part.amount.abs());
        open.or_else(largest).map_or(Cause::Unknown, |part| part.cause)
    }

    /// True when named causes account for all of it.
    pub fn explained(&self) -> bool {
        self.cause().accounts_for_it()
    }
}
