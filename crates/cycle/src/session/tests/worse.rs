//! A worse regime that begins within the day, on a day without orders of its own and after the last of a day's orders.

use super::*;
use jiff::civil::Date;
use risk::{Regime, Sighting, WatchdogPolicy};

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
    let plan = decide(&world.inputs(), &world.setup);
    let decided = |regime| (regime, crate::decide_in(regime, &plan, &world.inputs(), &world.setup));
    [Regime::Elevated, Regime::Crisis].map(decided).into_iter().collect()
}

/// The day under a volatility index: what was sent, what is held at its end, and when that is.
fn day(world: &World, plans: &[(Regime, DayPlan)], vix: impl Fn(Timestamp) -> f64) -> (Vec<String>, Ledger, Timestamp) {
    let (story, _, ledger, end) = lived(world, plans, vix, SignedDuration::ZERO, None);
    (story, ledger, end)
}

/// The same on any day, with a storage that takes its time and a contract that nobody quotes until then: also the signs that
/// were written down.
fn lived(
    world: &World,
    plans: &[(Regime, DayPlan)],
    vix: impl Fn(Timestamp) -> f64,
    storage: SignedDuration,
    silent: Option<(ContractId, Timestamp)>,
) -> (Vec<String>, Vec<String>, Ledger, Timestamp) {
    lived_at(Desk::new(100), world, plans, vix, storage, silent)
}

fn lived_at(
    mut desk: Desk,
    world: &World,
    plans: &[(Regime, DayPlan)],
    vix: impl Fn(Timestamp) -> f64,
    storage: SignedDuration,
    silent: Option<(ContractId, Timestamp)>,
) -> (Vec<String>, Vec<String>, Ledger, Timestamp) {
    let plan = decide(&world.inputs(), &world.setup);
    let (books, account) = (Books::new(world.ledger.clone()), "a1b2c3".parse().unwrap());
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup)
        .with_contingencies(plans);
    let held = |contract| (contract, world.ledger.quantity(contract));
    desk.held = world.setup.universe.contracts().map(held).collect();
    let (mut story, mut now) = (Vec::new(), world.decided_at());
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
                quotes(&mut session, world, silent, now);
                session.handle(Event::Tick);
            }
            Effect::Resync => session.handle(Event::Resynced(Box::new(desk.snapshot(now)))),
            Effect::Watch | Effect::Renew(_) => quotes(&mut session, world, silent, now),
            Effect::Done => return (story, signs, session.into_books().into_ledger(), now),
            other => panic!("{other:?}"),
        }
    }
    panic!("the session does not end");
}

fn quotes(session: &mut Session<'_>, world: &World, silent: Option<(ContractId, Timestamp)>, now: Timestamp) {
    let is_quoted = |contract: &ContractId| silent.is_none_or(|(silent, until)| silent != *contract || now >= until);
    let contracts: Vec<ContractId> = session.contracts().filter(is_quoted).collect();
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
fn what_a_crisis_would_do_is_decided_in_a_crisis_however_soon_one_is_left() {
    let mut world = at_rest();
    world.next_day(15.0);
    world.setup.policy.regime.persistence_days = 1;
    let regimes: Vec<Regime> = contingencies(&world).iter().map(|(_, plan)| plan.risk.regime).collect();
    assert_eq!(regimes, [Regime::Elevated, Regime::Crisis]);
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

fn on(day: Date, time: &str) -> Timestamp {
    format!("{day}T{time}:00Z").parse().unwrap()
}

/// These sleeves, funded, on the first day of the future's roll.
fn rolling(sleeves: Vec<strategy::Sleeve>) -> World {
    let mut world = watched().with_sleeves(sleeves);
    world.fill_everything();
    world.fill_everything();
    while world.date < ROLL {
        world.next_day(15.0);
    }
    world
}

const ROLL: Date = jiff::civil::date(2026, 3, 10);

fn named(world: &World, names: &[&str]) -> Vec<ContractId> {
    names.iter().map(|name| world.setup.universe.find_contract(name).unwrap()).collect()
}

fn crisis_from(start: Timestamp) -> impl Fn(Timestamp) -> f64 {
    move |now| if now < start { 15.0 } else { 60.0 }
}

#[test]
fn a_crisis_reduces_what_the_day_has_just_rolled() {
    let world = rolling(fixture::future_pair(0.30));
    let plans = contingencies(&world);
    let (_, ledger, _) = day(&world, &plans, crisis_from(on(ROLL, "15:20")));
    for contract in named(&world, &["CSPX", "FESX_20260320", "FESX_20260619"]) {
        assert_eq!(ledger.quantity(contract), plans[1].1.table.wanted[contract], "{}", world.name(contract));
    }
}

#[test]
fn a_future_is_its_sleeve_s_in_every_contract() {
    let mut world = rolling(fixture::future_pair(0.30));
    world.fill_everything();
    world.next_day(15.0);
    let later = named(&world, &["FESX_20260619"])[0];
    let [shuts, begins] = ["15:15", "15:20"].map(|time| on(world.date, time));
    world.windows[later] = world.windows[later].map(|window| Window { closes: shuts, ..window });
    let (story, ..) = day(&world, &contingencies(&world), crisis_from(begins));
    assert_eq!(story, Vec::<String>::new(), "one leg of the pair has shut");
}

/// Two funds and a future that is being rolled, each a sleeve of its own.
fn funds_and_future() -> Vec<strategy::Sleeve> {
    let basket = |name: &str, budget, members| {
        let kind = strategy::SleeveKind::WeightedBasket { members };
        strategy::Sleeve { name: name.into(), budget, follows_momentum: false, kind }
    };
    let funds = vec![(ContractId(0), 0.5), (ContractId(1), 0.5)];
    vec![basket("funds", 0.3, funds), basket("future", 0.1, vec![(ContractId(7), 1.0)])]
}

#[test]
fn a_roll_that_nobody_quotes_holds_back_no_reduction_but_its_own() {
    let world = rolling(funds_and_future());
    let plans = contingencies(&world);
    let contracts = named(&world, &["CSPX", "CS51", "FESX_20260619"]);
    let until = |time: &str| {
        let silent = Some((contracts[2], on(ROLL, time)));
        lived(&world, &plans, crisis_from(on(ROLL, "15:00")), SignedDuration::ZERO, silent)
    };
    let wanted = |contract: &ContractId| plans[1].1.table.wanted[*contract];
    let (story, _, ledger, _) = until("20:00");
    assert!(story.iter().all(|line| line.as_str() < "15:06"), "{story:?}");
    for contract in &contracts[..2] {
        assert!(ledger.quantity(*contract) == wanted(contract), "{}: {story:?}", world.name(*contract));
    }
    assert_eq!(ledger.quantity(contracts[2]), Quantity::ZERO, "what nobody quotes is not bought");
    let (story, _, ledger, _) = until("15:30");
    for contract in &contracts {
        assert!(ledger.quantity(*contract) == wanted(contract), "{}: {story:?}", world.name(*contract));
    }
}

#[test]
fn an_order_whose_end_nobody_confirms_holds_back_its_own_sleeve_alone() {
    let mut world = rolling(funds_and_future());
    world.fill_everything();
    world.next_day(15.0);
    world.setup.policy.sleeves[1].budget = 0.2; // more of the future is wanted
    let (contracts, plans) = (named(&world, &["CSPX", "CS51", "FESX_20260619"]), contingencies(&world));
    let desk = Desk { deaf: true, slow: Some((contracts[2], 0, Timestamp::MAX)), ..Desk::new(100) };
    let crisis = crisis_from(on(world.date, "15:00"));
    let (story, _, ledger, _) = lived_at(desk, &world, &plans, crisis, SignedDuration::ZERO, None);
    for contract in &contracts[..2] {
        let wanted = plans[1].1.table.wanted[*contract];
        assert!(ledger.quantity(*contract) == wanted, "{}: {story:?}", world.name(*contract));
    }
    assert_eq!(ledger.quantity(contracts[2]), world.ledger.quantity(contracts[2]), "its order may still be executed");
}

#[test]
fn of_a_basket_with_two_sides_no_member_is_reduced_alone() {
    let members = vec![(ContractId(0), 0.5), (ContractId(1), -0.25), (ContractId(7), -0.25)];
    let kind = strategy::SleeveKind::WeightedBasket { members };
    let basket = strategy::Sleeve { name: "basket".into(), budget: 0.3, follows_momentum: false, kind };
    let mut world = watched().with_sleeves(vec![basket]);
    world.fill_everything();
    let future = named(&world, &["FESX_20260320"])[0];
    world.windows[future] = world.windows[future].map(|window| Window { closes: at("15:15"), ..window });
    let (story, ..) = day(&world, &contingencies(&world), crisis_from(at("15:20")));
    assert_eq!(story, Vec::<String>::new(), "one of the two that are sold short has shut");
}

/// A storage that lags lets nothing out that adds risk, not even what it has written when that is noticed.
#[test]
fn a_slow_storage_lets_no_further_risk_out() {
    let world = watched();
    let calm = |_: Timestamp| 15.0;
    let (quick, none, held, _) = lived(&world, &[], calm, SignedDuration::from_millis(2_000), None);
    let (slow, signs, little, _) = lived(&world, &[], calm, SignedDuration::from_millis(2_001), None);
    assert!(none.is_empty());
    assert_eq!(signs, ["STORAGE_SLOW REDUCE_ONLY"], "told once");
    assert!(slow.iter().all(|sent| sent.contains("cancel")), "{slow:?}");
    assert!(quick.len() > 2 && held != world.ledger && little == world.ledger);
}
