//! Records out of a file into an empty journal.
//! In: a file of records, and a place that holds none. Out: the same journal there, or a part of one to be read.
//! Invariant: everything or nothing; what is committed was proved event by event, and nothing is written over.

use std::path::Path;

use sqlx::{AnyConnection, Row};

use crate::append::insert_as_it_was;
use crate::archive::{Attachment, Line, Reader, Scope};
use crate::chain::Chain;
use crate::error::JournalError;
use crate::event::{Head, sha256_hex};
use crate::{Journal, Verified};

const RESTORING: &str = "restore to";

/// What was put into an empty journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Which records the file held.
    pub scope: Scope,
    /// Every account with its chain, as it was found when everything was in place.
    pub chains: Vec<(String, Verified)>,
    /// The texts that came with the records.
    pub attachments: Vec<Attachment>,
}

impl Journal {
    /// Puts the records of a file into this journal, which must be empty.
    ///
    /// A file with everything gives a journal to go on with. A file with one trade date, which is taken only with
    /// `parts`, gives an excerpt: it can be read, verified and replayed, and no engine gets a lease on it.
    ///
    /// # Errors
    /// [`JournalError::NotEmpty`]; [`JournalError::Archive`]; [`JournalError::Damaged`] when the file holds a chain
    /// that does not fit; [`JournalError::Unavailable`]. Nothing was written then.
    pub async fn restore(&self, file: &Path, parts: bool) -> Result<Restored, JournalError> {
        let (mut reader, scope, attachments) = Reader::open(file)?;
        if let (Scope::Date(date), false) = (scope, parts) {
            return Err(reader.bad(&format!("it holds {date} only and is no backup; `journal import` reads it")));
        }
        let mut transaction = self.begin(RESTORING).await?;
        if let Err(error) = self.fill(&mut transaction, &mut reader).await {
            // Undone before anybody is told, so that the next one finds the place free; if that fails, so does what comes next.
            let _ = transaction.rollback().await;
            return Err(error);
        }
        transaction.commit().await.map_err(self.failed(RESTORING))?;
        let mut chains = Vec::new();
        for account in self.accounts().await? {
            let verified = self.verify(&account, None).await?;
            chains.push((account, verified));
        }
        Ok(Restored { scope, chains, attachments })
    }

    /// Writes every line of a file, checked as it is read.
    async fn fill(&self, connection: &mut AnyConnection, reader: &mut Reader) -> Result<(), JournalError> {
        if !is_empty(connection).await.map_err(self.failed(RESTORING))? {
            return Err(JournalError::NotEmpty { place: self.place.clone() });
        }
        let mut chain: Option<Chain> = None;
        let mut origin = None;
        while let Some(line) = reader.next()? {
            match line {
                Line::Event(event) => {
                    if chain.as_ref().is_none_or(|chain| chain.account() != event.account) {
                        chain = Some(begun(&event.account, origin.take()));
                    }
                    let chain = chain.as_mut().expect("just begun");
                    chain.check(&event).map_err(|damage| reader.bad(&damage.to_string()))?;
                    insert_as_it_was(connection, &event).await.map_err(self.failed(RESTORING))?;
                }
                Line::Origin { account, head } => {
                    write_origin(connection, &account, &head).await.map_err(self.failed(RESTORING))?;
                    origin = Some((account, head));
                }
                Line::Blob { hash, body } => {
                    let bytes = from_hex(&body).filter(|bytes| sha256_hex(bytes) == hash);
                    let bytes = bytes.ok_or_else(|| reader.bad("a blob is not what its hash says"))?;
                    write_blob(connection, &hash, &bytes).await.map_err(self.failed(RESTORING))?;
                }
                Line::Fence { .. } | Line::Message { .. } => {
                    write_standing(connection, &line).await.map_err(self.failed(RESTORING))?;
                }
                Line::Journal { .. } | Line::End { .. } => return Err(reader.bad("it begins a second time")),
            }
        }
        Ok(())
    }
}

fn begun(account: &str, origin: Option<(String, Head)>) -> Chain {
    match origin {
        Some((name, head)) if name == account => Chain::after(account, head),
        _ => Chain::empty(account),
    }
}

async fn is_empty(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM event) + (SELECT COUNT(*) FROM blob) + (SELECT COUNT(*) FROM lease) \
              + (SELECT COUNT(*) FROM inbox) + (SELECT COUNT(*) FROM origin)",
    )
    .fetch_one(connection)
    .await?;
    Ok(row.try_get::<i64, _>(0)? == 0)
}

async fn write_origin(connection: &mut AnyConnection, account: &str, head: &Head) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT INTO origin (account, seq, hash) VALUES ($1, $2, $3)");
    insert.bind(account).bind(head.seq).bind(head.hash.as_str()).execute(connection).await.map(drop)
}

async fn write_blob(connection: &mut AnyConnection, hash: &str, bytes: &[u8]) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT INTO blob (hash, body) VALUES ($1, $2)");
    insert.bind(hash).bind(bytes).execute(connection).await.map(drop)
}

/// Fencing numbers of leases that nobody holds any more, and messages.
async fn write_standing(connection: &mut AnyConnection, line: &Line) -> Result<(), sqlx::Error> {
    match line {
        Line::Fence { account, fence } => {
            let insert = sqlx::query("INSERT INTO lease (account, holder, fence, until_us) VALUES ($1, '', $2, 0)");
            insert.bind(account.as_str()).bind(*fence).execute(connection).await.map(drop)
        }
        Line::Message { id, account, at_us, who, body, done_seq } => {
            let insert = sqlx::query(
                "INSERT INTO inbox (id, account, at_us, who, body, done_seq) VALUES ($1, $2, $3, $4, $5, $6)",
            );
            let insert = insert.bind(*id).bind(account.as_str()).bind(*at_us).bind(who.as_str()).bind(body.as_str());
            insert.bind(*done_seq).execute(connection).await.map(drop)
        }
        _ => Ok(()),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
