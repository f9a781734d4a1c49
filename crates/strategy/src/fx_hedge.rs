//! One currency hedge for the whole portfolio, in futures.
//!
//! In: currency exposure of the book as it will be, hedge contracts held. Out: contracts wanted and
//! why. Invariant: with ratio 1 a 1 % move of a currency changes NAV by at most 1 % of half a
//! contract plus the band; a future's notional is never an exposure.

use domain::{ContractId, Currency, InstrumentId};
use serde::{Deserialize, Serialize};

/// Which future hedges which currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HedgeRule {
    /// The hedged currency.
    pub currency: Currency,
    /// The future; its multiplier is the contract size in that currency.
    pub future: InstrumentId,
    /// Units of the currency per contract.
    pub size: u32,
}

/// How currency exposure is hedged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FxHedgePolicy {
    /// Share of the exposure to hedge; 1 is all of it.
    pub ratio: f64,
    /// Residual left alone, as a fraction of NAV (never less than one contract).
    pub band_of_nav: f64,
    /// Exposure to a currency without a rule above which it takes no new risk, as a fraction of NAV.
    pub unhedged_of_nav_max: f64,
    /// The hedged currencies.
    pub rules: Vec<HedgeRule>,
}

/// What was decided for one currency, every number that led there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HedgeDecision {
    /// The currency.
    pub currency: Currency,
    /// Cash plus market value plus unsettled variation, in that currency.
    pub exposure: f64,
    /// What is left after the contracts held, in base currency.
    pub residual: f64,
    /// Residual that is left alone, in base currency.
    pub band: f64,
    /// Contracts held.
    pub held: i64,
    /// Contracts wanted.
    pub wanted: i64,
    /// Contracts somebody else holds; they count as exposure.
    #[serde(default)]
    pub outside: i64,
    /// The exposure is what our books say: nothing that carries the currency is disputed or without a rate. While it is not,
    /// what is held stays.
    #[serde(default = "known", skip_serializing_if = "is_known")]
    pub known: bool,
    /// The contract they are wanted in; `None` when nothing can be done about them today.
    #[serde(default)]
    pub contract: Option<ContractId>,
}

/// The hedge of one currency. `rate` is base per unit of the currency.
pub fn hedge(rule: &HedgeRule, exposure: f64, held: i64, rate: f64, nav: f64, policy: &FxHedgePolicy) -> HedgeDecision {
    let size = f64::from(rule.size);
    let residual = (policy.ratio * exposure + held as f64 * size) * rate;
    let band = (size * rate).max(policy.band_of_nav * nav);
    let exact = -policy.ratio * exposure / size;
    let wanted = if residual.abs() > band { round_half_away(exact) } else { held };
    let (known, contract) = (true, None);
    HedgeDecision { currency: rule.currency, exposure, residual, band, held, wanted, outside: 0, known, contract }
}

fn known() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_known(known: &bool) -> bool {
    *known
}

fn round_half_away(value: f64) -> i64 {
    (value + if value < 0.0 { -0.5 } else { 0.5 }) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: HedgeRule = HedgeRule { currency: Currency::Eur, future: InstrumentId(0), size: 12_500 };

    fn policy() -> FxHedgePolicy {
        FxHedgePolicy { ratio: 1.0, band_of_nav: 0.01, unhedged_of_nav_max: 0.005, rules: vec![RULE] }
    }

    #[test]
    fn a_short_with_its_proceeds_needs_no_hedge_and_a_funded_long_needs_all_of_it() {
        let flat = hedge(&RULE, 1_400_000.0 - 1_400_000.0, 0, 1.17, 1e7, &policy());
        assert_eq!(flat.wanted, 0);
        let long = hedge(&RULE, 1_400_000.0, 0, 1.17, 1e7, &policy());
        assert_eq!(long.wanted, -112);
    }

    #[test]
    fn inside_the_band_the_hedge_stays_as_it_is() {
        let inside = hedge(&RULE, 85_000.0, 0, 1.17, 1e7, &policy());
        assert_eq!((inside.wanted, inside.band), (0, 100_000.0));
        let outside = hedge(&RULE, 86_000.0, 0, 1.17, 1e7, &policy());
        assert_eq!(outside.wanted, -7);
    }

    proptest! {
        #[test]
        fn a_one_percent_move_costs_at_most_one_percent_of_half_a_contract_plus_the_band(
            exposure in -5e6_f64..5e6, held in -500_i64..500, rate in 0.5_f64..2.0, nav in 1e6_f64..1e8,
        ) {
            let decision = hedge(&RULE, exposure, held, rate, nav, &policy());
            let book = exposure + decision.wanted as f64 * 12_500.0;
            let change = (book * rate * 0.01).abs();
            prop_assert!(change <= 0.01 * (6_250.0 * rate + decision.band) + 1e-6);
        }
    }
}
