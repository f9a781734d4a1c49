//! Every point, in every world, for some seeds.
//!
//! In: the program and how long to go on. Out: a report: what was reached, what was survived, what was not. Invariant: a
//! campaign that killed nobody, or reached too little, has not passed.

use super::episode::{Deaths, Downtime, Episode, Kill};
use super::worlds::{World, worlds};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Deaths on one date; and where each point is due once, and a date more costs more than a death more.
const KILLS_A_DAY: usize = 4;
const KILLS_A_DAY_ONCE: usize = 8;

/// Series of episodes a world is played in when each point is due once, so that no worker waits for another for long.
const HANDS: usize = 2;

/// How often a point may fail to come before it is given up in a world.
const MISSES_MAX: u32 = 2;

/// What a campaign found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every point of the program's table.
    pub listed: BTreeSet<String>,
    /// Points that were reached by some engine, with how often one died there.
    pub deaths: BTreeMap<String, u32>,
    /// Episodes that were played.
    pub episodes: u32,
    /// Dates that were finished by another engine than the one that began them.
    pub resumed: u32,
    /// Violations, each with its story.
    pub violations: Vec<String>,
}

impl Report {
    /// How many engines were killed.
    pub fn kills(&self) -> u32 {
        self.deaths.values().sum()
    }

    /// Points that no engine of these worlds came to.
    pub fn unreached(&self) -> Vec<&str> {
        self.listed.iter().filter(|point| !self.deaths.contains_key(*point)).map(String::as_str).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} episodes, {} engines killed at {} of {} points, {} days finished by a successor, {} violations",
            self.episodes,
            self.kills(),
            self.deaths.len(),
            self.listed.len(),
            self.resumed,
            self.violations.len()
        )?;
        let quiet = self.unreached();
        if !quiet.is_empty() {
            writeln!(f, "not reached in these worlds: {}", quiet.join(", "))?;
        }
        self.violations.iter().try_for_each(|violation| writeln!(f, "\n{violation}"))
    }
}

/// A small generator for choosing; the same numbers give the same campaign.
#[derive(Clone, Debug)]
struct Choice(u64);

impl Choice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % u64::from(end.max(1))) as u32
    }
}

/// A campaign over worlds.
#[derive(Debug)]
pub struct Campaign {
    program: PathBuf,
    /// Engines that run at the same time.
    workers: usize,
    /// A point that has to kill an engine in one world need not in another.
    each_once: bool,
    /// A planted bug that is awake; the first violation then ends the campaign.
    bug: Option<String>,
    report: Mutex<Report>,
}

impl Campaign {
    /// A campaign against a build of the program.
    pub fn new(program: &Path, workers: usize) -> Campaign {
        Campaign { program: program.to_owned(), workers, each_once: false, bug: None, report: Mutex::default() }
    }

    /// The short form: every point that some world reaches kills an engine in one of them, dealt out before anything dies.
    #[must_use]
    pub fn each_point_once(self) -> Campaign {
        Campaign { each_once: true, ..self }
    }

    /// The same with a planted bug awake, until something is found; a census that cannot be taken is a finding too.
    pub fn until_caught(mut self, bug: &str, seed: u64) -> Report {
        self.bug = Some(bug.to_owned());
        let played = self.play(seed..seed + 1, &|_| {});
        let mut report = self.report.into_inner().expect("no worker panics");
        report.violations.extend(played.err().map(|error| format!("! {error:#}")));
        report
    }

    fn is_over(&self) -> bool {
        self.bug.is_some() && !self.report.lock().expect("no worker panics").violations.is_empty()
    }

    /// Kills at every point that a world of these seeds reaches, `told` of each finished episode.
    ///
    /// # Errors
    /// When a census fails: without one there is nothing to kill at.
    pub fn run(self, seeds: std::ops::Range<u64>, told: &(dyn Fn(&Report) + Sync)) -> Result<Report> {
        self.play(seeds, told)?;
        Ok(self.report.into_inner().expect("no worker panics"))
    }

    fn play(&self, seeds: std::ops::Range<u64>, told: &(dyn Fn(&Report) + Sync)) -> Result<()> {
        let worlds: Vec<World> = seeds.flat_map(worlds).collect();
        let traces = self.side_by_side(&worlds, |world| self.census(world).with_context(|| format!("{world:?}")))?;
        let mut plans: Vec<(&World, Plan)> = Vec::new();
        for (world, (traces, dealt)) in worlds.iter().zip(traces.iter().zip(dealt(&traces, self.each_once))) {
            let hands = if self.each_once { HANDS } else { 1 };
            let hand = |hand: usize| dealt.iter().skip(hand).step_by(hands).cloned().collect();
            let kills = if self.each_once { KILLS_A_DAY_ONCE } else { KILLS_A_DAY };
            let plan = |at: usize| Plan::new(world.seed + at as u64, traces.clone(), hand(at), kills);
            plans.extend((0..hands).map(|at| (world, plan(at))));
        }
        self.side_by_side(&plans, |(world, plan)| self.world(world, plan.clone(), told)).map(drop)
    }

    /// Does something with every job, some at a time; results in the order of the jobs.
    fn side_by_side<J: Sync, T: Send>(&self, jobs: &[J], work: impl Fn(&J) -> Result<T> + Sync) -> Result<Vec<T>> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(at) else { return };
                        let result = work(job);
                        done.lock().expect("no worker panics").insert(at, result);
                    }
                });
            }
        });
        done.into_inner().expect("no worker panics").into_values().collect()
    }

    /// Episodes of a world until every point of the plan has killed an engine.
    fn world(&self, world: &World, mut plan: Plan, told: &(dyn Fn(&Report) + Sync)) -> Result<()> {
        while !plan.todo.is_empty() && !self.is_over() {
            self.episode(world, &mut plan, told)?;
        }
        Ok(())
    }

    /// What every date comes to when nothing kills the engine.
    fn census(&self, world: &World) -> Result<Vec<Vec<String>>> {
        let mut traces = Vec::new();
        let mut episode = Episode::begin(&self.program, world)?.with_bug(self.bug.as_deref());
        for (index, date) in world.disturbed().iter().enumerate() {
            say(&mut episode, world, index)?;
            let (listed, reached) = episode.census(date)?;
            self.report.lock().expect("no worker panics").listed.extend(listed);
            traces.push(reached);
        }
        Ok(traces)
    }

    /// An episode of the plan; a failure is a violation like any other.
    fn episode(&self, world: &World, plan: &mut Plan, told: &(dyn Fn(&Report) + Sync)) -> Result<()> {
        let mut episode = Episode::begin(&self.program, world)?.with_bug(self.bug.as_deref());
        let mut died = Vec::new();
        let played = play(&mut episode, world, plan, &mut died);
        let mut violations = match played {
            Ok(()) => episode.verdict()?,
            Err(error) => vec![format!("{error:#}")],
        };
        if violations.is_empty() && died.iter().all(|deaths| deaths.at.is_empty() && deaths.missed.is_empty()) {
            plan.todo.clear();
        }
        let mut report = self.report.lock().expect("no worker panics");
        report.episodes += 1;
        report.resumed += died.iter().filter(|deaths| deaths.resumed).count() as u32;
        for point in died.iter().flat_map(|deaths| &deaths.at) {
            *report.deaths.entry(point.clone()).or_default() += 1;
        }
        if !violations.is_empty() {
            let story = episode.story.join("\n  ");
            violations.insert(0, format!("world {} of seed {}:\n  {story}", world.name, world.seed));
            report.violations.push(violations.join("\n  ! "));
        }
        told(&report);
        Ok(())
    }
}

/// The points of each world: all that it reaches, or, where one world is enough, a share.
fn dealt(traces: &[Vec<Vec<String>>], each_once: bool) -> Vec<Vec<String>> {
    let reached: Vec<BTreeSet<&String>> = traces.iter().map(|dates| dates.iter().flatten().collect()).collect();
    if !each_once {
        return reached.into_iter().map(|points| points.into_iter().cloned().collect()).collect();
    }
    let mut dealt = vec![Vec::new(); traces.len()];
    // What few worlds reach is dealt first, so that the shares come out alike.
    let mut points: Vec<&String> = reached.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let worlds = |point: &String| (0..reached.len()).filter(|&at| reached[at].contains(point)).collect::<Vec<_>>();
    points.sort_by_key(|point| worlds(point).len());
    for point in points {
        let least = worlds(point).into_iter().min_by_key(|&at| dealt[at].len());
        dealt[least.expect("some world reaches it")].push(point.clone());
    }
    dealt
}

/// Which points still have to kill an engine in a world, and when they come.
#[derive(Clone, Debug)]
struct Plan {
    choice: Choice,
    /// By date, the points in the order in which an undisturbed engine comes to them.
    traces: Vec<Vec<String>>,
    /// With how often each did not come.
    todo: BTreeMap<String, u32>,
    kills_a_day: usize,
}

impl Plan {
    fn new(seed: u64, traces: Vec<Vec<String>>, points: Vec<String>, kills_a_day: usize) -> Plan {
        let todo = points.into_iter().map(|point| (point, 0)).collect();
        Plan { choice: Choice(seed), traces, todo, kills_a_day }
    }

    /// Some deaths of a date, in the order in which they are due. What a restart passes again counts from there.
    fn kills(&mut self, date: usize) -> Vec<Kill> {
        let trace = &self.traces[date];
        let mut here: Vec<&String> = self.todo.keys().filter(|point| trace.contains(point)).collect();
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < self.kills_a_day && !here.is_empty() {
            let point = here.swap_remove(self.choice.below(here.len() as u32) as usize);
            let missed = self.todo[point] > 0;
            let comes: Vec<usize> = (0..trace.len()).filter(|&at| trace[at] == *point).collect();
            let which = if missed { 0 } else { self.choice.below(comes.len() as u32) as usize };
            chosen.push(comes[which]);
        }
        chosen.sort_unstable();
        let mut kills: Vec<Kill> = Vec::new();
        let mut from = 0;
        for &at in &chosen {
            let visit = trace[from..=at].iter().filter(|point| **point == trace[at]).count().min(4) as u32;
            let downtime = if self.choice.below(2) == 0 { Downtime::None } else { Downtime::Seconds30 };
            kills.push(Kill { point: trace[at].clone(), visit, downtime });
            from = at + 1;
        }
        // A night after a day that was closed is a night the books of that evening know nothing of.
        let open = |kill: &&mut Kill| {
            !["append day_closed after", "lease release"].iter().any(|end| kill.point.starts_with(end))
        };
        if let Some(last) = kills.last_mut().filter(open).filter(|_| self.choice.below(4) == 0) {
            last.downtime = Downtime::Overnight;
        }
        kills
    }

    fn note(&mut self, deaths: &Deaths) {
        self.todo.retain(|point, _| !deaths.at.contains(point));
        for point in &deaths.missed {
            if let Some(misses) = self.todo.get_mut(point) {
                *misses += 1;
            }
        }
        self.todo.retain(|_, misses| *misses < MISSES_MAX);
    }
}

/// What a person says before the second date and the third.
fn say(episode: &mut Episode, world: &World, index: usize) -> Result<()> {
    let words = index.checked_sub(1).and_then(|index| world.says.get(index));
    words.map_or(Ok(()), |words| episode.tell(words).map(drop).context("what a person says"))
}

fn play(episode: &mut Episode, world: &World, plan: &mut Plan, died: &mut Vec<Deaths>) -> Result<()> {
    let mut last = world.last();
    for (index, date) in world.disturbed().iter().enumerate() {
        say(episode, world, index)?;
        let deaths = episode.day(date, &plan.kills(index))?;
        plan.note(&deaths);
        died.push(deaths);
        if plan.todo.is_empty() {
            last = world.dates[index + 1];
            break;
        }
    }
    // A last date that nobody disturbs: whatever happened before, both sides agree to the cent.
    episode.finish(last)
}
