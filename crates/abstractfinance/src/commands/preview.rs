//! What a stored plan would do.
//!
//! In: a recorded day, what trading has cost lately. Out: targets, orders, days to the target, margin, costs, limits, hedges,
//! warnings, approval. Invariant: a view of recorded rows; only the approval changes after a plan was stored.

use super::gate;
use super::recorded::RecordedDay;
use super::records::{Records, body};
use crate::book::DAY_CLOSED;
use crate::day::Measured;
use crate::failure::Failure;
use crate::policy;
use crate::settings::Loaded;
use console::plan::{Approval, Costs, DayAhead, Hedge, Limit, Margin, Order, PlanPage, Target};
use cycle::approval::by_rule;
use cycle::{Directive, Instruction};
use domain::{ContractId, OrderRef};
use serde::Deserialize;
use strategy::sizing::Change;

/// The newest plan, or that of a date, as it stands now.
pub async fn of(records: &Records, day: &RecordedDay) -> Result<PlanPage, Failure> {
    let measured = measured(records, day).await?;
    let mut page = unapproved(day, &measured, &records.account)?;
    page.approval = approval(records, day.stored.seq, &page).await?;
    Ok(page)
}

/// What trading had cost before the date.
async fn measured(records: &Records, day: &RecordedDay) -> Result<Measured, Failure> {
    #[derive(Deserialize)]
    struct Closed {
        book: Book,
    }
    #[derive(Deserialize)]
    struct Book {
        #[serde(default)]
        measured: Measured,
    }
    let closed = records.journal.events_of_kind(&records.account, DAY_CLOSED).await?;
    let before = closed.iter().rfind(|event| event.trade_date < day.date.to_string());
    Ok(before.map(body::<Closed>).transpose()?.map(|closed| closed.book.measured).unwrap_or_default())
}

/// What was said of a plan, heard by the engine or not yet, and how far it has come.
pub async fn approval(records: &Records, stored: i64, page: &PlanPage) -> Result<Approval, Failure> {
    let unreadable = |error: jiff::Error| Failure::Journal(format!("{}: {error}", page.date));
    let events = records.journal.events(&records.account, page.date.parse().map_err(unreadable)?).await?;
    let after = || events.iter().filter(|event| event.seq > stored);
    let heard = after().filter(|event| event.kind == "operator").map(body::<Instruction>);
    let mut said = heard.collect::<Result<Vec<Instruction>, Failure>>()?;
    let inbox = records.journal.open_inbox(&records.account).await?;
    said.extend(inbox.iter().filter_map(|message| serde_json::from_str::<Instruction>(&message.body).ok()));
    let word = said.iter().rev().find_map(|said| match &said.directive {
        Directive::Approve { plan } if *plan == page.plan_hash => Some(format!("by {}", said.by)),
        Directive::Reject { plan } if *plan == page.plan_hash => Some(format!("rejected by {}", said.by)),
        _ => None,
    });
    let has = |kind: &str| after().any(|event| event.kind == kind);
    let progress = match (has(DAY_CLOSED), has("command")) {
        (true, _) => "its day is over",
        (false, true) => "under way",
        (false, false) => "nothing of it was sent yet",
    };
    let objections = page.approval.objections.clone();
    let by_rule = || if objections.is_empty() { "by rule" } else { "waits" }.to_owned();
    Ok(Approval {
        status: word.unwrap_or_else(by_rule),
        progress: progress.to_owned(),
        open: !has(DAY_CLOSED) && !has("command") && !page.orders.is_empty(),
        objections,
    })
}

/// Everything about a plan but what was said of it.
pub fn unapproved(day: &RecordedDay, measured: &Measured, account: &str) -> Result<PlanPage, Failure> {
    let loaded = Loaded::read_back(&day.configuration).map_err(Failure::Journal)?;
    let (plan, universe) = (&day.plan, &day.setup.universe);
    let orders: Vec<Order> = plan.orders.iter().map(|order| of_order(order, day, measured, &loaded, account)).collect();
    let expected: f64 = orders.iter().map(|order| order.expected_cost).sum();
    let value: f64 = orders.iter().map(|order| order.value).sum();
    Ok(PlanPage {
        date: day.date.to_string(),
        plan_hash: day.hash(),
        decided_at: plan.decided_at.to_string(),
        base: day.setup.base.to_string(),
        nav: plan.nav.map(|nav| nav.amount().round_dp(2)),
        mode: plan.mode.to_string(),
        regime: plan.risk.regime.name().to_owned(),
        scale: plan.risk.scale,
        approval: Approval { objections: objections(day, &loaded), ..Approval::default() },
        targets: universe.contracts().filter_map(|contract| target(contract, day)).collect(),
        costs: Costs { expected, expected_bps: if value > 0.0 { expected / value * 1e4 } else { 0.0 } },
        orders,
        schedule: schedule(day),
        margin: margin(day),
        limits: limits(day)?,
        hedges: hedges(day),
        warnings: warnings(day),
    })
}

fn of_order(
    order: &execution::PlannedOrder,
    day: &RecordedDay,
    measured: &Measured,
    loaded: &Loaded,
    account: &str,
) -> Order {
    let (contract, universe) = (order.contract, &day.setup.universe);
    let value = order.quantity.to_f64().abs() * day.plan.table.unit_price[contract];
    let bps = measured.expected_bps(universe.instrument_of(contract), &loaded.settings);
    let window = day.inputs.windows[contract];
    let account = account.parse().ok();
    let reference = account.map(|account| OrderRef { account, date: day.date, intent: order.number, attempt: 1 });
    Order {
        order_ref: reference.map_or_else(String::new, |reference| reference.to_string()),
        instrument: universe.contract(contract).name.clone(),
        side: if order.quantity.signum() < 0 { "SELL" } else { "BUY" }.to_owned(),
        quantity: order.quantity.abs().to_string(),
        purpose: order.purpose.to_string(),
        value,
        opens: window.map(|window| window.opens.to_string()),
        closes: window.map(|window| window.closes.to_string()),
        expected_cost_bps: bps,
        expected_cost: value * bps / 1e4,
    }
}

fn target(contract: ContractId, day: &RecordedDay) -> Option<Target> {
    let (table, held) = (&day.plan.table, day.inputs.books.ledger().quantity(contract));
    let shown = table.weight[contract] != 0.0 || !held.is_zero() || !table.wanted[contract].is_zero();
    shown.then(|| Target {
        instrument: day.setup.universe.contract(contract).name.clone(),
        weight: table.weight[contract],
        target_value: table.target_value[contract],
        held: held.to_string(),
        wanted: table.netted[contract].to_string(),
        today: table.scheduled[contract].to_string(),
        held_back_by: table.verdict[contract].failed().map(|check| check.code().to_owned()).collect(),
    })
}

fn objections(day: &RecordedDay, loaded: &Loaded) -> Vec<(String, String)> {
    let objections = by_rule(&day.plan, &policy::approval(&loaded.settings));
    objections.iter().map(|why| (why.code().to_owned(), why.sentence())).collect()
}

fn limits(day: &RecordedDay) -> Result<Vec<Limit>, Failure> {
    // The gate knows what is free before the orders; the plan is measured by what it leaves.
    let left = margin(day).excess_after_of_nav.map(|share| format!("{:.2} %", share * 100.0));
    let now = |row: &gate::Row| left.clone().filter(|_| row.code == risk::Check::Margin.code());
    let row = |row: gate::Row| Limit {
        code: row.code.to_owned(),
        now: now(&row).unwrap_or_else(|| row.now.clone()),
        limit: row.limit,
        does: row.does.to_owned(),
    };
    Ok(gate::of_plan(day)?.into_iter().map(row).collect())
}

/// Most days that are looked ahead.
const DAYS_AHEAD: usize = 60;

/// How the increases spread over days: under the turnover limit together, under its volume each.
fn schedule(day: &RecordedDay) -> Vec<DayAhead> {
    let (plan, setup) = (&day.plan, &day.setup);
    let (nav, gate) = (plan.facts.nav, &setup.policy.gate);
    let mut left: Vec<(ContractId, f64)> = Vec::new();
    let mut today = 0.0;
    for contract in setup.universe.contracts().filter(|&contract| !setup.outside_caps[contract]) {
        let held = day.inputs.books.ledger().quantity(contract);
        let price = plan.table.exposure[contract].abs();
        let rolled = plan.table.rolled[contract];
        let all = (Change::between(held, plan.table.netted[contract]).increase - rolled).to_f64().abs() * price;
        let now =
            (Change::between(held, held + plan.table.scheduled[contract]).increase - rolled).to_f64().abs() * price;
        today += now;
        let lot = setup.universe.terms(contract).lot.to_f64() * price;
        left.extend((all - now >= lot && lot > 0.0).then_some((contract, all - now)));
    }
    if nav <= 0.0 {
        return Vec::new();
    }
    let sum = |left: &[(ContractId, f64)]| left.iter().map(|(_, value)| value).sum::<f64>();
    let mut days = vec![DayAhead { day: 1, adds: today / nav, left: sum(&left) / nav }];
    while !left.is_empty() && days.len() < DAYS_AHEAD {
        let volume = |contract: ContractId| {
            let adv = day.inputs.conditions.adv[contract].unwrap_or(0.0);
            adv * gate.adv_max * plan.table.exposure[contract].abs()
        };
        let able: Vec<f64> = left.iter().map(|&(contract, value)| value.min(volume(contract))).collect();
        let share = (gate.turnover_max * nav / able.iter().sum::<f64>()).min(1.0);
        let mut adds = 0.0;
        for ((_, value), able) in left.iter_mut().zip(&able) {
            *value -= able * share;
            adds += able * share;
        }
        if adds == 0.0 || !adds.is_finite() {
            break; // nothing more goes at today's volumes
        }
        left.retain(|(contract, value)| {
            let lot = setup.universe.terms(*contract).lot.to_f64() * plan.table.exposure[*contract].abs();
            *value >= lot
        });
        days.push(DayAhead { day: days.len() + 1, adds: adds / nav, left: sum(&left) / nav });
    }
    days
}

/// The broker was asked what each increase would take before it was chosen.
fn margin(day: &RecordedDay) -> Margin {
    let before = day.inputs.conditions.excess_liquidity;
    let panel = day.panel();
    let needed = cycle::margin_needed(&day.view(&panel), &day.plan);
    let nav = day.plan.facts.nav;
    let share = |value: f64| if nav > 0.0 { value / nav } else { 0.0 };
    Margin {
        excess_before: before,
        excess_before_of_nav: before.map(share),
        needed,
        excess_after: before.map(|before| before - needed),
        excess_after_of_nav: before.map(|before| share(before - needed)),
    }
}

fn hedges(day: &RecordedDay) -> Vec<Hedge> {
    let policy = &day.setup.policy.fx_hedge;
    let row = |decision: &strategy::HedgeDecision| {
        let rule = policy.rules.iter().find(|rule| rule.currency == decision.currency)?;
        let rate = day.plan.facts.rates[decision.currency]?;
        let open = |contracts: i64| (decision.exposure + contracts as f64 * f64::from(rule.size)) * rate * 0.01;
        Some(Hedge {
            currency: decision.currency.to_string(),
            exposure: decision.exposure,
            contracts_held: decision.held,
            contracts_wanted: decision.wanted,
            contract: decision.contract.map(|contract| day.setup.universe.contract(contract).name.clone()),
            one_percent_before: open(decision.held),
            one_percent_after: open(decision.wanted),
        })
    };
    day.plan.hedges.iter().filter_map(row).collect()
}

fn warnings(day: &RecordedDay) -> Vec<String> {
    let (plan, universe) = (&day.plan, &day.setup.universe);
    let alarms = plan.risk.alarms.iter().map(|alarm| alarm.sentence());
    let measures = plan.risk.measures.warnings.iter().map(ToString::to_string);
    let marks = day.inputs.doubts.marks.iter().map(|flag| {
        let old = if flag.stale { ", and it is old" } else { "" };
        format!("{}: valued at its last good mark{old}", universe.contract(flag.contract).name)
    });
    let rates = day.inputs.doubts.rates.iter().map(|finding| format!("the rate of {} is in doubt", finding.currency));
    let refusals =
        plan.refusals.iter().map(|refusal| format!("{}: {}", refusal.check.code(), refusal.sentence(universe)));
    alarms.chain(measures).chain(marks).chain(rates).chain(refusals).collect()
}
