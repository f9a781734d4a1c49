//! What is to be told to people: messages that wait until they were delivered.
//! In: messages with a key. Out: the next one of a channel that is due. Invariant: a key is taken once per channel, so that
//! who puts the same messages together again tells nothing twice; a message is claimed before it is sent.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::Journal;
use crate::error::JournalError;

const READING: &str = "read the outbox in";
const WRITING: &str = "write to the outbox in";

/// A message to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Where to, such as `telegram:-1001`.
    pub channel: String,
    /// What it is about, such as `daily:2026-03-02`: the second of a key is dropped.
    pub key: String,
    /// The event it comes from; messages of a channel are delivered in this order.
    pub seq: i64,
    /// The text.
    pub body: String,
}

/// A message whose turn it is, claimed by who asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The message.
    pub post: Post,
    /// How often it was tried before.
    pub tries: i64,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It arrived.
    Done,
    /// It is tried again.
    Again {
        /// From this instant on, microseconds since 1970 UTC.
        next_us: i64,
        /// Why it did not arrive.
        trouble: String,
    },
    /// It is given up.
    GivenUp {
        /// Why.
        trouble: String,
    },
}

/// How an outbox stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages that wait.
    pub waiting: i64,
    /// Messages that were delivered.
    pub delivered: i64,
    /// Messages that were given up.
    pub given_up: i64,
}

impl Journal {
    /// The last event messages were put together from; `None` when nobody ever did.
    pub async fn told_up_to(&self, account: &str) -> Result<Option<i64>, JournalError> {
        let failed = self.failed(READING);
        let row = sqlx::query("SELECT seq FROM courier WHERE account = $1").bind(account);
        let row = row.fetch_optional(&self.pool).await.map_err(&failed)?;
        row.map(|row| row.try_get(0).map_err(&failed)).transpose()
    }

    /// Keeps messages, and that they were put together from the events up to `seq`: all or nothing.
    pub async fn post(&self, account: &str, seq: i64, posts: &[Post]) -> Result<(), JournalError> {
        let failed = self.failed(WRITING);
        let mut transaction = self.begin(WRITING).await?;
        let moved = "INSERT INTO courier (account, seq) VALUES ($1, $2) \
                     ON CONFLICT (account) DO UPDATE SET seq = excluded.seq WHERE courier.seq < excluded.seq";
        sqlx::query(moved).bind(account).bind(seq).execute(&mut *transaction).await.map_err(&failed)?;
        for post in posts {
            let insert = "INSERT INTO outbox (account, channel, key, seq, body, tries, next_us) \
                          VALUES ($1, $2, $3, $4, $5, 0, 0) ON CONFLICT (account, channel, key) DO NOTHING";
            let insert = sqlx::query(insert).bind(account).bind(post.channel.as_str()).bind(post.key.as_str());
            let insert = insert.bind(post.seq).bind(post.body.as_str());
            insert.execute(&mut *transaction).await.map_err(&failed)?;
        }
        transaction.commit().await.map_err(&failed)
    }

    /// Whether a channel has a message of this key, delivered or not.
    pub async fn is_posted(&self, account: &str, channel: &str, key: &str) -> Result<bool, JournalError> {
        let query = sqlx::query("SELECT 1 FROM outbox WHERE account = $1 AND channel = $2 AND key = $3");
        let row = query.bind(account).bind(channel).bind(key).fetch_optional(&self.pool).await;
        row.map(|row| row.is_some()).map_err(self.failed(READING))
    }

    /// The oldest message of a channel that is not delivered, when its time has come. It is claimed until `claimed_us`:
    /// whoever asks before that gets nothing, and after that, if nothing became of it, gets it again.
    pub async fn next_post(
        &self,
        account: &str,
        channel: &str,
        now_us: i64,
        claimed_us: i64,
    ) -> Result<Option<Due>, JournalError> {
        let failed = self.failed(READING);
        let text = "SELECT key, seq, body, tries, next_us FROM outbox \
                    WHERE account = $1 AND channel = $2 AND done_us IS NULL ORDER BY seq, key LIMIT 1";
        let row = sqlx::query(text).bind(account).bind(channel).fetch_optional(&self.pool).await.map_err(&failed)?;
        let Some(row) = row else { return Ok(None) };
        let next_us: i64 = row.try_get(4).map_err(&failed)?;
        if next_us > now_us {
            return Ok(None);
        }
        let due = due(&row, channel).map_err(&failed)?;
        let claim = "UPDATE outbox SET tries = tries + 1, next_us = $5 \
                     WHERE account = $1 AND channel = $2 AND key = $3 AND tries = $4 AND done_us IS NULL";
        let claim = sqlx::query(claim).bind(account).bind(channel).bind(due.post.key.as_str());
        let claimed = claim.bind(due.tries).bind(claimed_us).execute(&self.pool).await.map_err(self.failed(WRITING))?;
        Ok((claimed.rows_affected() == 1).then_some(due))
    }

    /// Notes what became of a claimed message.
    pub async fn settle_post(
        &self,
        account: &str,
        post: &Post,
        now_us: i64,
        delivery: &Delivery,
    ) -> Result<(), JournalError> {
        let (next_us, done_us, trouble) = match delivery {
            Delivery::Done => (0, Some(now_us), None),
            Delivery::Again { next_us, trouble } => (*next_us, None, Some(trouble.as_str())),
            Delivery::GivenUp { trouble } => (0, Some(now_us), Some(trouble.as_str())),
        };
        let text = "UPDATE outbox SET next_us = $4, done_us = $5, trouble = $6 \
                    WHERE account = $1 AND channel = $2 AND key = $3";
        let update = sqlx::query(text).bind(account).bind(post.channel.as_str()).bind(post.key.as_str());
        let update = update.bind(next_us).bind(done_us).bind(trouble);
        update.execute(&self.pool).await.map(drop).map_err(self.failed(WRITING))
    }

    /// How many messages wait, were delivered, were given up.
    pub async fn outbox(&self, account: &str) -> Result<Standing, JournalError> {
        let failed = self.failed(READING);
        let text = "SELECT COUNT(*), COUNT(done_us), COUNT(CASE WHEN done_us IS NOT NULL THEN trouble END) \
                    FROM outbox WHERE account = $1";
        let row = sqlx::query(text).bind(account).fetch_one(&self.pool).await.map_err(&failed)?;
        let column = |index: usize| row.try_get::<i64, _>(index).map_err(&failed);
        let (all, done, given_up) = (column(0)?, column(1)?, column(2)?);
        Ok(Standing { waiting: all - done, delivered: done - given_up, given_up })
    }
}

fn due(row: &AnyRow, channel: &str) -> Result<Due, sqlx::Error> {
    let post = Post { channel: channel.to_owned(), key: row.try_get(0)?, seq: row.try_get(1)?, body: row.try_get(2)? };
    Ok(Due { post, tries: row.try_get(3)? })
}
