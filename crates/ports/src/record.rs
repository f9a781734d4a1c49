//! What the engine writes down before it acts.
//!
//! In: records the core made. Out: durable, ordered, hash-chained storage behind a trait.
//! Invariant: bodies are opaque here; storage knows no plan type.

use domain::OrderRef;
use jiff::Timestamp;
use jiff::civil::Date;

/// One thing to remember: `kind@version` names the shape of the body.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What it is, such as `plan` or `execution`.
    pub kind: &'static str,
    /// Version of the body's shape.
    pub version: u16,
    /// The order it belongs to.
    pub order_ref: Option<OrderRef>,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// JSON; exactly these bytes are hashed and stored.
    pub body: String,
}

/// A record read back.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// Position in the account's chain, from 1.
    pub seq: i64,
    /// Trade date it belongs to.
    pub trade_date: Date,
    /// What it is.
    pub kind: String,
    /// Version of the body's shape.
    pub version: u16,
    /// When it was written.
    pub at: Timestamp,
    /// JSON.
    pub body: String,
}

/// What an operator left for the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in the inbox.
    pub id: i64,
    /// When it was left.
    pub at: Timestamp,
    /// Who left it.
    pub who: String,
    /// JSON.
    pub body: String,
}

/// Why a record could not be kept, by what happens next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Another engine owns the account now: stop at once.
    #[error("{0}")]
    LeaseLost(String),
    /// Storage fails: nothing more is sent until an ordinary start succeeds.
    #[error("{0}")]
    Down(String),
    /// History does not match its hashes: refuse to trade.
    #[error("{0}")]
    Damaged(String),
}

/// Append-only storage of one account's records under a live lease.
#[expect(async_fn_in_trait, reason = "one generic engine drives it; no dyn, no Send bound")]
pub trait Journal {
    /// Whether it remembers records of a kind. One that is kept for a proof remembers all; one that only carries a run
    /// from day to day may spare itself the rest.
    fn keeps(&self, kind: &str) -> bool {
        let _ = kind;
        true
    }

    /// Appends all records in one transaction; returns the last sequence number.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was appended.
    async fn append(&mut self, trade_date: Date, records: &[Record]) -> Result<i64, JournalError>;

    /// Messages nobody has answered yet, oldest first.
    ///
    /// # Errors
    /// [`JournalError::Down`].
    async fn messages(&mut self) -> Result<Vec<Message>, JournalError>;

    /// Appends the answer to a message and marks it answered, both or neither.
    ///
    /// # Errors
    /// [`JournalError`]; the message is still open.
    async fn answer(&mut self, trade_date: Date, message: &Message, answer: &Record) -> Result<(), JournalError>;

    /// Every record of a kind after a sequence number, in order.
    ///
    /// # Errors
    /// [`JournalError::Down`] or [`JournalError::Damaged`].
    async fn since(&mut self, kind: &str, seq: i64) -> Result<Vec<StoredRecord>, JournalError>;

    /// Every record of a trade date, in order.
    ///
    /// # Errors
    /// [`JournalError::Down`] or [`JournalError::Damaged`].
    async fn records(&mut self, trade_date: Date) -> Result<Vec<StoredRecord>, JournalError>;

    /// The newest record of a kind, over all dates.
    ///
    /// # Errors
    /// [`JournalError::Down`] or [`JournalError::Damaged`].
    async fn latest(&mut self, kind: &str) -> Result<Option<StoredRecord>, JournalError>;

    /// The head of the chain as it was when the record `seq` was its last: `seq:hash`, to be kept outside of the
    /// journal as a proof that nothing up to there was changed or cut off.
    ///
    /// # Errors
    /// [`JournalError::Down`] or [`JournalError::Damaged`].
    async fn head_at(&mut self, seq: i64) -> Result<String, JournalError>;
}
