//! The table as a story, and August 2015 as it was.

mod golden;
mod model;

use super::*;
use Regime::{Crisis, Elevated, Normal, Recovery};

pub(crate) fn policy() -> RegimePolicy {
    RegimePolicy {
        vix_enter_elevated: 25.0,
        vix_exit_elevated: 20.0,
        vix_enter_crisis: 40.0,
        vix_exit_crisis: 35.0,
        drawdown_enter_elevated: 0.05,
        drawdown_enter_crisis: 0.10,
        drawdown_exit_crisis: 0.07,
        drawdown_exit_elevated: 0.03,
        persistence_days: 3,
        escalate_immediately: vec![Crisis],
        factors: [1.0, 1.0, 0.7, 0.3],
    }
}

fn walk(start: Regime, days: &[(Option<f64>, f64)]) -> Vec<Regime> {
    let mut state = RegimeState { regime: start, pending: None };
    days.iter()
        .map(|&(vix, drawdown)| {
            state = state.advance(vix, true, drawdown, &policy());
            state.regime
        })
        .collect()
}

fn vix(levels: &[f64]) -> Vec<(Option<f64>, f64)> {
    levels.iter().map(|&v| (Some(v), 0.0)).collect()
}

#[test]
fn august_2015_is_a_crisis_on_the_first_close_above_forty_and_not_before() {
    let closes = vix(&[13.02, 13.79, 15.25, 19.14, 28.03, 40.74, 36.02, 30.32, 26.1, 26.05]);
    assert_eq!(
        walk(Normal, &closes),
        [Normal, Normal, Normal, Normal, Normal, Crisis, Crisis, Crisis, Crisis, Elevated]
    );
}

#[test]
fn a_crisis_is_left_one_level_at_a_time() {
    let quiet = vix(&[12.0; 6]);
    assert_eq!(walk(Crisis, &quiet), [Crisis, Crisis, Elevated, Elevated, Elevated, Normal]);
}

#[test]
fn any_other_candidate_or_none_restarts_the_count() {
    assert_eq!(
        walk(Normal, &vix(&[26.0, 26.0, 24.0, 26.0, 26.0, 26.0])),
        [Normal, Normal, Normal, Normal, Normal, Elevated]
    );
}

#[test]
fn a_missing_vix_keeps_the_regime_and_restarts_the_count() {
    let mut days = vix(&[12.0, 12.0]);
    days.push((None, 0.0));
    days.extend(vix(&[12.0, 12.0, 12.0]));
    assert_eq!(walk(Elevated, &days), [Elevated, Elevated, Elevated, Elevated, Elevated, Normal]);
}

#[test]
fn recovery_is_the_way_out_with_a_drawdown_left() {
    let day = (Some(15.0), -0.04);
    assert_eq!(walk(Elevated, &[day, day, day]), [Elevated, Elevated, Recovery]);
    assert_eq!(walk(Normal, &[day, day, day]), [Normal; 3], "a fresh fall is not a recovery");
}

#[test]
fn a_deep_drawdown_has_the_crisis_factor_in_any_regime() {
    assert_eq!(policy().state_factor(Normal, -0.10), 0.3);
    assert_eq!(policy().state_factor(Elevated, -0.0999), 0.7);
}

#[test]
fn a_print_that_was_counted_once_tightens_again_and_loosens_nothing() {
    let old = |start: Regime, vix: f64| {
        let state = RegimeState { regime: start, pending: None }.advance(Some(vix), true, 0.0, &policy());
        (0..9).fold(state, |state, _| state.advance(Some(vix), false, 0.0, &policy()))
    };
    let waits = RegimeState { regime: Crisis, pending: Some((Elevated, 1)) };
    assert_eq!(old(Crisis, 34.0), waits, "one quiet print is one quiet day, however often it is looked at");
    assert_eq!(old(Normal, 26.0).regime, Elevated);
}
