//! A simulated IB Gateway: the TWS API, protobuf and text codec, in front of a simulated world.
//!
//! In: TCP clients that speak the protocol, and a control that moves virtual time. Out: what a broker
//! answers. Invariant: the world changes only by recorded commands, answers of a connection keep its order,
//! and no client can harm the server or another client.

#![allow(clippy::disallowed_methods, reason = "an adapter: sockets and the file of its record are its business")]

mod accounts;
mod bars;
mod checksum;
mod clock;
mod contracts;
mod control;
mod desk;
mod dispatch;
mod executions;
mod faults;
mod flex;
mod greeks;
mod injection;
mod market_data;
mod minutes;
mod moment;
mod options;
mod orders;
mod pacing;
mod profit;
mod random_faults;
mod record;
mod server;
mod session;
mod spreads;
mod statements;
pub mod wire;
mod wire_fault;
mod wire_faults;

pub use clock::{BadSpeed, Speed};
pub use control::{Control, ControlError, LocalControl, RemoteControl};
pub use injection::{BadFault, Fault, Injection, read_faults};
pub use random_faults::faults_by_seed;
pub use record::{Entry, RecordError, RecordedAccount, RecordedExecution, RunIdentity, read_record};
pub use server::{Gateway, GatewayConfig, GatewayError};
pub use statements::StatementAccess;
pub use wire_fault::{Race, Telling, WireFault};
