//! Laws of the screen, and its life over months.
//!
//! In: made-up candidates. Out: lists. Invariant: what does not matter does not change the list.

use super::*;
use crate::factors::Evidence;
use crate::screen_list::{Rescreen, ScreenList, Standing};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use market::{Bar, Figure, Fundamentals, Statement};
use proptest::prelude::*;
use std::collections::BTreeMap;

pub(crate) fn policy() -> ScreenPolicy {
    let side = |factors: &[(Factor, f64)]| ScreenSide { candidates: Vec::new(), factors: factors.to_vec() };
    ScreenPolicy {
        long: side(&[(Factor::Quality, 0.5), (Factor::Momentum, 0.3), (Factor::Size, 0.2)]),
        short: side(&[(Factor::Zombie, 0.5), (Factor::Weakness, 0.3), (Factor::Sector, 0.2)]),
        top_n: 10,
        winsor_tail: 0.05,
        universe_min: 6,
        factor_weight_min: 0.5,
        rescreen: Rescreen::Monthly,
        last_good_days: 10,
        fallback: None,
    }
}

const LONG_METRICS: [Metric; 6] = [
    Metric::ReturnOnEquity,
    Metric::GrossProfitability,
    Metric::Leverage,
    Metric::MarginDeviation,
    Metric::Momentum,
    Metric::LogMarketCap,
];

fn candidate(number: usize, values: &[Option<f64>]) -> Candidate {
    let metrics = LONG_METRICS.iter().zip(values).filter_map(|(&metric, value)| Some((metric, (*value)?))).collect();
    let name = format!("N{number:02}");
    Candidate { contract: ContractId(number as u32), name, sector: "banks".into(), close: Some(10.0), metrics }
}

fn candidates(rows: &[Vec<Option<f64>>]) -> Vec<Candidate> {
    rows.iter().enumerate().map(|(number, row)| candidate(number, row)).collect()
}

fn ranked(candidates: &[Candidate]) -> Vec<(String, Option<usize>, bool)> {
    let rows = rank(candidates, &policy().long.factors, &policy());
    rows.into_iter().map(|row| (row.name, row.rank, row.chosen)).collect()
}

/// Up to thirty companies, some with missing metrics, on a grid coarse enough to make ties.
fn companies() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
    let value = prop_oneof![1 => Just(None), 6 => (-8_i32..8).prop_map(|v| Some(f64::from(v) / 4.0))];
    prop::collection::vec(prop::collection::vec(value, LONG_METRICS.len()), 3..30)
}

proptest! {
    #[test]
    fn the_order_of_the_universe_changes_nothing(rows in companies(), turn in 0_usize..30) {
        let straight = candidates(&rows);
        let mut turned = straight.clone();
        turned.rotate_left(turn % rows.len());
        turned.reverse();
        prop_assert_eq!(ranked(&straight), ranked(&turned));
    }

    #[test]
    fn the_unit_of_a_metric_changes_nothing(rows in companies(), metric in 0_usize..6, power in -6_i32..6, shift in -64_i32..64) {
        let mut other = rows.clone();
        for value in other.iter_mut().filter_map(|row| row[metric].as_mut()) {
            *value = (*value + f64::from(shift)) * libm::exp2(f64::from(power));
        }
        prop_assert_eq!(ranked(&candidates(&rows)), ranked(&candidates(&other)));
    }

    #[test]
    fn scores_are_bounded_centred_and_missing_where_the_value_is(values in prop::collection::vec(prop::option::of(-1e6_f64..1e6), 3..60)) {
        let scores = standard_scores(&values, 0.05);
        let present: Vec<f64> = scores.iter().flatten().copied().collect();
        if values.iter().flatten().count() >= 3 {
            prop_assert!(values.iter().zip(&scores).all(|(value, score)| value.is_some() == score.is_some()));
            prop_assert!(present.iter().sum::<f64>().abs() < 1e-6);
        } else {
            prop_assert!(present.is_empty());
        }
    }
}

#[test]
fn equal_companies_rank_by_name() {
    let same = vec![vec![Some(1.0); 6]; 9];
    let names: Vec<String> = ranked(&candidates(&same)).into_iter().filter(|row| row.2).map(|row| row.0).collect();
    assert_eq!(names, ["N00", "N01", "N02"], "three of nine, in order of name");
}

#[test]
fn metrics_that_cancel_leave_a_factor_that_says_nothing() {
    // The spread of margins is that of profitability in another unit, and speaks against where the other speaks for.
    let company = |profit: f64| vec![None, Some(profit + 5.0), None, Some(profit - 0.25), None, Some(0.0)];
    let rows = rank(&candidates(&[-1.75, 1.0, -1.25].map(company)), &policy().long.factors, &policy());
    let told: Vec<(&str, Option<f64>)> = rows.iter().map(|row| (&*row.name, row.factors[0].1)).collect();
    assert_eq!(told, [("N00", Some(0.0)), ("N01", Some(0.0)), ("N02", Some(0.0))]);
}

#[test]
fn a_rare_zombie_and_a_lone_bank_are_no_outliers_to_be_clipped() {
    let company = |number: usize| Candidate {
        metrics: [Metric::WeakCoverYears, Metric::ListedSector]
            .map(|metric| (metric, f64::from(u8::from(number == 30))))
            .into(),
        ..candidate(number, &[])
    };
    let companies: Vec<Candidate> = (0..63).map(company).collect();
    let first = |factor| {
        let rows = rank(&companies, &[(factor, 1.0)], &policy());
        let best = rows[0].factors[0].1.unwrap();
        assert!(rows[1..].iter().all(|row| row.factors[0].1.unwrap() < best), "{:?}", rows[1]);
        rows[0].name.clone()
    };
    assert_eq!(first(Factor::Sector), "N30");
    let companies_with_debt = |number: usize| {
        let mut company = company(number);
        company.metrics.insert(Metric::DebtToEbitda, number as f64 / 10.0);
        company
    };
    let companies: Vec<Candidate> = (0..63).map(companies_with_debt).collect();
    assert_eq!(rank(&companies, &[(Factor::Zombie, 1.0)], &policy())[0].name, "N30");
}

#[test]
fn a_missing_factor_gives_its_weight_to_the_others_and_too_many_make_a_stock_ineligible() {
    let mut rows: Vec<Vec<Option<f64>>> = (0..9).map(|n| vec![Some(f64::from(n)); 6]).collect();
    for row in &mut rows {
        // Less debt and steadier margins are better, so that the ninth is the best in everything.
        (row[2], row[3]) = (row[2].map(|v| -v), row[3].map(|v| -v));
    }
    rows[8][5] = None;
    let mut companies = candidates(&rows);
    for metric in &LONG_METRICS[..4] {
        companies[0].metrics.remove(metric);
    }
    companies[0].metrics.remove(&Metric::Momentum);
    companies[1].close = None;
    let told = |row: &Scored| {
        let factors = row.factors.iter().map(|(factor, score)| match score {
            Some(score) => format!("{} {score:+.2}", factor.name()),
            None => format!("{} missing", factor.name()),
        });
        let score = row.score.map_or_else(|| "no score".into(), |score| format!("{score:+.2}"));
        format!("{} {score} = {} {:?}", row.name, factors.collect::<Vec<_>>().join(", "), row.eligibility)
    };
    let rows = rank(&companies, &policy().long.factors, &policy());
    insta::assert_snapshot!(rows.iter().map(told).collect::<Vec<_>>().join("\n"), @r"
    N08 +1.31 = quality +1.31, momentum +1.31, size missing Eligible
    N07 +1.16 = quality +1.12, momentum +1.12, size +1.31 Eligible
    N06 +0.76 = quality +0.67, momentum +0.67, size +1.12 Eligible
    N05 +0.31 = quality +0.22, momentum +0.22, size +0.67 Eligible
    N04 -0.13 = quality -0.22, momentum -0.22, size +0.22 Eligible
    N03 -0.58 = quality -0.67, momentum -0.67, size -0.22 Eligible
    N02 -1.03 = quality -1.12, momentum -1.12, size -0.67 Eligible
    N01 -1.28 = quality -1.31, momentum -1.31, size -1.12 NoPrice
    N00 -1.31 = quality missing, momentum missing, size -1.31 TooFewFactors
    ");
}

fn observed(companies: usize) -> Observed {
    let rows: Vec<Vec<Option<f64>>> = (0..companies).map(|n| vec![Some(n as f64); 6]).collect();
    let long = candidates(&rows);
    let short = |mut c: Candidate| {
        c.contract = ContractId(c.contract.0 + 100);
        c.metrics.insert(Metric::WeakCoverYears, f64::from(c.contract.0));
        c
    };
    let short = long.iter().cloned().map(short).collect();
    Observed { sleeve: "single_name".into(), source: "made up".into(), long, short }
}

/// A list over consecutive weekdays: the screen sees so many companies on each.
fn life(policy: &ScreenPolicy, days: impl IntoIterator<Item = (Date, usize)>) -> Vec<String> {
    let mut list = ScreenList::default();
    let mut told = Vec::new();
    for (day, companies) in days {
        if list.is_due(day, policy.rescreen) {
            list.renew(day, &observed(companies), policy);
            told.push(format!("{day} {}", list.told()));
        }
    }
    told.dedup_by(|later, earlier| later[11..] == earlier[11..]);
    told
}

fn weekdays(from: Date, count: usize) -> impl Iterator<Item = Date> {
    from.series(1.day()).filter(|day| day.weekday().to_monday_one_offset() < 6).take(count)
}

#[test]
fn a_screen_that_fails_uses_the_last_good_list_for_ten_business_days_and_then_adds_nothing() {
    let days = weekdays(date(2026, 3, 2), 50).map(|day| (day, if day < date(2026, 4, 1) { 12 } else { 4 }));
    insta::assert_snapshot!(life(&policy(), days).join("\n"), @r"
    2026-03-02 4 long, 4 short of 2026-03-02, fundamentals made up
    2026-04-01 4 long, 4 short, last good list of 2026-03-02, screen fails since 2026-04-01: 4 of 4 long candidates can be ranked, 6 are needed, fundamentals made up
    2026-04-15 4 long, 4 short, nothing is added, screen fails since 2026-04-01: 4 of 4 long candidates can be ranked, 6 are needed, fundamentals made up
    ");
}

#[test]
fn with_permission_the_fallback_follows_and_a_good_screen_ends_it() {
    let fallback = vec![(ContractId(7), 0.5), (ContractId(8), -0.5)];
    let policy = ScreenPolicy { fallback: Some(fallback), last_good_days: 2, ..policy() };
    let days = weekdays(date(2026, 3, 31), 8).map(|day| {
        let fails = (date(2026, 4, 1)..date(2026, 4, 8)).contains(&day);
        (day, if fails { 4 } else { 12 })
    });
    insta::assert_snapshot!(life(&policy, days).join("\n"), @r"
    2026-03-31 4 long, 4 short of 2026-03-31, fundamentals made up
    2026-04-01 4 long, 4 short, last good list of 2026-03-31, screen fails since 2026-04-01: 4 of 4 long candidates can be ranked, 6 are needed, fundamentals made up
    2026-04-03 1 long, 1 short, configured fallback, screen fails since 2026-04-01: 4 of 4 long candidates can be ranked, 6 are needed, fundamentals made up
    2026-04-08 4 long, 4 short of 2026-04-08, fundamentals made up
    ");
}

#[test]
fn without_any_list_a_failing_screen_holds_nothing() {
    let mut list = ScreenList::default();
    list.renew(date(2026, 3, 2), &observed(2), &policy());
    assert_eq!((list.names.len(), list.standing), (0, Standing::Held(date(2026, 3, 2))));
    assert!(list.is_due(date(2026, 3, 3), Rescreen::Monthly), "a failed screen is tried again the next day");
}

/// Bars of consecutive days, the last of them on this date.
fn bars(last: Date, closes: Vec<f64>) -> Vec<Bar> {
    let days = last.series(-1.day());
    let mut bars: Vec<Bar> =
        days.zip(closes.into_iter().rev()).map(|(day, close)| Bar::flat(day, close).unwrap()).collect();
    bars.reverse();
    bars
}

#[test]
fn a_zombie_has_three_years_of_weak_cover_debt_it_cannot_pay_and_burns_cash() {
    let year = |year: i16| Statement {
        name: "ZOMBIE".into(),
        period_end: date(year, 12, 31),
        published: date(year + 1, 3, 1),
        figures: BTreeMap::from([
            (Figure::Ebit, 5.0),
            (Figure::InterestExpense, 9.0),
            (Figure::Debt, 200.0),
            (Figure::Ebitda, 8.0),
            (Figure::OperatingCashFlow, -2.0),
            (Figure::CapitalExpenditure, 10.0),
            (Figure::Assets, 240.0),
        ]),
    };
    let years = [year(2025), year(2024), year(2023)];
    let statements: Vec<&Statement> = years.iter().collect();
    let bars = bars(date(2026, 3, 31), (0..300).map(|day| 100.0 - 0.1 * f64::from(day)).collect());
    let evidence =
        Evidence { statements: &statements, bars: &bars, rate: Some(1.1), listed_sector: true, date: date(2026, 4, 1) };
    let metrics = evidence.metrics();
    assert_eq!(metrics[&Metric::WeakCoverYears], 1.0);
    assert_eq!(metrics[&Metric::DebtToEbitda], 20.0, "25 years of earnings count as 20");
    assert_eq!(metrics[&Metric::CashBurn], 12.0 / 240.0);
    assert!(metrics[&Metric::Momentum] < 0.0 && metrics[&Metric::DistanceFromMean] < 0.0);
    assert!(!metrics.contains_key(&Metric::ReturnOnEquity) && !metrics.contains_key(&Metric::LogMarketCap));
    let two_years = Evidence { statements: &statements[..2], ..evidence };
    assert!(!two_years.metrics().contains_key(&Metric::WeakCoverYears), "two years do not make three");
    let later = Evidence { date: date(2029, 1, 1), ..evidence };
    assert!(!later.metrics().contains_key(&Metric::CashBurn), "statements that old say nothing");
}

#[test]
fn a_snapshot_of_one_figure_hides_nothing_of_the_annual_reports_before_it() {
    let row = |period_end: Date, published: Date, figures: &[(Figure, f64)]| Statement {
        name: "ACME".into(),
        period_end,
        published,
        figures: figures.iter().copied().collect(),
    };
    let annual = |year: i16| {
        let margin = 10.0 + f64::from(year - 2020);
        let [earned, lent] = [(Figure::OperatingIncome, margin), (Figure::Debt, 30.0)];
        let [ebit, interest] = [(Figure::Ebit, 10.0), (Figure::InterestExpense, 1.0)];
        let balance = [(Figure::NetIncome, 7.0), (Figure::Equity, 80.0), (Figure::Revenue, 100.0)];
        row(date(year, 12, 31), date(year + 1, 3, 1), &[&[earned, lent, ebit, interest][..], &balance[..]].concat())
    };
    let snapshot = |period_end: Date| row(period_end, date(2026, 8, 31), &[(Figure::Ebitda, 15.0)]);
    let metrics = |rows: &[Statement], date: Date| {
        let table = Fundamentals::new("test", rows.to_vec());
        let statements = table.known("ACME", date);
        let evidence = Evidence { statements: &statements, bars: &[], rate: Some(1.0), listed_sector: false, date };
        evidence.metrics()
    };
    let annuals: Vec<Statement> = (2021..=2025).map(annual).collect();
    let (before, after) = (date(2026, 8, 31), date(2026, 9, 1));
    let alone = metrics(&annuals, after);
    assert!(alone[&Metric::MarginDeviation] > 0.0 && alone[&Metric::WeakCoverYears] == 0.0);
    for period_end in [date(2025, 12, 31), date(2026, 6, 30)] {
        let mut rows = annuals.clone();
        rows.push(snapshot(period_end));
        assert_eq!(metrics(&rows, before), alone, "nothing of the snapshot is known on its day");
        let mut known = metrics(&rows, after);
        // Debt of one year over earnings of another is no ratio.
        assert_eq!(known.remove(&Metric::DebtToEbitda), (period_end.year() == 2025).then_some(2.0));
        assert_eq!(known, alone);
    }
    let stale: Vec<Statement> = annuals.iter().take(3).cloned().chain([snapshot(date(2025, 12, 31))]).collect();
    assert!(
        !metrics(&stale, date(2026, 9, 1)).contains_key(&Metric::WeakCoverYears),
        "cover of 2023 is three years old"
    );
}

#[test]
fn a_loss_without_interest_is_no_weak_cover() {
    let cover = |ebit: f64, interest: f64| {
        let year = |year: i16| Statement {
            name: "ACME".into(),
            period_end: date(year, 12, 31),
            published: date(year + 1, 3, 1),
            figures: BTreeMap::from([(Figure::Ebit, ebit), (Figure::InterestExpense, interest)]),
        };
        let years = [year(2025), year(2024), year(2023)];
        let date = date(2026, 6, 1);
        let evidence = Evidence { statements: &years.each_ref(), bars: &[], rate: None, listed_sector: false, date };
        evidence.metrics()[&Metric::WeakCoverYears]
    };
    assert_eq!([cover(-5.0, 0.0), cover(-5.0, -1.0), cover(5.0, 5.0), cover(-5.0, 1.0)], [0.0, 0.0, 0.0, 1.0]);
}

/// Closes of October 2014 as they read after two later splits, 28 for one in all: a share cost about 100 dollars then.
#[test]
fn a_market_capitalisation_moves_with_the_price_since_it_was_published_and_no_split_changes_it() {
    let statement = |figure: Figure, value: f64| Statement {
        name: "AAPL".into(),
        period_end: date(2014, 9, 27),
        published: date(2014, 10, 27),
        figures: BTreeMap::from([(figure, value)]),
    };
    let cap = |statement: &Statement, bars: &[Bar]| {
        let evidence =
            Evidence { statements: &[statement], bars, rate: Some(1.0), listed_sector: false, date: date(2014, 12, 1) };
        evidence.metrics().get(&Metric::LogMarketCap).map(|cap| libm::exp(*cap) / 1e9)
    };
    let reported = statement(Figure::MarketCap, 600e9);
    // 35 days from the close before the publication, which fell on a day without one.
    let prices = |split: f64| -> Vec<Bar> {
        let mut bars = bars(date(2014, 11, 30), (0..36).map(|day| (100.0 + f64::from(day)) / split).collect());
        bars.retain(|bar| bar.date != date(2014, 10, 27));
        bars
    };
    for split in [1.0, 4.0] {
        let moved = cap(&reported, &prices(split)).unwrap();
        assert!((moved - 600.0 * 1.35).abs() < 1e-6, "{moved}");
    }
    assert_eq!(cap(&reported, &prices(1.0)[1..]), None, "no close to move it from");
    assert_eq!(cap(&statement(Figure::Shares, 5.9e9), &prices(28.0)), None, "a count of before the splits");
}
