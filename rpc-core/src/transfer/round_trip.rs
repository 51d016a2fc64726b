//! How long a path takes, as RFC 9002, section 5, measures it.

use core::time::Duration;

/// The least difference of times that means anything (RFC 9002, section 6.1.2: `kGranularity`).
const GRANULARITY: Duration = Duration::from_millis(1);

/// Round-trip times as RFC 9002, section 5, wants them.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundTrip {
    pub(super) latest: Duration,
    pub(super) smoothed: Duration,
    pub(super) variation: Duration,
    /// The shortest that was measured.
    pub(super) shortest: Duration,
    pub(super) has_sample: bool,
}

impl RoundTrip {
    /// Nothing was measured.
    pub(super) fn guessed(guess: Duration) -> Self {
        Self {
            latest: guess,
            smoothed: guess,
            variation: guess / 2,
            shortest: Duration::MAX,
            has_sample: false,
        }
    }

    /// A round trip was measured.
    pub(super) fn on_sample(&mut self, sample: Duration) {
        self.latest = sample;
        self.shortest = self.shortest.min(sample);
        if !core::mem::replace(&mut self.has_sample, true) {
            self.smoothed = sample;
            self.variation = sample / 2;
            return;
        }
        let error = self.smoothed.abs_diff(sample);
        self.variation = self.variation * 3 / 4 + error / 4;
        self.smoothed = self.smoothed * 7 / 8 + sample / 8;
    }

    /// How long to wait for news (RFC 9002, section 6.2.1).
    pub(super) fn timeout(&self) -> Duration {
        self.smoothed + (self.variation * 4).max(GRANULARITY) + GRANULARITY
    }

    /// After what time a datagram that was overtaken counts as lost (RFC 9002, section 6.1.2).
    pub(super) fn patience(&self) -> Duration {
        (self.smoothed.max(self.latest) * 9 / 8).max(GRANULARITY)
    }
}
