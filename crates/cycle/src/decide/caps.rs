//! Step 10, before the basket: what one contract can take.
//!
//! In: wanted quantities, volumes, NAV. Out: increases cut to the share of a day's volume and to the largest position.
//! Invariant: reductions and what is rolled are never cut; the legs of a pair are cut alike.

use crate::{DayInputs, DayPlan, Setup};
use domain::{AssetClass, ContractId, Quantity};
use risk::Check;
use risk::gate::Refusal;
use strategy::ScreenList;
use strategy::sizing::Change;

/// The share of a contract's increase that may be ordered, and what cuts it.
pub(crate) struct Cut {
    pub(crate) contract: ContractId,
    pub(crate) share: f64,
    check: Check,
    /// Limit and value, in the check's unit; `None` for the other legs of a pair.
    told: Option<(f64, f64)>,
}

pub(super) fn limit(moving: &[ContractId], inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    plan.table.netted.as_mut_slice().copy_from_slice(plan.table.wanted.as_slice());
    for Cut { contract, share, check, told } in cuts(moving, inputs, setup, plan) {
        let held = inputs.ledger.quantity(contract);
        let rolled = plan.table.rolled[contract];
        let change = grows(held, plan.table.netted[contract], rolled);
        if !change.increase.is_zero() {
            plan.table.wanted[contract] = held + rolled + change.with_share(share, setup.universe.terms(contract).lot);
            plan.table.verdict[contract].fail(check);
            let refusal = |(limit, value)| Refusal { check, contract: Some(contract), limit, value };
            plan.refusals.extend(told.map(refusal));
        }
    }
}

/// What has to be cut of the netted quantities of what moves, the legs of a pair alike.
pub(crate) fn cuts(moving: &[ContractId], inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Vec<Cut> {
    let mut cuts = Vec::new();
    if plan.facts.nav <= 0.0 {
        return cuts; // nothing is increased against a NAV nobody knows
    }
    for &contract in moving {
        let held = inputs.ledger.quantity(contract);
        let change = grows(held, plan.table.netted[contract], plan.table.rolled[contract]);
        if !change.increase.is_zero() {
            cuts.extend(cut(contract, held, change, inputs, setup, plan));
        }
    }
    if cuts.is_empty() {
        return cuts;
    }
    for sleeve in setup.policy.sleeves.iter().filter(|sleeve| sleeve.is_pair()) {
        let legs = sleeve.contracts(&ScreenList::default()).into_iter();
        let legs: Vec<ContractId> = legs.filter_map(|leg| setup.carrier(leg, inputs.active)).collect();
        let own = cuts.iter().filter(|cut| legs.contains(&cut.contract));
        let Some(tightest) = own.min_by(|a, b| a.share.total_cmp(&b.share)) else { continue };
        let (share, check) = (tightest.share, if tightest.share > 0.0 { tightest.check } else { Check::PairLeg });
        for contract in legs {
            match cuts.iter_mut().find(|cut| cut.contract == contract) {
                Some(cut) => cut.share = share,
                None => cuts.push(Cut { contract, share, check, told: None }),
            }
        }
    }
    cuts
}

/// The way from what is held to a quantity, without what a roll opens: another contract gives that up.
#[inline]
pub(crate) fn grows(held: Quantity, to: Quantity, rolled: Quantity) -> Change {
    let whole = Change::between(held, to);
    Change { increase: whole.increase - rolled, ..whole }
}

/// How far one contract's increase has to be cut; `None` when all of it fits.
fn cut(
    contract: ContractId,
    held: Quantity,
    change: Change,
    inputs: &DayInputs<'_>,
    setup: &Setup,
    plan: &DayPlan,
) -> Option<Cut> {
    let (gate, nav, price) = (&setup.policy.gate, plan.facts.nav, plan.table.unit_price[contract]);
    let adv = inputs.conditions.adv[contract];
    let (reduce, increase) = (change.reduce.to_f64().abs(), change.increase.to_f64().abs());
    let kept = (held + change.reduce + plan.table.rolled[contract]).to_f64().abs();
    let is_option = setup.universe.terms(contract).asset_class == AssetClass::Option;
    let by_volume =
        if is_option { f64::INFINITY } else { (adv.map_or(0.0, |adv| adv * gate.adv_max) - reduce) / increase };
    let by_position = (gate.position_max * nav / price - kept) / increase;
    let cut =
        |share: f64, check, limit, value| Cut { contract, share: share.max(0.0), check, told: Some((limit, value)) };
    match by_volume.min(by_position) {
        room if room >= 1.0 => None,
        room if room == by_volume => {
            let ordered = adv.map_or(0.0, |adv| (reduce + increase) / adv);
            Some(cut(room, Check::Adv, gate.adv_max, ordered))
        }
        room => Some(cut(room, Check::Position, gate.position_max, (kept + increase) * price / nav)),
    }
}
