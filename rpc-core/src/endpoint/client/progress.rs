//! Moving a call on: submission, cancellation, deadline, its end.

use core::time::Duration;

use super::calls::{OutgoingCall, Phase, join};
use super::transmit::Outgoing;
use super::{CallKey, ClientEndpoint, Completion, Failure, NewCall};
use crate::endpoint::is_mostly_gone;
use crate::error::{CallErrorKind, Outcome, RequestLimit, Settlement};
use crate::time::Timestamp;
use crate::wire::frame::{FenceCause, ONEWAY_LANE};
use crate::wire::{self, DATAGRAM_OVERHEAD};

impl ClientEndpoint {
    /// Submits a call. It gets a lane at once, or waits for one. A one-way call ends with an empty
    /// result as soon as its datagram has been given out.
    ///
    /// A call that cannot be made ends at once, and its completion says why.
    pub fn submit(&mut self, now: Timestamp, call: NewCall) -> CallKey {
        let refusal = self.refusal(&call);
        let deadline_at = call.deadline.map_or(Timestamp::NEVER, |deadline| now + deadline);
        let is_oneway = call.is_oneway;
        let key = self.calls.insert(OutgoingCall::new(call, now));
        self.statistics.calls += 1;
        if self.open_calls == 0 {
            // A silence that lies behind is no verdict on this call.
            self.awaiting_since = None;
        }
        self.open_calls += 1;
        if let Some(kind) = refusal {
            self.end(key, Outcome::NotExecuted, kind);
            return key;
        }
        if deadline_at != Timestamp::NEVER {
            let calls = &self.calls;
            self.deadlines.add(deadline_at, key, self.open_calls, |key| {
                calls.get(key).is_some_and(|call| !call.has_ended())
            });
        }
        if self.is_resting {
            self.wake(now);
            // The server may have been replaced meanwhile: ask before the call is sent.
            self.begin_handshake(now);
        }
        self.doubt_idle_session(now);
        if is_mostly_gone(self.waiting.len(), self.open_calls) {
            let calls = &self.calls;
            self.waiting.retain(|&key| calls.get(key).is_some_and(|call| !call.has_ended()));
        }
        if is_oneway && self.session.is_some() {
            // It needs no free lane, so it does not wait behind those that do.
            self.waiting.push_front(key);
        } else {
            self.waiting.push_back(key);
        }
        self.start_waiting();
        if self.session.is_none() {
            self.begin_handshake(now);
        }
        key
    }

    fn refusal(&self, call: &NewCall) -> Option<CallErrorKind> {
        let (limit, setting) = self.largest_request(call);
        let size = call.body.len();
        if self.is_closed {
            Some(CallErrorKind::Closed)
        } else if let Some(error) = &call.fault {
            Some(CallErrorKind::UnencodableArguments(error.clone()))
        } else if size > limit {
            Some(CallErrorKind::RequestTooLarge { size, limit, setting })
        } else if call.deadline == Some(Duration::ZERO) {
            Some(CallErrorKind::DeadlineExceeded { deadline: Duration::ZERO, inherited: false })
        } else if self.open_calls >= self.config.maximum_open_calls {
            Some(CallErrorKind::Busy { retry_after: Duration::ZERO })
        } else {
            None
        }
    }

    /// The most bytes of arguments that this call may have, as far as is known, and what limits them.
    fn largest_request(&self, call: &NewCall) -> (usize, RequestLimit) {
        let own = match call.limits.request {
            _ if call.is_oneway => {
                (wire::request_room(self.config.datagram_size), RequestLimit::Datagram)
            }
            Some(limit) => (limit, RequestLimit::Method),
            None => (self.config.maximum_request, RequestLimit::Client),
        };
        match self.session {
            Some(session) if session.largest_request < own.0 => {
                (session.largest_request, RequestLimit::Server)
            }
            _ => own,
        }
    }

    /// Gives lanes to waiting calls, as long as there are any of both. While the session is in doubt
    /// they wait for the handshake: what is not sent cannot have run.
    pub(super) fn start_waiting(&mut self) {
        if self.session.is_none() || self.handshake.is_some() {
            return;
        }
        while let Some(&key) = self.waiting.front() {
            let Some(call) = self.calls.get(key).filter(|call| call.phase == Phase::Waiting) else {
                self.waiting.pop_front();
                continue;
            };
            let (limit, setting) = self.largest_request(&call.call);
            let size = call.call.body.len();
            if size > limit {
                // It was submitted before anything was known of this server.
                let outcome = call.earlier;
                self.waiting.pop_front();
                self.end(key, outcome, CallErrorKind::RequestTooLarge { size, limit, setting });
                continue;
            }
            let lane = if call.call.is_oneway {
                ONEWAY_LANE
            } else if let Some(lane) = self.lanes.take(key) {
                lane
            } else {
                return;
            };
            self.waiting.pop_front();
            self.last_sequence += 1;
            let call = self.calls.get_mut(key).expect("it was found just now");
            let is_first_try = call.sequence == 0;
            let room = match call.call.is_oneway {
                true => usize::MAX,
                false => wire::request_room(self.config.datagram_size),
            };
            call.assign(lane, self.last_sequence, room);
            if is_first_try {
                // Later ones are repetitions themselves, and were paid for.
                self.budget.on_call();
            }
            #[cfg(feature = "tracing")]
            self.note_start(key);
            self.queue(key);
        }
    }

    /// Lines a call up for sending whatever its phase asks for.
    pub(super) fn queue(&mut self, key: CallKey) {
        if let Some(call) = self.calls.get_mut(key)
            && !call.is_queued
        {
            call.is_queued = true;
            self.outbox_bytes += call.frame_length();
            self.outbox.push_back(Outgoing::About(key));
        }
    }

    /// Whether the requests that wait to be sent had better wait for those that follow, so that they
    /// share a datagram: a host that started the call `key` and does not wait for it asks this before
    /// it asks for datagrams.
    ///
    /// Nothing waits while no other call is under way, and nothing waits once a datagram is full. What
    /// waits goes out with whatever is sent next, when the host next receives, and within a
    /// millisecond at the latest: that is a time-out of the endpoint like any other.
    pub fn hold(&mut self, now: Timestamp, key: CallKey) -> bool {
        const LONGEST: Duration = Duration::from_millis(1);
        let Some(call) = self.calls.get(key).filter(|call| call.is_queued) else { return false };
        if call.is_large {
            return false;
        }
        let limit = self.config.datagram_size - DATAGRAM_OVERHEAD;
        let is_under_way = self.open_calls > self.outbox.len() + self.waiting.len();
        let has_room = self.outbox_bytes + call.frame_length() <= limit;
        let holds = is_under_way && has_room && now < self.held_until;
        if holds {
            self.held_until = self.held_until.min(now + LONGEST);
        }
        holds
    }

    /// Whether requests are being held back by [`hold`](Self::hold).
    pub fn is_holding(&self) -> bool {
        self.held_until != Timestamp::NEVER
    }

    /// Asks that a call not run. One that was never sent ends at once; otherwise it ends when the
    /// server has said what became of it, or at its deadline.
    pub fn cancel(&mut self, key: CallKey) {
        let Some(call) = self.calls.get_mut(key).filter(|call| !call.has_ended()) else { return };
        let (lane, sequence) = (call.lane, call.sequence);
        match call.phase {
            Phase::Waiting | Phase::Delayed => {
                let outcome = call.earlier;
                self.end(key, outcome, CallErrorKind::Cancelled);
            }
            Phase::Sent if call.attempts == 0 => {
                let outcome = call.earlier;
                self.settle_lane(key);
                self.end(key, outcome, CallErrorKind::Cancelled);
            }
            Phase::Sent | Phase::Working => {
                call.phase = Phase::Fencing;
                call.fence = Some(FenceCause::Cancelled);
                call.unanswered = 0;
                let cannot_have_run = !call.is_given_out();
                let outcome = call.earlier;
                self.stop_transfer(lane, sequence);
                self.queue(key);
                if cannot_have_run {
                    // Some of its arguments were sent, and the rest never will be.
                    self.end(key, outcome, CallErrorKind::Cancelled);
                }
            }
            Phase::Fencing | Phase::Settled => {}
        }
    }

    /// Nobody will ask for a call any more. One that has not ended is cancelled. The key is dead
    /// afterwards.
    pub fn release(&mut self, key: CallKey) {
        self.cancel(key);
        self.detach(key);
    }

    /// Nobody will ask for a call any more, and it goes on. The key is dead afterwards.
    pub fn detach(&mut self, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.is_released = true;
        if call.has_ended() && !call.phase.has_lane() {
            self.calls.remove(key);
        }
    }

    /// Ends every call and lines up a CLOSE. What was sent ends with an unknown outcome.
    pub fn close(&mut self) {
        if core::mem::replace(&mut self.is_closed, true) {
            return;
        }
        self.handshake = None;
        self.outbox.clear();
        self.waiting.clear();
        self.delayed.clear();
        let keys: Vec<_> = self.calls.keys().collect();
        for key in keys {
            let outcome = self.outcome_so_far(key);
            if let Some(call) = self.calls.get_mut(key) {
                call.is_queued = false;
            }
            self.settle_lane(key);
            self.end(key, outcome, CallErrorKind::Closed);
        }
        if self.session.is_some() {
            self.outbox.push_back(Outgoing::Close);
        }
    }

    /// A call's deadline has passed: it ends with what is known by now, and is fenced.
    pub(super) fn expire(&mut self, key: CallKey) {
        let outcome = self.outcome_so_far(key);
        let Some(call) = self.calls.get_mut(key).filter(|call| !call.has_ended()) else { return };
        let deadline = call.call.deadline.unwrap_or(Duration::MAX);
        let kind = match call.phase {
            Phase::Waiting if self.session.is_none() || self.handshake.is_some() => {
                return self.end(key, outcome, self.handshake_trouble());
            }
            Phase::Fencing => CallErrorKind::Cancelled,
            _ => CallErrorKind::DeadlineExceeded { deadline, inherited: false },
        };
        match call.phase {
            Phase::Sent if call.attempts == 0 => self.settle_lane(key),
            Phase::Sent | Phase::Working => {
                call.phase = Phase::Fencing;
                call.fence = Some(FenceCause::Deadline);
                call.unanswered = 0;
                let (lane, sequence) = (call.lane, call.sequence);
                self.stop_transfer(lane, sequence);
                self.queue(key);
            }
            Phase::Waiting | Phase::Delayed | Phase::Fencing | Phase::Settled => {}
        }
        self.end(key, outcome, kind);
    }

    /// Why there is no session.
    pub(super) fn handshake_trouble(&self) -> CallErrorKind {
        self.handshake_failure
            .clone()
            .unwrap_or_else(|| CallErrorKind::NoServer { tried: self.servers.clone() })
    }

    /// What is known at this moment about whether a call ran.
    pub(super) fn outcome_so_far(&self, key: CallKey) -> Outcome {
        let Some(call) = self.calls.get(key) else { return Outcome::Unknown };
        let this_time = match call.phase {
            Phase::Waiting | Phase::Delayed => Outcome::NotExecuted,
            Phase::Sent | Phase::Working | Phase::Fencing if !call.is_given_out() => {
                Outcome::NotExecuted
            }
            _ if call.is_known_to_run() => Outcome::Executed,
            _ => Outcome::Unknown,
        };
        join(call.earlier, this_time)
    }

    /// The server has told what became of a lane's call: the lane is free.
    pub(super) fn settle_lane(&mut self, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let had_lane = call.phase.has_lane();
        let (lane, sequence) = (call.lane, call.sequence);
        call.phase = Phase::Settled;
        call.timer = Timestamp::NEVER;
        if call.is_released && call.has_ended() {
            self.calls.remove(key);
        }
        if let Some(bulk) = &mut self.bulk {
            bulk.sender.remove((lane, sequence));
            bulk.replies.remove(key);
            self.let_results_go_on();
        }
        if had_lane && lane != ONEWAY_LANE {
            self.lanes.release(lane);
            if self.lanes.are_free() && self.delayed.len() == 0 {
                self.next_timer = Timestamp::NEVER;
            }
            self.start_waiting();
        }
    }

    /// A call ends with an error.
    pub(super) fn end(&mut self, key: CallKey, outcome: Outcome, kind: CallErrorKind) {
        self.finish(key, Err(Failure { outcome, kind }));
    }

    /// A call ends. If it has ended before, with an unknown outcome, it is settled instead.
    pub(super) fn finish(&mut self, key: CallKey, completion: Completion) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.has_ended() {
            if !matches!(call.settlement, Settlement::Open) {
                return;
            }
            call.settlement = match completion {
                Ok(reply) => Settlement::Replied(reply),
                Err(Failure { outcome: Outcome::NotExecuted, .. }) => Settlement::NotExecuted,
                Err(Failure { outcome: Outcome::Executed, .. }) => Settlement::Executed,
                Err(Failure { outcome: Outcome::Unknown, .. }) => return,
            };
            return;
        }
        match &completion {
            Ok(_) => self.statistics.replies += 1,
            Err(_) => self.statistics.failures += 1,
        }
        self.open_calls -= 1;
        if self.open_calls == 0 {
            self.deadlines.clear();
        }
        call.completion = Some(completion);
        if matches!(call.phase, Phase::Waiting | Phase::Delayed) {
            call.phase = Phase::Settled;
        }
        // The arguments are needed no more, except by copies of a request, and there will be none.
        call.drop_arguments();
        if !call.is_released {
            self.finished.push_back(key);
            if is_mostly_gone(self.finished.len(), self.calls.len()) {
                self.finished.retain(|&key| self.calls.get(key).is_some());
            }
        } else if !call.phase.has_lane() {
            self.calls.remove(key);
        }
    }
}
