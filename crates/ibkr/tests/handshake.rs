//! What may listen where a gateway is expected, and what a person reads then.
//!
//! In: an old gateway, a deaf one, another protocol, nobody. Out: refused or lost, within the time allowed. Invariant:
//! nothing of it hangs, and only what may pass by itself is tried again.
#![allow(clippy::disallowed_methods, reason = "measures how long a person would wait")]

use domain::Universe;
use ibkr::{IbkrBroker, IbkrConfig};
use ports::BrokerError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Listens on a loopback port; greets every connection with `greeting`, then keeps it open.
async fn listener(greeting: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("a bound port").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut hello = [0; 17];
                stream.read_exact(&mut hello).await.expect("a handshake");
                stream.write_all(greeting).await.expect("an open connection");
                stream.read_to_end(&mut Vec::new()).await.ok();
            });
        }
    });
    address
}

async fn connect(address: String, ready_timeout: Duration) -> (BrokerError, Duration) {
    let config = IbkrConfig {
        address,
        client_id: 1,
        account: None,
        ready_timeout,
        request_timeout: Duration::from_millis(250),
        heartbeat_timeout: Duration::from_millis(250),
        virtual_time: true,
        order_id_high_water: 0,
        pins: std::collections::BTreeMap::new(),
    };
    let started = Instant::now();
    let outcome = IbkrBroker::connect(config, Arc::new(Universe::new(Vec::new(), Vec::new()))).await;
    (outcome.err().expect("no gateway is there"), started.elapsed())
}

#[tokio::test]
async fn an_old_gateway_is_refused_at_once_with_the_version_it_needs() {
    let address = listener(b"\0\0\0\x1a176\x0020250707 10:00:00 UTC\0").await;
    let (error, took) = connect(address.clone(), Duration::from_secs(10)).await;
    assert!(matches!(error, BrokerError::Refused(_)), "{error}");
    let text = error.to_string().replace(&address, "ADDRESS");
    insta::assert_snapshot!(text, @"broker refused: the gateway at ADDRESS speaks version 176, at least 213 is needed: install a newer IB Gateway");
    assert!(took < Duration::from_secs(5), "no second attempt can help: {took:?}");
}

#[tokio::test]
async fn a_deaf_gateway_and_a_closed_port_are_lost_within_the_time_allowed() {
    let deaf = listener(b"").await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        listener.local_addr().expect("a bound port").to_string()
    };
    for address in [deaf, closed] {
        let (error, took) = connect(address, Duration::from_millis(400)).await;
        assert!(matches!(error, BrokerError::Lost(_)), "{error}");
        assert!(took < Duration::from_secs(5), "{error} took {took:?}");
    }
}

#[tokio::test]
async fn a_server_of_another_protocol_is_refused() {
    let (error, _) = connect(listener(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, Duration::from_secs(10)).await;
    assert!(matches!(&error, BrokerError::Refused(text) if text.contains("check host and port")), "{error}");
}
