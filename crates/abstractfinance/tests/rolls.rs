//! Stories of futures: a strategy that holds some of every kind is run for years, none outlives its deadline, and what the
//! venue trades as a calendar spread is rolled as one.
//!
//! In: the built-in configuration with futures in its sleeves. Out: reports of days. Invariant: deadlines are counted here
//! from the sessions that `calendar` prints, not by the engine's own code.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/oracle.rs"]
mod oracle;

use common::{Stage, assert_tied_out};
use console::DayReport;
use std::collections::{BTreeMap, BTreeSet};

/// Sleeves that hold an index future short, deliverable bond futures on both sides, monthly volatility futures, and the
/// currency hedge of it all. Of volatility there is little: more would lose enough over the years to reach the hard stop,
/// and then nothing would be held that could roll.
const SLEEVES: &str = "
  core_index_rv: {kind: pair, weight: 0.30, long: CSPX, short: FESX}
  bonds: {kind: long_short_baskets, weight: 0.30, long: [FGBL], short: [FOAT]}
  micro: {kind: long_short_baskets, weight: 0.25, long: [MNQ, IUIT], short: [M2K, CS51]}
  vol: {kind: weighted_basket, weight: 0.01, members: {VXM: 1.0}}
  cash_buffer: {kind: cash, weight: 0.14}
";

fn config(stage: &Stage) {
    stage.config("futures", "settings.yaml", "mode: simulated", "mode: simulated");
    let path = stage.path("futures").join("settings.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("\nsleeves:").unwrap();
    let (_, after) = rest.split_once("\n# ---- signals").unwrap();
    std::fs::write(&path, format!("{before}\nsleeves:{SLEEVES}\n# ---- signals{after}")).unwrap();
}

fn days(stage: &Stage, line: &str) -> Vec<DayReport> {
    let told = stage.ok(line);
    let mut document: serde_json::Value = serde_json::from_str(&told).unwrap();
    serde_json::from_value(document["days"].take()).unwrap()
}

/// Session dates of a venue, as the program prints them.
fn sessions(stage: &Stage, venue: &str, years: (i16, i16)) -> Vec<String> {
    let line = format!("calendar {venue} --from {}-01-01 --to {}-12-31 --csv", years.0, years.1);
    stage.ok(&line).lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect()
}

/// Future and last trading day of a contract's name.
fn parts(name: &str) -> Option<(&str, String)> {
    let (future, day) = name.split_once('_')?;
    let date = format!("{}-{}-{}", day.get(..4)?, day.get(4..6)?, day.get(6..8)?);
    Some((future, date))
}

#[test]
fn over_the_years_no_contract_is_held_past_its_deadline() {
    let long = std::env::var_os("AF_LONG").is_some();
    let (count, least) = if long { (1_260, 140) } else { (90, 6) };
    let stage = Stage::new();
    config(&stage);
    let line = format!("demo --config futures --from 2020-01-06 --days {count} --json");
    let days = days(&stage, &line);
    assert_eq!(days.len(), count);
    let calendars: BTreeMap<&str, Vec<String>> =
        ["XNYS", "XEUR", "XCBF"].into_iter().map(|venue| (venue, sessions(&stage, venue, (2020, 2025)))).collect();
    let deadline = |future: &str, last_trade: &str| {
        let venue = match future {
            "VXM" => "XCBF",
            "FESX" | "FGBL" | "FOAT" => "XEUR",
            _ => "XNYS",
        };
        let sessions = &calendars[venue];
        let last = sessions.iter().position(|date| date == last_trade).expect("a contract ends on a session");
        sessions[last - 3].clone()
    };
    let mut held: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for day in &days {
        for position in &day.positions {
            let Some((future, last_trade)) = parts(&position.instrument) else { continue };
            let deadline = deadline(future, &last_trade);
            assert!(day.date < deadline, "{} on {}: it had to be gone by {deadline}", position.instrument, day.date);
            held.entry(future.to_owned()).or_default().insert(position.instrument.clone());
        }
    }
    let futures: Vec<&str> = held.keys().map(String::as_str).collect();
    assert_eq!(futures, ["FESX", "FGBL", "FOAT", "M2K", "M6E", "MNQ", "VXM"], "every one of them was held");
    let last = days.last().unwrap();
    let at_the_end = last.positions.iter().filter_map(|position| parts(&position.instrument)).count();
    assert!(last.mode == "NORMAL" && at_the_end >= 6, "{} with {at_the_end} futures on {}", last.mode, last.date);
    let rolls: usize = held.values().map(|contracts| contracts.len() - 1).sum();
    assert!(rolls >= least, "{rolls} rolls: {held:?}");
    let rolled = days.iter().flat_map(|day| &day.orders).filter(|order| order.purpose == "roll").count();
    assert!(rolled > 0, "some of them in orders that open what another closes");
    assert!(days.iter().all(|day| day.difference_bp.is_some_and(|bp| bp.abs() < 0.01)), "the books tie out every day");
}

#[test]
fn obligations_say_what_comes_due() {
    let stage = Stage::new();
    config(&stage);
    let page = stage.ok("calendar obligations --config futures --from 2026-03-02 --days 21");
    insta::assert_snapshot!(page, @r"
     date         what            of                          held   meaning
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     2026-03-02   broker away     daily maintenance              –   03:00 to 03:15 UTC, daily until 2026-03-08, and nothing is sent 10 min before and after
     2026-03-02   broker away     daily reset Europe             –   05:25 to 06:45 UTC, daily until 2026-03-23, and nothing is sent 10 min before and after
     2026-03-02   broker away     daily reset North America      –   05:15 to 06:45 UTC, daily until 2026-03-08, and nothing is sent 10 min before and after
     2026-03-02   broker away     gateway restart                –   04:45 to 04:55 UTC, daily until 2026-03-08, and nothing is sent 10 min before and after
     2026-03-02   broker away     weekly maintenance             –   04:45 to 05:45 UTC, and nothing is sent 10 min before and after
     2026-03-03   roll deadline   FGBL_20260306                  –   nothing of it is held after this day
     2026-03-03   roll deadline   FOAT_20260306                  –   nothing of it is held after this day
     2026-03-04   roll starts     M6E_20260316                   –   targets go to M6E_20260615
     2026-03-06   first notice    FGBL_20260306                  –   a long holder can be told to take delivery
     2026-03-06   first notice    FOAT_20260306                  –   a long holder can be told to take delivery
     2026-03-06   last trade      FGBL_20260306                  –   trading ends
     2026-03-06   last trade      FOAT_20260306                  –   trading ends
     2026-03-06   roll starts     VXM_20260318                   –   targets go to VXM_20260415
     2026-03-07   broker away     weekend reset                  –   04:00 to 08:00 UTC, and nothing is sent 10 min before and after
     2026-03-08   broker away     weekly login                   –   06:00 to 06:10 UTC, and nothing is sent 10 min before and after
     2026-03-09   broker away     daily maintenance              –   02:00 to 02:15 UTC, daily until 2026-03-23, and nothing is sent 10 min before and after
     2026-03-09   broker away     daily reset North America      –   04:15 to 05:45 UTC, daily until 2026-03-23, and nothing is sent 10 min before and after
     2026-03-09   broker away     gateway restart                –   03:45 to 03:55 UTC, daily until 2026-03-23, and nothing is sent 10 min before and after
     2026-03-09   broker away     weekly maintenance             –   03:45 to 04:45 UTC, weekly until 2026-03-23, and nothing is sent 10 min before and after
     2026-03-10   roll starts     FESX_20260320                  –   targets go to FESX_20260619
     2026-03-10   roll starts     M2K_20260320                   –   targets go to M2K_20260618
     2026-03-10   roll starts     MNQ_20260320                   –   targets go to MNQ_20260618
     2026-03-11   roll deadline   M6E_20260316                   –   nothing of it is held after this day
     2026-03-13   roll deadline   VXM_20260318                   –   nothing of it is held after this day
     2026-03-14   broker away     weekend reset                  –   03:00 to 07:00 UTC, weekly until 2026-03-21, and nothing is sent 10 min before and after
     2026-03-15   broker away     weekly login                   –   05:00 to 05:10 UTC, weekly until 2026-03-22, and nothing is sent 10 min before and after
     2026-03-16   first notice    M6E_20260316                   –   a long holder can be told to take delivery
     2026-03-16   last trade      M6E_20260316                   –   trading ends
     2026-03-17   roll deadline   FESX_20260320                  –   nothing of it is held after this day
     2026-03-17   roll deadline   M2K_20260320                   –   nothing of it is held after this day
     2026-03-17   roll deadline   MNQ_20260320                   –   nothing of it is held after this day
     2026-03-18   last trade      VXM_20260318                   –   trading ends
     2026-03-20   last trade      FESX_20260320                  –   trading ends
     2026-03-20   last trade      M2K_20260320                   –   trading ends
     2026-03-20   last trade      MNQ_20260320                   –   trading ends
    ");
}

#[test]
fn options_that_are_held_are_among_the_obligations() {
    let stage = Stage::as_shipped();
    stage.ok("demo --days 2 --state-dir state --json");
    let told = stage.ok("calendar obligations --state-dir state --days 120 --json");
    let document: serde_json::Value = serde_json::from_str(&told).unwrap();
    let rows: Vec<&serde_json::Value> = document["obligations"].as_array().unwrap().iter().collect();
    let of = |kind: &str| -> BTreeSet<String> {
        let rows = rows.iter().filter(|row| row["kind"] == kind && !row["held"].is_null());
        rows.map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
    };
    let (rolls, ends, gone) = (of("option roll"), of("option expiry"), of("option close-out"));
    assert!(!ends.is_empty() && rolls == ends, "{rolls:?} {ends:?}");
    assert!(!gone.is_empty() && gone.is_subset(&ends), "what is delivered has to go before: {gone:?}");
}

#[test]
fn a_roll_goes_through_the_gateway_as_one_calendar_spread() {
    let stage = Stage::new();
    config(&stage);
    let days = days(&stage, "demo --config futures --from 2026-03-04 --days 6 --json");
    let mut told = BTreeSet::new();
    for (day, order) in days.iter().flat_map(|day| day.orders.iter().map(move |order| (day, order))) {
        if ["roll", "close-out"].contains(&order.purpose.as_str()) {
            assert_eq!(order.status, "filled", "{} {}", day.date, order.instrument);
            let how = order.reason.as_deref().unwrap_or("alone");
            told.insert(format!("{} {} {} {}: {how}", day.date, order.purpose, order.quantity, order.instrument));
        }
    }
    insta::assert_snapshot!(told.into_iter().collect::<Vec<_>>().join("\n"), @r"
    2026-03-06 close-out 75 VXM_20260318: alone
    2026-03-10 close-out 19 MNQ_20260320: 19 of it in a calendar spread with MNQ_20260618
    2026-03-10 close-out 34 FESX_20260320: 34 of it in a calendar spread with FESX_20260619
    2026-03-10 close-out 72 M2K_20260320: 72 of it in a calendar spread with M2K_20260618
    2026-03-10 roll 19 MNQ_20260618: 19 of it in a calendar spread with MNQ_20260320
    2026-03-10 roll 34 FESX_20260619: 34 of it in a calendar spread with FESX_20260320
    2026-03-10 roll 72 M2K_20260618: 72 of it in a calendar spread with M2K_20260320
    ");
    assert!(days.iter().all(|day| day.difference_bp.is_some_and(|bp| bp.abs() < 0.01)), "each leg is booked once");
}

/// About one line of the gateway's record.
const LINE_BYTES: u64 = 230;
/// Deaths on the day of the roll, in the short form and in the long one.
const KILLS: [u64; 2] = [6, 40];

/// What is held of every future in all its contracts.
fn chains(day: &DayReport) -> BTreeMap<String, rust_decimal::Decimal> {
    let mut held = BTreeMap::new();
    for row in &day.positions {
        if let Some((future, _)) = parts(&row.instrument) {
            *held.entry(future.to_owned()).or_default() += row.ours.parse::<rust_decimal::Decimal>().unwrap();
        }
    }
    held
}

#[test]
fn killed_again_and_again_in_a_calendar_spread_the_engine_rolls_once() {
    let (stage, whole) = (Stage::new(), Stage::new());
    config(&stage);
    config(&whole);
    let undisturbed = days(&whole, "demo --config futures --from 2026-03-04 --days 5 --json");
    let mut told = stage.days("demo --config futures --from 2026-03-04 --days 4 --state-dir state");
    let line = "demo --config futures --from 2026-03-04 --days 5 --state-dir state";
    let kills = KILLS[usize::from(std::env::var_os("AF_LONG").is_some())];
    let kills = (0..kills)
        .take_while(|kill| stage.killed_once_grown(line, "state/gateway.jsonl", (1 + 3 * (kill % 5)) * LINE_BYTES))
        .count();
    assert!(kills > 2, "{kills} kills came before the day was over");
    // The last death may have come after the day was closed: then it is shown again.
    told.extend(stage.days(line).into_iter().skip(told.len()));
    let day = &told[4];
    assert_eq!((day.date.as_str(), day.resumed), ("2026-03-10", true));
    assert_tied_out(day);
    oracle::judge(&stage.path("state/gateway.jsonl"), &stage.path("state/journal.db"), &told);
    let in_a_spread =
        |order: &&console::report::Order| order.reason.as_deref().is_some_and(|how| how.contains("calendar spread"));
    assert!(day.orders.iter().filter(in_a_spread).count() >= 2, "{:?}", day.orders);
    assert_eq!(chains(day), chains(&undisturbed[4]), "as many contracts of each future as without a death");
}
