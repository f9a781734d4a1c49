//! The table of everything a run can hold or reference.
//!
//! In: instruments, contracts, options as they are listed. Out: facts by key, keys by name. Invariant: a key means the same
//! for as long as the run lasts; a table grows at its end, by options alone.

use crate::{
    Contract, ContractId, Currency, Instrument, InstrumentId, InstrumentKind, OptionKey, PerContract, PerInstrument,
    Terms,
};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Neighbours in the table that are valued alike: who values a column reads the terms once for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Their places in a dense column.
    pub rows: Range<usize>,
    /// Currency of prices and cash flows.
    pub currency: Currency,
    /// Major currency units per price point.
    pub multiplier: u32,
    /// True for futures: profit is paid into cash every day.
    pub settles_daily: bool,
}

/// Every instrument and contract of a run. Keys are stable within a run; text names are stable for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct Universe {
    // Shared, because a universe that grows by an option is copied, and the rest of it stays.
    instruments: Arc<[Instrument]>,
    contracts: Vec<Arc<Contract>>,
    terms: PerContract<Terms>,
    stretches: Vec<Stretch>,
    chains: PerInstrument<Arc<Vec<ContractId>>>,
    /// Of the contracts at the end: options come after everything else.
    options: Vec<OptionKey>,
    places: BTreeMap<(InstrumentId, OptionKey), ContractId>,
    /// Every contract but the options, which their names themselves say, in the order of their names.
    by_name: Arc<Vec<ContractId>>,
}

impl Default for Universe {
    /// A table of nothing.
    fn default() -> Universe {
        Universe::new(Vec::new(), Vec::new())
    }
}

impl Universe {
    /// Most contracts of a table: the options of some three hundred years of trading.
    pub const CONTRACTS_MAX: usize = 1 << 20;

    /// The table of a run. A contract must point into the instruments.
    ///
    /// # Panics
    /// When a contract names an instrument outside the table, or there are more instruments than 65,535 or more contracts
    /// than [`Universe::CONTRACTS_MAX`].
    pub fn new(instruments: Vec<Instrument>, contracts: Vec<Contract>) -> Self {
        assert!(instruments.len() < usize::from(u16::MAX) && contracts.len() <= Universe::CONTRACTS_MAX);
        assert!(contracts.iter().all(|c| c.instrument.index() < instruments.len()), "contract without instrument");
        let terms = contracts.iter().map(|contract| terms_of(&instruments[contract.instrument.index()])).collect();
        let terms: PerContract<Terms> = PerContract::from_vec(terms);
        let mut stretches = Vec::new();
        terms.iter().for_each(|(_, terms)| lengthen(&mut stretches, terms));
        let mut chains = vec![Vec::new(); instruments.len()];
        for (index, contract) in contracts.iter().enumerate() {
            chains[contract.instrument.index()].push(ContractId(index as u32));
        }
        let mut by_name: Vec<ContractId> = (0..contracts.len()).map(|index| ContractId(index as u32)).collect();
        by_name.sort_by(|a, b| contracts[a.index()].name.cmp(&contracts[b.index()].name));
        Universe {
            by_name: Arc::new(by_name),
            instruments: instruments.into(),
            contracts: contracts.into_iter().map(Arc::new).collect(),
            terms,
            stretches,
            chains: PerInstrument::from_vec(chains.into_iter().map(Arc::new).collect()),
            options: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// The same universe with one more option at its end; the key of the one that is there when it is there already.
    /// Keys given out before stay what they are.
    ///
    /// # Panics
    /// When the root is not of kind OPT or the table is full.
    pub fn list_option(&mut self, root: InstrumentId, key: OptionKey) -> ContractId {
        assert!(self.instrument(root).kind == InstrumentKind::Opt, "only the root of a chain has options");
        if let Some(known) = self.find_option(root, &key) {
            return known;
        }
        assert!(self.contracts.len() < Universe::CONTRACTS_MAX, "the table of contracts is full");
        let id = ContractId(self.contracts.len() as u32);
        let name = key.name(&self.instrument(root).name);
        self.contracts.push(Arc::new(Contract { name, instrument: root, expiry: Some(key.expiry) }));
        Arc::make_mut(&mut self.chains[root]).push(id);
        let terms = terms_of(&self.instruments[root.index()]);
        lengthen(&mut self.stretches, &terms);
        self.terms.push(terms);
        self.options.push(key);
        self.places.insert((root, key), id);
        id
    }

    /// Lists every option among names of contracts; names of anything else, and of unknown roots, are passed over.
    pub fn list_named<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for (root, key) in names.into_iter().filter_map(OptionKey::parse) {
            let root = self.find_instrument(root).filter(|&root| self.instrument(root).kind == InstrumentKind::Opt);
            if let Some(root) = root {
                self.list_option(root, key);
            }
        }
    }

    /// Which option a contract is; `None` for anything else.
    #[inline]
    pub fn option(&self, id: ContractId) -> Option<&OptionKey> {
        let first = self.contracts.len() - self.options.len();
        self.options.get(id.index().checked_sub(first)?)
    }

    /// The contract of an option that is listed here.
    pub fn find_option(&self, root: InstrumentId, key: &OptionKey) -> Option<ContractId> {
        self.places.get(&(root, *key)).copied()
    }

    /// What the options of a root are written on; a doors-only lookup.
    pub fn underlying(&self, root: InstrumentId) -> Option<InstrumentId> {
        self.instrument(root).underlying.as_deref().and_then(|name| self.find_instrument(name))
    }

    /// Keys of all instruments.
    pub fn instruments(&self) -> impl Iterator<Item = InstrumentId> + use<> {
        (0..self.instruments.len() as u16).map(InstrumentId)
    }

    /// Keys of all contracts.
    pub fn contracts(&self) -> impl Iterator<Item = ContractId> + use<> {
        (0..self.contracts.len() as u32).map(ContractId)
    }

    /// Keys of the contracts of the table it began with: all but the options that were listed.
    pub fn configured(&self) -> impl Iterator<Item = ContractId> + use<> {
        (0..(self.contracts.len() - self.options.len()) as u32).map(ContractId)
    }

    /// The table it began with, without the options that were listed since.
    pub fn without_options(&self) -> Universe {
        let configured = self.configured().map(|contract| self.contract(contract).clone()).collect();
        Universe::new(self.instruments.to_vec(), configured)
    }

    /// The table without options, and without the contracts that end before or after a span.
    pub fn ending_within(&self, from: Date, to: Date) -> Universe {
        let lives = |contract: &Contract| contract.expiry.is_none_or(|expiry| (from..=to).contains(&expiry));
        let configured = self.configured().map(|contract| self.contract(contract).clone()).filter(lives).collect();
        Universe::new(self.instruments.to_vec(), configured)
    }

    /// Number of instruments, the length of a [`PerInstrument`] column.
    pub fn instrument_count(&self) -> usize {
        self.instruments.len()
    }

    /// Number of contracts, the length of a [`PerContract`] column.
    pub fn contract_count(&self) -> usize {
        self.contracts.len()
    }

    /// The instrument's facts.
    #[inline]
    pub fn instrument(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.index()]
    }

    /// The contract's facts.
    #[inline]
    pub fn contract(&self, id: ContractId) -> &Contract {
        &self.contracts[id.index()]
    }

    /// The instrument behind a contract.
    #[inline]
    pub fn instrument_of(&self, id: ContractId) -> &Instrument {
        self.instrument(self.contract(id).instrument)
    }

    /// The contract's dense facts.
    #[inline]
    pub fn terms(&self, id: ContractId) -> &Terms {
        &self.terms[id]
    }

    /// The dense facts of every contract, in key order.
    #[inline]
    pub fn all_terms(&self) -> &[Terms] {
        self.terms.as_slice()
    }

    /// The first `count` contracts by what they are valued with, in key order.
    #[inline]
    pub fn stretches(&self, count: usize) -> impl Iterator<Item = Stretch> {
        let within = move |rows: &Range<usize>| rows.start.min(count)..rows.end.min(count);
        self.stretches.iter().map(move |stretch| Stretch { rows: within(&stretch.rows), ..*stretch })
    }

    /// Finds an instrument by name; a doors-only lookup.
    pub fn find_instrument(&self, name: &str) -> Option<InstrumentId> {
        self.instruments.iter().position(|i| i.name == name).map(|i| InstrumentId(i as u16))
    }

    /// Finds a contract by name; a doors-only lookup.
    pub fn find_contract(&self, name: &str) -> Option<ContractId> {
        let is_named = |contract: &ContractId| self.contract(*contract).name == name;
        let place = self.by_name.partition_point(|known| self.contract(*known).name.as_str() < name);
        self.by_name.get(place).copied().filter(is_named).or_else(|| {
            let (root, key) = OptionKey::parse(name)?;
            self.find_option(self.find_instrument(root)?, &key).filter(is_named)
        })
    }

    /// The contracts of one instrument, earliest expiry first (the order of the table).
    pub fn contracts_of(&self, instrument: InstrumentId) -> impl Iterator<Item = ContractId> + '_ {
        self.chains[instrument].iter().copied()
    }

    /// The only contract of an instrument that does not expire.
    pub fn spot_contract(&self, instrument: InstrumentId) -> Option<ContractId> {
        self.contracts_of(instrument).find(|&c| self.contract(c).expiry.is_none())
    }
}

/// Adds one more contract to the last stretch, or begins the next with it.
fn lengthen(stretches: &mut Vec<Stretch>, terms: &Terms) {
    let &Terms { currency, multiplier, settles_daily, .. } = terms;
    let end = stretches.last().map_or(0, |last| last.rows.end);
    match stretches.last_mut() {
        Some(last) if (last.currency, last.multiplier, last.settles_daily) == (currency, multiplier, settles_daily) => {
            last.rows.end += 1;
        }
        _ => stretches.push(Stretch { rows: end..end + 1, currency, multiplier, settles_daily }),
    }
}

fn terms_of(instrument: &Instrument) -> Terms {
    Terms {
        currency: instrument.currency,
        risk_currency: instrument.risk_currency,
        multiplier: instrument.multiplier,
        settles_daily: instrument.kind == InstrumentKind::Fut,
        asset_class: instrument.asset_class,
        tradable: instrument.tradable,
        tick: instrument.tick,
        lot: instrument.lot,
    }
}
