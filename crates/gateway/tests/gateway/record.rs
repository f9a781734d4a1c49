//! The record: a gateway that dies and comes back is the same broker.

use crate::support::*;
use gateway::{Control, Entry, Gateway, GatewayConfig, GatewayError, RecordError, read_record};
use ibapi::orders::Action;
use sim::Command;
use std::fs;
use std::path::Path;

async fn recorded(path: &Path) -> Result<Gateway, GatewayError> {
    Gateway::bind(loopback(), GatewayConfig { record: Some(path.to_owned()), ..GatewayConfig::default() }, world())
        .await
}

/// Trades a morning: one order fills in parts, one is cancelled, one stays.
async fn trade(gateway: &Gateway) {
    let mut control = gateway.control();
    control.advance_to(at(MORNING)).await.expect("time moves");
    let client = client(gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let (_, ask) = bid_ask(&client, &cspx).await;
    let limit = (ask * 1.001 * 100.0).round() / 100.0;
    client.submit_order(1, &cspx, &limit_order(Action::Buy, 2_500.0, limit)).await.expect("written");
    client.submit_order(2, &cspx, &limit_order(Action::Buy, 10.0, 400.0)).await.expect("written");
    client.submit_order(3, &cspx, &limit_order(Action::Buy, 10.0, 401.0)).await.expect("written");
    drop(client.cancel_order(2, "").await.expect("written"));
    client.server_time_millis().await.expect("the fence");
    control.advance_to(at("2025-07-07T09:00:00Z")).await.expect("time moves");
}

#[tokio::test]
async fn a_gateway_that_was_killed_comes_back_as_the_same_broker() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.jsonl");
    let gateway = recorded(&path).await.expect("a gateway");
    trade(&gateway).await;
    let (orders, executions) = (gateway.orders(), gateway.executions());
    assert!(executions.len() > 1 && orders.len() == 3, "{executions:?}");
    let busy = recorded(&path).await.expect_err("in use");
    assert!(matches!(busy, GatewayError::Record(RecordError::InUse(_))), "{busy}");
    gateway.close().await;

    // What a kill leaves at worst: the executions of the last command unwritten, and half a line.
    let text = fs::read_to_string(&path).expect("a record");
    let lines: Vec<&str> = text.lines().collect();
    let last_command = lines.iter().rposition(|line| line.contains(r#""kind":"command""#)).expect("a command");
    let mut torn = lines[..=last_command].join("\n") + "\n";
    torn += r#"{"seq":99,"che"#;
    fs::write(&path, torn).expect("written");

    let restored = recorded(&path).await.expect("the same broker");
    assert_eq!((restored.orders(), restored.executions()), (orders, executions.clone()));
    assert_eq!(restored.control().now().await.expect("the time"), at("2025-07-07T09:00:00Z"));
    let client = client(&restored, 1).await;
    assert_eq!(client.next_order_id(), 4, "ids go on");
    restored.close().await;
    assert_eq!(fs::read_to_string(&path).expect("a record"), text, "the missing executions are written again");

    let entries = read_record(&path).expect("an independent reader");
    let told = entries
        .iter()
        .filter_map(|entry| if let Entry::Execution(execution) = entry { Some(&execution.execution) } else { None });
    assert!(told.eq(executions.iter().map(|execution| &execution.id.0)));
    let placed = |entry: &&Entry| matches!(entry, Entry::Command { by: Some(1), command: Command::Place { .. }, .. });
    assert_eq!(entries.iter().filter(placed).count(), 3);
}

#[tokio::test]
async fn a_record_of_another_world_or_with_a_wound_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.jsonl");
    let gateway = recorded(&path).await.expect("a gateway");
    trade(&gateway).await;
    gateway.close().await;
    let sound = fs::read_to_string(&path).expect("a record");

    let mut other = world();
    other.seed = 8;
    let refused =
        Gateway::bind(loopback(), GatewayConfig { record: Some(path.clone()), ..GatewayConfig::default() }, other)
            .await
            .expect_err("another world");
    assert!(matches!(&refused, GatewayError::Record(RecordError::OtherRun { .. })), "{refused}");

    let without_line_3 =
        sound.lines().enumerate().filter(|(i, _)| *i != 2).map(|(_, line)| format!("{line}\n")).collect();
    let wounds: [(&str, String); 4] = [
        ("a changed time", sound.replacen("T08:00:00Z", "T08:00:15Z", 1)),
        ("a lost line", without_line_3),
        ("a foreign line", sound.replacen('\n', "\nhello\n", 1)),
        ("not a record", "hello\n".to_owned()),
    ];
    let mut lines = Vec::new();
    for (name, text) in wounds {
        assert_ne!(text, sound, "{name}");
        fs::write(&path, text).expect("written");
        let refused = recorded(&path).await.expect_err(name);
        assert!(matches!(&refused, GatewayError::Record(RecordError::Damaged { .. })), "{refused}");
        lines.push(format!("{name}: {}", refused.to_string().replace(&path.display().to_string(), "FILE")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    a changed time: record FILE, line 2: its checksum does not fit its content and the lines before it; the file is damaged: restore it from a copy or name a new file
    a lost line: record FILE, line 3: it is numbered 4 where 3 was expected; the file is damaged: restore it from a copy or name a new file
    a foreign line: record FILE, line 2: it cannot be read (expected value at line 1 column 1); the file is damaged: restore it from a copy or name a new file
    not a record: record FILE, line 1: it cannot be read (expected value at line 1 column 1); the file is damaged: restore it from a copy or name a new file
    ");
}
