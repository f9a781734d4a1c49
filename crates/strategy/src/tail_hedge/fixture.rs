//! The specification's numbers and a chain a model quoted, for the tests of the hedges.
//!
//! In: a volatility smile. Out: policies and listings. Invariant: deltas and prices of a chain agree with each other.

use super::*;
use HedgeType::{BankPuts, CreditPuts, EquityPuts, SovereignSpread, VixCalls};
use domain::{
    Contract, ContractId, Currency, Instrument, InstrumentId, InstrumentKind, OptionKey, OptionRight, Price, Universe,
};
use jiff::ToSpan;
use jiff::civil::Date;
use market::{Bond, BondFutureTerms, OptionTerms, Underlying, options};
use rust_decimal::Decimal;

pub const TODAY: Date = Date::constant(2026, 3, 2);

pub fn price(value: f64) -> Price {
    Price::from_f64(value).unwrap()
}

/// Underlyings 0 to 4 with a contract each, their roots 5 to 9, and both bond futures with a contract each.
pub fn universe() -> Universe {
    let plain = |name: &str, kind| Instrument::plain(name, kind, Currency::Usd);
    let root = |name: &str| {
        let underlying = name.strip_suffix("_OPT").map(str::to_owned);
        let currency = if name == "BNP_OPT" { Currency::Eur } else { Currency::Usd };
        Instrument { multiplier: 100, underlying, currency, ..plain(name, InstrumentKind::Opt) }
    };
    let future =
        |name: &str| Instrument { currency: Currency::Eur, multiplier: 1_000, ..plain(name, InstrumentKind::Fut) };
    let underlyings = ["SPX", "SPY", "VIX", "HYG", "BNP"].map(|name| plain(name, InstrumentKind::Stk));
    let roots = ["SPX_OPT", "SPY_OPT", "VIX_OPT", "HYG_OPT", "BNP_OPT"].map(root);
    let instruments = [&underlyings[..], &roots[..], &["FGBL", "FOAT"].map(future)[..]].concat();
    let contract =
        |(index, name): (u16, &str)| Contract { name: name.into(), instrument: InstrumentId(index), expiry: None };
    let contracts = [(0, "SPX"), (1, "SPY"), (2, "VIX"), (3, "HYG"), (4, "BNP"), (10, "FGBL_H6"), (11, "FOAT_H6")];
    Universe::new(instruments, contracts.map(contract).into())
}

/// The legs of the bond spread in [`universe`], with what is held of them.
pub fn legs(long: i64, short: i64) -> SpreadLegs {
    let leg = |contract, price, held| {
        let future = PricedFuture { price, last_trading_day: Date::constant(2026, 6, 8), multiplier: 1_000 };
        SpreadLeg { contract: ContractId(contract), future, held }
    };
    SpreadLegs { long: leg(5, 125.0, long), short: leg(6, 121.0, short) }
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
    TailHedgePolicy {
        budget: BudgetPolicy {
            of_nav_a_year: Decimal::new(25, 3),
            stressed_factor: Decimal::new(15, 1),
            months_carried: 12,
            shares: [(EquityPuts, 40), (VixCalls, 20), (CreditPuts, 15), (SovereignSpread, 15), (BankPuts, 10)]
                .map(|(hedge, share)| (hedge, Decimal::new(share, 2)))
                .into(),
        },
        roots: [(EquityPuts, 0), (EquityPuts, 1), (VixCalls, 2), (CreditPuts, 3), (BankPuts, 4)]
            .map(|(hedge, index)| HedgeRoot {
                hedge,
                root: InstrumentId(index + 5),
                underlying: ContractId(index.into()),
                physical: matches!(hedge, CreditPuts | BankPuts),
            })
            .into(),
        price_tolerance: 0.0,
        interest_rate: 0.03,
        selection: [(EquityPuts, puts()), (VixCalls, vix_calls), (CreditPuts, puts()), (BankPuts, puts())].into(),
        roll: RollPolicy { days: 21, close_out_days: 5 },
        crisis: CrisisPolicy { vix: 40.0, day_loss: 0.10, share: 0.60 },
        spread: Some(SpreadFutures { long: InstrumentId(10), short: InstrumentId(11) }),
        bond_spread: BondSpreadPolicy {
            terms: BondFutureTerms { coupon: 0.06, years_min: 8.5, years_max: 10.5 },
            long_bonds: vec![Bond { coupon: 0.025, maturity: Date::constant(2035, 2, 15) }],
            short_bonds: vec![Bond { coupon: 0.032, maturity: Date::constant(2035, 5, 25) }],
            stress_narrowing_bp: Decimal::from(20),
            stress_parallel_bp: Decimal::from(50),
            gross_max: 0.5,
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

/// A chain with one expiry, quoted around its model value at a volatility that rises toward low strikes, and listed.
pub fn chain(
    universe: &mut Universe,
    root: &str,
    right: OptionRight,
    (spot, volatility): (f64, f64),
    days: i32,
    step: f64,
) -> Listings {
    let root = universe.find_instrument(root).unwrap();
    let expiry = TODAY.saturating_add(days.days());
    let underlying = Underlying::Spot { price: spot, rate: 0.03, dividend_yield: 0.01 };
    let strikes = (1..=40).map(|n| spot + f64::from(n - 20) * step).filter(|strike| *strike > 0.0);
    let options = strikes
        .map(|strike| {
            let own = volatility + 0.6 * (spot - strike) / spot * if right == OptionRight::Put { 1.0 } else { -1.0 };
            let own = own.max(0.06);
            let terms = OptionTerms { right, strike, years: options::years_between(TODAY, expiry) };
            let model = options::value(&terms, &underlying, own).unwrap();
            let key = OptionKey { expiry, strike: price(strike), right };
            universe.list_option(root, key);
            OptionListing {
                key,
                bid: Some(price((model.price * 0.98).max(0.01))),
                ask: Some(price(model.price * 1.02 + 0.05)),
                implied_volatility: Some(own),
                delta: Some(model.delta),
                open_interest: Some(1_000),
            }
        })
        .collect();
    Listings { root, options }
}

pub fn held(universe: &mut Universe, hedge: HedgeType, strike: f64, days: i32, contracts: i64) -> HeldOption {
    let right = if hedge == VixCalls { OptionRight::Call } else { OptionRight::Put };
    let root = *policy().roots.iter().find(|root| root.hedge == hedge).unwrap();
    let key = OptionKey { expiry: TODAY.saturating_add(days.days()), strike: price(strike), right };
    let contract = universe.list_option(root.root, key);
    HeldOption { contract, hedge, key, multiplier: 100, physical: root.physical, contracts }
}
