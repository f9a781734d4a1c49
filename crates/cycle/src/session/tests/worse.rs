//! A worse regime that begins within the day, on a day without orders of its own and after the last of a day's orders.

use super::*;
use crate::DayInputs;
use risk::{Regime, RegimeState, Sighting, WatchdogPolicy};

fn at(time: &str) -> Timestamp {
    format!("2026-01-05T{time}:00Z").parse().unwrap()
}

/// A world that holds what it wants, so that its plan has no orders.
fn at_rest() -> World {
    let mut world = watched();
    while !decide(&world.inputs(), &world.setup).orders.is_empty() {
        world.fill_everything();
    }
    world
}

/// A world that holds nothing yet, with a watchdog.
fn watched() -> World {
    let mut world = World::first_day();
    let policy = &mut world.setup.policy;
    let (blind_max_s, skew_max_s, storage_slow_ms) = (1_200, 30, 2_000);
    policy.watchdog =
        Some(WatchdogPolicy { every_s: 600, cushion_min: 0.15, blind_max_s, skew_max_s, storage_slow_ms });
    policy.regime.escalate_immediately = vec![Regime::Elevated, Regime::Crisis];
    world
}

/// What the day would do in each worse regime.
fn contingencies(world: &World) -> Vec<(Regime, DayPlan)> {
    let decided = |regime| {
        let mut memory = world.memory.clone();
        memory.regime = RegimeState { regime, pending: None };
        (regime, decide(&DayInputs { memory: &memory, ..world.inputs() }, &world.setup))
    };
    [Regime::Elevated, Regime::Crisis].map(decided).into_iter().collect()
}

/// The day under a volatility index: what was sent, what is held at its end, and when that is.
fn day(world: &World, plans: &[(Regime, DayPlan)], vix: impl Fn(Timestamp) -> f64) -> (Vec<String>, Ledger, Timestamp) {
    let (story, _, ledger, end) = lived(world, plans, vix, SignedDuration::ZERO);
    (story, ledger, end)
}

/// The same on any day, with a storage that takes its time: also the signs that were written down.
fn lived(
    world: &World,
    plans: &[(Regime, DayPlan)],
    vix: impl Fn(Timestamp) -> f64,
    storage: SignedDuration,
) -> (Vec<String>, Vec<String>, Ledger, Timestamp) {
    let plan = decide(&world.inputs(), &world.setup);
    let (books, account) = (Books::new(world.ledger.clone()), "a1b2c3".parse().unwrap());
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup)
        .with_contingencies(plans);
    let (mut desk, mut story, mut now) = (Desk::new(100), Vec::new(), world.decided_at());
    let mut signs = Vec::new();
    for _ in 0..10_000 {
        match session.poll(now) {
            Effect::Record => {
                let told = session.entries().iter().filter_map(|entry| match entry {
                    Entry::Watchdog { code, mode, .. } => Some(format!("{code} {mode}")),
                    _ => None,
                });
                signs.extend(told);
                session.handle(Event::Recorded);
                session.handle(Event::Stored(storage));
            }
            Effect::Look => session.handle(Event::Watched(Sighting {
                at: now,
                gateway: now,
                net_liquidation: world.broker.net_liquidation,
                excess_liquidity: Some(dec!(8_000_000)),
                vix: Some(vix(now)),
            })),
            Effect::Send(sendable) => {
                let command = Command::from(&sendable);
                story.push(format!("{} {}", now.strftime("%H:%M"), told(command, world)));
                desk.receive(command).into_iter().for_each(|event| session.handle(Event::Broker(event)));
            }
            Effect::Wait(deadline) => {
                let events = desk.trade(now);
                if events.is_empty() {
                    assert!(deadline > now, "waiting for {deadline} at {now}");
                    now = deadline;
                }
                events.into_iter().for_each(|event| session.handle(Event::Broker(event)));
                quotes(&mut session, world, now);
                session.handle(Event::Tick);
            }
            Effect::Watch | Effect::Renew(_) => quotes(&mut session, world, now),
            Effect::Done => return (story, signs, session.into_books().into_ledger(), now),
            other => panic!("{other:?}"),
        }
    }
    panic!("the session does not end");
}

fn quotes(session: &mut Session<'_>, world: &World, now: Timestamp) {
    let contracts: Vec<ContractId> = session.contracts().collect();
    contracts.into_iter().for_each(|contract| session.handle(Event::Broker(quote(contract, world, now))));
}

/// Asserts that everything is held as a plan of a worse regime wants it.
fn assert_as_wanted(world: &World, ledger: &Ledger, plan: &DayPlan) {
    let reductions = plan.orders.iter().filter(|order| order.purpose == Purpose::Reduce);
    assert!(reductions.clone().count() >= 2, "both legs are reduced");
    for order in reductions {
        assert_eq!(
            ledger.quantity(order.contract),
            plan.table.wanted[order.contract],
            "{}",
            world.name(order.contract)
        );
    }
}

#[test]
fn a_quiet_day_without_orders_is_watched_to_the_end_of_its_last_window() {
    let world = at_rest();
    assert!(decide(&world.inputs(), &world.setup).orders.is_empty());
    let (story, ledger, end) = day(&world, &contingencies(&world), |_| 15.0);
    assert_eq!((story, ledger, end), (vec![], world.ledger.clone(), at("16:00")));
    let (.., end) = day(&world, &[], |_| 15.0);
    assert_eq!(end, world.decided_at(), "with nothing to answer there is nothing to wait for");
}

#[test]
fn a_crisis_on_a_day_without_orders_reduces_in_its_windows() {
    let world = at_rest();
    let plans = contingencies(&world);
    let (story, ledger, _) = day(&world, &plans, |now| if now < at("12:00") { 15.0 } else { 60.0 });
    assert_as_wanted(&world, &ledger, &plans[1].1);
    assert!(story.iter().all(|line| line.as_str() >= "14:45"), "{story:?}");
    let (story, ..) = day(&world, &plans, |now| if now < at("16:00") { 15.0 } else { 60.0 });
    assert!(story.is_empty(), "after the last window it is tomorrow's: {story:?}");
}

#[test]
fn a_milder_regime_is_replanned_and_a_worse_one_after_it_again() {
    let world = at_rest();
    let plans = contingencies(&world);
    let (_, ledger, _) = day(&world, &plans, |now| if now < at("12:00") { 15.0 } else { 28.0 });
    assert_as_wanted(&world, &ledger, &plans[0].1);
    let vix = |now| match now {
        now if now < at("12:00") => 15.0,
        now if now < at("15:00") => 28.0,
        _ => 60.0,
    };
    let (story, ledger, _) = day(&world, &plans, vix);
    assert_as_wanted(&world, &ledger, &plans[1].1);
    assert!(story.iter().any(|line| line.as_str() < "15:00") && story.iter().any(|line| line.as_str() >= "15:00"));
    let both = |now| if now < at("14:40") { 28.0 } else { 60.0 };
    let (story, ledger, _) = day(&world, &plans, both);
    assert_as_wanted(&world, &ledger, &plans[1].1);
    assert!(!story.is_empty());
}

#[test]
fn a_day_whose_orders_are_done_is_watched_to_the_end_of_its_last_window() {
    let world = watched();
    let (story, _, end) = day(&world, &contingencies(&world), |_| 15.0);
    let (without, _, done) = day(&world, &[], |_| 15.0);
    assert_eq!((end, story), (at("16:00"), without), "the guard changes nothing on a calm day");
    assert!(done < at("15:00"), "the orders were done at {done}");
}

#[test]
fn a_crisis_after_the_last_order_reduces_what_the_day_has_just_bought() {
    let world = watched();
    let plans = contingencies(&world);
    let (calm, full, _) = day(&world, &plans, |_| 15.0);
    let (story, ledger, _) = day(&world, &plans, |now| if now < at("15:20") { 15.0 } else { 60.0 });
    assert_eq!(story[..calm.len()], calm, "until then it is the same day");
    assert!(story[calm.len()..].iter().all(|line| line.as_str() >= "15:20"), "{story:?}");
    for (name, held) in ["CSPX", "CS51"].map(|name| (name, world.setup.universe.find_contract(name).unwrap())) {
        let (wanted, now_held) = (plans[1].1.table.wanted[held], ledger.quantity(held));
        assert_eq!(now_held, wanted, "{name}");
        assert!(now_held.abs() < full.quantity(held).abs(), "{name}: {now_held} of {}", full.quantity(held));
    }
}

/// The day under a crisis from 15:20 on, with the window of the European fund shut at 15:15: what was sent after that.
fn shut_before_the_crisis(world: &mut World) -> Vec<String> {
    let europe = world.setup.universe.find_contract("CS51").unwrap();
    world.windows[europe] = world.windows[europe].map(|window| Window { closes: at("15:15"), ..window });
    let (story, ..) = day(world, &contingencies(world), |now| if now < at("15:20") { 15.0 } else { 60.0 });
    story.into_iter().filter(|line| line.as_str() >= "15:20").collect()
}

#[test]
fn of_two_sides_none_is_reduced_alone_and_of_one_side_what_can_be() {
    assert_eq!(shut_before_the_crisis(&mut watched()), Vec::<String>::new(), "one leg of a pair has shut");
    let kind = strategy::SleeveKind::WeightedBasket { members: vec![(ContractId(0), 0.5), (ContractId(1), 0.5)] };
    let long_only = strategy::Sleeve { name: "basket".into(), budget: 0.35, follows_momentum: false, kind };
    let mut world = watched();
    let policy = world.setup.policy.clone();
    world = world.with_sleeves(vec![long_only]);
    world.setup.policy.watchdog = policy.watchdog;
    world.setup.policy.regime = policy.regime;
    let sent = shut_before_the_crisis(&mut world);
    assert!(!sent.is_empty() && sent.iter().all(|line| !line.contains("CS51")), "{sent:?}");
    assert!(sent.iter().any(|line| line.contains("CSPX")), "{sent:?}");
}

/// A storage that lags lets nothing out that adds risk, not even what it has written when that is noticed.
#[test]
fn a_slow_storage_lets_no_further_risk_out() {
    let world = watched();
    let calm = |_: Timestamp| 15.0;
    let (quick, none, held, _) = lived(&world, &[], calm, SignedDuration::from_millis(2_000));
    let (slow, signs, little, _) = lived(&world, &[], calm, SignedDuration::from_millis(2_001));
    assert!(none.is_empty());
    assert_eq!(signs, ["STORAGE_SLOW REDUCE_ONLY"], "told once");
    assert!(slow.iter().all(|sent| sent.contains("cancel")), "{slow:?}");
    assert!(quick.len() > 2 && held != world.ledger && little == world.ledger);
}
