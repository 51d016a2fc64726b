//! Sets of byte offsets, kept as ranges in order.

use core::ops::Range;

/// A set of offsets. Touching ranges are one range, so the set is as small as its number of gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Range<usize>>);

impl Ranges {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many separate ranges there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The first range.
    pub(crate) fn first(&self) -> Option<Range<usize>> {
        self.0.first().cloned()
    }

    /// Where the range that begins at 0 ends.
    pub(crate) fn prefix(&self) -> usize {
        self.0.first().filter(|first| first.start == 0).map_or(0, |first| first.end)
    }

    /// Adds a range.
    pub(crate) fn insert(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        // In order, which is the common case, everything happens at the end.
        if let Some(last) = self.0.last_mut()
            && range.start >= last.start
            && range.start <= last.end
        {
            last.end = last.end.max(range.end);
            return;
        }
        let from = self.0.partition_point(|other| other.end < range.start);
        let to = self.0.partition_point(|other| other.start <= range.end);
        let merged = match self.0.get(from..to) {
            Some([first, ..]) => first.start.min(range.start)..self.0[to - 1].end.max(range.end),
            _ => range,
        };
        self.0.splice(from..to, [merged]);
    }

    /// Takes a range away.
    pub(crate) fn remove(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let from = self.0.partition_point(|other| other.end <= range.start);
        let to = self.0.partition_point(|other| other.start < range.end);
        if from >= to {
            return;
        }
        let (start, end) = (self.0[from].start, self.0[to - 1].end);
        let rest = [start..range.start, range.end..end].into_iter().filter(|rest| !rest.is_empty());
        self.0.splice(from..to, rest);
    }

    /// The parts of `range` that are in the set.
    pub(crate) fn common(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let from = self.0.partition_point(|other| other.end <= range.start);
        self.0[from..]
            .iter()
            .take_while({
                let end = range.end;
                move |other| other.start < end
            })
            .map(move |other| other.start.max(range.start)..other.end.min(range.end))
    }

    /// The parts of `range` that are not in the set.
    pub(crate) fn missing(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut missing = Vec::new();
        let mut at = range.start;
        for common in self.common(range.clone()) {
            if common.start > at {
                missing.push(at..common.start);
            }
            at = common.end;
        }
        if at < range.end {
            missing.push(at..range.end);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every operation against a set of single numbers.
    #[test]
    fn ranges_are_what_a_set_of_numbers_is() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let mut ranges = Ranges::default();
            let mut model = BTreeSet::new();
            for _ in 0..12 {
                let start = random.usize(0..40);
                let range = start..start + random.usize(0..12);
                if random.u8(0..3) > 0 {
                    ranges.insert(range.clone());
                    model.extend(range);
                } else {
                    ranges.remove(range.clone());
                    model.retain(|number| !range.contains(number));
                }
                let numbers: BTreeSet<_> = ranges.0.iter().cloned().flatten().collect();
                assert_eq!(numbers, model);
                assert!(ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start), "{ranges:?}");
                let asked = random.usize(0..30)..random.usize(30..60);
                let common: BTreeSet<_> = ranges.common(asked.clone()).flatten().collect();
                assert_eq!(common, model.iter().copied().filter(|n| asked.contains(n)).collect());
                let missing: BTreeSet<_> =
                    ranges.missing(asked.clone()).into_iter().flatten().collect();
                assert_eq!(missing, asked.filter(|number| !model.contains(number)).collect());
                let prefix = (0..).take_while(|number| model.contains(number)).count();
                assert_eq!(ranges.prefix(), prefix);
            }
        }
    }
}
