//! Any book with the bond spread in it, from day to day: both legs, neutral, inside its own cap, in the way of nothing else.

use crate::fixture::{World, price, rolls};
use crate::{DayInputs, DayPlan, Setup, decide};
use domain::{
    AssetClass, BaseMoney, Contract, ContractId, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic,
    PerContract, Quantity, Side, Universe,
};
use jiff::civil::date;
use proptest::prelude::*;
use risk::gate::Conditions;
use risk::{Check, Mode, Purpose};
use rust_decimal::dec;
use strategy::sizing::Change;
use strategy::tail_hedge::{HedgeType, SpreadFutures};
use strategy::{Sleeve, SleeveKind};

const FUND: ContractId = ContractId(0);
const EUROPE: ContractId = ContractId(1);
const BUND: InstrumentId = InstrumentId(8);
const OAT: InstrumentId = InstrumentId(9);

/// The fixture with two bond futures of two contracts each behind its own, a basket, and a sleeve that holds the spread.
fn world(shares: [f64; 2], cap: f64) -> World {
    let mut world = World::first_day();
    let old = &world.setup.universe;
    let bond = |name: &str| Instrument {
        asset_class: AssetClass::BondFuture,
        venue: Mic::Xeur,
        multiplier: 1_000,
        future: Some(FutureRule::EurexBondQuarterly),
        tick: price("0.01"),
        ..Instrument::plain(name, InstrumentKind::Fut, Currency::Eur)
    };
    let instruments =
        old.instruments().map(|id| old.instrument(id).clone()).chain(["FGBL", "FOAT"].map(bond)).collect();
    let mut contracts: Vec<Contract> = old.contracts().map(|id| old.contract(id).clone()).collect();
    for (instrument, name) in [(BUND, "FGBL"), (OAT, "FOAT")] {
        for end in [date(2026, 3, 6), date(2026, 6, 8)] {
            let name = format!("{name}_{}", end.strftime("%Y%m%d"));
            contracts.push(Contract { name, instrument, expiry: Some(end) });
        }
    }
    let universe = Universe::new(instruments, contracts);
    let mut hedges = crate::decide::tail_hedge::tests::policy();
    hedges.budget.shares = [(HedgeType::SovereignSpread, dec!(1))].into();
    hedges.spread = Some(SpreadFutures { long: BUND, short: OAT });
    hedges.bond_spread.gross_max = cap;
    (hedges.bond_spread.stress_narrowing_bp, hedges.bond_spread.stress_parallel_bp) = (dec!(20), dec!(50));
    let members = [FUND, EUROPE].into_iter().zip(shares).collect();
    let sleeve = |name: &str, budget, kind| Sleeve { name: name.into(), budget, follows_momentum: false, kind };
    let mut policy = world.setup.policy.clone();
    policy.sleeves = vec![
        sleeve("basket", 0.9, SleeveKind::WeightedBasket { members }),
        sleeve("crisis_alpha", 0.05, SleeveKind::TailHedge(Box::new(hedges))),
    ];
    let rolls = rolls(&universe);
    world.setup = Setup::new(universe, policy, world.setup.references.clone(), Currency::Usd).with_rolls(rolls);
    world.memory = crate::Memory::new(&world.setup);
    let count = world.setup.universe.contract_count();
    let mut marks = world.marks.as_slice().to_vec();
    marks.extend(["128", "128.4", "121", "121.3"].map(|mark| Some(price(mark))));
    world.marks = PerContract::from_vec(marks);
    world.windows = PerContract::filled(world.windows[FUND], count);
    world.ledger = world.ledger.rekeyed(&world.setup.universe, Some).unwrap();
    world.broker.marks = PerContract::filled(None, count);
    world.conditions = Conditions::ample(count);
    world.turn_to(world.date);
    world.agree_with_broker();
    world
}

impl World {
    fn takes(mut self, held: [(ContractId, i64); 4]) -> World {
        for (contract, quantity) in held {
            let Some(side) = Side::of(Quantity::whole(quantity)) else { continue };
            let mark = self.marks[contract].unwrap();
            self.ledger.fill(contract, side, Quantity::whole(quantity.abs()), mark, &self.setup.universe);
        }
        self.agree_with_broker();
        self
    }

    /// A day whose orders are all executed at their marks, its premium settled.
    fn passes(&mut self) {
        let plan = decide(&self.inputs(), &self.setup);
        self.fill_everything();
        let filled = |contract, _| {
            let order = plan.orders.iter().find(|order| order.contract == contract).unwrap();
            (order.quantity.abs(), dec!(0))
        };
        crate::decide::settle_premium(&plan, &mut self.memory, filled);
        self.next_day(15.0);
    }

    /// Contracts wanted of a future, over all its months.
    fn wanted(&self, future: InstrumentId, plan: &DayPlan) -> i64 {
        let universe = &self.setup.universe;
        let of = universe.contracts().filter(|&contract| universe.contract(contract).instrument == future);
        of.map(|contract| plan.table.wanted[contract].to_f64() as i64).sum()
    }
}

fn is_bond(contract: ContractId, world: &World) -> bool {
    [BUND, OAT].contains(&world.setup.universe.contract(contract).instrument)
}

/// Notional of both legs over NAV, and what whole contracts leave of the neutrality, in contracts of the short leg.
fn spread(world: &World, plan: &DayPlan) -> (f64, f64) {
    let (long, short) = (world.wanted(BUND, plan) as f64, -world.wanted(OAT, plan) as f64);
    let unit = |future: InstrumentId| plan.table.unit_price[world.active[future].unwrap()];
    let moment = crate::hedges::Moment {
        date: world.date,
        ledger: &world.ledger,
        sleeves: None,
        marks: &world.marks,
        fx: &world.fx,
    };
    let dv01s = crate::hedges::spread_dv01s(&moment, &world.setup).unwrap();
    let neutral = dv01s.short_for(long as i64) as f64;
    ((long * unit(BUND) + short * unit(OAT)) / plan.facts.nav, short - neutral)
}

fn shares() -> impl Strategy<Value = [f64; 2]> {
    (0.1_f64..0.9, any::<bool>()).prop_map(|(share, long)| [share, if long { 1.0 - share } else { share - 1.0 }])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn from_any_book_the_spread_comes_inside_its_cap_with_both_legs_and_the_rest_to_its_target(
        shares in shares(), fund in -16_000_i64..16_000, europe in -40_000_i64..40_000,
        long in 0_i64..60, short in 0_i64..60, cap in 0.2_f64..0.8,
    ) {
        let (bund, oat) = (ContractId(10), ContractId(12));
        let mut world = world(shares, cap).takes([(FUND, fund), (EUROPE, europe), (bund, long), (oat, -short)]);
        let first = decide(&world.inputs(), &world.setup);
        let target: f64 = [FUND, EUROPE].iter().map(|c| first.table.target_value[*c].abs()).sum::<f64>() / first.facts.nav;
        let room = (cap * first.facts.nav / 300_000.0).ceil();
        // The turnover of the ramp and of the spread beside it, and one day for what has to go first.
        let days = (target / 0.5).ceil() as usize + (room * 300_000.0 / first.facts.nav / 0.5).ceil() as usize + 2;
        for _ in 0..days {
            world.passes();
        }
        let plan = decide(&world.inputs(), &world.setup);
        let (gross, off) = spread(&world, &plan);
        prop_assert!(gross <= cap + 1e-9, "{} of NAV, at most {}", gross, cap);
        prop_assert!(off.abs() <= 1.0, "{} contracts off", off);
        prop_assert!(world.wanted(BUND, &plan) >= 0 && world.wanted(OAT, &plan) <= 0);
        prop_assert!(plan.memory.hedges.budget.free(HedgeType::SovereignSpread) >= BaseMoney::ZERO);
        for contract in [FUND, EUROPE] {
            let (is, wanted) = (plan.table.held_value[contract], plan.table.target_value[contract]);
            prop_assert!((is - wanted).abs() <= 0.05 * first.facts.nav, "{} instead of {} after {} days", is, wanted, days);
        }
    }

    #[test]
    fn in_a_crisis_and_in_any_mode_that_reduces_no_limit_keeps_the_spread_or_the_book_from_shrinking(
        shares in shares(), fund in -16_000_i64..16_000, europe in -40_000_i64..40_000,
        long in 0_i64..60, short in 0_i64..60, turnover in 0.0_f64..0.5, gross in 0.0_f64..2.0,
    ) {
        let (bund, oat) = (ContractId(10), ContractId(12));
        let mut world = world(shares, 0.3).takes([(FUND, fund), (EUROPE, europe), (bund, long), (oat, -short)]);
        world.next_day(45.0);
        let gate = &mut world.setup.policy.gate;
        (gate.turnover_max, gate.gross_max, gate.net_max) = (turnover, gross, gross);
        for mode in [Mode::Normal, Mode::ReduceOnly] {
            let inputs = DayInputs { mode, ..world.inputs() };
            let plan = decide(&inputs, &world.setup);
            for contract in world.setup.universe.contracts() {
                let held = world.ledger.quantity(contract);
                let reduce = Change::between(held, plan.table.wanted[contract]).reduce;
                let sent = Change::between(held, held + plan.table.scheduled[contract]).reduce;
                let small = reduce.to_f64().abs() * plan.table.unit_price[contract] < 2_500.0;
                // What nothing answers waits where only reductions go; that is no limit.
                let waits = plan.table.verdict[contract].failed().any(|check| check == Check::NetRises);
                prop_assert!(mode == Mode::ReduceOnly || !waits);
                let all = sent == reduce || small || waits;
                prop_assert!(all, "{}: {} of {} in {:?}", world.name(contract), sent, reduce, mode);
                let grows = Change::between(held, held + plan.table.scheduled[contract]).increase;
                let hedge = world.setup.universe.contract(contract).instrument == InstrumentId(2);
                prop_assert!(mode == Mode::Normal || hedge || grows.is_zero(), "{} grows", world.name(contract));
            }
            prop_assert!(spread(&world, &plan).0 <= 0.3 + 1e-9, "the cap of the spread holds in every mode");
        }
    }

    #[test]
    fn when_its_contracts_end_both_legs_roll_and_nothing_is_left_behind(long in 1_i64..25) {
        let (bund, oat) = (ContractId(10), ContractId(12));
        let mut world = world([0.5, 0.5], 1.0).takes([(FUND, 0), (EUROPE, 0), (bund, long), (oat, -long)]);
        let deadline = world.setup.rolls[bund].unwrap().deadline;
        while world.date <= deadline {
            let plan = decide(&world.inputs(), &world.setup);
            let opens = |order: &&execution::PlannedOrder| is_bond(order.contract, &world) && order.purpose == Purpose::Roll;
            prop_assert!(plan.orders.iter().filter(opens).count() <= 2);
            world.passes();
        }
        for old in [bund, oat] {
            prop_assert!(world.ledger.quantity(old).is_zero(), "{} after its deadline", world.name(old));
        }
        for (new, sign) in [(ContractId(11), 1), (ContractId(13), -1)] {
            prop_assert!(world.ledger.quantity(new).signum() == sign, "{}", world.name(new));
        }
    }
}
