//! Days on which something goes wrong, by a number.
//!
//! In: a seed, the first date, how many days. Out: a script of faults like one a person writes. Invariant: the same
//! numbers give the same script; every day is healed before the next begins.

use crate::injection::{Fault, Injection};
use crate::wire_fault::{Race, Telling, WireFault};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Share of days, in percent, on which something goes wrong, and how much at most.
const TROUBLED: u64 = 60;
const FAULTS_MAX: u64 = 3;
/// Faults come in these minutes of a day UTC, from before the plan to the end of New York.
const MINUTES: std::ops::Range<u64> = 330..1_250;
/// When a day is healed.
const HEALED: SignedDuration = SignedDuration::from_mins(21 * 60 + 30);

/// Steele, Lea and Flood's generator: a few lines, and enough for choosing.
struct Choice(u64);

impl Choice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// The faults of so many days from a date on.
pub fn faults_by_seed(seed: u64, first: Date, days: u32) -> Vec<Fault> {
    let mut choice = Choice(seed);
    let mut faults = Vec::new();
    for day in 0..i64::from(days) {
        let date = first.saturating_add(day.days());
        let rests = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        if rests || choice.below(100) >= TROUBLED {
            continue;
        }
        let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).expect("every midnight exists in UTC");
        for _ in 0..1 + choice.below(FAULTS_MAX) {
            let minute = MINUTES.start + choice.below(MINUTES.end - MINUTES.start);
            let at = midnight + SignedDuration::from_mins(minute as i64);
            troubles(&mut choice).into_iter().for_each(|inject| faults.push(Fault { at, inject }));
            restored(&mut choice, at, &mut faults);
        }
        faults.push(Fault { at: midnight + HEALED, inject: Injection::Heal {} });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// A link that was lost is found again within the hour.
fn restored(choice: &mut Choice, at: Timestamp, faults: &mut Vec<Fault>) {
    let is_lost = |fault: &Fault| fault.at == at && fault.inject == Injection::Wire(WireFault::LinkLost {});
    if faults.last().is_some_and(is_lost) {
        let later = at + SignedDuration::from_mins(1 + choice.below(55) as i64);
        let inject = Injection::Wire(WireFault::LinkRestored { data_lost: choice.coin() });
        faults.push(Fault { at: later, inject });
    }
}

/// One trouble: a fault, or two that belong together.
fn troubles(choice: &mut Choice) -> Vec<Injection> {
    use WireFault::{
        ClientIdInUse, Data, Delayed, Freeze, History, IgnoreNext, LinkLost, NoNextId, NoSides, Notice, RaceCancel,
        RejectNext, Restart, RollBackIds, StaleClose, Tell, TooFast, WarnNext,
    };
    let text = String::new;
    let count = 1 + choice.below(3) as u32;
    let coin = choice.coin();
    let quantity = None;
    let notice = |code| Notice { code, text: text(), about_last_order: false };
    let reject =
        |code, inactive| RejectNext { code, text: "Order rejected - reason:a fault".to_owned(), count, inactive };
    let race = |race| RaceCancel { race, quantity };
    let tell = |how| Tell { how };
    let data = |code| Data { code, text: "Requested market data is not subscribed".to_owned(), goes_on: false };
    let wire = match choice.below(52) {
        0..=2 => vec![LinkLost {}],
        3..=5 => vec![Restart { count }],
        6 => vec![Freeze { carried_out: coin }],
        7 => vec![ClientIdInUse { count }, Restart { count: 0 }],
        8 => vec![NoNextId { count }, Restart { count: 0 }],
        9 => vec![RollBackIds {}, Restart { count: 0 }],
        10 => vec![TooFast {}],
        11 => vec![notice(2103)],
        12 => vec![notice(2105)],
        13 => vec![notice(2110)],
        14 => vec![notice(1300)],
        15 => vec![reject(201, coin)],
        16 => vec![reject(110, false)],
        17 => vec![reject(103, false)],
        18 => vec![WarnNext { code: 404, text: text(), count }],
        19 => vec![WarnNext { code: 10349, text: text(), count }],
        20 => vec![WarnNext {
            code: 399,
            text: "Warning: your order will not be placed until the open".to_owned(),
            count,
        }],
        21 => vec![WarnNext { code: 2161, text: text(), count }],
        22 => vec![IgnoreNext { count: 1, working: coin }],
        23 => vec![race(Race::FilledBefore)],
        24 => vec![race(Race::FilledAfter)],
        25 => vec![race(Race::PendingThenFilled)],
        26 => vec![race(Race::ApiCancelled)],
        27 => vec![tell(Telling::ExecutionsFirst)],
        28 => vec![tell(Telling::CommissionsFirst)],
        29 => vec![tell(Telling::CommissionsLate)],
        30 => vec![tell(Telling::StatusTwice)],
        31 => vec![tell(Telling::NoStatus)],
        32 => vec![tell(Telling::ExecutionsTwice)],
        33 => vec![tell(Telling::SecondPermId)],
        34 => vec![Data { code: 10090, text: text(), goes_on: true }],
        35 => vec![Delayed {}],
        36 => vec![NoSides {}],
        37 => vec![StaleClose {}],
        38 => vec![Data { code: 10167, text: text(), goes_on: true }],
        39 => vec![data(354)],
        40 => vec![data(10089)],
        41 => vec![data(10168)],
        42 => vec![data(10197)],
        43 => vec![reject(387, false)],
        44 => vec![reject(104, false)],
        45 => vec![reject(105, false)],
        46 => vec![WarnNext { code: 2109, text: text(), count }],
        47 => vec![race(Race::Ignored)],
        48 => vec![Notice { code: 10148, text: text(), about_last_order: true }],
        49 => vec![Notice { code: 10147, text: text(), about_last_order: true }],
        50 => vec![History { code: 162, text: "pacing violation".to_owned(), goes_on: false }],
        _ => vec![History { code: 165, text: text(), goes_on: true }],
    };
    wire.into_iter().map(Injection::Wire).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_number_is_a_script_and_every_day_ends_healed() {
        let script = faults_by_seed(7, date(2026, 3, 2), 60);
        assert_eq!(script, faults_by_seed(7, date(2026, 3, 2), 60));
        assert_ne!(script, faults_by_seed(8, date(2026, 3, 2), 60));
        assert!(script.len() > 60 && script.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let healed = script.iter().filter(|fault| fault.inject == Injection::Heal {}).count();
        let days = script.iter().map(|fault| fault.at.as_second().div_euclid(86_400));
        assert_eq!(days.collect::<std::collections::BTreeSet<_>>().len(), healed);
        let text: Vec<String> = script.iter().map(|fault| serde_json::to_string(fault).unwrap()).collect();
        assert_eq!(crate::injection::read_faults(&text.join("\n")), Ok(script), "a person could have written it");
    }
}
