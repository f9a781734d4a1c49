//! What is watched between a plan and its last order, and what each sign asks for.
//!
//! In: a look at the account, the volatility index and the clocks, and the morning it is compared with. Out: signs.
//! Invariant: pure; a sign tightens or warns and never loosens; what was not told is no good news.

use crate::loss::{Alarm, LossPolicy};
use crate::performance::measured;
use crate::{Mode, Regime, RegimePolicy};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

const DAY_LOSS: &str = "DAY_LOSS";
const HARD_STOP: &str = "HARD_STOP";
const REGIME: &str = "REGIME";
const MARGIN_CUSHION: &str = "MARGIN_CUSHION";
const CLOCK_SKEW: &str = "CLOCK_SKEW";
const FEED_LOST: &str = "FEED_LOST";
const WORTHLESS: &str = "WORTHLESS";
/// The code of a journal that is slow to write.
pub const STORAGE_SLOW: &str = "STORAGE_SLOW";

/// How often and how closely is watched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchdogPolicy {
    /// Seconds between two looks.
    pub every_s: i64,
    /// Excess liquidity as a share of net liquidation below which only risk is reduced.
    pub cushion_min: f64,
    /// Seconds without a look that could be taken after which only risk is reduced.
    pub blind_max_s: i64,
    /// Seconds the gateway's clock may be from ours before nothing is sent.
    pub skew_max_s: i64,
    /// Milliseconds a batch of records may take to become durable before only risk is reduced.
    pub storage_slow_ms: i64,
}

/// One look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Our time.
    pub at: Timestamp,
    /// The gateway's time.
    pub gateway: Timestamp,
    /// Net liquidation in base currency, on the broker's live marks; `None` when it told none.
    pub net_liquidation: Option<Decimal>,
    /// Net liquidation above the maintenance margin, in base currency; `None` when it told none.
    pub excess_liquidity: Option<Decimal>,
    /// The volatility index in points; `None` without a quote.
    pub vix: Option<f64>,
}

/// What the day was planned on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Morning {
    /// NAV of the plan in base currency; zero when the book could not be valued.
    pub nav: f64,
    /// Drawdown on unit value, zero or negative.
    pub drawdown: f64,
    /// Regime in force.
    pub regime: Regime,
}

/// Something a look found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sign {
    /// A loss crossed a line.
    Loss(Alarm),
    /// A worse regime than the plan's begins at once.
    Regime {
        /// The regime.
        to: Regime,
        /// The volatility index in points.
        vix: Option<f64>,
        /// The drawdown.
        drawdown: f64,
    },
    /// Little is left above the maintenance margin.
    Cushion {
        /// Its share of net liquidation.
        share: f64,
        /// The least it may be.
        limit: f64,
    },
    /// The two clocks do not agree.
    ClockSkew {
        /// Seconds apart.
        seconds: i64,
        /// The most they may be.
        limit: i64,
    },
    /// No look could be taken.
    Blind {
        /// Seconds since the last one.
        seconds: i64,
        /// The most it may be.
        limit: i64,
    },
    /// The account is worth nothing, or less.
    Worthless {
        /// Net liquidation in base currency.
        net_liquidation: Decimal,
    },
    /// The journal took long to write.
    StorageSlow {
        /// Milliseconds the last batch took.
        milliseconds: i64,
        /// The most it may take.
        limit: i64,
    },
}

/// The signs of a look.
pub fn signs(
    seen: &Sighting,
    morning: &Morning,
    (loss, regime): (&LossPolicy, &RegimePolicy),
    policy: &WatchdogPolicy,
) -> Vec<Sign> {
    let skew = seen.gateway.duration_since(seen.at).abs().as_secs();
    let mut found: Vec<Sign> = Vec::new();
    found.extend((skew > policy.skew_max_s).then_some(Sign::ClockSkew { seconds: skew, limit: policy.skew_max_s }));
    let usable =
        |amount: Option<Decimal>| amount.and_then(|amount| amount.to_f64()).filter(|amount| amount.is_finite());
    let worth = usable(seen.net_liquidation).filter(|worth| *worth > 0.0 && morning.nav > 0.0);
    let today = worth.map_or(0.0, |worth| measured(worth / morning.nav - 1.0));
    let drawdown = measured((1.0 + morning.drawdown) * (1.0 + today) - 1.0);
    if let Some(worth) = worth {
        found.extend(loss.of_day(today).map(Sign::Loss));
        found.extend(loss.of_drawdown(drawdown).map(Sign::Loss));
        let share = usable(seen.excess_liquidity).map(|excess| excess / worth);
        let low = share.filter(|share| *share < policy.cushion_min);
        found.extend(low.map(|share| Sign::Cushion { share, limit: policy.cushion_min }));
    }
    found.extend(worse(seen.vix, drawdown, morning.regime, regime));
    found
}

/// A net liquidation that no account can trade on, zero or below.
pub fn worthless(seen: &Sighting) -> Option<Sign> {
    let net_liquidation = seen.net_liquidation.filter(|worth| *worth <= Decimal::ZERO)?;
    Some(Sign::Worthless { net_liquidation })
}

/// Whether a look that found these signs says that what was told under a code has ended. What it did not tell has not.
pub fn is_over(code: &str, found: &[Sign], seen: &Sighting) -> bool {
    let is_worth = seen.net_liquidation.is_some_and(|worth| worth > Decimal::ZERO);
    let is_told = match code {
        CLOCK_SKEW => true,
        DAY_LOSS | HARD_STOP | FEED_LOST | WORTHLESS => is_worth,
        MARGIN_CUSHION => is_worth && seen.excess_liquidity.is_some(),
        _ => false,
    };
    is_told && found.iter().all(|sign| sign.code() != code)
}

/// The time since the last look that could be taken, when it is too long.
pub fn blind(last: Timestamp, now: Timestamp, policy: &WatchdogPolicy) -> Option<Sign> {
    let seconds = now.duration_since(last).as_secs();
    (seconds > policy.blind_max_s).then_some(Sign::Blind { seconds, limit: policy.blind_max_s })
}

/// What the time means that records took to become durable, when it is too long.
pub fn slow(took: SignedDuration, policy: &WatchdogPolicy) -> Option<Sign> {
    let milliseconds = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    let limit = policy.storage_slow_ms;
    (milliseconds > limit).then_some(Sign::StorageSlow { milliseconds, limit })
}

/// Only what the table enters at once counts within a day: days are counted on closes. Without an index the drawdown alone
/// can make it worse.
fn worse(vix: Option<f64>, drawdown: f64, current: Regime, policy: &RegimePolicy) -> Option<Sign> {
    let to = policy.candidate(current, vix.unwrap_or(policy.vix_exit_elevated), drawdown)?;
    let at_once = to > current && policy.escalate_immediately.contains(&to);
    at_once.then_some(Sign::Regime { to, vix, drawdown })
}

impl Sign {
    /// Stable code; a sign of the same code and mode is told once, until it has ended and a person has resumed.
    pub fn code(&self) -> &'static str {
        match self {
            Sign::Loss(Alarm::DayLoss { .. }) => DAY_LOSS,
            Sign::Loss(Alarm::HardStop { .. }) => HARD_STOP,
            Sign::Regime { .. } => REGIME,
            Sign::Cushion { .. } => MARGIN_CUSHION,
            Sign::ClockSkew { .. } => CLOCK_SKEW,
            Sign::Blind { .. } => FEED_LOST,
            Sign::Worthless { .. } => WORTHLESS,
            Sign::StorageSlow { .. } => STORAGE_SLOW,
        }
    }

    /// The mode it asks for (specification, section 5).
    pub fn mode(&self) -> Mode {
        match self {
            Sign::Loss(alarm) => alarm.mode(),
            Sign::Regime { .. } => Mode::Normal,
            Sign::Cushion { .. } | Sign::Blind { .. } | Sign::StorageSlow { .. } => Mode::ReduceOnly,
            Sign::ClockSkew { .. } => Mode::CancelOnly,
            Sign::Worthless { .. } => Mode::Frozen,
        }
    }

    /// The regime it begins, when it begins one.
    pub fn regime(&self) -> Option<Regime> {
        if let Sign::Regime { to, .. } = self { Some(*to) } else { None }
    }

    /// What happened, what it means, what to do.
    pub fn sentence(&self) -> String {
        let mode = self.mode();
        let until = format!("mode {mode} until a person resumes with a reason");
        match self {
            Sign::Loss(alarm) => format!("since the plan of this morning, {}", alarm.sentence()),
            Sign::Regime { to, vix, drawdown } => format!(
                "{} begins at once (VIX {}, drawdown {:.2} %): every increase of the day is taken back",
                to.name(),
                vix.map_or_else(|| "not quoted".to_owned(), |vix| format!("{vix:.2}")),
                drawdown * 100.0
            ),
            Sign::Cushion { share, limit } => format!(
                "only {:.1} % of net liquidation lies above the maintenance margin, less than {:.1} %: {until}",
                share * 100.0,
                limit * 100.0
            ),
            Sign::ClockSkew { seconds, limit } => {
                format!("the gateway's clock is {seconds} s from ours, more than {limit}: {until}; set the clocks")
            }
            Sign::Blind { seconds, limit } => {
                format!("the account was not seen for {seconds} s, more than {limit}: {until}")
            }
            Sign::Worthless { net_liquidation } => format!(
                "two looks in a row say a net liquidation of {net_liquidation}, on which no account can trade: {until}; look at the \
                 account in the broker's own program"
            ),
            Sign::StorageSlow { milliseconds, limit } => format!(
                "the journal took {milliseconds} ms to write, more than {limit}: {until}; `abstractfinance doctor` looks at \
                 its disk or server"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rust_decimal::dec;

    const POLICY: WatchdogPolicy =
        WatchdogPolicy { every_s: 600, cushion_min: 0.15, blind_max_s: 1_200, skew_max_s: 30, storage_slow_ms: 2_000 };
    const LOSS: LossPolicy =
        LossPolicy { day_alert: 0.02, day_reduce_only: 0.03, day_cancel_only: 0.05, hard_stop_drawdown: Some(0.15) };

    fn table(escalate_immediately: Vec<Regime>) -> RegimePolicy {
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
            escalate_immediately,
            factors: [1.0, 1.0, 0.7, 0.3],
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_772_524_800 + seconds).unwrap()
    }

    fn look() -> Sighting {
        Sighting {
            at: at(0),
            gateway: at(0),
            net_liquidation: Some(dec!(10_000_000)),
            excess_liquidity: Some(dec!(5_000_000)),
            vix: Some(16.0),
        }
    }

    fn told(seen: Sighting) -> String {
        let morning = Morning { nav: 10_000_000.0, drawdown: -0.02, regime: Regime::Normal };
        let found = signs(&seen, &morning, (&LOSS, &table(vec![Regime::Crisis])), &POLICY);
        found
            .iter()
            .map(|sign| format!("{} {}: {}", sign.code(), sign.mode(), sign.sentence()))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn each_sign_has_its_line() {
        assert_eq!(told(look()), "", "a quiet look");
        let worth = |amount: Decimal| told(Sighting { net_liquidation: Some(amount), ..look() });
        assert_eq!(worth(dec!(9_800_001)), "", "just above the first line");
        let rows = [
            worth(dec!(9_800_000)),
            worth(dec!(9_700_000)),
            worth(dec!(9_500_000)),
            worth(dec!(8_600_000)),
            told(Sighting { vix: Some(39.99), ..look() }),
            told(Sighting { vix: Some(40.0), ..look() }),
            told(Sighting { excess_liquidity: Some(dec!(1_500_000)), ..look() }),
            told(Sighting { excess_liquidity: Some(dec!(1_499_999)), ..look() }),
            told(Sighting { gateway: at(30), ..look() }),
            told(Sighting { gateway: at(-31), ..look() }),
        ];
        insta::assert_snapshot!(rows.join("\n--\n"), @"
        DAY_LOSS NORMAL: since the plan of this morning, one day lost 2.00 %, at or beyond the 2.00 % line: look at the day's attribution; trading goes on
        --
        DAY_LOSS REDUCE_ONLY: since the plan of this morning, one day lost 3.00 %, at or beyond the 3.00 % line: mode REDUCE_ONLY until a person resumes with a reason
        --
        DAY_LOSS CANCEL_ONLY: since the plan of this morning, one day lost 5.00 %, at or beyond the 5.00 % line: mode CANCEL_ONLY until a person resumes with a reason
        --
        DAY_LOSS CANCEL_ONLY: since the plan of this morning, one day lost 14.00 %, at or beyond the 5.00 % line: mode CANCEL_ONLY until a person resumes with a reason
        HARD_STOP REDUCE_ONLY: since the plan of this morning, drawdown -15.72 % has reached the hard stop of 15.00 %: every position is closed; `resume --new-high-water-mark` arms the strategy again
        REGIME NORMAL: CRISIS begins at once (VIX 16.00, drawdown -15.72 %): every increase of the day is taken back
        --

        --
        REGIME NORMAL: CRISIS begins at once (VIX 40.00, drawdown -2.00 %): every increase of the day is taken back
        --

        --
        MARGIN_CUSHION REDUCE_ONLY: only 15.0 % of net liquidation lies above the maintenance margin, less than 15.0 %: mode REDUCE_ONLY until a person resumes with a reason
        --

        --
        CLOCK_SKEW CANCEL_ONLY: the gateway's clock is 31 s from ours, more than 30: mode CANCEL_ONLY until a person resumes with a reason; set the clocks
        ");
        assert_eq!(blind(at(0), at(1_200), &POLICY), None);
        insta::assert_snapshot!(blind(at(0), at(1_201), &POLICY).unwrap().sentence(), @"the account was not seen for 1201 s, more than 1200: mode REDUCE_ONLY until a person resumes with a reason");
    }

    #[test]
    fn a_line_that_is_met_exactly_is_met() {
        let regime = |worth: i64, drawdown: f64| {
            let morning = Morning { nav: 10_000_000.0, drawdown, regime: Regime::Normal };
            let seen = Sighting { net_liquidation: Some(worth.into()), ..look() };
            let found = signs(&seen, &morning, (&LOSS, &table(vec![Regime::Crisis])), &POLICY);
            found.iter().find_map(Sign::regime)
        };
        assert_eq!((regime(9_000_000, 0.0), regime(9_000_001, 0.0)), (Some(Regime::Crisis), None));
        assert_eq!((regime(9_600_000, -0.0625), regime(9_600_001, -0.0625)), (Some(Regime::Crisis), None));
    }

    #[test]
    fn what_was_not_told_is_no_sign_and_no_comfort() {
        let nothing = Sighting { net_liquidation: None, excess_liquidity: None, vix: None, ..look() };
        assert_eq!(told(nothing), "", "the time since the last good look counts, see `blind`");
        let elevated = |vix| {
            let morning = Morning { nav: 1.0, drawdown: 0.0, regime: Regime::Normal };
            let seen = Sighting { net_liquidation: None, vix: Some(vix), ..look() };
            signs(&seen, &morning, (&LOSS, &table(vec![Regime::Crisis, Regime::Elevated])), &POLICY)
        };
        assert_eq!(elevated(25.0).first().and_then(Sign::regime), Some(Regime::Elevated), "when the settings say so");
        assert_eq!(elevated(45.0).first().and_then(Sign::regime), Some(Regime::Crisis));
    }

    proptest! {
        #[test]
        fn a_worse_look_never_asks_for_less(
            worth in 1_000_000_i64..12_000_000, lost in 0_i64..1_000_000, vix in 10.0..60.0_f64, risen in 0.0..30.0_f64,
        ) {
            let asked = |worth: i64, vix: f64| {
                let seen = Sighting { net_liquidation: Some(worth.into()), vix: Some(vix), ..look() };
                let morning = Morning { nav: 10_000_000.0, drawdown: 0.0, regime: Regime::Normal };
                let found = signs(&seen, &morning, (&LOSS, &table(vec![Regime::Crisis])), &POLICY);
                let mode = found.iter().map(Sign::mode).max().unwrap_or(Mode::Normal);
                (mode, found.iter().filter_map(Sign::regime).max())
            };
            let (before, after) = (asked(worth, vix), asked(worth - lost.min(worth - 1), vix + risen));
            prop_assert!(after.0 >= before.0 && after.1 >= before.1, "{:?} then {:?}", before, after);
        }
    }
}
