//! What a stock is measured by, and which measurements make a factor.
//!
//! In: statements known on a date, closes before it. Out: raw metrics of one candidate, absent where something is
//! missing. Invariant: a metric is a plain number of its own unit; no metric sees another company.

use domain::ContractId;
use market::statistics::{distance_from_mean, momentum};
use market::{Bar, Figure, FiscalYear, Statement};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fiscal years over which a margin has to be stable.
const MARGIN_YEARS: usize = 5;
/// Years of a margin without which its deviation says nothing.
const MARGIN_YEARS_MIN: usize = 3;
/// Years of weak interest cover that make a zombie.
const COVER_YEARS: usize = 3;
/// Debt over EBITDA counts as this when it is higher, or when there are no earnings to pay from.
const DEBT_TO_EBITDA_MAX: f64 = 20.0;
/// Rows of a year and of its last month, which 12−1 momentum leaves out.
const MOMENTUM_ROWS: (usize, usize) = (252, 21);
/// Days of the long price average.
const MEAN_DAYS: usize = 200;
/// A statement whose fiscal year ended longer ago than this many days says nothing about today.
const STATEMENT_AGE_DAYS_MAX: i32 = 800;
/// Days of the longest fiscal year: 53 weeks.
const FISCAL_YEAR_DAYS_MAX: i32 = 371;

/// A measurement of one company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Net income over equity.
    ReturnOnEquity,
    /// Gross profit over assets (Novy-Marx 2013).
    GrossProfitability,
    /// Liabilities over assets.
    Leverage,
    /// Sample deviation of the operating margin over up to five years, three at least.
    MarginDeviation,
    /// 12−1 month return.
    Momentum,
    /// Natural logarithm of the market capitalisation in base currency: as reported, moved with the price since.
    LogMarketCap,
    /// Of the last three years, the share in which EBIT did not cover the interest that was due.
    WeakCoverYears,
    /// Debt over EBITDA, at most 20; 20 without earnings.
    DebtToEbitda,
    /// Free cash flow spent, over assets: positive when more cash left than came.
    CashBurn,
    /// The last close over its 200-day mean, less 1.
    DistanceFromMean,
    /// 1 in a listed sector, else 0.
    ListedSector,
}

impl Metric {
    /// Whether it counts cases of a few, between none and all of them.
    pub(crate) fn is_share(self) -> bool {
        matches!(self, Metric::WeakCoverYears | Metric::ListedSector)
    }
}

/// A factor of a screen: the mean z-score of its metrics, each with the sign that raises the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// Profitable, little debt, stable.
    Quality,
    /// Rose over the last year.
    Momentum,
    /// Large.
    Size,
    /// Lives on borrowed money.
    Zombie,
    /// Fell over the last year and is below its mean.
    Weakness,
    /// In a listed sector.
    Sector,
}

impl Factor {
    /// Its name in settings and reports.
    pub fn name(self) -> &'static str {
        match self {
            Factor::Quality => "quality",
            Factor::Momentum => "momentum",
            Factor::Size => "size",
            Factor::Zombie => "zombie",
            Factor::Weakness => "weakness",
            Factor::Sector => "sector",
        }
    }

    /// Its metrics with their signs.
    pub fn metrics(self) -> &'static [(Metric, f64)] {
        match self {
            Factor::Quality => &[
                (Metric::ReturnOnEquity, 1.0),
                (Metric::GrossProfitability, 1.0),
                (Metric::Leverage, -1.0),
                (Metric::MarginDeviation, -1.0),
            ],
            Factor::Momentum => &[(Metric::Momentum, 1.0)],
            Factor::Size => &[(Metric::LogMarketCap, 1.0)],
            Factor::Zombie => &[(Metric::WeakCoverYears, 1.0), (Metric::DebtToEbitda, 1.0), (Metric::CashBurn, 1.0)],
            Factor::Weakness => &[(Metric::Momentum, -1.0), (Metric::DistanceFromMean, -1.0)],
            Factor::Sector => &[(Metric::ListedSector, 1.0)],
        }
    }
}

/// What is known of one company on the day of a screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its contract.
    pub contract: ContractId,
    /// Its name, by which ties are ordered.
    pub name: String,
    /// Its sector, for people.
    pub sector: String,
    /// Last close in base currency; `None` when there is no recent one, and then it cannot be chosen.
    pub close: Option<f64>,
    /// The metrics there are.
    pub metrics: BTreeMap<Metric, f64>,
}

/// Raw material of a candidate's metrics.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Statements known on the date, newest fiscal year first and of a year the last published first.
    pub statements: &'a [&'a Statement],
    /// Daily bars before the date, oldest first, in the trading currency and all of one adjustment.
    pub bars: &'a [Bar],
    /// Base currency per unit of the trading currency, in which the company is taken to report.
    pub rate: Option<f64>,
    /// Whether its sector is one of those listed.
    pub listed_sector: bool,
    /// The date of the decision.
    pub date: jiff::civil::Date,
}

impl Evidence<'_> {
    /// Every metric the evidence supports.
    pub fn metrics(&self) -> BTreeMap<Metric, f64> {
        let closes: Vec<f64> = self.bars.iter().map(|bar| bar.close.to_f64()).collect();
        let ratio = |over, under| self.newest([over, under]).and_then(|[over, under]| share(over, under));
        let measured = [
            (Metric::ReturnOnEquity, ratio(Figure::NetIncome, Figure::Equity)),
            (Metric::GrossProfitability, ratio(Figure::GrossProfit, Figure::Assets)),
            (Metric::Leverage, ratio(Figure::Liabilities, Figure::Assets)),
            (Metric::MarginDeviation, self.margin_deviation()),
            (Metric::Momentum, yearly_momentum(&closes)),
            (Metric::LogMarketCap, self.market_cap().map(libm::log)),
            (Metric::WeakCoverYears, self.weak_cover()),
            (Metric::DebtToEbitda, self.newest([Figure::Debt, Figure::Ebitda]).map(debt_to_ebitda)),
            (Metric::CashBurn, self.cash_burn()),
            (Metric::DistanceFromMean, distance_from_mean(&closes, MEAN_DAYS)),
            (Metric::ListedSector, Some(f64::from(u8::from(self.listed_sector)))),
        ];
        let finite = |(metric, value): (Metric, Option<f64>)| Some((metric, value.filter(|value| value.is_finite())?));
        measured.into_iter().filter_map(finite).collect()
    }

    /// These figures of the newest fiscal year that states all of them: a ratio of two years measures neither.
    fn newest<const N: usize>(&self, figures: [Figure; N]) -> Option<[f64; N]> {
        self.years(&figures, STATEMENT_AGE_DAYS_MAX).find_map(|year| year.figures(figures))
    }

    /// Fiscal years no older than this that state any of these figures, newest first.
    fn years<'a>(&'a self, figures: &'a [Figure], age_max: i32) -> impl Iterator<Item = FiscalYear<'a>> {
        FiscalYear::all(self.statements)
            .take_while(move |year| (self.date - year.end()).get_days() <= age_max)
            .filter(|year| figures.iter().any(|&figure| year.get(figure).is_some()))
    }

    /// So many fiscal years at most that state any of these figures, of which the newest says something about today.
    fn last_years<'a>(&'a self, figures: &'a [Figure], count: usize) -> impl Iterator<Item = FiscalYear<'a>> {
        let oldest = STATEMENT_AGE_DAYS_MAX + FISCAL_YEAR_DAYS_MAX * (count as i32 - 1);
        let speaks = self.years(figures, STATEMENT_AGE_DAYS_MAX).next().is_some();
        self.years(figures, oldest).take(if speaks { count } else { 0 })
    }

    /// What was reported last, moved with the price since. Shares times a close would be a product of two counts: shares
    /// are those of the fiscal year's end, and closes are adjusted for every split after it.
    fn market_cap(&self) -> Option<f64> {
        let reported = &[Figure::MarketCap];
        let (published, cap) = self.years(reported, STATEMENT_AGE_DAYS_MAX).next()?.published(Figure::MarketCap)?;
        let then = self.bars[..self.bars.partition_point(|bar| bar.date <= published)].last()?;
        let cap = cap * self.bars.last()?.close.to_f64() / then.close.to_f64() * self.rate?;
        (cap > 0.0).then_some(cap)
    }

    fn margin_deviation(&self) -> Option<f64> {
        let figures = [Figure::OperatingIncome, Figure::Revenue];
        let margin = |year: FiscalYear<'_>| year.figures(figures).and_then(|[income, revenue]| share(income, revenue));
        let margins: Vec<f64> = self.last_years(&figures, MARGIN_YEARS).filter_map(margin).collect();
        if margins.len() < MARGIN_YEARS_MIN {
            return None;
        }
        let mean = margins.iter().sum::<f64>() / margins.len() as f64;
        let squares: f64 = margins.iter().map(|margin| (margin - mean) * (margin - mean)).sum();
        Some(libm::sqrt(squares / (margins.len() - 1) as f64))
    }

    /// `None` unless every one of the years is known. A year without interest is covered, whatever it earned: cover is
    /// EBIT over interest.
    fn weak_cover(&self) -> Option<f64> {
        let figures = [Figure::Ebit, Figure::InterestExpense];
        let weak =
            |year: FiscalYear<'_>| year.figures(figures).map(|[ebit, interest]| interest > 0.0 && ebit < interest);
        let years: Option<Vec<bool>> = self.last_years(&figures, COVER_YEARS).map(weak).collect();
        let years = years.filter(|years| years.len() == COVER_YEARS)?;
        Some(years.iter().filter(|&&weak| weak).count() as f64 / COVER_YEARS as f64)
    }

    fn cash_burn(&self) -> Option<f64> {
        let [earned, invested, assets] =
            self.newest([Figure::OperatingCashFlow, Figure::CapitalExpenditure, Figure::Assets])?;
        share(invested - earned, assets)
    }
}

fn yearly_momentum(closes: &[f64]) -> Option<f64> {
    let closes: Vec<Option<f64>> = closes.iter().copied().map(Some).collect();
    let (lookback, skip) = MOMENTUM_ROWS;
    momentum(&closes, lookback, skip)
}

fn share(over: f64, under: f64) -> Option<f64> {
    (under > 0.0).then(|| over / under)
}

fn debt_to_ebitda([debt, ebitda]: [f64; 2]) -> f64 {
    let debt = debt.max(0.0);
    let unpayable = ebitda <= 0.0 && debt > 0.0;
    if unpayable { DEBT_TO_EBITDA_MAX } else { (debt / ebitda.max(1e-9)).min(DEBT_TO_EBITDA_MAX) }
}
