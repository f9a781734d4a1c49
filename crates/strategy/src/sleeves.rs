//! Sleeves: configured kinds that turn a budget into weights.
//!
//! In: a sleeve's configuration and factor. Out: signed weights of NAV per contract, before scaling.
//! Invariant: Σ|w| of a sleeve is its budget times its factor; a pair has both legs or none.

use domain::ContractId;
use serde::{Deserialize, Serialize};

/// One sub-strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sleeve {
    /// Its name in settings and reports, such as `core_index_rv`.
    pub name: String,
    /// Its share of NAV at scale 1.
    pub budget: f64,
    /// True when spread momentum multiplies it.
    pub follows_momentum: bool,
    /// How the budget is spent.
    pub kind: SleeveKind,
}

/// The kinds a sleeve can be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SleeveKind {
    /// Half the budget long, half short.
    Pair {
        /// Long leg.
        long: ContractId,
        /// Short leg.
        short: ContractId,
    },
    /// Fixed signed shares of the budget; their absolute values sum to 1.
    WeightedBasket {
        /// Members with their shares.
        members: Vec<(ContractId, f64)>,
    },
    /// Money that stays free.
    Cash,
    /// In the settings, but none of its parts are.
    NotConfigured,
}

impl Sleeve {
    /// Hands every contract's weight at `factor` (momentum; 1 otherwise) to `each`.
    pub fn for_each_weight(&self, factor: f64, mut each: impl FnMut(ContractId, f64)) {
        let budget = self.budget * factor;
        match &self.kind {
            SleeveKind::Pair { long, short } => {
                each(*long, budget / 2.0);
                each(*short, -budget / 2.0);
            }
            SleeveKind::WeightedBasket { members } => members.iter().for_each(|&(c, share)| each(c, budget * share)),
            SleeveKind::Cash | SleeveKind::NotConfigured => {}
        }
    }

    /// The contracts this sleeve trades.
    pub fn contracts(&self) -> Vec<ContractId> {
        let mut contracts = Vec::new();
        self.for_each_weight(1.0, |contract, _| contracts.push(contract));
        contracts
    }

    /// True when both legs move together or not at all.
    pub fn is_pair(&self) -> bool {
        matches!(self.kind, SleeveKind::Pair { .. })
    }

    /// True when the sleeve would have to trade one leg without the other.
    pub fn must_wait(&self, tradable: impl Fn(ContractId) -> bool) -> bool {
        self.is_pair() && !self.contracts().into_iter().all(tradable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pair_spends_its_budget_and_nets_to_zero(budget in 0.0_f64..1.0, factor in 0.0_f64..1.0) {
            let kind = SleeveKind::Pair { long: ContractId(0), short: ContractId(1) };
            let sleeve = Sleeve { name: "core".into(), budget, follows_momentum: true, kind };
            let (mut gross, mut net) = (0.0, 0.0);
            sleeve.for_each_weight(factor, |_, w| { gross += w.abs(); net += w; });
            prop_assert!((gross - budget * factor).abs() < 1e-15 && net == 0.0);
        }
    }

    #[test]
    fn a_pair_waits_when_one_leg_cannot_trade() {
        let kind = SleeveKind::Pair { long: ContractId(0), short: ContractId(1) };
        let sleeve = Sleeve { name: "core".into(), budget: 0.35, follows_momentum: true, kind };
        assert!(sleeve.must_wait(|contract| contract == ContractId(0)));
        assert!(!sleeve.must_wait(|_| true));
    }
}
