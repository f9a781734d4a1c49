//! `stress`: what a named shock would do to the book, or to what the last plan wanted.
//!
//! In: the last finished day, shocks. Out: a table of losses against limits. Invariant: every position moves by one row of
//! the shock, chosen by its asset class and what it risks; what has no row is said to be left out, never counted as safe.

mod options;

use super::records::Records;
use super::show;
use crate::cli::{Global, StressArgs};
use crate::failure::Failure;
use crate::policy;
use crate::settings::{self, InstrumentRow, Loaded, Settings};
use ::risk::{LossPolicy, Regime};
use console::DayReport;
use domain::{AssetClass, Currency, OptionKey};
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

const BUILT_IN: &str = include_str!("../../../../config/stress.yaml");
/// How long raised borrow fees are paid, as a share of a year: a month.
const BORROW_YEARS: f64 = 1.0 / 12.0;

/// One shock: moves as fractions, `vix` as a level.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shock {
    when: String,
    source: String,
    us_equity: f64,
    eu_equity: f64,
    credit: f64,
    rates: f64,
    vix: f64,
    eur: f64,
    gbp: f64,
    chf: f64,
    /// Half of the spread that closing the book would cross.
    spread_bps: f64,
    /// Added to the yearly fee of borrowed shares.
    borrow: f64,
}

impl Shock {
    /// Refuses what no market can do, and what was meant as a per cent.
    fn check(&self) -> Result<(), String> {
        let moves = [
            ("us_equity", self.us_equity),
            ("eu_equity", self.eu_equity),
            ("credit", self.credit),
            ("rates", self.rates),
            ("eur", self.eur),
            ("gbp", self.gbp),
            ("chf", self.chf),
        ];
        let moves = moves.map(|(name, value)| (name, value, -1.0..=1.0, "a fraction of the price: −0.4 loses 40 %"));
        let levels = [
            ("vix", self.vix, 1.0..=500.0, "the level at the end, such as 40"),
            ("spread_bps", self.spread_bps, 0.0..=5_000.0, "half of the spread, in basis points"),
            ("borrow", self.borrow, 0.0..=10.0, "added to the yearly fee, a fraction: 0.05 is 5 %"),
        ];
        match moves.into_iter().chain(levels).find(|(_, value, allowed, _)| !allowed.contains(value)) {
            None => Ok(()),
            Some((name, value, allowed, meaning)) => {
                let (least, most) = allowed.into_inner();
                Err(format!("`{name}` is {value}, and has to lie between {least} and {most}; it is {meaning}"))
            }
        }
    }
}

/// Something that moves: a contract, and its notional in base currency.
struct Held<'a> {
    name: &'a str,
    notional: f64,
}

/// What a shock does. Amounts are in base currency, losses negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Outcome {
    shock: String,
    when: String,
    source: String,
    long: f64,
    short: f64,
    /// What the options held gain.
    options: f64,
    currencies: f64,
    spreads: f64,
    borrow: f64,
    total: f64,
    /// Total over NAV.
    of_nav: f64,
    /// Gross over NAV afterwards.
    gross_after: f64,
    /// Limits that it crosses, as sentences.
    limits: Vec<String>,
    /// Contracts it says nothing about.
    left_out: Vec<String>,
}

pub async fn stress(global: &Global, args: &StressArgs) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    let day = Records::open(global).await?.finished().await?;
    let shocks = shocks(args)?;
    let nav = day.nav.and_then(|nav| nav.to_f64()).filter(|nav| *nav > 0.0);
    let nav =
        nav.ok_or_else(|| Failure::Usage(format!("{} ended without a NAV: nothing can be measured by it", day.date)))?;
    let held = if args.plan { planned(&day) } else { book(&day) };
    let outcome = |(name, shock): (&String, &Shock)| outcome(name, shock, &held, &day, nav, &loaded);
    let outcomes: Vec<Outcome> = shocks.iter().map(outcome).collect();
    show(if global.json {
        let what = if args.plan { "plan" } else { "book" };
        format!(
            "{}\n",
            serde_json::json!({ "date": day.date, "of": what, "nav": day.nav, "base": day.base, "shocks": outcomes })
        )
    } else {
        page(&outcomes, &day, args.plan)
    })
}

fn shocks(args: &StressArgs) -> Result<BTreeMap<String, Shock>, Failure> {
    let (file, text) = match &args.shocks {
        None => ("stress.yaml (built in)".to_owned(), BUILT_IN.to_owned()),
        Some(path) => {
            let unreadable = |error| Failure::Usage(format!("cannot read the shocks {}: {error}", path.display()));
            (path.display().to_string(), std::fs::read_to_string(path).map_err(unreadable)?)
        }
    };
    let wrong = |problem: String| Failure::Usage(format!("{file}: {problem}"));
    let none = "no shock is in it; give at least one, in the form of config/stress.yaml";
    if text.trim().is_empty() {
        return Err(wrong(none.to_owned()));
    }
    let all: BTreeMap<String, Shock> =
        serde_saphyr::from_str(&text).map_err(|error: serde_saphyr::Error| wrong(error.to_string()))?;
    if all.is_empty() {
        return Err(wrong(none.to_owned()));
    }
    all.iter().try_for_each(|(name, shock)| shock.check().map_err(|problem| wrong(format!("{name}: {problem}"))))?;
    let Some(wanted) = &args.shock else { return Ok(all) };
    let known: Vec<String> = all.keys().cloned().collect();
    let one = all.into_iter().filter(|(name, _)| name == wanted).collect::<BTreeMap<_, _>>();
    if one.is_empty() {
        return Err(Failure::Usage(format!("no shock is called `{wanted}` in {file}; known are {}", known.join(", "))));
    }
    Ok(one)
}

fn book(day: &DayReport) -> Vec<Held<'_>> {
    let positions = day.positions.iter();
    positions.filter_map(|row| Some(Held { name: &row.instrument, notional: row.notional?.to_f64()? })).collect()
}

fn planned(day: &DayReport) -> Vec<Held<'_>> {
    day.targets.iter().map(|row| Held { name: &row.instrument, notional: row.target_value }).collect()
}

/// The move of an instrument; `None` when the shock has no row for it. A currency's own future moves with its currency,
/// which is counted where the hedge leaves it open.
fn moved(row: &InstrumentRow, shock: &Shock, vix: Option<f64>) -> Option<f64> {
    use AssetClass::{BondEtf, BondFuture, EquityEtf, EquityIndexFuture, Fx, FxFuture, Stock, VolatilityFuture};
    match row.asset_class {
        EquityEtf | Stock | EquityIndexFuture if row.risk_currency() == Currency::Usd => Some(shock.us_equity),
        EquityEtf | Stock | EquityIndexFuture => Some(shock.eu_equity),
        BondEtf => Some(shock.credit),
        BondFuture => Some(shock.rates),
        // Half of the way of the index: a future stands between it and the usual level.
        VolatilityFuture => vix.filter(|vix| *vix > 0.0).map(|vix| 0.5 * (shock.vix / vix - 1.0)),
        FxFuture | Fx => Some(0.0),
        AssetClass::Index | AssetClass::VolatilityIndex | AssetClass::Option => None,
    }
}

fn outcome(name: &str, shock: &Shock, held: &[Held<'_>], day: &DayReport, nav: f64, loaded: &Loaded) -> Outcome {
    let mut outcome = Outcome {
        shock: name.to_owned(),
        when: shock.when.clone(),
        source: shock.source.clone(),
        ..Outcome::default()
    };
    let mut gross = 0.0;
    (outcome.options, outcome.left_out) = options::gain(shock, day, loaded);
    for Held { name, notional } in held.iter().filter(|held| OptionKey::parse(held.name).is_none()) {
        // `M6E_20260615` is a contract of `M6E`.
        let instrument = name.split('_').next().unwrap_or(name);
        let row = loaded.instruments.get(name).or_else(|| loaded.instruments.get(instrument));
        let Some((row, change)) = row.and_then(|row| Some((row, moved(row, shock, day.vix)?))) else {
            outcome.left_out.push((*name).to_owned());
            continue;
        };
        let side = if *notional < 0.0 { &mut outcome.short } else { &mut outcome.long };
        *side += notional * change;
        if row.asset_class != AssetClass::FxFuture {
            gross += (notional * (1.0 + change)).abs();
            outcome.spreads -= notional.abs() * shock.spread_bps / 1e4;
        }
        if *notional < 0.0 && matches!(row.asset_class, AssetClass::EquityEtf | AssetClass::BondEtf | AssetClass::Stock)
        {
            outcome.borrow += notional * shock.borrow * BORROW_YEARS;
        }
    }
    let rates = [("EUR", shock.eur), ("GBP", shock.gbp), ("CHF", shock.chf)];
    outcome.currencies = day
        .hedges
        .iter()
        .filter_map(|hedge| {
            rates.iter().find(|(code, _)| *code == hedge.currency).map(|(_, change)| hedge.residual * change)
        })
        .sum();
    outcome.total =
        outcome.long + outcome.short + outcome.options + outcome.currencies + outcome.spreads + outcome.borrow;
    outcome.of_nav = outcome.total / nav;
    outcome.gross_after = gross / (nav + outcome.total).max(1.0);
    outcome.limits = limits(&outcome, day, &loaded.settings);
    outcome
}

/// What the engine would do about such a loss.
fn limits(outcome: &Outcome, day: &DayReport, settings: &Settings) -> Vec<String> {
    let losses = LossPolicy {
        day_alert: settings.risk.day_loss_alert,
        day_reduce_only: settings.risk.day_loss_reduce_only,
        day_cancel_only: settings.risk.day_loss_cancel_only,
        hard_stop_drawdown: settings.risk.hard_stop_drawdown,
    };
    let drawdown = (1.0 + day.drawdown) * (1.0 + outcome.of_nav.min(0.0)) - 1.0;
    let in_a_day = losses.of_day(outcome.of_nav).map(|alarm| format!("in one day: {}", alarm.sentence()));
    let factor = policy::regime(settings).state_factor(Regime::Crisis, drawdown);
    let crisis = (drawdown <= -settings.max_drawdown_pct)
        .then(|| format!("drawdown {:.1} %: regime CRISIS, exposure × {factor}", drawdown * 100.0));
    let stop = losses.of_drawdown(drawdown).map(|alarm| alarm.sentence());
    let gross = (outcome.gross_after > settings.gross_leverage_max).then(|| {
        format!(
            "gross {:.2} of at most {:.2} times NAV: increases are refused",
            outcome.gross_after, settings.gross_leverage_max
        )
    });
    [in_a_day, crisis, stop, gross].into_iter().flatten().collect()
}

fn page(outcomes: &[Outcome], day: &DayReport, plan: bool) -> String {
    let what = if plan { "what the plan wanted" } else { "the book after the day" };
    let mut page = format!("{} of {}, losses in {}\n\n", what, day.date, day.base);
    let head = ["long", "short", "options", "currencies", "spreads", "borrow", "total", "of NAV"];
    writeln!(page, "  {:<16}{}", "shock", head.map(|name| format!("{name:>12}")).concat()).expect("text");
    for row in outcomes {
        let amounts = [row.long, row.short, row.options, row.currencies, row.spreads, row.borrow, row.total];
        let amounts = amounts.map(|amount| format!("{:>12}", ::backtest::page::money(amount))).concat();
        writeln!(page, "  {:<16}{amounts}{:>10.2} %", row.shock, row.of_nav * 100.0 + 0.0).expect("text");
        for limit in &row.limits {
            writeln!(page, "  {:<16}  {limit}", "").expect("text");
        }
    }
    for row in outcomes {
        writeln!(page, "\n  {}: {}; {}", row.shock, row.when, row.source).expect("text");
    }
    let left_out = outcomes.first().map(|row| row.left_out.join(", ")).unwrap_or_default();
    if !left_out.is_empty() {
        writeln!(page, "\n  left out, because no row of a shock is about them, or nothing prices them: {left_out}")
            .expect("text");
    }
    page
}
