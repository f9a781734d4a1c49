//! Step 14: resync, reconcile again, report, and the books for the next date.
//!
//! In: the finished session. Out: the `day_closed` record and its report. Invariant: the report is
//! made from what the engine decided and the broker confirmed; a break tightens the mode.

use super::alerts;
use super::end::End;
use super::observe::patient_snapshot;
use super::report::report;
use super::{Decided, Run, World, append};
use crate::book::{Book, Closed, DAY_CLOSED};
use crate::failure::Failure;
use console::DayReport;
use cycle::plan::CROSSED;
use cycle::{Effect, Event, Memory, Session, Standing, settle_premium};
use domain::{Books, ContractId, OrderKey, Quantity, SleeveBooks, SleeveId};
use jiff::ToSpan;
use jiff::civil::Date;
use ports::{Broker, Clock, Journal, Record, StoredRecord};
use risk::{Mode, RegimeState};
use rust_decimal::Decimal;
use std::sync::Arc;

/// The report of a date that is over.
pub(super) async fn report_of(record: &StoredRecord, journal: &mut impl Journal) -> Result<DayReport, Failure> {
    let journal_head = Some(journal.head_at(record.seq).await?);
    read(record).map(|closed| DayReport { already_done: true, journal_head, ..closed.report })
}

/// The books a date left.
pub(super) fn book_of(record: &StoredRecord) -> Result<Book, Failure> {
    read(record).map(|closed| closed.book)
}

fn read(record: &StoredRecord) -> Result<Closed, Failure> {
    serde_json::from_str(&record.body)
        .map_err(|error| Failure::Journal(format!("record {} ({DAY_CLOSED}) cannot be read: {error}", record.seq)))
}

/// Ends the day.
pub(super) async fn close<B: Broker, J: Journal, C: Clock>(
    decided: &Decided,
    mut session: Session<'_>,
    resumed: bool,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<DayReport, Failure> {
    let snapshot = patient_snapshot(run, world).await?;
    let now = world.clock.now();
    if let Ok(snapshot) = &snapshot {
        // The last word on executions and commissions, booked by the session like any other.
        session.handle(Event::Resynced(Box::new(snapshot.clone())));
    }
    while session.poll(now) == Effect::Record {
        append(decided.inputs.date, session.entries(), run, world).await?;
        session.handle(Event::Recorded);
    }
    let end = match snapshot {
        Ok(snapshot) => End::of(&session, snapshot, now, decided, run),
        Err(_) => End::unread(&session, decided, run),
    };
    if let Some(alert) = alerts::of_evening(session.mode(), &end) {
        append(decided.inputs.date, &[alert], run, world).await?;
    }
    let alerts = alerts::recorded(&world.journal.records(decided.inputs.date).await?, &run.setup.universe);
    let sleeves = closed_sleeves(&session, &end, decided, run);
    let memory = settled(&session, decided, run);
    let kept = world.journal.keeps(DAY_CLOSED);
    // Research tells why an engine stopped, and what a plan was made of.
    let stops = end.standing.mode >= Mode::CancelOnly && decided.inputs.mode < Mode::CancelOnly;
    let is_explained = kept || world.journal.keeps("plan") || stops;
    let told = report(&session, &end, (&sleeves, &memory), decided, (resumed, is_explained), run);
    let report = DayReport { alerts, ..told };
    let measured = decided.measured.clone().with(&report.costs, run);
    let book = Book {
        date: Some(decided.inputs.date),
        opened: decided.inputs.opened,
        told: decided.inputs.told,
        contracts: decided.inputs.contracts.clone(),
        books: closed_books(&session, decided.inputs.date),
        sleeves,
        memory,
        standing: Standing {
            confirmed: still_held(&session, run),
            adopt: [&decided.inputs.waiting[..], &end.standing.adopt].concat(),
            ..end.standing
        },
        believed: end.believed,
        measured,
        unvalued: decided.inputs.unvalued.clone(),
        handed: Vec::new(),
    };
    let closed = Closed { book, report };
    let body = || serde_json::to_string(&closed).expect("plain data");
    let record = kept.then(|| Record { kind: DAY_CLOSED, version: 1, order_ref: None, at: now, body: body() });
    // A journal that fails here may have the day or not: then it is asked.
    world.closed = None;
    let seq = world.journal.append(decided.inputs.date, record.as_slice()).await?;
    world.closed = Some(Arc::new(closed.book));
    Ok(DayReport { journal_head: Some(world.journal.head_at(seq).await?), ..closed.report })
}

/// A confirmation stands until the contract is closed.
fn still_held(session: &Session<'_>, run: &Run) -> Vec<String> {
    let held: Vec<&str> =
        session.ledger().held().map(|contract| run.setup.universe.contract(contract).name.as_str()).collect();
    session.standing().confirmed.iter().filter(|name| held.contains(&name.as_str())).cloned().collect()
}

/// The decision state with the premium of the day's hedges paid.
fn settled(session: &Session<'_>, decided: &Decided, run: &Run) -> Memory {
    let mut memory = decided.plan.memory.clone();
    let premium = |contract: ContractId, intent: u16| {
        let parent = session.parents().find(|parent| parent.planned().number == intent);
        let (filled, price) = parent.map_or_else(Default::default, |parent| (parent.filled(), parent.average_price()));
        let terms = run.setup.universe.terms(contract);
        let rate = decided.inputs.fx.rate(terms.currency, decided.inputs.fx.base()).unwrap_or_default();
        (filled, price.unwrap_or_default() * filled.to_decimal() * Decimal::from(terms.multiplier) * rate)
    };
    settle_premium(&decided.plan, &mut memory, premium);
    // A regime that began at once within the day is in force tomorrow, whatever the close says.
    if let Some(regime) = session.worse_regime().filter(|&regime| regime > memory.regime.regime) {
        memory.regime = RegimeState { regime, pending: None };
    }
    memory
}

/// Brokers list executions of the last week; twice that is remembered.
const REMEMBERED_DAYS: i64 = 14;

/// The trade date is the period of the books.
fn closed_books(session: &Session<'_>, date: Date) -> Books {
    let mut books = session.books().clone();
    books.close(date);
    books.forget_before(date.saturating_sub(REMEMBERED_DAYS.days()));
    books
}

/// The day's executions shared out by the plan's wants, what crossed inside, and each sleeve's profit.
fn closed_sleeves(session: &Session<'_>, end: &End, decided: &Decided, run: &Run) -> SleeveBooks {
    let (plan, universe) = (&decided.plan, &run.setup.universe);
    let mut sleeves = decided.inputs.sleeves.clone();
    let wants = |number: u16, contract: ContractId| -> Vec<(SleeveId, Quantity)> {
        let wants = plan.wants.iter().filter(|want| want.order == number && want.contract == contract);
        wants.map(|want| (want.sleeve, want.quantity)).collect()
    };
    for order in &plan.orders {
        let key = OrderKey { date: plan.date, intent: order.number };
        sleeves.open_order(key, order.contract, &wants(order.number, order.contract), universe);
    }
    // What the later contract of a spread executes is told under the order of the earlier one.
    for spread in &plan.spreads {
        let key = OrderKey { date: plan.date, intent: spread.near };
        let far = plan.orders[usize::from(spread.far) - 1].contract;
        sleeves.open_order(key, far, &wants(spread.far, far), universe);
    }
    for own in session.consequences() {
        let key = OrderKey { date: plan.date, intent: own.order.number };
        let owner = sleeves.id(&own.sleeve).unwrap_or(SleeveId::TREASURY);
        sleeves.open_order(key, own.order.contract, &[(owner, own.order.quantity)], universe);
    }
    for &contract in &run.setup.shared {
        if let Some(mark) = decided.inputs.marks[contract] {
            sleeves.cross(contract, &wants(CROSSED, contract), mark, universe);
        }
    }
    let mut sleeves = sleeves.with_period(session.books(), universe);
    // Without a mark or a rate nothing is closed, and the next close is over both days.
    if let Err(reason) = sleeves.close_day(&end.marks, &end.fx, universe) {
        tracing::warn!(%reason, "sleeves are not valued today");
    }
    sleeves.forget_before(plan.date.saturating_sub(REMEMBERED_DAYS.days()));
    sleeves
}
