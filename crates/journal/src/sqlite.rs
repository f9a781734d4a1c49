//! What is particular to SQLite: address, durability, the file's own checks, error codes.
//! In: a path, a connection, an error. Out: the same with SQLite's peculiarities settled.
//! Invariant: no other module of this crate names a pragma, a system table or an error code.

use std::path::Path;

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;
use sqlx::{AnyConnection, Connection, Row};

use crate::place::escaped;

/// `PRAGMA synchronous` reads back FULL as this number.
const SYNCHRONOUS_FULL: i64 = 2;

/// Primary result codes of SQLite that speak of the file's content.
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;

/// Those of a file that may not be written, or whose log may not be made beside it.
const SQLITE_READONLY: i32 = 8;
const SQLITE_CANTOPEN: i32 = 14;

/// Tables without which a file is no journal.
const TABLES: [&str; 4] = ["event", "blob", "lease", "inbox"];

/// Connection address of a journal file; `create` also makes the file.
///
/// The path must be absolute. `None` if it is not UTF-8.
pub(crate) fn address(path: &Path, create: bool) -> Option<String> {
    let mode = if create { "rwc" } else { "rw" };
    Some(format!("sqlite://{}?mode={mode}", escaped(path.to_str()?, "/")))
}

/// Opens one connection with the settings that every connection to a journal has.
pub(crate) async fn connect(address: &str) -> Result<AnyConnection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(address).await?;
    configure(&mut connection).await?;
    Ok(connection)
}

/// Makes a commit mean "on the disk": a write-ahead log that is flushed at every commit.
///
/// Set on each connection because the address of an `Any` connection takes no pragma, and read
/// back because SQLite keeps another mode without an error where it cannot have this one. A
/// statement that meets another writer waits for it up to three seconds.
pub(crate) async fn configure(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA busy_timeout = 3000").execute(&mut *connection).await?;
    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await?;
    sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
    let (mode, level) = durability(connection).await?;
    if mode == "wal" && level == SYNCHRONOUS_FULL {
        return Ok(());
    }
    let refusal = format!(
        "SQLite works with journal_mode {mode} and synchronous {level} here instead of wal and \
         {SYNCHRONOUS_FULL}, so a commit would not be durable; use a local disk"
    );
    Err(sqlx::Error::Configuration(refusal.into()))
}

/// Journal mode and synchronous level in force on a connection.
pub(crate) async fn durability(connection: &mut AnyConnection) -> Result<(String, i64), sqlx::Error> {
    let mode = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *connection).await?.try_get(0)?;
    let level = sqlx::query("PRAGMA synchronous").fetch_one(&mut *connection).await?.try_get(0)?;
    Ok((mode, level))
}

/// The table the file lacks, as a clause, when it lacks one.
///
/// The schema is read as plain text, because the driver assumes that it is UTF-8.
pub(crate) async fn missing_table(connection: &mut AnyConnection) -> Result<Option<String>, sqlx::Error> {
    let schema = sqlx::query("SELECT name, sql FROM sqlite_schema").fetch_all(&mut *connection).await?;
    let mut present = Vec::with_capacity(schema.len());
    for row in &schema {
        present.push(row.try_get::<String, _>(0)?);
        let _definition: Option<String> = row.try_get(1)?;
    }
    let missing = TABLES.iter().find(|table| !present.iter().any(|name| name == *table));
    Ok(missing.map(|table| format!("it has no table {table}, so it is no whole journal")))
}

/// Checks the file's structure; `Some` says what is wrong.
///
/// The hash chain sees events only through an index, so the index must be known to agree with its table.
pub(crate) async fn structure_damage(connection: &mut AnyConnection) -> Result<Option<String>, sqlx::Error> {
    let verdict: String = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut *connection).await?.try_get(0)?;
    // The lines before the last one only say which of its databases SQLite looked at.
    let finding = verdict.lines().last().unwrap_or_default();
    Ok((verdict != "ok").then(|| format!("SQLite finds its structure broken: {finding}")))
}

/// Says what is damaged if SQLite speaks of the stored content.
pub(crate) fn damage_in(error: &SqliteError) -> Option<String> {
    let code = error.code()?.parse::<i32>().ok()?;
    let message = error.message();
    match code & 0xff {
        SQLITE_NOTADB => Some("it is not an SQLite file".to_owned()),
        SQLITE_CORRUPT => Some(format!("SQLite finds it broken: {message}")),
        // Every statement is fixed text, so a missing table is the file's fault.
        _ if message.starts_with("no such ") => Some(format!("its tables are not those of a journal: {message}")),
        _ => None,
    }
}

/// Whether SQLite may not write the file or beside it.
pub(crate) fn is_forbidden(error: &SqliteError) -> bool {
    let code = error.code().and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| [SQLITE_READONLY, SQLITE_CANTOPEN].contains(&(code & 0xff)))
}
