//! Why a state file cannot be true.
//!
//! In: the file, the configured instruments, the trade dates. Out: every contradiction, with its arithmetic. Invariant:
//! one rule per function, all rules are asked, an empty answer is the only acceptance.

use super::{StateFile, StatePosition};
use crate::settings::{InstrumentRow, Instruments};
use domain::money::grouped;
use domain::{InstrumentKind, OptionKey};
use jiff::civil::Date;
use market::calendar::Calendars;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

/// NAV and cash are compared to a hundredth of a percent.
const IDENTITY_TOLERANCE: f64 = 1e-4;
/// Annual volatility of a book that nobody would call equities and bonds any more.
const VOLATILITY_MAX: f64 = 0.40;
/// Standard deviations of it that no history has shown.
const DEVIATIONS_MAX: f64 = 8.0;

/// One contradiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable code.
    pub code: &'static str,
    /// What contradicts what, with the numbers.
    pub sentence: String,
}

/// What a file is held against.
#[derive(Clone, Copy, Debug)]
pub struct Reality<'a> {
    /// The configured instruments.
    pub instruments: &'a Instruments,
    /// Sessions of their venues.
    pub calendars: &'a Calendars,
}

type Rule = fn(&StateFile, Reality<'_>) -> Option<String>;

const RULES: [(&str, Rule); 15] = [
    ("TIME", time),
    ("CASH_BY_CURRENCY", cash_by_currency),
    ("SLEEVES", sleeves),
    ("CASH_NOT_SPENT", cash_not_spent),
    ("NAV_IDENTITY", nav_identity),
    ("EXPOSURE_OF_POSITIONS", exposure_of_positions),
    ("GROSS_AND_NET", gross_and_net),
    ("TOTAL_PROFIT", total_profit),
    ("RETURN_OF_PROFIT", return_of_profit),
    ("IMPOSSIBLE_PROFIT", impossible_profit),
    ("IMPOSSIBLE_VOLATILITY", impossible_volatility),
    ("DRAWDOWN", drawdown),
    ("CLOSED_DAY", closed_day),
    ("HISTORY_GAP", history_gap),
    ("EXPIRED_CONTRACT", expired_contract),
];

/// Every reason the file cannot be true; none when it may be.
pub fn reasons(file: &StateFile, reality: Reality<'_>) -> Vec<Reason> {
    let asked = RULES.iter().filter_map(|(code, rule)| rule(file, reality).map(|sentence| Reason { code, sentence }));
    asked.chain(unknown_instruments(file, reality)).collect()
}

fn time(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let zoned = file.last_update.parse::<jiff::Timestamp>().is_ok();
    (!zoned).then(|| {
        format!("last_update {} names no zone: nobody can say which prices and fills it includes", file.last_update)
    })
}

fn cash_by_currency(file: &StateFile, _: Reality<'_>) -> Option<String> {
    file.cash_by_ccy.is_none().then(|| {
        "cash_by_ccy is missing: one amount of cash cannot say what is owed in which currency, so neither currency \
         exposure nor reconciliation is possible"
            .into()
    })
}

fn sleeves(file: &StateFile, _: Reality<'_>) -> Option<String> {
    file.sleeves.is_none().then(|| "sleeves is missing: the profit of no sub-strategy could be continued".into())
}

fn cash_not_spent(file: &StateFile, reality: Reality<'_>) -> Option<String> {
    let bought: Decimal = paid_for(file, reality).map(|p| p.quantity * p.avg_cost * p.multiplier).sum();
    (file.cash == file.initial_capital && bought.abs() > Decimal::ONE).then(|| {
        format!(
            "cash equals the initial capital, {}, although stocks and funds for {} were bought: the purchases were never \
             paid for",
            grouped(file.cash, 2),
            grouped(bought, 2)
        )
    })
}

fn nav_identity(file: &StateFile, reality: Reality<'_>) -> Option<String> {
    let held: Decimal = paid_for(file, reality).map(StatePosition::value).sum();
    let sum = file.cash + held;
    let off = (file.nav - sum).to_f64()?;
    let single_currency =
        file.positions.values().map(|p| p.currency).collect::<std::collections::BTreeSet<_>>().len() < 2;
    (single_currency && off.abs() > IDENTITY_TOLERANCE * file.nav.to_f64()?.abs()).then(|| {
        format!(
            "nav {} is not cash {} plus positions {}: {} has no source",
            grouped(file.nav, 2),
            grouped(file.cash, 2),
            grouped(held, 2),
            grouped(file.nav - sum, 2)
        )
    })
}

fn exposure_of_positions(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let values = || file.positions.values().map(StatePosition::value);
    let long: Decimal = values().filter(Decimal::is_sign_positive).sum();
    let short: Decimal = -values().filter(Decimal::is_sign_negative).sum::<Decimal>();
    let off =
        |stated: Decimal, found: Decimal| (stated - found).abs() > Decimal::new(1, 4) * stated.abs().max(Decimal::ONE);
    let foreign = file.positions.values().any(|p| p.currency != domain::Currency::Usd);
    (!foreign && (off(file.long_exposure, long) || off(file.short_exposure, short))).then(|| {
        format!(
            "the positions add up to {} long and {} short, the file states {} and {}",
            grouped(long, 2),
            grouped(short, 2),
            grouped(file.long_exposure, 2),
            grouped(file.short_exposure, 2)
        )
    })
}

fn gross_and_net(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let cent = Decimal::new(2, 2);
    let gross = file.long_exposure + file.short_exposure;
    let net = file.long_exposure - file.short_exposure;
    ((file.gross_exposure - gross).abs() > cent || (file.net_exposure - net).abs() > cent)
        .then(|| format!("gross and net exposure should be {} and {}", grouped(gross, 2), grouped(net, 2)))
}

fn total_profit(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let profit = file.nav - file.initial_capital;
    ((file.total_pnl - profit).abs() > Decimal::new(2, 2))
        .then(|| format!("total_pnl should be nav − initial_capital = {}", grouped(profit, 2)))
}

fn return_of_profit(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let before = (file.nav - file.daily_pnl).to_f64()?;
    let implied = file.daily_pnl.to_f64()? / before;
    ((implied - file.daily_return).abs() > 1e-5).then(|| {
        format!(
            "daily_return {:.3} % is not daily_pnl over the NAV before it, {} / {before:.0} = {:.3} %",
            file.daily_return * 100.0,
            grouped(file.daily_pnl, 2),
            implied * 100.0
        )
    })
}

fn impossible_profit(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let days = f64::from((file.date()? - file.inception_date).get_days().max(1));
    let base = file.gross_exposure.to_f64()?.max(file.net_exposure.to_f64()?.abs());
    let (move_needed, net) = (file.total_pnl.to_f64()?.abs() / base, file.net_exposure.to_f64()?.abs());
    let limit = DEVIATIONS_MAX * VOLATILITY_MAX * (days / 365.0).sqrt();
    (base > 0.0 && move_needed > limit).then(|| {
        format!(
            "a profit of {} in {days:.0} days needs a move of {:.0} % on the gross and {:.0} % on the net exposure; {} \
             standard deviations at {:.0} % volatility are {:.0} %",
            grouped(file.total_pnl, 2),
            move_needed * 100.0,
            file.total_pnl.to_f64().unwrap_or(f64::NAN) / net * 100.0,
            DEVIATIONS_MAX,
            VOLATILITY_MAX * 100.0,
            limit * 100.0
        )
    })
}

fn impossible_volatility(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let gross = (file.gross_exposure / file.nav).to_f64()?;
    let implied = file.realized_vol_annual / gross;
    (gross > 0.0 && implied > VOLATILITY_MAX).then(|| {
        format!(
            "a volatility of {:.1} % at {gross:.2} times gross exposure means {:.0} % on what is held",
            file.realized_vol_annual * 100.0,
            implied * 100.0
        )
    })
}

fn drawdown(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let sane = (-1.0..=0.0).contains(&file.max_drawdown) && (file.max_drawdown..=0.0).contains(&file.current_drawdown);
    (!sane).then(|| {
        format!(
            "drawdowns are zero or negative and the current one is no deeper than the deepest: {} and {}",
            file.current_drawdown, file.max_drawdown
        )
    })
}

fn closed_day(file: &StateFile, reality: Reality<'_>) -> Option<String> {
    let closed: Vec<String> = file
        .pnl_history
        .keys()
        .filter(|&&date| !is_trade_date(date, reality))
        .map(|date| format!("{date} ({:?})", date.weekday()))
        .collect();
    (!closed.is_empty()).then(|| format!("returns are booked on days on which no venue traded: {}", closed.join(", ")))
}

fn history_gap(file: &StateFile, reality: Reality<'_>) -> Option<String> {
    let last = file.date()?;
    let missing: Vec<String> = file
        .inception_date
        .series(jiff::ToSpan::days(1))
        .take_while(|&date| date <= last)
        .filter(|&date| is_trade_date(date, reality) && !file.pnl_history.contains_key(&date))
        .map(|date| date.to_string())
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "pnl_history lacks {} of the trade dates since {}, the first {}: drawdown and volatility cannot be continued",
            missing.len(),
            file.inception_date,
            missing[0]
        )
    })
}

fn expired_contract(file: &StateFile, _: Reality<'_>) -> Option<String> {
    let today = file.date()?;
    let expired: Vec<&str> = file
        .positions
        .iter()
        .filter(|(name, position)| {
            !position.quantity.is_zero() && expiry_of(name).is_some_and(|expiry| expiry <= today)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    (!expired.is_empty()).then(|| {
        format!("{} is still held on or after its last trading day; it should have been rolled", expired.join(", "))
    })
}

/// The last trading day that a name ends in, of a future or an option.
fn expiry_of(name: &str) -> Option<Date> {
    let digits = name.rsplit_once('_').map(|(_, digits)| digits);
    let of_future = || Date::strptime("%Y%m%d", digits?).ok();
    OptionKey::parse(name).map(|(_, key)| key.expiry).or_else(of_future)
}

fn unknown_instruments(file: &StateFile, reality: Reality<'_>) -> Vec<Reason> {
    let problem = |(name, position): (&String, &StatePosition)| {
        let Some(row) = row_of(name, reality) else {
            return Some(format!("{name} is not among the configured instruments"));
        };
        let multiplier = Decimal::from(row.multiplier);
        (multiplier != position.multiplier || row.currency != position.currency).then(|| {
            format!(
                "{name} has multiplier {} and currency {}, configured are {multiplier} and {}",
                position.multiplier, position.currency, row.currency
            )
        })
    };
    let sentences = file.positions.iter().filter_map(problem);
    sentences.map(|sentence| Reason { code: "INSTRUMENT", sentence }).collect()
}

/// Positions whose price was paid: everything but futures, whose profit is in cash.
fn paid_for<'a>(file: &'a StateFile, reality: Reality<'a>) -> impl Iterator<Item = &'a StatePosition> {
    let is_future = move |name: &str| row_of(name, reality).is_some_and(|row| row.kind == InstrumentKind::Fut);
    file.positions.iter().filter(move |(name, _)| !is_future(name)).map(|(_, position)| position)
}

/// The configured instrument of a contract, whose name may say which option it is or end in an expiry.
fn row_of<'a>(name: &str, reality: Reality<'a>) -> Option<&'a InstrumentRow> {
    let option = OptionKey::parse(name).map(|(root, _)| root);
    let instrument = option.or_else(|| name.rsplit_once('_').map(|(instrument, _)| instrument)).unwrap_or(name);
    reality.instruments.get(name).or_else(|| reality.instruments.get(instrument))
}

fn is_trade_date(date: Date, reality: Reality<'_>) -> bool {
    let venues: Vec<_> = reality.instruments.iter().filter(|(_, row)| row.tradable).map(|(_, row)| row.mic).collect();
    reality.calendars.is_trade_date(date, &venues).unwrap_or(false)
}
