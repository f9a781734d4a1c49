//! The factor model, minute by minute.
//!
//! In: scenario, seed, first day. Out: factor levels at any instant since the history began. Invariant: the levels of
//! an instant depend on scenario, seed and first day alone; each day is built once, from the end of the day before.
//!
//! VIX is the state: it follows a mean-reverting walk in logarithms, correlated with equity (the leverage effect), and
//! sets how far every other factor moves (stochastic volatility, as in Heston 1993 with jumps in both as in Bates 1996).

use crate::levels::{FACTORS, Factor, PerFactor};
use crate::random::{Chance, Draws, Stream};
use crate::scenario::{Scenario, Weather};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::VecDeque;
use std::ops::Range;

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

/// One weekday, from 17:00 New York of the day before.
#[derive(Clone, Debug)]
struct FactorDay {
    date: Date,
    begins: Timestamp,
    /// One more than there are slots; the last is the first of the next day.
    knots: Vec<PerFactor>,
}

impl FactorDay {
    /// Seconds into the day, at most its length: over a weekend the levels rest.
    fn seconds(&self, at: Timestamp) -> f64 {
        at.duration_since(self.begins).as_secs_f64().clamp(0.0, SECONDS_PER_DAY as f64)
    }

    fn levels(&self, at: Timestamp) -> PerFactor {
        let slots = self.knots.len() - 1;
        let position = self.seconds(at) * slots as f64 / SECONDS_PER_DAY as f64;
        let slot = (position as usize).min(slots - 1);
        self.knots[slot].between(&self.knots[slot + 1], position - slot as f64)
    }
}

/// The part of a weekday at whose instants levels change direction.
#[derive(Clone, Debug)]
pub(crate) struct Stretch<'a> {
    pub(crate) date: Date,
    day: &'a FactorDay,
    /// Seconds between its knots, and which of them.
    slot: i64,
    slots: Range<i64>,
}

impl Stretch<'_> {
    /// Instants, levels, and the share of the day that has passed.
    pub(crate) fn knots(&self) -> impl Iterator<Item = (Timestamp, PerFactor, f64)> + '_ {
        self.slots.clone().map(|n| {
            let seconds = n * self.slot;
            let at = self.day.begins + SignedDuration::from_secs(seconds);
            (at, self.day.knots[n as usize], seconds as f64 / SECONDS_PER_DAY as f64)
        })
    }
}

/// The factors from the beginning of history to the last day built.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    scenario: Scenario,
    first_day: Date,
    zone: TimeZone,
    chance: Chance,
    streams: Streams,
    days: VecDeque<FactorDay>,
    /// Weekdays since the first day, of the day built next, and when it begins.
    next_day: i64,
    next_begins: Timestamp,
}

/// Where chance comes from: one stream a factor, in the order of a column, and one for jumps.
#[derive(Clone, Copy, Debug)]
struct Streams {
    factors: [Stream; FACTORS],
    jump: Stream,
}

impl Factors {
    /// History up to and including the first day.
    pub(crate) fn new(scenario: Scenario, seed: u64, first_day: Date) -> Factors {
        let zone = TimeZoneDatabase::bundled().get("America/New_York").expect("the bundled zones hold New York");
        let stream = |name| Stream::new("factor", name);
        let streams = Streams { factors: Factor::ALL.map(|factor| stream(factor.name())), jump: stream("jump") };
        let next_day = -(HISTORY_WEEKDAYS as i64);
        let days = VecDeque::with_capacity(HISTORY_WEEKDAYS + 2);
        let (chance, next_begins) = (Chance::new(seed), Timestamp::MIN);
        let mut factors = Factors { scenario, first_day, zone, chance, streams, days, next_day, next_begins };
        while factors.next_day < 0 {
            factors.build_day();
        }
        factors.rebase();
        factors.build_day();
        factors
    }

    /// First day of the history before a first day.
    pub(crate) fn history_begins(first_day: Date) -> Date {
        let weeks = (HISTORY_WEEKDAYS / 5) as i64;
        weekday_at_or_after(first_day).saturating_sub(weeks.weeks())
    }

    /// When the first day begins.
    pub(crate) fn origin(&self) -> Timestamp {
        self.begins(weekday_at_or_after(self.first_day))
    }

    /// Builds every day that has begun by an instant; true when there was one.
    pub(crate) fn extend_to(&mut self, at: Timestamp) -> bool {
        let built = self.next_day;
        while self.next_begins <= at {
            self.build_day();
        }
        self.next_day > built
    }

    /// Forgets days that ended long before an instant, so that years cost no more memory than days.
    pub(crate) fn forget_before(&mut self, at: Timestamp) {
        let kept_from = at - SignedDuration::from_hours(7 * 24);
        while self.days.len() > 1 && self.days[0].begins < kept_from {
            self.days.pop_front();
        }
    }

    /// Whether an instant lies within the days kept.
    pub(crate) fn remember(&self, at: Timestamp) -> bool {
        self.days.front().is_some_and(|day| day.begins <= at)
    }

    /// Levels at an instant that lies within the days built and kept.
    pub(crate) fn levels(&self, at: Timestamp) -> PerFactor {
        self.day_of(at).levels(at)
    }

    /// The parts of weekdays inside a span.
    pub(crate) fn within(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Stretch<'_>> {
        let begun = self.days.partition_point(|day| day.begins <= from).saturating_sub(1);
        self.days.range(begun..).take_while(move |day| day.begins < to).map(move |day| {
            let slot = SECONDS_PER_DAY / (day.knots.len() - 1) as i64;
            let first = day.seconds(from) as i64 / slot + 1;
            let last = day.seconds(to) as i64 / slot;
            Stretch { date: day.date, day, slot, slots: first..last + 1 }
        })
    }

    /// The weekday an instant belongs to, and the share of it that has passed.
    pub(crate) fn day_and_share(&self, at: Timestamp) -> (Date, f64) {
        let day = self.day_of(at);
        (day.date, day.seconds(at) / SECONDS_PER_DAY as f64)
    }

    /// The last weekday built.
    pub(crate) fn last_date(&self) -> Date {
        self.days.back().expect("history was built").date
    }

    fn day_of(&self, at: Timestamp) -> &FactorDay {
        let begun = self.days.partition_point(|day| day.begins <= at);
        &self.days[begun.saturating_sub(1)]
    }

    fn next_date(&self) -> Date {
        match self.days.back() {
            Some(day) => weekday_at_or_after(day.date.saturating_add(1.day())),
            None => Factors::history_begins(self.first_day),
        }
    }

    fn begins(&self, date: Date) -> Timestamp {
        let evening = date.saturating_sub(1.day()).to_datetime(Time::constant(17, 0, 0, 0));
        self.zone.to_timestamp(evening).expect("New York's evenings exist once")
    }

    fn build_day(&mut self) {
        let date = self.next_date();
        let begins = self.begins(date);
        let weather = self.scenario.weather(self.next_day);
        let slots_per_hour = if self.next_day < 0 { SLOTS_PER_HOUR_OF_HISTORY } else { SLOTS_PER_HOUR };
        let start = self.days.back().map_or_else(
            || PerFactor::of([(Factor::Volatility, libm::log(weather.vix_target))]),
            |day| *day.knots.last().expect("a day has knots"),
        );
        let knots = self.walk(start, &weather, day_number(date), slots_per_hour);
        self.days.push_back(FactorDay { date, begins, knots });
        self.next_day += 1;
        self.next_begins = self.begins(self.next_date());
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

    /// Makes the first day begin at zero, so that start prices are what the instruments' table says.
    fn rebase(&mut self) {
        let origin = *self.days.back().and_then(|day| day.knots.last()).expect("history was built");
        for knot in self.days.iter_mut().flat_map(|day| &mut day.knots) {
            for factor in Factor::ALL.into_iter().filter(|&factor| factor != Factor::Volatility) {
                *knot.get_mut(factor) -= origin.get(factor);
            }
        }
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

/// A number for each calendar day that never changes.
pub(crate) fn day_number(date: Date) -> u64 {
    const EPOCH: Date = Date::constant(1970, 1, 1);
    u64::try_from(date.duration_since(EPOCH).as_secs() / SECONDS_PER_DAY).expect("calendars begin after 1970")
}

fn weekday_at_or_after(date: Date) -> Date {
    match date.weekday() {
        Weekday::Saturday => date.saturating_add(2.days()),
        Weekday::Sunday => date.saturating_add(1.day()),
        _ => date,
    }
}
