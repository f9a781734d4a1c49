//! A small world, clients of it, and readable lines of what they were told.

use domain::{
    AssetClass, Contract, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic, Money, Price, QuoteUnit,
    Universe,
};
use futures::{FutureExt, StreamExt};
use gateway::{Control, Gateway, GatewayConfig};
use ibapi::Client;
use ibapi::contracts::SecurityType;
use ibapi::orders::{Action, Order, OrderUpdate, TimeInForce};
use ibapi::subscriptions::{Subscription, SubscriptionItem};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use market::calendar::Calendars;
use rust_decimal::{Decimal, dec};
use sim::{AccountEvents, PriceList, Prices, Scenario, SimConfig};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::task::unconstrained;

pub const ACCOUNT: &str = "DU1234567";
/// Monday, an hour before London opens.
pub const START: &str = "2025-07-07T06:00:00Z";
/// London and Chicago are open and have settled down.
pub const MORNING: &str = "2025-07-07T08:00:00Z";
/// Real time within which every answer must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

static CALENDARS: LazyLock<Arc<Calendars>> = LazyLock::new(|| {
    let tables = [
        (Mic::Xlon, include_str!("../../../../config/calendars/XLON.csv")),
        (Mic::Xetr, include_str!("../../../../config/calendars/XETR.csv")),
        (Mic::Xnys, include_str!("../../../../config/calendars/XNYS.csv")),
        (Mic::Cmes, include_str!("../../../../config/calendars/CMES.csv")),
        (Mic::Fx, include_str!("../../../../config/calendars/FX.csv")),
    ];
    let overrides = include_str!("../../../../config/calendars/overrides.csv");
    Arc::new(Calendars::parse(tables, overrides).expect("the shipped calendars are sound"))
});

fn line(name: &str, kind: InstrumentKind, exchange: &str, currency: Currency, venue: Mic, tick: Decimal) -> Instrument {
    let tick = Price::from_decimal(tick).expect("a tick");
    let asset_class = AssetClass::EquityEtf;
    let exchange = exchange.to_owned();
    Instrument { exchange, venue, tick, asset_class, tradable: true, ..Instrument::plain(name, kind, currency) }
}

/// One fund on two exchanges in two currencies, one line in pence, one future with two expiries, and what
/// their currencies need.
fn universe() -> Universe {
    let isin = Some("IE00B5BMR087".to_owned());
    let instruments = vec![
        Instrument {
            primary_exchange: "LSEETF".to_owned(),
            isin: isin.clone(),
            ..line("CSPX", InstrumentKind::Etf, "SMART", Currency::Usd, Mic::Xlon, dec!(0.01))
        },
        Instrument {
            primary_exchange: "IBIS2".to_owned(),
            isin,
            ..line("SXR8", InstrumentKind::Etf, "SMART", Currency::Eur, Mic::Xetr, dec!(0.01))
        },
        Instrument {
            primary_exchange: "LSEETF".to_owned(),
            quote_unit: QuoteUnit::Hundredth,
            ..line("ISF", InstrumentKind::Etf, "SMART", Currency::Gbp, Mic::Xlon, dec!(0.0005))
        },
        Instrument {
            trading_class: "M6E".to_owned(),
            multiplier: 12_500,
            asset_class: AssetClass::FxFuture,
            future: Some(FutureRule::CmeFxQuarterly),
            ..line("M6E", InstrumentKind::Fut, "CME", Currency::Usd, Mic::Cmes, dec!(0.0001))
        },
        pair("EUR"),
        pair("GBP"),
    ];
    let contract = |instrument: u16, name: &str, expiry: Option<Date>| Contract {
        name: name.to_owned(),
        instrument: InstrumentId(instrument),
        expiry,
    };
    let contracts = vec![
        contract(0, "CSPX", None),
        contract(1, "SXR8", None),
        contract(2, "ISF", None),
        contract(3, "M6E_20250915", Some(date(2025, 9, 15))),
        contract(3, "M6E_20251215", Some(date(2025, 12, 15))),
        contract(4, "EUR.USD", None),
        contract(5, "GBP.USD", None),
    ];
    Universe::new(instruments, contracts)
}

fn pair(quoted: &str) -> Instrument {
    Instrument {
        name: format!("{quoted}.USD"),
        asset_class: AssetClass::Fx,
        tradable: false,
        ..line(quoted, InstrumentKind::Cash, "IDEALPRO", Currency::Usd, Mic::Fx, dec!(0.00005))
    }
}

/// The world of every test, a million dollars in cash.
pub fn world() -> SimConfig {
    SimConfig {
        universe: Arc::new(universe()),
        calendars: Arc::clone(&CALENDARS),
        prices: Prices::Simulated { scenario: Scenario::Calm, seed: 7, first_day: date(2025, 7, 7) },
        seed: 7,
        start: at(START),
        base: Currency::Usd,
        account: ACCOUNT.to_owned(),
        deposit: Money::new(dec!(1_000_000), Currency::Usd),
        events: AccountEvents::none(),
        price_list: PriceList::Fixed,
    }
}

pub fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A gateway of the test world, at an instant.
pub async fn gateway_at(instant: &str) -> Gateway {
    let gateway = Gateway::bind(loopback(), GatewayConfig::default(), world()).await.expect("a gateway");
    gateway.control().advance_to(at(instant)).await.expect("time moves");
    gateway
}

/// A client that does not come back after a disconnect.
pub async fn client(gateway: &Gateway, id: i32) -> Client {
    let address = gateway.local_addr().to_string();
    let connecting =
        Client::builder().address(address).client_id(id).max_reconnect_attempts(0).one_shot_timeout(PATIENCE);
    connecting.connect().await.expect("a connection")
}

/// CSPX, SXR8 or ISF as a client describes them without a contract id.
pub fn fund(symbol: &str, currency: &str) -> ibapi::contracts::Contract {
    ibapi::contracts::Contract {
        symbol: symbol.into(),
        security_type: SecurityType::Stock,
        exchange: "SMART".into(),
        currency: currency.into(),
        ..Default::default()
    }
}

/// A day order with a limit.
pub fn limit_order(action: Action, quantity: f64, limit: f64) -> Order {
    Order {
        action,
        total_quantity: quantity,
        order_type: "LMT".to_owned(),
        limit_price: Some(limit),
        tif: TimeInForce::Day,
        account: ACCOUNT.to_owned(),
        order_ref: "test".to_owned(),
        transmit: true,
        ..Order::default()
    }
}

/// The bid and ask a client sees now.
pub async fn bid_ask(client: &Client, contract: &ibapi::contracts::Contract) -> (f64, f64) {
    let ticks = client.market_data(contract).snapshot_once(PATIENCE).await.expect("a snapshot");
    let quote = ibapi::market_data::realtime::Quote::from_ticks(&ticks);
    (quote.bid.expect("a bid"), quote.ask.expect("an ask"))
}

/// Everything that has arrived on the order stream once the fence is answered, a line each.
pub async fn fenced_updates(client: &Client, updates: &mut Subscription<OrderUpdate>) -> Vec<String> {
    client.server_time_millis().await.expect("the fence");
    let drain = async {
        let mut lines = Vec::new();
        while let Some(Some(item)) = updates.next().now_or_never() {
            lines.push(update_line(item.expect("a readable update")));
        }
        lines
    };
    unconstrained(drain).await
}

fn update_line(item: SubscriptionItem<OrderUpdate>) -> String {
    match item {
        SubscriptionItem::Data(OrderUpdate::OpenOrder(data)) => {
            let order = &data.order;
            let limit = order.limit_price.unwrap_or_default();
            format!(
                "open {} {} {} {limit} {}",
                data.order_id, order.action, order.total_quantity, data.order_state.status
            )
        }
        SubscriptionItem::Data(OrderUpdate::OrderStatus(status)) => {
            format!(
                "status {} {} filled {} of {}",
                status.order_id,
                status.status,
                status.filled,
                status.filled + status.remaining
            )
        }
        SubscriptionItem::Data(OrderUpdate::ExecutionData(data)) => {
            let execution = &data.execution;
            let (side, venue) = (&execution.side, &execution.exchange);
            format!("execution {} {side} {} on {venue} req {}", execution.order_id, execution.shares, data.request_id)
        }
        SubscriptionItem::Data(OrderUpdate::CommissionReport(report)) => format!("commission {}", report.currency),
        SubscriptionItem::Data(OrderUpdate::OrderBound(_)) => "bound".to_owned(),
        SubscriptionItem::Notice(notice) => format!("notice {:?} {}", notice.request_id, notice.code),
    }
}
