//! Who moves time and breaks things: the control of a simulated gateway, in process or over a loopback socket.
//!
//! In: `now`, `next_event`, `advance_to`, `inject`. Out: the virtual clock. Invariant: time never goes back, and when
//! an advance is answered every message it caused is queued ahead of any later answer on the same connection.

use crate::desk::Desk;
use crate::injection::Injection;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Longest line of the control protocol, either way.
const LINE_MAX: u64 = 4096;

/// How long a gateway in another process may compute before it counts as gone.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);

/// Why the clock was not read or moved.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The gateway's process or its control socket is gone: start it again, it resumes from its record.
    #[error("the gateway's control is lost: {0}")]
    Lost(#[from] io::Error),
    /// The gateway understood and declined.
    #[error("the gateway declines: {0}")]
    Declined(String),
    /// The other side does not speak the control protocol.
    #[error("unexpected line on the control socket: {0}")]
    Garbled(String),
}

/// The clock of one simulated gateway.
#[expect(async_fn_in_trait, reason = "one generic driver uses it; no dyn, no Send bound")]
pub trait Control {
    /// Virtual time.
    ///
    /// # Errors
    /// [`ControlError`].
    async fn now(&mut self) -> Result<Timestamp, ControlError>;

    /// When something can next happen without a client acting; `None` when nothing ever will.
    ///
    /// # Errors
    /// [`ControlError`].
    async fn next_event(&mut self) -> Result<Option<Timestamp>, ControlError>;

    /// Moves virtual time forward and lets everything up to and including `to` happen; moving to the
    /// present does nothing.
    ///
    /// # Errors
    /// [`ControlError::Declined`] when `to` lies in the past.
    async fn advance_to(&mut self, to: Timestamp) -> Result<(), ControlError>;

    /// Makes something go wrong now.
    ///
    /// # Errors
    /// [`ControlError::Declined`] when it is impossible in this world; nothing has happened then.
    async fn inject(&mut self, injection: Injection) -> Result<(), ControlError>;
}

/// The control of a gateway in the same process.
#[derive(Clone, Debug)]
pub struct LocalControl {
    desk: Arc<Mutex<Desk>>,
}

impl LocalControl {
    pub(crate) fn new(desk: Arc<Mutex<Desk>>) -> LocalControl {
        LocalControl { desk }
    }

    fn perform(&self, order: ControlRequest) -> Result<Clock, String> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            ControlRequest::Clock => {}
            ControlRequest::AdvanceTo { to } => desk.advance_to(to).map_err(|error| error.to_string())?,
            ControlRequest::Inject { inject } => desk.inject(&inject, None).map_err(|error| error.to_string())?,
            ControlRequest::NoteAccount => desk.note_account().map_err(|error| error.to_string())?,
        }
        Ok(Clock { now: desk.now(), next_event: desk.next_event() })
    }
}

impl Control for LocalControl {
    async fn now(&mut self) -> Result<Timestamp, ControlError> {
        self.perform(ControlRequest::Clock).map(|clock| clock.now).map_err(ControlError::Declined)
    }

    async fn next_event(&mut self) -> Result<Option<Timestamp>, ControlError> {
        self.perform(ControlRequest::Clock).map(|clock| clock.next_event).map_err(ControlError::Declined)
    }

    async fn advance_to(&mut self, to: Timestamp) -> Result<(), ControlError> {
        self.perform(ControlRequest::AdvanceTo { to }).map(drop).map_err(ControlError::Declined)
    }

    async fn inject(&mut self, inject: Injection) -> Result<(), ControlError> {
        self.perform(ControlRequest::Inject { inject }).map(drop).map_err(ControlError::Declined)
    }
}

/// The control of a gateway in another process.
#[derive(Debug)]
pub struct RemoteControl {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl RemoteControl {
    /// Connects to the address a gateway was given with `--control`.
    ///
    /// # Errors
    /// [`ControlError::Lost`] when nothing listens there.
    pub async fn connect(address: SocketAddr) -> Result<RemoteControl, ControlError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(RemoteControl { reader: BufReader::new(reader), writer })
    }

    async fn ask(&mut self, request: &ControlRequest) -> Result<Clock, ControlError> {
        let answer = async {
            self.writer.write_all(&line(request)).await?;
            read_line(&mut self.reader).await
        };
        let silent = |_| Err(io::ErrorKind::TimedOut.into());
        let Some(text) = timeout(ANSWER_PATIENCE, answer).await.unwrap_or_else(silent)? else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        };
        match serde_json::from_str(&text) {
            Ok(ControlAnswer::Clock(clock)) => Ok(clock),
            Ok(ControlAnswer::Declined { error }) => Err(ControlError::Declined(error)),
            Err(_) => Err(ControlError::Garbled(text)),
        }
    }
}

impl Control for RemoteControl {
    async fn now(&mut self) -> Result<Timestamp, ControlError> {
        self.ask(&ControlRequest::Clock).await.map(|clock| clock.now)
    }

    async fn next_event(&mut self) -> Result<Option<Timestamp>, ControlError> {
        self.ask(&ControlRequest::Clock).await.map(|clock| clock.next_event)
    }

    async fn advance_to(&mut self, to: Timestamp) -> Result<(), ControlError> {
        self.ask(&ControlRequest::AdvanceTo { to }).await.map(drop)
    }

    async fn inject(&mut self, inject: Injection) -> Result<(), ControlError> {
        self.ask(&ControlRequest::Inject { inject }).await.map(drop)
    }
}

/// Serves one peer of the control socket until it closes or sends something that is not a line of ours.
pub(crate) async fn serve(stream: TcpStream, control: LocalControl) {
    if let Err(error) = converse(stream, control).await {
        tracing::debug!(%error, "control connection given up");
    }
}

async fn converse(stream: TcpStream, control: LocalControl) -> Result<(), io::Error> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Some(text) = read_line(&mut reader).await? {
        let answer = match serde_json::from_str(&text) {
            Ok(request) => control.perform(request),
            Err(error) => Err(format!("not a control request: {error}")),
        };
        let answer = answer.map_or_else(|error| ControlAnswer::Declined { error }, ControlAnswer::Clock);
        writer.write_all(&line(&answer)).await?;
    }
    Ok(())
}

/// A line of the control protocol, controller to gateway, such as `{"do":"advance_to","to":"2025-01-06T15:00:00Z"}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum ControlRequest {
    /// Tell the time.
    Clock,
    /// Move it.
    AdvanceTo { to: Timestamp },
    /// Make something go wrong.
    Inject { inject: Injection },
    /// Write down in the record what the account holds.
    NoteAccount,
}

/// The gateway's line: the clock after the request, or why it was declined.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum ControlAnswer {
    Clock(Clock),
    Declined { error: String },
}

/// Virtual time and what comes next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Clock {
    now: Timestamp,
    next_event: Option<Timestamp>,
}

fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).expect("plain data has a JSON form");
    line.push(b'\n');
    line
}

/// One line without its end; `None` when the peer closed.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<String>, io::Error> {
    let mut text = String::new();
    if reader.take(LINE_MAX).read_line(&mut text).await? == 0 {
        return Ok(None);
    }
    if !text.ends_with('\n') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a control line must end within {LINE_MAX} bytes"),
        ));
    }
    Ok(Some(text))
}
