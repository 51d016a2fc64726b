//! The operating system's random source.

use crate::entropy::Entropy;

/// Draws every bit from the operating system: see [`Entropy`] for why.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        // There is no honest way on: an endpoint with guessable or repeated ids would break the
        // promise of at most once in silence.
        getrandom::fill(bytes).expect("the operating system has a random source");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(SystemEntropy.next_u128(), SystemEntropy.next_u128());
    }
}
