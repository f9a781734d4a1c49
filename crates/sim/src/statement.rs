//! The account's activity statement: everything that happened to it outside of trades.
//!
//! In: what the broker books. Out: entries in the order they were booked. Invariant: an entry never changes; cash of a
//! currency moves by trades, futures settlements and the cash entries of the statement, and by nothing else.

use domain::{ContractId, Currency, ExecutionId, OptionEnd, Quantity};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementEntry {
    /// The broker's number of it, counting from 1.
    pub id: u64,
    /// The date it counts for.
    pub date: Date,
    /// When it was booked.
    pub at: Timestamp,
    /// What it concerns, when it concerns one contract.
    pub contract: Option<ContractId>,
    /// Currency of its amounts.
    pub currency: Currency,
    /// What happened.
    pub item: StatementItem,
}

impl StatementEntry {
    /// What the line changed of the cash in its currency; `None` for a line that changes none.
    pub fn cash(&self) -> Option<Decimal> {
        match self.item {
            StatementItem::Cash { amount, .. } | StatementItem::Conversion { amount } => Some(amount),
            StatementItem::OptionEnded { cash, .. } => Some(cash),
            _ => None,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementItem {
    /// Cash came or went.
    Cash {
        /// Why.
        kind: CashKind,
        /// Received positive, paid negative.
        amount: Decimal,
        /// In the broker's words.
        description: String,
    },
    /// One side of an exchange of currencies that was not an order; both sides follow each other.
    Conversion {
        /// Bought positive, sold negative.
        amount: Decimal,
    },
    /// A dividend is owed, or what was owed is paid and owed no longer.
    DividendAccrual(DividendAccrual),
    /// Interest and borrow fees are owed; negative when owed by us, or when what was owed to us is paid.
    InterestAccrual {
        /// Signed change.
        amount: Decimal,
        /// True for the end of what was owed, when it is paid.
        reversal: bool,
    },
    /// A day's fee for borrowed shares; it is part of that day's interest accrual.
    BorrowFee {
        /// Signed quantity.
        quantity: Quantity,
        /// The close it is valued at, in the major unit.
        price: Decimal,
        /// Annual rate.
        rate: Decimal,
        /// What is owed, negative.
        fee: Decimal,
    },
    /// New shares for old ones.
    Split {
        /// New shares.
        numerator: u32,
        /// For so many old ones.
        denominator: u32,
        /// Change of the position.
        quantity: Quantity,
    },
    /// The contract goes on under another symbol.
    SymbolChange {
        /// The new symbol.
        symbol: String,
        /// The position that goes on.
        quantity: Quantity,
    },
    /// Borrowed shares were called back.
    Recall {
        /// How many, positive.
        quantity: Quantity,
    },
    /// The broker bought the called-back shares: what this execution was.
    BuyIn {
        /// The execution.
        execution: ExecutionId,
    },
    /// An option ended.
    OptionEnded {
        /// How.
        how: OptionEnd,
        /// Change of the position.
        quantity: Quantity,
        /// What it paid; shares that were delivered have an execution.
        cash: Decimal,
    },
}

/// Why cash came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the broker's own categories")]
pub enum CashKind {
    Dividend,
    PaymentInLieu,
    WithholdingTax,
    InterestPaid,
    InterestReceived,
    BorrowFee,
    OtherFee,
    DepositOrWithdrawal,
    CommissionAdjustment,
}

/// A dividend that is owed.
#[derive(Clone, Debug, PartialEq)]
pub struct DividendAccrual {
    /// True when it is paid: every amount has the other sign.
    pub reversal: bool,
    /// From this date on a buyer does not get it.
    pub ex_date: Date,
    /// When it is paid.
    pub pay_date: Date,
    /// Signed position it is paid on.
    pub quantity: Quantity,
    /// Per share.
    pub rate: Decimal,
    /// Rate × quantity; negative on a short position.
    pub gross: Decimal,
    /// What is kept back of it, positive.
    pub tax: Decimal,
}

impl DividendAccrual {
    /// What changes of what is owed.
    pub fn net(&self) -> Decimal {
        self.gross - self.tax
    }
}
