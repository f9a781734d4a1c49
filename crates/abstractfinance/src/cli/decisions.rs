//! What a person types to see, approve and question decisions.
//!
//! In: arguments. Out: typed options. Invariant: everything here reads what was recorded; nothing decides anew but a replay,
//! and that changes nothing.

use super::operator::{AdoptArgs, named};
use super::run::BrokerArgs;
use crate::failure::Failure;
use clap::Args;
use jiff::civil::Date;
use std::path::PathBuf;

const PLAN_HELP: &str = "\
Examples:
  abstractfinance gateway &                                       a simulated gateway to plan against
  abstractfinance plan --date 2026-03-02 --state-dir state        decide the day, store the plan, show it
  abstractfinance approve 3f0c2a91 --by ada --state-dir state     let it be executed, by the first digits of its hash
  abstractfinance run --once --date 2026-03-02 --state-dir state  execute exactly that plan

`plan` sends no order. It asks the broker what each order would do to the margin, which places nothing. A date that is
planned already is shown from the journal, without a gateway; --again makes a new plan in its place while nothing of the
old one was sent. Whether a plan waits for `approve` is in `approval:` of the settings.";

/// Options of `plan`.
#[derive(Debug, Args)]
#[command(after_help = PLAN_HELP)]
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

const APPROVE_HELP: &str = "\
Examples:
  abstractfinance approve 3f0c2a915b7e --by ada --state-dir state
  abstractfinance approve 3f0c2a915b7e --by ada --reject 'wait for the central bank' --state-dir state

The hash is on the plan's page; its first eight digits are enough. It names the content: a plan that would do anything else
has another one. Refused with a code: NO_PLAN, PLAN_OTHER (that is not the plan in force), PLAN_UNDER_WAY, PLAN_FINISHED.
The engine refuses to execute an approved plan with PLAN_SETTINGS, PLAN_POSITIONS, PLAN_EXPIRED or PLAN_REJECTED, and holds
back new risk whose price left the plan's collar with PLAN_PRICE.";

/// Options of `approve`.
#[derive(Debug, Args)]
#[command(after_help = APPROVE_HELP)]
pub struct ApproveArgs {
    /// The plan's content hash, or its first eight digits or more.
    pub plan: String,
    /// Send nothing of it instead, and say why; its orders carry over to the next date.
    #[arg(long, value_name = "REASON")]
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

const REPLAY_HELP: &str = "\
Examples:
  abstractfinance replay --date 2026-03-04 --state-dir state    decide one day again
  abstractfinance replay --all --state-dir state                every day; a line for each that differs
  abstractfinance replay --all --under other-config             what another configuration would have changed first

A day is decided again from its recorded inputs, under its recorded configuration, and compared with the recorded plan to
the last bit. To replay a day on another machine: `journal export --date DATE --out FILE` here, `journal import --from
FILE --state-dir NEW` there. A day that differs ends the command with exit code 5.";

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_HELP)]
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

const EXPLAIN_HELP: &str = "\
Examples:
  abstractfinance explain CSPX --state-dir state                       the last day's chain of CSPX
  abstractfinance explain CSPX --date 2026-03-02 --state-dir state
  abstractfinance explain --date 2026-03-02 --state-dir state          every order of a day
  abstractfinance explain AF-f4f616-20260302-1-1 --state-dir state     one order, as `orders` and the broker name it

Every number is either recorded, with where it comes from, or made of numbers above it by the formula beside it. In a
formula: trunc cuts toward zero, nearest rounds ties away from zero, toward_zero(held, wanted) is the part of the way that
lowers a position, tick_down and tick_up put a price on the grid.";

/// Options of `explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub struct ExplainArgs {
    /// An order's reference, an instrument or a contract; every order of the day without one.
    pub subject: Option<String>,
    /// The trade date; the last planned one without it. A reference has its own.
    #[arg(long)]
    pub date: Option<Date>,
}

const WHY_NOT_HELP: &str = "\
Examples:
  abstractfinance why-not CSPX --state-dir state                    the last day
  abstractfinance why-not M6E --date 2026-03-02 --state-dir state

The first reason is the one in the way. Codes are those of `gate explain`, and: NO_SLEEVE (nothing wants it), AT_TARGET
(what is wanted is held), INSIDE_DRIFT (too near its target to trade), HEDGED (inside the hedge's band), NOT_DUE (a tail
hedge that is kept), NO_CONTRACT (nothing of it to trade), SENT (it went out), CARRIED_OVER (not all of it was executed).";

/// Options of `why-not`.
#[derive(Debug, Args)]
#[command(after_help = WHY_NOT_HELP)]
pub struct WhyNotArgs {
    /// An instrument or a contract.
    pub instrument: String,
    /// The trade date; the last planned one without it.
    #[arg(long)]
    pub date: Option<Date>,
}

const DIFF_HELP: &str = "\
Example:
  abstractfinance diff 2026-03-02 2026-03-03 --state-dir state

Shows what differs between two plans: the account, the risk decision, each contract from weight to what is wanted, the
orders, and every setting that was changed in between.";

/// Options of `diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF_HELP)]
pub struct DiffArgs {
    /// The earlier trade date.
    pub first: Date,
    /// The later one.
    pub second: Date,
}
