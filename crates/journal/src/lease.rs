//! Who may write for an account: a lease with a fencing number, kept in the journal itself.
//! In: account, holder, and the time as an argument or from the journal. Out: a `Lease` to append with, or who has it.
//! Invariant: every change of hands raises the fencing number, and an append checks the number in
//! its own transaction, so an engine that was taken over can never write again.

use std::time::Duration;

use sqlx::{AnyConnection, Row};

use crate::error::JournalError;
use crate::patience::answered;
use crate::read::origin_of;
use crate::{Head, Journal, StateLock};

/// How often a lease that is not free is asked for again.
const POLL: Duration = Duration::from_millis(500);

/// The right to append to one account's chain, until another engine takes over.
///
/// There is one value per acquisition: it cannot be copied, and releasing consumes it.
#[derive(Debug)]
pub struct Lease {
    account: String,
    holder: String,
    fence: i64,
    until_us: i64,
}

impl Lease {
    /// The account it is for.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The engine that holds it.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// The fencing number, written into every event.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// End of the lease unless renewed, microseconds since 1970 UTC.
    ///
    /// After that another engine may take over. Until one does, appending still works.
    pub fn until_us(&self) -> i64 {
        self.until_us
    }
}

impl Lease {
    /// The same right for the task that keeps it alive; it only renews.
    pub(crate) fn to_renew(&self) -> Lease {
        Lease { account: self.account.clone(), holder: self.holder.clone(), ..*self }
    }
}

impl Journal {
    /// Takes the lease of `account` for `holder` until `now_us + ttl_us`.
    ///
    /// `holder` must be unique per process. A lease that is free, ended or already the holder's
    /// own is granted; the fencing number rises unless it was the holder's own. Another engine's
    /// living lease is `JournalError::LeaseHeld`.
    ///
    /// With `proof_of_death`, the living lease of an earlier engine is taken over at once: after
    /// kill -9 the restarted engine need not wait. The proof is the lock of the folder in which
    /// this journal lies, which every engine on the journal holds for as long as it lives.
    pub async fn acquire_lease(
        &self,
        account: &str,
        holder: &str,
        now_us: i64,
        ttl_us: i64,
        proof_of_death: Option<&StateLock>,
    ) -> Result<Lease, JournalError> {
        assert!(!holder.is_empty(), "an empty holder means that the lease is free");
        assert!(
            proof_of_death.is_none_or(|lock| lock.guards(&self.place)),
            "the lock of another folder proves nothing about engines on {}",
            self.place
        );
        let failed = self.failed("take the lease in");
        self.refuse_excerpt(account).await?;
        let until_us = now_us.saturating_add(ttl_us);
        let free_if_ended_by_us = if proof_of_death.is_some() { i64::MAX } else { now_us };
        let granted = sqlx::query(
            "INSERT INTO lease (account, holder, fence, until_us) VALUES ($1, $2, 1, $3) \
             ON CONFLICT (account) DO UPDATE SET \
               fence = CASE WHEN lease.holder = excluded.holder \
                       THEN lease.fence ELSE lease.fence + 1 END, \
               holder = excluded.holder, \
               until_us = excluded.until_us \
             WHERE lease.holder = excluded.holder OR lease.until_us <= $4 \
             RETURNING fence",
        )
        .bind(account)
        .bind(holder)
        .bind(until_us)
        .bind(free_if_ended_by_us)
        .fetch_optional(&self.pool)
        .await
        .map_err(&failed)?;

        if let Some(row) = granted {
            let fence = row.try_get(0).map_err(&failed)?;
            let (account, holder) = (account.to_owned(), holder.to_owned());
            return Ok(Lease { account, holder, fence, until_us });
        }
        let row = sqlx::query("SELECT holder, until_us FROM lease WHERE account = $1")
            .bind(account)
            .fetch_one(&self.pool)
            .await
            .map_err(&failed)?;
        Err(JournalError::LeaseHeld {
            account: account.to_owned(),
            holder: row.try_get(0).map_err(&failed)?,
            until_us: row.try_get(1).map_err(&failed)?,
        })
    }

    /// Nobody trades on a part of a chain.
    async fn refuse_excerpt(&self, account: &str) -> Result<(), JournalError> {
        match origin_of(&self.pool, account).await.map_err(self.failed("read the lease in"))? {
            None => Ok(()),
            Some(Head { seq: after, .. }) => {
                Err(JournalError::Excerpt { place: self.place.clone(), account: account.to_owned(), after })
            }
        }
    }

    /// The fencing number the account's next holder will have; nothing is taken.
    pub(crate) async fn next_fence(&self, account: &str) -> Result<i64, JournalError> {
        self.refuse_excerpt(account).await?;
        let failed = self.failed("read the lease in");
        let row =
            sqlx::query("SELECT fence + 1 FROM lease WHERE account = $1").bind(account).fetch_optional(&self.pool);
        row.await.map_err(&failed)?.map_or(Ok(1), |row| row.try_get(0)).map_err(&failed)
    }

    /// Extends a lease to `now_us + ttl_us`, or says that it is lost.
    pub async fn renew(&self, lease: &mut Lease, now_us: i64, ttl_us: i64) -> Result<(), JournalError> {
        let until_us = now_us.saturating_add(ttl_us);
        let renewed = sqlx::query("UPDATE lease SET until_us = $4 WHERE account = $1 AND holder = $2 AND fence = $3")
            .bind(lease.account.as_str())
            .bind(lease.holder.as_str())
            .bind(lease.fence)
            .bind(until_us)
            .execute(&self.pool)
            .await
            .map_err(self.failed("renew the lease in"))?;
        if renewed.rows_affected() == 0 {
            return Err(self.lease_lost(lease).await);
        }
        lease.until_us = until_us;
        Ok(())
    }

    /// Takes the lease by the journal's own clock as soon as it is free.
    ///
    /// A lease that nobody renews ends by itself, so an engine that was killed is waited for, for as long as its lease
    /// lasts. One that is renewed meanwhile belongs to a living engine: `patient` waits for that engine's end too, and
    /// for a storage that fails for a while; else both are errors.
    ///
    /// # Errors
    /// [`JournalError::LeaseHeld`] by a living engine; [`JournalError::Unavailable`].
    pub async fn await_lease(
        &self,
        account: &str,
        holder: &str,
        ttl_us: i64,
        patient: bool,
    ) -> Result<Lease, JournalError> {
        let mut first_seen = None;
        loop {
            let trying = async {
                let now_us = self.now_us().await?;
                self.acquire_lease(account, holder, now_us, ttl_us, None).await
            };
            match answered(trying, self.silent("take the lease in")).await {
                Err(JournalError::LeaseHeld { until_us, .. })
                    if patient || *first_seen.get_or_insert(until_us) == until_us => {}
                Err(JournalError::Unavailable { .. }) if patient => {}
                decided => return decided,
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Gives a lease back, so that the next engine need not wait for its end.
    pub async fn release(&self, lease: Lease) -> Result<(), JournalError> {
        let released = sqlx::query(
            "UPDATE lease SET holder = '', until_us = 0 \
             WHERE account = $1 AND holder = $2 AND fence = $3",
        )
        .bind(lease.account.as_str())
        .bind(lease.holder.as_str())
        .bind(lease.fence)
        .execute(&self.pool)
        .await
        .map_err(self.failed("release the lease in"))?;
        if released.rows_affected() == 0 {
            return Err(self.lease_lost(&lease).await);
        }
        Ok(())
    }

    /// Ends the lease of an engine that is known to be dead; another's is left alone.
    pub(crate) async fn bury(&self, account: &str, dead: &str) -> Result<(), JournalError> {
        let ended = sqlx::query("UPDATE lease SET holder = '', until_us = 0 WHERE account = $1 AND holder = $2");
        ended
            .bind(account)
            .bind(dead)
            .execute(&self.pool)
            .await
            .map_err(self.failed("end the lease of a dead engine in"))?;
        Ok(())
    }

    /// Who holds the account's lease and until when (microseconds since 1970 UTC); `None` while nobody does.
    pub async fn holder(&self, account: &str) -> Result<Option<(String, i64)>, JournalError> {
        let failed = self.failed("read the lease in");
        let row = sqlx::query("SELECT holder, until_us FROM lease WHERE account = $1 AND holder <> ''")
            .bind(account)
            .fetch_optional(&self.pool)
            .await
            .map_err(&failed)?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose().map_err(&failed)
    }

    /// The error of an engine that was taken over, naming its successor.
    pub(crate) async fn lease_lost(&self, lease: &Lease) -> JournalError {
        let successor = sqlx::query("SELECT holder, fence FROM lease WHERE account = $1")
            .bind(lease.account.as_str())
            .fetch_optional(&self.pool)
            .await
            .ok()
            .flatten()
            .and_then(|row| Some((row.try_get::<String, _>(0).ok()?, row.try_get::<i64, _>(1).ok()?)));
        let now = match successor {
            Some((holder, fence)) if !holder.is_empty() => {
                format!("{holder} holds it with fence {fence}")
            }
            _ => "nobody holds it".to_owned(),
        };
        JournalError::LeaseLost {
            account: lease.account.clone(),
            holder: lease.holder.clone(),
            fence: lease.fence,
            now,
        }
    }
}

/// Locks the lease's row until the transaction ends; `false` if the lease is lost.
///
/// Being a write, it must come first: SQLite then waits for another writer here, instead of
/// failing later on a snapshot that went stale, and PostgreSQL lets no take-over slip in between
/// the check and the commit.
pub(crate) async fn hold(connection: &mut AnyConnection, lease: &Lease) -> Result<bool, sqlx::Error> {
    let held = sqlx::query("UPDATE lease SET fence = fence WHERE account = $1 AND holder = $2 AND fence = $3")
        .bind(lease.account.as_str())
        .bind(lease.holder.as_str())
        .bind(lease.fence)
        .execute(connection)
        .await?;
    Ok(held.rows_affected() == 1)
}
