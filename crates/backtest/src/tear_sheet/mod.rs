//! A run as one page that needs nothing else.
//!
//! In: a result. Out: HTML with its styles, drawings and script inside. Invariant: every number is computed from the rows
//! of the result; nothing is fetched; what is shown of others' text is escaped.

mod months;
mod plot;
mod tables;

use crate::page::{hundredths, money};
use crate::result::{Day, Result, Summary, counted, to_f64};
use crate::statistics::{drawdowns, rolling_volatility};
use jiff::civil::Date;
use plot::{Format, Plot, Series, Stroke};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(crate) const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Days of the rolling deviation.
const WINDOW: usize = 60;
/// Colours of sleeves in the style sheet.
const COLOURS: usize = 9;
/// Marks along time.
const MARKS_MAX: usize = 8;
/// Trade dates in a month, for rolling sums.
const MONTH: usize = 21;

/// The page.
///
/// # Panics
/// When no date was run.
pub fn tear_sheet(result: &Result) -> String {
    let summary = result.summary();
    let marks = marks(&result.days.iter().map(|day| day.date).collect::<Vec<_>>());
    let plots = plots(result, &summary, &marks);
    let html = |id: &str| plots.iter().find(|plot| plot.id == id).map_or_else(String::new, Plot::html);
    let pair = |left: String, right: String| format!("<div class=pair>{left}{right}</div>");
    let body = [
        header(&summary),
        figures(&summary),
        notes(&summary),
        html("nav"),
        html("drawdown"),
        pair(html("volatility"), html("exposure")),
        months::table(&result.days, &result.returns()),
        html("sleeves"),
        pair(tables::sleeves(&summary), tables::costs(&summary)),
        pair(html("costs"), html("turnover")),
        tables::worst(result),
        footer(&summary),
    ]
    .concat();
    let dates: Vec<String> = result.days.iter().map(|day| day.date.to_string()).collect();
    let data: BTreeMap<&str, serde_json::Value> = plots.iter().map(|plot| (plot.id, plot.data())).collect();
    let data = serde_json::json!({ "dates": dates, "plots": data }).to_string().replace("</", "<\\/");
    format!(
        "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width, \
         initial-scale=1\"><meta name=color-scheme content=\"light dark\"><title>{}</title><style>{STYLE}</style>\
         <main>{body}</main><script type=\"application/json\" id=data>{data}</script><script type=module>{SCRIPT}\
         </script></html>\n",
        escape(&summary.run.title)
    )
}

fn header(summary: &Summary) -> String {
    let Summary { run, .. } = summary;
    format!(
        "<header><h1>{}</h1><p>{} to {} · {} · {} · {}</p></header>",
        escape(&run.title),
        summary.from,
        summary.to,
        counted(summary.days, "trade date"),
        escape(&run.market),
        run.manner()
    )
}

/// The figures one looks for first.
fn figures(summary: &Summary) -> String {
    let Some(s) = &summary.statistics else { return String::new() };
    let two = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| signed(format!("{value:.2}")));
    let tone = |value: f64| if value < 0.0 { "loss" } else { "gain" };
    let rows = [
        (
            "Return a year",
            percent(s.annual_return),
            tone(s.annual_return),
            format!("{} in all", percent(s.total_return)),
        ),
        (
            "Volatility",
            s.annual_volatility.map_or_else(|| "–".into(), percent),
            "",
            format!("target {}", percent(summary.run.vol_target)),
        ),
        ("Sharpe", two(s.sharpe), "", format!("Sortino {}", two(s.sortino))),
        ("Max drawdown", percent(s.max_drawdown), "loss", format!("Calmar {}", two(s.calmar))),
        ("Worst day", percent(s.worst_day), "loss", format!("best {}", percent(s.best_day))),
        (
            "Gross",
            format!("{:.2} ×", summary.mean_gross),
            "",
            signed(format!("net {:+.2} ×", hundredths(summary.mean_net))),
        ),
        (
            "Turnover a year",
            format!("{:.1} ×", summary.turnover_per_year),
            "",
            format!("costs {:.0} bp", summary.costs.trading_bps_per_year),
        ),
        (
            "NAV at the end",
            summary.nav_last.map_or_else(|| "–".into(), |nav| format!("{:.2} M", to_f64(nav) / 1e6)),
            "",
            summary.run.base.clone(),
        ),
    ];
    let cell = |(name, value, class, small): &(&str, String, &str, String)| {
        format!("<div><dt>{name}</dt><dd class=\"{class}\">{value}<small>{small}</small></dd></div>")
    };
    format!("<dl class=figures>{}</dl>", rows.iter().map(cell).collect::<String>())
}

/// What must be known before believing the rest.
fn notes(summary: &Summary) -> String {
    if summary.warnings.is_empty() {
        return String::new();
    }
    let rows: String = summary.warnings.iter().map(|warning| format!("<li>{}</li>", escape(warning))).collect();
    let count = counted(summary.warnings.len(), "note");
    format!(
        "<section class=\"card notes\"><div class=head><h2>Read this first</h2><p>{count}</p></div><ul>{rows}</ul></section>"
    )
}

fn footer(summary: &Summary) -> String {
    let origin = &summary.run.origin;
    format!(
        "<footer>A date's return runs from its plan to the next, on the closes before them, after all costs; the first begins \
         with the account and the last ends with it. NAV and the simulated broker's were at most {:.4} bp apart.<br>data \
         <code>{}</code> · configuration <code>{}</code> · code <code>{}</code> of <code>{}</code></footer>",
        summary.difference_bp_max, origin.data, origin.config, origin.code, origin.program
    )
}

fn plots<'a>(result: &'a Result, summary: &Summary, marks: &'a [(usize, String)]) -> Vec<Plot<'a>> {
    let days = &result.days;
    let column = |of: fn(&Day) -> f64| -> Vec<f64> { days.iter().map(of).collect() };
    let line = |name: &str, colour: &str, stroke: Stroke, values: Vec<f64>| Series {
        name: name.into(),
        colour: colour.into(),
        stroke,
        values,
    };
    let plot = |id, title, note, format, height, series| Plot {
        id,
        title,
        note,
        format,
        height,
        series,
        bands: Vec::new(),
        marks,
    };
    let returns = result.returns();
    let rolling = rolling_volatility(&returns, WINDOW).into_iter().map(|vol| vol.unwrap_or(f64::NAN)).collect();
    let target = vec![summary.run.vol_target; days.len()];
    let estimate = days.iter().map(|day| day.volatility.unwrap_or(f64::NAN)).collect();
    let paid = cumulative(column(|day| -(day.commission + day.slippage)));
    let earned = cumulative(column(|day| day.financing + day.dividends + day.fees));
    let nav = plot(
        "nav",
        "Value of one unit",
        "with the regime in force",
        Format::Value,
        280,
        vec![line("unit value", "s1", Stroke::Line, unit_values(&returns))],
    );
    vec![
        Plot { bands: bands(days), ..nav },
        plot(
            "drawdown",
            "Drawdown",
            "distance from the highest unit value",
            Format::Percent,
            150,
            vec![line("drawdown", "loss", Stroke::Area, drawdowns(&returns))],
        ),
        plot(
            "volatility",
            "Volatility",
            "annual",
            Format::Percent,
            190,
            vec![
                line("realised, 60 days", "s1", Stroke::Line, rolling),
                line("estimate the scale stands on", "s2", Stroke::Line, estimate),
                line("target", "s8", Stroke::Dashed, target),
            ],
        ),
        plot(
            "exposure",
            "Exposure",
            "multiples of NAV after each date",
            Format::Times,
            190,
            vec![
                line("gross", "s1", Stroke::Line, column(|day| day.gross)),
                line("net", "s3", Stroke::Area, column(|day| day.net)),
            ],
        ),
        plot("sleeves", "Profit by sleeve", "cumulative, base currency", Format::Money, 260, sleeves(days)),
        plot(
            "costs",
            "Costs and income",
            "cumulative, base currency",
            Format::Money,
            190,
            vec![
                line("commissions, spread, impact", "loss", Stroke::Area, paid),
                line("interest, borrow, dividends, fees", "s3", Stroke::Line, earned),
            ],
        ),
        plot(
            "turnover",
            "Turnover",
            "executed notional over NAV in 21 dates",
            Format::Times,
            190,
            vec![line(
                "turnover",
                "s5",
                Stroke::Area,
                rolling_sum(days.iter().map(|day| day.nav.map_or(0.0, |nav| day.traded / to_f64(nav))).collect()),
            )],
        ),
    ]
}

/// Sleeves that ever earned or lost anything.
fn sleeves(days: &[Day]) -> Vec<Series> {
    let names: std::collections::BTreeSet<&String> = days.iter().flat_map(|day| day.sleeves.keys()).collect();
    let earned = |name: &&String| days.iter().any(|day| day.sleeves.get(*name).is_some_and(|profit| *profit != 0.0));
    let series = |(index, name): (usize, &String)| Series {
        name: name.clone(),
        colour: format!("s{}", index % COLOURS + 1),
        stroke: Stroke::Line,
        values: cumulative(days.iter().map(|day| day.sleeves.get(name).copied().unwrap_or_default()).collect()),
    };
    names.into_iter().filter(earned).enumerate().map(series).collect()
}

/// Spans of the regimes that are not the normal one.
fn bands(days: &[Day]) -> Vec<(usize, usize, String)> {
    let mut bands: Vec<(usize, usize, String)> = Vec::new();
    for (position, day) in days.iter().enumerate().filter(|(_, day)| day.regime != "NORMAL") {
        match bands.last_mut() {
            Some((_, last, regime)) if *last + 1 == position && *regime == day.regime => *last = position,
            _ => bands.push((position, position, day.regime.clone())),
        }
    }
    bands
}

/// What one unit is worth after each return, 1 before the first.
fn unit_values(returns: &[f64]) -> Vec<f64> {
    let grow = |value: &mut f64, earned: &f64| {
        *value *= 1.0 + earned;
        Some(*value)
    };
    returns.iter().scan(1.0, grow).collect()
}

fn cumulative(values: Vec<f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |value: f64| {
        sum += value;
        sum
    };
    values.into_iter().map(add).collect()
}

fn rolling_sum(values: Vec<f64>) -> Vec<f64> {
    (0..values.len()).map(|end| values[end.saturating_sub(MONTH - 1)..=end].iter().sum()).collect()
}

/// Beginnings of years, or of months in a short run, at most so many.
fn marks(dates: &[Date]) -> Vec<(usize, String)> {
    let begins = |of: fn(&Date) -> (i16, i8)| -> Vec<usize> {
        (1..dates.len()).filter(|&i| of(&dates[i]) != of(&dates[i - 1])).collect()
    };
    let (years, months) = (begins(|date| (date.year(), 0)), begins(|date| (date.year(), date.month())));
    let by_year = years.len() >= 3;
    let all = if by_year { years } else { months };
    let every = all.len().div_ceil(MARKS_MAX).max(1);
    let text = |date: Date| if by_year { date.year().to_string() } else { date.strftime("%b %y").to_string() };
    all.into_iter().step_by(every).map(|position| (position, text(dates[position]))).collect()
}

fn percent(fraction: f64) -> String {
    let text = format!("{:.2} %", fraction * 100.0);
    if text == "-0.00 %" { "0.00 %".into() } else { signed(text) }
}

/// A real minus sign.
fn signed(text: String) -> String {
    text.replace('-', "−")
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A row of a table.
fn row(cells: &[String]) -> String {
    let mut html = String::from("<tr>");
    for cell in cells {
        write!(html, "<td>{cell}</td>").expect("text");
    }
    html + "</tr>"
}

fn amount(value: f64) -> String {
    let class = if value <= -0.5 { " class=loss" } else { "" };
    format!("<span{class}>{}</span>", money(value))
}
