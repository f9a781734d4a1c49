//! One trading day on one page.
//!
//! In: a trade date, the run's constants, the world. Out: a report. Invariant: the plan is durable
//! before anything is sent; a day that was cut off is finished, one that is over is left alone.

mod adopt;
mod alerts;
mod approval;
mod assemble;
mod believe;
mod costs;
mod drive;
mod end;
mod hedges;
mod listings;
mod margin;
mod news;
mod observe;
mod operator;
pub(crate) mod order_ids;
pub(crate) mod pins;
mod record;
mod report;
mod risk_report;
mod scope;
mod screens;
mod settings;
mod statement;
mod steps;
mod venues;

pub(crate) use adopt::in_kind;
pub use costs::Measured;

use crate::activity::ActivitySource;
use crate::book::{BOOK_IMPORTED, Book, DAY_CLOSED};
use crate::failure::Failure;
use crate::rates::SecondRates;
use crate::settings::Settings;
use crate::words;
use approval::Consent;
use console::DayReport;
use cycle::{DayPlan, Entry, RecordedInputs, Session, Setup, decide_in, store};
use domain::{AccountTag, Books, ContractId};
use jiff::Timestamp;
use jiff::civil::Date;
use market::calendar::Calendars;
use observe::Observed;
use ports::{Broker, Clock, Identity, Journal, Record, StoredRecord};
use risk::Regime;
use scope::Scope;
pub use screens::ScreenData;
use std::sync::Arc;
pub use steps::STEPS;
use tracing::Instrument;

/// The world behind its three doors.
pub struct World<B, J, C> {
    /// The account's broker.
    pub broker: B,
    /// The account's journal.
    pub journal: J,
    /// The broker's activity statements, when there are any.
    pub statements: Option<ActivitySource>,
    /// Exchange rates from outside the broker, when the settings name a source.
    pub rates: Option<SecondRates>,
    /// Time.
    pub clock: C,
    /// The books as this process left or found them last; nobody else writes them while it holds the account.
    pub closed: Option<Arc<Book>>,
}

/// What stays the same over a run.
#[derive(Debug)]
pub struct Run {
    /// Universe and policy.
    pub setup: Setup,
    /// Sessions of the venues.
    pub calendars: Arc<Calendars>,
    /// The owner's settings, for schedule and windows.
    pub settings: Settings,
    /// Candidates and figures of the screens.
    pub screens: ScreenData,
    /// Tag of the account in order references.
    pub account: AccountTag,
    /// Fencing number of the lease.
    pub fence: i64,
    /// Content hash of the configuration in force.
    pub configuration: String,
    /// The person who takes over what an account holds when its books are opened, and why.
    pub adopter: Option<Adopter>,
    /// The person who lets the engine do more than on its last day, and why.
    pub loosening: Option<Adopter>,
    /// Research has nobody to ask: its plans approve themselves.
    pub is_research: bool,
    /// Where the journal is, for people.
    pub journal: String,
    /// What every record and every line of the log of this process carries; empty in research.
    pub id: String,
}

/// Who takes over positions the engine did not open.
#[derive(Clone, Debug)]
pub struct Adopter {
    /// The name the journal keeps.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Everything one day's act phase stands on.
#[derive(Debug)]
struct Decided {
    inputs: RecordedInputs,
    plan: DayPlan,
    /// What the day would do in a worse regime that begins before it is over; decided from the same inputs.
    contingencies: Vec<(Regime, DayPlan)>,
    identity: Identity,
    /// What trading has cost before this day.
    measured: Measured,
    /// What observing found; `None` when an earlier run did.
    notes: Option<observe::Notes>,
    /// Who approved the plan, or why nothing of it is sent.
    consent: String,
}

impl Decided {
    /// The books the act phase starts from.
    fn books(&self) -> Books {
        self.inputs.books.clone()
    }
}

/// The contracts a strategy looks at and trades on a date, before it holds anything.
pub(crate) fn wanted(run: &Run, date: Date) -> Vec<ContractId> {
    Scope::new(None, &[], &[], run).contracts(date)
}

/// Runs a trade date from wherever it stands.
///
/// # Errors
/// [`Failure`] by what happens next; an ordinary start resumes.
pub async fn run_day<B: Broker, J: Journal, C: Clock>(
    date: Date,
    run: &mut Run,
    world: &mut World<B, J, C>,
) -> Result<DayReport, Failure> {
    let span = tracing::info_span!("day", %date, run = run.id);
    day(date, run, world).instrument(span).await
}

async fn day<B: Broker, J: Journal, C: Clock>(
    date: Date,
    run: &mut Run,
    world: &mut World<B, J, C>,
) -> Result<DayReport, Failure> {
    let mut stored = world.journal.records(date).await?;
    if let Some(closed) = stored.iter().find(|record| record.kind == DAY_CLOSED) {
        return record::report_of(closed, &mut world.journal).await;
    }
    settings::on_record(date, run, world).await?;
    let resumed = stored.iter().any(|record| record.kind == "plan");
    let mut decided = if resumed {
        operator::answer(date, run, world).await?;
        stored = world.journal.records(date).await?;
        recorded(&stored, run, world).await?
    } else {
        may_begin(date, run, world).await?;
        decide_day(date, run, world).await?
    };
    let run = &*run;
    let consent = approval::consent(&decided, &stored, run, world).await?;
    decided.consent = consent.words().to_owned();
    let mut session = if resumed { resume(&decided, &stored, run)? } else { start(&decided, run) };
    if matches!(consent, Consent::Refused(_)) {
        session = session.withdrawn();
    }
    drive::drive(&mut session, run, world).await?;
    let report = record::close(&decided, session, resumed, run, world).await?;
    words::log_steps(&report.steps);
    Ok(report)
}

/// Steps 1 to 12 of a trade date: decides and stores, and sends nothing. A plan that is stored already stays, unless another
/// one is asked for and nothing of it was sent.
///
/// # Errors
/// [`Failure`]; nothing was sent.
pub async fn plan_day<B: Broker, J: Journal, C: Clock>(
    date: Date,
    again: bool,
    run: &mut Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    let stored = world.journal.records(date).await?;
    let has = |kind: &str| stored.iter().any(|record| record.kind == kind);
    if has("plan") && (!again || has(DAY_CLOSED) || has("command")) {
        return match again {
            false => Ok(()),
            true => Err(Failure::Usage(format!("{date} is under way or over: its plan is the one that was executed"))),
        };
    }
    if !has("plan") {
        may_begin(date, run, world).await?;
    }
    decide_day(date, run, world).await.map(|_| ())
}

/// Dates run in order, each to its end: a mode that tightened on a later date must not be forgotten.
async fn may_begin<B, J: Journal, C>(date: Date, run: &Run, world: &mut World<B, J, C>) -> Result<(), Failure> {
    let closed = last_book(run, world).await?.and_then(|book| book.date);
    let planned = world.journal.latest("plan").await?.map(|record| record.trade_date);
    if let Some(open) = planned.filter(|&planned| closed.is_none_or(|closed| planned > closed)) {
        return Err(Failure::Halted(format!(
            "{open} was begun and is not finished: run it again before {date}, it resumes where it was"
        )));
    }
    match closed.filter(|&closed| date <= closed) {
        None => Ok(()),
        Some(closed) => Err(Failure::Usage(format!(
            "{date} lies before {closed}, the last finished trade date of these books; dates run in order"
        ))),
    }
}

async fn decide_day<B: Broker, J: Journal, C: Clock>(
    date: Date,
    run: &mut Run,
    world: &mut World<B, J, C>,
) -> Result<Decided, Failure> {
    let Observed { mut inputs, identity, booked, mut notes } = observe::observe(date, run, world).await?;
    let plan = margin::decide_within(&mut inputs, &mut notes, run, world).await?;
    let mut entries = alerts::of_morning(&notes, &inputs, &plan);
    entries.extend(booked.into_iter().map(Entry::Booked));
    // A copy of both is made for a journal that wants them.
    entries.extend(world.journal.keeps("inputs").then(|| Entry::Inputs(Box::new(inputs.clone()))));
    entries.extend(world.journal.keeps("plan").then(|| Entry::Plan(Box::new(plan.clone()))));
    append(date, &entries, run, world).await?;
    let contingencies = contingencies(&inputs, &plan, run);
    let measured = measured(run, world).await?;
    Ok(Decided { inputs, plan, contingencies, identity, measured, notes: Some(notes), consent: String::new() })
}

/// The same decision in each worse regime that is entered at once. It is a function of what was recorded, so that a restart
/// finds the same.
fn contingencies(inputs: &RecordedInputs, plan: &DayPlan, run: &Run) -> Vec<(Regime, DayPlan)> {
    let policy = &run.setup.policy;
    let worse = policy.regime.escalate_immediately.iter().filter(|regime| **regime > plan.risk.regime);
    let decided = |&regime: &Regime| {
        let panel = inputs.panel(&run.setup).ok()?;
        Some((regime, decide_in(regime, plan, &inputs.view(&panel), &run.setup)))
    };
    let watched = worse.filter(|_| policy.watchdog.is_some());
    watched.filter_map(decided).collect()
}

/// A plan that was stored is the plan: it is read back, not decided again.
async fn recorded<B: Broker, J: Journal, C: Clock>(
    stored: &[StoredRecord],
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Decided, Failure> {
    let unreadable = |error: store::Unreadable| Failure::Journal(error.to_string());
    let find = |kind| stored.iter().rfind(|record| record.kind == kind);
    let (Some(inputs), Some(plan)) = (find("inputs"), find("plan")) else {
        return Err(Failure::Journal("a plan without its inputs: the journal is damaged".into()));
    };
    let inputs: RecordedInputs = store::value(inputs, &run.setup.universe).map_err(unreadable)?;
    let plan: DayPlan = store::value(plan, &run.setup.universe).map_err(unreadable)?;
    inputs.panel(&run.setup).map_err(|error| Failure::Usage(error.to_string()))?;
    let scope = Scope::new(Some(inputs.books.ledger()), &plan.memory.lists, &[], run);
    let (identity, _) = observe::connect(&scope, world).await?;
    let contingencies = contingencies(&inputs, &plan, run);
    // What the plan bought and nobody holds yet.
    let ordered: Vec<ContractId> = plan.orders.iter().map(|order| order.contract).collect();
    world.broker.resolve(&ordered).await?;
    let measured = measured(run, world).await?;
    Ok(Decided { inputs, plan, contingencies, identity, measured, notes: None, consent: String::new() })
}

/// What trading cost up to the last finished date.
async fn measured<B, J: Journal, C>(run: &Run, world: &mut World<B, J, C>) -> Result<Measured, Failure> {
    Ok(last_book(run, world).await?.map(|book| book.measured.clone()).unwrap_or_default())
}

fn start<'a>(decided: &'a Decided, run: &'a Run) -> Session<'a> {
    let RecordedInputs { windows, conditions, confirmed, .. } = &decided.inputs;
    Session::start(&decided.plan, windows, conditions, decided.books(), run.account, &run.setup)
        .with_confirmed(confirmed)
        .with_contingencies(&decided.contingencies)
}

fn resume<'a>(decided: &'a Decided, stored: &[StoredRecord], run: &'a Run) -> Result<Session<'a>, Failure> {
    let mut entries: Vec<(Timestamp, Entry)> = Vec::new();
    let plan = stored.iter().rposition(|record| record.kind == "plan").unwrap_or_default();
    let after_plan = stored.iter().skip(plan + 1);
    for record in after_plan {
        let entry = store::entry(record, &run.setup.universe).map_err(|error| Failure::Journal(error.to_string()))?;
        entries.extend(entry.map(|entry| (record.at, entry)));
    }
    let folded = entries.iter().map(|(at, entry)| (*at, entry));
    let RecordedInputs { windows, conditions, confirmed, .. } = &decided.inputs;
    let session = Session::resume(&decided.plan, windows, conditions, decided.books(), run.account, &run.setup, folded);
    Ok(session.with_confirmed(confirmed).with_contingencies(&decided.contingencies))
}

/// Makes entries durable.
async fn append<B, J: Journal, C: Clock>(
    date: Date,
    entries: &[Entry],
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<i64, Failure> {
    let records = records(entries, run, world);
    Ok(world.journal.append(date, &records).await?)
}

/// The records of entries, now.
fn records<B, J: Journal, C: Clock>(entries: &[Entry], run: &Run, world: &World<B, J, C>) -> Vec<Record> {
    let now = world.clock.now();
    let kept = entries.iter().filter(|entry| world.journal.keeps(entry.kind()));
    kept.map(|entry| store::record(entry, now, &run.setup.universe)).collect()
}

/// The books the day starts from: those this process closed last, or else those of the journal.
async fn last_book<B, J: Journal, C>(run: &Run, world: &mut World<B, J, C>) -> Result<Option<Arc<Book>>, Failure> {
    let book = match world.closed.take() {
        Some(book) if book.contracts.is(&run.setup.names) => book,
        Some(book) => Arc::new(fitted(Arc::unwrap_or_clone(book), run)?),
        None => match stored_book(&mut world.journal).await? {
            Some(book) => Arc::new(fitted(book, run)?),
            None => return Ok(None),
        },
    };
    world.closed = Some(book.clone());
    Ok(Some(book))
}

/// Books over this run's universe and strategy.
fn fitted(book: Book, run: &Run) -> Result<Book, Failure> {
    let book = book.rekeyed(&run.setup.universe).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Book { memory: book.memory.fitted(&run.setup), contracts: run.setup.names.clone(), ..book })
}

/// The books of the last closed date, or of a file that opened them since.
pub(crate) async fn stored_book(journal: &mut impl Journal) -> Result<Option<Book>, Failure> {
    let closed = journal.latest(DAY_CLOSED).await?;
    let imported = journal.latest(BOOK_IMPORTED).await?;
    match (closed, imported) {
        (Some(closed), imported) if imported.as_ref().is_none_or(|imported| imported.seq < closed.seq) => {
            record::book_of(&closed).map(Some)
        }
        (_, Some(imported)) => serde_json::from_str(&imported.body)
            .map_err(|error| Failure::Journal(format!("record {} cannot be read: {error}", imported.seq))),
        (None, None) => Ok(None),
        (Some(_), None) => unreachable!("the first arm takes it"),
    }
}
