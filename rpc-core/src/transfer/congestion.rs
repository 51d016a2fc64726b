//! How many bytes may be under way at once: NewReno as in RFC 9002, section 7.

use crate::time::Timestamp;

/// The congestion window of one path in one direction.
///
/// It only counts what belongs to large messages. Requests and replies of one datagram are limited by
/// their number, see the retry budget.
#[derive(Clone, Debug)]
pub(super) struct Congestion {
    window: usize,
    /// Above it the window grows slowly (RFC 9002, section 7.3).
    threshold: usize,
    /// Loss of anything sent before this is part of the congestion that was reacted to already.
    recovery_since: Option<Timestamp>,
    datagram_size: usize,
    /// Window and threshold before the last reaction to a loss.
    before_recovery: (usize, usize),
    /// Bytes acknowledged since the window last grew by a datagram, in congestion avoidance.
    acknowledged: usize,
}

impl Congestion {
    /// The initial window (RFC 9002, section 7.2) for datagrams of this size.
    pub(super) fn new(datagram_size: usize) -> Self {
        Self {
            window: initial_window(datagram_size),
            threshold: usize::MAX,
            recovery_since: None,
            datagram_size,
            before_recovery: (0, 0),
            acknowledged: 0,
        }
    }

    /// How many bytes may be under way.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// Whether the window still grows by what is acknowledged, since nothing was lost so far.
    pub(super) fn is_in_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// Datagrams have another size from now on.
    pub(super) fn set_datagram_size(&mut self, datagram_size: usize) {
        self.datagram_size = datagram_size;
        let least = if self.threshold == usize::MAX {
            initial_window(datagram_size)
        } else {
            minimum_window(datagram_size)
        };
        self.window = self.window.max(least);
    }

    /// A datagram of `bytes` that was sent at `sent_at` has arrived. `was_full` says that the window
    /// kept the sender from sending more: a window that is not used is no reason for a larger one
    /// (RFC 9002, section 7.8).
    pub(super) fn on_acknowledged(&mut self, bytes: usize, sent_at: Timestamp, was_full: bool) {
        if !was_full || self.recovery_since.is_some_and(|since| sent_at <= since) {
            return;
        }
        if self.is_in_slow_start() {
            self.window = self.window.saturating_add(bytes);
            return;
        }
        // RFC 9002, section 7.3.3: one datagram more for each window that is acknowledged.
        self.acknowledged += bytes;
        if self.acknowledged >= self.window {
            self.acknowledged -= self.window;
            self.window = self.window.saturating_add(self.datagram_size);
        }
    }

    /// A datagram that was sent at `sent_at` was lost.
    pub(super) fn on_lost(&mut self, now: Timestamp, sent_at: Timestamp) {
        if self.recovery_since.is_some_and(|since| sent_at <= since) {
            return;
        }
        self.recovery_since = Some(now);
        self.before_recovery = (self.window, self.threshold);
        self.window = (self.window / 2).max(minimum_window(self.datagram_size));
        self.threshold = self.window;
        self.acknowledged = 0;
    }

    /// What counted as lost at `lost_at` has arrived: if that was the reason for the present recovery, there
    /// was none (as in RFC 4015, which does this for TCP).
    pub(super) fn on_spurious_loss(&mut self, lost_at: Timestamp) {
        if self.recovery_since == Some(lost_at) {
            let (window, threshold) = self.before_recovery;
            self.window = self.window.max(window);
            self.threshold = self.threshold.max(threshold);
            self.recovery_since = None;
        }
    }

    /// Everything was lost for a long time (RFC 9002, section 7.6).
    pub(super) fn on_persistent_congestion(&mut self) {
        self.window = minimum_window(self.datagram_size);
        self.recovery_since = None;
        self.acknowledged = 0;
    }
}

/// RFC 9002, section 7.2: ten datagrams, but no more than 14,720 bytes or two datagrams.
fn initial_window(datagram_size: usize) -> usize {
    (10 * datagram_size).min((2 * datagram_size).max(14_720))
}

/// RFC 9002, section 7.2: two datagrams.
fn minimum_window(datagram_size: usize) -> usize {
    2 * datagram_size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn the_first_window_is_that_of_the_standard() {
        assert_eq!(Congestion::new(1_200).window(), 12_000);
        assert_eq!(Congestion::new(1_472).window(), 14_720);
        assert_eq!(Congestion::new(9_000).window(), 18_000);
        assert_eq!(Congestion::new(65_507).window(), 131_014);
    }

    #[test]
    fn it_doubles_each_round_trip_until_something_is_lost() {
        let mut congestion = Congestion::new(1_200);
        for round in 1..=5 {
            let window = congestion.window();
            for _ in 0..window / 1_200 {
                congestion.on_acknowledged(1_200, at(round), true);
            }
            assert_eq!(congestion.window(), 2 * window);
        }
        let window = congestion.window();
        congestion.on_lost(at(10), at(9));
        assert_eq!(congestion.window(), window / 2);
        // The rest of the same flight says nothing new, and what arrives of it is no growth.
        congestion.on_lost(at(11), at(8));
        congestion.on_acknowledged(100_000, at(10), true);
        assert_eq!(congestion.window(), window / 2);
        assert!(!congestion.is_in_slow_start());
        // Afterwards one datagram more for each window.
        for _ in 0..window / 2 / 1_200 {
            congestion.on_acknowledged(1_200, at(12), true);
        }
        assert_eq!(congestion.window(), window / 2 + 1_200);
        congestion.on_lost(at(20), at(15));
        assert_eq!(congestion.window(), (window / 2 + 1_200) / 2);
    }

    #[test]
    fn it_never_falls_below_two_datagrams_and_begins_anew_after_a_long_silence() {
        let mut congestion = Congestion::new(1_200);
        for time in 1..20 {
            congestion.on_lost(at(2 * time), at(2 * time - 1));
        }
        assert_eq!(congestion.window(), 2_400);
        congestion.set_datagram_size(60_000);
        assert_eq!(congestion.window(), 120_000);
        congestion.on_persistent_congestion();
        assert_eq!(congestion.window(), 120_000);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut congestion = Congestion::new(1_200);
        congestion.on_acknowledged(1_200, at(1), false);
        assert_eq!(congestion.window(), 12_000);
    }

    #[test]
    fn larger_datagrams_begin_with_their_own_window_unless_something_was_lost() {
        let mut congestion = Congestion::new(1_200);
        congestion.set_datagram_size(65_507);
        assert_eq!(congestion.window(), 131_014);
    }
}
