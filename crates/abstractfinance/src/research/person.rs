//! The person beside a study, who answers an engine that stopped.
//!
//! In: how each trade date ended. Out: what he says in the evening, and what a reader should know. Invariant: he says it
//! through the journal, like anybody; a study without him never loosens a mode.

use ::backtest::result::counted;
use console::DayReport;
use cycle::{Directive, Instruction, Latch, Standing};
use jiff::civil::Date;
use risk::Mode;
use std::num::NonZeroU32;

/// Who looks at the end of every date.
#[derive(Debug)]
pub(super) struct Person {
    resumes_after: Option<NonZeroU32>,
    /// How the last date ended.
    mode: Mode,
    latched: Vec<Latch>,
    /// Dates in a row at whose end something waited for him.
    waiting: u32,
    /// The hard stop was reached on one of them.
    at_hard_stop: bool,
    /// What he said last, until it is seen whether it helped.
    said: Option<String>,
}

impl Person {
    /// One who answers after so many dates, or never.
    pub(super) fn new(resumes_after: Option<NonZeroU32>) -> Person {
        let (mode, latched) = (Mode::Normal, Vec::new());
        Person { resumes_after, mode, latched, waiting: 0, at_hard_stop: false, said: None }
    }

    /// Looks at how a date ended: what is new about it, in sentences; `why` says for what reason the mode is tighter.
    pub(super) fn look(&mut self, date: Date, standing: &Standing, why: impl FnOnce() -> String) -> Vec<String> {
        let Standing { mode, flatten, latched, .. } = standing;
        let (before, known) = (self.mode, std::mem::replace(&mut self.latched, latched.clone()));
        self.mode = *mode;
        let waits = *mode != Mode::Normal || !latched.is_empty();
        self.waiting = if waits { self.waiting + 1 } else { 0 };
        self.at_hard_stop = waits && (self.at_hard_stop || *flatten);
        let until = || match self.resumes_after {
            None => "from here on, as it would live: --resume-after lets a person answer".to_owned(),
            Some(dates) => format!("until a person answers, {} later", counted(dates.get() as usize, "trade date")),
        };
        let does = if *mode == Mode::ReduceOnly { "adds nothing" } else { "sends nothing" };
        let stop = (*mode > before)
            .then(|| format!("{date}: the engine stopped in mode {mode}: {}. It {does} {}", why(), until()));
        let new = latched.iter().filter(|latch| !known.contains(latch));
        let latches = new.map(|Latch { contract, side }| {
            format!("{date}: {contract} had more {side} orders in a day than are allowed. None leaves {}", until())
        });
        let helped = self.said.take().filter(|_| !waits);
        stop.into_iter().chain(latches).chain(helped).collect()
    }

    /// What he says for the next date, if he answers now. After a hard stop, which alone closes everything, drawdown is
    /// measured anew.
    pub(super) fn answer(&mut self, next: Date) -> Option<Instruction> {
        let dates = self.resumes_after.filter(|dates| self.waiting >= dates.get())?;
        self.waiting = 0;
        let new_high_water_mark = std::mem::take(&mut self.at_hard_stop);
        let directive = Directive::Resume { mode: Mode::Normal, new_high_water_mark };
        let reason = format!("{} after the engine stopped", counted(dates.get() as usize, "trade date"));
        let instruction = Instruction { directive, by: "the study".to_owned(), reason };
        self.said = Some(format!("{next}: {}", instruction.sentence()));
        Some(instruction)
    }
}

/// Why a date ended in the mode it reports: what the engine said of it, or the watchdog, or else the step that stopped.
pub(super) fn why(report: &DayReport) -> String {
    let alerts = report.alerts.iter().map(String::as_str);
    let of_mode = alerts.clone().find(|alert| alert.contains(&report.mode));
    let of_watchdog = || alerts.clone().find(|alert| alert.starts_with("watchdog"));
    let step = || report.steps.iter().rev().find(|step| step.outcome == "stopped");
    match of_mode.or_else(of_watchdog) {
        Some(alert) => alert.to_owned(),
        None => step().map_or_else(|| "no step says why".into(), |step| format!("{}, {}", step.name, step.detail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Side;
    use insta::assert_snapshot;
    use jiff::civil::date;

    #[test]
    fn each_stop_is_told_once_and_answered_when_that_was_asked_for() {
        let stands = |mode, flatten, latched: &[&str]| {
            let latch = |contract: &&str| Latch { contract: (*contract).to_owned(), side: Side::Sell };
            Standing { mode, flatten, latched: latched.iter().map(latch).collect(), ..Standing::default() }
        };
        let days = [
            (2, stands(Mode::Normal, false, &[])),
            (3, stands(Mode::ReduceOnly, true, &[])),
            (4, stands(Mode::ReduceOnly, false, &[])),
            (5, stands(Mode::Normal, false, &[])),
            (6, stands(Mode::ReduceOnly, false, &[])),
            (9, stands(Mode::CancelOnly, false, &[])),
            (10, stands(Mode::CancelOnly, false, &[])), // it did not help
            (11, stands(Mode::Normal, false, &["M6E_20260914"])),
            (12, stands(Mode::Normal, false, &[])),
        ];
        let told = |resumes_after| {
            let mut person = Person::new(resumes_after);
            let said = |(day, standing): &(i8, Standing)| {
                let news = person.look(date(2026, 3, *day), standing, || "a reason".to_owned());
                person.answer(date(2026, 3, day + 1));
                news
            };
            days.iter().flat_map(said).collect::<Vec<_>>().join("\n")
        };
        assert_snapshot!(told(NonZeroU32::new(2)), @r"
        2026-03-03: the engine stopped in mode REDUCE_ONLY: a reason. It adds nothing until a person answers, 2 trade dates later
        2026-03-05: mode NORMAL, drawdown measured anew (by the study: 2 trade dates after the engine stopped)
        2026-03-06: the engine stopped in mode REDUCE_ONLY: a reason. It adds nothing until a person answers, 2 trade dates later
        2026-03-09: the engine stopped in mode CANCEL_ONLY: a reason. It sends nothing until a person answers, 2 trade dates later
        2026-03-11: M6E_20260914 had more SELL orders in a day than are allowed. None leaves until a person answers, 2 trade dates later
        2026-03-12: mode NORMAL (by the study: 2 trade dates after the engine stopped)
        ");
        assert_snapshot!(told(None), @r"
        2026-03-03: the engine stopped in mode REDUCE_ONLY: a reason. It adds nothing from here on, as it would live: --resume-after lets a person answer
        2026-03-06: the engine stopped in mode REDUCE_ONLY: a reason. It adds nothing from here on, as it would live: --resume-after lets a person answer
        2026-03-09: the engine stopped in mode CANCEL_ONLY: a reason. It sends nothing from here on, as it would live: --resume-after lets a person answer
        2026-03-11: M6E_20260914 had more SELL orders in a day than are allowed. None leaves from here on, as it would live: --resume-after lets a person answer
        ");
    }
}
