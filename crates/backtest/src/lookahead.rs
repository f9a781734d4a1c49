//! The future, kept out and let in on purpose.
//!
//! In: a history, a date. Out: the same history with another future, and brokers that leak the future in ten ways.
//! Invariant: two histories that are the same before a date give the same plans up to it, unless something looked ahead;
//! a detector that is blind to a planted leak is not believed.

use domain::{ContractId, InstrumentId, InstrumentKind, OptionKey, PerContract, Price, Quantity, Universe};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use market::fundamentals::Statement;
use market::{Bar, Fundamentals};
use ports::{
    AccountSnapshot, Broker, BrokerCommand, BrokerError, BrokerEvent, ContractDetails, Glance, Identity, MarginImpact,
    OptionChain, OptionQuote,
};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

/// How far ahead leaked statements are known.
const YEARS_AHEAD: i64 = 2;

/// A way in which research has looked into the future before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leak {
    /// The last close known in the morning is the trade date's own.
    SameDayClose,
    /// A bar is stamped with its open: what closed today looks like yesterday's.
    BarStampedAtOpen,
    /// Currency rates of two days after.
    FutureRate,
    /// The volatility index of the day after.
    FutureVix,
    /// A mean of the day before, the day, and the day after.
    CentredMean,
    /// Prices divided by the last price of the whole series.
    ScaledByLastPrice,
    /// A holiday's blank filled with the next print.
    FilledBackwards,
    /// Only what is still traded when the data ends.
    SurvivorsOnly,
    /// Statements by the year they are about, not by the day they were published.
    RestatedFundamentals,
    /// A future's price is that of the contract that will trade most after the trade date.
    RollByFutureVolume,
}

impl Leak {
    /// All of them.
    pub const ALL: [Leak; 10] = [
        Leak::SameDayClose,
        Leak::BarStampedAtOpen,
        Leak::FutureRate,
        Leak::FutureVix,
        Leak::CentredMean,
        Leak::ScaledByLastPrice,
        Leak::FilledBackwards,
        Leak::SurvivorsOnly,
        Leak::RestatedFundamentals,
        Leak::RollByFutureVolume,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Leak::SameDayClose => "same-day close",
            Leak::BarStampedAtOpen => "bar stamped at its open",
            Leak::FutureRate => "currency rates of two days after",
            Leak::FutureVix => "VIX of the day after",
            Leak::CentredMean => "mean with the day after in it",
            Leak::ScaledByLastPrice => "prices scaled by the last one",
            Leak::FilledBackwards => "holiday filled with the next print",
            Leak::SurvivorsOnly => "only what survived",
            Leak::RestatedFundamentals => "statements before they were published",
            Leak::RollByFutureVolume => "roll by the volume to come",
        }
    }
}

impl Leak {
    /// What is missing where the leak has no way in, so that there is nothing to find.
    pub fn without(self) -> &'static str {
        match self {
            Leak::SameDayClose | Leak::BarStampedAtOpen => "no price of these dates is read",
            Leak::FutureRate => "no currency rate is read",
            Leak::FutureVix => "VIX is not read",
            Leak::CentredMean | Leak::ScaledByLastPrice => "no price of anything that is traded is read",
            Leak::FilledBackwards => "no venue rests alone on the date before one of those plans",
            Leak::SurvivorsOnly => "no share or fund ends a week before the last of these dates",
            Leak::RestatedFundamentals => "no screen reads statements that are published later",
            Leak::RollByFutureVolume => "no contract of a future overtakes another by volume",
        }
    }
}

/// A history by contract of a universe.
pub type History = PerContract<Vec<Bar>>;

/// The same history up to a date of each contract, and another one from it on: other prices, other volumes, and shares
/// that end. What trades around the clock is in a session already when the plan is made, and its price is no secret: its
/// history changes a date later.
pub fn other_future(history: &History, universe: &Universe, from: impl Fn(ContractId) -> Date) -> History {
    let changed = |(contract, bars): (ContractId, &Vec<Bar>)| {
        let kind = universe.instrument_of(contract).kind;
        let is_share = matches!(kind, InstrumentKind::Stk | InstrumentKind::Etf);
        let ends = is_share && contract.0 % 5 == 3;
        let first = from(contract);
        let (past, future) = bars.split_at(bars.partition_point(|bar| bar.date < first));
        let future = future.iter().enumerate().filter(|_| !ends).map(|(day, bar)| otherwise(bar, contract, day));
        past.iter().copied().chain(future).collect()
    };
    PerContract::from_vec(history.iter().map(changed).collect())
}

/// A bar that is some per cent elsewhere, each contract in its own way.
fn otherwise(bar: &Bar, contract: ContractId, day: usize) -> Bar {
    let step = (contract.index() * 7 + day * 3) % 11;
    let factor = 1.015 + 0.002 * step as f64;
    let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| scaled(price, factor));
    let times = 1 + (i64::from(contract.0) * 5) % 9;
    Bar::new(bar.date, prices, Quantity::from_units(bar.volume.units().saturating_mul(times * times)))
}

fn scaled(price: Price, factor: f64) -> Price {
    Price::from_f64(price.to_f64() * factor).expect("a positive price times a positive factor")
}

/// Statements whose figures are others when they were published on a date or after it.
pub fn other_statements(table: &Fundamentals, from: Date) -> Fundamentals {
    let row = |row: &Statement| {
        let factor = if row.published < from { 1.0 } else { 1.0 + 0.1 * (row.name.len() % 7) as f64 };
        let figures = row.figures.iter().enumerate().map(|(i, (figure, value))| {
            // Every other figure, so that ratios change with them.
            (*figure, if i % 2 == 0 { value * factor } else { *value / factor })
        });
        Statement { figures: figures.collect(), ..row.clone() }
    };
    Fundamentals::new(table.source(), table.rows().iter().map(row).collect())
}

/// Statements as they are known to whoever sorts them by the year they are about.
pub fn unpublished(table: &Fundamentals) -> Fundamentals {
    let row =
        |row: &Statement| Statement { published: row.published.saturating_sub(YEARS_AHEAD.years()), ..row.clone() };
    Fundamentals::new(table.source(), table.rows().iter().map(row).collect())
}

/// A broker whose bars may know more than they should.
#[derive(Debug)]
pub struct Leaky<B> {
    broker: B,
    leak: Option<Leak>,
    universe: Rc<Universe>,
    /// The whole history, its future included.
    history: Rc<History>,
    dates: Rc<BTreeSet<Date>>,
    given: Vec<u64>,
}

impl<B> Leaky<B> {
    /// The broker with one leak, or with none. `history` is of the broker's own world, by the engine's contracts.
    pub fn new(broker: B, leak: Option<Leak>, universe: Rc<Universe>, history: Rc<History>) -> Leaky<B> {
        let dates = history.iter().flat_map(|(_, bars)| bars.iter().map(|bar| bar.date)).collect();
        Leaky { broker, leak, universe, history, dates: Rc::new(dates), given: Vec::new() }
    }

    /// Fingerprints of the histories it gave with its leak, in order. Where those of two worlds are the same until a date, nothing
    /// of their different futures came in.
    pub fn given(&self) -> &[u64] {
        &self.given
    }

    fn leaked(&self, contract: ContractId, known: Vec<Bar>, before: Date, leak: Leak) -> Vec<Bar> {
        // What was added to the universe later has no history here.
        let Some(all) = self.history.as_slice().get(contract.index()) else { return known };
        let upto = all.partition_point(|bar| bar.date <= before);
        let instrument = self.universe.instrument_of(contract);
        let next = |bar: &Bar| all.get(all.partition_point(|other| other.date <= bar.date));
        let close_of = |bar: Bar, close: Price| Bar::new(bar.date, [bar.open, bar.high, bar.low, close], bar.volume);
        let ahead = |bar: Bar| next(&bar).map_or(bar, |next| close_of(bar, next.close));
        match leak {
            Leak::SameDayClose => {
                let today = all[..upto].last().filter(|bar| bar.date == before).map(|bar| bar.close);
                let last = known.len().saturating_sub(1);
                let late =
                    |(i, bar): (usize, Bar)| today.filter(|_| i == last).map_or(bar, |close| close_of(bar, close));
                known.into_iter().enumerate().map(late).collect()
            }
            Leak::BarStampedAtOpen => {
                let pairs = all[..upto].windows(2).map(|pair| Bar { date: pair[0].date, ..pair[1] });
                let first = known.first().map_or(Date::MAX, |bar| bar.date);
                pairs.filter(|bar| bar.date >= first).collect()
            }
            Leak::FutureRate if instrument.kind == InstrumentKind::Cash => {
                let next_but_one = |bar: Bar| all.get(all.partition_point(|other| other.date <= bar.date) + 1);
                known.into_iter().map(|bar| next_but_one(bar).map_or(bar, |next| close_of(bar, next.close))).collect()
            }
            Leak::FutureVix if instrument.name == "VIX" => known.into_iter().map(ahead).collect(),
            Leak::CentredMean if instrument.tradable => {
                let mean = |bar: Bar| match next(&bar) {
                    None => bar,
                    Some(next) => {
                        close_of(bar, scaled(bar.close, (1.0 + next.close.to_f64() / bar.close.to_f64()) / 2.0))
                    }
                };
                known.into_iter().map(mean).collect()
            }
            Leak::ScaledByLastPrice if instrument.tradable => {
                let last = all.last().map_or(1.0, |bar| bar.close.to_f64());
                known.into_iter().map(|bar| close_of(bar, scaled(bar.close, 100.0 / last))).collect()
            }
            Leak::FilledBackwards => {
                let last = known.last().map(|bar| bar.date);
                let blank = self.dates.range(..before).next_back().filter(|day| last.is_some_and(|last| last < **day));
                let filled = blank.zip(known.last().and_then(next)).map(|(day, next)| Bar { date: *day, ..*next });
                known.into_iter().chain(filled).collect()
            }
            Leak::SurvivorsOnly => {
                let end = self.dates.last().copied().unwrap_or(Date::MAX);
                let expires = self.universe.contract(contract).expiry.is_some();
                let survives = all.last().is_some_and(|bar| bar.date.saturating_add(7.days()) >= end);
                if survives || expires { known } else { Vec::new() }
            }
            Leak::RollByFutureVolume if instrument.kind == InstrumentKind::Fut => {
                let of = self.universe.contract(contract).instrument;
                let volume = |contract: &ContractId| {
                    let bars = &self.history[*contract];
                    bars.iter().find(|bar| bar.date > before).map_or(Quantity::ZERO, |bar| bar.volume)
                };
                let busiest = self.universe.contracts_of(of).max_by_key(volume).unwrap_or(contract);
                let bars = &self.history[busiest];
                let end = bars.partition_point(|bar| bar.date < before);
                bars[end.saturating_sub(known.len())..end].to_vec()
            }
            _ => known,
        }
    }
}

fn fingerprint(contract: ContractId, bars: &[Bar]) -> u64 {
    let mut hasher = DefaultHasher::new();
    contract.index().hash(&mut hasher);
    for bar in bars {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(Price::mantissa);
        (bar.date, prices, bar.volume.units()).hash(&mut hasher);
    }
    hasher.finish()
}

impl<B: Broker> Broker for Leaky<B> {
    async fn identify(&mut self) -> Result<Identity, BrokerError> {
        self.broker.identify().await
    }

    async fn reconnect(&mut self) -> Result<Identity, BrokerError> {
        self.broker.reconnect().await
    }

    async fn resolve(&mut self, contracts: &[ContractId]) -> Result<Vec<ContractDetails>, BrokerError> {
        self.broker.resolve(contracts).await
    }

    fn contract_of(&self, con_id: i64) -> Option<ContractId> {
        self.broker.contract_of(con_id)
    }

    async fn snapshot(&mut self) -> Result<AccountSnapshot, BrokerError> {
        self.broker.snapshot().await
    }

    async fn glance(&mut self, quote: Option<ContractId>) -> Result<Glance, BrokerError> {
        self.broker.glance(quote).await
    }

    async fn daily_bars(&mut self, contract: ContractId, sessions: u32, before: Date) -> Result<Vec<Bar>, BrokerError> {
        let known = self.broker.daily_bars(contract, sessions, before).await?;
        Ok(match self.leak {
            None => known,
            Some(leak) => {
                let leaked = self.leaked(contract, known, before, leak);
                self.given.push(fingerprint(contract, &leaked));
                leaked
            }
        })
    }

    async fn option_chain(&mut self, root: InstrumentId) -> Result<OptionChain, BrokerError> {
        self.broker.option_chain(root).await
    }

    async fn option_quotes(
        &mut self,
        root: InstrumentId,
        wanted: &[OptionKey],
    ) -> Result<Vec<OptionQuote>, BrokerError> {
        self.broker.option_quotes(root, wanted).await
    }

    fn extend(&mut self, universe: Arc<Universe>) {
        self.broker.extend(universe);
    }

    async fn what_if(&mut self, command: &BrokerCommand) -> Result<MarginImpact, BrokerError> {
        self.broker.what_if(command).await
    }

    async fn watch(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        self.broker.watch(contracts).await
    }

    async fn renew(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        self.broker.renew(contracts).await
    }

    async fn send(&mut self, sendable: &risk::Sendable) -> Result<(), BrokerError> {
        self.broker.send(sendable).await
    }

    async fn drain(&mut self, events: &mut Vec<BrokerEvent>) {
        self.broker.drain(events).await;
    }

    async fn fence(&mut self) -> Result<Timestamp, BrokerError> {
        self.broker.fence().await
    }
}
