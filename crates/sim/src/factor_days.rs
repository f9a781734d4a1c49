//! The days of the simulated market's factors, made one after the other.
//!
//! In: scenario, seed, first day. Out: each weekday's levels, minute by minute. Invariant: a day depends on scenario, seed,
//! first day and the days before it; who makes it, and when, changes nothing.
//!
//! VIX is the state: it follows a mean-reverting walk in logarithms, correlated with equity (the leverage effect), and
//! sets how far every other factor moves (stochastic volatility, as in Heston 1993 with jumps in both as in Bates 1996).

use crate::levels::{FACTORS, Factor, PerFactor};
use crate::random::{Chance, Draws, Stream};
use crate::scenario::{Scenario, Weather};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

/// Weekdays of history before the first day of a scenario.
pub(crate) const HISTORY_WEEKDAYS: usize = 440;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
/// History needs sessions only; from the first day on, prices are asked for within the minute.
const SLOTS_PER_HOUR_OF_HISTORY: usize = 2;
const SLOTS_PER_HOUR: usize = 60;

/// Share of a day's variance in each hour from 17:00 New York, per mille: Asia, London's morning, New York.
const VARIANCE_PER_MILLE: [u16; 24] =
    [12, 12, 12, 12, 12, 12, 12, 12, 12, 22, 45, 42, 38, 35, 35, 45, 95, 90, 75, 70, 70, 80, 120, 30];
/// Hours of the day (13:00 to 15:00 New York) over which a scenario's shock unfolds.
const SHOCK_HOURS: std::ops::Range<usize> = 20..22;

/// Realised over implied volatility of world equity.
const REALISED_TO_IMPLIED: f64 = 0.80;
/// Correlation of VIX changes with world equity.
const LEVERAGE: f64 = -0.93;
/// Annual volatility at a VIX of 15, and correlation with world equity; volatilities move with the square root of VIX.
const DIFFUSIONS: [(Factor, f64, f64); 6] = [
    (Factor::Divergence, 0.096, 0.0),
    (Factor::Technology, 0.070, 0.0),
    (Factor::Credit, 0.040, 0.0),
    (Factor::Rates, 0.050, -0.25),
    (Factor::Euro, 0.082, 0.10),
    (Factor::Sterling, 0.069, 0.0),
];
const NORMAL_VIX: f64 = 15.0;
/// Mean and deviation of a jump of world equity, and how many times as far the logarithm of VIX jumps the other way.
const JUMP: (f64, f64) = (-0.014, 0.014);
const JUMP_TO_VIX: f64 = -8.0;
/// VIX has closed between 9.14 and 82.69 since 1990.
const VIX_RANGE: (f64, f64) = (9.0, 84.0);

/// The simulated market's factors on one weekday, from 17:00 New York of the day before.
#[derive(Clone, Debug)]
pub struct FactorDay {
    pub(crate) date: Date,
    pub(crate) begins: Timestamp,
    /// One more than there are slots; the last is the first of the next day.
    pub(crate) knots: Vec<PerFactor>,
    /// A standard normal number for each thing that moves beside the factors, a step a day.
    pub(crate) steps: Vec<f64>,
}

impl FactorDay {
    pub(crate) fn end(&self) -> PerFactor {
        *self.knots.last().expect("a day has knots")
    }
}

/// Makes them, without end.
#[derive(Clone, Debug)]
pub struct FactorDays {
    scenario: Scenario,
    zone: TimeZone,
    chance: Chance,
    streams: Streams,
    beside: Vec<Stream>,
    /// The next one, when it begins, weekdays since the first day, and the levels it begins with.
    date: Date,
    begins: Timestamp,
    number: i64,
    levels: PerFactor,
}

/// Where chance comes from: one stream a factor, in the order of a column, and one for jumps.
#[derive(Clone, Copy, Debug)]
struct Streams {
    factors: [Stream; FACTORS],
    jump: Stream,
}

impl FactorDays {
    /// From the beginning of the history before a first day, with the streams of chance of what moves beside the factors.
    pub(crate) fn new(scenario: Scenario, seed: u64, first_day: Date, beside: Vec<Stream>) -> FactorDays {
        let zone = TimeZoneDatabase::bundled().get("America/New_York").expect("the bundled zones hold New York");
        let stream = |name| Stream::new("factor", name);
        let streams = Streams { factors: Factor::ALL.map(|factor| stream(factor.name())), jump: stream("jump") };
        let (date, number) = (history_begins(first_day), -(HISTORY_WEEKDAYS as i64));
        let levels = PerFactor::of([(Factor::Volatility, libm::log(scenario.weather(number).vix_target))]);
        let begins = begins(date, &zone);
        FactorDays { scenario, zone, chance: Chance::new(seed), streams, beside, date, begins, number, levels }
    }

    /// When the next day begins.
    pub(crate) fn begins(&self) -> Timestamp {
        self.begins
    }

    /// Goes on after a day that is made.
    pub(crate) fn go_on_after(&mut self, made: &FactorDay) {
        self.date = weekday_at_or_after(made.date.saturating_add(1.day()));
        self.begins = begins(self.date, &self.zone);
        self.number += 1;
        self.levels = made.end();
    }

    /// Begins with other levels.
    pub(crate) fn begin_with(&mut self, levels: PerFactor) {
        self.levels = levels;
    }

    fn walk(&self, start: PerFactor, weather: &Weather, step: u64, slots_per_hour: usize) -> Vec<PerFactor> {
        let slots = 24 * slots_per_hour;
        let mut draws = self.streams.factors.map(|stream| self.chance.at(stream, step));
        let mut jump = self.chance.at(self.streams.jump, step);
        let jump_slot = (jump.uniform() < weather.jump_probability).then(|| (jump.uniform() * slots as f64) as usize);
        let mut knots = Vec::with_capacity(slots + 1);
        let range = (libm::log(VIX_RANGE.0), libm::log(VIX_RANGE.1));
        let target = libm::log(weather.vix_target);
        let mut levels = start;
        knots.push(levels);
        for slot in 0..slots {
            let hour = slot / slots_per_hour;
            let share = f64::from(VARIANCE_PER_MILLE[hour]) / 1000.0 / slots_per_hour as f64;
            levels = step_slot(levels, (weather, target), share, draws.each_mut().map(Draws::normal));
            if jump_slot == Some(slot) {
                let size = JUMP.0 + JUMP.1 * jump.normal();
                *levels.get_mut(Factor::Market) += size;
                *levels.get_mut(Factor::Volatility) += size * JUMP_TO_VIX;
            }
            if let Some(shock) = weather.shock.filter(|_| SHOCK_HOURS.contains(&hour)) {
                let part = 1.0 / (SHOCK_HOURS.len() * slots_per_hour) as f64;
                *levels.get_mut(Factor::Market) += shock.market * part;
                *levels.get_mut(Factor::Volatility) += shock.volatility * part;
            }
            let volatility = levels.get_mut(Factor::Volatility);
            *volatility = volatility.clamp(range.0, range.1);
            knots.push(levels);
        }
        knots
    }
}

impl Iterator for FactorDays {
    type Item = FactorDay;

    fn next(&mut self) -> Option<FactorDay> {
        let weather = self.scenario.weather(self.number);
        let slots_per_hour = if self.number < 0 { SLOTS_PER_HOUR_OF_HISTORY } else { SLOTS_PER_HOUR };
        let knots = self.walk(self.levels, &weather, day_number(self.date), slots_per_hour);
        let steps = self.beside.iter().map(|stream| self.chance.at(*stream, day_number(self.date)).normal()).collect();
        let day = FactorDay { date: self.date, begins: self.begins, knots, steps };
        self.go_on_after(&day);
        Some(day)
    }
}

/// One slot holding a share of the day's variance, with the logarithm VIX is pulled to; a standard normal number per factor.
fn step_slot(from: PerFactor, (weather, target): (&Weather, f64), share: f64, normals: [f64; FACTORS]) -> PerFactor {
    let days_per_year: f64 = 252.0;
    let volatility = from.get(Factor::Volatility);
    let vix = libm::exp(volatility);
    let daily = libm::sqrt(share / days_per_year);
    let stress = libm::sqrt(vix / NORMAL_VIX);
    let market = normals[Factor::Market as usize];
    let correlated = |rho: f64, factor: Factor| rho * market + libm::sqrt(1.0 - rho * rho) * normals[factor as usize];

    let mut levels = from;
    let market_deviation = REALISED_TO_IMPLIED * vix / 100.0 * daily;
    *levels.get_mut(Factor::Market) += market_deviation * market - 0.5 * market_deviation * market_deviation;
    for (factor, annual, correlation) in DIFFUSIONS {
        *levels.get_mut(factor) += annual * stress * daily * correlated(correlation, factor);
    }
    for (factor, drift) in weather.drifts {
        *levels.get_mut(factor) += drift * share;
    }
    *levels.get_mut(Factor::Volatility) += weather.vix_pull * share * (target - volatility)
        + weather.vix_noise * libm::sqrt(share) * correlated(LEVERAGE, Factor::Volatility);
    levels
}

/// First day of the history before a first day.
pub(crate) fn history_begins(first_day: Date) -> Date {
    let weeks = (HISTORY_WEEKDAYS / 5) as i64;
    weekday_at_or_after(first_day).saturating_sub(weeks.weeks())
}

/// When a weekday begins.
pub(crate) fn begins(date: Date, zone: &TimeZone) -> Timestamp {
    let evening = date.saturating_sub(1.day()).to_datetime(Time::constant(17, 0, 0, 0));
    zone.to_timestamp(evening).expect("New York's evenings exist once")
}

/// A number for each calendar day that never changes.
pub(crate) fn day_number(date: Date) -> u64 {
    const EPOCH: Date = Date::constant(1970, 1, 1);
    u64::try_from(date.duration_since(EPOCH).as_secs() / SECONDS_PER_DAY).expect("calendars begin after 1970")
}

pub(crate) fn weekday_at_or_after(date: Date) -> Date {
    match date.weekday() {
        Weekday::Saturday => date.saturating_add(2.days()),
        Weekday::Sunday => date.saturating_add(1.day()),
        _ => date,
    }
}
