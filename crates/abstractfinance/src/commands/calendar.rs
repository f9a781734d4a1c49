//! `calendar`: the sessions of a venue.
//!
//! In: a venue and dates. Out: one row per session, times in UTC. Invariant: the table the engine
//! trades by.

use crate::calendars;
use crate::cli::CalendarArgs;
use crate::failure::Failure;

pub fn calendar(args: &CalendarArgs) -> Result<(), Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let calendars = calendars::built_in(|mic| mic == args.venue);
    let calendar = calendars.get(args.venue).map_err(|error| usage(&error))?;
    let sessions = calendar.sessions(args.from, args.to).map_err(|error| usage(&error))?;
    println!("{}", if args.csv { "date,open_utc,close_utc" } else { "date        open (UTC)            close (UTC)" });
    for session in sessions {
        if args.csv {
            println!("{},{},{}", session.date, session.open, session.close);
        } else {
            println!(
                "{}  {}  {}{}",
                session.date,
                session.open,
                session.close,
                if session.early_close { "  early close" } else { "" }
            );
        }
    }
    Ok(())
}
