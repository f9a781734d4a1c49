//! When the day's contracts trade, by our calendars and by the broker.
//!
//! In: calendars, settings, contract details. Out: execution windows, auction cut-offs, contradictions. Invariant: a window the
//! broker does not confirm is no window; the legs of a pair share theirs.

use super::observe::{at, wait_until};
use super::{Run, World};
use crate::failure::Failure;
use crate::settings::Mode;
use crate::settings::interlock::{Money, money};
use crate::world::account_tag;
use domain::{ContractId, InstrumentKind, Mic, PerContract};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZoneDatabase;
use market::calendar::{Calendars, Session, Window, WindowRule, execution_window, next_guard};
use ports::{Broker, Clock, ContractDetails, Identity, Journal};
use risk::gate::Banded;
use strategy::ScreenList;
use strategy::rolls::active_contract;

/// Trade dates by which history may lag and still say how risky a date is.
const HISTORY_LAG_MAX: usize = 3;
/// Days within which so many trade dates lie.
const LONGEST_PAUSE_DAYS: usize = 14;

/// What venues and broker say of a date.
#[derive(Clone, Debug, Default)]
pub(super) struct Venues {
    /// When each contract's orders may work.
    pub(super) windows: PerContract<Option<Window>>,
    /// Until when each contract takes orders for its closing auction.
    pub(super) auction_until: PerContract<Option<Timestamp>>,
    /// Contracts whose price steps differ by price level.
    pub(super) banded: Vec<Banded>,
    /// Contracts whose hours the broker tells otherwise; they have no window.
    pub(super) contradictions: Vec<Contradiction>,
    /// The account is not one this mode trades.
    pub(super) foreign_account: bool,
    /// The oldest date on which history may end; `None` where the calendars begin later.
    pub(super) history_from: Option<Date>,
}

/// A contract whose trading hours at the broker do not hold our window.
#[derive(Clone, Debug)]
pub(super) struct Contradiction {
    pub(super) contract: ContractId,
    /// What both sides say.
    pub(super) sentence: String,
}

impl Venues {
    /// Asks our calendars, then holds their answer against the broker's.
    pub(super) fn of(
        date: Date,
        identity: &Identity,
        details: &[ContractDetails],
        run: &Run,
    ) -> Result<Venues, Failure> {
        let hours = Hours::of(date, run)?;
        let mut venues = Venues {
            windows: windows(date, &hours, run),
            auction_until: hours.each(|hours| hours.auction_until),
            banded: details.iter().filter_map(banded).collect(),
            contradictions: Vec::new(),
            foreign_account: is_foreign(identity, run),
            history_from: history_from(date, &hours.trading, &run.calendars),
        };
        let mut read = HoursRead::default();
        for details in details {
            if !details.takes_loc {
                venues.auction_until[details.contract] = None;
            }
            let Some(window) = venues.windows[details.contract] else { continue };
            if let Err(problem) = confirmed(window, details, &mut read) {
                let name = &run.setup.universe.contract(details.contract).name;
                let sentence = format!("{name} counts as closed: {problem}");
                tracing::warn!(sentence, "the broker's trading hours contradict our calendar");
                venues.contradictions.push(Contradiction { contract: details.contract, sentence });
            }
        }
        for contradiction in &venues.contradictions {
            venues.windows[contradiction.contract] = None;
            venues.auction_until[contradiction.contract] = None;
        }
        Ok(venues)
    }
}

/// One step for every price needs no table beside the instrument's.
fn banded(details: &ContractDetails) -> Option<Banded> {
    let ContractDetails { contract, bands, .. } = details;
    (bands.len() > 1).then(|| Banded { contract: *contract, bands: bands.clone() })
}

/// An account of another kind than the mode trades, or not the one of this run.
fn is_foreign(identity: &Identity, run: &Run) -> bool {
    let served = money(&identity.account);
    let wanted = match run.settings.mode {
        Mode::Simulated | Mode::Paper => Money::Paper,
        Mode::Live => Money::Real,
    };
    served != Some(wanted) || account_tag(&identity.account) != run.account
}

/// Today's session of a venue, the rule its orders keep, and what follows from both.
#[derive(Clone, Debug)]
struct VenueHours {
    session: Session,
    rule: WindowRule,
    window: Option<Window>,
    auction_until: Option<Timestamp>,
}

/// The hours of the contracts that can trade today, asked for once a venue.
struct Hours {
    /// In the order of [`Mic::ALL`].
    venues: Vec<Option<VenueHours>>,
    /// Where each contract can trade today.
    venue: PerContract<Option<Mic>>,
    /// All of these venues.
    trading: Vec<Mic>,
}

impl Hours {
    fn of(date: Date, run: &Run) -> Result<Hours, Failure> {
        let universe = &run.setup.universe;
        let venue = |contract: ContractId| {
            let instrument = universe.instrument_of(contract);
            let expired = universe.contract(contract).expiry.is_some_and(|expiry| expiry < date);
            let trades = instrument.tradable && instrument.kind != InstrumentKind::Cash && !expired;
            trades.then_some(instrument.venue)
        };
        let venue: PerContract<Option<Mic>> = PerContract::from_vec(universe.contracts().map(venue).collect());
        let mut trades = vec![false; Mic::ALL.len()];
        venue.iter().filter_map(|(_, mic)| *mic).for_each(|mic| trades[mic as usize] = true);
        let hours = |mic: &Mic| match trades[*mic as usize] {
            true => venue_hours(*mic, date, run),
            false => Ok(None),
        };
        let venues = Mic::ALL.iter().map(hours).collect::<Result<_, _>>()?;
        let trading = Mic::ALL.iter().copied().filter(|mic| trades[*mic as usize]).collect();
        Ok(Hours { venues, venue, trading })
    }

    fn get(&self, contract: ContractId) -> Option<&VenueHours> {
        self.venues[self.venue[contract]? as usize].as_ref()
    }

    /// Of every contract.
    fn each<T>(&self, of: impl Fn(&VenueHours) -> Option<T>) -> PerContract<Option<T>> {
        PerContract::from_vec(self.venue.iter().map(|(contract, _)| of(self.get(contract)?)).collect())
    }
}

/// The last of the trade dates by which history may lag behind a date.
fn history_from(date: Date, venues: &[Mic], calendars: &Calendars) -> Option<Date> {
    let earlier = std::iter::successors(date.yesterday().ok(), |day| day.yesterday().ok()).take(LONGEST_PAUSE_DAYS);
    let known = earlier.map_while(|day| Some((day, calendars.is_trade_date(day, venues).ok()?)));
    known.filter_map(|(day, is_trade_date)| is_trade_date.then_some(day)).nth(HISTORY_LAG_MAX - 1)
}

fn venue_hours(venue: Mic, date: Date, run: &Run) -> Result<Option<VenueHours>, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let calendar = run.calendars.get(venue).map_err(|error| usage(&error))?;
    let Some(session) = calendar.session(date).map_err(|error| usage(&error))? else { return Ok(None) };
    let rule = run.settings.execution.window(venue);
    let (window, auction_until) = (execution_window([(&session, &rule)]), calendar.auction_entry_until(&session));
    Ok(Some(VenueHours { session, rule, window, auction_until }))
}

/// Each contract's execution window; the legs of a pair have the hours that all of them share.
fn windows(date: Date, hours: &Hours, run: &Run) -> PerContract<Option<Window>> {
    let universe = &run.setup.universe;
    let together = |contracts: &[ContractId]| {
        let all: Option<Vec<&VenueHours>> = contracts.iter().map(|&contract| hours.get(contract)).collect();
        execution_window(all?.into_iter().map(|hours| (&hours.session, &hours.rule)))
    };
    let mut windows = hours.each(|hours| hours.window);
    for sleeve in run.setup.policy.sleeves.iter().filter(|sleeve| sleeve.is_pair()) {
        let held =
            |leg: ContractId| active_contract(universe, &run.setup.rolls, universe.contract(leg).instrument, date);
        let legs: Option<Vec<ContractId>> = sleeve.contracts(&ScreenList::default()).into_iter().map(held).collect();
        let shared = legs.as_ref().and_then(|legs| together(legs));
        // The contract a leg rolls out of is worked together with the one it rolls into.
        let chain = |leg: ContractId| universe.contracts_of(universe.contract(leg).instrument);
        let worked: Vec<ContractId> = legs.into_iter().flatten().flat_map(chain).collect();
        worked.into_iter().filter(|&leg| hours.get(leg).is_some()).for_each(|leg| windows[leg] = shared);
    }
    windows
}

/// Liquid hours that were read, by their text and zone: contracts of a venue share them.
#[derive(Default)]
struct HoursRead<'a>(Vec<(&'a str, &'a str, Option<Vec<Window>>)>);

impl<'a> HoursRead<'a> {
    /// The spans of a contract's liquid hours, earliest first; `None` when they cannot be read.
    fn of(&mut self, details: &'a ContractDetails) -> Option<&[Window]> {
        let (text, zone) = (&*details.liquid_hours, &*details.time_zone);
        let place = self.0.iter().position(|known| (known.0, known.1) == (text, zone)).unwrap_or_else(|| {
            self.0.push((text, zone, spans(text, zone)));
            self.0.len() - 1
        });
        self.0[place].2.as_deref()
    }
}

fn spans(text: &str, zone: &str) -> Option<Vec<Window>> {
    let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
    let instant = |at: DateTime| zone.to_timestamp(at).ok();
    let span = |(from, to)| Some(Window { opens: instant(from)?, closes: instant(to)? });
    let mut open = segments(text)?.into_iter().map(span).collect::<Option<Vec<_>>>()?;
    open.sort_by_key(|segment| segment.opens);
    Some(open)
}

/// Whether the broker's liquid hours hold a window.
///
/// # Errors
/// What is wrong with them, as a clause.
fn confirmed<'a>(window: Window, details: &'a ContractDetails, hours: &mut HoursRead<'a>) -> Result<(), String> {
    let ours = || format!("our orders work from {} to {}", window.opens, window.closes);
    let open = hours
        .of(details)
        .ok_or_else(|| format!("{}, and the broker's hours `{}` cannot be read", ours(), details.liquid_hours))?;
    // Segments that meet, as around midnight, are one.
    let mut reached = window.opens;
    for segment in open.iter().filter(|segment| segment.closes > window.opens) {
        if segment.opens <= reached {
            reached = reached.max(segment.closes);
        }
    }
    if reached >= window.closes {
        return Ok(());
    }
    Err(format!("{}, the broker's hours are {} {}", ours(), first_days(&details.liquid_hours), details.time_zone))
}

/// `20250102:0800-20250102:1630;20250103:CLOSED`, also with a bare time at the end or several spans a day; `None` when it is
/// something else.
fn segments(hours: &str) -> Option<Vec<(DateTime, DateTime)>> {
    let mut spans = Vec::new();
    for day in hours.split(';').filter(|day| !day.is_empty() && !day.ends_with(":CLOSED")) {
        let (date, _) = day.split_once(':')?;
        for span in day.split(',') {
            let (from, to) = span.split_once('-')?;
            spans.push((moment(date, from)?, moment(date, to)?));
        }
    }
    Some(spans)
}

/// `20250102:0800`, or `0800` on a date known from before.
fn moment(date: &str, text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(':').unwrap_or((date, text));
    let is_number = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(date, 8) || !is_number(time, 4) {
        return None;
    }
    let (year, month, day) = (date[..4].parse().ok()?, date[4..6].parse().ok()?, date[6..].parse().ok()?);
    let (hour, minute) = (time[..2].parse().ok()?, time[2..].parse().ok()?);
    DateTime::new(year, month, day, hour, minute, 0, 0).ok()
}

fn first_days(hours: &str) -> String {
    hours.split(';').take(2).collect::<Vec<_>>().join(";")
}

/// Step 2: waits until broker and gateway are back, as long as the day may still begin then.
pub(super) async fn outwait_maintenance<B: Broker, J: Journal, C: Clock>(
    date: Date,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Option<Timestamp>, Failure> {
    if run.settings.mode == Mode::Simulated {
        return Ok(None); // the built-in gateway is never away
    }
    let guards = run.settings.broker.guards(date);
    let guard = next_guard(&guards, world.clock.now()).filter(|guard| guard.contains(world.clock.now()));
    let Some(back) = guard.map(|guard| guard.closes) else { return Ok(None) };
    let latest = at(date, run.settings.schedule.catch_up_until, run)?;
    if back > latest {
        return Err(Failure::Halted(format!(
            "{date} is skipped: broker or gateway are away until {back}, later than schedule.catch_up_until, {latest}; \
             run the next trade date, or correct broker.maintenance"
        )));
    }
    wait_until(back, world).await?;
    Ok(Some(back))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(hours: &str, zone: &str) -> Result<(), String> {
        let at = |text: &str| text.parse().unwrap();
        let window = Window { opens: at("2025-12-23T14:45:00Z"), closes: at("2025-12-23T16:00:00Z") };
        let details = ContractDetails {
            contract: ContractId(0),
            con_id: 1,
            bands: vec![],
            last_trade: None,
            takes_loc: false,
            liquid_hours: hours.into(),
            time_zone: zone.into(),
        };
        confirmed(window, &details, &mut HoursRead::default())
    }

    #[test]
    fn hours_that_hold_the_window_confirm_it_in_every_form_the_broker_has() {
        assert_eq!(told("20251223:0800-20251223:1630;20251224:0800-20251224:1230", "Europe/London"), Ok(()));
        assert_eq!(told("20251223:0800-1630", "GB-Eire"), Ok(()), "an old name of a zone, a bare time");
        assert_eq!(told("20251222:1700-20251223:1600", "US/Central"), Ok(()), "since the evening before");
        assert_eq!(told("20251223:0900-1600,1600-1730", "MET"), Ok(()), "spans that meet");
        assert_eq!(told("20251223:1445-20251223:1600", "Europe/London"), Ok(()), "to the minute");
    }

    #[test]
    fn hours_that_do_not_hold_it_close_the_venue_and_say_what_both_sides_say() {
        insta::assert_snapshot!(told("20251223:0800-20251223:1559;20251224:CLOSED", "Europe/London").unwrap_err(),
            @"our orders work from 2025-12-23T14:45:00Z to 2025-12-23T16:00:00Z, the broker's hours are 20251223:0800-20251223:1559;20251224:CLOSED Europe/London");
        for (hours, zone) in [
            ("20251223:CLOSED;20251224:0800-20251224:1630", "Europe/London"),
            ("20251223:0800-1500,1501-1630", "Europe/London"),
            ("20251223:1000-20251223:1630", "America/New_York"),
            ("", "Europe/London"),
            ("from eight to five", "Europe/London"),
            ("20251223:0800-20251223:1630", "Europe/Londn"),
        ] {
            assert!(told(hours, zone).is_err(), "{hours} {zone}");
        }
    }

    #[test]
    fn history_lags_by_dates_on_which_a_venue_of_ours_traded() {
        let calendars = crate::calendars::built_in(|_| true);
        let oldest = |date: &str, venues: &[Mic]| {
            history_from(date.parse().unwrap(), venues, &calendars).map(|date| date.to_string())
        };
        assert_eq!(oldest("2025-05-08", &[Mic::Xetr]).as_deref(), Some("2025-05-05"));
        assert_eq!(oldest("2025-04-22", &[Mic::Xetr]).as_deref(), Some("2025-04-15"), "Easter is no trade date");
        assert_eq!(
            oldest("2025-04-22", &[Mic::Xetr, Mic::Xnys]).as_deref(),
            Some("2025-04-16"),
            "New York traded Monday"
        );
        assert_eq!(oldest("2004-01-02", &[Mic::Xnys]), None, "before the calendars");
        assert_eq!(oldest("2025-05-08", &[]), None);
    }
}
