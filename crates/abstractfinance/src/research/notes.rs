//! What a person should know of a study beside its figures.
//!
//! In: the reports of its dates, and the bars its market is replayed from. Out: sentences. Invariant: whatever was missing,
//! in doubt or warned of is told once, with its first date and the number of dates; nothing of it is filled in here.

use console::DayReport;
use domain::{InstrumentKind, PerContract, Universe};
use jiff::civil::Date;
use market::Bar;
use market::calendar::Calendars;
use risk::gate::Check;
use std::collections::BTreeMap;

/// Refusals for want of an input that neither doubts nor warnings tell of. Every other one is a limit that did its work.
const OF_INPUTS: [Check; 7] = [
    Check::NoMark,
    Check::QuoteMissing,
    Check::QuoteStale,
    Check::QuoteNotLive,
    Check::QuoteOneSided,
    Check::NoList,
    Check::NoHedge,
];

/// Names in one sentence about instruments without any bar.
const NAMES_MAX: usize = 8;

/// What the dates said, and what their history lacks.
#[derive(Default)]
pub(super) struct Notes {
    /// By what it is about.
    said: BTreeMap<String, Note>,
    /// What [`holes`] found.
    holes: Vec<Hole>,
}

/// Sessions without a bar, and the sentence about them.
pub(super) type Hole = (usize, String);

/// A sentence, and when it was said.
struct Note {
    first: String,
    last: String,
    sentence: String,
    dates: usize,
}

impl Notes {
    /// Those of a study whose history has these holes.
    pub(super) fn of(holes: Vec<Hole>) -> Notes {
        Notes { said: BTreeMap::new(), holes }
    }

    /// Takes in a date: marks and rates in doubt, warnings of risk, orders refused for want of an input.
    pub(super) fn take(&mut self, report: &DayReport) {
        let doubts = report.doubts.iter().map(|doubt| (subject(doubt), doubt.as_str()));
        let without_figures = |said: &String| said.chars().take_while(|mark| !mark.is_ascii_digit()).collect();
        let warnings = report.risk.warnings.iter().map(|said| (without_figures(said), said.as_str()));
        let is_of_input = |code: &str| OF_INPUTS.iter().any(|check| check.code() == code);
        for (about, sentence) in doubts.chain(warnings) {
            self.note(&report.date, about, sentence);
        }
        for refused in report.refusals.iter().filter(|refused| is_of_input(&refused.code)) {
            let about = format!("{} {}", refused.code, subject(&refused.sentence));
            self.note(&report.date, about, &refused.sentence);
        }
    }

    fn note(&mut self, date: &str, about: String, sentence: &str) {
        let new = || Note { first: date.to_owned(), last: String::new(), sentence: sentence.to_owned(), dates: 0 };
        let note = self.said.entry(about).or_insert_with(new);
        if note.last != date {
            date.clone_into(&mut note.last);
            note.dates += 1;
        }
    }

    /// What concerns most dates first, because a page shows a few; of as many, by the first.
    pub(super) fn sentences(self) -> Vec<String> {
        let told = |Note { first, sentence, dates, .. }: Note| match dates {
            1 => (dates, format!("{first}: {sentence}")),
            _ => (dates, format!("{first}: {sentence} ({dates} dates in all, this one first)")),
        };
        let mut notes: Vec<Hole> = self.said.into_values().map(told).chain(self.holes).collect();
        notes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        notes.into_iter().map(|(_, sentence)| sentence).collect()
    }
}

/// What a sentence is about: the name before its colon, of a contract that expires its instrument's.
fn subject(sentence: &str) -> String {
    let name = sentence.split(':').next().unwrap_or_default();
    name.split("_20").next().unwrap_or_default().to_owned()
}

/// What replayed series lack of the sessions of their venues from a date to another, in one sentence for the instruments that
/// lack the same; of a contract that expires, between its own first and last bar.
pub(super) fn holes(
    series: &PerContract<Vec<Bar>>,
    universe: &Universe,
    calendars: &Calendars,
    (from, to): (Date, Date),
) -> Vec<Hole> {
    let (mut lacked, mut without) = (BTreeMap::<_, Vec<&str>>::new(), Vec::new());
    for id in universe.instruments() {
        let instrument = universe.instrument(id);
        let Ok(calendar) = calendars.get(instrument.venue) else { continue };
        let (mut sessions, mut bars_seen, mut lacking) = (0, 0, Vec::new());
        for contract in universe.contracts_of(id) {
            let bars = &series[contract];
            let bars = &bars[bars.partition_point(|bar| bar.date < from)..bars.partition_point(|bar| bar.date <= to)];
            let span = match bars {
                [first, .., last] if universe.contract(contract).expiry.is_some() => (first.date, last.date),
                _ => (from, to),
            };
            let Ok(dates) = calendar.sessions(span.0, span.1) else { continue };
            let lacks = |date: &Date| bars.binary_search_by_key(date, |bar| bar.date).is_err();
            (sessions, bars_seen) = (sessions + dates.len(), bars_seen + bars.len());
            lacking.extend(dates.iter().map(|session| session.date).filter(lacks).filter(|_| !bars.is_empty()));
        }
        match (lacking.iter().min(), lacking.iter().max()) {
            // Options are priced by a model.
            _ if instrument.kind == InstrumentKind::Opt => {}
            _ if bars_seen == 0 => without.push(instrument.name.as_str()),
            (Some(&first), Some(&last)) => {
                lacked.entry((lacking.len(), sessions, first, last)).or_default().push(instrument.name.as_str());
            }
            _ => {}
        }
    }
    let told = lacked.into_iter().map(|((lacking, sessions, first, last), names)| {
        let whose = if names.len() == 1 { "its price" } else { "their prices" };
        let names = listed(&names);
        let span = format!("the first {first}, the last {last}");
        (lacking, format!("{names}: no bar for {lacking} of {sessions} sessions, {span}; {whose} stood still on them"))
    });
    let at_all = (!without.is_empty())
        .then(|| (0, format!("no bar at all of {}; what needs one of them is held back", listed(&without))));
    told.chain(at_all).collect()
}

/// The first names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let (shown, more) = names.split_at(NAMES_MAX.min(names.len()));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::research::{Fingerprint, Study};
    use domain::{Price, Quantity};
    use jiff::civil::date;
    use std::path::PathBuf;

    #[test]
    fn a_history_with_holes_says_where() {
        let words = ["--from", "2025-06-02", "--to", "2025-06-13"].map(str::to_owned);
        let study = Study::new(None, Study::span(&words).unwrap(), Fingerprint::of(Ok(PathBuf::new()))).unwrap();
        let config = study.ground("a test").unwrap().simulation(&study.span.market).unwrap();
        let universe = &config.universe;
        let (from, to) = (date(2025, 6, 2), date(2025, 6, 13));
        let mut series = PerContract::filled(Vec::new(), universe.contract_count());
        for contract in universe.contracts() {
            let calendar = config.calendars.get(universe.instrument_of(contract).venue).unwrap();
            let bar = |date| Bar::new(date, [Price::from_mantissa(1).unwrap(); 4], Quantity::ZERO);
            series[contract] = calendar.sessions(from, to).unwrap().iter().map(|session| bar(session.date)).collect();
        }
        assert!(holes(&series, universe, &config.calendars, (from, to)).is_empty());
        let contract = |name: &str| universe.find_contract(name).unwrap();
        series[contract("CSPX")].drain(3..6);
        series[contract("CNDX")].drain(3..6);
        series[contract("VIX")].truncate(8);
        series[contract("SX5E")].clear();
        let mut notes = Notes::of(holes(&series, universe, &config.calendars, (from, to)));
        for (date, sentence) in
            [("2025-06-03", "AAPL: once"), ("2025-06-02", "VIX: often"), ("2025-06-04", "VIX: often")]
        {
            notes.note(date, sentence.to_owned(), sentence);
        }
        insta::assert_snapshot!(notes.sentences().join("\n"), @"
        CNDX, CSPX: no bar for 3 of 10 sessions, the first 2025-06-05, the last 2025-06-09; their prices stood still on them
        2025-06-02: VIX: often (2 dates in all, this one first)
        VIX: no bar for 2 of 10 sessions, the first 2025-06-12, the last 2025-06-13; its price stood still on them
        2025-06-03: AAPL: once
        no bar at all of SX5E; what needs one of them is held back
        ");
    }
}
