//! A journal that forgets.
//!
//! In: records. Out: what was said on the date in progress, every plan when it was asked to keep them, else nothing.
//! Invariant: it answers like a journal in which no day was begun; the books go from day to day in memory, and a research run
//! that is cut off is simply run again.

use cycle::Entry;
use jiff::civil::Date;
use ports::{Journal, JournalError, Message, Record, StoredRecord};

const PLAN: &str = "plan";
const OPERATOR: &str = "operator";

/// An account's journal in memory.
#[derive(Debug, Default)]
pub struct ResearchJournal {
    seq: i64,
    plans: Option<Vec<String>>,
    /// What was said on the newest date.
    said: Vec<StoredRecord>,
    /// What of it a person said and nobody has asked for yet.
    unheard: Vec<StoredRecord>,
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

    fn hear(&mut self, trade_date: Date, record: &Record) {
        self.said.retain(|known| known.trade_date == trade_date);
        let Record { kind, version, at, ref body, .. } = *record;
        let stored = StoredRecord { seq: self.seq, trade_date, kind: kind.to_owned(), version, at, body: body.clone() };
        self.unheard.extend((kind == OPERATOR).then(|| stored.clone()));
        self.said.push(stored);
    }
}

impl Journal for ResearchJournal {
    fn keeps(&self, kind: &str) -> bool {
        Entry::SPOKEN.contains(&kind) || kind == PLAN && self.plans.is_some()
    }

    async fn append(&mut self, date: Date, records: &[Record]) -> Result<i64, JournalError> {
        for record in records {
            self.seq += 1;
            match (record.kind, &mut self.plans) {
                (PLAN, Some(plans)) => plans.push(record.body.clone()),
                (kind, _) if Entry::SPOKEN.contains(&kind) => self.hear(date, record),
                _ => {}
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

    /// What a person said since this was last asked.
    async fn since(&mut self, kind: &str, _: i64) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(if kind == OPERATOR { std::mem::take(&mut self.unheard) } else { Vec::new() })
    }

    /// Every date runs once, from its beginning: all there is of it is what was said.
    async fn records(&mut self, date: Date) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(self.said.iter().filter(|record| record.trade_date == date).cloned().collect())
    }

    async fn latest(&mut self, _: &str) -> Result<Option<StoredRecord>, JournalError> {
        Ok(None)
    }

    async fn head_at(&mut self, seq: i64) -> Result<String, JournalError> {
        Ok(format!("{seq}:not-chained"))
    }
}
