//! `diff`: what two recorded plans do not have in common.
//!
//! In: a journal, two trade dates. Out: rows of account, risk, contracts, orders and settings that differ. Invariant:
//! compares what was recorded; a row that is the same on both days is not shown.

use super::recorded::RecordedDay;
use super::records::Records;
use super::show;
use crate::cli::{DiffArgs, Global};
use crate::failure::Failure;
use crate::settings::values;
use console::decisions::{readable, table};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One value on both days; nothing where a day has none.
#[derive(Serialize)]
struct Row {
    about: &'static str,
    /// The contract, or the path of a setting.
    of: String,
    what: &'static str,
    before: Option<String>,
    after: Option<String>,
}

/// Values by group, subject and name.
type Values = BTreeMap<(&'static str, String, &'static str), String>;

pub async fn diff(global: &Global, args: &DiffArgs) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let (first, second) = (records.day(Some(args.first)).await?, records.day(Some(args.second)).await?);
    let rows = rows(&first, &second);
    if global.json {
        let [before, after] =
            [&first, &second].map(|day| serde_json::json!({ "date": day.date, "plan_hash": day.hash() }));
        return show(format!("{}\n", serde_json::json!({ "before": before, "after": after, "differences": rows })));
    }
    let heading = format!(
        "Plan {} of {} against plan {} of {}\n",
        &second.hash()[..12],
        second.date,
        &first.hash()[..12],
        first.date
    );
    if rows.is_empty() {
        return show(format!("{heading}Nothing differs.\n"));
    }
    let mut last = (String::new(), "");
    let cells = rows.iter().map(|row| {
        let about = if last.1 == row.about { "" } else { row.about };
        let of = if last == (row.of.clone(), row.about) { String::new() } else { row.of.clone() };
        last = (row.of.clone(), row.about);
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".into());
        vec![about.to_owned(), of, row.what.to_owned(), shown(&row.before), shown(&row.after)]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    let (before, after) = (first.date.to_string(), second.date.to_string());
    let page = table(&["", "of", "what", &before, &after], &cells, &[3, 4]);
    show(page.lines().fold(heading, |page, line| page + line.trim_end() + "\n"))
}

fn rows(first: &RecordedDay, second: &RecordedDay) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in [account, risk, contracts, orders, configuration] {
        let (before, after) = (group(first), group(second));
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        rows.extend(keys.into_iter().filter(|key| before.get(key) != after.get(key)).map(|key| Row {
            about: key.0,
            of: key.1.clone(),
            what: key.2,
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        }));
    }
    rows
}

fn account(day: &RecordedDay) -> Values {
    let base = day.setup.base.to_string();
    let nav = day.plan.nav.map_or_else(|| "unknown".into(), |nav| nav.to_string());
    let mode = day.plan.mode.to_string();
    let mut values = Values::from([(("account", base.clone(), "NAV"), nav), (("account", base, "mode"), mode)]);
    for (currency, rate) in day.inputs.fx.known().filter(|(currency, _)| *currency != day.inputs.fx.base()) {
        values.insert(("account", currency.to_string(), "rate"), rate.normalize().to_string());
    }
    values
}

fn risk(day: &RecordedDay) -> Values {
    let risk = &day.plan.risk;
    let some = |value: Option<f64>| value.map_or_else(|| "unknown".into(), readable);
    let rows: [(&'static str, String); 9] = [
        ("regime", risk.regime.name().to_owned()),
        ("drawdown", readable(risk.drawdown)),
        ("VIX", some(risk.vix)),
        ("volatility", some(risk.vol)),
        ("volatility scale", readable(risk.vol_scale)),
        ("state factor", readable(risk.state_factor)),
        ("momentum signal", some(risk.momentum)),
        ("momentum factor", readable(risk.momentum_factor)),
        ("scale", readable(risk.scale)),
    ];
    rows.into_iter().map(|(what, value)| (("risk", String::new(), what), value)).collect()
}

/// Everything held or wanted, column by column.
fn contracts(day: &RecordedDay) -> Values {
    let (universe, table) = (&day.setup.universe, &day.plan.table);
    let mut values = Values::new();
    for contract in universe.contracts() {
        let held = day.inputs.books.ledger().quantity(contract);
        if held.is_zero() && table.wanted[contract].is_zero() && table.verdict[contract].passes() {
            continue;
        }
        let codes: Vec<&str> = table.verdict[contract].failed().map(|check| check.code()).collect();
        let name = &universe.contract(contract).name;
        let columns = [
            ("1 weight", readable(table.weight[contract])),
            ("2 unit price", readable(table.unit_price[contract])),
            ("3 target value", readable(table.target_value[contract])),
            ("4 held", held.to_string()),
            ("5 netted", table.netted[contract].to_string()),
            ("6 wanted", table.wanted[contract].to_string()),
            ("7 today", table.scheduled[contract].to_string()),
            ("8 held back by", codes.join(", ")),
        ];
        values.extend(columns.map(|(what, value)| (("contract", name.clone(), what), value)));
    }
    values
}

fn orders(day: &RecordedDay) -> Values {
    let name = |contract| day.setup.universe.contract(contract).name.clone();
    let rows =
        day.plan.orders.iter().map(|order| (("orders", name(order.contract), "ordered"), order.quantity.to_string()));
    let purposes =
        day.plan.orders.iter().map(|order| (("orders", name(order.contract), "purpose"), order.purpose.to_string()));
    rows.chain(purposes).collect()
}

fn configuration(day: &RecordedDay) -> Values {
    let named = |path: String| path.strip_prefix("settings.").map(str::to_owned).unwrap_or(path);
    values(&day.configuration).into_iter().map(|(path, value)| (("settings", named(path), ""), value)).collect()
}
