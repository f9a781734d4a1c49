//! What a person types at the controls: looking at the account, stopping, going on, taking over.
//!
//! In: arguments. Out: typed options. Invariant: an instruction has a name, and one that loosens, closes or takes over has a
//! reason.

use crate::day::Adopter;
use crate::failure::Failure;
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use risk::Mode;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Options of `nav`.
#[derive(Debug, Args)]
pub struct NavArgs {
    #[command(flatten)]
    pub span: SpanArgs,
    /// Print comma-separated values with a header.
    #[arg(long)]
    pub csv: bool,
}

/// A span of trade dates.
#[derive(Debug, Args)]
pub struct SpanArgs {
    /// First trade date; without it, the first there is.
    #[arg(long)]
    pub from: Option<Date>,
    /// Last trade date; without it, the last there is.
    #[arg(long)]
    pub to: Option<Date>,
}

impl SpanArgs {
    /// Whether a trade date, as reports write it, lies in the span.
    pub fn holds(&self, date: &str) -> bool {
        let inside = |date: Date| self.from.is_none_or(|from| date >= from) && self.to.is_none_or(|to| date <= to);
        date.parse().is_ok_and(inside)
    }

    /// Whether no end of it was named.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// Options of `report` and `orders`.
#[derive(Debug, Args)]
pub struct DateArgs {
    /// The trade date; the newest without it.
    #[arg(long)]
    pub date: Option<Date>,
}

/// Options of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Show each cause's arithmetic.
    #[arg(long)]
    pub explain: bool,
    /// Show the comparison at the end of this date; the last one without it.
    #[arg(long)]
    pub date: Option<Date>,
    #[command(subcommand)]
    pub command: Option<ReconcileCommand>,
}

/// `reconcile …`.
#[derive(Debug, Subcommand)]
pub enum ReconcileCommand {
    /// Take a finding into the books with the next comparison: a position, cash, or an execution we did not make.
    Adopt {
        /// Its id, as `reconcile` shows it, such as `execution:0000e0d5.1.01.01`, `quantity:CSPX` or `cash:USD`.
        finding: String,
        /// The sleeve that owns it from then on; `external` is counted and never traded.
        #[arg(long, default_value = "external")]
        sleeve: String,
        /// What cash of unknown cause is, which only its owner knows.
        #[arg(long = "as", value_name = "WHAT")]
        counts_as: Option<CashIs>,
        #[command(flatten)]
        say: ReasonArgs,
    },
}

/// What a difference of cash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CashIs {
    /// Put in or taken out by the owner: no return.
    Flow,
    /// Profit or loss.
    Result,
}

/// Who tightens, and why.
#[derive(Debug, Args)]
pub struct SayArgs {
    /// Your name, for the journal; without it, the user name of this session.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub by: Option<String>,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Who says something that loosens or closes, and why.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    /// Your name, for the journal; without it, the user name of this session.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub by: Option<String>,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT", value_parser = reasoned)]
    pub reason: String,
}

impl SayArgs {
    /// The name the journal keeps.
    pub fn by(&self) -> Result<String, Failure> {
        named(&self.by)
    }
}

impl ReasonArgs {
    /// The name the journal keeps.
    pub fn by(&self) -> Result<String, Failure> {
        named(&self.by)
    }
}

pub(super) fn named(by: &Option<String>) -> Result<String, Failure> {
    by.clone().filter(|name| !name.trim().is_empty()).ok_or_else(|| {
        Failure::Usage("say who you are with --by NAME: the journal keeps a name with every instruction".into())
    })
}

/// A reason that says something: the journal keeps it for those who ask later.
pub(super) fn reasoned(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a reason says why; the journal keeps it for those who ask later".into()),
        reason => Ok(reason.to_owned()),
    }
}

/// Options of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub say: ReasonArgs,
    /// The mode to go on in: normal, reduce-only or cancel-only.
    #[arg(long, value_name = "MODE", default_value = "normal")]
    pub to: ResumeMode,
    /// Measure drawdown from today on: the loss so far is accepted.
    #[arg(long)]
    pub new_high_water_mark: bool,
}

/// A mode as it is typed.
#[derive(Clone, Copy, Debug)]
pub struct ResumeMode(pub Mode);

impl FromStr for ResumeMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mode = match text {
            "normal" => Mode::Normal,
            "reduce-only" => Mode::ReduceOnly,
            "cancel-only" => Mode::CancelOnly,
            other => return Err(format!("`{other}` is no mode to resume in: normal, reduce-only or cancel-only")),
        };
        Ok(ResumeMode(mode))
    }
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where the gateway listens; without it, the address of the settings, or the built-in gateway in mode simulated.
    #[arg(long, value_name = "ADDR")]
    pub gateway: Option<SocketAddr>,
}

/// Options of `close-out`.
#[derive(Debug, Args)]
pub struct CloseOutArgs {
    /// The contract, as `positions` shows it, such as `M6E_20260316`. It is closed out in its window, at the collar and
    /// checks of every order, and nothing else is.
    #[arg(long, value_name = "CONTRACT")]
    pub confirm: String,
    #[command(flatten)]
    pub say: ReasonArgs,
}

/// Options of `kill`.
#[derive(Debug, Args)]
pub struct KillArgs {
    #[command(flatten)]
    pub say: SayArgs,
    /// Where the gateway listens; without it, the address of the settings.
    #[arg(long, value_name = "ADDR")]
    pub gateway: Option<SocketAddr>,
}

/// Who takes over what an account holds when its books are opened, and who means looser settings.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// Take over positions the account holds before its books are opened: they become `external`, count in NAV and
    /// exposure and are never traded. Give the reason; the journal keeps it with your name.
    #[arg(long, value_name = "REASON", value_parser = reasoned)]
    pub adopt_positions: Option<String>,
    /// Settings that let the engine do more than on its last day are meant. Give the reason; the journal keeps it with your
    /// name and every key that changed.
    #[arg(long, value_name = "REASON", value_parser = reasoned)]
    pub accept_loosened: Option<String>,
    /// Your name, for the journal; without it, the user name of this session.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub by: Option<String>,
}

impl AdoptArgs {
    /// The person and the reason, when positions are to be taken over.
    pub fn adopter(&self) -> Result<Option<Adopter>, Failure> {
        self.signed(&self.adopt_positions)
    }

    /// The person and the reason, when looser settings are meant.
    pub fn loosening(&self) -> Result<Option<Adopter>, Failure> {
        self.signed(&self.accept_loosened)
    }

    fn signed(&self, reason: &Option<String>) -> Result<Option<Adopter>, Failure> {
        let Some(reason) = reason.clone() else { return Ok(None) };
        Ok(Some(Adopter { by: named(&self.by)?, reason }))
    }
}

/// Where a dashboard listens, and who may look.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Address of the dashboard; one that other hosts can reach takes a password.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// File with the password's Argon2 hash, as `dashboard --new-password` writes it.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// A further name browsers may call it by, such as that of a reverse proxy; again for each.
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
}

/// Options of `dashboard`.
#[derive(Debug, Args)]
pub struct DashboardArgs {
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Where `kill` finds the gateway, when it is not where the settings say.
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Option<SocketAddr>,
    /// Ask for a password, or read it from standard input where that is no terminal; write its hash to this file, readable
    /// by its owner alone, and end.
    #[arg(long, value_name = "FILE")]
    pub new_password: Option<PathBuf>,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The next step: paper, once the simulator was run, or live, once paper was.
    #[arg(long, value_name = "MODE", requires = "account")]
    pub to: Option<NextMode>,
    /// The account: DU and digits for paper, U and digits for live.
    #[arg(long, value_name = "ID", requires = "to")]
    pub account: Option<String>,
    /// The account once more, for live: it is real money.
    #[arg(long, value_name = "ID", requires = "to")]
    pub confirm: Option<String>,
}

/// A step that `init` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum NextMode {
    /// An account without money.
    Paper,
    /// Real money.
    Live,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Show it again whenever something happens, with the orders of the day, until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
}

/// Options of `metrics`.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Serve them until Ctrl-C instead of printing them once: beside an engine that does not, or without one.
    #[arg(long)]
    pub serve: bool,
    /// Where they are served; without it, `monitoring.metrics` of the settings.
    #[arg(long, value_name = "ADDR", requires = "serve")]
    pub listen: Option<SocketAddr>,
}

/// Options of `notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// Send a test message to every chat and the webhook now, say what became of it, and end.
    #[arg(long)]
    pub test: bool,
}
