//! A season of one account at a broker whose faults come by number.
//!
//! In: the program, a season. Out: what the judge found in the gateway's record, morning by morning. Invariant: gateway and
//! engine are processes of their own; the gateway writes the account down every morning, when all is healed and nothing is
//! left to be told, and the books of that day's plan have to say the same.

use crate::crash::episode::Episode;
use crate::crash::oracle::{Evidence, Mornings, judge, mornings};
use crate::{repository, text};
use anyhow::{Context, Result, ensure};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use tempfile::TempDir;

/// The first trade date.
const FIRST: Date = date(2026, 3, 2);
/// When the account is noted: the books of the date before are closed, and faults begin half an hour later.
const NOTED: &str = "05:00:00Z";
/// When the faults of a date are over.
const HEALED: &str = "21:40:00Z";
/// What a gateway that is frozen costs, on the wall.
const HEARTBEAT: (&str, &str) = ("heartbeat: 15s", "heartbeat: 2s");

/// What makes a season.
#[derive(Clone, Copy, Debug)]
pub struct Season {
    /// Folder with the settings, in the repository.
    pub config: &'static str,
    /// Seed of market and faults.
    pub seed: u64,
    /// Trade dates.
    pub days: usize,
    /// Dividends, interest, fees and splits come by themselves, and faults reach into the account.
    pub account: bool,
}

/// What became of it.
#[derive(Debug)]
pub struct Played {
    /// Trade dates that were run.
    pub days: usize,
    /// Orders the broker was given, and executions it made.
    pub orders: usize,
    /// Executions.
    pub executions: usize,
    /// How often each kind of fault was injected.
    pub faults: BTreeMap<String, usize>,
    /// Runs that ended because the broker could not be used, and days that a person had to look at.
    pub stops: usize,
    /// How often a person let the engine trade again.
    pub resumes: usize,
    /// Dates that nobody could trade, because the broker was of no use until it was too late to begin.
    pub skipped: usize,
    /// Books against account, every morning.
    pub mornings: Mornings,
    /// What the judge found in the record besides.
    pub violations: Vec<String>,
    /// What was done.
    pub story: Vec<String>,
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Played { days, orders, executions, faults, stops, resumes, skipped, mornings, .. } = self;
        let Mornings { compared, blind, named, .. } = mornings;
        let injected: usize = faults.values().sum();
        writeln!(
            f,
            "{days} days, {orders} orders, {executions} executions, {injected} faults of {} kinds; books and account compared \
             on {compared} mornings, different by a trade by hand on {named}, unreadable on {blind}; {stops} starts that found no usable broker, {skipped} more dates were skipped for it, {resumes} resumes",
            faults.len()
        )?;
        self.mornings.violations.iter().chain(&self.violations).try_for_each(|found| writeln!(f, "! {found}"))
    }
}

/// Plays a season to its end, and tells what became of each date.
///
/// # Errors
/// When a date can neither be finished nor was stopped by the engine's own rules.
pub fn play(program: &Path, season: &Season, told: &dyn Fn(&str)) -> Result<Played> {
    let mut episode = begin(program, season)?;
    let (mut days, mut resumes, mut skipped) = (0, 0, 0);
    let mut dates = FIRST.series(1.day()).filter(|date| !is_weekend(*date));
    while days < season.days {
        let date = dates.next().context("the calendar goes on")?;
        episode.gateway.advance_to(&format!("{date}T{NOTED}"))?;
        if days > 0 {
            episode.gateway.note_account()?;
        }
        let mut ended = episode.end(&date.to_string());
        if is(&ended, "is not over after") {
            // Nobody can trade at such a broker; in the evening it is healed, and the engine is started once more.
            episode.gateway.advance_to(&format!("{date}T{HEALED}"))?;
            ended = episode.end(&date.to_string());
        }
        if is(&ended, "is no trade date") {
            continue;
        }
        let (_, out) = ended.with_context(|| episode.story.join("\n"))?;
        told(episode.story.last().map_or("", String::as_str));
        if episode.story.last().is_some_and(|line| line.contains(" is skipped: ")) {
            skipped += 1;
            continue;
        }
        resumes += usize::from(look_after(&mut episode, &out)?);
        days += 1;
    }
    judged(&mut episode, days, (resumes, skipped))
}

fn is<T>(ended: &Result<T>, what: &str) -> bool {
    ended.as_ref().is_err_and(|error| format!("{error:#}").contains(what))
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// A gateway with its faults, and settings that lead to its statements.
fn begin(program: &Path, season: &Season) -> Result<Episode> {
    let folder = TempDir::with_prefix("af-soak-")?;
    let own = folder.path().join("own");
    std::fs::create_dir(&own)?;
    std::fs::write(folder.path().join("token"), "simulated")?;
    std::fs::copy(repository().join("config/instruments.yaml"), own.join("instruments.yaml"))?;
    let settings = text(Path::new(season.config).join("settings.yaml"));
    ensure!(settings.contains(HEARTBEAT.0) && settings.contains("statements: null"), "settings of another shape");
    let settings = settings.replacen(HEARTBEAT.0, HEARTBEAT.1, 1);
    std::fs::write(own.join("settings.yaml"), &settings)?;

    let reach = if season.account { "+account" } else { "" };
    let events = if season.account { "unattended" } else { "none" };
    let options = format!(
        "--config own --from {FIRST} --seed {seed} --faults {seed}{reach} --account-events {events} \
         --statements 127.0.0.1:0 --record record.jsonl",
        seed = season.seed
    );
    let options = options.split_whitespace().map(str::to_owned).collect();
    let episode = Episode::open(program, folder, options, vec!["--config".into(), "own".into()])?;
    let address = episode.gateway.statements.as_deref().context("the gateway serves statements")?;
    let url = format!("http://{address}/AccountManagement/FlexWebService");
    let token = episode.folder().join("token").display().to_string();
    let section = format!("statements: {{url: \"{url}\", query_id: \"1\", token_file: \"{token}\"}}");
    std::fs::write(own.join("settings.yaml"), settings.replacen("statements: null", &section, 1))?;
    Ok(episode)
}

/// What a person does in the evening: takes over what was traded by hand, and lets the engine trade again. True when it had
/// been stopped.
fn look_after(episode: &mut Episode, out: &str) -> Result<bool> {
    let days: Value = serde_json::from_str(out).with_context(|| format!("no report: {}", episode.story.join("\n")))?;
    let day = &days["days"][0];
    let said = |field: &str, row: &Value| row[field].as_str().unwrap_or_default().to_owned();
    for row in day["differences"].as_array().into_iter().flatten() {
        let id = said("id", row);
        if id.starts_with("execution:") && said("cause", row) == "external trade" {
            episode.tell(&["reconcile", "adopt", &id, "--by", "soak", "--reason", "traded-by-hand"])?;
        }
    }
    if said("mode", day) == "NORMAL" {
        return Ok(false);
    }
    episode.story.push(format!("{}: {}, resumed", said("date", day), said("mode", day)));
    episode.tell(&["resume", "--by", "soak", "--reason", "looked"])?;
    Ok(true)
}

fn judged(episode: &mut Episode, days: usize, (resumes, skipped): (usize, usize)) -> Result<Played> {
    let (record, journal) = (episode.record()?, episode.journal()?);
    let evidence = Evidence { record: &record, journal: &journal, evenings: &[] };
    let (mut faults, mut orders, mut executions) = (BTreeMap::new(), BTreeSet::new(), 0);
    for line in record.lines() {
        let entry = &serde_json::from_str::<Value>(line)?["entry"];
        match entry["kind"].as_str() {
            Some("injection") => *faults.entry(kind(&entry["inject"])).or_insert(0) += 1,
            Some("execution") => executions += 1,
            Some("command") if entry["command"]["command"] == "place" => {
                orders.insert(entry["command"]["order"]["order_ref"].to_string());
            }
            _ => {}
        }
    }
    Ok(Played {
        days,
        orders: orders.len(),
        executions,
        faults,
        stops: episode.story.iter().filter(|line| line.contains(": exit 3")).count(),
        resumes,
        skipped,
        mornings: mornings(&evidence)?,
        violations: judge(&evidence)?,
        story: std::mem::take(&mut episode.story),
    })
}

/// The name of an injection, with its code or way where it has one.
fn kind(inject: &Value) -> String {
    let Some((name, fields)) = inject.as_object().and_then(|object| object.iter().next()) else { return String::new() };
    let detail = ["code", "how", "race"].iter().find_map(|field| fields.get(field));
    detail.map_or_else(|| name.clone(), |detail| format!("{name} {}", detail.to_string().trim_matches('"')))
}
