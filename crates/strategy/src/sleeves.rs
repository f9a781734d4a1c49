//! Sleeves: configured kinds that turn a budget into weights.
//!
//! In: a sleeve's configuration and factor, and the list of its screen. Out: signed weights of NAV per contract, before
//! scaling. Invariant: Σ|w| of a sleeve is its budget times its factor, or 0 while it holds nothing; a side none of
//! whose legs can trade holds back the other.

use crate::factor_screen::ScreenPolicy;
use crate::screen_list::ScreenList;
use crate::tail_hedge::TailHedgePolicy;
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
    /// Fixed signed shares of the budget; their absolute values sum to 1. Baskets long, short, or one of each.
    WeightedBasket {
        /// Members with their shares.
        members: Vec<(ContractId, f64)>,
    },
    /// The shares of its screen's list.
    FactorScreen(ScreenPolicy),
    /// Options bought from a budget of premium; no weight of NAV, and the sleeve's budget caps their market value.
    TailHedge(Box<TailHedgePolicy>),
    /// Money that stays free.
    Cash,
    /// In the settings, but none of its parts are.
    NotConfigured,
}

impl Sleeve {
    /// Hands every contract's weight at `factor` (momentum; 1 otherwise) to `each`. `list` is what its screen chose,
    /// empty for the kinds that do not screen.
    pub fn for_each_weight(&self, list: &ScreenList, factor: f64, mut each: impl FnMut(ContractId, f64)) {
        self.until(list, factor, |contract, weight| {
            each(contract, weight);
            false
        });
    }

    /// The same until `each` says that it has seen enough.
    pub fn until(&self, list: &ScreenList, factor: f64, mut each: impl FnMut(ContractId, f64) -> bool) {
        let budget = self.budget * factor;
        let _ = match &self.kind {
            SleeveKind::Pair { long, short } => each(*long, budget / 2.0) || each(*short, -budget / 2.0),
            SleeveKind::WeightedBasket { members } => members.iter().any(|&(c, share)| each(c, budget * share)),
            SleeveKind::FactorScreen(_) => list.names.iter().any(|name| each(name.contract, budget * name.share)),
            SleeveKind::TailHedge(_) | SleeveKind::Cash | SleeveKind::NotConfigured => true,
        };
    }

    /// The contracts this sleeve trades with this list.
    pub fn contracts(&self, list: &ScreenList) -> Vec<ContractId> {
        let mut contracts = Vec::new();
        self.for_each_weight(list, 1.0, |contract, _| contracts.push(contract));
        contracts
    }

    /// The policy of its screen, if it screens.
    pub fn screen(&self) -> Option<&ScreenPolicy> {
        match &self.kind {
            SleeveKind::FactorScreen(policy) => Some(policy),
            _ => None,
        }
    }

    /// The policy of its hedges, if it buys any.
    pub fn tail_hedge(&self) -> Option<&TailHedgePolicy> {
        match &self.kind {
            SleeveKind::TailHedge(policy) => Some(policy),
            _ => None,
        }
    }

    /// True when both legs move together or not at all.
    pub fn is_pair(&self) -> bool {
        matches!(self.kind, SleeveKind::Pair { .. })
    }

    /// True when the sleeve would have to trade one side without the other.
    pub fn must_wait(&self, list: &ScreenList, tradable: impl Fn(ContractId) -> bool) -> bool {
        let (mut has, mut can) = ([false; 2], [false; 2]);
        self.until(list, 1.0, |contract, weight| {
            let side = usize::from(weight < 0.0);
            has[side] = true;
            // One leg of a side is enough: the rest are not asked about.
            can[side] = can[side] || tradable(contract);
            can == [true; 2]
        });
        has == [true; 2] && can != [true; 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen_list::Listed;
    use proptest::prelude::*;

    const NO_LIST: ScreenList = ScreenList {
        names: Vec::new(),
        screened: None,
        standing: crate::screen_list::Standing::None,
        failure: None,
        source: String::new(),
    };

    fn sleeve(budget: f64, kind: SleeveKind) -> Sleeve {
        Sleeve { name: "sleeve".into(), budget, follows_momentum: true, kind }
    }

    fn pair(budget: f64) -> Sleeve {
        sleeve(budget, SleeveKind::Pair { long: ContractId(0), short: ContractId(1) })
    }

    /// `longs` and `shorts` equal shares of half the budget each.
    fn halves(longs: u32, shorts: u32) -> Vec<(ContractId, f64)> {
        let half = |from: u32, count: u32, sign: f64| {
            (from..from + count).map(move |c| (ContractId(c), sign * 0.5 / f64::from(count)))
        };
        half(0, longs, 1.0).chain(half(longs, shorts, -1.0)).collect()
    }

    proptest! {
        #[test]
        fn every_kind_that_holds_spends_its_budget_times_its_factor(
            budget in 0.0_f64..1.0, factor in 0.0_f64..1.0, longs in 1_u32..12, shorts in 1_u32..12,
        ) {
            let members = halves(longs, shorts);
            let name = |&(contract, share): &(ContractId, f64)| Listed { contract, share, last_close: 0.0 };
            let list = ScreenList { names: members.iter().map(name).collect(), ..ScreenList::default() };
            let screen = SleeveKind::FactorScreen(crate::factor_screen::tests::policy());
            let basket = SleeveKind::WeightedBasket { members };
            let holding = [pair(budget), sleeve(budget, basket), sleeve(budget, screen)];
            for sleeve in &holding {
                let (mut gross, mut net) = (0.0, 0.0);
                sleeve.for_each_weight(&list, factor, |_, w| { gross += w.abs(); net += w; });
                prop_assert!((gross - budget * factor).abs() < 1e-12 && net.abs() < 1e-12, "{:?}", sleeve.kind);
            }
            let hedges = SleeveKind::TailHedge(Box::new(crate::tail_hedge::fixture::policy()));
            for kind in [SleeveKind::Cash, hedges, SleeveKind::NotConfigured] {
                prop_assert!(sleeve(budget, kind).contracts(&list).is_empty());
            }
        }
    }

    #[test]
    fn a_pair_waits_when_one_leg_cannot_trade() {
        let sleeve = pair(0.35);
        assert!(sleeve.must_wait(&NO_LIST, |contract| contract == ContractId(0)));
        assert!(!sleeve.must_wait(&NO_LIST, |_| true));
    }

    #[test]
    fn a_basket_goes_on_without_one_member_and_waits_without_a_whole_side() {
        let both = sleeve(0.25, SleeveKind::WeightedBasket { members: halves(2, 2) });
        assert!(!both.must_wait(&NO_LIST, |contract| contract != ContractId(3)));
        assert!(both.must_wait(&NO_LIST, |contract| contract.0 < 2));
        let members = vec![(ContractId(0), 0.6), (ContractId(1), 0.4)];
        let long_only = sleeve(0.15, SleeveKind::WeightedBasket { members });
        assert!(!long_only.must_wait(&NO_LIST, |_| false), "it has no other side to wait for");
    }
}
