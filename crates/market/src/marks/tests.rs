//! Prices that must pass and prices that must not.

use super::*;
use jiff::civil::date;
use proptest::prelude::*;

fn offer(price: &str, day: i8, source: MarkSource) -> Offer {
    Offer { price: Price::from_decimal(price.parse().unwrap()).unwrap(), session: date(2015, 1, day), source }
}

fn rule(jump_max: f64) -> MarkRule {
    MarkRule { jump_max, multiplier: 1, split: None, decays: false }
}

fn last(price: &str, day: i8) -> Option<LastMark> {
    Some(LastMark { good: offer(price, day, MarkSource::Broker), suspect: None })
}

#[test]
fn the_franc_of_january_2015_passes_when_the_next_session_confirms_it() {
    let jump = accept(last("1.2010", 14), &[offer("1.0329", 15, MarkSource::Broker)], rule(0.05));
    let Some(Doubt::Jump { by, .. }) = jump.doubt else { panic!("{jump:?}") };
    assert!((by + 0.14).abs() < 0.001);
    assert_eq!(jump.mark.unwrap().good.price.to_string(), "1.201", "valued at the last good mark");
    let again = accept(jump.mark, &[offer("1.0329", 15, MarkSource::Broker)], rule(0.05));
    assert!(again.doubt.is_some(), "the same session told twice confirms nothing");
    let next = accept(again.mark, &[offer("1.0120", 16, MarkSource::Broker)], rule(0.05));
    assert_eq!((next.doubt, next.mark.unwrap().good.price.to_string()), (None, "1.012".to_owned()));
}

#[test]
fn the_vix_of_february_2018_passes_when_a_second_source_says_the_same() {
    let offers = [offer("37.32", 5, MarkSource::Close), offer("37.32", 5, MarkSource::Feed)];
    assert!(accept(last("17.31", 2), &offers[..1], rule(0.6)).doubt.is_some());
    let both = accept(last("17.31", 2), &offers, rule(0.6));
    assert_eq!((both.doubt, both.mark.unwrap().good.price.to_string()), (None, "37.32".to_owned()));
    let elsewhere = [offers[0], offer("21.00", 5, MarkSource::Feed)];
    assert!(accept(last("17.31", 2), &elsewhere, rule(0.6)).doubt.is_some(), "another price confirms nothing");
    let old = [offers[0], offer("37.30", 2, MarkSource::Feed)];
    assert!(accept(last("17.31", 2), &old, rule(0.6)).doubt.is_some(), "an older session confirms nothing");
}

#[test]
fn a_market_that_keeps_falling_is_believed_in_the_next_session_and_one_that_came_back_at_once() {
    let jump = accept(last("15.33", 3), &[offer("23.3", 4, MarkSource::Close)], rule(0.25));
    let further = accept(jump.mark, &[offer("32.93", 5, MarkSource::Close)], rule(0.25));
    assert_eq!((jump.doubt.is_some(), further.doubt), (true, None));
    let back = accept(jump.mark, &[offer("16.1", 5, MarkSource::Close)], rule(0.25));
    assert_eq!((back.doubt, back.mark.unwrap().suspect), (None, None));
    let other_side = accept(jump.mark, &[offer("9.1", 5, MarkSource::Close)], rule(0.25));
    assert!(other_side.doubt.is_some(), "a jump the other way confirms nothing");
}

#[test]
fn a_share_looked_at_once_a_month_is_judged_by_the_sessions_between() {
    let closes = |prices: &[&str]| -> Vec<Offer> {
        prices.iter().zip(16..).map(|(price, day)| offer(price, day, MarkSource::Close)).collect()
    };
    let april = last("266.59", 9).unwrap();
    let caught = |prices: &[&str]| caught_up(april, closes(prices), rule(0.25)).good.price.to_string();
    assert!(accept(Some(april), &[offer("174.5", 30, MarkSource::Close)], rule(0.25)).doubt.is_some());
    assert_eq!(caught(&["245", "221.9", "201", "182.5"]), "182.5", "step by step");
    assert_eq!(caught(&["266", "17.45", "265"]), "265", "a bad print between them is passed over");
    assert_eq!(caught(&["266", "133.2", "132"]), "132", "the session after a jump confirms it");
    assert_eq!(caught(&["26659", "26701"]), "266.59", "another unit is never a move");
    assert_eq!(caught_up(april, [], rule(0.25)), april);
}

#[test]
fn pence_for_pounds_is_never_a_move_however_often_it_is_told() {
    let mut state = last("7.20", 12);
    for day in 13..18 {
        let flipped = [offer("724.5", day, MarkSource::Broker), offer("724.5", day, MarkSource::Close)];
        let judged = accept(state, &flipped, rule(0.15));
        assert!(matches!(judged.doubt, Some(Doubt::Unit { factor, .. }) if factor == dec!(100)), "{judged:?}");
        assert_eq!(judged.mark.unwrap().good.price.to_string(), "7.2");
        state = judged.mark;
    }
    let flag = Flag {
        contract: ContractId(0),
        doubt: Doubt::Unit { factor: dec!(100), offer: offer("724.5", 13, MarkSource::Broker) },
        kept: state.map(|state| state.good),
        sessions: 1,
        stale: false,
    };
    insta::assert_snapshot!(flag.sentence("IUKD"), @"IUKD: market price of the broker is 724.5, about 100 times the last good mark, which is a unit and not a move; it stays valued at 7.2 of 2015-01-12 and takes no new risk; compare its quote unit and multiplier in instruments.yaml with the broker's");
}

#[test]
fn another_unit_is_no_fall_even_where_a_fall_that_far_is_ordinary() {
    let future = MarkRule { multiplier: 1_000, ..rule(1.5) };
    for (offered, told) in [("0.0185", dec!(0.001)), ("0.185", dec!(0.01)), ("1.85", dec!(0.1)), ("185", dec!(10))] {
        let mut state = last("18.5", 12);
        for day in 13..16 {
            let offers = [offer(offered, day, MarkSource::Broker), offer(offered, day, MarkSource::Close)];
            let judged = accept(state, &offers, future);
            assert!(matches!(judged.doubt, Some(Doubt::Unit { factor, .. }) if factor == told), "{judged:?}");
            state = judged.mark;
        }
        assert_eq!(state.unwrap().good.price.to_string(), "18.5");
    }
    assert_eq!(accept(last("37.32", 5), &[offer("17.31", 6, MarkSource::Close)], future).doubt, None);
}

#[test]
fn an_option_that_dies_overnight_is_doubted_for_one_session_and_another_unit_upwards_for_ever() {
    let option = MarkRule { multiplier: 100, decays: true, ..rule(5.0) };
    let died = accept(last("5.91", 12), &[offer("0.0591", 13, MarkSource::Broker)], option);
    assert!(matches!(died.doubt, Some(Doubt::Jump { .. })), "{died:?}");
    assert_eq!(died.mark.unwrap().good.price.to_string(), "5.91");
    for next in ["0.0591", "0.02", "0.6"] {
        let next = [offer(next, 14, MarkSource::Broker)];
        let judged = accept(died.mark, &next, option);
        assert_eq!((judged.doubt, judged.mark.unwrap().good), (None, next[0]));
    }
    let both = [offer("0.0591", 13, MarkSource::Broker), offer("0.059", 13, MarkSource::Close)];
    assert_eq!(accept(last("5.91", 12), &both, option).doubt, None, "the venue's close says the same");
    assert_eq!(
        accept(last("5.91", 12), &[offer("1.1", 13, MarkSource::Broker)], option).doubt,
        None,
        "no unit's factor"
    );
    let mut state = last("5.91", 12);
    for day in 13..16 {
        let judged = accept(state, &[offer("591", day, MarkSource::Broker)], option);
        assert!(matches!(judged.doubt, Some(Doubt::Unit { .. })), "{judged:?}");
        state = judged.mark;
    }
}

#[test]
fn a_known_split_is_no_jump_and_an_unknown_one_is() {
    let offers = [offer("151.0", 13, MarkSource::Close)];
    assert!(accept(last("600", 12), &offers, rule(0.3)).doubt.is_some());
    let known = MarkRule { split: Some((4, 1)), ..rule(0.3) };
    assert_eq!(accept(last("600", 12), &offers, known).doubt, None);
}

#[test]
fn without_an_offer_the_last_good_mark_stays() {
    let kept = accept(last("600", 12), &[], rule(0.3));
    assert_eq!((kept.mark, kept.doubt), (last("600", 12), Some(Doubt::Missing)));
    assert_eq!(accept(None, &[], rule(0.3)).mark, None);
    assert_eq!(accept(None, &[offer("600", 12, MarkSource::Close)], rule(0.3)).doubt, None, "nothing to compare with");
}

proptest! {
    #[test]
    fn one_unconfirmed_offer_never_moves_the_mark_further_than_it_may(
        good in 1_000_000_i64..1_000_000_000_000, offered in 1_000_000_i64..1_000_000_000_000, multiplier in 1_u32..15_000,
    ) {
        let price = |mantissa| Price::from_mantissa(mantissa).unwrap();
        let at = |mantissa, day| Offer { price: price(mantissa), session: date(2015, 1, day), source: MarkSource::Broker };
        let state = Some(LastMark { good: at(good, 2), suspect: None });
        let judged = accept(state, &[at(offered, 5)], MarkRule { jump_max: 0.15, multiplier, split: None, decays: false });
        let used = judged.mark.unwrap().good.price.to_f64();
        prop_assert!((used / price(good).to_f64() - 1.0).abs() <= 0.15 + 1e-9);
        prop_assert_eq!(judged.doubt.is_none(), used == price(offered).to_f64());
    }
}
