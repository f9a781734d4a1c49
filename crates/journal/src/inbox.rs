//! How an operator reaches a running engine: messages that wait until an event answers them.
//! In: messages from any process. Out: the open ones, oldest first.
//! Invariant: a message is done exactly when it names the event that answered it, and it is
//! answered once.

use sqlx::{Any, Executor, Row};

use crate::Journal;
use crate::error::JournalError;

const READING: &str = "read the inbox in";
const WRITING: &str = "write to the inbox in";

/// A message from an operator that no event has answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its number in the inbox.
    pub id: i64,
    /// The account it is for.
    pub account: String,
    /// When it was sent, microseconds since 1970 UTC.
    pub at_us: i64,
    /// Who sent it.
    pub who: String,
    /// What it says, as JSON text.
    pub body: String,
}

impl Journal {
    /// Leaves a message for the account's engine and returns its number. Needs no lease.
    pub async fn send_to_inbox(&self, account: &str, at_us: i64, who: &str, body: &str) -> Result<i64, JournalError> {
        loop {
            match self.numbered(account, at_us, who, body).await {
                // On a server another message can take the number between reading and writing; the next one is free.
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
                sent => return sent.map_err(self.failed(WRITING)),
            }
        }
    }

    async fn numbered(&self, account: &str, at_us: i64, who: &str, body: &str) -> Result<i64, sqlx::Error> {
        sqlx::query(
            "INSERT INTO inbox (id, account, at_us, who, body) \
             SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4 FROM inbox \
             RETURNING id",
        )
        .bind(account)
        .bind(at_us)
        .bind(who)
        .bind(body)
        .fetch_one(&self.pool)
        .await?
        .try_get(0)
    }

    /// The messages for the account that no event has answered, oldest first.
    pub async fn open_inbox(&self, account: &str) -> Result<Vec<Message>, JournalError> {
        let failed = self.failed(READING);
        let rows = sqlx::query(
            "SELECT id, account, at_us, who, body FROM inbox \
             WHERE account = $1 AND done_seq IS NULL ORDER BY id",
        )
        .bind(account)
        .fetch_all(&self.pool)
        .await
        .map_err(&failed)?;
        let message = |row: &sqlx::any::AnyRow| {
            Ok(Message {
                id: row.try_get(0)?,
                account: row.try_get(1)?,
                at_us: row.try_get(2)?,
                who: row.try_get(3)?,
                body: row.try_get(4)?,
            })
        };
        rows.iter().map(|row| message(row).map_err(&failed)).collect()
    }

    /// Marks a message done by the event `seq`.
    ///
    /// Where the answer is still to be written, `append_answer` does both at once.
    pub async fn mark_done(&self, message: i64, seq: i64) -> Result<(), JournalError> {
        if answer(&self.pool, message, seq).await.map_err(self.failed(WRITING))? {
            return Ok(());
        }
        Err(self.no_open_message(message))
    }

    pub(crate) fn no_open_message(&self, message: i64) -> JournalError {
        JournalError::NotFound {
            what: format!("open message {message} in the inbox of {}", self.place),
            remedy: ": it was answered before, or never sent",
        }
    }
}

/// Notes the answering event; `false` if no such message is open.
pub(crate) async fn answer<'c>(
    executor: impl Executor<'c, Database = Any>,
    message: i64,
    seq: i64,
) -> Result<bool, sqlx::Error> {
    let answered = sqlx::query("UPDATE inbox SET done_seq = $2 WHERE id = $1 AND done_seq IS NULL")
        .bind(message)
        .bind(seq)
        .execute(executor)
        .await?;
    Ok(answered.rows_affected() == 1)
}
