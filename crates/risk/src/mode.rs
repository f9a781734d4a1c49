//! Modes of operation: which kinds of order may leave.
//!
//! In: what happened, or a person's word. Out: permission per order purpose. Invariant: modes tighten by themselves and
//! loosen only by a named person with a reason; the table below is the whole rule.

use crate::gate::Purpose;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Operating mode, tightest last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// Everything within the limits.
    #[default]
    Normal,
    /// Only what lowers risk.
    ReduceOnly,
    /// HALT: cancel and query.
    CancelOnly,
    /// EMERGENCY or kill: cancel and query.
    Frozen,
}

/// What a mode says to a kind of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// It may leave.
    Yes,
    /// It may leave once a person has confirmed this one order.
    AfterConfirmation,
    /// It may not.
    No,
}

/// The table: a row per purpose, a column per mode from NORMAL to FROZEN (specification, section 5). Cancels and
/// queries have no row: every mode lets them out.
const TABLE: [(Purpose, [Permission; 4]); 7] = {
    use Permission::{AfterConfirmation, No, Yes};
    [
        (Purpose::CloseOut, [Yes, Yes, AfterConfirmation, AfterConfirmation]),
        (Purpose::Roll, [Yes, Yes, No, No]),
        (Purpose::Unwind, [Yes, Yes, No, No]),
        (Purpose::Reduce, [Yes, Yes, No, No]),
        (Purpose::FxHedge, [Yes, Yes, No, No]),
        (Purpose::PairHedge, [Yes, No, No, No]),
        (Purpose::Increase, [Yes, No, No, No]),
    ]
};

impl Mode {
    /// Every mode, tightest last.
    pub const ALL: [Mode; 4] = [Mode::Normal, Mode::ReduceOnly, Mode::CancelOnly, Mode::Frozen];

    /// What this mode says to an order of this purpose.
    #[inline]
    pub fn permission(self, purpose: Purpose) -> Permission {
        TABLE[purpose as usize].1[self as usize]
    }

    /// Whether an order of this purpose may be sent without a person's confirmation.
    #[inline]
    pub fn permits(self, purpose: Purpose) -> bool {
        self.permission(purpose) == Permission::Yes
    }

    /// The tighter of two modes.
    pub fn tightened_to(self, other: Mode) -> Mode {
        self.max(other)
    }

    /// The same or a looser mode, by a person.
    ///
    /// # Errors
    /// [`NotLoosened`] without a name or a reason, or when the mode asked for is tighter than this one.
    pub fn loosened_to(self, to: Mode, by: &str, reason: &str) -> Result<Loosening, NotLoosened> {
        let (by, reason) = (by.trim(), reason.trim());
        match () {
            () if by.is_empty() => Err(NotLoosened::Nameless),
            () if reason.is_empty() => Err(NotLoosened::NoReason),
            () if to > self => Err(NotLoosened::Tighter { from: self, to }),
            () => Ok(Loosening { from: self, to, by: by.to_owned(), reason: reason.to_owned() }),
        }
    }
}

/// A mode that was loosened, with who did it and why: what the journal keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loosening {
    /// The mode before.
    pub from: Mode,
    /// The mode after.
    pub to: Mode,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Why a mode was not loosened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLoosened {
    /// Nobody signed.
    #[error("a mode is loosened by a person: say who with --by")]
    Nameless,
    /// Nothing to read later.
    #[error("a mode is loosened for a reason: say what was found and done with --reason")]
    NoReason,
    /// That would tighten it.
    #[error("{to} is tighter than {from}: tighten with halt, reduce-only or kill, which need no reason")]
    Tighter {
        /// The mode in force.
        from: Mode,
        /// The mode asked for.
        to: Mode,
    },
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Normal => "NORMAL",
            Mode::ReduceOnly => "REDUCE_ONLY",
            Mode::CancelOnly => "CANCEL_ONLY",
            Mode::Frozen => "FROZEN",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_specification_s() {
        let shown = |permission| match permission {
            Permission::Yes => "yes",
            Permission::AfterConfirmation => "confirm",
            Permission::No => "no",
        };
        let row = |&(purpose, _): &(Purpose, [Permission; 4])| {
            let answers = Mode::ALL.map(|mode| format!("{:>13}", shown(mode.permission(purpose)))).concat();
            format!("{purpose:<10}{answers}")
        };
        let header = format!("{:<10}{}", "", Mode::ALL.map(|mode| format!("{mode:>13}")).concat());
        let table = TABLE.iter().map(row).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(format!("{header}\n{table}"), @r"
                         NORMAL  REDUCE_ONLY  CANCEL_ONLY       FROZEN
        close-out           yes          yes      confirm      confirm
        roll                yes          yes           no           no
        unwind              yes          yes           no           no
        reduce              yes          yes           no           no
        fx hedge            yes          yes           no           no
        pair hedge          yes           no           no           no
        increase            yes           no           no           no
        ");
    }

    #[test]
    fn a_tighter_mode_never_permits_more() {
        for (row, (purpose, _)) in TABLE.iter().enumerate() {
            assert_eq!(*purpose as usize, row, "rows stand in the order of purposes");
            for modes in Mode::ALL.windows(2) {
                assert!(modes[0].permits(*purpose) || !modes[1].permits(*purpose), "{purpose} {modes:?}");
            }
        }
    }

    #[test]
    fn only_a_named_person_with_a_reason_loosens() {
        for from in Mode::ALL {
            for to in Mode::ALL {
                assert_eq!(from.loosened_to(to, " ", "seen"), Err(NotLoosened::Nameless));
                assert_eq!(from.loosened_to(to, "Ada", " "), Err(NotLoosened::NoReason));
                let signed = from.loosened_to(to, "Ada", "the missing dividend is booked");
                assert_eq!(signed.map(|loosening| loosening.to).ok(), (to <= from).then_some(to));
                assert!(from.tightened_to(to) >= from);
            }
        }
        let refused = Mode::ReduceOnly.loosened_to(Mode::Frozen, "Ada", "to be safe").unwrap_err();
        insta::assert_snapshot!(refused.to_string(), @"FROZEN is tighter than REDUCE_ONLY: tighten with halt, reduce-only or kill, which need no reason");
    }
}
