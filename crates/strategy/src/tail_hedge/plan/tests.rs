//! Days of the hedge book, from the quiet purchase to the tenth day of a crisis.

mod spread;

use super::*;
use crate::tail_hedge::fixture::{TODAY, chain, held, legs, policy, price, universe};
use crate::tail_hedge::{Scenario, StressedOption, Unfit};
use HedgeType::{BankPuts, CreditPuts, EquityPuts, SovereignSpread, VixCalls};
use domain::rounding::LotRounding::HalfAwayFromZero;
use domain::{Currency, OptionRight};
use jiff::ToSpan;
use jiff::civil::Date;
use market::Underlying;
use proptest::prelude::*;
use std::sync::LazyLock;

/// What one contract carries of the market, whichever it is.
static EXPOSURE: LazyLock<PerContract<f64>> = LazyLock::new(|| PerContract::filled(400.0, 1_000));
const REBALANCE: RebalancePolicy =
    RebalancePolicy { drift_of_target: 0.02, drift_of_nav: 0.001, rounding: HalfAwayFromZero, trade_min: 0.0 };

fn money(text: &str) -> BaseMoney {
    BaseMoney::new(text.parse().unwrap())
}

fn quiet(date: Date) -> CrisisSignals {
    CrisisSignals { date, regime: Regime::Normal, vix: Some(15.0), daily_return: 0.001 }
}

fn crisis(date: Date) -> CrisisSignals {
    CrisisSignals { date, regime: Regime::Crisis, vix: Some(45.0), daily_return: -0.02 }
}

/// A universe with the chains of every root.
fn chains() -> (Universe, Vec<Listings>) {
    let mut universe = universe();
    let puts = OptionRight::Put;
    let chains = vec![
        chain(&mut universe, "SPX_OPT", puts, (5_800.0, 0.18), 88, 50.0),
        chain(&mut universe, "SPY_OPT", puts, (580.0, 0.18), 88, 5.0),
        chain(&mut universe, "VIX_OPT", OptionRight::Call, (18.0, 0.9), 44, 1.0),
        chain(&mut universe, "HYG_OPT", puts, (79.0, 0.09), 88, 0.5),
        chain(&mut universe, "BNP_OPT", puts, (60.0, 0.28), 75, 1.5),
    ];
    (universe, chains)
}

fn rates() -> FxRates {
    let mut fx = FxRates::new(Currency::Usd);
    fx.set(Currency::Eur, Decimal::new(117, 2)).unwrap();
    fx
}

fn inputs<'a>(
    signals: CrisisSignals,
    held: &'a [(HeldOption, Option<f64>)],
    chains: &'a [Listings],
    (universe, fx): (&'a Universe, &'a FxRates),
) -> HedgeInputs<'a> {
    let (market_value, market_value_max) = (BaseMoney::ZERO, money("600000"));
    let (spread, nav, exposure, rebalance) = (Some(legs(0, 0)), money("12000000"), &*EXPOSURE, &REBALANCE);
    HedgeInputs {
        signals,
        nav,
        held,
        market_value,
        market_value_max,
        chains,
        spread,
        exposure,
        rebalance,
        universe,
        fx,
    }
}

fn told(plan: &HedgePlan, universe: &Universe) -> String {
    let actions = plan.actions.iter().map(|action| {
        let name = &universe.contract(action.contract).name;
        let premium = BaseMoney::new(action.premium.amount() * Decimal::from(action.contracts.abs()));
        format!("{:?} {:+} {name} ({}, premium {premium})", action.purpose, action.contracts, action.hedge)
    });
    let refusals = plan.refusals.iter().map(|(hedge, why)| format!("{hedge}: {why}"));
    actions.chain(refusals).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_day_of_a_month_spends_its_premium_by_type_and_says_why_not() {
    let mut state = HedgeState::default();
    let ((universe, chains), fx) = (chains(), rates());
    let plan = plan(&inputs(quiet(TODAY), &[], &chains, (&universe, &fx)), &policy(), &mut state);
    insta::assert_snapshot!(told(&plan, &universe), @r"
    Buy +1 SPX_OPT_20260529_P5250 (equity puts, premium 6,566.25)
    Buy +49 VIX_OPT_20260415_C25 (VIX calls, premium 4,945.13)
    Buy +71 HYG_OPT_20260529_P75.5 (credit puts, premium 3,698.24)
    Buy +1 FGBL_H6 (OAT–Bund, premium 2,356.23)
    Buy -1 FOAT_H6 (OAT–Bund, premium 0.00)
    Buy +20 BNP_OPT_20260516_P52.5 (bank puts, premium 2,450.81)
    ");
    for action in &plan.actions {
        assert!(action.premium.amount() * Decimal::from(action.contracts) <= state.budget.free(action.hedge).amount());
    }
}

#[test]
fn a_chain_without_a_fit_option_says_what_is_wrong_with_each() {
    let mut options = chain(&mut universe(), "HYG_OPT", OptionRight::Put, (79.0, 0.09), 88, 0.5).options;
    for (index, option) in options.iter_mut().enumerate() {
        match index % 4 {
            0 => option.bid = None,
            1 => option.implied_volatility = Some(0.0),
            2 => option.open_interest = Some(3),
            _ => option.delta = None,
        }
    }
    let selected = policy().selection[&CreditPuts].select(&options, TODAY);
    assert_eq!(selected.chosen, None);
    assert!(selected.unfit.iter().all(|reasons| !reasons.is_empty()));
    let of = |index: usize| selected.unfit[index].iter().map(Unfit::to_string).collect::<Vec<_>>().join("; ");
    insta::assert_snapshot!([of(4), of(5), of(6), of(7)].join("\n"), @r"
    nobody bids: it could not be sold again; delta -0.069, wanted -0.10 to -0.25
    implied volatility 0.0 % is not between 5 % and 150 %; delta -0.077, wanted -0.10 to -0.25
    delta -0.087, wanted -0.10 to -0.25; 3 contracts open, at least 100
    no delta
    ");
    insta::assert_snapshot!(format!("{:?}", selected.tally()), @r#"
    [("NO_BID", 10), ("DELTA", 24), ("VOLATILITY", 10), ("OPEN_INTEREST", 10), ("NO_DELTA", 10)]
    "#);
}

#[test]
fn the_option_nearest_to_the_middle_of_delta_and_days_is_bought() {
    let listed = |days| chain(&mut universe(), "SPX_OPT", OptionRight::Put, (5_800.0, 0.18), days, 50.0).options;
    let options = [listed(61), listed(90)].concat();
    let selected = policy().selection[&EquityPuts].select(&options, TODAY);
    let chosen = &options[selected.chosen.unwrap()];
    assert_eq!((chosen.key.expiry - TODAY).get_days(), 90);
    assert!((chosen.delta.unwrap() + 0.175).abs() < 0.01, "{chosen:?}");
    let wrong_day = policy().selection[&EquityPuts].select(&options, TODAY.saturating_add(60.days()));
    assert_eq!(wrong_day.chosen, None, "30 days are too few");
}

/// What the options may be worth together: the fifth type to buy finds only the room the others left.
#[test]
fn the_cap_on_market_value_leaves_no_room_for_what_is_above_it() {
    let (universe, chains) = chains();
    let fx = rates();
    let bought = |worth: &str, most: &str| {
        let inputs = HedgeInputs {
            market_value: money(worth),
            market_value_max: money(most),
            ..inputs(quiet(TODAY), &[], &chains, (&universe, &fx))
        };
        let plan = plan(&inputs, &policy(), &mut HedgeState::default());
        let options = plan.actions.iter().filter(|action| action.price_max.is_some());
        let premium: Decimal = options.map(|action| action.premium.amount() * Decimal::from(action.contracts)).sum();
        let capped = plan.refusals.iter().filter(|(_, why)| matches!(why, NoPurchase::CapReached { .. })).count();
        (BaseMoney::new(premium), capped)
    };
    let (free, none) = bought("0", "600000");
    assert!(free > money("16000") && none == 0, "{free}");
    let (some, _) = bought("590000", "600000");
    assert!(some > BaseMoney::ZERO && some <= money("10000"), "{some}");
    assert_eq!(bought("600000", "600000"), (BaseMoney::ZERO, 4), "every type of option is told why");
    assert_eq!(bought("750000", "600000"), (BaseMoney::ZERO, 4), "what rose above the cap is kept, and nothing added");
}

/// Premium that buys a trade too small to be made is kept until there is more of it: the same rule as for shares.
#[test]
fn what_the_smallest_trade_forbids_is_not_planned_and_its_premium_accrues() {
    let ((universe, chains), fx) = (chains(), rates());
    let day = |date: Date, trade_min: f64, state: &mut HedgeState| {
        let rebalance = RebalancePolicy { trade_min, ..REBALANCE };
        let inputs = HedgeInputs { rebalance: &rebalance, ..inputs(quiet(date), &[], &chains, (&universe, &fx)) };
        let told = told(&plan(&inputs, &policy(), state), &universe);
        told.lines().filter(|line| line.contains("BNP") || line.contains("bank")).collect::<Vec<_>>().join("\n")
    };
    let mut state = HedgeState::default();
    let february = Date::constant(2026, 2, 16);
    let story = [
        day(february, 8_000.01, &mut state),
        day(february.saturating_add(1.days()), 8_000.01, &mut state),
        day(TODAY, 8_000.01, &mut state),
        day(february, 8_000.0, &mut HedgeState::default()),
    ];
    // Twenty puts carry 8,000 of the market; a month later there is premium for forty.
    insta::assert_snapshot!(story.join("\n--\n"), @r"
    bank puts: 20 BNP_OPT_20260516_P52.5 would carry 8,000.00 of the market and no trade below 8,000.01 is made; the rest accrues
    --
    bank puts: what is free buys no contract; it is offered again when more accrues
    --
    Buy +40 BNP_OPT_20260516_P52.5 (bank puts, premium 4,901.62)
    --
    Buy +20 BNP_OPT_20260516_P52.5 (bank puts, premium 2,450.81)
    ");
}

#[test]
fn a_tick_too_much_premium_is_one_contract_fewer() {
    use crate::tail_hedge::selection::contracts_for;
    assert_eq!(contracts_for(money("1000"), "333.33333333".parse().unwrap()), 3);
    assert_eq!(contracts_for(money("1000"), "333.33333334".parse().unwrap()), 2);
    assert_eq!(contracts_for(money("999.99"), "1000".parse().unwrap()), 0);
    assert_eq!(contracts_for(BaseMoney::ZERO, "1".parse().unwrap()), 0);
}

#[test]
fn what_is_old_is_rolled_and_what_would_be_exercised_is_closed_first() {
    let (mut universe, fx) = (universe(), rates());
    let book = [
        (held(&mut universe, EquityPuts, 5_000.0, 21, 3), Some(5_800.0)),
        (held(&mut universe, EquityPuts, 5_000.0, 2, 1), Some(5_800.0)),
        (held(&mut universe, CreditPuts, 75.0, 5, 7), Some(79.0)),
        (held(&mut universe, CreditPuts, 75.0, 70, 9), Some(79.0)),
    ];
    let plan = plan(&inputs(quiet(TODAY), &book, &[], (&universe, &fx)), &policy(), &mut HedgeState::default());
    let sold: Vec<String> =
        told(&plan, &universe).lines().filter(|line| line.contains('-')).map(str::to_owned).collect();
    insta::assert_snapshot!(sold.join("\n"), @r"
    CloseOut -7 HYG_OPT_20260307_P75 (credit puts, premium 0.00)
    Roll -3 SPX_OPT_20260323_P5000 (equity puts, premium 0.00)
    Roll -1 SPX_OPT_20260304_P5000 (equity puts, premium 0.00)
    Buy -1 FOAT_H6 (OAT–Bund, premium 0.00)
    ");
}

proptest! {
    #[test]
    fn nothing_physically_settled_is_held_past_its_close_out_date(days in 1..200_i32, contracts in 1..50_i64) {
        let policy = policy();
        let (mut universe, fx) = (universe(), rates());
        let mut option = held(&mut universe, CreditPuts, 75.0, days, contracts);
        for day in 0..=days {
            let date = TODAY.saturating_add(day.days());
            let book = [(option, Some(70.0))];
            let inputs = HedgeInputs { spread: None, ..inputs(quiet(date), &book, &[], (&universe, &fx)) };
            let plan = plan(&inputs, &policy, &mut HedgeState::default());
            let own = plan.actions.iter().filter(|action| action.contract == option.contract);
            option.contracts += own.map(|action| action.contracts).sum::<i64>();
            prop_assert!(option.contracts >= 0);
            prop_assert!(option.contracts == 0 || date < option.close_out_date(&policy.roll));
        }
    }
}

#[test]
fn ten_days_of_crisis_are_one_monetisation_across_restarts() {
    let ((mut universe, chains), fx) = (chains(), rates());
    let mut book = [
        (held(&mut universe, EquityPuts, 5_500.0, 90, 10), Some(5_800.0)),
        (held(&mut universe, EquityPuts, 4_500.0, 90, 10), Some(5_800.0)),
        (held(&mut universe, VixCalls, 30.0, 45, 7), Some(18.0)),
    ];
    let (mut state, mut sales) = (HedgeState::default(), Vec::new());
    plan(&inputs(quiet(TODAY), &book, &chains, (&universe, &fx)), &policy(), &mut state);
    for day in 1..=10 {
        // The options get into the money on the second day only.
        let (spx, vix) = if day == 1 { (5_600.0, 29.0) } else { (5_000.0, 44.0) };
        book[0].1 = Some(spx);
        book[1].1 = Some(spx);
        book[2].1 = Some(vix);
        let date = TODAY.saturating_add(day.days());
        for run in 0..2 {
            let today = plan(&inputs(crisis(date), &book, &chains, (&universe, &fx)), &policy(), &mut state);
            for action in today.actions.iter().filter(|action| action.purpose == HedgePurpose::Monetise) {
                let name = &universe.contract(action.contract).name;
                sales.push(format!("day {day} run {run}: {name} {:+}", action.contracts));
                let sold = book.iter_mut().find(|(option, _)| option.contract == action.contract).unwrap();
                // The exchange fills one contract a day; what is left is offered again, and nothing more than that.
                sold.0.contracts -= 1;
            }
            let bought: Vec<HedgeType> =
                today.actions.iter().filter(|a| a.purpose == HedgePurpose::Buy).map(|a| a.hedge).collect();
            if day == 2 {
                assert!(!bought.contains(&EquityPuts) && !bought.contains(&VixCalls), "{bought:?}");
                assert!(bought.contains(&CreditPuts), "other types go on: {bought:?}");
            }
            state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        }
    }
    insta::assert_snapshot!(sales.join("\n"), @r"
    day 2 run 0: SPX_OPT_20260531_P5500 -6
    day 2 run 0: VIX_OPT_20260416_C30 -4
    day 2 run 1: SPX_OPT_20260531_P5500 -5
    day 2 run 1: VIX_OPT_20260416_C30 -3
    day 3 run 0: SPX_OPT_20260531_P5500 -4
    day 3 run 0: VIX_OPT_20260416_C30 -2
    day 3 run 1: SPX_OPT_20260531_P5500 -3
    day 3 run 1: VIX_OPT_20260416_C30 -1
    day 4 run 0: SPX_OPT_20260531_P5500 -2
    day 4 run 1: SPX_OPT_20260531_P5500 -1
    ");
    assert_eq!(book.map(|(option, _)| option.contracts), [4, 10, 3]);
}

#[test]
fn a_second_crisis_is_a_second_episode() {
    let mut episode = CrisisEpisode::default();
    let whole = held(&mut universe(), EquityPuts, 5_500.0, 90, 10);
    let mut book = [whole];
    let mut sold = |signals: CrisisSignals| -> i64 {
        let sales = episode.advance(&signals, &book, |_| Some(5_000.0), &policy().crisis);
        let sold: i64 = sales.iter().map(|sale| sale.contracts).sum();
        // The sale is filled; before the next crisis as much is bought again.
        book[0].contracts = if signals.regime == Regime::Crisis { whole.contracts - sold } else { whole.contracts };
        sold
    };
    let at = |day: i32| TODAY.saturating_add(day.days());
    let calmer = |day| CrisisSignals { vix: Some(36.0), ..crisis(at(day)) };
    assert_eq!(sold(crisis(at(0))), 6);
    assert_eq!(sold(calmer(1)), 0, "VIX under the threshold, regime still CRISIS");
    assert_eq!(sold(crisis(at(2))), 0, "the same episode");
    assert_eq!(sold(CrisisSignals { regime: Regime::Elevated, ..calmer(3) }), 0);
    assert_eq!(sold(crisis(at(4))), 6, "a new one");
    let loss = CrisisSignals { vix: None, daily_return: -0.10, ..crisis(at(6)) };
    assert_eq!(sold(CrisisSignals { regime: Regime::Normal, ..quiet(at(5)) }), 0);
    assert_eq!(sold(loss), 6, "a day's loss of ten per cent is a trigger without any VIX");
    assert_eq!(sold(CrisisSignals { vix: None, daily_return: 0.0, ..crisis(at(7)) }), 0);
}

fn stressed_book() -> Vec<StressedOption> {
    let mut universe = universe();
    let option = |held: HeldOption, price, volatility, rate| StressedOption {
        held,
        underlying: Underlying::Spot { price, rate: 0.03, dividend_yield: 0.01 },
        volatility,
        rate,
    };
    let mut vix = option(held(&mut universe, VixCalls, 26.0, 44, 20), 18.0, 0.95, 1.0);
    vix.underlying = Underlying::Future { price: 18.0, rate: 0.03 };
    vec![
        option(held(&mut universe, EquityPuts, 5_200.0, 88, 2), 5_800.0, 0.22, 1.0),
        vix,
        option(held(&mut universe, CreditPuts, 76.0, 88, 60), 79.0, 0.10, 1.0),
        option(held(&mut universe, BankPuts, 52.0, 75, 25), 60.0, 0.32, 1.17),
    ]
}

#[test]
fn the_stress_table_of_a_book() {
    let policy = policy();
    let book = stressed_book();
    // Ten contracts short, 94.10 euros a basis point each.
    let spread = Some(10.0 * 94.10 * 1.17);
    let rows = Scenario::ALL.map(|scenario| {
        let payoff = policy.stress.payoff(&book, spread, scenario, TODAY);
        assert_eq!(payoff.unpriced, []);
        let cells = HedgeType::ALL.map(|hedge| format!("{:>9.0}", payoff.by_type.get(&hedge).copied().unwrap_or(0.0)));
        let coverage = payoff.coverage(1_000_000.0).unwrap();
        format!("{:<13}{}{:>10.0}{:>7.1} %", scenario.to_string(), cells.concat(), payoff.total(), coverage * 100.0)
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    equity −10 %     41600     8936     7713    16515    11009     85773    8.6 %
    equity −20 %    120023    26062    20663    33029    32174    231951   23.2 %
    equity −40 %    331154    66862    54323    66058    86217    604614   60.5 %
    VIX +20          14616    14042     7464        0     1984     38107    3.8 %
    VIX +40          32072    39299    15937        0     4283     91592    9.2 %
    ");
}

#[test]
fn an_unchanged_world_pays_nothing_and_a_deeper_fall_pays_more() {
    let policy = policy();
    let book = stressed_book();
    let total = |scenario| policy.stress.payoff(&book, None, scenario, TODAY).total();
    assert_eq!(total(Scenario::Fall(0.0)), 0.0);
    assert_eq!(total(Scenario::Vix(0.0)), 0.0);
    let falls: Vec<f64> = (0..60).map(|n| total(Scenario::Fall(f64::from(n) / 100.0))).collect();
    assert!(falls.is_sorted_by(|a, b| a < b), "{falls:?}");
    let mut broken = book;
    broken[0].volatility = f64::NAN;
    let payoff = policy.stress.payoff(&broken, None, Scenario::Fall(0.2), TODAY);
    assert_eq!(payoff.unpriced.len(), 1);
    assert!(!payoff.by_type.contains_key(&EquityPuts), "what cannot be priced pays nothing");
    assert!(!payoff.by_type.contains_key(&SovereignSpread));
    assert_eq!(payoff.coverage(0.0), None);
    assert!(held(&mut universe(), BankPuts, 52.0, 75, 1).in_the_money(price(51.99).to_f64()));
}
