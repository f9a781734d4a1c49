//! The JSON Schema that editors read.
//!
//! In: the schema, settings with and without a fault. Out: whether an editor would accept them. Invariant: the settings
//! that come with the program fit.

use super::super::*;
use super::CORE_PAIR;
use serde_json::Value;

/// Checks a document against the parts of JSON Schema that `schemars` writes; enough to see that an editor would
/// accept the built-in settings and flag an unknown key.
fn check(root: &Value, schema: &Value, document: &Value, path: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).ok_or(format!("{path}: dangling {reference}"))?;
        return check(root, target, document, path);
    }
    if let Some(variants) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let accepted = variants.iter().any(|variant| check(root, variant, document, path).is_ok());
        return if accepted { Ok(()) } else { Err(format!("{path}: no variant fits {document}")) };
    }
    let named = |name: &Value| match name.as_str() {
        Some("integer") => document.is_u64(),
        Some("number") => document.is_number(),
        Some("string") => document.is_string(),
        Some("boolean") => document.is_boolean(),
        Some("null") => document.is_null(),
        Some("array") => document.is_array(),
        _ => document.is_object(),
    };
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(named),
        name => named(name),
    };
    let constant = schema["const"].is_null() || schema["const"] == *document;
    let listed = schema["enum"].as_array().is_none_or(|known| known.contains(document));
    let high = schema["maximum"].as_f64().zip(document.as_f64()).is_some_and(|(most, value)| value > most);
    if !fits || !constant || !listed || high {
        return Err(format!("{path}: {document} does not fit {schema}"));
    }
    for (index, item) in document.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{path}[{index}]"))?;
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        document.get(key).ok_or(format!("{path}: {key} is missing"))?;
    }
    for (key, value) in document.as_object().into_iter().flatten() {
        let known =
            schema["properties"].get(key).or(schema.get("additionalProperties").filter(|rest| rest.is_object()));
        let known = known.ok_or(format!("{path}: {key} is unknown"))?;
        check(root, known, value, &format!("{path}.{key}"))?;
    }
    Ok(())
}

#[test]
fn the_schema_describes_the_built_in_settings() {
    let schema = schema().to_value();
    let document: Value = serde_saphyr::from_str(BUILT_IN_SETTINGS).unwrap();
    check(&schema, &schema, &document, "").unwrap();
    let broken = |from: &str, to: &str| {
        let document: Value = serde_saphyr::from_str(&CORE_PAIR.replacen(from, to, 1)).unwrap();
        check(&schema, &schema, &document, "").unwrap_err()
    };
    assert_eq!(broken("hedge_ratio", "hedge_ration"), ".fx: hedge_ratio is missing");
    assert!(
        broken("vol_target_annual: 0.12", "vol_target_annual: 12").starts_with(".vol_target_annual: 12 does not fit")
    );
}
