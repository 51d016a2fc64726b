//! The queue of calls, taking one to run, and recording what became of it.

use std::collections::VecDeque;

use super::ServerEndpoint;
use super::incoming::{CallToken, Finished, Ready};
use super::records::{Phase, Record, Records};
use super::replies::judge_result;
use super::session::QueuedAnswer;
use super::window::LaneState;
use crate::endpoint::is_mostly_gone;
use crate::time::Timestamp;
use crate::wire::frame::{ONEWAY_LANE, VerdictCode};

/// Calls that wait for a worker, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The first one still waits. Others may be gone, and are dropped when it would be their turn.
    entries: VecDeque<Entry>,
    /// Entries whose call still waits.
    pub(super) live: usize,
    /// Calls that wait until fewer handlers of their session run.
    pub(super) parked: usize,
    next_ticket: u64,
    /// The ticket of the call that was taken last.
    served: u64,
}

/// A call that waits, and what is asked about the first of them again and again.
#[derive(Debug)]
struct Entry {
    token: CallToken,
    /// The service and the method.
    method: (usize, u32),
    since: Timestamp,
}

/// How many calls are looked at to find one that may overtake the others.
const LOOK_AHEAD: usize = 64;

impl Queue {
    /// Calls that wait, parked ones included.
    pub(super) fn waiting(&self) -> usize {
        self.live + self.parked
    }

    /// Entries, those of calls that are gone included.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// A number that says how late a call came.
    pub(super) fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Lines up a call that waits.
    pub(super) fn push(&mut self, token: CallToken, record: &Record, records: &Records) {
        let Phase::Queued { since, .. } = record.phase else { return };
        if is_mostly_gone(self.entries.len(), self.live) {
            self.entries.retain(|entry| records.get(entry.token).is_some());
        }
        let method = (record.service, record.method);
        self.entries.push_back(Entry { token, method, since });
        self.live += 1;
    }

    /// Takes one out that does not wait any more.
    fn remove(&mut self, position: usize, records: &Records) {
        self.entries.remove(position);
        self.live -= 1;
        self.skip(records);
    }

    /// The place of the first call near the front that still waits and whose method is wanted.
    fn find(&self, records: &Records, is_wanted: impl Fn((usize, u32)) -> bool) -> Option<usize> {
        let waits = |entry: &Entry| {
            let record = records.get(entry.token);
            record.is_some_and(|record| matches!(record.phase, Phase::Queued { .. }))
        };
        let mut near = self.entries.iter().take(LOOK_AHEAD);
        near.position(|entry| is_wanted(entry.method) && waits(entry))
    }

    /// Drops entries from the front whose calls are gone.
    fn skip(&mut self, records: &Records) {
        let is_gone = |entry: &Entry| records.get(entry.token).is_none();
        while self.entries.len() > self.live && self.entries.front().is_some_and(is_gone) {
            self.entries.pop_front();
        }
    }

    /// About how many calls are before the one with this ticket.
    pub(super) fn position(&self, ticket: u64) -> u32 {
        let waiting = self.waiting().saturating_sub(1) as u64;
        let ahead = ticket.saturating_sub(self.served + 1).min(waiting);
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }
}

impl ServerEndpoint {
    /// How many calls can be taken to be run. Not among them are calls of a session that runs as many
    /// handlers as one session may.
    pub fn queued(&self) -> usize {
        self.queue.live
    }

    /// Since when the oldest of them has waited.
    pub fn oldest_queued(&self) -> Option<Timestamp> {
        self.queue.entries.front().map(|entry| entry.since)
    }

    /// The service and the method that [`take_ready`](Self::take_ready) would give next.
    pub fn peek_ready(&self) -> Option<(usize, u32)> {
        if !self.may_take() {
            return None;
        }
        self.queue.entries.front().map(|entry| entry.method)
    }

    /// The method that [`take_ready_of`](Self::take_ready_of) would give next.
    pub fn peek_ready_of(&self, is_wanted: impl Fn((usize, u32)) -> bool) -> Option<(usize, u32)> {
        if !self.may_take() {
            return None;
        }
        let position = self.queue.find(&self.records, is_wanted)?;
        Some(self.queue.entries[position].method)
    }

    /// How many calls were taken and not completed.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many of them wait for an answer without a worker.
    pub fn suspended(&self) -> usize {
        self.suspended
    }

    /// Whether one more call may be taken, which may then have to wait without a worker.
    fn may_take(&self) -> bool {
        self.suspended < self.config.maximum_suspended
    }

    /// Takes the next call to run it: from here on it counts as running, and no fence can stop it.
    ///
    /// None is given while as many calls wait for an answer as may.
    pub fn take_ready(&mut self, now: Timestamp) -> Option<Ready> {
        while self.may_take() && !self.queue.entries.is_empty() {
            let ready = self.take_at(0, now);
            if ready.is_some() {
                return ready;
            }
        }
        None
    }

    /// As [`take_ready`](Self::take_ready), the next call of those methods that are wanted. It overtakes
    /// calls of others, if not too many of them wait.
    pub fn take_ready_of(
        &mut self,
        now: Timestamp,
        is_wanted: impl Fn((usize, u32)) -> bool,
    ) -> Option<Ready> {
        while self.may_take() {
            let position = self.queue.find(&self.records, &is_wanted)?;
            let ready = self.take_at(position, now);
            if ready.is_some() {
                return ready;
            }
        }
        None
    }

    /// Takes the call at this place of the queue, unless it must not run now, or at all: then it is not in the
    /// queue any more.
    fn take_at(&mut self, position: usize, now: Timestamp) -> Option<Ready> {
        let token = self.queue.entries[position].token;
        let record = self.records.get_mut(token).expect("the call waits");
        if record.deadline <= now {
            self.refuse_queued(now, token, VerdictCode::Expired);
            return None;
        }
        let session = self.sessions.get_mut(record.session).filter(|s| s.id == record.session_id);
        let Some(session) = session else {
            // A one-way call, whose session was closed: no lane has led to its record.
            self.unqueue(token);
            self.forget(token);
            return None;
        };
        let waits =
            record.lane != ONEWAY_LANE && self.large_methods.wait(record, session, &self.config);
        if waits || session.running >= self.config.maximum_running_per_session {
            if let Phase::Queued { is_parked, .. } = &mut record.phase {
                *is_parked = true;
            }
            self.queue.remove(position, &self.records);
            self.queue.parked += 1;
            session.parked.push_back(token);
            if is_mostly_gone(session.parked.len(), self.queue.parked) {
                session.parked.retain(|&token| self.records.get(token).is_some());
            }
            return None;
        }
        session.running += 1;
        self.running += 1;
        self.statistics.executions += 1;
        #[cfg(feature = "tracing")]
        let identity = (record.session_id, record.sequence);
        let context = self.contexts.begin(session.address, record.deadline);
        let running = Phase::Running {
            context: context.clone(),
            since: now,
            is_left: false,
            is_suspended: false,
        };
        let Phase::Queued { body, ticket, .. } = core::mem::replace(&mut record.phase, running)
        else {
            unreachable!("the call waits");
        };
        if position == 0 {
            self.queue.served = self.queue.served.max(ticket);
        }
        let ready = Ready {
            token,
            service: record.service,
            method: record.method,
            body,
            context,
            #[cfg(feature = "tracing")]
            identity,
        };
        let has_share = record.share.is_some();
        self.queue.remove(position, &self.records);
        if has_share {
            self.close_share(token);
        }
        Some(ready)
    }

    /// The method of a call that runs.
    pub fn method_of(&self, token: CallToken) -> Option<u32> {
        let record = self.records.get(token)?;
        matches!(record.phase, Phase::Running { .. }).then_some(record.method)
    }

    /// The handler of a call has returned and its answer comes later. False if the answer has come, or
    /// the call is not known any more.
    pub fn suspend(&mut self, token: CallToken) -> bool {
        let Some(record) = self.records.get_mut(token) else { return false };
        let Phase::Running { is_suspended, .. } = &mut record.phase else { return false };
        let was_suspended = core::mem::replace(is_suspended, true);
        self.suspended += usize::from(!was_suspended);
        true
    }

    /// Records what became of a call and puts the answer into the line for sending. If the call's
    /// lane or session has moved on meanwhile, the result is of no use to anybody and is dropped.
    pub fn complete(&mut self, token: CallToken, finished: Finished) {
        let too_large = match (&finished, self.records.get(token)) {
            (Finished::Reply(body), Some(record)) => self.is_too_large(record, body.len()),
            _ => None,
        };
        let large_from = self.reply_room();
        let Some(record) = self.records.get_mut(token) else { return };
        let Phase::Running { is_left, is_suspended, context, .. } = &record.phase else { return };
        let (is_left, is_entered) = (*is_left, context.is_entered());
        self.running -= 1;
        self.suspended -= usize::from(*is_suspended);
        self.statistics.panics += u64::from(matches!(finished, Finished::Panicked { .. }));
        let (session, id, lane) = (record.session, record.session_id, record.lane);
        let subject = record.subject();
        if is_left || lane == ONEWAY_LANE {
            self.end_execution(session, id);
            self.forget(token);
            return;
        }
        let phase = judge_result(finished, is_entered, too_large.as_deref());
        let booked = match &phase {
            Phase::Done { body, .. } => body.len(),
            Phase::Refused { detail, .. } => detail.len(),
            _ => unreachable!("a result ends the call"),
        };
        self.reply_bytes = self.reply_bytes + booked - record.booked;
        record.booked = booked;
        let plain_verdict = match &phase {
            Phase::Refused { code, detail } if detail.is_empty() => Some(*code),
            _ => None,
        };
        self.stored_replies += usize::from(matches!(phase, Phase::Done { .. }));
        self.statistics.refusals += u64::from(matches!(phase, Phase::Refused { .. }));
        let received_at = record.received_at;
        let running = core::mem::replace(&mut record.phase, phase);
        if let Phase::Running { context, .. } = running {
            self.contexts.end(context);
        }
        if let Phase::Done { body, .. } = &record.phase
            && body.len() > large_from
        {
            self.large_methods.note(record);
            if let Some(session) = self.sessions.get_mut(session).filter(|it| it.id == id) {
                session.stored += body.len();
            }
        }
        self.end_execution(session, id);
        if let Some(code) = plain_verdict {
            self.set_lane_state(session, lane, LaneState::Refused(code));
            self.forget(token);
            self.queue_answer(session, QueuedAnswer::Verdict { subject, received_at, code });
        } else {
            self.queue_recorded(token);
        }
    }

    /// A worker is free again, as far as a session is concerned.
    fn end_execution(&mut self, session: u32, id: u64) {
        let target = self.sessions.get_mut(session).filter(|s| s.id == id);
        let Some(target) = target else { return };
        target.running -= 1;
        target.unfinished -= 1;
        if !target.parked.is_empty() {
            self.unpark(session, id);
        }
    }

    /// Lets the next parked call of a session be taken, if one more of its handlers may run.
    pub(super) fn unpark(&mut self, session: u32, id: u64) {
        let Some(session) = self.sessions.get_mut(session).filter(|s| s.id == id) else { return };
        if session.running >= self.config.maximum_running_per_session {
            return;
        }
        while let Some(&token) = session.parked.front() {
            if let Some(record) = self.records.get_mut(token)
                && matches!(record.phase, Phase::Queued { is_parked: true, .. })
            {
                if self.large_methods.wait(record, session, &self.config) {
                    return;
                }
                if let Phase::Queued { is_parked, .. } = &mut record.phase {
                    *is_parked = false;
                }
                session.parked.pop_front();
                self.queue.parked -= 1;
                if let Some(record) = self.records.get(token) {
                    self.queue.push(token, record, &self.records);
                }
                return;
            }
            session.parked.pop_front();
        }
    }

    /// Refuses a call that waits in the queue: it will never run.
    pub(super) fn refuse_queued(&mut self, now: Timestamp, token: CallToken, code: VerdictCode) {
        self.unqueue(token);
        let Some(record) = self.records.get(token) else { return };
        let (session, subject) = (record.session, record.subject());
        self.forget(token);
        if subject.lane == ONEWAY_LANE {
            self.statistics.oneway_dropped += 1;
            return;
        }
        self.statistics.refusals += 1;
        self.set_lane_state(session, subject.lane, LaneState::Refused(code));
        self.queue_answer(session, QueuedAnswer::Verdict { subject, received_at: now, code });
    }

    /// The lane of a recorded call has moved on, or its session is gone.
    pub(super) fn leave(&mut self, index: u32) {
        let token = self.records.token(index);
        let Some(record) = self.records.get_mut(token) else { return };
        match &mut record.phase {
            // It keeps its place among the session's running handlers until it ends.
            Phase::Running { is_left, context, .. } => {
                *is_left = true;
                context.cancel();
            }
            Phase::Queued { .. } => {
                self.unqueue(token);
                self.forget(token);
            }
            Phase::Receiving(_) => {
                let (session, id) = (record.session, record.session_id);
                if let Some(session) = self.sessions.get_mut(session).filter(|s| s.id == id) {
                    session.unfinished -= 1;
                }
                self.forget(token);
            }
            Phase::Done { .. } | Phase::Refused { .. } => self.forget(token),
        }
    }

    /// Counts a queued call out; its entry in the queue is skipped later.
    fn unqueue(&mut self, token: CallToken) {
        let Some(record) = self.records.get(token) else { return };
        let Phase::Queued { is_parked, .. } = record.phase else { return };
        let (session, id) = (record.session, record.session_id);
        if let Some(session) = self.sessions.get_mut(session).filter(|s| s.id == id) {
            session.unfinished -= 1;
        }
        if is_parked {
            self.queue.parked -= 1;
        } else {
            self.queue.live -= 1;
            // It may have been let out to be the next of its session.
            self.unpark(session, id);
        }
    }

    /// Removes a record and gives back what it had booked.
    pub(super) fn forget(&mut self, token: CallToken) {
        let Some(record) = self.records.get(token) else { return };
        let (session, id, call) =
            (record.session, record.session_id, (record.lane, record.sequence));
        self.reply_bytes -= record.booked;
        if record.share.is_some() {
            self.close_share(token);
        }
        let Some(phase) = self.records.remove(token) else { return };
        match phase {
            Phase::Done { body, .. } => {
                self.stored_replies -= 1;
                if self.is_large(&body) {
                    self.stop_reply(session, id, call);
                    self.on_stored_freed(session, id, body.len());
                }
            }
            Phase::Queued { .. } => self.queue.skip(&self.records),
            Phase::Running { context, .. } => self.contexts.end(context),
            Phase::Receiving(_) | Phase::Refused { .. } => {}
        }
    }

    /// Lines up an answer about a recorded call, unless one waits already.
    pub(super) fn queue_recorded(&mut self, token: CallToken) {
        let Some(record) = self.records.get_mut(token) else { return };
        if record.is_answer_queued {
            return;
        }
        let session = record.session;
        let CallToken { index, generation } = token;
        let answer = QueuedAnswer::Recorded { record: index, generation };
        record.is_answer_queued = true;
        if !self.queue_answer(session, answer)
            && let Some(record) = self.records.get_mut(token)
        {
            record.is_answer_queued = false;
        }
    }

    fn is_unfinished(&self, token: CallToken) -> bool {
        self.records.get(token).is_some_and(|record| {
            matches!(record.phase, Phase::Queued { .. } | Phase::Running { is_left: false, .. })
        })
    }

    /// Drops the timers of calls that have finished: short ones leave none behind.
    pub(super) fn drop_timers(&mut self) {
        while self.working_due.front().is_some_and(|&(_, token)| !self.is_unfinished(token)) {
            self.working_due.pop_front();
        }
    }

    /// Says WORKING about every call that has not finished within the agreed delay.
    pub(super) fn announce_working(&mut self, now: Timestamp) {
        while let Some(&(due, token)) = self.working_due.front() {
            let is_unfinished = self.is_unfinished(token);
            if is_unfinished && due > now {
                return;
            }
            self.working_due.pop_front();
            if is_unfinished {
                self.queue_recorded(token);
            }
        }
    }
}
