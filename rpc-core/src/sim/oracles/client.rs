//! The oracles of one client: the numbers of its calls, how often it repeats them, and what it believes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::inert::Before;
use super::marks::{Goal, Marks};
use super::violation::{Verdict, ensure};
use crate::endpoint::{ClientEndpoint, Machine};
use crate::statistics::DropReason;
use crate::time::Timestamp;
use crate::wire::frame::{
    ClientFrame, ONEWAY_LANE, Request, ServerAnswer, Subject, digest, next_client_frame,
    next_server_frame,
};
use crate::wire::handshake as messages;
use crate::wire::{Header, Kind, Role};

/// The call that a lane was used for last.
#[derive(Debug)]
struct SentCall {
    sequence: u64,
    content: Option<u32>,
    /// Whether the server has said what became of it.
    is_settled: bool,
    /// Copies of its request since anything was received, and when the last was sent.
    copies: u32,
    receptions: u64,
    last_at: Timestamp,
    /// How often the part with the last byte of its arguments was sent.
    last_parts: u32,
}

/// What is known of one client.
#[derive(Debug, Default)]
pub(in crate::sim) struct ClientWatch {
    /// Every number that was ever used.
    used: BTreeSet<u64>,
    /// The session that the lanes belong to.
    session: u64,
    lanes: BTreeMap<u16, SentCall>,
    /// The newest call of each lane of which the server has told the end.
    heard: BTreeMap<u16, u64>,
    /// The nonce of the handshake that waits for its WELCOME.
    opened: Option<u128>,
    /// Datagrams that were accepted.
    receptions: u64,
    until_audit: usize,
    pub(super) marks: Marks,
}

/// Datagrams that are sent.
impl ClientWatch {
    pub(super) fn sent(
        &mut self,
        now: Timestamp,
        endpoint: &ClientEndpoint,
        data: &[u8],
    ) -> Verdict {
        let parsed = Header::parse(data);
        ensure!(parsed.is_ok(), "S20", "a client sends what is not well formed: {parsed:?}");
        let Ok((header, body)) = parsed else { return Ok(()) };
        ensure!(header.role == Role::Client, "S18", "a client sends what only servers send");
        match header.kind {
            Kind::Hello => {
                let nonce = messages::parse_hello(body);
                self.opened = self.opened.filter(|_| self.opened == nonce);
            }
            Kind::Open => self.opened = messages::parse_open(body).map(|open| open.nonce),
            Kind::Frames => {
                if header.session != self.session {
                    self.session = header.session;
                    self.lanes.clear();
                    self.heard.clear();
                }
                let mut at = 0;
                while let Some(frame) = next_client_frame(body, &mut at) {
                    self.on_frame(now, endpoint, &frame, body)?;
                }
            }
            kind => ensure!(false, "S18", "a client sends {kind:?}"),
        }
        Ok(())
    }

    fn on_frame(
        &mut self,
        now: Timestamp,
        endpoint: &ClientEndpoint,
        frame: &ClientFrame,
        body: &[u8],
    ) -> Verdict {
        match frame {
            ClientFrame::Request(subject, request) => {
                let Request { interface, method, signature, .. } = *request;
                let arguments = &body[request.body.clone()];
                let content = digest(interface, method, signature, arguments);
                self.name(now, *subject, Some(content))?;
                self.on_copy(now, endpoint, *subject)
            }
            ClientFrame::Part(subject, _, part) => {
                self.name(now, *subject, Some(part.identity))?;
                let is_last = part.offset as usize + part.body.len() == part.length as usize;
                if let Some(call) = self.lanes.get_mut(&subject.lane).filter(|_| is_last) {
                    call.last_parts += 1;
                    self.marks.reach_if(Goal::LastPartRepeated, call.last_parts > 3);
                }
                Ok(())
            }
            ClientFrame::Oneway(subject, _) => {
                let is_new = self.used.insert(subject.sequence);
                ensure!(is_new, "S8", "the number {} is used again", subject.sequence);
                Ok(())
            }
            ClientFrame::Probe(subject) | ClientFrame::Fence(subject, _) => {
                self.name(now, *subject, None)
            }
            ClientFrame::Acknowledge(Subject { lane, sequence, .. }) => {
                let has_heard = self.heard.get(lane).is_some_and(|newest| newest >= sequence);
                ensure!(has_heard, "S14", "call {sequence} is acknowledged and has no reply");
                Ok(())
            }
            ClientFrame::Close | ClientFrame::Arrived(..) | ClientFrame::Question(..) => Ok(()),
        }
    }

    /// A frame names a call.
    fn name(&mut self, now: Timestamp, subject: Subject, content: Option<u32>) -> Verdict {
        let Subject { lane, sequence, .. } = subject;
        ensure!(lane != ONEWAY_LANE, "S8", "call {sequence} is in the lane of one-way calls");
        if let Some(call) = self.lanes.get_mut(&lane) {
            let present = call.sequence;
            ensure!(
                sequence >= present,
                "S8",
                "lane {lane} goes back from {present} to {sequence}"
            );
            if sequence == present {
                let is_same =
                    call.content.is_none() || content.is_none() || call.content == content;
                ensure!(is_same, "S8", "the number {sequence} is used again for another call");
                call.content = call.content.or(content);
                return Ok(());
            }
            ensure!(
                call.is_settled,
                "S8",
                "lane {lane} is used for call {sequence} before call {present} is settled"
            );
        }
        let is_new = self.used.insert(sequence);
        ensure!(is_new, "S8", "the number {sequence} is used again");
        let call = SentCall {
            sequence,
            content,
            is_settled: false,
            copies: 0,
            receptions: self.receptions,
            last_at: now,
            last_parts: 0,
        };
        self.lanes.insert(lane, call);
        Ok(())
    }

    /// A copy of a request is sent.
    fn on_copy(&mut self, now: Timestamp, endpoint: &ClientEndpoint, subject: Subject) -> Verdict {
        let Some(call) = self.lanes.get_mut(&subject.lane) else { return Ok(()) };
        let settings = endpoint.settings();
        if call.receptions == self.receptions && call.copies > 0 {
            // The wait doubles from the third copy on, while nothing at all is heard.
            let doublings = call.copies.saturating_sub(2).min(16);
            let least = settings.minimum_timeout.saturating_mul(1 << doublings);
            let least = least.min(settings.maximum_timeout);
            let waited = now.since(call.last_at);
            ensure!(
                waited >= least,
                "S24",
                "copy {} of call {} follows after {waited:?}; the least is {least:?}",
                call.copies + 1,
                subject.sequence
            );
            let is_longest = waited >= settings.maximum_timeout;
            self.marks.reach_if(Goal::TimeoutAtMaximum, is_longest);
        } else {
            call.copies = 0;
            call.receptions = self.receptions;
        }
        call.copies += 1;
        call.last_at = now;
        Ok(())
    }
}

/// Datagrams that arrive.
impl ClientWatch {
    /// Hands a datagram to the client and looks at what it does to it.
    pub(super) fn deliver(
        &mut self,
        now: Timestamp,
        endpoint: &mut ClientEndpoint,
        (from, local): (SocketAddr, IpAddr),
        data: &Bytes,
    ) -> Verdict {
        let before = Before::new(endpoint, data);
        let session = endpoint.session_id();
        endpoint.handle_datagram(now, from, Some(local), data);
        before.check(endpoint)?;
        if !before.has_accepted(endpoint) {
            return Ok(());
        }
        self.receptions += 1;
        let Ok((header, body)) = Header::parse(data) else { return Ok(()) };
        ensure!(header.role == Role::Server, "S18", "a client has accepted what a client sent");
        match header.kind {
            Kind::Frames => {
                let is_own = session == Some(header.session);
                ensure!(is_own, "S12", "a client of {session:x?} accepts {:x}", header.session);
                if header.session == self.session {
                    self.on_answers(body);
                }
            }
            Kind::Welcome => {
                let Some(welcome) = messages::parse_welcome(body) else { return Ok(()) };
                let is_expected = self.opened.take() == Some(welcome.nonce);
                ensure!(is_expected, "S12", "a client accepts a WELCOME that it did not ask for");
                let is_taken = endpoint.session_id() == Some(welcome.session);
                ensure!(is_taken, "S12", "a client is welcomed to another session than its own");
            }
            _ => {}
        }
        Ok(())
    }

    fn on_answers(&mut self, body: &[u8]) {
        let mut at = 0;
        while let Some(frame) = next_server_frame(body, &mut at) {
            let Subject { lane, sequence, .. } = frame.subject;
            let is_settled = match frame.answer {
                ServerAnswer::Reply(..) | ServerAnswer::Verdict(..) | ServerAnswer::Part(..) => {
                    let newest = self.heard.entry(lane).or_default();
                    *newest = sequence.max(*newest);
                    true
                }
                ServerAnswer::NotKept | ServerAnswer::Running | ServerAnswer::Superseded => true,
                _ => false,
            };
            let call = self.lanes.get_mut(&lane).filter(|call| call.sequence == sequence);
            if let Some(call) = call.filter(|_| is_settled) {
                call.is_settled = true;
            }
        }
    }
}

/// Looking at the client itself.
impl ClientWatch {
    /// The client has done what there was to do.
    pub(super) fn turned(&mut self, now: Timestamp, endpoint: &ClientEndpoint) -> Verdict {
        self.marks.reach_if(Goal::WindowFull, endpoint.is_window_full());
        self.until_audit = self.until_audit.saturating_sub(1);
        if self.until_audit == 0 {
            // The cost of an audit is spread over as many turns as it looks at things.
            self.until_audit = 64 + 8 * endpoint.open_calls();
            self.mark_counters(endpoint);
            return self.audit(now, endpoint);
        }
        Ok(())
    }

    pub(super) fn audit(&self, now: Timestamp, endpoint: &ClientEndpoint) -> Verdict {
        let faults = endpoint.audit(now);
        ensure!(faults.is_empty(), "S16", "a client is not what it counts: {}", faults.join("; "));
        Ok(())
    }

    /// Takes the marks that the client's own counters show.
    pub(super) fn mark_counters(&mut self, endpoint: &ClientEndpoint) {
        let (counters, marks) = (endpoint.counters(), &mut self.marks);
        let dropped = |reason| counters.received.dropped(reason) > 0;
        marks.reach_if(Goal::ChecksumRejected, dropped(DropReason::Corrupt));
        marks.reach_if(Goal::VersionMismatch, dropped(DropReason::WrongVersion));
        marks.reach_if(Goal::BudgetEmpty, counters.retransmissions_delayed > 0);
    }
}
