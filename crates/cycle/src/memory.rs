//! What one day's decision hands to the next.
//!
//! In: closes of the days since, NAV of the day. Out: estimator states, regime, performance.
//! Invariant: a fold over history rows; deciding never looks further back than this value.

use crate::Setup;
use crate::setup::{LegStretch, UnitLeg};
use domain::{ContractId, Currency, InstrumentId, PerCurrency};
use jiff::civil::Date;
use market::HistoryView;
use market::panel::Row;
use risk::{Contributions, Performance, RegimeState, ReturnsOf, SpreadMomentum, VolatilityEstimator};
use serde::{Deserialize, Serialize};
use strategy::{HedgeState, Observed, ScreenList};

/// Decision state, durable from day to day.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Date of the last history row taken in.
    pub last_row: Option<Date>,
    /// Date of the last of them that the estimate learnt from; absent in memories of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_return: Option<Date>,
    /// Estimate over the unit strategy's returns.
    pub volatility: VolatilityEstimator,
    /// Spread momentum, when both indices are configured.
    pub momentum: SpreadMomentum,
    /// The last signal there was.
    pub last_signal: Option<f64>,
    /// Regime with its pending change.
    pub regime: RegimeState,
    /// Unit value and high-water mark.
    pub performance: Performance,
    /// Last volatility index close with its date.
    pub vix: Option<(Date, f64)>,
    /// Whose returns the estimate is made of, and the unit legs by name, in order; one text, because it is copied daily.
    legs: String,
    /// Last base-currency close of each unit leg; 0 before the first.
    last_closes: Vec<f64>,
    /// Last base-currency close of the proxy of each unit leg without a close of its own; 0 before the first.
    #[serde(default)]
    last_proxies: Vec<f64>,
    /// Last rate of each currency to base; 0 before the first.
    last_rates: PerCurrency<f64>,
    /// What each sleeve added to the unit strategy lately; the report reads it, no decision does.
    pub contributions: Contributions,
    /// What each sleeve's screen lists, in the order of the sleeves; empty for those that do not screen.
    pub lists: Vec<ScreenList>,
    /// Budget and crisis of the tail hedges.
    #[serde(default)]
    pub hedges: HedgeState,
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Memory {
            volatility: self.volatility.clone(),
            momentum: self.momentum.clone(),
            legs: self.legs.clone(),
            last_closes: self.last_closes.clone(),
            last_proxies: self.last_proxies.clone(),
            contributions: self.contributions.clone(),
            lists: self.lists.clone(),
            hedges: self.hedges.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, source: &Self) {
        (self.last_row, self.last_return) = (source.last_row, source.last_return);
        self.volatility.clone_from(&source.volatility);
        renew(&mut self.momentum, &source.momentum);
        self.last_signal = source.last_signal;
        self.regime = source.regime;
        self.performance = source.performance;
        self.vix = source.vix;
        self.legs.clone_from(&source.legs);
        self.last_closes.clone_from(&source.last_closes);
        self.last_proxies.clone_from(&source.last_proxies);
        self.last_rates = source.last_rates;
        self.contributions.clone_from(&source.contributions);
        renew(&mut self.lists, &source.lists);
        renew(&mut self.hedges, &source.hedges);
    }
}

/// Copies what changes seldom where it has changed.
fn renew<T: Clone + PartialEq>(ours: &mut T, source: &T) {
    if ours != source {
        ours.clone_from(source);
    }
}

impl Memory {
    /// Before any history.
    pub fn new(setup: &Setup) -> Memory {
        let mut last_rates = PerCurrency::default();
        last_rates[setup.base] = 1.0;
        Memory {
            last_row: None,
            last_return: None,
            volatility: VolatilityEstimator::new(&setup.policy.volatility),
            momentum: SpreadMomentum::new(&setup.policy.momentum),
            last_signal: None,
            regime: RegimeState::default(),
            performance: Performance::default(),
            vix: None,
            legs: legs(setup),
            last_closes: vec![0.0; setup.unit_legs.len()],
            last_proxies: vec![0.0; setup.unit_legs.len()],
            last_rates,
            contributions: Contributions::new(setup.policy.sleeves.len(), setup.policy.report_days),
            lists: vec![ScreenList::default(); setup.policy.sleeves.len()],
            hedges: HedgeState::default(),
        }
    }

    /// The same memory for this setup: when the strategy's legs have changed, its estimates and lists start
    /// again from history; regime, performance and the hedges go on.
    pub fn fitted(self, setup: &Setup) -> Memory {
        if self.legs == legs(setup) && self.lists.len() == setup.policy.sleeves.len() {
            return self;
        }
        Memory { regime: self.regime, performance: self.performance, hedges: self.hedges, ..Memory::new(setup) }
    }

    /// The legs of the unit strategy that have had no close yet, with the instruments that are measured in their place.
    pub fn measured_by_proxy<'s>(
        &'s self,
        setup: &'s Setup,
    ) -> impl Iterator<Item = (InstrumentId, InstrumentId)> + use<'s> {
        let legs = setup.unit_legs.iter().zip(&self.last_closes).filter(|(_, last)| **last == 0.0);
        legs.filter_map(|(leg, _)| leg.proxy.map(|(proxy, _)| (leg.instrument, proxy)))
    }

    /// The date up to which it knows how risky the strategy is.
    pub fn known_to(&self) -> Option<Date> {
        self.last_return.or(self.last_row)
    }

    /// The same memory over other keys.
    pub fn rekeyed(mut self, key: impl Fn(ContractId) -> Option<ContractId>) -> Memory {
        self.lists = self.lists.into_iter().map(|list| list.rekeyed(&key)).collect();
        self.hedges = self.hedges.rekeyed(&key);
        self
    }

    /// Takes in history and the screens of a day. A list in force earns the returns of the rows; before the
    /// first row there is none, so the first one is taken to have been held all along.
    pub fn advance(&mut self, date: Date, history: HistoryView<'_>, screens: &[Observed], setup: &Setup) {
        if self.last_row.is_some() {
            self.take_in(history, setup);
            self.renew_lists(date, screens, setup);
        } else {
            self.renew_lists(date, screens, setup);
            self.lists.iter_mut().flat_map(|list| &mut list.names).for_each(|name| name.last_close = 0.0);
            self.take_in(history, setup);
        }
    }

    fn renew_lists(&mut self, date: Date, screens: &[Observed], setup: &Setup) {
        for (list, sleeve) in self.lists.iter_mut().zip(&setup.policy.sleeves) {
            let observed = screens.iter().find(|observed| observed.sleeve == sleeve.name);
            if let (Some(policy), Some(observed)) = (sleeve.screen(), observed) {
                list.renew(date, observed, policy);
            }
        }
    }

    /// Takes in the rows of a view, oldest first.
    pub fn take_in(&mut self, history: HistoryView<'_>, setup: &Setup) {
        for (date, row) in history.iter() {
            self.take_row(date, row, setup);
        }
    }

    fn take_row(&mut self, date: Date, row: Row<'_>, setup: &Setup) {
        if self.last_row.is_some_and(|last| date <= last) {
            return self.rebase(row, setup);
        }
        let references = &setup.references;
        for currency in Currency::ALL {
            if let Some(rate) = references.rates[currency].and_then(|pair| row.close(pair)) {
                self.last_rates[currency] = rate;
            }
        }
        let unit_return = self.unit_return(row, setup);
        let of_account = setup.policy.volatility.source == ReturnsOf::Account;
        if unit_return.is_some() || of_account {
            self.last_return = Some(date);
        }
        if !of_account {
            unit_return.into_iter().for_each(|unit_return| self.volatility.push(unit_return));
        }
        if let Some(vix) = references.vix.and_then(|vix| row.close(vix)) {
            self.vix = Some((date, vix));
        }
        let closes = references.ratio.map(|(over, under)| (row.close(over), row.close(under)));
        if let (Some((Some(over), Some(under))), Some(rate)) = (closes, self.ratio_rate(setup)) {
            self.momentum.push(over / under * rate);
            self.last_signal = self.momentum.signal().or(self.last_signal);
        }
        self.last_row = Some(date);
    }

    /// A row of a date that was taken in already holds its closes as they are told today: in new shares after a split, of
    /// the contract that a future was rolled into. The next returns are measured from them.
    fn rebase(&mut self, row: Row<'_>, setup: &Setup) {
        for (leg, last) in setup.unit_legs.iter().zip(&mut self.last_closes) {
            if let Some(close) = row.close(leg.instrument) {
                *last = close * self.last_rates[leg.currency];
            }
        }
        for name in self.lists.iter_mut().flat_map(|list| &mut list.names).filter(|name| name.last_close > 0.0) {
            let (universe, contract) = (&setup.universe, name.contract);
            if let Some(close) = row.close(universe.contract(contract).instrument) {
                name.last_close = close * self.last_rates[universe.terms(contract).currency];
            }
        }
    }

    /// What turns the quoted ratio into one of base-currency values; 1 when it is taken as quoted.
    /// `None` before there is a rate.
    fn ratio_rate(&self, setup: &Setup) -> Option<f64> {
        let Some((over, under)) = setup.references.ratio.filter(|_| setup.references.ratio_in_base) else {
            return Some(1.0);
        };
        let rate = |id| Some(self.last_rates[setup.universe.instrument(id).currency]).filter(|&rate| rate > 0.0);
        Some(rate(over)? / rate(under)?)
    }

    /// Σ w (b_t / b_{t−1} − 1) with b the close in base currency; a leg without a print keeps its
    /// last close and adds nothing; one that never had a close adds the return of its proxy. `None` when no leg has both
    /// closes.
    fn unit_return(&mut self, row: Row<'_>, setup: &Setup) -> Option<f64> {
        let closes = row.raw();
        let (mut total, mut seen) = (0.0, false);
        let Memory { contributions, last_closes, last_proxies, last_rates, .. } = self;
        contributions.begin();
        last_proxies.resize(setup.unit_legs.len(), 0.0);
        let mut earn = |leg: &UnitLeg, before: f64, close: f64| {
            let contribution = leg.weight * (close / before - 1.0);
            contributions.add(leg.sleeve, leg.weight < 0.0, contribution);
            total += contribution;
            seen = true;
        };
        for LegStretch { legs, first, currency } in &setup.leg_stretches {
            let (rate, closes) = (last_rates[*currency], &closes[*first..first + legs.len()]);
            let (lasts, proxies) = (&mut last_closes[legs.clone()], &mut last_proxies[legs.clone()]);
            let legs = &setup.unit_legs[legs.clone()];
            // On most days all have both closes, and none is asked for them.
            let both = lasts.iter().zip(closes);
            if both.fold(true, |all, (last, close)| all & (*last > 0.0) & (close * rate > 0.0)) {
                for ((leg, close), last) in legs.iter().zip(closes).zip(lasts) {
                    let close = close * rate;
                    earn(leg, std::mem::replace(last, close), close);
                }
                continue;
            }
            for ((leg, close), (last, last_proxy)) in legs.iter().zip(closes).zip(lasts.iter_mut().zip(proxies)) {
                let close = close * rate;
                if *last > 0.0 && close > 0.0 {
                    earn(leg, *last, close);
                } else if let Some((proxy, currency)) = leg.proxy.filter(|_| *last == 0.0) {
                    let close = row.raw()[proxy.index()] * last_rates[currency];
                    if close > 0.0 {
                        if *last_proxy > 0.0 {
                            earn(leg, *last_proxy, close);
                        }
                        *last_proxy = close;
                    }
                }
                if close > 0.0 {
                    *last = close;
                }
            }
        }
        for (position, (list, sleeve)) in self.lists.iter_mut().zip(&setup.policy.sleeves).enumerate() {
            for name in &mut list.names {
                let instrument = setup.universe.contract(name.contract).instrument;
                let close = closes[instrument.index()] * self.last_rates[setup.universe.terms(name.contract).currency];
                if close.is_nan() || close == 0.0 {
                    continue;
                }
                if name.last_close > 0.0 {
                    let contribution = sleeve.budget * name.share * (close / name.last_close - 1.0);
                    self.contributions.add(position, name.share < 0.0, contribution);
                    total += contribution;
                    seen = true;
                }
                name.last_close = close;
            }
        }
        if !seen {
            self.contributions.take_back();
        }
        seen.then_some(total)
    }
}

/// What the estimate is made of, as one text.
fn legs(setup: &Setup) -> String {
    if setup.policy.volatility.source == ReturnsOf::Account {
        return format!("account: {}", unit_legs(setup));
    }
    unit_legs(setup)
}

fn unit_legs(setup: &Setup) -> String {
    let name = |leg: &UnitLeg| setup.universe.instrument(leg.instrument).name.as_str();
    let screens = setup.policy.sleeves.iter().enumerate().filter(|(_, sleeve)| sleeve.screen().is_some());
    let screens = screens.map(|(position, sleeve)| format!("{position}:{}", sleeve.name));
    setup.unit_legs.iter().map(|leg| name(leg).to_owned()).chain(screens).collect::<Vec<_>>().join(" ")
}
