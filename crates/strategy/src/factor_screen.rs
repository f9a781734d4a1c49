//! Which stocks to hold: ranks by weighted factor scores.
//!
//! In: candidates with raw metrics, factor weights. Out: every candidate's scores and rank, and the chosen. Invariant:
//! neither the order of the candidates nor the unit of a metric changes the list; equal scores rank by name; a missing
//! factor's weight goes to the others and is shown.
//! Source: specification section 7, item 3.

use crate::factors::{Candidate, Factor, Metric};
use domain::ContractId;
use serde::{Deserialize, Serialize};

/// Fewer candidates with a metric than this have no cross-section to be compared in.
const CROSS_SECTION_MIN: usize = 3;
/// Of the eligible, at most one in this many is chosen.
const CHOSEN_SHARE: usize = 3;
/// Scores closer than this are equal: the last digits depend on the order of sums.
const SCORE_STEP: f64 = 1e-9;

/// One side of a screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScreenSide {
    /// Contracts that may be chosen.
    pub candidates: Vec<ContractId>,
    /// Factors with their weights, which add up to 1.
    pub factors: Vec<(Factor, f64)>,
}

/// How stocks are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScreenPolicy {
    /// Held long.
    pub long: ScreenSide,
    /// Held short.
    pub short: ScreenSide,
    /// Most names a side holds.
    pub top_n: usize,
    /// Values beyond this quantile, and beyond 1 less it, count as the quantile.
    pub winsor_tail: f64,
    /// Fewest eligible candidates of a side; with fewer the screen fails.
    pub universe_min: usize,
    /// Smallest total weight of the factors a candidate has; with less it is not eligible.
    pub factor_weight_min: f64,
    /// How often the list is made anew.
    pub rescreen: crate::screen_list::Rescreen,
    /// Business days a list is used after the first failure to renew it.
    pub last_good_days: u32,
    /// Signed shares of the budget held when those have passed; none means that the sleeve adds nothing.
    pub fallback: Option<Vec<(ContractId, f64)>>,
}

impl ScreenPolicy {
    /// Every contract its list may name.
    pub fn contracts(&self) -> impl Iterator<Item = ContractId> {
        let fallback = self.fallback.iter().flatten().map(|&(contract, _)| contract);
        self.long.candidates.iter().chain(&self.short.candidates).copied().chain(fallback)
    }
}

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Half the budget, bought.
    Long,
    /// Half the budget, sold.
    Short,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Side::Long => "long",
            Side::Short => "short",
        })
    }
}

/// What a screen saw: the material of every candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The sleeve it is for.
    pub sleeve: String,
    /// Where the fundamentals come from, for reports.
    pub source: String,
    /// Candidates of the long side.
    pub long: Vec<Candidate>,
    /// Candidates of the short side.
    pub short: Vec<Candidate>,
}

/// Whether a candidate may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eligibility {
    /// It may.
    Eligible,
    /// It has no recent close.
    NoPrice,
    /// Too many of its factors are missing.
    TooFewFactors,
}

/// One candidate's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Its contract.
    pub contract: ContractId,
    /// Its name.
    pub name: String,
    /// Its sector.
    pub sector: String,
    /// Standard scores by factor, in the order of the policy; `None` where a factor is missing.
    pub factors: Vec<(Factor, Option<f64>)>,
    /// Weighted score, the weights of missing factors given to the others.
    pub score: Option<f64>,
    /// Whether it may be chosen.
    pub eligibility: Eligibility,
    /// Place among the eligible, from 1.
    pub rank: Option<usize>,
    /// Whether it is held.
    pub chosen: bool,
}

/// Too few candidates can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{eligible} of {candidates} {side} candidates can be ranked, {wanted} are needed")]
pub struct TooFew {
    /// The side.
    pub side: Side,
    /// How many can be ranked.
    pub eligible: usize,
    /// Of how many.
    pub candidates: usize,
    /// How many are needed.
    pub wanted: usize,
}

/// Ranks one side: the eligible by score, then the others by name.
pub fn rank(candidates: &[Candidate], factors: &[(Factor, f64)], policy: &ScreenPolicy) -> Vec<Scored> {
    let mut candidates: Vec<&Candidate> = candidates.iter().collect();
    candidates.sort_by(|a, b| a.name.cmp(&b.name));
    let columns: Vec<Vec<Option<f64>>> =
        factors.iter().map(|&(factor, _)| factor_scores(factor, &candidates, policy.winsor_tail)).collect();
    let scored = |(row, candidate): (usize, &&Candidate)| {
        let scores = factors.iter().zip(&columns).map(|(&(factor, _), column)| (factor, column[row])).collect();
        scored(candidate, scores, factors, policy)
    };
    let mut rows: Vec<Scored> = candidates.iter().enumerate().map(scored).collect();
    let step = |row: &Scored| row.score.map_or(0.0, whole_steps);
    let place = |row: &Scored| row.eligibility != Eligibility::Eligible;
    rows.sort_by(|a, b| {
        let by_score = || step(b).partial_cmp(&step(a)).expect("scores are finite");
        place(a).cmp(&place(b)).then_with(by_score).then_with(|| a.name.cmp(&b.name))
    });
    let eligible = rows.iter().take_while(|row| row.eligibility == Eligibility::Eligible).count();
    let chosen = if eligible < policy.universe_min { 0 } else { policy.top_n.min(eligible / CHOSEN_SHARE) };
    for (place, row) in rows[..eligible].iter_mut().enumerate() {
        (row.rank, row.chosen) = (Some(place + 1), place < chosen);
    }
    rows
}

fn whole_steps(score: f64) -> f64 {
    libm::round(score / SCORE_STEP)
}

fn scored(
    candidate: &Candidate,
    scores: Vec<(Factor, Option<f64>)>,
    factors: &[(Factor, f64)],
    policy: &ScreenPolicy,
) -> Scored {
    let present = || scores.iter().zip(factors).filter_map(|(&(_, score), &(_, weight))| Some((score?, weight)));
    let weight: f64 = present().map(|(_, weight)| weight).sum();
    let score = (weight > 0.0).then(|| present().map(|(score, weight)| score * weight).sum::<f64>() / weight);
    let eligibility = match () {
        () if candidate.close.is_none() => Eligibility::NoPrice,
        () if weight + SCORE_STEP < policy.factor_weight_min || score.is_none() => Eligibility::TooFewFactors,
        () => Eligibility::Eligible,
    };
    Scored {
        contract: candidate.contract,
        name: candidate.name.clone(),
        sector: candidate.sector.clone(),
        factors: scores,
        score,
        eligibility,
        rank: None,
        chosen: false,
    }
}

/// The standard score of a factor: of the mean of its metrics' standard scores.
fn factor_scores(factor: Factor, candidates: &[&Candidate], tail: f64) -> Vec<Option<f64>> {
    // Of a share of cases no value lies out, and clipping would take away the few companies that have it.
    let tail_of = |is_share: bool| if is_share { 0.0 } else { tail };
    let column = |metric: Metric| -> Vec<Option<f64>> {
        let values: Vec<Option<f64>> = candidates.iter().map(|c| c.metrics.get(&metric).copied()).collect();
        standard_scores(&values, tail_of(metric.is_share()))
    };
    let columns: Vec<(Vec<Option<f64>>, f64)> =
        factor.metrics().iter().map(|&(metric, sign)| (column(metric), sign)).collect();
    let mean = |row: usize| {
        let present: Vec<f64> = columns.iter().filter_map(|(column, sign)| Some(column[row]? * sign)).collect();
        // Metrics that cancel leave nothing but their last digits, and a standard score would make those as large as any.
        (!present.is_empty()).then(|| whole_steps(present.iter().sum::<f64>() / present.len() as f64) * SCORE_STEP)
    };
    let means: Vec<Option<f64>> = (0..candidates.len()).map(mean).collect();
    standard_scores(&means, tail_of(factor.metrics().iter().all(|(metric, _)| metric.is_share())))
}

/// Winsorised cross-sectional standard scores: values are clipped to the quantiles `tail` and 1 − `tail` (linear
/// interpolation), then centred on their mean and divided by their sample deviation. All 0 when no value differs; all
/// missing when fewer than three are present.
pub fn standard_scores(values: &[Option<f64>], tail: f64) -> Vec<Option<f64>> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    if sorted.len() < CROSS_SECTION_MIN {
        return vec![None; values.len()];
    }
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (quantile(&sorted, tail), quantile(&sorted, 1.0 - tail));
    let clipped: Vec<Option<f64>> = values.iter().map(|value| value.map(|value| value.clamp(low, high))).collect();
    let count = sorted.len() as f64;
    // Summed in order of size, so that no order of candidates changes a digit.
    let inside = || sorted.iter().map(|value| value.clamp(low, high));
    let mean = inside().sum::<f64>() / count;
    let deviation = libm::sqrt(inside().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0));
    let score = |value: f64| if high > low && deviation > 0.0 { (value - mean) / deviation } else { 0.0 };
    clipped.into_iter().map(|value| value.map(score)).collect()
}

/// Linear interpolation between the two nearest of the sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (libm::floor(place) as usize, libm::ceil(place) as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// The signed shares of the budget a screen chooses: half long, half short, equal weights in each half.
///
/// # Errors
/// [`TooFew`] when a side has too few eligible candidates, or too few to choose a single one.
pub fn choose(observed: &Observed, policy: &ScreenPolicy) -> Result<Vec<(ContractId, f64)>, TooFew> {
    let mut shares = Vec::new();
    for (side, candidates, rules, half) in
        [(Side::Long, &observed.long, &policy.long, 0.5), (Side::Short, &observed.short, &policy.short, -0.5)]
    {
        let rows = rank(candidates, &rules.factors, policy);
        let chosen: Vec<ContractId> = rows.iter().filter(|row| row.chosen).map(|row| row.contract).collect();
        if chosen.is_empty() {
            let eligible = rows.iter().filter(|row| row.rank.is_some()).count();
            let wanted = policy.universe_min.max(CHOSEN_SHARE);
            return Err(TooFew { side, eligible, candidates: rows.len(), wanted });
        }
        shares.extend(chosen.iter().map(|&contract| (contract, half / chosen.len() as f64)));
    }
    Ok(shares)
}

#[cfg(test)]
pub(crate) mod tests;
