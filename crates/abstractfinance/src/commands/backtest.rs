//! `backtest`: the live day over a history, in virtual time and in this process.
//!
//! In: a market or a catalogue, two dates, a depth. Out: a page or JSON, and files when a folder is named. Invariant: the
//! days are run by what runs them live; this file only counts what they did.

use super::{lookahead, show};
use crate::cli::{BacktestArgs, Depth, Global, SpanOfResearch};
use crate::day::{Run, World, run_day};
use crate::failure::Failure;
use crate::world::{Ground, StateFolder};
use ::backtest::result::{Day, FillRow, OrderRow, Origin, Result as Research, Run as About, to_f64};
use ::backtest::{ResearchJournal, SimBroker, SimClock, SimWorld, page};
use console::DayReport;
use domain::{Currency, Money};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::ToSpan;
use jiff::civil::Date;
use journal::Takeover;
use ports::Journal;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sha2::{Digest, Sha256};
use sim::{Fills, Prices, SimConfig, Simulation, StatementItem};
use std::collections::BTreeMap;

pub async fn backtest(global: &Global, args: &BacktestArgs) -> Result<(), Failure> {
    let (from, to) = span(&args.span)?;
    let weekdays = (to - from).get_days() / 7 * 5 + 5;
    let ground = Ground::new(global, Some(from), weekdays.unsigned_abs())?;
    ground.only_simulated("a backtest")?;
    let dates = ground.trade_dates_to(to)?;
    if dates.is_empty() {
        return Err(Failure::Usage(format!("no configured venue has a session between {from} and {to}")));
    }
    if args.check_lookahead {
        return lookahead::check(global, args, &ground, &dates).await;
    }
    let result = run(global, args, &ground, &dates).await?;
    if let Some(dir) = &args.out {
        ::backtest::files::write(&result, dir).map_err(|error| {
            Failure::Usage(format!("cannot write to {}: {error}; name another --out", dir.display()))
        })?;
    }
    let summary = result.summary();
    show(if global.json {
        format!("{}\n", serde_json::to_string(&summary).expect("plain data"))
    } else {
        page::page(&summary, args.out.as_deref())
    })
}

/// Runs every trade date.
async fn run(global: &Global, args: &BacktestArgs, ground: &Ground, dates: &[Date]) -> Result<Research, Failure> {
    let config = ground.simulation(&args.span.market)?;
    let about = about(global, &args.span, ground, &config);
    let simulation = simulation(config, args.span.depth)?;
    let Some(dir) = &global.state_dir else {
        return research(about, ground, simulation, dates, true).await;
    };
    let market = ground.market(simulation);
    let counted = Counted::new(about, true);
    let engaged = StateFolder::open(dir, &ground.loaded.settings).await?;
    let mut engaged = engaged.engage(ground.account(), Takeover::OfTheDead).await?;
    engaged.journal.keep(ground.loaded.recorded().as_bytes());
    let fence = engaged.journal.fence();
    let mut run = Run { is_research: true, ..ground.run(fence, engaged.path, None)? };
    let mut world = ground.research(&market, engaged.journal);
    if world.journal.latest("plan").await?.is_some() {
        return Err(Failure::Usage(format!(
            "{} has days in it already, and a backtest begins with an account of its own; name an empty --state-dir",
            dir.display()
        )));
    }
    let result = counted.days(dates, &mut run, &mut world, &market).await;
    world.journal.close().await?;
    result
}

/// Runs every trade date without a journal.
pub(super) async fn research(
    about: About,
    ground: &Ground,
    simulation: Simulation,
    dates: &[Date],
    shows_progress: bool,
) -> Result<Research, Failure> {
    let market = ground.market(simulation);
    let journal = "none: without --state-dir a backtest keeps no journal".into();
    let mut run = Run { is_research: true, ..ground.run(0, journal, None)? };
    let mut world = ground.research(&market, ResearchJournal::default());
    Counted::new(about, shows_progress).days(dates, &mut run, &mut world, &market).await
}

/// The world at its beginning, with an exchange of a depth.
pub(super) fn simulation(config: SimConfig, depth: Depth) -> Result<Simulation, Failure> {
    let fills = match depth {
        Depth::NextSession => Fills::Whole,
        Depth::OrderLevel => Fills::Book,
    };
    Simulation::filling(config, fills).map_err(|error| Failure::Usage(error.to_string()))
}

/// The span asked for: a year when only its beginning is named.
pub(super) fn span(args: &SpanOfResearch) -> Result<(Date, Date), Failure> {
    let from = args.market.from.unwrap_or(crate::world::FIRST_DAY);
    let to = args.to.unwrap_or_else(|| from.saturating_add(1.year()).saturating_sub(1.day()));
    if to < from {
        return Err(Failure::Usage(format!("--to {to} lies before --from {from}")));
    }
    Ok((from, to))
}

pub(super) fn about(global: &Global, args: &SpanOfResearch, ground: &Ground, config: &SimConfig) -> About {
    let market = match (&args.market.catalogue, args.market.scenario, args.market.seed) {
        (Some(dir), _, seed) => format!("{}, paths inside the day by seed {seed}", dir.display()),
        (None, scenario, seed) => format!("simulated: {scenario}, seed {seed}"),
    };
    let title = global.config.as_deref().and_then(|dir| dir.file_name());
    let title = title.map_or_else(|| "built-in configuration".to_owned(), |name| name.to_string_lossy().into_owned());
    About {
        title,
        depth: args.depth.name().to_owned(),
        market,
        base: ground.loaded.settings.fx.base_currency.to_string(),
        vol_target: ground.loaded.settings.vol_target_annual,
        origin: Origin {
            data: data_hash(config),
            config: hash(&[
                format!("{:?}", ground.loaded.settings).as_bytes(),
                format!("{:?}", ground.loaded.instruments).as_bytes(),
                format!("{:?}", ground.loaded.universes).as_bytes(),
            ]),
            code: env!("CARGO_PKG_VERSION").to_owned(),
            program: program().to_owned(),
        },
    }
}

/// What the prices are made of: the bars themselves, or what they are computed from.
fn data_hash(config: &SimConfig) -> String {
    let world = format!("{} {} {:?} {:?}", config.seed, config.start, config.deposit, config.events);
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
    hash(&[world.as_bytes(), prices.as_bytes()])
}

/// The hash of this program's own file.
fn program() -> &'static str {
    static PROGRAM: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| {
        let bytes = std::env::current_exe().and_then(std::fs::read);
        bytes.map_or_else(|_| String::new(), |bytes| hex(&Sha256::digest(bytes)))
    })
}

fn hash(parts: &[&[u8]]) -> String {
    let mut all = Sha256::new();
    parts.iter().for_each(|part| all.update(part));
    hex(&all.finalize())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was counted so far.
struct Counted {
    result: Research,
    /// Executions and entries of the statement that are counted already.
    executions: usize,
    entries: usize,
    /// Whether a date ended in a mode in which nothing more is sent.
    stopped: bool,
    /// By instrument or currency: the first date with a doubt, its sentence, and the number of dates.
    doubts: BTreeMap<String, (String, String, usize)>,
    shows_progress: bool,
}

impl Counted {
    fn new(run: About, shows_progress: bool) -> Counted {
        let result = Research { run, days: Vec::new(), orders: Vec::new(), fills: Vec::new(), warnings: Vec::new() };
        Counted { result, executions: 0, entries: 0, stopped: false, doubts: BTreeMap::new(), shows_progress }
    }

    /// Runs every date as it runs live, and counts what it did.
    async fn days<J: Journal>(
        mut self,
        dates: &[Date],
        run: &mut Run,
        world: &mut World<SimBroker, J, SimClock>,
        market: &SimWorld,
    ) -> Result<Research, Failure> {
        let bar = if self.shows_progress { progress(dates.len() as u64) } else { ProgressBar::hidden() };
        for &date in dates {
            bar.set_message(date.to_string());
            let report = run_day(date, run, world).await?;
            self.day(&report, market);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(self.into_result())
    }

    fn day(&mut self, report: &DayReport, market: &SimWorld) {
        let date: Date = report.date.parse().expect("reports are dated");
        self.orders(date, report);
        let (traded, commission) = self.fills(market);
        let (dividends, financing, fees) = self.activity(market);
        let slippage = report.orders.iter().filter_map(|order| slippage(order, market)).sum();
        self.warn(report);
        self.result.days.push(Day {
            date,
            nav_at_plan: report.nav_at_plan,
            nav: report.nav,
            unit_value: report.unit_value,
            daily_return: report.daily_return,
            drawdown: report.drawdown,
            gross: report.gross_of_nav,
            net: report.net_of_nav,
            regime: report.regime.clone(),
            mode: report.mode.clone(),
            volatility: report.vol,
            vol_scale: report.vol_scale,
            state_factor: report.state_factor,
            momentum_factor: report.momentum_factor,
            scale: report.scale,
            vix: report.vix,
            traded,
            commission,
            slippage,
            dividends,
            financing,
            fees,
            orders: report.orders.len(),
            refused: report.refusals.len(),
            breaks: report.differences.len(),
            difference_bp: report.difference_bp,
            doubts: report.doubts.len(),
            sleeves: report.sleeves.iter().map(|row| (row.sleeve.clone(), to_f64(row.today))).collect(),
            plan_hash: report.plan_hash.clone(),
        });
    }

    fn orders(&mut self, date: Date, report: &DayReport) {
        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        let row = |order: &console::report::Order| OrderRow {
            date,
            order_ref: order.order_ref.clone(),
            contract: order.instrument.clone(),
            sleeves: order.sleeves.join(" "),
            side: order.side.clone(),
            quantity: order.quantity.parse().unwrap_or(f64::NAN),
            purpose: order.purpose.clone(),
            filled: order.filled.parse().unwrap_or(f64::NAN),
            average_price: number(&order.average_price),
            arrival: number(&order.arrival),
            slippage_bps: order.slippage_bps,
            status: order.status.clone(),
            children: order.children,
        };
        self.result.orders.extend(report.orders.iter().map(row));
    }

    /// Executions since the last date: what they traded, and what was charged for them.
    fn fills(&mut self, market: &SimWorld) -> (f64, f64) {
        let (rows, traded, commission) = market.look(|world| {
            let all = world.executions(jiff::Timestamp::MIN);
            let (mut rows, mut traded, mut commission) = (Vec::new(), 0.0, 0.0);
            for one in &all[self.executions..] {
                // Options are listed as they are chosen.
                let universe = world.universe();
                let instrument = universe.instrument_of(one.contract);
                let value = one.quantity.value_at(one.price, instrument.multiplier);
                let notional = base(world, Money::new(value, instrument.currency));
                let charge = base(world, one.commission);
                traded += notional;
                commission -= charge;
                rows.push(FillRow {
                    at: one.at.to_string(),
                    execution: one.id.to_string(),
                    order_ref: one.order_ref.clone(),
                    contract: universe.contract(one.contract).name.clone(),
                    side: one.side.to_string(),
                    quantity: one.quantity.to_f64(),
                    price: one.price.to_f64(),
                    currency: instrument.currency.to_string(),
                    commission: one.commission.amount.to_f64().unwrap_or(f64::NAN),
                    notional,
                });
            }
            (rows, traded, commission)
        });
        self.executions += rows.len();
        self.result.fills.extend(rows);
        (traded, commission)
    }

    /// Dividends, interest with borrow fees, and other fees since the last date, as they became due.
    fn activity(&mut self, market: &SimWorld) -> (f64, f64, f64) {
        let (mut dividends, mut financing, mut fees) = (0.0, 0.0, 0.0);
        let seen = market.look(|world| {
            let all = world.statement();
            for entry in &all[self.entries..] {
                let amount = |amount: Decimal| base(world, Money::new(amount, entry.currency));
                match &entry.item {
                    StatementItem::DividendAccrual(accrual) if !accrual.reversal => dividends += amount(accrual.net()),
                    &StatementItem::InterestAccrual { amount: due, reversal: false } => financing += amount(due),
                    &StatementItem::Cash { kind: sim::CashKind::OtherFee, amount: paid, .. } => fees += amount(paid),
                    _ => {}
                }
            }
            all.len()
        });
        self.entries = seen;
        (dividends, financing, fees)
    }

    /// Says once when the engine stopped, and keeps what it did not know.
    fn warn(&mut self, report: &DayReport) {
        let stopped = ["CANCEL_ONLY", "FROZEN"].contains(&report.mode.as_str());
        if stopped && !self.stopped {
            let why = report.steps.iter().rev().find(|step| step.outcome == "stopped");
            let why = why.map_or_else(String::new, |step| format!(": {}, {}", step.name, step.detail));
            self.result.warnings.push(format!(
                "{}: the engine stopped in mode {}{why}. It sends nothing from here on, as it would live",
                report.date, report.mode
            ));
        }
        self.stopped |= stopped;
        for doubt in &report.doubts {
            let about = doubt.split(':').next().unwrap_or_default().to_owned();
            let (_, _, dates) = self.doubts.entry(about).or_insert((report.date.clone(), doubt.clone(), 0));
            *dates += 1;
        }
    }

    /// The run, with one line about each mark or rate that was ever in doubt.
    fn into_result(mut self) -> Research {
        let mut doubts: Vec<(String, String, usize)> = self.doubts.into_values().collect();
        doubts.sort();
        self.result.warnings.extend(doubts.into_iter().map(|(first, doubt, dates)| {
            let again = if dates > 1 { format!(" ({dates} dates in all, this one first)") } else { String::new() };
            format!("{first}: {doubt}{again}")
        }));
        self.result
    }
}

/// What an order paid against the mid when it was let out, in base currency; negative when paid.
fn slippage(order: &console::report::Order, market: &SimWorld) -> Option<f64> {
    let bps = order.slippage_bps?;
    let terms = market.look(|world| {
        let universe = world.universe();
        universe.find_contract(&order.instrument).map(|contract| *universe.terms(contract))
    })?;
    let (filled, arrival): (f64, f64) = (order.filled.parse().ok()?, order.arrival.as_ref()?.parse().ok()?);
    let rate = market.look(|world| world.exchange_rate(terms.currency)).and_then(|rate| rate.to_f64())?;
    Some(-bps / 1e4 * filled.abs() * arrival * f64::from(terms.multiplier) * rate)
}

/// For figures: an amount at the simulation's rate of the moment.
fn base(world: &Simulation, amount: Money) -> f64 {
    let rate = |currency: Currency| world.exchange_rate(currency).and_then(|rate| rate.to_f64());
    rate(amount.currency).map_or(f64::NAN, |rate| rate * to_f64(amount.amount))
}

fn progress(days: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} days  {per_sec}  {eta} left  {msg}");
    ProgressBar::new(days).with_style(style.expect("a constant template"))
}
