//! From the settings of tail hedges to the core's policy.
//!
//! In: checked settings and a universe. Out: a [`TailHedgePolicy`]. Invariant: a translation; an option on an index ends
//! in cash, one on a fund or share delivers it.

use crate::settings::{Bucket, GovernmentBond, OatBund, Settings, TailHedge};
use domain::{InstrumentId, InstrumentKind, OptionRight, Universe};
use market::{Bond, BondFutureTerms};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use strategy::TailHedgePolicy;
use strategy::tail_hedge::{
    BondSpreadPolicy, BudgetPolicy, CrisisPolicy, HedgeRoot, HedgeType, RollPolicy, SelectionPolicy, SpreadFutures,
    StressPolicy,
};

pub(super) fn policy(hedge: &TailHedge, settings: &Settings, universe: &Universe) -> TailHedgePolicy {
    let id = |name: &str| universe.find_instrument(name).expect("settings name only instruments of the table");
    let shares = hedge.buckets.iter().filter(|(_, share)| **share > 0.0);
    let roots = hedge.options.iter().flat_map(|(&bucket, options)| {
        options.roots.iter().map(move |name| root(hedge_type(bucket), id(name), universe))
    });
    TailHedgePolicy {
        budget: BudgetPolicy {
            of_nav_a_year: decimal(hedge.budget_annual_pct),
            stressed_factor: decimal(hedge.stressed_budget_factor),
            months_carried: hedge.carry_months,
            shares: shares.map(|(&bucket, &share)| (hedge_type(bucket), decimal(share))).collect(),
        },
        roots: roots.collect(),
        selection: selection(hedge),
        price_tolerance: hedge.price_tolerance_pct,
        interest_rate: hedge.interest_rate,
        roll: RollPolicy { days: hedge.roll_days, close_out_days: hedge.close_out_days },
        crisis: CrisisPolicy {
            vix: settings.crisis.vix_threshold,
            day_loss: settings.crisis.pnl_spike_threshold_pct,
            share: hedge.monetise_pct,
        },
        spread: hedge.oat_bund.as_ref().map(|pair| SpreadFutures { long: id(&pair.long), short: id(&pair.short) }),
        bond_spread: bond_spread(hedge),
        stress: StressPolicy {
            beta: hedge.stress.beta.iter().map(|(&bucket, &beta)| (hedge_type(bucket), beta)).collect(),
            volatility_per_fall: hedge.stress.volatility_per_fall,
            volatility_per_vix_point: hedge.stress.volatility_per_vix_point,
            vix_points_per_fall: hedge.stress.vix_points_per_fall,
            vix_future_share: hedge.stress.vix_future_share,
            spread_bp_per_fall: hedge.stress.oat_bund_bp_per_fall,
        },
    }
}

fn hedge_type(bucket: Bucket) -> HedgeType {
    match bucket {
        Bucket::EquityIndexPuts => HedgeType::EquityPuts,
        Bucket::VixCalls => HedgeType::VixCalls,
        Bucket::CreditPuts => HedgeType::CreditPuts,
        Bucket::OatBund => HedgeType::SovereignSpread,
        Bucket::FrenchBankPuts => HedgeType::BankPuts,
    }
}

fn root(hedge: HedgeType, root: InstrumentId, universe: &Universe) -> HedgeRoot {
    let underlying = universe.underlying(root).expect("a root of the table names its underlying");
    HedgeRoot {
        hedge,
        root,
        underlying: universe.spot_contract(underlying).expect("options are written on what does not expire"),
        physical: universe.instrument(underlying).kind != InstrumentKind::Ind,
    }
}

fn selection(hedge: &TailHedge) -> BTreeMap<HedgeType, SelectionPolicy> {
    let row = |(&bucket, options): (&Bucket, &crate::settings::HedgeOptions)| {
        let policy = SelectionPolicy {
            right: if bucket == Bucket::VixCalls { OptionRight::Call } else { OptionRight::Put },
            delta_min: options.delta[0],
            delta_max: options.delta[1],
            days_min: options.days[0],
            days_max: options.days[1],
            volatility_min: hedge.implied_volatility[0],
            volatility_max: hedge.implied_volatility[1],
            spread_max: hedge.spread_max_pct,
            spread_always: hedge.spread_always,
            open_interest_min: hedge.open_interest_min,
        };
        (hedge_type(bucket), policy)
    };
    hedge.options.iter().map(row).collect()
}

/// Without a pair nothing is sized by it.
fn bond_spread(hedge: &TailHedge) -> BondSpreadPolicy {
    let pair = hedge.oat_bund.as_ref();
    let bond = |bond: &GovernmentBond| Bond { coupon: bond.coupon, maturity: bond.maturity };
    let bonds =
        |of: fn(&OatBund) -> &[GovernmentBond]| pair.map_or(Vec::new(), |pair| of(pair).iter().map(bond).collect());
    let [years_min, years_max] = pair.map_or([0.0; 2], |pair| pair.deliverable_years);
    BondSpreadPolicy {
        terms: BondFutureTerms { coupon: pair.map_or(0.0, |pair| pair.notional_coupon), years_min, years_max },
        long_bonds: bonds(|pair| &pair.long_bonds),
        short_bonds: bonds(|pair| &pair.short_bonds),
        stress_narrowing_bp: pair.map_or(Decimal::ONE, |pair| pair.stress_narrowing_bp.into()),
        stress_parallel_bp: pair.map_or(Decimal::ONE, |pair| pair.stress_parallel_bp.into()),
        gross_max: pair.map_or(0.0, |pair| pair.gross_max_nav_pct),
    }
}

/// A fraction as it is written in the settings.
fn decimal(value: f64) -> Decimal {
    Decimal::try_from(value).expect("checked to be finite when it was read")
}
