//! Prints what the journal costs on this disk: appending, and checking at opening.
//!
//! `cargo run --release -p journal --example journal_cost [FOLDER]` (default: the temporary one).
#![allow(clippy::disallowed_methods, reason = "measures what a disk takes")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::civil::date;
use journal::{Entry, Journal, JournalError};

const APPENDS: usize = 500;
const EVENTS: usize = 100_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), JournalError> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let state = tempfile::tempdir_in(folder).expect("a folder to write in");
    let path = state.path().join("journal.db");
    let journal = Journal::open(&path).await?;
    let lease = journal.acquire_lease("DU1", "cost", 0, 1, None).await?;
    let day = date(2015, 8, 24);
    let entry = Entry {
        at_us: 1_440_396_000_000_000,
        kind: "command".into(),
        version: 1,
        order_ref: Some("AF-U1-20150824-00017-1".into()),
        body: format!(r#"{{"text":"{}"}}"#, "x".repeat(400)),
    };

    for batch in [1, 10, 100] {
        let entries = vec![entry.clone(); batch];
        let mut times = Vec::with_capacity(APPENDS);
        for _ in 0..APPENDS {
            let start = Instant::now();
            journal.append(&lease, day, "run-1", &entries).await?;
            times.push(start.elapsed());
        }
        times.sort();
        let [median, late, worst] = [times[APPENDS / 2], times[APPENDS * 99 / 100], times[APPENDS - 1]];
        println!("append of {batch:>3}: median {median:.0?}, p99 {late:.0?}, worst {worst:.0?}");
    }

    let mut events = APPENDS * 111;
    while events < EVENTS {
        journal.append(&lease, day, "run-1", &vec![entry.clone(); 1_000]).await?;
        events += 1_000;
    }
    journal.close().await;
    let start = Instant::now();
    let journal = Journal::open_existing(&path).await?;
    let opening = start.elapsed();
    let start = Instant::now();
    journal.verify("DU1", None).await?;
    let per_event = |time: Duration| time / u32::try_from(events).expect("few events");
    let megabytes = std::fs::metadata(&path).map_or(0, |file| file.len()) / 1_000_000;
    println!("{events} events, {megabytes} MB");
    println!("opening: {opening:.0?}, {:.1?} an event", per_event(opening));
    println!("of which the chain: {:.1?} an event", per_event(start.elapsed()));
    Ok(())
}
