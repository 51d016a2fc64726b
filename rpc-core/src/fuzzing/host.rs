//! A server under observation: its clock, its handlers, and what always holds.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::input::Input;
use super::simulator;
use super::watch::Watch;
use crate::config::{MessageLimits, ServerConfig};
use crate::endpoint::server::audit::CallName;
use crate::endpoint::server::{CallToken, Finished, MethodEntry, MethodTable};
use crate::endpoint::{Machine, ServerEndpoint};
use crate::sim::{Random, VirtualClock};
use crate::time::{Clock, Timestamp};

pub(super) const INTERFACE: u32 = 7;
pub(super) const SIGNATURE: u32 = 99;
/// Methods: an ordinary one, an idempotent one, a one-way one, and one that says how large its messages are.
pub(super) const METHODS: [u32; 4] = [1, 2, 3, 4];

/// How many times as much as what has arrived its memory may be, and how much more for each message.
const MEMORY_FACTOR: usize = 48;
const MEMORY_BASE: usize = 24 * 1024;

/// How often timers run in one passing of time, each at its own time. After that the rest of the time passes
/// at once, as if the process had been stopped.
const MOST_TURNS: usize = 300;

pub(super) fn methods() -> MethodTable {
    let mut table = MethodTable::default();
    table.add_interface(INTERFACE);
    for method in METHODS {
        let limits = if method == 4 {
            MessageLimits { request: Some(3000), reply: Some(5000) }
        } else {
            MessageLimits::default()
        };
        let entry = MethodEntry {
            service: 0,
            signature: SIGNATURE,
            signature_text: "a method of the fuzzer's",
            is_idempotent: method == 2,
            is_oneway: method == 3,
            limits,
        };
        table.add_method(INTERFACE, method, entry);
    }
    // And those of the runs of the simulator from which seeds are made.
    table.add_interface(simulator::INTERFACE.id());
    for method in simulator::INTERFACE.methods() {
        let signature = method.signature();
        let entry = MethodEntry {
            service: 1,
            signature: signature.hash,
            signature_text: "a method of the simulator's",
            is_idempotent: method.is_idempotent(),
            is_oneway: method.is_oneway(),
            limits: method.limits(),
        };
        table.add_method(simulator::INTERFACE.id(), method.id(), entry);
    }
    table
}

/// Limits that a short input reaches.
pub(super) fn config() -> ServerConfig {
    ServerConfig {
        workers: 2,
        maximum_queued_calls: 8,
        maximum_running_per_session: 2,
        maximum_suspended: 2,
        maximum_sessions: 3,
        maximum_sessions_per_source: 2,
        window: 4,
        lease: Duration::from_secs(30),
        maximum_reply_bytes: 96 << 10,
        maximum_request: 1 << 20,
        maximum_assembly_bytes: 128 << 10,
        maximum_assembly_bytes_per_session: 64 << 10,
        ..ServerConfig::default()
    }
}

/// A server, what it runs, and what it has sent.
pub(super) struct ServerHost {
    pub(super) clock: Arc<VirtualClock>,
    pub(super) endpoint: ServerEndpoint,
    pub(super) watch: Watch,
    pub(super) outgoing: Vec<(SocketAddr, Bytes)>,
    config: ServerConfig,
    running: Vec<(CallToken, CallName)>,
    /// Since when arguments are being received, and how much had been sent to their sessions by then.
    receiving: BTreeMap<CallName, (Timestamp, usize)>,
    received: u64,
    /// How often time has passed without its timers.
    pauses: u32,
}

impl ServerHost {
    pub(super) fn new(config: ServerConfig, clock: Arc<VirtualClock>, seed: u64) -> Self {
        config.validate().expect("the settings make sense");
        let entropy = Box::new(Random::new(seed));
        let now = clock.now();
        Self {
            endpoint: ServerEndpoint::new(config.clone(), methods(), clock.clone(), entropy, now),
            clock,
            watch: Watch::default(),
            outgoing: Vec::new(),
            config,
            running: Vec::new(),
            receiving: BTreeMap::new(),
            received: 0,
            pauses: 0,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn receive(&mut self, from: SocketAddr, datagram: Vec<u8>) {
        self.watch.on_receive(from, &datagram);
        self.received += 1;
        let now = self.now();
        self.endpoint.handle_datagram(now, from, None, &Bytes::from(datagram));
        self.settle();
    }

    /// Takes what is to be sent, and checks what always holds.
    fn settle(&mut self) {
        let now = self.now();
        let mut count = 0;
        loop {
            let mut out = Vec::new();
            let Some(transmit) = self.endpoint.poll_transmit(now, &mut out) else { break };
            count += 1;
            assert!(count < 1000, "it does not stop sending");
            assert_eq!(out.len(), transmit.length);
            self.watch.on_sent(transmit.to, &out);
            self.outgoing.push((transmit.to, Bytes::from(out)));
        }
        self.check();
    }

    fn check(&mut self) {
        let faults = self.endpoint.audit();
        assert!(faults.is_empty(), "S16: it is not what it counts: {faults:?}");
        let now = self.now();
        let told = self.endpoint.statistics();
        let received = &told.received;
        assert_eq!(received.datagrams, self.received, "S29");
        assert_eq!(received.datagrams, received.accepted + received.dropped_total(), "S29");
        let config = &self.config;
        assert!(told.sessions <= config.maximum_sessions, "S16: sessions");
        let large = told.sessions * usize::from(config.window);
        assert!(told.queued <= config.maximum_queued_calls + large, "S16: the queue");
        assert!(told.reply_bytes <= config.maximum_reply_bytes + 4096, "S16: replies");
        assert_eq!(told.running, self.running.len(), "S27");
        let names = self.endpoint.receiving();
        let most = config.maximum_assembly_bytes + config.maximum_request;
        let messages = names.len() + told.queued;
        let paid = MEMORY_FACTOR * self.watch.part_bytes + MEMORY_BASE * messages;
        assert!(
            told.assembly_bytes <= most.min(paid),
            "S16: {} bytes of arguments",
            told.assembly_bytes
        );
        self.receiving.retain(|name, _| names.contains(name));
        for name in names {
            let arrived = self.watch.parts_of(name.0);
            let &mut (since, before) = self.receiving.entry(name).or_insert((now, arrived));
            // Twice the patience at worst, and what was bought with bytes at 16 KiB a second; a second for
            // every time that the timers were late.
            let bought = Duration::from_millis((arrived - before) as u64 / 16);
            let late = Duration::from_secs(2) * (self.pauses + 1);
            let longest = config.assembly_patience * 2 + bought + late;
            assert!(now.since(since) <= longest, "T6: {name:?} is waited for since {since:?}");
        }
    }

    /// Lets time pass, and the timers run.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now() + duration;
        for _ in 0..MOST_TURNS {
            let Some(due) = self.endpoint.poll_timeout().filter(|&due| due <= end) else { break };
            self.clock.advance(due);
            self.run_timers();
        }
        self.pauses += u32::from(self.endpoint.poll_timeout().is_some_and(|due| due < end));
        self.clock.advance(end);
        self.run_timers();
    }

    pub(super) fn run_timers(&mut self) {
        let now = self.now();
        self.endpoint.handle_timeout(now);
        self.settle();
    }

    /// Takes the next call. Its handler is entered if `enters` says so.
    pub(super) fn take(&mut self, enters: bool) -> bool {
        let now = self.now();
        let ready = self.endpoint.take_ready(now);
        if let Some(ready) = &ready {
            let name = self.endpoint.recorded_call(ready.token).expect("S15: it is recorded").name;
            self.watch.on_taken(name, &ready.body);
            if enters {
                ready.context.enter();
                self.watch.on_entered(name);
            }
            self.running.push((ready.token, name));
        }
        self.settle();
        ready.is_some()
    }

    /// Ends one of the calls that run.
    pub(super) fn complete(&mut self, which: usize, finished: Finished) {
        if self.running.is_empty() {
            return;
        }
        let (token, name) = self.running.remove(which % self.running.len());
        self.watch.on_ended(name, &finished);
        self.endpoint.complete(token, finished.clone());
        // A result counts once.
        self.endpoint.complete(token, Finished::Panicked { message: "again".to_owned() });
        self.settle();
    }

    /// One of the calls that run waits without a worker.
    pub(super) fn suspend(&mut self, which: usize) {
        if let Some(&(token, _)) = self.running.get(which % self.running.len().max(1)) {
            self.endpoint.suspend(token);
        }
        self.settle();
    }

    /// Everything ends: then nothing is left.
    pub(super) fn rest(&mut self) {
        while !self.running.is_empty() || self.take(true) {
            self.complete(0, Finished::Reply(Bytes::new().into()));
        }
        for _ in 0..8 {
            self.pass(self.config.lease / 2);
            while self.take(true) {
                self.complete(0, Finished::Reply(Bytes::new().into()));
            }
        }
        let told = self.endpoint.statistics();
        let left = (told.sessions, told.queued, told.reply_bytes, told.assembly_bytes);
        assert_eq!(left, (0, 0, 0, 0), "S27: sessions, calls, replies, arguments");
        assert_eq!(self.endpoint.footprint(), 0, "S27: entries of queues");
    }
}

/// What a handler may give.
pub(super) fn finished(input: &mut Input<'_>) -> Finished {
    let text = || "on purpose".to_owned();
    match input.below(16) {
        0 => Finished::Unencodable { detail: text() },
        1 => Finished::Nothing,
        2 => Finished::Panicked { message: text() },
        3 => Finished::Dropped,
        _ => {
            let length = input.pick(&[8, 0, 1000, 1168, 1169, 5000, 5001, 40_000]);
            let fill = input.u8();
            let body: Vec<u8> = (0..length).map(|at: usize| (at as u8) ^ fill).collect();
            Finished::Reply(Bytes::from(body).into())
        }
    }
}

/// A time that may pass, from nothing to more than a lease.
pub(super) fn duration(input: &mut Input<'_>) -> Duration {
    let unit = input.pick(&[0, 1, 300, 1_000, 20_000, 300_000, 1_000_000, 5_000_000, 40_000_000]);
    Duration::from_micros(unit) + Duration::from_micros(unit / 256) * input.u8().into()
}

/// The addresses that send. The first two are behind one address.
pub(super) fn address(index: usize) -> SocketAddr {
    const ADDRESSES: [([u8; 4], u16); 4] =
        [([192, 0, 2, 1], 700), ([192, 0, 2, 1], 701), ([192, 0, 2, 2], 700), ([127, 0, 0, 1], 9)];
    SocketAddr::from(ADDRESSES[index % ADDRESSES.len()])
}
