//! What one trade date hands to the next: books, decision state, mode.
//!
//! In: the last `day_closed` record, or a first look at an account. Out: the same, rekeyed to this
//! run's universe. Invariant: the opening balance comes from the broker, never from configuration.

use crate::day::{Measured, Run, in_kind};
use crate::failure::Failure;
use console::DayReport;
use cycle::{Believed, Memory, Names, Standing};
use domain::{
    Books, ContractId, FxRates, Ledger, LedgerEvent, Money, PerContract, Price, Quantity, SleeveBooks, Universe,
};
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{AccountSnapshot, BrokerError};
use serde::{Deserialize, Serialize};

/// Kind of the record that ends a trade date.
pub const DAY_CLOSED: &str = "day_closed";

/// Kind of the record that opens books from a file.
pub const BOOK_IMPORTED: &str = "book_imported";

/// Body of the `day_closed` record.
#[derive(Serialize, Deserialize)]
pub struct Closed {
    /// What the next date starts from.
    pub book: Book,
    /// What people read of the date.
    pub report: DayReport,
}

/// State after a trade date.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    /// The trade date it was left by; `None` before the first.
    pub date: Option<Date>,
    /// When they were opened: what the account did before is in their first balance.
    pub opened: Timestamp,
    /// The last date the broker's statement has told of; `None` where no statement is asked for.
    #[serde(default)]
    pub told: Option<Date>,
    /// Money put in or taken out that no return has been rid of, because its currency had no rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unvalued: Vec<Money>,
    /// Names behind the books' keys.
    pub contracts: Names,
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
    /// What trading has cost lately.
    #[serde(default)]
    pub measured: Measured,
    /// Adopted positions that go to a sleeve with the next settling.
    #[serde(skip)]
    pub handed: Vec<Handed>,
}

/// A position that was adopted for a sleeve.
#[derive(Clone, Debug)]
pub struct Handed {
    /// What.
    pub contract: ContractId,
    /// Signed.
    pub quantity: Quantity,
    /// For whom.
    pub sleeve: String,
}

/// A position in a contract this universe does not have.
#[derive(Debug, thiserror::Error)]
#[error("the books hold {0}, which is not among the configured instruments; restore it in instruments.yaml")]
pub struct UnknownContract(pub String);

impl Book {
    /// Opens books on an account: its cash is the first flow, whatever it executed before is in it, and what it holds is
    /// `external`, when a person takes it over.
    ///
    /// # Errors
    /// [`Failure::Halted`] when the account holds positions nobody takes over, or some that are not configured.
    pub fn open(snapshot: &AccountSnapshot, now: Timestamp, run: &Run) -> Result<(Book, Vec<LedgerEvent>), Failure> {
        let setup = &run.setup;
        refuse_disputed(snapshot)?;
        refuse_strangers(snapshot, run)?;
        let adopted = run.adopter.iter().flat_map(|adopter| {
            let positions = snapshot.positions.iter();
            let marked = positions.filter_map(|held| held.mark.map(|mark| (held, mark)));
            marked.flat_map(|(held, mark)| in_kind(held.contract, held.quantity, mark, now, adopter, run))
        });
        let cash = snapshot.cash.iter().flat_map(|row| {
            let money = |amount| Money::new(amount, row.currency);
            let owed = LedgerEvent::Accrual { contract: None, amount: money(row.accrued) };
            let flow = LedgerEvent::Flow { amount: money(row.cash + row.futures_pnl) };
            [(row.cash + row.futures_pnl, flow), (row.accrued, owed)]
        });
        let cash = cash.filter(|(amount, _)| !amount.is_zero()).map(|(_, event)| event);
        let opening: Vec<LedgerEvent> = cash.chain(adopted).collect();
        let mut books = Books::new(Ledger::new(&setup.universe));
        for (n, event) in opening.iter().enumerate() {
            let posted = match event {
                LedgerEvent::Fill(fill) => books.post_fill(fill, &setup.universe),
                event => books.post_line(&format!("opening:{n}"), now, event.clone(), &setup.universe),
            };
            posted.map_err(|reason| Failure::Halted(reason.to_string()))?;
        }
        let sleeves = SleeveBooks::new(setup.policy.sleeves.iter().map(|sleeve| sleeve.name.as_str()));
        let (contracts, memory) = (setup.names.clone(), Memory::new(setup));
        let (believed, standing, measured) = (Believed::default(), Standing::default(), Measured::default());
        let handed = Vec::new();
        let book = Book {
            date: None,
            opened: now,
            told: None,
            unvalued: Vec::new(),
            contracts,
            books,
            sleeves,
            memory,
            standing,
            believed,
            measured,
            handed,
        };
        Ok((book, opening))
    }

    /// Shares what the morning booked out to the sleeves, and begins the day's own period. Answers with a sentence for each
    /// adopted position that stays `external` although a sleeve was named.
    pub fn settle_sleeves(
        &mut self,
        date: Date,
        marks: &PerContract<Option<Price>>,
        fx: &FxRates,
        run: &Run,
    ) -> Vec<String> {
        let universe = &run.setup.universe;
        let names = run.setup.policy.sleeves.iter().map(|sleeve| sleeve.name.as_str());
        let sleeves = std::mem::replace(&mut self.sleeves, SleeveBooks::new([]));
        self.sleeves = sleeves.with_sleeves(names).with_period(&self.books, universe);
        self.sleeves.value_flows(fx);
        self.books.close(date);
        let mut kept_external = Vec::new();
        for Handed { contract, quantity, sleeve } in std::mem::take(&mut self.handed) {
            let why = match (marks[contract], self.sleeves.id(&sleeve)) {
                (Some(mark), Some(sleeve)) => {
                    self.sleeves.adopt(contract, quantity, sleeve, mark, universe);
                    continue;
                }
                (_, None) => "the settings have no such sleeve",
                (None, Some(_)) => "it has no mark to be handed over at",
            };
            let name = &universe.contract(contract).name;
            kept_external.push(format!(
                "{quantity} {name} was adopted for {sleeve} and stays external, counted and never traded: {why}"
            ));
        }
        kept_external
    }

    /// The same books over another universe.
    ///
    /// # Errors
    /// [`UnknownContract`] when something held is not in it.
    pub fn rekeyed(mut self, universe: &Universe) -> Result<Book, UnknownContract> {
        let current = Names::of(universe);
        if self.contracts != current {
            let old = std::mem::take(&mut self.contracts);
            // Mostly the table has grown at its end.
            let key = |contract: ContractId| {
                let name = &old[contract];
                let stays = current.get(contract.index()) == Some(name);
                stays.then_some(contract).or_else(|| universe.find_contract(name))
            };
            self.books =
                self.books.rekeyed(universe, key).map_err(|contract| UnknownContract(old[contract].clone()))?;
            let sleeves = self.sleeves.rekeyed(key);
            self.sleeves = sleeves.map_err(|contract| UnknownContract(old[contract].clone()))?;
            self.memory = self.memory.rekeyed(key);
            self.contracts = current;
        }
        Ok(self)
    }
}

/// A table that contradicts the broker opens no books: the first start stops, and names every field.
fn refuse_disputed(snapshot: &AccountSnapshot) -> Result<(), Failure> {
    let disputes: Vec<&str> = snapshot.disputes.iter().map(|dispute| dispute.what.as_str()).collect();
    match disputes.is_empty() {
        true => Ok(()),
        false => Err(BrokerError::Unusable(disputes.join("; ")).into()),
    }
}

/// What nobody takes over, or nothing can value, opens no books.
fn refuse_strangers(snapshot: &AccountSnapshot, run: &Run) -> Result<(), Failure> {
    let name = |contract| run.setup.universe.contract(contract).name.as_str();
    let foreign: Vec<&str> = snapshot.foreign.iter().map(|position| position.symbol.as_str()).collect();
    if !foreign.is_empty() {
        return Err(Failure::Halted(format!(
            "there are no books for this account yet, and it holds {}, which is not among the configured instruments: \
             nobody could value it; add it to instruments.yaml, or sell it first",
            foreign.join(", ")
        )));
    }
    let held: Vec<&str> = snapshot.positions.iter().map(|position| name(position.contract)).collect();
    if !held.is_empty() && run.adopter.is_none() {
        return Err(Failure::Halted(format!(
            "there are no books for this account yet, but it holds {}; start from the state folder that traded it, or \
             take the positions over with --adopt-positions REASON: they become `external`, are counted and never traded",
            held.join(", ")
        )));
    }
    Ok(())
}
