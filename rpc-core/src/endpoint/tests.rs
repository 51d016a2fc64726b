//! The two endpoints against each other over a wire that the test holds in its hand.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::client::{CallKey, CallStatus, NewCall};
use super::server::{Finished, MethodEntry, MethodTable, Ready};
use super::{ClientEndpoint, Machine, ServerEndpoint};
use crate::config::{ClientConfig, ServerConfig};
use crate::entropy::Entropy;
use crate::error::{CallErrorKind, Outcome, Settlement};
use crate::statistics::DropReason;
use crate::time::{Clock, Timestamp};

struct SeededEntropy(fastrand::Rng);

impl Entropy for SeededEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

fn entropy(seed: u64) -> Box<dyn Entropy> {
    Box::new(SeededEntropy(fastrand::Rng::with_seed(seed)))
}

#[derive(Default)]
struct VirtualClock(AtomicU64);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

const INTERFACE: u32 = 7;
const ECHO: u32 = 1;
const LOOKUP: u32 = 2;
const LOG: u32 = 3;

fn methods() -> MethodTable {
    let mut table = MethodTable::default();
    table.add_interface(INTERFACE);
    for (method, is_idempotent, is_oneway) in
        [(ECHO, false, false), (LOOKUP, true, false), (LOG, false, true)]
    {
        let entry = MethodEntry {
            service: 0,
            signature: 99,
            signature_text: "echo(bytes) -> bytes",
            is_idempotent,
            is_oneway,
        };
        table.add_method(INTERFACE, method, entry);
    }
    table
}

fn call(method: u32, body: &'static [u8]) -> NewCall {
    NewCall {
        interface: INTERFACE,
        method,
        signature: 99,
        is_idempotent: method == LOOKUP,
        is_oneway: method == LOG,
        deadline: Some(Duration::from_secs(10)),
        body: Bytes::from_static(body),
    }
}

/// A client, a server and the datagrams between them.
struct Pair {
    clock: Arc<VirtualClock>,
    client: ClientEndpoint,
    server: ServerEndpoint,
    client_address: SocketAddr,
    server_address: SocketAddr,
    to_server: VecDeque<Bytes>,
    to_client: VecDeque<Bytes>,
    seed: u64,
}

impl Pair {
    fn new() -> Self {
        Self::with(ClientConfig::default(), ServerConfig::default())
    }

    fn with(client: ClientConfig, server: ServerConfig) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let server_address = "192.0.2.1:1000".parse().unwrap();
        let now = clock.now();
        Self {
            client: ClientEndpoint::new(client, vec![server_address], entropy(1), now),
            server: ServerEndpoint::new(server, methods(), clock.clone(), entropy(2), now),
            clock,
            client_address: "192.0.2.2:2000".parse().unwrap(),
            server_address,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            seed: 3,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn collect(&mut self) {
        let now = self.now();
        let mut out = Vec::new();
        while self.client.poll_transmit(now, &mut out).is_some() {
            self.to_server.push_back(Bytes::from(core::mem::take(&mut out)));
        }
        while self.server.poll_transmit(now, &mut out).is_some() {
            self.to_client.push_back(Bytes::from(core::mem::take(&mut out)));
        }
    }

    /// Delivers everything until nothing moves any more, without time passing.
    fn deliver(&mut self) {
        let now = self.now();
        loop {
            self.collect();
            if let Some(datagram) = self.to_server.pop_front() {
                self.server.handle_datagram(now, self.client_address, None, &datagram);
            } else if let Some(datagram) = self.to_client.pop_front() {
                self.client.handle_datagram(now, self.server_address, None, &datagram);
            } else {
                return;
            }
        }
    }

    fn lose_everything(&mut self) {
        self.collect();
        self.to_server.clear();
        self.to_client.clear();
    }

    /// Lets time pass and the timers that come due run, each at its time.
    fn pass(&mut self, duration: Duration, mut each: impl FnMut(&mut Self)) {
        let end = self.now() + duration;
        each(self);
        loop {
            let timers = self.client.poll_timeout().into_iter().chain(self.server.poll_timeout());
            let next = timers.min().unwrap_or(end).max(self.now());
            if next > end {
                self.clock.0.store(end.as_nanos(), Ordering::Relaxed);
                return;
            }
            self.clock.0.store(next.as_nanos(), Ordering::Relaxed);
            self.client.handle_timeout(next);
            self.server.handle_timeout(next);
            each(self);
            if next == end {
                return;
            }
        }
    }

    fn open(&mut self) {
        let now = self.now();
        self.client.connect(now);
        self.deliver();
        assert!(self.client.has_session());
    }

    fn submit(&mut self, call: NewCall) -> CallKey {
        let now = self.now();
        self.client.submit(now, call)
    }

    fn take(&mut self) -> Ready {
        let now = self.now();
        let ready = self.server.take_ready(now).expect("a call is queued");
        ready.context.enter();
        ready
    }

    fn restart_server(&mut self) {
        self.seed += 1;
        let (config, now) = (ServerConfig::default(), self.now());
        let clock = self.clock.clone();
        self.server = ServerEndpoint::new(config, methods(), clock, entropy(self.seed), now);
    }

    fn failure(&self, key: CallKey) -> (Outcome, CallErrorKind) {
        let failure = self.client.completion(key).expect("it has ended").clone().unwrap_err();
        (failure.outcome, failure.kind)
    }

    fn reply(&self, key: CallKey) -> Bytes {
        self.client.completion(key).expect("it has ended").clone().expect("it has a result")
    }
}

fn result(bytes: &'static [u8]) -> Finished {
    Finished::Reply(Bytes::from_static(bytes))
}

#[test]
fn a_call_costs_two_datagrams() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"ping"));
    let sent = pair.client.statistics().datagrams_sent;
    pair.deliver();
    let ready = pair.take();
    assert_eq!(&ready.body[..], b"ping");
    pair.server.complete(ready.token, result(b"pong"));
    assert_eq!(pair.client.status(pair.now(), key), CallStatus::Sent);
    pair.deliver();
    assert_eq!(pair.reply(key), "pong");
    assert_eq!(pair.client.poll_finished(), Some(key));
    assert_eq!(pair.client.poll_finished(), None);
    assert_eq!(pair.client.statistics().datagrams_sent, sent + 1);
    // CHALLENGE, WELCOME and the reply.
    assert_eq!(pair.server.statistics().datagrams_sent, 3);
}

#[test]
fn calls_that_are_ready_together_share_a_datagram() {
    let mut pair = Pair::new();
    pair.open();
    let keys: Vec<_> = (0..10).map(|_| pair.submit(call(ECHO, b"x"))).collect();
    let before = pair.server.statistics().received.datagrams;
    pair.deliver();
    assert_eq!(pair.server.statistics().received.datagrams, before + 1);
    for _ in 0..10 {
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
    }
    let before = pair.client.statistics().received.datagrams;
    pair.deliver();
    assert_eq!(pair.client.statistics().received.datagrams, before + 1);
    assert!(keys.iter().all(|&key| pair.reply(key) == "y"));
}

#[test]
fn a_lost_request_is_repeated_and_a_lost_reply_is_replayed() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.lose_everything();
    pair.pass(Duration::from_millis(5), Pair::deliver);
    let ready = pair.take();
    assert!(pair.server.take_ready(pair.now()).is_none(), "copies are not run");
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    assert!(pair.client.completion(key).is_none());
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.server.statistics().executions, 1);
    assert!(pair.server.statistics().replies_replayed >= 1);
}

#[test]
fn a_long_call_is_worked_on_and_probed_and_never_given_up() {
    let config = ClientConfig { deadline: None, ..ClientConfig::default() };
    let mut pair = Pair::with(config, ServerConfig::default());
    pair.open();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.deliver();
    let ready = pair.take();
    pair.pass(Duration::from_secs(3600), Pair::deliver);
    ready.context.report(3, 7);
    pair.pass(Duration::from_secs(2), Pair::deliver);
    let CallStatus::Running { elapsed, done, total, .. } = pair.client.status(pair.now(), key)
    else {
        panic!("it is running");
    };
    assert!(elapsed >= Duration::from_secs(3600), "{elapsed:?}");
    assert_eq!((done, total), (3, 7));
    let probes = pair.client.statistics().probes;
    assert!((1000..8000).contains(&probes), "{probes}");
    assert!(pair.client.statistics().retransmissions <= 1);
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_silent_server_is_unreachable_and_the_outcome_unknown() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"x") });
    pair.pass(Duration::from_secs(30), Pair::lose_everything);
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::Unknown);
    assert!(matches!(kind, CallErrorKind::Unreachable { .. }), "{kind:?}");
}

#[test]
fn a_server_that_is_not_there_is_not_executed_in_bounded_time() {
    let mut pair = Pair::new();
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_millis(4999), Pair::lose_everything);
    assert!(pair.client.completion(key).is_none());
    pair.pass(Duration::from_millis(2), Pair::lose_everything);
    let server = pair.server_address;
    assert_eq!(
        pair.failure(key),
        (Outcome::NotExecuted, CallErrorKind::NoServer { tried: vec![server] })
    );
    assert!(pair.client.wants_servers() || pair.client.open_calls() == 0);
}

#[test]
fn a_restarted_server_ends_a_call_that_was_sent_and_takes_the_next() {
    let mut pair = Pair::new();
    pair.open();
    let lost = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let _ready = pair.take();
    pair.restart_server();
    pair.pass(Duration::from_millis(100), Pair::deliver);
    assert_eq!(pair.failure(lost), (Outcome::Unknown, CallErrorKind::ServerRestarted));
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn an_idempotent_call_is_made_again_over_a_restart() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let _ready = pair.take();
    pair.restart_server();
    pair.pass(Duration::from_millis(100), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_reply_that_was_not_kept_makes_an_idempotent_call_run_again() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    pair.pass(Duration::from_millis(100), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"z"));
    pair.deliver();
    assert_eq!(pair.reply(key), "z");
}

#[test]
fn a_cancelled_call_that_has_not_begun_never_begins() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.collect();
    let request = pair.to_server.pop_front().unwrap();
    pair.client.cancel(key);
    pair.deliver();
    // The fence was first; the request comes late.
    pair.to_server.push_back(request);
    pair.deliver();
    assert!(pair.server.take_ready(pair.now()).is_none());
    assert_eq!(pair.failure(key), (Outcome::NotExecuted, CallErrorKind::Cancelled));
}

#[test]
fn a_cancelled_call_that_runs_is_executed_and_its_handler_is_told() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.client.cancel(key);
    pair.deliver();
    assert!(ready.context.is_cancelled());
    assert_eq!(pair.failure(key), (Outcome::Executed, CallErrorKind::Cancelled));
    pair.server.complete(ready.token, result(b"y"));
}

#[test]
fn a_call_past_its_deadline_is_unknown_and_settled_by_the_fence() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_secs(10), |pair| {
        // The requests arrive, the answers do not.
        let client_address = pair.client_address;
        pair.collect();
        let now = pair.now();
        for datagram in core::mem::take(&mut pair.to_server) {
            pair.server.handle_datagram(now, client_address, None, &datagram);
        }
        pair.lose_everything();
    });
    let (outcome, _) = pair.failure(key);
    assert_eq!(outcome, Outcome::Unknown);
    assert!(pair.client.can_settle(key));
    pair.pass(Duration::from_secs(2), Pair::deliver);
    assert!(matches!(pair.client.settlement(key), Settlement::NotExecuted));
    assert!(!pair.client.can_settle(key));
}

#[test]
fn a_deadline_ends_even_a_call_that_runs() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.pass(Duration::from_secs(11), Pair::deliver);
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::Executed);
    assert!(matches!(kind, CallErrorKind::DeadlineExceeded { .. }));
    assert!(ready.context.is_cancelled());
}

#[test]
fn verdicts_are_repeated_for_copies() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { signature: 1, ..call(ECHO, b"x") });
    pair.collect();
    let request = pair.to_server[0].clone();
    pair.to_server.push_back(request);
    pair.deliver();
    assert_eq!(
        pair.failure(key),
        (
            Outcome::NotExecuted,
            CallErrorKind::SignatureMismatch {
                client: String::new(),
                server: "echo(bytes) -> bytes".to_owned()
            }
        )
    );
    assert_eq!(pair.server.statistics().duplicates, 1);
    for (interface, method, kind) in [
        (INTERFACE, 1000, CallErrorKind::UnknownMethod),
        (1000, ECHO, CallErrorKind::UnknownInterface),
    ] {
        let key = pair.submit(NewCall { interface, method, ..call(ECHO, b"x") });
        pair.deliver();
        assert_eq!(pair.failure(key), (Outcome::NotExecuted, kind));
    }
}

#[test]
fn a_oneway_call_runs_once_and_is_not_answered() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(LOG, b"line"));
    pair.collect();
    assert_eq!(pair.reply(key), "");
    let datagram = pair.to_server[0].clone();
    pair.to_server.push_back(datagram);
    let sent = pair.server.statistics().datagrams_sent;
    pair.deliver();
    let ready = pair.take();
    assert!(pair.server.take_ready(pair.now()).is_none());
    pair.server.complete(ready.token, Finished::Nothing);
    pair.deliver();
    assert_eq!(pair.server.statistics().datagrams_sent, sent);
}

#[test]
fn an_idle_client_acknowledges_and_the_server_frees_the_reply() {
    let mut pair = Pair::new();
    pair.open();
    let _key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"yyyy"));
    pair.deliver();
    assert_eq!(pair.server.statistics().reply_bytes, 4);
    assert_eq!(pair.server.unacknowledged(), 1);
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.statistics().reply_bytes, 0);
    assert_eq!(pair.server.unacknowledged(), 0);
    let sent = pair.client.statistics().datagrams_sent;
    pair.pass(Duration::from_secs(200), Pair::deliver);
    assert_eq!(pair.client.statistics().datagrams_sent, sent, "an idle client is silent");
}

#[test]
fn an_idle_session_expires_and_the_next_call_opens_another() {
    let mut pair = Pair::new();
    pair.open();
    pair.pass(Duration::from_secs(1000), Pair::deliver);
    assert_eq!(pair.server.statistics().sessions, 0);
    let key = pair.submit(call(LOOKUP, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.client.statistics().sessions_opened, 2);
}

#[test]
fn a_client_that_moved_resumes_its_session() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.client_address = "192.0.2.3:3000".parse().unwrap();
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.server.statistics().sessions_resumed, 1);
    assert_eq!(pair.server.statistics().executions, 1);
    assert!(pair.server.statistics().received.dropped(DropReason::UnprovenAddress) >= 1);
}

#[test]
fn a_server_that_says_goodbye_leaves_the_next_call_not_executed() {
    let mut pair = Pair::new();
    pair.open();
    pair.server.say_goodbye();
    pair.collect();
    let now = pair.now();
    let goodbye = pair.to_client.pop_front().expect("it says so");
    pair.client.handle_datagram(now, pair.server_address, None, &goodbye);
    let key = pair.submit(call(ECHO, b"x"));
    pair.pass(Duration::from_secs(6), Pair::lose_everything);
    let (outcome, kind) = pair.failure(key);
    assert_eq!(outcome, Outcome::NotExecuted);
    assert!(matches!(kind, CallErrorKind::NoServer { .. }), "{kind:?}");
}

#[test]
fn a_forged_goodbye_only_costs_a_handshake() {
    let mut pair = Pair::new();
    pair.open();
    pair.server.say_goodbye();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
    assert_eq!(pair.client.statistics().sessions_opened, 1);
}

#[test]
fn a_reply_that_nobody_waits_for_any_more_is_acknowledged() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.client.cancel(key);
    pair.deliver();
    pair.server.complete(ready.token, result(b"y"));
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.unacknowledged(), 0);
}

#[test]
fn a_busy_server_is_asked_again_and_the_call_runs_once() {
    let server = ServerConfig { maximum_queued_calls: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), server);
    pair.open();
    let first = pair.submit(call(ECHO, b"1"));
    let second = pair.submit(call(ECHO, b"2"));
    pair.deliver();
    assert!(pair.client.completion(second).is_none());
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.pass(Duration::from_secs(1), Pair::deliver);
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"z"));
    pair.deliver();
    assert_eq!((pair.reply(first), pair.reply(second)), ("y".into(), "z".into()));
    assert_eq!(pair.server.statistics().executions, 2);
}

#[test]
fn garbage_changes_nothing_and_is_counted() {
    let mut pair = Pair::new();
    pair.open();
    let mut random = fastrand::Rng::with_seed(5);
    let now = pair.now();
    let from = pair.client_address;
    for _ in 0..2000 {
        let garbage: Vec<u8> = (0..random.usize(0..1500)).map(|_| random.u8(..)).collect();
        pair.server.handle_datagram(now, from, None, &Bytes::from(garbage));
    }
    let received = pair.server.statistics().received;
    assert_eq!(received.datagrams, received.accepted + received.dropped_total());
    assert_eq!(received.dropped_total(), 2000);
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}
