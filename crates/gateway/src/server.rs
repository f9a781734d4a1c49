//! The listening side: one simulated account behind a TCP port.
//!
//! In: a loopback address and a simulation. Out: a running [`Gateway`]. Invariant: every connection and
//! every control shares one desk behind one lock, which is never held while waiting for the network.

use crate::control::{self, LocalControl};
use crate::desk::Desk;
use crate::record::{self, RecordError, Recorder, RunIdentity};
use crate::session;
use sim::Simulation;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

/// Connections served at once, as many as IB serves.
const CONNECTIONS_MAX: usize = 32;
