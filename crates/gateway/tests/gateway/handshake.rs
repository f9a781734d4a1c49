//! Versions, refusals, and peers that mean harm: raw bytes on a socket.

use crate::support::*;
use gateway::{Gateway, GatewayConfig, GatewayError};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const START_API: i32 = 71;
const CURRENT_TIME_MILLIS: i32 = 105;

pub async fn greet(gateway: &Gateway, offer: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.local_addr()).await.expect("a connection");
    stream.write_all(b"API\0").await.expect("written");
    write_frame(&mut stream, offer.as_bytes()).await;
    stream
}

pub async fn write_frame(stream: &mut TcpStream, body: &[u8]) {
    stream.write_u32(body.len() as u32).await.expect("written");
    stream.write_all(body).await.expect("written");
}

/// A request without fields, or with the bytes of some.
pub async fn request(stream: &mut TcpStream, id: i32, fields: &[u8]) {
    let body = [&(id + 200).to_be_bytes(), fields].concat();
    write_frame(stream, &body).await;
}

/// The next frame; `None` when the gateway closed.
pub async fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let read = async {
        let length = stream.read_u32().await.ok()?;
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body).await.ok()?;
        Some(body)
    };
    timeout(PATIENCE, read).await.expect("an answer in time")
}

/// The id of the next protobuf message, without its offset.
pub async fn message_id(stream: &mut TcpStream) -> Option<i32> {
    let body = frame(stream).await?;
    Some(i32::from_be_bytes(body[..4].try_into().expect("an id")) - 200)
}

pub fn text(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8(body.to_vec()).expect("text");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The gateway still serves a new client.
pub async fn is_alive(gateway: &Gateway) {
    assert_eq!(client(gateway, 99).await.server_version(), 222);
}

#[tokio::test]
async fn the_announced_version_follows_the_offer() {
    let gateway = gateway_at(START).await;
    for (offer, announced) in [
        ("v213..226", "222"),
        ("v100..222 +PACEAPI", "222"),
        ("v100..213", "213"),
        ("v300..310", "222"),
        ("v157..178", "176"),
        ("v100..157", "157"),
        ("v100..212", "176"),
    ] {
        let answer = frame(&mut greet(&gateway, offer).await).await.expect("an answer");
        assert_eq!(text(&answer), [announced, "20250707 06:00:00 Etc/UTC"], "offered {offer}");
    }
}

#[tokio::test]
async fn a_client_older_than_both_codecs_is_told_why_it_is_refused() {
    let gateway = gateway_at(START).await;
    let mut stream = greet(&gateway, "v100..156").await;
    assert_eq!(text(&frame(&mut stream).await.expect("a version"))[0], "156");
    let refusal = text(&frame(&mut stream).await.expect("a reason"));
    insta::assert_snapshot!(refusal.join("|"), @"4|2|-1|503|This simulated gateway speaks server versions from 157 on and this client offers at most 156; connect with a client that offers 157 or more");
    assert_eq!(frame(&mut stream).await, None, "closed");
}

#[tokio::test]
async fn a_session_opens_with_account_id_and_notices_and_a_second_one_is_refused() {
    let gateway = gateway_at(START).await;
    let (mut first, mut second) = (greet(&gateway, "v213..226").await, greet(&gateway, "v213..226").await);
    for stream in [&mut first, &mut second] {
        frame(stream).await.expect("a version");
    }
    request(&mut first, CURRENT_TIME_MILLIS, &[]).await;
    assert_eq!(message_id(&mut first).await, Some(4), "nothing is answered before StartApi");
    request(&mut first, START_API, &[0x08, 5]).await;
    for expected in [15, 9, 4, 4, 4] {
        assert_eq!(message_id(&mut first).await, Some(expected));
    }

    request(&mut first, START_API, &[0x08, 6]).await;
    assert_eq!(message_id(&mut first).await, Some(4), "it has an id, and keeps it");

    request(&mut second, START_API, &[0x08, 5]).await;
    let refusal = String::from_utf8_lossy(&frame(&mut second).await.expect("a refusal")).into_owned();
    assert!(refusal.contains("client id is already in use"), "{refusal}");
    assert_eq!(frame(&mut second).await, None, "closed");
    request(&mut first, CURRENT_TIME_MILLIS, &[]).await;
    assert_eq!(message_id(&mut first).await, Some(109), "the first session is untouched");
    drop(first);
    let mut third = greet(&gateway, "v213..226").await;
    frame(&mut third).await.expect("a version");
    request(&mut third, START_API, &[0x08, 5]).await;
    assert_eq!(message_id(&mut third).await, Some(15), "the id is free again");
}

#[tokio::test]
async fn hostile_bytes_end_their_connection_and_nothing_else() {
    let gateway = gateway_at(START).await;

    let mut not_api = TcpStream::connect(gateway.local_addr()).await.expect("a connection");
    not_api.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("written");
    assert_eq!(frame(&mut not_api).await, None);
    for offer in ["", "hello", "v1..", "v99999999999..1"] {
        assert_eq!(frame(&mut greet(&gateway, offer).await).await, None, "`{offer}` is no version range");
    }
    let mut long_offer = TcpStream::connect(gateway.local_addr()).await.expect("a connection");
    long_offer.write_all(b"API\0\x40\0\0\0").await.expect("written");
    assert_eq!(frame(&mut long_offer).await, None, "a handshake of 1 GiB");

    let mut huge = started(&gateway, 1).await;
    huge.write_u32(1 << 30).await.expect("written");
    assert_eq!(frame(&mut huge).await, None, "a frame of 1 GiB");

    let mut half = started(&gateway, 2).await;
    half.write_all(&[0, 0, 1, 0, 1, 2, 3]).await.expect("written");
    drop(half);

    let mut garbage = started(&gateway, 3).await;
    write_frame(&mut garbage, &[]).await;
    write_frame(&mut garbage, &[1, 2]).await;
    write_frame(&mut garbage, b"71\x002\x001\x00").await;
    request(&mut garbage, 3, &[0xff; 64]).await;
    for _ in 0..4 {
        assert_eq!(message_id(&mut garbage).await, Some(4), "each unreadable frame is answered with an error");
    }
    request(&mut garbage, 300, &[]).await;
    request(&mut garbage, 3, &[]).await;
    assert_eq!(message_id(&mut garbage).await, Some(4), "an empty order is refused, an unknown id is passed over");
    request(&mut garbage, CURRENT_TIME_MILLIS, &[]).await;
    assert_eq!(message_id(&mut garbage).await, Some(109), "and the session goes on");

    is_alive(&gateway).await;
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_is_cut_off() {
    let gateway = gateway_at(START).await;
    let mut deaf = started(&gateway, 1).await;
    // 4,000 contract requests, each answered with the details of every share and fund.
    let question = [&(9 + 200_i32).to_be_bytes()[..], &[0x08, 1, 0x12, 5, 0x1a, 3, b'S', b'T', b'K']].concat();
    let questions = [&(question.len() as u32).to_be_bytes()[..], &question].concat().repeat(4_000);
    let flood = async { while deaf.write_all(&questions).await.is_ok() {} };
    timeout(12 * PATIENCE, flood).await.expect("the gateway gives up on it");
    is_alive(&gateway).await;
}

pub async fn started(gateway: &Gateway, client_id: u8) -> TcpStream {
    let mut stream = greet(gateway, "v213..226").await;
    frame(&mut stream).await.expect("a version");
    request(&mut stream, START_API, &[0x08, client_id]).await;
    for _ in 0..5 {
        frame(&mut stream).await.expect("a greeting");
    }
    stream
}

#[tokio::test]
async fn a_gateway_that_cannot_listen_says_where_and_what_to_do() {
    let gateway = gateway_at(START).await;
    let taken = Gateway::bind(gateway.local_addr(), GatewayConfig::default(), world()).await.expect_err("taken");
    assert!(matches!(&taken, GatewayError::Listen { address, .. } if *address == gateway.local_addr()), "{taken}");
    let public = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = Gateway::bind(public, GatewayConfig::default(), world()).await.expect_err("public");
    insta::assert_snapshot!(refused, @"0.0.0.0:0 is not a loopback address; the simulated gateway has no login, listen on 127.0.0.1");
}

#[tokio::test]
async fn a_client_that_writes_faster_than_ib_allows_is_told_so_and_cut() {
    for (pacing, expected) in [(true, 49), (false, 200)] {
        let config = GatewayConfig { pacing, ..GatewayConfig::default() };
        let gateway = Gateway::bind(loopback(), config, world()).await.expect("a gateway");
        let mut stream = greet(&gateway, "v213..226").await;
        frame(&mut stream).await.expect("a version");
        // Everything at once: a start and two hundred questions for the time.
        let asked = [0, 0, 0, 4, 0, 0, 0, 249].repeat(200);
        let start = [0, 0, 0, 6, 0, 0, 1, 15, 8, 7];
        stream.write_all(&[&start[..], &asked].concat()).await.expect("written");
        let (mut times, mut told) = (0, false);
        while times < 200 {
            let Some(answer) = frame(&mut stream).await else { break };
            times += i32::from(answer.starts_with(&[0, 0, 0, 249]));
            told |= answer.windows(8).any(|words| words == b"Max rate");
        }
        assert_eq!((times, told), (expected, pacing));
        is_alive(&gateway).await;
    }
}
