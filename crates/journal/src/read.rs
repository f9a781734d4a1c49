//! Reading back, and proving that what is read is what was written.
//! In: account, day, kind, or a head reported earlier. Out: events in order, or the first damage.
//! Invariant: no event is handed out whose content does not give its hash.

use futures::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor, Row};

use crate::chain::{Chain, check_content};
use crate::error::{Damage, JournalError};
use crate::event::{Head, StoredEvent};
use crate::patience::{answered, driver_answered};
use crate::{Journal, Place};

const READING: &str = "read";

/// Events fetched at once while walking a chain; bounds the memory, not the answer.
const PAGE: i64 = 256;

macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT seq, account, trade_date, run, fence, at_us, kind, version, order_ref, body, \
             prev, hash FROM event ",
            $rest
        )
    };
}

/// A chain that was walked from its first event and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Number of events in the chain.
    pub events: i64,
    /// The event before the first, where only a part of a chain is here; else `None`.
    pub origin: Option<Head>,
    /// Its last event, to be reported and given to a later verification; `None` without events.
    pub head: Option<Head>,
}

impl Journal {
    /// The events of one trade date, in the order they were written.
    pub async fn events(&self, account: &str, trade_date: jiff::civil::Date) -> Result<Vec<StoredEvent>, JournalError> {
        let rows = sqlx::query(select_events!("WHERE account = $1 AND trade_date = $2 ORDER BY seq"))
            .bind(account)
            .bind(trade_date.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed(READING))?;
        rows.iter().map(|row| self.proved(row)).collect()
    }

    /// The events of one kind on all days, in the order they were written.
    pub async fn events_of_kind(&self, account: &str, kind: &str) -> Result<Vec<StoredEvent>, JournalError> {
        let rows = sqlx::query(select_events!("WHERE account = $1 AND kind = $2 ORDER BY seq"))
            .bind(account)
            .bind(kind)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed(READING))?;
        rows.iter().map(|row| self.proved(row)).collect()
    }

    /// The newest event of one kind, if there is any.
    pub async fn last_of_kind(&self, account: &str, kind: &str) -> Result<Option<StoredEvent>, JournalError> {
        let row = sqlx::query(select_events!("WHERE account = $1 AND kind = $2 ORDER BY seq DESC LIMIT 1"))
            .bind(account)
            .bind(kind)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed(READING))?;
        row.map(|row| self.proved(&row)).transpose()
    }

    /// The next events of some kinds after an event, in the order they were written; a page of them, empty at the end.
    pub async fn events_after(
        &self,
        account: &str,
        seq: i64,
        kinds: &[&str],
    ) -> Result<Vec<StoredEvent>, JournalError> {
        let places: Vec<String> = (0..kinds.len()).map(|index| format!("${}", index + 4)).collect();
        let text = format!(
            select_events!("WHERE account = $1 AND seq > $2 AND kind IN ({}) ORDER BY seq LIMIT $3"),
            places.join(", ")
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(account).bind(seq).bind(PAGE);
        let query = kinds.iter().fold(query, |query, kind| query.bind(*kind));
        let rows = query.fetch_all(&self.pool).await.map_err(self.failed(READING))?;
        rows.iter().map(|row| self.proved(row)).collect()
    }

    /// The accounts that have a chain here, in ascending order.
    pub async fn accounts(&self) -> Result<Vec<String>, JournalError> {
        accounts_of(&self.pool).await.map_err(self.failed(READING))
    }

    /// The trade dates that have events, ISO text in ascending order.
    pub async fn days(&self, account: &str) -> Result<Vec<String>, JournalError> {
        let failed = self.failed(READING);
        let rows = sqlx::query("SELECT DISTINCT trade_date FROM event WHERE account = $1 ORDER BY trade_date")
            .bind(account)
            .fetch_all(&self.pool)
            .await
            .map_err(&failed)?;
        rows.iter().map(|row| row.try_get(0).map_err(&failed)).collect()
    }

    /// The last event of the account's chain; `None` without events.
    pub async fn head(&self, account: &str) -> Result<Option<Head>, JournalError> {
        head_of(&self.pool, account).await.map_err(self.failed(READING))
    }

    /// The end of the account's chain when the event `seq` was its last.
    ///
    /// # Errors
    /// [`JournalError::NotFound`] when there is no such event.
    pub async fn head_at(&self, account: &str, seq: i64) -> Result<Head, JournalError> {
        let row = sqlx::query(select_events!("WHERE account = $1 AND seq = $2"))
            .bind(account)
            .bind(seq)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed(READING))?;
        let what = || format!("record {seq} of account {account} in {}", self.place);
        let row = row.ok_or_else(|| JournalError::NotFound { what: what(), remedy: "" })?;
        self.proved(&row).map(|event| Head { seq, hash: event.hash })
    }

    /// Walks the account's chain from its first event; any changed column is found.
    ///
    /// A chain alone cannot show that its end was cut off, or that it was written anew as a
    /// whole; `reported`, a head kept elsewhere such as in a daily report, shows both.
    pub async fn verify(&self, account: &str, reported: Option<&Head>) -> Result<Verified, JournalError> {
        let mut connection = self.pool.acquire().await.map_err(self.failed(READING))?;
        verify_chain(&mut connection, &self.place, account, None, reported).await
    }

    /// Walks what was added to the account's chain after `walked`, where a walk ended.
    pub(crate) async fn verify_after(&self, account: &str, walked: Option<Head>) -> Result<(), JournalError> {
        if let Some(walked) = &walked {
            let damaged = |damage| Err(JournalError::damaged(&self.place, damage));
            match answered(self.head_at(account, walked.seq), self.silent(READING)).await {
                Ok(head) if head == *walked => {}
                Ok(head) => return damaged(rewritten(account, walked, &head.hash)),
                Err(JournalError::NotFound { .. }) => {
                    let last = self.head(account).await?.map_or(0, |head| head.seq);
                    return damaged(Damage::Cut { account: account.to_owned(), reported: walked.seq, last });
                }
                Err(error) => return Err(error),
            }
        }
        let mut connection = self.pool.acquire().await.map_err(self.failed(READING))?;
        verify_chain(&mut connection, &self.place, account, walked, None).await.map(drop)
    }

    fn proved(&self, row: &AnyRow) -> Result<StoredEvent, JournalError> {
        let event = event_from(row).map_err(self.failed(READING))?;
        match check_content(&event) {
            Ok(()) => Ok(event),
            Err(damage) => Err(JournalError::damaged(&self.place, damage)),
        }
    }
}

/// The last event of an account's chain.
pub(crate) async fn head_of<'c>(
    executor: impl Executor<'c, Database = Any>,
    account: &str,
) -> Result<Option<Head>, sqlx::Error> {
    sqlx::query("SELECT seq, hash FROM event WHERE account = $1 ORDER BY seq DESC LIMIT 1")
        .bind(account)
        .fetch_optional(executor)
        .await?
        .map(|row| Ok(Head { seq: row.try_get(0)?, hash: row.try_get(1)? }))
        .transpose()
}

/// The event before the first, where only a part of the account's chain is here.
pub(crate) async fn origin_of<'c>(
    executor: impl Executor<'c, Database = Any>,
    account: &str,
) -> Result<Option<Head>, sqlx::Error> {
    sqlx::query("SELECT seq, hash FROM origin WHERE account = $1")
        .bind(account)
        .fetch_optional(executor)
        .await?
        .map(|row| Ok(Head { seq: row.try_get(0)?, hash: row.try_get(1)? }))
        .transpose()
}

/// The accounts that have a chain, in ascending order.
pub(crate) async fn accounts_of<'c>(executor: impl Executor<'c, Database = Any>) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query("SELECT DISTINCT account FROM event ORDER BY account").fetch_all(executor).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Some of an account's events from `first` to `last`, in order; none when there are no more.
pub(crate) async fn page_of(
    connection: &mut AnyConnection,
    place: &Place,
    account: &str,
    first: i64,
    last: i64,
) -> Result<Vec<StoredEvent>, JournalError> {
    let failed = |error| JournalError::from_database(place, READING, error);
    let rows = sqlx::query(select_events!("WHERE account = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq LIMIT $4"))
        .bind(account)
        .bind(first)
        .bind(last)
        .bind(PAGE)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(|row| event_from(row).map_err(failed)).collect()
}

/// Walks every chain in the journal and returns where each ends.
pub(crate) async fn verify_every_chain(
    connection: &mut AnyConnection,
    place: &Place,
) -> Result<Vec<(String, Head)>, JournalError> {
    let failed = |error| JournalError::from_database(place, READING, error);
    let mut heads = Vec::new();
    for account in driver_answered(accounts_of(&mut *connection)).await.map_err(failed)? {
        let verified = verify_chain(connection, place, &account, None, None).await?;
        heads.extend(verified.head.map(|head| (account, head)));
    }
    Ok(heads)
}

/// Walks a chain after `walked`, an event that was found whole before, or from its first event.
async fn verify_chain(
    connection: &mut AnyConnection,
    place: &Place,
    account: &str,
    walked: Option<Head>,
    reported: Option<&Head>,
) -> Result<Verified, JournalError> {
    let damaged = |damage| JournalError::damaged(place, damage);
    let failed = |error| JournalError::from_database(place, READING, error);
    let origin = driver_answered(origin_of(&mut *connection, account)).await.map_err(failed)?;
    if let (Some(before), Some(head)) = (&origin, reported)
        && head.seq <= before.seq
    {
        return Err(JournalError::Excerpt { place: place.clone(), account: account.to_owned(), after: before.seq });
    }
    let mut chain = match walked.as_ref().or(origin.as_ref()) {
        None => Chain::empty(account),
        Some(head) => Chain::after(account, head.clone()),
    };
    let mut page_size = PAGE;
    loop {
        let before = chain.last_seq();
        // Rows are hashed as they come: the database reads the next ones meanwhile.
        let mut rows = sqlx::query(select_events!("WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3"))
            .bind(account)
            .bind(before)
            .bind(page_size)
            .fetch(&mut *connection);
        let failed = loop {
            let row = match driver_answered(rows.try_next()).await {
                Ok(Some(row)) => row,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            let event = event_from(&row).map_err(|error| unreadable(place, &chain, error))?;
            chain.check(&event).map_err(damaged)?;
            if let Some(head) = reported
                && head.seq == event.seq
                && head.hash != event.hash
            {
                return Err(damaged(rewritten(account, head, &event.hash)));
            }
        };
        match failed {
            // One event at a time tells which one it is that cannot be read.
            Some(_) if page_size > 1 => page_size = 1,
            Some(error) => return Err(unreadable(place, &chain, error)),
            None if chain.last_seq() == before => break,
            None => {}
        }
    }
    match reported {
        Some(head) if head.seq > chain.last_seq() => {
            Err(damaged(Damage::Cut { account: account.to_owned(), reported: head.seq, last: chain.last_seq() }))
        }
        _ => {
            let absent = origin.as_ref().map_or(0, |head| head.seq);
            Ok(Verified { events: chain.last_seq() - absent, origin, head: chain.head().cloned() })
        }
    }
}

/// A chain that fits in itself and not to the head reported earlier.
fn rewritten(account: &str, reported: &Head, found: &str) -> Damage {
    Damage::Event {
        account: account.to_owned(),
        seq: reported.seq,
        column: "hash as reported".to_owned(),
        expected: reported.hash.clone(),
        found: found.to_owned(),
    }
}

/// Blames an unreadable value on the event that should come next in the chain.
fn unreadable(place: &Place, chain: &Chain, error: sqlx::Error) -> JournalError {
    const READABLE: &str = "a value of the column's type";
    let damage = match &error {
        sqlx::Error::ColumnDecode { index, source } => {
            chain.broken(index.trim_matches('"'), READABLE, &source.to_string())
        }
        sqlx::Error::Decode(source) => chain.broken("a column", READABLE, &source.to_string()),
        _ => return JournalError::from_database(place, READING, error),
    };
    JournalError::damaged(place, damage)
}

fn event_from(row: &AnyRow) -> Result<StoredEvent, sqlx::Error> {
    let version: i64 = row.try_get("version")?;
    Ok(StoredEvent {
        seq: row.try_get("seq")?,
        account: row.try_get("account")?,
        trade_date: row.try_get("trade_date")?,
        run: row.try_get("run")?,
        fence: row.try_get("fence")?,
        at_us: row.try_get("at_us")?,
        kind: row.try_get("kind")?,
        version: u16::try_from(version)
            .map_err(|source| sqlx::Error::ColumnDecode { index: "version".to_owned(), source: source.into() })?,
        order_ref: row.try_get("order_ref")?,
        body: row.try_get("body")?,
        prev: row.try_get("prev")?,
        hash: row.try_get("hash")?,
    })
}
