//! The answer of the chart endpoint.
//!
//! In: JSON. Out: a [`Chart`], or what is wrong with it. Invariant: the columns are as long as the dates, dates rise,
//! prices are positive, and the currency and unit are the ones the answer names.

use super::chart::{Chart, ChartBar, Dividend, LastPrice, QuotedIn, Split};
use domain::{Currency, Price, Quantity, QuoteUnit};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use market::Bar;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Document {
    chart: Body,
}

#[derive(Deserialize)]
struct Body {
    result: Option<Vec<Answer>>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    currency: Option<String>,
    symbol: String,
    exchange_timezone_name: String,
    regular_market_time: Option<i64>,
    regular_market_price: Option<f64>,
    data_granularity: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    meta: Meta,
    #[serde(default)]
    timestamp: Vec<i64>,
    events: Option<Events>,
    indicators: Indicators,
}

#[derive(Default, Deserialize)]
struct Events {
    #[serde(default)]
    dividends: BTreeMap<String, PaidOut>,
    #[serde(default)]
    splits: BTreeMap<String, SplitUp>,
}

#[derive(Deserialize)]
struct PaidOut {
    amount: f64,
    date: i64,
}

#[derive(Deserialize)]
struct SplitUp {
    date: i64,
    numerator: f64,
    denominator: f64,
}

#[derive(Deserialize)]
struct Indicators {
    quote: Vec<Columns>,
    #[serde(default)]
    adjclose: Vec<Adjusted>,
}

#[derive(Deserialize)]
struct Columns {
    #[serde(default)]
    open: Vec<Option<f64>>,
    #[serde(default)]
    high: Vec<Option<f64>>,
    #[serde(default)]
    low: Vec<Option<f64>>,
    #[serde(default)]
    close: Vec<Option<f64>>,
    #[serde(default)]
    volume: Vec<Option<f64>>,
}

#[derive(Default, Deserialize)]
struct Adjusted {
    #[serde(default)]
    adjclose: Vec<Option<f64>>,
}

/// What the server says about a request it does not answer.
pub(super) fn refusal(body: &str) -> Option<String> {
    let document: Document = serde_json::from_str(body).ok()?;
    document.chart.error?.description.map(|words| words.chars().take(200).collect())
}

/// The one answer about a symbol.
fn answer(symbol: &str, body: &str) -> Result<Answer, String> {
    let document: Document =
        serde_json::from_str(body).map_err(|error| format!("it is not the JSON of a chart ({error})"))?;
    let answer = match (document.chart.result, document.chart.error) {
        (Some(mut answers), None) if answers.len() == 1 => answers.remove(0),
        (_, Some(error)) => return Err(error.description.unwrap_or_else(|| "an error without words".to_owned())),
        _ => return Err("it holds no chart".to_owned()),
    };
    match answer.meta.symbol == symbol {
        true => Ok(answer),
        false => Err(format!("it is the chart of {}", answer.meta.symbol)),
    }
}

/// Reads the last price, which is worth nothing without its time.
pub(super) fn last(symbol: &str, body: &str) -> Result<LastPrice, String> {
    let meta = answer(symbol, body)?.meta;
    let quoted_in = quoted_in(meta.currency.as_deref().unwrap_or_default())?;
    let quoted = meta.regular_market_price.ok_or("it holds no last price")?;
    let price = Price::from_quote(published(quoted)?, quoted_in.unit).map_err(|error| error.to_string())?;
    let second = meta.regular_market_time.ok_or("its last price has no time")?;
    Ok(LastPrice { quoted_in, price, at: Timestamp::from_second(second).map_err(|error| error.to_string())? })
}

/// Reads an answer.
pub(super) fn chart(symbol: &str, from: Date, to: Date, body: &str) -> Result<Chart, String> {
    let answer = answer(symbol, body)?;
    if answer.meta.data_granularity.as_deref().is_some_and(|granularity| granularity != "1d") {
        return Err("its bars are not daily".to_owned());
    }
    let zone = TimeZoneDatabase::bundled().get(&answer.meta.exchange_timezone_name);
    let zone = zone.map_err(|_| format!("`{}` is no time zone", answer.meta.exchange_timezone_name))?;
    let quoted_in = quoted_in(answer.meta.currency.as_deref().unwrap_or_default())?;
    let reader = Reader { quoted_in, zone: &zone, from, to };
    let as_of = answer.meta.regular_market_time.or(answer.timestamp.last().copied()).unwrap_or_default();
    let (bars, blank) = reader.bars(&answer)?;
    let events = answer.events.unwrap_or_default();
    let (dividends, splits) = (reader.dividends(&events)?, reader.splits(&events)?);
    let as_of = Timestamp::from_second(as_of).map_err(|error| error.to_string())?;
    Ok(Chart { symbol: symbol.to_owned(), quoted_in, zone: zone.clone(), as_of, bars, dividends, splits, blank })
}

/// `GBp` is the only name for pence; a size never is.
fn quoted_in(declared: &str) -> Result<QuotedIn, String> {
    let (code, unit) = match declared {
        "GBp" | "GBX" => ("GBP", QuoteUnit::Hundredth),
        other => (other, QuoteUnit::Major),
    };
    let currency: Currency =
        code.parse().map_err(|_| format!("it is quoted in `{declared}`, which is not known here"))?;
    Ok(QuotedIn { currency, unit })
}

struct Reader<'a> {
    quoted_in: QuotedIn,
    zone: &'a TimeZone,
    from: Date,
    to: Date,
}

impl Reader<'_> {
    fn date(&self, second: i64) -> Result<Date, String> {
        let at = Timestamp::from_second(second).map_err(|error| error.to_string())?;
        Ok(at.to_zoned(self.zone.clone()).date())
    }

    fn wanted(&self, date: Date) -> bool {
        self.from <= date && date <= self.to
    }

    fn bars(&self, answer: &Answer) -> Result<(Vec<ChartBar>, Vec<Date>), String> {
        let dates = &answer.timestamp;
        let Columns { open, high, low, close, volume } = answer.indicators.quote.first().ok_or("it has no prices")?;
        let adjusted = answer.indicators.adjclose.first().map(|column| &column.adjclose);
        let lengths = [open, high, low, close].map(Vec::len);
        if lengths.iter().any(|length| *length != dates.len())
            || adjusted.is_some_and(|column| column.len() != dates.len())
        {
            return Err(format!("{} dates and {} closes", dates.len(), close.len()));
        }
        let (mut bars, mut blank): (Vec<ChartBar>, Vec<Date>) = (Vec::new(), Vec::new());
        for (row, second) in dates.iter().enumerate() {
            let date = self.date(*second)?;
            // The price of a session that still runs comes as a second row of its day, stamped with the last trade.
            let is_latest = row + 1 == dates.len() && Some(*second) == answer.meta.regular_market_time;
            let is_running = is_latest && bars.last().is_some_and(|last| last.bar.date == date);
            if is_running || !self.wanted(date) {
                continue;
            }
            if bars.last().is_some_and(|last| last.bar.date >= date) {
                return Err(format!("{date} does not come after {}", bars[bars.len() - 1].bar.date));
            }
            let prices = [open[row], high[row], low[row], close[row]];
            let [Some(open), Some(high), Some(low), Some(close)] = prices else {
                blank.push(date);
                continue;
            };
            let prices = [self.price(open)?, self.price(high)?, self.price(low)?, self.price(close)?];
            let traded = volume.get(row).copied().flatten().unwrap_or_default();
            let volume = Quantity::from_f64(traded).map_err(|error| format!("the volume of {date}: {error}"))?;
            let adjusted = adjusted.and_then(|column| column[row]).map(|close| self.price(close)).transpose()?;
            bars.push(ChartBar { bar: Bar::new(date, prices, volume), adjusted_close: adjusted });
        }
        Ok((bars, blank))
    }

    fn price(&self, quoted: f64) -> Result<Price, String> {
        Price::from_quote(published(quoted)?, self.quoted_in.unit).map_err(|error| error.to_string())
    }

    fn dividends(&self, events: &Events) -> Result<Vec<Dividend>, String> {
        let mut dividends = Vec::new();
        for paid in events.dividends.values() {
            let amount = published(paid.amount)? / self.quoted_in.unit.per_major();
            dividends.push(Dividend { date: self.date(paid.date)?, amount });
        }
        dividends.retain(|dividend| self.wanted(dividend.date));
        dividends.sort_by_key(|dividend| dividend.date);
        Ok(dividends)
    }

    fn splits(&self, events: &Events) -> Result<Vec<Split>, String> {
        let mut splits = Vec::new();
        for split in events.splits.values() {
            let (numerator, denominator) = (published(split.numerator)?, published(split.denominator)?);
            if numerator <= Decimal::ZERO || denominator <= Decimal::ZERO {
                return Err(format!("a split of {numerator} for {denominator}"));
            }
            splits.push(Split { date: self.date(split.date)?, numerator, denominator });
        }
        splits.retain(|split| self.wanted(split.date));
        splits.sort_by_key(|split| split.date);
        Ok(splits)
    }
}

/// The number that was published: the source keeps prices in single precision and prints them in double, so 121.1
/// arrives as 121.0999984741211.
fn published(number: f64) -> Result<Decimal, String> {
    let single = number as f32;
    let text = if f64::from(single) == number { single.to_string() } else { number.to_string() };
    text.parse().map_err(|_| format!("{number} is no number"))
}
