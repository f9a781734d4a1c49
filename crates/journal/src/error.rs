//! What can go wrong with a journal, named by what the engine does next.
//! In: storage errors and broken chains. Out: one sentence each with place and remedy.
//! Invariant: a damaged record is never reported as failing storage, nor the other way round,
//! because the first asks for a person and the second only for patience.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Place, postgres, sqlite};

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
        "the journal {place} is damaged: {damage}. Nothing was changed. Keep {} for inquiry, \
         put back the last good copy and reconcile with the broker before trading",
        kept(place)
    )]
    Damaged {
        /// The journal.
        place: Place,
        /// The first damage met.
        damage: Box<Damage>,
    },

    /// A later version of the program wrote this journal. Start that version.
    #[error(
        "the journal {place} was written by a newer version of this program (schema {schema}, this \
         program knows up to {known}). Start the newer version; going back needs a backup from \
         before the update"
    )]
    WrittenByNewer {
        /// The journal.
        place: Place,
        /// Schema version found.
        schema: i64,
        /// Newest schema version this program knows.
        known: i64,
    },

    /// Storage fails or is busy. Stop sending orders until it works again.
    #[error(
        "cannot {doing} {place}: {source}. Nothing of this counts as written; send no orders until \
         the storage works ({})",
        looked_at(place)
    )]
    Unavailable {
        /// The journal, or the file beside it that is concerned.
        place: Place,
        /// What was tried, as a verb phrase that the place completes.
        doing: &'static str,
        /// What the system or the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// This user may not work there. Run as another one.
    #[error(
        "cannot {doing} {}: {source}. Nothing was changed. A command that only reads needs the right to write there, too, \
         because SQLite keeps its log beside the file: run it as the user the engine runs as, or give this one the right to \
         read and write the file and its folder", path.display()
    )]
    Forbidden {
        /// The journal, its folder, or a file beside it.
        path: PathBuf,
        /// What was tried, as a verb phrase that the path completes.
        doing: &'static str,
        /// What the system or the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The setting that says where the journal is cannot be used.
    #[error(
        "the database URL cannot be used: {problem}. Write postgres://user@host:port/database and keep the password in \
         the file that `journal.password_file` names"
    )]
    Address {
        /// What is wrong with it; never the URL itself.
        problem: &'static str,
    },

    /// A place that should be empty holds records. Nothing was changed.
    #[error(
        "{place} holds records already, and nothing is ever written over: choose an empty state folder or database"
    )]
    NotEmpty {
        /// The journal.
        place: Place,
    },

    /// Only a part of a chain is here: to be read and replayed, never to be traded on.
    #[error(
        "{place} holds only a part of account {account}, from record {} on: it can be read and not traded on. Use the \
         whole journal, or restore a backup of it", .after + 1
    )]
    Excerpt {
        /// The journal.
        place: Place,
        /// The account.
        account: String,
        /// The last record that is not here.
        after: i64,
    },

    /// A file of records cannot be used. Nothing was changed.
    #[error("{}: {problem}. Nothing was changed", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as a clause.
        problem: String,
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
    pub(crate) fn damaged(place: impl Into<Place>, damage: Damage) -> Self {
        JournalError::Damaged { place: place.into(), damage: Box::new(damage) }
    }

    pub(crate) fn unavailable(
        place: impl Into<Place>,
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        JournalError::Unavailable { place: place.into(), doing, source: source.into() }
    }

    /// Sorts what the system said into missing rights and failing storage.
    pub(crate) fn from_system(path: &Path, doing: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => {
                JournalError::Forbidden { path: path.to_owned(), doing, source: error.into() }
            }
            _ => Self::unavailable(path, doing, error),
        }
    }

    /// Sorts what the database said while it was opened, when a file that is there and cannot be opened is one that this
    /// user may not write.
    pub(crate) fn from_opening(place: &Place, error: sqlx::Error) -> Self {
        match place.file().filter(|_| is_forbidden(&error)) {
            Some(path) => JournalError::Forbidden { path: path.to_owned(), doing: "open", source: error.into() },
            None => Self::from_database(place, "open", error),
        }
    }

    /// Sorts what the database said into damage and failing storage.
    pub(crate) fn from_database(place: impl Into<Place>, doing: &'static str, error: sqlx::Error) -> Self {
        match damage_in(&error) {
            Some(detail) => Self::damaged(place, Damage::File { detail }),
            None => Self::unavailable(place, doing, error),
        }
    }
}

/// Says what is damaged if an error speaks of the stored content, and `None` if the storage merely does not work at
/// the moment.
fn damage_in(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Database(database) => match database.try_downcast_ref() {
            Some(error) => postgres::damage_in(error),
            None => sqlite::damage_in(database.try_downcast_ref()?),
        },
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::AnyDriverError(_) => Some(format!("a stored value is unreadable: {error}")),
        _ => None,
    }
}

fn is_forbidden(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else { return false };
    database.try_downcast_ref().is_some_and(sqlite::is_forbidden)
}

/// What is to be kept when a journal is damaged.
fn kept(place: &Place) -> &'static str {
    match place {
        Place::File(_) => "the file",
        Place::Server(_) => "the database",
    }
}

/// Where to look when the storage does not work.
fn looked_at(place: &Place) -> &'static str {
    match place {
        Place::File(_) => "free space, permissions, other programs on the file",
        Place::Server(_) => "the server, the network to it, its free space, locks of other programs",
    }
}

/// Microseconds since 1970 as an ISO time; the bare number when it lies outside the calendar.
fn time_text(at_us: i64) -> String {
    match jiff::Timestamp::from_microsecond(at_us) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{at_us} µs"),
    }
}
