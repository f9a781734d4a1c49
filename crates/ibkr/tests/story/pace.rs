//! A gateway that refuses clients faster than IB allows, and an adapter that never is.

use crate::link::Link;
use crate::world::*;
use domain::Side;
use gateway::{Control, Gateway, GatewayConfig};
use ibkr::IbkrConfig;
use jiff::civil::date;
use ports::Broker;
use risk::Sendable;
use rust_decimal::dec;
use std::time::Instant;

/// The kind of a question for bars.
const BARS: i32 = 20;

async fn paced() -> Gateway {
    gateway_with(GatewayConfig { pacing: true, ..GatewayConfig::default() }).await
}

/// As in front of a real gateway: time runs, and messages are counted.
fn real(link: &Link) -> IbkrConfig {
    IbkrConfig { virtual_time: false, ..config(link.address) }
}

#[tokio::test]
async fn bars_are_asked_for_as_slowly_as_the_broker_wants_them() {
    let gateway = paced().await;
    let link = Link::to(gateway.local_addr()).await;
    let mut broker = broker(real(&link)).await;
    let (day, begun) = (date(2025, 12, 8), Instant::now());
    for sessions in 1..=6 {
        let bars = broker.daily_bars(CSPX, sessions, day).await.expect("bars");
        assert_eq!(bars.len(), sessions as usize);
    }
    assert!(begun.elapsed().as_secs_f64() > 1.9, "the sixth about one contract waits");
    broker.daily_bars(ISF, 1, day).await.expect("bars");
    let again = broker.daily_bars(ISF, 1, day).await.expect("the same bars");
    assert!(begun.elapsed().as_secs_f64() > 14.9, "the same question waits");
    assert_eq!(again.len(), 1);
    let asked = link.asked().iter().filter(|&&kind| kind == BARS).count();
    assert_eq!(asked, 8, "each was answered the first time");
}

#[tokio::test]
async fn orders_leave_as_slowly_as_the_broker_wants_them_and_a_client_that_is_faster_is_cut() {
    let gateway = paced().await;
    let link = Link::to(gateway.local_addr()).await;
    let mut broker = broker(real(&link)).await;
    for attempt in 1..=60 {
        let request = order(attempt, CSPX, Side::Buy, 1, price(dec!(1)));
        broker.send(&place(&request)).await.expect("written");
        broker.send(&Sendable::Cancel { order_ref: request.order_ref }).await.expect("written");
    }
    broker.fence().await.expect("the session lives");
    assert_eq!(gateway.orders().len(), 60);

    // In virtual time the adapter does not wait, and this gateway does not stand for it.
    let mut hasty = ibkr::IbkrBroker::connect(
        IbkrConfig { client_id: 2, ..config(gateway.local_addr()) },
        std::sync::Arc::clone(&UNIVERSE),
    )
    .await
    .expect("a session");
    let mut taken = 0;
    while hasty.fence().await.is_ok() {
        taken += 1;
        assert!(taken < 1_000, "somebody counts");
    }
    assert!((40..=50).contains(&taken), "{taken} messages were taken");
    assert!(gateway.control().now().await.is_ok(), "and the gateway lives");
}
