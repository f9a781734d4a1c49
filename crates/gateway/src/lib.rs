//! A simulated IB Gateway: the TWS API, protobuf codec, in front of a simulated world.
//!
//! In: TCP clients that speak the protocol, and a control that moves virtual time. Out: what a broker
//! answers. Invariant: the world changes only by recorded commands, answers of a connection keep its order,
//! and no client can harm the server or another client.

#![allow(clippy::disallowed_methods, reason = "an adapter: sockets and the file of its record are its business")]

mod accounts;
mod checksum;
mod contracts;
mod control;
mod desk;
mod executions;
mod faults;
mod flex;
mod injection;
mod margin;
mod market_data;
mod moment;
mod orders;
mod record;
mod server;
mod session;
mod statements;
mod wire;

pub use control::{Control, ControlError, LocalControl, RemoteControl};
pub use injection::{BadFault, Fault, Injection, read_faults};
pub use record::{Entry, RecordError, RecordedExecution, RunIdentity, read_record};
pub use server::{Gateway, GatewayConfig, GatewayError};
pub use statements::StatementAccess;
