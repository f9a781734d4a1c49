//! The currency hedge: worked examples, and the law they follow.

use crate::decide;
use crate::fixture::{World, decimal, price};
use domain::{ContractId, Currency, Instrument, LedgerEvent, Money, Price, Quantity, QuoteUnit, Side, Universe};
use proptest::prelude::*;
use risk::Purpose;
use rust_decimal::prelude::ToPrimitive;
use strategy::{HedgeDecision, HedgeRule};

const FUND: ContractId = ContractId(1);
const MICRO: ContractId = ContractId(2);
const INDEX: ContractId = ContractId(7);

/// A world whose sleeves want nothing to change: what is held stays, and only the hedge decides.
fn book(holdings: &[(ContractId, i64)], cash: &[(&str, Currency)]) -> World {
    let mut world = World::first_day().with_sleeves(Vec::new());
    for &(contract, quantity) in holdings {
        let Some(side) = Side::of(Quantity::whole(quantity)) else { continue };
        let mark = world.marks[contract].unwrap();
        world.ledger.fill(contract, side, Quantity::whole(quantity.abs()), mark, &world.setup.universe);
    }
    for (amount, currency) in cash {
        let amount = Money::new(decimal(amount), *currency);
        world.ledger.apply(&LedgerEvent::Flow { amount }, &world.setup.universe).unwrap();
    }
    world.agree_with_broker();
    world
}

/// What the hedge of the euro makes of a book that nobody wants to change.
fn euro(world: &World) -> HedgeDecision {
    hedge(world, Currency::Eur)
}

fn hedge(world: &World, currency: Currency) -> HedgeDecision {
    // Without an estimate the sleeves keep what is held.
    let empty = market::Panel::new(world.setup.universe.instrument_count());
    let inputs = crate::DayInputs { history: empty.rows(0, 0), ..world.inputs() };
    let plan = decide(&inputs, &world.setup);
    *plan.hedges.iter().find(|hedge| hedge.currency == currency).unwrap()
}

#[test]
fn a_euro_fund_paid_in_dollars_is_hedged_whole() {
    // 7,000 × EUR 200, the euros bought with dollars.
    let world = book(&[(FUND, 7_000)], &[("1400000", Currency::Eur), ("-1750000", Currency::Usd)]);
    let decision = euro(&world);
    assert_eq!((decision.exposure, decision.wanted), (1_400_000.0, -112));
}

#[test]
fn a_euro_fund_bought_on_credit_is_its_own_hedge() {
    let decision = euro(&book(&[(FUND, 7_000)], &[]));
    assert_eq!((decision.exposure, decision.wanted), (0.0, 0));
}

#[test]
fn a_euro_short_that_keeps_its_proceeds_needs_no_hedge_and_its_profit_does() {
    let mut world = book(&[(FUND, -7_000)], &[]);
    assert_eq!((euro(&world).exposure, euro(&world).wanted), (0.0, 0));
    world.set_mark("CS51", "180");
    world.agree_with_broker();
    assert_eq!((euro(&world).exposure, euro(&world).wanted), (140_000.0, -11));
}

#[test]
fn a_euro_future_exposes_its_unsettled_profit_and_never_its_notional() {
    // 40 × 10 × 5,000 is two million of notional.
    let mut world = book(&[(INDEX, -40)], &[]);
    assert_eq!((euro(&world).exposure, euro(&world).wanted), (0.0, 0));
    world.set_mark("FESX_20260320", "4500");
    world.agree_with_broker();
    assert_eq!((euro(&world).exposure, euro(&world).wanted), (200_000.0, -16));
}

#[test]
fn a_share_quoted_in_pence_counts_in_pounds() {
    let mut world = book(&[], &[]);
    let old = &world.setup.universe;
    let pounds = |id| {
        let instrument = old.instrument(id).clone();
        match instrument.name.as_str() {
            "CSPX" => Instrument {
                currency: Currency::Gbp,
                risk_currency: Currency::Gbp,
                quote_unit: QuoteUnit::Hundredth,
                ..instrument
            },
            "M6E" => Instrument { risk_currency: Currency::Gbp, multiplier: 6_250, ..instrument },
            _ => instrument,
        }
    };
    let contracts = old.contracts().map(|contract| old.contract(contract).clone()).collect();
    let universe = Universe::new(old.instruments().map(pounds).collect(), contracts);
    let mut policy = world.setup.policy.clone();
    policy.fx_hedge.rules = vec![HedgeRule { currency: Currency::Gbp, future: domain::InstrumentId(2), size: 6_250 }];
    world.setup = crate::Setup::new(universe, policy, world.setup.references.clone(), Currency::Usd);
    world.fx.set(Currency::Gbp, decimal("1.3")).unwrap();
    let quoted = Price::from_quote(decimal("2540"), QuoteUnit::Hundredth).unwrap();
    world.marks[ContractId(0)] = Some(quoted);
    world.ledger.fill(ContractId(0), Side::Buy, Quantity::whole(50_000), quoted, &world.setup.universe);
    let paid = Money::new(decimal("1270000"), Currency::Gbp);
    world.ledger.apply(&LedgerEvent::Flow { amount: paid }, &world.setup.universe).unwrap();
    world.agree_with_broker();
    // 50,000 × 2,540 pence are 1.27 million pounds, 203 contracts; taken as pounds they would be 20,320.
    assert_eq!((hedge(&world, Currency::Gbp).exposure, hedge(&world, Currency::Gbp).wanted), (1_270_000.0, -203));
}

#[test]
fn a_debt_in_euros_is_hedged_by_owning_them() {
    let decision = euro(&book(&[], &[("-500000", Currency::Eur)]));
    assert_eq!((decision.exposure, decision.wanted), (-500_000.0, 40));
}

#[test]
fn what_is_smaller_than_the_band_is_left_alone_and_beyond_it_all_of_it_goes() {
    // The band is 1 % of ten million dollars, which is 80,000 euros.
    assert_eq!(euro(&book(&[], &[("79000", Currency::Eur)])).wanted, 0);
    assert_eq!(euro(&book(&[], &[("81000", Currency::Eur)])).wanted, -6);
    let held = book(&[(MICRO, -10)], &[("190000", Currency::Eur)]);
    assert_eq!(euro(&held).wanted, -10, "65,000 euros are left open, within the band");
}

proptest! {
    /// At ratio 1 a move of one per cent changes NAV by at most one per cent of half a contract and the band.
    #[test]
    fn a_move_of_the_euro_costs_no_more_than_half_a_contract_and_the_band(
        fund in -20_000_i64..20_000, index in -80_i64..80, micro in -200_i64..200,
        euros in -3_000_000_i64..3_000_000, profit in 4_000_u32..6_000, up in any::<bool>(),
    ) {
        let cash = euros.to_string();
        let mut world = book(&[(FUND, fund), (INDEX, index), (MICRO, micro)], &[(&cash, Currency::Eur)]);
        world.set_mark("FESX_20260320", &profit.to_string());
        world.agree_with_broker();
        prop_assume!(world.ledger.nav(&world.marks, &world.fx, &world.setup.universe).unwrap().to_f64() > 1e6);
        let plan = decide(&world.inputs(), &world.setup);
        prop_assert!(plan.hedges.iter().all(|hedge| hedge.currency == Currency::Eur));
        for order in &plan.orders {
            prop_assert!(order.contract != MICRO || order.purpose == Purpose::FxHedge);
            let mark = world.marks[order.contract].unwrap();
            let side = Side::of(order.quantity).unwrap();
            world.ledger.fill(order.contract, side, order.quantity.abs(), mark, &world.setup.universe);
        }
        let nav = |world: &World| world.ledger.nav(&world.marks, &world.fx, &world.setup.universe).unwrap().amount();
        let before = nav(&world);
        let moved = if up { "1.2625" } else { "1.2375" };
        world.fx.set(Currency::Eur, decimal(moved)).unwrap();
        for name in ["M6E_20260316", "M6E_20260615", "EUR.USD"] {
            world.set_mark(name, moved);
        }
        let change = (nav(&world) - before).abs().to_f64().unwrap();
        let half_a_contract = 6_250.0 * 1.25;
        // Sizing was on the rate before the move; a cent for the digits of money.
        let limit = 0.01 * (half_a_contract + plan.hedges[0].band) + 0.01;
        prop_assert!(change <= limit, "{} > {}: {:?}", change, limit, plan.hedges[0]);
    }
}

#[test]
fn marks_of_this_file_are_those_of_the_world() {
    let world = World::first_day();
    assert_eq!(world.marks[FUND], Some(price("200")));
    assert_eq!(["CS51", "M6E_20260316", "FESX_20260320"], [FUND, MICRO, INDEX].map(|id| world.name(id)));
}
