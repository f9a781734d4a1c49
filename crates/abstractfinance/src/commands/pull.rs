//! `data pull`: daily bars from a source into a catalogue.
//!
//! In: instruments, dates, a source. Out: a catalogue with the bars, and what became of each series. Invariant: only
//! missing dates are asked for; a series is kept as soon as it is whole, so that a pull can be stopped and repeated;
//! bars of two adjustments are never joined.

mod report;
mod source;

use super::show;
use crate::calendars;
use crate::cli::{Global, PullArgs};
use crate::failure::Failure;
use crate::settings::{self, Loaded};
use catalogue::{Addition, Catalogue};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use market::Bar;
use market::calendar::Calendars;
use report::{Outcome, PullReport, Pulled};
use source::{Fetched, Source, Trouble, Wanted};
use std::time::{Duration, Instant};

/// A pull that takes longer says how far it is.
const QUIET: Duration = Duration::from_secs(1);

pub async fn pull(global: &Global, args: &PullArgs) -> Result<(), Failure> {
    let now = Timestamp::now();
    let loaded = settings::load(global.config.as_deref())?;
    let (from, to) = span(args, now)?;
    let calendars = calendars::built_in(|_| true);
    let mut source = Source::open(args, &loaded, &calendars, (from, to)).await?;
    let wanted = source.wanted(&chosen(args, &loaded)?);
    let mut pull = Pull { args, loaded: &loaded, calendars: &calendars, from, to, now };
    let (mut report, bar, start) = (PullReport::default(), hidden_bar(wanted.len()), Instant::now());
    let mut stopped = None;
    for wanted in wanted {
        if start.elapsed() > QUIET {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_message(wanted.series.clone());
        match pull.series(&mut source, &wanted).await {
            Ok(pulled) => report.series.push(pulled),
            Err(failure) => {
                stopped = Some(failure);
                break;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    source.close().await;
    // A pull that was stopped at once has nothing to tell but why.
    if stopped.is_none() || !report.series.is_empty() {
        show(if global.json { report.json() } else { report.to_string() })?;
    }
    stopped.map_or(Ok(()), Err)
}

/// The dates asked for; a session that still runs has no bar.
fn span(args: &PullArgs, now: Timestamp) -> Result<(Date, Date), Failure> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let yesterday = today.checked_sub(1.day()).map_err(|error| Failure::Usage(error.to_string()))?;
    let to = args.to.unwrap_or(yesterday);
    if to > yesterday {
        return Err(Failure::Usage(format!("--to {to} has not ended everywhere; pull up to {yesterday}")));
    }
    if args.from > to {
        return Err(Failure::Usage(format!("--from {} is after --to {to}; exchange them", args.from)));
    }
    Ok((args.from, to))
}

/// The instruments asked for.
fn chosen<'a>(args: &'a PullArgs, loaded: &'a Loaded) -> Result<Vec<&'a str>, Failure> {
    let unknown = args.instruments.iter().find(|name| loaded.instruments.get(name).is_none());
    if let Some(name) = unknown {
        let known = loaded.instruments.iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(format!("`{name}` is not in instruments.yaml; known are {known}")));
    }
    let named = args.instruments.iter().map(String::as_str).collect::<Vec<_>>();
    Ok(if named.is_empty() { loaded.instruments.iter().map(|(name, _)| name).collect() } else { named })
}

fn hidden_bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left").expect("a fixed template");
    ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::hidden()).with_style(style)
}

/// What every series of a pull shares.
struct Pull<'a> {
    args: &'a PullArgs,
    loaded: &'a Loaded,
    calendars: &'a Calendars,
    from: Date,
    to: Date,
    now: Timestamp,
}

impl Pull<'_> {
    /// One series. A source that refuses this one only is told in the report; a source that is gone ends the pull.
    async fn series(&mut self, source: &mut Source, wanted: &Wanted) -> Result<Pulled, Failure> {
        let sessions = self.sessions(wanted)?;
        let held = self.held(wanted)?;
        let Some(asked) = catalogue::missing(&held, &sessions) else {
            return Ok(Pulled::new(wanted, None, held.len(), held.len(), Outcome::Complete));
        };
        let mut asked = asked;
        let mut fetched = match source.fetch(wanted, asked, self.now).await {
            Ok(fetched) => fetched,
            Err(Trouble::Series(problem)) => {
                return Ok(Pulled::new(wanted, Some(asked), held.len(), held.len(), Outcome::Refused { problem }));
            }
            Err(Trouble::Source(failure)) => return Err(failure),
        };
        let mut restated = None;
        let bars = match catalogue::joined(&held, &fetched.bars) {
            Ok(bars) => bars,
            Err(difference) => {
                restated = Some(difference.date);
                let first = held.first().map_or(self.from, |bar| bar.date.min(self.from));
                let last = held.last().map_or(self.to, |bar| bar.date.max(self.to));
                asked = (first, last);
                fetched = match source.fetch(wanted, asked, self.now).await {
                    Ok(fetched) => fetched,
                    Err(Trouble::Series(problem)) => {
                        return Ok(Pulled::new(
                            wanted,
                            Some(asked),
                            held.len(),
                            held.len(),
                            Outcome::Refused { problem },
                        ));
                    }
                    Err(Trouble::Source(failure)) => return Err(failure),
                };
                fetched.bars.clone()
            }
        };
        let before = held.len();
        let has = |date: &Date| bars.binary_search_by_key(date, |bar| bar.date).is_ok();
        let without = sessions.iter().filter(|date| !has(date)).count();
        if bars != held && !bars.is_empty() {
            self.keep(wanted, &fetched, &bars)?;
        }
        let outcome = match (restated, without) {
            (Some(date), without) => Outcome::Restated { date, without },
            (None, 0) => Outcome::Complete,
            (None, without) => Outcome::SomeWithout { without },
        };
        Ok(Pulled::new(wanted, Some(asked), before, bars.len(), outcome))
    }

    /// The days on which the instrument's venue had a session.
    fn sessions(&self, wanted: &Wanted) -> Result<Vec<Date>, Failure> {
        let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
        let row = self.loaded.instruments.get(&wanted.instrument).expect("it was chosen from there");
        let calendar = self.calendars.get(row.mic).map_err(|error| usage(&error))?;
        let last = wanted.expiry.map_or(self.to, |expiry| expiry.min(self.to));
        if last < self.from {
            return Ok(Vec::new());
        }
        let sessions = calendar.sessions(self.from, last).map_err(|error| usage(&error))?;
        Ok(sessions.iter().map(|session| session.date).collect())
    }

    fn held(&self, wanted: &Wanted) -> Result<Vec<Bar>, Failure> {
        if !self.args.catalogue.join("catalogue.json").exists() {
            return Ok(Vec::new());
        }
        let usage = |error: catalogue::CatalogueError| Failure::Usage(error.to_string());
        let catalogue = Catalogue::open(&self.args.catalogue).map_err(usage)?;
        let segment = catalogue.manifest().segments.iter().find(|entry| entry.name == self.args.segment);
        let Some(entry) = segment.and_then(|entry| entry.series.iter().find(|series| series.name == wanted.series))
        else {
            return Ok(Vec::new());
        };
        let adjustment = self.adjustment();
        if entry.adjustment != adjustment || entry.stands_for != wanted.stands_for {
            return Err(Failure::Usage(format!(
                "{} in segment {} is {}, adjusted for {}, and {}, adjusted for {adjustment}, was asked for; \
                 pull into another segment or catalogue",
                wanted.series, self.args.segment, entry.stands_for, entry.adjustment, wanted.stands_for
            )));
        }
        catalogue.segment(&self.args.segment).and_then(|segment| segment.bars(&wanted.series)).map_err(usage)
    }

    fn keep(&self, wanted: &Wanted, fetched: &Fetched, bars: &[Bar]) -> Result<(), Failure> {
        let names: Vec<&str> = self.loaded.instruments.iter().map(|(name, _)| name).collect();
        let entry = wanted.entry(fetched, self.adjustment(), self.now);
        let addition =
            Addition { segment: &self.args.segment, from: self.from, to: self.to, entry, bars, instruments: &names };
        catalogue::put(&self.args.catalogue, addition).map(|_| ()).map_err(|error| Failure::Usage(error.to_string()))
    }

    fn adjustment(&self) -> &'static str {
        if self.args.adjusted { "splits and distributions" } else { "splits" }
    }
}
