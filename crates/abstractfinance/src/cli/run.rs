//! What a person types to run trade dates.
//!
//! In: arguments. Out: typed options.
//! Invariant: a date is named only when one is run alone.

use super::{AdoptArgs, ListenArgs};
use crate::faults::Stop;
use clap::Args;
use jiff::civil::Date;
use std::net::SocketAddr;

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run one trade date and end; without it, run day after day until Ctrl-C, with metrics and messages as `monitoring` in
    /// the settings says.
    #[arg(long)]
    pub once: bool,
    /// Wait until no other engine holds the account, then take over and finish its day. Needs a journal on PostgreSQL.
    #[arg(long)]
    pub standby: bool,
    /// The trade date to run; without it, the one that was begun, or else the one that is due now.
    #[arg(long, requires = "once")]
    pub date: Option<Date>,
    /// End after so many trade dates.
    #[arg(long, value_name = "N", conflicts_with = "once")]
    pub days: Option<u32>,
    /// Open the dashboard, too.
    #[arg(long, conflicts_with = "once")]
    pub serve: bool,
    #[command(flatten)]
    pub listen: ListenArgs,
    #[command(flatten)]
    pub adopt: AdoptArgs,
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// For the crash campaign: stop for good where a point is reached, and say so on standard error.
    #[arg(long, value_name = "POINT[@N]|trace", hide = true)]
    pub stop_at: Option<Stop>,
}

/// Where the broker is.
#[derive(Debug, Args)]
pub struct BrokerArgs {
    /// Where the gateway listens; without it 127.0.0.1:4000 in mode simulated, and what `broker` in the settings says in
    /// mode paper and live.
    #[arg(long, value_name = "ADDR")]
    pub gateway: Option<SocketAddr>,
    /// Where the control of a simulated gateway listens; time is kept in step with it. Without it 127.0.0.1:4001 in mode
    /// simulated; in mode paper and live time is the wall's.
    #[arg(long, value_name = "ADDR")]
    pub control: Option<SocketAddr>,
}
