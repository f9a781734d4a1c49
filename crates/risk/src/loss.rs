//! Losses that stop the engine: of one day, and from the high.
//!
//! In: the day's return and the drawdown, on unit value. Out: what each asks for. Invariant: a deeper loss never asks
//! for less; what a loss has tightened only a person loosens.

use crate::Mode;
use serde::{Deserialize, Serialize};

/// Losses as positive fractions of unit value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossPolicy {
    /// A day's loss worth an alert.
    pub day_alert: f64,
    /// A day's loss after which only risk is reduced.
    pub day_reduce_only: f64,
    /// A day's loss after which a person decides.
    pub day_cancel_only: f64,
    /// Loss from the high at which everything is closed; `None` when there is no such line.
    pub hard_stop_drawdown: Option<f64>,
}

/// A line that a loss has crossed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "alarm", rename_all = "snake_case")]
pub enum Alarm {
    /// One day lost this much.
    DayLoss {
        /// The loss, a positive fraction.
        loss: f64,
        /// The line it crossed.
        limit: f64,
        /// The mode it asks for.
        mode: Mode,
    },
    /// The loss from the high reached the hard stop: close everything and wait for a person.
    HardStop {
        /// The drawdown, negative.
        drawdown: f64,
        /// The line it crossed, positive.
        limit: f64,
    },
}

impl LossPolicy {
    /// The tightest line a day's return has crossed.
    pub fn of_day(&self, daily_return: f64) -> Option<Alarm> {
        let loss = -daily_return;
        let tiers = [
            (self.day_cancel_only, Mode::CancelOnly),
            (self.day_reduce_only, Mode::ReduceOnly),
            (self.day_alert, Mode::Normal),
        ];
        let crossed = tiers.into_iter().find(|(limit, _)| loss >= *limit);
        crossed.map(|(limit, mode)| Alarm::DayLoss { loss, limit, mode })
    }

    /// The hard stop, when a drawdown has reached it.
    pub fn of_drawdown(&self, drawdown: f64) -> Option<Alarm> {
        let limit = self.hard_stop_drawdown.filter(|limit| -drawdown >= *limit)?;
        Some(Alarm::HardStop { drawdown, limit })
    }
}

impl Alarm {
    /// The mode the alarm asks for.
    pub fn mode(&self) -> Mode {
        match *self {
            Alarm::DayLoss { mode, .. } => mode,
            Alarm::HardStop { .. } => Mode::ReduceOnly,
        }
    }

    /// What happened, what it means, what to do.
    pub fn sentence(&self) -> String {
        match *self {
            Alarm::DayLoss { loss, limit, mode } => format!(
                "one day lost {:.2} %, at or beyond the {:.2} % line: {}",
                loss * 100.0,
                limit * 100.0,
                match mode {
                    Mode::Normal => "look at the day's attribution; trading goes on".to_owned(),
                    mode => format!("mode {mode} until a person resumes with a reason"),
                }
            ),
            Alarm::HardStop { drawdown, limit } => format!(
                "drawdown {:.2} % has reached the hard stop of {:.2} %: every position is closed; \
                 `resume --new-high-water-mark` arms the strategy again",
                drawdown * 100.0,
                limit * 100.0
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy() -> LossPolicy {
        LossPolicy { day_alert: 0.02, day_reduce_only: 0.03, day_cancel_only: 0.05, hard_stop_drawdown: Some(0.15) }
    }

    #[test]
    fn each_line_counts_from_exactly_where_it_is_drawn() {
        let told =
            |daily_return: f64| policy().of_day(daily_return).map_or_else(|| "–".into(), |alarm| alarm.sentence());
        let rows =
            [0.01, -0.0199, -0.02, -0.0299, -0.03, -0.0499, -0.05, -0.3].map(|r| format!("{r:+.4}  {}", told(r)));
        insta::assert_snapshot!(rows.join("\n"), @"
        +0.0100  –
        -0.0199  –
        -0.0200  one day lost 2.00 %, at or beyond the 2.00 % line: look at the day's attribution; trading goes on
        -0.0299  one day lost 2.99 %, at or beyond the 2.00 % line: look at the day's attribution; trading goes on
        -0.0300  one day lost 3.00 %, at or beyond the 3.00 % line: mode REDUCE_ONLY until a person resumes with a reason
        -0.0499  one day lost 4.99 %, at or beyond the 3.00 % line: mode REDUCE_ONLY until a person resumes with a reason
        -0.0500  one day lost 5.00 %, at or beyond the 5.00 % line: mode CANCEL_ONLY until a person resumes with a reason
        -0.3000  one day lost 30.00 %, at or beyond the 5.00 % line: mode CANCEL_ONLY until a person resumes with a reason
        ");
        assert_eq!(policy().of_drawdown(-0.1499), None);
        insta::assert_snapshot!(policy().of_drawdown(-0.15).expect("reached").sentence(), @"drawdown -15.00 % has reached the hard stop of 15.00 %: every position is closed; `resume --new-high-water-mark` arms the strategy again");
    }

    proptest! {
        #[test]
        fn a_deeper_loss_never_asks_for_less(a in -0.5_f64..0.5, b in -0.5_f64..0.5) {
            let mode = |r: f64| policy().of_day(r).map_or(Mode::Normal, |alarm| alarm.mode());
            let (deeper, lighter) = (a.min(b), a.max(b));
            prop_assert!(mode(deeper) >= mode(lighter));
        }
    }
}
