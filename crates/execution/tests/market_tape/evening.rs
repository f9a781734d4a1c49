//! Evenings that end in a closing price: orders for the close beside orders on close without a limit.
//!
//! In: minute bars of trades, quotes where there are some. Out: what an order got. Invariant: sent ten minutes before the end on
//! what was known then; filled at the last print, if its limit allows that, and no more than was printed with it.

use super::{CONTRACT, Result, Tally, facts_of, listed, policy, shown};
use domain::{AccountTag, AssetClass, Grid, OrderType, Price, Quantity, Side, Universe};
use execution::{Command, Moment, OrderSignal, Parent, PlannedOrder, Style, Urgency};
use jiff::{SignedDuration, Timestamp};
use market::Quote;
use market::calendar::Window;
use risk::gate::Proposal;
use risk::{Gate, GatePolicy, Purpose};
use std::collections::BTreeMap;

const LEAD: SignedDuration = SignedDuration::from_mins(10);

/// Start, close and volume of a minute.
type Bar = (Timestamp, f64, f64);

/// Symbol and date, and their bars.
type Day = ((String, String), Vec<Bar>);

/// What was known when the order was sent, and what came.
struct Evening {
    sent: Quote,
    close: Price,
    printed: Quantity,
}

/// The evenings of one or more contracts.
pub struct Evenings {
    evenings: Vec<Evening>,
    universe: Universe,
    gate: GatePolicy,
}

impl Evenings {
    /// Evenings of bars of trades. `ends` says when continuous trading of a date ends, UTC. A day without a print in its last
    /// ten minutes has no closing price here and is left out.
    pub fn of(csv: &str, class: AssetClass, tick: &str, ends: impl Fn(&str) -> &'static str) -> Evenings {
        let (universe, gate) = listed(class, tick);
        let mut days: BTreeMap<(String, String), Vec<Bar>> = BTreeMap::new();
        let mut lines = csv.lines();
        let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
        let column = |name: &str| header.iter().position(|known| *known == name);
        for row in lines.map(|line| line.split(',').collect::<Vec<_>>()) {
            let time = row[column("time_utc").expect("a time")];
            let symbol = column("symbol").map_or("", |at| row[at]);
            let number = |name: &str| row[column(name).expect(name)].parse::<f64>().expect("a number");
            let bar = (time.parse().expect("a time"), number("close"), number("volume"));
            days.entry((symbol.to_owned(), time[..10].to_owned())).or_default().push(bar);
        }
        let evening = |((_, date), bars): Day| {
            let end: Timestamp = format!("{date}T{}:00Z", ends(&date)).parse().expect("a time");
            let sent_at = end - LEAD;
            let (_, last, _) = bars.iter().rev().find(|(at, ..)| *at < sent_at)?;
            let (at, close, printed) = bars.iter().rev().find(|(at, ..)| *at < end)?;
            let price = |price: f64| Price::from_f64(price).ok();
            let quote = shown(sent_at, [None, None], [Quantity::ZERO; 2]);
            let sent = Quote { last: price(*last), ..quote };
            let evening = Evening { sent, close: price(*close)?, printed: Quantity::from_f64(*printed).ok()? };
            (*at >= sent_at).then_some(evening)
        };
        Evenings { evenings: days.into_iter().filter_map(evening).collect(), universe, gate }
    }

    /// One order an evening; without a limit, or by the policy.
    pub fn work(&self, side: Side, quantity: i64, limited: bool) -> Result {
        self.evenings.iter().map(|evening| self.order(evening, side, quantity, limited)).sum()
    }

    fn order(&self, evening: &Evening, side: Side, quantity: i64, limited: bool) -> Result {
        let (arrival, close) = (evening.sent.last.expect("a last trade").to_f64(), evening.close.to_f64());
        let wanted = quantity as f64;
        let result = Result { orders: 1, wanted, wanted_value: wanted * arrival, ..Result::default() };
        let mut tally = Tally { side: side.sign() as f64, arrival, result };
        let limit = limited.then(|| self.limit(evening, side, quantity));
        let reached = limit.is_none_or(|limit| (limit.mantissa() - evening.close.mantissa()) * side.sign() >= 0);
        let filled = evening.printed.to_f64().min(wanted);
        if reached && filled > 0.0 {
            tally.fill(filled, close, close);
        }
        tally.finish(close)
    }

    /// What the order manager sends, from its permit to its only command.
    fn limit(&self, evening: &Evening, side: Side, quantity: i64) -> Price {
        let now = evening.sent.at;
        let signed = Quantity::whole(quantity * side.sign());
        let (purpose, order_type) = (Purpose::Increase, OrderType::Loc);
        let proposal = Proposal { contract: CONTRACT, quantity: signed, purpose, order_type, collar: None };
        let window = Window { opens: now, closes: now + LEAD };
        let permit = facts_of(&evening.sent, window, evening.sent.last, |facts| {
            Gate::new(&self.gate, &self.universe).admit(proposal, facts).expect("an auction needs a last trade only")
        });
        let mut parent = Parent::new(PlannedOrder { number: 1, contract: CONTRACT, quantity: signed, purpose });
        parent.admit(permit, None);
        let account: AccountTag = "a1b2c3".parse().expect("a tag");
        let identity = (account, now.to_zoned(jiff::tz::TimeZone::UTC).date());
        let (grid, style) = (Grid::from(self.universe.terms(CONTRACT).tick), Style::AuctionClose);
        let moment = |now| Moment { now, quote: None, grid, urgency: Urgency::Normal, style, volume_left: None };
        let sent = parent.step(&moment(now), identity, &policy()).expect("an order");
        let Command::Place { order_ref, order_type: OrderType::Loc, limit, .. } = Command::from(&sent) else {
            panic!("a limit on close: {sent:?}")
        };
        parent.signal(order_ref, OrderSignal::Acknowledged);
        assert_eq!(parent.step(&moment(now + LEAD), identity, &policy()), None, "it waits for its auction");
        limit
    }
}
