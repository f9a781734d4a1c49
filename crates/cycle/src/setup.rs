//! Everything that stays the same over a run: universe, policy, and what follows from both.
//!
//! In: settings already checked. Out: dense tables the daily code reads without lookups by name.
//! Invariant: built once; a day never searches a string.

use crate::Names;
use domain::{
    ContractId, Currency, InstrumentId, InstrumentKind, OptionKey, PerContract, PerCurrency, PerInstrument, Universe,
};
use execution::ExecutionPolicy;
use risk::{
    Caps, GatePolicy, LossPolicy, MomentumPolicy, ReconciliationPolicy, RegimePolicy, VolatilityPolicy, WatchdogPolicy,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;
use strategy::tail_hedge::{HedgeRoot, SpreadFutures};
use strategy::{
    FxHedgePolicy, RebalancePolicy, RollDates, RollPolicy, ScreenList, Sleeve, SleeveKind, TailHedgePolicy,
};

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
    /// Days of returns from which the report measures tail losses and fits; 0 for none.
    pub report_days: usize,
    /// Exposure caps.
    pub caps: Caps,
    /// Spread momentum of the core sleeve.
    pub momentum: MomentumPolicy,
    /// When and how positions are adjusted.
    pub rebalance: RebalancePolicy,
    /// Currency hedge.
    pub fx_hedge: FxHedgePolicy,
    /// The future that is sold where an instrument cannot be borrowed.
    pub short_proxies: Vec<(InstrumentId, InstrumentId)>,
    /// The instrument whose returns the volatility estimate takes where one has no history yet.
    #[serde(default)]
    pub history_proxies: Vec<(InstrumentId, InstrumentId)>,
    /// When futures roll.
    pub rolls: RollPolicy,
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
    /// Position of its sleeve in the policy.
    pub sleeve: usize,
    /// Signed share of NAV at scale 1.
    pub weight: f64,
    /// Currency of the closes.
    pub currency: Currency,
    /// Whose returns stand for it before its first close, and their currency.
    pub proxy: Option<(InstrumentId, Currency)>,
}

/// Legs of the unit strategy whose instruments are neighbours in the table and have one currency.
#[derive(Clone, Debug, PartialEq)]
pub struct LegStretch {
    /// Their places among the legs.
    pub legs: Range<usize>,
    /// The place of the first one's instrument in a column of instruments.
    pub first: usize,
    /// Currency of the closes.
    pub currency: Currency,
}

/// Members of a basket that are neighbours in the table, none of them a future.
#[derive(Clone, Debug, PartialEq)]
pub struct Stake {
    /// Their places in a column of contracts.
    pub rows: Range<usize>,
    /// Their signed shares of the budget.
    pub shares: Vec<f64>,
}

/// A future with its contracts, earliest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The future.
    pub instrument: InstrumentId,
    /// Its contracts.
    pub contracts: Vec<ContractId>,
    /// True when the currency hedge alone trades it.
    pub hedges: bool,
}

/// A run's constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Instruments and contracts.
    pub universe: Universe,
    /// Names of its contracts.
    pub names: Names,
    /// The owner's choices.
    pub policy: Policy,
    /// Reference series.
    pub references: References,
    /// Base currency of the account.
    pub base: Currency,
    /// The fixed part of the unit strategy; what screens list is in the [`Memory`](crate::Memory).
    pub unit_legs: Vec<UnitLeg>,
    /// The same legs by neighbours.
    pub leg_stretches: Vec<LegStretch>,
    /// The members of each sleeve that is a basket without futures: what carries their weights is always the same.
    pub stakes: Vec<Option<Vec<Stake>>>,
    /// Contracts that more than one sleeve may hold.
    pub shared: Vec<ContractId>,
    /// Every future.
    pub chains: Vec<Chain>,
    /// Contracts of the currency hedge and of the bond spread: reported, but no part of what turnover and caps limit.
    pub outside_caps: PerContract<bool>,
    /// When each contract has to go; nothing for what does not expire.
    pub rolls: PerContract<Option<RollDates>>,
    /// Currencies of contracts that no future hedges.
    pub unhedged: Vec<Currency>,
    /// Options of the universe that the tail hedges may hold, in the order of their keys.
    pub options: Vec<OptionRow>,
}

/// An option the tail hedges may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionRow {
    /// Its contract.
    pub contract: ContractId,
    /// Expiry, strike, right.
    pub key: OptionKey,
    /// Its root and what that is for.
    pub root: HedgeRoot,
}

impl Setup {
    /// Derives the unit strategy from the sleeves.
    pub fn new(universe: Universe, policy: Policy, references: References, base: Currency) -> Setup {
        let no_list = ScreenList::default();
        let mut unit_legs: Vec<UnitLeg> = Vec::new();
        for (position, sleeve) in policy.sleeves.iter().enumerate() {
            sleeve.for_each_weight(&no_list, 1.0, |contract, weight| {
                let (instrument, currency) =
                    (universe.contract(contract).instrument, universe.terms(contract).currency);
                let proxy = policy.history_proxies.iter().find(|(of, _)| *of == instrument);
                let proxy = proxy.map(|&(_, proxy)| (proxy, universe.instrument(proxy).currency));
                unit_legs.push(UnitLeg { instrument, sleeve: position, weight, currency, proxy });
            });
        }
        let stakes = policy.sleeves.iter().map(|sleeve| stakes(sleeve, &universe)).collect();
        let chain = |instrument| Chain {
            instrument,
            contracts: universe.contracts_of(instrument).collect(),
            hedges: policy.fx_hedge.rules.iter().any(|rule| rule.future == instrument),
        };
        let futures = universe.instruments().filter(|&id| universe.instrument(id).kind == InstrumentKind::Fut);
        let chains: Vec<Chain> = futures.map(chain).filter(|chain| !chain.contracts.is_empty()).collect();
        let mut outside_caps = PerContract::filled(false, universe.contract_count());
        let spread = policy.sleeves.iter().find_map(|sleeve| sleeve.tail_hedge()?.spread);
        let of_spread = |chain: &Chain| spread.is_some_and(|p| [p.long, p.short].contains(&chain.instrument));
        let apart = chains.iter().filter(|chain| chain.hedges || of_spread(chain));
        for &contract in apart.flat_map(|chain| &chain.contracts) {
            outside_caps[contract] = true;
        }
        let rolls = PerContract::filled(None, universe.contract_count());
        let unhedged = unhedged(&universe, &policy, base);
        let mut holders = PerContract::filled(0, universe.contract_count());
        for sleeve in &policy.sleeves {
            let listed = sleeve.screen().into_iter().flat_map(|screen| screen.contracts());
            let may_hold: BTreeSet<ContractId> = sleeve.contracts(&no_list).into_iter().chain(listed).collect();
            may_hold.into_iter().for_each(|contract| holders[contract] += 1);
        }
        let shared = universe.contracts().filter(|&contract| holders[contract] > 1).collect();
        let options = options(&universe, &policy);
        Setup {
            names: Names::of(&universe),
            universe,
            policy,
            references,
            base,
            leg_stretches: leg_stretches(&unit_legs),
            unit_legs,
            stakes,
            shared,
            chains,
            outside_caps,
            rolls,
            unhedged,
            options,
        }
    }

    /// The same with the dates by which contracts have to go.
    pub fn with_rolls(self, rolls: PerContract<Option<RollDates>>) -> Setup {
        assert_eq!(rolls.len(), self.universe.contract_count(), "a row per contract");
        Setup { rolls, ..self }
    }

    /// The same strategy over a universe that has other options at its end, which no cap counts out, no list shares and no
    /// calendar rolls.
    pub fn over(&self, universe: Universe) -> Setup {
        fn grown<T: Copy>(column: &PerContract<T>, universe: &Universe, option: T) -> PerContract<T> {
            let configured = universe.configured().map(|contract| column[contract]);
            let options = std::iter::repeat_n(option, universe.contract_count() - universe.configured().count());
            PerContract::from_vec(configured.chain(options).collect())
        }
        Setup {
            outside_caps: grown(&self.outside_caps, &universe, false),
            rolls: grown(&self.rolls, &universe, None),
            unhedged: unhedged(&universe, &self.policy, self.base),
            options: options(&universe, &self.policy),
            policy: self.policy.clone(),
            references: self.references.clone(),
            unit_legs: self.unit_legs.clone(),
            leg_stretches: self.leg_stretches.clone(),
            stakes: self.stakes.clone(),
            shared: self.shared.clone(),
            chains: self.chains.clone(),
            base: self.base,
            names: Names::of(&universe),
            universe,
        }
    }

    /// The sleeve of tail hedges, by its position, with its policy.
    pub fn tail_hedge(&self) -> Option<(usize, &TailHedgePolicy)> {
        let mut sleeves = self.policy.sleeves.iter().enumerate();
        sleeves.find_map(|(position, sleeve)| sleeve.tail_hedge().map(|policy| (position, policy)))
    }

    /// The option of the tail hedges behind a contract.
    pub fn option(&self, contract: ContractId) -> Option<&OptionRow> {
        let place = self.options.binary_search_by_key(&contract, |row| row.contract);
        place.ok().map(|place| &self.options[place])
    }

    /// The futures of the bond spread, long and short.
    pub fn spread(&self) -> Option<SpreadFutures> {
        self.tail_hedge()?.1.spread
    }

    /// True for a contract of the bond spread.
    pub fn is_spread(&self, contract: ContractId) -> bool {
        let instrument = self.universe.contract(contract).instrument;
        self.spread().is_some_and(|pair| [pair.long, pair.short].contains(&instrument))
    }

    /// Whether a sleeve or the hedge may trade an instrument.
    pub fn trades(&self, instrument: InstrumentId) -> bool {
        let listed = |sleeve: &Sleeve| {
            sleeve.screen().is_some_and(|screen| {
                screen.contracts().any(|listed| self.universe.contract(listed).instrument == instrument)
            })
        };
        self.unit_legs.iter().any(|leg| leg.instrument == instrument)
            || self.policy.fx_hedge.rules.iter().any(|rule| rule.future == instrument)
            || self.policy.sleeves.iter().any(listed)
            || self.spread().is_some_and(|pair| [pair.long, pair.short].contains(&instrument))
    }

    /// The contract that carries a weight given to `contract`: itself, or of a future the one to hold today; `None` when
    /// its chain has ended.
    #[inline]
    pub fn carrier(&self, contract: ContractId, active: &PerInstrument<Option<ContractId>>) -> Option<ContractId> {
        if self.chains.is_empty() || !self.universe.terms(contract).settles_daily {
            Some(contract)
        } else {
            active[self.universe.contract(contract).instrument]
        }
    }
}

/// Currencies of what can be traded that no future hedges.
fn unhedged(universe: &Universe, policy: &Policy, base: Currency) -> Vec<Currency> {
    let mut traded = PerCurrency::<bool>::default();
    let has_contracts = |&id: &InstrumentId| universe.contracts_of(id).next().is_some();
    for instrument in universe.instruments().filter(has_contracts).map(|id| universe.instrument(id)) {
        if instrument.tradable {
            (traded[instrument.currency], traded[instrument.risk_currency]) = (true, true);
        }
    }
    let hedged = |currency| policy.fx_hedge.rules.iter().any(|rule| rule.currency == currency);
    let foreign = Currency::ALL.into_iter().filter(|&currency| currency != base);
    foreign.filter(|&currency| traded[currency] && !hedged(currency)).collect()
}

fn leg_stretches(legs: &[UnitLeg]) -> Vec<LegStretch> {
    let mut stretches: Vec<LegStretch> = Vec::new();
    for (place, leg) in legs.iter().enumerate() {
        let (row, currency) = (leg.instrument.index(), leg.currency);
        match stretches.last_mut() {
            Some(last) if last.first + last.legs.len() == row && last.currency == currency => last.legs.end += 1,
            _ => stretches.push(LegStretch { legs: place..place + 1, first: row, currency }),
        }
    }
    stretches
}

fn stakes(sleeve: &Sleeve, universe: &Universe) -> Option<Vec<Stake>> {
    let SleeveKind::WeightedBasket { members } = &sleeve.kind else { return None };
    let mut stakes: Vec<Stake> = Vec::new();
    for &(contract, share) in members {
        let row = contract.index();
        match stakes.last_mut() {
            _ if universe.terms(contract).settles_daily => return None,
            Some(last) if last.rows.end == row => {
                last.rows.end += 1;
                last.shares.push(share);
            }
            _ => stakes.push(Stake { rows: row..row + 1, shares: vec![share] }),
        }
    }
    Some(stakes)
}

fn options(universe: &Universe, policy: &Policy) -> Vec<OptionRow> {
    let Some(hedges) = policy.sleeves.iter().find_map(Sleeve::tail_hedge) else { return Vec::new() };
    let row = |contract: ContractId| {
        let key = *universe.option(contract)?;
        let root = *hedges.root(universe.contract(contract).instrument)?;
        Some(OptionRow { contract, key, root })
    };
    universe.contracts().filter_map(row).collect()
}
