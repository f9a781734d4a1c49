//! From the plan's order to the limits of what was sent of it.
//!
//! In: the gate's answers and the commands of a number. Out: links for the collar, the size of each order and its limits.
//! Invariant: a limit is made of the bid and ask that were recorded with it, and lies inside the collar.

use super::{Chain, Day};
use crate::Entry;
use domain::{ContractId, Grid, OrderType, Price, Quantity, Side};
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
            Command::Place { order_ref, quantity, order_type, limit, touch, volume_left, .. } => {
                place(chain, day, planned, (at, order_ref.attempt), (quantity, volume_left));
                let turn = format!("{}_1", order_ref.attempt);
                match order_type {
                    OrderType::Lmt => price(chain, day, contract, side, (&turn, limit, touch)),
                    // An auction finds the price; the collar is all a limit has to say.
                    OrderType::Loc => chain.made("limit", &format!("limit_{turn}"), limit.to_f64(), "price", "worst"),
                }
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
    chain.given(
        step,
        "arrival",
        arrival.to_f64(),
        "price",
        "what the collar is drawn around: the mid when the gate first let it out",
    );
    chain.given(step, "collar_width", f64::from(policy.width.0), "bp", "execution.max_slippage_bps_by_asset_class");
    chain.given(step, "collar_ticks", f64::from(policy.ticks_min), "ticks", "at least so many");
    let grid = grid(day, contract);
    chain.given(step, "tick", grid.step_at(*arrival).to_f64(), "price", "price step");
    let width = "max(arrival * collar_width / 10000, collar_ticks * tick)";
    let max = day.plan.facts.price_max(contract).filter(|_| side == Side::Buy);
    if let Some(max) = max {
        chain.given(step, "price_max", max.to_f64(), "price", "what its premium covers");
    }
    let by_width = (i128::from(arrival.mantissa()) * i128::from(policy.width.0) / 10_000) as i64;
    let by_ticks = grid.step_at(*arrival).mantissa() * i64::from(policy.ticks_min);
    let edge = arrival.mantissa() + side.sign() * by_width.max(by_ticks);
    let edge = Price::from_mantissa(edge).unwrap_or(grid.step_at(*arrival));
    let beyond = match side {
        Side::Buy => format!("arrival + {width}"),
        Side::Sell => format!("max(arrival - {width}, tick)"),
    };
    let drawn = on_grid(chain, (step, "worst"), beyond, edge, side, grid);
    let formula = if max.is_some() { format!("min({drawn}, price_max)") } else { drawn };
    chain.made(step, "worst", worst.to_f64(), "price", formula);
}

/// The prices a limit of the contract could have.
fn grid<'a>(day: &Day<'a>, contract: ContractId) -> Grid<'a> {
    day.inputs.conditions.grid(contract, day.setup.universe.terms(contract).tick)
}

/// The formula that rounds a price onto the grid, to the safe side; where another step applies than at arrival, or a level of
/// prices ends, that is a link of its own.
fn on_grid(
    chain: &mut Chain,
    (step, name): (&'static str, &str),
    wanted: String,
    price: Price,
    side: Side,
    grid: Grid<'_>,
) -> String {
    let size = grid.step_at(price);
    let mut tick = "tick".to_owned();
    if chain.value("tick") != Some(size.to_f64()) {
        tick = format!("tick_{name}");
        chain.given(step, &tick, size.to_f64(), "price", "price step at that level");
    }
    let (rounded, pick) = match side {
        Side::Buy => (format!("tick_down({wanted}, {tick})"), "max"),
        Side::Sell => (format!("tick_up({wanted}, {tick})"), "min"),
    };
    let limit = grid.limit(price, side);
    if limit == domain::rounding::limit_to_tick(price, size, side) {
        return rounded;
    }
    chain.given(step, &format!("level_{name}"), limit.to_f64(), "price", "where the price step changes");
    format!("{pick}({rounded}, level_{name})")
}

/// How much one order may be, and is.
fn place(
    chain: &mut Chain,
    day: &Day<'_>,
    planned: &PlannedOrder,
    (at, attempt): (usize, u16),
    (quantity, volume_left): (Quantity, Option<Quantity>),
) {
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
    chain.given(step, &format!("reference_{attempt}"), reference, "price", "price the gate judged it by");
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
    let mut formula = format!("min(abs(ordered) - filled_{attempt}, largest_{attempt})");
    if let Some(left) = volume_left {
        let note = "what execution.max_volume_participation of the session's volume so far left";
        chain.given("limit", &format!("volume_left_{attempt}"), left.to_f64(), "units", note);
        formula = format!("min(abs(ordered) - filled_{attempt}, largest_{attempt}, volume_left_{attempt})");
    }
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
    let grid = grid(day, contract);
    let inside = |wanted: i64| {
        let worst = Price::from_f64(chain.value("worst").unwrap_or(0.0)).map_or(wanted, |worst| worst.mantissa());
        Price::from_mantissa(if side == Side::Buy { wanted.min(worst) } else { wanted.max(worst) }).ok()
    };
    let buffer = ((ask.mantissa() - bid.mantissa()) as f64 * policy.spread_buffer) as i64;
    let (far, near, through, joined) = match side {
        Side::Buy => (
            ask.mantissa() + buffer,
            bid.mantissa(),
            format!("min({ask_name} + spread_share * ({ask_name} - {bid_name}), worst)"),
            format!("min({bid_name}, worst)"),
        ),
        Side::Sell => (
            bid.mantissa() - buffer,
            ask.mantissa(),
            format!("max({bid_name} - spread_share * ({ask_name} - {bid_name}), worst)"),
            format!("max({ask_name}, worst)"),
        ),
    };
    let passive = policy.style_of(day.setup.universe.instrument_of(contract).asset_class) == Style::PassiveThenCross;
    let of = |wanted: Option<Price>| wanted.filter(|&wanted| grid.limit(wanted, side) == limit);
    let formula = match (of(inside(far)), of(inside(near)).filter(|_| passive)) {
        (Some(far), _) => on_grid(chain, (step, &name), through, far, side, grid),
        (None, Some(near)) => on_grid(chain, (step, &name), joined, near, side, grid),
        // The other leg of a pair waits: the collar's worst price at once.
        (None, None) => "worst".to_owned(),
    };
    chain.made(step, &name, limit.to_f64(), "price", formula);
}
