//! When an order of the day may work: its continuous window, and its closing auction where it has one.
//!
//! In: windows, cut-offs, the policy, what the order is for. Out: two spans that do not meet. Invariant: a closing order never
//! works beside a limit order of the same parent; the legs of a pair go to their auctions together or not at all.

use crate::{DayPlan, Setup};
use domain::{ContractId, OrderType, PerContract};
use execution::{PlannedOrder, Style};
use jiff::{SignedDuration, Timestamp};
use market::calendar::Window;
use risk::Purpose;
use risk::gate::Conditions;

/// The hours of one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hours {
    /// Continuous trading.
    pub(super) window: Option<Window>,
    /// From when an order for the closing auction is sent, until its venue takes no more.
    pub(super) auction: Option<Window>,
    /// From the first opening to the last closing.
    all: Option<Window>,
}

impl Hours {
    fn new(window: Option<Window>, auction: Option<Window>) -> Hours {
        let both = |window: Window, auction: Window| Window {
            opens: window.opens.min(auction.opens),
            closes: window.closes.max(auction.closes),
        };
        let all = window.zip(auction).map(|(window, auction)| both(window, auction)).or(window).or(auction);
        Hours { window, auction, all }
    }

    /// What kind of order works at a time.
    pub(super) fn order_type(&self, now: Timestamp) -> OrderType {
        match self.auction {
            Some(auction) if self.window.is_none() || now >= auction.opens => OrderType::Loc,
            _ => OrderType::Lmt,
        }
    }

    /// Whether orders may leave at a time.
    pub(super) fn contain(&self, now: Timestamp) -> bool {
        self.spans().any(|span| span.contains(now))
    }

    /// Whether a span has opened after one time and no later than another.
    pub(super) fn open_between(&self, after: Timestamp, now: Timestamp) -> bool {
        self.spans().any(|span| after < span.opens && span.opens <= now)
    }

    /// When the first of them opens.
    pub(super) fn opens(&self) -> Option<Timestamp> {
        self.all.map(|all| all.opens)
    }

    /// When no more can leave; `None` for an order that has no hours today.
    pub(super) fn closes(&self) -> Option<Timestamp> {
        self.all.map(|all| all.closes)
    }

    /// The first opening or closing to come.
    pub(super) fn next_edge(&self, now: Timestamp) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        for span in [&self.window, &self.auction].into_iter().flatten() {
            for edge in [span.opens, span.closes] {
                if edge > now && next.is_none_or(|next| edge < next) {
                    next = Some(edge);
                }
            }
        }
        next
    }

    fn spans(&self) -> impl Iterator<Item = Window> {
        self.window.into_iter().chain(self.auction)
    }
}

/// What the hours of a day's orders are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timetable<'a> {
    pub(super) windows: &'a PerContract<Option<Window>>,
    pub(super) conditions: &'a Conditions,
    pub(super) plan: &'a DayPlan,
    pub(super) setup: &'a Setup,
}

impl Timetable<'_> {
    /// The hours of an order. What has to be done today, and what protects something, does not wait for an auction.
    pub(super) fn hours(&self, planned: &PlannedOrder) -> Hours {
        let window = self.windows[planned.contract];
        let policy = &self.setup.policy.execution;
        let asset_class = self.setup.universe.terms(planned.contract).asset_class;
        let closes = policy.style_of(asset_class) == Style::AuctionClose;
        let may_wait = matches!(planned.purpose, Purpose::Increase | Purpose::Reduce);
        let auction = if may_wait && (closes || policy.rest_to_close) { self.auction(planned) } else { None };
        match auction {
            None => Hours::new(window, None),
            Some(_) if closes => Hours::new(None, auction),
            Some(auction) => {
                let before = |window: Window| Window { closes: window.closes.min(auction.opens), ..window };
                let window = window.map(before).filter(|window| window.opens < window.closes);
                Hours::new(window, Some(auction))
            }
        }
    }

    /// The auction of an order; a leg of a pair has the time in which both take orders.
    fn auction(&self, planned: &PlannedOrder) -> Option<Window> {
        let own = self.auction_of(planned.contract)?;
        let pair = self.plan.pairs.iter().find(|pair| pair.legs.iter().any(|leg| leg.order == planned.number));
        let Some(pair) = pair else { return Some(own) };
        let legs = pair.legs.iter().map(|leg| self.plan.orders[usize::from(leg.order) - 1].contract);
        let both = legs.map(|leg| self.auction_of(leg)).try_fold(own, |shared, leg| {
            let leg = leg?;
            Some(Window { opens: shared.opens.max(leg.opens), closes: shared.closes.min(leg.closes) })
        });
        both.filter(|shared| shared.opens < shared.closes)
    }

    fn auction_of(&self, contract: ContractId) -> Option<Window> {
        let closes = self.conditions.auction_until[contract]?;
        let lead = SignedDuration::from_secs(self.setup.policy.execution.auction_lead_s);
        Some(Window { opens: closes - lead, closes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide;
    use crate::fixture::World;
    use domain::AssetClass;

    /// The hours of the first day's two legs, as text, after a change of the world.
    fn told(change: impl FnOnce(&mut World)) -> String {
        let mut world = World::first_day();
        change(&mut world);
        let plan = decide(&world.inputs(), &world.setup);
        let setup = &world.setup;
        let table = Timetable { windows: &world.windows, conditions: &world.conditions, plan: &plan, setup };
        let span = |span: Option<Window>| {
            span.map_or("-".into(), |span| {
                format!("{}-{}", span.opens.strftime("%H:%M"), span.closes.strftime("%H:%M"))
            })
        };
        let line = |order: &PlannedOrder| {
            let hours = table.hours(order);
            format!("{} {} / {}", world.name(order.contract), span(hours.window), span(hours.auction))
        };
        plan.orders.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn until(world: &mut World, times: [&str; 2]) {
        world.conditions.auction_until = PerContract::filled(None, world.setup.universe.contract_count());
        let plan = decide(&world.inputs(), &world.setup);
        for (order, time) in plan.orders.iter().zip(times) {
            world.conditions.auction_until[order.contract] = format!("2026-01-05T{time}:00Z").parse().ok();
        }
    }

    #[test]
    fn the_rest_goes_to_the_close_after_the_window_where_both_legs_have_an_auction() {
        let rest = |times: [&'static str; 2]| {
            told(|world| {
                world.setup.policy.execution.rest_to_close = true;
                until(world, times);
            })
        };
        insta::assert_snapshot!(rest(["16:30", "16:30"]), @r"
        CS51 14:45-16:00 / 16:20-16:30
        CSPX 14:45-16:00 / 16:20-16:30
        ");
        insta::assert_snapshot!(rest(["16:05", "16:05"]), @r"
        CS51 14:45-15:55 / 15:55-16:05
        CSPX 14:45-15:55 / 15:55-16:05
        ");
        insta::assert_snapshot!(rest(["16:30", "16:35"]), @r"
        CS51 14:45-16:00 / 16:25-16:30
        CSPX 14:45-16:00 / 16:25-16:30
        ");
        insta::assert_snapshot!(rest(["16:30", "none"]), @r"
        CS51 14:45-16:00 / -
        CSPX 14:45-16:00 / -
        ");
        insta::assert_snapshot!(rest(["16:30", "20:50"]), @r"
        CS51 14:45-16:00 / -
        CSPX 14:45-16:00 / -
        ");
    }

    #[test]
    fn an_order_for_the_close_waits_for_it_and_without_an_auction_trades_as_ever() {
        let close = |times: [&'static str; 2]| {
            told(|world| {
                world.setup.policy.execution.styles = vec![(AssetClass::EquityEtf, Style::AuctionClose)];
                until(world, times);
            })
        };
        insta::assert_snapshot!(close(["16:30", "16:30"]), @r"
        CS51 - / 16:20-16:30
        CSPX - / 16:20-16:30
        ");
        insta::assert_snapshot!(close(["none", "none"]), @r"
        CS51 14:45-16:00 / -
        CSPX 14:45-16:00 / -
        ");
    }
}
