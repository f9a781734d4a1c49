//! The metrics from outside: printed, served, and read by Prometheus' own tool.
//!
//! In: the built program, promtool. Out: text. Invariant: without promtool the check says that it is skipped; with
//! AF_NEED_PROMETHEUS it fails instead.
#![allow(clippy::disallowed_methods, reason = "runs programs")]

mod common;
#[path = "common/monitors.rs"]
mod monitors;

use common::Stage;
use monitors::{Served, check_metrics, get};

/// The description's names, with what they have to be in a finished report.
#[test]
fn the_numbers_are_those_of_the_report() {
    let stage = Stage::new();
    let days = stage.days("demo --days 3 --state-dir state");
    let text = stage.ok("metrics --state-dir state");
    let day = &days[2];
    let sample = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("abstractfinance_{name} ")));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_else(|| panic!("{name}:\n{text}"))
    };
    let nav: f64 = day.nav.unwrap().to_string().parse().unwrap();
    assert_eq!(sample("portfolio_nav_usd"), nav);
    assert_eq!(sample("portfolio_gross_exposure_usd"), day.gross.to_string().parse::<f64>().unwrap());
    assert_eq!(sample("portfolio_drawdown_pct"), day.drawdown);
    assert_eq!(sample("risk_realized_vol_annual"), day.vol.unwrap());
    assert_eq!(sample("risk_scaling_factor"), day.scale);
    assert_eq!(sample("risk_regime"), 0.0);
    assert_eq!(sample("mode"), 0.0);
    assert_eq!(sample("run_finished_total"), 3.0);
    assert_eq!((sample("engine_up"), sample("ib_connection_state")), (0.0, 0.0), "no engine runs");
    let filled = days.iter().flat_map(|day| &day.orders).filter(|order| order.status == "filled").count();
    let counted = sample("orders_filled_total{sleeve=\"core_index_rv\"}");
    assert!(filled > 0);
    assert_eq!(counted, filled as f64, "every order of the core pair is its sleeve's");
    check_metrics(&text);
}

#[test]
fn what_is_served_is_what_is_printed() {
    let stage = Stage::as_shipped();
    assert_eq!(stage.run("demo --state-dir state").code, 0);
    let served = Served::start(stage.command("metrics --serve --listen 127.0.0.1:0 --state-dir state"));
    let but_the_time = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.contains("heartbeat_timestamp")).map(str::to_owned).collect()
    };
    let (printed, read) = (stage.ok("metrics --state-dir state"), served.get("/metrics"));
    assert_eq!(but_the_time(&printed), but_the_time(&read));
    assert!(printed.contains("abstractfinance_hedge_budget_free_usd{hedge="), "the whole strategy has hedges");
    check_metrics(&printed);
}

#[test]
fn nothing_recorded_prints_nothing_and_is_served_as_nothing_running() {
    let stage = Stage::new();
    insta::assert_snapshot!(stage.refused("metrics --state-dir state"), @r"
    exit 4
    abstractfinance: there is no journal at state/journal.db: nothing ran with this state folder yet, or --state-dir names another
    ");
    let served = Served::start(stage.command("metrics --serve --listen 127.0.0.1:0 --state-dir state"));
    assert!(served.get("/metrics").contains("\nabstractfinance_engine_up 0\n"));
    assert_eq!(stage.ok(&format!("healthy {}", served.address)), "alive\n");
    for path in ["/", "/nowhere", "/metrics/../state"] {
        let refused = get(&served.address, path).unwrap_err();
        assert!(refused.contains("404"), "{path}: {refused}");
    }
    let address = served.address.clone();
    drop(served);
    assert_eq!(stage.run(&format!("healthy {address}")).code, 3);
}
