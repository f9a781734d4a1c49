//! The decision, in the order of the specification's table.
//!
//! In: the day's inputs and the run's constants. Out: a plan. Invariant: never fails; what cannot be
//! valued, sized or permitted becomes a refusal in a plan that adds no risk.

mod assess;
mod basket;
mod caps;
mod chains;
mod hedge;
mod legs;
mod level;
mod pairs;
mod rows;
mod tail_hedge;
mod targets;
mod value;
mod wants;

pub use basket::margin_needed;
pub(crate) use basket::{basket, moving};
pub(crate) use caps::{cuts, grows};
pub(crate) use chains::held as chain_held;
pub(crate) use hedge::{carries, currency_exposure};
pub use legs::Shift;
pub use tail_hedge::settle as settle_premium;
pub(crate) use wants::outside;

use crate::{DayInputs, DayPlan, Setup};
use risk::{Regime, RegimeState};

/// Decides a day.
pub fn decide(inputs: &DayInputs<'_>, setup: &Setup) -> DayPlan {
    let mut plan = DayPlan::empty(setup);
    decide_into(inputs, setup, &mut plan);
    plan
}

/// What a day would do if a worse regime began after its plan was made: the same decision in that regime. The plan has counted the
/// index, which is no step on the way out of it.
pub fn decide_in(regime: Regime, plan: &DayPlan, inputs: &DayInputs<'_>, setup: &Setup) -> DayPlan {
    let mut memory = inputs.memory.clone();
    (memory.regime, memory.vix) = (RegimeState { regime, pending: None }, plan.memory.vix);
    decide(&DayInputs { memory: &memory, ..*inputs }, setup)
}

/// Decides a day into a plan whose memory is reused.
pub fn decide_into(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    plan.clear();
    (plan.date, plan.decided_at, plan.flatten) = (inputs.date, inputs.decided_at, inputs.flatten);
    value::value(inputs, setup, plan);
    tail_hedge::expose(inputs, setup, plan);
    value::reconcile(inputs, setup, plan);
    hedge::withhold(inputs, setup, plan);
    assess::assess(inputs, setup, plan);
    targets::targets(inputs, setup, plan);
    targets::size(inputs, setup, plan);
    tail_hedge::targets(inputs, setup, plan);
    let moving = basket::moving(inputs, setup, plan);
    caps::limit(&moving, inputs, setup, plan);
    basket::schedule(&moving, inputs, setup, plan);
    level::keep_level(inputs, setup, plan);
    hedge::hedge(inputs, setup, plan);
    basket::number(inputs, setup, plan);
    tail_hedge::commit(plan);
    wants::wants(inputs, setup, plan);
    pairs::pairs(inputs, setup, plan);
}

#[cfg(test)]
mod tests;
