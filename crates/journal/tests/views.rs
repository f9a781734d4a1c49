//! Stories of analysts: the same questions in plain SQL on both databases, the same answers.

mod support;

use support::*;

on_both_databases!(the_views_answer_in_columns_what_the_records_say);

const DAY_CLOSED: &str = r#"{"book":{},"report":{"nav":"9996115.60","nlv":"9996115.60","base":"USD","gross":"4970747.92",
"net":"-3522.15","difference_bp":0.0,"drawdown":0.0125,"vol":0.11,"scale":0.5,"regime":"NORMAL","mode":"NORMAL",
"plan_hash":"abc","positions":[{"instrument":"CSPX","ours":"3419","broker":"3419","mark":"726.415"},
{"instrument":"OLD","ours":"1","broker":"0","mark":"unknown"}],
"targets":[{"instrument":"CSPX","weight":0.25,"target_value":2500000.0,"held":"0","wanted":"3438","today":"3419"}],
"refusals":[{"code":"TURNOVER","sentence":"the rest carries over"}]}}"#;

async fn the_views_answer_in_columns_what_the_records_say(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let place = r#"{"command":"place","contract":"CSPX","limit":"727.03","quantity":"3419","side":"BUY"}"#;
    let fill = r#"{"at":"2015-08-24T14:45:00Z","contract":"CSPX","execution":"e1","price":"727.01","quantity":"3419","side":"BUY"}"#;
    let entries = [
        order("command", "AF-1", place),
        order("command", "AF-1", r#"{"command":"cancel"}"#),
        order("order_status", "AF-1", r#"{"filled":"0","status":"submitted"}"#),
        order("execution", "AF-1", fill),
        order("execution", "AF-1", &fill.replace("e1", "e2")),
        entry("commission", r#"{"amount":{"amount":"12.50","currency":"USD"},"execution":"e1"}"#),
        order("order_status", "AF-1", r#"{"filled":"3419","status":"filled"}"#),
        entry("mode", r#"{"mode":"REDUCE_ONLY","reason":"a mark is stale"}"#),
        entry("day_closed", DAY_CLOSED),
    ];
    journal.append(&lease, MONDAY, "run-1", &entries).await.unwrap();

    let text = |view: &str, columns: &str| {
        let cast: Vec<String> = columns.split(' ').map(|column| format!("CAST({column} AS TEXT)")).collect();
        (format!("SELECT {} FROM {view} ORDER BY seq, 1, 2", cast.join(", ")), cast.len())
    };
    let mut told = Vec::new();
    for (view, columns) in [
        ("orders", "trade_date order_ref contract side quantity limit_price status filled"),
        ("fills", "trade_date execution order_ref contract side quantity price commission commission_currency"),
        ("nav_history", "trade_date nav net_liquidation currency gross net drawdown volatility scale regime mode"),
        ("positions", "trade_date contract quantity quantity_at_broker mark"),
        ("targets", "trade_date contract weight held wanted today"),
        ("refusals", "trade_date code sentence"),
        ("modes", "trade_date mode reason"),
    ] {
        let (query, columns) = text(view, columns);
        told.extend(store.rows(&query, columns).await.into_iter().map(|row| format!("{view}: {row}")));
    }
    insta::allow_duplicates! {
        insta::assert_snapshot!(told.join("\n"), @r"
    orders: 2015-08-24 AF-1 CSPX BUY 3419 727.03 filled 3419
    fills: 2015-08-24 e1 AF-1 CSPX BUY 3419 727.01 12.50 USD
    fills: 2015-08-24 e2 AF-1 CSPX BUY 3419 727.01 - -
    nav_history: 2015-08-24 9996115.60 9996115.60 USD 4970747.92 -3522.15 0.0125 0.11 0.5 NORMAL NORMAL
    positions: 2015-08-24 CSPX 3419 3419 726.415
    positions: 2015-08-24 OLD 1 0 -
    targets: 2015-08-24 CSPX 0.25 0 3438 3419
    refusals: 2015-08-24 TURNOVER the rest carries over
    modes: 2015-08-24 REDUCE_ONLY a mark is stale
    ")
    };
}
