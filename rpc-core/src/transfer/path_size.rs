//! Finding out how large datagrams a path carries (RFC 8899).

use core::time::Duration;

use crate::time::Timestamp;

/// What every path is expected to carry (RFC 8899, section 5.1.2).
const BASE: usize = 1200;

/// What is tried, the largest first. On the paths where that is wrong the system nearly always says so
/// at once, since its own device is what is too small. Over Ethernet: 9,000 and 1,500 bytes with
/// IPv4 and UDP headers, then with IPv6, then with a tunnel.
const CANDIDATES: [usize; 8] = [65_507, 32_768, 16_384, 8_972, 4_096, 1_472, 1_452, 1_392];

/// How often a size is tried before it counts as too large (RFC 8899, section 5.1.2: `MAX_PROBES`).
const TRIES: u8 = 3;

/// When to look again whether the path carries more (RFC 8899, section 5.1.1: `PMTU_RAISE_TIMER`).
const RAISE_AFTER: Duration = Duration::from_secs(600);

/// So many large datagrams lost in a row, and none that arrived, are a black hole
/// (RFC 8899, section 4.3).
const BLACK_HOLE: u8 = 8;

/// The size of datagrams that one path carries.
#[derive(Clone, Debug)]
pub(super) struct PathSize {
    current: usize,
    /// No larger one is ever sent.
    maximum: usize,
    /// The first candidate that was not tried yet.
    next: usize,
    tries: u8,
    is_probing: bool,
    raise_at: Timestamp,
    lost_in_a_row: u8,
}

impl PathSize {
    /// A path of which nothing is known. No datagram will be larger than `maximum`.
    pub(super) fn new(maximum: usize) -> Self {
        Self {
            current: BASE.min(maximum),
            maximum,
            next: first_below(maximum + 1),
            tries: 0,
            is_probing: false,
            raise_at: Timestamp::NEVER,
            lost_in_a_row: 0,
        }
    }

    /// The largest datagram that is known to arrive.
    pub(super) fn current(&self) -> usize {
        self.current
    }

    /// The size of the probe that should be sent now, if any. From here on it is under way.
    pub(super) fn next_probe(&mut self, now: Timestamp) -> Option<usize> {
        if self.is_probing {
            return None;
        }
        if now >= self.raise_at {
            self.raise_at = Timestamp::NEVER;
            self.next = first_below(self.maximum + 1);
            self.tries = 0;
        }
        let size = *CANDIDATES.get(self.next).filter(|&&size| size > self.current)?;
        self.is_probing = true;
        Some(size)
    }

    /// A datagram of this size has arrived.
    pub(super) fn on_arrived(&mut self, now: Timestamp, size: usize, is_probe: bool) {
        if size > BASE {
            self.lost_in_a_row = 0;
        }
        if is_probe {
            self.is_probing = false;
            if size > self.current {
                self.current = size;
                self.finish(now);
            }
        }
    }

    /// A datagram of this size was lost. True if the path does not carry that size any more, so that
    /// what is under way in large datagrams should be sent again in smaller ones.
    pub(super) fn on_lost(&mut self, now: Timestamp, size: usize, is_probe: bool) -> bool {
        if is_probe {
            // One that the system refused, or that was sent before a black hole, was answered for.
            if self.is_probing && CANDIDATES.get(self.next) == Some(&size) {
                self.is_probing = false;
                self.tries += 1;
                if self.tries >= TRIES {
                    self.skip(now);
                }
            }
            return false;
        }
        if size <= BASE || self.current <= BASE {
            return false;
        }
        self.lost_in_a_row += 1;
        if self.lost_in_a_row < BLACK_HOLE {
            return false;
        }
        self.fall_back(self.current + 1);
        true
    }

    /// After time-outs, datagrams that every path carries have arrived, and larger ones that were sent
    /// before have not. True as for [`on_lost`](Self::on_lost).
    pub(super) fn on_only_small_ones(&mut self) -> bool {
        let is_large = self.current > BASE;
        if is_large {
            self.fall_back(self.current + 1);
        }
        is_large
    }

    /// The size that every path carries.
    pub(super) fn safe(&self) -> usize {
        BASE.min(self.maximum)
    }

    /// Nothing will be heard of the probe that may be under way.
    pub(super) fn on_forgotten(&mut self) {
        self.is_probing = false;
    }

    /// The system does not send datagrams of this size: a hint about the path, and about nothing else.
    /// True as for [`on_lost`](Self::on_lost).
    pub(super) fn on_refused(&mut self, now: Timestamp, size: usize) -> bool {
        if self.is_probing && CANDIDATES.get(self.next) == Some(&size) {
            self.is_probing = false;
            self.skip(now);
            return false;
        }
        if size > self.current || self.current <= BASE {
            return false;
        }
        self.fall_back(self.current);
        true
    }

    /// Goes back to what every path carries, and looks for something larger below `limit`: below what
    /// the system refuses, but not below what was lost. That may have been chance, and each size is tried
    /// often enough to find out.
    fn fall_back(&mut self, limit: usize) {
        self.next = first_below(limit);
        self.current = BASE.min(self.maximum);
        self.tries = 0;
        self.is_probing = false;
        self.lost_in_a_row = 0;
        self.raise_at = Timestamp::NEVER;
    }

    fn skip(&mut self, now: Timestamp) {
        self.next += 1;
        self.tries = 0;
        if CANDIDATES.get(self.next).is_none_or(|&size| size <= self.current) {
            self.finish(now);
        }
    }

    fn finish(&mut self, now: Timestamp) {
        self.next = CANDIDATES.len();
        self.tries = 0;
        let largest = CANDIDATES.iter().find(|&&size| size <= self.maximum);
        if largest.is_some_and(|&largest| largest > self.current) {
            self.raise_at = now + RAISE_AFTER;
        }
    }
}

/// The first candidate that is smaller than `size`.
fn first_below(size: usize) -> usize {
    CANDIDATES.iter().position(|&candidate| candidate < size).unwrap_or(CANDIDATES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::ZERO;

    /// Probes until nothing is left to try, over a path that carries `limit` bytes. How many were sent.
    fn search(path: &mut PathSize, now: Timestamp, limit: usize) -> usize {
        for probes in 0.. {
            let Some(size) = path.next_probe(now) else { return probes };
            assert_eq!(path.next_probe(now), None, "one at a time");
            if size <= limit {
                path.on_arrived(now, size, true);
            } else {
                assert!(!path.on_lost(now, size, true));
            }
        }
        unreachable!()
    }

    #[test]
    fn the_largest_size_that_arrives_is_found() {
        for (limit, found, probes) in
            [(65_535, 65_507, 1), (9_000, 8_972, 10), (1_500, 1_472, 16), (1_300, 1_200, 24)]
        {
            let mut path = PathSize::new(65_507);
            assert_eq!(path.current(), 1_200);
            assert_eq!(search(&mut path, NOW, limit), probes);
            assert_eq!(path.current(), found);
        }
        let mut path = PathSize::new(2_000);
        assert_eq!(search(&mut path, NOW, 65_535), 1);
        assert_eq!(path.current(), 1_472);
    }

    #[test]
    fn what_the_system_refuses_is_skipped_at_once() {
        let mut path = PathSize::new(65_507);
        for expected in [65_507, 32_768, 16_384, 8_972, 4_096] {
            assert_eq!(path.next_probe(NOW), Some(expected));
            assert!(!path.on_refused(NOW, expected));
        }
        assert_eq!(path.next_probe(NOW), Some(1_472));
        path.on_arrived(NOW, 1_472, true);
        assert_eq!((path.current(), path.next_probe(NOW)), (1_472, None));
    }

    #[test]
    fn what_was_refused_is_not_lost_as_well() {
        let mut path = PathSize::new(65_507);
        let refused = [65_507, 32_768, 16_384, 8_972, 4_096];
        for size in refused {
            assert_eq!(path.next_probe(NOW), Some(size));
            assert!(!path.on_refused(NOW, size));
        }
        assert_eq!(path.next_probe(NOW), Some(1_472));
        for size in refused {
            assert!(!path.on_lost(NOW, size, true));
            assert_eq!(path.next_probe(NOW), None, "one is under way");
        }
        assert!(!path.on_lost(NOW, 1_472, true));
        assert_eq!(path.next_probe(NOW), Some(1_472), "it is tried often enough to find out");
    }

    #[test]
    fn a_path_that_shrinks_is_noticed_in_three_ways() {
        let large = || {
            let mut path = PathSize::new(65_507);
            search(&mut path, NOW, 65_535);
            path
        };
        let mut path = large();
        assert!(!(1..8).any(|_| path.on_lost(NOW, 60_000, false)));
        path.on_arrived(NOW, 60_000, false);
        assert!(!(1..8).any(|_| path.on_lost(NOW, 60_000, false)), "one of them arrived");
        assert!(path.on_lost(NOW, 60_000, false));
        assert_eq!(path.current(), 1_200);
        assert_eq!(search(&mut path, NOW, 1_500), 16, "it may have been chance");
        assert_eq!(path.current(), 1_472);

        let mut path = large();
        assert!(path.on_only_small_ones());
        assert_eq!(path.current(), 1_200);
        assert!(!path.on_only_small_ones(), "there is nothing smaller");
        assert_eq!((search(&mut path, NOW, 65_535), path.current()), (1, 65_507));

        let mut path = large();
        assert!(path.on_refused(NOW, 65_507));
        assert_eq!(path.current(), 1_200);
        assert_eq!(
            path.clone().next_probe(NOW),
            Some(32_768),
            "what is refused is not tried again"
        );
        assert!(!path.on_refused(NOW, 1_200), "there is nothing smaller");
    }

    #[test]
    fn after_ten_minutes_it_looks_for_more() {
        let mut path = PathSize::new(65_507);
        search(&mut path, NOW, 1_500);
        assert_eq!(path.next_probe(NOW + Duration::from_secs(599)), None);
        assert_eq!(search(&mut path, NOW + Duration::from_secs(600), 65_535), 1);
        assert_eq!(path.current(), 65_507);
        assert_eq!(path.next_probe(NOW + Duration::from_secs(6000)), None, "there is no more");
    }

    #[test]
    fn small_datagrams_say_nothing_about_large_ones() {
        let mut path = PathSize::new(65_507);
        search(&mut path, NOW, 65_535);
        for _ in 0..100 {
            assert!(!path.on_lost(NOW, 1_200, false));
        }
        assert_eq!(path.current(), 65_507);
    }
}
