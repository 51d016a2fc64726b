//! How long the handlers of each method usually run.

use core::time::Duration;
use std::collections::BTreeMap;

/// Smoothed run times in nanoseconds, by service and method id.
#[derive(Debug, Default)]
pub(super) struct Runtimes(BTreeMap<(usize, u32), u64>);

/// The weight of a new sample is one part in this many, as for round-trip times (RFC 6298).
const SMOOTHING: u64 = 8;

impl Runtimes {
    /// Takes in how long a handler has run.
    pub(super) fn record(&mut self, method: (usize, u32), sample: Duration) {
        let sample = u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX);
        match self.0.get_mut(&method) {
            Some(smoothed) => *smoothed = *smoothed - *smoothed / SMOOTHING + sample / SMOOTHING,
            None => drop(self.0.insert(method, sample)),
        }
    }

    /// How long the method usually runs; `None` if it never did.
    pub(super) fn usual(&self, method: (usize, u32)) -> Option<Duration> {
        self.0.get(&method).copied().map(Duration::from_nanos)
    }

    /// Whether the method is known to take no longer than this.
    pub(super) fn is_short(&self, method: (usize, u32), threshold: Duration) -> bool {
        self.usual(method).is_some_and(|usual| usual <= threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: (usize, u32) = (0, 7);

    #[test]
    fn the_first_sample_counts_in_full_and_later_ones_little() {
        let mut runtimes = Runtimes::default();
        assert_eq!(runtimes.usual(METHOD), None);
        runtimes.record(METHOD, Duration::from_micros(800));
        assert_eq!(runtimes.usual(METHOD), Some(Duration::from_micros(800)));
        runtimes.record(METHOD, Duration::ZERO);
        assert_eq!(runtimes.usual(METHOD), Some(Duration::from_micros(700)));
        assert_eq!(runtimes.usual((1, 7)), None);
    }
}
