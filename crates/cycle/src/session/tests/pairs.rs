//! Pairs whose legs do not fill together.

use super::*;

const CS51: ContractId = ContractId(1);
const FESX: ContractId = ContractId(7);

impl Desk {
    /// Quotes everything that is watched.
    pub(super) fn quote(&self, world: &World, now: Timestamp, session: &mut Session<'_>) {
        let quoted = |contract: &ContractId| !self.silent.is_some_and(|(of, until)| of == *contract && now < until);
        let contracts: Vec<ContractId> = session.contracts().filter(quoted).collect();
        contracts.into_iter().for_each(|c| session.handle(Event::Broker(quote(c, world, now))));
    }
}

fn at(time: &str) -> Timestamp {
    format!("2026-01-05T{time}Z").parse().unwrap()
}

/// A desk at which the short leg fills at this pace until then, and everything else at 20 % a visit.
fn lame(pace: u32, until: &str) -> Desk {
    Desk { slow: Some((CS51, pace, at(until))), ..Desk::new(20) }
}

/// The first day; the future trades into the evening.
fn first_day() -> World {
    let mut world = World::first_day();
    world.windows[FESX] = Some(Window { opens: at("14:45:00"), closes: at("20:00:00") });
    world
}

fn executed(desk: &Desk) -> [Quantity; 3] {
    [ContractId(0), CS51, FESX].map(|contract| desk.executed(contract))
}

fn states(outcome: &Outcome) -> Vec<String> {
    let pairs = outcome.journal.iter().filter(|record| record.kind == "pair");
    pairs
        .map(|r| serde_json::from_str::<serde_json::Value>(&r.body).unwrap()["protection"]["state"].to_string())
        .collect()
}

#[test]
fn a_leg_that_stands_still_is_stood_in_for_and_in_the_end_the_other_is_taken_back() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.pairs.len(), 1);
    let mut desk = lame(0, "20:00:00");
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:45:00 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    14:45:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    14:45:25 replace AF-a1b2c3-20260105-001-01 at 199.8
    14:45:25 cancel AF-a1b2c3-20260105-002-01
    14:45:25 SELL 16 FESX_20260320 at 4998, AF-a1b2c3-20260105-003-01
    14:46:25 cancel AF-a1b2c3-20260105-001-01
    14:46:25 SELL 1665 CSPX at 599.4, AF-a1b2c3-20260105-004-01
    14:46:35 BUY 16 FESX_20260320 at 5002, AF-a1b2c3-20260105-005-01
    ");
    assert_eq!(states(&outcome), ["\"broken\"", "\"unwinding\"", "\"settled\""]);
    assert_eq!(executed(&desk), [Quantity::ZERO; 3], "nothing is left of the pair or of its hedge");
}

#[test]
fn a_leg_that_comes_late_completes_the_pair_and_the_hedge_goes() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = lame(0, "14:45:40");
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:45:00 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    14:45:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    14:45:25 replace AF-a1b2c3-20260105-001-01 at 199.8
    14:45:25 cancel AF-a1b2c3-20260105-002-01
    14:45:25 SELL 16 FESX_20260320 at 4998, AF-a1b2c3-20260105-003-01
    14:45:50 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-02
    14:46:05 SELL 4000 CS51 at 199.8, AF-a1b2c3-20260105-001-02
    14:46:20 BUY 835 CSPX at 600.01, AF-a1b2c3-20260105-002-03
    14:46:30 SELL 2000 CS51 at 199.8, AF-a1b2c3-20260105-001-03
    14:46:55 BUY 16 FESX_20260320 at 5002, AF-a1b2c3-20260105-004-01
    ");
    assert_eq!(states(&outcome), ["\"broken\"", "\"completing\"", "\"settled\""]);
    let planned: Vec<Quantity> = [ContractId(0), CS51].map(|c| plan.table.scheduled[c]).to_vec();
    assert_eq!(executed(&desk)[..2], planned[..]);
    assert_eq!(executed(&desk)[2], Quantity::ZERO);
}

#[test]
fn at_the_end_of_the_window_the_hedge_stays_with_what_it_answers() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk { wakes: at("15:59:30"), ..lame(0, "20:00:00") };
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    let [long, short, hedge] = executed(&desk);
    assert!(long > Quantity::ZERO && short.is_zero() && hedge < Quantity::ZERO, "{long} {short} {hedge}");
    assert_eq!(states(&outcome), ["\"broken\"", "\"settled\""]);
}

#[test]
fn without_a_future_the_pair_is_unwound_all_the_same() {
    let mut world = first_day();
    world.setup.policy.execution.pairs.hedges.clear();
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.pairs[0].legs.map(|leg| leg.hedge), [None, None]);
    let mut desk = lame(0, "20:00:00");
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    assert_eq!(executed(&desk), [Quantity::ZERO; 3]);
    assert_eq!(states(&outcome), ["\"broken\"", "\"unwinding\"", "\"settled\""]);
}

/// Neither is alone, so the pair counts as even until one of them is over.
#[test]
fn whichever_leg_is_left_behind_what_the_other_opened_beyond_it_is_taken_back() {
    for behind in [ContractId(0), CS51] {
        let mut world = first_day();
        world.windows[behind] = Some(Window { opens: at("14:45:00"), closes: at("14:46:30") });
        let plan = decide(&world.inputs(), &world.setup);
        let mut desk = Desk { slow: Some((behind, 1, at("20:00:00"))), ..Desk::new(100) };
        let outcome = run_day(&world, &plan, &mut desk, &[]);
        let share = |contract| desk.executed(contract).to_f64() / plan.table.scheduled[contract].to_f64();
        let [long, short] = [ContractId(0), CS51].map(share);
        assert!(0.0 < long && long < 0.3 && (long - short).abs() < 0.001, "{long} {short} {:?}", outcome.story);
        assert_eq!(states(&outcome), ["\"settled\""]);
    }
}

/// A price further from the plan's than a person approved, or no quote at all: neither leg leaves, nothing has to be stood
/// in for or taken back, and the report says whose fault it is.
#[test]
fn what_the_gate_refuses_one_leg_it_refuses_the_pair() {
    let refused = |disturb: &dyn Fn(&mut World)| {
        let mut world = first_day();
        let plan = decide(&world.inputs(), &world.setup);
        disturb(&mut world);
        let outcome = run_day(&world, &plan, &mut Desk::new(100), &[]);
        assert_eq!((&outcome.story, states(&outcome)), (&Vec::new(), vec!["\"settled\"".to_owned()]));
        let refusals = outcome.journal.iter().filter(|record| record.kind == "refused");
        refusals.map(|record| record.body.clone()).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(refused(&|world| world.set_mark("CS51", "212")), @r#"
    {"number":1,"refusals":[{"check":"PLAN_PRICE","contract":"CS51","limit":0.05,"value":0.06000000000000005}]}
    {"number":2,"refusals":[{"check":"PAIR_LEG","contract":"CSPX","limit":0.0,"value":0.0}]}
    "#);
    insta::assert_snapshot!(refused(&|world| world.clear_mark("CSPX")), @r#"
    {"number":2,"refusals":[{"check":"QUOTE_ONE_SIDED","contract":"CSPX","limit":0.0,"value":0.0}]}
    {"number":1,"refusals":[{"check":"PAIR_LEG","contract":"CS51","limit":0.0,"value":0.0}]}
    "#);
}

/// A leg that is quoted late waits for nobody's collar: both start from the prices of the moment in which both can.
#[test]
fn a_pair_starts_when_its_second_leg_can() {
    let world = first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk { silent: Some((CS51, at("14:50:00"))), ..Desk::new(100) };
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:50:00 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    14:50:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    14:50:05 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-02
    14:50:05 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-02
    14:50:10 SELL 2000 CS51 at 199.99, AF-a1b2c3-20260105-001-03
    14:50:10 BUY 834 CSPX at 600.01, AF-a1b2c3-20260105-002-03
    ");
    assert_eq!(states(&outcome), ["\"settled\""]);
}

#[test]
fn a_hedge_is_never_worth_more_than_its_leg_nor_than_the_caps_leave() {
    let mut world = first_day();
    let hedge =
        |world: &World| decide(&world.inputs(), &world.setup).pairs[0].legs[1].hedge.map(|hedge| hedge.quantity_max);
    // 10,000 × 200 EUR × 1.25 of CS51 are 2.5 m USD; a contract is 5,000 × 10 EUR × 1.25.
    assert_eq!(hedge(&world), Some(Quantity::whole(40)));
    world.setup.policy.gate.net_max = 0.30;
    assert_eq!(hedge(&world), Some(Quantity::whole(6)), "the whole of what is wanted short is 0.2625 of NAV");
    world.close_venue("FESX_20260320");
    assert_eq!(hedge(&world), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(times(200, 5_000)))]

    /// However the legs fill and wherever the engine dies: every order is executed at most once over, what is taken back
    /// was there, the books are the desk's, and a hedge is left only beside an uneven pair.
    #[test]
    fn no_crash_forgets_a_hedge(
        pace in 1_u32..60, slow in 0_u32..3, until in 0_i64..300, crashes in prop::collection::vec(1_usize..160, 0..6),
    ) {
        let world = first_day();
        let plan = decide(&world.inputs(), &world.setup);
        let until = at("14:45:00") + SignedDuration::from_secs(until);
        let mut desk = Desk { slow: Some((CS51, slow, until)), ..Desk::new(pace) };
        let mut crashes = crashes;
        crashes.sort_unstable();
        let outcome = run_day(&world, &plan, &mut desk, &crashes);
        let [long, short, hedge] = executed(&desk);
        for contract in [ContractId(0), CS51, FESX] {
            prop_assert_eq!(outcome.ledger.quantity(contract), desk.executed(contract));
        }
        prop_assert!(long >= Quantity::ZERO && long <= plan.table.scheduled[ContractId(0)]);
        prop_assert!(short <= Quantity::ZERO && short >= plan.table.scheduled[CS51]);
        let share = |quantity: Quantity, contract| quantity.to_f64() / plan.table.scheduled[contract].to_f64();
        let lead = share(long, ContractId(0)) - share(short, CS51);
        prop_assert!(hedge.is_zero() || lead.abs() > 0.30, "a hedge of {} beside {} and {}", hedge, long, short);
        prop_assert!(hedge <= Quantity::ZERO);
    }
}
