//! Options of the simulated broker, quoted on one day and bought on another.
//!
//! In: a simulated market, one root. Out: the quotes the engine is told. Invariant: what can be bought is quoted, whenever
//! it was first looked at.

#[path = "../../sim/tests/world/mod.rs"]
mod world;

use backtest::SimWorld;
use domain::{
    Contract, ContractId, Currency, Instrument, InstrumentId, InstrumentKind, Mic, OptionKey, OptionRight, Universe,
};
use market::calendar::Calendars;
use ports::{Broker, BrokerEvent};
use sim::{Prices, Scenario, SimConfig, Simulation};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const ROOT: InstrumentId = InstrumentId(2);

fn universe() -> Universe {
    let line = |name: &str, kind, venue| Instrument { venue, ..Instrument::plain(name, kind, Currency::Usd) };
    let root = Instrument {
        symbol: "SPX".to_owned(),
        trading_class: "SPX".to_owned(),
        multiplier: 100,
        tick: world::price("0.05"),
        underlying: Some("SPX".to_owned()),
        ..line("SPX_OPT", InstrumentKind::Opt, Mic::Xcbo)
    };
    let index = |name: &str, venue| line(name, InstrumentKind::Ind, venue);
    let instruments = vec![index("SPX", Mic::Xnys), index("VIX", Mic::Xcbo), root];
    let contract =
        |(place, name): (u16, &str)| Contract { name: name.into(), instrument: InstrumentId(place), expiry: None };
    Universe::new(instruments, [(0, "SPX"), (1, "VIX")].map(contract).into())
}

fn simulation() -> Simulation {
    let tables = [
        (Mic::Xnys, include_str!("../../../config/calendars/XNYS.csv")),
        (Mic::Xcbo, include_str!("../../../config/calendars/XCBO.csv")),
    ];
    let calendars = Calendars::parse(tables, include_str!("../../../config/calendars/overrides.csv")).unwrap();
    let prices = Prices::Simulated { scenario: Scenario::Calm, seed: 1, first_day: world::FIRST_DAY };
    let config = SimConfig { universe: Arc::new(universe()), calendars: Arc::new(calendars), ..world::config(prices) };
    Simulation::new(config).expect("a valid configuration")
}

/// What a question that waits for nothing is answered.
fn answer<T>(question: impl Future<Output = T>) -> T {
    match pin!(question).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the simulated broker waits for nothing"),
    }
}

/// A chain is quoted on many days before one of its options is chosen: the simulation lists all of them at the first look,
/// and each is known by our key from the day on which it is ours.
#[test]
fn an_option_that_was_quoted_before_it_was_chosen_is_quoted_when_it_is_bought() {
    let mut simulation = simulation();
    simulation.advance_to(world::at(&format!("{}T16:00:00Z", world::FIRST_DAY)));
    let mut grown = universe();
    let mut broker = SimWorld::new(simulation, Arc::new(universe()), &grown).broker();
    let chain = answer(broker.option_chain(ROOT)).unwrap();
    let (expiry, strikes) = (chain.classes[0].expiries[1], &chain.classes[0].strikes);
    let middle = strikes.len() / 2;
    let keys = [0, 1, 2].map(|n| OptionKey { expiry, strike: strikes[middle - n], right: OptionRight::Put });
    assert_eq!(answer(broker.option_quotes(ROOT, &keys)).unwrap().len(), 3, "a first look at all of them");
    let mut chosen: Vec<ContractId> = Vec::new();
    for key in keys {
        chosen.push(grown.list_option(ROOT, key));
        broker.extend(Arc::new(grown.clone()));
    }
    answer(broker.resolve(&chosen)).unwrap();
    answer(broker.watch(&chosen)).unwrap();
    let mut events = Vec::new();
    answer(broker.drain(&mut events));
    let quoted = events.iter().filter_map(|event| match event {
        BrokerEvent::Quote { contract, quote } => quote.two_sided().map(|_| *contract),
        _ => None,
    });
    assert_eq!(quoted.collect::<Vec<_>>(), chosen);
}
