//! How far the best of many runs may be believed.
//!
//! In: trials. Out: the best, how much of it is luck, what choices on the past earned after it; and the same in sentences.
//! Invariant: runs that earned the same on every date are one try.

use super::Trial;
use super::overfit::{Deflated, Fold, deflated, followed, walk_forward};
use crate::statistics::statistics;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Runs with a Sharpe ratio.
    pub trials: usize,
    /// Different returns among them: settings that change nothing are no further try.
    pub distinct: usize,
    /// Number of the one with the best Sharpe ratio.
    pub best_run: Option<usize>,
    /// Its ratio, deflated by how many different ones were tried.
    pub deflated: Option<Deflated>,
    /// Choices on growing pasts.
    pub folds: Vec<Fold>,
    /// Parts that were asked for and are too short, or have no run with a Sharpe ratio before them.
    pub folds_left_out: usize,
    /// Annual Sharpe ratio of following them.
    pub followed: Option<f64>,
}

/// Judges a search: the best trial, deflated; and walk-forward choices in so many parts.
pub fn verdict(trials: &[Trial], folds: usize) -> Verdict {
    let rated: Vec<(&Trial, f64)> = trials.iter().filter_map(|trial| Some((trial, trial.sharpe()?))).collect();
    let best = rated.iter().copied().reduce(|best, other| if other.1 > best.1 { other } else { best });
    let mut different = BTreeSet::new();
    let mut is_new = |trial: &Trial| different.insert(trial.returns.iter().map(|r| r.to_bits()).collect::<Vec<u64>>());
    let sharpes: Vec<f64> = rated.iter().filter(|(trial, _)| is_new(trial)).map(|(_, sharpe)| *sharpe).collect();
    let returns: BTreeMap<usize, &[f64]> = rated.iter().map(|(trial, _)| (trial.run, &trial.returns[..])).collect();
    let asked = if rated.is_empty() { 0 } else { folds };
    let folds = walk_forward(&returns, asked);
    let following = followed(&returns, &folds);
    Verdict {
        trials: rated.len(),
        distinct: sharpes.len(),
        best_run: best.map(|(trial, _)| trial.run),
        deflated: best.and_then(|(trial, _)| deflated(&trial.returns, &sharpes)),
        folds_left_out: asked - folds.len(),
        folds,
        followed: statistics(&following).and_then(|stats| stats.sharpe),
    }
}

/// What a person should believe of it, in sentences.
pub(super) fn believed(trials: &[Trial], verdict: &Verdict) -> String {
    let number = |x: f64| format!("{x:.2}").replace('-', "−");
    let mut text = String::new();
    if let (Some(best), Some(d)) = (verdict.best_run, verdict.deflated) {
        let different = match verdict.distinct {
            all if all == verdict.trials => String::new(),
            distinct => format!(" with {distinct} different results"),
        };
        writeln!(
            text,
            "  Run {} has the best Sharpe ratio, {}, of {} runs{different}.\n  \
             The best of so many without any merit would have {}; the probability that its merit is more than luck is {:.0} %.",
            best,
            number(d.sharpe),
            verdict.trials,
            number(d.by_luck),
            d.probability * 100.0
        )
        .expect("text");
    }
    let is_best = |trial: &&Trial| Some(trial.run) == verdict.best_run;
    if let Some(best) = trials.iter().find(is_best).filter(|best| best.stopped_dates > 0) {
        writeln!(
            text,
            "  Run {} stopped: {} of its {} dates ended in a mode other than NORMAL, in which nothing is added, and say little\n  \
             of its settings. Without --resume-after nobody lets it go on.",
            best.run,
            best.stopped_dates,
            best.returns.len()
        )
        .expect("text");
    }
    if !verdict.folds.is_empty() {
        text.push_str("  Chosen on the past, judged on what came next:\n");
        for fold in &verdict.folds {
            writeln!(
                text,
                "    after {:>4} days  run {:>3}  Sharpe {:>6} seen, {:>6} unseen",
                fold.chosen_at,
                fold.run,
                number(fold.seen),
                fold.unseen.map_or_else(|| "–".into(), number)
            )
            .expect("text");
        }
    }
    if verdict.folds_left_out > 0 {
        writeln!(
            text,
            "  {} of {} parts are left out: each needs two dates, and a run with a Sharpe ratio before it.",
            verdict.folds_left_out,
            verdict.folds_left_out + verdict.folds.len()
        )
        .expect("text");
    }
    if let Some(followed) = verdict.followed {
        writeln!(text, "  Following these choices: Sharpe {}.", number(followed)).expect("text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(run: usize, drift: f64, dates: usize) -> Trial {
        Trial::made_up(run, (0..dates).map(|day| drift + 0.01 * libm::sin(day as f64 * 0.7)).collect())
    }

    #[test]
    fn settings_that_change_nothing_are_no_further_try() {
        let (one, other) = (trial(1, 0.001, 100), trial(2, 0.002, 100));
        let two = verdict(&[one.clone(), other.clone()], 0);
        let again = |run, trial: &Trial| Trial { run, ..trial.clone() };
        let trials = [again(3, &one), again(4, &other), one, other];
        let four = verdict(&trials, 0);
        assert_eq!((four.trials, four.distinct, four.deflated), (4, 2, two.deflated));
        let text = believed(&trials, &four);
        assert!(text.contains("of 4 runs with 2 different results.\n"), "{text}");
    }

    #[test]
    fn a_part_too_short_to_be_judged_is_left_out_and_told() {
        let trials = [trial(1, 0.001, 20), trial(2, 0.002, 20)];
        let many = verdict(&trials, 30);
        let parts: Vec<usize> = many.folds.iter().map(|fold| fold.chosen_at).collect();
        assert_eq!((parts, many.folds_left_out), ((1..=9).map(|part| 2 * part).collect(), 21));
        assert!(believed(&trials, &many).contains("  21 of 30 parts are left out"));
        assert_eq!(verdict(&trials, 4).folds_left_out, 0);
        assert_eq!(verdict(&[], 4).folds_left_out, 0, "a search without a result has no parts at all");
    }
}
