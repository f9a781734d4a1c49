//! What companies report, as dated rows.
//!
//! In: annual statements with the day they were published. Out: what was known of a company on a date. Invariant: a
//! statement is invisible until the day after its publication, so a decision made in the morning cannot have read it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! figures {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A number of a statement: an amount of a fiscal year in the company's reporting currency, unless it says
        /// otherwise.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Figure {
            $($(#[$doc])* #[serde(rename = $name)] $variant),+
        }

        impl Figure {
            /// Every figure, in the order of a table's columns.
            pub const ALL: &'static [Figure] = &[$(Figure::$variant),+];

            /// The column's name.
            pub fn name(self) -> &'static str {
                match self { $(Figure::$variant => $name),+ }
            }
        }
    };
}

figures! {
    /// Sales.
    Revenue = "revenue",
    /// Sales less what the goods cost.
    GrossProfit = "gross_profit",
    /// Profit from operations.
    OperatingIncome = "operating_income",
    /// Earnings before interest and tax.
    Ebit = "ebit",
    /// Earnings before interest, tax, depreciation and amortisation.
    Ebitda = "ebitda",
    /// Interest paid, positive.
    InterestExpense = "interest_expense",
    /// Profit after tax.
    NetIncome = "net_income",
    /// Borrowed money, short and long, at the end of the year.
    Debt = "debt",
    /// Everything owned at the end of the year.
    Assets = "assets",
    /// Everything owed at the end of the year.
    Liabilities = "liabilities",
    /// Assets less liabilities.
    Equity = "equity",
    /// Cash earned by operations.
    OperatingCashFlow = "operating_cash_flow",
    /// Cash spent on plant and equipment, positive.
    CapitalExpenditure = "capital_expenditure",
    /// Shares outstanding at the end of the year, a number: of another count than a close once the stock has split.
    Shares = "shares",
    /// Value of all shares on the day of publication.
    MarketCap = "market_cap",
}

/// One company's statement of one fiscal year; a figure that is absent was not reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The instrument's name.
    pub name: String,
    /// Last day of the fiscal year.
    pub period_end: Date,
    /// The day it became public.
    pub published: Date,
    /// What it says; every value is finite.
    pub figures: BTreeMap<Figure, f64>,
}

impl Statement {
    /// A figure, if it was reported.
    pub fn get(&self, figure: Figure) -> Option<f64> {
        self.figures.get(&figure).copied()
    }
}

/// Statements of many companies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fundamentals {
    source: String,
    rows: Vec<Statement>,
}

impl Fundamentals {
    /// A table; `source` is the word reports show for where it comes from, such as `simulated`.
    ///
    /// # Panics
    /// When a figure is not finite: importers leave such cells out.
    pub fn new(source: &str, mut rows: Vec<Statement>) -> Fundamentals {
        assert!(rows.iter().flat_map(|row| row.figures.values()).all(|value| value.is_finite()), "figures are finite");
        rows.sort_by(|a, b| (&a.name, a.period_end, a.published).cmp(&(&b.name, b.period_end, b.published)));
        Fundamentals { source: source.to_owned(), rows }
    }

    /// Where it comes from, for reports.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// All statements, by name, fiscal year and publication.
    pub fn rows(&self) -> &[Statement] {
        &self.rows
    }

    /// What a decision on `date` may know of a company: newest fiscal year first, and of a year the last published first.
    pub fn known(&self, name: &str, date: Date) -> Vec<&Statement> {
        let first = self.rows.partition_point(|row| row.name.as_str() < name);
        let others = first + self.rows[first..].partition_point(|row| row.name == name);
        self.rows[first..others].iter().rev().filter(|row| row.published < date).collect()
    }
}

/// What is known of one fiscal year. A later statement replaces the figures it states and leaves the others: a table of
/// a single figure does not withdraw an annual report.
#[derive(Clone, Copy, Debug)]
pub struct FiscalYear<'a>(&'a [&'a Statement]);

impl<'a> FiscalYear<'a> {
    /// The fiscal years of one company's statements, which come as [`Fundamentals::known`] gives them.
    pub fn all(known: &'a [&'a Statement]) -> impl Iterator<Item = FiscalYear<'a>> {
        known.chunk_by(|one, other| one.period_end == other.period_end).map(FiscalYear)
    }

    /// Its last day.
    pub fn end(&self) -> Date {
        self.0[0].period_end
    }

    /// A figure as it was published last, with the day of that publication.
    pub fn published(&self, figure: Figure) -> Option<(Date, f64)> {
        self.0.iter().find_map(|statement| Some((statement.published, statement.get(figure)?)))
    }

    /// A figure as it was published last.
    pub fn get(&self, figure: Figure) -> Option<f64> {
        self.published(figure).map(|(_, value)| value)
    }

    /// These figures, when every one was reported.
    pub fn figures<const N: usize>(&self, wanted: [Figure; N]) -> Option<[f64; N]> {
        let mut figures = [0.0; N];
        for (figure, wanted) in figures.iter_mut().zip(wanted) {
            *figure = self.get(wanted)?;
        }
        Some(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn statement(year: i16, published: Date, revenue: f64) -> Statement {
        let figures = BTreeMap::from([(Figure::Revenue, revenue)]);
        Statement { name: "ACME".into(), period_end: date(year, 12, 31), published, figures }
    }

    #[test]
    fn a_statement_is_unknown_on_the_day_it_is_published_and_restated_ones_replace_it_later() {
        let rows = vec![
            statement(2015, date(2016, 3, 1), 200.0),
            statement(2014, date(2015, 3, 2), 100.0),
            statement(2014, date(2015, 9, 1), 90.0),
        ];
        let table = Fundamentals::new("test", rows);
        let known = |on| -> Vec<Option<f64>> {
            FiscalYear::all(&table.known("ACME", on)).map(|year| year.get(Figure::Revenue)).collect()
        };
        assert_eq!(known(date(2015, 3, 2)), []);
        assert_eq!(known(date(2015, 3, 3)), [Some(100.0)]);
        assert_eq!(known(date(2015, 9, 2)), [Some(90.0)]);
        assert_eq!(known(date(2016, 3, 2)), [Some(200.0), Some(90.0)]);
        assert!(table.known("ACM", date(2020, 1, 1)).is_empty());
    }

    #[test]
    fn a_later_table_of_one_figure_leaves_the_rest_of_the_annual_report_standing() {
        let snapshot = Statement {
            figures: BTreeMap::from([(Figure::MarketCap, 500.0)]),
            ..statement(2014, date(2015, 8, 31), 0.0)
        };
        let table = Fundamentals::new("test", vec![statement(2014, date(2015, 3, 2), 100.0), snapshot]);
        let both = |on| {
            let known = table.known("ACME", on);
            let year = FiscalYear::all(&known).next().unwrap();
            (year.get(Figure::Revenue), year.published(Figure::MarketCap), year.figures([Figure::Revenue]))
        };
        assert_eq!(both(date(2015, 8, 31)), (Some(100.0), None, Some([100.0])));
        assert_eq!(both(date(2015, 9, 1)), (Some(100.0), Some((date(2015, 8, 31), 500.0)), Some([100.0])));
    }
}
