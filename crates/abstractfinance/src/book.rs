//! What one trade date hands to the next: books, decision state, mode.
//!
//! In: the last `day_closed` record, or a first look at an account. Out: the same, rekeyed to this
//! run's universe. Invariant: the opening balance comes from the broker, never from configuration.

use crate::failure::Failure;
use cycle::{Believed, Memory, Setup, Standing};
use domain::{Books, ContractId, Ledger, LedgerEvent, Money, SleeveBooks, Universe};
use jiff::civil::Date;
use ports::AccountSnapshot;
use serde::{Deserialize, Serialize};

/// Kind of the record that ends a trade date.
pub const DAY_CLOSED: &str = "day_closed";

/// State after a trade date.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    /// The trade date it was left by; `None` before the first.
    pub date: Option<Date>,
    /// Names behind the books' keys.
    pub contracts: Vec<String>,
    /// Cash and positions, and what was booked lately.
    pub books: Books,
    /// Who holds what of them.
    pub sleeves: SleeveBooks,
    /// Decision state.
    pub memory: Memory,
    /// Operating mode, and what else a person said that stands.
    pub standing: Standing,
    /// The last good marks and rates.
    pub believed: Believed,
}

/// A position in a contract this universe does not have.
#[derive(Debug, thiserror::Error)]
#[error("the books hold {0}, which is not among the configured instruments; restore it in instruments.yaml")]
pub struct UnknownContract(String);

impl Book {
    /// Opens books on an account: its cash is the first flow, and whatever it executed before is in it.
    ///
    /// # Errors
    /// [`Failure::Halted`] when the account holds positions: their cost and owner are not known here.
    pub fn open(snapshot: &AccountSnapshot, date: Date, setup: &Setup) -> Result<(Book, Vec<LedgerEvent>), Failure> {
        let ours = snapshot.positions.iter().map(|position| setup.universe.contract(position.contract).name.as_str());
        let held: Vec<&str> = ours.chain(snapshot.foreign.iter().map(|position| position.symbol.as_str())).collect();
        if !held.is_empty() {
            return Err(Failure::Halted(format!(
                "there are no books for this account yet, but it holds {}; start from the state folder that traded it, \
                 or from an account without positions",
                held.join(", ")
            )));
        }
        let mut ledger = Ledger::new(&setup.universe);
        let deposits: Vec<LedgerEvent> = snapshot
            .cash
            .iter()
            .filter(|row| !row.cash.is_zero())
            .map(|row| LedgerEvent::Flow { amount: Money::new(row.cash, row.currency) })
            .collect();
        for deposit in &deposits {
            ledger.apply(deposit, &setup.universe).expect("a flow is always booked");
        }
        let mut books = Books::new(ledger);
        for known in &snapshot.executions {
            books.disown(&known.fill.execution, date);
        }
        let contracts = names(&setup.universe);
        let (memory, believed, standing) = (Memory::new(setup), Believed::default(), Standing::default());
        let sleeves = SleeveBooks::new(setup.policy.sleeves.iter().map(|sleeve| sleeve.name.as_str()));
        let book = Book { date: None, contracts, books, sleeves, memory, standing, believed };
        Ok((book, deposits))
    }

    /// The same books over another universe.
    ///
    /// # Errors
    /// [`UnknownContract`] when something held is not in it.
    pub fn rekeyed(mut self, universe: &Universe) -> Result<Book, UnknownContract> {
        let current = names(universe);
        if self.contracts != current {
            let old = std::mem::take(&mut self.contracts);
            let key = |contract: ContractId| universe.find_contract(&old[contract.index()]);
            self.books =
                self.books.rekeyed(universe, key).map_err(|contract| UnknownContract(old[contract.index()].clone()))?;
            self.memory = self.memory.rekeyed(key);
            self.contracts = current;
        }
        Ok(self)
    }
}

fn names(universe: &Universe) -> Vec<String> {
    universe.contracts().map(|contract| universe.contract(contract).name.clone()).collect()
}
