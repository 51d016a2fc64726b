//! Where an endpoint gets its unpredictable bits from.
//!
//! Session ids, nonces and cookie keys must be unpredictable and never repeat, so a real endpoint
//! draws each of them from the operating system. Only the simulator may supply a seeded source: two
//! servers with one seed would issue the same session ids, and stale requests would then run.

/// A source of random bits.
pub trait Entropy: Send {
    /// Fills `bytes` with random bits.
    fn fill(&mut self, bytes: &mut [u8]);

    /// 64 random bits.
    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// 128 random bits.
    fn next_u128(&mut self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }
}
