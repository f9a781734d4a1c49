//! A wire between broker and gateway that loses what a story wants lost and says what it wants said.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Protobuf messages are numbered from here.
const PROTOBUF: i32 = 200;
/// The answer to a fence.
const TIME: i32 = 109;

/// What happens to messages of the gateway.
#[derive(Default)]
struct Rules {
    muted: BTreeSet<i32>,
    /// Frames that go ahead of the next answer to a fence.
    said: Vec<u8>,
    /// Kinds of the messages that went to the gateway.
    asked: Vec<i32>,
}

/// Passes frames both ways.
pub struct Link {
    pub address: SocketAddr,
    rules: Arc<Mutex<Rules>>,
}

impl Link {
    /// A link to a gateway that loses nothing yet.
    pub async fn to(gateway: SocketAddr) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound port");
        let rules = Arc::new(Mutex::new(Rules::default()));
        let shared = Arc::clone(&rules);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(gateway).await.expect("a gateway");
                let ((near_reader, near_writer), (far_reader, far_writer)) = (near.into_split(), far.into_split());
                tokio::spawn(questions(near_reader, far_writer, Arc::clone(&shared)));
                tokio::spawn(answers(far_reader, near_writer, Arc::clone(&shared)));
            }
        });
        Link { address, rules }
    }

    /// Loses exactly these kinds of messages from the gateway from now on, by the broker's numbers.
    pub fn mute(&self, kinds: &[i32]) {
        lock(&self.rules).muted = kinds.iter().map(|kind| kind + PROTOBUF).collect();
    }

    /// Kinds of the messages that went to the gateway since the last time this was asked.
    pub fn asked(&self) -> Vec<i32> {
        std::mem::take(&mut lock(&self.rules).asked)
    }

    /// Says something in the gateway's name, ahead of the next answer to a fence.
    pub fn say(&self, frame: Vec<u8>) {
        lock(&self.rules).said.extend(frame);
    }
}

/// After the four bytes that open a session and the versions that are offered, a frame is a question.
async fn questions(mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf, rules: Arc<Mutex<Rules>>) {
    let mut opening = [0; 4];
    if reader.read_exact(&mut opening).await.is_err() || writer.write_all(&opening).await.is_err() {
        return;
    }
    let mut offered = false;
    while let Ok(length) = reader.read_u32().await {
        let mut body = vec![0; length as usize];
        if reader.read_exact(&mut body).await.is_err() {
            return;
        }
        if std::mem::replace(&mut offered, true) {
            let kind = body.first_chunk().map_or(0, |id| i32::from_be_bytes(*id)) - PROTOBUF;
            lock(&rules).asked.push(kind);
        }
        if writer.write_all(&[&length.to_be_bytes()[..], &body].concat()).await.is_err() {
            return;
        }
    }
}

async fn answers(mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf, rules: Arc<Mutex<Rules>>) {
    while let Ok(length) = reader.read_u32().await {
        let mut body = vec![0; length as usize];
        if reader.read_exact(&mut body).await.is_err() {
            return;
        }
        let kind = body.first_chunk().map_or(0, |id| i32::from_be_bytes(*id));
        let mut bytes = Vec::new();
        {
            let mut rules = lock(&rules);
            if kind == TIME + PROTOBUF {
                bytes.append(&mut rules.said);
            }
            if !rules.muted.contains(&kind) {
                bytes.extend([&length.to_be_bytes()[..], &body].concat());
            }
        }
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn lock(rules: &Mutex<Rules>) -> MutexGuard<'_, Rules> {
    rules.lock().expect("no story panics while it holds the rules")
}

/// A whole frame of the broker's kind with a protobuf body.
pub fn frame(kind: i32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short frame");
    [&length.to_be_bytes()[..], &(kind + PROTOBUF).to_be_bytes(), body].concat()
}

/// An error frame about an order, or about nothing with id -1.
pub fn notice(id: i32, code: i32, text: &str) -> Vec<u8> {
    let mut body = vec![0x08];
    body.extend(varint(i64::from(id) as u64));
    body.push(0x18);
    body.extend(varint(code as u64));
    body.push(0x22);
    body.extend(varint(text.len() as u64));
    body.extend(text.as_bytes());
    frame(4, &body)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
