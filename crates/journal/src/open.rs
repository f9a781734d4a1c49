//! Creating and opening a journal.
//! In: a place. Out: a journal with the tables of this program, checked as far as its user needs, or the reason why not.
//! Invariant: a journal appears under its name complete or not at all, so an empty or foreign file
//! found there is damage and never taken for a fresh start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, Connection};
use tokio::time::timeout;

use crate::error::{Damage, JournalError};
use crate::migrate::migrate;
use crate::patience::driver_answered;
use crate::postgres::Found;
use crate::walk::Walking;
use crate::{Journal, Place, Server, postgres, sqlite};

/// One connection appends; the others renew the lease and let the console read meanwhile.
const CONNECTIONS_MAX: u32 = 4;

/// Longest wait for a free connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);

/// Longest wait for the tables on a server, whose every statement ends after five seconds by itself.
const MIGRATION: Duration = Duration::from_secs(30);

/// The server stopped answering while its tables were prepared.
#[derive(Debug, thiserror::Error)]
#[error("not done within {} seconds", MIGRATION.as_secs())]
struct Stuck;

impl Journal {
    /// Opens the journal at `place`, creating it when it is missing: a file with the folders above it, or the tables in
    /// an empty database. Checks everything that `open_existing` checks.
    ///
    /// Two processes must not create the same file at once: an engine holds the `StateLock` of
    /// the folder when it calls this.
    pub async fn open(place: impl Into<Place>) -> Result<Journal, JournalError> {
        Journal::open_walking(place).await?.walked().await
    }

    /// The same, while the structure and the chains are still being checked: what an engine starts with, which reads
    /// proved records and asks its broker meanwhile, and adds nothing before the walk has ended well.
    pub async fn open_walking(place: impl Into<Place>) -> Result<Walking, JournalError> {
        let journal = match place.into() {
            Place::File(path) => {
                let path = absolute(&path, true)?;
                if !is_there(&path)? {
                    create(&path).await?;
                }
                open_file(&path, true).await
            }
            Place::Server(server) => open_server(server, true).await,
        };
        Walking::begin(journal?)
    }

    /// Opens the journal at `place`, which must exist.
    ///
    /// Checks the structure and every chain from its first event before it returns, and
    /// refuses a damaged one. This reads everything; `docs/journal-and-recovery.md` has the time it takes.
    pub async fn open_existing(place: impl Into<Place>) -> Result<Journal, JournalError> {
        Walking::begin(open_what_is_there(place.into(), true).await?)?.walked().await
    }

    /// Opens the journal at `place`, which must exist, to be asked: every record that is read is proved by its own hash,
    /// and what is not read is left to the next start and to `verify`.
    pub async fn open_to_ask(place: impl Into<Place>) -> Result<Journal, JournalError> {
        open_what_is_there(place.into(), false).await
    }
}

async fn open_what_is_there(place: Place, structure: bool) -> Result<Journal, JournalError> {
    match place {
        Place::File(path) if !is_there(&path)? => Err(missing(&Place::File(path))),
        Place::File(path) => open_file(&absolute(&path, false)?, structure).await,
        Place::Server(server) => open_server(server, false).await,
    }
}

async fn open_file(path: &Path, structure: bool) -> Result<Journal, JournalError> {
    let place = Place::from(path);
    let length = fs::metadata(path).map_err(|e| unavailable(path, e))?.len();
    if length == 0 {
        let detail = "the file is empty, and a journal never is".to_owned();
        return Err(JournalError::damaged(path, Damage::File { detail }));
    }
    let address = address(path, false)?;
    let mut connection = sqlite::connect(&address).await.map_err(|e| refused(&place, e))?;
    // Structure first, then the schema's version, then the chains: each step relies on the one before.
    let mut found = sqlite::missing_table(&mut connection).await.map_err(|e| refused(&place, e))?;
    if structure && found.is_none() {
        found = sqlite::structure_damage(&mut connection).await.map_err(|e| refused(&place, e))?;
    }
    if let Some(detail) = found {
        return Err(JournalError::damaged(path, Damage::File { detail }));
    }
    migrate(&mut connection, &place).await?;
    connected(connection, &address, place).await
}

async fn open_server(server: Server, create: bool) -> Result<Journal, JournalError> {
    let address = server.address().to_owned();
    let place = Place::Server(server);
    let mut connection = connect(&place).await.map_err(|e| refused(&place, e))?;
    match driver_answered(postgres::found(&mut connection)).await.map_err(|e| refused(&place, e))? {
        Found::Nothing if !create => return Err(missing(&place)),
        Found::Nothing | Found::Journal => {}
        Found::Part(table) => {
            let detail = format!("it has no table {table}, so it is no whole journal");
            return Err(JournalError::damaged(&place, Damage::File { detail }));
        }
    }
    let migrated = timeout(MIGRATION, migrate(&mut connection, &place)).await;
    migrated.unwrap_or_else(|_| Err(JournalError::unavailable(&place, "prepare the tables of", Stuck)))?;
    connected(connection, &address, place).await
}

/// One connection of its own; a server that swallows packets must not hold a start for ever.
pub(crate) async fn connect(place: &Place) -> Result<AnyConnection, sqlx::Error> {
    match place {
        Place::File(path) => sqlite::connect(&sqlite::address(path, false).unwrap_or_default()).await,
        Place::Server(server) => {
            let connecting = postgres::connect(server.address());
            timeout(CONNECTION_WAIT, connecting).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
        }
    }
}

/// Opens the connections that are worked with, and closes the one that prepared the tables.
async fn connected(connection: AnyConnection, address: &str, place: Place) -> Result<Journal, JournalError> {
    let is_file = place.file().is_some();
    let pool = AnyPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .min_connections(1)
        .acquire_timeout(CONNECTION_WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if is_file { sqlite::configure(connection).await } else { postgres::configure(connection).await }
            })
        })
        .connect(address)
        .await
        .map_err(|e| refused(&place, e))?;
    driver_answered(connection.close()).await.map_err(|e| refused(&place, e))?;
    Ok(Journal { pool, place })
}

/// A folder that this user may not enter does not tell whether there is a journal in it.
fn is_there(path: &Path) -> Result<bool, JournalError> {
    path.try_exists().map_err(|e| unavailable(path, e))
}

fn missing(place: &Place) -> JournalError {
    JournalError::NotFound {
        what: format!("journal at {place}"),
        remedy: ": nothing ran with this state folder yet, or --state-dir names another",
    }
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
    let place = Place::from(&building);
    let mut connection = sqlite::connect(&address(&building, true)?).await.map_err(|e| refused(&place, e))?;
    migrate(&mut connection, &place).await?;
    connection.close().await.map_err(|e| refused(&place, e))?;
    fs::rename(&building, path).and_then(|()| sync_folder(folder_of(path))).map_err(|e| unavailable(path, e))
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
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A name with something after it.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn refused(place: &Place, error: sqlx::Error) -> JournalError {
    JournalError::from_opening(place, error)
}

fn unavailable(path: &Path, error: io::Error) -> JournalError {
    JournalError::from_system(path, "open", error)
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
