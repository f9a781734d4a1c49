//! A second opinion on exchange rates, from outside the broker.
//!
//! In: the currency pairs of the instrument table, Yahoo's charts, the time. Out: rates with their time, and what was not
//! had. Invariant: a rate without a time, of another currency, or later than now is none; a source that is silent stops
//! nothing, because the account's own rate does not depend on it.

use crate::failure::Failure;
use crate::settings::{Loaded, SecondSource};
use domain::{Currency, InstrumentKind, QuoteUnit};
use feeds::{Charts, ChartsConfig, LastPrice, QuotedIn};
use jiff::{SignedDuration, Timestamp};
use market::fx::{RateOffer, RateSource};
use std::time::Duration;

/// How long a morning waits for all pairs together.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far the source's clock may be ahead of the gateway's.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(60);

/// The pairs and where they are asked for.
#[derive(Debug)]
pub struct SecondRates {
    charts: Charts,
    pairs: Vec<Pair>,
}

/// `symbol` is the price of one unit of `from` in `to`.
#[derive(Debug)]
struct Pair {
    from: Currency,
    to: Currency,
    symbol: String,
}

impl SecondRates {
    /// The source the settings name, if they name one.
    pub fn configured(loaded: &Loaded) -> Result<Option<SecondRates>, Failure> {
        if loaded.settings.fx.second_source == SecondSource::None {
            return Ok(None);
        }
        let yahoo = &loaded.settings.data.yahoo;
        let pause = Duration::from_millis(u64::from(yahoo.pause_ms));
        let config = ChartsConfig { host: yahoo.host.clone(), pause };
        let charts = Charts::new(&config).map_err(|error| Failure::Usage(error.to_string()))?;
        let rows = loaded.instruments.iter().filter(|(_, row)| row.kind == InstrumentKind::Cash);
        let pair =
            |symbol: &str, from: &str, to| Some(Pair { from: from.parse().ok()?, to, symbol: symbol.to_owned() });
        let pairs = rows.filter_map(|(_, row)| pair(row.yahoo_symbol.as_deref()?, &row.symbol, row.currency)).collect();
        Ok(Some(SecondRates { charts, pairs }))
    }

    /// What the source says now, and a sentence when it did not say everything.
    pub async fn offers(&mut self, now: Timestamp) -> (Vec<RateOffer>, Option<String>) {
        let (mut offers, mut missing) = (Vec::new(), Vec::new());
        let asking = async {
            for pair in &self.pairs {
                match self.charts.last(&pair.symbol).await.map_err(|error| error.to_string()) {
                    Ok(last) => match pair.offer(last, now) {
                        Ok(offer) => offers.push(offer),
                        Err(problem) => missing.push(format!("{}: {problem}", pair.symbol)),
                    },
                    Err(problem) => missing.push(problem),
                }
            }
        };
        if tokio::time::timeout(PATIENCE, asking).await.is_err() {
            missing.push(format!("not every pair was answered within {} seconds", PATIENCE.as_secs()));
        }
        let told = || format!("of these pairs only the broker told a rate: {}", missing.join("; "));
        (offers, (!missing.is_empty()).then(told))
    }
}

impl Pair {
    fn offer(&self, last: LastPrice, now: Timestamp) -> Result<RateOffer, String> {
        let LastPrice { quoted_in, price, at } = last;
        if quoted_in != (QuotedIn { currency: self.to, unit: QuoteUnit::Major }) {
            return Err(format!("it is quoted in {}, and the pair in {}", quoted_in.currency, self.to));
        }
        if at > now + CLOCKS_APART {
            return Err(format!("its time is {at}, and now is {now}"));
        }
        Ok(RateOffer { from: self.from, to: self.to, rate: price.to_decimal(), source: RateSource::Yahoo, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Price;

    #[test]
    fn a_rate_of_another_currency_in_pence_or_of_the_future_is_none() {
        let pair = Pair { from: Currency::Eur, to: Currency::Usd, symbol: "EURUSD=X".into() };
        let now: Timestamp = "2026-03-02T06:00:00Z".parse().unwrap();
        let dollars = QuotedIn { currency: Currency::Usd, unit: QuoteUnit::Major };
        let last = |quoted_in, at| LastPrice { quoted_in, price: Price::from_f64(1.18).unwrap(), at };
        let offer = pair.offer(last(dollars, now), now).unwrap();
        assert_eq!(
            (offer.from, offer.to, offer.rate.normalize().to_string()),
            (Currency::Eur, Currency::Usd, "1.18".to_owned())
        );
        assert!(pair.offer(last(dollars, now + SignedDuration::from_secs(59)), now).is_ok(), "clocks differ");
        assert!(pair.offer(last(dollars, now + SignedDuration::from_hours(1)), now).is_err());
        assert!(pair.offer(last(QuotedIn { currency: Currency::Gbp, ..dollars }, now), now).is_err());
        assert!(pair.offer(last(QuotedIn { unit: QuoteUnit::Hundredth, ..dollars }, now), now).is_err());
    }
}
