//! Prints what a journal costs: appending, its size, and checking it at a start, with five years of records.
//!
//! `cargo run --release -p journal --example journal_cost [FOLDER | postgres://USER@HOST:PORT/DATABASE]` (default: the
//! temporary folder; a database must be empty, and its password is read from the variable `PGPASSWORD`).
#![allow(clippy::disallowed_methods, reason = "measures what a disk takes")]

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::ToSpan;
use jiff::civil::date;
use journal::{Entry, Journal, JournalError, Place};

const APPENDS: usize = 500;
/// Five years of trade dates, each with what a day of the whole strategy writes: one large record of each kind, many small.
const DAYS: i64 = 1_260;
const LARGE: [(&str, usize); 3] = [("inputs", 241_000), ("plan", 50_000), ("day_closed", 167_000)];
const SMALL: (usize, usize) = (83, 120);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), JournalError> {
    let target = std::env::args().nth(1).unwrap_or_else(|| std::env::temp_dir().display().to_string());
    let state = tempfile::tempdir().expect("a folder to write in");
    let place = if target.contains("://") {
        Place::server(&target, std::env::var("PGPASSWORD").ok().as_deref())?
    } else {
        let folder = Path::new(&target).join(state.path().file_name().expect("a name"));
        Place::File(folder.join("journal.db"))
    };
    let journal = Journal::open(&place).await?;
    let lease = journal.acquire_lease("DU1", "cost", 0, 1, None).await?;
    let first = date(2021, 1, 4);

    for batch in [1, 10] {
        let entries = vec![entry("command", SMALL.1); batch];
        let mut times = Vec::with_capacity(APPENDS);
        for _ in 0..APPENDS {
            let start = Instant::now();
            journal.append(&lease, first, "run-1", &entries).await?;
            times.push(start.elapsed());
        }
        times.sort();
        let [median, late, worst] = [times[APPENDS / 2], times[APPENDS * 99 / 100], times[APPENDS - 1]];
        println!("append of {batch:>3}: median {median:.1?}, p99 {late:.1?}, worst {worst:.1?}");
    }

    let mut day = LARGE.map(|(kind, length)| entry(kind, length)).to_vec();
    day.extend(vec![entry("command", SMALL.1); SMALL.0]);
    for number in 0..DAYS {
        journal.append(&lease, first.saturating_add(number.days()), "run-1", &day).await?;
    }
    journal.close().await;
    let events = DAYS as usize * day.len() + APPENDS * 11;
    let start = Instant::now();
    let journal = Journal::open_existing(&place).await?;
    let opening = start.elapsed();
    let per_event = opening / u32::try_from(events).expect("few events");
    println!("{events} events of {DAYS} days");
    println!("start until verified: {opening:.2?}, {per_event:.1?} an event");
    measured("last of kind", journal.last_of_kind("DU1", "day_closed")).await?;
    measured("one day", journal.events("DU1", first.saturating_add(600.days()))).await?;
    if let Some(path) = place.file() {
        println!("file: {} MB", std::fs::metadata(path).map_or(0, |file| file.len()) / 1_000_000);
        journal.close().await;
        std::fs::remove_dir_all(path.parent().expect("a folder")).expect("removes what it made");
    }
    Ok(())
}

async fn measured<T>(what: &str, call: impl Future<Output = Result<T, JournalError>>) -> Result<T, JournalError> {
    let start = Instant::now();
    let result = call.await;
    let took: Duration = start.elapsed();
    println!("{what}: {took:.2?}");
    result
}

/// Text that compresses no better than a record does.
fn entry(kind: &str, length: usize) -> Entry {
    let mut state = 1_u64;
    let mut digits = String::with_capacity(length);
    while digits.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        digits.push_str(&format!("{:x},", state >> 33));
    }
    let order_ref = (kind == "command").then(|| "AF-f4f616-20260303-002-01".to_owned());
    let body = format!(r#"{{"text":"{digits}"}}"#);
    Entry { at_us: 1_609_740_000_000_000, kind: kind.into(), version: 1, order_ref, body }
}
