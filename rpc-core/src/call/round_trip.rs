//! The round-trip time of one path and the time-out that follows from it (RFC 6298).

use core::time::Duration;

/// Estimates the round-trip time from samples.
///
/// Every sample is unambiguous: an answer echoes the number of the copy it answers, and names the
/// time that the server held it. So Karn's rule (RFC 6298, section 3) is kept without throwing the
/// samples of retransmitted calls away.
#[derive(Clone, Debug)]
pub struct RoundTrip {
    smoothed: Option<Duration>,
    variation: Duration,
    initial: Duration,
    minimum: Duration,
    maximum: Duration,
}

impl RoundTrip {
    /// No sample yet: the time-out is `initial`, and it will never leave `minimum..=maximum`.
    pub fn new(initial: Duration, minimum: Duration, maximum: Duration) -> Self {
        Self { smoothed: None, variation: Duration::ZERO, initial, minimum, maximum }
    }

    /// Takes one measured round trip.
    pub fn on_sample(&mut self, sample: Duration) {
        let Some(smoothed) = self.smoothed else {
            // RFC 6298, section 2.2.
            self.smoothed = Some(sample);
            self.variation = sample / 2;
            return;
        };
        // RFC 6298, section 2.3, with its alpha = 1/8 and beta = 1/4.
        let error = smoothed.abs_diff(sample);
        self.variation = self.variation * 3 / 4 + error / 4;
        self.smoothed = Some(smoothed * 7 / 8 + sample / 8);
    }

    /// Forgets the samples: the path is another one.
    pub fn reset(&mut self) {
        self.smoothed = None;
        self.variation = Duration::ZERO;
    }

    /// The smoothed round-trip time, once there is a sample.
    pub fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The retransmission time-out.
    pub fn timeout(&self) -> Duration {
        let timeout = match self.smoothed {
            None => self.initial,
            // RFC 6298, section 2.3: RTO = SRTT + max(G, 4 * RTTVAR). The clock's granularity G is
            // nanoseconds here, and the floor below stands for that of the sleeping system.
            Some(smoothed) => smoothed + self.variation * 4,
        };
        timeout.clamp(self.minimum, self.maximum)
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
