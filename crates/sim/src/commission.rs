//! What the broker charges, in the manner of Interactive Brokers' two price lists.
//!
//! In: what an order has executed so far, and what the account traded before in the month. Out: its commission so far, in the
//! instrument's currency. Invariant: the charge of an execution is the order's charge after it minus the charge before, so
//! that minimum fees are paid once and the parts add up to the whole, to the cent.

use crate::broker::Broker;
use domain::{AssetClass, ContractId, Currency, Instrument, InstrumentKind, Mic, Quantity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy, dec};

/// The price list an account is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriceList {
    /// One price with everything in it.
    #[default]
    Fixed,
    /// The broker's part falls with what the account trades in a month; exchanges and clearing come on top.
    Tiered,
}

/// What counts together towards the tiers of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    SharesInNewYork,
    /// In the currency of each line.
    ValueInEurope,
    Futures,
    Options,
    Nothing,
}

impl Counted {
    fn of(instrument: &Instrument) -> Counted {
        match instrument.kind {
            InstrumentKind::Stk | InstrumentKind::Etf if is_american(instrument) => Counted::SharesInNewYork,
            InstrumentKind::Stk | InstrumentKind::Etf => Counted::ValueInEurope,
            InstrumentKind::Fut => Counted::Futures,
            InstrumentKind::Opt => Counted::Options,
            InstrumentKind::Cash | InstrumentKind::Ind => Counted::Nothing,
        }
    }
}

/// Up to how much in a month a rate holds, and the rate; beyond the last one the last one.
type Tiers = [(Decimal, Decimal)];

const SHARES: &Tiers = &[
    (dec!(300_000), dec!(0.0035)),
    (dec!(3_000_000), dec!(0.0020)),
    (dec!(20_000_000), dec!(0.0015)),
    (dec!(100_000_000), dec!(0.0010)),
    (Decimal::MAX, dec!(0.0005)),
];
const LONDON: &Tiers = &[
    (dec!(40_000_000), dec!(0.0005)),
    (dec!(80_000_000), dec!(0.0003)),
    (dec!(400_000_000), dec!(0.0002)),
    (Decimal::MAX, dec!(0.00015)),
];
const EUROPE: &Tiers = &[
    (dec!(50_000_000), dec!(0.0005)),
    (dec!(100_000_000), dec!(0.0003)),
    (dec!(500_000_000), dec!(0.0002)),
    (Decimal::MAX, dec!(0.00015)),
];
const FUTURES: &Tiers =
    &[(dec!(1_000), dec!(0.85)), (dec!(10_000), dec!(0.65)), (dec!(20_000), dec!(0.45)), (Decimal::MAX, dec!(0.25))];
const EURO_FUTURES: &Tiers =
    &[(dec!(1_000), dec!(0.65)), (dec!(10_000), dec!(0.50)), (dec!(20_000), dec!(0.40)), (Decimal::MAX, dec!(0.20))];
const STERLING_FUTURES: &Tiers =
    &[(dec!(1_000), dec!(0.60)), (dec!(10_000), dec!(0.45)), (dec!(20_000), dec!(0.30)), (Decimal::MAX, dec!(0.15))];
const MICRO_CURRENCY_FUTURES: &Tiers =
    &[(dec!(1_000), dec!(0.15)), (dec!(10_000), dec!(0.12)), (dec!(20_000), dec!(0.08)), (Decimal::MAX, dec!(0.05))];
const MICRO_INDEX_FUTURES: &Tiers =
    &[(dec!(1_000), dec!(0.25)), (dec!(10_000), dec!(0.20)), (dec!(20_000), dec!(0.15)), (Decimal::MAX, dec!(0.10))];
const OPTIONS: &Tiers =
    &[(dec!(10_000), dec!(0.65)), (dec!(50_000), dec!(0.50)), (dec!(100_000), dec!(0.25)), (Decimal::MAX, dec!(0.15))];

/// What `amount` costs on top of what was traded `before` in the month: each part of it at the rate of its tier.
fn in_tiers(tiers: &Tiers, before: Decimal, amount: Decimal) -> Decimal {
    let (mut from, mut cost) = (before, Decimal::ZERO);
    for &(until, rate) in tiers {
        let part = (until.min(before + amount) - from).max(Decimal::ZERO);
        cost += part * rate;
        from += part;
    }
    cost
}

impl Broker {
    /// Charge of an order that executed `quantity` for `value` (price × multiplier × quantity), rounded to cents half away
    /// from zero. Nothing executed costs nothing.
    ///
    /// Both price lists stand in the book (docs/gateway.md, "What orders cost").
    pub(crate) fn charge(&self, contract: ContractId, quantity: Quantity, value: Decimal, now: Timestamp) -> Decimal {
        if quantity.is_zero() {
            return Decimal::ZERO;
        }
        let instrument = self.universe.instrument_of(contract);
        let exact = match self.price_list {
            PriceList::Fixed => fixed(instrument, quantity.to_decimal(), value),
            PriceList::Tiered => {
                let before = self.traded_this_month(Counted::of(instrument), now);
                tiered(instrument, quantity.to_decimal(), value, before)
            }
        };
        exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
    }

    /// What was traded in the month of an instant before its date: tiers are looked up once a day.
    fn traded_this_month(&self, counted: Counted, now: Timestamp) -> Decimal {
        let date = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
        let today = date(now);
        let days = self.executions.iter().rev().map(|execution| (date(execution.at), execution));
        let of_month = days.take_while(|(day, _)| *day >= today.first_of_month()).filter(|(day, _)| *day < today);
        let amounts = of_month.map(|(_, execution)| {
            let instrument = self.universe.instrument_of(execution.contract);
            match Counted::of(instrument) {
                other if other != counted => Decimal::ZERO,
                Counted::ValueInEurope => execution.quantity.value_at(execution.price, instrument.multiplier),
                _ => execution.quantity.to_decimal(),
            }
        });
        amounts.sum()
    }
}

fn is_american(instrument: &Instrument) -> bool {
    matches!(instrument.venue, Mic::Xnys | Mic::Xnas)
}

fn fixed(instrument: &Instrument, pieces: Decimal, value: Decimal) -> Decimal {
    match instrument.kind {
        InstrumentKind::Stk | InstrumentKind::Etf if is_american(instrument) => {
            (dec!(0.005) * pieces).max(dec!(1)).min(dec!(0.01) * value)
        }
        InstrumentKind::Stk | InstrumentKind::Etf => {
            let minimum = if instrument.currency == Currency::Usd { dec!(4) } else { dec!(3) };
            (dec!(0.0005) * value).max(minimum)
        }
        InstrumentKind::Fut => {
            let (tiers, exchange) = of_future(instrument);
            (tiers[0].1 + exchange) * pieces
        }
        InstrumentKind::Opt => (OPTIONS[0].1 * pieces).max(dec!(1)),
        InstrumentKind::Cash | InstrumentKind::Ind => (dec!(0.00002) * value).max(dec!(2)),
    }
}

fn tiered(instrument: &Instrument, pieces: Decimal, value: Decimal, before: Decimal) -> Decimal {
    match instrument.kind {
        InstrumentKind::Stk | InstrumentKind::Etf if is_american(instrument) => {
            let broker = in_tiers(SHARES, before, pieces).max(dec!(0.35)).min(dec!(0.01) * value);
            // Taking liquidity and clearing by the share; what NYSE and FINRA have passed through by the commission.
            broker * dec!(1.000735) + dec!(0.0032) * pieces
        }
        InstrumentKind::Stk | InstrumentKind::Etf if instrument.venue == Mic::Xlon => {
            let minimum = if instrument.currency == Currency::Usd { dec!(1.70) } else { dec!(1) };
            in_tiers(LONDON, before, value).max(minimum) + (dec!(0.000045) * value).max(dec!(0.10)) + dec!(0.06)
        }
        InstrumentKind::Stk | InstrumentKind::Etf => {
            let broker = in_tiers(EUROPE, before, value).max(dec!(1.25)).min(dec!(29));
            broker + (dec!(0.000048) * value).max(dec!(0.60)) + dec!(0.18)
        }
        InstrumentKind::Fut => {
            let (tiers, exchange) = of_future(instrument);
            in_tiers(tiers, before, pieces) + exchange * pieces
        }
        InstrumentKind::Opt => in_tiers(OPTIONS, before, pieces).max(dec!(1)) + dec!(0.06) * pieces,
        InstrumentKind::Cash | InstrumentKind::Ind => fixed(instrument, pieces, value),
    }
}

/// The broker's part by tier, of which the first is the fixed price, and exchange and regulation, a contract.
fn of_future(instrument: &Instrument) -> (&'static Tiers, Decimal) {
    match instrument.asset_class {
        AssetClass::FxFuture if instrument.multiplier <= 12_500 => (MICRO_CURRENCY_FUTURES, dec!(0.26)),
        AssetClass::FxFuture => (FUTURES, dec!(1.62)),
        AssetClass::EquityIndexFuture if instrument.multiplier <= 5 => (MICRO_INDEX_FUTURES, dec!(0.37)),
        _ => match instrument.currency {
            Currency::Eur => (EURO_FUTURES, dec!(1.40)),
            Currency::Gbp => (STERLING_FUTURES, dec!(1.40)),
            _ => (FUTURES, dec!(1.40)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_costs_what_its_currency_s_list_says() {
        let charge = |currency, pieces| {
            let plain = Instrument::plain("FUTURE", InstrumentKind::Fut, currency);
            let bond = Instrument { asset_class: AssetClass::BondFuture, multiplier: 1_000, ..plain };
            (fixed(&bond, pieces, Decimal::ZERO), tiered(&bond, pieces, Decimal::ZERO, dec!(999)))
        };
        let costs = [Currency::Usd, Currency::Eur, Currency::Gbp].map(|currency| charge(currency, dec!(2)));
        // The second of two is the first above a thousand in the month.
        let (usd, eur, gbp) = ((dec!(4.50), dec!(4.30)), (dec!(4.10), dec!(3.95)), (dec!(4.00), dec!(3.85)));
        assert_eq!(costs, [usd, eur, gbp]);
    }

    #[test]
    fn each_part_is_charged_at_the_rate_of_its_tier() {
        // The broker's own example: 30,000,000 shares in one order, 1,050 + 5,400 + 25,500 + 10,000.
        assert_eq!(in_tiers(SHARES, Decimal::ZERO, dec!(30_000_000)), dec!(41_950));
        assert_eq!(in_tiers(SHARES, dec!(299_000), dec!(2_000)), dec!(3.5) + dec!(2), "the month before counts");
        assert_eq!(in_tiers(FUTURES, dec!(20_000), dec!(10)), dec!(2.5));
        assert_eq!(in_tiers(FUTURES, dec!(1_000_000), Decimal::ZERO), Decimal::ZERO);
    }
}
