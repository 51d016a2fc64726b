//! Random bits that are the same in every execution of a model: a checker repeats executions.

use core::cell::Cell;

use crate::entropy::Entropy;

std::thread_local! {
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// Draws from a sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemEntropy;

impl SystemEntropy {
    /// Begins anew.
    pub(super) fn begin() {
        SEED.set(0);
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        SEED.set(SEED.get() + 1);
        fastrand::Rng::with_seed(SEED.get()).fill(bytes);
    }
}
