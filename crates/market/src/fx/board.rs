//! The board: every offered rate of a moment, and the one that counts.
//!
//! In: offers, the last good rates, the time, the FX calendar. Out: one rate per currency and findings. Invariant: pure;
//! an offer that is refused is told, and the next source is asked.

use super::{FxFinding, FxProblem, RateSource};
use crate::calendar::{Calendar, Window};
use domain::{BaseMoney, Currency, FxError, FxRates, Money, PerCurrency};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// Offers of one source this near in time belong to one picture.
const ONE_PICTURE: SignedDuration = SignedDuration::from_hours(1);
/// Two sources this near to each other say the same.
const SOURCES_AGREE: f64 = 0.02;
/// No market week is shut longer.
const CLOSED_DAYS_MAX: i64 = 5;

/// What a rate is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FxPolicy {
    /// Age in open market hours above which a rate is reported.
    pub warn_age_hours: u32,
    /// Age in open market hours above which its currency takes no new risk.
    pub max_age_hours: u32,
    /// Gap of a triangle of pairs in basis points above which its currencies take no new risk.
    pub triangular_gap_bps: u32,
    /// Gap of two sources of one moment in basis points above which a currency takes no new risk.
    pub source_gap_bps: u32,
    /// Move against the last good rate that is believed at once, as a fraction.
    pub jump_max: f64,
}

/// A rate somebody says: `rate` units of `to` for one unit of `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateOffer {
    /// Currency that is priced.
    pub from: Currency,
    /// Currency it is priced in.
    pub to: Currency,
    /// The rate.
    pub rate: Decimal,
    /// Who says it.
    pub source: RateSource,
    /// When it was true.
    pub at: Timestamp,
}

/// The last good rate of a currency, in units of base, and one that waits for confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRate {
    /// The rate.
    pub rate: Decimal,
    /// When it was true.
    pub at: Timestamp,
    /// A jump that was not believed, and when it was first seen.
    pub suspect: Option<(Decimal, Timestamp)>,
}

/// Offers of one moment.
#[derive(Clone, Debug)]
pub struct FxBoard {
    base: Currency,
    offers: Vec<RateOffer>,
    last: PerCurrency<Option<LastRate>>,
}

/// The rates that count.
#[derive(Clone, Debug, PartialEq)]
pub struct FxTable {
    /// For valuation: a currency whose offers are not believed keeps its last good rate.
    pub rates: FxRates,
    /// What is wrong, in the order of currencies.
    pub findings: Vec<FxFinding>,
    /// What tomorrow compares with.
    pub last: PerCurrency<Option<LastRate>>,
}

/// A rate to base with its origin.
#[derive(Clone, Copy)]
struct Candidate {
    rate: Decimal,
    source: RateSource,
    at: Timestamp,
}

impl FxBoard {
    /// A board for a base currency with what was good before.
    pub fn new(base: Currency, last: PerCurrency<Option<LastRate>>) -> FxBoard {
        FxBoard { base, offers: Vec::new(), last }
    }

    /// Takes an offer; a pair of a currency with itself says nothing.
    pub fn offer(&mut self, offer: RateOffer) {
        if offer.from != offer.to {
            self.offers.push(offer);
        }
    }

    /// Chooses the rate of every currency at `now`, by the FX calendar.
    pub fn settle(&self, now: Timestamp, calendar: Option<&Calendar>, policy: &FxPolicy) -> FxTable {
        let mut table = FxTable { rates: FxRates::new(self.base), findings: self.absurd(), last: self.last };
        for currency in Currency::ALL.into_iter().filter(|&currency| currency != self.base) {
            let candidates = self.candidates(currency);
            let chosen = self.choose(currency, &candidates, calendar, policy, &mut table);
            let good = self.last[currency];
            let stored = good.map(|last| Candidate { rate: last.rate, source: RateSource::LastGood, at: last.at });
            let Some(used) = chosen.or(stored) else { continue };
            table.rates.set(currency, used.rate).expect("only positive rates of other currencies are candidates");
            let seen = witness(used, &candidates).and_then(|other| aged(currency, other, now, calendar, policy));
            let unseen = seen.filter(FxFinding::forbids_risk);
            table.findings.extend(aged(currency, used, now, calendar, policy).or(unseen));
            if let Some(Candidate { rate, at, .. }) = chosen {
                table.last[currency] = Some(LastRate { rate, at, suspect: None });
            }
        }
        self.triangles(policy, &mut table.findings);
        table.findings.sort_by_key(|finding| finding.currency);
        table
    }

    fn absurd(&self) -> Vec<FxFinding> {
        let absurd = self.offers.iter().filter(|offer| offer.rate <= Decimal::ZERO);
        let told = |offer: &RateOffer| FxFinding {
            currency: if offer.from == self.base { offer.to } else { offer.from },
            problem: FxProblem::NotPositive { source: offer.source, rate: offer.rate },
        };
        absurd.map(told).collect()
    }

    fn positive(&self) -> impl Iterator<Item = &RateOffer> {
        self.offers.iter().filter(|offer| offer.rate > Decimal::ZERO)
    }

    /// Every way from a currency to the base, most preferred first: direct and inverse, else across one other.
    fn candidates(&self, currency: Currency) -> Vec<Candidate> {
        let mut candidates = self.direct(currency);
        if candidates.is_empty() {
            candidates = self.positive().filter_map(|offer| self.across(currency, offer)).collect();
        }
        candidates.sort_by_key(|candidate| candidate.source);
        candidates
    }

    fn direct(&self, currency: Currency) -> Vec<Candidate> {
        let rate = |offer: &RateOffer| match (offer.from, offer.to) {
            (from, to) if from == currency && to == self.base => Some(offer.rate),
            (from, to) if from == self.base && to == currency => Some(Decimal::ONE / offer.rate),
            _ => None,
        };
        let candidate =
            |offer: &RateOffer| rate(offer).map(|rate| Candidate { rate, source: offer.source, at: offer.at });
        self.positive().filter_map(candidate).collect()
    }

    fn across(&self, currency: Currency, offer: &RateOffer) -> Option<Candidate> {
        let (bridge, priced) = match (offer.from, offer.to) {
            (from, bridge) if from == currency => (bridge, offer.rate),
            (bridge, to) if to == currency => (bridge, Decimal::ONE / offer.rate),
            _ => return None,
        };
        let legs = self.direct(bridge);
        let same = legs.iter().find(|leg| leg.source == offer.source);
        let leg = same.or_else(|| legs.iter().min_by_key(|leg| leg.source))?;
        let source = leg.source.max(offer.source);
        Some(Candidate { rate: priced * leg.rate, source, at: leg.at.min(offer.at) })
    }

    /// The first candidate that yesterday and the other sources let stand.
    fn choose(
        &self,
        currency: Currency,
        candidates: &[Candidate],
        calendar: Option<&Calendar>,
        policy: &FxPolicy,
        table: &mut FxTable,
    ) -> Option<Candidate> {
        let Some(last) = self.last[currency] else {
            let against = candidates.first().and_then(|_| contradiction(0, candidates, policy));
            table.findings.extend(against.map(|problem| FxFinding { currency, problem }));
            return candidates.first().copied();
        };
        for (rank, candidate) in candidates.iter().enumerate() {
            let Candidate { rate, source, .. } = *candidate;
            let near = |to: Decimal| moved(to, rate) <= policy.jump_max;
            let against = contradiction(rank, candidates, policy);
            if near(last.rate) || confirmed(rank, candidates, last, calendar, against.is_some()) {
                table.findings.extend(against.map(|problem| FxFinding { currency, problem }));
                return Some(*candidate);
            }
            let problem = match near(Decimal::ONE / last.rate) {
                true => FxProblem::Inverted { source, rate, last: last.rate },
                false => FxProblem::Jump { source, rate, last: last.rate },
            };
            if matches!(problem, FxProblem::Jump { .. }) && rank == 0 {
                let same = last.suspect.filter(|(suspect, _)| moved(*suspect, rate) <= policy.jump_max);
                let suspect = Some(same.unwrap_or((rate, candidate.at)));
                table.last[currency] = Some(LastRate { suspect, ..last });
            }
            table.findings.push(FxFinding { currency, problem });
        }
        None
    }

    /// Pairs of two foreign currencies against their rates to base, within one source and one moment.
    fn triangles(&self, policy: &FxPolicy, findings: &mut Vec<FxFinding>) {
        for offer in self.positive().filter(|offer| offer.from != self.base && offer.to != self.base) {
            let leg = |currency| {
                let legs = self.direct(currency);
                legs.into_iter().find(|leg| leg.source == offer.source && apart(leg.at, offer.at) <= ONE_PICTURE)
            };
            let Some((from, to)) = leg(offer.from).zip(leg(offer.to)) else { continue };
            let gap = moved(from.rate / to.rate, offer.rate) * 10_000.0;
            if gap > f64::from(policy.triangular_gap_bps) {
                let found = |currency, other| FxFinding {
                    currency,
                    problem: FxProblem::Triangle {
                        other,
                        gap_bps: (gap + 0.5) as i64,
                        limit: i64::from(policy.triangular_gap_bps),
                    },
                };
                findings.extend([found(offer.from, offer.to), found(offer.to, offer.from)]);
            }
        }
    }
}

/// A less preferred source that says something else: of one moment more than the settings allow, of another one more than
/// a day's move. What a more preferred one said was refused already.
fn contradiction(rank: usize, candidates: &[Candidate], policy: &FxPolicy) -> Option<FxProblem> {
    let Candidate { rate, source, at } = candidates[rank];
    let problem = |other: &Candidate| {
        let together = apart(other.at, at) <= ONE_PICTURE;
        let limit = if together { f64::from(policy.source_gap_bps) / 10_000.0 } else { SOURCES_AGREE };
        let gap = moved(rate, other.rate);
        let bps = |share: f64| (share * 10_000.0 + 0.5) as i64;
        (other.source != source && gap > limit).then(|| FxProblem::Apart {
            source,
            rate,
            other: other.source,
            other_rate: other.rate,
            gap_bps: bps(gap),
            limit: bps(limit),
        })
    };
    candidates[rank + 1..].iter().find_map(problem)
}

/// A jump that a second source says too, or a later session while no source says otherwise.
fn confirmed(
    rank: usize,
    candidates: &[Candidate],
    last: LastRate,
    calendar: Option<&Calendar>,
    contradicted: bool,
) -> bool {
    let candidate = candidates[rank];
    let second = candidates
        .iter()
        .any(|other| other.source != candidate.source && moved(other.rate, candidate.rate) <= SOURCES_AGREE);
    let later = last.suspect.zip(calendar).is_some_and(|((suspect, seen), calendar)| {
        let sessions = session(calendar, seen).zip(session(calendar, candidate.at));
        let same_side = (suspect > last.rate) == (candidate.rate > last.rate);
        same_side && sessions.is_some_and(|(seen, now)| seen < now)
    });
    second || (later && !contradicted)
}

/// The date of the last session that had opened by an instant.
fn session(calendar: &Calendar, at: Timestamp) -> Option<Date> {
    let tomorrow = at.to_zoned(calendar.zone().clone()).date().tomorrow().ok()?;
    let opened = |date: Date| calendar.session(date).ok().flatten().filter(|session| session.open <= at);
    (0..=CLOSED_DAYS_MAX).find_map(|back| opened(tomorrow.checked_sub(back.days()).ok()?)).map(|session| session.date)
}

/// The broker tells the account's rate without a time, so that one which stands still is always new: whether it moves, the
/// newest of the other sources shows. Without another there is nothing to go by.
fn witness(used: Candidate, candidates: &[Candidate]) -> Option<Candidate> {
    let others = candidates.iter().filter(|other| used.source == RateSource::Account && other.source != used.source);
    others.max_by_key(|other| other.at).copied()
}

fn aged(
    currency: Currency,
    used: Candidate,
    now: Timestamp,
    calendar: Option<&Calendar>,
    policy: &FxPolicy,
) -> Option<FxFinding> {
    let source = used.source;
    let open = calendar.and_then(|calendar| calendar.open_time(Window { opens: used.at.min(now), closes: now }).ok());
    let Some(open) = open else { return Some(FxFinding { currency, problem: FxProblem::AgeUnknown { source } }) };
    let open_hours = open.as_hours();
    let above = |limit: u32| open > SignedDuration::from_hours(i64::from(limit));
    let (warn, most) = (i64::from(policy.warn_age_hours), i64::from(policy.max_age_hours));
    let problem = match () {
        () if above(policy.max_age_hours) => FxProblem::TooOld { source, open_hours, limit: most },
        () if above(policy.warn_age_hours) => FxProblem::Aged { source, open_hours, limit: warn },
        () => return None,
    };
    Some(FxFinding { currency, problem })
}

/// How far one rate is from another, as a fraction.
fn moved(from: Decimal, to: Decimal) -> f64 {
    (to / from - Decimal::ONE).abs().to_f64().unwrap_or(f64::INFINITY)
}

fn apart(a: Timestamp, b: Timestamp) -> SignedDuration {
    a.duration_since(b).abs()
}

impl FxTable {
    /// Units of `to` for one unit of `from`: 1 for the same, else direct, inverse, or across the base.
    ///
    /// # Errors
    /// [`FxError::Unknown`] without a rate.
    pub fn get_rate(&self, from: Currency, to: Currency) -> Result<Decimal, FxError> {
        self.rates.rate(from, to)
    }

    /// The amount in another currency.
    ///
    /// # Errors
    /// [`FxError::Unknown`] without a rate.
    pub fn convert(&self, money: Money, to: Currency) -> Result<Money, FxError> {
        self.rates.convert(money, to)
    }

    /// The amount in the base currency.
    ///
    /// # Errors
    /// [`FxError::Unknown`] without a rate.
    pub fn to_base(&self, money: Money) -> Result<BaseMoney, FxError> {
        self.rates.to_base(money)
    }

    /// Whether a currency may take new risk.
    pub fn takes_risk(&self, currency: Currency) -> bool {
        self.rates.rate(currency, self.rates.base()).is_ok()
            && !self.findings.iter().any(|finding| finding.currency == currency && finding.forbids_risk())
    }
}
