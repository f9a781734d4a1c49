//! The specification's numbers and a chain a model quoted, for the tests of the hedges.
//!
//! In: a volatility smile. Out: policies and listings. Invariant: deltas and prices of a chain agree with each other.

use super::*;
use HedgeType::{BankPuts, CreditPuts, EquityPuts, SovereignSpread, VixCalls};
use domain::Price;
use jiff::ToSpan;
use jiff::civil::Date;
use market::{OptionRight, OptionTerms, Underlying, options};
use rust_decimal::Decimal;

pub const TODAY: Date = Date::constant(2026, 3, 2);

pub fn price(value: f64) -> Price {
    Price::from_f64(value).unwrap()
}

fn puts() -> SelectionPolicy {
    SelectionPolicy {
        right: OptionRight::Put,
        delta_min: 0.10,
        delta_max: 0.25,
        days_min: 60,
        days_max: 120,
        volatility_min: 0.05,
        volatility_max: 1.5,
        spread_max: 0.15,
        spread_always: price(0.10),
        open_interest_min: 100,
    }
}

pub fn policy() -> TailHedgePolicy {
    let vix_calls = SelectionPolicy {
        right: OptionRight::Call,
        delta_min: 0.20,
        delta_max: 0.35,
        days_min: 30,
        days_max: 60,
        volatility_max: 3.0,
        ..puts()
    };
    let bond = |dv01: i64| BondFuture { dv01: Decimal::new(dv01, 2), as_of: Date::constant(2026, 2, 16) };
    TailHedgePolicy {
        budget: BudgetPolicy {
            of_nav_a_year: Decimal::new(25, 3),
            stressed_factor: Decimal::new(15, 1),
            months_carried: 12,
            shares: [(EquityPuts, 40), (VixCalls, 20), (CreditPuts, 15), (SovereignSpread, 15), (BankPuts, 10)]
                .map(|(hedge, share)| (hedge, Decimal::new(share, 2)))
                .into(),
        },
        selection: [(EquityPuts, puts()), (VixCalls, vix_calls), (CreditPuts, puts()), (BankPuts, puts())].into(),
        roll: RollPolicy { days: 21, close_out_days: 5 },
        crisis: CrisisPolicy { vix: 40.0, day_loss: 0.10, share: 0.60 },
        bond_spread: BondSpreadPolicy {
            long: bond(8_350),
            short: bond(9_410),
            dv01_days_max: 92,
            stress_narrowing_bp: Decimal::from(20),
            stress_parallel_bp: Decimal::from(50),
        },
        stress: StressPolicy {
            beta: [(EquityPuts, 1.0), (CreditPuts, 0.4), (BankPuts, 1.6)].into(),
            volatility_per_fall: 0.5,
            volatility_per_vix_point: 0.005,
            vix_points_per_fall: 150.0,
            vix_future_share: 0.7,
            spread_bp_per_fall: 150.0,
        },
    }
}

/// A chain with one expiry, quoted around its model value at a volatility that rises toward low strikes.
pub fn chain(name: &str, right: OptionRight, spot: f64, volatility: f64, days: i32, step: f64) -> Vec<OptionListing> {
    let expiry = TODAY.saturating_add(days.days());
    let underlying = Underlying::Spot { price: spot, rate: 0.03, dividend_yield: 0.01 };
    let strikes = (1..=40).map(|n| spot + f64::from(n - 20) * step).filter(|strike| *strike > 0.0);
    strikes
        .map(|strike| {
            let own = volatility + 0.6 * (spot - strike) / spot * if right == OptionRight::Put { 1.0 } else { -1.0 };
            let own = own.max(0.06);
            let terms = OptionTerms { right, strike, years: options::years_between(TODAY, expiry) };
            let model = options::value(&terms, &underlying, own).unwrap();
            let side = if right == OptionRight::Put { "P" } else { "C" };
            OptionListing {
                name: format!("{name}_{}_{side}{strike:.0}", expiry.strftime("%Y%m%d")),
                right,
                strike: price(strike),
                expiry,
                bid: Some(price((model.price * 0.98).max(0.01))),
                ask: Some(price(model.price * 1.02 + 0.05)),
                implied_volatility: Some(own),
                delta: Some(model.delta),
                open_interest: Some(1_000),
                multiplier: 100,
            }
        })
        .collect()
}

pub fn held(name: &str, hedge: HedgeType, strike: f64, days: i32, contracts: i64) -> HeldOption {
    let right = if hedge == VixCalls { OptionRight::Call } else { OptionRight::Put };
    HeldOption {
        name: name.to_owned(),
        hedge,
        right,
        strike: price(strike),
        expiry: TODAY.saturating_add(days.days()),
        multiplier: 100,
        physical: matches!(hedge, CreditPuts | BankPuts),
        contracts,
    }
}
