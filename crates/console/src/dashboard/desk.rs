//! What the dashboard asks of the house.
//!
//! In: questions. Out: finished days, the day in progress, what comes due; and what a person said is passed on.
//! Invariant: the dashboard knows neither journal nor broker; whoever implements this reads the journal beside the
//! engine, never through it, so that a page costs the trading path nothing.

use crate::DayReport;
use crate::account::Status;
use crate::obligations::Obligation;
use crate::plan::PlanPage;
use crate::report::Step;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;

/// A question that could not be answered, as a sentence for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered(pub String);

/// An order of the day in progress.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LiveOrder {
    /// Reference of the order that works or worked last.
    pub order_ref: String,
    /// Contract name.
    pub instrument: String,
    /// `BUY` or `SELL`.
    pub side: String,
    /// Quantity of the plan.
    pub planned: String,
    /// Executed so far.
    pub filled: String,
    /// Last limit sent.
    pub limit: String,
    /// How the broker says it stands; empty before it was sent.
    pub status: String,
}

/// One line of what happened today.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happening {
    /// When, `hh:mm:ss` UTC.
    pub at: String,
    /// Kind of the record.
    pub kind: String,
    /// What happened.
    pub what: String,
}

/// The day that was begun and is not finished.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LiveDay {
    /// Trade date.
    pub date: String,
    /// The fourteen steps as far as they are known.
    pub steps: Vec<Step>,
    /// The plan's orders, and those that followed from them.
    pub orders: Vec<LiveOrder>,
    /// What happened last, newest first.
    pub tape: Vec<Happening>,
}

/// Everything the pages are made of.
#[derive(Clone, Debug)]
pub struct View {
    /// Finished days, oldest first.
    pub days: Arc<Vec<DayReport>>,
    /// How the engine stands.
    pub status: Status,
    /// The day in progress.
    pub live: Option<LiveDay>,
    /// The newest plan, or why it cannot be shown; none before the first.
    pub plan: Result<Option<Arc<PlanPage>>, String>,
    /// What comes due in the next days, or why that is not known.
    pub obligations: Result<Arc<Vec<Obligation>>, String>,
}

/// What a person tells the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing but cancels.
    Halt,
    /// Nothing that adds risk.
    ReduceOnly,
    /// Cancel everything at the gateway, then nothing at all.
    Kill,
    /// Close every position inside the limits.
    Flatten,
    /// Go on.
    Resume,
    /// Execute a plan.
    Approve,
    /// Send nothing of a plan.
    Reject,
}

impl Wish {
    /// All of them with their names on the wire.
    pub const ALL: [(&'static str, Wish); 7] = [
        ("halt", Wish::Halt),
        ("reduce-only", Wish::ReduceOnly),
        ("kill", Wish::Kill),
        ("flatten", Wish::Flatten),
        ("resume", Wish::Resume),
        ("approve", Wish::Approve),
        ("reject", Wish::Reject),
    ];

    /// The wish of a name.
    pub fn named(name: &str) -> Option<Wish> {
        Wish::ALL.into_iter().find(|(own, _)| *own == name).map(|(_, wish)| wish)
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        Wish::ALL.into_iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    /// The page that shows what came of it.
    pub fn page(self) -> &'static str {
        match self {
            Wish::Approve | Wish::Reject => "/plan",
            Wish::Halt | Wish::ReduceOnly | Wish::Kill | Wish::Flatten | Wish::Resume => "/modes",
        }
    }

    /// What has to be typed before it counts: everything that does more than stop.
    pub fn confirmation(self) -> &'static str {
        match self {
            Wish::Halt | Wish::ReduceOnly | Wish::Reject => "",
            Wish::Kill => "KILL",
            Wish::Flatten => "FLATTEN",
            Wish::Resume => "RESUME",
            Wish::Approve => "APPROVE",
        }
    }
}

/// Who answers.
pub trait Desk: Clone + Send + Sync + 'static {
    /// Number of the newest record, which grows with everything that happens.
    fn head(&self) -> impl Future<Output = Result<i64, Unanswered>> + Send;
    /// Everything the pages are made of.
    fn view(&self) -> impl Future<Output = Result<View, Unanswered>> + Send;
    /// Tells the engine; answers with a sentence. `about` is the hash of a plan where the wish is about one.
    fn say(
        &self,
        wish: Wish,
        about: String,
        by: String,
        reason: String,
    ) -> impl Future<Output = Result<String, Unanswered>> + Send;
}
