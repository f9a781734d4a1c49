//! `calendar`: the sessions of a venue.
//!
//! In: a venue and dates. Out: one row per session, times in UTC. Invariant: the table the engine
//! trades by.

use super::show;
use crate::calendars;
use crate::cli::{Global, SessionsArgs};
use crate::failure::Failure;
use market::calendar::Session;
use serde_json::json;

pub fn calendar(global: &Global, args: &SessionsArgs) -> Result<(), Failure> {
    if args.from > args.to {
        return Err(Failure::Usage(format!("--from {} is after --to {}; exchange them", args.from, args.to)));
    }
    if global.json && args.csv {
        return Err(Failure::Usage("--csv and --json each say how to print it: leave one out".into()));
    }
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let calendars = calendars::built_in(|mic| mic == args.venue);
    let calendar = calendars.get(args.venue).map_err(|error| usage(&error))?;
    let sessions = calendar.sessions(args.from, args.to).map_err(|error| usage(&error))?;
    if global.json {
        let rows: Vec<serde_json::Value> = sessions.iter().map(json_row).collect();
        return show(format!("{}\n", json!({ "venue": args.venue, "sessions": rows })));
    }
    let header = if args.csv { "date,open_utc,close_utc\n" } else { "date        open (UTC)            close (UTC)\n" };
    let row = if args.csv { csv_row } else { page_row };
    show(sessions.iter().fold(header.to_owned(), |table, session| table + &row(session)))
}

fn json_row(session: &Session) -> serde_json::Value {
    let Session { date, open, close, early_close, .. } = session;
    json!({ "date": date, "open": open, "close": close, "early_close": early_close })
}

fn csv_row(session: &Session) -> String {
    format!("{},{},{}\n", session.date, session.open, session.close)
}

fn page_row(session: &Session) -> String {
    let early = if session.early_close { "  early close" } else { "" };
    format!("{}  {}  {}{early}\n", session.date, session.open, session.close)
}
