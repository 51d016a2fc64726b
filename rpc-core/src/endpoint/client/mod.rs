//! The client's side of the protocol.
//!
//! | file | what it does |
//! |---|---|
//! | `call` | what a host puts in and gets out |
//! | `handshake` | getting, resuming and losing a session |
//! | `progress` | moves a call on: submission, cancellation, deadline, its end |
//! | `receive` | what each answer of the server means for its call |
//! | `timers` | what is due: copies, probes, fences, deadlines, silence |
//! | `transmit` | writes what waits to be sent |
//! | `bulk` | moves arguments that are larger than a datagram |
//! | `replies` | puts together results that are |
//! | `calls`, `lanes`, `agenda` | the data behind them |
//! | `audit` (tests, and feature `sim`) | counts everything again, and holds it against what was counted as it changed |
//! | `trace` (feature `tracing`) | what tracing is told |

mod agenda;
#[cfg(any(test, feature = "sim"))]
mod audit;
mod bulk;
mod call;
mod calls;
mod handshake;
pub(crate) mod lanes;
mod progress;
mod receive;
mod replies;
mod timers;
#[cfg(feature = "tracing")]
mod trace;
mod transmit;

use core::time::Duration;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use self::agenda::Agenda;
use self::bulk::Bulk;
use self::calls::{Calls, Phase};
use self::handshake::{Handshake, Session};
use self::lanes::Lanes;
use self::transmit::Outgoing;
use super::{CHUNK, DEFAULT_RECEIVE_WINDOW, Machine, Transmit};
use crate::arena::Arena;
use crate::call::budget::RetryBudget;
use crate::call::round_trip::RoundTrip;
use crate::config::ClientConfig;
use crate::entropy::Entropy;
use crate::error::{CallErrorKind, Settlement};
use crate::statistics::ClientStatistics;
use crate::time::Timestamp;
use crate::wire::frame::{NEVER_REPORTED, ServerFrame};

pub use call::{CallKey, CallStatus, Completion, Failure, NewCall, Transfer};
#[cfg(feature = "tracing")]
pub use trace::{CallTrace, SessionNews};

/// Whether a call whose result was handed out is released with that.
pub const RELEASES_RESULTS: bool = !cfg!(feature = "tracing");

/// The client's half of one association with a server.
///
/// See [`Machine`] for how it is driven. A call is submitted, ends with a [`Completion`] and is known
/// until it is released.
pub struct ClientEndpoint {
    config: ClientConfig,
    /// How many bytes of large messages the host's socket surely holds.
    receive_window: usize,
    entropy: Box<dyn Entropy>,
    /// Spreads timers; nothing depends on its being unpredictable.
    jitter: fastrand::Rng,
    servers: Vec<SocketAddr>,
    wants_servers: bool,
    session: Option<Session>,
    handshake: Option<Handshake>,
    handshake_failure: Option<CallErrorKind>,
    calls: Calls,
    /// Calls that have not ended.
    open_calls: usize,
    /// Calls that wait for a session or a lane, in the order in which they get one.
    waiting: VecDeque<CallKey>,
    /// Calls that the server was too busy for, until their timers are due.
    delayed: Agenda,
    lanes: Lanes,
    /// The number of the last call. It never goes back, whatever the session.
    last_sequence: u64,
    /// The frames of the datagram that is being received. Their memory is used again.
    frames: Vec<ServerFrame>,
    /// Small results that were not handed out yet.
    arena: Arena,
    /// What moves large messages, once there was one.
    bulk: Option<Box<Bulk>>,
    round_trip: RoundTrip,
    budget: RetryBudget,
    outbox: VecDeque<Outgoing>,
    finished: VecDeque<CallKey>,
    /// About how many bytes wait in it.
    outbox_bytes: usize,
    /// Until when requests may wait for company, see [`hold`](Self::hold).
    held_until: Timestamp,
    /// No timer of a lane's call or of a delayed call is due before this.
    next_timer: Timestamp,
    /// The deadlines of the calls that have any.
    deadlines: Agenda,
    /// No acknowledgement is due before this.
    next_acknowledgement: Timestamp,
    /// When the first packet was sent that has not been followed by any answer.
    awaiting_since: Option<Timestamp>,
    /// When timers ran last.
    timers_ran_at: Timestamp,
    /// While the server is silent: when the next probe may go out.
    silent_probe_at: Timestamp,
    /// The server was silent for so long, and nobody asks for any call any more, that nothing is sent.
    is_resting: bool,
    is_closed: bool,
    statistics: ClientStatistics,
    #[cfg(feature = "tracing")]
    journal: trace::Journal,
}

impl core::fmt::Debug for ClientEndpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ClientEndpoint")
            .field("servers", &self.servers)
            .field("has_session", &self.has_session())
            .field("open_calls", &self.open_calls)
            .finish_non_exhaustive()
    }
}

impl ClientEndpoint {
    /// A client of the server at one of `servers`, which are tried in turn. It sends nothing before
    /// [`connect`](Self::connect) or the first call.
    pub fn new(
        config: ClientConfig,
        servers: Vec<SocketAddr>,
        mut entropy: Box<dyn Entropy>,
        now: Timestamp,
    ) -> Self {
        Self {
            jitter: fastrand::Rng::with_seed(entropy.next_u64()),
            round_trip: RoundTrip::new(
                config.initial_timeout,
                config.minimum_timeout,
                config.maximum_timeout,
            ),
            budget: RetryBudget::new(
                config.retransmissions_per_call,
                config.retransmissions_per_second,
                now,
            ),
            entropy,
            servers: servers.into_iter().map(canonical).collect(),
            wants_servers: false,
            receive_window: DEFAULT_RECEIVE_WINDOW,
            session: None,
            handshake: None,
            handshake_failure: None,
            bulk: None,
            frames: Vec::new(),
            arena: Arena::new(CHUNK),
            calls: Calls::default(),
            open_calls: 0,
            waiting: VecDeque::new(),
            delayed: Agenda::default(),
            lanes: Lanes::default(),
            last_sequence: 0,
            outbox: VecDeque::new(),
            finished: VecDeque::new(),
            outbox_bytes: 0,
            held_until: Timestamp::NEVER,
            next_timer: Timestamp::NEVER,
            deadlines: Agenda::default(),
            next_acknowledgement: Timestamp::NEVER,
            awaiting_since: None,
            timers_ran_at: Timestamp::ZERO,
            silent_probe_at: Timestamp::ZERO,
            is_resting: false,
            is_closed: false,
            statistics: ClientStatistics::default(),
            #[cfg(feature = "tracing")]
            journal: trace::Journal::default(),
            config,
        }
    }

    /// The completion of a call, if it has ended and was not released.
    pub fn completion(&self, key: CallKey) -> Option<&Completion> {
        self.calls.get(key)?.completion.as_ref()
    }

    /// Hands out how a call ended, if it has. With a result the call is released: its key is dead afterwards.
    /// (With feature `tracing` it is not, since its trace is still to be asked for.) With an error it is known
    /// until it is released, for more may be learnt of it.
    pub fn take_completion(&mut self, key: CallKey) -> Option<Completion> {
        let call = self.calls.get_mut(key)?;
        let is_over = matches!(call.completion, Some(Ok(_))) && !call.phase.has_lane();
        if !is_over || !RELEASES_RESULTS {
            return call.completion.clone();
        }
        let completion = call.completion.take();
        self.calls.remove(key);
        completion
    }

    /// Whether a call was submitted and not released.
    pub fn knows(&self, key: CallKey) -> bool {
        self.calls.get(key).is_some()
    }

    /// A call that has ended, each once; calls that were released or detached never.
    pub fn poll_finished(&mut self) -> Option<CallKey> {
        loop {
            let key = self.finished.pop_front()?;
            if self.calls.get(key).is_some_and(|call| !call.is_released) {
                return Some(key);
            }
        }
    }

    /// How far a call has come. One that is not known has finished.
    pub fn status(&self, now: Timestamp, key: CallKey) -> CallStatus {
        let Some(call) = self.calls.get(key).filter(|call| !call.has_ended()) else {
            return CallStatus::Finished;
        };
        match (call.phase, call.working) {
            (Phase::Waiting | Phase::Delayed, _) => CallStatus::Waiting,
            (_, None) => CallStatus::Sent,
            (_, Some((_, working))) if !working.is_running => {
                CallStatus::Queued { position: working.position }
            }
            (_, Some((heard_at, working))) => {
                let since = now.since(heard_at);
                let plus = |ms: u32| Duration::from_millis(ms.into()) + since;
                CallStatus::Running {
                    elapsed: plus(working.elapsed),
                    reported: (working.reported != NEVER_REPORTED).then(|| plus(working.reported)),
                    done: working.done,
                    total: working.total,
                }
            }
        }
    }

    /// What is known by now of a call that ended with an unknown outcome and was not released.
    pub fn settlement(&self, key: CallKey) -> Settlement {
        self.calls.get(key).map_or(Settlement::Open, |call| call.settlement.clone())
    }

    /// Whether that can still change. It cannot once the call's session is dead.
    pub fn can_settle(&self, key: CallKey) -> bool {
        self.calls.get(key).is_some_and(|call| call.phase == Phase::Fencing)
    }

    /// Whether there is a session.
    pub fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Why the last handshake failed, if it did and none has succeeded since.
    pub fn handshake_failure(&self) -> Option<&CallErrorKind> {
        self.handshake_failure.as_ref()
    }

    /// How many calls have not ended. While there are any, somebody should drive the endpoint.
    pub fn open_calls(&self) -> usize {
        self.open_calls
    }

    /// How many entries all queues have together, for tests of their bounds.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn footprint(&self) -> usize {
        let agendas = self.delayed.len() + self.deadlines.len();
        self.waiting.len() + agendas + self.outbox.len() + self.finished.len()
    }

    /// Begins a handshake although there is a session.
    #[cfg(test)]
    pub(super) fn begin_test_handshake(&mut self, now: Timestamp) {
        self.begin_handshake(now);
    }

    /// The addresses that are tried.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// True once each time that the servers stopped answering: the host should resolve the name again
    /// and call [`set_servers`](Self::set_servers).
    pub fn wants_servers(&mut self) -> bool {
        core::mem::take(&mut self.wants_servers)
    }

    /// Counters.
    pub fn statistics(&self) -> ClientStatistics {
        ClientStatistics {
            round_trip: self.round_trip.smoothed(),
            assembly_bytes: self.bulk.as_ref().map_or(0, |bulk| bulk.replies.allocated()),
            ..self.statistics.clone()
        }
    }
}

impl Machine for ClientEndpoint {
    fn handle_datagram(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        _local: Option<IpAddr>,
        datagram: &Bytes,
    ) {
        let verdict = self.receive(now, canonical(from), datagram);
        self.statistics.received.count(datagram.len(), verdict);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.run_timers(now);
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        let transmit = self
            .transmit_handshake(now, out)
            .or_else(|| self.transmit_frames(now, out))
            .or_else(|| self.transmit_bulk(now, out))?;
        self.statistics.datagrams_sent += 1;
        self.statistics.bytes_sent += transmit.length as u64;
        Some(transmit)
    }

    fn handle_send_refused(&mut self, now: Timestamp, to: SocketAddr, size: usize) {
        let is_ours = self.session.is_some_and(|session| session.server == canonical(to));
        if let Some(bulk) = self.bulk.as_mut().filter(|_| is_ours) {
            bulk.sender.on_refused(now, size);
        }
    }

    fn set_receive_window(&mut self, bytes: usize) {
        self.receive_window = bytes;
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.next_due()
    }
}

/// An IPv4 address is itself, however a dual-stack socket dresses it up. An IPv6 address keeps its
/// scope, without which a link-local one cannot be reached.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}
