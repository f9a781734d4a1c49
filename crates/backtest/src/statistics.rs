//! What a series of daily returns comes to, in the field's figures.
//!
//! In: simple daily returns. Out: return, volatility, ratios, drawdown, tails. Invariant: as empyrical and pandas compute
//! them over 252 days a year; a figure that is not defined is `None`, never zero.

use serde::Serialize;

/// Trading days in a year.
pub const DAYS_PER_YEAR: f64 = 252.0;

/// Figures of a series of returns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// How many returns.
    pub returns: usize,
    /// Compounded.
    pub total_return: f64,
    /// Compounded a year: (1 + total)^(252/n) − 1.
    pub annual_return: f64,
    /// Sample standard deviation × √252.
    pub annual_volatility: Option<f64>,
    /// Mean over standard deviation × √252, without a risk-free rate.
    pub sharpe: Option<f64>,
    /// Annual mean over annual downside deviation (root mean square of what is below zero).
    pub sortino: Option<f64>,
    /// Deepest fall below an earlier peak, zero or negative; wealth is 1 before the first return.
    pub max_drawdown: f64,
    /// Annual return over the deepest drawdown.
    pub calmar: Option<f64>,
    /// Worst return of a day.
    pub worst_day: f64,
    /// Best return of a day.
    pub best_day: f64,
    /// Fifth percentile, interpolated.
    pub var_95: f64,
    /// Mean of what is at or below the first percentile.
    pub shortfall_99: f64,
    /// Skewness, corrected for bias.
    pub skew: Option<f64>,
    /// Excess kurtosis, corrected for bias.
    pub kurtosis: Option<f64>,
}

/// Figures of at least one return.
pub fn statistics(returns: &[f64]) -> Option<Statistics> {
    let mut sorted = returns.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (&worst_day, &best_day) = sorted.first().zip(sorted.last())?;
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let moment = |of: fn(f64) -> f64| returns.iter().map(|r| of(r - mean)).sum::<f64>() / n;
    let (m2, m3, m4) = (moment(|d| d * d), moment(|d| d * d * d), moment(|d| d * d * d * d));
    let deviation = (n > 1.0).then(|| (m2 * n / (n - 1.0)).sqrt());
    let downside = (returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum::<f64>() / n).sqrt();
    let total_return = returns.iter().map(|r| 1.0 + r).product::<f64>() - 1.0;
    let annual_return = libm::pow(1.0 + total_return, DAYS_PER_YEAR / n) - 1.0;
    let max_drawdown = drawdowns(returns).into_iter().fold(0.0, f64::min);
    let over = |of: f64, by: f64| (by > 0.0).then(|| of / by);
    let var_99 = quantile(&sorted, 0.01);
    let tail: Vec<f64> = sorted.iter().copied().take_while(|r| *r <= var_99).collect();
    Some(Statistics {
        returns: returns.len(),
        total_return,
        annual_return,
        annual_volatility: deviation.map(|deviation| deviation * DAYS_PER_YEAR.sqrt()),
        sharpe: deviation.and_then(|deviation| over(mean * DAYS_PER_YEAR.sqrt(), deviation)),
        sortino: over(mean * DAYS_PER_YEAR.sqrt(), downside),
        max_drawdown,
        calmar: over(annual_return, -max_drawdown),
        worst_day,
        best_day,
        var_95: quantile(&sorted, 0.05),
        shortfall_99: tail.iter().sum::<f64>() / tail.len().max(1) as f64,
        skew: (n > 2.0 && m2 > 0.0).then(|| (n * (n - 1.0)).sqrt() / (n - 2.0) * m3 / (m2 * m2.sqrt())),
        kurtosis: (n > 3.0 && m2 > 0.0).then(|| {
            let excess = m4 / (m2 * m2) - 3.0;
            (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0)
        }),
    })
}

/// Distance from the highest wealth so far after each return, zero or negative.
pub fn drawdowns(returns: &[f64]) -> Vec<f64> {
    let (mut wealth, mut peak) = (1.0_f64, 1.0_f64);
    let fall = |r: &f64| {
        wealth *= 1.0 + r;
        peak = peak.max(wealth);
        (wealth - peak) / peak
    };
    returns.iter().map(fall).collect()
}

/// Annual sample deviation of the last `window` returns, from the first full window on.
pub fn rolling_volatility(returns: &[f64], window: usize) -> Vec<Option<f64>> {
    let deviation = |end: usize| {
        let part = &returns[end.checked_sub(window)?..end];
        statistics(part)?.annual_volatility
    };
    (1..=returns.len()).map(deviation).collect()
}

/// Linear interpolation between the order statistics.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, part) = (at.floor() as usize, at.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(path: &str) -> Option<String> {
        let path = format!("{}/../../../shared/data/{path}", env!("CARGO_MANIFEST_DIR"));
        #[expect(clippy::disallowed_methods, reason = "golden values are files")]
        let text = std::fs::read_to_string(&path).ok();
        if text.is_none() {
            eprintln!("skipped: {path} is absent");
        }
        text
    }

    /// Closes of one column of the panel a golden row was computed from; blanks are days without a print.
    fn golden_closes(window: &str, series: &str) -> Option<Vec<f64>> {
        let panel = shared(&format!("daily/panel_close_{window}.csv"))?;
        let mut lines = panel.lines();
        let column = lines.next()?.split(',').position(|name| name == series)?;
        Some(lines.filter_map(|line| line.split(',').nth(column)?.parse().ok()).collect())
    }

    #[test]
    fn a_flat_series_has_no_ratio() {
        let flat = statistics(&[0.0; 10]).unwrap();
        assert_eq!((flat.sharpe, flat.sortino, flat.calmar, flat.skew), (None, None, None, None));
        assert_eq!(statistics(&[]), None);
        assert_eq!(statistics(&[0.01]).unwrap().annual_volatility, None);
    }

    #[test]
    fn quantiles_are_interpolated() {
        assert!((quantile(&[1.0, 2.0, 3.0, 4.0], 0.5) - 2.5).abs() < 1e-15);
        assert!((quantile(&[1.0, 2.0], 0.05) - 1.05).abs() < 1e-15);
    }

    /// `performance.csv` beside the closes it was computed from.
    #[test]
    fn every_figure_is_the_golden_one() {
        let Some(golden) = shared("golden/performance.csv") else { return };
        let mut compared = 0;
        let mut lines = golden.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        for line in lines {
            let row: Vec<&str> = line.split(',').collect();
            let cell = |name: &str| row[header.iter().position(|h| *h == name).unwrap()];
            let Some(closes) = golden_closes(cell("window"), cell("series")) else { continue };
            let returns: Vec<f64> = closes.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
            let s = statistics(&returns).unwrap();
            let number = |name: &str| cell(name).parse::<f64>().unwrap();
            assert_eq!(s.returns as f64, number("n_returns"), "{line}");
            for (name, ours) in [
                ("total_return", Some(s.total_return)),
                ("cagr_252", Some(s.annual_return)),
                ("ann_vol_252", s.annual_volatility),
                ("sharpe_rf0", s.sharpe),
                ("sortino_mar0", s.sortino),
                ("max_drawdown", Some(s.max_drawdown)),
                ("calmar", s.calmar),
                ("worst_day", Some(s.worst_day)),
                ("best_day", Some(s.best_day)),
                ("var_95_hist", Some(s.var_95)),
                ("skew", s.skew),
                ("kurtosis_excess", s.kurtosis),
            ] {
                let (ours, theirs) = (ours.unwrap(), number(name));
                assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0), "{line}: {name} {ours} for {theirs}");
            }
            compared += 1;
        }
        assert!(compared >= 6, "only {compared} series could be compared");
    }

    /// What the tear sheet draws, day by day, beside the columns of `risk_*.csv`.
    #[test]
    fn rolling_volatility_and_the_deepest_fall_so_far_are_the_golden_ones_on_every_day() {
        let mut compared = 0;
        let series = ["SPX_2010_2018", "SX5E_2010_2018", "HYG_adj_2010_2018", "DAX_2025_2026"];
        for series in series.into_iter().chain(["SPX_2025_2026", "SX5E_2025_2026", "HYG_adj_2025_2026"]) {
            let Some(golden) = shared(&format!("golden/risk_{series}.csv")) else { return };
            let mut lines = golden.lines();
            let header: Vec<&str> = lines.next().unwrap().split(',').collect();
            let column = |name: &str| header.iter().position(|h| *h == name).unwrap();
            let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
            let rows: Vec<_> = rows.into_iter().filter(|row| !row[column("ret")].is_empty()).collect();
            let returns: Vec<f64> = rows.iter().map(|row| row[column("ret")].parse().unwrap()).collect();
            let deepest = drawdowns(&returns).into_iter().scan(0.0_f64, |deepest, fall| {
                *deepest = deepest.min(fall);
                Some(Some(*deepest))
            });
            for (name, ours) in [
                ("roll_vol_20", rolling_volatility(&returns, 20)),
                ("roll_vol_60", rolling_volatility(&returns, 60)),
                ("max_drawdown", deepest.collect()),
            ] {
                assert_eq!(ours.len(), rows.len());
                for (row, ours) in rows.iter().zip(ours) {
                    let theirs = row[column(name)].parse::<f64>().ok();
                    let equal =
                        ours.zip(theirs).map(|(ours, theirs)| (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-2));
                    assert!(equal.unwrap_or(ours == theirs), "{series} {}: {name} {ours:?} for {theirs:?}", row[0]);
                    compared += 1;
                }
            }
        }
        assert!(compared > 15_000, "only {compared} values");
    }
}
