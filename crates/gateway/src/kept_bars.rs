//! History that goes on: the bar under way, told whenever it changes, after the bars that have ended.
//!
//! In: a question for bars with `keepUpToDate`; quotes at every movement of time. Out: updates in the quote unit. Invariant: a
//! bar holds only prices that were shown within it or when it was asked for, and what has not changed is not told again.

use crate::bars::{Running, Shows};
use crate::contracts::{compact_date, text};
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::minutes;
use crate::moment::wire_time;
use crate::wire::{self, HistoricalDataBar, HistoricalDataRequest};
use domain::ContractId;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Subscriptions of one client, as IB counts them.
const STREAMS_MAX: usize = 50;

/// Bars of one question that go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptBars {
    contract: ContractId,
    shows: Shows,
    /// `None` for days.
    length: Option<SignedDuration>,
    /// Its beginning is told in seconds since 1970.
    epoch: bool,
    begins: Timestamp,
    running: Option<Running>,
    told: Option<(Timestamp, Running)>,
}

impl Desk {
    /// Goes on with bars that were told; what they are was checked with them.
    pub(crate) fn keep_up_to_date(&mut self, key: SessionKey, contract: ContractId, request: &HistoricalDataRequest) {
        let req_id = request.req_id.unwrap_or(NO_REQUEST);
        if self.session(key).kept.len() >= STREAMS_MAX {
            let text = "Historical Market Data Service error message:Too many requests that are kept up to date";
            return self.error(key, req_id, 162, text);
        }
        let shows = match text(&request.what_to_show) {
            "MIDPOINT" => Shows::Midpoint,
            _ => Shows::Trades,
        };
        let length = minutes::length(text(&request.bar_size_setting));
        let running = shows.price(&self.quote(contract)).map(Running::at);
        let (begins, epoch) = (self.began(length), request.format_date == Some(2));
        let kept = KeptBars { contract, shows, length, epoch, begins, running, told: None };
        self.session_mut(key).kept.insert(req_id, kept);
        self.tell_kept(key, req_id);
    }

    /// When the bar of this instant began.
    fn began(&self, length: Option<SignedDuration>) -> Timestamp {
        let seconds = length.map_or(86_400, |length| length.as_secs());
        let now = self.now().as_second();
        Timestamp::from_second(now - now.rem_euclid(seconds)).expect("an instant of this world")
    }

    /// Takes the prices of this instant in, and tells the bars that changed.
    pub(crate) fn refresh_kept(&mut self) {
        for key in self.session_keys() {
            let streams: Vec<(i32, KeptBars)> = self.session(key).kept.iter().map(|(&id, &kept)| (id, kept)).collect();
            for (req_id, kept) in streams {
                let (begins, price) = (self.began(kept.length), kept.shows.price(&self.quote(kept.contract)));
                let before = kept.running.filter(|_| begins == kept.begins);
                let running = match (before, price) {
                    (Some(bar), Some(price)) => Some(bar.with(price)),
                    (None, Some(price)) => Some(Running::at(price)),
                    (before, None) => before,
                };
                self.session_mut(key).kept.insert(req_id, KeptBars { begins, running, ..kept });
                self.tell_kept(key, req_id);
            }
        }
    }

    fn tell_kept(&mut self, key: SessionKey, req_id: i32) {
        let kept = self.session(key).kept[&req_id];
        let Some(now) = kept.running.map(|bar| (kept.begins, bar)).filter(|now| kept.told != Some(*now)) else {
            return;
        };
        let per_major = self.directory.unit(kept.contract).per_major();
        let quoted = |price: Decimal| (price * per_major).to_f64();
        let (begins, bar) = now;
        let date = match (kept.length, kept.epoch) {
            (None, _) => compact_date(self.today()),
            (Some(_), true) => begins.as_second().to_string(),
            (Some(_), false) => wire_time(begins),
        };
        let historical_data_bar = HistoricalDataBar {
            date: Some(date),
            open: quoted(bar.open),
            high: quoted(bar.high),
            low: quoted(bar.low),
            close: quoted(bar.close),
            volume: Some("-1".to_owned()),
            wap: quoted(bar.close).map(|price| price.to_string()),
            bar_count: Some(-1),
        };
        let update =
            wire::HistoricalDataUpdate { req_id: Some(req_id), historical_data_bar: Some(historical_data_bar) };
        self.send(key, &update);
        self.session_mut(key).kept.insert(req_id, KeptBars { told: Some(now), ..kept });
    }
}
