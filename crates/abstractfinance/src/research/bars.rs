//! Price history that is handed over in memory.
//!
//! In: tables, and a map of them or the instrument table. Out: a catalogue. Invariant: it is imported as `data import` does
//! it: a row is used as it stands or left out and counted, and units are declared, by the map or by the instrument.

use crate::failure::Failure;
use crate::settings::{self, Instruments, unit_of_prices};
use catalogue::{ImportReport, ImportRequest, SeriesMap, Source, Table};
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What a lone table is called.
pub const BARS: &str = "bars";

/// Builds the catalogue `out` from tables. Without a map there is one table, named [`BARS`], whose column `symbol` holds
/// names of instruments, those of futures with the contract month, such as `M6E_202603`; `date` and `close` are needed,
/// `open`, `high`, `low` and `volume` are used when they are there.
///
/// # Errors
/// [`Failure::Usage`] with the table, the line and what to do; then `out` is as it was. A catalogue that is there already is
/// refused unless `replace` says that it may go.
pub fn import(
    config: Option<&Path>,
    map: Option<&str>,
    tables: &BTreeMap<String, Table>,
    out: &Path,
    replace: bool,
) -> Result<ImportReport, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let loaded = settings::load(config)?;
    let map = match map {
        Some(map) => map.to_owned(),
        None => {
            let bars = tables.get(BARS).filter(|_| tables.len() == 1);
            let several = || Failure::Usage("several tables need a map that says what each stands for".to_owned());
            own_map(bars.ok_or_else(several)?, &loaded.instruments)?
        }
    };
    let map = SeriesMap::parse("the map", &map).map_err(|error| usage(&error))?;
    map.suits("the map", |series| loaded.instruments.units_of(series)).map_err(|error| usage(&error))?;
    let has_contracts = |name: &str| loaded.instruments.get(name).is_some_and(|row| row.future.is_some());
    let instruments: Vec<&str> =
        loaded.instruments.iter().map(|(name, _)| name).filter(|name| !has_contracts(name)).collect();
    let request = ImportRequest {
        map: &map,
        source: Source::Tables(tables),
        destination: out,
        replace,
        segment: None,
        instruments: &instruments,
    };
    catalogue::import(&request, |_| {}).map_err(|error| usage(&error))
}

/// The map of a table that says by itself what it holds.
fn own_map(bars: &Table, instruments: &Instruments) -> Result<String, Failure> {
    let usage = |error: catalogue::SourceError| Failure::Usage(error.to_string());
    let columns = match (["open", "high", "low"].iter().all(|name| bars.has(name)), bars.has("volume")) {
        (true, true) => json!("ohlcv"),
        (true, false) => json!("ohlc"),
        (false, _) => json!({ "close": "close" }),
    };
    let mut series = Map::new();
    for symbol in bars.distinct("symbol").map_err(usage)? {
        let row = instruments.of_series(symbol).ok_or_else(|| unknown(symbol, instruments))?;
        let rule = json!({
            "stands_for": symbol,
            "files": { BARS: BARS },
            "symbol": symbol,
            "columns": columns,
            "unit": unit_of_prices(row.kind, row.currency, &row.symbol),
            "adjustment": "as handed over",
            "stamp": "close",
        });
        series.insert(symbol.to_owned(), rule);
    }
    // What is no date is refused by the import, with its line.
    let dates = bars.distinct("date").map_err(usage)?;
    let dates: Vec<Date> = dates.into_iter().filter_map(|text| text.parse().ok()).collect();
    let (from, to) = (dates.iter().min(), dates.iter().max());
    let (from, to) = from.zip(to).ok_or_else(|| Failure::Usage(format!("{BARS} has no row with a date YYYY-MM-DD")))?;
    Ok(json!({ "segments": { BARS: { "from": from, "to": to } }, "series": Value::Object(series) }).to_string())
}

fn unknown(symbol: &str, instruments: &Instruments) -> Failure {
    let known = instruments.iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    Failure::Usage(format!(
        "`{symbol}` in column `symbol` of {BARS} is not in instruments.yaml; write the name of the instrument whose history it \
         is, or hand a map over; known are {known}"
    ))
}
