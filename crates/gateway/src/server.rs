//! The listening side: one simulated account behind a TCP port.
//!
//! In: a loopback address and the configuration of a world. Out: a running [`Gateway`]. Invariant: every
//! connection and every control shares one desk behind one lock, which is never held while waiting for the
//! network.

use crate::clock::{self, Speed};
use crate::control::{self, LocalControl};
use crate::desk::{Desk, OpenError};
use crate::faults::Script;
use crate::injection::Fault;
use crate::record::RecordError;
use crate::session::{self, Clients, lock};
use crate::statements::{self, StatementAccess};
use sim::{ExecutionView, OrderView, SimConfig, SimError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

/// Connections served at once, as many as IB serves.
const CONNECTIONS_MAX: usize = 32;
/// Pause after the system refused to accept a connection, so that the refusal does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often a gateway looks whether its world is still sound.
const LOOK: Duration = Duration::from_millis(100);

/// What a gateway does beyond serving its world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Keep a record there and begin where it ends, so that the world survives the process.
    pub record: Option<PathBuf>,
    /// What goes wrong by itself, in order of time.
    pub faults: Vec<Fault>,
    /// Refuse clients that are faster than IB allows, by the clock on the wall: 50 messages a second (100, and the
    /// connection is cut), the same bars within 15 seconds or a sixth question about a contract within two (162).
    pub pacing: bool,
}

/// Why a gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address is not on this machine's loopback.
    #[error("{0} is not a loopback address; the simulated gateway has no login, listen on 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}; stop what listens there or choose another port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The configuration makes no world.
    #[error(transparent)]
    World(#[from] SimError),
    /// The record cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The script of faults does not fit the world.
    #[error("the script of faults names the contract {0}, which this world does not have")]
    UnknownContract(String),
}

impl From<OpenError> for GatewayError {
    fn from(error: OpenError) -> GatewayError {
        match error {
            OpenError::World(error) => GatewayError::World(error),
            OpenError::Record(error) => GatewayError::Record(error),
            OpenError::UnknownContract(name) => GatewayError::UnknownContract(name),
        }
    }
}

/// A simulated IB Gateway. It serves until it is closed or dropped; then every connection ends.
#[derive(Debug)]
pub struct Gateway {
    desk: Arc<Mutex<Desk>>,
    address: SocketAddr,
    statements: Option<SocketAddr>,
    listeners: Vec<JoinHandle<()>>,
    /// Listeners stop when this is dropped.
    running: watch::Sender<()>,
}

impl Gateway {
    /// Builds the world, replays its record if there is one, and starts to serve. Port 0 takes any free port.
    /// Must be called on a tokio runtime; a multi-threaded one serves while the caller computes.
    ///
    /// # Errors
    /// [`GatewayError`]; nothing is left listening.
    pub async fn bind(address: SocketAddr, config: GatewayConfig, world: SimConfig) -> Result<Gateway, GatewayError> {
        let (listener, address) = listen(address).await?;
        let script = Script::new(config.faults);
        let mut desk = Desk::open(world, config.record.as_deref(), script)?;
        desk.paced = config.pacing;
        let desk = Arc::new(Mutex::new(desk));
        let clients = Clients::of(Arc::clone(&desk));
        let serve = move |stream| session::serve(stream, clients.clone());
        let (running, until) = watch::channel(());
        let task = tokio::spawn(accept(listener, until, serve));
        info!(%address, "simulated gateway listening");
        Ok(Gateway { desk, address, statements: None, listeners: vec![task], running })
    }

    /// Where clients connect.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The control for a driver in this process.
    pub fn control(&self) -> LocalControl {
        LocalControl::new(Arc::clone(&self.desk))
    }

    /// Serves the control to drivers in other processes; returns where. Port 0 takes any free port.
    ///
    /// # Errors
    /// [`GatewayError`] when the address cannot be listened on.
    pub async fn serve_control(&mut self, address: SocketAddr) -> Result<SocketAddr, GatewayError> {
        let (listener, address) = listen(address).await?;
        let control = self.control();
        let serve = move |stream| control::serve(stream, control.clone());
        self.listeners.push(tokio::spawn(accept(listener, self.running.subscribe(), serve)));
        info!(%address, "control listening");
        Ok(address)
    }

    /// Serves activity statements over HTTP, as IB's Flex Web Service does; returns where. Port 0 takes any free port.
    ///
    /// # Errors
    /// [`GatewayError`] when the address cannot be listened on.
    pub async fn serve_statements(
        &mut self,
        address: SocketAddr,
        access: StatementAccess,
    ) -> Result<SocketAddr, GatewayError> {
        let (listener, address) = listen(address).await?;
        let router = statements::router(Arc::clone(&self.desk), access, address);
        self.listeners.push(tokio::spawn(statements::serve(listener, router, self.running.subscribe())));
        self.statements = Some(address);
        info!(%address, "statements listening");
        Ok(address)
    }

    /// Lets time run by itself, `speed` times as fast as the clock on the wall, until the gateway is closed. A control
    /// may still move it ahead.
    pub fn run_clock(&mut self, speed: Speed) {
        self.listeners.push(tokio::spawn(clock::run(Arc::clone(&self.desk), speed, self.running.subscribe())));
        info!(%speed, "time runs by itself");
    }

    /// Where statements are served, when they are.
    pub fn statements(&self) -> Option<SocketAddr> {
        self.statements
    }

    /// Every order the account ever received: those that ended, then those still open.
    pub fn orders(&self) -> Vec<OrderView> {
        let desk = lock(&self.desk);
        desk.sim.completed_orders().iter().chain(desk.sim.open_orders()).cloned().collect()
    }

    /// Every execution of the account, oldest first.
    pub fn executions(&self) -> Vec<ExecutionView> {
        lock(&self.desk).sim.executions(jiff::Timestamp::MIN).to_vec()
    }

    /// Returns when somebody panicked at the desk: the world is no longer to be trusted, and nobody is served any more.
    pub async fn broken(&self) {
        while !self.desk.is_poisoned() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends every connection and returns when port and record are free for another gateway.
    pub async fn close(self) {
        drop(self.running);
        for listener in self.listeners {
            let _ = listener.await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), GatewayError> {
    if !address.ip().is_loopback() {
        return Err(GatewayError::NotLoopback(address));
    }
    let failed = |error| GatewayError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves connections while the gateway runs; one too many is closed at once.
async fn accept<F>(listener: TcpListener, mut until: watch::Receiver<()>, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = until.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok(_) if connections.len() >= CONNECTIONS_MAX => warn!("a connection beyond {CONNECTIONS_MAX} was closed"),
            Ok((stream, _)) => drop(connections.spawn(serve(stream))),
            Err(error) => {
                warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Currency, Money, Universe};
    use market::calendar::Calendars;
    use rust_decimal::dec;
    use sim::{AccountEvents, PriceList, Prices, Scenario};
    use tokio::io::AsyncReadExt;

    /// An account and nothing to trade.
    fn world() -> SimConfig {
        let first_day = jiff::civil::date(2025, 7, 7);
        SimConfig {
            universe: Arc::new(Universe::new(Vec::new(), Vec::new())),
            calendars: Arc::new(Calendars::parse([], "").expect("no calendar")),
            prices: Prices::Simulated { scenario: Scenario::Calm, seed: 7, first_day },
            seed: 7,
            start: first_day.to_zoned(jiff::tz::TimeZone::UTC).expect("a midnight").timestamp(),
            base: Currency::Usd,
            account: "DU1234567".to_owned(),
            deposit: Money::new(dec!(1_000_000), Currency::Usd),
            events: AccountEvents::none(),
            price_list: PriceList::Fixed,
        }
    }

    #[tokio::test]
    async fn a_gateway_whose_world_broke_says_so_and_serves_nobody() {
        const PATIENCE: Duration = Duration::from_secs(10);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let gateway = Gateway::bind(address, GatewayConfig::default(), world()).await.expect("a gateway");
        assert!(tokio::time::timeout(3 * LOOK, gateway.broken()).await.is_err(), "it is sound");
        let desk = Arc::clone(&gateway.desk);
        let bug = std::thread::spawn(move || {
            let _held = lock(&desk);
            panic!("a bug at the desk");
        });
        assert!(bug.join().is_err());
        tokio::time::timeout(PATIENCE, gateway.broken()).await.expect("it says so");
        let mut stream = TcpStream::connect(gateway.local_addr()).await.expect("the port is open until it is closed");
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"API\0\0\0\0\x09v157..178").await.expect("written");
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end");
        assert!(ended.is_err() || !answer.windows(3).any(|part| part == b"DU1"), "{answer:?}");
        tokio::time::timeout(PATIENCE, gateway.close()).await.expect("it can be closed");
    }
}
