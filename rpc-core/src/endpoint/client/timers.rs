//! What is due: copies of requests, probes, fences, deadlines, acknowledgements, silence.
//!
//! The two `next_` fields of the endpoint are lower bounds: setting a timer lowers one, and only
//! when it has come are the calls behind it looked at and the bound made exact again. A call that is
//! answered in time, which is nearly every call, costs no search.

use core::time::Duration;

use super::calls::Phase;
use super::lanes::ACKNOWLEDGEMENT_TRIES;
use super::transmit::Outgoing;
use super::{CallKey, ClientEndpoint};
use crate::error::CallErrorKind;
use crate::time::Timestamp;
use crate::wire::frame::FenceCause;

/// A server is not doubted before this part of `silence_limit`.
const LEAST_PATIENCE: u32 = 16;

/// Fences of one call without any answer before it shares its turns with all other calls.
const FENCES_WITHOUT_ANSWER: u16 = 16;

impl ClientEndpoint {
    pub(super) fn run_timers(&mut self, now: Timestamp) {
        self.forgive_a_pause(now);
        if now >= self.deadlines.next() {
            self.run_deadlines(now);
        }
        self.run_silence(now);
        self.run_handshake_timer(now);
        self.fail_calls_without_server(now);
        if now >= self.next_timer {
            self.run_call_timers(now);
        }
        if now >= self.next_acknowledgement {
            self.run_acknowledgements(now);
        }
        self.run_bulk_timers(now);
        if now >= self.held_until {
            // The host asks for datagrams next.
            self.held_until = Timestamp::NEVER;
        }
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let mut next = self.next_timer.min(self.deadlines.next());
        next = next.min(self.next_acknowledgement).min(self.held_until);
        next = next.min(self.next_bulk_timer());
        if let Some(handshake) = &self.handshake {
            next = next.min(handshake.timer);
            if let Some(at) = self.first_call_without_server() {
                next = next.min(at);
            }
        }
        if let Some(at) = self.silence_due() {
            next = next.min(at);
        }
        (next != Timestamp::NEVER).then_some(next)
    }

    /// When the process or the machine was stopped for a while, the server was not silent: nobody
    /// listened. What it sent meanwhile was read before the timers run.
    fn forgive_a_pause(&mut self, now: Timestamp) {
        const PAUSE: Duration = Duration::from_secs(1);
        let ran_at = core::mem::replace(&mut self.timers_ran_at, now);
        // What was due a second ago was done by timers that have run since.
        if self.awaiting_since.is_some()
            && now.since(ran_at) >= PAUSE
            && self.next_due().is_some_and(|due| now.since(due) >= PAUSE)
        {
            self.awaiting_since = Some(now);
        }
    }

    fn run_deadlines(&mut self, now: Timestamp) {
        while let Some(key) = self.deadlines.pop_due(now) {
            self.expire(key);
        }
        // Nobody is to be woken for calls that were answered in time.
        let calls = &self.calls;
        self.deadlines.skip(|key| calls.get(key).is_some_and(|call| !call.has_ended()));
    }

    /// How long nothing may be heard before the session is doubted and a handshake begins.
    fn suspicion(&self) -> Duration {
        // The server may take the working delay before it says anything.
        let delay = self.session.map_or(Duration::ZERO, |session| session.working_delay);
        (self.round_trip.timeout() * 8).max(self.config.silence_limit / LEAST_PATIENCE) + delay * 2
    }

    fn silence_due(&self) -> Option<Timestamp> {
        let since =
            self.awaiting_since.filter(|_| self.open_calls > 0 && self.session.is_some())?;
        let patience = match self.handshake {
            None => self.suspicion().min(self.config.silence_limit),
            Some(_) => self.config.silence_limit,
        };
        Some(since + patience)
    }

    fn run_silence(&mut self, now: Timestamp) {
        let Some(since) = self.awaiting_since else { return };
        let is_short = now.since(since) < self.config.silence_limit / LEAST_PATIENCE;
        if is_short || self.silence_due().is_none_or(|due| due > now) {
            return;
        }
        if now.since(since) < self.config.silence_limit {
            return self.begin_handshake(now);
        }
        // Unreachable: the calls that were sent end with what is known, and their lanes stay taken
        // until the server has been heard again.
        self.awaiting_since = None;
        self.wants_servers = true;
        let silent = now.since(since);
        let occupants: Vec<_> = self.lanes.occupants().collect();
        for key in occupants {
            let outcome = self.outcome_so_far(key);
            let Some(call) = self.calls.get_mut(key).filter(|call| !call.has_ended()) else {
                continue;
            };
            call.phase = Phase::Fencing;
            call.fence.get_or_insert(FenceCause::Deadline);
            call.timer = now + self.config.maximum_probe_interval;
            self.next_timer = self.next_timer.min(call.timer);
            let (lane, sequence) = (call.lane, call.sequence);
            self.stop_transfer(lane, sequence);
            self.end(key, outcome, CallErrorKind::Unreachable { silent });
        }
    }

    /// When the call that has waited longest for a session gives up.
    fn first_call_without_server(&self) -> Option<Timestamp> {
        let handshake = self.handshake.as_ref()?;
        if self.is_held_for_open_calls(handshake) {
            return None;
        }
        let begun_at = handshake.begun_at;
        let first = self.waiting.iter().find_map(|&key| self.calls.get(key))?;
        Some(first.submitted_at.max(begun_at) + self.config.handshake_timeout)
    }

    /// Ends the calls that have waited for a session as long as a handshake may take.
    fn fail_calls_without_server(&mut self, now: Timestamp) {
        while let Some(&key) = self.waiting.front()
            && self.calls.get(key).is_none_or(|call| call.phase != Phase::Waiting)
        {
            self.waiting.pop_front();
        }
        while self.first_call_without_server().is_some_and(|at| at <= now) {
            let Some(key) = self.waiting.pop_front() else { return };
            let outcome = self.outcome_so_far(key);
            let kind = self.handshake_trouble();
            if self.calls.get(key).is_some_and(|call| call.phase == Phase::Waiting) {
                self.end(key, outcome, kind);
            }
        }
    }

    fn run_call_timers(&mut self, now: Timestamp) {
        self.next_timer = Timestamp::NEVER;
        if self.may_rest(now) {
            self.rest();
            return;
        }
        for lane in 0..self.lanes.count() {
            let Some(key) = self.lanes.occupant(lane) else { continue };
            let Some(call) = self.calls.get(key) else { continue };
            if call.timer <= now && !call.is_queued {
                self.run_call_timer(now, key);
            }
            if let Some(call) = self.calls.get(key) {
                self.next_timer = self.next_timer.min(call.timer);
            }
        }
        self.run_delayed(now);
    }

    /// Whether only calls that nobody asks for any more are fenced, and the server has been silent for
    /// `silence_limit`.
    fn may_rest(&self, now: Timestamp) -> bool {
        let is_silent = |since| now.since(since) >= self.config.silence_limit;
        let is_given_up = |key| self.calls.get(key).is_none_or(|call| call.is_released);
        self.open_calls == 0
            && self.awaiting_since.is_some_and(is_silent)
            && self.lanes.occupants().all(is_given_up)
    }

    /// Sends nothing more, until something is heard or there is a new call.
    fn rest(&mut self) {
        self.is_resting = true;
        self.handshake = None;
        self.set_timers(Timestamp::NEVER);
    }

    /// Sets the timers of all calls that hold lanes.
    fn set_timers(&mut self, at: Timestamp) {
        for key in self.lanes.occupants() {
            if let Some(call) = self.calls.get_mut(key) {
                call.timer = at;
            }
        }
    }

    /// Goes on after a rest.
    pub(super) fn wake(&mut self, now: Timestamp) {
        if !core::mem::take(&mut self.is_resting) {
            return;
        }
        self.awaiting_since = None;
        self.next_timer = now;
        self.set_timers(now);
    }

    fn run_call_timer(&mut self, now: Timestamp, key: CallKey) {
        let Some(call) = self.calls.get(key) else { return };
        let (phase, unanswered) = (call.phase, call.unanswered);
        let wait = match phase {
            Phase::Sent => self.budget.take(now).err().inspect(|_| {
                self.statistics.retransmissions_delayed += 1;
            }),
            Phase::Working => self.wait_of_silent_probe(now),
            Phase::Fencing if unanswered >= FENCES_WITHOUT_ANSWER => self.wait_of_silent_probe(now),
            Phase::Fencing | Phase::Waiting | Phase::Delayed | Phase::Settled => None,
        };
        if let Some(call) = self.calls.get_mut(key) {
            // Sending sets the timer anew.
            call.timer = wait.map_or(Timestamp::NEVER, |wait| now + wait);
        }
        if wait.is_none() {
            self.queue(key);
        }
    }

    /// While the server is silent, one call probes or fences for all: how long this one has to wait.
    fn wait_of_silent_probe(&mut self, now: Timestamp) -> Option<Duration> {
        let silent = self.awaiting_since.map_or(Duration::ZERO, |since| now.since(since));
        if silent < self.round_trip.timeout() * 2 {
            return None;
        }
        if now < self.silent_probe_at {
            return Some(self.silent_probe_at.since(now));
        }
        // At least twenty of them before the server is given up, whatever is lost on the way.
        let longest = self.config.maximum_probe_interval.min(self.config.silence_limit / 20);
        self.silent_probe_at = now + (silent / 2).min(longest);
        None
    }

    fn run_delayed(&mut self, now: Timestamp) {
        while let Some(key) = self.delayed.pop_due(now) {
            let delayed = self.calls.get_mut(key).filter(|call| call.phase == Phase::Delayed);
            let Some(call) = delayed else { continue };
            call.phase = Phase::Waiting;
            call.timer = Timestamp::NEVER;
            self.waiting.push_back(key);
        }
        self.next_timer = self.next_timer.min(self.delayed.next());
        if !self.waiting.is_empty() {
            self.doubt_idle_session(now);
        }
        self.start_waiting();
        if self.session.is_none() && !self.waiting.is_empty() {
            self.begin_handshake(now);
        }
    }

    fn run_acknowledgements(&mut self, now: Timestamp) {
        let repeat = self.acknowledgement_interval();
        let mut next = Timestamp::NEVER;
        let mut riders = Vec::new();
        for (lane, reply) in self.lanes.replies() {
            if reply.due <= now {
                if reply.tries >= ACKNOWLEDGEMENT_TRIES {
                    if reply.tries == ACKNOWLEDGEMENT_TRIES {
                        reply.tries += 1;
                        riders.push((lane, reply.sequence));
                    }
                    continue;
                }
                reply.tries += 1;
                reply.due = now + repeat * u32::from(reply.tries);
                let sequence = reply.sequence;
                self.outbox.push_back(Outgoing::Acknowledge { lane, sequence });
            }
            if reply.tries <= ACKNOWLEDGEMENT_TRIES {
                next = next.min(reply.due);
            }
        }
        for (lane, sequence) in riders {
            self.lanes.let_ride(lane, sequence);
        }
        self.next_acknowledgement = next;
    }

    /// How long an acknowledgement waits for its confirmation.
    pub(super) fn acknowledgement_interval(&self) -> Duration {
        (self.round_trip.timeout() * 2).max(self.config.acknowledgement_delay)
    }

    /// The server has been heard again after a handshake: whatever is open is sent again at once.
    pub(super) fn repeat_everything(&mut self) {
        let occupants: Vec<_> = self.lanes.occupants().collect();
        for key in occupants {
            if let Some(call) = self.calls.get_mut(key) {
                call.unanswered = 0;
            }
            self.queue(key);
        }
    }

    /// Whether calls that have ended still hold lanes.
    pub(super) fn has_fences(&self) -> bool {
        self.lanes
            .occupants()
            .any(|key| self.calls.get(key).is_some_and(|call| call.phase == Phase::Fencing))
    }
}
