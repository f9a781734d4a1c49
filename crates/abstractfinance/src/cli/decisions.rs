//! What a person types to see, approve and question decisions.
//!
//! In: arguments. Out: typed options. Invariant: everything here reads what was recorded; nothing decides anew but a replay,
//! and that changes nothing.

use super::operator::{AdoptArgs, named, reasoned};
use super::run::BrokerArgs;
use crate::failure::Failure;
use clap::Args;
use jiff::civil::Date;
use std::path::PathBuf;

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The trade date.
    #[arg(long)]
    pub date: Date,
    /// Make a new plan although the date has one of which nothing was sent.
    #[arg(long)]
    pub again: bool,
    #[command(flatten)]
    pub adopt: AdoptArgs,
    #[command(flatten)]
    pub broker: BrokerArgs,
}

/// Options of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The plan's content hash, or its first eight digits or more.
    pub plan: String,
    /// Send nothing of it instead, and say why; its orders carry over to the next date.
    #[arg(long, value_name = "REASON", value_parser = reasoned)]
    pub reject: Option<String>,
    /// Your name, for the journal; without it, the user name of this session.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub by: Option<String>,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT", conflicts_with = "reject")]
    pub reason: Option<String>,
}

impl ApproveArgs {
    /// The name the journal keeps.
    pub fn by(&self) -> Result<String, Failure> {
        named(&self.by)
    }
}

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct ReplayDaysArgs {
    /// The trade date.
    #[arg(long, required_unless_present = "all", conflicts_with = "all")]
    pub date: Option<Date>,
    /// Every recorded trade date.
    #[arg(long)]
    pub all: bool,
    /// Decide under the configuration of this folder instead of the recorded one.
    #[arg(long, value_name = "DIR")]
    pub under: Option<PathBuf>,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// An order's reference, an instrument or a contract; every order of the day without one.
    pub subject: Option<String>,
    /// The trade date; the last planned one without it. A reference has its own.
    #[arg(long)]
    pub date: Option<Date>,
}

/// Options of `why-not`.
#[derive(Debug, Args)]
pub struct WhyNotArgs {
    /// An instrument or a contract.
    pub instrument: String,
    /// The trade date; the last planned one without it.
    #[arg(long)]
    pub date: Option<Date>,
}

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The earlier trade date.
    pub first: Date,
    /// The later one.
    pub second: Date,
}
