//! Chance that depends on what is asked, never on when or how often.
//!
//! In: a seed, a stream (which quantity of which thing) and a step (which day or instant). Out: uniform and normal
//! numbers. Invariant: the numbers of one (seed, stream, step) are the same whoever draws them and in whatever order.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// Words of key stream between two steps: enough for a day of minutes of normal numbers.
const WORDS_PER_STEP: u128 = 1 << 12;

/// Identifies one quantity of one thing among all that are random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream of a quantity (`purpose`) of a thing (`name`), by FNV-1a over both; names are stable for ever,
    /// positions in a table are not.
    pub(crate) fn new(purpose: &str, name: &str) -> Stream {
        let bytes = purpose.bytes().chain([b'/']).chain(name.bytes());
        Stream(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }
}

impl Stream {
    /// A number that is the stream's own for ever.
    pub(crate) fn hash(self) -> u64 {
        self.0
    }
}

/// All chance of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    generator: ChaCha8Rng,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Chance { generator: ChaCha8Rng::from_seed(key) }
    }

    /// The numbers of one step of a stream, from the first.
    pub(crate) fn at(&self, stream: Stream, step: u64) -> Draws {
        let mut generator = self.generator.clone();
        generator.set_stream(stream.0);
        generator.set_word_pos(u128::from(step) * WORDS_PER_STEP);
        Draws(generator)
    }
}

/// The numbers of one step.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// The next uniform number in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// The next standard normal number.
    pub(crate) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }
}
