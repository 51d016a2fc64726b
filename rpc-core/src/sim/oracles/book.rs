//! What an observer knows of one session of a server: its lanes, and what became of each call.
//!
//! It knows only what has gone over the wire and which handlers were begun and ended; the server's own
//! tables are not asked. So the two can be held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::covered::Covered;
use super::marks::{Goal, Marks};
use super::violation::{Verdict, ensure};
use crate::endpoint::server::Finished;
use crate::marshal::Body;
use crate::time::Timestamp;
use crate::wire::frame::ReplyCode;

/// How far the present call of a lane has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its request has arrived, or a part of it.
    Accepted,
    /// A FENCE has arrived before it was begun.
    Fenced,
    /// Its handler was begun.
    Begun,
    /// It ended before its handler was entered.
    GivenUp,
    /// Its handler has ended.
    Ended,
}

/// A lane and a number. Honest clients use a number once; a malicious one may use it on every lane.
type CallName = (u16, u64);

/// The present call of a lane.
#[derive(Debug)]
pub(super) struct CallBook {
    pub(super) sequence: u64,
    pub(super) stage: Stage,
    /// What tells its content from others; nothing if only a FENCE has come.
    pub(super) content: Option<u32>,
    /// The checksum of its arguments, if they came at once.
    pub(super) arguments: Option<u32>,
    pub(super) is_in_parts: bool,
    pub(super) is_idempotent: bool,
    /// Whether the server has to keep its reply.
    pub(super) is_stored: bool,
    /// What its handler returned.
    result: Option<Body>,
    /// The first reply that is not a result: its code and its text.
    failure: Option<(ReplyCode, Vec<u8>)>,
    pub(super) replies: u32,
    /// The bytes of its arguments that have come, and those of its result that have arrived.
    pub(super) received: Covered,
    pub(super) confirmed: Covered,
    /// How often the part with the last byte of its result was sent.
    pub(super) last_parts: u32,
}

impl CallBook {
    pub(super) fn new(sequence: u64, stage: Stage) -> Self {
        Self {
            sequence,
            stage,
            content: None,
            arguments: None,
            is_in_parts: false,
            is_idempotent: false,
            is_stored: false,
            result: None,
            failure: None,
            replies: 0,
            received: Covered::default(),
            confirmed: Covered::default(),
            last_parts: 0,
        }
    }

    /// Whether its result takes more than a datagram.
    pub(super) fn is_large(&self, room: usize) -> bool {
        self.result.as_ref().is_some_and(|body| body.len() > room)
    }

    pub(super) fn result_length(&self) -> usize {
        self.result.as_ref().map_or(0, Body::len)
    }

    /// Whether the call waits to be begun, or is being run.
    pub(super) fn is_unfinished(&self, lane: u16, refused: &BTreeSet<CallName>) -> bool {
        match self.stage {
            // Arguments in parts may not be whole, and are given up by another clock than the lease.
            Stage::Accepted => !self.is_in_parts && !refused.contains(&(lane, self.sequence)),
            Stage::Begun => true,
            Stage::Fenced | Stage::GivenUp | Stage::Ended => false,
        }
    }

    /// A reply to it, or a part of one from `offset`, is sent.
    pub(super) fn check_reply(&mut self, code: ReplyCode, offset: usize, bytes: &[u8]) -> Verdict {
        let sequence = self.sequence;
        ensure!(
            self.stage == Stage::Ended,
            "S32",
            "a reply to call {sequence} is sent, which is {:?}",
            self.stage
        );
        if code == ReplyCode::Result {
            let end = offset + bytes.len();
            let same = self
                .result
                .as_ref()
                .is_some_and(|body| end <= body.len() && body.part(offset..end) == bytes);
            ensure!(
                same,
                "S6",
                "the reply to call {sequence} does not have the bytes that its handler returned"
            );
            return Ok(());
        }
        let (first, text) = self.failure.get_or_insert_with(|| (code, bytes.to_vec()));
        ensure!(
            *first == code && text == bytes,
            "S6",
            "the reply to call {sequence} was {first:?} and is now {code:?}"
        );
        Ok(())
    }
}

/// One session, as long as it lives.
#[derive(Debug)]
pub(super) struct SessionBook {
    pub(super) address: SocketAddr,
    pub(super) heard_at: Timestamp,
    pub(super) lanes: BTreeMap<u16, CallBook>,
    /// One-way calls that were begun.
    oneway: BTreeSet<u64>,
    /// The last deadline of its calls.
    pub(super) waits_until: Timestamp,
    /// Calls that were running when their lanes moved on.
    pub(super) left: BTreeSet<CallName>,
    /// Calls whose handlers were entered.
    pub(super) entered: BTreeSet<CallName>,
    /// Calls of which a client was told that they did not run.
    pub(super) refused: BTreeSet<CallName>,
    /// Handlers that run, those of left lanes included.
    pub(super) running: usize,
    /// The parts of results that were sent and not confirmed: lane, number, and where their bytes are.
    pub(super) parts: BTreeMap<u64, (u16, u64, core::ops::Range<usize>)>,
    pub(super) was_told_busy: bool,
}

impl SessionBook {
    pub(super) fn new(address: SocketAddr, now: Timestamp) -> Self {
        Self {
            address,
            heard_at: now,
            lanes: BTreeMap::new(),
            oneway: BTreeSet::new(),
            waits_until: Timestamp::ZERO,
            left: BTreeSet::new(),
            entered: BTreeSet::new(),
            refused: BTreeSet::new(),
            running: 0,
            parts: BTreeMap::new(),
            was_told_busy: false,
        }
    }

    /// The lane's call, if it has this number.
    pub(super) fn call(&mut self, lane: u16, sequence: u64) -> Option<&mut CallBook> {
        self.lanes.get_mut(&lane).filter(|call| call.sequence == sequence)
    }

    /// Makes a new call the lane's. True if the reply of the one before may be dropped with that.
    pub(super) fn advance(&mut self, lane: u16, call: CallBook) -> bool {
        let Some(before) = self.lanes.insert(lane, call) else { return false };
        if before.stage == Stage::Begun {
            self.left.insert((lane, before.sequence));
        }
        before.is_stored
    }

    /// Whether a handler runs, or a call waits for one whose caller waits as well.
    pub(super) fn is_unfinished(&self, now: Timestamp) -> bool {
        let mut lanes = self
            .lanes
            .iter()
            .filter(|(_, call)| now <= self.waits_until || call.stage == Stage::Begun);
        self.running > 0 || lanes.any(|(lane, call)| call.is_unfinished(*lane, &self.refused))
    }

    /// How many replies have to be stored for it.
    pub(super) fn stored(&self) -> usize {
        self.lanes.values().filter(|call| call.is_stored).count()
    }

    /// The handler of a one-way call is begun.
    pub(super) fn begin_oneway(&mut self, sequence: u64) -> Verdict {
        self.running += 1;
        let is_new = self.oneway.insert(sequence);
        ensure!(is_new, "S1", "the one-way call {sequence} is begun a second time");
        Ok(())
    }

    /// The handler of a call is begun, with these arguments.
    pub(super) fn begin(&mut self, lane: u16, sequence: u64, arguments: u32) -> Verdict {
        self.running += 1;
        let is_refused = self.refused.contains(&(lane, sequence));
        ensure!(!is_refused, "S9", "call {sequence} is begun after it was refused");
        let Some(call) = self.lanes.get_mut(&lane) else {
            ensure!(false, "S2", "call {sequence} is begun and its request never came");
            return Ok(());
        };
        let present = call.sequence;
        ensure!(
            present <= sequence,
            "S33",
            "call {sequence} is begun after lane {lane} has moved on to {present}"
        );
        ensure!(present == sequence, "S2", "call {sequence} is begun and its request never came");
        ensure!(
            call.stage != Stage::Fenced,
            "S33",
            "call {sequence} is begun after a FENCE for it has arrived"
        );
        ensure!(
            call.stage == Stage::Accepted,
            "S1",
            "call {sequence} is begun a second time; it is {:?}",
            call.stage
        );
        let is_own = call.arguments.is_none_or(|first| first == arguments);
        ensure!(is_own, "S7", "call {sequence} is begun with another copy's arguments");
        call.stage = Stage::Begun;
        Ok(())
    }

    /// The handler of a lane's present call has ended. True if its reply is stored now.
    pub(super) fn end(
        &mut self,
        (lane, sequence): (u16, u64),
        is_entered: bool,
        is_idempotent: bool,
        finished: &Finished,
    ) -> bool {
        self.running = self.running.saturating_sub(1);
        let is_refused = !is_entered
            && matches!(
                finished,
                Finished::Undecodable { .. }
                    | Finished::Panicked { .. }
                    | Finished::UnknownMethod
                    | Finished::Dropped
            );
        if !is_refused {
            self.entered.insert((lane, sequence));
        }
        let Some(call) = self.call(lane, sequence) else { return false };
        call.is_idempotent = is_idempotent;
        call.stage = if is_refused { Stage::GivenUp } else { Stage::Ended };
        call.is_stored = !is_refused;
        call.result = match finished {
            Finished::Reply(body) => Some(body.clone()),
            Finished::Nothing => Some(Body::default()),
            _ => None,
        };
        call.is_stored
    }

    /// The client has told which datagrams with parts of results have arrived.
    pub(super) fn on_arrived(&mut self, newest: u64, bits: &[u8]) {
        let oldest = newest.saturating_sub(bits.len() as u64 * 8);
        let has_arrived = |number: u64| {
            let Some(before) = (newest - number).checked_sub(1) else { return true };
            bits[(before / 8) as usize] >> (before % 8) & 1 == 1
        };
        let numbers = self.parts.range(oldest..=newest).map(|(&number, _)| number);
        let arrived: Vec<u64> = numbers.filter(|&number| has_arrived(number)).collect();
        for number in arrived {
            let Some((lane, sequence, range)) = self.parts.remove(&number) else { continue };
            if let Some(call) = self.call(lane, sequence) {
                call.confirmed.add(range);
            }
        }
    }

    /// The server has dropped the large result of a lane's present call.
    pub(super) fn on_dropped(&mut self, lane: u16, sequence: u64) -> Verdict {
        let Some(call) = self.call(lane, sequence) else { return Ok(()) };
        call.is_stored = false;
        let (confirmed, length) = (call.confirmed.total(), call.result_length());
        ensure!(
            confirmed == length,
            "S14",
            "the result of call {sequence} is dropped when {confirmed} of {length} bytes have arrived"
        );
        self.parts.retain(|_, (_, number, _)| *number != sequence);
        Ok(())
    }

    /// Takes note of a request that stands in its lane already.
    pub(super) fn mark_copy(call: &CallBook, marks: &mut Marks) {
        marks.reach(match call.stage {
            Stage::Accepted | Stage::Begun => Goal::DuplicateInProgress,
            Stage::Fenced => Goal::TombstoneHit,
            Stage::Ended if call.is_stored => Goal::ReplyResent,
            Stage::Ended | Stage::GivenUp => Goal::DuplicateAfterAcknowledgement,
        });
    }
}
