//! Orders for the closing auction: what is left of the window, or all of it.

use super::*;
use domain::AssetClass;
use execution::Style;

fn at(time: &str) -> Timestamp {
    format!("2026-01-05T{time}Z").parse().unwrap()
}

/// A day on which both legs' venues take orders for the close until 16:30.
pub(super) fn with_an_auction(style: Style, rest_to_close: bool) -> World {
    let mut world = World::first_day();
    world.conditions.auction_until = PerContract::filled(Some(at("16:30:00")), world.setup.universe.contract_count());
    let policy = &mut world.setup.policy.execution;
    (policy.styles, policy.rest_to_close) = (vec![(AssetClass::EquityEtf, style)], rest_to_close);
    world
}

fn story(world: &World, desk: &mut Desk, crashes: &[usize]) -> Outcome {
    let plan = decide(&world.inputs(), &world.setup);
    run_day(world, &plan, desk, crashes)
}

#[test]
fn what_the_window_leaves_goes_to_the_close_and_outlives_the_cut_off() {
    let world = with_an_auction(Style::MarketableLimit, true);
    let mut desk = Desk { auction: at("16:35:00"), ..Desk::new(0) };
    let outcome = story(&world, &mut desk, &[]);
    let (before, closing): (Vec<&String>, Vec<&String>) =
        outcome.story.iter().partition(|line| line.as_str() < "16:20:00");
    assert!(before.iter().all(|line| !line.contains("on close") && line.as_str() < "16:00:01"), "{before:?}");
    let closing: Vec<&str> = closing.into_iter().map(String::as_str).collect();
    insta::assert_snapshot!(closing.join("\n"), @r"
    16:20:00 SELL 4000 CS51 at 199.8 on close, AF-a1b2c3-20260105-001-39
    16:20:00 BUY 1666 CSPX at 600.6 on close, AF-a1b2c3-20260105-002-39
    ");
    let bought = outcome.ledger.quantity(desk.executions[0].fill.contract);
    assert_eq!(bought.abs(), desk.executions[0].fill.quantity, "filled in the auction, after the cut-off");
}

#[test]
fn an_order_for_the_close_is_sent_once_and_neither_repriced_nor_taken_back() {
    let world = with_an_auction(Style::AuctionClose, false);
    let outcome = story(&world, &mut Desk { auction: at("16:35:00"), ..Desk::new(100) }, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    16:20:00 SELL 4000 CS51 at 199.8 on close, AF-a1b2c3-20260105-001-01
    16:20:00 BUY 1666 CSPX at 600.6 on close, AF-a1b2c3-20260105-002-01
    ");
    let nothing = story(&world, &mut Desk::new(100), &[]);
    assert_eq!(nothing.ledger, world.ledger, "the auction filled nothing");
    let modes: Vec<&str> = nothing.journal.iter().filter(|r| r.kind == "mode").map(|r| r.body.as_str()).collect();
    assert_eq!(
        modes.len(),
        1,
        "an order that half an hour after the cut-off still stands is nobody's guess: {modes:?}"
    );
}

#[test]
fn killed_while_the_auction_is_on_the_engine_leaves_its_orders_there() {
    let world = with_an_auction(Style::AuctionClose, false);
    for crash_after in 1..8 {
        let mut desk = Desk { auction: at("16:35:00"), ..Desk::new(100) };
        let outcome = story(&world, &mut desk, &[crash_after]);
        assert!(outcome.story.iter().all(|line| !line.contains("cancel")), "{:?}", outcome.story);
        let plan = decide(&world.inputs(), &world.setup);
        for order in &plan.orders {
            let executed = desk.executed(order.contract);
            assert!(executed.abs() <= order.quantity.abs(), "{crash_after}: {executed} of {}", order.quantity);
            assert_eq!(outcome.ledger.quantity(order.contract), executed);
            assert!(!executed.is_zero(), "{crash_after}: {:?}", outcome.story);
        }
    }
}

#[test]
fn a_tighter_mode_takes_closing_orders_back() {
    let world = with_an_auction(Style::AuctionClose, false);
    let plan = decide(&world.inputs(), &world.setup);
    let now = at("16:20:00");
    let mut session = about_to_send(&world, &plan, now);
    assert!(matches!(session.poll(now), Effect::Send(_)) && matches!(session.poll(now), Effect::Send(_)));
    session.tighten(Mode::CancelOnly, "a test");
    session.handle(Event::Tick);
    let Effect::Send(Sendable::Cancel { .. }) = settled(&mut session, now) else { panic!("a cancel") };
}

#[test]
fn a_day_s_orders_stay_below_their_share_of_what_has_traded() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let now = at("14:45:00");
    let mut session = about_to_send(&world, &plan, now);
    let sent = |session: &Session<'_>| session.parents().next().unwrap().working();
    assert_eq!(sent(&session), Quantity::whole(4_000), "nobody tells a volume: slices of the average day");
    let mut session_of = |shares: i64| {
        let books = Books::new(world.ledger.clone());
        let account = "a1b2c3".parse().unwrap();
        session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
        while session.poll(now) != Effect::Watch {}
        for contract in session.contracts().collect::<Vec<_>>() {
            let BrokerEvent::Quote { quote, .. } = quote(contract, &world, now) else { unreachable!() };
            let quote = Quote { volume: Some(Quantity::whole(shares)), ..quote };
            session.handle(Event::Broker(BrokerEvent::Quote { contract, quote }));
        }
        settled(&mut session, now);
        sent(&session)
    };
    assert_eq!(session_of(0), Quantity::ZERO);
    assert_eq!(session_of(19_999), Quantity::ZERO, "half a slice is waited for");
    assert_eq!(session_of(20_000), Quantity::whole(2_000));
    assert_eq!(session_of(20_009), Quantity::whole(2_000), "never above");
    assert_eq!(session_of(50_000), Quantity::whole(4_000), "then the slice is smaller");
}
