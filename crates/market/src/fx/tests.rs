//! Rates against golden crosses, and rates that must not be believed.

use super::*;
use crate::calendar::Calendar;
use domain::{Currency, Mic, Money, PerCurrency};
use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;

use Currency::{Chf, Eur, Gbp, Jpy, Usd};

const POLICY: FxPolicy =
    FxPolicy { warn_age_hours: 24, max_age_hours: 72, triangular_gap_bps: 20, source_gap_bps: 50, jump_max: 0.10 };

fn calendar() -> Calendar {
    let table = include_str!("../../../../config/calendars/FX.csv");
    Calendar::parse(Mic::Fx, table, include_str!("../../../../config/calendars/overrides.csv")).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn offer(from: Currency, to: Currency, rate: Decimal, source: RateSource, when: &str) -> RateOffer {
    RateOffer { from, to, rate, source, at: at(when) }
}

fn settled(last: PerCurrency<Option<LastRate>>, offers: &[RateOffer], now: &str) -> FxTable {
    settled_by(&calendar(), last, offers, now)
}

fn settled_by(calendar: &Calendar, last: PerCurrency<Option<LastRate>>, offers: &[RateOffer], now: &str) -> FxTable {
    let mut board = FxBoard::new(Usd, last);
    offers.iter().for_each(|offer| board.offer(*offer));
    board.settle(at(now), Some(calendar), &POLICY)
}

fn told(table: &FxTable) -> String {
    table.findings.iter().map(FxFinding::sentence).collect::<Vec<_>>().join("\n")
}

fn remembered(currency: Currency, rate: Decimal, when: &str) -> PerCurrency<Option<LastRate>> {
    PerCurrency::from_fn(|c| (c == currency).then(|| LastRate { rate, at: at(when), suspect: None }))
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the golden values lie outside the repository")]
fn crosses_equal_the_golden_ones_on_every_day() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let calendar = calendar();
    for window in ["2010_2018", "2025_2026"] {
        let paths =
            [format!("{data}/fx/ecb_reference_rates_{window}.csv"), format!("{data}/golden/fx_cross_{window}.csv")];
        let [Ok(mut rates), Ok(mut golden)] = paths.map(csv::Reader::from_path) else {
            eprintln!("skipped: no golden crosses of {window}");
            continue;
        };
        let golden: BTreeMap<String, csv::StringRecord> =
            golden.records().map(Result::unwrap).map(|row| (row[0].to_owned(), row)).collect();
        let mut compared = 0;
        for row in rates.records().map(Result::unwrap) {
            let Some(expected) = golden.get(&row[0]) else { continue };
            let moment = format!("{}T14:00:00Z", &row[0]);
            let pairs = [Usd, Gbp, Chf, Jpy].into_iter().enumerate();
            let offers: Vec<RateOffer> = pairs
                .filter_map(|(i, to)| {
                    row[i + 1].parse().ok().map(|rate| offer(Eur, to, rate, RateSource::Mid, &moment))
                })
                .collect();
            let table = settled_by(&calendar, PerCurrency::default(), &offers, &moment);
            let crosses = [(Eur, Usd), (Gbp, Usd), (Chf, Usd), (Gbp, Eur), (Gbp, Chf), (Usd, Jpy)];
            let mut ours: Vec<f64> =
                crosses.iter().map(|&(from, to)| table.get_rate(from, to).unwrap().to_f64().unwrap()).collect();
            let basket = [(Usd, 1_000_000), (Eur, -1_400_000), (Gbp, 250_000), (Chf, 100_000)];
            let basket: Decimal = basket
                .iter()
                .map(|&(currency, amount)| table.to_base(Money::new(Decimal::from(amount), currency)).unwrap().amount())
                .sum();
            ours.push(basket.to_f64().unwrap());
            for (ours, golden) in ours.iter().zip(expected.iter().skip(1)) {
                let golden: f64 = golden.parse().unwrap();
                // The files print twelve digits; the basket nets to a fraction of its parts.
                let allowed = 1e-9 * golden.abs().max(1.0) + 1e-12 * 2e6 * f64::from(u8::from(golden.abs() > 1e3));
                assert!((ours - golden).abs() <= allowed, "{}: {ours} against {golden}", &row[0]);
                compared += 1;
            }
        }
        assert_eq!(compared, golden.len() * 7, "every golden value of {window}");
    }
}

#[test]
fn the_same_is_one_the_unknown_is_an_error_and_everything_else_goes_through_the_base() {
    let now = "2026-01-06T12:00:00Z";
    let offers = [offer(Eur, Usd, dec!(1.25), RateSource::Mid, now), offer(Usd, Jpy, dec!(160), RateSource::Mid, now)];
    let table = settled(PerCurrency::default(), &offers, now);
    assert_eq!(table.get_rate(Gbp, Gbp), Ok(Decimal::ONE));
    assert_eq!(table.get_rate(Usd, Eur), Ok(dec!(0.8)));
    assert_eq!(table.get_rate(Eur, Jpy), Ok(dec!(200)));
    assert_eq!(table.convert(Money::new(dec!(10), Eur), Jpy).unwrap().amount, dec!(2000));
    assert!(table.get_rate(Gbp, Usd).is_err() && !table.takes_risk(Gbp));
    assert!(table.takes_risk(Eur) && table.findings.is_empty());
}

#[test]
fn the_account_s_own_rate_comes_first_and_the_store_last() {
    let now = "2026-01-06T12:00:00Z";
    let sources =
        [(RateSource::Yahoo, dec!(1.2510)), (RateSource::Mid, dec!(1.2505)), (RateSource::Account, dec!(1.25))];
    let offers: Vec<RateOffer> = sources.iter().map(|&(source, rate)| offer(Eur, Usd, rate, source, now)).collect();
    assert_eq!(settled(PerCurrency::default(), &offers, now).get_rate(Eur, Usd), Ok(dec!(1.25)));
    assert_eq!(settled(PerCurrency::default(), &offers[..2], now).get_rate(Eur, Usd), Ok(dec!(1.2505)));
    let stored = settled(remembered(Eur, dec!(1.24), "2026-01-06T02:00:00Z"), &[], now);
    assert_eq!((stored.get_rate(Eur, Usd), stored.takes_risk(Eur)), (Ok(dec!(1.24)), true));
}

#[test]
fn a_rate_ages_while_its_market_is_open() {
    let friday = offer(Eur, Usd, dec!(1.25), RateSource::Mid, "2026-01-09T21:00:00Z");
    let seen = |now| told(&settled(PerCurrency::default(), &[friday], now));
    assert_eq!(seen("2026-01-12T06:00:00Z"), "", "a weekend is no age");
    insta::assert_snapshot!(seen("2026-01-13T06:00:00Z"), @"EUR: the broker's mid is 33 h old in open market hours, more than 24; it is used, refresh the rates");
    insta::assert_snapshot!(seen("2026-01-15T06:00:00Z"), @"EUR: the broker's mid is 81 h old in open market hours, more than 72; EUR takes no new risk until a rate is good again");
    let old = settled(PerCurrency::default(), &[friday], "2026-01-15T06:00:00Z");
    assert!(old.get_rate(Eur, Usd).is_ok() && !old.takes_risk(Eur), "what is held is still valued");
    assert!(!settled(PerCurrency::default(), &[friday], "2031-01-15T06:00:00Z").takes_risk(Eur), "no calendar, no age");
}

#[test]
fn what_is_absurd_is_told_and_the_next_source_is_asked() {
    let now = "2026-01-06T12:00:00Z";
    let last = remembered(Eur, dec!(1.25), "2026-01-05T12:00:00Z");
    let good = offer(Eur, Usd, dec!(1.26), RateSource::Mid, now);
    for (rate, word) in
        [(dec!(0), "no rate"), (dec!(-1.25), "no rate"), (dec!(0.79), "inverse"), (dec!(12.5), "confirms")]
    {
        let account = offer(Eur, Usd, rate, RateSource::Account, now);
        let both = settled(last, &[account, good], now);
        assert!(told(&both).contains(word), "{}", told(&both));
        assert_eq!(both.get_rate(Eur, Usd), Ok(dec!(1.26)));
        let alone = settled(last, &[account], now);
        assert_eq!(alone.get_rate(Eur, Usd), Ok(dec!(1.25)), "the last good one");
        assert_eq!(alone.takes_risk(Eur), word == "no rate");
    }
}

#[test]
fn a_triangle_that_does_not_close_lets_no_new_risk_in() {
    let now = "2026-01-06T12:00:00Z";
    let offers = |cross| {
        let pairs = [(Eur, Usd, dec!(1.25)), (Gbp, Usd, dec!(1.50)), (Eur, Gbp, cross)];
        pairs.map(|(from, to, rate)| offer(from, to, rate, RateSource::Mid, now))
    };
    assert!(settled(PerCurrency::default(), &offers(dec!(0.8333)), now).findings.is_empty());
    let open = settled(PerCurrency::default(), &offers(dec!(0.8355)), now);
    assert!(!open.takes_risk(Eur) && !open.takes_risk(Gbp));
    insta::assert_snapshot!(told(&open), @r"
    EUR: its pair with GBP and both rates to base are 26 bp apart, more than 20; one of the three is wrong and EUR takes no new risk until a rate is good again
    GBP: its pair with EUR and both rates to base are 26 bp apart, more than 20; one of the three is wrong and GBP takes no new risk until a rate is good again
    ");
}

#[test]
fn the_franc_of_january_2015_passes_once_it_is_confirmed() {
    let before = remembered(Chf, dec!(0.9817), "2015-01-14T20:00:00Z");
    let spike = |source, when| offer(Chf, Usd, dec!(1.1900), source, when);
    let first = settled(before, &[spike(RateSource::Account, "2015-01-15T11:00:00Z")], "2015-01-15T11:00:00Z");
    assert_eq!((first.get_rate(Chf, Usd), first.takes_risk(Chf)), (Ok(dec!(0.9817)), false));
    let again = settled(first.last, &[spike(RateSource::Account, "2015-01-15T15:00:00Z")], "2015-01-15T15:00:00Z");
    assert!(!again.takes_risk(Chf), "the same session confirms nothing");
    let next = settled(again.last, &[spike(RateSource::Account, "2015-01-16T06:00:00Z")], "2015-01-16T06:00:00Z");
    assert_eq!((next.get_rate(Chf, Usd), next.takes_risk(Chf)), (Ok(dec!(1.1900)), true));
    let both = [RateSource::Account, RateSource::Yahoo].map(|source| spike(source, "2015-01-15T11:00:00Z"));
    let second = settled(before, &both, "2015-01-15T11:00:00Z");
    assert_eq!((second.get_rate(Chf, Usd), second.takes_risk(Chf)), (Ok(dec!(1.1900)), true));
}

#[test]
fn a_rate_that_stands_still_is_told_by_a_second_source() {
    let last = remembered(Eur, dec!(1.1600), "2026-03-02T06:00:00Z");
    let account = |rate| offer(Eur, Usd, rate, RateSource::Account, "2026-03-03T06:00:00Z");
    let second = |rate, when| offer(Eur, Usd, rate, RateSource::Yahoo, when);
    let now = "2026-03-03T06:00:00Z";

    let still = settled(last, &[account(dec!(1.1600)), second(dec!(1.1680), now)], now);
    insta::assert_snapshot!(told(&still), @"EUR: the account's rate is 1.16 and Yahoo says 1.168, 69 bp apart, more than 50: one of them is stale or wrong; what is held stays valued at the former and EUR takes no new risk until a rate is good again");
    assert!(!still.takes_risk(Eur));
    assert_eq!(still.get_rate(Eur, Usd), Ok(dec!(1.1600)), "net liquidation is counted with it");

    let night = settled(last, &[account(dec!(1.1600)), second(dec!(1.1680), "2026-03-02T22:00:00Z")], now);
    assert!(night.takes_risk(Eur), "a close of last night may be a night's move away: {}", told(&night));
    let agreeing = settled(last, &[account(dec!(1.1600)), second(dec!(1.1657), now)], now);
    assert!(agreeing.takes_risk(Eur), "{}", told(&agreeing));
    let first = settled(PerCurrency::default(), &[account(dec!(1.1600)), second(dec!(1.1680), now)], now);
    assert_eq!((first.get_rate(Eur, Usd), first.takes_risk(Eur)), (Ok(dec!(1.1600)), false), "on a first day too");
}

#[test]
fn a_rate_without_a_time_is_as_old_as_the_close_of_its_pair() {
    let now = "2026-01-15T06:00:00Z";
    let account = offer(Eur, Usd, dec!(1.25), RateSource::Account, now);
    let close = |source, when| offer(Eur, Usd, dec!(1.25), source, when);
    let friday = close(RateSource::Mid, "2026-01-09T21:00:00Z");
    let still = settled(PerCurrency::default(), &[account, friday], now);
    insta::assert_snapshot!(told(&still), @"EUR: the broker's mid is 81 h old in open market hours, more than 72; EUR takes no new risk until a rate is good again");
    assert_eq!((still.get_rate(Eur, Usd), still.takes_risk(Eur)), (Ok(dec!(1.25)), false));
    let tuesday = close(RateSource::Mid, "2026-01-13T21:00:00Z");
    assert_eq!(
        told(&settled(PerCurrency::default(), &[account, tuesday], now)),
        "",
        "a day without a close is told by no one"
    );
    let yahoo = close(RateSource::Yahoo, "2026-01-15T05:00:00Z");
    assert!(settled(PerCurrency::default(), &[account, friday, yahoo], now).takes_risk(Eur), "a second source sees it");
    assert!(settled(PerCurrency::default(), &[account], now).takes_risk(Eur), "nothing to go by");
}

#[test]
fn a_jump_is_not_believed_after_a_session_while_another_source_says_otherwise() {
    let suspect = Some((dec!(1.0400), at("2026-03-03T06:00:00Z")));
    let last = PerCurrency::from_fn(|c| {
        (c == Eur).then(|| LastRate { rate: dec!(1.1600), at: at("2026-03-02T06:00:00Z"), suspect })
    });
    let account = offer(Eur, Usd, dec!(1.0400), RateSource::Account, "2026-03-04T06:00:00Z");
    let close = offer(Eur, Usd, dec!(1.1610), RateSource::Mid, "2026-03-03T22:00:00Z");
    let now = "2026-03-04T06:00:00Z";
    let contradicted = settled(last, &[account, close], now);
    assert_eq!(contradicted.get_rate(Eur, Usd), Ok(dec!(1.1610)));
    assert!(!contradicted.takes_risk(Eur), "{}", told(&contradicted));
    let alone = settled(last, &[account], now);
    assert_eq!(alone.get_rate(Eur, Usd), Ok(dec!(1.0400)), "a session later, and nobody says otherwise");
}
