//! A small world, a broker in front of it, and readable lines of what the broker said.

use domain::{
    AssetClass, BasisPoints, Contract, ContractId, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic,
    Money, OrderType, PerCurrency, Price, Quantity, QuoteUnit, Side, TimeInForce, Universe,
};
use gateway::{Control, Gateway, GatewayConfig};
use ibkr::{IbkrBroker, IbkrConfig};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use market::calendar::{Calendars, Window};
use market::{DataType, Quote};
use ports::{Broker, BrokerEvent, OrderRequest, SpreadRequest};
use risk::gate::{Activity, Conditions, Facts, MarketFacts, Proposal};
use risk::{
    Collar, CollarPolicy, DayFacts, Gate, GatePolicy, Mode, Permit, Purpose, Sendable, SendableOrder, SendableSpread,
};
use rust_decimal::{Decimal, dec};
use sim::{AccountEvents, PriceList, Prices, Scenario, SimConfig};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Monday, a week before the future expires; London and Chicago are open and have settled down.
pub const MORNING: &str = "2025-12-08T10:00:00Z";

pub const CSPX: ContractId = ContractId(0);
pub const ISF: ContractId = ContractId(1);
pub const M6E: ContractId = ContractId(2);
pub const GBPUSD: ContractId = ContractId(3);

pub static UNIVERSE: LazyLock<Arc<Universe>> = LazyLock::new(|| Arc::new(instruments_and_contracts()));
static CALENDARS: LazyLock<Arc<Calendars>> = LazyLock::new(|| {
    let tables = [
        (Mic::Xlon, include_str!("../../../../config/calendars/XLON.csv")),
        (Mic::Cmes, include_str!("../../../../config/calendars/CMES.csv")),
        (Mic::Fx, include_str!("../../../../config/calendars/FX.csv")),
    ];
    let overrides = include_str!("../../../../config/calendars/overrides.csv");
    Arc::new(Calendars::parse(tables, overrides).expect("the shipped calendars are sound"))
});

pub fn universe() -> &'static Universe {
    &UNIVERSE
}

fn instruments_and_contracts() -> Universe {
    use InstrumentKind::{Cash, Etf, Fut};
    let instruments = vec![
        Instrument {
            primary_exchange: "LSEETF".to_owned(),
            isin: Some("IE00B5BMR087".to_owned()),
            ..line("CSPX", Etf, "SMART", Currency::Usd, Mic::Xlon, dec!(0.01))
        },
        Instrument {
            primary_exchange: "LSEETF".to_owned(),
            quote_unit: QuoteUnit::Hundredth,
            ..line("ISF", Etf, "SMART", Currency::Gbp, Mic::Xlon, dec!(0.0005))
        },
        Instrument {
            trading_class: "M6E".to_owned(),
            multiplier: 12_500,
            asset_class: AssetClass::FxFuture,
            future: Some(FutureRule::CmeFxQuarterly),
            ..line("M6E", Fut, "CME", Currency::Usd, Mic::Cmes, dec!(0.0001))
        },
        Instrument {
            asset_class: AssetClass::Fx,
            tradable: false,
            ..line("GBP", Cash, "IDEALPRO", Currency::Usd, Mic::Fx, dec!(0.00005))
        },
    ];
    let contract = |name: &str, instrument, expiry| Contract {
        name: name.to_owned(),
        instrument: InstrumentId(instrument),
        expiry,
    };
    let contracts = vec![
        contract("CSPX", 0, None),
        contract("ISF", 1, None),
        contract("M6E_20251215", 2, Some(date(2025, 12, 15))),
        contract("GBP.USD", 3, None),
        contract("M6E_20260316", 2, Some(date(2026, 3, 16))),
    ];
    Universe::new(instruments, contracts)
}

fn line(name: &str, kind: InstrumentKind, exchange: &str, currency: Currency, venue: Mic, tick: Decimal) -> Instrument {
    let tick = Price::from_decimal(tick).expect("a tick");
    Instrument { exchange: exchange.to_owned(), venue, tick, ..Instrument::plain(name, kind, currency) }
}

/// A gateway with ten million dollars and nothing else, on the morning of the story.
pub async fn gateway() -> Gateway {
    gateway_with(GatewayConfig::default()).await
}

/// The same, doing more than serving its world.
pub async fn gateway_with(config: GatewayConfig) -> Gateway {
    let world = SimConfig {
        universe: Arc::clone(&UNIVERSE),
        calendars: Arc::clone(&CALENDARS),
        prices: Prices::Simulated { scenario: Scenario::Calm, seed: 7, first_day: date(2025, 12, 8) },
        seed: 7,
        start: at("2025-12-08T06:00:00Z"),
        base: Currency::Usd,
        account: "DU1234567".to_owned(),
        deposit: Money::new(dec!(10_000_000), Currency::Usd),
        events: AccountEvents::none(),
        price_list: PriceList::Fixed,
    };
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let gateway = Gateway::bind(loopback, config, world).await.expect("a gateway");
    gateway.control().advance_to(at(MORNING)).await.expect("time moves");
    gateway
}

/// How the engine of the stories connects.
pub fn config(address: SocketAddr) -> IbkrConfig {
    IbkrConfig {
        address: address.to_string(),
        client_id: 1,
        account: None,
        ready_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(10),
        heartbeat_timeout: Duration::from_secs(10),
        virtual_time: true,
        order_id_high_water: 0,
        pins: std::collections::BTreeMap::new(),
    }
}

/// A broker that knows every contract the stories trade.
pub async fn broker(config: IbkrConfig) -> IbkrBroker {
    let mut broker = IbkrBroker::connect(config, Arc::clone(&UNIVERSE)).await.expect("a session");
    broker.resolve(&[CSPX, ISF, M6E, GBPUSD]).await.expect("both sides mean the same contracts");
    broker
}

pub fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

pub fn price(decimal: Decimal) -> Price {
    Price::from_decimal(decimal).expect("a price")
}

/// A day order with a limit; `attempt` tells the orders of a story apart.
pub fn order(attempt: u16, contract: ContractId, side: Side, shares: i64, limit: Price) -> OrderRequest {
    OrderRequest {
        order_ref: format!("AF-a1b2c3-20251208-001-{attempt:02}").parse().expect("a reference"),
        contract,
        side,
        quantity: Quantity::whole(shares),
        order_type: OrderType::Lmt,
        limit,
        time_in_force: TimeInForce::Day,
    }
}

/// A new order as the gate lets it out.
pub fn place(request: &OrderRequest) -> Sendable {
    Sendable::Place(released(request))
}

/// An order as a gate lets it out that has nothing against it: the stories are about the adapter.
pub fn released(request: &OrderRequest) -> SendableOrder {
    let permit = permit(request.contract, request.side, request.quantity, request.limit, request.order_type);
    permit.release(request.order_ref, Quantity::ZERO, request.quantity, request.limit, at(MORNING))
}

/// A new calendar spread, or with new terms, as the gate lets it out.
pub fn released_spread(request: &SpreadRequest) -> SendableSpread {
    // The collars of the legs, taken together, allow just the limit.
    let (near, far) = (dec!(1000), dec!(1000) + request.limit);
    let leg = |contract, side, worst| permit(contract, side, request.quantity, price(worst), OrderType::Lmt);
    let near = leg(request.near, request.side.opposite(), near);
    let far = leg(request.far, request.side, far);
    Permit::release_spread(
        [(&near, Quantity::ZERO), (&far, Quantity::ZERO)],
        request.order_ref,
        request.quantity,
        request.limit,
        at(MORNING),
    )
}

/// Leave for one order, of a gate over a universe of its own in which everything is a share.
fn permit(contract: ContractId, side: Side, quantity: Quantity, worst: Price, order_type: OrderType) -> Permit {
    let now = at(MORNING);
    let count = contract.index() + 1;
    let share = |i: usize| Instrument::plain(&i.to_string(), InstrumentKind::Stk, Currency::Usd);
    let line = |i: usize| Contract { name: i.to_string(), instrument: InstrumentId(i as u16), expiry: None };
    let universe = Universe::new((0..count).map(share).collect(), (0..count).map(line).collect());
    let policy = GatePolicy {
        plan_move_max: 0.05,
        order_value_max: 1.0,
        turnover_max: 1.0,
        gross_max: 1.0,
        net_max: 1.0,
        position_max: 1.0,
        adv_max: 1.0,
        adv_slice: 1.0,
        excess_liquidity_min: 0.0,
        what_if: false,
        orders_per_side_max: 1,
        messages_per_second_max: 1,
        restricted: vec![],
        quote_age_max_s: 60,
        collars: vec![(AssetClass::Stock, CollarPolicy { width: BasisPoints(10), ticks_min: 2 })],
    };
    let day = DayFacts {
        nav: 1e9,
        rates: PerCurrency::from_fn(|_| Some(1.0)),
        frozen: vec![],
        no_increase: vec![],
        price_max: vec![],
    };
    let quantity = Quantity::from_units(quantity.units() * side.sign());
    let collar = Some(Collar { reference: worst, worst });
    let proposal = Proposal { contract, quantity, purpose: Purpose::Increase, order_type, collar };
    let (bid, size) = (Some(worst), Quantity::whole(1));
    let data_type = DataType::Live;
    let quote = Quote {
        bid,
        ask: bid,
        bid_size: size,
        ask_size: size,
        last: bid,
        close: None,
        volume: None,
        at: now,
        data_type,
    };
    let window = Some(Window { opens: now, closes: now + SignedDuration::from_hours(1) });
    let conditions = Conditions::ample(count);
    let facts = Facts {
        day: &day,
        conditions: &conditions,
        mode: Mode::Normal,
        market: MarketFacts { now, quote: Some(&quote), window },
        activity: &Activity::default(),
    };
    Gate::new(&policy, &universe).admit(proposal, &facts).expect("nothing against it")
}

/// Everything the gateway has said by now.
pub async fn events(broker: &mut IbkrBroker) -> Vec<BrokerEvent> {
    let mut events = Vec::new();
    broker.fence().await.expect("the gateway answers");
    broker.drain(&mut events).await;
    events
}

/// Everything said of orders by now, a line each.
pub async fn order_lines(broker: &mut IbkrBroker) -> String {
    let lines: Vec<String> = events(broker).await.iter().filter_map(order_line).collect();
    lines.join("\n")
}

/// The last quote of a contract among events.
pub fn quote(events: &[BrokerEvent], of: ContractId) -> Quote {
    let mut quotes = events.iter().filter_map(|event| match event {
        BrokerEvent::Quote { contract, quote } if *contract == of => Some(*quote),
        _ => None,
    });
    quotes.next_back().expect("a quote")
}

pub fn order_line(event: &BrokerEvent) -> Option<String> {
    Some(match event {
        BrokerEvent::Acknowledged { order_ref, .. } => format!("{} acknowledged", order_ref.attempt),
        BrokerEvent::Status { order_ref, status, filled } => {
            format!("{} {status:?}, {filled} filled", order_ref.attempt)
        }
        BrokerEvent::Execution(fill) => {
            format!("{} execution {} {}", fill.order.expect("ours").attempt, fill.side, fill.quantity)
        }
        BrokerEvent::Commission { amount, .. } => format!("  charged in {}", amount.currency),
        BrokerEvent::Notice { order_ref: Some(order_ref), code, text } => {
            format!("{} notice {code}: {text}", order_ref.attempt)
        }
        BrokerEvent::Notice { order_ref: None, .. } | BrokerEvent::Quote { .. } => return None,
        BrokerEvent::Connection(connection) => format!("connection {connection:?}"),
    })
}
