//! The server's part of the handshake.
//!
//! A HELLO is answered with a cookie and leaves nothing behind. An OPEN that returns the cookie has
//! proved its address; it resumes the session it names, or finds the session it made before, or makes
//! a new one.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use super::ServerEndpoint;
use super::session::Session;
use super::sources::{Source, may_be_answered};
use super::transmit::Stateless;
use super::window::{LaneState, OnewayWindow, Window};
use crate::endpoint::is_mostly_gone;
use crate::statistics::DropReason;
use crate::time::Timestamp;
use crate::wire::handshake::{self as messages, Open, Refusal, Welcome};

impl ServerEndpoint {
    pub(super) fn receive_hello(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        local: Option<IpAddr>,
        body: &[u8],
    ) -> Result<(), DropReason> {
        let nonce = messages::parse_hello(body).ok_or(DropReason::Malformed)?;
        if !may_be_answered(from) {
            return Err(DropReason::WrongAddress);
        }
        if !self.has_time_for(now, from) {
            return Err(DropReason::RateLimited);
        }
        let cookie = self.cookies.issue(now, nonce, from, &mut *self.entropy);
        self.answer_stateless(from, local, Stateless::challenge(nonce, cookie));
        Ok(())
    }

    pub(super) fn receive_open(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        local: Option<IpAddr>,
        body: &[u8],
    ) -> Result<(), DropReason> {
        let open = messages::parse_open(body).ok_or(DropReason::Malformed)?;
        let proved_at = self.cookies.accepts(now, &open.cookie, open.nonce, from);
        let proved_at = proved_at.ok_or(DropReason::BadCookie)?;
        if !self.has_time_for(now, from) {
            return Err(DropReason::RateLimited);
        }
        let index = match self.resumable(&open, from) {
            Some(index) => index,
            None => self.open_session(now, from, local, &open)?,
        };
        let session = self.sessions.get_mut(index).expect("it was found or made just now");
        // The cookie came back from this address: from here on it is the session's, unless this is an
        // old copy and the client has moved on since.
        if proved_at >= session.proved_at {
            session.proved_at = proved_at;
            let has_moved = core::mem::replace(&mut session.address, from) != from;
            session.largest_reply = open.largest_reply;
            session.receive_window = open.receive_window;
            session.local = local;
            session.last_heard = now;
            if has_moved {
                self.on_new_address(now, index);
            }
        }
        let id = self.sessions.get(index).expect("it was found or made just now").id;
        let welcome = self.welcome(open.nonce, id, id == open.previous);
        self.statistics.sessions_resumed += u64::from(welcome.is_resumed);
        self.answer_stateless(from, local, Stateless::welcome(welcome));
        Ok(())
    }

    /// The session that an OPEN names, or that an earlier copy of it made.
    fn resumable(&self, open: &Open, from: SocketAddr) -> Option<u32> {
        let previous =
            (open.previous != 0).then(|| self.sessions.index_of(open.previous)).flatten();
        previous.or_else(|| self.sessions.index_of_origin((open.nonce, from)))
    }

    fn open_session(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        local: Option<IpAddr>,
        open: &Open,
    ) -> Result<u32, DropReason> {
        if self.is_shutting_down {
            self.answer_stateless(
                from,
                local,
                Stateless::refused(open.nonce, Refusal::ShuttingDown),
            );
            return Err(DropReason::SessionLimit);
        }
        let source = Source::of(from);
        if self.sessions.len() >= self.config.maximum_sessions
            || self.session_counts.of(source) >= self.config.maximum_sessions_per_source
        {
            self.answer_stateless(from, local, Stateless::refused(open.nonce, Refusal::Full));
            return Err(DropReason::SessionLimit);
        }
        if !self.open_limit.allows(now, source) {
            return Err(DropReason::RateLimited);
        }
        let id = self.fresh_session_id();
        self.session_counts.add(source);
        self.statistics.sessions_opened += 1;
        let index = self.sessions.insert(Session {
            id,
            origin: (open.nonce, from),
            address: from,
            proved_at: 0,
            local,
            source,
            window: Window::new(self.config.window),
            oneway: OnewayWindow::default(),
            last_heard: now,
            largest_reply: open.largest_reply,
            receive_window: open.receive_window,
            bulk: None,
            unfinished: 0,
            running: 0,
            parked: VecDeque::new(),
            stored: 0,
            answers: VecDeque::new(),
        });
        if is_mostly_gone(self.lease_checks.len(), self.sessions.len()) {
            let lives = |id| self.sessions.index_of(id).is_some();
            self.lease_checks.retain(|&(_, _, id)| lives(id));
        }
        self.lease_checks.push_back((now + self.lease_period(), index, id));
        Ok(index)
    }

    fn fresh_session_id(&mut self) -> u64 {
        loop {
            let id = self.entropy.next_u64();
            if id != 0 && self.sessions.index_of(id).is_none() {
                return id;
            }
        }
    }

    fn welcome(&self, nonce: u128, session: u64, is_resumed: bool) -> Welcome {
        Welcome {
            nonce,
            session,
            is_resumed,
            window: self.config.window,
            working_delay: self.config.working_delay,
            lease: self.config.lease,
            largest_request: bytes(self.methods.largest_request(self.config.maximum_request)),
            largest_reply: bytes(self.methods.largest_reply(self.config.maximum_reply)),
            receive_window: bytes(self.receive_window),
        }
    }

    /// Forgets a session and everything that it holds. Handlers that run go on; nobody will ask for
    /// their results.
    pub(super) fn remove_session(&mut self, index: u32) {
        let Some(session) = self.sessions.remove(index) else { return };
        self.session_counts.remove(session.source);
        if let Some(bulk) = &session.bulk {
            self.bulk_line.forget(index, session.id, bulk.timer);
        }
        for lane in session.window.lanes() {
            if let LaneState::Recorded(record) = lane.state {
                self.leave(record);
            }
        }
        // One-way calls are in no lane. Those that wait in the queue are skipped when it is their turn.
        for token in session.parked {
            if self.records.get(token).is_some() {
                self.leave(token.index);
            }
        }
    }
}

/// A number of bytes as the wire has it.
fn bytes(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
