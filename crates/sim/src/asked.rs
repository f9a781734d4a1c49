//! Answers about contracts that are asked for again and again.
//!
//! In: answers, as they are found. Out: the same, until they are forgotten. Invariant: an answer that was forgotten is never
//! given; to forget all of them takes no longer than to forget one.

use domain::{ContractId, PerContract};

/// Answers about contracts.
#[derive(Clone, Debug)]
pub(crate) struct Asked<T> {
    answers: Vec<T>,
    turn: u64,
    /// Places of the answers, with the number of the turn they are of.
    places: PerContract<(u64, u32)>,
}

impl<T> Default for Asked<T> {
    fn default() -> Asked<T> {
        Asked { answers: Vec::new(), turn: 1, places: PerContract::default() }
    }
}

impl<T: Copy> Asked<T> {
    /// Forgets every answer.
    pub(crate) fn turn(&mut self) {
        self.answers.clear();
        self.turn += 1;
    }

    fn place(&self, contract: ContractId) -> Option<usize> {
        let &(turn, place) = self.places.as_slice().get(contract.index())?;
        (turn == self.turn).then_some(place as usize)
    }

    pub(crate) fn get(&self, contract: ContractId) -> Option<T> {
        self.place(contract).map(|place| self.answers[place])
    }

    /// Keeps an answer in place of the one before.
    pub(crate) fn keep(&mut self, contract: ContractId, answer: T) -> T {
        match self.place(contract) {
            Some(place) => self.answers[place] = answer,
            None => {
                while self.places.len() <= contract.index() {
                    self.places.push((0, 0));
                }
                self.places[contract] = (self.turn, self.answers.len() as u32);
                self.answers.push(answer);
            }
        }
        answer
    }
}
