//! The client's picture of its lanes: which are free, and which replies the server may free.

use core::time::Duration;
use std::collections::VecDeque;

use super::call::CallKey;
use crate::endpoint::is_mostly_gone;
use crate::time::Timestamp;

/// How often an acknowledgement is sent by itself. From then on it rides on what is sent for other
/// reasons; the next call on the lane acknowledges as well.
pub(crate) const ACKNOWLEDGEMENT_TRIES: u8 = 4;

/// One lane.
#[derive(Clone, Debug, Default)]
struct Lane {
    occupant: Option<CallKey>,
    reply: Option<ReceivedReply>,
}

/// A reply that has arrived and that the server still stores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceivedReply {
    pub(crate) sequence: u64,
    /// When the server is to be told next.
    pub(crate) due: Timestamp,
    pub(crate) tries: u8,
}

/// The lanes of a session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    /// Free lanes, the one used last on top: few lanes are used, and those are used again soon, which
    /// acknowledges their replies.
    free: Vec<u16>,
    /// Replies whose acknowledgements ride, with their lanes. One that is confirmed, or whose lane has
    /// another call, is left in it until its turn comes.
    riding: VecDeque<(u16, u64)>,
}

impl Lanes {
    pub(crate) fn new(window: u16) -> Self {
        Self {
            lanes: vec![Lane::default(); usize::from(window)],
            free: (0..window).rev().collect(),
            riding: VecDeque::new(),
        }
    }

    /// Whether no lane is taken.
    pub(crate) fn are_free(&self) -> bool {
        self.free.len() == self.lanes.len()
    }

    /// Takes a free lane for a call. Its next request acknowledges the lane's previous reply.
    pub(crate) fn take(&mut self, key: CallKey) -> Option<u16> {
        let lane = self.free.pop()?;
        self.lanes[usize::from(lane)] = Lane { occupant: Some(key), reply: None };
        Some(lane)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u16 {
        self.lanes.len() as u16
    }

    pub(crate) fn occupant(&self, lane: u16) -> Option<CallKey> {
        self.lanes.get(usize::from(lane))?.occupant
    }

    /// Frees a lane whose call is settled.
    pub(crate) fn release(&mut self, lane: u16) {
        if let Some(entry) = self.lanes.get_mut(usize::from(lane))
            && entry.occupant.take().is_some()
        {
            self.free.push(lane);
        }
    }

    /// Whether exactly the lanes without a call are free.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn is_consistent(&self) -> bool {
        let mut free = self.free.clone();
        free.sort_unstable();
        let empty = self.lanes.iter().enumerate().filter(|(_, lane)| lane.occupant.is_none());
        free.into_iter().eq(empty.map(|(lane, _)| lane as u16))
    }

    /// The calls that hold lanes, in the order of the lanes.
    pub(crate) fn occupants(&self) -> impl Iterator<Item = CallKey> {
        self.lanes.iter().filter_map(|lane| lane.occupant)
    }

    /// A reply has arrived; the server is to be told by `due` unless a call does it before. An old copy of
    /// a reply to an earlier call of the lane is no news.
    pub(crate) fn on_reply(&mut self, lane: u16, sequence: u64, due: Timestamp) {
        if let Some(entry) = self.lanes.get_mut(usize::from(lane))
            && entry.reply.is_none_or(|reply| reply.sequence <= sequence)
        {
            entry.reply = Some(ReceivedReply { sequence, due, tries: 0 });
        }
    }

    /// The server confirmed an acknowledgement.
    pub(crate) fn on_acknowledged(&mut self, lane: u16, sequence: u64) {
        if let Some(entry) = self.lanes.get_mut(usize::from(lane))
            && entry.reply.is_some_and(|reply| reply.sequence == sequence)
        {
            entry.reply = None;
        }
    }

    /// The acknowledgement of this reply rides from now on.
    pub(crate) fn let_ride(&mut self, lane: u16, sequence: u64) {
        if is_mostly_gone(self.riding.len(), self.lanes.len()) {
            let lanes = &self.lanes;
            self.riding.retain(|&(lane, sequence)| is_stored(lanes, lane, sequence));
        }
        self.riding.push_back((lane, sequence));
    }

    /// The next acknowledgement that rides and has not done so since `interval` ago. Each that is looked
    /// at goes to the end of the line.
    pub(crate) fn next_rider(&mut self, now: Timestamp, interval: Duration) -> Option<(u16, u64)> {
        let (lane, sequence) = self.riding.pop_front()?;
        let entry = self.lanes.get_mut(usize::from(lane))?;
        let reply = entry.reply.as_mut().filter(|reply| reply.sequence == sequence)?;
        self.riding.push_back((lane, sequence));
        if reply.due > now {
            return None;
        }
        reply.due = now + interval;
        Some((lane, sequence))
    }

    /// The replies that are not acknowledged, with their lanes.
    pub(crate) fn replies(&mut self) -> impl Iterator<Item = (u16, &mut ReceivedReply)> {
        self.lanes
            .iter_mut()
            .enumerate()
            .filter_map(|(lane, entry)| entry.reply.as_mut().map(|reply| (lane as u16, reply)))
    }
}

fn is_stored(lanes: &[Lane], lane: u16, sequence: u64) -> bool {
    let reply = lanes.get(usize::from(lane)).and_then(|entry| entry.reply);
    reply.is_some_and(|reply| reply.sequence == sequence)
}
