//! Writing what waits to be sent.

use core::time::Duration;

use super::calls::{OutgoingCall, Phase};
use super::{CallKey, ClientEndpoint};
use crate::call::round_trip::backed_off;
use crate::endpoint::Transmit;
use crate::time::{Timestamp, nanoseconds};
use crate::wire::frame::{self, FenceCause, NO_DEADLINE, PREFIX_LENGTH, Request, Subject};
use crate::wire::{Header, Kind, Role, integrity};

/// Something that waits to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outgoing {
    /// What the call's phase asks for: its request, a probe or a fence.
    About(CallKey),
    /// The reply of this lane has arrived.
    Acknowledge { lane: u16, sequence: u64 },
    /// Parts of this lane's result have arrived.
    Arrived { lane: u16, sequence: u64 },
    /// The session is over.
    Close,
}

impl ClientEndpoint {
    /// Writes as many frames as wait and fit into one datagram.
    pub(super) fn transmit_frames(
        &mut self,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let session = self.session?;
        if self.outbox.is_empty() {
            return None;
        }
        let start = out.len();
        Header { role: Role::Client, kind: Kind::Frames, session: session.id }.write(out);
        let empty = out.len();
        let limit = start + self.config.datagram_size - integrity::LENGTH;
        let timeout = self.round_trip.timeout() + session.working_delay;
        while let Some(&outgoing) = self.outbox.front() {
            if !self.write(now, outgoing, limit, timeout, out) {
                break;
            }
            self.outbox.pop_front();
        }
        self.held_until = Timestamp::NEVER;
        self.outbox_bytes = self.outbox_bytes.saturating_sub(out.len() - empty);
        if self.outbox.is_empty() {
            self.outbox_bytes = 0;
        }
        if out.len() == empty {
            out.truncate(start);
            return None;
        }
        self.write_riders(now, limit, out);
        integrity::seal(out, start);
        Some(Transmit { to: session.server, from: None, length: out.len() - start })
    }

    /// Appends a few of the acknowledgements that are not sent by themselves any more.
    fn write_riders(&mut self, now: Timestamp, limit: usize, out: &mut Vec<u8>) {
        const RIDERS: usize = 4;
        let interval = self.acknowledgement_interval();
        for _ in 0..RIDERS {
            if out.len() + PREFIX_LENGTH > limit {
                return;
            }
            if let Some((lane, sequence)) = self.lanes.next_rider(now, interval) {
                frame::write_acknowledge(out, Subject { lane, sequence, attempt: 1 });
            }
        }
    }

    /// Writes one frame. False if it does not fit any more.
    fn write(
        &mut self,
        now: Timestamp,
        outgoing: Outgoing,
        limit: usize,
        timeout: Duration,
        out: &mut Vec<u8>,
    ) -> bool {
        match outgoing {
            Outgoing::About(key) => {
                let call = self.calls.get(key).filter(|call| call.is_queued);
                let Some(call) = call else { return true };
                if call.is_large && call.phase == Phase::Sent {
                    self.begin_transfer(now, key);
                    return true;
                }
                if out.len() + call.frame_length() > limit {
                    return false;
                }
                self.write_about(now, key, timeout, out);
            }
            Outgoing::Acknowledge { lane, sequence } => {
                if out.len() + PREFIX_LENGTH > limit {
                    return false;
                }
                // A call that has taken the lane meanwhile has acknowledged already.
                if self.lanes.occupant(lane).is_none() {
                    frame::write_acknowledge(out, Subject { lane, sequence, attempt: 1 });
                }
            }
            Outgoing::Arrived { lane, sequence } => {
                return self.write_arrived(now, (lane, sequence), limit, out);
            }
            Outgoing::Close => frame::write_close(out),
        }
        true
    }

    fn write_about(&mut self, now: Timestamp, key: CallKey, timeout: Duration, out: &mut Vec<u8>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.is_queued = false;
        let (phase, fence) = (call.phase, call.fence.unwrap_or(FenceCause::Deadline));
        if !phase.has_lane() {
            return;
        }
        let attempt = call.next_attempt(now);
        let subject = Subject { lane: call.lane, sequence: call.sequence, attempt };
        let longest = match phase {
            Phase::Sent => self.config.maximum_timeout,
            _ => self.config.maximum_probe_interval.max(timeout),
        };
        match phase {
            Phase::Sent => {
                self.statistics.retransmissions += u64::from(call.attempts > 1);
                #[cfg(feature = "tracing")]
                if let Some(trace) = &mut call.trace {
                    trace.retransmissions += u64::from(call.attempts > 1);
                }
                let request = request(now, call);
                let body = &call.call.body;
                frame::write_request(out, subject, &request, &body.part(0..body.len()));
            }
            Phase::Working => {
                self.statistics.probes += 1;
                frame::write_probe(out, subject);
            }
            _ => {
                self.statistics.fences += 1;
                frame::write_fence(out, subject, fence);
            }
        }
        if call.call.is_oneway {
            self.settle_lane(key);
            return self.finish(key, Ok(bytes::Bytes::new()));
        }
        let wait = nanoseconds(backed_off(timeout, call.unanswered, longest));
        // Up to a sixteenth more, so that clients that lost a packet together do not repeat it together.
        let spread = (wait >> 14).saturating_mul(self.jitter.u64(..1 << 10));
        let wait = wait.saturating_add(spread);
        call.timer = Timestamp::from_nanos(now.as_nanos().saturating_add(wait));
        self.next_timer = self.next_timer.min(call.timer);
        self.awaiting_since.get_or_insert(now);
    }
}

pub(super) fn request(now: Timestamp, call: &OutgoingCall) -> Request {
    let remaining = if call.deadline_at == Timestamp::NEVER {
        NO_DEADLINE
    } else {
        // Rounded up: the server must not give up before the caller does.
        let remaining = call.deadline_at.as_nanos().saturating_sub(now.as_nanos());
        let remaining = remaining.div_ceil(1_000_000).max(1);
        u32::try_from(remaining).unwrap_or(NO_DEADLINE - 1)
    };
    Request {
        interface: call.call.interface,
        method: call.call.method,
        signature: call.call.signature,
        remaining,
        body: 0..0,
    }
}
