//! Steps 1 to 5: the only reads of a day.
//!
//! In: the broker's answers and the last books. Out: the day's inputs. Invariant: all or nothing; an
//! answer that is missing or absurd stops the day before anything was decided.

use super::assemble::{active, inputs, rates};
use super::{Run, World, last_book, screens};
use crate::book::Book;
use crate::failure::Failure;
use cycle::RecordedInputs;
use domain::{ContractId, LedgerEvent, Listed};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use market::Bar;
use ports::{AccountSnapshot, Broker, BrokerError, Clock, Execution, Identity, Journal};
use std::collections::BTreeMap;

/// Sessions of history asked for before the first decision: the long average, and a year of returns.
const SEED_SESSIONS: u32 = 400;
/// Sessions asked for on every later day: more than any run of holidays.
const REFRESH_SESSIONS: u32 = 20;
/// How often a snapshot is asked for when its parts do not fit together.
const SNAPSHOT_TRIES: u32 = 3;

/// What observing found worth reporting.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) booked: Vec<String>,
    pub(super) without_history: Vec<String>,
    pub(super) positions: usize,
    pub(super) open_orders: usize,
}

/// Everything that was read, and what it put into the books.
pub(super) struct Observed {
    pub(super) inputs: RecordedInputs,
    pub(super) identity: Identity,
    pub(super) booked: Vec<LedgerEvent>,
    pub(super) notes: Notes,
}

/// Waits for the run time, then reads everything. Nothing is written: what was booked becomes durable
/// together with the plan that stands on it.
pub(super) async fn observe<B: Broker, J: Journal, C: Clock>(
    date: Date,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Observed, Failure> {
    let schedule = &run.settings.schedule;
    wait_until(at(date, schedule.run_at, run)?, world).await?;
    if world.clock.now() > at(date, schedule.catch_up_until, run)? {
        return Err(Failure::Halted(format!(
            "{date} is skipped: it is {now}, later than schedule.catch_up_until, and its plan would be made on its own \
             day's prices; run the next trade date",
            now = world.clock.now()
        )));
    }
    let identity = connect(run, world).await?;
    let snapshot = snapshot(world).await?;
    let (mut book, mut booked) = match last_book(run, world).await? {
        Some(book) => (book, Vec::new()),
        None => Book::open(&snapshot, date, &run.setup)?,
    };
    book.memory = book.memory.fitted(&run.setup);
    booked.extend(late_executions(&mut book, &snapshot, date, run));
    held_contracts_trade_on(&book, date, run)?;
    let due = screens::due(date, &book, run);
    let bars = history(date, &book, &due, run, world).await?;
    let settled = settlements(&book, &bars, run);
    settled.iter().for_each(|event| book.ledger.apply(event, &run.setup.universe));
    booked.extend(settled);
    let now = world.clock.now();
    let fx = rates(&snapshot, &bars, now, run);
    let screens = screens::observed(date, &due, &bars, &fx, run);
    let notes = Notes {
        booked: booked.iter().map(|event| sentence(event, run)).collect(),
        without_history: without_history(&bars, run),
        positions: snapshot.positions.len() + snapshot.foreign.len(),
        open_orders: snapshot.open_orders.len(),
    };
    let inputs = inputs(date, now, book, &snapshot, &bars, fx, run)?;
    Ok(Observed { inputs: RecordedInputs { screens, ..inputs }, identity, booked, notes })
}

/// Step 3: a successful request, and every contract as we believe it to be.
pub(super) async fn connect<B: Broker, J, C: Clock>(
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Identity, Failure> {
    let identity = world.broker.identify().await?;
    let contracts: Vec<ContractId> =
        run.setup.universe.contracts().filter(|&c| is_current(c, run, world.clock.now())).collect();
    world.broker.resolve(&contracts).await?;
    Ok(identity)
}

/// Contracts that have not expired; the broker no longer knows the others.
fn is_current(contract: ContractId, run: &Run, now: Timestamp) -> bool {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    run.setup.universe.contract(contract).expiry.is_none_or(|expiry| expiry >= today)
}

async fn wait_until<B, J, C: Clock>(time: Timestamp, world: &mut World<B, J, C>) -> Result<(), Failure> {
    while world.clock.now() < time {
        world.clock.wait(time).await?;
    }
    Ok(())
}

fn at(date: Date, time: Time, run: &Run) -> Result<Timestamp, Failure> {
    let at = date.to_datetime(time);
    let zone = run.settings.schedule.zone();
    zone.to_timestamp(at).map_err(|error| Failure::Usage(format!("schedule: {time} on {date}: {error}")))
}

/// A complete picture, asked for again when something moved while it was drawn.
pub(super) async fn snapshot<B: Broker, J, C>(world: &mut World<B, J, C>) -> Result<AccountSnapshot, BrokerError> {
    for _ in 1..SNAPSHOT_TRIES {
        match world.broker.snapshot().await {
            Err(BrokerError::Unusable(reason)) => tracing::warn!(reason, "snapshot asked for again"),
            answer => return answer,
        }
    }
    world.broker.snapshot().await
}

/// Executions of ours that arrived after the last date was closed, booked before anything is decided.
fn late_executions(book: &mut Book, snapshot: &AccountSnapshot, date: Date, run: &Run) -> Vec<LedgerEvent> {
    let mut events = Vec::new();
    for Execution { fill, commission } in &snapshot.executions {
        if fill.order.is_none_or(|order_ref| order_ref.account != run.account) {
            continue;
        }
        if book.booked.execution(&fill.execution, date) == Listed::New {
            events.push(LedgerEvent::Fill(fill.clone()));
        }
        if let Some(amount) = commission.filter(|_| book.booked.charge(&fill.execution, date)) {
            events.push(LedgerEvent::Commission { execution: fill.execution.clone(), amount });
        }
    }
    events.iter().for_each(|event| book.ledger.apply(event, &run.setup.universe));
    events
}

/// A contract past its last trading day cannot be valued or sold: a person has to book how it ended.
fn held_contracts_trade_on(book: &Book, date: Date, run: &Run) -> Result<(), Failure> {
    let expired = |contract: &ContractId| {
        run.setup.universe.contract(*contract).expiry.is_some_and(|expiry| expiry < date) && holds(book, *contract)
    };
    match run.setup.universe.contracts().find(expired) {
        None => Ok(()),
        Some(contract) => Err(Failure::Halted(format!(
            "the books hold {}, which has expired: compare with the broker how it was settled and book it by hand",
            run.setup.universe.contract(contract).name
        ))),
    }
}

pub(super) type Bars = BTreeMap<ContractId, Vec<Bar>>;

/// Daily bars of everything the decision or the books read.
async fn history<B: Broker, J, C: Clock>(
    date: Date,
    book: &Book,
    due: &[usize],
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Bars, Failure> {
    let sessions = if book.memory.last_row.is_none() { SEED_SESSIONS } else { REFRESH_SESSIONS };
    let mut bars = Bars::new();
    let measured = screens::candidates(due, run);
    let idle = screens::idle(book, due, run);
    for contract in contracts_read(date, book, run)? {
        if idle.binary_search(&contract).is_ok() {
            continue;
        }
        let sessions = match measured.binary_search(&contract) {
            _ if run.setup.universe.terms(contract).settles_daily => REFRESH_SESSIONS,
            Ok(_) => sessions.max(screens::SCREEN_SESSIONS),
            Err(_) => sessions,
        };
        bars.insert(contract, world.broker.daily_bars(contract, sessions, date).await?);
    }
    Ok(bars)
}

/// Everything that does not expire; of each future the active contract and what is held.
fn contracts_read(date: Date, book: &Book, run: &Run) -> Result<Vec<ContractId>, Failure> {
    let universe = &run.setup.universe;
    let mut contracts: Vec<ContractId> =
        universe.contracts().filter(|&c| universe.contract(c).expiry.is_none() || holds(book, c)).collect();
    for instrument in universe.instruments() {
        contracts.extend(active(instrument, date, run)?);
    }
    contracts.sort_unstable();
    contracts.dedup();
    Ok(contracts)
}

/// A position, or profit of one that settlement has not paid yet.
fn holds(book: &Book, contract: ContractId) -> bool {
    let position = book.ledger.position(contract);
    !position.quantity.is_zero() || !position.settled_value.is_zero()
}

/// Daily settlements of held futures since the last closed date.
fn settlements(book: &Book, bars: &Bars, run: &Run) -> Vec<LedgerEvent> {
    let universe = &run.setup.universe;
    let settles = |contract: &ContractId| universe.terms(*contract).settles_daily && holds(book, *contract);
    let since = book.date;
    let events = universe.contracts().filter(settles).flat_map(|contract| {
        let days = bars.get(&contract).into_iter().flatten();
        let days = days.filter(move |bar| since.is_none_or(|since| bar.date >= since));
        days.map(move |bar| LedgerEvent::VariationMargin { contract, settlement: bar.close })
    });
    events.collect()
}

fn without_history(bars: &Bars, run: &Run) -> Vec<String> {
    let empty = bars.iter().filter(|(_, bars)| bars.is_empty());
    empty.map(|(contract, _)| run.setup.universe.contract(*contract).name.clone()).collect()
}

fn sentence(event: &LedgerEvent, run: &Run) -> String {
    match event {
        LedgerEvent::Flow { amount } => format!("opening balance {amount}"),
        LedgerEvent::VariationMargin { contract, settlement } => {
            format!("{} settled at {settlement}", run.setup.universe.contract(*contract).name)
        }
        LedgerEvent::Fill(fill) => {
            format!("late execution of {} booked", run.setup.universe.contract(fill.contract).name)
        }
        LedgerEvent::Commission { amount, .. } => format!("late commission of {amount} booked"),
    }
}
