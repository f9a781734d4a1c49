//! A gateway that means harm, or is broken: what the adapter makes of bytes no gateway sends.
//!
//! In: a listener that greets well and then sends garbage. Out: refused or lost, within the time allowed. Invariant: no
//! garbage panics or hangs the adapter, and a length that is announced reserves no memory.
#![allow(clippy::disallowed_methods, reason = "measures how long a person would wait, and the memory of this process")]

use domain::Universe;
use ibkr::{IbkrBroker, IbkrConfig};
use ports::BrokerError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Server version 222 at a time the client can read.
const GREETING: &[u8] = b"222\x0020250707 10:00:00 UTC\0";

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

fn message(id: i32, body: &[u8]) -> Vec<u8> {
    framed(&[&(id + 200).to_be_bytes()[..], body].concat())
}

/// What a gateway says first: one account, the next order id.
fn opening() -> Vec<u8> {
    [message(15, b"\x0a\x09DU1234567"), message(9, b"\x08\x01")].concat()
}

/// Greets, then sends `garbage` at once or a byte at a time, and keeps the connection open.
async fn listener(garbage: Vec<u8>, drip: Option<Duration>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("a bound port").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let garbage = garbage.clone();
            tokio::spawn(async move {
                let mut hello = [0; 17];
                let _ = stream.read_exact(&mut hello).await;
                let _ = stream.write_all(&framed(GREETING)).await;
                match drip {
                    None => drop(stream.write_all(&garbage).await),
                    Some(pause) => {
                        for byte in garbage {
                            if stream.write_all(&[byte]).await.is_err() {
                                return;
                            }
                            tokio::time::sleep(pause).await;
                        }
                    }
                }
                stream.read_to_end(&mut Vec::new()).await.ok();
            });
        }
    });
    address
}

async fn connect(address: String) -> (Option<BrokerError>, Duration) {
    let config = IbkrConfig {
        address,
        client_id: 1,
        account: None,
        ready_timeout: Duration::from_millis(400),
        request_timeout: Duration::from_millis(250),
        heartbeat_timeout: Duration::from_millis(250),
        virtual_time: true,
        order_id_high_water: 0,
        pins: std::collections::BTreeMap::new(),
    };
    let started = Instant::now();
    let outcome = IbkrBroker::connect(config, Arc::new(Universe::new(Vec::new(), Vec::new()))).await;
    (outcome.err(), started.elapsed())
}

/// Bytes of this process in memory; zero where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}

#[tokio::test]
async fn garbage_after_the_greeting_ends_the_attempt_and_nothing_else() {
    let before = resident();
    let huge = [&(1_u32 << 30).to_be_bytes()[..], &[7; 64]].concat();
    let unknown = (300..400).flat_map(|id| message(id, &[0x08, 1])).collect::<Vec<u8>>();
    let cases: [(&str, Vec<u8>); 10] = [
        ("a frame of 1 GiB", huge.clone()),
        ("a frame of 1 GiB after the opening", [opening(), huge].concat()),
        ("a frame without room for an id", [opening(), framed(&[1])].concat()),
        ("an empty frame", [opening(), framed(&[])].concat()),
        ("accounts that are not UTF-8", message(15, b"\x0a\x04\xff\xfe\xff\xfe")),
        ("accounts cut off", message(15, b"\x0a\x7fDU")),
        (
            "an order id out of range",
            [message(15, b"\x0a\x09DU1234567"), message(9, &[0x08, 0xff, 0xff, 0xff, 0xff, 0x0f])].concat(),
        ),
        ("ids nobody knows", [opening(), unknown].concat()),
        (
            "answers to no question",
            [opening(), message(63, b"\x08\x63\x1a\x03abc\x22\x03NaN"), message(61, &[])].concat(),
        ),
        ("text where protobuf was announced", [opening(), framed(b"9\x001\x001\x00")].concat()),
    ];
    for (what, garbage) in cases {
        let (error, took) = connect(listener(garbage, None).await).await;
        let error = error.unwrap_or_else(|| panic!("{what}: nobody answers questions there"));
        assert!(matches!(error, BrokerError::Lost(_) | BrokerError::Refused(_)), "{what}: {error}");
        assert!(took < Duration::from_secs(5), "{what} took {took:?}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for lengths that were only announced");
}

#[tokio::test]
async fn a_slow_drip_is_lost_within_the_time_allowed() {
    let (error, took) = connect(listener(opening(), Some(Duration::from_millis(60))).await).await;
    assert!(matches!(error, Some(BrokerError::Lost(_))), "{error:?}");
    assert!(took < Duration::from_secs(5), "took {took:?}");
}
