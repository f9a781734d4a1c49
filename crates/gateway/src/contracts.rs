//! The broker's view of contracts: ids, descriptions, details, hours.
//!
//! In: the universe, and descriptions as clients write them. Out: the contracts that fit, as the wire says
//! them. Invariant: a contract id depends on the contract's name alone, so it is the same in every run.

use crate::checksum::{OFFSET, checksum};
use crate::wire;
use domain::{Contract, ContractId, Instrument, InstrumentKind, Price, QuoteUnit, Universe};
use jiff::Timestamp;
use jiff::civil::Date;
use market::calendar::Calendars;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use sim::trading_hours;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Exchanges IB routes to on its own.
const SMART: &str = "SMART";
/// Days of trading hours in the details of a contract.
const HOURS_DAYS: i32 = 7;
/// Lowest id given out and how many follow; nine digits, as IB's own ids of today.
const ID_FIRST: u64 = 100_000_000;
const ID_COUNT: u64 = 900_000_000;

/// Ids and descriptions of every contract of a universe.
#[derive(Debug)]
pub struct Directory {
    universe: Arc<Universe>,
    con_ids: Vec<i32>,
    by_con_id: BTreeMap<i32, ContractId>,
    /// Distinct price steps in 1e-8 major units, ascending; the market rule of the n-th is n + 1.
    ticks: Vec<i64>,
    /// Symbols that replaced those of the universe.
    renamed: BTreeMap<ContractId, String>,
    /// Contracts quoted in the other unit, and whether their details say so.
    flipped: BTreeMap<ContractId, bool>,
}

/// Why a description does not lead to one contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Nothing fits.
    #[error("No security definition has been found for the request")]
    NoMatch,
    /// More than one contract fits.
    #[error("The contract description specified for {0} is ambiguous.")]
    Ambiguous(String),
}

impl Directory {
    /// Numbers the contracts of a universe.
    pub fn new(universe: Arc<Universe>) -> Directory {
        let mut by_con_id = BTreeMap::new();
        let con_ids = universe.contracts().map(|id| {
            let mut con_id = id_of_name(&universe.contract(id).name);
            while by_con_id.contains_key(&con_id) {
                con_id += 1;
            }
            by_con_id.insert(con_id, id);
            con_id
        });
        let con_ids = con_ids.collect();
        let ticks: BTreeSet<i64> = universe.instruments().map(|id| universe.instrument(id).tick.mantissa()).collect();
        let ticks = ticks.into_iter().collect();
        Directory { con_ids, by_con_id, ticks, universe, renamed: BTreeMap::new(), flipped: BTreeMap::new() }
    }

    /// Numbers what a universe has at its end that this one has not: options that were listed.
    pub fn extend(&mut self, universe: &Arc<Universe>) {
        self.universe = Arc::clone(universe);
        for place in self.con_ids.len()..universe.contract_count() {
            let id = ContractId(place as u32);
            let con_id = self.describe(id, None).con_id.expect("every listed option has an id");
            self.by_con_id.insert(con_id, id);
            self.con_ids.push(con_id);
        }
    }

    /// Everything this directory describes.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// The instrument behind a contract.
    pub fn instrument(&self, id: ContractId) -> &Instrument {
        self.universe.instrument_of(id)
    }

    /// The engine's name of a contract; its identity in the record.
    pub fn name(&self, id: ContractId) -> &str {
        &self.universe.contract(id).name
    }

    /// The contract the engine calls so.
    pub fn find(&self, name: &str) -> Option<ContractId> {
        self.universe.find_contract(name)
    }

    /// Every contract.
    pub fn contracts(&self) -> impl Iterator<Item = ContractId> + use<> {
        self.universe.contracts()
    }

    /// The broker's number of a contract.
    pub fn con_id(&self, id: ContractId) -> i32 {
        self.con_ids[id.index()]
    }

    /// The broker's number of a contract before it went on under another symbol.
    pub fn con_id_of_name(&self, id: ContractId) -> i32 {
        id_of_name(self.name(id))
    }

    /// The broker's symbol of a contract.
    pub fn symbol(&self, id: ContractId) -> &str {
        self.renamed.get(&id).unwrap_or(&self.instrument(id).symbol)
    }

    /// The unit of a contract's prices on the wire.
    pub fn unit(&self, id: ContractId) -> QuoteUnit {
        let unit = self.instrument(id).quote_unit;
        if self.flipped.contains_key(&id) { other_unit(unit) } else { unit }
    }

    /// The contract goes on under another symbol and another number.
    pub fn rename(&mut self, id: ContractId, symbol: &str) {
        self.by_con_id.remove(&self.con_ids[id.index()]);
        let mut con_id = id_of_name(symbol);
        while self.by_con_id.contains_key(&con_id) {
            con_id += 1;
        }
        self.by_con_id.insert(con_id, id);
        self.con_ids[id.index()] = con_id;
        self.renamed.insert(id, symbol.to_owned());
    }

    /// Quotes a contract in the other unit; its details say so, or not.
    pub fn flip_unit(&mut self, id: ContractId, in_details: bool) {
        self.flipped.insert(id, in_details);
    }

    /// Quotes every contract in its own unit.
    pub fn unflip_units(&mut self) {
        self.flipped.clear();
    }

    /// The one contract a description means.
    ///
    /// # Errors
    /// [`Unresolved`] when none fits, or several do.
    pub fn resolve(&self, wanted: &wire::Contract, today: Date) -> Result<ContractId, Unresolved> {
        match self.matching(wanted, today)[..] {
            [only] => Ok(only),
            [] => Err(Unresolved::NoMatch),
            _ => Err(Unresolved::Ambiguous(text(&wanted.symbol).to_owned())),
        }
    }

    /// Every contract a description fits, in the order of the universe. A contract id outranks all other
    /// fields; an expired contract is found by its id, or when the description includes expired ones.
    pub fn matching(&self, wanted: &wire::Contract, today: Date) -> Vec<ContractId> {
        if let Some(con_id) = wanted.con_id.filter(|&con_id| con_id != 0) {
            return self.by_con_id.get(&con_id).copied().into_iter().collect();
        }
        let is_live = |contract: &Contract| contract.expiry.is_none_or(|expiry| expiry >= today);
        let with_expired = wanted.include_expired == Some(true);
        let fits = |&id: &ContractId| {
            let (contract, instrument) = (self.universe.contract(id), self.instrument(id));
            // Options are found by what is listed, not by what was asked for before.
            self.universe.option(id).is_none()
                && (with_expired || is_live(contract))
                && fits_instrument(wanted, instrument, self.symbol(id))
                && fits_contract(wanted, contract, instrument, self.symbol(id))
        };
        self.universe.contracts().filter(fits).collect()
    }

    /// The contract as IB identifies it in answers; `exchange` is where it is routed to or traded.
    pub fn describe(&self, id: ContractId, exchange: Option<String>) -> wire::Contract {
        let (contract, instrument) = (self.universe.contract(id), self.instrument(id));
        let expiry = contract.expiry.map(compact_date);
        let outline = self.outline(instrument, exchange);
        if let Some(key) = self.universe.option(id) {
            return self.described_as(outline, contract.instrument, key);
        }
        wire::Contract {
            con_id: Some(self.con_ids[id.index()]),
            symbol: Some(self.symbol(id).to_owned()),
            last_trade_date_or_contract_month: expiry.clone(),
            local_symbol: Some(local_symbol(contract, instrument, self.symbol(id))),
            last_trade_date: expiry,
            ..outline
        }
    }

    /// What every contract of an instrument has in common.
    pub(crate) fn outline(&self, instrument: &Instrument, exchange: Option<String>) -> wire::Contract {
        wire::Contract {
            symbol: Some(instrument.symbol.clone()),
            sec_type: Some(security_type(instrument.kind).to_owned()),
            multiplier: has_multiplier(instrument).then(|| f64::from(instrument.multiplier)),
            exchange,
            primary_exch: nonempty(&instrument.primary_exchange),
            currency: Some(instrument.currency.code().to_owned()),
            trading_class: Some(trading_class(instrument).to_owned()),
            ..wire::Contract::default()
        }
    }

    /// Everything IB tells of a contract, with trading hours from the venue-local day of `now` on.
    pub fn details(&self, id: ContractId, calendars: &Calendars, now: Timestamp) -> wire::ContractDetails {
        let (expiry, instrument) = (self.universe.contract(id).expiry, self.instrument(id));
        let unit = match self.flipped.get(&id) {
            Some(true) => other_unit(instrument.quote_unit),
            _ => instrument.quote_unit,
        };
        let details = self.outline_details(instrument, expiry, calendars, now);
        wire::ContractDetails { price_magnifier: Some(magnifier(unit)), ..details }
    }

    /// What is told of every contract of an instrument that ends on a day.
    pub(crate) fn outline_details(
        &self,
        instrument: &Instrument,
        expiry: Option<Date>,
        calendars: &Calendars,
        now: Timestamp,
    ) -> wire::ContractDetails {
        let exchanges = valid_exchanges(instrument);
        let rule = self.market_rule_id(instrument).to_string();
        let calendar = calendars.get(instrument.venue).ok();
        let hours = calendar.map(|calendar| trading_hours(calendar, now, HOURS_DAYS));
        let is_share = matches!(instrument.kind, InstrumentKind::Stk | InstrumentKind::Etf);
        let is_derived = matches!(instrument.kind, InstrumentKind::Fut | InstrumentKind::Opt);
        let underlying = is_derived.then(|| instrument.symbol.clone());
        let underlies = |id| self.universe.instrument(id).kind;
        let underlying_kind = instrument.underlying.as_deref().and_then(|name| self.universe.find_instrument(name));
        let underlying_type = security_type(underlying_kind.map_or(InstrumentKind::Ind, underlies));
        wire::ContractDetails {
            market_name: Some(trading_class(instrument).to_owned()),
            min_tick: Some(instrument.tick.to_string()),
            order_types: Some(order_types(instrument).to_owned()),
            valid_exchanges: Some(exchanges.join(",")),
            price_magnifier: Some(magnifier(instrument.quote_unit)),
            under_con_id: None,
            long_name: Some(instrument.description.clone()),
            contract_month: expiry.map(|expiry| expiry.strftime("%Y%m").to_string()),
            time_zone_id: calendar.and_then(|calendar| calendar.zone().iana_name()).map(str::to_owned),
            trading_hours: hours.clone(),
            liquid_hours: hours,
            sec_id_list: instrument.isin.iter().map(|isin| ("ISIN".to_owned(), isin.clone())).collect(),
            agg_group: Some(1),
            under_sec_type: underlying.as_ref().map(|_| underlying_type.to_owned()),
            under_symbol: underlying,
            market_rule_ids: Some(vec![rule; exchanges.len()].join(",")),
            real_expiration_date: expiry.map(compact_date),
            stock_type: is_share
                .then(|| if instrument.kind == InstrumentKind::Etf { "ETF" } else { "COMMON" }.to_owned()),
            min_size: Some(instrument.lot.to_string()),
            size_increment: Some(instrument.lot.to_string()),
            suggested_size_increment: Some(instrument.lot.to_string()),
        }
    }

    /// The price steps of a market rule; `None` when there is no rule of that number.
    pub fn market_rule(&self, rule: i32) -> Option<wire::PriceIncrement> {
        let place = usize::try_from(rule.checked_sub(1)?).ok()?;
        let tick = Price::from_mantissa(*self.ticks.get(place)?).expect("the tick of an instrument");
        Some(wire::PriceIncrement { low_edge: Some(0.0), increment: Some(tick.to_f64()) })
    }

    fn market_rule_id(&self, instrument: &Instrument) -> i32 {
        let place = self.ticks.binary_search(&instrument.tick.mantissa()).expect("the column holds every tick");
        place as i32 + 1
    }
}

/// The price a client of this contract sees and sends, in the quote unit.
pub fn quoted(price: Price, unit: QuoteUnit) -> f64 {
    match unit {
        QuoteUnit::Major => price.to_f64(),
        QuoteUnit::Hundredth => price.mantissa() as f64 / 1e6,
    }
}

/// The price a client sent in the quote unit; `None` for anything that is not a price.
pub fn from_quoted(price: f64, unit: QuoteUnit) -> Option<Price> {
    Decimal::from_f64(price).and_then(|decimal| Price::from_quote(decimal, unit).ok())
}

/// Quoted units per major unit, as IB's price magnifier.
pub fn magnifier(unit: QuoteUnit) -> i32 {
    match unit {
        QuoteUnit::Major => 1,
        QuoteUnit::Hundredth => 100,
    }
}

fn other_unit(unit: QuoteUnit) -> QuoteUnit {
    match unit {
        QuoteUnit::Major => QuoteUnit::Hundredth,
        QuoteUnit::Hundredth => QuoteUnit::Major,
    }
}

/// IB's word for the kind of a security.
pub fn security_type(kind: InstrumentKind) -> &'static str {
    match kind {
        InstrumentKind::Stk | InstrumentKind::Etf => "STK",
        InstrumentKind::Fut => "FUT",
        InstrumentKind::Opt => "OPT",
        InstrumentKind::Cash => "CASH",
        InstrumentKind::Ind => "IND",
    }
}

/// `yyyymmdd`.
pub fn compact_date(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

/// The text of an optional field; absent and empty mean the same in a description.
pub fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// The checksum of the name, folded into the id range.
fn id_of_name(name: &str) -> i32 {
    i32::try_from(ID_FIRST + checksum(OFFSET, name.bytes()) % ID_COUNT).expect("below one billion")
}

/// The exchange a contract is listed on, behind smart routing.
pub fn listing(instrument: &Instrument) -> &str {
    if instrument.primary_exchange.is_empty() { &instrument.exchange } else { &instrument.primary_exchange }
}

pub(crate) fn fits_instrument(wanted: &wire::Contract, instrument: &Instrument, symbol: &str) -> bool {
    let is = |field: &Option<String>, value: &str| text(field).is_empty() || text(field) == value;
    let exchange = text(&wanted.exchange);
    let routes = exchange.is_empty() || valid_exchanges(instrument).contains(&exchange);
    let identified = match text(&wanted.sec_id_type) {
        "" => true,
        "ISIN" => instrument.isin.as_deref() == wanted.sec_id.as_deref(),
        _ => false,
    };
    identified
        && routes
        && is(&wanted.symbol, symbol)
        && is(&wanted.sec_type, security_type(instrument.kind))
        && is(&wanted.currency, instrument.currency.code())
        && is(&wanted.primary_exch, listing(instrument))
        && is(&wanted.trading_class, trading_class(instrument))
        && wanted
            .multiplier
            .is_none_or(|multiplier| multiplier == 0.0 || multiplier == f64::from(instrument.multiplier))
}

fn fits_contract(wanted: &wire::Contract, contract: &Contract, instrument: &Instrument, symbol: &str) -> bool {
    let expires = contract.expiry.map(compact_date).unwrap_or_default();
    let month_or_day = text(&wanted.last_trade_date_or_contract_month);
    expires.starts_with(month_or_day)
        && expires.starts_with(text(&wanted.last_trade_date))
        && (text(&wanted.local_symbol).is_empty()
            || text(&wanted.local_symbol) == local_symbol(contract, instrument, symbol))
}

pub(crate) fn valid_exchanges(instrument: &Instrument) -> Vec<&str> {
    let mut exchanges = vec![instrument.exchange.as_str()];
    if instrument.exchange == SMART && !instrument.primary_exchange.is_empty() {
        exchanges.push(&instrument.primary_exchange);
    }
    exchanges
}

fn has_multiplier(instrument: &Instrument) -> bool {
    matches!(instrument.kind, InstrumentKind::Fut | InstrumentKind::Opt)
}

pub(crate) fn trading_class(instrument: &Instrument) -> &str {
    if instrument.trading_class.is_empty() { &instrument.symbol } else { &instrument.trading_class }
}

/// Futures are named by class, month letter and the last digit of the year, as `M6EZ5`.
fn local_symbol(contract: &Contract, instrument: &Instrument, symbol: &str) -> String {
    const MONTH_LETTERS: [char; 12] = ['F', 'G', 'H', 'J', 'K', 'M', 'N', 'Q', 'U', 'V', 'X', 'Z'];
    match (instrument.kind, contract.expiry) {
        (InstrumentKind::Fut, Some(expiry)) => {
            let month = MONTH_LETTERS[expiry.month() as usize - 1];
            format!("{}{month}{}", trading_class(instrument), expiry.year() % 10)
        }
        (InstrumentKind::Cash, _) => format!("{symbol}.{}", instrument.currency),
        _ => symbol.to_owned(),
    }
}

fn order_types(instrument: &Instrument) -> &'static str {
    match instrument.kind {
        InstrumentKind::Stk | InstrumentKind::Etf => "DAY,IOC,LIMIT,LMT,LOC,WHATIF",
        InstrumentKind::Ind => "",
        InstrumentKind::Fut | InstrumentKind::Opt | InstrumentKind::Cash => "DAY,IOC,LIMIT,LMT,WHATIF",
    }
}

fn nonempty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
