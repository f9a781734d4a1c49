//! From an address to a session that has proved it works.
//!
//! In: where the gateway is and how long it may take. Out: a client, its order updates and its notices, held
//! until the session ends. Invariant: every wait has an end, and a gateway that is too old is refused before
//! the client library speaks to it.

use crate::trouble::trouble;
use crate::{IbkrConfig, requests};
use ibapi::orders::OrderUpdate;
use ibapi::subscriptions::{NoticeStream, Subscription};
use ibapi::{Client, Error};
use jiff::Timestamp;
use ports::BrokerError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep, timeout};

/// First server version whose messages the client library understands.
const OLDEST_VERSION: i32 = 213;
/// What the probe offers: everything, so that an old gateway names its own version.
const PROBE_OFFER: &[u8] = b"v100..226";
/// A handshake answer is a version and a time; anything longer is another protocol.
const PROBE_ANSWER_MAX: u32 = 256;
/// Pause after the first failed attempt; doubles up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(5);

/// Attempts there is always time for.
const ATTEMPTS_LEAST: u32 = 4;

/// One connection that has answered everything a handshake asks.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// First order id the gateway has not seen.
    pub(crate) first_order_id: i32,
    /// What its clock said when it was ready.
    pub(crate) gateway_time: Timestamp,
    /// `None` only while it is being reopened.
    pub(crate) updates: Option<Subscription<OrderUpdate>>,
    pub(crate) notices: NoticeStream,
}

/// Why an attempt failed and whether another one may help.
struct Failed {
    error: BrokerError,
    retry: bool,
}

impl Failed {
    fn for_now(error: BrokerError) -> Failed {
        Failed { error, retry: true }
    }

    fn for_good(error: BrokerError) -> Failed {
        Failed { error, retry: false }
    }
}

/// Connects, trying again until `ready_timeout` has passed.
pub(crate) async fn open(config: &IbkrConfig) -> Result<Session, BrokerError> {
    let deadline = Instant::now() + config.ready_timeout;
    let mut pause = PAUSE_FIRST;
    loop {
        // One attempt that is never answered must leave time for others.
        let limit = config.request_timeout.min(config.ready_timeout / ATTEMPTS_LEAST);
        let limit = limit.min(deadline.saturating_duration_since(Instant::now()));
        let failed = match attempt(config, limit).await {
            Ok(session) => return Ok(session),
            Err(failed) => failed,
        };
        if !failed.retry || Instant::now() + pause >= deadline {
            return Err(failed.error);
        }
        tracing::info!(address = %config.address, reason = %failed.error, "gateway not ready, trying again");
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

async fn attempt(config: &IbkrConfig, limit: Duration) -> Result<Session, Failed> {
    let patience = config.ready_timeout;
    let silent = || Failed::for_now(lost(&config.address, format_args!("no handshake within {patience:.1?}")));
    let version = timeout(limit, probe(&config.address)).await.map_err(|_| silent())??;
    if version < OLDEST_VERSION {
        return Err(Failed::for_good(BrokerError::Refused(format!(
            "the gateway at {} speaks version {version}, at least {OLDEST_VERSION} is needed: install a newer IB Gateway",
            config.address
        ))));
    }
    // One session per connection: the library's own reconnect would go on sending into a new session whose
    // orders, ids and subscriptions nobody has looked at yet.
    let connecting = Client::builder()
        .address(config.address.as_str())
        .client_id(config.client_id)
        .max_reconnect_attempts(0)
        .one_shot_timeout(config.request_timeout)
        .connect_with_notice_stream();
    let (client, notices) = timeout(limit, connecting).await.map_err(|_| silent())?.map_err(|e| refused(config, e))?;
    let first_order_id = client.next_order_id();
    if client.handshake_managed_accounts().is_empty() || first_order_id < 1 {
        return Err(Failed::for_now(lost(&config.address, format_args!("no account list or order id yet"))));
    }
    let updates = client.order_update_stream().await.map_err(|e| refused(config, e))?;
    // An open port and a handshake are not readiness; a request that is answered is.
    let gateway_time = requests::server_time(&client, limit).await.map_err(Failed::for_now)?;
    Ok(Session { client, first_order_id, gateway_time, updates: Some(updates), notices })
}

/// Asks for the server version and hangs up.
async fn probe(address: &str) -> Result<i32, Failed> {
    let broken = |error: std::io::Error| {
        Failed::for_now(lost(address, format_args!("{error}; is the gateway up and this host among its trusted ones?")))
    };
    let foreign = || {
        Failed::for_good(BrokerError::Refused(format!(
            "{address} does not answer like an IB Gateway: check host and port"
        )))
    };
    let mut stream = TcpStream::connect(address).await.map_err(broken)?;
    let mut hello = b"API\0".to_vec();
    hello.extend_from_slice(&(PROBE_OFFER.len() as u32).to_be_bytes());
    hello.extend_from_slice(PROBE_OFFER);
    stream.write_all(&hello).await.map_err(broken)?;
    let length = stream.read_u32().await.map_err(broken)?;
    if length == 0 || length > PROBE_ANSWER_MAX {
        return Err(foreign());
    }
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    let version = answer.split(|&byte| byte == 0).next().and_then(|field| std::str::from_utf8(field).ok());
    version.and_then(|text| text.parse().ok()).ok_or_else(foreign)
}

fn refused(config: &IbkrConfig, error: Error) -> Failed {
    match error {
        // After a crash the gateway can hold the old session until it notices that its socket is dead.
        Error::ClientIdInUse { client_id } => Failed::for_now(BrokerError::Refused(format!(
            "client id {client_id} is in use at {}: another engine is connected, or its session has not ended yet",
            config.address
        ))),
        Error::ServerVersion(..) => Failed::for_good(trouble("connect", error)),
        other => Failed::for_now(lost(&config.address, format_args!("{other}"))),
    }
}

fn lost(address: &str, reason: std::fmt::Arguments<'_>) -> BrokerError {
    BrokerError::Lost(format!("gateway at {address}: {reason}"))
}
