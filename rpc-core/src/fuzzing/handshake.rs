//! Two clients and a server, whose datagrams are lost, repeated, bent and sent from elsewhere by whoever
//! gives the bytes. When that ends, both clients get sessions and their calls are answered.

use core::time::Duration;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::host::{self, INTERFACE, SIGNATURE, ServerHost, address};
use super::input::Input;
use super::mutation::{bent, given};
use super::server::echo;
use crate::config::{ClientConfig, MessageLimits, ServerConfig};
use crate::endpoint::client::{CallKey, NewCall};
use crate::endpoint::{ClientEndpoint, Machine};
use crate::sim::{Random, VirtualClock};
use crate::time::{Clock, Timestamp};
use crate::wire::handshake as messages;
use crate::wire::{Header, Kind};

/// How many datagrams are on their way, and how many are remembered.
const REMEMBERED: usize = 64;

struct Client {
    endpoint: ClientEndpoint,
    address: SocketAddr,
    /// The nonces of its handshakes.
    nonces: BTreeSet<u128>,
}

struct Run<'a> {
    input: Input<'a>,
    clock: Arc<VirtualClock>,
    server: ServerHost,
    clients: [Client; 2],
    /// From whom, to whom, and what.
    in_transit: Vec<(SocketAddr, SocketAddr, Bytes)>,
    past: Vec<(SocketAddr, SocketAddr, Bytes)>,
    restarts: u64,
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 9], 1000))
}

fn config() -> ServerConfig {
    ServerConfig { maximum_sessions: 4, maximum_sessions_per_source: 3, ..host::config() }
}

/// Each step is a datagram's fate, time, or a command.
///
/// # Panics
/// If something does not hold.
pub fn handshake(bytes: &[u8]) {
    let clock = Arc::new(VirtualClock::default());
    clock.advance(Timestamp::from_nanos(1));
    let client = |index: usize| Client {
        endpoint: ClientEndpoint::new(
            ClientConfig::default(),
            vec![server_address()],
            Box::new(Random::new(10 + index as u64)),
            clock.now(),
        ),
        address: address(index),
        nonces: BTreeSet::new(),
    };
    let mut run = Run {
        input: Input::new(bytes),
        server: ServerHost::new(config(), clock.clone(), 1),
        clients: [client(0), client(1)],
        clock,
        in_transit: Vec::new(),
        past: Vec::new(),
        restarts: 0,
    };
    run.clients.iter_mut().for_each(|client| client.endpoint.connect(Timestamp::from_nanos(1)));
    while !run.input.is_empty() {
        run.step();
        run.collect();
    }
    run.heal();
}

impl Run<'_> {
    fn step(&mut self) {
        let what = self.input.u8();
        let which = usize::from(what >> 5);
        match what & 0x1F {
            0..=11 => self.deliver(which, |_, _| {}),
            12..=13 => {
                if which < self.in_transit.len() {
                    self.in_transit.remove(which);
                }
            }
            14..=17 => self.deliver(which, |input, (_, _, datagram)| {
                *datagram = Bytes::from(bent(input, datagram));
            }),
            18..=19 => self.deliver(which, |input, (from, _, _)| *from = address(input.below(4))),
            20..=21 => {
                let again = usize::from(self.input.u8()) % self.past.len().max(1);
                if let Some(packet) = self.past.get(again).cloned() {
                    self.in_transit.push(packet);
                }
            }
            22 => {
                let datagram = given(&mut self.input, 0);
                self.server.receive(address(which), datagram);
            }
            23..=26 => {
                let duration = host::duration(&mut self.input);
                self.pass(duration);
            }
            27..=28 => {
                let _key = self.submit(which % 2);
            }
            _ => self.command(which),
        }
    }

    fn command(&mut self, which: usize) {
        match self.input.u8() {
            0..=0x1F => {
                self.restarts += 1;
                let seed = 1 + self.restarts;
                self.server = ServerHost::new(config(), self.clock.clone(), seed);
            }
            0x20..=0x5F => self.clients[which % 2].address = address(self.input.below(4)),
            0x60..=0x6F => self.server.endpoint.say_goodbye(),
            _ => {
                self.server.take(true);
                self.server.complete(0, echo());
            }
        }
    }

    fn submit(&mut self, which: usize) -> CallKey {
        let call = NewCall {
            interface: INTERFACE,
            method: 1,
            signature: SIGNATURE,
            is_idempotent: false,
            is_oneway: false,
            limits: MessageLimits::default(),
            deadline: Some(Duration::from_secs(10)),
            body: Bytes::from_static(b"hello").into(),
            fault: None,
        };
        self.clients[which].endpoint.submit(self.clock.now(), call)
    }

    /// Takes what everybody has to send.
    fn collect(&mut self) {
        let now = self.clock.now();
        self.server.run_timers();
        let answers = core::mem::take(&mut self.server.outgoing);
        let answers = answers.into_iter().map(|(to, datagram)| (server_address(), to, datagram));
        let mut packets: Vec<_> = answers.collect();
        for client in &mut self.clients {
            loop {
                let mut out = Vec::new();
                let Some(transmit) = client.endpoint.poll_transmit(now, &mut out) else { break };
                let (header, body) = Header::parse(&out).expect("what it sends is well formed");
                if header.kind == Kind::Hello {
                    client.nonces.extend(messages::parse_hello(body));
                }
                packets.push((client.address, transmit.to, Bytes::from(out)));
            }
            while client.endpoint.poll_finished().is_some() {}
            let told = client.endpoint.statistics();
            let sessions = told.sessions_opened + told.sessions_resumed;
            // Else an old WELCOME could set back the state of a session that is in use.
            assert!(sessions <= client.nonces.len() as u64, "one WELCOME for each nonce");
            let faults = client.endpoint.audit(now);
            assert!(faults.is_empty(), "S16: a client is not what it counts: {faults:?}");
        }
        for packet in packets {
            if self.past.len() < REMEMBERED {
                self.past.push(packet.clone());
            }
            self.in_transit.push(packet);
        }
        let excess = self.in_transit.len().saturating_sub(REMEMBERED);
        self.in_transit.drain(..excess);
    }

    fn deliver(
        &mut self,
        which: usize,
        change: impl FnOnce(&mut Input<'_>, &mut (SocketAddr, SocketAddr, Bytes)),
    ) {
        if which >= self.in_transit.len() {
            return;
        }
        let mut packet = self.in_transit.remove(which);
        change(&mut self.input, &mut packet);
        let now = self.clock.now();
        let (from, to, datagram) = packet;
        if to == server_address() {
            self.server.receive(from, datagram.to_vec());
        }
        for client in self.clients.iter_mut().filter(|client| client.address == to) {
            client.endpoint.handle_datagram(now, from, None, &datagram);
        }
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.clock.now() + duration;
        for _ in 0..200 {
            let clients = self.clients.iter().filter_map(|client| client.endpoint.poll_timeout());
            let Some(due) = clients.min().filter(|&due| due < end) else { break };
            let step = due.since(self.clock.now());
            self.server.pass(step);
            self.run_timers();
            self.collect();
        }
        let rest = end.since(self.clock.now());
        self.server.pass(rest);
        self.run_timers();
    }

    fn run_timers(&mut self) {
        let now = self.clock.now();
        self.clients.iter_mut().for_each(|client| client.endpoint.handle_timeout(now));
    }

    /// Nothing is lost any more, and what lies behind is over: calls are answered.
    fn heal(&mut self) {
        self.in_transit.clear();
        for (index, client) in self.clients.iter_mut().enumerate() {
            client.address = address(index);
        }
        while self.server.take(true) {}
        for _ in 0..16 {
            self.server.complete(0, echo());
        }
        // Two leases, so that sessions which nobody uses are over.
        for _ in 0..8 {
            self.pass(Duration::from_secs(10));
            self.collect();
            self.in_transit.clear();
        }
        // A bent WELCOME may have left wrong limits behind: the first call finds that out.
        self.call_both();
        let keys = self.call_both();
        for (client, key) in self.clients.iter().zip(keys) {
            let completion = client.endpoint.completion(key);
            let is_answered = completion.is_some_and(|it| it.as_deref() == Ok(b"echo"));
            assert!(is_answered, "L6: {completion:?}");
        }
    }

    /// Both clients make a call, and there is time for it.
    fn call_both(&mut self) -> [CallKey; 2] {
        let keys = [0, 1].map(|which| self.submit(which));
        for _ in 0..200 {
            self.collect();
            while !self.in_transit.is_empty() {
                self.deliver(0, |_, _| {});
                while self.server.take(true) {
                    self.server.complete(0, echo());
                }
                self.collect();
            }
            let mut both = self.clients.iter().zip(keys);
            if both.all(|(client, key)| client.endpoint.completion(key).is_some()) {
                break;
            }
            self.pass(Duration::from_millis(50));
        }
        keys
    }
}
