//! One venue's trading day, and where in it an instant lies.
//!
//! In: facts of a calendar table. Out: small `Copy` values. Invariant: a session opens before it closes;
//! the open belongs to it, the close does not.

use super::Window;
use domain::Mic;
use jiff::{SignedDuration, Timestamp, civil::Date};
use std::fmt;

/// How long a session counts as opening: 15 minutes.
pub const OPENING_PERIOD: SignedDuration = SignedDuration::from_mins(15);

/// How long before its close a session counts as closing: 10 minutes.
pub const CLOSING_PERIOD: SignedDuration = SignedDuration::from_mins(10);

/// One trading day of one venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The venue.
    pub mic: Mic,
    /// The day the exchange books the session to; a futures session may open the evening before.
    pub date: Date,
    /// First instant of continuous trading.
    pub open: Timestamp,
    /// First instant after continuous trading.
    pub close: Timestamp,
    /// Whether it closes before the hour regular at that time, as on half days.
    pub early_close: bool,
}

impl Session {
    /// From the open, inclusive, to the close, exclusive.
    pub fn hours(&self) -> Window {
        Window { opens: self.open, closes: self.close }
    }

    /// The phase of an instant inside the session. In a session shorter than both periods the opening wins.
    pub(super) fn phase(&self, at: Timestamp) -> Phase {
        if at < self.open + OPENING_PERIOD {
            Phase::OpeningPeriod
        } else if at >= self.close - CLOSING_PERIOD {
            Phase::ClosingPeriod
        } else {
            Phase::Continuous
        }
    }
}

/// What a venue is doing at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No session, and none opens any more on the venue's local day.
    Closed,
    /// No session yet; one opens later on the venue's local day.
    PreOpen,
    /// The first [`OPENING_PERIOD`] of a session.
    OpeningPeriod,
    /// Open, and neither just opened nor about to close.
    Continuous,
    /// The last [`CLOSING_PERIOD`] of a session.
    ClosingPeriod,
    /// The call after continuous trading, where the venue holds one.
    ClosingAuction,
}

impl Phase {
    /// Whether continuous trading is on.
    pub fn is_open(self) -> bool {
        matches!(self, Phase::OpeningPeriod | Phase::Continuous | Phase::ClosingPeriod)
    }

    /// Whether a continuous-trading order may be worked: open, and clear of the first and last minutes.
    pub fn may_trade(self) -> bool {
        self == Phase::Continuous
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Closed => "closed",
            Phase::PreOpen => "pre-open",
            Phase::OpeningPeriod => "first 15 minutes",
            Phase::Continuous => "continuous",
            Phase::ClosingPeriod => "last 10 minutes",
            Phase::ClosingAuction => "closing auction",
        })
    }
}
