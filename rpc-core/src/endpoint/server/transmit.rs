//! Writing what waits to be sent.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use super::ServerEndpoint;
use super::incoming::CallToken;
use super::records::{Phase, Record};
use super::session::{KEPT_ANSWERS, QueuedAnswer};
use super::window::LaneState;
use crate::endpoint::Transmit;
use crate::time::Timestamp;
use crate::wire::frame::{self, HELD_UNKNOWN, NEVER_REPORTED, VerdictCode, Working};
use crate::wire::handshake::{self as messages, Cookie, Refusal, Welcome};
use crate::wire::{Header, Kind, Role, integrity};

/// A datagram that belongs to no session.
#[derive(Clone, Debug)]
pub(super) struct Stateless {
    to: SocketAddr,
    local: Option<IpAddr>,
    message: Message,
}

#[derive(Clone, Debug)]
enum Message {
    Challenge { nonce: u128, cookie: Cookie },
    Welcome(Welcome),
    Refused { nonce: u128, refusal: Refusal },
    Version { nonce: u128 },
    Hint { kind: Kind, session: u64 },
}

impl Stateless {
    fn new(message: Message) -> Self {
        Self { to: SocketAddr::from(([0, 0, 0, 0], 0)), local: None, message }
    }

    pub(super) fn challenge(nonce: u128, cookie: Cookie) -> Self {
        Self::new(Message::Challenge { nonce, cookie })
    }

    pub(super) fn welcome(welcome: Welcome) -> Self {
        Self::new(Message::Welcome(welcome))
    }

    pub(super) fn refused(nonce: u128, refusal: Refusal) -> Self {
        Self::new(Message::Refused { nonce, refusal })
    }

    pub(super) fn version(nonce: u128) -> Self {
        Self::new(Message::Version { nonce })
    }

    pub(super) fn hint(kind: Kind, session: u64) -> Self {
        Self::new(Message::Hint { kind, session })
    }

    pub(super) fn to(self, to: SocketAddr, local: Option<IpAddr>) -> Self {
        Self { to, local, ..self }
    }
}

impl ServerEndpoint {
    pub(super) fn transmit_stateless(&mut self, out: &mut Vec<u8>) -> Option<Transmit> {
        let Stateless { to, local, message } = self.stateless.pop_front()?;
        let start = out.len();
        match message {
            Message::Challenge { nonce, cookie } => messages::write_challenge(out, nonce, &cookie),
            Message::Welcome(welcome) => messages::write_welcome(out, &welcome),
            Message::Refused { nonce, refusal } => messages::write_refused(out, nonce, refusal),
            Message::Version { nonce } => messages::write_version(out, nonce),
            Message::Hint { kind, session } => messages::write_hint(out, kind, session),
        }
        Some(Transmit { to, from: local, length: out.len() - start })
    }

    /// Writes as many answers of the first session in line as fit a datagram.
    pub(super) fn transmit_answers(
        &mut self,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Option<Transmit> {
        loop {
            let &(index, id) = self.in_line.front()?;
            let session = self.sessions.get(index).filter(|session| session.id == id);
            let Some(session) = session else {
                self.in_line.pop_front();
                continue;
            };
            let (to, from) = (session.address, session.local);
            let start = out.len();
            Header { role: Role::Server, kind: Kind::Frames, session: id }.write(out);
            let empty = out.len();
            let limit = start + self.config.datagram_size - integrity::LENGTH;
            let is_drained = self.pack_answers(now, index, limit, out);
            self.in_line.pop_front();
            if !is_drained {
                // It goes on when every other session has had its turn.
                self.in_line.push_back((index, id));
            }
            if out.len() == empty {
                // Every answer was about a call that is gone.
                out.truncate(start);
                continue;
            }
            integrity::seal(out, start);
            return Some(Transmit { to, from, length: out.len() - start });
        }
    }

    /// Writes answers until the datagram ends at `limit`. True if none is left.
    fn pack_answers(
        &mut self,
        now: Timestamp,
        index: u32,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let empty = out.len();
        loop {
            let Some(session) = self.sessions.get_mut(index) else { return true };
            let Some(answer) = session.answers.pop_front() else {
                session.trim(KEPT_ANSWERS);
                return true;
            };
            let end = out.len();
            self.write_answer(now, index, answer, out);
            if out.len() > limit && end > empty {
                out.truncate(end);
                // It is the first in the next one.
                if let Some(session) = self.sessions.get_mut(index) {
                    session.answers.push_front(answer);
                }
                return false;
            }
            self.on_written(index, answer, out.len() > end);
        }
    }

    fn write_answer(
        &mut self,
        now: Timestamp,
        session: u32,
        answer: QueuedAnswer,
        out: &mut Vec<u8>,
    ) {
        match answer {
            QueuedAnswer::Arrived { lane, sequence } => {
                self.write_arrived(now, session, (lane, sequence), out);
            }
            QueuedAnswer::Recorded { record, generation } => {
                let token = CallToken { index: record, generation };
                let Some(record) = self.records.get(token) else { return };
                if !self.has_large_reply(record) {
                    write_recorded(now, record, |ticket| self.queue.position(ticket), out);
                } else if !self.begin_reply(now, token)
                    && let Some(record) = self.records.get(token)
                {
                    // Its parts say what it is. Who asks meanwhile is told that the call lives.
                    write_on_its_way(now, record, out);
                }
            }
            QueuedAnswer::Verdict { subject, received_at, code } => {
                let retry_after = milliseconds(self.config.busy_retry_after).to_be_bytes();
                let detail = match code {
                    VerdictCode::Busy => &retry_after[..],
                    _ => &[],
                };
                frame::write_verdict(out, subject, held(now, received_at), code, detail);
            }
            QueuedAnswer::Misuse { subject, received_at, digest } => {
                let (held, digest) = (held(now, received_at), digest.to_be_bytes());
                frame::write_verdict(out, subject, held, VerdictCode::Misuse, &digest);
            }
            QueuedAnswer::Plain { subject, received_at, answer } => {
                frame::write_plain(out, subject, held(now, received_at), answer);
            }
        }
    }

    /// Whether a call has a result that is sent in parts.
    fn has_large_reply(&self, record: &Record) -> bool {
        matches!(&record.phase, Phase::Done { body, .. } if self.is_large(body))
    }

    /// Takes note that an answer is on its way.
    fn on_written(&mut self, session: u32, answer: QueuedAnswer, is_written: bool) {
        if let QueuedAnswer::Arrived { lane, sequence } = answer {
            self.on_arrived_written(session, (lane, sequence));
        }
        let QueuedAnswer::Recorded { record, generation } = answer else { return };
        let token = CallToken { index: record, generation };
        let room = self.reply_room();
        let Some(record) = self.records.get_mut(token) else { return };
        record.is_answer_queued = false;
        match &record.phase {
            Phase::Queued { .. } | Phase::Running { .. } => {
                self.statistics.working_sent += u64::from(is_written);
            }
            // It is kept until all of it has arrived.
            Phase::Done { body, .. } if body.len() > room => {
                self.statistics.working_sent += u64::from(is_written);
            }
            Phase::Receiving(_) => {}
            // An idempotent call may be run again, so its reply is sent once and not kept.
            Phase::Done { .. } if record.is_idempotent => {
                let (session, lane) = (record.session, record.lane);
                self.set_lane_state(session, lane, LaneState::NotKept);
                self.forget(token);
            }
            Phase::Done { .. } | Phase::Refused { .. } => {}
        }
    }
}

fn write_recorded(
    now: Timestamp,
    record: &Record,
    position: impl FnOnce(u64) -> u32,
    out: &mut Vec<u8>,
) {
    let subject = record.subject();
    let held = held(now, record.received_at);
    let waiting = Working {
        is_running: false,
        elapsed: 0,
        reported: NEVER_REPORTED,
        position: 0,
        done: 0,
        total: 0,
    };
    match &record.phase {
        Phase::Done { code, body, .. } => {
            frame::write_reply(out, subject, held, *code, &body.part(0..body.len()));
        }
        Phase::Refused { code, detail } => frame::write_verdict(out, subject, held, *code, detail),
        Phase::Queued { ticket, .. } => {
            let working = Working { position: position(*ticket), ..waiting };
            frame::write_working(out, subject, held, &working);
        }
        Phase::Receiving(_) | Phase::Running { is_left: true, .. } => {}
        Phase::Running { context, since, .. } => {
            let report = context.last_report();
            let working = Working {
                is_running: context.is_entered(),
                elapsed: milliseconds(now.since(*since)),
                reported: report
                    .map_or(NEVER_REPORTED, |report| milliseconds(now.since(report.at))),
                position: 0,
                done: report.map_or(0, |report| report.done),
                total: report.map_or(0, |report| report.total),
            };
            frame::write_working(out, subject, held, &working);
        }
    }
}

/// Says of a call whose large result is on its way that it ran, which is what WORKING can say of it.
fn write_on_its_way(now: Timestamp, record: &Record, out: &mut Vec<u8>) {
    let working = Working {
        is_running: true,
        elapsed: 0,
        reported: NEVER_REPORTED,
        position: 0,
        done: 0,
        total: 0,
    };
    frame::write_working(out, record.subject(), held(now, record.received_at), &working);
}

fn held(now: Timestamp, received_at: Timestamp) -> u32 {
    if received_at == Timestamp::NEVER {
        return HELD_UNKNOWN;
    }
    u32::try_from(now.since(received_at).as_micros()).unwrap_or(HELD_UNKNOWN)
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX - 1)
}
