//! What the journal's stories share: a day, some entries, and a way around the journal's own API.

#![allow(dead_code)]

use std::path::Path;

use jiff::civil::{Date, date};
use journal::{Entry, Journal, JournalError, Lease};
use sqlx::{AnyConnection, Connection};

pub const ACCOUNT: &str = "DU1";
pub const MONDAY: Date = date(2015, 8, 24);
pub const TUESDAY: Date = date(2015, 8, 25);
pub const SECOND: i64 = 1_000_000;
/// 24 August 2015, 06:00 UTC.
pub const NOW: i64 = 1_440_396_000 * SECOND;

pub fn entry(kind: &str, body: &str) -> Entry {
    Entry { at_us: NOW, kind: kind.into(), version: 1, order_ref: None, body: body.into() }
}

pub fn order(kind: &str, order_ref: &str, body: &str) -> Entry {
    Entry { order_ref: Some(order_ref.into()), ..entry(kind, body) }
}

pub async fn lease(journal: &Journal) -> Lease {
    journal.acquire_lease(ACCOUNT, "first", NOW, 60 * SECOND, None).await.expect("a free lease")
}

/// Runs a statement on the file as a foreign program would.
pub async fn tamper(path: &Path, statement: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&format!("sqlite://{}", path.display())).await.expect("connects");
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.expect("closes");
}

/// The refusal as its reader sees it, without the name of the temporary folder.
pub fn told(error: &JournalError, folder: &Path) -> String {
    let folder = folder.canonicalize().expect("the folder exists");
    error.to_string().replace(&format!("{}/", folder.display()), "")
}
