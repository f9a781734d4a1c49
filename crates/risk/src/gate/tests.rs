//! Orders at the gate: what leaves, what stays, and every reason why.

mod baskets;
mod limits;

use super::*;
use crate::Mode;
use domain::{BasisPoints, Contract, Currency, Instrument, InstrumentKind, Mic, PerContract, PerCurrency};
use proptest::prelude::*;

pub(super) const FUND: ContractId = ContractId(0);

pub(super) fn universe() -> Universe {
    let fund = Instrument { venue: Mic::Xetr, ..Instrument::plain("CS51", InstrumentKind::Etf, Currency::Eur) };
    Universe::new(vec![fund], vec![Contract { name: "CS51".into(), instrument: InstrumentId(0), expiry: None }])
}

pub(super) fn policy() -> GatePolicy {
    GatePolicy {
        plan_move_max: 0.05,
        order_value_max: 0.10,
        turnover_max: 0.50,
        gross_max: 2.0,
        net_max: 1.0,
        position_max: 0.6,
        adv_max: 0.10,
        adv_slice: 0.01,
        excess_liquidity_min: 0.15,
        what_if: false,
        orders_per_side_max: 10,
        messages_per_second_max: 40,
        restricted: vec![],
        quote_age_max_s: 60,
        collars: vec![(AssetClass::EquityEtf, CollarPolicy { width: BasisPoints(10), ticks_min: 2 })],
    }
}

fn day() -> DayFacts {
    let mut rates = PerCurrency::default();
    rates[Currency::Eur] = Some(1.25);
    DayFacts { nav: 10_000_000.0, rates, frozen: vec![], no_increase: vec![], price_max: vec![] }
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn quote(bid: &str, ask: &str, when: &str) -> Quote {
    let price = |text: &str| text.parse().ok().map(|d| Price::from_decimal(d).unwrap());
    Quote {
        bid: price(bid),
        ask: price(ask),
        bid_size: Quantity::whole(500),
        ask_size: Quantity::whole(500),
        last: None,
        close: None,
        volume: None,
        at: at(when),
        data_type: market::DataType::Live,
    }
}

pub(super) fn window() -> Window {
    Window { opens: at("2025-12-15T14:45:00Z"), closes: at("2025-12-15T16:00:00Z") }
}

/// An order with everything the gate looks at, all of it good: 10,000 shares at 200 EUR, 250 USD each, against ten million.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) policy: GatePolicy,
    pub(super) proposal: Proposal,
    pub(super) day: DayFacts,
    pub(super) conditions: Conditions,
    pub(super) mode: Mode,
    pub(super) quote: Option<Quote>,
    pub(super) now: Timestamp,
    pub(super) activity: Activity,
}

impl Ask {
    pub(super) fn good() -> Ask {
        Ask {
            policy: policy(),
            proposal: Proposal {
                contract: FUND,
                quantity: Quantity::whole(-10_000),
                purpose: Purpose::Increase,
                order_type: OrderType::Lmt,
                collar: None,
            },
            day: day(),
            conditions: Conditions {
                adv: PerContract::from_vec(vec![Some(1_000_000.0)]),
                auction_until: PerContract::from_vec(vec![Some(at("2025-12-15T16:30:00Z"))]),
                excess_liquidity: Some(5_000_000.0),
                ..Conditions::default()
            },
            mode: Mode::Normal,
            quote: Some(quote("199.98", "200.02", "2025-12-15T14:45:00Z")),
            now: window().opens,
            activity: Activity { unit_value: 250.0, exposure: Some(Exposure::default()), ..Activity::default() },
        }
    }

    /// A good order with something changed.
    pub(super) fn but(change: impl FnOnce(&mut Ask)) -> Ask {
        let mut ask = Ask::good();
        change(&mut ask);
        ask
    }

    pub(super) fn admit(&self) -> Result<Permit, Vec<Refusal>> {
        let market = MarketFacts { now: self.now, quote: self.quote.as_ref(), window: Some(window()) };
        let Ask { day, conditions, mode, activity, .. } = self;
        let facts = Facts { day, conditions, mode: *mode, market, activity };
        Gate::new(&self.policy, &universe()).admit(self.proposal, &facts)
    }

    pub(super) fn codes(&self) -> Vec<&'static str> {
        self.admit().err().into_iter().flatten().map(|refusal| refusal.check.code()).collect()
    }

    pub(super) fn sentence(&self) -> String {
        let refusals = self.admit().expect_err("refused");
        refusals.iter().map(|refusal| refusal.sentence(&universe())).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn a_permit_bounds_quantity_order_size_number_price_and_time() {
    let permit = Ask::good().admit().unwrap();
    assert_eq!((permit.side(), permit.quantity_max()), (Side::Sell, Quantity::whole(10_000)));
    assert_eq!(permit.order_quantity_max(), Quantity::whole(4_000), "10 % of 10 m USD at 200 EUR × 1.25");
    assert_eq!(permit.orders_max(), 10);
    assert_eq!(permit.collar().worst.to_string(), "199.8", "10 bp under the mid of 200");
    assert_eq!(permit.expires(), window().closes);
    let thin = Ask::but(|ask| ask.conditions.adv[FUND] = Some(150_000.0));
    assert_eq!(thin.admit().unwrap().order_quantity_max(), Quantity::whole(1_500), "1 % of what trades on a day");
}

/// In August 2011 a crisis was to sell three days' volume of a fund: in slices of 1 % of a day the throttle ended it after a
/// hundred orders, and held back everything that was left until a person came.
#[test]
fn what_lowers_risk_is_cut_into_slices_that_the_throttle_lets_through() {
    let thin = |purpose, held: i64, sent: u32| {
        let ask = Ask::but(|ask| {
            ask.conditions.adv[FUND] = Some(15_000.0);
            ask.proposal.purpose = purpose;
            ask.activity.holding.held = Quantity::whole(held);
            ask.activity.orders_sent = sent;
        });
        ask.admit().unwrap().order_quantity_max()
    };
    assert_eq!(thin(Purpose::Reduce, 10_000, 0), Quantity::whole(2_000), "a fifth of it: half of ten orders");
    assert_eq!(thin(Purpose::Reduce, 10_000, 9), Quantity::whole(4_000), "never above the single-order limit");
}

#[test]
fn every_reason_is_reported_at_once() {
    let everything = Ask::but(|ask| {
        ask.quote = Some(quote("200.02", "", "2025-12-15T14:40:00Z"));
        (ask.now, ask.mode) = (window().closes, Mode::CancelOnly);
        ask.day.frozen = vec![FUND];
        ask.conditions = Conditions {
            adv: PerContract::from_vec(vec![None]),
            guards: vec![Window {
                opens: window().opens,
                closes: window().closes + jiff::SignedDuration::from_mins(1),
            }],
            contradicted: vec![FUND],
            foreign_account: true,
            ..Conditions::default()
        };
        ask.policy.restricted = vec![InstrumentId(0)];
        ask.policy.collars.clear();
        let exposure = Some(Exposure { gross: 2e7, long: 0.0, short: 1e7 });
        ask.activity = Activity { exposure, turnover: 5e6, increase: 1.0, latched: true, messages: 40, ..ask.activity };
    });
    insta::assert_snapshot!(everything.sentence(), @r"
    CS51: the account at the broker is not the one this mode trades; nothing is sent until `mode` and `broker.account` agree with it
    CS51: the operating mode does not permit this order; the step that stopped the day says why
    CS51: our quantity differs from the broker's, so it is frozen; compare both sides in the report
    CS51: it is on the restricted list of the settings, so it takes no new risk
    CS51: the broker's trading hours contradict our calendar, so its venue counts as closed today; compare both in the report
    CS51: its venue has no execution window now; it is tried again in the next one
    CS51: broker or gateway are away or about to be; it is tried again in 1 min
    CS51: the quote is 4800 s old, the limit is 60 s
    CS51: bid or ask is missing, or they cross
    CS51: no price collar is configured for its asset class
    CS51: more orders of one side would leave in a day than are allowed; none go out until a person resumes
    CS51: 40 messages were sent in the last second, 40 are allowed; it is tried again
    CS51: how much of it trades on an average day is not known, so it takes no new risk
    CS51: increases of 50.0 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 2 days at this rate
    CS51: worst-case gross 2.250 × NAV would pass the cap of 2.000; increases are cut to fit
    CS51: worst-case net 1.250 × NAV would pass the cap of 1.000; increases are cut to fit
    CS51: the broker tells of no excess liquidity, so no risk is added
    ");
}

#[test]
fn reduce_only_lets_reductions_out() {
    let reduction = Ask::but(|ask| {
        (ask.mode, ask.proposal.purpose) = (Mode::ReduceOnly, Purpose::Reduce);
        ask.activity.holding.held = Quantity::whole(10_000);
    });
    assert!(reduction.admit().is_ok());
    assert_eq!(Ask::but(|ask| ask.mode = Mode::ReduceOnly).codes(), ["MODE"]);
}

#[test]
fn a_reduction_of_what_is_no_longer_there_is_judged_as_the_increase_it_would_be() {
    let of = |held, sells| {
        Ask::but(|ask| {
            (ask.mode, ask.proposal.purpose) = (Mode::ReduceOnly, Purpose::Reduce);
            let (held, sells) = (Quantity::whole(held), Quantity::whole(sells));
            ask.activity.holding = Holding { held, sells, ..Holding::default() };
        })
    };
    assert!(of(10_000, 0).codes().is_empty());
    assert_eq!(of(9_999, 0).codes(), ["MODE"], "one share would be sold short");
    assert_eq!(of(15_000, 5_001).codes(), ["MODE"], "an UNKNOWN sale may have sold it already");
    assert_eq!(of(-10_000, 0).codes(), ["MODE"]);
}

#[test]
fn a_price_nobody_believes_lets_reductions_out_and_nothing_in() {
    let quarantined = |purpose| {
        Ask::but(|ask| {
            ask.day.no_increase = vec![Withheld { contract: FUND, check: Check::Quarantine }];
            ask.activity.holding.held = Quantity::whole(10_000);
            ask.proposal.purpose = purpose;
        })
    };
    assert!(quarantined(Purpose::Reduce).admit().is_ok() && quarantined(Purpose::CloseOut).admit().is_ok());
    insta::assert_snapshot!(quarantined(Purpose::Increase).sentence(), @"CS51: its price is not believed, so it takes no new risk; it is valued at the last good mark until the price is confirmed");
}

#[test]
fn without_a_fresh_quote_only_an_auction_is_priced_and_from_last_or_close() {
    let old = |order_type, last: Option<&str>, close: Option<&str>| {
        Ask::but(|ask| {
            let price = |text: Option<&str>| text.map(|text| Price::from_decimal(text.parse().unwrap()).unwrap());
            let stale = quote("150", "150.02", "2025-12-15T12:00:00Z");
            ask.quote = Some(Quote { last: price(last), close: price(close), ..stale });
            ask.proposal.order_type = order_type;
        })
    };
    assert_eq!(old(OrderType::Lmt, Some("200"), None).codes(), ["QUOTE_STALE", "PLAN_PRICE"]);
    let reference = |ask: Ask| ask.admit().unwrap().collar().reference.to_string();
    assert_eq!(reference(old(OrderType::Loc, Some("201"), Some("199"))), "201");
    assert_eq!(reference(old(OrderType::Loc, None, Some("199"))), "199");
    assert_eq!(old(OrderType::Loc, None, None).codes(), ["QUOTE_MISSING"], "a stale mid is no price either");
    let permit = old(OrderType::Loc, Some("201"), None).admit().unwrap();
    assert_eq!((permit.order_type(), permit.expires()), (OrderType::Loc, at("2025-12-15T16:30:00Z")));
}

#[test]
fn the_basket_counts_orders_at_their_worst() {
    let mut basket = Basket::default();
    basket.add(0.0, 0.0, 900_000.0);
    basket.add(0.0, 0.0, -900_000.0);
    let told = |nav| {
        let fit = basket.fit(nav, &policy());
        let told: Vec<_> = fit.refusals.iter().map(|refusal| refusal.sentence(&universe())).collect();
        format!("{:.4} by {:?}\n{}", fit.buys.min(fit.sells), fit.bound, told.join("\n"))
    };
    insta::assert_snapshot!(told(850_000.0), @r"
    0.2361 by Some(Turnover)
    the basket: increases of 211.8 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 5 days at this rate
    the basket: worst-case gross 2.118 × NAV would pass the cap of 2.000; increases are cut to fit
    the basket: worst-case net 1.059 × NAV would pass the cap of 1.000; increases are cut to fit
    ");
    insta::assert_snapshot!(told(1_800_000.0), @r"
    0.5000 by Some(Turnover)
    the basket: increases of 100.0 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 2 days at this rate
    ");
    let shares = |nav| {
        let fit = basket.fit(nav, &policy());
        (fit.buys, fit.sells)
    };
    assert_eq!(shares(3_600_000.0), (1.0, 1.0));
    assert_eq!(shares(0.0), (0.0, 0.0), "nothing is increased against a NAV nobody knows");
}

/// A contract's value and its order: most are lots of a book, some flip.
fn rows() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((-5e5_f64..5e5, -5e5_f64..5e5), 1..12)
}

fn side_of(change: f64) -> Option<Side> {
    (change != 0.0).then_some(if change > 0.0 { Side::Buy } else { Side::Sell })
}

/// The reducing and the increasing part of the way from held to wanted.
fn parts(held: f64, wanted: f64) -> (f64, f64) {
    match () {
        () if held * wanted < 0.0 => (-held, wanted),
        () if wanted.abs() < held.abs() => (wanted - held, 0.0),
        () => (0.0, wanted - held),
    }
}

proptest! {
    #[test]
    fn whichever_orders_fill_no_increase_carries_the_book_beyond_its_caps(
        rows in rows(), filled in prop::collection::vec(0.0_f64..=1.0, 12), nav in 1e5_f64..1e7,
    ) {
        let policy = policy();
        let mut basket = Basket::default();
        rows.iter().for_each(|&(held, wanted)| { let (r, i) = parts(held, wanted); basket.add(held, r, i); });
        let fit = basket.fit(nav, &policy);
        let after = rows.iter().zip(&filled).map(|(&(held, wanted), part)| {
            let (reduce, increase) = parts(held, wanted);
            held + (reduce + increase * fit.share_of(side_of(increase))) * part
        });
        let after: Vec<f64> = after.collect();
        // Without increases the worst is what is held, or what the reductions of one side leave.
        let held: f64 = rows.iter().map(|row| row.0.abs()).sum();
        let gross: f64 = after.iter().map(|value| value.abs()).sum();
        prop_assert!(gross <= (policy.gross_max * nav).max(held) + 1e-6, "gross {gross}");
        let side = |sign: f64| -> f64 {
            rows.iter().map(|&(held, wanted)| sign * held + (sign * parts(held, wanted).0).max(0.0)).sum()
        };
        let net: f64 = after.iter().sum();
        prop_assert!(net <= (policy.net_max * nav).max(side(1.0)) + 1e-6, "net {net}");
        prop_assert!(-net <= (policy.net_max * nav).max(side(-1.0)) + 1e-6, "net {net}");
        prop_assert_eq!(fit.buys.min(fit.sells) < 1.0, fit.bound.is_some());
    }
}

#[test]
#[should_panic(expected = "exceed the parent")]
fn a_child_beyond_the_permit_stops_the_engine() {
    let ask = Ask::but(|ask| ask.proposal.quantity = Quantity::whole(100));
    let permit = ask.admit().unwrap();
    let order_ref = "AF-a1b2c3-20251215-001-01".parse().unwrap();
    permit.release(order_ref, Quantity::whole(60), Quantity::whole(41), permit.collar().worst, window().opens);
}
