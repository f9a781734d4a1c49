//! What the journal's stories share: a store on each database, a day, some entries, and a way around the journal's own
//! API.

#![allow(dead_code)]
#![allow(clippy::disallowed_methods, reason = "works in folders of its own")]

pub mod postgres;

use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};
use journal::{Entry, Journal, JournalError, Lease, Place};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Row};
use tempfile::{TempDir, tempdir};

pub const ACCOUNT: &str = "DU1";
pub const MONDAY: Date = date(2015, 8, 24);
pub const TUESDAY: Date = date(2015, 8, 25);
pub const SECOND: i64 = 1_000_000;
/// 24 August 2015, 06:00 UTC.
pub const NOW: i64 = 1_440_396_000 * SECOND;

/// Tells each of the named stories on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! on_both_databases {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                super::$story($crate::support::Store::sqlite()).await;
            })+
        }
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                if let Some(store) = $crate::support::Store::postgresql().await {
                    super::$story(store).await;
                }
            })+
        }
    };
}

/// An empty place for a journal.
pub struct Store {
    pub place: Place,
    /// A folder of the story's own.
    pub folder: TempDir,
    url: String,
}

impl Store {
    pub fn sqlite() -> Store {
        let folder = tempdir().unwrap();
        let path = folder.path().join("state/a #1?/journal.db");
        Store { place: Place::from(&path), folder, url: String::new() }
    }

    pub async fn postgresql() -> Option<Store> {
        let server = tokio::task::spawn_blocking(postgres::shared).await.unwrap()?;
        Some(Self::on(server).await)
    }

    pub async fn on(server: &postgres::PostgresServer) -> Store {
        let postgres::PostgresDatabase { place, url } = server.database().await;
        Store { place, folder: tempdir().unwrap(), url }
    }

    /// Another empty place of the same kind.
    pub async fn another(&self) -> Store {
        match self.place.file() {
            Some(_) => Store::sqlite(),
            None => Store::postgresql().await.unwrap(),
        }
    }

    pub async fn open(&self) -> Journal {
        Journal::open(&self.place).await.unwrap()
    }

    /// A path in the story's own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Runs a statement on the database as a foreign program would.
    pub async fn tamper(&self, statement: &str) {
        match self.place.file() {
            Some(path) => tamper(path, statement).await,
            None => postgres::execute(&self.url, statement).await,
        }
    }

    /// The rows of a query as an analyst's program gets them; every column has to be text.
    pub async fn rows(&self, query: &str, columns: usize) -> Vec<String> {
        sqlx::any::install_default_drivers();
        let url = self.place.file().map_or_else(|| self.url.clone(), sqlite_url);
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        let rows = sqlx::query(sqlx::AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await.unwrap();
        let cell = |row: &AnyRow, index| row.get::<Option<String>, _>(index).unwrap_or_else(|| "-".to_owned());
        rows.iter().map(|row| (0..columns).map(|index| cell(row, index)).collect::<Vec<_>>().join(" ")).collect()
    }

    /// Another program's write transaction, which lasts for as long as the connection.
    pub async fn locked(&self) -> AnyConnection {
        let (url, statements) = match self.place.file() {
            Some(path) => (sqlite_url(path), ["BEGIN IMMEDIATE", "UPDATE lease SET fence = fence"]),
            None => (self.url.clone(), ["BEGIN", "UPDATE lease SET fence = fence"]),
        };
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        for statement in statements {
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
        connection
    }

    /// A sentence as its reader sees it, without the names that differ from run to run.
    pub fn told(&self, error: &JournalError) -> String {
        let folder = self.folder.path().canonicalize().unwrap();
        let told = error.to_string().replace(&format!("{}/", folder.display()), "");
        told.replace("state/a #1?/journal.db", "[journal]").replace(&self.place.to_string(), "[journal]")
    }
}

pub fn entry(kind: &str, body: &str) -> Entry {
    Entry { at_us: NOW, kind: kind.into(), version: 1, order_ref: None, body: body.into() }
}

pub fn order(kind: &str, order_ref: &str, body: &str) -> Entry {
    Entry { order_ref: Some(order_ref.into()), ..entry(kind, body) }
}

pub async fn lease(journal: &Journal) -> Lease {
    journal.acquire_lease(ACCOUNT, "first", NOW, 60 * SECOND, None).await.expect("a free lease")
}

/// Runs a statement on an SQLite file as a foreign program would.
pub async fn tamper(path: &Path, statement: &str) {
    postgres::execute(&sqlite_url(path), statement).await;
}

fn sqlite_url(path: &Path) -> String {
    let path = path.display().to_string().replace('#', "%23").replace('?', "%3F").replace(' ', "%20");
    format!("sqlite://{path}")
}

/// The refusal as its reader sees it, without the name of the temporary folder.
pub fn told(error: &JournalError, folder: &Path) -> String {
    let folder = folder.canonicalize().expect("the folder exists");
    error.to_string().replace(&format!("{}/", folder.display()), "")
}
