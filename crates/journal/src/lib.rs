//! The append-only journal: what the engine knew, decided and did, in one SQLite file.
//! In: entries of one account under a lease, in batches. Out: the same entries, in order, proved
//! unchanged by a hash chain; also blobs by content, and the operator's inbox.
//! Invariant: a batch is on the disk as a whole or not at all, and only the holder of the newest
//! fencing number can add to a chain. It stores bytes and knows no plan type.
#![allow(clippy::disallowed_methods, reason = "an adapter: its file and the end of its lease are its business")]

mod account;
mod append;
mod blob;
mod chain;
mod error;
mod event;
mod inbox;
mod lease;
mod lock;
mod open;
mod read;
mod sqlite;

use std::path::{Path, PathBuf};

use sqlx::{Any, AnyPool, Transaction};

pub use account::AccountJournal;
pub use error::{Damage, JournalError};
pub use event::{Entry, Head, StoredEvent};
pub use inbox::Message;
pub use lease::Lease;
pub use lock::StateLock;
pub use read::Verified;

/// An open journal. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Journal {
    pool: AnyPool,
    path: PathBuf,
}

impl Journal {
    /// The journal's file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
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

    /// Turns what the database said while `doing` something into the journal's own error.
    fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> JournalError + '_ {
        move |error| JournalError::from_database(&self.path, doing, error)
    }
}
