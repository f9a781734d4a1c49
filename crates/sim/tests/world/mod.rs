//! A small world for the stories: two funds, a currency future with its chain, and the references they follow.
#![allow(dead_code, reason = "each story uses its part")]

use domain::{
    AssetClass, Contract, ContractId, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic, Money,
    OrderType, PerContract, Price, Quantity, Side, TimeInForce, Universe,
};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use market::Bar;
use market::calendar::Calendars;
use rust_decimal::Decimal;
use sim::{Prices, Scenario, SimConfig, SimEvent, SimEventKind, SimOrder, Simulation};
use std::sync::{Arc, LazyLock};

/// A Monday on which every venue of the world trades.
pub const FIRST_DAY: Date = date(2025, 11, 3);
pub const CLIENT: i32 = 1;

pub const CSPX: ContractId = ContractId(0);
pub const CS51: ContractId = ContractId(1);
pub const M6E: ContractId = ContractId(2);
pub const M6E_MARCH: ContractId = ContractId(3);
pub const SPX: ContractId = ContractId(4);
pub const SX5E: ContractId = ContractId(5);
pub const VIX: ContractId = ContractId(6);
pub const EURUSD: ContractId = ContractId(7);
pub const ACME: ContractId = ContractId(8);

static UNIVERSE: LazyLock<Arc<Universe>> = LazyLock::new(|| Arc::new(instruments_and_contracts()));
static CALENDARS: LazyLock<Arc<Calendars>> = LazyLock::new(|| Arc::new(tables()));

pub fn universe() -> Arc<Universe> {
    UNIVERSE.clone()
}

pub fn calendars() -> Arc<Calendars> {
    CALENDARS.clone()
}

fn instruments_and_contracts() -> Universe {
    use AssetClass::{EquityEtf, Fx, FxFuture, Index, Stock};
    use InstrumentKind::{Cash, Etf, Fut, Ind, Stk};
    let instruments = vec![
        instrument("CSPX", Etf, EquityEtf, Currency::Usd, Mic::Xlon, "0.01"),
        instrument("CS51", Etf, EquityEtf, Currency::Eur, Mic::Xetr, "0.01"),
        Instrument {
            multiplier: 12_500,
            future: Some(FutureRule::CmeFxQuarterly),
            ..instrument("M6E", Fut, FxFuture, Currency::Usd, Mic::Cmes, "0.0001")
        },
        instrument("SPX", Ind, Index, Currency::Usd, Mic::Xnys, "0.01"),
        instrument("SX5E", Ind, Index, Currency::Eur, Mic::Xetr, "0.01"),
        instrument("VIX", Ind, Index, Currency::Usd, Mic::Xcbo, "0.01"),
        instrument("EUR.USD", Cash, Fx, Currency::Usd, Mic::Fx, "0.00005"),
        instrument("ACME", Stk, Stock, Currency::Usd, Mic::Xnys, "0.01"),
    ];
    let contract = |name: &str, instrument: u16, expiry| Contract {
        name: name.to_owned(),
        instrument: InstrumentId(instrument),
        expiry,
    };
    let contracts = vec![
        contract("CSPX", 0, None),
        contract("CS51", 1, None),
        contract("M6E_20251215", 2, Some(date(2025, 12, 15))),
        contract("M6E_20260316", 2, Some(date(2026, 3, 16))),
        contract("SPX", 3, None),
        contract("SX5E", 4, None),
        contract("VIX", 5, None),
        contract("EUR.USD", 6, None),
        contract("ACME", 7, None),
    ];
    Universe::new(instruments, contracts)
}

fn instrument(
    name: &str,
    kind: InstrumentKind,
    asset_class: AssetClass,
    currency: Currency,
    venue: Mic,
    tick: &str,
) -> Instrument {
    let tradable = !matches!(kind, InstrumentKind::Ind | InstrumentKind::Cash);
    Instrument { asset_class, venue, tick: price(tick), tradable, ..Instrument::plain(name, kind, currency) }
}

fn tables() -> Calendars {
    let tables = [
        (Mic::Xlon, include_str!("../../../../config/calendars/XLON.csv")),
        (Mic::Xetr, include_str!("../../../../config/calendars/XETR.csv")),
        (Mic::Cmes, include_str!("../../../../config/calendars/CMES.csv")),
        (Mic::Xnys, include_str!("../../../../config/calendars/XNYS.csv")),
        (Mic::Xcbo, include_str!("../../../../config/calendars/XCBO.csv")),
        (Mic::Fx, include_str!("../../../../config/calendars/FX.csv")),
    ];
    Calendars::parse(tables, include_str!("../../../../config/calendars/overrides.csv"))
        .expect("the tables are well-formed")
}

/// A world that begins at six in the morning of its first day, with ten million dollars.
pub fn config(prices: Prices) -> SimConfig {
    SimConfig {
        universe: universe(),
        calendars: calendars(),
        prices,
        seed: 7,
        start: at("2025-11-03T06:00:00Z"),
        base: Currency::Usd,
        account: "DU0000001".to_owned(),
        deposit: Money::new(Decimal::from(10_000_000), Currency::Usd),
        events: sim::AccountEvents::none(),
        price_list: sim::PriceList::Fixed,
    }
}

pub fn simulated(scenario: Scenario, seed: u64) -> Simulation {
    Simulation::new(config(Prices::Simulated { scenario, seed, first_day: FIRST_DAY })).expect("a valid configuration")
}

pub fn calm() -> Simulation {
    simulated(Scenario::Calm, 1)
}

pub fn replay(series: Vec<Vec<Bar>>) -> Simulation {
    Simulation::new(config(Prices::Replay { series: PerContract::from_vec(series) })).expect("a valid configuration")
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time stamp")
}

pub fn price(text: &str) -> Price {
    Price::from_decimal(text.parse().expect("a decimal")).expect("a price")
}

pub fn limit(order_id: i32, side: Side, quantity: i64, contract: ContractId, limit: Price) -> SimOrder {
    SimOrder {
        order_id,
        order_ref: format!("AF-test01-20251103-{order_id:03}-01"),
        contract,
        against: None,
        side,
        quantity: Quantity::whole(quantity),
        order_type: OrderType::Lmt,
        limit: limit.to_decimal().normalize(),
        tif: TimeInForce::Day,
        transmit: true,
    }
}

/// Events as a person would read them, one a line.
pub fn told(simulation: &mut Simulation) -> String {
    let lines: Vec<String> = simulation.drain_events().iter().map(tell).collect();
    lines.join("\n")
}

fn tell(event: &SimEvent) -> String {
    match &event.kind {
        SimEventKind::Accepted(view) => {
            let order = &view.order;
            format!(
                "{} accepted: {} {} at {}, {:?}",
                order.order_id, order.side, order.quantity, order.limit, view.status
            )
        }
        SimEventKind::Status(view) => format!(
            "{} {:?}: filled {}, remaining {}, average {}",
            view.order.order_id,
            view.status,
            view.filled,
            view.remaining(),
            view.average_price.normalize()
        ),
        SimEventKind::Execution(execution) => format!(
            "{} executed {} at {} ({:?}) {} {}",
            execution.order_id, execution.quantity, execution.price, execution.liquidity, execution.id, execution.at
        ),
        SimEventKind::Commission { execution, amount, realized } => {
            format!("commission {} for {execution}, realized {}", amount.amount, realized.normalize())
        }
        SimEventKind::Rejected { order_id, code, text } => format!("{order_id} rejected, {code}: {text}"),
        SimEventKind::Cancelled { order, code, text } => {
            format!("{} cancelled, {code}: {text} (filled {})", order.order.order_id, order.filled)
        }
        SimEventKind::Tick { contract, quote } => {
            format!("tick {}: {:?} {:?} last {:?}", contract.0, quote.bid, quote.ask, quote.last)
        }
    }
}
