//! What changed between two settings, and which changes loosen a limit.
//!
//! In: two documents of settings. Out: changes, key by key. Invariant: pure; every limit is a row of one table, and a
//! change of one that cannot be compared counts as loosened.

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What makes a limit looser.
#[derive(Clone, Copy)]
enum Looser {
    /// A higher number, `true`, or none at all.
    Higher,
    /// A lower number.
    Lower,
    /// A later word of these.
    Later(&'static [&'static str]),
    /// A list that lacks one of its entries.
    Fewer,
    /// A list with an entry it did not have.
    More,
}
use Looser::{Fewer, Higher, Later, Lower, More};

/// Every limit; a name of a section stands for all keys in it that have no row of their own.
const LIMITS: &[(&str, Looser)] = &[
    ("mode", Later(&["simulated", "paper", "live"])),
    ("approval", Higher),
    ("approval.auto_regimes", More),
    ("approval.mode", Later(&["manual", "auto"])),
    ("broker.maintenance", Fewer),
    ("broker.maintenance_guard_minutes", Lower),
    ("vol_target_annual", Higher),
    ("gross_leverage_max", Higher),
    ("net_leverage_max", Higher),
    ("max_drawdown_pct", Higher),
    ("crisis", Higher),
    ("data.max_jump", Higher),
    ("data.stale_mark_sessions", Higher),
    ("execution.allow_market_orders", Higher),
    ("execution.collar_ticks_min", Higher),
    ("execution.default_max_slippage_bps", Higher),
    ("execution.max_slippage_bps_by_asset_class", Higher),
    ("execution_safety", Higher),
    ("execution_safety.min_excess_liquidity_pct_nav", Lower),
    ("execution_safety.restricted", Fewer),
    ("fx.hedge_ratio", Lower),
    ("fx.max_age_hours", Higher),
    ("fx.max_jump", Higher),
    ("fx.source_gap_bps", Higher),
    ("fx.triangular_gap_bps", Higher),
    ("fx.unhedged_max_nav_pct", Higher),
    ("hysteresis", Higher),
    ("hysteresis.regime_persistence_days", Lower),
    ("reconciliation", Higher),
    ("risk", Higher),
    ("risk_states", Higher),
    ("rolls.deadline_sessions", Lower),
    ("volatility.degraded_scale_max", Higher),
    ("volatility.vol_floor", Lower),
    ("volatility.vol_scale_max", Higher),
    ("watchdog", Higher),
    ("watchdog.margin_cushion_min", Lower),
];

/// One key that has another value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The key, with its sections.
    pub key: String,
    /// The value it had; null when there was none.
    pub before: Value,
    /// The value it has; null when there is none.
    pub after: Value,
    /// The engine may do more than before.
    pub loosens: bool,
}

/// The differences of two documents in the order of their keys.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let (before, after) = (leaves(before), leaves(after));
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let value = |of: &BTreeMap<String, Value>, key: &str| of.get(key).cloned().unwrap_or_default();
    let mut changes: Vec<Change> = keys
        .map(|key| (key, value(&before, key), value(&after, key)))
        .filter(|(_, before, after)| before != after)
        .map(|(key, before, after)| {
            let loosens = limit(key).is_some_and(|looser| loosens(looser, &before, &after));
            Change { key: key.clone(), before, after, loosens }
        })
        .collect();
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

/// Values by their dotted keys; a list is one value.
fn leaves(document: &Value) -> BTreeMap<String, Value> {
    fn walk(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
        let Value::Object(section) = value else {
            into.insert(path.to_owned(), value.clone());
            return;
        };
        for (key, value) in section {
            walk(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, into);
        }
    }
    let mut found = BTreeMap::new();
    walk("", document, &mut found);
    found
}

/// The row of a key: its own, or that of the nearest section around it.
fn limit(key: &str) -> Option<Looser> {
    let rows = LIMITS
        .iter()
        .filter(|(name, _)| key == *name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    rows.max_by_key(|(name, _)| name.len()).map(|(_, looser)| *looser)
}

fn loosens(looser: Looser, before: &Value, after: &Value) -> bool {
    let compared =
        |more: fn(f64, f64) -> bool| size(before).zip(size(after)).is_none_or(|(before, after)| more(after, before));
    match looser {
        Higher if after.is_null() || before.is_null() => after.is_null(),
        Higher => compared(|after, before| after > before),
        Lower => compared(|after, before| after < before),
        Later(words) => {
            let rank = |value: &Value| value.as_str().and_then(|word| words.iter().position(|known| *known == word));
            rank(before).zip(rank(after)).is_none_or(|(before, after)| after > before)
        }
        Fewer => lacks(after, before),
        More => lacks(before, after),
    }
}

/// Whether a list has not every entry of another.
fn lacks(list: &Value, of: &Value) -> bool {
    let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let kept = entries(list);
    entries(of).iter().any(|entry| !kept.contains(entry))
}

/// A number, a truth, or a length of time, to be compared.
fn size(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::String(text) => text.parse().ok().or_else(|| Some(text.parse::<SignedDuration>().ok()?.as_secs_f64())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        serde_json::to_value(load(None).unwrap().settings).unwrap()
    }

    /// The built-in settings with one key changed, and whether that loosens.
    fn changed(pointer: &str, to: Value) -> bool {
        let (before, mut after) = (document(), document());
        *after.pointer_mut(pointer).expect(pointer) = to;
        let changes = changes(&before, &after);
        assert_eq!(changes.len(), 1, "{changes:?}");
        changes[0].loosens
    }

    /// A list of the built-in settings with its first entry once more.
    fn twice(pointer: &str) -> Vec<Value> {
        let list = document().pointer(pointer).expect(pointer).as_array().expect("a list").clone();
        list.iter().chain(list.first()).cloned().collect()
    }

    #[test]
    fn a_limit_loosens_in_one_direction_and_everything_else_in_none() {
        assert!(changes(&document(), &document()).is_empty());
        for (pointer, looser, tighter) in [
            ("/gross_leverage_max", json!(2.5), json!(1.5)),
            ("/execution_safety/min_excess_liquidity_pct_nav", json!(0.1), json!(0.2)),
            ("/reconciliation/cash_tolerance", json!("2.00"), json!("0.50")),
            ("/watchdog/clock_skew_max", json!("PT60S"), json!("PT10S")),
            ("/watchdog/margin_cushion_min", json!(0.1), json!(0.2)),
            ("/risk/hard_stop_drawdown", json!(null), json!(0.12)),
            ("/data/max_jump/ETF", json!(0.2), json!(0.1)),
            ("/fx/hedge_ratio", json!(0.5), json!(1.2)),
            ("/approval/auto_orders_max", json!(251), json!(0)),
            ("/broker/maintenance_guard_minutes", json!(9), json!(11)),
            ("/broker/maintenance", json!([]), json!(twice("/broker/maintenance"))),
        ] {
            assert!(changed(pointer, looser), "{pointer}");
            assert!(!changed(pointer, tighter), "{pointer}");
        }
        assert!(!changed("/approval/mode", json!("manual")) && !changed("/approval/auto_regimes", json!(["normal"])));
        assert!(changed("/mode", json!("live")) && changed("/execution/allow_market_orders", json!(true)));
        assert!(!changed("/schedule/run_at", json!("07:00:00")) && !changed("/sleeves/cash_buffer/weight", json!(0.1)));
        assert!(changed("/risk_states/crisis", json!("a word")), "what cannot be compared counts as loosened");

        let (mut before, mut after) = (document(), document());
        before["execution_safety"]["restricted"] = json!(["CSPX", "CS51"]);
        after["execution_safety"]["restricted"] = json!(["CS51", "ES"]);
        assert!(changes(&before, &after)[0].loosens, "one of the old names may be bought again");
        let (mut before, after) = (document(), document());
        before["approval"]["mode"] = json!("manual");
        before["approval"]["auto_regimes"] = json!(["normal"]);
        assert!(changes(&before, &after).iter().all(|change| change.loosens), "more plans approve themselves");
    }

    #[test]
    fn every_row_names_what_the_settings_have() {
        let document = document();
        for (name, _) in LIMITS {
            let pointer = format!("/{}", name.replace('.', "/"));
            assert!(document.pointer(&pointer).is_some(), "{name}");
        }
    }
}
