//! Money that moved or became due: cash transactions, accruals, transfers, automatic conversions.
//!
//! In: rows of those sections. Out: lines. Invariant: a type that is not in the table is named and stays unread; base
//! currency summaries are passed over, because their parts are there.

use super::row::{Row, each};
use domain::{Currency, ExecutionId, Money, Price};
use ports::{Activity, StatementLine};
use rust_decimal::Decimal;

type Line = Result<StatementLine, String>;
type Lines = Result<Vec<StatementLine>, String>;
/// A cash transaction's `type`, and what it becomes.
type CashType = (&'static str, fn(Money) -> Activity);

/// Digits a price has at most.
const PRICE_DIGITS: u32 = 8;

/// What the `type` of a cash transaction means.
const CASH: &[CashType] = &[
    ("Dividends", |amount| Activity::Dividend { amount }),
    ("Payment In Lieu Of Dividends", |amount| Activity::Dividend { amount }),
    ("Withholding Tax", |amount| Activity::Tax { amount }),
    ("871(m) Withholding", |amount| Activity::Tax { amount }),
    ("Sales Tax", |amount| Activity::Tax { amount }),
    ("Transaction Tax", |amount| Activity::Tax { amount }),
    ("Broker Interest Paid", |amount| Activity::Interest { amount }),
    ("Broker Interest Received", |amount| Activity::Interest { amount }),
    ("Bond Interest Paid", |amount| Activity::Interest { amount }),
    ("Bond Interest Received", |amount| Activity::Interest { amount }),
    ("Borrow Fees", |amount| Activity::BorrowFee { amount }),
    ("Other Fees", |amount| Activity::Fee { amount }),
    ("Broker Fees", |amount| Activity::Fee { amount }),
    ("Advisor Fees", |amount| Activity::Fee { amount }),
    ("Commission Adjustments", |amount| Activity::Fee { amount }),
    ("Deposits/Withdrawals", |amount| Activity::Flow { amount }),
    ("Deposits & Withdrawals", |amount| Activity::Flow { amount }),
];

/// `CashTransactions`.
pub(super) fn transactions(rows: &[Row<'_>]) -> Vec<StatementLine> {
    each(rows, |row| transaction(row).map(|line| vec![line]))
}

fn transaction(row: &Row<'_>) -> Line {
    let kind = row.required("type")?;
    let known = CASH.iter().find(|(name, _)| *name == kind);
    let (_, activity) = known.ok_or_else(|| row.wrong(format!("is of type `{kind}`, which is not known here")))?;
    let amount = row.money("amount")?;
    let date = row.date(&["reportDate", "settleDate", "dateTime"])?;
    // The broker posts the month's borrow fees among the interest, and tells them apart in words only.
    let borrowed = row.text("description").is_some_and(|text| text.to_uppercase().contains("BORROW FEE"));
    let activity = if borrowed { Activity::BorrowFee { amount } } else { activity(amount) };
    row.line(row.required("transactionID")?.to_owned(), date, activity)
}

/// `ChangeInDividendAccruals`: `Po` when a dividend becomes due, `Re` when it is paid; amounts carry their sign.
pub(super) fn dividend_accruals(rows: &[Row<'_>]) -> Vec<StatementLine> {
    each(rows, |row| dividend_accrual(row).map(|line| vec![line]))
}

fn dividend_accrual(row: &Row<'_>) -> Line {
    if !row.codes().any(|code| code == "Po" || code == "Re") {
        let code = row.text("code").unwrap_or_default();
        return Err(row.wrong(format!("has code `{code}`, which is neither Po (posting) nor Re (reversal)")));
    }
    let names = ["date", "conid", "code", "exDate", "payDate", "quantity", "netAmount"];
    let date = row.date(&["reportDate", "date"])?;
    row.line(row.made_id("dividend-accrual", &names), date, Activity::Accrual { amount: row.money("netAmount")? })
}

/// `InterestAccruals`: one row per currency and day, borrow fees included.
pub(super) fn interest_accruals(rows: &[Row<'_>]) -> Vec<StatementLine> {
    let is_summary = |row: &Row<'_>| row.text("currency") == Some("BASE_SUMMARY");
    let alone = rows.iter().all(is_summary);
    each(rows, |row| match is_summary(row) {
        true if alone && !accrued(row)?.is_zero() => {
            Err(row.wrong("is a summary without its currencies; choose `Currency breakout` in the query"))
        }
        true => Ok(Vec::new()),
        false => interest_accrual(row),
    })
}

fn interest_accrual(row: &Row<'_>) -> Lines {
    let change = accrued(row)?;
    if change.is_zero() {
        return Ok(Vec::new());
    }
    if row.date(&["fromDate"])? != row.date(&["toDate"])? {
        let remedy = "covers several days, so its days cannot be told apart; choose `Breakout by day` in the query";
        return Err(row.wrong(remedy));
    }
    let amount = Money::new(change, row.currency()?);
    let id = row.made_id("interest-accrual", &["toDate", "currency"]);
    Ok(vec![row.line(id, row.date(&["toDate"])?, Activity::Accrual { amount })?])
}

fn accrued(row: &Row<'_>) -> Result<Decimal, String> {
    Ok(row.required_number("interestAccrued")? + row.number("accrualReversal")?.unwrap_or_default())
}

/// `HardToBorrowDetails`, `BorrowFeeDetails`, `SLBFees`: the daily parts of what interest accruals hold in sum.
pub(super) fn borrow_fee_details(rows: &[Row<'_>]) -> Vec<StatementLine> {
    each(rows, |row| {
        let fee = ["borrowFee", "totalCharges", "fee"].into_iter().find(|name| row.text(name).is_some());
        let amount = row.money(fee.unwrap_or("borrowFee"))?;
        let names = ["valueDate", "conid", "symbol", "quantity", fee.unwrap_or_default()];
        let date = row.date(&["valueDate", "reportDate"])?;
        Ok(vec![row.line(row.made_id("borrow-fee-accrual", &names), date, Activity::Accrual { amount })?])
    })
}

/// `Transfers`: cash that came or went; positions need a person.
pub(super) fn transfers(rows: &[Row<'_>]) -> Vec<StatementLine> {
    each(rows, transfer)
}

fn transfer(row: &Row<'_>) -> Lines {
    let quantity = row.number("quantity")?.unwrap_or_default();
    if !quantity.is_zero() && row.text("assetCategory") != Some("CASH") {
        let what = row.text("symbol").unwrap_or("a contract");
        return Err(row.wrong(format!("moved {quantity} of {what}; adopt the position by hand")));
    }
    let cash = row.number("cashTransfer")?.unwrap_or_default();
    if cash.is_zero() {
        return Ok(Vec::new());
    }
    let signed = match row.required("direction")? {
        "IN" => cash.abs(),
        "OUT" => -cash.abs(),
        other => return Err(row.wrong(format!("has direction `{other}`, which is neither IN nor OUT"))),
    };
    let own = row.text("account").is_some() && row.text("account") == row.text("accountId");
    let currency = row.currency()?;
    let flow = Activity::Flow { amount: Money::new(signed, currency) };
    let activity = if own { Activity::Sweep { currency, amount: signed } } else { flow };
    let id = row.required("transactionID")?.to_owned();
    Ok(vec![row.line(id, row.date(&["reportDate", "date", "dateTime"])?, activity)?])
}

/// `Trades`: executions are the API's business. What it does not show is which of those without a reference was a buy-in
/// (`B`); and one currency for another, by the broker (`AFx`) or by hand, is cash and no position.
pub(super) fn trades(rows: &[Row<'_>]) -> Vec<StatementLine> {
    each(rows, trade)
}

fn trade(row: &Row<'_>) -> Lines {
    let converts = row.text("assetCategory") == Some("CASH") || row.codes().any(|code| code == "AFx");
    let is_buy_in = row.codes().any(|code| code == "B");
    if row.text("orderReference").is_some() || !(converts || is_buy_in) {
        return Ok(Vec::new());
    }
    let (id, date) = (row.required("transactionID")?.to_owned(), row.date(&["reportDate", "tradeDate", "dateTime"])?);
    if !converts {
        return Ok(vec![row.line(id, date, buy_in(row)?)?]);
    }
    let mut lines = vec![row.line(id.clone(), date, conversion(row)?)?];
    if let Some(amount) = charge(row)?.filter(|charge| !charge.amount.is_zero()) {
        lines.push(row.line(format!("commission of {id}"), date, Activity::Fee { amount })?);
    }
    Ok(lines)
}

/// The price is what was paid for one, so that a line quoted in pence needs no guess.
fn buy_in(row: &Row<'_>) -> Result<Activity, String> {
    let quantity = row.quantity("quantity")?;
    let proceeds = row.required_number("proceeds")?;
    let multiplier = row.number("multiplier")?.unwrap_or(Decimal::ONE);
    let each = (-proceeds).checked_div(quantity.to_decimal() * multiplier).unwrap_or_default();
    let price = Price::from_decimal(each.round_dp(PRICE_DIGITS));
    let price = price.map_err(|error| row.wrong(format!("proceeds {proceeds} for {quantity}: {error}")))?;
    let charge = match charge(row)? {
        Some(charge) => -charge,
        None => Money::zero(row.currency()?),
    };
    let execution = ExecutionId(row.required("ibExecID")?.into());
    Ok(Activity::BuyIn { execution, quantity, price, charge })
}

/// The broker's commission with the sign of the cash.
fn charge(row: &Row<'_>) -> Result<Option<Money>, String> {
    let Some(amount) = row.number("ibCommission")? else { return Ok(None) };
    let currency = match row.text("ibCommissionCurrency") {
        Some(code) => code
            .parse()
            .map_err(|_| row.wrong(format!("is charged in {code}, a currency this engine does not hold")))?,
        None => row.currency()?,
    };
    Ok(Some(Money::new(amount, currency)))
}

/// `EUR.USD`: quantity counts euros, proceeds count dollars, each with the sign of the cash.
fn conversion(row: &Row<'_>) -> Result<Activity, String> {
    let symbol = row.required("symbol")?;
    let unknown = || row.wrong(format!("converts `{symbol}`, which is no pair of currencies"));
    let (first, second) = symbol.split_once(['.', '/']).ok_or_else(unknown)?;
    let currency = |code: &str| code.parse::<Currency>().map_err(|_| unknown());
    let bought = Money::new(row.required_number("quantity")?, currency(first)?);
    let paid = Money::new(row.required_number("proceeds")?, currency(second)?);
    if bought.amount.is_sign_negative() == paid.amount.is_sign_negative() {
        return Err(row.wrong("does not give one currency for another; book it by hand"));
    }
    let (sold, bought) = if bought.amount.is_sign_negative() { (bought, paid) } else { (paid, bought) };
    Ok(Activity::Conversion { sold, bought })
}
