//! A journal that forgets.
//!
//! In: records. Out: every plan when it was asked to keep them, else nothing. Invariant: it answers like a journal in which
//! no day was begun; the books go from day to day in memory, and a research run that is cut off is simply run again.

use jiff::civil::Date;
use ports::{Journal, JournalError, Message, Record, StoredRecord};

const PLAN: &str = "plan";

/// An account's journal in memory.
#[derive(Debug, Default)]
pub struct ResearchJournal {
    seq: i64,
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
        kind == PLAN && self.plans.is_some()
    }

    async fn append(&mut self, _: Date, records: &[Record]) -> Result<i64, JournalError> {
        for record in records {
            self.seq += 1;
            if let (PLAN, Some(plans)) = (record.kind, &mut self.plans) {
                plans.push(record.body.clone());
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

    async fn since(&mut self, _: &str, _: i64) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(Vec::new())
    }

    /// Every date runs once, from its beginning.
    async fn records(&mut self, _: Date) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(Vec::new())
    }

    async fn latest(&mut self, _: &str) -> Result<Option<StoredRecord>, JournalError> {
        Ok(None)
    }

    async fn head_at(&mut self, seq: i64) -> Result<String, JournalError> {
        Ok(format!("{seq}:not-chained"))
    }
}
