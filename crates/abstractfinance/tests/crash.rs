//! Stories of engines that are killed where it hurts, and the short form of the campaign; the long one is
//! `cargo xtask crash`.
//!
//! In: the program, points of its table. Out: dates that are finished. Invariant: what is right is what the gateway's
//! record says; `tests/src/crash` knows nothing of the engine.
#![allow(clippy::disallowed_methods, reason = "stories run programs")]

use std::path::Path;
use tests::crash::campaign::{Campaign, Report};
use tests::crash::episode::{Downtime, Episode, Kill, Run};
use tests::crash::worlds::{World, worlds};

/// Points at which engines have to die in the short form too.
const POINTS_MIN: usize = 60;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_abstractfinance"))
}

fn calm() -> World {
    World { says: &[], ..worlds(1).swap_remove(0) }
}

fn kill(point: &str, visit: u32, downtime: Downtime) -> Kill {
    Kill { point: point.to_owned(), visit, downtime }
}

/// Lines of the gateway's record that hold a text.
fn count(record: &str, text: &str) -> usize {
    record.lines().filter(|line| line.contains(text)).count()
}

fn assert_right(episode: &mut Episode) {
    let violations = episode.verdict().expect("evidence");
    assert!(violations.is_empty(), "{violations:#?}\n{:#?}", episode.story);
}

/// Progress, for who watches with `--nocapture`.
fn told(report: &Report) {
    eprintln!("{}", report.to_string().lines().next().unwrap_or_default());
    report.violations.iter().for_each(|violation| eprintln!("{violation}"));
}

/// Every point in some world; with AF_LONG in every world that reaches it.
#[test]
fn every_point_of_the_table_that_these_days_reach_is_survived() {
    let campaign = Campaign::new(program(), 2);
    let campaign = if std::env::var_os("AF_LONG").is_some() { campaign } else { campaign.each_point_once() };
    let report = campaign.run(1..2, &told).expect("a campaign");
    println!("{report}");
    assert!(report.violations.is_empty(), "{report}");
    assert!(report.deaths.len() >= POINTS_MIN, "{report}");
    assert!(report.resumed > 10, "{report}");
}

#[test]
fn fills_that_come_while_the_engine_is_dead_are_booked_once() {
    let mut episode = Episode::begin(program(), &calm()).unwrap();
    let date = "2026-03-02";
    assert!(matches!(episode.run(date, Some("send place after@2")).unwrap(), Run::Killed));
    let before = count(&episode.record().unwrap(), "\"kind\":\"execution\"");
    for _ in 0..4 {
        episode.stay_dead(Downtime::Seconds30).unwrap();
    }
    let after = count(&episode.record().unwrap(), "\"kind\":\"execution\"");
    assert!(after > before, "the order worked while nobody looked: {before}, {after}");
    episode.finish(date).unwrap();
    assert_right(&mut episode);
}

#[test]
fn a_second_kill_during_recovery_changes_nothing() {
    let mut episode = Episode::begin(program(), &calm()).unwrap();
    let recovery = [
        "lease take after",
        "ask identify after",
        "ask snapshot before",
        "ask snapshot after",
        "append resynced before",
        "append resynced after",
        "send cancel before",
    ];
    let first = kill("append execution before", 3, Downtime::None);
    let again = recovery.map(|point| kill(point, 1, Downtime::None));
    let kills: Vec<Kill> = [first].into_iter().chain(again).collect();
    let deaths = episode.day("2026-03-02", &kills).unwrap();
    assert!(deaths.at.len() >= 6, "{:?}", episode.story);
    assert_right(&mut episode);
}

#[test]
fn a_day_that_died_is_ended_on_the_next_date_and_the_next_one_runs() {
    let mut episode = Episode::begin(program(), &calm()).unwrap();
    // An order was written down and never sent; the night goes by.
    let deaths = episode.day("2026-03-02", &[kill("send place before", 4, Downtime::Overnight)]).unwrap();
    assert_eq!(deaths.at.len(), 1, "{:?}", episode.story);
    assert_eq!(episode.story.last().unwrap(), "2026-03-02: exit 0", "nothing is left for a person to do");
    let placed = count(&episode.record().unwrap(), "\"command\":\"place\"");
    episode.day("2026-03-03", &[]).unwrap();
    let later = count(&episode.record().unwrap(), "\"command\":\"place\"");
    assert!(later > placed, "the next date trades what the first one could not: {:?}", episode.story);
    assert_right(&mut episode);
}

#[test]
fn the_next_run_is_refused_while_a_session_is_open() {
    let mut episode = Episode::begin(program(), &calm()).unwrap();
    assert!(matches!(episode.run("2026-03-02", Some("append execution after@2")).unwrap(), Run::Killed));
    episode.stay_dead(Downtime::Overnight).unwrap();
    let Run::Ended { code, err, .. } = episode.run("2026-03-03", None).unwrap() else { panic!("nothing is armed") };
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("2026-03-02 was begun and is not finished: run it again before 2026-03-03"), "{err}");
    episode.finish("2026-03-02").unwrap();
    episode.finish("2026-03-03").unwrap();
    assert_right(&mut episode);
}

#[test]
fn a_clock_that_steps_back_between_two_engines_changes_nothing() {
    let mut episode = Episode::begin(program(), &calm()).unwrap();
    let date = "2026-03-02";
    // The plan is made at six; the engine dies waiting for the first window, and the next one writes at half past six.
    assert!(matches!(episode.run(date, Some("wait time before@2")).unwrap(), Run::Killed));
    let early = episode.gateway.now().unwrap();
    episode.gateway.advance_to("2026-03-02T06:30:00Z").unwrap();
    assert!(matches!(episode.run(date, Some("append resynced after")).unwrap(), Run::Killed));
    episode.turn_back().unwrap();
    assert_eq!(episode.gateway.now().unwrap(), early, "the clock has stepped back behind what is written");
    episode.finish(date).unwrap();
    episode.finish("2026-03-03").unwrap();
    let journal = episode.journal().unwrap();
    assert_eq!(count(&journal, r#""kind":"plan""#), 2, "one for each date");
    assert_right(&mut episode);
}
