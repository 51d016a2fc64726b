//! The seeded generator, and how one seed becomes many independent streams.

use core::hash::Hasher;

use rand_pcg::Pcg64Dxsm;
use rand_pcg::rand_core::{Rng, SeedableRng};
use siphasher::sip::SipHasher13;

use crate::entropy::Entropy;

/// A seeded generator. The same seed gives the same values on every platform and with every build.
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
pub struct Random(Pcg64Dxsm);

/// What a stream is used for. Streams of different purposes are independent of each other, so that a
/// change of one part of a scenario leaves the luck of the other parts alone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Link = 1,
    Entropy = 2,
    Service = 3,
    Scenario = 4,
    World = 5,
}

impl Random {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self::stream(seed, Purpose::World, 0, 0)
    }

    /// The stream of `seed` for this purpose and these two indices.
    pub(super) fn stream(seed: u64, purpose: Purpose, first: u64, second: u64) -> Self {
        // The generator's own seeding drops a bit and mixes little; a hash makes any two streams
        // independent.
        let mut bytes = [0; 32];
        for (place, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            let mut hash = SipHasher13::new_with_keys(seed, place as u64);
            for word in [purpose as u64, first, second] {
                hash.write(&word.to_le_bytes());
            }
            chunk.copy_from_slice(&hash.finish().to_le_bytes());
        }
        Self(Pcg64Dxsm::from_seed(bytes))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A value from zero to `bound` exclusive; zero if `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        high_product(bound, self.next_u64())
    }

    /// True with this probability. Below zero is never, above one is always.
    pub fn chance(&mut self, probability: f64) -> bool {
        // A disabled fault draws nothing, so that it costs nothing.
        if probability <= 0.0 {
            return false;
        }
        const RANGE: f64 = (1_u64 << 53) as f64;
        ((self.next_u64() >> 11) as f64) < probability * RANGE
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
        self.0.fill_bytes(bytes);
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
                Random::stream(seed, Purpose::Link, first, second).next_u64()
            })
            .collect();
        values.push(Random::stream(1, Purpose::Entropy, 0, 0).next_u64());
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
