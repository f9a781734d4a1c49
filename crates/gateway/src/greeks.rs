//! What a gateway computes of an option's prices, as ticks.
//!
//! In: the model of an option, its quote. Out: computation ticks 10 to 13, volume and open interest. Invariant: a
//! computation that no price determines is left out, never sent as a number.

use crate::desk::{Desk, SessionKey};
use crate::wire::{self, TickOptionComputation, TickSize};
use domain::{ContractId, OptionRight, Price};
use market::options::{self, DAYS_PER_YEAR};
use sim::OptionView;

/// Computed of the bid, the ask, the last price, and by the model.
const TYPES: [i32; 4] = [10, 11, 12, 13];
/// What the delayed data types add to each of them.
const DELAYED: i32 = 70;
/// Open interest and volume, of calls and of puts.
const OPEN_INTEREST: [i32; 2] = [27, 28];
const OPTION_VOLUME: [i32; 2] = [29, 30];
const VOLUME: i32 = 8;

/// The computations of an option, in the order of their types; those of another contract are none.
pub(crate) type Computations = [Option<TickOptionComputation>; 4];

impl Desk {
    /// The computations of an option at what a client is shown of its quote.
    pub(crate) fn computations(&self, contract: ContractId, prices: [Option<Price>; 3], delayed: bool) -> Computations {
        let Some(view) = self.sim.option_view(contract) else { return [None; 4] };
        let [bid, ask, last] = prices.map(|price| price.and_then(|price| at_price(&view, price.to_f64())));
        let model = Some(computation(&view, view.volatility, view.value.price));
        let mut computed = [bid, ask, last, model];
        for (computation, tick) in computed.iter_mut().zip(TYPES) {
            if let Some(computation) = computation {
                computation.tick_type = Some(if delayed { tick + DELAYED } else { tick });
            }
        }
        computed
    }

    /// Sends the computations that are not what the client was told.
    pub(crate) fn send_computations(&self, key: SessionKey, req_id: i32, told: &Computations, now: &Computations) {
        for (told, now) in told.iter().zip(now) {
            if let Some(now) = now.filter(|now| *told != Some(*now)) {
                self.send(key, &TickOptionComputation { req_id: Some(req_id), ..now });
            }
        }
    }

    /// Volume of the session and, when they are asked for, volume and open interest by right.
    pub(crate) fn send_option_statistics(&self, key: SessionKey, req_id: i32, contract: ContractId, generic: &str) {
        let (Some(view), Some(option)) = (self.sim.option_view(contract), self.sim.universe().option(contract)) else {
            return;
        };
        let volume = self.sim.bars(contract, jiff::civil::Date::MAX, 1).last().map_or(0, |bar| bar.volume.units());
        let volume = (volume / domain::Quantity::UNITS_PER_SHARE) as u64;
        let put = usize::from(option.right == OptionRight::Put);
        let asked = |number: &str| generic.split(',').any(|wanted| wanted.trim() == number);
        let by_right = |types: [i32; 2], count: u64| {
            let counts = if put == 1 { [0, count] } else { [count, 0] };
            types.into_iter().zip(counts)
        };
        let size = |tick, count: u64| {
            let message = TickSize { req_id: Some(req_id), tick_type: Some(tick), size: Some(count.to_string()) };
            self.send(key, &message);
        };
        size(VOLUME, volume);
        if asked("100") {
            by_right(OPTION_VOLUME, volume).for_each(|(tick, count)| size(tick, count));
        }
        if asked("101") {
            by_right(OPEN_INTEREST, view.open_interest).for_each(|(tick, count)| size(tick, count));
        }
    }
}

/// What a price implies; `None` when it implies no volatility.
fn at_price(view: &OptionView, price: f64) -> Option<TickOptionComputation> {
    let volatility = options::implied_volatility(&view.terms, &view.underlying, price).ok()?;
    Some(computation(view, volatility, price))
}

fn computation(view: &OptionView, volatility: f64, price: f64) -> TickOptionComputation {
    let OptionView { terms, underlying, .. } = view;
    let value = options::value(terms, underlying, volatility).expect("what the simulation values has a value");
    let dividends = match *underlying {
        options::Underlying::Spot { price, dividend_yield, .. } => -price * (-dividend_yield * terms.years).exp_m1(),
        options::Underlying::Future { .. } => 0.0,
    };
    wire::TickOptionComputation {
        req_id: None,
        tick_type: None,
        tick_attrib: Some(1),
        implied_vol: Some(volatility),
        delta: Some(value.delta),
        opt_price: Some(price),
        pv_dividend: Some(dividends),
        gamma: Some(value.gamma),
        // By the volatility point and by the day, as traders count.
        vega: Some(value.vega / 100.0),
        theta: Some(value.theta / DAYS_PER_YEAR),
        und_price: Some(underlying.price()),
    }
}
