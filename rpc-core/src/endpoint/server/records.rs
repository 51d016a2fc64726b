//! Records of calls: what a server keeps of a call between its admission and the moment its reply
//! is known to have arrived.

use bytes::Bytes;

use super::budget::Share;
use super::incoming::CallToken;
use super::receiving::Receiving;
use crate::context::Context;
use crate::marshal::Body;
use crate::time::Timestamp;
use crate::wire::frame::{ReplyCode, Subject, VerdictCode};
use crate::wire::integrity::RunningChecksum;

/// One call.
#[derive(Debug)]
pub(super) struct Record {
    /// The session's index, and its id, which tells whether the index still means the same one.
    pub(super) session: u32,
    pub(super) session_id: u64,
    pub(super) lane: u16,
    pub(super) sequence: u64,
    /// Checksum of everything that two copies of one call have in common.
    pub(super) digest: u32,
    /// The newest copy that arrived, and when it did: never, for parts, since a part is no measure of the
    /// round trip.
    pub(super) attempt: u16,
    pub(super) received_at: Timestamp,
    pub(super) service: usize,
    pub(super) method: u32,
    pub(super) is_idempotent: bool,
    pub(super) deadline: Timestamp,
    /// Whether an answer for it waits in its session's queue.
    pub(super) is_answer_queued: bool,
    /// The largest result that its method allows, if it says so.
    pub(super) max_reply: Option<usize>,
    /// What its arguments are charged, if they come in parts, until it runs.
    pub(super) share: Option<Box<Share>>,
    /// Bytes of the bound on stored replies that it holds.
    pub(super) booked: usize,
    pub(super) phase: Phase,
}

/// How far a recorded call has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// Its arguments have not arrived whole.
    Receiving(Box<Receiving>),
    /// It waits for a worker.
    Queued { body: Bytes, ticket: u64, since: Timestamp, is_parked: bool },
    /// It was taken to be run. `is_left` once its lane has moved on or its session is gone: then nobody
    /// will ever ask for its result. `is_suspended` once its handler has returned without an answer,
    /// which comes later.
    Running { context: Context, since: Timestamp, is_left: bool, is_suspended: bool },
    /// It ran. The checksum is that of a body which is sent in parts, as far as it was given out.
    Done { code: ReplyCode, body: Body, checksum: RunningChecksum },
    /// It was refused, and there is a detail to tell.
    Refused { code: VerdictCode, detail: Bytes },
}

impl Record {
    /// Names the call in an answer to its newest copy.
    pub(super) fn subject(&self) -> Subject {
        Subject { lane: self.lane, sequence: self.sequence, attempt: self.attempt }
    }

    /// A copy of it has arrived, or a question about it: answers echo the newest. The numbers of
    /// attempts begin again after 65,535, so they are compared as serial numbers (RFC 1982).
    pub(super) fn on_attempt(&mut self, attempt: u16, now: Timestamp) {
        if attempt.wrapping_sub(self.attempt) < 1 << 15 {
            self.attempt = attempt;
            self.received_at = now;
        }
    }
}

/// All records. A token names a record until it is removed and nothing ever after.
#[derive(Debug, Default)]
pub(super) struct Records {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    record: Option<Record>,
}

impl Records {
    pub(super) fn insert(&mut self, record: Record) -> CallToken {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, record: None });
            u32::try_from(self.slots.len() - 1).expect("records are bounded far below 2^32")
        });
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.record = Some(record);
        CallToken { index, generation: slot.generation }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn get(&self, token: CallToken) -> Option<&Record> {
        let slot = self.slots.get(token.index as usize)?;
        slot.record.as_ref().filter(|_| slot.generation == token.generation)
    }

    pub(super) fn get_mut(&mut self, token: CallToken) -> Option<&mut Record> {
        let slot = self.slots.get_mut(token.index as usize)?;
        slot.record.as_mut().filter(|_| slot.generation == token.generation)
    }

    /// The token of the record at `index`, which a lane holds.
    pub(super) fn token(&self, index: u32) -> CallToken {
        CallToken { index, generation: self.slots[index as usize].generation }
    }

    /// All of them, with their tokens.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = (CallToken, &Record)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let token = CallToken { index: index as u32, generation: slot.generation };
            slot.record.as_ref().map(|record| (token, record))
        })
    }

    /// Removes a record, and gives how far its call has come.
    pub(super) fn remove(&mut self, token: CallToken) -> Option<Phase> {
        let slot = self.slots.get_mut(token.index as usize)?;
        if slot.generation != token.generation {
            return None;
        }
        let record = slot.record.take()?;
        self.free.push(token.index);
        Some(record.phase)
    }
}
