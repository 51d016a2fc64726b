//! What is to happen to calls, and when.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use super::call::CallKey;
use crate::endpoint::is_mostly_gone;
use crate::time::Timestamp;

/// Calls in the order of a time of theirs.
///
/// A call that needs its entry no more leaves it behind; it is removed when its time has come or when
/// most entries are of that kind. Calls nearly always come with times that grow, so that an entry is
/// added in constant time.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: BinaryHeap<Reverse<(Timestamp, CallKey)>>,
}

impl Agenda {
    /// Adds an entry. When more than about twice as many as `live` are there, those go for which
    /// `is_live` is false.
    pub(super) fn add(
        &mut self,
        at: Timestamp,
        key: CallKey,
        live: usize,
        is_live: impl Fn(CallKey) -> bool,
    ) {
        if is_mostly_gone(self.entries.len(), live) {
            self.entries.retain(|&Reverse((_, key))| is_live(key));
        }
        self.entries.push(Reverse((at, key)));
    }

    /// Takes the first entry if its time has come.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<CallKey> {
        let &Reverse((at, key)) = self.entries.peek()?;
        (at <= now).then(|| {
            self.entries.pop();
            key
        })
    }

    /// When the first entry is due, [`Timestamp::NEVER`] if there is none.
    pub(super) fn next(&self) -> Timestamp {
        self.entries.peek().map_or(Timestamp::NEVER, |&Reverse((at, _))| at)
    }

    /// Drops what comes first for as long as `is_live` is false for it.
    pub(super) fn skip(&mut self, is_live: impl Fn(CallKey) -> bool) {
        while self.entries.peek().is_some_and(|&Reverse((_, key))| !is_live(key)) {
            self.entries.pop();
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    fn key(index: u32) -> CallKey {
        CallKey { index, generation: 1 }
    }

    fn at(nanos: u32) -> Timestamp {
        Timestamp::from_nanos(nanos.into())
    }

    #[test]
    fn entries_come_in_the_order_of_their_times() {
        let mut agenda = Agenda::default();
        for index in [3, 1, 2, 5, 4] {
            agenda.add(at(index), key(index), 5, |_| true);
        }
        assert_eq!(agenda.next(), at(1));
        assert_eq!(agenda.pop_due(at(0)), None);
        let due: Vec<_> = core::iter::from_fn(|| agenda.pop_due(at(3))).collect();
        assert_eq!(due, [key(1), key(2), key(3)]);
        assert_eq!((agenda.next(), agenda.len()), (at(4), 2));
        agenda.skip(|other| other == key(5));
        assert_eq!((agenda.next(), agenda.len()), (at(5), 1));
        agenda.clear();
        assert_eq!(agenda.next(), Timestamp::NEVER);
    }

    #[test]
    fn what_is_left_behind_is_bounded_and_cheap_to_remove() {
        let (mut agenda, looks) = (Agenda::default(), Cell::new(0));
        for index in 0..100_000 {
            // Only the last ten are of use.
            agenda.add(at(index), key(index), 10, |key| {
                looks.set(looks.get() + 1);
                key.index + 10 > index
            });
            assert!(agenda.len() <= 2 * 10 + 64 + 1);
        }
        assert!(looks.get() <= 2 * 100_000, "{looks:?}");
    }
}
