//! Backtests and sweeps, for the command line and for Python.
//!
//! In: a configuration, settings that replace some of its own, a market, two dates, a depth. Out: what the engine did there.
//! Invariant: whoever asks gets the same run: the command line and the Python module only ask and show.

mod ahead;
mod bars;
mod days;
mod notes;
mod person;
mod search;
mod sweep;

pub use crate::cli::{Numbers, SpanOfResearch};
pub use bars::{BARS, import};
pub use search::Search;
pub use sweep::{Sweep, write};

pub(crate) use ahead::made_ahead;
pub(crate) use days::Counted;

use notes::{Notes, holes};

use crate::cli::Depth;
use crate::day::Run;
use crate::failure::Failure;
use crate::fundamentals;
use crate::settings;
use crate::world::{FIRST_DAY, Ground, coverage};
use ::backtest::ResearchJournal;
use ::backtest::result::{Origin, Result as Research, Run as About};
use catalogue::Catalogue;
use clap::{CommandFactory, FromArgMatches, Parser};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sim::{Fills, Prices, SimConfig, Simulation};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// How far a study is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Trade dates, or runs of a sweep, that are done.
    pub done: usize,
    /// All of them.
    pub total: usize,
    /// The trade date that comes next; none in a sweep.
    pub date: Option<Date>,
}

/// Is told how far a study is, and may end it before the next trade date.
pub type Watch<'a> = &'a (dyn Fn(Step) -> ControlFlow<()> + Sync);

fn go_on(watch: Watch<'_>, step: Step) -> Result<(), Failure> {
    match watch(step) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            Err(Failure::Usage(format!("stopped by its caller after {} of {}", step.done, step.total)))
        }
    }
}

/// A question to a history.
#[derive(Clone, Debug)]
pub struct Study {
    /// Folder of the configuration; the built-in one without it.
    pub config: Option<PathBuf>,
    /// Settings that are set otherwise, by their dotted key.
    pub set: BTreeMap<String, Value>,
    /// The market, the dates and the depth.
    pub span: SpanOfResearch,
    /// What the market is called where its folder does not say it.
    pub market: Option<String>,
    /// The code that runs it.
    pub program: Fingerprint,
    from: Date,
    to: Date,
}

/// The last date of the history that covers another one.
fn history_ends(dir: &Path, from: Date) -> Result<Date, Failure> {
    let usage = |error: catalogue::CatalogueError| Failure::Usage(error.to_string());
    let catalogue = Catalogue::open(dir).map_err(usage)?;
    Ok(catalogue.segment_at(from).map_err(usage)?.entry().to)
}

/// The options of a study, as words.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Words {
    #[command(flatten)]
    span: SpanOfResearch,
}

impl Study {
    /// A study of a configuration as it is; of a year when only its beginning is named.
    ///
    /// # Errors
    /// [`Failure::Usage`] when the last date lies before the first.
    pub fn new(config: Option<PathBuf>, span: SpanOfResearch, program: Fingerprint) -> Result<Study, Failure> {
        let from = span.market.from.unwrap_or(FIRST_DAY);
        let ends = span.market.catalogue.as_deref().map(|dir| history_ends(dir, from)).transpose()?;
        let year = from.saturating_add(1.year()).saturating_sub(1.day());
        let to = span.to.unwrap_or_else(|| ends.map_or(year, |ends| year.min(ends)));
        if to < from {
            return Err(Failure::Usage(format!("--to {to} lies before --from {from}")));
        }
        if let Some(ends) = ends.filter(|&ends| ends < to) {
            let why = format!("the history that covers --from {from} ends on {ends}, before --to {to}");
            return Err(Failure::Usage(format!(
                "{why}; end the study there, and begin another one where the next history does"
            )));
        }
        Ok(Study { config, set: BTreeMap::new(), span, market: None, program, from, to })
    }

    /// The span that words of a command line name, such as `--scenario`, `crash`.
    ///
    /// # Errors
    /// [`Failure::Usage`] with what the command line would say.
    pub fn span(words: &[String]) -> Result<SpanOfResearch, Failure> {
        let read = Words::command().try_get_matches_from(words).and_then(|words| Words::from_arg_matches(&words));
        let told = |error: clap::Error| {
            let text = error.render().to_string();
            let sentence = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
            Failure::Usage(sentence.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        read.map(|words| words.span).map_err(told)
    }

    /// Runs every trade date, without a journal.
    ///
    /// # Errors
    /// What is wrong with the question, or why a day could not be run.
    pub fn backtest(&self, watch: Watch<'_>) -> Result<Research, Failure> {
        let ground = self.ground("a backtest")?;
        let dates = self.dates(&ground)?;
        self.over(&ground, &dates, watch)
    }

    /// The same on what was read already.
    pub(crate) fn over(&self, ground: &Ground, dates: &[Date], watch: Watch<'_>) -> Result<Research, Failure> {
        let config = ground.simulation(&self.span.market)?;
        let counted = self.counted(ground, &config)?;
        let result = self.run(counted, ground, self.simulation(config)?, dates, watch);
        result.map(|result| self.signed(result))
    }

    /// What counts its dates.
    ///
    /// # Errors
    /// As [`Study::about`].
    pub(crate) fn counted(&self, ground: &Ground, config: &SimConfig) -> Result<Counted, Failure> {
        let holes = match &config.prices {
            Prices::Replay { series } => holes(series, &config.universe, &config.calendars, (self.from, self.to)),
            Prices::Simulated { .. } => Vec::new(),
        };
        Ok(Counted::new(self.about(ground, config)?, Notes::of(holes)))
    }

    /// The same with the mark of the code that ran it.
    pub(crate) fn signed(&self, mut result: Research) -> Research {
        result.run.origin.program = self.program.get().to_owned();
        result
    }

    /// Settings, universe and calendars.
    pub(crate) fn ground(&self, what: &str) -> Result<Ground, Failure> {
        let loaded = settings::load_with(self.config.as_deref(), &self.set)?;
        let weekdays = (self.to - self.from).get_days() / 7 * 5 + 5;
        let ground = Ground::of(loaded, Some(self.from), weekdays.unsigned_abs())?;
        ground.only_simulated(what)?;
        Ok(ground)
    }

    /// Trade dates, at least one.
    pub(crate) fn dates(&self, ground: &Ground) -> Result<Vec<Date>, Failure> {
        let (_, latest) = coverage(&ground.calendars);
        if self.to > latest {
            let to = self.to;
            return Err(Failure::Usage(format!(
                "--to {to} lies past {latest}, where the calendars end; end the study there, or earlier"
            )));
        }
        let dates = ground.trade_dates_to(self.to)?;
        if dates.is_empty() {
            let (from, to) = (self.from, self.to);
            return Err(Failure::Usage(format!("no configured venue has a session between {from} and {to}")));
        }
        Ok(dates)
    }

    /// The world at its beginning, with an exchange of the depth.
    pub(crate) fn simulation(&self, config: SimConfig) -> Result<Simulation, Failure> {
        let fills = match self.span.depth {
            Depth::NextSession => Fills::Whole,
            Depth::OrderLevel => Fills::Book,
        };
        Simulation::filling(config, fills).map_err(|error| Failure::Usage(error.to_string()))
    }

    /// Runs dates in a world that was made.
    fn run(
        &self,
        counted: Counted,
        ground: &Ground,
        simulation: Simulation,
        dates: &[Date],
        watch: Watch<'_>,
    ) -> Result<Research, Failure> {
        let market = ground.market(made_ahead(simulation));
        let journal = "none: without --state-dir a backtest keeps no journal".into();
        let mut run = Run { is_research: true, ..ground.run(0, journal, None)? };
        let mut world = ground.research(&market, ResearchJournal::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| Failure::Usage(format!("cannot start a runtime: {error}")))?;
        runtime.block_on(counted.days(dates, ground, &mut run, &mut world, &market, watch))
    }

    /// What the study is of, with its marks.
    ///
    /// # Errors
    /// [`Failure::Usage`] when a screen's catalogue has no statements.
    pub(crate) fn about(&self, ground: &Ground, config: &SimConfig) -> Result<About, Failure> {
        let asked = &self.span.market;
        let market = match (&asked.catalogue, asked.scenario, asked.seed) {
            (Some(dir), _, seed) => {
                let name = self.market.clone().unwrap_or_else(|| dir.display().to_string());
                format!("{name}, paths inside the day by seed {seed}")
            }
            (None, scenario, seed) => format!("simulated: {scenario}, seed {seed}"),
        };
        let title = self.config.as_deref().and_then(|dir| dir.file_name());
        let title =
            title.map_or_else(|| "built-in configuration".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(About {
            title,
            depth: self.span.depth.name().to_owned(),
            resume_after: self.span.resume_after,
            market,
            base: ground.loaded.settings.fx.base_currency.to_string(),
            vol_target: ground.loaded.settings.vol_target_annual,
            origin: Origin {
                data: data_hash(config, &fundamentals::imported(&ground.loaded)?),
                config: hash(&[
                    format!("{:?}", ground.loaded.settings).as_bytes(),
                    format!("{:?}", ground.loaded.instruments).as_bytes(),
                    format!("{:?}", ground.loaded.universes).as_bytes(),
                ]),
                code: env!("CARGO_PKG_VERSION").to_owned(),
                program: String::new(),
            },
        })
    }
}

/// What the prices are made of, the bars themselves or what they are computed from, and the hash of each screen's imported
/// statements: settings name only their folder, and made-up ones follow from the universes.
fn data_hash(config: &SimConfig, statements: &[(&str, String)]) -> String {
    let SimConfig { seed, start, deposit, events, price_list, .. } = config;
    let world = format!("{seed} {start} {deposit:?} {events:?} {price_list:?}");
    let prices = match &config.prices {
        Prices::Simulated { scenario, seed, first_day } => format!("{scenario} {seed} {first_day}"),
        Prices::Replay { series } => {
            let mut all = Sha256::new();
            for (contract, bars) in series.iter() {
                all.update(config.universe.contract(contract).name.as_bytes());
                bars.iter().for_each(|bar| all.update(format!("{bar:?}").as_bytes()));
            }
            hex(&all.finalize())
        }
    };
    let statements = statements.iter().flat_map(|(screen, hash)| [screen.as_bytes(), hash.as_bytes()]);
    hash(&[world.as_bytes(), prices.as_bytes()].into_iter().chain(statements).collect::<Vec<_>>())
}

/// The hash of a file of code, worked out while the study runs: the program is larger than what a short study reads. Empty
/// when the file cannot be read.
#[derive(Clone, Debug)]
pub struct Fingerprint(Arc<LazyLock<String, Box<dyn FnOnce() -> String + Send>>>);

impl Fingerprint {
    /// Of the code in a file.
    pub fn of(code: std::io::Result<PathBuf>) -> Fingerprint {
        let read = move || code.and_then(File::open).and_then(hash_of).unwrap_or_default();
        let fingerprint = Fingerprint(Arc::new(LazyLock::new(Box::new(read))));
        let begun = fingerprint.clone();
        std::thread::spawn(move || begun.get().len());
        fingerprint
    }

    fn get(&self) -> &str {
        &self.0
    }
}

fn hash(parts: &[&[u8]]) -> String {
    let mut all = Sha256::new();
    parts.iter().for_each(|part| all.update(part));
    hex(&all.finalize())
}

/// Read part by part: a program is larger than all a study remembers.
fn hash_of(code: File) -> io::Result<String> {
    let (mut code, mut all) = (BufReader::with_capacity(1 << 18, code), Sha256::new());
    loop {
        let part = code.fill_buf()?;
        if part.is_empty() {
            return Ok(hex(&all.finalize()));
        }
        all.update(part);
        let length = part.len();
        code.consume(length);
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over days of rolls, two orders of a plan that trade as one, with child orders that end unfilled and are sent again.
    #[test]
    fn every_fill_is_of_an_order_and_an_order_is_filled_by_its_fills() {
        let words = ["--from", "2025-08-25", "--to", "2025-09-05", "--depth", "order-level"].map(str::to_owned);
        let study = Study::new(None, Study::span(&words).unwrap(), Fingerprint::of(Ok(PathBuf::new()))).unwrap();
        let result = study.backtest(&|_| ControlFlow::Continue(())).unwrap();
        let fills = || result.fills.iter().zip(result.parents());
        assert!(fills().any(|(fill, parent)| fill.order_ref != parent), "a child order that is not the first");
        assert!(fills().all(|(_, parent)| !parent.is_empty()));
        for order in &result.orders {
            let own = fills().filter(|(fill, parent)| *parent == order.order_ref && fill.contract == order.contract);
            let filled: f64 = own.map(|(fill, _)| fill.quantity).sum();
            assert!((filled - order.filled).abs() < 1e-6, "{order:?} was filled by {filled}");
        }
    }

    #[test]
    fn a_study_that_renews_its_table_does_the_same() {
        let words = ["--from", "2025-11-03", "--to", "2026-02-13"].map(str::to_owned);
        let study = Study::new(None, Study::span(&words).unwrap(), Fingerprint::of(Ok(PathBuf::new()))).unwrap();
        let ground = study.ground("a test").unwrap();
        let dates = study.dates(&ground).unwrap();
        let days = |renew: fn(Counted) -> Counted| {
            let config = ground.simulation(&study.span.market).unwrap();
            let counted = renew(study.counted(&ground, &config).unwrap());
            let simulation = study.simulation(config).unwrap();
            study.run(counted, &ground, simulation, &dates, &|_| ControlFlow::Continue(())).unwrap()
        };
        let renewed = days(|counted| counted.with_options_max(40));
        let whole = days(|counted| counted.with_options_max(usize::MAX).over_one_table());
        assert_eq!(renewed.days, whole.days);
        assert_eq!(renewed.fills, whole.fills);
    }
}
