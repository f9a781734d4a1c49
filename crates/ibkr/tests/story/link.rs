//! A wire between broker and gateway that loses what a story wants lost.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Protobuf messages are numbered from here.
const PROTOBUF: i32 = 200;

/// Passes bytes to the gateway and frames back, except those of muted kinds.
pub struct Link {
    pub address: SocketAddr,
    muted: Arc<Mutex<BTreeSet<i32>>>,
}

impl Link {
    /// A link to a gateway that loses nothing yet.
    pub async fn to(gateway: SocketAddr) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound port");
        let muted = Arc::new(Mutex::new(BTreeSet::new()));
        let rule = Arc::clone(&muted);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(gateway).await.expect("a gateway");
                let ((mut near_reader, near_writer), (far_reader, mut far_writer)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(async move { copy(&mut near_reader, &mut far_writer).await });
                tokio::spawn(answers(far_reader, near_writer, Arc::clone(&rule)));
            }
        });
        Link { address, muted }
    }

    /// Loses exactly these kinds of messages from the gateway from now on, by the broker's numbers.
    pub fn mute(&self, kinds: &[i32]) {
        *self.muted.lock().expect("no story panics while it mutes") =
            kinds.iter().map(|kind| kind + PROTOBUF).collect();
    }
}

async fn answers(mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf, muted: Arc<Mutex<BTreeSet<i32>>>) {
    while let Ok(length) = reader.read_u32().await {
        let mut frame = vec![0; length as usize];
        if reader.read_exact(&mut frame).await.is_err() {
            return;
        }
        let kind = frame.first_chunk().map(|id| i32::from_be_bytes(*id));
        if kind.is_some_and(|kind| muted.lock().expect("no story panics while it mutes").contains(&kind)) {
            continue;
        }
        let whole = [&length.to_be_bytes()[..], &frame].concat();
        if writer.write_all(&whole).await.is_err() {
            return;
        }
    }
}
