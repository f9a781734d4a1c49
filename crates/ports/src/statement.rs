//! What the broker's activity statement says happened to the account outside of our orders.
//!
//! In: a span of dates. Out: lines with the broker's transaction id. Invariant: a line appears once per id however often
//! it is asked for; amounts are the broker's, signed as they changed the account's cash.

use domain::{Currency, ExecutionId, Money, Price, Quantity};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One line of an activity statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementLine {
    /// The broker's transaction id: the same line has the same id in every statement.
    pub id: String,
    /// The date it counts for.
    pub date: Date,
    /// The broker's key of the contract it concerns, when it concerns one.
    pub con_id: Option<i64>,
    /// The broker's symbol of it, for people.
    pub symbol: Option<String>,
    /// What happened.
    pub activity: Activity,
}

/// What an activity statement can say. Amounts are signed as they change cash: received positive, paid negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "activity", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum Activity {
    /// A dividend, or payment in lieu of one; negative on a short position.
    Dividend { amount: Money },
    /// Withholding or transaction tax; negative when paid, positive when refunded.
    Tax { amount: Money },
    /// Interest on cash; negative on a debit balance.
    Interest { amount: Money },
    /// Fee for borrowed stock.
    BorrowFee { amount: Money },
    /// Any other fee of the broker, such as market data.
    Fee { amount: Money },
    /// Money put in (positive) or taken out by the owner.
    Flow { amount: Money },
    /// An exchange of currencies that was not one of our orders: both signs as cash changed.
    Conversion { sold: Money, bought: Money },
    /// A change of what is owed and not yet paid (dividends, interest, borrow fees): positive when more is owed to us.
    Accrual { amount: Money },
    /// `numerator` new shares for `denominator` old ones.
    Split { numerator: u32, denominator: u32 },
    /// The position goes on under another contract.
    Renamed { successor_con_id: i64 },
    /// Quantity of an option that was exercised, assigned or expired (signed change of the position), and the cash it paid.
    OptionEnded { how: OptionEnd, quantity: Quantity, cash: Money },
    /// The broker bought borrowed stock back for us, because its lender wanted it (signed change of the position).
    BuyIn { execution: ExecutionId, quantity: Quantity, price: Price, charge: Money },
    /// A commodity or sweep account moved cash between rows of one currency; nothing changed in total.
    Sweep { currency: Currency, amount: Decimal },
    /// A row nobody can book, because it is not understood or needs a person.
    Unread { problem: String },
}

/// How an option ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionEnd {
    /// We exercised it.
    Exercised,
    /// It was assigned to us.
    Assigned,
    /// It ended worthless or was settled in cash.
    Expired,
}

/// Why there is no statement, by what happens next.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Not ready or not reached: ask again later; breaks stay unexplained until then.
    #[error("activity statement not available: {0}")]
    Unavailable(String),
    /// Token, query or account is wrong: a person has to act.
    #[error("activity statement refused: {0}")]
    Refused(String),
    /// It came and cannot be trusted.
    #[error("activity statement unusable: {0}")]
    Unusable(String),
}

/// The broker's activity statements of one account.
#[expect(async_fn_in_trait, reason = "one generic engine drives it; no dyn, no Send bound")]
pub trait Statements {
    /// Every line that counts for a date in the closed span, in order of date and id.
    ///
    /// # Errors
    /// [`StatementError`]; a truncated statement is `Unusable`, never a shorter one, and a row that is not understood is a
    /// line that says so.
    async fn activity(&mut self, from: Date, to: Date) -> Result<Vec<StatementLine>, StatementError>;
}
