//! `init`: a configuration of one's own, and the way from the simulator to a paper account and to real money.
//!
//! In: a folder, for the further steps a state folder and an account. Out: files, the next commands. Invariant: each step has
//! a gate of facts, told all at once; nothing that a person wrote is written over but the lines a step is about.

use super::account::read_status;
use super::records::Records;
use super::show;
use crate::cli::{Global, InitArgs, NextMode};
use crate::failure::Failure;
use crate::settings::{self, Mode};
use console::DayReport;
use console::account::Status;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// Finished dates a step wants behind it: a week of the simulator, four weeks of paper.
const SIMULATED_DAYS: usize = 5;
const PAPER_DAYS: usize = 20;

pub async fn init(global: &Global, args: &InitArgs) -> Result<(), Failure> {
    let folder = global.config.clone().unwrap_or_else(|| PathBuf::from("config"));
    match (args.to, &args.account) {
        (Some(to), Some(account)) => step(global, &folder, to, account, args.confirm.as_deref()).await,
        _ => begin(&folder),
    }
}

/// Writes the built-in configuration into a new folder.
fn begin(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot write {}: {error}", folder.display()));
    if folder.exists() {
        return Err(Failure::Usage(format!(
            "{} is there already, and nothing is written over; name another folder with --config",
            folder.display()
        )));
    }
    for (name, text) in settings::built_in_files() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
        std::fs::write(path, text).map_err(failed)?;
    }
    let config = folder.display();
    show(format!(
        "{config} holds a configuration of your own, in mode simulated. The way from here:\n\n\
         1. Edit {config}/settings.yaml, then  abstractfinance --config {config} config check\n\
         \x20  Before step 3, give the screen of `single_name` the folder of a catalogue with real fundamentals, or leave its\n\
         \x20  share in cash: `single_name: {{kind: not_configured, weight: 0.15}}`\n\
         2. Run the simulator                abstractfinance --config {config} --state-dir simulated demo --days {SIMULATED_DAYS}\n\
         3. Go to a paper account            abstractfinance --config {config} --state-dir simulated init --to paper \
         --account DU...\n\
         4. Run it for four weeks            abstractfinance --config {config} --state-dir paper run\n\
         5. Go to real money                 abstractfinance --config {config} --state-dir paper init --to live --account U... \
         --confirm U...\n\n\
         Steps 3 and 5 look at what the step before came to, and say what is missing.\n"
    ))
}

/// Takes a configuration a step further, through its gate.
async fn step(
    global: &Global,
    folder: &Path,
    to: NextMode,
    account: &str,
    confirm: Option<&str>,
) -> Result<(), Failure> {
    let file = folder.join("settings.yaml");
    let text = std::fs::read_to_string(&file).map_err(|error| {
        Failure::Usage(format!("cannot read {}: {error}; `abstractfinance init` writes a first one", file.display()))
    })?;
    let own = Global { config: Some(folder.to_owned()), ..global.clone() };
    let mode = settings::load(Some(folder))?.settings.mode;
    let records = Records::open(&own).await?;
    let (days, status) = (records.days().await?, read_status(&records).await?);
    let missing = missing(to, mode, &days, &status, account, confirm);
    if !missing.is_empty() {
        return Err(Failure::Halted(format!("not yet:\n  - {}", missing.join("\n  - "))));
    }
    let lines = lines(to, account);
    let text = lines.iter().try_fold(text, |text, (key, value)| replaced(&text, key, value)).ok_or_else(|| {
        let keys: Vec<&str> = lines.iter().map(|(key, _)| key.trim()).collect();
        Failure::Usage(format!("{} has not one line each for {}; write them by hand", file.display(), keys.join(", ")))
    })?;
    // The whole of it has to be a configuration that can be run with, before a line is written.
    settings::load_edited(folder, &text)?;
    std::fs::write(&file, text).map_err(|error| Failure::Usage(format!("cannot write {}: {error}", file.display())))?;
    let (name, state) = if to == NextMode::Paper { ("paper", "paper") } else { ("live", "live") };
    show(format!(
        "{} is in mode {name} now, and nothing else in it changed. An account has a state folder of its own:\n\n\
         \x20 abstractfinance --config {config} --state-dir {state} doctor\n\
         \x20 abstractfinance --config {config} --state-dir {state} run\n",
        file.display(),
        config = folder.display()
    ))
}

/// What a step lacks, in sentences.
fn missing(
    to: NextMode,
    mode: Mode,
    days: &[DayReport],
    status: &Status,
    account: &str,
    confirm: Option<&str>,
) -> Vec<String> {
    let (from, wanted, name) = match to {
        NextMode::Paper => (Mode::Simulated, SIMULATED_DAYS, "simulated"),
        NextMode::Live => (Mode::Paper, PAPER_DAYS, "paper"),
    };
    let mut missing = Vec::new();
    let mut want = |holds: bool, what: String| missing.extend((!holds).then_some(what));
    want(mode == from, format!("the configuration is not in mode {name}: a step follows the one before"));
    want(days.len() >= wanted, format!("{} of {wanted} dates are finished in this state folder", days.len()));
    let recent = &days[days.len().saturating_sub(wanted)..];
    let open: Vec<&str> =
        recent.iter().filter(|day| !day.differences.is_empty()).map(|day| day.date.as_str()).collect();
    want(open.is_empty(), format!("books and broker differed on {}: `reconcile --date` shows why", open.join(", ")));
    let unvalued = recent.iter().filter(|day| day.nav.is_none()).count();
    want(unvalued == 0, format!("{unvalued} of the last dates could not be valued"));
    let stopped = |day: &&DayReport| day.steps.iter().any(|step| step.outcome == "stopped");
    let stopped: Vec<&str> = recent.iter().filter(stopped).map(|day| day.date.as_str()).collect();
    want(stopped.is_empty(), format!("a step stopped on {}", stopped.join(", ")));
    want(status.mode == "NORMAL", format!("the engine is in mode {}: find out why, then `resume`", status.mode));
    want(status.open_day.is_none(), "a day is begun and not finished: `run` finishes it".into());
    want(status.unanswered.is_empty(), "instructions wait that no engine has answered".into());
    if to == NextMode::Live {
        let again = format!("for real money name the account twice: --account {account} --confirm {account}");
        want(confirm == Some(account), again);
    }
    missing
}

/// The lines of the settings a step is about: how each begins, and its value.
fn lines(to: NextMode, account: &str) -> [(&'static str, String); 3] {
    let (mode, word) = match to {
        NextMode::Paper => ("paper", "null".to_owned()),
        NextMode::Live => ("live", format!("{{account: {account}, date: {}}}", today())),
    };
    [("mode: ", mode.into()), ("  account: ", account.into()), ("  live_confirmation: ", word)]
}

fn today() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).date().to_string()
}

/// The text with the value in the one line that begins with a key; its comment stays. `None` when there is not one line.
fn replaced(text: &str, key: &str, value: &str) -> Option<String> {
    if text.lines().filter(|line| line.starts_with(key)).count() != 1 {
        return None;
    }
    let line = |line: &str| match line.strip_prefix(key) {
        None => format!("{line}\n"),
        Some(old) => match old.find(" #") {
            Some(comment) => format!("{key}{value:<comment$}{}\n", &old[comment..]),
            None => format!("{key}{value}\n"),
        },
    };
    Some(text.lines().map(line).collect())
}
