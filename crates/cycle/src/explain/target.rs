//! From signal to scheduled quantity.
//!
//! In: a recorded day, a contract. Out: links for signal, weight, scale, value, rounding, netting, limits and schedule.
//! Invariant: the last link of a step is what the plan's table has; where the plan does not follow the formula the link is
//! given, and its note has the code of the rule that held it back.

use super::{Chain, Day, hedge, word};
use crate::decide::{basket, chain_held, cuts, grows, moving, outside};
use domain::{AssetClass, ContractId, Quantity, Side, SleeveId};
use risk::{Quality, Regime, ReturnsOf};
use strategy::sizing::Change;

pub(super) fn explain(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let future = day.setup.universe.terms(contract).settles_daily;
    let hedges = day.setup.chains.iter().any(|of| of.hedges && of.contracts.contains(&contract));
    price(chain, day, contract);
    let weighted = weights(chain, day, contract);
    if weighted {
        scale(chain, day);
        value(chain, day, contract);
    }
    if hedges {
        hedge::explain(chain, day, contract);
    }
    held(chain, day, contract);
    match () {
        () if day.setup.option(contract).is_some() => option(chain, day, contract),
        () if future => future_lots(chain, day, contract, hedges),
        () => lots(chain, day, contract, weighted),
    }
    limits(chain, day, contract);
    schedule(chain, day, contract, hedges);
    sleeves(chain, day, contract);
}

fn codes(day: &Day<'_>, contract: ContractId) -> String {
    let codes: Vec<&str> = day.plan.table.verdict[contract].failed().map(|check| check.code()).collect();
    codes.join(", ")
}

/// Mark, multiplier and rate make the price of one unit.
fn price(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let terms = day.setup.universe.terms(contract);
    let nav = day.plan.facts.nav;
    chain.given("value", "nav", nav, "base", "NAV on the marks of the plan");
    let Some(mark) = day.inputs.marks[contract] else {
        return chain.given("value", "unit_price", 0.0, "base", "no mark: it cannot be sized");
    };
    chain.given(
        "value",
        "mark",
        mark.to_f64(),
        "price",
        format!("{} at the plan, in {}", day.name(contract), terms.currency),
    );
    chain.given("FX", "multiplier", f64::from(terms.multiplier), "", "instrument table");
    let Some(rate) = day.plan.facts.rates[terms.currency] else {
        return chain.given("FX", "unit_price", 0.0, "base", format!("no rate for {}", terms.currency));
    };
    chain.given("FX", "rate", rate, "base", format!("base currency for one {}", terms.currency));
    chain.made("FX", "unit_price", day.plan.table.unit_price[contract], "base", "mark * multiplier * rate");
}

/// What each sleeve puts on the contract; false when none does.
fn weights(chain: &mut Chain, day: &Day<'_>, contract: ContractId) -> bool {
    let (plan, policy) = (day.plan, &day.setup.policy);
    let mut parts = Vec::new();
    for (position, (sleeve, list)) in policy.sleeves.iter().zip(&plan.memory.lists).enumerate() {
        let mut share = 0.0;
        sleeve.for_each_weight(list, 1.0, |of, weight| {
            let carries = day.setup.carrier(of, day.inputs.active) == Some(contract);
            share += if carries { weight / sleeve.budget } else { 0.0 };
        });
        let shift: f64 =
            plan.shifts.iter().filter(|shift| shift.sleeve == position).map(|shift| shift.onto(contract)).sum();
        if share == 0.0 && shift == 0.0 {
            continue;
        }
        let name = word(&sleeve.name);
        let mut terms = Vec::new();
        if share != 0.0 {
            chain.given("sleeve weight", &format!("{name}_budget"), sleeve.budget, "of NAV", "sleeves in the settings");
            let what = if sleeve.screen().is_some() {
                "its share of the screen's list"
            } else {
                "its signed share of the sleeve"
            };
            chain.given("sleeve weight", &format!("{name}_share"), share, "", what);
            terms.push(format!("{name}_budget * {name}_share"));
            if sleeve.follows_momentum {
                momentum(chain, day);
                terms[0] += " * momentum_factor";
            }
        }
        if shift != 0.0 {
            let note = "moved because a leg cannot be had: NO_BORROW or LEG_TOO_SMALL";
            chain.given("sleeve weight", &format!("{name}_shift"), shift, "of NAV", note);
            terms.push(format!("{name}_shift"));
        }
        let factor = if sleeve.follows_momentum { plan.risk.momentum_factor } else { 1.0 };
        let weight = sleeve.budget * share * factor + shift;
        chain.made("sleeve weight", &format!("{name}_weight"), weight, "of NAV", terms.join(" + "));
        parts.push(format!("{name}_weight"));
    }
    if parts.is_empty() {
        return false;
    }
    chain.made("netting", "weight", plan.table.weight[contract], "of NAV", parts.join(" + "));
    true
}

fn momentum(chain: &mut Chain, day: &Day<'_>) {
    if chain.value("momentum_factor").is_some() {
        return;
    }
    let risk = &day.plan.risk;
    let note = match risk.momentum {
        Some(signal) => {
            chain.given("signal", "momentum_signal", signal, "", "trend of the ratio of both regions");
            "looked up by the signal"
        }
        None => "too little history for a signal",
    };
    chain.given("signal", "momentum_factor", risk.momentum_factor, "", note);
}

/// The one factor on all weights.
fn scale(chain: &mut Chain, day: &Day<'_>) {
    let (risk, policy) = (&day.plan.risk, &day.setup.policy);
    let estimate = day.plan.memory.volatility.estimate(&policy.volatility);
    match (estimate.ewma.zip(estimate.rolling), risk.vol) {
        (Some((ewma, rolling)), Some(volatility)) if risk.quality != Quality::Invalid => {
            let step = "scale";
            let of = match policy.volatility.source {
                ReturnsOf::UnitStrategy => "exponential estimate over the unit strategy's returns",
                ReturnsOf::Account => "exponential estimate over the account's returns",
            };
            chain.given(step, "ewma_volatility", ewma, "a year", of);
            chain.given(step, "rolling_volatility", rolling, "a year", "plain estimate over the last window");
            chain.given(step, "ewma_share", policy.volatility.ewma_weight, "", "volatility.vol_blend_weight");
            chain.given(step, "volatility_floor", policy.volatility.floor, "a year", "volatility.vol_floor");
            let blend = "max(ewma_share * ewma_volatility + (1 - ewma_share) * rolling_volatility, volatility_floor)";
            chain.made(step, "volatility", volatility, "a year", blend);
            chain.given(step, "volatility_target", policy.volatility.target, "a year", "vol_target_annual");
            let (most, key) = match risk.quality {
                Quality::Degraded => {
                    (policy.volatility.degraded_scale_max, "volatility.degraded_scale_max: too few returns")
                }
                _ => (policy.volatility.scale_max, "volatility.vol_scale_max"),
            };
            chain.given(step, "volatility_scale_max", most, "", key);
            let formula = "min(volatility_target / volatility, volatility_scale_max)";
            chain.made(step, "volatility_scale", risk.vol_scale, "", formula);
        }
        _ => chain.given("scale", "volatility_scale", risk.vol_scale, "", "no volatility that can be used: VOLATILITY"),
    }
    let regime = match risk.regime {
        Regime::Normal => "risk_states.normal",
        Regime::Recovery => "risk_states.recovery",
        Regime::Elevated => "risk_states.elevated",
        Regime::Crisis => "risk_states.crisis",
    };
    chain.given("scale", "state_factor", risk.state_factor, "", format!("{regime}, regime {}", risk.regime.name()));
    let (mut gross, mut net) = (0.0, 0.0);
    for weight in whole_weights(day) {
        (gross, net) = (gross + weight.abs(), net + weight);
    }
    let mut formula = "volatility_scale * state_factor".to_owned();
    if gross > 0.0 {
        chain.given("scale", "gross_weight", gross, "of NAV", "sum of all weights without their signs");
        chain.given("scale", "gross_max", policy.caps.gross_max, "of NAV", "gross_leverage_max");
        formula = format!("min({formula}, gross_max / gross_weight)");
    }
    if net != 0.0 {
        chain.given("scale", "net_weight", net, "of NAV", "sum of all weights with their signs");
        chain.given("scale", "net_max", policy.caps.net_max, "of NAV", "net_leverage_max");
        formula = format!("min({formula}, net_max / abs(net_weight))");
    }
    chain.made("scale", "scale", risk.scale, "", formula);
}

/// The weights of all contracts before legs that cannot be had.
fn whole_weights(day: &Day<'_>) -> Vec<f64> {
    let mut weights = vec![0.0; day.setup.universe.contract_count()];
    for (sleeve, list) in day.setup.policy.sleeves.iter().zip(&day.plan.memory.lists) {
        let factor = if sleeve.follows_momentum { day.plan.risk.momentum_factor } else { 1.0 };
        sleeve.for_each_weight(list, factor, |contract, weight| {
            if let Some(carrier) = day.setup.carrier(contract, day.inputs.active) {
                weights[carrier.index()] += weight;
            }
        });
    }
    weights
}

fn value(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let target = day.plan.table.target_value[contract];
    match day.plan.flatten {
        true => chain.given("targets", "target_value", target, "base", "a person wants every position closed"),
        false => chain.made("targets", "target_value", target, "base", "weight * scale * nav"),
    }
}

fn held(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let held = day.inputs.ledger.quantity(contract);
    chain.given("netting", "held", held.to_f64(), "units", "our books at the plan");
    let foreign = outside(&day.inputs, contract);
    chain.given("netting", "outside", foreign.to_f64(), "units", "of it owned by nobody of ours: never traded");
    let lot = day.setup.universe.terms(contract).lot.to_f64();
    chain.given("rounding", "lot", lot, "units", "smallest step");
}

/// Whole lots of a target, or what is held where the drift is too small to trade.
fn rounded(chain: &mut Chain, day: &Day<'_>, contract: ContractId, (ours, value): (f64, f64)) -> (f64, &'static str) {
    let (rebalance, nav) = (&day.setup.policy.rebalance, day.plan.facts.nav);
    let (target, unit_price) = (day.plan.table.target_value[contract], day.plan.table.unit_price[contract]);
    if unit_price == 0.0 {
        return (ours, "ours");
    }
    if ours != 0.0 && target != 0.0 {
        chain.given("rounding", "drift_of_target", rebalance.drift_of_target, "", "rebalance_threshold_pct");
        chain.given("rounding", "drift_of_nav", rebalance.drift_of_nav, "", "rebalance_threshold_nav_bps");
        chain.given("rounding", "ours_value", value, "base", "what is held is worth");
        chain.made("rounding", "drift", (target - value).abs(), "base", "abs(target_value - ours_value)");
        let threshold = (rebalance.drift_of_target * target.abs()).max(rebalance.drift_of_nav * nav);
        let formula = "max(drift_of_target * abs(target_value), drift_of_nav * nav)";
        chain.made("rounding", "drift_min", threshold, "base", formula);
        if !rebalance.drifted(target, value, nav) {
            return (ours, "ours");
        }
    }
    let lot = day.setup.universe.terms(contract).lot;
    let lots = rebalance.wanted(target, unit_price, lot).to_f64();
    chain.made("rounding", "rounded", lots, "units", "nearest(target_value / unit_price / lot) * lot");
    (lots, "rounded")
}

fn lots(chain: &mut Chain, day: &Day<'_>, contract: ContractId, weighted: bool) {
    let held = day.inputs.ledger.quantity(contract).to_f64();
    let foreign = outside(&day.inputs, contract).to_f64();
    let ours = held - foreign;
    chain.made("rounding", "ours", ours, "units", "held - outside");
    let (wanted, name) = match weighted {
        true => rounded(chain, day, contract, (ours, ours * day.plan.table.unit_price[contract])),
        false => {
            chain.given("rounding", "rounded", 0.0, "units", "no sleeve wants it");
            (0.0, "rounded")
        }
    };
    netted(chain, day, contract, foreign + wanted, format!("outside + {name}"));
}

/// What the step asks for, made when the plan followed it, and given with the rule that held it back otherwise.
fn netted(chain: &mut Chain, day: &Day<'_>, contract: ContractId, asked: f64, formula: String) {
    let netted = day.plan.table.netted[contract].to_f64();
    match asked == netted {
        true => chain.made("rounding", "netted", netted, "units", formula),
        false => chain.given("rounding", "netted", netted, "units", format!("held back: {}", codes(day, contract))),
    }
}

fn option(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let own = day.plan.tail_hedges.actions.iter().filter(|action| action.contract == contract);
    let (mut contracts, mut why) = (0, "nothing is due".to_owned());
    for action in own {
        contracts += action.contracts;
        why = format!("{} for {}", words(&action.purpose), words(&action.hedge));
        if action.contracts > 0 {
            let premium = action.premium.to_f64();
            chain.given("hedge", "premium", premium, "base", "most one contract may cost, at its highest price");
            chain.given("hedge", "contracts", action.contracts as f64, "units", "what the free premium pays for");
            chain.made("hedge", "reserved", premium * action.contracts as f64, "base", "premium * contracts");
        }
    }
    chain.given("hedge", "due", contracts as f64, "units", why);
    let held = day.inputs.ledger.quantity(contract).to_f64();
    netted(chain, day, contract, held + contracts as f64, "held + due".to_owned());
}

/// A name as the journal writes it.
fn words<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|name| name.as_str().map(|name| name.replace('_', " ")))
        .unwrap_or_default()
}

/// A future: the whole chain's lots in the contract to hold, nothing in the others.
fn future_lots(chain: &mut Chain, day: &Day<'_>, contract: ContractId, hedges: bool) {
    let instrument = day.setup.universe.contract(contract).instrument;
    let foreign = outside(&day.inputs, contract).to_f64();
    let Some(of) = day.setup.chains.iter().find(|of| of.instrument == instrument) else { return };
    if day.inputs.active[instrument] != Some(contract) {
        let dates = day.setup.rolls[contract];
        let note = dates.map_or_else(String::new, |dates| {
            format!("it is left from {} on and gone by {}", dates.starts, dates.deadline)
        });
        chain.given("rolls", "staying", 0.0, "units", note);
        return netted(chain, day, contract, foreign, "outside + staying".to_owned());
    }
    let (ours, value) = chain_held(of, &day.inputs, day.plan);
    chain.given("rolls", "ours", ours.to_f64(), "units", "in all contracts of this future");
    let total = if hedges {
        (chain.value("hedge_wanted").unwrap_or(ours.to_f64()), "hedge_wanted")
    } else if day.setup.is_spread(contract) {
        let actions = day.plan.tail_hedges.actions.iter().filter(|action| of.contracts.contains(&action.contract));
        let bought: i64 = actions.map(|action| action.contracts).sum();
        chain.given(
            "hedge",
            "due",
            bought as f64,
            "units",
            "bought for the bond spread out of its premium, or closed under its cap",
        );
        chain.made("rolls", "spread_wanted", ours.to_f64() + bought as f64, "units", "ours + due");
        (ours.to_f64() + bought as f64, "spread_wanted")
    } else if day.plan.table.target_value[contract] != 0.0 {
        rounded(chain, day, contract, (ours.to_f64(), value))
    } else {
        chain.given("rounding", "rounded", 0.0, "units", "no sleeve wants it");
        (0.0, "rounded")
    };
    let others = of.contracts.iter().filter(|&&other| other != contract);
    let staying =
        others.fold(Quantity::ZERO, |sum, &other| sum + day.plan.table.netted[other] - outside(&day.inputs, other));
    chain.given("rolls", "elsewhere", staying.to_f64(), "units", "that stay in other contracts of it");
    let asked = foreign + total.0 - staying.to_f64();
    netted(chain, day, contract, asked, format!("outside + {} - elsewhere", total.1));
}

/// What one contract can take.
fn limits(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let (table, gate, nav) = (&day.plan.table, &day.setup.policy.gate, day.plan.facts.nav);
    let (held, wanted) = (day.inputs.ledger.quantity(contract), table.wanted[contract]);
    let is_moving = |of: &ContractId| day.inputs.ledger.quantity(*of) != day.plan.table.netted[*of];
    let moving: Vec<ContractId> = day.setup.universe.contracts().filter(is_moving).collect();
    let all = cuts(&moving, &day.inputs, day.setup, day.plan);
    let cut = all.iter().find(|cut| cut.contract == contract);
    let change = grows(held, table.netted[contract], table.rolled[contract]);
    let Some(cut) = cut.filter(|_| !change.increase.is_zero()) else {
        return chain.made("limits", "wanted", wanted.to_f64(), "units", "netted");
    };
    let (reduce, increase) = (change.reduce.to_f64(), change.increase.to_f64());
    let rolled = table.rolled[contract].to_f64();
    chain.made("limits", "netted_reduce", reduce, "units", "toward_zero(held, netted)");
    chain.given("limits", "netted_roll", rolled, "units", "takes the place of a contract that is left");
    chain.made("limits", "netted_increase", increase, "units", "netted - held - netted_reduce - netted_roll");
    let price = table.unit_price[contract];
    chain.given("limits", "position_max", gate.position_max, "of NAV", "execution_safety.max_position_pct_nav");
    let room = (gate.position_max * nav / price - (held.to_f64() + reduce + rolled).abs()) / increase.abs();
    let formula = "(position_max * nav / unit_price - abs(held + netted_reduce + netted_roll)) / abs(netted_increase)";
    chain.made("limits", "share_by_position", room, "", formula);
    let mut own = "min(1, share_by_position)".to_owned();
    if day.setup.universe.instrument_of(contract).asset_class != AssetClass::Option {
        let adv = day.inputs.conditions.adv[contract].unwrap_or(0.0);
        chain.given("limits", "average_volume", adv, "units a day", "mean over 20 sessions");
        chain.given("limits", "volume_share_max", gate.adv_max, "", "execution_safety.max_adv_participation");
        let room = (adv * gate.adv_max - reduce.abs()) / increase.abs();
        let formula = "(average_volume * volume_share_max - abs(netted_reduce)) / abs(netted_increase)";
        chain.made("limits", "share_by_volume", room, "", formula);
        own = "min(1, share_by_position, share_by_volume)".to_owned();
    }
    let pair = day.setup.policy.sleeves.iter().find(|sleeve| {
        let legs = sleeve.contracts(&strategy::ScreenList::default());
        let carried = |leg| day.setup.carrier(leg, day.inputs.active) == Some(contract);
        sleeve.is_pair() && legs.into_iter().any(carried)
    });
    if pair.is_some() {
        chain.given("limits", "pair_share", cut.share, "", "what both legs of its pair can take");
        own = format!("min({own}, pair_share)");
    }
    chain.made("limits", "share", cut.share, "", format!("max(0, {own})"));
    let formula = "held + netted_reduce + netted_roll + trunc(netted_increase * share / lot) * lot";
    chain.made("limits", "wanted", wanted.to_f64(), "units", formula);
}

/// What goes today.
fn schedule(chain: &mut Chain, day: &Day<'_>, contract: ContractId, hedges: bool) {
    let (table, held) = (&day.plan.table, day.inputs.ledger.quantity(contract));
    let scheduled = table.scheduled[contract].to_f64();
    let change = Change::between(held, table.wanted[contract]);
    let blocked = |chain: &mut Chain| {
        chain.given("schedule", "scheduled", scheduled, "units", format!("held back: {}", codes(day, contract)));
    };
    if hedges {
        return match scheduled == (change.reduce + change.increase).to_f64() {
            true => chain.made("schedule", "scheduled", scheduled, "units", "wanted - held"),
            false => blocked(chain),
        };
    }
    let rolled = table.rolled[contract];
    let increase = change.increase - rolled;
    chain.made("schedule", "reduce", change.reduce.to_f64(), "units", "toward_zero(held, wanted)");
    chain.given("schedule", "rolled", rolled.to_f64(), "units", "takes the place of a contract that is left");
    chain.made("schedule", "increase", increase.to_f64(), "units", "wanted - held - reduce - rolled");
    let gate = &day.setup.policy.gate;
    let moving = moving(&day.inputs, day.setup, day.plan);
    let basket = basket(&moving, &day.inputs, day.setup, day.plan);
    let fit = basket.fit(day.plan.facts.nav, gate);
    let share = fit.share_of(Side::of(increase));
    let tight = basket.limits(gate).into_iter().find(|limit| {
        let room = ((limit.limit * day.plan.facts.nav - limit.before) / limit.more).max(0.0);
        let own = limit.side.is_none() || limit.side == Side::of(increase);
        share < 1.0 && own && limit.more > 0.0 && room == share
    });
    match tight {
        Some(limit) => {
            let key = match limit.check {
                risk::Check::Turnover => "execution_safety.max_daily_turnover_pct_nav",
                risk::Check::Gross => "gross_leverage_max",
                _ => "net_leverage_max",
            };
            chain.given("schedule", "day_limit", limit.limit, "of NAV", key);
            chain.given("schedule", "basket_before", limit.before, "base", "the basket without increases");
            chain.given("schedule", "basket_more", limit.more, "base", "what all increases add");
            let formula = "max(0, (day_limit * nav - basket_before) / basket_more)";
            chain.made("schedule", "day_share", share, "", formula);
        }
        None if day.plan.facts.nav <= 0.0 => chain.given("schedule", "day_share", share, "", "NAV is not known"),
        None if share < 1.0 => {
            chain.given("schedule", "day_share", share, "", "what the broker's margin leaves: MARGIN")
        }
        None => chain.given("schedule", "day_share", share, "", "all increases fit under the day's limits"),
    }
    let lot = day.setup.universe.terms(contract).lot;
    let whole = Change { increase, ..change };
    if (whole.with_share(share, lot) + rolled).to_f64() == scheduled {
        let formula = "reduce + rolled + trunc(increase * day_share / lot) * lot";
        chain.made("schedule", "scheduled", scheduled, "units", formula);
    } else if (change.reduce + rolled).to_f64() == scheduled && scheduled != 0.0 {
        chain.given("schedule", "held_back", 0.0, "", format!("of the increase goes today: {}", codes(day, contract)));
        chain.made("schedule", "scheduled", scheduled, "units", "reduce + rolled + increase * held_back");
    } else {
        blocked(chain);
    }
}

/// How the order divides among the sleeves that want it.
fn sleeves(chain: &mut Chain, day: &Day<'_>, contract: ContractId) {
    let Some(books) = day.inputs.sleeves else { return };
    let own: Vec<_> = day.plan.wants.iter().filter(|want| want.contract == contract).collect();
    if own.is_empty() {
        return;
    }
    let mut names = Vec::new();
    for want in own {
        let name = match want.sleeve {
            SleeveId::FX_HEDGE => "fx_hedge_want".to_owned(),
            sleeve => format!("{}_want", word(books.name(sleeve))),
        };
        chain.given(
            "netting",
            &name,
            want.quantity.to_f64(),
            "units",
            "what the sleeve wants of the way to its target",
        );
        names.push(name);
    }
    let way = (day.plan.table.wanted[contract] - day.inputs.ledger.quantity(contract)).to_f64();
    chain.made("netting", "way", way, "units", "wanted - held");
    chain.made("netting", "wants", way, "units", names.join(" + "));
}
