//! Monetising the hedges, once in a crisis.
//!
//! In: regime, VIX, the day's loss, the hedges in the money. Out: how many to sell. Invariant: one sale per
//! episode however long it lasts and however often the day is run; nothing is bought in a type on the date
//! it was sold.

use super::{HedgeType, HeldOption};
use domain::rounding::{LotRounding, to_lot};
use domain::{ContractId, Quantity};
use jiff::civil::Date;
use risk::Regime;
use serde::{Deserialize, Serialize};

/// When hedges are turned into money, and how much of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrisisPolicy {
    /// VIX at and above which they are.
    pub vix: f64,
    /// Loss of one day, as a positive fraction of NAV, at and beyond which they are.
    pub day_loss: f64,
    /// Share of the contracts in the money that is sold.
    pub share: f64,
}

/// What the playbook reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrisisSignals {
    /// Trade date.
    pub date: Date,
    /// Regime in force today.
    pub regime: Regime,
    /// Volatility index, if there is one.
    pub vix: Option<f64>,
    /// Today's return on unit value; a loss is negative.
    pub daily_return: f64,
}

/// Contracts of one option to sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monetisation {
    /// The option.
    pub contract: ContractId,
    /// Its type.
    pub hedge: HedgeType,
    /// How many to sell, at most what is held.
    pub contracts: i64,
}

/// The crisis that is under way, durable from day to day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrisisEpisode {
    /// True from the first trigger until the regime has left CRISIS.
    pub open: bool,
    /// When hedges were sold in it, and of which types.
    pub sold: Option<(Date, Vec<HedgeType>)>,
    /// What the sale was to leave of options of which more is still held: an order need not be filled on its day.
    pub keep: Vec<Kept>,
}

/// Contracts of an option that a monetisation leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The option.
    pub contract: ContractId,
    /// How many stay.
    pub contracts: i64,
}

impl CrisisPolicy {
    /// True on a date on which the playbook applies. A missing VIX triggers nothing.
    pub fn triggered(&self, signals: &CrisisSignals) -> bool {
        signals.vix.is_some_and(|vix| vix >= self.vix) || signals.daily_return <= -self.day_loss
    }
}

impl CrisisEpisode {
    /// One trade date: opens or ends the episode and says what to sell. `underlying` gives the price an option
    /// is written on; without one the option is not counted as in the money.
    ///
    /// The episode's one sale happens on its first triggered date on which there is something in the money to
    /// sell: on the first day of a crisis the hedges may still be out of it. What is not filled on that date is
    /// offered again until what was to be kept is left.
    pub fn advance(
        &mut self,
        signals: &CrisisSignals,
        held: &[HeldOption],
        underlying: impl Fn(&HeldOption) -> Option<f64>,
        policy: &CrisisPolicy,
    ) -> Vec<Monetisation> {
        let triggered = policy.triggered(signals);
        if signals.regime != Regime::Crisis && !triggered {
            *self = CrisisEpisode { open: false, sold: self.sold.take(), keep: Vec::new() };
        }
        if triggered && !self.open {
            *self = CrisisEpisode { open: true, ..CrisisEpisode::default() };
        }
        if triggered && self.sold.is_none() {
            self.sell(signals.date, held, underlying, policy);
        }
        let mut sales = Vec::new();
        self.keep.retain(|kept| {
            let option = held.iter().find(|option| option.contract == kept.contract);
            let rest = option.filter(|option| option.contracts > kept.contracts);
            let sale = rest.map(|option| Monetisation {
                contract: option.contract,
                hedge: option.hedge,
                contracts: option.contracts - kept.contracts,
            });
            sales.extend(sale);
            sale.is_some()
        });
        sales
    }

    /// Decides the episode's sale, if there is anything in the money.
    fn sell(
        &mut self,
        date: Date,
        held: &[HeldOption],
        underlying: impl Fn(&HeldOption) -> Option<f64>,
        policy: &CrisisPolicy,
    ) {
        let inside = held.iter().filter(|option| underlying(option).is_some_and(|price| option.in_the_money(price)));
        let sold = inside.filter(|option| share_of(option.contracts, policy.share) > 0);
        let mut types = Vec::new();
        for option in sold {
            types.push(option.hedge);
            let contracts = option.contracts - share_of(option.contracts, policy.share);
            self.keep.push(Kept { contract: option.contract, contracts });
        }
        if !types.is_empty() {
            types.sort();
            types.dedup();
            self.sold = Some((date, types));
        }
    }

    /// False on the date on which a type was monetised.
    pub fn may_buy(&self, hedge: HedgeType, date: Date) -> bool {
        self.sold.as_ref().is_none_or(|(sold, types)| *sold != date || !types.contains(&hedge))
    }
}

/// A share of whole contracts, rounded half away from zero, never more than there are.
fn share_of(contracts: i64, share: f64) -> i64 {
    let one = Quantity::whole(1);
    let whole = to_lot(contracts as f64 * share, one, LotRounding::HalfAwayFromZero).units() / one.units();
    whole.clamp(0, contracts.max(0))
}
