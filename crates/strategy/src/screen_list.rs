//! The list a screen left, over time.
//!
//! In: trade dates, and what a screen saw on those on which one was due. Out: the names held with their shares, and
//! how good the list is. Invariant: a list is renewed whole or not at all; one that cannot be renewed is used for a
//! limited time, and after it nothing is added.

use crate::factor_screen::{Observed, ScreenPolicy, TooFew, choose};
use domain::ContractId;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// How often a screen runs; one that failed runs again the next trade date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rescreen {
    /// The first trade date of every month.
    Monthly,
    /// The first trade date of every ISO week.
    Weekly,
    /// Every trade date.
    Daily,
}

/// One name of a list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The contract.
    pub contract: ContractId,
    /// Signed share of the sleeve's budget.
    pub share: f64,
    /// Last close in base currency that the unit strategy has seen; 0 before the first.
    pub last_close: f64,
}

/// How good a list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There has been no list yet.
    #[default]
    None,
    /// From the last screen that was due.
    Good,
    /// The screen failed since this date; the list before it is used.
    LastGood(Date),
    /// It failed for too long; the configured names are held.
    Fallback(Date),
    /// It failed for too long and there is no other list: what is held may shrink and not grow.
    Held(Date),
}

/// The list of one sleeve; empty for a sleeve that does not screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScreenList {
    /// Names held, longs first.
    pub names: Vec<Listed>,
    /// The last date on which a screen succeeded.
    pub screened: Option<Date>,
    /// How good it is.
    pub standing: Standing,
    /// Why the last screen failed, if it did.
    pub failure: Option<TooFew>,
    /// Where the fundamentals of the last screen came from.
    pub source: String,
}

impl ScreenList {
    /// Whether a screen should run on a date.
    pub fn is_due(&self, date: Date, rescreen: Rescreen) -> bool {
        let Some(last) = self.screened.filter(|_| self.standing == Standing::Good) else { return true };
        match rescreen {
            Rescreen::Monthly => (last.year(), last.month()) != (date.year(), date.month()),
            Rescreen::Weekly => week(last) != week(date),
            Rescreen::Daily => last != date,
        }
    }

    /// Takes in what a screen saw.
    pub fn renew(&mut self, date: Date, observed: &Observed, policy: &ScreenPolicy) {
        let before = std::mem::take(&mut self.names);
        let close = |contract| {
            let own = before.iter().find(|name| name.contract == contract).map(|name| name.last_close);
            let candidates = observed.long.iter().chain(&observed.short);
            let seen = || candidates.filter(|c| c.contract == contract).find_map(|c| c.close);
            own.or_else(seen).unwrap_or(0.0)
        };
        self.source.clone_from(&observed.source);
        match choose(observed, policy) {
            Ok(shares) => {
                self.names = listed(&shares, close);
                (self.screened, self.standing, self.failure) = (Some(date), Standing::Good, None);
            }
            Err(failure) => {
                self.failure = Some(failure);
                self.standing = self.after_failure(date, policy);
                self.names = match (self.standing, &policy.fallback) {
                    (Standing::Fallback(_), Some(shares)) => listed(shares, close),
                    _ => before,
                };
            }
        }
    }

    fn after_failure(&self, date: Date, policy: &ScreenPolicy) -> Standing {
        let since = match self.standing {
            Standing::LastGood(since) | Standing::Fallback(since) | Standing::Held(since) => since,
            Standing::None | Standing::Good => date,
        };
        let has_list = self.screened.is_some() && !matches!(self.standing, Standing::Fallback(_));
        match &policy.fallback {
            _ if has_list && business_days(since, date) < policy.last_good_days => Standing::LastGood(since),
            Some(_) => Standing::Fallback(since),
            None => Standing::Held(since),
        }
    }

    /// True when nothing may be added.
    pub fn is_held(&self) -> bool {
        matches!(self.standing, Standing::Held(_))
    }

    /// The same list over other keys; a name without a key is forgotten.
    pub fn rekeyed(mut self, key: impl Fn(ContractId) -> Option<ContractId>) -> ScreenList {
        self.names.retain_mut(|name| key(name.contract).map(|contract| name.contract = contract).is_some());
        self
    }

    /// The list as one line of a report.
    pub fn told(&self) -> String {
        let count = |sign: f64| self.names.iter().filter(|name| name.share * sign > 0.0).count();
        let names = format!("{} long, {} short", count(1.0), count(-1.0));
        let why = |failure| format!(": {failure}, fundamentals {}", self.source);
        let why = self.failure.map_or_else(String::new, why);
        let of = self.screened.map_or_else(String::new, |date| format!(" of {date}"));
        match self.standing {
            Standing::None => "no screen yet".into(),
            Standing::Good => format!("{names}{of}, fundamentals {}", self.source),
            Standing::LastGood(since) => format!("{names}, last good list{of}, screen fails since {since}{why}"),
            Standing::Fallback(since) => format!("{names}, configured fallback, screen fails since {since}{why}"),
            Standing::Held(since) => format!("{names}, nothing is added, screen fails since {since}{why}"),
        }
    }
}

fn listed(shares: &[(ContractId, f64)], close: impl Fn(ContractId) -> f64) -> Vec<Listed> {
    shares.iter().map(|&(contract, share)| Listed { contract, share, last_close: close(contract) }).collect()
}

fn week(date: Date) -> (i16, i8) {
    let date = date.iso_week_date();
    (date.year(), date.week())
}

/// Weekdays from a date (included) to another (excluded).
fn business_days(from: Date, to: Date) -> u32 {
    let weekday = |day: &Date| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    from.series(jiff::ToSpan::day(1)).take_while(|day| *day < to).filter(weekday).count() as u32
}
