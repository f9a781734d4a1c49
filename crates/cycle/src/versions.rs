//! Shapes of record bodies over the years: which version is written today, and how older ones are read.
//! In: a body as it was stored. Out: the same facts in today's shape.
//! Invariant: a step is pure and is never changed once a program with it was released; `tests/golden` keeps one body of
//! every version for ever.

use serde_json::Value;

/// Turns the body of one version into the body of the next.
pub type Upcast = fn(Value) -> Value;

/// The version of today's bodies by kind; a kind that is not here is at version 1.
///
/// To change a shape: raise the number here, add the step from the old version to [`UPCASTS`], and add a golden body.
pub const LATEST: [(&str, u16); 16] = [
    ("inputs", 1),
    ("plan", 1),
    ("booked", 1),
    ("command", 3),
    ("consequence", 1),
    ("pair", 1),
    ("execution", 1),
    ("commission", 1),
    ("admitted", 2),
    ("acknowledged", 1),
    ("order_status", 1),
    ("notice", 1),
    ("mode", 1),
    ("latched", 1),
    ("alert", 1),
    ("watchdog", 1),
];

/// Steps by kind and the version they start from.
pub const UPCASTS: &[(&str, u16, Upcast)] =
    &[("admitted", 1, with_unknown_spread), ("command", 1, with_a_limit), ("command", 2, with_contracts_of_a_spread)];

/// The first version did not note the spread at arrival.
fn with_unknown_spread(mut body: Value) -> Value {
    body["half_spread"] = Value::Null;
    body
}

/// The first version knew no orders for the closing auction.
fn with_a_limit(mut body: Value) -> Value {
    if body["command"] == "place" {
        body["order_type"] = Value::from("LMT");
    }
    body
}

/// The second version kept the two contracts of a spread by their number in the day's universe, not by name.
fn with_contracts_of_a_spread(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        for (before, now) in [("near", "near_contract"), ("far", "far_contract")] {
            let contract = fields.remove(before);
            fields.extend(contract.map(|contract| (now.to_owned(), contract)));
        }
    }
    body
}

/// The version a body of this kind is written in.
pub fn latest(kind: &str) -> u16 {
    LATEST.iter().find(|(name, _)| *name == kind).map_or(1, |(_, version)| *version)
}

/// A stored body in the shape of version `to`.
///
/// # Errors
/// A clause that says which version cannot be read: one of a newer program, or one that lost its step.
pub fn lift(kind: &str, stored: u16, to: u16, body: Value, upcasts: &[(&str, u16, Upcast)]) -> Result<Value, String> {
    if stored == 0 || stored > to {
        return Err(format!("this program reads versions 1 to {to}"));
    }
    (stored..to).try_fold(body, |body, version| {
        let step = upcasts.iter().find(|(name, from, _)| *name == kind && *from == version);
        step.map(|(_, _, upcast)| upcast(body)).ok_or(format!("there is no step from version {version}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::World;
    use crate::store;
    use ports::StoredRecord;
    use serde_json::json;
    use std::path::Path;

    /// Kinds whose bodies are whole tables of the day; their shape is proved by reading them back in the day's stories.
    const WHOLE_DAYS: [&str; 2] = ["inputs", "plan"];

    #[test]
    fn a_body_of_any_version_is_lifted_step_by_step() {
        let in_cents = |mut body: Value| {
            let cents = body["fee"].as_i64().unwrap() * 100;
            body["fee"] = json!(cents);
            body
        };
        let with_currency = |mut body: Value| {
            body["currency"] = json!("USD");
            body
        };
        let steps: [(&str, u16, Upcast); 3] = [("fee", 1, in_cents), ("fee", 2, with_currency), ("tax", 1, in_cents)];
        let today = json!({ "fee": 300, "currency": "USD" });
        assert_eq!(lift("fee", 1, 3, json!({ "fee": 3 }), &steps), Ok(today.clone()));
        assert_eq!(lift("fee", 2, 3, json!({ "fee": 300 }), &steps), Ok(today.clone()));
        assert_eq!(lift("fee", 3, 3, today.clone(), &steps), Ok(today));
        assert_eq!(lift("fee", 4, 3, json!({}), &steps), Err("this program reads versions 1 to 3".into()));
        assert_eq!(lift("tax", 1, 3, json!({ "fee": 1 }), &steps), Err("there is no step from version 2".into()));
    }

    #[test]
    fn every_version_of_every_kind_is_read_for_ever() {
        let world = World::first_day();
        let universe = &world.setup.universe;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        for (kind, latest) in LATEST.into_iter().filter(|(kind, _)| !WHOLE_DAYS.contains(kind)) {
            for version in 1..=latest {
                let path = folder.join(format!("{kind}@{version}.json"));
                #[expect(clippy::disallowed_methods, reason = "a test reads its golden files")]
                let body = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let (trade_date, at) = (world.date, world.decided_at());
                let stored = StoredRecord { seq: 1, trade_date, kind: kind.into(), version, at, body };
                let entry = store::entry(&stored, universe).unwrap().expect(kind);
                let today: Value = serde_json::from_str(&store::body(&entry, universe)).unwrap();
                let golden = serde_json::from_str(&stored.body).unwrap();
                assert_eq!(today, lift(kind, version, latest, golden, UPCASTS).unwrap(), "{kind}@{version}");
                assert_eq!(store::record(&entry, at, universe).version, latest);
            }
        }
    }

    #[test]
    fn a_record_of_a_newer_program_is_refused() {
        let world = World::first_day();
        let body = r#"{"mode":"FROZEN","reason":""}"#.to_owned();
        let (trade_date, at) = (world.date, world.decided_at());
        let stored = StoredRecord { seq: 7, trade_date, kind: "mode".into(), version: 2, at, body };
        let refused = store::entry(&stored, &world.setup.universe).unwrap_err();
        insta::assert_snapshot!(refused, @"record 7 (mode@2) cannot be read: this program reads versions 1 to 1; use the version that wrote it, or restore a backup");
    }
}
