//! Places where a crash campaign may stop the engine.
//!
//! In: what is about to be done, or was just done. Out: nothing, or no return. Invariant: a point has a name and stands in
//! one table, place × kind × moment; whoever is not part of a campaign has no such port and pays nothing for it.

use std::fmt;
use std::str::FromStr;

/// On which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing of it has happened.
    Before,
    /// It was done, and nobody here knows yet.
    After,
}

/// Where the engine meets the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The account's lease changes hands.
    Lease,
    /// A batch of entries becomes durable; a point per kind in it.
    Append,
    /// An operator's message is answered.
    Answer,
    /// The broker is told something.
    Send,
    /// The broker said something: before, it was read from the wire and not yet heard; after, it and all that follows from
    /// it was recorded and sent.
    Hear,
    /// The broker is asked something.
    Ask,
    /// Time passes.
    Wait,
}

/// Every point: a place, and the kinds of what is done there.
pub const POINTS: [(Place, &[&str]); 7] = [
    (Place::Lease, &["take", "release"]),
    (
        Place::Append,
        &[
            "alert",
            "booked",
            "inputs",
            "plan",
            "admitted",
            "refused",
            "consequence",
            "pair",
            "place",
            "replace",
            "cancel",
            "place_spread",
            "replace_spread",
            "acknowledged",
            "order_status",
            "execution",
            "commission",
            "notice",
            "connection",
            "resynced",
            "mode",
            "watchdog",
            "latched",
            "day_closed",
            "order_ids",
            "con_ids",
            "other",
        ],
    ),
    (Place::Answer, &["message"]),
    (Place::Send, &["place", "replace", "cancel", "place_spread", "replace_spread"]),
    (Place::Hear, &["acknowledged", "order_status", "execution", "commission", "quote", "notice", "connection"]),
    (
        Place::Ask,
        &[
            "identify",
            "resolve",
            "bars",
            "chain",
            "option_quotes",
            "shortable",
            "snapshot",
            "glance",
            "watch",
            "what_if",
            "reconnect",
        ],
    ),
    (Place::Wait, &["time"]),
];

/// One point by name, such as `append plan before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: &'static str,
    /// When.
    pub moment: Moment,
}

impl Point {
    /// A point of the table; a kind it does not list is `other`, where the place has that.
    ///
    /// # Panics
    /// When the table has neither: what the engine does there cannot be tested by a crash.
    pub fn new(place: Place, kind: &str, moment: Moment) -> Point {
        let kinds = POINTS.iter().find(|(listed, _)| *listed == place).map_or(&[][..], |(_, kinds)| kinds);
        let listed = |kind: &str| kinds.iter().find(|known| **known == kind);
        let known = listed(kind).or_else(|| listed("other"));
        Point { place, kind: known.unwrap_or_else(|| panic!("ports::faults has no kind {kind} at {place}")), moment }
    }

    /// Every point there is.
    pub fn all() -> impl Iterator<Item = Point> {
        let of_place = |(place, kinds): (Place, &'static [&'static str])| {
            kinds
                .iter()
                .flat_map(move |&kind| [Moment::Before, Moment::After].map(|moment| Point { place, kind, moment }))
        };
        POINTS.into_iter().flat_map(of_place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Place::Lease => "lease",
            Place::Append => "append",
            Place::Answer => "answer",
            Place::Send => "send",
            Place::Hear => "hear",
            Place::Ask => "ask",
            Place::Wait => "wait",
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = if self.moment == Moment::Before { "before" } else { "after" };
        write!(f, "{} {} {moment}", self.place, self.kind)
    }
}

/// A name that is in no line of the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no point; one reads like `append plan before`")]
pub struct UnknownPoint(String);

impl FromStr for Point {
    type Err = UnknownPoint;

    fn from_str(text: &str) -> Result<Point, UnknownPoint> {
        Point::all().find(|point| point.to_string() == text).ok_or_else(|| UnknownPoint(text.to_owned()))
    }
}

/// Who is told of every point, and may not return from one.
pub trait Faults {
    /// The engine is at this point.
    fn reach(&self, point: Point);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_point_has_a_name_of_its_own_that_leads_back_to_it() {
        let names: BTreeSet<String> = Point::all().map(|point| point.to_string()).collect();
        assert_eq!(names.len(), Point::all().count());
        assert!(Point::all().all(|point| point.to_string().parse() == Ok(point)));
        assert!(names.len() >= 60, "{} points", names.len());
        assert_eq!("append plan during".parse::<Point>(), Err(UnknownPoint("append plan during".into())));
    }
}
