//! Days as stories: what is decided, what waits, and why.

mod borrow;
mod fx;
mod history;
mod level;
mod losses;
mod margin;
mod netting;
mod ramp;
mod rolls;
mod sides;
mod spread;

use crate::fixture::{self, World};
use crate::{DayInputs, decide, store};
use domain::{ContractId, Currency};
use risk::{Mode, Regime};

/// Orders, refusals and risk of a plan as a person reads them.
fn told(world: &World) -> String {
    let plan = decide(&world.inputs(), &world.setup);
    let universe = &world.setup.universe;
    let orders = plan.orders.iter().map(|order| {
        format!("{} {:?} {} {}", order.number, order.purpose, order.quantity, universe.contract(order.contract).name)
    });
    let refusals = plan.refusals.iter().map(|refusal| refusal.sentence(universe));
    let risk = format!(
        "{} vix {:?} scale {:.3} = {:.3} × {:.1}, core × {}",
        plan.risk.regime.name(),
        plan.risk.vix,
        plan.risk.scale,
        plan.risk.vol_scale,
        plan.risk.state_factor,
        plan.risk.momentum_factor
    );
    [risk].into_iter().chain(orders).chain(refusals).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_day_builds_the_pair_as_far_as_turnover_allows() {
    insta::assert_snapshot!(told(&World::first_day()), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    1 Increase -10000 CS51
    2 Increase 4166 CSPX
    the basket: increases of 52.5 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 2 days at this rate
    ");
}

#[test]
fn deciding_again_after_the_fills_yields_no_order() {
    let mut world = World::first_day();
    for _ in 0..2 {
        world.fill_everything();
    }
    assert_eq!(decide(&world.inputs(), &world.setup).orders, []);
}

#[test]
fn the_same_inputs_give_the_same_plan_and_a_different_price_another() {
    let world = World::first_day();
    let hash = |world: &World| store::plan_hash(&decide(&world.inputs(), &world.setup), &world.setup.universe);
    assert_eq!(hash(&world), hash(&World::first_day()));
    let mut dearer = World::first_day();
    dearer.set_mark("CSPX", "600.01");
    assert_ne!(hash(&world), hash(&dearer));
}

#[test]
fn a_missing_mark_holds_back_both_legs_of_the_pair() {
    let mut world = World::first_day();
    world.clear_mark("CS51");
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: no price to size the order with
    ");
}

#[test]
fn a_venue_on_holiday_holds_back_both_legs_of_the_pair() {
    let mut world = World::first_day();
    world.close_venue("CS51");
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: its venue has no execution window now; it is tried again in the next one
    ");
}

#[test]
fn a_currency_without_a_rate_is_never_taken_at_one() {
    let mut world = World::first_day();
    world.fx = domain::FxRates::new(Currency::Usd);
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: its currency has no valid rate, so it takes no new risk
    ");
}

#[test]
fn a_crisis_cuts_the_book_in_one_day() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.next_day(40.74);
    insta::assert_snapshot!(told(&world), @r"
    CRISIS vix Some(40.74) scale 0.450 = 1.500 × 0.3, core × 1
    1 Reduce 7350 CS51
    2 Reduce -3062 CSPX
    ");
    assert_eq!(decide(&world.inputs(), &world.setup).risk.regime, Regime::Crisis);
}

#[test]
fn a_broker_that_values_the_account_otherwise_stops_the_day() {
    let mut world = World::first_day();
    world.broker_mut().net_liquidation = Some(fixture::decimal("9970000"));
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!((plan.mode, plan.orders.len()), (Mode::CancelOnly, 0), "0.3 % apart is a HALT");
    world.broker_mut().net_liquidation = Some(fixture::decimal("0"));
    assert_eq!(decide(&world.inputs(), &world.setup).mode, Mode::Frozen, "no NLV is an emergency");
    world.broker_mut().net_liquidation = None;
    assert_eq!(decide(&world.inputs(), &world.setup).mode, Mode::Frozen, "none at all is one too");
}

#[test]
fn a_position_the_broker_does_not_know_freezes_its_instrument() {
    let mut world = World::first_day();
    world.fill_everything();
    world.broker_holds("CS51", 0);
    let plan = decide(&world.inputs(), &world.setup);
    assert!(plan.orders.iter().all(|order| world.name(order.contract) != "CS51"));
    assert!(plan.refusals.iter().any(|refusal| refusal.check.code() == "RECONCILIATION"));
}

#[test]
fn euros_that_a_falling_short_earned_are_hedged_beyond_the_band() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.set_mark("CS51", "180");
    world.agree_with_broker();
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    1 FxHedge -17 M6E_20260316
    2 Increase -1473 CS51
    3 Increase 115 CSPX
    ");
}

#[test]
fn a_frozen_leg_holds_back_its_pair_and_the_hedge_of_its_currency() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.set_mark("CS51", "180");
    world.agree_with_broker();
    world.broker_holds("CS51", -1);
    world.next_day(40.74);
    insta::assert_snapshot!(told(&world), @r"
    CRISIS vix Some(40.74) scale 0.450 = 1.500 × 0.3, core × 1
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: our quantity differs from the broker's, so it is frozen; compare both sides in the report
    ");
}

#[test]
fn history_that_ended_long_ago_is_no_reason_to_trade() {
    let mut world = World::first_day();
    world.fill_everything();
    world.date = world.date.checked_add(jiff::Span::new().days(9)).unwrap();
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix None scale 0.000 = 0.000 × 1.0, core × 1
    the basket: there is no volatility estimate, so no risk is added
    ");
}

#[test]
fn a_hedge_without_a_contract_stays_and_says_so() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.set_mark("CS51", "180");
    world.agree_with_broker();
    world.close_venue("M6E_20260316");
    let told = told(&world);
    assert!(told.contains("should be hedged, but no contract can be traded"), "{told}");
    assert!(!told.contains("FxHedge"), "{told}");
}

#[test]
fn another_strategy_starts_its_estimates_again_and_keeps_its_regime() {
    let mut world = World::first_day();
    world.fill_everything();
    let before = world.memory.clone();
    let mut policy = world.setup.policy.clone();
    let swapped = strategy::SleeveKind::Pair { long: domain::ContractId(1), short: domain::ContractId(0) };
    policy.sleeves[0].kind = swapped;
    let other = crate::Setup::new(fixture::universe(), policy, world.setup.references.clone(), world.setup.base);
    let fitted = before.clone().fitted(&other);
    assert_eq!((fitted.last_row, fitted.volatility.observations()), (None, 0));
    assert_eq!((fitted.regime, fitted.performance), (before.regime, before.performance));
    assert_eq!(before.clone().fitted(&world.setup), before);
}

fn doubted(world: &World, name: &str, stale: bool) -> market::marks::Flag {
    use market::marks::{Doubt, MarkSource, Offer};
    let offer = |text| Offer { price: fixture::price(text), session: world.date, source: MarkSource::Broker };
    market::marks::Flag {
        contract: world.setup.universe.find_contract(name).unwrap(),
        doubt: Doubt::Jump { by: 1.0, offer: offer("400") },
        kept: Some(offer("200")),
        sessions: 1,
        stale,
    }
}

#[test]
fn a_price_nobody_believes_holds_back_both_legs_of_the_pair() {
    let mut world = World::first_day();
    world.doubts.marks.push(doubted(&world, "CS51", false));
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: its price is not believed, so it takes no new risk; it is valued at the last good mark until the price is confirmed
    ");
}

#[test]
fn a_crisis_reduces_what_has_a_price_nobody_believes() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.next_day(40.74);
    world.doubts.marks.push(doubted(&world, "CS51", false));
    insta::assert_snapshot!(told(&world), @r"
    CRISIS vix Some(40.74) scale 0.450 = 1.500 × 0.3, core × 1
    1 Reduce 7350 CS51
    2 Reduce -3062 CSPX
    ");
}

#[test]
fn a_held_mark_that_is_too_old_lets_the_day_only_reduce() {
    let mut world = World::first_day();
    world.doubts.marks.push(doubted(&world, "CS51", true));
    assert_eq!(decide(&world.inputs(), &world.setup).mode, Mode::Normal, "nothing of it is held");
    world.doubts.marks.clear();
    world.fill_everything();
    world.doubts.marks.push(doubted(&world, "CS51", true));
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!((plan.mode, plan.orders.len()), (Mode::ReduceOnly, 0));
}

#[test]
fn a_rate_that_cannot_be_relied_on_values_the_book_and_lets_no_new_risk_in() {
    use market::fx::{FxFinding, FxProblem, RateSource};
    let mut world = World::first_day();
    let problem = FxProblem::TooOld { source: RateSource::LastGood, open_hours: 80, limit: 72 };
    world.doubts.rates.push(FxFinding { currency: Currency::Eur, problem });
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: its currency has no valid rate, so it takes no new risk
    ");
    assert!(decide(&world.inputs(), &world.setup).nav.is_some());
}

#[test]
fn a_currency_nothing_hedges_takes_no_new_risk_above_its_limit() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    let mut policy = world.setup.policy.clone();
    policy.fx_hedge.rules.clear();
    world.setup = crate::Setup::new(fixture::universe(), policy, world.setup.references.clone(), world.setup.base);
    world.set_mark("CS51", "180");
    world.agree_with_broker();
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: its currency has no hedge contract and an exposure above 0.50 % of NAV, so it takes no new risk; convert the currency at spot or name a future under `fx.hedges`
    ");
}

#[test]
fn an_order_that_would_carry_an_unhedged_currency_above_its_limit_is_taken_back_with_its_pair() {
    let mut world = World::first_day();
    let old = fixture::universe();
    let sterling = |id| {
        let instrument = old.instrument(id).clone();
        let risk_currency = if instrument.name == "CSPX" { Currency::Gbp } else { instrument.risk_currency };
        domain::Instrument { risk_currency, ..instrument }
    };
    let contracts = old.contracts().map(|contract| old.contract(contract).clone()).collect();
    let universe = domain::Universe::new(old.instruments().map(sterling).collect(), contracts);
    let (policy, references) = (world.setup.policy.clone(), world.setup.references.clone());
    world.setup = crate::Setup::new(universe, policy, references, Currency::Usd);
    world.fx.set(Currency::Gbp, fixture::decimal("1.3")).unwrap();
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.orders, [], "neither leg goes");
    let codes: Vec<&str> = plan.refusals.iter().filter(|r| r.contract.is_some()).map(|r| r.check.code()).collect();
    assert_eq!(codes, ["UNHEDGED_CURRENCY", "PAIR_LEG"]);
}

#[test]
fn recorded_inputs_give_the_plan_again() {
    let mut world = World::first_day();
    screened(&mut world);
    let sleeves = domain::SleeveBooks::new(["core_index_rv"]);
    let inputs = crate::DayInputs { sleeves: Some(&sleeves), ..world.inputs() };
    let plan = decide(&inputs, &world.setup);
    let entry = crate::Entry::Inputs(Box::new(crate::RecordedInputs::of(
        &inputs,
        domain::Books::new(world.ledger.clone()),
        &world.setup,
    )));
    let record = store::record(&entry, inputs.decided_at, &world.setup.universe);
    let stored = ports::StoredRecord {
        seq: 1,
        trade_date: inputs.date,
        kind: record.kind.into(),
        version: record.version,
        at: record.at,
        body: record.body,
    };
    let read: crate::RecordedInputs = store::value(&stored, &world.setup.universe).unwrap();
    let panel = read.panel(&world.setup).unwrap();
    assert_eq!(decide(&read.view(&panel), &world.setup), plan);
}

/// The pair of the first day as the outcome of a screen: each side's best of three.
fn screened(world: &mut World) {
    let side = |factor| strategy::ScreenSide { candidates: Vec::new(), factors: vec![(factor, 1.0)] };
    let policy = strategy::ScreenPolicy {
        long: side(strategy::Factor::Momentum),
        short: side(strategy::Factor::Weakness),
        top_n: 10,
        winsor_tail: 0.0,
        universe_min: 3,
        factor_weight_min: 0.5,
        rescreen: strategy::Rescreen::Daily,
        last_good_days: 2,
        fallback: None,
    };
    let mut sleeves = world.setup.policy.clone();
    sleeves.sleeves[0].kind = strategy::SleeveKind::FactorScreen(policy);
    world.setup = crate::Setup::new(fixture::universe(), sleeves, world.setup.references.clone(), world.setup.base);
    world.memory = crate::Memory::new(&world.setup);
    world.screens = vec![seen(world, ["CSPX", "SPX", "VIX"], ["CS51", "SX5E", "EUR.USD"])];
}

/// What a screen saw; the first of each side is the best.
fn seen(world: &World, long: [&str; 3], short: [&str; 3]) -> strategy::Observed {
    let universe = &world.setup.universe;
    let last = world.panel.rows(world.panel.len() - 1, world.panel.len());
    let close = |name: &str| {
        let instrument = universe.find_instrument(name).unwrap();
        let rate = if universe.instrument(instrument).currency == Currency::Eur { 1.25 } else { 1.0 };
        last.iter().next().unwrap().1.close(instrument).map(|close| close * rate)
    };
    let candidate = |(place, name, sign): (usize, &str, f64)| strategy::Candidate {
        contract: universe.find_contract(name).unwrap(),
        name: name.into(),
        sector: "made up".into(),
        close: close(name),
        metrics: [(strategy::Metric::Momentum, -sign * place as f64)].into(),
    };
    let side = |names: [&str; 3], sign: f64| {
        names.into_iter().enumerate().map(|(place, name)| candidate((place, name, sign))).collect()
    };
    strategy::Observed {
        sleeve: "core_index_rv".into(),
        source: "made up".into(),
        long: side(long, 1.0),
        short: side(short, -1.0),
    }
}

#[test]
fn a_screen_that_lists_the_pair_is_the_pair() {
    let (pair, mut screen) = (World::first_day(), World::first_day());
    screened(&mut screen);
    let (of_pair, of_screen) = (decide(&pair.inputs(), &pair.setup), decide(&screen.inputs(), &screen.setup));
    assert_eq!(of_pair.memory.volatility, of_screen.memory.volatility, "the unit strategy includes what is listed");
    assert_eq!((of_pair.table, of_pair.orders), (of_screen.table, of_screen.orders));
}

#[test]
fn a_name_that_left_the_list_is_sold_and_the_new_one_bought() {
    let mut world = World::first_day();
    screened(&mut world);
    world.fill_everything();
    world.fill_everything();
    world.screens = vec![seen(&world, ["SPX", "CSPX", "VIX"], ["CS51", "SX5E", "EUR.USD"])];
    world.next_day(15.0);
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    1 Reduce -4375 CSPX
    2 Increase 438 SPX
    ");
}

#[test]
fn a_screen_that_fails_for_too_long_adds_nothing_and_still_gives_way_to_a_crisis() {
    let mut world = World::first_day();
    screened(&mut world);
    world.fill_everything();
    let mut fails = seen(&world, ["CSPX", "SPX", "VIX"], ["CS51", "SX5E", "EUR.USD"]);
    fails.long.iter_mut().for_each(|candidate| candidate.close = None);
    world.screens = vec![fails];
    for _ in 0..2 {
        world.next_day(15.0);
        world.memory = decide(&world.inputs(), &world.setup).memory;
    }
    world.next_day(15.0);
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CSPX: the screen of its sleeve has failed for too long, so nothing is added; `screen` shows what is missing
    CS51: the screen of its sleeve has failed for too long, so nothing is added; `screen` shows what is missing
    ");
    world.memory = decide(&world.inputs(), &world.setup).memory;
    world.next_day(40.74);
    insta::assert_snapshot!(told(&world), @r"
    CRISIS vix Some(40.74) scale 0.450 = 1.500 × 0.3, core × 1
    1 Reduce 6850 CS51
    2 Reduce -2853 CSPX
    ");
}
