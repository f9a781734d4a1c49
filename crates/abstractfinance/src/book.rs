//! What one trade date hands to the next: books, decision state, mode.
//!
//! In: the last `day_closed` record, or a first look at an account. Out: the same, rekeyed to this
//! run's universe. Invariant: the opening balance comes from the broker, never from configuration.

use cycle::{Memory, Setup};
use domain::{Booked, ContractId, Ledger, LedgerEvent, Money, Universe};
use jiff::civil::Date;
use ports::AccountSnapshot;
use risk::Mode;
use serde::{Deserialize, Serialize};

/// Kind of the record that ends a trade date.
pub const DAY_CLOSED: &str = "day_closed";

/// State after a trade date.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    /// The trade date it was left by; `None` before the first.
    pub date: Option<Date>,
    /// Names behind the ledger's keys.
    pub contracts: Vec<String>,
    /// Cash and positions.
    pub ledger: Ledger,
    /// Decision state.
    pub memory: Memory,
    /// Operating mode.
    pub mode: Mode,
    /// Executions and charges the ledger holds already.
    pub booked: Booked,
}

/// A position in a contract this universe does not have.
#[derive(Debug, thiserror::Error)]
#[error("the books hold {0}, which is not among the configured instruments; restore it in instruments.yaml")]
pub struct UnknownContract(String);

impl Book {
    /// Opens books on an account: its cash is the first flow, and whatever it executed before is in it.
    pub fn open(snapshot: &AccountSnapshot, date: Date, setup: &Setup) -> (Book, Vec<LedgerEvent>) {
        let mut ledger = Ledger::new(&setup.universe);
        let deposits: Vec<LedgerEvent> = snapshot
            .cash
            .iter()
            .filter(|row| !row.cash.is_zero())
            .map(|row| LedgerEvent::Flow { amount: Money::new(row.cash, row.currency) })
            .collect();
        deposits.iter().for_each(|event| ledger.apply(event, &setup.universe));
        let mut booked = Booked::default();
        for execution in &snapshot.executions {
            booked.execution(&execution.fill.execution, date);
            booked.charge(&execution.fill.execution, date);
        }
        let contracts = names(&setup.universe);
        let book = Book { date: None, contracts, ledger, memory: Memory::new(setup), mode: Mode::Normal, booked };
        (book, deposits)
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
            self.ledger = self
                .ledger
                .rekeyed(universe, key)
                .map_err(|contract| UnknownContract(old[contract.index()].clone()))?;
            self.contracts = current;
        }
        Ok(self)
    }
}

fn names(universe: &Universe) -> Vec<String> {
    universe.contracts().map(|contract| universe.contract(contract).name.clone()).collect()
}
