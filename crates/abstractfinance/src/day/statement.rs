//! Lines of the broker's activity statement, booked.
//!
//! In: statement lines since the books were left. Out: events of the books, each once. Invariant: a line is booked under
//! the broker's own id; one that names a contract we do not have is booked as cash with its words; a line that cannot be
//! read or booked, and a statement that does not come, change nothing, and what they would have explained stays a break.

use super::adopt::post_execution;
use super::news::{News, news};
use super::{Run, World};
use crate::book::Book;
use crate::failure::Failure;
use domain::{Books, ContractId, Fill, LedgerEvent, Money, Quantity, Side};
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ports::{AccountSnapshot, Activity, Broker, StatementError, StatementLine, Statements};
use rust_decimal::Decimal;

/// Lines may be added to a statement some days late.
pub(super) const LATE_DAYS: i64 = 7;

/// Unread rows that an alert names; the rest are counted.
const UNREAD_SHOWN: usize = 3;

/// Books what the statement tells, or says why there is none.
pub(super) async fn book_statement<B: Broker, J, C>(
    date: Date,
    book: &mut Book,
    snapshot: &AccountSnapshot,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Vec<News>, Failure> {
    // What counts for a day before the books were opened is in their first balance.
    let opened = book.opened.to_zoned(TimeZone::UTC).date();
    let Some(statements) = &mut world.statements else {
        book.told = None;
        return Ok(Vec::new());
    };
    book.told = book.told.or(Some(opened.saturating_sub(1.day())));
    let Some(left) = book.date else { return Ok(Vec::new()) };
    let (from, to) = (left.saturating_sub(LATE_DAYS.days()), date.saturating_sub(1.day()));
    let lines = match statements.activity(from, to).await {
        Ok(lines) => lines,
        Err(error) => {
            tracing::warn!(%error, "no activity statement");
            let alarming = !matches!(error, StatementError::Unavailable(_));
            let sentence = format!("{error}; what it would have explained is a break until it comes");
            return Ok(vec![News { alarming, ..News::note(sentence) }]);
        }
    };
    book.told = Some(to);
    let mut told: Vec<News> = unread(lines.iter().filter(|line| line.date >= opened)).into_iter().collect();
    for line in lines.iter().filter(|line| line.date >= opened) {
        told.extend(buy_in(line, book, snapshot, &world.broker, run)?);
        let Some(event) = event(line, &world.broker) else { continue };
        told.extend(post_line(&line.id, start_of(line.date)?, event, book, run));
    }
    Ok(told)
}

/// Rows that nobody could read, in one alert: a query that lacks a field spoils many.
fn unread<'a>(lines: impl Iterator<Item = &'a StatementLine>) -> Option<News> {
    let problem = |line: &'a StatementLine| match &line.activity {
        Activity::Unread { problem } => Some(problem.as_str()),
        _ => None,
    };
    let problems: Vec<&str> = lines.filter_map(problem).collect();
    let (first, more) = (problems.iter().take(UNREAD_SHOWN), problems.len().saturating_sub(UNREAD_SHOWN));
    let named = first.copied().collect::<Vec<_>>().join("; ");
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let sentence = format!(
        "not booked of the broker's statement: {named}{more}. Mend the query where that is meant, and a week's rows are booked \
         with the next statement; else adopt the break it leaves (`abstractfinance reconcile`). Not both: it would count twice"
    );
    (!problems.is_empty()).then(|| News { alarming: true, ..News::note(sentence) })
}

/// Books a line; of one that cannot be booked a person is told, and the day goes on with the break it leaves.
pub(super) fn post_line(id: &str, at: Timestamp, event: LedgerEvent, book: &mut Book, run: &Run) -> Option<News> {
    let split = match event {
        LedgerEvent::Split { contract, numerator, denominator } => Some((contract, numerator, denominator)),
        _ => None,
    };
    let before = split.map(|(contract, ..)| held_at(contract, at, &book.books));
    let posted = match book.books.post_line(id, at, event.clone(), &run.setup.universe) {
        Ok(posted) => posted,
        Err(reason) => {
            let mut unbooked = News::note(String::new());
            unbooked.alarm(format!(
                "line {id} of the broker's statement is not booked: {reason}. What it changed at the broker is a break \
                 until a person adopts it (`abstractfinance reconcile`)"
            ));
            return Some(unbooked);
        }
    };
    let mut told = news(posted, event, run)?;
    if let (Some((contract, numerator, denominator)), Some(before)) = (split, before) {
        let exact = before.to_decimal() * Decimal::from(numerator) / Decimal::from(denominator);
        let fraction = (exact - held_at(contract, at, &book.books).to_decimal()).round_dp(4).normalize();
        if !fraction.is_zero() {
            told.sentence += &format!(", without the {fraction} of a share that the broker pays in cash");
        }
    }
    Some(told)
}

/// What the books held of a contract before anything was executed from an instant on.
fn held_at(contract: ContractId, at: Timestamp, books: &Books) -> Quantity {
    let later = books.open().iter().filter(|posting| posting.at() >= at).filter_map(|posting| match posting.event() {
        LedgerEvent::Fill(fill) if fill.contract == contract => Some(fill.change()),
        _ => None,
    });
    later.fold(books.ledger().quantity(contract), |held, change| held - change)
}

fn start_of(date: Date) -> Result<Timestamp, Failure> {
    TimeZone::UTC.to_timestamp(date.into()).map_err(|error| Failure::Broker(error.to_string()))
}

/// The execution the broker calls a buy-in, as the API told it, or as the statement does when it is no longer listed.
fn buy_in<B: Broker>(
    line: &StatementLine,
    book: &mut Book,
    snapshot: &AccountSnapshot,
    broker: &B,
    run: &Run,
) -> Result<Vec<News>, Failure> {
    let Activity::BuyIn { execution, quantity, price, charge } = &line.activity else { return Ok(Vec::new()) };
    let Some(contract) = line.con_id.and_then(|con_id| broker.contract_of(con_id)) else { return Ok(Vec::new()) };
    let Some(side) = Side::of(*quantity) else { return Ok(Vec::new()) };
    let listed = snapshot.executions.iter().find(|listed| listed.fill.execution.stem() == execution.stem());
    let fill = match listed {
        Some(listed) => Fill { order: None, ..listed.fill.clone() },
        None => Fill {
            execution: execution.clone(),
            order: None,
            contract,
            side,
            quantity: quantity.abs(),
            price: *price,
            // It was executed on that date, after everything that counts from its start.
            at: start_of(line.date.saturating_add(1.day()))? - jiff::SignedDuration::from_secs(1),
        },
    };
    if fill.at <= book.opened {
        return Ok(Vec::new());
    }
    book.books.claim(execution);
    let mut told = post_execution(book, fill, Some(*charge), run)?;
    let name = &run.setup.universe.contract(contract).name;
    if let Some(booked) = told.first_mut() {
        booked.alarm(format!(
            "{name}: a lender called {} back and the broker bought them at {price} (buy-in {execution}); booked against \
             who was short",
            quantity.abs()
        ));
    }
    Ok(told)
}

/// The event of a line; `None` for what moves nothing in the books.
fn event<B: Broker>(line: &StatementLine, broker: &B) -> Option<LedgerEvent> {
    let contract = line.con_id.and_then(|con_id| broker.contract_of(con_id));
    let named = |what: &str, amount: Money| {
        let symbol = line.symbol.as_deref().unwrap_or("a contract");
        let reason = format!("{what} of {symbol}, which is not configured");
        LedgerEvent::Adjustment { contract: None, quantity: Quantity::ZERO, amount, by: "statement".into(), reason }
    };
    Some(match (&line.activity, contract) {
        (&Activity::Dividend { amount }, Some(contract)) => LedgerEvent::Dividend { contract, amount },
        (&Activity::Dividend { amount }, None) => named("dividend", amount),
        (&Activity::Tax { amount }, contract) => LedgerEvent::Tax { contract, amount },
        (&Activity::Interest { amount }, _) => LedgerEvent::Interest { amount },
        (&Activity::BorrowFee { amount }, contract) => LedgerEvent::BorrowFee { contract, amount },
        (&Activity::Fee { amount }, _) => LedgerEvent::Fee { amount },
        (&Activity::Flow { amount }, _) => LedgerEvent::Flow { amount },
        (&Activity::Conversion { sold, bought }, _) => LedgerEvent::Conversion { sold, bought },
        (&Activity::Accrual { amount }, contract) => LedgerEvent::Accrual { contract, amount },
        (&Activity::Split { numerator, denominator }, Some(contract)) => {
            LedgerEvent::Split { contract, numerator, denominator }
        }
        (&Activity::Renamed { successor_con_id }, Some(contract)) => {
            // Another symbol or id of what the table names by its ISIN is the same contract to us.
            let successor = broker.contract_of(successor_con_id).filter(|successor| *successor != contract)?;
            LedgerEvent::Renamed { contract, successor }
        }
        (&Activity::OptionEnded { how, quantity, cash }, Some(contract)) => {
            LedgerEvent::OptionEnded { contract, how: ended(how), quantity, cash, delivery: None }
        }
        (&Activity::BuyIn { quantity, .. }, Some(contract)) => LedgerEvent::Recall { contract, quantity },
        // A position we do not know, cash that only changed its row, or nobody knows what: the reconciliation compares the totals.
        (
            Activity::Split { .. }
            | Activity::Renamed { .. }
            | Activity::OptionEnded { .. }
            | Activity::BuyIn { .. }
            | Activity::Sweep { .. }
            | Activity::Unread { .. },
            _,
        ) => return None,
    })
}

fn ended(how: ports::OptionEnd) -> domain::OptionEnd {
    match how {
        ports::OptionEnd::Exercised => domain::OptionEnd::Exercised,
        ports::OptionEnd::Assigned => domain::OptionEnd::Assigned,
        ports::OptionEnd::Expired => domain::OptionEnd::Expired,
    }
}
