//! A tear sheet needs nothing else, and says what its rows say.
//!
//! In: a made-up run. Out: the page. Invariant: nothing is fetched, nobody's text becomes markup, and its numbers are those
//! of the rows.

use backtest::result::{Day, Origin, Result, Run, to_f64};
use backtest::tear_sheet::tear_sheet;
use jiff::ToSpan;
use jiff::civil::date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Days that earn these returns, after a night that earned seven dollars before the first plan.
fn run(returns: &[f64]) -> Result {
    let mut unit_value = 1.0;
    let mut before = 0.0;
    let day = |(i, earned): (usize, &f64)| {
        let daily_return = std::mem::replace(&mut before, *earned);
        unit_value *= 1.0 + daily_return;
        let at_plan = 10_000_007.0 * unit_value;
        let amount = |nav: f64| Decimal::from_f64_retain(nav);
        let night = if i == 0 { 7.0 } else { 0.0 };
        Day {
            date: date(2026, 3, 2).saturating_add((i as i64).days()),
            nav_at_plan: amount(at_plan),
            nav: amount(at_plan * (1.0 + earned)),
            unit_value,
            daily_return,
            drawdown: 0.0,
            gross: 1.0,
            net: 0.1,
            regime: if i % 5 == 3 { "ELEVATED" } else { "NORMAL" }.into(),
            mode: "NORMAL".into(),
            volatility: None,
            vol_scale: 1.0,
            state_factor: 1.0,
            momentum_factor: 1.0,
            scale: 1.0,
            vix: None,
            traded: 1e5,
            commission: -10.0,
            slippage: -5.0,
            dividends: 0.0,
            financing: 1.0,
            fees: 0.0,
            orders: 1,
            refused: 0,
            breaks: 0,
            difference_bp: Some(0.0),
            doubts: 0,
            sleeves: BTreeMap::from([("core & more".to_owned(), night + at_plan * earned)]),
            plan_hash: String::new(),
        }
    };
    let days = returns.iter().enumerate().map(day).collect();
    let origin = Origin { data: "d".into(), config: "c".into(), code: "1".into(), program: "p".into() };
    let run = Run {
        title: "<script>alert(1)</script>".into(),
        depth: "next-session".into(),
        resume_after: None,
        market: "made up".into(),
        base: "USD".into(),
        vol_target: 0.12,
        origin,
    };
    Result { run, days, orders: vec![], fills: vec![], warnings: vec!["</script> & friends".into()] }
}

#[test]
fn it_fetches_nothing_and_nobodys_text_becomes_markup() {
    let page = tear_sheet(&run(&[0.0, 0.01, -0.02, 0.005, 0.0]));
    for outside in ["http:", "https:", "src=", "@import", "url(", "href="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<script").count(), 2, "its data and its own script");
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("core &amp; more"));
}

#[test]
fn nav_grows_by_its_returns_and_by_what_its_sleeves_earn() {
    let result = run(&[0.10, -0.05, 0.02]);
    let summary = result.summary();
    let (first, last) = (to_f64(summary.nav_first.unwrap()), to_f64(summary.nav_last.unwrap()));
    let grown = result.returns().iter().map(|earned| 1.0 + earned).product::<f64>();
    assert_eq!((first, result.returns().len()), (10_000_000.0, 3));
    assert!((grown - last / first).abs() < 1e-12, "{grown}");
    assert!((summary.sleeves.values().sum::<f64>() - (last - first)).abs() < 0.01, "{:?}", summary.sleeves);
}

#[test]
fn its_months_are_the_product_of_their_days() {
    let page = tear_sheet(&run(&[0.10, -0.05, 0.02]));
    let march = (1.10 * 0.95 * 1.02 - 1.0) * 100.0;
    assert!(page.contains(&format!(">{march:.1}</td>")), "{march}");
    assert!(page.contains("−5.00 %") && page.contains("ELEVATED"));
}

#[test]
fn a_run_of_one_day_has_no_figures_and_still_a_page_of_dots() {
    let page = tear_sheet(&run(&[0.0]));
    assert!(page.contains("1 trade date ·") && !page.contains("NaN"));
    assert!(page.contains("<path class=dot"), "a line needs two points");
    assert!(!tear_sheet(&run(&[0.0, 0.01])).contains("<path class=dot"));
}

#[test]
fn a_run_that_earned_nothing_is_no_wider_than_its_page() {
    let mut idle = run(&[0.0; 64]);
    for day in &mut idle.days {
        (day.gross, day.net, day.traded, day.refused) = (0.0, 0.0, 0.0, 1);
        day.sleeves.values_mut().for_each(|profit| *profit = 0.0);
    }
    let page = tear_sheet(&idle);
    let lefts = page.split("left:").skip(1).filter_map(|rest| rest.split('%').next()?.parse::<f64>().ok());
    assert_eq!(lefts.filter(|left| *left > 100.0).count(), 0, "a mark beyond the drawing");
    assert!(page.contains("<h2>Profit by sleeve</h2><p>cumulative, base currency: none</p>"));
    assert!(!page.contains("0.0000 %") && !page.contains("0.0000 ×"), "an axis of zeros has no digits to tell");
    assert!(idle.summary().warnings.iter().any(|note| note.contains("something was refused or cut 64 times")));
}
