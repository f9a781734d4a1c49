//! The tail hedges of a finished day, for people.
//!
//! In: plan, books, marks. Out: a [`HedgeBook`]. Invariant: numbers of the engine's own model and budget; exposure of an
//! option is its delta × the value of what it is written on, its premium is told beside it.

use super::end::End;
use super::{Decided, Run};
use console::hedges::{HedgeBook, HedgeBudget, HedgePosition, HedgeScenario};
use cycle::hedges::{self, Moment, hedge_payoffs, hedge_positions, spread_dv01s, spread_held, value_by_type};
use cycle::{DayPlan, Memory};
use domain::{Exposure, Notional};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use strategy::tail_hedge::{HedgePurpose, HedgeType, Scenario};

/// The hedges after a day, and the exposure of the whole book with options at their delta.
pub(super) struct Hedges {
    pub(super) exposure: Exposure,
    /// The exposure without the hedges.
    rest: Exposure,
    positions: Vec<hedges::HedgePosition>,
}

impl Hedges {
    pub(super) fn of(moment: &Moment<'_>, run: &Run) -> Hedges {
        let positions = hedge_positions(moment, &run.setup);
        let mut exposure = moment.ledger.exposure(moment.marks, moment.fx, &run.setup.universe).unwrap_or_default();
        let mut rest = exposure;
        for position in &positions {
            rest.long = rest.long - Notional::new(position.value.amount());
            exposure.long = exposure.long - Notional::new(position.value.amount());
            match notional(position.exposure()) {
                carried if carried.amount().is_sign_negative() => exposure.short += -carried,
                carried => exposure.long += carried,
            }
        }
        Hedges { exposure, rest, positions }
    }

    /// The hedge book in whole; `None` for a strategy without one.
    pub(super) fn book(
        &self,
        moment: &Moment<'_>,
        memory: &Memory,
        end: &End,
        decided: &Decided,
        run: &Run,
    ) -> Option<HedgeBook> {
        let (setup, plan, positions) = (&run.setup, &decided.plan, &self.positions);
        setup.tail_hedge().map(|(sleeve, policy)| {
            let values = value_by_type(positions);
            let nav = end.nav.unwrap_or_default().amount();
            let cap = Decimal::try_from(setup.policy.sleeves[sleeve].budget).unwrap_or_default() * nav;
            let budget = policy.budget.shares.iter().map(|(&hedge, &share)| budget(hedge, share, memory, &values));
            let payoffs = hedge_payoffs(positions, moment, setup);
            let loses = self.rest.net().amount().to_f64().unwrap_or(0.0);
            HedgeBook {
                sleeve: setup.policy.sleeves[sleeve].name.clone(),
                market_value: cents(values.values().map(|value| value.amount()).sum()),
                market_value_max: cents(cap),
                exposure: cents(positions.iter().map(|position| notional(position.exposure()).amount()).sum()),
                crisis: crisis(memory),
                budget: budget.collect(),
                positions: positions.iter().map(|position| row(position, plan, run)).collect(),
                spread: spread_held(moment, setup),
                spread_dv01: spread_dv01s(moment, setup).map(|dv01s| (dv01s.long, dv01s.short)),
                scenarios: payoffs.iter().map(|(scenario, payoff)| scenario_of(*scenario, payoff, loses)).collect(),
                actions: actions(plan, run),
                idle: plan.tail_hedges.refusals.iter().map(|(hedge, why)| format!("{hedge}: {why}")).collect(),
            }
        })
    }

    /// What an option carries of the market, in base currency; `None` for anything else.
    pub(super) fn exposure_of(&self, contract: domain::ContractId) -> Option<Decimal> {
        let position = self.positions.iter().find(|position| position.held.contract == contract)?;
        Some(notional(position.exposure()).amount())
    }
}

fn notional(value: f64) -> Notional {
    Notional::new(Decimal::from_f64_retain(value).unwrap_or_default())
}

fn budget(
    hedge: HedgeType,
    share: Decimal,
    memory: &Memory,
    values: &std::collections::BTreeMap<HedgeType, domain::BaseMoney>,
) -> HedgeBudget {
    let ledger = &memory.hedges.budget;
    let reserved = ledger.reservations().iter().filter(|reserved| reserved.hedge == hedge);
    HedgeBudget {
        hedge: hedge.to_string(),
        share: share.normalize(),
        free: cents(ledger.free(hedge).amount()),
        reserved: cents(reserved.map(|reserved| reserved.amount.amount()).sum()),
        spent: cents(ledger.spent(hedge).amount()),
        value: cents(values.get(&hedge).copied().unwrap_or_default().amount()),
    }
}

fn row(position: &hedges::HedgePosition, plan: &DayPlan, run: &Run) -> HedgePosition {
    HedgePosition {
        contract: run.setup.universe.contract(position.held.contract).name.clone(),
        hedge: position.held.hedge.to_string(),
        contracts: position.held.contracts,
        days: (position.held.key.expiry - plan.date).get_days(),
        mark: position.mark.map(|mark| mark.to_string()),
        underlying: position.underlying,
        in_the_money: position.in_the_money(),
        value: cents(position.value.amount()),
        implied_volatility: position.view.and_then(|view| view.volatility),
        delta: position.view.map(|view| view.value.delta),
        exposure: position.exposure(),
        vega: position.vega(),
        theta: position.theta(),
    }
}

/// `net` is the rest of the book's exposure: in a fall it is taken to fall with the index.
fn scenario_of(scenario: Scenario, payoff: &strategy::tail_hedge::stress::Payoff, net: f64) -> HedgeScenario {
    let loss = match scenario {
        Scenario::Fall(fall) => net * fall,
        Scenario::Vix(_) => 0.0,
    };
    HedgeScenario {
        scenario: scenario.to_string(),
        by_hedge: payoff.by_type.iter().map(|(hedge, gain)| (hedge.to_string(), *gain)).collect(),
        total: payoff.total(),
        coverage: payoff.coverage(loss),
    }
}

fn crisis(memory: &Memory) -> Option<String> {
    let episode = &memory.hedges.episode;
    episode.open.then(|| match &episode.sold {
        Some((date, types)) => {
            let types: Vec<String> = types.iter().map(HedgeType::to_string).collect();
            format!("crisis: {} monetised on {date}", types.join(", "))
        }
        None => "crisis: nothing was in the money yet".to_owned(),
    })
}

/// What the plan sells and buys, and why.
pub(super) fn actions(plan: &DayPlan, run: &Run) -> Vec<String> {
    let told = plan.tail_hedges.actions.iter().map(|action| {
        let name = &run.setup.universe.contract(action.contract).name;
        let why = match action.purpose {
            HedgePurpose::Monetise => "turned into money, once in this crisis",
            HedgePurpose::CloseOut => "closed before it is exercised",
            HedgePurpose::Roll => "sold because little time is left",
            HedgePurpose::Cap => "closed: the spread had outgrown its cap",
            HedgePurpose::Level => "closed: the other leg of the spread does not answer it",
            HedgePurpose::Buy => "bought out of the budget",
        };
        format!("{}: {:+} {name}, {why}", action.hedge, action.contracts)
    });
    told.collect()
}

/// Two digits, always shown, half away from zero.
fn cents(amount: Decimal) -> Decimal {
    super::report::cents(amount)
}
