//! The two endpoints against each other over a wire that the test holds in its hand.

mod bad_input;
mod bounds;
mod by_hand;
mod calls;
mod copies;
mod hostile;
mod large;
mod large_replies;
mod large_requests;
mod large_results;
mod later;
mod limits;
mod outcomes;
mod reasons;
mod sessions;
mod silence;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV6};
use std::sync::Arc;

use bytes::Bytes;

use super::client::{CallKey, CallStatus, NewCall};
use super::server::{Finished, MethodEntry, MethodTable, Ready};
use super::{ClientEndpoint, Machine, ServerEndpoint};
use crate::config::MessageLimits;
use crate::config::{ClientConfig, ServerConfig};
use crate::entropy::Entropy;
use crate::error::{CallErrorKind, Outcome, RequestLimit, Settlement};
use crate::statistics::DropReason;
use crate::time::{Clock, Timestamp};
use crate::wire::frame::{self, Subject};
use crate::wire::handshake::{self as messages, Open};
use crate::wire::{HEADER_LENGTH, Header, Kind, Role, integrity};

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
const TEXT: u32 = 4;

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
            limits: MessageLimits::default(),
        };
        table.add_method(INTERFACE, method, entry);
    }
    let entry = MethodEntry {
        service: 0,
        signature: 99,
        signature_text: "a long signature. a long signature. a long signature. a long signature.",
        is_idempotent: false,
        is_oneway: false,
        limits: MessageLimits::default(),
    };
    table.add_method(INTERFACE, TEXT, entry);
    table
}

fn call(method: u32, body: &'static [u8]) -> NewCall {
    NewCall {
        interface: INTERFACE,
        method,
        signature: 99,
        is_idempotent: method == LOOKUP,
        is_oneway: method == LOG,
        limits: MessageLimits::default(),
        deadline: Some(Duration::from_secs(10)),
        body: Bytes::from_static(body).into(),
        fault: None,
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

    fn collect_client(&mut self) {
        let now = self.now();
        let mut out = Vec::new();
        while self.client.poll_transmit(now, &mut out).is_some() {
            self.to_server.push_back(Bytes::from(core::mem::take(&mut out)));
        }
    }

    fn collect(&mut self) {
        self.collect_client();
        let now = self.now();
        let mut out = Vec::new();
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

    fn deliver_client(&mut self) {
        let now = self.now();
        while let Some(datagram) = self.to_client.pop_front() {
            self.client.handle_datagram(now, self.server_address, None, &datagram);
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
        let (mut at, mut turns) = (self.now(), 0);
        each(self);
        loop {
            let timers = self.client.poll_timeout().into_iter().chain(self.server.poll_timeout());
            let next = timers.min().unwrap_or(end).max(self.now());
            turns = if next == at { turns + 1 } else { 0 };
            at = next;
            assert!(turns < 1000, "a timer that is due is not cleared");
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

    /// The id of the client's session.
    fn session_id(&mut self) -> u64 {
        let now = self.now();
        let _key = self.client.submit(now, call(LOG, b"which session is this?"));
        self.collect_client();
        let datagram = self.to_server.pop_back().expect("a one-way call is sent at once");
        Header::parse(&datagram).expect("it is well formed").0.session
    }

    /// A datagram of a client with frames of our own.
    fn datagram(&self, session: u64, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut out = Vec::new();
        Header { role: Role::Client, kind: Kind::Frames, session }.write(&mut out);
        write(&mut out);
        integrity::seal(&mut out, 0);
        Bytes::from(out)
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
    Finished::Reply(Bytes::from_static(bytes).into())
}
