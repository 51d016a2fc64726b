//! The client's part of the handshake: getting a session, resuming it, losing it.

use core::time::Duration;
use std::net::SocketAddr;

use super::calls::{Phase, join};
use super::lanes::Lanes;
use super::transmit::Outgoing;
use super::{ClientEndpoint, Failure, canonical};
use crate::call::round_trip::backed_off;
use crate::endpoint::Transmit;
use crate::error::{CallErrorKind, Outcome};
use crate::statistics::DropReason;
use crate::time::Timestamp;
use crate::wire::VERSION;
use crate::wire::handshake::{self as messages, Cookie, Open, Refusal, Welcome};

/// A session with a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) server: SocketAddr,
    pub(super) working_delay: Duration,
    /// The most bytes of arguments that the server takes.
    pub(super) largest_request: usize,
    /// How many bytes of large messages the server's socket surely holds.
    pub(super) receive_window: usize,
    /// How long the server keeps it without hearing from this client.
    lease: Duration,
    /// When the newest packet was sent that the server is known to have received.
    pub(super) renewed_at: Timestamp,
}

/// A handshake under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    /// Fresh for each attempt to get a session; only its retransmissions repeat it. With a nonce used
    /// twice, an old WELCOME would be taken for a new one.
    nonce: u128,
    stage: Stage,
    /// Which of the servers is tried.
    server: usize,
    /// Its address, or that of the session's own server.
    address: Option<SocketAddr>,
    /// Calls of the session are open, so only its own server is tried. Another one would end them with
    /// an unknown outcome, and they may still be answered until the server is unreachable.
    clings: bool,
    /// How many packets of this stage were sent to this server under this nonce.
    attempts: u32,
    /// How many servers were tried before this one.
    rotations: usize,
    /// When the first of these attempts began.
    pub(super) begun_at: Timestamp,
    /// When the present period of `handshake_timeout` began.
    started_at: Timestamp,
    sent_at: Timestamp,
    /// When the next packet is due.
    pub(super) timer: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Hello,
    Open(Cookie),
}

/// Packets to one server before the next is tried.
const HELLOS_PER_SERVER: u32 = 2;
/// OPENs before a fresh cookie is asked for.
const OPENS_PER_COOKIE: u32 = 6;

impl ClientEndpoint {
    /// Begins a handshake, if there is neither a session nor a handshake.
    pub fn connect(&mut self, now: Timestamp) {
        if self.session.is_none() {
            self.begin_handshake(now);
        }
    }

    /// Replaces the addresses that are tried.
    pub fn set_servers(&mut self, now: Timestamp, servers: Vec<SocketAddr>) {
        let servers: Vec<_> = servers.into_iter().map(canonical).collect();
        if servers.is_empty() || servers == self.servers {
            return;
        }
        self.servers = servers;
        if let Some(Handshake { begun_at, started_at, .. }) = self.handshake {
            let new = self.new_handshake(0, now);
            self.handshake = Some(Handshake { begun_at, started_at, ..new });
        }
    }

    /// The network says that nobody listens at `server`. That may be forged and may be over soon, so
    /// it only makes a handshake, or the next address, come sooner.
    pub fn handle_refused(&mut self, now: Timestamp, server: SocketAddr) {
        let server = canonical(server);
        if self.is_resting {
            return;
        }
        if self.session.is_some_and(|session| session.server == server) {
            return self.begin_handshake(now);
        }
        self.let_go(now);
        let Some(handshake) = self.handshake else { return };
        let is_current = handshake.address == Some(server);
        if is_current
            && !handshake.clings
            && matches!(handshake.stage, Stage::Hello)
            && handshake.rotations + 1 < self.servers.len()
        {
            self.try_next_server(now, handshake);
        }
    }

    /// Doubts a session that may have expired at the server while nothing was open. A call sent in it
    /// could come to an unknown outcome for no reason; so a handshake, which costs two round trips,
    /// comes first and resumes the session if it still lives.
    pub(super) fn doubt_idle_session(&mut self, now: Timestamp) {
        // Half of it, because the two clocks need not run at one rate.
        let is_old = |session: &Session| now.since(session.renewed_at) >= session.lease / 2;
        if self.session.as_ref().is_some_and(is_old) && self.lanes.occupants().next().is_none() {
            self.begin_handshake(now);
        }
    }

    /// Begins a handshake unless one is under way. If there is a session, it is to be resumed.
    pub(super) fn begin_handshake(&mut self, now: Timestamp) {
        if self.handshake.is_some() || self.is_closed {
            return;
        }
        let known = self.session.map(|session| session.server);
        let first = known.and_then(|known| self.servers.iter().position(|&server| server == known));
        self.handshake = Some(self.new_handshake(first.unwrap_or(0), now));
        #[cfg(feature = "tracing")]
        self.journal.note(super::SessionNews::Handshake);
    }

    fn new_handshake(&mut self, server: usize, now: Timestamp) -> Handshake {
        let own = self.session.filter(|_| self.has_open_calls_in_session());
        Handshake {
            nonce: self.entropy.next_u128(),
            stage: Stage::Hello,
            server,
            address: own.map(|own| own.server).or_else(|| self.servers.get(server).copied()),
            clings: own.is_some(),
            attempts: 0,
            rotations: 0,
            begun_at: now,
            started_at: now,
            sent_at: now,
            timer: now,
        }
    }

    fn has_open_calls_in_session(&self) -> bool {
        let is_open = |key| self.calls.get(key).is_some_and(|call| !call.has_ended());
        self.lanes.occupants().any(is_open)
    }

    /// Lets all servers be tried as soon as no call of the session is open any more.
    fn let_go(&mut self, now: Timestamp) {
        let has_open_calls = self.has_open_calls_in_session();
        let Some(handshake) = self.handshake.as_mut().filter(|it| it.clings) else { return };
        handshake.clings = has_open_calls;
        if !has_open_calls && has_other(&self.servers, handshake) {
            // Whoever waits for a session has not waited for the others yet.
            handshake.begun_at = now;
            handshake.timer = now;
        }
    }

    /// Whether there are servers that are not tried yet for the sake of open calls. The calls that wait
    /// for a session then wait for those servers too.
    pub(super) fn is_held_for_open_calls(&self, handshake: &Handshake) -> bool {
        handshake.clings && has_other(&self.servers, handshake)
    }

    fn try_next_server(&mut self, now: Timestamp, tried: Handshake) {
        let is_known = tried.address.is_none_or(|address| self.servers.contains(&address));
        let step = usize::from(is_known && !tried.clings);
        let server = (tried.server + step) % self.servers.len().max(1);
        self.handshake = Some(Handshake {
            rotations: tried.rotations + step,
            begun_at: tried.begun_at,
            started_at: tried.started_at,
            ..self.new_handshake(server, now)
        });
    }

    /// Acts on the handshake's timer. The next packet goes out with the next transmission.
    pub(super) fn run_handshake_timer(&mut self, now: Timestamp) {
        self.let_go(now);
        let Some(handshake) = self.handshake else { return };
        if now.since(handshake.started_at) >= self.config.handshake_timeout {
            self.wants_servers = true;
            if self.open_calls == 0 && !self.has_fences() {
                self.handshake_failure
                    .get_or_insert(CallErrorKind::NoServer { tried: self.servers.clone() });
                self.handshake = None;
                return;
            }
            if let Some(handshake) = &mut self.handshake {
                handshake.started_at = now;
            }
        }
        if handshake.timer > now {
            return;
        }
        match handshake.stage {
            Stage::Hello
                if handshake.attempts >= HELLOS_PER_SERVER
                    && !handshake.clings
                    && has_other(&self.servers, &handshake) =>
            {
                self.try_next_server(now, handshake);
            }
            Stage::Open(_) if handshake.attempts >= OPENS_PER_COOKIE => {
                self.handshake = Some(Handshake {
                    begun_at: handshake.begun_at,
                    started_at: handshake.started_at,
                    rotations: handshake.rotations,
                    ..self.new_handshake(handshake.server, now)
                });
            }
            _ => {}
        }
    }

    /// Writes the handshake's packet if it is due.
    pub(super) fn transmit_handshake(
        &mut self,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let previous = self.session.map_or(0, |session| session.id);
        let interval = self.handshake_interval(&self.handshake?);
        let handshake = self.handshake.as_mut()?;
        let to = handshake.address?;
        if handshake.timer > now {
            return None;
        }
        let start = out.len();
        match handshake.stage {
            Stage::Hello => messages::write_hello(out, handshake.nonce),
            Stage::Open(cookie) => {
                let open = Open {
                    nonce: handshake.nonce,
                    cookie,
                    previous,
                    largest_reply: saturating(self.config.maximum_reply),
                    receive_window: saturating(self.receive_window),
                };
                messages::write_open(out, &open);
            }
        }
        handshake.attempts += 1;
        handshake.sent_at = now;
        handshake.timer = now + interval;
        Some(Transmit { to, from: None, length: out.len() - start })
    }

    /// How long to wait for an answer to the packet that goes out next. Where the round trip has been
    /// measured it decides; the packets are large, so the floor is higher than a call's.
    fn handshake_interval(&self, handshake: &Handshake) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(10);
        let longest = self.config.handshake_interval * 8;
        let rounds = handshake.rotations / self.servers.len().max(1);
        let first = match self.round_trip.smoothed() {
            Some(_) => (self.round_trip.timeout() * 2).clamp(SHORTEST, longest),
            None => self.config.handshake_interval,
        };
        let sent = u32::try_from(rounds).unwrap_or(u32::MAX).saturating_add(handshake.attempts + 1);
        backed_off(first, u16::try_from(sent).unwrap_or(u16::MAX), longest)
    }

    pub(super) fn receive_challenge(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        body: &[u8],
    ) -> Result<(), DropReason> {
        let (nonce, cookie) = messages::parse_challenge(body).ok_or(DropReason::Malformed)?;
        let was_refused = self.handshake_failure.is_some();
        let handshake = self.expected(from, nonce).ok_or(DropReason::StaleHandshake)?;
        if !matches!(handshake.stage, Stage::Hello) {
            return Err(DropReason::StaleHandshake);
        }
        let sample = unambiguous_sample(now, handshake);
        // There is a server: whoever waits for a session has reason to wait on, unless it has refused
        // one before.
        if !was_refused {
            handshake.begun_at = now;
        }
        handshake.stage = Stage::Open(cookie);
        handshake.attempts = 0;
        handshake.timer = now;
        self.on_handshake_sample(sample);
        Ok(())
    }

    pub(super) fn receive_welcome(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        body: &[u8],
    ) -> Result<(), DropReason> {
        let welcome = messages::parse_welcome(body).ok_or(DropReason::Malformed)?;
        let handshake = self.expected(from, welcome.nonce).ok_or(DropReason::StaleHandshake)?;
        if !matches!(handshake.stage, Stage::Open(_)) {
            return Err(DropReason::StaleHandshake);
        }
        let sample = unambiguous_sample(now, handshake);
        self.handshake = None;
        self.handshake_failure = None;
        self.awaiting_since = None;
        let resumes = self.session.is_some_and(|session| session.id == welcome.session);
        if resumes {
            self.statistics.sessions_resumed += 1;
        } else {
            #[cfg(feature = "tracing")]
            if let Some(Session { id: session, .. }) = self.session {
                self.journal.note(super::SessionNews::Lost { session });
            }
            self.end_session();
            self.lanes = Lanes::new(welcome.window);
            self.statistics.sessions_opened += 1;
        }
        #[cfg(feature = "tracing")]
        self.journal.note({
            let (session, server) = (welcome.session, from);
            match resumes {
                true => super::SessionNews::Resumed { session, server },
                false => super::SessionNews::Opened { session, server },
            }
        });
        self.on_handshake_sample(sample);
        let previous = self.session.replace(session(now, &welcome, from));
        if resumes {
            self.move_bulk(now, previous);
            self.repeat_everything();
        }
        self.start_waiting();
        Ok(())
    }

    /// The session goes on, perhaps at another address of the server.
    fn move_bulk(&mut self, now: Timestamp, previous: Option<Session>) {
        let (Some(session), Some(bulk)) = (self.session, &mut self.bulk) else { return };
        if previous.is_some_and(|previous| previous.server != session.server) {
            let largest = self.config.largest_datagram.max(self.config.datagram_size);
            bulk.sender.on_new_path(now, largest, session.receive_window);
        }
    }

    pub(super) fn receive_refused(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        body: &[u8],
    ) -> Result<(), DropReason> {
        let (nonce, refusal) = messages::parse_refused(body).ok_or(DropReason::Malformed)?;
        self.let_go(now);
        let handshake = *self.expected(from, nonce).ok_or(DropReason::StaleHandshake)?;
        if !matches!(handshake.stage, Stage::Open(_)) {
            return Err(DropReason::StaleHandshake);
        }
        self.handshake_failure = Some(match refusal {
            Refusal::Full => CallErrorKind::ServerFull,
            Refusal::ShuttingDown => CallErrorKind::ShuttingDown,
        });
        // There may be room later, or at another address: begin again, no faster than before.
        self.try_next_server(now, handshake);
        if let Some(handshake) = &mut self.handshake {
            handshake.timer = now + self.config.handshake_interval;
        }
        Ok(())
    }

    /// A datagram of another version: an answer to our HELLO, if it has our nonce.
    pub(super) fn receive_version(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let (nonce, theirs) = messages::parse_version(datagram).ok_or(DropReason::WrongVersion)?;
        self.expected(from, nonce).ok_or(DropReason::WrongVersion)?;
        let failure = CallErrorKind::VersionMismatch { ours: VERSION, theirs };
        self.handshake_failure = Some(failure.clone());
        if self.session.is_some() {
            // What was sent waits for the session to be resumed or the server to be unreachable: go
            // on, no faster than before.
            if let Some(handshake) = &mut self.handshake {
                handshake.timer = handshake.sent_at + self.config.handshake_interval;
            }
            return Ok(());
        }
        self.handshake = None;
        for key in core::mem::take(&mut self.waiting) {
            let Some(call) = self.calls.get_mut(key) else { continue };
            call.phase = Phase::Settled;
            let outcome = call.earlier;
            self.finish(key, Err(Failure { outcome, kind: failure.clone() }));
        }
        Ok(())
    }

    /// GONE and MOVED are hints: they may be forged, so they only begin a handshake, and that decides.
    pub(super) fn receive_hint(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        id: u64,
    ) -> Result<(), DropReason> {
        match self.session {
            Some(session) if session.id == id && session.server == from => {
                self.wake(now);
                self.begin_handshake(now);
                Ok(())
            }
            _ => Err(DropReason::UnknownSession),
        }
    }

    /// The handshake that a packet from `from` with this nonce belongs to.
    fn expected(&mut self, from: SocketAddr, nonce: u128) -> Option<&mut Handshake> {
        let handshake = self.handshake.as_mut()?;
        let is_ours = handshake.nonce == nonce && handshake.address == Some(from);
        is_ours.then_some(handshake)
    }

    fn on_handshake_sample(&mut self, sample: Option<Duration>) {
        if let Some(sample) = sample {
            self.round_trip.on_sample(sample);
        }
    }

    /// One-way calls that were not written yet wait for the next session. Whatever else waits to be
    /// written is of no use any more.
    fn take_back_oneway_calls(&mut self) {
        for outgoing in core::mem::take(&mut self.outbox) {
            let Outgoing::About(key) = outgoing else { continue };
            let Some(call) = self.calls.get_mut(key) else { continue };
            call.is_queued = false;
            if call.call.is_oneway && !call.has_ended() {
                call.phase = Phase::Waiting;
                self.waiting.push_back(key);
            }
        }
    }

    /// The server has forgotten the session: nothing of it will ever be answered.
    fn end_session(&mut self) {
        if self.session.take().is_none() {
            return;
        }
        self.round_trip.reset();
        self.bulk = None;
        self.is_resting = false;
        self.take_back_oneway_calls();
        let occupants: Vec<_> = self.lanes.occupants().collect();
        let mut again = Vec::new();
        for key in occupants {
            let Some(call) = self.calls.get_mut(key) else { continue };
            call.is_queued = false;
            call.timer = Timestamp::NEVER;
            let was_sent = call.is_given_out();
            let this_time = match (was_sent, call.is_known_to_run()) {
                (false, _) => Outcome::NotExecuted,
                (true, true) => Outcome::Executed,
                (true, false) => Outcome::Unknown,
            };
            let outcome = join(call.earlier, this_time);
            let is_wanted = matches!(call.phase, Phase::Sent | Phase::Working);
            if call.has_ended() {
                call.phase = Phase::Settled;
                if call.is_released {
                    self.calls.remove(key);
                }
            } else if is_wanted && (!was_sent || call.call.is_idempotent) {
                // It provably did not run, or it may run again: it is made again in the new session,
                // under a new number.
                call.earlier = outcome;
                call.phase = Phase::Waiting;
                again.push(key);
            } else {
                call.phase = Phase::Settled;
                let kind = CallErrorKind::ServerRestarted;
                self.finish(key, Err(Failure { outcome, kind }));
            }
        }
        for key in again.into_iter().rev() {
            self.waiting.push_front(key);
        }
    }
}

/// Whether there is another server than the one that is tried.
fn has_other(servers: &[SocketAddr], handshake: &Handshake) -> bool {
    servers.iter().any(|&server| Some(server) != handshake.address)
}

fn session(now: Timestamp, welcome: &Welcome, server: SocketAddr) -> Session {
    let Welcome { session: id, working_delay, lease, .. } = *welcome;
    Session {
        id,
        server,
        working_delay,
        largest_request: usize::try_from(welcome.largest_request).unwrap_or(usize::MAX),
        receive_window: usize::try_from(welcome.receive_window).unwrap_or(usize::MAX),
        lease,
        renewed_at: now,
    }
}

fn saturating(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The round trip of the stage, if only one packet was sent in it (Karn's rule, RFC 6298 section 3).
fn unambiguous_sample(now: Timestamp, handshake: &Handshake) -> Option<Duration> {
    (handshake.attempts == 1).then(|| now.since(handshake.sent_at))
}
