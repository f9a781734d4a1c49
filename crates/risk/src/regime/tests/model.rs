//! The regime table held against a second formulation of the specification: four tables drawn by hand and a
//! look back over the wishes since the last change, instead of comparisons and a counter.

use super::super::*;
use super::policy;
use Regime::{Crisis, Elevated, Normal, Recovery};

/// VIX: missing, below 20, 25, 35, 40, and from 40 on; the first of each is its lower bound.
const VIX: [&[Option<f64>]; 6] = [
    &[None],
    &[Some(5.0), Some(19.99)],
    &[Some(20.0), Some(24.99)],
    &[Some(25.0), Some(34.99)],
    &[Some(35.0), Some(39.99)],
    &[Some(40.0), Some(90.0)],
];
/// Drawdown: above −3, −5, −7, −10 %, and from −10 % down; the first of each is its edge.
const DRAWDOWN: [&[f64]; 5] =
    [&[0.0, -0.0299], &[-0.03, -0.0499], &[-0.05, -0.0699], &[-0.07, -0.0999], &[-0.10, -0.6]];

/// Where each regime wants to go, a row per VIX class, a column per drawdown class; a point stays.
const WISHES: [(Regime, [&str; 6]); 4] = [
    (Normal, [".....", "..EEC", "..EEC", "EEEEC", "EEEEC", "CCCCC"]),
    (Recovery, [".....", "N.EEC", "..EEC", "EEEEC", "EEEEC", "CCCCC"]),
    (Elevated, [".....", "NR..C", "....C", "....C", "....C", "CCCCC"]),
    (Crisis, [".....", "EEE..", "EEE..", "EEE..", ".....", "....."]),
];

/// What every regime wishes on a date.
type Wishes = [Option<Regime>; 4];

fn wishes(vix: usize, drawdown: usize) -> Wishes {
    let mut wishes = [None; 4];
    for (regime, rows) in WISHES {
        wishes[regime as usize] = match rows[vix].as_bytes()[drawdown] {
            b'N' => Some(Normal),
            b'R' => Some(Recovery),
            b'E' => Some(Elevated),
            b'C' => Some(Crisis),
            _ => None,
        };
    }
    wishes
}

/// The regime after a history, by looking back: a wish for CRISIS comes true at once, every other one on the third
/// of three dates in a row that wish the same since the last change.
struct Judge {
    regime: Regime,
    since: [Option<Regime>; 8],
    days: usize,
}

impl Judge {
    fn new() -> Judge {
        Judge { regime: Normal, since: [None; 8], days: 0 }
    }

    fn after(&self, day: &Wishes) -> Judge {
        let wish = day[self.regime as usize];
        let mut since = self.since;
        since[self.days] = wish;
        let seen = &since[..=self.days];
        let lasting = seen.len() >= 3 && wish.is_some() && seen[seen.len() - 3..].iter().all(|w| *w == wish);
        match wish {
            Some(next) if next == Crisis || lasting => Judge { regime: next, since: [None; 8], days: 0 },
            _ => Judge { regime: self.regime, since, days: self.days + 1 },
        }
    }
}

/// One input: what the judge sees, and the values the table sees.
type Input = (Wishes, Option<f64>, f64);

fn every_input() -> Vec<Input> {
    let classes = (0..VIX.len()).flat_map(|vix| (0..DRAWDOWN.len()).map(move |drawdown| (vix, drawdown)));
    classes.map(|(vix, drawdown)| (wishes(vix, drawdown), VIX[vix][0], DRAWDOWN[drawdown][0])).collect()
}

/// Walks every sequence up to a length and counts them.
fn walk(inputs: &[Input], policy: &RegimePolicy, ours: RegimeState, judge: &Judge, left: usize) -> u64 {
    if left == 0 {
        return 0;
    }
    inputs.iter().fold(0, |count, (day, vix, drawdown)| {
        let next = ours.advance(*vix, true, *drawdown, policy);
        let judged = judge.after(day);
        assert_eq!(next.regime, judged.regime, "VIX {vix:?}, drawdown {drawdown}, from {ours:?}");
        count + 1 + walk(inputs, policy, next, &judged, left - 1)
    })
}

#[test]
fn every_level_and_every_edge_has_the_candidate_of_the_drawn_table() {
    let mut checked = 0;
    for (vix_class, drawdown_class) in (0..6).flat_map(|v| (0..5).map(move |d| (v, d))) {
        let wishes = wishes(vix_class, drawdown_class);
        for (vix, drawdown) in VIX[vix_class].iter().flat_map(|v| DRAWDOWN[drawdown_class].iter().map(move |d| (v, d)))
        {
            for (regime, _) in WISHES {
                let candidate = vix.and_then(|vix| policy().candidate(regime, vix, *drawdown));
                assert_eq!(candidate, wishes[regime as usize], "{regime:?} at VIX {vix:?}, drawdown {drawdown}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 440);
}

/// The 30 classes of a day differ in no more than seven ways (the test above proves it of the table too), so that
/// 7 + 7² + … + 7⁸ sequences stand for all 30 + 30² + … + 30⁸ of them: 678,724,137,930.
#[test]
fn all_sequences_of_eight_dates_end_in_the_regime_of_the_second_formulation() {
    let mut inputs: Vec<Input> = Vec::new();
    for input in every_input() {
        if inputs.iter().all(|known| known.0 != input.0) {
            inputs.push(input);
        }
    }
    assert_eq!((every_input().len(), inputs.len()), (30, 7));
    let start = RegimeState::default();
    let sequences = walk(&inputs, &policy(), start, &Judge::new(), 8);
    eprintln!("{sequences} sequences of up to 8 dates, each standing for its class");
    assert_eq!(sequences, 6_725_600);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the length of a campaign is chosen outside")]
fn without_classes_too() {
    let (length, expected) = match std::env::var("AF_LONG") {
        Ok(long) if long == "1" => (6, 754_137_930),
        _ => (4, 837_930),
    };
    let sequences = walk(&every_input(), &policy(), RegimeState::default(), &Judge::new(), length);
    eprintln!("{sequences} sequences of up to {length} dates over all 30 levels");
    assert_eq!(sequences, expected);
}
