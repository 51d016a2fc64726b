//! The server's side of the protocol.
//!
//! | file | what it does |
//! |---|---|
//! | `handshake` | HELLO and OPEN: cookies, sessions, resumption |
//! | `window` | recognises duplicates |
//! | `requests` | what a request, a probe, a fence, an acknowledgement does to a lane |
//! | `receiving` | puts arguments together that come in parts |
//! | `budget` | the memory for those |
//! | `execution` | the queue of calls, taking one to run, recording what became of it |
//! | `replies` | what a call that ended leaves behind |
//! | `transmit` | writes the answers that wait |
//! | `bulk` | moves results that are larger than a datagram, and says which parts of arguments came |
//! | `bulk_line` | whose turn it is to send parts |
//! | `audit` (tests, and feature `sim`) | counts everything again, and holds it against what was counted as it changed |
//! | `records`, `session`, `contexts`, `cookie`, `sources`, `methods` | the data behind them |

#[cfg(any(test, feature = "sim"))]
pub(crate) mod audit;
mod budget;
mod bulk;
mod bulk_line;
mod contexts;
mod cookie;
mod execution;
mod handshake;
mod incoming;
mod methods;
mod patience;
mod receiving;
mod records;
mod replies;
mod requests;
mod session;
mod sources;
mod stored;
mod transmit;
pub(crate) mod window;

use core::time::Duration;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use self::budget::Budget;
use self::bulk_line::BulkLine;
use self::contexts::Contexts;
use self::cookie::CookieJar;
use self::execution::Queue;
use self::records::Records;
use self::session::{KEPT_ANSWERS_AT_CHECKS, QueuedAnswer, Sessions};
use self::sources::{RateLimit, SessionCounts, Source, may_be_answered};
use self::stored::LargeMethods;
use self::transmit::Stateless;
use super::{CHUNK, DEFAULT_RECEIVE_WINDOW, Machine, Transmit};
use crate::arena::Arena;
use crate::config::ServerConfig;
use crate::entropy::Entropy;
use crate::statistics::{DropReason, ServerStatistics};
use crate::time::{Clock, Timestamp};
use crate::wire::{Header, Kind, Role, handshake as messages};

pub use incoming::{CallToken, Finished, Ready};
pub use methods::{MethodEntry, MethodTable};

/// The server's half of all its sessions.
///
/// See [`Machine`] for how it is driven. Besides datagrams and time it needs its host to run calls:
/// [`take_ready`](Self::take_ready) gives the next one, [`complete`](Self::complete) takes back what
/// became of it. The host decides how many run at once.
pub struct ServerEndpoint {
    config: ServerConfig,
    /// How many bytes of large messages the host's socket surely holds.
    receive_window: usize,
    methods: MethodTable,
    contexts: Contexts,
    entropy: Box<dyn Entropy>,
    cookies: CookieJar,
    open_limit: RateLimit,
    hint_limit: RateLimit,
    /// For what strangers are answered while many of them are.
    answer_limit: RateLimit,
    sessions: Sessions,
    session_counts: SessionCounts,
    records: Records,
    queue: Queue,
    /// Calls that are to be answered with WORKING when they have not finished by then, in order of
    /// time: the delay is the same for all.
    working_due: VecDeque<(Timestamp, CallToken)>,
    /// When each session is looked at for expiry, in order of time: the period is the same for all.
    lease_checks: VecDeque<(Timestamp, u32, u64)>,
    stateless: VecDeque<Stateless>,
    /// Sessions with answers to send.
    in_line: VecDeque<(u32, u64)>,
    /// Sessions with parts of large results to send.
    bulk_line: BulkLine,
    /// The memory of arguments that come in parts.
    budget: Budget,
    /// Small arguments of calls that wait to be run.
    arena: Arena,
    /// Bytes of replies that are stored or booked.
    reply_bytes: usize,
    /// Methods whose results are large.
    large_methods: LargeMethods,
    /// Replies that are stored and not acknowledged.
    stored_replies: usize,
    /// Calls that were taken and not completed.
    running: usize,
    /// Those of them that wait for an answer without a worker.
    suspended: usize,
    is_shutting_down: bool,
    statistics: ServerStatistics,
}

impl core::fmt::Debug for ServerEndpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ServerEndpoint")
            .field("sessions", &self.sessions.len())
            .field("queued", &self.queued())
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

impl ServerEndpoint {
    /// A server of `methods`. The contexts of its calls read the time from `clock`, which must agree
    /// with the times that the host passes in.
    pub fn new(
        config: ServerConfig,
        methods: MethodTable,
        clock: Arc<dyn Clock>,
        mut entropy: Box<dyn Entropy>,
        now: Timestamp,
    ) -> Self {
        Self {
            cookies: CookieJar::new(config.cookie_lifetime, &mut *entropy, now),
            open_limit: RateLimit::new(config.handshakes_per_second, &mut *entropy),
            hint_limit: RateLimit::new(config.hints_per_second, &mut *entropy),
            answer_limit: RateLimit::new(config.handshakes_per_second, &mut *entropy),
            sessions: Sessions::default(),
            session_counts: SessionCounts::default(),
            records: Records::default(),
            queue: Queue::default(),
            working_due: VecDeque::new(),
            lease_checks: VecDeque::new(),
            stateless: VecDeque::new(),
            in_line: VecDeque::new(),
            bulk_line: BulkLine::default(),
            budget: Budget::default(),
            arena: Arena::new(CHUNK),
            reply_bytes: 0,
            large_methods: LargeMethods::default(),
            stored_replies: 0,
            running: 0,
            suspended: 0,
            is_shutting_down: false,
            statistics: ServerStatistics::default(),
            config,
            receive_window: DEFAULT_RECEIVE_WINDOW,
            methods,
            contexts: Contexts::new(clock),
            entropy,
        }
    }

    /// Refuses new calls and new sessions from now on, and calls whose arguments have not arrived whole.
    /// What was admitted goes on.
    pub fn begin_shutdown(&mut self) {
        self.is_shutting_down = true;
        self.refuse_all_receiving();
    }

    /// Tells every client that its session is over, as the last thing that a server does. It is a
    /// hint: whoever misses it finds out at its next call.
    pub fn say_goodbye(&mut self) {
        for session in self.sessions.iter() {
            let hint = Stateless::hint(Kind::Gone, session.id);
            self.stateless.push_back(hint.to(session.address, session.local));
        }
    }

    /// How many replies are stored that no client has acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.stored_replies
    }

    /// Counters.
    pub fn statistics(&self) -> ServerStatistics {
        ServerStatistics {
            sessions: self.sessions.len(),
            queued: self.queue.waiting(),
            running: self.running,
            suspended: self.suspended,
            reply_bytes: self.reply_bytes,
            assembly_bytes: self.budget.allocated,
            ..self.statistics.clone()
        }
    }

    fn receive(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &Bytes,
    ) -> Result<(), DropReason> {
        let (header, body) = match Header::parse(datagram) {
            Ok(parsed) => parsed,
            Err(DropReason::WrongVersion) => {
                if let Some(nonce) = messages::nonce_of_foreign_hello(datagram)
                    && may_be_answered(from)
                    && self.has_time_for(now, from)
                {
                    self.answer_stateless(from, local, Stateless::version(nonce));
                }
                return Err(DropReason::WrongVersion);
            }
            Err(reason) => return Err(reason),
        };
        if header.role != Role::Client {
            return Err(DropReason::WrongRole);
        }
        match header.kind {
            Kind::Frames => self.receive_frames(now, from, local, header.session, body, datagram),
            Kind::Hello => self.receive_hello(now, from, local, body),
            Kind::Open => self.receive_open(now, from, local, body),
            _ => Err(DropReason::Malformed),
        }
    }

    /// Tells whoever uses a session that is not theirs to begin a handshake. The hint is smaller than
    /// any datagram that can cause it, causes no answer itself, and is limited by source.
    fn hint(&mut self, now: Timestamp, to: SocketAddr, local: Option<IpAddr>, hint: Stateless) {
        if may_be_answered(to) && self.hint_limit.allows(now, Some(Source::or_port(to))) {
            self.answer_stateless(to, local, hint);
        }
    }

    /// Whether somebody who has no session is answered, before anything is done for it. While few ask, all
    /// are: whoever forges their addresses must not keep them from being answered. In a batch with many,
    /// each source has a rate, since answers are what a flood costs most: one system call each.
    fn has_time_for(&mut self, now: Timestamp, source: SocketAddr) -> bool {
        /// The host empties the queue after each batch, so its length is how many were answered in this one.
        const FREELY: usize = 4;
        self.stateless.len() < FREELY
            || self.answer_limit.allows(now, Some(Source::or_port(source)))
    }

    fn answer_stateless(&mut self, to: SocketAddr, local: Option<IpAddr>, answer: Stateless) {
        /// The host empties the queue after each batch; what is beyond this is as good as lost.
        const MAXIMUM: usize = 1024;
        if self.stateless.len() < MAXIMUM {
            self.stateless.push_back(answer.to(to, local));
        }
    }

    /// Puts an answer into its session's queue. False if there is no room for it.
    fn queue_answer(&mut self, session: u32, answer: QueuedAnswer) -> bool {
        let Some(target) = self.sessions.get_mut(session) else { return false };
        if !target.queue(answer) {
            return false;
        }
        if target.answers.len() == 1 {
            self.in_line.push_back((session, target.id));
        }
        true
    }

    /// How many entries all tables and queues have together, for tests of their bounds.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn footprint(&self) -> usize {
        self.queue.entries()
            + self.working_due.len()
            + self.lease_checks.len()
            + self.stateless.len()
            + self.in_line.len()
            + self.bulk_line.entries()
            + self.budget.all.len()
            + self.budget.due.len()
            + self.records.len()
            + self.sessions.iter().map(|s| s.parked.len() + s.answers.len()).sum::<usize>()
    }

    /// How many entries the tables of sources have that are limited, for tests that they do not grow.
    #[cfg(feature = "sim")]
    pub(crate) fn source_entries(&self) -> usize {
        self.session_counts.len()
            + self.open_limit.buckets()
            + self.hint_limit.buckets()
            + self.answer_limit.buckets()
    }

    /// The bytes that the first session takes, for a test of their bound.
    #[cfg(test)]
    pub(super) fn session_bytes(&self) -> usize {
        let session = self.sessions.get(0).expect("there is a session");
        size_of_val(session)
            + session.window.capacity_bytes()
            + session.parked.capacity() * size_of::<CallToken>()
            + session.answers.capacity() * size_of::<QueuedAnswer>()
            + 2 * size_of::<(u32, (u128, SocketAddr))>()
            + size_of::<(Timestamp, u32, u64)>()
    }

    fn lease_period(&self) -> Duration {
        (self.config.lease / 4).max(Duration::from_millis(1))
    }

    fn expire_sessions(&mut self, now: Timestamp) {
        while let Some(&(due, index, id)) = self.lease_checks.front() {
            if due > now {
                return;
            }
            self.lease_checks.pop_front();
            let period = self.lease_period();
            let session = self.sessions.get_mut(index).filter(|session| session.id == id);
            let Some(session) = session else { continue };
            session.trim(KEPT_ANSWERS_AT_CHECKS);
            // A session with work in hand is never given up, however silent its client is: its client
            // may be told of the result yet, and must not run the call again elsewhere meanwhile.
            // After a pause of this process nobody was silent: nobody listened. It gets one more period.
            let is_paused = now.since(due) >= Duration::from_secs(1);
            if session.unfinished == 0
                && now.since(session.last_heard) >= self.config.lease
                && !is_paused
            {
                self.statistics.sessions_expired += 1;
                self.remove_session(index);
            } else {
                if now.since(session.last_heard) >= self.config.lease && !is_paused {
                    self.give_up_parked(now, index);
                }
                self.lease_checks.push_back((now + period, index, id));
            }
        }
    }
}

impl Machine for ServerEndpoint {
    fn handle_datagram(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &Bytes,
    ) {
        let verdict = self.receive(now, from, local, datagram);
        self.statistics.received.count(datagram.len(), verdict);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.announce_working(now);
        self.expire_receiving(now);
        self.run_bulk_timers(now);
        self.expire_sessions(now);
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        let transmit = self
            .transmit_stateless(out)
            .or_else(|| self.transmit_answers(now, out))
            .or_else(|| self.transmit_bulk(now, out));
        let Some(transmit) = transmit else {
            self.drop_timers();
            return None;
        };
        self.statistics.datagrams_sent += 1;
        self.statistics.bytes_sent += transmit.length as u64;
        Some(transmit)
    }

    fn handle_send_refused(&mut self, now: Timestamp, to: SocketAddr, size: usize) {
        self.on_send_refused(now, to, size);
    }

    fn set_receive_window(&mut self, bytes: usize) {
        self.receive_window = bytes;
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let working = self.working_due.front().map(|&(due, _)| due);
        let lease = self.lease_checks.front().map(|&(due, ..)| due);
        let receiving = self.budget.due.first().map(|&(due, _)| due);
        let timers = [working, lease, receiving, self.bulk_line.timeout()];
        timers.into_iter().flatten().filter(|&due| due != Timestamp::NEVER).min()
    }
}
