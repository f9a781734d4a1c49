//! A season of faults: whatever goes wrong at the broker, by number, nothing is doubled and nothing is lost, and every
//! morning the books are the account's to the cent.
//!
//! In: the program, seeds. Out: a verdict on the gateway's record. Invariant: the judge (`tests/src/soak.rs`) knows nothing
//! of the engine. The long form (`AF_LONG=1`) is 250 days.
#![allow(clippy::disallowed_methods, reason = "stories run programs")]

use std::path::Path;
use tests::soak::{Played, Season, play};

fn days(short: usize) -> usize {
    if std::env::var_os("AF_LONG").is_some() { 250 } else { short }
}

fn played(season: &Season) -> Played {
    let program = Path::new(env!("CARGO_BIN_EXE_abstractfinance"));
    let played = play(program, season, &|_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    println!("{season:?}\n{played}");
    let found = played.mornings.violations.len() + played.violations.len();
    assert_eq!(found, 0, "{played}\n{}", played.story.join("\n"));
    // A morning on which the account cannot be read is one of a fault, and every day but the first has one.
    let mornings = &played.mornings;
    assert_eq!(mornings.compared + mornings.blind + mornings.named, played.days - 1, "{played}");
    assert!(played.mornings.compared * 10 >= played.days * 8, "{played}");
    played
}

#[test]
fn a_season_of_faults_at_the_broker_loses_nothing_and_doubles_nothing() {
    let season = Season { config: "config/examples/core-pair", seed: 1, days: days(15), account: false };
    let played = played(&season);
    assert!(played.orders * 5 >= played.days, "the days trade: {played}");
}

#[test]
fn a_season_of_faults_in_the_account_too_ends_with_its_books() {
    let season = Season { config: "config", seed: 2, days: days(8), account: true };
    let played = played(&season);
    assert!(played.orders > 5 * played.days, "the days trade: {played}");
}
