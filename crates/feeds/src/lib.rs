//! Feeds over HTTP: the broker's activity statements and public price charts.
//!
//! In: addresses, tokens from files, dates. Out: statement lines and bars with their source. Invariant: every answer is
//! capped in size and time, an answer that is not complete is an error, and no secret appears in an error or a log.

#![allow(clippy::disallowed_methods, reason = "an adapter: the network is its business")]
