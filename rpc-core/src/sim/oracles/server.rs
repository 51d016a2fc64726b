//! The oracles of one server: what goes in and out of it, and which handlers run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;

use super::addresses::Addresses;
use super::book::{SessionBook, Stage};
use super::inert::Before;
use super::marks::{Goal, Marks};
use super::violation::{Verdict, Violation, ensure};
use crate::endpoint::server::{CallToken, Finished, Ready};
use crate::endpoint::{Machine, ServerEndpoint};
use crate::statistics::DropReason;
use crate::time::Timestamp;
use crate::wire::frame::{ClientFrame, ONEWAY_LANE, next_client_frame};
use crate::wire::handshake as messages;
use crate::wire::{self, Header, Kind, Role, integrity};

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was closed or has expired.
    Over,
    /// Its server crashed.
    Crashed,
}

/// What is known of one server.
#[derive(Default)]
pub(in crate::sim) struct ServerWatch {
    pub(super) sessions: BTreeMap<u64, SessionBook>,
    pub(super) ended: BTreeMap<u64, End>,
    pub(super) addresses: Addresses,
    /// Sessions that were issued and that nobody has looked at.
    pub(super) issued: Vec<u64>,
    /// How many replies have to be stored.
    pub(super) stored: usize,
    /// Stored results that may be larger than a datagram.
    pub(super) large: BTreeSet<(u64, u16, u64)>,
    closed: BTreeSet<u64>,
    pub(super) until_audit: usize,
    pub(super) marks: Marks,
    /// What was found where nobody could be told.
    failed: Option<Violation>,
}

/// Hosts and handlers.
impl ServerWatch {
    /// The server loses its memory.
    pub(in crate::sim) fn crash(&mut self, endpoint: Option<&ServerEndpoint>) {
        if let Some(endpoint) = endpoint {
            self.mark_counters(endpoint);
        }
        for end in self.ended.values_mut() {
            *end = End::Crashed;
        }
        let sessions = core::mem::take(&mut self.sessions);
        self.ended.extend(sessions.into_keys().map(|id| (id, End::Crashed)));
        self.addresses = Addresses::default();
        self.large.clear();
        self.closed.clear();
        self.stored = 0;
    }

    /// What was found where nobody could be told.
    pub(super) fn failure(&mut self) -> Verdict {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// A handler is begun.
    pub(super) fn began(&mut self, endpoint: &ServerEndpoint, ready: &Ready) -> Verdict {
        let call = endpoint.recorded_call(ready.token);
        ensure!(call.is_some(), "S15", "a call is begun that is not recorded");
        let Some(call) = call else { return Ok(()) };
        let (id, lane, sequence) = call.name;
        let session = self.sessions.get_mut(&id);
        let is_live = session.is_some() && call.is_current;
        ensure!(is_live, "S10", "call {sequence} is begun and its session {id:x} is over");
        let Some(session) = session else { return Ok(()) };
        ensure!(call.is_running, "S15", "call {sequence} is begun and not marked as running");
        if lane == ONEWAY_LANE {
            self.marks.reach(Goal::OnewayRan);
            return session.begin_oneway(sequence);
        }
        ensure!(call.booked > 0, "S15", "call {sequence} is begun and nothing is booked for it");
        let most = endpoint.settings().window;
        ensure!(lane < most, "S13", "call {sequence} is begun in lane {lane} of {most}");
        let (running, most) = (session.running, endpoint.settings().maximum_running_per_session);
        ensure!(running < most, "S13", "{running} handlers of a session run, and {most} may");
        session.begin(lane, sequence, integrity::crc32c(&ready.body))
    }

    /// A handler has ended; the endpoint is told next.
    pub(in crate::sim) fn ending(
        &mut self,
        endpoint: &ServerEndpoint,
        token: CallToken,
        finished: &Finished,
    ) {
        let Some(call) = endpoint.recorded_call(token).filter(|call| call.is_running) else {
            return;
        };
        let (id, lane, sequence) = call.name;
        let Some(session) = self.sessions.get_mut(&id) else {
            return self.marks.reach(Goal::LateResultOfDeadSession);
        };
        if lane == ONEWAY_LANE {
            session.running = session.running.saturating_sub(1);
            return;
        }
        if session.call(lane, sequence).is_none() {
            self.marks.reach(Goal::LateResultOfLeftLane);
        } else if !call.is_current {
            let sentence = format!("call {sequence} ends and its lane does not hold it any more");
            self.failed = Some(Violation::new("S11", sentence));
        }
        if session.end((lane, sequence), call.is_entered, call.is_idempotent, finished) {
            self.stored += 1;
            let room = wire::reply_room(endpoint.settings().datagram_size);
            if session.call(lane, sequence).is_some_and(|call| call.is_large(room)) {
                self.large.insert((id, lane, sequence));
            }
        }
    }

    /// The server has done what there was to do.
    pub(super) fn turned(&mut self, now: Timestamp, endpoint: &ServerEndpoint) -> Verdict {
        self.failure()?;
        if endpoint.session_count() != self.sessions.len() {
            self.look_at_sessions(now, endpoint, None)?;
        }
        self.check_stored(endpoint)?;
        self.until_audit = self.until_audit.saturating_sub(1);
        if self.until_audit == 0 {
            // The cost of an audit is spread over as many turns as it looks at things.
            let size = endpoint.session_count() + endpoint.running() + endpoint.queued();
            self.until_audit = 64 + 8 * (size + self.stored);
            self.audit(endpoint)?;
            self.mark_counters(endpoint);
        }
        Ok(())
    }

    pub(super) fn audit(&self, endpoint: &ServerEndpoint) -> Verdict {
        let faults = endpoint.audit();
        ensure!(faults.is_empty(), "S16", "a server is not what it counts: {}", faults.join("; "));
        Ok(())
    }

    fn check_stored(&self, endpoint: &ServerEndpoint) -> Verdict {
        let (kept, due) = (endpoint.unacknowledged(), self.stored);
        ensure!(
            kept == due,
            "S14",
            "the server stores {kept} replies, and {due} were made and not acknowledged"
        );
        Ok(())
    }

    /// Takes the marks that the server's own counters show.
    pub(super) fn mark_counters(&mut self, endpoint: &ServerEndpoint) {
        let (counters, marks) = (endpoint.counters(), &mut self.marks);
        let dropped = |reason| counters.received.dropped(reason) > 0;
        marks.reach_if(Goal::ChecksumRejected, dropped(DropReason::Corrupt));
        marks.reach_if(Goal::VersionMismatch, dropped(DropReason::WrongVersion));
        marks.reach_if(Goal::FalseRetry, counters.misuses > 0);
        marks.reach_if(Goal::HandlerPanicked, counters.panics > 0);
        marks.reach_if(Goal::SessionExpired, counters.sessions_expired > 0);
        marks.reach_if(Goal::SessionResumed, counters.sessions_resumed > 0);
        marks.reach_if(Goal::ReplyResent, counters.replies_replayed > 0);
    }
}

/// Datagrams that arrive.
impl ServerWatch {
    /// Hands a datagram to the server and looks at what it does to it.
    pub(super) fn deliver(
        &mut self,
        now: Timestamp,
        endpoint: &mut ServerEndpoint,
        (from, local): (SocketAddr, std::net::IpAddr),
        data: &Bytes,
    ) -> Verdict {
        let before = Before::new(endpoint, data);
        let misuses = endpoint.counters().misuses;
        endpoint.handle_datagram(now, from, Some(local), data);
        before.check(endpoint)?;
        let is_accepted = before.has_accepted(endpoint);
        let parsed = Header::parse(data);
        let may_be_hinted = match &parsed {
            Ok((header, _)) => header.role == Role::Client && !is_accepted,
            Err(reason) => *reason == DropReason::WrongVersion,
        };
        self.addresses.received(from, data.len(), may_be_hinted);
        let Ok((header, body)) = parsed else { return Ok(()) };
        if header.role == Role::Server {
            ensure!(!is_accepted, "S18", "a server has accepted what a server sent");
            return Ok(());
        }
        match header.kind {
            Kind::Frames => {
                let misuses = endpoint.counters().misuses - misuses;
                self.on_frames(now, endpoint, (header.session, from), body, is_accepted, misuses)?;
            }
            Kind::Open => self.on_open(now, endpoint, from, body, is_accepted)?,
            _ => {}
        }
        self.check_stored(endpoint)
    }

    fn on_open(
        &mut self,
        now: Timestamp,
        endpoint: &ServerEndpoint,
        from: SocketAddr,
        body: &[u8],
        is_accepted: bool,
    ) -> Verdict {
        let Some(open) = messages::parse_open(body) else { return Ok(()) };
        let issued_at = self.addresses.issued_at(from, open.nonce, open.cookie);
        if is_accepted {
            ensure!(
                issued_at.is_some(),
                "S17",
                "{from} got a session and has not returned a cookie that it was given"
            );
            self.addresses.prove(from);
        } else {
            let lifetime = endpoint.settings().cookie_lifetime;
            let is_late = issued_at.is_some_and(|at| now.since(at) > lifetime);
            self.marks.reach_if(Goal::CookieExpired, is_late);
        }
        self.look_at_sessions(now, endpoint, Some(from).filter(|_| is_accepted))
    }

    /// Compares the sessions that there are with those that are known. `opener` has just proved its
    /// address.
    fn look_at_sessions(
        &mut self,
        now: Timestamp,
        endpoint: &ServerEndpoint,
        opener: Option<SocketAddr>,
    ) -> Verdict {
        let mut there = BTreeSet::new();
        for id in endpoint.session_ids() {
            there.insert(id);
            let Some(address) = endpoint.session_address(id) else { continue };
            let is_proven = opener == Some(address);
            let Some(session) = self.sessions.get_mut(&id) else {
                ensure!(!self.ended.contains_key(&id), "S10", "session {id:x} is issued again");
                ensure!(is_proven, "S17", "a session for {address}, which has proved nothing");
                self.issued.push(id);
                self.sessions.insert(id, SessionBook::new(address, now));
                continue;
            };
            if session.address != address {
                ensure!(is_proven, "S17", "a session moves to {address}, which has proved nothing");
                self.marks.reach_if(Goal::Rebound, session.is_unfinished(now));
                session.address = address;
            }
        }
        let gone: Vec<u64> =
            self.sessions.keys().copied().filter(|id| !there.contains(id)).collect();
        for id in gone {
            let Some(session) = self.sessions.remove(&id) else { continue };
            let is_old = now.since(session.heard_at) >= endpoint.settings().lease;
            let may_go = self.closed.remove(&id) || (is_old && !session.is_unfinished(now));
            ensure!(
                may_go,
                "S30",
                "session {id:x} is given up; it was heard at {:?}, now is {now:?}, unfinished: {}",
                session.heard_at,
                session.is_unfinished(now)
            );
            self.stored -= session.stored();
            self.large.retain(|&(session, ..)| session != id);
            self.ended.insert(id, End::Over);
        }
        Ok(())
    }

    fn on_frames(
        &mut self,
        now: Timestamp,
        endpoint: &ServerEndpoint,
        (id, from): (u64, SocketAddr),
        body: &[u8],
        is_accepted: bool,
        misuses: u64,
    ) -> Verdict {
        let Some(frames) = all_frames(body) else {
            ensure!(!is_accepted, "S19", "a datagram with a malformed frame was accepted");
            return Ok(());
        };
        let Some(session) = self.sessions.get_mut(&id).filter(|it| it.address == from) else {
            ensure!(!is_accepted, "S10", "a datagram of the unknown session {id:x} was accepted");
            self.mark_unknown(id, &frames);
            return Ok(());
        };
        ensure!(is_accepted, "L1", "a datagram of the live session {id:x} was dropped");
        session.heard_at = now;
        let mut expected = 0;
        for frame in &frames {
            if matches!(frame, ClientFrame::Close) {
                self.closed.insert(id);
                return self.look_at_sessions(now, endpoint, None);
            }
            expected += self.on_frame(endpoint, id, frame, body);
        }
        ensure!(
            misuses >= expected,
            "S7",
            "other content came {expected} times under a number that was taken; {misuses} were seen"
        );
        self.look_at_large(endpoint, id)
    }

    /// A large result may be dropped when all of it has arrived.
    fn look_at_large(&mut self, endpoint: &ServerEndpoint, id: u64) -> Verdict {
        if self.large.is_empty() {
            return Ok(());
        }
        let own: Vec<_> =
            self.large.range((id, 0, 0)..=(id, u16::MAX, u64::MAX)).copied().collect();
        for (id, lane, sequence) in own {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let is_due = session.call(lane, sequence).is_some_and(|call| call.is_stored);
            if is_due && endpoint.is_stored(id, lane, sequence) {
                continue;
            }
            self.large.remove(&(id, lane, sequence));
            if is_due {
                self.stored -= 1;
                session.on_dropped(lane, sequence)?;
            }
        }
        Ok(())
    }

    fn mark_unknown(&mut self, id: u64, frames: &[ClientFrame]) {
        let end = self.ended.get(&id).copied();
        for frame in frames {
            match frame {
                ClientFrame::Request(..) | ClientFrame::Part(..) | ClientFrame::Oneway(..) => {
                    let crashed = end == Some(End::Crashed);
                    self.marks.reach_if(Goal::RestartWithRequest, crashed);
                    self.marks.reach_if(Goal::RequestAfterSession, end == Some(End::Over));
                }
                ClientFrame::Probe(_) => self.marks.reach(Goal::ProbeAnsweredGone),
                _ => {}
            }
        }
    }
}

/// All frames of a client's datagram, if they are well formed.
fn all_frames(body: &[u8]) -> Option<Vec<ClientFrame>> {
    let (mut frames, mut at) = (Vec::new(), 0);
    while at < body.len() {
        frames.push(next_client_frame(body, &mut at)?);
    }
    (!frames.is_empty()).then_some(frames)
}

/// Whether a call stands where every other content under its number must be noticed.
pub(super) fn notices_others(stage: Stage, is_stored: bool) -> bool {
    stage == Stage::Begun || (stage == Stage::Ended && is_stored)
}
