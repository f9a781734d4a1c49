//! `config reference`: every key of the settings, as a page.
//!
//! In: the JSON Schema of the settings, the values that are built in. Out: a section for each group of keys, a table in each.
//! Invariant: nothing is told here that the schema does not hold.

use super::show;
use crate::cli::Global;
use crate::failure::Failure;
use crate::settings;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Longest value that is printed; of longer ones `config show` prints all.
const VALUE_MAX: usize = 40;

/// One key.
#[derive(Debug, Serialize)]
struct Row {
    /// With its sections; `<name>` stands for a name of your own.
    key: String,
    /// The value built in; null where that is null, or where it is a whole section.
    value: Value,
    /// What it may be.
    may_be: String,
    /// What it is.
    what: String,
}

/// A group of keys: a section of the settings, or a shape that several may have.
#[derive(Debug, Serialize)]
struct Section {
    name: String,
    what: String,
    rows: Vec<Row>,
}

/// Prints it.
pub fn reference(global: &Global) -> Result<(), Failure> {
    let loaded = settings::load(None)?;
    let values: Value = serde_json::from_str(&loaded.canonical_json()).expect("just written");
    let schema = serde_json::to_value(settings::schema()).expect("plain data");
    let sections = Reader { schema: &schema }.sections(&values["settings"]);
    show(match global.json {
        true => format!("{}\n", serde_json::json!({ "sections": sections })),
        false => page(&sections),
    })
}

struct Reader<'a> {
    schema: &'a Value,
}

impl Reader<'_> {
    fn sections(&self, values: &Value) -> Vec<Section> {
        let (mut general, mut sections) = (Vec::new(), Vec::new());
        for (name, node) in fields(self.schema) {
            let shape = self.resolved(node);
            match fields(shape).next() {
                None if shape["additionalProperties"].is_object() => sections.extend(self.named(name, node, shape)),
                None => general.push(self.row(name, node, &values[name])),
                Some(_) => {
                    let mut rows = Vec::new();
                    self.walk(name, shape, &values[name], &mut rows);
                    sections.push(Section { name: name.clone(), what: text(node), rows });
                }
            }
        }
        let what = "The keys that stand by themselves.".to_owned();
        sections.insert(0, Section { name: "Whole portfolio".into(), what, rows: general });
        sections
    }

    /// A section whose keys are names of your own: one table for each shape that an entry may have.
    fn named(&self, name: &str, node: &Value, shape: &Value) -> Vec<Section> {
        let entry = self.resolved(&shape["additionalProperties"]);
        let kinds: Vec<&Value> = entry["oneOf"].as_array().map_or_else(|| vec![entry], |kinds| kinds.iter().collect());
        let table = |kind: &&Value| {
            let word = kind["properties"]["kind"]["const"].as_str();
            let mut rows = Vec::new();
            self.walk(&format!("{name}.<name>"), kind, &Value::Null, &mut rows);
            let name = word.map_or_else(|| name.to_owned(), |word| format!("{name}: {word}"));
            Section { name, what: text(kind), rows }
        };
        let opening = Section { name: name.to_owned(), what: text(node), rows: Vec::new() };
        std::iter::once(opening).chain(kinds.iter().map(table)).collect()
    }

    fn walk(&self, prefix: &str, shape: &Value, values: &Value, rows: &mut Vec<Row>) {
        for (name, node) in fields(shape) {
            let key = format!("{prefix}.{name}");
            let inner = self.resolved(node);
            rows.push(self.row(&key, node, &values[name]));
            self.walk(&key, inner, &values[name], rows);
            self.walk(&format!("{key}[]"), self.resolved(&inner["items"]), &Value::Null, rows);
        }
    }

    fn row(&self, key: &str, node: &Value, value: &Value) -> Row {
        let value = if value.is_object() { Value::Null } else { value.clone() };
        Row { key: key.to_owned(), value, may_be: self.may_be(node), what: text(node) }
    }

    /// What a node may be, in words.
    fn may_be(&self, node: &Value) -> String {
        let shape = self.resolved(node);
        let null = if may_be_null(node) || may_be_null(shape) { ", or null" } else { "" };
        let words = |key: &str| -> Vec<String> {
            let of = shape[key].as_array().into_iter().flatten();
            of.filter_map(|one| one.as_str().or(one["const"].as_str()).map(|word| format!("`{word}`"))).collect()
        };
        let (constants, listed) = (words("oneOf"), words("enum"));
        let kind = match &shape["type"] {
            Value::Array(kinds) => kinds.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")),
            one => one.as_str(),
        };
        let what = match (constants.is_empty(), listed.is_empty(), kind) {
            (false, _, _) => constants.join(", "),
            (_, false, _) => listed.join(", "),
            _ if !shape["const"].is_null() => format!("`{}`", shape["const"].as_str().unwrap_or_default()),
            (_, _, Some(kind @ ("number" | "integer"))) => self.range(shape, kind),
            (_, _, Some("string")) => "text".to_owned(),
            (_, _, Some("boolean")) => "`true`, `false`".to_owned(),
            (_, _, Some("array")) => format!("a list of: {}", self.may_be(&shape["items"])),
            (_, _, Some("object")) if shape["additionalProperties"].is_object() => {
                "names, each with a value".to_owned()
            }
            (_, _, Some("object")) => "a section".to_owned(),
            _ => {
                let either = shape["anyOf"].as_array().into_iter().flatten();
                either.map(|one| self.may_be(one)).collect::<Vec<_>>().join(", or ")
            }
        };
        what + null
    }

    fn range(&self, shape: &Value, kind: &str) -> String {
        let what = if kind == "integer" { "whole number" } else { "number" };
        let end = |key: &str| shape[key].as_f64().map(|end| end.to_string());
        match (end("minimum"), end("maximum")) {
            (Some(least), Some(most)) => format!("{what}, {least} to {most}"),
            (Some(least), None) => format!("{what}, {least} or more"),
            (None, Some(most)) => format!("{what}, {most} or less"),
            (None, None) => what.to_owned(),
        }
    }

    /// The shape a node refers to, itself or beside null.
    fn resolved<'a>(&'a self, node: &'a Value) -> &'a Value {
        let alternatives = node["anyOf"].as_array().into_iter().flatten();
        let own = alternatives.filter(|one| one["type"] != "null").find(|one| !one["$ref"].is_null());
        match own.unwrap_or(node)["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            Some(name) => &self.schema["$defs"][name],
            None => node,
        }
    }
}

fn fields(shape: &Value) -> impl Iterator<Item = (&String, &Value)> {
    shape["properties"].as_object().into_iter().flatten()
}

fn may_be_null(node: &Value) -> bool {
    let any = |key: &str| node[key].as_array().into_iter().flatten();
    any("anyOf").any(|one| one["type"] == "null") || any("type").any(|kind| kind == "null")
}

fn text(node: &Value) -> String {
    node["description"].as_str().unwrap_or_default().replace('\n', " ")
}

/// The sections as a page of Markdown.
fn page(sections: &[Section]) -> String {
    let mut page = String::new();
    for Section { name, what, rows } in sections {
        write!(page, "\n## {name}\n\n{what}\n").expect("a string");
        if rows.is_empty() {
            continue;
        }
        page.push_str("\n| key | built in | may be | what it is |\n|---|---|---|---|\n");
        let shared: BTreeSet<&str> = rows.iter().map(|row| row.key.split('.').next().unwrap_or_default()).collect();
        let prefix = if shared.len() == 1 { rows[0].key.split('.').next().unwrap_or_default() } else { "" };
        for Row { key, value, may_be, what } in rows {
            let key = key.strip_prefix(prefix).and_then(|key| key.strip_prefix('.')).unwrap_or(key);
            writeln!(page, "| `{key}` | {} | {may_be} | {} |", cell(value), what.replace('|', "\\|"))
                .expect("a string");
        }
    }
    page
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => {
            let time = text.starts_with("PT").then(|| text.parse::<SignedDuration>());
            time.and_then(Result::ok).map_or_else(|| text.clone(), |time| format!("{time:#}"))
        }
        other => other.to_string(),
    };
    match value {
        Value::Null => "–".to_owned(),
        _ if text.len() > VALUE_MAX => "several".to_owned(),
        _ => format!("`{text}`"),
    }
}
