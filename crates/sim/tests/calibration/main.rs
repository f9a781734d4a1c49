//! The simulated market against real series: volatilities, correlations, tails, how VIX behaves, and every instrument.
//!
//! In: targets measured on real series, four simulated calm years and two of decline. Out: the tables of the book.
//! Invariant: every number is inside the tolerance that stands beside it, and the book shows the numbers of this test.
#![allow(clippy::disallowed_methods, missing_docs, reason = "a story, which reads the book")]

mod instruments;

use domain::{
    AssetClass, Contract, ContractId, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic, Money,
    Universe,
};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use market::calendar::Calendars;
use market::chain::last_trading_days;
use rust_decimal::Decimal;
use sim::{Fills, Prices, Scenario, SimConfig, Simulation};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

const FIRST_DAY: Date = date(2012, 1, 2);
const CALM_UNTIL: Date = date(2015, 12, 31);
const DECLINE_UNTIL: Date = date(2013, 12, 31);
/// Volatility futures need a chain; two years of it say enough.
const CHAIN_UNTIL: Date = date(2013, 12, 31);

/// Log returns by date.
type Returns = BTreeMap<Date, f64>;

/// What is measured.
#[derive(Clone, Copy)]
enum Measure {
    /// Annual volatility, per cent.
    Volatility(&'static str),
    /// Excess kurtosis of daily returns.
    Kurtosis(&'static str),
    /// Worst day, per cent.
    Worst(&'static str),
    /// Correlation of weekly returns (sums of five days), which different closing times disturb little.
    Correlation(&'static str, &'static str),
    /// Mean level.
    Mean(&'static str),
    /// Autocorrelation of the logarithm over some days.
    Persistence(&'static str, usize),
}

/// A measure, its value in the real series, and the span in which the simulated one has to be.
struct Target {
    measure: Measure,
    real: f64,
    source: &'static str,
    span: (f64, f64),
}

const fn target(measure: Measure, real: f64, source: &'static str, span: (f64, f64)) -> Target {
    Target { measure, real, source, span }
}

use Measure::{Correlation, Kurtosis, Mean, Persistence, Volatility, Worst};

/// Real values from July 2012 to December 2018, the calmer part of the series at hand; French bonds from September 2012,
/// VSTOXX futures from January 2013, Bund futures from April 2013 to 2016. Returns of futures are changes of the
/// back-adjusted price over the price held.
const TARGETS: [Target; 34] = [
    target(Volatility("SPX"), 12.8, "S&P 500", (11.0, 14.5)),
    target(Volatility("SX5E"), 18.0, "EURO STOXX 50", (16.0, 20.0)),
    target(Volatility("CNDX"), 16.0, "Nasdaq-100", (14.0, 18.0)),
    target(Volatility("ISF"), 13.8, "FTSE 100 future", (12.0, 16.0)),
    target(Volatility("EXX1"), 28.2, "EURO STOXX Banks future", (25.0, 32.0)),
    target(Volatility("HYG"), 6.0, "HYG, adjusted", (5.0, 7.5)),
    target(Volatility("LQDE"), 4.9, "LQD, adjusted", (4.0, 6.0)),
    target(Volatility("FGBL"), 5.4, "Bund future", (4.6, 6.2)),
    target(Volatility("FOAT"), 4.6, "OAT future", (4.0, 5.4)),
    target(Volatility("FBTP"), 8.8, "BTP future", (7.5, 10.0)),
    target(Volatility("EUR.USD"), 8.2, "ECB fixing", (7.2, 9.5)),
    target(Volatility("GBP.USD"), 8.9, "ECB fixings, cross", (7.5, 10.0)),
    target(Volatility("VIX"), 124.8, "VIX", (90.0, 135.0)),
    target(Volatility("VX"), 44.0, "VX future, second month", (36.0, 52.0)),
    target(Volatility("FVS"), 38.2, "VSTOXX future, second month", (30.0, 46.0)),
    target(Correlation("SPX", "SX5E"), 0.69, "S&P 500, EURO STOXX 50", (0.55, 0.80)),
    target(Correlation("SPX", "VIX"), -0.81, "S&P 500, VIX", (-0.90, -0.70)),
    target(Correlation("SPX", "CNDX"), 0.91, "S&P 500, Nasdaq-100", (0.84, 0.96)),
    target(Correlation("SPX", "HYG"), 0.66, "S&P 500, HYG", (0.50, 0.80)),
    target(Correlation("SPX", "LQDE"), 0.09, "S&P 500, LQD", (-0.15, 0.30)),
    target(Correlation("HYG", "LQDE"), 0.43, "HYG, LQD", (0.20, 0.60)),
    target(Correlation("SX5E", "EXX1"), 0.80, "EURO STOXX 50, its banks", (0.70, 0.90)),
    target(Correlation("SX5E", "ISF"), 0.68, "EURO STOXX 50, FTSE 100 future", (0.55, 0.85)),
    target(Correlation("SX5E", "FBTP"), 0.40, "EURO STOXX 50, BTP future", (0.20, 0.50)),
    target(Correlation("FOAT", "FGBL"), 0.91, "OAT, Bund futures", (0.82, 0.96)),
    target(Correlation("FOAT", "FBTP"), 0.59, "OAT, BTP futures", (0.30, 0.65)),
    target(Correlation("EUR.USD", "GBP.USD"), 0.55, "ECB fixings", (0.45, 0.68)),
    target(Correlation("SPX", "EUR.USD"), 0.04, "S&P 500, ECB fixing", (-0.10, 0.22)),
    target(Correlation("VX", "VIX"), 0.71, "VX future, VIX", (0.65, 1.00)),
    target(Correlation("FVS", "VX"), 0.78, "VSTOXX, VX futures", (0.55, 0.90)),
    target(Kurtosis("SPX"), 3.5, "S&P 500", (0.8, 6.0)),
    target(Worst("SPX"), -4.2, "S&P 500", (-9.0, -2.8)),
    target(Mean("VIX"), 14.9, "VIX", (13.5, 17.5)),
    target(Persistence("VIX", 1), 0.94, "VIX", (0.85, 0.98)),
];

#[test]
fn the_simulated_market_behaves_like_the_real_one() {
    let world = &*WORLD;
    let (mut table, mut outside) = (String::new(), Vec::new());
    writeln!(table, "| | real | simulated | allowed | real series |\n|---|---:|---:|---|---|").expect("text");
    for Target { measure, real, source, span: (low, high) } in &TARGETS {
        let simulated = world.measured(*measure);
        let (what, digits) = what(*measure);
        let row = format!(
            "| {what} | {real:.digits$} | {simulated:.digits$} | {low:.digits$} to {high:.digits$} | {source} |"
        );
        if !(*low..=*high).contains(&simulated) {
            outside.push(row.clone());
        }
        writeln!(table, "{row}").expect("text");
    }
    held(&table, &outside);
}

/// Nothing is outside its tolerance, and the book shows the table.
fn held(table: &str, outside: &[String]) {
    assert!(outside.is_empty(), "outside their tolerances:\n{}", outside.join("\n"));
    let book = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulated-market.md"));
    let shown = book.expect("the book's page").contains(table);
    assert!(shown, "docs/simulated-market.md shows other numbers; the table is now:\n{table}");
}

fn what(measure: Measure) -> (String, usize) {
    match measure {
        Volatility(of) => (format!("{of}: volatility a year, %"), 1),
        Kurtosis(of) => (format!("{of}: excess kurtosis of daily returns"), 1),
        Worst(of) => (format!("{of}: worst day, %"), 1),
        Correlation(a, b) => (format!("{a} and {b}: correlation of weekly returns"), 2),
        Mean(of) => (format!("{of}: mean"), 1),
        Persistence(of, days) => (format!("{of}: autocorrelation over {days} day"), 2),
    }
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// Closes and returns of every series, calm and decline one after the other.
struct World {
    levels: BTreeMap<&'static str, Vec<f64>>,
    returns: BTreeMap<&'static str, Vec<Returns>>,
}

impl World {
    fn new() -> World {
        let (mut levels, mut returns) = (BTreeMap::new(), BTreeMap::new());
        for (scenario, until) in [(Scenario::Calm, CALM_UNTIL), (Scenario::Decline, DECLINE_UNTIL)] {
            let chain_until = if scenario == Scenario::Calm { CHAIN_UNTIL } else { FIRST_DAY };
            let universe = universe(chain_until);
            let simulation = run(scenario, &universe, until);
            for (name, closes) in series(&simulation, &universe) {
                let of: &mut Vec<f64> = levels.entry(name).or_default();
                of.extend(closes.values().map(|(_, close)| close));
                let of: &mut Vec<Returns> = returns.entry(name).or_default();
                of.push(closes.into_iter().filter_map(|(day, (change, _))| Some((day, change?))).collect());
            }
        }
        World { levels, returns }
    }

    fn measured(&self, measure: Measure) -> f64 {
        let daily = |of: &str| -> Vec<f64> { self.returns[of].iter().flat_map(|run| run.values().copied()).collect() };
        match measure {
            Volatility(of) => 100.0 * (252.0 * moment(&daily(of), 2)).sqrt(),
            Kurtosis(of) => moment(&daily(of), 4) / moment(&daily(of), 2).powi(2) - 3.0,
            Worst(of) => 100.0 * daily(of).into_iter().fold(0.0, f64::min),
            Mean(of) => mean(&self.levels[of]),
            Persistence(of, days) => {
                let logs: Vec<f64> = self.levels[of].iter().map(|level| level.ln()).collect();
                correlation(&logs[days..], &logs[..logs.len() - days])
            }
            Correlation(a, b) => {
                let (mut left, mut right) = (Vec::new(), Vec::new());
                for (a, b) in self.returns[a].iter().zip(&self.returns[b]) {
                    let common: Vec<Date> = a.keys().filter(|day| b.contains_key(day)).copied().collect();
                    for week in common.chunks_exact(5) {
                        left.push(week.iter().map(|day| a[day]).sum());
                        right.push(week.iter().map(|day| b[day]).sum());
                    }
                }
                correlation(&left, &right)
            }
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn moment(values: &[f64], power: i32) -> f64 {
    let centre = mean(values);
    values.iter().map(|value| (value - centre).powi(power)).sum::<f64>() / values.len() as f64
}

fn correlation(left: &[f64], right: &[f64]) -> f64 {
    let (a, b) = (mean(left), mean(right));
    let product: f64 = left.iter().zip(right).map(|(x, y)| (x - a) * (y - b)).sum();
    product / left.len() as f64 / (moment(left, 2) * moment(right, 2)).sqrt()
}

/// An instrument as it is simulated: name, kind, class, currency and venue.
type Row = (&'static str, InstrumentKind, AssetClass, Currency, Mic);

/// Change since the session before, and close, by date.
type Closes = BTreeMap<Date, (Option<f64>, f64)>;

/// What is only referred to; every instrument of the table of [`instruments`] is simulated too.
const REFERENCES: [Row; 3] = [
    ("SPX", InstrumentKind::Ind, AssetClass::Index, Currency::Usd, Mic::Xnys),
    ("SX5E", InstrumentKind::Ind, AssetClass::Index, Currency::Eur, Mic::Xetr),
    ("HYG", InstrumentKind::Etf, AssetClass::BondEtf, Currency::Usd, Mic::Xnys),
];

fn rows() -> impl Iterator<Item = Row> {
    REFERENCES.into_iter().chain(instruments::LINES.iter().map(instruments::Line::row))
}

/// One contract of everything, and of volatility futures a chain up to a date; bonds are followed at a constant distance
/// from delivery, which is what a rolled series shows.
fn universe(chain_until: Date) -> Arc<Universe> {
    let calendars = calendars();
    let (mut instruments, mut contracts) = (Vec::new(), Vec::new());
    for (index, (name, kind, asset_class, currency, venue)) in rows().enumerate() {
        let tick = domain::Price::from_mantissa(1_000).expect("a price");
        instruments.push(Instrument { asset_class, venue, tick, ..Instrument::plain(name, kind, currency) });
        let contract = |name: String, expiry| Contract { name, instrument: InstrumentId(index as u16), expiry };
        if kind == InstrumentKind::Fut {
            let days = last_trading_days(FutureRule::VolatilityMonthly, venue, &calendars, FIRST_DAY, chain_until);
            let days = days.expect("covered").into_iter();
            contracts.extend(days.map(|day| contract(format!("{name}_{}", day.strftime("%Y%m%d")), Some(day))));
        } else {
            contracts.push(contract(name.to_owned(), None));
        }
    }
    Arc::new(Universe::new(instruments, contracts))
}

fn calendars() -> Calendars {
    let tables = [
        (Mic::Xlon, include_str!("../../../../config/calendars/XLON.csv")),
        (Mic::Xetr, include_str!("../../../../config/calendars/XETR.csv")),
        (Mic::Xnys, include_str!("../../../../config/calendars/XNYS.csv")),
        (Mic::Xcbf, include_str!("../../../../config/calendars/XCBF.csv")),
        (Mic::Fx, include_str!("../../../../config/calendars/FX.csv")),
    ];
    Calendars::parse(tables, include_str!("../../../../config/calendars/overrides.csv")).expect("well-formed tables")
}

fn run(scenario: Scenario, universe: &Arc<Universe>, until: Date) -> Simulation {
    let at = |day: Date| TimeZone::UTC.to_timestamp(day.into()).expect("midnight");
    let world = SimConfig {
        universe: universe.clone(),
        calendars: Arc::new(calendars()),
        prices: Prices::Simulated { scenario, seed: 1, first_day: FIRST_DAY },
        seed: 1,
        start: at(FIRST_DAY),
        base: Currency::Usd,
        events: sim::AccountEvents::none(),
        price_list: sim::PriceList::Fixed,
        account: "DU0000001".to_owned(),
        deposit: Money::new(Decimal::from(1_000_000), Currency::Usd),
    };
    // Nobody trades here, and only closes are looked at.
    let mut simulation = Simulation::filling(world, Fills::Whole).expect("a valid configuration");
    simulation.advance_to(at(until));
    simulation
}

/// Change and close by date; a change is that of the contract held, for futures the one after the nearest.
fn series(simulation: &Simulation, universe: &Universe) -> Vec<(&'static str, Closes)> {
    let mut all = Vec::new();
    for ((name, ..), id) in rows().zip(universe.instruments()) {
        let chain: Vec<ContractId> = universe.contracts_of(id).collect();
        let mut closes = Closes::new();
        for (place, &contract) in chain.iter().enumerate() {
            // The second month from the day after the contract two before it has ended.
            let expiry = |back: usize| universe.contract(chain[place.checked_sub(back)?]).expiry;
            let held = |day: Date| match universe.contract(contract).expiry {
                None => true,
                Some(_) => {
                    expiry(2).is_none_or(|two_before| day > two_before)
                        && expiry(1).is_some_and(|one_before| day <= one_before)
                }
            };
            let bars = simulation.bars(contract, date(2100, 1, 1), usize::MAX);
            for pair in bars.windows(2).filter(|pair| pair[1].date >= FIRST_DAY && held(pair[1].date)) {
                let [before, close] = [pair[0], pair[1]].map(|bar| bar.close.to_f64());
                closes.insert(pair[1].date, (Some((close / before).ln()), close));
            }
        }
        all.push((name, closes));
    }
    all
}
