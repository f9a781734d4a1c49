//! One account's books: what is open, what was closed lately, and the ledger they come to.
//!
//! In: executions, charges and other lines, in any order and any number of times. Out: the ledger, and what each of
//! them was to it. Invariant: the ledger is the fold of the open period's postings in their own order (time, identity)
//! over the opening, whatever the order of arrival; of an execution and of its charge only the highest version counts.

mod memory;
mod opening;
mod posting;

pub use posting::Posting;

use crate::{ContractId, Exact, ExecutionId, Fill, Ledger, LedgerEvent, Money, Unbookable, Universe};
use jiff::Timestamp;
use jiff::civil::Date;
use memory::{Charge, Known, Memory, Told};
use opening::Opening;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What a posting was to the books.
#[derive(Clone, Debug, PartialEq)]
pub enum Posted {
    /// Not booked before; it is now.
    New,
    /// The same of an execution, with the charge of it that had come before, told of that version.
    Charged(ExecutionId, Money),
    /// Booked already, in this version or a later one, or not ours: nothing changed.
    Again,
    /// It corrects what was booked, which is this: the books are as if only the correction had come.
    Replaced(Box<LedgerEvent>),
    /// A charge whose execution is not there yet; it is booked with it.
    Waiting,
}

/// The books of one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Books {
    // Books move from day to day; what they come to stays where it is.
    ledger: Box<Ledger>,
    opening: Box<Opening>,
    /// Postings of the open period, in canonical order.
    open: Vec<Posting>,
    /// What was booked, by identity: a repetition or a correction may still come.
    memory: Memory,
}

impl Books {
    /// Books that open with a ledger.
    pub fn new(ledger: Ledger) -> Books {
        let opening = Box::new(Opening::of(&ledger));
        Books { ledger: Box::new(ledger), opening, open: Vec::new(), memory: Memory::default() }
    }

    /// The same ledger without a memory, in the room there is: for research, where nothing is told twice.
    pub fn forget(&mut self) {
        self.open.clear();
        self.memory.clear();
        self.opening.renew(&self.ledger);
    }

    /// Makes room for executions to come.
    pub fn reserve(&mut self, executions: usize) {
        self.open.reserve(executions);
        self.memory.executions.reserve(executions);
        self.opening.reserve(executions);
    }

    /// The ledger as it is now.
    #[inline]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Gives up the memory and hands out the ledger.
    pub fn into_ledger(self) -> Ledger {
        *self.ledger
    }

    /// Postings of the open period in canonical order, the order in which they make the ledger. Charges are not among
    /// them: see [`Books::charges`].
    pub fn open(&self) -> &[Posting] {
        &self.open
    }

    /// What the open period changed in the charges of executions (positive = paid).
    pub fn charges(&self) -> impl Iterator<Item = (&ExecutionId, Money)> {
        self.memory.charges()
    }

    /// True when this version of an execution, or a later one, is in the ledger.
    pub fn holds(&self, execution: &ExecutionId) -> bool {
        self.booked(execution).is_some()
    }

    /// The same with what the broker charged for it (positive = paid), as far as that is known.
    pub fn booked(&self, execution: &ExecutionId) -> Option<Option<Money>> {
        let known = &self.memory.executions[self.memory.place(execution).ok()?];
        let booked = matches!(known.told, Told::Open(_) | Told::Closed(_));
        let holds = booked && execution.versus(&known.execution) != Some(Ordering::Greater);
        holds.then(|| known.charge.map(|charge| charge.amount))
    }

    /// Books an execution, unless it is booked already.
    ///
    /// # Errors
    /// [`Unbookable`], and the ledger is as before: it came late and makes a split of the same period uneven.
    pub fn post_fill(&mut self, fill: &Fill, universe: &Universe) -> Result<Posted, Unbookable> {
        let Fill { execution, at, .. } = fill;
        let posting = || Posting::of(*at, None, LedgerEvent::Fill(fill.clone()));
        let place = match self.memory.place(execution) {
            Err(place) => {
                self.insert(posting(), universe)?;
                self.memory.executions.insert(place, Known::new(execution.clone(), Told::Open(*at), None));
                return Ok(Posted::New);
            }
            Ok(place) => place,
        };
        let known = &self.memory.executions[place];
        let corrects = execution.versus(&known.execution) == Some(Ordering::Greater);
        let posted = match &known.told {
            Told::Awaited => {
                let (version, charge) = (known.execution.clone(), known.charge);
                self.insert(posting(), universe)?;
                charge.into_iter().for_each(|charge| self.charge(charge.amount));
                charge.map_or(Posted::New, |charge| Posted::Charged(version, charge.amount))
            }
            Told::Open(time) if corrects => {
                let booked = self.open.iter().position(|p| p.at() == *time && p.is_fill(&known.execution));
                let booked = booked.expect("an open execution is among the open postings");
                let replaced = self.open[booked].event().clone();
                self.rewrite(vec![posting()], Some(booked), universe)?;
                Posted::Replaced(Box::new(replaced))
            }
            Told::Closed(before) if corrects => {
                let before = (**before).clone();
                let reversal = Posting::of(before.at, None, LedgerEvent::Reversal(before.clone()));
                self.rewrite(vec![reversal, posting()], None, universe)?;
                Posted::Replaced(Box::new(LedgerEvent::Fill(before)))
            }
            Told::Open(_) | Told::Closed(_) | Told::Disowned => return Ok(Posted::Again),
        };
        self.memory.executions[place].open(execution.clone(), *at);
        Ok(posted)
    }

    /// Books what the broker charged for an execution (positive = paid), unless it is booked already. It counts for
    /// whatever version of the execution is booked, and waits while none is. Told again with another amount, as of a charge
    /// that comes in parts, the last word is the whole charge.
    pub fn post_charge(&mut self, execution: &ExecutionId, amount: Money) -> Posted {
        let charge = Charge { version: execution.version(), amount };
        let place = match self.memory.place(execution) {
            Err(place) => {
                let awaited = Known::new(execution.clone(), Told::Awaited, Some(charge));
                self.memory.executions.insert(place, awaited);
                return Posted::Waiting;
            }
            Ok(place) => place,
        };
        let known = &mut self.memory.executions[place];
        if known.told == Told::Disowned || known.charge.is_some_and(|old| old.version > charge.version || old == charge)
        {
            return Posted::Again;
        }
        let before = known.charge.replace(charge);
        if known.told == Told::Awaited {
            known.execution = execution.clone();
            return Posted::Waiting;
        }
        self.charge(amount);
        let Some(Charge { amount, .. }) = before else { return Posted::New };
        self.charge(-amount);
        Posted::Replaced(Box::new(LedgerEvent::Commission { execution: execution.clone(), amount }))
    }

    /// Books any other event under an identity that is the same whenever it is told, such as a statement's
    /// transaction id, unless it is booked already.
    ///
    /// # Errors
    /// [`Unbookable`], and the ledger is as before.
    ///
    /// # Panics
    /// For an execution or a charge, which have an identity of their own.
    pub fn post_line(
        &mut self,
        id: &str,
        at: Timestamp,
        event: LedgerEvent,
        universe: &Universe,
    ) -> Result<Posted, Unbookable> {
        use LedgerEvent::{Commission, Fill, Reversal};
        assert!(!matches!(event, Fill(_) | Commission { .. } | Reversal(_)), "an execution has the broker's identity");
        let Err(place) = self.memory.line(id) else { return Ok(Posted::Again) };
        self.insert(Posting::of(at, Some(id.to_owned()), event), universe)?;
        self.memory.add_line(place, id);
        Ok(Posted::New)
    }

    /// Notes an execution that must not be booked: it is somebody else's, or older than the books. False when it
    /// was noted before.
    pub fn disown(&mut self, execution: &ExecutionId, on: Date) -> bool {
        self.memory.disown(execution, on)
    }

    /// Forgets that an execution must not be booked, because a person took it over. False when it was not noted so.
    pub fn claim(&mut self, execution: &ExecutionId) -> bool {
        let Ok(place) = self.memory.place(execution) else { return false };
        let disowned = self.memory.executions[place].told == Told::Disowned;
        if disowned {
            self.memory.executions.remove(place);
        }
        disowned
    }

    /// Ends the period: the ledger becomes the next opening. Charges that still wait are dropped, because the broker
    /// lists them again with their execution.
    pub fn close(&mut self, on: Date) {
        let fills = self.open.drain(..).filter_map(Posting::into_fill);
        self.memory.close(fills, on);
        self.opening.renew(&self.ledger);
    }

    /// Forgets what was booked before a date: brokers list executions for days, not for ever.
    pub fn forget_before(&mut self, date: Date) {
        self.memory.forget_before(date);
    }

    /// The same books over another universe; `key` finds a contract's new key. What is remembered of a contract that
    /// is gone is forgotten.
    ///
    /// # Errors
    /// The old key of something held, or booked in the open period, that has no new one.
    pub fn rekeyed(
        self,
        universe: &Universe,
        key: impl Fn(ContractId) -> Option<ContractId>,
    ) -> Result<Books, ContractId> {
        Ok(Books {
            ledger: Box::new(self.ledger.rekeyed(universe, &key)?),
            opening: Box::new(self.opening.rekeyed(&key)?),
            open: self.open.into_iter().map(|posting| posting.rekeyed(&key)).collect::<Result<_, _>>()?,
            memory: self.memory.rekeyed(&key),
        })
    }

    fn charge(&mut self, amount: Money) {
        let Money { amount, currency } = amount;
        let exact = Exact::from(amount);
        self.opening.charged[currency] += exact;
        self.ledger.charge_exactly(currency, exact);
    }

    /// Adds a posting. Those that have no contract in common with it may stay applied: only then is the ledger what it
    /// would have been in canonical order.
    fn insert(&mut self, posting: Posting, universe: &Universe) -> Result<(), Unbookable> {
        let at = self.place(&posting);
        if !self.open[at..].iter().all(|later| later.commutes_with(&posting)) {
            return self.rewrite(vec![posting], None, universe);
        }
        self.opening.keep(&self.ledger, posting.event());
        self.ledger.apply(posting.event(), universe)?;
        match at == self.open.len() {
            true => self.open.push(posting),
            false => self.open.insert(at, posting),
        }
        Ok(())
    }

    fn place(&self, posting: &Posting) -> usize {
        match self.open.last() {
            Some(last) if last.key() > posting.key() => self.open.partition_point(|known| known.key() < posting.key()),
            _ => self.open.len(),
        }
    }

    /// Puts postings in their places and one away, and folds the period again.
    fn rewrite(
        &mut self,
        postings: Vec<Posting>,
        without: Option<usize>,
        universe: &Universe,
    ) -> Result<(), Unbookable> {
        let before = self.open.clone();
        without.into_iter().for_each(|at| drop(self.open.remove(at)));
        for posting in postings {
            self.opening.keep(&self.ledger, posting.event());
            let at = self.place(&posting);
            self.open.insert(at, posting);
        }
        self.refold(universe).inspect_err(|_| {
            self.open = before;
            self.refold(universe).expect("this sequence was booked before");
        })
    }

    fn refold(&mut self, universe: &Universe) -> Result<(), Unbookable> {
        self.opening.restore(&mut self.ledger);
        self.open.iter().try_for_each(|posting| self.ledger.apply(posting.event(), universe))
    }
}

#[cfg(test)]
mod tests;
