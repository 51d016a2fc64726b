//! Looks at a server from within, for tests and the simulator: everything that is counted as it changes is
//! counted again from the records, and compared. Nothing here changes anything.

use core::fmt;
use std::collections::HashMap;
use std::net::SocketAddr;

use super::ServerEndpoint;
use super::incoming::CallToken;
use super::records::{Phase, Record};
use super::session::{QueuedAnswer, Session};
use super::sources::SessionCounts;
use super::window::LaneState;
use crate::config::ServerConfig;
use crate::endpoint::inspect::{Faults, Hashed, Inspect};
use crate::statistics::{Received, ServerStatistics};
use crate::time::Timestamp;
use crate::wire::frame::ONEWAY_LANE;

/// A call's session, lane and number.
pub(crate) type CallName = (u64, u16, u64);

/// What is recorded of a call, for one who looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedCall {
    /// The call.
    pub name: CallName,
    /// Whether its session lives and its lane holds this record.
    pub is_current: bool,
    /// Bytes that are booked for its reply.
    pub booked: usize,
    /// Whether it was taken to be run and has not ended.
    pub is_running: bool,
    /// Whether its handler was entered.
    pub is_entered: bool,
    /// Whether it may run again.
    pub is_idempotent: bool,
}

/// What a session's records come to.
#[derive(Default)]
struct Sum {
    unfinished: usize,
    running: usize,
    stored: usize,
    charged: usize,
    parked: usize,
    answers: usize,
    lease_checks: usize,
    is_in_line: bool,
}

impl Inspect for ServerEndpoint {
    fn received(&self) -> &Received {
        &self.statistics.received
    }

    fn weight(&self) -> usize {
        self.reply_bytes + self.budget.allocated
    }

    fn digest(&self) -> u64 {
        let mut hash = Hashed::default();
        let parts: [&dyn fmt::Debug; 13] = [
            &self.cookies,
            &self.open_limit.checksum(),
            &self.hint_limit.checksum(),
            &self.answer_limit.checksum(),
            &self.sessions,
            &self.session_counts,
            &self.records,
            &self.queue,
            &(&self.working_due, &self.lease_checks, &self.stateless, &self.in_line),
            &self.bulk_line,
            &self.budget,
            &self.large_methods,
            &(self.reply_bytes, self.stored_replies, self.running, self.suspended),
        ];
        for part in parts {
            hash.add(part);
        }
        hash.finish()
    }
}

impl ServerEndpoint {
    /// The calls whose arguments have not arrived whole.
    #[cfg(feature = "fuzzing")]
    pub fn receiving(&self) -> Vec<CallName> {
        let records = self.budget.all.tokens().filter_map(|token| self.records.get(token));
        let receiving = records.filter(|record| matches!(record.phase, Phase::Receiving(_)));
        receiving.map(|record| (record.session_id, record.lane, record.sequence)).collect()
    }

    /// What is recorded of a call.
    pub fn recorded_call(&self, token: CallToken) -> Option<RecordedCall> {
        let record = self.records.get(token)?;
        let (is_running, is_entered) = match &record.phase {
            Phase::Running { context, .. } => (true, context.is_entered()),
            _ => (false, false),
        };
        Some(RecordedCall {
            name: (record.session_id, record.lane, record.sequence),
            is_current: self.is_current(token, record),
            booked: record.booked,
            is_running,
            is_entered,
            is_idempotent: record.is_idempotent,
        })
    }

    fn is_current(&self, token: CallToken, record: &Record) -> bool {
        let session = self.sessions.get(record.session).filter(|s| s.id == record.session_id);
        let Some(session) = session else { return false };
        if record.lane == ONEWAY_LANE {
            return true;
        }
        let lane = session.window.lanes().nth(record.lane.into());
        lane.is_some_and(|lane| {
            lane.sequence == record.sequence && lane.state == LaneState::Recorded(token.index)
        })
    }

    /// Its configuration.
    pub fn settings(&self) -> &ServerConfig {
        &self.config
    }

    /// The counters that only grow. What is said to be *now* is in
    /// [`statistics`](ServerEndpoint::statistics).
    pub fn counters(&self) -> &ServerStatistics {
        &self.statistics
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The ids of all sessions.
    pub fn session_ids(&self) -> impl Iterator<Item = u64> {
        self.sessions.iter().map(|session| session.id)
    }

    /// The address of a session.
    pub fn session_address(&self, id: u64) -> Option<SocketAddr> {
        Some(self.sessions.get(self.sessions.index_of(id)?)?.address)
    }

    /// Whether the result of this call is stored.
    pub fn is_stored(&self, session: u64, lane: u16, sequence: u64) -> bool {
        let session = self.sessions.index_of(session).and_then(|index| self.sessions.get(index));
        let lane = session.and_then(|session| session.window.lanes().nth(lane.into()));
        let Some(lane) = lane.filter(|lane| lane.sequence == sequence) else { return false };
        let LaneState::Recorded(index) = lane.state else { return false };
        let record = self.records.get(self.records.token(index));
        record.is_some_and(|record| matches!(record.phase, Phase::Done { .. }))
    }

    /// How many bytes of replies may be stored or booked besides those that are.
    pub fn free_reply_bytes(&self) -> usize {
        self.config.maximum_reply_bytes.saturating_sub(self.reply_bytes)
    }

    /// Everything that contradicts itself, or exceeds its bound, one sentence each.
    pub fn audit(&self) -> Vec<String> {
        let mut faults = Faults::default();
        let mut sums = HashMap::<u64, Sum>::new();
        self.audit_records(&mut faults, &mut sums);
        self.audit_budget(&mut faults);
        for &(_, _, id) in &self.lease_checks {
            sums.entry(id).or_default().lease_checks += 1;
        }
        for &(_, id) in &self.in_line {
            sums.entry(id).or_default().is_in_line = true;
        }
        for session in self.sessions.iter() {
            let sum = sums.remove(&session.id).unwrap_or_default();
            self.audit_session(&mut faults, session, &sum);
        }
        self.audit_lines(&mut faults);
        self.audit_bounds(&mut faults);
        faults.into_sentences()
    }

    fn audit_records(&self, faults: &mut Faults, sums: &mut HashMap<u64, Sum>) {
        let (mut queued, mut parked, mut running, mut suspended) = (0, 0, 0, 0);
        let (mut stored, mut booked, mut allocated, mut charged) = (0, 0, 0, 0);
        for (token, record) in self.records.iter() {
            let sum = sums.entry(record.session_id).or_default();
            booked += record.booked;
            sum.answers += usize::from(record.is_answer_queued);
            if let Some(share) = &record.share {
                allocated += share.allocated;
                charged += share.charged;
                sum.charged += share.charged;
            }
            let mut is_left_behind = false;
            match &record.phase {
                Phase::Receiving(_) => sum.unfinished += 1,
                Phase::Queued { is_parked, .. } => {
                    sum.unfinished += 1;
                    sum.parked += usize::from(*is_parked);
                    *(if *is_parked { &mut parked } else { &mut queued }) += 1;
                }
                Phase::Running { is_left, is_suspended, .. } => {
                    sum.unfinished += 1;
                    sum.running += 1;
                    running += 1;
                    suspended += usize::from(*is_suspended);
                    is_left_behind = *is_left;
                }
                Phase::Done { body, .. } => {
                    stored += 1;
                    sum.stored += if self.is_large(body) { body.len() } else { 0 };
                }
                Phase::Refused { .. } => {}
            }
            // A one-way call is in no lane, and may outlive its session in the queue.
            if record.lane != ONEWAY_LANE && self.is_current(token, record) == is_left_behind {
                let name = (record.session_id, record.lane, record.sequence);
                faults.add(format!("the record of {name:x?} and its lane do not agree"));
            }
        }
        faults.equal("queued calls", self.queue.live, queued);
        faults.equal("parked calls", self.queue.parked, parked);
        faults.equal("running calls", self.running, running);
        faults.equal("suspended calls", self.suspended, suspended);
        faults.equal("stored replies", self.stored_replies, stored);
        faults.equal("bytes of replies", self.reply_bytes, booked);
        faults.equal("bytes of arguments", self.budget.allocated, allocated);
        faults.equal("charged bytes of arguments", self.budget.all.charged, charged);
    }

    fn audit_session(&self, faults: &mut Faults, session: &Session, sum: &Sum) {
        faults.equal("unfinished calls of a session", session.unfinished, sum.unfinished);
        faults.equal("running calls of a session", session.running, sum.running);
        faults.equal("large results of a session", session.stored, sum.stored);
        let charged = session.bulk.as_ref().map_or(0, |bulk| bulk.arguments.charged);
        faults.equal("charged bytes of a session", charged, sum.charged);
        let is_parked = |token: &&CallToken| {
            let record = self.records.get(**token);
            record.is_some_and(|it| matches!(it.phase, Phase::Queued { is_parked: true, .. }))
        };
        let parked = session.parked.iter().filter(is_parked).count();
        faults.equal("parked calls of a session", parked, sum.parked);
        let is_recorded = |answer: &&QueuedAnswer| match **answer {
            QueuedAnswer::Recorded { record, generation } => {
                self.records.get(CallToken { index: record, generation }).is_some()
            }
            _ => false,
        };
        let answers = session.answers.iter().filter(is_recorded).count();
        faults.equal("answers of a session", answers, sum.answers);
        let is_in_line = sum.is_in_line || session.answers.is_empty();
        faults.require(is_in_line, "answers are not in line");
        faults.equal("lease checks of a session", sum.lease_checks, 1);
        let running = self.config.maximum_running_per_session;
        faults.at_most("running calls of a session", session.running, running);
        let lanes = session.window.lanes();
        faults.at_most("lanes of a session", lanes.count(), self.config.window.into());
        for lane in session.window.lanes() {
            let LaneState::Recorded(index) = lane.state else { continue };
            let record = self.records.get(self.records.token(index));
            let is_own = record.is_some_and(|record| {
                (record.session_id, record.sequence) == (session.id, lane.sequence)
            });
            faults.require(is_own, "a lane holds the record of another call");
        }
    }

    fn audit_budget(&self, faults: &mut Faults) {
        let mut due = 0;
        for (serial, token) in &self.budget.all.by_age {
            let share = self.records.get(*token).and_then(|record| record.share.as_ref());
            faults.require(share.is_some_and(|it| it.serial == *serial), "a charge of no message");
            let is_timed = share.is_some_and(|share| share.due != Timestamp::NEVER);
            due += usize::from(is_timed);
        }
        let shares = self.records.iter().filter(|(_, record)| record.share.is_some()).count();
        faults.equal("charged messages", self.budget.all.by_age.len(), shares);
        faults.equal("time-outs of messages", self.budget.due.len(), due);
    }

    fn audit_lines(&self, faults: &mut Faults) {
        for &(due, index, id) in &self.bulk_line.timers {
            let session = self.sessions.get(index).filter(|session| session.id == id);
            let bulk = session.and_then(|session| session.bulk.as_ref());
            faults.require(bulk.is_some_and(|bulk| bulk.timer == due), "a timer of a dead session");
        }
        let mut counts = SessionCounts::default();
        for session in self.sessions.iter() {
            counts.add(session.source);
        }
        for session in self.sessions.iter() {
            let (counted, own) =
                (self.session_counts.of(session.source), counts.of(session.source));
            faults.equal("sessions of a source", counted, own);
            let most = self.config.maximum_sessions_per_source;
            faults.at_most("sessions of a source", own, most);
        }
    }

    fn audit_bounds(&self, faults: &mut Faults) {
        let config = &self.config;
        faults.at_most("sessions", self.sessions.len(), config.maximum_sessions);
        faults.at_most("bytes of replies", self.reply_bytes, config.maximum_reply_bytes);
        // Those that run when the bound is reached may still be put off.
        let suspended = config.maximum_suspended.saturating_add(config.workers);
        faults.at_most("suspended calls", self.suspended, suspended);
        // Arguments that came in parts were admitted before they waited.
        let whole = self.queue.waiting().saturating_sub(self.budget.all.by_age.len());
        faults.at_most("queued calls", whole, config.maximum_queued_calls);
        // The oldest message may always grow, or they could all wait for each other.
        let oldest = self.budget.all.tokens().next().and_then(|token| self.records.get(token));
        let oldest = oldest.and_then(|record| record.share.as_ref()).map_or(0, |it| it.charged);
        let others = self.budget.all.charged - oldest;
        faults.at_most("charged bytes", others, config.maximum_assembly_bytes);
    }
}
