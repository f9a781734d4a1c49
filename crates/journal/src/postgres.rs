//! What is particular to PostgreSQL: durability, deadlines, its own clock, error codes.
//! In: a connection, an error. Out: the same with PostgreSQL's peculiarities settled.
//! Invariant: a connection that is handed out commits durably and gives up in time; both were read back.

use sqlx::postgres::PgDatabaseError;
use sqlx::{AnyConnection, Connection, Row};

/// What every session sets. A paused engine that holds the lease's row is thrown out by the third line, so that its
/// successor need not wait for it.
const SESSION: [(&str, &str); 8] = [
    ("synchronous_commit", "on"),
    ("statement_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("lock_timeout", "3s"),
    ("default_transaction_isolation", "read committed"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
];

/// What must be in force, read back: a server that was told to forget commits keeps no journal.
const IN_FORCE: [(&str, &str); 8] = [
    ("synchronous_commit", "on"),
    ("statement_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("lock_timeout", "3s"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("server_encoding", "UTF8"),
    ("transaction_read_only", "off"),
];

/// Tables of a journal, and the one that remembers which of its migrations ran.
const TABLES: [&str; 6] = ["event", "blob", "lease", "inbox", "origin", "_sqlx_migrations"];

/// What a database holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing of a journal.
    Nothing,
    /// Every table of one.
    Journal,
    /// Some of its tables only; the text names one that is not there.
    Part(String),
}

/// Opens one connection with the settings that every connection to a journal has.
pub(crate) async fn connect(address: &str) -> Result<AnyConnection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(address).await?;
    configure(&mut connection).await?;
    Ok(connection)
}

/// Makes a commit mean "on the server's disk", and a wait mean at most some seconds.
pub(crate) async fn configure(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for (name, value) in SESSION {
        sqlx::query("SELECT set_config($1, $2, false)").bind(name).bind(value).execute(&mut *connection).await?;
    }
    for (name, wanted) in IN_FORCE {
        let found: String =
            sqlx::query("SELECT current_setting($1)").bind(name).fetch_one(&mut *connection).await?.try_get(0)?;
        if found != wanted {
            let refusal = format!(
                "PostgreSQL works with {name} = {found} instead of {wanted}, so a commit would not be durable here; \
                 set it in postgresql.conf, or use another server"
            );
            return Err(sqlx::Error::Configuration(refusal.into()));
        }
    }
    Ok(())
}

/// The server's clock, microseconds since 1970 UTC: the one clock that engines on several hosts share.
pub(crate) async fn now_us(connection: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    sqlx::query("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)")
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// Which of a journal's tables the database has.
pub(crate) async fn found(connection: &mut AnyConnection) -> Result<Found, sqlx::Error> {
    let mut missing = Vec::new();
    for table in TABLES {
        let row = sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(table).fetch_one(&mut *connection).await?;
        if !row.try_get::<bool, _>(0)? {
            missing.push(table);
        }
    }
    // The migrations of an older version may have made fewer tables; they say themselves what is missing then.
    let started = !missing.contains(&"_sqlx_migrations");
    Ok(match missing.iter().find(|table| **table != "origin") {
        None => Found::Journal,
        Some(_) if missing.len() == TABLES.len() => Found::Nothing,
        Some(table) if started => Found::Part((*table).to_owned()),
        Some(_) => Found::Part("_sqlx_migrations".to_owned()),
    })
}

/// Says what is damaged if the server speaks of the stored content.
pub(crate) fn damage_in(error: &PgDatabaseError) -> Option<String> {
    let message = error.message();
    match error.code() {
        "XX001" | "XX002" => Some(format!("PostgreSQL finds it broken: {message}")),
        // Every statement is fixed text, so a missing table or column is the database's fault.
        "42P01" | "42703" => Some(format!("its tables are not those of a journal: {message}")),
        _ => None,
    }
}
