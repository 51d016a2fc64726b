//! What moves the large messages of sessions: results in parts on their way out, and what is said about
//! the parts that arrive.
//!
//! A result that does not fit a datagram is given to its session's [`Sender`]. It stays stored until all
//! of it has arrived; then its call's lane is free, as after an acknowledgement.

use core::time::Duration;
use std::net::SocketAddr;

use super::ServerEndpoint;
use super::budget::Account;
use super::incoming::CallToken;
use super::patience::SessionPatience;
use super::records::Phase;
use super::session::QueuedAnswer;
use super::window::LaneState;
use crate::endpoint::Transmit;
use crate::time::Timestamp;
use crate::transfer::{
    ANSWER_DELAY, Acknowledgement, FIRST_LIMIT, Key, Message, Outgoing, Received, Sender,
};
use crate::wire::frame::{self, Subject};
use crate::wire::part::{Arrived, LONGEST_BITS, Part, QUESTION_OVERHEAD, REPLY_PART_OVERHEAD};
use crate::wire::{DATAGRAM_OVERHEAD, Header, Kind, Role, integrity};

/// What a datagram with one REPLY PART takes besides the bytes of the message.
const PART_OVERHEAD: usize = DATAGRAM_OVERHEAD + REPLY_PART_OVERHEAD;

/// The most messages about which an ARRIVED waits; the host empties the line after each batch. What is
/// beyond is told later.
const MAXIMUM_ANSWERS: usize = 256;

/// A first guess of the round trip, until the first ARRIVED has measured it.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);

/// How many bytes are given out at one moment to all sessions together, so that the host looks at its
/// socket again.
const MOST_AT_ONCE: usize = 128 * 1024;

/// What moves the large messages of one session. It is made when the first of them comes.
#[derive(Debug)]
pub(super) struct Bulk {
    pub(super) sender: Sender,
    /// The datagrams with parts of arguments that have arrived.
    pub(super) received: Received,
    /// What its arguments that are not whole are charged.
    pub(super) arguments: Account,
    /// How long they are waited for.
    pub(super) patience: SessionPatience,
    /// The messages about which an ARRIVED waits to be written.
    to_answer: Vec<Key>,
    /// When a part that came alone is answered at the latest, and of which message it is.
    answer_at: Timestamp,
    answer_about: Key,
    /// When its sender is looked at; never, if that is not needed.
    pub(super) timer: Timestamp,
    is_in_line: bool,
}

impl ServerEndpoint {
    /// Grows whenever a client confirms that parts of a large result have arrived: while it grows, results
    /// are on their way.
    pub fn confirmed(&self) -> u64 {
        self.bulk_line.confirmed
    }

    /// What moves the large messages of a session that exists.
    pub(super) fn bulk(&mut self, now: Timestamp, session: u32) -> Option<&mut Bulk> {
        let largest = self.config.largest_datagram.max(self.config.datagram_size);
        let session = self.sessions.get_mut(session)?;
        let window = session.receive_window as usize;
        Some(session.bulk.get_or_insert_with(|| {
            Box::new(Bulk {
                sender: Sender::new(now, FIRST_ROUND_TRIP, largest, window),
                received: Received::default(),
                arguments: Account::default(),
                patience: SessionPatience::default(),
                to_answer: Vec::new(),
                answer_at: Timestamp::NEVER,
                answer_about: (0, 0),
                timer: Timestamp::NEVER,
                is_in_line: false,
            })
        }))
    }

    /// Begins to move a large result. False if that has begun.
    pub(super) fn begin_reply(&mut self, now: Timestamp, token: CallToken) -> bool {
        let Some(record) = self.records.get(token) else { return false };
        let (session, key) = (record.session, (record.lane, record.sequence));
        if self.bulk(now, session).is_none_or(|bulk| bulk.sender.get(key).is_some()) {
            return false;
        }
        let Some(record) = self.records.get_mut(token) else { return false };
        let Phase::Done { body, .. } = &record.phase else { return false };
        let message = Message::new(body.clone(), FIRST_LIMIT);
        if let Some(bulk) = self.bulk(now, session) {
            bulk.sender.add(now, key, message);
        }
        self.rouse(session);
        true
    }

    /// A result is not to be moved any more: its call has been left behind.
    pub(super) fn stop_reply(&mut self, session: u32, id: u64, key: Key) {
        let session = self.sessions.get_mut(session).filter(|session| session.id == id);
        if let Some(bulk) = session.and_then(|session| session.bulk.as_mut()) {
            bulk.sender.remove(key);
        }
    }

    /// Puts a session into the line of those that may have parts to send.
    pub(super) fn rouse(&mut self, index: u32) {
        let Some(session) = self.sessions.get_mut(index) else { return };
        let id = session.id;
        let Some(bulk) = session.bulk.as_mut() else { return };
        if !bulk.sender.is_idle() && !core::mem::replace(&mut bulk.is_in_line, true) {
            self.bulk_line.sessions.push_back((index, id));
        }
    }

    /// Writes the next datagram with a part of a result, if one may be sent now.
    pub(super) fn transmit_bulk(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        let line = &mut self.bulk_line;
        if line.moment.0 != now {
            line.moment = (now, 0);
            line.paused_until = None;
        }
        while let Some(&(index, id)) = self.bulk_line.sessions.front() {
            if self.bulk_line.moment.1 >= MOST_AT_ONCE {
                self.bulk_line.paused_until = Some(now + Duration::from_nanos(1));
                return None;
            }
            if let Some(transmit) = self.transmit_of_session(now, index, id, out) {
                self.bulk_line.note_sent(transmit.to, index, id, transmit.length);
                self.bulk_line.rotate();
                return Some(transmit);
            }
            self.bulk_line.leave();
            let session = self.sessions.get_mut(index).filter(|session| session.id == id);
            if let Some(bulk) = session.and_then(|session| session.bulk.as_mut()) {
                bulk.is_in_line = false;
                self.arm(index);
            }
        }
        None
    }

    fn transmit_of_session(
        &mut self,
        now: Timestamp,
        index: u32,
        id: u64,
        out: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let start = out.len();
        loop {
            let session = self.sessions.get_mut(index).filter(|session| session.id == id)?;
            let (to, from) = (session.address, session.local);
            let bulk = session.bulk.as_mut()?;
            let outgoing = bulk.sender.poll(now, PART_OVERHEAD)?;
            let any = bulk.sender.any_key()?;
            Header { role: Role::Server, kind: Kind::Frames, session: id }.write(out);
            match outgoing {
                Outgoing::Part { number, key, part } => {
                    if self.write_reply_part(index, number, key, part, out).is_none() {
                        debug_assert!(false, "a result that is forgotten is not moved any more");
                        out.truncate(start);
                        self.stop_reply(index, id, key);
                        continue;
                    }
                }
                Outgoing::Probe { number, size } => {
                    let least = DATAGRAM_OVERHEAD + QUESTION_OVERHEAD;
                    let filling = size.map_or(0, |size| size.saturating_sub(least));
                    let subject = Subject { lane: any.0, sequence: any.1, attempt: 0 };
                    frame::write_question(out, Role::Server, subject, number, filling);
                }
            }
            integrity::seal(out, start);
            return Some(Transmit { to, from, length: out.len() - start });
        }
    }

    fn write_reply_part(
        &mut self,
        session: u32,
        number: u64,
        key: Key,
        part: core::ops::Range<usize>,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let token = self.recorded(session, key)?;
        let record = self.records.get_mut(token)?;
        let subject = record.subject();
        let Phase::Done { code, body, checksum } = &mut record.phase else { return None };
        let bytes = body.part(part.clone());
        // Parts are given out in order the first time, so that it is complete when the last one is.
        checksum.see(part.start, &bytes);
        let described = Part {
            number,
            length: u32::try_from(body.len()).ok()?,
            offset: u32::try_from(part.start).ok()?,
            identity: 0,
            checksum: checksum.so_far().0,
            body: 0..0,
        };
        frame::write_reply_part(out, subject, *code, &described, &bytes);
        self.statistics.parts_sent += 1;
        Some(())
    }

    /// Whether a call's arguments are on their way.
    pub(super) fn is_receiving(&mut self, session: u32, key: Key) -> bool {
        let record = self.recorded(session, key).and_then(|token| self.records.get(token));
        record.is_some_and(|it| matches!(it.phase, Phase::Receiving(_)))
    }

    /// Whether the reply to a call waits to be given out for the first time.
    fn is_about_to_reply(&mut self, session: u32, key: Key) -> bool {
        let record = self.recorded(session, key).and_then(|token| self.records.get(token));
        record.is_some_and(|it| it.is_answer_queued && matches!(it.phase, Phase::Done { .. }))
    }

    /// The record of a lane's present call, if that has this number.
    fn recorded(&mut self, session: u32, (lane, sequence): Key) -> Option<CallToken> {
        let lane = self.sessions.get_mut(session)?.window.lane(lane)?;
        match lane.state {
            LaneState::Recorded(index) if lane.sequence == sequence => {
                Some(self.records.token(index))
            }
            _ => None,
        }
    }

    /// Takes note of a datagram with a part that may be followed by more.
    pub(super) fn answer_soon(&mut self, now: Timestamp, session: u32, key: Key, number: u64) {
        let Some(bulk) = self.bulk(now, session) else { return };
        bulk.received.note(now, number);
        if bulk.received.wants_answer() {
            return self.queue_arrived(session, key);
        }
        bulk.answer_about = key;
        bulk.answer_at = bulk.answer_at.min(now + ANSWER_DELAY);
        self.arm(session);
    }

    /// Takes note of a datagram with a part or a question, and lines up what is to be said about it.
    pub(super) fn answer_part(
        &mut self,
        now: Timestamp,
        session: u32,
        key: Key,
        number: Option<u64>,
    ) {
        let Some(bulk) = self.bulk(now, session) else { return };
        if let Some(number) = number {
            bulk.received.note(now, number);
        }
        self.queue_arrived(session, key);
    }

    /// Lines up an ARRIVED about a message, unless one waits already.
    pub(super) fn queue_arrived(&mut self, session: u32, key: Key) {
        let Some(target) = self.sessions.get_mut(session) else { return };
        let Some(bulk) = target.bulk.as_mut() else { return };
        bulk.answer_at = Timestamp::NEVER;
        if bulk.to_answer.len() >= MAXIMUM_ANSWERS || bulk.to_answer.contains(&key) {
            return;
        }
        bulk.to_answer.push(key);
        let (lane, sequence) = key;
        if !self.queue_answer(session, QueuedAnswer::Arrived { lane, sequence }) {
            self.on_arrived_written(session, key);
        }
    }

    /// No ARRIVED about a message waits any more.
    pub(super) fn on_arrived_written(&mut self, session: u32, key: Key) {
        let session = self.sessions.get_mut(session);
        if let Some(bulk) = session.and_then(|session| session.bulk.as_mut()) {
            bulk.to_answer.retain(|&other| other != key);
        }
    }

    pub(super) fn write_arrived(
        &mut self,
        now: Timestamp,
        session: u32,
        key: Key,
        out: &mut Vec<u8>,
    ) {
        if self.is_about_to_reply(session, key) {
            // That says more.
            return;
        }
        let limit = u32::try_from(self.limit_of(session, key)).unwrap_or(u32::MAX);
        let session = self.sessions.get_mut(session);
        let Some(bulk) = session.and_then(|session| session.bulk.as_mut()) else { return };
        let mut bits = [0; LONGEST_BITS];
        let Acknowledgement { newest, held, before } = bulk.received.acknowledge(now, &mut bits);
        if newest == 0 {
            // Nothing was taken so far.
            return;
        }
        let held = u32::try_from(held.as_micros()).unwrap_or(u32::MAX);
        let subject = Subject { lane: key.0, sequence: key.1, attempt: 0 };
        frame::write_arrived(out, Role::Server, subject, (newest, held, limit), before);
    }

    /// The client asks whether a datagram has arrived; it may be testing the path.
    pub(super) fn receive_question(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        number: u64,
    ) {
        if self.position(session, subject).is_some() {
            self.reconsider(now, session, subject);
            self.answer_part(now, session, (subject.lane, subject.sequence), Some(number));
        }
    }

    /// The client says which datagrams with parts of results have arrived.
    pub(super) fn receive_arrived(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        arrived: &Arrived,
        body: &[u8],
    ) {
        let target = self.sessions.get_mut(session);
        let Some(bulk) = target.and_then(|session| session.bulk.as_mut()) else { return };
        let acknowledgement = Acknowledgement {
            newest: arrived.newest,
            held: Duration::from_micros(arrived.held.into()),
            before: &body[arrived.bits.clone()],
        };
        let in_flight = bulk.sender.in_flight();
        bulk.sender.raise_limit((subject.lane, subject.sequence), arrived.limit as usize);
        let whole = bulk.sender.on_acknowledgement(now, &acknowledgement);
        self.bulk_line.confirmed += u64::from(bulk.sender.in_flight() < in_flight);
        for key in whole {
            self.bulk_line.confirmed += 1;
            if let Some(token) = self.recorded(session, key) {
                self.on_reply_arrived(token);
            }
        }
        self.rouse(session);
    }

    /// All of a result has arrived: nobody will ask for it any more.
    fn on_reply_arrived(&mut self, token: CallToken) {
        let Some(record) = self.records.get(token) else { return };
        let state = if record.is_idempotent { LaneState::NotKept } else { LaneState::Freed };
        let (session, lane) = (record.session, record.lane);
        self.set_lane_state(session, lane, state);
        self.forget(token);
    }

    /// Acts on the timers of the senders that are due.
    pub(super) fn run_bulk_timers(&mut self, now: Timestamp) {
        self.bulk_line.paused_until.take_if(|until| *until <= now);
        while let Some(&(due, index, id)) = self.bulk_line.timers.first()
            && due <= now
        {
            self.bulk_line.timers.pop_first();
            let session = self.sessions.get_mut(index).filter(|session| session.id == id);
            let Some(bulk) = session.and_then(|session| session.bulk.as_mut()) else { continue };
            bulk.timer = Timestamp::NEVER;
            if bulk.sender.timeout() <= now {
                bulk.sender.on_timeout(now);
                self.rouse(index);
            }
            self.answer_alone(now, index);
            let session = self.sessions.get(index);
            if session.and_then(|it| it.bulk.as_ref()).is_some_and(|bulk| !bulk.is_in_line) {
                // Who is in line is armed on leaving it, when it has sent what is due.
                self.arm(index);
            }
        }
    }

    /// Answers a part that came alone and has waited for others long enough.
    fn answer_alone(&mut self, now: Timestamp, index: u32) {
        let session = self.sessions.get(index);
        let Some(bulk) = session.and_then(|session| session.bulk.as_ref()) else { return };
        if bulk.answer_at <= now {
            self.queue_arrived(index, bulk.answer_about);
        }
    }

    /// Sets the timer of a session's sender, unless an earlier one is set, which will do so again.
    fn arm(&mut self, index: u32) {
        let Some(session) = self.sessions.get_mut(index) else { return };
        let id = session.id;
        let Some(bulk) = session.bulk.as_mut() else { return };
        let due = bulk.sender.timeout().min(bulk.answer_at);
        if due < bulk.timer {
            self.bulk_line.timers.remove(&(bulk.timer, index, id));
            self.bulk_line.timers.insert((due, index, id));
            bulk.timer = due;
        }
    }

    /// A datagram of this size is too large for the path to this address.
    pub(super) fn on_send_refused(&mut self, now: Timestamp, to: SocketAddr, size: usize) {
        let there = self.bulk_line.recent.iter().rev().filter(|(address, ..)| *address == to);
        let mut sessions: Vec<_> = there.map(|&(_, index, id)| (index, id)).collect();
        sessions.sort_unstable();
        sessions.dedup();
        for (index, id) in sessions {
            let session = self.sessions.get_mut(index).filter(|session| session.id == id);
            if let Some(bulk) = session.and_then(|session| session.bulk.as_mut()) {
                bulk.sender.on_refused(now, size);
                self.rouse(index);
            }
        }
    }

    /// A session has another address: nothing is known of the path to it.
    pub(super) fn on_new_address(&mut self, now: Timestamp, index: u32) {
        let largest = self.config.largest_datagram.max(self.config.datagram_size);
        let Some(session) = self.sessions.get_mut(index) else { return };
        let window = session.receive_window as usize;
        if let Some(bulk) = session.bulk.as_mut() {
            bulk.sender.on_new_path(now, largest, window);
            self.rouse(index);
        }
    }
}
