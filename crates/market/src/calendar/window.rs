//! Spans of time in which orders of a venue may work.
//!
//! In: a session and the configured rule. Out: a half-open window in UTC.
//! Invariant: an execution window never touches the guarded minutes at either end of its session.

use super::Session;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A half-open span of time: `opens` belongs to it, `closes` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// First instant inside.
    pub opens: Timestamp,
    /// First instant after it; at or before `opens`, the window is empty.
    pub closes: Timestamp,
}

impl Window {
    /// What both windows share; empty if they do not overlap.
    pub fn intersect(self, other: Window) -> Window {
        Window { opens: self.opens.max(other.opens), closes: self.closes.min(other.closes) }
    }

    /// Whether the instant lies inside.
    pub fn contains(self, at: Timestamp) -> bool {
        self.opens <= at && at < self.closes
    }

    /// Whether no instant lies inside.
    pub fn is_empty(self) -> bool {
        self.closes <= self.opens
    }

    /// Its length; zero for an empty window.
    pub fn duration(self) -> SignedDuration {
        self.closes.duration_since(self.opens).max(SignedDuration::ZERO)
    }

    /// The window itself, or `None` when it is empty.
    pub fn non_empty(self) -> Option<Window> {
        (!self.is_empty()).then_some(self)
    }
}

/// When on a trading day the orders of a venue should work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRule {
    /// Start of the preferred hours, in `zone`.
    pub preferred_from: Time,
    /// End of the preferred hours, in `zone`; at or before the start, no hour is preferred.
    pub preferred_to: Time,
    /// The zone of the preferred hours, which need not be the venue's own.
    pub zone: TimeZone,
    /// Minutes after the open in which nothing is sent; 15 by default.
    pub guard_open_minutes: u16,
    /// Minutes before the close in which nothing is sent; 10 by default.
    pub guard_close_minutes: u16,
}

impl WindowRule {
    /// The preferred hours on a day; `None` where the zone's calendar cannot place them in time.
    fn preferred(&self, date: Date) -> Option<Window> {
        let at = |time: Time| self.zone.to_timestamp(date.to_datetime(time)).ok();
        Some(Window { opens: at(self.preferred_from)?, closes: at(self.preferred_to)? })
    }
}

/// When orders of this session may work: the session without its guarded ends, cut to the preferred hours of the
/// session's date. If that leaves nothing, as on a half day, the whole guarded session; `None` if that is empty too.
pub fn execution_window(session: &Session, rule: &WindowRule) -> Option<Window> {
    let minutes = |count: u16| SignedDuration::from_mins(i64::from(count));
    let guarded = Window {
        opens: session.open + minutes(rule.guard_open_minutes),
        closes: session.close - minutes(rule.guard_close_minutes),
    };
    rule.preferred(session.date)
        .and_then(|preferred| guarded.intersect(preferred).non_empty())
        .or_else(|| guarded.non_empty())
}
