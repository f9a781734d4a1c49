//! The journal of one account under one lease, as the engine's port sees it.
//! In: records of a trade date. Out: sequence numbers, and records read back.
//! Invariant: the lease is renewed by wall time before it can run out; a lost lease ends the run.

use crate::{Entry, Head, Journal, JournalError, Lease, StateLock, StoredEvent};
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{Record, StoredRecord};

/// How long a lease lasts without renewal.
const LEASE_US: i64 = 60_000_000;

/// Append-only records of one account, held by one engine.
#[derive(Debug)]
pub struct AccountJournal {
    journal: Journal,
    lease: Lease,
    run: String,
    _lock: StateLock,
}

impl AccountJournal {
    /// Takes the account's lease for this process. `lock` proves that no other process of this state
    /// folder lives, and is kept for as long as this value.
    ///
    /// # Errors
    /// [`JournalError::LeaseHeld`] when another engine trades the account.
    pub async fn open(
        journal: Journal,
        account: &str,
        run: String,
        lock: StateLock,
    ) -> Result<AccountJournal, JournalError> {
        let lease = journal.acquire_lease(account, &run, wall_us(), LEASE_US, Some(&lock)).await?;
        Ok(AccountJournal { journal, lease, run, _lock: lock })
    }

    /// The fencing number every record of this run carries.
    pub fn fence(&self) -> i64 {
        self.lease.fence()
    }

    /// The last record of the chain, to be kept outside of the journal.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    pub async fn head(&self) -> Result<Option<Head>, JournalError> {
        self.journal.head(self.lease.account()).await
    }

    /// Gives the lease back and closes the file.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]; the lease then runs out by itself.
    pub async fn close(self) -> Result<(), JournalError> {
        self.journal.release(self.lease).await?;
        self.journal.close().await;
        Ok(())
    }
}

impl ports::Journal for AccountJournal {
    async fn append(&mut self, trade_date: Date, records: &[Record]) -> Result<i64, ports::JournalError> {
        let now = wall_us();
        if self.lease.until_us() - now < LEASE_US / 2 {
            self.journal.renew(&mut self.lease, now, LEASE_US).await.map_err(outcome)?;
        }
        let entries: Vec<Entry> = records.iter().map(entry).collect();
        let seqs = self.journal.append(&self.lease, trade_date, &self.run, &entries).await.map_err(outcome)?;
        Ok(seqs.last().copied().unwrap_or_default())
    }

    async fn messages(&mut self) -> Result<Vec<ports::Message>, ports::JournalError> {
        let open = self.journal.open_inbox(self.lease.account()).await.map_err(outcome)?;
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
        let answered = self.journal.append_answer(&self.lease, trade_date, &self.run, &entries, message.id).await;
        answered.map(drop).map_err(outcome)
    }

    async fn since(&mut self, kind: &str, seq: i64) -> Result<Vec<StoredRecord>, ports::JournalError> {
        let events = self.journal.events_of_kind(self.lease.account(), kind).await.map_err(outcome)?;
        events.into_iter().filter(|event| event.seq > seq).map(stored).collect()
    }

    async fn records(&mut self, trade_date: Date) -> Result<Vec<StoredRecord>, ports::JournalError> {
        let events = self.journal.events(self.lease.account(), trade_date).await.map_err(outcome)?;
        events.into_iter().map(stored).collect()
    }

    async fn latest(&mut self, kind: &str) -> Result<Option<StoredRecord>, ports::JournalError> {
        let event = self.journal.last_of_kind(self.lease.account(), kind).await.map_err(outcome)?;
        event.map(stored).transpose()
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
        JournalError::Damaged { .. } | JournalError::WrittenByNewer { .. } => {
            ports::JournalError::Damaged(error.to_string())
        }
        JournalError::Unavailable { .. } | JournalError::NotFound { .. } => {
            ports::JournalError::Down(error.to_string())
        }
    }
}

fn wall_us() -> i64 {
    Timestamp::now().as_microsecond()
}
