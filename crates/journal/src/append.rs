//! Writing: one batch of entries, one transaction.
//! In: a lease and entries. Out: their numbers in the chain, once they are on the disk.
//! Invariant: when a call returns an error nothing of its batch is in the journal, except that a
//! failing commit leaves it to the next reading whether the batch is there as a whole.

use sqlx::AnyConnection;

use crate::chain::Chain;
use crate::error::JournalError;
use crate::event::{Entry, StoredEvent};
use crate::inbox::answer;
use crate::lease::hold;
use crate::read::head_of;
use crate::{Journal, Lease};

const APPENDING: &str = "append to";

impl Journal {
    /// Appends entries to the chain of the lease's account and returns their numbers, in order.
    ///
    /// When this returns, all of them are on the disk. An engine that was taken over gets
    /// `JournalError::LeaseLost`; no entries, no transaction.
    pub async fn append(
        &self,
        lease: &Lease,
        trade_date: jiff::civil::Date,
        run: &str,
        entries: &[Entry],
    ) -> Result<Vec<i64>, JournalError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self.begin(APPENDING).await?;
        let seqs = self.write(&mut transaction, lease, trade_date, run, entries).await?;
        transaction.commit().await.map_err(self.failed(APPENDING))?;
        Ok(seqs)
    }

    /// Appends entries that carry out an operator's message, and marks the message done with the
    /// first of them in the same transaction.
    ///
    /// A kill at any moment thus leaves a message open or carried out, never carried out twice.
    pub async fn append_answer(
        &self,
        lease: &Lease,
        trade_date: jiff::civil::Date,
        run: &str,
        entries: &[Entry],
        message: i64,
    ) -> Result<Vec<i64>, JournalError> {
        assert!(!entries.is_empty(), "an answer to an operator is at least one event");
        let mut transaction = self.begin(APPENDING).await?;
        let seqs = self.write(&mut transaction, lease, trade_date, run, entries).await?;
        let answered = answer(&mut *transaction, message, seqs[0]).await;
        if !answered.map_err(self.failed(APPENDING))? {
            return Err(self.no_open_message(message));
        }
        transaction.commit().await.map_err(self.failed(APPENDING))?;
        Ok(seqs)
    }

    async fn write(
        &self,
        connection: &mut AnyConnection,
        lease: &Lease,
        trade_date: jiff::civil::Date,
        run: &str,
        entries: &[Entry],
    ) -> Result<Vec<i64>, JournalError> {
        let failed = self.failed(APPENDING);
        if !hold(connection, lease).await.map_err(&failed)? {
            return Err(self.lease_lost(lease).await);
        }
        let head = head_of(&mut *connection, lease.account()).await.map_err(&failed)?;
        let mut chain = match head {
            Some(head) => Chain::after(lease.account(), head),
            None => Chain::empty(lease.account()),
        };
        let trade_date = trade_date.to_string();
        let mut seqs = Vec::with_capacity(entries.len());
        for entry in entries {
            let event = chain.seal(lease.fence(), &trade_date, run, entry);
            if !insert(connection, lease, &event).await.map_err(&failed)? {
                return Err(self.lease_lost(lease).await);
            }
            seqs.push(event.seq);
        }
        Ok(seqs)
    }
}

/// Inserts one event if the lease is still live; `false` if not.
async fn insert(connection: &mut AnyConnection, lease: &Lease, event: &StoredEvent) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "INSERT INTO event (seq, account, trade_date, run, fence, at_us, kind, version, \
                            order_ref, body, prev, hash) \
         SELECT $1, account, $3, $4, fence, $6, $7, $8, $9, $10, $11, $12 \
         FROM lease WHERE account = $2 AND fence = $5 AND holder = $13",
    )
    .bind(event.seq)
    .bind(event.account.as_str())
    .bind(event.trade_date.as_str())
    .bind(event.run.as_str())
    .bind(event.fence)
    .bind(event.at_us)
    .bind(event.kind.as_str())
    .bind(i64::from(event.version))
    .bind(event.order_ref.as_deref())
    .bind(event.body.as_str())
    .bind(event.prev.as_str())
    .bind(event.hash.as_str())
    .bind(lease.holder())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Inserts an event that was written before, with everything it had.
pub(crate) async fn insert_as_it_was(connection: &mut AnyConnection, event: &StoredEvent) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO event (seq, account, trade_date, run, fence, at_us, kind, version, \
                            order_ref, body, prev, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(event.seq)
    .bind(event.account.as_str())
    .bind(event.trade_date.as_str())
    .bind(event.run.as_str())
    .bind(event.fence)
    .bind(event.at_us)
    .bind(event.kind.as_str())
    .bind(i64::from(event.version))
    .bind(event.order_ref.as_deref())
    .bind(event.body.as_str())
    .bind(event.prev.as_str())
    .bind(event.hash.as_str())
    .execute(connection)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: String) -> Entry {
        Entry { at_us: 0, kind: "plan".into(), version: 1, order_ref: None, body }
    }

    #[tokio::test]
    async fn a_batch_that_fills_the_disk_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path().join("journal.db").as_path()).await.expect("opens");
        let lease = journal.acquire_lease("DU1", "first", 0, 1, None).await.expect("a free lease");
        let day = jiff::civil::date(2015, 8, 24);

        // SQLite answers as on a full disk; the limit is a connection's own.
        let limit = async |pages: &'static str| {
            let mut connections = Vec::new();
            for _ in 0..journal.pool.options().get_max_connections() {
                connections.push(journal.pool.acquire().await.expect("a connection"));
            }
            for connection in &mut connections {
                sqlx::query(pages).execute(&mut **connection).await.expect("sets the limit");
            }
        };
        limit("PRAGMA max_page_count = 30").await;
        let batch = [entry("{}".into()), entry("x".repeat(200_000))];
        let refused = journal.append(&lease, day, "run-1", &batch).await.expect_err("full");
        assert!(matches!(refused, JournalError::Unavailable { .. }), "{refused}");
        assert_eq!(journal.head("DU1").await.expect("reads"), None);

        limit("PRAGMA max_page_count = 1000").await;
        assert_eq!(journal.append(&lease, day, "run-1", &batch).await.expect("fits"), [1, 2]);
        assert_eq!(journal.verify("DU1", None).await.expect("whole").events, 2);
    }
}
