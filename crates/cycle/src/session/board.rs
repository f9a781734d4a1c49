//! The contracts of the day: the last quote of each, and the orders that trade it.
//!
//! In: contracts of orders and of what may stand in for them, quotes. Out: quotes and orders by contract. Invariant: a row
//! a contract, found without a search; the orders of one contract are a chain from the newest to the first.

use super::{Session, Slot};
use domain::{ContractId, PerContract};
use jiff::{SignedDuration, Timestamp};
use market::Quote;

#[derive(Debug, Default)]
pub(super) struct Board {
    rows: Vec<Row>,
    places: PerContract<Option<u16>>,
}

#[derive(Debug)]
struct Row {
    contract: ContractId,
    quote: Option<Quote>,
    /// When its quote was last asked for anew.
    renewed: Timestamp,
    /// Place of the newest order.
    newest: Option<u16>,
}

impl Board {
    /// Nothing is watched yet; the universe has `contracts`.
    pub(super) fn open(&mut self, contracts: usize) {
        self.clear();
        if self.places.len() != contracts {
            self.places = PerContract::filled(None, contracts);
        }
    }

    /// Nothing is watched any more.
    pub(super) fn clear(&mut self) {
        for row in self.rows.drain(..) {
            self.places[row.contract] = None;
        }
    }

    /// Watches a contract; true when it was not watched before.
    pub(super) fn watch(&mut self, contract: ContractId) -> bool {
        let before = self.rows.len();
        self.row_to_fill(contract);
        self.rows.len() > before
    }

    /// Watches a contract for the order in a place; says where the one before it is.
    pub(super) fn enter(&mut self, contract: ContractId, place: usize) -> Option<u16> {
        let place = u16::try_from(place).expect("a day has fewer than 65,535 orders");
        self.row_to_fill(contract).newest.replace(place)
    }

    fn row_to_fill(&mut self, contract: ContractId) -> &mut Row {
        let end = self.rows.len();
        let place = usize::from(*self.places[contract].get_or_insert(end as u16));
        if place == end {
            self.rows.push(Row { contract, quote: None, renewed: Timestamp::MIN, newest: None });
        }
        &mut self.rows[place]
    }

    fn row(&self, contract: ContractId) -> Option<&Row> {
        self.places[contract].map(|place| &self.rows[usize::from(place)])
    }

    /// Takes a quote, if the contract is watched.
    pub(super) fn hear(&mut self, contract: ContractId, quote: Quote) {
        if let Some(place) = self.places[contract] {
            self.rows[usize::from(place)].quote = Some(quote);
        }
    }

    /// The last quote of a contract.
    pub(super) fn quote(&self, contract: ContractId) -> Option<&Quote> {
        self.row(contract)?.quote.as_ref()
    }

    /// Notes that a quote of before `oldest` is asked for anew; false when it is younger, or was asked for since.
    fn renews(&mut self, contract: ContractId, oldest: Timestamp, now: Timestamp) -> bool {
        let Some(place) = self.places[contract] else { return false };
        let row = &mut self.rows[usize::from(place)];
        let is_due = row.quote.is_some_and(|quote| quote.at < oldest) && row.renewed < oldest;
        if is_due {
            row.renewed = now;
        }
        is_due
    }

    /// Everything that is watched, in the order in which it came.
    pub(super) fn contracts(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.rows.iter().map(|row| row.contract)
    }
}

impl Session<'_> {
    /// Asks anew for a quote that is too old to price an order: a feed tells changes, and says nothing of a price that stays
    /// as it is, such as that of an option nobody trades. True when the answer is worth waiting for.
    pub(super) fn renew(&mut self, contract: ContractId, now: Timestamp) -> bool {
        if self.board.quote(contract).is_none_or(|quote| quote.at >= now) {
            return false;
        }
        let oldest = now - SignedDuration::from_secs(self.setup.policy.gate.quote_age_max_s);
        let renews = self.board.renews(contract, oldest, now);
        if renews {
            self.renewals.push(contract);
        }
        renews
    }

    /// The orders of a contract, the newest first.
    pub(super) fn orders_of(&self, contract: ContractId) -> impl Iterator<Item = &Slot> {
        self.chain(self.board.row(contract).and_then(|row| row.newest))
    }

    /// The orders of the same contract before one, the newest first.
    pub(super) fn orders_before(&self, slot: &Slot) -> impl Iterator<Item = &Slot> {
        self.chain(slot.earlier)
    }

    fn chain(&self, newest: Option<u16>) -> impl Iterator<Item = &Slot> {
        let slot = |place: u16| &self.slots[usize::from(place)];
        std::iter::successors(newest.map(slot), move |of| of.earlier.map(slot))
    }
}
