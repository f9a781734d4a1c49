//! The hash chain of one account, without storage.
//! In: entries to seal, or stored events to check. Out: sealed events, or the first damage.
//! Invariant: an event is accepted only if number, predecessor and content all fit, and sealing
//! makes exactly what checking accepts.

use crate::error::Damage;
use crate::event::{Entry, Head, StoredEvent};

/// Stands where the first event of a chain names its predecessor.
const NO_PREDECESSOR: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of a chain, moving forward event by event.
pub(crate) struct Chain {
    account: String,
    head: Head,
}

impl Chain {
    /// The chain of an account before its first event.
    pub(crate) fn empty(account: &str) -> Self {
        Self::after(account, Head { seq: 0, hash: NO_PREDECESSOR.to_owned() })
    }

    /// The chain of an account after the event `head`.
    pub(crate) fn after(account: &str, head: Head) -> Self {
        Chain { account: account.to_owned(), head }
    }

    /// Whose chain this is.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// The last event, or `None` before the first.
    pub(crate) fn head(&self) -> Option<&Head> {
        (self.head.seq > 0).then_some(&self.head)
    }

    /// Number of the last event; 0 before the first.
    pub(crate) fn last_seq(&self) -> i64 {
        self.head.seq
    }

    /// Turns an entry into the next event of the chain.
    pub(crate) fn seal(&mut self, fence: i64, trade_date: &str, run: &str, entry: &Entry) -> StoredEvent {
        let mut event = StoredEvent {
            seq: self.head.seq + 1,
            account: self.account.clone(),
            trade_date: trade_date.to_owned(),
            run: run.to_owned(),
            fence,
            at_us: entry.at_us,
            kind: entry.kind.clone(),
            version: entry.version,
            order_ref: entry.order_ref.clone(),
            body: entry.body.clone(),
            prev: self.head.hash.clone(),
            hash: String::new(),
        };
        event.hash = event.content_hash();
        self.head = Head { seq: event.seq, hash: event.hash.clone() };
        event
    }

    /// Accepts the next stored event, or says what is wrong with it.
    pub(crate) fn check(&mut self, event: &StoredEvent) -> Result<(), Damage> {
        let seq = self.head.seq + 1;
        if event.seq != seq {
            return Err(self.broken("seq", &seq.to_string(), &event.seq.to_string()));
        }
        if event.prev != self.head.hash {
            return Err(self.broken("prev", &self.head.hash, &event.prev));
        }
        check_content(event)?;
        self.head = Head { seq, hash: event.hash.clone() };
        Ok(())
    }

    /// The damage of the event that should come next.
    pub(crate) fn broken(&self, column: &str, expected: &str, found: &str) -> Damage {
        Damage::Event {
            account: self.account.clone(),
            seq: self.head.seq + 1,
            column: column.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }
}

/// Whether an event's content still gives its hash; needs no neighbour in the chain.
pub(crate) fn check_content(event: &StoredEvent) -> Result<(), Damage> {
    let expected = event.content_hash();
    if event.hash == expected {
        return Ok(());
    }
    Err(Damage::Event {
        account: event.account.clone(),
        seq: event.seq,
        column: "hash".to_owned(),
        expected,
        found: event.hash.clone(),
    })
}
