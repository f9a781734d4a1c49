//! Steps 1 to 5: the only reads of a day.
//!
//! In: the broker's answers and the last books. Out: the day's inputs. Invariant: all or nothing; an
//! answer that is missing or absurd stops the day before anything was decided.

use super::adopt::adopt;
use super::assemble::{inputs, measures, nothing};
use super::believe::believe;
use super::news::{News, news, sentence, unbookable};
use super::scope::{Scope, holds, is_current};
use super::statement::book_statement;
use super::venues::Venues;
use super::{Run, World, last_book, listings, operator, pins, screens, venues};
use crate::book::Book;
use crate::failure::Failure;
use cycle::{Borrowable, Instruction, RecordedInputs};
use domain::{BaseMoney, ContractId, Fill, FxRates, LedgerEvent, Money, OrderKey, PerContract, Posted, Side};
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use market::Bar;
use ports::{AccountSnapshot, Broker, BrokerError, Clock, ContractDetails, Execution, Identity, Journal};
use risk::Mode;
use risk::reconciliation::{Ours, Status, reconcile};
use rust_decimal::Decimal;
use std::sync::Arc;
use strategy::Listings;
use strategy::rolls::active_contract;

/// Sessions of history asked for before the first decision: the long average, and a year of returns.
const SEED_SESSIONS: u32 = 400;
/// Sessions asked for on every later day: more than any run of holidays.
const REFRESH_SESSIONS: u32 = 20;
/// How often a snapshot is asked for at once when its parts do not fit together.
const SNAPSHOT_TRIES: u32 = 3;
/// Pause before an account that gave no usable answer is asked again.
const ACCOUNT_PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// What observing found worth reporting.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) booked: Vec<String>,
    pub(super) alerts: Vec<String>,
    pub(super) without_history: Vec<String>,
    pub(super) positions: usize,
    pub(super) open_orders: usize,
    /// Contracts the broker's hours contradict our calendar about.
    pub(super) contradictions: Vec<String>,
    /// Until when the broker's maintenance was waited out, if it was.
    pub(super) waited: Option<Timestamp>,
}

/// Everything that was read, and what it put into the books.
pub(super) struct Observed {
    pub(super) inputs: RecordedInputs,
    pub(super) identity: Identity,
    pub(super) booked: Vec<LedgerEvent>,
    pub(super) notes: Notes,
}

/// The same before it is known to be the last look.
struct Read {
    inputs: RecordedInputs,
    booked: Vec<LedgerEvent>,
    notes: Notes,
}

impl Read {
    fn by(self, identity: Identity) -> Observed {
        let Read { inputs, booked, notes } = self;
        Observed { inputs, identity, booked, notes }
    }
}

/// Waits for the run time, then reads everything; what it books becomes durable with the plan that stands on it.
pub(super) async fn observe<B: Broker, J: Journal, C: Clock>(
    date: Date,
    run: &mut Run,
    world: &mut World<B, J, C>,
) -> Result<Observed, Failure> {
    let schedule = &run.settings.schedule;
    wait_until(at(date, schedule.run_at, run)?, world).await?;
    if world.clock.now() > at(date, schedule.catch_up_until, run)? {
        return Err(Failure::Halted(format!(
            "{date} is skipped: it is {now}, later than schedule.catch_up_until, and its plan would be made on its own \
             day's prices; run the next trade date",
            now = world.clock.now()
        )));
    }
    let waited = venues::outwait_maintenance(date, run, world).await?;
    let last = last_book(run, world).await?;
    let (identity, details) = connect(&Scope::of(last.as_deref(), date, run), world).await?;
    pins::remember(date, &details, run, world).await?;
    let listings = listings::look(date, last.as_deref(), run, world).await?;
    let run = &*run;
    let venues = Venues::of(date, &identity, &details, run)?;
    let mut first = read(date, (&listings, &venues), run, world).await?;
    first.notes.waited = waited;
    let Some(trouble) = stops(&first.inputs, run) else { return Ok(first.by(identity)) };
    // A valuation and its positions may be of two moments: only what is still so later stops the day.
    let again = world.clock.now() + run.settings.reconciliation.second_reading_after;
    tracing::warn!(trouble, "the account is read a second time");
    wait_until(again, world).await?;
    let mut second = read(date, (&listings, &venues), run, world).await?;
    second.notes.waited = waited;
    let outcome = stops(&second.inputs, run).unwrap_or_else(|| "it agrees".to_owned());
    second
        .notes
        .booked
        .push(format!("read a second time at {}: first {trouble}, then {outcome}", second.inputs.decided_at));
    Ok(second.by(identity))
}

/// What would stop the day when the account is compared with the books; `None` when nothing would.
fn stops(inputs: &RecordedInputs, run: &Run) -> Option<String> {
    let (ledger, universe) = (inputs.books.ledger(), &run.setup.universe);
    let ours = Ours { date: inputs.date, ledger, marks: &inputs.marks, fx: &inputs.fx, universe };
    let result = reconcile(&ours, inputs.broker.as_ref()?, &run.setup.policy.reconciliation);
    let ids: Vec<&str> = result.findings.iter().map(|finding| finding.id.as_str()).collect();
    (result.status >= Status::Halt).then(|| format!("{} for {}", result.status, ids.join(", ")))
}

/// One look at the account and everything that goes with it.
async fn read<B: Broker, J: Journal, C: Clock>(
    date: Date,
    (listings, venues): (&[Listings], &Venues),
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Read, Failure> {
    let (snapshot, missing) = match patient_snapshot(run, world).await? {
        Ok(snapshot) => (snapshot, None),
        Err(reason) => (nothing(world.clock.now(), run), Some(reason)),
    };
    let (mut book, mut booked) = match last_book(run, world).await? {
        Some(book) => {
            (Arc::unwrap_or_clone(book), missing.iter().map(|reason| News::missing(reason)).collect::<Vec<News>>())
        }
        None if missing.is_some() => return Err(BrokerError::Unusable(missing.unwrap_or_default()).into()),
        None => {
            let (book, opening) = Book::open(&snapshot, world.clock.now(), run)?;
            let told =
                |event: LedgerEvent| News { sentence: sentence(&event, run), event: Some(event), alarming: false };
            (book, opening.into_iter().map(told).collect())
        }
    };
    operator::attend(date, &mut book, run, world).await?;
    booked.extend(book_statement(date, &mut book, &snapshot, run, world).await?);
    booked.extend(late_executions(&mut book, &snapshot, date, run)?);
    let due = screens::due(date, &book.memory.lists, run);
    let disputed: Vec<ContractId> = snapshot.disputes.iter().map(|dispute| dispute.contract).collect();
    let bars = history(date, &book, (&due, &disputed), run, world).await?;
    for (id, at, event) in settlements(&book, &bars, run)? {
        let posted = book.books.post_line(&id, at, event.clone(), &run.setup.universe);
        booked.extend(news(posted.map_err(unbookable)?, event, run));
    }
    let now = world.clock.now();
    let splits = splits(&booked);
    let (elsewhere, silent) = match &mut world.rates {
        Some(rates) => rates.offers(now).await,
        None => Default::default(),
    };
    booked.extend(silent.into_iter().map(News::note));
    let before = (std::mem::take(&mut book.believed), &splits[..]);
    let mut belief = believe(&snapshot, (&bars, &elsewhere), before, book.books.ledger(), now, run);
    listings::mark(listings, &mut belief.marks, run);
    match &missing {
        None => booked.extend(adopt(&mut book, &snapshot, &belief, (date, now), run)?),
        Some(_) => {
            book.standing.tighten(Mode::CancelOnly);
            let waits = |said: &Instruction| format!("waits for the account: {}", said.sentence());
            booked.extend(book.standing.adopt.iter().map(waits).map(News::note));
        }
    }
    let flows = match book.date {
        Some(_) => flows(&booked, &mut book.unvalued, &belief.fx),
        None => BaseMoney::ZERO,
    };
    booked.extend(book.unvalued.iter().map(waits_for_a_rate));
    let kept_external = book.settle_sleeves(date, &belief.marks, &belief.fx, run);
    booked.extend(kept_external.into_iter().map(|sentence| News { alarming: true, ..News::note(sentence) }));
    let alerts = booked.iter().filter(|news| news.alarming).map(|news| news.sentence.clone()).collect();
    let (sentences, booked): (Vec<String>, Vec<Option<LedgerEvent>>) =
        booked.into_iter().map(|news| (news.sentence, news.event)).unzip();
    let booked = booked.into_iter().flatten().collect();
    let screens = screens::observed(date, &due, &bars, &belief.fx, run);
    let notes = Notes {
        booked: sentences,
        alerts,
        without_history: without_history(&bars, run),
        positions: snapshot.positions.len() + snapshot.foreign.len(),
        open_orders: snapshot.open_orders.len(),
        contradictions: venues.contradictions.iter().map(|contradiction| contradiction.sentence.clone()).collect(),
        waited: None,
    };
    let borrowable = borrowable(&book, (&due, &disputed), run, world).await?;
    let told = missing.is_none().then_some(&snapshot);
    let inputs = inputs(date, now, book, told, (&bars, flows), (belief, venues), run)?;
    let inputs = RecordedInputs { screens, borrowable, listings: listings.to_vec(), ..inputs };
    Ok(Read { inputs, booked, notes })
}

/// What the broker lends of everything that may be sold short today: fixed legs, lists, and the candidates of screens.
async fn borrowable<B: Broker, J, C>(
    book: &Book,
    (due, disputed): (&[usize], &[ContractId]),
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Vec<Borrowable>, Failure> {
    let (universe, sleeves) = (&run.setup.universe, &run.setup.policy.sleeves);
    let mut shorts: Vec<ContractId> = Vec::new();
    for (sleeve, list) in sleeves.iter().zip(&book.memory.lists) {
        sleeve.for_each_weight(list, 1.0, |contract, weight| shorts.extend((weight < 0.0).then_some(contract)));
    }
    let screened = due.iter().filter_map(|&sleeve| sleeves[sleeve].screen());
    shorts.extend(screened.flat_map(|screen| screen.short.candidates.iter().copied()));
    shorts.retain(|contract| !universe.terms(*contract).settles_daily && !disputed.contains(contract));
    shorts.sort_unstable();
    shorts.dedup();
    let told = world.broker.shortable(&shorts).await?;
    Ok(told.into_iter().map(|(contract, shares)| Borrowable { contract, shares }).collect())
}

/// Step 3: a successful request, and every contract of the day as we believe it to be.
pub(super) async fn connect<B: Broker, J, C: Clock>(
    scope: &Scope<'_>,
    world: &mut World<B, J, C>,
) -> Result<(Identity, Vec<ContractDetails>), Failure> {
    let identity = match world.broker.identify().await {
        // The night between two days may have ended the session; a new one is a fresh look.
        Err(BrokerError::Lost(reason)) => {
            tracing::warn!(reason, "the session of the day before is over: a new one is made");
            world.broker.reconnect().await?
        }
        answer => answer?,
    };
    let details = world.broker.resolve(&scope.contracts(today(world))).await?;
    Ok((identity, details))
}

fn today<B, J, C: Clock>(world: &World<B, J, C>) -> Date {
    world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

pub(super) async fn wait_until<B, J, C: Clock>(time: Timestamp, world: &mut World<B, J, C>) -> Result<(), Failure> {
    while world.clock.now() < time {
        world.clock.wait(time).await?;
    }
    Ok(())
}

pub(super) fn at(date: Date, time: Time, run: &Run) -> Result<Timestamp, Failure> {
    let at = date.to_datetime(time);
    let zone = run.settings.schedule.zone();
    zone.to_timestamp(at).map_err(|error| Failure::Usage(format!("schedule: {time} on {date}: {error}")))
}

/// A complete picture. What looks foreign in it may be an instrument of the table that today has nothing to do with: it
/// is identified, so that the reconciliation can name it.
pub(super) async fn snapshot<B: Broker, J, C: Clock>(
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<AccountSnapshot, BrokerError> {
    let picture = steady_snapshot(world).await?;
    if picture.foreign.is_empty() {
        return Ok(picture);
    }
    let (universe, today) = (&run.setup.universe, today(world));
    let looks_foreign = |symbol: &str| picture.foreign.iter().any(|position| position.symbol == symbol);
    let unknown: Vec<ContractId> = universe
        .contracts()
        .filter(|&contract| looks_foreign(&universe.instrument_of(contract).symbol) && is_current(contract, today, run))
        .collect();
    if unknown.is_empty() {
        return Ok(picture);
    }
    world.broker.resolve(&unknown).await?;
    steady_snapshot(world).await
}

/// A picture, asked for again when something moved while it was drawn. An answer that breaks off also ends the session:
/// what counts then is the answer.
async fn steady_snapshot<B: Broker, J, C>(world: &mut World<B, J, C>) -> Result<AccountSnapshot, BrokerError> {
    let mut unusable = None;
    for _ in 0..SNAPSHOT_TRIES {
        match world.broker.snapshot().await {
            Err(BrokerError::Unusable(reason)) => {
                tracing::warn!(reason, "snapshot not usable");
                unusable = Some(reason);
            }
            Err(BrokerError::Lost(_)) if unusable.is_some() => break,
            answer => return answer,
        }
    }
    Err(BrokerError::Unusable(unusable.expect("only an answer that cannot be used is asked for again")))
}

/// A picture, waited for as long as a gateway may take to become ready, because an account can be loading still. An
/// answer that breaks off twice is given up at once: it was waited for already. `Err` inside says why there is none.
pub(super) async fn patient_snapshot<B: Broker, J, C: Clock>(
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Result<AccountSnapshot, String>, Failure> {
    let until = world.clock.now() + run.settings.broker.ready_timeout;
    let mut broken_off = false;
    loop {
        let reason = match snapshot(run, world).await {
            Ok(snapshot) => return Ok(Ok(snapshot)),
            Err(BrokerError::Unusable(reason)) => reason,
            Err(other) => return Err(other.into()),
        };
        if world.broker.fence().await.is_err() {
            world.broker.reconnect().await?;
            if std::mem::replace(&mut broken_off, true) {
                return Ok(Err(reason));
            }
            continue;
        }
        let now = world.clock.now();
        if now >= until {
            return Ok(Err(reason));
        }
        wait_until((now + ACCOUNT_PAUSE).min(until), world).await?;
    }
}

/// Executions of ours that arrived after the last date was closed, and corrections of older ones, booked before
/// anything is decided.
fn late_executions(book: &mut Book, snapshot: &AccountSnapshot, date: Date, run: &Run) -> Result<Vec<News>, Failure> {
    let mut late = Vec::new();
    for Execution { fill, commission } in &snapshot.executions {
        let ours = fill.order.is_some_and(|order_ref| order_ref.account == run.account);
        if !ours || fill.at <= book.opened {
            book.books.disown(&fill.execution, date);
            continue;
        }
        if book.books.booked(&fill.execution) == Some(*commission) {
            continue;
        }
        let posted = book.books.post_fill(fill, &run.setup.universe).map_err(unbookable)?;
        pay_premium(fill, &posted, book, run);
        late.extend(news(posted, LedgerEvent::Fill(fill.clone()), run));
        if let &Some(amount) = commission {
            let execution = fill.execution.clone();
            let posted = book.books.post_charge(&execution, amount);
            late.extend(news(posted, LedgerEvent::Commission { execution, amount }, run));
        }
    }
    Ok(late)
}

/// A hedge that turns out to have been bought after its day was closed is paid out of the budget too; of a correction, what
/// it changes.
fn pay_premium(fill: &Fill, posted: &Posted, book: &mut Book, run: &Run) {
    let (Some(order), Side::Buy, Some(row)) = (fill.order, fill.side, run.setup.option(fill.contract)) else { return };
    let terms = run.setup.universe.terms(fill.contract);
    let value = |fill: &Fill| fill.quantity.value_at(fill.price, terms.multiplier);
    let paid = match posted {
        Posted::New | Posted::Charged(..) => Decimal::ZERO,
        Posted::Replaced(before) => match &**before {
            LedgerEvent::Fill(before) => value(before),
            _ => return,
        },
        Posted::Again | Posted::Waiting => return,
    };
    let rate = book.believed.rates[terms.currency].map_or(Decimal::ONE, |last| last.rate);
    let premium = BaseMoney::new((value(fill) - paid) * rate);
    match premium >= BaseMoney::ZERO {
        true => book.memory.hedges.pay(OrderKey::from(order), row.root.hedge, premium),
        false => book.memory.hedges.refund(row.root.hedge, -premium),
    }
}

/// Splits that were booked this morning.
fn splits(booked: &[News]) -> Vec<(ContractId, (u32, u32))> {
    let split = |news: &News| match news.event {
        Some(LedgerEvent::Split { contract, numerator, denominator }) => Some((contract, (numerator, denominator))),
        _ => None,
    };
    booked.iter().filter_map(split).collect()
}

/// Money the owner put in or took out, as far as its currency has a rate; the rest waits for one.
fn flows(booked: &[News], unvalued: &mut Vec<Money>, fx: &FxRates) -> BaseMoney {
    let flow = |news: &News| match news.event {
        Some(LedgerEvent::Flow { amount }) => Some(amount),
        _ => None,
    };
    unvalued.extend(booked.iter().filter_map(flow));
    let mut valued = BaseMoney::ZERO;
    unvalued.retain(|&amount| fx.to_base(amount).map(|value| valued += value).is_err());
    valued
}

fn waits_for_a_rate(amount: &Money) -> News {
    let sentence = format!(
        "{amount} was put in or taken out, and its currency has no rate: it is kept out of the return from the first date \
         that has one on"
    );
    News { alarming: true, ..News::note(sentence) }
}

/// Daily bars of what was asked about.
pub(super) type Bars = PerContract<Option<Vec<Bar>>>;

/// Daily bars of everything the decision or the books read.
async fn history<B: Broker, J, C: Clock>(
    date: Date,
    book: &Book,
    (due, disputed): (&[usize], &[ContractId]),
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Bars, Failure> {
    let sessions = if book.memory.last_row.is_none() { SEED_SESSIONS } else { REFRESH_SESSIONS };
    let mut bars = Bars::filled(None, run.setup.universe.contract_count());
    let measured = screens::candidates(due, run);
    for contract in contracts_read(date, book, run)?.into_iter().filter(|contract| !disputed.contains(contract)) {
        let sessions = match measured.binary_search(&contract) {
            // A future that no sleeve holds is only valued and settled.
            _ if run.setup.universe.terms(contract).settles_daily && !measures(contract, run) => REFRESH_SESSIONS,
            Ok(_) => sessions.max(screens::SCREEN_SESSIONS),
            Err(_) => sessions,
        };
        bars[contract] = Some(world.broker.daily_bars(contract, sessions, date).await?);
    }
    Ok(bars)
}

/// Of what the day needs: everything that does not expire, the active contract of each future, and what is held.
fn contracts_read(date: Date, book: &Book, run: &Run) -> Result<Vec<ContractId>, Failure> {
    let universe = &run.setup.universe;
    let scope = Scope::of(Some(book), date, run);
    let mut contracts: Vec<ContractId> = Vec::new();
    for instrument in universe.instruments().filter(|&id| scope.needs(id)) {
        let lasting = |contract: &ContractId| match universe.contract(*contract).expiry {
            None => true,
            // The broker no longer knows what has expired.
            Some(_) => scope.holds(*contract) && is_current(*contract, date, run),
        };
        contracts.extend(universe.contracts_of(instrument).filter(lasting));
        contracts.extend(active_contract(universe, &run.setup.rolls, instrument, date));
    }
    contracts.sort_unstable();
    contracts.dedup();
    Ok(contracts)
}

/// Daily settlements of held futures since the last closed date.
fn settlements(book: &Book, bars: &Bars, run: &Run) -> Result<Vec<(String, Timestamp, LedgerEvent)>, Failure> {
    let universe = &run.setup.universe;
    let ledger = book.books.ledger();
    let settles = |contract: &ContractId| universe.terms(*contract).settles_daily && holds(ledger, *contract);
    let since = book.date;
    let events = universe.contracts().filter(settles).flat_map(|contract| {
        let days = bars[contract].iter().flatten();
        let days = days.filter(move |bar| since.is_none_or(|since| bar.date >= since));
        days.map(move |bar| {
            // The price is of the date's session, so it settles what was traded until the date was over.
            let at = at(bar.date, Time::MAX, run)?;
            let id = format!("settlement of {} on {}", universe.contract(contract).name, bar.date);
            Ok((id, at, LedgerEvent::VariationMargin { contract, settlement: bar.close }))
        })
    });
    events.collect()
}

fn without_history(bars: &Bars, run: &Run) -> Vec<String> {
    let empty = bars.iter().filter(|(_, bars)| bars.as_ref().is_some_and(Vec::is_empty));
    empty.map(|(contract, _)| run.setup.universe.contract(contract).name.clone()).collect()
}

#[cfg(test)]
mod tests;
