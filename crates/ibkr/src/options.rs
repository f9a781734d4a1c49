//! Option chains, and quotes of options with the broker's model.
//!
//! In: a root of the instrument table, the options wanted. Out: expiries and strikes, quotes with volatility, delta and
//! open interest. Invariant: an answer belongs to the root's own class and multiplier, a number the broker has not
//! computed is absent, and no market data line outlives the question.

use crate::lines::Listener;
use crate::quotes::Book;
use crate::trouble::trouble;
use crate::{IbkrBroker, convert};
use domain::{ContractId, InstrumentId, OptionKey, OptionRight, Price};
use ibapi::contracts::tick_types::TickType;
use ibapi::contracts::{Contract, ContractDetails as WireDetails, OptionChain as WireChain, SecurityType};
use ibapi::market_data::MarketDataType;
use ibapi::market_data::realtime::{TickTypes, generic_tick};
use jiff::civil::Date;
use ports::{BrokerError, OPTION_QUOTES_MAX, OptionChain, OptionClass, OptionModel, OptionQuote};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// What the ticks of one option have said.
struct Line {
    key: OptionKey,
    con_id: i64,
    book: Book,
    open_interest: Option<u64>,
    volume: Option<u64>,
}

impl IbkrBroker {
    pub(crate) async fn chain_of(&mut self, root: InstrumentId) -> Result<OptionChain, BrokerError> {
        let underlying = self.underlying_of(root).await?;
        let universe = self.universe.clone();
        let name = &universe.instrument(root).name;
        let of = self.contracts.usable(&universe, underlying)?.clone();
        self.pacer.pass().await;
        let symbol = of.symbol.to_string();
        let asked = self.session.client.option_chain(&symbol, of.security_type, of.contract_id).subscribe().await;
        let mut rows = asked.map_err(|e| trouble(name, e))?;
        let rows = rows.collect_to_end_within(self.config.request_timeout).await.map_err(|e| trouble(name, e))?;
        let classes = classes(&rows, universe.instrument(root))
            .map_err(|what| BrokerError::Unusable(format!("option chain of {name}: {what}")))?;
        Ok(OptionChain { root, underlying, classes })
    }

    /// The resolved contract a root's options are written on.
    async fn underlying_of(&mut self, root: InstrumentId) -> Result<ContractId, BrokerError> {
        let universe = self.universe.clone();
        let instrument = universe.instrument(root);
        let underlying = universe.underlying(root).and_then(|id| universe.spot_contract(id)).ok_or_else(|| {
            BrokerError::Unusable(format!("{}: no option root with an underlying in the table", instrument.name))
        })?;
        if self.contracts.get(underlying).is_none() {
            self.resolve_one(underlying).await?;
        }
        Ok(underlying)
    }

    pub(crate) async fn quotes_of(
        &mut self,
        root: InstrumentId,
        wanted: &[OptionKey],
    ) -> Result<Vec<OptionQuote>, BrokerError> {
        let name = self.universe.instrument(root).name.clone();
        if wanted.len() > OPTION_QUOTES_MAX {
            let text = format!("{name}: {} options asked for, at most {OPTION_QUOTES_MAX} at once", wanted.len());
            return Err(BrokerError::Unusable(text));
        }
        let listed = self.listed(root, wanted).await?;
        let found: Vec<(OptionKey, Contract)> =
            wanted.iter().filter_map(|key| listed.get(key).map(|contract| (*key, contract.clone()))).collect();
        // Of a closed venue the last quotes are wanted; of an open one this is the live feed.
        self.data_type(MarketDataType::Frozen).await?;
        let line = |(key, contract): (OptionKey, Contract)| {
            let con_id = i64::from(contract.contract_id);
            (contract, Line { key, con_id, book: Book::default(), open_interest: None, volume: None })
        };
        let lines = found.into_iter().map(line).collect();
        let lines = self.listen(lines, &[generic_tick::OPTION_VOLUME, generic_tick::OPTION_OPEN_INTEREST]).await?;
        self.data_type(MarketDataType::Realtime).await?;
        let (unit, at) = (self.universe.instrument(root).quote_unit, self.gateway_now());
        Ok(lines.iter().map(|line| line.told(unit, at)).collect())
    }

    async fn data_type(&mut self, data_type: MarketDataType) -> Result<(), BrokerError> {
        self.pacer.pass().await;
        let switched = self.session.client.switch_market_data_type(data_type).await;
        switched.map_err(|e| trouble("market data type", e))
    }

    /// The wanted options the broker lists, with their contracts: one question per expiry and right.
    async fn listed(
        &mut self,
        root: InstrumentId,
        wanted: &[OptionKey],
    ) -> Result<BTreeMap<OptionKey, Contract>, BrokerError> {
        let universe = self.universe.clone();
        let instrument = universe.instrument(root);
        let groups: BTreeSet<(Date, OptionRight)> = wanted.iter().map(|key| (key.expiry, key.right)).collect();
        let mut listed = BTreeMap::new();
        for (expiry, right) in groups {
            let query = query(instrument, expiry, right, None);
            for details in self.described(&instrument.name, &query).await? {
                if let Some(key) = key_of(instrument, &details)
                    && wanted.contains(&key)
                {
                    let contract = Contract { exchange: instrument.exchange.as_str().into(), ..details.contract };
                    listed.insert(key, contract);
                }
            }
        }
        Ok(listed)
    }
}

impl Listener for Line {
    fn hear(&mut self, tick: &TickTypes) {
        self.book.fold(tick);
        if let TickTypes::Size(size) = tick {
            let count = (size.size >= 0.0).then_some(size.size as u64);
            match size.tick_type {
                TickType::OptionCallOpenInterest | TickType::OptionPutOpenInterest => {
                    // The other side's is told too, as zero.
                    let ours = matches!(size.tick_type, TickType::OptionCallOpenInterest)
                        == (self.key.right == OptionRight::Call);
                    self.open_interest = if ours { count } else { self.open_interest };
                }
                TickType::Volume | TickType::DelayedVolume => self.volume = count,
                _ => {}
            }
        }
    }

    fn knows_enough(&self) -> bool {
        self.book.has_sides() && self.book.model().is_some() && self.open_interest.is_some()
    }
}

impl Line {
    fn told(&self, unit: domain::QuoteUnit, at: jiff::Timestamp) -> OptionQuote {
        OptionQuote {
            key: self.key,
            con_id: self.con_id,
            quote: self.book.quote(unit, at),
            model: self.book.model(),
            open_interest: self.open_interest,
            volume: self.volume,
        }
    }
}

/// What to ask for options of a root with.
pub(crate) fn query(
    instrument: &domain::Instrument,
    expiry: Date,
    right: OptionRight,
    strike: Option<Price>,
) -> Contract {
    Contract {
        security_type: SecurityType::Option,
        symbol: instrument.symbol.as_str().into(),
        exchange: instrument.exchange.as_str().into(),
        currency: instrument.currency.code().into(),
        trading_class: instrument.trading_class.clone(),
        multiplier: instrument.multiplier.to_string(),
        last_trade_date_or_contract_month: expiry.strftime("%Y%m%d").to_string(),
        right: Some(match right {
            OptionRight::Call => ibapi::contracts::OptionRight::Call,
            OptionRight::Put => ibapi::contracts::OptionRight::Put,
        }),
        strike: strike.map_or(0.0, Price::to_f64),
        ..Contract::default()
    }
}

/// Which option of the root a description is; `None` for one of another class or multiplier.
fn key_of(instrument: &domain::Instrument, details: &WireDetails) -> Option<OptionKey> {
    let contract = &details.contract;
    let own_class = instrument.trading_class.is_empty() || contract.trading_class == instrument.trading_class;
    let own_size = convert::decimal_text(&contract.multiplier) == Some(Decimal::from(instrument.multiplier));
    if !own_class || !own_size || contract.contract_id <= 0 {
        return None;
    }
    Some(OptionKey {
        expiry: convert::wire_date(&contract.last_trade_date_or_contract_month)?,
        strike: Price::from_f64(contract.strike).ok()?,
        right: match contract.right? {
            ibapi::contracts::OptionRight::Call => OptionRight::Call,
            ibapi::contracts::OptionRight::Put => OptionRight::Put,
        },
    })
}

/// The broker's model; without a volatility and a delta it says nothing.
pub(crate) fn model(computed: &ibapi::contracts::OptionComputation) -> Option<OptionModel> {
    let number = |value: Option<f64>| value.filter(|number| number.is_finite());
    Some(OptionModel {
        implied_volatility: number(computed.implied_volatility).filter(|volatility| *volatility > 0.0)?,
        delta: number(computed.delta).filter(|delta| delta.abs() <= 1.0)?,
        gamma: number(computed.gamma),
        vega: number(computed.vega),
        theta: number(computed.theta),
        price: number(computed.option_price),
        underlying: number(computed.underlying_price),
    })
}

/// Rows of the root's exchange and of its own class and size, put together. The weeklies of an index are another class.
fn classes(rows: &[WireChain], root: &domain::Instrument) -> Result<Vec<OptionClass>, String> {
    let mut classes: BTreeMap<(String, Decimal), (BTreeSet<Date>, BTreeSet<Price>)> = BTreeMap::new();
    let own_class = |row: &&WireChain| root.trading_class.is_empty() || row.trading_class == root.trading_class;
    for row in rows.iter().filter(|row| row.exchange == root.exchange).filter(own_class) {
        let multiplier = convert::decimal_text(&row.multiplier)
            .ok_or_else(|| format!("the multiplier `{}` is no number", row.multiplier))?;
        if multiplier != Decimal::from(root.multiplier) {
            continue;
        }
        let (expiries, strikes) = classes.entry((row.trading_class.clone(), multiplier)).or_default();
        for text in &row.expirations {
            expiries.insert(convert::wire_date(text).ok_or_else(|| format!("the expiry `{text}` is no date"))?);
        }
        for &strike in &row.strikes {
            strikes.insert(Price::from_f64(strike).map_err(|bad| format!("strike: {bad}"))?);
        }
    }
    let class =
        |((trading_class, multiplier), (expiries, strikes)): ((String, Decimal), (BTreeSet<_>, BTreeSet<_>))| {
            OptionClass {
                trading_class,
                multiplier,
                expiries: expiries.into_iter().collect(),
                strikes: strikes.into_iter().collect(),
            }
        };
    Ok(classes.into_iter().map(class).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeklies_that_are_another_class_are_not_taken_for_the_root_s_own() {
        let root = domain::Instrument {
            trading_class: "SPX".to_owned(),
            exchange: "SMART".to_owned(),
            multiplier: 100,
            ..domain::Instrument::plain("SPX_OPT", domain::InstrumentKind::Opt, domain::Currency::Usd)
        };
        let row = |class: &str, multiplier: &str, exchange: &str, expiry: &str| WireChain {
            underlying_contract_id: 416_904,
            trading_class: class.to_owned(),
            multiplier: multiplier.to_owned(),
            exchange: exchange.to_owned(),
            expirations: vec![expiry.to_owned()],
            strikes: vec![6_800.0],
        };
        let rows = [
            row("SPX", "100", "SMART", "20260319"),
            row("SPXW", "100", "SMART", "20260323"),
            row("SPX", "10", "SMART", "20260318"),
            row("SPX", "100", "CBOE", "20260317"),
        ];
        let [only] = &classes(&rows, &root).expect("readable")[..] else { panic!("one class") };
        assert_eq!((only.trading_class.as_str(), &only.expiries[..]), ("SPX", &[jiff::civil::date(2026, 3, 19)][..]));
    }
}
