//! Tail hedges: what protects the book on the day the strategy is wrong, and what that may cost.
//!
//! In: option chains, two bond futures, NAV, regime, VIX, the hedges held. Out: premium budget, hedges to
//! buy, roll, close or monetise, each with its reason, and what the book of hedges pays in a crash.
//! Invariant: premium is never overspent, nothing physically settled reaches exercise, and one crisis is
//! monetised once.

pub mod bond_spread;
pub mod budget;
pub mod episode;
pub mod held;
pub mod model;
pub mod plan;
pub mod selection;
pub mod stress;

#[cfg(test)]
pub(crate) mod fixture;

pub use bond_spread::{BondSpreadPolicy, Dv01s, PricedFuture, SpreadRefusal, SpreadRoom, SpreadTarget};
pub use budget::{BudgetLedger, BudgetPolicy, BudgetRefusal};
pub use episode::{CrisisEpisode, CrisisPolicy, CrisisSignals, Monetisation};
pub use held::{Due, HeldOption, RollPolicy};
pub use model::{OptionView, modelled, underlying};
pub use plan::{
    HedgeAction, HedgeInputs, HedgePlan, HedgePurpose, HedgeState, Listings, NoPurchase, SpreadLeg, SpreadLegs, plan,
};
pub use selection::{OptionListing, Selection, SelectionPolicy, Unfit};
pub use stress::{Scenario, StressPolicy, StressedOption};

use domain::{ContractId, InstrumentId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The kinds of hedge the premium is divided among (specification, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HedgeType {
    /// Puts on SPX, SPY or SX5E.
    EquityPuts,
    /// Calls on VIX.
    VixCalls,
    /// Puts on high-yield credit: HYG, JNK.
    CreditPuts,
    /// Long Bund, short OAT futures, neutral to parallel moves of yields.
    SovereignSpread,
    /// Puts on French banks: BNP, GLE.
    BankPuts,
}

impl HedgeType {
    /// All of them, in the order of the specification.
    pub const ALL: [HedgeType; 5] = [
        HedgeType::EquityPuts,
        HedgeType::VixCalls,
        HedgeType::CreditPuts,
        HedgeType::SovereignSpread,
        HedgeType::BankPuts,
    ];
}

impl fmt::Display for HedgeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            HedgeType::EquityPuts => "equity puts",
            HedgeType::VixCalls => "VIX calls",
            HedgeType::CreditPuts => "credit puts",
            HedgeType::SovereignSpread => "OAT–Bund",
            HedgeType::BankPuts => "bank puts",
        })
    }
}

/// A root whose options may be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HedgeRoot {
    /// Which hedge its options are.
    pub hedge: HedgeType,
    /// The root, an instrument of kind OPT.
    pub root: InstrumentId,
    /// What they are written on: an index, a fund, a share.
    pub underlying: ContractId,
    /// True when exercise delivers the underlying, as with options on funds and shares.
    pub physical: bool,
}

/// The futures of the OAT–Bund spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpreadFutures {
    /// Bought: FGBL.
    pub long: InstrumentId,
    /// Sold: FOAT.
    pub short: InstrumentId,
}

/// Every number of the tail hedges, from the settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TailHedgePolicy {
    /// Premium and its division among the types.
    pub budget: BudgetPolicy,
    /// Roots by type, preferred ones first.
    pub roots: Vec<HedgeRoot>,
    /// Which options of a chain are bought, per type; the futures spread has none.
    pub selection: BTreeMap<HedgeType, SelectionPolicy>,
    /// How far above the offer an option may have risen when its order goes out; that much more premium is set aside.
    pub price_tolerance: f64,
    /// Continuous interest rate a year, for the model.
    pub interest_rate: f64,
    /// When a held option is replaced or closed.
    pub roll: RollPolicy,
    /// When and how much is monetised.
    pub crisis: CrisisPolicy,
    /// The futures of the OAT–Bund spread; `None` when it is not configured.
    pub spread: Option<SpreadFutures>,
    /// How it is sized.
    pub bond_spread: BondSpreadPolicy,
    /// How a stress moves each type.
    pub stress: StressPolicy,
}

impl TailHedgePolicy {
    /// The root an option belongs to, when its type of hedge is configured.
    pub fn root(&self, root: InstrumentId) -> Option<&HedgeRoot> {
        self.roots.iter().find(|known| known.root == root)
    }
}
