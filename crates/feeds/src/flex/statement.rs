//! An activity statement as lines.
//!
//! In: the document, the account and the dates asked for. Out: lines in order of date and id. Invariant: the statement
//! is of our account, covers the dates and was written after them, or it is an error; sections not in the table are
//! passed over, rows in a section of the table never are: one that is not understood is a line that says so.

use super::row::{Row, Span, date};
use super::xml::Element;
use super::{actions, cash};
use jiff::civil::{Date, Weekday};
use ports::{Activity, StatementError, StatementLine};
use std::collections::BTreeMap;

type Lines = Result<Vec<StatementLine>, String>;
type Section = (&'static str, fn(&[Row<'_>]) -> Vec<StatementLine>);

/// What is read, by the section's name.
const SECTIONS: &[Section] = &[
    ("CashTransactions", cash::transactions),
    ("ChangeInDividendAccruals", cash::dividend_accruals),
    (INTEREST, cash::interest_accruals),
    ("Transfers", cash::transfers),
    ("Trades", cash::trades),
    ("CorporateActions", actions::corporate_actions),
    ("OptionEAE", actions::options),
];

/// Interest accruals hold the borrow fees in sum; their daily parts are read only where the sum is missing.
const INTEREST: &str = "InterestAccruals";
const BORROW_FEE_DETAILS: [&str; 3] = ["HardToBorrowDetails", "BorrowFeeDetails", "SLBFees"];

/// Reads a document.
pub(super) fn read(
    document: &Element,
    account: &str,
    from: Date,
    to: Date,
) -> Result<Vec<StatementLine>, StatementError> {
    let statements = whole(document).map_err(StatementError::Unusable)?;
    if statements.iter().any(|statement| !is_of(statement, account)) {
        let told = "the statement is of another account; choose the configured account in the query";
        return Err(StatementError::Refused(told.to_owned()));
    }
    let spans = statements.iter().map(|one| span(one)).collect::<Result<Vec<_>, _>>();
    let spans = spans.map_err(StatementError::Unusable)?;
    covers(&spans, from, to)?;
    for (statement, span) in statements.iter().zip(&spans) {
        written_after(statement, *span)?;
    }
    let mut lines = Vec::new();
    for (statement, span) in statements.iter().zip(spans) {
        lines.extend(sections(statement, span).map_err(StatementError::Unusable)?);
    }
    lines.retain(|line| from <= line.date && line.date <= to);
    lines.sort_by(|one, other| (one.date, &one.id).cmp(&(other.date, &other.id)));
    Ok(distinct(lines))
}

/// The statements of a document that has all it says it has.
fn whole(document: &Element) -> Result<Vec<&Element>, String> {
    if document.name != "FlexQueryResponse" {
        return Err(format!("<{}> came instead of a statement", document.name));
    }
    let kind = document.attribute("type").unwrap_or("AF");
    if kind != "AF" {
        return Err(format!("the query is of type {kind}; make an Activity Flex Query"));
    }
    let list = document.child("FlexStatements").ok_or("the document has no statements")?;
    let statements: Vec<&Element> = list.children.iter().filter(|child| child.name == "FlexStatement").collect();
    let count = list.attribute("count").and_then(|count| count.parse().ok());
    match count {
        Some(count) if statements.len() == count && count > 0 => Ok(statements),
        _ => Err(format!("{} statements came, and {} were announced", statements.len(), count.unwrap_or(0))),
    }
}

fn is_of(statement: &Element, account: &str) -> bool {
    let rows = statement.children.iter().flat_map(|section| &section.children);
    let named = rows.filter_map(|row| row.attribute("accountId"));
    statement.attribute("accountId") == Some(account) && named.into_iter().all(|named| named == account)
}

fn span(statement: &Element) -> Result<Span, String> {
    let day = |name: &str| {
        let text = statement.attribute(name).ok_or_else(|| format!("a statement has no {name}"))?;
        date(text).ok_or_else(|| format!("a statement has {name} `{text}`; set the query's date format to yyyyMMdd"))
    };
    let span = Span { from: day("fromDate")?, to: day("toDate")? };
    if span.to < span.from {
        return Err(format!("a statement runs from {} back to {}", span.from, span.to));
    }
    Ok(span)
}

/// Every day the broker writes statements for must be in one.
fn covers(spans: &[Span], from: Date, to: Date) -> Result<(), StatementError> {
    let first = spans.iter().map(|span| span.from).min().unwrap_or(Date::MAX);
    let last = spans.iter().map(|span| span.to).max().unwrap_or(Date::MIN);
    let wanted = |date: &Date| *date <= to && is_written(*date);
    for day in from.series(jiff::Span::new().days(1)).take_while(|date| *date <= to).filter(wanted) {
        if day > last {
            let told =
                format!("it ends on {last}, and {day} was asked for; the broker writes a day after it has ended");
            return Err(StatementError::Unavailable(told));
        }
        if day < first || !spans.iter().any(|span| span.from <= day && day <= span.to) {
            let told = format!("it covers {first} to {last} and says nothing about {day}");
            return Err(StatementError::Unusable(told));
        }
    }
    Ok(())
}

/// The broker writes no statement for weekends, New Year's Day and Christmas.
fn is_written(date: Date) -> bool {
    let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    !weekend && !matches!((date.month(), date.day()), (1, 1) | (12, 25))
}

/// A statement written while its last day still ran lacks what happened later.
fn written_after(statement: &Element, span: Span) -> Result<(), StatementError> {
    let text = statement.attribute("whenGenerated");
    let text = text.ok_or_else(|| StatementError::Unusable("a statement has no whenGenerated".to_owned()))?;
    let written = date(text)
        .ok_or_else(|| StatementError::Unusable(format!("a statement has whenGenerated `{text}`, which is no date")))?;
    if written <= span.to {
        let told = format!("it was written on {written}, before {} had ended", span.to);
        return Err(StatementError::Unavailable(told));
    }
    Ok(())
}

fn sections(statement: &Element, span: Span) -> Lines {
    let mut lines = Vec::new();
    for (name, read) in SECTIONS {
        lines.extend(section(statement, name, span, *read)?);
    }
    if statement.child(INTEREST).is_none() {
        for name in BORROW_FEE_DETAILS {
            lines.extend(section(statement, name, span, cash::borrow_fee_details)?);
        }
    }
    Ok(lines)
}

fn section(statement: &Element, name: &str, span: Span, read: fn(&[Row<'_>]) -> Vec<StatementLine>) -> Lines {
    let sections = statement.children.iter().filter(|child| child.name == name);
    let rows: Vec<Row<'_>> =
        sections.flat_map(|section| &section.children).map(|element| Row { element, span }).collect();
    let is_summary =
        |row: &Row<'_>| row.text("levelOfDetail").is_some_and(|level| level.eq_ignore_ascii_case("SUMMARY"));
    let (summaries, details): (Vec<Row<'_>>, Vec<Row<'_>>) = rows.into_iter().partition(is_summary);
    if !summaries.is_empty() && details.is_empty() {
        return Err(format!("{name} has summaries only; choose the level of detail `Detail` in the query"));
    }
    Ok(read(&details))
}

/// The same row twice is one line where the broker gave it an id; made ids are numbered, because two equal accruals of
/// one day are two. Of two that differ under one id nobody knows which is true.
fn distinct(lines: Vec<StatementLine>) -> Vec<StatementLine> {
    let mut kept: Vec<StatementLine> = Vec::with_capacity(lines.len());
    // How often an id was there, and where its first line is.
    let mut seen: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for mut line in lines {
        match seen.get_mut(&line.id) {
            None => {
                seen.insert(line.id.clone(), (1, kept.len()));
                kept.push(line);
            }
            Some((times, _)) if line.id.contains("-accrual/") => {
                *times += 1;
                line.id = format!("{}#{times}", line.id);
                kept.push(line);
            }
            Some((_, at)) if kept[*at] != line => {
                let problem = format!("the transaction {} is there twice and differs", line.id);
                kept[*at].activity = Activity::Unread { problem };
            }
            Some(_) => {}
        }
    }
    kept
}
