//! Looks at a client from within, for tests and the simulator: everything that is counted as it changes is
//! counted again from the calls, and compared. Nothing here changes anything.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::calls::Phase;
use super::transmit::Outgoing;
use super::{CallKey, ClientEndpoint};
use crate::config::ClientConfig;
use crate::endpoint::inspect::{Faults, Hashed, Inspect};
use crate::statistics::{ClientStatistics, Received};
use crate::time::Timestamp;
use crate::wire::frame::ONEWAY_LANE;

impl Inspect for ClientEndpoint {
    fn received(&self) -> &Received {
        &self.statistics.received
    }

    fn weight(&self) -> usize {
        let calls = self.calls.keys().filter_map(|key| self.calls.get(key));
        let arguments: usize = calls.map(|call| call.call.body.len()).sum();
        arguments + self.bulk.as_ref().map_or(0, |bulk| bulk.replies.allocated())
    }

    fn digest(&self) -> u64 {
        let mut hash = Hashed::default();
        let parts: [&dyn fmt::Debug; 12] = [
            &(&self.session, &self.handshake, &self.handshake_failure),
            &(&self.servers, self.wants_servers, self.is_resting, self.is_closed),
            &self.calls,
            &self.waiting,
            &(&self.delayed, &self.deadlines),
            &self.lanes,
            &(self.last_sequence, self.open_calls),
            &self.bulk,
            &(&self.round_trip, &self.budget),
            &(&self.outbox, self.outbox_bytes, &self.finished),
            &(self.held_until, self.next_timer, self.next_acknowledgement),
            &(self.awaiting_since, self.silent_probe_at),
        ];
        for part in parts {
            hash.add(part);
        }
        hash.finish()
    }
}

impl ClientEndpoint {
    /// Its configuration.
    pub fn settings(&self) -> &ClientConfig {
        &self.config
    }

    /// The counters that only grow.
    pub fn counters(&self) -> &ClientStatistics {
        &self.statistics
    }

    /// The id of its session.
    pub fn session_id(&self) -> Option<u64> {
        self.session.map(|session| session.id)
    }

    /// The present time-out of a request.
    pub fn request_timeout(&self) -> Duration {
        self.round_trip.timeout()
    }

    /// Whether a call waits for a lane because all of them are taken.
    pub fn is_window_full(&self) -> bool {
        let waits = |&key: &CallKey| {
            self.calls.get(key).is_some_and(|it| it.phase == Phase::Waiting && !it.call.is_oneway)
        };
        self.session.is_some() && self.handshake.is_none() && self.waiting.iter().any(waits)
    }

    /// Everything that contradicts itself, or exceeds its bound, one sentence each. Time has come to `now`,
    /// and what is due was done.
    pub fn audit(&self, now: Timestamp) -> Vec<String> {
        let mut faults = Faults::default();
        self.audit_calls(&mut faults, now);
        self.audit_lanes(&mut faults);
        self.audit_timers(&mut faults);
        let counted = self.statistics.calls - self.statistics.replies - self.statistics.failures;
        faults.equal("calls that have not ended", counted as usize, self.open_calls);
        let (timeout, config) = (self.round_trip.timeout(), &self.config);
        let is_bounded = (config.minimum_timeout..=config.maximum_timeout).contains(&timeout);
        faults.require(is_bounded, "S23: the time-out of a request is out of its bounds");
        faults.at_most("open calls", self.open_calls, config.maximum_open_calls);
        faults.into_sentences()
    }

    fn audit_calls(&self, faults: &mut Faults, now: Timestamp) {
        let (mut open, mut queued) = (0, BTreeMap::<CallKey, usize>::new());
        for outgoing in &self.outbox {
            if let Outgoing::About(key) = outgoing {
                *queued.entry(*key).or_default() += 1;
            }
        }
        let waiting: BTreeSet<_> = self.waiting.iter().copied().collect();
        for key in self.calls.keys() {
            let Some(call) = self.calls.get(key) else { continue };
            open += usize::from(!call.has_ended());
            faults.at_most("numbers", call.sequence as usize, self.last_sequence as usize);
            let waits = waiting.contains(&key);
            match call.phase {
                Phase::Waiting => faults.require(waits, "a waiting call is not in line"),
                Phase::Settled => {
                    faults.require(call.has_ended(), "a settled call has not ended");
                }
                _ => {}
            }
            if call.is_queued {
                let times = queued.get(&key).copied().unwrap_or_default();
                faults.require(times > 0, "a call that is to be sent is not in the outbox");
            }
            // In the very instant, the timer may still be to come.
            if !call.has_ended() && call.deadline_at < now {
                faults.add(format!("L2: a call is open at {now:?}, after {:?}", call.deadline_at));
            }
        }
        faults.equal("open calls", self.open_calls, open);
    }

    fn audit_lanes(&self, faults: &mut Faults) {
        for key in self.calls.keys() {
            let Some(call) = self.calls.get(key) else { continue };
            if call.phase.has_lane() && call.lane != ONEWAY_LANE {
                let is_own = self.lanes.occupant(call.lane) == Some(key);
                faults.require(is_own, "a call that was sent does not hold its lane");
            }
        }
        for key in self.lanes.occupants() {
            let call = self.calls.get(key);
            let is_sent = call.is_some_and(|call| call.phase.has_lane());
            faults.require(is_sent, "a lane is held by a call that needs none");
        }
        faults.require(self.lanes.is_consistent(), "the free lanes are not those that are free");
    }

    fn audit_timers(&self, faults: &mut Faults) {
        if self.is_resting {
            return;
        }
        for key in self.lanes.occupants() {
            let Some(call) = self.calls.get(key) else { continue };
            let is_covered = self.next_timer <= call.timer;
            faults.require(is_covered, "S27: a call's timer is earlier than that of all calls");
            let bulk = self.bulk.as_ref();
            let name = (call.lane, call.sequence);
            let is_moved = bulk.is_some_and(|bulk| bulk.sender.get(name).is_some());
            // Whoever is neither sent, nor moved, nor has a timer is forgotten for ever.
            let is_alive = call.timer != Timestamp::NEVER
                || call.is_queued
                || is_moved
                || self.handshake.is_some();
            faults.require(is_alive, "L1: nothing will ever be done about a call that was sent");
        }
    }
}
