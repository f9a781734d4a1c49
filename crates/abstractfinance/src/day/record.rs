//! Step 14: resync, reconcile again, report, and the books for the next date.
//!
//! In: the finished session. Out: the `day_closed` record and its report. Invariant: the report is
//! made from what the engine decided and the broker confirmed; a break tightens the mode.

use super::observe::{Notes, broker_facts, valuation};
use super::{Decided, Run, World, append};
use crate::book::{Book, DAY_CLOSED};
use crate::failure::Failure;
use console::report::{DayReport, Hedge, Order, Position, Refused, Step, Target};
use cycle::session::outcome;
use cycle::{DayPlan, Effect, Event, Session, store};
use domain::{BaseMoney, Booked, ContractId, FxRates, Ledger, OrderRef, PerContract, Price};
use execution::Parent;
use jiff::ToSpan;
use jiff::civil::Date;
use ports::{AccountSnapshot, Broker, Clock, Journal, Record, StoredRecord};
use risk::Reconciliation;
use risk::reconciliation::{Status, reconcile};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Body of the `day_closed` record.
#[derive(Serialize, Deserialize)]
struct Closed {
    book: Book,
    report: DayReport,
}

/// The report of a date that is over.
pub(super) fn report_of(record: &StoredRecord) -> Result<DayReport, Failure> {
    read(record).map(|closed| DayReport { already_done: true, ..closed.report })
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
    let snapshot = world.broker.snapshot().await?;
    let now = world.clock.now();
    // The last word on executions and commissions, booked by the session like any other.
    session.handle(Event::Resynced(Box::new(snapshot.clone())));
    while session.poll(now) == Effect::Record {
        append(decided.inputs.date, session.entries(), run, world).await?;
        session.handle(Event::Recorded);
    }
    let end = End::of(&session, &snapshot, decided, run);
    let report = report(&session, &end, decided, resumed, run);
    let book = Book {
        date: Some(decided.inputs.date),
        contracts: decided.inputs.contracts.clone(),
        ledger: session.ledger().clone(),
        memory: decided.plan.memory.clone(),
        mode: decided.plan.mode.tightened_to(end.reconciliation.mode()),
        booked: recently_booked(&session, decided.inputs.date),
    };
    let closed = Closed { book, report };
    let body = serde_json::to_string(&closed).expect("plain data");
    let record = Record { kind: DAY_CLOSED, version: 1, order_ref: None, at: now, body };
    world.journal.append(decided.inputs.date, &[record]).await?;
    Ok(closed.report)
}

/// Brokers list executions of the last week; twice that is remembered.
const REMEMBERED_DAYS: i64 = 14;

fn recently_booked(session: &Session<'_>, date: Date) -> Booked {
    let mut booked = session.booked().clone();
    booked.forget_before(date.saturating_sub(REMEMBERED_DAYS.days()));
    booked
}

/// The account after the last order, on the broker's marks.
struct End {
    nav: Option<BaseMoney>,
    marks: PerContract<Option<Price>>,
    fx: FxRates,
    reconciliation: Reconciliation,
    snapshot: AccountSnapshot,
}

impl End {
    fn of(session: &Session<'_>, snapshot: &AccountSnapshot, decided: &Decided, run: &Run) -> End {
        let (marks, fx) = valuation(snapshot, &decided.inputs);
        let nav = session.ledger().nav(&marks, &fx, &run.setup.universe).ok();
        let policy = &run.setup.policy.reconciliation;
        let reconciliation = reconcile(session.ledger(), nav, &broker_facts(snapshot, run), &fx, policy);
        End { nav, marks, fx, reconciliation, snapshot: snapshot.clone() }
    }
}

fn report(session: &Session<'_>, end: &End, decided: &Decided, resumed: bool, run: &Run) -> DayReport {
    let (plan, universe) = (&decided.plan, &run.setup.universe);
    let exposure = session.ledger().exposure(&end.marks, &end.fx, universe).unwrap_or_default();
    let nav = end.nav.unwrap_or_default();
    let risk = &plan.risk;
    let plan_hash = store::plan_hash(plan, universe);
    let refusals = plan.refusals.iter().chain(session.refusals());
    DayReport {
        date: plan.date.to_string(),
        already_done: false,
        resumed,
        nav: cents(nav.amount()),
        nlv: cents(end.snapshot.net_liquidation),
        difference_bp: end.reconciliation.difference_bp.map_or(0.0, rounded_bp),
        nav_at_plan: cents(plan.nav.unwrap_or_default().amount()),
        base: run.setup.base.to_string(),
        gross: cents(exposure.gross().amount()),
        net: cents(exposure.net().amount()),
        gross_of_nav: exposure.gross().over(nav),
        net_of_nav: exposure.net().over(nav),
        mode: plan.mode.tightened_to(end.reconciliation.mode()).to_string(),
        regime: risk.regime.name().to_owned(),
        pending: risk.pending.map(|(regime, days)| format!("{} {days}", regime.name())),
        vol: risk.vol,
        vol_quality: format!("{:?}", risk.quality).to_lowercase(),
        vol_scale: risk.vol_scale,
        state_factor: risk.state_factor,
        momentum: risk.momentum,
        momentum_factor: risk.momentum_factor,
        scale: risk.scale,
        vix: risk.vix,
        drawdown: risk.drawdown,
        steps: steps(session, end, decided, &plan_hash, resumed, run),
        plan_hash,
        targets: targets(decided, run),
        orders: session.parents().map(|parent| order(parent, plan, run)).collect(),
        hedges: plan.hedges.iter().map(hedge).collect(),
        positions: positions(session.ledger(), end, run),
        refusals: refusals
            .map(|refusal| Refused { code: refusal.check.code().into(), sentence: refusal.sentence(universe) })
            .collect(),
        journal: run.journal.clone(),
    }
}

fn targets(decided: &Decided, run: &Run) -> Vec<Target> {
    let table = &decided.plan.table;
    let held = |contract| decided.inputs.ledger.quantity(contract);
    let shown = |contract: &ContractId| table.weight[*contract] != 0.0 || !held(*contract).is_zero() || !table.wanted[*contract].is_zero();
    let row = |contract: ContractId| Target {
        instrument: run.setup.universe.contract(contract).name.clone(),
        sleeves: sleeves(contract, run),
        weight: table.weight[contract],
        target_value: table.target_value[contract],
        held: held(contract).to_string(),
        wanted: table.wanted[contract].to_string(),
        today: table.scheduled[contract].to_string(),
    };
    run.setup.universe.contracts().filter(shown).map(row).collect()
}

/// Names of the sleeves that hold a contract; the currency hedge is one of its own.
fn sleeves(contract: ContractId, run: &Run) -> Vec<String> {
    let policy = &run.setup.policy;
    let instrument = run.setup.universe.contract(contract).instrument;
    let wants = policy.sleeves.iter().filter(|sleeve| sleeve.contracts().contains(&contract));
    let hedge = policy.fx_hedge.rules.iter().any(|rule| rule.future == instrument).then(|| "fx_hedge".to_owned());
    wants.map(|sleeve| sleeve.name.clone()).chain(hedge).collect()
}

fn order(parent: &Parent, plan: &DayPlan, run: &Run) -> Order {
    let planned = parent.planned();
    let first = OrderRef { account: run.account, date: plan.date, intent: planned.number, attempt: 1 };
    Order {
        order_ref: first.to_string(),
        instrument: run.setup.universe.contract(planned.contract).name.clone(),
        sleeves: sleeves(planned.contract, run),
        side: parent.side().to_string(),
        quantity: planned.quantity.abs().to_string(),
        purpose: format!("{:?}", planned.purpose).to_lowercase(),
        limit: parent.children().last().map(|child| child.limit.to_string()),
        filled: parent.filled().to_string(),
        average_price: parent.average_price().map(|price| price.round_dp(6).normalize().to_string()),
        arrival: parent.arrival().map(|price| price.to_string()),
        status: outcome(parent).to_owned(),
        slippage_bps: parent.slippage_bps(),
        children: parent.children().len(),
    }
}

fn hedge(decision: &strategy::HedgeDecision) -> Hedge {
    let &strategy::HedgeDecision { currency, exposure, residual, band, held, wanted } = decision;
    Hedge { currency: currency.to_string(), exposure, residual, band, held, wanted }
}

fn positions(ledger: &Ledger, end: &End, run: &Run) -> Vec<Position> {
    let universe = &run.setup.universe;
    let theirs = |contract| {
        let position = end.snapshot.positions.iter().find(|position| position.contract == contract);
        position.map_or_else(Default::default, |position| position.quantity)
    };
    let shown = |contract: &ContractId| !ledger.quantity(*contract).is_zero() || !theirs(*contract).is_zero();
    let row = |contract| Position {
        instrument: universe.contract(contract).name.clone(),
        ours: ledger.quantity(contract).to_string(),
        broker: theirs(contract).to_string(),
        mark: end.marks[contract].map_or_else(|| "unknown".into(), |mark| mark.to_string()),
    };
    universe.contracts().filter(shown).map(row).collect()
}

/// The fourteen steps in the words of the report.
fn steps(session: &Session<'_>, end: &End, decided: &Decided, hash: &str, resumed: bool, run: &Run) -> Vec<Step> {
    let (plan, notes) = (&decided.plan, &decided.notes);
    let before = plan.reconciliation.as_ref();
    let sent: usize = session.parents().map(|parent| parent.children().len()).sum();
    let count = |status: &str| session.parents().filter(|parent| outcome(parent) == status).count();
    let idle: Vec<&str> = run.setup.policy.sleeves.iter().filter(|s| s.kind == strategy::SleeveKind::NotConfigured).map(|s| s.name.as_str()).collect();
    let hedged = plan.hedges.iter().map(|h| {
        format!("{} exposure {:.0}, {} → {} contracts", h.currency, h.exposure, h.held, h.wanted)
    });
    let rows: [(&str, &str, String); 14] = [
        ("run key and lease", "done", format!("fence {}{}", run.fence, if resumed { ", resuming a stored plan" } else { "" })),
        ("windows", "not configured", "broker maintenance windows come with the execution issue".into()),
        ("connect and identify", "done", format!("server version {}, account tag {}", decided.identity.server_version, run.account)),
        ("FX", if notes.rates.is_empty() && !resumed { "warned" } else { "done" }, notes.rates.join(", ")),
        ("sync", "done", synced(notes)),
        ("reconcile facts", outcome_of(before), sentence_of(before)),
        ("value", if plan.nav.is_some() { "done" } else { "stopped" }, plan.nav.map_or_else(|| "a held contract has no mark".into(), |nav| format!("NAV {nav} {}", run.setup.base))),
        ("risk", "done", format!("{} new closes, regime {}, scale {:.4} ({:?})", notes.history_rows, plan.risk.regime.name(), plan.risk.scale, plan.risk.bound)),
        ("targets", "done", format!("{} instruments; not configured: {}", targets(decided, run).len(), if idle.is_empty() { "nothing".into() } else { idle.join(", ") })),
        ("net, schedule, hedge", "done", hedged.collect::<Vec<_>>().join("; ")),
        ("gate", if plan.refusals.is_empty() { "done" } else { "warned" }, format!("{} orders admitted, {} refusals", plan.orders.len(), plan.refusals.len())),
        ("plan", "done", format!("{} stored, approved by rule", &hash[..12])),
        ("execute", "done", format!("{sent} orders sent for {} planned: {} filled, {} carried over", plan.orders.len(), count("filled"), count("carried over") + count("partly filled"))),
        ("record", outcome_of(Some(&end.reconciliation)), sentence_of(Some(&end.reconciliation))),
    ];
    let step = |(index, (name, outcome, detail)): (usize, (&str, &str, String))| Step {
        number: index as u8 + 1,
        name: name.into(),
        outcome: outcome.into(),
        detail,
    };
    rows.into_iter().enumerate().map(step).collect()
}

/// Money as text: two digits, half away from zero.
fn cents(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}

/// Four digits, and no negative zero.
fn rounded_bp(bp: f64) -> f64 {
    (bp * 1e4).round() / 1e4 + 0.0
}

fn synced(notes: &Notes) -> String {
    let mut parts = vec![format!("{} positions, {} open orders", notes.positions, notes.open_orders)];
    parts.extend(notes.booked.iter().cloned());
    if !notes.without_history.is_empty() {
        parts.push(format!("no history for {}: what needs it is held back", notes.without_history.join(", ")));
    }
    parts.join("; ")
}

fn outcome_of(result: Option<&Reconciliation>) -> &'static str {
    match result.map(|result| result.status) {
        Some(Status::Pass) => "done",
        Some(Status::Warn) => "warned",
        Some(Status::Halt | Status::Emergency) | None => "stopped",
    }
}

fn sentence_of(result: Option<&Reconciliation>) -> String {
    let Some(result) = result else { return "no answer from the broker".into() };
    let difference = result.difference_bp.map_or_else(|| "NLV unusable".into(), |bp| format!("NAV − NLV = {:+.4} bp", rounded_bp(bp)));
    format!("{difference}, {} breaks", result.breaks.len())
}
