//! When the venues of a universe open, close and fix their official prices.
//!
//! In: calendars. Out: what a venue is doing at an instant, and the next instant at which that changes. Invariant: the
//! official close is fixed once per session, at the end of the closing auction or at the close where there is none.

use crate::factor_days::day_number;
use domain::Mic;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use market::calendar::{Calendars, NoCalendar, Session};
use std::cell::RefCell;

/// What a venue is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trading {
    /// Continuous trading.
    Open(Session),
    /// Continuous trading of other lines; this one rests since an instant.
    Halted(Session, Timestamp),
    /// The call of the closing auction: no quotes, the price is found.
    Call(Session),
    /// Nothing.
    Closed,
}

/// A change of what a venue is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    /// Continuous trading ends.
    Close(Session),
    /// The official close is fixed.
    Fixing(Session),
    /// Continuous trading begins.
    Open(Session),
}

/// One venue with every session its calendar knows.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    auction: SignedDuration,
    sessions: Vec<Session>,
    /// The day, counted since 1970, from which on sessions are counted.
    first_day: u64,
    /// How many sessions are dated before each day from then on.
    before: Vec<u32>,
}

/// A session is fixed at most so many days after its date, by UTC.
const FIXED_WITHIN_DAYS: i64 = 2;

impl Venue {
    fn new(auction: SignedDuration, sessions: Vec<Session>) -> Venue {
        let first_day = sessions.first().map_or(0, |session| day_number(session.date));
        let mut before = Vec::new();
        for (place, session) in sessions.iter().enumerate() {
            before.resize((day_number(session.date) - first_day + 1) as usize, place as u32);
        }
        Venue { auction, sessions, first_day, before }
    }

    /// How many sessions are dated before a day.
    fn dated_before(&self, day: u64) -> usize {
        let place = day.saturating_sub(self.first_day) as usize;
        self.before.get(place).map_or(self.sessions.len(), |&count| count as usize)
    }

    /// When the official close of a session is fixed.
    pub(crate) fn fixing(&self, session: &Session) -> Timestamp {
        session.close + self.auction
    }

    /// What the venue is doing.
    pub(crate) fn trading(&self, at: Timestamp) -> Trading {
        let Some(session) = self.sessions.get(self.sessions_fixed(at)) else { return Trading::Closed };
        match () {
            () if at < session.open => Trading::Closed,
            () if at < session.close => Trading::Open(*session),
            () => Trading::Call(*session),
        }
    }

    /// The session of a date.
    pub(crate) fn session(&self, date: Date) -> Option<&Session> {
        self.sessions.get(self.dated_before(day_number(date))).filter(|session| session.date == date)
    }

    /// The first session after a date.
    pub(crate) fn session_after(&self, date: Date) -> Option<&Session> {
        self.sessions.get(self.dated_before(day_number(date) + 1))
    }

    /// The session of a date, or the last one before it.
    pub(crate) fn session_until(&self, date: Date) -> Option<&Session> {
        self.sessions.get(self.dated_before(day_number(date) + 1).checked_sub(1)?)
    }

    /// The sessions whose official close is fixed at an instant, from a date on.
    pub(crate) fn fixed_from(&self, date: Date, at: Timestamp) -> &[Session] {
        let end = self.sessions_fixed(at);
        let begin = self.dated_before(day_number(date)).min(end);
        &self.sessions[begin..end]
    }

    /// The next instant after `at` at which the venue changes.
    fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let session = self.sessions.get(self.sessions_fixed(at))?;
        [session.open, session.close, self.fixing(session)].into_iter().find(|&change| at < change)
    }

    /// The changes of exactly this instant, in the order they happen: one session ends before the next begins.
    fn changes(&self, at: Timestamp) -> [Option<Change>; 3] {
        let ended = self.sessions_fixed(at);
        let last = ended.checked_sub(1).map(|i| self.sessions[i]).filter(|session| self.fixing(session) == at);
        let current = self.sessions.get(ended).copied();
        let closing = last.or(current).filter(|session| session.close == at);
        let opening = current.filter(|session| session.open == at);
        [closing.map(Change::Close), last.map(Change::Fixing), opening.map(Change::Open)]
    }

    fn sessions_fixed(&self, at: Timestamp) -> usize {
        let day = at.as_second() / 86_400 - FIXED_WITHIN_DAYS;
        let surely = self.dated_before(u64::try_from(day).unwrap_or(0));
        let later = self.sessions[surely..].iter().take_while(|session| self.fixing(session) <= at);
        surely + later.count()
    }
}

/// The venues a world needs.
#[derive(Clone, Debug)]
pub(crate) struct Venues {
    /// In the order of [`Mic::ALL`].
    by_mic: Vec<Option<Venue>>,
    /// What each was doing when it was asked about last.
    doing: RefCell<Vec<Option<Doing>>>,
}

/// What a venue is doing from an instant on until it changes.
#[derive(Clone, Copy, Debug)]
struct Doing {
    from: Timestamp,
    until: Timestamp,
    trading: Trading,
}

impl Venues {
    pub(crate) fn new(calendars: &Calendars, needed: impl Iterator<Item = Mic>) -> Result<Venues, NoCalendar> {
        let mut by_mic = vec![None; Mic::ALL.len()];
        for mic in needed {
            let calendar = calendars.get(mic)?;
            let (first, last) = calendar.coverage();
            let sessions = calendar.sessions(first, last).expect("a calendar knows its own coverage").to_vec();
            by_mic[mic as usize] = Some(Venue::new(calendar.closing_auction(), sessions));
        }
        let doing = RefCell::new(vec![None; Mic::ALL.len()]);
        Ok(Venues { by_mic, doing })
    }

    /// A venue of the universe.
    pub(crate) fn get(&self, mic: Mic) -> &Venue {
        self.by_mic[mic as usize].as_ref().expect("every venue of the universe was loaded")
    }

    /// What a venue is doing, found once for all it trades until it changes.
    pub(crate) fn trading(&self, mic: Mic, at: Timestamp) -> Trading {
        let known = &mut self.doing.borrow_mut()[mic as usize];
        if let Some(doing) = known.filter(|doing| doing.from <= at && at < doing.until) {
            return doing.trading;
        }
        let venue = self.get(mic);
        let (until, trading) = (venue.next_change(at).unwrap_or(Timestamp::MAX), venue.trading(at));
        *known = Some(Doing { from: at, until, trading });
        trading
    }

    /// The next instant after `at` at which any venue changes.
    pub(crate) fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        self.by_mic.iter().flatten().filter_map(|venue| venue.next_change(at)).min()
    }

    /// The changes of exactly this instant: every ending before every beginning, venues in a fixed order.
    pub(crate) fn changes(&self, at: Timestamp) -> Vec<Change> {
        let mut changes: Vec<Change> =
            self.by_mic.iter().flatten().flat_map(|venue| venue.changes(at)).flatten().collect();
        changes.sort_by_key(|change| matches!(change, Change::Open(_)));
        changes
    }
}
