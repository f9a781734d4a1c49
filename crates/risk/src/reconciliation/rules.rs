//! Attribution: the table of rules that name causes.
//!
//! In: a break and what is known beside it. Out: explanations that add up to it. Invariant: facts are taken before
//! guesses; a guess must account for all that is left; the rest is called unknown.

mod account;
mod cash;
mod quantity;

use super::value::{Sides, figure, money};
use super::{Break, Cause, Explanation, Finding, Layer};
use rust_decimal::Decimal;

/// What a rule looks at.
pub(super) struct Case<'a> {
    pub(super) sides: &'a Sides<'a>,
    pub(super) found: &'a Break,
    /// Findings of the layers before.
    pub(super) before: &'a [Finding],
    /// What no earlier rule has taken.
    pub(super) open: Decimal,
}

/// What a rule says: a cause, how much of the difference it makes, and its arithmetic.
pub(super) struct Claim {
    pub(super) cause: Cause,
    pub(super) amount: Decimal,
    pub(super) arithmetic: String,
}

type Rule = fn(&Case<'_>) -> Vec<Claim>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Something that was recorded: taken whenever it brings the sides closer.
    Fact,
    /// Something that would explain it: taken only when it explains all that is open.
    Guess,
}

/// The table: layer, kind, rule; read from top to bottom.
const RULES: [(Layer, Kind, Rule); 29] = {
    use Kind::{Fact, Guess};
    [
        (Layer::Account, Guess, account::other_currency),
        (Layer::Account, Guess, account::no_number),
        (Layer::Reply, Guess, account::rows_missing),
        (Layer::Executions, Guess, account::origin),
        (Layer::Quantity, Fact, quantity::executions),
        (Layer::Quantity, Fact, quantity::statement),
        (Layer::Quantity, Guess, quantity::short_order),
        (Layer::Quantity, Guess, quantity::incomplete_reply),
        (Layer::Quantity, Guess, quantity::expired),
        (Layer::Quantity, Guess, quantity::split),
        (Layer::Quantity, Guess, quantity::renamed),
        (Layer::Quantity, Guess, quantity::unit),
        (Layer::Quantity, Guess, quantity::phantom),
        (Layer::Cash, Fact, cash::executions),
        (Layer::Cash, Fact, cash::charges),
        (Layer::Cash, Fact, cash::statement),
        (Layer::Cash, Guess, cash::short_order),
        (Layer::Cash, Guess, cash::last_settlement),
        (Layer::Cash, Guess, cash::settlement),
        (Layer::Cash, Guess, cash::sweep),
        (Layer::Cash, Guess, cash::wrong_tag),
        (Layer::NetLiquidation, Fact, account::carried),
        (Layer::NetLiquidation, Fact, account::accruals),
        (Layer::NetLiquidation, Fact, account::owed),
        (Layer::NetLiquidation, Fact, account::rates),
        (Layer::NetLiquidation, Guess, account::wrong_unit),
        (Layer::NetLiquidation, Guess, account::disputed),
        (Layer::Marks, Guess, quantity::disputed),
        (Layer::Marks, Guess, quantity::mark),
    ]
};

/// The causes of a break.
pub(super) fn attribute(sides: &Sides<'_>, found: &Break, before: &[Finding]) -> Vec<Explanation> {
    let whole = found.difference();
    let mut case = Case { sides, found, before, open: whole };
    let rules = |kind| RULES.iter().filter(move |(layer, k, _)| *layer == found.layer && *k == kind);
    let facts: Vec<Claim> = rules(Kind::Fact).flat_map(|(_, _, rule)| rule(&case)).collect();
    let mut taken = take_facts(facts, &mut case);
    for (_, _, rule) in rules(Kind::Guess) {
        if !taken.is_empty() && case.open.abs() <= found.tolerance {
            break;
        }
        let fits = |claim: &Claim| (claim.amount - case.open).abs() <= found.tolerance;
        if let Some(claim) = rule(&case).into_iter().find(fits) {
            case.open -= claim.amount;
            taken.push(claim);
        }
    }
    let mut explanations: Vec<Explanation> = taken.into_iter().map(|claim| told(claim, whole, found.layer)).collect();
    if explanations.is_empty() || case.open.abs() > found.tolerance {
        let amount = shown(case.open, found.layer);
        let sentence = format!("nothing we know of explains {amount} of {}", shown(whole, found.layer));
        explanations.push(Explanation { cause: Cause::Unknown, amount: case.open, sentence });
    }
    explanations
}

/// All facts when together they close the break; else those that bring the sides closer, in order.
fn take_facts(facts: Vec<Claim>, case: &mut Case<'_>) -> Vec<Claim> {
    let total: Decimal = facts.iter().map(|claim| claim.amount).sum();
    let all = (case.open - total).abs() <= case.found.tolerance;
    let mut taken = Vec::new();
    for claim in facts.into_iter().filter(|claim| !claim.amount.is_zero()) {
        if all || (case.open - claim.amount).abs() < case.open.abs() {
            case.open -= claim.amount;
            taken.push(claim);
        }
    }
    taken
}

fn told(claim: Claim, whole: Decimal, layer: Layer) -> Explanation {
    let Claim { cause, amount, arithmetic } = claim;
    let share = match amount == whole {
        true if whole.is_zero() => return Explanation { cause, amount, sentence: arithmetic },
        true => format!("explains all of {}", shown(whole, layer)),
        false => format!("explains {} of {}", shown(amount, layer), shown(whole, layer)),
    };
    Explanation { cause, amount, sentence: format!("{arithmetic} {share}") }
}

fn shown(amount: Decimal, layer: Layer) -> String {
    match layer {
        Layer::Quantity | Layer::Executions | Layer::Marks => figure(amount),
        Layer::Account | Layer::Reply | Layer::Cash | Layer::NetLiquidation => money(amount),
    }
}
