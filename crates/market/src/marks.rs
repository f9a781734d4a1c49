//! Which price a contract is valued at: an offered one that can be believed, else the last good one.
//!
//! In: the last good mark, today's offers in order of preference. Out: the mark to use and why an offer was not taken.
//! Invariant: a price that jumps is used only when a second source or the next session confirms it; a price in another
//! unit is never used, but for an option's fall, which is a jump.

use domain::{ContractId, Price};
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Ratios this near to a unit's factor are that factor: a day's move lies on top of it.
const UNIT_NEAR: Decimal = dec!(0.05);
/// Ratios this near to one are near to no unit's factor, of which none lies between a half and two.
const PLAINLY_NEAR: f64 = 0.25;
/// Below this share of the largest move a move is within it, whatever the last digits of a double are.
const PLAINLY_WITHIN: f64 = 0.99;
/// Two sources this near to each other say the same.
const SOURCES_AGREE: Decimal = dec!(0.02);

/// Who says a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkSource {
    /// The broker's valuation of a held position.
    Broker,
    /// The execution by which a position left the account.
    Execution,
    /// The venue's last daily close.
    Close,
    /// An independent feed.
    Feed,
}

impl fmt::Display for MarkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            MarkSource::Broker => "the broker",
            MarkSource::Execution => "the execution that closed it",
            MarkSource::Close => "the last close",
            MarkSource::Feed => "the second feed",
        })
    }
}

/// A price somebody says, in the major unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The price.
    pub price: Price,
    /// The session it belongs to.
    pub session: Date,
    /// Who says it.
    pub source: MarkSource,
}

/// The last price that was believed, and one that waits for confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastMark {
    /// The good one.
    pub good: Offer,
    /// The first offer of a jump, until a later session confirms or forgets it.
    pub suspect: Option<Offer>,
}

/// What a price is judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkRule {
    /// Largest move against the last good mark that is believed at once, as a fraction.
    pub jump_max: f64,
    /// Major currency units per price point; one of the factors of a unit error.
    pub multiplier: u32,
    /// New shares for old ones since the last good mark, when that is known.
    pub split: Option<(u32, u32)>,
    /// Whether it may be worth a tenth or a hundredth tomorrow, as an option may: what looks like such a unit is then
    /// doubted as a jump, which can be confirmed.
    pub decays: bool,
}

/// Why the best offer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "doubt", rename_all = "snake_case")]
pub enum Doubt {
    /// There was no offer.
    Missing,
    /// There was no offer for an option: it is worth what the model says at its last implied volatility.
    Modelled {
        /// The model's price.
        price: Price,
        /// That volatility, annual.
        volatility: f64,
    },
    /// It moves further than a day usually does and nobody confirms it.
    Jump {
        /// Signed move against the last good mark, as a fraction.
        by: f64,
        /// What was offered.
        offer: Offer,
    },
    /// It is another unit's number.
    Unit {
        /// Offered over last good, about.
        factor: Decimal,
        /// What was offered.
        offer: Offer,
    },
}

/// What came of the offers for one contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Acceptance {
    /// What to value at and to remember; `None` before the first good mark.
    pub mark: Option<LastMark>,
    /// Why the best offer was not taken; `None` when it was.
    pub doubt: Option<Doubt>,
}

/// A mark that is used with a reservation: the last good one, kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// Whose.
    pub contract: ContractId,
    /// Why.
    pub doubt: Doubt,
    /// The mark it is valued at; `None` when there never was a good one.
    pub kept: Option<Offer>,
    /// Sessions of its venue that have opened since that mark's.
    pub sessions: u32,
    /// True when that is more than may be: the day takes no new risk.
    pub stale: bool,
}

impl Flag {
    /// True when the contract takes no new risk: a price was offered and not believed.
    pub fn quarantines(&self) -> bool {
        !matches!(self.doubt, Doubt::Missing | Doubt::Modelled { .. })
    }

    /// What happened, what it means, what happens next.
    pub fn sentence(&self, name: &str) -> String {
        let kept = self.kept.map_or_else(
            || "it has no value".to_owned(),
            |kept| format!("it stays valued at {} of {}", kept.price, kept.session),
        );
        let old =
            if self.stale { format!(", {} sessions old: the day only reduces", self.sessions) } else { String::new() };
        match self.doubt {
            Doubt::Missing => format!("{name}: no price arrived; {kept}{old}"),
            Doubt::Modelled { price, volatility } => format!(
                "{name}: no price arrived; it is valued at {price} by the model at its last implied volatility of {:.1} %{old}",
                volatility * 100.0
            ),
            Doubt::Jump { by, offer } => format!(
                "{name}: {source} says {price}, {by:+.1} % from the last good mark; {kept}{old} and takes no new risk until a \
                 second source or the next session confirms the move",
                source = offer.source,
                price = offer.price,
                by = by * 100.0,
            ),
            Doubt::Unit { factor, offer } => format!(
                "{name}: market price of {source} is {price}, about {factor} times the last good mark, which is a unit and not a \
                 move; {kept}{old} and takes no new risk; compare its quote unit and multiplier in instruments.yaml with the \
                 broker's",
                source = offer.source,
                price = offer.price,
                factor = factor.normalize(),
            ),
        }
    }
}

/// The factors by which a number is in another unit: tens, hundreds and the multiplier, both ways.
pub fn unit_factors(multiplier: u32) -> impl Iterator<Item = Decimal> {
    let own = Some(Decimal::from(multiplier)).filter(|multiplier| *multiplier > Decimal::ONE);
    let up = [Decimal::TEN, Decimal::ONE_HUNDRED].into_iter().chain(own);
    up.flat_map(|factor| [factor, Decimal::ONE / factor])
}

/// The unit factor by which `theirs` is near `ours`, if it is near one.
pub fn unit_factor(ours: Price, theirs: Price, multiplier: u32) -> Option<Decimal> {
    let nearly = theirs.to_f64() / ours.to_f64();
    if (1.0 - PLAINLY_NEAR..=1.0 + PLAINLY_NEAR).contains(&nearly) {
        return None;
    }
    let ratio = theirs.to_decimal() / ours.to_decimal();
    unit_factors(multiplier).find(|factor| (ratio / factor - Decimal::ONE).abs() <= UNIT_NEAR)
}

/// Judges today's offers, the most preferred first.
pub fn accept(last: Option<LastMark>, offers: &[Offer], rule: MarkRule) -> Acceptance {
    let Some(&offer) = offers.first() else { return Acceptance { mark: last, doubt: Some(Doubt::Missing) } };
    let taken = Acceptance { mark: Some(LastMark { good: offer, suspect: None }), doubt: None };
    let Some(last) = last else { return taken };
    let reference = after_split(last.good.price, rule.split);
    let unit = unit_factor(reference, offer.price, rule.multiplier);
    let plainly = || (offer.price.to_f64() / reference.to_f64() - 1.0).abs() < rule.jump_max * PLAINLY_WITHIN;
    if unit.is_none() && plainly() {
        return taken;
    }
    let by = fraction_between(reference, offer.price);
    if unit.is_none() && by.abs() <= rule.jump_max {
        return taken;
    }
    if let Some(factor) = unit.filter(|factor| !rule.decays || *factor > Decimal::ONE) {
        return Acceptance { mark: Some(last), doubt: Some(Doubt::Unit { factor, offer }) };
    }
    if confirmed(offer, offers, last.suspect, reference) {
        return taken;
    }
    // The first session of a jump is kept: the same session told again confirms nothing.
    let same = last.suspect.filter(|suspect| fraction_between(suspect.price, offer.price).abs() <= rule.jump_max);
    let suspect = Some(same.unwrap_or(offer));
    Acceptance { mark: Some(LastMark { suspect, ..last }), doubt: Some(Doubt::Jump { by, offer }) }
}

/// A good mark after the closes of sessions nobody looked at, each judged as on its own day: a price that went far in
/// steps did not jump.
pub fn caught_up(last: LastMark, closes: impl IntoIterator<Item = Offer>, rule: MarkRule) -> LastMark {
    closes.into_iter().fold(last, |last, close| accept(Some(last), &[close], rule).mark.unwrap_or(last))
}

fn confirmed(offer: Offer, offers: &[Offer], suspect: Option<Offer>, reference: Price) -> bool {
    let agrees = |other: &Offer| {
        let apart = (other.price.to_decimal() / offer.price.to_decimal() - Decimal::ONE).abs();
        other.source != offer.source && other.session >= offer.session && apart <= SOURCES_AGREE
    };
    // A later session that is still away on the same side is a market that moved, however much further it went.
    let next_session = suspect.is_some_and(|suspect| {
        let same_side =
            (fraction_between(reference, suspect.price) > 0.0) == (fraction_between(reference, offer.price) > 0.0);
        suspect.session < offer.session && same_side
    });
    next_session || offers.iter().any(agrees)
}

fn after_split(price: Price, split: Option<(u32, u32)>) -> Price {
    let Some((new, old)) = split.filter(|(new, old)| *new > 0 && *old > 0) else { return price };
    Price::from_decimal(price.to_decimal() * Decimal::from(old) / Decimal::from(new)).unwrap_or(price)
}

fn fraction_between(from: Price, to: Price) -> f64 {
    (to.to_decimal() / from.to_decimal() - Decimal::ONE).to_f64().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests;
