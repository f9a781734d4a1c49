//! A gateway that refuses questions faster than IB allows, and an adapter that never asks any.
//!
//! In: a gateway that counts. Out: bars. Invariant: no question had to be asked twice.

use crate::link::Link;
use crate::world::*;
use gateway::GatewayConfig;
use ibkr::IbkrConfig;
use jiff::civil::date;
use ports::Broker;
use tokio::time::Instant;

/// The kind of a question for bars.
const BARS: i32 = 20;

#[tokio::test]
async fn bars_are_asked_for_as_slowly_as_the_broker_wants_them() {
    let gateway = gateway_with(GatewayConfig { pacing: true, ..GatewayConfig::default() }).await;
    let link = Link::to(gateway.local_addr()).await;
    // As in front of a real gateway: time runs.
    let mut broker = broker(IbkrConfig { virtual_time: false, ..config(link.address) }).await;
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
