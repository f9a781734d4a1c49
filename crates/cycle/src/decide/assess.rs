//! Step 8: volatility, drawdown, regime, scale.
//!
//! In: new history rows, NAV, yesterday's state. Out: the risk decision and tomorrow's state.
//! Invariant: once per trade date; a missing input tightens or keeps, never loosens.

use crate::setup::Stake;
use crate::{DayInputs, DayPlan, Setup};
use jiff::ToSpan;
use risk::scaling::scaling;
use risk::{Alarm, Assessed, Quality, ReturnsOf, VolatilityEstimate, measures};

/// A volatility index close older than this many days is missing: longer than any holiday run.
const VIX_AGE_DAYS_MAX: i32 = 5;

/// History older than this many days is no basis for new risk where no calendar was asked: three trade dates and a long weekend.
const HISTORY_AGE_DAYS_MAX: i32 = 6;

pub(super) fn assess(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    let policy = &setup.policy;
    let memory = &mut plan.memory;
    memory.clone_from(inputs.memory);
    memory.advance(inputs.date, inputs.history, inputs.screens, setup);
    if plan.nav.is_none() {
        memory.performance = memory.performance.wait(inputs.flows);
    }
    if let Some(nav) = plan.nav {
        let is_first = memory.performance.nav.is_none();
        memory.performance = memory.performance.advance(nav, inputs.flows);
        if policy.volatility.source == ReturnsOf::Account && !is_first {
            memory.volatility.push(memory.performance.daily_return);
        }
    }
    let drawdown = memory.performance.drawdown();
    let vix = memory.vix.filter(|(date, _)| (inputs.date - *date).get_days() <= VIX_AGE_DAYS_MAX).map(|(_, vix)| vix);
    // A print that was counted on an earlier date says nothing about this one.
    let is_new = memory.vix.map(|(date, _)| date) != inputs.memory.vix.map(|(date, _)| date);
    memory.regime = memory.regime.advance(vix, is_new, drawdown, &policy.regime);
    let history_from =
        inputs.conditions.history_from.unwrap_or(inputs.date.saturating_sub(HISTORY_AGE_DAYS_MAX.days()));
    let stale = memory.known_to().is_none_or(|known_to| known_to < history_from);
    let estimate = if stale {
        VolatilityEstimate {
            quality: Quality::Invalid,
            vol_scale: 0.0,
            ..memory.volatility.estimate(&policy.volatility)
        }
    } else {
        memory.volatility.estimate(&policy.volatility)
    };

    let risk = &mut plan.risk;
    risk.vol = estimate.floored;
    risk.quality = estimate.quality;
    risk.vol_scale = estimate.vol_scale;
    risk.drawdown = drawdown;
    risk.vix = vix;
    risk.regime = memory.regime.regime;
    risk.pending = memory.regime.pending;
    risk.state_factor = policy.regime.state_factor(risk.regime, drawdown);
    let losses = [policy.loss.of_day(memory.performance.daily_return), policy.loss.of_drawdown(drawdown)];
    for alarm in losses.into_iter().flatten() {
        plan.mode = plan.mode.tightened_to(alarm.mode());
        plan.before_halt = plan.before_halt.map(|before| before.tightened_to(alarm.mode()));
        plan.flatten |= matches!(alarm, Alarm::HardStop { .. });
        risk.alarms.push(alarm);
    }
    risk.momentum = memory.last_signal;
    risk.momentum_factor = policy.momentum.factor(memory.last_signal);

    for ((sleeve, list), stakes) in policy.sleeves.iter().zip(&memory.lists).zip(&setup.stakes) {
        let factor = if sleeve.follows_momentum { risk.momentum_factor } else { 1.0 };
        if let Some(stakes) = stakes {
            let (budget, weights) = (sleeve.budget * factor, plan.table.weight.as_mut_slice());
            for Stake { rows, shares } in stakes {
                weights[rows.clone()].iter_mut().zip(shares).for_each(|(weight, share)| *weight += budget * share);
            }
            continue;
        }
        sleeve.for_each_weight(list, factor, |contract, weight| {
            if let Some(carrier) = setup.carrier(contract, inputs.active) {
                plan.table.weight[carrier] += weight;
            }
        });
    }
    let weights = plan.table.weight.as_slice().iter();
    let (gross, net) = weights.fold((0.0, 0.0), |(gross, net), weight| (gross + weight.abs(), net + weight));
    let scaled = scaling(risk.vol_scale, risk.state_factor, gross, net, policy.caps);
    (risk.scale, risk.bound) = (scaled.scale, scaled.bound);
    let assessed = Assessed {
        regime: risk.regime,
        drawdown,
        vix,
        quality: risk.quality,
        state_factor: risk.state_factor,
        momentum: risk.momentum,
        momentum_factor: risk.momentum_factor,
        scale: risk.scale,
        scale_uncapped: risk.vol_scale * risk.state_factor,
        bound: risk.bound,
        gross,
        net,
        daily_return: memory.performance.daily_return,
    };
    let tiers = [policy.loss.day_alert, policy.loss.day_reduce_only, policy.loss.day_cancel_only];
    let room = std::mem::take(&mut risk.measures);
    risk.measures = measures(&assessed, &policy.regime, policy.caps, &tiers, room);
}
