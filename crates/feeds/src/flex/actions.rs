//! What happened to contracts: splits, changes of the contract's key, options that ended.
//!
//! In: rows of `CorporateActions` and `OptionEAE`. Out: lines. Invariant: a split's ratio is the one the description
//! states, never one computed from quantities; a renaming changes no number of shares; an action of any other type is named
//! and stays unread, because it needs a person.

use super::row::{Row, each};
use domain::Money;
use ports::{Activity, OptionEnd, StatementLine};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

type Lines = Result<Vec<StatementLine>, String>;

/// What an action of a type does. `IC` is a change of the contract's key; `TC` is a merger, and some statements write a
/// change of the key so, too. `PV` is a vote and does nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Split,
    Rename,
    Nothing,
}

const ACTIONS: &[(&str, Does)] =
    &[("FS", Does::Split), ("RS", Does::Split), ("TC", Does::Rename), ("IC", Does::Rename), ("PV", Does::Nothing)];

/// Words of an action that gives something else for a holding.
const EXCHANGED: [&str; 6] = ["MERGED", "MERGER", "ACQUISITION", "ACQUIRED", "TENDER", "EXCHANGED"];

/// `CorporateActions`. One action has a row, or two when the contract gets a new key: the old line goes, a new one comes.
pub(super) fn corporate_actions(rows: &[Row<'_>]) -> Vec<StatementLine> {
    let mut actions: BTreeMap<&str, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        actions.entry(row.text("actionID").or(row.text("transactionID")).unwrap_or("")).or_default().push(row);
    }
    let lines = |rows: &Vec<&Row<'_>>| action(rows).unwrap_or_else(|problem| vec![rows[0].unread(problem)]);
    actions.values().flat_map(lines).collect()
}

fn action(rows: &[&Row<'_>]) -> Lines {
    let first = rows[0];
    let kind = first.required("type")?;
    let known = ACTIONS.iter().find(|(name, _)| *name == kind);
    let unknown = || first.wrong(format!("is of type `{kind}`, which needs a person; book it by hand"));
    let (_, does) = known.ok_or_else(unknown)?;
    if rows.iter().any(|row| row.codes().any(|code| code == "Ca")) {
        return Err(first.wrong("takes an earlier action back; book it by hand"));
    }
    if rows.iter().any(|row| row.text("type") != Some(kind)) || rows.len() > 2 {
        return Err(first.wrong("has rows that do not belong together; book it by hand"));
    }
    let cash = rows.iter().map(|row| row.number("proceeds")).collect::<Result<Vec<_>, _>>()?;
    if *does != Does::Nothing && cash.iter().flatten().any(|cash| !cash.is_zero()) {
        return Err(first.wrong("also pays cash; book it by hand"));
    }
    let (old, new) = old_and_new(rows)?;
    let date = old.date(&["reportDate", "dateTime"])?;
    let id = old.required("transactionID")?;
    let mut lines = Vec::new();
    if *does == Does::Split {
        let (numerator, denominator) = ratio(old)?;
        lines.push(old.line(id.to_owned(), date, Activity::Split { numerator, denominator })?);
    }
    match (does, new) {
        (Does::Nothing, _) | (Does::Split, None) => {}
        (Does::Rename, None) => return Err(old.wrong("names no successor; book it by hand")),
        (does, Some(new)) => {
            if *does == Does::Rename {
                only_renamed(old, new)?;
            }
            let successor_con_id = new.con_id()?.ok_or_else(|| new.wrong("has no conid"))?;
            lines.push(old.line(format!("{id}/renamed"), date, Activity::Renamed { successor_con_id })?);
        }
    }
    Ok(lines)
}

/// The row of the line that goes, and of the line that comes. The broker marks the first with `.OLD`, or begins the
/// description with its symbol.
fn old_and_new<'r, 'a>(rows: &[&'r Row<'a>]) -> Result<(&'r Row<'a>, Option<&'r Row<'a>>), String> {
    let &[one, other] = rows else { return Ok((rows[0], None)) };
    if one.con_id()? == other.con_id()? {
        return Err(one.wrong("has two rows of one contract; book it by hand"));
    }
    let marked = |row: &Row<'_>| row.text("symbol").is_some_and(|symbol| symbol.ends_with(".OLD"));
    let leads = |row: &Row<'_>| {
        let leading = described(row).and_then(|text| text.split_once('(')).map(|(symbol, _)| symbol.trim());
        leading.is_some() && leading == row.text("symbol")
    };
    let [first, second] = match (marked(one), marked(other)) {
        (true, false) => [one, other],
        (false, true) => [other, one],
        _ if leads(one) && !leads(other) => [one, other],
        _ if leads(other) && !leads(one) => [other, one],
        _ => return Err(one.wrong("does not say which contract went and which came; book it by hand")),
    };
    Ok((first, Some(second)))
}

/// Refuses what is no mere change of the key: everything that was held goes on, and as many.
fn only_renamed(old: &Row<'_>, new: &Row<'_>) -> Result<(), String> {
    let words = [old, new].into_iter().flat_map(|row| [row.text("actionDescription"), row.text("description")]);
    let text = words.flatten().collect::<Vec<_>>().join(" ").to_uppercase();
    let exchanged = EXCHANGED.iter().find(|word| text.contains(*word));
    let (gone, came) = (old.required_number("quantity")?, new.required_number("quantity")?);
    match exchanged {
        Some(word) => Err(old.wrong(format!("says {word}, which needs a person; book it by hand"))),
        None if gone != -came => Err(old.wrong(format!(
            "gives {came} for {gone}, which is no change of the contract's key and needs a person; book it by hand"
        ))),
        None => Ok(()),
    }
}

fn described<'a>(row: &Row<'a>) -> Option<&'a str> {
    row.text("actionDescription").or(row.text("description"))
}

/// New shares for old ones, from `… SPLIT 3 FOR 2 …` or `… SPLIT 1.5 FOR 1 …`.
fn ratio(row: &Row<'_>) -> Result<(u32, u32), String> {
    let text = described(row).unwrap_or_default().to_uppercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let stated = words.windows(4).find(|words| words[0].ends_with("SPLIT") && words[2] == "FOR");
    let stated = stated.and_then(|words| Some((words[1].parse().ok()?, words[3].parse().ok()?)));
    let ratio = stated.and_then(|(new, old): (Decimal, Decimal)| whole_ratio(new, old));
    ratio.ok_or_else(|| row.wrong("states no ratio like `SPLIT 2 FOR 1`; book it by hand"))
}

fn whole_ratio(new: Decimal, old: Decimal) -> Option<(u32, u32)> {
    let scale = Decimal::from(10_u64.checked_pow(new.scale().max(old.scale()))?);
    let (new, old) = (new.checked_mul(scale)?.to_u64()?, old.checked_mul(scale)?.to_u64()?);
    if new == 0 || old == 0 {
        return None;
    }
    let (mut common, mut rest) = (new, old);
    while rest != 0 {
        (common, rest) = (rest, common % rest);
    }
    Some((u32::try_from(new / common).ok()?, u32::try_from(old / common).ok()?))
}

/// `OptionEAE`: exercises, assignments, expirations. Shares that were delivered have rows of their own here; they are
/// executions, and executions come from the API.
pub(super) fn options(rows: &[Row<'_>]) -> Vec<StatementLine> {
    each(rows, option)
}

fn option(row: &Row<'_>) -> Lines {
    let how = match row.required("transactionType")? {
        "Exercise" => OptionEnd::Exercised,
        "Assignment" => OptionEnd::Assigned,
        "Expiration" => OptionEnd::Expired,
        "Buy" | "Sell" => return Ok(Vec::new()),
        other => return Err(row.wrong(format!("is of type `{other}`, which is not known here"))),
    };
    let charge = row.number("commisionsAndTax")?.or(row.number("commissionsAndTax")?).unwrap_or_default();
    let paid = row.number("proceeds")?.unwrap_or_default() + charge;
    let cash = Money::new(paid, row.currency()?);
    let made = || row.made_id("option", &["date", "conid", "transactionType", "quantity"]);
    let id = row.text("tradeID").map_or_else(made, |trade| format!("option/{trade}"));
    let activity = Activity::OptionEnded { how, quantity: row.quantity("quantity")?, cash };
    Ok(vec![row.line(id, row.date(&["date", "reportDate"])?, activity)?])
}
