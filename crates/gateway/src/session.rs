//! One connection: handshake, requests in order, answers in order.
//!
//! In: a socket. Out: frames, written by one task in the order the desk queued them. Invariant: whatever a
//! peer sends ends at most its own connection, and a peer that does not read cannot grow the queue for ever.

use crate::desk::{Desk, SessionKey, Then};
use crate::moment::wire_time;
use crate::wire::{Answer, Codec, FrameError, VersionRange, read_frame, read_handshake, text_frame};
use crate::wire_fault::WireFaults;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tracing::{debug, warn};

/// Bytes a peer may leave unread before it is cut off.
const BACKLOG_MAX: usize = 64 << 20;
/// How long the last words of a connection that is being closed may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, clients: Clients) {
    let peer = stream.peer_addr().map_or_else(|_| "a peer that is gone".to_owned(), |address| address.to_string());
    match converse(stream, clients).await {
        Ok(()) => debug!(%peer, "connection closed"),
        Err(FrameError::Lost(error)) => debug!(%peer, %error, "connection lost"),
        Err(error) => warn!(%peer, %error, "connection given up"),
    }
}

async fn converse(stream: TcpStream, clients: Clients) -> Result<(), FrameError> {
    if clients.ask(|desk| WireFaults::take(&mut desk.wire.refused_connections)).await {
        return Ok(());
    }
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    if clients.ask(|desk| WireFaults::take(&mut desk.wire.mute_connections)).await {
        tokio::io::copy(&mut reader, &mut tokio::io::sink()).await?;
        return Ok(());
    }
    let offered = read_handshake(&mut reader).await?;
    let time = wire_time(clients.ask(|desk| desk.now()).await);
    let Some(codec) = Codec::negotiate(offered) else {
        return refuse_old_client(&mut writer, offered, &time).await;
    };
    writer.write_all(&text_frame(&[&codec.version().to_string(), &time])).await?;

    let (outbox, queue, overflow) = outbox(codec);
    let registration = Registration::open(clients, outbox).await;
    let mut writing = Box::pin(write_queued(writer, queue));
    tokio::select! {
        ended = read_requests(&mut reader, &registration) => {
            drop(registration);
            let _ = timeout(FAREWELL, writing).await;
            ended
        }
        ended = &mut writing => ended,
        () = overflow.notified() => Err(FrameError::Unread(BACKLOG_MAX)),
    }
}

/// A client older than both codecs is told so in the only words it can read.
async fn refuse_old_client(writer: &mut OwnedWriteHalf, offered: VersionRange, time: &str) -> Result<(), FrameError> {
    let (max, floor) = (offered.max, Codec::floor());
    let reason = format!(
        "This simulated gateway speaks server versions from {floor} on and this client offers at most {max}; \
         connect with a client that offers {floor} or more"
    );
    warn!(max, floor, "a client too old for either codec was refused");
    writer.write_all(&text_frame(&[&max.to_string(), time])).await?;
    writer.write_all(&text_frame(&["4", "2", "-1", "503", &reason])).await?;
    Ok(writer.shutdown().await?)
}

async fn read_requests(reader: &mut BufReader<OwnedReadHalf>, registration: &Registration) -> Result<(), FrameError> {
    while let Some(frame) = read_frame(reader).await? {
        let Registration { clients, key } = registration;
        if clients.ask(|desk| desk.handle(*key, &frame)).await == Then::Close {
            break;
        }
    }
    Ok(())
}

/// Writes everything queued, in as few writes as possible, until every sender is gone.
async fn write_queued(mut writer: OwnedWriteHalf, mut queue: Queue) -> Result<(), FrameError> {
    let mut burst = Vec::new();
    while let Some(first) = queue.frames.recv().await {
        burst.extend_from_slice(&first);
        while let Ok(next) = queue.frames.try_recv() {
            burst.extend_from_slice(&next);
        }
        writer.write_all(&burst).await?;
        queue.backlog.fetch_sub(burst.len(), Ordering::Relaxed);
        burst.clear();
    }
    Ok(writer.shutdown().await?)
}

/// Where the desk puts answers for one connection, in the codec it speaks.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    codec: Codec,
    frames: UnboundedSender<Vec<u8>>,
    backlog: Arc<AtomicUsize>,
    overflow: Arc<Notify>,
}

impl Outbox {
    /// What the connection speaks, both ways.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Queues an answer. A connection that no longer exists, or is cut off, drops it.
    pub(crate) fn send(&self, answer: &impl Answer) {
        let frame = answer.frames(self.codec);
        let backlog = self.backlog.fetch_add(frame.len(), Ordering::Relaxed) + frame.len();
        if backlog > BACKLOG_MAX {
            self.overflow.notify_one();
        } else {
            let _ = self.frames.send(frame);
        }
    }
}

struct Queue {
    frames: UnboundedReceiver<Vec<u8>>,
    backlog: Arc<AtomicUsize>,
}

fn outbox(codec: Codec) -> (Outbox, Queue, Arc<Notify>) {
    let (sender, frames) = unbounded_channel();
    let (backlog, overflow) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let outbox = Outbox { codec, frames: sender, backlog: Arc::clone(&backlog), overflow: Arc::clone(&overflow) };
    (outbox, Queue { frames, backlog }, overflow)
}

/// The desk as connections share it: they are served in turn, one request each, however much one of them has to ask.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    desk: Arc<Mutex<Desk>>,
    /// Who waits for it is served in the order of coming, which the lock of the desk does not promise.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Clients {
    pub(crate) fn of(desk: Arc<Mutex<Desk>>) -> Clients {
        Clients { desk, turn: Arc::default() }
    }

    async fn ask<T>(&self, question: impl FnOnce(&mut Desk) -> T) -> T {
        let _turn = self.turn.lock().await;
        question(&mut lock(&self.desk))
    }
}

/// A connection's place at the desk; dropping it frees the client id, also when the task is aborted.
struct Registration {
    clients: Clients,
    key: SessionKey,
}

impl Registration {
    async fn open(clients: Clients, outbox: Outbox) -> Registration {
        let key = clients.ask(|desk| desk.open_session(outbox)).await;
        Registration { clients, key }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Ok(mut desk) = self.clients.desk.lock() {
            desk.close_session(self.key);
        }
    }
}

/// The desk, for the length of one request.
pub(crate) fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().expect("nobody panics at the desk; if somebody did, the simulation is no longer to be trusted")
}
