//! Trade dates of a backtest, run as they run live, and counted.
//!
//! In: dates, a run and its world. Out: what was done on each date. Invariant: the days are run by what runs them live; this
//! file counts what they did, and between two of them does what a start or a person would do live.

use super::notes::Notes;
use super::person::{Person, why};
use super::{Step, Watch};
use crate::activity::ActivitySource;
use crate::day::{Run, World, run_day};
use crate::failure::Failure;
use crate::policy::dated_setup;
use crate::world::{Ground, living};
use ::backtest::result::{Day, FillRow, OrderRow, Result as Research, Run as About, to_f64};
use ::backtest::{SimBroker, SimClock, SimWorld};
use console::DayReport;
use cycle::{Entry, store};
use domain::{Currency, Money};
use jiff::civil::Date;
use ports::{Clock, Journal};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sim::{Simulation, StatementItem};
use std::sync::Arc;

/// What was counted so far.
pub(crate) struct Counted {
    result: Research,
    /// Executions and entries of the statement that are counted already.
    executions: usize,
    entries: usize,
    person: Person,
    notes: Notes,
    /// Options in the engine's table from which on it leaves behind those that ended.
    options_max: usize,
    /// The year of whose start the engine's table is.
    year: Option<i16>,
    /// The table is that of the whole study, as a journal needs it.
    is_whole: bool,
}

/// Options of a year or two.
const OPTIONS_MAX: usize = 1_000;

impl Counted {
    /// Nothing counted yet.
    pub(super) fn new(run: About, notes: Notes) -> Counted {
        let person = Person::new(run.resume_after);
        let result = Research { run, days: Vec::new(), orders: Vec::new(), fills: Vec::new(), warnings: Vec::new() };
        let (executions, entries, year, is_whole) = (0, 0, None, false);
        Counted { result, executions, entries, person, notes, options_max: OPTIONS_MAX, year, is_whole }
    }

    /// The same over one table, so that what a journal keeps of any date can be read with the configuration.
    pub(crate) fn over_one_table(self) -> Counted {
        Counted { is_whole: true, ..self }
    }

    /// The same, with another number of options in the engine's table.
    #[cfg(test)]
    pub(crate) fn with_options_max(self, options_max: usize) -> Counted {
        Counted { options_max, ..self }
    }

    /// Runs every date as it runs live, and counts what it did.
    pub(crate) async fn days<J: Journal>(
        mut self,
        dates: &[Date],
        ground: &Ground,
        run: &mut Run,
        world: &mut World<SimBroker, J, SimClock>,
        market: &SimWorld,
        watch: Watch<'_>,
    ) -> Result<Research, Failure> {
        for (done, &date) in dates.iter().enumerate() {
            super::go_on(watch, Step { done, total: dates.len(), date: Some(date) })?;
            let report = run_day(date, run, world).await?;
            let standing = &world.closed.as_ref().expect("a finished date leaves its book").standing;
            self.result.warnings.extend(self.person.look(date, standing, || why(&report)));
            self.day(&report, market);
            if let Some(&next) = dates.get(done + 1) {
                self.answer(next, run, world).await?;
            }
            self.renew_table(ground, run, world)?;
        }
        Ok(self.into_result())
    }

    /// Lets the person of the study say what he says for the next date, where the engine reads it live: in its journal.
    async fn answer<J: Journal>(
        &mut self,
        next: Date,
        run: &Run,
        world: &mut World<SimBroker, J, SimClock>,
    ) -> Result<(), Failure> {
        let Some(instruction) = self.person.answer(next) else { return Ok(()) };
        let said = store::record(&Entry::Operator(instruction), world.clock.now(), &run.setup.universe);
        world.journal.append(next, &[said]).await?;
        Ok(())
    }

    /// Goes on between two days with the table that a start would have: the contracts of two years, and the options that
    /// live. With one that only grows every date would be slower than the one before.
    fn renew_table<J>(
        &mut self,
        ground: &Ground,
        run: &mut Run,
        world: &mut World<SimBroker, J, SimClock>,
    ) -> Result<(), Failure> {
        let Some((book, date)) = world.closed.as_ref().and_then(|book| Some((book, book.date?))) else { return Ok(()) };
        let options = run.setup.universe.contract_count() - run.setup.universe.configured().count();
        let is_new_year = !self.is_whole && self.year != Some(date.year());
        if options < self.options_max && !is_new_year {
            return Ok(());
        }
        let table = if is_new_year { ground.table_at(date) } else { run.setup.universe.without_options() };
        let universe = living(book, date, &table);
        let Ok(book) = book.as_ref().clone().rekeyed(&universe) else {
            return Ok(()); // a contract of last year's is not settled yet: tomorrow
        };
        if is_new_year {
            let setup = dated_setup(&ground.loaded, table, &ground.calendars);
            run.setup = setup.map_err(|error| Failure::Usage(error.to_string()))?;
            self.year = Some(date.year());
        }
        world.closed = Some(Arc::new(book));
        run.setup = run.setup.over(universe.clone());
        world.broker.over(Arc::new(universe));
        world.statements = Some(ActivitySource::Simulated(world.broker.world().statements()));
        Ok(())
    }

    fn day(&mut self, report: &DayReport, market: &SimWorld) {
        let date: Date = report.date.parse().expect("reports are dated");
        self.orders(date, report);
        let (traded, commission) = self.fills(market);
        let (dividends, financing, fees) = self.activity(market);
        let slippage = report.orders.iter().filter_map(|order| slippage(order, market)).sum();
        self.notes.take(report);
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

    /// The run, with what a person should know of it.
    fn into_result(mut self) -> Research {
        self.result.warnings.extend(self.notes.sentences());
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
