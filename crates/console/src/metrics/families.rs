//! The table of metrics.
//!
//! In: nothing. Out: name, measure, labels and help of every metric.
//! Invariant: one row says everything about a name.

use super::Family;
use super::Measure::{Counter, Gauge, Histogram};
use super::samples::*;

const fn row(name: &'static str, measure: super::Measure, labels: &'static str, help: &'static str) -> Family {
    Family { name, measure, labels, help }
}

/// Every metric.
pub(super) const FAMILIES: [Family; 68] = [
    row("build_info", Gauge(build), "version", "Always 1; the version is a label."),
    row("heartbeat_timestamp_seconds", Gauge(|f| one(seconds(f.now))), "", "When these metrics were made."),
    row(
        "engine_up",
        Gauge(|f| flag(f.view.status.engine.is_some())),
        "",
        "1 while an engine holds the account's lease.",
    ),
    row("engine_lease_until_timestamp_seconds", Gauge(lease), "", "When the engine's lease ends unless it is renewed."),
    row("ib_connection_state", Gauge(connection), "", "1 while an engine runs and the broker answers it, else 0."),
    row("ib_connection_losses_total", Counter(|f| count(f.activity.losses)), "", "Times the broker was lost."),
    row("mode", Gauge(mode), "", "0 NORMAL, 1 REDUCE_ONLY, 2 CANCEL_ONLY (halt), 3 FROZEN (emergency, kill)."),
    row("flatten", Gauge(|f| flag(f.view.status.flatten)), "", "1 while a person wants every position closed."),
    row(
        "inbox_unanswered",
        Gauge(|f| one(f.view.status.unanswered.len() as f64)),
        "",
        "Instructions no engine has answered yet.",
    ),
    row(
        "run_due_timestamp_seconds",
        Gauge(|f| f.schedule.map_or_else(Vec::new, |s| one(seconds(s.due)))),
        "",
        "When the run that was due last had to begin; absent in simulated time.",
    ),
    row(
        "run_next_timestamp_seconds",
        Gauge(|f| f.schedule.map_or_else(Vec::new, |s| one(seconds(s.next)))),
        "",
        "When the next run has to begin; absent in simulated time.",
    ),
    row(
        "run_missing",
        Gauge(missing),
        "",
        "1 while the run that was due last has made no plan; absent in simulated time.",
    ),
    row(
        "run_open",
        Gauge(|f| flag(f.view.status.open_day.is_some())),
        "",
        "1 while a day was begun and is not finished.",
    ),
    row("run_trade_date_timestamp_seconds", Gauge(trade_date), "", "Midnight UTC of the last finished trade date."),
    row(
        "run_planned_timestamp_seconds",
        Gauge(|f| micros(f.activity.planned_us)),
        "",
        "When the last plan was stored, by the engine's clock.",
    ),
    row(
        "run_finished_timestamp_seconds",
        Gauge(|f| micros(f.activity.finished_us)),
        "",
        "When the last date was finished, by the engine's clock.",
    ),
    row(
        "run_duration_seconds",
        Gauge(|f| f.activity.took.map_or_else(Vec::new, one)),
        "",
        "From the plan of the last finished date to its end.",
    ),
    row("run_finished_total", Counter(|f| count(f.view.days.len() as u64)), "", "Finished trade dates."),
    row(
        "run_steps",
        Gauge(steps),
        "outcome",
        "Steps of the last finished date by outcome: done, warned, stopped, not configured.",
    ),
    row("run_alerts_total", Counter(|f| kind(f, "alert")), "", "Sentences a person should have looked at."),
    row("watchdog_findings_total", Counter(|f| by("code", &f.activity.findings)), "code", "Findings of the watchdog."),
    row(
        "operator_instructions_total",
        Counter(|f| kind(f, "operator")),
        "",
        "Instructions of persons the engine obeyed.",
    ),
    row(
        "portfolio_nav_usd",
        Gauge(|f| dollars(f, |day| day.nav)),
        "",
        "Net asset value after the last finished date, in dollars.",
    ),
    row(
        "portfolio_net_liquidation_usd",
        Gauge(|f| dollars(f, |day| day.nlv)),
        "",
        "The broker's net liquidation value at the same moment, in dollars.",
    ),
    row(
        "portfolio_gross_exposure_usd",
        Gauge(|f| dollars(f, |day| Some(day.gross))),
        "",
        "Long plus short notional, in dollars.",
    ),
    row(
        "portfolio_net_exposure_usd",
        Gauge(|f| dollars(f, |day| Some(day.net))),
        "",
        "Long minus short notional, in dollars.",
    ),
    row(
        "portfolio_gross_leverage",
        Gauge(|f| last(f, |day| Some(day.gross_of_nav))),
        "",
        "Long plus short notional, in multiples of NAV.",
    ),
    row(
        "portfolio_net_leverage",
        Gauge(|f| last(f, |day| Some(day.net_of_nav))),
        "",
        "Long minus short notional, in multiples of NAV.",
    ),
    row(
        "portfolio_drawdown_pct",
        Gauge(|f| last(f, |day| Some(day.drawdown))),
        "",
        "Unit value against its high, a fraction, zero or negative: -0.013 is 1.3 % below.",
    ),
    row(
        "portfolio_return_pct",
        Gauge(|f| last(f, |day| Some(day.daily_return))),
        "",
        "Return of unit value since the plan before, a fraction.",
    ),
    row(
        "portfolio_unit_value",
        Gauge(|f| last(f, |day| Some(day.unit_value))),
        "",
        "Value of one unit, 1 at inception.",
    ),
    row("portfolio_positions", Gauge(|f| last(f, |day| Some(day.positions.len() as f64))), "", "Contracts held."),
    row("sleeve_profit_usd", Gauge(sleeves), "sleeve", "What a sleeve earned since the books were opened, in dollars."),
    row("fx_unhedged_usd", Gauge(unhedged), "currency", "Currency exposure the hedges leave open, in dollars."),
    row(
        "risk_realized_vol_annual",
        Gauge(|f| last(f, |day| day.vol)),
        "",
        "Annual volatility that scaling goes by, of the unit strategy unless configured otherwise, a fraction, floored.",
    ),
    row(
        "risk_vol_quality",
        Gauge(|f| coded(f, &QUALITIES, |day| &day.vol_quality)),
        "",
        "0 valid, 1 degraded (few returns), 2 invalid (no new risk).",
    ),
    row("risk_scaling_factor", Gauge(|f| last(f, |day| Some(day.scale))), "", "The factor on all weights."),
    row("risk_state_factor", Gauge(|f| last(f, |day| Some(day.state_factor))), "", "The regime's part of it."),
    row(
        "risk_regime",
        Gauge(|f| coded(f, &REGIMES, |day| &day.regime)),
        "",
        "0 NORMAL, 1 ELEVATED, 2 CRISIS, 3 RECOVERY.",
    ),
    row("risk_vix", Gauge(|f| last(f, |day| day.vix)), "", "Volatility index the last plan saw."),
    row(
        "risk_momentum",
        Gauge(|f| last(f, |day| day.momentum)),
        "",
        "Momentum of the US against Europe, from -1 to 1.",
    ),
    row(
        "risk_value_at_risk_pct",
        Gauge(|f| last(f, |day| day.risk.value_at_risk)),
        "",
        "Loss that 99 % of days stay below, a fraction of NAV.",
    ),
    row(
        "risk_expected_shortfall_pct",
        Gauge(|f| last(f, |day| day.risk.expected_shortfall)),
        "",
        "Mean loss of the days beyond it, a fraction of NAV.",
    ),
    row(
        "risk_caps_bound",
        Gauge(|f| last(f, |day| Some(day.risk.caps_bound.len() as f64))),
        "",
        "Caps that cut the last plan.",
    ),
    row(
        "reconciliation_difference_bps",
        Gauge(|f| last(f, |day| day.difference_bp)),
        "",
        "NAV less net liquidation value, in hundredths of a percent.",
    ),
    row(
        "reconciliation_findings",
        Gauge(|f| last(f, |day| Some(day.differences.len() as f64))),
        "",
        "Differences between our books and the broker's.",
    ),
    row(
        "data_doubts",
        Gauge(|f| last(f, |day| Some(day.doubts.len() as f64))),
        "",
        "Stale or quarantined marks and rates the last date was valued with.",
    ),
    row(
        "hedge_budget_free_usd",
        Gauge(|f| budget(f, |b| b.free)),
        "hedge",
        "Premium accrued and not spent, in dollars.",
    ),
    row(
        "hedge_budget_reserved_usd",
        Gauge(|f| budget(f, |b| b.reserved)),
        "hedge",
        "Premium set aside for orders that work, in dollars.",
    ),
    row(
        "hedge_premium_spent_usd",
        Gauge(|f| budget(f, |b| b.spent)),
        "hedge",
        "Premium paid since the books were opened, in dollars.",
    ),
    row("hedge_market_value_usd", Gauge(|f| budget(f, |b| b.value)), "hedge", "What the hedges are worth, in dollars."),
    row(
        "orders_filled_total",
        Counter(filled),
        "sleeve",
        "Orders of finished dates that were filled, for each sleeve they traded for.",
    ),
    row("orders_day", Gauge(orders), "status", "Orders of the last finished date by how they ended."),
    row("orders_open", Gauge(open_orders), "status", "Orders of the date in progress by how they stand."),
    row(
        "orders_commands_total",
        Counter(|f| by("command", &f.activity.commands)),
        "command",
        "Commands sent to the broker.",
    ),
    row("orders_executions_total", Counter(|f| count(f.activity.executions)), "", "Executions booked."),
    row(
        "orders_refused_total",
        Counter(|f| by("check", &f.activity.refused)),
        "check",
        "Orders the gate did not let out, for each check that failed.",
    ),
    row("orders_notices_total", Counter(|f| kind(f, "notice")), "", "Codes with a text the broker sent."),
    row(
        "order_acknowledgement_seconds",
        Histogram(|a| &a.acknowledgement),
        "le",
        "From sending an order to the broker's answer.",
    ),
    row(
        "order_first_fill_seconds",
        Histogram(|a| &a.first_fill),
        "le",
        "From sending an order to its first execution.",
    ),
    row(
        "execution_traded_usd",
        Gauge(|f| dollars(f, |day| Some(day.costs.orders.iter().map(|o| o.traded).sum()))),
        "",
        "Notional traded on the last finished date, in dollars.",
    ),
    row(
        "execution_shortfall_usd",
        Gauge(|f| dollars(f, |day| Some(day.costs.orders.iter().map(|o| o.costs.shortfall()).sum()))),
        "",
        "What that cost: implementation shortfall, in dollars.",
    ),
    row(
        "execution_refusals",
        Gauge(|f| last(f, |day| Some(day.refusals.len() as f64))),
        "",
        "What was refused or cut on the last finished date.",
    ),
    row(
        "journal_records_total",
        Counter(|f| count(f.activity.head.unsigned_abs())),
        "",
        "Number of the newest record that is counted here.",
    ),
    row(
        "journal_last_record_timestamp_seconds",
        Gauge(|f| micros(f.activity.last_us)),
        "",
        "When the newest of them was written, by the engine's clock.",
    ),
    row("messages_waiting", Gauge(|f| told(f, |o| o.waiting)), "", "Messages to people that were not delivered yet."),
    row("messages_delivered_total", Counter(|f| told(f, |o| o.delivered)), "", "Messages that were delivered."),
    row("messages_given_up_total", Counter(|f| told(f, |o| o.given_up)), "", "Messages that will never arrive."),
];
