//! How much the simulated gateway serves, with several clients at once: orders and ticks a second, time to an answer.
//!
//! In: nothing; one fund in London, its own clients on the loopback. Out: the table of docs/gateway.md. Invariant: every
//! order is answered and every tick is read, by clients that decode what they get.
//!
//! `cargo run --release -p gateway --example throughput`

#![allow(clippy::disallowed_methods, reason = "measures real time")]

use domain::{AssetClass, Contract, Currency, Instrument, InstrumentId, InstrumentKind, Mic, Money, Price, Universe};
use gateway::wire::{
    self, CancelOrderRequest, MarketDataRequest, Order, PlaceOrderRequest, StartApiRequest, read_frame, with_length,
};
use gateway::{Control, Gateway, GatewayConfig};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use market::calendar::Calendars;
use prost::Message;
use rust_decimal::dec;
use sim::{AccountEvents, PriceList, Prices, Scenario, SimConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

const MORNING: &str = "2025-07-07T08:00:00Z";
/// Orders of each client.
const ORDERS: i32 = 4_000;
/// Steps of virtual time in which quotes move.
const STEPS: i32 = 20_000;
const OPEN_ORDER: i32 = 5;
const ERROR: i32 = 4;
const TICK_PRICE: i32 = 1;
const TICK_SIZE: i32 = 2;
const TIME_IN_MILLIS: i32 = 109;

#[tokio::main]
async fn main() {
    println!("| clients | orders a second | ack median | ack p99 | ticks a second |");
    println!("|---|---|---|---|---|");
    for clients in [1, 4, 16] {
        let (orders, median, p99) = orders(clients).await;
        let ticks = ticks(clients).await;
        println!("| {clients} | {orders:.0} | {median:.2?} | {p99:.2?} | {ticks:.0} |");
    }
}

fn world() -> SimConfig {
    let tables = [(Mic::Xlon, include_str!("../../../config/calendars/XLON.csv"))];
    let overrides = include_str!("../../../config/calendars/overrides.csv");
    let fund = Instrument {
        exchange: "SMART".to_owned(),
        primary_exchange: "LSEETF".to_owned(),
        venue: Mic::Xlon,
        tick: Price::from_decimal(dec!(0.01)).expect("a tick"),
        asset_class: AssetClass::EquityEtf,
        tradable: true,
        ..Instrument::plain("CSPX", InstrumentKind::Etf, Currency::Usd)
    };
    let contract = Contract { name: "CSPX".to_owned(), instrument: InstrumentId(0), expiry: None };
    SimConfig {
        universe: Arc::new(Universe::new(vec![fund], vec![contract])),
        calendars: Arc::new(Calendars::parse(tables, overrides).expect("the shipped calendars are sound")),
        prices: Prices::Simulated { scenario: Scenario::Calm, seed: 7, first_day: date(2025, 7, 7) },
        seed: 7,
        start: MORNING.parse().expect("an instant"),
        base: Currency::Usd,
        account: "DU1234567".to_owned(),
        deposit: Money::new(dec!(10_000_000), Currency::Usd),
        events: AccountEvents::none(),
        price_list: PriceList::Fixed,
    }
}

async fn gateway() -> Gateway {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    Gateway::bind(loopback, GatewayConfig::default(), world()).await.expect("a gateway")
}

/// A started client of the protobuf codec.
struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    async fn connect(address: SocketAddr, client_id: i32) -> Client {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option of TCP");
        let (reader, writer) = stream.into_split();
        let mut client = Client { reader: BufReader::new(reader), writer };
        client.writer.write_all(b"API\0\0\0\0\x09v213..222").await.expect("written");
        let length = client.reader.read_u32().await.expect("a version");
        client.reader.read_exact(&mut vec![0; length as usize]).await.expect("a version");
        let start = StartApiRequest { client_id: Some(client_id), optional_capabilities: None };
        client.send(71, &start).await;
        for _ in 0..5 {
            client.next().await;
        }
        client
    }

    async fn send(&mut self, id: i32, request: &impl Message) {
        send(&mut self.writer, id, request).await;
    }

    async fn next(&mut self) -> (i32, Vec<u8>) {
        next(&mut self.reader).await
    }
}

async fn send(writer: &mut OwnedWriteHalf, id: i32, request: &impl Message) {
    let body = [&(id + 200).to_be_bytes()[..], &request.encode_to_vec()].concat();
    writer.write_all(&with_length(&body)).await.expect("written");
}

/// The id and the body of the next message.
async fn next(reader: &mut BufReader<OwnedReadHalf>) -> (i32, Vec<u8>) {
    let mut frame = read_frame(reader).await.expect("readable").expect("the gateway goes on");
    let body = frame.split_off(4);
    (i32::from_be_bytes(frame.try_into().expect("an id")) - 200, body)
}

fn cspx() -> Option<wire::Contract> {
    let text = |text: &str| Some(text.to_owned());
    let described = wire::Contract { symbol: text("CSPX"), sec_type: text("STK"), ..wire::Contract::default() };
    Some(wire::Contract { exchange: text("SMART"), currency: text("USD"), ..described })
}

/// Places, is acknowledged, cancels, is acknowledged; again.
async fn orders(clients: i32) -> (f64, Duration, Duration) {
    let gateway = gateway().await;
    let address = gateway.local_addr();
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for client_id in 1..=clients {
        tasks.spawn(async move {
            let mut client = Client::connect(address, client_id).await;
            let mut acks = Vec::new();
            for order_id in 1..=ORDERS {
                let asked = Instant::now();
                client.send(3, &order(order_id)).await;
                while client.next().await.0 != OPEN_ORDER {}
                acks.push(asked.elapsed());
                client.send(4, &CancelOrderRequest { order_id: Some(order_id) }).await;
                while client.next().await.0 != ERROR {}
                while client.next().await.0 != OPEN_ORDER {}
            }
            acks
        });
    }
    let mut acks: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let elapsed = started.elapsed();
    acks.sort_unstable();
    (acks.len() as f64 / elapsed.as_secs_f64(), acks[acks.len() / 2], acks[acks.len() * 99 / 100])
}

/// Far from the market, so that it rests.
fn order(order_id: i32) -> PlaceOrderRequest {
    let text = |text: &str| Some(text.to_owned());
    let order = Order {
        action: text("BUY"),
        total_quantity: text("1"),
        order_type: text("LMT"),
        lmt_price: Some(1.0),
        tif: text("DAY"),
        transmit: Some(true),
        ..Order::default()
    };
    PlaceOrderRequest { order_id: Some(order_id), contract: cspx(), order: Some(order), attached_orders: None }
}

/// Every client watches the fund while time moves in steps of a second; the answer to a last question ends its count.
async fn ticks(clients: i32) -> f64 {
    let gateway = gateway().await;
    let (mut readers, mut writers) = (JoinSet::new(), Vec::new());
    for client_id in 1..=clients {
        let mut client = Client::connect(gateway.local_addr(), client_id).await;
        let watch = MarketDataRequest { req_id: Some(1), contract: cspx(), ..MarketDataRequest::default() };
        client.send(1, &watch).await;
        let Client { mut reader, writer } = client;
        writers.push(writer);
        readers.spawn(async move {
            let mut ticks = 0_u64;
            loop {
                match next(&mut reader).await.0 {
                    TICK_PRICE | TICK_SIZE => ticks += 1,
                    TIME_IN_MILLIS => return ticks,
                    _ => {}
                }
            }
        });
    }
    let mut control = gateway.control();
    let start: Timestamp = MORNING.parse().expect("an instant");
    let started = Instant::now();
    for step in 1..=STEPS {
        let to = start + SignedDuration::from_secs(step.into());
        control.advance_to(to).await.expect("time moves");
        tokio::task::yield_now().await;
    }
    for writer in &mut writers {
        send(writer, 105, &wire::Empty {}).await;
    }
    let total: u64 = readers.join_all().await.into_iter().sum();
    total as f64 / started.elapsed().as_secs_f64()
}
