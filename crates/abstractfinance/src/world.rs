//! A run from its parts: universe, simulated gateway, broker, journal, clock.
//!
//! In: command line and settings. Out: a [`Run`] and a [`World`]. Invariant: the universe depends on
//! the first date and a fixed number of years, so that a restart finds the same keys.

use crate::activity::ActivitySource;
use crate::book::{Book, UnknownContract};
use crate::cli::{self, FaultArgs, Global, MarketArgs};
use crate::day::pins::{self, Pins};
use crate::day::{self, Adopter, Run, World, order_ids};
use crate::failure::Failure;
use crate::rates::SecondRates;
use crate::settings::{self, Instruments, Loaded, Settings};
use crate::{calendars, fundamentals, policy, words};
use backtest::{SimBroker, SimClock, SimWorld};
use catalogue::Catalogue;
use domain::{AccountTag, InstrumentKind, Mic, Money, OptionKey, PerContract, Universe};
use feeds::Secret;
use feeds::flex::{FlexConfig, FlexStatements};
use gateway::{Fault, StatementAccess};
use ibkr::{IbkrBroker, IbkrConfig};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use journal::{AccountJournal, Journal, Restored, StateLock, Takeover, Walking};
use market::calendar::Calendars;
use ports::{BrokerError, Clock};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use sim::{AccountEvents, PriceList, Prices, SimConfig, Simulation};
use std::fmt::Display;
use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What follows a number of faults that reach into the account.
const ACCOUNT_TOO: &str = "+account";
/// How many days a number of faults reaches.
const FAULTY_DAYS: u32 = 400;
/// The simulated account.
const ACCOUNT: &str = "DU1000001";
/// Its first deposit, in base currency.
const DEPOSIT: i64 = 10_000_000;
/// First trade date of a simulated market when none is given.
pub const FIRST_DAY: Date = date(2026, 3, 2);

/// Years of futures contracts in a universe, unless more days are asked for.
const YEARS_OF_CONTRACTS: i64 = 2;
/// A position needs two more quarterly contracts to roll into.
const ROLL_DAYS: i64 = 210;

/// How long a statement may be in the making.
const STATEMENT_READY: Duration = Duration::from_secs(120);

/// How long before a simulated statement is asked for again, which is made at once.
const SIMULATED_PAUSE: Duration = Duration::from_millis(2);

/// How long one answer may take.
const SIMULATED_ANSWER: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);

/// How long a gateway may take to answer at first when it is simulated, or a person looks on; else it may have to log in.
const SIMULATED_READY: Duration = Duration::from_secs(10);
const INSPECTOR_READY: Duration = Duration::from_secs(30);

/// Days after its end for which an option stays in the universe: longer than a broker tells of its executions.
const ENDED_OPTION_DAYS: i64 = 30;

/// The dates every calendar covers.
pub fn coverage(calendars: &Calendars) -> (Date, Date) {
    let spans = calendars.iter().map(|calendar| calendar.coverage());
    spans.reduce(|(from, to), (first, last)| (from.max(first), to.min(last))).unwrap_or((Date::MIN, Date::MAX))
}

/// Makes a folder that only its owner may enter, where files have owners; one that is there keeps the rights it has.
fn private_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// A state folder that belongs to this process, with a journal that is being walked.
#[derive(Debug)]
pub struct StateFolder {
    lock: StateLock,
    journal: Walking,
}

impl StateFolder {
    /// Takes the folder, creating it for its owner alone when it is missing, and opens the journal, there or where the settings
    /// say.
    pub async fn open(dir: &Path, settings: &Settings) -> Result<StateFolder, Failure> {
        private_folder(dir).map_err(|error| {
            Failure::Usage(format!(
                "cannot create the state folder {}: {error}; name another with --state-dir",
                dir.display()
            ))
        })?;
        let lock = StateLock::acquire(dir)?;
        let journal = Journal::open_walking(settings.journal.place(dir).map_err(Failure::Usage)?).await?;
        Ok(StateFolder { lock, journal })
    }

    /// Puts a file of records into the empty journal of this folder; `parts` also takes a file of one date.
    pub async fn restore(self, file: &Path, parts: bool) -> Result<Restored, Failure> {
        Ok(self.journal.walked().await?.restore(file, parts).await?)
    }

    /// Takes the lease of the account that this program trades.
    pub async fn engage(self, account: &str, takeover: Takeover) -> Result<Engaged, Failure> {
        let StateFolder { lock, journal } = self;
        let path = journal.place().to_string();
        let run_id = format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_microsecond());
        let journal = AccountJournal::open(journal, &account_tag(account).to_string(), run_id, lock, takeover).await?;
        Ok(Engaged { journal: journal.witnessed(words::log), path })
    }
}

/// The account's journal under a lease of this process.
#[derive(Debug)]
pub struct Engaged {
    pub journal: AccountJournal,
    pub path: String,
}

/// Settings, universe and calendars of a run that starts on a date.
#[derive(Debug)]
pub struct Ground {
    pub loaded: Loaded,
    pub calendars: Arc<Calendars>,
    pub universe: Arc<Universe>,
    /// What the simulated broker lists: the table that comes with the program, and rows it does not have.
    brokers_universe: Arc<Universe>,
    pub first: Date,
    /// The last day of what was asked for, at least.
    last: Date,
}

impl Ground {
    /// Reads the configuration and builds the universe of the years around the run.
    pub fn new(global: &Global, first: Option<Date>, days: u32) -> Result<Ground, Failure> {
        Ground::of(settings::load(global.config.as_deref())?, first, days)
    }

    /// The same for a configuration that was read already.
    pub fn of(loaded: Loaded, first: Option<Date>, days: u32) -> Result<Ground, Failure> {
        let brokers = settings::as_brokers_know(&loaded.instruments);
        let rows = loaded.instruments.iter().chain(brokers.iter());
        let venues: Vec<Mic> = rows.flat_map(|(_, row)| row.venues()).collect();
        let calendars = Arc::new(calendars::built_in(|mic| mic == Mic::Fx || venues.contains(&mic)));
        let first = first.unwrap_or(FIRST_DAY);
        let (earliest, latest) = coverage(&calendars);
        if !(earliest..=latest).contains(&first) {
            return Err(Failure::Usage(format!(
                "{first} is outside the calendars, which cover {earliest} to {latest}; choose a date inside"
            )));
        }
        let roll_horizon = latest.saturating_sub(ROLL_DAYS.days());
        let last = first.saturating_add((i64::from(days) * 7 / 5 + 7).days());
        let from = first.first_of_year();
        let to = last.max(from.saturating_add(YEARS_OF_CONTRACTS.years())).min(roll_horizon);
        let universe = |table: &Instruments| {
            let universe = settings::universe(table, &calendars, from, to);
            universe.map(Arc::new).map_err(|error| Failure::Usage(error.to_string()))
        };
        let (ours, brokers_universe) = (universe(&loaded.instruments)?, universe(&brokers)?);
        Ok(Ground { loaded, calendars, universe: ours, brokers_universe, first, last })
    }

    /// The table of a start on a date: the contracts of two years.
    pub fn table_at(&self, date: Date) -> Universe {
        let from = date.first_of_year();
        self.universe.ending_within(from, from.saturating_add(YEARS_OF_CONTRACTS.years()))
    }

    /// Refuses a configuration that means a real gateway, where only the built-in one is served.
    pub fn only_simulated(&self, what: &str) -> Result<(), Failure> {
        if self.loaded.settings.mode == settings::Mode::Simulated {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "mode in {} is not `simulated`, and {what} trades against the built-in gateway only: set `mode: simulated`, or \
             use `run --once` for the gateway in `broker`",
            self.loaded.sources.settings
        )))
    }

    /// The account that is traded: the configured one, or the built-in gateway's.
    pub fn account(&self) -> &str {
        let settings = &self.loaded.settings;
        match (settings.mode, &settings.broker.account) {
            (settings::Mode::Paper | settings::Mode::Live, Some(account)) => account,
            _ => ACCOUNT,
        }
    }

    /// Names of the funds that may be traded.
    fn funds(&self) -> Vec<String> {
        let rows = self.loaded.instruments.iter();
        let funds = rows.filter(|(_, row)| row.tradable && row.kind == InstrumentKind::Etf);
        funds.map(|(name, _)| name.to_owned()).collect()
    }

    /// Trade dates from the first on: weekdays on which a configured venue has a session.
    pub fn trade_dates(&self, count: u32) -> Result<Vec<Date>, Failure> {
        let tradable = self.loaded.instruments.iter().filter(|(_, row)| row.tradable);
        let venues: Vec<Mic> = tradable.map(|(_, row)| row.mic).collect();
        let (_, last) = coverage(&self.calendars);
        let mut dates = Vec::new();
        let mut day = self.first;
        while dates.len() < count as usize {
            if day > last {
                return Err(Failure::Usage(format!(
                    "{count} trading days from {} run past {last}, where the calendars end; {} fit: \
                     ask for no more, or start earlier",
                    self.first,
                    dates.len()
                )));
            }
            let open = self.calendars.is_trade_date(day, &venues).map_err(|error| Failure::Usage(error.to_string()))?;
            if open {
                dates.push(day);
            }
            day = day.tomorrow().map_err(|error| Failure::Usage(error.to_string()))?;
        }
        Ok(dates)
    }

    /// Trade dates from the first on up to another.
    pub fn trade_dates_to(&self, last: Date) -> Result<Vec<Date>, Failure> {
        let tradable = self.loaded.instruments.iter().filter(|(_, row)| row.tradable);
        let venues: Vec<Mic> = tradable.map(|(_, row)| row.mic).collect();
        let days = self.first.series(1.day()).take_while(|day| *day <= last);
        let open = |day: &Date| self.calendars.is_trade_date(*day, &venues);
        let dates: Result<Vec<_>, _> = days.map(|day| open(&day).map(|open| open.then_some(day))).collect();
        let dates = dates.map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(dates.into_iter().flatten().collect())
    }

    /// The configuration of the simulated world.
    pub fn simulation(&self, market: &MarketArgs) -> Result<SimConfig, Failure> {
        let prices = match &market.catalogue {
            None => Prices::Simulated { scenario: market.scenario, seed: market.seed, first_day: self.first },
            Some(dir) => Prices::Replay { series: self.replay(dir)? },
        };
        let start = TimeZone::UTC.to_timestamp(self.first.into()).map_err(|error| Failure::Usage(error.to_string()))?;
        let base = self.loaded.settings.fx.base_currency;
        Ok(SimConfig {
            universe: self.brokers_universe.clone(),
            calendars: self.calendars.clone(),
            prices,
            seed: market.seed,
            start,
            base,
            account: ACCOUNT.into(),
            deposit: Money::new(Decimal::from(DEPOSIT), base),
            events: match market.account_events {
                cli::AccountEvents::None => AccountEvents::none(),
                cli::AccountEvents::Unattended => {
                    AccountEvents { recalls_per_year: 0.0, halts_per_year: 0.0, ..AccountEvents::realistic() }
                }
                cli::AccountEvents::Realistic => AccountEvents::realistic(),
            },
            price_list: match market.commissions {
                cli::Commissions::Fixed => PriceList::Fixed,
                cli::Commissions::Tiered => PriceList::Tiered,
            },
        })
    }

    fn replay(&self, dir: &Path) -> Result<PerContract<Vec<market::Bar>>, Failure> {
        let usage = |error: catalogue::CatalogueError| Failure::Usage(error.to_string());
        let catalogue = Catalogue::open(dir).map_err(usage)?;
        let segment = catalogue.segment_at(self.first).map_err(usage)?;
        let series = self.brokers_universe.contracts().map(|contract| {
            let contract = self.brokers_universe.contract(contract);
            let instrument = &self.brokers_universe.instrument(contract.instrument).name;
            let name = catalogue::series_name(instrument, contract.expiry);
            segment.series(&name).map_or_else(|| Ok(Vec::new()), |_| segment.bars(&name).map_err(usage))
        });
        Ok(PerContract::from_vec(series.collect::<Result<_, _>>()?))
    }

    /// The run and its world in front of a gateway, in the time of a clock.
    pub async fn world<C: Clock>(
        &self,
        Engaged { mut journal, path }: Engaged,
        gateway: Address,
        clock: C,
        outside: Outside,
    ) -> Result<(Run, World<IbkrBroker, AccountJournal, C>), Failure> {
        journal.keep(self.loaded.recorded().as_bytes());
        let universe = Arc::new(self.with_options(&mut journal).await?);
        let base = self.broker_config(gateway);
        // The gateway may hold the session of the engine that died until it notices.
        let patient = self.loaded.settings.broker.ready_timeout.unsigned_abs();
        let ready_timeout = if outside.standby { patient } else { base.ready_timeout };
        let config = IbkrConfig {
            ready_timeout,
            order_id_high_water: order_ids::high_water(&mut journal).await?,
            pins: self.pins(&mut journal).await?,
            ..base
        };
        let broker = IbkrBroker::connect(config, universe.clone()).await.map_err(|error| self.not_connected(error))?;
        let mut run = self.run(journal.fence(), path, outside.adopter)?;
        run.loosening = outside.loosening;
        run.id = journal.run().to_owned();
        run.setup = run.setup.over((*universe).clone());
        let statements = outside.statements.map(|flex| ActivitySource::Flex(Box::new(flex)));
        let rates = SecondRates::configured(&self.loaded)?;
        Ok((run, World { broker, journal, statements, rates, clock, closed: None }))
    }

    fn not_connected(&self, error: BrokerError) -> Failure {
        match self.loaded.settings.mode {
            settings::Mode::Simulated if matches!(error, BrokerError::Refused(_)) => error.into(),
            settings::Mode::Simulated => Failure::Broker(format!(
                "{error} (start `abstractfinance gateway`, or name its address with --gateway)"
            )),
            _ => Failure::Broker(format!("{error} (`broker` in settings.yaml names the gateway and the account)")),
        }
    }

    /// The broker's contract ids: those of earlier sessions, and before them what a person wrote into the table.
    async fn pins(&self, journal: &mut AccountJournal) -> Result<Pins, Failure> {
        let mut pins = pins::known(journal).await?;
        let written = self.loaded.instruments.iter().filter_map(|(name, row)| Some((name.to_owned(), row.con_id?)));
        pins.extend(written);
        Ok(pins)
    }

    /// A simulation as this run's universe sees it.
    pub fn market(&self, simulation: Simulation) -> SimWorld {
        SimWorld::new(simulation, self.universe.clone(), &self.brokers_universe)
    }

    /// A simulation in this process, seen by broker, statements and clock, with a journal that somebody else chose.
    pub fn research<J>(&self, market: &SimWorld, journal: J) -> World<SimBroker, J, SimClock> {
        let statements = Some(ActivitySource::Simulated(market.statements()));
        World { broker: market.broker(), journal, statements, rates: None, clock: market.clock(), closed: None }
    }

    /// What stays the same over a run.
    pub fn run(&self, fence: i64, journal: String, adopter: Option<Adopter>) -> Result<Run, Failure> {
        Ok(Run {
            setup: policy::dated_setup(&self.loaded, (*self.universe).clone(), &self.calendars)
                .map_err(|error| Failure::Usage(error.to_string()))?,
            calendars: self.calendars.clone(),
            screens: fundamentals::load(&self.loaded, self.first, self.last)?,
            settings: self.loaded.settings.clone(),
            account: account_tag(self.account()),
            fence,
            configuration: format!("{:x}", Sha256::digest(self.loaded.recorded())),
            adopter,
            loosening: None,
            is_research: false,
            id: String::new(),
            journal,
        })
    }

    /// The universe with the options of the last day that was begun, or of a file: they may be held, or in orders. Once that
    /// day is closed, those that ended long before are left behind, unless the books still need one.
    async fn with_options(&self, journal: &mut AccountJournal) -> Result<Universe, Failure> {
        let left = day::stored_book(journal).await?.and_then(|book| book.date.map(|date| (book, date)));
        Ok(match (ports::Journal::latest(journal, "inputs").await?, left) {
            (Some(inputs), Some((book, date))) if date == inputs.trade_date => living(&book, date, &self.universe),
            (Some(inputs), _) => cycle::store::universe_of(&inputs, &self.universe),
            (None, Some((book, date))) => living(&book, date, &self.universe),
            (None, None) => (*self.universe).clone(),
        })
    }

    /// A session that only asks; it takes the account the gateway serves.
    pub async fn inspector(&self, gateway: impl Display) -> Result<IbkrBroker, Failure> {
        let address = Address {
            gateway: gateway.to_string(),
            virtual_time: self.loaded.settings.mode == settings::Mode::Simulated,
        };
        let mut config = IbkrConfig { account: None, ..self.broker_config(address) };
        config.ready_timeout = config.ready_timeout.min(INSPECTOR_READY);
        Ok(IbkrBroker::connect(config, self.universe.clone()).await?)
    }

    fn broker_config(&self, Address { gateway, virtual_time }: Address) -> IbkrConfig {
        let broker = &self.loaded.settings.broker;
        let wall = |duration: jiff::SignedDuration| duration.unsigned_abs();
        let ready = wall(broker.ready_timeout);
        IbkrConfig {
            address: gateway,
            client_id: i32::try_from(broker.client_id).unwrap_or(i32::MAX),
            account: Some(self.account().to_owned()),
            ready_timeout: if virtual_time { ready.min(SIMULATED_READY) } else { ready },
            request_timeout: if virtual_time { SIMULATED_ANSWER } else { ANSWER },
            heartbeat_timeout: wall(broker.heartbeat),
            virtual_time,
            order_id_high_water: 0,
            pins: Pins::new(),
        }
    }
}

/// A table with the options that books left by a date have still to do with.
pub(crate) fn living(book: &Book, date: Date, table: &Universe) -> Universe {
    let kept = date.saturating_sub(ENDED_OPTION_DAYS.days());
    let lives = |name: &&str| OptionKey::parse(name).is_some_and(|(_, key)| key.expiry >= kept);
    let mut universe = table.clone();
    universe.list_named(book.contracts.iter().map(String::as_str).filter(lives));
    while let Err(UnknownContract(needed)) = book.clone().rekeyed(&universe) {
        let known = universe.contract_count();
        universe.list_named([needed.as_str()]);
        if universe.contract_count() == known {
            break; // no option: the day says what is missing
        }
    }
    universe
}

/// Where a gateway is, and whose time it keeps.
#[derive(Clone, Debug)]
pub struct Address {
    /// Host and port.
    pub gateway: String,
    /// It is a simulated one whose clock stands still between steps.
    pub virtual_time: bool,
}

impl Address {
    /// A simulated gateway in step with the engine.
    pub fn simulated(gateway: SocketAddr) -> Address {
        Address { gateway: gateway.to_string(), virtual_time: true }
    }
}

/// What a run gets besides gateway and clock.
#[derive(Default)]
pub struct Outside {
    /// The broker's activity statements.
    pub statements: Option<FlexStatements>,
    /// Who takes over positions the engine did not open.
    pub adopter: Option<Adopter>,
    /// Who lets the engine do more than on its last day.
    pub loosening: Option<Adopter>,
    /// It takes over from an engine whose session the gateway may still hold.
    pub standby: bool,
}

/// The statements of a gateway in this process.
pub fn embedded_statements(address: SocketAddr, access: &StatementAccess) -> Result<FlexStatements, Failure> {
    let config = flex_config(format!("http://{address}/AccountManagement/FlexWebService"), &access.query, ACCOUNT);
    let config = FlexConfig { first_pause: SIMULATED_PAUSE, ..config };
    FlexStatements::new(config, Secret::embedded(&access.token)).map_err(|error| Failure::Broker(error.to_string()))
}

/// The statements the settings name, if they name any.
pub fn configured_statements(ground: &Ground) -> Result<Option<FlexStatements>, Failure> {
    let Some(statements) = &ground.loaded.settings.broker.statements else { return Ok(None) };
    let token = Secret::from_file(&statements.token_file).map_err(|error| Failure::Usage(error.to_string()))?;
    let config = flex_config(statements.url.clone(), &statements.query_id, ground.account());
    let config = match ground.loaded.settings.mode {
        settings::Mode::Simulated => FlexConfig { first_pause: SIMULATED_PAUSE, ..config },
        settings::Mode::Paper | settings::Mode::Live => config,
    };
    FlexStatements::new(config, token).map(Some).map_err(|error| Failure::Usage(error.to_string()))
}

fn flex_config(url: String, query_id: &str, account: &str) -> FlexConfig {
    FlexConfig {
        url,
        query_id: query_id.to_owned(),
        account: account.to_owned(),
        ready_timeout: STATEMENT_READY,
        first_pause: Duration::from_secs(1),
    }
}

/// The script of faults a command line names, or the one a number makes from the first date on.
pub fn faults(asked: &FaultArgs, ground: &Ground) -> Result<Vec<Fault>, Failure> {
    let Some(named) = &asked.faults else { return Ok(Vec::new()) };
    let (number, contracts) = match named.strip_suffix(ACCOUNT_TOO) {
        Some(number) => (number, ground.funds()),
        None => (named.as_str(), Vec::new()),
    };
    if let Ok(seed) = number.parse() {
        return Ok(gateway::faults_by_seed(seed, ground.first, FAULTY_DAYS, &contracts));
    }
    let failed = |problem: &dyn std::fmt::Display| Failure::Usage(format!("{named}: {problem}"));
    let text = std::fs::read_to_string(named).map_err(|error| failed(&error))?;
    gateway::read_faults(&text).map_err(|bad| failed(&bad))
}

/// The first six hexadecimal digits of the account's SHA-256.
pub fn account_tag(account: &str) -> AccountTag {
    let digest = Sha256::digest(account.as_bytes());
    let text: String = digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    text.parse().expect("six hexadecimal digits")
}
