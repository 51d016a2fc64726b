//! What each answer of the server means for its call.

use core::time::Duration;
use std::net::SocketAddr;

use bytes::Bytes;

use super::calls::{Phase, join};
use super::{CallKey, ClientEndpoint};
use crate::endpoint::in_datagram;
use crate::error::{CallErrorKind, Outcome, RequestLimit};
use crate::statistics::DropReason;
use crate::time::Timestamp;
use crate::wire::frame::{
    FenceCause, HELD_UNKNOWN, ReplyCode, ServerAnswer, ServerFrame, VerdictCode, Working,
    next_server_frame,
};
use crate::wire::{Header, Kind, Role};

/// The measure of the round trip that a datagram gives: one, from the newest packet it answers.
#[derive(Clone, Copy, Debug)]
struct Sample {
    sent_at: Timestamp,
    held: Duration,
}

impl ClientEndpoint {
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        datagram: &Bytes,
    ) -> Result<(), DropReason> {
        let (header, body) = match Header::parse(datagram) {
            Err(DropReason::WrongVersion) => return self.receive_version(from, datagram),
            parsed => parsed?,
        };
        if header.role != Role::Server {
            return Err(DropReason::WrongRole);
        }
        match header.kind {
            Kind::Frames => self.receive_frames(now, from, header.session, body, datagram),
            Kind::Challenge => self.receive_challenge(now, from, body),
            Kind::Welcome => self.receive_welcome(now, from, body),
            Kind::Refused => self.receive_refused(now, from, body),
            Kind::Gone | Kind::Moved => self.receive_hint(now, from, header.session),
            Kind::Version => self.receive_version(from, datagram),
            Kind::Hello | Kind::Open => Err(DropReason::Malformed),
        }
    }

    fn receive_frames(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        id: u64,
        body: &[u8],
        datagram: &Bytes,
    ) -> Result<(), DropReason> {
        let session = self.session.filter(|session| session.id == id);
        let session = session.ok_or(DropReason::UnknownSession)?;
        if session.server != from {
            return Err(DropReason::WrongAddress);
        }
        // All or nothing: a datagram with one malformed frame changes nothing.
        let mut frames = core::mem::take(&mut self.frames);
        frames.clear();
        let mut at = 0;
        while at < body.len() {
            frames.push(next_server_frame(body, &mut at).ok_or(DropReason::Malformed)?);
        }
        self.wake(now);
        let mut sample = None;
        for frame in &frames {
            self.receive_answer(now, frame, datagram, &mut sample);
        }
        self.frames = frames;
        if let Some(Sample { sent_at, held }) = sample {
            self.round_trip.on_sample(now.since(sent_at).saturating_sub(held));
        }
        Ok(())
    }

    fn receive_answer(
        &mut self,
        now: Timestamp,
        frame: &ServerFrame,
        datagram: &Bytes,
        sample: &mut Option<Sample>,
    ) {
        let subject = frame.subject;
        match &frame.answer {
            ServerAnswer::Part(code, part) => {
                return self.on_reply_part(now, subject, *code, part, datagram);
            }
            ServerAnswer::Arrived(arrived) => {
                return self.on_arrived(now, subject, arrived, datagram);
            }
            ServerAnswer::Question(number) => return self.on_question(now, subject, *number),
            ServerAnswer::Acknowledged => {
                return self.lanes.on_acknowledged(subject.lane, subject.sequence);
            }
            _ => {}
        }
        let key = self.lanes.occupant(subject.lane);
        let call = key.and_then(|key| Some((key, self.calls.get_mut(key)?)));
        let Some((key, call)) = call.filter(|(_, call)| call.sequence == subject.sequence) else {
            self.statistics.stale_frames += 1;
            if key.is_none() && matches!(frame.answer, ServerAnswer::Reply(..)) {
                // Nobody waits for it any more, and the server stores it until it is told so.
                self.note_reply(now, subject.lane, subject.sequence);
            }
            return;
        };
        if let ServerAnswer::Verdict(VerdictCode::Misuse, refused) = &frame.answer
            && datagram[in_datagram(refused)] != call.digest().to_be_bytes()
        {
            // It refuses another call that somebody made under the number of this one.
            self.statistics.stale_frames += 1;
            return;
        }
        let is_fresh = call.on_answer(subject.attempt);
        if is_fresh && let Some(sent_at) = call.sent_at(subject.attempt) {
            self.note_heard(frame, sent_at, sample);
        }
        // Without an end to the call, an answer to nothing new may be forged or old, and proves nothing.
        if is_fresh || !matches!(frame.answer, ServerAnswer::Working(_) | ServerAnswer::Unseen) {
            self.awaiting_since = None;
        }
        self.act_on(now, key, &frame.answer, is_fresh, datagram);
    }

    /// The server has received what was sent at this time.
    fn note_heard(&mut self, frame: &ServerFrame, sent_at: Timestamp, sample: &mut Option<Sample>) {
        if let Some(session) = &mut self.session {
            session.renewed_at = session.renewed_at.max(sent_at);
        }
        if frame.held != HELD_UNKNOWN && sample.is_none_or(|newest| sent_at > newest.sent_at) {
            *sample = Some(Sample { sent_at, held: Duration::from_micros(frame.held.into()) });
        }
    }

    /// What an answer does to the call that it is about.
    fn act_on(
        &mut self,
        now: Timestamp,
        key: CallKey,
        answer: &ServerAnswer,
        is_fresh: bool,
        datagram: &Bytes,
    ) {
        match answer {
            ServerAnswer::Reply(code, body) => {
                let body = self.arena.keep(datagram, in_datagram(body));
                self.on_reply(now, key, *code, body);
            }
            ServerAnswer::Verdict(code, detail) => {
                let detail = &datagram[in_datagram(detail)];
                self.on_verdict(now, key, *code, detail);
            }
            ServerAnswer::Working(working) => self.on_working(now, key, *working, is_fresh),
            ServerAnswer::NotKept => self.on_not_kept(now, key),
            ServerAnswer::Running => {
                self.settle_lane(key);
                self.end(key, Outcome::Executed, CallErrorKind::Cancelled);
            }
            ServerAnswer::Superseded => {
                let outcome = self.outcome_so_far(key);
                self.settle_lane(key);
                self.end(key, outcome, CallErrorKind::Cancelled);
            }
            ServerAnswer::Unseen => self.on_unseen(key),
            ServerAnswer::Acknowledged
            | ServerAnswer::Part(..)
            | ServerAnswer::Arrived(_)
            | ServerAnswer::Question(_) => unreachable!("it is not about the call alone"),
        }
    }

    pub(super) fn on_reply(&mut self, now: Timestamp, key: CallKey, code: ReplyCode, body: Bytes) {
        let Some(call) = self.calls.get(key) else { return };
        let (lane, sequence) = (call.lane, call.sequence);
        if !call.call.is_idempotent {
            self.note_reply(now, lane, sequence);
        }
        let text = || String::from_utf8_lossy(&body).into_owned();
        let completion = match code {
            ReplyCode::Result => Ok(body),
            ReplyCode::Panicked => Err(CallErrorKind::HandlerPanicked { message: text() }),
            ReplyCode::Dropped => Err(CallErrorKind::ReplyDropped),
            ReplyCode::TooLarge => Err(CallErrorKind::ReplyTooLarge { detail: text() }),
            ReplyCode::Unencodable => Err(CallErrorKind::UnencodableReply { detail: text() }),
        };
        self.settle_lane(key);
        match completion {
            Ok(body) => self.finish(key, Ok(body)),
            Err(kind) => self.end(key, Outcome::Executed, kind),
        }
    }

    /// What this lane's call ended with is kept by the server until it is acknowledged: by the next call
    /// on the lane, or else explicitly.
    pub(super) fn note_reply(&mut self, now: Timestamp, lane: u16, sequence: u64) {
        let due = now + self.config.acknowledgement_delay;
        self.lanes.on_reply(lane, sequence, due);
        self.next_acknowledgement = self.next_acknowledgement.min(due);
    }

    fn on_verdict(&mut self, now: Timestamp, key: CallKey, code: VerdictCode, detail: &[u8]) {
        let Some(call) = self.calls.get(key) else { return };
        let outcome = join(call.earlier, Outcome::NotExecuted);
        let text = || String::from_utf8_lossy(detail).into_owned();
        let kind = match code {
            VerdictCode::Busy => return self.on_busy(now, key, detail),
            VerdictCode::UnknownInterface => CallErrorKind::UnknownInterface,
            VerdictCode::UnknownMethod => CallErrorKind::UnknownMethod,
            VerdictCode::SignatureMismatch => {
                CallErrorKind::SignatureMismatch { client: String::new(), server: text() }
            }
            VerdictCode::Undecodable => CallErrorKind::UndecodableArguments { detail: text() },
            VerdictCode::ShuttingDown => CallErrorKind::ShuttingDown,
            VerdictCode::Misuse => CallErrorKind::Misuse,
            VerdictCode::Abandoned => CallErrorKind::Abandoned,
            VerdictCode::TooLarge => CallErrorKind::RequestTooLarge {
                size: call.size,
                limit: detail.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize),
                setting: RequestLimit::Server,
            },
            VerdictCode::Incomplete => CallErrorKind::ArgumentsLost { detail: text() },
            VerdictCode::Fenced if call.fence == Some(FenceCause::Cancelled) => {
                CallErrorKind::Cancelled
            }
            VerdictCode::Expired | VerdictCode::Fenced => CallErrorKind::DeadlineExceeded {
                deadline: call.call.deadline.unwrap_or(Duration::MAX),
                inherited: false,
            },
        };
        // What is stored under a misused number is not this call's to free.
        if !detail.is_empty() && code != VerdictCode::Misuse {
            let (lane, sequence) = (call.lane, call.sequence);
            self.note_reply(now, lane, sequence);
        }
        self.settle_lane(key);
        self.end(key, outcome, kind);
    }

    /// The server is too busy: the call did not run and never will under this number. It is made
    /// again under another one if there is time for that.
    fn on_busy(&mut self, now: Timestamp, key: CallKey, detail: &[u8]) {
        const LONGEST: Duration = Duration::from_secs(60);
        let hint = detail.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let retry_after = Duration::from_millis(hint.into()).min(LONGEST);
        let spread = retry_after.mul_f32(self.jitter.f32() / 2.0);
        let at = now + retry_after + spread;
        let may_retry = self.budget.take(now).is_ok();
        let Some(call) = self.calls.get(key) else { return };
        let outcome = call.earlier;
        let is_wanted = matches!(call.phase, Phase::Sent | Phase::Working);
        if !(is_wanted && may_retry && at < call.deadline_at) {
            self.settle_lane(key);
            return self.end(key, outcome, CallErrorKind::Busy { retry_after });
        }
        self.settle_lane(key);
        if let Some(call) = self.calls.get_mut(key) {
            call.phase = Phase::Delayed;
            call.timer = at;
            self.next_timer = self.next_timer.min(at);
            let calls = &self.calls;
            self.delayed.add(at, key, self.open_calls, |key| {
                calls.get(key).is_some_and(|call| call.phase == Phase::Delayed)
            });
        }
    }

    fn on_working(&mut self, now: Timestamp, key: CallKey, working: Working, is_fresh: bool) {
        let shortest = self.config.probe_interval.max(self.round_trip.timeout());
        let longest = self.config.maximum_probe_interval.max(shortest);
        let Some(call) = self.calls.get_mut(key) else { return };
        // Frames may overtake each other: only a newer one replaces what is known.
        if is_fresh || call.working.is_none() {
            call.working = Some((now, working));
        }
        match call.phase {
            Phase::Sent => return self.on_delivered(now, key),
            Phase::Working if is_fresh => {
                call.probe_interval = (call.probe_interval * 3 / 2).clamp(shortest, longest);
            }
            // While it is fenced, the fence's own timer goes on.
            _ => return,
        }
        call.timer = now + call.probe_interval;
        self.next_timer = self.next_timer.min(call.timer);
    }

    /// It ran, and its reply is gone. An idempotent call is made again.
    fn on_not_kept(&mut self, now: Timestamp, key: CallKey) {
        let may_retry = self.budget.take(now).is_ok();
        self.settle_lane(key);
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.has_ended() || !may_retry || !call.call.is_idempotent || call.is_fenced() {
            return self.end(key, Outcome::Executed, CallErrorKind::ReplyNotKept);
        }
        call.earlier = Outcome::Executed;
        call.phase = Phase::Waiting;
        self.waiting.push_front(key);
        self.start_waiting();
    }

    /// The server has never seen a call that it was asked about: its request goes out again.
    fn on_unseen(&mut self, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.phase == Phase::Working {
            call.phase = Phase::Sent;
            self.queue(key);
        }
    }
}
