//! Sleeves that share orders: none of them opens one side alone, and no look at the day goes on for ever.
//!
//! In: random sleeves of two sides over few contracts, random quotes look by look. Out: what left. Invariant: by the end of a look every
//! order that left has what it may not leave without.

use super::*;
use ports::MarginImpact;
use strategy::{Sleeve, SleeveKind};

const CONTRACTS: [ContractId; 3] = [ContractId(0), ContractId(1), ContractId(7)];

/// Long, short, and whether the sleeve is a pair.
fn sleeves() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    let sleeve = (0_usize..3, 1_usize..3, any::<bool>()).prop_map(|(long, step, pair)| (long, (long + step) % 3, pair));
    prop::collection::vec(sleeve, 1..4)
}

fn world(sleeves: &[(usize, usize, bool)]) -> World {
    let sleeve = |(number, &(long, short, pair)): (usize, &(usize, usize, bool))| {
        let (long, short) = (CONTRACTS[long], CONTRACTS[short]);
        let kind = match pair {
            true => SleeveKind::Pair { long, short },
            false => SleeveKind::WeightedBasket { members: vec![(long, 0.5), (short, -0.5)] },
        };
        Sleeve { name: format!("sleeve {number}"), budget: 0.1 + 0.02 * number as f64, follows_momentum: false, kind }
    };
    let mut world = World::first_day().with_sleeves(sleeves.iter().enumerate().map(sleeve).collect());
    world.setup.policy.gate.what_if = true;
    world
}

proptest! {
    #[test]
    fn whatever_sleeves_share_and_whatever_is_quoted_no_side_opens_alone_and_every_look_ends(
        sleeves in sleeves(), looks in prop::collection::vec(prop::array::uniform3(any::<bool>()), 1..8),
    ) {
        let world = world(&sleeves);
        let plan = decide(&world.inputs(), &world.setup);
        let books = Books::new(world.ledger.clone());
        let account = "a1b2c3".parse().unwrap();
        let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
        let mut now: Timestamp = "2026-01-05T14:50:00Z".parse().unwrap();
        let (maintenance, equity) = (Some(dec!(1)), Some(dec!(9_000_000)));
        let ample = MarginImpact { maintenance, maintenance_after: maintenance, equity_after: equity, ..MarginImpact::default() };
        let mut out = std::collections::BTreeSet::new();
        for quoted in looks {
            let shown = CONTRACTS.iter().zip(quoted).filter(|(_, shown)| *shown).map(|(contract, _)| *contract);
            for contract in shown {
                session.handle(Event::Broker(quote(contract, &world, now)));
            }
            loop {
                match settled(&mut session, now) {
                    Effect::WhatIf { number, .. } => session.handle(Event::Margin { number, impact: Some(ample) }),
                    Effect::Send(sendable) => { out.insert(sendable.order_ref().intent); }
                    Effect::Watch | Effect::Renew(_) => {}
                    Effect::Wait(_) | Effect::Done => break,
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            let left = |number: &u16| out.contains(number);
            for start in &plan.starts {
                prop_assert!(!start.orders.iter().any(left) || start.with.iter().any(left), "{:?} of {:?}", out, start);
            }
            for pair in &plan.pairs {
                let legs = pair.legs.each_ref().map(|leg| left(&leg.order));
                prop_assert_eq!(legs[0], legs[1], "{:?} of {:?}", out, pair);
            }
            now += SignedDuration::from_secs(15);
        }
    }
}
