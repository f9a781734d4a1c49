//! Days of a book with tail hedges: bought on the first of the month, monetised once, rolled, closed.

use super::settle;
use crate::fixture::{World, price};
use crate::hedges::{Moment, hedge_payoffs, hedge_positions};
use crate::{DayInputs, DayPlan, Setup, decide, store};
use HedgeType::{EquityPuts, VixCalls};
use domain::{
    BaseMoney, ContractId, Currency, Instrument, InstrumentId, InstrumentKind, OptionKey, OptionRight, PerContract,
    PerInstrument, Price, Quantity, Side,
};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use market::BondFutureTerms;
use risk::gate::Conditions;
use risk::{Mode, Purpose, Regime};
use rust_decimal::{Decimal, dec};
use strategy::tail_hedge::{
    BondSpreadPolicy, BudgetPolicy, CrisisPolicy, HedgeRoot, HedgeType, OptionListing, RollPolicy, SelectionPolicy,
    StressPolicy,
};
use strategy::{Listings, Sleeve, SleeveKind, TailHedgePolicy};

/// Roots follow the instruments of the fixture.
const SPX_OPT: InstrumentId = InstrumentId(8);
const VIX_OPT: InstrumentId = InstrumentId(9);
const SPX: ContractId = ContractId(3);
const VIX: ContractId = ContractId(5);

fn selection(right: OptionRight, delta: (f64, f64), days: (i32, i32)) -> SelectionPolicy {
    SelectionPolicy {
        right,
        delta_min: delta.0,
        delta_max: delta.1,
        days_min: days.0,
        days_max: days.1,
        volatility_min: 0.05,
        volatility_max: 3.0,
        spread_max: 0.25,
        spread_always: price("0.1"),
        open_interest_min: 100,
    }
}

pub(crate) fn policy() -> TailHedgePolicy {
    let root = |hedge, root, underlying| HedgeRoot { hedge, root, underlying, physical: false };
    TailHedgePolicy {
        budget: BudgetPolicy {
            of_nav_a_year: dec!(0.025),
            stressed_factor: dec!(1.5),
            months_carried: 12,
            shares: [(EquityPuts, dec!(0.6)), (VixCalls, dec!(0.4))].into(),
        },
        roots: vec![root(EquityPuts, SPX_OPT, SPX), root(VixCalls, VIX_OPT, VIX)],
        selection: [
            (EquityPuts, selection(OptionRight::Put, (0.10, 0.25), (60, 120))),
            (VixCalls, selection(OptionRight::Call, (0.20, 0.35), (30, 60))),
        ]
        .into(),
        price_tolerance: 0.25,
        interest_rate: 0.03,
        roll: RollPolicy { days: 21, close_out_days: 5 },
        crisis: CrisisPolicy { vix: 40.0, day_loss: 0.10, share: 0.60 },
        spread: None,
        bond_spread: BondSpreadPolicy {
            terms: BondFutureTerms { coupon: 0.06, years_min: 8.5, years_max: 10.5 },
            long_bonds: Vec::new(),
            short_bonds: Vec::new(),
            stress_narrowing_bp: Decimal::ONE,
            stress_parallel_bp: Decimal::ONE,
            gross_max: 0.5,
        },
        stress: StressPolicy {
            beta: [(EquityPuts, 1.0)].into(),
            volatility_per_fall: 0.5,
            volatility_per_vix_point: 0.005,
            vix_points_per_fall: 150.0,
            vix_future_share: 0.7,
            spread_bp_per_fall: 150.0,
        },
    }
}

/// The first day of the fixture with two roots of options and a sleeve that buys them.
fn hedged_world() -> World {
    let mut world = World::first_day();
    let universe = &world.setup.universe;
    let root = |name: &str, underlying: &str| Instrument {
        multiplier: 100,
        underlying: Some(underlying.to_owned()),
        tick: price("0.05"),
        ..Instrument::plain(name, InstrumentKind::Opt, Currency::Usd)
    };
    let instruments = universe.instruments().map(|id| universe.instrument(id).clone());
    let instruments = instruments.chain([root("SPX_OPT", "SPX"), root("VIX_OPT", "VIX")]).collect();
    let contracts = universe.contracts().map(|id| universe.contract(id).clone()).collect();
    let mut policy = world.setup.policy.clone();
    let kind = SleeveKind::TailHedge(Box::new(self::policy()));
    policy.sleeves.push(Sleeve { name: "crisis_alpha".into(), budget: 0.05, follows_momentum: false, kind });
    let universe = domain::Universe::new(instruments, contracts);
    let rolls = world.setup.rolls.clone();
    world.setup = Setup::new(universe, policy, world.setup.references.clone(), Currency::Usd).with_rolls(rolls);
    world.memory = crate::Memory::new(&world.setup);
    world.active = PerInstrument::from_vec((0..10).map(|i| (i < 8).then_some(ContractId(i))).collect());
    world
}

fn key(day: Date, strike: &str, right: OptionRight) -> OptionKey {
    OptionKey { expiry: day, strike: price(strike), right }
}

/// An option as it is quoted: bid, ask, delta.
fn listed(key: OptionKey, bid: &str, ask: &str, delta: f64) -> OptionListing {
    OptionListing {
        key,
        bid: Some(price(bid)),
        ask: Some(price(ask)),
        implied_volatility: Some(0.2),
        delta: Some(delta),
        open_interest: Some(5_000),
    }
}

/// Grows the universe by an option, as the shell does with what a chain's selection chose.
fn list(world: &mut World, root: InstrumentId, key: OptionKey, mark: &str) -> ContractId {
    let mut universe = world.setup.universe.clone();
    let contract = universe.list_option(root, key);
    let made = Setup::new(universe.clone(), world.setup.policy.clone(), world.setup.references.clone(), Currency::Usd);
    world.setup = world.setup.over(universe);
    assert_eq!(world.setup, made.with_rolls(world.setup.rolls.clone()), "growing is like making anew");
    let mut marks = world.marks.as_slice().to_vec();
    marks.resize(world.setup.universe.contract_count(), None);
    marks[contract.index()] = Some(price(mark));
    world.marks = PerContract::from_vec(marks);
    let mut windows = world.windows.as_slice().to_vec();
    windows.resize(world.setup.universe.contract_count(), windows[0]);
    world.windows = PerContract::from_vec(windows);
    world.ledger = world.ledger.rekeyed(&world.setup.universe, Some).unwrap();
    world.broker.marks = PerContract::filled(None, world.setup.universe.contract_count());
    world.conditions = Conditions::ample(world.setup.universe.contract_count());
    world.agree_with_broker();
    contract
}

/// A chain of each root is quoted today, and what it would choose is in the universe.
fn quote_chains(world: &mut World) -> [ContractId; 2] {
    let (quarter, month) = (world.date.saturating_add(90.days()), world.date.saturating_add(45.days()));
    let put = |strike: &str| key(quarter, strike, OptionRight::Put);
    let call = |strike: &str| key(month, strike, OptionRight::Call);
    world.listings = vec![
        Listings {
            root: SPX_OPT,
            options: vec![
                listed(put("5700"), "79", "81", -0.31),
                listed(put("5400"), "38", "40", -0.17),
                listed(put("5000"), "11.9", "12.1", -0.06),
            ],
        },
        Listings { root: VIX_OPT, options: vec![listed(call("22"), "1.1", "1.2", 0.27)] },
    ];
    let spx = list(world, SPX_OPT, put("5400"), "39");
    let vix = list(world, VIX_OPT, call("22"), "1.15");
    [spx, vix]
}

fn told(plan: &DayPlan, setup: &Setup) -> String {
    let orders = plan.orders.iter().filter(|order| setup.option(order.contract).is_some());
    let orders = orders.map(|order| {
        let max = plan.facts.price_max(order.contract).map_or_else(String::new, |max| format!(" at most {max}"));
        format!("{} {} {}{max}", order.purpose, order.quantity, setup.universe.contract(order.contract).name)
    });
    let reserved = plan.memory.hedges.budget.reservations().iter();
    let reserved = reserved.map(|reserved| format!("{} reserves {}", reserved.hedge, reserved.amount));
    let refused = plan.tail_hedges.refusals.iter().map(|(hedge, why)| format!("{hedge}: {why}"));
    orders.chain(reserved).chain(refused).collect::<Vec<_>>().join("\n")
}

/// Fills the day's orders at these prices (others at their marks), settles the premium, and turns to the next date.
fn fill(world: &mut World, plan: DayPlan, prices: &[(ContractId, Price)], vix: f64) {
    let paid = |contract: ContractId| {
        let price = prices.iter().find(|(of, _)| *of == contract).map(|(_, price)| *price);
        price.or(world.marks[contract]).unwrap()
    };
    for order in &plan.orders {
        let side = Side::of(order.quantity).unwrap();
        world.ledger.fill(order.contract, side, order.quantity.abs(), paid(order.contract), &world.setup.universe);
    }
    let mut memory = plan.memory.clone();
    settle(&plan, &mut memory, |contract, number| {
        let order = plan.orders.iter().find(|order| order.number == number).unwrap();
        let filled = order.quantity.abs();
        (filled, filled.value_at(paid(contract), world.setup.universe.terms(contract).multiplier))
    });
    world.memory = memory;
    world.listings.clear();
    world.next_day(vix);
    world.agree_with_broker();
}

#[test]
fn the_first_date_of_a_month_spends_its_premium_and_no_order_may_cost_more_than_was_set_aside() {
    let mut world = hedged_world();
    let [spx, vix] = quote_chains(&mut world);
    let plan = decide(&world.inputs(), &world.setup);
    // Two puts and 55 calls fit the premium; the day's turnover cuts them with every other increase.
    insta::assert_snapshot!(told(&plan, &world.setup), @r"
    increase 50 VIX_OPT_20260219_C22 at most 1.5
    increase 1 SPX_OPT_20260405_P5400 at most 50
    equity puts reserves 5,000.00
    VIX calls reserves 7,500.00
    ");

    fill(&mut world, plan, &[(spx, price("41")), (vix, price("1.2"))], 15.0);
    let budget = &world.memory.hedges.budget;
    assert!(budget.reservations().is_empty());
    assert_eq!(budget.spent(EquityPuts), BaseMoney::new(dec!(4_100)), "one contract at 41");
    assert_eq!(budget.free(EquityPuts), BaseMoney::new(dec!(8_400)), "what was set aside and not spent is free again");
    let next = decide(&world.inputs(), &world.setup);
    assert!(
        next.orders.iter().all(|order| world.setup.option(order.contract).is_none()),
        "{}",
        told(&next, &world.setup)
    );
    assert_eq!(next.table.wanted[spx], Quantity::whole(1), "held, not sold like something without a weight");
}

/// What the gate would refuse day after day is not planned in the first place: chooser and gate ask the same rule.
#[test]
fn a_hedge_smaller_than_the_smallest_trade_is_neither_planned_nor_refused_by_the_gate() {
    let mut world = hedged_world();
    let [put, call] = quote_chains(&mut world);
    let exposure = decide(&world.inputs(), &world.setup).table.exposure;
    // 55 calls fit the premium and two puts: the minimum lies between what they carry of the market.
    let (calls, puts) = (55.0 * exposure[call], 2.0 * exposure[put].abs());
    assert!(2.0 * calls < puts, "{calls}, {puts}");
    world.setup.policy.rebalance.trade_min = calls + 1.0;
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!([put, call].map(|contract| plan.table.wanted[contract] > Quantity::ZERO), [true, false]);
    assert!(plan.table.verdict[call].passes(), "nothing is left for the gate to refuse");
    assert!(!plan.memory.hedges.looking.contains(&VixCalls), "it is asked for again when more accrues");
    let told = told(&plan, &world.setup);
    assert!(told.contains("VIX calls: 55 VIX_OPT_20260219_C22 would carry"), "{told}");
}

#[test]
fn a_put_counts_at_its_delta_of_what_it_is_written_on_and_not_at_its_premium() {
    let mut world = hedged_world();
    let [spx, _] = quote_chains(&mut world);
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.table.unit_price[spx], 3_900.0);
    let delta = plan.table.exposure[spx] / (6_000.0 * 100.0);
    assert!((-0.20..-0.12).contains(&delta), "{delta}");
}

#[test]
fn a_crisis_turns_sixty_per_cent_of_what_is_in_the_money_into_cash_once_and_buys_nothing_of_it_back() {
    let mut world = hedged_world();
    let [spx, vix] = quote_chains(&mut world);
    let plan = decide(&world.inputs(), &world.setup);
    fill(&mut world, plan, &[], 15.0);
    let held = [spx, vix].map(|contract| world.ledger.quantity(contract));
    // A day later the index has fallen through the strike and VIX stands at 45.
    world.date = date(2026, 1, 7);
    world.next_day(45.0);
    for (name, mark) in [("SPX", "5200"), ("VIX", "45")] {
        world.set_mark(name, mark);
    }
    for (contract, mark) in [(spx, "290"), (vix, "22")] {
        world.marks[contract] = Some(price(mark));
    }
    world.agree_with_broker();
    let listings = {
        let mut quoted = world.clone();
        quote_chains(&mut quoted);
        quoted.listings
    };
    world.listings = listings;
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.risk.regime, Regime::Crisis);
    assert_eq!(plan.risk.state_factor, 0.3, "the book is cut, the hedges are not scaled");
    insta::assert_snapshot!(told(&plan, &world.setup), @r"
    reduce -30 VIX_OPT_20260219_C22
    reduce -1 SPX_OPT_20260405_P5400
    equity puts: monetised today; nothing is bought back on the same date
    VIX calls: monetised today; nothing is bought back on the same date
    ");
    let before = world.clone();
    fill(&mut world, plan, &[], 46.0);
    let left = [spx, vix].map(|contract| world.ledger.quantity(contract));
    assert!(left[0] < held[0] && left[1] < held[1]);

    // The next date of the same crisis, and the same date once more after a restart: nothing more is sold.
    let again = decide(&world.inputs(), &world.setup);
    assert_eq!([spx, vix].map(|contract| again.table.wanted[contract]), left);
    let text = store::body(&world.memory, &world.setup.universe);
    assert!(text.contains("SPX_OPT") || !text.contains("\"keep\":[{"), "options are named in the journal");
    let twice = DayInputs { memory: &world.memory, date: before.date, ..world.inputs() };
    let twice = decide(&twice, &world.setup);
    assert_eq!([spx, vix].map(|contract| twice.table.wanted[contract]), left);
}

#[test]
fn an_option_is_rolled_at_twenty_one_days_and_a_closed_venue_lets_it_wait() {
    let mut world = hedged_world();
    let [spx, _] = quote_chains(&mut world);
    let plan = decide(&world.inputs(), &world.setup);
    fill(&mut world, plan, &[], 15.0);
    world.date = world.setup.universe.option(spx).unwrap().expiry.saturating_sub(21.days());
    world.next_day(15.0);
    world.windows[spx] = None;
    let waits = decide(&world.inputs(), &world.setup);
    assert_eq!(waits.table.wanted[spx], world.ledger.quantity(spx));
    world.next_day(15.0);
    let rolled = decide(&world.inputs(), &world.setup);
    assert_eq!(rolled.table.wanted[spx], Quantity::ZERO);
    let order = rolled.orders.iter().find(|order| order.contract == spx).unwrap();
    assert_eq!(order.purpose, Purpose::Reduce);
}

#[test]
fn reduce_only_buys_no_hedge_and_still_sells_one_and_a_flattened_book_keeps_none() {
    let mut world = hedged_world();
    let [spx, _] = quote_chains(&mut world);
    let tight = DayInputs { mode: Mode::ReduceOnly, ..world.inputs() };
    let plan = decide(&tight, &world.setup);
    assert!(plan.orders.is_empty() && plan.memory.hedges.budget.reservations().is_empty());
    let plan = decide(&world.inputs(), &world.setup);
    fill(&mut world, plan, &[], 15.0);
    let flat = DayInputs { flatten: true, mode: Mode::ReduceOnly, ..world.inputs() };
    assert_eq!(decide(&flat, &world.setup).table.wanted[spx], Quantity::ZERO);
}

#[test]
fn the_hedges_pay_when_the_index_falls_and_their_mark_prices_back() {
    let mut world = hedged_world();
    quote_chains(&mut world);
    let plan = decide(&world.inputs(), &world.setup);
    fill(&mut world, plan, &[], 15.0);
    let moment = Moment { date: world.date, ledger: &world.ledger, sleeves: None, marks: &world.marks, fx: &world.fx };
    let positions = hedge_positions(&moment, &world.setup);
    for position in &positions {
        let (view, mark) = (position.view.unwrap(), position.mark.unwrap().to_f64());
        assert!((view.value.price - mark).abs() < 1e-6 * mark, "{view:?}");
    }
    let payoffs = hedge_payoffs(&positions, &moment, &world.setup);
    let totals: Vec<f64> = payoffs.iter().map(|(_, payoff)| payoff.total()).collect();
    assert!(totals[0] > 0.0 && totals[1] > 2.0 * totals[0] && totals[2] > 2.0 * totals[1], "{totals:?}");
    assert!(totals[3] > 0.0 && totals[4] > totals[3], "{totals:?}");
}

/// A crisis that begins within the day sells hedges and funds in one go: each sale belongs to the sleeve that holds it.
#[test]
fn what_is_sold_within_the_day_is_the_sleeve_s_that_holds_it() {
    let mut world = hedged_world();
    let [put, call] = quote_chains(&mut world);
    let plan = decide(&world.inputs(), &world.setup);
    let books = domain::Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let session = crate::Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
    let fund = &world.setup.policy.sleeves[0].name;
    assert_eq!(
        [put, call, ContractId(0)].map(|contract| session.owner(contract)),
        ["crisis_alpha", "crisis_alpha", fund]
    );
}
