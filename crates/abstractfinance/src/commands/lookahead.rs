//! `backtest --check-lookahead`: does any plan know more than its morning did?
//!
//! In: a history and a configuration. Out: which plans changed when only their future was changed, for the strategy as it
//! is and with ten leaks planted. Invariant: a plan is compared with itself in a world that was the same until then.

use super::show;
use crate::cli::{BacktestArgs, Global};
use crate::day::{Run, run_day};
use crate::failure::Failure;
use crate::world::Ground;
use ::backtest::lookahead::{History, Leak, Leaky, other_future, other_statements, unpublished};
use ::backtest::{ResearchJournal, SimWorld};
use console::DayReport;
use domain::{ContractId, PerContract, Universe};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use market::fundamentals::{Fundamentals, Statement};
use serde::Serialize;
use sim::{Fills, Prices, SimConfig, Simulation};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Trade dates the planted leaks are looked for on.
const PLANTED_DATES: usize = 30;
/// Futures that are changed in a run.
const CUTS: usize = 3;

/// What became of one search.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    /// The first plan that knew its future.
    flagged: Option<Date>,
    /// What of it was another.
    changed: Option<String>,
    /// Why nothing of the changed futures could come in, so that there was nothing to find.
    not_probed: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Report {
    dates: usize,
    cuts: Vec<Date>,
    plans_compared: usize,
    clean: Row,
    planted: Vec<Row>,
}

/// A world's past and future.
struct World {
    history: History,
    /// The first date whose future is another; `None` for the world as it was.
    changed_from: Option<Date>,
}

pub async fn check(global: &Global, args: &BacktestArgs, ground: &Ground, dates: &[Date]) -> Result<(), Failure> {
    let config = ground.simulation(&args.span.market)?;
    let history = written_down(&config, *dates.last().expect("dates"))?;
    let search = Search { ground, config, history };
    let cuts = search.cuts(dates);
    let (clean, plans_compared) = search.run(None, dates, &cuts).await?;
    let dates = &dates[..dates.len().min(PLANTED_DATES)];
    let near = search.cuts(dates);
    let mut planted = Vec::new();
    for leak in Leak::ALL {
        planted.push(search.run(Some(leak), dates, &near).await?.0);
    }
    let report = Report { dates: dates.len(), cuts, plans_compared, clean, planted };
    show(if global.json {
        format!("{}\n", serde_json::to_string(&report).expect("plain data"))
    } else {
        page(&report)
    })?;
    let missed = report.planted.iter().find(|row| row.flagged.is_none() && row.not_probed.is_none());
    let found = report.planted.iter().any(|row| row.flagged.is_some());
    match (&report.clean.flagged, missed) {
        (Some(date), _) => Err(Failure::Halted(format!("the plan of {date} knew its future; believe no result of it"))),
        (None, Some(row)) => Err(Failure::Halted(format!(
            "the planted leak `{}` was not found: this check proves nothing here",
            row.what
        ))),
        (None, None) if !found => Err(Failure::Halted(
            "no planted leak had a way in, so this check proves nothing here; choose a longer period".to_owned(),
        )),
        (None, None) => Ok(()),
    }
}

fn page(report: &Report) -> String {
    let told = |row: &Row| match (&row.flagged, &row.changed, row.not_probed) {
        (Some(date), Some(changed), _) => format!("flagged at the plan of {date}: {changed}"),
        (_, _, Some(why)) => format!("not probed: {why}"),
        _ => "nothing".to_owned(),
    };
    let cuts: Vec<String> = report.cuts.iter().map(Date::to_string).collect();
    let mut page = format!(
        "{} plans compared with themselves in worlds that are others from {} on.\n\n  {:<38}{}\n",
        report.plans_compared,
        cuts.join(", "),
        "the strategy as it is",
        told(&report.clean)
    );
    for row in &report.planted {
        page += &format!("  {:<38}{}\n", row.what, told(row));
    }
    let not_probed = report.planted.iter().filter(|row| row.not_probed.is_some()).count();
    if not_probed > 0 {
        page += &format!(
            "\n{not_probed} of {} leaks had no way in here and were not probed; other dates may have one.\n",
            report.planted.len()
        );
    }
    page
}

/// The bars of a market up to a date, by the contracts its broker lists.
fn written_down(config: &SimConfig, last: Date) -> Result<History, Failure> {
    if let Prices::Replay { series } = &config.prices {
        return Ok(series.clone());
    }
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let mut simulation = Simulation::filling(config.clone(), Fills::Whole).map_err(|error| usage(&error))?;
    let end = last.saturating_add(jiff::Span::new().days(3));
    simulation.advance_to(TimeZone::UTC.to_timestamp(end.into()).map_err(|error| usage(&error))?);
    let bars = config.universe.contracts().map(|contract| simulation.bars(contract, Date::MAX, usize::MAX));
    Ok(PerContract::from_vec(bars.collect()))
}

/// A plan with everything it hands to the next day, and what a reader sees of its date.
struct Plan {
    report: DayReport,
    body: String,
}

struct Search<'a> {
    ground: &'a Ground,
    config: SimConfig,
    history: History,
}

impl Search<'_> {
    /// The last date, one in the middle, and the first after a holiday of some venues only, whose blank could be filled.
    fn cuts(&self, dates: &[Date]) -> Vec<Date> {
        let mut prints: BTreeMap<Date, usize> = BTreeMap::new();
        for bar in self.history.iter().flat_map(|(_, bars)| bars) {
            *prints.entry(bar.date).or_default() += 1;
        }
        let most = prints.values().max().copied().unwrap_or(0);
        let after_blank = dates
            .iter()
            .skip(1)
            .find(|date| prints.range(..**date).next_back().is_some_and(|(_, count)| count * 10 < most * 9));
        let mut cuts: Vec<Date> =
            [dates.get(dates.len() / 2), after_blank, dates.last()].into_iter().flatten().copied().collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.truncate(CUTS);
        cuts
    }

    /// The first session of a contract that has not begun when the plan of a date is made.
    fn hidden_from(&self, contract: ContractId, date: Date) -> Date {
        let schedule = &self.ground.loaded.settings.schedule;
        let decided = schedule.zone().to_timestamp(date.to_datetime(schedule.run_at));
        let calendar = self.ground.calendars.get(self.config.universe.instrument_of(contract).venue);
        let session = calendar.ok().and_then(|calendar| calendar.session(date).ok().flatten());
        let begun = session.zip(decided.ok()).is_some_and(|(session, decided)| session.open <= decided);
        if begun { date.tomorrow().unwrap_or(Date::MAX) } else { date }
    }

    /// The first plan that is another when its future is, over all cuts.
    async fn run(&self, leak: Option<Leak>, dates: &[Date], cuts: &[Date]) -> Result<(Row, usize), Failure> {
        let world = World { history: self.history.clone(), changed_from: None };
        let (truth, given) = self.plans(world, leak, dates).await?;
        let what = leak.map_or("the strategy as it is", Leak::name).to_owned();
        let mut compared = 0;
        let mut came_in = false;
        for &cut in cuts {
            let upto = &dates[..dates.partition_point(|date| *date <= cut)];
            let history =
                other_future(&self.history, &self.config.universe, |contract| self.hidden_from(contract, cut));
            let (other, given_there) = self.plans(World { history, changed_from: Some(cut) }, leak, upto).await?;
            compared += other.len();
            came_in |= given.iter().zip(&given_there).any(|(one, other)| one != other)
                || (leak == Some(Leak::RestatedFundamentals) && self.statements_come_in(cut)?);
            if let Some((one, other)) = truth.iter().zip(&other).find(|(one, other)| one.body != other.body) {
                let flagged = Some(one.report.date.parse().expect("reports are dated"));
                let changed = Some(difference(&one.report, &other.report));
                return Ok((Row { what, flagged, changed, not_probed: None }, compared));
            }
        }
        let not_probed = leak.filter(|_| !came_in).map(Leak::without);
        Ok((Row { what, flagged: None, changed: None, not_probed }, compared))
    }

    /// Whether statements that a date changes would be seen up to it, were they known by the year they are about.
    fn statements_come_in(&self, cut: Date) -> Result<bool, Failure> {
        let seen = |table: &Fundamentals| -> Vec<Statement> {
            unpublished(table).rows().iter().filter(|row| row.published <= cut).cloned().collect()
        };
        let tables = self.ground.run(0, String::new(), None)?.screens.fundamentals;
        Ok(tables.values().any(|table| seen(table) != seen(&other_statements(table, cut))))
    }

    /// The plan of every date, and what a leak gave for them.
    async fn plans(&self, world: World, leak: Option<Leak>, dates: &[Date]) -> Result<(Vec<Plan>, Vec<u64>), Failure> {
        let prices = Prices::Replay { series: world.history.clone() };
        let config = SimConfig { prices, ..self.config.clone() };
        let simulation =
            Simulation::filling(config, Fills::Whole).map_err(|error| Failure::Usage(error.to_string()))?;
        let market: SimWorld = self.ground.market(simulation);
        let mut run = Run { is_research: true, ..self.ground.run(0, String::new(), None)? };
        for table in run.screens.fundamentals.values_mut() {
            *table = world.changed_from.map_or_else(|| table.clone(), |cut| other_statements(table, cut));
            if leak == Some(Leak::RestatedFundamentals) {
                *table = unpublished(table);
            }
        }
        let ours = &self.ground.universe;
        let known = |name: &str| self.config.universe.find_contract(name).map(|id| world.history[id].clone());
        let history = ours.contracts().map(|id| known(&ours.contract(id).name).unwrap_or_default()).collect();
        let universe: Rc<Universe> = Rc::new((**ours).clone());
        let world = self.ground.research(&market, ResearchJournal::keeping_plans());
        let broker = Leaky::new(market.broker(), leak, universe, Rc::new(PerContract::from_vec(history)));
        let crate::day::World { journal, statements, clock, .. } = world;
        let mut world = crate::day::World { broker, journal, statements, rates: None, clock, closed: None };
        let mut reports = Vec::with_capacity(dates.len());
        for &date in dates {
            reports.push(run_day(date, &mut run, &mut world).await?);
        }
        let (given, bodies) = (world.broker.given().to_vec(), world.journal.into_plans());
        Ok((reports.into_iter().zip(bodies).map(|(report, body)| Plan { report, body }).collect(), given))
    }
}

/// The first thing a reader would see of two different plans.
fn difference(one: &DayReport, other: &DayReport) -> String {
    if one.vix != other.vix {
        return "the VIX it saw".into();
    }
    let mut targets = one.targets.iter().zip(&other.targets);
    if let Some((target, _)) = targets.find(|(one, other)| one != other) {
        return format!("what it wanted of {}", target.instrument);
    }
    if one.targets.len() != other.targets.len() {
        return "what it wanted to hold".into();
    }
    if one.hedges != other.hedges {
        return "its currency hedge".into();
    }
    if (one.vol, one.scale) != (other.vol, other.scale) {
        return "its volatility and scale".into();
    }
    if one.nav_at_plan != other.nav_at_plan {
        "the NAV it started from".into()
    } else {
        "what it remembers for the next day".into()
    }
}
