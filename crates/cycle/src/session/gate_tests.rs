//! The gate over a whole act phase: what counts against limits, what waits, what stays shut.

use super::tests::{Desk, about_to_send, run_day, settled};
use super::*;
use crate::fixture::World;
use crate::operator::Directive;
use crate::{decide, store};
use market::calendar::Window;
use ports::{BrokerEvent, Connection};

fn at(time: &str) -> Timestamp {
    format!("2026-01-05T{time}Z").parse().unwrap()
}

/// Codes of what refuses the order that asked last, without repeats.
fn refused(session: &Session<'_>) -> Vec<&'static str> {
    session.refusals().map(|refusal| refusal.check.code()).collect()
}

#[test]
fn an_order_that_may_still_be_executed_counts_in_full_when_the_next_one_asks() {
    let mut world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    // Each leg is a quarter of NAV: there is room for one.
    world.setup.policy.gate.gross_max = 0.3;
    let mut session = about_to_send(&world, &plan, at("14:45:00"));
    assert_eq!(refused(&session), ["GROSS"], "nothing is filled, and the first leg counts");
    assert!(matches!(session.poll(at("14:45:00")), Effect::Send(_)));
    for connection in [Connection::Lost, Connection::Restored] {
        session.handle(Event::Broker(BrokerEvent::Connection(connection)));
    }
    let desk = Desk::new(0);
    let mut now = at("14:45:01");
    for _ in 0..3 {
        assert_eq!(settled(&mut session, now), Effect::Resync);
        session.handle(Event::Resynced(Box::new(desk.snapshot(now))));
        now += SignedDuration::from_secs(5);
        settled(&mut session, now);
        session.handle(Event::Broker(BrokerEvent::Connection(Connection::Restored)));
    }
    assert_eq!(refused(&session), ["GROSS"], "listed nowhere for a while is not gone: it is UNKNOWN and counts");
}

#[test]
fn too_many_orders_latch_the_side_through_a_restart_until_a_person_resumes() {
    let mut world = World::first_day();
    world.setup.policy.gate.orders_per_side_max = 3;
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::hasty(), &[]);
    let sent = outcome.story.iter().filter(|line| line.contains("CS51 at")).count();
    assert_eq!(sent, 3, "{:#?}", outcome.story);

    let universe = &world.setup.universe;
    let entries: Vec<(Timestamp, Entry)> =
        outcome.journal.iter().filter_map(|r| store::entry(r, universe).unwrap().map(|entry| (r.at, entry))).collect();
    let latched = entries.iter().filter(|(_, entry)| matches!(entry, Entry::Latched { .. })).count();
    assert_eq!(latched, 2, "both legs");
    let told = entries
        .iter()
        .filter_map(|(_, entry)| if let Entry::Alert { sentence } = entry { Some(sentence) } else { None });
    insta::assert_snapshot!(told.cloned().collect::<Vec<_>>().join("\n"), @r"
    CS51 had 3 SELL orders today, as many as are allowed: none leaves from here on, on later days either, until a person looks why they were not filled and says `resume`
    CSPX had 3 BUY orders today, as many as are allowed: none leaves from here on, on later days either, until a person looks why they were not filled and says `resume`
    ");
    let folded = entries.iter().map(|(at, entry)| (*at, entry));
    let books = Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let mut session = Session::resume(&plan, &world.windows, &world.conditions, books, account, &world.setup, folded);
    assert_eq!(session.standing().latched.len(), 2, "a restart lifts nothing");
    let directive = Directive::Resume { mode: Mode::Normal, new_high_water_mark: false };
    session.handle(Event::Operator(Instruction { directive, by: "ada".into(), reason: "looked at it".into() }));
    assert!(session.standing().latched.is_empty());
}

#[test]
fn a_latch_of_an_earlier_day_holds_back_the_pair_and_refuses_the_side() {
    let mut world = World::first_day();
    let contract = world.setup.universe.find_contract("CS51").unwrap();
    world.conditions.latched = vec![risk::gate::Latch { contract, side: domain::Side::Sell }];
    let plan = decide(&world.inputs(), &world.setup);
    assert!(plan.orders.is_empty());
    let told: Vec<String> = plan.refusals.iter().map(|refusal| refusal.sentence(&world.setup.universe)).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    CSPX: the other leg of its pair cannot trade, so this one waits
    CS51: more orders of one side would leave in a day than are allowed; none go out until a person resumes
    ");
}

#[test]
fn messages_leave_so_many_a_second() {
    let mut world = World::first_day();
    world.setup.policy.gate.messages_per_second_max = 1;
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::new(0), &[]);
    insta::assert_snapshot!(outcome.story[..2].join("\n"), @r"
    14:45:00 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    14:45:01 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    ");
}

#[test]
fn orders_are_taken_back_before_a_guard_and_asked_for_again_after_it() {
    let mut world = World::first_day();
    world.conditions.guards = vec![Window { opens: at("14:46:00"), closes: at("14:50:00") }];
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::new(0), &[]);
    insta::assert_snapshot!(outcome.story[..6].join("\n"), @r"
    14:45:00 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    14:45:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    14:46:00 cancel AF-a1b2c3-20260105-001-01
    14:46:00 cancel AF-a1b2c3-20260105-002-01
    14:50:00 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-02
    14:50:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-02
    ");
    let inside = |line: &&String| ("14:46".."14:50").contains(&&line[..5]) && !line.contains("cancel");
    assert_eq!(outcome.story.iter().filter(inside).count(), 0);
}

#[test]
fn thin_volume_and_a_position_limit_cut_both_legs_of_a_pair_alike() {
    let told = |change: &dyn Fn(&mut World)| {
        let mut world = World::first_day();
        change(&mut world);
        let plan = decide(&world.inputs(), &world.setup);
        let orders = plan.orders.iter().map(|order| format!("{} {}", order.quantity, world.name(order.contract)));
        let refusals = plan.refusals.iter().map(|refusal| refusal.sentence(&world.setup.universe));
        orders.chain(refusals).collect::<Vec<_>>().join("\n")
    };
    let (cspx, cs51) = (ContractId(0), ContractId(1));
    type Case<'a> = (&'a str, &'a dyn Fn(&mut World));
    let cases: [Case<'_>; 5] = [
        ("one leg trades 50,000 shares a day", &|world| world.conditions.adv[cs51] = Some(50_000.0)),
        ("nobody knows what the other trades", &|world| world.conditions.adv[cspx] = None),
        ("no position above a tenth of NAV", &|world| world.setup.policy.gate.position_max = 0.10),
        ("a thin margin cushion", &|world| world.conditions.excess_liquidity = Some(1_499_999.0)),
        ("one leg is restricted", &|world| world.setup.policy.gate.restricted = vec![domain::InstrumentId(0)]),
    ];
    let story = cases.map(|(name, change)| format!("{name}:\n{}\n", told(change)));
    insta::assert_snapshot!(story.join("\n"), @r"
    one leg trades 50,000 shares a day:
    -5000 CS51
    2083 CSPX
    CS51: the order is 21.00 % of what trades on an average day, the limit is 10.00 %; the rest waits

    nobody knows what the other trades:
    CSPX: how much of it trades on an average day is not known, so it takes no new risk
    CS51: the other leg of its pair cannot trade, so this one waits

    no position above a tenth of NAV:
    -4000 CS51
    1666 CSPX
    CSPX: with everything that may still be executed the position would be 0.263 × NAV, the limit is 0.100; the increase waits
    CS51: with everything that may still be executed the position would be 0.263 × NAV, the limit is 0.100; the increase waits

    a thin margin cushion:
    the basket: excess liquidity would be 15.0 % of NAV, the least allowed is 15.0 %; what does not fit waits

    one leg is restricted:
    CSPX: it is on the restricted list of the settings, so it takes no new risk
    CS51: the other leg of its pair cannot trade, so this one waits
    ");
}

#[test]
fn a_quote_that_has_not_changed_for_long_is_asked_for_anew_before_it_is_called_stale() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let books = Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
    let now = at("14:50:00");
    let show = |session: &mut Session<'_>, contracts: &[domain::ContractId], when: Timestamp| {
        for &contract in contracts {
            session.handle(Event::Broker(super::tests::quote(contract, &world, when)));
        }
    };
    while session.poll(now) != Effect::Watch {}
    let watched: Vec<_> = session.contracts().collect();
    show(&mut session, &watched, at("14:48:00"));
    let Effect::Renew(renewed) = settled(&mut session, now) else {
        panic!("two minutes old, and perhaps only unchanged")
    };
    assert_eq!(renewed, [domain::ContractId(1), domain::ContractId(0)], "what the orders need, and nothing else");
    show(&mut session, &renewed, now);
    assert!(matches!(settled(&mut session, now), Effect::Send(_)), "the answer prices the order at once");

    let mut deaf = {
        let books = Books::new(world.ledger.clone());
        Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup)
    };
    while deaf.poll(now) != Effect::Watch {}
    show(&mut deaf, &watched, at("14:48:00"));
    assert!(matches!(settled(&mut deaf, now), Effect::Renew(_)));
    deaf.handle(Event::Tick);
    let Effect::Wait(_) = settled(&mut deaf, now) else { panic!("asked once, not again and again") };
    assert_eq!(refused(&deaf), ["QUOTE_STALE", "QUOTE_STALE"]);
    let mut renewals = 0;
    for second in 0..120 {
        deaf.handle(Event::Tick);
        renewals +=
            usize::from(matches!(settled(&mut deaf, now + SignedDuration::from_secs(second)), Effect::Renew(_)));
    }
    assert!((1..=2).contains(&renewals), "{renewals} in two minutes");
}

#[test]
fn a_sleeve_that_opens_buys_no_side_while_nothing_of_the_other_can_be_had() {
    let (fund, europe) = (domain::ContractId(0), domain::ContractId(1));
    let kind = strategy::SleeveKind::WeightedBasket { members: vec![(fund, 0.5), (europe, -0.5)] };
    let sleeve = strategy::Sleeve { name: "single_name".into(), budget: 0.2, follows_momentum: false, kind };
    let world = World::first_day().with_sleeves(vec![sleeve]);
    let plan = decide(&world.inputs(), &world.setup);
    assert!(plan.pairs.is_empty() && plan.starts.len() == 2);
    let books = Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
    let mut now = at("14:50:00");
    while session.poll(now) != Effect::Watch {}
    // Nobody quotes the short side.
    for _ in 0..20 {
        session.handle(Event::Broker(super::tests::quote(fund, &world, now)));
        assert!(!matches!(settled(&mut session, now), Effect::Send(_)), "the long side alone is no sleeve");
        now += SignedDuration::from_secs(15);
    }
    let mut refused = refused(&session);
    refused.sort_unstable();
    assert_eq!(refused, ["PAIR_LEG", "QUOTE_MISSING"]);
    for contract in [fund, europe] {
        session.handle(Event::Broker(super::tests::quote(contract, &world, now)));
    }
    assert!(matches!(settled(&mut session, now), Effect::Send(_)));
    assert!(matches!(settled(&mut session, now), Effect::Send(_)), "both at the same moment");
}

/// One order short of Europe is a side of two sleeves: what one of them lacks, the other one waits for too, because half an
/// order cannot leave. In the end both open at the same moment. In the fallback list of a screen, a fund that a second sleeve held as
/// well once made the orders call each other for ever.
#[test]
fn an_order_that_two_sleeves_share_waits_for_the_other_side_of_both() {
    let [fund, europe, index] = [0, 1, 7].map(domain::ContractId);
    let sleeve = |name: &str, long| {
        let kind = strategy::SleeveKind::WeightedBasket { members: vec![(long, 0.5), (europe, -0.5)] };
        strategy::Sleeve { name: name.into(), budget: 0.1, follows_momentum: false, kind }
    };
    let mut world = World::first_day().with_sleeves(vec![sleeve("sector_rv", fund), sleeve("single_name", index)]);
    world.setup.policy.gate.what_if = true;
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!((plan.orders.len(), plan.starts.len()), (3, 4), "{:?}", plan.refusals);
    let books = Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
    let mut now = at("14:50:00");
    while session.poll(now) != Effect::Watch {}
    let ample = Some(ports::MarginImpact {
        maintenance: Some(1.into()),
        maintenance_after: Some(1.into()),
        equity_after: Some(9_000_000.into()),
        ..ports::MarginImpact::default()
    });
    let mut sent = |quoted: &[domain::ContractId], now: Timestamp| {
        for &contract in quoted {
            session.handle(Event::Broker(super::tests::quote(contract, &world, now)));
        }
        let mut sent = 0;
        loop {
            match settled(&mut session, now) {
                Effect::WhatIf { number, .. } => session.handle(Event::Margin { number, impact: ample }),
                Effect::Send(_) => sent += 1,
                Effect::Wait(_) => return sent,
                other => panic!("{other:?}"),
            }
        }
    };
    // Nobody quotes what the second sleeve is to buy.
    for _ in 0..8 {
        assert_eq!(sent(&[fund, europe], now), 0, "the first sleeve alone would be half naked");
        now += SignedDuration::from_secs(15);
    }
    assert_eq!(sent(&[fund, europe, index], now), 3, "all three at the same moment");
}
