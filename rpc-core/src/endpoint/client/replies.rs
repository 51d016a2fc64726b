//! Results that arrive in parts.

use bytes::Bytes;

use super::{CallKey, ClientEndpoint};
use crate::endpoint::in_datagram;
use crate::error::{CallErrorKind, Outcome};
use crate::time::Timestamp;
use crate::transfer::{Added, Assembly, FIRST_LIMIT};
use crate::wire::frame::{ReplyCode, Subject};
use crate::wire::integrity::RunningChecksum;
use crate::wire::part::Part;

/// How far ahead of what has arrived without a gap a server may send.
const WINDOW: usize = 4 << 20;

/// The results that are being put together, the oldest first.
#[derive(Debug)]
pub(super) struct Replies {
    entries: Vec<Incoming>,
    /// How many bytes they may take.
    budget: usize,
}

#[derive(Debug)]
struct Incoming {
    call: CallKey,
    code: ReplyCode,
    /// What the part with the last byte says of the whole.
    expected: Option<u32>,
    assembly: Assembly,
    /// Of what has arrived without a gap.
    checksum: RunningChecksum,
    /// How many bytes of it are taken.
    limit: usize,
    /// Whether more would be taken if there were room for it.
    is_held_up: bool,
}

impl Incoming {
    /// The memory that it takes, or may take because the server was told so.
    fn committed(&self) -> usize {
        let granted = if self.limit > FIRST_LIMIT { self.limit } else { 0 };
        self.assembly.allocated().max(granted)
    }
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// It is noted.
    Noted,
    /// There is no room for it: it is to be sent again.
    Dropped,
    /// The result is whole, or cannot be trusted.
    Ended(Option<Bytes>),
}

impl Replies {
    pub(super) fn new(budget: usize) -> Self {
        Self { entries: Vec::new(), budget }
    }

    /// How many bytes of a call's result the server may send.
    pub(super) fn limit(&self, call: CallKey) -> usize {
        self.entries.iter().find(|it| it.call == call).map_or(FIRST_LIMIT, |it| it.limit)
    }

    /// Takes more of a call's result if there is room for it. True if more is taken than before.
    pub(super) fn grant(&mut self, call: CallKey) -> bool {
        let Some(index) = self.entries.iter().position(|it| it.call == call) else { return false };
        let before = self.entries[index].limit;
        self.grant_at(index);
        self.entries[index].limit > before
    }

    /// There may be room again for results that waited for it: the calls of which more is taken now.
    pub(super) fn let_go_on(&mut self) -> Vec<CallKey> {
        let held_up: Vec<_> =
            self.entries.iter().filter(|it| it.is_held_up).map(|it| it.call).collect();
        held_up.into_iter().filter(|&call| self.grant(call)).collect()
    }

    fn grant_at(&mut self, index: usize) {
        let entry = &self.entries[index];
        let wanted = (entry.assembly.prefix() + WINDOW).min(entry.assembly.length());
        // What was granted to others counts as well: it has to find room when it comes.
        let others = self.entries.iter().enumerate().filter(|&(other, _)| other != index);
        let taken: usize = others.map(|(_, other)| other.committed()).sum();
        // One of them always goes on, or all would wait for each other.
        let has_room = index == 0 || taken + wanted <= self.budget;
        let entry = &mut self.entries[index];
        entry.is_held_up = !has_room && wanted > entry.limit;
        if has_room {
            entry.limit = entry.limit.max(wanted);
        }
    }

    /// How many bytes of a call's result have arrived without a gap, and how many it will have.
    pub(super) fn progress(&self, call: CallKey) -> Option<(usize, Option<usize>)> {
        let incoming = self.entries.iter().find(|it| it.call == call)?;
        Some((incoming.assembly.prefix(), Some(incoming.assembly.length())))
    }

    /// A result is not wanted any more.
    pub(super) fn remove(&mut self, call: CallKey) {
        self.entries.retain(|it| it.call != call);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes of memory they take.
    pub(super) fn allocated(&self) -> usize {
        self.entries.iter().map(|it| it.assembly.allocated()).sum()
    }

    fn take(&mut self, call: CallKey, code: ReplyCode, part: &Part, bytes: &[u8]) -> Taken {
        let index = self.entries.iter().position(|it| it.call == call).unwrap_or_else(|| {
            let assembly = Assembly::new(part.length as usize);
            let limit = FIRST_LIMIT;
            let (expected, checksum) = (None, RunningChecksum::default());
            let is_held_up = false;
            self.entries.push(Incoming {
                call,
                code,
                expected,
                assembly,
                checksum,
                limit,
                is_held_up,
            });
            self.entries.len() - 1
        });
        let incoming = &mut self.entries[index];
        let expected = part.whole_checksum().or(incoming.expected);
        if (incoming.code, incoming.assembly.length()) != (code, part.length as usize)
            || expected != incoming.expected.or(expected)
        {
            self.entries.remove(index);
            return Taken::Ended(None);
        }
        let added = incoming.assembly.add(part.offset as usize, bytes, incoming.limit);
        let (_, seen) = incoming.checksum.so_far();
        incoming.checksum.see(seen, incoming.assembly.in_order(seen));
        incoming.expected = expected;
        self.grant_at(index);
        let incoming = &self.entries[index];
        match added {
            Added::Beyond => Taken::Dropped,
            Added::Contradiction => {
                self.entries.remove(index);
                Taken::Ended(None)
            }
            Added::New(_) | Added::Known if incoming.assembly.is_complete() => {
                let Incoming { assembly, expected, checksum, .. } = self.entries.remove(index);
                let is_right = expected == Some(checksum.so_far().0);
                Taken::Ended(is_right.then(|| assembly.into_message()))
            }
            Added::New(_) | Added::Known => Taken::Noted,
        }
    }
}

impl ClientEndpoint {
    /// A part of a result.
    pub(super) fn on_reply_part(
        &mut self,
        now: Timestamp,
        subject: Subject,
        code: ReplyCode,
        part: &Part,
        datagram: &[u8],
    ) {
        self.statistics.parts_received += 1;
        let name = (subject.lane, subject.sequence);
        let key = self.lanes.occupant(subject.lane);
        let call = key.and_then(|key| Some((key, self.calls.get_mut(key)?)));
        let Some((key, call)) = call.filter(|(_, call)| call.sequence == subject.sequence) else {
            // It came late, or twice. The server need not send it again, nor keep it.
            self.statistics.stale_frames += 1;
            self.bulk(now).received.note(now, part.number);
            self.answer_part(now, name);
            if key.is_none() {
                self.note_reply(now, subject.lane, subject.sequence);
            }
            return;
        };
        call.has_reply = true;
        self.awaiting_since = None;
        let limit = call.call.limits.reply.unwrap_or(self.config.maximum_reply);
        let (is_wanted, size) = (!call.is_released, part.length as usize);
        self.on_delivered(now, key);
        self.postpone_probe(now, key);
        let bytes = &datagram[in_datagram(&part.body)];
        let taken = if !is_wanted {
            Taken::Ended(Some(Bytes::new()))
        } else if size > limit {
            let text = format!(
                "it takes {size} bytes and the client takes {limit}; raise `max_reply` of the method or \
                 `maximum_reply` of the client, or return less"
            );
            self.bulk(now).received.note(now, part.number);
            self.answer_part(now, name);
            return self.on_reply(now, key, ReplyCode::TooLarge, Bytes::from(text));
        } else {
            self.bulk(now).replies.take(key, code, part, bytes)
        };
        if taken != Taken::Dropped {
            self.bulk(now).received.note(now, part.number);
        }
        match taken {
            Taken::Noted => self.answer_soon(now, name),
            Taken::Ended(_) | Taken::Dropped => self.answer_part(now, name),
        }
        match taken {
            Taken::Ended(Some(body)) => self.on_reply(now, key, code, body),
            Taken::Ended(None) => {
                self.note_reply(now, subject.lane, subject.sequence);
                self.settle_lane(key);
                self.end(key, Outcome::Executed, CallErrorKind::CorruptReply);
            }
            Taken::Noted | Taken::Dropped => {}
        }
    }

    /// While its result arrives, a call need not be asked about.
    fn postpone_probe(&mut self, now: Timestamp, key: CallKey) {
        if let Some(call) = self.calls.get_mut(key).filter(|call| !call.is_queued) {
            call.unanswered = 0;
            call.timer = now + call.probe_interval.max(self.config.probe_interval);
            self.next_timer = self.next_timer.min(call.timer);
        }
    }
}
