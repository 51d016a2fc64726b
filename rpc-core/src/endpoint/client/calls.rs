//! The client's calls, from submission to release.

use core::time::Duration;

use super::call::{CallKey, Completion, NewCall};
use crate::error::{Outcome, Settlement};
use crate::marshal::Body;
use crate::time::Timestamp;
use crate::wire::frame::{FenceCause, PREFIX_LENGTH, REQUEST_OVERHEAD, Working, digest, identity};
use crate::wire::integrity::RunningChecksum;

/// One call.
#[derive(Debug)]
pub(super) struct OutgoingCall {
    pub(super) call: NewCall,
    pub(super) submitted_at: Timestamp,
    pub(super) deadline_at: Timestamp,
    pub(super) phase: Phase,
    /// How many bytes its arguments take, which may be gone.
    pub(super) size: usize,
    /// Its lane and number; of no meaning while it waits.
    pub(super) lane: u16,
    pub(super) sequence: u64,
    /// Whether its arguments are larger than a datagram under its present number.
    pub(super) is_large: bool,
    /// Whether all of such arguments were given out at least once under its present number. Until then
    /// it cannot have run.
    pub(super) is_out: bool,
    /// Of its arguments, as far as they were given out in parts.
    pub(super) checksum: RunningChecksum,
    /// Whether a part of its result has arrived.
    pub(super) has_reply: bool,
    /// How many packets named it under this number: copies of the request, probes, fences. The wire
    /// carries the lower 16 bits.
    pub(super) attempts: u64,
    /// When the last of them were sent, by attempt modulo the length.
    sent_at: [Timestamp; 8],
    /// The newest attempt that was answered.
    answered: u64,
    /// Copies since the last answer, for the back-off.
    pub(super) unanswered: u16,
    /// When the next copy, probe or fence is due.
    pub(super) timer: Timestamp,
    /// The present interval between probes.
    pub(super) probe_interval: Duration,
    /// Whether a packet about it waits to be written.
    pub(super) is_queued: bool,
    /// What the server last said of it, and when.
    pub(super) working: Option<(Timestamp, Working)>,
    /// What earlier submissions of this call came to, joined.
    pub(super) earlier: Outcome,
    /// Whether it is not to begin any more, and why.
    pub(super) fence: Option<FenceCause>,
    pub(super) completion: Option<Completion>,
    /// The digest of its content, once its arguments are gone although it holds a lane.
    digest: Option<u32>,
    /// What was learnt after it ended with an unknown outcome.
    pub(super) settlement: Settlement,
    /// Nobody will ask for it any more.
    pub(super) is_released: bool,
    #[cfg(feature = "tracing")]
    pub(super) trace: Option<super::CallTrace>,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has no lane and was not sent under its present number.
    Waiting,
    /// As `Waiting`, and not before its timer: the server was busy.
    Delayed,
    /// Its request was sent.
    Sent,
    /// The server has it: probes instead of copies.
    Working,
    /// It is not to begin any more: fences instead of probes, until its lane is settled.
    Fencing,
    /// It has no lane and needs none any more.
    Settled,
}

impl Phase {
    /// Whether the call holds a lane.
    pub(super) fn has_lane(self) -> bool {
        matches!(self, Self::Sent | Self::Working | Self::Fencing)
    }
}

impl OutgoingCall {
    pub(super) fn new(call: NewCall, now: Timestamp) -> Self {
        let deadline_at = call.deadline.map_or(Timestamp::NEVER, |deadline| now + deadline);
        Self {
            size: call.body.len(),
            call,
            submitted_at: now,
            deadline_at,
            phase: Phase::Waiting,
            lane: 0,
            sequence: 0,
            is_large: false,
            is_out: false,
            checksum: RunningChecksum::default(),
            has_reply: false,
            attempts: 0,
            sent_at: [Timestamp::ZERO; 8],
            answered: 0,
            unanswered: 0,
            timer: Timestamp::NEVER,
            probe_interval: Duration::ZERO,
            is_queued: false,
            working: None,
            earlier: Outcome::NotExecuted,
            fence: None,
            completion: None,
            digest: None,
            settlement: Settlement::Open,
            is_released: false,
            #[cfg(feature = "tracing")]
            trace: None,
        }
    }

    /// Gives it a lane and a number that was never used. Arguments above `room` bytes are larger than a
    /// datagram.
    pub(super) fn assign(&mut self, lane: u16, sequence: u64, room: usize) {
        self.is_large = self.call.body.len() > room;
        self.is_out = false;
        self.checksum = RunningChecksum::default();
        self.has_reply = false;
        self.phase = Phase::Sent;
        self.lane = lane;
        self.sequence = sequence;
        self.attempts = 0;
        self.answered = 0;
        self.unanswered = 0;
        self.timer = Timestamp::NEVER;
        self.working = None;
    }

    /// Counts one more packet about it and gives the number that the packet carries.
    pub(super) fn next_attempt(&mut self, now: Timestamp) -> u16 {
        self.attempts += 1;
        self.unanswered = self.unanswered.saturating_add(1);
        self.sent_at[place(self.attempts)] = now;
        self.attempts as u16
    }

    /// Takes note of an answer that echoes `attempt`. True if that answers something newer than all
    /// answers before: only then does it prove that the server is alive.
    pub(super) fn on_answer(&mut self, attempt: u16) -> bool {
        let Some(attempt) = self.echoed(attempt).filter(|&attempt| attempt > self.answered) else {
            return false;
        };
        self.answered = attempt;
        self.unanswered = 0;
        true
    }

    /// When the packet that an answer echoes was sent, if that is still known.
    pub(super) fn sent_at(&self, attempt: u16) -> Option<Timestamp> {
        let attempt = self.echoed(attempt)?;
        let is_known = self.attempts - attempt < self.sent_at.len() as u64;
        is_known.then(|| self.sent_at[place(attempt)])
    }

    /// The newest attempt whose lower 16 bits are `attempt`; `None` if there was none yet.
    fn echoed(&self, attempt: u16) -> Option<u64> {
        let age = (self.attempts as u16).wrapping_sub(attempt);
        self.attempts.checked_sub(age.into()).filter(|&attempt| attempt > 0)
    }

    /// Whether the server has said that the handler was entered.
    pub(super) fn is_known_to_run(&self) -> bool {
        self.has_reply || self.working.is_some_and(|(_, working)| working.is_running)
    }

    /// Whether a whole request was given out under its present number. Only then can it have run.
    pub(super) fn is_given_out(&self) -> bool {
        if self.is_large { self.is_out } else { self.attempts > 0 }
    }

    /// Whether it was cancelled or its deadline has passed, so that it must not be made again.
    pub(super) fn is_fenced(&self) -> bool {
        self.fence.is_some()
    }

    /// How long the frame is that it waits to send.
    pub(super) fn frame_length(&self) -> usize {
        match self.phase {
            // It is not sent as one frame.
            Phase::Sent if self.is_large => 0,
            Phase::Sent => REQUEST_OVERHEAD + self.call.body.len(),
            _ => PREFIX_LENGTH,
        }
    }

    /// What a server that refuses this call because another one has its number says of it.
    pub(super) fn digest(&self) -> u32 {
        let NewCall { interface, method, signature, body, .. } = &self.call;
        self.digest.unwrap_or_else(|| match body.as_whole() {
            Some(body) if !self.is_large => digest(*interface, *method, *signature, body),
            _ => identity(*interface, *method, *signature, body),
        })
    }

    /// Gives up the arguments: there will be no more copies of the request.
    pub(super) fn drop_arguments(&mut self) {
        if self.phase.has_lane() {
            self.keep_digest();
        }
        self.call.body = Body::default();
    }

    /// Computes the digest once and for all.
    pub(super) fn keep_digest(&mut self) {
        self.digest = Some(self.digest());
    }

    pub(super) fn has_ended(&self) -> bool {
        self.completion.is_some()
    }
}

/// Where the time of an attempt is kept.
fn place(attempt: u64) -> usize {
    (attempt % 8) as usize
}

/// What is known of a call that was submitted more than once: running once is running, and an
/// unresolved try is never outweighed by a later refusal.
pub(super) fn join(earlier: Outcome, later: Outcome) -> Outcome {
    match (earlier, later) {
        (Outcome::Executed, _) | (_, Outcome::Executed) => Outcome::Executed,
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
        (Outcome::NotExecuted, Outcome::NotExecuted) => Outcome::NotExecuted,
    }
}

/// All calls. A key names a call until it is removed and nothing ever after.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    call: Option<OutgoingCall>,
}

impl Calls {
    pub(super) fn insert(&mut self, call: OutgoingCall) -> CallKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, call: None });
            u32::try_from(self.slots.len() - 1).expect("open calls are bounded far below 2^32")
        });
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.call = Some(call);
        CallKey { index, generation: slot.generation }
    }

    pub(super) fn get(&self, key: CallKey) -> Option<&OutgoingCall> {
        let slot = self.slots.get(key.index as usize)?;
        slot.call.as_ref().filter(|_| slot.generation == key.generation)
    }

    pub(super) fn get_mut(&mut self, key: CallKey) -> Option<&mut OutgoingCall> {
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.call.as_mut().filter(|_| slot.generation == key.generation)
    }

    pub(super) fn remove(&mut self, key: CallKey) {
        if let Some(slot) = self.slots.get_mut(key.index as usize)
            && slot.generation == key.generation
            && slot.call.is_some()
        {
            slot.call = None;
            self.free.push(key.index);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The keys of all calls, in the order of their slots.
    pub(super) fn keys(&self) -> impl Iterator<Item = CallKey> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.call.is_some())
            .map(|(index, slot)| CallKey { index: index as u32, generation: slot.generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MessageLimits;

    #[test]
    fn outcomes_join_towards_the_worse_knowledge() {
        use Outcome::{Executed, NotExecuted, Unknown};
        assert_eq!(join(NotExecuted, NotExecuted), NotExecuted);
        assert_eq!(join(Unknown, NotExecuted), Unknown);
        assert_eq!(join(NotExecuted, Unknown), Unknown);
        assert_eq!(join(Unknown, Executed), Executed);
        assert_eq!(join(Executed, NotExecuted), Executed);
    }

    #[test]
    fn a_send_time_is_known_for_the_last_attempts_only() {
        let call = NewCall {
            interface: 0,
            method: 0,
            signature: 0,
            is_idempotent: false,
            is_oneway: false,
            limits: MessageLimits::default(),
            deadline: None,
            body: Body::default(),
            fault: None,
        };
        let mut call = OutgoingCall::new(call, Timestamp::ZERO);
        for n in 1..=10 {
            assert_eq!(call.next_attempt(Timestamp::from_nanos(n)), n as u16);
        }
        assert!(call.on_answer(9));
        assert!(!call.on_answer(9), "a copy");
        assert!(!call.on_answer(8), "an older one");
        assert!(!call.on_answer(11), "not sent yet");
        assert_eq!(call.sent_at(10), Some(Timestamp::from_nanos(10)));
        assert_eq!(call.sent_at(3), Some(Timestamp::from_nanos(3)));
        assert_eq!(call.sent_at(2), None);
        assert_eq!(call.sent_at(11), None);
        assert_eq!(call.sent_at(0), None);
        // The number on the wire begins again, the order of the attempts does not.
        for n in 11..=65_540 {
            assert_eq!(call.next_attempt(Timestamp::from_nanos(n)), n as u16);
        }
        assert!(call.on_answer(65_535));
        assert!(call.on_answer(0));
        assert!(!call.on_answer(65_535));
        assert!(call.on_answer(4));
        assert!(!call.on_answer(5));
        assert_eq!(call.sent_at(4), Some(Timestamp::from_nanos(65_540)));
    }
}
