//! The journal of one account under one lease, as the engine's port sees it.
//! In: records of a trade date. Out: sequence numbers, and records read back.
//! Invariant: nothing is written before all that is stored was walked, from its first record to its last; the lease is renewed
//! while this value lives, by the journal's clock; every call answers or fails while its caller can still wait, the last one
//! too; a lost lease ends the run.

use std::time::Duration;

use crate::patience::{PATIENCE, answered};
use crate::walk::Walk;
use crate::{Entry, Journal, JournalError, Lease, StateLock, StoredEvent, Walking};
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

/// Who is told of every record once it is on the disk, by its number: a log, for example.
pub type Witness = fn(i64, &Record);

/// Append-only records of one account, held by one engine.
#[derive(Debug)]
pub struct AccountJournal {
    journal: Journal,
    account: String,
    run: String,
    fence: i64,
    history: History,
    hold: Option<Hold>,
    /// What is to be kept with the first record.
    kept: Vec<Vec<u8>>,
    lock: StateLock,
    witness: Witness,
}

/// What is known of the records this engine goes on from.
#[derive(Debug)]
enum History {
    /// They are being walked.
    Walking(Walk),
    /// They are what was written.
    Whole,
    /// They are not, or nobody could tell.
    Broken(ports::JournalError),
}

/// A lease that is kept alive.
#[derive(Debug)]
struct Hold {
    lease: Lease,
    renewal: Renewal,
}

impl Hold {
    fn on(lease: Lease, journal: &Journal) -> Hold {
        let renewal = Renewal(tokio::spawn(keep_alive(journal.clone(), lease.to_renew())));
        Hold { lease, renewal }
    }
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
    /// Takes the account for this process. `lock` proves that no other process of this state folder lives, and is kept for as
    /// long as this value; a journal in that folder is thus taken over at once, and on a server the lease of the last engine
    /// of that folder. The lease of one that died on another host is waited for.
    ///
    /// What is stored may still be walked when this returns: it can be read, each record proved by its own hash. The first
    /// thing to be written waits for the end of the walk and for what another engine wrote until the lease was there; in a
    /// state folder, which the lock keeps, the lease itself is such a thing. A standby has the time: it walks, then waits for
    /// the lease, then walks what was added.
    ///
    /// # Errors
    /// [`JournalError::LeaseHeld`] when another engine trades the account; [`JournalError::Excerpt`];
    /// [`JournalError::Damaged`].
    pub async fn open(
        walking: Walking,
        account: &str,
        run: String,
        mut lock: StateLock,
        takeover: Takeover,
    ) -> Result<AccountJournal, JournalError> {
        let walking = if takeover == Takeover::Standby { walking.over().await? } else { walking };
        let (journal, walk) = walking.parts();
        let (fence, hold) = if lock.guards(journal.place()) {
            (answered(journal.next_fence(account), journal.silent("read the lease in")).await?, None)
        } else {
            if let Some(dead) = lock.name(&run)? {
                answered(journal.bury(account, &dead), journal.silent("take the lease in")).await?;
            }
            let lease = journal.await_lease(account, &run, LEASE_US, takeover == Takeover::Standby).await?;
            (lease.fence(), Some(Hold::on(lease, &journal)))
        };
        let history = match takeover {
            Takeover::OfTheDead => History::Walking(walk),
            Takeover::Standby => whole(walk, &journal, account).await.map(|()| History::Whole)?,
        };
        let (account, kept, witness): (_, _, Witness) = (account.to_owned(), Vec::new(), |_, _| {});
        Ok(AccountJournal { journal, account, run, fence, history, hold, kept, lock, witness })
    }

    /// Tells somebody of every record.
    #[must_use]
    pub fn witnessed(self, witness: Witness) -> AccountJournal {
        AccountJournal { witness, ..self }
    }

    /// The run that writes.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The fencing number every record of this run carries.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Keeps bytes by their content, so that records can name them; they are written before the first record.
    pub fn keep(&mut self, bytes: &[u8]) {
        self.kept.push(bytes.to_vec());
    }

    /// Waits until everything stored was found whole, and sees to it that the lease is there: whoever writes calls this first.
    async fn proved(&mut self) -> Result<(), ports::JournalError> {
        // Whoever gives up waiting knows nothing of what is stored.
        let unknown = || History::Broken(ports::JournalError::Down("the walk over the journal was cut off".to_owned()));
        self.history = match std::mem::replace(&mut self.history, unknown()) {
            History::Walking(walk) => match whole(walk, &self.journal, &self.account).await {
                Ok(()) => History::Whole,
                Err(error) => History::Broken(outcome(error)),
            },
            known => known,
        };
        if let History::Broken(error) = &self.history {
            return Err(error.clone());
        }
        self.prepare().await.map_err(outcome)
    }

    /// The lease of whoever may write.
    fn lease(&self) -> &Lease {
        &self.hold.as_ref().expect("what is proved is held").lease
    }

    /// Takes the lease where the lock was enough until now, and writes what is to be kept.
    async fn prepare(&mut self) -> Result<(), JournalError> {
        if self.hold.is_none() {
            let taken = async {
                let now_us = self.journal.now_us().await?;
                self.journal.acquire_lease(&self.account, &self.run, now_us, LEASE_US, Some(&self.lock)).await
            };
            let lease = answered(taken, self.journal.silent("take the lease in")).await?;
            if lease.fence() != self.fence {
                return Err(self.journal.lease_lost(&lease).await);
            }
            self.hold = Some(Hold::on(lease, &self.journal));
        }
        while let Some(bytes) = self.kept.last() {
            answered(self.journal.put_blob(bytes), self.journal.silent("keep bytes in")).await?;
            self.kept.pop();
        }
        Ok(())
    }

    /// Gives the lease back and closes the journal. A storage that hangs is left behind: nothing waits for it any more.
    /// A start that had nothing to write still walks the journal to its end.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]; the lease then runs out by itself. [`JournalError::Damaged`].
    pub async fn close(self) -> Result<(), JournalError> {
        let AccountJournal { journal, account, history, hold, lock: _lock, .. } = self;
        let walked = match history {
            History::Walking(walk) => whole(walk, &journal, &account).await,
            History::Whole | History::Broken(_) => Ok(()),
        };
        let released = match hold {
            Some(Hold { lease, renewal }) => {
                drop(renewal); // it would hold the lease's row against the one who gives it back
                answered(journal.release(lease), journal.silent("release the lease in")).await
            }
            None => Ok(()),
        };
        // What is written stays written, whether the connections end in peace or not.
        let _ = timeout(PATIENCE, journal.clone().close()).await;
        walked.and(released)
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

/// Waits until everything an account's chain holds was walked, what was added meanwhile included.
async fn whole(walk: Walk, journal: &Journal, account: &str) -> Result<(), JournalError> {
    let end = walk.end().await?.into_iter().find(|(name, _)| name == account);
    journal.verify_after(account, end.map(|(_, head)| head)).await
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
        self.proved().await?;
        let entries: Vec<Entry> = records.iter().map(entry).collect();
        let appended = self.journal.append(self.lease(), trade_date, &self.run, &entries);
        let seqs = self.within("append to", appended).await?;
        seqs.iter().zip(records).for_each(|(seq, record)| (self.witness)(*seq, record));
        Ok(seqs.last().copied().unwrap_or_default())
    }

    async fn messages(&mut self) -> Result<Vec<ports::Message>, ports::JournalError> {
        let open = self.within("read", self.journal.open_inbox(&self.account)).await?;
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
        self.proved().await?;
        let entries = [entry(answer)];
        let answered = self.journal.append_answer(self.lease(), trade_date, &self.run, &entries, message.id);
        let seqs = self.within("append to", answered).await?;
        seqs.iter().for_each(|seq| (self.witness)(*seq, answer));
        Ok(())
    }

    async fn since(&mut self, kind: &str, seq: i64) -> Result<Vec<StoredRecord>, ports::JournalError> {
        let events = self.within("read", self.journal.events_of_kind(&self.account, kind)).await?;
        events.into_iter().filter(|event| event.seq > seq).map(stored).collect()
    }

    async fn records(&mut self, trade_date: Date) -> Result<Vec<StoredRecord>, ports::JournalError> {
        let events = self.within("read", self.journal.events(&self.account, trade_date)).await?;
        events.into_iter().map(stored).collect()
    }

    async fn latest(&mut self, kind: &str) -> Result<Option<StoredRecord>, ports::JournalError> {
        let event = self.within("read", self.journal.last_of_kind(&self.account, kind)).await?;
        event.map(stored).transpose()
    }

    async fn head_at(&mut self, seq: i64) -> Result<String, ports::JournalError> {
        let head = self.within("read", self.journal.head_at(&self.account, seq)).await?;
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
    let damaged = |what: &str| {
        ports::JournalError::Damaged(format!("record {} of the journal has no readable {what}", event.seq))
    };
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
        | JournalError::Forbidden { .. }
        | JournalError::NotFound { .. }
        | JournalError::Address { .. }
        | JournalError::NotEmpty { .. }
        | JournalError::Archive { .. } => ports::JournalError::Down(error.to_string()),
    }
}
