//! A journal that remembers what the next day needs, and nothing longer.
//!
//! In: records. Out: the newest books, and every plan when it was asked to keep them. Invariant: it answers like a journal
//! whose days all ended well; nothing is durable, because a research run that is cut off is simply run again.

use jiff::civil::Date;
use ports::{Journal, JournalError, Message, Record, StoredRecord};

/// What a day hands to the next.
const KEPT: &str = "day_closed";
const PLAN: &str = "plan";

/// An account's journal in memory.
#[derive(Debug, Default)]
pub struct ResearchJournal {
    seq: i64,
    newest: Option<StoredRecord>,
    plans: Option<Vec<String>>,
}

impl ResearchJournal {
    /// One that also keeps the body of every plan.
    pub fn keeping_plans() -> ResearchJournal {
        ResearchJournal { plans: Some(Vec::new()), ..ResearchJournal::default() }
    }

    /// The plans it was asked to keep, oldest first.
    pub fn into_plans(self) -> Vec<String> {
        self.plans.unwrap_or_default()
    }
}

impl Journal for ResearchJournal {
    fn keeps(&self, kind: &str) -> bool {
        kind == KEPT || (kind == PLAN && self.plans.is_some())
    }

    async fn append(&mut self, trade_date: Date, records: &[Record]) -> Result<i64, JournalError> {
        for record in records {
            self.seq += 1;
            if let (PLAN, Some(plans)) = (record.kind, &mut self.plans) {
                plans.push(record.body.clone());
            }
            if record.kind == KEPT {
                self.newest = Some(StoredRecord {
                    seq: self.seq,
                    trade_date,
                    kind: KEPT.to_owned(),
                    version: record.version,
                    at: record.at,
                    body: record.body.clone(),
                });
            }
        }
        Ok(self.seq)
    }

    async fn messages(&mut self) -> Result<Vec<Message>, JournalError> {
        Ok(Vec::new())
    }

    async fn answer(&mut self, _: Date, message: &Message, _: &Record) -> Result<(), JournalError> {
        Err(JournalError::Down(format!("nobody can have left message {} in a research run", message.id)))
    }

    async fn since(&mut self, kind: &str, seq: i64) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(self.newest.iter().filter(|record| record.kind == kind && record.seq > seq).cloned().collect())
    }

    /// Every date runs once, from its beginning.
    async fn records(&mut self, _: Date) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(Vec::new())
    }

    async fn latest(&mut self, kind: &str) -> Result<Option<StoredRecord>, JournalError> {
        Ok(self.newest.clone().filter(|record| record.kind == kind))
    }

    async fn head_at(&mut self, seq: i64) -> Result<String, JournalError> {
        Ok(format!("{seq}:not-chained"))
    }
}
