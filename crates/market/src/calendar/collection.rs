//! The calendars of all venues, and the trade dates they make.
//!
//! In: one calendar per venue. Out: the calendar of a venue, and whether a day is a trade date.
//! Invariant: a venue without a calendar, or a day outside it, is an error and never a closed day.

use super::{Calendar, CalendarError, OutsideCoverage};
use domain::Mic;
use jiff::civil::{Date, Weekday};

/// No table was loaded for the venue, so it is not traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no calendar for {0}, so it is not traded; add config/calendars/{0}.csv or remove its instruments")]
pub struct NoCalendar(pub Mic);

/// Whether a venue trades on a day is not known, so it counts neither as open nor as closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownDay {
    /// The venue has no calendar at all.
    #[error(transparent)]
    NoCalendar(#[from] NoCalendar),
    /// The venue's calendar does not reach the day.
    #[error(transparent)]
    OutsideCoverage(#[from] OutsideCoverage),
}

/// At most one calendar per venue.
#[derive(Clone, Debug)]
pub struct Calendars {
    /// In the order of [`Mic::ALL`].
    by_venue: Vec<Option<Calendar>>,
}

impl Calendars {
    /// Reads one table per venue, all corrected by the same override file. A venue named twice keeps its last table.
    ///
    /// # Errors
    /// The first [`CalendarError`] met.
    pub fn parse<'a>(
        tables: impl IntoIterator<Item = (Mic, &'a str)>,
        overrides: &str,
    ) -> Result<Calendars, CalendarError> {
        tables.into_iter().map(|(mic, text)| Calendar::parse(mic, text, overrides)).collect()
    }

    /// The calendar of a venue.
    ///
    /// # Errors
    /// [`NoCalendar`] if none was loaded.
    pub fn get(&self, mic: Mic) -> Result<&Calendar, NoCalendar> {
        self.by_venue[mic as usize].as_ref().ok_or(NoCalendar(mic))
    }

    /// Every loaded calendar, in the order of [`Mic::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = &Calendar> {
        self.by_venue.iter().flatten()
    }

    /// Whether a day is a trade date: a weekday on which at least one of the venues has a session.
    ///
    /// # Errors
    /// [`UnknownDay`] if no venue is known to have a session and one of them may have.
    pub fn is_trade_date(&self, date: Date, venues: &[Mic]) -> Result<bool, UnknownDay> {
        if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            return Ok(false);
        }
        let mut unknown = None;
        for venue in venues {
            match self.has_session(date, *venue) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(reason) => unknown = unknown.or(Some(reason)),
            }
        }
        unknown.map_or(Ok(false), Err)
    }

    fn has_session(&self, date: Date, venue: Mic) -> Result<bool, UnknownDay> {
        Ok(self.get(venue)?.session(date)?.is_some())
    }
}

impl FromIterator<Calendar> for Calendars {
    fn from_iter<I: IntoIterator<Item = Calendar>>(calendars: I) -> Self {
        let mut by_venue = vec![None; Mic::ALL.len()];
        for calendar in calendars {
            let venue = calendar.mic() as usize;
            by_venue[venue] = Some(calendar);
        }
        Calendars { by_venue }
    }
}
