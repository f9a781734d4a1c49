//! Until when closing auctions take orders.
//!
//! In: `config/calendars/auctions.csv`, kept by hand. Out: calendars that know their venue's cut-off. Invariant: every row
//! names its source; a venue without a row takes no auction orders.

use super::table::{CalendarError, rows};
use super::{Calendar, Calendars};
use domain::Mic;
use jiff::SignedDuration;
use std::collections::BTreeMap;

const FILE: &str = "auctions.csv";
const HEADER: &str = "mic,entry_until,source";

impl Calendars {
    /// The same calendars with the cut-offs of their closing auctions.
    ///
    /// # Errors
    /// [`CalendarError`] with the line at fault.
    pub fn with_auctions(self, text: &str) -> Result<Calendars, CalendarError> {
        let mut cutoffs: BTreeMap<Mic, SignedDuration> = BTreeMap::new();
        let mut rows = rows(FILE, text)?.into_iter();
        if let Some(header) = rows.next().filter(|header| !header.is(HEADER)) {
            return Err(header.refuse(format!("the first row must be `{HEADER}`")));
        }
        for row in rows {
            row.expect_fields(3)?;
            let venue = row.venue(0)?;
            let after = row.parsed::<i16>(1, "a number of minutes, negative before the close")?;
            row.expect_source(2)?;
            if cutoffs.insert(venue, SignedDuration::from_mins(i64::from(after))).is_some() {
                return Err(row.refuse(format!("{venue} has two rows; keep one")));
            }
        }
        let with_cutoff = |calendar: &Calendar| {
            let auction_entry = cutoffs.get(&calendar.mic()).copied();
            Calendar { auction_entry, ..calendar.clone() }
        };
        Ok(self.iter().map(with_cutoff).collect())
    }
}
