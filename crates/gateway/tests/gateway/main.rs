//! The simulated gateway over real TCP: raw sockets for what a client library would not send, the real
//! `ibapi` client for everything else.

#![allow(clippy::disallowed_methods, reason = "tests of an adapter: they own sockets and files")]

mod golden;
mod handshake;
mod hostile;
mod injection;
mod orders;
mod questions;
mod record;
mod samples;
mod statements;
mod support;
mod text;
