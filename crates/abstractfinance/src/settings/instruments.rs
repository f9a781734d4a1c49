//! The instrument table.
//!
//! In: `instruments.yaml`. Out: the facts of each instrument, by name. Invariant: a future has a chain rule and nothing
//! else has one, an option root names its underlying, an ISIN carries its right check digit, a proxy is a future.

use super::refusal::{VALUE, closest, rule};
use domain::{AssetClass, Currency, FutureRule, Instrument, InstrumentKind, Mic, Price, Quantity, QuoteUnit};
use garde::Validate;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Everything in `instruments.yaml`: rows by the engine's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instruments(BTreeMap<String, InstrumentRow>);

/// What prices of an instrument count in a catalogue: points, a currency, or one currency per another.
pub fn unit_of_prices(kind: InstrumentKind, currency: Currency, symbol: &str) -> String {
    match kind {
        InstrumentKind::Ind => "points".to_owned(),
        InstrumentKind::Cash => format!("{currency} per {symbol}"),
        _ => currency.to_string(),
    }
}

/// Groups of the table, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    IndexEtf,
    UsIndexFutures,
    EuIndexFutures,
    FxFutures,
    FxSpot,
    UsSectorEtfLong,
    EuSectorEtfShort,
    UsSingleName,
    EuSingleName,
    CreditEtf,
    Bdc,
    Volatility,
    SovereignBondFutures,
    HedgeOptions,
    /// Quoted, never traded outright.
    Reference,
}

/// Who may buy a product in Europe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCategory {
    /// Anybody.
    Retail,
    /// Professional clients only: it has no key information document (Regulation EU 1286/2014, PRIIPs).
    Professional,
}

/// The facts of one instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct InstrumentRow {
    /// Group of the table.
    #[garde(skip)]
    pub category: Category,
    /// Words for people.
    #[garde(length(min = 1))]
    pub description: String,
    /// STK, ETF, FUT, OPT, CASH or IND.
    #[garde(skip)]
    pub kind: InstrumentKind,
    /// What an option is written on; only option roots have one.
    #[serde(default)]
    #[garde(custom(only_for_options(self.kind)))]
    pub underlying: Option<String>,
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
    /// ISO 6166 number of a share or fund, with its check digit.
    #[serde(default)]
    #[garde(custom(check_digit), custom(only_for_shares(self.kind)))]
    pub isin: Option<String>,
    /// The broker's contract id, where a person has said which it is; else the one it was first known by.
    #[serde(default)]
    #[garde(inner(range(min = 1, max = i64::from(i32::MAX))))]
    pub con_id: Option<i64>,
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
    /// Whether the venue trades two contracts of the chain as one calendar spread, for futures only.
    #[serde(default)]
    #[garde(custom(only_of_futures(self.kind)))]
    pub calendar_spread: bool,
    /// False for references, which are quoted and never traded.
    #[garde(custom(not_an_index(self.kind)))]
    pub tradable: bool,
    /// The future to sell where this cannot be sold short.
    #[serde(default)]
    #[garde(skip)]
    pub short_proxy: Option<String>,
    /// Whose returns the volatility estimate takes as long as this has no history.
    #[serde(default)]
    #[garde(skip)]
    pub history_proxy: Option<String>,
    /// Who may buy it; anybody unless stated.
    #[serde(default)]
    #[garde(skip)]
    pub client_category: Option<ClientCategory>,
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

    /// The venues whose calendars it needs: its own, and the one its future's rule counts by.
    pub fn venues(&self) -> impl Iterator<Item = Mic> {
        [self.mic].into_iter().chain(self.future.map(|rule| rule.calendar(self.mic)))
    }

    /// Whether a sleeve can hold it: it is traded, and no option, whose strikes and expiries are chosen elsewhere.
    pub(super) fn is_holdable(&self) -> bool {
        self.tradable && self.kind != InstrumentKind::Opt
    }

    pub(super) fn to_instrument(&self, name: &str) -> Instrument {
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
            calendar_spread: self.calendar_spread,
            underlying: self.underlying.clone(),
            tradable: self.tradable,
        }
    }
}

impl Instruments {
    /// The row of an instrument.
    pub fn get(&self, name: &str) -> Option<&InstrumentRow> {
        self.0.get(name)
    }

    /// The row a series of prices is of: its name is the instrument's, or that of a future with a contract's month, such as
    /// `M6E_202603`.
    pub fn of_series(&self, series: &str) -> Option<&InstrumentRow> {
        let contract = series.rsplit_once('_').filter(|(_, month)| month.bytes().all(|digit| digit.is_ascii_digit()));
        self.get(contract.map_or(series, |(instrument, _)| instrument))
    }

    /// The units in which a series of prices may count; nothing when it is of no instrument. Futures are quoted in points, which
    /// their multiplier makes money, and those on a currency as its rate.
    pub fn units_of(&self, series: &str) -> Option<Vec<String>> {
        let row = self.of_series(series)?;
        let own = unit_of_prices(row.kind, row.currency, &row.symbol);
        Some(match (row.kind, row.asset_class) {
            (InstrumentKind::Fut, AssetClass::FxFuture) => {
                vec![own, format!("{} per {}", row.currency, row.risk_currency())]
            }
            (InstrumentKind::Fut, _) => vec![own, "points".to_owned()],
            _ => vec![own],
        })
    }

    /// All rows, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &InstrumentRow)> {
        self.0.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// These rows, with those of another table in the place of rows that both have.
    pub fn overlaid(&self, by: &Instruments) -> Instruments {
        Instruments(self.iter().map(|(name, row)| (name.to_owned(), by.get(name).unwrap_or(row).clone())).collect())
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

    /// What to do about a name that is not in the table.
    pub(super) fn instead_of(&self, name: &str) -> String {
        match closest(name, self.0.keys().map(String::as_str)) {
            Some(known) => format!("did you mean `{known}`? Otherwise add a row there"),
            None => "correct the name or add a row there".to_owned(),
        }
    }
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

impl Validate for Instruments {
    type Context = ();

    fn validate_into(&self, context: &(), mut parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        for (name, row) in &self.0 {
            if let Err(error) = well_named(name) {
                report.append(parent(), error);
            }
            let mut path = garde::util::nested_path!(parent, name);
            row.validate_into(context, &mut path, report);
            let mut nested = &mut path as &mut dyn FnMut() -> garde::Path;
            let links = [
                ("underlying", self.underlies(row)),
                ("short_proxy", self.stands_in(row)),
                ("history_proxy", self.measures(row)),
            ];
            for (field, linked) in links {
                if let Err(error) = linked {
                    let mut place = garde::util::nested_path!(nested, field);
                    report.append(place(), error);
                }
            }
        }
    }
}

impl Instruments {
    fn underlies(&self, row: &InstrumentRow) -> garde::Result {
        let Some(name) = &row.underlying else { return Ok(()) };
        rule(self.get(name).is_some(), format!("is {VALUE}, which is not in this table"), self.instead_of(name))
    }

    fn measures(&self, row: &InstrumentRow) -> garde::Result {
        let Some(name) = &row.history_proxy else { return Ok(()) };
        rule(self.get(name).is_some(), format!("is {VALUE}, which is not in this table"), self.instead_of(name))
    }

    fn stands_in(&self, row: &InstrumentRow) -> garde::Result {
        let Some(name) = &row.short_proxy else { return Ok(()) };
        let proxy = self.get(name);
        rule(proxy.is_some(), format!("is {VALUE}, which is not in this table"), self.instead_of(name))?;
        let sold = proxy.is_some_and(|proxy| proxy.kind == InstrumentKind::Fut && proxy.tradable);
        rule(sold, format!("is {VALUE}, which is no future that is traded"), "name a future with `tradable: true`")
    }
}

fn well_named(name: &str) -> garde::Result {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
    let problem = format!("names an instrument `{name}`");
    let remedy = "use capital letters, digits, dots and underscores, such as EUR.USD";
    rule(!name.is_empty() && name.chars().all(fits), problem, remedy)
}

fn positive(lot: &Quantity, _: &()) -> garde::Result {
    let remedy = "use 1, or the smallest quantity the venue trades";
    rule(*lot > Quantity::ZERO, format!("is {VALUE}, which is no step"), remedy)
}

fn only_for_futures(kind: InstrumentKind) -> impl FnOnce(&Option<FutureRule>, &()) -> garde::Result {
    move |future, _| {
        let is_future = kind == InstrumentKind::Fut;
        let missing = "is missing, so the contracts are not known";
        let rules = FutureRule::ALL.map(FutureRule::name).join(", ");
        rule(!is_future || future.is_some(), missing, format!("add `future:` with one of {rules}"))?;
        let surplus = format!("is {VALUE}, but this is no future");
        rule(is_future || future.is_none(), surplus, "remove it, or set `kind: FUT`")
    }
}

fn only_of_futures(kind: InstrumentKind) -> impl FnOnce(&bool, &()) -> garde::Result {
    move |spread, _| {
        let problem = format!("is {VALUE}, but only contracts of a future make a calendar spread");
        rule(!spread || kind == InstrumentKind::Fut, problem, "remove it, or set `kind: FUT`")
    }
}

fn only_for_options(kind: InstrumentKind) -> impl FnOnce(&Option<String>, &()) -> garde::Result {
    move |underlying, _| {
        let is_option = kind == InstrumentKind::Opt;
        let missing = "is missing, so nobody knows what the option is on";
        rule(!is_option || underlying.is_some(), missing, "add `underlying:` with the name of another row")?;
        let surplus = format!("is {VALUE}, but this is no option");
        rule(is_option || underlying.is_none(), surplus, "remove it, or set `kind: OPT`")
    }
}

fn only_for_shares(kind: InstrumentKind) -> impl FnOnce(&Option<String>, &()) -> garde::Result {
    move |isin, _| {
        let is_share = matches!(kind, InstrumentKind::Stk | InstrumentKind::Etf);
        let problem = format!("is {VALUE}, but an ISIN decides which share or fund is meant, and this is neither");
        rule(isin.is_none() || is_share, problem, "remove it, or mention it in `note`")
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
