//! Spreading datagrams over the round trip (RFC 9002, section 7.7).

use core::time::Duration;

use crate::time::Timestamp;

/// A bucket of bytes that may be sent at once, filled a little faster than the window allows.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    tokens: f64,
    at: Timestamp,
}

/// A burst is what the window allows in this time, if that is more than ten datagrams.
const BURST: Duration = Duration::from_millis(2);

impl Pacer {
    /// A full bucket.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { tokens: f64::MAX, at: now }
    }

    /// Fills the bucket for the time that has passed. When `bytes` may be sent: `None` for now.
    pub(super) fn wait(
        &mut self,
        now: Timestamp,
        bytes: usize,
        window: usize,
        round_trip: Duration,
        datagram_size: usize,
    ) -> Option<Timestamp> {
        let round_trip = round_trip.max(Duration::from_micros(1)).as_secs_f64();
        // RFC 9002, section 7.7, with its N = 1.25.
        let rate = 1.25 * window as f64 / round_trip;
        let capacity = (rate * BURST.as_secs_f64()).max(10.0 * datagram_size as f64);
        let passed = now.since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * rate).min(capacity);
        let lacking = (bytes as f64).min(capacity) - self.tokens;
        // Rounded up, or it would not be enough by then.
        let wait = Duration::from_secs_f64(lacking.max(0.0) / rate) + Duration::from_nanos(1);
        (lacking > 0.0).then(|| now + wait)
    }

    /// This many bytes were sent.
    pub(super) fn take(&mut self, bytes: usize) {
        self.tokens = (self.tokens - bytes as f64).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_takes_a_little_less_than_a_round_trip() {
        let (window, round_trip, size) = (120_000, Duration::from_millis(100), 1_200);
        let mut pacer = Pacer::new(Timestamp::ZERO);
        let mut now = Timestamp::ZERO;
        let mut first = 0;
        for sent in 0.. {
            if sent * size >= 10 * window {
                break;
            }
            if let Some(at) = pacer.wait(now, size, window, round_trip, size) {
                assert!(at > now);
                now = at;
                assert_eq!(pacer.wait(now, size, window, round_trip, size), None, "it is time");
            } else if now == Timestamp::ZERO {
                first += 1;
            }
            pacer.take(size);
        }
        assert_eq!(first, 10, "a burst of ten datagrams");
        let taken = now.since(Timestamp::ZERO);
        let expected = Duration::from_millis(800);
        assert!(taken.abs_diff(expected) < Duration::from_millis(20), "{taken:?}");
    }

    #[test]
    fn one_that_is_larger_than_the_bucket_waits_for_a_full_one() {
        let mut pacer = Pacer::new(Timestamp::ZERO);
        let wait = |pacer: &mut Pacer, now| {
            pacer.wait(now, 1 << 30, 12_000, Duration::from_millis(1), 1_200)
        };
        assert_eq!(wait(&mut pacer, Timestamp::ZERO), None);
        pacer.take(1 << 30);
        let at = wait(&mut pacer, Timestamp::ZERO).unwrap();
        assert!(at.since(Timestamp::ZERO) < Duration::from_millis(3));
        assert_eq!(wait(&mut pacer, at + Duration::from_nanos(10)), None);
    }
}
