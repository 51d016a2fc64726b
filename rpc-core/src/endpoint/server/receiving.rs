//! Arguments that arrive in parts.
//!
//! The first part of a new number is judged as a REQUEST is, and what is decided is recorded before
//! anything is sent. When the arguments are whole, the call is queued as if a REQUEST had come.

use core::time::Duration;

use bytes::Bytes;

use super::ServerEndpoint;
use super::budget::OVERHEAD;
use super::incoming::CallToken;
use super::records::{Phase, Record};
use super::requests::{Admitted, detail};
use super::session::QueuedAnswer;
use super::window::{LaneState, Position};
use crate::time::Timestamp;
use crate::transfer::{Added, Assembly, FIRST_LIMIT, Key};
use crate::wire::frame::{Request, Subject, VerdictCode};
use crate::wire::integrity::RunningChecksum;
use crate::wire::part::Part;

/// How far ahead of what has arrived without a gap a client may send, at most. It is no more than what
/// has arrived, from [`FIRST_LIMIT`] on, so that a client pays with bytes for what it is granted.
const WINDOW: usize = 4 << 20;

/// A part that lies further ahead than this is taken only if many more bytes have arrived: memory up to
/// its place is to be paid for with bytes. It is what a client sends before it hears anything.
const AHEAD: usize = 16 * 1024;

/// How many times as far as what has arrived a part may lie ahead.
const AHEAD_OF_ARRIVED: usize = 32;

/// How often a message is looked at, at most, for whether it takes too long.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// The arguments of a call that have not arrived whole.
#[derive(Debug)]
pub(super) struct Receiving {
    interface: u32,
    signature: u32,
    assembly: Assembly,
    begun_at: Timestamp,
    /// When its client last sent or asked anything about it.
    heard_at: Timestamp,
    /// How many bytes, counted from the first, are taken.
    limit: usize,
    /// What the part with the last byte says of the whole.
    expected: Option<u32>,
    /// Of what has arrived without a gap.
    checksum: RunningChecksum,
}

impl Receiving {
    fn new(now: Timestamp, request: &Request, part: &Part) -> Self {
        let length = part.length as usize;
        Self {
            interface: request.interface,
            signature: request.signature,
            assembly: Assembly::new(length),
            begun_at: now,
            heard_at: now,
            limit: FIRST_LIMIT.min(length),
            expected: None,
            checksum: RunningChecksum::default(),
        }
    }

    /// How many bytes, counted from the first, are taken.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The memory that it takes.
    pub(super) fn allocated(&self) -> usize {
        self.assembly.allocated()
    }

    /// What the client may send because it was told so.
    pub(super) fn granted(&self) -> usize {
        if self.limit > FIRST_LIMIT { self.limit } else { 0 }
    }

    /// Whether memory up to `end` is paid for, when `bytes` more have arrived.
    fn is_paid(&self, end: usize, bytes: usize) -> bool {
        let paid = AHEAD + AHEAD_OF_ARRIVED * (self.assembly.arrived() + bytes);
        end <= self.allocated().max(paid)
    }

    /// How many bytes are taken if there is memory for them.
    fn wanted(&self) -> usize {
        let prefix = self.assembly.prefix();
        (prefix + prefix.clamp(FIRST_LIMIT, WINDOW)).min(self.assembly.length())
    }

    fn take(&mut self, part: &Part, bytes: &[u8]) -> Added {
        let said = part.whole_checksum();
        if self.expected.is_some_and(|expected| said.is_some_and(|said| said != expected)) {
            return Added::Contradiction;
        }
        let added = self.assembly.add(part.offset as usize, bytes, self.limit);
        if added != Added::Beyond {
            self.expected = self.expected.or(said);
        }
        let (_, seen) = self.checksum.so_far();
        self.checksum.see(seen, self.assembly.in_order(seen));
        added
    }
}

impl ServerEndpoint {
    pub(super) fn receive_part(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        request: &Request,
        part: &Part,
        bytes: &[u8],
    ) {
        self.statistics.parts_received += 1;
        let Some(position) = self.position(session, subject) else { return };
        // One that is taken need not be sent again, also if its call is over.
        let is_taken = match position {
            Position::Stale => {
                self.statistics.stale_requests += 1;
                true
            }
            Position::Duplicate => self.take_known(now, session, subject, request, part, bytes),
            Position::New => match self.judge(now, session, request, part.length as usize) {
                Ok(admitted) if self.budget.lets_begin(self.config.maximum_assembly_bytes) => {
                    let token =
                        self.begin_receiving(now, session, subject, request, part, admitted);
                    self.take_part(now, token, part, bytes)
                }
                decided => {
                    let refused = decided.err().unwrap_or_else(super::requests::Refused::busy);
                    self.refuse_new(Timestamp::NEVER, session, subject, part.identity, refused);
                    true
                }
            },
        };
        let key = (subject.lane, subject.sequence);
        if is_taken && self.is_receiving(session, key) {
            self.answer_soon(now, session, key, part.number);
        } else {
            self.answer_part(now, session, key, is_taken.then_some(part.number));
        }
    }

    fn begin_receiving(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        request: &Request,
        part: &Part,
        admitted: Admitted,
    ) -> CallToken {
        let phase = Phase::Receiving(Box::new(Receiving::new(now, request, part)));
        let (deadline, patience) = (admitted.deadline, self.config.assembly_patience);
        if let Some(bulk) = self.bulk(now, session)
            && bulk.arguments.is_empty()
        {
            bulk.patience.begin(now, patience);
        }
        // A part is no measure of the round trip: it says nothing of when it was sent.
        let received_at = Timestamp::NEVER;
        let token =
            self.record(session, subject, request, part.identity, received_at, admitted, phase);
        self.advance(session, subject, LaneState::Recorded(token.index));
        self.open_share(token, deadline.min(now + patience));
        token
    }

    /// A part of the lane's call. True if it need not be sent again.
    fn take_known(
        &mut self,
        now: Timestamp,
        session: u32,
        subject: Subject,
        request: &Request,
        part: &Part,
        bytes: &[u8],
    ) -> bool {
        let index = match self.lane_state(session, subject.lane) {
            Some(LaneState::Recorded(index)) => index,
            Some(LaneState::Refused(code)) => {
                self.statistics.duplicates += 1;
                let answer = QueuedAnswer::Verdict { subject, received_at: Timestamp::NEVER, code };
                self.queue_once(session, subject, answer);
                return true;
            }
            _ => {
                self.statistics.stale_requests += 1;
                return true;
            }
        };
        let token = self.records.token(index);
        let Some(record) = self.records.get(token) else { return true };
        if record.digest != part.identity {
            // As with requests: one client state is in use twice. It is not for this user of the state
            // to hear that the other one's datagrams have arrived.
            self.statistics.misuses += 1;
            let (received_at, digest) = (Timestamp::NEVER, part.identity);
            let answer = QueuedAnswer::Misuse { subject, received_at, digest };
            self.queue_once(session, subject, answer);
            return false;
        }
        match &record.phase {
            Phase::Receiving(receiving) => {
                let own = (receiving.interface, record.method, receiving.signature);
                let said = (request.interface, request.method, request.signature);
                if own == said && receiving.assembly.length() == part.length as usize {
                    return self.take_part(now, token, part, bytes);
                }
                let text = "its parts do not agree on what they are parts of";
                self.refuse_receiving(token, VerdictCode::Incomplete, text);
            }
            Phase::Refused { .. } => {
                self.statistics.duplicates += 1;
                self.queue_recorded(token);
            }
            _ => self.statistics.duplicates += 1,
        }
        true
    }

    /// Puts a part where it belongs. True if it need not be sent again.
    fn take_part(&mut self, now: Timestamp, token: CallToken, part: &Part, bytes: &[u8]) -> bool {
        let Some(record) = self.records.get_mut(token) else { return true };
        let (Phase::Receiving(receiving), Some(share)) = (&mut record.phase, &record.share) else {
            return true;
        };
        receiving.heard_at = now;
        let end = part.offset as usize + bytes.len();
        // Memory grows in steps: the whole step has to have room.
        let allocation = receiving.assembly.allocation_for(end);
        let more = (allocation + OVERHEAD).saturating_sub(share.charged);
        let has_room = more == 0
            || self.budget.all.lets(share.serial, more, self.config.maximum_assembly_bytes);
        if !has_room || !receiving.is_paid(end, bytes.len()) {
            return false;
        }
        match receiving.take(part, bytes) {
            Added::Beyond => return false,
            Added::Known => self.statistics.duplicates += 1,
            Added::Contradiction => {
                let text = "two of its parts differ where they overlap";
                self.refuse_receiving(token, VerdictCode::Incomplete, text);
            }
            Added::New(bytes) => {
                let is_complete = receiving.assembly.is_complete();
                let (session, patience) = (record.session, self.config.assembly_patience);
                if let Some(bulk) = self.bulk(now, session) {
                    bulk.patience.on_arrived(now, bytes, patience);
                }
                self.charge(token);
                if is_complete {
                    self.finish_receiving(now, token);
                } else {
                    self.grant(token);
                }
            }
        }
        true
    }

    /// Takes more of a message if there is memory for it. True if more is taken than before.
    fn grant(&mut self, token: CallToken) -> bool {
        let Some(record) = self.records.get_mut(token) else { return false };
        let (Phase::Receiving(receiving), Some(share)) = (&mut record.phase, &record.share) else {
            return false;
        };
        let wanted = receiving.wanted();
        if wanted <= receiving.limit {
            return false;
        }
        let more = (wanted + OVERHEAD).saturating_sub(share.charged);
        let session = self.sessions.get(record.session);
        let own = session.and_then(|session| session.bulk.as_ref()).map(|bulk| &bulk.arguments);
        let per_session = self.config.maximum_assembly_bytes_per_session;
        let has_room = own.is_none_or(|own| own.lets(share.serial, more, per_session))
            && self.budget.all.lets(share.serial, more, self.config.maximum_assembly_bytes);
        if has_room {
            receiving.limit = wanted;
            self.charge(token);
        }
        has_room
    }

    /// Memory has become free: the message says so if it was waiting for that.
    pub(super) fn let_go_on(&mut self, token: CallToken) {
        if self.grant(token)
            && let Some(record) = self.records.get(token)
        {
            let (session, key) = (record.session, (record.lane, record.sequence));
            self.queue_arrived(session, key);
        }
    }

    /// Its client asks how much of a message is taken.
    pub(super) fn reconsider(&mut self, now: Timestamp, session: u32, subject: Subject) {
        if let Some(LaneState::Recorded(index)) = self.lane_state(session, subject.lane) {
            let token = self.records.token(index);
            if let Some(Record { phase: Phase::Receiving(receiving), .. }) =
                self.records.get_mut(token)
            {
                receiving.heard_at = now;
            }
            self.grant(token);
        }
    }

    /// All arguments have arrived: their call waits to be run like any other.
    fn finish_receiving(&mut self, now: Timestamp, token: CallToken) {
        let Some(record) = self.records.get_mut(token) else { return };
        let Phase::Receiving(receiving) = &record.phase else { return };
        if receiving.expected != Some(receiving.checksum.so_far().0) {
            let text = "the checksum of the arguments does not match";
            return self.refuse_receiving(token, VerdictCode::Incomplete, text);
        }
        let (ticket, since) = (self.queue.ticket(), now);
        let queued = Phase::Queued { body: Bytes::new(), ticket, since, is_parked: false };
        let Phase::Receiving(receiving) = core::mem::replace(&mut record.phase, queued) else {
            unreachable!("it was being received just now");
        };
        if let Phase::Queued { body, .. } = &mut record.phase {
            *body = receiving.assembly.into_message();
        }
        if let Some(share) = &mut record.share {
            self.budget.due.remove(&(share.due, token));
            share.due = Timestamp::NEVER;
        }
        self.charge(token);
        self.line_up(now, token);
    }

    /// Gives up a call whose arguments have not arrived whole: its bytes are freed, its number is kept.
    pub(super) fn refuse_receiving(&mut self, token: CallToken, code: VerdictCode, text: &str) {
        let Some(record) = self.records.get(token) else { return };
        let Phase::Receiving(_) = record.phase else { return };
        let (session, id, subject) = (record.session, record.session_id, record.subject());
        self.statistics.refusals += 1;
        self.statistics.arguments_lost += u64::from(code == VerdictCode::Incomplete);
        if let Some(session) = self.sessions.get_mut(session).filter(|s| s.id == id) {
            session.unfinished -= 1;
        }
        self.close_share(token);
        if text.is_empty() {
            self.forget(token);
            self.set_lane_state(session, subject.lane, LaneState::Refused(code));
            let answer = QueuedAnswer::Verdict { subject, received_at: Timestamp::NEVER, code };
            self.queue_answer(session, answer);
            return;
        }
        let Some(record) = self.records.get_mut(token) else { return };
        let detail = detail(text);
        self.reply_bytes = self.reply_bytes + detail.len() - record.booked;
        record.booked = detail.len();
        record.phase = Phase::Refused { code, detail };
        self.queue_recorded(token);
    }

    /// Gives up the calls whose arguments have taken too long.
    pub(super) fn expire_receiving(&mut self, now: Timestamp) {
        while let Some(&(due, token)) = self.budget.due.first()
            && due <= now
        {
            self.budget.due.pop_first();
            let Some(record) = self.records.get_mut(token) else { continue };
            let (Phase::Receiving(receiving), Some(share)) = (&record.phase, &mut record.share)
            else {
                continue;
            };
            if record.deadline <= now {
                share.due = Timestamp::NEVER;
                self.refuse_receiving(token, VerdictCode::Expired, "");
                continue;
            }
            let bulk = self.sessions.get(record.session).and_then(|it| it.bulk.as_ref());
            let left = bulk.map(|bulk| bulk.patience).unwrap_or_default();
            let (begun_at, heard_at) = (receiving.begun_at, receiving.heard_at);
            let mut expires_at = left.ends_at(begun_at, heard_at, self.config.assembly_patience);
            if now.since(due) >= Duration::from_secs(1) {
                // After a pause of this process: nobody listened.
                expires_at = expires_at.max(now + Duration::from_secs(1));
            }
            if expires_at > now {
                share.due = expires_at.max(now + LEAST_INTERVAL).min(record.deadline);
                self.budget.due.insert((share.due, token));
                continue;
            }
            share.due = Timestamp::NEVER;
            if receiving.limit < receiving.wanted() {
                // It was not its client that kept it waiting.
                self.refuse_receiving(token, VerdictCode::Busy, "");
                continue;
            }
            let text = format!(
                "{} of {} bytes had arrived when `assembly_patience` of the server was over",
                receiving.assembly.arrived(),
                receiving.assembly.length()
            );
            self.refuse_receiving(token, VerdictCode::Incomplete, &text);
        }
    }

    /// Tells the clients whose arguments are on their way that their calls will not run here.
    pub(super) fn refuse_all_receiving(&mut self) {
        let tokens: Vec<_> = self.budget.all.tokens().collect();
        for token in tokens {
            self.refuse_receiving(token, VerdictCode::ShuttingDown, "");
        }
    }

    /// How many bytes of a message, counted from the first, are taken.
    pub(super) fn limit_of(&mut self, session: u32, (lane, sequence): Key) -> usize {
        let subject = Subject { lane, sequence, attempt: 0 };
        match self.position(session, subject) {
            Some(Position::New) => FIRST_LIMIT,
            Some(Position::Duplicate) => match self.lane_state(session, lane) {
                Some(LaneState::Recorded(index)) => {
                    let record = self.records.get(self.records.token(index));
                    match record.map(|record| &record.phase) {
                        Some(Phase::Receiving(receiving)) => receiving.limit(),
                        _ => usize::MAX,
                    }
                }
                _ => usize::MAX,
            },
            // Of a message that is not expected any more, everything is taken and thrown away.
            _ => usize::MAX,
        }
    }
}
