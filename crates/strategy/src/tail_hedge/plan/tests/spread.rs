//! The bond spread: neutral, inside its cap, within its premium, and never one leg alone.
//!
//! In: prices and bonds of both legs, premium, what is held. Out: contracts of each. Invariant: what is neutral by DV01s out of
//! prices is so by curves.

use super::*;
use crate::tail_hedge::{BondSpreadPolicy, Dv01s, PricedFuture, SpreadRoom};
use market::Bond;

/// A cap that is never reached.
const WIDE: SpreadRoom = SpreadRoom { long: 1.0, short: 1.0, most: f64::INFINITY };

#[test]
fn the_bond_spread_is_neutral_as_a_whole_and_refuses_a_price_that_is_none() {
    let spread = policy().bond_spread;
    let legs = legs(0, 0);
    let dv01s = spread.dv01s(&legs.long.future, &legs.short.future).unwrap();
    assert_eq!((dv01s.long.to_string(), dv01s.short.to_string()), ("95.8260".into(), "92.5808".into()));
    let rate = Decimal::new(117, 2);
    let first = spread.target((0, 0), &dv01s, (money("3750"), rate), &WIDE).unwrap();
    assert_eq!((first.long, first.short), (1, 1));
    assert!(first.premium <= money("3750"));
    let year = spread.target((1, 1), &dv01s, (money("41250"), rate), &WIDE).unwrap();
    assert!(year.premium <= money("41250") && year.long > 10, "{year:?}");
    assert!(dv01s.residual(year.long, year.short).abs() <= dv01s.short / Decimal::TWO);
    let no_price = PricedFuture { price: 3.5, ..legs.long.future };
    insta::assert_snapshot!(spread.dv01s(&no_price, &legs.short.future).unwrap_err(), @r"
    3.5 is no price of the long leg of the bond spread; nothing can be sized by it
    ");
    let small = spread.target((0, 0), &dv01s, (money("100"), rate), &WIDE).unwrap_err();
    insta::assert_snapshot!(small, @r"
    one contract more and its other leg would lose 2,356.23 in the stress and 100.00 is free; it waits
    ");
}

/// The cap of half NAV holds 41 contracts of each leg: premium that would pay for more buys no more, and a NAV that fell
/// takes both legs back to the cap together.
#[test]
fn the_notional_of_the_bond_spread_stays_under_its_own_cap() {
    let ((universe, chains), fx) = (chains(), rates());
    let day = |held: (i64, i64), nav: &str| {
        let mut state = HedgeState::default();
        let inputs = inputs(quiet(TODAY), &[], &chains, (&universe, &fx));
        let plan =
            plan(&HedgeInputs { nav: money(nav), spread: Some(legs(held.0, held.1)), ..inputs }, &policy(), &mut state);
        let told = told(&plan, &universe);
        told.lines().filter(|line| line.contains("OAT–Bund")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(day((20, 21), "12000000"), @r"
    OAT–Bund: one contract more and its other leg would bring both to 6,185,790.00 and they may come to 6,000,000.00; it waits
    ");
    insta::assert_snapshot!(day((20, 21), "11000000"), @r"
    Cap -2 FGBL_H6 (OAT–Bund, premium 0.00)
    Cap +2 FOAT_H6 (OAT–Bund, premium 0.00)
    OAT–Bund: brought back under its cap; nothing is added on the same date
    ");
}

/// A purchase of which one leg was executed is completed when there is premium, and closed when there is none. What a leg loses
/// alone in the stress is no premium that was paid, and a short leg that grows alone is charged.
#[test]
fn one_leg_of_the_bond_spread_alone_does_not_stay() {
    let ((universe, chains), fx) = (chains(), rates());
    let day = |held: (i64, i64), nav: &str, spent: bool| {
        let mut state = HedgeState::default();
        let inputs = inputs(quiet(TODAY), &[], &chains, (&universe, &fx));
        let inputs = HedgeInputs { nav: money(nav), spread: Some(legs(held.0, held.1)), ..inputs };
        if spent {
            plan(&inputs, &policy(), &mut state);
            state.looking.clear();
        }
        let told = told(&plan(&inputs, &policy(), &mut state), &universe);
        told.lines().filter(|line| line.contains("OAT–Bund")).collect::<Vec<_>>().join("\n")
    };
    let story = [
        day((2, 0), "12000000", false),
        day((0, 16), "12000000", false),
        day((15, 15), "12000000", false),
        day((2, 0), "12000000", true),
        day((20, 0), "11000000", false),
        day((0, 3), "12000000", true),
        day((10, 11), "12000000", true),
    ];
    insta::assert_snapshot!(story.join("\n--\n"), @r"
    Buy -2 FOAT_H6 (OAT–Bund, premium 2,004.48)
    --
    Buy +1 FGBL_H6 (OAT–Bund, premium 2,356.23)
    Buy +15 FOAT_H6 (OAT–Bund, premium 0.00)
    --
    Buy -1 FOAT_H6 (OAT–Bund, premium 2,026.72)
    --
    Level -2 FGBL_H6 (OAT–Bund, premium 0.00)
    OAT–Bund: what is free buys no contract; it is offered again when more accrues
    --
    Level -20 FGBL_H6 (OAT–Bund, premium 0.00)
    OAT–Bund: one contract more and its other leg would lose 46,381.86 in the stress and 3,437.50 is free; it waits
    --
    Level +3 FOAT_H6 (OAT–Bund, premium 0.00)
    OAT–Bund: what is free buys no contract; it is offered again when more accrues
    --
    OAT–Bund: what is free buys no contract; it is offered again when more accrues
    ");
}

/// NAV between what ten contracts of both legs and one more of the short one may come to: the sale leaves the spread neutral, and
/// what is free buys nothing back on top of it.
#[test]
fn a_spread_that_is_brought_under_its_cap_is_not_bought_on_the_same_day() {
    let ((universe, chains), fx) = (chains(), rates());
    let inputs = inputs(quiet(TODAY), &[], &chains, (&universe, &fx));
    let inputs = HedgeInputs { nav: money("5897970"), spread: Some(legs(10, 11)), ..inputs };
    let told = told(&plan(&inputs, &policy(), &mut HedgeState::default()), &universe);
    let told = told.lines().filter(|line| line.contains("OAT–Bund")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(told, @r"
    Cap +1 FOAT_H6 (OAT–Bund, premium 0.00)
    OAT–Bund: brought back under its cap; nothing is added on the same date
    ");
}

/// Sized by DV01s out of prices, judged by curves: both futures are priced from their bonds before and after a move.
#[test]
fn a_parallel_move_of_yields_leaves_the_spread_where_it_was() {
    let spread = policy().bond_spread;
    let legs = legs(0, 0);
    let delivery = legs.long.future.last_trading_day.saturating_add(2.days());
    let priced = |bonds: &[Bond], curve: f64| {
        let of = |bond: &Bond| bond.price(delivery, curve) / bond.conversion_factor(&spread.terms, delivery);
        bonds.iter().map(of).fold(f64::INFINITY, f64::min)
    };
    let at = |move_: f64| (priced(&spread.long_bonds, 0.027 + move_), priced(&spread.short_bonds, 0.034 + move_));
    let future = |price| PricedFuture { price, ..legs.long.future };
    let start = at(0.0);
    let dv01s = spread.dv01s(&future(start.0), &future(start.1)).unwrap();
    let target = spread.target((0, 0), &dv01s, (money("250000"), Decimal::ONE), &WIDE).unwrap();
    assert!(target.long > 40, "{target:?}");
    for basis_points in [-25.0, -5.0, 5.0, 25.0] {
        let moved = at(basis_points * 1e-4);
        let (long, short) = ((moved.0 - start.0) * 1_000.0, (moved.1 - start.1) * 1_000.0);
        let profit = target.long as f64 * long - target.short as f64 * short;
        // Half a contract that rounding leaves, and the little that two convexities differ by.
        let allowed = 0.5 * short.abs() + 0.002 * target.long as f64 * long.abs();
        assert!(profit.abs() <= allowed, "{basis_points} bp: {profit}, {allowed} allowed");
    }
}

/// While the bonds of one leg are unknown, the notional bond prices both, and the ratio hardly moves.
#[test]
fn without_its_bonds_the_ratio_of_the_spread_is_the_same_to_a_hundredth() {
    let known = policy().bond_spread;
    let legs = legs(0, 0);
    let unknown = BondSpreadPolicy { short_bonds: Vec::new(), ..known.clone() };
    let ratio = |spread: &BondSpreadPolicy| spread.dv01s(&legs.long.future, &legs.short.future).unwrap().ratio();
    let apart = (ratio(&known) / ratio(&unknown) - Decimal::ONE).abs();
    assert!(apart < Decimal::new(1, 2), "{apart}");
    // Other contracts, other bonds: those of 2026 may not be delivered ten years earlier.
    let early = |leg: &PricedFuture| PricedFuture { last_trading_day: Date::constant(2016, 6, 8), ..*leg };
    let of = |spread: &BondSpreadPolicy| spread.dv01s(&early(&legs.long.future), &early(&legs.short.future)).unwrap();
    assert_eq!(of(&known), of(&unknown));
}

proptest! {
    #[test]
    fn whatever_is_held_and_free_the_notional_of_a_bond_spread_ends_under_its_cap(
        long in 0_i64..200, short in 0_i64..200, cents in 0_i64..100_000_000, each in 50_000.0..300_000.0_f64,
        most in 0.0..20_000_000.0_f64, dv01 in 2_000_i64..20_000,
    ) {
        let spread = policy().bond_spread;
        let dv01s = Dv01s { long: Decimal::new(dv01, 2), short: Decimal::new(9_000, 2) };
        let room = SpreadRoom { long: each, short: 0.9 * each, most };
        let budget = BaseMoney::new(Decimal::new(cents, 2));
        let (less_long, less_short) = BondSpreadPolicy::within((long, short), &dv01s, &room);
        prop_assert!((0..=long).contains(&less_long) && (0..=short).contains(&less_short));
        prop_assert!(room.gross(less_long, less_short) <= most);
        prop_assert!(dv01s.are_level((less_long, less_short)) && less_short == dv01s.short_for(less_long));
        prop_assert!(room.gross(less_long + 1, dv01s.short_for(less_long + 1)) > most || less_long == long
            || !(1..=short).contains(&dv01s.short_for(less_long + 1)), "one more fits");
        if let Ok(target) = spread.target((long, short), &dv01s, (budget, Decimal::ONE), &room) {
            prop_assert!(room.gross(target.long, target.short) <= most);
        }
    }
}

proptest! {
    #[test]
    fn a_bond_spread_never_loses_more_than_its_premium_in_the_stress(
        long in 2_000_i64..20_000, short in 2_000_i64..20_000, cents in 0_i64..100_000_000, held in 0_i64..20,
    ) {
        let spread = policy().bond_spread;
        let dv01s = Dv01s { long: Decimal::new(long, 2), short: Decimal::new(short, 2) };
        let held = (held, dv01s.short_for(held));
        let budget = BaseMoney::new(Decimal::new(cents, 2));
        let paid = spread.stress_loss(held.0, held.1, &dv01s, Decimal::ONE);
        if let Ok(target) = spread.target(held, &dv01s, (budget, Decimal::ONE), &WIDE) {
            prop_assert!(spread.stress_loss(target.long, target.short, &dv01s, Decimal::ONE) - paid <= budget);
            prop_assert!(target.long >= held.0 && target.short > 0);
            let residual = dv01s.residual(target.long, target.short).abs();
            prop_assert!(residual <= dv01s.short / Decimal::TWO, "{residual}");
            let more = spread.stress_loss(target.long + 2, dv01s.short_for(target.long + 2), &dv01s, Decimal::ONE);
            prop_assert!(more - paid > budget || dv01s.short_for(target.long + 2) == target.short, "one more would fit");
        }
    }
}

proptest! {
    #[test]
    fn whatever_one_leg_has_beyond_the_other_is_paid_before_it_is_a_spread(
        long in 2_000_i64..20_000, short in 2_000_i64..20_000, cents in 0_i64..100_000_000, held in (0_i64..20, 0_i64..40),
    ) {
        let spread = policy().bond_spread;
        let dv01s = Dv01s { long: Decimal::new(long, 2), short: Decimal::new(short, 2) };
        let budget = BaseMoney::new(Decimal::new(cents, 2));
        let hedged = held.1.min(dv01s.short_for(held.0));
        let narrowing = Decimal::from(hedged) * dv01s.short * spread.stress_narrowing_bp;
        let rounding = dv01s.short / Decimal::TWO * spread.stress_parallel_bp;
        if let Ok(target) = spread.target(held, &dv01s, (budget, Decimal::ONE), &WIDE) {
            let loss = spread.stress_loss(target.long, target.short, &dv01s, Decimal::ONE);
            prop_assert!(loss.amount() <= target.premium.amount() + narrowing + rounding);
        }
    }
}
