//! Protection of a pair whose legs do not fill together, as one table.
//!
//! In: how far each leg is filled, whether the legs are over, now. Out: the next state, and what each state asks of the
//! legs and of the temporary hedge. Invariant: the table is total; nothing leaves [`PairState::Settled`].

use crate::policy::Urgency;
use domain::rounding::{LotRounding, to_lot};
use domain::{InstrumentId, Quantity};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When a pair counts as broken, and what is done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairPolicy {
    /// The future that stands in for a leg that does not fill, by the leg; the rest of the protection does without.
    pub hedges: Vec<(InstrumentId, InstrumentId)>,
    /// Filled share of one leg, with nothing of the other, from which the pair is broken.
    pub trigger: f64,
    /// Seconds this must last: two fills of the same second arrive one after the other.
    pub patience_s: i64,
    /// Seconds after the break at which it is decided whether the pair is completed or unwound.
    pub legging_s: i64,
}

/// How far the protection of a pair has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// Both legs work.
    Even,
    /// One leg is filled beyond the trigger, nothing of the other: it waits, hedged, and the other is priced at its collar.
    Broken,
    /// Both go on, the leader never more than the trigger ahead.
    Completing,
    /// Nothing of the other leg came in time: both are taken back, and what was opened is closed again.
    Unwinding,
    /// The legs are over.
    Settled,
}

/// Something that happened to a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairSignal {
    /// One leg is beyond the trigger, nothing of the other, for longer than the patience.
    Breaks,
    /// The lagging leg was executed in part.
    Moves,
    /// The time to wait is over, and the leading leg opens a position.
    LateOpening,
    /// The time to wait is over, and the leading leg closes a position.
    LateClosing,
    /// Nothing more will happen to either leg.
    Ends,
}

/// The table: every state, every signal.
pub fn next(state: PairState, signal: PairSignal) -> PairState {
    use PairSignal as On;
    use PairState::{Broken, Completing, Even, Settled, Unwinding};
    match (state, signal) {
        (_, On::Ends) => Settled,
        (Even, On::Breaks) => Broken,
        (Broken, On::Moves) => Completing,
        (Broken, On::LateOpening) => Unwinding,
        (Broken, On::LateClosing) => Completing, // what was closed is not opened again
        (Even | Broken | Completing | Unwinding | Settled, _) => state,
    }
}

/// What is asked of one leg, the strictest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// It works.
    Work(Urgency),
    /// Its working order is taken back and no new one sent for now.
    Wait,
    /// It is over.
    Stop,
}

/// How a pair stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Filled share of each leg, 0 to 1.
    pub filled: [f64; 2],
    /// True when nothing more will happen to either leg.
    pub over: bool,
    /// True when each leg opens a position rather than closing one.
    pub opening: [bool; 2],
}

/// The protection of one pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// How far it has come.
    pub state: PairState,
    /// Which leg is ahead, once one is by more than the trigger.
    pub leader: usize,
    /// When the leader was first seen ahead; when the pair broke, from then on.
    pub since: Option<Timestamp>,
}

impl Pair {
    /// Both legs are still to be sent.
    pub const EVEN: Pair = Pair { state: PairState::Even, leader: 0, since: None };

    /// The pair after a look at its legs. It may have to be looked at again at once.
    pub fn look(self, progress: &Progress, now: Timestamp, policy: &PairPolicy) -> Pair {
        let alone = (0..2).find(|&leg| progress.filled[leg] > policy.trigger && progress.filled[1 - leg] == 0.0);
        let leader = self.ahead(progress, policy);
        let for_long = |seconds| self.since.is_some_and(|since| now >= since + SignedDuration::from_secs(seconds));
        let signal = match self.state {
            PairState::Settled => return Pair { leader, ..self },
            _ if progress.over => PairSignal::Ends,
            PairState::Even => match alone {
                None => return Pair::EVEN,
                Some(leader) if !for_long(policy.patience_s) => {
                    return Pair { leader, since: Some(self.since.unwrap_or(now)), ..self };
                }
                Some(_) => PairSignal::Breaks,
            },
            PairState::Broken if progress.filled[1 - self.leader] > 0.0 => PairSignal::Moves,
            PairState::Broken if !for_long(policy.legging_s) => return self,
            PairState::Broken if progress.opening[self.leader] => PairSignal::LateOpening,
            PairState::Broken => PairSignal::LateClosing,
            PairState::Completing | PairState::Unwinding => return Pair { leader, ..self },
        };
        let state = next(self.state, signal);
        let since = if state == PairState::Broken { Some(now) } else { self.since };
        Pair { state, leader, since }
    }

    /// The leg that leads. What crossed a cancel may put the other one ahead: it counts from the trigger on, so that two legs
    /// that fill side by side do not take turns.
    fn ahead(&self, progress: &Progress, policy: &PairPolicy) -> usize {
        let other = 1 - self.leader;
        let is_overtaken = progress.filled[other] - progress.filled[self.leader] > policy.trigger;
        if is_overtaken { other } else { self.leader }
    }

    /// What a leg has to do.
    pub fn pace(&self, leg: usize, progress: &Progress, policy: &PairPolicy) -> Pace {
        let leads = leg == self.leader;
        match self.state {
            PairState::Even => Pace::Work(Urgency::Normal),
            PairState::Broken if leads => Pace::Wait,
            PairState::Completing if leads && self.lead(progress) > policy.trigger => Pace::Wait,
            PairState::Completing if leads => Pace::Work(Urgency::Normal),
            PairState::Broken | PairState::Completing => Pace::Work(Urgency::High),
            // Settled legs are over; after a restart an order that was stopped does not know it.
            PairState::Unwinding | PairState::Settled => Pace::Stop,
        }
    }

    /// How much further the leader is filled than the other leg, as a share of its order.
    pub fn lead(&self, progress: &Progress) -> f64 {
        (progress.filled[self.leader] - progress.filled[1 - self.leader]).max(0.0)
    }

    /// When [`Pair::look`] may have something to say without any event.
    pub fn next_deadline(&self, policy: &PairPolicy) -> Option<Timestamp> {
        let wait = match self.state {
            PairState::Even => policy.patience_s,
            PairState::Broken => policy.legging_s,
            PairState::Completing | PairState::Unwinding | PairState::Settled => return None,
        };
        self.since.map(|since| since + SignedDuration::from_secs(wait))
    }
}

/// What of a filled quantity the other leg does not answer, in whole lots.
pub fn excess(filled: Quantity, progress: &Progress, leader: usize, lot: Quantity) -> Quantity {
    let (own, other) = (progress.filled[leader], progress.filled[1 - leader]);
    if own <= 0.0 || other >= own {
        return Quantity::ZERO;
    }
    if other == 0.0 {
        return filled;
    }
    to_lot(filled.to_f64() * (1.0 - other / own), lot, LotRounding::HalfAwayFromZero).min(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: PairPolicy = PairPolicy { hedges: Vec::new(), trigger: 0.30, patience_s: 5, legging_s: 60 };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_624_300 + second).expect("in range")
    }

    fn legs(long: f64, short: f64) -> Progress {
        Progress { filled: [long, short], over: false, opening: [true; 2] }
    }

    #[test]
    fn the_table_as_a_person_reads_it() {
        use PairSignal::{Breaks, Ends, LateClosing, LateOpening, Moves};
        use PairState::{Broken, Completing, Even, Settled, Unwinding};
        let signals = [Breaks, Moves, LateOpening, LateClosing, Ends];
        let mut table = format!("{:<12}", "");
        signals.iter().for_each(|signal| table += &format!("{:<12}", format!("{signal:?}")));
        for state in [Even, Broken, Completing, Unwinding, Settled] {
            table += &format!("\n{:<12}", format!("{state:?}"));
            signals.iter().for_each(|&signal| table += &format!("{:<12}", format!("{:?}", next(state, signal))));
        }
        let table = table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(table, @r"
                    Breaks      Moves       LateOpening LateClosing Ends
        Even        Broken      Even        Even        Even        Settled
        Broken      Broken      Completing  Unwinding   Completing  Settled
        Completing  Completing  Completing  Completing  Completing  Settled
        Unwinding   Unwinding   Unwinding   Unwinding   Unwinding   Settled
        Settled     Settled     Settled     Settled     Settled     Settled
        ");
    }

    #[test]
    fn thirty_percent_is_not_a_break_and_more_is_after_the_patience() {
        let look = |pair: Pair, long, short, second| pair.look(&legs(long, short), at(second), &POLICY);
        assert_eq!(look(Pair::EVEN, 0.30, 0.0, 0), Pair::EVEN);
        let seen = look(Pair::EVEN, 0.31, 0.0, 0);
        assert_eq!((seen.state, seen.next_deadline(&POLICY)), (PairState::Even, Some(at(5))));
        assert_eq!(look(seen, 0.31, 0.01, 4), Pair::EVEN, "the other leg came");
        assert_eq!(look(seen, 0.31, 0.0, 4).state, PairState::Even);
        let broken = look(seen, 0.31, 0.0, 5);
        assert_eq!((broken.state, broken.leader, broken.since), (PairState::Broken, 0, Some(at(5))));
        assert_eq!(look(broken, 0.31, 0.0, 64).state, PairState::Broken);
        assert_eq!(look(broken, 0.31, 0.0, 65).state, PairState::Unwinding);
        assert_eq!(look(broken, 0.31, 0.02, 64).state, PairState::Completing);
        let closing = Progress { opening: [false; 2], ..legs(0.31, 0.0) };
        assert_eq!(broken.look(&closing, at(65), &POLICY).state, PairState::Completing);
    }

    #[test]
    fn the_leader_waits_while_it_is_too_far_ahead() {
        let completing = Pair { state: PairState::Completing, leader: 1, since: Some(at(0)) };
        assert_eq!(completing.pace(1, &legs(0.1, 0.5), &POLICY), Pace::Wait);
        assert_eq!(completing.pace(1, &legs(0.2, 0.5), &POLICY), Pace::Work(Urgency::Normal));
        assert_eq!(completing.pace(0, &legs(0.2, 0.5), &POLICY), Pace::Work(Urgency::High));
    }

    #[test]
    fn a_leg_that_overtakes_waits_in_its_turn() {
        let completing = Pair { state: PairState::Completing, leader: 0, since: Some(at(0)) };
        let look = |long, short| completing.look(&legs(long, short), at(9), &POLICY);
        assert_eq!(look(0.5, 0.79), completing, "side by side");
        let overtaken = look(0.5, 0.9);
        assert_eq!((overtaken.state, overtaken.leader), (PairState::Completing, 1));
        let paces = [0, 1].map(|leg| overtaken.pace(leg, &legs(0.5, 0.9), &POLICY));
        assert_eq!(paces, [Pace::Work(Urgency::High), Pace::Wait]);
    }

    #[test]
    fn what_is_settled_sends_nothing_more() {
        let settled = Pair { state: PairState::Settled, leader: 0, since: Some(at(0)) };
        assert_eq!([0, 1].map(|leg| settled.pace(leg, &legs(0.4, 0.0), &POLICY)), [Pace::Stop; 2]);
    }

    /// What a pair does with one fill of each leg, in tenths, after the other, until both are over.
    fn lived(fills: &[[u8; 2]], opening: [bool; 2]) -> Vec<(PairState, [Pace; 2], [Quantity; 2])> {
        let (mut pair, mut done) = (Pair::EVEN, [0_u8; 2]);
        let mut look = |(second, more): (usize, &[u8; 2])| {
            done = [0, 1].map(|leg| (done[leg] + more[leg]).min(10));
            let over = second == fills.len();
            let progress = Progress { filled: done.map(|tenths| f64::from(tenths) / 10.0), over, opening };
            pair = pair.look(&progress, at(second as i64 * 20), &POLICY);
            let too_much = pair.state == PairState::Settled && pair.lead(&progress) > POLICY.trigger;
            let back = |leg: usize| {
                let filled = Quantity::whole(i64::from(done[leg]) * 100);
                let leads = too_much && leg == pair.leader;
                if leads { excess(filled, &progress, leg, Quantity::whole(1)) } else { Quantity::ZERO }
            };
            (pair.state, [0, 1].map(|leg| pair.pace(leg, &progress, &POLICY)), [0, 1].map(back))
        };
        fills.iter().chain([&[0, 0]]).enumerate().map(&mut look).collect()
    }

    proptest! {
        #[test]
        fn it_is_the_same_whichever_leg_is_called_the_first(
            fills in prop::collection::vec([0_u8..6, 0_u8..6], 0..12), opening in any::<[bool; 2]>(),
        ) {
            let swapped: Vec<[u8; 2]> = fills.iter().map(|&[long, short]| [short, long]).collect();
            let there = lived(&fills, opening);
            let mut back = lived(&swapped, [opening[1], opening[0]]);
            back.iter_mut().for_each(|(_, paces, excess)| { paces.reverse(); excess.reverse(); });
            prop_assert_eq!(there, back);
        }

        #[test]
        fn what_is_taken_back_leaves_the_legs_as_far_as_each_other(
            ordered in 1_i64..100_000, lead in 0.0_f64..1.0, lag in 0.0_f64..1.0,
        ) {
            let filled = Quantity::whole((ordered as f64 * lead) as i64);
            let own = filled.to_f64() / ordered as f64;
            let progress = legs(own, lag);
            let left = filled - excess(filled, &progress, 0, Quantity::whole(1));
            prop_assert!(left >= Quantity::ZERO);
            let even = own.min(lag) * ordered as f64;
            prop_assert!((left.to_f64() - even).abs() <= 0.5 + 1e-6, "{} of {} is left, {} is even", left, filled, even);
        }
    }
}
