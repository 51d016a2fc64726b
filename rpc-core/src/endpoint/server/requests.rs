//! What the frames of a client do.
//!
//! The order of checks on a request is the heart of "at most once": integrity, session, **duplicate
//! look-up**, and only for a new number deadline, load and memory. Whatever is decided about a new
//! number is recorded in its lane before anything is sent.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::ServerEndpoint;
use super::incoming::CallToken;
use super::records::{Phase, Record};
use super::session::{QueuedAnswer, Session};
use super::transmit::Stateless;
use super::window::{LaneState, Position};
use crate::endpoint::{in_datagram, is_mostly_gone};
use crate::statistics::DropReason;
use crate::time::Timestamp;
use crate::wire::Kind;
use crate::wire::frame::{
    ClientFrame, NO_DEADLINE, ONEWAY_LANE, PlainAnswer, Request, Subject, VerdictCode,
    next_client_frame,
};

/// A refusal of a new call.
pub(super) struct Refused {
    code: VerdictCode,
    detail: Bytes,
}

impl Refused {
    fn plain(code: VerdictCode) -> Self {
        Self { code, detail: Bytes::new() }
    }

    pub(super) fn busy() -> Self {
        Self::plain(VerdictCode::Busy)
    }
}

/// Where an admitted call goes.
pub(super) struct Admitted {
    service: usize,
    is_idempotent: bool,
    pub(super) deadline: Timestamp,
    max_reply: Option<usize>,
    /// How many bytes are booked for its reply.
    booked: usize,
}

impl ServerEndpoint {
    pub(super) fn receive_frames(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        local: Option<IpAddr>,
        id: u64,
        body: &[u8],
        datagram: &Bytes,
    ) -> Result<(), DropReason> {
        // All or nothing: a datagram with one malformed frame changes nothing.
        let mut at = 0;
        while at < body.len() {
            next_client_frame(body, &mut at).ok_or(DropReason::Malformed)?;
        }
        if at == 0 {
            return Err(DropReason::Malformed);
        }
        let Some(index) = self.sessions.index_of(id) else {
            self.hint(now, from, local, Stateless::hint(Kind::Gone, id));
            return Err(DropReason::UnknownSession);
        };
        let session = self.sessions.get_mut(index).expect("the index of a session is in use");
        if session.address != from {
            self.hint(now, from, local, Stateless::hint(Kind::Moved, id));
            return Err(DropReason::UnprovenAddress);
        }
        session.last_heard = now;
        let mut at = 0;
        while let Some(frame) = next_client_frame(body, &mut at) {
            match frame {
                ClientFrame::Request(subject, request) => {
                    self.receive_request(now, index, subject, &request, body, datagram);
                }
                ClientFrame::Oneway(subject, request) => {
                    self.receive_oneway(now, index, subject, &request, datagram);
                }
                ClientFrame::Probe(subject) => self.receive_probe(now, index, subject),
                ClientFrame::Fence(subject, _) => self.receive_fence(now, index, subject),
                ClientFrame::Acknowledge(subject) => self.receive_acknowledge(now, index, subject),
                ClientFrame::Part(subject, request, part) => {
                    let bytes = &body[part.body.clone()];
                    self.receive_part(now, index, subject, &request, &part, bytes);
                }
                ClientFrame::Arrived(subject, arrived) => {
                    self.receive_arrived(now, index, subject, &arrived, body);
                }
                ClientFrame::Question(subject, number) => {
                    self.receive_question(now, index, subject, number);
                }
                ClientFrame::Close => {
                    self.remove_session(index);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn receive_request(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        request: &Request,
        body: &[u8],
        datagram: &Bytes,
    ) {
        let arguments = &body[request.body.clone()];
        let digest = self.methods.digest(request, arguments);
        let Some(position) = self.position(session, subject) else { return };
        match position {
            Position::Stale => self.statistics.stale_requests += 1,
            Position::Duplicate => self.answer_duplicate(now, session, subject, Some(digest)),
            Position::New => match self.judge(now, session, request, arguments.len()) {
                Ok(admitted) => {
                    let arguments = self.arena.keep(datagram, in_datagram(&request.body));
                    self.admit(now, session, subject, request, digest, admitted, arguments);
                }
                Err(refused) => self.refuse_new(now, session, subject, digest, refused),
            },
        }
    }

    /// Where the subject stands in its lane; `None`, and counted, if there is no such lane.
    pub(super) fn position(&mut self, session: u32, subject: Subject) -> Option<Position> {
        let lane = self.sessions.get_mut(session)?.window.lane(subject.lane);
        if lane.is_none() {
            self.statistics.misuses += 1;
        }
        lane.map(|lane| lane.position(subject.sequence))
    }

    /// Answers a copy of the lane's call with what is known of that call. It is never run again.
    fn answer_duplicate(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        digest: Option<u32>,
    ) {
        let (state, room) = (self.lane_state(session, subject.lane), self.reply_room());
        let Some(state) = state else { return };
        let answer = match state {
            LaneState::Recorded(record) => {
                let token = self.records.token(record);
                let record = self.records.get_mut(token).expect("a lane's record exists");
                if let Some(digest) = digest.filter(|&digest| digest != record.digest) {
                    // Another call under this number: somebody uses one client state twice. Neither
                    // run it nor show it the other call's reply.
                    self.statistics.misuses += 1;
                    let answer = QueuedAnswer::Misuse { subject, received_at: now, digest };
                    self.queue_answer(session, answer);
                    return;
                }
                if let Phase::Receiving(_) = record.phase {
                    self.statistics.duplicates += 1;
                    let key = (subject.lane, subject.sequence);
                    return self.answer_part(now, session, key, None);
                }
                record.on_attempt(subject.attempt, now);
                self.statistics.replies_replayed += u64::from(
                    matches!(&record.phase, Phase::Done { body, .. } if body.len() <= room),
                );
                self.statistics.duplicates += 1;
                return self.queue_recorded(token);
            }
            LaneState::Refused(code) => QueuedAnswer::Verdict { subject, received_at: now, code },
            LaneState::NotKept => {
                QueuedAnswer::Plain { subject, received_at: now, answer: PlainAnswer::NotKept }
            }
            LaneState::Freed | LaneState::Empty => {
                self.statistics.stale_requests += 1;
                return;
            }
        };
        self.statistics.duplicates += 1;
        self.queue_answer(session, answer);
    }

    /// Decides about a new call with `size` bytes of arguments. Nothing is changed yet.
    pub(super) fn judge(
        &self,
        now: Timestamp,
        session: u32,
        request: &Request,
        size: usize,
    ) -> Result<Admitted, Refused> {
        if self.is_shutting_down {
            return Err(Refused::plain(VerdictCode::ShuttingDown));
        }
        let Some(method) = self.methods.find(request.interface, request.method) else {
            let is_served = self.methods.has_interface(request.interface);
            return Err(Refused::plain(if is_served {
                VerdictCode::UnknownMethod
            } else {
                VerdictCode::UnknownInterface
            }));
        };
        if method.signature != request.signature {
            return Err(Refused {
                code: VerdictCode::SignatureMismatch,
                detail: detail(method.signature_text),
            });
        }
        let limit = method.limits.request.unwrap_or(self.config.maximum_request);
        if size > limit {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX).to_be_bytes();
            return Err(Refused {
                code: VerdictCode::TooLarge,
                detail: Bytes::copy_from_slice(&limit),
            });
        }
        if request.remaining == 0 {
            return Err(Refused::plain(VerdictCode::Expired));
        }
        let booked = self.booking(method.limits);
        let patience = self.config.maximum_queue_delay;
        let waiting = self.sessions.get(session).map_or(0, Session::waiting);
        if self.queue.waiting() >= self.config.maximum_queued_calls
            || waiting >= self.config.maximum_queued_per_session
            || self.oldest_queued().is_some_and(|since| now > since + patience)
            || booked > self.config.maximum_reply_bytes.saturating_sub(self.reply_bytes)
        {
            return Err(Refused::plain(VerdictCode::Busy));
        }
        Ok(Admitted {
            service: method.service,
            is_idempotent: method.is_idempotent,
            deadline: if request.remaining == NO_DEADLINE {
                Timestamp::NEVER
            } else {
                now + Duration::from_millis(request.remaining.into())
            },
            max_reply: method.limits.reply,
            booked,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of the record it makes")]
    fn admit(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        request: &Request,
        digest: u32,
        admitted: Admitted,
        body: Bytes,
    ) {
        let ticket = self.queue.ticket();
        let phase = Phase::Queued { body, ticket, since: now, is_parked: false };
        let token = self.record(session, subject, request, digest, now, admitted, phase);
        if subject.lane != ONEWAY_LANE {
            self.advance(session, subject, LaneState::Recorded(token.index));
        }
        self.line_up(now, token);
    }

    /// Makes the record of an admitted call, which counts as unfinished.
    #[expect(clippy::too_many_arguments, reason = "they are the fields of the record it makes")]
    pub(super) fn record(
        &mut self,
        session: u32,
        subject: Subject,
        request: &Request,
        digest: u32,
        received_at: Timestamp,
        admitted: Admitted,
        phase: Phase,
    ) -> CallToken {
        let booked = if subject.lane == ONEWAY_LANE { 0 } else { admitted.booked };
        self.reply_bytes += booked;
        let target = self.sessions.get_mut(session).expect("the session was found");
        target.unfinished += 1;
        self.records.insert(Record {
            session,
            session_id: target.id,
            lane: subject.lane,
            sequence: subject.sequence,
            digest,
            attempt: subject.attempt,
            received_at,
            service: admitted.service,
            method: request.method,
            is_idempotent: admitted.is_idempotent,
            deadline: admitted.deadline,
            is_answer_queued: false,
            max_reply: admitted.max_reply,
            share: None,
            booked,
            phase,
        })
    }

    /// A call waits to be run from now on.
    pub(super) fn line_up(&mut self, now: Timestamp, token: CallToken) {
        let Some(record) = self.records.get(token) else { return };
        self.queue.push(token, record, &self.records);
        self.statistics.calls += 1;
        if record.lane != ONEWAY_LANE {
            if is_mostly_gone(self.working_due.len(), self.records.len()) {
                self.working_due.retain(|&(_, token)| self.records.get(token).is_some());
            }
            self.working_due.push_back((now + self.config.working_delay, token));
        }
    }

    /// Refuses a new call. `received_at` is never for one that comes in parts.
    pub(super) fn refuse_new(
        &mut self,
        received_at: Timestamp,
        session: u32,
        subject: Subject,
        digest: u32,
        refused: Refused,
    ) {
        let Refused { code, detail } = refused;
        self.statistics.refusals += 1;
        let has_room = self.reply_bytes + detail.len() <= self.config.maximum_reply_bytes;
        if detail.is_empty() || !has_room {
            self.advance(session, subject, LaneState::Refused(code));
            let answer = QueuedAnswer::Verdict { subject, received_at, code };
            self.queue_answer(session, answer);
            return;
        }
        let Some(target) = self.sessions.get(session) else { return };
        let booked = detail.len();
        self.reply_bytes += booked;
        let token = self.records.insert(Record {
            session,
            session_id: target.id,
            lane: subject.lane,
            sequence: subject.sequence,
            digest,
            attempt: subject.attempt,
            received_at,
            service: 0,
            method: 0,
            is_idempotent: false,
            deadline: Timestamp::NEVER,
            is_answer_queued: false,
            max_reply: None,
            share: None,
            booked,
            phase: Phase::Refused { code, detail },
        });
        self.advance(session, subject, LaneState::Recorded(token.index));
        self.queue_recorded(token);
    }

    fn receive_oneway(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        request: &Request,
        datagram: &Bytes,
    ) {
        let Some(target) = self.sessions.get_mut(session) else { return };
        if !target.oneway.mark(subject.sequence) {
            self.statistics.duplicates += 1;
            return;
        }
        match self.judge(now, session, request, request.body.len()) {
            Ok(admitted) => {
                self.statistics.oneway_calls += 1;
                let arguments = self.arena.keep(datagram, in_datagram(&request.body));
                self.admit(now, session, subject, request, 0, admitted, arguments);
            }
            Err(_) => self.statistics.oneway_dropped += 1,
        }
    }

    fn receive_probe(&mut self, now: Timestamp, session: u32, subject: Subject) {
        let Some(position) = self.position(session, subject) else { return };
        match position {
            Position::Stale => self.statistics.stale_requests += 1,
            Position::Duplicate => self.answer_duplicate(now, session, subject, None),
            Position::New => self.answer_plain(now, session, subject, PlainAnswer::Unseen),
        }
    }

    /// After a FENCE the call does not begin any more, and the client is told what became of it.
    fn receive_fence(&mut self, now: Timestamp, session: u32, subject: Subject) {
        let Some(position) = self.position(session, subject) else { return };
        let state = match position {
            Position::Stale => LaneState::Freed,
            Position::New => {
                // The request may still be on its way: the refusal has to be in the lane before it.
                self.advance(session, subject, LaneState::Refused(VerdictCode::Fenced));
                LaneState::Refused(VerdictCode::Fenced)
            }
            Position::Duplicate => match self.lane_state(session, subject.lane) {
                Some(state) => state,
                None => return,
            },
        };
        match state {
            LaneState::Recorded(record) => self.fence_recorded(now, session, subject, record),
            LaneState::Refused(code) => {
                let answer = QueuedAnswer::Verdict { subject, received_at: now, code };
                self.queue_answer(session, answer);
            }
            LaneState::NotKept => self.answer_plain(now, session, subject, PlainAnswer::NotKept),
            LaneState::Freed | LaneState::Empty => {
                self.answer_plain(now, session, subject, PlainAnswer::Superseded);
            }
        }
    }

    fn fence_recorded(&mut self, now: Timestamp, session: u32, subject: Subject, record: u32) {
        let token = self.records.token(record);
        let record = self.records.get_mut(token).expect("a lane's record exists");
        record.on_attempt(subject.attempt, now);
        match &record.phase {
            Phase::Receiving(_) => self.refuse_receiving(token, VerdictCode::Fenced, ""),
            Phase::Queued { .. } => {
                self.refuse_queued(now, token, VerdictCode::Fenced);
            }
            Phase::Running { context, .. } => {
                context.cancel();
                // Between the taking of a call and the entering of its handler the arguments are
                // decoded, and that may still fail. Until it is decided, say only that it is worked on.
                if context.is_entered() {
                    self.answer_plain(now, session, subject, PlainAnswer::Running);
                } else {
                    self.queue_recorded(token);
                }
            }
            Phase::Done { .. } | Phase::Refused { .. } => self.queue_recorded(token),
        }
    }

    /// Frees the reply of exactly this call, if it has one, and confirms.
    fn receive_acknowledge(&mut self, now: Timestamp, session: u32, subject: Subject) {
        let Some(position) = self.position(session, subject) else { return };
        match position {
            Position::New => return,
            Position::Stale => {}
            Position::Duplicate => match self.lane_state(session, subject.lane) {
                Some(LaneState::Recorded(record)) => {
                    let token = self.records.token(record);
                    let phase = self.records.get(token).map(|record| &record.phase);
                    if !matches!(phase, Some(Phase::Done { .. } | Phase::Refused { .. })) {
                        return;
                    }
                    self.set_lane_state(session, subject.lane, LaneState::Freed);
                    self.forget(token);
                }
                Some(LaneState::Empty) | None => return,
                Some(LaneState::Refused(_) | LaneState::NotKept | LaneState::Freed) => {}
            },
        }
        self.answer_plain(now, session, subject, PlainAnswer::Acknowledged);
    }

    /// Puts a refusal into its session's queue, unless one of the same call is among the last there.
    pub(super) fn queue_once(&mut self, session: u32, subject: Subject, answer: QueuedAnswer) {
        if self.sessions.get(session).is_some_and(|target| !target.has_refusal(subject)) {
            self.queue_answer(session, answer);
        }
    }

    fn answer_plain(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        answer: PlainAnswer,
    ) {
        self.queue_answer(session, QueuedAnswer::Plain { subject, received_at: now, answer });
    }

    /// Makes a new number its lane's call, and leaves the previous one behind: that is the implicit
    /// acknowledgement of its reply and the fence of every lower number.
    pub(super) fn advance(&mut self, session: u32, subject: Subject, state: LaneState) {
        let Some(target) = self.sessions.get_mut(session) else { return };
        let Some(lane) = target.window.lane(subject.lane) else { return };
        if let LaneState::Recorded(previous) = lane.advance(subject.sequence, state) {
            self.leave(previous);
        }
    }

    pub(super) fn lane_state(&mut self, session: u32, lane: u16) -> Option<LaneState> {
        Some(self.sessions.get_mut(session)?.window.lane(lane)?.state)
    }

    pub(super) fn set_lane_state(&mut self, session: u32, lane: u16, state: LaneState) {
        if let Some(target) = self.sessions.get_mut(session)
            && let Some(lane) = target.window.lane(lane)
        {
            lane.state = state;
        }
    }
}

/// The longest text that goes with a refusal or a failure, in bytes.
pub(super) const LONGEST_DETAIL: usize = 512;

/// The text that goes with a refusal or a failure, cut to what a datagram surely holds.
pub(super) fn detail(text: &str) -> Bytes {
    let mut end = text.len().min(LONGEST_DETAIL);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Bytes::copy_from_slice(&text.as_bytes()[..end])
}
