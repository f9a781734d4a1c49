//! From settings to the core's policy.
//!
//! In: checked settings and a universe. Out: the run's [`Setup`]. Invariant: a translation of names
//! to keys and percentages to fractions; it adds no choice of its own.

mod hedges;

use crate::settings::{
    self, Basket, FactorScreen, Loaded, LongFactor, Settings, ShortFactor, Universes, VolatilitySource,
};
use cycle::approval::ApprovalRules;
use cycle::setup::References;
use cycle::{Policy, Setup};
use domain::rounding::LotRounding;
use domain::{AssetClass, ContractId, InstrumentId, InstrumentKind, PerCurrency, Universe};
use execution::{ExecutionPolicy, PairPolicy, Style};
use market::calendar::Calendars;
use market::chain::ChainError;
use risk::{
    Caps, CollarPolicy, GatePolicy, LossPolicy, MomentumPolicy, ReconciliationPolicy, Regime, RegimePolicy, ReturnsOf,
    VolatilityPolicy, WatchdogPolicy,
};
use rust_decimal::prelude::ToPrimitive;
use strategy::rolls::roll_dates;
use strategy::{
    Factor, FxHedgePolicy, HedgeRule, RebalancePolicy, Rescreen, RollPolicy, ScreenPolicy, ScreenSide, Sleeve,
    SleeveKind,
};

/// The run's constants with the dates by which futures have to go.
///
/// # Errors
/// [`ChainError`] when a calendar does not reach the roll of a future.
pub fn dated_setup(loaded: &Loaded, universe: Universe, calendars: &Calendars) -> Result<Setup, ChainError> {
    let setup = setup(loaded, universe);
    let rolls = roll_dates(&setup.universe, &setup.policy.rolls, calendars)?;
    Ok(setup.with_rolls(rolls))
}

/// The run's constants, for what trades nothing.
pub fn setup(loaded: &Loaded, universe: Universe) -> Setup {
    let settings = &loaded.settings;
    let references = References {
        vix: universe.find_instrument(&settings.crisis.vix_instrument),
        ratio: universe
            .find_instrument(&settings.momentum.numerator)
            .zip(universe.find_instrument(&settings.momentum.denominator)),
        ratio_in_base: settings.momentum.currency == settings::MomentumCurrency::Common,
        rates: PerCurrency::from_fn(|currency| {
            universe.instruments().find(|&id| {
                let instrument = universe.instrument(id);
                let base = settings.fx.base_currency;
                instrument.kind == InstrumentKind::Cash
                    && instrument.currency == base
                    && instrument.symbol == currency.code()
            })
        }),
    };
    let policy = policy(loaded, &universe);
    Setup::new(universe, policy, references, settings.fx.base_currency)
}

fn policy(loaded: &Loaded, universe: &Universe) -> Policy {
    let settings = &loaded.settings;
    Policy {
        sleeves: settings.sleeves.iter().map(|(name, sleeve)| self::sleeve(name, sleeve, loaded, universe)).collect(),
        volatility: volatility(settings),
        loss: LossPolicy {
            day_alert: settings.risk.day_loss_alert,
            day_reduce_only: settings.risk.day_loss_reduce_only,
            day_cancel_only: settings.risk.day_loss_cancel_only,
            hard_stop_drawdown: settings.risk.hard_stop_drawdown,
        },
        report_days: settings.risk.report_days as usize,
        regime: regime(settings),
        watchdog: Some(WatchdogPolicy {
            every_s: settings.watchdog.every.as_secs(),
            cushion_min: settings.watchdog.margin_cushion_min,
            blind_max_s: settings.watchdog.feed_age_max.as_secs(),
            skew_max_s: settings.watchdog.clock_skew_max.as_secs(),
            storage_slow_ms: settings.watchdog.storage_slow.as_secs() * 1_000,
        }),
        caps: Caps { gross_max: settings.gross_leverage_max, net_max: settings.net_leverage_max },
        momentum: MomentumPolicy {
            short_window: settings.momentum.short_window_days as usize,
            long_window: settings.momentum.long_window_days as usize,
            slope_rows: settings.momentum.slope_window_days as usize,
            reduce_factor: settings.momentum.regime_reduce_factor,
            moderate_factor: settings.momentum.moderate_reduce_factor,
            unknown_factor: settings.momentum.regime_reduce_factor,
        },
        rebalance: RebalancePolicy {
            drift_of_target: settings.rebalance_threshold_pct,
            drift_of_nav: f64::from(settings.rebalance_threshold_nav_bps) / 1e4,
            rounding: LotRounding::HalfAwayFromZero,
            trade_min: settings.execution.min_trade_notional_usd.to_f64().expect("checked when it was read"),
        },
        fx_hedge: fx_hedge(settings, universe),
        short_proxies: proxies(loaded, universe, |row| row.short_proxy.as_deref()),
        history_proxies: proxies(loaded, universe, |row| row.history_proxy.as_deref()),
        rolls: rolls(settings, universe),
        gate: gate(settings, universe),
        execution: execution(settings, universe),
        reconciliation: ReconciliationPolicy {
            warn: f64::from(settings.reconciliation.warn_bps) / 1e4,
            halt: settings.reconciliation.halt_threshold_pct,
            emergency: settings.reconciliation.emergency_threshold_pct,
            cash_absolute: settings.reconciliation.cash_tolerance,
            cash_fraction: f64::from(settings.reconciliation.cash_tolerance_nav_bps) / 1e4,
            marks: settings.reconciliation.mark_tolerances(),
            auto_clear: settings.reconciliation.auto_clear,
        },
    }
}

fn sleeve(name: &str, sleeve: &settings::Sleeve, loaded: &Loaded, universe: &Universe) -> Sleeve {
    let contract = |name: &str| -> ContractId {
        let instrument = universe.find_instrument(name).expect("settings name only instruments of the table");
        universe.contracts_of(instrument).next().expect("what a sleeve can hold has a contract")
    };
    let settings = &loaded.settings;
    let kind = match sleeve {
        settings::Sleeve::Pair { long, short, .. } => SleeveKind::Pair { long: contract(long), short: contract(short) },
        settings::Sleeve::LongShortBaskets { long, short, .. } => {
            SleeveKind::WeightedBasket { members: halves(long, short, contract) }
        }
        settings::Sleeve::FactorScreen(screen) => {
            SleeveKind::FactorScreen(self::screen(screen, &loaded.universes, contract))
        }
        settings::Sleeve::WeightedBasket { members, .. } => SleeveKind::WeightedBasket {
            members: members.iter().map(|(name, &share)| (contract(name), share)).collect(),
        },
        settings::Sleeve::TailHedge(hedge) => {
            SleeveKind::TailHedge(Box::new(hedges::policy(hedge, settings, universe)))
        }
        settings::Sleeve::Cash { .. } => SleeveKind::Cash,
        settings::Sleeve::NotConfigured { .. } => SleeveKind::NotConfigured,
    };
    let follows_momentum = matches!(kind, SleeveKind::Pair { .. });
    Sleeve { name: name.to_owned(), budget: sleeve.weight(), follows_momentum, kind }
}

/// Signed shares of the whole sleeve: half the budget on each side.
fn halves(long: &Basket, short: &Basket, contract: impl Fn(&str) -> ContractId) -> Vec<(ContractId, f64)> {
    let half = |basket: &Basket, half: f64| -> Vec<(ContractId, f64)> {
        basket.shares().into_iter().map(|(name, share)| (contract(name), half * share)).collect()
    };
    [half(long, 0.5), half(short, -0.5)].concat()
}

fn screen(screen: &FactorScreen, universes: &Universes, contract: impl Fn(&str) -> ContractId) -> ScreenPolicy {
    let candidates = |universe: &str| universes[universe].iter().map(|member| contract(&member.instrument)).collect();
    let long = |(&factor, &weight): (&LongFactor, &f64)| {
        let factor = match factor {
            LongFactor::Quality => Factor::Quality,
            LongFactor::Momentum => Factor::Momentum,
            LongFactor::Size => Factor::Size,
        };
        (factor, weight)
    };
    let short = |(&factor, &weight): (&ShortFactor, &f64)| {
        let factor = match factor {
            ShortFactor::Zombie => Factor::Zombie,
            ShortFactor::Weakness => Factor::Weakness,
            ShortFactor::Sector => Factor::Sector,
        };
        (factor, weight)
    };
    let fallback = screen.fallback.as_ref().filter(|_| screen.allow_fallback);
    ScreenPolicy {
        long: ScreenSide {
            candidates: candidates(&screen.long.universe),
            factors: screen.long.factors.iter().map(long).collect(),
        },
        short: ScreenSide {
            candidates: candidates(&screen.short.universe),
            factors: screen.short.factors.iter().map(short).collect(),
        },
        top_n: screen.top_n as usize,
        winsor_tail: screen.winsor_tail,
        universe_min: screen.min_universe as usize,
        factor_weight_min: screen.min_factor_weight,
        rescreen: match screen.rescreen {
            settings::Rescreen::Monthly => Rescreen::Monthly,
            settings::Rescreen::Weekly => Rescreen::Weekly,
            settings::Rescreen::Daily => Rescreen::Daily,
        },
        last_good_days: screen.last_good_days,
        fallback: fallback.map(|fallback| halves(&fallback.long, &fallback.short, contract)),
    }
}

/// How volatility is estimated and targeted.
pub fn volatility(settings: &Settings) -> VolatilityPolicy {
    let volatility = &settings.volatility;
    VolatilityPolicy {
        source: match volatility.source {
            VolatilitySource::UnitStrategy => ReturnsOf::UnitStrategy,
            VolatilitySource::Realized => ReturnsOf::Account,
        },
        target: settings.vol_target_annual,
        floor: volatility.vol_floor,
        ewma_span: volatility.ewma_span,
        rolling_window: volatility.rolling_window as usize,
        ewma_weight: volatility.vol_blend_weight,
        scale_max: volatility.vol_scale_max,
        observations_min: volatility.min_observations as usize,
        degraded_scale_max: volatility.degraded_scale_max,
    }
}

/// The regime table.
pub fn regime(settings: &Settings) -> RegimePolicy {
    let hysteresis = &settings.hysteresis;
    let states = &settings.risk_states;
    RegimePolicy {
        vix_enter_elevated: hysteresis.vix_enter_elevated,
        vix_exit_elevated: hysteresis.vix_exit_elevated,
        vix_enter_crisis: hysteresis.vix_enter_crisis,
        vix_exit_crisis: hysteresis.vix_exit_crisis,
        drawdown_enter_elevated: hysteresis.drawdown_enter_elevated,
        drawdown_enter_crisis: hysteresis.drawdown_enter_crisis,
        drawdown_exit_crisis: hysteresis.drawdown_exit_crisis,
        drawdown_exit_elevated: hysteresis.drawdown_exit_elevated,
        persistence_days: hysteresis.regime_persistence_days,
        escalate_immediately: hysteresis.escalate_immediately.iter().map(|&regime| core_regime(regime)).collect(),
        factors: [states.normal, states.recovery, states.elevated, states.crisis],
    }
}

/// What a plan may be to approve itself.
pub fn approval(settings: &Settings) -> ApprovalRules {
    let approval = &settings.approval;
    ApprovalRules {
        automatic: approval.mode == settings::ApprovalMode::Auto,
        increases_max: approval.auto_increases_max_pct_nav,
        orders_max: approval.auto_orders_max as usize,
        regimes: approval.auto_regimes.iter().map(|&regime| core_regime(regime)).collect(),
    }
}

fn core_regime(regime: settings::Regime) -> Regime {
    match regime {
        settings::Regime::Normal => Regime::Normal,
        settings::Regime::Recovery => Regime::Recovery,
        settings::Regime::Elevated => Regime::Elevated,
        settings::Regime::Crisis => Regime::Crisis,
    }
}

fn fx_hedge(settings: &Settings, universe: &Universe) -> FxHedgePolicy {
    let rule = |(&currency, future): (&domain::Currency, &String)| {
        let future = universe.find_instrument(future).expect("settings name only instruments of the table");
        HedgeRule { currency, future, size: universe.instrument(future).multiplier }
    };
    FxHedgePolicy {
        ratio: settings.fx.hedge_ratio,
        band_of_nav: settings.fx.band_nav_pct,
        unhedged_of_nav_max: settings.fx.unhedged_max_nav_pct,
        rules: settings.fx.hedges.0.iter().map(rule).collect(),
    }
}

/// Instruments with the one that each row names to stand in for it.
fn proxies(
    loaded: &Loaded,
    universe: &Universe,
    named: impl Fn(&settings::InstrumentRow) -> Option<&str>,
) -> Vec<(InstrumentId, InstrumentId)> {
    let pair = |(name, row): (&str, &settings::InstrumentRow)| {
        universe.find_instrument(name).zip(universe.find_instrument(named(row)?))
    };
    loaded.instruments.iter().filter_map(pair).collect()
}

fn rolls(settings: &Settings, universe: &Universe) -> RollPolicy {
    let rolls = &settings.rolls;
    let dates = rolls.broker_close_out.iter().flat_map(|(future, dates)| {
        let future = universe.find_instrument(future).expect("settings name only instruments of the table");
        dates.iter().map(move |&date| (future, date))
    });
    RollPolicy {
        deadline_sessions: rolls.deadline_sessions,
        start_sessions: rolls.start_sessions,
        broker_close_outs: dates.collect(),
    }
}

fn execution(settings: &Settings, universe: &Universe) -> ExecutionPolicy {
    let execution = &settings.execution;
    let named = |name: &String| universe.find_instrument(name).expect("settings name only instruments of the table");
    let hedges = execution.pair_hedges.iter().filter(|_| execution.pair_hedge_enabled);
    ExecutionPolicy {
        style: style(execution.default_policy),
        styles: execution.styles().map(|(class, policy)| (class, style(policy))).collect(),
        passive_s: i64::from(execution.passive_seconds),
        rest_to_close: execution.rest_to_close,
        auction_lead_s: i64::from(execution.auction_lead_minutes) * 60,
        participation_max: execution.max_volume_participation,
        spread_buffer: execution.spread_buffer,
        ttl_s: i64::from(execution.order_ttl_seconds),
        replace_interval_s: i64::from(execution.replace_interval_seconds),
        replaces_max: execution.max_replace_attempts,
        pairs: PairPolicy {
            hedges: hedges.map(|(leg, future)| (named(leg), named(future))).collect(),
            trigger: execution.pair_trigger_fill_pct,
            patience_s: i64::from(execution.pair_patience_seconds),
            legging_s: i64::from(execution.pair_max_legging_seconds),
        },
    }
}

fn style(policy: settings::ExecutionPolicyName) -> Style {
    match policy {
        settings::ExecutionPolicyName::MarketableLimit => Style::MarketableLimit,
        settings::ExecutionPolicyName::PassiveThenCross => Style::PassiveThenCross,
        settings::ExecutionPolicyName::AuctionClose => Style::AuctionClose,
    }
}

fn gate(settings: &Settings, universe: &Universe) -> GatePolicy {
    const TRADED: [AssetClass; 8] = [
        AssetClass::EquityEtf,
        AssetClass::BondEtf,
        AssetClass::Stock,
        AssetClass::EquityIndexFuture,
        AssetClass::BondFuture,
        AssetClass::VolatilityFuture,
        AssetClass::FxFuture,
        AssetClass::Option,
    ];
    let execution = &settings.execution;
    let collar =
        |class| (class, CollarPolicy { width: execution.collar(class), ticks_min: execution.collar_ticks(class) });
    let safety = &settings.execution_safety;
    let restricted = safety.restricted.iter();
    GatePolicy {
        plan_move_max: settings.approval.max_price_move_pct,
        order_value_max: safety.max_order_value_pct_nav,
        turnover_max: safety.max_daily_turnover_pct_nav,
        position_max: safety.max_position_pct_nav,
        adv_max: safety.max_adv_participation,
        adv_slice: safety.slice_adv_participation,
        excess_liquidity_min: safety.min_excess_liquidity_pct_nav,
        what_if: safety.what_if_margin,
        orders_per_side_max: safety.max_orders_per_contract_side,
        messages_per_second_max: safety.max_messages_per_second,
        restricted: restricted.filter_map(|name| universe.find_instrument(name)).collect(),
        gross_max: settings.gross_leverage_max,
        net_max: settings.net_leverage_max,
        quote_age_max_s: i64::from(safety.quote_max_age_seconds),
        collars: TRADED.into_iter().map(collar).collect(),
    }
}
