//! Writes the calendar tables from the Python package that knows the exchanges' days.
//!
//! In: `xtask/calendars.py` and the versions in `xtask/requirements.txt`, in a virtual environment under `target`.
//! Out: `config/calendars/<MIC>.csv`, or with `--check` a comparison with them.
//! Invariant: `overrides.csv`, kept by hand, is never written.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const OVERRIDES: &str = "overrides.csv";

/// Flags of `xtask calendars`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail if the committed tables are not what the pinned package gives.
    #[arg(long)]
    check: bool,
}

/// Regenerates the tables, or compares them.
///
/// # Errors
/// Python or the package is missing, the generator refuses, or, with `--check`, a table differs.
pub fn run(repository: &Path, arguments: Arguments) -> Result<()> {
    let committed = repository.join("config/calendars");
    if !arguments.check {
        return generate(repository, &committed);
    }
    let fresh = repository.join("target/calendars-check");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("cannot empty {}", fresh.display()))?;
    }
    generate(repository, &fresh)?;
    let differences = differences(&tables(&committed)?, &tables(&fresh)?);
    ensure!(
        differences.is_empty(),
        "the committed tables differ from the package:\n  {}\nRun `cargo run -p xtask -- calendars` and review the change.",
        differences.join("\n  ")
    );
    println!("config/calendars is what the pinned package gives");
    Ok(())
}

fn generate(repository: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let python = environment(repository)?;
    succeed(Command::new(python).arg(repository.join("xtask/calendars.py")).arg(folder))
}

/// The Python of a virtual environment that has the pinned packages, made anew when the pins change.
fn environment(repository: &Path) -> Result<PathBuf> {
    let requirements = repository.join("xtask/requirements.txt");
    let pins = fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = repository.join("target/calendars-python");
    let python = folder.join("bin/python");
    let installed = folder.join("installed-requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|done| done == pins) {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).context(
        "a Python 3.11 or newer with its `venv` module is needed (Debian, Ubuntu: apt-get install python3-venv)",
    )?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements),
    )?;
    fs::write(&installed, pins).with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Generated tables in a folder, text by file name.
fn tables(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut tables = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != OVERRIDES {
            let text = fs::read_to_string(entry.path()).with_context(|| format!("cannot read {name}"))?;
            tables.insert(name, text);
        }
    }
    Ok(tables)
}

/// One sentence per table that is missing, left over, or different, with its first differing line.
fn differences(committed: &BTreeMap<String, String>, fresh: &BTreeMap<String, String>) -> Vec<String> {
    let left_over = committed
        .keys()
        .filter(|name| !fresh.contains_key(*name))
        .map(|name| format!("{name}: no venue of the generator"));
    let changed = fresh.iter().filter_map(|(name, new)| match committed.get(name) {
        None => Some(format!("{name}: missing")),
        Some(old) if old == new => None,
        Some(old) => {
            let line = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
            let at = |text: &str| text.lines().nth(line).unwrap_or("nothing").to_owned();
            Some(format!("{name} line {}: `{}` is committed, the package gives `{}`", line + 1, at(old), at(new)))
        }
    });
    left_over.chain(changed).collect()
}
