//! Creating and opening a journal file.
//! In: a path. Out: a journal whose structure and chains were checked, or the reason why not.
//! Invariant: a journal appears under its name complete or not at all, so an empty or foreign file
//! found there is damage and never taken for a fresh start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, Connection};

use crate::error::{Damage, JournalError};
use crate::read::verify_every_chain;
use crate::{Journal, sqlite};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// One connection appends; the others let the console read meanwhile.
const CONNECTIONS_MAX: u32 = 4;

/// Longest wait for a free connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);

impl Journal {
    /// Opens the journal at `path`, creating it and the folders above it when it is missing.
    ///
    /// Two processes must not create the same journal at once: an engine holds the `StateLock` of
    /// the folder when it calls this. Checks everything that `open_existing` checks.
    pub async fn open(path: &Path) -> Result<Journal, JournalError> {
        let path = absolute(path, true)?;
        if !path.exists() {
            create(&path).await?;
        }
        Self::open_existing(&path).await
    }

    /// Opens the journal at `path`, which must exist.
    ///
    /// Checks the file's structure and every chain from its first event before it returns, and
    /// refuses a damaged file. This reads the whole file: about 9 µs an event, so 1 s for
    /// 100,000 events of half a kilobyte (`examples/journal_cost.rs`).
    pub async fn open_existing(path: &Path) -> Result<Journal, JournalError> {
        if !path.exists() {
            return Err(JournalError::NotFound {
                what: format!("journal at {}", path.display()),
                remedy: ": nothing ran with this state folder yet, or --state-dir names another",
            });
        }
        let path = absolute(path, false)?;
        let length = fs::metadata(&path).map_err(|e| unavailable(&path, e))?.len();
        if length == 0 {
            let detail = "the file is empty, and a journal never is".to_owned();
            return Err(JournalError::damaged(&path, Damage::File { detail }));
        }

        let address = address(&path, false)?;
        let mut connection = sqlite::connect(&address).await.map_err(|e| refused(&path, e))?;
        check(&mut connection, &path).await?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .min_connections(1)
            .acquire_timeout(CONNECTION_WAIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(sqlite::configure(connection)))
            .connect(&address)
            .await
            .map_err(|e| refused(&path, e))?;
        connection.close().await.map_err(|e| refused(&path, e))?;
        Ok(Journal { pool, path })
    }
}

/// Structure first, then the schema's version, then the chains: each step relies on the one before.
async fn check(connection: &mut AnyConnection, path: &Path) -> Result<(), JournalError> {
    let broken = sqlite::structure_damage(connection).await.map_err(|e| refused(path, e))?;
    if let Some(detail) = broken {
        return Err(JournalError::damaged(path, Damage::File { detail }));
    }
    migrate(connection, path).await?;
    verify_every_chain(connection, path).await
}

/// Builds the file under a working name and renames it when it is complete and on the disk.
async fn create(path: &Path) -> Result<(), JournalError> {
    let building = with_suffix(path, ".new");
    for leftover in [building.clone(), with_suffix(&building, "-wal"), with_suffix(&building, "-shm")] {
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unavailable(&leftover, error));
            }
            _ => {}
        }
    }
    let mut connection = sqlite::connect(&address(&building, true)?).await.map_err(|e| refused(&building, e))?;
    migrate(&mut connection, &building).await?;
    connection.close().await.map_err(|e| refused(&building, e))?;
    fs::rename(&building, path).and_then(|()| sync_folder(folder_of(path))).map_err(|e| unavailable(path, e))
}

async fn migrate(connection: &mut AnyConnection, path: &Path) -> Result<(), JournalError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    MIGRATIONS.run(connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(schema) => JournalError::WrittenByNewer { path: path.to_owned(), schema, known },
        MigrateError::VersionMismatch(schema) => {
            let detail = format!("the record of its schema {schema} is not what this program wrote");
            JournalError::damaged(path, Damage::File { detail })
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => refused(path, error),
        other => JournalError::unavailable(path, "prepare the tables of", other),
    })
}

/// The path from the root with its folder resolved, making the folder if asked to.
fn absolute(path: &Path, create_folder: bool) -> Result<PathBuf, JournalError> {
    let folder = folder_of(path);
    if create_folder {
        create_folder_durably(folder).map_err(|e| unavailable(folder, e))?;
    }
    let name = path
        .file_name()
        .ok_or_else(|| unavailable(path, io::Error::new(io::ErrorKind::InvalidInput, "the path names no file")))?;
    Ok(folder.canonicalize().map_err(|e| unavailable(folder, e))?.join(name))
}

fn address(path: &Path, create: bool) -> Result<String, JournalError> {
    sqlite::address(path, create)
        .ok_or_else(|| unavailable(path, io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8")))
}

/// The folder a path lies in; the current one for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Creates a folder and those above it such that they survive a power cut.
pub(crate) fn create_folder_durably(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if folder.exists() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a file, not a folder"));
    }
    let above = folder_of(folder);
    create_folder_durably(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(above),
    }
}

/// Flushes a folder's list of names to the disk, where the system has such a call.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn refused(path: &Path, error: sqlx::Error) -> JournalError {
    JournalError::from_database(path, "open", error)
}

fn unavailable(path: &Path, error: io::Error) -> JournalError {
    JournalError::unavailable(path, "open", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the address cannot say and a commit depends on, on each connection there can be.
    #[tokio::test]
    async fn every_connection_writes_ahead_and_flushes_at_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("journal.db")).await.expect("opens");
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            connections.push(journal.pool.acquire().await.expect("a connection"));
        }
        for connection in &mut connections {
            let durability = sqlite::durability(connection).await.expect("reads back");
            assert_eq!(durability, ("wal".to_owned(), 2));
        }
    }
}
