//! What the frames that a server receives mean for what it may do, and what the frames that it sends must
//! be true about.

use core::time::Duration;
use std::net::SocketAddr;

use super::book::{CallBook, SessionBook, Stage};
use super::marks::Goal;
use super::server::{ServerWatch, notices_others};
use super::violation::{Verdict, ensure};
use crate::endpoint::ServerEndpoint;
use crate::time::Timestamp;
use crate::wire::frame::{
    ClientFrame, NO_DEADLINE, Request, ServerAnswer, ServerFrame, Subject, VerdictCode, Working,
    digest, next_server_frame,
};
use crate::wire::handshake::{self as messages, Refusal};
use crate::wire::part::Part;
use crate::wire::{self, Header, Kind, Role, integrity};

/// Frames that arrive.
impl ServerWatch {
    /// Gives how many contents came that the server must have noticed as another call's.
    pub(super) fn on_frame(
        &mut self,
        endpoint: &ServerEndpoint,
        id: u64,
        frame: &ClientFrame,
        body: &[u8],
    ) -> u64 {
        let window = endpoint.settings().window;
        let Some(session) = self.sessions.get_mut(&id) else { return 0 };
        if let ClientFrame::Request(_, request) | ClientFrame::Part(_, request, _) = frame {
            let deadline = match request.remaining {
                NO_DEADLINE => Timestamp::NEVER,
                remaining => session.heard_at + Duration::from_millis(remaining.into()),
            };
            session.waits_until = session.waits_until.max(deadline);
        }
        match frame {
            ClientFrame::Request(subject, request) if subject.lane < window => {
                let arguments = &body[request.body.clone()];
                let Request { interface, method, signature, .. } = *request;
                let content = digest(interface, method, signature, arguments);
                let arguments = integrity::crc32c(arguments);
                return self.on_request(id, *subject, content, Some(arguments), None);
            }
            ClientFrame::Part(subject, _, part) if subject.lane < window => {
                return self.on_request(id, *subject, part.identity, None, Some(part));
            }
            ClientFrame::Fence(subject, _) if subject.lane < window => self.on_fence(id, *subject),
            ClientFrame::Acknowledge(Subject { lane, sequence, .. }) => {
                if let Some(call) = session.call(*lane, *sequence) {
                    self.stored -= usize::from(core::mem::take(&mut call.is_stored));
                }
            }
            ClientFrame::Arrived(_, arrived) => {
                session.on_arrived(arrived.newest, &body[arrived.bits.clone()]);
            }
            _ => {}
        }
        0
    }

    fn on_request(
        &mut self,
        id: u64,
        subject: Subject,
        content: u32,
        arguments: Option<u32>,
        part: Option<&Part>,
    ) -> u64 {
        let Some(session) = self.sessions.get_mut(&id) else { return 0 };
        let Subject { lane, sequence, .. } = subject;
        let present = session.lanes.get(&lane).map_or(0, |call| call.sequence);
        if sequence < present {
            self.marks.reach(Goal::DuplicateAfterAcknowledgement);
            return 0;
        }
        if sequence > present {
            let mut call = CallBook::new(sequence, Stage::Accepted);
            (call.content, call.arguments) = (Some(content), arguments);
            call.is_in_parts = part.is_some();
            self.stored -= usize::from(session.advance(lane, call));
        }
        let Some(call) = session.call(lane, sequence) else { return 0 };
        if let Some(part) = part {
            let start = part.offset as usize;
            let overlaps = call.received.add(start..start + part.body.len());
            self.marks.reach_if(Goal::OverlappingPart, overlaps);
        }
        if sequence > present {
            return 0;
        }
        if part.is_none() || call.stage != Stage::Accepted {
            SessionBook::mark_copy(call, &mut self.marks);
        }
        let is_other = call.content.is_some_and(|first| first != content);
        u64::from(is_other && notices_others(call.stage, call.is_stored))
    }

    fn on_fence(&mut self, id: u64, Subject { lane, sequence, .. }: Subject) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let present = session.lanes.get(&lane).map_or(0, |call| call.sequence);
        if sequence > present {
            self.marks.reach(Goal::FenceBeforeRequest);
            self.stored -=
                usize::from(session.advance(lane, CallBook::new(sequence, Stage::Fenced)));
        } else if let Some(call) = session.call(lane, sequence) {
            self.marks.reach_if(Goal::FenceAfterEnd, call.stage == Stage::Ended);
            if call.stage == Stage::Accepted {
                call.stage = Stage::Fenced;
            }
        }
    }
}

/// Datagrams that are sent.
impl ServerWatch {
    pub(super) fn sent(
        &mut self,
        now: Timestamp,
        endpoint: &ServerEndpoint,
        to: SocketAddr,
        data: &[u8],
    ) -> Verdict {
        self.failure()?;
        let parsed = Header::parse(data);
        ensure!(parsed.is_ok(), "S20", "a server sends what is not well formed: {parsed:?}");
        let Ok((header, body)) = parsed else { return Ok(()) };
        ensure!(header.role == Role::Server, "S18", "a server sends what only clients send");
        self.addresses.sent(to, data.len())?;
        let id = header.session;
        match header.kind {
            Kind::Challenge => {
                self.marks.reach(Goal::CookieRequired);
                if let Some((nonce, cookie)) = messages::parse_challenge(body) {
                    self.addresses.issued(to, nonce, cookie, now);
                }
            }
            Kind::Welcome => {
                let id = messages::parse_welcome(body).map_or(0, |welcome| welcome.session);
                let is_known = self.sessions.contains_key(&id) || self.ended.contains_key(&id);
                ensure!(is_known, "S10", "a client is welcomed to {id:x}, which is no session");
            }
            Kind::Refused => {
                let refused = messages::parse_refused(body);
                let is_full = refused.is_some_and(|(_, reason)| reason == Refusal::Full);
                self.marks.reach_if(Goal::ServerFull, is_full);
                self.addresses.sent_refusal(to, data.len())?;
            }
            // A goodbye.
            Kind::Gone if self.sessions.get(&id).is_some_and(|it| it.address == to) => {}
            Kind::Version => self.addresses.sent_refusal(to, data.len())?,
            Kind::Gone | Kind::Moved => {
                self.addresses.sent_hint(to, data.len())?;
            }
            Kind::Frames => {
                let is_own = self.sessions.get(&id).is_some_and(|session| session.address == to);
                ensure!(is_own, "S11", "{to} is sent frames of {id:x}, which is not its session");
                let mut at = 0;
                while let Some(frame) = next_server_frame(body, &mut at) {
                    self.on_answer(endpoint, id, &frame, body)?;
                }
            }
            Kind::Hello | Kind::Open => {}
        }
        Ok(())
    }

    fn on_answer(
        &mut self,
        endpoint: &ServerEndpoint,
        id: u64,
        frame: &ServerFrame,
        body: &[u8],
    ) -> Verdict {
        let Subject { lane, sequence, .. } = frame.subject;
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        match &frame.answer {
            ServerAnswer::Reply(code, range) => {
                let busy = session.was_told_busy;
                let call = session.call(lane, sequence);
                ensure!(call.is_some(), "S11", "a reply to call {sequence}, which was left behind");
                let Some(call) = call else { return Ok(()) };
                call.check_reply(*code, 0, &body[range.clone()])?;
                call.replies += 1;
                if call.is_idempotent {
                    self.stored -= usize::from(core::mem::take(&mut call.is_stored));
                }
                self.marks.reach_if(Goal::BusyThenReply, busy);
            }
            ServerAnswer::Part(code, part) => {
                let call = session.call(lane, sequence);
                ensure!(call.is_some(), "S11", "a part for call {sequence}, which was left behind");
                let Some(call) = call else { return Ok(()) };
                let start = part.offset as usize;
                let end = start + part.body.len();
                call.check_reply(*code, start, &body[part.body.clone()])?;
                call.last_parts += u32::from(end == part.length as usize);
                self.marks.reach_if(Goal::LastPartRepeated, call.last_parts > 3);
                session.parts.insert(part.number, (lane, sequence, start..end));
            }
            ServerAnswer::Verdict(code, detail) => {
                let detail = &body[detail.clone()];
                return self.on_verdict(endpoint, id, frame.subject, *code, detail);
            }
            ServerAnswer::Working(working) => {
                let room = wire::reply_room(endpoint.settings().datagram_size);
                return check_working(session, frame.subject, working, room);
            }
            ServerAnswer::NotKept => {
                let has_run = session.entered.contains(&(lane, sequence));
                ensure!(has_run, "S4", "NOT KEPT for call {sequence}, which has not run");
            }
            ServerAnswer::Running => {
                let stage = session.call(lane, sequence).map(|call| call.stage);
                // One datagram may have asked, and a later one moved the lane on, before this is sent.
                let has_begun =
                    stage == Some(Stage::Begun) || session.left.contains(&(lane, sequence));
                let has_run = has_begun || session.entered.contains(&(lane, sequence));
                ensure!(has_run, "S4", "RUNNING for call {sequence}, which was not begun");
            }
            _ => {}
        }
        Ok(())
    }

    fn on_verdict(
        &mut self,
        endpoint: &ServerEndpoint,
        id: u64,
        Subject { lane, sequence, .. }: Subject,
        code: VerdictCode,
        detail: &[u8],
    ) -> Verdict {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        let content = session.call(lane, sequence).and_then(|call| call.content);
        if code == VerdictCode::Misuse {
            let is_own = content.is_some_and(|content| content.to_be_bytes() == *detail);
            ensure!(!is_own, "S7", "call {sequence} is refused as a misuse of its own number");
            return Ok(());
        }
        let is_begun = session.call(lane, sequence).is_some_and(|call| call.stage == Stage::Begun);
        ensure!(
            !is_begun && !session.entered.contains(&(lane, sequence)),
            "S4",
            "call {sequence} is refused ({code:?}) after its handler was begun"
        );
        session.refused.insert((lane, sequence));
        let is_in_parts = session.call(lane, sequence).is_some_and(|call| call.is_in_parts);
        match code {
            VerdictCode::Busy => {
                session.was_told_busy = true;
                self.marks.reach_if(Goal::ArgumentsRefused, is_in_parts);
                let least = wire::reply_room(endpoint.settings().datagram_size);
                let has_room = endpoint.free_reply_bytes() >= least;
                self.marks.reach_if(Goal::BookingRefused, !has_room && !is_in_parts);
            }
            VerdictCode::Incomplete => self.marks.reach(Goal::ArgumentsTimedOut),
            _ => {}
        }
        Ok(())
    }
}

fn check_working(
    session: &mut SessionBook,
    Subject { lane, sequence, .. }: Subject,
    working: &Working,
    room: usize,
) -> Verdict {
    let is_refused = session.refused.contains(&(lane, sequence));
    let call = session.call(lane, sequence);
    let stage = call.as_ref().map(|call| call.stage);
    let is_true = call.is_some_and(|call| match call.stage {
        Stage::Accepted => !working.is_running && !is_refused,
        Stage::Begun => true,
        // Its result is on its way.
        Stage::Ended => working.is_running && call.is_large(room),
        Stage::Fenced | Stage::GivenUp => false,
    });
    ensure!(
        is_true,
        "S22",
        "WORKING (running: {}) for call {sequence}, which is {stage:?}",
        working.is_running
    );
    Ok(())
}
