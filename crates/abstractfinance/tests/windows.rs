//! When orders leave: never while the broker is away, in any season, and never against its trading hours.
//!
//! In: weeks of trading against the built-in gateway. Out: what the journal says was sent, and when. Invariant: the clock of
//! the test is its own: local hours and minutes, not the engine's spans.
#![allow(clippy::disallowed_methods, reason = "stories of a program, outside the pure crates")]

mod common;

use common::Stage;
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// The days of the first row are those of IB's daily resets.
const SUNDAY_TO_FRIDAY: [Weekday; 6] =
    [Weekday::Sunday, Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

/// True when a local clock shows an hour of a reset, or is within ten minutes of one.
fn is_away(at: Timestamp) -> bool {
    let local = |zone: &str| at.to_zoned(TimeZone::get(zone).unwrap());
    let minutes = |clock: &jiff::Zoned| i32::from(clock.hour()) * 60 + i32::from(clock.minute());
    let (new_york, zurich) = (local("America/New_York"), local("Europe/Zurich"));
    let (ny, zh) = (minutes(&new_york), minutes(&zurich));
    let daily = |clock: &jiff::Zoned| SUNDAY_TO_FRIDAY.contains(&clock.weekday());
    (daily(&new_york) && (5..115).contains(&ny))
        || (daily(&zurich) && (375..475).contains(&zh))
        || (new_york.weekday() == Weekday::Friday && ny >= 22 * 60 + 50)
        || (new_york.weekday() == Weekday::Saturday && ny < 190)
        || ny >= 23 * 60 + 35
        || (21 * 60 + 50..22 * 60 + 25).contains(&ny)
}

/// Orders that were sent or changed, by time.
fn orders(stage: &Stage) -> Vec<Timestamp> {
    let commands = stage.records("command").into_iter();
    commands.filter(|(_, body)| body["command"] != "cancel").map(|(at, _)| at).collect()
}

/// The weeks in which two continents change their clocks, in both seasons; a whole year with `AF_LONG=1`.
#[test]
fn no_order_is_sent_while_the_broker_is_away() {
    let spans: &[(&str, u32)] = match std::env::var_os("AF_LONG") {
        Some(_) => &[("2026-01-02", 260)],
        None => &[("2026-03-02", 26), ("2026-10-19", 13)],
    };
    for (from, days) in spans {
        let stage = Stage::new();
        stage.ok(&format!("demo --from {from} --days {days} --state-dir state"));
        let sent = orders(&stage);
        assert!(sent.len() >= *days as usize / 4, "{} orders in {days} days from {from}", sent.len());
        let away: Vec<&Timestamp> = sent.iter().filter(|at| is_away(**at)).collect();
        assert!(away.is_empty(), "sent while the broker was away: {away:?}");

        let plans = stage.records("plan");
        assert_eq!(plans.len(), *days as usize);
        for (_, plan) in &plans {
            let decided: Timestamp = plan["decided_at"].as_str().unwrap().parse().unwrap();
            assert_eq!(decided.strftime("%H:%M").to_string(), "06:00", "the built-in gateway is never away");
        }
    }
}

#[test]
fn orders_wait_out_a_guard_at_the_start_of_their_window() {
    let stage = Stage::new();
    let row =
        "    - {name: drill, days: [mon, tue, wed, thu, fri], from: \"14:40\", to: \"15:00\", zone: Europe/London}\n";
    stage.config("config", "settings.yaml", "  maintenance:", "  maintenance_rows:");
    let path = stage.path("config/settings.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replace("  maintenance_rows:", "  maintenance:");
    let (head, rest) = text.split_once("  maintenance:").unwrap();
    let (comment, rows) = rest.split_once('\n').unwrap();
    std::fs::write(&path, format!("{head}  maintenance:{comment}\n{row}{rows}")).unwrap();

    stage.ok("demo --config config --from 2026-03-05 --days 3 --state-dir state");
    let sent = orders(&stage);
    assert!(!sent.is_empty());
    for at in sent {
        let london = at.to_zoned(TimeZone::get("Europe/London").unwrap());
        let minute = i32::from(london.hour()) * 60 + i32::from(london.minute());
        assert!(minute >= 15 * 60 + 10, "{london}: ten minutes after the drill at the earliest");
    }
}
