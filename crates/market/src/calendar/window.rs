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
    /// The session without its guarded ends, and the preferred hours of its date; a rule that prefers none prefers all.
    fn hours(&self, session: &Session) -> (Window, Option<Window>) {
        let minutes = |count: u16| SignedDuration::from_mins(i64::from(count));
        let guarded = Window {
            opens: session.open + minutes(self.guard_open_minutes),
            closes: session.close - minutes(self.guard_close_minutes),
        };
        let preferred =
            if self.preferred_to > self.preferred_from { self.preferred(session.date) } else { Some(guarded) };
        (guarded, preferred)
    }

    /// The preferred hours on a day; `None` where the zone's calendar cannot place them in time.
    fn preferred(&self, date: Date) -> Option<Window> {
        let at = |time: Time| self.zone.to_timestamp(date.to_datetime(time)).ok();
        Some(Window { opens: at(self.preferred_from)?, closes: at(self.preferred_to)? })
    }
}

/// When orders may work that belong together: the hours their sessions share without any guarded end, cut to the preferred
/// hours of each. If that leaves nothing, as on a half day, all they share; `None` if that is empty too, or for none.
pub fn execution_window<'a>(sessions: impl IntoIterator<Item = (&'a Session, &'a WindowRule)>) -> Option<Window> {
    let both = |a: (Window, Option<Window>), b: (Window, Option<Window>)| {
        (a.0.intersect(b.0), a.1.zip(b.1).map(|(a, b)| a.intersect(b)))
    };
    let hours = sessions.into_iter().map(|(session, rule)| rule.hours(session));
    let (guarded, preferred) = hours.reduce(both)?;
    preferred.and_then(|preferred| guarded.intersect(preferred).non_empty()).or_else(|| guarded.non_empty())
}
