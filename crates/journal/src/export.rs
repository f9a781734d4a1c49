//! Records out of a journal into a file: a whole journal for a second place, or one trade date for another machine.
//! In: a scope and a file name. Out: the file, as the journal was at one moment, engine running or not.
//! Invariant: no event and no blob leaves that is not what was written.

use std::path::Path;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Row, SqlSafeStr, Transaction};

use crate::archive::{Attachment, Line, Scope, Writer};
use crate::chain::check_content;
use crate::error::JournalError;
use crate::event::Head;
use crate::read::{accounts_of, page_of};
use crate::{Journal, Place};

const EXPORTING: &str = "export from";

/// What a written file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Records of all accounts.
    pub events: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// The last record of every account in it.
    pub heads: Vec<(String, Head)>,
}

impl Journal {
    /// Writes records to a new file, as they are at one moment; an engine may go on writing meanwhile.
    ///
    /// # Errors
    /// [`JournalError::Archive`] when the file exists or cannot be written; [`JournalError::NotFound`] for a date
    /// without records; [`JournalError::Damaged`].
    pub async fn export(
        &self,
        scope: Scope,
        attachments: Vec<Attachment>,
        out: &Path,
    ) -> Result<Exported, JournalError> {
        let mut writer = Writer::create(out, scope, attachments)?;
        match self.write_all(scope, &mut writer).await {
            Ok((events, heads)) => Ok(Exported { events, bytes: writer.finish()?, heads }),
            Err(error) => {
                writer.abandon();
                Err(error)
            }
        }
    }

    async fn write_all(&self, scope: Scope, writer: &mut Writer) -> Result<(u64, Vec<(String, Head)>), JournalError> {
        let mut moment = self.moment().await?;
        let (mut events, mut heads, mut named) = (0, Vec::new(), String::new());
        for account in accounts_of(&mut *moment).await.map_err(self.failed(EXPORTING))? {
            let (first, last) = span(&mut moment, &account, scope).await.map_err(self.failed(EXPORTING))?;
            let mut next = first;
            loop {
                let page = page_of(&mut moment, &self.place, &account, next, last).await?;
                let Some(end) = page.last() else { break };
                next = end.seq + 1;
                let head = Head { seq: end.seq, hash: end.hash.clone() };
                heads.retain(|(name, _)| *name != account);
                heads.push((account.clone(), head));
                events += page.len() as u64;
                for event in page {
                    check_content(&event).map_err(|damage| JournalError::damaged(&self.place, damage))?;
                    if event.seq == first && first > 1 {
                        let head = Head { seq: first - 1, hash: event.prev.clone() };
                        writer.line(&Line::Origin { account: account.clone(), head })?;
                    }
                    if scope != Scope::All {
                        named.push_str(&event.body);
                    }
                    writer.line(&Line::Event(event))?;
                }
            }
        }
        if let (Scope::Date(date), true) = (scope, heads.is_empty()) {
            let what = format!("record of {date} in {}", self.place);
            return Err(JournalError::NotFound { what, remedy: "" });
        }
        for hash in self.blob_hashes().await? {
            if scope == Scope::All || named.contains(&hash) {
                let body = crate::event::hex(&self.blob(&hash).await?);
                writer.line(&Line::Blob { hash, body })?;
            }
        }
        if scope == Scope::All {
            self.write_standing(&mut moment, writer).await?;
        }
        moment.rollback().await.map_err(self.failed(EXPORTING))?;
        Ok((events, heads))
    }

    /// A transaction that sees the journal as it is now, however long it reads.
    async fn moment(&self) -> Result<Transaction<'static, Any>, JournalError> {
        let begin = match &self.place {
            Place::File(_) => "BEGIN",
            Place::Server(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.pool.begin_with(begin.into_sql_str()).await.map_err(self.failed(EXPORTING))
    }

    /// What is not history: fencing numbers, which must never fall back, and messages.
    async fn write_standing(&self, moment: &mut AnyConnection, writer: &mut Writer) -> Result<(), JournalError> {
        let failed = self.failed(EXPORTING);
        let leases = sqlx::query("SELECT account, fence FROM lease ORDER BY account");
        for row in leases.fetch_all(&mut *moment).await.map_err(&failed)? {
            let account = row.try_get(0).map_err(&failed)?;
            writer.line(&Line::Fence { account, fence: row.try_get(1).map_err(&failed)? })?;
        }
        let messages = sqlx::query("SELECT id, account, at_us, who, body, done_seq FROM inbox ORDER BY id");
        for row in messages.fetch_all(&mut *moment).await.map_err(&failed)? {
            writer.line(&message(&row).map_err(&failed)?)?;
        }
        Ok(())
    }
}

fn message(row: &AnyRow) -> Result<Line, sqlx::Error> {
    Ok(Line::Message {
        id: row.try_get(0)?,
        account: row.try_get(1)?,
        at_us: row.try_get(2)?,
        who: row.try_get(3)?,
        body: row.try_get(4)?,
        done_seq: row.try_get(5)?,
    })
}

/// First and last number of an account's events in a scope; a span without events when there are none.
async fn span(connection: &mut AnyConnection, account: &str, scope: Scope) -> Result<(i64, i64), sqlx::Error> {
    let (from, to) = match scope {
        Scope::All => (String::new(), "~".to_owned()),
        Scope::Date(date) => (date.to_string(), date.to_string()),
    };
    let row = sqlx::query(
        "SELECT COALESCE(MIN(seq), 1), COALESCE(MAX(seq), 0) FROM event \
         WHERE account = $1 AND trade_date >= $2 AND trade_date <= $3",
    )
    .bind(account)
    .bind(from)
    .bind(to)
    .fetch_one(connection)
    .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}
