//! Some trade dates of one account, with engines that are killed at points and started again.
//!
//! In: a world, kills. Out: what was reached, and every violation. Invariant: an engine dies by SIGKILL while it stands
//! still at its point; the gateway never dies; each date is finished, or stopped by the engine's own rules.

use super::gateway::GatewayProcess;
use super::oracle::{Evening, Evidence, judge};
use super::worlds::World;
use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// How long the engine stays dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downtime {
    /// It is started again at once.
    None,
    /// Half a minute.
    Seconds30,
    /// Until five in the morning of the next day.
    Overnight,
}

/// One death.
#[derive(Clone, Debug)]
pub struct Kill {
    /// The point's name.
    pub point: String,
    /// Which time it is reached.
    pub visit: u32,
    /// What happens before the next start.
    pub downtime: Downtime,
}

/// What a run of the program came to.
#[derive(Debug)]
pub enum Run {
    /// It was killed where it stood.
    Killed,
    /// It ended by itself.
    Ended {
        /// Exit code.
        code: i32,
        /// Standard output.
        out: String,
        /// Standard error.
        err: String,
    },
}

/// An account that lives through days and deaths, in a folder of its own.
#[derive(Debug)]
pub struct Episode {
    program: PathBuf,
    folder: TempDir,
    /// The broker.
    pub gateway: GatewayProcess,
    options: Vec<String>,
    config: Vec<String>,
    bug: Option<String>,
    evenings: Vec<Evening>,
    /// Accounts in the record.
    noted: usize,
    /// A night has gone by since the last evening.
    overnight: bool,
    /// What was done, for the report of a violation.
    pub story: Vec<String>,
}

/// What became of the kills of a date.
#[derive(Debug, Default)]
pub struct Deaths {
    /// Points at which an engine died.
    pub at: Vec<String>,
    /// Points that did not come.
    pub missed: Vec<String>,
    /// Another engine than the first one finished the date.
    pub resumed: bool,
}

/// Starts until a date has to be over: broken sessions may cost some.
const STARTS_MAX: u32 = 12;

impl Episode {
    /// A fresh account in a world.
    ///
    /// # Errors
    /// When the gateway cannot be started.
    pub fn begin(program: &Path, world: &World) -> Result<Episode> {
        let folder = TempDir::with_prefix("af-crash-")?;
        let (options, config) = world.options(folder.path())?;
        Episode::open(program, folder, options, config)
    }

    /// A fresh account at a gateway with these options, for engines with these.
    ///
    /// # Errors
    /// When the gateway cannot be started.
    pub fn open(program: &Path, folder: TempDir, options: Vec<String>, config: Vec<String>) -> Result<Episode> {
        let gateway = GatewayProcess::start(program, folder.path(), &options)?;
        let (evenings, story) = Default::default();
        Ok(Episode {
            program: program.into(),
            folder,
            gateway,
            options,
            config,
            bug: None,
            evenings,
            noted: 0,
            overnight: false,
            story,
        })
    }

    /// The same with a planted bug awake in its engines.
    #[must_use]
    pub fn with_bug(self, bug: Option<&str>) -> Episode {
        Episode { bug: bug.map(str::to_owned), ..self }
    }

    /// Where it happens.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).args(["--state-dir", "state"]).args(&self.config).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.bug.iter().map(|bug| ("AF_PLANTED", bug)));
        command
    }

    /// A command on the account's state that has to end well.
    ///
    /// # Errors
    /// With what it said when it did not.
    pub fn tell(&mut self, words: &[&str]) -> Result<String> {
        let output = self.command(words).output()?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.success(), "{words:?} failed: {err}");
        Ok(out)
    }

    /// Starts the engine on a date; when it stops at the point, kills it there.
    ///
    /// # Errors
    /// When the process cannot be started or read.
    pub fn run(&mut self, date: &str, stop_at: Option<&str>) -> Result<Run> {
        let mut words = vec!["run", "--once", "--date", date, "--json", "--gateway", &self.gateway.api];
        words.extend(["--control", &self.gateway.control_address]);
        words.extend(stop_at.iter().flat_map(|point| ["--stop-at", point]));
        let mut child = self.command(&words).spawn()?;
        let mut out = child.stdout.take().context("its output")?;
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text)
        });
        let mut err = String::new();
        for line in BufReader::new(child.stderr.take().context("its errors")?).lines() {
            let line = line?;
            if line.starts_with("parked: ") {
                child.kill()?;
                child.wait()?;
                return Ok(Run::Killed);
            }
            err += &line;
            err.push('\n');
        }
        let status = child.wait()?;
        let out = reading.join().map_err(|_| anyhow::anyhow!("nobody reads the output"))??;
        Ok(Run::Ended { code: status.code().unwrap_or(-1), out, err })
    }

    /// Lets the world go on without an engine.
    ///
    /// # Errors
    /// When the control is gone.
    pub fn stay_dead(&mut self, downtime: Downtime) -> Result<()> {
        let now = self.gateway.now()?;
        match downtime {
            Downtime::None => Ok(()),
            Downtime::Seconds30 => self.gateway.advance_to(&later(&now, 30)),
            Downtime::Overnight => {
                self.overnight = true;
                let tomorrow = later(&now, 86_400);
                self.gateway.advance_to(&format!("{}T05:00:00Z", &tomorrow[..10]))
            }
        }
    }

    /// A date with its deaths, in the order in which they are due, to its end; says which points killed an engine and which
    /// did not come. What was left when the date was over is in neither list.
    ///
    /// # Errors
    /// When the date can neither be finished nor was stopped by the engine's own rules.
    pub fn day(&mut self, date: &str, kills: &[Kill]) -> Result<Deaths> {
        let mut deaths = Deaths::default();
        for kill in kills {
            let stop_at = format!("{}@{}", kill.point, kill.visit);
            match self.run(date, Some(&stop_at))? {
                Run::Killed => {
                    self.story.push(format!("{date}: killed at `{stop_at}`, dead: {:?}", kill.downtime));
                    deaths.at.push(kill.point.clone());
                    self.stay_dead(kill.downtime)?;
                }
                Run::Ended { code, err, .. } => {
                    self.story.push(format!("{date}: never came to `{stop_at}`, exit {code} {}", err.trim_end()));
                    deaths.missed.push(kill.point.clone());
                    match code {
                        0 | 5 => break,
                        3 => self.stay_dead(Downtime::Seconds30)?,
                        _ => bail!("{date}: exit {code}: {err}"),
                    }
                }
            }
        }
        self.finish(date)?;
        deaths.resumed = !deaths.at.is_empty();
        Ok(deaths)
    }

    /// Starts the engine until the date is over, and notes both sides' books.
    ///
    /// # Errors
    /// When it is not over after some starts, or a run fails for a reason of its own.
    pub fn finish(&mut self, date: &str) -> Result<()> {
        self.end(date)?;
        self.evening(date)
    }

    /// Starts the engine until the date is over; returns the last exit code, 0 or 5, and what it printed.
    ///
    /// # Errors
    /// When it is not over after some starts, or a run fails for a reason of its own.
    pub fn end(&mut self, date: &str) -> Result<(i32, String)> {
        for _ in 0..STARTS_MAX {
            let Run::Ended { code, out, err } = self.run(date, None)? else { bail!("nobody kills this one") };
            self.story.push(format!("{date}: exit {code}{}{}", if err.is_empty() { "" } else { ": " }, err.trim_end()));
            match code {
                0 | 5 => return Ok((code, out)),
                3 => self.stay_dead(Downtime::Seconds30)?,
                _ => bail!("{date}: exit {code}: {err}"),
            }
        }
        bail!("{date} is not over after {STARTS_MAX} starts")
    }

    /// Notes both sides' books; a first date that was skipped has left none.
    fn evening(&mut self, date: &str) -> Result<()> {
        self.gateway.note_account()?;
        let account = self.noted;
        self.noted += 1;
        let same_day = !std::mem::take(&mut self.overnight);
        match self.tell(&["state", "export"]) {
            Ok(books) => {
                let books: Value = serde_json::from_str(&books)?;
                self.evenings.push(Evening { date: date.to_owned(), books, account, same_day });
            }
            Err(error) if self.evenings.is_empty() => self.story.push(format!("{date}: no books yet: {error}")),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Starts the gateway anew from a record without its last movement of time, as after a clock that was corrected.
    ///
    /// # Errors
    /// When the gateway does not start.
    pub fn turn_back(&mut self) -> Result<()> {
        let record = self.record()?;
        let mut lines: Vec<&str> = record.lines().collect();
        let last = lines.pop().unwrap_or_default();
        ensure!(last.contains(r#""command":"advance_to""#), "time moved last, and nothing else: {last}");
        let kept: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.gateway.stop();
        std::fs::write(self.folder.path().join("record.jsonl"), kept)?;
        self.gateway = GatewayProcess::start(&self.program, self.folder.path(), &self.options)?;
        Ok(())
    }

    /// The record as it is now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn record(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("record.jsonl"))?)
    }

    /// The lines of the engine's journal.
    ///
    /// # Errors
    /// When it cannot be exported.
    pub fn journal(&mut self) -> Result<String> {
        let out = self.folder.path().join("journal.gz");
        let _ = std::fs::remove_file(&out);
        self.tell(&["journal", "export", "--all", "--out", "journal.gz"])?;
        let mut lines = String::new();
        GzDecoder::new(std::fs::File::open(out)?).read_to_string(&mut lines)?;
        Ok(lines)
    }

    /// Asks the judge.
    ///
    /// # Errors
    /// When the evidence cannot be read.
    pub fn verdict(&mut self) -> Result<Vec<String>> {
        let journal = self.journal()?;
        let evidence = Evidence { record: &self.record()?, journal: &journal, evenings: &self.evenings };
        judge(&evidence)
    }

    /// The points a date comes to when nothing kills the engine, in order, and all points there are.
    ///
    /// # Errors
    /// When a date does not end.
    pub fn census(&mut self, date: &str) -> Result<(Vec<String>, Vec<String>)> {
        let (mut listed, mut reached) = (Vec::new(), Vec::new());
        for _ in 0..STARTS_MAX {
            let Run::Ended { code, err, .. } = self.run(date, Some("trace"))? else { bail!("a trace does not park") };
            let told = |what: &str| -> Vec<String> {
                err.lines().filter_map(|line| line.strip_prefix(what).map(str::to_owned)).collect()
            };
            listed = told("listed: ");
            reached.append(&mut told("reached: "));
            match code {
                0 | 5 => return Ok((listed, reached)),
                3 => self.stay_dead(Downtime::Seconds30)?,
                _ => bail!("{date}: exit {code}: {err}"),
            }
        }
        Ok((listed, reached))
    }
}

/// An instant some seconds after another, both as `2026-03-02T14:45:00Z`, with or without a fraction.
fn later(instant: &str, seconds: i64) -> String {
    let instant: jiff::Timestamp = instant.parse().expect("the control tells times");
    let later = instant + jiff::SignedDuration::from_secs(seconds);
    later.to_string()
}
