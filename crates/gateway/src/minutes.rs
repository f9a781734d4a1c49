//! History in bars of minutes and hours.
//!
//! In: a size, a duration, an end. Out: bars of the sessions before it, in the quote unit. Invariant: a bar is of prices that
//! were quoted within it, and only bars that have ended are told.

use crate::contracts::quoted;
use crate::desk::Desk;
use crate::market_data::{BARS_MAX, average};
use crate::moment::wire_time;
use crate::wire::HistoricalDataBar;
use domain::{ContractId, QuoteUnit};
use jiff::{SignedDuration, Timestamp, ToSpan};
use sim::IntradayBar;

/// Sizes as clients write them, with their minutes.
const SIZES: [(&str, i64); 12] = [
    ("1 min", 1),
    ("2 mins", 2),
    ("3 mins", 3),
    ("5 mins", 5),
    ("10 mins", 10),
    ("15 mins", 15),
    ("20 mins", 20),
    ("30 mins", 30),
    ("1 hour", 60),
    ("2 hours", 120),
    ("3 hours", 180),
    ("4 hours", 240),
];

/// Days looked back for sessions: a duration in sessions cannot be longer.
const DAYS_BACK: i64 = 60;

/// The length of a bar within a session; `None` for any other size.
pub(crate) fn length(size: &str) -> Option<SignedDuration> {
    SIZES.iter().find(|(name, _)| *name == size).map(|(_, minutes)| SignedDuration::from_mins(*minutes))
}

/// How far back bars reach: seconds before the end, or so many sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Back(SignedDuration),
    Sessions(usize),
}

impl Reach {
    /// `1800 S`, `2 D` (sessions) or `1 W`.
    pub(crate) fn parse(text: &str) -> Option<Reach> {
        let (count, unit) = text.trim().split_once(' ')?;
        let count: u32 = count.parse().ok().filter(|&count| count > 0)?;
        match unit {
            "S" => Some(Reach::Back(SignedDuration::from_secs(i64::from(count)))),
            "D" => Some(Reach::Sessions(count as usize)),
            "W" if i64::from(count) * 7 <= DAYS_BACK => {
                Some(Reach::Back(SignedDuration::from_hours(i64::from(count) * 168)))
            }
            _ => None,
        }
    }
}

impl Desk {
    /// Bars that had ended by `end`, oldest first.
    pub(crate) fn minutes(
        &self,
        contract: ContractId,
        length: SignedDuration,
        reach: Reach,
        end: Timestamp,
    ) -> Vec<IntradayBar> {
        let Ok(calendar) = self.calendars.get(self.directory.instrument(contract).venue) else { return Vec::new() };
        let last = calendar.zone().to_datetime(end).date().saturating_add(1.day());
        let first = last.saturating_sub(DAYS_BACK.days());
        let dates = first.series(1.day()).take_while(|date| *date <= last);
        let mut sessions: Vec<_> = dates.filter_map(|date| calendar.session(date).ok().flatten()).collect();
        sessions.retain(|session| session.open < end);
        let from = match reach {
            // An end at the beginning of the calendar has nothing before it.
            Reach::Back(span) => end.checked_sub(span).unwrap_or(Timestamp::MIN),
            Reach::Sessions(count) => {
                sessions.drain(..sessions.len().saturating_sub(count));
                Timestamp::MIN
            }
        };
        let bars = sessions.iter().filter(|session| session.close > from);
        let mut bars: Vec<_> = bars.flat_map(|session| self.sim.intraday(contract, session, length, end)).collect();
        bars.retain(|bar| bar.begins >= from);
        bars.split_off(bars.len().saturating_sub(BARS_MAX))
    }
}

/// A bar as it is told: its beginning in seconds since 1970 when the client asks for that, else as text.
pub(crate) fn wire_minutes(bar: &IntradayBar, unit: QuoteUnit, traded: bool, epoch: bool) -> HistoricalDataBar {
    HistoricalDataBar {
        date: Some(if epoch { bar.begins.as_second().to_string() } else { wire_time(bar.begins) }),
        open: Some(quoted(bar.open, unit)),
        high: Some(quoted(bar.high, unit)),
        low: Some(quoted(bar.low, unit)),
        close: Some(quoted(bar.close, unit)),
        volume: Some(if traded { bar.volume.to_string() } else { "-1".to_owned() }),
        wap: Some(if traded { average([bar.high, bar.low, bar.close], unit) } else { "-1".to_owned() }),
        bar_count: Some(-1),
    }
}
