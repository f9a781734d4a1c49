//! The tables of a journal and how they came to be, version by version.
//! In: a connection. Out: the newest schema this program knows, or who wrote another.
//! Invariant: a migration that was released is never changed; each runs once, whole or not at all.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};

use crate::Place;
use crate::error::{Damage, JournalError};

/// The statements both databases share.
const SHARED: [(i64, &str, &str); 2] = [
    (1, "journal", include_str!("../migrations/0001_journal.sql")),
    (2, "origin", include_str!("../migrations/0002_origin.sql")),
];

/// What came after the views.
const LATER: [(i64, &str, &str); 1] = [(4, "outbox", include_str!("../migrations/0004_outbox.sql"))];

/// Views reach into the bodies, which each database does in its own words.
const VIEWS: (i64, &str) = (3, "views");
const VIEWS_SQLITE: &str = include_str!("../migrations/0003_views_sqlite.sql");
const VIEWS_POSTGRES: &str = include_str!("../migrations/0003_views_postgres.sql");

/// Brings the tables to the newest version.
pub(crate) async fn migrate(connection: &mut AnyConnection, place: &Place) -> Result<(), JournalError> {
    let migrator = migrator(place);
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    migrator.run(connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(schema) => JournalError::WrittenByNewer { place: place.clone(), schema, known },
        MigrateError::VersionMismatch(schema) => {
            let detail = format!("the record of its schema {schema} is not what this program wrote");
            JournalError::damaged(place, Damage::File { detail })
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            JournalError::from_opening(place, error)
        }
        other => JournalError::unavailable(place, "prepare the tables of", other),
    })
}

fn migrator(place: &Place) -> Migrator {
    let views = match place {
        Place::File(_) => VIEWS_SQLITE,
        Place::Server(_) => VIEWS_POSTGRES,
    };
    let all = SHARED.into_iter().chain([(VIEWS.0, VIEWS.1, views)]).chain(LATER);
    let migration = |(version, name, text): (i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(all.map(migration).collect())
}
