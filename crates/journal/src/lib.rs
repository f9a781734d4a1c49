//! The append-only journal: what the engine knew, decided and did, in one SQLite file or on a PostgreSQL server.
//! In: entries of one account under a lease, in batches. Out: the same entries, in order, proved
//! unchanged by a hash chain; also blobs by content, and the operator's inbox.
//! Invariant: a batch is on the disk as a whole or not at all, and only the holder of the newest
//! fencing number can add to a chain. It stores bytes and knows no plan type.
#![allow(clippy::disallowed_methods, reason = "an adapter: its files and the end of its lease are its business")]

mod account;
mod append;
mod archive;
mod blob;
mod chain;
mod error;
mod event;
mod export;
mod inbox;
mod lease;
mod lock;
mod migrate;
mod open;
mod outbox;
mod patience;
mod place;
mod postgres;
mod read;
mod restore;
mod sqlite;
mod walk;

use jiff::Timestamp;
use patience::Silent;
use sqlx::{Any, AnyPool, Transaction};

pub use account::{AccountJournal, Takeover, Witness};
pub use archive::{Attachment, Scope};
pub use error::{Damage, JournalError};
pub use event::{Entry, Head, StoredEvent};
pub use export::Exported;
pub use inbox::Message;
pub use lease::Lease;
pub use lock::StateLock;
pub use outbox::{Delivery, Due, Post, Standing};
pub use place::{Place, Server};
pub use read::Verified;
pub use restore::Restored;
pub use walk::Walking;

/// An open journal. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Journal {
    pool: AnyPool,
    place: Place,
}

impl Journal {
    /// Where it is kept; a file has its absolute path.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The time leases are counted in, microseconds since 1970 UTC: the server's, which engines on several hosts share,
    /// or this computer's for a file.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] when the server does not answer.
    pub async fn now_us(&self) -> Result<i64, JournalError> {
        const ASKING: &str = "ask the time of";
        match &self.place {
            Place::File(_) => Ok(Timestamp::now().as_microsecond()),
            Place::Server(_) => {
                let mut connection = self.pool.acquire().await.map_err(self.failed(ASKING))?;
                postgres::now_us(&mut connection).await.map_err(self.failed(ASKING))
            }
        }
    }

    /// Closes every connection; SQLite then folds its write-ahead log into the file.
    ///
    /// Not needed for durability: a journal that is merely dropped, or killed, loses nothing.
    pub async fn close(self) {
        self.pool.close().await;
    }

    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Any>, JournalError> {
        self.pool.begin().await.map_err(self.failed(doing))
    }

    /// The error of a storage that did not answer while `doing` something.
    pub(crate) fn silent(&self, doing: &'static str) -> impl Fn(Silent) -> JournalError + '_ {
        move |silent| JournalError::unavailable(&self.place, doing, silent)
    }

    /// Turns what the database said while `doing` something into the journal's own error.
    fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> JournalError + '_ {
        move |error| JournalError::from_database(&self.place, doing, error)
    }
}
