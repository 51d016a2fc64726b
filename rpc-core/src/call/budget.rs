//! How many retransmissions a client may send: the brake that keeps repetition from feeding the
//! overload it answers.

use core::time::Duration;

use crate::time::Timestamp;

const ONE: u64 = 1_000_000;

/// A bucket of retransmissions. New calls pay some in, time pays some in, a retransmission takes one.
///
/// It stands for one server. Handshake, fences and the one probe of a silent server do not pay:
/// an empty bucket must never make a live server unreachable.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    tokens: u64,
    capacity: u64,
    per_call: u64,
    per_second: u64,
    filled_at: Timestamp,
}

impl RetryBudget {
    /// A full bucket.
    pub fn new(per_call: f32, per_second: u32, now: Timestamp) -> Self {
        let per_second = u64::from(per_second) * ONE;
        // Ten seconds' worth, and never less than what a full window of lanes needs at once.
        let capacity = (per_second * 10).max(128 * ONE);
        let per_call = (f64::from(per_call) * ONE as f64) as u64;
        Self { tokens: capacity, capacity, per_call, per_second, filled_at: now }
    }

    /// A new call was sent.
    pub fn on_call(&mut self) {
        self.tokens = (self.tokens + self.per_call).min(self.capacity);
    }

    /// Takes one retransmission.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        let elapsed = u64::try_from(now.since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        let earned = self.per_second.saturating_mul(elapsed) / 1_000_000;
        if earned > 0 {
            self.tokens = self.tokens.saturating_add(earned).min(self.capacity);
            self.filled_at = now;
        }
        match self.tokens.checked_sub(ONE) {
            Some(rest) => {
                self.tokens = rest;
                Ok(())
            }
            None => {
                let missing = ONE - self.tokens;
                Err(Duration::from_micros((missing * 1_000_000).div_ceil(self.per_second)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_calls_pay_for_retransmissions() {
        let mut now = Timestamp::ZERO;
        let mut budget = RetryBudget::new(0.5, 10, now);
        let mut taken = 0;
        while budget.take(now).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 128);
        assert_eq!(budget.take(now), Err(Duration::from_millis(100)));
        now = now + Duration::from_millis(100);
        assert_eq!(budget.take(now), Ok(()));
        assert!(budget.take(now).is_err());
        budget.on_call();
        budget.on_call();
        assert_eq!(budget.take(now), Ok(()));
        assert!(budget.take(now).is_err());
    }

    #[test]
    fn a_clock_that_jumps_does_no_harm() {
        let mut budget = RetryBudget::new(1.0, 10, Timestamp::from_nanos(u64::MAX / 2));
        assert_eq!(budget.take(Timestamp::ZERO), Ok(()));
        assert_eq!(budget.take(Timestamp::NEVER), Ok(()));
    }
}
