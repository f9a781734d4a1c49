//! What a person tells the engine, and what stands of it.
//!
//! In: instructions in the order they were answered. Out: the standing orders of the account: mode and
//! flattening. Invariant: anything tightens, only an instruction with a person's name and reason loosens, and, where the
//! settings say so, the reconciliation its own HALT; an instruction counts from the moment its answer is durable.

use domain::{Side, Universe};
use jiff::civil::Date;
use risk::Mode;
use risk::reconciliation::Reconciliation;
use serde::{Deserialize, Serialize};

/// One instruction with the person behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// What to do.
    #[serde(flatten)]
    pub directive: Directive,
    /// Who says so.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What can be asked of a running engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Directive {
    /// No looser than this mode from now on.
    Tighten {
        /// The mode.
        mode: Mode,
    },
    /// Exactly this mode from now on; positions are no longer flattened, and no contract is latched.
    Resume {
        /// The mode.
        mode: Mode,
        /// Measure drawdown from today's unit value.
        #[serde(default)]
        new_high_water_mark: bool,
    },
    /// Add nothing from now on, and want nothing from the next plan on.
    Flatten,
    /// Lets the close-out of an expiring contract out although the mode lets nothing out.
    CloseOut {
        /// The contract, by name.
        name: String,
    },
    /// Lets the plan with this content be executed.
    Approve {
        /// Its content hash.
        plan: String,
    },
    /// Sends nothing of the plan with this content.
    Reject {
        /// Its content hash.
        plan: String,
    },
    /// Books a position we did not open, or gives one we hold to a sleeve.
    Adopt {
        /// The finding of the reconciliation it answers, such as `quantity:CSPX` or `cash:USD`.
        finding: String,
        /// The sleeve that owns it from now on; `external` holds and never trades it.
        sleeve: String,
        /// Of cash: the owner put it in or took it out, so that it is no return.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        flow: bool,
        /// The date on which it was said; `None` until it is answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Date>,
    },
}

/// A contract and side that sends nothing more until a person resumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    /// The contract's name.
    pub contract: String,
    /// Which way.
    pub side: Side,
}

impl Latch {
    /// The latch of a contract by its name.
    pub fn named(latch: &risk::gate::Latch, universe: &Universe) -> Latch {
        Latch { contract: universe.contract(latch.contract).name.clone(), side: latch.side }
    }
}

/// What stands of everything a person said, and of what only a person may lift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Operating mode.
    pub mode: Mode,
    /// What the mode would be without a HALT that the reconciliation may clear by itself; `None` when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_halt: Option<Mode>,
    /// Targets are zero until a person resumes.
    pub flatten: bool,
    /// Drawdown starts again at the next valuation.
    pub new_high_water_mark: bool,
    /// Contracts whose mandatory close-out a person has confirmed, by name.
    #[serde(default)]
    pub confirmed: Vec<String>,
    /// Contracts and sides of which too many orders were sent on a day.
    #[serde(default)]
    pub latched: Vec<Latch>,
    /// Findings to be booked at the next reconciliation, with sleeve, person and reason.
    pub adopt: Vec<Instruction>,
}

impl Standing {
    /// No looser than this mode from now on.
    pub fn tighten(&mut self, mode: Mode) {
        self.mode = self.mode.tightened_to(mode);
        self.before_halt = self.before_halt.map(|before| before.tightened_to(mode));
    }

    /// Takes over what a whole reconciliation asks for. With `auto_clear` one that stops nothing ends the HALT of an earlier
    /// one, and nothing else.
    pub fn reconciled(&mut self, result: &Reconciliation, auto_clear: bool) {
        let halted = self.before_halt.take().filter(|_| auto_clear);
        if result.halts() && auto_clear {
            self.before_halt = halted.or(Some(self.mode));
            self.mode = self.mode.tightened_to(result.mode());
        } else {
            self.mode = halted.filter(|_| result.mode() < Mode::CancelOnly).unwrap_or(self.mode);
            self.tighten(result.mode());
        }
    }

    /// Applies one instruction.
    pub fn obey(&mut self, instruction: &Instruction) {
        match &instruction.directive {
            Directive::Tighten { mode } => self.tighten(*mode),
            Directive::Resume { mode, new_high_water_mark } => {
                self.mode = *mode;
                self.before_halt = None;
                self.flatten = false;
                self.latched.clear();
                self.new_high_water_mark |= new_high_water_mark;
            }
            Directive::Flatten => {
                self.flatten = true;
                self.tighten(Mode::ReduceOnly);
            }
            Directive::CloseOut { name } => self.confirmed.push(name.clone()),
            Directive::Adopt { .. } => self.adopt.push(instruction.clone()),
            // They are about one plan, which is asked for them before it is executed.
            Directive::Approve { .. } | Directive::Reject { .. } => {}
        }
    }
}

impl Instruction {
    /// The instruction in words, for reports and answers.
    pub fn sentence(&self) -> String {
        let what = match &self.directive {
            Directive::Tighten { mode } => format!("mode no looser than {mode}"),
            Directive::Resume { mode, new_high_water_mark: false } => format!("mode {mode}"),
            Directive::Resume { mode, .. } => format!("mode {mode}, drawdown measured anew"),
            Directive::Flatten => "close every position, add nothing".to_owned(),
            Directive::CloseOut { name } => format!("close out {name}, whatever the mode"),
            Directive::Approve { plan } => format!("execute plan {}", &plan[..plan.len().min(12)]),
            Directive::Reject { plan } => format!("send nothing of plan {}", &plan[..plan.len().min(12)]),
            Directive::Adopt { finding, flow: true, .. } => format!("book {finding} as money put in or taken out"),
            Directive::Adopt { finding, sleeve, .. } => format!("book {finding} into {sleeve}"),
        };
        format!("{what} (by {}: {})", self.by, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use risk::reconciliation::Status;

    fn said(directive: Directive) -> Instruction {
        Instruction { directive, by: "ada".into(), reason: "drill".into() }
    }

    fn modes() -> impl Strategy<Value = Mode> {
        prop_oneof![Just(Mode::Normal), Just(Mode::ReduceOnly), Just(Mode::CancelOnly), Just(Mode::Frozen)]
    }

    proptest! {
        #[test]
        fn only_a_resume_loosens(start in modes(), next in modes(), flatten in any::<bool>()) {
            let mut standing = Standing { mode: start, ..Standing::default() };
            standing.obey(&said(if flatten { Directive::Flatten } else { Directive::Tighten { mode: next } }));
            prop_assert!(standing.mode >= start);
            standing.obey(&said(Directive::Resume { mode: next, new_high_water_mark: false }));
            prop_assert_eq!(standing.mode, next);
            prop_assert!(!standing.flatten);
        }
    }

    /// A comparison whose NAV stands that far from the broker's.
    fn compared(status: Status) -> Reconciliation {
        Reconciliation { status, difference_bp: None, findings: Vec::new() }
    }

    fn statuses() -> impl Strategy<Value = Status> {
        prop_oneof![Just(Status::Pass), Just(Status::Warn), Just(Status::Halt), Just(Status::Emergency)]
    }

    /// What happens to an account's mode: a comparison, or something else that tightens it.
    fn events() -> impl Strategy<Value = Result<Status, Mode>> {
        prop_oneof![statuses().prop_map(Ok), modes().prop_map(Err)]
    }

    proptest! {
        /// The mode is the tightest of everything that was no HALT, and a HALT on top while the last comparison halts.
        #[test]
        fn a_comparison_that_passes_ends_a_halt_and_nothing_else(events in proptest::collection::vec(events(), 1..12)) {
            let mut standing = Standing::default();
            let (mut lasting, mut halted) = (Mode::Normal, false);
            for event in events {
                match event {
                    Ok(status) => {
                        standing.reconciled(&compared(status), true);
                        // A tighter result than HALT is no HALT that clears: what stood before it stays ended by a person.
                        if status == Status::Emergency {
                            lasting = Mode::Frozen;
                        }
                        halted = status == Status::Halt;
                    }
                    Err(mode) => {
                        standing.tighten(mode);
                        lasting = lasting.tightened_to(mode);
                    }
                }
                let expected = if halted { lasting.tightened_to(Mode::CancelOnly) } else { lasting };
                prop_assert_eq!(standing.mode, expected);
            }
        }

        #[test]
        fn without_the_setting_no_comparison_loosens(results in proptest::collection::vec(statuses(), 1..8)) {
            let mut standing = Standing::default();
            for status in results {
                let before = standing.mode;
                standing.reconciled(&compared(status), false);
                prop_assert!(standing.mode >= before);
            }
        }
    }

    #[test]
    fn an_instruction_reads_back_from_its_record() {
        let instruction = said(Directive::Resume { mode: Mode::Normal, new_high_water_mark: true });
        let body = serde_json::to_string(&instruction).expect("plain data");
        insta::assert_snapshot!(body, @r#"{"do":"resume","mode":"NORMAL","new_high_water_mark":true,"by":"ada","reason":"drill"}"#);
        assert_eq!(serde_json::from_str::<Instruction>(&body).expect("just written"), instruction);
    }
}
