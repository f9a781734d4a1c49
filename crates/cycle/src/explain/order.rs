//! From the plan's order to the limits of what was sent of it.
//!
//! In: the gate's answers and the commands of a number. Out: links for the collar, the size of each order and its limits.
//! Invariant: a limit is made of the bid and ask that were recorded with it, and lies inside the collar.

use super::{Chain, Day};
use crate::Entry;
use domain::{ContractId, Price, Quantity, Side};
use execution::{Command, PlannedOrder, Style};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

pub(super) fn explain(chain: &mut Chain, day: &Day<'_>, planned: &PlannedOrder, attempt: Option<u16>) {
    let (contract, number) = (planned.contract, planned.number);
    let Some(side) = Side::of(planned.quantity) else { return };
    let own = |command: &Command| match command {
        Command::Place { order_ref, .. } | Command::Replace { order_ref, .. } => {
            day.is_of(Some(*order_ref), number) && attempt.is_none_or(|attempt| attempt == order_ref.attempt)
        }
        Command::PlaceSpread { order_ref, near, far, .. } | Command::ReplaceSpread { order_ref, near, far, .. } => {
            order_ref.date == day.plan.date && [*near, *far].contains(&contract)
        }
        Command::Cancel { .. } => false,
    };
    let commands: Vec<(usize, &Command)> = day.commands().filter(|(_, command)| own(command)).collect();
    let Some(&(first, _)) = commands.first() else { return };
    collar(chain, day, planned, side, first);
    for (at, command) in commands {
        match *command {
            Command::Place { order_ref, quantity, limit, touch, .. } => {
                place(chain, day, planned, (at, order_ref.attempt), quantity);
                price(chain, day, contract, side, (&format!("{}_1", order_ref.attempt), limit, touch));
            }
            Command::Replace { order_ref, limit, touch, .. } => {
                let (attempt, prefix) = (order_ref.attempt, format!("limit_{}_", order_ref.attempt));
                let turn = chain.links.iter().filter(|link| link.name.starts_with(&prefix)).count() + 1;
                price(chain, day, contract, side, (&format!("{attempt}_{turn}"), limit, touch));
            }
            Command::PlaceSpread { order_ref, quantity, limit, .. } => {
                let (attempt, note) = (order_ref.attempt, "sent as one calendar spread with its other leg");
                chain.given("limit", &format!("sent_{attempt}"), quantity.to_f64(), "units", note);
                spread_limit(chain, attempt, limit);
            }
            Command::ReplaceSpread { order_ref, limit, .. } => spread_limit(chain, order_ref.attempt, limit),
            Command::Cancel { .. } => {}
        }
    }
}

/// A spread is priced between the collars of both its legs.
fn spread_limit(chain: &mut Chain, attempt: u16, limit: Decimal) {
    let prefix = format!("limit_{attempt}_");
    let turn = chain.links.iter().filter(|link| link.name.starts_with(&prefix)).count() + 1;
    let note = "the later contract less the earlier, no worse than both collars together";
    chain.given("limit", &format!("{prefix}{turn}"), limit.to_f64().unwrap_or(0.0), "price", note);
}

/// The gate's answer in force when a command was made.
fn admitted<'a>(day: &'a Day<'_>, number: u16, before: usize) -> Option<&'a Entry> {
    let answers = day.entries[..before].iter().rev().map(|(_, entry)| entry);
    answers.into_iter().find(|entry| matches!(entry, Entry::Admitted { number: of, .. } if *of == number))
}

fn collar(chain: &mut Chain, day: &Day<'_>, planned: &PlannedOrder, side: Side, before: usize) {
    let Some(Entry::Admitted { arrival, worst, .. }) = admitted(day, planned.number, before) else { return };
    let (universe, contract) = (&day.setup.universe, planned.contract);
    let class = universe.instrument_of(contract).asset_class;
    let Some(policy) = day.setup.policy.gate.collar(class) else { return };
    let step = "gate";
    chain.given(step, "arrival", arrival.to_f64(), "price", "mid when the gate first let it out");
    chain.given(step, "collar_width", f64::from(policy.width.0), "bp", "execution.max_slippage_bps_by_asset_class");
    chain.given(step, "collar_ticks", f64::from(policy.ticks_min), "ticks", "at least so many");
    chain.given(step, "tick", universe.terms(contract).tick.to_f64(), "price", "price step");
    let width = "max(arrival * collar_width / 10000, collar_ticks * tick)";
    let max = day.plan.facts.price_max(contract).filter(|_| side == Side::Buy);
    if let Some(max) = max {
        chain.given(step, "price_max", max.to_f64(), "price", "what its premium covers");
    }
    let formula = match (side, max) {
        (Side::Buy, Some(_)) => format!("min(tick_down(arrival + {width}, tick), price_max)"),
        (Side::Buy, None) => format!("tick_down(arrival + {width}, tick)"),
        (Side::Sell, _) => format!("tick_up(max(arrival - {width}, tick), tick)"),
    };
    chain.made(step, "worst", worst.to_f64(), "price", formula);
}

/// How much one order may be, and is.
fn place(chain: &mut Chain, day: &Day<'_>, planned: &PlannedOrder, (at, attempt): (usize, u16), quantity: Quantity) {
    let (step, number, terms) = ("gate", planned.number, day.setup.universe.terms(planned.contract));
    let Some(Entry::Admitted { arrival, reference, .. }) = admitted(day, number, at) else { return };
    let (gate, facts) = (&day.setup.policy.gate, &day.plan.facts);
    let given_once = |chain: &mut Chain, name: &str, value: f64, unit, note: &str| {
        if chain.value(name).is_none() {
            chain.given(step, name, value, unit, note);
        }
    };
    given_once(chain, "nav", facts.nav, "base", "NAV on the marks of the plan");
    given_once(chain, "multiplier", f64::from(terms.multiplier), "", "instrument table");
    given_once(chain, "rate", facts.rate_to_base(terms.currency), "base", "base currency for one of its own");
    given_once(chain, "lot", terms.lot.to_f64(), "units", "smallest step");
    given_once(chain, "order_value_max", gate.order_value_max, "of NAV", "execution_safety.max_order_value_pct_nav");
    let reference = reference.unwrap_or(*arrival).to_f64();
    chain.given(step, &format!("reference_{attempt}"), reference, "price", "mid when the gate was asked");
    let lot = reference * f64::from(terms.multiplier) * terms.lot.to_f64() * facts.rate_to_base(terms.currency);
    let by_value = facts.nav * gate.order_value_max / lot;
    let mut most = format!("nav * order_value_max / (reference_{attempt} * multiplier * lot * rate)");
    let mut lots = by_value;
    if let Some(adv) = day.inputs.conditions.adv[planned.contract] {
        given_once(chain, "average_volume", adv, "units a day", "mean over 20 sessions");
        given_once(chain, "slice_of_volume", gate.adv_slice, "", "execution_safety.slice_adv_participation");
        lots = lots.min(adv * gate.adv_slice / terms.lot.to_f64());
        most = format!("min({most}, average_volume * slice_of_volume / lot)");
    }
    let largest = (lots.max(1.0) as i64) as f64 * terms.lot.to_f64();
    chain.made(step, &format!("largest_{attempt}"), largest, "units", format!("trunc(max(1, {most})) * lot"));
    let filled = day.entries[..at].iter().filter_map(|(_, entry)| match entry {
        Entry::Execution(fill) if day.is_of(fill.order, number) => Some(fill.quantity),
        _ => None,
    });
    let filled = filled.fold(Quantity::ZERO, |sum, quantity| sum + quantity);
    chain.given("limit", &format!("filled_{attempt}"), filled.to_f64(), "units", "executed before");
    let formula = format!("min(abs(ordered) - filled_{attempt}, largest_{attempt})");
    chain.made("limit", &format!("sent_{attempt}"), quantity.to_f64(), "units", formula);
}

/// A limit from the quote it was made of.
fn price(
    chain: &mut Chain,
    day: &Day<'_>,
    contract: ContractId,
    side: Side,
    (turn, limit, touch): (&str, Price, Option<(Price, Price)>),
) {
    let (step, policy) = ("limit", &day.setup.policy.execution);
    let name = format!("limit_{turn}");
    let Some((bid, ask)) = touch else {
        return chain.given(step, &name, limit.to_f64(), "price", "recorded without its quote, by an earlier version");
    };
    let (bid_name, ask_name) = (format!("bid_{turn}"), format!("ask_{turn}"));
    chain.given(step, &bid_name, bid.to_f64(), "price", "quoted");
    chain.given(step, &ask_name, ask.to_f64(), "price", "quoted");
    if chain.value("spread_share").is_none() {
        chain.given(step, "spread_share", policy.spread_buffer, "", "of the spread beyond the far side");
    }
    let tick = day.setup.universe.terms(contract).tick;
    let on_grid = |wanted: i64| {
        let worst = Price::from_f64(chain.value("worst").unwrap_or(0.0)).map_or(wanted, |worst| worst.mantissa());
        let inside = if side == Side::Buy { wanted.min(worst) } else { wanted.max(worst) };
        Price::from_mantissa(inside).ok().map(|inside| domain::rounding::limit_to_tick(inside, tick, side))
    };
    let buffer = ((ask.mantissa() - bid.mantissa()) as f64 * policy.spread_buffer) as i64;
    let (far, near, through, joined) = match side {
        Side::Buy => (
            ask.mantissa() + buffer,
            bid.mantissa(),
            format!("tick_down(min({ask_name} + spread_share * ({ask_name} - {bid_name}), worst), tick)"),
            format!("tick_down(min({bid_name}, worst), tick)"),
        ),
        Side::Sell => (
            bid.mantissa() - buffer,
            ask.mantissa(),
            format!("tick_up(max({bid_name} - spread_share * ({ask_name} - {bid_name}), worst), tick)"),
            format!("tick_up(max({ask_name}, worst), tick)"),
        ),
    };
    let passive = policy.style_of(day.setup.universe.instrument_of(contract).asset_class) == Style::PassiveThenCross;
    let formula = match () {
        () if on_grid(far) == Some(limit) => through,
        () if passive && on_grid(near) == Some(limit) => joined,
        // The other leg of a pair waits: the collar's worst price at once.
        () => "worst".to_owned(),
    };
    chain.made(step, &name, limit.to_f64(), "price", formula);
}
