//! Closing history as one time-major table, and a view of it that ends before the future.
//!
//! In: dated rows, one close per instrument. Out: rows and columns up to a cursor. Invariant: a
//! [`HistoryView`] cannot reach a row at or after its end, so look-ahead does not compile into a bug.

use domain::{InstrumentId, PerInstrument};
use jiff::civil::Date;

/// Closes of every instrument, one row per date, oldest first. A missing close is NaN inside and
/// `None` outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    dates: Vec<Date>,
    width: usize,
    closes: Vec<f64>,
}

impl Panel {
    /// A table for `width` instruments without rows.
    pub fn new(width: usize) -> Panel {
        Panel { dates: Vec::new(), width, closes: Vec::new() }
    }

    /// Appends a day.
    ///
    /// # Panics
    /// When the date is not after the last one, the row has another width, or a close is neither a
    /// positive finite number nor missing: the catalogue checks its data before it builds a panel.
    pub fn push(&mut self, date: Date, row: &PerInstrument<Option<f64>>) {
        assert!(self.dates.last().is_none_or(|&last| last < date), "panel dates rise: {date}");
        assert_eq!(row.len(), self.width, "a panel row has one close per instrument");
        self.dates.push(date);
        self.closes.extend(row.as_slice().iter().map(|close| match close {
            Some(close) => {
                assert!(close.is_finite() && *close > 0.0, "a close is positive: {close}");
                *close
            }
            None => f64::NAN,
        }));
    }

    /// A table over closes that are already time-major and complete.
    ///
    /// # Panics
    /// When the sizes disagree or a close is not positive.
    pub fn from_time_major(dates: Vec<Date>, width: usize, closes: Vec<f64>) -> Panel {
        assert_eq!(dates.len() * width, closes.len(), "rows × width closes");
        // Asked of all of them without a branch: there are millions.
        let are_prices = closes.iter().fold(true, |all, close| all & (*close > 0.0) & (*close < f64::INFINITY));
        assert!(are_prices, "closes are positive");
        assert!(dates.is_sorted_by(|a, b| a < b), "panel dates rise");
        Panel { dates, width, closes }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.dates.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.dates.is_empty()
    }

    /// All closes, time-major, NaN where one is missing; for loops that are no strategy.
    pub fn raw(&self) -> &[f64] {
        &self.closes
    }

    /// Instruments per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows before `date`, starting at the first row after `after` (or at the beginning).
    pub fn between(&self, after: Option<Date>, before: Date) -> HistoryView<'_> {
        let start = after.map_or(0, |after| self.dates.partition_point(|&d| d <= after));
        let end = self.dates.partition_point(|&d| d < before).max(start);
        HistoryView { panel: self, start, end }
    }

    /// The rows `start..end`; for drivers that count rows themselves.
    pub fn rows(&self, start: usize, end: usize) -> HistoryView<'_> {
        assert!(start <= end && end <= self.len(), "rows within the panel");
        HistoryView { panel: self, start, end }
    }
}

/// Past rows of a panel.
#[derive(Clone, Copy, Debug)]
pub struct HistoryView<'a> {
    panel: &'a Panel,
    start: usize,
    end: usize,
}

impl<'a> HistoryView<'a> {
    /// Dates with their closes, oldest first; a missing close is NaN.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Date, Row<'a>)> + use<'a> {
        let panel = self.panel;
        (self.start..self.end)
            .map(move |r| (panel.dates[r], Row(&panel.closes[r * panel.width..(r + 1) * panel.width])))
    }

    /// The last visible date.
    pub fn last_date(&self) -> Option<Date> {
        (self.start < self.end).then(|| self.panel.dates[self.end - 1])
    }

    /// Number of visible rows.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// True when nothing is visible.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// Closes of one date.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a>(&'a [f64]);

impl Row<'_> {
    /// The close of one instrument, if it printed.
    pub fn close(&self, instrument: InstrumentId) -> Option<f64> {
        let close = self.0[instrument.index()];
        (!close.is_nan()).then_some(close)
    }

    /// All closes in instrument order, NaN where one is missing.
    pub fn raw(&self) -> &[f64] {
        self.0
    }
}
