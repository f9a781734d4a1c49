//! The world over HTTP: the broker's activity statements, public price charts, and messages to people.
//!
//! In: addresses, tokens from files, dates, texts. Out: statement lines, bars, last prices, deliveries. Invariant: every answer is
//! capped in size and time, an answer that is not complete is an error, and no secret appears in an error or a log.

#![allow(clippy::disallowed_methods, reason = "an adapter: the network is its business")]

pub mod flex;
mod http;
mod secret;
pub mod telegram;
pub mod webhook;
pub mod yahoo;

pub use flex::{FlexConfig, FlexStatements};
pub use http::install_tls_provider;
pub use secret::{Secret, SecretError};
pub use telegram::Telegram;
pub use webhook::Webhook;
pub use yahoo::{Chart, ChartBar, ChartError, Charts, ChartsConfig, LastPrice, QuotedIn};
