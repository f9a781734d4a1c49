//! Alerts: rules, routes and runbooks against each other, and against Prometheus and Alertmanager themselves.
//!
//! In: the files under deploy/, the book, the built program. Out: an alert at a webhook. Invariant: without Prometheus'
//! programs a story says that it is skipped; with AF_NEED_PROMETHEUS it fails instead.
#![allow(clippy::disallowed_methods, reason = "runs programs and reads the repository")]

mod common;
#[path = "common/monitors.rs"]
mod monitors;

use common::Stage;
use monitors::{Monitor, Served, deployed, free_address, get, installed};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

/// The values of a key in rules or tests of rules.
fn values(text: &str, key: &str) -> Vec<String> {
    let marked = format!("{key}: ");
    text.lines()
        .filter_map(|line| line.trim_start_matches([' ', '-', '{']).strip_prefix(&marked))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_alert_says_what_it_means_and_has_a_runbook_and_a_test() {
    let (rules, tests, book) =
        (deployed("prometheus/rules.yml"), deployed("prometheus/rules_test.yml"), deployed("../docs/runbooks.md"));
    let alerts = values(&rules, "alert");
    assert!(alerts.len() > 20);
    for key in ["summary", "impact", "action", "runbook", "labels"] {
        assert_eq!(values(&rules, key).len(), alerts.len(), "every alert has one {key}");
    }
    let links: Vec<String> = alerts.iter().map(|name| format!("docs/runbooks.md#{}", name.to_lowercase())).collect();
    assert_eq!(values(&rules, "runbook"), links);
    let sections: Vec<&str> = book.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections, alerts, "docs/runbooks.md has a section for each alert, in their order");
    let fired: BTreeSet<String> = values(&tests, "alertname").into_iter().collect();
    assert_eq!(fired, alerts.iter().cloned().collect(), "prometheus/rules_test.yml makes each alert fire");
    for rule in rules.split("- alert: ").skip(1) {
        assert!(rule.contains("`abstractfinance "), "names the next command: {rule}");
    }
}

/// A runbook that names a command that does not exist is worse than none.
#[test]
fn every_command_in_the_runbooks_exists() {
    let stage = Stage::new();
    let text = deployed("prometheus/rules.yml") + &deployed("../docs/runbooks.md");
    let told: BTreeSet<String> = text
        .split('`')
        .filter_map(|code| code.strip_prefix("abstractfinance "))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.starts_with("..."))
        .collect();
    assert!(told.len() > 15);
    for line in told {
        let mut words: Vec<&str> =
            line.split(' ').take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).collect();
        words.push("--help");
        let help = stage.run(&words.join(" "));
        assert_eq!(help.code, 0, "`abstractfinance {line}`: {}", help.err);
        for option in line.split(' ').filter(|word| word.starts_with("--")) {
            assert!(help.out.contains(option), "`abstractfinance {line}`: there is no {option}");
        }
    }
}

#[test]
fn prometheus_and_alertmanager_accept_what_they_are_given() {
    let (Some(promtool), Some(amtool)) = (installed("promtool"), installed("amtool")) else { return };
    let folder = common::repository().join("deploy");
    let says = |program: &std::path::Path, line: &str| {
        let output = Command::new(program).args(line.split(' ')).current_dir(&folder).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{line}:\n{text}");
    };
    says(&promtool, "check config prometheus/prometheus.yml");
    says(&promtool, "check rules --lint-fatal prometheus/rules.yml");
    says(&promtool, "test rules prometheus/rules_test.yml");
    says(&amtool, "check-config alertmanager/alertmanager.yml");
    for (severity, receiver) in [("page", "page"), ("look", "look"), ("heartbeat", "heartbeat"), ("unknown", "look")] {
        let line = format!(
            "config routes test --config.file alertmanager/alertmanager.yml --verify.receivers={receiver} \
             severity={severity}"
        );
        says(&amtool, &line);
    }
}

/// The engine halts in the middle of its day; Prometheus reads it, the rule fires, Alertmanager tells a webhook what
/// happened, what it means and what to do.
#[test]
fn a_halt_reaches_a_person() {
    let programs = ["prometheus", "prometheus-alertmanager"].map(installed);
    let [Some(prometheus), Some(alertmanager)] = programs else { return };
    let stage = Stage::new();
    std::fs::write(stage.path("faults.jsonl"), HALT).unwrap();
    let engine = Served::start(stage.command(
        "demo --days 2 --serve --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --faults faults.jsonl --state-dir state",
    ));
    let webhook = monitors::Webhook::listen();
    let (am, prom) = (free_address(), free_address());

    let routes = deployed("alertmanager/alertmanager.yml")
        .replace("smtp.example.org:587", "127.0.0.1:1")
        .replace("group_wait: 10s", "group_wait: 0s")
        .replace("group_interval: 1m", "group_interval: 1s")
        .replace("http://heartbeat.example.org/abstractfinance", &format!("{}/heartbeat", webhook.url))
        .replace(
            "  - name: page\n",
            &format!("  - name: page\n    webhook_configs: [{{url: \"{}/page\"}}]\n", webhook.url),
        );
    std::fs::write(stage.path("alertmanager.yml"), routes).unwrap();
    let _alertmanager = Monitor::start(
        Command::new(alertmanager).args([
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            "--cluster.listen-address=",
            &format!("--web.listen-address={am}"),
        ]),
        &stage.path(""),
    );
    let config = deployed("prometheus/prometheus.yml")
        .replace(": 15s", ": 1s")
        .replace("trading-engine:8000", &engine.address)
        .replace("alertmanager:9093", &am);
    std::fs::write(stage.path("prometheus.yml"), config).unwrap();
    std::fs::write(stage.path("rules.yml"), deployed("prometheus/rules.yml")).unwrap();
    let _prometheus = Monitor::start(
        Command::new(prometheus).args([
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            &format!("--web.listen-address={prom}"),
        ]),
        &stage.path(""),
    );

    let deadline = Instant::now() + Duration::from_secs(240);
    let page = loop {
        assert!(Instant::now() < deadline, "no alert came; Prometheus says {:?}", get(&prom, "/api/v1/alerts"));
        match webhook.next(Duration::from_secs(1)) {
            Some((path, body)) if path == "/page" && body.contains("ModeHalted") => break body,
            _ => {}
        }
    };
    let told: serde_json::Value = serde_json::from_str(&page).unwrap();
    let halted = told["alerts"].as_array().unwrap().iter().find(|alert| alert["labels"]["alertname"] == "ModeHalted");
    let annotations = &halted.unwrap()["annotations"];
    assert_eq!(annotations["summary"], "The engine is halted (CANCEL_ONLY).");
    assert!(annotations["action"].as_str().unwrap().contains("abstractfinance reconcile --explain"));
    while !webhook
        .next(deadline.saturating_duration_since(Instant::now()))
        .expect("the dead man's call")
        .0
        .ends_with("beat")
    {}
}

/// Before the second day the broker's list of positions is empty: that is not a flat account, and the day halts.
const HALT: &str = "{\"at\": \"2026-03-03T05:00:00Z\", \"inject\": {\"empty_positions\": {}}}\n";
