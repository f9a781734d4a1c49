//! Bugs that are planted to see whether the judge finds them.
//!
//! In: patch files, each a bug that an environment variable wakes. Out: caught or not, one line each. Invariant: the
//! repository is not touched: its last commit is copied, all patches go into the copy, and the copy is built once.

use super::crash::build;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::crash::campaign::Campaign;

/// Where the patches are; their order is that of their names.
const PLANTED: &str = "tests/planted";

pub fn run(repository: &Path, ready: Option<&Path>, only: Option<&str>, jobs: usize) -> Result<()> {
    let patches = patches(&repository.join(PLANTED))?;
    let program = match ready {
        Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
        None => planted(repository, &patches)?,
    };
    let names: Vec<String> = patches.iter().map(|patch| name(patch)).collect();
    let chosen: Vec<&String> = names.iter().filter(|name| only.is_none_or(|only| name.contains(only))).collect();
    let mut missed = Vec::new();
    for bug in &chosen {
        let report = Campaign::new(&program, jobs).each_point_once().until_caught(bug, 1);
        match report.violations.first() {
            Some(violation) => {
                let how = violation.lines().find_map(|line| line.trim_start().strip_prefix("! ")).unwrap_or(violation);
                println!("caught  {bug}: {how} ({} engines killed)", report.kills());
            }
            None => {
                println!("MISSED  {bug}: {} engines were killed and nothing was found", report.kills());
                missed.push(bug.as_str());
            }
        }
    }
    println!("{} of {} planted bugs caught", chosen.len() - missed.len(), chosen.len());
    ensure!(missed.is_empty(), "not caught: {}", missed.join(", "));
    Ok(())
}

/// The program with every bug in it, each asleep.
fn planted(repository: &Path, patches: &[PathBuf]) -> Result<PathBuf> {
    let copy = repository.join("target/planted");
    if copy.exists() {
        git(&copy, &["fetch", "-q"])?;
    } else {
        git(repository, &["clone", "-q", "--shared", "--no-checkout", ".", "target/planted"])?;
    }
    git(&copy, &["checkout", "-q", "--detach", "--force", &head(repository)?])?;
    for patch in patches {
        let path = patch.display().to_string();
        git(&copy, &["apply", "--recount", &path]).with_context(|| format!("{path} no longer applies"))?;
    }
    build(&copy)
}

fn patches(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    paths.sort();
    Ok(paths)
}

/// `07-order-numbers-start-again.patch` plants the bug `order-numbers-start-again`.
fn name(patch: &Path) -> String {
    let stem = patch.file_stem().unwrap_or_default().to_string_lossy();
    stem.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('-').to_owned()
}

fn head(repository: &Path) -> Result<String> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(repository).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn git(folder: &Path, words: &[&str]) -> Result<()> {
    let status = Command::new("git").args(words).current_dir(folder).status().context("git")?;
    ensure!(status.success(), "git {} failed", words.join(" "));
    Ok(())
}
