//! The two places daily bars are pulled from.
//!
//! In: a series and dates. Out: bars in the major unit, with where they are from. Invariant: what a chart counts must be
//! what instruments.yaml says, or the series is refused; a future is never filled with the price of something else.

use crate::cli::{PullArgs, PullSource};
use crate::failure::Failure;
use crate::settings::{self, Instruments, Loaded, Mode};
use catalogue::{SeriesEntry, series_name};
use domain::{ContractId, InstrumentKind, QuoteUnit, Universe};
use feeds::{Chart, ChartError, Charts, ChartsConfig};
use ibkr::{IbkrBroker, IbkrConfig};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use market::Bar;
use market::calendar::Calendars;
use ports::{Broker, BrokerError};
use std::sync::Arc;
use std::time::Duration;

/// Most sessions the gateway is asked for at once: about five years.
const GATEWAY_SESSIONS_MAX: i64 = 1_300;

/// One series to pull.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The series.
    pub series: String,
    /// Its instrument.
    pub instrument: String,
    /// What the source calls it.
    pub stands_for: String,
    /// Last trading day of a future.
    pub expiry: Option<Date>,
    symbol: Option<String>,
    contract: Option<ContractId>,
    unit: String,
}

impl Wanted {
    /// The facts of the series; the catalogue adds those of the bars.
    pub fn entry(&self, fetched: &Fetched, adjustment: &str, now: Timestamp) -> SeriesEntry {
        let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        SeriesEntry {
            name: self.series.clone(),
            instrument: self.instrument.clone(),
            stands_for: self.stands_for.clone(),
            source: format!("{}, pulled {now}", self.stands_for),
            symbol: self.symbol.clone(),
            source_sha256: String::new(),
            unit: self.unit.clone(),
            conversion: fetched.conversion.clone(),
            adjustment: adjustment.to_owned(),
            stamp: fetched.stamp.clone(),
            venues: Vec::new(),
            rows: 0,
            first: date,
            last: date,
            sha256: String::new(),
        }
    }
}

/// What a source gave.
pub struct Fetched {
    /// In order of date.
    pub bars: Vec<Bar>,
    conversion: Option<String>,
    stamp: String,
}

/// Why a source gave nothing.
pub enum Trouble {
    /// This series only.
    Series(String),
    /// The source itself.
    Source(Failure),
}

/// A source that is ready.
pub enum Source {
    /// Yahoo's charts.
    Yahoo { charts: Charts, instruments: Instruments, adjusted: bool },
    /// The broker's gateway.
    Gateway { broker: Box<IbkrBroker>, universe: Arc<Universe> },
}

impl Source {
    /// Checks the host, or connects.
    pub async fn open(
        args: &PullArgs,
        loaded: &Loaded,
        calendars: &Calendars,
        (from, to): (Date, Date),
    ) -> Result<Source, Failure> {
        let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
        if args.source == PullSource::Yahoo {
            let yahoo = &loaded.settings.data.yahoo;
            let pause = Duration::from_millis(u64::from(yahoo.pause_ms));
            let charts =
                Charts::new(&ChartsConfig { host: yahoo.host.clone(), pause }).map_err(|error| usage(&error))?;
            return Ok(Source::Yahoo { charts, instruments: loaded.instruments.clone(), adjusted: args.adjusted });
        }
        if args.adjusted {
            let told = "the gateway gives prices adjusted for splits only; leave --adjusted out, or pull from Yahoo";
            return Err(Failure::Usage(told.to_owned()));
        }
        let universe = settings::universe(&loaded.instruments, calendars, from, to).map_err(|error| usage(&error))?;
        let universe = Arc::new(universe);
        let broker = IbkrBroker::connect(gateway(args, loaded), universe.clone()).await?;
        Ok(Source::Gateway { broker: Box::new(broker), universe })
    }

    /// The series of some instruments that this source can have.
    pub fn wanted(&self, instruments: &[&str]) -> Vec<Wanted> {
        match self {
            Source::Yahoo { instruments: rows, .. } => instruments.iter().map(|name| from_yahoo(name, rows)).collect(),
            Source::Gateway { universe, .. } => {
                let of = |contract: &ContractId| instruments.contains(&universe.instrument_of(*contract).name.as_str());
                universe.contracts().filter(of).map(|contract| from_gateway(contract, universe)).collect()
            }
        }
    }

    /// Bars of a closed span of dates.
    pub async fn fetch(
        &mut self,
        wanted: &Wanted,
        (from, to): (Date, Date),
        now: Timestamp,
    ) -> Result<Fetched, Trouble> {
        match self {
            Source::Yahoo { charts, instruments, adjusted } => {
                let missing = "instruments.yaml has no `yahoo_symbol` that is this contract; import it, or pull it from the gateway";
                let symbol = wanted.symbol.as_deref().ok_or_else(|| Trouble::Series(missing.to_owned()))?;
                let chart = charts.daily(symbol, from, to).await.map_err(|error| match error {
                    ChartError::Unavailable { .. } => Trouble::Source(Failure::Broker(error.to_string())),
                    ChartError::Refused { .. } | ChartError::Unusable { .. } => Trouble::Series(error.to_string()),
                })?;
                read_chart(&chart, wanted, instruments, *adjusted).map_err(Trouble::Series)
            }
            Source::Gateway { broker, universe } => {
                let contract = wanted.contract.expect("the gateway's series have contracts");
                let bars = gateway_bars(broker, contract, (from, to)).await.map_err(|error| match error {
                    BrokerError::Lost(_) => Trouble::Source(error.into()),
                    _ => Trouble::Series(error.to_string()),
                })?;
                let venue = universe.instrument_of(contract).venue;
                let stamp = format!("{venue} close, as of {now}");
                Ok(Fetched { bars, conversion: None, stamp })
            }
        }
    }

    /// Leaves the source.
    pub async fn close(self) {
        if let Source::Gateway { broker, .. } = self {
            broker.disconnect().await;
        }
    }
}

fn gateway(args: &PullArgs, loaded: &Loaded) -> IbkrConfig {
    let broker = &loaded.settings.broker;
    let configured = format!("{}:{}", broker.host, broker.port);
    IbkrConfig {
        address: args.gateway.map_or(configured, |address| address.to_string()),
        client_id: i32::try_from(broker.client_id).unwrap_or(i32::MAX),
        account: broker.account.clone(),
        ready_timeout: broker.ready_timeout.unsigned_abs().min(Duration::from_secs(30)),
        request_timeout: Duration::from_secs(60),
        heartbeat_timeout: broker.heartbeat.unsigned_abs(),
        virtual_time: loaded.settings.mode == Mode::Simulated,
        order_id_high_water: 0,
        pins: std::collections::BTreeMap::new(),
    }
}

/// The gateway counts sessions back from a date; too many come, and the rest is passed over.
async fn gateway_bars(
    broker: &mut IbkrBroker,
    contract: ContractId,
    (from, to): (Date, Date),
) -> Result<Vec<Bar>, BrokerError> {
    broker.resolve(&[contract]).await?;
    let days = to.duration_since(from).as_hours() / 24 + 1;
    let sessions = days.min(GATEWAY_SESSIONS_MAX);
    let before = to.saturating_add(1.day());
    let mut bars = broker.daily_bars(contract, u32::try_from(sessions).unwrap_or(u32::MAX), before).await?;
    bars.retain(|bar| from <= bar.date && bar.date <= to);
    Ok(bars)
}

fn from_gateway(contract: ContractId, universe: &Universe) -> Wanted {
    let (facts, instrument) = (universe.contract(contract), universe.instrument_of(contract));
    Wanted {
        series: series_name(&instrument.name, facts.expiry),
        instrument: instrument.name.clone(),
        stands_for: format!("{} at the broker", facts.name),
        expiry: facts.expiry,
        symbol: None,
        contract: Some(contract),
        unit: settings::unit_of_prices(instrument.kind, instrument.currency, &instrument.symbol),
    }
}

fn from_yahoo(name: &str, instruments: &Instruments) -> Wanted {
    let row = instruments.get(name).expect("it was chosen from there");
    // A future's row may name the spot price; a contract month is another thing.
    let symbol = row.yahoo_symbol.clone().filter(|_| row.kind != InstrumentKind::Fut);
    Wanted {
        series: name.to_owned(),
        instrument: name.to_owned(),
        stands_for: symbol.as_ref().map_or("nothing".to_owned(), |symbol| format!("{symbol} at Yahoo")),
        expiry: None,
        symbol,
        contract: None,
        unit: settings::unit_of_prices(row.kind, row.currency, &row.symbol),
    }
}

fn read_chart(chart: &Chart, wanted: &Wanted, instruments: &Instruments, adjusted: bool) -> Result<Fetched, String> {
    let row = instruments.get(&wanted.instrument).expect("it was chosen from there");
    if chart.quoted_in.currency != row.currency {
        return Err(format!(
            "{} is quoted in {} and instruments.yaml says {}; correct `yahoo_symbol` or `currency`",
            chart.symbol, chart.quoted_in.currency, row.currency
        ));
    }
    let mut bars = Vec::with_capacity(chart.bars.len());
    for one in &chart.bars {
        let factor = match (adjusted, one.adjusted_close) {
            (false, _) => None,
            (true, Some(close)) => Some(close.to_decimal() / one.bar.close.to_decimal()),
            (true, None) => return Err(format!("{} has no adjusted close on {}", chart.symbol, one.bar.date)),
        };
        bars.push(factor.map_or(Ok(one.bar), |factor| scaled(one.bar, factor))?);
    }
    let conversion = (chart.quoted_in.unit == QuoteUnit::Hundredth).then(|| "hundredths ÷ 100".to_owned());
    let zone = chart.zone.iana_name().unwrap_or("the exchange");
    Ok(Fetched { bars, conversion, stamp: format!("close, days of {zone}, as of {}", chart.as_of) })
}

fn scaled(bar: Bar, factor: rust_decimal::Decimal) -> Result<Bar, String> {
    let price = |price: domain::Price| {
        domain::Price::from_decimal(price.to_decimal() * factor).map_err(|error| error.to_string())
    };
    let prices = [price(bar.open)?, price(bar.high)?, price(bar.low)?, price(bar.close)?];
    Ok(Bar::new(bar.date, prices, bar.volume))
}
