//! Books as a file and back.
//!
//! In: books with the report of their last day, or a file that contradicts nothing. Out: the file, or books. Invariant:
//! what is written can be read; cash, quantities and settled prices come back to the last digit.

use super::{StateFile, StatePosition};
use crate::book::{Book, Closed};
use crate::day::Measured;
use crate::policy;
use crate::settings::Loaded;
use console::DayReport;
use cycle::{Believed, Memory, Setup, Standing};
use domain::{
    Books, ContractId, Currency, ExecutionId, Fill, Ledger, LedgerEvent, Money, Price, Quantity, Side, SleeveBooks,
    SleeveId, Universe,
};
use jiff::Timestamp;
use jiff::civil::Date;
use risk::Performance;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

/// The account after its last finished day.
pub fn exported(closed: &Closed, days: &[DayReport], at: Timestamp, universe: &Universe) -> Result<StateFile, String> {
    let Closed { book, report } = closed;
    let nav = report.nav.ok_or("the last day could not be valued; run another one")?;
    let ledger = book.books.ledger();
    let rate = |currency: Currency| match book.believed.rates[currency] {
        _ if report.base == currency.code() => Some(Decimal::ONE),
        Some(last) => Some(last.rate),
        None => None,
    };
    let cash: BTreeMap<Currency, Decimal> = Currency::ALL
        .into_iter()
        .map(|currency| (currency, ledger.cash(currency)))
        .filter(|(_, cash)| !cash.is_zero())
        .collect();
    let in_base = cash.iter().map(|(&currency, &cash)| rate(currency).map(|rate| cash * rate));
    let in_base: Option<Decimal> = in_base.sum();
    let profit = |day: &DayReport| day.sleeves.iter().map(|sleeve| sleeve.today).sum::<Decimal>();
    let total: Decimal = report.sleeves.iter().map(|sleeve| sleeve.cumulative).sum();
    let total = total.round_dp(2);
    let returns = days.iter().filter_map(|day| {
        let before = day.nav? - profit(day);
        Some((day.date.parse().ok()?, (profit(day) / before).to_f64()?))
    });
    let history: BTreeMap<Date, f64> = returns.collect();
    let long = (report.gross + report.net) / Decimal::TWO;
    Ok(StateFile {
        nav,
        cash: in_base.ok_or("a currency has no rate; run another day")?.round_dp(2),
        initial_capital: nav - total,
        gross_exposure: report.gross,
        net_exposure: report.net,
        long_exposure: long,
        short_exposure: report.gross - long,
        realized_vol_annual: report.vol.unwrap_or_default(),
        current_drawdown: report.drawdown,
        max_drawdown: days.iter().map(|day| day.drawdown).fold(0.0, f64::min),
        daily_pnl: profit(report),
        daily_return: history.values().last().copied().unwrap_or_default(),
        total_pnl: total,
        last_update: at.to_string(),
        inception_date: book.opened.to_zoned(jiff::tz::TimeZone::UTC).date(),
        positions: ledger
            .held()
            .map(|contract| position(contract, report, book, universe))
            .collect::<Result<_, _>>()?,
        pnl_history: history,
        cash_by_ccy: Some(cash.into_iter().map(|(currency, cash)| (currency, cash.normalize().to_string())).collect()),
        sleeves: Some(report.sleeves.iter().map(|row| (row.sleeve.clone(), row.cumulative.to_string())).collect()),
    })
}

fn position(
    contract: ContractId,
    report: &DayReport,
    book: &Book,
    universe: &Universe,
) -> Result<(String, StatePosition), String> {
    let name = universe.contract(contract).name.clone();
    let terms = universe.terms(contract);
    let held = book.books.ledger().position(contract);
    let units = held.quantity.to_decimal() * Decimal::from(terms.multiplier);
    let shown = report.positions.iter().find(|row| row.instrument == name);
    let mark = shown.and_then(|row| row.mark.parse().ok()).ok_or_else(|| format!("{name} has no mark"))?;
    let holders = book.sleeves.sleeves().map(|sleeve| (sleeve, book.sleeves.quantity(sleeve, contract)));
    let holders: Vec<(SleeveId, Quantity)> = holders.filter(|(_, quantity)| !quantity.is_zero()).collect();
    let sleeve = match holders.as_slice() {
        [(sleeve, _)] => book.sleeves.name(*sleeve).to_owned(),
        several => {
            let each = several.iter().map(|&(sleeve, quantity)| format!("{}:{quantity}", book.sleeves.name(sleeve)));
            each.collect::<Vec<_>>().join(" + ")
        }
    };
    let position = StatePosition {
        quantity: held.quantity.to_decimal().normalize(),
        avg_cost: (held.basis / units).round_dp(10).normalize(),
        market_price: mark,
        multiplier: Decimal::from(terms.multiplier),
        currency: terms.currency,
        sleeve,
        settled_price: terms.settles_daily.then(|| (held.settled_value / units).normalize().to_string()),
    };
    Ok((name, position))
}

/// Books from a file that contradicts nothing. Sleeves begin with what they hold and earned nothing yet; drawdown goes on.
pub fn imported(file: &StateFile, loaded: &Loaded, mut universe: Universe) -> Result<Book, String> {
    let date = file.date().ok_or("last_update is no date")?;
    let at: Timestamp = file.last_update.parse().map_err(|error| format!("last_update: {error}"))?;
    universe.list_named(file.positions.keys().map(String::as_str));
    let setup = policy::setup(loaded, universe);
    let mut books = Books::new(Ledger::new(&setup.universe));
    let mut sleeves = SleeveBooks::new(setup.policy.sleeves.iter().map(|sleeve| sleeve.name.as_str()));
    for (currency, cash) in file.cash_by_ccy.iter().flatten() {
        let amount = cash.parse().map_err(|_| format!("cash_by_ccy: `{cash}` is no amount"))?;
        let flow = LedgerEvent::Flow { amount: Money::new(amount, *currency) };
        post(&mut books, &format!("import:{currency}"), at, flow, &setup)?;
    }
    let mut owned = Vec::new();
    for (name, position) in &file.positions {
        let contract = setup.universe.find_contract(name).ok_or(format!("{name} is not configured for that date"))?;
        take(&mut books, contract, name, position, at, &setup)?;
        owned.extend(owners(contract, position, &sleeves)?);
    }
    sleeves = sleeves.with_period(&books, &setup.universe);
    for (contract, quantity, sleeve, price) in owned {
        sleeves.adopt(contract, quantity, sleeve, price, &setup.universe);
    }
    books.close(date);
    let high_water_mark = 1.0;
    let performance = Performance {
        nav: Some(domain::BaseMoney::new(file.nav)),
        unit_value: high_water_mark + file.current_drawdown,
        high_water_mark,
        daily_return: file.daily_return,
        since: domain::BaseMoney::ZERO,
    };
    let mut memory = Memory::new(&setup);
    memory.performance = performance;
    Ok(Book {
        date: Some(date),
        opened: at,
        told: None,
        unvalued: Vec::new(),
        contracts: setup.names.clone(),
        books,
        sleeves,
        memory,
        standing: Standing::default(),
        measured: Measured::default(),
        believed: Believed::default(),
        handed: Vec::new(),
    })
}

/// A position at its cost: paid for with a deposit of the same amount, so that cash stays what the file says.
fn take(
    books: &mut Books,
    contract: ContractId,
    name: &str,
    position: &StatePosition,
    at: Timestamp,
    setup: &Setup,
) -> Result<(), String> {
    let terms = setup.universe.terms(contract);
    let price = entry_price(position)?;
    let quantity = Quantity::from_decimal(position.quantity).map_err(|error| format!("{name}: {error}"))?;
    let Some(side) = Side::of(quantity) else { return Ok(()) };
    if !terms.settles_daily {
        let amount = Money::new(quantity.value_at(price, terms.multiplier), terms.currency);
        post(books, &format!("import:{name}"), at, LedgerEvent::Flow { amount }, setup)?;
    }
    let execution = ExecutionId(format!("imported-{name}").into());
    let fill = Fill { execution, order: None, contract, side, quantity: quantity.abs(), price, at };
    books.post_fill(&fill, &setup.universe).map(drop).map_err(|error| error.to_string())
}

fn entry_price(position: &StatePosition) -> Result<Price, String> {
    let settled = position.settled_price.as_deref().map(str::parse::<Decimal>);
    let price = settled.transpose().map_err(|_| "settled_price is no price")?.unwrap_or(position.avg_cost);
    Price::from_decimal(price.round_dp(8)).map_err(|error| error.to_string())
}

type Owned = (ContractId, Quantity, SleeveId, Price);

/// The sleeves a position belongs to; what no known sleeve owns stays external.
fn owners(contract: ContractId, position: &StatePosition, sleeves: &SleeveBooks) -> Result<Vec<Owned>, String> {
    let price = entry_price(position)?;
    let mut owned = Vec::new();
    for part in position.sleeve.split('+').map(str::trim) {
        let (name, quantity) = match part.rsplit_once(':') {
            Some((name, quantity)) => (name, quantity.parse().map_err(|_| format!("`{part}` is no sleeve's part"))?),
            None => (part, position.quantity),
        };
        let quantity = Quantity::from_decimal(quantity).map_err(|error| error.to_string())?;
        let sleeve = sleeves.id(name).filter(|&sleeve| sleeve != SleeveId::EXTERNAL);
        owned.extend(sleeve.map(|sleeve| (contract, quantity, sleeve, price)));
    }
    Ok(owned)
}

fn post(books: &mut Books, id: &str, at: Timestamp, event: LedgerEvent, setup: &Setup) -> Result<(), String> {
    books.post_line(id, at, event, &setup.universe).map(drop).map_err(|error| error.to_string())
}
