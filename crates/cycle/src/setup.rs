//! Everything that stays the same over a run: universe, policy, and what follows from both.
//!
//! In: settings already checked. Out: dense tables the daily code reads without lookups by name.
//! Invariant: built once; a day never searches a string.

use domain::{ContractId, Currency, InstrumentId, PerCurrency, Universe};
use execution::ExecutionPolicy;
use risk::{
    Caps, GatePolicy, LossPolicy, MomentumPolicy, ReconciliationPolicy, RegimePolicy, VolatilityPolicy, WatchdogPolicy,
};
use serde::{Deserialize, Serialize};
use strategy::{FxHedgePolicy, RebalancePolicy, ScreenList, Sleeve};

/// Every choice the owner made, typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Sub-strategies, in the order of reports.
    pub sleeves: Vec<Sleeve>,
    /// Volatility targeting.
    pub volatility: VolatilityPolicy,
    /// Regime table and factors.
    pub regime: RegimePolicy,
    /// Losses that stop the engine.
    pub loss: LossPolicy,
    /// Exposure caps.
    pub caps: Caps,
    /// Spread momentum of the core sleeve.
    pub momentum: MomentumPolicy,
    /// When and how positions are adjusted.
    pub rebalance: RebalancePolicy,
    /// Currency hedge.
    pub fx_hedge: FxHedgePolicy,
    /// Limits of the gate.
    pub gate: GatePolicy,
    /// Order pricing and timing.
    pub execution: ExecutionPolicy,
    /// Tolerances against the broker.
    pub reconciliation: ReconciliationPolicy,
    /// What is watched while the day's orders work; `None` in research without a live account.
    pub watchdog: Option<WatchdogPolicy>,
}

/// Reference series the decision reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    /// The volatility index.
    pub vix: Option<InstrumentId>,
    /// Numerator and denominator of the spread ratio.
    pub ratio: Option<(InstrumentId, InstrumentId)>,
    /// True when both are taken in base currency, false as quoted.
    pub ratio_in_base: bool,
    /// The spot pair whose close is base per unit of a currency.
    pub rates: PerCurrency<Option<InstrumentId>>,
}

/// One leg of the unit strategy: base weights before momentum, state, hedges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitLeg {
    /// Whose closes.
    pub instrument: InstrumentId,
    /// Signed share of NAV at scale 1.
    pub weight: f64,
    /// Currency of the closes.
    pub currency: Currency,
}

/// A run's constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Instruments and contracts.
    pub universe: Universe,
    /// The owner's choices.
    pub policy: Policy,
    /// Reference series.
    pub references: References,
    /// Base currency of the account.
    pub base: Currency,
    /// The fixed part of the unit strategy; what screens list is in the [`Memory`](crate::Memory).
    pub unit_legs: Vec<UnitLeg>,
    /// Contracts that more than one sleeve may hold.
    pub shared: Vec<ContractId>,
    /// Every contract of a future.
    pub futures: Vec<ContractId>,
    /// Currencies of contracts that no future hedges.
    pub unhedged: Vec<Currency>,
}

impl Setup {
    /// Derives the unit strategy from the sleeves.
    pub fn new(universe: Universe, policy: Policy, references: References, base: Currency) -> Setup {
        let no_list = ScreenList::default();
        let mut unit_legs: Vec<UnitLeg> = Vec::new();
        for sleeve in &policy.sleeves {
            sleeve.for_each_weight(&no_list, 1.0, |contract, weight| {
                let instrument = universe.contract(contract).instrument;
                match unit_legs.iter_mut().find(|leg| leg.instrument == instrument) {
                    Some(leg) => leg.weight += weight,
                    None => unit_legs.push(UnitLeg { instrument, weight, currency: universe.terms(contract).currency }),
                }
            });
        }
        let futures = universe.contracts().filter(|&contract| universe.terms(contract).settles_daily).collect();
        let hedged = |currency| policy.fx_hedge.rules.iter().any(|rule| rule.currency == currency);
        let traded = |currency| {
            let mut traded = universe.contracts().filter(|&contract| universe.instrument_of(contract).tradable);
            traded.any(|contract| {
                [universe.terms(contract).currency, universe.terms(contract).risk_currency].contains(&currency)
            })
        };
        let foreign = Currency::ALL.into_iter().filter(|&currency| currency != base);
        let unhedged = foreign.filter(|&currency| traded(currency) && !hedged(currency)).collect();
        let holders = |contract: ContractId| {
            let may_hold = |sleeve: &Sleeve| {
                sleeve.contracts(&no_list).contains(&contract)
                    || sleeve.screen().is_some_and(|screen| screen.contracts().any(|listed| listed == contract))
            };
            policy.sleeves.iter().filter(|sleeve| may_hold(sleeve)).count()
        };
        let shared = universe.contracts().filter(|&contract| holders(contract) > 1).collect();
        Setup { universe, policy, references, base, unit_legs, shared, futures, unhedged }
    }
}
