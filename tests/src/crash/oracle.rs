//! The judge of an episode: what the broker was told and did, against what the engine wrote and says.
//!
//! In: the gateway's record, the engine's exported journal, its books every evening, all as text. Out: violations in words.
//! Invariant: it knows the files' shapes and nothing of the engine; what is true is what the gateway recorded.

use anyhow::{Context, Result};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The books an engine exported after a date, and the account the gateway wrote down at the same moment.
#[derive(Clone, Debug)]
pub struct Evening {
    /// The trade date.
    pub date: String,
    /// `state export`.
    pub books: Value,
    /// Which of the record's accounts it belongs to, counted from 0.
    pub account: usize,
    /// No night went by before the books were closed. In a night futures are settled, which the books of the next morning
    /// say: cash is then compared a day later.
    pub same_day: bool,
}

/// An order at the broker.
#[derive(Debug)]
struct Order {
    reference: String,
    quantity: Decimal,
    /// By contract: a spread executes in two.
    executed: BTreeMap<String, Decimal>,
    ended: bool,
}

/// The broker's side, from its record alone.
#[derive(Debug, Default)]
struct Broker {
    orders: BTreeMap<i64, Order>,
    /// Reference and signed quantity of every execution, by id.
    executions: BTreeMap<String, (String, String, Decimal)>,
    accounts: Vec<Value>,
}

/// What an episode left behind.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The gateway's record.
    pub record: &'a str,
    /// The lines of `journal export --all`.
    pub journal: &'a str,
    /// The books every evening.
    pub evenings: &'a [Evening],
}

/// Every contradiction between the two sides; none is a pass.
///
/// # Errors
/// When a file cannot be read: then nothing is known.
pub fn judge(evidence: &Evidence<'_>) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    let journal = Journal::read(evidence.journal)?;
    journal.contradicts_itself(&mut violations);
    let mut broker = Broker::default();
    for line in evidence.record.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| format!("record: {line}"))?;
        broker.take(&line["entry"], &journal, &mut violations)?;
    }
    broker.against(&journal, &mut violations);
    for evening in evidence.evenings {
        broker.against_books(evening, &mut violations)?;
    }
    if let Some(last) = evidence.evenings.last() {
        broker.adds_up(last, &mut violations)?;
    }
    Ok(violations)
}

/// How the mornings of a season compare.
#[derive(Debug, Default)]
pub struct Mornings {
    /// Mornings on which books and account were compared.
    pub compared: usize,
    /// Mornings on which the engine could not read the account.
    pub blind: usize,
    /// Mornings on which it differed by a trade by hand, which the engine named and left to a person.
    pub named: usize,
    /// Contradictions.
    pub violations: Vec<String>,
}

/// The books of every plan against the account that the gateway noted before the plan's date began, when nothing was left
/// to be told.
///
/// # Errors
/// When a file cannot be read.
pub fn mornings(evidence: &Evidence<'_>) -> Result<Mornings> {
    let journal = Journal::read(evidence.journal)?;
    let (mut broker, mut mornings) = (Broker::default(), Mornings::default());
    let mut swept: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in evidence.record.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| format!("record: {line}"))?;
        let entry = &line["entry"];
        let sweep = &entry["inject"]["sweep_cash"];
        if sweep.is_object() {
            *swept.entry(text(&sweep["currency"]).to_owned()).or_default() += decimal(&sweep["amount"]);
        }
        if text(&entry["kind"]) == "account" {
            let mut account = entry.clone();
            // What was swept to the row of futures is cash all the same.
            for (currency, amount) in &swept {
                let told = Some(&account["cash"][currency]).filter(|told| !told.is_null());
                let told = told.map_or(Decimal::ZERO, decimal);
                account["cash"][currency] = (told + amount).to_string().into();
            }
            broker.accounts.push(account);
        }
    }
    for (account, noted) in broker.accounts.iter().enumerate() {
        let date = text(&noted["at"]).get(..10).unwrap_or_default().to_owned();
        match journal.books.get(&date.replace('-', "")) {
            Some(Some(books)) => {
                let named = journal.strangers.contains(&date.replace('-', ""));
                let evening = Evening { date, books: books.clone(), account, same_day: true };
                let mut found = Vec::new();
                broker.against_books(&evening, &mut found)?;
                match named && !found.is_empty() {
                    true => mornings.named += 1,
                    false => mornings.compared += 1,
                }
                mornings.violations.extend(found.into_iter().filter(|_| !named));
            }
            Some(None) => mornings.blind += 1,
            // No trade date, or it would have been planned.
            None => {}
        }
    }
    Ok(mornings)
}

fn decimal(value: &Value) -> Decimal {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Date and line of a plan that a reference `AF-tag-date-intent-attempt` belongs to.
fn intent(reference: &str) -> Option<(String, u16)> {
    let parts: Vec<&str> = reference.split('-').collect();
    let [_, _, date, intent, _] = parts[..] else { return None };
    Some((date.to_owned(), intent.parse().ok()?))
}

/// The engine's side: what it wrote down before and after.
#[derive(Debug, Default)]
struct Journal {
    /// How often a date was planned.
    plans: BTreeMap<String, usize>,
    closed: BTreeMap<String, usize>,
    /// Quantity of every line of every plan, consequences included.
    planned: BTreeMap<(String, u16), Decimal>,
    /// Orders that were written down, with their quantity and sequence number.
    placed: BTreeMap<String, (Decimal, i64)>,
    executions: BTreeSet<String>,
    /// Executions whose charge was written down.
    charged: BTreeSet<String>,
    /// Executions that no order of the engine made, booked by a person's word or a line of a statement.
    adopted: BTreeSet<String>,
    doubled: Vec<String>,
    /// Sequence number of each date's plan.
    plan_seq: BTreeMap<String, i64>,
    /// The books each plan was made on, after everything the broker had told until then; `None` when the account could not
    /// be read that morning.
    books: BTreeMap<String, Option<Value>>,
    /// Dates in whose evening the engine named a trade that was not its own, and waited for a person.
    strangers: BTreeSet<String>,
}

impl Journal {
    fn read(lines: &str) -> Result<Journal> {
        let mut journal = Journal::default();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line)?;
            let event = &line["event"];
            if event.is_null() {
                continue;
            }
            let body: Value = serde_json::from_str(text(&event["body"])).unwrap_or_default();
            let date = text(&event["trade_date"]).replace('-', "");
            journal.take(event, &body, date);
        }
        Ok(journal)
    }

    fn take(&mut self, event: &Value, body: &Value, date: String) {
        let seq = event["seq"].as_i64().unwrap_or_default();
        let mut line = |order: &Value| {
            let number = order["number"].as_u64().unwrap_or_default() as u16;
            self.planned.insert((date.clone(), number), decimal(&order["quantity"]).abs());
        };
        match text(&event["kind"]) {
            "plan" => {
                body["orders"].as_array().into_iter().flatten().for_each(&mut line);
                *self.plans.entry(date.clone()).or_default() += 1;
                self.plan_seq.insert(date, seq);
            }
            "inputs" => drop(self.books.entry(date).or_insert_with(|| books(body))),
            "consequence" => line(&body["order"]),
            "day_closed" => {
                let mut found = body["report"]["differences"].as_array().into_iter().flatten();
                if found.any(|row| text(&row["cause"]) == "external trade") {
                    self.strangers.insert(date.clone());
                }
                *self.closed.entry(date).or_default() += 1;
            }
            "command" if text(&body["command"]).starts_with("place") => {
                let reference = text(&body["order_ref"]).to_owned();
                if self.placed.insert(reference.clone(), (decimal(&body["quantity"]), seq)).is_some() {
                    self.doubled.push(format!("{reference} was written down twice"));
                }
            }
            "execution" => {
                let id = text(&body["execution"]).to_owned();
                if !self.executions.insert(id.clone()) {
                    self.doubled.push(format!("execution {id} was booked twice"));
                }
            }
            "commission" => {
                self.charged.insert(text(&body["execution"]).to_owned());
            }
            "booked" => {
                let id = text(&body["execution"]).to_owned();
                match text(&body["event"]) {
                    "fill" if !self.adopted.insert(id.clone()) => self.doubled.push(format!("{id} was adopted twice")),
                    "commission" => drop(self.charged.insert(id)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// One plan a date, one end, and every order after its plan.
    fn contradicts_itself(&self, violations: &mut Vec<String>) {
        violations.extend(self.doubled.iter().cloned());
        let often = |(date, n): (&String, &usize), what: &str| (*n > 1).then(|| format!("{date} was {what} {n} times"));
        violations.extend(self.plans.iter().filter_map(|count| often(count, "planned")));
        violations.extend(self.closed.iter().filter_map(|count| often(count, "closed")));
        violations.extend(
            self.plans
                .keys()
                .filter(|date| !self.closed.contains_key(*date))
                .map(|date| format!("{date} was planned and never finished")),
        );
        for (reference, (_, seq)) in &self.placed {
            let planned = intent(reference).and_then(|(date, _)| self.plan_seq.get(&date));
            if planned.is_none_or(|planned| planned > seq) {
                violations.push(format!("{reference} was written down before a plan of its date"));
            }
        }
    }
}

impl Broker {
    fn take(&mut self, entry: &Value, journal: &Journal, violations: &mut Vec<String>) -> Result<()> {
        let command = &entry["command"];
        match (text(&entry["kind"]), text(&command["command"])) {
            ("command", "place") => self.place(&command["order"], journal, violations),
            ("command", "modify") => {
                let order = &command["order"];
                let known = self.orders.get_mut(&order["order_id"].as_i64().unwrap_or_default());
                match known {
                    Some(known) => known.quantity = decimal(&order["quantity"]),
                    None => violations.push(format!("{} was changed and never placed", order["order_ref"])),
                }
            }
            ("command", "cancel") => {
                if let Some(order) = self.orders.get_mut(&command["order_id"].as_i64().unwrap_or_default()) {
                    order.ended = true;
                }
            }
            ("execution", _) => self.execute(entry, journal, violations),
            ("account", _) => self.accounts.push(entry.clone()),
            _ => {}
        }
        Ok(())
    }

    fn place(&mut self, order: &Value, journal: &Journal, violations: &mut Vec<String>) {
        let reference = text(&order["order_ref"]).to_owned();
        let (id, quantity) = (order["order_id"].as_i64().unwrap_or_default(), decimal(&order["quantity"]));
        match journal.placed.get(&reference) {
            None => violations.push(format!("{reference} was sent and is not in the journal")),
            Some((written, _)) if *written != quantity => {
                violations.push(format!("{reference} was sent over {quantity} and written down over {written}"));
            }
            Some(_) => {}
        }
        if self.orders.values().any(|known| known.reference == reference) {
            violations.push(format!("{reference} was placed twice"));
        }
        let placed = Order { reference: reference.clone(), quantity, executed: BTreeMap::new(), ended: false };
        if self.orders.insert(id, placed).is_some() {
            violations.push(format!("order id {id} was used twice"));
        }
        self.within(&reference, journal, violations);
    }

    fn execute(&mut self, entry: &Value, journal: &Journal, violations: &mut Vec<String>) {
        let (id, quantity) = (text(&entry["execution"]).to_owned(), decimal(&entry["quantity"]));
        let reference = text(&entry["order_ref"]).to_owned();
        if let Some(order) = self.orders.get_mut(&entry["order_id"].as_i64().unwrap_or_default()) {
            *order.executed.entry(text(&entry["contract"]).to_owned()).or_default() += quantity;
        }
        let signed = if text(&entry["side"]) == "BUY" { quantity } else { -quantity };
        let row = (reference.clone(), text(&entry["contract"]).to_owned(), signed);
        if self.executions.insert(id.clone(), row).is_some() {
            violations.push(format!("execution {id} happened twice"));
        }
        self.within(&reference, journal, violations);
    }

    /// What all orders of a line have bought or sold and still can is no more than the plan said.
    fn within(&self, reference: &str, journal: &Journal, violations: &mut Vec<String>) {
        let Some(of) = intent(reference) else { return };
        let Some(planned) = journal.planned.get(&of) else {
            violations.push(format!("{reference} belongs to no line of a plan"));
            return;
        };
        let same = self.orders.values().filter(|order| intent(&order.reference).as_ref() == Some(&of));
        let done = |order: &Order| order.executed.values().max().copied().unwrap_or_default();
        let reach: Decimal = same.map(|order| if order.ended { done(order) } else { order.quantity }).sum();
        if reach > *planned {
            violations.push(format!("{reference}: orders over {reach} for a plan of {planned}"));
        }
    }

    /// What happened is what is booked, once each. What no order of the engine did is booked by a person's word or a line of
    /// a statement, and is in the account that the books are compared with.
    fn against(&self, journal: &Journal, violations: &mut Vec<String>) {
        let ours = self.executions.iter().filter(|(_, (reference, ..))| intent(reference).is_some());
        let ours: BTreeSet<&String> = ours.map(|(id, _)| id).collect();
        let happened: BTreeSet<&String> = self.executions.keys().collect();
        let booked: BTreeSet<&String> = journal.executions.iter().collect();
        violations.extend(ours.difference(&booked).map(|id| format!("execution {id} was lost")));
        violations
            .extend(booked.difference(&happened).map(|id| format!("execution {id} was booked and never happened")));
        let charged: BTreeSet<&String> = journal.charged.iter().collect();
        let ours: BTreeSet<&String> = ours.into_iter().chain(&journal.adopted).collect();
        violations.extend(ours.difference(&charged).map(|id| format!("what execution {id} cost is written nowhere")));
    }

    /// Books and account agree, position by position and to the cent.
    fn against_books(&self, evening: &Evening, violations: &mut Vec<String>) -> Result<()> {
        let account = self.accounts.get(evening.account).context("an account was noted for every evening")?;
        let at = &evening.date;
        let held = amounts(&account["positions"], decimal);
        let ours = amounts(&evening.books["positions"], |row| decimal(&row["quantity"]));
        let cents = |value: &Value| decimal(value).round_dp(2);
        let (cash, our_cash) = (amounts(&account["cash"], cents), amounts(&evening.books["cash_by_ccy"], cents));
        let compared = [("position", &held, &ours), ("cash", &cash, &our_cash)];
        for (what, theirs, ours) in compared.into_iter().take(1 + usize::from(evening.same_day)) {
            for name in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
                let of = |side: &BTreeMap<String, Decimal>| side.get(name).copied().unwrap_or_default();
                if of(theirs) != of(ours) {
                    violations.push(format!(
                        "{at}: {what} {name} is {} here and {} at the broker",
                        of(ours),
                        of(theirs)
                    ));
                }
            }
        }
        Ok(())
    }

    /// The executions add up to what is held in the end.
    fn adds_up(&self, last: &Evening, violations: &mut Vec<String>) -> Result<()> {
        let account = self.accounts.get(last.account).context("an account was noted for every evening")?;
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
        let traded = self.executions.values();
        traded.for_each(|(_, contract, signed)| *sums.entry(contract.clone()).or_default() += signed);
        sums.retain(|_, sum| !sum.is_zero());
        let held = amounts(&account["positions"], decimal);
        if sums != held {
            violations.push(format!("{}: executions add up to {sums:?}, and {held:?} is held", last.date));
        }
        Ok(())
    }
}

/// What the books of a morning hold, in the shape of `state export`; `None` when the account could not be read.
fn books(inputs: &Value) -> Option<Value> {
    /// The order of the columns of money.
    const CURRENCIES: [&str; 9] = ["USD", "EUR", "GBP", "CHF", "JPY", "SEK", "NOK", "DKK", "PLN"];
    if inputs["broker"].is_null() {
        return None;
    }
    let (names, ledger) = (inputs["contracts"].as_array()?, &inputs["books"]["ledger"]);
    let held = names.iter().map(text).zip(ledger["quantities"].as_array()?);
    let held = held.map(|(name, quantity)| (name.to_owned(), serde_json::json!({ "quantity": quantity })));
    let cash = CURRENCIES.iter().map(|name| (*name).to_owned()).zip(ledger["cash"].as_array()?.iter().cloned());
    let (positions, cash): (serde_json::Map<_, _>, serde_json::Map<_, _>) = (held.collect(), cash.collect());
    Some(serde_json::json!({ "positions": positions, "cash_by_ccy": cash }))
}

/// What a map says of each name, without zeros.
fn amounts(value: &Value, of: impl Fn(&Value) -> Decimal) -> BTreeMap<String, Decimal> {
    let rows = value.as_object().into_iter().flatten();
    rows.map(|(name, row)| (name.clone(), of(row))).filter(|(_, amount)| !amount.is_zero()).collect()
}
