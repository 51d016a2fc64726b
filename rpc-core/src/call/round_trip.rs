//! The round-trip time of one path and the time-out that follows from it (RFC 6298).

use core::time::Duration;

use crate::time::nanoseconds;

/// Estimates the round-trip time from samples.
///
/// Every sample is unambiguous: an answer echoes the number of the copy it answers, and names the
/// time that the server held it. So Karn's rule (RFC 6298, section 3) is kept without throwing the
/// samples of retransmitted calls away.
///
/// It counts in whole nanoseconds: it is asked for every datagram, and a [`Duration`] is slow to calculate with.
#[derive(Clone, Debug)]
pub struct RoundTrip {
    /// Zero: there is no sample yet.
    smoothed: u64,
    variation: u64,
    /// What follows from the samples.
    timeout: u64,
    initial: u64,
    minimum: u64,
    maximum: u64,
}

impl RoundTrip {
    /// No sample yet: the time-out is `initial`, and it will never leave `minimum..=maximum`.
    pub fn new(initial: Duration, minimum: Duration, maximum: Duration) -> Self {
        let [initial, minimum, maximum] = [initial, minimum, maximum].map(nanoseconds);
        let mut path = Self { smoothed: 0, variation: 0, timeout: 0, initial, minimum, maximum };
        path.reset();
        path
    }

    /// Takes one measured round trip.
    pub fn on_sample(&mut self, sample: Duration) {
        let sample = nanoseconds(sample).max(1);
        if self.smoothed == 0 {
            // RFC 6298, section 2.2.
            self.smoothed = sample;
            self.variation = sample / 2;
        } else {
            // RFC 6298, section 2.3, with its alpha = 1/8 and beta = 1/4.
            let error = self.smoothed.abs_diff(sample);
            self.variation = self.variation - self.variation / 4 + error / 4;
            self.smoothed = self.smoothed - self.smoothed / 8 + sample / 8;
        }
        // RFC 6298, section 2.3: RTO = SRTT + max(G, 4 * RTTVAR). The clock's granularity G is nanoseconds
        // here, and the floor stands for that of the sleeping system.
        let timeout = self.smoothed.saturating_add(self.variation.saturating_mul(4));
        self.timeout = timeout.clamp(self.minimum, self.maximum);
    }

    /// Forgets the samples: the path is another one.
    pub fn reset(&mut self) {
        (self.smoothed, self.variation) = (0, 0);
        self.timeout = self.initial.clamp(self.minimum, self.maximum);
    }

    /// The smoothed round-trip time, once there is a sample.
    pub fn smoothed(&self) -> Option<Duration> {
        (self.smoothed > 0).then(|| Duration::from_nanos(self.smoothed))
    }

    /// The retransmission time-out.
    pub fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout)
    }
}

/// The wait after copy number `attempt` (from 1) of something whose first wait is `timeout`.
///
/// The first repetition waits no longer than the original: a single loss is the common case, and
/// Linux does the same for connection requests (`tcp_syn_linear_timeouts`). From then on the wait
/// doubles (RFC 6298, section 5.5) up to `maximum`.
pub fn backed_off(timeout: Duration, attempt: u16, maximum: Duration) -> Duration {
    let doublings = u32::from(attempt.saturating_sub(2)).min(16);
    timeout.saturating_mul(1 << doublings).min(maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_estimate_follows_the_standard() {
        let mut path = RoundTrip::new(MS(200), MS(1), MS(10_000));
        assert_eq!(path.timeout(), MS(200));
        path.on_sample(MS(100));
        assert_eq!(path.smoothed(), Some(MS(100)));
        assert_eq!(path.timeout(), MS(300)); // 100 + 4 * 50
        path.on_sample(MS(180));
        assert_eq!(path.smoothed(), Some(MS(110))); // 7/8 * 100 + 1/8 * 180
        assert_eq!(path.timeout(), Duration::from_micros(340_000)); // 110 + 4 * (37.5 + 20)
    }

    #[test]
    fn the_time_out_stays_within_its_bounds() {
        let mut path = RoundTrip::new(MS(200), MS(1), MS(500));
        for _ in 0..100 {
            path.on_sample(Duration::from_micros(30));
        }
        assert_eq!(path.timeout(), MS(1));
        path.on_sample(MS(60_000));
        assert_eq!(path.timeout(), MS(500));
        path.reset();
        assert_eq!(path.timeout(), MS(200));
    }

    #[test]
    fn the_back_off_is_linear_once_and_doubles_from_then_on() {
        let waits: Vec<_> = (1..=6).map(|n| backed_off(MS(2), n, MS(20)).as_millis()).collect();
        assert_eq!(waits, [2, 2, 4, 8, 16, 20]);
        assert_eq!(backed_off(MS(2), u16::MAX, Duration::MAX), MS(2 << 16));
    }
}
