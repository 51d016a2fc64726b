//! Messages larger than a datagram: arguments on their way out, results on their way in.
//!
//! A call whose arguments are being moved has no timer of its own: the session's
//! [`Sender`] repeats what was lost. When all of them have arrived the call goes on like any other that
//! the server is known to have.

use super::calls::Phase;
use super::replies::Replies;
use super::transmit::{self, Outgoing};
use super::{CallKey, ClientEndpoint, Transfer};
use crate::endpoint::Transmit;
use crate::time::Timestamp;
use crate::transfer::{
    self, ANSWER_DELAY, Acknowledgement, FIRST_LIMIT, Key, Message, Received, Sender,
};
use crate::wire::frame::{self, ONEWAY_LANE, Subject};
use crate::wire::part::{
    ARRIVED_OVERHEAD, Arrived, LONGEST_BITS, Part, QUESTION_OVERHEAD, REQUEST_PART_OVERHEAD,
};
use crate::wire::{DATAGRAM_OVERHEAD, HEADER_LENGTH, Header, Kind, Role, integrity};

/// What moves the large messages of one session. It is made when the first of them comes.
#[derive(Debug)]
pub(super) struct Bulk {
    pub(super) sender: Sender,
    /// The datagrams with parts of results that have arrived.
    pub(super) received: Received,
    pub(super) replies: Replies,
    /// The messages about which an ARRIVED waits to be written.
    pub(super) to_answer: Vec<Key>,
    /// When a part that came alone is answered at the latest, and of which message it is.
    pub(super) answer_at: Timestamp,
    answer_about: Key,
}

/// What a datagram with one REQUEST PART takes besides the bytes of the message.
const PART_OVERHEAD: usize = DATAGRAM_OVERHEAD + REQUEST_PART_OVERHEAD;

/// The most messages about which an ARRIVED waits; the host empties the line after each batch. What is
/// beyond is told later.
const MAXIMUM_ANSWERS: usize = 256;

impl ClientEndpoint {
    /// How many bytes of a call's messages have been moved so far. Of a call that is not known nothing is.
    pub fn transfer(&self, key: CallKey) -> Transfer {
        let Some(call) = self.calls.get(key) else { return Transfer::default() };
        let bulk = self.bulk.as_deref();
        let sending = bulk.and_then(|bulk| bulk.sender.get((call.lane, call.sequence)));
        let is_there = call.has_ended() || call.phase == Phase::Working || call.has_reply;
        let (received, reply) = match &call.completion {
            Some(Ok(body)) => (body.len(), Some(body.len())),
            Some(Err(_)) => (0, None),
            None => bulk.and_then(|bulk| bulk.replies.progress(key)).unwrap_or_default(),
        };
        Transfer {
            sent: match sending {
                Some(message) => message.prefix(),
                None if is_there && call.is_given_out() => call.size,
                None => 0,
            },
            request: call.size,
            received,
            reply,
        }
    }

    pub(super) fn bulk(&mut self, now: Timestamp) -> &mut Bulk {
        let (round_trip, config) = (self.round_trip.smoothed(), &self.config);
        let window = self.session.map_or(0, |session| session.receive_window);
        self.bulk.get_or_insert_with(|| {
            let largest = config.largest_datagram.max(config.datagram_size);
            let round_trip = round_trip.unwrap_or(config.initial_timeout / 2);
            Box::new(Bulk {
                sender: Sender::new(now, round_trip, largest, window),
                received: Received::default(),
                replies: Replies::new(config.maximum_assembly_bytes),
                to_answer: Vec::new(),
                answer_at: Timestamp::NEVER,
                answer_about: (0, 0),
            })
        })
    }

    /// Begins to move the arguments of a call, unless that has begun.
    pub(super) fn begin_transfer(&mut self, now: Timestamp, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.is_queued = false;
        call.keep_digest();
        let (name, body) = ((call.lane, call.sequence), call.call.body.clone());
        if self.bulk(now).sender.get(name).is_some() {
            return;
        }
        if let Some(call) = self.calls.get_mut(key) {
            call.next_attempt(now);
            call.timer = Timestamp::NEVER;
        }
        self.bulk(now).sender.add(now, name, Message::new(body, FIRST_LIMIT));
    }

    /// The arguments of a call are not moved any further.
    pub(super) fn stop_transfer(&mut self, lane: u16, sequence: u64) {
        if let Some(bulk) = &mut self.bulk {
            bulk.sender.remove((lane, sequence));
        }
    }

    /// Writes the next datagram with a part of a message, if one may be sent now.
    pub(super) fn transmit_bulk(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        let session = self.session?;
        let start = out.len();
        let outgoing = self.bulk.as_mut()?.sender.poll(now, PART_OVERHEAD)?;
        Header { role: Role::Client, kind: Kind::Frames, session: session.id }.write(out);
        match outgoing {
            transfer::Outgoing::Part { number, key, part } => {
                self.write_part(now, number, key, part, out)?;
            }
            transfer::Outgoing::Probe { number, size } => {
                let (lane, sequence) = self.bulk.as_ref()?.sender.any_key()?;
                let least = DATAGRAM_OVERHEAD + QUESTION_OVERHEAD;
                let filling = size.map_or(0, |size| size.saturating_sub(least));
                let subject = Subject { lane, sequence, attempt: 0 };
                frame::write_question(out, Role::Client, subject, number, filling);
            }
        }
        integrity::seal(out, start);
        self.awaiting_since.get_or_insert(now);
        Some(Transmit { to: session.server, from: None, length: out.len() - start })
    }

    fn write_part(
        &mut self,
        now: Timestamp,
        number: u64,
        (lane, sequence): Key,
        part: core::ops::Range<usize>,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let call = self.lanes.occupant(lane).and_then(|key| self.calls.get_mut(key));
        let call = call.filter(|call| call.sequence == sequence);
        debug_assert!(call.is_some(), "a call that gives up its lane stops its transfer");
        let call = call?;
        let message = self.bulk.as_ref()?.sender.get((lane, sequence))?;
        let bytes = message.body().part(part.clone());
        // Parts are given out in order the first time, so that it is complete when the last one is.
        call.checksum.see(part.start, &bytes);
        call.is_out |= message.is_sent();
        let described = Part {
            number,
            length: u32::try_from(call.size).unwrap_or(u32::MAX),
            offset: u32::try_from(part.start).unwrap_or(u32::MAX),
            identity: call.digest(),
            checksum: call.checksum.so_far().0,
            body: 0..0,
        };
        let subject = Subject { lane, sequence, attempt: call.attempts as u16 };
        let request = transmit::request(now, call);
        self.statistics.parts_sent += 1;
        frame::write_request_part(out, subject, &request, &described, &bytes);
        Some(())
    }

    /// A part of a message was taken, which may be followed by more.
    pub(super) fn answer_soon(&mut self, now: Timestamp, name: Key) {
        let bulk = self.bulk(now);
        if bulk.received.wants_answer() {
            return self.answer_part(now, name);
        }
        bulk.answer_about = name;
        bulk.answer_at = bulk.answer_at.min(now + ANSWER_DELAY);
    }

    /// Acts on what is due of the messages that are moved.
    pub(super) fn run_bulk_timers(&mut self, now: Timestamp) {
        let Some(bulk) = &mut self.bulk else { return };
        if now >= bulk.sender.timeout() {
            bulk.sender.on_timeout(now);
        }
        if now >= bulk.answer_at {
            let name = bulk.answer_about;
            self.answer_part(now, name);
        }
    }

    /// When that is.
    pub(super) fn next_bulk_timer(&self) -> Timestamp {
        let due = |bulk: &Bulk| bulk.sender.timeout().min(bulk.answer_at);
        self.bulk.as_deref().map_or(Timestamp::NEVER, due)
    }

    /// Whether parts of messages are on their way, so that somebody should look after them.
    pub fn is_moving(&self) -> bool {
        self.bulk.as_ref().is_some_and(|bulk| !bulk.sender.is_idle() || !bulk.replies.is_empty())
    }

    /// Lines up an ARRIVED about a message, unless one waits already.
    pub(super) fn answer_part(&mut self, now: Timestamp, name: Key) {
        self.bulk(now).answer_at = Timestamp::NEVER;
        self.line_up_arrived(name);
    }

    fn line_up_arrived(&mut self, name: Key) {
        let Some(bulk) = &mut self.bulk else { return };
        if bulk.to_answer.len() < MAXIMUM_ANSWERS && !bulk.to_answer.contains(&name) {
            bulk.to_answer.push(name);
            self.outbox.push_back(Outgoing::Arrived { lane: name.0, sequence: name.1 });
        }
    }

    /// The call that holds this lane, if it has this number.
    fn call_named(&self, (lane, sequence): Key) -> Option<CallKey> {
        let key = self.lanes.occupant(lane)?;
        self.calls.get(key).is_some_and(|call| call.sequence == sequence).then_some(key)
    }

    /// Writes an ARRIVED. False if it does not fit any more.
    pub(super) fn write_arrived(
        &mut self,
        now: Timestamp,
        (lane, sequence): Key,
        end: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        if out.len() + ARRIVED_OVERHEAD + LONGEST_BITS > end {
            return false;
        }
        let call = self.call_named((lane, sequence));
        let Some(bulk) = &mut self.bulk else { return true };
        bulk.to_answer.retain(|&name| name != (lane, sequence));
        // Of a message that is not expected any more, everything is taken and thrown away.
        let limit = call.map_or(usize::MAX, |key| bulk.replies.limit(key));
        let mut bits = [0; LONGEST_BITS];
        let Acknowledgement { newest, held, before } = bulk.received.acknowledge(now, &mut bits);
        let held = u32::try_from(held.as_micros()).unwrap_or(u32::MAX);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let subject = Subject { lane, sequence, attempt: 0 };
        frame::write_arrived(out, Role::Client, subject, (newest, held, limit), before);
        true
    }

    /// The server says which datagrams with parts of arguments have arrived.
    pub(super) fn on_arrived(
        &mut self,
        now: Timestamp,
        subject: Subject,
        arrived: &Arrived,
        datagram: &[u8],
    ) {
        let Some(bulk) = &mut self.bulk else { return };
        let bits = HEADER_LENGTH + arrived.bits.start..HEADER_LENGTH + arrived.bits.end;
        let acknowledgement = Acknowledgement {
            newest: arrived.newest,
            held: core::time::Duration::from_micros(arrived.held.into()),
            before: &datagram[bits],
        };
        let in_flight = bulk.sender.in_flight();
        bulk.sender.raise_limit((subject.lane, subject.sequence), arrived.limit as usize);
        let whole = bulk.sender.on_acknowledgement(now, &acknowledgement);
        if bulk.sender.in_flight() < in_flight {
            self.awaiting_since = None;
        }
        for name in whole {
            if let Some(key) = self.call_named(name) {
                self.on_delivered(now, key);
            }
        }
    }

    /// The server has all arguments of a call: from here on it is asked how the call is.
    pub(super) fn on_delivered(&mut self, now: Timestamp, key: CallKey) {
        let shortest = self.config.probe_interval.max(self.round_trip.timeout());
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.phase != Phase::Sent {
            return;
        }
        let (lane, sequence) = (call.lane, call.sequence);
        call.phase = Phase::Working;
        call.probe_interval = shortest;
        call.timer = now + shortest;
        self.next_timer = self.next_timer.min(call.timer);
        self.stop_transfer(lane, sequence);
    }

    /// The server asks whether a datagram has arrived; it may be testing the path.
    pub(super) fn on_question(&mut self, now: Timestamp, subject: Subject, number: u64) {
        if subject.lane != ONEWAY_LANE {
            self.bulk(now).received.note(now, number);
            if let Some(key) = self.lanes.occupant(subject.lane) {
                self.bulk(now).replies.grant(key);
            }
            self.answer_part(now, (subject.lane, subject.sequence));
        }
    }

    /// A result takes no memory any more: those that waited for it hear that they may go on.
    pub(super) fn let_results_go_on(&mut self) {
        let Some(bulk) = &mut self.bulk else { return };
        for key in bulk.replies.let_go_on() {
            let Some(call) = self.calls.get(key) else { continue };
            self.line_up_arrived((call.lane, call.sequence));
        }
    }
}
