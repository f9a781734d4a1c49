//! Workload W: the agreed daily long/short volatility-target backtest engines are compared on.
//!
//! In: a binary file of weights, opens and closes. Out: a setup in which no limit binds, and the
//! hand-written loop that is the physical limit. Invariant: both give the same NAV and trades.

use crate::next_session::{NextSession, Outcome, Prices};
use cycle::setup::References;
use cycle::{Policy, Setup};
use domain::rounding::LotRounding;
use domain::{
    AssetClass, BasisPoints, Contract, ContractId, Currency, Instrument, InstrumentId, InstrumentKind, Money, Price,
    Universe,
};
use execution::{ExecutionPolicy, PairPolicy, Style};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use market::Panel;
use risk::{
    Caps, CollarPolicy, GatePolicy, LossPolicy, MomentumPolicy, ReconciliationPolicy, RegimePolicy, VolatilityPolicy,
};
use rust_decimal::{Decimal, dec};
use std::io::Read;
use strategy::{FxHedgePolicy, RebalancePolicy, RollPolicy, Sleeve, SleeveKind};

/// Row of the first decision: the day with the sixtieth return.
pub const FIRST_DECISION: usize = 60;
/// Capital at the start, in dollars.
pub const CAPITAL: f64 = 10_000_000.0;
/// Commission on traded value.
pub const COMMISSION: BasisPoints = BasisPoints(5);

/// A workload as it lies on disk, in memory.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Signed weights, gross 1.
    pub weights: Vec<f64>,
    /// Prices, time-major.
    pub prices: Prices,
}

/// A file that is no workload.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}: expected two little-endian u64 (N, T), then N weights and T·N opens and closes as f64, all prices above zero"
)]
pub struct BadWorkload(String);

impl Workload {
    /// The same of what is in memory.
    ///
    /// # Errors
    /// As [`Workload::read`].
    pub fn parse(bytes: &[u8]) -> Result<Workload, BadWorkload> {
        Workload::read(bytes)
    }

    /// Reads the binary layout to the end of its source, through a small buffer: a second copy of it is never in memory.
    ///
    /// # Errors
    /// [`BadWorkload`] when sizes do not fit or a price is not positive.
    pub fn read(mut source: impl Read) -> Result<Workload, BadWorkload> {
        let mut header = [0; 16];
        source.read_exact(&mut header).map_err(|_| BadWorkload("no header".into()))?;
        let sizes = header.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let sizes: Vec<usize> = sizes.map(|size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
        let (n, t) = (sizes[0], sizes[1]);
        let misfit = || BadWorkload(format!("its size does not fit N = {n}, T = {t}"));
        if n == 0 || n >= usize::from(u16::MAX) {
            return Err(misfit());
        }
        if t <= FIRST_DECISION {
            return Err(BadWorkload(format!("T = {t} has no sixtieth return")));
        }
        let prices = n.checked_mul(t).ok_or_else(misfit)?;
        let mut column = |length| column(&mut source, length).ok_or_else(misfit);
        let (weights, opens, closes) = (column(n)?, column(prices)?, column(prices)?);
        if source.read(&mut [0]).ok() != Some(0) {
            return Err(misfit());
        }
        // Asked of all of them without a branch: there are millions.
        let are_prices = |prices: &[f64]| prices.iter().fold(true, |all, p| all & (*p > 0.0) & (*p < f64::INFINITY));
        if !are_prices(&opens) || !are_prices(&closes) || !weights.iter().all(|w| w.is_finite()) {
            return Err(BadWorkload("a price that is not above zero, or a weight that is no number".into()));
        }
        let dates = weekdays(date(2004, 1, 5), t);
        let marks = closes.iter().map(|close| Price::from_f64(*close).ok()).collect();
        let closes = Panel::from_time_major(dates.clone(), n, closes);
        Ok(Workload { weights, prices: Prices { closes, marks, opens, dates } })
    }

    /// Runs it through the engine's own decide, gate, permits, tickets and ledger.
    pub fn run(&self, setup: &Setup) -> Outcome {
        let capital = Money::new(Decimal::try_from(CAPITAL).expect("a whole number"), Currency::Usd);
        NextSession::new(setup, COMMISSION).run(&self.prices, capital, FIRST_DECISION)
    }

    /// The policy of W: one signed basket, its own band and truncation, no limit that binds.
    pub fn setup(&self) -> Setup {
        let n = self.weights.len();
        let instruments = (0..n).map(instrument).collect();
        let contract =
            |i: usize| Contract { name: format!("W{i:03}"), instrument: InstrumentId(i as u16), expiry: None };
        let universe = Universe::new(instruments, (0..n).map(contract).collect());
        let members = self.weights.iter().enumerate().map(|(i, &w)| (ContractId(i as u32), w)).collect();
        let kind = SleeveKind::WeightedBasket { members };
        let sleeve = Sleeve { name: "basket".into(), budget: 1.0, follows_momentum: false, kind };
        Setup::new(universe, policy(sleeve, 0.19 / n as f64), References::default(), Currency::Usd)
    }
}

/// So many doubles; `None` when there is no room for them, or not as many.
fn column(source: &mut impl Read, length: usize) -> Option<Vec<f64>> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).ok()?;
    let mut buffer = [0; 1 << 15];
    while values.len() < length {
        let bytes = buffer.len().min((length - values.len()) * 8);
        source.read_exact(&mut buffer[..bytes]).ok()?;
        values.extend(buffer[..bytes].as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)));
    }
    Some(values)
}

fn policy(sleeve: Sleeve, band: f64) -> Policy {
    Policy {
        sleeves: vec![sleeve],
        volatility: VolatilityPolicy {
            target: 0.12,
            floor: 0.08,
            ewma_span: 20,
            rolling_window: 60,
            ewma_weight: 0.7,
            scale_max: 2.0,
            observations_min: 60,
            degraded_scale_max: 0.0,
            source: risk::ReturnsOf::UnitStrategy,
        },
        watchdog: None,
        loss: LossPolicy { day_alert: 1.0, day_reduce_only: 1.0, day_cancel_only: 1.0, hard_stop_drawdown: None },
        report_days: 0,
        regime: RegimePolicy {
            vix_enter_elevated: 1e9,
            vix_exit_elevated: 1e9,
            vix_enter_crisis: 1e9,
            vix_exit_crisis: 1e9,
            drawdown_enter_elevated: 1e9,
            drawdown_enter_crisis: 1e9,
            drawdown_exit_crisis: 1e9,
            drawdown_exit_elevated: 1e9,
            persistence_days: 3,
            escalate_immediately: vec![],
            factors: [1.0; 4],
        },
        caps: Caps { gross_max: 1e9, net_max: 1e9 },
        momentum: MomentumPolicy {
            short_window: 50,
            long_window: 200,
            slope_rows: 20,
            reduce_factor: 1.0,
            moderate_factor: 1.0,
            unknown_factor: 1.0,
        },
        rebalance: RebalancePolicy {
            drift_of_target: 0.0,
            drift_of_nav: band,
            rounding: LotRounding::TowardZero,
            trade_min: 0.0,
        },
        fx_hedge: FxHedgePolicy { ratio: 1.0, band_of_nav: 0.01, unhedged_of_nav_max: 0.005, rules: vec![] },
        short_proxies: vec![],
        history_proxies: vec![],
        rolls: RollPolicy { deadline_sessions: 3, start_sessions: 5, broker_close_outs: vec![] },
        gate: GatePolicy {
            plan_move_max: 0.05,
            order_value_max: 1e6,
            turnover_max: 1e9,
            gross_max: 1e9,
            net_max: 1e9,
            position_max: 1e9,
            adv_max: 1.0,
            adv_slice: 1.0,
            excess_liquidity_min: 0.0,
            what_if: false,
            orders_per_side_max: 1_000,
            messages_per_second_max: u32::MAX,
            restricted: vec![],
            quote_age_max_s: 60,
            collars: vec![(AssetClass::Stock, CollarPolicy { width: BasisPoints(10), ticks_min: 2 })],
        },
        execution: ExecutionPolicy {
            style: Style::MarketableLimit,
            styles: vec![],
            passive_s: 60,
            rest_to_close: false,
            auction_lead_s: 600,
            participation_max: 0.10,
            spread_buffer: 0.25,
            ttl_s: 120,
            replace_interval_s: 15,
            replaces_max: 6,
            pairs: PairPolicy { hedges: Vec::new(), trigger: 0.30, patience_s: 5, legging_s: 60 },
        },
        reconciliation: ReconciliationPolicy {
            warn: 0.0002,
            halt: 0.0025,
            emergency: 0.01,
            cash_absolute: dec!(1),
            cash_fraction: 0.0001,
            auto_clear: false,
            marks: vec![],
        },
    }
}

fn instrument(i: usize) -> Instrument {
    Instrument::plain(&format!("W{i:03}"), InstrumentKind::Stk, Currency::Usd)
}

fn weekdays(first: Date, count: usize) -> Vec<Date> {
    let next = |day: &Date| {
        let days = if day.weekday() == Weekday::Friday { 3 } else { 1 };
        day.checked_add(days.days()).ok()
    };
    std::iter::successors(Some(first), next).take(count).collect()
}

/// The limit: the same arithmetic in one hand-written loop over doubles, without any books.
pub fn hand_written(workload: &Workload) -> (f64, u64) {
    let n = workload.weights.len();
    let t = workload.prices.dates.len();
    let (opens, weights) = (&workload.prices.opens[..], &workload.weights[..]);
    let closes = workload.prices.closes.raw();
    let (alpha, band, commission) = (2.0 / 21.0, 0.19 / n as f64, COMMISSION.fraction());
    let (mut s1, mut s2, mut m1, mut m2) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    let mut recent = [0.0_f64; 60];
    let mut held = vec![0.0_f64; n];
    let mut orders: Vec<(usize, f64)> = Vec::with_capacity(n);
    let (mut cash, mut trades) = (CAPITAL, 0_u64);
    for day in 1..t {
        let (close, before, open) =
            (&closes[day * n..(day + 1) * n], &closes[(day - 1) * n..day * n], &opens[day * n..(day + 1) * n]);
        for &(i, change) in &orders {
            let value = change * open[i];
            cash -= value + value.abs() * commission;
            held[i] += change;
            trades += 1;
        }
        orders.clear();
        let mut r = 0.0;
        for i in 0..n {
            r += weights[i] * (close[i] / before[i] - 1.0);
        }
        s1 = 1.0 + (1.0 - alpha) * s1;
        s2 = 1.0 + (1.0 - alpha) * (1.0 - alpha) * s2;
        m1 = r + (1.0 - alpha) * m1;
        m2 = r * r + (1.0 - alpha) * m2;
        recent[(day - 1) % 60] = r;
        if day < FIRST_DECISION || day == t - 1 {
            continue;
        }
        let mean = m1 / s1;
        let ewma = ((m2 / s1 - mean * mean) * s1 * s1 / (s1 * s1 - s2)).sqrt();
        let average = recent.iter().sum::<f64>() / 60.0;
        let rolling = (recent.iter().map(|x| (x - average) * (x - average)).sum::<f64>() / 59.0).sqrt();
        let vol = ((0.7 * ewma + 0.3 * rolling) * 252.0_f64.sqrt()).max(0.08);
        let scale = (0.12 / vol).min(2.0);
        let nav = cash + (0..n).map(|i| held[i] * close[i]).sum::<f64>();
        for i in 0..n {
            let target = scale * weights[i] * nav;
            if held[i] == 0.0 || (target - held[i] * close[i]).abs() > band * nav {
                let change = (target / close[i]).trunc() - held[i];
                if change != 0.0 {
                    orders.push((i, change));
                }
            }
        }
    }
    let last = &closes[(t - 1) * n..];
    (cash + (0..n).map(|i| held[i] * last[i]).sum::<f64>(), trades)
}
