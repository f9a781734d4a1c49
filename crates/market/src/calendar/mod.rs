//! When venues trade: sessions, phases and execution windows.
//!
//! In: calendar tables as text, in the venue's local time. Out: sessions in UTC and answers about instants and days.
//! Invariant: inside its coverage a calendar knows every day; outside it refuses, and never guesses. Asking
//! allocates nothing.

mod auctions;
mod collection;
mod maintenance;
mod session;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub use collection::{Calendars, NoCalendar, UnknownDay};
pub use maintenance::{MaintenanceRule, guards, next_guard};
pub use session::{CLOSING_PERIOD, OPENING_PERIOD, Phase, Session};
pub use table::CalendarError;
pub use window::{Window, WindowRule, execution_window};

use domain::Mic;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use table::Table;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// The question lies outside the days a venue's table describes, so the venue is not traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the calendar of {mic} covers {first} to {last} and says nothing about {asked}, so {mic} is not traded; \
     install calendars that reach that day"
)]
pub struct OutsideCoverage {
    /// The venue asked about.
    pub mic: Mic,
    /// The day asked about, in the venue's local time.
    pub asked: Date,
    /// First day of the table.
    pub first: Date,
    /// Last day of the table.
    pub last: Date,
}

/// Every session of one venue over its coverage.
#[derive(Clone, Debug)]
pub struct Calendar {
    mic: Mic,
    zone: TimeZone,
    first: Date,
    last: Date,
    /// The instants the table speaks about; shorter than the days where the next session opens the evening before.
    known: Window,
    closing_auction: SignedDuration,
    /// How long after the close an auction order may still be entered, negative before it.
    auction_entry: Option<SignedDuration>,
    /// In order of time, without overlap.
    sessions: Vec<Session>,
    /// For each day of the coverage, and the day after it, how many sessions are dated before that day.
    sessions_before: Vec<u32>,
}

impl Calendar {
    /// Reads a venue's table and the corrections to it. Rows of the override file for other venues are checked and
    /// passed over.
    ///
    /// # Errors
    /// [`CalendarError`] names the file and, where one row is at fault, its line.
    pub fn parse(mic: Mic, text: &str, overrides: &str) -> Result<Calendar, CalendarError> {
        let table = Table::parse(mic, text, overrides)?;
        Calendar::lay_out(mic, table).map_err(|problem| CalendarError::Table { file: format!("{mic}.csv"), problem })
    }

    /// Turns local hours into sessions, day by day.
    fn lay_out(mic: Mic, table: Table) -> Result<Calendar, String> {
        let Table { first, last, closing_auction, .. } = table;
        let instant = |at: DateTime| table.zone.to_timestamp(at).map_err(|error| error.to_string());
        let yesterday = |day: Date| day.yesterday().map_err(|error| error.to_string());
        let day_after = last.tomorrow().map_err(|error| error.to_string())?;

        let mut sessions: Vec<Session> = Vec::new();
        let mut sessions_before = vec![0];
        let mut date = first;
        while date <= last {
            if let Some(hours) = table.hours(date) {
                let opening_day = if hours.open_the_day_before() { yesterday(date)? } else { date };
                let open = instant(opening_day.to_datetime(hours.open))?;
                let close = instant(date.to_datetime(hours.close))?;
                if sessions.last().is_some_and(|earlier| open < earlier.close) {
                    return Err(format!("the session of {date} opens before the one before it has closed"));
                }
                let early_close = hours.close < table.regular(date).close;
                sessions.push(Session { mic, date, open, close, early_close });
            }
            sessions_before.push(u32::try_from(sessions.len()).expect("at most one session a day"));
            date = date.tomorrow().map_err(|error| error.to_string())?;
        }

        let regular = table.regular(last);
        let unknown_from =
            if regular.open_the_day_before() { last.to_datetime(regular.open) } else { midnight(day_after) };
        let known = Window { opens: instant(midnight(first))?, closes: instant(unknown_from)? };
        Ok(Calendar {
            mic,
            zone: table.zone,
            first,
            last,
            known,
            closing_auction,
            auction_entry: None,
            sessions,
            sessions_before,
        })
    }

    /// The venue.
    pub fn mic(&self) -> Mic {
        self.mic
    }

    /// First and last day the table describes, both included.
    pub fn coverage(&self) -> (Date, Date) {
        (self.first, self.last)
    }

    /// The venue's local time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// How long the call after continuous trading takes; zero where the venue holds none.
    pub fn closing_auction(&self) -> SignedDuration {
        self.closing_auction
    }

    /// Until when an order for a session's closing auction may be entered; `None` where the engine sends none.
    pub fn auction_entry_until(&self, session: &Session) -> Option<Timestamp> {
        self.auction_entry.map(|after| session.close + after)
    }

    /// The session dated on a day, or `None` if the venue is closed then.
    ///
    /// # Errors
    /// [`OutsideCoverage`] if the table does not describe the day.
    pub fn session(&self, date: Date) -> Result<Option<Session>, OutsideCoverage> {
        Ok(self.sessions(date, date)?.first().copied())
    }

    /// The sessions dated from one day to another, both included, in order.
    ///
    /// # Errors
    /// [`OutsideCoverage`] if the table does not describe both days.
    pub fn sessions(&self, from: Date, to: Date) -> Result<&[Session], OutsideCoverage> {
        let begin = self.before(from)?;
        let end = self.through(to)?.max(begin);
        Ok(&self.sessions[begin..end])
    }

    /// The first session dated after a day.
    ///
    /// # Errors
    /// [`OutsideCoverage`] if the table does not describe the day or ends before that session.
    pub fn next_session(&self, after: Date) -> Result<Session, OutsideCoverage> {
        self.offset(after, 1)
    }

    /// The last session dated before a day.
    ///
    /// # Errors
    /// [`OutsideCoverage`] if the table does not describe the day or begins after that session.
    pub fn previous_session(&self, before: Date) -> Result<Session, OutsideCoverage> {
        self.offset(before, -1)
    }

    /// The date of the `count`-th session after a day, or before it for a negative count; 0 is the session on the
    /// day, or the next one if the venue is closed then.
    ///
    /// # Errors
    /// [`OutsideCoverage`] if the table does not describe the day or does not reach that session.
    pub fn add_sessions(&self, date: Date, count: i32) -> Result<Date, OutsideCoverage> {
        self.offset(date, count).map(|session| session.date)
    }

    /// What the venue is doing at an instant.
    ///
    /// # Errors
    /// [`OutsideCoverage`] if the table does not describe the instant.
    pub fn phase(&self, at: Timestamp) -> Result<Phase, OutsideCoverage> {
        self.require_known(at)?;
        let ended = self.sessions.partition_point(|session| session.close <= at);
        let upcoming = self.sessions.get(ended);
        if let Some(session) = upcoming.filter(|session| session.open <= at) {
            return Ok(session.phase(at));
        }
        let in_auction = self.sessions[..ended].last().is_some_and(|session| at < session.close + self.closing_auction);
        let opens_today = || upcoming.is_some_and(|session| self.local_date(session.open) == self.local_date(at));
        Ok(if in_auction {
            Phase::ClosingAuction
        } else if opens_today() {
            Phase::PreOpen
        } else {
            Phase::Closed
        })
    }

    /// How long the venue is open within a span of time, as ages counted in market hours need it.
    ///
    /// # Errors
    /// [`OutsideCoverage`] if the table does not describe the whole span.
    pub fn open_time(&self, span: Window) -> Result<SignedDuration, OutsideCoverage> {
        self.require_known(span.opens)?;
        self.require_known(span.closes)?;
        let first = self.sessions.partition_point(|session| session.close <= span.opens);
        let overlaps = self.sessions[first..].iter().take_while(|session| session.open < span.closes);
        Ok(overlaps.map(|session| session.hours().intersect(span).duration()).sum())
    }

    fn offset(&self, date: Date, count: i32) -> Result<Session, OutsideCoverage> {
        let (before, through) = (self.before(date)? as i64, self.through(date)? as i64);
        let count = i64::from(count);
        let position = if count > 0 { through + count - 1 } else { before + count };
        match usize::try_from(position) {
            Err(_) => Err(self.outside(self.first.yesterday().unwrap_or(self.first))),
            Ok(position) => self.sessions.get(position).copied().ok_or_else(|| self.outside(self.day_after())),
        }
    }

    /// How many sessions are dated before a day.
    fn before(&self, date: Date) -> Result<usize, OutsideCoverage> {
        Ok(self.sessions_before[self.day_number(date)?] as usize)
    }

    /// How many sessions are dated on or before a day.
    fn through(&self, date: Date) -> Result<usize, OutsideCoverage> {
        Ok(self.sessions_before[self.day_number(date)? + 1] as usize)
    }

    /// Days since the first covered one.
    fn day_number(&self, date: Date) -> Result<usize, OutsideCoverage> {
        if date < self.first || self.last < date {
            return Err(self.outside(date));
        }
        let days = date.duration_since(self.first).as_secs() / SECONDS_PER_DAY;
        Ok(usize::try_from(days).expect("not before the first day"))
    }

    fn require_known(&self, at: Timestamp) -> Result<(), OutsideCoverage> {
        if self.known.contains(at) {
            return Ok(());
        }
        let local = self.local_date(at);
        // The evening of the last day may already belong to the next day's session, which no row describes.
        Err(self.outside(if local == self.last { self.day_after() } else { local }))
    }

    fn local_date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    fn day_after(&self) -> Date {
        self.last.tomorrow().expect("the table was refused unless this day exists")
    }

    fn outside(&self, asked: Date) -> OutsideCoverage {
        OutsideCoverage { mic: self.mic, asked, first: self.first, last: self.last }
    }
}

fn midnight(day: Date) -> DateTime {
    day.to_datetime(Time::midnight())
}
