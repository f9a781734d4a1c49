//! `gate explain`: every check of the gate, its limit in force and its value on the last day.
//!
//! In: settings, and the journal of the state folder when there is one. Out: a table, or JSON. Invariant: limits are the
//! gate's own; values are recomputed from what the last plan was made of and what was sent since.

use super::recorded::RecordedDay;
use super::records::Records;
use super::show;
use crate::cli::Global;
use crate::failure::Failure;
use crate::policy;
use crate::world::Ground;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use cycle::{DayPlan, Entry, RecordedInputs, Setup};
use domain::{ContractId, Quantity, Side};
use execution::{Command, PlannedOrder};
use jiff::civil::Date;
use market::calendar::next_guard;
use risk::Check;
use risk::gate::{Concerns, Exposure, Holding};
use serde::Serialize;
use std::collections::BTreeMap;

/// One check as a person reads it.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) code: &'static str,
    concerns: Concerns,
    pub(super) limit: String,
    pub(super) now: String,
    pub(super) does: &'static str,
}

/// The checks that a whole plan uses up.
const USED: [Check; 7] =
    [Check::Turnover, Check::Gross, Check::Net, Check::Position, Check::OrderValue, Check::Adv, Check::Margin];

/// How much of its limits a plan uses.
pub(super) fn of_plan(day: &RecordedDay) -> Result<Vec<Row>, Failure> {
    let (setup, day) = Day::of(day)?;
    Ok(USED.into_iter().map(|check| row(check, setup, Some(&day))).collect())
}

fn row(check: Check, setup: &Setup, day: Option<&Day<'_>>) -> Row {
    let (concerns, does) = check.rule();
    let limit = check.limit(&setup.policy.gate, &setup.universe);
    let now = day.map_or_else(String::new, |day| day.value(check, setup));
    Row { code: check.code(), concerns, limit, now, does }
}

pub async fn explain(global: &Global) -> Result<(), Failure> {
    let last = last(global).await?;
    let ground = Ground::new(global, None, 1)?;
    let asked = policy::setup(&ground.loaded, (*ground.universe).clone());
    let (setup, day) = match &last {
        Some(last) => Day::of(last).map(|(setup, day)| (setup, Some(day)))?,
        None => (&asked, None),
    };
    let mut rows: Vec<Row> = Check::ALL.into_iter().map(|check| row(check, setup, day.as_ref())).collect();
    rows.sort_by_key(|row| row.concerns);
    let date = day.as_ref().map(|day| day.plan.date);
    if global.json {
        return show(format!("{}\n", serde_json::json!({ "date": date, "checks": rows })));
    }
    show(page(date, &rows))
}

fn page(date: Option<Date>, rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["check", "concerns", "limit", "now", "what it does"]);
    table.add_rows(rows.iter().map(|row| [row.code, row.concerns.words(), &row.limit, &row.now, row.does]));
    let told = date.map_or_else(
        || "No day was recorded in the state folder, so no value is shown beside a limit.\n".to_owned(),
        |date| format!("Values of {date}, the last day with a plan.\n"),
    );
    table.lines().fold(told + "\n", |page, line| page + line.trim_end() + "\n")
}

/// The last planned day, with what was sent.
struct Day<'a> {
    inputs: &'a RecordedInputs,
    plan: &'a DayPlan,
    /// Orders sent by contract and side.
    sent: BTreeMap<(ContractId, Side), u32>,
}

/// The last day with a plan; `None` when the state folder holds none.
async fn last(global: &Global) -> Result<Option<RecordedDay>, Failure> {
    let dir = global.state_dir.clone().unwrap_or_else(|| "state".into());
    if global.state_dir.is_none() && !dir.exists() {
        return Ok(None);
    }
    let records = Records::open(global).await?;
    match records.journal.last_of_kind(&records.account, "plan").await? {
        Some(_) => records.day(None).await.map(Some),
        None => Ok(None),
    }
}

impl<'a> Day<'a> {
    fn of(day: &'a RecordedDay) -> Result<(&'a Setup, Day<'a>), Failure> {
        let mut sent = BTreeMap::new();
        for (_, entry) in day.entries()? {
            let legs = match entry {
                Entry::Command(Command::Place { contract, side, .. }) => vec![(contract, side)],
                Entry::Command(Command::PlaceSpread { near, far, side, .. }) => {
                    vec![(near, side.opposite()), (far, side)]
                }
                _ => Vec::new(),
            };
            legs.into_iter().for_each(|leg| *sent.entry(leg).or_default() += 1);
        }
        Ok((&day.setup, Day { inputs: &day.inputs, plan: &day.plan, sent }))
    }

    /// The value a check looked at, as far as it is one of the day and not of a single order.
    fn value(&self, check: Check, setup: &Setup) -> String {
        let (nav, conditions) = (self.plan.facts.nav, &self.inputs.conditions);
        let percent = |value: f64| format!("{:.2} %", value * 100.0);
        let name = |contract: ContractId| setup.universe.contract(contract).name.as_str();
        match check {
            Check::Mode => self.plan.mode.to_string(),
            Check::Account => if conditions.foreign_account { "disagree" } else { "agree" }.into(),
            Check::Reconciliation => self.names(self.plan.facts.frozen.iter().copied(), setup),
            Check::VenueHours => self.names(conditions.contradicted.iter().copied(), setup),
            Check::Maintenance => next_guard(&conditions.guards, self.plan.decided_at)
                .map_or_else(String::new, |guard| format!("next at {}", guard.opens)),
            Check::OrderValue => {
                let slices = |share: f64| (share / setup.policy.gate.order_value_max).ceil();
                let told = |share: f64| match slices(share) {
                    many if many > 1.0 => format!("{} in {many} slices:", percent(share)),
                    _ => percent(share),
                };
                self.largest(setup, |order| Some(self.order_value(order) / nav), told)
            }
            Check::Adv => {
                let share = |order: &PlannedOrder| {
                    conditions.adv[order.contract].map(|adv| order.quantity.abs().to_f64() / adv)
                };
                self.largest(setup, share, percent)
            }
            Check::Turnover => percent(self.increases(setup) / nav),
            Check::Position => self
                .largest_position(setup)
                .map_or_else(String::new, |(contract, value)| format!("{} {}", percent(value / nav), name(contract))),
            Check::Gross => percent(self.worst_case(setup).gross / nav),
            Check::Net => percent(self.worst_case(setup).net() / nav),
            Check::Margin => conditions.excess_liquidity.map_or("not told".into(), |excess| percent(excess / nav)),
            Check::Throttle => {
                let most = self.sent.iter().max_by_key(|(_, count)| **count);
                most.map_or("0".into(), |((contract, side), count)| format!("{count} {side} {}", name(*contract)))
            }
            Check::Volatility => self.plan.risk.vol.map_or("none".into(), percent),
            Check::FxRate | Check::Quarantine | Check::UnhedgedCurrency | Check::Restricted => {
                let held = self.plan.facts.no_increase.iter().filter(|withheld| withheld.check == check);
                self.names(held.map(|withheld| withheld.contract), setup)
            }
            _ => {
                let refused = self.plan.refusals.iter().filter(|refusal| refusal.check == check).count();
                if refused == 0 { String::new() } else { format!("refused {refused}") }
            }
        }
    }

    /// The instruments of contracts, each once.
    fn names(&self, contracts: impl Iterator<Item = ContractId>, setup: &Setup) -> String {
        let mut names: Vec<&str> = contracts.map(|c| setup.universe.instrument_of(c).name.as_str()).collect();
        names.dedup();
        match names.as_slice() {
            [] => "nothing".into(),
            [first, rest @ ..] if rest.len() > 2 => format!("{first} and {} more", rest.len()),
            few => few.join(", "),
        }
    }

    fn order_value(&self, order: &PlannedOrder) -> f64 {
        order.quantity.abs().to_f64() * self.plan.table.unit_price[order.contract]
    }

    fn largest(
        &self,
        setup: &Setup,
        measure: impl Fn(&PlannedOrder) -> Option<f64>,
        told: impl Fn(f64) -> String,
    ) -> String {
        let measured = self.plan.orders.iter().filter_map(|order| Some((order.contract, measure(order)?)));
        let largest = measured.max_by(|(_, a), (_, b)| a.total_cmp(b));
        largest.map_or_else(String::new, |(contract, value)| {
            format!("{} {}", told(value), setup.universe.contract(contract).name)
        })
    }

    fn held(&self, contract: ContractId) -> Quantity {
        self.inputs.books.ledger().quantity(contract)
    }

    /// A contract's position with all of the day's orders open.
    fn holding(&self, contract: ContractId) -> Holding {
        let own = self.plan.orders.iter().filter(|order| order.contract == contract);
        let start = Holding { held: self.held(contract), ..Holding::default() };
        own.fold(start, |holding, order| holding.with(order.quantity))
    }

    fn worst_case(&self, setup: &Setup) -> Exposure {
        let counted = setup.universe.contracts().filter(|&contract| !setup.outside_caps[contract]);
        counted.fold(Exposure::default(), |mut exposure, contract| {
            exposure.add(self.holding(contract), self.plan.table.unit_price[contract]);
            exposure
        })
    }

    fn largest_position(&self, setup: &Setup) -> Option<(ContractId, f64)> {
        let counted = setup.universe.contracts().filter(|&contract| !setup.outside_caps[contract]);
        let worst = counted
            .map(|contract| (contract, self.holding(contract).worst().to_f64() * self.plan.table.unit_price[contract]));
        worst.max_by(|(_, a), (_, b)| a.total_cmp(b)).filter(|(_, value)| *value > 0.0)
    }

    /// What the day's orders add to positions, in base currency.
    fn increases(&self, setup: &Setup) -> f64 {
        let counted = |contract| !setup.outside_caps[contract] || setup.is_spread(contract);
        let orders = self.plan.orders.iter().filter(|order| counted(order.contract));
        let added = orders.map(|order| {
            let held = self.held(order.contract);
            let change = strategy::sizing::Change::between(held, held + order.quantity);
            change.increase.abs().to_f64() * self.plan.table.unit_price[order.contract]
        });
        added.sum()
    }
}
