//! The currency hedge when the day fills less than was planned.

use super::*;
use domain::{Instrument, Universe};
use strategy::{Sleeve, SleeveKind};

const FUND: ContractId = ContractId(0);
const MICRO: ContractId = ContractId(2);

fn at(time: &str) -> Timestamp {
    format!("2026-01-05T{time}Z").parse().unwrap()
}

/// A dollar line of a fund that holds euros, bought for the first time; the micro future trades into the evening.
fn first_day() -> World {
    let kind = SleeveKind::WeightedBasket { members: vec![(FUND, 1.0)] };
    let basket = Sleeve { name: "basket".into(), budget: 0.2, follows_momentum: false, kind };
    let mut world = World::first_day();
    let old = &world.setup.universe;
    let euros = |id| {
        let instrument = old.instrument(id).clone();
        let risk_currency = if instrument.name == "CSPX" { Currency::Eur } else { instrument.risk_currency };
        Instrument { risk_currency, ..instrument }
    };
    let contracts = old.contracts().map(|contract| old.contract(contract).clone()).collect();
    let universe = Universe::new(old.instruments().map(euros).collect(), contracts);
    let policy = crate::Policy { sleeves: vec![basket], ..world.setup.policy.clone() };
    let references = world.setup.references.clone();
    world.setup = crate::Setup::new(universe, policy, references, Currency::Usd);
    world.memory = crate::Memory::new(&world.setup);
    world.windows[MICRO] = Some(Window { opens: at("14:45:00"), closes: at("20:00:00") });
    world
}

#[test]
fn what_did_not_fill_is_not_hedged_in_the_end() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let hedge = plan.table.scheduled[MICRO];
    assert!(hedge < Quantity::ZERO, "the planned purchase is hedged: {hedge}");
    let mut desk = Desk { slow: Some((FUND, 0, at("20:00:00"))), ..Desk::new(50) };
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    assert_eq!((desk.executed(FUND), desk.executed(MICRO)), (Quantity::ZERO, Quantity::ZERO));
    let consequences: Vec<&StoredRecord> =
        outcome.journal.iter().filter(|record| record.kind == "consequence").collect();
    assert_eq!(consequences.len(), 1, "once");
    assert!(consequences[0].body.contains("beyond the band"), "{}", consequences[0].body);
}

#[test]
fn what_filled_as_planned_asks_for_nothing() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk::new(50);
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    assert_eq!(desk.executed(MICRO), plan.table.scheduled[MICRO]);
    assert!(outcome.journal.iter().all(|record| record.kind != "consequence"));
}

#[test]
fn a_hedge_whose_market_is_shut_by_then_stays_as_it_is() {
    let mut world = first_day();
    world.windows[MICRO] = world.windows[FUND];
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk { slow: Some((FUND, 0, at("20:00:00"))), ..Desk::new(50) };
    run_day(&world, &plan, &mut desk, &[]);
    assert_eq!(desk.executed(MICRO), plan.table.scheduled[MICRO], "tomorrow's plan sees the book as it is");
}

#[test]
fn what_the_plan_could_not_measure_is_not_trued_up_either() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let ordered = |plan: &DayPlan| {
        let mut desk = Desk { slow: Some((FUND, 0, at("20:00:00"))), ..Desk::new(50) };
        run_day(&world, plan, &mut desk, &[]).journal.iter().filter(|record| record.kind == "consequence").count()
    };
    let mut unknown = plan.clone();
    unknown.hedges.iter_mut().for_each(|hedge| hedge.known = false);
    assert_eq!((ordered(&plan), ordered(&unknown)), (1, 0));
}

#[test]
fn what_the_plan_may_not_add_to_is_not_added_to_by_the_true_up() {
    let mut world = first_day();
    world.setup.policy.gate.restricted = vec![world.setup.universe.contract(MICRO).instrument];
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.table.scheduled[MICRO], Quantity::ZERO, "it is on the restricted list");
    let mut desk = Desk::new(50);
    run_day(&world, &plan, &mut desk, &[]);
    assert_eq!((desk.executed(FUND), desk.executed(MICRO)), (plan.table.scheduled[FUND], Quantity::ZERO));
}

/// `flatten` wants nothing from the next plan on; until then what is held is hedged.
#[test]
fn who_flattens_within_the_day_keeps_the_hedge_of_what_is_held() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let books = Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
    let (mut desk, mut now, mut is_told) = (Desk::new(50), world.decided_at(), false);
    loop {
        match session.poll(now) {
            Effect::Record => session.handle(Event::Recorded),
            Effect::Send(sendable) => {
                let said = desk.receive(Command::from(&sendable));
                said.into_iter().for_each(|event| session.handle(Event::Broker(event)));
            }
            Effect::Watch | Effect::Renew(_) => desk.quote(&world, now, &mut session),
            Effect::Wait(deadline) => {
                let events = desk.trade(now);
                now = if events.is_empty() { deadline } else { now + SignedDuration::from_secs(5) };
                events.into_iter().for_each(|event| session.handle(Event::Broker(event)));
                desk.quote(&world, now, &mut session);
                if !is_told && !desk.executed(FUND).is_zero() {
                    is_told = true;
                    let (by, reason) = ("ada".into(), "a drill".into());
                    let directive = crate::Directive::Flatten;
                    session.handle(Event::Operator(Instruction { directive, by, reason }));
                }
            }
            Effect::Done => break,
            other => panic!("{other:?}"),
        }
    }
    let euros = desk.executed(FUND).to_f64() * 600.0 / 1.25;
    let left = euros + desk.executed(MICRO).to_f64() * 12_500.0;
    assert!(euros > 200_000.0 && left.abs() <= 100_000.0 / 1.25, "{left} of {euros} euros are not hedged");
}
