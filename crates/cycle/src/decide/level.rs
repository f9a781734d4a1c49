//! Step 11: a day that only reduces raises no net exposure.
//!
//! In: what is scheduled and held, by two-sided sleeve and for the book. Out: reductions cut by one share where nothing
//! answers them. Invariant: close-outs, rolls, options and currency hedges are never cut, nor is what brings a net back;
//! no net ends further from zero than it began or than what is never cut takes it, but for lots.

use super::basket::purpose;
use crate::{DayInputs, DayPlan, Setup};
use domain::rounding::{LotRounding, to_lot};
use domain::{ContractId, Quantity};
use risk::{Check, Mode, Purpose};

/// Cuts of one book after which what is still in the way waits altogether: each cut may unsettle another book.
const CUTS_MAX: usize = 8;

/// One contract of a book, in base currency.
#[derive(Clone, Copy, Debug)]
struct Position {
    held: f64,
    change: f64,
    /// Value of a lot of a reduction that may be cut; zero of any other.
    lot: f64,
}

pub(super) fn keep_level(inputs: &DayInputs<'_>, setup: &Setup, plan: &mut DayPlan) {
    if plan.mode != Mode::ReduceOnly || plan.flatten {
        return;
    }
    let mut books: Vec<Vec<ContractId>> =
        (0..setup.policy.sleeves.len()).filter_map(|sleeve| two_sides(sleeve, inputs, setup, plan)).collect();
    books.push(setup.universe.contracts().filter(|&contract| !setup.outside_caps[contract]).collect());
    let mut cuts = 0;
    while let Some((contracts, side, share)) = books.iter().find_map(|book| {
        let positions: Vec<Position> = book.iter().map(|&contract| position(contract, inputs, setup, plan)).collect();
        too_much(&positions).map(|(side, share)| (book, side, share))
    }) {
        cuts += 1;
        let share = if cuts > CUTS_MAX { 0.0 } else { share };
        for &contract in contracts {
            let Position { change, lot, .. } = position(contract, inputs, setup, plan);
            if lot > 0.0 && change * side > 0.0 {
                let (cut, lot) = (plan.table.scheduled[contract].to_f64() * share, setup.universe.terms(contract).lot);
                plan.table.scheduled[contract] = to_lot(cut, lot, LotRounding::TowardZero);
                plan.table.verdict[contract].fail(Check::NetRises);
            }
        }
    }
}

/// The sign of the changes that take a net further from zero, and the share of them that does not.
fn too_much(positions: &[Position]) -> Option<(f64, f64)> {
    let (mut before, mut fixed, mut sides, mut lots) = (0.0, 0.0, [0.0, 0.0], 0.0);
    for &Position { held, change, lot } in positions {
        before += held;
        lots += lot;
        match lot > 0.0 {
            true => sides[usize::from(change < 0.0)] += change,
            false => fixed += change,
        }
    }
    let most = f64::max(before.abs(), (before + fixed).abs());
    let after = before + fixed + sides[0] + sides[1];
    let side = sides[usize::from(after < 0.0)];
    (after.abs() > most + lots).then(|| (after.signum(), (1.0 - (after.abs() - most) / side.abs()).max(0.0)))
}

fn position(contract: ContractId, inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Position {
    let (held, scheduled) = (inputs.ledger.quantity(contract), plan.table.scheduled[contract]);
    let exposure = plan.table.exposure[contract];
    let may_wait = !scheduled.is_zero()
        && plan.table.rolled[contract].is_zero()
        && setup.option(contract).is_none()
        && purpose(contract, held, scheduled, &plan.table, inputs, setup) == Purpose::Reduce;
    let lot = if may_wait { exposure * setup.universe.terms(contract).lot.to_f64() } else { 0.0 };
    Position { held: held.to_f64() * exposure, change: scheduled.to_f64() * exposure, lot }
}

/// What a sleeve of two sides wants or holds, when nobody else has any of it; what sleeves share is judged in the book alone.
fn two_sides(sleeve: usize, inputs: &DayInputs<'_>, setup: &Setup, plan: &DayPlan) -> Option<Vec<ContractId>> {
    let (policy, list) = (&setup.policy.sleeves[sleeve], &plan.memory.lists[sleeve]);
    let (mut contracts, mut sides) = (Vec::new(), [false; 2]);
    let mut add = |contract: ContractId, is_short: bool| {
        sides[usize::from(is_short)] = true;
        contracts.push(contract);
    };
    policy.for_each_weight(list, 1.0, |of, weight| {
        setup.carrier(of, inputs.active).into_iter().for_each(|contract| add(contract, weight < 0.0));
    });
    let own = inputs.sleeves.and_then(|sleeves| Some((sleeves, sleeves.id(&policy.name)?)));
    if let Some((sleeves, id)) = own {
        let held = sleeves.holdings(id).iter().filter(|holding| !setup.outside_caps[holding.contract]);
        held.for_each(|holding| add(holding.contract, holding.quantity < Quantity::ZERO));
    }
    contracts.sort_unstable();
    contracts.dedup();
    let is_own = |contract: &ContractId| {
        let all_of =
            own.is_none_or(|(sleeves, id)| sleeves.quantity(id, *contract) == inputs.ledger.quantity(*contract));
        all_of && !setup.shared.contains(contract)
    };
    (sides == [true; 2] && contracts.iter().all(is_own)).then_some(contracts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn positions() -> impl Strategy<Value = Vec<Position>> {
        let one = (-1e6_f64..1e6, 0.0_f64..1.0, any::<bool>()).prop_map(|(held, share, may_wait)| Position {
            held,
            change: -held * share,
            lot: if may_wait { 100.0 } else { 0.0 },
        });
        prop::collection::vec(one, 0..8)
    }

    proptest! {
        #[test]
        fn what_is_cut_to_its_share_raises_no_net(positions in positions()) {
            let sum = |of: &dyn Fn(&Position) -> f64| positions.iter().map(of).sum::<f64>();
            let before = sum(&|position| position.held);
            let forced = before + sum(&|position| if position.lot > 0.0 { 0.0 } else { position.change });
            let most = before.abs().max(forced.abs());
            let (side, share) = too_much(&positions).unwrap_or((1.0, 1.0));
            prop_assert!((0.0..=1.0).contains(&share));
            let cut = |position: &Position| {
                let is_cut = position.lot > 0.0 && position.change * side > 0.0;
                position.change * if is_cut { share } else { 1.0 }
            };
            let after = before + sum(&cut);
            prop_assert!(after.abs() <= most + sum(&|position| position.lot) + 1e-3, "{} of {}", after, most);
        }
    }
}
