//! The sequence window of a session: where a duplicate is recognised.
//!
//! A session has a fixed number of lanes. A lane is a window one call wide: it keeps the highest
//! sequence number that it has seen and the state of that call. Every request is compared with it
//! before anything else is judged:
//!
//! | number | position | what it means |
//! |---|---|---|
//! | higher | [`Position::New`] | a new call; it frees the lane's previous reply and fences every lower number |
//! | equal | [`Position::Duplicate`] | a copy of the lane's call: answer for it, never run it again |
//! | lower | [`Position::Stale`] | a copy of a call that the client has left behind: drop it |
//!
//! This costs O(1), needs no acknowledgements while calls flow, and a call that takes an hour occupies
//! one lane. (TCP timestamps aside, it is NFSv4.1's slot table, RFC 8881 section 2.10.6.1, with one
//! counter for all slots.)

use core::cmp::Ordering;

use crate::wire::frame::VerdictCode;

/// What is known of a lane's present call. The number stays in the lane until the session dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneState {
    /// No call was seen yet.
    Empty,
    /// There is a record of it: it is queued, running, answered, or refused with a detail.
    Recorded(u32),
    /// It was refused, and nothing more need be kept.
    Refused(VerdictCode),
    /// It ran, and its reply was not kept.
    NotKept,
    /// The client has its reply.
    Freed,
}

/// One lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    pub(crate) sequence: u64,
    pub(crate) state: LaneState,
}

/// Where a sequence number stands in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Above the lane's call.
    New,
    /// The lane's call.
    Duplicate,
    /// Below the lane's call.
    Stale,
}

/// The lanes of a session. Those that were never used take no memory.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    lanes: Vec<Lane>,
    size: u16,
}

impl Window {
    pub(crate) fn new(size: u16) -> Self {
        Self { lanes: Vec::new(), size }
    }

    /// The lane, if the window has it.
    pub(crate) fn lane(&mut self, lane: u16) -> Option<&mut Lane> {
        let index = usize::from(lane);
        if index >= self.lanes.len() {
            self.make_room(lane)?;
        }
        Some(&mut self.lanes[index])
    }

    /// Gives memory to a lane that is used for the first time, if the window has it.
    #[cold]
    fn make_room(&mut self, lane: u16) -> Option<()> {
        if lane >= self.size {
            return None;
        }
        let unused = Lane { sequence: 0, state: LaneState::Empty };
        self.lanes.resize(usize::from(lane) + 1, unused);
        Some(())
    }

    #[cfg(test)]
    pub(crate) fn capacity_bytes(&self) -> usize {
        self.lanes.capacity() * size_of::<Lane>()
    }

    /// Every lane that was used.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter()
    }
}

impl Lane {
    /// Compares a sequence number with the lane's.
    pub(crate) fn position(&self, sequence: u64) -> Position {
        match sequence.cmp(&self.sequence) {
            Ordering::Greater => Position::New,
            Ordering::Equal => Position::Duplicate,
            Ordering::Less => Position::Stale,
        }
    }

    /// Makes a new number the lane's call and gives what became of the previous one.
    pub(crate) fn advance(&mut self, sequence: u64, state: LaneState) -> LaneState {
        debug_assert!(sequence > self.sequence, "a lane's number never goes back");
        self.sequence = sequence;
        core::mem::replace(&mut self.state, state)
    }
}

/// The lane of one-way calls: which of the last 64 numbers were seen (RFC 4303, section 3.4.3, has
/// the same window against replay). A number too old to tell is not run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OnewayWindow {
    highest: u64,
    seen: u64,
}

impl OnewayWindow {
    /// Marks a number. True if it may run: it was not seen before and is not too old to tell.
    pub(crate) fn mark(&mut self, sequence: u64) -> bool {
        if sequence > self.highest {
            let distance = sequence - self.highest;
            self.seen = if distance < 64 { self.seen << distance | 1 } else { 1 };
            self.highest = sequence;
            return true;
        }
        let distance = self.highest - sequence;
        if distance >= 64 || self.seen >> distance & 1 == 1 {
            return false;
        }
        self.seen |= 1 << distance;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn higher_is_new_equal_is_duplicate_lower_is_stale() {
        let mut window = Window::new(2);
        let lane = window.lane(1).unwrap();
        assert_eq!(lane.position(1), Position::New);
        assert_eq!(lane.advance(7, LaneState::Recorded(3)), LaneState::Empty);
        assert_eq!(lane.position(6), Position::Stale);
        assert_eq!(lane.position(7), Position::Duplicate);
        assert_eq!(lane.position(8), Position::New);
        assert_eq!(lane.position(u64::MAX), Position::New);
        assert_eq!(lane.advance(u64::MAX, LaneState::Freed), LaneState::Recorded(3));
        assert_eq!(lane.position(u64::MAX), Position::Duplicate);
        assert_eq!(window.lane(0).unwrap().position(1), Position::New);
        assert!(window.lane(2).is_none());
    }

    #[test]
    fn lanes_take_memory_when_they_are_used() {
        let mut window = Window::new(4096);
        assert_eq!(window.lanes().count(), 0);
        window.lane(3).unwrap();
        assert_eq!(window.lanes().count(), 4);
        assert!(size_of::<Lane>() <= 16);
    }

    #[test]
    fn a_oneway_number_runs_once_in_any_order() {
        // Against a set that forgets nothing but what is 64 below the highest.
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let mut window = OnewayWindow::default();
            let mut seen = BTreeSet::new();
            let mut highest = 0;
            for _ in 0..500 {
                let sequence = (highest + random.u64(0..100)).saturating_sub(80).max(1);
                let too_old = sequence + 64 <= highest;
                let expected = !too_old && !seen.contains(&sequence);
                assert_eq!(window.mark(sequence), expected, "{sequence} of {highest}");
                seen.insert(sequence);
                highest = highest.max(sequence);
            }
        }
    }

    #[test]
    fn a_oneway_number_may_jump_to_the_end() {
        let mut window = OnewayWindow::default();
        assert!(window.mark(1));
        assert!(window.mark(u64::MAX));
        assert!(!window.mark(u64::MAX));
        assert!(!window.mark(1));
        assert!(window.mark(u64::MAX - 63));
        assert!(!window.mark(u64::MAX - 64));
    }
}
