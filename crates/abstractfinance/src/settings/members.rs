//! Universes of a screen: who may be chosen.
//!
//! In: `universe/NAME.csv` of a configuration directory, or the file built in. Out: candidates with their sectors, and
//! the instruments they are. Invariant: one instrument per ISIN; a row whose ISIN the instrument table has already is
//! that instrument.

use super::ConfigError;
use super::instruments::{Category, InstrumentRow, Instruments};
use domain::{AssetClass, Currency, InstrumentKind, Mic, Price, Quantity, QuoteUnit};
use garde::Validate;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

pub(super) const BUILT_IN: [(&str, &str); 2] = [
    ("us_large", include_str!("../../../../config/universe/us_large.csv")),
    ("eu_large", include_str!("../../../../config/universe/eu_large.csv")),
];

/// One company that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The instrument's name.
    pub instrument: String,
    /// The name its fundamentals go by.
    pub id: String,
    /// Its sector.
    pub sector: String,
}

/// Universes by name.
pub type Universes = BTreeMap<String, Vec<Member>>;

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    name: String,
    isin: String,
    symbol: String,
    exchange: String,
    primary_exchange: String,
    currency: Currency,
    tick: Price,
    mic: Mic,
    sector: String,
    from_memory: String,
}

impl Row {
    fn instrument(&self) -> InstrumentRow {
        let category = if self.currency == Currency::Usd { Category::UsSingleName } else { Category::EuSingleName };
        InstrumentRow {
            category,
            description: self.name.clone(),
            kind: InstrumentKind::Stk,
            underlying: None,
            symbol: self.symbol.clone(),
            exchange: self.exchange.clone(),
            primary_exchange: Some(self.primary_exchange.clone()),
            trading_class: None,
            currency: self.currency,
            risk_currency: None,
            quote_unit: QuoteUnit::Major,
            multiplier: 1,
            tick: self.tick,
            lot: Quantity::whole(1),
            isin: Some(self.isin.clone()),
            con_id: None,
            mic: self.mic,
            yahoo_symbol: Some(self.id.clone()),
            asset_class: AssetClass::Stock,
            future: None,
            calendar_spread: false,
            tradable: true,
            short_proxy: None,
            history_proxy: None,
            client_category: None,
            from_memory: self.from_memory.split_whitespace().map(str::to_owned).collect(),
            note: None,
        }
    }
}

/// Reads a universe and adds what it names to the instruments.
///
/// # Errors
/// [`ConfigError::Universe`] with the file and line of what is wrong, or the universes there are.
pub(super) fn load(dir: Option<&Path>, name: &str, instruments: &mut Instruments) -> Result<Vec<Member>, ConfigError> {
    let (file, text) = read(dir, name)?;
    let refused = |problem: String| ConfigError::Universe { file: file.clone(), problem };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut members: Vec<Member> = Vec::new();
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(|error| refused(error.to_string()))?;
        let instrument = instruments.by_isin(&row.isin).map(str::to_owned).unwrap_or_else(|| row.id.clone());
        if members.iter().any(|member| member.instrument == instrument) {
            return Err(refused(format!("{} is listed twice; keep one line", row.id)));
        }
        if instruments.get(&instrument).is_none() {
            let added = row.instrument();
            added.validate().map_err(|report| refused(format!("{}: {report}", row.id)))?;
            instruments.add(&instrument, added);
        } else if instruments.by_isin(&row.isin).is_none() {
            return Err(refused(format!("{} is the name of another instrument; choose another id", row.id)));
        }
        members.push(Member { instrument, id: row.id, sector: row.sector });
    }
    Ok(members)
}

fn read(dir: Option<&Path>, name: &str) -> Result<(String, String), ConfigError> {
    let path = dir.map(|dir| dir.join("universe").join(format!("{name}.csv"))).filter(|path| path.exists());
    if let Some(path) = path {
        let text = std::fs::read_to_string(&path);
        return match text {
            Ok(text) => Ok((path.display().to_string(), text)),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        };
    }
    let built_in = BUILT_IN.iter().find(|(built_in, _)| *built_in == name);
    built_in.map(|(_, text)| (format!("{name}.csv (built in)"), (*text).to_owned())).ok_or_else(|| {
        let known = BUILT_IN.map(|(name, _)| name).join(", ");
        ConfigError::Universe {
            file: format!("universe/{name}.csv"),
            problem: format!("there is no such file beside the settings; built in are {known}"),
        }
    })
}
