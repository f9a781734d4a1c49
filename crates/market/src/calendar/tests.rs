//! The calendars as shipped, held against an independent oracle, and the stories of days that go wrong.

use super::*;
use insta::assert_snapshot;
use jiff::ToSpan;
use jiff::civil::{Weekday, date, time};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

macro_rules! shipped {
    ($($mic:ident = $file:literal),+ $(,)?) => {
        [$((Mic::$mic, include_str!(concat!("../../../../config/calendars/", $file)))),+]
    };
}

const TABLES: [(Mic, &str); 16] = shipped! {
    Xnys = "XNYS.csv", Xnas = "XNAS.csv", Xlon = "XLON.csv", Xetr = "XETR.csv", Xpar = "XPAR.csv", Xmil = "XMIL.csv",
    Xams = "XAMS.csv", Xmad = "XMAD.csv", Xswx = "XSWX.csv", Xeur = "XEUR.csv", Cmes = "CMES.csv", Xcbf = "XCBF.csv",
    Xcbo = "XCBO.csv", Ifeu = "IFEU.csv", Xmon = "XMON.csv", Fx = "FX.csv",
};
const OVERRIDES: &str = include_str!("../../../../config/calendars/overrides.csv");

const AUCTIONS: &str = include_str!("../../../../config/calendars/auctions.csv");

static SHIPPED: LazyLock<Calendars> =
    LazyLock::new(|| Calendars::parse(TABLES, OVERRIDES).unwrap().with_auctions(AUCTIONS).unwrap());

fn calendar(mic: Mic) -> &'static Calendar {
    SHIPPED.get(mic).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.replace('Z', ":00Z").parse().unwrap()
}

fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Rows of a golden file without its header; empty, with a word to the reader, where the data folder is absent.
#[allow(clippy::disallowed_methods, reason = "the oracle lies outside the repository")]
fn golden(name: &str) -> Vec<Vec<String>> {
    let path = format!("{}/../../../shared/data/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {name} is not in the shared data folder");
        return Vec::new();
    };
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// The generated tables alone: the oracle knows nothing of corrections made by hand.
fn uncorrected() -> Calendars {
    Calendars::parse(TABLES, "").unwrap()
}

#[test]
fn sessions_of_two_years_equal_the_oracle() {
    let calendars = uncorrected();
    let rows = golden("sessions.csv");
    let mut venues = BTreeSet::new();
    for row in &rows {
        let mic: Mic = row[0].parse().unwrap();
        let date: Date = row[1].parse().unwrap();
        let expected = Session { mic, date, open: at(&row[2]), close: at(&row[3]), early_close: row[4] == "1" };
        assert_eq!(calendars.get(mic).unwrap().session(date), Ok(Some(expected)));
        venues.insert(mic);
    }
    let counted = |mic| calendars.get(mic).unwrap().sessions(date(2025, 1, 1), date(2026, 12, 31)).unwrap().len();
    assert_eq!(venues.into_iter().map(counted).sum::<usize>(), rows.len(), "no session the oracle does not know");
}

#[test]
fn phases_equal_the_oracle() {
    let calendars = uncorrected();
    for row in golden("session_probes.csv") {
        let calendar = calendars.get(row[0].parse().unwrap()).unwrap();
        let phase = calendar.phase(at(&row[1])).unwrap();
        let answers =
            [phase.is_open(), phase == Phase::OpeningPeriod, phase == Phase::ClosingPeriod, phase.may_trade()];
        assert_eq!(answers.map(|yes| if yes { "1" } else { "0" }), row[3..7], "{row:?} is {phase}");
    }
}

/// Days on which other sources are known to be wrong, and days closed for reasons no rule foresees.
#[test]
fn days_no_rule_foresees_are_closed() {
    for (mic, day) in [
        (Mic::Xlon, date(2022, 9, 19)),
        (Mic::Xnys, date(2012, 10, 29)),
        (Mic::Xnys, date(2018, 12, 5)),
        (Mic::Cmes, date(2025, 4, 18)),
        (Mic::Xetr, date(2017, 10, 31)),
    ] {
        assert_eq!(calendar(mic).session(day), Ok(None), "{mic} {day}");
    }
    assert!(calendar(Mic::Xetr).session(date(2025, 12, 30)).unwrap().unwrap().early_close);
}

#[test]
fn two_continents_change_their_clocks_in_different_weeks() {
    let story = |from: Date, weeks: i64| {
        let days = (0..weeks).map(|week| from + week.weeks());
        let hours = days.map(|day| {
            let [london, new_york, fx] = [Mic::Xlon, Mic::Xnys, Mic::Fx].map(|mic| {
                let Session { open, close, .. } = calendar(mic).session(day).unwrap().unwrap();
                format!("{}–{}", open.strftime("%H:%M"), close.strftime("%H:%M"))
            });
            format!("{day}  XLON {london}  XNYS {new_york}  FX {fx}\n")
        });
        hours.collect::<String>()
    };
    assert_snapshot!(story(date(2025, 3, 6), 5), @r"
    2025-03-06  XLON 08:00–16:30  XNYS 14:30–21:00  FX 22:00–22:00
    2025-03-13  XLON 08:00–16:30  XNYS 13:30–20:00  FX 21:00–21:00
    2025-03-20  XLON 08:00–16:30  XNYS 13:30–20:00  FX 21:00–21:00
    2025-03-27  XLON 08:00–16:30  XNYS 13:30–20:00  FX 21:00–21:00
    2025-04-03  XLON 07:00–15:30  XNYS 13:30–20:00  FX 21:00–21:00
    ");
    assert_snapshot!(story(date(2025, 10, 23), 3), @r"
    2025-10-23  XLON 07:00–15:30  XNYS 13:30–20:00  FX 21:00–21:00
    2025-10-30  XLON 08:00–16:30  XNYS 13:30–20:00  FX 21:00–21:00
    2025-11-06  XLON 08:00–16:30  XNYS 14:30–21:00  FX 22:00–22:00
    ");
}

#[test]
fn a_half_day_in_london_and_a_futures_week_in_chicago() {
    let phases = |mic: Mic, day: &str, times: &[&str]| {
        let line =
            |time: &&str| format!("{day} {time}  {}\n", calendar(mic).phase(at(&format!("{day}T{time}Z"))).unwrap());
        times.iter().map(line).collect::<String>()
    };
    let christmas_eve = ["00:00", "08:00", "08:14", "08:15", "12:19", "12:20", "12:30", "12:34", "12:35"];
    assert_snapshot!(phases(Mic::Xlon, "2025-12-24", &christmas_eve), @r"
    2025-12-24 00:00  pre-open
    2025-12-24 08:00  first 15 minutes
    2025-12-24 08:14  first 15 minutes
    2025-12-24 08:15  continuous
    2025-12-24 12:19  continuous
    2025-12-24 12:20  last 10 minutes
    2025-12-24 12:30  closing auction
    2025-12-24 12:34  closing auction
    2025-12-24 12:35  closed
    ");
    let thanksgiving = ["17:49", "17:50", "18:00", "22:59", "23:00", "23:15"];
    assert_snapshot!(phases(Mic::Cmes, "2025-11-27", &thanksgiving), @r"
    2025-11-27 17:49  continuous
    2025-11-27 17:50  last 10 minutes
    2025-11-27 18:00  pre-open
    2025-11-27 22:59  pre-open
    2025-11-27 23:00  first 15 minutes
    2025-11-27 23:15  continuous
    ");
    let weekend = ["2025-11-28T18:00Z", "2025-11-29T12:00Z", "2025-11-30T05:59Z", "2025-11-30T06:00Z"];
    let weekend = weekend.map(|text| calendar(Mic::Cmes).phase(at(text)).unwrap());
    assert_eq!(weekend, [Phase::Closed, Phase::Closed, Phase::Closed, Phase::PreOpen]);
}

#[test]
fn orders_wait_for_their_window() {
    let rule = |zone: &str, from, to| WindowRule {
        preferred_from: from,
        preferred_to: to,
        zone: jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap(),
        guard_open_minutes: 15,
        guard_close_minutes: 10,
    };
    let europe = rule("Europe/London", time(14, 45, 0, 0), time(16, 0, 0, 0));
    let america = rule("America/New_York", time(10, 0, 0, 0), time(15, 30, 0, 0));
    let never = WindowRule { guard_open_minutes: 200, guard_close_minutes: 200, ..europe.clone() };
    let mut story = String::new();
    for (what, mic, day, rule) in [
        ("a full day", Mic::Xlon, date(2025, 12, 23), &europe),
        ("the half day ends before the preferred hours", Mic::Xlon, date(2025, 12, 24), &europe),
        ("guards longer than the half day", Mic::Xlon, date(2025, 12, 24), &never),
        ("Frankfurt, preferred hours in London", Mic::Xetr, date(2025, 12, 23), &europe),
        ("clocks differ by four hours", Mic::Xnys, date(2025, 3, 17), &america),
        ("the half day cuts the preferred hours", Mic::Xnys, date(2025, 11, 28), &america),
        ("a future open since the evening before", Mic::Cmes, date(2025, 12, 23), &europe),
    ] {
        let session = calendar(mic).session(day).unwrap().unwrap();
        let window = execution_window([(&session, rule)])
            .map_or("no window".to_owned(), |window| format!("{} to {}", utc(window.opens), utc(window.closes)));
        story += &format!("{mic} {day}  {window}  {what}\n");
    }
    assert_snapshot!(story, @r"
    XLON 2025-12-23  2025-12-23 14:45 to 2025-12-23 16:00  a full day
    XLON 2025-12-24  2025-12-24 08:15 to 2025-12-24 12:20  the half day ends before the preferred hours
    XLON 2025-12-24  no window  guards longer than the half day
    XETR 2025-12-23  2025-12-23 14:45 to 2025-12-23 16:00  Frankfurt, preferred hours in London
    XNYS 2025-03-17  2025-03-17 14:00 to 2025-03-17 19:30  clocks differ by four hours
    XNYS 2025-11-28  2025-11-28 15:00 to 2025-11-28 17:50  the half day cuts the preferred hours
    CMES 2025-12-23  2025-12-23 14:45 to 2025-12-23 16:00  a future open since the evening before
    ");

    let mut pairs = String::new();
    for (what, day, legs) in [
        ("where the preferred hours of both meet", date(2025, 12, 23), [(Mic::Xlon, &europe), (Mic::Xnys, &america)]),
        (
            "America has moved its clocks, Europe has not",
            date(2025, 3, 17),
            [(Mic::Xlon, &europe), (Mic::Xnys, &america)],
        ),
        ("Europe has moved back, America not yet", date(2025, 10, 27), [(Mic::Xlon, &europe), (Mic::Xnys, &america)]),
        (
            "Frankfurt's half day leaves what both sessions share",
            date(2025, 12, 30),
            [(Mic::Xlon, &europe), (Mic::Xetr, &europe)],
        ),
        (
            "London's half day ends before New York opens",
            date(2025, 12, 24),
            [(Mic::Xlon, &europe), (Mic::Xnys, &america)],
        ),
    ] {
        let sessions = legs.map(|(mic, rule)| (calendar(mic).session(day).unwrap().unwrap(), rule));
        let window = execution_window(sessions.iter().map(|(session, rule)| (session, *rule)))
            .map_or("no window".to_owned(), |window| format!("{} to {}", utc(window.opens), utc(window.closes)));
        pairs += &format!("{} + {} {day}  {window}  {what}\n", legs[0].0, legs[1].0);
    }
    assert_snapshot!(pairs, @r"
    XLON + XNYS 2025-12-23  2025-12-23 15:00 to 2025-12-23 16:00  where the preferred hours of both meet
    XLON + XNYS 2025-03-17  2025-03-17 14:45 to 2025-03-17 16:00  America has moved its clocks, Europe has not
    XLON + XNYS 2025-10-27  2025-10-27 14:45 to 2025-10-27 16:00  Europe has moved back, America not yet
    XLON + XETR 2025-12-30  2025-12-30 08:15 to 2025-12-30 12:50  Frankfurt's half day leaves what both sessions share
    XLON + XNYS 2025-12-24  no window  London's half day ends before New York opens
    ");
    assert_eq!(execution_window([]), None, "nothing trades in no hours");
}

#[test]
fn outside_its_coverage_a_calendar_refuses() {
    let new_york = calendar(Mic::Xnys);
    assert_eq!(new_york.coverage(), (date(2004, 1, 1), date(2027, 12, 31)));
    assert_snapshot!(new_york.session(date(2028, 1, 3)).unwrap_err(), @"the calendar of XNYS covers 2004-01-01 to 2027-12-31 and says nothing about 2028-01-03, so XNYS is not traded; install calendars that reach that day");
    assert!(new_york.session(date(2003, 12, 31)).is_err());
    assert!(new_york.sessions(date(2027, 12, 1), date(2028, 1, 31)).is_err());
    assert_eq!(new_york.next_session(date(2027, 12, 31)).unwrap_err().asked, date(2028, 1, 1));
    assert_eq!(new_york.previous_session(date(2004, 1, 2)).unwrap_err().asked, date(2003, 12, 31));

    // New York's last evening is known to be quiet; the same evening in Chicago belongs to a session no row describes.
    assert_eq!(new_york.phase(at("2028-01-01T04:59Z")), Ok(Phase::Closed));
    assert!(new_york.phase(at("2028-01-01T05:00Z")).is_err());
    assert_eq!(calendar(Mic::Cmes).phase(at("2027-12-31T22:59Z")), Ok(Phase::ClosingPeriod));
    assert_eq!(calendar(Mic::Cmes).phase(at("2027-12-31T23:00Z")).unwrap_err().asked, date(2028, 1, 1));
}

#[test]
fn a_trade_date_needs_one_open_venue_and_certainty() {
    let few =
        uncorrected().iter().filter(|one| [Mic::Xlon, Mic::Xnys].contains(&one.mic())).cloned().collect::<Calendars>();
    let both = [Mic::Xlon, Mic::Xnys];
    assert_eq!(few.is_trade_date(date(2025, 5, 26), &both), Ok(false), "a bank holiday on both sides");
    assert_eq!(few.is_trade_date(date(2025, 7, 4), &both), Ok(true), "London alone");
    assert_eq!(few.is_trade_date(date(2025, 7, 5), &both), Ok(false), "a Saturday");
    assert_eq!(few.is_trade_date(date(2025, 7, 4), &[Mic::Xeur, Mic::Xlon]), Ok(true), "one known session is enough");
    assert_snapshot!(few.is_trade_date(date(2025, 7, 4), &[Mic::Xeur, Mic::Xnys]).unwrap_err(), @"no calendar for XEUR, so it is not traded; add config/calendars/XEUR.csv or remove its instruments");
    assert!(few.is_trade_date(date(2028, 7, 4), &both).is_err());
}

#[test]
fn market_hours_skip_the_weekend() {
    let fx = calendar(Mic::Fx);
    let friday_to_monday = Window { opens: at("2025-12-19T21:00Z"), closes: at("2025-12-22T06:00Z") };
    assert_eq!(
        fx.open_time(friday_to_monday),
        Ok(SignedDuration::from_hours(9)),
        "an hour of Friday, eight of Monday's session"
    );
    let christmas = Window { opens: at("2025-12-24T22:00Z"), closes: at("2025-12-25T22:00Z") };
    assert_eq!(fx.open_time(christmas), Ok(SignedDuration::ZERO));
}

#[test]
fn a_correction_by_hand_wins_over_the_table() {
    let close = |calendars: &Calendars| {
        utc(calendars.get(Mic::Xcbf).unwrap().session(date(2025, 7, 3)).unwrap().unwrap().close)
    };
    assert_eq!(close(&uncorrected()), "2025-07-03 20:15");
    assert_eq!(close(&SHIPPED), "2025-07-03 17:15");
}

#[test]
fn a_table_that_cannot_be_trusted_is_refused_with_its_place() {
    const HEAD: &str = "zone,Europe/London\ncoverage,2025-01-01,2025-12-31\nregular,2025-01-01,08:00,16:30\n";
    let refusal = |table: &str, overrides: &str| Calendar::parse(Mic::Xlon, table, overrides).unwrap_err().to_string();
    let tables = [
        "",
        "zone,Europe/Londn\n",
        "zone,Europe/London\ncoverage,2025-01-01,2025-12-31\n",
        "zone,Europe/London\ncoverage,2025-12-31,2025-01-01\n",
        &format!("{HEAD}zone,Europe/Paris\n"),
        &format!("{HEAD}holiday,2025-02-30,Never\n"),
        &format!("{HEAD}holiday,2025-08-25\n"),
        &format!("{HEAD}holiday,2025-08-24,Sunday\n"),
        &format!("{HEAD}holiday,2026-01-01,Next year\n"),
        &format!("{HEAD}# a comment counts as a line\nspecial,2025-12-24,8h,12:30,Half\n"),
        &format!("{HEAD}holiday,2025-08-25,Once\nholiday,2025-08-25,Twice\n"),
        &format!("{HEAD}regular,2024-01-01,08:00,17:00\n"),
        &format!("{HEAD}special,2025-12-24,16:00,12:30,Opens on the 23rd\n"),
        &format!("{HEAD}hoilday,2025-08-25,Typing\n"),
    ];
    assert_snapshot!(tables.map(|table| refusal(table, "")).join("\n"), @r"
    calendar table XLON.csv: the `zone` row is missing
    calendar table XLON.csv, line 1: `Europe/Londn` is not an IANA time zone
    calendar table XLON.csv: no `regular` row is in force on 2025-01-01, the first covered day
    calendar table XLON.csv: the coverage ends (2025-01-01) before it begins (2025-12-31)
    calendar table XLON.csv, line 4: there is a second `zone` row; keep one
    calendar table XLON.csv, line 4: `2025-02-30` is not a day written YYYY-MM-DD
    calendar table XLON.csv, line 4: `holiday` rows have 3 fields, this one has 2
    calendar table XLON.csv, line 4: 2025-08-24 is a weekend day, which is closed without a row
    calendar table XLON.csv: 2026-01-01 has a row but is outside the coverage 2025-01-01 to 2025-12-31
    calendar table XLON.csv, line 5: `8h` is not a local time written HH:MM
    calendar table XLON.csv, line 5: 2025-08-25 has two rows; keep one
    calendar table XLON.csv, line 4: regular hours from 2024-01-01 must stand below those in force before them
    calendar table XLON.csv: the session of 2025-12-24 opens before the one before it has closed
    calendar table XLON.csv, line 4: `hoilday` is not a kind of row this file may have
    ");

    let auctions = |rows: &str| SHIPPED.clone().with_auctions(rows).unwrap_err().to_string();
    let auctions = [
        "mic,cutoff\n",
        "mic,entry_until,source\nXNYS,ten,NYSE\n",
        "mic,entry_until,source\nXNYS,-10,\n",
        "mic,entry_until,source\nXNYS,-10,one\nXNYS,-5,two\n",
    ]
    .map(auctions);
    assert_snapshot!(auctions.join("\n"), @r"
    calendar table auctions.csv, line 1: the first row must be `mic,entry_until,source`
    calendar table auctions.csv, line 2: `ten` is not a number of minutes, negative before the close
    calendar table auctions.csv, line 2: the source is empty; name the notice or page this correction comes from
    calendar table auctions.csv, line 3: XNYS has two rows; keep one
    ");

    let corrections = |row: &str| format!("mic,date,kind,open,close,source\n{row}\n");
    let overrides = [
        "date,mic\n".to_owned(),
        corrections("XLSE,2025-08-25,holiday,,,LSE notice"),
        corrections("XLON,2025-08-25,holiday,,,"),
        corrections("XLON,2026-08-25,holiday,,,LSE notice"),
        corrections("XPAR,2025-08-25,holiday,,,one\nXPAR,2025-08-25,holiday,,,two"),
    ];
    assert_snapshot!(overrides.map(|text| refusal(HEAD, &text)).join("\n"), @r"
    calendar table overrides.csv, line 1: the first row must be `mic,date,kind,open,close,source`
    calendar table overrides.csv, line 2: unknown venue `XLSE`; known are XNYS, XNAS, XLON, XETR, XPAR, XMIL, XAMS, XMAD, XSWX, XEUR, CMES, XCBF, XCBO, IFEU, XMON, FX
    calendar table overrides.csv, line 2: the source is empty; name the notice or page this correction comes from
    calendar table overrides.csv, line 2: 2026-08-25 is outside the table's coverage 2025-01-01 to 2025-12-31
    calendar table overrides.csv, line 3: XPAR 2025-08-25 is corrected twice; keep one row
    ");
}

#[test]
fn auction_orders_are_in_by_the_venue_s_own_time_also_on_half_days() {
    let until = |mic: Mic, day: Date| {
        let session = calendar(mic).session(day).unwrap().unwrap();
        let until = calendar(mic).auction_entry_until(&session);
        let local = until.map(|at| calendar(mic).zone().to_datetime(at).time().strftime("%H:%M").to_string());
        format!("{mic} {day} {}\n", local.unwrap_or_else(|| "takes none".into()))
    };
    let (full, half) = (date(2025, 12, 23), date(2025, 12, 24));
    let days = Mic::ALL.iter().map(|&mic| until(mic, full));
    assert_snapshot!(days.collect::<String>(), @r"
    XNYS 2025-12-23 15:50
    XNAS 2025-12-23 15:50
    XLON 2025-12-23 16:30
    XETR 2025-12-23 17:30
    XPAR 2025-12-23 17:30
    XMIL 2025-12-23 17:30
    XAMS 2025-12-23 17:30
    XMAD 2025-12-23 17:30
    XSWX 2025-12-23 17:20
    XEUR 2025-12-23 takes none
    CMES 2025-12-23 takes none
    XCBF 2025-12-23 takes none
    XCBO 2025-12-23 takes none
    IFEU 2025-12-23 takes none
    XMON 2025-12-23 takes none
    FX 2025-12-23 takes none
    ");
    assert_snapshot!([Mic::Xnys, Mic::Xlon, Mic::Xpar].map(|mic| until(mic, half)).concat(), @r"
    XNYS 2025-12-24 12:50
    XLON 2025-12-24 12:30
    XPAR 2025-12-24 14:05
    ");
}

/// One instant an hour of two years: inside a guard exactly when a local clock is near a reset.
#[test]
fn guards_follow_the_clocks_of_their_zone_through_both_seasons() {
    let zone = |name: &str| jiff::tz::TimeZoneDatabase::bundled().get(name).unwrap();
    let rule = |days: &[Weekday], from: i8, to: i8, name: &str| MaintenanceRule {
        days: days.to_vec(),
        from: time(from / 4, from % 4 * 15, 0, 0),
        to: time(to / 4, to % 4 * 15, 0, 0),
        zone: zone(name),
    };
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let week = [Sunday, Monday, Tuesday, Wednesday, Thursday, Friday];
    let rules = [
        rule(&week, 1, 7, "America/New_York"),       // 00:15 to 01:45
        rule(&week, 25, 31, "Europe/Zurich"),        // 06:15 to 07:45
        rule(&[Friday], 92, 12, "America/New_York"), // Friday 23:00 to Saturday 03:00
    ];
    let guards = guards(&rules, date(2025, 1, 1), date(2026, 12, 31), SignedDuration::from_mins(10));
    assert!(guards.windows(2).all(|pair| pair[0].closes < pair[1].opens), "in order, joined where they touch");
    let clock = |at: Timestamp, name: &str| {
        let local = at.to_zoned(zone(name));
        (local.weekday(), i32::from(local.hour()) * 60 + i32::from(local.minute()))
    };
    let mut inside = 0;
    for quarter in 0..2 * 365 * 96 {
        let at = at("2025-01-01T00:07Z") + SignedDuration::from_mins(15 * quarter);
        let ((ny_day, ny), (zh_day, zh)) = (clock(at, "America/New_York"), clock(at, "Europe/Zurich"));
        let away = (ny_day != Saturday && (5..115).contains(&ny))
            || (zh_day != Saturday && (365..475).contains(&zh))
            || (ny_day == Friday && ny >= 22 * 60 + 50)
            || (ny_day == Saturday && ny < 190);
        let guard = next_guard(&guards, at).filter(|guard| guard.contains(at));
        assert_eq!(guard.is_some(), away, "{at}");
        inside += u32::from(away);
    }
    assert!(inside > 5_000, "{inside} instants lie inside");
}

fn any_venue() -> impl Strategy<Value = &'static Calendar> {
    prop::sample::select(Mic::ALL).prop_map(calendar)
}

/// A day at least two years from either end of the coverage.
fn any_day() -> impl Strategy<Value = Date> {
    (0..20 * 365_i64).prop_map(|days| date(2006, 1, 1) + days.days())
}

proptest! {
    #[test]
    fn counting_sessions_there_and_back_returns(calendar in any_venue(), day in any_day(), count in 1..400_i32) {
        let start = calendar.next_session(day).unwrap();
        prop_assert_eq!(calendar.add_sessions(start.date, 0), Ok(start.date));
        let end = calendar.add_sessions(start.date, count).unwrap();
        prop_assert_eq!(calendar.add_sessions(end, -count), Ok(start.date));
        prop_assert_eq!(calendar.sessions(start.date, end).unwrap().len(), count as usize + 1);
        prop_assert_eq!(calendar.previous_session(start.date).unwrap().date < start.date, true);
    }

    #[test]
    fn an_instant_is_open_exactly_inside_a_session(calendar in any_venue(), day in any_day(), minute in 0..24 * 60_i64) {
        let instant = midnight(day).to_zoned(TimeZone::UTC).unwrap().timestamp() + SignedDuration::from_mins(minute);
        let around = calendar.sessions(day - 1.days(), day + 1.days()).unwrap();
        let inside = around.iter().any(|session| session.hours().contains(instant));
        prop_assert_eq!(calendar.phase(instant).unwrap().is_open(), inside);
    }
}
