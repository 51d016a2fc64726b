//! What is called, and what the right answer is.

use farcall::{Marshal, Reply, rpc_interface};

/// A reply, from which everybody can tell which process made it of which arguments.
#[derive(Clone, Copy, Debug, Marshal, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The call's.
    pub(crate) id: u64,
    /// Which server process ran it: the first, the second ..
    pub(crate) server: u32,
    /// [`digest`] of the above and the call's argument.
    pub(crate) digest: u64,
}

impl Answer {
    pub(crate) fn new(id: u64, server: u32, argument: u64) -> Self {
        Self { id, server, digest: digest(id, server, argument) }
    }

    /// Whether this answers the call `id` with this argument.
    pub(crate) fn fits(&self, id: u64, argument: u64) -> bool {
        *self == Self::new(id, self.server, argument)
    }
}

/// Calls that say in their arguments which they are. Each is written down before it is answered.
#[rpc_interface(name = "farcall.chaos")]
pub(crate) trait Work {
    /// Answers at once.
    fn quick(&self, id: u64, argument: u64) -> Answer;
    /// Keeps a worker for a while.
    fn slow(&self, id: u64, argument: u64, milliseconds: u32) -> Answer;
    /// Answers after a while, without a worker.
    fn later(&self, id: u64, argument: u64, milliseconds: u32, #[reply] to: Reply<Answer>);
    /// Large arguments; what counts is their [`sum`].
    fn put(&self, id: u64, content: &[u8]) -> Answer;
    /// A large result: [`content`] of this argument.
    fn get(&self, id: u64, argument: u64, size: u32) -> (Answer, Vec<u8>);
    /// May run more than once.
    #[rpc(idempotent)]
    fn repeatable(&self, id: u64, argument: u64) -> Answer;
    /// Panics after it was written down.
    fn panics(&self, id: u64, argument: u64) -> Answer;
    /// Nobody waits for it.
    #[rpc(oneway)]
    fn oneway(&self, id: u64, argument: u64);
}

/// The methods, for the ledgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Quick,
    Slow,
    Later,
    Put,
    Get,
    Repeatable,
    Panics,
    Oneway,
}

/// The message of the panics that are meant.
pub(crate) const PANIC: &str = "this handler always panics";

/// Spreads the bits of a number (the finalizer of `splitmix64`).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

fn digest(id: u64, server: u32, argument: u64) -> u64 {
    mix(mix(mix(id) ^ u64::from(server)).wrapping_add(argument))
}

/// `size` bytes that belong to `argument`.
pub(crate) fn content(argument: u64, size: usize) -> Vec<u8> {
    let words = (0..size.div_ceil(8) as u64).map(|at| mix(argument.wrapping_add(at)));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    bytes.truncate(size);
    bytes
}

/// A checksum of large arguments, which depends on the place of each byte.
pub(crate) fn sum(content: &[u8]) -> u64 {
    let (words, rest) = content.as_chunks::<8>();
    let sum = words.iter().fold(content.len() as u64, |sum, word| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29)
    });
    rest.iter().fold(sum, |sum, &byte| mix(sum ^ u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fits_its_own_call_only() {
        let answer = Answer::new(1, 2, 3);
        assert!(answer.fits(1, 3));
        assert!(!answer.fits(2, 3) && !answer.fits(1, 4));
        assert!(!Answer { server: 1, ..answer }.fits(1, 3));
        assert!(!Answer { digest: 0, ..answer }.fits(1, 3));
    }

    #[test]
    fn a_sum_notices_a_change_and_an_exchange() {
        let bytes = content(7, 100);
        assert_eq!(bytes.len(), 100);
        for at in 0..100 {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_ne!(sum(&other), sum(&bytes), "byte {at}");
        }
        let mut other = bytes.clone();
        other.rotate_left(8);
        assert_ne!(sum(&other), sum(&bytes));
        assert_ne!(sum(&bytes[..99]), sum(&bytes));
    }
}
