//! Which of the configured instruments a day has to do with.
//!
//! In: sleeves, lists, screens, hedges, references, books. Out: the contracts to identify at the broker and to read history of. Invariant:
//! everything that can be traded, valued or looked at today is in it; a line of the table that nothing needs costs nothing.

use super::{Run, screens};
use crate::book::Book;
use domain::{ContractId, InstrumentId, InstrumentKind, Ledger, PerInstrument};
use jiff::civil::Date;
use strategy::ScreenList;

/// Contracts of a future that are identified: the one held, the one rolled into, and one to spare. Of options those that
/// are held; what is bought is identified when it is chosen.
const CONTRACTS_OF_A_CHAIN: usize = 3;

/// A day's instruments, and the contracts the books hold.
pub(super) struct Scope<'a> {
    needed: PerInstrument<bool>,
    ledger: Option<&'a Ledger>,
    run: &'a Run,
}

impl<'a> Scope<'a> {
    /// What a date needs; no books exist before the first.
    pub(super) fn of(book: Option<&'a Book>, date: Date, run: &'a Run) -> Scope<'a> {
        let lists = book.map_or(&[][..], |book| &book.memory.lists);
        let due = screens::due(date, lists, run);
        Scope::new(book.map(|book| book.books.ledger()), lists, &due, run)
    }

    /// What the strategy with these lists, the screens that are due, the references and the books need.
    pub(super) fn new(ledger: Option<&'a Ledger>, lists: &[ScreenList], due: &[usize], run: &'a Run) -> Scope<'a> {
        let setup = &run.setup;
        let (policy, references) = (&setup.policy, &setup.references);
        let instrument = |contract: ContractId| setup.universe.contract(contract).instrument;
        let held = setup.universe.contracts().filter(|&contract| ledger.is_some_and(|ledger| holds(ledger, contract)));
        let no_list = ScreenList::default();
        let listed = lists.iter().flat_map(|list| &list.names).map(|name| name.contract);
        let fixed = policy.sleeves.iter().flat_map(|sleeve| sleeve.contracts(&no_list));
        let sleeves: Vec<InstrumentId> =
            fixed.chain(listed).chain(screens::candidates(due, run)).map(instrument).collect();
        // What is sold where one of them cannot be borrowed.
        let proxies = policy.short_proxies.iter().filter(|(of, _)| sleeves.contains(of)).map(|(_, proxy)| *proxy);
        let proxies: Vec<InstrumentId> = proxies.collect();
        // What measures one of them until it has a history of its own.
        let measures = policy.history_proxies.iter().filter(|(of, _)| sleeves.contains(of)).map(|(_, proxy)| *proxy);
        let proxies: Vec<InstrumentId> = proxies.into_iter().chain(measures).collect();
        let sleeves = sleeves.into_iter().chain(proxies);
        let hedges = policy.fx_hedge.rules.iter().map(|rule| rule.future);
        let stand_ins = policy.execution.pairs.hedges.iter().map(|(_, future)| *future);
        let indices = references.vix.into_iter().chain(references.ratio.into_iter().flat_map(|(a, b)| [a, b]));
        let hedged = setup.tail_hedge().into_iter().flat_map(|(_, hedge)| {
            let spread = hedge.spread.into_iter().flat_map(|pair| [pair.long, pair.short]);
            hedge.roots.iter().map(|root| instrument(root.underlying)).chain(spread).collect::<Vec<_>>()
        });
        let pairs = references.rates.iter().filter_map(|(_, pair)| *pair);
        let mut needed = PerInstrument::filled(false, setup.universe.instrument_count());
        let futures = hedges.chain(stand_ins);
        let all = sleeves.chain(futures).chain(indices).chain(pairs).chain(hedged).chain(held.map(instrument));
        all.for_each(|id| needed[id] = true);
        Scope { needed, ledger, run }
    }

    /// Whether an instrument is part of the day.
    pub(super) fn needs(&self, instrument: InstrumentId) -> bool {
        self.needed[instrument]
    }

    /// Whether the books hold a contract, or profit of it that settlement has not paid yet.
    pub(super) fn holds(&self, contract: ContractId) -> bool {
        self.ledger.is_some_and(|ledger| holds(ledger, contract))
    }

    /// The contracts to identify at the broker: what does not expire, what is held, and the next ones of each chain. The
    /// broker no longer knows those that have expired.
    pub(super) fn contracts(&self, today: Date) -> Vec<ContractId> {
        let universe = &self.run.setup.universe;
        let mut contracts = Vec::new();
        for instrument in universe.instruments().filter(|&id| self.needs(id)) {
            let current = universe.contracts_of(instrument).filter(|&contract| is_current(contract, today, self.run));
            let first =
                if universe.instrument(instrument).kind == InstrumentKind::Opt { 0 } else { CONTRACTS_OF_A_CHAIN };
            let near = current.enumerate().filter(|&(i, contract)| i < first || self.holds(contract));
            contracts.extend(near.map(|(_, contract)| contract));
        }
        contracts
    }
}

/// Whether a contract has not expired.
pub(super) fn is_current(contract: ContractId, today: Date, run: &Run) -> bool {
    run.setup.universe.contract(contract).expiry.is_none_or(|expiry| expiry >= today)
}

/// Whether a ledger has a contract, or profit of it that settlement has not paid yet.
pub(super) fn holds(ledger: &Ledger, contract: ContractId) -> bool {
    !ledger.quantity(contract).is_zero() || !ledger.settled_value(contract).is_zero()
}
