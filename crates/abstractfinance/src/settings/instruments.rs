//! The instrument table, and the universe of a run made from it.
//!
//! In: `instruments.yaml`, calendars, the dates of a run. Out: instruments and contracts with stable names. Invariant:
//! rows are ordered by name, a future has a chain rule and nothing else has one, an ISIN carries its right check digit.

use super::refusal::{VALUE, rule};
use domain::{
    AssetClass, Contract, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic, Price, Quantity,
    QuoteUnit, Universe,
};
use garde::Validate;
use jiff::ToSpan;
use jiff::civil::Date;
use market::calendar::{Calendars, NoCalendar, OutsideCoverage};
use market::chain::last_trading_days;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Contracts of a future that exist beyond the last date of a run, so that there is one to roll into.
const CONTRACTS_AHEAD: usize = 2;

/// Everything in `instruments.yaml`: rows by the engine's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct Instruments(#[garde(custom(well_named), dive)] BTreeMap<String, InstrumentRow>);

/// The facts of one instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct InstrumentRow {
    /// Words for people.
    #[garde(length(min = 1))]
    pub description: String,
    /// STK, ETF, FUT, OPT, CASH or IND.
    #[garde(skip)]
    pub kind: InstrumentKind,
    /// Broker symbol.
    #[garde(length(min = 1))]
    pub symbol: String,
    /// Broker routing exchange.
    #[garde(length(min = 1))]
    pub exchange: String,
    /// Broker primary exchange.
    #[serde(default)]
    #[garde(skip)]
    pub primary_exchange: Option<String>,
    /// Broker trading class.
    #[serde(default)]
    #[garde(skip)]
    pub trading_class: Option<String>,
    /// Currency of prices and cash flows.
    #[garde(skip)]
    pub currency: Currency,
    /// Currency of the risk; the trading currency unless stated.
    #[serde(default)]
    #[garde(skip)]
    pub risk_currency: Option<Currency>,
    /// Unit of quotes and order prices: `major` (dollars, euros, points) or `hundredth` (pence, cents).
    #[garde(skip)]
    pub quote_unit: QuoteUnit,
    /// Major currency units per price point; 1 for shares.
    #[garde(range(min = 1, max = 1_000_000))]
    pub multiplier: u32,
    /// Smallest price step in the major unit.
    #[garde(skip)]
    pub tick: Price,
    /// Smallest quantity step.
    #[garde(custom(positive))]
    pub lot: Quantity,
    /// ISO 6166 number, with its check digit.
    #[serde(default)]
    #[garde(custom(check_digit))]
    pub isin: Option<String>,
    /// ISO 10383 code of the venue whose calendar rules the sessions.
    #[garde(skip)]
    pub mic: Mic,
    /// Symbol at Yahoo.
    #[serde(default)]
    #[garde(skip)]
    pub yahoo_symbol: Option<String>,
    /// Group for collars and tolerances.
    #[garde(skip)]
    pub asset_class: AssetClass,
    /// Rule of the chain, for futures only.
    #[serde(default)]
    #[garde(custom(only_for_futures(self.kind)))]
    pub future: Option<FutureRule>,
    /// False for references, which are quoted and never traded.
    #[garde(custom(not_an_index(self.kind)))]
    pub tradable: bool,
    /// Facts that no second source has confirmed.
    #[serde(default)]
    #[garde(skip)]
    pub from_memory: Vec<String>,
    /// What a person should know.
    #[serde(default)]
    #[garde(skip)]
    pub note: Option<String>,
}

impl InstrumentRow {
    /// Currency of the risk.
    pub fn risk_currency(&self) -> Currency {
        self.risk_currency.unwrap_or(self.currency)
    }

    /// Whether a sleeve can hold it: it is traded and does not expire.
    pub(super) fn is_holdable(&self) -> bool {
        self.tradable && self.kind != InstrumentKind::Fut
    }

    fn to_instrument(&self, name: &str) -> Instrument {
        Instrument {
            name: name.to_owned(),
            description: self.description.clone(),
            kind: self.kind,
            symbol: self.symbol.clone(),
            exchange: self.exchange.clone(),
            primary_exchange: self.primary_exchange.clone().unwrap_or_default(),
            trading_class: self.trading_class.clone().unwrap_or_default(),
            currency: self.currency,
            risk_currency: self.risk_currency(),
            quote_unit: self.quote_unit,
            multiplier: self.multiplier,
            tick: self.tick,
            lot: self.lot,
            isin: self.isin.clone(),
            venue: self.mic,
            asset_class: self.asset_class,
            future: self.future,
            tradable: self.tradable,
        }
    }
}

impl Instruments {
    /// The row of an instrument.
    pub fn get(&self, name: &str) -> Option<&InstrumentRow> {
        self.0.get(name)
    }

    /// All rows, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &InstrumentRow)> {
        self.0.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// The name of the share with an ISIN.
    pub(super) fn by_isin(&self, isin: &str) -> Option<&str> {
        let is_share = |row: &InstrumentRow| row.kind == InstrumentKind::Stk && row.isin.as_deref() == Some(isin);
        self.iter().find(|(_, row)| is_share(row)).map(|(name, _)| name)
    }

    /// Adds a row under a name that is free.
    pub(super) fn add(&mut self, name: &str, row: InstrumentRow) {
        let earlier = self.0.insert(name.to_owned(), row);
        assert!(earlier.is_none(), "a universe never replaces an instrument");
    }

    /// All names, for a sentence.
    pub(super) fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The names of what a sleeve can hold, for a sentence.
    pub(super) fn holdable_names(&self) -> String {
        self.iter().filter(|(_, row)| row.is_holdable()).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    }
}

/// Why the contracts of a run are not known.
#[derive(Debug, thiserror::Error)]
pub enum UniverseError {
    /// The venue of a future has no calendar.
    #[error(transparent)]
    NoCalendar(#[from] NoCalendar),
    /// The calendar of a future's venue does not reach the dates of the run.
    #[error(transparent)]
    OutsideCoverage(#[from] OutsideCoverage),
    /// The calendar ends before the contract that the run would have to roll into.
    #[error(
        "the calendar of {venue} ends on {covered_to}, before any contract of {instrument} that outlives {to}; end the run earlier"
    )]
    ChainTooShort {
        /// The future.
        instrument: String,
        /// Its venue.
        venue: Mic,
        /// Last day of the calendar.
        covered_to: Date,
        /// Last date of the run.
        to: Date,
    },
}

/// Instruments and contracts of a run over trade dates `from` to `to`, both included: everything that does not expire,
/// and of each future the contracts that trade in that time plus two to roll into.
///
/// # Errors
/// [`UniverseError`] when a future's calendar is missing or does not reach far enough.
pub fn universe(
    instruments: &Instruments,
    calendars: &Calendars,
    from: Date,
    to: Date,
) -> Result<Universe, UniverseError> {
    let mut contracts = Vec::new();
    for (index, (name, row)) in instruments.iter().enumerate() {
        let instrument = InstrumentId(u16::try_from(index).expect("the table is far below 65,535 rows"));
        match row.future {
            None => contracts.push(Contract { name: name.to_owned(), instrument, expiry: None }),
            Some(rule) => {
                let days = chain(name, rule, row.mic, calendars, from, to)?;
                contracts.extend(days.into_iter().map(|day| Contract {
                    name: contract_name(name, day),
                    instrument,
                    expiry: Some(day),
                }));
            }
        }
    }
    let instruments = instruments.iter().map(|(name, row)| row.to_instrument(name)).collect();
    Ok(Universe::new(instruments, contracts))
}

fn contract_name(instrument: &str, last_trading_day: Date) -> String {
    format!("{instrument}_{}", last_trading_day.strftime("%Y%m%d"))
}

fn chain(
    name: &str,
    rule: FutureRule,
    venue: Mic,
    calendars: &Calendars,
    from: Date,
    to: Date,
) -> Result<Vec<Date>, UniverseError> {
    let calendar = calendars.get(venue)?;
    let (_, covered_to) = calendar.coverage();
    // Contracts are at most a quarter apart, so this many months hold as many more as are needed.
    let horizon = to.saturating_add((3 * CONTRACTS_AHEAD as i64 + 1).months()).min(covered_to);
    let mut days = last_trading_days(rule, calendar, from, horizon)?;
    let in_run = days.partition_point(|day| *day <= to);
    if in_run == days.len() {
        return Err(UniverseError::ChainTooShort { instrument: name.to_owned(), venue, covered_to, to });
    }
    days.truncate(in_run + CONTRACTS_AHEAD);
    Ok(days)
}

/// In the schema: a number that is read digit by digit, quoted or not.
pub(super) struct ExactNumber;

impl JsonSchema for ExactNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ExactNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"], "pattern": "^-?[0-9]+(\\.[0-9]+)?$" })
    }
}

fn well_named(rows: &BTreeMap<String, InstrumentRow>, _: &()) -> garde::Result {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '.';
    rows.keys().try_for_each(|name| {
        let problem = format!("names an instrument `{name}`");
        rule(
            !name.is_empty() && name.chars().all(fits),
            problem,
            "use capital letters, digits and dots, such as EUR.USD",
        )
    })
}

fn positive(lot: &Quantity, _: &()) -> garde::Result {
    let remedy = "use 1, or the smallest quantity the venue trades";
    rule(*lot > Quantity::ZERO, format!("is {VALUE}, which is no step"), remedy)
}

fn only_for_futures(kind: InstrumentKind) -> impl FnOnce(&Option<FutureRule>, &()) -> garde::Result {
    move |future, _| {
        let is_future = kind == InstrumentKind::Fut;
        let missing = "is missing, so the contracts are not known";
        rule(!is_future || future.is_some(), missing, "add `future: cme_fx_quarterly` or `future: index_quarterly`")?;
        let surplus = format!("is {VALUE}, but this is no future");
        rule(is_future || future.is_none(), surplus, "remove it, or set `kind: FUT`")
    }
}

fn not_an_index(kind: InstrumentKind) -> impl FnOnce(&bool, &()) -> garde::Result {
    move |tradable, _| {
        let bought = *tradable && kind == InstrumentKind::Ind;
        rule(!bought, format!("is {VALUE}, but nobody can buy an index"), "set `tradable: false`")
    }
}

/// ISO 6166: letters count as 10 to 35, every second digit from the right is doubled, and all digits together make a
/// multiple of 10.
fn check_digit(isin: &Option<String>, _: &()) -> garde::Result {
    let Some(isin) = isin else { return Ok(()) };
    let digits: String = isin.chars().filter_map(|c| c.to_digit(36)).map(|value| value.to_string()).collect();
    let weighted = digits.bytes().rev().enumerate().map(|(place, digit)| {
        let value = u32::from(digit - b'0') << (place % 2);
        value / 10 + value % 10
    });
    let shaped = isin.len() == 12 && isin.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let fits = shaped && weighted.sum::<u32>().is_multiple_of(10);
    let remedy = "compare it with the fund's factsheet, digit by digit";
    rule(fits, format!("is {VALUE}, whose check digit does not fit"), remedy)
}
