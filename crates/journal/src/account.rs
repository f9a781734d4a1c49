//! The journal of one account under one lease, as the engine's port sees it.
//! In: records of a trade date. Out: sequence numbers, and records read back.
//! Invariant: the lease is renewed while this value lives, by the journal's clock; every call answers or fails while its
//! caller can still wait, the last one too; a lost lease ends the run.

use std::time::Duration;

use crate::patience::{PATIENCE, answered};
use crate::{Entry, Journal, JournalError, Lease, StateLock, StoredEvent};
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{Record, StoredRecord};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long a lease lasts without renewal: the longest an engine that died keeps its successor waiting.
const LEASE_US: i64 = 15_000_000;

/// Two renewals in a row may fail before the lease ends.
const RENEWAL: Duration = Duration::from_secs(4);

/// How an engine comes to its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// After an engine that is dead; a living one is an error.
    OfTheDead,
    /// After whoever has it, however long that takes: a warm standby.
    Standby,
}

/// Append-only records of one account, held by one engine.
#[derive(Debug)]
pub struct AccountJournal {
    journal: Journal,
    lease: Lease,
    run: String,
    renewal: Renewal,
    _lock: StateLock,
}

/// A task that ends with the value that started it.
#[derive(Debug)]
struct Renewal(JoinHandle<()>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl AccountJournal {
    /// Takes the account's lease for this process. `lock` proves that no other process of this state folder lives, and
    /// is kept for as long as this value; a journal in that folder is thus taken over at once. On a server the lease of
    /// an engine that died is waited for.
    ///
    /// What another engine wrote until then is walked when the lease is there.
    ///
    /// # Errors
    /// [`JournalError::LeaseHeld`] when another engine trades the account; [`JournalError::Damaged`].
    pub async fn open(
        journal: Journal,
        account: &str,
        run: String,
        lock: StateLock,
        takeover: Takeover,
    ) -> Result<AccountJournal, JournalError> {
        let lease = if lock.guards(journal.place()) {
            let taken = async {
                let now_us = journal.now_us().await?;
                journal.acquire_lease(account, &run, now_us, LEASE_US, Some(&lock)).await
            };
            answered(taken, journal.silent("take the lease in")).await?
        } else {
            let lease = journal.await_lease(account, &run, LEASE_US, takeover == Takeover::Standby).await?;
            journal.verify_since_opening(account).await?;
            lease
        };
        let renewal = Renewal(tokio::spawn(keep_alive(journal.clone(), lease.to_renew())));
        Ok(AccountJournal { journal, lease, run, renewal, _lock: lock })
    }

    /// The fencing number every record of this run carries.
    pub fn fence(&self) -> i64 {
        self.lease.fence()
    }

    /// Keeps bytes by their content, so that records can name them; returns their hash.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    pub async fn keep(&self, bytes: &[u8]) -> Result<String, JournalError> {
        answered(self.journal.put_blob(bytes), self.journal.silent("keep bytes in")).await
    }

    /// Gives the lease back and closes the journal. A storage that hangs is left behind: nothing waits for it any more.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]; the lease then runs out by itself.
    pub async fn close(self) -> Result<(), JournalError> {
        let AccountJournal { journal, lease, renewal, _lock, .. } = self;
        drop(renewal);
        let released = answered(journal.release(lease), journal.silent("release the lease in")).await;
        // What is written stays written, whether the connections end in peace or not.
        let _ = timeout(PATIENCE, journal.clone().close()).await;
        released
    }

    /// What a call gives, or that the storage took too long.
    async fn within<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, ports::JournalError> {
        answered(call, self.journal.silent(doing)).await.map_err(outcome)
    }
}

/// Renews until the lease is lost or the engine ends. A renewal that fails is tried again: if the storage is gone, the
/// next append says so, and if another engine took over, the next append is refused.
async fn keep_alive(journal: Journal, mut lease: Lease) {
    loop {
        sleep(RENEWAL).await;
        let renewed = async {
            let now_us = journal.now_us().await?;
            journal.renew(&mut lease, now_us, LEASE_US).await
        };
        if let Ok(Err(JournalError::LeaseLost { .. })) = timeout(RENEWAL, renewed).await {
            return;
        }
    }
}

impl ports::Journal for AccountJournal {
    async fn append(&mut self, trade_date: Date, records: &[Record]) -> Result<i64, ports::JournalError> {
        let entries: Vec<Entry> = records.iter().map(entry).collect();
        let appended = self.journal.append(&self.lease, trade_date, &self.run, &entries);
        let seqs = self.within("append to", appended).await?;
        Ok(seqs.last().copied().unwrap_or_default())
    }

    async fn messages(&mut self) -> Result<Vec<ports::Message>, ports::JournalError> {
        let open = self.within("read", self.journal.open_inbox(self.lease.account())).await?;
        let message = |message: crate::Message| {
            let at = Timestamp::from_microsecond(message.at_us).unwrap_or_default();
            ports::Message { id: message.id, at, who: message.who, body: message.body }
        };
        Ok(open.into_iter().map(message).collect())
    }

    async fn answer(
        &mut self,
        trade_date: Date,
        message: &ports::Message,
        answer: &Record,
    ) -> Result<(), ports::JournalError> {
        let entries = [entry(answer)];
        let answered = self.journal.append_answer(&self.lease, trade_date, &self.run, &entries, message.id);
        self.within("append to", answered).await.map(drop)
    }

    async fn since(&mut self, kind: &str, seq: i64) -> Result<Vec<StoredRecord>, ports::JournalError> {
        let events = self.within("read", self.journal.events_of_kind(self.lease.account(), kind)).await?;
        events.into_iter().filter(|event| event.seq > seq).map(stored).collect()
    }

    async fn records(&mut self, trade_date: Date) -> Result<Vec<StoredRecord>, ports::JournalError> {
        let events = self.within("read", self.journal.events(self.lease.account(), trade_date)).await?;
        events.into_iter().map(stored).collect()
    }

    async fn latest(&mut self, kind: &str) -> Result<Option<StoredRecord>, ports::JournalError> {
        let event = self.within("read", self.journal.last_of_kind(self.lease.account(), kind)).await?;
        event.map(stored).transpose()
    }

    async fn head_at(&mut self, seq: i64) -> Result<String, ports::JournalError> {
        let head = self.within("read", self.journal.head_at(self.lease.account(), seq)).await?;
        Ok(head.to_string())
    }
}

fn entry(record: &Record) -> Entry {
    Entry {
        at_us: record.at.as_microsecond(),
        kind: record.kind.to_owned(),
        version: record.version,
        order_ref: record.order_ref.map(|order_ref| order_ref.to_string()),
        body: record.body.clone(),
    }
}

fn stored(event: StoredEvent) -> Result<StoredRecord, ports::JournalError> {
    let damaged = |what: &str| ports::JournalError::Damaged(format!("record {}: {what}", event.seq));
    Ok(StoredRecord {
        seq: event.seq,
        trade_date: event.trade_date.parse().map_err(|_| damaged("trade date"))?,
        at: Timestamp::from_microsecond(event.at_us).map_err(|_| damaged("time"))?,
        kind: event.kind,
        version: event.version,
        body: event.body,
    })
}

fn outcome(error: JournalError) -> ports::JournalError {
    match error {
        JournalError::LeaseLost { .. } | JournalError::LeaseHeld { .. } | JournalError::StateInUse { .. } => {
            ports::JournalError::LeaseLost(error.to_string())
        }
        JournalError::Damaged { .. } | JournalError::WrittenByNewer { .. } | JournalError::Excerpt { .. } => {
            ports::JournalError::Damaged(error.to_string())
        }
        JournalError::Unavailable { .. }
        | JournalError::NotFound { .. }
        | JournalError::Address { .. }
        | JournalError::NotEmpty { .. }
        | JournalError::Archive { .. } => ports::JournalError::Down(error.to_string()),
    }
}
