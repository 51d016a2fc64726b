//! What will happen, in the order in which it will.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Timestamp;

/// Future events in virtual time.
///
/// Events of one instant come in the order of their [`Class`], and within a class in the order in
/// which they were added: never in an order that depends on anything but the run itself.
pub(super) struct Agenda<T> {
    /// The events themselves stay where they are, so that the heap moves small keys only.
    slots: Vec<Option<T>>,
    free: Vec<usize>,
    heap: BinaryHeap<Reverse<(Timestamp, Class, u64, usize)>>,
    added: u64,
}

/// Which events of one instant come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Datagrams, so that an answer that is there is never mistaken for silence.
    Arrival,
    /// The ends of handlers, and what the scenario planned.
    Action,
    /// The timers of endpoints.
    Timer,
}

impl<T> Agenda<T> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), heap: BinaryHeap::new(), added: 0 }
    }

    /// Adds an event.
    pub(super) fn add(&mut self, at: Timestamp, class: Class, event: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(event);
                slot
            }
            None => {
                self.slots.push(Some(event));
                self.slots.len() - 1
            }
        };
        self.heap.push(Reverse((at, class, self.added, slot)));
        self.added += 1;
    }

    /// When the next event happens.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next event, without taking it.
    pub(super) fn peek(&self) -> Option<(Timestamp, &T)> {
        let Reverse((at, _, _, slot)) = self.heap.peek()?;
        Some((*at, self.slots[*slot].as_ref().expect("every key of the heap has its event")))
    }

    /// Takes the next event.
    pub(super) fn take(&mut self) -> Option<(Timestamp, T)> {
        let Reverse((at, _, _, slot)) = self.heap.pop()?;
        let event = self.slots[slot].take().expect("every key of the heap has its event");
        self.free.push(slot);
        Some((at, event))
    }

    /// How many events are to come.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_class_then_order_of_addition() {
        let mut agenda = Agenda::new();
        let at = Timestamp::from_nanos;
        agenda.add(at(2), Class::Arrival, "fifth");
        agenda.add(at(1), Class::Timer, "fourth");
        agenda.add(at(1), Class::Arrival, "first");
        agenda.add(at(1), Class::Action, "third");
        agenda.add(at(1), Class::Arrival, "second");
        assert_eq!(agenda.next_at(), Some(at(1)));
        assert_eq!(agenda.peek(), Some((at(1), &"first")));
        let order: Vec<&str> =
            core::iter::from_fn(|| agenda.take()).map(|(_, event)| event).collect();
        assert_eq!(order, ["first", "second", "third", "fourth", "fifth"]);
        assert_eq!(agenda.len(), 0);
    }

    #[test]
    fn places_are_used_again() {
        let mut agenda = Agenda::new();
        for round in 0..100 {
            agenda.add(Timestamp::from_nanos(round), Class::Arrival, round);
            assert_eq!(agenda.take(), Some((Timestamp::from_nanos(round), round)));
        }
        assert_eq!(agenda.slots.len(), 1);
    }
}
