//! A small instrument table for the tests of the pure parts.
//!
//! In: nothing. Out: one line of each kind that reads differently on the wire. Invariant: none of it is a copy of the
//! shipped table, so that a change there breaks no test here.

use domain::{
    Contract, ContractId, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Price, QuoteUnit, Universe,
};
use jiff::civil::date;
use rust_decimal::{Decimal, dec};

fn instrument(name: &str, kind: InstrumentKind, exchange: &str, currency: Currency, tick: Decimal) -> Instrument {
    let tick = Price::from_decimal(tick).expect("a tick");
    Instrument { exchange: exchange.to_owned(), tick, tradable: true, ..Instrument::plain(name, kind, currency) }
}

/// CSPX by ISIN, ISF in pence, EUR as a pair, SPX as an index, M6E with one expiry.
pub(crate) fn universe() -> Universe {
    let instruments = vec![
        Instrument {
            primary_exchange: "LSEETF".to_owned(),
            isin: Some("IE00B5BMR087".to_owned()),
            ..instrument("CSPX", InstrumentKind::Etf, "SMART", Currency::Usd, dec!(0.01))
        },
        Instrument {
            quote_unit: QuoteUnit::Hundredth,
            ..instrument("ISF", InstrumentKind::Etf, "SMART", Currency::Gbp, dec!(0.0005))
        },
        instrument("EUR", InstrumentKind::Cash, "IDEALPRO", Currency::Usd, dec!(0.00005)),
        Instrument { tradable: false, ..instrument("SPX", InstrumentKind::Ind, "CBOE", Currency::Usd, dec!(0.01)) },
        Instrument {
            multiplier: 12_500,
            future: Some(FutureRule::CmeFxQuarterly),
            ..instrument("M6E", InstrumentKind::Fut, "CME", Currency::Usd, dec!(0.0001))
        },
    ];
    let contracts = (0..instruments.len())
        .map(|i| {
            let expiry = instruments[i].future.map(|_| date(2025, 12, 15));
            let name = expiry.map_or(instruments[i].name.clone(), |day| {
                format!("{}_{}", instruments[i].name, day.strftime("%Y%m%d"))
            });
            Contract { name, instrument: InstrumentId(i as u16), expiry }
        })
        .collect();
    Universe::new(instruments, contracts)
}

/// The contract of that name.
pub(crate) fn contract(universe: &Universe, name: &str) -> ContractId {
    universe.find_contract(name).expect("the fixture has it")
}
