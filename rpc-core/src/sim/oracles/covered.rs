//! Which bytes of a message were seen.

use core::ops::Range;
use std::collections::BTreeMap;

/// A set of bytes by their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Covered(BTreeMap<usize, usize>);

impl Covered {
    /// Adds bytes. True if some of them were there and some were not.
    pub(super) fn add(&mut self, range: Range<usize>) -> bool {
        let (mut start, mut end) = (range.start, range.end);
        let mut known = 0;
        while let Some((&first, &last)) = self.0.range(..=end).next_back() {
            if last < start {
                break;
            }
            known += last.min(range.end).saturating_sub(first.max(range.start));
            (start, end) = (start.min(first), end.max(last));
            self.0.remove(&first);
        }
        self.0.insert(start, end);
        known > 0 && known < range.len()
    }

    /// How many bytes there are.
    pub(super) fn total(&self) -> usize {
        self.0.iter().map(|(start, end)| end - start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_once() {
        let mut covered = Covered::default();
        assert!(!covered.add(0..10));
        assert!(!covered.add(20..30));
        assert_eq!(covered.total(), 20);
        assert!(!covered.add(5..8), "all of them are known");
        assert!(covered.add(5..25));
        assert_eq!(covered.total(), 30);
        assert!(!covered.add(30..40), "it only touches");
        assert!(!covered.add(100..101));
        assert!(covered.add(0..200));
        assert_eq!((covered.total(), covered.0.len()), (200, 1));
    }
}
