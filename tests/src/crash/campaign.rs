//! Every point, in every world, for some seeds.
//!
//! In: the program and how long to go on. Out: a report: what was reached, what was survived, what was not. Invariant: a
//! campaign that killed nobody, or reached too little, has not passed.

use super::episode::{Downtime, Episode, Kill};
use super::worlds::{World, worlds};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Deaths on one date.
const KILLS_A_DAY: usize = 3;

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
        let killed = self.deaths.values().filter(|deaths| **deaths > 0).count();
        writeln!(
            f,
            "{} episodes, {} engines killed at {killed} of {} points, {} days finished by a successor, {} violations",
            self.episodes,
            self.kills(),
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
#[derive(Debug)]
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
    /// A planted bug that is awake; the first violation then ends the campaign.
    bug: Option<String>,
    report: Mutex<Report>,
}

impl Campaign {
    /// A campaign against a build of the program.
    pub fn new(program: &Path, workers: usize) -> Campaign {
        Campaign { program: program.to_owned(), workers, bug: None, report: Mutex::default() }
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
        let jobs: Vec<World> = seeds.flat_map(worlds).collect();
        let queue = Mutex::new(jobs.into_iter().collect::<VecDeque<_>>());
        let failures = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    while let Some(world) = next(&queue).filter(|_| !self.is_over()) {
                        if let Err(error) = self.world(&world, told) {
                            failures.lock().expect("no worker panics").push(error.context(format!("{world:?}")));
                        }
                    }
                });
            }
        });
        failures.into_inner().expect("no worker panics").pop().map_or(Ok(()), Err)
    }

    /// One world: a census, then episodes until every point it reached has killed an engine.
    fn world(&self, world: &World, told: &(dyn Fn(&Report) + Sync)) -> Result<()> {
        let reached = self.census(world)?;
        let mut choice = Choice(world.seed ^ reached.len() as u64);
        let downtimes = [Downtime::None, Downtime::Seconds30, Downtime::None, Downtime::Overnight];
        let mut kills: VecDeque<Kill> = VecDeque::new();
        for (point, times) in reached {
            let visit = 1 + choice.below(times.div_ceil(world.dates.len() as u32).min(6));
            let downtime = downtimes[choice.below(4) as usize];
            kills.push_back(Kill { point, visit, downtime });
        }
        while !kills.is_empty() && !self.is_over() {
            let before = kills.len();
            self.episode(world, &mut kills, told)?;
            if kills.len() == before {
                // What was reached once in an undisturbed world need not come again after a death.
                kills.iter_mut().for_each(|kill| kill.visit = 1);
                let last = kills.len();
                self.episode(world, &mut kills, told)?;
                if kills.len() == last {
                    break;
                }
            }
        }
        Ok(())
    }

    fn census(&self, world: &World) -> Result<BTreeMap<String, u32>> {
        let mut reached = BTreeMap::new();
        let mut episode = Episode::begin(&self.program, world)?.with_bug(self.bug.as_deref());
        for (index, date) in world.dates.iter().enumerate() {
            say(&mut episode, world, index)?;
            let listed = episode.census(date, &mut reached)?;
            self.report.lock().expect("no worker panics").listed.extend(listed);
        }
        Ok(reached)
    }

    /// An episode that takes kills from the queue; a failure is a violation like any other.
    fn episode(&self, world: &World, kills: &mut VecDeque<Kill>, told: &(dyn Fn(&Report) + Sync)) -> Result<()> {
        let mut episode = Episode::begin(&self.program, world)?.with_bug(self.bug.as_deref());
        let played = play(&mut episode, world, kills);
        let mut violations = match played {
            Ok(()) => episode.verdict()?,
            Err(error) => vec![format!("{error:#}")],
        };
        let mut report = self.report.lock().expect("no worker panics");
        report.episodes += 1;
        report.resumed += episode.resumed;
        for point in &episode.died_at {
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

fn next(queue: &Mutex<VecDeque<World>>) -> Option<World> {
    queue.lock().expect("no worker panics").pop_front()
}

/// What a person says before the second date and the third.
fn say(episode: &mut Episode, world: &World, index: usize) -> Result<()> {
    let words = index.checked_sub(1).and_then(|index| world.says.get(index));
    words.map_or(Ok(()), |words| episode.tell(words).map(drop).context("what a person says"))
}

fn play(episode: &mut Episode, world: &World, kills: &mut VecDeque<Kill>) -> Result<()> {
    for (index, date) in world.dates.iter().enumerate() {
        say(episode, world, index)?;
        episode.day(date, kills, KILLS_A_DAY)?;
    }
    Ok(())
}
