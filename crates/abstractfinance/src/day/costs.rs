//! What the day's orders cost, and what the next ones are expected to.
//!
//! In: the finished session, the plan's marks and wants, the account at the end. Out: the costs of each order in base
//! currency, by sleeve; a running mean by asset class. Invariant: made from booked executions and charges alone; the
//! sleeves' shares add up to the order.

use super::end::End;
use super::{Decided, Run};
use crate::settings::Settings;
use console::costs::{DayCosts, OrderCost};
use cycle::{DayPlan, Session};
use domain::{AssetClass, Costs, ExecutionId, Instrument, LedgerEvent, Money, OrderRef, Quantity, SleeveBooks};
use execution::costs::basis_points;
use execution::{Parent, Worked};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Slippage and fees by asset class, and by asset class at a venue; older days count less.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured(BTreeMap<String, Experience>);

/// What was traded of a class, and what it cost against arrival, fees included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Experience {
    traded: Decimal,
    cost: Decimal,
}

impl Measured {
    /// What an order is expected to cost, in basis points: what its class cost at its venue, before that was measured what the
    /// class cost anywhere, and before that the collar, the most it may slip.
    pub fn expected_bps(&self, instrument: &Instrument, settings: &Settings) -> f64 {
        let class = name(instrument.asset_class);
        let known = |key: &str| self.0.get(key).and_then(|known| basis_points(known.cost, known.traded));
        let measured = known(&at_venue(&class, &instrument.venue.to_string())).or_else(|| known(&class));
        measured.unwrap_or_else(|| f64::from(settings.execution.collar(instrument.asset_class).0))
    }

    /// With a day more: what was known before weighs as it would in an exponential mean over the configured days.
    pub fn with(mut self, day: &DayCosts, run: &Run) -> Measured {
        let keep = Decimal::ONE - Decimal::TWO / Decimal::from(run.settings.execution.cost_memory_days + 1);
        for known in self.0.values_mut() {
            let kept = |amount: Decimal| (amount * keep).round_dp(2);
            *known = Experience { traded: kept(known.traded), cost: kept(known.cost) };
        }
        for order in day.orders.iter().filter(|order| !order.traded.is_zero()) {
            for key in [order.asset_class.clone(), at_venue(&order.asset_class, &order.venue)] {
                let known = self.0.entry(key).or_default();
                known.traded += order.traded;
                known.cost += order.costs.slippage() + order.costs.fees;
            }
        }
        self
    }
}

/// What the plan's orders are expected to cost, in base currency.
pub(super) fn expected(plan: &DayPlan, measured: &Measured, run: &Run) -> f64 {
    let cost = |order: &execution::PlannedOrder| {
        let instrument = run.setup.universe.instrument_of(order.contract);
        let value = order.quantity.to_f64().abs() * plan.table.unit_price[order.contract];
        value * measured.expected_bps(instrument, &run.settings) / 1e4
    };
    plan.orders.iter().map(cost).sum()
}

/// The costs of everything the session sent.
pub(super) fn costs(session: &Session<'_>, books: &SleeveBooks, end: &End, decided: &Decided, run: &Run) -> DayCosts {
    let orders = session.parents().filter_map(|parent| order(parent, session, books, end, decided, run)).collect();
    let (plan, price) = (&decided.plan, |contract| Decimal::from_f64_retain(decided.plan.table.unit_price[contract]));
    let value =
        |quantity: Quantity, contract| (quantity.abs().to_decimal() * price(contract).unwrap_or_default()).round_dp(2);
    let ordered = plan.orders.iter().map(|order| (order.number, order.contract, order.quantity));
    let netted = ordered.clone().map(|(_, contract, quantity)| value(quantity, contract)).sum();
    // A sleeve's want is of the way to its target; an order that goes part of it serves each to that part.
    let served = |want: &cycle::plan::Want| {
        let whole: i64 = plan
            .wants
            .iter()
            .filter(|w| w.order == want.order && w.contract == want.contract)
            .map(|w| w.quantity.units())
            .sum();
        let part = ordered.clone().find(|(number, ..)| *number == want.order).map(|(_, _, quantity)| quantity.units());
        let share = part.filter(|_| whole != 0).map_or(Decimal::ONE, |part| Decimal::from(part) / Decimal::from(whole));
        (value(want.quantity, want.contract) * share.abs()).round_dp(2)
    };
    let wanted: Decimal = plan.wants.iter().map(served).sum();
    DayCosts { orders, wanted: if plan.wants.is_empty() { netted } else { wanted }, netted }
}

fn order(
    parent: &Parent,
    session: &Session<'_>,
    books: &SleeveBooks,
    end: &End,
    decided: &Decided,
    run: &Run,
) -> Option<OrderCost> {
    let (planned, universe) = (parent.planned(), &run.setup.universe);
    let instrument = universe.instrument_of(planned.contract);
    let rate = end.fx.rate(instrument.currency, end.fx.base()).ok()?;
    let unplanned = session.consequences().iter().find(|own| own.order.number == planned.number);
    let decision = decided.inputs.marks[planned.contract].filter(|_| unplanned.is_none());
    let last = session.quote(planned.contract).and_then(|quote| quote.mid()).or(end.marks[planned.contract])?;
    let worked = Worked {
        side: parent.side(),
        planned: planned.quantity.abs(),
        filled: parent.filled(),
        filled_value: parent.filled_value(),
        multiplier: instrument.multiplier,
        decision: if unplanned.is_none() { Some(decision?) } else { None },
        arrival: parent.arrival(),
        half_spread: parent.half_spread(),
        last,
        fees: Decimal::ZERO,
    };
    let costs = Costs { fees: fees(planned.number, session, end), ..worked.costs().at_rate(rate) };
    let traded = (parent.filled_value() * Decimal::from(instrument.multiplier) * rate).round_dp(2);
    let first = OrderRef { account: run.account, date: decided.plan.date, intent: planned.number, attempt: 1 };
    let wants: Vec<(String, i64)> = match unplanned {
        Some(own) => vec![(own.sleeve.clone(), planned.quantity.units())],
        None => {
            let own = decided.plan.wants.iter().filter(|want| want.order == planned.number);
            own.map(|want| (books.name(want.sleeve).to_owned(), want.quantity.units())).collect()
        }
    };
    Some(OrderCost {
        order_ref: first.to_string(),
        instrument: universe.contract(planned.contract).name.clone(),
        venue: instrument.venue.to_string(),
        asset_class: name(instrument.asset_class),
        side: parent.side().to_string(),
        filled: parent.filled().to_decimal().normalize(),
        decision: decision.map(|price| price.to_decimal().normalize()),
        arrival: parent.arrival().map(|price| price.to_decimal().normalize()),
        average: parent.average_price().map(|price| price.round_dp(6).normalize()),
        traded,
        expected_bps: decided.measured.expected_bps(instrument, &run.settings),
        sleeves: shares(&costs, traded, &wants),
        costs,
    })
}

/// Each sleeve's part; what nobody wanted is treasury's.
fn shares(costs: &Costs, traded: Decimal, wants: &[(String, i64)]) -> Vec<(String, Decimal, Costs)> {
    let net: i64 = wants.iter().map(|(_, want)| want).sum();
    if net == 0 {
        return vec![("treasury".to_owned(), traded, *costs)];
    }
    let units: Vec<i64> = wants.iter().map(|(_, want)| *want).collect();
    let part = |want: i64| (traded * Decimal::from(want.abs()) / Decimal::from(net.abs())).round_dp(2);
    let shares = wants.iter().zip(costs.shared(&units));
    shares.map(|((sleeve, want), costs)| (sleeve.clone(), part(*want), costs)).collect()
}

/// What the broker charged for the executions of an order, in base currency.
fn fees(number: u16, session: &Session<'_>, end: &End) -> Decimal {
    let own = session.books().open().iter().filter_map(|posting| match posting.event() {
        LedgerEvent::Fill(fill) => (session.order_of(fill) == Some(number)).then_some(&fill.execution),
        _ => None,
    });
    let mut executions: Vec<&ExecutionId> = own.collect();
    executions.sort_unstable_by_key(|execution| execution.stem());
    executions.dedup_by_key(|execution| execution.stem());
    let charge = |execution: &&ExecutionId| session.books().booked(execution).flatten();
    let base = |Money { amount, currency }: Money| {
        let rate = end.fx.rate(currency, end.fx.base()).unwrap_or_default();
        (amount * rate).round_dp(8)
    };
    executions.iter().filter_map(charge).map(base).sum()
}

fn at_venue(class: &str, venue: &str) -> String {
    format!("{class} {venue}")
}

fn name(class: AssetClass) -> String {
    serde_json::to_value(class).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The sum of what is expected, as a sentence of the plan's step.
pub(super) fn told(expected: f64, run: &Run) -> String {
    format!(
        "expected to cost {} {}",
        domain::money::grouped(Decimal::from_f64_retain(expected).unwrap_or_default(), 0),
        run.setup.base
    )
}
