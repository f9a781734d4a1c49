//! The same settings with some keys set otherwise.
//!
//! In: the text of settings, dotted keys with values. Out: text that says the same but for these. Invariant: only keys that
//! are there are set, and what comes of it is read and checked like any file of a person's.

use super::ConfigError;
use serde_json::Value;
use std::collections::BTreeMap;

/// The text with every key of `set` replaced; untouched when there is none.
pub(super) fn overlaid(file: &str, text: String, set: &BTreeMap<String, Value>) -> Result<String, ConfigError> {
    if set.is_empty() {
        return Ok(text);
    }
    let unreadable =
        |error: serde_saphyr::Error| ConfigError::Overlay { key: "its text".into(), problem: error.to_string() };
    let mut settings: Value = serde_saphyr::from_str(&text).map_err(unreadable)?;
    for (key, value) in set {
        *found(&mut settings, file, key)? = value.clone();
    }
    Ok(format!("{settings:#}"))
}

/// The place of a dotted key.
fn found<'a>(settings: &'a mut Value, file: &str, key: &str) -> Result<&'a mut Value, ConfigError> {
    let mut place = settings;
    for part in key.split('.') {
        let there: Vec<String> = match &*place {
            Value::Object(fields) => fields.keys().cloned().collect(),
            Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
            _ => Vec::new(),
        };
        let next = match place {
            Value::Object(fields) => fields.get_mut(part),
            Value::Array(items) => part.parse().ok().and_then(|index: usize| items.get_mut(index)),
            _ => None,
        };
        place = next.ok_or_else(|| ConfigError::Overlay {
            key: key.to_owned(),
            problem: format!("{file} has no `{part}` there; it has: {}", there.join(", ")),
        })?;
    }
    Ok(place)
}
