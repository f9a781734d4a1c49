//! One row of a statement's section, with typed access to its attributes.
//!
//! In: an element. Out: amounts, dates, keys. Invariant: a value that is missing or malformed is a sentence with the
//! section and the attribute; a row counts for a date of the statement it is in.

use super::xml::Element;
use domain::{Currency, Money, Quantity};
use jiff::civil::Date;
use ports::{Activity, StatementLine};
use rust_decimal::Decimal;
use std::fmt::Display;

/// The dates one statement is about, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub from: Date,
    pub to: Date,
}

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub element: &'a Element,
    pub span: Span,
}

impl<'a> Row<'a> {
    /// An attribute that may be missing or empty.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.element.attribute(name)
    }

    /// An attribute that must be there.
    pub fn required(&self, name: &str) -> Result<&'a str, String> {
        self.text(name).ok_or_else(|| self.wrong(format!("has no {name}; add the field to the query")))
    }

    /// A number that may be missing; thousands may be separated by commas.
    pub fn number(&self, name: &str) -> Result<Option<Decimal>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let plain = text.replace(',', "");
        let number = plain.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&plain));
        number.map(Some).map_err(|_| self.wrong(format!("has {name} `{text}`, which is no number")))
    }

    /// A number that must be there.
    pub fn required_number(&self, name: &str) -> Result<Decimal, String> {
        self.required(name)?;
        Ok(self.number(name)?.unwrap_or_default())
    }

    /// An amount in the row's currency.
    pub fn money(&self, name: &str) -> Result<Money, String> {
        Ok(Money::new(self.required_number(name)?, self.currency()?))
    }

    /// The row's currency.
    pub fn currency(&self) -> Result<Currency, String> {
        let code = self.required("currency")?;
        code.parse().map_err(|_| self.wrong(format!("is in {code}, a currency this engine does not hold")))
    }

    /// A signed number of shares or contracts.
    pub fn quantity(&self, name: &str) -> Result<Quantity, String> {
        Quantity::from_decimal(self.required_number(name)?).map_err(|error| self.wrong(format!("{name}: {error}")))
    }

    /// The date the row counts for: the first of the attributes that is there, moved into its statement's span. What a
    /// statement shows, it counts: a weekend's accrual belongs to the statement that reports it.
    pub fn date(&self, names: &[&str]) -> Result<Date, String> {
        let named = names.iter().find_map(|name| self.text(name).map(|text| (name, text)));
        let (name, text) = named.ok_or_else(|| self.wrong(format!("has no {}", names.join(" and no "))))?;
        let date = date(text).ok_or_else(|| {
            self.wrong(format!("has {name} `{text}`, which is no date; set the query's date format to yyyyMMdd"))
        })?;
        Ok(date.clamp(self.span.from, self.span.to))
    }

    /// The broker's codes of the row, from `code` or `notes`.
    pub fn codes(&self) -> impl Iterator<Item = &'a str> {
        let codes = self.text("code").into_iter().chain(self.text("notes"));
        codes.flat_map(|codes| codes.split(';')).map(str::trim)
    }

    /// The broker's key of the contract.
    pub fn con_id(&self) -> Result<Option<i64>, String> {
        let Some(text) = self.text("conid") else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.wrong(format!("has conid `{text}`, which is no number")))
    }

    /// Makes the line of this row.
    pub fn line(&self, id: String, date: Date, activity: Activity) -> Result<StatementLine, String> {
        Ok(StatementLine { id, date, con_id: self.con_id()?, symbol: self.text("symbol").map(str::to_owned), activity })
    }

    /// The line of a row that cannot be booked, and why. Its date may be what is wrong with it; then it is the latest one.
    pub fn unread(&self, problem: String) -> StatementLine {
        let date = self.date(&["reportDate", "settleDate", "valueDate", "toDate", "date", "dateTime"]);
        StatementLine {
            id: self.text("transactionID").map_or_else(|| problem.clone(), str::to_owned),
            date: date.unwrap_or(self.span.to),
            con_id: self.con_id().ok().flatten(),
            symbol: self.text("symbol").map(str::to_owned),
            activity: Activity::Unread { problem },
        }
    }

    /// An id made of attributes, for rows the broker gives none. It is the same in every statement that has the row.
    pub fn made_id(&self, kind: &str, names: &[&str]) -> String {
        let parts = names.iter().map(|name| self.text(name).unwrap_or("-"));
        std::iter::once(kind).chain(parts).collect::<Vec<_>>().join("/")
    }

    /// A sentence about this row.
    pub fn wrong(&self, problem: impl Display) -> String {
        let which = self.text("transactionID").or(self.text("tradeID")).or(self.text("description"));
        let which = which.map(|which| format!(" ({which})")).unwrap_or_default();
        format!("{}{which} {problem}", self.element.name)
    }
}

/// The lines of rows, each read for itself: one that cannot be read takes no other with it.
pub(super) fn each(
    rows: &[Row<'_>],
    read: impl Fn(&Row<'_>) -> Result<Vec<StatementLine>, String>,
) -> Vec<StatementLine> {
    rows.iter().flat_map(|row| read(row).unwrap_or_else(|problem| vec![row.unread(problem)])).collect()
}

/// A date as the service writes it: `20240116` or `2024-01-16`, a time behind it passed over.
pub(super) fn date(text: &str) -> Option<Date> {
    let day = text.split([';', ',', ' ', 'T']).next()?;
    let format = if day.contains('-') { "%Y-%m-%d" } else { "%Y%m%d" };
    Date::strptime(format, day).ok()
}
