//! Every check at its limit, one step below and one step beyond it.
//!
//! In: a good order with one fact moved. Out: the codes of what refuses it. Invariant: the limit itself is allowed, the next
//! step is not, and no other check speaks up.

use super::*;
use jiff::SignedDuration;

/// Below and at the limit the order leaves, beyond it one check alone refuses.
#[track_caller]
fn at_most<T: Copy>(code: &str, [below, at, beyond]: [T; 3], set: impl Fn(&mut Ask, T)) {
    let codes = |value: T| Ask::but(|ask| set(ask, value)).codes();
    assert_eq!(codes(below), Vec::<&str>::new(), "{code} below its limit");
    assert_eq!(codes(at), Vec::<&str>::new(), "{code} at its limit");
    assert_eq!(codes(beyond), [code], "{code} beyond its limit");
}

#[test]
fn a_quote_is_fresh_for_sixty_seconds() {
    at_most("QUOTE_STALE", [59, 60, 61], |ask, seconds| ask.now += SignedDuration::from_secs(seconds));
}

#[test]
fn a_quote_is_live_two_sided_and_uncrossed() {
    let with = |bid, ask| Ask::but(|a| a.quote = Some(quote(bid, ask, "2025-12-15T14:45:00Z"))).codes();
    assert_eq!(with("200", "200.01"), Vec::<&str>::new());
    assert_eq!(with("200", "200"), Vec::<&str>::new(), "locked is not crossed");
    assert_eq!(with("200.01", "200"), ["QUOTE_ONE_SIDED"]);
    assert_eq!(with("200", ""), ["QUOTE_ONE_SIDED"]);
    assert_eq!(Ask::but(|ask| ask.quote = None).codes(), ["QUOTE_MISSING"]);
    let frozen = Ask::but(|ask| ask.quote.as_mut().unwrap().data_type = market::DataType::Frozen);
    assert_eq!(frozen.codes(), ["QUOTE_NOT_LIVE"]);
}

#[test]
fn the_window_opens_on_its_first_second_and_has_closed_on_its_last() {
    let codes = |now: Timestamp| {
        Ask::but(|ask| {
            ask.now = now;
            ask.quote.as_mut().unwrap().at = now;
        })
        .codes()
    };
    let second = SignedDuration::from_secs(1);
    assert_eq!(codes(window().opens - second), ["WINDOW"]);
    assert!(codes(window().opens).is_empty() && codes(window().closes - second).is_empty());
    assert_eq!(codes(window().closes), ["WINDOW"]);
}

#[test]
fn an_auction_takes_orders_until_its_cut_off_and_needs_no_window() {
    let codes = |text: &str| {
        Ask::but(|ask| {
            (ask.now, ask.proposal.order_type) = (at(text), OrderType::Loc);
            ask.quote.as_mut().unwrap().last = Some(Price::from_decimal("200".parse().unwrap()).unwrap());
        })
        .codes()
    };
    assert!(codes("2025-12-15T16:10:00Z").is_empty() && codes("2025-12-15T16:29:59Z").is_empty());
    assert_eq!(codes("2025-12-15T16:30:00Z"), ["AUCTION_CUTOFF"]);
}

#[test]
fn nothing_leaves_inside_a_guard_and_a_permit_ends_where_one_begins() {
    let guarded = |text: &str| {
        Ask::but(|ask| {
            ask.now = at(text);
            ask.quote.as_mut().unwrap().at = ask.now;
            ask.conditions.guards =
                vec![Window { opens: at("2025-12-15T15:00:00Z"), closes: at("2025-12-15T15:10:00Z") }];
        })
    };
    assert_eq!(guarded("2025-12-15T14:59:59Z").admit().unwrap().expires(), at("2025-12-15T15:00:00Z"));
    assert_eq!(guarded("2025-12-15T15:00:00Z").codes(), ["MAINTENANCE"]);
    assert_eq!(guarded("2025-12-15T15:09:59Z").codes(), ["MAINTENANCE"]);
    assert_eq!(guarded("2025-12-15T15:10:00Z").admit().unwrap().expires(), window().closes);
}

#[test]
fn the_smallest_order_is_at_most_a_tenth_of_nav() {
    at_most("ORDER_VALUE", [2_501.0, 2_500.0, 2_499.0], |ask, nav| {
        // One share is worth 250.
        (ask.day.nav, ask.proposal.quantity) = (nav, Quantity::whole(1));
        ask.activity.unit_value = 0.0;
    });
}

#[test]
fn an_order_is_at_most_a_tenth_of_what_trades_on_a_day() {
    at_most("ADV", [100_001.0, 100_000.0, 99_999.0], |ask, adv| ask.conditions.adv[FUND] = Some(adv));
    assert_eq!(Ask::but(|ask| ask.conditions.adv[FUND] = None).codes(), ["ADV"], "unknown is too little");
}

#[test]
fn increases_of_a_day_are_at_most_half_of_nav() {
    at_most("TURNOVER", [2_499_999.0, 2_500_000.0, 2_500_001.0], |ask, before| {
        (ask.activity.turnover, ask.activity.increase) = (before, 2_500_000.0);
    });
}

#[test]
fn a_position_is_at_most_its_share_of_nav_with_all_that_may_still_be_executed() {
    // 24,000 shares at 250 are 60 % of ten million; 10,000 are asked for.
    at_most("POSITION", [13_999, 14_000, 14_001], |ask, short| ask.activity.holding.held = Quantity::whole(-short));
    at_most("POSITION", [13_999, 14_000, 14_001], |ask, sells| ask.activity.holding.sells = Quantity::whole(sells));
    let hidden = Ask::but(|ask| {
        let holding = Holding { held: Quantity::whole(20_000), buys: Quantity::whole(4_001), ..Holding::default() };
        ask.activity.holding = holding;
    });
    assert_eq!(hidden.codes(), ["POSITION"], "a sale does not excuse what a working buy may become");
}

#[test]
fn gross_and_net_count_every_order_at_its_worst() {
    at_most("GROSS", [17_499_999.0, 17_500_000.0, 17_500_001.0], |ask, gross| {
        ask.activity.exposure = Some(Exposure { gross, ..Exposure::default() });
    });
    at_most("NET", [7_499_999.0, 7_500_000.0, 7_500_001.0], |ask, short| {
        ask.activity.exposure = Some(Exposure { short, ..Exposure::default() });
    });
    at_most("NET", [9_999_999.0, 10_000_000.0, 10_000_001.0], |ask, long| {
        ask.activity.exposure = Some(Exposure { long, ..Exposure::default() });
    });
    let hedge = Ask::but(|ask| ask.activity.exposure = None);
    assert!(hedge.admit().is_ok(), "what hedges a currency counts in no cap");
}

#[test]
fn excess_liquidity_stays_above_its_share_of_nav() {
    at_most("MARGIN", [1_500_001.0, 1_500_000.0, 1_499_999.0], |ask, excess| {
        ask.conditions.excess_liquidity = Some(excess);
    });
    at_most("MARGIN", [1_500_001.0, 1_500_000.0, 1_499_999.0], |ask, after| ask.activity.excess_after = Some(after));
    assert_eq!(Ask::but(|ask| ask.conditions.excess_liquidity = None).codes(), ["MARGIN"], "unknown is too little");
}

#[test]
fn too_many_orders_of_a_side_latch_and_a_latch_holds() {
    at_most("THROTTLE", [8, 9, 10], |ask, sent| ask.activity.orders_sent = sent);
    assert_eq!(Ask::but(|ask| ask.activity.orders_sent = 9).admit().unwrap().orders_max(), 1);
    assert_eq!(Ask::but(|ask| ask.activity.latched = true).codes(), ["THROTTLE"]);
    let reduction = Ask::but(|ask| {
        (ask.activity.latched, ask.proposal.purpose) = (true, Purpose::Reduce);
        ask.activity.holding.held = Quantity::whole(10_000);
    });
    assert_eq!(reduction.codes(), ["THROTTLE"], "a runaway reduction is a runaway too");
}

#[test]
fn a_second_has_room_for_so_many_messages() {
    at_most("MESSAGES", [38, 39, 40], |ask, sent| ask.activity.messages = sent);
}

#[test]
fn lists_and_states_refuse_one_way_and_let_reductions_out_where_they_may() {
    type Set = fn(&mut Ask);
    let cases: [(&str, Set, bool); 7] = [
        ("ACCOUNT", |ask| ask.conditions.foreign_account = true, false),
        ("MODE", |ask| ask.mode = Mode::ReduceOnly, true),
        ("RECONCILIATION", |ask| ask.day.frozen = vec![FUND], false),
        ("RESTRICTED", |ask| ask.policy.restricted = vec![InstrumentId(0)], true),
        ("VENUE_HOURS", |ask| ask.conditions.contradicted = vec![FUND], false),
        ("FX_RATE", |ask| ask.day.no_increase = vec![Withheld { contract: FUND, check: Check::FxRate }], true),
        ("COLLAR", |ask| ask.policy.collars.clear(), false),
    ];
    for (code, set, lets_reductions_out) in cases {
        assert_eq!(Ask::but(set).codes(), [code]);
        let reduction = Ask::but(|ask| {
            set(ask);
            (ask.proposal.purpose, ask.activity.holding.held) = (Purpose::Reduce, Quantity::whole(10_000));
        });
        assert_eq!(reduction.admit().is_ok(), lets_reductions_out, "a reduction under {code}");
    }
    assert_eq!(Ask::but(|ask| ask.proposal.quantity = Quantity::ZERO).codes(), ["QUANTITY"]);
}

#[test]
fn no_risk_is_added_far_from_the_price_of_the_plan_and_risk_is_lowered_all_the_same() {
    let codes = |ask: &Ask| -> Vec<&'static str> {
        ask.admit().err().unwrap_or_default().iter().map(|refusal| refusal.check.code()).collect()
    };
    // The mid is 250 USD a share: 4.2 % and 8.7 % from these.
    let near = Ask::but(|ask| ask.activity.unit_value = 240.0);
    let far = Ask::but(|ask| ask.activity.unit_value = 230.0);
    assert_eq!(codes(&near), [""; 0]);
    assert_eq!(codes(&far), ["PLAN_PRICE"]);
    let lowering = Ask::but(|ask| {
        ask.activity.unit_value = 230.0;
        ask.activity.holding.held = Quantity::whole(20_000);
        ask.proposal.purpose = Purpose::Reduce;
    });
    assert_eq!(codes(&lowering), [""; 0]);
}

#[test]
fn what_is_offered_above_its_premium_is_not_asked_for_again_and_again() {
    let max = |price: &str| {
        let price = Price::from_decimal(price.parse().unwrap()).unwrap();
        Ask::but(|ask| {
            ask.proposal.quantity = Quantity::whole(10_000);
            ask.day.price_max = vec![PriceMax { contract: FUND, price }];
        })
    };
    assert_eq!(max("200.02").codes(), [""; 0], "the offer is what it may pay");
    assert_eq!(max("190.00").codes(), ["PLAN_PRICE"]);
    insta::assert_snapshot!(max("190.00").sentence(), @"CS51: it is offered 5.27 % above the most that its premium was planned to pay; nothing is bought unless it comes back");
    let mut sells = max("190.00");
    sells.proposal.quantity = Quantity::whole(-10_000);
    assert_eq!(sells.codes(), [""; 0], "what is sold pays no premium");
}

proptest! {
    /// Every limit at once, at random, down to zero: what only lowers risk passes them all.
    #[test]
    fn no_limit_holds_back_what_only_lowers_risk(
        held in 1_i64..1_000_000, part in 0.0_f64..=1.0, short in any::<bool>(),
        limits in prop::array::uniform8(0.0_f64..2.0), done in prop::array::uniform5(0.0_f64..1e8),
        volume in prop::option::of(0.0_f64..1e6), excess in prop::option::of(-1e7_f64..1e7),
        reduces in prop::sample::select(vec![Purpose::Reduce, Purpose::CloseOut]), mode in 0..2_u8,
    ) {
        let sign = if short { 1 } else { -1 };
        let quantity = 1 + ((held - 1) as f64 * part) as i64;
        let ask = Ask::but(|ask| {
            ask.mode = [Mode::Normal, Mode::ReduceOnly][usize::from(mode)];
            (ask.proposal.purpose, ask.proposal.quantity) = (reduces, Quantity::whole(sign * quantity));
            let [order_value_max, turnover_max, gross_max, net_max, position_max, adv_max, adv_slice, plan_move_max] = limits;
            ask.policy = GatePolicy {
                order_value_max, turnover_max, gross_max, net_max, position_max, adv_max, adv_slice, plan_move_max,
                excess_liquidity_min: 1.0, restricted: vec![InstrumentId(0)], ..policy()
            };
            ask.day.no_increase = vec![Withheld { contract: FUND, check: Check::Quarantine }];
            ask.conditions.adv[FUND] = volume;
            ask.conditions.excess_liquidity = excess;
            let [gross, long, short, turnover, unit_value] = done;
            ask.activity = Activity {
                holding: Holding { held: Quantity::whole(-sign * held), ..Holding::default() },
                exposure: Some(Exposure { gross, long, short }), turnover, unit_value, excess_after: excess,
                ..ask.activity
            };
        });
        let permit = ask.admit();
        prop_assert!(permit.is_ok(), "{:?}", ask.codes());
        prop_assert_eq!(permit.unwrap().quantity_max(), Quantity::whole(quantity));
    }
}
