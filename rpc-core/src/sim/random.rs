//! A handle on random decisions, and how one seed becomes many independent streams.

use core::fmt;
use core::hash::Hasher;
use core::str::FromStr;
use std::sync::Arc;

use parking_lot::Mutex;
use rand_pcg::Pcg64Dxsm;
use rand_pcg::rand_core::{Rng, SeedableRng};
use siphasher::sip::SipHasher13;

use super::choices::Input;
use super::decisions::Decisions;
use super::exhaustive::Path;
use crate::entropy::Entropy;

/// The bits of a decision between yes and no that count.
const CHANCE_BITS: u32 = 16;

/// The largest range of which an exhaustive search tries every value.
const ENUMERATED: u64 = 16;

/// Random decisions. Where they come from is said by the [`Choices`](super::Choices) of the world; by
/// itself it is a seeded generator, which gives the same values on every platform and with every build.
///
/// Every decision of a simulation comes from one of these. A scenario may keep one of its own, for its
/// workload: see [`World::random`](super::World::random).
///
/// ```
/// use farcall_core::sim::Random;
///
/// let (mut one, mut other) = (Random::new(7), Random::new(7));
/// assert_eq!(one.next_u64(), other.next_u64());
/// assert!(one.below(6) < 6);
/// ```
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone, Debug)]
pub(super) enum Source {
    Seeded(Pcg64Dxsm),
    Recording { generator: Pcg64Dxsm, list: Arc<Mutex<Vec<u64>>>, next: usize },
    Recorded { decisions: Arc<Decisions>, stream: Stream, next: usize },
    Bytes(Arc<Mutex<Input>>),
    Exhaustive(Arc<Mutex<Path>>),
}

/// What a stream is used for. Streams of different purposes are independent of each other, so that a
/// change of one part of a scenario leaves the luck of the other parts alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    Link = 1,
    Entropy = 2,
    Service = 3,
    Scenario = 4,
    World = 5,
}

/// The name of a stream: what it is for, and two indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stream {
    pub(super) purpose: Purpose,
    first: u64,
    second: u64,
}

impl Stream {
    pub(super) const fn new(purpose: Purpose, first: u64, second: u64) -> Self {
        Self { purpose, first, second }
    }
}

const PURPOSES: [(Purpose, &str); 5] = [
    (Purpose::Link, "link"),
    (Purpose::Entropy, "entropy"),
    (Purpose::Service, "service"),
    (Purpose::Scenario, "scenario"),
    (Purpose::World, "world"),
];

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = PURPOSES[self.purpose as usize - 1];
        write!(f, "{name} {} {}", self.first, self.second)
    }
}

impl FromStr for Stream {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let name = words.next().ok_or(())?;
        let (purpose, _) = PURPOSES.into_iter().find(|(_, other)| *other == name).ok_or(())?;
        let mut index = || words.next().and_then(|word| word.parse().ok()).ok_or(());
        Ok(Self::new(purpose, index()?, index()?))
    }
}

impl Source {
    /// The generator of a stream of this seed.
    pub(super) fn generator(seed: u64, stream: Stream) -> Pcg64Dxsm {
        // The generator's own seeding drops a bit and mixes little; a hash makes any two streams
        // independent.
        let mut bytes = [0; 32];
        for (place, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            let mut hash = SipHasher13::new_with_keys(seed, place as u64);
            for word in [stream.purpose as u64, stream.first, stream.second] {
                hash.write(&word.to_le_bytes());
            }
            chunk.copy_from_slice(&hash.finish().to_le_bytes());
        }
        Pcg64Dxsm::from_seed(bytes)
    }

    /// A number of which the upper `bits` bits are used.
    fn draw(&mut self, bits: u32) -> u64 {
        match self {
            Self::Seeded(generator) => generator.next_u64(),
            Self::Recording { generator, list, next } => {
                let value = generator.next_u64();
                let mut list = list.lock();
                // Whoever draws from the same stream draws the same.
                if *next == list.len() {
                    list.push(value);
                }
                *next += 1;
                value
            }
            Self::Recorded { decisions, stream, next } => {
                *next += 1;
                decisions.get(*stream, *next - 1)
            }
            Self::Bytes(input) => input.lock().draw(bits),
            Self::Exhaustive(path) => path.lock().choose(2) * u64::MAX,
        }
    }
}

impl Random {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self::stream(seed, Stream::new(Purpose::World, 0, 0))
    }

    /// The stream of `seed` for this purpose and these two indices.
    pub(super) fn stream(seed: u64, stream: Stream) -> Self {
        Self(Source::Seeded(Source::generator(seed, stream)))
    }

    pub(super) fn from_source(source: Source) -> Self {
        Self(source)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.draw(u64::BITS)
    }

    /// A value from zero to `bound` exclusive; zero if `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        if let Source::Exhaustive(path) = &self.0 {
            if bound <= ENUMERATED {
                return path.lock().choose(bound);
            }
            return [0, bound / 2, bound - 1][path.lock().choose(3) as usize];
        }
        let bits = u64::BITS - bound.saturating_sub(1).leading_zeros();
        high_product(bound, self.0.draw(bits))
    }

    /// True with this probability. Below zero is never, above one is always.
    pub fn chance(&mut self, probability: f64) -> bool {
        // A fault that is disabled or certain draws nothing, so that it costs nothing.
        if probability <= 0.0 {
            return false;
        }
        if probability >= 1.0 {
            return true;
        }
        const RANGE: f64 = (1_u64 << 53) as f64;
        // What happens seldom is at the upper end: zero is no fault.
        ((self.0.draw(CHANCE_BITS) >> 11) as f64) >= (1.0 - probability) * RANGE
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        assert!(!choices.is_empty(), "there is nothing to pick from");
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// An exponentially distributed value with this mean.
    ///
    /// Von Neumann's method: it only compares integers, while a logarithm may differ in its last bit
    /// between platforms and with it the whole run.
    pub(super) fn exponential(&mut self, mean: u64) -> u64 {
        if !matches!(self.0, Source::Seeded(_) | Source::Recording { .. } | Source::Recorded { .. })
        {
            // A choice of few bits, up to four times the mean.
            return high_product(mean.saturating_mul(4), self.0.draw(8));
        }
        let mut whole: u64 = 0;
        loop {
            let first = self.next_u64();
            let (mut last, mut length) = (first, 1_u32);
            loop {
                let next = self.next_u64();
                if next >= last {
                    break;
                }
                last = next;
                length += 1;
            }
            if length % 2 == 1 {
                return mean.saturating_mul(whole).saturating_add(high_product(mean, first));
            }
            whole += 1;
        }
    }
}

impl Entropy for Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// `a * b / 2^64`: scales 64 random bits to a range without a division.
fn high_product(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_seed_never_change() {
        let mut random = Random::new(1);
        let values = [random.next_u64(), random.below(1_000), random.exponential(1_000)];
        assert_eq!(values, GOLDEN, "every recorded seed loses its meaning");
    }

    const GOLDEN: [u64; 3] = [3_371_783_952_010_116_467, 312, 1_299];

    #[test]
    fn streams_differ_by_purpose_and_index() {
        let mut values: Vec<u64> = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)]
            .into_iter()
            .map(|(seed, first, second)| {
                Random::stream(seed, Stream::new(Purpose::Link, first, second)).next_u64()
            })
            .collect();
        values.push(Random::stream(1, Stream::new(Purpose::Entropy, 0, 0)).next_u64());
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 5);
    }

    #[test]
    fn chance_is_about_right_and_exact_at_the_ends() {
        let mut random = Random::new(3);
        let hits = (0..100_000).filter(|_| random.chance(0.3)).count();
        assert!((29_000..31_000).contains(&hits), "{hits}");
        assert!((0..1_000).all(|_| random.chance(1.0) && !random.chance(0.0)));
    }

    #[test]
    fn the_exponential_has_its_mean_and_its_tail() {
        let mut random = Random::new(4);
        let values: Vec<u64> = (0..100_000).map(|_| random.exponential(1_000)).collect();
        let mean = values.iter().sum::<u64>() / values.len() as u64;
        assert!((980..1_020).contains(&mean), "{mean}");
        // e^-3 of the values lie beyond three means.
        let tail = values.iter().filter(|value| **value > 3_000).count();
        assert!((4_700..5_300).contains(&tail), "{tail}");
    }
}
