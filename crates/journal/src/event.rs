//! The records of the journal as values.
//! In: an `Entry` to append. Out: the `StoredEvent` it became, and the hash over all its columns.
//! Invariant: the hash reads only what is stored, so whoever has the row can recompute it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Opens every hashed event, so that a later layout can never be mistaken for this one.
const LAYOUT: &[u8] = b"journal event 1";

/// One record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it happened, microseconds since 1970 UTC.
    pub at_us: i64,
    /// What it is, such as `plan` or `fill`.
    pub kind: String,
    /// Version of the body's shape for this kind.
    pub version: u16,
    /// The order it is about, if it is about one.
    pub order_ref: Option<String>,
    /// The record itself as JSON text; stored and hashed byte by byte, and without NUL
    /// characters, which PostgreSQL cannot hold.
    pub body: String,
}

/// One record as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Number in the account's chain: 1, 2, 3 and so on without gaps.
    pub seq: i64,
    /// Account whose chain this is.
    pub account: String,
    /// Trade date in ISO form, exactly as stored.
    pub trade_date: String,
    /// The run that wrote it.
    pub run: String,
    /// Fencing number of the lease it was written under.
    pub fence: i64,
    /// When it happened, microseconds since 1970 UTC.
    pub at_us: i64,
    /// What it is, such as `plan` or `fill`.
    pub kind: String,
    /// Version of the body's shape for this kind.
    pub version: u16,
    /// The order it is about, if it is about one.
    pub order_ref: Option<String>,
    /// The record itself as JSON text.
    pub body: String,
    /// Hash of the event before it in the chain.
    pub prev: String,
    /// Hash of this event, 64 lower-case hexadecimal digits.
    pub hash: String,
}

/// The last event of a chain: enough to prove later that nothing up to it was changed or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the event in its chain.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = &'static str;

    /// Reads `seq:hash` as it is displayed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "a chain head is SEQ:HASH, a number and 64 hexadecimal digits, as a report prints it";
        let (seq, hash) = text.split_once(':').ok_or(SHAPE)?;
        let seq = seq.parse().ok().filter(|seq| *seq > 0).ok_or(SHAPE)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_hash { Ok(Head { seq, hash: hash.to_owned() }) } else { Err(SHAPE) }
    }
}

impl StoredEvent {
    /// SHA-256 over every column but `hash` itself, as lower-case hexadecimal.
    ///
    /// The hashed text is the layout's name and then the columns in the order of the table
    /// (`seq, account, trade_date, run, fence, at_us, kind, version, order_ref, body, prev`), each
    /// preceded by its length in eight big-endian bytes. Text is UTF-8, numbers are eight big-endian
    /// bytes; `order_ref` is the byte 0 when absent, else the byte 1 and the text.
    pub fn content_hash(&self) -> String {
        let order_ref = match &self.order_ref {
            None => vec![0],
            Some(text) => [&[1], text.as_bytes()].concat(),
        };
        let columns: [&[u8]; 12] = [
            LAYOUT,
            &self.seq.to_be_bytes(),
            self.account.as_bytes(),
            self.trade_date.as_bytes(),
            self.run.as_bytes(),
            &self.fence.to_be_bytes(),
            &self.at_us.to_be_bytes(),
            self.kind.as_bytes(),
            &i64::from(self.version).to_be_bytes(),
            &order_ref,
            self.body.as_bytes(),
            self.prev.as_bytes(),
        ];
        let mut hasher = Sha256::new();
        for column in columns {
            hasher.update((column.len() as u64).to_be_bytes());
            hasher.update(column);
        }
        hex(&hasher.finalize())
    }
}

/// SHA-256 of some bytes as 64 lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    text
}
