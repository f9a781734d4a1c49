//! What a stored plan would do, as data and as a page.
//!
//! In: a recorded day, what trading has cost lately. Out: targets, orders, days to the target, margin, costs, limits, hedges,
//! warnings, approval. Invariant: a view of recorded rows; estimates are named as such.

use super::gate;
use super::recorded::RecordedDay;
use crate::day::Measured;
use crate::failure::Failure;
use crate::policy;
use crate::settings::Loaded;
use console::decisions::{readable, table};
use cycle::approval::by_rule;
use cycle::{Directive, Entry};
use domain::money::grouped;
use domain::{ContractId, OrderRef};
use rust_decimal::Decimal;
use serde::Serialize;
use strategy::sizing::Change;

/// A plan, ready to be shown.
#[derive(Serialize)]
pub struct Preview {
    date: String,
    plan_hash: String,
    decided_at: String,
    base: String,
    nav: Option<Decimal>,
    mode: String,
    regime: String,
    scale: f64,
    approval: Approval,
    targets: Vec<Target>,
    orders: Vec<Order>,
    schedule: Vec<DayAhead>,
    margin: Margin,
    costs: Costs,
    limits: Vec<gate::Row>,
    hedges: Vec<Hedge>,
    warnings: Vec<String>,
}

/// Who has approved it, or what is in the way.
#[derive(Serialize)]
struct Approval {
    /// `by rule`, `by NAME`, `rejected by NAME`, `waits` or `executed`.
    status: String,
    /// Codes and sentences of what the rules object to.
    objections: Vec<(String, String)>,
}

/// Target against current.
#[derive(Serialize)]
struct Target {
    instrument: String,
    weight: f64,
    target_value: f64,
    held: String,
    wanted: String,
    today: String,
    held_back_by: Vec<String>,
}

/// An order that would be sent.
#[derive(Serialize)]
struct Order {
    order_ref: String,
    instrument: String,
    side: String,
    quantity: String,
    purpose: String,
    /// In base currency, at the plan's mark.
    value: f64,
    opens: Option<String>,
    closes: Option<String>,
    expected_cost_bps: f64,
    expected_cost: f64,
}

/// What would be left to do on a later day, at today's prices and targets.
#[derive(Serialize)]
struct DayAhead {
    day: usize,
    /// What is added, as a fraction of NAV.
    adds: f64,
    /// What is left after it.
    left: f64,
}

/// The cushion in base currency, before and after the day's increases.
#[derive(Serialize)]
struct Margin {
    excess_before: Option<f64>,
    excess_before_of_nav: Option<f64>,
    needed: f64,
    excess_after: Option<f64>,
    excess_after_of_nav: Option<f64>,
}

/// Estimated costs, in base currency.
#[derive(Serialize)]
struct Costs {
    expected: f64,
    expected_bps: f64,
}

/// One currency.
#[derive(Serialize)]
struct Hedge {
    currency: String,
    /// After the day's orders, in the currency.
    exposure: f64,
    contracts_held: i64,
    contracts_wanted: i64,
    contract: Option<String>,
    /// What a rise of the currency by 1 % does to NAV now and with the hedge wanted, in base currency.
    one_percent_before: f64,
    one_percent_after: f64,
}

impl Preview {
    pub fn of(day: &RecordedDay, measured: &Measured, account: &str) -> Result<Preview, Failure> {
        let loaded = Loaded::read_back(&day.configuration).map_err(Failure::Journal)?;
        let (plan, universe) = (&day.plan, &day.setup.universe);
        let entries: Vec<Entry> = day.entries()?.into_iter().map(|(_, entry)| entry).collect();
        let orders: Vec<Order> =
            plan.orders.iter().map(|order| of_order(order, day, measured, &loaded, account)).collect();
        let expected: f64 = orders.iter().map(|order| order.expected_cost).sum();
        let value: f64 = orders.iter().map(|order| order.value).sum();
        Ok(Preview {
            date: day.date.to_string(),
            plan_hash: day.hash(),
            decided_at: plan.decided_at.to_string(),
            base: day.setup.base.to_string(),
            nav: plan.nav.map(|nav| nav.amount().round_dp(2)),
            mode: plan.mode.to_string(),
            regime: plan.risk.regime.name().to_owned(),
            scale: plan.risk.scale,
            approval: approval(day, &entries, &loaded),
            targets: universe.contracts().filter_map(|contract| target(contract, day)).collect(),
            costs: Costs { expected, expected_bps: if value > 0.0 { expected / value * 1e4 } else { 0.0 } },
            orders,
            schedule: schedule(day),
            margin: margin(day),
            limits: gate::of_plan(day)?,
            hedges: hedges(day),
            warnings: warnings(day),
        })
    }
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

fn approval(day: &RecordedDay, entries: &[Entry], loaded: &Loaded) -> Approval {
    let hash = day.hash();
    let objections = by_rule(&day.plan, &policy::approval(&loaded.settings));
    let said = entries.iter().rev().find_map(|entry| match entry {
        Entry::Operator(said) => match &said.directive {
            Directive::Approve { plan } if *plan == hash => Some(format!("by {}", said.by)),
            Directive::Reject { plan } if *plan == hash => Some(format!("rejected by {}", said.by)),
            _ => None,
        },
        _ => None,
    });
    let sent = entries.iter().any(|entry| matches!(entry, Entry::Command(_)));
    let status = match (said, objections.is_empty()) {
        (Some(said), _) => said,
        (None, true) => "by rule".to_owned(),
        (None, false) if sent => "executed".to_owned(),
        (None, false) => "waits".to_owned(),
    };
    let objections = objections.iter().map(|why| (why.code().to_owned(), why.sentence())).collect();
    Approval { status, objections }
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

/// The page of a plan.
pub fn page(plan: &Preview) -> String {
    let mut page = String::new();
    let mut line = |text: String| page += &format!("{}\n", text.trim_end());
    let base = &plan.base;
    let money = |value: f64| grouped(Decimal::from_f64_retain(value).unwrap_or_default(), 0);
    let percent = |value: f64| format!("{:.2} %", value * 100.0 + 0.0);
    line(format!("Plan {} of {}, decided at {}", &plan.plan_hash[..12], plan.date, plan.decided_at));
    let nav = plan.nav.map_or_else(|| "unknown".to_owned(), |nav| grouped(nav, 2));
    line(format!("NAV {nav} {base} · mode {} · regime {} · scale {}", plan.mode, plan.regime, readable(plan.scale)));
    line(format!("Approval {}", plan.approval.status));
    plan.approval.objections.iter().for_each(|(code, why)| line(format!("  {code}: {why}")));
    line(format!("Content hash {}", plan.plan_hash));
    let rows: Vec<Vec<String>> = plan
        .targets
        .iter()
        .map(|row| {
            vec![
                row.instrument.clone(),
                percent(row.weight),
                money(row.target_value),
                row.held.clone(),
                row.wanted.clone(),
                row.today.clone(),
                row.held_back_by.join(", "),
            ]
        })
        .collect();
    let header = ["instrument", "weight", "target value", "held", "wanted", "today", "held back by"];
    line(format!("\nTarget against current (values in {base})\n{}", table(&header, &rows, &[1, 2, 3, 4, 5])));
    let time = |instant: &Option<String>| instant.as_ref().and_then(|text| text.get(11..16)).unwrap_or("–").to_owned();
    let rows: Vec<Vec<String>> = plan
        .orders
        .iter()
        .map(|row| {
            vec![
                row.order_ref.clone(),
                row.side.clone(),
                row.quantity.clone(),
                row.instrument.clone(),
                row.purpose.clone(),
                money(row.value),
                format!("{}–{}", time(&row.opens), time(&row.closes)),
                format!("{:.1} bp", row.expected_cost_bps),
            ]
        })
        .collect();
    if rows.is_empty() {
        line("\nNo orders.".to_owned());
    } else {
        let header = ["order", "side", "quantity", "instrument", "purpose", "value", "window (UTC)", "expected"];
        line(format!("\nOrders (nothing is sent by this command)\n{}", table(&header, &rows, &[2, 5, 7])));
    }
    let days: Vec<String> =
        plan.schedule.iter().map(|day| format!("day {} adds {}", day.day, percent(day.adds))).collect();
    let left = plan.schedule.last().map_or(0.0, |day| day.left);
    let rest = if left > 0.0 { format!("; {} of NAV is left then", percent(left)) } else { String::new() };
    line(format!("\nSchedule  {}{rest}, at today's prices and targets", shortened(&days)));
    let cushion = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), money);
    let margin = &plan.margin;
    line(format!(
        "Margin    excess liquidity {} before, {} after",
        cushion(margin.excess_before),
        cushion(margin.excess_after)
    ));
    let costs = &plan.costs;
    line(format!("Costs     about {} {base}, {:.1} bp of what is traded", money(costs.expected), costs.expected_bps));
    for hedge in &plan.hedges {
        let into = hedge.contract.as_ref().map_or_else(|| "nothing can be traded".to_owned(), Clone::clone);
        line(format!(
            "Hedge     {} {} of exposure · {} contracts held, {} wanted in {into} · 1 % of it moves NAV by {}, hedged {}",
            money(hedge.exposure),
            hedge.currency,
            hedge.contracts_held,
            hedge.contracts_wanted,
            money(hedge.one_percent_before),
            money(hedge.one_percent_after)
        ));
    }
    let rows: Vec<Vec<String>> =
        plan.limits.iter().map(|row| vec![row.code.to_owned(), row.limit.clone(), row.now.clone()]).collect();
    line(format!("\nLimits used\n{}", table(&["check", "limit", "this plan"], &rows, &[])));
    if !plan.warnings.is_empty() {
        line("\nWarnings".to_owned());
        plan.warnings.iter().for_each(|warning| line(format!("  {warning}")));
    }
    page.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The first days, and the last.
fn shortened(days: &[String]) -> String {
    match days {
        [] => "nothing is increased".to_owned(),
        [first @ .., last] if first.len() > 4 => format!("{}, … {last}", first[..3].join(", ")),
        few => few.join(", "),
    }
}
