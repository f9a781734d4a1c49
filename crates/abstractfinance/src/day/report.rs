//! The day's report from what was decided, sent and confirmed.
//!
//! In: plan, session, the account at the end. Out: a [`DayReport`]. Invariant: every number is one the
//! engine used; none is computed for show. What only explains the day is left out where nobody keeps it.

use super::costs::costs;
use super::end::{End, rounded_bp};
use super::hedges::Hedges;
use super::risk_report::{risk_report, warnings};
use super::steps::steps;
use super::{Decided, Run};
use console::reconciliation::Difference;
use console::report::{DayReport, Hedge, Order, Position, Refused, RiskReport, SleeveResult, Target};
use cycle::hedges::Moment;
use cycle::session::outcome;
use cycle::{DayPlan, Memory, Session, store};
use domain::{ContractId, Ledger, OrderRef, Price, Quantity, SleeveBooks, SleeveProfit};
use execution::Parent;
use risk::reconciliation::{Row, explain};
use rust_decimal::{Decimal, RoundingStrategy};
use strategy::Sleeve;

pub(super) fn report(
    session: &Session<'_>,
    end: &End,
    (books, memory): (&SleeveBooks, &Memory),
    decided: &Decided,
    (resumed, is_explained): (bool, bool),
    run: &Run,
) -> DayReport {
    let (plan, ledger) = (&decided.plan, session.ledger());
    let moment = Moment { date: plan.date, ledger, sleeves: Some(books), marks: &end.marks, fx: &end.fx };
    let hedges = Hedges::of(&moment, run);
    let figures = figures(session, end, (books, &hedges), decided, resumed, run);
    if !is_explained {
        return figures;
    }
    let plan_hash = store::plan_hash(plan, &run.setup.universe);
    DayReport {
        steps: steps(session, end, decided, &plan_hash, resumed, run),
        risk: risk_report(plan, ledger, end, run),
        plan_hash,
        targets: targets(decided, run),
        costs: costs(session, books, end, decided, run),
        tail_hedges: hedges.book(&moment, memory, end, decided, run),
        positions: positions(ledger, end, books, &hedges, run),
        ..figures
    }
}

/// The report without what only explains: no steps, no hash, no targets, positions or costs.
fn figures(
    session: &Session<'_>,
    end: &End,
    (books, hedges): (&SleeveBooks, &Hedges),
    decided: &Decided,
    resumed: bool,
    run: &Run,
) -> DayReport {
    let (plan, universe) = (&decided.plan, &run.setup.universe);
    let exposure = hedges.exposure;
    let nav = end.nav.unwrap_or_default();
    let risk = &plan.risk;
    let refusals = plan.refusals.iter().chain(session.refusals());
    DayReport {
        date: plan.date.to_string(),
        already_done: false,
        resumed,
        nav: end.nav.map(|nav| cents(nav.amount())),
        nlv: end.snapshot.as_ref().and_then(|snapshot| snapshot.net_liquidation).map(cents),
        difference_bp: end.reconciliation.as_ref().and_then(|result| result.difference_bp).map(rounded_bp),
        nav_at_plan: plan.nav.map(|nav| cents(nav.amount())),
        base: run.setup.base.to_string(),
        gross: cents(exposure.gross().amount()),
        net: cents(exposure.net().amount()),
        gross_of_nav: exposure.gross().over(nav),
        net_of_nav: exposure.net().over(nav),
        mode: end.standing.mode.to_string(),
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
        steps: Vec::new(),
        unit_value: plan.memory.performance.unit_value,
        daily_return: plan.memory.performance.daily_return,
        flows: cents(decided.inputs.flows.amount()),
        risk: RiskReport { warnings: warnings(plan), ..RiskReport::default() },
        plan_hash: String::new(),
        targets: Vec::new(),
        orders: session.parents().map(|parent| order(parent, session, decided, run)).collect(),
        costs: Default::default(),
        hedges: plan.hedges.iter().map(hedge).collect(),
        positions: Vec::new(),
        sleeves: books.profits().into_iter().map(sleeve_result).collect(),
        differences: differences(end, run),
        alerts: Vec::new(),
        doubts: doubts(end, decided, run),
        refusals: refusals
            .map(|refusal| Refused { code: refusal.check.code().into(), sentence: refusal.sentence(universe) })
            .collect(),
        tail_hedges: None,
        journal: run.journal.clone(),
        journal_head: None,
    }
}

fn targets(decided: &Decided, run: &Run) -> Vec<Target> {
    let table = &decided.plan.table;
    let held = |contract| decided.inputs.books.ledger().quantity(contract);
    let shown = |contract: &ContractId| {
        table.weight[*contract] != 0.0 || !held(*contract).is_zero() || !table.wanted[*contract].is_zero()
    };
    let row = |contract: ContractId| Target {
        instrument: run.setup.universe.contract(contract).name.clone(),
        sleeves: sleeves(contract, decided, run),
        weight: table.weight[contract],
        target_value: table.target_value[contract],
        held: held(contract).to_string(),
        wanted: table.wanted[contract].to_string(),
        today: table.scheduled[contract].to_string(),
    };
    run.setup.universe.contracts().filter(shown).map(row).collect()
}

/// Names of the sleeves that want a contract, else of those that still hold it; the currency hedge is one of its own.
fn sleeves(contract: ContractId, decided: &Decided, run: &Run) -> Vec<String> {
    let (plan, books, policy) = (&decided.plan, &decided.inputs.sleeves, &run.setup.policy);
    let instrument = run.setup.universe.contract(contract).instrument;
    let lists = policy.sleeves.iter().zip(&plan.memory.lists);
    let universe = &run.setup.universe;
    let is_it = |leg: ContractId| universe.contract(leg).instrument == instrument;
    let of_hedges = |sleeve: &Sleeve| {
        sleeve.tail_hedge().is_some() && (run.setup.option(contract).is_some() || run.setup.is_spread(contract))
    };
    let wants = lists.filter(|(sleeve, list)| of_hedges(sleeve) || sleeve.contracts(list).into_iter().any(is_it));
    let hedge = policy.fx_hedge.rules.iter().any(|rule| rule.future == instrument).then(|| "fx_hedge".to_owned());
    let wanting: Vec<String> = wants.map(|(sleeve, _)| sleeve.name.clone()).chain(hedge).collect();
    let holding = || books.sleeves().filter(|&sleeve| !books.quantity(sleeve, contract).is_zero());
    match wanting.is_empty() {
        true => holding().map(|sleeve| books.name(sleeve).to_owned()).collect(),
        false => wanting,
    }
}

fn order(parent: &Parent, session: &Session<'_>, decided: &Decided, run: &Run) -> Order {
    let plan = &decided.plan;
    let planned = parent.planned();
    let consequence = session.consequences().iter().find(|own| own.order.number == planned.number);
    let first = OrderRef { account: run.account, date: plan.date, intent: planned.number, attempt: 1 };
    Order {
        order_ref: first.to_string(),
        instrument: run.setup.universe.contract(planned.contract).name.clone(),
        sleeves: consequence.map_or_else(|| sleeves(planned.contract, decided, run), |own| vec![own.sleeve.clone()]),
        side: parent.side().to_string(),
        quantity: planned.quantity.abs().to_string(),
        purpose: planned.purpose.to_string(),
        reason: consequence.map(|own| own.reason.clone()).or_else(|| as_spread(parent, plan, run)),
        limit: parent.children().last().map(|child| child.limit.to_string()),
        filled: parent.filled().to_string(),
        average_price: parent.average_price().map(|price| price.round_dp(6).normalize().to_string()),
        arrival: parent.arrival().map(|price| price.to_string()),
        status: outcome(parent).to_owned(),
        slippage_bps: parent.slippage_bps(),
        children: parent.children().len(),
    }
}

/// What of an order was executed as a calendar spread, and with which contract.
fn as_spread(parent: &Parent, plan: &DayPlan, run: &Run) -> Option<String> {
    let number = parent.planned().number;
    let spread = plan.spreads.iter().find(|spread| [spread.near, spread.far].contains(&number))?;
    let other = if spread.near == number { spread.far } else { spread.near };
    let name = &run.setup.universe.contract(plan.orders[usize::from(other) - 1].contract).name;
    let filled = parent.children().iter().filter(|child| child.spread.is_some());
    let filled = filled.fold(Quantity::ZERO, |sum, child| sum + child.filled);
    Some(format!("{filled} of it in a calendar spread with {name}"))
}

fn hedge(decision: &strategy::HedgeDecision) -> Hedge {
    let &strategy::HedgeDecision { currency, exposure, residual, band, held, wanted, .. } = decision;
    Hedge { currency: currency.to_string(), exposure, residual, band, held, wanted }
}

fn positions(ledger: &Ledger, end: &End, books: &SleeveBooks, hedges: &Hedges, run: &Run) -> Vec<Position> {
    let universe = &run.setup.universe;
    let theirs = |contract| {
        let rows = end.snapshot.as_ref().map(|snapshot| snapshot.positions.iter());
        rows.map(|mut rows| rows.find(|row| row.contract == contract).map_or(Quantity::ZERO, |row| row.quantity))
    };
    let shown = |contract: &ContractId| {
        !ledger.quantity(*contract).is_zero() || theirs(*contract).is_some_and(|quantity| !quantity.is_zero())
    };
    let row = |contract| Position {
        instrument: universe.contract(contract).name.clone(),
        ours: ledger.quantity(contract).to_string(),
        broker: theirs(contract).map_or_else(|| "unknown".into(), |quantity| quantity.to_string()),
        mark: end.marks[contract].map_or_else(|| "unknown".into(), |mark| mark.to_string()),
        sleeves: holders(contract, books),
        currency: universe.terms(contract).currency.to_string(),
        notional: hedges.exposure_of(contract).or_else(|| notional(contract, ledger, end, run)).map(cents),
        unrealised: end.marks[contract]
            .map(|mark| cents(value(contract, mark, ledger, run) - ledger.position(contract).basis)),
    };
    universe.contracts().filter(shown).map(row).collect()
}

fn sleeve_result(profit: SleeveProfit) -> SleeveResult {
    let SleeveProfit { sleeve, today, cumulative } = profit;
    SleeveResult { sleeve, today: today.amount().normalize(), cumulative: cumulative.amount().normalize() }
}

/// Which sleeves hold how much of a contract.
fn holders(contract: ContractId, books: &SleeveBooks) -> Vec<String> {
    let held = books.sleeves().map(|sleeve| (sleeve, books.quantity(sleeve, contract)));
    let held = held.filter(|(_, quantity)| !quantity.is_zero());
    held.map(|(sleeve, quantity)| format!("{} {quantity}", books.name(sleeve))).collect()
}

/// What the last reconciliation found, cause by cause.
fn differences(end: &End, run: &Run) -> Vec<Difference> {
    let Some(result) = &end.reconciliation else { return Vec::new() };
    let rows = explain(result, &run.setup.universe, &run.setup.policy.reconciliation);
    rows.into_iter().map(difference).collect()
}

fn difference(row: Row) -> Difference {
    let Row { id, layer, item, ours, theirs, difference, tolerance, cause, evidence, consequence } = row;
    Difference { id, layer, item, ours, theirs, difference, tolerance, cause, evidence, consequence }
}

/// Quantity × mark × multiplier, in the contract's currency.
fn value(contract: ContractId, mark: Price, ledger: &Ledger, run: &Run) -> Decimal {
    ledger.quantity(contract).value_at(mark, run.setup.universe.terms(contract).multiplier)
}

fn notional(contract: ContractId, ledger: &Ledger, end: &End, run: &Run) -> Option<Decimal> {
    let currency = run.setup.universe.terms(contract).currency;
    let rate = end.fx.rate(currency, end.fx.base()).ok()?;
    Some(value(contract, end.marks[contract]?, ledger, run) * rate)
}

/// Morning and evening; what was doubted at both is told once.
fn doubts(end: &End, decided: &Decided, run: &Run) -> Vec<String> {
    let both = [&decided.inputs.doubts, &end.doubts];
    let marks = both.iter().flat_map(|doubts| &doubts.marks);
    let marks = marks.map(|flag| flag.sentence(&run.setup.universe.contract(flag.contract).name));
    let rates = both.iter().flat_map(|doubts| &doubts.rates).map(|finding| finding.sentence());
    let mut told: Vec<String> = marks.chain(rates).collect();
    told.sort_unstable();
    told.dedup();
    told
}

/// Two digits, always shown, half away from zero.
pub(super) fn cents(amount: Decimal) -> Decimal {
    let mut cents = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    cents.rescale(2);
    cents
}
