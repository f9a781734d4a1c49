//! What can go wrong with a journal, named by what the engine does next.
//! In: storage errors and broken chains. Out: one sentence each with place and remedy.
//! Invariant: a damaged record is never reported as failing storage, nor the other way round,
//! because the first asks for a person and the second only for patience.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::sqlite;

/// Why the journal did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another engine writes now. Stop sending orders and end the process.
    #[error(
        "account {account}: this engine ({holder}, fence {fence}) no longer holds the lease: {now}. \
         Nothing of this was written; send no more orders and end this process"
    )]
    LeaseLost {
        /// Account of the lease.
        account: String,
        /// The holder that was fenced out.
        holder: String,
        /// Its fencing number.
        fence: i64,
        /// Who holds the lease now, as a clause.
        now: String,
    },

    /// Another engine runs on this account. Do not start.
    #[error(
        "account {account}: another engine ({holder}) holds the lease until {}. \
         Stop that engine, or wait until its lease ends, and start again",
        time_text(*until_us)
    )]
    LeaseHeld {
        /// Account of the lease.
        account: String,
        /// The engine that holds it.
        holder: String,
        /// End of its lease, microseconds since 1970 UTC.
        until_us: i64,
    },

    /// Another process works in the same state folder. Do not start.
    #[error(
        "{} is locked by {owner}: one engine per state folder. \
         Stop that process, or choose another folder with --state-dir", path.display()
    )]
    StateInUse {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, as far as the file tells.
        owner: String,
    },

    /// What is stored is not what was written. Freeze; a person decides.
    #[error(
        "the journal {} is damaged: {damage}. Nothing was changed. Keep the file for inquiry, \
         put back the last good copy and reconcile with the broker before trading", path.display()
    )]
    Damaged {
        /// The journal file.
        path: PathBuf,
        /// The first damage met.
        damage: Box<Damage>,
    },

    /// A later version of the program wrote this journal. Start that version.
    #[error(
        "the journal {} was written by a newer version of this program (schema {schema}, this \
         program knows up to {known}). Start the newer version; going back needs a backup from \
         before the update", path.display()
    )]
    WrittenByNewer {
        /// The journal file.
        path: PathBuf,
        /// Schema version found.
        schema: i64,
        /// Newest schema version this program knows.
        known: i64,
    },

    /// Storage fails or is busy. Stop sending orders until it works again.
    #[error(
        "cannot {doing} {}: {source}. Nothing of this counts as written; send no orders until \
         the storage works (free space, permissions, other programs on the file)", path.display()
    )]
    Unavailable {
        /// The file concerned.
        path: PathBuf,
        /// What was tried, as a verb phrase that the path completes.
        doing: &'static str,
        /// What the system or the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// Something asked for by name is not there.
    #[error("there is no {what}{remedy}")]
    NotFound {
        /// What was looked for, and where.
        what: String,
        /// What may have happened or what to do, as a clause that follows; may be empty.
        remedy: &'static str,
    },
}

/// The first place where the stored journal differs from what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// An event does not continue the chain, or its content does not give its hash.
    Event {
        /// Account of the chain.
        account: String,
        /// Number that the event has, or should have, in the chain.
        seq: i64,
        /// The column that gives it away; `hash` if the content was changed.
        column: String,
        /// What the chain demands there.
        expected: String,
        /// What is stored there.
        found: String,
    },
    /// The chain ends before a head that was reported earlier.
    Cut {
        /// Account of the chain.
        account: String,
        /// Number of the reported head.
        reported: i64,
        /// Number of the last event present; 0 if none is.
        last: i64,
    },
    /// The bytes kept under a hash no longer give that hash.
    Blob {
        /// Hash under which the bytes are kept.
        hash: String,
        /// Hash of the bytes found.
        found: String,
    },
    /// The file as such cannot be read as a journal.
    File {
        /// What is wrong with it.
        detail: String,
    },
}

impl Damage {
    /// Number of the first damaged event, where the damage is in a chain.
    pub fn seq(&self) -> Option<i64> {
        match self {
            Damage::Event { seq, .. } => Some(*seq),
            Damage::Cut { last, .. } => Some(last + 1),
            Damage::Blob { .. } | Damage::File { .. } => None,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Event { account, seq, column, expected, found } => write!(
                f,
                "event {seq} of account {account} was changed after it was written \
                 ({column}: expected {expected}, found {found})"
            ),
            Damage::Cut { account, reported, last } => write!(
                f,
                "the chain of account {account} ends at event {last}, but event {reported} was \
                 reported"
            ),
            Damage::Blob { hash, found } => {
                write!(f, "the bytes kept as {hash} now give {found}")
            }
            Damage::File { detail } => f.write_str(detail),
        }
    }
}

impl JournalError {
    pub(crate) fn damaged(path: &Path, damage: Damage) -> Self {
        JournalError::Damaged { path: path.to_owned(), damage: Box::new(damage) }
    }

    pub(crate) fn unavailable(
        path: &Path,
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        JournalError::Unavailable { path: path.to_owned(), doing, source: source.into() }
    }

    /// Sorts what the database said into damage and failing storage.
    pub(crate) fn from_database(path: &Path, doing: &'static str, error: sqlx::Error) -> Self {
        match sqlite::damage_in(&error) {
            Some(detail) => Self::damaged(path, Damage::File { detail }),
            None => Self::unavailable(path, doing, error),
        }
    }
}

/// Microseconds since 1970 as an ISO time; the bare number when it lies outside the calendar.
fn time_text(at_us: i64) -> String {
    match jiff::Timestamp::from_microsecond(at_us) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{at_us} µs"),
    }
}
